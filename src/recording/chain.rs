//! A recording's segments: their names, their sizes, and which comes next.

use super::format::{
    ENTRY_BYTES, HEADER_BYTES, Header, Layout, Texts, WallClock, round_up_to_page,
};
use super::segment::{SegmentFile, in_the_way, no_folder};
use crate::clock::Clock;
use crate::error::Error;
use crate::format::Geometry;
use crate::source::FrameIdRule;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

/// What is known of a recording before its first frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The first frame's.
    pub geometry: Geometry,
    /// The largest payload that the source could have, in bytes; 0: unknown.
    pub max_payload_bytes: u64,
    /// How the device numbers its frames.
    pub id_rule: FrameIdRule,
    /// When recording begins, on both clocks.
    pub started: WallClock,
    /// What is told in words.
    pub texts: Texts,
}

/// How large segments are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Bytes of a segment, at most; a segment has room for one frame at least.
    pub segment_bytes: u64,
    /// Frames of the whole recording, where that is known: nothing more is reserved.
    pub frames: Option<u64>,
    /// Events of a segment, 1 to 2^20; one that is full is followed by the next.
    pub events: u64,
    /// Payloads go past the page cache where the file system allows it.
    pub direct: bool,
}

impl Rule {
    /// Bytes of a segment where nobody says: 2 GiB.
    pub const DEFAULT_SEGMENT_BYTES: u64 = 2 << 30;
    /// Events of a segment where nobody says.
    pub const DEFAULT_EVENTS: u64 = 4096;
}

impl Default for Rule {
    fn default() -> Self {
        Rule {
            segment_bytes: Self::DEFAULT_SEGMENT_BYTES,
            frames: None,
            events: Self::DEFAULT_EVENTS,
            direct: true,
        }
    }
}

/// The host fact of a recording whose segments do not all stay.
pub(super) const KEPT: &str = "kept";

/// The name of segment `number` of the recording `base`: `a.flr`, `a.0001.flr`, ...
pub fn segment_path(base: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return base.into();
    }
    let mut name = base.file_stem().unwrap_or_default().to_os_string();
    name.push(format!(".{number:04}."));
    name.push(base.extension().unwrap_or_default());
    base.with_file_name(name)
}

/// The recording that the file `path`, segment `number`, belongs to, and the number that its name has.
pub(super) fn base_of(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match stem.strip_suffix(&format!(".{number:04}")) {
        Some(stem) if number > 0 => {
            let mut name = std::ffi::OsString::from(stem);
            if let Some(extension) = path.extension() {
                name.push(".");
                name.push(extension);
            }
            path.with_file_name(name)
        }
        _ => path.into(),
    }
}

/// Whether a recording can begin at `base`: the name is one, and no file of an earlier one lies in its way.
pub(crate) fn check_free(base: &Path) -> Result<(), Error> {
    let name = base.display();
    if base.is_dir() {
        return Err(Error::config(format!(
            "{name} is a folder; name a file in it, such as line.flr"
        )));
    }
    if base.extension().is_none() {
        return Err(Error::config(format!("{name} has no extension; call it {name}.flr")));
    }
    let first = base.symlink_metadata().is_ok().then(|| base.to_path_buf());
    let next = || super::reader::siblings(base).into_iter().next().map(|(_, path)| path);
    if let Some(other) = first.or_else(next) {
        return Err(in_the_way(&other));
    }
    let folder = base.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.metadata().is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
        return Err(no_folder(base));
    }
    Ok(())
}

/// Makes the segments of one recording, one after another.
#[derive(Debug)]
pub(super) struct Chain {
    base: PathBuf,
    /// What errors call it.
    called: PathBuf,
    head: Head,
    rule: Rule,
    identity: [u8; 16],
    next: u32,
    /// Frames are recorded as they come: each segment says what time it was when it was made.
    live: bool,
}

impl Chain {
    /// A recording at `base`. Files of an earlier one that lie in its way are an error.
    pub fn new(base: &Path, head: Head, rule: Rule) -> Result<Chain, Error> {
        check_free(base)?;
        let mut identity = [0; 16];
        for (i, half) in identity.chunks_mut(8).enumerate() {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u64(head.started.unix_ns ^ i as u64);
            half.copy_from_slice(&hasher.finish().to_le_bytes());
        }
        let (base, called) = (base.into(), base.into());
        Ok(Chain { base, called, head, rule, identity, next: 0, live: false })
    }

    /// Errors tell of it under another name: that which it is to get.
    pub fn called(mut self, name: &Path) -> Chain {
        self.called = name.into();
        self
    }

    /// Tells the calendar time anew with each segment: over months the host's clock and the calendar part.
    pub fn recorded_live(mut self) -> Chain {
        self.live = true;
        self
    }

    /// Makes the next segment, for payloads of at most `payload_bytes`. `written`: frames of the segments before.
    pub fn open_next(&mut self, payload_bytes: u64, written: u64) -> Result<SegmentFile, Error> {
        let layout = self.layout(payload_bytes, written).ok_or_else(|| {
            Error::config(format!(
                "a recording cannot hold frames of {payload_bytes} bytes, {} at most; ask for less",
                super::format::MAX_PAYLOAD_BYTES
            ))
        })?;
        let path = segment_path(&self.base, self.next);
        let header = Header {
            layout,
            segment: self.next,
            identity: self.identity,
            started: match self.live {
                true => WallClock::at(Clock::host().now()),
                false => self.head.started,
            },
            geometry: self.head.geometry,
            max_payload_bytes: self.head.max_payload_bytes,
            id_rule: self.head.id_rule,
            texts: self.head.texts.clone(),
        };
        let called = segment_path(&self.called, self.next);
        let file = SegmentFile::create(&path, &called, header, self.rule.direct)?;
        self.next += 1;
        Ok(file)
    }

    /// What errors call the segment made last.
    pub fn name_of_last(&self) -> PathBuf {
        segment_path(&self.called, self.next.saturating_sub(1))
    }

    /// Takes back the segment made last, of which nothing was written.
    pub fn undo(&mut self, file: SegmentFile) {
        let _ = std::fs::remove_file(file.path());
        self.next -= 1;
    }

    fn layout(&self, payload_bytes: u64, written: u64) -> Option<Layout> {
        let payload = payload_bytes.max(1);
        let each = round_up_to_page(payload)?.checked_add(ENTRY_BYTES)?;
        let events = self.rule.events.clamp(1, super::format::MAX_EVENTS);
        let fixed = HEADER_BYTES + events * super::format::EVENT_BYTES;
        let fit = self.rule.segment_bytes.saturating_sub(fixed) / each;
        let left = self.rule.frames.map_or(u64::MAX, |n| n.saturating_sub(written));
        Layout::new(payload, fit.min(left).clamp(1, super::format::MAX_FRAMES), events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_segments_lead_back_to_the_recording() {
        // Catches a recording whose next segment is looked for under another name than it was given.
        for base in ["/a/b.flr", "/a/b.rec", "c.0001.flr"] {
            for number in [0, 1, 9999, 10000] {
                let path = segment_path(Path::new(base), number);
                assert_eq!(base_of(&path, number), Path::new(base), "{}", path.display());
            }
        }
        assert_eq!(segment_path(Path::new("/a/b.flr"), 7), Path::new("/a/b.0007.flr"));
    }
}

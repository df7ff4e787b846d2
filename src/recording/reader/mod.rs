//! Reads recordings by ordinary reads. Nothing is mapped and nothing believed.

mod one;

pub use one::Segment;

use super::chain::base_of;
use super::format::{End, Entry, EntryFault, Event, Header};
use crate::error::Error;
use crate::words::counted;
use one::comes_of_limit;
use std::io;
use std::path::{Path, PathBuf};

/// How often the folder is looked through again for segments that were made meanwhile.
const LOOKS: usize = 100;

/// Files beside `base` that have a segment's name, by their numbers.
pub(super) fn siblings(base: &Path) -> Vec<(u32, PathBuf)> {
    let folder = base.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stem = format!("{}.", base.file_stem().unwrap_or_default().to_string_lossy());
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let digits = name.strip_prefix(&stem).filter(|d| d.len() >= 4);
        let number = digits.and_then(|d| d.parse::<u32>().ok()).filter(|n| *n > 0);
        if let Some(number) = number
            && path.extension() == base.extension()
        {
            let name = path.file_name().unwrap_or_default();
            found.push((number, base.with_file_name(name)));
        }
    }
    found.sort();
    found
}

fn gone_before(segments: u32, path: &Path) -> String {
    let verb = if segments == 1 { "is" } else { "are" };
    format!("{} before {} {verb} gone", counted(segments.into(), "segment"), path.display())
}

/// The segments that are gone from between others, or behind them.
fn lost_segments(segments: &[Segment]) -> Vec<String> {
    if segments[0].is_one_of_some() {
        return Vec::new();
    }
    let mut lost = Vec::new();
    for pair in segments.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        let between = after.header.segment - before.header.segment - 1;
        if between > 0 {
            lost.push(gone_before(between, &after.path));
        }
    }
    if let Some(last) = segments.last()
        && last.closing.is_some_and(|c| c.end == End::Continued)
    {
        lost.push(format!("the segment after {} is gone", last.path.display()));
    }
    lost
}

/// A sentence for each segment whose texts are damaged. All segments have the same: another's stand for them.
fn damaged_texts(segments: &mut [Segment]) -> Vec<String> {
    let whole = segments.iter().find(|s| s.texts_fault.is_none()).map(|s| s.header.texts.clone());
    let of = |s: &mut Segment| {
        let fault = s.texts_fault.as_ref()?;
        let path = s.path.display();
        Some(match &whole {
            Some(texts) => {
                s.header.texts = texts.clone();
                format!("{path} {fault}; those of another segment stand for them")
            }
            None => format!("{path} {fault}; its source, features and host are not known"),
        })
    };
    segments.iter_mut().filter_map(of).collect()
}

/// Adds the segments that follow the first one, of those that `look` finds beside it; what is there and cannot be read goes to
/// `missing`, each in a sentence.
fn follow(
    segments: &mut Vec<Segment>,
    missing: &mut Vec<String>,
    mut look: impl FnMut() -> Vec<(u32, PathBuf)>,
) -> Result<(), Error> {
    let identity = segments[0].header.identity;
    let mut seen = segments[0].header.segment;
    let mut unreadable = Vec::new();
    for _ in 0..LOOKS {
        let before = seen;
        for (n, path) in look() {
            if n <= seen {
                continue;
            }
            seen = n;
            // One that cannot be read must not cost the others.
            match Segment::open(&path) {
                Ok(next) if next.header.identity == identity && next.header.segment == n => {
                    segments.push(next);
                }
                Ok(_) => {}
                Err(e) if comes_of_limit(&e) => return Err(e),
                // Removed while we looked; where none may be removed, the gap tells it.
                Err(_) if !path.exists() => {}
                Err(e) => unreadable.push(e.to_string()),
            }
        }
        // A recorder may have gone on to a file that was not there when the folder was read.
        let last = segments.last().and_then(|s| s.closing);
        if seen == before || !last.is_some_and(|c| c.end == End::Continued) {
            break;
        }
    }
    // One that is made ahead has no header for a moment.
    if !segments.iter().any(Segment::is_being_written) {
        missing.append(&mut unreadable);
    }
    Ok(())
}

/// A recording: one file, or the segments from one of them on.
#[derive(Debug)]
pub struct Recording {
    segments: Vec<Segment>,
    /// The number of each segment's first frame.
    starts: Vec<u64>,
    frames: u64,
    missing: Vec<String>,
}

impl Recording {
    /// Opens `path` and the segments of the same recording that follow it and lie beside it. Where there is no such file,
    /// as of a recording that kept its last seconds and whose program was killed, it begins with the first one
    /// that bears the name.
    pub fn open(path: impl AsRef<Path>) -> Result<Recording, Error> {
        let path = path.as_ref();
        let gone = path.symlink_metadata().is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
        let rest = if gone { siblings(path) } else { Vec::new() };
        let first = match rest.iter().find_map(|(_, path)| Segment::open(path).ok()) {
            Some(first) => first,
            None => Segment::open(path)?,
        };
        let number = first.header.segment;
        let mut missing = Vec::new();
        if gone && !first.is_one_of_some() {
            missing.push(gone_before(number, &first.path));
        }
        let mut segments = vec![first];
        let base = base_of(path, number);
        follow(&mut segments, &mut missing, || siblings(&base))?;
        missing.extend(damaged_texts(&mut segments));
        missing.extend(lost_segments(&segments));
        let mut frames = 0;
        let starts = segments.iter().map(|s| {
            frames += s.frames;
            frames - s.frames
        });
        let starts = starts.collect();
        Ok(Recording { segments, starts, frames, missing })
    }

    /// Segments that should be there and are not, or cannot be read, each in a sentence. Of a recording that keeps only
    /// its last seconds, or events, segments may be gone.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Its files, in order; never none.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The first segment's header.
    pub fn header(&self) -> &Header {
        &self.segments[0].header
    }

    /// Frames of all segments.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Which segment has frame `n`, and which of its frames it is; `None` beyond the last.
    pub fn locate(&self, n: u64) -> Option<(usize, u64)> {
        if n >= self.frames {
            return None;
        }
        // Empty segments share their start with the next: the last one of that start has the frame.
        let s = self.starts.partition_point(|start| *start <= n) - 1;
        Some((s, n - self.starts[s]))
    }

    /// The number of a segment's first frame.
    pub fn start_of(&self, segment: usize) -> u64 {
        self.starts.get(segment).copied().unwrap_or(self.frames)
    }

    /// All that is known of frame `n`.
    pub fn entry(&self, n: u64) -> Result<Entry, EntryFault> {
        let (s, n) = self.locate(n).ok_or(EntryFault::NotCommitted)?;
        self.segments[s].entry(n)
    }

    /// Reads the valid bytes of frame `n` into `payload`, and checks them.
    pub fn read(&self, n: u64, payload: &mut Vec<u8>) -> Result<Entry, EntryFault> {
        let (s, n) = self.locate(n).ok_or(EntryFault::NotCommitted)?;
        self.segments[s].read(n, payload)
    }

    /// What happened between the frames of all segments; `before_frame` counts the recording's frames.
    pub fn events(&self) -> Result<Vec<Event>, Error> {
        let mut all = Vec::new();
        for (segment, start) in self.segments.iter().zip(&self.starts) {
            let events = segment.events()?.into_iter();
            all.extend(
                events.map(|e| Event { before_frame: e.before_frame.saturating_add(*start), ..e }),
            );
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests;

//! Reads recordings by ordinary reads. Nothing is mapped and nothing believed.

use super::chain::{KEPT, base_of};
use super::format::{
    Broken, CLOSING_BYTES, CLOSING_OFFSET, Closing, ENTRY_BYTES, EVENT_BYTES, End, Entry,
    EntryFault, Event, HEADER_BYTES, Header, Layout, TEXTS_OFFSET, Texts, checksum, parts,
};
use crate::error::{Error, ErrorKind};
use crate::sys;
use crate::words::counted;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Entries that are looked at in one read.
const BATCH: u64 = 4096;
/// How often the folder is looked through again for segments that were made meanwhile.
const LOOKS: usize = 100;

/// One file of a recording.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    file: Arc<File>,
    bytes: u64,
    header: Header,
    /// Why the header's texts cannot be read, where they cannot.
    texts_fault: Option<Broken>,
    closing: Option<Closing>,
    frames: u64,
    being_written: bool,
}

/// The error of a file that cannot be opened or read.
fn unreadable(path: &Path, e: io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::NotFound => {
            Error::config(format!("{}: there is no such file", path.display()))
        }
        _ if is_limit(&e) => {
            let what = format!(
                "{} cannot be opened: the program has as many files open as it may; raise the limit (ulimit -n), or begin with a later segment",
                path.display()
            );
            Error::with_source(ErrorKind::Io, what, e)
        }
        _ => Error::with_source(ErrorKind::Io, format!("{} cannot be read", path.display()), e),
    }
}

/// No more files may be open.
fn is_limit(e: &io::Error) -> bool {
    matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

fn comes_of_limit(e: &Error) -> bool {
    use std::error::Error as _;
    e.source().and_then(|e| e.downcast_ref()).is_some_and(is_limit)
}

/// Reads as many bytes as there are, at most all of `buffer`.
fn read_at_most(file: &File, mut buffer: &mut [u8], mut at: u64) -> io::Result<usize> {
    let mut all = 0;
    while !buffer.is_empty() {
        match file.read_at(buffer, at) {
            Ok(0) => break,
            Ok(n) => {
                buffer = &mut buffer[n..];
                (all, at) = (all + n, at + n as u64);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(all)
}

/// How a file was closed whose first bytes were read as `head`, and whether a writer has it.
fn closing_of(file: &File, head: &[u8], layout: &Layout) -> io::Result<(Option<Closing>, bool)> {
    let at = CLOSING_OFFSET as usize;
    let closing = Closing::decode(&head[at..at + CLOSING_BYTES], layout);
    if closing.is_some() || sys::is_locked(file) {
        return Ok((closing, closing.is_none()));
    }
    // Its writer may have closed it since the first look; a header is written under the lock, so that this one is the last.
    let mut now = [0; CLOSING_BYTES];
    let read = read_at_most(file, &mut now, CLOSING_OFFSET)?;
    Ok((Closing::decode(&now[..read], layout), false))
}

impl Segment {
    /// Opens one file. A file that was closed tells how many frames it has; of another the index is looked through
    /// for what is committed. What cannot be opened is a configuration error, what is no whole recording one of the
    /// source.
    pub fn open(path: impl AsRef<Path>) -> Result<Segment, Error> {
        let path = path.as_ref();
        // Looked at first: a pipe would be waited for.
        let facts = std::fs::metadata(path).map_err(|e| unreadable(path, e))?;
        if !facts.is_file() {
            return Err(Error::config(format!("{} is no file", path.display())));
        }
        let file = File::open(path).map_err(|e| unreadable(path, e))?;
        let facts = file.metadata().map_err(|e| unreadable(path, e))?;
        let broken = |b: Broken| Error::new(ErrorKind::Source, format!("{} {b}", path.display()));
        let mut head = vec![0; HEADER_BYTES as usize];
        let read = read_at_most(&file, &mut head, 0).map_err(|e| unreadable(path, e))?;
        let mut header = Header::decode_fixed(&head[..read]).map_err(broken)?;
        // Damage to what is told in words must not cost a frame.
        let mut texts_fault = None;
        match Texts::decode(&head[TEXTS_OFFSET as usize..]) {
            Ok(texts) => header.texts = texts,
            Err(fault) => texts_fault = Some(fault),
        }
        let (closing, being_written) =
            closing_of(&file, &head, &header.layout).map_err(|e| unreadable(path, e))?;
        let needed = header.layout.data_offset;
        let mut segment = Segment {
            path: path.into(),
            bytes: facts.len(),
            being_written,
            file: Arc::new(file),
            header,
            texts_fault,
            closing,
            frames: 0,
        };
        if segment.bytes < needed {
            return Err(broken(Broken::NoIndex { bytes: segment.bytes, needed }));
        }
        segment.frames = match closing {
            Some(closing) => closing.frames,
            None => segment.last_committed().map_err(|e| unreadable(path, e))?,
        };
        Ok(segment)
    }

    /// One more than the last frame that is committed. Holes before it are left: a lost page of the index must not
    /// cost the frames behind it.
    fn last_committed(&self) -> io::Result<u64> {
        let layout = &self.header.layout;
        let mut page = vec![0; (BATCH * ENTRY_BYTES) as usize];
        let mut frames = 0;
        let mut at = 0;
        while at < layout.frame_capacity {
            // What was reserved and not written, or never there, is not read.
            let Some(data) = sys::next_data(&self.file, layout.entry_offset(at)) else { break };
            at = at.max(data.saturating_sub(layout.index_offset) / ENTRY_BYTES);
            if at >= layout.frame_capacity {
                break;
            }
            let entries = BATCH.min(layout.frame_capacity - at);
            let page = &mut page[..(entries * ENTRY_BYTES) as usize];
            let read = read_at_most(&self.file, page, layout.entry_offset(at))?;
            let committed = page[..read].chunks_exact(ENTRY_BYTES as usize);
            if let Some(last) = committed.enumerate().rfind(|(_, e)| Entry::is_committed(e)) {
                frames = at + last.0 as u64 + 1;
            }
            at += entries;
        }
        Ok(frames)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was known when it was made.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The open file: its name may be gone since.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// How it was closed; `None`: it is being written, or its writer was killed.
    pub fn closing(&self) -> Option<&Closing> {
        self.closing.as_ref()
    }

    /// Bytes that the file had when it was opened.
    pub fn file_bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether it is of a recording whose segments do not all stay.
    fn is_one_of_some(&self) -> bool {
        let kept = |fact: &String| fact.split_once('=').is_some_and(|(name, _)| name == KEPT);
        self.header.texts.host.iter().any(kept)
    }

    /// Whether a writer had it when it was opened.
    pub fn is_being_written(&self) -> bool {
        self.being_written
    }

    /// Its frames. Of a damaged file some of them cannot be read; they say why.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// All that is known of frame `n`. A frame beyond the last is one that was not committed.
    pub fn entry(&self, n: u64) -> Result<Entry, EntryFault> {
        if n >= self.header.layout.frame_capacity {
            return Err(EntryFault::NotCommitted);
        }
        let mut b = [0; ENTRY_BYTES as usize];
        read_at_most(&self.file, &mut b, self.header.layout.entry_offset(n))
            .map_err(|e| EntryFault::Io(e.to_string()))?;
        let mut entry = Entry::decode(&b, &self.header.layout)?;
        let needed = self.payload_offset(n).saturating_add(entry.end_bytes());
        if needed > self.bytes {
            return Err(EntryFault::CutOff { needed, bytes: self.bytes });
        }
        if entry.beside.part_count > 0 {
            self.read_parts(n, &mut entry)?;
        }
        Ok(entry)
    }

    fn read_parts(&self, n: u64, entry: &mut Entry) -> Result<(), EntryFault> {
        let mut table = [0; parts::MAX_TABLE_BYTES];
        let offset = parts::table_offset(entry.payload_bytes);
        let room = self.header.layout.stride.saturating_sub(offset).min(table.len() as u64);
        let table = &mut table[..room as usize];
        let read = read_at_most(&self.file, table, self.payload_offset(n).saturating_add(offset))
            .map_err(|e| EntryFault::Io(e.to_string()))?;
        parts::decode(&table[..read], &mut entry.beside)
    }

    /// Where the payload of frame `n` begins in the file.
    pub fn payload_offset(&self, n: u64) -> u64 {
        self.header.layout.payload_offset(n).unwrap_or(u64::MAX)
    }

    /// Reads the valid bytes of frame `n` into `payload`, in place of what it held, and checks them.
    pub fn read(&self, n: u64, payload: &mut Vec<u8>) -> Result<Entry, EntryFault> {
        let entry = self.entry(n)?;
        // The file has so many bytes: `entry` has looked.
        let length = usize::try_from(entry.payload_bytes)
            .map_err(|_| EntryFault::Impossible("payload length"))?;
        payload.clear();
        // A file with holes may claim more than there is memory.
        payload
            .try_reserve_exact(length)
            .map_err(|_| EntryFault::Io(format!("there is no memory for its {length} bytes")))?;
        payload.resize(length, 0);
        let at = self.payload_offset(n);
        let read =
            read_at_most(&self.file, payload, at).map_err(|e| EntryFault::Io(e.to_string()))?;
        if read < length {
            let needed = at + entry.payload_bytes;
            return Err(EntryFault::CutOff { needed, bytes: at + read as u64 });
        }
        let (stored, computed) = (entry.payload_crc, checksum(payload));
        if stored != computed {
            return Err(EntryFault::Payload { stored, computed });
        }
        Ok(entry)
    }

    /// What happened between its frames, in the order in which it was written. Events that are damaged are left
    /// out.
    pub fn events(&self) -> Result<Vec<Event>, Error> {
        let layout = &self.header.layout;
        let events = self.closing.map_or(layout.event_capacity, |c| c.events);
        let mut bytes = vec![0; (events * EVENT_BYTES) as usize];
        let read = read_at_most(&self.file, &mut bytes, layout.event_offset(0))
            .map_err(|e| unreadable(&self.path, e))?;
        Ok(bytes[..read].chunks_exact(EVENT_BYTES as usize).filter_map(Event::decode).collect())
    }
}

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
#[path = "reader_tests.rs"]
mod tests;

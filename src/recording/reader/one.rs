//! One file of a recording, read by ordinary reads. Nothing of it is believed.

use crate::error::{Error, ErrorKind};
use crate::recording::chain::KEPT;
use crate::recording::format::{
    Broken, CLOSING_BYTES, CLOSING_OFFSET, Closing, ENTRY_BYTES, EVENT_BYTES, Entry, EntryFault,
    Event, HEADER_BYTES, Header, Layout, TEXTS_OFFSET, Texts, checksum, parts,
};
use crate::sys;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Entries that are looked at in one read.
const BATCH: u64 = 4096;
/// Bytes that are looked at in one read where nobody knows what they are.
const PIECE_BYTES: usize = 1 << 20;

/// One file of a recording.
#[derive(Debug)]
pub struct Segment {
    pub(super) path: PathBuf,
    file: Arc<File>,
    bytes: u64,
    pub(super) header: Header,
    /// Why the header's texts cannot be read, where they cannot.
    pub(super) texts_fault: Option<Broken>,
    pub(super) closing: Option<Closing>,
    pub(super) frames: u64,
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

pub(super) fn comes_of_limit(e: &Error) -> bool {
    use std::error::Error as _;
    e.source().and_then(|e| e.downcast_ref()).is_some_and(is_limit)
}

/// Reads as many bytes as there are, at most all of `buffer`.
pub(super) fn read_at_most(file: &File, mut buffer: &mut [u8], mut at: u64) -> io::Result<usize> {
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

/// Whether there is nothing but zeros in a file that begins with `head`. What was reserved and never written is not read.
fn is_blank(file: &File, head: &[u8]) -> io::Result<bool> {
    let is_zero = |b: &[u8]| b.iter().all(|b| *b == 0);
    let mut at = head.len() as u64;
    if head.is_empty() || !is_zero(head) {
        return Ok(false);
    }
    let mut piece = vec![0; PIECE_BYTES];
    while let Some(data) = sys::next_data(file, at) {
        match read_at_most(file, &mut piece, data)? {
            0 => break,
            n if is_zero(&piece[..n]) => at = data + n as u64,
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// How a file was closed whose first bytes were read as `head`, and whether a writer has it.
pub(super) fn closing_of(
    file: &File,
    head: &[u8],
    layout: &Layout,
) -> io::Result<(Option<Closing>, bool)> {
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
        let mut header = match Header::decode_fixed(&head[..read]) {
            Ok(header) => header,
            Err(Broken::NotARecording)
                if is_blank(&file, &head[..read]).map_err(|e| unreadable(path, e))? =>
            {
                // The lock comes before the zeros, and the header behind them.
                let being_written = sys::is_locked(&file);
                return Err(broken(Broken::Reserved { bytes: facts.len(), being_written }));
            }
            Err(b) => return Err(broken(b)),
        };
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
    pub(super) fn is_one_of_some(&self) -> bool {
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

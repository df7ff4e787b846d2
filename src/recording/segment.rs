//! One file that is being written: made and reserved, filled in order, closed.

use super::format::{CLOSING_OFFSET, Closing, ENTRY_BYTES, Event, Header};
use crate::error::{Error, ErrorKind};
use crate::sys;
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The error of a file that is there and must not be.
pub(super) fn in_the_way(path: &Path) -> Error {
    Error::config(format!(
        "{} exists already and recordings are never written over; remove it or give another name",
        path.display()
    ))
}

/// The error of a file in a folder that is not there.
pub(super) fn no_folder(path: &Path) -> Error {
    Error::config(format!("{} cannot be made: there is no such folder", path.display()))
}

/// A file that is being written. Its owner says in which order; see [`format`](super::format).
///
/// Payloads go past the page cache where the file system lets them (`direct`); index and events go through it, so
/// that a commit costs no wait for the disk and other processes see it at once.
#[derive(Debug)]
pub(super) struct SegmentFile {
    path: PathBuf,
    file: File,
    direct: Option<File>,
    header: Header,
}

impl SegmentFile {
    /// Makes the file, which must not exist, with room for all that it may hold. Errors tell of it as `called`.
    pub fn create(
        path: &Path,
        called: &Path,
        header: Header,
        direct: bool,
    ) -> Result<SegmentFile, Error> {
        let cannot = |what: &str, e: io::Error| {
            Error::with_source(ErrorKind::Io, format!("{} {what}", called.display()), e)
        };
        let opened = OpenOptions::new().read(true).write(true).create_new(true).open(path);
        let file = opened.map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => in_the_way(called),
            io::ErrorKind::NotFound => no_folder(called),
            _ => cannot("cannot be made", e),
        })?;
        let bytes = header.layout.file_bytes(header.layout.frame_capacity);
        let made = Self::fill(&file, &header, bytes).map_err(|e| match e.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT) => Error::with_source(
                ErrorKind::Io,
                format!(
                    "there is no room for the {bytes} bytes of {}; free some, or ask for fewer frames or smaller segments",
                    called.display()
                ),
                e,
            ),
            Some(libc::EFBIG) => Error::new(
                ErrorKind::Io,
                format!(
                    "{bytes} bytes are more than a file may have where {} is to lie; ask for smaller segments",
                    called.display()
                ),
            ),
            _ => cannot("cannot be written", e),
        });
        if let Err(e) = made {
            let _ = std::fs::remove_file(path);
            return Err(e);
        }
        let direct = direct.then(|| {
            let mut options = OpenOptions::new();
            options.write(true).custom_flags(libc::O_DIRECT).open(path).ok()
        });
        Ok(SegmentFile { path: path.into(), file, direct: direct.flatten(), header })
    }

    fn fill(file: &File, header: &Header, bytes: u64) -> io::Result<()> {
        // Nobody else can have it yet, save a look whether it is locked: then it is known as unlocked for a while.
        sys::lock_exclusively(file);
        match sys::reserve(file, bytes) {
            // A file system that cannot reserve: a full disk ends the recording then, as an error of a write.
            Err(e) if e.raw_os_error() == Some(libc::EOPNOTSUPP) => {
                file.set_len(bytes)?;
                // And is an event of it, which must find its place then.
                let events = header.layout.event_offset(0)..header.layout.index_offset;
                let zeros = vec![0; (events.end - events.start) as usize];
                file.write_all_at(&zeros, events.start)?;
            }
            other => other?,
        }
        file.write_all_at(&header.encode(), 0)
    }

    /// The same with `file` where index and events go: a disk that fails.
    #[cfg(test)]
    pub fn with_index(self, file: File) -> SegmentFile {
        SegmentFile { file, ..self }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Writes the payload of frame `n`, which is not committed yet. With `aligned` all parts begin and end on whole
    /// pages, so that they may go past the page cache.
    pub fn write_payload(&self, n: u64, parts: &[IoSlice<'_>], aligned: bool) -> io::Result<()> {
        let at = self.header.layout.payload_offset(n).ok_or(io::ErrorKind::InvalidInput)?;
        match &self.direct {
            Some(direct) if aligned => sys::write_all_at(direct, parts, at),
            _ => sys::write_all_at(&self.file, parts, at),
        }
    }

    /// Whether payloads go past the page cache.
    pub fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    /// Makes the file's name and header durable. Blocks for as long as the disk takes.
    pub fn sync_name(&self) -> io::Result<()> {
        self.file.sync_data()?;
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Makes what is committed durable. Blocks for as long as the disk takes.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Commits frames from `first` on, whose payloads are written: their encoded entries. Returns how many of them are
    /// committed, and what kept the others from it.
    pub fn commit(&self, first: u64, entries: &[u8]) -> (u64, io::Result<()>) {
        debug_assert!((entries.len() as u64).is_multiple_of(ENTRY_BYTES));
        let at = self.header.layout.entry_offset(first);
        let mut written = 0;
        let result = loop {
            if written == entries.len() {
                break Ok(());
            }
            match self.file.write_at(&entries[written..], at + written as u64) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => written += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => break Err(e),
            }
        };
        (written as u64 / ENTRY_BYTES, result)
    }

    /// Writes event `k`.
    pub fn put_event(&self, k: u64, event: &Event) -> io::Result<()> {
        self.file.write_all_at(&event.encode(), self.header.layout.event_offset(k))
    }

    /// Gives back what was reserved for frames from number `frames` on.
    pub fn trim(&self, frames: u64) -> io::Result<()> {
        self.file.set_len(self.header.layout.file_bytes(frames))
    }

    /// Gives back what was reserved and not used, and closes the file.
    pub fn close(&self, closing: &Closing) -> io::Result<()> {
        self.trim(closing.frames)?;
        // What the closing record tells of must be there before it.
        self.file.sync_data()?;
        self.file.write_all_at(&closing.encode(), CLOSING_OFFSET)?;
        self.file.sync_data()
    }
}

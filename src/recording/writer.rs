//! Writes a recording in plain calls on the caller's thread: for conversions, repair and tests. A line records
//! through a stage.

use super::chain::{Chain, Head, Rule};
use super::format::{Closing, End, Entry, Event, checksum, parts};
use super::segment::SegmentFile;
use crate::clock::HostTime;
use crate::error::{Error, ErrorKind};
use std::io::IoSlice;
use std::path::Path;

/// Writes one recording. Ended by [`finish`](Writer::finish); one that is dropped without it is left as a killed
/// writer leaves it.
#[derive(Debug)]
pub struct Writer {
    chain: Chain,
    file: SegmentFile,
    /// Frames and events of the present segment.
    frames: u64,
    events: u64,
    not_written: u64,
    /// Frames of the segments before.
    before: u64,
    last: HostTime,
}

impl Writer {
    /// Makes the recording's first file, which must not exist, for payloads of `payload_bytes`. Larger ones that come
    /// later begin a new segment.
    pub fn create(
        path: impl AsRef<Path>,
        head: Head,
        payload_bytes: u64,
        rule: Rule,
    ) -> Result<Writer, Error> {
        let path = path.as_ref();
        Writer::create_as(path, path, head, payload_bytes, rule)
    }

    /// The same at a name that it has only meanwhile: errors tell of it as `called`.
    pub fn create_as(
        path: &Path,
        called: &Path,
        head: Head,
        payload_bytes: u64,
        rule: Rule,
    ) -> Result<Writer, Error> {
        let last = head.started.host;
        let rule = Rule { direct: false, ..rule };
        let mut chain = Chain::new(path, head, rule)?.called(called);
        let file = chain.open_next(payload_bytes, 0)?;
        Ok(Writer { chain, file, frames: 0, events: 0, not_written: 0, before: 0, last })
    }

    /// Writes one frame and commits it. Of `entry` the length and the checksum of the payload are filled in here.
    pub fn push(&mut self, entry: &Entry, payload: &[u8]) -> Result<(), Error> {
        let bytes = payload.len() as u64;
        let layout = self.file.header().layout;
        let entry = Entry { payload_bytes: bytes, payload_crc: checksum(payload), ..*entry };
        if !layout.fits(bytes, entry.end_bytes()) || self.frames == layout.frame_capacity {
            self.roll(entry.end_bytes().max(layout.payload_capacity))?;
        }
        let table = parts::encode(&entry.beside);
        let gap = parts::table_offset(bytes) - bytes;
        let gap = &[0; 8][..if table.is_empty() { 0 } else { gap as usize }];
        let written = [IoSlice::new(payload), IoSlice::new(gap), IoSlice::new(&table)];
        self.file
            .write_payload(self.frames, &written, false)
            .and_then(|()| self.file.commit(self.frames, &entry.encode()).1)
            .map_err(|e| self.cannot(e))?;
        self.frames += 1;
        self.not_written += u64::from(entry.not_written);
        self.last = entry.meta.host_time;
        Ok(())
    }

    /// Writes what happened before the next frame; `before_frame` is filled in here.
    pub fn event(&mut self, event: &Event) -> Result<(), Error> {
        if self.events == self.file.header().layout.event_capacity {
            self.roll(self.file.header().layout.payload_capacity)?;
        }
        let event = Event { before_frame: self.frames, ..*event };
        self.file.put_event(self.events, &event).map_err(|e| self.cannot(e))?;
        self.events += 1;
        Ok(())
    }

    /// Frames written so far.
    pub fn frames(&self) -> u64 {
        self.before + self.frames
    }

    /// Closes the recording.
    pub fn finish(self, end: End) -> Result<(), Error> {
        self.close(end)
    }

    fn roll(&mut self, payload_bytes: u64) -> Result<(), Error> {
        self.close(End::Continued)?;
        self.file = self.chain.open_next(payload_bytes, self.before + self.frames)?;
        self.before += self.frames;
        (self.frames, self.events, self.not_written) = (0, 0, 0);
        Ok(())
    }

    fn close(&self, end: End) -> Result<(), Error> {
        let closing = Closing {
            frames: self.frames,
            events: self.events,
            not_written: self.not_written,
            host_time: self.last,
            end,
        };
        self.file.close(&closing).map_err(|e| self.cannot(e))
    }

    fn cannot(&self, e: std::io::Error) -> Error {
        let path = self.chain.name_of_last();
        let path = path.display();
        match e.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT) => {
                Error::new(ErrorKind::Io, format!("the disk of {path} is full"))
            }
            _ => Error::with_source(ErrorKind::Io, format!("{path} cannot be written"), e),
        }
    }
}

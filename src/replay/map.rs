//! The recording's files, mapped privately: what frames of a replay point into.
#![allow(unsafe_code)]

use super::guard::Watched;
use crate::buffer::{FrameMut, Keep};
use crate::error::{Error, ErrorKind};
use crate::recording::Segment;
use crate::recording::format::PAGE_BYTES;
use memmap2::{Advice, MmapOptions, MmapRaw, UncheckedAdvice};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::Arc;

/// One file.
#[derive(Debug)]
struct Mapped {
    /// Unregistered before the mapping goes: fields are dropped in this order.
    watched: Watched,
    map: MmapRaw,
    file: Arc<File>,
    bytes: u64,
}

/// All files of a recording.
#[derive(Debug)]
pub(super) struct Maps {
    files: Vec<Mapped>,
}

impl Maps {
    /// Maps the files. Costs address space, and memory only as frames are read.
    pub fn new(segments: &[Segment]) -> Result<Arc<Maps>, Error> {
        let mut files = Vec::new();
        for segment in segments {
            let cannot = |e: std::io::Error| {
                let path = segment.path().display();
                Error::with_source(ErrorKind::Io, format!("{path} cannot be mapped"), e)
            };
            // The file that was opened, not its name: a ring may have removed that since.
            let file = segment.file().clone();
            // Only what is replayed: a writer that closes the file rightly gives back what it did not use. Nothing of it
            // counts as memory that must be there: a recording may be larger than all of it.
            let layout = &segment.header().layout;
            let end = layout.file_bytes(segment.frames()).min(segment.file_bytes());
            let length =
                usize::try_from(end).map_err(|_| cannot(std::io::ErrorKind::OutOfMemory.into()))?;
            let mut options = MmapOptions::new();
            options.len(length).no_reserve_swap();
            // SAFETY: the pages are never seen as a Rust reference that outlives a lent frame; what another process
            // writes into the file meanwhile changes bytes that nobody relies on, as a camera's DMA would; what it
            // cuts off is caught by `guard`.
            let map = unsafe { options.map_copy(&*file) }.map_err(cannot)?;
            let map = MmapRaw::from(map);
            let watched = Watched::new(map.as_ptr(), map.len())?;
            files.push(Mapped { watched, bytes: map.len() as u64, map, file });
        }
        Ok(Arc::new(Maps { files }))
    }

    /// What a lending pool must be made with.
    pub fn keep(self: &Arc<Self>) -> Keep {
        self.clone()
    }

    /// Whether a file is shorter than it was, or a page could not be read.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock; one system call.
    pub fn is_torn(&self, file: usize) -> bool {
        let f = &self.files[file];
        f.watched.is_torn() || f.file.metadata().is_ok_and(|now| now.len() < f.bytes)
    }

    /// Whether a page of a file could not be read, and zeros stand in its place.
    ///
    /// # Real-time
    /// Any thread. Free.
    pub fn has_zeros(&self, file: usize) -> bool {
        self.files[file].watched.is_torn()
    }

    /// Whether any page of any file could not be read.
    pub fn was_torn(&self) -> bool {
        self.files.iter().any(|f| f.watched.is_torn())
    }

    /// Points `frame` at `bytes` bytes at `offset` of `file`. `false`: they do not lie within the file, or the frame's
    /// pool was not made with [`keep`](Self::keep).
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    pub fn lend(
        self: &Arc<Self>,
        keep: &Keep,
        file: usize,
        offset: u64,
        bytes: u64,
        token: u64,
        frame: &mut FrameMut,
    ) -> bool {
        let Some((start, length)) = self.place(file, offset, bytes) else { return false };
        if !frame.keeps(keep) {
            return false;
        }
        // SAFETY: the bytes lie within the mapping, which the frame's pool keeps alive; the source lends no payload
        // again before it was given back, and nobody else writes to the mapping.
        unsafe { frame.lend(start, length, token) };
        true
    }

    /// Takes the memory out of the frame.
    pub fn take_back(frame: &mut FrameMut) {
        // SAFETY: zero bytes at a dangling pointer are nobody's.
        unsafe { frame.lend(NonNull::dangling(), 0, 0) };
    }

    /// Copies bytes of a file out; `false`: they do not lie within it.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    pub fn copy(&self, file: usize, offset: u64, into: &mut [u8]) -> bool {
        let Some((start, length)) = self.place(file, offset, into.len() as u64) else {
            return false;
        };
        // SAFETY: the bytes lie within the mapping, and `into` is other memory.
        unsafe { std::ptr::copy_nonoverlapping(start.as_ptr(), into.as_mut_ptr(), length) };
        true
    }

    fn place(&self, file: usize, offset: u64, bytes: u64) -> Option<(NonNull<u8>, usize)> {
        let map = &self.files.get(file)?.map;
        let (offset, length) = (usize::try_from(offset).ok()?, usize::try_from(bytes).ok()?);
        if offset.checked_add(length)? > map.len() {
            return None;
        }
        // SAFETY: within the mapping, or one past its end with no bytes.
        Some((NonNull::new(unsafe { map.as_mut_ptr().add(offset) })?, length))
    }

    /// Asks the system to read bytes of a file ahead. A cold thread.
    pub fn will_need(&self, file: usize, offset: u64, bytes: u64) {
        if let (Some((_, length)), Some(f)) =
            (self.place(file, offset, bytes), self.files.get(file))
            && length > 0
        {
            // A system that refuses reads when the stage does.
            let _ = f.map.advise_range(Advice::WillNeed, offset as usize, length);
        }
    }

    /// Waits until bytes of a file are read, and enters them into the page table. `false`: some of them cannot be read.
    /// A cold thread: blocks for the disk.
    pub fn populate(&self, file: usize, offset: u64, bytes: u64) -> bool {
        #[cfg(target_os = "linux")]
        if let (Some((_, length)), Some(f)) =
            (self.place(file, offset, bytes), self.files.get(file))
            && length > 0
        {
            // EFAULT is SIGBUS to whoever reads there (madvise(2)). Other errors are those of a system that is too old for
            // it: then the pages are read when the stage does.
            let done = f.map.advise_range(Advice::PopulateRead, offset as usize, length);
            return done.map_err(|e| e.raw_os_error()) != Err(Some(libc::EFAULT));
        }
        true
    }

    /// Drops what was read of these bytes from our memory, as far as whole pages of the system go: what shares one with
    /// another frame stays.
    ///
    /// The caller has them back, and lends none of them meanwhile.
    pub fn forget(&self, file: usize, offset: u64, bytes: u64) {
        let Some((f, [_, whole, _])) = self.pages(file, offset, bytes) else { return };
        if !whole.is_empty() {
            // SAFETY: nobody has a reference into these bytes, and nobody relies on what was written to them.
            let _ = unsafe {
                f.map.unchecked_advise_range(UncheckedAdvice::DontNeed, whole.start, whole.len())
            };
        }
    }

    /// The same for bytes that were written to: the next read finds the file again, all of it.
    pub fn restore(&self, file: usize, offset: u64, bytes: u64) {
        self.forget(file, offset, bytes);
        let Some((f, [before, _, behind])) = self.pages(file, offset, bytes) else { return };
        for edge in [before, behind] {
            // SAFETY: within the mapping (see `pages`), and nobody else has them.
            let edge_bytes = unsafe {
                std::slice::from_raw_parts_mut(f.map.as_mut_ptr().add(edge.start), edge.len())
            };
            // A file that cannot be read any more is told where it is read next.
            let _ = f.file.read_exact_at(edge_bytes, edge.start as u64);
        }
    }

    fn pages(&self, file: usize, offset: u64, bytes: u64) -> Option<(&Mapped, [Range<usize>; 3])> {
        let (_, length) = self.place(file, offset, bytes)?;
        let f = self.files.get(file)?;
        let start = offset as usize;
        Some((f, parts(start..start + length, f.map.len(), crate::sys::page_bytes())))
    }
}

/// A frame's bytes with the rest of their last page of the file, which are nobody else's: what lies before the first whole
/// page of the system, the whole pages, and what lies behind. Frames begin on pages of 4 KiB; a system's may be of 16 or 64.
fn parts(frame: Range<usize>, map: usize, page: usize) -> [Range<usize>; 3] {
    let end = frame.end.next_multiple_of(PAGE_BYTES as usize).min(map);
    let first = frame.start.next_multiple_of(page).min(end);
    // The mapping's last page is no other frame's.
    let last = if end == map { end } else { (end / page * page).max(first) };
    [frame.start..first, first..last, last..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HostTime;
    use crate::format::{Geometry, PixelFormat};
    use crate::meta::FrameMeta;
    use crate::recording::format::{End, Entry, Texts, WallClock};
    use crate::recording::{Head, Rule, Writer};
    use crate::source::FrameIdRule;

    #[test]
    fn a_file_that_loses_its_name_is_still_mapped() {
        // Catches a replay beside a ring that fails because a segment went between opening and mapping it.
        let name = format!("frameline-map-{}.flr", std::process::id());
        let path = std::env::temp_dir().join(name);
        let geometry = Geometry::new(8, 8, PixelFormat::MONO8);
        let head = Head {
            geometry,
            max_payload_bytes: 0,
            id_rule: FrameIdRule::default(),
            started: WallClock::at(HostTime(0)),
            texts: Texts::default(),
        };
        let mut writer = Writer::create(&path, head, 64, Rule::default()).unwrap();
        writer
            .push(&Entry { meta: FrameMeta::of(&geometry), ..Entry::default() }, &[7; 64])
            .unwrap();
        writer.finish(End::Finished).unwrap();
        let segment = Segment::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let maps = Maps::new(std::slice::from_ref(&segment)).unwrap();
        let mut read = [0; 64];
        assert!(maps.copy(0, segment.payload_offset(0), &mut read));
        assert_eq!((read, maps.is_torn(0)), ([7; 64], false));
    }

    #[test]
    fn only_pages_that_are_a_frames_alone_are_dropped() {
        // Catches a frame that takes the beginning of the next one with it, on a system with large pages; and one that
        // leaves its own last page on a system with small ones.
        assert_eq!(parts(8192..13000, 1 << 20, 4096), [8192..8192, 8192..16384, 16384..16384]);
        assert_eq!(parts(8192..13000, 13000, 4096), [8192..8192, 8192..13000, 13000..13000]);
        assert_eq!(parts(8192..45000, 1 << 20, 16384), [8192..16384, 16384..32768, 32768..45056]);
        assert_eq!(parts(8192..13000, 1 << 20, 65536), [8192..16384, 16384..16384, 16384..16384]);
        assert_eq!(parts(65536..70000, 70000, 65536), [65536..65536, 65536..70000, 70000..70000]);
    }
}

//! The thread that reads ahead, so that neither the capture thread nor a stage waits for the disk; and that lets go of
//! pages that are not needed any more, so that a replay of any length takes little memory.

use super::map::Maps;
use crate::recording::Recording;
use crate::sync::{AtomicBool, AtomicU64, Ordering};
use crate::touch;
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it looks. The capture thread never wakes it: that would be a system call.
const LOOK: Duration = Duration::from_micros(500);
/// Bytes that are read ahead, about, and frames at least and at most.
const AHEAD_BYTES: u64 = 64 << 20;
const AHEAD_FRAMES: std::ops::RangeInclusive<u64> = 2..=256;
/// Frames that the disk is asked for beyond the one that is waited for.
const IN_FLIGHT: u64 = 2;
/// Given-back frames that may wait to be let go.
const DONE: usize = 1024;

#[derive(Debug)]
struct Shared {
    /// The frame that comes next.
    next: AtomicU64,
    /// The first frame that was found not to be readable, or above all of them.
    unreadable: AtomicU64,
    stop: AtomicBool,
}

/// The capture thread's end.
#[derive(Debug)]
pub(super) struct Ahead {
    shared: Arc<Shared>,
    done: Producer<u64>,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    /// Reads ahead of frame `next`, from `first` up to `last`.
    pub fn start(maps: Arc<Maps>, recording: Arc<Recording>, first: u64, last: u64) -> Ahead {
        let (done, theirs) = touch::ring(RingBuffer::new(DONE));
        let shared = Arc::new(Shared {
            next: AtomicU64::new(first),
            unreadable: AtomicU64::new(u64::MAX),
            stop: AtomicBool::new(false),
        });
        let mut reader = Reader { maps, recording, shared: shared.clone(), done: theirs };
        // Without the thread the stages wait for the disk; the replay is the same.
        let thread = std::thread::Builder::new()
            .name("fl-replay-ahead".into())
            .spawn(move || reader.run(first, last))
            .ok();
        Ahead { shared, done, thread }
    }

    /// Frame `n` comes next.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock, no system call.
    pub fn set_next(&self, n: u64) {
        self.shared.next.store(n, Ordering::Release);
    }

    /// Whether the disk is known to fail at frame `n`: it was met there, ahead of the line.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock, no system call.
    pub fn is_unreadable(&self, n: u64) -> bool {
        self.shared.unreadable.load(Ordering::Relaxed) == n
    }

    /// Frame `n` came back and is not lent again: its pages may go.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock, no system call.
    pub fn let_go(&mut self, n: u64) {
        let _ = self.done.push(n); // If the thread is so far behind, the pages stay.
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        // Not joined: it may wait for a disk that hangs. It owns what it uses.
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
        }
    }
}

struct Reader {
    maps: Arc<Maps>,
    recording: Arc<Recording>,
    shared: Arc<Shared>,
    done: Consumer<u64>,
}

impl Reader {
    fn run(&mut self, first: u64, last: u64) {
        // The frame up to which all is read, and the one up to which the disk was asked, in the count of a replay without
        // rounds.
        let (mut read, mut asked) = (first, first);
        let mut before = first;
        while !self.shared.stop.load(Ordering::Acquire) {
            while let Ok(n) = self.done.pop() {
                if let Some((file, offset, bytes)) = self.place(n) {
                    self.maps.forget(file, offset, bytes);
                }
            }
            let next = self.shared.next.load(Ordering::Acquire);
            if next < before {
                (read, asked) = (next, next); // Another round.
            }
            before = next;
            read = read.max(next);
            if read < next + self.window(read) && read <= last {
                // The disk has the next frames to read while this one is waited for.
                asked = asked.max(read);
                while asked <= (read + IN_FLIGHT).min(last) {
                    if let Some((file, offset, bytes)) = self.place(asked) {
                        self.maps.will_need(file, offset, bytes);
                    }
                    asked += 1;
                }
                if let Some((file, offset, bytes)) = self.place(read)
                    && !self.maps.populate(file, offset, bytes)
                {
                    self.shared.unreadable.fetch_min(read, Ordering::Relaxed);
                }
                read += 1;
                continue;
            }
            std::thread::park_timeout(LOOK);
        }
    }

    /// Frames that are read ahead, where they are as large as frame `n`.
    fn window(&self, n: u64) -> u64 {
        let file = self.recording.locate(n).map_or(0, |(file, _)| file);
        let stride = self.recording.segments()[file].header().layout.stride.max(1);
        (AHEAD_BYTES / stride).clamp(*AHEAD_FRAMES.start(), *AHEAD_FRAMES.end())
    }

    fn place(&self, n: u64) -> Option<(usize, u64, u64)> {
        let (file, local) = self.recording.locate(n)?;
        let segment = &self.recording.segments()[file];
        let bytes = segment.entry(local).ok()?.payload_bytes;
        Some((file, segment.payload_offset(local), bytes))
    }
}

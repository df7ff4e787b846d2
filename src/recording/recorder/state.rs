//! What the recorder's threads share.

use super::RecorderSettings;
use super::keep::{Keep, Shelf};
use crate::buffer::SharedFrame;
use crate::clock::HostTime;
use crate::error::Error;
use crate::fault::{FaultClass, Incident, IncidentKind};
use crate::meta::{FrameMeta, Loss};
use crate::recording::chain::{Chain, Head};
use crate::recording::format::{End, Event, EventKind};
use crate::recording::segment::SegmentFile;
use crate::sync::{AtomicBool, AtomicU64, Ordering};
use rtrb::Consumer;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Events that wait for their place; beyond it the oldest are dropped and counted.
const MAX_WAITING: usize = 4096;

/// A frame on its way to the disk.
pub(super) struct Job {
    pub frame: SharedFrame,
    /// What is missing before it beside what its own metadata tells.
    pub missed: Missed,
    /// A part on it failed, or on one that is missing before it.
    pub failed: bool,
}

/// What is missing from the file before the next frame that is written, beside what that frame's own metadata tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Missed {
    /// Came and was not written.
    pub not_written: u32,
    /// Lost before those that were not written.
    pub loss: Loss,
    pub by_hops: u32,
}

impl Missed {
    /// A frame that is not written: with it goes what it would have told.
    pub fn frame(&mut self, meta: &FrameMeta, before: Missed) {
        self.add(before);
        self.add(Missed { not_written: 1, loss: meta.lost_before, by_hops: 0 });
    }

    /// What is missing in both.
    pub fn add(&mut self, more: Missed) {
        let (a, b) = (&mut self.loss, more.loss);
        a.device = a.device.saturating_add(b.device);
        a.underrun = a.underrun.saturating_add(b.underrun);
        a.rejected = a.rejected.saturating_add(b.rejected);
        self.not_written = self.not_written.saturating_add(more.not_written);
        self.by_hops = self.by_hops.saturating_add(more.by_hops);
    }
}

/// A segment that is not closed yet.
#[derive(Debug)]
pub(super) struct Open {
    pub file: Arc<SegmentFile>,
    /// Frames that have a place in it; of those, how many are not dealt with yet, and up to which it is committed.
    pub placed: u64,
    pub pending: u64,
    pub committed: u64,
    pub events: u64,
    /// The event that stands last in the file.
    pub last_event: Option<Event>,
    pub not_written: u64,
    /// Host times of its frames, in order.
    pub times: Vec<u64>,
}

impl Open {
    pub fn new(file: SegmentFile) -> Open {
        Open {
            file: Arc::new(file),
            placed: 0,
            pending: 0,
            committed: 0,
            events: 0,
            last_event: None,
            not_written: 0,
            times: Vec::new(),
        }
    }
}

/// One payload that is being written, in the order of the frames.
pub(super) struct Flight {
    pub ticket: u64,
    pub file: Arc<SegmentFile>,
    pub n: u64,
    /// What is missing if it is not written.
    pub missed: Missed,
    /// Its encoded entry once it is written; `Err`: it could not be.
    pub done: Option<Result<[u8; 128], ()>>,
}

/// What is changed under the lock.
pub(super) struct State {
    pub ring: Consumer<Job>,
    /// Oldest first; the last one takes frames.
    pub open: VecDeque<Open>,
    /// The segment that follows, made ahead.
    pub next: Option<SegmentFile>,
    /// The files' thread is making it.
    pub preparing: bool,
    pub flights: VecDeque<Flight>,
    pub tickets: u64,
    /// Frames of all segments that have a place.
    pub placed: u64,
    pub newest: HostTime,
    pub shelf: Shelf,
    /// Events whose frame may still come.
    pub waiting: VecDeque<Event>,
    /// No more frames are taken: why, and the sentence.
    pub failure: Option<(End, String)>,
    /// Missing since the last frame that was written, by the recorder's own threads.
    pub missed: Missed,
}

impl State {
    pub fn new(ring: Consumer<Job>) -> State {
        State {
            ring,
            open: VecDeque::new(),
            next: None,
            preparing: false,
            flights: VecDeque::new(),
            tickets: 0,
            placed: 0,
            newest: HostTime(0),
            shelf: Shelf::default(),
            waiting: VecDeque::new(),
            failure: None,
            missed: Missed::default(),
        }
    }

    /// Nothing is handed over, under way or being committed.
    pub fn is_idle(&self) -> bool {
        self.ring.is_empty() && self.flights.is_empty() && self.open.iter().all(|o| o.pending == 0)
    }

    /// Ends the recording, with the first reason that there was.
    pub fn fail(&mut self, end: End, sentence: String) {
        self.failure.get_or_insert((end, sentence));
    }
}

/// Everything that the threads share. Counters are changed by several threads, none of them hot, except those of the
/// stage, which are its own.
pub(super) struct Shared {
    pub settings: RecorderSettings,
    pub head: Head,
    pub payload_bytes: u64,
    /// What the capture thread told; a lock that is never held for long.
    pub told: Mutex<VecDeque<Event>>,
    /// There once the first file is.
    pub chain: Mutex<Option<Chain>>,
    pub threads: Mutex<Vec<JoinHandle<()>>>,
    /// A frame came, or the line ran to its end without one: else the line was only tried.
    pub begun: AtomicBool,
    pub state: Mutex<State>,
    /// Held while entries are written: they go to the disk in the order of the frames, and nobody who wants the state
    /// waits for that.
    pub committing: Mutex<()>,
    /// Nothing can be written any more.
    pub failed: AtomicBool,
    pub ended: AtomicBool,
    /// Jobs that are dealt with, written or not. PAIR: recorded
    pub done: AtomicU64,
    pub frames: AtomicU64,
    pub bytes: AtomicU64,
    pub not_written: AtomicU64,
    pub write_errors: AtomicU64,
    pub copied: AtomicU64,
    pub segments: AtomicU64,
    pub removed: AtomicU64,
    pub removed_frames: AtomicU64,
    pub events: AtomicU64,
    /// Events for which there was no room.
    pub events_dropped: AtomicU64,
    pub triggers: AtomicU64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recorder({})", self.settings.path.display())
    }
}

/// A lock that a panic elsewhere cannot spoil: what it guards is valid at every step.
pub(super) fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn new(settings: RecorderSettings, head: Head, payload_bytes: u64, state: State) -> Shared {
        let zero = || AtomicU64::new(0);
        Shared {
            settings,
            head,
            payload_bytes,
            told: Mutex::new(VecDeque::with_capacity(MAX_WAITING)),
            chain: Mutex::new(None),
            threads: Mutex::new(Vec::new()),
            begun: AtomicBool::new(false),
            state: Mutex::new(state),
            committing: Mutex::new(()),
            failed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            done: zero(),
            frames: zero(),
            bytes: zero(),
            not_written: zero(),
            write_errors: zero(),
            copied: zero(),
            segments: AtomicU64::new(1),
            removed: zero(),
            removed_frames: zero(),
            events: zero(),
            events_dropped: zero(),
            triggers: zero(),
        }
    }

    /// The next segment.
    pub fn open_next(&self, payload_bytes: u64, placed: u64) -> Result<SegmentFile, Error> {
        let mut chain = lock(&self.chain);
        chain.as_mut().expect("made before the threads").open_next(payload_bytes, placed)
    }

    /// Takes back a segment that was made ahead.
    pub fn undo(&self, file: SegmentFile) {
        lock(&self.chain).as_mut().expect("made before the threads").undo(file);
    }

    /// One more trigger: the frames around it stay.
    pub fn trigger(&self, state: &mut State, at: HostTime, sequence: u64) {
        self.triggers.fetch_add(1, Ordering::Relaxed);
        state.shelf.triggers.push(at);
        state.waiting.push_back(Event {
            kind: EventKind::Trigger,
            before_frame: 0,
            host_time: at,
            code: 0,
            class: None,
            detail: sequence,
            count: 0,
        });
    }

    /// Takes note of what the capture thread tells.
    pub fn note_incident(&self, i: &Incident) {
        let kind = match i.kind {
            IncidentKind::Fault => EventKind::Fault,
            IncidentKind::Reset => EventKind::Reset,
            IncidentKind::Reconnect => EventKind::Reconnect,
        };
        let mut told = lock(&self.told);
        if told.len() >= MAX_WAITING {
            told.pop_front();
            self.events_dropped.fetch_add(1, Ordering::Relaxed);
        }
        told.push_back(Event {
            kind,
            before_frame: 0,
            host_time: i.at,
            code: i.code,
            class: i.class,
            detail: i.detail,
            count: i.count,
        });
    }

    fn next_told(&self) -> Option<Event> {
        lock(&self.told).pop_front()
    }

    /// Takes what was told over among the events, and as triggers where faults are.
    pub fn take_told(&self, state: &mut State) {
        let on_fault = matches!(self.settings.keep, Keep::Around { on_fault: true, .. });
        // Taken out one at a time: the capture thread never waits for what is made of it.
        while let Some(event) = self.next_told() {
            if state.waiting.len() >= MAX_WAITING {
                state.waiting.pop_front();
                self.events_dropped.fetch_add(1, Ordering::Relaxed);
            }
            state.waiting.push_back(event);
            if on_fault && event.class != Some(FaultClass::Timeout) {
                self.trigger(state, event.host_time, 0);
            }
        }
    }
}

//! What the recorder's threads share.

use super::RecorderSettings;
use super::keep::{Keep, Shelf};
use super::turns::Turns;
use super::work::Ready;
use crate::buffer::SharedFrame;
use crate::clock::HostTime;
use crate::error::Error;
use crate::fault::{FaultClass, Incident, IncidentKind};
use crate::meta::Loss;
use crate::recording::chain::{Chain, Head};
use crate::recording::format::{End, Event, EventKind};
use crate::recording::segment::SegmentFile;
use crate::sync::{AtomicBool, AtomicU64, Ordering};
use rtrb::Consumer;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

/// Events that wait for their place; beyond it the oldest are dropped and counted.
const MAX_WAITING: usize = 4096;

/// A frame on its way to the disk.
pub(super) struct Job {
    pub frame: SharedFrame,
    /// What was lost before it, and before those that were not handed over since the last one.
    pub lost_before: Loss,
    pub lost_by_hops: u32,
    pub not_written: u32,
    /// A part on it failed.
    pub failed: bool,
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
    /// The event written last, and how many like it stand in a row there.
    pub last_event: Option<(Event, u32)>,
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
    /// It could not be made; it is tried again then.
    pub prepare_after: Option<Instant>,
    pub flights: VecDeque<Flight>,
    /// Since when something that is written waits for its commit.
    pub since: Option<Instant>,
    pub tickets: u64,
    /// Frames of all segments that have a place.
    pub placed: u64,
    pub newest: HostTime,
    pub shelf: Shelf,
    /// Events whose frame may still come, and when they were told.
    pub waiting: VecDeque<(Event, Instant)>,
    /// No more frames are taken: why, and the sentence.
    pub failure: Option<(End, String)>,
    /// Not written since the last frame that was, by the recorder's own threads.
    pub not_written: u32,
}

impl State {
    pub fn new(ring: Consumer<Job>) -> State {
        State {
            ring,
            open: VecDeque::new(),
            next: None,
            preparing: false,
            prepare_after: None,
            flights: VecDeque::new(),
            since: None,
            tickets: 0,
            placed: 0,
            newest: HostTime(0),
            shelf: Shelf::default(),
            waiting: VecDeque::new(),
            failure: None,
            not_written: 0,
        }
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
    pub turns: Turns<Ready>,
    /// A payload is written, or a writer has ended; waited for with `state`.
    pub news: Condvar,
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
    /// Frames of segments that were removed.
    pub removed_frames: AtomicU64,
    pub events: AtomicU64,
    /// Events that found no place.
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
            turns: Turns::default(),
            news: Condvar::new(),
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

    /// Whether no file is open any more, or was not yet.
    pub fn is_closed(&self) -> bool {
        self.ended.load(Ordering::Acquire) || lock(&self.chain).is_none()
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
        self.wait_for_place(
            state,
            Event {
                kind: EventKind::Trigger,
                before_frame: 0,
                host_time: at,
                code: 0,
                class: None,
                detail: sequence,
                count: 0,
            },
        );
    }

    fn wait_for_place(&self, state: &mut State, event: Event) {
        if state.waiting.len() >= MAX_WAITING {
            state.waiting.pop_front();
            self.events_dropped.fetch_add(1, Ordering::Relaxed);
        }
        state.waiting.push_back((event, Instant::now()));
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

    /// Takes what was told over among the events, and as triggers where faults are.
    pub fn take_told(&self, state: &mut State) {
        let on_fault = matches!(self.settings.keep, Keep::Around { on_fault: true, .. });
        // One at a time: the capture thread must not wait for more than that.
        while let Some(event) = { lock(&self.told).pop_front() } {
            self.wait_for_place(state, event);
            if on_fault && event.class != Some(FaultClass::Timeout) {
                self.trigger(state, event.host_time, 0);
            }
        }
    }
}

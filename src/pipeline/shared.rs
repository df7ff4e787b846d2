//! What all threads of a line may read: counters, levels, and the cold part behind a lock that no hot
//! thread takes.

use super::config::LineConfig;
use super::report::{
    DiagnosisReport, EventReport, FaultReport, LineState, ReconnectReport, ResetReport, Rung,
    RungReport, Sample,
};
use crate::agent::ExitBoard;
use crate::buffer::PoolView;
use crate::clock::{Clock, HostTime, Nanos};
use crate::error::Refusal;
use crate::fault::{FaultClass, Witness};
use crate::reset::Acks;
use crate::ring::{EdgeCounts, Policy};
use crate::stage::{StageError, StageResults};
use crate::sync::{AtomicBool, AtomicU8, AtomicU64, Ordering, WakeCell};
use crate::telemetry::{Counter, Gauge, LatencyReader, TurnReader};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Anomalies that the checks of rule 5 count, by name.
pub(super) const ANOMALIES: [&str; 8] = [
    "clipped_length",
    "bad_geometry",
    "canary_overrun",
    "duplicate_id",
    "out_of_order",
    "id_jump",
    "short_frame",
    "events_dropped",
];

#[derive(Debug, Clone, Copy)]
pub(super) enum Anomaly {
    ClippedLength,
    BadGeometry,
    CanaryOverrun,
    DuplicateId,
    OutOfOrder,
    IdJump,
    ShortFrame,
    EventsDropped,
}

/// The capture thread's own counts; it alone writes them, on lines that no other thread polls.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct CaptureCounts {
    pub grabbed: Counter,
    pub lost_by_device: Counter,
    pub underrun: Counter,
    /// Dropped by the checks before they became frames.
    pub invalid: Counter,
    /// Damaged frames dropped by policy.
    pub incomplete: Counter,
    pub bytes: Counter,
    pub timeouts: Counter,
    pub anomalies: [Counter; ANOMALIES.len()],
    /// Page faults that resets and reconnections caused: not steady state.
    pub reset_faults_minor: Counter,
    pub reset_faults_major: Counter,
    pub slots: Gauge,
    pub slot_bytes: Gauge,
}

impl CaptureCounts {
    pub fn anomaly(&self, a: Anomaly) {
        self.anomalies[a as usize].bump();
    }
}

/// One thread, as others see it. On lines of its own: it writes them with every frame.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct ThreadCells {
    pub name: String,
    pub turn: TurnReader,
    pub tid: Gauge,
    /// What it is in: 0 nothing, else an index into [`Shared::activities`] plus one.
    pub busy: Gauge,
    pub busy_since: Gauge,
    pub bed: Arc<WakeCell>,
}

#[derive(Debug)]
pub(super) struct HopInfo {
    pub name: String,
    pub policy: Policy,
    pub depth: usize,
    pub counts: Arc<EdgeCounts>,
    pub latency: LatencyReader,
}

/// On a line of its own: one worker writes it with every frame.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct WorkerCounts {
    pub frames: Counter,
    pub failed: Counter,
    pub panicked: Counter,
}

pub(super) struct WorkerInfo {
    pub counts: Arc<WorkerCounts>,
    pub service: LatencyReader,
    pub results: Option<Arc<dyn StageResults>>,
}

pub(super) struct StageInfo {
    pub name: String,
    pub workers: Vec<WorkerInfo>,
}

/// What a hot thread tells the monitor.
#[derive(Debug)]
pub(super) enum Event {
    Fault {
        code: i64,
        class: FaultClass,
        /// As the SDK gave it with the code.
        detail: u64,
        call: &'static str,
        times: u64,
        frame_id: Option<u64>,
        at: HostTime,
        /// Something is done about it; else it is only counted.
        acts: bool,
    },
    Diagnosis(Box<DiagnosisReport>),
    /// A rung of the ladder was tried, with that outcome.
    Rung {
        rung: Rung,
        ok: bool,
        took: Nanos,
    },
    Reset(Box<ResetReport>),
    ResetDead {
        epoch: u64,
        dead: Nanos,
    },
    Reconnect(Box<ReconnectReport>),
    ReconnectDead {
        dead: Nanos,
    },
    StageFailed {
        stage: usize,
        frame_id: u64,
        error: StageError,
        at: HostTime,
    },
    StagePanicked {
        stage: usize,
        frame_id: u64,
        at: HostTime,
    },
    FormatChange {
        width: u32,
        height: u32,
        at: HostTime,
    },
    Overrun {
        slot: usize,
        at_least_bytes: u64,
        at: HostTime,
    },
    Refused(Refusal),
    Note(String, HostTime),
    Failure(String),
}

/// The part that only cold threads touch.
#[derive(Debug, Default)]
pub(super) struct Cold {
    pub faults: Vec<FaultReport>,
    pub resets: Vec<ResetReport>,
    pub resets_beyond: u64,
    pub reconnects_beyond: u64,
    pub reconnects: Vec<ReconnectReport>,
    pub diagnoses: Vec<DiagnosisReport>,
    pub diagnoses_beyond: u64,
    pub faults_beyond: u64,
    pub ladder: [RungReport; Rung::ALL.len()],
    pub events: std::collections::VecDeque<EventReport>,
    pub refusals: Vec<Refusal>,
    pub source_counters: Vec<(String, u64)>,
    pub samples: Vec<Sample>,
    pub failure: Option<String>,
    pub rss_start: u64,
    pub rss_peak: u64,
    pub rss_now: u64,
    /// Resident memory and touched pools when the line was warm.
    pub settled: Option<(u64, u64)>,
    /// The first sample, for runs that end before they are warm.
    pub steady_first: Option<Steady>,
    pub steady_from: Option<Steady>,
    pub steady_now: Steady,
    pub hung: Vec<(usize, u64)>,
}

/// Cumulative figures whose growth after warm-up is the steady state.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Steady {
    pub allocations: Option<u64>,
    pub faults_minor: u64,
    pub faults_major: u64,
}

/// Everything shared.
pub(super) struct Shared {
    pub clock: Clock,
    pub config: LineConfig,
    pub started: Gauge,
    pub ended: Gauge,
    /// Until when the user lets the line drain; 0 while nobody has said.
    pub drain_until: Gauge,
    state: AtomicU8,
    abort: AtomicBool,
    stop: AtomicBool,
    pub capture: CaptureCounts,
    pub fill: &'static str,
    pub grab_interval: LatencyReader,
    pub grab_jitter: LatencyReader,
    /// The capture thread is the first.
    pub threads: Vec<ThreadCells>,
    /// Up to which epoch each thread has let go of everything. The capture thread is always there.
    pub released: Acks,
    /// Up to which epoch each thread has rebuilt the pools of its own stages.
    pub rebuilt: Acks,
    pub activities: Vec<String>,
    pub hops: Vec<HopInfo>,
    pub stages: Vec<StageInfo>,
    pub end_to_end: Vec<LatencyReader>,
    /// The source's pool is the first; then those of the stages.
    pub pools: Vec<PoolView>,
    pub lanes: Vec<String>,
    /// The epoch for which stages are to rebuild their own pools, and for which input. PAIR: rebuild
    pub rebuild_epoch: AtomicU64,
    pub rebuild_bytes: Gauge,
    pub exits: Arc<ExitBoard>,
    cold: Mutex<Cold>,
}

/// What the capture thread can be busy with; stages follow behind in [`Shared::activities`].
pub(super) mod activity {
    pub const START: u64 = 1;
    pub const STOP: u64 = 2;
    pub const REOPEN: u64 = 3;
    pub const FEATURE: u64 = 4;
    pub const GRAB: u64 = 5;
    pub const DIAGNOSE: u64 = 6;
    pub const NAMES: [&str; 6] = [
        "starting the source",
        "stopping the source",
        "reopening the source",
        "setting a feature",
        "grabbing a frame",
        "asking the source what it knows",
    ];
    /// The activity of stage `i`.
    pub const fn stage(i: usize) -> u64 {
        NAMES.len() as u64 + 1 + i as u64
    }
}

pub(super) struct SharedParts {
    pub clock: Clock,
    pub config: LineConfig,
    pub fill: &'static str,
    pub grab_interval: LatencyReader,
    pub grab_jitter: LatencyReader,
    pub threads: Vec<ThreadCells>,
    pub hops: Vec<HopInfo>,
    pub stages: Vec<StageInfo>,
    pub end_to_end: Vec<LatencyReader>,
    pub pools: Vec<PoolView>,
    pub lanes: Vec<String>,
    pub exits: Arc<ExitBoard>,
}

impl Shared {
    pub fn new(p: SharedParts) -> Shared {
        let activities = activity::NAMES
            .iter()
            .map(ToString::to_string)
            .chain(p.stages.iter().map(|s| format!("stage {}", s.name)))
            .collect();
        Shared {
            clock: p.clock,
            config: p.config,
            started: Gauge::default(),
            ended: Gauge::default(),
            drain_until: Gauge::default(),
            state: AtomicU8::new(LineState::Idle as u8),
            abort: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            capture: CaptureCounts::default(),
            fill: p.fill,
            grab_interval: p.grab_interval,
            grab_jitter: p.grab_jitter,
            released: Acks::new(p.threads.len()),
            rebuilt: Acks::new(p.threads.len()),
            threads: p.threads,
            activities,
            hops: p.hops,
            stages: p.stages,
            end_to_end: p.end_to_end,
            pools: p.pools,
            lanes: p.lanes,
            rebuild_epoch: AtomicU64::new(0),
            rebuild_bytes: Gauge::default(),
            exits: p.exits,
            cold: Mutex::new(Cold::default()),
        }
    }

    pub fn state(&self) -> LineState {
        match self.state.load(Ordering::Acquire) {
            0 => LineState::Idle,
            1 => LineState::Running,
            2 => LineState::Resetting,
            3 => LineState::Stopping,
            _ => LineState::Ended,
        }
    }

    pub fn set_state(&self, s: LineState) {
        self.state.store(s as u8, Ordering::Release);
    }

    /// Whether everything is to be dropped now.
    #[inline]
    pub fn aborting(&self) -> bool {
        self.abort.load(Ordering::Acquire)
    }

    /// Whether the line is to drain and end, whatever other orders wait.
    #[inline]
    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Asks the capture thread to drain and end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.threads[0].bed.wake();
    }

    /// A thread of the line has died outside of any stage: nothing can go on.
    pub fn died(&self, thread: usize) {
        let text = format!(
            "thread {} panicked outside of a stage's turn; the line cannot go on",
            self.threads[thread].name
        );
        tracing::error!("{text}");
        self.cold().failure.get_or_insert(text);
        self.released.leave(thread);
        self.rebuilt.leave(thread);
        self.abort();
        if thread == 0 {
            self.ended.set(self.clock.now().0.max(1));
            self.set_state(LineState::Ended);
        }
    }

    /// Asks every thread to drop what it has and end.
    pub fn abort(&self) {
        self.abort.store(true, Ordering::Release);
        self.threads.iter().for_each(|t| t.bed.wake());
    }

    /// The cold part. Never taken by the capture thread or a stage thread while frames flow.
    pub fn cold(&self) -> MutexGuard<'_, Cold> {
        self.cold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the line started; `other` if it has not.
    pub fn start_or(&self, other: HostTime) -> HostTime {
        match self.started.get() {
            0 => other,
            at => HostTime(at),
        }
    }

    pub fn elapsed(&self) -> Nanos {
        let until = match self.ended.get() {
            0 => self.clock.now(),
            at => HostTime(at),
        };
        match self.started.get() {
            0 => Nanos(0),
            at => until - HostTime(at),
        }
    }
}

impl ThreadCells {
    /// Says what the thread is in.
    #[inline]
    pub fn enter(&self, activity: u64, now: HostTime) {
        self.busy_since.set(now.0);
        self.busy.set(activity);
    }

    /// Says that it is in nothing.
    #[inline]
    pub fn leave(&self) {
        self.busy.set(0);
    }
}

/// A thread's way to tell the monitor something. A full ring is counted, never waited for.
pub(super) struct Reporter {
    ring: crate::sync::rtrb::Producer<Event>,
    dropped: Arc<AtomicU64>,
    monitor: Arc<WakeCell>,
    /// Told of faults, resets and reconnections at once, so that they know of them before the next frame comes.
    witnesses: Vec<Arc<dyn Witness>>,
}

impl Reporter {
    pub fn new(
        depth: usize,
        monitor: Arc<WakeCell>,
    ) -> (Reporter, crate::sync::rtrb::Consumer<Event>, Arc<AtomicU64>) {
        let (tx, rx) = crate::touch::ring(crate::sync::rtrb::RingBuffer::new(depth));
        let dropped = Arc::new(AtomicU64::new(0));
        let witnesses = Vec::new();
        (Reporter { ring: tx, dropped: dropped.clone(), monitor, witnesses }, rx, dropped)
    }

    /// The same, with witnesses.
    pub fn with_witnesses(mut self, witnesses: Vec<Arc<dyn Witness>>) -> Reporter {
        self.witnesses = witnesses;
        self
    }

    /// Tells it.
    ///
    /// # Real-time
    /// The owning thread. Wait-free, no allocation, no lock, no system call: the monitor looks by itself.
    #[inline]
    pub fn tell(&mut self, event: Event) {
        if self.ring.push(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells something that must not get lost. Not on the hot path: a full ring is waited for, up to a
    /// tenth of a second.
    pub fn tell_surely(&mut self, event: Event) {
        if !self.witnesses.is_empty()
            && let Some(incident) = super::witness::incident(&event)
        {
            self.witnesses.iter().for_each(|w| w.saw(&incident));
        }
        for _ in 0..100 {
            if !self.ring.is_full() {
                break;
            }
            self.monitor.wake();
            std::thread::park_timeout(std::time::Duration::from_millis(1));
        }
        self.tell(event);
    }
}

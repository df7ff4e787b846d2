//! What a line says about itself: plain data that any thread may take at any time.

use crate::buffer::HeldSlot;
use crate::clock::{HostTime, Nanos};
use crate::error::Refusal;
use crate::fault::FaultClass;
use crate::ring::Policy;
use crate::source::Evidence;
use crate::stage::Figure;
use crate::telemetry::LatencySnapshot;
use crate::words::counted;

/// The frames of a run, each in exactly one place but the first.
///
/// Rule 4: `grabbed` is every frame that the camera is known to have taken, and is the sum of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameCounts {
    /// Frames that the camera took: those that came, and those whose ids prove that they did not.
    pub grabbed: u64,
    /// Reached the end of every branch that must have them, whole.
    pub delivered: u64,
    /// Arrived damaged (then delivered so marked, or dropped by policy).
    pub incomplete: u64,
    /// Not fetched in time because no slot was free.
    pub underrun: u64,
    /// Refused by a full ring on a branch that must have them.
    pub refused: u64,
    /// Failed the checks of rule 5, or a stage failed on them.
    pub invalid: u64,
    /// Lost in the device or on the way.
    pub lost_by_device: u64,
    /// Not ended yet; after the run: given up at an abort, or still held.
    pub in_flight: u64,
}

impl FrameCounts {
    /// Losses that occurred, by cause: name and count.
    pub fn losses(&self) -> Vec<(&'static str, u64)> {
        let all = [
            ("incomplete", self.incomplete),
            ("underrun", self.underrun),
            ("refused", self.refused),
            ("invalid", self.invalid),
            ("lost by device", self.lost_by_device),
        ];
        all.into_iter().filter(|(_, n)| *n > 0).collect()
    }

    /// Frames that did not arrive whole at the end of every branch that must have them.
    pub fn lost(&self) -> u64 {
        self.incomplete + self.underrun + self.refused + self.invalid + self.lost_by_device
    }

    /// The sum of everything but `grabbed`.
    pub fn accounted(&self) -> u64 {
        self.delivered
            + self.incomplete
            + self.underrun
            + self.refused
            + self.invalid
            + self.lost_by_device
            + self.in_flight
    }
}

/// One hop.
#[derive(Debug, Clone)]
pub struct HopSnapshot {
    /// `producer>consumer`, with worker numbers where there are several.
    pub name: String,
    /// Its policy.
    pub policy: Policy,
    /// Its depth in frames.
    pub depth: usize,
    /// Frames offered to it, by definition accepted + refused + skipped.
    pub offered: u64,
    /// Frames it took in: taken + replaced + queued.
    pub accepted: u64,
    /// Frames refused because it was full.
    pub refused: u64,
    /// Frames replaced by a newer one before they were taken (`latest`).
    pub replaced: u64,
    /// Frames left out on purpose (`1-in-n`).
    pub skipped: u64,
    /// Frames its consumer took out.
    pub taken: u64,
    /// Time from push to pop.
    pub latency: LatencySnapshot,
}

/// One stage, its workers taken together.
#[derive(Debug, Clone)]
pub struct StageSnapshot {
    /// Its name.
    pub name: String,
    /// Frames it looked at.
    pub frames: u64,
    /// Frames it failed on.
    pub failed: u64,
    /// Of these, by a panic.
    pub panicked: u64,
    /// Time it took for a frame.
    pub service: LatencySnapshot,
    /// What it counted.
    pub results: Vec<(&'static str, Figure)>,
}

impl StageSnapshot {
    /// Whether it failed on more than half of its frames: then the run did not do what was asked. A frame that it fails
    /// on costs that frame only.
    pub fn is_unfit(&self) -> bool {
        2 * self.failed > self.frames
    }
}

/// One thread of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadSnapshot {
    /// Its name.
    pub name: String,
    /// Turns of its loop.
    pub turns: u64,
    /// The longest gap between two turns.
    pub longest_gap: Nanos,
    /// What it is busy with for longer than a turn should take, and since when.
    pub busy: Option<(String, HostTime)>,
    /// Whether it has ended.
    pub ended: bool,
}

/// One quiescent reset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetReport {
    /// Why.
    pub reason: &'static str,
    /// When it was asked for.
    pub at: HostTime,
    /// Stopping the source and emptying it and the rings.
    pub drain: Nanos,
    /// Proving that every slot is home.
    pub prove: Nanos,
    /// Revoking, making memory, announcing.
    pub rebuild: Nanos,
    /// Starting the source.
    pub restart: Nanos,
    /// Last frame before to first frame after; 0 while there is none.
    pub dead: Nanos,
    /// Slot capacity before, in bytes.
    pub slot_bytes_before: u64,
    /// Slot capacity after, in bytes.
    pub slot_bytes_after: u64,
    /// Bytes touched for the first time.
    pub touched_bytes: u64,
    /// The part of `rebuild` that touching and locking them took.
    pub touch: Nanos,
    /// The epoch that it began.
    pub epoch: u64,
    /// Who was late, as sentences.
    pub late: Vec<String>,
    /// Whether the line went on as asked.
    pub ok: bool,
}

/// One reconnection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconnectReport {
    /// Why.
    pub reason: &'static str,
    /// When the loss was noticed.
    pub at: HostTime,
    /// Attempts made.
    pub attempts: u32,
    /// From noticing the loss to the start of the device, or to giving up.
    pub took: Nanos,
    /// Last frame before to first frame after; 0 while there is none.
    pub dead: Nanos,
    /// Whether the device came back.
    pub ok: bool,
}

/// One diagnosis: what the source was asked after time-outs, and what it knew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiagnosisReport {
    /// When it was made.
    pub at: HostTime,
    /// How long the source took to answer.
    pub took: Nanos,
    /// Time-outs in a row before it; with damaged frames between them, all since the last whole frame.
    pub timeouts: u32,
    /// Damaged frames among them, where it was they that made the line ask.
    pub damaged: u32,
    /// `lost`, `format-drift`, `idle-trigger` or `unclear`.
    pub verdict: &'static str,
    /// The figures that the source went by.
    pub evidence: Evidence,
    /// What the line does about it.
    pub action: &'static str,
}

impl DiagnosisReport {
    /// What it was made after: `4 time-outs`, `9 time-outs and 2 damaged frames`.
    pub fn after(&self) -> String {
        let timeouts = counted(self.timeouts.into(), "time-out");
        let damaged = counted(self.damaged.into(), "damaged frame");
        match (self.timeouts, self.damaged) {
            (_, 0) => timeouts,
            (0, _) => damaged,
            _ => format!("{timeouts} and {damaged}"),
        }
    }
}

/// A rung of the fault ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rung {
    /// The line grabs again.
    Retry,
    /// It waits, longer each time.
    BackOff,
    /// It makes a quiescent reset.
    Reset,
    /// It opens the device anew.
    Reconnect,
}

impl Rung {
    /// All, from the lowest.
    pub const ALL: [Rung; 4] = [Rung::Retry, Rung::BackOff, Rung::Reset, Rung::Reconnect];

    /// The name used in logs and reports.
    pub fn name(self) -> &'static str {
        ["retry", "back-off", "reset", "reconnect"][self as usize]
    }
}

/// How often a rung of the ladder was tried because of a fault, and how often it helped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RungReport {
    /// Times that it was tried; a silence of many time-outs is one retry.
    pub attempts: u64,
    /// Times that the line went on: retry and back-off with a frame, reset and reconnect with a started device.
    pub successes: u64,
    /// The time that all of them took together.
    pub time: Nanos,
}

/// One distinct fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultReport {
    /// Raw code.
    pub code: i64,
    /// Its name in the source's table.
    pub name: String,
    /// Its class.
    pub class: FaultClass,
    /// How often.
    pub count: u64,
    /// What was called when it came first: the SDK's function, or what the line was doing.
    pub call: &'static str,
    /// Each call that answered so, with how often, in the order in which they first did; at most [`MAX_CALLS`], what
    /// others answered is in `count` alone.
    ///
    /// [`MAX_CALLS`]: FaultReport::MAX_CALLS
    pub calls: Vec<(&'static str, u64)>,
    /// The id of the last frame before it came first.
    pub frame_id: Option<u64>,
    /// First time.
    pub first: HostTime,
    /// Last time.
    pub last: HostTime,
    /// What the line does about it ([`FaultClass::action`]); `count` where it only counts it: met while the device was
    /// stopped, or by the source, which went on.
    pub action: String,
}

impl FaultReport {
    /// The calls that are kept apart.
    pub const MAX_CALLS: usize = 16;

    /// It came so often more; whether from a call that is new to the list.
    pub(super) fn add(&mut self, call: &'static str, times: u64, at: HostTime) -> bool {
        self.count += times;
        self.last = at;
        if let Some((_, n)) = self.calls.iter_mut().find(|(c, _)| *c == call) {
            *n += times;
            return false;
        }
        let has_room = self.calls.len() < Self::MAX_CALLS;
        if has_room {
            self.calls.push((call, times));
        }
        has_room
    }

    /// The calls as a text: `MV_CC_GetImageBuffer 12, MV_CC_StopGrabbing 1`.
    pub fn calls_text(&self) -> String {
        self.calls.iter().map(|(call, n)| format!("{call} {n}")).collect::<Vec<_>>().join(", ")
    }
}

/// One entry of the line's log: what happened, what was done, with what outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventReport {
    /// When.
    pub at: HostTime,
    /// One sentence.
    pub text: String,
}

/// A sample of memory and occupancy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// When.
    pub at: HostTime,
    /// Resident memory of the process, in bytes.
    pub rss_bytes: u64,
    /// Of these, touched by the pools.
    pub pool_bytes: u64,
    /// Minor page faults of the line's threads so far.
    pub faults_minor: u64,
    /// Major page faults of the line's threads so far.
    pub faults_major: u64,
    /// Slots out of the pool.
    pub slots_out: u64,
    /// Frames grabbed so far.
    pub grabbed: u64,
    /// Bytes grabbed so far.
    pub bytes: u64,
    /// Frames lost so far, by whatever cause ([`FrameCounts::lost`]).
    pub lost: u64,
}

/// Memory of the process and the pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryReport {
    /// Touched bytes of all pools.
    pub pool_bytes: u64,
    /// Of these, locked.
    pub locked_bytes: u64,
    /// Of these, on explicit huge pages.
    pub huge_bytes: u64,
    /// Resident memory when the line started.
    pub rss_start: u64,
    /// Resident memory when the line was warm ([`MonitorSettings::warm_up`](super::MonitorSettings::warm_up)); 0 if it
    /// never was.
    pub rss_settled: u64,
    /// Touched bytes of all pools at that moment.
    pub pool_settled: u64,
    /// Resident memory now.
    pub rss_end: u64,
    /// The largest resident memory that was sampled.
    pub rss_peak: u64,
}

/// What the line's threads did in steady state, after warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SteadyReport {
    /// Allocations on hot threads; `None` where no counting allocator is installed.
    pub allocations: Option<u64>,
    /// Major page faults.
    pub page_faults_major: u64,
    /// Minor page faults.
    pub page_faults_minor: u64,
}

/// Where a line is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LineState {
    /// Built; the source is not started.
    Idle = 0,
    /// Grabbing.
    Running = 1,
    /// In a quiescent reset or a reconnection.
    Resetting = 2,
    /// Draining to the last accepted frame.
    Stopping = 3,
    /// Ended.
    Ended = 4,
}

/// A line at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When.
    pub at: HostTime,
    /// When the line started; `at` while it has not.
    pub started: HostTime,
    /// Since the line started, until it ended.
    pub elapsed: Nanos,
    /// Where the line is in its life.
    pub state: LineState,
    /// Frames by their end.
    pub frames: FrameCounts,
    /// Payload bytes that came.
    pub bytes: u64,
    /// Way of filling.
    pub fill: &'static str,
    /// Slots of the source's pool.
    pub slots: usize,
    /// Bytes of each slot.
    pub slot_bytes: usize,
    /// Hops.
    pub hops: Vec<HopSnapshot>,
    /// Stages.
    pub stages: Vec<StageSnapshot>,
    /// Threads.
    pub threads: Vec<ThreadSnapshot>,
    /// From the grab to the end of the last stage, over all branches.
    pub end_to_end: LatencySnapshot,
    /// From one frame's grab to the next.
    pub grab_interval: LatencySnapshot,
    /// How much successive grab intervals differ.
    pub grab_jitter: LatencySnapshot,
    /// Resets.
    pub resets: Vec<ResetReport>,
    /// Reconnections.
    pub reconnects: Vec<ReconnectReport>,
    /// Diagnoses, oldest first; of those that say the same in one silence the first.
    pub diagnoses: Vec<DiagnosisReport>,
    /// The rungs of the fault ladder, in the order of [`Rung::ALL`].
    pub ladder: [RungReport; Rung::ALL.len()],
    /// Distinct faults.
    pub faults: Vec<FaultReport>,
    /// What happened, oldest first; bounded.
    pub events: Vec<EventReport>,
    /// What the source's SDK counted of itself, by its names, until the line ended; empty before, and where it counts
    /// nothing.
    pub source_counters: Vec<(String, u64)>,
    /// What the system refused.
    pub refusals: Vec<Refusal>,
    /// Slots that are out, and who holds them.
    pub held: Vec<HeldSlot>,
    /// The holders' names by lane.
    pub lanes: Vec<String>,
    /// Memory.
    pub memory: MemoryReport,
    /// Steady state.
    pub steady: SteadyReport,
    /// Samples over the whole of the run, oldest first. Bounded: those of a long run are
    /// farther apart.
    pub samples: Vec<Sample>,
    /// Anomalies that the checks of rule 5 found: name and count.
    pub anomalies: Vec<(&'static str, u64)>,
    /// Why the line ended with a failure, if it did.
    pub failure: Option<String>,
}

impl Snapshot {
    /// Rule 4, checked: every frame is accounted for, and every hop's own identity holds. Exact once the
    /// line has ended; while it runs, counters are read at slightly different moments.
    pub fn is_balanced(&self) -> bool {
        self.frames.grabbed == self.frames.accounted() && self.unbalanced_hops().is_empty()
    }

    /// Hops that lost or made up a frame.
    pub fn unbalanced_hops(&self) -> Vec<&HopSnapshot> {
        // What lies in the ring of a thread that never came back is in flight for good.
        let ended = self.state == LineState::Ended && self.threads.iter().all(|t| t.ended);
        self.hops
            .iter()
            .filter(|h| {
                let left = h.accepted.checked_sub(h.taken + h.replaced);
                left.is_none_or(|left| left > h.depth as u64 || (ended && left > 0))
            })
            .collect()
    }

    /// How far the rungs that were needed helped: `resets 12 of 12, reconnects 3 of 3`; empty where none was.
    pub fn recovery(&self) -> String {
        let names = ["retries", "back-offs", "resets", "reconnects"];
        let tried = names.iter().zip(&self.ladder).filter(|(_, r)| r.attempts > 0);
        let parts = tried.map(|(name, r)| format!("{name} {} of {}", r.successes, r.attempts));
        parts.collect::<Vec<_>>().join(", ")
    }

    /// Frames that arrived, a second.
    pub fn frames_per_second(&self) -> f64 {
        let came = self.frames.grabbed - self.frames.lost_by_device - self.frames.underrun;
        came as f64 / (self.elapsed.0.max(1) as f64 / 1e9)
    }
}

//! A line's configuration: plain values with defaults, checked once by the builder.

use crate::buffer::HugePages;
use crate::fault::FaultClass;
use crate::ring::Policy;
use crate::source::Fill;
use crate::wait::WaitStrategy;
use std::time::Duration;

/// Everything about a line except its source and its stages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LineConfig {
    /// Memory.
    pub pool: PoolSettings,
    /// The capture thread.
    pub capture: CaptureSettings,
    /// Budgets and remapping of the fault ladder.
    pub faults: FaultSettings,
    /// The quiescent reset.
    pub reset: ResetSettings,
    /// What is watched while the line runs.
    pub monitor: MonitorSettings,
}

/// Memory of the line.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolSettings {
    /// Number of slots; `None`: what the arithmetic of rings, holders and source needs, and two more.
    pub slots: Option<usize>,
    /// Slot capacity as a factor on the largest payload, `1.0..=16.0`.
    pub headroom: f64,
    /// Touched memory never exceeds this many bytes. `None`: twice what the pool starts with.
    pub budget_bytes: Option<usize>,
    /// Lock the slots in memory.
    pub lock: bool,
    /// Huge pages.
    pub huge_pages: HugePages,
    /// A guard page behind each slot instead of canary and moat.
    pub guard: bool,
}

impl Default for PoolSettings {
    fn default() -> Self {
        PoolSettings {
            slots: None,
            headroom: 1.25,
            budget_bytes: None,
            lock: true,
            huge_pages: HugePages::Off,
            guard: false,
        }
    }
}

pub use crate::agent::Urgency as Priority;

/// What to do with frames that arrive damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Damaged {
    /// Hand them on, marked incomplete.
    #[default]
    Deliver,
    /// Drop them, counted.
    Drop,
}

/// The capture thread.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptureSettings {
    /// Core to pin to, by its number in the system.
    pub core: Option<usize>,
    /// Priority.
    pub priority: Priority,
    /// How long one grab may wait for a frame.
    pub timeout: Duration,
    /// How the capture thread waits for a free slot or for room in a ring.
    pub wait: WaitStrategy,
    /// The way of filling; `None`: the best that the source can.
    pub fill: Option<Fill>,
    /// Frames that arrive damaged.
    pub damaged: Damaged,
    /// Stop after so many frames were grabbed.
    pub frames: Option<u64>,
    /// Stop after this time.
    pub duration: Option<Duration>,
}

impl Default for CaptureSettings {
    fn default() -> Self {
        CaptureSettings {
            core: None,
            priority: Priority::Normal,
            timeout: Duration::from_millis(500),
            wait: WaitStrategy::Park,
            fill: None,
            damaged: Damaged::Deliver,
            frames: None,
            duration: None,
        }
    }
}

/// Budgets of the fault ladder.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultSettings {
    /// Time-outs in a row before the source is asked what it knows, at least 1.
    pub timeouts_before_diagnosis: u32,
    /// Attempts to reopen a lost device, in one go, before the line fails; and reconnections in a row that bring no
    /// frame.
    pub reconnect_attempts: u32,
    /// Pause before the second attempt; doubled with each further one.
    pub backoff: Duration,
    /// The longest pause between attempts.
    pub backoff_max: Duration,
    /// Attempts while the device answers that it is busy, in a row, before the line fails.
    pub busy_attempts: u32,
    /// How long it may answer so. `None`: only the attempts count.
    pub busy_time: Option<Duration>,
    /// How long a lost device is looked for in one go. `None`: only the attempts count.
    pub reconnect_time: Option<Duration>,
    /// Reconnections that faults may cause in one run.
    pub reconnects: u32,
    /// Quiescent resets that faults may cause in one run.
    pub resets: u32,
    /// Quiescent resets with no frame between them before the line reconnects instead, at least 1.
    pub resets_in_a_row: u32,
    /// On an overrun the camera's rate (`AcquisitionFrameRate`) is set to this part of what it is, at most once a
    /// second, `0.1..=0.99`. `None`: the rate is left alone.
    pub lower_rate: Option<f64>,
    /// Codes that mean something else here.
    pub remap: Vec<(i64, FaultClass)>,
}

impl Default for FaultSettings {
    fn default() -> Self {
        FaultSettings {
            timeouts_before_diagnosis: 4,
            reconnect_attempts: 20,
            backoff: Duration::from_millis(100),
            backoff_max: Duration::from_secs(5),
            busy_attempts: 20,
            busy_time: None,
            reconnect_time: None,
            reconnects: u32::MAX,
            resets: u32::MAX,
            resets_in_a_row: 3,
            lower_rate: None,
            remap: Vec::new(),
        }
    }
}

/// What a reset does when its deadline passes while somebody still holds a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LatePolicy {
    /// The reset fails and the line stops, naming the holders.
    Fail,
    /// The line goes on with other memory; the old lives until its last holder lets go.
    #[default]
    Continue,
}

/// The quiescent reset.
#[derive(Debug, Clone, PartialEq)]
pub struct ResetSettings {
    /// How long rings may drain and frames may be held.
    pub deadline: Duration,
    /// Slots that have to grow become at least this factor larger, `1.0..=16.0`.
    pub growth: f64,
    /// When the deadline passes.
    pub late: LatePolicy,
}

impl Default for ResetSettings {
    fn default() -> Self {
        ResetSettings { deadline: Duration::from_secs(2), growth: 1.5, late: LatePolicy::Continue }
    }
}

/// What is watched while the line runs.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorSettings {
    /// Time between two samples of memory, page faults and occupancy.
    pub interval: Duration,
    /// A stage or a control call that takes longer than this is named in the log and the report.
    pub hang_after: Duration,
    /// A fault that keeps coming is logged again, with its count, after this time.
    pub log_repeats: Duration,
    /// Memory and page faults before this time count as warm-up, not as steady state.
    pub warm_up: Duration,
    /// Whether the line logs; not for a line that only serves another one.
    pub log: bool,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        MonitorSettings {
            interval: Duration::from_millis(100),
            hang_after: Duration::from_secs(2),
            log_repeats: Duration::from_secs(60),
            warm_up: Duration::from_millis(500),
            log: true,
        }
    }
}

/// What a stage follows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum After {
    /// The stage that was added before it; the source for the first.
    #[default]
    Previous,
    /// The source itself.
    Source,
    /// The stage of that name.
    Stage(String),
}

/// A stage's place in the line.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSpec {
    /// Its name, once in a line.
    pub name: String,
    /// What it follows.
    pub after: After,
    /// Stages with the same thread name, one after the other, share a thread and need no hop.
    pub thread: Option<String>,
    /// Core to pin its thread to; worker `i` takes core + i.
    pub core: Option<usize>,
    /// Priority of its thread.
    pub priority: Priority,
    /// Number of threads that frames are dealt to in turn, `1..=64`; order is kept.
    pub workers: usize,
    /// Depth of the ring before it (before each worker), `1..=65536`.
    pub ring: usize,
    /// What its ring does when full. `None`: `every` where that can be waited for, else `refuse`.
    pub policy: Option<Policy>,
    /// How it waits for frames.
    pub wait: WaitStrategy,
    /// How many frames it may keep beyond its turn; part of the pool's arithmetic.
    pub holds: usize,
}

impl StageSpec {
    /// Depth of a ring where none is given.
    pub const DEFAULT_RING: usize = 4;

    /// A stage of that name with everything else at its default.
    pub fn new(name: impl Into<String>) -> Self {
        StageSpec {
            name: name.into(),
            after: After::Previous,
            thread: None,
            core: None,
            priority: Priority::Normal,
            workers: 1,
            ring: Self::DEFAULT_RING,
            policy: None,
            wait: WaitStrategy::Park,
            holds: 0,
        }
    }

    /// Sets what it follows.
    pub fn after(mut self, after: After) -> Self {
        self.after = after;
        self
    }

    /// Sets the thread it shares.
    pub fn thread(mut self, thread: impl Into<String>) -> Self {
        self.thread = Some(thread.into());
        self
    }

    /// Sets the number of workers.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Sets the ring's depth.
    pub fn ring(mut self, depth: usize) -> Self {
        self.ring = depth;
        self
    }

    /// Sets the policy of a full ring.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Sets how it waits.
    pub fn wait(mut self, wait: WaitStrategy) -> Self {
        self.wait = wait;
        self
    }

    /// Sets the core.
    pub fn core(mut self, core: usize) -> Self {
        self.core = Some(core);
        self
    }

    /// Sets how many frames it may keep.
    pub fn holds(mut self, frames: usize) -> Self {
        self.holds = frames;
        self
    }
}

impl From<&str> for StageSpec {
    fn from(name: &str) -> Self {
        StageSpec::new(name)
    }
}

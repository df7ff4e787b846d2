//! How a consumer waits: spin, yield, or park after a bounded spin.

pub use crate::sync::WakeCell;
use std::time::Duration;

/// No wait lasts longer than this before the waiter looks at its orders again.
pub const MAX_PARK: Duration = Duration::from_millis(100);

/// Turns of a pure spin or yield between two looks at the waiter's orders (about 20 to 100 us).
const SPIN_TURNS: u32 = 1024;
const YIELD_TURNS: u32 = 64;

/// Bounds of the adaptive spin before parking, in turns. The lower one keeps a slow line cheap, the
/// upper one (about 20 us) is what a system call for waking would cost anyway.
const MIN_PARK_SPIN: u32 = 8;
const MAX_PARK_SPIN: u32 = 512;

/// How a thread waits for the next frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WaitStrategy {
    /// Burns a core; the lowest latency; no system call.
    Spin,
    /// Gives the core to others between looks; needs no wake-up from the producer.
    Yield,
    /// Spins briefly, adapting to how often that pays, then sleeps until woken. The default.
    #[default]
    Park,
}

impl WaitStrategy {
    /// Whether producers have to wake a consumer that waits in this way.
    pub fn needs_wake(self) -> bool {
        self == WaitStrategy::Park
    }

    /// The names a configuration may use.
    pub const NAMES: [&'static str; 3] = ["spin", "yield", "park"];

    /// The strategy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "spin" => Some(WaitStrategy::Spin),
            "yield" => Some(WaitStrategy::Yield),
            "park" => Some(WaitStrategy::Park),
            _ => None,
        }
    }

    /// The name that a configuration uses.
    pub fn name(self) -> &'static str {
        match self {
            WaitStrategy::Spin => "spin",
            WaitStrategy::Yield => "yield",
            WaitStrategy::Park => "park",
        }
    }
}

/// One thread's waiting: the strategy and what it has learnt.
#[derive(Debug)]
pub struct Waiter {
    strategy: WaitStrategy,
    park_spin: u32,
}

impl Waiter {
    /// A waiter of that strategy.
    pub fn new(strategy: WaitStrategy) -> Self {
        Waiter { strategy, park_spin: MIN_PARK_SPIN * 4 }
    }

    /// The strategy.
    pub fn strategy(&self) -> WaitStrategy {
        self.strategy
    }

    /// Waits until `ready` holds, at most until `bound` has passed ([`MAX_PARK`] caps it), and returns
    /// whether it holds. `bed` is where producers wake this thread.
    ///
    /// # Real-time
    /// The thread attached to `bed`. No allocation, no lock; system calls as the strategy says.
    #[inline]
    pub fn wait(
        &mut self,
        bed: &WakeCell,
        bound: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> bool {
        match self.strategy {
            WaitStrategy::Spin => spin(SPIN_TURNS, &mut ready),
            WaitStrategy::Yield => {
                if spin(YIELD_TURNS, &mut ready) {
                    return true;
                }
                std::thread::yield_now();
                ready()
            }
            WaitStrategy::Park => {
                if spin(self.park_spin, &mut ready) {
                    self.park_spin = (self.park_spin * 2).min(MAX_PARK_SPIN);
                    return true;
                }
                self.park_spin = (self.park_spin / 2).max(MIN_PARK_SPIN);
                bed.park_unless(ready, bound.min(MAX_PARK))
            }
        }
    }
}

#[inline]
fn spin(turns: u32, ready: &mut impl FnMut() -> bool) -> bool {
    // The model checker explores every turn: one shows all that many do.
    let turns = if cfg!(loom) { 1 } else { turns };
    for _ in 0..turns {
        if ready() {
            return true;
        }
        std::hint::spin_loop();
    }
    false
}

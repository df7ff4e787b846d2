//! The time of one camera: the machine's, or a virtual one that only moves when somebody waits.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point of a camera's time, in nanoseconds since the camera was made.
pub type Nanos = u64;

/// Nanoseconds of `ms` milliseconds.
pub const fn millis(ms: u64) -> Nanos {
    ms.saturating_mul(1_000_000)
}

/// Which time the cameras live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockKind {
    /// The machine's monotonic clock; waits are real.
    #[default]
    Real,
    /// Moves only when a call waits, or when a test moves it; no wait takes real time.
    Virtual,
}

/// A camera's clock.
#[derive(Debug)]
pub struct Clock {
    kind: ClockKind,
    origin: Instant,
    moved: Nanos,
    host_origin_ms: u64,
}

impl Clock {
    /// A clock at zero.
    pub fn new(kind: ClockKind) -> Clock {
        let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { kind, origin: Instant::now(), moved: 0, host_origin_ms: host.as_millis() as u64 }
    }

    /// Whether waits take no real time.
    pub fn is_virtual(&self) -> bool {
        self.kind == ClockKind::Virtual
    }

    /// The time.
    pub fn now(&self) -> Nanos {
        match self.kind {
            ClockKind::Real => self.origin.elapsed().as_nanos() as u64 + self.moved,
            ClockKind::Virtual => self.moved,
        }
    }

    /// Moves the time ahead; a real clock leaps.
    pub fn advance(&mut self, by: Nanos) {
        self.moved = self.moved.saturating_add(by);
    }

    /// Moves a virtual clock ahead to `to`; does nothing to a real one, or when that time is past.
    pub fn reach(&mut self, to: Nanos) {
        if self.is_virtual() {
            self.moved = self.moved.max(to);
        }
    }

    /// How long a real wait until `to` takes.
    pub fn until(&self, to: Nanos) -> Duration {
        Duration::from_nanos(to.saturating_sub(self.now()))
    }

    /// The host's clock at `at`, in milliseconds since 1970.
    pub fn host_ms(&self, at: Nanos) -> i64 {
        (self.host_origin_ms + at / 1_000_000) as i64
    }
}

//! Time, typed by its clock: a host time is never subtracted from a device time.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// A length of time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The same length as a [`Duration`].
    pub fn as_duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl From<Duration> for Nanos {
    fn from(d: Duration) -> Self {
        Nanos(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n @ 0..=9_999 => write!(f, "{n} ns"),
            n @ 10_000..=9_999_999 => write!(f, "{:.1} us", n as f64 / 1e3),
            n @ 10_000_000..=9_999_999_999 => write!(f, "{:.1} ms", n as f64 / 1e6),
            n => write!(f, "{:.2} s", n as f64 / 1e9),
        }
    }
}

/// Nanoseconds of the host's monotonic clock since this process's clock was first read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HostTime(pub u64);

impl Sub for HostTime {
    type Output = Nanos;
    /// The time from `earlier` to `self`; zero if `earlier` is the later one (two cores' counters may
    /// differ by a few cycles).
    fn sub(self, earlier: HostTime) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for HostTime {
    type Output = HostTime;
    fn add(self, d: Duration) -> HostTime {
        HostTime(self.0.saturating_add(Nanos::from(d).0))
    }
}

/// Nanoseconds of the device's own clock. Comparable only with times of the same device; 0 means that
/// the device gives none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DeviceTime(pub u64);

/// The clock that a line reads. Cloning is cheap; all host clocks of a process share one origin.
#[derive(Debug, Clone)]
pub struct Clock(Inner);

#[derive(Debug, Clone)]
enum Inner {
    Host { clock: quanta::Clock, origin: u64 },
    Manual(Arc<AtomicU64>),
}

struct Origin {
    clock: quanta::Clock,
    raw: u64,
}

fn origin() -> &'static Origin {
    static ORIGIN: std::sync::OnceLock<Origin> = std::sync::OnceLock::new();
    ORIGIN.get_or_init(|| {
        let clock = quanta::Clock::new();
        let raw = clock.raw();
        Origin { clock, raw }
    })
}

impl Clock {
    /// The host's monotonic clock: the invariant time-stamp counter where there is one (read without a
    /// system call), else the system's. The first call in a process calibrates it, up to 0.2 s.
    pub fn host() -> Self {
        let o = origin();
        Clock(Inner::Host { clock: o.clock.clone(), origin: o.raw })
    }

    /// A clock that stands still until [`ManualClock::advance`] moves it, for tests.
    pub fn manual() -> (Self, ManualClock) {
        let cell = Arc::new(AtomicU64::new(0));
        (Clock(Inner::Manual(cell.clone())), ManualClock(cell))
    }

    /// Now.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock, no system call where the counter is invariant.
    #[inline]
    pub fn now(&self) -> HostTime {
        match &self.0 {
            Inner::Host { clock, origin } => HostTime(clock.delta_as_nanos(*origin, clock.raw())),
            Inner::Manual(cell) => HostTime(cell.load(Ordering::Relaxed)),
        }
    }
}

/// The calendar time of a host time, for logs and file names; not for measuring.
pub fn wall_time(at: HostTime) -> SystemTime {
    // Both are read each time: in months the counter drifts by minutes from the calendar, which is also set at times.
    let (wall, now) = (SystemTime::now(), Clock::host().now());
    match now.0.checked_sub(at.0) {
        Some(ago) => wall - Duration::from_nanos(ago),
        None => wall + Duration::from_nanos(at.0 - now.0),
    }
}

/// Moves a [`Clock::manual`].
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Moves the clock on by `d`.
    pub fn advance(&self, d: Duration) {
        self.0.fetch_add(Nanos::from(d).0, Ordering::Relaxed);
    }
}

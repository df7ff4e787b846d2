//! When frames are due, and how the wait for them is spent.

use super::config::{Rate, Trigger};
use crate::clock::{Clock, DeviceTime, HostTime, ManualClock};
use std::time::Duration;

/// Above this rate the last microseconds before a frame are spun, not slept.
const SPIN_RATE: f64 = 2000.0;
/// How much earlier a sleep ends where the rest is spun: a sleep overshoots by about this much.
const SPIN_NANOS: u64 = 60_000;
/// The device's clock at the host's time 0: any number, so that nobody takes one clock for the other.
const DEVICE_EPOCH_NANOS: u64 = 1_234_567_890_123;
/// Triggers of one round of the external pattern, and how many of them come at twice the rate.
const ROUND: u64 = 24;
const FAST: u64 = 12;

/// The schedule of due times, in host nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    anchor: u64,
    count: u64,
    period_nanos: f64,
    external: bool,
    burst_left: u32,
    burst_at: u64,
}

impl Schedule {
    /// `None`: frames are not made by time ([`Rate::Max`], or a software trigger).
    pub fn new(rate: Rate, trigger: Trigger, start: HostTime) -> Option<Schedule> {
        let Rate::Hz(hz) = rate else { return None };
        let external = match trigger {
            Trigger::Off => false,
            Trigger::External => true,
            Trigger::Software => return None,
        };
        let (anchor, period_nanos) = (start.0, 1e9 / hz);
        Some(Schedule { anchor, count: 0, period_nanos, external, burst_left: 0, burst_at: 0 })
    }

    /// When the next frame is due.
    pub fn due(&self) -> HostTime {
        if self.burst_left > 0 {
            return HostTime(self.burst_at);
        }
        let (n, within) = (self.count - self.count % ROUND, self.count % ROUND);
        let periods = if self.external && within < FAST {
            n as f64 + within as f64 / 2.0
        } else {
            self.count as f64
        };
        HostTime(self.anchor.saturating_add((periods * self.period_nanos) as u64))
    }

    /// The frame that was due has been made.
    pub fn advance(&mut self) {
        if self.burst_left > 0 { self.burst_left -= 1 } else { self.count += 1 }
    }

    /// The next `count` frames are due at once.
    pub fn burst(&mut self, at: HostTime, count: u32) {
        (self.burst_at, self.burst_left) = (at.0, count);
    }

    /// All that is due comes so much later.
    pub fn shift(&mut self, by: Duration) {
        self.anchor = (HostTime(self.anchor) + by).0;
    }
}

/// The clocks of the host and of the device, and waiting.
#[derive(Debug)]
pub(super) struct Pacer {
    clock: Clock,
    /// In tests, waiting moves the clock instead of the world.
    hand: Option<ManualClock>,
    spins: bool,
    drift: f64,
}

impl Pacer {
    pub fn new(clock: Clock, hand: Option<ManualClock>, rate: Rate, drift_ppm: f64) -> Pacer {
        let mut pacer = Pacer { clock, hand, spins: false, drift: drift_ppm * 1e-6 };
        pacer.set_rate(rate);
        pacer
    }

    pub fn set_rate(&mut self, rate: Rate) {
        self.spins = matches!(rate, Rate::Hz(hz) if hz > SPIN_RATE);
    }

    #[inline]
    pub fn now(&self) -> HostTime {
        self.clock.now()
    }

    /// The device's clock at a host time.
    #[inline]
    pub fn device_time(&self, at: HostTime) -> DeviceTime {
        let drift = if self.drift == 0.0 { 0 } else { (at.0 as f64 * self.drift).round() as i64 };
        DeviceTime(at.0.saturating_add(DEVICE_EPOCH_NANOS).saturating_add_signed(drift))
    }

    /// Waits until `at`. Sleeps, and spins the last microseconds at high rates.
    pub fn wait_until(&self, at: HostTime) {
        let left = (at - self.now()).as_duration();
        if let Some(hand) = &self.hand {
            return hand.advance(left);
        }
        let spin = Duration::from_nanos(if self.spins { SPIN_NANOS } else { 0 });
        if left > spin {
            std::thread::sleep(left - spin);
        }
        while self.now() < at && self.spins {
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dues(schedule: &mut Schedule, n: usize) -> Vec<u64> {
        let step = |s: &mut Schedule| {
            let due = s.due().0;
            s.advance();
            due
        };
        (0..n).map(|_| step(schedule)).collect()
    }

    #[test]
    fn the_rate_does_not_drift_by_rounding() {
        let mut s = Schedule::new(Rate::Hz(3.0), Trigger::Off, HostTime(7)).unwrap();
        let all = dues(&mut s, 3_000_001);
        assert_eq!(all[3], 1_000_000_007);
        assert_eq!(all[3_000_000], 1_000_000 * 1_000_000_000 + 7);
    }

    #[test]
    fn a_burst_comes_at_once_and_the_schedule_goes_on_after_it() {
        let mut s = Schedule::new(Rate::Hz(1000.0), Trigger::Off, HostTime(0)).unwrap();
        assert_eq!(dues(&mut s, 2), [0, 1_000_000]);
        s.burst(HostTime(1_000_000), 2);
        assert_eq!(dues(&mut s, 3), [1_000_000, 1_000_000, 2_000_000]);
    }

    #[test]
    fn external_triggers_burst_and_pause_and_keep_the_mean_rate() {
        let mut s = Schedule::new(Rate::Hz(1000.0), Trigger::External, HostTime(0)).unwrap();
        let all = dues(&mut s, 49);
        assert!(all.is_sorted());
        assert_eq!((all[1], all[11], all[12]), (500_000, 5_500_000, 12_000_000));
        assert_eq!(all[48], 48_000_000);
    }

    #[test]
    fn device_time_is_another_clock_with_its_own_speed() {
        let (clock, _) = Clock::manual();
        let pacer = Pacer::new(clock, None, Rate::Max, 100.0);
        let a = pacer.device_time(HostTime(0)).0;
        let b = pacer.device_time(HostTime(1_000_000_000)).0;
        assert_eq!((a, b - a), (DEVICE_EPOCH_NANOS, 1_000_100_000));
    }
}

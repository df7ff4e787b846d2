//! Takes its time on purpose, for experiments: what does the line do when a stage is slow?

use super::keys::DAY;
use super::{Key, KeyType};
use crate::buffer::Frame;
use crate::clock::{Clock, Nanos};
use crate::stage::{Figure, Flow, Stage, StageContext, StageError, StageResults};
use crate::telemetry::Counter;
use std::sync::Arc;
use std::time::Duration;

/// Keys of `kind = "delay"`.
pub const DELAY_KEYS: &[Key] = &[
    Key {
        name: "time",
        value: KeyType::Duration { min: 0, max: DAY },
        default: "\"1ms\"",
        about: "how long it takes for a frame",
    },
    Key {
        name: "mode",
        value: KeyType::Choice(&["busy", "sleep"]),
        default: "\"busy\"",
        about: "busy keeps its core at work, sleep gives it up",
    },
    Key {
        name: "jitter",
        value: KeyType::Duration { min: 0, max: DAY },
        default: "\"0ns\"",
        about: "up to so much more, evenly spread",
    },
    Key {
        name: "seed",
        value: KeyType::Integer { min: 0, max: i64::MAX },
        default: "1",
        about: "of the jitter; equal seeds give equal delays",
    },
    Key {
        name: "every",
        value: KeyType::Integer { min: 1, max: i64::MAX },
        default: "1",
        about: "only every n-th frame (by the line's own number) is delayed",
    },
];

/// How time is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DelayMode {
    /// The core works.
    #[default]
    Busy,
    /// The thread sleeps.
    Sleep,
}

/// How long, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelaySettings {
    /// Time for a frame.
    pub time: Duration,
    /// How it is passed.
    pub mode: DelayMode,
    /// Up to so much more, evenly spread.
    pub jitter: Duration,
    /// Seed of the jitter.
    pub seed: u64,
    /// Every n-th frame, from 1.
    pub every: u64,
}

impl Default for DelaySettings {
    fn default() -> Self {
        DelaySettings {
            time: Duration::from_millis(1),
            mode: DelayMode::Busy,
            jitter: Duration::ZERO,
            seed: 1,
            every: 1,
        }
    }
}

#[derive(Debug, Default)]
struct Figures {
    frames: Counter,
    delayed: Counter,
    nanos: Counter,
}

impl StageResults for Figures {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("frames", Figure::Count(self.frames.get())),
            ("delayed", Figure::Count(self.delayed.get())),
            ("delay_ns", Figure::Count(self.nanos.get())),
        ]
    }
}

/// Passes every frame on after a while.
#[derive(Debug)]
pub struct Delay {
    settings: DelaySettings,
    random: u64,
    clock: Clock,
    figures: Arc<Figures>,
}

impl Delay {
    /// A stage that takes its time. `every` of 0 is taken as 1.
    pub fn new(settings: DelaySettings) -> Self {
        let random = settings.seed;
        Delay { settings, random, clock: Clock::host(), figures: Arc::default() }
    }

    /// The delay of the next frame that is delayed.
    fn next_delay(&mut self) -> Nanos {
        let jitter = Nanos::from(self.settings.jitter).0;
        // SplitMix64: every seed is good, 0 too.
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let more = (u128::from(z ^ (z >> 31)) * (u128::from(jitter) + 1)) >> 64;
        Nanos(Nanos::from(self.settings.time).0.saturating_add(more as u64))
    }
}

impl Stage for Delay {
    /// # Real-time
    /// Stage-bound. No allocation, no lock; waits on purpose, with system calls in sleep mode.
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        self.figures.frames.bump();
        if frame.meta().sequence.is_multiple_of(self.settings.every.max(1)) {
            let time = self.next_delay();
            let start = self.clock.now();
            match self.settings.mode {
                DelayMode::Sleep => std::thread::sleep(time.as_duration()),
                DelayMode::Busy => {
                    while self.clock.now() - start < time {
                        std::hint::spin_loop();
                    }
                }
            }
            self.figures.delayed.bump();
            self.figures.nanos.add((self.clock.now() - start).0);
        }
        Ok(Flow::Pass)
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.figures.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::measure::tests::frame_of;
    use super::*;
    use crate::clock::HostTime;
    use crate::format::{Geometry, PixelFormat};

    #[test]
    fn jitter_stays_in_its_range_and_repeats() {
        // Catches jitter that wraps below the time, or that a seed does not repeat.
        let settings = DelaySettings {
            time: Duration::from_nanos(100),
            jitter: Duration::from_nanos(10),
            seed: 0,
            ..DelaySettings::default()
        };
        let delays = |s: &DelaySettings| {
            let mut d = Delay::new(s.clone());
            (0..500).map(|_| d.next_delay().0).collect::<Vec<_>>()
        };
        let first = delays(&settings);
        assert!(first.iter().all(|d| (100..=110).contains(d)));
        assert!(first.contains(&100) && first.contains(&110));
        assert_eq!(first, delays(&settings));
        assert_ne!(first, delays(&DelaySettings { seed: 1, ..settings.clone() }));
    }

    #[test]
    fn only_every_nth_frame_is_delayed_and_by_at_least_the_time() {
        // Catches a delay that ends early, and one that counts calls instead of the line's frames.
        for mode in [DelayMode::Busy, DelayMode::Sleep] {
            let time = Duration::from_micros(200);
            let mut stage =
                Delay::new(DelaySettings { time, mode, every: 5, ..DelaySettings::default() });
            let (mut frame, _pool) = frame_of(&Geometry::new(2, 2, PixelFormat::MONO8), &[0; 4]);
            for i in 0..10 {
                frame.meta_mut().unwrap().sequence = i;
                let cx = &mut StageContext::new(HostTime(0), None);
                assert!(matches!(stage.process(&mut frame, cx), Ok(Flow::Pass)));
            }
            let figures = stage.results().unwrap().read();
            assert_eq!(figures[1], ("delayed", Figure::Count(2)));
            assert!(matches!(figures[2].1, Figure::Count(n) if n >= 400_000));
        }
    }
}

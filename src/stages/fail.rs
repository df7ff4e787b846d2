//! Fails on purpose, for experiments: what does the line do when a stage errs, panics or hangs?

use super::keys::DAY;
use super::{Key, KeyType};
use crate::buffer::Frame;
use crate::stage::{Figure, Flow, Stage, StageContext, StageError, StageResults};
use crate::telemetry::Counter;
use std::sync::Arc;
use std::time::Duration;

/// Keys of `kind = "fail"`.
pub const FAIL_KEYS: &[Key] = &[
    Key {
        name: "mode",
        value: KeyType::Choice(&["error", "panic", "hang"]),
        default: "\"error\"",
        about: "give the frame up, panic on it, or hang on it for a while and pass it on",
    },
    Key {
        name: "at",
        value: KeyType::Integers,
        default: "[]",
        about: "frames to fail on, by the line's own number, from 0",
    },
    Key {
        name: "every",
        value: KeyType::Integer { min: 0, max: i64::MAX },
        default: "0",
        about: "fail on every n-th frame; 0: only on those of `at`",
    },
    Key {
        name: "hang",
        value: KeyType::Duration { min: 0, max: DAY },
        default: "\"1s\"",
        about: "how long mode hang takes",
    },
];

/// In what way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailMode {
    /// Returns an error: the frame is given up.
    #[default]
    Error,
    /// Panics: the frame is given up.
    Panic,
    /// Does not return for a while, then passes the frame on.
    Hang,
}

/// In what way, when, how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailSettings {
    /// In what way.
    pub mode: FailMode,
    /// Frames to fail on, by sequence.
    pub at: Vec<u64>,
    /// Every n-th frame, counted from 1 (so frame n-1 is the first); 0: none.
    pub every: u64,
    /// How long a hang lasts.
    pub hang: Duration,
}

impl Default for FailSettings {
    fn default() -> Self {
        FailSettings {
            mode: FailMode::Error,
            at: Vec::new(),
            every: 0,
            hang: Duration::from_secs(1),
        }
    }
}

#[derive(Debug, Default)]
struct Figures {
    frames: Counter,
    failures: Counter,
}

impl StageResults for Figures {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("frames", Figure::Count(self.frames.get())),
            ("failures", Figure::Count(self.failures.get())),
        ]
    }
}

/// Passes frames on, except those it fails on.
#[derive(Debug)]
pub struct Fail {
    settings: FailSettings,
    figures: Arc<Figures>,
}

impl Fail {
    /// The error that mode `error` returns.
    pub const ERROR: StageError = StageError::new(1, "the fail stage was told to fail here");

    /// A stage that fails as told.
    pub fn new(mut settings: FailSettings) -> Self {
        settings.at.sort_unstable();
        Fail { settings, figures: Arc::default() }
    }

    fn is_due(&self, sequence: u64) -> bool {
        let s = &self.settings;
        (s.every > 0 && sequence % s.every == s.every - 1) || s.at.binary_search(&sequence).is_ok()
    }
}

impl Stage for Fail {
    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call, except where it fails as told.
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        self.figures.frames.bump();
        let sequence = frame.meta().sequence;
        if self.is_due(sequence) {
            self.figures.failures.bump();
            match self.settings.mode {
                FailMode::Error => return Err(Self::ERROR),
                FailMode::Panic => panic!("the fail stage was told to panic at frame {sequence}"),
                FailMode::Hang => std::thread::sleep(self.settings.hang),
            }
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

    fn failing(settings: FailSettings, frames: u64) -> Vec<u64> {
        let mut stage = Fail::new(settings);
        let (mut frame, _pool) = frame_of(&Geometry::new(2, 2, PixelFormat::MONO8), &[0; 4]);
        let mut failed = Vec::new();
        for i in 0..frames {
            frame.meta_mut().unwrap().sequence = i;
            if stage.process(&mut frame, &mut StageContext::new(HostTime(0), None)).is_err() {
                failed.push(i);
            }
        }
        failed
    }

    #[test]
    fn it_fails_exactly_where_told() {
        // Catches off-by-one in `every`, an unsorted `at`, and a default that fails at all.
        assert!(failing(FailSettings::default(), 10).is_empty());
        let at = FailSettings { at: vec![7, 0, 3], every: 0, ..FailSettings::default() };
        assert_eq!(failing(at, 10), [0, 3, 7]);
        let every = FailSettings { every: 4, ..FailSettings::default() };
        assert_eq!(failing(every, 10), [3, 7]);
    }

    #[test]
    fn a_panic_is_a_panic_and_a_hang_passes_the_frame() {
        // Catches modes taken for each other.
        let panic = FailSettings { mode: FailMode::Panic, every: 1, ..FailSettings::default() };
        assert!(std::panic::catch_unwind(|| failing(panic, 1)).is_err());
        let hang = FailSettings {
            mode: FailMode::Hang,
            every: 1,
            hang: Duration::from_millis(2),
            ..FailSettings::default()
        };
        let start = std::time::Instant::now();
        assert!(failing(hang, 1).is_empty());
        assert!(start.elapsed() >= Duration::from_millis(2));
    }
}

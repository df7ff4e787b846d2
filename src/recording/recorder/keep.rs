//! Which of a recording's segments stay.

use crate::clock::HostTime;
use std::path::PathBuf;
use std::time::Duration;

/// What of a recording is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// All of it.
    #[default]
    All,
    /// The last so long: older segments are removed as newer ones are closed.
    Last(Duration),
    /// What was so long before and after each trigger: a failed part, or a fault.
    Around {
        /// Before it.
        before: Duration,
        /// After it.
        after: Duration,
        /// Failed parts are triggers.
        on_failed: bool,
        /// Faults, resets and reconnections are triggers; time-outs alone are none.
        on_fault: bool,
    },
}

/// Segments that a stretch of time is divided into, so that what is kept is not much more than was asked for.
const PARTS: u32 = 4;
/// The shortest segment by time.
const SHORTEST: Duration = Duration::from_millis(250);

impl Keep {
    /// The word for it in a recording's header.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Keep::All => "all",
            Keep::Last(_) => "last",
            Keep::Around { .. } => "events",
        }
    }

    /// The time that a segment may cover so that the files kept are at most a quarter longer than asked for.
    pub fn segment_time(&self) -> Option<Duration> {
        let time = match self {
            Keep::All => return None,
            Keep::Last(time) => *time,
            Keep::Around { before, after, .. } => *before + *after,
        };
        Some((time / PARTS).max(SHORTEST))
    }
}

/// A closed segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    pub path: PathBuf,
    pub frames: u64,
    pub first: HostTime,
    pub last: HostTime,
    /// A trigger keeps it, whatever comes.
    pub kept: bool,
}

/// The closed segments of a recording, and the triggers that keep them.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub closed: Vec<Closed>,
    pub triggers: Vec<HostTime>,
}

impl Shelf {
    /// Takes out the segments that need not stay, now that the newest frame came at `now`; with `end` no trigger can
    /// come any more.
    pub fn take_expired(&mut self, keep: &Keep, now: HostTime, end: bool) -> Vec<Closed> {
        let ns = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        if *keep == Keep::All {
            return Vec::new();
        }
        let triggers = &self.triggers;
        let goes = |s: &mut Closed| match keep {
            Keep::All => false,
            Keep::Last(time) => s.last.0.saturating_add(ns(*time)) < now.0,
            Keep::Around { before, after, .. } => {
                // Once and for all: triggers that are past are forgotten below.
                s.kept = s.kept
                    || triggers.iter().any(|t| {
                        s.last.0 >= t.0.saturating_sub(ns(*before))
                            && s.first.0 <= t.0.saturating_add(ns(*after))
                    });
                !s.kept && (end || s.last.0.saturating_add(ns(*before)) < now.0)
            }
        };
        let gone = self.closed.extract_if(.., goes).collect();
        // Triggers that no segment to come can need.
        if let Keep::Around { after, .. } = keep {
            let newest = self.triggers.last().copied();
            self.triggers.retain(|t| Some(*t) == newest || t.0.saturating_add(ns(*after)) >= now.0);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(segments: u64) -> Shelf {
        let closed = |n: u64| Closed {
            path: format!("{n}").into(),
            frames: 1,
            first: HostTime(n * 1_000_000_000),
            last: HostTime(n * 1_000_000_000 + 999_999_999),
            kept: false,
        };
        Shelf { closed: (0..segments).map(closed).collect(), triggers: Vec::new() }
    }

    fn names(closed: &[Closed]) -> Vec<String> {
        closed.iter().map(|c| c.path.display().to_string()).collect()
    }

    fn at(seconds: u64) -> HostTime {
        HostTime(seconds * 1_000_000_000)
    }

    #[test]
    fn the_last_seconds_stay_whole() {
        // Catches a segment that goes while part of it is still wanted.
        let mut s = shelf(6);
        let (keep, now) = (Keep::Last(Duration::from_secs(3)), HostTime(5_500_000_000));
        assert_eq!(names(&s.take_expired(&keep, now, false)), ["0", "1"]);
        assert_eq!(names(&s.closed), ["2", "3", "4", "5"]);
        assert!(s.take_expired(&Keep::All, at(600), true).is_empty());
    }

    #[test]
    fn what_is_around_a_trigger_stays_and_nothing_else() {
        // Catches the seconds before a fault that were removed before it came, and those after it that were not kept.
        let second = Duration::from_secs(1);
        let keep =
            Keep::Around { before: 2 * second, after: second, on_failed: true, on_fault: true };
        let mut s = shelf(10);
        s.triggers.push(HostTime(5_500_000_000));
        assert_eq!(names(&s.take_expired(&keep, at(10), false)), ["0", "1", "2", "7"]);
        assert_eq!(names(&s.closed), ["3", "4", "5", "6", "8", "9"]);
        assert_eq!(names(&s.take_expired(&keep, at(10), true)), ["8", "9"]);
        // A second trigger, long after: the first one's seconds stay.
        s.triggers.push(at(100));
        assert!(s.take_expired(&keep, at(200), false).is_empty());
        assert!(s.take_expired(&keep, at(300), true).is_empty());
        assert_eq!(names(&s.closed), ["3", "4", "5", "6"]);
        let mut quiet = shelf(4);
        assert_eq!(quiet.take_expired(&keep, at(4), true).len(), 4, "nothing happened");
    }
}

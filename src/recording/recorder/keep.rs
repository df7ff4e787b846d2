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
/// A fault is told a moment after it happened: so much longer nothing is let go.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

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

impl Keep {
    /// Whether what came before an event is kept.
    pub(super) fn looks_back(&self) -> bool {
        !matches!(self, Keep::Around { before, .. } if before.is_zero())
    }
}

/// A closed segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    pub path: PathBuf,
    pub frames: u64,
    pub first: HostTime,
    pub last: HostTime,
}

/// The closed segments of a recording whose fate is open, and the triggers that keep them.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub closed: Vec<Closed>,
    pub triggers: Vec<HostTime>,
    /// The first segment that a trigger keeps: no later look may take it away.
    pub oldest_kept: Option<PathBuf>,
}

impl Shelf {
    /// Takes out the segments that need not stay, now that the newest frame came at `now`; with `end` no trigger can
    /// come any more.
    pub fn take_expired(&mut self, keep: &Keep, now: HostTime, end: bool) -> Vec<Closed> {
        let ns = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let mut gone = Vec::new();
        match *keep {
            // Only the first is asked for: it may have to get the recording's name.
            Keep::All => self.closed.truncate(1),
            Keep::Last(time) => {
                let is_old = |s: &mut Closed| s.last.0.saturating_add(ns(time)) < now.0;
                gone.extend(self.closed.extract_if(.., is_old));
            }
            Keep::Around { before, after, .. } => {
                let Some(newest) = self.closed.last().map(|s| s.last) else { return gone };
                for s in std::mem::take(&mut self.closed) {
                    let keeps = |t: &HostTime| {
                        s.last.0 >= t.0.saturating_sub(ns(before))
                            && s.first.0 <= t.0.saturating_add(ns(after))
                    };
                    if self.triggers.iter().any(keeps) {
                        // It leaves the shelf: a trigger that is forgotten later has kept it for good.
                        self.oldest_kept.get_or_insert(s.path);
                    } else if end || s.last.0.saturating_add(ns(before + TOLD_WITHIN)) < now.0 {
                        gone.push(s);
                    } else {
                        self.closed.push(s);
                    }
                }
                // Segments to come begin after those that were closed.
                self.triggers.retain(|t| t.0.saturating_add(ns(after)) >= newest.0);
            }
        }
        gone
    }

    /// The oldest file that is left.
    pub fn oldest(&self) -> Option<&PathBuf> {
        self.oldest_kept.as_ref().or(self.closed.first().map(|s| &s.path))
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
        };
        Shelf { closed: (0..segments).map(closed).collect(), ..Shelf::default() }
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
        assert_eq!(names(&s.take_expired(&keep, at(10), false)), ["0", "1", "2"]);
        assert_eq!(names(&s.closed), ["7", "8", "9"], "they may still be wanted");
        assert_eq!(s.oldest(), Some(&"3".into()));
        assert_eq!(names(&s.take_expired(&keep, at(10), true)), ["7", "8", "9"]);
        let mut quiet = shelf(4);
        assert_eq!(quiet.take_expired(&keep, at(4), true).len(), 4, "nothing happened");
    }

    #[test]
    fn a_later_trigger_takes_nothing_away() {
        // Catches an event whose segments go once the next one has come.
        let second = Duration::from_secs(1);
        let keep = Keep::Around { before: second, after: second, on_failed: true, on_fault: true };
        let (mut s, all) = (shelf(0), shelf(40).closed);
        let mut gone = Vec::new();
        for segment in all {
            let now = segment.last;
            for t in [HostTime(5_500_000_000), HostTime(20_500_000_000)] {
                if (segment.first..=segment.last).contains(&t) {
                    s.triggers.push(t);
                }
            }
            s.closed.push(segment);
            gone.extend(names(&s.take_expired(&keep, now, false)));
        }
        gone.extend(names(&s.take_expired(&keep, at(40), true)));
        let left: Vec<_> = (0..40).map(|n| n.to_string()).filter(|n| !gone.contains(n)).collect();
        assert_eq!(left, ["4", "5", "6", "19", "20", "21"]);
        assert!(s.triggers.len() <= 1, "what is over is forgotten: {:?}", s.triggers);
    }
}

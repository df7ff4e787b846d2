//! The three questions, and what is known about them: how often do errors come, how often does the line recover
//! and how long is it dead, is memory flat.
//!
//! The report of a run and the reading of logs fill the same books: [`Answers`].

use crate::clock::{HostTime, Nanos, wall_time};
use crate::fault::code_text;
use crate::pipeline::{FrameCounts, Rung, RungReport, Snapshot};
use hdrhistogram::Histogram;
use std::time::{Duration, SystemTime};

/// Distinct faults, reasons and verdicts that are kept; what comes beyond is counted.
pub const MAX_KINDS: usize = 256;
/// Points of memory over time that are kept; when there are more, every second one goes.
const MAX_POINTS: usize = 256;
/// Growth of memory that is not told from noise: the larger of these, 4 MiB and 2 percent.
const NOISE_BYTES: u64 = 4 << 20;
const NOISE_SHARE: u64 = 50;
/// Dead times are kept to three digits up to a month.
const MONTH_NS: u64 = 30 * 86_400 * 1_000_000_000;

/// One distinct fault, over all runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorCount {
    /// The code as text.
    pub code: String,
    /// Its name in the table of the SDK.
    pub name: String,
    /// Its class, as text.
    pub class: String,
    /// What the line did.
    pub action: String,
    /// What was called when it came first.
    pub call: String,
    /// Each call that answered so, with how often.
    pub calls: Counts,
    /// How often.
    pub count: u64,
    /// First time, in the calendar and since the start of its run.
    pub first: (SystemTime, Nanos),
    /// Last time.
    pub last: (SystemTime, Nanos),
}

/// How often something was tried, how often it helped, and how long the line was dead.
#[derive(Debug, Clone)]
pub struct Tries {
    /// Times that it was tried.
    pub attempts: u64,
    /// Times that it helped.
    pub successes: u64,
    /// From the last frame before to the first frame after.
    dead: Histogram<u64>,
    longest: u64,
    /// How often for which reason.
    pub reasons: Counts,
}

impl Default for Tries {
    fn default() -> Self {
        let dead = Histogram::new_with_bounds(1, MONTH_NS, 3).expect("bounds that are constant");
        Tries { attempts: 0, successes: 0, dead, longest: 0, reasons: Counts::default() }
    }
}

impl Tries {
    /// One more.
    pub fn tried(&mut self, ok: bool, reason: &str) {
        self.attempts = self.attempts.saturating_add(1);
        self.successes = self.successes.saturating_add(u64::from(ok));
        self.reasons.add(reason, 1);
    }

    /// Frames flow again after it.
    pub fn dead(&mut self, dead: Nanos) {
        self.dead.saturating_record(dead.0);
        self.longest = self.longest.max(dead.0);
    }

    /// Part of the attempts that helped; `None` without any.
    pub fn share(&self) -> Option<f64> {
        share(self.successes, self.attempts)
    }

    /// Half of the dead times were no longer, to three digits; `None` while there is none.
    pub fn dead_median(&self) -> Option<Nanos> {
        (!self.dead.is_empty()).then(|| Nanos(self.dead.value_at_quantile(0.5).min(self.longest)))
    }

    /// The longest dead time.
    pub fn dead_longest(&self) -> Option<Nanos> {
        (!self.dead.is_empty()).then_some(Nanos(self.longest))
    }
}

fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

/// Names with counts, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(pub Vec<(String, u64)>);

impl Counts {
    /// Adds to a name's count.
    pub fn add(&mut self, name: &str, n: u64) {
        let known = self.0.iter().position(|(other, _)| other == name);
        match known {
            Some(i) => self.0[i].1 = self.0[i].1.saturating_add(n),
            None if self.0.len() < MAX_KINDS => self.0.push((name.into(), n)),
            None => {
                if let Some(last) = self.0.last_mut() {
                    last.0 = "others".into();
                    last.1 = last.1.saturating_add(n);
                }
            }
        }
    }
}

/// Resident memory of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Course {
    /// When the line was warm; 0 if it never was.
    pub settled: u64,
    /// Of these, the pools.
    pub pool_settled: u64,
    /// At the end.
    pub end: u64,
    /// Of these, the pools.
    pub pool_end: u64,
}

impl Course {
    /// What it grew by beside the pools, whose growth is the work of resets; `None` for a run that never got warm.
    pub fn growth(&self) -> Option<i64> {
        let beside = |rss: u64, pool: u64| {
            i64::try_from(rss).unwrap_or(i64::MAX).saturating_sub_unsigned(pool)
        };
        (self.settled > 0).then(|| {
            beside(self.end, self.pool_end).saturating_sub(beside(self.settled, self.pool_settled))
        })
    }

    /// Whether it is flat: grew by less than what is not told from noise.
    pub fn is_flat(&self) -> Option<bool> {
        let noise = NOISE_BYTES.max(self.settled / NOISE_SHARE);
        self.growth().map(|g| u64::try_from(g).unwrap_or(0) <= noise)
    }
}

/// A point of memory over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub at: SystemTime,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// Of these, the pools.
    pub pool_bytes: u64,
}

/// Memory over all runs.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// The highest resident memory in bytes.
    pub peak: u64,
    /// The run that grew most.
    pub worst: Option<Course>,
    /// Runs that got warm.
    pub judged: u64,
    /// Of these, flat.
    pub flat: u64,
    points: Vec<Point>,
    stride: u64,
    seen: u64,
}

impl Memory {
    /// A point.
    pub fn point(&mut self, point: Point) {
        self.peak = self.peak.max(point.rss_bytes);
        self.stride = self.stride.max(1);
        if self.seen.is_multiple_of(self.stride) {
            if self.points.len() == MAX_POINTS {
                let mut place = 0;
                self.points.retain(|_| {
                    place += 1;
                    place % 2 == 1
                });
                self.stride = self.stride.saturating_mul(2);
            }
            self.points.push(point);
        }
        self.seen += 1;
    }

    /// A run has ended; `peak` is the highest that it knows of.
    pub fn run(&mut self, course: Course, peak: u64) {
        self.peak = self.peak.max(peak);
        let Some(flat) = course.is_flat() else { return };
        self.judged += 1;
        self.flat += u64::from(flat);
        if self.worst.is_none_or(|w| w.growth() < course.growth()) {
            self.worst = Some(course);
        }
    }

    /// Points over time, at most 256.
    pub fn over_time(&self) -> &[Point] {
        &self.points
    }

    /// Whether every run that got warm was flat; `None` where none did.
    pub fn is_flat(&self) -> Option<bool> {
        (self.judged > 0).then_some(self.flat == self.judged)
    }
}

/// The answers.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Runs.
    pub runs: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs without an end: they run still, were killed, or their end is in another file.
    pub unfinished: u64,
    /// Time that the lines ran, all runs together.
    pub elapsed: Nanos,
    /// From the first to the last that is known.
    pub span: Option<(SystemTime, SystemTime)>,
    /// Frames of the runs that ended.
    pub frames: FrameCounts,
    /// Distinct faults.
    pub errors: Vec<ErrorCount>,
    /// Faults for which there was no room among the distinct ones.
    pub errors_beyond: u64,
    /// The rungs retry and back-off of the runs that ended.
    pub ladder: [RungReport; Rung::ALL.len()],
    /// Quiescent resets, also those that no fault asked for.
    pub resets: Tries,
    /// Reconnections.
    pub reconnects: Tries,
    /// Diagnoses by verdict.
    pub diagnoses: Counts,
    /// What else was logged of trouble: calls that hang, stages that fail.
    pub others: Counts,
    /// Memory.
    pub memory: Memory,
}

impl Answers {
    /// Times in an hour of the lines' running; `None` where no time is known.
    pub fn per_hour(&self, count: u64) -> Option<f64> {
        (self.elapsed.0 > 0).then(|| count as f64 / (self.elapsed.0 as f64 / 3.6e12))
    }

    /// Something was at this time.
    pub fn saw(&mut self, at: SystemTime) {
        let (from, to) = self.span.unwrap_or((at, at));
        self.span = Some((from.min(at), to.max(at)));
    }

    /// A distinct fault of one run, with all its occurrences.
    pub fn fault(&mut self, e: ErrorCount) {
        let same = |other: &ErrorCount| other.code == e.code && other.name == e.name;
        let Some(i) = self.errors.iter().position(same) else {
            match self.errors.len() < MAX_KINDS {
                true => self.errors.push(e),
                false => self.errors_beyond = self.errors_beyond.saturating_add(e.count),
            }
            return;
        };
        let known = &mut self.errors[i];
        known.count = known.count.saturating_add(e.count);
        e.calls.0.iter().for_each(|(call, n)| known.calls.add(call, *n));
        if e.first.0 < known.first.0 {
            known.first = e.first;
        }
        if e.last.0 > known.last.0 {
            known.last = e.last;
        }
    }

    /// Frames of a run that ended.
    pub fn frames(&mut self, f: &FrameCounts) {
        let sum = &mut self.frames;
        for (into, n) in [
            (&mut sum.grabbed, f.grabbed),
            (&mut sum.delivered, f.delivered),
            (&mut sum.incomplete, f.incomplete),
            (&mut sum.underrun, f.underrun),
            (&mut sum.refused, f.refused),
            (&mut sum.invalid, f.invalid),
            (&mut sum.lost_by_device, f.lost_by_device),
            (&mut sum.in_flight, f.in_flight),
        ] {
            *into = into.saturating_add(n);
        }
    }

    /// How often a rung was tried, and how often it helped, in a run that ended.
    pub fn rung(&mut self, rung: Rung, attempts: u64, successes: u64) {
        let r = &mut self.ladder[rung as usize];
        r.attempts = r.attempts.saturating_add(attempts);
        r.successes = r.successes.saturating_add(successes);
    }

    /// Where no more will come: the most frequent first.
    pub fn sort(&mut self) {
        self.errors.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.first.0.cmp(&b.first.0)));
    }

    /// Of one run, as the line itself knows it.
    pub fn of(s: &Snapshot) -> Answers {
        let mut a = Answers { runs: 1, elapsed: s.elapsed, ..Answers::default() };
        a.failed = u64::from(s.failure.is_some());
        let start = s.started;
        a.saw(wall_time(start));
        a.saw(wall_time(HostTime(start.0.saturating_add(s.elapsed.0))));
        a.frames(&s.frames);
        for f in &s.faults {
            a.fault(ErrorCount {
                code: code_text(f.code),
                name: f.name.clone(),
                class: f.class.name().into(),
                action: f.action.clone(),
                call: f.call.into(),
                calls: Counts(f.calls.iter().map(|(c, n)| ((*c).into(), *n)).collect()),
                count: f.count,
                first: (wall_time(f.first), f.first - start),
                last: (wall_time(f.last), f.last - start),
            });
        }
        for rung in [Rung::Retry, Rung::BackOff] {
            let r = s.ladder[rung as usize];
            a.rung(rung, r.attempts, r.successes);
        }
        for r in &s.resets {
            a.resets.tried(r.ok, r.reason);
        }
        for r in &s.reconnects {
            a.reconnects.tried(r.ok, r.reason);
        }
        // A dead time of 0 is one that has not ended.
        let dead = |dead: &Nanos| dead.0 > 0;
        s.resets.iter().map(|r| r.dead).filter(dead).for_each(|d| a.resets.dead(d));
        s.reconnects.iter().map(|r| r.dead).filter(dead).for_each(|d| a.reconnects.dead(d));
        s.diagnoses.iter().for_each(|d| a.diagnoses.add(d.verdict, 1));
        for p in &s.samples {
            a.memory.point(Point {
                at: wall_time(p.at),
                rss_bytes: p.rss_bytes,
                pool_bytes: p.pool_bytes,
            });
        }
        let m = &s.memory;
        let course = Course {
            settled: m.rss_settled,
            pool_settled: m.pool_settled,
            end: m.rss_end,
            pool_end: m.pool_bytes,
        };
        a.memory.run(course, m.rss_peak);
        a.sort();
        a
    }
}

/// A calendar time less a length, as far as calendars go back.
pub fn before(at: SystemTime, ns: Nanos) -> SystemTime {
    let then = at.checked_sub(Duration::from_nanos(ns.0)).unwrap_or(SystemTime::UNIX_EPOCH);
    // The system's time goes back further than the calendar of a log, which cannot be written before 1970.
    then.max(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a panic on a log whose fault came, by its own figures, centuries before it was written.
    #[test]
    fn no_time_lies_before_the_calendar() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        assert_eq!(before(at, Nanos(u64::MAX)), SystemTime::UNIX_EPOCH);
        assert_eq!(before(at, Nanos(250_000_000)), at - Duration::from_millis(250));
    }
}

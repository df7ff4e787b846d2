//! What a recording holds, from its index alone.

use super::format::{Entry, Event, EventKind};
use super::reader::Recording;
use crate::error::Error;
use crate::format::Geometry;
use crate::meta::FrameStatus;

/// Bounds of the classes of the histogram of intervals, in shares of the median interval.
const CLASSES: [f64; 8] = [0.5, 0.8, 0.95, 1.05, 1.2, 2.0, 5.0, f64::INFINITY];

/// Intervals of one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IntervalClass {
    /// Shorter than this, in nanoseconds; those of the last class have no limit (`u64::MAX`).
    pub below_ns: u64,
    /// So many.
    pub count: u64,
}

/// One stretch of frames of one format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatStretch {
    /// Its first frame.
    pub from: u64,
    /// Its frames.
    pub frames: u64,
    /// The format.
    pub geometry: Geometry,
}

/// A place where frames are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The frame that they are missing before.
    pub before_frame: u64,
    /// How many, by cause as in [`CAUSES`].
    pub lost: [u32; 5],
}

/// What a recording holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// Frames whose entry can be read.
    pub frames: u64,
    /// Frames whose entry cannot.
    pub unreadable: u64,
    /// Payload bytes.
    pub bytes: u64,
    /// Frames marked incomplete.
    pub incomplete: u64,
    /// First to last host time, in nanoseconds.
    pub duration_ns: u64,
    /// Host time of the first frame as nanoseconds since 1970; 0 without a frame.
    pub first_unix_ns: u64,
    /// Lost before some frame, by cause: device, underrun, rejected, hops, not written.
    pub lost: [u64; 5],
    /// Places where something is missing.
    pub gaps: u64,
    /// The first of them, [`MAX_GAPS`] at most.
    pub first_gaps: Vec<Gap>,
    /// Shortest, median, longest interval in nanoseconds; zeros with fewer than two frames.
    pub interval_ns: [u64; 3],
    /// Intervals by length.
    pub intervals: Vec<IntervalClass>,
    /// Formats in their order.
    pub formats: Vec<FormatStretch>,
    /// Epochs: quiescent resets between the first and the last frame.
    pub resets: u64,
    /// Events.
    pub events: Vec<Event>,
}

/// Names of the causes of [`Facts::lost`].
pub const CAUSES: [&str; 5] = ["device", "underrun", "rejected", "hops", "not_written"];

/// Gaps that are told one by one.
pub const MAX_GAPS: usize = 1000;

impl Facts {
    /// Reads the index; `seen` is told how many frames are done.
    pub fn of(recording: &Recording, mut seen: impl FnMut(u64)) -> Result<Facts, Error> {
        let mut facts = Facts { events: recording.events()?, ..Facts::default() };
        let (mut before, mut first): (Option<Entry>, Option<Entry>) = (None, None);
        let mut intervals = Vec::new();
        for n in 0..recording.frames() {
            match recording.entry(n) {
                Ok(entry) => {
                    if let Some(before) = before {
                        intervals.push((entry.meta.host_time - before.meta.host_time).0);
                        let resets = entry.meta.epoch.saturating_sub(before.meta.epoch);
                        facts.resets += u64::from(resets);
                    }
                    facts.count(n, &entry);
                    first.get_or_insert(entry);
                    before = Some(entry);
                }
                Err(_) => facts.unreadable += 1,
            }
            seen(n + 1);
        }
        if let (Some(first), Some(last)) = (first, before) {
            facts.duration_ns = (last.meta.host_time - first.meta.host_time).0;
            facts.first_unix_ns = recording.header().started.unix_ns_of(first.meta.host_time);
        }
        for event in facts.events.iter().filter(|e| e.kind == EventKind::NotWritten) {
            facts.lost[4] = facts.lost[4].saturating_add(event.count);
        }
        facts.classify(intervals);
        Ok(facts)
    }

    fn count(&mut self, n: u64, entry: &Entry) {
        let m = &entry.meta;
        self.frames += 1;
        self.bytes += entry.payload_bytes;
        self.incomplete += u64::from(m.status == FrameStatus::Incomplete);
        let l = m.lost_before;
        let lost = [l.device, l.underrun, l.rejected, entry.lost_by_hops, entry.not_written];
        if lost.iter().any(|n| *n > 0) {
            self.gaps += 1;
            if self.first_gaps.len() < MAX_GAPS {
                self.first_gaps.push(Gap { before_frame: n, lost });
            }
        }
        self.lost.iter_mut().zip(lost).for_each(|(sum, n)| *sum += u64::from(n));
        match self.formats.last_mut() {
            Some(last) if last.geometry == m.geometry() => last.frames += 1,
            _ => self.formats.push(FormatStretch { from: n, frames: 1, geometry: m.geometry() }),
        }
    }

    fn classify(&mut self, mut intervals: Vec<u64>) {
        intervals.sort_unstable();
        let (Some(shortest), Some(longest)) = (intervals.first(), intervals.last()) else { return };
        let median = intervals[intervals.len() / 2];
        self.interval_ns = [*shortest, median, *longest];
        let mut counted = 0;
        for bound in CLASSES {
            let below = (median as f64 * bound).min(u64::MAX as f64) as u64;
            let upto = match bound.is_finite() {
                true => intervals.partition_point(|i| *i < below),
                false => intervals.len(),
            };
            self.intervals.push(IntervalClass {
                below_ns: below,
                count: (upto.max(counted) - counted) as u64,
            });
            counted = counted.max(upto);
        }
    }

    /// Frames a second, on the mean; 0 with fewer than two frames.
    pub fn frames_per_second(&self) -> f64 {
        if self.duration_ns == 0 {
            return 0.0;
        }
        self.frames.saturating_sub(1) as f64 * 1e9 / self.duration_ns as f64
    }
}

//! Bounded, preallocated latency histograms with one writer and free readers.
//!
//! The cells are laid out as HdrHistogram lays them out (two significant digits), each an atomic that
//! only the owner stores to; a reader copies them into an `hdrhistogram::Histogram`. The crate's own
//! `SyncHistogram` allocates at a phase shift on the recording side and a plain `Histogram` cannot be
//! read while it is written, hence own cells and its mathematics.

use crate::clock::Nanos;
use crate::sync::{Arc, AtomicU64, Ordering};
use hdrhistogram::Histogram;

/// 2 * 10^2 rounded up to a power of two: values below it have a cell each.
const SUB_BUCKETS: u64 = 256;
const HALF: u64 = SUB_BUCKETS / 2;
/// Values are clamped to 2^37 ns, about 137 s: longer than any wait in a line.
const MAX_NANOS: u64 = (1 << 37) - 1;
const CELLS: usize = index_of(MAX_NANOS) + 1;

const fn index_of(v: u64) -> usize {
    let bucket = 63 - (v | (SUB_BUCKETS - 1)).leading_zeros() as u64 - 7;
    ((bucket * HALF) + (v >> bucket)) as usize
}

/// The highest value that shares a cell with those of index `i`.
const fn highest_at(i: usize) -> u64 {
    let i = i as u64;
    if i < SUB_BUCKETS {
        return i;
    }
    let bucket = i / HALF - 1;
    let sub = i - bucket * HALF;
    ((sub + 1) << bucket) - 1
}

/// On a line of its own: one thread writes it with every value.
#[derive(Debug)]
#[repr(align(128))]
struct Cells {
    counts: Box<[AtomicU64]>,
    max: AtomicU64,
    min: AtomicU64,
    sum: AtomicU64,
}

/// The recording end. Not `Clone`: one thread records.
#[derive(Debug)]
pub struct LatencyWriter(Arc<Cells>);

/// The reading end; any number, on any thread.
#[derive(Debug, Clone)]
pub struct LatencyReader(Arc<Cells>);

/// A fresh histogram, 30 KiB, allocated and touched here and never again.
pub fn latency() -> (LatencyWriter, LatencyReader) {
    let cells = Arc::new(Cells {
        counts: {
            // Through the box, lest the compiler ask for memory that is zero already, which is memory untouched.
            let mut cells = std::hint::black_box(Vec::with_capacity(CELLS));
            cells.extend((0..CELLS).map(|_| AtomicU64::new(0)));
            cells.into_boxed_slice()
        },
        max: AtomicU64::new(0),
        min: AtomicU64::new(u64::MAX),
        sum: AtomicU64::new(0),
    });
    (LatencyWriter(cells.clone()), LatencyReader(cells))
}

impl LatencyWriter {
    /// Records one value; beyond about 137 s it is clamped.
    ///
    /// # Real-time
    /// The owning thread. No allocation, no lock, no locked instruction.
    #[inline]
    pub fn record(&mut self, value: Nanos) {
        let v = value.0.min(MAX_NANOS);
        let c = &self.0;
        let cell = &c.counts[index_of(v)];
        cell.store(cell.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        c.sum.store(c.sum.load(Ordering::Relaxed).wrapping_add(v), Ordering::Relaxed);
        if v > c.max.load(Ordering::Relaxed) {
            c.max.store(v, Ordering::Relaxed);
        }
        if v < c.min.load(Ordering::Relaxed) {
            c.min.store(v, Ordering::Relaxed);
        }
    }

    /// A reader of the same cells.
    pub fn reader(&self) -> LatencyReader {
        LatencyReader(self.0.clone())
    }
}

impl LatencyReader {
    /// What has been recorded so far. Allocates; for cold threads. While the writer runs, the copy is
    /// a few recordings apart within itself.
    pub fn snapshot(&self) -> LatencySnapshot {
        let mut h = Histogram::new_with_bounds(1, MAX_NANOS, 2).expect("constant bounds are valid");
        for (i, cell) in self.0.counts.iter().enumerate() {
            let n = cell.load(Ordering::Relaxed);
            if n > 0 {
                h.record_n(highest_at(i), n).expect("cells lie within the bounds");
            }
        }
        LatencySnapshot {
            histogram: h,
            max: self.0.max.load(Ordering::Relaxed),
            min: self.0.min.load(Ordering::Relaxed),
            sum: self.0.sum.load(Ordering::Relaxed),
        }
    }
}

/// A copy of a histogram at one moment.
#[derive(Debug, Clone)]
pub struct LatencySnapshot {
    histogram: Histogram<u64>,
    max: u64,
    min: u64,
    sum: u64,
}

impl LatencySnapshot {
    /// How many values.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The value at or below which the fraction `q` (0 to 1) of the values lies, within 1 %, never above
    /// the true maximum. 0 if nothing was recorded.
    pub fn quantile(&self, q: f64) -> Nanos {
        if self.histogram.is_empty() {
            return Nanos(0);
        }
        Nanos(self.histogram.value_at_quantile(q).min(self.max).max(self.min))
    }

    /// The largest value, exactly. 0 if nothing was recorded.
    pub fn max(&self) -> Nanos {
        Nanos(self.max)
    }

    /// The smallest value, exactly. 0 if nothing was recorded.
    pub fn min(&self) -> Nanos {
        Nanos(if self.max == 0 && self.min == u64::MAX { 0 } else { self.min })
    }

    /// The arithmetic mean, exactly (of the clamped values). 0 if nothing was recorded.
    pub fn mean(&self) -> Nanos {
        Nanos(self.sum.checked_div(self.count()).unwrap_or(0))
    }

    /// The histogram itself, for whatever else the HdrHistogram tools can do.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }

    /// What was recorded after `earlier`, an older copy of the same histogram. Its largest and smallest
    /// values are exact only where they are those of the whole; else they are within 1 %.
    pub fn since(&self, earlier: &LatencySnapshot) -> LatencySnapshot {
        let mut histogram = self.histogram.clone();
        if histogram.subtract(&earlier.histogram).is_err() {
            return self.clone(); // Another histogram's copy.
        }
        let empty = histogram.is_empty();
        LatencySnapshot {
            max: if empty { 0 } else { histogram.max().min(self.max) },
            min: if empty { u64::MAX } else { histogram.min().max(self.min) },
            sum: self.sum.wrapping_sub(earlier.sum),
            histogram,
        }
    }

    /// Adds the counts of `other` (for the workers of one stage).
    pub fn merge(&mut self, other: &LatencySnapshot) {
        self.histogram.add(&other.histogram).expect("same bounds");
        self.max = self.max.max(other.max);
        self.min = self.min.min(other.min);
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_agree_with_hdrhistogram() {
        // Catches an index formula that drifts from HdrHistogram's: quantiles would lie.
        let h = Histogram::<u64>::new_with_bounds(1, MAX_NANOS, 2).unwrap();
        let mut v = 1_u64;
        while v < MAX_NANOS {
            assert_eq!(highest_at(index_of(v)), h.highest_equivalent(v), "value {v}");
            v = v * 9 / 8 + 1;
        }
        assert_eq!(highest_at(CELLS - 1), MAX_NANOS);
    }

    #[test]
    fn intervals_add_up_to_the_whole() {
        // Catches an interval that counts a value twice or loses one, or shows the run's maximum as its own.
        let (mut w, r) = latency();
        let start = r.snapshot();
        w.record(Nanos(5_000_000));
        let first = r.snapshot();
        (1..=100).for_each(|i| w.record(Nanos(i * 1000)));
        let second = r.snapshot();
        let (a, b) = (first.since(&start), second.since(&first));
        assert_eq!((a.count(), b.count(), second.count()), (1, 100, 101));
        assert_eq!((a.max().0, a.mean().0), (5_000_000, 5_000_000));
        assert!((100_000..=101_000).contains(&b.max().0), "{}", b.max());
        assert_eq!(b.mean().0, 50_500);
        let none = second.since(&second);
        assert_eq!((none.count(), none.max().0, none.min().0, none.mean().0), (0, 0, 0, 0));
    }

    #[test]
    fn degenerate_counts() {
        // Catches division by zero and min/max sentinels that leak into reports.
        let (mut w, r) = latency();
        let s = r.snapshot();
        assert_eq!(
            (s.count(), s.quantile(0.5).0, s.max().0, s.min().0, s.mean().0),
            (0, 0, 0, 0, 0)
        );
        w.record(Nanos(0));
        w.record(Nanos(u64::MAX));
        let s = r.snapshot();
        assert_eq!((s.count(), s.min().0, s.max().0), (2, 0, MAX_NANOS));
        assert_eq!(s.quantile(1.0).0, MAX_NANOS);
    }
}

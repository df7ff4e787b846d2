//! The hiccup meter: a thread that does nothing but look at the clock, and so sees every moment in which
//! the machine did not let it.
//!
//! A stall of the machine (a hypervisor that takes the core away, an interrupt, another process) shows in
//! every latency that was running meanwhile. The meter runs beside a line or a benchmark, or between its
//! rounds on the same cores, and its histogram stands beside theirs: a tail that both have is the
//! machine's.

use super::affinity::Placement;
use crate::clock::{Clock, HostTime, Nanos};
use crate::error::{Error, ErrorKind, Refusal};
use crate::sync::{Arc, AtomicBool, Ordering};
use crate::telemetry::{Gauge, LatencyReader, LatencySnapshot, LatencyWriter, latency};
use std::thread::JoinHandle;
use std::time::Duration;

/// Gaps above this are recorded where nothing else is asked for: two looks at the clock are some ten
/// nanoseconds apart, and no machine takes a core away for less.
pub const DEFAULT_THRESHOLD: Nanos = Nanos(1_000);

/// Looks between two looks at the order to stop.
const LOOKS_A_TURN: u32 = 1024;

/// A running meter. Dropping it stops it.
#[derive(Debug)]
pub struct HiccupMeter {
    cells: Arc<Cells>,
    gaps: LatencyReader,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Cells {
    stop: AtomicBool,
    elapsed: Gauge,
    looks: Gauge,
    refused: std::sync::OnceLock<Vec<Refusal>>,
}

/// What a meter saw.
#[derive(Debug, Clone)]
pub struct HiccupReport {
    /// Gaps above the threshold: moments in which the thread did not run, or its clock did not move.
    pub gaps: LatencySnapshot,
    /// How long it looked.
    pub elapsed: Nanos,
    /// How often it looked at the clock.
    pub looks: u64,
    /// What the system refused of the placement.
    pub refusals: Vec<Refusal>,
}

impl HiccupReport {
    /// The longest gap; 0 if none was above the threshold.
    pub fn longest(&self) -> Nanos {
        self.gaps.max()
    }

    /// The share of the time that went into gaps, `0.0..=1.0`.
    pub fn lost_share(&self) -> f64 {
        let lost = self.gaps.mean().0 as f64 * self.gaps.count() as f64;
        (lost / self.elapsed.0.max(1) as f64).min(1.0)
    }

    /// Adds what another meter saw, on another core or at another time.
    pub fn merge(&mut self, other: &HiccupReport) {
        self.gaps.merge(&other.gaps);
        self.elapsed.0 += other.elapsed.0;
        self.looks += other.looks;
        for r in &other.refusals {
            if !self.refusals.contains(r) {
                self.refusals.push(r.clone());
            }
        }
    }
}

impl HiccupMeter {
    /// Starts a thread at `placement` that burns its core and records its own gaps above `threshold`.
    pub fn start(placement: Placement, threshold: Nanos) -> Result<HiccupMeter, Error> {
        let cells = Arc::new(Cells::default());
        let (writer, gaps) = latency();
        let its = cells.clone();
        let thread = std::thread::Builder::new()
            .name("fl-hiccup".into())
            .spawn(move || {
                let _ = its.refused.set(placement.apply());
                look(writer, threshold, &its, None);
            })
            .map_err(|e| {
                Error::with_source(ErrorKind::State, "the hiccup meter could not be started", e)
            })?;
        Ok(HiccupMeter { cells, gaps, thread: Some(thread) })
    }

    /// What it has seen so far. Any thread; allocates.
    pub fn report(&self) -> HiccupReport {
        HiccupReport {
            gaps: self.gaps.snapshot(),
            elapsed: Nanos(self.cells.elapsed.get()),
            looks: self.cells.looks.get(),
            refusals: self.cells.refused.get().cloned().unwrap_or_default(),
        }
    }

    /// Stops it and says what it saw.
    pub fn stop(mut self) -> HiccupReport {
        self.end();
        self.report()
    }

    fn end(&mut self) {
        self.cells.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // It looks at the order every few microseconds.
        }
    }
}

impl Drop for HiccupMeter {
    fn drop(&mut self) {
        self.end();
    }
}

/// Measures on the calling thread for `length`: where there is no spare core for a [`HiccupMeter`].
pub fn measure(length: Duration, threshold: Nanos) -> HiccupReport {
    let cells = Cells::default();
    let (writer, gaps) = latency();
    look(writer, threshold, &cells, Some(length));
    HiccupReport {
        gaps: gaps.snapshot(),
        elapsed: Nanos(cells.elapsed.get()),
        looks: cells.looks.get(),
        refusals: Vec::new(),
    }
}

/// # Real-time
/// The meter's thread. No allocation, no lock, no system call.
fn look(mut gaps: LatencyWriter, threshold: Nanos, cells: &Cells, length: Option<Duration>) {
    let clock = Clock::host();
    let begun = clock.now();
    let until = length.map_or(HostTime(u64::MAX), |l| begun + l);
    let mut last = begun;
    let mut looks = 0;
    while last < until && !cells.stop.load(Ordering::Acquire) {
        for _ in 0..LOOKS_A_TURN {
            let now = clock.now();
            let gap = now - last;
            if gap > threshold {
                gaps.record(gap);
            }
            last = now;
        }
        looks += u64::from(LOOKS_A_TURN);
        cells.looks.set(looks);
        cells.elapsed.set((last - begun).0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_looks_and_stops() {
        // Catches a meter that never looks, or whose stop hangs.
        let meter = HiccupMeter::start(Placement::default(), DEFAULT_THRESHOLD).unwrap();
        while meter.report().looks < 10_000 {
            std::thread::yield_now();
        }
        let report = meter.stop();
        assert!(report.elapsed > Nanos(0) && report.lost_share() <= 1.0);
    }

    #[test]
    fn a_gap_above_the_threshold_is_seen_and_one_below_is_not() {
        // Catches a threshold that is compared the wrong way round.
        let all = measure(Duration::from_millis(2), Nanos(0));
        assert!(all.gaps.count() > all.looks / 2);
        let none = measure(Duration::from_millis(2), Nanos(u64::MAX));
        assert_eq!((none.gaps.count(), none.longest()), (0, Nanos(0)));
        assert!(none.elapsed >= Nanos(2_000_000));
    }
}

//! The figures that are shown, made from snapshots: rates and latencies of the last second beside those of
//! the whole run.

use crate::cli::inspection::{Inspection, Truth, inspections, truth};
use crate::cli::series::{Of, series};
use crate::fault::code_text;
use crate::pipeline::{FrameCounts, LineState, Snapshot};
use crate::telemetry::LatencySnapshot;
use std::collections::VecDeque;
use std::time::Duration;

/// What "the last second" means, in nanoseconds.
const WINDOW: u64 = 1_000_000_000;

/// Where the run is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Goal {
    /// After so many frames.
    pub frames: Option<u64>,
    /// After so long.
    pub duration: Option<Duration>,
}

/// One latency.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyRow {
    /// What it is of.
    pub of: Of,
    /// Whose.
    pub name: String,
    /// Median of the last second, in nanoseconds.
    pub p50: u64,
    /// 99th percentile of the last second.
    pub p99: u64,
    /// 99th percentile of the run.
    pub run_p99: u64,
    /// Largest of the run.
    pub run_max: u64,
}

/// Everything that is shown at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Since the start.
    pub seconds: f64,
    /// Where the run is to end.
    pub goal: Goal,
    /// The line's state.
    pub state: LineState,
    /// Frames that came in the last second, a second.
    pub frames_per_second: f64,
    /// Bytes that came in the last second, a second.
    pub bytes_per_second: f64,
    /// Frames of the run by their end.
    pub frames: FrameCounts,
    /// Slots of the source's pool, and how many of them are out.
    pub slots: usize,
    /// See `slots`.
    pub slots_out: u64,
    /// Resident memory at the last sample; 0 before it.
    pub rss_bytes: u64,
    /// Hops and stages as a frame meets them, then the whole.
    pub latencies: Vec<LatencyRow>,
    /// Verdicts.
    pub inspections: Vec<Inspection>,
    /// Against a known truth.
    pub truth: Option<Truth>,
    /// Distinct faults as sentences, the newest first.
    pub faults: Vec<String>,
    /// Resets that went well, all resets, dead time of the last in nanoseconds.
    pub resets: (usize, usize, u64),
    /// The same of reconnections.
    pub reconnects: (usize, usize, u64),
}

impl View {
    /// The latency of the whole way.
    pub fn end_to_end(&self) -> Option<&LatencyRow> {
        self.latencies.iter().find(|l| l.of == Of::EndToEnd)
    }

    /// A word for a state that is not "running".
    pub fn unusual_state(&self) -> Option<&'static str> {
        match self.state {
            LineState::Idle => Some("starting"),
            LineState::Running => None,
            LineState::Resetting => Some("resetting"),
            LineState::Stopping => Some("stopping"),
            LineState::Ended => Some("ended"),
        }
    }

    /// How much of the run is done, 0 to 1, where it has an end.
    pub fn progress(&self) -> Option<f64> {
        let by_time = self.goal.duration.map(|d| self.seconds / d.as_secs_f64().max(1e-9));
        let by_frames = self.goal.frames.map(|n| self.frames.grabbed as f64 / n.max(1) as f64);
        by_time.into_iter().chain(by_frames).reduce(f64::max).map(|p| p.min(1.0))
    }
}

/// What a snapshot counted, kept until it is a second old.
#[derive(Debug)]
struct Look {
    elapsed: u64,
    came: u64,
    bytes: u64,
    latencies: Vec<LatencySnapshot>,
}

/// The looks of the last second.
#[derive(Debug, Default)]
pub struct Window(VecDeque<Look>);

impl Window {
    /// The figures of this snapshot, against the look that is at least a second old (or the run's start).
    pub fn look(&mut self, s: &Snapshot, goal: Goal) -> View {
        let all = series(s);
        let now = Look {
            elapsed: s.elapsed.0,
            came: s.frames.grabbed.saturating_sub(s.frames.lost_by_device + s.frames.underrun),
            bytes: s.bytes,
            latencies: all.iter().map(|one| one.latency.clone()).collect(),
        };
        // The newest that is old enough stays: it is the base.
        while self.0.get(1).is_some_and(|l| l.elapsed + WINDOW <= now.elapsed) {
            self.0.pop_front();
        }
        // Before the first second is over the base is the start, at which all was zero.
        let base = self.0.front().filter(|l| l.elapsed + WINDOW <= now.elapsed);
        let (elapsed, came, bytes) = base.map_or((0, 0, 0), |l| (l.elapsed, l.came, l.bytes));
        let seconds = now.elapsed.saturating_sub(elapsed).max(1) as f64 / 1e9;
        let rows =
            all.iter().enumerate().filter(|(_, one)| one.of != Of::Capture).map(|(i, one)| {
                let recent = match base.and_then(|l| l.latencies.get(i)) {
                    Some(earlier) => one.latency.since(earlier),
                    None => one.latency.clone(),
                };
                LatencyRow {
                    of: one.of,
                    name: one.name.into(),
                    p50: recent.quantile(0.5).0,
                    p99: recent.quantile(0.99).0,
                    run_p99: one.latency.quantile(0.99).0,
                    run_max: one.latency.max().0,
                }
            });
        let last = s.samples.last();
        let view = View {
            seconds: s.elapsed.0 as f64 / 1e9,
            goal,
            state: s.state,
            frames_per_second: now.came.saturating_sub(came) as f64 / seconds,
            bytes_per_second: now.bytes.saturating_sub(bytes) as f64 / seconds,
            frames: s.frames,
            slots: s.slots,
            slots_out: last.map_or(s.held.len() as u64, |p| p.slots_out),
            rss_bytes: last.map_or(0, |p| p.rss_bytes),
            latencies: in_order(rows.collect()),
            inspections: inspections(s),
            truth: truth(s),
            faults: faults(s),
            resets: outcome(s.resets.iter().map(|r| (r.ok, r.dead.0))),
            reconnects: outcome(s.reconnects.iter().map(|r| (r.ok, r.dead.0))),
        };
        self.0.push_back(now);
        view
    }
}

/// Each stage behind the hops that lead to it, as a frame meets them.
fn in_order(rows: Vec<LatencyRow>) -> Vec<LatencyRow> {
    let (hops, rest): (Vec<_>, Vec<_>) = rows.into_iter().partition(|r| r.of == Of::Hop);
    let (stages, whole): (Vec<_>, Vec<_>) = rest.into_iter().partition(|r| r.of == Of::Stage);
    let mut hops: VecDeque<_> = hops.into();
    let mut out = Vec::new();
    for stage in stages {
        let leads = |hop: &LatencyRow| {
            let to = hop.name.split_once('>').map_or("", |(_, to)| to);
            let rest = to.strip_prefix(stage.name.as_str());
            // A worker's number may follow.
            rest.is_some_and(|r| {
                !r.starts_with(|c: char| c.is_ascii_alphanumeric() || "_-".contains(c))
            })
        };
        let (before, others): (VecDeque<_>, VecDeque<_>) = hops.into_iter().partition(leads);
        hops = others;
        out.extend(before);
        out.push(stage);
    }
    out.extend(hops);
    out.extend(whole);
    out
}

fn faults(s: &Snapshot) -> Vec<String> {
    let mut faults: Vec<_> = s.faults.iter().collect();
    faults.sort_by_key(|f| std::cmp::Reverse(f.last.0));
    let text = |f: &&crate::pipeline::FaultReport| {
        format!("{} x {} {} ({}): {}", f.count, code_text(f.code), f.name, f.class, f.action)
    };
    faults.iter().map(text).collect()
}

/// How many of them went well, of how many, and the dead time of the last.
fn outcome(all: impl Iterator<Item = (bool, u64)>) -> (usize, usize, u64) {
    all.fold((0, 0, 0), |(ok, n, _), (went_well, dead)| (ok + usize::from(went_well), n + 1, dead))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Nanos;
    use crate::pipeline::Line;
    use crate::sim::Sim;
    use crate::telemetry::{LatencyWriter, latency};

    fn snapshot() -> Snapshot {
        let sim = Sim::from_uri("sim:?width=32&height=32&rate=max&frames=3").unwrap();
        let mut line = Line::builder(sim).frames(4).start().unwrap();
        for _ in line.frames() {}
        line.stop(Duration::from_secs(5))
    }

    /// The snapshot as it would be at `ms`, after `grabbed` frames of which `lost` did not come.
    fn at(s: &mut Snapshot, ms: u64, grabbed: u64, lost: u64) {
        s.elapsed = Nanos(ms * 1_000_000);
        (s.frames.grabbed, s.frames.lost_by_device) = (grabbed, lost);
        s.bytes = (grabbed - lost) * 1000;
    }

    #[test]
    fn rates_and_percentiles_are_those_of_the_last_second() {
        // Catches a rate over the whole run that hides a standstill, and one that jumps with each refresh.
        let mut s = snapshot();
        let (mut writer, reader): (LatencyWriter, _) = latency();
        let mut window = Window::default();
        let mut rates = Vec::new();
        for i in 1..=12_u64 {
            // 100 frames a second for two seconds, each in a millisecond; then nothing but slow ones.
            let ms = i * 250;
            if ms <= 2000 {
                (0..25).for_each(|_| writer.record(Nanos(1_000_000)));
            } else {
                writer.record(Nanos(50_000_000));
            }
            at(&mut s, ms, ms.min(2000) / 10, 0);
            s.end_to_end = reader.snapshot();
            let v = window.look(&s, Goal::default());
            let e = v.end_to_end().unwrap().clone();
            rates.push((
                v.frames_per_second.round(),
                v.bytes_per_second.round(),
                e.p50 / 1_000_000,
            ));
            assert_eq!(e.run_max, if ms <= 2000 { 1_000_000 } else { 50_000_000 });
        }
        assert!(rates[..8].iter().all(|r| *r == (100.0, 100_000.0, 1)), "{rates:?}");
        assert_eq!(rates[9], (50.0, 50_000.0, 1));
        assert_eq!(rates[11], (0.0, 0.0, 50), "the last second is all that is seen");
        assert!(window.0.len() <= 6, "looks older than a second go");
    }

    #[test]
    fn frames_that_did_not_come_are_no_rate() {
        // Catches a camera that is unplugged and seems to run, because its missing ids are counted.
        let mut s = snapshot();
        let mut window = Window::default();
        at(&mut s, 1000, 100, 0);
        window.look(&s, Goal::default());
        at(&mut s, 2000, 200, 90);
        let goal = Goal { frames: Some(400), duration: Some(Duration::from_secs(10)) };
        let v = window.look(&s, goal);
        assert_eq!((v.frames_per_second.round(), v.progress()), (10.0, Some(0.5)));
        assert!(v.frames.losses().contains(&("lost by device", 90)));
    }

    #[test]
    fn rows_stand_as_a_frame_meets_them() {
        // Catches a hop under another stage whose name begins alike, and one that is left out.
        let row = |of, name: &str| LatencyRow {
            of,
            name: name.into(),
            p50: 0,
            p99: 0,
            run_p99: 0,
            run_max: 0,
        };
        let rows = vec![
            row(Of::Hop, "source>look.0"),
            row(Of::Hop, "source>look.1"),
            row(Of::Hop, "look>look-again"),
            row(Of::Hop, "look>caller"),
            row(Of::Stage, "look"),
            row(Of::Stage, "look-again"),
            row(Of::EndToEnd, "end to end"),
        ];
        let order: Vec<String> = in_order(rows).into_iter().map(|r| r.name).collect();
        let expected = [
            "source>look.0",
            "source>look.1",
            "look",
            "look>look-again",
            "look-again",
            "look>caller",
            "end to end",
        ];
        assert_eq!(order, expected);
    }
}

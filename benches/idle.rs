//! What an idle line costs: a simulated camera at 100 frames a second, three stages, everything parked. `ours` is
//! the share of one core that the capture thread and the three stages take together; the monitor is told apart.
//! Read from the scheduler's own nanoseconds (`/proc/self/task/TID/schedstat`): clock ticks are too coarse.

mod common;

use common::*;
use frameline::buffer::Frame;
use frameline::pipeline::Line;
use frameline::sim::Sim;
use frameline::stage::{Flow, Stage, StageContext, StageError};
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const URI: &str = "sim:?width=2448&height=2048&rate=100&fill=lend&stamp=off";
const TARGET: f64 = 0.02;

/// Reads the metadata and passes the frame on.
struct Look;

impl Stage for Look {
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        std::hint::black_box(frame.meta().frame_id);
        Ok(Flow::Pass)
    }
}

/// Nanoseconds on a core, by thread of a line (their names begin with `fl-`).
fn on_core() -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |file: &str| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let name = read("comm").trim().to_owned();
        let nanos = read("schedstat").split(' ').next().and_then(|n| n.parse().ok());
        if let (Some(nanos), true) = (nanos, name.starts_with("fl-")) {
            all.insert(name, nanos);
        }
    }
    all
}

fn main() {
    let options = Options::from_args();
    let rounds = options.rounds_or(3, 1);
    let length = Duration::from_secs(if options.quick { 2 } else { 10 });
    let mut hiccups = Hiccups::start(&options);
    let mut shares: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut totals = Vec::new();
    for _ in 0..rounds {
        let mut line = Line::builder(Sim::from_uri(URI).expect("the URI is right"))
            .stage("first", Look)
            .stage("second", Look)
            .stage("third", Look)
            .start()
            .expect("the line starts");
        line.wait(Duration::from_secs(1)); // Warm-up.
        let (before, begun) = (on_core(), Instant::now());
        line.wait(length);
        let (after, took) = (on_core(), begun.elapsed());
        let s = line.stop(Duration::from_secs(5));
        assert!(s.is_balanced() && s.failure.is_none(), "{:?} {:?}", s.frames, s.failure);
        // On a machine that is busy elsewhere a frame may come late, but the line was not asleep.
        assert!(s.frames.delivered as f64 > length.as_secs_f64() * 80.0, "{:?}", s.frames);
        let mut total = 0.0;
        for (name, nanos) in &after {
            let share =
                (nanos - before.get(name).copied().unwrap_or(0)) as f64 / took.as_nanos() as f64;
            shares.entry(name.clone()).or_default().push(share);
            if name != "fl-monitor" {
                total += share;
            }
        }
        totals.push(total);
        hiccups.after_round(Duration::from_secs(1).min(took));
    }
    let threads: Map<_, _> =
        shares.iter().map(|(n, s)| (n.clone(), json!(round5(median(s))))).collect();
    assert!(threads.len() >= 5, "capture, three stages and the monitor: {threads:?}");
    let ours = median(&totals);
    let result = json!({
        "bench": "idle", "unit": "share of one core", "ours": round5(ours), "limit": TARGET,
        "ratio": round3(ours / TARGET), "target": "ours < 0.02", "threads": threads,
        "frames_per_second": 100, "us_a_frame": round3(ours * 1e6 / 100.0), "seconds_a_round": length.as_secs(), "source": URI,
        "limit_is": "the share that an idle line may take: capture and three stages together, parked",
    });
    print(&options, result, hiccups.finish());
}

fn round5(x: f64) -> f64 {
    (x * 1e5).round() / 1e5
}

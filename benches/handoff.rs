//! One-way time of a frame from the capture thread to a stage: pinned, spinning, rings empty, with metadata
//! and telemetry; beside a bare rtrb hand-off of an index and a time stamp, and one cache line's way.
//!
//! `ours` is the median over the rounds of the p50 from the stamp that the source sets as the last thing of
//! its grab to the stage's own look at the clock after it has read the metadata: acceptance, both
//! histograms of the capture thread, the ring and the stage's beginning lie in between.

mod common;

use common::*;
use frameline::clock::Nanos;
use frameline::pipeline::{Line, StageSpec};
use frameline::source::Fill;
use frameline::telemetry::LatencySnapshot;
use frameline::wait::WaitStrategy;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const DEPTH: usize = 8;
const GAP: Nanos = Nanos(5_000);
const SKIP: u64 = 1_000;

fn ours(fill: Fill, frames: u64) -> (LatencySnapshot, LatencySnapshot, LatencySnapshot) {
    let [capture, stage_core] = two_cores();
    let slots = DEPTH + 4;
    let source = BenchSource::new(SourceSpec {
        fill,
        frames,
        width: 64,
        height: 8,
        buffers: slots,
        gap: GAP,
    })
    .expect("a small shelf");
    let (stage, ages) = AgeStage::new(SKIP);
    let spec = StageSpec::new("stage").ring(DEPTH).wait(WaitStrategy::Spin).core(stage_core);
    let mut line = Line::builder(source)
        .configure(|c| {
            c.capture.core = Some(capture);
            c.capture.wait = WaitStrategy::Spin;
            c.pool.slots = Some(slots);
        })
        .stage(spec, stage)
        .start()
        .expect("the line starts");
    assert!(line.wait(Duration::from_secs(60)), "the line did not end");
    let s = line.stop(Duration::from_secs(5));
    check_run(&s, frames);
    assert!(!ages.disorder.load(Ordering::Relaxed), "frames came out of order");
    assert_eq!(ages.seen.load(Ordering::Relaxed), frames);
    let hop = s.hops[0].latency.clone();
    (ages.from_source.snapshot(), ages.from_capture.snapshot(), hop)
}

fn main() {
    let options = Options::from_args();
    let rounds = options.rounds_or(21, 3);
    let frames = if options.quick { 5_000 } else { 20_000 };
    let bounces_a_look = if options.quick { 20_000 } else { 100_000 };
    let mut moved = 0;
    let mut hiccups = Hiccups::start(&options);
    let (mut p50s, mut limits, mut ratios, mut bounces) = (vec![], vec![], vec![], vec![]);
    let (mut copies, mut hosts) = (vec![], vec![]);
    let mut all: Option<[LatencySnapshot; 5]> = None;
    while p50s.len() < rounds {
        let begun = Instant::now();
        let before = bounce(bounces_a_look);
        let (lend, lend_host, hop) = ours(Fill::Lend, frames);
        let bare = bare_handoff(DEPTH, frames, SKIP, GAP);
        let (copy, ..) = ours(Fill::Copy, frames);
        let after = bounce(bounces_a_look);
        if before.max(after) > 1.5 * before.min(after) && moved < 2 * rounds {
            // A hypervisor moved the cores apart or together: the round's parts ran on two machines.
            moved += 1;
            continue;
        }
        bounces.push((before + after) / 2.0);
        let p50 = fine_p50;
        p50s.push(p50(&lend));
        hosts.push(p50(&lend_host));
        copies.push(p50(&copy));
        limits.push(p50(&bare));
        ratios.push(p50(&lend) / p50(&bare));
        let now = [lend, bare, copy, lend_host, hop];
        match &mut all {
            Some(all) => all.iter_mut().zip(&now).for_each(|(a, b)| a.merge(b)),
            None => all = Some(now),
        }
        hiccups.after_round(begun.elapsed());
    }
    let [lend, bare, copy, lend_host, hop] = all.expect("one round at least");
    let result = json!({
        "bench": "handoff", "unit": "ns", "ours": round3(median(&p50s)), "limit": round3(median(&limits)),
        "ratio": round3(median(&ratios)), "target": "<= 1.5",
        "ratios": spread(&ratios),
        "ours_tail": tail(&lend), "limit_tail": tail(&bare),
        "copy_ratio": round3(median(&copies) / median(&limits)), "copy_tail": tail(&copy),
        "from_host_time_ratio": round3(median(&hosts) / median(&limits)), "from_host_time_tail": tail(&lend_host),
        "hop_telemetry_tail": tail(&hop),
        "cache_line_one_way_ns": spread(&bounces),
        "rounds_discarded": moved,
        "in_cache_lines": round3(median(&p50s) / median(&bounces)),
        "limit_is": "p50 of an index and a time stamp through a bare rtrb ring, same depth, pacing, cores and clock",
        "pacing_ns": GAP.0, "frames_a_round": frames,
    });
    print(&options, result, hiccups.finish());
}

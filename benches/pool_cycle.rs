//! Frames a second round capture, ring, stage and home, with telemetry, at the largest rate, spinning, no
//! work on the payload; beside bare rtrb tokens that go round two rings, as many of them, on the same cores.
//!
//! `size_spread`: what the size of a lent frame costs, `1 - slowest / fastest` over 64 KiB to 64 MiB. It must
//! be nothing: frames travel as handles.

mod common;

use common::*;
use frameline::clock::Nanos;
use frameline::pipeline::{Line, StageSpec};
use frameline::source::Fill;
use frameline::wait::WaitStrategy;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const DEPTH: usize = 64;
const SLOTS: usize = DEPTH + 4;
const SMALL_DEPTH: usize = 4;
const SMALL_SLOTS: usize = SMALL_DEPTH + 2;
/// Widths of Mono8 images of 1024 rows: 64 KiB to 64 MiB.
const WIDTHS: [u32; 6] = [64, 256, 1024, 4096, 16384, 65536];

/// Frames a second of a line of `slots` slots and a ring of `depth`.
fn ours(
    fill: Fill,
    (slots, depth): (usize, usize),
    (width, height): (u32, u32),
    frames: u64,
    memory: Option<Arc<Memory>>,
) -> f64 {
    let [capture, stage_core] = two_cores();
    let spec = SourceSpec { fill, frames, width, height, buffers: slots, gap: Nanos(0) };
    let source = match memory {
        Some(m) => BenchSource::lending_from(spec, Some(m)),
        None => BenchSource::new(spec),
    }
    .expect("a source");
    let (stage, disorder, nanos) = CountStage::new(frames);
    let spec = StageSpec::new("stage").ring(depth).wait(WaitStrategy::Spin).core(stage_core);
    let mut line = Line::builder(source)
        .configure(|c| {
            c.capture.core = Some(capture);
            c.capture.wait = WaitStrategy::Spin;
            c.pool.slots = Some(slots);
        })
        .stage(spec, stage)
        .start()
        .expect("the line starts");
    assert!(line.wait(Duration::from_secs(120)), "the line did not end");
    let s = line.stop(Duration::from_secs(5));
    check_run(&s, frames);
    assert!(!disorder.load(Ordering::Relaxed), "frames came out of order");
    (frames - frames / 10 - 1) as f64 / (nanos.load(Ordering::Relaxed) as f64 / 1e9)
}

fn best(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(0.0, f64::max)
}

fn main() {
    let options = Options::from_args();
    if let [fill, slots, depth] = &options.rest[..] {
        // For a profiler: `pool_cycle copy 68 64` runs nothing else.
        let fill = Fill::from_name(fill).expect("copy or lend");
        let number = |s: &String| s.parse::<usize>().expect("a number");
        let rate = ours(fill, (number(slots), number(depth)), (64, 64), 20_000_000, None);
        println!("{rate:.0} frames/s");
        return;
    }
    let rounds = options.rounds_or(25, 5);
    let frames: u64 = if options.quick { 40_000 } else { 400_000 };
    let mut hiccups = Hiccups::start(&options);
    let widths = if options.quick { &WIDTHS[..5] } else { &WIDTHS[..] };
    let largest = *widths.last().expect("some sizes") as usize * 1024;
    let memory = Memory::touched((largest * SMALL_SLOTS).max(SLOTS * 64 * 1024));
    let (mut rates, mut limits, mut ratios, mut copies, mut copy_ratios, mut moved) =
        (vec![], vec![], vec![], vec![], vec![], 0);
    let mut small: Vec<Vec<f64>> = widths.iter().map(|_| vec![]).collect();
    let (mut bounces, mut small_copies, mut small_bares) = (vec![], vec![], vec![]);
    while rates.len() < rounds {
        let begun = Instant::now();
        let before = bounce(20_000);
        let rate =
            ours(Fill::Lend, (SLOTS, DEPTH), (64, 1024), frames, Some(memory.clone()));
        let bare = bare_cycle(SLOTS, DEPTH, frames * 4);
        let copy = ours(Fill::Copy, (SLOTS, DEPTH), (64, 64), frames, None);
        // Sizes within one round, so that a moment of the machine does not look like a size.
        let sizes: Vec<f64> = widths
            .iter()
            .map(|w| {
                let round = (SMALL_SLOTS, SMALL_DEPTH);
                ours(Fill::Lend, round, (*w, 1024), frames / 4, Some(memory.clone()))
            })
            .collect();
        let small_copy = ours(Fill::Copy, (SMALL_SLOTS, SMALL_DEPTH), (64, 64), frames, None);
        let small_bare = bare_cycle(SMALL_SLOTS, SMALL_DEPTH, frames);
        let after = bounce(20_000);
        if before.max(after) > 1.5 * before.min(after) && moved < 2 * rounds {
            moved += 1; // A hypervisor moved the cores: the round's parts ran on two machines.
            continue;
        }
        bounces.push((before + after) / 2.0);
        rates.push(rate);
        limits.push(bare);
        ratios.push(rate / bare);
        copies.push(copy);
        small_copies.push(small_copy);
        small_bares.push(small_bare);
        copy_ratios.push(copy / bare);
        small.iter_mut().zip(sizes).for_each(|(all, one)| all.push(one));
        hiccups.after_round(begun.elapsed());
    }
    let medians: Vec<f64> = small.iter().map(|s| median(s)).collect();
    let fastest = medians.iter().copied().fold(0.0, f64::max);
    let slowest = medians.iter().copied().fold(f64::INFINITY, f64::min);
    let sizes: Vec<Value> = widths
        .iter()
        .zip(&medians)
        .map(|(w, rate)| json!({ "bytes": u64::from(*w) * 1024, "frames_per_second": rate.round() }))
        .collect();
    let result = json!({
        "bench": "pool_cycle", "unit": "frames/s", "ours": median(&rates).round(), "limit": median(&limits).round(),
        "ratio": round3(median(&ratios)), "target": ">= 0.4",
        "ratios": spread(&ratios), "ratio_of_best": round3(best(&rates) / best(&limits)),
        "best": best(&rates).round(), "best_copy": best(&copies).round(), "best_limit": best(&limits).round(),
        "small_copy": spread(&small_copies), "small_limit": spread(&small_bares),
        "ns_a_frame": round3(1e9 / median(&rates)), "limit_ns": round3(1e9 / median(&limits)),
        "copy_ours": median(&copies).round(), "copy_ratio": round3(median(&copy_ratios)),
        "size_spread": round3(1.0 - slowest / fastest), "size_spread_target": "<= 0.05", "sizes": sizes,
        "slots": SLOTS, "ring": DEPTH, "slots_of_sizes": SMALL_SLOTS, "ring_of_sizes": SMALL_DEPTH,
        "cache_line_one_way_ns": spread(&bounces), "rounds_discarded": moved, "frames_a_round": frames,
        "limit_is": "tokens through two bare rtrb rings, there and back, as many as ours has slots, same cores",
    });
    print(&options, result, hiccups.finish());
}

//! Frames a second round capture, ring, stage and home, with telemetry, at the largest rate, spinning, no
//! work on the payload; beside bare rtrb tokens that go round two rings, as many of them, on the same cores.
//!
//! `ours`, `limit` and `ratio` are those of a line with slots of its own and the default ring of 4; `lent` is
//! the same with a source that lends its buffers, each of which also has to be given back; `deep` says the same of a
//! ring of 64. There a bare token costs less than the two readings of the clock that each thread makes for a frame
//! (`clock_read_ns`), so no telemetry could reach 0.4 of it.
//!
//! `size_spread`: what the size of a lent frame costs, `1 - slowest / fastest` over 64 KiB to 64 MiB. It must
//! be nothing: frames travel as handles. A run of one size may be off by a third on a shared machine, whatever the size; so
//! there are many short rounds, each with all sizes in another order, and what counts of a run is its ratio to the middle
//! one of its own round. The smallest size runs twice in each round, under two names: what the two differ by is what this
//! measurement cannot see (`size_control`), and `size_interval` is the 95 % interval of the least certain median.

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

/// A line as it is by default: what the arithmetic asks for a ring of 4 and one stage.
const DEPTH: usize = StageSpec::DEFAULT_RING;
const SLOTS: usize = DEPTH + 2;
/// A deep ring, in which a bare token costs next to nothing: a batch of them travels on one cache line.
const DEEP: usize = 64;
const DEEP_SLOTS: usize = DEEP + 4;
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
    let rounds = options.rounds_or(240, 40);
    let frames: u64 = if options.quick { 20_000 } else { 40_000 };
    let mut hiccups = Hiccups::start(&options);
    let widths = if options.quick { &WIDTHS[..5] } else { &WIDTHS[..] };
    let largest = *widths.last().expect("some sizes") as usize * 1024;
    let memory = Memory::touched((largest * SLOTS).max(DEEP_SLOTS * 64 * 1024));
    let lent =
        |shape, width, frames| ours(Fill::Lend, shape, (width, 1024), frames, Some(memory.clone()));
    let (shape, deep) = ((SLOTS, DEPTH), (DEEP_SLOTS, DEEP));
    // Lend, copy and bare, by default and deep; lend is the sizes' control at the same time.
    let mut all: [Vec<f64>; 6] = Default::default();
    let mut of_sizes: Vec<Vec<f64>> = widths.iter().map(|_| vec![]).collect();
    let (mut bounces, mut moved) = (vec![], 0);
    while bounces.len() < rounds {
        let begun = Instant::now();
        let before = bounce(4_000);
        // Sizes and shapes in turn, and each round begins with another, every second one backwards: neither a moment
        // of the machine nor the place in the round may look like a size.
        let parts = 6 + widths.len();
        let at = bounces.len() + moved;
        let mut round = vec![0.0; parts];
        for k in 0..parts {
            let part = (if at % 2 == 0 { k + at } else { at + parts - k }) % parts;
            round[part] = match part {
                0 => lent(shape, WIDTHS[0], frames),
                1 => bare_cycle(SLOTS, DEPTH, frames),
                2 => ours(Fill::Copy, shape, (64, 64), frames, None),
                3 => lent(deep, 64, frames),
                4 => bare_cycle(DEEP_SLOTS, DEEP, frames * 4),
                5 => ours(Fill::Copy, deep, (64, 64), frames, None),
                size => lent(shape, widths[size - 6], frames),
            };
        }
        let after = bounce(4_000);
        if before.max(after) > 1.5 * before.min(after) && moved < 2 * rounds {
            moved += 1; // A hypervisor moved the cores: the round's parts ran on two machines.
            continue;
        }
        bounces.push((before + after) / 2.0);
        all.iter_mut().chain(&mut of_sizes).zip(round).for_each(|(v, x)| v.push(x));
        hiccups.after_round(begun.elapsed());
    }
    let ratios = |a: usize, b: usize| -> Vec<f64> {
        all[a].iter().zip(&all[b]).map(|(x, y)| x / y).collect()
    };
    // Each run against the middle of its round.
    let middle: Vec<f64> = (0..bounces.len())
        .map(|r| median(&of_sizes.iter().chain([&all[0]]).map(|s| s[r]).collect::<Vec<_>>()))
        .collect();
    let to_middle =
        |s: &Vec<f64>| -> Vec<f64> { s.iter().zip(&middle).map(|(x, m)| x / m).collect() };
    let of_middle: Vec<Vec<f64>> = of_sizes.iter().map(to_middle).collect();
    let medians: Vec<f64> = of_middle.iter().map(|s| median(s)).collect();
    let sizes: Vec<Value> = widths
        .iter()
        .zip(&of_sizes)
        .zip(&of_middle)
        .map(|((w, rates), of)| {
            json!({
                "bytes": u64::from(*w) * 1024, "frames_per_second": median(rates).round(),
                "of_middle": round3(median(of)), "interval": interval95(of).map(round3),
            })
        })
        .collect();
    let extremes =
        |v: &[f64]| v.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), x| (a.min(*x), b.max(*x)));
    let (lowest, highest) = extremes(&medians);
    let widest = of_middle.iter().map(|s| interval95(s)).map(|[a, b]| b - a).fold(0.0, f64::max);
    let control = median(&to_middle(&all[0])) / medians[0] - 1.0;
    let rate = |i: usize| median(&all[i]).round();
    let result = json!({
        "bench": "pool_cycle", "unit": "frames/s", "ours": rate(2), "limit": rate(1),
        "ratio": round3(median(&ratios(2, 1))), "target": ">= 0.4",
        "ratios": spread(&ratios(2, 1)), "ratio_interval": interval95(&ratios(2, 1)).map(round3),
        "ns_a_frame": round3(1e9 / rate(2)), "limit_ns": round3(1e9 / rate(1)), "clock_read_ns": clock_read_ns(),
        "lent": {
            "ours": rate(0), "ratio": round3(median(&ratios(0, 1))), "ratios": spread(&ratios(0, 1)),
            "ratio_interval": interval95(&ratios(0, 1)).map(round3),
        },
        "deep": {
            "ring": DEEP, "slots": DEEP_SLOTS, "ours": rate(5), "limit": rate(4), "ratio": round3(median(&ratios(5, 4))),
            "lent": rate(3), "lent_ratio": round3(median(&ratios(3, 4))),
            "ns_a_frame": round3(1e9 / rate(5)), "limit_ns": round3(1e9 / rate(4)),
        },
        "size_spread": round3(1.0 - lowest / highest), "size_spread_target": "<= 0.05",
        "size_interval": round3(widest), "size_control": round3(control), "sizes": sizes,
        "slots": SLOTS, "ring": DEPTH, "fill": "copy",
        "cache_line_one_way_ns": spread(&bounces), "rounds_discarded": moved, "frames_a_round": frames,
        "limit_is": "tokens through two bare rtrb rings, there and back, as many as ours has slots, same cores",
    });
    print(&options, result, hiccups.finish());
}

/// What one reading of the line's clock costs on this machine.
fn clock_read_ns() -> f64 {
    let clock = frameline::clock::Clock::host();
    let begun = clock.now();
    let mut last = begun;
    for _ in 0..100_000 {
        last = std::hint::black_box(clock.now());
    }
    round3((last - begun).0 as f64 / 1e5)
}

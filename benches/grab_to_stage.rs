//! 5 MP Mono8 images copied by a source into the pool and read whole by one stage, at the largest rate; beside
//! a plain loop of one thread that copies the same images into an equal pool.
//!
//! The limit is exactly this: `copy_from_slice` of the same images, in the same order, into as many slots of the
//! same memory layout, taken in the very order in which our line took its slots in the same round (few slots
//! that are used again and again stay in the caches, many do not: the order is part of the work). Nobody reads
//! them there. `limit_with_reader` is the same loop with a second thread that reads each image as our stage does,
//! told of it by a bare rtrb ring: what remains between it and ours is ours alone.

mod common;

use common::*;
use frameline::buffer::{Frame, FrameMut, Pool, PoolConfig};
use frameline::clock::{Clock, Nanos};
use frameline::pipeline::{Line, StageSpec};
use frameline::source::Fill;
use frameline::stage::{Flow, Stage, StageContext, StageError};
use frameline::wait::WaitStrategy;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const WIDTH: u32 = 2448;
const HEIGHT: u32 = 2048;
const BYTES: usize = WIDTH as usize * HEIGHT as usize;
const RING: usize = 4;
const SLOTS: usize = RING + 4;
/// More than a large cache holds, so that a copy reads memory as a camera's DMA buffer would be read.
const IMAGES: usize = 8;

/// Reads every byte.
fn sum(payload: &[u8]) -> u64 {
    let (words, rest) = payload.as_chunks::<8>();
    let words = words.iter().map(|w| u64::from_le_bytes(*w)).fold(0_u64, u64::wrapping_add);
    rest.iter().fold(words, |a, b| a.wrapping_add(u64::from(*b)))
}

struct SumStage {
    expected: Arc<Vec<u64>>,
    wrong: Arc<AtomicU64>,
    nanos: Arc<AtomicU64>,
    begun: Option<Instant>,
    skip: u64,
    frames: u64,
}

impl Stage for SumStage {
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let n = self.expected.len() as u64;
        if sum(frame.payload()) != self.expected[(frame.id() % n) as usize] {
            self.wrong.fetch_add(1, Ordering::Relaxed);
        }
        if frame.id() == self.skip {
            self.begun = Some(Instant::now());
        }
        if frame.id() + 1 == self.frames
            && let Some(begun) = self.begun
        {
            self.nanos.store(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        }
        Ok(Flow::Done)
    }
}

/// Bytes a second, and the slots that the line filled.
fn ours(
    images: &Arc<Vec<Vec<u8>>>,
    sums: &Arc<Vec<u64>>,
    frames: u64,
    skip: u64,
) -> (f64, Vec<usize>) {
    let [capture, stage_core] = two_cores();
    let mut source = BenchSource::new(SourceSpec {
        fill: Fill::Copy,
        frames,
        width: WIDTH,
        height: HEIGHT,
        buffers: 0,
        gap: Nanos(0),
    })
    .expect("a source");
    source.images = images.clone();
    source.order = Arc::new(Order::with_room(frames as usize));
    let order = source.order.clone();
    let (wrong, nanos) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let stage = SumStage {
        expected: sums.clone(),
        wrong: wrong.clone(),
        nanos: nanos.clone(),
        begun: None,
        skip,
        frames,
    };
    let spec = StageSpec::new("sum").ring(RING).wait(WaitStrategy::Spin).core(stage_core);
    let mut line = Line::builder(source)
        .configure(|c| {
            c.capture.core = Some(capture);
            c.capture.wait = WaitStrategy::Spin;
            c.pool.slots = Some(SLOTS);
            c.pool.headroom = 1.0;
        })
        .stage(spec, stage)
        .start()
        .expect("the line starts");
    assert!(line.wait(Duration::from_secs(120)), "the line did not end");
    let s = line.stop(Duration::from_secs(5));
    check_run(&s, frames);
    assert_eq!(wrong.load(Ordering::Relaxed), 0, "the stage read something else than was sent");
    let bytes = (frames - skip - 1) as f64 * BYTES as f64;
    (bytes / (nanos.load(Ordering::Relaxed) as f64 / 1e9), order.slots())
}

/// The memory of an equal pool: its slots, all taken.
fn equal_pool() -> Vec<FrameMut> {
    let config = PoolConfig { headroom: 1.0, ..PoolConfig::new(SLOTS, BYTES) };
    let mut pool = Pool::new(config, Default::default()).expect("an equal pool");
    let mut slots: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
    slots.sort_by_key(|s| s.slot_index());
    slots
}

/// Bytes a second of the plain loop; with a reader if asked for.
fn plain(images: &[Vec<u8>], order: &[usize], skip: usize, reader: bool) -> f64 {
    let mut held = equal_pool(); // Keeps the memory until the end.
    let slots: Vec<usize> = held.iter_mut().map(|s| s.buffer_mut().as_mut_ptr() as usize).collect();
    let slots = &slots;
    let (mut tx, mut rx) = rtrb::RingBuffer::<usize>::new(RING);
    let (mut back, mut home) = rtrb::RingBuffer::<usize>::new(RING * 2);
    let mut out = 0;
    let (rate, _) = on_two_cores(
        move || {
            let clock = Clock::host();
            let mut begun = clock.now();
            for (k, slot) in order.iter().enumerate() {
                if k == skip {
                    begun = clock.now();
                }
                // SAFETY: the slot is held, BYTES long, and the reader has given it back.
                let to = unsafe { std::slice::from_raw_parts_mut(slots[*slot] as *mut u8, BYTES) };
                to.copy_from_slice(&images[k % images.len()]);
                std::hint::black_box(&mut *to);
                if reader {
                    while out >= 2 {
                        // As many images are out as the line's own order of slots allows.
                        if home.pop().is_ok() {
                            out -= 1;
                        }
                    }
                    while tx.push(slots[*slot]).is_err() {
                        std::hint::spin_loop();
                    }
                    out += 1;
                }
            }
            let nanos = (clock.now() - begun).0 as f64;
            (order.len() - skip) as f64 * BYTES as f64 / (nanos / 1e9)
        },
        move || {
            let mut total = 0_u64;
            for _ in 0..if reader { order.len() } else { 0 } {
                let at = loop {
                    match rx.pop() {
                        Ok(at) => break at,
                        Err(_) => std::hint::spin_loop(),
                    }
                };
                // SAFETY: the writer does not touch it until it is given back.
                total = total.wrapping_add(sum(unsafe {
                    std::slice::from_raw_parts(at as *const u8, BYTES)
                }));
                let _ = back.push(at);
            }
            std::hint::black_box(total)
        },
    );
    drop(held);
    rate
}

fn main() {
    let options = Options::from_args();
    let rounds = options.rounds_or(11, 2);
    let (frames, skip) = if options.quick { (60, 10) } else { (600, 50) };
    let mut hiccups = Hiccups::start(&options);
    let images: Arc<Vec<Vec<u8>>> = Arc::new(
        (0..IMAGES)
            .map(|n| (0..BYTES).map(|k| (k * 31 + n * 7 + (k >> 11)) as u8).collect())
            .collect(),
    );
    let sums: Arc<Vec<u64>> = Arc::new(images.iter().map(|i| sum(i)).collect());
    let (mut rates, mut limits, mut read_limits, mut ratios, mut read_ratios) =
        (vec![], vec![], vec![], vec![], vec![]);
    let (mut slots_used, mut moved, mut bounces) = (0, 0, vec![]);
    while rates.len() < rounds {
        let begun = Instant::now();
        let before = bounce(20_000);
        let (rate, order) = ours(&images, &sums, frames, skip);
        let limit = plain(&images, &order, skip as usize, false);
        let with_reader = plain(&images, &order, skip as usize, true);
        let after = bounce(20_000);
        if before.max(after) > 1.5 * before.min(after) && moved < 2 * rounds {
            moved += 1; // A hypervisor moved the cores: the round's parts ran on two machines.
            continue;
        }
        bounces.push((before + after) / 2.0);
        slots_used = slots_used.max(order.iter().max().map_or(0, |m| m + 1));
        rates.push(rate);
        limits.push(limit);
        read_limits.push(with_reader);
        ratios.push(rate / limit);
        read_ratios.push(rate / with_reader);
        hiccups.after_round(begun.elapsed());
    }
    let result = json!({
        "bench": "grab_to_stage", "unit": "bytes/s", "ours": median(&rates).round(), "limit": median(&limits).round(),
        "ratio": round3(median(&ratios)), "target": ">= 0.95",
        "ratios": spread(&ratios),
        "limit_with_reader": median(&read_limits).round(), "ratio_with_reader": round3(median(&read_ratios)),
        "cache_line_one_way_ns": spread(&bounces), "rounds_discarded": moved,
        "frames_per_second": round3(median(&rates) / BYTES as f64), "image_bytes": BYTES,
        "slots": SLOTS, "slots_used": slots_used, "ring": RING, "images": IMAGES, "frames_a_round": frames,
        "limit_is": "copy_from_slice of the same images in one thread, into an equal pool, in the order of slots that ours took in the same round",
    });
    print(&options, result, hiccups.finish());
}

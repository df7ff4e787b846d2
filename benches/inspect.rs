//! Frames of 5 MP a second that one core inspects, beside how often it could read them, and how `workers = n` of the
//! stage scales it. The frames are the default conveyor's; their verdicts are held against the truth before any time
//! is taken. `step_ns` tells what each step takes of a frame, `teach_ms` how long learning from 16 frames took.

mod common;

use common::*;
use frameline::agent::known_cores;
use frameline::clock::Nanos;
use frameline::format::{Geometry, PixelFormat};
use frameline::pipeline::{Line, StageSpec};
use frameline::sim::{Conveyor, Look, Truth};
use frameline::source::Fill;
use frameline::stage::Figure;
use frameline::stages::inspect::{Inspect, Inspector, Reference, Step, Teacher, View};
use frameline::verdict::FrameVerdict;
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const WIDTH: u32 = 2448;
const HEIGHT: u32 = 2048;
const SEED: u64 = 7;
/// Good caps are others than those that are judged.
const OTHER_CAPS: u64 = 0x7EAC_4000;
const TEACHING: u64 = 16;
/// Depth of the hops to and from each worker.
const RING: usize = 2;
/// What a link of 10 Gbit/s can bring.
const TARGET: f64 = 240.0;

fn view(image: &[u8]) -> View<'_> {
    View::new(image, WIDTH, HEIGHT, WIDTH).expect("a whole image")
}

fn drawn(g: &Geometry, look: &Look, seed: u64, frames: u64) -> Vec<Vec<u8>> {
    let line = Conveyor::new(g, look, seed).expect("the conveyor is shown at that size");
    let frame = |serial| {
        let mut image = vec![0; line.image_bytes()];
        line.write(serial, &mut image);
        image
    };
    (0..frames).map(frame).collect()
}

/// Every verdict against the truth; parts and failed parts.
fn check(reference: &Arc<Reference>, images: &[Vec<u8>], truth: &Truth) -> (u64, u64) {
    let mut inspector = Inspector::new(reference.clone());
    let mut verdict = FrameVerdict::default();
    let (mut parts, mut failed, mut wrong) = (0, 0, 0);
    for (serial, image) in images.iter().enumerate() {
        inspector.inspect(&view(image), &mut verdict);
        assert_eq!(verdict.parts().len(), truth.parts(), "a verdict on every part");
        for (i, said) in verdict.parts().iter().enumerate() {
            let is = truth.part(serial as u64, i).defect;
            parts += 1;
            failed += u64::from(said.defect.is_some());
            wrong += u64::from(said.defect.is_some() != is.is_some());
        }
    }
    assert!(wrong * 50 <= parts, "{wrong} of {parts} parts are judged wrongly");
    (parts, failed)
}

/// Reads every byte once.
fn read(image: &[u8]) -> u64 {
    let words = image.as_chunks::<8>().0.iter().map(|w| u64::from_le_bytes(*w));
    words.fold(0, u64::wrapping_add)
}

/// Frames a second of a loop over all images.
fn rate(images: &[Vec<u8>], mut each: impl FnMut(&[u8])) -> f64 {
    let begun = Instant::now();
    images.iter().for_each(|i| each(black_box(i)));
    images.len() as f64 / begun.elapsed().as_secs_f64()
}

/// As many buffers as a line with so many workers can hold, with the images in turn.
fn lent(images: &[Vec<u8>], workers: usize) -> Arc<Memory> {
    let buffers = 8 + (2 * RING + 4) * workers;
    Memory::holding(&images.iter().cycle().take(buffers).cloned().collect::<Vec<_>>())
}

/// Frames a second of a line whose source lends the images and whose stage has so many workers.
fn on_a_line(
    reference: &Arc<Reference>,
    memory: &Arc<Memory>,
    workers: usize,
    frames: u64,
    nests: u64,
) -> f64 {
    let buffers = memory.len() / (WIDTH * HEIGHT) as usize;
    let spec = SourceSpec {
        fill: Fill::Lend,
        frames,
        width: WIDTH,
        height: HEIGHT,
        buffers,
        gap: Nanos(0),
    };
    let source = BenchSource::lending_from(spec, Some(memory.clone())).expect("a source");
    let reference = reference.clone();
    let mut line = Line::builder(source)
        .configure(|c| c.pool.slots = Some(buffers))
        .stage_with(StageSpec::new("inspect").workers(workers).ring(RING), move |_| {
            Box::new(Inspect::new(reference.clone()))
        })
        .start()
        .expect("the line starts");
    let begun = Instant::now();
    assert!(line.wait(Duration::from_secs(300)), "the line hangs");
    let took = begun.elapsed();
    let s = line.stop(Duration::from_secs(10));
    check_run(&s, frames);
    let figures = &s.stages.iter().find(|t| t.name == "inspect").expect("the stage").results;
    let parts = figures.iter().find(|(name, _)| *name == "parts").map(|(_, f)| f.clone());
    assert_eq!(parts, Some(Figure::Count(frames * nests)), "every part of every frame is judged");
    frames as f64 / took.as_secs_f64()
}

fn main() {
    let options = Options::from_args();
    let rounds = options.rounds_or(15, 2);
    let frames = if options.quick { 8 } else { 24 };
    let mut hiccups = Hiccups::start(&options);
    let g = Geometry::new(WIDTH, HEIGHT, PixelFormat::MONO8);
    let good = drawn(&g, &Look { defects: 0.0, ..Look::default() }, SEED ^ OTHER_CAPS, TEACHING);
    let begun = Instant::now();
    let mut teacher = Teacher::new();
    good.iter().for_each(|image| teacher.push_view(&view(image)).expect("good frames"));
    let reference = Arc::new(teacher.finish().expect("a reference"));
    let teach = begun.elapsed();
    drop(good);
    let look = Look { defects: 0.1, ..Look::default() };
    let images = drawn(&g, &look, SEED, frames);
    let truth = Truth::new(&g, &look, SEED).expect("the conveyor's truth");
    let (parts, failed) = check(&reference, &images, &truth);

    // Free threads first: whoever is pinned hands its core on to the threads that it makes.
    let cores = known_cores().len();
    let mut workers: Vec<Value> = Vec::new();
    let (mut one, mut n) = (0.0, 1);
    while n <= cores.clamp(2, 16) {
        let count = if options.quick { 40 } else { 400 } * n as u64;
        let speed = on_a_line(&reference, &lent(&images, n), n, count, truth.parts() as u64);
        one = if n == 1 { speed } else { one };
        workers.push(json!({ "workers": n, "frames_per_second": round3(speed), "times_one": round3(speed / one) }));
        n *= 2;
    }

    pin(two_cores()[0]);
    let mut inspector = Inspector::new(reference.clone());
    let mut verdict = FrameVerdict::default();
    let (mut ours, mut limits) = (Vec::new(), Vec::new());
    let mut steps = [Duration::ZERO; Step::ALL.len()];
    for _ in 0..rounds {
        let begun = Instant::now();
        ours.push(rate(&images, |image| inspector.inspect(&view(image), &mut verdict)));
        limits.push(rate(&images, |image| {
            black_box(read(image));
        }));
        hiccups.after_round(begun.elapsed());
    }
    for image in &images {
        let mut last = Instant::now();
        inspector.inspect_watched(&view(image), &mut verdict, |step| {
            let now = Instant::now();
            steps[step as usize] += now - last;
            last = now;
        });
    }
    let ratios: Vec<f64> = ours.iter().zip(&limits).map(|(a, b)| a / b).collect();
    let step = |s: &Duration| (s.as_nanos() / images.len() as u128) as u64;
    let steps: serde_json::Map<String, Value> =
        Step::NAMES.iter().zip(&steps).map(|(name, s)| ((*name).into(), json!(step(s)))).collect();
    let result = json!({
        "bench": "inspect", "unit": "frames/s", "ours": round3(median(&ours)), "limit": round3(median(&limits)),
        "ratio": round3(median(&ratios)), "target": format!("ours >= {TARGET}: what a link of 10 Gbit/s can bring"),
        "ratios": spread(&ratios), "rates": spread(&ours),
        "mb_per_second": (median(&ours) * f64::from(WIDTH * HEIGHT) / 1e6).round(),
        "step_ns": steps, "workers": workers, "teach_ms": teach.as_millis() as u64,
        "width": WIDTH, "height": HEIGHT, "frames": frames, "parts": parts, "failed": failed,
        "limit_is": "one core that adds up the words of the same frames, each read once",
    });
    print(&options, result, hiccups.finish());
}

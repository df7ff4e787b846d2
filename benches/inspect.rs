//! Frames of 5 MP a second that one core inspects, beside how often it could read them, and how `workers = n` of the
//! stage scales it. The frames are the default conveyor's; their verdicts are held against the truth before any time
//! is taken. `step_ns` tells what each step takes of a frame, `teach_ms` how long learning from 16 frames took.
//!
//! Every round has all of it, each in its turn: the kernel alone on one core, and on n; the line with one worker, and
//! with n. `times_one` is the line's scaling, `limit_times_one` that of the bare kernel on n pinned threads without a line:
//! cores that share a cache, a memory channel or, with a hypervisor, one and the same core, do not give n times one to
//! anybody. `of_limit` is the line with n workers beside the kernel on n threads. All are medians of the rounds' ratios.

mod common;

use common::*;
use frameline::Error;
use frameline::agent::known_cores;
use frameline::buffer::Frame;
use frameline::clock::{Clock, Nanos};
use frameline::format::{Geometry, PixelFormat};
use frameline::pipeline::{Line, StageSpec};
use frameline::sim::{Conveyor, Look, Truth};
use frameline::source::Fill;
use frameline::stage::{Figure, Flow, Stage, StageContext, StageError, StageResults};
use frameline::stages::inspect::{Inspect, Inspector, Reference, Step, Teacher, View};
use frameline::verdict::FrameVerdict;
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
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

/// As many buffers as a line with so many workers can hold, with the images in turn.
fn lent(images: &[Vec<u8>], workers: usize) -> Arc<Memory> {
    let buffers = 8 + (2 * RING + 4) * workers;
    Memory::holding(&images.iter().cycle().take(buffers).cloned().collect::<Vec<_>>())
}

/// An inspection that notes when each frame was done.
struct Noted {
    inner: Inspect,
    clock: Clock,
    done: Arc<Vec<AtomicU64>>,
}

impl Stage for Noted {
    fn prepare(&mut self, input: &Geometry) -> Result<Geometry, Error> {
        self.inner.prepare(input)
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        self.inner.results()
    }

    fn process(
        &mut self,
        frame: &mut Frame,
        cx: &mut StageContext<'_>,
    ) -> Result<Flow, StageError> {
        let id = frame.id() as usize;
        let flow = self.inner.process(frame, cx)?;
        self.done[id].store(self.clock.now().0, Ordering::Relaxed);
        Ok(flow)
    }
}

/// Frames a second of a line whose source lends the images and whose stage has so many workers, after the first tenth.
fn on_a_line(
    reference: &Arc<Reference>,
    memory: &Arc<Memory>,
    workers: usize,
    frames: u64,
    nests: u64,
) -> f64 {
    let spec = SourceSpec {
        fill: Fill::Lend,
        frames,
        width: WIDTH,
        height: HEIGHT,
        buffers: memory.len() / (WIDTH * HEIGHT) as usize,
        gap: Nanos(0),
    };
    let buffers = spec.buffers;
    let source = BenchSource::lending_from(spec, Some(memory.clone())).expect("a source");
    let done: Arc<Vec<AtomicU64>> = Arc::new((0..frames).map(|_| AtomicU64::new(0)).collect());
    let (noted, reference) = (done.clone(), reference.clone());
    let mut line = Line::builder(source)
        .configure(|c| c.pool.slots = Some(buffers))
        .stage_with(StageSpec::new("inspect").workers(workers).ring(RING), move |_| {
            Box::new(Noted {
                inner: Inspect::new(reference.clone()),
                clock: Clock::host(),
                done: noted.clone(),
            })
        })
        .start()
        .expect("the line starts");
    assert!(line.wait(Duration::from_secs(300)), "the line hangs");
    let s = line.stop(Duration::from_secs(10));
    check_run(&s, frames);
    let figures = &s.stages.iter().find(|t| t.name == "inspect").expect("the stage").results;
    let parts = figures.iter().find(|(name, _)| *name == "parts").map(|(_, f)| f.clone());
    assert_eq!(parts, Some(Figure::Count(frames * nests)), "every part of every frame is judged");
    let skip = (frames / 10).max(workers as u64) as usize;
    let latest = |of: &[AtomicU64]| of.iter().map(|t| t.load(Ordering::Relaxed)).max().unwrap_or(0);
    let took = latest(&done) - latest(&done[..skip]);
    (frames - skip as u64) as f64 / (took as f64 / 1e9)
}

/// Frames a second of `threads` pinned threads together, each of which calls what `make` makes for it with every image.
fn bare<F: FnMut(&[u8])>(threads: usize, images: &[Vec<u8>], make: impl Fn() -> F + Sync) -> f64 {
    let cores = known_cores();
    let gate = Barrier::new(threads);
    let slowest = std::thread::scope(|s| {
        let one = |i: usize| {
            let (gate, make) = (&gate, &make);
            let core = cores[i % cores.len()];
            s.spawn(move || {
                pin(core);
                let mut each = make();
                each(&images[0]); // Its memory is touched, its code is there.
                gate.wait();
                let begun = Instant::now();
                images.iter().for_each(|i| each(black_box(i)));
                begun.elapsed()
            })
        };
        let running: Vec<_> = (0..threads).map(one).collect();
        running.into_iter().map(|t| t.join().expect("it inspects")).max()
    });
    (threads * images.len()) as f64 / slowest.expect("a thread").as_secs_f64()
}

fn main() {
    let options = Options::from_args();
    let rounds = options.rounds_or(40, 4);
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

    let inspect = || {
        let mut inspector = Inspector::new(reference.clone());
        let mut verdict = FrameVerdict::default();
        move |image: &[u8]| inspector.inspect(&view(image), &mut verdict)
    };
    let scales: Vec<usize> =
        (0..5).map(|i| 1 << i).filter(|n| *n <= known_cores().len().max(2)).collect();
    let memory = lent(&images, *scales.last().expect("one worker"));
    let nests = truth.parts() as u64;
    let mut limits = Vec::new();
    // Of each number of workers: the line, and the bare kernel.
    let mut rates: Vec<[Vec<f64>; 2]> = scales.iter().map(|_| Default::default()).collect();
    for round in 0..rounds {
        let begun = Instant::now();
        let parts = 2 * scales.len();
        for k in 0..parts {
            let part = (if round % 2 == 0 { k + round } else { round + parts - k }) % parts;
            let n = scales[part / 2];
            let rate = match part % 2 {
                0 => on_a_line(&reference, &memory, n, (2 * frames * n as u64).max(20), nests),
                _ => bare(n, &images, inspect),
            };
            rates[part / 2][part % 2].push(rate);
        }
        limits.push(bare(1, &images, || {
            |image: &[u8]| {
                black_box(read(image));
            }
        }));
        hiccups.after_round(begun.elapsed());
    }
    let ours = &rates[0][1];
    let by = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a / b).collect() };
    let told = |v: &[f64]| {
        let mut told = spread(v);
        told["interval"] = json!(interval95(v).map(round3));
        told
    };
    let workers: Vec<Value> = scales
        .iter()
        .zip(&rates)
        .map(|(n, [line, bare])| {
            json!({
                "workers": n, "frames_per_second": round3(median(line)), "limit_frames_per_second": round3(median(bare)),
                "times_one": told(&by(line, &rates[0][0])), "limit_times_one": told(&by(bare, ours)),
                "of_limit": told(&by(line, bare)),
            })
        })
        .collect();

    pin(two_cores()[0]);
    let mut inspector = Inspector::new(reference.clone());
    let mut verdict = FrameVerdict::default();
    let mut steps = [Duration::ZERO; Step::ALL.len()];
    for image in &images {
        let mut last = Instant::now();
        inspector.inspect_watched(&view(image), &mut verdict, |step| {
            let now = Instant::now();
            steps[step as usize] += now - last;
            last = now;
        });
    }
    let ratios = by(ours, &limits);
    let step = |s: &Duration| (s.as_nanos() / images.len() as u128) as u64;
    let steps: serde_json::Map<String, Value> =
        Step::NAMES.iter().zip(&steps).map(|(name, s)| ((*name).into(), json!(step(s)))).collect();
    let result = json!({
        "bench": "inspect", "unit": "frames/s", "ours": round3(median(ours)), "limit": round3(median(&limits)),
        "ratio": round3(median(&ratios)), "target": format!("ours >= {TARGET}: what a link of 10 Gbit/s can bring"),
        "ratios": spread(&ratios), "rates": spread(ours),
        "mb_per_second": (median(ours) * f64::from(WIDTH * HEIGHT) / 1e6).round(),
        "step_ns": steps, "workers": workers, "teach_ms": teach.as_millis() as u64,
        "width": WIDTH, "height": HEIGHT, "frames": frames, "parts": parts, "failed": failed,
        "limit_is": "one core that adds up the words of the same frames, each read once; of workers: the kernel on as many pinned threads, without a line",
    });
    print(&options, result, hiccups.finish());
}

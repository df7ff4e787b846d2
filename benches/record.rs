//! 5 MP Mono8 frames recorded from a pool, as fast as the disk takes them; beside plain sequential direct writes of the
//! same bytes to a reserved file of the same size on the same file system, both durable at the end. In turn, in an order that
//! changes from round to round. The limit is measured twice in each round, and its mean is compared with: how far it lies from
//! itself is what the disk's mood does to a ratio.
//!
//! The limit writes from the recorder's own slots in turn: frames come from memory, and both from the same. The pool lives as
//! long as the benchmark, as a line's does: slots that were filled a moment ago still lie in a cache, and new ones were never
//! touched. One buffer written over and over is in a cache always and faster by some percent (`one_buffer`); what the recorder
//! is of that stands beside.
//!
//! The memory that is written makes a difference: a request to the disk holds so many pieces of memory, and on ordinary
//! pages a piece may be as short as a page. So the pool is one of advised huge pages, as a line that records has, the limit
//! writes from the same, and the recorder runs on ordinary pages beside it; `disk` tells the requests that came of each.
//!
//! Then a line at half the pace that the disk could hold, with and without recording in turn: the capture thread's
//! intervals, of all rounds together. `-- writes` leaves it out.

mod common;

use common::*;
use frameline::buffer::{HugePages, Pool, PoolConfig};
use frameline::clock::{Clock, HostTime};
use frameline::format::{Geometry, PixelFormat};
use frameline::meta::FrameMeta;
use frameline::pipeline::Snapshot;
use frameline::recording::format::{Texts, WallClock};
use frameline::recording::{Head, Recorder, RecorderSettings, Recording, verify};
use frameline::sim::Sim;
use frameline::source::FrameIdRule;
use frameline::stage::{Figure, Flow, Flush, FnStage, Stage, StageContext};
use frameline::{Frame, Line, StageSpec};
use serde_json::json;
use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const GEOMETRY: Geometry = Geometry {
    width: 2448,
    height: 2048,
    offset_x: 0,
    offset_y: 0,
    pixel_format: PixelFormat::MONO8,
    x_padding: 0,
};
const PAGE: usize = 4096;

fn head(geometry: Geometry) -> Head {
    Head {
        geometry,
        max_payload_bytes: geometry.image_bytes(),
        id_rule: FrameIdRule::default(),
        started: WallClock::at(Clock::host().now()),
        texts: Texts::default(),
    }
}

/// What one run wrote, and what the disk saw of it.
#[derive(Default)]
struct Runs {
    rates: Vec<f64>,
    requests: Vec<f64>,
    request_kib: Vec<f64>,
}

impl Runs {
    fn add(&mut self, rate: f64, disk: Option<(u64, u64)>, frames: u64) {
        self.rates.push(rate / 1e6);
        if let Some((requests, sectors)) = disk.filter(|(requests, _)| *requests > 0) {
            self.requests.push(requests as f64 / frames as f64);
            self.request_kib.push(sectors as f64 / 2.0 / requests as f64);
        }
    }

    fn disk(&self) -> serde_json::Value {
        match self.requests.is_empty() {
            true => serde_json::Value::Null,
            false => json!({
                "requests_a_frame": round3(median(&self.requests)),
                "request_kib": round3(median(&self.request_kib)),
            }),
        }
    }

    fn ratios(&self, limit: &Runs) -> Vec<f64> {
        self.rates.iter().zip(&limit.rates).map(|(a, b)| a / b).collect()
    }
}

/// Write requests and sectors of the device that `folder` lies on, since the system started; `None`: it has no figures.
fn disk(folder: &Path) -> Option<(u64, u64)> {
    let device = std::fs::metadata(folder).ok()?.dev();
    let (major, minor) = (libc::major(device), libc::minor(device));
    let text = std::fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).ok()?;
    let mut fields = text.split_whitespace().skip(4).map(str::parse::<u64>);
    let requests = fields.next()?.ok()?;
    Some((requests, fields.nth(1)?.ok()?))
}

/// One turn of a round, and what the disk saw meanwhile. The file is gone afterwards, and what the file system does about
/// that is over: it must not fall into the next turn.
fn turn(path: &Path, frames: u64, of: &mut Runs, run: impl FnOnce() -> f64) {
    let folder = path.parent().expect("a folder");
    let before = disk(folder);
    let rate = run();
    let disk = before.zip(disk(folder)).map(|(a, b)| (b.0 - a.0, b.1 - a.1));
    of.add(rate, disk, frames);
    let _ = std::fs::remove_file(path);
    let _ = std::fs::File::open(folder).and_then(|f| f.sync_all());
}

/// Bytes a second of a recorder that is fed as fast as it takes frames, everything durable at the end.
fn ours(path: &Path, frames: u64, pool: &mut Pool) -> f64 {
    let bytes = GEOMETRY.image_bytes() as usize;
    let mut settings = RecorderSettings { waits: true, ..RecorderSettings::new(path) };
    settings.rule.frames = Some(frames);
    let mut recorder = Recorder::new(settings, head(GEOMETRY), bytes as u64);
    let mut stage = recorder.stage();
    stage.prepare(&GEOMETRY).expect("room on the disk");
    let begun = Instant::now();
    let mut sent = 0;
    while sent < frames {
        pool.collect();
        let Some(mut frame) = pool.take() else {
            // As a capture thread: asleep until a slot may have come home, not in the way of the disk's own work.
            std::thread::park_timeout(Duration::from_micros(200));
            continue;
        };
        frame.buffer_mut()[..8].copy_from_slice(&sent.to_le_bytes());
        frame.set_filled(bytes);
        *frame.meta_mut() =
            FrameMeta { frame_id: sent, sequence: sent, ..FrameMeta::of(&GEOMETRY) };
        let mut frame = frame.filled();
        let mut cx = StageContext::new(HostTime(sent), None);
        stage.process(&mut frame, &mut cx).expect("the stage takes it");
        sent += 1;
    }
    stage.flush(Flush::End);
    let took = begun.elapsed();
    drop(recorder);
    let recording = Recording::open(path).expect("it was recorded");
    assert!(verify(&recording, |_| {}).good == frames, "every frame is there");
    (frames * bytes as u64) as f64 / took.as_secs_f64()
}

/// The same with nothing but writes, from so many buffers in turn.
fn plain(path: &Path, frames: u64, pool: &mut Pool, buffers: usize) -> f64 {
    let bytes = (GEOMETRY.image_bytes() as usize).next_multiple_of(PAGE);
    pool.collect();
    let mut slots: Vec<_> = (0..buffers).map(|_| pool.take().expect("a free slot")).collect();
    let made =
        OpenOptions::new().create_new(true).write(true).custom_flags(libc::O_DIRECT).open(path);
    // A file system without direct I/O: both sides go through the page cache.
    let file = made.unwrap_or_else(|_| {
        OpenOptions::new().create(true).truncate(true).write(true).open(path).expect("a file")
    });
    reserve(&file, frames * bytes as u64);
    let begun = Instant::now();
    for n in 0..frames {
        let memory = &mut slots[n as usize % buffers].buffer_mut()[..bytes];
        file.write_all_at(memory, n * bytes as u64).expect("a write");
    }
    file.sync_data().expect("durable");
    let took = begun.elapsed();
    (frames * GEOMETRY.image_bytes()) as f64 / took.as_secs_f64()
}

/// As many slots as a line with a recorder has, filled with a picture.
fn slots(path: &Path, huge_pages: HugePages) -> (Pool, usize) {
    let bytes = (GEOMETRY.image_bytes() as usize).next_multiple_of(PAGE);
    let slots = RecorderSettings::new(path).holds() + 2;
    let config = PoolConfig { lock: false, huge_pages, ..PoolConfig::new(slots, bytes) };
    let mut pool = Pool::new(config, Default::default()).expect("memory");
    let mut taken: Vec<_> = (0..slots).map(|_| pool.take().expect("a free slot")).collect();
    taken.iter_mut().for_each(|slot| slot.buffer_mut()[..bytes].fill(7));
    drop(taken);
    (pool, slots)
}

fn reserve(file: &std::fs::File, bytes: u64) {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open; no memory is passed.
    unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, bytes as libc::off_t) };
}

/// What the capture thread of a line did, over several runs.
#[derive(Default)]
struct Captured {
    intervals: Option<hdrhistogram::Histogram<u64>>,
    lost: u64,
    not_written: u64,
}

impl Captured {
    fn add(&mut self, end: &Snapshot) {
        let one = end.grab_interval.histogram();
        match &mut self.intervals {
            Some(all) => all.add(one).expect("the same bounds"),
            none => drop(none.insert(one.clone())),
        }
        self.lost += end.frames.lost_by_device + end.frames.underrun;
        let figures = end.stages.iter().flat_map(|s| &s.results);
        self.not_written += figures
            .filter_map(|(key, figure)| match figure {
                Figure::Count(n) if *key == "not_written" => Some(*n),
                _ => None,
            })
            .sum::<u64>();
    }

    fn object(&self) -> serde_json::Value {
        let Some(h) = &self.intervals else { return serde_json::Value::Null };
        let at = |q: f64| h.value_at_quantile(q);
        json!({
            "count": h.len(), "p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "max": h.max(),
            "lost": self.lost, "not_written": self.not_written,
        })
    }
}

/// The line at so many frames a second.
fn captured(path: Option<&PathBuf>, rate: f64, seconds: f64, all: &mut Captured) {
    let uri = format!("sim:?rate={rate}&scene=pattern&queue=16");
    let camera = Sim::from_uri(&uri).expect("a camera");
    let mut builder = Line::builder(camera).configure(|c| {
        c.pool.lock = false;
        c.pool.huge_pages = HugePages::Advise;
        c.capture.duration = Some(Duration::from_secs_f64(seconds));
    });
    let mut kept = None;
    builder = match path {
        Some(path) => {
            let mut settings = RecorderSettings::new(path);
            // One file, that is removed afterwards.
            settings.rule.segment_bytes = 64 << 30;
            settings.rule.frames = Some((rate * seconds * 1.5) as u64 + 64);
            let mut spec = StageSpec::new("record");
            spec.holds = settings.holds();
            let mut recorder = Recorder::new(settings, head(GEOMETRY), GEOMETRY.image_bytes());
            let stage = recorder.stage();
            let builder = builder.witness(recorder.witness()).stage(spec, stage);
            kept = Some(recorder);
            builder
        }
        None => {
            builder.stage("pass", FnStage(|_: &mut Frame, _: &mut StageContext<'_>| Ok(Flow::Pass)))
        }
    };
    let mut line = builder.start().expect("the line starts");
    while !line.wait(Duration::from_millis(100)) {}
    let end = line.stop(Duration::from_secs(20));
    drop(kept);
    if let Some(path) = path {
        let _ = std::fs::remove_file(path);
    }
    all.add(&end);
}

const TURNS: usize = 5;

/// Who has this turn: in twenty rounds each comes after each other as often, for what one leaves to the disk falls to the next.
fn whose(round: usize, turn: usize) -> usize {
    (round + turn * (1 + round / TURNS % (TURNS - 1))) % TURNS
}

fn main() {
    let o = Options::from_args();
    let (rounds, frames) = (o.rounds_or(40, 1), if o.quick { 24 } else { 160 });
    let folder = std::env::var("FRAMELINE_BENCH_DIR")
        .map_or_else(|_| PathBuf::from("target"), PathBuf::from);
    let path = folder.join(format!("bench-record-{}.flr", std::process::id()));
    let hiccups = Hiccups::start(&o);
    let [mut limit, mut again, mut one_buffer, mut recorded, mut ordinary] =
        [(); 5].map(|()| Runs::default());
    let (mut pool, slots) = slots(&path, HugePages::Advise);
    let (mut ordinary_pool, _) = self::slots(&path, HugePages::Off);
    for round in 0..rounds {
        for turn_of_round in 0..TURNS {
            match whose(round, turn_of_round) {
                0 => turn(&path, frames, &mut limit, || plain(&path, frames, &mut pool, slots)),
                1 => turn(&path, frames, &mut recorded, || ours(&path, frames, &mut pool)),
                2 => turn(&path, frames, &mut again, || plain(&path, frames, &mut pool, slots)),
                3 => turn(&path, frames, &mut one_buffer, || plain(&path, frames, &mut pool, 1)),
                _ => turn(&path, frames, &mut ordinary, || ours(&path, frames, &mut ordinary_pool)),
            }
        }
    }
    let ours = median(&recorded.rates);
    // Half of what the disk takes, and not more than a simulation can draw.
    let rate = (ours * 1e6 / GEOMETRY.image_bytes() as f64 / 2.0).clamp(5.0, 100.0).round();
    let (runs, seconds) = match (o.quick, o.rest.iter().any(|word| word == "writes")) {
        (_, true) => (0, 0.0),
        (true, _) => (1, 1.0),
        (false, _) => (4, 10.0),
    };
    let (mut without, mut with) = (Captured::default(), Captured::default());
    for run in 0..runs {
        let mut turns = [true, false];
        turns.rotate_left(run % 2);
        for plainly in turns {
            match plainly {
                true => captured(None, rate, seconds, &mut without),
                false => captured(Some(&path), rate, seconds, &mut with),
            }
        }
    }
    // Each round has the limit twice: their mean is less of a disk's mood than either.
    let both = limit.rates.iter().zip(&again.rates).map(|(a, b)| (a + b) / 2.0);
    let both = Runs { rates: both.collect(), ..Runs::default() };
    let (ratios, best) = (recorded.ratios(&both), median(&both.rates));
    let object = json!({
        "bench": "record",
        "unit": "MB/s",
        "ours": round3(ours),
        "limit": round3(best),
        "ratio": round3(median(&ratios)),
        "ratios": spread(&ratios),
        "ratio_interval": interval95(&ratios).map(round3),
        "limit_against_itself": spread(&again.ratios(&limit)),
        "ratio_to_one_buffer": spread(&recorded.ratios(&one_buffer)),
        "one_buffer": spread(&one_buffer.ratios(&both)),
        "ordinary_pages": spread(&ordinary.ratios(&both)),
        "disk": { "ours": recorded.disk(), "limit": limit.disk(), "ordinary_pages": ordinary.disk() },
        "frames": frames,
        "frame_bytes": GEOMETRY.image_bytes(),
        "capture_rate": rate,
        "capture_interval_ns_without": without.object(),
        "capture_interval_ns_with": with.object(),
    });
    print(&o, object, hiccups.finish());
}

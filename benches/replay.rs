//! A recording of 5 MP Mono8 frames replayed into a stage that reads every byte, as fast as it can.
//!
//! Warm: beside a plain loop of one thread that reads the same bytes of the same file through a mapping whose pages are
//! entered already, as ours are from the second round on. Cold, with the file out of the page cache (which is looked at,
//! page by page): beside direct reads of the same file, ours from before the recording is opened. In turn, and who is first
//! changes from round to round: a disk, or the machine below this one, may have a cache of its own.

mod common;

use common::*;
use frameline::buffer::Frame;
use frameline::clock::HostTime;
use frameline::format::{Geometry, PixelFormat};
use frameline::meta::FrameMeta;
use frameline::recording::format::{End, Entry, Texts, WallClock};
use frameline::recording::{Head, Recording, Rule, Writer};
use frameline::replay::Replay;
use frameline::source::FrameIdRule;
use frameline::stage::{Flow, FnStage, StageContext};
use frameline::{Line, StageSpec};
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const WIDTH: u32 = 2448;
const HEIGHT: u32 = 2048;
const BYTES: usize = WIDTH as usize * HEIGHT as usize;
const PAGE: usize = 4096;

/// Reads every byte.
fn sum(payload: &[u8]) -> u64 {
    let (words, rest) = payload.as_chunks::<8>();
    let words = words.iter().map(|w| u64::from_le_bytes(*w)).fold(0_u64, u64::wrapping_add);
    rest.iter().fold(words, |a, b| a.wrapping_add(u64::from(*b)))
}

fn make(path: &Path, frames: u64) {
    let geometry = Geometry::new(WIDTH, HEIGHT, PixelFormat::MONO8);
    let head = Head {
        geometry,
        max_payload_bytes: BYTES as u64,
        id_rule: FrameIdRule::default(),
        started: WallClock::default(),
        texts: Texts::default(),
    };
    let rule = Rule { frames: Some(frames), segment_bytes: 64 << 30, ..Rule::default() };
    let mut writer = Writer::create(path, head, BYTES as u64, rule).expect("a recording");
    let mut payload = vec![0_u8; BYTES];
    for n in 0..frames {
        payload.iter_mut().enumerate().for_each(|(i, b)| *b = (i as u64 * 7 + n) as u8);
        let meta = FrameMeta {
            frame_id: n,
            sequence: n,
            host_time: HostTime(n * 10_000_000),
            ..FrameMeta::of(&geometry)
        };
        writer.push(&Entry { meta, ..Entry::default() }, &payload).expect("a frame");
    }
    writer.finish(End::Finished).expect("closed");
}

/// Bytes a second of a line that replays `rounds` rounds; the first is not counted if there are others.
fn ours(path: &Path, frames: u64, rounds: u64, want: u64) -> f64 {
    let uri = format!("replay:{}?rate=max&loop={rounds}", path.display());
    // Before it opens: it begins to read ahead then.
    let opened = Instant::now();
    let source = Replay::from_uri(&uri).expect("it opens");
    let skip = if rounds > 1 { frames } else { 0 };
    let (total, nanos) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (sums, took) = (total.clone(), nanos.clone());
    let (mut seen, mut begun) = (0_u64, opened);
    let all = frames * rounds;
    let read = move |frame: &mut Frame, _: &mut StageContext<'_>| {
        if seen == skip && skip > 0 {
            begun = Instant::now();
        }
        let s = sum(frame.payload());
        if seen >= skip {
            sums.store(sums.load(Ordering::Relaxed).wrapping_add(s), Ordering::Relaxed);
        }
        seen += 1;
        if seen == all {
            took.store(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        }
        Ok(Flow::Pass)
    };
    let mut line = Line::builder(source)
        .stage(StageSpec::new("read"), FnStage(read))
        .start()
        .expect("the line starts");
    while !line.wait(Duration::from_millis(50)) {}
    let end = line.stop(Duration::from_secs(10));
    assert!(end.is_balanced() && end.frames.delivered == all, "{:?}", end.frames);
    let counted = rounds - u64::from(skip > 0);
    assert_eq!(total.load(Ordering::Relaxed), want.wrapping_mul(counted), "every byte was read");
    (all - skip) as f64 * BYTES as f64 * 1e9 / nanos.load(Ordering::Relaxed) as f64
}

/// A plain loop over a mapping; the first round is not counted.
fn plain(path: &Path, frames: u64, rounds: u64) -> (f64, u64) {
    let recording = Recording::open(path).expect("it opens");
    let layout = recording.header().layout;
    let file = File::open(path).expect("the file");
    // SAFETY: nobody changes the benchmark's own file.
    let map = unsafe { memmap2::MmapOptions::new().map_copy_read_only(&file) }.expect("a mapping");
    let (mut begun, mut total) = (Instant::now(), 0_u64);
    for round in 0..rounds {
        if round == 1 {
            begun = Instant::now();
        }
        total = 0;
        for n in 0..frames {
            let at = layout.payload_offset(n).expect("within the file") as usize;
            total = total.wrapping_add(black_box(sum(&map[at..at + BYTES])));
        }
    }
    let counted = (rounds - 1) * frames;
    (counted as f64 * BYTES as f64 / begun.elapsed().as_secs_f64(), total)
}

/// Takes the file out of the page cache. Pages that somebody still has mapped stay, so that the threads of the replay before
/// are waited for; the share of the file that stayed all the same is the result.
fn cool(path: &Path) -> f64 {
    use std::os::fd::AsRawFd;
    let file = File::open(path).expect("the file");
    file.sync_all().expect("durable");
    let mut stayed = 1.0;
    for _ in 0..50 {
        // SAFETY: the descriptor is open; no memory is passed.
        unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
        stayed = resident(&file);
        if stayed < 0.001 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    stayed
}

/// The share of a file that is in the page cache.
fn resident(file: &File) -> f64 {
    // SAFETY: nobody changes the benchmark's own file.
    let map = unsafe { memmap2::MmapOptions::new().map_copy_read_only(file) }.expect("a mapping");
    let mut pages = vec![0_u8; map.len().div_ceil(PAGE)];
    // SAFETY: the range is mapped, and there is a byte for each of its pages.
    let asked = unsafe { libc::mincore(map.as_ptr() as *mut _, map.len(), pages.as_mut_ptr()) };
    assert_eq!(asked, 0, "the page cache can be looked at");
    pages.iter().filter(|p| **p & 1 == 1).count() as f64 / pages.len() as f64
}

/// Bytes a second of sequential direct reads.
fn direct(path: &Path, frames: u64) -> f64 {
    let recording = Recording::open(path).expect("it opens");
    let layout = recording.header().layout;
    let file = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path);
    let file = file.unwrap_or_else(|_| File::open(path).expect("the file"));
    let stride = layout.stride as usize;
    let mut memory = vec![0_u8; stride + PAGE];
    let start = memory.as_ptr().align_offset(PAGE);
    let begun = Instant::now();
    for n in 0..frames {
        let at = layout.payload_offset(n).expect("within the file");
        file.read_exact_at(&mut memory[start..start + stride], at).expect("a read");
    }
    frames as f64 * BYTES as f64 / begun.elapsed().as_secs_f64()
}

fn main() {
    let o = Options::from_args();
    let (rounds, frames, loops) = (o.rounds_or(5, 1), if o.quick { 16 } else { 400 }, 3);
    let folder = std::env::var("FRAMELINE_BENCH_DIR")
        .map_or_else(|_| PathBuf::from("target"), PathBuf::from);
    let path = folder.join(format!("bench-replay-{}.flr", std::process::id()));
    make(&path, frames);
    let hiccups = Hiccups::start(&o);
    let (mut warm, mut limit, mut cold, mut disk) = (vec![], vec![], vec![], vec![]);
    let mut stayed: f64 = 0.0;
    let (_, want) = plain(&path, frames, 2);
    for round in 0..rounds {
        let mut turns = [true, false];
        turns.rotate_left(round % 2);
        for plainly in turns {
            match plainly {
                true => limit.push(plain(&path, frames, loops).0 / 1e6),
                false => warm.push(ours(&path, frames, loops, want) / 1e6),
            }
        }
        for plainly in turns {
            stayed = stayed.max(cool(&path));
            match plainly {
                true => disk.push(direct(&path, frames) / 1e6),
                false => cold.push(ours(&path, frames, 1, want) / 1e6),
            }
        }
    }
    let _ = std::fs::remove_file(&path);
    let ratios = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a / b).collect::<Vec<_>>();
    let (warm_ratios, cold_ratios) = (ratios(&warm, &limit), ratios(&cold, &disk));
    let object = json!({
        "bench": "replay",
        "unit": "MB/s",
        "ours": round3(median(&warm)),
        "limit": round3(median(&limit)),
        "ratio": round3(median(&warm_ratios)),
        "ratios": spread(&warm_ratios),
        "cold": {
            "ours": round3(median(&cold)),
            "limit": round3(median(&disk)),
            "ratio": round3(median(&cold_ratios)),
        },
        "cold_ratios": spread(&cold_ratios),
        "cold_share_in_cache": round3(stayed),
        "frames": frames,
        "frame_bytes": BYTES,
    });
    print(&o, object, hiccups.finish());
}

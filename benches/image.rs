//! Megabytes a second of each image kernel on a 5 MP image, bytes read and written together, beside a plain
//! memcpy that reads and writes as many bytes, and beside the plain twin that the tests compare with.
//!
//! `ours`, `limit` and `ratio` are those of the kernel with the lowest ratio; `kernels` has them all.

mod common;
#[path = "../tests/util/twins.rs"]
mod twins;

use common::*;
use frameline::format::{Mosaic, Packing};
use frameline::stages::image::kernel::*;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::Instant;
use twins::Plane;

const WIDTH: usize = 2448;
const HEIGHT: usize = 2048;
const PIXELS: usize = WIDTH * HEIGHT;

/// Bytes that change from each to the next without a pattern that a branch could learn.
fn noise(n: usize) -> Vec<u8> {
    let mut x = 0x9E37_79B9_7F4A_7C15_u64;
    let next = |_| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 32) as u8
    };
    (0..n).map(next).collect()
}

/// Values of a packed or 16-bit image that fit the depth.
fn sixteen(depth: u32) -> Vec<u8> {
    let mask = (0xFFFF_u32 >> (16 - depth)) as u16;
    let raw = noise(2 * PIXELS);
    let (pairs, _) = raw.as_chunks::<2>();
    pairs.iter().flat_map(|p| (u16::from_le_bytes(*p) & mask).to_le_bytes()).collect()
}

/// Runs a kernel once into a buffer.
type Run = dyn FnMut(&mut [u8]);

/// One kernel: what it reads and writes, and how it and its twin run.
struct Case {
    name: &'static str,
    bytes_in: usize,
    bytes_out: usize,
    run: Box<Run>,
    twin: Box<dyn FnMut() -> usize>,
}

fn case(
    name: &'static str,
    (bytes_in, bytes_out): (usize, usize),
    run: impl FnMut(&mut [u8]) + 'static,
    twin: impl FnMut() -> usize + 'static,
) -> Case {
    Case { name, bytes_in, bytes_out, run: Box::new(run), twin: Box::new(twin) }
}

fn unpacking(name16: &'static str, name8: &'static str, packing: Packing) -> [Case; 2] {
    let input = noise(packing.bytes_of(PIXELS));
    let n = input.len();
    let (a, b, c) = (input.clone(), input.clone(), input);
    let twin = move || black_box(twins::unpack(packing, &c)).len();
    let again = twin.clone();
    [
        case(
            name16,
            (n, PIXELS * 2),
            move |out| assert!(unpack_16(packing, &a, out, 0) == PIXELS),
            twin,
        ),
        case(name8, (n, PIXELS), move |out| assert!(unpack_8(packing, &b, out) == PIXELS), again),
    ]
}

fn colours(name: &'static str, depth: u32, to: Colours) -> Case {
    let bytes = if depth == 8 { 1 } else { 2 };
    let input = if depth == 8 { noise(PIXELS) } else { sixteen(depth) };
    let plane = plane(&noise(PIXELS));
    case(
        name,
        (PIXELS * bytes, PIXELS * to.bytes()),
        move |out| {
            let rows = Rows::new(&input, WIDTH * bytes, WIDTH * bytes, HEIGHT);
            demosaic(rows, depth, Mosaic::Rg, to, out);
        },
        move || black_box(twins::demosaic(&plane, Mosaic::Rg, to)).len(),
    )
}

fn plane(bytes: &[u8]) -> Plane {
    let values = bytes.iter().map(|b| u16::from(*b)).collect();
    Plane { width: WIDTH, height: HEIGHT, values }
}

fn binning(name: &'static str, factor: usize, mosaic: bool) -> Case {
    let input = noise(PIXELS);
    let plane = plane(&input);
    let side = if mosaic { 2 } else { 1 };
    let how = Bin { factor, step: side, row_step: side, bytes: 1 };
    let out = how.columns(WIDTH) * how.rows(HEIGHT);
    case(
        name,
        (PIXELS, out),
        move |out| bin(Rows::new(&input, WIDTH, WIDTH, HEIGHT), how, BinRule::Mean, out),
        move || black_box(twins::bin(&plane, factor, 1, mosaic, BinRule::Mean)).values.len(),
    )
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(unpacking("unpack Mono10p to 16", "unpack Mono10p to 8", Packing::Lsb10));
    cases.extend(unpacking("unpack Mono12p to 16", "unpack Mono12p to 8", Packing::Lsb12));
    cases.extend(unpacking(
        "unpack Mono10Packed to 16",
        "unpack Mono10Packed to 8",
        Packing::Gev10,
    ));
    cases.extend(unpacking(
        "unpack Mono12Packed to 16",
        "unpack Mono12Packed to 8",
        Packing::Gev12,
    ));
    let deep = sixteen(12);
    let plain = deep.clone();
    cases.push(case(
        "Mono12 to 8",
        (PIXELS * 2, PIXELS),
        move |out| narrow(&deep, out, 12),
        move || {
            let value = |p: &[u8]| (u16::from_le_bytes([p[0], p[1]]) >> 4) as u8;
            black_box(plain.chunks(2).map(value).collect::<Vec<_>>()).len()
        },
    ));
    cases.push(colours("demosaic 8 to RGB8", 8, Colours::Rgb8));
    cases.push(colours("demosaic 8 to Mono8", 8, Colours::Luma8));
    cases.push(colours("demosaic 12 to RGB8", 12, Colours::Rgb8));
    let (input, dark) = (noise(PIXELS), noise(PIXELS));
    let gain: Vec<u16> = dark.iter().map(|d| 4096 + u16::from(*d) * 8).collect();
    let (i, d, g) = (input.clone(), dark.clone(), gain.clone());
    cases.push(case("flat field 8", (PIXELS * 4, PIXELS), move |out| flat_8(&i, &d, &g, out), {
        let (i, d, g) = (input.clone(), dark.clone(), gain.clone());
        move || {
            let value = |k: usize| twins::flat(i[k].into(), d[k].into(), g[k], 255);
            black_box((0..PIXELS).map(value).collect::<Vec<_>>()).len()
        }
    }));
    let deep = sixteen(12);
    let dark16: Vec<u16> = dark.iter().map(|d| u16::from(*d)).collect();
    let (i, d, g) = (deep.clone(), dark16.clone(), gain.clone());
    cases.push(case(
        "flat field 12",
        (PIXELS * 6, PIXELS * 2),
        move |out| flat_16(&i, &d, &g, 4095, out),
        move || {
            let value = |k: usize| {
                let v = u16::from_le_bytes([deep[2 * k], deep[2 * k + 1]]);
                twins::flat(v, dark16[k], gain[k], 4095)
            };
            black_box((0..PIXELS).map(value).collect::<Vec<_>>()).len()
        },
    ));
    let (a, b) = (input.clone(), dark.clone());
    cases.push(case(
        "background 8",
        (PIXELS * 2, PIXELS),
        move |out| absolute_8(&a, &b, out),
        move || {
            let value = |k: usize| twins::absolute(input[k].into(), dark[k].into(), 255);
            black_box((0..PIXELS).map(value).collect::<Vec<_>>()).len()
        },
    ));
    cases.push(binning("bin Mono8 by 2", 2, false));
    cases.push(binning("bin Mono8 by 4", 4, false));
    cases.push(binning("bin Bayer by 2", 2, true));
    cases
}

/// Megabytes a second of the best of a few runs.
fn speed(bytes: usize, runs: usize, mut f: impl FnMut()) -> f64 {
    let best = (0..runs)
        .map(|_| {
            let begun = Instant::now();
            f();
            begun.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    bytes as f64 / best / 1e6
}

fn main() {
    let options = Options::from_args();
    let rounds = options.rounds_or(15, 2);
    pin(two_cores()[0]);
    let mut hiccups = Hiccups::start(&options);
    let wanted =
        |c: &Case| options.rest.is_empty() || options.rest.iter().any(|w| c.name.contains(w));
    let mut cases: Vec<Case> = cases().into_iter().filter(wanted).collect();
    let mut out = vec![1_u8; PIXELS * 3];
    let copied = noise(PIXELS * 8);
    let mut target = vec![1_u8; PIXELS * 4];
    let mut ours: Vec<Vec<f64>> = vec![vec![]; cases.len()];
    let mut limits = ours.clone();
    let mut twins_speed = vec![0.0_f64; cases.len()];
    for round in 0..rounds {
        let begun = Instant::now();
        for (i, c) in cases.iter_mut().enumerate() {
            let total = c.bytes_in + c.bytes_out;
            let out = &mut out[..c.bytes_out];
            ours[i].push(speed(total, 3, || (c.run)(black_box(&mut *out))));
            // Half of them read, half of them written.
            let target = &mut target[..total / 2];
            limits[i].push(speed(total / 2 * 2, 3, || {
                black_box(&mut *target)
                    .copy_from_slice(black_box(&copied[total / 2..total / 2 * 2]));
            }));
            if round == 0 && !options.quick {
                twins_speed[i] = speed(total, 1, || assert!((c.twin)() > 0));
            }
        }
        hiccups.after_round(begun.elapsed());
    }
    let mut kernels: Vec<Value> = Vec::new();
    let mut worst: Option<(f64, f64, f64)> = None;
    for (i, c) in cases.iter().enumerate() {
        let ratios: Vec<f64> = ours[i].iter().zip(&limits[i]).map(|(a, b)| a / b).collect();
        let (speed, limit, ratio) = (median(&ours[i]), median(&limits[i]), median(&ratios));
        let frames = speed * 1e6 / (c.bytes_in + c.bytes_out) as f64;
        let mut entry = json!({
            "kernel": c.name, "mb_per_second": speed.round(), "limit": limit.round(), "ratio": round3(ratio),
            "frames_per_second": frames.round(), "bytes_in": c.bytes_in, "bytes_out": c.bytes_out,
        });
        if twins_speed[i] > 0.0 {
            entry["plain_twin"] = json!(twins_speed[i].round());
            entry["times_the_twin"] = json!(round3(speed / twins_speed[i]));
        }
        if !options.json {
            println!("{entry}");
        }
        kernels.push(entry);
        if worst.is_none_or(|(.., r)| ratio < r) {
            worst = Some((speed, limit, ratio));
        }
    }
    let (ours, limit, ratio) =
        worst.expect("a kernel at least; the words after -- choose among their names");
    let result = json!({
        "bench": "image", "unit": "MB/s", "ours": ours.round(), "limit": limit.round(), "ratio": round3(ratio),
        "width": WIDTH, "height": HEIGHT, "cpu_level": cpu_level(), "kernels": kernels,
        "limit_is": "memcpy that reads and writes as many bytes together as the kernel",
    });
    print(&options, result, hiccups.finish());
}

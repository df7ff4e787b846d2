//! The image kernels against their plain twins, over sizes, strides, lengths and contents.

#[path = "util/twins.rs"]
mod twins;

use frameline::format::{Mosaic, Packing};
use frameline::stages::image::kernel::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use twins::Plane;

/// Bytes that stand behind the end of each output: a kernel that writes there is found out.
const MOAT: [u8; 9] = [0xC7; 9];

/// Runs a kernel on an output of `bytes` bytes and checks that it wrote no further.
fn moated(bytes: usize, run: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut out = vec![0xA5; bytes];
    out.extend(MOAT);
    run(&mut out[..bytes]);
    assert_eq!(out.split_off(bytes), MOAT);
    out
}

fn sixteen(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|p| u16::from_le_bytes([p[0], p[1]])).collect()
}

/// Rows with padding between them, and what they show.
fn padded(values: &[u16], row: usize, bytes: usize, padding: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for line in values.chunks(row.max(1)) {
        for v in line {
            out.extend_from_slice(&v.to_le_bytes()[..bytes]);
        }
        out.extend(std::iter::repeat_n(0xEE, padding));
    }
    out
}

/// Width, height, padding; the numbers that blocks and vectors make special are among the sizes.
fn size() -> impl Strategy<Value = (usize, usize, usize)> {
    let side = prop_oneof![1..12_usize, select(vec![255, 256, 257, 258, 511, 513])];
    (side, prop_oneof![1..8_usize, Just(33)], prop_oneof![Just(0), 1..40_usize])
}

fn image(max: u16) -> impl Strategy<Value = (Plane, usize)> {
    size().prop_flat_map(move |(width, height, padding)| {
        vec(prop_oneof![0..=max, Just(max)], width * height)
            .prop_map(move |values| (Plane { width, height, values }, padding))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    // Catches a bit in the wrong place, a last pixel that is lost or made up, a write beyond the pixels, at any
    // length of both slices.
    #[test]
    fn unpacking(
        packing in select(Packing::ALL.to_vec()),
        input in prop_oneof![vec(any::<u8>(), 0..70), vec(any::<u8>(), 1200..1800)],
        room in prop_oneof![0..80_usize, 900..2100_usize],
        shift in 0..8_u32,
    ) {
        let want = twins::unpack(packing, &input);
        let n = want.len().min(room);
        let mut done = 0;
        let out = moated(2 * room, |o| done = unpack_16(packing, &input, o, shift));
        prop_assert_eq!(done, n);
        let shifted: Vec<u16> = want[..n].iter().map(|v| v << shift.min(16 - packing.depth())).collect();
        prop_assert_eq!(&sixteen(&out)[..n], &shifted[..]);
        prop_assert!(out[2 * n..].iter().all(|b| *b == 0xA5));
        let out = moated(room, |o| done = unpack_8(packing, &input, o));
        prop_assert_eq!(done, n);
        let upper: Vec<u8> = want[..n].iter().map(|v| (v >> (packing.depth() - 8)) as u8).collect();
        prop_assert_eq!(&out[..n], &upper[..]);
        prop_assert!(out[n..].iter().all(|b| *b == 0xA5));
    }

    // Catches a packing that the two twins and the kernel understand differently.
    #[test]
    fn packing_and_unpacking_give_the_same(
        packing in select(Packing::ALL.to_vec()),
        pixels in vec(any::<u16>(), 0..300),
    ) {
        let pixels: Vec<u16> = pixels.iter().map(|p| p & ((1 << packing.depth()) - 1)).collect();
        let bytes = twins::pack(packing, &pixels);
        let out = moated(2 * pixels.len(), |o| {
            unpack_16(packing, &bytes, o, 0);
        });
        prop_assert_eq!(sixteen(&out), pixels);
    }

    // Catches bits above the depth that shine through, and a slice of odd length.
    #[test]
    fn depths(input in vec(any::<u8>(), 0..300), room in 0..300_usize, depth in 8..=16_u32) {
        let values = sixteen(&input);
        let n = values.len().min(room);
        let out = moated(room, |o| narrow(&input, o, depth));
        let want: Vec<u8> = values[..n].iter().map(|v| (v >> (depth - 8)) as u8).collect();
        prop_assert_eq!(&out[..n], &want[..]);
        let n = values.len().min(room / 2);
        let out = moated(room, |o| widen(&input, o, depth));
        let want: Vec<u16> =
            values[..n].iter().map(|v| ((u32::from(*v) << (16 - depth)) & 0xFFFF) as u16).collect();
        prop_assert_eq!(&sixteen(&out)[..n], &want[..]);
    }

    // Catches colours in the wrong place, wrong neighbours at blocks' and images' borders, padding taken for
    // pixels.
    #[test]
    fn mosaics(
        (plane, padding) in image(255),
        mosaic in select(Mosaic::ALL.to_vec()),
        to in select(vec![Colours::Rgb8, Colours::Luma8]),
        depth in select(vec![8_u32, 10, 12, 16]),
        low in any::<u16>(),
    ) {
        let bytes = if depth == 8 { 1 } else { 2 };
        // What lies below the upper eight bits does not matter.
        let low = low & ((1 << (depth - 8)) - 1);
        let raw: Vec<u16> = plane.values.iter().map(|v| v << (depth - 8) | low).collect();
        let input = padded(&raw, plane.width, bytes, padding);
        let row = plane.width * bytes;
        let rows = Rows::new(&input, row, row + padding, plane.height);
        prop_assert_eq!(rows.len(), plane.height);
        let out = moated(plane.width * plane.height * to.bytes(), |o| {
            demosaic(rows, depth, mosaic, to, o);
        });
        prop_assert_eq!(out, twins::demosaic(&plane, mosaic, to));
    }

    // Catches a sum that wraps, a rounding that is off, a gain that is not saturated.
    #[test]
    fn references(
        values in vec((any::<u16>(), any::<u16>(), any::<u16>()), 0..200),
        level in any::<u16>(),
        max in select(vec![255_u16, 1023, 4095, 65535]),
    ) {
        let eight = |f: fn(&(u16, u16, u16)) -> u16| values.iter().map(|v| f(v) as u8).collect::<Vec<_>>();
        let all = |f: fn(&(u16, u16, u16)) -> u16| values.iter().map(f).collect::<Vec<_>>();
        let (v8, r8) = (eight(|v| v.0), eight(|v| v.1));
        let (v16, r16, gain) = (all(|v| v.0), all(|v| v.1), all(|v| v.2));
        let n = values.len();
        let bytes: Vec<u8> = v16.iter().flat_map(|v| v.to_le_bytes()).collect();
        let of_8 = |f: &dyn Fn(u16, u16, u16) -> u16| -> Vec<u8> {
            (0..n).map(|i| f(v8[i].into(), r8[i].into(), gain[i]) as u8).collect()
        };
        let of_16 = |f: &dyn Fn(u16, u16, u16) -> u16| -> Vec<u16> {
            (0..n).map(|i| f(v16[i], r16[i], gain[i])).collect()
        };
        let out = moated(n, |o| flat_8(&v8, &r8, &gain, o));
        prop_assert_eq!(out, of_8(&|v, r, g| twins::flat(v, r, g, 255)));
        let out = moated(2 * n, |o| flat_16(&bytes, &r16, &gain, max, o));
        prop_assert_eq!(sixteen(&out), of_16(&|v, r, g| twins::flat(v, r, g, max)));
        let out = moated(n, |o| absolute_8(&v8, &r8, o));
        prop_assert_eq!(out, of_8(&|v, r, _| twins::absolute(v, r, 255)));
        let out = moated(2 * n, |o| absolute_16(&bytes, &r16, max, o));
        prop_assert_eq!(sixteen(&out), of_16(&|v, r, _| twins::absolute(v, r, max)));
        let level8 = level as u8;
        let out = moated(n, |o| signed_8(&v8, &r8, level8, o));
        prop_assert_eq!(out, of_8(&|v, r, _| twins::signed(v, r, level8.into(), 255)));
        let out = moated(2 * n, |o| signed_16(&bytes, &r16, level, max, o));
        prop_assert_eq!(sixteen(&out), of_16(&|v, r, _| twins::signed(v, r, level, max)));
    }

    // Catches squares that straddle each other, colours of a mosaic that mix, rows beyond the last square.
    #[test]
    fn binning(
        (plane, padding) in image(65535),
        factor in 2..=4_usize,
        (step, mosaic, bytes) in select(vec![(1, false, 1), (1, false, 2), (3, false, 1), (1, true, 1), (1, true, 2)]),
        sum in any::<bool>(),
    ) {
        let mask = if bytes == 1 { 0xFF } else { 0xFFFF };
        let values = plane.values.iter().map(|v| v & mask).collect::<Vec<_>>();
        let plane = Plane { values, ..plane };
        let rule = if sum { BinRule::Sum { max: mask } } else { BinRule::Mean };
        let how = Bin {
            factor,
            step: if mosaic { 2 } else { step },
            row_step: if mosaic { 2 } else { 1 },
            bytes,
        };
        let want = twins::bin(&plane, factor, step, mosaic, rule);
        prop_assert_eq!((how.columns(plane.width), how.rows(plane.height)), (want.width, want.height));
        let input = padded(&plane.values, plane.width, bytes, padding);
        let row = plane.width * bytes;
        let rows = Rows::new(&input, row, row + padding, plane.height);
        let out = moated(want.width * want.height * bytes, |o| bin(rows, how, rule, o));
        let got: Vec<u16> = match bytes {
            1 => out.iter().map(|b| u16::from(*b)).collect(),
            _ => sixteen(&out),
        };
        prop_assert_eq!(got, want.values);
    }

    // Catches a read beyond what came, and rows counted that are not whole.
    #[test]
    fn rows_are_those_that_are_whole(
        len in 0..200_usize,
        row in 0..30_usize,
        stride in 0..40_usize,
        asked in 0..20_usize,
    ) {
        let bytes = vec![7; len];
        let rows = Rows::new(&bytes, row, stride, asked);
        let whole = (0..asked).take_while(|y| row > 0 && row <= stride && y * stride + row <= len).count();
        prop_assert_eq!(rows.len(), whole);
        prop_assert_eq!(rows.iter().map(<[u8]>::len).sum::<usize>(), whole * row);
        prop_assert_eq!(rows.row(whole).len(), 0);
    }
}

#[test]
fn known_bytes_of_the_standard() {
    // Catches twin and kernel being wrong alike: these bytes were packed by hand from the standards' drawings.
    let bytes = |f: &dyn Fn(&mut [u8]), n: usize| sixteen(&moated(2 * n, |o| f(o)));
    let four = bytes(
        &|o| assert!(unpack_16(Packing::Lsb10, &[0x01, 0x08, 0x30, 0x00, 0x01], o, 0) == 4),
        4,
    );
    assert_eq!(four, [0x001, 0x002, 0x003, 0x004]);
    let two = bytes(&|o| assert!(unpack_16(Packing::Lsb12, &[0xBC, 0x3A, 0x12], o, 0) == 2), 2);
    assert_eq!(two, [0xABC, 0x123]);
    let two = bytes(&|o| assert!(unpack_16(Packing::Gev12, &[0xAB, 0x3C, 0x12], o, 0) == 2), 2);
    assert_eq!(two, [0xABC, 0x123]);
    let two = bytes(&|o| assert!(unpack_16(Packing::Gev10, &[0xFF, 0x21, 0x80], o, 0) == 2), 2);
    assert_eq!(two, [0x3FD, 0x202]);
}

#[test]
fn slices_of_wrong_sizes_do_nothing() {
    // Catches a panic on what no stage would ask for.
    let mut out = [7; 10];
    demosaic(Rows::new(&[], 0, 0, 5), 8, Mosaic::Rg, Colours::Rgb8, &mut out);
    demosaic(Rows::new(&[1], 1, 1, 1), 99, Mosaic::Rg, Colours::Rgb8, &mut out);
    let none = Bin { factor: 0, step: 0, row_step: 0, bytes: 0 };
    bin(Rows::new(&[1, 2], 1, 1, 2), none, BinRule::Mean, &mut out);
    flat_8(&[1, 2], &[], &[1], &mut out);
    assert_eq!(out, [7; 10]);
    assert!(["avx2", "base"].contains(&cpu_level()));
}

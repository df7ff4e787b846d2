//! The stages that make images, one frame at a time: any geometry, stride, length and format, against the plain
//! twins.

#[path = "util/twins.rs"]
mod twins;

use frameline::buffer::{Frame, Pool, PoolConfig};
use frameline::clock::{DeviceTime, HostTime};
use frameline::format::{Geometry, PixelFormat};
use frameline::meta::{FrameMeta, FrameStatus, Loss};
use frameline::stage::{Figure, Flow, Stage, StageContext, StageError};
use frameline::stages::image::kernel::{BinRule, Colours};
use frameline::stages::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::Arc;
use twins::Plane;

fn pool(payload_bytes: usize) -> Pool {
    let config =
        PoolConfig { lock: false, headroom: 1.0, ..PoolConfig::new(1, payload_bytes.max(1)) };
    Pool::new(config, Default::default()).unwrap()
}

/// A frame with metadata of its own, in a pool that has to outlive nothing.
fn frame(g: &Geometry, payload: &[u8]) -> Frame {
    let mut pool = pool(payload.len());
    let mut f = pool.take().unwrap();
    f.buffer_mut()[..payload.len()].copy_from_slice(payload);
    f.set_filled(payload.len());
    *f.meta_mut() = FrameMeta {
        frame_id: 77,
        sequence: 5,
        device_time: DeviceTime(123),
        host_time: HostTime(456),
        lost_before: Loss { device: 1, underrun: 2, rejected: 3 },
        epoch: 4,
        ..FrameMeta::of(g)
    };
    f.filled()
}

/// Runs a stage on one frame, with an output pool as it asks for.
fn run(stage: &mut dyn Stage, frame: &mut Frame) -> Result<Flow, StageError> {
    let spec = stage.output(frame.payload().len()).expect("it makes images");
    let mut out = pool(spec.payload_bytes);
    let flow = stage.process(frame, &mut StageContext::new(HostTime(0), Some(&mut out)));
    if let Ok(Flow::Replace(made)) = &flow {
        let (from, to) = (frame.meta(), made.meta());
        let kept = |m: &FrameMeta| {
            (m.frame_id, m.sequence, m.device_time, m.host_time, m.lost_before, m.epoch)
        };
        assert_eq!(kept(from), kept(to));
        let g = to.geometry();
        assert_eq!((to.stride, to.x_padding), (g.stride_bytes() as u32, 0));
        assert!(
            g.image_bytes() <= spec.payload_bytes.max(1) as u64
                || frame.payload().len() < from.geometry().image_bytes() as usize,
            "it asked for {} bytes and made {}",
            spec.payload_bytes,
            g.image_bytes()
        );
        assert!(made.payload().len() as u64 <= g.image_bytes());
        assert_eq!(made.payload().len() % to.stride as usize, 0);
        let whole = made.payload().len() as u64 == g.image_bytes();
        let complete = whole && from.status == FrameStatus::Complete;
        assert_eq!(to.status == FrameStatus::Complete, complete);
    }
    flow
}

fn made(stage: &mut dyn Stage, frame: &mut Frame) -> Frame {
    match run(stage, frame) {
        Ok(Flow::Replace(made)) => made,
        other => panic!("{other:?}"),
    }
}

fn count(stage: &dyn Stage, name: &str) -> u64 {
    let figures = stage.results().unwrap().read();
    match figures.iter().find(|(n, _)| *n == name) {
        Some((_, Figure::Count(n) | Figure::Max(n))) => *n,
        other => panic!("{name}: {other:?}"),
    }
}

fn sixteen(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks::<2>().0.iter().map(|p| u16::from_le_bytes(*p)).collect()
}

/// Values of an image and its payload with padding, of which perhaps only a part came.
#[derive(Debug, Clone)]
struct Shot {
    geometry: Geometry,
    values: Vec<u16>,
    payload: Vec<u8>,
    /// Rows that came whole.
    rows: usize,
}

/// What of a payload comes: all of it, a part, or more than the image.
#[derive(Debug, Clone, Copy)]
enum Came {
    All,
    Part(f64),
    More(usize),
}

fn shot(format: PixelFormat) -> impl Strategy<Value = Shot> {
    let came = prop_oneof![
        3 => Just(Came::All),
        2 => (0.0..1.0).prop_map(Came::Part),
        1 => (1..20_usize).prop_map(Came::More),
    ];
    (1..40_u32, 1..9_u32, prop_oneof![Just(0), 1..30_u32], came, any::<u64>()).prop_map(
        move |(width, height, padding, came, seed)| {
            let mut g = Geometry::new(width, height, format);
            let row_bits = u64::from(width) * u64::from(format.bits_per_pixel());
            g.x_padding = if row_bits.is_multiple_of(8) { padding } else { 0 };
            let depth = format.component_bits().unwrap();
            let row = width as usize * format.components().unwrap();
            let mut x = seed | 1;
            let values: Vec<u16> = (0..row * height as usize)
                .map(|_| {
                    x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    ((x >> 40) as u16) & (0xFFFF_u32 >> (16 - depth)) as u16
                })
                .collect();
            let mut payload = Vec::new();
            match format.packing() {
                Some(p) if !row_bits.is_multiple_of(8) => payload = twins::pack(p, &values),
                packing => {
                    for line in values.chunks(row) {
                        match packing {
                            Some(p) => payload.extend(twins::pack(p, line)),
                            None if depth == 8 => payload.extend(line.iter().map(|v| *v as u8)),
                            None => payload.extend(line.iter().flat_map(|v| v.to_le_bytes())),
                        }
                        payload.extend(std::iter::repeat_n(0xEE, g.x_padding as usize));
                    }
                }
            }
            match came {
                Came::All => {}
                Came::Part(part) => payload.truncate((payload.len() as f64 * part) as usize),
                Came::More(n) => payload.extend(std::iter::repeat_n(0xDD, n)),
            }
            let rows = (1..=height as usize)
                .take_while(|n| {
                    let bits = match row_bits.is_multiple_of(8) {
                        true => (*n as u64 - 1) * g.stride_bytes() * 8 + row_bits,
                        false => *n as u64 * row_bits,
                    };
                    payload.len() as u64 * 8 >= bits
                })
                .count();
            Shot { geometry: g, values, payload, rows }
        },
    )
}

fn shots(formats: Vec<PixelFormat>) -> impl Strategy<Value = Shot> {
    select(formats).prop_flat_map(shot)
}

fn of_all(which: impl Fn(PixelFormat) -> bool) -> Vec<PixelFormat> {
    PixelFormat::ALL.iter().copied().filter(|f| which(*f)).collect()
}

impl Shot {
    fn row(&self) -> usize {
        self.values.len() / self.geometry.height as usize
    }

    /// What came, as numbers.
    fn plane(&self) -> Plane {
        let width = self.row();
        Plane { width, height: self.rows, values: self.values[..self.rows * width].to_vec() }
    }

    fn depth(&self) -> u32 {
        self.geometry.pixel_format.component_bits().unwrap()
    }
}

/// The values of a made image.
fn values_of(frame: &Frame) -> Vec<u16> {
    match frame.meta().pixel_format.component_bits() {
        Some(8) => frame.payload().iter().map(|b| u16::from(*b)).collect(),
        _ => sixteen(frame.payload()),
    }
}

/// The stage made an image of what came, or gave the frame up because nothing did.
fn expect(flow: Result<Flow, StageError>, rows: usize) -> Option<Frame> {
    match flow {
        Ok(Flow::Replace(made)) => {
            assert!(rows > 0);
            Some(made)
        }
        Err(e) => {
            assert_eq!((rows, e.what), (0, "not one row of the image came"));
            None
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    // Catches padding taken for pixels, rows of a bit string taken for rows that begin on a byte, a cut frame read
    // beyond its end, a wrong name for what was made.
    #[test]
    fn unpacked(
        s in shots(of_all(|f| f.components() == Some(1) && f.component_bits() != Some(8))),
        to in select(vec![UnpackTo::Same, UnpackTo::Mono16, UnpackTo::Mono8]),
    ) {
        let format = s.geometry.pixel_format;
        let wanted = match to { UnpackTo::Same => s.depth(), UnpackTo::Mono16 => 16, UnpackTo::Mono8 => 8 };
        let mut stage = Unpack::new(to);
        let flow = run(&mut stage, &mut frame(&s.geometry, &s.payload));
        if format.packing().is_none() && wanted == s.depth() {
            prop_assert!(matches!(flow, Ok(Flow::Pass)));
            return Ok(());
        }
        if let Some(made) = expect(flow, s.rows) {
            prop_assert_eq!(Some(made.meta().pixel_format), format.unpacked_at(wanted));
            let want: Vec<u16> = s.plane().values.iter().map(|v| {
                if wanted == 8 { v >> (s.depth() - 8) } else { v << (wanted - s.depth()) }
            }).collect();
            prop_assert_eq!(values_of(&made), want);
        }
    }

    // Catches a mosaic of another order, depth, or length.
    #[test]
    fn demosaiced(
        s in shots(of_all(|f| f.is_bayer() && !f.is_packed())),
        to in select(vec![Colours::Rgb8, Colours::Luma8]),
        offset in 0..4_u32,
    ) {
        let mut g = s.geometry;
        // An offset, even an odd one, changes no colour: the format says them.
        (g.offset_x, g.offset_y) = (offset, offset / 2);
        let mut stage = Demosaic::new(to);
        if let Some(made) = expect(run(&mut stage, &mut frame(&g, &s.payload)), s.rows) {
            let mut plane = s.plane();
            plane.values.iter_mut().for_each(|v| *v >>= s.depth() - 8);
            let mosaic = g.pixel_format.mosaic().unwrap();
            prop_assert_eq!(made.payload(), &twins::demosaic(&plane, mosaic, to)[..]);
            prop_assert_eq!((made.meta().offset_x, made.meta().offset_y), (offset, offset / 2));
        }
    }

    // Catches a part from elsewhere, offsets that are forgotten, and a part outside that is read.
    #[test]
    fn cropped(
        s in shots(of_all(|f| !f.is_packed())),
        (x, y) in (0..45_u32, 0..10_u32),
        (width, height) in (proptest::option::of(1..45_u32), proptest::option::of(1..10_u32)),
    ) {
        let g = Geometry { offset_x: 100, offset_y: 200, ..s.geometry };
        let mut stage = Crop::new(x, y, width, height);
        let flow = run(&mut stage, &mut frame(&g, &s.payload));
        let (w, h) = (width.unwrap_or(g.width.saturating_sub(x)), height.unwrap_or(g.height.saturating_sub(y)));
        if w == 0 || h == 0 || x + w > g.width || y + h > g.height {
            prop_assert_eq!(flow.unwrap_err().what, "the part to keep lies outside the image");
            prop_assert_eq!(count(&stage, "unsuitable"), 1);
        } else if (w, h) == (g.width, g.height) {
            prop_assert!(matches!(flow, Ok(Flow::Pass)));
        } else if g.pixel_format.is_bayer() && (x | y | w | h) % 2 == 1 {
            prop_assert!(flow.unwrap_err().what.contains("even"));
        } else if let Some(made) = expect(flow, s.rows.saturating_sub(y as usize)) {
            let m = made.meta();
            prop_assert_eq!((m.width, m.height, m.offset_x, m.offset_y), (w, h, 100 + x, 200 + y));
            prop_assert_eq!(m.pixel_format, g.pixel_format);
            let n = s.row() / g.width as usize;
            let plane = s.plane();
            let want: Vec<u16> = plane.values.chunks(plane.width).skip(y as usize).take(h as usize)
                .flat_map(|row| row[x as usize * n..][..w as usize * n].to_vec()).collect();
            prop_assert_eq!(values_of(&made), want);
        }
    }

    // Catches colours that mix, a sum above the format's range, rows that are half there.
    #[test]
    fn binned(s in shots(of_all(|f| !f.is_packed())), factor in 2..=4_u32, sum in any::<bool>()) {
        let rule = if sum { BinningRule::Sum } else { BinningRule::Mean };
        let g = Geometry { offset_x: 100, offset_y: 201, ..s.geometry };
        let mut stage = Binning::new(factor, rule);
        let flow = run(&mut stage, &mut frame(&g, &s.payload));
        let bayer = g.pixel_format.is_bayer();
        let n = g.pixel_format.components().unwrap();
        let max = (0xFFFF_u32 >> (16 - s.depth())) as u16;
        let rule = if sum { BinRule::Sum { max } } else { BinRule::Mean };
        let whole = Plane { width: s.row(), height: g.height as usize, values: s.values.clone() };
        let size = twins::bin(&whole, factor as usize, n, bayer, rule);
        let want = twins::bin(&s.plane(), factor as usize, n, bayer, rule);
        if s.rows > 0 && size.values.is_empty() {
            prop_assert!(flow.unwrap_err().what.contains("smaller than what is to become one pixel"));
        } else if let Some(made) = expect(flow, if size.values.is_empty() { 0 } else { want.height }) {
            prop_assert_eq!(values_of(&made), want.values);
            let m = made.meta();
            prop_assert_eq!((m.width as usize * n, m.height as usize), (size.width, size.height));
            let even = if bayer { !1 } else { !0 };
            prop_assert_eq!((m.offset_x, m.offset_y), ((100 / factor) & even, (201 / factor) & even));
        }
    }

    // Catches tables that do not follow padding, region or depth.
    #[test]
    fn corrected(
        s in shots(of_all(|f| !f.is_packed())),
        correction in select(vec![
            Correction::Flat, Correction::Absolute, Correction::Signed { level: None },
            Correction::Signed { level: Some(300) },
        ]),
        (left, top) in (0..5_u32, 0..5_u32),
        noise in vec(any::<u16>(), 50),
    ) {
        let mut g = s.geometry;
        (g.offset_x, g.offset_y) = (left, top);
        let n = g.pixel_format.components().unwrap();
        let max = (0xFFFF_u32 >> (16 - s.depth())) as u16;
        // The reference covers more of the sensor than the frame, unless the frame begins at its corner.
        let (w, h) = (g.width + left, g.height + top);
        let values: Vec<u16> = (0..w as usize * h as usize * n)
            .map(|i| noise[i * 7 % 50].wrapping_add(i as u16) & max).collect();
        let part: Vec<u16> = values.chunks(w as usize * n).skip(top as usize)
            .flat_map(|row| row[left as usize * n..].to_vec()).collect();
        let reference = Some(Arc::new(ReferenceImage::new(w, h, n, values).unwrap()));
        let flat = correction == Correction::Flat;
        let (dark, reference) = if flat { (reference, None) } else { (None, reference) };
        let mut stage = FlatField::new(FlatFieldSettings { correction, dark, reference, learn: 0 }).unwrap();
        if let Some(made) = expect(run(&mut stage, &mut frame(&g, &s.payload)), s.rows) {
            let want: Vec<u16> = s.plane().values.iter().zip(&part).map(|(v, r)| match correction {
                Correction::Flat => twins::flat(*v, *r, 4096, max),
                Correction::Absolute => twins::absolute(*v, *r, max),
                Correction::Signed { level } => {
                    twins::signed(*v, *r, level.unwrap_or(max / 2 + 1).min(max), max)
                }
            }).collect();
            prop_assert_eq!(values_of(&made), want);
            prop_assert_eq!(made.meta().pixel_format, g.pixel_format);
        }
    }

    // Catches a panic on, or memory asked for by, whatever an SDK, a file or a faulty stage may claim.
    #[test]
    fn nothing_that_is_claimed_makes_a_stage_panic(
        sides in (prop_oneof![0..9_u32, any::<u32>()], prop_oneof![0..9_u32, any::<u32>()]),
        offsets in (any::<u32>(), any::<u32>()),
        format in prop_oneof![
            select(PixelFormat::ALL.to_vec()),
            any::<u32>().prop_map(PixelFormat),
        ],
        stride in prop_oneof![0..30_u32, any::<u32>()],
        len in 0..200_usize,
        status in select(vec![FrameStatus::Complete, FrameStatus::Incomplete]),
    ) {
        let learning = |correction| FlatFieldSettings { correction, learn: 1, ..FlatFieldSettings::default() };
        let mut all: Vec<Box<dyn Stage>> = vec![
            Box::new(Unpack::new(UnpackTo::Same)),
            Box::new(Unpack::new(UnpackTo::Mono8)),
            Box::new(Unpack::new(UnpackTo::Mono16)),
            Box::new(Demosaic::new(Colours::Rgb8)),
            Box::new(Crop::new(1, 1, None, Some(2))),
            Box::new(Binning::new(2, BinningRule::Sum)),
            Box::new(FlatField::new(learning(Correction::Flat)).unwrap()),
            Box::new(FlatField::new(learning(Correction::Absolute)).unwrap()),
        ];
        for stage in &mut all {
            let mut f = frame(&Geometry::new(1, 1, PixelFormat::MONO8), &vec![0x5A; len]);
            let m = f.meta_mut().unwrap();
            (m.width, m.height, m.offset_x, m.offset_y) = (sides.0, sides.1, offsets.0, offsets.1);
            (m.pixel_format, m.stride, m.status) = (format, stride, status);
            let mut out = pool(stage.output(len.max(1)).unwrap().payload_bytes);
            for _ in 0..2 {
                let mut cx = StageContext::new(HostTime(0), Some(&mut out));
                if let Err(e) = stage.process(&mut f, &mut cx) {
                    prop_assert!(!e.what.is_empty());
                }
            }
            prop_assert_eq!(count(&**stage, "frames"), 2);
        }
    }
}

#[test]
fn without_a_free_output_buffer_the_frame_is_given_up_and_counted() {
    // Catches a stage that waits, panics, or passes the wrong image on when those behind keep too many.
    let g = Geometry::new(4, 4, PixelFormat::MONO12);
    let mut f = frame(&g, &[1; 32]);
    let mut stage = Unpack::new(UnpackTo::Mono8);
    let mut out = pool(32);
    let mut cx = StageContext::new(HostTime(0), Some(&mut out));
    let Ok(Flow::Replace(kept)) = stage.process(&mut f, &mut cx) else {
        panic!("it makes an image")
    };
    let e = stage.process(&mut f, &mut cx).unwrap_err();
    assert!(e.what.contains("no output buffer is free"), "{e:?}");
    assert_eq!(
        (count(&stage, "starved"), count(&stage, "made"), count(&stage, "frames")),
        (1, 1, 2)
    );
    drop(kept);
    assert!(matches!(stage.process(&mut f, &mut cx), Ok(Flow::Replace(_))));
}

#[test]
fn an_image_larger_than_the_buffers_is_given_up() {
    // Catches a write beyond a buffer that was made for smaller images.
    let g = Geometry::new(100, 100, PixelFormat::MONO12);
    let mut f = frame(&g, &[1; 20_000]);
    let mut out = pool(4096);
    let mut cx = StageContext::new(HostTime(0), Some(&mut out));
    let mut stage = Unpack::new(UnpackTo::Mono8);
    let e = stage.process(&mut f, &mut cx).unwrap_err();
    assert!(e.what.contains("larger than the output buffers"), "{e:?}");
    assert_eq!(count(&stage, "unsuitable"), 1);
}

#[test]
fn packed_and_unknown_formats_are_named() {
    // Catches a packed image taken for bytes, which would look like noise.
    let mut stages: Vec<Box<dyn Stage>> = vec![
        Box::new(Demosaic::new(Colours::Rgb8)),
        Box::new(Crop::new(0, 0, Some(1), None)),
        Box::new(Binning::new(2, BinningRule::Mean)),
    ];
    for stage in &mut stages {
        let mut f = frame(&Geometry::new(4, 4, PixelFormat::BAYER_RG12P), &[0; 24]);
        assert!(
            run(&mut **stage, &mut f)
                .unwrap_err()
                .what
                .contains("an unpack stage has to come before")
        );
        let mut f = frame(&Geometry::new(4, 4, PixelFormat(0x0108_7777)), &[0; 24]);
        assert!(run(&mut **stage, &mut f).unwrap_err().what.contains("does not know"));
    }
    // What needs no change passes.
    let mut f = frame(&Geometry::new(4, 4, PixelFormat::MONO8), &[0; 16]);
    assert!(matches!(run(&mut *stages[0], &mut f), Ok(Flow::Pass)));
    assert!(matches!(run(&mut Unpack::new(UnpackTo::Mono16), &mut f), Ok(Flow::Pass)));
    assert!(matches!(run(&mut Crop::new(0, 0, None, Some(4)), &mut f), Ok(Flow::Pass)));
}

fn learner(correction: Correction, learn: u32) -> FlatField {
    FlatField::new(FlatFieldSettings { correction, learn, ..FlatFieldSettings::default() }).unwrap()
}

#[test]
fn a_flat_image_is_learnt_and_evens_out() {
    // Catches frames that reach the inspection while there is nothing to correct by, a mean that drifts, and
    // incomplete frames that are learnt from.
    let g = Geometry::new(4, 2, PixelFormat::MONO8);
    let light = [50, 100, 150, 200, 200, 150, 100, 50];
    let mut stage = learner(Correction::Flat, 3);
    for n in 0..4 {
        let mut f = frame(&g, &light);
        if n == 1 {
            f.meta_mut().unwrap().status = FrameStatus::Incomplete;
        }
        assert!(matches!(run(&mut stage, &mut f), Ok(Flow::Done)), "{n}");
    }
    let even = made(&mut stage, &mut frame(&g, &light));
    assert_eq!(even.payload(), [125; 8]);
    let half = made(&mut stage, &mut frame(&g, &light.map(|v| v / 2)));
    assert!(half.payload().iter().all(|v| (62..=63).contains(v)), "{:?}", half.payload());
    let bright = made(&mut stage, &mut frame(&g, &[255; 8]));
    assert_eq!(bright.payload()[..4], [255, 255, 212, 159]);
    assert_eq!(count(&stage, "used"), 4);
}

#[test]
fn another_geometry_is_learnt_anew() {
    // Catches tables of the old region on the new one.
    let mut stage = learner(Correction::Absolute, 1);
    let small = Geometry::new(2, 1, PixelFormat::MONO8);
    let large = Geometry::new(3, 2, PixelFormat::MONO12);
    let deep: Vec<u8> =
        [100_u16, 200, 300, 400, 4095, 0].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert!(matches!(run(&mut stage, &mut frame(&small, &[10, 20])), Ok(Flow::Done)));
    assert_eq!(made(&mut stage, &mut frame(&small, &[13, 13])).payload(), [3, 7]);
    stage.flush(frameline::stage::Flush::Reset { epoch: 1 });
    assert_eq!(made(&mut stage, &mut frame(&small, &[10, 20])).payload(), [0, 0]);
    assert!(matches!(run(&mut stage, &mut frame(&large, &deep)), Ok(Flow::Done)));
    assert_eq!(sixteen(made(&mut stage, &mut frame(&large, &deep)).payload()), [0; 6]);
    // The same size at another place of the sensor is another background.
    let moved = Geometry { offset_x: 2, ..large };
    assert!(matches!(run(&mut stage, &mut frame(&moved, &deep)), Ok(Flow::Done)));
}

#[test]
fn the_mean_of_what_is_learnt_is_rounded() {
    // Catches a background that is cut, or that only the last frame makes.
    let g = Geometry::new(1, 1, PixelFormat::MONO8);
    let mut stage = learner(Correction::Signed { level: None }, 2);
    for v in [10, 13] {
        assert!(matches!(run(&mut stage, &mut frame(&g, &[v])), Ok(Flow::Done)));
    }
    assert_eq!(made(&mut stage, &mut frame(&g, &[10])).payload(), [126]);
}

#[test]
fn references_that_do_not_fit_are_refused() {
    // Catches a correction by another camera's image, and settings that correct nothing.
    let reference = |w, h, n: usize| {
        Arc::new(ReferenceImage::new(w, h, n, vec![1; (w * h) as usize * n]).unwrap())
    };
    let with = |r| FlatFieldSettings { reference: Some(r), ..FlatFieldSettings::default() };
    let mut stage = FlatField::new(with(reference(3, 3, 1))).unwrap();
    for g in [
        Geometry::new(4, 3, PixelFormat::MONO8),
        Geometry { offset_x: 2, ..Geometry::new(2, 2, PixelFormat::MONO8) },
        Geometry { offset_y: u32::MAX, ..Geometry::new(2, 2, PixelFormat::MONO8) },
        Geometry::new(3, 3, PixelFormat::RGB8),
    ] {
        let e = run(&mut stage, &mut frame(&g, &[0; 64])).unwrap_err();
        assert!(e.what.contains("covers other pixels"), "{e:?}");
    }
    let g = Geometry { offset_x: 9, ..Geometry::new(3, 3, PixelFormat::MONO8) };
    assert!(
        run(&mut stage, &mut frame(&g, &[7; 9])).is_ok(),
        "an image as large as the frame is its own"
    );
    let base = FlatFieldSettings::default;
    for (settings, want) in [
        (base(), "nothing to correct by"),
        (FlatFieldSettings { correction: Correction::Absolute, ..base() }, "nothing to correct by"),
        (FlatFieldSettings { learn: 1, ..with(reference(1, 1, 1)) }, "give the file, or learn"),
        (FlatFieldSettings { learn: 65_536, ..base() }, "65535 frames at most"),
        (
            FlatFieldSettings { dark: Some(reference(2, 1, 1)), ..with(reference(1, 2, 1)) },
            "the dark image has 2 x 1 pixels",
        ),
        (
            FlatFieldSettings {
                correction: Correction::Absolute,
                dark: Some(reference(1, 1, 1)),
                ..with(reference(1, 1, 1))
            },
            "no meaning",
        ),
    ] {
        let e = FlatField::new(settings).unwrap_err().to_string();
        assert!(e.contains(want), "{e}");
    }
    assert!(
        ReferenceImage::new(2, 2, 1, vec![0; 3])
            .unwrap_err()
            .to_string()
            .contains("has 4 values, not 3")
    );
    assert!(
        ReferenceImage::new(0, 2, 1, vec![]).is_err()
            && ReferenceImage::new(1, 1, 2, vec![0; 2]).is_err()
    );
}

#[test]
fn a_dark_pixel_is_counted_and_left_as_it_is() {
    // Catches a division by nothing.
    let flat = Arc::new(ReferenceImage::new(2, 1, 1, vec![0, 100]).unwrap());
    let settings = FlatFieldSettings { reference: Some(flat), ..FlatFieldSettings::default() };
    let mut stage = FlatField::new(settings).unwrap();
    let g = Geometry::new(2, 1, PixelFormat::MONO8);
    assert_eq!(made(&mut stage, &mut frame(&g, &[9, 50])).payload(), [9, 50]);
    assert_eq!(count(&stage, "dead_pixels"), 1);
}

//! Golden truth: frames of the simulated conveyor, with fixed seeds, taught and inspected, and every part's verdict
//! held against what was planted: whether it failed, as what, and where. Nothing here waits for anything.
#![allow(missing_docs)]

use frameline::buffer::{Frame, Pool, PoolConfig};
use frameline::clock::HostTime;
use frameline::format::{Geometry, PixelFormat};
use frameline::meta::{FrameMeta, FrameStatus};
use frameline::sim::{Conveyor, Look, TruePart, Truth};
use frameline::stage::{Figure, Flow, Stage, StageContext};
use frameline::stages::inspect::{Inspect, Inspector, Reference, Teacher, View};
use frameline::verdict::{Area, Defect, FrameVerdict, PartVerdict, VerdictBoard};
use std::sync::Arc;

/// Good caps are others than those that are judged.
const OTHER_CAPS: u64 = 0x7EAC_4000;
const TEACHING: u64 = 12;

fn mono8(width: u32, height: u32) -> Geometry {
    Geometry::new(width, height, PixelFormat::MONO8)
}

fn view<'a>(g: &Geometry, bytes: &'a [u8]) -> View<'a> {
    View::new(bytes, g.width, g.height, g.width).expect("a whole image")
}

/// What good caps of this line look like.
fn taught(g: &Geometry, look: &Look, seed: u64) -> Arc<Reference> {
    let good = Conveyor::new(g, &Look { defects: 0.0, ..*look }, seed ^ OTHER_CAPS).unwrap();
    let mut image = vec![0; good.image_bytes()];
    let mut teacher = Teacher::new();
    for serial in 0..TEACHING {
        good.write(serial, &mut image);
        teacher.push_view(&view(g, &image)).unwrap();
    }
    Arc::new(teacher.finish().unwrap())
}

/// The middle of an area, twice.
fn middle(a: Area) -> [i32; 2] {
    let twice = |at: u16, side: u16| 2 * i32::from(at) + i32::from(side);
    [twice(a.x, a.width), twice(a.y, a.height)]
}

fn contains(a: Area, [x, y]: [i32; 2]) -> bool {
    let within =
        |at: u16, side: u16, v: i32| (2 * i32::from(at)..=2 * i32::from(at + side)).contains(&v);
    within(a.x, a.width, x) && within(a.y, a.height, y)
}

/// Shared area over the area of both.
fn overlap(a: Area, b: Area) -> f64 {
    let along = |a: u16, wide_a: u16, b: u16, wide_b: u16| {
        let end = (u32::from(a) + u32::from(wide_a)).min(u32::from(b) + u32::from(wide_b));
        f64::from(end.saturating_sub(a.max(b).into()))
    };
    let shared = along(a.x, a.width, b.x, b.width) * along(a.y, a.height, b.y, b.height);
    let area = |a: Area| f64::from(a.width) * f64::from(a.height);
    shared / (area(a) + area(b) - shared).max(1.0)
}

/// How the verdicts on many parts compare with the truth.
#[derive(Debug, Default)]
struct Outcome {
    /// By what was planted and what was said; the last of each is good.
    counts: [[u32; 7]; 7],
    /// Parts that were found elsewhere than they lay.
    parts_off: Vec<String>,
    /// Marks whose middle is not where the defect was planted.
    marks_off: Vec<String>,
}

impl Outcome {
    fn add(&mut self, truth: &TruePart, said: &PartVerdict) {
        let of = |d: Option<Defect>| d.map_or(6, |d| d as usize);
        self.counts[of(truth.defect)][of(said.defect)] += 1;
        let whole = matches!(truth.defect, Some(Defect::Missing | Defect::Deformed));
        if overlap(truth.part, said.part) < if whole { 0.6 } else { 0.9 } {
            self.parts_off.push(format!("{:?} for {:?}", said, truth));
        }
        if truth.defect.is_some() && said.defect.is_some() && !whole {
            let there =
                contains(truth.mark, middle(said.mark)) && overlap(truth.part, said.mark) > 0.0;
            if !there {
                self.marks_off.push(format!("{:?} for {:?}", said, truth));
            }
        }
    }

    fn sum(&self, what: impl Fn(usize, usize) -> bool) -> f64 {
        let all = (0..7).flat_map(|is| (0..7).map(move |said| (is, said)));
        all.filter(|(is, said)| what(*is, *said))
            .map(|(is, said)| f64::from(self.counts[is][said]))
            .sum()
    }

    fn precision(&self) -> f64 {
        self.sum(|is, said| is < 6 && said < 6) / self.sum(|_, said| said < 6).max(1.0)
    }

    fn recall(&self) -> f64 {
        self.sum(|is, said| is < 6 && said < 6) / self.sum(|is, _| is < 6).max(1.0)
    }

    fn wrong_kind(&self) -> f64 {
        self.sum(|is, said| is < 6 && said < 6 && is != said)
            / self.sum(|is, said| is < 6 && said < 6).max(1.0)
    }

    /// Every kind was planted, and as good as everything is found, named and placed rightly.
    fn assert_right(&self, what: &str, least: f64, most_wrong: f64) {
        for (kind, row) in Defect::NAMES.iter().zip(&self.counts) {
            assert!(
                row.iter().sum::<u32>() > 2,
                "{what}: too few of {kind} to say anything: {self:?}"
            );
        }
        assert!(self.precision() >= least, "{what}: precision {}: {self:?}", self.precision());
        assert!(self.recall() >= least, "{what}: recall {}: {self:?}", self.recall());
        assert!(
            self.wrong_kind() <= most_wrong,
            "{what}: wrong kind {}: {self:?}",
            self.wrong_kind()
        );
        assert!(self.parts_off.is_empty(), "{what}: {:?}", self.parts_off);
        let marks = self.sum(|is, said| is < 6 && said < 6);
        assert!(self.marks_off.len() as f64 <= 0.02 * marks, "{what}: {:?}", self.marks_off);
    }
}

/// Inspects frames of one line, taught beforehand.
fn inspect(g: &Geometry, look: &Look, seed: u64, frames: u64, into: &mut Outcome) {
    let mut inspector = Inspector::new(taught(g, look, seed));
    let line = Conveyor::new(g, look, seed).unwrap();
    let truth = Truth::new(g, look, seed).unwrap();
    let mut image = vec![0; line.image_bytes()];
    let mut verdict = FrameVerdict::default();
    for serial in 0..frames {
        line.write(serial, &mut image);
        inspector.inspect(&view(g, &image), &mut verdict);
        assert_eq!(verdict.parts().len(), truth.parts());
        // Nests are taught row by row, as the truth counts them.
        for (i, said) in verdict.parts().iter().enumerate() {
            into.add(&truth.part(serial, i), said);
        }
    }
}

fn outcome(g: &Geometry, look: &Look, seeds: &[u64], frames: u64) -> Outcome {
    let mut outcome = Outcome::default();
    seeds.iter().for_each(|seed| inspect(g, look, *seed, frames, &mut outcome));
    outcome
}

fn many() -> Look {
    Look { defects: 0.4, ..Look::default() }
}

/// Catches: an inspection that misses, invents, misnames or misplaces defects on the default line.
#[test]
fn the_default_line_is_judged_as_it_was_planted() {
    let seen = outcome(&mono8(2448, 2048), &many(), &[0, 7, 11], 12);
    seen.assert_right("2448x2048", 0.98, 0.02);
}

/// Catches: an inspection that is good at one size only. On the smallest a scratch is one or two pixels wide.
#[test]
fn smaller_frames_are_judged_as_well() {
    for (width, height) in [(1600, 1200), (1224, 1024), (980, 820), (800, 600)] {
        let seen = outcome(&mono8(width, height), &many(), &[0, 7], 20);
        seen.assert_right(&format!("{width}x{height}"), 0.98, 0.08);
    }
    let seen = outcome(&mono8(640, 512), &many(), &[0, 7, 11], 20);
    seen.assert_right("640x512", 0.95, 0.08);
}

/// Catches: an inspection that is good up to some size. As the sensors of five and twelve megapixels have it.
#[test]
fn larger_frames_and_other_shapes_are_judged_as_well() {
    for ((width, height), frames) in [((1280, 1024), 20), ((4096, 3000), 4)] {
        let seen = outcome(&mono8(width, height), &many(), &[7], frames);
        let what = format!("{width}x{height}");
        assert!(seen.sum(|is, _| is < 6) >= 10.0, "{what}: too few defects: {seen:?}");
        assert!(seen.precision() >= 0.98 && seen.recall() >= 0.98, "{what}: {seen:?}");
        assert!(seen.parts_off.is_empty(), "{what}: {:?}", seen.parts_off);
    }
}

/// Catches: parts called large enough on which marks are missed, or small where none are (`Reference::is_small`).
#[test]
fn small_parts_are_called_small() {
    for (width, height, small) in [(640, 512, false), (480, 400, true), (320, 256, true)] {
        let reference = taught(&mono8(width, height), &Look::default(), 0);
        assert_eq!(reference.is_small(), small, "{width}x{height}: {}", reference.taught().radius);
    }
}

/// Catches: alarms about what is too small to be seen. Where the marks are a pixel or two, parts may pass that
/// should not, and the recall says so; but a part that fails is bad.
#[test]
fn what_is_too_small_is_not_invented() {
    for (width, height) in [(480, 400), (320, 256)] {
        let seen = outcome(&mono8(width, height), &many(), &[0, 7], 30);
        assert!(seen.precision() >= 0.98, "{width}x{height}: {seen:?}");
        assert!(seen.recall() > 0.2, "{width}x{height}: {seen:?}");
    }
}

/// Catches: a truth that leaks into the inspection, or defects that no contrast hides. At half of it some are
/// missed, and no part fails for nothing.
#[test]
fn half_the_contrast_hides_some_defects() {
    let (g, clear) = (mono8(980, 820), many());
    let faint = Look { contrast: 0.5, ..clear };
    let (clear, faint) = (outcome(&g, &clear, &[0], 30), outcome(&g, &faint, &[0], 30));
    assert!(faint.recall() < 0.98 && faint.recall() < clear.recall(), "{faint:?} {clear:?}");
    assert!(faint.recall() > 0.3, "{faint:?}");
    assert!(faint.precision() >= 0.98, "{faint:?}");
}

/// A small line to do odd things with: its reference, one of its images, and what is true of it.
fn small() -> (Geometry, Arc<Reference>, Vec<u8>, Truth) {
    let (g, look) = (mono8(640, 512), Look { defects: 0.0, ..Look::default() });
    let line = Conveyor::new(&g, &look, 3).unwrap();
    let mut image = vec![0; line.image_bytes()];
    line.write(5, &mut image);
    (g, taught(&g, &look, 3), image, Truth::new(&g, &look, 3).unwrap())
}

fn within_the_frame(g: &Geometry, verdict: &FrameVerdict) {
    for part in verdict.parts() {
        for a in [part.part, part.mark] {
            let (right, bottom) = (u32::from(a.x + a.width), u32::from(a.y + a.height));
            assert!(right <= g.width && bottom <= g.height, "{part:?}");
        }
        assert!(part.score.is_finite(), "{part:?}");
    }
}

/// Catches: a panic, a division by nothing, or a good verdict on an image that shows nothing.
#[test]
fn images_without_parts_fail_every_part() {
    let (g, reference, image, truth) = small();
    let mut inspector = Inspector::new(reference);
    let mut verdict = FrameVerdict::default();
    let noise = (0..image.len()).map(|i| (i.wrapping_mul(0x9E37_79B1) >> 13) as u8).collect();
    for (what, image) in
        [("black", vec![0; image.len()]), ("white", vec![255; image.len()]), ("noise", noise)]
    {
        inspector.inspect(&view(&g, &image), &mut verdict);
        assert_eq!(
            (verdict.parts().len(), verdict.failed()),
            (truth.parts(), truth.parts()),
            "{what}"
        );
        let missing = verdict.parts().iter().filter(|p| p.defect == Some(Defect::Missing));
        assert!(what == "noise" || missing.count() == truth.parts(), "{what}: {verdict:?}");
        within_the_frame(&g, &verdict);
    }
    // And afterwards a good image is good: nothing of them stayed.
    inspector.inspect(&view(&g, &image), &mut verdict);
    assert_eq!(verdict.failed(), 0, "{verdict:?}");
}

/// Catches: parts that are told by their neighbours.
#[test]
fn one_part_alone_is_found_among_empty_nests() {
    let (g, reference, image, truth) = small();
    let alone = truth.part(5, 6).part;
    let mut dark = vec![30; image.len()];
    for y in alone.y as usize - 4..(alone.y + alone.height) as usize + 4 {
        let row = y * 640 + alone.x as usize - 4..y * 640 + (alone.x + alone.width) as usize + 4;
        dark[row.clone()].copy_from_slice(&image[row]);
    }
    let mut verdict = FrameVerdict::default();
    Inspector::new(reference).inspect(&view(&g, &dark), &mut verdict);
    for (i, part) in verdict.parts().iter().enumerate() {
        let want = (i != 6).then_some(Defect::Missing);
        assert_eq!(part.defect, want, "part {i}: {part:?}");
    }
}

/// Catches: reads or areas beyond the frame for nests at its very edge, and a part that is cut off passed as good.
#[test]
fn a_part_at_the_edge_of_the_frame_is_not_whole() {
    let (g, reference, image, _) = small();
    let mut taught = reference.taught().clone();
    let (right, bottom) = (g.width as f32, g.height as f32);
    for (nest, (x, y)) in taught.nests.iter_mut().zip([
        (0.0, 0.0),
        (right, 0.0),
        (0.0, bottom),
        (right, bottom),
        (20.0, 256.0),
        (320.0, bottom - 1.0),
    ]) {
        (nest.x, nest.y) = (x, y);
    }
    let mut inspector = Inspector::new(Arc::new(Reference::new(taught).unwrap()));
    let mut verdict = FrameVerdict::default();
    inspector.inspect(&view(&g, &image), &mut verdict);
    within_the_frame(&g, &verdict);
    assert!(verdict.parts()[..6].iter().all(|p| p.defect.is_some()), "{verdict:?}");
    assert!(verdict.parts()[6..].iter().all(|p| p.defect.is_none()), "{verdict:?}");
    // An image that is shifted so that a column of parts is cut in half.
    let cut: Vec<u8> =
        image.chunks(640).flat_map(|row| row[80..].iter().chain(&row[..80])).copied().collect();
    inspector = Inspector::new(reference);
    inspector.inspect(&view(&g, &cut), &mut verdict);
    within_the_frame(&g, &verdict);
    assert!(verdict.failed() > 0);
}

/// A frame with these bytes.
fn frame(image: &[u8], meta: FrameMeta) -> Frame {
    let config = PoolConfig { lock: false, ..PoolConfig::new(1, image.len()) };
    let mut pool = Pool::new(config, Default::default()).unwrap();
    let mut frame = pool.take().unwrap();
    frame.buffer_mut()[..image.len()].copy_from_slice(image);
    assert_eq!(frame.set_filled(image.len()), image.len());
    *frame.meta_mut() = meta;
    frame.filled()
}

/// Catches: frames judged that are not whole or of another size or format, and losses of them that nobody counts.
#[test]
fn frames_that_cannot_be_judged_are_not() {
    let (g, reference, image, truth) = small();
    let board = Arc::new(VerdictBoard::new());
    let mut stage = Inspect::new(reference).with_board(board.clone());
    let figures = stage.results().expect("it counts");
    let figure = |name: &str| figures.read().into_iter().find(|(n, _)| *n == name).unwrap().1;
    let cx = &mut StageContext::new(HostTime(0), None);
    let mut verdict = FrameVerdict::default();

    let mut whole = frame(&image, FrameMeta { sequence: 1, ..FrameMeta::of(&g) });
    assert!(matches!(stage.process(&mut whole, cx), Ok(Flow::Pass)));
    assert!(board.find(1, &mut verdict) && verdict.parts().len() == truth.parts());

    // One that ends early, and one with a hole in its middle.
    let status = FrameStatus::Incomplete;
    for (sequence, bytes) in [(2, image.len() / 2), (3, image.len())] {
        let meta = FrameMeta { sequence, status, ..FrameMeta::of(&g) };
        let mut torn = frame(&image[..bytes], meta);
        assert!(matches!(stage.process(&mut torn, cx), Ok(Flow::Pass)));
        assert!(!board.find(sequence, &mut verdict), "an incomplete frame has no verdict");
        assert_eq!(figure("unjudged"), Figure::Count(sequence - 1));
    }

    let other = mono8(320, 256);
    let mut small = frame(&image[..320 * 256], FrameMeta::of(&other));
    let e = stage.process(&mut small, cx).expect_err("another size");
    assert!(e.what.contains("another size"), "{e:?}");
    let deep = Geometry::new(320, 512, PixelFormat::MONO16);
    let mut deep = frame(&image, FrameMeta::of(&deep));
    let e = stage.process(&mut deep, cx).expect_err("another format");
    assert!(e.what.contains("Mono8"), "{e:?}");
    assert_eq!(figure("frames"), Figure::Count(1));
}

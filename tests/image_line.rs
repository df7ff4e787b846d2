//! Stages that make images, in lines with threads: what arrives is what the camera's pattern says, through
//! workers, resets and growth.
#![allow(missing_docs)]

#[path = "util/twins.rs"]
mod twins;
mod util;

use frameline::buffer::{Frame, SharedFrame};
use frameline::format::{Geometry, PixelFormat};
use frameline::pipeline::{Line, LineBuilder, Snapshot, StageSpec};
use frameline::sim::{Pattern, Sim};
use frameline::stage::{Flow, Stage, StageContext, StageError};
use frameline::stages::image::kernel::{BinRule, Colours};
use frameline::stages::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use twins::Plane;
use util::{Understated, assert_balanced, count, watched};

const SOON: Duration = Duration::from_secs(60);

fn finish(builder: LineBuilder) -> Snapshot {
    let mut line = builder.start().unwrap();
    assert!(line.wait(util::PATIENCE), "the run did not end");
    let end = line.stop(SOON);
    assert_eq!(end.failure, None);
    assert_balanced(&end);
    end
}

/// The simulated camera, with frames whose every value is known.
fn sim(query: &str) -> Sim {
    util::sim(&format!("scene=pattern&{query}"))
}

/// What the simulated camera took in the frame of that serial, as numbers.
fn truth(g: &Geometry, serial: u64) -> Plane {
    thread_local! {
        static PATTERNS: RefCell<HashMap<Geometry, Pattern>> = RefCell::default();
    }
    let bytes = PATTERNS.with_borrow_mut(|patterns| {
        let pattern = patterns.entry(*g).or_insert_with(|| Pattern::new(g, 0).unwrap());
        let mut bytes = vec![0; pattern.image_bytes()];
        pattern.write(serial, &mut bytes);
        bytes
    });
    let (width, height) = (g.width as usize, g.height as usize);
    let mut values = match (g.pixel_format.packing(), g.pixel_format.component_bits()) {
        (Some(packing), _) => twins::unpack(packing, &bytes),
        (None, Some(8)) => bytes.iter().map(|b| u16::from(*b)).collect(),
        _ => bytes.chunks(2).map(|p| u16::from_le_bytes([p[0], p[1]])).collect(),
    };
    values.truncate(width * height);
    Plane { width, height, values }
}

/// Compares each frame with what `want` makes of its id and place, and counts those that agree.
struct Check<W> {
    want: W,
    good: Arc<AtomicU64>,
}

impl<W: Fn(&Frame) -> Vec<u8> + Send> Stage for Check<W> {
    fn process(&mut self, f: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        if f.payload() != (self.want)(f) {
            return Err(StageError::new(99, "the image is another than it should be"));
        }
        self.good.fetch_add(1, Ordering::Relaxed);
        Ok(Flow::Pass)
    }
}

fn check<W: Fn(&Frame) -> Vec<u8> + Send>(want: W) -> (Check<W>, Arc<AtomicU64>) {
    let good = Arc::new(AtomicU64::new(0));
    (Check { want, good: good.clone() }, good)
}

fn le(values: impl IntoIterator<Item = u16>) -> Vec<u8> {
    values.into_iter().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn unpacked_frames_measure_as_the_truth_says() {
    // Catches pixels that change on the way through a line, and measurements of an image that is not the frame's.
    watched(|| {
        for (format, level) in [("Mono12p", 2000_u16), ("Mono10Packed", 500), ("BayerGB10p", 700)] {
            let pixel_format = PixelFormat::from_name(format).unwrap();
            let g = Geometry::new(66, 48, pixel_format);
            let (checked, good) = check(move |f| le(truth(&g, f.id()).values));
            let end = finish(
                Line::builder(sim(&format!(
                    "width=66&height=48&format={format}&rate=max&frames=100"
                )))
                .stage("verify", util::verify())
                .stage_with(StageSpec::new("unpack").workers(2), |_| {
                    Box::new(Unpack::new(UnpackTo::Same))
                })
                .stage("check", checked)
                .stage("measure", Threshold::new(Some(level))),
            );
            assert_eq!(
                (end.frames.delivered, good.load(Ordering::Relaxed)),
                (100, 100),
                "{format}"
            );
            assert_eq!(count(&end, "unpack", "made"), 100);
            let above =
                |serial| truth(&g, serial).values.iter().filter(|v| **v > level).count() as u64;
            assert_eq!(
                count(&end, "measure", "above"),
                (0..100).map(above).sum::<u64>(),
                "{format}"
            );
        }
    });
}

#[test]
fn mosaics_become_colours_with_several_workers() {
    // Catches an image of another frame's pixels, and order that is lost among workers with pools of their own.
    watched(|| {
        for (format, to) in [("BayerRG8", Colours::Rgb8), ("BayerBG8", Colours::Luma8)] {
            let g = Geometry::new(64, 32, PixelFormat::from_name(format).unwrap());
            let mosaic = g.pixel_format.mosaic().unwrap();
            let (checked, good) = check(move |f| twins::demosaic(&truth(&g, f.id()), mosaic, to));
            let end = finish(
                Line::builder(sim(&format!(
                    "width=64&height=32&format={format}&rate=max&frames=60"
                )))
                .stage_with(StageSpec::new("demosaic").workers(3), move |_| {
                    Box::new(Demosaic::new(to))
                })
                .stage("check", checked),
            );
            assert_eq!((end.frames.delivered, good.load(Ordering::Relaxed)), (60, 60), "{format}");
        }
    });
}

#[test]
fn a_chain_of_image_stages_follows_a_payload_that_grows() {
    // Catches a pool that does not follow the images before it through a reset, and a frame lost or torn there.
    watched(|| {
        let inner = sim(
            "width=64&height=48&format=BayerRG12p&rate=max&frames=240&faults=at 60 resize 160x100;at 120 resize 240x160;at 180 resize 64x48 BayerRG8",
        );
        let (checked, good) = check(|f| {
            // What the camera delivered is told by the frame's id; the chain keeps the middle at half the size.
            let (w, h, format) = match f.id() {
                0..60 => (64, 48, PixelFormat::BAYER_RG12P),
                60..120 => (160, 100, PixelFormat::BAYER_RG12P),
                120..180 => (240, 160, PixelFormat::BAYER_RG12P),
                _ => (64, 48, PixelFormat::BAYER_RG8),
            };
            let mut image = truth(&Geometry::new(w, h, format), f.id());
            let shift = format.component_bits().unwrap() - 8;
            image.values.iter_mut().for_each(|v| *v >>= shift);
            let rgb = twins::demosaic(&image, format.mosaic().unwrap(), Colours::Rgb8);
            let part: Vec<u16> = rgb
                .chunks(3 * image.width)
                .skip(4)
                .flat_map(|row| row[3 * 8..].iter().map(|b| u16::from(*b)))
                .collect();
            let part =
                Plane { width: 3 * (image.width - 8), height: image.height - 4, values: part };
            let small = twins::bin(&part, 2, 3, false, BinRule::Mean);
            small.values.iter().map(|v| *v as u8).collect()
        });
        let end = finish(
            Line::builder(Understated { inner, says: 64 * 48 * 3 / 2 })
                .configure(|c| {
                    c.pool.budget_bytes = Some(64 << 20);
                    // The twins are slow, and a machine may be busy: nothing here is about lateness.
                    c.reset.deadline = SOON;
                })
                .stage("unpack", Unpack::new(UnpackTo::Mono16))
                .stage("demosaic", Demosaic::new(Colours::Rgb8))
                .stage("crop", Crop::new(8, 4, None, None))
                .stage(StageSpec::new("bin").ring(2), Binning::new(2, BinningRule::Mean))
                .stage("check", checked),
        );
        assert_eq!(end.frames.delivered, 240, "{:?} {:?}", end.frames, end.events);
        assert_eq!(good.load(Ordering::Relaxed), 240);
        assert!(end.resets.len() >= 3 && end.resets.iter().all(|r| r.ok), "{:?}", end.resets);
        assert_eq!(count(&end, "unpack", "made"), 180, "the last 60 are not packed");
        assert_eq!(count(&end, "crop", "made"), 240);
    });
}

#[test]
fn frames_are_learnt_from_and_do_not_go_on() {
    // Catches a learning frame that an inspection takes for a corrected one, or that nobody counts.
    watched(|| {
        let settings = FlatFieldSettings {
            correction: Correction::Absolute,
            learn: 8,
            ..FlatFieldSettings::default()
        };
        // The camera's eight pictures are learnt in turn; their mean stays for all that follow.
        let g = Geometry::new(64, 48, PixelFormat::MONO8);
        let all: Vec<Plane> = (0..8).map(|n| truth(&g, n)).collect();
        let mean =
            move |i: usize| (all.iter().map(|p| u32::from(p.values[i])).sum::<u32>() + 4) / 8;
        let (checked, good) = check(move |f| {
            let now = truth(&g, f.id());
            (0..now.values.len())
                .map(|i| u32::from(now.values[i]).abs_diff(mean(i)) as u8)
                .collect()
        });
        let end = finish(
            Line::builder(sim("width=64&height=48&rate=max&frames=50"))
                .stage("background", FlatField::new(settings).unwrap())
                .stage("check", checked),
        );
        assert_eq!((end.frames.delivered, good.load(Ordering::Relaxed)), (50, 42));
        assert_eq!((count(&end, "background", "used"), count(&end, "background", "made")), (8, 42));
    });
}

/// Keeps the first frames that it gets until the end, though it declared that it keeps none.
struct Keeper(Vec<SharedFrame>, usize);

impl Stage for Keeper {
    fn process(&mut self, f: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        if self.0.len() < self.1 {
            self.0.push(f.to_shared().map_err(|_| StageError::new(1, "too many handles"))?);
        }
        Ok(Flow::Pass)
    }

    fn flush(&mut self, _: frameline::stage::Flush) {
        self.0.clear();
    }
}

#[test]
fn a_stage_behind_that_keeps_too_many_costs_counted_frames() {
    // Catches an image stage that waits for ever, or frames that vanish, when its pool is empty.
    watched(|| {
        let end = finish(
            Line::builder(sim("width=64&height=48&format=Mono12p&rate=max&frames=200"))
                .stage("unpack", Unpack::new(UnpackTo::Same))
                .stage("keeper", Keeper(Vec::new(), 100)),
        );
        let starved = count(&end, "unpack", "starved");
        assert!(starved > 0);
        assert_eq!(end.frames.invalid, starved);
        assert_eq!(end.frames.delivered + starved, 200, "{:?}", end.frames);
    });
}

#[test]
fn damaged_frames_become_damaged_images() {
    // Catches an image of stale rows that is said to be whole.
    watched(|| {
        let g = Geometry::new(64, 48, PixelFormat::MONO12P);
        let (checked, good) = check(move |f| {
            let mut rows = truth(&g, f.id()).values;
            rows.truncate(f.payload().len() / 2);
            le(rows)
        });
        let end = finish(
            Line::builder(sim("width=64&height=48&format=Mono12p&rate=max&frames=100&faults=every 10 from 5 incomplete 0.3"))
                .stage("unpack", Unpack::new(UnpackTo::Same))
                .stage("check", checked),
        );
        assert_eq!(good.load(Ordering::Relaxed), 100);
        assert_eq!((end.frames.incomplete, end.frames.delivered), (10, 90), "{:?}", end.frames);
        assert_eq!(count(&end, "unpack", "incomplete"), 10);
    });
}

#[test]
fn a_format_that_changes_in_mid_run_costs_counted_frames_and_no_more() {
    // Catches a stage that panics, ends the run or makes noise of images that it was not started for.
    watched(|| {
        let g = Geometry::new(64, 48, PixelFormat::MONO8);
        let (checked, good) = check(move |f| {
            let image = truth(&g, f.id());
            let rows = image.values.chunks(64).skip(8);
            rows.flat_map(|row| row[16..].iter().map(|v| *v as u8)).collect()
        });
        let end = finish(
            Line::builder(sim(
                "width=64&height=48&sensor_width=128&sensor_height=96&rate=max&frames=200&faults=at 50 resize 64x48 Mono12p;at 100 resize 16x8 Mono8;at 150 resize 64x48 Mono8",
            ))
            .stage("crop", Crop::new(16, 8, None, None))
            .stage("check", checked),
        );
        assert_eq!(good.load(Ordering::Relaxed), 100, "{:?} {:?}", end.frames, end.events);
        assert_eq!((end.frames.delivered, end.frames.invalid), (100, 100), "{:?}", end.frames);
        assert_eq!(count(&end, "crop", "unsuitable"), 100);
        let why = format!("{:?} {:?}", end.faults, end.events);
        assert!(why.contains("packed") && why.contains("outside the image"), "{why}");
    });
}

#[test]
fn stages_are_told_what_comes_to_them() {
    // Catches a stage that is made ready for the camera's images though another stage changes them before.
    let told = |first: Unpack| {
        let line = Line::builder(sim("width=64&height=48&format=BayerRG12p&rate=max&frames=1"))
            .stage("unpack", first)
            .stage("colours", Demosaic::new(Colours::Rgb8))
            .stage("bin", Binning::new(4, BinningRule::Mean))
            .stage("part", Crop::new(0, 0, Some(17), None))
            .arm();
        line.map(drop).unwrap_err().to_string()
    };
    let text = told(Unpack::new(UnpackTo::Mono8));
    assert!(
        text.starts_with("stage \"part\" gets 16 x 12 RGB8 from stage \"bin\" and cannot"),
        "{text}"
    );
    assert!(text.contains("width = 17 from x = 0 on is more than the 16 columns"), "{text}");
}

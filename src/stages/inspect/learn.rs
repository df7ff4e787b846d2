//! From the windows of good parts to a reference: an image of the part without its light, the light without
//! the part, and what good parts differ by. Cold; takes its time and memory.

use super::align::Wheel;
use super::chords::{Disc, Pose};
use super::compare::{ALL_ROWS, Rows, compare};
use super::engine::{Inspector, Tools, wheel_of};
use super::images::{self, Gleam, Heap, Lamp};
use super::locate::Found;
use super::reference::{Limits, Nest, Reference, Taught};
use super::view::Window;
use crate::error::{Error, ErrorKind};
use std::sync::Arc;

/// Good parts that the images are learnt from, at most; limits are learnt from all.
const MAX_IMAGE_SAMPLES: usize = 256;
/// Rounds of averaging and aligning, each with so many good parts at most.
const ROUNDS: [usize; 3] = [64, 128, MAX_IMAGE_SAMPLES];
/// The tolerance of a pixel, in standard deviations of good parts there.
const SIGMAS: f32 = 4.0;
/// The least tolerance in grey levels: a few good parts show less than many will.
const LEAST_TOLERANCE: f32 = 5.0;
/// Agreement of prints from which a part counts as printed.
const PRINTED: f32 = 0.25;

/// One good part as it was seen.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    nest: usize,
    pixels: Vec<u8>,
    left: i32,
    top: i32,
    found: Found,
}

impl Sample {
    /// The part that was found in the tools' window.
    pub fn of(nest: usize, tools: &Tools, found: Found) -> Sample {
        let w = &tools.window;
        Sample { nest, pixels: w.pixels.clone(), left: w.left, top: w.top, found }
    }

    fn load(&self, window: &mut Window) {
        window.pixels.copy_from_slice(&self.pixels);
        (window.left, window.top) = (self.left, self.top);
    }
}

/// What is known before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base {
    pub width: u32,
    pub height: u32,
    pub scale: u32,
    pub bright: bool,
    /// Cells of the images a pixel of the inspection, each way.
    pub grain: u32,
    /// The radius as first seen, in frame pixels: the one that the windows were made for.
    pub guess: f32,
}

/// The middle of where the parts of each nest were, in frame pixels.
pub(super) fn nests(samples: &[Sample], count: usize, window: &Tools) -> Vec<Nest> {
    let mut sums = vec![(0.0_f64, 0.0_f64, 0_u32); count];
    for s in samples {
        let (x, y) = position(s, window);
        let sum = &mut sums[s.nest];
        *sum = (sum.0 + f64::from(x), sum.1 + f64::from(y), sum.2 + 1);
    }
    let nest = |(x, y, n): &(f64, f64, u32)| {
        let n = f64::from((*n).max(1));
        Nest { x: (x / n) as f32, y: (y / n) as f32, light: 1.0, light_x: 0.0, light_y: 0.0 }
    };
    sums.iter().map(nest).collect()
}

/// Where a part lay, in frame pixels.
fn position(s: &Sample, tools: &Tools) -> (f32, f32) {
    let scale = tools.window.scale as f32;
    let middle = (scale - 1.0) / 2.0;
    let at = |first: i32, v: f32| first as f32 + v * scale + middle;
    (at(s.left, s.found.x), at(s.top, s.found.y))
}

fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut v: Vec<f32> = values.collect();
    v.sort_by(f32::total_cmp);
    v.get(v.len() / 2).copied().unwrap_or_default()
}

/// What one sample's pose is, as far as known.
#[derive(Debug, Clone, Copy)]
struct Posed {
    pose: Pose,
    agreement: f32,
}

/// Everything that is learnt on the way.
struct Learning {
    base: Base,
    tools: Tools,
    samples: Vec<Sample>,
    poses: Vec<Posed>,
    lamp: Lamp,
    radius: f32,
    surface: u8,
    side: usize,
    mean: Vec<f32>,
    printed: bool,
}

/// Learns from samples.
pub(super) fn reference(
    base: &Base,
    nests: Vec<Nest>,
    samples: Vec<Sample>,
    tools: Tools,
) -> Result<Reference, Error> {
    let radius = median(samples.iter().map(|s| s.found.radius)) * base.scale as f32;
    let side = Taught::side_for(radius, base.scale);
    let shade = vec![1.0; side * side];
    let mut l = Learning {
        base: *base,
        tools,
        poses: Vec::new(),
        lamp: Lamp { shade, nests, radius: radius / base.scale as f32 },
        radius,
        surface: 0,
        side,
        mean: Vec::new(),
        printed: true,
        samples,
    };
    l.light();
    l.align_to_first();
    for most in ROUNDS {
        l.average(most);
        l.share_out_light(most);
        l.align();
    }
    l.average(MAX_IMAGE_SAMPLES);
    let tolerance = l.tolerance()?;
    l.finish(tolerance)
}

impl Learning {
    fn disc(&self) -> Disc {
        Disc::whole(self.lamp.radius, self.side, self.base.grain as usize)
    }

    /// At most so many samples, spread over all of them.
    fn chosen(&self, most: usize) -> impl Iterator<Item = usize> + use<> {
        let step = self.samples.len().div_ceil(most).max(1);
        // An odd step visits every nest, however many there are.
        let n = self.samples.len();
        (0..n).step_by(if step.is_multiple_of(2) { step + 1 } else { step })
    }

    /// The grey level of each part and nest.
    fn light(&mut self) {
        let levels: Vec<u8> = (0..self.samples.len())
            .map(|i| {
                self.samples[i].load(&mut self.tools.window);
                let f = self.samples[i].found;
                self.tools.sign(f.x, f.y, 128).1.max(1)
            })
            .collect();
        self.surface = median(levels.iter().map(|l| f32::from(*l))) as u8;
        let surface = f32::from(self.surface.max(1));
        for (n, nest) in self.lamp.nests.iter_mut().enumerate() {
            let here = self.samples.iter().zip(&levels).filter(|(s, _)| s.nest == n);
            nest.light = median(here.map(|(_, l)| f32::from(*l))) / surface;
        }
        let posed = |(s, level): (&Sample, &u8)| Posed {
            pose: Pose {
                x: s.found.x,
                y: s.found.y,
                angle: 0.0,
                light: f32::from(*level) / surface,
                light_x: 0.0,
                light_y: 0.0,
            },
            agreement: 0.0,
        };
        self.poses = self.samples.iter().zip(&levels).map(posed).collect();
    }

    /// Turns all parts to the first, and sees whether they carry a print.
    fn align_to_first(&mut self) {
        self.samples[0].load(&mut self.tools.window);
        let first = self.samples[0].found;
        let signature = self.tools.sign(first.x, first.y, self.surface).0.clone();
        let wheel = Wheel::new(&signature, self.tools.rings());
        self.turn(&wheel);
        let typical = median(self.poses.iter().skip(1).map(|p| p.agreement));
        self.printed = typical > PRINTED;
        if !self.printed {
            for (posed, sample) in self.poses.iter_mut().zip(&self.samples) {
                (posed.pose.angle, posed.pose.x, posed.pose.y) =
                    (0.0, sample.found.x, sample.found.y);
            }
        }
    }

    fn turn(&mut self, wheel: &Wheel) {
        for i in 0..self.samples.len() {
            self.samples[i].load(&mut self.tools.window);
            let f = self.samples[i].found;
            let turn = wheel.turn(self.tools.sign(f.x, f.y, self.surface).0);
            let pose = &mut self.poses[i].pose;
            (pose.angle, pose.x, pose.y) = (turn.angle, f.x + turn.x, f.y + turn.y);
            self.poses[i].agreement = turn.agreement;
        }
    }

    fn align(&mut self) {
        if self.printed {
            let grain = self.base.grain as usize;
            let wheel = wheel_of(&self.mean, self.side, grain, self.lamp.radius, self.surface);
            self.turn(&wheel);
        }
    }

    /// The mean of the parts, turned back and with their light taken off.
    fn average(&mut self, most: usize) {
        let mut heap = Heap::new(self.side * self.base.grain as usize);
        for s in self.chosen(most) {
            self.samples[s].load(&mut self.tools.window);
            let pose = self.lamp.pose(self.samples[s].nest, &self.poses[s].pose);
            images::add_part(&mut heap, &self.tools.window, self.disc(), &self.lamp, &pose);
        }
        self.mean = heap.means();
    }

    /// What of the difference between parts and mean stays in place when parts turn is the light's: the shading
    /// that all nests share, and each nest's slope.
    fn share_out_light(&mut self, most: usize) {
        let mut gleam = Gleam::new(self.side, self.lamp.nests.len());
        let disc = Disc { radius: self.lamp.radius - 1.5, ..self.disc() };
        let least = 0.25 * f32::from(self.surface);
        for s in self.chosen(most) {
            self.samples[s].load(&mut self.tools.window);
            let nest = self.samples[s].nest;
            let pose = self.lamp.pose(nest, &self.poses[s].pose);
            let window = &self.tools.window;
            gleam.add(window, disc, &self.lamp, (nest, &pose), (&self.mean, least));
        }
        gleam.improve(&mut self.lamp, self.side);
    }

    /// By how much good parts differ from what is expected of them, cell by cell.
    fn tolerance(&mut self) -> Result<Vec<u8>, Error> {
        let side = self.side * self.base.grain as usize;
        let plain = Reference::new(self.taught(vec![0; side * side], self.open_limits()))?;
        let mut rows = Rows::new(self.tools.window.side);
        let mut squares = Heap::new(side);
        for s in self.chosen(MAX_IMAGE_SAMPLES) {
            self.samples[s].load(&mut self.tools.window);
            let pose = self.lamp.pose(self.samples[s].nest, &self.poses[s].pose);
            compare(&self.tools.window, &plain, &pose, ALL_ROWS, &mut rows, |seen| {
                images::add_squares(&mut squares, seen.image, seen.expected, seen.chord.cells);
            });
        }
        let rms = images::at_least_typical(&squares.means(), &self.mean, side);
        // A part that is found half a pixel off must pass too: the tolerance is that of the worst neighbour.
        let worst = images::spread(&rms, side);
        Ok(worst.iter().map(|w| images::byte((w * SIGMAS).max(LEAST_TOLERANCE))).collect())
    }

    /// Limits that nothing fails.
    fn open_limits(&self) -> Limits {
        Limits {
            search: self.base.guess / 3.0,
            edge: 1.0,
            presence: 0.05,
            radius: self.radius,
            outline: self.radius,
            print: 0.0,
            mark: 1e9,
            slack: 0.0,
        }
    }

    fn taught(&self, tolerance: Vec<u8>, limits: Limits) -> Taught {
        Taught {
            width: self.base.width,
            height: self.base.height,
            scale: self.base.scale,
            grain: self.base.grain,
            radius: self.radius,
            bright: self.base.bright,
            printed: self.printed,
            surface: self.surface,
            nests: self.lamp.nests.clone(),
            limits,
            side: self.side,
            mean: self.mean.iter().map(|m| images::byte(*m)).collect(),
            tolerance,
            shade: self.lamp.shade.iter().map(|s| images::byte(s * 128.0)).collect(),
        }
    }

    /// Inspects the good parts, and sets limits that they all keep with room to spare.
    fn finish(self, tolerance: Vec<u8>) -> Result<Reference, Error> {
        let open = Reference::new(self.taught(tolerance.clone(), self.open_limits()))?;
        let Learning { base, tools, samples, radius, printed, .. } = &self;
        let nests = &self.lamp.nests;
        let scale = base.scale as f32;
        let mut most = Most::default();
        let mut away = 0.0_f32;
        for s in samples {
            let (x, y) = position(s, tools);
            away = away.max((x - nests[s.nest].x).hypot(y - nests[s.nest].y));
        }
        let mut inspector = Inspector::with_tools(
            Arc::new(open),
            Tools::new(base.scale, base.guess, tools.search * scale, tools.edge, base.bright),
        );
        for s in samples {
            s.load(&mut inspector.tools.window);
            let f = inspector.look(&nests[s.nest], &mut |_| ());
            most.radius = most.radius.max((f.found.radius * scale - radius).abs());
            most.outline = most.outline.max(f.found.deviation * scale);
            most.mark = most.mark.max(f.mark.map_or(0, |m| m.mass) as f32);
            most.agreement = most.agreement.min(f.turn.agreement);
            most.share = most.share.min(f.found.share);
            most.edge = most.edge.min(f.found.edge);
        }
        if *printed && most.agreement < 0.1 {
            return Err(Error::new(
                ErrorKind::Source,
                "one of the parts has not the print of the others; teach with good frames",
            ));
        }
        let round = |v: f32, to: f32| (v / to).ceil() * to;
        let limits = Limits {
            search: round((1.5 * away + 4.0).min(radius / 3.0), 1.0),
            edge: (0.4 * most.edge).max(2.0).floor(),
            presence: 0.5,
            radius: round((2.0 * most.radius).max(0.6 * scale), 0.1),
            outline: round((1.7 * most.outline).max(1.2 * scale), 0.1),
            print: if *printed { (0.6 * most.agreement * 100.0).floor() / 100.0 } else { 0.0 },
            mark: round((2.0 * most.mark).max(LEAST_MARK), 5.0),
            slack: 0.0,
        };
        Reference::new(self.taught(tolerance, limits))
    }
}

/// The least limit of a mark: so many grey levels beyond tolerance are nothing that an eye sees.
const LEAST_MARK: f32 = 40.0;

/// The extremes among good parts.
#[derive(Debug)]
struct Most {
    radius: f32,
    outline: f32,
    mark: f32,
    agreement: f32,
    share: f32,
    edge: f32,
}

impl Default for Most {
    fn default() -> Self {
        Most { radius: 0.0, outline: 0.0, mark: 0.0, agreement: 1.0, share: 1.0, edge: 255.0 }
    }
}

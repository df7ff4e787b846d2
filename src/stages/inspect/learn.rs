//! From the windows of good parts to a reference: an image of the part without its light, the light without
//! the part, and what good parts differ by. Cold; takes its time and memory.

use super::align::Wheel;
use super::compare::{Pose, compare};
use super::engine::{Inspector, Tools, wheel_of};
use super::locate::Found;
use super::reference::{Limits, MARGIN, Nest, Reference, Taught};
use super::view::Window;
use super::{blobs::Blobs, compare::Rows};
use crate::error::{Error, ErrorKind};
use std::sync::Arc;

/// Good parts that the images are learnt from, at most; limits are learnt from all.
const MAX_IMAGE_SAMPLES: usize = 480;
/// Rounds of aligning and averaging.
const ROUNDS: usize = 3;
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
    nests: Vec<Nest>,
    radius: f32,
    surface: u8,
    side: usize,
    mean: Vec<f32>,
    shade: Vec<f32>,
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
    let mut l = Learning {
        base: *base,
        tools,
        poses: Vec::new(),
        nests,
        radius,
        surface: 0,
        side,
        mean: vec![0.0; side * side],
        shade: vec![1.0; side * side],
        printed: true,
        samples,
    };
    l.light();
    l.align_to_first()?;
    for round in 0..ROUNDS {
        l.average();
        if round + 1 < ROUNDS {
            l.share_out_light();
            l.average();
        }
        l.align();
    }
    l.average();
    let tolerance = l.tolerance()?;
    l.finish(tolerance)
}

impl Learning {
    fn scaled_radius(&self) -> f32 {
        self.radius / self.base.scale as f32
    }

    /// Samples that the images are made of.
    fn chosen(&self) -> impl Iterator<Item = usize> + use<> {
        let step = self.samples.len().div_ceil(MAX_IMAGE_SAMPLES).max(1);
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
        for (n, nest) in self.nests.iter_mut().enumerate() {
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
    fn align_to_first(&mut self) -> Result<(), Error> {
        self.samples[0].load(&mut self.tools.window);
        let first = self.samples[0].found;
        let wheel = Wheel::new(self.tools.sign(first.x, first.y, self.surface).0);
        self.turn(&wheel);
        let typical = median(self.poses.iter().skip(1).map(|p| p.agreement));
        self.printed = typical > PRINTED;
        if !self.printed {
            self.poses.iter_mut().for_each(|p| p.pose.angle = 0.0);
            return Ok(());
        }
        Ok(())
    }

    fn turn(&mut self, wheel: &Wheel) {
        for i in 0..self.samples.len() {
            self.samples[i].load(&mut self.tools.window);
            let f = self.samples[i].found;
            let turn = wheel.turn(self.tools.sign(f.x, f.y, self.surface).0);
            self.poses[i].pose.angle = turn.angle;
            self.poses[i].agreement = turn.agreement;
        }
    }

    fn align(&mut self) {
        if self.printed {
            let mean = self.mean_bytes();
            let wheel = wheel_of(&mean, self.side, self.scaled_radius(), self.surface);
            self.turn(&wheel);
        }
    }

    fn mean_bytes(&self) -> Vec<u8> {
        self.mean.iter().map(|m| m.round().clamp(0.0, 255.0) as u8).collect()
    }

    /// Distance of a pixel of the images from their middle.
    fn middle_to(&self, i: usize) -> (f32, f32) {
        let middle = (self.side / 2) as f32;
        ((i % self.side) as f32 - middle, (i / self.side) as f32 - middle)
    }

    /// The light on a sample at a distance from its centre, shading included.
    fn light_at(&self, sample: usize, dx: f32, dy: f32) -> f32 {
        let p = &self.poses[sample].pose;
        let nest = &self.nests[self.samples[sample].nest];
        let slope = p.light / nest.light.max(0.01) / self.scaled_radius();
        let middle = (self.side / 2) as f32;
        let last = (self.side - 1) as f32;
        let at = |d: f32| (d.round() + middle).clamp(0.0, last) as usize;
        let plane = p.light + slope * (nest.light_x * dx + nest.light_y * dy);
        (plane * self.shade[at(dy) * self.side + at(dx)]).max(0.02)
    }

    /// The mean of all parts, turned back and with their light taken off.
    fn average(&mut self) {
        let (mut sums, mut n) = (vec![0.0_f32; self.side * self.side], 0.0_f32);
        let reach = self.scaled_radius() + MARGIN as f32;
        for s in self.chosen() {
            n += 1.0;
            let pose = self.poses[s].pose;
            let (sin, cos) = pose.angle.sin_cos();
            for (i, sum) in sums.iter_mut().enumerate() {
                let (u, v) = self.middle_to(i);
                if u * u + v * v > reach * reach {
                    continue;
                }
                let (dx, dy) = (cos * u - sin * v, sin * u + cos * v);
                let seen =
                    bilinear(&self.samples[s].pixels, &self.tools.window, pose.x + dx, pose.y + dy);
                *sum += seen / self.light_at(s, dx, dy);
            }
        }
        sums.iter_mut().for_each(|s| *s /= n);
        self.mean = sums;
    }

    /// What of the difference between parts and mean stays in place when parts turn is the light's: the shading
    /// that all nests share, and each nest's slope.
    fn share_out_light(&mut self) {
        let radius = self.scaled_radius();
        let middle = (self.side / 2) as f32;
        let mut shade = vec![(0.0_f32, 0.0_f32); self.side * self.side];
        let mut slopes = vec![[0.0_f64; 4]; self.nests.len()];
        for s in self.chosen() {
            let pose = self.poses[s].pose;
            let (sin, cos) = pose.angle.sin_cos();
            let inner = radius - 1.5;
            for (i, shade) in shade.iter_mut().enumerate() {
                let (dx, dy) = self.middle_to(i);
                if dx * dx + dy * dy > inner * inner {
                    continue;
                }
                let (u, v) = (middle + cos * dx + sin * dy, middle + cos * dy - sin * dx);
                let mean = nearest(&self.mean, self.side, u, v);
                if mean < 0.25 * f32::from(self.surface) {
                    continue; // Dark print says little about the light.
                }
                let seen = nearest_u8(
                    &self.samples[s].pixels,
                    &self.tools.window,
                    pose.x + dx,
                    pose.y + dy,
                );
                let plane = self.light_at(s, dx, dy) / self.shade[i];
                *shade = (shade.0 + seen, shade.1 + mean * plane);
                let (x, y) = (f64::from(dx / radius), f64::from(dy / radius));
                let over = f64::from(seen / (mean * plane * self.shade[i]) - 1.0).clamp(-0.5, 0.5);
                let sum = &mut slopes[self.samples[s].nest];
                *sum = [sum[0] + over * x, sum[1] + x * x, sum[2] + over * y, sum[3] + y * y];
            }
        }
        // What all nests have in common is in the shading already.
        let fitted = slopes
            .iter()
            .map(|s| (s[0] / s[1].max(1e-9), s[2] / s[3].max(1e-9)))
            .collect::<Vec<(f64, f64)>>();
        let n = fitted.len().max(1) as f64;
        let common = fitted.iter().fold((0.0, 0.0), |c, f| (c.0 + f.0 / n, c.1 + f.1 / n));
        for (nest, (x, y)) in self.nests.iter_mut().zip(fitted) {
            nest.light_x += nest.light * (x - common.0) as f32;
            nest.light_y += nest.light * (y - common.1) as f32;
        }
        let raw: Vec<f32> = shade
            .iter()
            .map(|(a, b)| if *b > 0.0 { (a / b).clamp(0.3, 1.9) } else { 1.0 })
            .collect();
        self.shade = smooth(&raw, self.side);
    }

    /// By how much good parts differ from what is expected of them, pixel by pixel.
    fn tolerance(&mut self) -> Result<Vec<u8>, Error> {
        let plain =
            Reference::new(self.taught(vec![0; self.side * self.side], self.open_limits()))?;
        let (mut rows, mut blobs) = (Rows::new(self.tools.window.side), Blobs::default());
        let n = self.side * self.side;
        let (mut squares, mut counts) = (vec![0.0_f32; n], vec![0.0_f32; n]);
        let middle = (self.side / 2) as f32;
        for s in self.chosen() {
            self.samples[s].load(&mut self.tools.window);
            let found = self.samples[s].found;
            let nest = self.nests[self.samples[s].nest];
            let p = self.poses[s].pose;
            let pose = Pose::at(&nest, self.scaled_radius(), found.x, found.y, p.angle, p.light);
            let (sin, cos) = p.angle.sin_cos();
            blobs.clear();
            compare(&self.tools.window, &plain, &pose, &mut rows, &mut blobs, |seen| {
                for (i, (a, b)) in seen.image.iter().zip(seen.expected).enumerate() {
                    let (dx, dy) = ((seen.x + i) as f32 - found.x, seen.y as f32 - found.y);
                    let (u, v) = (middle + cos * dx + sin * dy, middle + cos * dy - sin * dx);
                    let at = (v.round().max(0.0) as usize).min(self.side - 1) * self.side
                        + (u.round().max(0.0) as usize).min(self.side - 1);
                    squares[at] += f32::from(a.abs_diff(*b)).powi(2);
                    counts[at] += 1.0;
                }
            });
        }
        let rms: Vec<f32> = squares
            .iter()
            .zip(&counts)
            .map(|(s, n)| if *n > 0.0 { (s / n).sqrt() } else { 0.0 })
            .collect();
        // A part that is found half a pixel off must pass too: the tolerance is that of the worst neighbour.
        let worst = spread(&rms, self.side);
        Ok(worst
            .iter()
            .map(|w| (w * SIGMAS).max(LEAST_TOLERANCE).round().min(255.0) as u8)
            .collect())
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
            radius: self.radius,
            bright: self.base.bright,
            printed: self.printed,
            surface: self.surface,
            nests: self.nests.clone(),
            limits,
            side: self.side,
            mean: self.mean_bytes(),
            tolerance,
            shade: self.shade.iter().map(|s| (s * 128.0).round().clamp(0.0, 255.0) as u8).collect(),
        }
    }

    /// Inspects the good parts, and sets limits that they all keep with room to spare.
    fn finish(self, tolerance: Vec<u8>) -> Result<Reference, Error> {
        let open = Reference::new(self.taught(tolerance.clone(), self.open_limits()))?;
        let Learning { base, tools, samples, nests, radius, printed, .. } = &self;
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
            most.mark = most.mark.max(f.worst.map_or(0, |b| b.mass()) as f32);
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

fn bilinear(pixels: &[u8], window: &Window, x: f32, y: f32) -> f32 {
    let last = (window.side - 2) as f32;
    let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
    let (fx, fy) = (x.fract(), y.fract());
    let at = y as usize * window.stride + x as usize;
    let row = |i: usize| f32::from(pixels[i]) * (1.0 - fx) + f32::from(pixels[i + 1]) * fx;
    row(at) * (1.0 - fy) + row(at + window.stride) * fy
}

fn nearest_u8(pixels: &[u8], window: &Window, x: f32, y: f32) -> f32 {
    let last = (window.side - 1) as f32;
    let at = |v: f32| v.round().clamp(0.0, last) as usize;
    f32::from(pixels[at(y) * window.stride + at(x)])
}

fn nearest(image: &[f32], side: usize, x: f32, y: f32) -> f32 {
    let last = (side - 1) as f32;
    let at = |v: f32| v.round().clamp(0.0, last) as usize;
    image[at(y) * side + at(x)]
}

/// Each pixel and its eight neighbours, as far as there are.
fn around(side: usize, i: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (i % side, i / side);
    let range = move |v: usize| v.saturating_sub(1)..(v + 2).min(side);
    range(y).flat_map(move |y| range(x).map(move |x| y * side + x))
}

/// The mean of each pixel and its neighbours.
fn smooth(image: &[f32], side: usize) -> Vec<f32> {
    let mean = |i: usize| {
        let (n, sum) = around(side, i).fold((0.0, 0.0), |(n, s), j| (n + 1.0, s + image[j]));
        sum / n
    };
    (0..image.len()).map(mean).collect()
}

/// The largest of each pixel and its neighbours.
fn spread(image: &[f32], side: usize) -> Vec<f32> {
    (0..image.len()).map(|i| around(side, i).map(|j| image[j]).fold(0.0, f32::max)).collect()
}

//! Where a part lies, how large it is and how round: rays from the centre find its outline.

use super::kernels::steepest;
use super::view::Window;
use crate::stages::cpu::{Kernel, dispatch};
use std::ops::RangeInclusive;
use std::slice::ChunksExact;

/// Rays around a part.
pub const RAYS: usize = 96;
/// Pixels on each side that an edge is measured over.
const REACH: usize = 2;
/// Pixels beyond the expected displacement that are looked at, for outlines that leave the circle.
const BEYOND: usize = 6;

/// The rays of one size of part: for each, the pixels that it passes near the expected outline.
#[derive(Debug)]
pub struct Rays {
    /// Offsets from the centre's pixel, ray by ray.
    offsets: Box<[i32]>,
    /// Pixels on each ray.
    steps: usize,
    /// Radius of the first pixel.
    first: f32,
    /// Direction of each ray.
    directions: [(f32, f32); RAYS],
    /// Parts are brighter than their surroundings.
    bright: bool,
    /// Grey levels along a ray, and their slopes.
    values: Box<[u8]>,
    rises: Box<[i16]>,
}

/// What was found at a nest, in window pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Column of the centre.
    pub x: f32,
    /// Row of the centre.
    pub y: f32,
    /// Radius.
    pub radius: f32,
    /// Share of the rays on which something like an outline was found.
    pub share: f32,
    /// Median step at the outline, in grey levels.
    pub edge: f32,
    /// The largest distance of a stretch of the outline from the circle.
    pub deviation: f32,
}

/// Pixels from the middle of the window to its sides that rays of this radius and search need.
pub fn half_window(radius: f32, search: f32) -> usize {
    // Twice the search: rays start at the nest first, then at the part.
    (radius + 2.0 * search).ceil() as usize + BEYOND + REACH + 2
}

impl Rays {
    /// For parts of `radius` that lie up to `search` from their nests, in windows with rows of `stride`.
    pub fn new(radius: f32, search: f32, bright: bool, stride: usize) -> Rays {
        let band = search.ceil() as usize + BEYOND + REACH;
        let first = (radius - band as f32).max(REACH as f32 + 1.0);
        let steps = ((radius + band as f32) - first).ceil() as usize + 1;
        let directions = std::array::from_fn(|i| {
            let angle = i as f32 * std::f32::consts::TAU / RAYS as f32;
            (angle.cos(), angle.sin())
        });
        let offset = |(dx, dy): (f32, f32), step: usize| {
            let r = first + step as f32;
            (dy * r).round() as i32 * stride as i32 + (dx * r).round() as i32
        };
        let offsets = directions.iter().flat_map(|d| (0..steps).map(|s| offset(*d, s))).collect();
        let (values, rises) = (vec![0; steps].into(), vec![0; steps].into());
        Rays { offsets, steps, first, directions, bright, values, rises }
    }

    /// Finds the part whose centre is near the middle of the window.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn locate(&mut self, window: &Window, search: f32, edge: f32) -> Found {
        let middle = (window.side / 2) as f32;
        let mut found = self.look(window, middle, middle, search + BEYOND as f32, edge);
        // From where it seems to be: an outline that is oblique to the rays is found less exactly.
        for band in [BEYOND as f32 + 2.0, BEYOND as f32] {
            let (dx, dy) = (found.x - middle, found.y - middle);
            if found.share == 0.0 || dx.hypot(dy) > search + 2.0 {
                break;
            }
            found = self.look(window, found.x, found.y, band, edge);
        }
        found
    }

    /// One look from a point, at radii within `band` of the taught one.
    fn look(&mut self, window: &Window, x: f32, y: f32, band: f32, edge: f32) -> Found {
        let (cx, cy) = (x.round(), y.round());
        let centre = cy as i32 * window.stride as i32 + cx as i32;
        let middle = self.first + (self.steps - 1) as f32 / 2.0;
        let low = ((middle - band - self.first).max(0.0) as usize).max(REACH);
        let high = ((middle + band - self.first).ceil() as usize).min(self.steps - 1 - REACH);
        let mut radii = [0.0_f32; RAYS];
        let mut strengths = [0.0_f32; RAYS];
        dispatch(Edges {
            offsets: self.offsets.chunks_exact(self.steps),
            places: low - REACH..=high + REACH,
            pixels: &window.pixels,
            centre,
            bright: self.bright,
            first: self.first + low as f32,
            values: &mut self.values,
            rises: &mut self.rises,
            radii: &mut radii,
            strengths: &mut strengths,
        });
        self.fit(&radii, &strengths, cx, cy, edge)
    }

    /// The circle through most of the points.
    fn fit(
        &self,
        radii: &[f32; RAYS],
        strengths: &[f32; RAYS],
        cx: f32,
        cy: f32,
        edge: f32,
    ) -> Found {
        let mut sorted = *strengths;
        sorted.sort_unstable_by(f32::total_cmp);
        let median_edge = sorted[RAYS / 2];
        let nothing =
            Found { x: cx, y: cy, radius: 0.0, share: 0.0, edge: median_edge, deviation: 0.0 };
        let mut keep: [bool; RAYS] = std::array::from_fn(|i| strengths[i] >= edge);
        let Some(mut circle) = circle(radii, &keep, &self.directions) else { return nothing };
        let distance = |i: usize, (r, dx, dy): (f32, f32, f32)| {
            let (ux, uy) = self.directions[i];
            radii[i] - (r + dx * ux + dy * uy)
        };
        for tolerance in [6.0, 3.0, 2.0, 1.5] {
            for (i, keep) in keep.iter_mut().enumerate() {
                *keep = strengths[i] >= edge && distance(i, circle).abs() <= tolerance;
            }
            match self::circle(radii, &keep, &self.directions) {
                Some(c) => circle = c,
                None => return nothing,
            }
        }
        let strong = strengths.iter().filter(|s| **s >= edge).count();
        // A stretch of three neighbouring rays: one alone may have met the print or a speck of dirt.
        let off = |i: usize| if strengths[i] >= edge { distance(i, circle) } else { 0.0 };
        let stretch = |i: usize| {
            let (a, b, c) = (off((i + RAYS - 1) % RAYS), off(i), off((i + 1) % RAYS));
            a.max(b).min(a.min(b).max(c)).abs()
        };
        let deviation = (0..RAYS).map(stretch).fold(0.0, f32::max);
        let (radius, dx, dy) = circle;
        let share = strong as f32 / RAYS as f32;
        Found { x: cx + dx, y: cy + dy, radius, share, edge: median_edge, deviation }
    }
}

/// The steepest place of each ray, compiled for the best of processors.
struct Edges<'a> {
    offsets: ChunksExact<'a, i32>,
    /// Which pixels of a ray are looked at.
    places: RangeInclusive<usize>,
    pixels: &'a [u8],
    centre: i32,
    bright: bool,
    /// Radius of the first place that can be the steepest.
    first: f32,
    values: &'a mut [u8],
    rises: &'a mut [i16],
    radii: &'a mut [f32; RAYS],
    strengths: &'a mut [f32; RAYS],
}

impl Kernel for Edges<'_> {
    type Out = ();

    #[inline(always)]
    fn run(self) {
        let out = self.radii.iter_mut().zip(self.strengths);
        for ((radius, strength), offsets) in out.zip(self.offsets) {
            let offsets = offsets.get(self.places.clone()).unwrap_or_default();
            let values = &mut self.values[..offsets.len()];
            for (v, offset) in values.iter_mut().zip(offsets) {
                *v = *self.pixels.get((self.centre + offset).max(0) as usize).unwrap_or(&0);
            }
            let edge = steepest(values, self.bright, self.rises);
            let (a, b, c) = (f32::from(edge.before), f32::from(edge.rise), f32::from(edge.behind));
            let bend = a - 2.0 * b + c;
            let between = if bend < -0.5 { (0.5 * (a - c) / bend).clamp(-0.5, 0.5) } else { 0.0 };
            *radius = self.first + edge.at as f32 + between;
            *strength = b / (2.0 * REACH as f32);
        }
    }
}

/// Least squares of r = R + dx cos + dy sin over the points that are kept; `None` if they lie too one-sided.
fn circle(
    radii: &[f32; RAYS],
    keep: &[bool; RAYS],
    directions: &[(f32, f32); RAYS],
) -> Option<(f32, f32, f32)> {
    let (mut n, mut sx, mut sy, mut sxx, mut sxy, mut syy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    let (mut sr, mut srx, mut sry) = (0.0, 0.0, 0.0);
    for ((r, _), (x, y)) in radii.iter().zip(keep).zip(directions).filter(|((_, k), _)| **k) {
        n += 1.0;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
        syy += y * y;
        sr += r;
        srx += r * x;
        sry += r * y;
    }
    // Cramer's rule on the symmetric 3x3 system.
    let (a, b, c) = (sxx * syy - sxy * sxy, sx * syy - sxy * sy, sx * sxy - sxx * sy);
    let determinant: f32 = n * a - sx * b + sy * c;
    if determinant < 0.02 * n * n * n {
        return None;
    }
    let r = (sr * a - sx * (srx * syy - sxy * sry) + sy * (srx * sxy - sxx * sry)) / determinant;
    let dx = (n * (srx * syy - sxy * sry) - sr * b + sy * (sx * sry - srx * sy)) / determinant;
    let dy = (n * (sxx * sry - srx * sxy) - sx * (sx * sry - srx * sy) + sr * c) / determinant;
    Some((r, dx, dy))
}

//! What a mark on a surface is called: by the signs of its differences, by what the reference has printed there, and
//! by its form.
//!
//! - A *dent* is a shading: one side of it is brighter than expected, the other darker.
//! - A *misprint* follows the print: where there should be print the surface shows, and where there should be none
//!   there may be print.
//! - A *scratch* is thin and long.
//! - A *stain* is none of these, and darker than expected.

use super::compare::Seen;
use crate::verdict::Defect;
use std::ops::RangeInclusive;

/// Grey levels between surface and print.
const PRINT_STEP: i32 = 24;
/// The share of the differences that has the other sign, from which a mark has two sides.
const TWO_SIDED: f64 = 0.10;
/// The share of the spread along the line through the middles of both sides that these explain, from which they lie
/// beside each other. Two halves of a disc: 0.72. Letters that are displaced: about 0.
const BESIDE: f64 = 0.45;
/// The share of the differences that a wrong print explains in a misprint.
const PRINT_SHARE: f64 = 0.75;
/// The share that is missing print in a misprint.
const MISSING_SHARE: f64 = 0.25;
/// Pixels of a scratch, in squares of its length. A disc: 0.8; half of one: 0.4.
const THIN: f64 = 0.25;
/// Lengths of a scratch in its widths.
const LONG: f64 = 2.5;

/// Sums over the pixels of a mark, relative to the corner of its area.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    weight: f64,
    x: f64,
    y: f64,
}

/// A mark that is looked at once more, pixel by pixel.
#[derive(Debug, Clone)]
pub struct Form {
    area: [u16; 4],
    /// Pixels around the area in which the other side of a shading is looked for.
    beyond: usize,
    surface: i32,
    dark_print: bool,
    pixels: f64,
    /// Moments of the pixels: x, y, xx, xy, yy.
    moments: [f64; 5],
    /// Moments of the differences.
    weighted: [f64; 5],
    dark: Side,
    bright: Side,
    /// Differences of missing print, and of print where none should be.
    missing: f64,
    doubled: f64,
    /// All differences within the area.
    inside: f64,
}

impl Form {
    /// Of the mark in an area (first and last column, first and last row) on a part with that surface.
    pub fn new(area: [u16; 4], surface: u8, dark_print: bool) -> Form {
        let longest = (area[1].abs_diff(area[0])).max(area[3].abs_diff(area[2]));
        Form {
            area,
            beyond: usize::from(longest) / 3 + 2,
            surface: surface.into(),
            dark_print,
            pixels: 0.0,
            moments: [0.0; 5],
            weighted: [0.0; 5],
            dark: Side::default(),
            bright: Side::default(),
            missing: 0.0,
            doubled: 0.0,
            inside: 0.0,
        }
    }

    /// The window's rows that it needs to see.
    pub fn rows(&self) -> RangeInclusive<usize> {
        let [.., top, bottom] = self.area.map(usize::from);
        top.saturating_sub(self.beyond)..=bottom + self.beyond
    }

    /// Adds what a row has of it: what is beyond half the tolerance.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn add(&mut self, seen: &Seen<'_>) {
        let [left, right, top, bottom] = self.area.map(usize::from);
        let first = left.saturating_sub(self.beyond).saturating_sub(seen.chord.x);
        let end = (right + self.beyond + 1).saturating_sub(seen.chord.x).min(seen.image.len());
        let y = seen.chord.y as f64 - top as f64;
        let within_rows = (top..=bottom).contains(&seen.chord.y);
        for i in first..end {
            let over = i32::from(seen.image[i]) - i32::from(seen.expected[i]);
            let weight = 2 * over.abs() - i32::from(seen.tolerance[i]);
            if weight <= 0 {
                continue;
            }
            let column = seen.chord.x + i;
            let (x, w) = (column as f64 - left as f64, f64::from(weight));
            let inside = within_rows && (left..=right).contains(&column);
            // The form is that of what stands out clearly.
            let clear = f64::from(u8::from(inside && seen.dark[i] | seen.bright[i] > 0));
            self.pixels += clear;
            for (k, v) in [x, y, x * x, x * y, y * y].into_iter().enumerate() {
                self.moments[k] += clear * v;
                self.weighted[k] += w * v;
            }
            let side = if over < 0 { &mut self.dark } else { &mut self.bright };
            side.weight += w;
            side.x += w * x;
            side.y += w * y;
            if !inside {
                continue;
            }
            self.inside += w;
            let print = i32::from(seen.mean[i]) - self.surface;
            if print.abs() > PRINT_STEP {
                self.missing += if (over > 0) == (print < 0) { w } else { 0.0 };
            } else {
                self.doubled += if (over < 0) == self.dark_print { w } else { 0.0 };
            }
        }
    }

    /// What it is called.
    pub fn kind(&self) -> Defect {
        let total = (self.dark.weight + self.bright.weight).max(1.0);
        let two_sided = self.dark.weight.min(self.bright.weight) / total;
        let inside = self.inside.max(1.0);
        let (missing, print) = (self.missing / inside, (self.missing + self.doubled) / inside);
        let (length, width) = self.extent();
        if two_sided > TWO_SIDED && self.beside() > BESIDE {
            Defect::Dent
        } else if print > PRINT_SHARE && missing > MISSING_SHARE {
            Defect::Misprint
        } else if self.pixels < THIN * length * length && length > LONG * width {
            Defect::Scratch
        } else if self.bright.weight > 0.5 * total {
            Defect::Dent
        } else {
            Defect::Stain
        }
    }

    /// How much of the spread of the differences is that between the middles of both sides, 0 to 1.
    fn beside(&self) -> f64 {
        let middle = |s: &Side| [s.x / s.weight.max(1.0), s.y / s.weight.max(1.0)];
        let (a, b) = (middle(&self.dark), middle(&self.bright));
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let distance = (dx * dx + dy * dy).max(1e-9);
        let n = (self.dark.weight + self.bright.weight).max(1.0);
        let [xx, xy, yy] = variances(n, &self.weighted);
        let along = (xx * dx * dx + 2.0 * xy * dx * dy + yy * dy * dy) / distance;
        let between = self.dark.weight * self.bright.weight / (n * n) * distance;
        between / along.max(1e-9)
    }

    /// Length and width of the pixels, as if they were an even bar.
    fn extent(&self) -> (f64, f64) {
        let [xx, xy, yy] = variances(self.pixels.max(1.0), &self.moments);
        let (middle, half) = ((xx + yy) / 2.0, ((xx - yy) / 2.0).hypot(xy));
        // An even bar of length l has the variance l * l / 12.
        let extent = |variance: f64| (12.0 * variance.max(0.0)).sqrt();
        (extent(middle + half), extent(middle - half))
    }
}

/// Of moments with that sum of weights; a pixel has an extent of its own: a twelfth.
fn variances(n: f64, m: &[f64; 5]) -> [f64; 3] {
    let (x, y) = (m[0] / n, m[1] / n);
    [m[2] / n - x * x + 1.0 / 12.0, m[3] / n - x * y, m[4] / n - y * y + 1.0 / 12.0]
}

//! The images of a reference, made of samples: the mean of the parts without their light, the shading that stays in
//! place when parts turn, and by how much good parts differ from both. Cold.

use super::chords::{Disc, Pose};
use super::reference::Nest;
use super::view::Window;

/// Values that a cell's mean is made of at least; where fewer fell, the neighbours' help.
const ENOUGH: f32 = 8.0;

/// Sums and numbers of the values that fell into each cell of a square image.
#[derive(Debug, Clone)]
pub struct Heap {
    cells: Vec<[f32; 2]>,
    side: usize,
}

impl Heap {
    /// Without any value.
    pub fn new(side: usize) -> Heap {
        Heap { cells: vec![[0.0; 2]; side * side], side }
    }

    #[inline]
    fn add(&mut self, cell: (i32, i32), value: f32) {
        let at = cell.1 * self.side as i32 + cell.0;
        if let Some(c) = self.cells.get_mut(at as usize) {
            *c = [c[0] + value, c[1] + 1.0];
        }
    }

    /// The mean of each cell; with too few values of its own, that of the nearest square with enough of them.
    pub fn means(&self) -> Vec<f32> {
        let mean = |i: usize| {
            let (mut sum, mut n) = (self.cells[i][0], self.cells[i][1]);
            let mut reach = 0;
            while n < ENOUGH && reach < 4 {
                reach += 1;
                let square = around(self.side, i, reach).map(|j| self.cells[j]);
                (sum, n) = square.fold((0.0, 0.0), |(s, n), c| (s + c[0], n + c[1]));
            }
            if n > 0.0 { sum / n } else { 0.0 }
        };
        (0..self.cells.len()).map(mean).collect()
    }
}

/// The light on the parts as far as it is known.
#[derive(Debug, Clone)]
pub struct Lamp {
    /// Shading that all nests have in common, pixel by pixel.
    pub shade: Vec<f32>,
    /// Where parts lie, with the slopes of their light.
    pub nests: Vec<Nest>,
    /// Radius of a part in pixels of the inspection's scale.
    pub radius: f32,
}

impl Lamp {
    /// A pose under this lamp.
    pub fn pose(&self, nest: usize, pose: &Pose) -> Pose {
        Pose::at(&self.nests[nest], self.radius, pose.x, pose.y, pose.angle, pose.light)
    }
}

/// Adds a part to the heap of the mean, its light taken off.
pub fn add_part(heap: &mut Heap, window: &Window, disc: Disc, lamp: &Lamp, pose: &Pose) {
    for chord in disc.chords(window.side, pose) {
        let pixels = &window.pixels[chord.y * window.stride + chord.x..][..chord.len];
        let mut light = chord.light;
        for ((p, shade), cell) in pixels.iter().zip(&lamp.shade[chord.shade..]).zip(chord.cells) {
            heap.add(cell, f32::from(*p) / (light * shade).max(0.02));
            light += pose.light_x;
        }
    }
}

/// What the light of parts was, compared with their mean.
#[derive(Debug)]
pub struct Gleam {
    /// Seen and expected of each pixel of the shading.
    shade: Vec<[f32; 2]>,
    /// Of each nest: sums for the slopes to the right and down.
    slopes: Vec<[f64; 4]>,
}

impl Gleam {
    /// Before any part.
    pub fn new(side: usize, nests: usize) -> Gleam {
        Gleam { shade: vec![[0.0; 2]; side * side], slopes: vec![[0.0; 4]; nests] }
    }

    /// Adds a part; pixels whose mean is below `least` say little about the light.
    pub fn add(
        &mut self,
        window: &Window,
        disc: Disc,
        lamp: &Lamp,
        (nest, pose): (usize, &Pose),
        (mean, least): (&[f32], f32),
    ) {
        let row = (disc.side * disc.grain) as i32;
        let mut sums = [0.0_f32; 4];
        for chord in disc.chords(window.side, pose) {
            let pixels = &window.pixels[chord.y * window.stride + chord.x..][..chord.len];
            let (mut plane, mut x) = (chord.light, (chord.x as f32 - pose.x) / lamp.radius);
            let y = (chord.y as f32 - pose.y) / lamp.radius;
            let shading = self.shade[chord.shade..].iter_mut().zip(&lamp.shade[chord.shade..]);
            for ((p, (to, shade)), (u, v)) in pixels.iter().zip(shading).zip(chord.cells) {
                let m = *mean.get((v * row + u) as usize).unwrap_or(&0.0);
                if m >= least {
                    let (seen, expected) = (f32::from(*p), m * plane);
                    *to = [to[0] + seen, to[1] + expected];
                    let over = (seen / (expected * shade).max(0.02) - 1.0).clamp(-0.5, 0.5);
                    sums[0] += over * x;
                    sums[1] += x * x;
                    sums[2] += over * y;
                    sums[3] += y * y;
                }
                plane += pose.light_x;
                x += 1.0 / lamp.radius;
            }
        }
        for (to, sum) in self.slopes[nest].iter_mut().zip(sums) {
            *to += f64::from(sum);
        }
    }

    /// The lamp, improved by what was seen.
    pub fn improve(self, lamp: &mut Lamp, side: usize) {
        let slope = |s: &[f64; 4]| [s[0] / s[1].max(1e-9), s[2] / s[3].max(1e-9)];
        let fitted: Vec<_> = self.slopes.iter().map(slope).collect();
        // What all nests have in common is in the shading already.
        let n = fitted.len().max(1) as f64;
        let common = [0, 1].map(|axis| fitted.iter().map(|f| f[axis] / n).sum::<f64>());
        for (nest, [x, y]) in lamp.nests.iter_mut().zip(fitted) {
            nest.light_x += nest.light * (x - common[0]) as f32;
            nest.light_y += nest.light * (y - common[1]) as f32;
        }
        let share = |[seen, expected]: &[f32; 2]| {
            if *expected > 0.0 { (seen / expected).clamp(0.3, 1.9) } else { 1.0 }
        };
        let raw: Vec<f32> = self.shade.iter().map(share).collect();
        lamp.shade = smooth(&raw, side);
    }
}

/// Adds how far a row is from what is expected, squared, cell by cell.
pub fn add_squares(heap: &mut Heap, image: &[u8], expected: &[u8], cells: super::chords::Walk) {
    for ((a, b), cell) in image.iter().zip(expected).zip(cells) {
        heap.add(cell, f32::from(a.abs_diff(*b)).powi(2));
    }
}

/// An image with `factor` times as many pixels each way, as bytes: between the middles of the old ones on straight
/// lines.
pub fn magnified(image: &[f32], side: usize, factor: usize) -> Vec<u8> {
    let last = (side - 1) as f32;
    let place = |i: usize| {
        let at = ((i as f32 + 0.5) / factor as f32 - 0.5).clamp(0.0, last);
        (
            (at as usize).min(side.saturating_sub(2)),
            at - (at as usize).min(side.saturating_sub(2)) as f32,
        )
    };
    let places: Vec<(usize, f32)> = (0..side * factor).map(place).collect();
    let next = usize::from(side > 1);
    let mut out = Vec::with_capacity(places.len() * places.len());
    for (y, fy) in &places {
        let (upper, lower) = (&image[y * side..], &image[(y + next) * side..]);
        out.extend(places.iter().map(|(x, fx)| {
            let along = |row: &[f32]| row[*x] + (row[x + next] - row[*x]) * fx;
            byte(along(upper) + (along(lower) - along(upper)) * fy)
        }));
    }
    out
}

/// The roots of the squares by which parts differ from their mean, each at least what is typical of the mean's slope
/// there: few parts show less at a place than many will, and where the print has an edge they differ by how exactly
/// it is found.
pub fn at_least_typical(squares: &[f32], mean: &[f32], side: usize) -> Vec<f32> {
    let steep = |i: usize| {
        let step = |to: usize, at: usize| {
            let inside = at > 0 && at + 1 < side;
            if inside { (mean[i + to] - mean[i - to]) / 2.0 } else { 0.0 }
        };
        step(1, i % side).powi(2) + step(side, i / side).powi(2)
    };
    let steep: Vec<f32> = (0..squares.len()).map(steep).collect();
    // Least squares of a straight line, over the cells into which something fell.
    let seen = || steep.iter().zip(squares).filter(|(_, s)| **s > 0.0);
    let sums = seen().fold([0.0_f64; 5], |a, (x, y)| {
        let (x, y) = (f64::from(*x), f64::from(*y));
        [a[0] + 1.0, a[1] + x, a[2] + y, a[3] + x * x, a[4] + x * y]
    });
    let [n, x, y, xx, xy] = sums;
    let slope = ((n * xy - x * y) / (n * xx - x * x).max(1e-9)).max(0.0);
    let base = ((y - slope * x) / n.max(1.0)).max(0.0);
    let root = |(s, x): (&f32, &f32)| s.max((base + slope * f64::from(*x)) as f32).sqrt();
    squares.iter().zip(&steep).map(root).collect()
}

/// The nearest grey level.
pub fn byte(v: f32) -> u8 {
    // A cast from float to integer saturates.
    v.round() as u8
}

/// Each pixel and its neighbours up to `reach` away, as far as there are.
fn around(side: usize, i: usize, reach: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (i % side, i / side);
    let range = move |v: usize| v.saturating_sub(reach)..(v + reach + 1).min(side);
    range(y).flat_map(move |y| range(x).map(move |x| y * side + x))
}

/// The mean of each pixel and its neighbours.
fn smooth(image: &[f32], side: usize) -> Vec<f32> {
    let mean = |i: usize| {
        let (n, sum) = around(side, i, 1).fold((0.0, 0.0), |(n, s), j| (n + 1.0, s + image[j]));
        sum / n
    };
    (0..image.len()).map(mean).collect()
}

/// The largest of each pixel and its neighbours.
pub fn spread(image: &[f32], side: usize) -> Vec<f32> {
    (0..image.len()).map(|i| around(side, i, 1).map(|j| image[j]).fold(0.0, f32::max)).collect()
}

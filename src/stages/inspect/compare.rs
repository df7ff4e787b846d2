//! The surface of a part beside the reference's, turned as the part is.

use super::blobs::Blobs;
use super::kernels::{exceed, expect};
use super::reference::{MARGIN, Nest, Reference};
use super::view::Window;

/// Where a part lies in a window, and how it is turned and lit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Column of its centre.
    pub x: f32,
    /// Row of its centre.
    pub y: f32,
    /// Its turn against the reference, in radians.
    pub angle: f32,
    /// Its brightness, 1 being the reference's.
    pub light: f32,
    /// By how much that grows a pixel to the right.
    pub light_x: f32,
    /// By how much that grows a pixel down.
    pub light_y: f32,
}

impl Pose {
    /// A part at a nest: the light's slopes are the nest's.
    pub fn at(nest: &Nest, radius: f32, x: f32, y: f32, angle: f32, light: f32) -> Pose {
        let slope = |s: f32| s / radius * (light / nest.light.max(0.01));
        Pose { x, y, angle, light, light_x: slope(nest.light_x), light_y: slope(nest.light_y) }
    }
}

/// Rows that the comparison works in. Allocated once.
#[derive(Debug)]
pub struct Rows {
    mean: Vec<u8>,
    tolerance: Vec<u8>,
    light: Vec<u16>,
    expected: Vec<u8>,
    dark: Vec<u8>,
    bright: Vec<u8>,
}

impl Rows {
    /// For windows of `side` pixels.
    pub fn new(side: usize) -> Rows {
        let row = || vec![0; side];
        Rows {
            mean: row(),
            tolerance: row(),
            light: vec![0; side],
            expected: row(),
            dark: row(),
            bright: row(),
        }
    }
}

/// One row of a comparison, for whoever looks on.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Row of the window.
    pub y: usize,
    /// First column.
    pub x: usize,
    /// What is there.
    pub image: &'a [u8],
    /// What should be.
    pub expected: &'a [u8],
}

/// Compares the disc of `radius` window pixels around a part's centre with the reference, and hands what
/// exceeds its tolerance to `blobs`.
///
/// # Real-time
/// Stage-bound. No allocation.
pub fn compare(
    window: &Window,
    reference: &Reference,
    pose: &Pose,
    rows: &mut Rows,
    blobs: &mut Blobs,
    mut look: impl FnMut(&Seen<'_>),
) {
    let side = reference.taught().side;
    let middle = (side / 2) as f32;
    let radius = reference.radius() + MARGIN as f32 - 2.0;
    let (sin, cos) = pose.angle.sin_cos();
    let shade = &reference.taught().shade;
    let (cx, cy) = (pose.x.round() as i32, pose.y.round() as i32);
    let surface = reference.taught().surface;
    let low = ((pose.y - radius).ceil().max(0.0)) as usize;
    let high = ((pose.y + radius).floor().min(window.side as f32 - 1.0)) as usize;
    for y in low..=high.max(low).min(window.side - 1) {
        let dy = y as f32 - pose.y;
        let Some(half) = half_chord(radius, dy) else { continue };
        let first = (pose.x - half).ceil().max(0.0) as usize;
        let end = ((pose.x + half).floor() + 1.0).clamp(0.0, window.side as f32) as usize;
        // The shading's row and columns: it lies around the centre and does not turn.
        let shade_y = y as i32 - cy + middle as i32;
        let shade_x = first as i32 - cx + middle as i32;
        if first >= end || shade_y < 0 || shade_x < 0 || shade_y as usize >= side {
            continue;
        }
        let n = (end - first).min(side - shade_x as usize);
        let dx = first as f32 - pose.x;
        let turned = (middle + cos * dx + sin * dy, middle + cos * dy - sin * dx);
        let (mean, tolerance) = (&mut rows.mean[..n], &mut rows.tolerance[..n]);
        fetch(reference, turned, (cos, -sin), mean, tolerance);
        let start = pose.light + pose.light_x * dx + pose.light_y * dy;
        ramp(start, pose.light_x, &mut rows.light[..n]);
        let shading = &shade[shade_y as usize * side + shade_x as usize..][..n];
        let expected = &mut rows.expected[..n];
        expect(mean, &rows.light[..n], shading, expected);
        let image = &window.pixels[y * window.stride + first..][..n];
        look(&Seen { y, x: first, image, expected });
        let (dark, bright) = (&mut rows.dark[..n], &mut rows.bright[..n]);
        if exceed(image, expected, tolerance, dark, bright) {
            let printed = |i: usize| mean[i].abs_diff(surface) > PRINT_STEP;
            blobs.add(y as u16, first as u16, dark, bright, printed);
        }
    }
}

/// Grey levels between surface and print.
pub const PRINT_STEP: u8 = 24;

/// Half the length of the chord at height `dy`; `None` outside the circle.
fn half_chord(radius: f32, dy: f32) -> Option<f32> {
    let square = radius * radius - dy * dy;
    (square >= 0.0).then(|| square.sqrt())
}

/// The light along a row, 4096 for 1.
fn ramp(start: f32, step: f32, out: &mut [u16]) {
    // Fixed point with 12 more bits for the steps.
    let (mut at, step) = ((start * 4096.0 * 4096.0) as i64, (step * 4096.0 * 4096.0) as i64);
    for l in out {
        *l = (at >> 12).clamp(0, 0xFFFF) as u16;
        at += step;
    }
}

/// Mean and tolerance along a line through the reference, nearest pixels, from `at` in steps of `step`. The
/// caller sees to it that the line stays inside, but for half a pixel.
fn fetch(
    reference: &Reference,
    at: (f32, f32),
    step: (f32, f32),
    mean: &mut [u8],
    tolerance: &mut [u8],
) {
    const ONE: f32 = 65536.0;
    let fixed = |v: f32| (v * ONE) as i32;
    let (mut u, mut v) = (fixed(at.0 + 0.5), fixed(at.1 + 0.5));
    let (du, dv) = (fixed(step.0), fixed(step.1));
    let (shift, pairs) = (reference.shift, &*reference.pairs);
    let last = (1_i32 << shift) - 1;
    let mask = pairs.len() - 1;
    for (m, t) in mean.iter_mut().zip(tolerance) {
        let index = ((((v >> 16) & last) << shift) | ((u >> 16) & last)) as usize;
        [*m, *t] = pairs[index & mask];
        (u, v) = (u.wrapping_add(du), v.wrapping_add(dv));
    }
}

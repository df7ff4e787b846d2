//! The surface of a part beside the reference's, turned as the part is.

use super::chords::{Chord, Disc, Pose, Walk};
use super::kernels::{exceed, expect};
use super::reference::Reference;
use super::view::Window;
use std::ops::RangeInclusive;

/// Every row of a window.
pub const ALL_ROWS: RangeInclusive<usize> = 0..=usize::MAX;

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

/// One row of a comparison.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Where it lies.
    pub chord: Chord,
    /// What is there.
    pub image: &'a [u8],
    /// What should be.
    pub expected: &'a [u8],
    /// By how much it may differ.
    pub tolerance: &'a [u8],
    /// The reference's grey levels, without the part's light.
    pub mean: &'a [u8],
    /// By how much each pixel is darker than expected, beyond its tolerance.
    pub dark: &'a [u8],
    /// By how much it is brighter.
    pub bright: &'a [u8],
    /// Whether any is.
    pub exceeds: bool,
}

/// Compares a part with the reference, row by row, as far as the window's rows are among `rows`, and shows each row
/// to `look`.
///
/// # Real-time
/// Stage-bound. No allocation.
pub fn compare(
    window: &Window,
    reference: &Reference,
    pose: &Pose,
    rows: RangeInclusive<usize>,
    work: &mut Rows,
    mut look: impl FnMut(&Seen<'_>),
) {
    let t = reference.taught();
    let disc = Disc::whole(reference.radius(), t.side, t.grain as usize);
    for chord in disc.chords(window.side, pose).filter(|c| rows.contains(&c.y)) {
        let n = chord.len;
        let (mean, tolerance) = (&mut work.mean[..n], &mut work.tolerance[..n]);
        fetch(reference, chord.cells, mean, tolerance);
        ramp(chord.light, pose.light_x, &mut work.light[..n]);
        let expected = &mut work.expected[..n];
        expect(mean, &work.light[..n], &t.shade[chord.shade..][..n], expected);
        let image = &window.pixels[chord.y * window.stride + chord.x..][..n];
        let (dark, bright) = (&mut work.dark[..n], &mut work.bright[..n]);
        let exceeds = exceed(image, expected, tolerance, dark, bright);
        look(&Seen { chord, image, expected, tolerance, mean, dark, bright, exceeds });
    }
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

/// Mean and tolerance of the cells of a row; what lies outside the images is tolerated.
fn fetch(reference: &Reference, cells: Walk, mean: &mut [u8], tolerance: &mut [u8]) {
    let (shift, pairs) = (reference.shift, &*reference.pairs);
    let last = (1_i32 << shift) - 1;
    let mask = pairs.len() - 1;
    for ((m, t), (u, v)) in mean.iter_mut().zip(tolerance).zip(cells) {
        [*m, *t] = pairs[(((v & last) << shift) | (u & last)) as usize & mask];
    }
}

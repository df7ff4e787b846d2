//! The surface of a part beside the reference's, turned as the part is.

use super::chords::{Chord, Disc, Pose};
use super::kernels::{exceed, expect, ramp};
use super::reference::Reference;
use super::view::Window;
use crate::stages::cpu::{Kernel, dispatch};
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
        let image = &window.pixels[chord.y * window.stride + chord.x..][..n];
        reference.cells.fetch(chord.cells, &mut work.mean[..n], &mut work.tolerance[..n]);
        let row = Row { reference, chord: &chord, light_x: pose.light_x, image, work: &mut *work };
        let exceeds = dispatch(row);
        look(&Seen {
            chord,
            image,
            expected: &work.expected[..n],
            tolerance: &work.tolerance[..n],
            mean: &work.mean[..n],
            dark: &work.dark[..n],
            bright: &work.bright[..n],
            exceeds,
        });
    }
}

/// One row of it, compiled for the best of processors.
struct Row<'a> {
    reference: &'a Reference,
    chord: &'a Chord,
    light_x: f32,
    image: &'a [u8],
    work: &'a mut Rows,
}

impl Kernel for Row<'_> {
    /// Whether anything exceeds its tolerance.
    type Out = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let (c, n, w) = (self.chord, self.chord.len, self.work);
        let (mean, tolerance) = (&w.mean[..n], &w.tolerance[..n]);
        ramp(c.light, self.light_x, &mut w.light[..n]);
        let shade = &self.reference.taught().shade[c.shade..][..n];
        expect(mean, &w.light[..n], shade, &mut w.expected[..n]);
        exceed(self.image, &w.expected[..n], tolerance, &mut w.dark[..n], &mut w.bright[..n])
    }
}

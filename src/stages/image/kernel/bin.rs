//! Squares of pixels to one.

use super::Rows;
use crate::stages::cpu::{Kernel, dispatch};

/// Which values become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bin {
    /// Pixels in a row and in a column that become one, 2 to 4 (of mosaics: of one colour).
    pub factor: usize,
    /// Values that stand between two that are joined: 1, or 3 for `RGB8`, or 2 in the rows of a mosaic.
    pub step: usize,
    /// Rows that stand between two that are joined: 1, or 2 in a mosaic.
    pub row_step: usize,
    /// Bytes of a value: 1, or 2 (little-endian).
    pub bytes: usize,
}

/// How values become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinRule {
    /// Their mean, rounded.
    Mean,
    /// Their sum, at most this.
    Sum {
        /// The largest value of the format.
        max: u16,
    },
}

impl Bin {
    /// Values of an output row that come from so many of an input row: what does not fill a square is left
    /// out.
    pub fn columns(&self, values: usize) -> usize {
        values / (self.factor * self.step).max(1) * self.step
    }

    /// Output rows that come from so many input rows.
    pub fn rows(&self, rows: usize) -> usize {
        rows / (self.factor * self.row_step).max(1) * self.row_step
    }
}

/// Bins the rows of `input` into `output`, row after row without padding, as many as are whole and fit. Does
/// nothing for a factor, step or size that is not named at [`Bin`].
///
/// # Real-time
/// Any thread. No allocation, no lock.
pub fn bin(input: Rows<'_>, how: Bin, rule: BinRule, output: &mut [u8]) {
    macro_rules! by {
        ($($factor:literal $step:literal $bytes:literal,)*) => {
            match (how.factor, how.step, how.bytes) {
                $(($factor, $step, $bytes) =>
                    dispatch(Binned::<$factor, $step, $bytes> { input, how, rule, output }),)*
                _ => {}
            }
        };
    }
    by!(2 1 1, 2 1 2, 2 2 1, 2 2 2, 2 3 1, 3 1 1, 3 1 2, 3 2 1, 3 2 2, 3 3 1, 4 1 1, 4 1 2, 4 2 1, 4 2 2, 4 3 1,);
}

/// Constants of [`Bin`], so that the loops are unrolled and nothing is divided by a variable.
struct Binned<'a, const FACTOR: usize, const STEP: usize, const BYTES: usize> {
    input: Rows<'a>,
    how: Bin,
    rule: BinRule,
    output: &'a mut [u8],
}

impl<const FACTOR: usize, const STEP: usize, const BYTES: usize> Kernel
    for Binned<'_, FACTOR, STEP, BYTES>
{
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Binned { input, how, rule, output } = self;
        let columns = how.columns(input.row_bytes() / BYTES);
        let row_step = how.row_step.max(1);
        if columns == 0 {
            return;
        }
        let rows = how.rows(input.len());
        for (y, out) in output.chunks_exact_mut(columns * BYTES).take(rows).enumerate() {
            let first = y / row_step * row_step * FACTOR + y % row_step;
            let lines: [&[u8]; FACTOR] = std::array::from_fn(|k| {
                &input.row(first + k * row_step)[..columns * FACTOR * BYTES]
            });
            match rule {
                BinRule::Mean => row::<FACTOR, STEP, BYTES>(lines, out, |sum| {
                    let n = (FACTOR * FACTOR) as u32;
                    (sum + n / 2) / n
                }),
                BinRule::Sum { max } => {
                    row::<FACTOR, STEP, BYTES>(lines, out, |sum| sum.min(u32::from(max)));
                }
            }
        }
    }
}

#[inline(always)]
fn row<const FACTOR: usize, const STEP: usize, const BYTES: usize>(
    lines: [&[u8]; FACTOR],
    out: &mut [u8],
    end: impl Fn(u32) -> u32,
) {
    let (outs, _) = out.as_chunks_mut::<BYTES>();
    let lines = lines.map(|line| line.as_chunks::<BYTES>().0);
    for (i, cell) in outs.chunks_exact_mut(STEP).enumerate() {
        let at = i * FACTOR * STEP;
        let squares = lines.map(|line| &line[at..at + FACTOR * STEP]);
        for (k, out) in cell.iter_mut().enumerate() {
            let mut sum = 0;
            for square in squares {
                for m in 0..FACTOR {
                    sum += value(&square[m * STEP + k]);
                }
            }
            let v = end(sum) as u16;
            out.copy_from_slice(&v.to_le_bytes()[..BYTES]);
        }
    }
}

#[inline(always)]
fn value<const BYTES: usize>(v: &[u8; BYTES]) -> u32 {
    u32::from(u16::from_le_bytes([v[0], if BYTES == 2 { v[BYTES - 1] } else { 0 }]))
}

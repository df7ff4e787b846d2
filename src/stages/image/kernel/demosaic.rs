//! Bayer mosaics to colours, bilinear: a colour that a pixel lacks is the mean of its nearest neighbours of that
//! colour.
//!
//! At the border the image is mirrored about its first and last pixel, which keeps the colours of the mosaic in
//! their places. A side of one pixel has nothing to mirror: there the pixel stands for its neighbours.

use super::Rows;
use crate::format::Mosaic;
use crate::stages::cpu::{Kernel, dispatch};

/// Pixels of a row that are worked on in one go: all that is needed of them stays in the first cache.
const BLOCK: usize = 256;
/// The same with a neighbour on each side.
const WIDE: usize = BLOCK + 2;

/// What becomes of the colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Colours {
    /// Red, green, blue, 8 bits each.
    Rgb8,
    /// Their luma, 8 bits: `(77 R + 150 G + 29 B + 128) / 256` (ITU-R BT.601).
    Luma8,
}

impl Colours {
    /// Bytes of a pixel.
    pub const fn bytes(self) -> usize {
        match self {
            Colours::Rgb8 => 3,
            Colours::Luma8 => 1,
        }
    }
}

/// Turns the rows of `input` into `output`, row after row without padding, as many as fit. `depth`: significant
/// bits of a pixel; 8 means one byte each, more (to 16) two bytes each, of which the upper 8 significant
/// bits are used.
///
/// # Real-time
/// Any thread. No allocation, no lock; a few KiB of stack.
pub fn demosaic(input: Rows<'_>, depth: u32, mosaic: Mosaic, to: Colours, output: &mut [u8]) {
    let shift = depth.clamp(8, 16) - 8;
    match (depth > 8, to) {
        (false, Colours::Rgb8) => dispatch(Demosaic::<1, 3> { input, shift, mosaic, output }),
        (false, Colours::Luma8) => dispatch(Demosaic::<1, 1> { input, shift, mosaic, output }),
        (true, Colours::Rgb8) => dispatch(Demosaic::<2, 3> { input, shift, mosaic, output }),
        (true, Colours::Luma8) => dispatch(Demosaic::<2, 1> { input, shift, mosaic, output }),
    }
}

/// `IN`, `OUT`: bytes of a pixel.
struct Demosaic<'a, const IN: usize, const OUT: usize> {
    input: Rows<'a>,
    shift: u32,
    mosaic: Mosaic,
    output: &'a mut [u8],
}

impl<const IN: usize, const OUT: usize> Kernel for Demosaic<'_, IN, OUT> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let Demosaic { input, shift, mosaic, output } = self;
        let width = input.row_bytes() / IN;
        if width == 0 {
            return;
        }
        let (red_column, red_row) = mosaic.red();
        let [mut above, mut here, mut below] = [[0; WIDE]; 3];
        let [mut own, mut green, mut other] = [[0; BLOCK]; 3];
        let outs = output.chunks_exact_mut(width * OUT).take(input.len());
        for (y, out) in outs.enumerate() {
            let (before, after) = neighbours(y, input.len());
            let rows = [before, y, after].map(|y| input.row(y));
            // Each row has green and one other colour, its own; that stands in one of two columns.
            let is_red = y % 2 == red_row;
            let mask = &MASKS[if is_red { red_column } else { 1 - red_column }];
            for (i, out) in out.chunks_mut(BLOCK * OUT).enumerate() {
                let x = i * BLOCK;
                load::<IN>(rows[0], x, shift, &mut above);
                load::<IN>(rows[1], x, shift, &mut here);
                load::<IN>(rows[2], x, shift, &mut below);
                interpolate([&above, &here, &below], mask, [&mut own, &mut green, &mut other]);
                let (red, blue) = if is_red { (&own, &other) } else { (&other, &own) };
                put::<OUT>(red, &green, blue, out);
            }
        }
    }
}

/// `MASKS[c]`: ones at the columns whose number is `c` modulo 2.
const MASKS: [[u8; BLOCK]; 2] = {
    let mut masks = [[0; BLOCK]; 2];
    let mut x = 0;
    while x < BLOCK {
        masks[x % 2][x] = 0xFF;
        x += 1;
    }
    masks
};

/// What stands before and after place `i` of `n`: mirrored about the ends, or itself where there is no other.
#[inline(always)]
fn neighbours(i: usize, n: usize) -> (usize, usize) {
    let before = if i > 0 { i - 1 } else { 1.min(n - 1) };
    let after = if i + 1 < n { i + 1 } else { n.saturating_sub(2) };
    (before, after)
}

/// The upper 8 bits of the pixels from `x` on, as many as a block has, with a neighbour on each side.
#[inline(always)]
fn load<const IN: usize>(row: &[u8], x: usize, shift: u32, line: &mut [u8; WIDE]) {
    let (pixels, _) = row.as_chunks::<IN>();
    let value = |p: &[u8; IN]| match IN {
        1 => p[0],
        _ => (u16::from_le_bytes([p[0], p[IN - 1]]) >> shift) as u8,
    };
    let end = pixels.len().min(x + BLOCK);
    line[0] = value(&pixels[neighbours(x, pixels.len()).0]);
    for (out, pixel) in line[1..].iter_mut().zip(&pixels[x..end]) {
        *out = value(pixel);
    }
    line[end - x + 1] = value(&pixels[neighbours(end - 1, pixels.len()).1]);
}

/// Fills in the colours of a block: the row's own, green, and the one that it has not. `mask`: where its own
/// colour stands.
#[inline(always)]
fn interpolate(lines: [&[u8; WIDE]; 3], mask: &[u8; BLOCK], colours: [&mut [u8; BLOCK]; 3]) {
    let [above, here, below] = lines;
    let [own, green, other] = colours;
    for x in 0..BLOCK {
        let wide = |line: &[u8; WIDE], at: usize| u16::from(line[x + at]);
        let row = wide(here, 0) + wide(here, 2);
        let column = wide(above, 1) + wide(below, 1);
        let corners = wide(above, 0) + wide(above, 2) + wide(below, 0) + wide(below, 2);
        let (is, not) = (mask[x], !mask[x]);
        own[x] = (here[x + 1] & is) | (((row + 1) >> 1) as u8 & not);
        green[x] = (((row + column + 2) >> 2) as u8 & is) | (here[x + 1] & not);
        other[x] = (((corners + 2) >> 2) as u8 & is) | (((column + 1) >> 1) as u8 & not);
    }
}

/// Writes as many pixels of a block as `out` has room for.
#[inline(always)]
fn put<const OUT: usize>(
    red: &[u8; BLOCK],
    green: &[u8; BLOCK],
    blue: &[u8; BLOCK],
    out: &mut [u8],
) {
    let (pixels, _) = out.as_chunks_mut::<OUT>();
    for (((out, r), g), b) in pixels.iter_mut().zip(red).zip(green).zip(blue) {
        match OUT {
            3 => {
                out[0] = *r;
                out[OUT / 2] = *g;
                out[OUT - 1] = *b;
            }
            _ => {
                let [r, g, b] = [r, g, b].map(|c| u16::from(*c));
                out[0] = ((77 * r + 150 * g + 29 * b + 128) >> 8) as u8;
            }
        }
    }
}

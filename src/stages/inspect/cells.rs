//! Mean and tolerance of a reference's cells, laid out so that a walk in any direction stays in few cache lines.
//!
//! In rows of a power of two a walk down the image would meet another line with each cell, and all of them in the
//! same few sets of the cache. So the cells lie in tiles of eight columns by four rows, each tile one line:
//!
//! | bits of a cell's place | 0 to 2 | 3 to 4 | 5 and on |
//! | --- | --- | --- | --- |
//! | | column in the tile | row in the tile | tile: column, then row |

#![allow(unsafe_code)]

use super::chords::Walk;

/// One cache line of cells; the mean in the lower byte, the tolerance in the upper one, so that one load fetches both.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Tile([u16; TILE]);

const TILE: usize = 32;
/// Cells that are worked on together.
const LANES: usize = 16;
/// No mean, and every difference tolerated: what lies beyond the images.
const NOTHING: u16 = u16::from_le_bytes([0, 255]);

/// The cells of a square image.
#[derive(Debug)]
pub struct Cells {
    tiles: Box<[Tile]>,
    /// log2 of the columns, a power of two.
    shift: u32,
}

impl Cells {
    /// Of an image of `side` cells a side; `cell` gives the mean and tolerance at a column and row.
    pub fn new(side: usize, cell: impl Fn(usize, usize) -> [u8; 2]) -> Cells {
        let shift = side.next_power_of_two().trailing_zeros().max(3);
        let count = (1 << (2 * shift)) / TILE;
        // One more than there are: a load of two cells may begin at the last one.
        let mut tiles = vec![Tile([NOTHING; TILE]); count + 1].into_boxed_slice();
        for row in 0..side {
            for column in 0..side {
                let at = place(column as i32, row as i32, shift);
                tiles[at / TILE].0[at % TILE] = u16::from_le_bytes(cell(column, row));
            }
        }
        Cells { tiles, shift }
    }

    /// Mean and tolerance of the cells of a walk, as many as both slices have room for.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn fetch(&self, walk: Walk, mean: &mut [u8], tolerance: &mut [u8]) {
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: `fetch_avx2` asks for nothing but a processor with AVX2, and this one has it.
            unsafe { self.fetch_avx2(walk, mean, tolerance) };
            return;
        }
        self.fetch_each(0, walk, mean, tolerance);
    }

    /// The same, one after the other, from the `first` on.
    fn fetch_each(&self, first: usize, walk: Walk, mean: &mut [u8], tolerance: &mut [u8]) {
        for (i, (m, t)) in mean.iter_mut().zip(tolerance).enumerate().skip(first) {
            let (u, v) = walk.cell(i as i32);
            let at = place(u, v, self.shift);
            [*m, *t] = self.tiles[at / TILE].0[at % TILE].to_le_bytes();
        }
    }

    /// The same, eight with one instruction.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn fetch_avx2(&self, walk: Walk, mean: &mut [u8], tolerance: &mut [u8]) {
        use std::arch::x86_64::*;
        let (start, step) = walk.parts();
        let shift = _mm_cvtsi32_si128(self.shift as i32);
        let last = _mm256_set1_epi32((1 << self.shift) - 1);
        let [three, seven, low] = [3, 7, 255].map(|v| _mm256_set1_epi32(v));
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let along = |(from, step): (i32, i32)| {
            _mm256_add_epi32(
                _mm256_set1_epi32(from),
                _mm256_mullo_epi32(lanes, _mm256_set1_epi32(step)),
            )
        };
        let (mut u, mut v) = (along((start.0, step.0)), along((start.1, step.1)));
        let on = [step.0, step.1].map(|s| _mm256_set1_epi32(s.wrapping_mul(8)));
        let mut eight = || {
            // As `place` has it.
            let (x, y) = (
                _mm256_and_si256(_mm256_srai_epi32::<16>(u), last),
                _mm256_and_si256(_mm256_srai_epi32::<16>(v), last),
            );
            let tile = _mm256_or_si256(
                _mm256_sll_epi32(_mm256_andnot_si256(three, y), shift),
                _mm256_slli_epi32::<2>(_mm256_andnot_si256(seven, x)),
            );
            let within = _mm256_or_si256(
                _mm256_slli_epi32::<3>(_mm256_and_si256(y, three)),
                _mm256_and_si256(x, seven),
            );
            (u, v) = (_mm256_add_epi32(u, on[0]), _mm256_add_epi32(v, on[1]));
            let at = _mm256_or_si256(tile, within);
            // SAFETY: both of `x` and `y` are below 2^shift, so a place is below the cells of all tiles but the last;
            // of the four bytes that are read there, two are the cell's and two the next one's, which exists too.
            unsafe { _mm256_i32gather_epi32::<2>(self.tiles.as_ptr().cast::<i32>(), at) }
        };
        let n = mean.len().min(tolerance.len());
        let means = mean[..n].as_chunks_mut::<LANES>().0;
        let tolerances = tolerance[..n].as_chunks_mut::<LANES>().0;
        for (m, t) in means.iter_mut().zip(tolerances) {
            let (a, b) = (eight(), eight());
            let whole =
                |a, b| _mm256_packus_epi32(_mm256_and_si256(a, low), _mm256_and_si256(b, low));
            let above = |a| _mm256_srli_epi32::<8>(a);
            // Packing works within each half: of `a` and `b` the first four of each, then the last four of each.
            let both = _mm256_packus_epi16(
                _mm256_permute4x64_epi64::<0xD8>(whole(a, b)),
                _mm256_permute4x64_epi64::<0xD8>(whole(above(a), above(b))),
            );
            let both = _mm256_permute4x64_epi64::<0xD8>(both);
            // SAFETY: sixteen bytes each, which are ours to write to.
            unsafe {
                _mm_storeu_si128(m.as_mut_ptr().cast(), _mm256_castsi256_si128(both));
                _mm_storeu_si128(t.as_mut_ptr().cast(), _mm256_extracti128_si256::<1>(both));
            }
        }
        self.fetch_each(n / LANES * LANES, walk, &mut mean[..n], &mut tolerance[..n]);
    }
}

/// Where the cell of a column and row lies; of places outside the image, where another one does.
#[inline(always)]
fn place(column: i32, row: i32, shift: u32) -> usize {
    let last = (1 << shift) - 1;
    let (u, v) = (column & last, row & last);
    (((v & !3) << shift) | ((u & !7) << 2) | ((v & 3) << 3) | (u & 7)) as usize
}

#[cfg(test)]
mod tests {
    use super::super::chords::{Disc, Pose};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_walk_meets_the_cells_on_its_way(side in 1_usize..70, angle in 0.0_f32..6.3, x in -3.0_f32..3.0) {
            // Catches cells that share a place, and lanes that step another way than one cell after the other.
            let cell = |column: usize, row: usize| [(column * 7 + row * 31) as u8, (column ^ row) as u8];
            let cells = Cells::new(side, cell);
            let pose = Pose { x: 40.0 + x, y: 40.0, angle, light: 1.0, light_x: 0.0, light_y: 0.0 };
            let disc = Disc { radius: 30.0, side: 64, grain: 1 };
            for chord in disc.chords(81, &pose) {
                let (mut mean, mut tolerance) = (vec![9; chord.len], vec![9; chord.len]);
                cells.fetch(chord.cells, &mut mean, &mut tolerance);
                let (mut plain, mut plain_tolerance) = (vec![9; chord.len], vec![9; chord.len]);
                cells.fetch_each(0, chord.cells, &mut plain, &mut plain_tolerance);
                prop_assert_eq!((&mean, &tolerance), (&plain, &plain_tolerance));
                // The naive way: step by step, in an image of rows.
                let columns = side.next_power_of_two().max(8);
                for (i, (u, v)) in chord.cells.take(chord.len).enumerate() {
                    let (u, v) = (u.rem_euclid(columns as i32) as usize, v.rem_euclid(columns as i32) as usize);
                    let want = if u < side && v < side { cell(u, v) } else { [0, 255] };
                    prop_assert_eq!([mean[i], tolerance[i]], want, "{} {}", u, v);
                }
            }
        }
    }
}

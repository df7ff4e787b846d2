//! What the pattern's frames look like.

use super::pattern::mix;
use crate::format::Geometry;

const DISCS: u64 = 6;

/// Phase image 0: a slanted grey ramp with discs in the upper five bits, the position's hash below.
pub(super) fn render(g: &Geometry, bytes: usize, key: u64) -> Vec<u8> {
    let stride = (g.stride_bytes() as usize).max(1);
    // One ramp is 256 bytes long, so every row is a window of this table.
    let ramp: Vec<u8> = (0..stride + 256).map(|x| (((x >> 3) & 31) << 3) as u8).collect();
    let mut image = Vec::with_capacity(bytes.next_multiple_of(stride));
    for y in 0..bytes.div_ceil(stride) {
        let shift = (y & !7) % 256;
        image.extend_from_slice(&ramp[shift..shift + stride]);
    }
    image.truncate(bytes);
    let rows = bytes.div_ceil(stride);
    for d in 0..DISCS {
        let r = mix(key ^ d);
        let radius = (rows.min(stride) / 12) as f64 * (1.0 + (r >> 48) as f64 / 65536.0);
        let (cx, cy) =
            ((r as u16 as usize * stride) >> 16, ((r >> 16) as u16 as usize * rows) >> 16);
        let top = cy.saturating_sub(radius as usize);
        for y in top..(cy + radius as usize).min(rows) {
            let dy = y.abs_diff(cy) as f64;
            let half = (radius * radius - dy * dy).max(0.0).sqrt() as usize;
            let from = (y * stride + cx.saturating_sub(half)).min(bytes);
            let to = (y * stride + (cx + half).min(stride)).min(bytes);
            image[from..to].iter_mut().for_each(|b| *b ^= 0x80);
        }
    }
    for (i, b) in image.iter_mut().enumerate() {
        *b |= (i ^ (i >> 5) ^ (i >> 11)) as u8 & 7;
    }
    let depth = g.pixel_format.component_bits().unwrap_or(8);
    if g.pixel_format.bits_per_pixel() == 16 && (11..16).contains(&depth) {
        // The upper byte of such a pixel has only these bits.
        let mask = ((1_u16 << (depth - 8)) - 1) as u8;
        image.iter_mut().skip(1).step_by(2).for_each(|b| *b &= mask);
    }
    image
}

/// Phase image `k` from phase image 0, eight bytes at a time.
pub(super) fn turn(base: &[u8], k: u64) -> Box<[u8]> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut out: Box<[u8]> = base.into();
    let (words, rest) = out.as_chunks_mut::<8>();
    for w in words {
        let v = u64::from_le_bytes(*w);
        let low = ((v & (7 * ONES)) + k * ONES) & (7 * ONES);
        *w = ((v & !(7 * ONES)) | low).to_le_bytes();
    }
    for b in rest {
        *b = (*b & !7) | (b.wrapping_add(k as u8) & 7);
    }
    out
}

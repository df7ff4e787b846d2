//! A simple measurement of an image: how many pixels lie above a level, mean, smallest, largest.

use crate::buffer::Frame;
use crate::format::Packing;

/// Values that are looked at in one go: they fit the first cache, and 32-bit sums of them cannot
/// overflow (4096 * 65535 < 2^32).
const BLOCK: usize = 4096;

/// What was measured on one image. For colour formats each component counts as a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    /// Pixels that were there to be looked at; fewer than the geometry says if the frame is incomplete.
    pub pixels: u64,
    /// Pixels above the level.
    pub above: u64,
    /// Sum of all pixels.
    pub sum: u64,
    /// The smallest pixel; 0 if there was none.
    pub min: u16,
    /// The largest pixel; 0 if there was none.
    pub max: u16,
}

impl Measurement {
    const EMPTY: Measurement =
        Measurement { pixels: 0, above: 0, sum: 0, min: u16::MAX, max: u16::MIN };

    /// The arithmetic mean; 0 if there was no pixel.
    pub fn mean(&self) -> f64 {
        if self.pixels == 0 { 0.0 } else { self.sum as f64 / self.pixels as f64 }
    }

    fn end(self) -> Measurement {
        if self.pixels == 0 { Measurement { min: 0, ..self } } else { self }
    }

    #[inline]
    fn block(&mut self, pixels: usize, above: u32, sum: u32, min: u16, max: u16) {
        self.pixels += pixels as u64;
        self.above += u64::from(above);
        self.sum += u64::from(sum);
        self.min = self.min.min(min);
        self.max = self.max.max(max);
    }

    fn add_u8(&mut self, values: &[u8], level: u8) {
        for block in values.chunks(BLOCK) {
            // Four plain loops over a block that stays in the first cache: each becomes vector code.
            let above = block.iter().map(|&v| u32::from(v > level)).sum();
            let sum = block.iter().map(|&v| u32::from(v)).sum();
            let min = block.iter().fold(u8::MAX, |m, &v| m.min(v));
            let max = block.iter().fold(u8::MIN, |m, &v| m.max(v));
            self.block(block.len(), above, sum, u16::from(min), u16::from(max));
        }
    }

    fn add_u16(&mut self, bytes: &[u8], level: u16) {
        for block in bytes.chunks(2 * BLOCK) {
            let (pairs, _) = block.as_chunks::<2>();
            let values = || pairs.iter().map(|p| u16::from_le_bytes(*p));
            let above = values().map(|v| u32::from(v > level)).sum();
            let sum = values().map(u32::from).sum();
            let min = values().fold(u16::MAX, u16::min);
            let max = values().fold(u16::MIN, u16::max);
            self.block(pairs.len(), above, sum, min, max);
        }
    }

    /// Groups of `FROM` bytes that hold `TO` pixels; `tail` pixels of a last, cut group are taken too.
    fn add_groups<const FROM: usize, const TO: usize>(
        &mut self,
        bytes: &[u8],
        pixels: u64,
        level: u16,
        unpack: impl Fn(&[u8; FROM]) -> [u16; TO],
    ) {
        let whole = usize::try_from(pixels).unwrap_or(usize::MAX) / TO;
        let (groups, rest) = bytes.as_chunks::<FROM>();
        let groups = &groups[..groups.len().min(whole)];
        for block in groups.chunks(BLOCK / TO) {
            let (mut above, mut sum, mut min, mut max) = (0_u32, 0_u32, u16::MAX, u16::MIN);
            for group in block {
                for v in unpack(group) {
                    above += u32::from(v > level);
                    sum += u32::from(v);
                    min = min.min(v);
                    max = max.max(v);
                }
            }
            self.block(block.len() * TO, above, sum, min, max);
        }
        // The pixels that do not fill a group: only those whose bits all came.
        let left = (pixels - (groups.len() * TO) as u64).min(TO as u64) as usize;
        let have = rest.len() * 8 / (FROM * 8 / TO);
        if groups.len() == whole && left > 0 {
            let mut last = [0_u8; FROM];
            last[..rest.len()].copy_from_slice(rest);
            for v in &unpack(&last)[..left.min(have)] {
                self.block(1, u32::from(*v > level), u32::from(*v), *v, *v);
            }
        }
    }
}

/// The pixel format is one that cannot be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmeasurable;

/// Measures the image of `frame`: 8-bit, 16-bit and packed formats. A `level` of `None` is the middle
/// of the format's range. What an incomplete frame lacks is left out.
///
/// # Real-time
/// Stage-bound. No allocation, no lock, no system call; reads each byte of the image once from memory.
pub fn measure(frame: &Frame, level: Option<u16>) -> Result<Measurement, Unmeasurable> {
    let meta = frame.meta();
    let format = meta.pixel_format;
    let Some(bits) = format.component_bits() else { return Err(Unmeasurable) };
    let level = level.unwrap_or(((1_u32 << (bits - 1)) - 1) as u16);
    let mut m = Measurement::EMPTY;
    let pixels = u64::from(meta.width) * u64::from(meta.height);
    match format.packing() {
        Some(Packing::Gev10) => {
            m.add_groups::<3, 2>(frame.image(), pixels, level, |b| {
                [
                    u16::from(b[0]) << 2 | u16::from(b[1] & 3),
                    u16::from(b[2]) << 2 | u16::from((b[1] >> 4) & 3),
                ]
            });
        }
        Some(Packing::Gev12) => {
            m.add_groups::<3, 2>(frame.image(), pixels, level, |b| {
                [
                    u16::from(b[0]) << 4 | u16::from(b[1] & 15),
                    u16::from(b[2]) << 4 | u16::from(b[1] >> 4),
                ]
            });
        }
        Some(Packing::Lsb10) => {
            m.add_groups::<5, 4>(frame.image(), pixels, level, |b| {
                let word = u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], 0, 0, 0]);
                [0, 10, 20, 30].map(|shift| (word >> shift) as u16 & 0x3FF)
            });
        }
        Some(Packing::Lsb12) => {
            m.add_groups::<3, 2>(frame.image(), pixels, level, |b| {
                let word = u32::from_le_bytes([b[0], b[1], b[2], 0]);
                [word as u16 & 0xFFF, (word >> 12) as u16]
            });
        }
        None if format.is_packed() => return Err(Unmeasurable),
        None => {
            let mut add = |bytes: &[u8]| {
                if bits == 8 {
                    m.add_u8(bytes, level.min(255) as u8);
                } else {
                    m.add_u16(bytes, level);
                }
            };
            if meta.x_padding == 0 {
                add(frame.image());
            } else {
                (0..meta.height).map_while(|y| frame.row(y)).for_each(&mut add);
            }
        }
    }
    Ok(m.end())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::buffer::{Pool, PoolConfig};
    use crate::format::{Geometry, PixelFormat};
    use crate::meta::FrameMeta;

    /// A frame of its own pool with these payload bytes.
    pub(crate) fn frame_of(g: &Geometry, bytes: &[u8]) -> (Frame, Pool) {
        let config = PoolConfig::new(1, bytes.len().max(1));
        let mut pool = Pool::new(config, Default::default()).unwrap();
        let mut f = pool.take().unwrap();
        f.buffer_mut()[..bytes.len()].copy_from_slice(bytes);
        f.set_filled(bytes.len());
        *f.meta_mut() = FrameMeta::of(g);
        (f.filled(), pool)
    }

    /// The naive way: every pixel as a number.
    fn naive(values: &[u16], level: u16) -> Measurement {
        Measurement {
            pixels: values.len() as u64,
            above: values.iter().filter(|v| **v > level).count() as u64,
            sum: values.iter().map(|v| u64::from(*v)).sum(),
            min: values.iter().copied().min().unwrap_or(0),
            max: values.iter().copied().max().unwrap_or(0),
        }
    }

    fn pack(values: &[u16], bits: usize) -> Vec<u8> {
        let mut out = vec![0_u8; (values.len() * bits).div_ceil(8)];
        for (i, v) in values.iter().enumerate() {
            for b in 0..bits {
                let at = i * bits + b;
                out[at / 8] |= (((v >> b) & 1) as u8) << (at % 8);
            }
        }
        out
    }

    fn values(n: usize, bits: u32) -> Vec<u16> {
        (0..n as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> (32 - bits)) as u16).collect()
    }

    #[test]
    fn every_format_agrees_with_the_naive_way() {
        // Catches wrong unpacking, blocks that lose their last pixels, sums that overflow.
        for (w, h) in [(1, 1), (3, 1), (5, 3), (97, 43), (128, 129)] {
            let n = (w * h) as usize;
            for (format, bits) in [
                (PixelFormat::MONO8, 8),
                (PixelFormat::MONO16, 16),
                (PixelFormat::MONO12, 12),
                (PixelFormat::MONO10P, 10),
                (PixelFormat::MONO12P, 12),
            ] {
                let v = values(n, bits);
                let bytes = match format.is_packed() {
                    true => pack(&v, bits as usize),
                    false if bits == 8 => v.iter().map(|v| *v as u8).collect(),
                    false => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
                };
                let (frame, _pool) = frame_of(&Geometry::new(w, h, format), &bytes);
                let level = 1 << (bits - 2);
                assert_eq!(measure(&frame, Some(level)), Ok(naive(&v, level)), "{format} {w}x{h}");
            }
        }
    }

    #[test]
    fn gige_packing_is_not_the_p_packing() {
        // Catches taking Mono12Packed for Mono12p: nibbles in the wrong place.
        let (frame, _pool) =
            frame_of(&Geometry::new(2, 1, PixelFormat::MONO12_PACKED), &[0xAB, 0x5C, 0x12]);
        let m = measure(&frame, None).unwrap();
        assert_eq!((m.min, m.max), (0x125, 0xABC));
    }

    #[test]
    fn padding_and_missing_rows_are_no_pixels() {
        // Catches row padding counted as image, and reading past what came (incomplete frames).
        let mut g = Geometry::new(2, 2, PixelFormat::MONO8);
        g.x_padding = 2;
        let (frame, _pool) = frame_of(&g, &[1, 2, 255, 255, 3, 4, 255, 255]);
        let m = measure(&frame, Some(2)).unwrap();
        assert_eq!((m.pixels, m.above, m.max), (4, 2, 4));
        let (frame, _pool) = frame_of(&Geometry::new(4, 4, PixelFormat::MONO12P), &[0xFF; 4]);
        assert_eq!(measure(&frame, None).unwrap().pixels, 2);
        let (frame, _pool) = frame_of(&Geometry::new(4, 4, PixelFormat::MONO8), &[]);
        let m = measure(&frame, None).unwrap();
        assert_eq!((m.pixels, m.min, m.max, m.mean()), (0, 0, 0, 0.0));
    }

    #[test]
    fn an_unknown_format_is_refused() {
        // Catches measuring garbage: an unknown code has no known depth.
        let (frame, _pool) =
            frame_of(&Geometry::new(2, 2, PixelFormat(0x0108_7777)), &[1, 2, 3, 4]);
        assert_eq!(measure(&frame, None), Err(Unmeasurable));
    }
}

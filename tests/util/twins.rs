//! Plain twins of the image kernels: each says what its kernel must do, pixel by pixel, and nothing of how it is
//! fast. The property tests hold the kernels against them, and the benchmark stands beside them.
#![allow(dead_code)] // Each program uses its part.

use frameline::format::{Mosaic, Packing};
use frameline::stages::image::kernel::{BinRule, Colours};

/// Pixel `i` of a packed string.
pub fn packed_pixel(packing: Packing, bytes: &[u8], i: usize) -> u16 {
    let bit = |at: usize| u16::from(bytes[at / 8] >> (at % 8) & 1);
    let string = |depth: usize| (0..depth).map(|b| bit(i * depth + b) << b).sum();
    let pair = i / 2 * 3;
    let upper =
        |shift: u32| u16::from(bytes[if i.is_multiple_of(2) { pair } else { pair + 2 }]) << shift;
    let middle = |mask: u16| u16::from(bytes[pair + 1]) >> (i % 2 * 4) & mask;
    match packing {
        Packing::Lsb10 => string(10),
        Packing::Lsb12 => string(12),
        Packing::Gev10 => upper(2) | middle(3),
        Packing::Gev12 => upper(4) | middle(15),
    }
}

/// Packs pixels: the way back.
pub fn pack(packing: Packing, pixels: &[u16]) -> Vec<u8> {
    let mut out = vec![0; packing.bytes_of(pixels.len())];
    for (i, p) in pixels.iter().enumerate() {
        match packing {
            Packing::Lsb10 | Packing::Lsb12 => {
                let depth = packing.depth() as usize;
                for b in 0..depth {
                    let at = i * depth + b;
                    out[at / 8] |= ((p >> b & 1) as u8) << (at % 8);
                }
            }
            Packing::Gev10 | Packing::Gev12 => {
                let low = packing.depth() - 8;
                let pair = i / 2 * 3;
                out[if i.is_multiple_of(2) { pair } else { pair + 2 }] = (p >> low) as u8;
                out[pair + 1] |= ((p & ((1 << low) - 1)) as u8) << (i % 2 * 4);
            }
        }
    }
    out
}

/// All pixels of a packed string.
pub fn unpack(packing: Packing, bytes: &[u8]) -> Vec<u16> {
    (0..packing.pixels_in(bytes.len())).map(|i| packed_pixel(packing, bytes, i)).collect()
}

/// An image of numbers.
#[derive(Debug, Clone)]
pub struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<u16>,
}

impl Plane {
    /// Mirrored about its borders; a side of one pixel repeats.
    fn at(&self, x: isize, y: isize) -> u32 {
        let inside = |i: isize, n: usize| match (i, n as isize) {
            (_, 1) => 0,
            (i, _) if i < 0 => -i,
            (i, n) if i >= n => 2 * n - 2 - i,
            (i, _) => i,
        };
        let (x, y) = (inside(x, self.width), inside(y, self.height));
        u32::from(self.values[y as usize * self.width + x as usize])
    }
}

/// Which colour stands at a place of a mosaic: 0 red, 1 green, 2 blue.
fn colour(mosaic: Mosaic, x: isize, y: isize) -> usize {
    let square = match mosaic {
        Mosaic::Gr => [[1, 0], [2, 1]],
        Mosaic::Rg => [[0, 1], [1, 2]],
        Mosaic::Gb => [[1, 2], [0, 1]],
        Mosaic::Bg => [[2, 1], [1, 0]],
    };
    square[y.rem_euclid(2) as usize][x.rem_euclid(2) as usize]
}

/// Bilinear demosaicing of 8-bit values.
pub fn demosaic(image: &Plane, mosaic: Mosaic, to: Colours) -> Vec<u8> {
    let mut out = Vec::new();
    for y in 0..image.height as isize {
        for x in 0..image.width as isize {
            let mean = |places: &[(isize, isize)]| {
                let sum: u32 = places.iter().map(|(dx, dy)| image.at(x + dx, y + dy)).sum();
                let n = places.len() as u32;
                (sum + n / 2) / n
            };
            let beside: &[_] = &[(-1, 0), (1, 0)];
            let upright: &[_] = &[(0, -1), (0, 1)];
            let cross: &[_] = &[(-1, 0), (1, 0), (0, -1), (0, 1)];
            let corners: &[_] = &[(-1, -1), (1, -1), (-1, 1), (1, 1)];
            let rgb = [0, 1, 2].map(|c| {
                let places = if c == colour(mosaic, x, y) {
                    &[(0, 0)]
                } else if c == 1 {
                    cross
                } else if c == colour(mosaic, x + 1, y) {
                    beside
                } else if c == colour(mosaic, x, y + 1) {
                    upright
                } else {
                    corners
                };
                mean(places)
            });
            match to {
                Colours::Rgb8 => out.extend(rgb.map(|c| c as u8)),
                Colours::Luma8 => {
                    out.push(((77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2] + 128) / 256) as u8);
                }
            }
        }
    }
    out
}

/// Gain and offset of one value.
pub fn flat(value: u16, dark: u16, gain: u16, max: u16) -> u16 {
    let light = u64::from(value.saturating_sub(dark));
    ((light * u64::from(gain) + 2048) / 4096).min(u64::from(max)) as u16
}

/// The distance from the background.
pub fn absolute(value: u16, background: u16, max: u16) -> u16 {
    let distance = i64::from(value) - i64::from(background);
    distance.unsigned_abs().min(u64::from(max)) as u16
}

/// The difference from the background, about a level.
pub fn signed(value: u16, background: u16, level: u16, max: u16) -> u16 {
    let v = i64::from(level) + i64::from(value) - i64::from(background);
    v.clamp(0, i64::from(max)) as u16
}

/// Bins an image of `step` values a pixel, or, with `mosaic`, of pixels whose like stand two apart.
pub fn bin(image: &Plane, factor: usize, step: usize, mosaic: bool, rule: BinRule) -> Plane {
    let (step_x, step_y) = if mosaic { (2, 2) } else { (step, 1) };
    let width = image.width / (factor * step_x) * step_x;
    let height = image.height / (factor * step_y) * step_y;
    let mut values = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (left, top) = (x / step_x * step_x * factor, y / step_y * step_y * factor);
            let mut sum = 0;
            for j in 0..factor {
                for i in 0..factor {
                    let (u, v) = (left + i * step_x + x % step_x, top + j * step_y + y % step_y);
                    sum += u32::from(image.values[v * image.width + u]);
                }
            }
            let n = (factor * factor) as u32;
            values.push(match rule {
                BinRule::Mean => (sum + n / 2) / n,
                BinRule::Sum { max } => sum.min(u32::from(max)),
            } as u16);
        }
    }
    Plane { width, height, values }
}

//! A recording at a glance: a strip of small pictures, for a terminal and for a page.

use crate::media::Plain;
use crate::recording::Recording;
use std::fmt::Write as _;

/// Samples of a side that one small pixel is the mean of, at most.
const SAMPLES: usize = 16;

/// Grey levels as characters, dark to light, where there are no colours.
const RAMP: &[u8] = b" .:-=+*#%@";

/// One small picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// The frame's number.
    pub number: u64,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Red, green, blue; rows one behind the other.
    pub pixels: Vec<[u8; 3]>,
}

/// At most `count` pictures of at most `width` x `height` pixels, evenly spread over the recording, the first and the
/// last frame among them. Frames that cannot be read or shown are left out.
pub fn thumbnails(r: &Recording, count: u64, width: usize, height: usize) -> Vec<Thumbnail> {
    let frames = r.frames();
    let count = count.min(frames);
    let (mut image, mut payload) = (Plain::default(), Vec::new());
    (0..count)
        .map(|i| spread(i, count, frames))
        .filter_map(|number| {
            let entry = r.read(number, &mut payload).ok()?;
            image.take(&entry.meta, &payload).ok()?;
            Some(shrink(&image, number, width, height))
        })
        .collect()
}

/// Number `i` of `count` frames spread over `frames`.
fn spread(i: u64, count: u64, frames: u64) -> u64 {
    // Less than 2^64 x 2^32: it fits.
    (u128::from(i) * u128::from(frames - 1) / u128::from((count - 1).max(1))) as u64
}

/// The mean of what lies below each pixel of the small picture. The sides keep their relation; nothing is enlarged.
fn shrink(image: &Plain, number: u64, width: usize, height: usize) -> Thumbnail {
    let (w, h) = ((image.width as usize).max(1), (image.height as usize).max(1));
    let scale = (width as f64 / w as f64).min(height as f64 / h as f64).min(1.0);
    let side =
        |of: usize, most: usize| ((of as f64 * scale).round() as usize).clamp(1, most.max(1));
    let (width, height) = (side(w, width), side(h, height));
    // An odd step: of a mosaic every colour is sampled.
    let span = |k: usize, of: usize, side: usize| {
        let (from, to) = (k * side / of, ((k + 1) * side / of).min(side));
        let to = to.max(from + 1);
        (from..to).step_by(((to - from) / SAMPLES) | 1)
    };
    let of = Samples::of(image);
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let (mut sum, mut n) = ([0_u32; 3], 0);
            for row in span(y, height, h) {
                for column in span(x, width, w) {
                    let p = of.pixel(row * w + column);
                    sum.iter_mut().zip(p).for_each(|(s, p)| *s += u32::from(p));
                    n += 1;
                }
            }
            pixels.push(sum.map(|s| (s / n.max(1)) as u8));
        }
    }
    Thumbnail { number, width, height, pixels }
}

/// How the pixels of an image are read: in 8 bits, as colours where it has them in turn, else as grey levels.
struct Samples<'a> {
    image: &'a Plain,
    /// Bytes of a sample, and its bits.
    bytes: usize,
    bits: u32,
    channels: usize,
    /// Blue comes first.
    reversed: bool,
}

impl<'a> Samples<'a> {
    fn of(image: &'a Plain) -> Self {
        let bits = image.format.component_bits().unwrap_or(8).max(8);
        let bytes = if bits > 8 { 2 } else { 1 };
        let channels = (image.pixel_bytes() / bytes).max(1);
        let reversed = image.format.to_string().starts_with("BGR");
        Samples { image, bytes, bits, channels, reversed }
    }

    fn sample(&self, at: usize) -> u8 {
        let p = &self.image.pixels;
        match self.bytes {
            2 => {
                let at = 2 * at;
                let level = u16::from_le_bytes([p[at], p[at + 1]]);
                (u32::from(level) >> (self.bits - 8)).min(255) as u8
            }
            _ => p[at],
        }
    }

    fn pixel(&self, at: usize) -> [u8; 3] {
        let c = |k: usize| self.sample(at * self.channels + k);
        match (self.channels, self.reversed) {
            (3.., false) => [c(0), c(1), c(2)],
            (3.., true) => [c(2), c(1), c(0)],
            // Brightness comes first, or second, where colours share samples: near enough for a small picture.
            _ => [c(0); 3],
        }
    }
}

impl Thumbnail {
    fn grey(&self, x: usize, y: usize) -> usize {
        let [r, g, b] = self.pixels[y * self.width + x].map(usize::from);
        (r * 3 + g * 6 + b) / 10
    }
}

/// The pictures side by side for a terminal, two pixels a character, the numbers below: in colours, or in characters
/// where `colours` are not wanted.
pub fn for_terminal(strip: &[Thumbnail], colours: bool) -> String {
    let mut out = String::new();
    let label = |t: &Thumbnail| t.width.max(t.number.to_string().len());
    let rows = strip.iter().map(|t| t.height.div_ceil(2)).max().unwrap_or(0);
    for row in 0..rows {
        out.push_str("  ");
        for t in strip {
            let mut shown = 0;
            if row < t.height.div_ceil(2) {
                let (upper, lower) = (2 * row, 2 * row + 1);
                for x in 0..t.width {
                    match colours {
                        true => in_colour(&mut out, t, x, upper, lower),
                        false => {
                            let second = t.grey(x, lower.min(t.height - 1));
                            let level = (t.grey(x, upper) + second) / 2;
                            out.push(char::from(RAMP[level * (RAMP.len() - 1) / 255]));
                        }
                    }
                }
                shown = t.width;
                if colours {
                    out.push_str("\x1b[0m");
                }
            }
            let _ = write!(out, "{:w$} ", "", w = label(t) - shown);
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
    if !strip.is_empty() {
        out.push_str("  ");
        for t in strip {
            let _ = write!(out, "{:<w$} ", t.number, w = label(t));
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

/// A half block: the upper pixel is its ink, the lower one its ground; below an odd height there is none.
fn in_colour(out: &mut String, t: &Thumbnail, x: usize, upper: usize, lower: usize) {
    let [r, g, b] = t.pixels[upper * t.width + x];
    let _ = write!(out, "\x1b[38;2;{r};{g};{b}");
    match t.pixels.get(lower * t.width + x) {
        Some([r, g, b]) if lower < t.height => {
            let _ = write!(out, ";48;2;{r};{g};{b}m");
        }
        _ => out.push_str(";49m"),
    }
    out.push('\u{2580}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::PixelFormat;

    fn image(width: u32, height: u32, format: PixelFormat, pixels: Vec<u8>) -> Plain {
        Plain { width, height, format, pixels }
    }

    #[test]
    fn small_pictures_are_means_of_large_ones() {
        // Catches a picture that is turned or mirrored, one that shows 12 bits as black, and a side of one pixel that
        // panics.
        let pixels = (0..40 * 21).map(|i| if i % 40 < 20 { 10 } else { 200 }).collect();
        let t = shrink(&image(40, 21, PixelFormat::MONO8, pixels), 3, 16, 12);
        assert_eq!((t.width, t.height), (16, 8));
        assert_eq!((t.pixels[0], t.pixels[15]), ([10; 3], [200; 3]));
        let t = shrink(&image(1, 1, PixelFormat::MONO12, vec![0xFF, 0x0F]), 0, 16, 12);
        assert_eq!((t.width, t.height, t.pixels[0]), (1, 1, [255; 3]));
        let t = shrink(&image(4096, 1, PixelFormat::MONO8, vec![9; 4096]), 0, 16, 12);
        assert_eq!((t.width, t.height, t.pixels[7]), (16, 1, [9; 3]));
    }

    #[test]
    fn colours_stay_and_a_mosaic_is_grey() {
        // Catches red and blue that are swapped, and a mosaic of which only one colour is sampled.
        let of = |format| shrink(&image(1, 1, format, vec![1, 2, 3]), 0, 9, 9).pixels[0];
        assert_eq!((of(PixelFormat::RGB8), of(PixelFormat::BGR8)), ([1, 2, 3], [3, 2, 1]));
        let bayer = PixelFormat::from_name("BayerRG8").unwrap();
        let side = 640;
        let pixels =
            (0..side * side).map(|i| if i % side % 2 == 0 { 200 } else { 0 }).collect::<Vec<u8>>();
        let t = shrink(&image(640, 640, bayer, pixels), 0, 10, 10);
        assert!(t.pixels.iter().all(|p| (85..=115).contains(&p[0])), "{:?}", t.pixels[0]);
    }

    #[test]
    fn the_strip_has_both_ends() {
        // Catches a last frame that is never shown, and a number that stands below another picture.
        let numbers: Vec<u64> = (0..5).map(|i| spread(i, 5, 100)).collect();
        assert_eq!(numbers, [0, 24, 49, 74, 99]);
        assert_eq!(spread(0, 1, 1), 0);
        let pixels = vec![[1; 3], [2; 3], [3; 3], [4; 3], [5; 3], [6; 3]];
        let t = Thumbnail { number: 700, width: 2, height: 3, pixels };
        let shown = for_terminal(&[t.clone(), t.clone()], true);
        assert_eq!((shown.lines().count(), shown.matches('\u{2580}').count()), (3, 8));
        assert!(shown.contains("38;2;1;1;1;48;2;3;3;3m") && shown.contains("38;2;5;5;5;49m"));
        assert!(shown.ends_with("  700 700\n"), "{shown:?}");
        let plain = for_terminal(&[t], false);
        assert!(!plain.contains('\x1b') && plain.lines().count() == 3, "{plain:?}");
        assert_eq!(for_terminal(&[], true), "");
    }
}

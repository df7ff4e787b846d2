//! The pixels that an inspection looks at, and the window around one nest.

use super::kernels::halve;
use crate::buffer::Frame;
use crate::format::PixelFormat;
use crate::meta::FrameStatus;
use crate::stages::cpu::{Kernel, dispatch};

/// Why a frame cannot be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is not Mono8.
    Format,
    /// Parts of it did not arrive.
    Incomplete,
}

/// A whole Mono8 image.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    bytes: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
}

impl<'a> View<'a> {
    /// The image of a frame.
    pub fn of(frame: &'a Frame) -> Result<View<'a>, Unfit> {
        let m = frame.meta();
        if m.pixel_format != PixelFormat::MONO8 {
            return Err(Unfit::Format);
        }
        // Also with all of its bytes: packets that did not come leave a hole.
        if m.status != FrameStatus::Complete {
            return Err(Unfit::Incomplete);
        }
        View::new(frame.image(), m.width, m.height, m.stride).ok_or(Unfit::Incomplete)
    }

    /// An image in memory; `None` if `bytes` has not all of it.
    pub fn new(bytes: &'a [u8], width: u32, height: u32, stride: u32) -> Option<View<'a>> {
        let (width, height, stride) = (width as usize, height as usize, stride as usize);
        let last = height.checked_sub(1)?.checked_mul(stride)?;
        let whole = width > 0 && width <= stride && bytes.len() >= last.checked_add(width)?;
        whole.then_some(View { bytes, width, height, stride })
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        self.width as u32
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height as u32
    }

    /// Row `y`, which must exist.
    #[inline]
    pub fn row(&self, y: usize) -> &'a [u8] {
        &self.bytes[y * self.stride..][..self.width]
    }
}

/// A square of the frame around a nest, at the scale of the inspection. What lies beyond the frame repeats the
/// frame's edge.
#[derive(Debug)]
pub struct Window {
    /// Rows of `stride` pixels.
    pub pixels: Vec<u8>,
    /// Pixels a side.
    pub side: usize,
    /// Pixels from one row to the next.
    pub stride: usize,
    /// Frame pixels a window pixel, each way: 1 or 2.
    pub scale: usize,
    /// The frame's column of the window's first pixel; may be negative.
    pub left: i32,
    /// The frame's row of the window's first pixel; may be negative.
    pub top: i32,
}

impl Window {
    /// A window of `2 * half + 1` pixels a side, allocated here and never again.
    pub fn new(half: usize, scale: usize) -> Window {
        let side = 2 * half + 1;
        let stride = side.next_multiple_of(16);
        Window { pixels: vec![0; stride * side], side, stride, scale, left: 0, top: 0 }
    }

    /// Cuts the window out of a frame, around a point in frame pixels.
    ///
    /// # Real-time
    /// Stage-bound. No allocation; reads each byte below the window once.
    pub fn cut(&mut self, view: &View<'_>, x: f32, y: f32) {
        let half = (self.side / 2 * self.scale) as i32;
        let middle = |at: f32| (at - (self.scale as f32 - 1.0) / 2.0).round() as i32;
        (self.left, self.top) = (middle(x) - half, middle(y) - half);
        // The columns of the window that the frame has in full, as first and end.
        let scale = self.scale as i32;
        let first = (-self.left).max(0).div_ceil_by(scale).min(self.side as i32);
        let end = (view.width as i32 - self.left).div_euclid(scale).clamp(first, self.side as i32);
        let (first, end) = (first as usize, end as usize);
        let from = (self.left + first as i32 * scale).max(0) as usize;
        let last = view.height as i32 - 1;
        for (j, row) in self.pixels.chunks_exact_mut(self.stride).enumerate() {
            let y = self.top + j as i32 * scale;
            let a = view.row(y.clamp(0, last) as usize);
            let out = &mut row[first..end];
            if out.is_empty() {
                row.fill(a[if self.left < 0 { 0 } else { view.width - 1 }]);
                continue;
            }
            if scale == 1 {
                out.copy_from_slice(&a[from..from + out.len()]);
            } else {
                let b = view.row((y + 1).clamp(0, last) as usize);
                dispatch(Halve { a: &a[from..], b: &b[from..], out });
            }
            let (low, high) = (row[first], row[end - 1]);
            row[..first].fill(low);
            row[end..].fill(high);
        }
    }

    /// Where a point of the window lies on the frame, in frame pixels.
    pub fn to_frame(&self, x: f32, y: f32) -> (f32, f32) {
        let scale = self.scale as f32;
        let middle = (scale - 1.0) / 2.0;
        (self.left as f32 + x * scale + middle, self.top as f32 + y * scale + middle)
    }
}

/// Two rows to one, compiled for the best of processors.
struct Halve<'a> {
    a: &'a [u8],
    b: &'a [u8],
    out: &'a mut [u8],
}

impl Kernel for Halve<'_> {
    type Out = ();

    #[inline(always)]
    fn run(self) {
        halve(self.a, self.b, self.out);
    }
}

/// Division that rounds up, for positive divisors.
trait DivCeil {
    fn div_ceil_by(self, by: i32) -> i32;
}

impl DivCeil for i32 {
    fn div_ceil_by(self, by: i32) -> i32 {
        -(-self).div_euclid(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_missing_are_noticed() {
        // Catches reading past the end of a short frame, and products that overflow.
        let bytes = [0; 12];
        assert!(View::new(&bytes, 4, 3, 4).is_some());
        assert!(View::new(&bytes, 3, 3, 4).is_some());
        assert!(View::new(&bytes[..11], 3, 3, 4).is_some());
        for (w, h, s, n) in [
            (4, 3, 4, 11),
            (0, 3, 4, 12),
            (4, 0, 4, 12),
            (5, 1, 4, 12),
            (3, u32::MAX, u32::MAX, 12),
        ] {
            assert!(View::new(&bytes[..n], w, h, s).is_none(), "{w}x{h} of {s}");
        }
    }

    #[test]
    fn windows_agree_with_the_naive_way_wherever_they_lie() {
        // Catches windows shifted by one, and reads beyond the frame at its edges.
        let (w, h) = (23_usize, 17_usize);
        let bytes: Vec<u8> = (0..w * h).map(|i| (i * 37 % 251) as u8).collect();
        let view = View::new(&bytes, 23, 17, 23).unwrap();
        for scale in [1, 2] {
            for (x, y) in
                [(11.0, 8.0), (0.0, 0.0), (22.0, 16.0), (-30.0, 4.0), (60.0, 90.0), (3.5, -40.0)]
            {
                let mut window = Window::new(4, scale);
                window.cut(&view, x, y);
                let at = |x: i32, y: i32| {
                    u32::from(bytes[y.clamp(0, 16) as usize * w + x.clamp(0, 22) as usize])
                };
                for j in 0..window.side {
                    for i in 0..window.side {
                        let s = scale as i32;
                        let (fx, fy) = (window.left + i as i32 * s, window.top + j as i32 * s);
                        if fx < 0 || fy < 0 || fx + s > w as i32 || fy + s > h as i32 {
                            continue; // Beyond the frame only the bounds are promised.
                        }
                        let want = if scale == 1 {
                            at(fx, fy)
                        } else {
                            (at(fx, fy) + at(fx + 1, fy) + at(fx, fy + 1) + at(fx + 1, fy + 1) + 2)
                                / 4
                        };
                        assert_eq!(
                            u32::from(window.pixels[j * window.stride + i]),
                            want,
                            "{i} {j} {x} {y} {scale}"
                        );
                    }
                }
                let half = (window.side / 2) as f32;
                let (fx, fy) = window.to_frame(half, half);
                assert!((fx - x).abs() <= 0.5 && (fy - y).abs() <= 0.5, "{fx} {fy} for {x} {y}");
            }
        }
    }
}

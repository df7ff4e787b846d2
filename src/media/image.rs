//! Frames as plain images: whole bytes a pixel, rows without padding.

use crate::error::{Error, ErrorKind};
use crate::format::PixelFormat;
use crate::meta::FrameMeta;
use crate::stages::image::kernel::unpack_16;

/// The largest image that is made of a file which holds fewer bytes than the image: 1 GiB. A compressed or cut-off
/// file may claim any size; a camera's image is far below this.
pub const MAX_IMAGE_BYTES: u64 = 1 << 30;

/// An image of whole bytes a pixel. 16-bit pixels are little-endian.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plain {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Format; never a packed one.
    pub format: PixelFormat,
    /// Rows, one behind the other.
    pub pixels: Vec<u8>,
}

/// What was done to a frame to make it plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// It was packed: its format then.
    pub unpacked: Option<PixelFormat>,
    /// Bytes after each row that were left out.
    pub padding: u32,
    /// Bytes that did not come, and are 0.
    pub missing: u64,
}

impl Plain {
    /// Bytes of a pixel.
    pub fn pixel_bytes(&self) -> usize {
        self.format.bits_per_pixel() as usize / 8
    }

    /// Makes this image of a frame, in place of what it was.
    pub fn take(&mut self, meta: &FrameMeta, payload: &[u8]) -> Result<Done, Error> {
        let cannot = |what: &str| Err(Error::new(ErrorKind::Source, what.to_string()));
        let format = meta.pixel_format;
        let packing = format.packing();
        let plain = match packing {
            Some(packing) => format.unpacked_at(packing.depth()),
            None => format.name().map(|_| format),
        };
        let Some(plain) = plain else {
            return cannot(&format!("{format} is a pixel format that frameline cannot unpack"));
        };
        // Sides are at most 2^20: no product overflows.
        let pixels = u64::from(meta.width) * u64::from(meta.height);
        let bytes = pixels * u64::from(plain.bits_per_pixel() / 8);
        let there = (payload.len() as u64).saturating_mul(2);
        if bytes > there.max(MAX_IMAGE_BYTES) {
            return cannot(&format!(
                "it is {}x{} pixels and has {} bytes",
                meta.width,
                meta.height,
                payload.len()
            ));
        }
        (self.width, self.height, self.format) = (meta.width, meta.height, plain);
        self.pixels.clear();
        self.pixels.resize(bytes as usize, 0);
        let geometry = meta.geometry();
        let missing = geometry.image_bytes().saturating_sub(payload.len() as u64);
        let row = self.pixel_bytes() * meta.width as usize;
        let bits = meta.width as usize * format.bits_per_pixel() as usize;
        match packing {
            // One string of bits, or rows that follow each other.
            Some(packing) if !bits.is_multiple_of(8) || meta.x_padding == 0 => {
                unpack_16(packing, payload, &mut self.pixels, 0);
            }
            _ => {
                let rows = payload.chunks(meta.stride.max(1) as usize);
                for (out, row) in self.pixels.chunks_exact_mut(row.max(1)).zip(rows) {
                    let row = &row[..row.len().min(bits / 8)];
                    match packing {
                        Some(packing) => {
                            unpack_16(packing, row, out, 0);
                        }
                        None => out[..row.len()].copy_from_slice(row),
                    }
                }
            }
        }
        Ok(Done { unpacked: packing.map(|_| format), padding: meta.x_padding, missing })
    }

    /// Red before blue, or blue before red: the other way round.
    pub fn swap_red_and_blue(&mut self) {
        self.pixels.chunks_exact_mut(3).for_each(|p| p.swap(0, 2));
        self.format = match self.format {
            PixelFormat::BGR8 => PixelFormat::RGB8,
            PixelFormat::RGB8 => PixelFormat::BGR8,
            other => other,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Geometry;

    fn meta(width: u32, height: u32, format: PixelFormat, x_padding: u32) -> FrameMeta {
        FrameMeta::of(&Geometry { x_padding, ..Geometry::new(width, height, format) })
    }

    #[test]
    fn padding_goes_and_pixels_stay() {
        // Catches a row that begins where the padding of the one before lies.
        let mut image = Plain::default();
        let done = image
            .take(&meta(2, 2, PixelFormat::MONO8, 3), &[1, 2, 9, 9, 9, 3, 4, 9, 9, 9])
            .unwrap();
        assert_eq!((image.pixels, done.padding, done.missing), (vec![1, 2, 3, 4], 3, 0));
    }

    #[test]
    fn packed_rows_that_share_a_byte_are_one_string() {
        // Catches rows of a packed image that are unpacked as if each began on a byte.
        let mut image = Plain::default();
        // 3x2 pixels of 12 bits, least significant first: 1, 2, 3, 4, 5, 6.
        let bytes = [1, 0x20, 0, 3, 0x40, 0, 5, 0x60, 0];
        image.take(&meta(3, 2, PixelFormat::MONO12P, 0), &bytes).unwrap();
        assert_eq!(image.format, PixelFormat::MONO12);
        assert_eq!(image.pixels, [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]);
        // Rows of two pixels end on a byte and have padding.
        let padded = [1, 0x20, 0, 0xEE, 3, 0x40, 0, 0xEE];
        image.take(&meta(2, 2, PixelFormat::MONO12P, 1), &padded).unwrap();
        assert_eq!(image.pixels, [1, 0, 2, 0, 3, 0, 4, 0]);
    }

    #[test]
    fn what_did_not_come_is_zero_and_counted() {
        // Catches stale bytes of the frame before in an incomplete one.
        let mut image = Plain { pixels: vec![7; 100], ..Plain::default() };
        let done = image.take(&meta(4, 2, PixelFormat::MONO8, 0), &[1, 2, 3, 4, 5]).unwrap();
        assert_eq!((image.pixels, done.missing), (vec![1, 2, 3, 4, 5, 0, 0, 0], 3));
    }

    #[test]
    fn a_size_that_nothing_backs_takes_no_memory() {
        // Catches an entry of a few bytes that makes the program allocate a terabyte.
        let mut image = Plain::default();
        let e = image.take(&meta(1 << 20, 1 << 20, PixelFormat::MONO8, 0), &[0; 64]);
        assert!(e.unwrap_err().to_string().contains("1048576x1048576 pixels and has 64 bytes"));
        let e = image.take(&meta(4, 4, PixelFormat(0x0108_7777), 0), &[0; 16]);
        assert!(e.unwrap_err().to_string().contains("0x01087777"));
    }
}

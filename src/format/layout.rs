//! Width, height, stride and padding to payload size. Checked: no overflow, no zero.

use super::PixelFormat;
use std::fmt;

/// The longest side that is taken for an image: 2^20 pixels. Line-scan cameras stay far below it; a
/// larger number in a file or from an SDK is garbage.
pub const MAX_SIDE_PIXELS: u32 = 1 << 20;

/// Size, place and format of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Width in pixels, `1..=MAX_SIDE_PIXELS`.
    pub width: u32,
    /// Height in pixels, `1..=MAX_SIDE_PIXELS`.
    pub height: u32,
    /// First column of the region, in pixels of the sensor.
    pub offset_x: u32,
    /// First row of the region, in pixels of the sensor.
    pub offset_y: u32,
    /// Pixel format.
    pub pixel_format: PixelFormat,
    /// Bytes that follow each row and belong to no pixel (GenICam's XPadding).
    pub x_padding: u32,
}

/// Why a geometry cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeometryError {
    /// Width or height is 0 or above [`MAX_SIDE_PIXELS`].
    Side,
    /// The code of the pixel format says 0 bits per pixel.
    Format,
    /// A Bayer region that starts or ends on an odd pixel.
    OddBayer,
    /// Rows of a packed format that do not end on a byte cannot have padding.
    PackedPadding,
}

impl fmt::Display for GeometryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GeometryError::Side => {
                write!(f, "width and height must be 1 to {MAX_SIDE_PIXELS} pixels")
            }
            GeometryError::Format => f.write_str("the pixel format is not a PFNC code"),
            GeometryError::OddBayer => {
                f.write_str("a Bayer region must have even offsets, width and height")
            }
            GeometryError::PackedPadding => {
                f.write_str("rows of a packed format that share a byte cannot have padding")
            }
        }
    }
}

impl std::error::Error for GeometryError {}

impl Geometry {
    /// An image of that size and format at the sensor's origin, without padding.
    pub fn new(width: u32, height: u32, pixel_format: PixelFormat) -> Self {
        Geometry { width, height, offset_x: 0, offset_y: 0, pixel_format, x_padding: 0 }
    }

    /// Whether such an image can be.
    pub fn check(&self) -> Result<(), GeometryError> {
        let side = 1..=MAX_SIDE_PIXELS;
        if !side.contains(&self.width) || !side.contains(&self.height) {
            return Err(GeometryError::Side);
        }
        if self.pixel_format.bits_per_pixel() == 0 {
            return Err(GeometryError::Format);
        }
        if self.pixel_format.is_bayer()
            && (self.width | self.height | self.offset_x | self.offset_y) & 1 == 1
        {
            return Err(GeometryError::OddBayer);
        }
        if self.x_padding > 0 && !self.row_bits().is_multiple_of(8) {
            return Err(GeometryError::PackedPadding);
        }
        Ok(())
    }

    fn row_bits(&self) -> u64 {
        u64::from(self.width) * u64::from(self.pixel_format.bits_per_pixel())
    }

    /// Bytes from one row to the next, padding included. For packed formats whose rows do not end on a
    /// byte this is the row's length rounded up, and rows do not start there: the image is one bit
    /// string (PFNC, "p" formats).
    pub fn stride_bytes(&self) -> u64 {
        self.row_bits().div_ceil(8) + u64::from(self.x_padding)
    }

    /// Bytes of the whole image: the payload a camera sends without chunks. Sides that a device made up give `u64::MAX`
    /// or near it, which fits nowhere.
    pub fn image_bytes(&self) -> u64 {
        if self.row_bits().is_multiple_of(8) {
            self.stride_bytes().saturating_mul(u64::from(self.height))
        } else {
            self.row_bits().saturating_mul(u64::from(self.height)).div_ceil(8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_formats_round_the_image_not_the_row() {
        // Catches the pymba#75 class: a wrong size for formats above 8 bits.
        let g = Geometry::new(3, 3, PixelFormat::MONO12P);
        assert_eq!(g.image_bytes(), (3 * 3 * 12_u64).div_ceil(8));
        assert_eq!(Geometry::new(4, 2, PixelFormat::MONO10P).image_bytes(), 10);
        assert_eq!(Geometry::new(2448, 2048, PixelFormat::MONO16).image_bytes(), 2448 * 2048 * 2);
    }

    #[test]
    fn sides_that_are_garbage_are_no_small_image() {
        // Catches a product that wraps: a panic of the capture thread, or an image that seems to fit.
        for format in [PixelFormat::RGB8, PixelFormat::MONO16, PixelFormat::MONO12P] {
            let g = Geometry::new(u32::MAX, u32::MAX, format);
            assert!(g.image_bytes() > 1 << 60, "{format:?}: {}", g.image_bytes());
        }
    }

    #[test]
    fn impossible_geometries_are_named() {
        // Catches aravis#1078 (size 0 divides) and odd Bayer regions that shift colours.
        let zero = Geometry::new(0, 4, PixelFormat::MONO8);
        assert_eq!(zero.check(), Err(GeometryError::Side));
        let odd = Geometry::new(5, 4, PixelFormat::BAYER_RG8);
        assert_eq!(odd.check(), Err(GeometryError::OddBayer));
        assert_eq!(Geometry::new(4, 4, PixelFormat(1)).check(), Err(GeometryError::Format));
        let huge = Geometry::new(u32::MAX, u32::MAX, PixelFormat::RGB8);
        assert_eq!(huge.check(), Err(GeometryError::Side));
    }

    #[test]
    fn every_named_format_finds_itself_again() {
        for f in PixelFormat::ALL {
            assert_eq!(PixelFormat::from_name(f.name().unwrap()), Some(*f));
            assert!(f.bits_per_pixel() >= 8 && f.component_bits().unwrap() <= 16);
        }
    }
}

//! Formats that recordings are made of. Files are not believed.

mod images;
mod jpeg;
mod order;
mod orientation;
mod png;
mod raw;
mod seq;
mod tiff;

pub use images::{Images, is_image};
pub use raw::Raw;
pub use seq::{Seq, is_seq};

use super::image::MAX_IMAGE_BYTES;
use crate::error::Error;
use crate::format::{Geometry, MAX_SIDE_PIXELS, PixelFormat};
use std::path::PathBuf;

/// One frame as it was read.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its size and format.
    pub geometry: Geometry,
    /// When it was taken, ns since 1970, where the file tells.
    pub unix_ns: Option<u64>,
    /// The file that it came from.
    pub file: PathBuf,
}

/// Where frames come from.
pub trait Frames {
    /// Reads the next frame's payload in place of what `pixels` held; `None`: there is none any more.
    fn next(&mut self, pixels: &mut Vec<u8>) -> Result<Option<Taken>, Error>;

    /// Frames that there are, from what the files say of themselves.
    fn expected(&self) -> u64;

    /// Frames a second, where the file tells.
    fn rate(&self) -> Option<f64> {
        None
    }

    /// What the reader should know about how the files were read.
    fn notes(&self) -> Vec<String>;
}

/// The bytes of an image of that size, if that is an image that is taken; otherwise why not.
fn image_bytes(width: u64, height: u64, pixel_bytes: u64) -> Result<usize, String> {
    let side = 1..=u64::from(MAX_SIDE_PIXELS);
    if !side.contains(&width) || !side.contains(&height) {
        return Err(format!(
            "it says that it has {width}x{height} pixels; a side is 1 to {MAX_SIDE_PIXELS}"
        ));
    }
    match width * height * pixel_bytes {
        bytes if bytes <= MAX_IMAGE_BYTES => Ok(bytes as usize),
        bytes => Err(format!(
            "it says that it has {width}x{height} pixels, {bytes} bytes; up to {MAX_IMAGE_BYTES} are taken"
        )),
    }
}

/// An image that was decoded into whole bytes a pixel, without padding.
type Decoded = (u32, u32, PixelFormat);

/// What was seen in images and is not in their pixels.
#[derive(Debug, Default)]
struct Seen {
    /// Transparency was left out.
    alpha: bool,
    /// Images that ask to be shown turned or mirrored.
    turned: u64,
}

/// Leaves out the last of `components` components of each pixel, each of `bytes` bytes: transparency.
fn drop_alpha(pixels: &mut Vec<u8>, components: usize, bytes: usize) {
    let (whole, kept) = (components * bytes, (components - 1) * bytes);
    let count = pixels.len() / whole;
    for i in 1..count {
        pixels.copy_within(i * whole..i * whole + kept, i * kept);
    }
    pixels.truncate(count * kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_goes_and_colours_stay() {
        // Catches pixels that slide into each other.
        let mut pixels = vec![1, 2, 3, 255, 4, 5, 6, 0];
        drop_alpha(&mut pixels, 4, 1);
        assert_eq!(pixels, [1, 2, 3, 4, 5, 6]);
        let mut pixels = vec![1, 2, 9, 9, 3, 4, 9, 9];
        drop_alpha(&mut pixels, 2, 2);
        assert_eq!(pixels, [1, 2, 3, 4]);
    }
}

//! Formats that frames are exported to.

mod mcap;
mod npy;
mod png;
mod proto;
mod seq;
mod tiff;

pub use mcap::Mcap;
pub use npy::Npy;
pub use png::{Pngs, is_png_of_ours};
pub use seq::Seq;
pub use tiff::Tiff;

use super::image::Plain;
use crate::error::{Error, ErrorKind};
use crate::format::PixelFormat;
use serde_json::Value;

/// One frame on its way out.
pub struct Shot<'a> {
    /// Its number in the recording.
    pub number: u64,
    /// When the host got it, ns since 1970 in UTC.
    pub unix_ns: u64,
    /// All that is known of it.
    pub facts: &'a Value,
    /// Its pixels; a sink may change them.
    pub image: &'a mut Plain,
}

/// Where frames go.
pub trait Sink {
    /// Takes the next frame. Returns what was done to its pixels that the reader should know, if anything.
    fn put(&mut self, shot: Shot<'_>) -> Result<Option<&'static str>, Error>;

    /// Takes what happened between two frames, where the format has room for it.
    fn happened(&mut self, unix_ns: u64, fact: &Value) -> Result<(), Error> {
        let _ = (unix_ns, fact);
        Ok(())
    }

    /// Writes what comes last.
    fn finish(&mut self) -> Result<(), Error>;
}

/// The first frame's size and format, which the others must have where a file has only one.
#[derive(Debug, Default)]
pub struct Uniform(Option<(u64, u32, u32, PixelFormat)>);

impl Uniform {
    /// Whether this is the first frame. Another size or format than the first one's is an error.
    pub fn check(&mut self, of: &str, number: u64, image: &Plain) -> Result<bool, Error> {
        let Some((first, width, height, format)) = self.0 else {
            self.0 = Some((number, image.width, image.height, image.format));
            return Ok(true);
        };
        if (width, height, format) == (image.width, image.height, image.format) {
            return Ok(false);
        }
        Err(Error::new(
            ErrorKind::Source,
            format!(
                "frame {number} is {}x{} {} and frame {first} {width}x{height} {format}, and {of} has one size and format; \
                 export up to frame {} and from frame {number} apart, or to png, tiff or mcap",
                image.width,
                image.height,
                image.format,
                number - 1
            ),
        ))
    }
}

/// The error of a format that an encoder does not know.
fn unsuitable(format: PixelFormat) -> Error {
    Error::new(ErrorKind::Source, format!("{format} cannot be written in this format"))
}

const MOSAIC: &str =
    "Bayer mosaics are kept as they are, one colour a pixel, and written as grey levels";
const DEPTH: &str =
    "pixels of fewer than 16 bits keep their values in 16, so that their images look dark";

/// What a grey image that is none, or less deep than it looks, is called.
fn told_as_grey(format: PixelFormat) -> Option<&'static str> {
    match format.component_bits() {
        _ if format.is_bayer() => Some(MOSAIC),
        Some(9..=15) => Some(DEPTH),
        _ => None,
    }
}

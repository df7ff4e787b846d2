//! PNG: one file a frame, in a folder.

use super::super::image::Plain;
use super::{Shot, Sink, told_as_grey, unsuitable};
use crate::error::{Error, ErrorKind};
use crate::format::PixelFormat;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Digits of a file's name: names sort as their numbers do up to a hundred million frames.
const DIGITS: usize = 8;

/// The name of frame `number`.
fn name_of(number: u64) -> String {
    format!("{number:0DIGITS$}.png")
}

/// Whether an export gives that name to a picture.
pub fn is_png_of_ours(name: &str) -> bool {
    name.strip_suffix(".png")
        .is_some_and(|n| n.len() >= DIGITS && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Writes them.
pub struct Pngs {
    folder: PathBuf,
    cannot: Box<dyn Fn(std::io::Error) -> Error>,
    /// 16-bit pixels as PNG has them: the upper byte first.
    swapped: Vec<u8>,
}

impl Pngs {
    /// Into a folder that is there.
    pub fn new(folder: &Path, cannot: impl Fn(std::io::Error) -> Error + 'static) -> Pngs {
        Pngs { folder: folder.into(), cannot: Box::new(cannot), swapped: Vec::new() }
    }

    fn encode(&mut self, image: &Plain, out: impl Write) -> Result<(), Error> {
        let (color, depth) = match (image.format, image.format.bits_per_pixel()) {
            (PixelFormat::RGB8, _) => (png::ColorType::Rgb, png::BitDepth::Eight),
            (_, 8) => (png::ColorType::Grayscale, png::BitDepth::Eight),
            (_, 16) => (png::ColorType::Grayscale, png::BitDepth::Sixteen),
            (format, _) => return Err(unsuitable(format)),
        };
        let pixels = if depth == png::BitDepth::Sixteen {
            self.swapped.clear();
            self.swapped.extend(image.pixels.as_chunks::<2>().0.iter().flat_map(|p| [p[1], p[0]]));
            &self.swapped
        } else {
            &image.pixels
        };
        let mut encoder = png::Encoder::new(out, image.width, image.height);
        encoder.set_color(color);
        encoder.set_depth(depth);
        encoder.set_compression(png::Compression::Fast);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(pixels)?;
            writer.finish()
        });
        written.map_err(|e| match e {
            png::EncodingError::IoError(e) => (self.cannot)(e),
            e => Error::with_source(ErrorKind::Io, "an image cannot be written as PNG", e),
        })
    }
}

impl Sink for Pngs {
    fn put(&mut self, shot: Shot<'_>) -> Result<Option<&'static str>, Error> {
        let image = shot.image;
        let note = told_as_grey(image.format);
        if image.format == PixelFormat::BGR8 {
            image.swap_red_and_blue();
        }
        let path = self.folder.join(name_of(shot.number));
        let file = File::create_new(path).map_err(&self.cannot)?;
        let mut out = BufWriter::with_capacity(1 << 16, file);
        self.encode(image, &mut out)?;
        out.flush().map_err(&self.cannot)?;
        Ok(note)
    }

    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

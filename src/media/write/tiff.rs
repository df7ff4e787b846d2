//! TIFF: one file, a page for each frame, whose description is what is known of the frame, as JSON.

use super::{Shot, Sink, told_as_grey, unsuitable};
use crate::error::{Error, ErrorKind};
use crate::format::PixelFormat;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use tiff::TiffError;
use tiff::encoder::colortype::{ColorType, Gray8, Gray16, RGB8};
use tiff::encoder::{TiffEncoder, TiffKind, TiffKindBig, TiffKindStandard, TiffValue};
use tiff::tags::Tag;

/// Beyond so many bytes the file is a BigTIFF: a plain one addresses 4 GiB, its directories included.
const LARGEST_PLAIN: u64 = 4_000_000_000;

/// Plain or big. Not buffered: who drops an encoder is not told that the disk was full, and pixels come in whole strips.
enum Encoder {
    Plain(TiffEncoder<File, TiffKindStandard>),
    Big(TiffEncoder<File, TiffKindBig>),
}

/// Writes one.
pub struct Tiff {
    encoder: Encoder,
    cannot: Box<dyn Fn(std::io::Error) -> Error>,
    wide: Vec<u16>,
}

impl Tiff {
    /// At `path`, for at most `bytes` bytes; `cannot` tells what the system refused.
    pub fn new(
        path: &Path,
        bytes: u64,
        cannot: impl Fn(std::io::Error) -> Error + 'static,
    ) -> Result<Tiff, Error> {
        let file = File::create_new(path).map_err(&cannot)?;
        let encoder = if bytes > LARGEST_PLAIN {
            TiffEncoder::new_big(file).map(Encoder::Big)
        } else {
            TiffEncoder::new(file).map(Encoder::Plain)
        };
        let encoder = encoder.map_err(|e| told(&cannot, e))?;
        Ok(Tiff { encoder, cannot: Box::new(cannot), wide: Vec::new() })
    }
}

fn told(cannot: &dyn Fn(std::io::Error) -> Error, e: TiffError) -> Error {
    match e {
        TiffError::IoError(e) => cannot(e),
        e => Error::with_source(ErrorKind::Io, "an image cannot be written as TIFF", e),
    }
}

fn page<W: Write + Seek, K: TiffKind, C: ColorType>(
    encoder: &mut TiffEncoder<W, K>,
    size: (u32, u32),
    about: &str,
    pixels: &[C::Inner],
) -> Result<(), TiffError>
where
    [C::Inner]: TiffValue,
{
    let mut image = encoder.new_image::<C>(size.0, size.1)?;
    image.encoder().write_tag(Tag::ImageDescription, about)?;
    image.write_data(pixels)
}

impl Sink for Tiff {
    fn put(&mut self, shot: Shot<'_>) -> Result<Option<&'static str>, Error> {
        let image = shot.image;
        let note = told_as_grey(image.format);
        if image.format == PixelFormat::BGR8 {
            image.swap_red_and_blue();
        }
        let size = (image.width, image.height);
        // The tag holds ASCII; all names here are.
        let about = shot.facts.to_string();
        let (bytes, bits) = (&image.pixels, image.format.bits_per_pixel());
        if bits == 16 {
            self.wide.clear();
            self.wide.extend(bytes.as_chunks::<2>().0.iter().map(|p| u16::from_le_bytes(*p)));
        }
        let wide = &self.wide;
        let written = match (&mut self.encoder, image.format, bits) {
            (Encoder::Plain(e), PixelFormat::RGB8, _) => page::<_, _, RGB8>(e, size, &about, bytes),
            (Encoder::Plain(e), _, 8) => page::<_, _, Gray8>(e, size, &about, bytes),
            (Encoder::Plain(e), _, 16) => page::<_, _, Gray16>(e, size, &about, wide),
            (Encoder::Big(e), PixelFormat::RGB8, _) => page::<_, _, RGB8>(e, size, &about, bytes),
            (Encoder::Big(e), _, 8) => page::<_, _, Gray8>(e, size, &about, bytes),
            (Encoder::Big(e), _, 16) => page::<_, _, Gray16>(e, size, &about, wide),
            (_, format, _) => return Err(unsuitable(format)),
        };
        written.map_err(|e| told(&self.cannot, e))?;
        Ok(note)
    }

    /// Each page is whole when it is written.
    fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

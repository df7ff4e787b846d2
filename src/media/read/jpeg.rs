//! JPEG.

use super::{Decoded, Seen, image_bytes, orientation};
use crate::format::PixelFormat;
use std::io::{BufRead, Seek};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Decodes an image into `pixels`: grey where the file is, colours otherwise.
pub fn decode(
    file: impl BufRead + Seek,
    pixels: &mut Vec<u8>,
    seen: &mut Seen,
) -> Result<Decoded, String> {
    // Strict: what is cut off is an error and no grey area.
    let options = DecoderOptions::default().set_strict_mode(true);
    let side = crate::format::MAX_SIDE_PIXELS as usize;
    let options = options.set_max_width(side).set_max_height(side);
    let mut decoder = JpegDecoder::new_with_options(file, options);
    decoder.decode_headers().map_err(|e| told(&e))?;
    let (width, height) = decoder.dimensions().ok_or("it has no size")?;
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (space, format, components) = match grey {
        true => (ColorSpace::Luma, PixelFormat::MONO8, 1),
        false => (ColorSpace::RGB, PixelFormat::RGB8, 3),
    };
    let all = image_bytes(width as u64, height as u64, components)?;
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(space));
    pixels.clear();
    pixels.resize(all, 0);
    decoder.decode_into(pixels).map_err(|e| told(&e))?;
    seen.turned += u64::from(decoder.exif().is_some_and(|exif| orientation::of_exif(exif)));
    Ok((width as u32, height as u32, format))
}

/// The decoder's words without its line breaks and quotes.
fn told(e: &dyn std::fmt::Debug) -> String {
    let text = format!("{e:?}").replace("\\n", " ").replace('"', "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

//! PNG.

use super::{Decoded, Seen, drop_alpha, image_bytes, orientation};
use crate::format::PixelFormat;
use png::{BitDepth, ColorType, Transformations};
use std::io::{BufRead, Seek};

/// Room for a few rows of the decoder's own beside the image.
const ROOM: usize = 16 << 20;

/// Decodes an image into `pixels`.
pub fn decode(
    file: impl BufRead + Seek,
    pixels: &mut Vec<u8>,
    seen: &mut Seen,
) -> Result<Decoded, String> {
    let limits = png::Limits { bytes: ROOM };
    let mut decoder = png::Decoder::new_with_limits(file, limits);
    // Palettes become colours, fewer than 8 bits become 8.
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
    let (width, height) = (reader.info().width, reader.info().height);
    if reader.info().animation_control().is_some() {
        return Err("it is animated; a plain image is needed".into());
    }
    let (color, depth) = reader.output_color_type();
    let bytes = if depth == BitDepth::Sixteen { 2 } else { 1 };
    let all = image_bytes(width.into(), height.into(), (color.samples() * bytes) as u64)?;
    pixels.clear();
    pixels.resize(all, 0);
    reader.next_frame(pixels).map_err(|e| e.to_string())?;
    let exif = reader.info().exif_metadata.as_deref();
    seen.turned += u64::from(exif.is_some_and(orientation::of_exif));
    if matches!(color, ColorType::GrayscaleAlpha | ColorType::Rgba) {
        drop_alpha(pixels, color.samples(), bytes);
        seen.alpha = true;
    }
    let grey = matches!(color, ColorType::Grayscale | ColorType::GrayscaleAlpha);
    let format = match (grey, bytes) {
        (true, 1) => PixelFormat::MONO8,
        (true, _) => PixelFormat::MONO16,
        (false, 1) => PixelFormat::RGB8,
        (false, _) => return Err("it has 16 bits a colour; convert it to 8".into()),
    };
    if bytes == 2 {
        // PNG has the upper byte first.
        pixels.as_chunks_mut::<2>().0.iter_mut().for_each(|p| p.swap(0, 1));
    }
    Ok((width, height, format))
}

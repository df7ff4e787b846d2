//! Grey PNG files.

use std::io::{BufRead, Seek};

/// Encodes an image of 8-bit grey levels, `width` a row, into `out`, which is cleared first.
///
/// # Real-time
/// Any thread but a hot one: allocates.
pub fn encode_grey(
    width: u32,
    height: u32,
    pixels: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), String> {
    out.clear();
    let mut encoder = png::Encoder::new(out, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    written.map_err(|e| e.to_string())
}

/// Reads an image of 8-bit grey levels that must have this size. What the file says of itself is checked
/// before memory is taken for it.
pub fn read_grey(file: impl BufRead + Seek, width: u32, height: u32) -> Result<Vec<u8>, String> {
    let bytes = u64::from(width) * u64::from(height);
    let bytes = usize::try_from(bytes).map_err(|_| "it is too large".to_string())?;
    // Room for a row or two of the decoder's own beside the image.
    let limits = png::Limits { bytes: bytes + (1 << 20) };
    let mut reader =
        png::Decoder::new_with_limits(file, limits).read_info().map_err(|e| e.to_string())?;
    let info = reader.info();
    if (info.width, info.height) != (width, height) {
        return Err(format!(
            "it is {}x{} pixels; it must be {width}x{height}",
            info.width, info.height
        ));
    }
    if (info.color_type, info.bit_depth) != (png::ColorType::Grayscale, png::BitDepth::Eight) {
        return Err("it is no image of 8-bit grey levels".into());
    }
    if info.animation_control().is_some() || info.interlaced {
        return Err("it is animated or interlaced; a plain image is needed".into());
    }
    let mut pixels = vec![0; bytes];
    reader.next_frame(&mut pixels).map_err(|e| e.to_string())?;
    Ok(pixels)
}

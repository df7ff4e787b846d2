//! TIFF, page by page.

use super::{Decoded, Seen, drop_alpha, image_bytes, orientation};
use crate::format::PixelFormat;
use crate::media::image::MAX_IMAGE_BYTES;
use std::fs::File;
use std::io::BufReader;
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

/// The pages of one file.
pub struct Pages {
    decoder: Decoder<BufReader<File>>,
    begun: bool,
}

impl Pages {
    /// Of a file at its beginning.
    pub fn new(file: File) -> Result<Pages, String> {
        let mut limits = Limits::default();
        limits.decoding_buffer_size = MAX_IMAGE_BYTES as usize;
        limits.intermediate_buffer_size = MAX_IMAGE_BYTES as usize;
        let decoder = Decoder::new(BufReader::new(file)).map_err(|e| e.to_string())?;
        Ok(Pages { decoder: decoder.with_limits(limits), begun: false })
    }

    /// Goes to the next page; `false`: there is none.
    pub fn advance(&mut self) -> Result<bool, String> {
        if self.begun {
            if !self.decoder.more_images() {
                return Ok(false);
            }
            self.decoder.next_image().map_err(|e| e.to_string())?;
        }
        self.begun = true;
        Ok(true)
    }

    /// Decodes the page into `pixels`.
    pub fn decode(&mut self, pixels: &mut Vec<u8>, seen: &mut Seen) -> Result<Decoded, String> {
        let (width, height) = self.decoder.dimensions().map_err(|e| e.to_string())?;
        let color = self.decoder.colortype().map_err(|e| e.to_string())?;
        let (format, components) = match color {
            ColorType::Gray(8) => (PixelFormat::MONO8, 1),
            ColorType::Gray(16) => (PixelFormat::MONO16, 1),
            ColorType::RGB(8) => (PixelFormat::RGB8, 3),
            ColorType::RGBA(8) => (PixelFormat::RGB8, 4),
            other => {
                return Err(format!(
                    "its pixels are {other:?}; grey levels of 8 or 16 bits and colours of 8 are taken"
                ));
            }
        };
        let bytes = if format == PixelFormat::MONO16 { 2 } else { 1 };
        let all = image_bytes(width.into(), height.into(), components * bytes)?;
        let decoded = self.decoder.read_image().map_err(|e| e.to_string())?;
        let turned = self.decoder.find_tag_unsigned(Tag::Orientation).ok().flatten();
        seen.turned += u64::from(turned.is_some_and(orientation::asks));
        pixels.clear();
        match decoded {
            DecodingResult::U8(v) if bytes == 1 => *pixels = v,
            DecodingResult::U16(v) if bytes == 2 => {
                pixels.extend(v.into_iter().flat_map(u16::to_le_bytes));
            }
            _ => return Err("its pixels have signs or fractions; whole numbers are taken".into()),
        }
        if pixels.len() != all {
            return Err("its colours lie in planes; convert it to colours side by side".into());
        }
        if components == 4 {
            drop_alpha(pixels, 4, 1);
            seen.alpha = true;
        }
        Ok((width, height, format))
    }
}

//! NorPix `.seq`, version 5: a header of 1024 bytes in the first 8192, then the images, each with its time behind it.
//!
//! ```text
//!   0   4  0xFEED                        556  4  bits of a pixel as it lies in the file
//!   4  24  "Norpix seq", UTF-16          560  4  bits of a pixel that count
//!  28   4  version                       564  4  bytes of an image
//!  32   4  header bytes, 1024            568  4  image format: 100 grey, 101 mosaic, 200 BGR, 400 RGB
//!  36 512  description                   572  4  frames
//! 548   4  width                         576  4  origin
//! 552   4  height                        580  4  bytes from one image to the next
//!                                        584  8  frames a second
//! 592   4  kind of description           620  4  compression; 0: none
//! ```
//!
//! The time behind an image: seconds since 1970 (4), ms (2), us (2). Images begin at multiples of 512 bytes.

use super::{Shot, Sink, Uniform, unsuitable};
use crate::error::{Error, ErrorKind};
use crate::format::PixelFormat;
use crate::media::seq::{self, FIRST_IMAGE, HEADER_BYTES};
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// Writes one.
pub struct Seq {
    file: BufWriter<File>,
    cannot: Box<dyn Fn(std::io::Error) -> Error>,
    uniform: Uniform,
    header: seq::Header,
    /// Of the first and the last frame.
    times: Option<(u64, u64)>,
    frames: u32,
}

impl Seq {
    /// At `path`; `cannot` tells what the system refused.
    pub fn new(
        path: &Path,
        cannot: impl Fn(std::io::Error) -> Error + 'static,
    ) -> Result<Seq, Error> {
        let file = File::create_new(path).and_then(|mut f| {
            f.write_all(&[0; FIRST_IMAGE as usize])?;
            Ok(f)
        });
        let file = BufWriter::with_capacity(1 << 20, file.map_err(&cannot)?);
        let cannot = Box::new(cannot);
        let (uniform, header) = (Uniform::default(), seq::Header::default());
        Ok(Seq { file, cannot, uniform, header, times: None, frames: 0 })
    }

    fn begin(&mut self, format: PixelFormat, width: u32, height: u32) -> Result<(), Error> {
        let bits = format.bits_per_pixel();
        let image_format = match format {
            PixelFormat::BGR8 => seq::BGR,
            PixelFormat::RGB8 => seq::RGB,
            _ if format.is_bayer() => seq::MOSAIC,
            _ if bits <= 16 => seq::GREY,
            _ => return Err(unsuitable(format)),
        };
        let bytes = u64::from(width) * u64::from(height) * u64::from(bits / 8);
        let too_large = || {
            let what = format!("an image of {bytes} bytes is larger than a .seq file can say");
            Error::new(ErrorKind::Source, what)
        };
        let stride = (bytes + seq::TIME_BYTES).next_multiple_of(512);
        self.header = seq::Header {
            version: 5,
            width,
            height,
            bits,
            bits_real: if bits == 24 { 24 } else { format.component_bits().unwrap_or(bits) },
            image_bytes: u32::try_from(bytes).map_err(|_| too_large())?,
            image_format,
            stride: u32::try_from(stride).map_err(|_| too_large())?,
            ..seq::Header::default()
        };
        Ok(())
    }
}

impl Sink for Seq {
    fn put(&mut self, shot: Shot<'_>) -> Result<Option<&'static str>, Error> {
        let image = shot.image;
        if self.uniform.check("a .seq file", shot.number, image)? {
            self.begin(image.format, image.width, image.height)?;
        }
        let gap = self.header.stride as usize - image.pixels.len() - seq::TIME_BYTES as usize;
        let file = &mut self.file;
        file.write_all(&image.pixels)
            .and_then(|()| file.write_all(&seq::time_bytes(shot.unix_ns)))
            .and_then(|()| file.write_all(&[0; 512][..gap]))
            .map_err(&self.cannot)?;
        let first = self.times.map_or(shot.unix_ns, |t| t.0);
        self.times = Some((first, shot.unix_ns));
        self.frames = self.frames.saturating_add(1);
        Ok(image
            .format
            .is_bayer()
            .then_some("a .seq file says that there is a mosaic, and not which; give its format when it is imported"))
    }

    fn finish(&mut self) -> Result<(), Error> {
        if let Some((first, last)) = self.times.filter(|(first, last)| last > first) {
            let intervals = f64::from(self.frames.saturating_sub(1));
            self.header.rate = intervals / ((last - first) as f64 * 1e-9);
        }
        self.header.frames = self.frames;
        let header: [u8; HEADER_BYTES] = self.header.encode();
        let file = &mut self.file;
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(&header))
            .and_then(|()| file.flush())
            .map_err(&self.cannot)
    }
}

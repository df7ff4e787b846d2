//! `.npy`: one array of frames x height x width, as numpy maps it.
//!
//! ```text
//!   0  6  "\x93NUMPY"    6  2  version 1.0    8  2  header bytes (118)
//!  10  118  a Python dictionary: descr, fortran_order, shape; spaces; a line feed
//! 128  the pixels
//! ```

use super::{Shot, Sink, Uniform, told_as_grey, unsuitable};
use crate::error::Error;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

const HEADER_BYTES: usize = 128;

/// Writes one.
pub struct Npy {
    file: BufWriter<File>,
    uniform: Uniform,
    frames: u64,
    descr: &'static str,
    shape: (u32, u32, u32),
    cannot: Box<dyn Fn(std::io::Error) -> Error>,
}

impl Npy {
    /// At `path`; `cannot` tells what the system refused.
    pub fn new(
        path: &Path,
        cannot: impl Fn(std::io::Error) -> Error + 'static,
    ) -> Result<Npy, Error> {
        let file = File::create_new(path).and_then(|mut f| {
            f.write_all(&[0; HEADER_BYTES])?;
            Ok(f)
        });
        let file = BufWriter::with_capacity(1 << 20, file.map_err(&cannot)?);
        let (uniform, descr) = (Uniform::default(), "|u1");
        Ok(Npy { file, uniform, frames: 0, descr, shape: (0, 0, 0), cannot: Box::new(cannot) })
    }

    fn header(&self) -> Vec<u8> {
        let (height, width, components) = self.shape;
        let last = if components > 1 { format!(", {components}") } else { String::new() };
        let text = format!(
            "{{'descr': '{}', 'fortran_order': False, 'shape': ({}, {height}, {width}{last}), }}",
            self.descr, self.frames
        );
        let mut header = b"\x93NUMPY\x01\x00".to_vec();
        header.extend_from_slice(&((HEADER_BYTES - 10) as u16).to_le_bytes());
        header.extend_from_slice(text.as_bytes());
        header.resize(HEADER_BYTES - 1, b' ');
        header.push(b'\n');
        header
    }
}

impl Sink for Npy {
    fn put(&mut self, shot: Shot<'_>) -> Result<Option<&'static str>, Error> {
        let image = shot.image;
        if self.uniform.check("a .npy array", shot.number, image)? {
            let components = image.format.components().ok_or_else(|| unsuitable(image.format))?;
            self.descr = if image.pixel_bytes() / components == 2 { "<u2" } else { "|u1" };
            self.shape = (image.height, image.width, components as u32);
        }
        self.frames += 1;
        self.file.write_all(&image.pixels).map_err(&self.cannot)?;
        // An array is no picture: that its values are those of the camera surprises nobody.
        Ok(told_as_grey(image.format).filter(|_| image.format.is_bayer()))
    }

    fn finish(&mut self) -> Result<(), Error> {
        let header = self.header();
        let file = &mut self.file;
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(&header))
            .and_then(|()| file.flush())
            .map_err(&self.cannot)
    }
}

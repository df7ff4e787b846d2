//! Pixels and nothing else: frames one behind the other in a file.

use super::{Frames, Taken};
use crate::error::{Error, ErrorKind};
use crate::format::Geometry;
use crate::words::counted;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Reads one such file.
pub struct Raw {
    path: PathBuf,
    file: BufReader<File>,
    geometry: Geometry,
    frames: u64,
    done: u64,
}

impl Raw {
    /// Of images of that geometry, which has been checked. The file must hold a whole number of them.
    pub fn open(path: &Path, geometry: Geometry) -> Result<Raw, Error> {
        let cannot = |e| {
            let what = format!("{} cannot be read", path.display());
            Error::with_source(ErrorKind::Io, what, e)
        };
        let file = File::open(path).map_err(cannot)?;
        let bytes = file.metadata().map_err(cannot)?.len();
        let each = geometry.image_bytes();
        if bytes == 0 || !bytes.is_multiple_of(each) {
            return Err(Error::config(format!(
                "{} has {}, no whole number of images of {}x{} {} with {each} each",
                path.display(),
                counted(bytes, "byte"),
                geometry.width,
                geometry.height,
                geometry.pixel_format
            )));
        }
        let file = BufReader::with_capacity(1 << 20, file);
        Ok(Raw { path: path.into(), file, geometry, frames: bytes / each, done: 0 })
    }
}

impl Frames for Raw {
    fn next(&mut self, pixels: &mut Vec<u8>) -> Result<Option<Taken>, Error> {
        if self.done == self.frames {
            return Ok(None);
        }
        // The file has so many bytes.
        pixels.resize(self.geometry.image_bytes() as usize, 0);
        self.file.read_exact(pixels).map_err(|e| {
            let what = format!("{} became shorter while it was read", self.path.display());
            Error::with_source(ErrorKind::Io, what, e)
        })?;
        self.done += 1;
        Ok(Some(Taken { geometry: self.geometry, unix_ns: None, file: self.path.clone() }))
    }

    fn expected(&self) -> u64 {
        self.frames
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

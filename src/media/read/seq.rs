//! NorPix `.seq`, uncompressed, of every version.

use super::{Frames, Taken, image_bytes};
use crate::error::{Error, ErrorKind};
use crate::format::{Geometry, PixelFormat};
use crate::media::seq::{BGR, GREY, HEADER_BYTES, Header, MOSAIC, RGB, time_of};
use crate::words::counted;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Whether a file that begins so is a `.seq` file.
pub fn is_seq(beginning: &[u8]) -> bool {
    beginning.starts_with(&0xFEED_u32.to_le_bytes())
}

/// Reads one such file.
pub struct Seq {
    path: PathBuf,
    file: File,
    header: Header,
    geometry: Geometry,
    frames: u64,
    done: u64,
    notes: Vec<String>,
}

impl Seq {
    /// Opens it. What it says of itself is checked against its length.
    pub fn open(path: &Path) -> Result<Seq, Error> {
        let cannot = |e| {
            let what = format!("{} cannot be read", path.display());
            Error::with_source(ErrorKind::Io, what, e)
        };
        let file = File::open(path).map_err(cannot)?;
        let bytes = file.metadata().map_err(cannot)?.len();
        let mut head = Vec::new();
        (&file).take(HEADER_BYTES as u64).read_to_end(&mut head).map_err(cannot)?;
        let said =
            |what: String| Error::new(ErrorKind::Source, format!("{} {what}", path.display()));
        let header = Header::decode(&head).ok_or_else(|| {
            said(format!("has {} and no header of a .seq file", counted(bytes, "byte")))
        })?;
        let (geometry, mut notes) = geometry(&header).map_err(said)?;
        let frames = frames(&header, bytes).map_err(said)?;
        if frames < u64::from(header.frames) {
            notes.push(format!(
                "the file ends before the last {} of {} frames",
                u64::from(header.frames) - frames,
                header.frames
            ));
        }
        Ok(Seq { path: path.into(), file, header, geometry, frames, done: 0, notes })
    }

    /// The time behind image `n`, unless there is no room for one or it is 0.
    fn time(&self, at: u64) -> Option<u64> {
        let h = &self.header;
        let room = u64::from(h.stride).checked_sub(h.image_bytes.into())?;
        let mut bytes = [0; 8];
        let bytes = &mut bytes[..h.time_bytes().min(8) as usize];
        if room < bytes.len() as u64 {
            return None;
        }
        self.file.read_exact_at(bytes, at + u64::from(h.image_bytes)).ok()?;
        Some(time_of(bytes)).filter(|t| *t > 0)
    }
}

/// What the images are, and what should be known about that.
fn geometry(h: &Header) -> Result<(Geometry, Vec<String>), String> {
    if h.compression != 0 {
        return Err(format!(
            "is compressed (kind {}); export it from StreamPix without compression",
            h.compression
        ));
    }
    let mut notes = Vec::new();
    let format = match (h.image_format, h.bits) {
        (GREY | MOSAIC, 8) => PixelFormat::MONO8,
        (GREY | MOSAIC, 16) => match h.bits_real {
            10 => PixelFormat::MONO10,
            12 => PixelFormat::MONO12,
            14 => PixelFormat::MONO14,
            _ => PixelFormat::MONO16,
        },
        (BGR, 24) => PixelFormat::BGR8,
        (RGB, 24) => PixelFormat::RGB8,
        (format, bits) => {
            return Err(format!(
                "has images of kind {format} with {bits} bits a pixel; grey levels and mosaics (100, 101) of 8 or 16 bits and colours (200, 400) of 24 are taken"
            ));
        }
    };
    if h.image_format == MOSAIC {
        notes.push("the file does not say which Bayer mosaic it has; --format does".into());
    }
    let pixel = u64::from(h.bits / 8);
    let bytes = image_bytes(h.width.into(), h.height.into(), pixel)
        .map_err(|e| format!("cannot be taken: {e}"))?;
    if bytes as u64 != u64::from(h.image_bytes) || h.stride < h.image_bytes {
        return Err(format!(
            "is damaged: images of {}x{} with {pixel} bytes a pixel have {bytes} bytes, and its header says {} every {}",
            h.width, h.height, h.image_bytes, h.stride
        ));
    }
    Ok((Geometry::new(h.width, h.height, format), notes))
}

/// Whole images that a file of so many bytes holds.
fn frames(h: &Header, bytes: u64) -> Result<u64, String> {
    let first = h.first_image() + u64::from(h.image_bytes);
    let Some(rest) = bytes.checked_sub(first) else {
        return Err(format!(
            "has {} and ends before its first image does, at {first}",
            counted(bytes, "byte")
        ));
    };
    let there = 1 + rest / u64::from(h.stride);
    // A recording that was not ended says 0.
    Ok(if h.frames == 0 { there } else { there.min(h.frames.into()) })
}

impl Frames for Seq {
    fn next(&mut self, pixels: &mut Vec<u8>) -> Result<Option<Taken>, Error> {
        if self.done == self.frames {
            return Ok(None);
        }
        let at = self.header.first_image() + self.done * u64::from(self.header.stride);
        pixels.resize(self.header.image_bytes as usize, 0);
        self.file.read_exact_at(pixels, at).map_err(|e| {
            let what = format!("frame {} of {} cannot be read", self.done, self.path.display());
            Error::with_source(ErrorKind::Io, what, e)
        })?;
        self.done += 1;
        let (geometry, unix_ns) = (self.geometry, self.time(at));
        Ok(Some(Taken { geometry, unix_ns, file: self.path.clone() }))
    }

    fn expected(&self) -> u64 {
        self.frames
    }

    fn rate(&self) -> Option<f64> {
        Some(self.header.rate).filter(|r| r.is_finite() && *r > 0.0)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

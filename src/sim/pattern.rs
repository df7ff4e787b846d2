//! A picture that can be checked to the byte: eight phase images, stamped with the frame's serial.
//!
//! ```text
//! byte i of phase image k:  | 5 bits: a picture of the position | 3 bits: (k + h(i)) mod 8 |
//! stamp, 16 bytes:          | serial, u64 LE | mix(serial, offset, seed, geometry), u64 LE |
//! stamps stand at 0, 4096, 8192, ... and in the last 16 bytes of the image
//! ```
//!
//! Frame `n` is phase image `n mod 8` with stamps: so a byte that is stale from one of the seven frames
//! before differs, and a page that is stale from any other frame carries another serial. An image below
//! 32 bytes has only the last stamp, below 16 bytes none.

use super::picture::{render, turn};
use crate::error::{Error, ErrorKind};
use crate::format::Geometry;
use std::fmt;

/// Phase images a geometry.
pub const PHASES: usize = 8;
/// Bytes of a stamp.
pub const STAMP_BYTES: usize = 16;
/// Bytes from one stamp to the next.
pub const STAMP_STEP_BYTES: usize = 4096;
/// The most memory that the phase images of one owner take together: 1 GiB.
pub const MAX_PATTERN_BYTES: usize = 1 << 30;

/// Copied between two rounds of stamping: what was copied is still in the second-level cache.
const CHUNK_BYTES: usize = 16 * STAMP_STEP_BYTES;

/// The finaliser of splitmix64: a bijection, so two serials never share a check.
pub(super) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// What is wrong with a payload, and where first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternFault {
    /// The first wrong byte, from the image's start.
    pub offset: usize,
    /// What is wrong there.
    pub kind: PatternFaultKind,
}

/// See [`PatternFault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternFaultKind {
    /// The payload is shorter or longer than the image.
    Length,
    /// A stamp that fits no frame of this geometry and seed.
    Stamp,
    /// The stamp of another frame: torn or stale.
    OtherFrame {
        /// Whose it is.
        serial: u64,
    },
    /// Image bytes that are not this frame's: torn, stale or overwritten.
    Bytes,
}

impl fmt::Display for PatternFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.offset;
        match self.kind {
            PatternFaultKind::Length => write!(f, "the payload ends or goes on at byte {at}"),
            PatternFaultKind::Stamp => write!(f, "the stamp near byte {at} is of no frame"),
            PatternFaultKind::OtherFrame { serial } => {
                write!(f, "the stamp near byte {at} is frame {serial}'s")
            }
            PatternFaultKind::Bytes => write!(f, "byte {at} is not this frame's"),
        }
    }
}

/// The phase images of one geometry and seed.
pub struct Pattern {
    geometry: Geometry,
    key: u64,
    len: usize,
    phases: Vec<Box<[u8]>>,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({} bytes x {PHASES})", self.len)
    }
}

impl Pattern {
    /// Renders the phase images. Allocates eight images: not for hot threads. Refuses an impossible
    /// geometry, and one whose images exceed [`MAX_PATTERN_BYTES`].
    pub fn new(geometry: &Geometry, seed: u64) -> Result<Pattern, Error> {
        geometry.check().map_err(|e| Error::config(format!("no pattern can be made: {e}")))?;
        let bytes = geometry.image_bytes();
        if bytes > (MAX_PATTERN_BYTES / PHASES) as u64 {
            return Err(Error::new(
                ErrorKind::Memory,
                format!(
                    "the pattern of {}x{} {} takes {PHASES} x {bytes} bytes; at most {MAX_PATTERN_BYTES} are allowed, so lower the region or the format",
                    geometry.width, geometry.height, geometry.pixel_format
                ),
            ));
        }
        let g = geometry;
        let key = [
            (u64::from(g.width) << 32) | u64::from(g.height),
            (u64::from(g.offset_x) << 32) | u64::from(g.offset_y),
            (u64::from(g.pixel_format.0) << 32) | u64::from(g.x_padding),
        ]
        .into_iter()
        .fold(mix(seed), |key, word| mix(key ^ word));
        let base = render(g, bytes as usize, key);
        let phases = (0..PHASES as u64).map(|k| turn(&base, k)).collect();
        Ok(Pattern { geometry: *g, key, len: base.len(), phases })
    }

    /// The geometry it was rendered for.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Bytes of one frame.
    pub fn image_bytes(&self) -> usize {
        self.len
    }

    /// Bytes of all phase images.
    pub fn memory_bytes(&self) -> usize {
        self.len * PHASES
    }

    /// Writes frame `serial` to the start of `out`; as much of it as fits.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock, no system call; the speed of memory.
    pub fn write(&self, serial: u64, out: &mut [u8]) {
        let end = self.len.min(out.len());
        let image = &self.phases[phase(serial)];
        let mut at = 0;
        while at < end {
            let to = (at + CHUNK_BYTES).min(end);
            out[at..to].copy_from_slice(&image[at..to]);
            self.stamp_range(serial, &mut out[..to], at);
            at = to;
        }
        self.stamp_last(serial, &mut out[..end]);
    }

    /// Patches only the stamps of frame `serial`, into an image of the right phase.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock, no system call; one cache line a page.
    pub fn stamp(&self, serial: u64, out: &mut [u8]) {
        let end = self.len.min(out.len());
        self.stamp_range(serial, &mut out[..end], 0);
        self.stamp_last(serial, &mut out[..end]);
    }

    /// The stamps at page boundaries from `from` (a boundary itself) to the end of `out`.
    fn stamp_range(&self, serial: u64, out: &mut [u8], from: usize) {
        let mut at = from;
        while at + 2 * STAMP_BYTES <= self.len && at < out.len() {
            put(&mut out[at..], &self.stamp_of(serial, at));
            at += STAMP_STEP_BYTES;
        }
    }

    fn stamp_last(&self, serial: u64, out: &mut [u8]) {
        if let Some(at) = self.len.checked_sub(STAMP_BYTES).filter(|at| *at < out.len()) {
            put(&mut out[at..], &self.stamp_of(serial, at));
        }
    }

    fn check_word(&self, serial: u64, at: usize) -> u64 {
        mix(serial ^ mix(self.key.wrapping_add(at as u64)))
    }

    fn stamp_of(&self, serial: u64, at: usize) -> [u8; STAMP_BYTES] {
        let mut stamp = [0; STAMP_BYTES];
        stamp[..8].copy_from_slice(&serial.to_le_bytes());
        stamp[8..].copy_from_slice(&self.check_word(serial, at).to_le_bytes());
        stamp
    }

    /// The serial of the stamp at `at`, if a whole and true one stands there.
    fn serial_at(&self, payload: &[u8], at: usize) -> Option<u64> {
        let serial = word(payload, at)?;
        (word(payload, at + 8)? == self.check_word(serial, at)).then_some(serial)
    }

    /// Where the first stamp stands.
    fn first_stamp(&self) -> Option<usize> {
        match self.len {
            0..STAMP_BYTES => None,
            n if n < 2 * STAMP_BYTES => Some(n - STAMP_BYTES),
            _ => Some(0),
        }
    }

    /// Whether the first or the last stamp is true: if not, this is no frame of ours at all.
    pub fn is_stamped(&self, payload: &[u8]) -> bool {
        let last = self.len.checked_sub(STAMP_BYTES);
        [self.first_stamp(), last]
            .into_iter()
            .flatten()
            .any(|at| self.serial_at(payload, at).is_some())
    }

    /// Checks a whole image and returns its serial. With a hint, it must be that frame. An image below 16
    /// bytes says only its phase: then the hint is returned, or the phase without one.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock; the speed of comparing memory.
    pub fn check(&self, serial_hint: Option<u64>, image: &[u8]) -> Result<u64, PatternFault> {
        if image.len() != self.len {
            let offset = image.len().min(self.len);
            return Err(PatternFault { offset, kind: PatternFaultKind::Length });
        }
        if self.first_stamp().is_some() {
            return self.check_part(serial_hint, image).map(|s| s.unwrap_or_default());
        }
        let serials = serial_hint.map_or(0..=PHASES as u64 - 1, |s| s..=s);
        let mut fault = PatternFault { offset: 0, kind: PatternFaultKind::Bytes };
        for serial in serials {
            match self.same(serial, image, 0, self.len) {
                Ok(()) => return Ok(serial),
                Err(f) => fault = f,
            }
        }
        Err(fault)
    }

    /// Checks the first bytes of an image, as an incomplete frame has them. `None`: too few came to know
    /// whose they are, and no hint was given.
    pub fn check_part(
        &self,
        serial_hint: Option<u64>,
        part: &[u8],
    ) -> Result<Option<u64>, PatternFault> {
        let part = &part[..part.len().min(self.len)];
        let first = self.first_stamp().filter(|at| at + STAMP_BYTES <= part.len());
        let serial = match (serial_hint, first) {
            (Some(serial), _) => serial,
            (None, Some(at)) => self
                .serial_at(part, at)
                .ok_or(PatternFault { offset: at, kind: PatternFaultKind::Stamp })?,
            (None, None) => return Ok(None),
        };
        let (mut done, mut at) = (0, 0);
        while at + 2 * STAMP_BYTES <= self.len && at < part.len() {
            self.same(serial, part, done, at)?;
            self.check_stamp(serial, part, at)?;
            done = (at + STAMP_BYTES).min(part.len());
            at += STAMP_STEP_BYTES;
        }
        match self.len.checked_sub(STAMP_BYTES).filter(|last| *last < part.len()) {
            Some(last) => {
                self.same(serial, part, done, last)?;
                self.check_stamp(serial, part, last)?;
            }
            None => self.same(serial, part, done, part.len())?,
        }
        Ok(Some(serial))
    }

    #[inline]
    fn same(&self, serial: u64, got: &[u8], from: usize, to: usize) -> Result<(), PatternFault> {
        let (got, want) = (&got[from..to], &self.phases[phase(serial)][from..to]);
        if got == want {
            return Ok(());
        }
        Err(PatternFault { offset: from + differs(got, want), kind: PatternFaultKind::Bytes })
    }

    #[inline]
    fn check_stamp(&self, serial: u64, part: &[u8], at: usize) -> Result<(), PatternFault> {
        let want = self.stamp_of(serial, at);
        let got = &part[at..(at + STAMP_BYTES).min(part.len())];
        if *got == want[..got.len()] {
            return Ok(());
        }
        let kind = match self.serial_at(part, at) {
            Some(other) => PatternFaultKind::OtherFrame { serial: other },
            None => PatternFaultKind::Stamp,
        };
        Err(PatternFault { offset: at + differs(got, &want), kind })
    }
}

/// The serial that the first stamp of a whole image claims, unchecked: it needs neither seed nor geometry.
pub fn read_serial(image: &[u8]) -> Option<u64> {
    let at =
        if image.len() >= 2 * STAMP_BYTES { 0 } else { image.len().checked_sub(STAMP_BYTES)? };
    word(image, at)
}

#[inline]
pub(super) fn phase(serial: u64) -> usize {
    (serial % PHASES as u64) as usize
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes)
}

/// Writes as much of the stamp as fits.
fn put(out: &mut [u8], stamp: &[u8; STAMP_BYTES]) {
    let n = out.len().min(STAMP_BYTES);
    out[..n].copy_from_slice(&stamp[..n]);
}

fn differs(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()))
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;

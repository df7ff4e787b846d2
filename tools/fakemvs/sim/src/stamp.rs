//! What is in a simulated image, and how to prove that it is whole.
//!
//! An image begins with a stamp of 56 bytes, all numbers little-endian:
//!
//! ```text
//! @0   8 bytes  "FAKEMVS1"
//! @8   u32      nFrameNum
//! @12  u32      length of the image in bytes, stamp included
//! @16  u64      serial: frames that the camera has taken since it was made, from 0
//! @24  u32      width in pixels
//! @28  u32      height in pixels
//! @32  u32      pixel format code
//! @36  u32      0
//! @40  u64      sum of the body
//! @48  u64      sum of bytes 0..48 of the stamp
//! ```
//!
//! A sum adds little-endian 64-bit words modulo 2^64; a last word that is not full is padded with zeros. In formats whose
//! pixels are 16-bit containers, byte k of the stamp is the low byte of pixel k, so that no value exceeds the
//! format's depth; the stamp is then 112 bytes long.
//!
//! The body is a tape of 65536 pseudo-random bytes, repeated, begun at another place for each serial:
//! byte i of the body is `tape[(19816 * serial + i) mod 65536]`. In 16-bit containers it is cut to the format's depth.

use crate::pixel;

/// Bytes of the stamp.
pub const STAMP_BYTES: usize = 56;
const MAGIC: &[u8; 8] = b"FAKEMVS1";
const TAPE_BYTES: usize = 1 << 16;
/// A multiple of 8, and odd in units of 8: 8192 frames pass before a body returns.
const STRIDE: u64 = 19_816;

/// What the stamp of an image says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// As `nFrameNum`.
    pub frame_num: u32,
    /// Bytes of the image, stamp included.
    pub length: u32,
    /// Frames that the camera took before this one.
    pub serial: u64,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// The pixel format's code.
    pub pixel: u32,
}

/// Why an image is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Torn {
    /// There is no stamp, or it is damaged.
    NoStamp,
    /// The image is longer than the bytes that were given.
    Cut,
    /// The body differs from this byte of the image on.
    Body(usize),
}

/// Paints images of one pixel format.
pub struct Painter {
    tape: Vec<u8>,
    step: usize,
}

impl Painter {
    /// A painter for the format of this code.
    pub fn new(code: u32) -> Painter {
        let mask = pixel::by_code(code).map_or(0, |f| f.mask16);
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut tape = Vec::with_capacity(TAPE_BYTES);
        while tape.len() < TAPE_BYTES {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            tape.extend_from_slice(&state.to_le_bytes());
        }
        if mask != 0 {
            for pair in tape.chunks_exact_mut(2) {
                let value = u16::from_le_bytes([pair[0], pair[1]]) & mask;
                pair.copy_from_slice(&value.to_le_bytes());
            }
        }
        Painter { tape, step: if mask == 0 { 1 } else { 2 } }
    }

    /// Paints `image`, which is as long as the stamp says. An image too small for a stamp is all body.
    pub fn paint(&self, image: &mut [u8], stamp: &Stamp) {
        let head = STAMP_BYTES * self.step;
        if image.len() < head {
            self.body(image, stamp.serial);
            return;
        }
        let (stamped, body) = image.split_at_mut(head);
        self.body(body, stamp.serial);
        let bytes = encode(stamp, sum(body));
        stamped.fill(0);
        for (k, byte) in bytes.iter().enumerate() {
            stamped[k * self.step] = *byte;
        }
    }

    fn body(&self, out: &mut [u8], serial: u64) {
        for (run, at) in self.runs(out.len(), serial) {
            out[run.clone()].copy_from_slice(&self.tape[at..at + run.len()]);
        }
    }

    /// The pieces of a body, each with its place on the tape.
    fn runs(
        &self,
        len: usize,
        serial: u64,
    ) -> impl Iterator<Item = (std::ops::Range<usize>, usize)> + '_ {
        let mut done = 0;
        let mut at = (STRIDE.wrapping_mul(serial) % TAPE_BYTES as u64) as usize;
        std::iter::from_fn(move || {
            let run = done..len.min(done + TAPE_BYTES - at);
            let place = at;
            done = run.end;
            at = 0;
            (!run.is_empty()).then_some((run, place))
        })
    }
}

/// Reads the stamp of `payload` and compares all bytes of the image with what was painted.
pub fn check(payload: &[u8]) -> Result<Stamp, Torn> {
    let step = [1, 2].into_iter().find(|step| {
        payload.len() >= STAMP_BYTES * step
            && (0..8).all(|k| payload[k * step] == MAGIC[k])
            && (*step == 1 || (0..STAMP_BYTES).all(|k| payload[k * 2 + 1] == 0))
    });
    let step = step.ok_or(Torn::NoStamp)?;
    let mut head = [0_u8; STAMP_BYTES];
    for (k, byte) in head.iter_mut().enumerate() {
        *byte = payload[k * step];
    }
    if u64_at(&head, 48) != sum(&head[..48]) {
        return Err(Torn::NoStamp);
    }
    let stamp = Stamp {
        frame_num: u32_at(&head, 8),
        length: u32_at(&head, 12),
        serial: u64_at(&head, 16),
        width: u32_at(&head, 24),
        height: u32_at(&head, 28),
        pixel: u32_at(&head, 32),
    };
    let length = stamp.length as usize;
    if length < STAMP_BYTES * step {
        return Err(Torn::NoStamp);
    }
    if length > payload.len() {
        return Err(Torn::Cut);
    }
    let body = &payload[STAMP_BYTES * step..length];
    if sum(body) == u64_at(&head, 40) {
        return Ok(stamp);
    }
    let painter = Painter::new(stamp.pixel);
    let wrong = painter.runs(body.len(), stamp.serial).find_map(|(run, at)| {
        let right = &painter.tape[at..at + run.len()];
        body[run.clone()].iter().zip(right).position(|(a, b)| a != b).map(|k| run.start + k)
    });
    Err(Torn::Body(STAMP_BYTES * step + wrong.unwrap_or(0)))
}

fn encode(stamp: &Stamp, body_sum: u64) -> [u8; STAMP_BYTES] {
    let mut out = [0_u8; STAMP_BYTES];
    out[..8].copy_from_slice(MAGIC);
    out[8..12].copy_from_slice(&stamp.frame_num.to_le_bytes());
    out[12..16].copy_from_slice(&stamp.length.to_le_bytes());
    out[16..24].copy_from_slice(&stamp.serial.to_le_bytes());
    out[24..28].copy_from_slice(&stamp.width.to_le_bytes());
    out[28..32].copy_from_slice(&stamp.height.to_le_bytes());
    out[32..36].copy_from_slice(&stamp.pixel.to_le_bytes());
    out[40..48].copy_from_slice(&body_sum.to_le_bytes());
    let own = sum(&out[..48]);
    out[48..].copy_from_slice(&own.to_le_bytes());
    out
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Little-endian 64-bit words, added modulo 2^64, the last one padded with zeros.
fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(8);
    let mut last = [0_u8; 8];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    words.map(|w| u64_at(w, 0)).fold(u64::from_le_bytes(last), u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(code: u32, width: u32, height: u32, serial: u64) -> Vec<u8> {
        let length = pixel::by_code(code).expect("a known format").bytes(width, height);
        let stamp =
            Stamp { frame_num: 7, length: length as u32, serial, width, height, pixel: code };
        let mut image = vec![0; length];
        Painter::new(code).paint(&mut image, &stamp);
        assert_eq!(check(&image), Ok(stamp), "{code:#x}");
        image
    }

    /// Catches: a format whose image does not pass its own check, or holds values beyond its depth.
    #[test]
    fn every_format_is_checkable_and_valid() {
        for format in pixel::MONO.iter().chain(pixel::COLOUR) {
            let image = painted(format.code, 321, 207, 12_345);
            if format.mask16 != 0 {
                let over = image
                    .chunks_exact(2)
                    .any(|p| u16::from_le_bytes([p[0], p[1]]) & !format.mask16 != 0);
                assert!(!over, "{} has values beyond its depth", format.name);
            }
        }
    }

    /// Catches: a checker that misses a byte, a mixture of two frames, or a cut.
    #[test]
    fn no_tear_passes() {
        let image = painted(0x0108_0001, 64, 48, 5);
        let other = painted(0x0108_0001, 64, 48, 6);
        for at in 0..image.len() {
            let mut torn = image.clone();
            torn[at] ^= 0x10;
            assert!(check(&torn).is_err(), "byte {at}");
        }
        let mut mixed = image.clone();
        mixed[1000..].copy_from_slice(&other[1000..]);
        assert!(matches!(check(&mixed), Err(Torn::Body(at)) if at >= 1000));
        assert_eq!(check(&image[..image.len() - 1]), Err(Torn::Cut));
        assert_eq!(check(&[]), Err(Torn::NoStamp));
    }
}

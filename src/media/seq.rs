//! The header of a NorPix `.seq` file and its times. Drawn in `write/seq.rs`; read in `read/seq.rs`.

/// The header's fields.
pub const HEADER_BYTES: usize = 1024;
/// Where images begin from version 5 on; before, they begin behind the header.
pub const FIRST_IMAGE: u64 = 8192;
/// The time behind each image, from version 5 on; before, it has no microseconds.
pub const TIME_BYTES: u64 = 8;
const MAGIC: u32 = 0xFEED;

/// One grey level a pixel.
pub const GREY: u32 = 100;
/// One colour of a Bayer mosaic a pixel.
pub const MOSAIC: u32 = 101;
/// Blue, green, red.
pub const BGR: u32 = 200;
/// Red, green, blue.
pub const RGB: u32 = 400;

/// What a file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Header {
    pub version: u32,
    pub width: u32,
    pub height: u32,
    /// Bits of a pixel as it lies in the file.
    pub bits: u32,
    /// Bits of a pixel that count.
    pub bits_real: u32,
    pub image_bytes: u32,
    pub image_format: u32,
    pub frames: u32,
    /// Bytes from one image to the next.
    pub stride: u32,
    /// Frames a second.
    pub rate: f64,
    /// 0: none.
    pub compression: u32,
}

impl Header {
    /// Its bytes.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut b = [0; HEADER_BYTES];
        let mut put = |at: usize, v: u32| b[at..at + 4].copy_from_slice(&v.to_le_bytes());
        put(0, MAGIC);
        put(28, self.version);
        put(32, HEADER_BYTES as u32);
        let words = [self.width, self.height, self.bits, self.bits_real, self.image_bytes];
        for (i, v) in words.into_iter().enumerate() {
            put(548 + 4 * i, v);
        }
        put(568, self.image_format);
        put(572, self.frames);
        put(580, self.stride);
        put(620, self.compression);
        b[584..592].copy_from_slice(&self.rate.to_le_bytes());
        for (at, text) in [(4, "Norpix seq"), (36, "frameline export")] {
            let units = text.encode_utf16().flat_map(u16::to_le_bytes);
            b[at..].iter_mut().zip(units).for_each(|(b, u)| *b = u);
        }
        b
    }

    /// Reads it; `None`: these bytes begin no `.seq` file. Nothing is checked.
    pub fn decode(b: &[u8]) -> Option<Header> {
        let b: &[u8; HEADER_BYTES] = b.first_chunk()?;
        let word = |at: usize| u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
        let mut rate = [0; 8];
        rate.copy_from_slice(&b[584..592]);
        (word(0) == MAGIC).then(|| Header {
            version: word(28),
            width: word(548),
            height: word(552),
            bits: word(556),
            bits_real: word(560),
            image_bytes: word(564),
            image_format: word(568),
            frames: word(572),
            stride: word(580),
            rate: f64::from_le_bytes(rate),
            compression: word(620),
        })
    }

    /// Where the first image begins.
    pub fn first_image(&self) -> u64 {
        if self.version >= 5 { FIRST_IMAGE } else { HEADER_BYTES as u64 }
    }

    /// Bytes of the time behind an image that mean something.
    pub fn time_bytes(&self) -> u64 {
        if self.version >= 5 { TIME_BYTES } else { 6 }
    }
}

/// A time, ns since 1970, as it stands behind an image. Parts of a microsecond are lost, and so are years beyond 2106.
pub fn time_bytes(unix_ns: u64) -> [u8; TIME_BYTES as usize] {
    let us = unix_ns / 1_000;
    let mut b = [0; TIME_BYTES as usize];
    b[..4].copy_from_slice(&((us / 1_000_000) as u32).to_le_bytes());
    b[4..6].copy_from_slice(&((us / 1_000 % 1_000) as u16).to_le_bytes());
    b[6..].copy_from_slice(&((us % 1_000) as u16).to_le_bytes());
    b
}

/// What stands behind an image as ns since 1970; without microseconds where only 6 bytes are given.
pub fn time_of(b: &[u8]) -> u64 {
    let at = |i: usize| u64::from(b.get(i).copied().unwrap_or(0));
    let seconds = at(0) | at(1) << 8 | at(2) << 16 | at(3) << 24;
    let ms = at(4) | at(5) << 8;
    let us = at(6) | at(7) << 8;
    seconds * 1_000_000_000 + ms * 1_000_000 + us * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_headers_come_back() {
        // Catches a field at another place than it is read from, and a time that loses its milliseconds.
        let header = Header {
            version: 5,
            width: 7,
            height: 9,
            bits: 16,
            bits_real: 12,
            image_bytes: 126,
            image_format: GREY,
            frames: 3,
            stride: 512,
            rate: 25.5,
            compression: 0,
        };
        assert_eq!(Header::decode(&header.encode()), Some(header));
        assert_eq!(Header::decode(&header.encode()[..1000]), None);
        let ns = 1_790_000_000_123_456_000;
        assert_eq!(time_of(&time_bytes(ns)), ns);
        assert_eq!(time_of(&time_bytes(ns)[..6]), 1_790_000_000_123_000_000);
    }
}

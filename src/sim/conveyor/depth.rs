//! From eight bits a pixel to the other formats that the conveyor can be shown in.

use crate::format::{Geometry, PixelFormat};

/// How a row of eight-bit pixels becomes a row of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// As it is: Mono8, and Bayer mosaics of a grey scene.
    Eight,
    /// So many significant bits in 16, little endian.
    Wide(u32),
    /// So many bits without gaps, least significant first (PFNC's `p`).
    Packed(u32),
    /// So many bits, two pixels in three bytes: the upper eight of one, the lower bits of both, the upper eight
    /// of the other (GigE Vision's `Packed`).
    Paired(u32),
}

impl Depth {
    /// The depth of a geometry's format; `None`: the conveyor cannot be shown in it.
    pub fn of(g: &Geometry) -> Option<Depth> {
        let f = g.pixel_format;
        let name = f.name()?;
        let grey = name.starts_with("Mono") || f.is_bayer();
        let whole_rows = (u64::from(g.width) * u64::from(f.bits_per_pixel())).is_multiple_of(8);
        if !grey || !whole_rows || g.x_padding != 0 {
            return None;
        }
        match (f.bits_per_pixel(), f.component_bits()?) {
            (8, 8) => Some(Depth::Eight),
            // Mono10 has only two bits in its upper byte, which the pattern cannot use; the conveyor can.
            (16, bits @ 8..=16) => Some(Depth::Wide(bits)),
            (bits @ 8..=16, depth) if bits == depth && name.ends_with('p') => {
                Some(Depth::Packed(bits))
            }
            (12, bits @ 8..=12) if name.ends_with("Packed") => Some(Depth::Paired(bits)),
            _ => None,
        }
    }

    /// Bytes of a row of `width` pixels.
    pub fn row_bytes(self, width: usize) -> usize {
        match self {
            Depth::Eight => width,
            Depth::Wide(_) => 2 * width,
            Depth::Packed(bits) => width * bits as usize / 8,
            Depth::Paired(_) => width / 2 * 3,
        }
    }

    /// Converts a row.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock.
    pub fn convert(self, from: &[u8], to: &mut [u8]) {
        match self {
            Depth::Eight => to.copy_from_slice(from),
            Depth::Wide(bits) => {
                for (v, to) in from.iter().zip(to.as_chunks_mut::<2>().0) {
                    *to = (scaled(*v, bits) as u16).to_le_bytes();
                }
            }
            Depth::Packed(bits) => {
                let (mut store, mut have) = (0_u32, 0);
                let mut out = to.iter_mut();
                for v in from {
                    store |= scaled(*v, bits) << have;
                    have += bits;
                    while have >= 8 {
                        if let Some(byte) = out.next() {
                            *byte = store as u8;
                        }
                        store >>= 8;
                        have -= 8;
                    }
                }
            }
            Depth::Paired(bits) => {
                let low = (1 << (bits - 8)) - 1;
                let pairs = from.as_chunks::<2>().0;
                for ([a, b], to) in pairs.iter().zip(to.as_chunks_mut::<3>().0) {
                    let (a, b) = (scaled(*a, bits), scaled(*b, bits));
                    let upper = |v: u32| (v >> (bits - 8)) as u8;
                    *to = [upper(a), (a & low | (b & low) << 4) as u8, upper(b)];
                }
            }
        }
    }
}

/// Eight bits spread over `bits`: 255 becomes the format's white.
fn scaled(v: u8, bits: u32) -> u32 {
    let v = u32::from(v);
    (v << (bits - 8)) | (v >> (16 - bits).min(8))
}

/// The formats that the conveyor can be shown in, for a message.
pub(super) fn formats() -> impl Iterator<Item = PixelFormat> {
    let shown = |f: &PixelFormat| Depth::of(&Geometry::new(64, 64, *f)).is_some();
    PixelFormat::ALL.iter().copied().filter(shown)
}

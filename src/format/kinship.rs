//! What a pixel format has in common with others: how its pixels are packed, which colours its mosaic has, and
//! what it is called at another depth.

use super::PixelFormat;

/// How pixels that share bytes lie in them. Each packing repeats after a *group* of whole bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Packing {
    /// PFNC `10p`: one string of bits, least significant first; four pixels in five bytes.
    Lsb10,
    /// PFNC `12p`: one string of bits, least significant first; two pixels in three bytes.
    Lsb12,
    /// GigE Vision `10Packed`: upper eight bits, the lower two bits of both, upper eight bits.
    Gev10,
    /// GigE Vision `12Packed`: upper eight bits, the lower four bits of both, upper eight bits.
    Gev12,
}

impl Packing {
    /// All of them.
    pub const ALL: [Packing; 4] = [Packing::Lsb10, Packing::Lsb12, Packing::Gev10, Packing::Gev12];

    /// Significant bits of a pixel.
    pub const fn depth(self) -> u32 {
        match self {
            Packing::Lsb10 | Packing::Gev10 => 10,
            Packing::Lsb12 | Packing::Gev12 => 12,
        }
    }

    /// Bits from one pixel to the next.
    pub const fn bits_per_pixel(self) -> usize {
        match self {
            Packing::Lsb10 => 10,
            _ => 12,
        }
    }

    /// Bytes that hold so many pixels.
    pub const fn bytes_of(self, pixels: usize) -> usize {
        (pixels * self.bits_per_pixel()).div_ceil(8)
    }

    /// Pixels that came whole with so many bytes.
    pub const fn pixels_in(self, bytes: usize) -> usize {
        // A packing repeats after 40 or 24 bits: no product can overflow.
        let (bytes_a_group, pixels_a_group) = match self {
            Packing::Lsb10 => (5, 4),
            _ => (3, 2),
        };
        bytes / bytes_a_group * pixels_a_group + bytes % bytes_a_group * 8 / self.bits_per_pixel()
    }
}

/// The colours of a Bayer mosaic, named as in PFNC by the first two pixels of the first row of the image as
/// it is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mosaic {
    /// Green, red; blue, green.
    Gr,
    /// Red, green; green, blue.
    Rg,
    /// Green, blue; red, green.
    Gb,
    /// Blue, green; green, red.
    Bg,
}

impl Mosaic {
    /// All of them.
    pub const ALL: [Mosaic; 4] = [Mosaic::Gr, Mosaic::Rg, Mosaic::Gb, Mosaic::Bg];

    /// Column (0 or 1) and row (0 or 1) of the red pixel in each square of four.
    pub const fn red(self) -> (usize, usize) {
        match self {
            Mosaic::Rg => (0, 0),
            Mosaic::Gr => (1, 0),
            Mosaic::Gb => (0, 1),
            Mosaic::Bg => (1, 1),
        }
    }
}

type Depths = &'static [PixelFormat];

/// Formats whose pixels are whole bytes, by what they show.
const UNPACKED: [(Option<Mosaic>, Depths); 5] = {
    use PixelFormat as P;
    [
        (None, &[P::MONO8, P::MONO10, P::MONO12, P::MONO14, P::MONO16]),
        (Some(Mosaic::Gr), &[P::BAYER_GR8, P::BAYER_GR10, P::BAYER_GR12, P::BAYER_GR16]),
        (Some(Mosaic::Rg), &[P::BAYER_RG8, P::BAYER_RG10, P::BAYER_RG12, P::BAYER_RG16]),
        (Some(Mosaic::Gb), &[P::BAYER_GB8, P::BAYER_GB10, P::BAYER_GB12, P::BAYER_GB16]),
        (Some(Mosaic::Bg), &[P::BAYER_BG8, P::BAYER_BG10, P::BAYER_BG12, P::BAYER_BG16]),
    ]
};

impl PixelFormat {
    /// How its pixels are packed; `None` where they are whole bytes, or the code is unknown.
    pub fn packing(self) -> Option<Packing> {
        let name = self.name()?;
        match (name.ends_with("Packed"), name.ends_with('p'), self.component_bits()?) {
            (true, _, 10) => Some(Packing::Gev10),
            (true, _, 12) => Some(Packing::Gev12),
            (_, true, 10) => Some(Packing::Lsb10),
            (_, true, 12) => Some(Packing::Lsb12),
            _ => None,
        }
    }

    /// The colours of its mosaic; `None` if it has none, or the code is unknown.
    pub fn mosaic(self) -> Option<Mosaic> {
        let name = self.name()?.strip_prefix("Bayer")?;
        Some(match name.get(..2)? {
            "GR" => Mosaic::Gr,
            "RG" => Mosaic::Rg,
            "GB" => Mosaic::Gb,
            "BG" => Mosaic::Bg,
            _ => return None,
        })
    }

    /// The format of whole bytes with `depth` significant bits that shows the same: of `BayerRG10p` and 8 it
    /// is `BayerRG8`. `None` for formats with several components a pixel, and where there is none.
    pub fn unpacked_at(self, depth: u32) -> Option<PixelFormat> {
        let name = self.name()?;
        let mosaic = self.mosaic();
        if mosaic.is_none() && !name.starts_with("Mono") {
            return None;
        }
        let (_, formats) = UNPACKED.iter().find(|(of, _)| *of == mosaic)?;
        formats.iter().copied().find(|f| f.component_bits() == Some(depth))
    }

    /// Components of a pixel: 3 for `RGB8`, 1 for monochrome and mosaics; `None` for an unknown code.
    pub fn components(self) -> Option<usize> {
        match self {
            PixelFormat::RGB8 | PixelFormat::BGR8 => Some(3),
            _ => self.name().map(|_| 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packed_format_has_a_packing_of_its_size() {
        // Catches a packed format that nobody can unpack, and one taken for another's packing.
        for f in PixelFormat::ALL {
            assert_eq!(f.is_packed(), f.packing().is_some(), "{f}");
            if let Some(p) = f.packing() {
                assert_eq!(p.bits_per_pixel() as u32, f.bits_per_pixel(), "{f}");
                assert_eq!(Some(p.depth()), f.component_bits(), "{f}");
                assert_eq!(
                    f.name().unwrap().contains("Packed"),
                    matches!(p, Packing::Gev10 | Packing::Gev12)
                );
                assert!(f.unpacked_at(p.depth()).is_some() && f.unpacked_at(8).is_some(), "{f}");
            }
        }
    }

    #[test]
    fn kin_keep_colours_and_size() {
        // Catches a mosaic that changes its colours when its depth changes.
        for f in PixelFormat::ALL {
            for depth in [8, 10, 12, 14, 16] {
                let Some(kin) = f.unpacked_at(depth) else { continue };
                assert_eq!((kin.mosaic(), kin.component_bits()), (f.mosaic(), Some(depth)), "{f}");
                assert!(!kin.is_packed());
            }
            assert_eq!(f.mosaic().is_some(), f.is_bayer());
        }
        assert_eq!(PixelFormat::RGB8.unpacked_at(8), None);
        assert_eq!(PixelFormat(7).unpacked_at(8), None);
        assert_eq!(PixelFormat::BAYER_GB12_PACKED.unpacked_at(16), Some(PixelFormat::BAYER_GB16));
    }

    #[test]
    fn bytes_and_pixels_are_each_others_reverse() {
        // Catches a last pixel that is read though its bits did not come.
        for p in Packing::ALL {
            for n in 0..50 {
                let bytes = p.bytes_of(n);
                assert!(p.pixels_in(bytes) >= n, "{p:?} {n}");
                if n > 0 {
                    assert!(p.pixels_in(bytes - 1) < n, "{p:?} {n}");
                }
            }
        }
    }
}

//! PFNC codes and bit depths (GenICam Pixel Format Naming Convention 2.4, 32-bit values).

use std::fmt;

/// A PFNC pixel format: the 32-bit code, whose bits 16 to 23 are the bits that a pixel occupies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PixelFormat(pub u32);

macro_rules! formats {
    ($($(#[$doc:meta])* $konst:ident = $name:literal, $code:literal, $depth:literal;)*) => {
        impl PixelFormat {
            $($(#[$doc])* pub const $konst: PixelFormat = PixelFormat($code);)*

            /// Every format that has a name here.
            pub const ALL: &'static [PixelFormat] = &[$(PixelFormat::$konst),*];

            /// The PFNC name, verbatim; `None` for a code that this table does not have.
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($code => Some($name),)* _ => None }
            }

            /// The format of that PFNC name (case matters, as in the standard).
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(PixelFormat($code)),)* _ => None }
            }

            /// Significant bits of one component; `None` for an unknown code.
            pub fn component_bits(self) -> Option<u32> {
                match self.0 { $($code => Some($depth),)* _ => None }
            }
        }
    };
}

formats! {
    /// 8-bit monochrome.
    MONO8 = "Mono8", 0x0108_0001, 8;
    /// 10-bit monochrome in 16.
    MONO10 = "Mono10", 0x0110_0003, 10;
    /// 12-bit monochrome in 16.
    MONO12 = "Mono12", 0x0110_0005, 12;
    /// 14-bit monochrome in 16.
    MONO14 = "Mono14", 0x0110_0025, 14;
    /// 16-bit monochrome.
    MONO16 = "Mono16", 0x0110_0007, 16;
    /// 10-bit monochrome, packed without gaps, lsb first.
    MONO10P = "Mono10p", 0x010A_0046, 10;
    /// 12-bit monochrome, packed without gaps, lsb first.
    MONO12P = "Mono12p", 0x010C_0047, 12;
    /// 10-bit monochrome in GigE Vision's own packing: two pixels in three bytes.
    MONO10_PACKED = "Mono10Packed", 0x010C_0004, 10;
    /// 12-bit monochrome in GigE Vision's own packing: two pixels in three bytes.
    MONO12_PACKED = "Mono12Packed", 0x010C_0006, 12;
    /// Bayer, green-red row first, 8 bits.
    BAYER_GR8 = "BayerGR8", 0x0108_0008, 8;
    /// Bayer, red-green row first, 8 bits.
    BAYER_RG8 = "BayerRG8", 0x0108_0009, 8;
    /// Bayer, green-blue row first, 8 bits.
    BAYER_GB8 = "BayerGB8", 0x0108_000A, 8;
    /// Bayer, blue-green row first, 8 bits.
    BAYER_BG8 = "BayerBG8", 0x0108_000B, 8;
    /// Bayer, green-red row first, 10 bits in 16.
    BAYER_GR10 = "BayerGR10", 0x0110_000C, 10;
    /// Bayer, red-green row first, 10 bits in 16.
    BAYER_RG10 = "BayerRG10", 0x0110_000D, 10;
    /// Bayer, green-blue row first, 10 bits in 16.
    BAYER_GB10 = "BayerGB10", 0x0110_000E, 10;
    /// Bayer, blue-green row first, 10 bits in 16.
    BAYER_BG10 = "BayerBG10", 0x0110_000F, 10;
    /// Bayer, green-red row first, 12 bits in 16.
    BAYER_GR12 = "BayerGR12", 0x0110_0010, 12;
    /// Bayer, red-green row first, 12 bits in 16.
    BAYER_RG12 = "BayerRG12", 0x0110_0011, 12;
    /// Bayer, green-blue row first, 12 bits in 16.
    BAYER_GB12 = "BayerGB12", 0x0110_0012, 12;
    /// Bayer, blue-green row first, 12 bits in 16.
    BAYER_BG12 = "BayerBG12", 0x0110_0013, 12;
    /// Bayer, green-red row first, 16 bits.
    BAYER_GR16 = "BayerGR16", 0x0110_002E, 16;
    /// Bayer, red-green row first, 16 bits.
    BAYER_RG16 = "BayerRG16", 0x0110_002F, 16;
    /// Bayer, green-blue row first, 16 bits.
    BAYER_GB16 = "BayerGB16", 0x0110_0030, 16;
    /// Bayer, blue-green row first, 16 bits.
    BAYER_BG16 = "BayerBG16", 0x0110_0031, 16;
    /// Bayer, green-red row first, 10 bits packed without gaps, lsb first.
    BAYER_GR10P = "BayerGR10p", 0x010A_0056, 10;
    /// Bayer, red-green row first, 10 bits packed without gaps, lsb first.
    BAYER_RG10P = "BayerRG10p", 0x010A_0058, 10;
    /// Bayer, green-blue row first, 10 bits packed without gaps, lsb first.
    BAYER_GB10P = "BayerGB10p", 0x010A_0054, 10;
    /// Bayer, blue-green row first, 10 bits packed without gaps, lsb first.
    BAYER_BG10P = "BayerBG10p", 0x010A_0052, 10;
    /// Bayer, green-red row first, 12 bits packed without gaps, lsb first.
    BAYER_GR12P = "BayerGR12p", 0x010C_0057, 12;
    /// Bayer, red-green row first, 12 bits packed without gaps, lsb first.
    BAYER_RG12P = "BayerRG12p", 0x010C_0059, 12;
    /// Bayer, green-blue row first, 12 bits packed without gaps, lsb first.
    BAYER_GB12P = "BayerGB12p", 0x010C_0055, 12;
    /// Bayer, blue-green row first, 12 bits packed without gaps, lsb first.
    BAYER_BG12P = "BayerBG12p", 0x010C_0053, 12;
    /// Bayer, green-red row first, 10 bits in GigE Vision's own packing.
    BAYER_GR10_PACKED = "BayerGR10Packed", 0x010C_0026, 10;
    /// Bayer, red-green row first, 10 bits in GigE Vision's own packing.
    BAYER_RG10_PACKED = "BayerRG10Packed", 0x010C_0027, 10;
    /// Bayer, green-blue row first, 10 bits in GigE Vision's own packing.
    BAYER_GB10_PACKED = "BayerGB10Packed", 0x010C_0028, 10;
    /// Bayer, blue-green row first, 10 bits in GigE Vision's own packing.
    BAYER_BG10_PACKED = "BayerBG10Packed", 0x010C_0029, 10;
    /// Bayer, green-red row first, 12 bits in GigE Vision's own packing.
    BAYER_GR12_PACKED = "BayerGR12Packed", 0x010C_002A, 12;
    /// Bayer, red-green row first, 12 bits in GigE Vision's own packing.
    BAYER_RG12_PACKED = "BayerRG12Packed", 0x010C_002B, 12;
    /// Bayer, green-blue row first, 12 bits in GigE Vision's own packing.
    BAYER_GB12_PACKED = "BayerGB12Packed", 0x010C_002C, 12;
    /// Bayer, blue-green row first, 12 bits in GigE Vision's own packing.
    BAYER_BG12_PACKED = "BayerBG12Packed", 0x010C_002D, 12;
    /// Red, green, blue, 8 bits each.
    RGB8 = "RGB8", 0x0218_0014, 8;
    /// Blue, green, red, 8 bits each.
    BGR8 = "BGR8", 0x0218_0015, 8;
}

impl PixelFormat {
    /// Bits that one pixel occupies, packing included (PFNC bits 16 to 23); 0 for a malformed code.
    pub fn bits_per_pixel(self) -> u32 {
        (self.0 >> 16) & 0xFF
    }

    /// Whether pixels share bytes, so that rows need not end on a byte.
    pub fn is_packed(self) -> bool {
        !self.bits_per_pixel().is_multiple_of(8)
    }

    /// Whether this is a Bayer mosaic: regions must start and end on even pixels.
    pub fn is_bayer(self) -> bool {
        self.name().is_some_and(|n| n.starts_with("Bayer"))
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "PixelFormat(0x{:08X})", self.0),
        }
    }
}

impl fmt::Debug for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

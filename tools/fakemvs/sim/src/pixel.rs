//! The pixel formats that the cameras can send: the names of their `PixelFormat` entries and the codes of
//! GigE Vision and USB3 Vision.

/// One pixel format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelFormat {
    /// The entry's name in the camera's XML.
    pub name: &'static str,
    /// The code; bits 16 to 23 are the bits per pixel.
    pub code: u32,
    /// Which bits of a 16-bit container hold the value; 0 for formats of other containers.
    pub mask16: u16,
}

const fn format(name: &'static str, code: u32, mask16: u16) -> PixelFormat {
    PixelFormat { name, code, mask16 }
}

/// Formats of monochrome cameras.
pub const MONO: &[PixelFormat] = &[
    format("Mono8", 0x0108_0001, 0),
    format("Mono10", 0x0110_0003, 0x03FF),
    format("Mono10Packed", 0x010C_0004, 0),
    format("Mono12", 0x0110_0005, 0x0FFF),
    format("Mono12Packed", 0x010C_0006, 0),
    format("Mono14", 0x0110_0025, 0x3FFF),
    format("Mono16", 0x0110_0007, 0xFFFF),
];

/// Formats of colour cameras.
pub const COLOUR: &[PixelFormat] = &[
    format("BayerRG8", 0x0108_0009, 0),
    format("BayerRG10", 0x0110_000D, 0x03FF),
    format("BayerRG10Packed", 0x010C_0027, 0),
    format("BayerRG12", 0x0110_0011, 0x0FFF),
    format("BayerRG12Packed", 0x010C_002B, 0),
    format("BayerRG16", 0x0110_002F, 0xFFFF),
    format("BayerGR8", 0x0108_0008, 0),
    format("BayerGB8", 0x0108_000A, 0),
    format("BayerBG8", 0x0108_000B, 0),
    format("Mono8", 0x0108_0001, 0),
    format("RGB8Packed", 0x0218_0014, 0),
    format("BGR8Packed", 0x0218_0015, 0),
    format("YUV422Packed", 0x0210_001F, 0),
    format("YUV422_YUYV_Packed", 0x0210_0032, 0),
];

/// The format of a code, whichever camera sends it.
pub fn by_code(code: u32) -> Option<PixelFormat> {
    MONO.iter().chain(COLOUR).find(|f| f.code == code).copied()
}

/// The format of a name, whichever camera sends it.
pub fn by_name(name: &str) -> Option<PixelFormat> {
    MONO.iter().chain(COLOUR).find(|f| f.name == name).copied()
}

impl PixelFormat {
    /// How many bytes an image has: the bits of all pixels, rounded up.
    pub fn bytes(self, width: u32, height: u32) -> usize {
        let bits = u64::from((self.code >> 16) & 0xFF);
        (u64::from(width) * u64::from(height) * bits).div_ceil(8) as usize
    }
}

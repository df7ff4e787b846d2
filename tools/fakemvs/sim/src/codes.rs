//! The SDK's numbers: status codes, exceptions, transport layers.

/// A status code other than success.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub u32);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

#[allow(missing_docs)] // The vendor's names.
impl Code {
    pub const HANDLE: Code = Code(0x8000_0000);
    pub const SUPPORT: Code = Code(0x8000_0001);
    pub const CALL_ORDER: Code = Code(0x8000_0003);
    pub const PARAMETER: Code = Code(0x8000_0004);
    pub const RESOURCE: Code = Code(0x8000_0006);
    pub const NO_DATA: Code = Code(0x8000_0007);
    pub const PRECONDITION: Code = Code(0x8000_0008);
    pub const BUFFER_TOO_SMALL: Code = Code(0x8000_000A);
    pub const NO_OUT_BUFFER: Code = Code(0x8000_000D);
    pub const BUFFER_IN_USE: Code = Code(0x8000_0010);
    pub const BUFFER_INVALID: Code = Code(0x8000_0011);
    pub const BUFFER_ALIGNMENT: Code = Code(0x8000_0012);
    pub const TOO_FEW_BUFFERS: Code = Code(0x8000_0013);
    pub const UNKNOWN: Code = Code(0x8000_00FF);
    pub const GC_GENERIC: Code = Code(0x8000_0100);
    pub const GC_ARGUMENT: Code = Code(0x8000_0101);
    pub const GC_RANGE: Code = Code(0x8000_0102);
    pub const GC_ACCESS: Code = Code(0x8000_0106);
    pub const GC_CAST: Code = Code(0x8000_0108);
    pub const ACCESS_DENIED: Code = Code(0x8000_0203);
    pub const NETWORK: Code = Code(0x8000_0206);
    pub const USB_DEVICE: Code = Code(0x8000_0302);
}

/// What a call that can only succeed or fail answers: zero or a code.
pub type Done = Result<i32, Code>;

/// Success.
pub const OK: Done = Ok(0);

/// The device is gone.
pub const EXCEPTION_DISCONNECT: u32 = 0x8001;
/// An image was dropped because none of the stream's buffers was free.
pub const STREAM_LIST_EMPTY: u32 = 0x4003;
/// The stream is over because the device is gone (USB).
pub const STREAM_DISCONNECTED: u32 = 0x4005;
/// An image was dropped because it is larger than the stream's buffers.
pub const STREAM_OVERFLOW: u32 = 0x4008;

/// `MV_GIGE_DEVICE`.
pub const LAYER_GIGE: u32 = 0x1;
/// `MV_USB_DEVICE`.
pub const LAYER_USB: u32 = 0x4;
/// Every transport layer that any generation knows.
pub const LAYERS: u32 = 0x0FFF;

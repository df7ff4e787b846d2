//! Codes of the MVS library that the source itself acts on, and their table.

use crate::fault::{CodeEntry, CodeTable, FaultClass};

/// `MV_OK`.
pub const MV_OK: u32 = 0;
pub const MV_E_HANDLE: u32 = 0x8000_0000;
pub const MV_E_SUPPORT: u32 = 0x8000_0001;
pub const MV_E_CALLORDER: u32 = 0x8000_0003;
pub const MV_E_PARAMETER: u32 = 0x8000_0004;
pub const MV_E_RESOURCE: u32 = 0x8000_0006;
pub const MV_E_NODATA: u32 = 0x8000_0007;
pub const MV_E_NOENOUGH_BUF: u32 = 0x8000_000A;
pub const MV_E_NOOUTBUF: u32 = 0x8000_000D;
pub const MV_E_DEV_OFFLINE: u32 = 0x8000_0020;
pub const MV_E_RESOURCE_IN_USE: u32 = 0x8000_0028;
pub const MV_E_GC_GENERIC: u32 = 0x8000_0100;
pub const MV_E_GC_ACCESS: u32 = 0x8000_0106;
pub const MV_E_ACCESS_DENIED: u32 = 0x8000_0203;
pub const MV_E_NETER: u32 = 0x8000_0206;

macro_rules! entries {
    ($($code:literal $name:ident $class:ident $meaning:literal;)*) => {
        &[$(CodeEntry {
            code: $code,
            name: stringify!($name),
            class: FaultClass::$class,
            meaning: $meaning,
        }),*]
    };
}

/// The codes.
const TABLE: &[CodeEntry] = entries! {
    0x8000_0000 MV_E_HANDLE Lost "The handle is not valid any more.";
    0x8000_0001 MV_E_SUPPORT Misuse "The camera or the SDK does not support it.";
    0x8000_0002 MV_E_BUFOVER Overrun "The SDK's cache is full.";
    0x8000_0003 MV_E_CALLORDER Misuse "The call is not allowed in this state.";
    0x8000_0004 MV_E_PARAMETER Misuse "A parameter is wrong.";
    0x8000_0006 MV_E_RESOURCE Overrun "The SDK got no memory.";
    0x8000_0007 MV_E_NODATA Timeout "No frame arrived in time.";
    0x8000_0008 MV_E_PRECONDITION Lost "The environment changed.";
    0x8000_0009 MV_E_VERSION Incompatible "Versions do not fit.";
    0x8000_000A MV_E_NOENOUGH_BUF BufferTooSmall "The memory that was passed is too small for the frame.";
    0x8000_000B MV_E_ABNORMAL_IMAGE DamagedFrame "The image is incomplete: packets were lost.";
    0x8000_000D MV_E_NOOUTBUF Overrun "Every buffer of the SDK is out.";
    0x8000_0010 MV_E_BUF_IN_USE Misuse "The buffer is registered already.";
    0x8000_0012 MV_E_NOALIGN_BUF Misuse "The buffer's alignment does not fit.";
    0x8000_0013 MV_E_NOENOUGH_BUF_NUM Misuse "Too few buffers are registered.";
    0x8000_001A MV_E_NORESPONSE Lost "The device does not respond.";
    0x8000_0020 MV_E_DEV_OFFLINE Lost "The device is offline.";
    0x8000_0028 MV_E_RESOURCE_IN_USE Busy "The device or its stream is busy.";
    0x8000_00FE MV_E_INTERNAL Lost "The SDK failed inside.";
    0x8000_0100 MV_E_GC_GENERIC Misuse "There is no such feature, or the SDK cannot write its files.";
    0x8000_0106 MV_E_GC_ACCESS Misuse "The feature is not accessible now.";
    0x8000_0107 MV_E_GC_TIMEOUT Timeout "A control call timed out.";
    0x8000_0203 MV_E_ACCESS_DENIED Busy "Another program has opened the camera.";
    0x8000_0204 MV_E_BUSY Lost "The device is busy or the network is down.";
    0x8000_0206 MV_E_NETER Lost "The network failed.";
    0x8000_0209 MV_E_IMAGE_BUFFER_OVERFLOW BufferTooSmall "The image is larger than its buffer.";
    0x8000_0211 MV_E_DEV_DISCONNECT Lost "The device is disconnected.";
    0x8000_0300 MV_E_USB_READ Lost "Reading from USB failed.";
    0x8000_0301 MV_E_USB_WRITE Lost "Writing to USB failed.";
    0x8000_0302 MV_E_USB_DEVICE Lost "The USB device failed.";
    0x8000_0304 MV_E_USB_BANDWIDTH Overrun "USB has too little bandwidth.";
    0x8001 MV_EXCEPTION_DEV_DISCONNECT Lost "The SDK reported that the device is gone.";
    0x4005 MV_CC_STREAM_EXCEPTION_DISCONNECTED Lost "The stream could not be recovered.";
    0x4006 MV_CC_STREAM_EXCEPTION_DEVICE Lost "An error of the device ended the stream.";
    0x4008 MV_CC_STREAM_EXCEPTION_IMAGE_BUFFER_OVERFLOW BufferTooSmall "The device sent more than the image's buffer holds.";
};

/// The table that [`Source::codes`](crate::source::Source::codes) gives.
pub(super) fn table() -> CodeTable {
    CodeTable::new(TABLE)
}

/// A code as sentences name it: `0x80000007 MV_E_NODATA`.
pub(super) fn named(code: u32) -> String {
    format!("0x{code:08X} {}", table().name(i64::from(code)))
}

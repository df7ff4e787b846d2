//! The C types, numbers and functions of GenTL 1.5 and 1.6, as far as they are used. Every structure is packed; sizes
//! are asserted when this is compiled.

use std::ffi::{c_char, c_void};

/// `GC_ERROR`: 0, or a negative code.
pub type GcError = i32;
/// A handle of any module. Zero is none.
pub type RawHandle = *mut c_void;

/// A wait without an end, and a number of frames without a limit.
pub const INFINITE: u64 = u64::MAX;

/// `EVENT_NEW_BUFFER`.
pub const EVENT_NEW_BUFFER: i32 = 1;
/// `ACQ_QUEUE_ALL_DISCARD`: every buffer leaves both queues.
pub const FLUSH_ALL_DISCARD: i32 = 4;
/// `DEVICE_ACCESS_EXCLUSIVE`.
pub const ACCESS_EXCLUSIVE: i32 = 4;
/// `DEVICE_ACCESS_CONTROL`.
pub const ACCESS_CONTROL: i32 = 3;

/// `DEVICE_INFO_CMD`.
pub mod device_info {
    pub const VENDOR: i32 = 1;
    pub const MODEL: i32 = 2;
    pub const LINK: i32 = 3;
    pub const DISPLAY_NAME: i32 = 4;
    pub const ACCESS_STATUS: i32 = 5;
    pub const USER_NAME: i32 = 6;
    pub const SERIAL: i32 = 7;
    pub const VERSION: i32 = 8;
    pub const TIMESTAMP_FREQUENCY: i32 = 9;
}

/// `TL_INFO_CMD`.
pub mod tl_info {
    pub const VENDOR: i32 = 1;
    pub const MODEL: i32 = 2;
    pub const VERSION: i32 = 3;
    pub const GENTL_MAJOR: i32 = 9;
    pub const GENTL_MINOR: i32 = 10;
}

/// `STREAM_INFO_CMD`.
pub mod stream_info {
    pub const NUM_UNDERRUN: i32 = 2;
    pub const PAYLOAD_SIZE: i32 = 7;
    pub const DEFINES_PAYLOAD_SIZE: i32 = 9;
    pub const ANNOUNCE_MIN: i32 = 12;
    pub const ALIGNMENT: i32 = 13;
}

/// `BUFFER_INFO_CMD`.
pub mod buffer_info {
    pub const TIMESTAMP: i32 = 3;
    pub const IS_INCOMPLETE: i32 = 7;
    pub const SIZE_FILLED: i32 = 9;
    pub const WIDTH: i32 = 10;
    pub const HEIGHT: i32 = 11;
    pub const X_OFFSET: i32 = 12;
    pub const Y_OFFSET: i32 = 13;
    pub const X_PADDING: i32 = 14;
    pub const FRAME_ID: i32 = 16;
    pub const IMAGE_OFFSET: i32 = 18;
    pub const PAYLOAD_TYPE: i32 = 19;
    pub const PIXEL_FORMAT: i32 = 20;
    pub const PIXEL_FORMAT_NAMESPACE: i32 = 21;
    pub const DATA_SIZE: i32 = 27;
    pub const TIMESTAMP_NS: i32 = 28;
    pub const DATA_LARGER_THAN_BUFFER: i32 = 29;
    pub const CONTAINS_CHUNK_DATA: i32 = 30;
}

/// `BUFFER_PART_INFO_CMD`.
pub mod part_info {
    pub const BASE: i32 = 0;
    pub const DATA_SIZE: i32 = 1;
    pub const DATA_TYPE: i32 = 2;
    pub const DATA_FORMAT: i32 = 3;
    pub const WIDTH: i32 = 5;
    pub const HEIGHT: i32 = 6;
    pub const X_PADDING: i32 = 9;
    pub const SOURCE_ID: i32 = 10;
}

/// `PORT_INFO_CMD` and `URL_INFO_CMD`.
pub mod url_info {
    pub const URL: i32 = 0;
}

/// `PAYLOADTYPE_INFO_IDS`.
pub mod payload_type {
    /// Deprecated, and what older producers say.
    pub const CHUNK_DATA: u64 = 4;
    pub const CHUNK_ONLY: u64 = 8;
    pub const MULTI_PART: u64 = 10;
}

/// `PIXELFORMAT_NAMESPACE_IDS` whose values are PFNC's codes of 32 bits, or GigE Vision's, which are the same.
pub const PFNC_NAMESPACES: [u64; 2] = [1, 4];

/// `INFO_DATATYPE`.
pub mod data_type {
    pub const STRING: i32 = 1;
    pub const I16: i32 = 3;
    pub const U16: i32 = 4;
    pub const I32: i32 = 5;
    pub const U32: i32 = 6;
    pub const I64: i32 = 7;
    pub const U64: i32 = 8;
    pub const PTR: i32 = 10;
    pub const BOOL8: i32 = 11;
    pub const SIZE: i32 = 12;
    pub const PTRDIFF: i32 = 14;
}

/// `EVENT_NEW_BUFFER_DATA`.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed)]
pub struct NewBuffer {
    pub buffer: RawHandle,
    pub user: *mut c_void,
}

/// `SINGLE_CHUNK_DATA`.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed)]
pub struct Chunk {
    pub id: u64,
    pub offset: isize,
    pub bytes: usize,
}

/// `DS_BUFFER_INFO_STACKED`.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed)]
pub struct StackedInfo {
    pub command: i32,
    pub data_type: i32,
    pub value: *mut c_void,
    pub bytes: usize,
    pub result: GcError,
}

const _: () = {
    if cfg!(target_pointer_width = "64") {
        assert!(size_of::<NewBuffer>() == 16);
        assert!(size_of::<Chunk>() == 24);
        assert!(size_of::<StackedInfo>() == 28);
    }
    assert!(size_of::<NewBuffer>() == 2 * size_of::<usize>() && align_of::<NewBuffer>() == 1);
    assert!(align_of::<StackedInfo>() == 1 && align_of::<Chunk>() == 1);
    assert!(std::mem::offset_of!(StackedInfo, value) == 8);
    assert!(std::mem::offset_of!(StackedInfo, result) == 8 + 2 * size_of::<usize>());
    assert!(std::mem::offset_of!(Chunk, offset) == 8);
};

// In 32 bits every function is `stdcall`, on Windows and elsewhere; "system" is that on Windows alone, which is why
// `Producer::open` refuses 32 bits elsewhere.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*);)*) => {
        $($(#[$doc])* pub type $name = unsafe extern "system" fn($($arg: $type),*) -> GcError;)*
    };
}

functions! {
    /// `GCInitLib`, `GCCloseLib`.
    Plain();
    /// `GCGetLastError`.
    LastError(code: *mut GcError, text: *mut c_char, bytes: *mut usize);
    /// `GCReadPort`, `GCWritePort`.
    PortAccess(port: RawHandle, address: u64, data: *mut c_void, bytes: *mut usize);
    /// `GCGetPortURL`.
    PortUrl(port: RawHandle, text: *mut c_char, bytes: *mut usize);
    /// `GCGetNumPortURLs`.
    Count(module: RawHandle, count: *mut u32);
    /// `GCGetPortURLInfo`.
    UrlInfo(port: RawHandle, index: u32, command: i32, kind: *mut i32, value: *mut c_void, bytes: *mut usize);
    /// `GCRegisterEvent`.
    RegisterEvent(module: RawHandle, event: i32, handle: *mut RawHandle);
    /// `GCUnregisterEvent`.
    UnregisterEvent(module: RawHandle, event: i32);
    /// `EventGetData`.
    EventData(event: RawHandle, data: *mut c_void, bytes: *mut usize, timeout_ms: u64);
    /// Functions of one handle.
    OnHandle(module: RawHandle);
    /// `TLOpen`.
    OpenTl(handle: *mut RawHandle);
    /// Info of a module: command, type, value, size.
    Info(module: RawHandle, command: i32, kind: *mut i32, value: *mut c_void, bytes: *mut usize);
    /// `TLUpdateInterfaceList`, `IFUpdateDeviceList`.
    Update(module: RawHandle, changed: *mut u8, timeout_ms: u64);
    /// Identifier of a child by its index.
    ChildId(module: RawHandle, index: u32, text: *mut c_char, bytes: *mut usize);
    /// Info of a child by its identifier.
    ChildInfo(module: RawHandle, id: *const c_char, command: i32, kind: *mut i32, value: *mut c_void, bytes: *mut usize);
    /// `TLOpenInterface`, `DevOpenDataStream`.
    OpenChild(module: RawHandle, id: *const c_char, handle: *mut RawHandle);
    /// `IFOpenDevice`.
    OpenDevice(module: RawHandle, id: *const c_char, access: i32, handle: *mut RawHandle);
    /// `DevGetPort`.
    GetPort(device: RawHandle, port: *mut RawHandle);
    /// `DSAnnounceBuffer`.
    Announce(stream: RawHandle, start: *mut c_void, bytes: usize, user: *mut c_void, buffer: *mut RawHandle);
    /// `DSFlushQueue`.
    Flush(stream: RawHandle, operation: i32);
    /// `DSStartAcquisition`.
    Start(stream: RawHandle, flags: i32, frames: u64);
    /// `DSStopAcquisition`.
    Stop(stream: RawHandle, flags: i32);
    /// `DSRevokeBuffer`.
    Revoke(stream: RawHandle, buffer: RawHandle, start: *mut *mut c_void, user: *mut *mut c_void);
    /// `DSQueueBuffer`.
    Queue(stream: RawHandle, buffer: RawHandle);
    /// `DSGetBufferInfo`.
    BufferInfo(stream: RawHandle, buffer: RawHandle, command: i32, kind: *mut i32, value: *mut c_void, bytes: *mut usize);
    /// `DSGetBufferInfoStacked`.
    BufferInfoStacked(stream: RawHandle, buffer: RawHandle, infos: *mut StackedInfo, count: usize);
    /// `DSGetBufferChunkData`.
    ChunkData(stream: RawHandle, buffer: RawHandle, chunks: *mut Chunk, count: *mut usize);
    /// `DSGetNumBufferParts`.
    PartCount(stream: RawHandle, buffer: RawHandle, count: *mut u32);
    /// `DSGetBufferPartInfo`.
    PartInfo(stream: RawHandle, buffer: RawHandle, part: u32, command: i32, kind: *mut i32, value: *mut c_void, bytes: *mut usize);
}

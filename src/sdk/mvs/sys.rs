//! The types of the MVS C interface, written anew from their measured layouts.
//!
//! The trap: the enumeration of pixel types has negative and large values, so gcc makes it 8 bytes wide on
//! Linux, while it has 4 on Windows. Everything behind it lies elsewhere, and a wrong `frame_len` is a buffer
//! overrun. So every offset is asserted when the crate is compiled (`layout`), and compared with what the platform's C
//! compiler makes of the same declarations in a test.
#![allow(missing_docs)] // The names are the SDK's; SDK manuals say what they mean.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// `enum MvGvspPixelType` on Linux.
pub type PixelTypeOnLinux = i64;
/// `enum MvGvspPixelType` on Windows.
pub type PixelTypeOnWindows = u32;
/// `enum MvGvspPixelType` here.
#[cfg(not(windows))]
pub type PixelTypeRaw = PixelTypeOnLinux;
/// `enum MvGvspPixelType` here.
#[cfg(windows)]
pub type PixelTypeRaw = PixelTypeOnWindows;

/// A handle to a device.
pub type RawHandle = *mut c_void;

/// `MV_FRAME_OUT_INFO_EX`. Fields that an older SDK does not know are reserved words there: zeroed before
/// each call, they read as 0. `P` is the pixel type: with that of the other system the layout is asserted here, too.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct FrameInfoOf<P> {
    pub width: u16,
    pub height: u16,
    pub pixel_type: P,
    pub frame_num: u32,
    pub dev_time_high: u32,
    pub dev_time_low: u32,
    pub reserved0: u32,
    pub host_time_ms: i64,
    pub frame_len: u32,
    pub second_count: u32,
    pub cycle_count: u32,
    pub cycle_offset: u32,
    pub gain: f32,
    pub exposure_us: f32,
    pub brightness: u32,
    pub red: u32,
    pub green: u32,
    pub blue: u32,
    pub frame_counter: u32,
    pub trigger_index: u32,
    pub input: u32,
    pub output: u32,
    pub offset_x: u16,
    pub offset_y: u16,
    pub chunk_width: u16,
    pub chunk_height: u16,
    /// Packets lost in this frame.
    pub lost_packets: u32,
    pub unparsed_chunks: u32,
    pub unparsed_chunk_list: u64,
    /// 4.3 and later: where 16 bits do not suffice.
    pub extend_width: u32,
    pub extend_height: u32,
    /// 4.5 and later.
    pub frame_len_ex: u64,
    pub extra_type: u32,
    pub sub_images: u32,
    pub sub_image_list: u64,
    /// 4.5 and later: what was given with the registered buffer.
    pub user: u64,
    pub first_line_encoder: u32,
    pub last_line_encoder: u32,
    pub last_frame: u32,
    pub reserved: [u32; 23],
}

/// `MV_FRAME_OUT_INFO_EX` as it is here.
pub type FrameInfo = FrameInfoOf<PixelTypeRaw>;

impl FrameInfo {
    pub const ZERO: FrameInfo = FrameInfo {
        width: 0,
        height: 0,
        pixel_type: 0,
        frame_num: 0,
        dev_time_high: 0,
        dev_time_low: 0,
        reserved0: 0,
        host_time_ms: 0,
        frame_len: 0,
        second_count: 0,
        cycle_count: 0,
        cycle_offset: 0,
        gain: 0.0,
        exposure_us: 0.0,
        brightness: 0,
        red: 0,
        green: 0,
        blue: 0,
        frame_counter: 0,
        trigger_index: 0,
        input: 0,
        output: 0,
        offset_x: 0,
        offset_y: 0,
        chunk_width: 0,
        chunk_height: 0,
        lost_packets: 0,
        unparsed_chunks: 0,
        unparsed_chunk_list: 0,
        extend_width: 0,
        extend_height: 0,
        frame_len_ex: 0,
        extra_type: 0,
        sub_images: 0,
        sub_image_list: 0,
        user: 0,
        first_line_encoder: 0,
        last_line_encoder: 0,
        last_frame: 0,
        reserved: [0; 23],
    };
}

/// `MV_FRAME_OUT`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct FrameOutOf<P> {
    pub buffer: *mut u8,
    pub info: FrameInfoOf<P>,
    pub reserved: [u32; 16],
}

/// `MV_FRAME_OUT` as it is here.
pub type FrameOut = FrameOutOf<PixelTypeRaw>;

impl FrameOut {
    pub const ZERO: FrameOut =
        FrameOut { buffer: std::ptr::null_mut(), info: FrameInfo::ZERO, reserved: [0; 16] };
}

/// `MV_GIGE_DEVICE_INFO`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct GigeInfo {
    pub ip_option: u32,
    pub ip_config: u32,
    pub current_ip: u32,
    pub subnet_mask: u32,
    pub gateway: u32,
    pub manufacturer: [u8; 32],
    pub model: [u8; 32],
    pub version: [u8; 32],
    pub specific: [u8; 48],
    pub serial: [u8; 16],
    pub user_name: [u8; 16],
    /// The host's address that it was found from.
    pub net_export: u32,
    pub reserved: [u32; 4],
}

/// `MV_USB3_DEVICE_INFO`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct UsbInfo {
    pub endpoints: [u8; 4],
    pub vendor_id: u16,
    pub product_id: u16,
    pub device_number: u32,
    pub guid: [u8; 64],
    pub vendor: [u8; 64],
    pub model: [u8; 64],
    pub family: [u8; 64],
    pub version: [u8; 64],
    pub manufacturer: [u8; 64],
    pub serial: [u8; 64],
    pub user_name: [u8; 64],
    pub usb_version: u32,
    pub address: u32,
    pub reserved: [u32; 2],
}

/// `MV_CC_DEVICE_INFO` as far as every generation has it. The newest has a longer union: never copied as a
/// whole by us, always passed on by the pointer that the SDK gave.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct DeviceInfo {
    pub major: u16,
    pub minor: u16,
    pub mac_high: u32,
    pub mac_low: u32,
    pub layer: u32,
    pub kind: u32,
    pub reserved: [u32; 3],
    /// [`GigeInfo`] or [`UsbInfo`] or another, by `layer`.
    pub special: [u8; 540],
}

/// `MV_CC_DEVICE_INFO_LIST`. What it points at belongs to the SDK, until the next enumeration.
#[repr(C)]
#[derive(Debug)]
pub struct DeviceList {
    pub count: u32,
    pub devices: [*mut DeviceInfo; 256],
}

impl DeviceList {
    pub const ZERO: DeviceList = DeviceList { count: 0, devices: [std::ptr::null_mut(); 256] };
}

/// `MVCC_INTVALUE_EX`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct IntValue {
    pub current: i64,
    pub max: i64,
    pub min: i64,
    pub inc: i64,
    pub reserved: [u32; 16],
}

impl IntValue {
    pub const ZERO: IntValue = IntValue { current: 0, max: 0, min: 0, inc: 0, reserved: [0; 16] };
}

/// `MVCC_FLOATVALUE`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct FloatValue {
    pub current: f32,
    pub max: f32,
    pub min: f32,
    pub reserved: [u32; 4],
}

impl FloatValue {
    pub const ZERO: FloatValue = FloatValue { current: 0.0, max: 0.0, min: 0.0, reserved: [0; 4] };
}

/// `MVCC_ENUMVALUE`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct EnumValue {
    pub current: u32,
    pub count: u32,
    pub values: [u32; 64],
    pub reserved: [u32; 4],
}

impl EnumValue {
    pub const ZERO: EnumValue =
        EnumValue { current: 0, count: 0, values: [0; 64], reserved: [0; 4] };
}

/// `MVCC_STRINGVALUE`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct StringValue {
    pub current: [u8; 256],
    pub max_length: i64,
    pub reserved: [u32; 2],
}

impl StringValue {
    pub const ZERO: StringValue =
        StringValue { current: [0; 256], max_length: 0, reserved: [0; 2] };
}

/// `MV_ALL_MATCH_INFO`.
#[repr(C)]
#[derive(Debug)]
pub struct MatchInfo {
    pub kind: u32,
    pub info: *mut c_void,
    pub info_bytes: u32,
}

/// `MV_MATCH_INFO_NET_DETECT`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct NetDetect {
    pub received_bytes: i64,
    pub lost_packets: i64,
    pub lost_frames: u32,
    pub received_frames: u32,
    pub resends_asked: i64,
    pub resends: i64,
}

/// `MV_MATCH_INFO_USB_DETECT`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct UsbDetect {
    pub received_bytes: i64,
    pub received_frames: u32,
    pub error_frames: u32,
    pub reserved: [u32; 2],
}

/// `MV_CC_STREAM_EXCEPTION_INFO` (newest).
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct StreamException {
    pub serial: [u8; 64],
    pub stream: u32,
    pub kind: i32,
    pub reserved: [u32; 8],
}

pub type ExceptionCallback = extern "system" fn(c_uint, *mut c_void);
pub type StreamExceptionCallback = extern "system" fn(*mut StreamException, *mut c_void);

pub type Plain = unsafe extern "system" fn() -> c_int;
pub type Version = unsafe extern "system" fn() -> c_uint;
pub type Enumerate = unsafe extern "system" fn(c_uint, *mut DeviceList) -> c_int;
pub type Accessible = unsafe extern "system" fn(*mut DeviceInfo, c_uint) -> u8;
pub type Create = unsafe extern "system" fn(*mut RawHandle, *const DeviceInfo) -> c_int;
pub type Open = unsafe extern "system" fn(RawHandle, c_uint, u16) -> c_int;
pub type OnHandle = unsafe extern "system" fn(RawHandle) -> c_int;
pub type Connected = unsafe extern "system" fn(RawHandle) -> u8;
pub type GetOneFrame =
    unsafe extern "system" fn(RawHandle, *mut u8, c_uint, *mut FrameInfo, c_uint) -> c_int;
pub type GetBuffer = unsafe extern "system" fn(RawHandle, *mut FrameOut, c_uint) -> c_int;
pub type FreeBuffer = unsafe extern "system" fn(RawHandle, *mut FrameOut) -> c_int;
pub type SetCount = unsafe extern "system" fn(RawHandle, c_uint) -> c_int;
pub type PayloadSize = unsafe extern "system" fn(RawHandle, *mut u64, *mut c_uint) -> c_int;
/// With four arguments since 4.5, three before; the fourth is ignored there, which is sound where arguments
/// travel in registers.
pub type Register = unsafe extern "system" fn(RawHandle, *mut c_void, u64, *mut c_void) -> c_int;
pub type Unregister = unsafe extern "system" fn(RawHandle, *mut c_void) -> c_int;
pub type OnException =
    unsafe extern "system" fn(RawHandle, Option<ExceptionCallback>, *mut c_void) -> c_int;
pub type OnStreamException =
    unsafe extern "system" fn(RawHandle, Option<StreamExceptionCallback>, *mut c_void) -> c_int;
pub type GetMatch = unsafe extern "system" fn(RawHandle, *mut MatchInfo) -> c_int;
pub type GetInt = unsafe extern "system" fn(RawHandle, *const c_char, *mut IntValue) -> c_int;
pub type SetInt = unsafe extern "system" fn(RawHandle, *const c_char, i64) -> c_int;
pub type GetFloat = unsafe extern "system" fn(RawHandle, *const c_char, *mut FloatValue) -> c_int;
pub type SetFloat = unsafe extern "system" fn(RawHandle, *const c_char, f32) -> c_int;
pub type GetEnum = unsafe extern "system" fn(RawHandle, *const c_char, *mut EnumValue) -> c_int;
pub type SetEnum = unsafe extern "system" fn(RawHandle, *const c_char, c_uint) -> c_int;
pub type SetText = unsafe extern "system" fn(RawHandle, *const c_char, *const c_char) -> c_int;
pub type GetBool = unsafe extern "system" fn(RawHandle, *const c_char, *mut u8) -> c_int;
pub type SetBool = unsafe extern "system" fn(RawHandle, *const c_char, u8) -> c_int;
pub type GetText = unsafe extern "system" fn(RawHandle, *const c_char, *mut StringValue) -> c_int;
pub type OnName = unsafe extern "system" fn(RawHandle, *const c_char) -> c_int;
pub type SetResend = unsafe extern "system" fn(RawHandle, c_uint, c_uint, c_uint) -> c_int;

pub type GetXml = unsafe extern "system" fn(RawHandle, *mut u8, c_uint, *mut c_uint) -> c_int;
pub type ReadMemory = unsafe extern "system" fn(RawHandle, *mut c_void, i64, i64) -> c_int;

pub const LAYER_GIGE: u32 = 0x1;
pub const LAYER_USB: u32 = 0x4;
pub const LAYER_VIRTUAL_GIGE: u32 = 0x10;
pub const LAYER_VIRTUAL_USB: u32 = 0x20;

pub const ACCESS_EXCLUSIVE: u32 = 1;

pub const MATCH_NET: u32 = 1;
pub const MATCH_USB: u32 = 2;

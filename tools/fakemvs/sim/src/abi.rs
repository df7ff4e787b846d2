//! The structs that cross the C boundary, laid out for the target as the vendor's library lays them out.
//!
//! The trap is the pixel type: an enum that holds -1 and 0x8xxxxxxx, which C compilers make 8 bytes wide
//! on Linux and 4 on Windows. Every field behind it moves with it. The layouts are asserted below, and
//! `tests/layout.rs` of `frameline-fakemvs` compares them with what the platform's C compiler makes of them.

use std::ffi::c_void;

/// `enum MvGvspPixelType` as C compilers size it on Linux.
pub type PixelTypeOnLinux = i64;
/// `enum MvGvspPixelType` as C compilers size it on Windows.
pub type PixelTypeOnWindows = u32;
/// `enum MvGvspPixelType` as the platform's C compiler sizes it.
#[cfg(windows)]
pub type PixelType = PixelTypeOnWindows;
/// `enum MvGvspPixelType` as the platform's C compiler sizes it.
#[cfg(not(windows))]
pub type PixelType = PixelTypeOnLinux;

/// A camera handle: an opaque number to the caller, looked up and never followed here.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle(pub *mut c_void);

/// What the SDK says about one frame. The last fields are those of the newest SDK; where an older version
/// is simulated they stay as the caller had them.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)] // The vendor's fields, in the vendor's order.
pub struct FrameInfoOf<P> {
    pub width: u16,
    pub height: u16,
    pub pixel_type: P,
    pub frame_num: u32,
    pub dev_timestamp_high: u32,
    pub dev_timestamp_low: u32,
    pub reserved0: u32,
    /// Milliseconds of the host's clock.
    pub host_timestamp: i64,
    pub frame_len: u32,
    pub second_count: u32,
    pub cycle_count: u32,
    pub cycle_offset: u32,
    pub gain: f32,
    pub exposure_time: f32,
    pub average_brightness: u32,
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
    pub lost_packet: u32,
    pub unparsed_chunk_num: u32,
    /// A pointer or a 64-bit number.
    pub unparsed_chunk_list: i64,
    pub extend_width: u32,
    pub extend_height: u32,
    pub frame_len_ex: u64,
    pub extra_type: u32,
    pub sub_image_num: u32,
    pub sub_image_list: i64,
    /// The `pUser` of `MV_CC_RegisterBuffer`.
    pub user_ptr: i64,
    pub first_line_encoder: u32,
    pub last_line_encoder: u32,
    pub last_frame_flag: u32,
    pub reserved: [u32; 23],
}

/// `MV_FRAME_OUT_INFO_EX` as it is here.
pub type FrameInfo = FrameInfoOf<PixelType>;

/// `MV_FRAME_OUT`.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct FrameOutOf<P> {
    pub buf_addr: *mut u8,
    pub info: FrameInfoOf<P>,
    pub reserved: [u32; 16],
}

/// `MV_FRAME_OUT` as it is here.
pub type FrameOut = FrameOutOf<PixelType>;

/// The newest device info with the virtual camera's union member; the memory behind each pointer of
/// [`DeviceInfoList`] is that large, and callers know 572 bytes of it or all.
pub const DEVICE_INFO_BYTES: usize = 32 + 604;

/// `MV_CC_DEVICE_INFO` as older headers have it: what a caller passes is at least this.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct DeviceInfo {
    pub major: u16,
    pub minor: u16,
    pub mac_high: u32,
    pub mac_low: u32,
    pub transport_layer: u32,
    pub dev_type: u32,
    pub reserved: [u32; 3],
    pub special: Special,
}

/// The union of [`DeviceInfo`].
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub union Special {
    pub gige: GigeInfo,
    pub usb: UsbInfo,
}

/// `MV_GIGE_DEVICE_INFO`.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct GigeInfo {
    pub ip_cfg_option: u32,
    pub ip_cfg_current: u32,
    pub current_ip: u32,
    pub current_subnet: u32,
    pub default_gateway: u32,
    pub manufacturer: [u8; 32],
    pub model: [u8; 32],
    pub version: [u8; 32],
    pub specific: [u8; 48],
    pub serial: [u8; 16],
    pub user_name: [u8; 16],
    pub net_export: u32,
    pub reserved: [u32; 4],
}

/// `MV_USB3_DEVICE_INFO`.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)]
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
    pub bcd_usb: u32,
    pub address: u32,
    pub reserved: [u32; 2],
}

/// `MV_CC_DEVICE_INFO_LIST`.
#[repr(C)]
#[allow(missing_docs)]
pub struct DeviceInfoList {
    pub count: u32,
    pub devices: [*mut DeviceInfo; 256],
}

/// `MVCC_INTVALUE`.
#[repr(C)]
#[allow(missing_docs)]
pub struct IntValue {
    pub current: u32,
    pub max: u32,
    pub min: u32,
    pub inc: u32,
    pub reserved: [u32; 4],
}

/// `MVCC_INTVALUE_EX`.
#[repr(C)]
#[allow(missing_docs)]
pub struct IntValueEx {
    pub current: i64,
    pub max: i64,
    pub min: i64,
    pub inc: i64,
    pub reserved: [u32; 16],
}

/// `MVCC_FLOATVALUE`.
#[repr(C)]
#[allow(missing_docs)]
pub struct FloatValue {
    pub current: f32,
    pub max: f32,
    pub min: f32,
    pub reserved: [u32; 4],
}

/// `MVCC_ENUMVALUE`.
#[repr(C)]
#[allow(missing_docs)]
pub struct EnumValue {
    pub current: u32,
    pub supported_count: u32,
    pub supported: [u32; 64],
    pub reserved: [u32; 4],
}

/// `MVCC_STRINGVALUE`.
#[repr(C)]
#[allow(missing_docs)]
pub struct StringValue {
    pub current: [u8; 256],
    pub max_length: i64,
    pub reserved: [u32; 2],
}

/// `MV_ALL_MATCH_INFO`.
#[repr(C)]
#[allow(missing_docs)]
pub struct AllMatchInfo {
    pub kind: u32,
    pub info: *mut c_void,
    pub info_size: u32,
}

/// `MV_MATCH_INFO_NET_DETECT`.
#[repr(C)]
#[allow(missing_docs)]
pub struct NetDetect {
    pub receive_data_size: i64,
    pub lost_packet_count: i64,
    pub lost_frame_count: u32,
    pub recv_frame_count: u32,
    pub request_resend_count: i64,
    pub resend_count: i64,
}

/// `MV_MATCH_INFO_USB_DETECT`.
#[repr(C)]
#[allow(missing_docs)]
pub struct UsbDetect {
    pub receive_data_size: i64,
    pub received_frame_count: u32,
    pub error_frame_count: u32,
    pub reserved: [u32; 2],
}

/// `MV_NETTRANS_INFO`.
#[repr(C)]
#[allow(missing_docs)]
pub struct NetTransInfo {
    pub receive_data_size: i64,
    pub throw_frame_count: i32,
    pub recv_frame_count: u32,
    pub request_resend_count: i64,
    pub resend_count: i64,
}

/// `MV_CC_STREAM_EXCEPTION_INFO`.
#[repr(C)]
#[allow(missing_docs)]
pub struct StreamExceptionInfo {
    pub serial: [u8; 64],
    pub stream_index: u32,
    pub kind: i32,
    pub reserved: [u32; 8],
}

/// Called by an SDK thread with each image.
pub type ImageCallback = Option<unsafe extern "system" fn(*mut u8, *mut FrameInfo, *mut c_void)>;
/// As [`ImageCallback`]; the last argument says whether the image is given back when it returns.
pub type ImageCallback2 = Option<unsafe extern "system" fn(*mut FrameOut, *mut c_void, u8)>;
/// Called by an SDK thread with the exception's number.
pub type ExceptionCallback = Option<unsafe extern "system" fn(u32, *mut c_void)>;
/// Called by an SDK thread with the stream exception's number.
pub type UsbStreamCallback = Option<unsafe extern "system" fn(i32, *mut c_void)>;
/// Called by an SDK thread with what went wrong in a stream.
pub type StreamCallback = Option<unsafe extern "system" fn(*mut StreamExceptionInfo, *mut c_void)>;

/// Asserts sizes and offsets, so that a slip does not compile.
macro_rules! layout {
    ($ty:ty, $size:expr $(, $field:ident @ $at:expr)*) => {
        const _: () = assert!(size_of::<$ty>() == $size);
        $(const _: () = assert!(std::mem::offset_of!($ty, $field) == $at);)*
    };
}

// Both systems' layouts are asserted wherever this is compiled: only the pixel type's width differs.
#[cfg(target_pointer_width = "64")]
mod linux64 {
    use super::*;
    layout!(FrameInfoOf<PixelTypeOnLinux>, 264, pixel_type @ 8, frame_num @ 16, dev_timestamp_high @ 20, reserved0 @ 28,
        host_timestamp @ 32, frame_len @ 40, gain @ 56, average_brightness @ 64, frame_counter @ 80,
        input @ 88, offset_x @ 96, lost_packet @ 104, unparsed_chunk_num @ 108, unparsed_chunk_list @ 112,
        extend_width @ 120, frame_len_ex @ 128, extra_type @ 136, sub_image_num @ 140,
        sub_image_list @ 144, user_ptr @ 152, first_line_encoder @ 160, last_frame_flag @ 168,
        reserved @ 172);
    layout!(FrameOutOf<PixelTypeOnLinux>, 336, info @ 8, reserved @ 272);
}

#[cfg(target_pointer_width = "64")]
mod windows64 {
    use super::*;
    layout!(FrameInfoOf<PixelTypeOnWindows>, 256, pixel_type @ 4, frame_num @ 8, dev_timestamp_high @ 12, reserved0 @ 20,
        host_timestamp @ 24, frame_len @ 32, gain @ 48, average_brightness @ 56, frame_counter @ 72,
        input @ 80, offset_x @ 88, lost_packet @ 96, unparsed_chunk_num @ 100, unparsed_chunk_list @ 104,
        extend_width @ 112, frame_len_ex @ 120, extra_type @ 128, sub_image_num @ 132,
        sub_image_list @ 136, user_ptr @ 144, first_line_encoder @ 152, last_frame_flag @ 160,
        reserved @ 164);
    layout!(FrameOutOf<PixelTypeOnWindows>, 328, info @ 8, reserved @ 264);
}

// On 32-bit Linux 64-bit fields are aligned to 4; the older generations' length was measured.
#[cfg(all(target_os = "linux", target_arch = "x86"))]
mod linux32 {
    use super::*;
    layout!(FrameInfo, 260, pixel_type @ 4, frame_num @ 12, frame_len @ 36, lost_packet @ 100);
}

#[cfg(target_pointer_width = "64")]
mod pointers64 {
    use super::*;
    layout!(DeviceInfoList, 2056, devices @ 8);
    layout!(AllMatchInfo, 24, info @ 8, info_size @ 16);
}

layout!(DeviceInfo, 572, minor @ 2, mac_high @ 4, mac_low @ 8, transport_layer @ 12, dev_type @ 16,
    special @ 32);
layout!(GigeInfo, 216, ip_cfg_current @ 4, current_ip @ 8, current_subnet @ 12, default_gateway @ 16,
    manufacturer @ 20, model @ 52, version @ 84, specific @ 116, serial @ 164, user_name @ 180,
    net_export @ 196);
layout!(UsbInfo, 540, vendor_id @ 4, product_id @ 6, device_number @ 8, guid @ 12, vendor @ 76,
    model @ 140, family @ 204, version @ 268, manufacturer @ 332, serial @ 396, user_name @ 460,
    bcd_usb @ 524, address @ 528);
layout!(IntValue, 32, max @ 4, min @ 8, inc @ 12);
layout!(IntValueEx, 96, max @ 8, min @ 16, inc @ 24);
layout!(FloatValue, 28, max @ 4, min @ 8);
layout!(EnumValue, 280, supported_count @ 4, supported @ 8, reserved @ 264);
layout!(StringValue, 272, max_length @ 256);
layout!(NetDetect, 40, lost_packet_count @ 8, lost_frame_count @ 16, recv_frame_count @ 20,
    request_resend_count @ 24);
layout!(UsbDetect, 24, received_frame_count @ 8, error_frame_count @ 12);
layout!(NetTransInfo, 32, throw_frame_count @ 8, recv_frame_count @ 12, request_resend_count @ 16);
layout!(StreamExceptionInfo, 104, stream_index @ 64, kind @ 68);

/// Reads a C string of at most `max` bytes; nothing where the pointer is null or the bytes are no UTF-8.
///
/// # Safety
///
/// - `text` is null or points to a NUL-terminated string.
pub unsafe fn text<'a>(text: *const std::ffi::c_char, max: usize) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and NUL-terminated by the caller's word.
    let bytes = unsafe { std::ffi::CStr::from_ptr(text) }.to_bytes();
    std::str::from_utf8(&bytes[..bytes.len().min(max)]).ok()
}

/// Writes `value` into a field of fixed length, cut so that a NUL remains.
pub fn put_text(field: &mut [u8], value: &str) {
    field.fill(0);
    let len = value.len().min(field.len().saturating_sub(1));
    field[..len].copy_from_slice(&value.as_bytes()[..len]);
}

/// The text of a field of fixed length.
pub fn field_text(field: &[u8]) -> String {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

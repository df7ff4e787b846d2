//! A simulated Hikrobot MVS library of the old generation (SDK 3.1): no `MV_CC_Initialize`, no
//! `MV_CC_RegisterBuffer` and nothing else that came later: a loader does not find those symbols. Its frame info
//! ends with the reserved words of that time, which it does not touch.
//!
//! It is the same simulation as `frameline-fakemvs`, built as `libfakemvs3.so` (`fakemvs3.dll`), and is told what to do and
//! found by tests in the same way.

use fakemvs_sim::abi::*;
use fakemvs_sim::{calls, control, export};
use std::ffi::{c_char, c_void};

/// 3.1.3.0.
pub const VERSION: u32 = 0x0301_0300;

export! { VERSION;
    library MV_CC_GetSDKVersion() -> u32 = calls::list::version;
    library MV_CC_EnumDevices(layers: u32, list: *mut DeviceInfoList) -> i32 = calls::list::enumerate;
    library MV_CC_EnumDevicesEx(layers: u32, list: *mut DeviceInfoList, maker: *const c_char) -> i32
        = calls::list::enumerate_maker;
    library MV_CC_IsDeviceAccessible(info: *mut DeviceInfo, mode: u32) -> u8 = calls::list::accessible;
    library MV_CC_CreateHandle(handle: *mut Handle, info: *const DeviceInfo) -> i32 = calls::list::create;
    library MV_CC_CreateHandleWithoutLog(handle: *mut Handle, info: *const DeviceInfo) -> i32
        = calls::list::create;
    device MV_CC_DestroyHandle(handle: Handle) -> i32 = calls::devices::destroy;
    device MV_CC_GetDeviceInfo(handle: Handle, info: *mut DeviceInfo) -> i32 = calls::list::info;
    device MV_CC_OpenDevice(handle: Handle, mode: u32, key: u16) -> i32 = calls::devices::open;
    device MV_CC_CloseDevice(handle: Handle) -> i32 = calls::devices::close;
    device MV_CC_IsDeviceConnected(handle: Handle) -> u8 = calls::devices::connected;
    device MV_CC_StartGrabbing(handle: Handle) -> i32 = calls::devices::start;
    device MV_CC_StopGrabbing(handle: Handle) -> i32 = calls::devices::stop;
    device MV_CC_GetOneFrameTimeout(handle: Handle, data: *mut u8, size: u32, info: *mut FrameInfo, ms: u32) -> i32
        = calls::grab::one_frame;
    device MV_CC_GetImageBuffer(handle: Handle, out: *mut FrameOut, ms: u32) -> i32 = calls::grab::image_buffer;
    device MV_CC_FreeImageBuffer(handle: Handle, out: *mut FrameOut) -> i32 = calls::grab::free_image_buffer;
    device MV_CC_SetImageNodeNum(handle: Handle, nodes: u32) -> i32 = calls::buffers::set_nodes;
    device MV_CC_RegisterImageCallBackEx(handle: Handle, call: ImageCallback, user: *mut c_void) -> i32
        = calls::callbacks::image;
    device MV_CC_RegisterExceptionCallBack(handle: Handle, call: ExceptionCallback, user: *mut c_void) -> i32
        = calls::callbacks::exception;
    device MV_CC_GetAllMatchInfo(handle: Handle, all: *mut AllMatchInfo) -> i32 = calls::transport::match_info;
    device MV_CC_GetIntValue(handle: Handle, key: *const c_char, out: *mut IntValue) -> i32
        = calls::features::get_int;
    device MV_CC_SetIntValue(handle: Handle, key: *const c_char, to: u32) -> i32 = calls::features::set_int;
    device MV_CC_GetIntValueEx(handle: Handle, key: *const c_char, out: *mut IntValueEx) -> i32
        = calls::features::get_int_ex;
    device MV_CC_SetIntValueEx(handle: Handle, key: *const c_char, to: i64) -> i32 = calls::features::set_int_ex;
    device MV_CC_GetFloatValue(handle: Handle, key: *const c_char, out: *mut FloatValue) -> i32
        = calls::features::get_float;
    device MV_CC_SetFloatValue(handle: Handle, key: *const c_char, to: f32) -> i32 = calls::features::set_float;
    device MV_CC_GetEnumValue(handle: Handle, key: *const c_char, out: *mut EnumValue) -> i32
        = calls::features::get_enum;
    device MV_CC_SetEnumValue(handle: Handle, key: *const c_char, to: u32) -> i32 = calls::features::set_enum;
    device MV_CC_SetEnumValueByString(handle: Handle, key: *const c_char, to: *const c_char) -> i32
        = calls::features::set_enum_text;
    device MV_CC_GetBoolValue(handle: Handle, key: *const c_char, out: *mut u8) -> i32 = calls::features::get_bool;
    device MV_CC_SetBoolValue(handle: Handle, key: *const c_char, to: u8) -> i32 = calls::features::set_bool;
    device MV_CC_GetStringValue(handle: Handle, key: *const c_char, out: *mut StringValue) -> i32
        = calls::features::get_text;
    device MV_CC_SetStringValue(handle: Handle, key: *const c_char, to: *const c_char) -> i32
        = calls::features::set_text;
    device MV_CC_SetCommandValue(handle: Handle, key: *const c_char) -> i32 = calls::features::command;
    device MV_CC_GetOptimalPacketSize(handle: Handle) -> i32 = calls::transport::optimal_packet;
    device MV_GIGE_SetResend(handle: Handle, enable: u32, percent: u32, timeout_ms: u32) -> i32
        = calls::transport::set_resend;
    device MV_GIGE_SetGvspTimeout(handle: Handle, ms: u32) -> i32 = calls::transport::set_gige_timeout;
    device MV_GIGE_SetGvcpTimeout(handle: Handle, ms: u32) -> i32 = calls::transport::set_gige_timeout;
    device MV_GIGE_GetNetTransInfo(handle: Handle, info: *mut NetTransInfo) -> i32 = calls::transport::net_info;
    device MV_USB_SetTransferSize(handle: Handle, bytes: u32) -> i32 = calls::transport::set_transfer_size;
    device MV_USB_SetTransferWays(handle: Handle, ways: u32) -> i32 = calls::transport::set_transfer_ways;

    library fakemvs_configure(text: *const c_char) -> i32 = control::configure;
    library fakemvs_script(text: *const c_char) -> i32 = control::script;
    library fakemvs_why() -> *mut c_void = control::why;
    library fakemvs_advance(serial: *const c_char, ms: u64) -> i32 = control::advance;
    library fakemvs_time(serial: *const c_char) -> u64 = control::time;
    library fakemvs_unplug(serial: *const c_char, cable: i32) -> i32 = control::unplug;
    library fakemvs_plug(serial: *const c_char, new_handle: i32) -> i32 = control::plug;
    library fakemvs_trigger(serial: *const c_char) -> i32 = control::trigger;
    library fakemvs_raise(serial: *const c_char, code: u32) -> i32 = control::raise;
    library fakemvs_calls(function: *const c_char) -> u64 = control::calls;
    library fakemvs_frames(serial: *const c_char) -> u64 = control::frames;
    library fakemvs_check(image: *const u8, len: u64, frame_num: *mut u32) -> i32 = control::check;
}

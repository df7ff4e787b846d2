//! A simulated Hikrobot MVS library (SDK 4.4 and later): the vendor's symbols, over simulated cameras.
//!
//! A program written for MVS runs against it unchanged: load `libfakemvs.so` (`fakemvs.dll`) in place of
//! `libMvCameraControl.so` (`MvCameraControl.dll`), or link with a copy of that name. What is simulated, and which
//! faults, is told in `FAKEMVS_CONFIG` and `FAKEMVS_SCRIPT` or by the functions `fakemvs_*`; README.md has it all.
//!
//! # How a test finds it
//!
//! A package that has this one among its dev-dependencies needs no more: cargo builds the library before the tests and
//! puts it beside their executables, in `target/<profile>/deps`:
//!
//! ```
//! let exe = std::env::current_exe().expect("a path");
//! let name = format!("{}fakemvs{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
//! // Doctests run elsewhere; tests and benches run in `deps` itself.
//! let beside = exe.parent().expect("a folder").join(name);
//! ```
//!
//! A library that is loaded twice from one file is one library, with one set of cameras. A test that wants cameras of its
//! own, while others run in the same process, copies the file to a name of its own and loads the copy.

use fakemvs_sim::abi::*;
use fakemvs_sim::{calls, control, export};
use std::ffi::{c_char, c_void};

/// The version that is told when none is configured: 4.6.0.1.
pub const VERSION: u32 = 0x0406_0001;

export! { VERSION;
    library MV_CC_Initialize() -> i32 = calls::list::nothing;
    library MV_CC_Finalize() -> i32 = calls::list::nothing;
    library MV_CC_GetSDKVersion() -> u32 = calls::list::version;
    library MV_CC_EnumDevices(layers: u32, list: *mut DeviceInfoList) -> i32 = calls::list::enumerate;
    library MV_CC_EnumDevicesEx(layers: u32, list: *mut DeviceInfoList, maker: *const c_char) -> i32
        = calls::list::enumerate_maker;
    library MV_CC_EnumDevicesEx2(layers: u32, list: *mut DeviceInfoList, maker: *const c_char, sort: i32) -> i32
        = calls::list::enumerate_sorted;
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
    device MV_CC_ClearImageBuffer(handle: Handle) -> i32 = calls::grab::clear;
    device MV_CC_GetValidImageNum(handle: Handle, count: *mut u32) -> i32 = calls::grab::valid_images;
    device MV_CC_SetImageNodeNum(handle: Handle, nodes: u32) -> i32 = calls::buffers::set_nodes;
    device MV_CC_SetGrabStrategy(handle: Handle, strategy: i32) -> i32 = calls::buffers::set_strategy;
    device MV_CC_SetOutputQueueSize(handle: Handle, count: u32) -> i32 = calls::buffers::set_output_queue;
    device MV_CC_GetPayloadSize(handle: Handle, size: *mut u64, alignment: *mut u32) -> i32
        = calls::buffers::payload_size;
    library MV_CC_AllocAlignedBuffer(size: u64, alignment: u32) -> *mut c_void = calls::buffers::alloc_aligned;
    library MV_CC_FreeAlignedBuffer(ptr: *mut c_void) -> i32 = calls::buffers::free_aligned;
    device MV_CC_RegisterBuffer(handle: Handle, ptr: *mut c_void, size: u64, user: *mut c_void) -> i32
        = calls::buffers::register;
    device MV_CC_UnRegisterBuffer(handle: Handle, ptr: *mut c_void) -> i32 = calls::buffers::unregister;
    device MV_CC_RegisterImageCallBackEx(handle: Handle, call: ImageCallback, user: *mut c_void) -> i32
        = calls::callbacks::image;
    device MV_CC_RegisterImageCallBackEx2(handle: Handle, call: ImageCallback2, user: *mut c_void, auto_free: u8) -> i32
        = calls::callbacks::image2;
    device MV_CC_RegisterExceptionCallBack(handle: Handle, call: ExceptionCallback, user: *mut c_void) -> i32
        = calls::callbacks::exception;
    device MV_CC_RegisterStreamExceptionCallBack(handle: Handle, call: StreamCallback, user: *mut c_void) -> i32
        = calls::callbacks::stream;
    device MV_USB_RegisterStreamExceptionCallBack(handle: Handle, call: UsbStreamCallback, user: *mut c_void) -> i32
        = calls::callbacks::usb_stream;
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
    device MV_XML_GetGenICamXML(handle: Handle, data: *mut u8, size: u32, length: *mut u32) -> i32
        = calls::description::xml;
    device MV_CC_ReadMemory(handle: Handle, to: *mut c_void, address: i64, length: i64) -> i32
        = calls::description::read;
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

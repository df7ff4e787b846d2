//! Who is called back.

use crate::abi::{
    ExceptionCallback, Handle, ImageCallback, ImageCallback2, StreamCallback, UsbStreamCallback,
};
use crate::codes::{Code, Done, OK};
use crate::config::Kind;
use crate::session::{ImageSink, User};
use crate::world::device;
use std::ffi::c_void;

fn sink(handle: Handle, sink: ImageSink) -> Done {
    let device = device(handle)?;
    let mut state = device.camera.lock();
    let session = state.open_session(device.id)?;
    if session.grabbing() {
        return Err(Code::CALL_ORDER);
    }
    session.sink = sink;
    OK
}

/// `MV_CC_RegisterImageCallBackEx`; null goes back to pulling.
pub fn image(handle: Handle, call: ImageCallback, user: *mut c_void) -> Done {
    sink(handle, call.map_or(ImageSink::Pull, |call| ImageSink::Callback(call, User(user))))
}

/// `MV_CC_RegisterImageCallBackEx2`; null goes back to pulling.
pub fn image2(handle: Handle, call: ImageCallback2, user: *mut c_void, auto_free: u8) -> Done {
    let made = |call| ImageSink::Callback2 { call, user: User(user), auto_free: auto_free != 0 };
    sink(handle, call.map_or(ImageSink::Pull, made))
}

/// `MV_CC_RegisterExceptionCallBack`; closing the device forgets it.
pub fn exception(handle: Handle, call: ExceptionCallback, user: *mut c_void) -> Done {
    let device = device(handle)?;
    let mut state = device.camera.lock();
    state.open_session(device.id)?.exception = call.map(|call| (call, User(user)));
    OK
}

/// `MV_USB_RegisterStreamExceptionCallBack`.
pub fn usb_stream(handle: Handle, call: UsbStreamCallback, user: *mut c_void) -> Done {
    let device = device(handle)?;
    if device.camera.config.kind != Kind::Usb {
        return Err(Code::SUPPORT);
    }
    let mut state = device.camera.lock();
    state.open_session(device.id)?.usb_stream = call.map(|call| (call, User(user)));
    OK
}

/// `MV_CC_RegisterStreamExceptionCallBack`.
pub fn stream(handle: Handle, call: StreamCallback, user: *mut c_void) -> Done {
    let device = device(handle)?;
    let mut state = device.camera.lock();
    state.open_session(device.id)?.stream_exception = call.map(|call| (call, User(user)));
    OK
}

//! What a test does beside the SDK's functions: the library exports these with the prefix `fakemvs_`.
//!
//! ```c
//! int         fakemvs_configure(const char* text);  // 0, or -1: see fakemvs_why; all handles die
//! int         fakemvs_script(const char* text);     // replaces the fault script
//! const char* fakemvs_why(void);                    // what was wrong with the last text; valid until the next call
//! int         fakemvs_advance(const char* serial, uint64_t ms);  // moves the time of one camera, or of all: NULL
//! uint64_t    fakemvs_time(const char* serial);     // the camera's time in milliseconds
//! int         fakemvs_unplug(const char* serial, int cable);     // 1: the cable; 0: the power
//! int         fakemvs_plug(const char* serial, int new_handle);  // 1: old handles stay dead
//! int         fakemvs_trigger(const char* serial);  // a pulse on the line that TriggerSource names
//! int         fakemvs_raise(const char* serial, uint32_t code);  // the exception callback of the controlling handle
//! uint64_t    fakemvs_calls(const char* function);  // how often it was called since the configuration
//! uint64_t    fakemvs_frames(const char* serial);   // frames that the camera took since it was made
//! int         fakemvs_check(const uint8_t* image, uint64_t len, uint32_t* frame_num);  // 0 whole, else -1
//! ```
//!
//! A serial that no camera has is answered with -1.

use crate::abi::text;
use crate::camera::{Camera, Outage};
use crate::codes::Code;
use crate::session::Post;
use crate::stamp;
use crate::world::known;
use std::ffi::{CString, c_char};
use std::sync::Arc;

/// What the functions answer when they could not do it.
const NO: Code = Code(u32::MAX);

fn told(outcome: Result<(), String>) -> Result<i32, Code> {
    let why = outcome.as_ref().err().cloned().unwrap_or_default();
    known().sentence = CString::new(why.replace('\0', " ")).unwrap_or_default();
    outcome.map(|()| 0).map_err(|_| NO)
}

/// `fakemvs_configure`.
///
/// # Safety
///
/// - `config` is null or a C string.
pub unsafe fn configure(config: *const c_char) -> Result<i32, Code> {
    // SAFETY: the caller's word.
    let config = unsafe { text(config, usize::MAX) }.unwrap_or_default();
    let outcome = known().configure(config);
    told(outcome)
}

/// `fakemvs_script`.
///
/// # Safety
///
/// - `script` is null or a C string.
pub unsafe fn script(script: *const c_char) -> Result<i32, Code> {
    // SAFETY: the caller's word.
    let script = unsafe { text(script, usize::MAX) }.unwrap_or_default();
    let outcome = known().script(script);
    told(outcome)
}

/// `fakemvs_why`.
pub fn why() -> Result<*mut std::ffi::c_void, Code> {
    Ok(known().sentence.as_ptr().cast_mut().cast())
}

/// The camera that is named, or all where none is.
///
/// # Safety
/// - `serial` is null or a C string.
unsafe fn named(serial: *const c_char) -> Result<Vec<Arc<Camera>>, Code> {
    if serial.is_null() {
        return Ok(known().cameras.clone());
    }
    // SAFETY: a C string, by the caller's word.
    let serial = unsafe { text(serial, 255) }.ok_or(NO)?;
    known().camera(serial).map(|c| vec![c]).ok_or(NO)
}

/// `fakemvs_advance`.
///
/// # Safety
///
/// - `serial` is null or a C string.
pub unsafe fn advance(serial: *const c_char, ms: u64) -> Result<i32, Code> {
    // SAFETY: the caller's word.
    for camera in unsafe { named(serial)? } {
        let mut state = camera.lock();
        state.clock.advance(crate::clock::millis(ms));
        camera.catch_up(&mut state);
        drop(state);
        camera.notify();
    }
    Ok(0)
}

/// `fakemvs_time`.
///
/// # Safety
///
/// - `serial` is null or a C string.
pub unsafe fn time(serial: *const c_char) -> Result<u64, Code> {
    // SAFETY: the caller's word.
    let cameras = unsafe { named(serial)? };
    let camera = cameras.first().ok_or(NO)?;
    Ok(camera.lock().clock.now() / 1_000_000)
}

/// `fakemvs_unplug`.
///
/// # Safety
///
/// - `serial` is null or a C string.
pub unsafe fn unplug(serial: *const c_char, cable: i32) -> Result<i32, Code> {
    // SAFETY: the caller's word.
    for camera in unsafe { named(serial)? } {
        let mut state = camera.lock();
        let since = state.clock.now();
        state.leave(Outage { since, back: None, cable: cable != 0, new_handle: false });
        drop(state);
        camera.notify();
    }
    Ok(0)
}

/// `fakemvs_plug`.
///
/// # Safety
///
/// - `serial` is null or a C string.
pub unsafe fn plug(serial: *const c_char, new_handle: i32) -> Result<i32, Code> {
    // SAFETY: the caller's word.
    for camera in unsafe { named(serial)? } {
        let mut state = camera.lock();
        let now = state.clock.now();
        if let Some(outage) = &mut state.outage {
            outage.new_handle = new_handle != 0;
        }
        state.return_now(now);
        drop(state);
        camera.notify();
    }
    Ok(0)
}

/// `fakemvs_trigger`. A camera that is set to software triggers does not look at its lines.
///
/// # Safety
///
/// - `serial` is null or a C string.
pub unsafe fn trigger(serial: *const c_char) -> Result<i32, Code> {
    // SAFETY: the caller's word.
    for camera in unsafe { named(serial)? } {
        let mut state = camera.lock();
        let now = state.clock.now();
        if !state.features.software_triggered() {
            state.trigger(now);
        }
        drop(state);
        camera.notify();
    }
    Ok(0)
}

/// `fakemvs_raise`.
///
/// # Safety
///
/// - `serial` is null or a C string.
pub unsafe fn raise(serial: *const c_char, code: u32) -> Result<i32, Code> {
    // SAFETY: the caller's word.
    for camera in unsafe { named(serial)? } {
        let mut state = camera.lock();
        if let Some(session) = state.owner.and_then(|id| state.sessions.get_mut(&id)) {
            session.posts.push_back(Post::Exception(code));
        }
        drop(state);
        camera.notify();
    }
    Ok(0)
}

/// `fakemvs_calls`.
///
/// # Safety
///
/// - `function` is null or a C string.
pub unsafe fn calls(function: *const c_char) -> Result<u64, Code> {
    // SAFETY: the caller's word.
    let function = unsafe { text(function, 255) }.unwrap_or_default();
    Ok(known().counts.get(function).copied().unwrap_or(0))
}

/// `fakemvs_frames`.
///
/// # Safety
///
/// - `serial` is null or a C string.
pub unsafe fn frames(serial: *const c_char) -> Result<u64, Code> {
    // SAFETY: the caller's word.
    Ok(unsafe { named(serial)? }.iter().map(|c| c.lock().serial).sum())
}

/// `fakemvs_check`.
///
/// # Safety
///
/// - `image` is null or has `len` bytes, `frame_num` is null or may be written.
pub unsafe fn check(image: *const u8, len: u64, frame_num: *mut u32) -> Result<i32, Code> {
    if image.is_null() {
        return Err(NO);
    }
    // SAFETY: not null, and so long by the caller's word.
    let bytes = unsafe { std::slice::from_raw_parts(image, len as usize) };
    let stamp = stamp::check(bytes).map_err(|_| NO)?;
    if !frame_num.is_null() {
        // SAFETY: not null.
        unsafe { frame_num.write(stamp.frame_num) };
    }
    Ok(0)
}

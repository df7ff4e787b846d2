//! The camera's description, and its registers.

use super::devices::reach_features;
use crate::abi::Handle;
use crate::codes::{Code, Done, OK};
use crate::world::device;
use std::ffi::c_void;

/// The longest stretch of registers that is read at once.
const MAX_READ: i64 = 1 << 16;

/// `MV_XML_GetGenICamXML`: without room it tells the length alone.
///
/// # Safety
///
/// - `data` is null or `size` bytes there may be written; `length` is null or may be written.
pub unsafe fn xml(handle: Handle, data: *mut u8, size: u32, length: *mut u32) -> Done {
    let device = device(handle)?;
    device.camera.lock().open_session(device.id)?;
    reach_features(&device)?;
    if length.is_null() {
        return Err(Code::PARAMETER);
    }
    let xml = device.camera.lock().features.description();
    // SAFETY: not null, and a number by the caller's word.
    unsafe { length.write_unaligned(xml.len() as u32) };
    if data.is_null() {
        return OK;
    }
    if (size as usize) < xml.len() {
        return Err(Code::BUFFER_TOO_SMALL);
    }
    // SAFETY: `size` bytes may be written there, which are at least so many.
    unsafe { data.copy_from_nonoverlapping(xml.as_ptr(), xml.len()) };
    OK
}

/// `MV_CC_ReadMemory`.
///
/// # Safety
///
/// - `to` is null or `length` bytes there may be written.
pub unsafe fn read(handle: Handle, to: *mut c_void, address: i64, length: i64) -> Done {
    let device = device(handle)?;
    device.camera.lock().open_session(device.id)?;
    reach_features(&device)?;
    if to.is_null() || !(1..=MAX_READ).contains(&length) || address < 0 {
        return Err(Code::PARAMETER);
    }
    let mut bytes = vec![0; length as usize];
    let state = device.camera.lock();
    let streaming = state.locked();
    state.features.read_memory(address as u64, &mut bytes, streaming)?;
    drop(state);
    // SAFETY: not null, and so many bytes may be written there.
    unsafe { to.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    OK
}

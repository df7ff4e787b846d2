//! Whose memory frames are written into, how much of it there is, and which frames wait.

use crate::abi::Handle;
use crate::camera::State;
use crate::codes::{Code, Done, OK};
use crate::config::Kind;
use crate::deliver::HAS_LONG_LENGTH;
use crate::memory::Block;
use crate::session::{Registered, Session};
use crate::stream::Strategy;
use crate::world::{device, known};
use std::ffi::c_void;
use std::sync::MutexGuard;

/// From which version on buffers can be registered.
const HAS_REGISTRATION: u32 = 0x0404_0000;
/// What registered buffers must be aligned to, in bytes.
const ALIGNMENT: u32 = 8;
/// The most nodes that can be asked for.
const MAX_NODES: u32 = 100;

/// The session of a handle that is open and does not grab.
fn idle(state: &mut State, id: usize) -> Result<&mut Session, Code> {
    let session = state.open_session(id)?;
    if session.grabbing() { Err(Code::CALL_ORDER) } else { Ok(session) }
}

/// `MV_CC_SetImageNodeNum`. With registered buffers it has no effect.
pub fn set_nodes(handle: Handle, nodes: u32) -> Done {
    let device = device(handle)?;
    let mut state = device.camera.lock();
    let session = idle(&mut state, device.id)?;
    if !(1..=MAX_NODES).contains(&nodes) {
        return Err(Code::PARAMETER);
    }
    session.nodes = nodes;
    OK
}

/// `MV_CC_SetGrabStrategy`, which depends on platform and bus.
pub fn set_strategy(handle: Handle, strategy: i32) -> Done {
    let device = device(handle)?;
    let mut state: MutexGuard<'_, State> = device.camera.lock();
    let kind = state.config.kind;
    let session = idle(&mut state, device.id)?;
    if kind == Kind::Gige && cfg!(not(windows)) {
        return Err(Code::SUPPORT);
    }
    session.strategy = match strategy {
        0 => Strategy::OneByOne,
        1 => Strategy::LatestOnly,
        2 => Strategy::Latest(1),
        3 if kind == Kind::Gige => Strategy::Upcoming,
        3 => return Err(Code::SUPPORT),
        _ => return Err(Code::PARAMETER),
    };
    OK
}

/// `MV_CC_SetOutputQueueSize`, for the strategy that keeps several newest frames.
pub fn set_output_queue(handle: Handle, count: u32) -> Done {
    let device = device(handle)?;
    let mut state = device.camera.lock();
    let session = state.open_session(device.id)?;
    if !matches!(session.strategy, Strategy::Latest(_)) {
        return Err(Code::SUPPORT);
    }
    if count == 0 || count > session.nodes {
        return Err(Code::PARAMETER);
    }
    session.output_queue = count;
    OK
}

/// `MV_CC_GetPayloadSize`.
///
/// # Safety
///
/// - `size` and `alignment` are null or may be written.
pub unsafe fn payload_size(handle: Handle, size: *mut u64, alignment: *mut u32) -> Done {
    let device = device(handle)?;
    if size.is_null() || alignment.is_null() {
        return Err(Code::PARAMETER);
    }
    let mut state = device.camera.lock();
    state.open_session(device.id)?;
    // SAFETY: not null.
    unsafe {
        size.write(state.features.payload() as u64);
        alignment.write(ALIGNMENT);
    }
    OK
}

/// `MV_CC_AllocAlignedBuffer`; nothing where the sizes are impossible.
pub fn alloc_aligned(size: u64, alignment: u32) -> Result<*mut c_void, Code> {
    let bytes = usize::try_from(size).map_err(|_| Code::RESOURCE)?;
    if bytes == 0 {
        return Err(Code::PARAMETER);
    }
    let block = Block::new(bytes, alignment.max(1) as usize).ok_or(Code::RESOURCE)?;
    let ptr = block.ptr();
    known().blocks.insert(ptr as usize, block);
    Ok(ptr.cast())
}

/// `MV_CC_FreeAlignedBuffer`.
pub fn free_aligned(ptr: *mut c_void) -> Done {
    known().blocks.remove(&(ptr as usize)).map(|_| 0).ok_or(Code::PARAMETER)
}

/// `MV_CC_RegisterBuffer`. Before 4.5 it has three arguments: where the fourth is on the stack or in a register, it
/// is not looked at.
pub fn register(handle: Handle, ptr: *mut c_void, size: u64, user: *mut c_void) -> Done {
    let device = device(handle)?;
    let version = known().version;
    if version < HAS_REGISTRATION {
        return Err(Code::SUPPORT);
    }
    let mut state = device.camera.lock();
    let payload = state.features.payload() as u64;
    let session = idle(&mut state, device.id)?;
    let at = ptr as usize;
    if ptr.is_null() {
        return Err(Code::PARAMETER);
    }
    if session.registered.iter().any(|r| r.at == at) {
        return Err(Code::BUFFER_IN_USE);
    }
    if !at.is_multiple_of(ALIGNMENT as usize) {
        return Err(Code::BUFFER_ALIGNMENT);
    }
    if size < payload {
        return Err(Code::BUFFER_TOO_SMALL);
    }
    let len = usize::try_from(size).map_err(|_| Code::PARAMETER)?;
    let user = if version >= HAS_LONG_LENGTH { user as i64 } else { 0 };
    session.registered.push(Registered { at, len, user });
    OK
}

/// `MV_CC_UnRegisterBuffer`.
pub fn unregister(handle: Handle, ptr: *mut c_void) -> Done {
    let device = device(handle)?;
    let mut state = device.camera.lock();
    let session = idle(&mut state, device.id)?;
    let at = session.registered.iter().position(|r| r.at == ptr as usize);
    session.registered.remove(at.ok_or(Code::BUFFER_INVALID)?);
    // Nothing of the last acquisition may still point there.
    session.attic = None;
    OK
}

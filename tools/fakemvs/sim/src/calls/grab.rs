//! Frames for callers that pull them.

use crate::abi::{FrameInfo, FrameOut, Handle};
use crate::camera::State;
use crate::clock::millis;
use crate::codes::{Code, Done, OK};
use crate::deliver;
use crate::session::Session;
use crate::stream::{Meta, Place, Strategy};
use crate::world::{Device, device, known};
use std::ptr::addr_of_mut;
use std::sync::MutexGuard;

/// How a frame is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Into the caller's memory.
    Copy,
    /// The SDK's own buffer, or a registered one, until it is given back.
    Lend,
}

/// Whether this handle may pull frames in this way now.
fn may(session: &Session, way: Way) -> Result<(), Code> {
    let Some(stream) = &session.stream else { return Err(Code::CALL_ORDER) };
    if session.calls_back() || (way == Way::Copy && !session.registered.is_empty()) {
        return Err(Code::CALL_ORDER);
    }
    if way == Way::Lend && stream.held() >= stream.hold_limit {
        return Err(Code::NO_OUT_BUFFER);
    }
    Ok(())
}

/// Waits for a frame; it stays in the queue, and the lock with it. Nothing when none came in time.
fn wait(
    device: &Device,
    way: Way,
    ms: u32,
) -> Result<Option<(MutexGuard<'_, State>, usize)>, Code> {
    let camera = &device.camera;
    let mut state = camera.lock();
    let deadline = state.clock.now() + millis(ms.into());
    let mut fresh = false;
    loop {
        let now = state.clock.now();
        let session = state.open_session(device.id)?;
        may(session, way)?;
        let strategy = match session.strategy {
            Strategy::Latest(_) => Strategy::Latest(session.output_queue as usize),
            other => other,
        };
        let Some(stream) = session.stream.as_mut() else { return Err(Code::CALL_ORDER) };
        if strategy == Strategy::Upcoming && !fresh {
            while !stream.queue.is_empty() {
                stream.drop_oldest();
            }
        }
        fresh = true;
        if let Some(slot) = stream.next(strategy) {
            return Ok(Some((state, slot)));
        }
        if now >= deadline {
            if stream.silent > 0 {
                stream.silent -= 1;
                if stream.silent == 0 && stream.acquiring {
                    stream.next_due = Some(now);
                }
            }
            let virtual_time = state.clock.is_virtual();
            drop(state);
            if virtual_time && ms > 0 {
                // A wait that took no time has not let anybody else run.
                std::thread::yield_now();
            }
            return Ok(None);
        }
        if state.clock.is_virtual() {
            let next = state.next_event().unwrap_or(deadline).min(deadline);
            state.clock.reach(next);
            camera.catch_up(&mut state);
        } else {
            state = camera.wait(state, Some(deadline));
        }
    }
}

/// What the fault script has for the grab of this frame: it may block, and it may fail without taking the frame.
fn hurdles<'a>(
    device: &'a Device,
    mut state: MutexGuard<'a, State>,
    slot: usize,
) -> Result<Option<(MutexGuard<'a, State>, usize, Meta)>, Code> {
    let Some(stream) = state.open_session(device.id)?.stream.as_mut() else {
        return Err(Code::CALL_ORDER);
    };
    let meta = &mut stream.slots[slot].meta;
    if let Some(code) = meta.fail.take() {
        return Err(Code(code));
    }
    let stall = std::mem::take(&mut meta.stall_ms);
    if stall == 0 {
        let meta = *meta;
        return Ok(Some((state, slot, meta)));
    }
    drop(state);
    device.camera.pass(stall.into());
    Ok(None)
}

/// `MV_CC_GetOneFrameTimeout`.
///
/// # Safety
///
/// - `data` is null or has room for `size` bytes, `info` is null or points to an info.
pub unsafe fn one_frame(
    handle: Handle,
    data: *mut u8,
    size: u32,
    info: *mut FrameInfo,
    ms: u32,
) -> Done {
    let device = device(handle)?;
    if data.is_null() || info.is_null() {
        return Err(Code::PARAMETER);
    }
    let version = known().version;
    loop {
        let Some((state, slot)) = wait(&device, Way::Copy, ms)? else {
            // SAFETY: not null, and an info by the caller's word.
            unsafe { info.write_bytes(0, 1) };
            return Err(Code::NO_DATA);
        };
        let Some((mut state, slot, meta)) = hurdles(&device, state, slot)? else { continue };
        let host = state.clock.host_ms(0);
        // SAFETY: as above.
        unsafe { deliver::describe(info, &meta, 0, host, version) };
        if meta.filled > size as usize {
            // The frame stays, and the next call with room gets it.
            return Err(Code::BUFFER_TOO_SMALL);
        }
        let Some(stream) = state.open_session(device.id)?.stream.as_mut() else {
            return Err(Code::CALL_ORDER);
        };
        let from = stream.slots[slot].memory.ptr();
        // SAFETY: the slot is at least as long as what was filled, and the caller's memory has room for it.
        unsafe { data.copy_from_nonoverlapping(from, meta.filled) };
        if meta.overrun > 0 {
            // SAFETY: not sound, and meant so: the script asks for what a faulty SDK does. Whoever runs it keeps
            // writable memory behind the buffer.
            unsafe { data.add(size as usize).write_bytes(0xEE, meta.overrun as usize) };
        }
        stream.take(Place::Free);
        return OK;
    }
}

/// `MV_CC_GetImageBuffer`.
///
/// # Safety
///
/// - `out` is null or points to a frame out.
pub unsafe fn image_buffer(handle: Handle, out: *mut FrameOut, ms: u32) -> Done {
    let device = device(handle)?;
    if out.is_null() {
        return Err(Code::PARAMETER);
    }
    let version = known().version;
    loop {
        let Some((state, slot)) = wait(&device, Way::Lend, ms)? else {
            // SAFETY: not null, and a frame out by the caller's word. The buffer's address stays as it was.
            unsafe { addr_of_mut!((*out).info).write_bytes(0, 1) };
            return Err(Code::NO_DATA);
        };
        let Some((mut state, slot, meta)) = hurdles(&device, state, slot)? else { continue };
        let host = state.clock.host_ms(0);
        let Some(stream) = state.open_session(device.id)?.stream.as_mut() else {
            return Err(Code::CALL_ORDER);
        };
        let memory = &stream.slots[slot].memory;
        // SAFETY: as above.
        unsafe {
            addr_of_mut!((*out).buf_addr).write(memory.ptr());
            deliver::describe(addr_of_mut!((*out).info), &meta, memory.user(), host, version);
        }
        stream.take(Place::Held);
        return OK;
    }
}

/// `MV_CC_FreeImageBuffer`.
///
/// # Safety
///
/// - `out` is null or points to a frame out.
pub unsafe fn free_image_buffer(handle: Handle, out: *mut FrameOut) -> Done {
    let device = device(handle)?;
    if out.is_null() {
        return Err(Code::PARAMETER);
    }
    // SAFETY: not null.
    let ptr = unsafe { addr_of_mut!((*out).buf_addr).read() };
    let mut state = device.camera.lock();
    let session = state.open_session(device.id)?;
    let stream = session.stream.as_mut().ok_or(Code::CALL_ORDER)?;
    if ptr.is_null() || !stream.give_back(ptr) {
        return Err(Code::PARAMETER);
    }
    OK
}

/// `MV_CC_ClearImageBuffer`.
pub fn clear(handle: Handle) -> Done {
    let device = device(handle)?;
    let mut state = device.camera.lock();
    let session = state.open_session(device.id)?;
    if let Some(stream) = &mut session.stream {
        while !stream.queue.is_empty() {
            stream.drop_oldest();
        }
    }
    OK
}

/// `MV_CC_GetValidImageNum`.
///
/// # Safety
///
/// - `count` is null or may be written.
pub unsafe fn valid_images(handle: Handle, count: *mut u32) -> Done {
    let device = device(handle)?;
    if count.is_null() {
        return Err(Code::PARAMETER);
    }
    let mut state = device.camera.lock();
    let stream = state.open_session(device.id)?.stream.as_ref().ok_or(Code::CALL_ORDER)?;
    // SAFETY: not null.
    unsafe { count.write(stream.queue.len() as u32) };
    OK
}

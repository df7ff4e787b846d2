//! Data streams, their buffers and their events.

use crate::abi::*;
use crate::camera::CHUNK_IDS;
use crate::entry::{before, export, note, ok, put};
use crate::infos;
use crate::stream::{self, Buffer, Place};
use crate::world::{self, Module, NEWS};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

const NEW_BUFFER: i32 = 1;

export! {
    /// Announces memory of the consumer's.
    fn DSAnnounceBuffer(w, ds: Handle, start: *mut c_void, bytes: usize, user: *mut c_void, handle: *mut Handle) {
        let alignment = w.config.alignment;
        let new = w.new_handle();
        let s = ok!(w.stream(ds));
        if s.runs.is_some() {
            return BUSY;
        }
        if start.is_null() || bytes == 0 || !start.addr().is_multiple_of(alignment) {
            return INVALID_PARAMETER;
        }
        if s.buffers.values().any(|b| b.start.addr() < start.addr() + bytes && start.addr() < b.start.addr() + b.bytes) {
            return RESOURCE_IN_USE;
        }
        let place = Place::Announced;
        let filled = Default::default();
        s.buffers.insert(new, Buffer { start: start.cast(), bytes, user: user.addr(), place, filled });
        // SAFETY: the caller's promise.
        unsafe { put(handle, std::ptr::without_provenance_mut(new)) }
    }

    /// Announces memory of the producer's own.
    fn DSAllocAndAnnounceBuffer(w, ds: Handle, bytes: usize, user: *mut c_void, handle: *mut Handle) {
        let new = w.new_handle();
        let alignment = w.config.alignment;
        let s = ok!(w.stream(ds));
        if s.runs.is_some() {
            return BUSY;
        }
        // Lent for ever: a consumer that reads a frame too long reads old pixels, not foreign memory.
        let memory = Vec::leak(vec![0_u8; bytes + alignment]);
        let start = &mut memory[..];
        let at = start.as_ptr().align_offset(alignment);
        let start = start[at..].as_mut_ptr();
        s.buffers.insert(new, Buffer { start, bytes, user: user.addr(), place: Place::Announced, filled: Default::default() });
        // SAFETY: the caller's promise.
        unsafe { put(handle, std::ptr::without_provenance_mut(new)) }
    }

    /// Forgets a buffer.
    fn DSRevokeBuffer(w, ds: Handle, buffer: Handle, start: *mut *mut c_void, user: *mut *mut c_void) {
        let s = ok!(w.stream(ds));
        if s.runs.is_some() {
            return BUSY;
        }
        let Some(b) = s.buffers.remove(&buffer.addr()) else { return INVALID_BUFFER };
        s.input.retain(|n| *n != buffer.addr());
        s.output.retain(|n| *n != buffer.addr());
        // SAFETY: the caller's promise.
        unsafe {
            if !start.is_null() {
                start.write(b.start.cast());
            }
            if !user.is_null() {
                user.write(std::ptr::without_provenance_mut(b.user));
            }
        }
        SUCCESS
    }

    /// Takes a buffer into the input queue.
    fn DSQueueBuffer(w, ds: Handle, buffer: Handle) {
        ok!(w.stream(ds)).queue(buffer.addr())
    }

    /// Moves buffers between the queues.
    fn DSFlushQueue(w, ds: Handle, operation: i32) {
        ok!(w.stream(ds)).flush(operation)
    }

    /// Takes frames from now on.
    fn DSStartAcquisition(w, ds: Handle, flags: i32, frames: u64) {
        let _ = (flags, frames);
        let least = w.config.announce_min;
        let Module::Stream(n) = ok!(w.module(ds)) else { return INVALID_HANDLE };
        let payload = w.cameras[n].host_payload();
        let s = ok!(w.stream(ds));
        if s.runs.is_some() {
            return RESOURCE_IN_USE;
        }
        if s.buffers.len() < least {
            return INVALID_BUFFER;
        }
        if s.buffers.values().any(|b| b.bytes < payload) {
            return BUFFER_TOO_SMALL;
        }
        s.starts += 1;
        let start = s.starts;
        s.runs = Some(start);
        let thread = std::thread::Builder::new().name("fakegentl".into());
        match thread.spawn(move || stream::run(n, start)) {
            Ok(_) => SUCCESS,
            Err(_) => {
                s.runs = None;
                ERROR
            }
        }
    }

    /// Takes none any more. What is filled can still be fetched.
    fn DSStopAcquisition(w, ds: Handle, flags: i32) {
        let _ = flags;
        let s = ok!(w.stream(ds));
        if s.runs.take().is_some() { SUCCESS } else { RESOURCE_IN_USE }
    }

    /// About the stream.
    fn DSGetInfo(w, ds: Handle, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        let Module::Stream(n) = ok!(w.module(ds)) else { return INVALID_HANDLE };
        let answer = w.streams.get(&n).ok_or(INVALID_HANDLE)
            .and_then(|s| infos::stream(s, &w.cameras[n], &w.config, command));
        // SAFETY: the caller's promise.
        unsafe { give(answer, kind, to, size) }
    }

    /// The handle of a buffer by its place.
    fn DSGetBufferID(w, ds: Handle, index: u32, handle: *mut Handle) {
        let s = ok!(w.stream(ds));
        let Some(n) = s.buffers.keys().nth(index as usize) else { return INVALID_INDEX };
        // SAFETY: the caller's promise.
        unsafe { put(handle, std::ptr::without_provenance_mut(*n)) }
    }

    /// Closes the stream.
    fn DSClose(w, ds: Handle) {
        let Module::Stream(n) = ok!(w.module(ds)) else { return INVALID_HANDLE };
        w.streams.remove(&n);
        w.close_all(|m| m == Module::Event(n) || m == Module::Stream(n));
        SUCCESS
    }

    /// The camera that it is of.
    fn DSGetParentDev(w, ds: Handle, handle: *mut Handle) {
        let Module::Stream(n) = ok!(w.module(ds)) else { return INVALID_HANDLE };
        let Some(device) = w.cameras[n].opened else { return INVALID_HANDLE };
        // SAFETY: the caller's promise.
        unsafe { put(handle, std::ptr::without_provenance_mut(device)) }
    }

    /// About a buffer.
    fn DSGetBufferInfo(w, ds: Handle, buffer: Handle, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        let talkative = w.config.talkative;
        let s = ok!(w.stream(ds));
        let Some(b) = s.buffers.get(&buffer.addr()) else { return INVALID_BUFFER };
        // SAFETY: the caller's promise.
        unsafe { give(infos::buffer(b, command, talkative), kind, to, size) }
    }

    /// The same, for many questions.
    fn DSGetBufferInfoStacked(w, ds: Handle, buffer: Handle, stack: *mut StackedInfo, count: usize) {
        let talkative = w.config.talkative;
        if !w.config.stacked {
            return NOT_IMPLEMENTED;
        }
        let s = ok!(w.stream(ds));
        let Some(b) = s.buffers.get(&buffer.addr()) else { return INVALID_BUFFER };
        for k in 0..count {
            // SAFETY: the caller's promise: so many entries are there, each with room for its answer.
            unsafe {
                let entry = stack.add(k);
                let mut info = entry.read_unaligned();
                let mut kind = 0;
                let mut bytes = info.bytes;
                info.result = give(infos::buffer(b, info.command, talkative), &mut kind, info.value, &mut bytes);
                (info.kind, info.bytes) = (kind, bytes);
                entry.write_unaligned(info);
            }
        }
        SUCCESS
    }

    /// The chunks of a buffer.
    fn DSGetBufferChunkData(w, ds: Handle, buffer: Handle, chunks: *mut Chunk, count: *mut usize) {
        let s = ok!(w.stream(ds));
        let Some(b) = s.buffers.get(&buffer.addr()) else { return INVALID_BUFFER };
        if count.is_null() {
            return INVALID_PARAMETER;
        }
        let there = match b.filled.chunks_at {
            Some(at) => [at, at + 8],
            None => return NO_DATA,
        };
        // SAFETY: the caller's promise: there is room for `count` chunks.
        unsafe {
            if !chunks.is_null() {
                if count.read_unaligned() < there.len() {
                    return BUFFER_TOO_SMALL;
                }
                for (k, (at, id)) in there.into_iter().zip(CHUNK_IDS).enumerate() {
                    chunks.add(k).write_unaligned(Chunk { id, offset: at as isize, bytes: 8 });
                }
            }
            count.write_unaligned(there.len());
        }
        SUCCESS
    }

    /// How many parts a buffer has.
    fn DSGetNumBufferParts(w, ds: Handle, buffer: Handle, count: *mut u32) {
        let s = ok!(w.stream(ds));
        let Some(b) = s.buffers.get(&buffer.addr()) else { return INVALID_BUFFER };
        // SAFETY: the caller's promise.
        unsafe { put(count, infos::parts(&b.filled)) }
    }

    /// About a part.
    fn DSGetBufferPartInfo(w, ds: Handle, buffer: Handle, part: u32, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        let s = ok!(w.stream(ds));
        let Some(b) = s.buffers.get(&buffer.addr()) else { return INVALID_BUFFER };
        // SAFETY: the caller's promise.
        unsafe { give(infos::part(b, part, command), kind, to, size) }
    }

    /// Tells of filled buffers from now on; no other event is known.
    fn GCRegisterEvent(w, module: Handle, event: i32, handle: *mut Handle) {
        if event != NEW_BUFFER {
            return NOT_IMPLEMENTED;
        }
        let Module::Stream(n) = ok!(w.module(module)) else { return NOT_IMPLEMENTED };
        if ok!(w.stream(module)).event.is_some() {
            return RESOURCE_IN_USE;
        }
        let new = w.open(Module::Event(n));
        ok!(w.stream(module)).event = Some(new.addr());
        // SAFETY: the caller's promise.
        unsafe { put(handle, new) }
    }

    /// Tells of none any more.
    fn GCUnregisterEvent(w, module: Handle, event: i32) {
        let s = ok!(w.stream(module));
        let Some(handle) = s.event.take().filter(|_| event == NEW_BUFFER) else { return INVALID_PARAMETER };
        w.close(handle);
        SUCCESS
    }

    /// Forgets filled buffers that were not fetched.
    fn EventFlush(w, event: Handle) {
        let Module::Event(n) = ok!(w.module(event)) else { return INVALID_HANDLE };
        let Some(s) = w.streams.get_mut(&n) else { return INVALID_HANDLE };
        for buffer in s.output.drain(..) {
            if let Some(b) = s.buffers.get_mut(&buffer) {
                b.place = Place::Announced;
            }
        }
        SUCCESS
    }

    /// Ends a wait.
    fn EventKill(w, event: Handle) {
        let Module::Event(n) = ok!(w.module(event)) else { return INVALID_HANDLE };
        let Some(s) = w.streams.get_mut(&n) else { return INVALID_HANDLE };
        s.kills += 1;
        SUCCESS
    }

    /// About an event.
    fn EventGetInfo(w, event: Handle, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        let Module::Event(n) = ok!(w.module(event)) else { return INVALID_HANDLE };
        let Some(s) = w.streams.get(&n) else { return INVALID_HANDLE };
        let answer = match command {
            0 => Ok(Value::I32(NEW_BUFFER)),
            1 => Ok(Value::Size(s.output.len())),
            2 => Ok(Value::U64(s.delivered)),
            3 | 4 => Ok(Value::Size(size_of::<NewBuffer>())),
            _ => Err(NOT_IMPLEMENTED),
        };
        // SAFETY: the caller's promise.
        unsafe { give(answer, kind, to, size) }
    }

    /// About the data of an event.
    fn EventGetDataInfo(w, event: Handle, data: *const c_void, bytes: usize, command: i32, kind: *mut i32, to: *mut c_void, size: *mut usize) {
        let Module::Event(_) = ok!(w.module(event)) else { return INVALID_HANDLE };
        if data.is_null() || bytes < size_of::<NewBuffer>() {
            return INVALID_PARAMETER;
        }
        // SAFETY: the caller's promise: what `EventGetData` gave.
        let data = unsafe { data.cast::<NewBuffer>().read_unaligned() };
        let (buffer, user) = (data.buffer.addr(), data.user.addr());
        let answer = match command {
            0 => Ok(Value::Ptr(buffer)),
            1 => Ok(Value::Ptr(user)),
            _ => Err(NOT_IMPLEMENTED),
        };
        // SAFETY: the caller's promise.
        unsafe { give(answer, kind, to, size) }
    }
}

/// Waits for a filled buffer.
///
/// # Safety
/// As GenTL has it.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn EventGetData(
    event: Handle,
    to: *mut c_void,
    size: *mut usize,
    timeout: u64,
) -> GcError {
    const NAME: &str = "EventGetData";
    if to.is_null() || size.is_null() {
        return INVALID_PARAMETER;
    }
    let answer = catch_unwind(AssertUnwindSafe(|| {
        let mut held = world::lock();
        if let Some(world) = held.as_mut()
            && let Some(code) = before(world, NAME, true)
        {
            note(world, NAME, code);
            return Err(code);
        }
        let until = Instant::now().checked_add(Duration::from_millis(timeout));
        loop {
            let world = held.as_mut().ok_or(ERROR)?;
            let Module::Event(n) = world.module(event)? else { return Err(INVALID_HANDLE) };
            let s = world.streams.get_mut(&n).ok_or(INVALID_HANDLE)?;
            if s.kills > 0 {
                s.kills -= 1;
                return Err(ABORT);
            }
            if let Some(handle) = s.output.pop_front() {
                s.delivered += 1;
                let b = s.buffers.get_mut(&handle).ok_or(INVALID_BUFFER)?;
                if b.place == Place::Output {
                    b.place = Place::Delivered;
                }
                return Ok((handle, b.user));
            }
            let left = match until {
                Some(until) => until.saturating_duration_since(Instant::now()),
                None => Duration::from_secs(1),
            };
            if left.is_zero() {
                return Err(TIMEOUT);
            }
            held = NEWS.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }));
    match answer {
        // SAFETY: the caller's promise.
        Ok(Ok((buffer, user))) => unsafe {
            if size.read_unaligned() < size_of::<NewBuffer>() {
                return BUFFER_TOO_SMALL;
            }
            let data = NewBuffer {
                buffer: std::ptr::without_provenance_mut(buffer),
                user: std::ptr::without_provenance_mut(user),
            };
            to.cast::<NewBuffer>().write_unaligned(data);
            size.write_unaligned(size_of::<NewBuffer>());
            SUCCESS
        },
        Ok(Err(code)) => code,
        Err(_) => ERROR,
    }
}

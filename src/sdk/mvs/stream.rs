//! Whose memory is where: buffers that the SDK lent to us, and slots of ours that it fills.
#![allow(unsafe_code)]

use super::codes::{MV_E_CALLORDER, MV_E_NOENOUGH_BUF};
use super::handle::{Code, Handle};
use super::sys::FrameOut;
use crate::buffer::FrameMut;
use crate::fault::Fault;
use crate::sdk::unanswered::Unanswered;
use crate::source::AnnouncedSlots;
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

/// What lent frames keep alive: devices that were given up while frames still pointed into their memory. They
/// are closed once nobody does, on a thread of their own, since closing takes seconds and the last frame may
/// go on any thread.
#[derive(Debug, Default)]
pub(super) struct Keeper(Mutex<Vec<Handle>>);

impl Keeper {
    /// Takes a device over.
    pub fn take(&self, handle: Handle) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let left = std::mem::take(self.0.get_mut().unwrap_or_else(PoisonError::into_inner));
        if left.is_empty() {
            return;
        }
        let closing = std::thread::Builder::new().name("fl-mvs-close".into());
        // Without a thread they are closed here: late is better than never.
        let _ = closing.spawn(move || drop(left));
    }
}

/// Frames of the SDK that are out.
#[derive(Debug)]
pub(super) struct Lent {
    /// By place; a token is the generation above, the place + 1 below.
    outs: Vec<Option<FrameOut>>,
    free: Vec<u32>,
    generation: u32,
    /// Devices that were given up, with the frames of theirs that are still out.
    given_up: Vec<GivenUp>,
    /// Buffers that the SDK delivered while they were out.
    rejected: u64,
}

#[derive(Debug)]
struct GivenUp {
    handle: Handle,
    generation: u32,
    out: usize,
}

// SAFETY: the pointers are passed back to the SDK and compared; the memory behind them is reached through the
// frames alone.
unsafe impl Send for Lent {}

impl Lent {
    /// Place for `most` frames.
    pub fn new(most: usize) -> Lent {
        Lent {
            outs: vec![None; most],
            free: (0..most as u32).rev().collect(),
            generation: 0,
            given_up: Vec::new(),
            rejected: 0,
        }
    }

    /// Frames of the present device that are out.
    pub fn out(&self) -> usize {
        self.outs.len() - self.free.len()
    }

    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Points `frame` at what the SDK delivered. `false`: it is out already, or nothing, and is not believed.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    pub fn lend(&mut self, frame: &mut FrameMut, out: &FrameOut, bytes: usize) -> bool {
        let start = out.buffer.addr();
        let overlaps = |o: &FrameOut| o.buffer.addr().abs_diff(start) < bytes.max(1);
        let (Some(buffer), false) =
            (NonNull::new(out.buffer), self.outs.iter().flatten().any(overlaps))
        else {
            self.rejected += 1;
            return false;
        };
        let Some(place) = self.free.pop() else {
            self.rejected += 1;
            return false;
        };
        self.outs[place as usize] = Some(*out);
        let token = u64::from(self.generation) << 32 | u64::from(place + 1);
        // SAFETY: the SDK's buffers hold a frame of the size that they were made for at the start, and `bytes`
        // is no more; it writes none that is not given back; none of ours overlaps it; the frame's pool keeps
        // the keeper, which keeps the device, which keeps the library.
        unsafe { frame.lend(buffer, bytes, token) };
        true
    }

    /// Takes the buffer behind `frame` back and gives it to the SDK, if `handle` still streams from it. An answer
    /// that is a fault means that the SDK has one buffer less.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    pub fn give_back(
        &mut self,
        frame: &mut FrameMut,
        handle: Option<&mut Handle>,
    ) -> Result<(), Code> {
        let token = frame.token();
        let (generation, place) = ((token >> 32) as u32, (token as u32).wrapping_sub(1));
        // SAFETY: zero bytes at a dangling pointer are nobody's.
        unsafe { frame.lend(NonNull::dangling(), 0, 0) };
        if generation != self.generation {
            let of = self.given_up.iter_mut().find(|g| g.generation == generation);
            if let Some(given_up) = of {
                given_up.out = given_up.out.saturating_sub(1);
            }
            return Ok(());
        }
        let Some(mut out) = self.outs.get_mut(place as usize).and_then(Option::take) else {
            return Ok(());
        };
        self.free.push(place);
        match handle {
            // SAFETY: it was delivered and not given back since, and we hold the frame alone.
            Some(handle) => unsafe { handle.free_buffer(&mut out) },
            None => Ok(()),
        }
    }

    /// The device is given up: closed at once, or, while frames of its memory are out, later. `false`: what was
    /// announced to it may still be written.
    pub fn give_up(&mut self, handle: Handle, faults: &mut Unanswered) -> bool {
        let out = self.out();
        let mut is_sure = true;
        if out == 0 {
            is_sure = note_closed(handle, faults);
        } else {
            self.given_up.push(GivenUp { handle, generation: self.generation, out });
            let most = self.outs.len();
            self.outs.fill(None);
            self.free = (0..most as u32).rev().collect();
        }
        self.generation = self.generation.wrapping_add(1);
        is_sure
    }

    /// Closes devices that no frame points into any more. May block.
    pub fn close_idle(&mut self, faults: &mut Unanswered) {
        for idle in self.given_up.extract_if(.., |g| g.out == 0) {
            note_closed(idle.handle, faults);
        }
    }

    /// Leaves what is still pointed into to `keeper`.
    pub fn leave(&mut self, keeper: &Keeper, faults: &mut Unanswered) {
        self.close_idle(faults);
        self.given_up.drain(..).for_each(|g| keeper.take(g.handle));
    }
}

/// Closes a device. `false`: it may still write into what was announced to it.
fn note_closed(handle: Handle, faults: &mut Unanswered) -> bool {
    let closed = handle.close();
    for (call, code) in closed.refused.into_iter().flatten() {
        faults.note(call, code, 1);
    }
    closed.is_sure
}

/// One of our slots, as the SDK knows it.
#[derive(Debug, Clone, Copy)]
struct Buffer {
    start: *mut u8,
    capacity: usize,
    /// The SDK may write it.
    is_registered: bool,
    /// What came with its last delivery, until it is queued again.
    out: Option<FrameOut>,
}

/// Our slots with the SDK.
#[derive(Debug, Default)]
pub(super) struct Announced {
    slots: AnnouncedSlots,
    /// By slot index.
    buffers: Vec<Buffer>,
    /// Registered addresses and their slots, sorted.
    addresses: Vec<(usize, u32)>,
    strangers: u64,
    /// Slots that are queued here.
    queued: usize,
    /// Those among them that the running SDK does not know, for they were out when it started.
    unknown: usize,
}

// SAFETY: the pointers are those of slots; they are given to the SDK and compared, never read through.
unsafe impl Send for Announced {}

/// Bytes of a slot that are registered: the payload and whole steps of the alignment, as the SDK asks.
fn registered_bytes(capacity: usize, payload: usize, alignment: usize) -> u64 {
    let steps = capacity.saturating_sub(payload) / alignment.max(1);
    (payload + steps * alignment.max(1)).min(capacity) as u64
}

impl Announced {
    /// Deliveries that were rejected: of slots that were not queued, or of memory that is not ours.
    pub fn rejected(&self) -> u64 {
        self.slots.duplicates() + self.strangers
    }

    /// Whether slots are queued, and the SDK knows none of them. (One that it does not take back is another matter: the
    /// camera is asked what is wrong once no frame comes.)
    #[inline]
    pub fn is_starved(&self) -> bool {
        self.unknown > 0 && self.unknown == self.queued
    }

    /// Takes a slot in. While the device streams it goes to the SDK at once; an answer that is a fault means that the
    /// SDK does not fill it before the next start. (One that was out when the device started is not registered, and
    /// the SDK registers none while it runs.)
    ///
    /// # Real-time
    /// Capture-bound. No lock; allocates only for slots that were never queued before.
    pub fn queue(
        &mut self,
        mut frame: FrameMut,
        handle: Option<&mut Handle>,
    ) -> Result<(), (&'static str, Code)> {
        const NONE: Buffer =
            Buffer { start: std::ptr::null_mut(), capacity: 0, is_registered: false, out: None };
        let (start, capacity) = (frame.as_mut_ptr(), frame.capacity());
        let key = self.slots.queue(frame);
        if key >= self.buffers.len() {
            self.buffers.resize((key + 1).next_power_of_two().max(64), NONE);
        }
        let buffer = &mut self.buffers[key];
        (buffer.start, buffer.capacity) = (start, capacity);
        let out = buffer.out.take();
        let is_registered = buffer.is_registered;
        self.queued += 1;
        let Some(handle) = handle else { return Ok(()) };
        match out {
            // SAFETY: it was delivered in this slot and not given back since; the slot is ours alone again,
            // and stays with us while it is queued.
            Some(mut out) => unsafe { handle.free_buffer(&mut out) }
                .map_err(|code| ("MV_CC_FreeImageBuffer", code)),
            None if !is_registered => {
                self.unknown += 1;
                Err(("MV_CC_RegisterBuffer", MV_E_CALLORDER))
            }
            None => Ok(()),
        }
    }

    fn register(
        &mut self,
        key: usize,
        handle: &mut Handle,
        payload: usize,
        alignment: usize,
    ) -> Result<(), Code> {
        let buffer = &mut self.buffers[key];
        let bytes = registered_bytes(buffer.capacity, payload, alignment);
        // SAFETY: the slot's memory outlives the registration: `slots` holds it, or a frame of it does, and
        // `revoke` comes before either is let go. Nobody touches a queued slot.
        unsafe { handle.register(buffer.start, bytes, key + 1) }?;
        buffer.is_registered = true;
        let address = buffer.start.addr();
        let at = self.addresses.partition_point(|(a, _)| *a < address);
        self.addresses.insert(at, (address, key as u32));
        Ok(())
    }

    /// Registers every queued slot, before the device starts. A fault comes with the call that answered it; `""`: the
    /// slot is too small, and the SDK was not asked.
    pub fn register_all(
        &mut self,
        handle: &mut Handle,
        payload: usize,
        alignment: usize,
    ) -> Result<(), (&'static str, Fault)> {
        for key in 0..self.buffers.len() {
            let buffer = &self.buffers[key];
            if buffer.is_registered || !self.slots.is_queued(key) {
                continue;
            }
            if buffer.capacity < payload {
                let code = i64::from(MV_E_NOENOUGH_BUF);
                return Err(("", Fault { code, detail: payload as u64 }));
            }
            self.register(key, handle, payload, alignment)
                .map_err(|code| ("MV_CC_RegisterBuffer", Fault::code(i64::from(code))))?;
        }
        self.unknown = 0;
        Ok(())
    }

    /// The slot that the SDK delivered; `None`: not one that was queued, and not believed. What the SDK says
    /// of users is not looked at: older versions say nothing there.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    pub fn deliver(&mut self, out: &FrameOut) -> Option<FrameMut> {
        let found = self.addresses.binary_search_by_key(&out.buffer.addr(), |(a, _)| *a);
        let Some((_, key)) = found.ok().and_then(|at| self.addresses.get(at)) else {
            self.strangers += 1;
            return None;
        };
        let key = *key as usize;
        let frame = self.slots.deliver(key)?;
        self.queued -= 1;
        self.buffers[key].out = Some(*out);
        Some(frame)
    }

    /// Has the SDK forget every slot. `false`: it does not, and may still write into one.
    pub fn unregister(&mut self, handle: &mut Handle, faults: &mut Unanswered) -> bool {
        let mut is_done = true;
        for buffer in self.buffers.iter_mut().filter(|b| b.is_registered) {
            match handle.unregister(buffer.start) {
                Ok(()) => buffer.is_registered = false,
                Err(code) => {
                    faults.note("MV_CC_UnRegisterBuffer", code, 1);
                    is_done = false;
                }
            }
        }
        is_done
    }

    /// The device is gone, and what was registered with it.
    pub fn forget(&mut self) {
        for buffer in &mut self.buffers {
            (buffer.is_registered, buffer.out) = (false, None);
        }
        self.addresses.clear();
        self.unknown = 0;
    }

    /// Those that are queued go back; the SDK knows none any more.
    pub fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        self.forget();
        self.queued = 0;
        self.slots.revoke(back);
    }

    /// Nobody ever gets the queued slots again: the SDK could not be stopped and may write them at any time.
    pub fn keep_for_ever(&mut self) {
        self.forget();
        self.queued = 0;
        self.slots.revoke(&mut std::mem::forget);
    }
}

/// Whether the SDK takes memory of ours for this camera: one buffer is registered and forgotten again. An error: it
/// took the buffer and keeps it.
pub(super) fn try_register(
    handle: &mut Handle,
    payload: usize,
    alignment: usize,
) -> Result<bool, Code> {
    const PAGE: usize = 4096;
    let bytes = registered_bytes(payload.next_multiple_of(PAGE), payload, alignment);
    let mut memory = vec![0_u8; payload.next_multiple_of(PAGE) + PAGE];
    let at = memory.as_ptr().align_offset(PAGE).min(PAGE);
    let start = memory[at..].as_mut_ptr();
    // SAFETY: the device does not run, so nothing is written; the memory outlives the registration.
    if unsafe { handle.register(start, bytes, 1) }.is_err() {
        return Ok(false);
    }
    if let Err(code) = handle.unregister(start) {
        // The SDK still knows it: it must not go away.
        std::mem::forget(memory);
        return Err(code);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_lengths_keep_the_alignment() {
        // Catches a buffer that the SDK refuses because it was enlarged by any number of bytes.
        assert_eq!(registered_bytes(4096, 1000, 64), 1000 + 48 * 64);
        assert_eq!(registered_bytes(4096, 4096, 64), 4096);
        assert_eq!(registered_bytes(4096, 1000, 0), 4096);
    }
}

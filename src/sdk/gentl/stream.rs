//! A data stream, and whose memory is where: slots of ours that the producer fills.
#![allow(unsafe_code)]

use super::codes::*;
use super::modules::{Device, check, decode, have, number};
use super::sys::{self, Chunk, NewBuffer, RawHandle, StackedInfo};
use crate::buffer::FrameMut;
use crate::sdk::unanswered::Unanswered;
use crate::source::AnnouncedSlots;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;
use std::time::Duration;

/// Whole milliseconds, rounded up: a wait that is asked for is never none, and never without an end.
fn milliseconds(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_nanos().div_ceil(1_000_000))
        .unwrap_or(sys::INFINITE)
        .min(sys::INFINITE - 1)
}

/// An open data stream. Dropped: stopped and closed.
#[derive(Debug)]
pub(super) struct Stream {
    device: Arc<Device>,
    raw: RawHandle,
    /// Null: not registered.
    event: RawHandle,
    is_started: bool,
    is_closed: bool,
    asking: Asking,
}

/// What is known of a producer's answers about buffers. A question that it does not know costs one call a start; one that
/// fails now and then is asked again for the next frame.
#[derive(Debug, Default)]
struct Asking {
    /// Stacked calls that failed in a row.
    stacked_failures: u8,
    /// Questions that are not asked any more, by their place.
    skip: u32,
    /// Those that were answered at least once.
    answered: u32,
    /// Failures in a row of those that never were.
    failures: [u8; MAX_QUESTIONS],
}

/// The most questions about a buffer.
const MAX_QUESTIONS: usize = 32;
/// A call that fails so often in a row, and never worked, is not made any more.
const ENOUGH: u8 = 3;

impl Asking {
    /// Notes the answer to question `k`. `true`: the failure is to be told.
    fn note(&mut self, k: usize, answer: Result<u64, Code>) -> bool {
        let bit = 1 << k;
        match answer {
            Ok(_) => self.answered |= bit,
            // What is not there for one frame may be there for the next.
            Err(GC_ERR_NOT_AVAILABLE | GC_ERR_NO_DATA) => {}
            Err(_) if self.answered & bit != 0 => return true,
            Err(GC_ERR_NOT_IMPLEMENTED) => self.skip |= bit,
            Err(_) => {
                self.failures[k] += 1;
                if self.failures[k] >= ENOUGH {
                    self.skip |= bit;
                }
            }
        }
        false
    }
}

// SAFETY: the handles of a producer are not bound to a thread, as the standard has it.
unsafe impl Send for Stream {}

impl Stream {
    /// Opens the device's first stream. A failure comes with the function that answered so.
    pub fn open(device: &Arc<Device>) -> Result<Stream, (&'static str, Code)> {
        let id = device.stream_id()?;
        let mut raw = null_mut();
        // SAFETY: the device is open; the name ends with a zero; the handle lives through the call.
        check(unsafe {
            (device.producer().symbols.dev_open_stream)(device.raw, id.as_ptr(), &mut raw)
        })
        .map_err(|code| ("DevOpenDataStream", code))?;
        Ok(Stream {
            device: device.clone(),
            raw,
            event: null_mut(),
            is_started: false,
            is_closed: false,
            asking: Asking::default(),
        })
    }

    /// A number about the stream.
    pub fn info(&self, command: i32) -> Result<u64, Code> {
        let get = have(self.device.producer().symbols.ds_info)?;
        // SAFETY: our handle, open; `number` says how much room there is.
        number(|kind, to, bytes| unsafe { get(self.raw, command, kind, to, bytes) })
    }

    /// From now on filled buffers are told.
    pub fn listen(&mut self) -> Result<(), Code> {
        let mut event = null_mut();
        // SAFETY: our handle, open; the event's handle lives through the call.
        check(unsafe {
            (self.device.producer().symbols.register_event)(
                self.raw,
                sys::EVENT_NEW_BUFFER,
                &mut event,
            )
        })?;
        self.event = event;
        Ok(())
    }

    /// Has the producer fill `bytes` bytes at `start` whenever the buffer is queued.
    ///
    /// # Safety
    /// The memory stays, and is nobody else's while the buffer is queued, until the buffer is revoked or the stream
    /// closed.
    unsafe fn announce(
        &mut self,
        start: *mut u8,
        bytes: usize,
        user: usize,
    ) -> Result<RawHandle, Code> {
        let (mut buffer, user): (_, *mut c_void) =
            (null_mut(), std::ptr::without_provenance_mut(user));
        // SAFETY: the caller's promise; the handle lives through the call.
        check(unsafe {
            (self.device.producer().symbols.ds_announce)(
                self.raw,
                start.cast(),
                bytes,
                user,
                &mut buffer,
            )
        })?;
        Ok(buffer)
    }

    /// # Safety
    /// As for [`announce`](Self::announce); the buffer is ours alone and is not queued.
    #[inline]
    unsafe fn queue(&mut self, buffer: RawHandle) -> Result<(), Code> {
        // SAFETY: the caller's promise.
        check(unsafe { (self.device.producer().symbols.ds_queue)(self.raw, buffer) })
    }

    fn revoke(&mut self, buffer: RawHandle) -> Result<(), Code> {
        let (mut start, mut user) = (null_mut(), null_mut());
        // SAFETY: announced by us on this stream, and revoked once; both pointers live through the call.
        check(unsafe {
            (self.device.producer().symbols.ds_revoke)(self.raw, buffer, &mut start, &mut user)
        })
    }

    /// The host's side takes frames.
    pub fn start(&mut self) -> Result<(), Code> {
        // SAFETY: our handle, open.
        check(unsafe { (self.device.producer().symbols.ds_start)(self.raw, 0, sys::INFINITE) })?;
        self.is_started = true;
        Ok(())
    }

    /// The host's side takes no more frames, and a thread that waits for one is woken.
    pub fn stop(&mut self, faults: &mut Unanswered) {
        let s = &self.device.producer().symbols;
        if std::mem::take(&mut self.is_started) {
            // SAFETY: our handle, open.
            if let Err(code) = check(unsafe { (s.ds_stop)(self.raw, 0) }) {
                faults.note("DSStopAcquisition", code, 1);
            }
        }
        if self.event.is_null() {
            return;
        }
        if let Some(kill) = s.event_kill {
            // SAFETY: registered by us and not unregistered. Nobody may wait: then there is nothing to wake.
            unsafe { kill(self.event) };
        }
        self.event = null_mut();
        // SAFETY: as above; the event's handle is not used any more.
        if let Err(code) = check(unsafe { (s.unregister_event)(self.raw, sys::EVENT_NEW_BUFFER) }) {
            faults.note("GCUnregisterEvent", code, 1);
        }
    }

    /// The next filled buffer, and the word that it was announced with.
    ///
    /// # Real-time
    /// Capture-bound. No allocation; waits in the producer.
    #[inline]
    pub fn next(&mut self, timeout: Duration) -> Result<(RawHandle, usize), Code> {
        if self.event.is_null() {
            return Err(GC_ERR_NOT_INITIALIZED);
        }
        let mut data = NewBuffer { buffer: null_mut(), user: null_mut() };
        let mut bytes = size_of::<NewBuffer>();
        // SAFETY: the event is registered; the structure is of the standard's size and lives through the call.
        check(unsafe {
            (self.device.producer().symbols.event_data)(
                self.event,
                std::ptr::from_mut(&mut data).cast(),
                &mut bytes,
                milliseconds(timeout),
            )
        })?;
        let user = data.user;
        Ok((data.buffer, user.addr()))
    }

    /// What the producer says of a delivered buffer: one call where it can, else one for each question. What it answered
    /// before and does not answer now is told.
    ///
    /// # Real-time
    /// Capture-bound. No allocation.
    #[inline]
    pub fn ask<const N: usize>(
        &mut self,
        buffer: RawHandle,
        questions: &[i32; N],
        faults: &mut Unanswered,
    ) -> [Option<u64>; N] {
        const { assert!(N <= MAX_QUESTIONS) };
        if self.asking.stacked_failures < ENOUGH {
            match self.ask_at_once(buffer, questions) {
                Ok(answers) => {
                    self.asking.stacked_failures = 0;
                    return answers;
                }
                Err(GC_ERR_NOT_IMPLEMENTED) => self.asking.stacked_failures = ENOUGH,
                Err(code) => {
                    faults.note("DSGetBufferInfoStacked", code, 1);
                    self.asking.stacked_failures += 1;
                }
            }
        }
        let get = self.device.producer().symbols.ds_buffer_info;
        let mut answers = [None; N];
        for (k, command) in questions.iter().enumerate() {
            if self.asking.skip & (1 << k) != 0 {
                continue;
            }
            // SAFETY: our handles; `number` says how much room there is.
            let answer = number(|kind, to, bytes| unsafe {
                get(self.raw, buffer, *command, kind, to, bytes)
            });
            if let (true, Err(code)) = (self.asking.note(k, answer), answer) {
                faults.note("DSGetBufferInfo", code, 1);
            }
            answers[k] = answer.ok();
        }
        answers
    }

    fn ask_at_once<const N: usize>(
        &mut self,
        buffer: RawHandle,
        questions: &[i32; N],
    ) -> Result<[Option<u64>; N], Code> {
        let get = have(self.device.producer().symbols.ds_stacked)?;
        // Aligned for whatever type the producer stores.
        let mut values = [0_u64; N];
        let mut infos = [StackedInfo {
            command: 0,
            data_type: 0,
            value: null_mut(),
            bytes: 8,
            result: GC_ERR_NOT_AVAILABLE,
        }; N];
        for ((info, value), command) in infos.iter_mut().zip(&mut values).zip(questions) {
            (info.command, info.value) = (*command, std::ptr::from_mut(value).cast());
        }
        // SAFETY: our handles; each entry points at room of the size that it says, which lives through the call.
        check(unsafe { get(self.raw, buffer, infos.as_mut_ptr(), N) })?;
        let mut answers = [None; N];
        for ((answer, info), value) in answers.iter_mut().zip(&infos).zip(&values) {
            let StackedInfo { data_type, bytes, result, .. } = *info;
            let value = value.to_ne_bytes();
            *answer = check(result).and_then(|()| decode(data_type, value, bytes)).ok();
        }
        Ok(answers)
    }

    /// How many parts a buffer has; 0 where the producer does not say.
    #[inline]
    pub fn part_count(&self, buffer: RawHandle) -> u32 {
        let mut count = 0;
        let Some(get) = self.device.producer().symbols.ds_part_count else { return 0 };
        // SAFETY: our handles; the number lives through the call.
        match check(unsafe { get(self.raw, buffer, &mut count) }) {
            Ok(()) => count,
            Err(_) => 0,
        }
    }

    /// A number about a part of a buffer.
    #[inline]
    pub fn part(&self, buffer: RawHandle, part: u32, command: i32) -> Option<u64> {
        let get = self.device.producer().symbols.ds_part_info?;
        // SAFETY: our handles; `number` says how much room there is.
        number(|kind, to, bytes| unsafe { get(self.raw, buffer, part, command, kind, to, bytes) })
            .ok()
    }

    /// The chunks of a buffer, at most as many as `chunks` has room for: how many came.
    #[inline]
    pub fn chunks(&self, buffer: RawHandle, chunks: &mut [Chunk]) -> Result<usize, Code> {
        let get = have(self.device.producer().symbols.ds_chunks)?;
        let mut count = chunks.len();
        // SAFETY: our handles; there is room for `count` structures.
        check(unsafe { get(self.raw, buffer, chunks.as_mut_ptr(), &mut count) })?;
        Ok(count.min(chunks.len()))
    }

    /// Stops and closes it. `false`: the producer did not take that, and may still write into what was announced.
    pub fn close(mut self, buffers: &[Buffer], faults: &mut Unanswered) -> bool {
        self.stop(faults);
        let s = self.device.producer().symbols.ds_flush;
        // SAFETY: our handle, open. A queue that cannot be flushed goes with the stream.
        unsafe { s(self.raw, sys::FLUSH_ALL_DISCARD) };
        let mut all_back = true;
        for buffer in buffers.iter().filter(|b| !b.handle.is_null()) {
            if let Err(code) = self.revoke(buffer.handle) {
                faults.note("DSRevokeBuffer", code, 1);
                all_back = false;
            }
        }
        self.is_closed = true;
        // SAFETY: our handle, closed once.
        match check(unsafe { (self.device.producer().symbols.ds_close)(self.raw) }) {
            Ok(()) => true,
            Err(code) => {
                faults.note("DSClose", code, 1);
                all_back
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.is_closed {
            // Only one that was never given a buffer is dropped without `close`.
            self.stop(&mut Unanswered::new());
            // SAFETY: our handle, closed once.
            unsafe { (self.device.producer().symbols.ds_close)(self.raw) };
        }
    }
}

/// One of our slots, as the producer knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buffer {
    /// Null: not announced.
    handle: RawHandle,
    start: *mut u8,
    capacity: usize,
}

/// Our slots with the producer.
#[derive(Debug, Default)]
pub(super) struct Announced {
    slots: AnnouncedSlots,
    /// By slot index.
    buffers: Vec<Buffer>,
    strangers: u64,
    /// Slots that are queued here.
    queued: usize,
    /// Those among them that the running stream did not take.
    refused: usize,
}

// SAFETY: the pointers are those of slots; they are given to the producer and compared, never read through.
unsafe impl Send for Announced {}

/// A delivered slot: its frame, the handle to ask about it by, and where its memory begins.
pub(super) type Delivered = (FrameMut, RawHandle, usize);

impl Announced {
    /// Deliveries that were rejected: of slots that were not queued, or of buffers that are not ours.
    pub fn rejected(&self) -> u64 {
        self.slots.duplicates() + self.strangers
    }

    /// Whether slots are queued, and the producer has none of them.
    #[inline]
    pub fn is_starved(&self) -> bool {
        self.refused > 0 && self.refused == self.queued
    }

    /// Takes a slot in. While the stream runs it goes to the producer at once; an answer that is a fault means that the
    /// producer does not fill it before the next start. (Producers refuse to be told of memory while they run.)
    ///
    /// # Real-time
    /// Capture-bound. No lock; allocates only for slots that were never queued before.
    pub fn queue(
        &mut self,
        mut frame: FrameMut,
        stream: Option<&mut Stream>,
    ) -> Result<(), (&'static str, Code)> {
        const NONE: Buffer = Buffer { handle: null_mut(), start: null_mut(), capacity: 0 };
        let (start, capacity) = (frame.as_mut_ptr(), frame.capacity());
        let key = self.slots.queue(frame);
        if key >= self.buffers.len() {
            self.buffers.resize((key + 1).next_power_of_two().max(256), NONE);
        }
        let buffer = &mut self.buffers[key];
        (buffer.start, buffer.capacity) = (start, capacity);
        self.queued += 1;
        let Some(stream) = stream else { return Ok(()) };
        let handed = self.hand_over(key, stream);
        self.refused += usize::from(handed.is_err());
        handed
    }

    /// Announces a slot that is queued here, where that was not done, and queues it with the producer.
    fn hand_over(&mut self, key: usize, stream: &mut Stream) -> Result<(), (&'static str, Code)> {
        let buffer = &mut self.buffers[key];
        if buffer.handle.is_null() {
            // SAFETY: the slot's memory outlives the announcement: `slots` holds it, or a frame of it does, and the
            // stream is closed before either is let go (or the slot is kept for ever). Nobody touches a queued slot.
            buffer.handle = unsafe { stream.announce(buffer.start, buffer.capacity, key + 1) }
                .map_err(|code| ("DSAnnounceBuffer", code))?;
        }
        // SAFETY: as above. It is not queued: a slot comes here when it was taken in, after its delivery.
        unsafe { stream.queue(buffer.handle) }.map_err(|code| ("DSQueueBuffer", code))
    }

    /// Announces and queues every slot that is here, on a stream that was opened just now: how many those are.
    pub fn hand_over_all(&mut self, stream: &mut Stream) -> Result<usize, (&'static str, Code)> {
        let mut count = 0;
        for key in 0..self.buffers.len() {
            if self.slots.is_queued(key) {
                self.hand_over(key, stream)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// The smallest slot that is queued, in bytes.
    pub fn smallest(&self) -> Option<usize> {
        let queued = (0..self.buffers.len()).filter(|k| self.slots.is_queued(*k));
        queued.map(|k| self.buffers[k].capacity).min()
    }

    /// The slot that the producer delivered. `None`: not one that was queued (a duplicate), or not one of ours; it is
    /// not believed, and counted.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    #[inline]
    pub fn deliver(&mut self, handle: RawHandle, user: usize) -> Option<Delivered> {
        let key = user.wrapping_sub(1);
        let known = self.buffers.get(key).is_some_and(|b| b.handle == handle && !handle.is_null());
        // A producer that does not pass our word on is asked by its handle.
        let key = if known { Some(key) } else { self.search(handle) };
        let Some(key) = key else {
            self.strangers += 1;
            return None;
        };
        let frame = self.slots.deliver(key)?;
        self.queued -= 1;
        Some((frame, handle, self.buffers[key].start.addr()))
    }

    #[cold]
    fn search(&self, handle: RawHandle) -> Option<usize> {
        if handle.is_null() {
            return None;
        }
        self.buffers.iter().position(|b| b.handle == handle)
    }

    /// What the stream that they were announced to is closed with.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// The stream is closed, and what was announced to it is forgotten.
    pub fn forget(&mut self) {
        self.buffers.iter_mut().for_each(|b| b.handle = null_mut());
        self.refused = 0;
    }

    /// Those that are queued go back; the producer knows none any more.
    pub fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        self.forget();
        self.queued = 0;
        self.slots.revoke(back);
    }

    /// Nobody ever gets the queued slots again: the stream could not be closed, and may write them at any time.
    pub fn keep_for_ever(&mut self) {
        self.forget();
        self.queued = 0;
        self.slots.revoke(&mut std::mem::forget);
    }
}

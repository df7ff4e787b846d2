//! A running stream, and our slots as Aravis's buffers: every call on them, each behind a safe function.
#![allow(unsafe_code)]

use super::board::{self, Priority};
use super::camera::{Camera, Failure, tried};
use super::counters::Counters;
use super::delivered::Delivered;
use super::library::Library;
use super::sys::{self, Object};
use std::ffi::{CStr, c_int, c_void};
use std::time::Duration;

/// The id that a buffer is queued with. A frame whose first packet is lost brings none, and would show that of
/// the frame before.
pub(super) const NO_ID: u64 = u64::MAX;

/// How a stream receives. Of GigE Vision cameras only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Options {
    /// Bytes of the socket's receive buffer; 0: the system's default.
    pub socket_buffer: i32,
    /// Whether lost packets are asked for again; `None`: as Aravis does.
    pub resend: Option<bool>,
    /// How long a packet may be late before it is asked for again.
    pub packet_timeout: Option<Duration>,
    /// How long a frame is kept for its missing packets.
    pub frame_retention: Option<Duration>,
}

/// One of our slots, as Aravis knows it. Dropped: Aravis forgets it when no stream has it any more.
#[derive(Debug)]
pub(super) struct Buffer {
    library: &'static Library,
    raw: Object,
    bytes: usize,
}

// SAFETY: a counted object; its memory is written by the stream alone that has it.
unsafe impl Send for Buffer {}

impl Buffer {
    /// Makes Aravis's buffer of `bytes` bytes at `start`, under `key`.
    ///
    /// # Safety
    /// - The memory outlives every stream that the buffer is pushed to.
    /// - Nobody else touches it from the push until the stream has delivered it, or is closed for sure.
    pub unsafe fn new(
        library: &'static Library,
        start: *mut u8,
        bytes: usize,
        key: usize,
    ) -> Buffer {
        // Never null: 0 is the key of nobody.
        let word = std::ptr::without_provenance_mut(key + 1);
        // SAFETY: the memory is the caller's promise; it stays his to free.
        let raw =
            unsafe { (library.symbols.new_buffer)(bytes, start.cast(), word, std::ptr::null()) };
        Buffer { library, raw, bytes }
    }

    /// Whether that is what was delivered.
    pub fn is(&self, delivered: &Delivered) -> bool {
        self.raw == delivered.raw()
    }

    /// How long it is.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: our own count of it.
        unsafe { (self.library.symbols.unref)(self.raw) };
    }
}

/// A stream that receives. Dropped or closed: its thread has ended, and the buffers it had are ours again.
#[derive(Debug)]
pub(super) struct Stream {
    library: &'static Library,
    raw: Object,
    is_gv: bool,
    counters: Counters,
}

// SAFETY: a counted object that is not bound to a thread; one owner keeps calls apart.
unsafe impl Send for Stream {}

/// What the stream's thread calls: when it begins, for each frame, and when it ends. Nothing in it can unwind.
extern "C" fn on_stream(user: *mut c_void, kind: c_int, _: Object) {
    match kind {
        sys::THREAD_BEGINS => {
            let priority = board::thread_begins(user);
            let Some(library) = Library::loaded() else { return };
            let s = &library.symbols;
            let (set, to) = match priority {
                Priority::Leave => return,
                Priority::Realtime(n) => (s.realtime, c_int::from(n)),
                Priority::Nice(n) => (s.high_priority, c_int::from(n)),
            };
            // SAFETY: a function for the calling thread, with a number.
            let done = unsafe { set(to) };
            if done == 0 {
                board::post_refusal(user);
            }
        }
        sys::THREAD_ENDS => board::thread_ends(user),
        _ => {}
    }
}

impl Stream {
    /// Makes a stream of `camera`, which begins to receive with the acquisition, or at once (0.8).
    pub fn new(camera: &Camera, options: &Options) -> Result<Stream, Failure> {
        const CALL: &str = "arv_camera_create_stream";
        let library = camera.library();
        let s = &library.symbols;
        let user = camera.posted().user();
        let raw = tried(library, CALL, |e| {
            // SAFETY: our camera. The callback is a function of this program, its word no pointer.
            unsafe { s.create_stream(library.version(), camera.raw(), on_stream, user, e) }
        })?;
        if raw.is_null() {
            let text = "it made none".into();
            return Err(Failure { call: CALL, code: super::codes::OTHER_ERROR, text });
        }
        // SAFETY: a stream that was just made, and lives as long as what is read of it is used.
        let counters = unsafe { Counters::of(library, raw) };
        let mut stream = Stream { library, raw, is_gv: camera.is_gv(), counters };
        if camera.is_gv() {
            stream.set_options(options);
        }
        Ok(stream)
    }

    fn set_options(&mut self, o: &Options) {
        let micros = |d: Duration| c_int::try_from(d.as_micros()).unwrap_or(c_int::MAX);
        if o.socket_buffer > 0 {
            self.set(c"socket-buffer", sys::SOCKET_BUFFER_FIXED);
            self.set(c"socket-buffer-size", o.socket_buffer);
        }
        if let Some(on) = o.resend {
            self.set(c"packet-resend", on.into());
        }
        if let Some(timeout) = o.packet_timeout {
            self.set(c"packet-timeout", micros(timeout));
        }
        if let Some(retention) = o.frame_retention {
            self.set(c"frame-retention", micros(retention));
        }
    }

    fn set(&mut self, property: &CStr, value: c_int) {
        // SAFETY: properties of a GigE Vision stream that are 32 bits wide; the list ends with null.
        unsafe {
            (self.library.symbols.set_property)(
                self.raw,
                property.as_ptr(),
                value,
                std::ptr::null::<c_void>(),
            );
        }
    }

    /// What the stream has counted under one of [`KNOWN`](super::counters::KNOWN); 0 where it does not count that.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    pub fn counter(&self, n: usize) -> u64 {
        // SAFETY: the stream that they are of.
        unsafe { self.counters.known(self.library, self.raw, n) }
    }

    /// Tells every counter that this stream has, by Aravis's name.
    pub fn counters(&self, tell: &mut dyn FnMut(&str, u64)) {
        // SAFETY: as above.
        unsafe { self.counters.all(self.library, self.raw, tell) }
    }

    /// Gives a buffer to be filled.
    ///
    /// # Real-time
    /// Capture-bound. Aravis takes a lock and a list's link for it.
    pub fn push(&mut self, buffer: &Buffer) {
        let s = &self.library.symbols;
        // SAFETY: our stream and our buffer; the stream gets a count of its own. The buffer's maker has promised
        // that its memory stays.
        unsafe {
            (s.set_frame_id)(buffer.raw, NO_ID);
            (s.push)(self.raw, (s.reference)(buffer.raw));
        }
    }

    /// The next buffer that is done, waiting at most `timeout`.
    ///
    /// # Real-time
    /// Capture-bound. No allocation; waits in Aravis.
    pub fn pop(&mut self, timeout: Duration) -> Option<Delivered> {
        let s = &self.library.symbols;
        let micros = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX / 2);
        // SAFETY: our stream; what it delivers has a count for us.
        let raw = unsafe {
            match micros {
                0 => (s.try_pop)(self.raw),
                _ => (s.pop)(self.raw, micros),
            }
        };
        if raw.is_null() {
            return None;
        }
        // SAFETY: a buffer that was delivered, with a count for us.
        let delivered = unsafe { Delivered::read(s, raw, self.is_gv) };
        // SAFETY: the count that came with it. Ours, from its making, is left.
        unsafe { (s.unref)(raw) };
        Some(delivered)
    }

    /// Ends the stream. `false`: its thread goes on, and may still write into what it was given.
    pub fn close(self, camera: &Camera) -> bool {
        drop(self);
        camera.posted().is_quiet()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: the only count of it; it ends its thread and forgets its buffers.
        unsafe { (self.library.symbols.unref)(self.raw) };
    }
}

//! A buffer that is being filled, or a frame that is owned alone.
#![allow(unsafe_code)]

use super::fate::Fate;
use super::filled::Frame;
use super::handle::{Handle, go_home};
use super::lane::Lane;
use crate::buffer::home::{Core, Keep, Place, Slot, Span, WRITTEN};
use crate::meta::{Beside, FrameMeta, FrameStatus};
use crate::sync::Ordering;
use std::ptr::NonNull;

/// A buffer that is being filled, or a frame that is owned alone: writable. (GenTL: filling)
pub struct FrameMut {
    pub(super) slot: NonNull<Slot>,
}

// SAFETY: a `FrameMut` is the only holder of its slot.
unsafe impl Send for FrameMut {}
// SAFETY: `&FrameMut` only reads.
unsafe impl Sync for FrameMut {}

impl FrameMut {
    /// # Safety
    /// The caller holds the slot alone and passes it to this handle.
    #[inline]
    pub(in crate::buffer) unsafe fn adopt(slot: NonNull<Slot>) -> FrameMut {
        FrameMut { slot }
    }

    #[inline]
    fn record(&self) -> &Slot {
        // SAFETY: the core outlives every handle.
        unsafe { self.slot.as_ref() }
    }

    #[inline]
    fn span(&self) -> Span {
        // SAFETY: we hold the slot alone.
        self.record().span.with(|s| unsafe { *s })
    }

    #[inline]
    fn span_mut(&mut self) -> &mut Span {
        // SAFETY: we hold the slot alone and borrow it mutably.
        self.record().span.with_mut(|s| unsafe { &mut *s })
    }

    /// Which slot of its pool this is; stable for the pool's life.
    pub fn slot_index(&self) -> usize {
        self.record().index as usize
    }

    /// Bytes that may be written.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.span().capacity
    }

    /// The whole writable buffer, not only its valid part.
    ///
    /// # Real-time
    /// Any thread. Free.
    #[inline]
    pub fn buffer_mut(&mut self) -> &mut [u8] {
        let s = self.span_for_writing();
        // SAFETY: `capacity` bytes at `ptr` are ours alone, initialised (touched anonymous memory, or
        // memory lent to us whole).
        unsafe { std::slice::from_raw_parts_mut(s.ptr, s.capacity) }
    }

    /// The valid bytes.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        let s = self.span();
        // SAFETY: `len <= capacity`, and we hold the slot alone.
        unsafe { std::slice::from_raw_parts(s.ptr, s.len) }
    }

    /// The valid bytes, writable.
    #[inline]
    pub fn payload_mut(&mut self) -> &mut [u8] {
        let len = self.span().len;
        &mut self.buffer_mut()[..len]
    }

    /// Says how many bytes are valid. Clipped to the capacity: nothing that an SDK says about sizes is
    /// believed. Returns what was set.
    #[inline]
    pub fn set_filled(&mut self, bytes: usize) -> usize {
        let s = self.span_mut();
        s.len = bytes.min(s.capacity);
        s.len
    }

    /// The metadata.
    #[inline]
    pub fn meta(&self) -> &FrameMeta {
        // SAFETY: we hold the slot alone.
        self.record().meta.with(|m| unsafe { &*m })
    }

    /// The metadata, writable.
    #[inline]
    pub fn meta_mut(&mut self) -> &mut FrameMeta {
        // SAFETY: we hold the slot alone and borrow it mutably.
        self.record().meta.with_mut(|m| unsafe { &mut *m })
    }

    /// What the payload holds beside the image, writable.
    #[inline]
    pub fn beside_mut(&mut self) -> &mut Beside {
        // SAFETY: we hold the slot alone and borrow it mutably.
        self.record().beside.with_mut(|b| unsafe { &mut *b })
    }

    /// What the source attached to a lent buffer.
    pub fn token(&self) -> u64 {
        self.span().token & !WRITTEN
    }

    /// Whether a lent buffer may have been written since it was lent: somebody had it writable.
    pub fn was_written(&self) -> bool {
        self.span().token & WRITTEN != 0
    }

    /// The span, of which writing is noted if it is lent.
    #[inline]
    fn span_for_writing(&mut self) -> Span {
        let s = self.span_mut();
        s.note_writing();
        *s
    }

    /// Points the handle at memory of the source (fill by lending).
    ///
    /// # Safety
    /// - `capacity` bytes at `ptr` are initialised and nobody else writes them until the source gets
    ///   `token` back.
    /// - The memory outlives every handle of this frame: a source must not free it while it is lent.
    /// - `token` is below 2^63; 0 stands for nothing lent.
    /// - The frame is of a lending pool ([`Pool::lending`](crate::buffer::Pool::lending)).
    #[inline]
    pub unsafe fn lend(&mut self, ptr: NonNull<u8>, capacity: usize, token: u64) {
        debug_assert!(!self.has_own_memory());
        let s = self.span_mut();
        *s = Span { ptr: ptr.as_ptr(), capacity, len: 0, token };
    }

    /// The start of the buffer, for an SDK that fills it behind the compiler's back (fill by announcing).
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.span_for_writing().ptr
    }

    /// Whether the slot's memory is the pool's own.
    fn has_own_memory(&self) -> bool {
        // SAFETY: the core outlives every handle.
        unsafe { (*self.record().core.with(|c| *c)).arena.is_some() }
    }

    /// Does what a faulty SDK would do: writes `bytes` bytes past the end of the slot, at most as many as
    /// its capacity, which lie in its canary and moat. Nothing where the memory is lent. Returns the bytes
    /// written.
    #[cold]
    pub(crate) fn write_past_end(&mut self, bytes: usize) -> usize {
        let s = self.span();
        if !self.has_own_memory() {
            return 0;
        }
        let bytes = bytes.min(s.capacity);
        for k in 0..bytes {
            // SAFETY: a region is more than twice as long as its slot, all of it writable and, behind the
            // capacity, nobody's. (With a guard page this faults, as it should.) Volatile, as an SDK's
            // writes are to the compiler.
            unsafe { s.ptr.add(s.capacity + k).write_volatile(0xEE) };
        }
        bytes
    }

    pub(in crate::buffer) fn is_of(&self, core: &Core) -> bool {
        // SAFETY: `core` is written once before the slot is shared.
        self.record().core.with(|c| unsafe { *c }) == std::ptr::from_ref(core)
    }

    pub(crate) fn keeps(&self, keep: &Keep) -> bool {
        // SAFETY: the core outlives every handle.
        let own = unsafe { &(*self.record().core.with(|c| *c)).keep };
        own.as_ref().is_some_and(|own| std::sync::Arc::ptr_eq(own, keep))
    }

    #[inline]
    pub(crate) fn set_place(&self, place: Place) {
        // The pool alone says that a slot is in its own hands, and frees memory by it.
        debug_assert!(!matches!(place, Place::Free | Place::Out));
        self.record().place.store(place as u8, Ordering::Relaxed);
    }

    /// Filling is done. Consumes the writable handle: from here on the payload is read-only.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock.
    #[inline]
    pub fn filled(self) -> Frame {
        let slot = self.slot;
        std::mem::forget(self);
        // SAFETY: alive; we hold it alone.
        let s = unsafe { slot.as_ref() };
        s.lanes.store(Lane::OWNER.one(), Ordering::Relaxed);
        // Not a plain store: a frame that was made writable again keeps what it already suffered.
        if s.fate.load(Ordering::Relaxed) == Fate::Unused as u8 {
            // SAFETY: as above.
            let fate = match s.meta.with(|m| unsafe { (*m).status }) {
                FrameStatus::Complete => Fate::Delivered,
                FrameStatus::Incomplete => Fate::Incomplete,
            };
            s.fate.store(fate as u8, Ordering::Relaxed);
        }
        // SAFETY: as above.
        let (id, at) = s.meta.with(|m| unsafe { ((*m).frame_id, (*m).host_time) });
        s.news.frame_hint.store(id, Ordering::Relaxed);
        s.news.since.store(at.0, Ordering::Relaxed);
        s.place.store(Place::Flight as u8, Ordering::Relaxed);
        Frame(Handle { slot, lane: Lane::OWNER })
    }
}

impl Drop for FrameMut {
    fn drop(&mut self) {
        // The fate stays: `Unused` as set when the slot was taken, or that of a frame made writable again.
        // SAFETY: we held the slot alone.
        unsafe { go_home(self.slot) };
    }
}

impl std::fmt::Debug for FrameMut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "FrameMut(slot {}, {} of {} bytes)",
            self.slot_index(),
            self.payload().len(),
            self.capacity()
        )
    }
}

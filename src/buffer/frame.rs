//! The handles: [`FrameMut`] is filling or owned alone, [`Frame`] is filled, [`SharedFrame`] is read by
//! several. All are `Send`; the last one dropped, on any thread, brings the slot home.
#![allow(unsafe_code)]

use super::home::{Core, Keep, Place, Slot, Span};
use crate::clock::HostTime;
use crate::meta::{FrameMeta, FrameStatus};
use crate::sync::{Ordering, fence};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// How many holders can be told apart by name. More consumers than this share lanes.
pub const LANES: usize = 8;
/// Handles that one lane may have at once. Above it `clone` refuses, a hand-over leaves the handle on its
/// lane and a fan-out takes another lane; well below the byte's 255, so that threads racing between check
/// and count cannot overflow it. (A byte that overflowed would carry into the next lane's, and the last
/// lane's out of the word: a frame could seem to be alone that is not.)
const MAX_PER_LANE: u64 = 192;

/// A holder's place in the lane word, `0..LANES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Lane(u8);

impl Lane {
    /// The pool's own side: filling, or held by whoever took the frame out of the line.
    pub const OWNER: Lane = Lane(0);

    /// Lane `n`. From [`LANES`] on, lanes are shared in turn; never with [`Lane::OWNER`], which means
    /// something else.
    pub fn new(n: usize) -> Lane {
        Lane(if n < LANES { n } else { 1 + (n - 1) % (LANES - 1) } as u8)
    }

    /// `0..LANES`.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    #[inline]
    fn one(self) -> u64 {
        1 << (8 * self.0)
    }

    /// Whether the lane word `lanes` has room for one more handle here.
    #[inline]
    fn has_room(self, lanes: u64) -> bool {
        (lanes >> (8 * self.0)) & 0xFF < MAX_PER_LANE
    }
}

/// How a frame's life ended. The worst word stands: later ones are kept only if they are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Fate {
    /// Never filled: the slot came home unused.
    Unused = 0,
    /// Reached the end of every branch that must have it.
    Delivered = 1,
    /// The same, but it had arrived damaged.
    Incomplete = 2,
    /// Accepted, and given up at an abort.
    Abandoned = 3,
    /// A full ring refused it on a branch that must have it.
    Refused = 4,
    /// Failed the checks, or a stage failed on it.
    Invalid = 5,
}

impl Fate {
    pub(crate) fn from_u8(v: u8) -> Fate {
        match v {
            1 => Fate::Delivered,
            2 => Fate::Incomplete,
            3 => Fate::Abandoned,
            4 => Fate::Refused,
            5 => Fate::Invalid,
            _ => Fate::Unused,
        }
    }
}

/// Too many handles of one frame on one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloneLimit;

impl std::fmt::Display for CloneLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "one holder may have {MAX_PER_LANE} handles of a frame at most")
    }
}

impl std::error::Error for CloneLimit {}

/// One counted reference to a filled slot: what `Frame` and `SharedFrame` are made of.
struct Handle {
    slot: NonNull<Slot>,
    lane: Lane,
}

// SAFETY: the slot's record is Sync, and the payload is only read while more than one handle lives.
unsafe impl Send for Handle {}
// SAFETY: `&Handle` gives only shared reads and atomic operations.
unsafe impl Sync for Handle {}

impl Handle {
    #[inline]
    fn slot(&self) -> &Slot {
        // SAFETY: the core, and with it the slot, outlives every handle (see `home`).
        unsafe { self.slot.as_ref() }
    }

    #[inline]
    fn meta(&self) -> &FrameMeta {
        // SAFETY: filled; written again only by a holder that is alone (`&mut`), and we are one.
        self.slot().meta.with(|m| unsafe { &*m })
    }

    #[inline]
    fn span(&self) -> Span {
        // SAFETY: as for `meta`.
        self.slot().span.with(|s| unsafe { *s })
    }

    #[inline]
    fn payload(&self) -> &[u8] {
        let s = self.span();
        // SAFETY: `len <= capacity` bytes at `ptr` are valid (rule 5 clipped it) and nobody writes them
        // while a handle lives.
        unsafe { std::slice::from_raw_parts(s.ptr, s.len) }
    }

    #[inline]
    fn is_alone(&self) -> bool {
        // PAIR: lanes (acquire: what other handles read happened before we write).
        self.slot().lanes.load(Ordering::Acquire) == self.lane.one()
    }

    fn try_clone(&self) -> Result<Handle, CloneLimit> {
        let lanes = &self.slot().lanes;
        if !self.lane.has_room(lanes.load(Ordering::Relaxed)) {
            return Err(CloneLimit);
        }
        // Relaxed, as in `Arc`: a new handle comes from a live one.
        lanes.fetch_add(self.lane.one(), Ordering::Relaxed);
        Ok(Handle { slot: self.slot, lane: self.lane })
    }

    fn worsen(&self, fate: Fate) {
        self.slot().fate.fetch_max(fate as u8, Ordering::Relaxed);
    }
}

impl Drop for Handle {
    #[inline]
    fn drop(&mut self) {
        let slot = self.slot();
        let one = self.lane.one();
        // Alone: nobody can join (a new handle comes only from a live one), so no counting is needed.
        if slot.lanes.load(Ordering::Acquire) != one {
            // PAIR: lanes
            if slot.lanes.fetch_sub(one, Ordering::Release) != one {
                return;
            }
            fence(Ordering::Acquire);
        }
        // SAFETY: the core is alive until this very call; we were the last handle.
        unsafe { go_home(self.slot) };
    }
}

/// # Safety
/// The caller held the slot alone and gives it up.
#[inline]
unsafe fn go_home(slot: NonNull<Slot>) {
    // SAFETY: the core outlives the slot's absence from home, which ends inside `bring_home`.
    unsafe {
        let core: *const Core = slot.as_ref().core.with(|c| *c);
        let index = slot.as_ref().index;
        Core::bring_home(core, index);
    }
}

/// A buffer that is being filled, or a frame that is owned alone: writable. (GenTL: filling)
pub struct FrameMut {
    slot: NonNull<Slot>,
}

// SAFETY: a `FrameMut` is the only holder of its slot.
unsafe impl Send for FrameMut {}
// SAFETY: `&FrameMut` only reads.
unsafe impl Sync for FrameMut {}

impl FrameMut {
    /// # Safety
    /// The caller holds the slot alone and passes it to this handle.
    #[inline]
    pub(super) unsafe fn adopt(slot: NonNull<Slot>) -> FrameMut {
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
        let s = self.span();
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

    /// What the source attached to a lent buffer.
    pub fn token(&self) -> u64 {
        self.span().token
    }

    /// Points the handle at memory of the source (fill by lending).
    ///
    /// # Safety
    /// - `capacity` bytes at `ptr` are initialised and nobody else writes them until the source gets
    ///   `token` back.
    /// - The memory outlives every handle of this frame: a source must not free it while it is lent.
    /// - The frame is of a lending pool ([`Pool::lending`](super::Pool::lending)).
    #[inline]
    pub unsafe fn lend(&mut self, ptr: NonNull<u8>, capacity: usize, token: u64) {
        debug_assert!(!self.has_own_memory());
        let s = self.span_mut();
        *s = Span { ptr: ptr.as_ptr(), capacity, len: 0, token };
    }

    /// The start of the buffer, for an SDK that fills it behind the compiler's back (fill by announcing).
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.span().ptr
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

    pub(super) fn is_of(&self, core: &Core) -> bool {
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

/// A filled frame. Read-only; one handle, which may be one of several after a fan-out.
pub struct Frame(Handle);

impl Frame {
    /// The metadata.
    #[inline]
    pub fn meta(&self) -> &FrameMeta {
        self.0.meta()
    }

    /// The device's number of this frame.
    #[inline]
    pub fn id(&self) -> u64 {
        self.meta().frame_id
    }

    /// The valid bytes, exactly.
    ///
    /// # Real-time
    /// Any thread. Free.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.0.payload()
    }

    /// The image's bytes: the payload without chunks or padding that follow the image (aravis#353);
    /// shorter if the frame is incomplete.
    #[inline]
    pub fn image(&self) -> &[u8] {
        let payload = self.payload();
        let image = usize::try_from(self.meta().geometry().image_bytes()).unwrap_or(usize::MAX);
        &payload[..image.min(payload.len())]
    }

    /// Row `y` without its padding; `None` beyond the image, for packed formats, or where the payload
    /// is shorter than the geometry says (an incomplete frame).
    pub fn row(&self, y: u32) -> Option<&[u8]> {
        let m = self.meta();
        if y >= m.height || m.pixel_format.is_packed() {
            return None;
        }
        let start = usize::try_from(u64::from(y) * u64::from(m.stride)).ok()?;
        let len = m.width as usize * (m.pixel_format.bits_per_pixel() / 8) as usize;
        self.payload().get(start..start.checked_add(len)?)
    }

    /// Whether this is the only handle. A `true` stays true until `self` is shared; a `false` may change at
    /// any time.
    #[inline]
    pub fn is_alone(&self) -> bool {
        self.0.is_alone()
    }

    /// The payload, writable, if this is the only handle.
    pub fn payload_mut(&mut self) -> Option<&mut [u8]> {
        if !self.is_alone() {
            return None;
        }
        let s = self.0.span();
        // SAFETY: alone, and borrowed mutably; others' reads happened before (acquire in `is_alone`).
        Some(unsafe { std::slice::from_raw_parts_mut(s.ptr, s.len) })
    }

    /// The metadata, writable, if this is the only handle.
    pub fn meta_mut(&mut self) -> Option<&mut FrameMeta> {
        if !self.is_alone() {
            return None;
        }
        // SAFETY: as for `payload_mut`.
        Some(self.0.slot().meta.with_mut(|m| unsafe { &mut *m }))
    }

    /// Turns the frame writable again, if this is the only handle; else gives it back.
    pub fn into_mut(self) -> Result<FrameMut, Frame> {
        if !self.is_alone() {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        Ok(FrameMut { slot: this.0.slot })
    }

    /// Makes the frame readable by several holders. The slot comes home when the last of them drops it.
    pub fn share(self) -> SharedFrame {
        SharedFrame(self.0)
    }

    /// One more handle, for a stage that keeps the frame beyond its turn.
    pub fn to_shared(&self) -> Result<SharedFrame, CloneLimit> {
        self.0.try_clone().map(SharedFrame)
    }

    /// Which slot of its pool holds the frame.
    pub fn slot_index(&self) -> usize {
        self.0.slot().index as usize
    }

    /// Hands the frame to the holder on `lane`.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock; a locked instruction only while the frame is shared.
    #[inline]
    pub(crate) fn hand_to(&mut self, lane: Lane, now: HostTime) {
        let slot = self.0.slot();
        let (from, to) = (self.0.lane.one(), lane.one());
        slot.news.since.store(now.0, Ordering::Relaxed);
        if from == to {
            return;
        }
        // PAIR: lanes (acquire: the plain store below ends the release sequence of handles dropped before,
        // so what they released has to be ours by then).
        let lanes = slot.lanes.load(Ordering::Acquire);
        if lanes == from {
            slot.lanes.store(to, Ordering::Relaxed);
        } else if lane.has_room(lanes) {
            // One step, so that the count never passes through zero.
            slot.lanes.fetch_add(to.wrapping_sub(from), Ordering::Relaxed);
        } else {
            return; // Stays on its lane: only the holder's name in reports is wrong.
        }
        self.0.lane = lane;
    }

    /// One more handle for the same holder (fan-out).
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock; one locked instruction.
    #[inline]
    pub(crate) fn another(&self) -> Frame {
        self.fan_to(self.0.lane)
    }

    /// One more handle, for the holder on `lane`, or a neighbour's where that has no room.
    #[inline]
    pub(crate) fn fan_to(&self, lane: Lane) -> Frame {
        let lanes = &self.0.slot().lanes;
        let now = lanes.load(Ordering::Relaxed);
        let lane = if lane.has_room(now) { lane } else { spare_lane(now) };
        lanes.fetch_add(lane.one(), Ordering::Relaxed);
        Frame(Handle { slot: self.0.slot, lane })
    }

    /// Makes the frame's fate at least as bad as `fate`.
    pub(crate) fn worsen(&self, fate: Fate) {
        self.0.worsen(fate);
    }
}

/// Any lane with room, for a fan-out to a full one.
///
/// # Panics
/// If all lanes are full: over 1500 handles of one frame, which no ring or stage of sane depth holds.
#[cold]
fn spare_lane(lanes: u64) -> Lane {
    (0..LANES as u8).map(Lane).find(|l| l.has_room(lanes)).expect("a frame has over 1500 handles")
}

/// Guesses which slot's record the next frame brings, so that it is fetched while the ring's entry still
/// is: a pool gives its slots out in an order that repeats. A wrong guess costs nothing but the fetch.
#[derive(Debug)]
pub(crate) struct Foresight {
    /// Which record followed the one of that place last time.
    after: [*const Slot; Foresight::PLACES],
    last: usize,
}

// SAFETY: the pointers are addresses to fetch, never read through.
unsafe impl Send for Foresight {}

impl Foresight {
    const PLACES: usize = 64;

    pub fn new() -> Foresight {
        Foresight { after: [std::ptr::null(); Self::PLACES], last: 0 }
    }

    /// Starts fetching the record of the frame that is about to come.
    #[inline]
    pub fn fetch(&self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch is a hint: it accesses nothing that a program could see, and never faults.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let record: *const i8 = self.after[self.last].cast();
            _mm_prefetch::<_MM_HINT_T0>(record);
            _mm_prefetch::<_MM_HINT_T0>(record.wrapping_add(64));
        }
    }

    /// Learns which record came.
    #[inline]
    pub fn learn(&mut self, frame: &Frame) {
        let slot: *const Slot = frame.0.slot.as_ptr();
        self.after[self.last] = slot;
        self.last = (slot as usize / size_of::<Slot>()) % Self::PLACES;
    }
}

impl From<SharedFrame> for Frame {
    fn from(s: SharedFrame) -> Frame {
        Frame(s.0)
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Frame(id {}, slot {}, {} bytes)",
            self.id(),
            self.slot_index(),
            self.payload().len()
        )
    }
}

/// A frame that several read. Cloning counts; the payload is never copied.
pub struct SharedFrame(Handle);

impl SharedFrame {
    /// The metadata.
    #[inline]
    pub fn meta(&self) -> &FrameMeta {
        self.0.meta()
    }

    /// The valid bytes, exactly.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.0.payload()
    }

    /// One more handle; refused when this holder has too many.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock; one locked instruction.
    pub fn try_clone(&self) -> Result<SharedFrame, CloneLimit> {
        self.0.try_clone().map(SharedFrame)
    }

    /// Whether this is the only handle.
    pub fn is_alone(&self) -> bool {
        self.0.is_alone()
    }
}

impl std::fmt::Debug for SharedFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedFrame(id {}, {} bytes)", self.meta().frame_id, self.payload().len())
    }
}

/// The lanes of a lane word that have handles, with their number.
pub(crate) fn holders(lanes: u64) -> impl Iterator<Item = (Lane, u8)> {
    (0..LANES).map(move |n| (Lane(n as u8), (lanes >> (8 * n)) as u8)).filter(|(_, n)| *n > 0)
}

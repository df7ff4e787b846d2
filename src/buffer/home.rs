//! The shared core of a pool: one record a slot, and the words through which slots come home.
//!
//! A slot that is not in anybody's hands has its bit set in a *home word*. Dropping the last handle sets
//! the bit with one `fetch_or`: wait-free, and there is nothing that could be full. The owner empties a
//! whole word with one `swap`. Two more bits of the same word carry news to the dropper, so that no
//! second location has to be ordered against it: WAITING (the owner sleeps until a slot comes home) and
//! ORPHAN (the pool is gone; the last slot to come home frees the memory).
//!
//! A slot's *lane word* counts the live handles, one byte for each holder lane: so "who holds it" is
//! answered by the very word that decides when the slot is free.
#![allow(unsafe_code)]

use super::arena::Arena;
use crate::meta::FrameMeta;
use crate::sync::{
    Arc, AtomicU8, AtomicU64, AtomicUsize, CachePadded, Ordering, UnsafeCell, WakeCell,
};
use crate::telemetry::Counter;
use std::ptr::NonNull;

/// Slots that one home word covers.
pub(crate) const PER_WORD: usize = 62;
const WAITING: u64 = 1 << 62;
const ORPHAN: u64 = 1 << 63;
const SLOT_BITS: u64 = WAITING - 1;

/// Where a slot is, as its owner (the pool's thread) last knew it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Place {
    /// Not part of the pool now (a spare region, or set aside after an overrun).
    Out = 0,
    /// Free in the pool.
    Free = 1,
    /// Queued with the SDK.
    Queued = 2,
    /// Being filled, or in the capture thread's hands.
    Filling = 3,
    /// Handed to the graph as a frame.
    Flight = 4,
}

impl Place {
    pub(crate) fn from_u8(v: u8) -> Place {
        match v {
            1 => Place::Free,
            2 => Place::Queued,
            3 => Place::Filling,
            4 => Place::Flight,
            _ => Place::Out,
        }
    }
}

/// Memory of a slot. Written only by whoever holds the slot alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub ptr: *mut u8,
    /// Bytes that may be written.
    pub capacity: usize,
    /// Bytes that are valid.
    pub len: usize,
    /// What the source needs to take a lent buffer back.
    pub token: u64,
}

/// One slot's record, beside the payload and never in it.
#[repr(align(128))]
pub(crate) struct Slot {
    pub meta: UnsafeCell<FrameMeta>,
    pub span: UnsafeCell<Span>,
    /// Live handles, one byte a lane. PAIR: lanes (release on drop, acquire by the last).
    pub lanes: AtomicU64,
    /// When the frame last changed hands, in host nanoseconds.
    pub since: AtomicU64,
    /// The frame's number for reports; `meta` itself belongs to the handles.
    pub frame_hint: AtomicU64,
    pub fate: AtomicU8,
    pub place: AtomicU8,
    pub index: u32,
    pub core: UnsafeCell<*const Core>,
}

// SAFETY: `meta` and `span` are written only by the single holder of the slot (a `FrameMut`, or the pool
// while the slot is home) and read by handles counted in `lanes`; both hand-overs are release/acquire
// (PAIR: lanes, PAIR: home, or the ring's own). `core` is written once before the slot is shared.
unsafe impl Sync for Slot {}
// SAFETY: as above; the raw pointers are to memory that the core owns.
unsafe impl Send for Slot {}

/// Memory that frames may point into, kept alive by type-erased ownership.
pub type Keep = std::sync::Arc<dyn std::any::Any + Send + Sync>;

/// How the frames of a pool ended; written by the pool's owner alone.
#[derive(Debug, Default)]
pub(crate) struct FateCounters {
    pub filled: Counter,
    pub delivered: Counter,
    pub incomplete: Counter,
    pub abandoned: Counter,
    pub refused: Counter,
    pub invalid: Counter,
}

/// What handles and the pool share. Freed when the pool, its views and every handle are gone.
pub(crate) struct Core {
    pub slots: Box<[Slot]>,
    home: Box<[CachePadded<AtomicU64>]>,
    /// Slots still out after the pool was dropped, plus one for the dropper itself.
    pending: AtomicUsize,
    pub arena: Option<Arena>,
    /// What lent frames point into: it lives as long as any handle.
    pub keep: Option<Keep>,
    /// Touched bytes never exceed this.
    pub budget: usize,
    pub fates: FateCounters,
    /// The owner's bed, woken when it waits for a slot.
    pub bed: Arc<WakeCell>,
}

impl Core {
    pub fn new(
        slots: usize,
        arena: Option<Arena>,
        keep: Option<Keep>,
        budget: usize,
        bed: Arc<WakeCell>,
    ) -> Arc<Core> {
        let records = (0..slots)
            .map(|i| Slot {
                meta: UnsafeCell::new(FrameMeta::default()),
                span: UnsafeCell::new(Span {
                    ptr: NonNull::dangling().as_ptr(),
                    capacity: 0,
                    len: 0,
                    token: 0,
                }),
                lanes: AtomicU64::new(0),
                since: AtomicU64::new(0),
                frame_hint: AtomicU64::new(0),
                fate: AtomicU8::new(0),
                place: AtomicU8::new(Place::Out as u8),
                index: i as u32,
                core: UnsafeCell::new(std::ptr::null()),
            })
            .collect();
        let core = Arc::new(Core {
            slots: records,
            home: (0..slots.div_ceil(PER_WORD))
                .map(|_| CachePadded::new(AtomicU64::new(0)))
                .collect(),
            pending: AtomicUsize::new(0),
            arena,
            keep,
            budget,
            fates: FateCounters::default(),
            bed,
        });
        for slot in core.slots.iter() {
            // SAFETY: nobody else has the core yet.
            slot.core.with_mut(|p| unsafe { *p = Arc::as_ptr(&core) });
        }
        core
    }

    pub fn words(&self) -> usize {
        self.home.len()
    }

    /// A slot whose last handle is gone comes home.
    ///
    /// # Real-time
    /// Any thread. Wait-free, no allocation, no lock; a system call only if the owner sleeps for it.
    ///
    /// # Safety
    /// - The caller held the slot alone and gives it up.
    /// - The caller does not touch `self` afterwards: this may free it.
    #[inline]
    pub unsafe fn bring_home(&self, index: u32) {
        let (word, bit) = (index as usize / PER_WORD, 1 << (index as usize % PER_WORD));
        // The release half publishes the last reads of the payload to the owner. PAIR: home
        let before = self.home[word].fetch_or(bit, Ordering::AcqRel);
        debug_assert_eq!(before & bit, 0, "a slot came home twice");
        if before & (WAITING | ORPHAN) != 0 {
            // SAFETY: the caller's second duty, passed on.
            unsafe { self.bring_home_slow(before) };
        }
    }

    /// # Safety
    /// As [`Core::bring_home`].
    #[cold]
    unsafe fn bring_home_slow(&self, before: u64) {
        if before & ORPHAN != 0 {
            // SAFETY: our slot was counted in `pending`, and the caller lets go of `self`.
            unsafe { self.release_pending(1) };
        } else {
            self.bed.wake_now();
        }
    }

    /// Empties home word `w` and returns the slots that had come home, as a mask.
    ///
    /// # Real-time
    /// The owner. Wait-free, no allocation, no lock, no system call.
    #[inline]
    pub fn collect(&self, w: usize) -> u64 {
        if self.home[w].load(Ordering::Relaxed) == 0 {
            return 0; // Nothing to take: leave the line shared.
        }
        self.home[w].swap(0, Ordering::AcqRel) & SLOT_BITS // PAIR: home
    }

    /// Whether slot `i` lies in a home word, uncollected.
    pub fn is_home(&self, i: usize) -> bool {
        self.home[i / PER_WORD].load(Ordering::Acquire) & (1 << (i % PER_WORD)) != 0
    }

    /// Whether anything has come home to word `w`. A `true` stays true until the owner collects.
    #[inline]
    pub fn any_home(&self, w: usize) -> bool {
        self.home[w].load(Ordering::Relaxed) & SLOT_BITS != 0
    }

    /// Asks droppers to wake the owner. Returns whether a slot had already come home; then the owner must
    /// not sleep.
    pub fn announce_waiting(&self) -> bool {
        let mut home = false;
        for word in self.home.iter() {
            home |= word.fetch_or(WAITING, Ordering::AcqRel) & SLOT_BITS != 0;
        }
        home
    }

    /// The pool goes. `mine` slots are in the owner's own hands; all other slots that are not in the home
    /// words are out, and the last of them to come home will free the core.
    pub fn orphan(self: Arc<Self>, mine: usize) {
        self.pending.store(self.slots.len() + 1, Ordering::Release);
        let mut home = mine;
        for word in self.home.iter() {
            home += (word.fetch_or(ORPHAN, Ordering::AcqRel) & SLOT_BITS).count_ones() as usize;
        }
        let core = Arc::into_raw(self);
        // SAFETY: the strong count that `into_raw` kept is the one `release_pending` gives up; `home + 1`
        // of the pending slots are ours.
        unsafe { (*core).release_pending(home + 1) };
    }

    /// # Safety
    /// - `n` of the pending slots are the caller's.
    /// - The caller does not touch `self` afterwards.
    unsafe fn release_pending(&self, n: usize) {
        // PAIR: orphan (release by each, acquire by the last)
        if self.pending.fetch_sub(n, Ordering::AcqRel) == n {
            // SAFETY: `orphan` left one strong count for exactly this moment.
            unsafe { drop(Arc::from_raw(std::ptr::from_ref(self))) };
        }
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Core({} slots)", self.slots.len())
    }
}

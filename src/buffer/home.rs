//! The shared core of a pool: one record a slot, and the words through which slots come home.
//!
//! A slot that is not in anybody's hands has its bit set in a *home word*. Dropping the last handle sets
//! the bit with one `fetch_add`: wait-free, and there is nothing that could be full. The owner empties a
//! whole word with one `swap`. Two more bits of the same word carry news to the dropper, so that no
//! second location has to be ordered against it: WAITING (the owner sleeps until a slot comes home) and
//! ORPHAN (the pool is gone; the last slot to come home frees the memory).
//!
//! Once its bit is set a dropper has given the slot up, and with it its right to the core. Two droppers
//! still need the core then: one that wakes the owner, and one that finds the pool gone. For both the
//! owner counts a *hold* in `pending`, which they give up as the very last thing they do. WAITING is only
//! ever set in an empty word, so whoever empties a word with WAITING in it knows exactly how many woke.
//!
//! A slot's *lane word* counts the live handles, one byte for each holder lane: so "who holds it" is
//! answered by the very word that decides when the slot is free.
#![allow(unsafe_code)]

use super::arena::Arena;
use crate::meta::{Beside, FrameMeta};
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
/// The owner's hold: more than all others together can ever be.
const OWNER_HOLD: usize = usize::MAX / 2;

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
    /// What the source needs to take a lent buffer back, with [`WRITTEN`]; 0 for memory of the pool.
    pub token: u64,
}

/// In a token: somebody had the lent buffer writable.
pub(crate) const WRITTEN: u64 = 1 << 63;

impl Span {
    /// Somebody is about to have it writable.
    #[inline]
    pub fn note_writing(&mut self) {
        if self.token != 0 {
            self.token |= WRITTEN;
        }
    }
}

/// One slot's record, beside the payload and never in it.
///
/// What travels with a frame lies in the first two cache lines, with what a stage reads first in the first
/// of them. What only reports read is written on a third, so that writing it costs the consumer nothing; what
/// is never written is on a fourth, so that reading it costs nothing at all. What few cameras tell lies behind them.
#[repr(C, align(128))]
pub(crate) struct Slot {
    /// Live handles, one byte a lane. PAIR: lanes (release on drop, acquire by the last).
    pub lanes: AtomicU64,
    pub index: u32,
    pub fate: AtomicU8,
    pub place: AtomicU8,
    pub meta: UnsafeCell<FrameMeta>,
    pub span: UnsafeCell<Span>,
    pub news: OnOwnLine<News>,
    pub core: OnOwnLine<UnsafeCell<*const Core>>,
    /// Read and written by whoever may read and write `meta`; by few.
    pub beside: OnOwnLine<UnsafeCell<Beside>>,
}

#[cfg(all(not(loom), target_pointer_width = "64"))]
const _: () = assert!(
    std::mem::size_of::<Slot>() == 512
        && std::mem::offset_of!(Slot, meta) <= 16
        && std::mem::offset_of!(Slot, news) == 128,
    "what travels with a frame has outgrown its two cache lines"
);

/// What reports want to know of a slot.
pub(crate) struct News {
    /// When the frame last changed hands, in host nanoseconds.
    pub since: AtomicU64,
    /// The frame's number for reports; `meta` itself belongs to the handles.
    pub frame_hint: AtomicU64,
}

/// Keeps what is written apart from what is read.
#[repr(align(64))]
pub(crate) struct OnOwnLine<T>(T);

impl<T> std::ops::Deref for OnOwnLine<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

// SAFETY: `meta`, `span` and `beside` are written only by the single holder of the slot (a `FrameMut`, or the pool
// while the slot is home) and read by handles counted in `lanes`; both hand-overs are release/acquire
// (PAIR: lanes, PAIR: home, or the ring's own). `core` is written once before the slot is shared.
unsafe impl Sync for Slot {}
// SAFETY: as above; the raw pointers are to memory that the core owns.
unsafe impl Send for Slot {}

/// Memory that frames may point into, kept alive by type-erased ownership.
pub type Keep = std::sync::Arc<dyn std::any::Any + Send + Sync>;

/// How the frames of a pool ended; written by the pool's owner alone, on a line that droppers do not read.
#[derive(Debug, Default)]
#[repr(align(128))]
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
    /// Holds on the core: [`OWNER_HOLD`] until the pool is dropped, then one a slot that is out, and one
    /// a dropper that saw WAITING. Such a dropper may give its hold up before the owner has counted it, so
    /// the owner's is too large to be used up.
    pending: AtomicUsize,
    pub arena: Option<Arena>,
    /// What lent frames point into: it lives as long as any handle.
    pub keep: Option<Keep>,
    pub fates: FateCounters,
    /// The owner's bed, woken when it waits for a slot.
    pub bed: Arc<WakeCell>,
    #[cfg(loom)]
    life: &'static Life,
}

/// For the model checker: outlives the core, so that a use after its end is an error that loom names and
/// not a read of freed memory.
#[cfg(loom)]
struct Life(UnsafeCell<()>);

// SAFETY: loom checks the accesses.
#[cfg(loom)]
unsafe impl Sync for Life {}
// SAFETY: as above.
#[cfg(loom)]
unsafe impl Send for Life {}

#[cfg(loom)]
impl Drop for Core {
    fn drop(&mut self) {
        self.life.0.with_mut(|_| ());
    }
}

impl Core {
    pub fn new(
        slots: usize,
        arena: Option<Arena>,
        keep: Option<Keep>,
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
                news: OnOwnLine(News { since: AtomicU64::new(0), frame_hint: AtomicU64::new(0) }),
                fate: AtomicU8::new(0),
                place: AtomicU8::new(Place::Out as u8),
                index: i as u32,
                core: OnOwnLine(UnsafeCell::new(std::ptr::null())),
                beside: OnOwnLine(UnsafeCell::new(Beside::default())),
            })
            .collect();
        let core = Arc::new(Core {
            slots: records,
            home: (0..slots.div_ceil(PER_WORD))
                .map(|_| CachePadded::new(AtomicU64::new(0)))
                .collect(),
            pending: AtomicUsize::new(OWNER_HOLD),
            arena,
            keep,
            fates: FateCounters::default(),
            bed,
            #[cfg(loom)]
            life: Box::leak(Box::new(Life(UnsafeCell::new(())))),
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
    /// Takes a pointer and not `&self`: the core may be freed before the call returns.
    ///
    /// # Real-time
    /// Any thread. Wait-free, no allocation, no lock; a system call only if the owner sleeps for it.
    ///
    /// # Safety
    /// - `core` is what [`Core::new`] wrote into the slot, and alive.
    /// - The caller held the slot alone and gives it up; it does not touch the core afterwards.
    #[inline]
    pub unsafe fn bring_home(core: *const Core, index: u32) {
        let (word, bit) = (index as usize / PER_WORD, 1 << (index as usize % PER_WORD));
        #[cfg(loom)]
        // SAFETY: alive by the caller's first duty.
        let life = unsafe { (*core).life };
        #[cfg(loom)]
        life.0.with(|_| ());
        // The release half publishes the last reads of the payload to the owner. PAIR: home
        // An addition where an `or` is meant: the bit is not set, and an addition whose old value is asked for
        // is one instruction where an `or` is a loop of compare-and-exchange.
        // SAFETY: alive until the slot is given up, which this very operation does.
        let before = unsafe { (&(*core).home)[word].fetch_add(bit, Ordering::AcqRel) };
        debug_assert_eq!(before & bit, 0, "a slot came home twice");
        if before & (WAITING | ORPHAN) != 0 {
            #[cfg(loom)]
            life.0.with(|_| ());
            // SAFETY: seeing one of these bits gives us a hold of our own.
            unsafe { Core::bring_home_slow(core, before) };
        }
    }

    /// # Safety
    /// - The caller has a hold, because `before` told it so.
    /// - The caller does not touch the core afterwards.
    #[cold]
    unsafe fn bring_home_slow(core: *const Core, before: u64) {
        if before & ORPHAN == 0 {
            // SAFETY: our hold keeps the core.
            unsafe { (*core).bed.wake_now() };
        }
        // SAFETY: our hold, given up here.
        unsafe { Core::release(core, 1) };
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
        let word = self.home[w].swap(0, Ordering::AcqRel); // PAIR: home
        if word & WAITING != 0 && word & SLOT_BITS != 0 {
            self.hold((word & SLOT_BITS).count_ones() as usize);
        }
        word & SLOT_BITS
    }

    /// Counts `n` droppers that saw WAITING. They may still be waking the owner.
    #[cold]
    fn hold(&self, n: usize) {
        // Relaxed: the owner's own hold keeps the sum above zero; orders nothing.
        self.pending.fetch_add(n, Ordering::Relaxed);
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
            // Only into an empty word: then every slot that is in it later has seen WAITING.
            if let Err(seen) =
                word.compare_exchange(0, WAITING, Ordering::AcqRel, Ordering::Acquire)
            {
                home |= seen & SLOT_BITS != 0;
            }
        }
        home
    }

    /// The pool goes. `mine` slots are in the owner's own hands; all other slots that are not in the home
    /// words are out, and the last of them to come home will free the core.
    pub fn orphan(core: Arc<Core>, mine: usize) {
        let mut home = mine;
        for word in core.home.iter() {
            let before = word.fetch_or(ORPHAN, Ordering::AcqRel); // PAIR: home
            let slots = (before & SLOT_BITS).count_ones() as usize;
            home += slots;
            if before & WAITING != 0 {
                core.hold(slots);
            }
        }
        let out = core.slots.len() - home;
        let core = Arc::into_raw(core);
        // SAFETY: the strong count that `into_raw` kept is the one that the last `release` gives up. Of
        // the owner's hold, one a slot that is out remains: their droppers will see ORPHAN.
        unsafe { Core::release(core, OWNER_HOLD - out) };
    }

    /// Gives `n` holds up; with the last one goes the core's strong count that the pool left.
    ///
    /// # Safety
    /// - `n` of the holds are the caller's.
    /// - The caller does not touch the core afterwards.
    unsafe fn release(core: *const Core, n: usize) {
        // PAIR: orphan (release by each, acquire by the last)
        // SAFETY: alive until our holds are given up, which this very operation does.
        if unsafe { (*core).pending.fetch_sub(n, Ordering::AcqRel) } == n {
            // SAFETY: `orphan` left one strong count for exactly this moment, and the pointer is an
            // `Arc`'s own (`into_raw`, or `as_ptr` in `new`).
            unsafe { drop(Arc::from_raw(core)) };
        }
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Core({} slots)", self.slots.len())
    }
}

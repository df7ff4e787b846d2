//! The pool's owning end: takes free slots, collects those that came home, rebuilds in a reset.
#![allow(unsafe_code)]

use super::arena::{Arena, ArenaOptions, Overrun, Work};
use super::census::Census;
use super::frame::{Fate, FrameMut, Lane, holders};
use super::home::{Core, Keep, PER_WORD, Place, Span};
use super::pool_config::{PoolConfig, check};
use super::view::PoolView;
use crate::error::Refusal;
use crate::error::{Error, ErrorKind};
use crate::sync::{Arc, Ordering, WakeCell};
use crate::wait::{WaitStrategy, Waiter};
use std::ptr::NonNull;
use std::time::Duration;

/// Slots above this size are taken again as soon as they come home, lowest first, so that few of them
/// stay in the caches; below it home words are emptied in batches, which costs fewer shared accesses.
pub(super) const EAGER_BYTES: usize = 256 << 10;

/// The owning end of a pool. One thread; the handles travel.
pub struct Pool {
    pub(super) core: Arc<Core>,
    pub(super) free: Box<[u64]>,
    /// Slots of the present layout; others are spare, set aside, or late from before.
    pub(super) active: Box<[u64]>,
    /// What each slot's region is laid out for, in bytes; 0: it has no memory. The slot's own span belongs
    /// to whoever holds it.
    pub(super) laid_out: Box<[usize]>,
    /// Slots that something wrote past the end of. Never used again.
    pub(super) spoilt: Box<[bool]>,
    pub(super) capacity: usize,
    pub(super) slots: usize,
    pub(super) config: PoolConfig,
    pub(super) budget: usize,
    pub(super) eager: bool,
}

impl Pool {
    /// Reserves, touches and locks the memory. Blocks while it does; nothing is touched later.
    pub fn new(config: PoolConfig, bed: Arc<WakeCell>) -> Result<Pool, Error> {
        check(&config)?;
        let options =
            ArenaOptions { lock: config.lock, huge_pages: config.huge_pages, guard: config.guard };
        let page = config.page_bytes();
        let wanted = (config.payload_bytes as f64 * config.headroom).ceil();
        if wanted >= (1_u64 << 46) as f64 {
            return Err(Error::new(
                ErrorKind::Memory,
                format!(
                    "a slot of {} bytes x headroom {} is more than any machine has; lower the region or pool.headroom",
                    config.payload_bytes, config.headroom
                ),
            ));
        }
        let footprint = config.slot_footprint();
        let capacity = footprint - if config.guard { 0 } else { page };
        let need = footprint.saturating_mul(config.slots);
        let budget = config.budget_bytes.unwrap_or(need.saturating_mul(2));
        if need > budget {
            return Err(Error::config(format!(
                "the pool needs {need} bytes ({} slots x {footprint} bytes: payload {} x headroom {} rounded to pages, plus the canary page) but pool.budget is {budget}; raise the budget, or lower pool.slots, pool.headroom or the region",
                config.slots, config.payload_bytes, config.headroom
            )));
        }
        // As many spare records again: they replace slots that a late holder or an overrun takes away.
        let records = (config.slots * 2).max(2);
        let limit = budget.min((budget / config.slots).saturating_mul(8)).max(footprint);
        let arena = Arena::reserve(records, limit, budget, options)?;
        let core = Core::new(records, Some(arena), None, bed);
        let words = core.words();
        let mut pool = Pool {
            core,
            free: vec![0; words].into(),
            active: vec![0; words].into(),
            capacity,
            slots: config.slots,
            config,
            budget,
            eager: capacity >= EAGER_BYTES,
            laid_out: vec![0; records].into(),
            spoilt: vec![false; records].into(),
        };
        let core = pool.core.clone();
        if let Some(arena) = &core.arena {
            let mut work = arena.work();
            for i in 0..config.slots {
                work.back(i, capacity)?;
                pool.lay_out(i, &mut work, arena);
                pool.admit(i);
            }
        }
        Ok(pool)
    }

    /// A pool of handles without memory of its own, for frames that point into `keep`.
    pub fn lending(slots: usize, keep: Keep, bed: Arc<WakeCell>) -> Result<Pool, Error> {
        let config = PoolConfig { payload_bytes: 1, ..PoolConfig::new(slots, 1) };
        check(&config)?;
        let core = Core::new(slots, None, Some(keep), bed);
        let words = core.words();
        let mut pool = Pool {
            core,
            free: vec![0; words].into(),
            active: vec![0; words].into(),
            capacity: 0,
            slots,
            config,
            budget: 0,
            eager: false,
            laid_out: vec![0; slots].into(),
            spoilt: vec![false; slots].into(),
        };
        for i in 0..slots {
            pool.admit(i);
        }
        Ok(pool)
    }

    /// Refusals of the system that have not been fetched yet. Each thing that is refused is told once.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        self.core.arena.as_ref().map_or_else(Vec::new, |a| a.work().take_refusals())
    }

    /// Bytes that a slot can hold.
    pub fn slot_bytes(&self) -> usize {
        self.capacity
    }

    /// Slots of the present layout.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Whether there are as many slots as the line needs at least.
    pub fn is_workable(&self) -> bool {
        self.slots >= self.config.min_slots
    }

    /// Whether frames point into memory of the source.
    pub fn is_lending(&self) -> bool {
        self.core.arena.is_none()
    }

    /// Takes a free slot, or `None` if all are out.
    ///
    /// # Real-time
    /// The owner. Wait-free, no allocation, no lock, no system call.
    #[inline]
    pub fn take(&mut self) -> Option<FrameMut> {
        if self.eager {
            self.collect();
        }
        if let Some(i) = self.lowest_free() {
            return Some(self.hand_out(i));
        }
        self.collect();
        self.lowest_free().map(|i| self.hand_out(i))
    }

    /// The same among the slots that were collected before: it does not look at the home words, which those
    /// who bring slots home are writing to.
    ///
    /// # Real-time
    /// The owner. Wait-free, no allocation, no lock, no system call; nothing that another thread writes.
    #[inline]
    pub fn take_collected(&mut self) -> Option<FrameMut> {
        self.lowest_free().map(|i| self.hand_out(i))
    }

    #[inline]
    pub(super) fn lowest_free(&self) -> Option<usize> {
        for (w, mask) in self.free.iter().enumerate() {
            if *mask != 0 {
                return Some(w * PER_WORD + mask.trailing_zeros() as usize);
            }
        }
        None
    }

    #[inline]
    fn hand_out(&mut self, i: usize) -> FrameMut {
        self.free[i / PER_WORD] &= !(1 << (i % PER_WORD));
        // SAFETY: a slot in the free mask is held by the pool alone.
        let mut frame = unsafe { FrameMut::adopt(NonNull::from(&self.core.slots[i])) };
        // Written now, before the frame comes, both lines of the record are this core's own when it does.
        frame.set_place(Place::Filling);
        self.core.slots[i].fate.store(Fate::Unused as u8, Ordering::Relaxed);
        frame.set_filled(0);
        frame
    }

    /// Puts a slot that was taken and not filled straight back, without the way home. A frame of another
    /// pool goes home to that one.
    #[inline]
    pub fn put_back(&mut self, frame: FrameMut) {
        if self.owns(&frame) {
            let i = frame.slot_index();
            std::mem::forget(frame);
            self.welcome(i);
        }
    }

    /// Whether the frame is of this pool.
    pub fn owns(&self, frame: &FrameMut) -> bool {
        frame.is_of(&self.core)
    }

    #[inline]
    pub(super) fn set_free(&mut self, i: usize) {
        self.core.slots[i].place.store(Place::Free as u8, Ordering::Relaxed);
        self.free[i / PER_WORD] |= 1 << (i % PER_WORD);
    }

    /// Brings in whatever has come home, counts how those frames ended, and returns how many came.
    ///
    /// # Real-time
    /// The owner. Wait-free, no allocation, no lock, no system call.
    #[inline]
    pub fn collect(&mut self) -> usize {
        let mut came = 0;
        for w in 0..self.free.len() {
            let mut mask = self.core.collect(w);
            came += mask.count_ones() as usize;
            while mask != 0 {
                let bit = mask.trailing_zeros() as usize;
                mask &= mask - 1;
                self.welcome(w * PER_WORD + bit);
            }
        }
        came
    }

    #[inline]
    fn welcome(&mut self, i: usize) {
        // Place before count: a reader that sees the count no longer sees the frame in flight.
        if self.active[i / PER_WORD] & (1 << (i % PER_WORD)) != 0 {
            self.set_free(i);
        } else {
            // Late from an earlier layout: set aside until the next rebuild.
            self.core.slots[i].place.store(Place::Out as u8, Ordering::Relaxed);
        }
        let fates = &self.core.fates;
        match Fate::from_u8(self.core.slots[i].fate.load(Ordering::Relaxed)) {
            Fate::Unused => {}
            Fate::Delivered => fates.delivered.bump(),
            Fate::Incomplete => fates.incomplete.bump(),
            Fate::Abandoned => fates.abandoned.bump(),
            Fate::Refused => fates.refused.bump(),
            Fate::Invalid => fates.invalid.bump(),
        }
    }

    /// Notes that a frame was filled (the other side of [`Fates`](super::Fates)).
    #[inline]
    pub fn note_filled(&self) {
        self.core.fates.filled.bump();
    }

    /// Waits until a slot comes home, at most until `bound`; returns whether one may be free now.
    pub fn wait_for_home(&mut self, waiter: &mut Waiter, bound: Duration) -> bool {
        self.wait_for_home_or(waiter, bound, || false)
    }

    /// The same, or until `other` holds, of which whoever makes it so wakes this thread.
    pub fn wait_for_home_or(
        &mut self,
        waiter: &mut Waiter,
        bound: Duration,
        other: impl Fn() -> bool,
    ) -> bool {
        let core = &self.core;
        let any = || (0..core.words()).any(|w| core.any_home(w)) || other();
        if waiter.strategy() == WaitStrategy::Park && core.announce_waiting() {
            return true;
        }
        waiter.wait(&core.bed, bound, any)
    }

    /// Whether nothing was written past the end of the slot.
    ///
    /// # Real-time
    /// The owner. No allocation, no lock, no system call while all is well.
    #[inline]
    pub fn check_canary(&self, frame: &FrameMut) -> Result<(), Overrun> {
        let i = frame.slot_index();
        match &self.core.arena {
            // By the slot's own layout: the frame may be from before a rebuild.
            Some(arena) if self.owns(frame) => arena.check_canary(i, self.laid_out[i]),
            _ => Ok(()),
        }
    }

    /// Sets a slot aside for good: something wrote past its end. Its moat is given back; a rebuild puts a
    /// spare slot in its place. A frame of another pool goes home to that one.
    pub fn retire(&mut self, frame: FrameMut) {
        if !self.owns(&frame) {
            return;
        }
        let i = frame.slot_index();
        std::mem::forget(frame);
        self.deactivate(i);
        self.spoilt[i] = true;
        self.welcome(i);
        if let Some(arena) = &self.core.arena {
            arena.work().give_moat_back(i);
        }
    }

    /// Where every slot is. Exact on the owner's thread while nothing moves.
    pub fn census(&mut self) -> Census {
        self.collect();
        let mut c = Census { announced: self.slots, ..Census::default() };
        for i in 0..self.core.slots.len() {
            if self.active[i / PER_WORD] & (1 << (i % PER_WORD)) == 0 {
                continue;
            }
            let slot = &self.core.slots[i];
            match Place::from_u8(slot.place.load(Ordering::Relaxed)) {
                Place::Free => c.free += 1,
                Place::Queued => c.queued += 1,
                Place::Filling => c.filling += 1,
                Place::Out => {}
                Place::Flight => {
                    let owner = holders(slot.lanes.load(Ordering::Relaxed))
                        .all(|(lane, _)| lane == Lane::OWNER);
                    if owner { c.held += 1 } else { c.in_flight += 1 }
                }
            }
        }
        c
    }

    /// A reader of the pool's state for any thread.
    pub fn view(&self) -> PoolView {
        PoolView::new(self.core.clone())
    }

    pub(super) fn is_active(&self, i: usize) -> bool {
        self.active[i / PER_WORD] & (1 << (i % PER_WORD)) != 0
    }

    /// Whether slot `i` is in the pool's own hands: free, spare or set aside.
    pub(super) fn is_in(&self, i: usize) -> bool {
        matches!(
            Place::from_u8(self.core.slots[i].place.load(Ordering::Relaxed)),
            Place::Free | Place::Out
        )
    }

    /// Lays slot `i`, which is in and backed, out for the present capacity.
    pub(super) fn lay_out(&mut self, i: usize, work: &mut Work<'_>, arena: &Arena) {
        work.protect(i, self.capacity);
        self.laid_out[i] = self.capacity;
        let span = Span { ptr: arena.start(i).as_ptr(), capacity: self.capacity, len: 0, token: 0 };
        // SAFETY: the slot is in: the pool holds it alone.
        self.core.slots[i].span.with_mut(|s| unsafe { *s = span });
    }

    pub(super) fn admit(&mut self, i: usize) {
        self.active[i / PER_WORD] |= 1 << (i % PER_WORD);
        self.set_free(i);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.collect();
        let mine = (0..self.core.slots.len()).filter(|i| self.is_in(*i)).count();
        Core::orphan(self.core.clone(), mine);
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({} slots of {} bytes)", self.slots, self.capacity)
    }
}

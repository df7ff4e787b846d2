//! The pool's owning end: takes free slots, collects those that came home, rebuilds in a reset.
#![allow(unsafe_code)]

use super::arena::{Arena, ArenaOptions, HugePages, Overrun, Work};
use super::census::{Census, Fates, HeldSlot};
use super::frame::{Fate, FrameMut, Lane, holders};
use super::home::{Core, Keep, PER_WORD, Place, Slot, Span};
use crate::clock::HostTime;
use crate::error::Refusal;
use crate::error::{Error, ErrorKind};
use crate::sync::{Arc, Ordering, WakeCell};
use crate::wait::{WaitStrategy, Waiter};
use std::ptr::NonNull;
use std::time::Duration;

/// Slots above this size are taken again as soon as they come home, lowest first, so that few of them
/// stay in the caches; below it home words are emptied in batches, which costs fewer shared accesses.
const EAGER_BYTES: usize = 256 << 10;

/// How a pool is to be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoolConfig {
    /// Number of slots, `1..=4096`.
    pub slots: usize,
    /// Fewest slots with which the line can run; a reset may go down to it to stay within the budget.
    pub min_slots: usize,
    /// The largest payload that the source can have, in bytes.
    pub payload_bytes: usize,
    /// Capacity beyond the payload, as a factor, `1.0..=16.0`.
    pub headroom: f64,
    /// Touched memory is never more than this many bytes. `None`: twice what the pool starts with.
    pub budget_bytes: Option<usize>,
    /// Lock the slots in memory (`mlock`).
    pub lock: bool,
    /// Huge pages.
    pub huge_pages: HugePages,
    /// A guard page behind each slot instead of canary and moat: an overrun kills the process at once.
    pub guard: bool,
}

impl PoolConfig {
    /// The largest number of slots.
    pub const MAX_SLOTS: usize = 4096;

    /// `slots` slots for payloads of `payload_bytes`, with a quarter of headroom, locked if possible.
    pub fn new(slots: usize, payload_bytes: usize) -> Self {
        PoolConfig {
            slots,
            min_slots: 1,
            payload_bytes,
            headroom: 1.25,
            budget_bytes: None,
            lock: true,
            huge_pages: HugePages::Off,
            guard: false,
        }
    }

    fn page_bytes(&self) -> usize {
        match self.huge_pages {
            HugePages::Explicit => 2 << 20,
            _ => crate::sys::page_bytes(),
        }
    }

    /// Memory that one slot needs at first: payload x headroom rounded up to pages, and the canary's page.
    pub fn slot_footprint(&self) -> usize {
        let page = self.page_bytes();
        let wanted = (self.payload_bytes as f64 * self.headroom).ceil() as usize;
        let canary = if self.guard { 0 } else { page };
        wanted
            .max(1)
            .checked_next_multiple_of(page)
            .map_or(usize::MAX, |n| n.saturating_add(canary))
    }
}

/// What a rebuild is to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rebuild {
    /// Bytes that the largest payload needs now.
    pub required_bytes: usize,
    /// New capacity is at least the old one times this, if the slot grows at all. `1.0..=16.0`.
    pub growth: f64,
}

/// What a rebuild did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RebuildReport {
    /// Capacity of a slot before, in bytes.
    pub slot_bytes_before: usize,
    /// Capacity of a slot after, in bytes.
    pub slot_bytes_after: usize,
    /// Bytes that were touched for the first time.
    pub touched_bytes: usize,
    /// Bytes given back to the system.
    pub released_bytes: usize,
    /// Slots of the pool afterwards.
    pub slots: usize,
    /// Slots that were still out and keep their old memory until their last holder lets go.
    pub late: usize,
}

/// The owning end of a pool. One thread; the handles travel.
pub struct Pool {
    core: Arc<Core>,
    free: Box<[u64]>,
    /// Slots of the present layout; others are spare, set aside, or late from before.
    active: Box<[u64]>,
    /// What each slot's region is laid out for, in bytes; 0: it has no memory. The slot's own span belongs
    /// to whoever holds it.
    laid_out: Box<[usize]>,
    /// Slots that something wrote past the end of. Never used again.
    spoilt: Box<[bool]>,
    capacity: usize,
    slots: usize,
    config: PoolConfig,
    budget: usize,
    eager: bool,
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

    #[inline]
    fn lowest_free(&self) -> Option<usize> {
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
    fn set_free(&mut self, i: usize) {
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
        let slot = &self.core.slots[i];
        let fates = &self.core.fates;
        match Fate::from_u8(slot.fate.load(Ordering::Relaxed)) {
            Fate::Unused => {}
            Fate::Delivered => fates.delivered.bump(),
            Fate::Incomplete => fates.incomplete.bump(),
            Fate::Abandoned => fates.abandoned.bump(),
            Fate::Refused => fates.refused.bump(),
            Fate::Invalid => fates.invalid.bump(),
        }
        if self.active[i / PER_WORD] & (1 << (i % PER_WORD)) != 0 {
            self.set_free(i);
        } else {
            // Late from an earlier layout: set aside until the next rebuild.
            slot.place.store(Place::Out as u8, Ordering::Relaxed);
        }
    }

    /// Notes that a frame was filled (the other side of [`Fates`]).
    #[inline]
    pub fn note_filled(&self) {
        self.core.fates.filled.bump();
    }

    /// Waits until a slot comes home, at most until `bound`; returns whether one may be free now.
    pub fn wait_for_home(&mut self, waiter: &mut Waiter, bound: Duration) -> bool {
        let core = &self.core;
        let any = || (0..core.words()).any(|w| core.any_home(w));
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
        PoolView { core: self.core.clone() }
    }

    /// The capacity for which [`PoolView::prefault`] should touch memory ahead of a reset that is
    /// foreseen; `None` if the budget has no room for so many slots of it.
    pub fn prefault_capacity(&self, rebuild: Rebuild) -> Option<usize> {
        let arena = self.core.arena.as_ref()?;
        let capacity = self.grown(rebuild, arena)?;
        (arena.footprint(capacity).saturating_mul(self.slots) <= self.budget).then_some(capacity)
    }

    /// `None` if no address space could hold it.
    fn grown(&self, rebuild: Rebuild, arena: &Arena) -> Option<usize> {
        let grown = (self.capacity as f64 * rebuild.growth.clamp(1.0, 16.0)) as usize;
        rebuild.required_bytes.max(grown).checked_next_multiple_of(arena.page_bytes())
    }

    /// Makes slots that hold `required_bytes`: in place, touching only what is missing. Slots that are
    /// not home keep their memory; spare slots take their place where the budget allows.
    ///
    /// Only to be called in a quiescent reset, when nothing is queued with the source. If it fails, the old
    /// slots remain, as far as they are home and have not been given up for room; where touching memory
    /// failed after the pool had to give some up, [`Pool::slots`] tells how many are left.
    pub fn rebuild(&mut self, rebuild: Rebuild) -> Result<RebuildReport, Error> {
        self.collect();
        let before = self.capacity;
        let mut report = RebuildReport {
            slot_bytes_before: before,
            slot_bytes_after: before,
            slots: self.slots,
            ..RebuildReport::default()
        };
        let core = self.core.clone();
        let Some(arena) = &core.arena else {
            return Ok(report); // Lent memory is the source's to rebuild.
        };
        // From here to the end no prefault touches anything: the budget holds at every moment between.
        let mut work = arena.work();
        let records = self.core.slots.len();
        let late: Vec<usize> = (0..records).filter(|i| !self.is_in(*i)).collect();
        report.late = late.iter().filter(|i| self.is_active(**i)).count();
        // Spoilt slots, and slots that came home late, give their memory back.
        for i in 0..records {
            if !self.is_in(i) || self.laid_out[i] == 0 {
                continue;
            }
            if !arena.canary_stands(i, self.laid_out[i]) {
                self.spoilt[i] = true;
            }
            if self.spoilt[i] || !self.is_active(i) {
                self.deactivate(i);
                self.core.slots[i].place.store(Place::Out as u8, Ordering::Relaxed);
                report.released_bytes += self.give_up(i, &mut work);
            }
        }
        report.slots = self.slots;
        let grow = rebuild.required_bytes > before;
        if !grow && report.late == 0 && self.slots == self.config.slots {
            return Ok(report); // Headroom: no memory moves.
        }
        // What was touched ahead for a late slot is not its holder's.
        for i in &late {
            report.released_bytes += work.trim(*i, self.laid_out[*i]);
        }
        let late_bytes: usize = late.iter().map(|i| arena.touched(*i)).sum();
        let room = self.budget.saturating_sub(late_bytes);
        let fits = |capacity: usize| room / arena.footprint(capacity).max(1);
        let fewest = self.config.min_slots.max(1);
        let whole = (0..records).filter(|i| self.is_in(*i) && !self.spoilt[*i]).count();
        let too_large = |required: usize, slots: usize| {
            Error::new(
                ErrorKind::Memory,
                format!(
                    "{fewest} slots of {required} bytes do not fit: pool.budget is {} bytes, less {late_bytes} bytes still held; room is for {slots} of them ({whole} slots are whole and home, one may grow to {} bytes); raise pool.budget",
                    self.budget,
                    arena.max_capacity(),
                ),
            )
        };
        let Some(required) = rebuild.required_bytes.checked_next_multiple_of(arena.page_bytes())
        else {
            return Err(too_large(rebuild.required_bytes, 0));
        };
        let mut capacity = before;
        if grow {
            // Where the budget has no room for growth beyond the need, the need alone.
            capacity = self
                .grown(rebuild, arena)
                .filter(|c| fits(*c) >= self.config.slots)
                .unwrap_or(required)
                .min(arena.max_capacity());
        }
        // Memory is touched for as many slots as configured; late ones come back on top of that.
        let slots = self.config.slots.min(fits(capacity)).min(whole);
        if capacity < required || slots < fewest {
            return Err(too_large(required, slots));
        }
        // Take the slots with most touched memory, so that as little as possible is missing.
        let mut home: Vec<usize> =
            (0..records).filter(|i| self.is_in(*i) && !self.spoilt[*i]).collect();
        home.sort_by_key(|i| (std::cmp::Reverse(arena.touched(*i)), *i));
        let unused = home.split_off(slots);

        // Nothing but memory can fail from here on. First give back, then touch.
        let was_active: Vec<bool> = (0..records).map(|i| self.is_active(i)).collect();
        self.free.fill(0);
        self.active.fill(0);
        for i in home.iter().chain(&unused) {
            self.core.slots[*i].place.store(Place::Out as u8, Ordering::Relaxed);
        }
        for i in unused {
            report.released_bytes += self.give_up(i, &mut work);
        }
        let most = home.iter().map(|i| arena.touched(*i).max(arena.footprint(capacity)));
        if most.sum::<usize>() > room {
            for i in &home {
                report.released_bytes += work.trim(*i, capacity);
            }
        }
        let mut failed = None;
        for i in &home {
            if self.laid_out[*i] != capacity {
                work.unprotect(*i, self.laid_out[*i]);
            }
            match work.back(*i, capacity) {
                Ok(touched) => report.touched_bytes += touched,
                Err(e) => {
                    failed = Some(e);
                    break;
                }
            }
        }
        if failed.is_some() {
            // Back to the old layout, with what is left of it.
            home.retain(|i| {
                work.trim(*i, self.laid_out[*i]);
                was_active[*i] && self.laid_out[*i] == before
            });
        } else {
            self.capacity = capacity;
            self.eager = capacity >= EAGER_BYTES;
        }
        for i in &home {
            self.lay_out(*i, &mut work, arena);
            self.admit(*i);
        }
        self.slots = home.len();
        if failed.is_some() {
            for i in late.into_iter().filter(|i| was_active[*i]) {
                self.active[i / PER_WORD] |= 1 << (i % PER_WORD);
                self.slots += 1;
            }
        }
        report.slots = self.slots;
        report.slot_bytes_after = self.capacity;
        match failed {
            Some(e) => Err(e),
            None => Ok(report),
        }
    }

    /// Gives all memory of slot `i`, which is in, back to the system. Returns the bytes.
    fn give_up(&mut self, i: usize, work: &mut Work<'_>) -> usize {
        work.unprotect(i, self.laid_out[i]);
        self.laid_out[i] = 0;
        let bytes = work.trim(i, 0);
        if self.spoilt[i] {
            work.give_moat_back(i);
        }
        bytes
    }

    /// Slot `i` no longer belongs to the present layout.
    fn deactivate(&mut self, i: usize) {
        if self.is_active(i) {
            self.active[i / PER_WORD] &= !(1 << (i % PER_WORD));
            self.free[i / PER_WORD] &= !(1 << (i % PER_WORD));
            self.slots -= 1;
        }
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn arena(&self) -> &Arena {
        self.core.arena.as_ref().expect("a pool with memory of its own")
    }

    fn is_active(&self, i: usize) -> bool {
        self.active[i / PER_WORD] & (1 << (i % PER_WORD)) != 0
    }

    /// Whether slot `i` is in the pool's own hands: free, spare or set aside.
    fn is_in(&self, i: usize) -> bool {
        matches!(
            Place::from_u8(self.core.slots[i].place.load(Ordering::Relaxed)),
            Place::Free | Place::Out
        )
    }

    /// Lays slot `i`, which is in and backed, out for the present capacity.
    fn lay_out(&mut self, i: usize, work: &mut Work<'_>, arena: &Arena) {
        work.protect(i, self.capacity);
        self.laid_out[i] = self.capacity;
        let span = Span { ptr: arena.start(i).as_ptr(), capacity: self.capacity, len: 0, token: 0 };
        // SAFETY: the slot is in: the pool holds it alone.
        self.core.slots[i].span.with_mut(|s| unsafe { *s = span });
    }

    fn admit(&mut self, i: usize) {
        self.active[i / PER_WORD] |= 1 << (i % PER_WORD);
        self.set_free(i);
    }
}

fn check(config: &PoolConfig) -> Result<(), Error> {
    if !(1..=PoolConfig::MAX_SLOTS).contains(&config.slots) {
        return Err(Error::config(format!(
            "pool.slots is {}; it must be 1 to {}",
            config.slots,
            PoolConfig::MAX_SLOTS
        )));
    }
    if config.min_slots > config.slots {
        return Err(Error::config(format!(
            "pool.slots is {}; the line needs {} at least",
            config.slots, config.min_slots
        )));
    }
    if config.payload_bytes == 0 {
        return Err(Error::config(
            "the source says that its largest payload is 0 bytes; set a region and a pixel format",
        ));
    }
    if !(1.0..=16.0).contains(&config.headroom) {
        return Err(Error::config(format!(
            "pool.headroom is {}; it must be 1.0 to 16.0",
            config.headroom
        )));
    }
    Ok(())
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

/// Reads a pool's state from any thread, without touching its owner. It keeps the pool's memory alive, as
/// a handle does.
#[derive(Debug, Clone)]
pub struct PoolView {
    core: Arc<Core>,
}

impl PoolView {
    /// How the frames ended so far. Exact when nothing moves; while the line runs, a frame that is being
    /// collected at this moment may be missing.
    pub fn fates(&self) -> Fates {
        let f = &self.core.fates;
        let mut fates = Fates {
            delivered: f.delivered.get(),
            incomplete: f.incomplete.get(),
            abandoned: f.abandoned.get(),
            refused: f.refused.get(),
            invalid: f.invalid.get(),
            filled: f.filled.get(),
        };
        // Slots that are home and not collected yet have a fate, too; after the end nobody collects them.
        for slot in self.uncollected(true) {
            match Fate::from_u8(slot.fate.load(Ordering::Relaxed)) {
                Fate::Unused => {}
                Fate::Delivered => fates.delivered += 1,
                Fate::Incomplete => fates.incomplete += 1,
                Fate::Abandoned => fates.abandoned += 1,
                Fate::Refused => fates.refused += 1,
                Fate::Invalid => fates.invalid += 1,
            }
        }
        fates
    }

    /// Slots that were handed to the graph and not collected, by whether they are home.
    fn uncollected(&self, home: bool) -> impl Iterator<Item = &Slot> {
        self.core.slots.iter().enumerate().filter_map(move |(i, slot)| {
            let flight = slot.place.load(Ordering::Acquire) == Place::Flight as u8;
            (flight && self.core.is_home(i) == home).then_some(slot)
        })
    }

    /// Slots that are out in the graph, and who has them. While the line runs, a snapshot of moving
    /// things: each entry was true at some moment of the call.
    pub fn held(&self) -> Vec<HeldSlot> {
        let mut out = Vec::new();
        for (i, slot) in self.core.slots.iter().enumerate() {
            let flight = slot.place.load(Ordering::Acquire) == Place::Flight as u8;
            if !flight || self.core.is_home(i) {
                continue;
            }
            out.push(HeldSlot {
                slot: i,
                frame_id: slot.news.frame_hint.load(Ordering::Relaxed),
                holders: holders(slot.lanes.load(Ordering::Relaxed)).collect(),
                since: HostTime(slot.news.since.load(Ordering::Relaxed)),
            });
        }
        out
    }

    /// Memory touched, locked, and backed by explicit huge pages, in bytes.
    pub fn memory(&self) -> (usize, usize, usize) {
        match &self.core.arena {
            Some(a) => (a.touched_bytes(), a.locked_bytes(), a.huge_bytes()),
            None => (0, 0, 0),
        }
    }

    /// Frames that somebody still has.
    pub fn in_flight(&self) -> u64 {
        self.uncollected(false).count() as u64
    }

    /// Touches memory for `slots` slots of `capacity` ahead of a reset, never beyond the pool's budget. Any
    /// thread, while the line runs: it touches only what no slot uses yet. Blocks; returns the bytes
    /// touched. Does nothing where guard pages stand in the way.
    pub fn prefault(&self, capacity: usize, slots: usize) -> Result<usize, Error> {
        let Some(arena) = self.core.arena.as_ref().filter(|a| !a.has_guards()) else {
            return Ok(0);
        };
        let capacity = capacity.min(arena.max_capacity());
        let (mut touched, mut left) = (0, slots);
        for (i, slot) in self.core.slots.iter().enumerate() {
            if left == 0 {
                break;
            }
            let mut work = arena.work(); // Let go between slots: a rebuild waits for one at most.
            if slot.place.load(Ordering::Relaxed) == Place::Out as u8 {
                continue;
            }
            if arena.footprint(capacity).saturating_sub(arena.touched(i)) > work.room() {
                break;
            }
            touched += work.back(i, capacity)?;
            left -= 1;
        }
        Ok(touched)
    }
}

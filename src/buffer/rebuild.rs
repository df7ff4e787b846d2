//! Rebuilding a pool in a quiescent reset: slots grow in place, and only what is missing is touched.

use super::arena::{Arena, Work};
use super::home::{PER_WORD, Place};
use super::pool::{EAGER_BYTES, Pool};
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind};
use crate::sync::Ordering;
use std::time::Instant;

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
    /// Time that touching and locking them took: the system's share of the rebuild.
    pub touch: Nanos,
    /// Bytes given back to the system.
    pub released_bytes: usize,
    /// Slots of the pool afterwards.
    pub slots: usize,
    /// Slots that were still out and keep their old memory until their last holder lets go.
    pub late: usize,
}

impl Pool {
    /// The capacity for which [`PoolView::prefault`](super::PoolView::prefault) should touch memory ahead of a reset that is
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
            let begun = Instant::now();
            let backed = work.back(*i, capacity);
            if !matches!(backed, Ok(0)) {
                report.touch.0 += Nanos::from(begun.elapsed()).0;
            }
            match backed {
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
    pub(super) fn deactivate(&mut self, i: usize) {
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
}

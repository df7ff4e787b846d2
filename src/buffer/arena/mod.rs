//! The memory: one mapping, one region of address space a slot, touched only where it is used.
//!
//! ```text
//! region i:  | payload capacity | canary page | moat (untouched) ...            |
//!            ^ page-aligned     ^ 64 B at its edge                               ^ next region
//! ```
//!
//! A region is as long as its slot could ever grow within the budget, and the same again. So a slot
//! grows in place: a reset touches only the pages that are missing, nothing moves, and what follows the
//! slot is address space that costs nothing until an SDK writes past the end.

mod canary;
mod mapping;
mod work;

pub use canary::Overrun;

use crate::error::Refusal;
use crate::sync::{AtomicUsize, Ordering};
use crate::sys;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

const HUGE_BYTES: usize = 2 << 20;

/// Which pages the pool asks the system for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HugePages {
    /// Ordinary pages, also where the system would use huge ones unasked (they would take memory beyond
    /// the budget, and blur what an overrun touched).
    #[default]
    Off,
    /// Ordinary mapping; the whole 2 MiB pages of each slot are advised with `MADV_HUGEPAGE`.
    Advise,
    /// 2 MiB pages from the system's reserved ones (`MAP_HUGETLB`).
    Explicit,
}

/// How an arena is to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ArenaOptions {
    pub lock: bool,
    pub huge_pages: HugePages,
    pub guard: bool,
}

/// Bytes from a region's start. All three are prefixes: what is locked or huge is also touched.
#[derive(Debug)]
struct Region {
    /// Backed by touched memory; canary page included.
    touched: AtomicUsize,
    /// Backed by explicit huge pages.
    huge: AtomicUsize,
    /// Locked in memory.
    locked: AtomicUsize,
}

/// One mapping. Its owner is the pool's shared core, so it lives as long as any frame handle does.
#[derive(Debug)]
pub(crate) struct Arena {
    base: NonNull<u8>,
    bytes: usize,
    stride: usize,
    page: usize,
    regions: Box<[Region]>,
    options: ArenaOptions,
    /// Touched memory is never more than this.
    budget: usize,
    touched: AtomicUsize,
    locked: AtomicUsize,
    huge: AtomicUsize,
    /// Bytes that the advice brought huge pages for, and how much was touched when that was looked up.
    advised: AtomicUsize,
    advised_at: AtomicUsize,
    told: Mutex<Told>,
}

/// Refusals not fetched yet, and what has been told already: each is told once.
#[derive(Debug, Default)]
struct Told {
    fresh: Vec<Refusal>,
    ever: Vec<&'static str>,
    /// For tests: after so many more calls, touching memory fails.
    #[cfg(test)]
    fails_after: Option<usize>,
}

impl Told {
    fn refuse(&mut self, what: &'static str, reason: impl FnOnce() -> String) {
        if !self.ever.contains(&what) {
            self.ever.push(what);
            self.fresh.push(Refusal { what, reason: reason() });
        }
    }
}

/// The right to change which memory is touched. One at a time: a prefault on one thread and a rebuild on
/// another never see each other's half-done work, nor pass the budget between them.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    arena: &'a Arena,
    told: MutexGuard<'a, Told>,
}

fn round_up(n: usize, to: usize) -> Option<usize> {
    n.checked_add(to - 1).map(|m| m / to * to)
}

impl Arena {
    /// Whether guard pages stand behind the slots.
    pub fn has_guards(&self) -> bool {
        self.options.guard
    }

    /// Waits for the right to touch and release memory. Cold threads, or a fault's path: it may have to
    /// wait while another touches one slot.
    pub fn work(&self) -> Work<'_> {
        // What a panicking holder left is whole: every update is made after the call that it records.
        Work { arena: self, told: self.told.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Bytes that slot capacities and touched memory are multiples of.
    pub fn page_bytes(&self) -> usize {
        self.page
    }

    /// Memory that a slot of `capacity` needs: the capacity and, unless a guard page stands there, the
    /// page that holds the canary.
    pub fn footprint(&self, capacity: usize) -> usize {
        let pages = round_up(capacity, self.page).unwrap_or(usize::MAX);
        if self.options.guard { pages } else { pages.saturating_add(self.page) }
    }

    /// The largest capacity that a region can ever hold.
    pub fn max_capacity(&self) -> usize {
        self.stride / 2 - self.page
    }

    /// Bytes touched in region `i`.
    pub fn touched(&self, i: usize) -> usize {
        // Relaxed: a number for sums; it publishes no memory.
        self.regions[i].touched.load(Ordering::Relaxed)
    }

    /// Bytes touched in all regions.
    pub fn touched_bytes(&self) -> usize {
        self.touched.load(Ordering::Relaxed)
    }

    /// Bytes locked in memory.
    pub fn locked_bytes(&self) -> usize {
        self.locked.load(Ordering::Relaxed)
    }

    /// Bytes backed by huge pages: reserved ones that were mapped, and those that the advice brought. Cold: the first
    /// call after memory was touched asks the system.
    pub fn huge_bytes(&self) -> usize {
        let mapped = self.huge.load(Ordering::Relaxed);
        if self.options.huge_pages != HugePages::Advise {
            return mapped;
        }
        let touched = self.touched_bytes();
        if self.advised_at.load(Ordering::Relaxed) != touched {
            let start = self.base.as_ptr() as usize;
            let advised = sys::huge_bytes_within(start..start + self.bytes).unwrap_or(0);
            self.advised.store(advised, Ordering::Relaxed);
            self.advised_at.store(touched, Ordering::Relaxed);
        }
        mapped + self.advised.load(Ordering::Relaxed)
    }

    /// Start and end of the untouched part of region `i`, from the region's start.
    fn moat(&self, i: usize) -> (usize, usize) {
        (self.touched(i), self.stride)
    }
}

//! How a pool is to be made, checked once.

use super::arena::HugePages;
use crate::error::Error;

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

    pub(super) fn page_bytes(&self) -> usize {
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

pub(super) fn check(config: &PoolConfig) -> Result<(), Error> {
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

//! A pool as other threads see it.

use super::census::{Fates, HeldSlot};
use super::frame::{Fate, holders};
use super::home::{Core, Place};
use crate::clock::HostTime;
use crate::error::Error;
use crate::sync::{Arc, Ordering};

/// Reads a pool's state from any thread, without touching its owner. It keeps the pool's memory alive, as
/// a handle does.
#[derive(Debug, Clone)]
pub struct PoolView {
    core: Arc<Core>,
}

impl PoolView {
    pub(super) fn new(core: Arc<Core>) -> PoolView {
        PoolView { core }
    }

    /// How the frames ended so far, and how many have not. Exact when nothing moves; while the line runs,
    /// a frame that is being collected at this moment may be missing, and none is counted twice.
    pub fn ends(&self) -> (Fates, u64) {
        let f = &self.core.fates;
        let mut fates = Fates {
            delivered: f.delivered.get(),
            incomplete: f.incomplete.get(),
            abandoned: f.abandoned.get(),
            refused: f.refused.get(),
            invalid: f.invalid.get(),
            filled: f.filled.get(),
        };
        let mut in_flight = 0;
        for (i, slot) in self.core.slots.iter().enumerate() {
            if slot.place.load(Ordering::Acquire) != Place::Flight as u8 {
                continue;
            }
            if !self.core.is_home(i) {
                in_flight += 1;
                continue;
            }
            // Home and not collected yet: it has a fate, too; after the end nobody collects it.
            match Fate::from_u8(slot.fate.load(Ordering::Relaxed)) {
                Fate::Unused => {}
                Fate::Delivered => fates.delivered += 1,
                Fate::Incomplete => fates.incomplete += 1,
                Fate::Abandoned => fates.abandoned += 1,
                Fate::Refused => fates.refused += 1,
                Fate::Invalid => fates.invalid += 1,
            }
        }
        (fates, in_flight)
    }

    /// How the frames ended so far: see [`ends`](Self::ends).
    pub fn fates(&self) -> Fates {
        self.ends().0
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

    /// Memory touched, locked, and backed by huge pages (mapped or advised), in bytes. Cold.
    pub fn memory(&self) -> (usize, usize, usize) {
        match &self.core.arena {
            Some(a) => (a.touched_bytes(), a.locked_bytes(), a.huge_bytes()),
            None => (0, 0, 0),
        }
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

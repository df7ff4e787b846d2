//! Counting: where every slot is, and how every frame ended.

use super::frame::Lane;
use crate::clock::{HostTime, Nanos};

/// Where a pool's slots are. Rule 2: `announced = free + queued + filling + in_flight + held`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Slots that belong to the pool now.
    pub announced: usize,
    /// Free in the pool.
    pub free: usize,
    /// Queued with the source.
    pub queued: usize,
    /// Being filled, or in the capture thread's hands.
    pub filling: usize,
    /// In a ring or in a stage.
    pub in_flight: usize,
    /// Kept by a holder beyond its turn, or taken out of the line.
    pub held: usize,
}

impl Census {
    /// Whether every slot has exactly one place.
    pub fn is_conserved(&self) -> bool {
        self.announced == self.free + self.queued + self.filling + self.in_flight + self.held
    }

    /// Whether every slot is in the pool: nothing may refer to its memory any more.
    pub fn all_home(&self) -> bool {
        self.announced == self.free
    }
}

/// A slot that is not home, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSlot {
    /// Which slot.
    pub slot: usize,
    /// The frame's number; only a hint when read while the line runs.
    pub frame_id: u64,
    /// Handles by holder.
    pub holders: Vec<(Lane, u8)>,
    /// When the frame last changed hands.
    pub since: HostTime,
}

impl HeldSlot {
    /// How long it has been there.
    pub fn age(&self, now: HostTime) -> Nanos {
        now - self.since
    }
}

/// How the frames of a pool ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fates {
    /// Frames that were filled.
    pub filled: u64,
    /// Reached the end of every branch that must have them, whole.
    pub delivered: u64,
    /// Reached the end, but had arrived damaged.
    pub incomplete: u64,
    /// Given up at an abort.
    pub abandoned: u64,
    /// Refused by a full ring on a branch that must have them.
    pub refused: u64,
    /// Failed the checks, or a stage failed on them.
    pub invalid: u64,
}

impl Fates {
    /// Frames whose end is known.
    pub fn ended(&self) -> u64 {
        self.delivered + self.incomplete + self.abandoned + self.refused + self.invalid
    }
}

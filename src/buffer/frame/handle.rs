//! One counted reference to a filled slot, and the way home.
#![allow(unsafe_code)]

use super::fate::Fate;
use super::lane::{CloneLimit, Lane};
use crate::buffer::home::{Core, Slot, Span};
use crate::meta::{Beside, FrameMeta};
use crate::sync::{Ordering, fence};
use std::ptr::NonNull;

/// One counted reference to a filled slot: what `Frame` and `SharedFrame` are made of.
pub(super) struct Handle {
    pub slot: NonNull<Slot>,
    pub lane: Lane,
}

// SAFETY: the slot's record is Sync, and the payload is only read while more than one handle lives.
unsafe impl Send for Handle {}
// SAFETY: `&Handle` gives only shared reads and atomic operations.
unsafe impl Sync for Handle {}

impl Handle {
    #[inline]
    pub fn slot(&self) -> &Slot {
        // SAFETY: the core, and with it the slot, outlives every handle (see `home`).
        unsafe { self.slot.as_ref() }
    }

    #[inline]
    pub fn meta(&self) -> &FrameMeta {
        // SAFETY: filled; written again only by a holder that is alone (`&mut`), and we are one.
        self.slot().meta.with(|m| unsafe { &*m })
    }

    #[inline]
    pub fn beside(&self) -> &Beside {
        // SAFETY: as for `meta`.
        self.slot().beside.with(|b| unsafe { &*b })
    }

    #[inline]
    pub fn span(&self) -> Span {
        // SAFETY: as for `meta`.
        self.slot().span.with(|s| unsafe { *s })
    }

    #[inline]
    pub fn payload(&self) -> &[u8] {
        let s = self.span();
        // SAFETY: `len <= capacity` bytes at `ptr` are valid (rule 5 clipped it) and nobody writes them
        // while a handle lives.
        unsafe { std::slice::from_raw_parts(s.ptr, s.len) }
    }

    #[inline]
    pub fn is_alone(&self) -> bool {
        // PAIR: lanes (acquire: what other handles read happened before we write).
        self.slot().lanes.load(Ordering::Acquire) == self.lane.one()
    }

    pub fn try_clone(&self) -> Result<Handle, CloneLimit> {
        let lanes = &self.slot().lanes;
        if !self.lane.has_room(lanes.load(Ordering::Relaxed)) {
            return Err(CloneLimit);
        }
        // Relaxed, as in `Arc`: a new handle comes from a live one.
        lanes.fetch_add(self.lane.one(), Ordering::Relaxed);
        Ok(Handle { slot: self.slot, lane: self.lane })
    }

    pub fn worsen(&self, fate: Fate) {
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
pub(super) unsafe fn go_home(slot: NonNull<Slot>) {
    // SAFETY: the core outlives the slot's absence from home, which ends inside `bring_home`.
    unsafe {
        let core: *const Core = slot.as_ref().core.with(|c| *c);
        let index = slot.as_ref().index;
        Core::bring_home(core, index);
    }
}

//! A guess at the record that the next frame brings.
#![allow(unsafe_code)]

use super::filled::Frame;
use crate::buffer::home::Slot;

/// Guesses which slot's record the next frame brings, so that it is fetched while the ring's entry still
/// is: a pool gives its slots out in an order that nearly repeats. A wrong guess costs nothing but the fetch.
#[derive(Debug)]
pub(crate) struct Foresight {
    /// Which records followed the one of that place: the last one, and the last other one. Where the slots are
    /// one more than the order needs, two take turns.
    after: [[*const Slot; 2]; Foresight::PLACES],
    last: usize,
}

// SAFETY: the pointers are addresses to fetch, never read through.
unsafe impl Send for Foresight {}

impl Foresight {
    const PLACES: usize = 64;

    pub fn new() -> Foresight {
        Foresight { after: [[std::ptr::null(); 2]; Self::PLACES], last: 0 }
    }

    /// Starts fetching the record of the frame that is about to come. To be called when its entry is there: any
    /// sooner it would take the record from the capture thread, which is about to write it.
    #[inline]
    pub fn fetch(&self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch is a hint: it accesses nothing that a program could see, and never faults.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            for record in self.after[self.last] {
                let record: *const i8 = record.cast();
                _mm_prefetch::<_MM_HINT_T0>(record);
                _mm_prefetch::<_MM_HINT_T0>(record.wrapping_add(64));
            }
        }
    }

    /// Learns which record came.
    #[inline]
    pub fn learn(&mut self, frame: &Frame) {
        let slot: *const Slot = frame.0.slot.as_ptr();
        let [last, other] = &mut self.after[self.last];
        if *last != slot {
            *other = std::mem::replace(last, slot);
        }
        self.last = (slot as usize / size_of::<Slot>()) % Self::PLACES;
    }
}

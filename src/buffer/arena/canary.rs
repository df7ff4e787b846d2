//! What stands behind a slot: the canary at the edge of the moat, or a guard page.
#![allow(unsafe_code)]

use super::{Arena, Work};
use crate::sys;

/// Bytes at the edge of the moat that tell whether something was written past the end.
const CANARY_BYTES: usize = 64;

/// What an SDK did past the end of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overrun {
    /// At least so many bytes past the slot's capacity were written over: to the last changed byte of the
    /// canary, or to the first byte of the last page touched in the moat.
    pub at_least_bytes: u64,
}

impl Arena {
    /// Whether the canary behind a slot of `capacity` in region `i` still stands.
    ///
    /// # Real-time
    /// The slot's owner. No allocation, no lock, no system call while it stands.
    #[inline]
    pub fn check_canary(&self, i: usize, capacity: usize) -> Result<(), Overrun> {
        if self.options.guard {
            return Ok(()); // A write past the end would have been stopped by the page.
        }
        let seen = self.read_canary(i, capacity);
        if seen == canary(i) { Ok(()) } else { Err(self.measure_overrun(i, capacity, seen)) }
    }

    /// As [`Arena::check_canary`], without measuring: may be asked while holding [`Work`].
    pub fn canary_stands(&self, i: usize, capacity: usize) -> bool {
        self.options.guard || self.read_canary(i, capacity) == canary(i)
    }

    #[inline]
    fn read_canary(&self, i: usize, capacity: usize) -> Canary {
        // SAFETY: the canary page is backed, and the capacity a multiple of the page.
        let at = unsafe { self.start(i).as_ptr().add(capacity) }.cast::<u64>();
        // SAFETY: as above. Volatile: an SDK may have written here behind the compiler's back.
        std::array::from_fn(|k| unsafe { at.add(k).read_volatile() })
    }

    #[cold]
    fn measure_overrun(&self, i: usize, capacity: usize, seen: Canary) -> Overrun {
        let _work = self.work(); // What a prefault has touched is on record, and so not in the moat.
        let byte = |words: &Canary, k: usize| words[k / 8].to_ne_bytes()[k % 8];
        let planted = canary(i);
        let in_canary = (0..CANARY_BYTES).rev().find(|k| byte(&seen, *k) != byte(&planted, *k));
        let moat = self.moat(i);
        let mut last = in_canary.map_or(0, |k| k + 1);
        let pages = (moat.1 - moat.0) / sys::page_bytes();
        let mut resident = vec![0_u8; pages];
        // SAFETY: the range is our mapping, and the vector holds one byte a page of it.
        let asked = unsafe {
            libc::mincore(
                self.start(i).as_ptr().add(moat.0).cast(),
                moat.1 - moat.0,
                resident.as_mut_ptr(),
            )
        };
        if asked == 0
            && let Some(p) = resident.iter().rposition(|r| r & 1 == 1)
        {
            last = moat.0 + p * sys::page_bytes() - capacity + 1;
        }
        Overrun { at_least_bytes: last as u64 }
    }
}

impl Work<'_> {
    /// Plants the canary behind a slot of `capacity` in region `i`, or raises its guard page. The caller
    /// owns the slot, and it is backed.
    pub fn protect(&mut self, i: usize, capacity: usize) {
        let a = self.arena;
        debug_assert!(capacity.is_multiple_of(a.page));
        if a.options.guard {
            // SAFETY: one page of region i behind the slot.
            let refused = unsafe {
                libc::mprotect(a.start(i).as_ptr().add(capacity).cast(), a.page, libc::PROT_NONE)
            };
            if refused != 0 {
                let e = std::io::Error::last_os_error();
                self.told.refuse("guard", || {
                    format!(
                        "a guard page was refused ({e}); raise vm.max_map_count or set pool.guard = false"
                    )
                });
            }
            return;
        }
        for (k, word) in canary(i).into_iter().enumerate() {
            // SAFETY: the canary page is backed and belongs to the slot's owner; the capacity is a multiple
            // of the page. Volatile: an SDK may have written here behind the compiler's back.
            unsafe { a.start(i).as_ptr().add(capacity).cast::<u64>().add(k).write_volatile(word) };
        }
    }

    /// Lowers the guard page behind a slot of `capacity`, before the slot grows over it.
    pub fn unprotect(&mut self, i: usize, capacity: usize) {
        let a = self.arena;
        if a.options.guard && capacity > 0 {
            // SAFETY: one page of region i behind the slot, back to what the mapping was made with.
            unsafe {
                libc::mprotect(
                    a.start(i).as_ptr().add(capacity).cast(),
                    a.page,
                    libc::PROT_READ | libc::PROT_WRITE,
                );
            }
        }
    }

    /// Gives back whatever an overrun put into the moat of region `i`.
    pub fn give_moat_back(&mut self, i: usize) {
        let (from, to) = self.arena.moat(i);
        // SAFETY: nothing of ours lies in the moat.
        unsafe {
            libc::madvise(
                self.arena.start(i).as_ptr().add(from).cast(),
                to - from,
                libc::MADV_DONTNEED,
            );
        }
    }
}

type Canary = [u64; CANARY_BYTES / 8];

/// The canary of region `i`: differs from region to region, so that a copied canary does not pass. Its words
/// do not depend on each other: it is made anew for each frame.
#[inline]
fn canary(i: usize) -> Canary {
    std::array::from_fn(|k| {
        let x = ((i * (CANARY_BYTES / 8) + k) as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    })
}

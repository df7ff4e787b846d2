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
#![allow(unsafe_code)]

use crate::error::{Error, ErrorKind, Refusal};
use crate::sync::{AtomicUsize, Ordering};
use crate::sys;
use std::ptr::NonNull;

/// Bytes at the edge of the moat that tell whether something was written past the end.
const CANARY_BYTES: usize = 64;
const HUGE_BYTES: usize = 2 << 20;

/// Which pages the pool asks the system for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HugePages {
    /// Ordinary pages.
    #[default]
    Off,
    /// Ordinary mapping, advised with `MADV_HUGEPAGE`.
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

/// What an SDK did past the end of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overrun {
    /// At least so many bytes past the slot's capacity were changed (to the end of the last page
    /// touched in the moat, or within the canary).
    pub at_least_bytes: u64,
}

#[derive(Debug)]
struct Region {
    /// Bytes from the region's start that are backed by touched memory; canary page included.
    touched: AtomicUsize,
    /// Bytes from the region's start that explicit huge pages back.
    huge: AtomicUsize,
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
    locked: AtomicUsize,
    huge: AtomicUsize,
}

// SAFETY: the mapping is plain memory; who may touch which bytes is decided by slot ownership, and the
// bookkeeping is atomic.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

fn round_up(n: usize, to: usize) -> Option<usize> {
    n.checked_add(to - 1).map(|m| m / to * to)
}

impl Arena {
    /// Reserves address space for `regions` slots that may each grow to `max_slot_bytes`. Touches
    /// nothing.
    pub fn reserve(
        regions: usize,
        max_slot_bytes: usize,
        options: ArenaOptions,
    ) -> Result<Arena, Error> {
        let page =
            if options.huge_pages == HugePages::Explicit { HUGE_BYTES } else { sys::page_bytes() };
        let too_large = || {
            Error::new(
                ErrorKind::Memory,
                format!(
                    "{regions} slots of up to {max_slot_bytes} bytes exceed the address space; \
                     lower pool.budget or pool.slots"
                ),
            )
        };
        // Twice the slot and the canary page: the second half is the moat of a slot grown to its limit.
        let stride = round_up(max_slot_bytes, page)
            .and_then(|n| n.checked_add(page))
            .and_then(|n| n.checked_mul(2))
            .and_then(|n| round_up(n, HUGE_BYTES))
            .ok_or_else(too_large)?;
        let bytes = stride
            .checked_mul(regions)
            .and_then(|n| n.checked_add(HUGE_BYTES))
            .filter(|n| *n < isize::MAX as usize)
            .ok_or_else(too_large)?;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches no memory of
        // ours. NORESERVE: untouched moats must not count against the overcommit limit.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(Error::with_source(
                ErrorKind::Memory,
                format!(
                    "reserving {bytes} bytes of address space for {regions} slots failed; lower pool.budget"
                ),
                std::io::Error::last_os_error(),
            ));
        }
        let base = NonNull::new(base.cast::<u8>()).ok_or_else(too_large)?;
        if options.huge_pages == HugePages::Advise {
            // SAFETY: the range is our own mapping. A refusal shows later as huge pages not obtained.
            unsafe { libc::madvise(base.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
        }
        let regions = (0..regions)
            .map(|_| Region { touched: AtomicUsize::new(0), huge: AtomicUsize::new(0) })
            .collect();
        Ok(Arena {
            base,
            bytes,
            stride,
            page,
            regions,
            options,
            locked: AtomicUsize::new(0),
            huge: AtomicUsize::new(0),
        })
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

    /// The start of region `i`.
    pub fn start(&self, i: usize) -> NonNull<u8> {
        assert!(i < self.regions.len());
        let base = self.base.as_ptr() as usize;
        let aligned = base.div_ceil(HUGE_BYTES) * HUGE_BYTES;
        // SAFETY: the mapping holds `regions * stride` bytes behind the first 2 MiB boundary (2 MiB
        // were added for it), and `i` is in range.
        unsafe { self.base.add(aligned - base + i * self.stride) }
    }

    /// Bytes touched in region `i`.
    pub fn touched(&self, i: usize) -> usize {
        // Relaxed: a number for sums; it publishes no memory.
        self.regions[i].touched.load(Ordering::Relaxed)
    }

    /// Bytes touched in all regions.
    pub fn touched_bytes(&self) -> usize {
        (0..self.regions.len()).map(|i| self.touched(i)).sum()
    }

    /// Bytes locked in memory.
    pub fn locked_bytes(&self) -> usize {
        self.locked.load(Ordering::Relaxed)
    }

    /// Bytes backed by explicit huge pages.
    pub fn huge_bytes(&self) -> usize {
        self.huge.load(Ordering::Relaxed)
    }

    /// Backs a slot of `capacity` in region `i` with touched memory, touching only what is missing.
    /// Contents of touched memory stay as they are. Returns the bytes that were touched now.
    ///
    /// May run ahead of a reset on another thread than the owner's, while the slot is in use.
    pub fn back(
        &self,
        i: usize,
        capacity: usize,
        refusals: &mut Vec<Refusal>,
    ) -> Result<usize, Error> {
        let need = self.footprint(capacity);
        assert!(capacity <= self.max_capacity(), "the pool checks the budget first");
        let have = self.touched(i);
        if need <= have {
            return Ok(0);
        }
        let start = self.start(i).as_ptr();
        if self.options.huge_pages == HugePages::Explicit {
            self.map_huge(i, have, need, refusals);
        }
        // SAFETY: [have, need) lies inside region i, which is our mapping.
        let missing = unsafe { start.add(have) };
        populate(missing, need - have, self.page).map_err(|e| {
            Error::with_source(
                ErrorKind::Memory,
                format!(
                    "touching {} bytes of the pool failed; lower pool.budget or free memory",
                    need - have
                ),
                e,
            )
        })?;
        if self.options.lock {
            // SAFETY: the range is touched memory of our mapping.
            if unsafe { libc::mlock(missing.cast(), need - have) } == 0 {
                self.locked.fetch_add(need - have, Ordering::Relaxed);
            } else {
                let e = std::io::Error::last_os_error();
                refuse(refusals, "lock", || {
                    format!(
                        "memory could not be locked ({e}); raise the limit with `ulimit -l unlimited`, or set pool.lock = false"
                    )
                });
            }
        }
        self.regions[i].touched.fetch_max(need, Ordering::Relaxed);
        Ok(need - have)
    }

    fn map_huge(&self, i: usize, have: usize, need: usize, refusals: &mut Vec<Refusal>) {
        if self.regions[i].huge.load(Ordering::Relaxed) != have {
            return; // An earlier part was refused; a region is huge from its start or not at all.
        }
        // SAFETY: [have, need) lies in region i and is untouched; replacing it with another anonymous
        // mapping loses nothing. Without NORESERVE, so that a shortage fails here and not as SIGBUS.
        let got = unsafe {
            libc::mmap(
                self.start(i).as_ptr().add(have).cast(),
                need - have,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        if got == libc::MAP_FAILED {
            let e = std::io::Error::last_os_error();
            refuse(refusals, "huge_pages", || {
                format!(
                    "2 MiB pages were refused ({e}); reserve some with `sysctl vm.nr_hugepages=N`; ordinary pages serve instead"
                )
            });
            // A failed MAP_FIXED may have unmapped the range: put ordinary memory there again.
            // SAFETY: as above.
            let again = unsafe {
                libc::mmap(
                    self.start(i).as_ptr().add(have).cast(),
                    need - have,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED,
                    -1,
                    0,
                )
            };
            assert!(
                again != libc::MAP_FAILED,
                "an anonymous page mapping over our own range failed"
            );
        } else {
            self.regions[i].huge.store(need, Ordering::Relaxed);
            self.huge.fetch_add(need - have, Ordering::Relaxed);
        }
    }

    /// Gives the memory of region `i` beyond a slot of `capacity` back to the system (0: all of it).
    /// The caller owns the slot. Returns the bytes given back.
    pub fn trim(&self, i: usize, capacity: usize) -> usize {
        let keep = if capacity == 0 { 0 } else { self.footprint(capacity) };
        let have = self.touched(i);
        if keep >= have {
            return 0;
        }
        self.discard(i, keep, have);
        self.regions[i].touched.store(keep, Ordering::Relaxed);
        have - keep
    }

    /// Unlocks and discards [from, to) of region `i`.
    fn discard(&self, i: usize, from: usize, to: usize) {
        let huge_end = self.regions[i].huge.load(Ordering::Relaxed);
        // SAFETY: the range lies in region i, whose owner called us; nobody reads it any more.
        unsafe {
            let at = self.start(i).as_ptr().add(from).cast();
            libc::munlock(at, to - from);
            libc::madvise(at, to - from, libc::MADV_DONTNEED);
        }
        if self.options.lock {
            let _ = self.locked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                Some(n.saturating_sub(to - from))
            });
        }
        if huge_end > from {
            // Discarded huge pages go back to the system's reserve; ordinary memory takes the place.
            // SAFETY: as above.
            unsafe {
                libc::mmap(
                    self.start(i).as_ptr().add(from).cast(),
                    huge_end - from,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED,
                    -1,
                    0,
                );
            }
            self.regions[i].huge.store(from, Ordering::Relaxed);
            self.huge.fetch_sub(huge_end - from, Ordering::Relaxed);
        }
    }

    /// Plants the canary behind a slot of `capacity` in region `i`, or raises its guard page. The caller
    /// owns the slot, and it is backed.
    pub fn protect(&self, i: usize, capacity: usize, refusals: &mut Vec<Refusal>) {
        debug_assert!(capacity % self.page == 0);
        if self.options.guard {
            // SAFETY: one page of region i behind the slot.
            let refused = unsafe {
                libc::mprotect(
                    self.start(i).as_ptr().add(capacity).cast(),
                    self.page,
                    libc::PROT_NONE,
                )
            };
            if refused != 0 {
                let e = std::io::Error::last_os_error();
                refuse(refusals, "guard", || {
                    format!(
                        "a guard page was refused ({e}); raise vm.max_map_count or set pool.guard = false"
                    )
                });
            }
            return;
        }
        for (k, byte) in canary(i).into_iter().enumerate() {
            // SAFETY: the canary page is backed and belongs to the slot's owner. Volatile: an SDK may
            // have written here behind the compiler's back.
            unsafe { self.start(i).as_ptr().add(capacity + k).write_volatile(byte) };
        }
    }

    /// Lowers the guard page behind a slot of `capacity`, before the slot grows over it.
    pub fn unprotect(&self, i: usize, capacity: usize) {
        if self.options.guard && capacity > 0 {
            // SAFETY: one page of region i behind the slot, back to what the mapping was made with.
            unsafe {
                libc::mprotect(
                    self.start(i).as_ptr().add(capacity).cast(),
                    self.page,
                    libc::PROT_READ | libc::PROT_WRITE,
                );
            }
        }
    }

    /// Whether the canary behind a slot of `capacity` in region `i` still stands.
    ///
    /// # Real-time
    /// The slot's owner. No allocation, no lock, no system call while it stands.
    #[inline]
    pub fn check_canary(&self, i: usize, capacity: usize) -> Result<(), Overrun> {
        if self.options.guard {
            return Ok(()); // A write past the end would have been stopped by the page.
        }
        let at = self.start(i).as_ptr();
        let mut seen = [0_u8; CANARY_BYTES];
        for (k, byte) in seen.iter_mut().enumerate().step_by(1) {
            // SAFETY: the canary page is backed. Volatile, as above.
            *byte = unsafe { at.add(capacity + k).read_volatile() };
        }
        if seen == canary(i) { Ok(()) } else { Err(self.measure_overrun(i, capacity, &seen)) }
    }

    #[cold]
    fn measure_overrun(&self, i: usize, capacity: usize, seen: &[u8; CANARY_BYTES]) -> Overrun {
        let in_canary = (0..CANARY_BYTES).rev().find(|k| seen[*k] != canary(i)[*k]);
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
        if asked == 0 {
            if let Some(p) = resident.iter().rposition(|r| r & 1 == 1) {
                last = moat.0 + (p + 1) * sys::page_bytes() - capacity;
            }
        }
        Overrun { at_least_bytes: last as u64 }
    }

    /// Start and end of the untouched part of region `i`, from the region's start.
    fn moat(&self, i: usize) -> (usize, usize) {
        (self.touched(i), self.stride)
    }

    /// Gives back whatever an overrun put into the moat of region `i`.
    pub fn give_moat_back(&self, i: usize) {
        let (from, to) = self.moat(i);
        // SAFETY: nothing of ours lies in the moat.
        unsafe {
            libc::madvise(self.start(i).as_ptr().add(from).cast(), to - from, libc::MADV_DONTNEED);
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and the pool's core drops it only when no handle is left.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}

/// The canary of region `i`: differs from region to region, so that a copied canary does not pass.
fn canary(i: usize) -> [u8; CANARY_BYTES] {
    let mut x = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut bytes = [0_u8; CANARY_BYTES];
    for chunk in bytes.chunks_exact_mut(8) {
        x ^= x >> 29;
        x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        chunk.copy_from_slice(&x.to_le_bytes());
    }
    bytes
}

fn refuse(refusals: &mut Vec<Refusal>, what: &'static str, reason: impl FnOnce() -> String) {
    if !refusals.iter().any(|r| r.what == what) {
        refusals.push(Refusal { what, reason: reason() });
    }
}

/// Makes the pages of `[at, at + len)` present and writable without changing what they hold.
fn populate(at: *mut u8, len: usize, page: usize) -> std::io::Result<()> {
    // SAFETY: the caller passes a range of its own mapping. MADV_POPULATE_WRITE (Linux 5.14) faults
    // pages in for writing in one call, and reports a shortage instead of killing the process.
    if unsafe { libc::madvise(at.cast(), len, libc::MADV_POPULATE_WRITE) } == 0 {
        return Ok(());
    }
    let e = std::io::Error::last_os_error();
    if e.raw_os_error() != Some(libc::EINVAL) {
        return Err(e);
    }
    for offset in (0..len).step_by(page.min(sys::page_bytes())) {
        // SAFETY: inside the range. An atomic add of 0 is a write that keeps what an SDK may be writing
        // at the same time in its moat.
        unsafe {
            (*at.add(offset).cast::<std::sync::atomic::AtomicU8>())
                .fetch_add(0, std::sync::atomic::Ordering::Relaxed);
        }
    }
    Ok(())
}

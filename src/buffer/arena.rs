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
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes at the edge of the moat that tell whether something was written past the end.
const CANARY_BYTES: usize = 64;
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

/// What an SDK did past the end of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overrun {
    /// At least so many bytes past the slot's capacity were written over: to the last changed byte of the
    /// canary, or to the first byte of the last page touched in the moat.
    pub at_least_bytes: u64,
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
        budget: usize,
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
        // SAFETY: the range is our own mapping. The advice is refused only by kernels that have no
        // transparent huge pages, and there it is not needed.
        unsafe { libc::madvise(base.as_ptr().cast(), bytes, libc::MADV_NOHUGEPAGE) };
        let regions = (0..regions)
            .map(|_| Region {
                touched: AtomicUsize::new(0),
                huge: AtomicUsize::new(0),
                locked: AtomicUsize::new(0),
            })
            .collect();
        Ok(Arena {
            base,
            bytes,
            stride,
            page,
            regions,
            options,
            budget,
            touched: AtomicUsize::new(0),
            locked: AtomicUsize::new(0),
            huge: AtomicUsize::new(0),
            told: Mutex::default(),
        })
    }

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
        self.touched.load(Ordering::Relaxed)
    }

    /// Bytes locked in memory.
    pub fn locked_bytes(&self) -> usize {
        self.locked.load(Ordering::Relaxed)
    }

    /// Bytes backed by explicit huge pages.
    pub fn huge_bytes(&self) -> usize {
        self.huge.load(Ordering::Relaxed)
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

    /// Start and end of the untouched part of region `i`, from the region's start.
    fn moat(&self, i: usize) -> (usize, usize) {
        (self.touched(i), self.stride)
    }
}

impl Work<'_> {
    /// Refusals that have not been fetched yet. Each thing refused is told once in the arena's life.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.told.fresh)
    }

    /// Bytes that may still be touched.
    pub fn room(&self) -> usize {
        self.arena.budget.saturating_sub(self.arena.touched_bytes())
    }

    /// Backs a slot of `capacity` in region `i` with touched memory, touching only what is missing.
    /// Contents of touched memory stay as they are. Returns the bytes that were touched now.
    ///
    /// May run ahead of a reset on another thread than the owner's, while the slot is in use. If it fails,
    /// the region is as before.
    pub fn back(&mut self, i: usize, capacity: usize) -> Result<usize, Error> {
        let a = self.arena;
        let need = a.footprint(capacity);
        assert!(capacity <= a.max_capacity(), "the pool checks the budget first");
        let have = a.touched(i);
        if need <= have {
            return Ok(0);
        }
        let missing = need - have;
        if missing > self.room() {
            return Err(Error::new(
                ErrorKind::Memory,
                format!(
                    "touching {missing} more bytes would pass pool.budget of {} bytes, of which {} are used; raise pool.budget",
                    a.budget,
                    a.touched_bytes()
                ),
            ));
        }
        match a.options.huge_pages {
            HugePages::Off => {}
            HugePages::Advise => {
                // SAFETY: whole huge pages inside the part of region `i` that is being backed; advice
                // changes no contents.
                unsafe {
                    libc::madvise(
                        a.start(i).as_ptr().cast(),
                        need / HUGE_BYTES * HUGE_BYTES,
                        libc::MADV_HUGEPAGE,
                    );
                }
            }
            HugePages::Explicit => self.map_huge(i, have, need),
        }
        // SAFETY: [have, need) lies inside region i, which is our mapping.
        let at = unsafe { a.start(i).as_ptr().add(have) };
        let populated = self.may_touch().and_then(|()| populate(at, missing, a.page));
        // What follows is on record before it can fail, so that giving it back is, too.
        a.regions[i].touched.store(need, Ordering::Relaxed);
        a.touched.fetch_add(missing, Ordering::Relaxed);
        if let Err(e) = populated {
            self.shrink(i, have);
            return Err(Error::with_source(
                ErrorKind::Memory,
                format!(
                    "touching {missing} bytes of the pool failed; lower pool.budget or free memory"
                ),
                e,
            ));
        }
        if a.options.lock {
            self.lock(i, need);
        }
        Ok(missing)
    }

    #[cfg(test)]
    fn may_touch(&mut self) -> std::io::Result<()> {
        match &mut self.told.fails_after {
            Some(0) => Err(std::io::Error::from_raw_os_error(libc::ENOMEM)),
            Some(n) => {
                *n -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    #[cfg(not(test))]
    fn may_touch(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    /// From the `n`-th call of `back` that touches anything on, touching fails.
    #[cfg(test)]
    pub fn fail_after(&mut self, n: Option<usize>) {
        self.told.fails_after = n;
    }

    /// Locks region `i` up to `need`; what an earlier call could not lock is tried again.
    fn lock(&mut self, i: usize, need: usize) {
        let a = self.arena;
        let from = a.regions[i].locked.load(Ordering::Relaxed);
        // SAFETY: the range is touched memory of our mapping.
        if unsafe { libc::mlock(a.start(i).as_ptr().add(from).cast(), need - from) } == 0 {
            a.regions[i].locked.store(need, Ordering::Relaxed);
            a.locked.fetch_add(need - from, Ordering::Relaxed);
        } else {
            let e = std::io::Error::last_os_error();
            // A lock that failed half-way may have locked a part: none of it is on record.
            // SAFETY: as above.
            unsafe { libc::munlock(a.start(i).as_ptr().add(from).cast(), need - from) };
            self.told.refuse("lock", || {
                format!(
                    "memory could not be locked ({e}); raise the limit with `ulimit -l unlimited`, or set pool.lock = false"
                )
            });
        }
    }

    fn map_huge(&mut self, i: usize, have: usize, need: usize) {
        let a = self.arena;
        if a.regions[i].huge.load(Ordering::Relaxed) != have {
            return; // An earlier part was refused; a region is huge from its start or not at all.
        }
        // Mapped elsewhere first and then moved into place: mapping it straight over our range could, when
        // it fails, leave a hole there that another thread's mapping falls into.
        // SAFETY: a fresh mapping at an address of the kernel's choice. Without NORESERVE, so that a
        // shortage fails here and not as SIGBUS.
        let fresh = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                need - have,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB,
                -1,
                0,
            )
        };
        let mut got = fresh;
        if fresh != libc::MAP_FAILED {
            // SAFETY: [have, need) lies in region i, is untouched, and both its ends are multiples of
            // 2 MiB; replacing it with another anonymous mapping loses nothing.
            got = unsafe {
                libc::mremap(
                    fresh,
                    need - have,
                    need - have,
                    libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED,
                    a.start(i).as_ptr().add(have).cast::<libc::c_void>(),
                )
            };
        }
        if got == libc::MAP_FAILED {
            let e = std::io::Error::last_os_error();
            if fresh != libc::MAP_FAILED {
                // SAFETY: mapped above, not moved, and used by nobody.
                unsafe { libc::munmap(fresh, need - have) };
            }
            self.told.refuse("huge_pages", || {
                format!(
                    "2 MiB pages were refused ({e}); reserve some with `sysctl vm.nr_hugepages=N`; ordinary pages serve instead"
                )
            });
        } else {
            a.regions[i].huge.store(need, Ordering::Relaxed);
            a.huge.fetch_add(need - have, Ordering::Relaxed);
        }
    }

    /// Gives the memory of region `i` beyond a slot of `capacity` back to the system (0: all of it).
    /// Nobody uses what lies beyond. Returns the bytes given back.
    pub fn trim(&mut self, i: usize, capacity: usize) -> usize {
        let keep = if capacity == 0 { 0 } else { self.arena.footprint(capacity) };
        let have = self.arena.touched(i);
        self.shrink(i, keep);
        have.saturating_sub(keep)
    }

    /// Unlocks and discards what region `i` has beyond `keep`.
    fn shrink(&mut self, i: usize, keep: usize) {
        let a = self.arena;
        let r = &a.regions[i];
        let have = r.touched.load(Ordering::Relaxed);
        if keep >= have {
            return;
        }
        // SAFETY: [keep, have) lies in region i, and nobody uses it any more.
        let at = unsafe { a.start(i).as_ptr().add(keep) };
        let locked = r.locked.load(Ordering::Relaxed);
        if locked > keep {
            // SAFETY: as above. Locked pages could not be discarded.
            unsafe { libc::munlock(at.cast(), locked - keep) };
            r.locked.store(keep, Ordering::Relaxed);
            a.locked.fetch_sub(locked - keep, Ordering::Relaxed);
        }
        let huge = r.huge.load(Ordering::Relaxed);
        if huge > keep {
            // Discarded huge pages go back to the system's reserve; ordinary memory takes the place.
            // SAFETY: as above.
            let got = unsafe {
                libc::mmap(
                    at.cast(),
                    huge - keep,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED,
                    -1,
                    0,
                )
            };
            // A hole in our mapping could be filled by anybody's: better no pool than that.
            assert!(got != libc::MAP_FAILED, "an anonymous page mapping over our own range failed");
            r.huge.store(keep, Ordering::Relaxed);
            a.huge.fetch_sub(huge - keep, Ordering::Relaxed);
        }
        if a.options.huge_pages != HugePages::Off {
            // SAFETY: as above; else the system could put a huge page where only a part is ours to touch.
            unsafe { libc::madvise(at.cast(), have - keep, libc::MADV_NOHUGEPAGE) };
        }
        // SAFETY: as above.
        unsafe { libc::madvise(at.cast(), have - keep, libc::MADV_DONTNEED) };
        r.touched.store(keep, Ordering::Relaxed);
        a.touched.fetch_sub(have - keep, Ordering::Relaxed);
    }

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

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and the pool's core drops it only when no handle is left.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.bytes) };
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

/// Makes the pages of `[at, at + len)` present and writable without changing what they hold.
fn populate(at: *mut u8, len: usize, page: usize) -> std::io::Result<()> {
    // SAFETY: the caller passes a range of its own mapping. MADV_POPULATE_WRITE (Linux 5.14) faults
    // pages in for writing in one call, and reports a shortage instead of killing the process.
    while unsafe { libc::madvise(at.cast(), len, libc::MADV_POPULATE_WRITE) } != 0 {
        let e = std::io::Error::last_os_error();
        match e.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::EINVAL) => return touch_each(at, len, page),
            _ => return Err(e),
        }
    }
    Ok(())
}

/// The same, page by page, where the system cannot do it in one call.
fn touch_each(at: *mut u8, len: usize, page: usize) -> std::io::Result<()> {
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

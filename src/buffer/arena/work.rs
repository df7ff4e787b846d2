//! Touching, locking and giving back memory, by one at a time and never beyond the budget.
#![allow(unsafe_code)]

use super::{HUGE_BYTES, HugePages, Work};
use crate::error::{Error, ErrorKind, Refusal};
use crate::sync::Ordering;
use crate::sys;

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

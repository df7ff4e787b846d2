//! The mapping itself: reserved, addressed, given back.
#![allow(unsafe_code)]

use super::{Arena, ArenaOptions, HUGE_BYTES, HugePages, Region, round_up};
use crate::error::{Error, ErrorKind};
use crate::sync::AtomicUsize;
use crate::sys;
use std::ptr::NonNull;
use std::sync::Mutex;

// SAFETY: the mapping is plain memory; who may touch which bytes is decided by slot ownership, and the
// bookkeeping is atomic.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Sync for Arena {}

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
            advised: AtomicUsize::new(0),
            advised_at: AtomicUsize::new(0),
            told: Mutex::default(),
        })
    }

    /// The start of region `i`.
    #[inline]
    pub fn start(&self, i: usize) -> NonNull<u8> {
        assert!(i < self.regions.len());
        let base = self.base.as_ptr() as usize;
        let aligned = base.div_ceil(HUGE_BYTES) * HUGE_BYTES;
        // SAFETY: the mapping holds `regions * stride` bytes behind the first 2 MiB boundary (2 MiB
        // were added for it), and `i` is in range.
        unsafe { self.base.add(aligned - base + i * self.stride) }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and the pool's core drops it only when no handle is left.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}

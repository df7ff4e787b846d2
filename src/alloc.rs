//! A global allocator that counts what hot threads allocate, so that "never allocates" is a number.
//!
//! The library installs none; a program that wants `steady.allocations` to be counted writes
//! `#[global_allocator] static A: frameline::alloc::CountingAllocator = CountingAllocator;`.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

thread_local! {
    static HOT: Cell<bool> = const { Cell::new(false) };
}
static COUNT: AtomicU64 = AtomicU64::new(0);
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// The system allocator, counting.
#[derive(Debug, Default)]
pub struct CountingAllocator;

/// Marks the calling thread as one whose allocations count from now on, or no longer.
pub fn mark_hot(hot: bool) {
    HOT.with(|h| h.set(hot));
}

/// Allocations (and reallocations) made on hot threads so far; `None` where the counting allocator is
/// not installed, so that a zero is never a guess.
pub fn hot_allocations() -> Option<u64> {
    // One allocation proves whether the allocator is ours.
    drop(std::hint::black_box(Box::new(0_u8)));
    INSTALLED.load(Ordering::Relaxed).then(|| COUNT.load(Ordering::Relaxed))
}

#[inline]
fn note() {
    INSTALLED.store(true, Ordering::Relaxed);
    // `try_with`: a thread that is ending has no marks any more, and that is no reason to abort.
    if HOT.try_with(Cell::get).unwrap_or(false) {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system allocator unchanged; counting touches no heap (the
// thread-local is const-initialised and has no destructor).
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's duty, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's duty, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note();
        // SAFETY: the caller's duty, passed on.
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's duty, passed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}

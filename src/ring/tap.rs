//! A tap: one place where the newest item replaces the one that nobody took.
//!
//! Three cells and one word. The producer writes into its own cell and swaps it with the middle one; the
//! consumer swaps its own with the middle one when that is fresh. Neither ever waits. An rtrb producer
//! cannot evict what it pushed, hence this.
#![allow(unsafe_code)]

use crate::sync::{Arc, AtomicU8, AtomicU64, Ordering, UnsafeCell};

const FRESH: u8 = 4;

struct Shared<T> {
    cells: [UnsafeCell<Option<T>>; 3],
    /// Which cell is in the middle, and whether it is fresh. PAIR: tap
    middle: AtomicU8,
    /// A control word behind everything put so far; 0: none.
    control: AtomicU64,
}

// SAFETY: each cell belongs to the producer, the consumer or the middle; cells change hands only through
// `middle`, by acquire-release swaps.
unsafe impl<T: Send> Sync for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Shared<T> {}

pub(super) struct TapTx<T> {
    shared: Arc<Shared<T>>,
    own: u8,
}

pub(super) struct TapRx<T> {
    shared: Arc<Shared<T>>,
    own: u8,
    seen_control: u64,
}

pub(super) fn tap<T>() -> (TapTx<T>, TapRx<T>) {
    let shared = Arc::new(Shared {
        cells: [UnsafeCell::new(None), UnsafeCell::new(None), UnsafeCell::new(None)],
        middle: AtomicU8::new(1),
        control: AtomicU64::new(0),
    });
    (TapTx { shared: shared.clone(), own: 0 }, TapRx { shared, own: 2, seen_control: 0 })
}

impl<T> TapTx<T> {
    /// Puts `item` in place and returns the one it replaced, if nobody had taken it.
    ///
    /// # Real-time
    /// The producer. Wait-free, no allocation, no lock; one locked instruction.
    #[inline]
    pub fn put(&mut self, item: T) -> Option<T> {
        // SAFETY: cell `own` is the producer's.
        self.shared.cells[usize::from(self.own)].with_mut(|c| unsafe { *c = Some(item) });
        let before = self.shared.middle.swap(self.own | FRESH, Ordering::AcqRel); // PAIR: tap
        self.own = before & !FRESH;
        // SAFETY: the cell that came from the middle is the producer's now. It holds something exactly
        // if it was fresh: the consumer empties what it takes.
        self.shared.cells[usize::from(self.own)].with_mut(|c| unsafe { (*c).take() })
    }

    /// Sets the control word behind everything put so far. Must differ from the one before.
    pub fn set_control(&mut self, word: u64) {
        self.shared.control.store(word, Ordering::Release); // PAIR: tap control
    }
}

impl<T> TapRx<T> {
    /// The newest item, once.
    ///
    /// # Real-time
    /// The consumer. Wait-free, no allocation, no lock; one locked instruction if there is something.
    #[inline]
    pub fn take(&mut self) -> Option<T> {
        if self.shared.middle.load(Ordering::Relaxed) & FRESH == 0 {
            return None;
        }
        let before = self.shared.middle.swap(self.own, Ordering::AcqRel); // PAIR: tap
        self.own = before & !FRESH;
        // SAFETY: the cell that came from the middle is the consumer's now.
        self.shared.cells[usize::from(self.own)].with_mut(|c| unsafe { (*c).take() })
    }

    /// The next thing: an item, or, when everything put before it is gone, a new control word.
    #[inline]
    pub fn next(&mut self) -> Option<Result<T, u64>> {
        // The control word first: if it is seen, then so is everything that was put before it.
        let control = self.shared.control.load(Ordering::Acquire); // PAIR: tap control
        if let Some(item) = self.take() {
            return Some(Ok(item));
        }
        if control != self.seen_control {
            self.seen_control = control;
            return Some(Err(control));
        }
        None
    }

    /// Whether the producer is gone, so that nothing more can be put.
    pub fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.shared) == 1
    }

    /// Whether [`next`](Self::next) would return something.
    #[inline]
    pub fn is_ready(&self) -> bool {
        self.shared.middle.load(Ordering::Acquire) & FRESH != 0
            || self.shared.control.load(Ordering::Acquire) != self.seen_control
    }
}

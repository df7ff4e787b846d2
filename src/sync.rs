//! Everything that two threads touch: atomics, cells, and parking, with the loom switch.
//!
//! Under `--cfg loom` the same names come from loom, so that the model checker sees every access.
//! Each release/acquire pair of the crate has a name (`PAIR: name`) written at both ends.

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};

#[cfg(not(loom))]
pub(crate) use std::sync::Arc;

#[cfg(loom)]
pub(crate) use loom::sync::Arc;
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence,
};

pub(crate) use crossbeam_utils::CachePadded;

use std::time::Duration;

/// `UnsafeCell` with loom's access-checking interface.
#[cfg(not(loom))]
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    /// Calls `f` with a pointer for reading.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Calls `f` with a pointer for writing.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

#[cfg(loom)]
pub(crate) use loom::cell::UnsafeCell;

/// The thread that parks on a [`WakeCell`].
#[cfg(not(loom))]
#[derive(Debug, Default)]
struct ThreadCell(std::sync::OnceLock<std::thread::Thread>);

#[cfg(not(loom))]
impl ThreadCell {
    fn set_current(&self) {
        let _ = self.0.set(std::thread::current());
    }

    fn unpark(&self) {
        if let Some(thread) = self.0.get() {
            thread.unpark();
        }
    }

    fn park_timeout(&self, bound: Duration) {
        std::thread::park_timeout(bound);
    }
}

/// A token, as std's parking has one. Not loom's own `unpark`: a late one would also wake its target out of
/// a `join`.
#[cfg(loom)]
struct ThreadCell {
    token: loom::sync::Mutex<bool>,
    given: loom::sync::Condvar,
}

#[cfg(loom)]
impl Default for ThreadCell {
    fn default() -> Self {
        ThreadCell { token: loom::sync::Mutex::new(false), given: loom::sync::Condvar::new() }
    }
}

#[cfg(loom)]
impl ThreadCell {
    fn set_current(&self) {}

    fn unpark(&self) {
        *self.token.lock().unwrap() = true;
        self.given.notify_one();
    }

    fn park_timeout(&self, _bound: Duration) {
        // The model has no time: a wake-up that is lost shows as a deadlock.
        let mut token = self.token.lock().unwrap();
        while !*token {
            token = self.given.wait(token).unwrap();
        }
        *token = false;
    }
}

/// One thread's bed: it parks here, and any thread that published something for it wakes it.
///
/// The waker and the sleeper follow Dekker's pattern: each writes its own word, passes a sequentially
/// consistent fence, and reads the other's. So either the sleeper sees what was published, or the
/// waker sees the sleeper: a wake-up is never lost. (`PAIR: bed`)
#[derive(Default)]
#[repr(align(128))] // The sleeper writes it with every nap; what lies beside it is others'.
pub struct WakeCell {
    parked: AtomicBool,
    thread: ThreadCell,
}

impl std::fmt::Debug for WakeCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WakeCell")
    }
}

impl WakeCell {
    /// A bed that nobody sleeps in yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the calling thread the one that this cell wakes. The first caller stays.
    pub fn attach(&self) {
        self.thread.set_current();
    }

    /// Wakes the sleeper if there is one. To be called after the thing it waits for was published.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock; one full fence, and a system call only if a thread sleeps.
    #[inline]
    pub fn wake(&self) {
        fence(Ordering::SeqCst); // PAIR: bed (waker's side)
        if self.parked.load(Ordering::Relaxed) {
            self.wake_slow();
        }
    }

    #[cold]
    fn wake_slow(&self) {
        if self.parked.swap(false, Ordering::AcqRel) {
            self.thread.unpark();
        }
    }

    /// Wakes the attached thread without asking whether it sleeps. For wakers that learnt of the
    /// sleeper from the very word they changed.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock; one system call.
    pub fn wake_now(&self) {
        self.parked.store(false, Ordering::Release);
        self.thread.unpark();
    }

    /// The sleeper's own writes.
    #[cfg(not(loom))]
    #[inline]
    fn set_parked(&self, value: bool, order: Ordering) {
        self.parked.store(value, order);
    }

    /// To the model checker they are swaps, with the same order and so no further synchronisation: loom lets
    /// a waker's late swap, which answered an earlier nap, stand behind a plain store that is sequenced after
    /// the one that the swap read. No machine does: nothing comes between a swap and what it read.
    #[cfg(loom)]
    fn set_parked(&self, value: bool, order: Ordering) {
        self.parked.swap(value, order);
    }

    /// Sleeps until woken or until `bound` has passed, unless `ready` holds once the bed is announced.
    /// Returns what `ready` said on waking or before.
    ///
    /// May wake early without cause. Must be called by the attached thread.
    pub fn park_unless(&self, mut ready: impl FnMut() -> bool, bound: Duration) -> bool {
        self.set_parked(true, Ordering::Release);
        fence(Ordering::SeqCst); // PAIR: bed (sleeper's side)
        if ready() {
            self.set_parked(false, Ordering::Relaxed);
            return true;
        }
        self.thread.park_timeout(bound);
        self.set_parked(false, Ordering::Relaxed);
        ready()
    }
}

/// The ring that the model checker sees in rtrb's place: the same single-producer single-consumer
/// protocol (release store of the own index, acquire load of the other's), small enough to explore.
#[cfg(loom)]
#[allow(unsafe_code)]
pub(crate) mod rtrb {
    use super::{Arc, AtomicUsize, Ordering, UnsafeCell};

    pub(crate) enum PushError<T> {
        Full(T),
    }

    struct Shared<T> {
        cells: Vec<UnsafeCell<Option<T>>>,
        head: AtomicUsize,
        tail: AtomicUsize,
    }

    // SAFETY: the cell at an index is touched only by the producer before its tail store and only by
    // the consumer after its acquire load of that store; loom checks exactly this.
    unsafe impl<T: Send> Sync for Shared<T> {}
    // SAFETY: as above.
    unsafe impl<T: Send> Send for Shared<T> {}

    pub(crate) struct Producer<T>(Arc<Shared<T>>);
    pub(crate) struct Consumer<T>(Arc<Shared<T>>);
    pub(crate) struct RingBuffer<T>(std::marker::PhantomData<T>);

    impl<T> RingBuffer<T> {
        #[allow(clippy::new_ret_no_self)]
        pub(crate) fn new(capacity: usize) -> (Producer<T>, Consumer<T>) {
            let shared = Arc::new(Shared {
                cells: (0..capacity).map(|_| UnsafeCell::new(None)).collect(),
                head: AtomicUsize::new(0),
                tail: AtomicUsize::new(0),
            });
            (Producer(shared.clone()), Consumer(shared))
        }
    }

    impl<T> Producer<T> {
        pub(crate) fn push(&mut self, value: T) -> Result<(), PushError<T>> {
            let s = &self.0;
            let tail = s.tail.load(Ordering::Relaxed);
            if tail - s.head.load(Ordering::Acquire) == s.cells.len() {
                return Err(PushError::Full(value));
            }
            // SAFETY: the consumer has left this cell (acquire load of head above).
            s.cells[tail % s.cells.len()].with_mut(|p| unsafe { *p = Some(value) });
            s.tail.store(tail + 1, Ordering::Release);
            Ok(())
        }

        pub(crate) fn slots(&self) -> usize {
            let s = &self.0;
            s.cells.len() - (s.tail.load(Ordering::Relaxed) - s.head.load(Ordering::Acquire))
        }

        pub(crate) fn is_full(&self) -> bool {
            self.slots() == 0
        }
    }

    impl<T> Consumer<T> {
        pub(crate) fn pop(&mut self) -> Result<T, ()> {
            let s = &self.0;
            let head = s.head.load(Ordering::Relaxed);
            if head == s.tail.load(Ordering::Acquire) {
                return Err(());
            }
            // SAFETY: the producer has filled this cell (acquire load of tail above).
            let value = s.cells[head % s.cells.len()].with_mut(|p| unsafe { (*p).take() });
            s.head.store(head + 1, Ordering::Release);
            Ok(value.expect("a cell below tail is filled"))
        }

        pub(crate) fn slots(&self) -> usize {
            let s = &self.0;
            s.tail.load(Ordering::Acquire) - s.head.load(Ordering::Relaxed)
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.slots() == 0
        }

        pub(crate) fn is_abandoned(&self) -> bool {
            Arc::strong_count(&self.0) == 1
        }
    }
}

#[cfg(not(loom))]
pub(crate) use ::rtrb;

#[cfg(all(loom, test))]
mod loom_tests {
    use super::*;

    /// Catches a lost wake-up: the sleeper goes to bed just as something is published for it. (A lost one
    /// is a deadlock to loom. Without either fence of `PAIR: bed` this model fails.)
    #[test]
    fn loom_bed_loses_no_wake_up() {
        loom::model(|| {
            let bed = Arc::new(WakeCell::new());
            let word = Arc::new(AtomicUsize::new(0));
            bed.attach();
            let waker = {
                let (bed, word) = (bed.clone(), word.clone());
                loom::thread::spawn(move || {
                    word.store(1, Ordering::Relaxed);
                    bed.wake();
                })
            };
            while !bed.park_unless(|| word.load(Ordering::Relaxed) == 1, Duration::MAX) {}
            waker.join().unwrap();
        });
    }

    /// Catches a wake-up that one waker takes over from another and never delivers.
    #[test]
    fn loom_bed_with_two_wakers() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let bed = Arc::new(WakeCell::new());
            let word = Arc::new(AtomicUsize::new(0));
            bed.attach();
            let wakers = [false, true].map(|knows_of_the_sleeper| {
                let (bed, word) = (bed.clone(), word.clone());
                loom::thread::spawn(move || {
                    word.fetch_add(1, Ordering::Relaxed);
                    if knows_of_the_sleeper { bed.wake_now() } else { bed.wake() }
                })
            });
            while !bed.park_unless(|| word.load(Ordering::Relaxed) == 2, Duration::MAX) {}
            wakers.into_iter().for_each(|w| w.join().unwrap());
        });
    }
}

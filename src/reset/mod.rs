//! The quiescent reset as a pure protocol: who has let go, up to which epoch. No threads here.
//!
//! A marker travels behind the last frame of an epoch through every ring. Whoever has it and has let go of
//! every frame before it *acknowledges* the epoch; when all have, nothing is in a ring or in a stage, and
//! the pool's census can prove that every slot is home.

use crate::sync::{AtomicU64, CachePadded, Ordering};

/// One acknowledgement a thread, each written by that thread alone.
#[derive(Debug)]
pub struct Acks(Box<[CachePadded<AtomicU64>]>);

impl Acks {
    /// Acknowledgements of `threads` threads, all at epoch 0.
    pub fn new(threads: usize) -> Acks {
        Acks((0..threads).map(|_| CachePadded::new(AtomicU64::new(0))).collect())
    }

    /// Thread `i` has let go of everything before epoch `epoch`.
    ///
    /// # Real-time
    /// Thread `i`. Wait-free, no allocation, no lock.
    pub fn acknowledge(&self, i: usize, epoch: u64) {
        self.0[i].store(epoch, Ordering::Release); // PAIR: ack
    }

    /// Thread `i` has ended: it holds nothing in any epoch.
    pub fn leave(&self, i: usize) {
        self.acknowledge(i, u64::MAX);
    }

    /// The epoch that thread `i` has acknowledged.
    #[inline]
    pub fn of(&self, i: usize) -> u64 {
        self.0[i].load(Ordering::Acquire) // PAIR: ack
    }

    /// Whether all have acknowledged `epoch`. A `true` stays true.
    pub fn reached(&self, epoch: u64) -> bool {
        self.0.iter().all(|a| a.load(Ordering::Acquire) >= epoch)
    }

    /// Those that have not.
    pub fn late(&self, epoch: u64) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len()).filter(move |i| self.of(*i) < epoch)
    }
}

#[cfg(all(loom, test))]
mod loom_tests;

//! Single-writer counters.

use crate::sync::{AtomicU64, Ordering};

/// A count with one writing thread and any number of readers.
///
/// The writer loads and stores; there is no read-modify-write on the hot path. If two threads wrote,
/// counts would be lost: each counter belongs to exactly one agent.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    ///
    /// # Real-time
    /// The owning thread. No allocation, no lock, no locked instruction.
    #[inline]
    pub fn bump(&self) {
        self.add(1);
    }

    /// `n` more.
    ///
    /// # Real-time
    /// The owning thread. No allocation, no lock, no locked instruction.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Release);
    }

    /// Takes back `n` of what was counted (a frame thought lost that came late).
    #[inline]
    pub fn take_back(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).saturating_sub(n), Ordering::Release);
    }

    /// The count. From another thread than the owner's it only lags, it never runs ahead.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A level with one writing thread and any number of readers.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets the level.
    ///
    /// # Real-time
    /// The owning thread. No allocation, no lock.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }

    /// Raises the level to `value` if it is lower.
    #[inline]
    pub fn raise(&self, value: u64) {
        if value > self.0.load(Ordering::Relaxed) {
            self.set(value);
        }
    }

    /// The level as last set.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

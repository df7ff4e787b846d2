//! Who writes next: payloads go to the disk in the order of the frames, and so many bytes at once as keep it busy.
//!
//! A large write is split into requests that fill the disk's queue by themselves; a second one beside it only tears the order
//! apart. So one thread writes while another prepares the next payload (its checksum), and whoever is done with a write takes
//! what is ready by itself: no thread has to be woken while the disk has nothing to do.

use super::state::lock;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Bytes in flight above which no other write begins.
const ENOUGH_BYTES: u64 = 2 << 20;
/// Payloads that are prepared ahead.
pub(super) const AHEAD: usize = 1;
/// How often one that waits looks again, should nobody have news.
const LOOK: Duration = Duration::from_millis(100);

/// Payloads that are ready to be written, by their tickets.
#[derive(Debug)]
pub(super) struct Turns<T> {
    now: Mutex<Now<T>>,
    news: Condvar,
}

#[derive(Debug)]
struct Now<T> {
    ready: BTreeMap<u64, (u64, T)>,
    /// The ticket that is written next.
    next: u64,
    in_flight: u64,
}

/// What a thread should do.
pub(super) enum Turn<'a, T> {
    /// Write this.
    Write(T, InFlight<'a, T>),
    /// Prepare another, if there is one.
    Prepare,
    /// Nothing yet; it has waited already.
    Again,
}

/// A write that has begun; it is over when this is dropped.
pub(super) struct InFlight<'a, T> {
    turns: &'a Turns<T>,
    bytes: u64,
}

impl<T> Default for Turns<T> {
    fn default() -> Turns<T> {
        let now = Now { ready: BTreeMap::new(), next: 0, in_flight: 0 };
        Turns { now: Mutex::new(now), news: Condvar::new() }
    }
}

impl<T> Turns<T> {
    /// One more that is ready, of so many bytes. Tickets are counted from 0 and each has to come, in whatever order.
    pub fn put(&self, ticket: u64, bytes: u64, what: T) {
        lock(&self.now).ready.insert(ticket, (bytes, what));
        self.news.notify_all();
    }

    /// What to do now. Waits, for a bounded time, where enough is in flight and enough is ready.
    pub fn next(&self) -> Turn<'_, T> {
        let mut now = lock(&self.now);
        let ticket = now.next;
        if now.in_flight < ENOUGH_BYTES
            && let Some((bytes, what)) = now.ready.remove(&ticket)
        {
            now.next += 1;
            now.in_flight += bytes;
            drop(now);
            self.news.notify_all();
            return Turn::Write(what, InFlight { turns: self, bytes });
        }
        if now.ready.len() < AHEAD {
            return Turn::Prepare;
        }
        drop(self.news.wait_timeout(now, LOOK).unwrap_or_else(PoisonError::into_inner));
        Turn::Again
    }
}

impl<T> Drop for InFlight<'_, T> {
    fn drop(&mut self) {
        lock(&self.turns.now).in_flight -= self.bytes;
        self.turns.news.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<'a>(turns: &'a Turns<u64>) -> Option<(u64, InFlight<'a, u64>)> {
        match turns.next() {
            Turn::Write(what, begun) => Some((what, begun)),
            Turn::Prepare | Turn::Again => None,
        }
    }

    /// Catches writes out of the order of the frames, and one that is ready and forgotten.
    #[test]
    fn what_was_placed_first_is_written_first() {
        let turns = Turns::default();
        turns.put(1, 10, 1);
        assert!(written(&turns).is_none(), "the one before it is not ready");
        turns.put(0, 10, 0);
        let order: Vec<u64> = std::iter::from_fn(|| written(&turns)).map(|(n, _)| n).collect();
        assert_eq!(order, [0, 1]);
    }

    /// Catches a write beside one that keeps the disk busy, small ones that are not let in together, and one that never
    /// begins after a large one.
    #[test]
    fn a_large_write_is_alone_and_small_ones_are_not() {
        let turns = Turns::default();
        (0..3).for_each(|n| turns.put(n, 1000, n));
        turns.put(3, 5 << 20, 3);
        turns.put(4, 1000, 4);
        let small: Vec<_> =
            (0..3).map(|_| written(&turns).expect("room beside small ones")).collect();
        let (n, large) = written(&turns).expect("room beside small ones");
        assert_eq!(n, 3);
        assert!(written(&turns).is_none(), "beside a large one");
        drop(small);
        assert!(written(&turns).is_none(), "beside a large one");
        drop(large);
        assert_eq!(written(&turns).map(|(n, _)| n), Some(4));
        assert!(matches!(turns.next(), Turn::Prepare), "nothing is ready");
    }
}

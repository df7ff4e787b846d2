//! Waiting for threads to end with a bound, which `JoinHandle::join` does not offer.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Which of a line's threads have ended. Touched only when a thread ends and by who waits for it.
#[derive(Debug, Default)]
pub struct ExitBoard {
    ended: Mutex<Vec<bool>>,
    changed: Condvar,
}

/// Marks its thread as ended when dropped, also by a panic.
#[derive(Debug)]
pub struct ExitGuard {
    board: Arc<ExitBoard>,
    index: usize,
}

impl ExitBoard {
    fn lock(&self) -> MutexGuard<'_, Vec<bool>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more thread that is to end some day.
    pub fn register(self: &Arc<Self>) -> ExitGuard {
        let mut ended = self.lock();
        ended.push(false);
        ExitGuard { board: self.clone(), index: ended.len() - 1 }
    }

    /// Waits until every thread has ended, at most `bound`. Returns the indexes of those that have not.
    pub fn wait_all(&self, bound: Duration) -> Vec<usize> {
        let begun = Instant::now();
        let mut ended = self.lock();
        loop {
            let alive: Vec<usize> =
                ended.iter().enumerate().filter(|(_, e)| !**e).map(|(i, _)| i).collect();
            let left = bound.saturating_sub(begun.elapsed());
            if alive.is_empty() || left.is_zero() {
                return alive;
            }
            ended =
                self.changed.wait_timeout(ended, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether thread `i` has ended.
    pub fn has_ended(&self, i: usize) -> bool {
        self.lock().get(i).copied().unwrap_or(true)
    }
}

impl ExitGuard {
    /// The thread's index on the board.
    pub fn index(&self) -> usize {
        self.index
    }
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        self.board.lock()[self.index] = true;
        self.board.changed.notify_all();
    }
}

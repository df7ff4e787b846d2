//! How other threads ask something of the capture thread: a ring of orders, each with a bounded reply.

use super::report::ResetReport;
use super::shared::Shared;
use crate::error::{Error, ErrorKind};
use crate::sync::rtrb;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// An order to the capture thread.
#[derive(Debug)]
pub(super) enum Command {
    /// Begin to grab.
    Start(Reply<()>),
    /// Make a quiescent reset, with room for payloads of so many bytes if given.
    Reset(Option<usize>, Reply<ResetReport>),
    /// Set a feature of the source.
    SetFeature(String, String, Reply<()>),
    /// Fire the software trigger.
    Trigger(Reply<()>),
}

impl Command {
    /// Whether whoever gave the order still waits for it.
    pub fn is_wanted(&self) -> bool {
        match self {
            Command::Start(r) | Command::SetFeature(_, _, r) | Command::Trigger(r) => r.is_wanted(),
            Command::Reset(_, r) => r.is_wanted(),
        }
    }

    /// The line has ended before it came to this order.
    pub fn refuse(self) {
        let ended = || Error::new(ErrorKind::State, "the line has ended");
        match self {
            Command::Start(r) | Command::SetFeature(_, _, r) | Command::Trigger(r) => {
                r.put(Err(ended()));
            }
            Command::Reset(_, r) => r.put(Err(ended())),
        }
    }
}

/// Where an answer is put and waited for.
#[derive(Debug)]
pub(super) struct Reply<T>(Arc<Letterbox<T>>);

#[derive(Debug)]
struct Letterbox<T> {
    letter: Mutex<Letter<T>>,
    came: Condvar,
}

#[derive(Debug)]
enum Letter<T> {
    Awaited,
    Here(Result<T, Error>),
    /// Whoever asked has given up: what has not been begun must not be done.
    Unwanted,
}

impl<T> Clone for Reply<T> {
    fn clone(&self) -> Self {
        Reply(self.0.clone())
    }
}

impl<T> Reply<T> {
    pub fn new() -> Self {
        Reply(Arc::new(Letterbox { letter: Mutex::new(Letter::Awaited), came: Condvar::new() }))
    }

    fn letter(&self) -> MutexGuard<'_, Letter<T>> {
        self.0.letter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody still waits for the answer.
    fn is_wanted(&self) -> bool {
        !matches!(*self.letter(), Letter::Unwanted)
    }

    /// Gives up; an answer that came in the very last moment is returned.
    pub fn give_up(&self) -> Option<Result<T, Error>> {
        match std::mem::replace(&mut *self.letter(), Letter::Unwanted) {
            Letter::Here(answer) => Some(answer),
            _ => None,
        }
    }

    /// Answers.
    pub fn put(&self, answer: Result<T, Error>) {
        let mut letter = self.letter();
        if !matches!(*letter, Letter::Unwanted) {
            *letter = Letter::Here(answer);
        }
        self.0.came.notify_all();
    }

    /// Waits for the answer, at most `bound`.
    pub fn wait(&self, bound: Duration) -> Option<Result<T, Error>> {
        let until = super::line::after(bound);
        let mut letter = self.letter();
        loop {
            match std::mem::replace(&mut *letter, Letter::Awaited) {
                Letter::Here(answer) => return Some(answer),
                other => *letter = other,
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            letter =
                self.0.came.wait_timeout(letter, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The asking end; callers on any thread take turns.
#[derive(Debug)]
pub(super) struct Orders(Mutex<rtrb::Producer<Command>>);

impl Orders {
    pub fn new(depth: usize) -> (Orders, rtrb::Consumer<Command>) {
        let (tx, rx) = rtrb::RingBuffer::new(depth);
        (Orders(Mutex::new(tx)), rx)
    }

    /// Puts an order into the ring and wakes the capture thread.
    pub fn give(&self, command: Command, shared: &Shared) -> Result<(), Error> {
        let full = self.0.lock().unwrap_or_else(PoisonError::into_inner).push(command).is_err();
        shared.threads[0].bed.wake();
        if full {
            return Err(Error::new(
                ErrorKind::State,
                "the capture thread has not taken the orders before this one; wait for their answers",
            ));
        }
        Ok(())
    }
}

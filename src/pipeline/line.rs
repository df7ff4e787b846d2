//! The line in its user's hands: frames, orders, snapshots, and the ladder of stopping.

use super::builder::LineBuilder;
use super::caller::{Caller, Frames, NextFrame};
use super::command::{Command, Orders, Reply};
use super::report::{LineState, ResetReport, Snapshot};
use super::shared::Shared;
use super::snapshot::snapshot;
use crate::error::{Error, ErrorKind};
use crate::source::Source;
use crate::sync::{AtomicBool, Ordering, WakeCell};
use crate::wait::MAX_PARK;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The moment `bound` from now; a bound beyond what an `Instant` can hold is thirty years.
pub(super) fn after(bound: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(bound).unwrap_or(now + Duration::from_secs(30 * 365 * 86_400))
}

/// How long dropping a line, or an abort, waits for threads before it leaves them to themselves.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// A running line. Dropping it aborts; see [`stop`](Self::stop) for a clean end.
pub struct Line {
    handle: LineHandle,
    monitor: Option<JoinHandle<()>>,
    monitor_bed: Arc<WakeCell>,
    quit: Arc<AtomicBool>,
    caller: Option<Caller>,
}

/// Speaks to a line from any thread.
#[derive(Clone)]
pub struct LineHandle {
    shared: Arc<Shared>,
    orders: Arc<Orders>,
}

pub(super) struct LineParts {
    pub shared: Arc<Shared>,
    pub orders: Orders,
    pub monitor: JoinHandle<()>,
    pub monitor_bed: Arc<WakeCell>,
    pub quit: Arc<AtomicBool>,
    pub caller: Option<Caller>,
}

impl Line {
    /// Begins a line on `source`.
    pub fn builder(source: impl Source + 'static) -> LineBuilder {
        LineBuilder::new(Box::new(source))
    }

    /// Begins a line on a source whose kind is known only at run time.
    pub fn builder_boxed(source: Box<dyn Source>) -> LineBuilder {
        LineBuilder::new(source)
    }

    pub(super) fn new(parts: LineParts) -> Line {
        Line {
            handle: LineHandle { shared: parts.shared, orders: Arc::new(parts.orders) },
            monitor: Some(parts.monitor),
            monitor_bed: parts.monitor_bed,
            quit: parts.quit,
            caller: parts.caller,
        }
    }

    /// A handle for other threads.
    pub fn handle(&self) -> LineHandle {
        self.handle.clone()
    }

    /// The line now.
    pub fn snapshot(&self) -> Snapshot {
        self.handle.snapshot()
    }

    /// The frames that reach the caller, until the line ends. Empty if the line was built without
    /// [`LineBuilder::frames`].
    pub fn frames(&mut self) -> Frames<'_> {
        Frames { line: self }
    }

    /// The next frame that reaches the caller, waiting at most `bound`.
    pub fn next_frame(&mut self, bound: Duration) -> NextFrame {
        match &mut self.caller {
            Some(caller) => caller.next(&self.handle.shared, bound),
            None => NextFrame::End,
        }
    }

    /// Waits until the line has ended by itself, at most `bound`; returns whether it has.
    pub fn wait(&mut self, bound: Duration) -> bool {
        let until = after(bound);
        loop {
            if self.handle.state() == LineState::Ended {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // A line that ends in the caller's loop ends only if the loop goes on: frames are let go.
            match &mut self.caller {
                Some(c) => drop(c.next(&self.handle.shared, left.min(MAX_PARK))),
                None => drop(self.handle.shared.exits.wait_all(left)),
            }
        }
    }

    /// Drains to the last accepted frame and ends, within `deadline`; then aborts what is left and names
    /// it in [`Snapshot::failure`]. Always returns, a second after the deadline at the latest.
    pub fn stop(mut self, deadline: Duration) -> Snapshot {
        let shared = &self.handle.shared;
        shared.drain_until.set((shared.clock.now() + deadline).0);
        self.handle.request_stop();
        let until = after(deadline);
        let left = || until.saturating_duration_since(Instant::now());
        while !left().is_zero() && !self.wait(left()) {}
        self.end()
    }

    /// Ends now: frames in the rings are given up, and counted as such.
    pub fn abort(mut self) -> Snapshot {
        self.handle.shared.abort();
        self.end()
    }

    /// The last rungs of the ladder: abort what has not ended, wait, leave behind.
    fn end(&mut self) -> Snapshot {
        let shared = self.handle.shared.clone();
        if self.handle.state() != LineState::Ended {
            shared.abort();
        }
        let mut caller = self.caller.take();
        if let Some(caller) = &mut caller {
            caller.leave(&shared);
        }
        let alive = shared.exits.wait_all(ABORT_GRACE);
        if let Some(caller) = &mut caller {
            caller.abandon();
        }
        if !alive.is_empty() {
            let names: Vec<String> = alive.iter().map(|t| describe(&shared, *t)).collect();
            let text = format!(
                "the line stopped without {}; the thread is left to itself",
                names.join(" and ")
            );
            // Before the monitor tells the end, so that it tells this too.
            shared.cold().failure.get_or_insert(text);
        }
        self.quit.store(true, Ordering::Release);
        self.monitor_bed.wake();
        if let Some(monitor) = self.monitor.take() {
            let _ = monitor.join(); // Bounded: it only samples and writes its log.
        }
        snapshot(&shared)
    }
}

/// A thread that does not end, and what it is in.
fn describe(shared: &Shared, thread: usize) -> String {
    let cells = &shared.threads[thread];
    match cells.busy.get() {
        0 => format!("thread {}", cells.name),
        a => format!(
            "thread {}, which has been in {} for {}",
            cells.name,
            shared.activities[a as usize - 1],
            shared.clock.now() - crate::clock::HostTime(cells.busy_since.get())
        ),
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.monitor.is_some() {
            self.handle.shared.abort();
            self.end();
        }
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({:?})", self.handle.state())
    }
}

impl LineHandle {
    /// The line now, without touching a hot thread. Any thread; allocates.
    pub fn snapshot(&self) -> Snapshot {
        snapshot(&self.shared)
    }

    /// Where the line is in its life.
    pub fn state(&self) -> LineState {
        self.shared.state()
    }

    /// Starts the source of a line that was only armed.
    pub fn start(&self, bound: Duration) -> Result<(), Error> {
        self.ask(bound, "start", Command::Start)
    }

    /// Asks the line to drain and end; does not wait.
    pub fn request_stop(&self) {
        // Not an order among others: a ring full of them must not hold it up.
        self.shared.stop();
    }

    /// Makes a quiescent reset, with room for payloads of `required_bytes` if given, and waits for it at
    /// most `bound`. Memory that will be missing is touched here, before the line is asked to pause.
    pub fn reset(
        &self,
        required_bytes: Option<usize>,
        bound: Duration,
    ) -> Result<ResetReport, Error> {
        if let Some(bytes) = required_bytes {
            let slot = self.shared.capture.slot_bytes.get() as usize;
            if bytes > slot {
                let grown = (slot as f64 * self.shared.config.reset.growth) as usize;
                let slots = self.shared.capture.slots.get() as usize;
                self.shared.pools[0].prefault(bytes.max(grown), slots)?;
            }
        }
        self.ask(bound, "reset", |reply| Command::Reset(required_bytes, reply))
    }

    /// Sets a feature of the source by its GenICam name and waits at most `bound`.
    pub fn set_feature(&self, name: &str, value: &str, bound: Duration) -> Result<(), Error> {
        self.ask(bound, "set_feature", |reply| {
            Command::SetFeature(name.to_owned(), value.to_owned(), reply)
        })
    }

    /// Fires the software trigger and waits at most `bound` for the source to take it.
    pub fn software_trigger(&self, bound: Duration) -> Result<(), Error> {
        self.ask(bound, "software_trigger", Command::Trigger)
    }

    fn ask<T>(
        &self,
        bound: Duration,
        what: &str,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, Error> {
        let reply = Reply::new();
        self.orders.give(command(reply.clone()), &self.shared)?;
        let until = after(bound);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if let Some(answer) = reply.wait(left.min(MAX_PARK)) {
                return answer;
            }
            if self.state() == LineState::Ended {
                // It may have answered on its way out.
                return reply.wait(Duration::ZERO).unwrap_or_else(|| {
                    Err(Error::new(ErrorKind::State, format!("{what}: the line has ended")))
                });
            }
            if left.is_zero() {
                // From here on it is not begun any more; what is under way is finished.
                return reply.give_up().unwrap_or_else(|| {
                    let who = describe(&self.shared, 0);
                    Err(Error::new(
                        ErrorKind::Deadline,
                        format!("{what}: no answer within {bound:?}; {who}"),
                    ))
                });
            }
        }
    }
}

impl std::fmt::Debug for LineHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LineHandle({:?})", self.state())
    }
}

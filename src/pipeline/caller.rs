//! The caller's own loop as a consumer of the line.

use super::flow::{Inputs, Next};
use super::line::Line;
use super::report::LineState;
use super::shared::Shared;
use crate::agent::ExitGuard;
use crate::buffer::Frame;
use crate::ring::Control;
use crate::sync::WakeCell;
use crate::telemetry::{LatencyWriter, Turn};
use crate::wait::{MAX_PARK, WaitStrategy, Waiter};
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::Duration;

/// The caller's own loop, before the line is shared.
pub(super) struct CallerParts {
    pub inputs: Inputs,
    pub hop_latency: Vec<LatencyWriter>,
    pub end_to_end: LatencyWriter,
    pub turn: Turn,
    pub bed: Arc<WakeCell>,
    pub thread: usize,
    pub wait: WaitStrategy,
}

/// The caller's own loop as a consumer.
pub(super) struct Caller {
    inputs: Inputs,
    hop_latency: Vec<LatencyWriter>,
    end_to_end: LatencyWriter,
    turn: Turn,
    bed: Arc<WakeCell>,
    thread: usize,
    waiter: Waiter,
    guard: Option<ExitGuard>,
    ended: bool,
    /// The thread that the bed wakes.
    sleeper: Option<ThreadId>,
}

/// What [`Line::next_frame`] found.
#[derive(Debug)]
pub enum NextFrame {
    /// A frame.
    Frame(Frame),
    /// None came in time; the line goes on.
    Nothing,
    /// The line has ended; no frame will come.
    End,
}

impl Caller {
    pub fn new(parts: CallerParts, guard: ExitGuard) -> Caller {
        Caller {
            inputs: parts.inputs,
            hop_latency: parts.hop_latency,
            end_to_end: parts.end_to_end,
            turn: parts.turn,
            bed: parts.bed,
            thread: parts.thread,
            waiter: Waiter::new(parts.wait),
            guard: Some(guard),
            ended: false,
            sleeper: None,
        }
    }

    /// The next frame for the caller.
    ///
    /// # Real-time
    /// Stage-bound: the thread that calls it first. No allocation, no lock; waits at most `bound`.
    pub fn next(&mut self, shared: &Shared, bound: Duration) -> NextFrame {
        let me = std::thread::current().id();
        let sleeper = *self.sleeper.get_or_insert_with(|| {
            self.bed.attach();
            me
        });
        if sleeper != me && self.waiter.strategy() == WaitStrategy::Park {
            // The line has moved to another thread, which nobody would wake.
            self.waiter = Waiter::new(WaitStrategy::Yield);
        }
        let until = shared.clock.now() + bound;
        loop {
            if self.ended {
                return NextFrame::End;
            }
            let now = shared.clock.now();
            self.turn.begin(now, true);
            match self.inputs.next() {
                Next::Frame { frame, pushed_at, ring, .. } => {
                    self.hop_latency[ring].record(now - pushed_at);
                    self.end_to_end.record(now - frame.meta().host_time);
                    return NextFrame::Frame(frame);
                }
                Next::Skipped => {}
                Next::Control(Control::Marker(epoch)) => {
                    shared.released.acknowledge(self.thread, epoch);
                    shared.rebuilt.acknowledge(self.thread, epoch);
                    shared.threads[0].bed.wake();
                }
                Next::Control(Control::End(_)) => self.finish(shared),
                Next::Empty if shared.aborting() || shared.state() == LineState::Ended => {
                    self.finish(shared);
                }
                Next::Empty => {
                    if now >= until {
                        return NextFrame::Nothing;
                    }
                    let left = (until - now).as_duration().min(MAX_PARK);
                    let inputs = &self.inputs;
                    self.waiter.wait(&self.bed, left, || inputs.is_ready() || shared.aborting());
                }
            }
        }
    }

    /// Leaves the line for good; frames that are still there are given up.
    pub fn leave(&mut self, shared: &Shared) {
        self.finish(shared);
        self.guard = None;
    }

    /// Gives up what was pushed while it left.
    pub fn abandon(&mut self) {
        self.inputs.abandon();
    }

    fn finish(&mut self, shared: &Shared) {
        self.ended = true;
        self.inputs.abandon();
        shared.released.leave(self.thread);
        shared.rebuilt.leave(self.thread);
        shared.threads[0].bed.wake();
    }
}

/// Frames in the caller's own loop. Ends with the line.
#[derive(Debug)]
pub struct Frames<'a> {
    pub(super) line: &'a mut Line,
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    /// Waits for the next frame. Bounded by the line's life: every wait ends when the line does.
    fn next(&mut self) -> Option<Frame> {
        loop {
            match self.line.next_frame(MAX_PARK) {
                NextFrame::Frame(frame) => return Some(frame),
                NextFrame::Nothing => {}
                NextFrame::End => return None,
            }
        }
    }
}

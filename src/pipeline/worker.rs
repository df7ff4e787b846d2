//! A stage thread: takes frames in turn, runs its stages, hands on, and takes part in resets.

use super::flow::{Aborted, Inputs, Next, Out, Sender};
use super::memory::InputShare;
use super::shared::{Event, Reporter, Shared, WorkerCounts, activity};
use crate::agent::Placement;
use crate::buffer::{Fate, Foresight, Frame, Pool, Rebuild};
use crate::clock::HostTime;
use crate::ring::Control;
use crate::stage::{Flow, Flush, LossWords, OutputSpec, Stage, StageContext, StageError};
use crate::sync::{Ordering, WakeCell};
use crate::telemetry::{LatencyWriter, Turn};
use crate::wait::{MAX_PARK, Waiter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How long an aborted stage waits for those before it: longer than any turn that does not hang.
const ABORT_LINGER: Duration = Duration::from_millis(500);

/// One stage on this thread.
pub(super) struct Step {
    pub stage: Box<dyn Stage>,
    pub index: usize,
    pub must_have: bool,
    pub counts: Arc<WorkerCounts>,
    pub service: LatencyWriter,
    pub input: InputShare,
    pub output: Option<Pool>,
    pub outs: Vec<Out>,
    /// Steps on this thread that follow it.
    pub fused: Vec<usize>,
}

/// Everything that a stage thread owns.
pub(super) struct Worker {
    pub shared: Arc<Shared>,
    /// Its place among the threads.
    pub thread: usize,
    pub number: usize,
    pub placement: Placement,
    pub inputs: Inputs,
    pub hop_latency: Vec<LatencyWriter>,
    pub steps: Vec<Step>,
    pub end_to_end: LatencyWriter,
    pub waiter: Waiter,
    pub bed: Arc<WakeCell>,
    pub capture_bed: Arc<WakeCell>,
    pub turn: Turn,
    pub reporter: Reporter,
}

impl Worker {
    /// The thread's whole life.
    pub fn run(mut self) {
        self.bed.attach();
        let shared = self.shared.clone();
        let cells = &shared.threads[self.thread];
        cells.tid.set(u64::from(crate::sys::thread_id()));
        for refusal in self.placement.apply() {
            self.reporter.tell(Event::Refused(refusal));
        }
        crate::alloc::mark_hot(true);
        let mut paused = false;
        let mut foresight = Foresight::new();
        let aborted = loop {
            if shared.aborting() {
                self.inputs.abandon();
                break true;
            }
            if self.inputs.is_ready() {
                foresight.fetch();
            }
            let next = match self.inputs.next() {
                Next::Frame { frame, pushed_at, lost, ring } => {
                    // Read after the ring: a hop's time is what it took until the frame was out.
                    let mut at = self.begin_turn(&shared, &mut paused);
                    foresight.learn(&frame);
                    let loss = LossWords::new(frame.meta().lost_before, lost);
                    let begun = at;
                    self.step(&shared, 0, frame, &mut at, loss);
                    // The stage first, the books afterwards.
                    self.hop_latency[ring].record(begun - pushed_at);
                    continue;
                }
                other => other,
            };
            self.begin_turn(&shared, &mut paused);
            match next {
                Next::Frame { .. } => {}
                Next::Skipped => self.pass_turns(0, 0),
                Next::Control(control) => {
                    crate::alloc::mark_hot(false);
                    let ended = self.take_control(control);
                    crate::alloc::mark_hot(true);
                    if ended {
                        break false;
                    }
                    paused = true;
                }
                Next::Empty => {
                    self.rebuild_if_asked();
                    self.steps.iter_mut().flat_map(|s| &mut s.outs).for_each(Out::settle);
                    let (inputs, thread) = (&self.inputs, self.thread);
                    self.waiter.wait(&self.bed, MAX_PARK, || {
                        inputs.is_ready()
                            || shared.aborting()
                            || shared.rebuild_epoch.load(Ordering::Relaxed)
                                > shared.rebuilt.of(thread)
                    });
                    paused = true;
                }
            }
        };
        crate::alloc::mark_hot(false);
        for step in &mut self.steps {
            // The end of an aborted run, too, is worth a flush: files are closed.
            let _ = catch_unwind(AssertUnwindSafe(|| step.stage.flush(Flush::End)));
            step.output.as_mut().map(Pool::collect);
            step.outs.clear();
        }
        shared.released.leave(self.thread);
        shared.rebuilt.leave(self.thread);
        self.capture_bed.wake();
        if aborted {
            // Whoever pushes to us may not have noticed yet; its frames, too, are given up and counted.
            self.inputs.abandon_to_the_end(ABORT_LINGER);
        }
    }

    /// A turn begins now.
    #[inline(always)]
    fn begin_turn(&mut self, shared: &Shared, paused: &mut bool) -> HostTime {
        let now = shared.clock.now();
        self.turn.begin(now, std::mem::take(paused));
        now
    }

    /// Runs step `i` and what follows it on this thread. `at` is the clock's last reading.
    ///
    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call beyond waking a sleeping consumer.
    fn step(
        &mut self,
        shared: &Shared,
        i: usize,
        mut frame: Frame,
        at: &mut HostTime,
        loss: LossWords,
    ) {
        let cells = &shared.threads[self.thread];
        let begun = *at;
        let step = &mut self.steps[i];
        cells.enter(activity::stage(step.index), begun);
        let mut cx =
            StageContext { now: begun, loss, worker: self.number, output: step.output.as_mut() };
        let stage = &mut step.stage;
        // A stage that panics costs its frame and nothing else; what it left half done in itself is its
        // own to mend. The frame stays ours, so that its fate can be told before it goes home.
        let outcome = catch_unwind(AssertUnwindSafe(|| stage.process(&mut frame, &mut cx)));
        *at = shared.clock.now();
        cells.leave();
        step.service.record(*at - begun);
        step.counts.frames.bump();
        match outcome {
            Ok(Ok(Flow::Pass)) => self.hand_on(shared, i, frame, at, loss),
            Ok(Ok(Flow::Replace(other))) => {
                drop(frame);
                if let Some(pool) = &step.output {
                    pool.note_filled();
                }
                self.hand_on(shared, i, other, at, loss);
            }
            Ok(Ok(Flow::Done)) => {
                self.end_to_end.record(*at - frame.meta().host_time);
                // What was lost before it is still worth telling.
                self.pass_turns(i, loss.open().total());
            }
            Ok(Err(error)) => self.failed(i, frame, Some(error), *at, loss),
            Err(_panic) => self.failed(i, frame, None, *at, loss),
        }
    }

    #[inline]
    fn hand_on(
        &mut self,
        shared: &Shared,
        i: usize,
        frame: Frame,
        at: &mut HostTime,
        loss: LossWords,
    ) {
        let step = &mut self.steps[i];
        let fused = step.fused.len();
        let outs = step.outs.len();
        if outs + fused == 0 {
            self.end_to_end.record(*at - frame.meta().host_time);
            return;
        }
        let mut by = Sender { shared, bed: &self.bed, waiter: &mut self.waiter };
        for (k, out) in step.outs.iter_mut().enumerate() {
            if k + 1 == outs && fused == 0 {
                out.send(frame, loss.hop(), *at, &mut by); // The last taker needs no further handle.
                return;
            }
            out.send(frame.another(), loss.hop(), *at, &mut by);
        }
        for k in 0..fused {
            let next = self.steps[i].fused[k];
            if k + 1 == fused {
                self.step(shared, next, frame, at, loss);
                return;
            }
            self.step(shared, next, frame.another(), at, loss);
        }
    }

    /// Nothing comes from step `i` for this turn; `missing` frames should have.
    fn pass_turns(&mut self, i: usize, missing: u32) {
        for out in &mut self.steps[i].outs {
            if missing > 0 {
                out.note_missing(missing);
            }
            out.pass_turn();
        }
        for k in 0..self.steps[i].fused.len() {
            let next = self.steps[i].fused[k];
            self.pass_turns(next, missing);
        }
    }

    #[cold]
    fn failed(
        &mut self,
        i: usize,
        frame: Frame,
        error: Option<StageError>,
        at: HostTime,
        loss: LossWords,
    ) {
        let step = &mut self.steps[i];
        let (stage, frame_id) = (step.index, frame.id());
        step.counts.failed.bump();
        if step.must_have {
            frame.worsen(Fate::Invalid);
        }
        self.reporter.tell(match error {
            Some(error) => Event::StageFailed { stage, frame_id, error, at },
            None => {
                step.counts.panicked.bump();
                Event::StagePanicked { stage, frame_id, at }
            }
        });
        let missing = loss.open().total().saturating_add(1);
        self.pass_turns(i, missing);
    }

    /// A control has come through every ring. Returns whether it was the end.
    fn take_control(&mut self, control: Control) -> bool {
        let shared = self.shared.clone();
        let flush = match control {
            Control::Marker(epoch) => Flush::Reset { epoch },
            Control::End(_) => Flush::End,
        };
        // The end flushes when the thread leaves its loop, as an abort does.
        for step in self.steps.iter_mut().filter(|_| flush != Flush::End) {
            shared.threads[self.thread].enter(activity::stage(step.index), shared.clock.now());
            let _ = catch_unwind(AssertUnwindSafe(|| step.stage.flush(flush)));
            shared.threads[self.thread].leave();
        }
        // Longer than any reset's deadline: who gives up first is the reset, which names us. The end waits for as
        // long as the line's own patience lasts; then an abort ends it.
        let until = match control {
            Control::Marker(_) => {
                shared.clock.now() + shared.config.reset.deadline.saturating_mul(4)
            }
            Control::End(_) => HostTime(u64::MAX),
        };
        let mut by = Sender { shared: &shared, bed: &self.bed, waiter: &mut self.waiter };
        for step in &mut self.steps {
            for out in &mut step.outs {
                if out.put_control(control, until, &mut by) == Err(Aborted) && !shared.aborting() {
                    self.reporter.tell(Event::Note(
                        "a stage could not pass the marker on: what follows it is stuck".into(),
                        shared.clock.now(),
                    ));
                }
            }
        }
        if let Control::Marker(epoch) = control {
            if self.steps.iter().all(|s| s.output.is_none()) {
                shared.rebuilt.acknowledge(self.thread, epoch);
            }
            shared.released.acknowledge(self.thread, epoch);
            self.capture_bed.wake();
        }
        matches!(control, Control::End(_))
    }

    /// Everything downstream has let go: the pools of this thread's stages follow the new payload.
    #[inline]
    fn rebuild_if_asked(&mut self) {
        let epoch = self.shared.rebuild_epoch.load(Ordering::Acquire); // PAIR: rebuild
        if epoch > self.shared.rebuilt.of(self.thread) {
            self.rebuild(epoch);
        }
    }

    #[cold]
    fn rebuild(&mut self, epoch: u64) {
        crate::alloc::mark_hot(false);
        let shared = self.shared.clone();
        let input = shared.rebuild_bytes.get() as usize;
        let until = shared.clock.now() + shared.config.reset.deadline;
        for step in &mut self.steps {
            let (stage, input) = (&step.stage, step.input.of(input));
            // A stage that panics here keeps the pool that it has.
            let spec = catch_unwind(AssertUnwindSafe(|| stage.output(input))).unwrap_or_else(|_| {
                let name = &shared.stages[step.index].name;
                self.reporter.tell(Event::Note(
                    format!("stage {name} panicked when it was asked for the size of its images; its pool stays as it is"),
                    shared.clock.now(),
                ));
                None
            });
            let (Some(pool), Some(OutputSpec { payload_bytes, .. })) = (step.output.as_mut(), spec)
            else {
                continue;
            };
            while !pool.census().all_home() && shared.clock.now() < until && !shared.aborting() {
                pool.wait_for_home(&mut self.waiter, Duration::from_millis(20));
            }
            let growth = shared.config.reset.growth;
            if let Err(e) = pool.rebuild(Rebuild { required_bytes: payload_bytes, growth }) {
                self.reporter
                    .tell(Event::Failure(format!("stage {}: {e}", shared.stages[step.index].name)));
            }
        }
        shared.rebuilt.acknowledge(self.thread, epoch);
        self.capture_bed.wake();
        crate::alloc::mark_hot(true);
    }
}

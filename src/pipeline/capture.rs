//! The capture thread: owns the source and the pool, grabs, checks, hands on, and obeys orders.

use super::accept::{Acceptance, Verdict};
use super::command::Command;
use super::flow::{Out, Sender};
use super::ladder::Ladder;
use super::report::ResetReport;
use super::shared::{Anomaly, Event, Reporter, Shared, ThreadCells, activity};
use crate::agent::Placement;
use crate::buffer::{FrameMut, Place, Pool};
use crate::clock::{HostTime, Nanos};
use crate::fault::CodeTable;
use crate::format::Geometry;
use crate::meta::FrameStatus;
use crate::source::{Fill, Grab, Source};
use crate::sync::{WakeCell, rtrb};
use crate::telemetry::{LatencyWriter, Turn};
use crate::wait::{MAX_PARK, Waiter};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// A lent buffer that came home is given back so soon at the latest, if frames come at all.
const FETCH_WITHIN: Nanos = Nanos(50_000);

/// Everything that the capture thread owns.
pub(super) struct Capture {
    pub shared: Arc<Shared>,
    pub source: Box<dyn Source>,
    pub fill: Fill,
    pub pool: Pool,
    pub outs: Vec<Out>,
    /// A consumer has the policy `every`: a frame is only fetched when all have room.
    pub waits: bool,
    pub table: CodeTable,
    pub acceptance: Acceptance,
    pub ladder: Ladder,
    pub commands: rtrb::Consumer<Command>,
    pub reporter: Reporter,
    pub bed: Arc<WakeCell>,
    pub waiter: Waiter,
    pub turn: Turn,
    pub interval: LatencyWriter,
    pub jitter: LatencyWriter,
    pub placement: Placement,
    pub epoch: u64,
    pub sequence: u64,
    pub geometry: Geometry,
    /// Slots in this thread's hands: taken and not filled, or lent ones given back.
    pub hand: Vec<FrameMut>,
    /// Announce: slots that are queued with the source. Lend: buffers of the source that are lent.
    pub with_source: usize,
    /// Lend: the source has no more buffers than these; 0: it does not say.
    pub lends_at_most: usize,
    /// Lend: when buffers that came home were last fetched.
    pub fetched: HostTime,
    /// Since when no slot is free, and whether that has been said.
    pub starving: Option<(HostTime, bool)>,
    /// Frames fetched while the source was stopped, behind one that began a new epoch; they go on first.
    pub backlog: VecDeque<(FrameMut, u64)>,
    pub last_grab: Option<HostTime>,
    pub last_interval: Option<Nanos>,
    pub dead: Dead,
    pub last_reset: Option<ResetReport>,
    /// Why the last reset left the slots as they were, if it was asked to change them and could not.
    pub refused_reset: Option<String>,
    pub running: bool,
    /// Bytes that a start within a reset wanted for a slot, when the reset's slots were too small for it.
    pub outgrown: Option<usize>,
    /// A reset is under way, or the end: no other reset begins within it.
    pub resetting: bool,
    pub autostart: bool,
    pub until: Option<HostTime>,
}

/// The reset and the reconnection whose first frame is awaited, each since the last frame before it. A camera that came
/// back with other frames makes both wait for the same one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dead {
    /// The epoch that it began.
    pub reset: Option<(u64, HostTime)>,
    pub reconnect: Option<HostTime>,
}

/// What follows a turn of the capture loop.
#[derive(Debug)]
pub(super) enum Turned {
    /// The next turn.
    On,
    /// The run is over, as it should be.
    End,
    /// The run is over, for this reason.
    Fail(String),
}

impl Capture {
    pub(super) fn cells(&self) -> &ThreadCells {
        &self.shared.threads[0]
    }

    /// The thread's whole life.
    pub fn run(mut self) {
        self.bed.attach();
        let shared = self.shared.clone();
        self.cells().tid.set(u64::from(crate::sys::thread_id()));
        for refusal in self.placement.apply() {
            self.reporter.tell(Event::Refused(refusal));
        }
        let mut outcome = if self.autostart { self.start() } else { Turned::On };
        crate::alloc::mark_hot(true);
        let mut paused = true;
        // An order was carried out and no turn followed yet. Whoever gives orders without end must not keep frames
        // from being fetched: the SDK's queue would run over, and nobody would have seen that no slot was free.
        let mut owed = false;
        while matches!(outcome, Turned::On) {
            let now = shared.clock.now();
            self.turn.begin(now, std::mem::take(&mut paused));
            if shared.aborting() || self.until.is_some_and(|u| now >= u) {
                break;
            }
            let room = self.has_room();
            if room && let Some((frame, reported_bytes)) = self.backlog.pop_front() {
                outcome = self.filled(frame, reported_bytes);
                continue;
            }
            let turn_first = std::mem::take(&mut owed) && !shared.stopping();
            if !turn_first && let Ok(command) = self.commands.pop() {
                outcome = self.cold(|c| c.obey(command));
                (paused, owed) = (true, true);
                continue;
            }
            // Orders given before the stop come first; there is an end to them.
            if shared.stopping() {
                break;
            }
            if !self.running {
                let commands = &self.commands;
                self.waiter.wait(&self.bed, MAX_PARK, || {
                    !commands.is_empty() || shared.aborting() || shared.stopping()
                });
                paused = true;
                continue;
            }
            if !room {
                self.wait_for_room(MAX_PARK);
                continue;
            }
            // Only what ends the run is moved: `outcome` as a whole is three words through memory.
            match self.turn(now) {
                Turned::On => {}
                end => outcome = end,
            }
        }
        crate::alloc::mark_hot(false);
        if let Turned::Fail(reason) = outcome {
            // At once, not by the monitor: whoever sees that the line has ended must see why.
            shared.cold().failure.get_or_insert(reason.clone());
            self.reporter.tell_surely(Event::Failure(reason));
        }
        self.finish();
    }

    /// Runs something that is not steady state: allocation there does not count.
    pub(super) fn cold<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        crate::alloc::mark_hot(false);
        let r = f(self);
        crate::alloc::mark_hot(true);
        r
    }

    /// One grab, or one wait for what a grab needs.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock, no log; no system call beyond the source's own and the
    /// wait that the strategy asks for.
    #[inline]
    fn turn(&mut self, now: HostTime) -> Turned {
        let mut timeout = self.shared.config.capture.timeout;
        if let Some(until) = self.until {
            timeout = timeout.min((until - now).as_duration());
        }
        if self.ladder.doubt.asks() {
            match self.cold(Self::doubtful) {
                Turned::On => {}
                end => return end,
            }
        }
        match self.fill {
            Fill::Copy => {
                let Some(mut frame) = self.hand.pop().or_else(|| self.pool.take()) else {
                    return self.starve();
                };
                self.starving = None;
                self.cells().enter(activity::GRAB, now);
                let grab = self.source.grab_into(&mut frame, timeout);
                self.cells().leave();
                self.grabbed(Some(frame), grab)
            }
            Fill::Lend => {
                if self.fetches_lent(now) {
                    self.pool.collect();
                    self.give_back(); // Also what another look had collected meanwhile.
                    self.fetched = now;
                }
                if self.lends_at_most > 0 && self.with_source >= self.lends_at_most {
                    return self.starve();
                }
                let Some(mut frame) = self.empty_handle() else { return self.starve() };
                self.starving = None;
                self.cells().enter(activity::GRAB, now);
                let grab = self.source.grab_lent(&mut frame, timeout);
                self.cells().leave();
                self.grabbed(Some(frame), grab)
            }
            Fill::Announce => {
                self.pool.collect();
                self.queue_free();
                if self.with_source == 0 {
                    return self.starve();
                }
                self.starving = None;
                self.cells().enter(activity::GRAB, now);
                let (frame, grab) = self.source.grab_queued(timeout);
                self.cells().leave();
                self.with_source -= usize::from(frame.is_some());
                self.grabbed(frame, grab)
            }
        }
    }

    /// Lend: whether lent buffers that came home are fetched now. Each fetch takes the line that droppers write to; at
    /// rates beyond any camera's that is half of a frame's cost. So while the source is known to have half of its
    /// buffers, a fetch serves for [`FETCH_WITHIN`].
    #[inline]
    fn fetches_lent(&self, now: HostTime) -> bool {
        2 * self.with_source >= self.lends_at_most
            || self.hand.is_empty()
            || now - self.fetched >= FETCH_WITHIN
    }

    /// Whether every consumer that must get every frame has room for the next one.
    #[inline]
    pub(super) fn has_room(&mut self) -> bool {
        !self.waits || self.outs.iter_mut().all(Out::has_room)
    }

    /// Waits for that *before* a frame is fetched, where orders, a stop and deadlines are still seen.
    pub(super) fn wait_for_room(&mut self, bound: Duration) {
        let now = self.shared.clock.now();
        let left = self.until.map_or(bound, |until| bound.min((until - now).as_duration()));
        let (outs, commands, shared) = (&self.outs, &self.commands, &self.shared);
        self.waiter.wait(&self.bed, left, || {
            outs.iter().all(Out::may_have_room)
                || !commands.is_empty()
                || shared.aborting()
                || shared.stopping()
        });
    }

    #[inline]
    fn grabbed(&mut self, frame: Option<FrameMut>, grab: Grab) -> Turned {
        match (grab, frame) {
            (Grab::Filled { reported_bytes }, Some(frame)) => self.filled(frame, reported_bytes),
            (grab, frame) => {
                self.hand.extend(frame);
                match grab {
                    Grab::Fault(fault) => self.cold(|c| c.climb(fault)),
                    // In the announce way a time-out comes without a frame; a frame without a report
                    // cannot come.
                    Grab::Filled { .. } => Turned::On,
                    Grab::End => Turned::End,
                }
            }
        }
    }

    /// A frame has come.
    #[inline]
    pub(super) fn filled(&mut self, mut frame: FrameMut, reported_bytes: u64) -> Turned {
        let now = self.shared.clock.now();
        if self.ladder.in_trouble() {
            self.cold(|c| c.recovered(now));
        }
        if frame.token() != 0 {
            self.with_source += 1; // Lent.
        }
        if let Err(overrun) = self.pool.check_canary(&frame) {
            return self.cold(|c| c.overrun(frame, overrun.at_least_bytes, now));
        }
        let (source, known) = (&self.source, self.acceptance.underruns());
        let verdict =
            self.acceptance.judge(&mut frame, reported_bytes, &self.shared.capture, || {
                source.counts().underrun
            });
        self.ladder.doubt.frame(frame.meta().status == FrameStatus::Complete);
        if verdict != Verdict::Accept {
            frame.set_place(Place::Filling);
            self.hand.push(frame);
            self.settle_hand();
            return self.limits();
        }
        let geometry = frame.meta().geometry();
        if geometry != self.geometry
            && !self.resetting
            && let Turned::Fail(reason) = self.cold(|c| c.format_changed(geometry, now))
        {
            return Turned::Fail(reason);
        }
        let meta = frame.meta_mut();
        meta.host_time = now;
        meta.epoch = self.epoch as u32; // Counts round after 4 billion resets.
        meta.sequence = self.sequence;
        self.sequence += 1;
        self.hand_on(frame, now);
        // The frame first, the books afterwards.
        self.acceptance.note_underruns(self.source.counts().underrun);
        if self.acceptance.underruns() > known && self.ladder.lowers_rate() && !self.resetting {
            self.cold(Self::shed);
        }
        self.pool.note_filled();
        self.time(now);
        self.limits()
    }

    #[inline]
    fn limits(&self) -> Turned {
        match self.shared.config.capture.frames {
            Some(n) if self.shared.capture.grabbed.get() >= n => Turned::End,
            _ => Turned::On,
        }
    }

    /// Interval, jitter, and the dead time that this frame ends.
    #[inline]
    fn time(&mut self, now: HostTime) {
        if self.dead.reset.is_some() || self.dead.reconnect.is_some() {
            let Dead { reset, reconnect } = std::mem::take(&mut self.dead);
            if let Some((epoch, since)) = reset {
                self.reporter.tell_surely(Event::ResetDead { epoch, dead: now - since });
            }
            if let Some(since) = reconnect {
                self.reporter.tell_surely(Event::ReconnectDead { dead: now - since });
            }
            self.last_interval = None;
        } else if let Some(last) = self.last_grab {
            let interval = now - last;
            self.interval.record(interval);
            if let Some(before) = self.last_interval {
                self.jitter.record(Nanos(interval.0.abs_diff(before.0)));
            }
            self.last_interval = Some(interval);
        }
        self.last_grab = Some(now);
    }

    #[inline]
    fn hand_on(&mut self, frame: FrameMut, now: HostTime) {
        let frame = frame.filled();
        let mut by = Sender { shared: &self.shared, bed: &self.bed, waiter: &mut self.waiter };
        let last = self.outs.len() - 1;
        for out in &mut self.outs[..last] {
            out.send(frame.another(), 0, now, &mut by);
        }
        self.outs[last].send(frame, 0, now, &mut by);
    }

    /// Something wrote past the end of a slot: the frame is not believed, the slot not used again.
    fn overrun(&mut self, frame: FrameMut, at_least_bytes: u64, at: HostTime) -> Turned {
        let counts = &self.shared.capture;
        counts.anomaly(Anomaly::CanaryOverrun);
        counts.grabbed.bump();
        counts.invalid.bump();
        self.acceptance.skip(frame.meta().frame_id, &self.shared.capture);
        self.reporter.tell_surely(Event::Overrun { slot: frame.slot_index(), at_least_bytes, at });
        self.pool.retire(frame);
        if self.resetting {
            return Turned::On;
        }
        // A reset puts a spare slot in its place.
        self.reset("overrun", None, false)
    }
}

//! The quiescent reset on the capture thread: the only place where memory is reallocated.

use super::capture::{Capture, Turned};
use super::config::LatePolicy;
use super::flow::{Out, Sender};
use super::report::{LineState, ResetReport};
use super::shared::{Event, activity};
use crate::buffer::{Rebuild, RebuildReport};
use crate::clock::{HostTime, Nanos};
use crate::fault::FaultClass;
use crate::format::Geometry;
use crate::ring::Control;
use crate::source::{Fill, Grab};
use crate::sync::Ordering;
use crate::wait::MAX_PARK;
use std::time::Duration;

/// Frames that are fetched at most after the device was stopped: more than any SDK queues.
const MAX_DRAIN_FRAMES: usize = 4096;

/// Why a reset is made that the user asked for.
pub(super) const ASKED_FOR: &str = "asked for";

/// What becomes of frames that the source has finished when it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// They are fetched and handed on.
    HandOn,
    /// They are fetched and kept for later.
    Keep,
    /// They are left: nobody wants them any more.
    Leave,
}

impl Capture {
    /// A frame of another geometry came, and fits: the epoch changes, no memory moves. The frame stays in
    /// this thread's hands meanwhile and is the first of the new epoch.
    pub(super) fn format_changed(&mut self, geometry: Geometry, at: HostTime) -> Turned {
        self.reporter.tell_surely(Event::FormatChange {
            width: geometry.width,
            height: geometry.height,
            at,
        });
        self.geometry = geometry;
        self.reset("format change", None, true)
    }

    /// Makes a quiescent reset. `needed`: bytes that a slot must hold from now on. `in_hand`: a frame that
    /// was just filled is kept by the caller.
    pub(super) fn reset(
        &mut self,
        reason: &'static str,
        needed: Option<usize>,
        in_hand: bool,
    ) -> Turned {
        self.reset_with(reason, needed, in_hand, |_| {})
    }

    /// The same, with something to be done while the source is stopped.
    pub(super) fn reset_with(
        &mut self,
        reason: &'static str,
        needed: Option<usize>,
        in_hand: bool,
        meanwhile: impl FnOnce(&mut Self),
    ) -> Turned {
        let shared = self.shared.clone();
        let at = shared.clock.now();
        let since = self.last_grab.unwrap_or(at);
        let until = at + shared.config.reset.deadline;
        let faults_before = self.own_faults();
        let state_before = shared.state();
        shared.set_state(LineState::Resetting);
        self.resetting = true;
        let was_running = self.running;
        let epoch = self.epoch + 1;
        let slot_bytes_before = self.pool.slot_bytes() as u64;

        // Drain: the source, then the rings, then the stages.
        // A frame that did not fit waits in the source until a slot is large enough: there its host side is
        // stopped only then. It holds none of our memory meanwhile.
        let fits_later = was_running
            && self.fill == Fill::Copy
            && needed.is_some_and(|bytes| bytes > self.pool.slot_bytes());
        if was_running {
            // What waits in the source is of this epoch and goes first; behind a frame in hand it is of
            // the next one and waits with it.
            self.stop_device(if in_hand { Rest::Keep } else { Rest::HandOn }, until);
            if !fits_later {
                self.stop_host();
            }
        }
        let mut late = self.drain(epoch, until);
        let drained = shared.clock.now();

        // Prove: every slot is home.
        let still_out = self.prove(until, in_hand);
        late.extend(still_out.iter().cloned());
        let proved = shared.clock.now();
        let fatal = !late.is_empty() && shared.config.reset.late == LatePolicy::Fail;

        // Rebuild: memory, ours and the stages'.
        meanwhile(self);
        let mut failure = fatal.then(|| {
            format!("the reset ({reason}) did not finish within its deadline: {}; raise reset.deadline, or let stages release frames sooner", late.join("; "))
        });
        let (mut made, mut refused) = (RebuildReport::default(), None);
        if failure.is_none() {
            let required = needed.unwrap_or(0).max(self.source.payload_bytes());
            match self.rebuild(required, in_hand, epoch, until) {
                Ok(report) => made = report,
                // A wish that cannot be granted costs the wish: the old slots serve on.
                Err(e) if reason == ASKED_FOR && self.pool.is_workable() => refused = Some(e),
                Err(e) => failure = Some(e),
            }
        }
        let rebuilt = shared.clock.now();

        // Restart.
        if fits_later {
            if failure.is_none() {
                self.fetch_rest(Rest::Keep, rebuilt + shared.config.reset.deadline);
            }
            self.stop_host();
        }
        self.epoch = epoch;
        self.ladder.doubt.forget(); // Of the stream before.
        if !in_hand {
            self.geometry = self.source.geometry();
        }
        if was_running
            && failure.is_none()
            && let Turned::Fail(f) = self.start()
        {
            failure = Some(f);
        }
        if !was_running && failure.is_none() {
            shared.set_state(state_before);
        }
        let restarted = shared.clock.now();
        self.count_own_faults(faults_before);
        self.dead.reset = Some((epoch, since));
        let report = ResetReport {
            reason,
            at,
            drain: drained - at,
            prove: proved - drained,
            rebuild: rebuilt - proved,
            restart: restarted - rebuilt,
            dead: Nanos(0),
            slot_bytes_before,
            slot_bytes_after: self.pool.slot_bytes() as u64,
            touched_bytes: made.touched_bytes as u64,
            touch: made.touch,
            epoch,
            late,
            ok: failure.is_none() && refused.is_none(),
        };
        self.refused_reset = refused;
        self.resetting = false;
        self.last_reset = Some(report.clone());
        self.reporter.tell_surely(Event::Reset(Box::new(report)));
        shared.capture.slots.set(self.pool.slots() as u64);
        shared.capture.slot_bytes.set(self.pool.slot_bytes() as u64);
        match (failure, self.outgrown.take()) {
            // The restart found the new slots too small, too: once more, and from a start that makes room itself.
            (Some(_), Some(needed)) => match self.reset_for_start(needed) {
                Turned::On => self.start(),
                end => end,
            },
            (Some(f), None) => Turned::Fail(f),
            (None, _) => Turned::On,
        }
    }

    /// Device first, then what the host still has, then the host side (cameleon#156).
    pub(super) fn stop_source(&mut self, rest: Rest, until: HostTime) {
        self.stop_device(rest, until);
        self.stop_host();
    }

    fn stop_device(&mut self, rest: Rest, until: HostTime) {
        if let Err(fault) = self.call(activity::STOP, |c| c.source.stop_device()) {
            self.count_fault(fault, "stop");
        }
        if rest != Rest::Leave {
            self.fetch_rest(rest, until);
        }
    }

    fn stop_host(&mut self) {
        // Whatever it answers, it is stopped: the source sees to that.
        if let Err(fault) = self.call(activity::STOP, |c| c.source.stop_host()) {
            self.count_fault(fault, "stop");
        }
        self.running = false;
        self.revoke();
        self.count_unanswered();
    }

    /// Takes every announced slot back from the source.
    pub(super) fn revoke(&mut self) {
        if self.fill == Fill::Announce {
            let hand = &mut self.hand;
            self.source.revoke(&mut |frame| hand.push(frame));
            self.with_source = 0;
        }
    }

    /// Grabs what was finished before the device stopped, without waiting for more, until `until`.
    fn fetch_rest(&mut self, rest: Rest, until: HostTime) {
        let mut fetched = 0;
        while fetched < MAX_DRAIN_FRAMES {
            let now = self.shared.clock.now();
            if now >= until {
                return; // What is left shows as a gap in frame ids.
            }
            if self.shared.aborting() || self.frames_reached() {
                return;
            }
            if rest == Rest::Keep && self.backlog.len() + 1 >= self.pool.slots() {
                return; // Kept frames do not come home before the end of the reset.
            }
            if rest == Rest::HandOn && !self.has_room() {
                let (outs, shared) = (&self.outs, &self.shared);
                self.waiter.wait(&self.bed, (until - now).as_duration().min(MAX_PARK), || {
                    outs.iter().all(Out::may_have_room) || shared.aborting()
                });
                continue;
            }
            fetched += 1;
            if self.fill == Fill::Announce {
                self.pool.collect();
                self.queue_free();
            }
            let (frame, grab) = match self.fill {
                Fill::Announce => {
                    let (frame, grab) = self.source.grab_queued(Duration::ZERO);
                    self.with_source -= usize::from(frame.is_some());
                    (frame, grab)
                }
                _ => {
                    if self.fill == Fill::Lend {
                        self.pool.collect();
                        self.give_back();
                    }
                    let Some(mut frame) = self.empty_handle() else {
                        // Stages are still busy with earlier frames and will let go.
                        self.acceptance.starved();
                        self.pool.wait_for_home(&mut self.waiter, Duration::from_millis(10));
                        fetched -= 1;
                        continue;
                    };
                    let grab = match self.fill {
                        Fill::Lend => self.source.grab_lent(&mut frame, Duration::ZERO),
                        _ => self.source.grab_into(&mut frame, Duration::ZERO),
                    };
                    (Some(frame), grab)
                }
            };
            match (grab, frame) {
                (Grab::Filled { reported_bytes }, Some(frame)) if rest == Rest::Keep => {
                    self.backlog.push_back((frame, reported_bytes));
                }
                (Grab::Filled { reported_bytes }, Some(frame)) => {
                    self.filled(frame, reported_bytes);
                }
                (Grab::Fault(f), frame) => {
                    self.hand.extend(frame);
                    let class = self.table.classify(f.code);
                    if class != FaultClass::DamagedFrame {
                        return;
                    }
                }
                (_, frame) => {
                    self.hand.extend(frame);
                    return;
                }
            }
        }
    }

    fn frames_reached(&self) -> bool {
        let limit = self.shared.config.capture.frames;
        limit.is_some_and(|n| self.shared.capture.grabbed.get() >= n)
    }

    /// Sends the marker behind the last frame and waits until every thread has let go. Returns who has
    /// not.
    fn drain(&mut self, epoch: u64, until: HostTime) -> Vec<String> {
        let shared = self.shared.clone();
        let mut by = Sender { shared: &shared, bed: &self.bed, waiter: &mut self.waiter };
        for out in &mut self.outs {
            let _ = out.put_control(Control::Marker(epoch), until, &mut by);
        }
        shared.released.acknowledge(0, epoch);
        while !shared.released.reached(epoch) {
            let now = shared.clock.now();
            if now >= until || shared.aborting() {
                break;
            }
            let left = (until - now).as_duration();
            self.waiter
                .wait(&self.bed, left, || shared.released.reached(epoch) || shared.aborting());
        }
        shared
            .released
            .late(epoch)
            .map(|t| {
                let cells = &shared.threads[t];
                let doing = match cells.busy.get() {
                    0 => "has not taken the marker".to_owned(),
                    a => format!(
                        "is in {} since {}",
                        shared.activities[a as usize - 1],
                        shared.clock.now() - HostTime(cells.busy_since.get())
                    ),
                };
                format!("thread {} {doing}", cells.name)
            })
            .collect()
    }

    /// Waits until the census says that every slot is home. Returns who holds what is not.
    fn prove(&mut self, until: HostTime, in_hand: bool) -> Vec<String> {
        let shared = self.shared.clone();
        self.take_everything_back();
        let mine = usize::from(in_hand) + self.backlog.len();
        loop {
            if self.pool.collect() > 0 {
                self.take_everything_back();
            }
            let census = self.pool.census();
            debug_assert!(census.is_conserved(), "rule 2 is broken: {census:?}");
            if census.free + mine >= census.announced {
                return Vec::new();
            }
            let now = shared.clock.now();
            if now >= until || shared.aborting() {
                break;
            }
            let left = (until - now).as_duration();
            self.pool.wait_for_home(&mut self.waiter, left);
        }
        self.holders(shared.clock.now())
    }

    /// Who has which frame, in sentences.
    pub(super) fn holders(&self, now: HostTime) -> Vec<String> {
        let shared = &self.shared;
        shared.pools[0]
            .held()
            .iter()
            .map(|h| {
                let names: Vec<&str> =
                    h.holders.iter().map(|(l, _)| shared.lanes[l.index()].as_str()).collect();
                format!(
                    "frame {} in slot {} is held by {} since {}",
                    h.frame_id,
                    h.slot,
                    if names.is_empty() { "nobody known".into() } else { names.join(" and ") },
                    h.age(now)
                )
            })
            .collect()
    }

    /// Makes memory for payloads of `required` bytes, in the source's pool and in the stages'.
    fn rebuild(
        &mut self,
        required: usize,
        in_hand: bool,
        epoch: u64,
        until: HostTime,
    ) -> Result<RebuildReport, String> {
        let shared = self.shared.clone();
        let mut made = RebuildReport::default();
        if !in_hand {
            let growth = shared.config.reset.growth;
            let rebuild = Rebuild { required_bytes: required, growth };
            made = self.pool.rebuild(rebuild).map_err(|e| e.to_string())?;
            for refusal in self.pool.take_refusals() {
                self.reporter.tell(Event::Refused(refusal));
            }
        }
        shared.rebuilt.acknowledge(0, epoch);
        if shared.rebuilt.reached(epoch) {
            return Ok(made); // No stage has a pool of its own.
        }
        let input = self.pool.slot_bytes().max(self.source.max_payload_bytes());
        shared.rebuild_bytes.set(input as u64);
        shared.rebuild_epoch.store(epoch, Ordering::Release); // PAIR: rebuild
        shared.threads.iter().for_each(|t| t.bed.wake());
        while !shared.rebuilt.reached(epoch) && !shared.aborting() {
            let now = shared.clock.now();
            if now >= until {
                break; // A late stage rebuilds as soon as it comes to it.
            }
            let left = (until - now).as_duration();
            self.waiter
                .wait(&self.bed, left, || shared.rebuilt.reached(epoch) || shared.aborting());
        }
        Ok(made)
    }

    /// Brings every slot in this thread's hands, or with the source, back into the pool.
    pub(super) fn take_everything_back(&mut self) {
        self.revoke();
        self.take_lent_home();
        for frame in self.hand.drain(..) {
            self.pool.put_back(frame);
        }
    }

    /// Page faults of this thread so far.
    pub(super) fn own_faults(&self) -> (u64, u64) {
        super::monitor::thread_faults(self.cells().tid.get()).unwrap_or((0, 0))
    }

    /// What a reset or a reconnection faulted in is not steady state.
    pub(super) fn count_own_faults(&self, before: (u64, u64)) {
        let now = self.own_faults();
        self.shared.capture.reset_faults_minor.add(now.0.saturating_sub(before.0));
        self.shared.capture.reset_faults_major.add(now.1.saturating_sub(before.1));
    }
}

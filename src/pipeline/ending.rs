//! The end of a run: drains to the last accepted frame, and waits until all have let go.

use super::capture::Capture;
use super::flow::Sender;
use super::quiesce::Rest;
use super::report::LineState;
use super::shared::Shared;
use crate::clock::HostTime;
use crate::ring::Control;
use std::time::Duration;

impl Capture {
    /// The end: drains to the last accepted frame, puts the end behind it, waits until all have let go.
    pub(super) fn finish(&mut self) {
        let shared = self.shared.clone();
        self.resetting = true;
        shared.released.leave(0);
        shared.rebuilt.leave(0);
        shared.set_state(LineState::Stopping);
        // As long as frames move, the drain goes on; Line::stop has the last word by aborting.
        let patience = shared.config.reset.deadline.saturating_mul(5).max(Duration::from_secs(1));
        let patient = |now: HostTime| (now + patience).max(HostTime(shared.drain_until.get()));
        while let Some((frame, reported_bytes)) = self.backlog.pop_front() {
            self.filled(frame, reported_bytes);
        }
        if self.running {
            let rest = if shared.aborting() { Rest::Leave } else { Rest::HandOn };
            self.stop_source(rest, patient(shared.clock.now()));
        }
        self.acceptance.note_underruns(self.source.counts().underrun);
        self.acceptance.finish(&self.shared.capture);
        self.take_everything_back();
        self.count_unanswered();
        shared.cold().source_counters = self.source.counters();
        let end = Control::End(self.sequence);
        let mut by = Sender { shared: &shared, bed: &self.bed, waiter: &mut self.waiter };
        for out in &mut self.outs {
            let mut moved = taken(&shared);
            let mut done = out.put_control(end, patient(shared.clock.now()), &mut by).is_ok();
            while !done && !shared.aborting() {
                let now = taken(&shared);
                if now == moved {
                    shared.abort();
                    break;
                }
                moved = now;
                done = out.settle_until(patient(shared.clock.now()), &mut by).is_ok();
            }
        }
        let mut moved = taken(&shared);
        let mut until = patient(shared.clock.now());
        let grace = Duration::from_millis(200);
        while !shared.released.reached(u64::MAX) {
            let now = shared.clock.now();
            if now >= until {
                if shared.aborting() {
                    break;
                }
                let t = taken(&shared);
                if t == moved {
                    shared.abort();
                    until = now + grace;
                    continue;
                }
                (moved, until) = (t, patient(now));
            }
            if shared.aborting() {
                until = HostTime(until.0.min((now + grace).0));
            }
            self.waiter
                .wait(&self.bed, Duration::from_millis(20), || shared.released.reached(u64::MAX));
        }
        self.pool.collect();
        shared.capture.slots.set(self.pool.slots() as u64);
        shared.ended.set(shared.clock.now().0.max(1));
        shared.set_state(LineState::Ended);
        // Orders that came too late get their answer.
        while let Ok(command) = self.commands.pop() {
            command.refuse();
        }
    }
}

/// Frames that consumers have taken so far: whether anything moves.
fn taken(shared: &Shared) -> u64 {
    shared.hops.iter().map(|h| h.counts.taken.get()).sum()
}

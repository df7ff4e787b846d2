//! Why no whole frame comes: when the source is asked what it knows, and what follows from its answer.
//!
//! A time-out is a symptom, and so is a damaged frame. After several time-outs in a row the source is asked at each
//! further one. Where damaged frames come between them, or instead of them, it is asked too (a changed packet size lets
//! one frame in many through, with holes: SDK_FACTS A7), but ever more rarely: to ask is to call the device, and a bad cable
//! may damage every frame for hours.

use super::capture::{Capture, Turned};
use super::report::DiagnosisReport;
use super::shared::{Event, activity};
use crate::clock::HostTime;
use crate::source::Diagnosis;

/// Silences after a diagnosis that says nothing, in multiples of the time-outs before it, until the
/// device is taken for lost. The same goes for frames of which none comes whole.
pub(super) const UNCLEAR_LIMIT: u32 = 5;

/// What has come since the last whole frame.
#[derive(Debug)]
pub(super) struct Doubt {
    timeouts: u32,
    damaged: u32,
    /// The source is asked once so many have come, first after `limit`.
    ask_at: u32,
    limit: u32,
}

impl Doubt {
    /// Asks after `limit` time-outs and damaged frames.
    pub fn new(limit: u32) -> Self {
        let limit = limit.max(1);
        Doubt { timeouts: 0, damaged: 0, ask_at: limit, limit }
    }

    /// A frame came, whole or with holes.
    #[inline]
    pub fn frame(&mut self, is_whole: bool) {
        if !is_whole {
            self.damaged = self.damaged.saturating_add(1);
        } else if self.timeouts != 0 || self.damaged != 0 {
            self.forget();
        }
    }

    pub fn timeout(&mut self) {
        self.timeouts = self.timeouts.saturating_add(1);
    }

    /// Whether the source is to be asked.
    #[inline]
    pub fn asks(&self) -> bool {
        self.timeouts.saturating_add(self.damaged) >= self.ask_at
    }

    /// It was asked; the next question comes after as much again as has come so far.
    fn asked(&mut self) {
        self.ask_at = self.timeouts.saturating_add(self.damaged).max(self.limit).saturating_mul(2);
    }

    /// The stream begins anew, or whole frames come again.
    pub fn forget(&mut self) {
        *self = Doubt::new(self.limit);
    }
}

impl Capture {
    /// A time-out is a symptom: after several in a row the source is asked what it knows.
    pub(super) fn timed_out(&mut self) -> Turned {
        self.shared.capture.timeouts.bump();
        self.ladder.doubt.timeout();
        let asked = self.shared.clock.now();
        let limit = self.ladder.settings.timeouts_before_diagnosis.max(1);
        let timeouts = self.ladder.one_more_timeout(asked);
        if timeouts < limit {
            return Turned::On;
        }
        let diagnosis = self.ask();
        let given_up =
            diagnosis == Diagnosis::Unclear && timeouts >= limit.saturating_mul(UNCLEAR_LIMIT);
        if self.ladder.is_news(diagnosis, asked) || given_up {
            self.tell(diagnosis, (timeouts, 0), given_up, asked);
        }
        if given_up {
            return self.reconnect("silent without a reason");
        }
        self.act_on(diagnosis, "format drift diagnosed after time-outs")
    }

    /// Damaged frames came, with time-outs or without. What the source knows is acted on; if it knows nothing,
    /// that is no reason to do anything about a stream that flows.
    #[cold]
    pub(super) fn doubtful(&mut self) -> Turned {
        let asked = self.shared.clock.now();
        let diagnosis = self.ask();
        let Doubt { timeouts, damaged, .. } = self.ladder.doubt;
        if matches!(diagnosis, Diagnosis::IdleTrigger | Diagnosis::Unclear) {
            return Turned::On;
        }
        self.tell(diagnosis, (timeouts, damaged), false, asked);
        self.act_on(diagnosis, "format drift diagnosed after damaged frames")
    }

    fn ask(&mut self) -> Diagnosis {
        self.ladder.doubt.asked();
        self.call(activity::DIAGNOSE, |c| c.source.diagnose())
    }

    fn tell(
        &mut self,
        diagnosis: Diagnosis,
        (timeouts, damaged): (u32, u32),
        given_up: bool,
        asked: HostTime,
    ) {
        let now = self.shared.clock.now();
        self.reporter.tell_surely(Event::Diagnosis(Box::new(DiagnosisReport {
            at: now,
            took: now - asked,
            timeouts,
            damaged,
            verdict: diagnosis.name(),
            evidence: self.source.evidence(),
            action: match diagnosis {
                Diagnosis::Lost => "a reconnection follows",
                Diagnosis::FormatDrift { .. } => "a quiescent reset follows",
                Diagnosis::IdleTrigger => "the source waits for a trigger; the silence is normal",
                Diagnosis::Unclear if given_up => "it is taken for lost; a reconnection follows",
                Diagnosis::Unclear => {
                    "the line waits, and takes it for lost if the silence goes on"
                }
            },
        })));
    }

    fn act_on(&mut self, diagnosis: Diagnosis, drift: &'static str) -> Turned {
        match diagnosis {
            Diagnosis::Lost => self.reconnect("diagnosed as lost after time-outs"),
            Diagnosis::FormatDrift { payload_bytes } => {
                let needed = usize::try_from(payload_bytes).unwrap_or(usize::MAX);
                let turned = self.reset_for_fault(drift, needed);
                self.ladder.forget_timeouts();
                turned
            }
            Diagnosis::IdleTrigger | Diagnosis::Unclear => Turned::On,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_stays_damaged_is_asked_about_ever_more_rarely() {
        // Catches a device that is called at every frame because its cable is bad.
        let mut doubt = Doubt::new(4);
        let mut asked = Vec::new();
        for n in 1..=1000 {
            doubt.frame(false);
            if doubt.asks() {
                asked.push(n);
                doubt.asked();
            }
        }
        assert_eq!(asked, [4, 8, 16, 32, 64, 128, 256, 512]);
        // A whole frame ends it.
        doubt.frame(true);
        (0..3).for_each(|_| doubt.timeout());
        assert!(!doubt.asks());
        doubt.frame(false);
        assert!(doubt.asks(), "time-outs and damaged frames are counted together");
        // As many as can be counted.
        let mut doubt = Doubt { timeouts: u32::MAX, damaged: u32::MAX, ask_at: 1, limit: 0 };
        doubt.timeout();
        doubt.frame(false);
        doubt.asked();
        assert!(doubt.asks());
    }
}

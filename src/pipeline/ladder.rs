//! The fault ladder: what the class of a fault makes the line do, rung by rung, each rung with its budget.
//!
//! Retry, back off, quiescent reset, reconnect, fail. A *trouble* begins with the first fault after a frame and
//! ends with the next frame; while it lasts, a rung that did not help leads to the next one.

use super::capture::{Capture, Turned};
use super::config::FaultSettings;
use super::report::Rung;
use super::shared::{Event, activity};
use super::silence::{Doubt, UNCLEAR_LIMIT};
use crate::clock::HostTime;
use crate::fault::{Fault, FaultClass, code_text};
use crate::source::Diagnosis;
use crate::words::counted;
use std::time::Duration;

/// Pause before a grab is tried again that answered at once that every buffer is out (`MV_E_NOOUTBUF` does,
/// whatever its time-out): without it the capture thread would spin.
const SHED_PAUSE: Duration = Duration::from_millis(1);

/// The camera's rate is measured for at least so long before it is lowered.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// Where on the ladder the line stands.
#[derive(Debug)]
pub(super) struct Ladder {
    pub settings: FaultSettings,
    trouble: Option<Trouble>,
    /// What has come since the last whole frame: a damaged one ends a trouble, and not the doubt.
    pub doubt: Doubt,
    /// Resets, and reconnections, that faults have caused in this run.
    resets: u32,
    reconnects: u32,
    /// Since when the camera's present rate is measured, and the frames before.
    rate_since: Option<(HostTime, u64)>,
}

/// What went wrong since the last frame.
#[derive(Debug)]
struct Trouble {
    since: HostTime,
    /// The highest rung so far.
    rung: Rung,
    timeouts: u32,
    busy: u32,
    damaged: u32,
    /// Overruns, and since when nothing else has come.
    overruns: u32,
    overrun_since: Option<HostTime>,
    unknown: u32,
    resets: u32,
    reconnects: u32,
    /// What the last diagnosis said that was told.
    told: Option<Diagnosis>,
}

impl Ladder {
    pub fn new(settings: FaultSettings) -> Self {
        let doubt = Doubt::new(settings.timeouts_before_diagnosis);
        Ladder { settings, trouble: None, doubt, resets: 0, reconnects: 0, rate_since: None }
    }

    /// Whether something is wrong since the last frame.
    #[inline]
    pub fn in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// Whether an overrun is to lower the camera's rate.
    #[inline]
    pub fn lowers_rate(&self) -> bool {
        self.settings.lower_rate.is_some()
    }

    fn trouble(&mut self, now: HostTime) -> &mut Trouble {
        self.trouble.get_or_insert(Trouble {
            since: now,
            rung: Rung::Retry,
            timeouts: 0,
            busy: 0,
            damaged: 0,
            overruns: 0,
            overrun_since: None,
            unknown: 0,
            resets: 0,
            reconnects: 0,
            told: None,
        })
    }

    /// Counts a time-out; how many there are in a row.
    pub fn one_more_timeout(&mut self, now: HostTime) -> u32 {
        let t = self.trouble(now);
        t.timeouts += 1;
        t.timeouts
    }

    /// Whether that was not told yet, in this trouble; from now on it was.
    pub fn is_news(&mut self, diagnosis: Diagnosis, now: HostTime) -> bool {
        self.trouble(now).told.replace(diagnosis) != Some(diagnosis)
    }

    /// The time-outs so far led to something; the count begins anew.
    pub fn forget_timeouts(&mut self) {
        self.doubt.forget();
        if let Some(t) = &mut self.trouble {
            (t.timeouts, t.damaged) = (0, 0);
            (t.overruns, t.overrun_since) = (0, None);
        }
    }
}

impl Capture {
    /// A frame came: whatever was wrong is over.
    #[cold]
    pub(super) fn recovered(&mut self, now: HostTime) {
        if let Some(t) = self.ladder.trouble.take()
            && matches!(t.rung, Rung::Retry | Rung::BackOff)
        {
            // Resets and reconnections tell their outcome themselves.
            self.reporter.tell(Event::Rung { rung: t.rung, ok: true, took: now - t.since });
        }
    }

    /// The rung on which the line stands did not help, and it climbs to `rung`.
    pub(super) fn climb_to(&mut self, rung: Rung) {
        let now = self.shared.clock.now();
        let t = self.ladder.trouble(now);
        let (before, took) = (t.rung, now - t.since);
        t.rung = t.rung.max(rung);
        let retried = t.timeouts + t.damaged + t.overruns > 0;
        if before < rung && (before == Rung::BackOff || before == Rung::Retry && retried) {
            self.reporter.tell(Event::Rung { rung: before, ok: false, took });
        }
    }

    /// Notes a fault, before anything is done about it.
    pub(super) fn note_fault(&mut self, fault: Fault, doing: &'static str) -> FaultClass {
        self.tell_fault(fault, doing, true)
    }

    /// Notes a fault about which nothing is done: the device is being stopped.
    pub(super) fn count_fault(&mut self, fault: Fault, doing: &'static str) {
        self.tell_fault(fault, doing, false);
    }

    fn tell_fault(&mut self, fault: Fault, doing: &'static str, acts: bool) -> FaultClass {
        let class = self.table.classify(fault.code);
        let call = Some(self.source.last_call()).filter(|c| !c.is_empty()).unwrap_or(doing);
        self.reporter.tell_surely(Event::Fault {
            code: fault.code,
            class,
            detail: fault.detail,
            call,
            times: 1,
            frame_id: self.acceptance.last_id(),
            at: self.shared.clock.now(),
            acts,
        });
        class
    }

    /// Counts what the source could not answer with; nothing is done about it.
    #[cold]
    pub(super) fn count_unanswered(&mut self) {
        let (table, reporter) = (&self.table, &mut self.reporter);
        let (at, frame_id) = (self.shared.clock.now(), self.acceptance.last_id());
        self.source.take_faults(&mut |fault, call, times| {
            let class = table.classify(fault.code);
            let Fault { code, detail, .. } = fault;
            reporter.tell_surely(Event::Fault {
                code,
                class,
                detail,
                call,
                times,
                frame_id,
                at,
                acts: false,
            });
        });
    }

    /// A grab answered with a fault: classify, then act.
    pub(super) fn climb(&mut self, fault: Fault) -> Turned {
        let is_silence = self.table.classify(fault.code) == FaultClass::Timeout;
        if is_silence && self.source.is_asked_for(fault) {
            return Turned::On;
        }
        self.count_unanswered();
        let class = self.note_fault(fault, "grab");
        let now = self.shared.clock.now();
        match class {
            FaultClass::Timeout => self.timed_out(),
            FaultClass::DamagedFrame => self.damaged(now),
            FaultClass::Overrun => self.overran(now),
            FaultClass::Busy => self.busy(fault),
            FaultClass::BufferTooSmall => {
                self.reset_for_fault("buffer too small", self.larger(fault))
            }
            FaultClass::Lost => self.reconnect("device lost"),
            FaultClass::Misuse | FaultClass::Incompatible => {
                let entry = self.table.entry(fault.code);
                let advice = entry.map_or("", |e| e.advice);
                let check =
                    if advice.is_empty() { String::new() } else { format!("check {advice}, and ") };
                Turned::Fail(format!(
                    "the source answered {} {} ({class}): {}; {check}correct the configuration or the program",
                    code_text(fault.code),
                    self.table.name(fault.code),
                    entry.map_or("no table knows it", |e| e.meaning.trim_end_matches('.'))
                ))
            }
            FaultClass::Unknown => {
                let t = self.ladder.trouble(now);
                t.unknown += 1;
                if t.unknown > 1 {
                    let name =
                        self.table.entry(fault.code).map_or("which no table knows", |e| e.name);
                    return Turned::Fail(format!(
                        "the source answered {} twice, {name}, and a reconnection did not help; remap the code under [faults] if it is harmless",
                        code_text(fault.code)
                    ));
                }
                self.reconnect("unknown fault")
            }
        }
    }

    /// A damaged frame costs a frame; a device that sends nothing else is opened anew.
    fn damaged(&mut self, now: HostTime) -> Turned {
        let limit = self.ladder.settings.timeouts_before_diagnosis.max(1);
        self.ladder.doubt.frame(false);
        let trouble = self.ladder.trouble(now);
        trouble.damaged += 1;
        if trouble.damaged >= limit.saturating_mul(UNCLEAR_LIMIT) {
            return self.reconnect("no frame came whole");
        }
        Turned::On
    }

    /// The host was too slow; consumers shed by their policies. A device that has no room for as long as a silence
    /// may last has lost its buffers, and is opened anew.
    fn overran(&mut self, now: HostTime) -> Turned {
        let limit = self.ladder.settings.timeouts_before_diagnosis.max(1);
        let patience =
            self.shared.config.capture.timeout.saturating_mul(limit.saturating_mul(UNCLEAR_LIMIT));
        let trouble = self.ladder.trouble(now);
        trouble.overruns += 1;
        let since = *trouble.overrun_since.get_or_insert(now);
        if trouble.overruns > 1 {
            if (now - since).as_duration() >= patience {
                return self.reconnect("the source has no room for frames and gets none");
            }
            self.pause(SHED_PAUSE);
        }
        self.shed();
        Turned::On
    }

    /// Frames found no place: lowers the camera's rate, if that is asked for.
    #[cold]
    pub(super) fn shed(&mut self) {
        const RATE: &str = "AcquisitionFrameRate";
        let Some(part) = self.ladder.settings.lower_rate else { return };
        let now = self.shared.clock.now();
        let grabbed = self.shared.capture.grabbed.get();
        let since = HostTime(self.shared.started.get());
        let (since, before) = *self.ladder.rate_since.get_or_insert((since, 0));
        let (time, frames) = ((now - since).as_duration(), grabbed - before.min(grabbed));
        if time < RATE_WINDOW || frames < 2 {
            return;
        }
        let hz = frames as f64 / time.as_secs_f64();
        let value = format!("{:.3}", hz * part);
        let answer = self.call(activity::FEATURE, |c| c.source.set_feature(RATE, &value));
        let after = self.shared.clock.now();
        self.ladder.rate_since = Some((after, self.shared.capture.grabbed.get()));
        let outcome = match answer {
            Ok(()) => format!("it was lowered to {value}"),
            Err(e) => format!("it could not be lowered to {value}: {e}"),
        };
        self.reporter.tell_surely(Event::Note(
            format!("overrun at {hz:.3} frames/s of the camera; {outcome}, in {}", after - now),
            after,
        ));
    }

    /// The device needs time; the back-off grows, and has an end.
    fn busy(&mut self, fault: Fault) -> Turned {
        self.climb_to(Rung::BackOff);
        let settings = &self.ladder.settings;
        let (backoff, most) = (settings.backoff, settings.backoff_max);
        let (attempts, time) = (settings.busy_attempts.max(1), settings.busy_time);
        let now = self.shared.clock.now();
        let trouble = self.ladder.trouble(now);
        let (times, waited) = (trouble.busy, now - trouble.since);
        trouble.busy += 1;
        let late = time.is_some_and(|t| times > 0 && waited.as_duration() >= t);
        if times >= attempts || late {
            self.reporter.tell(Event::Rung { rung: Rung::BackOff, ok: false, took: waited });
            let budget = if late { "busy_time" } else { "busy_attempts" };
            return Turned::Fail(format!(
                "the source answered {} {} {} times in a row within {waited}; close the program that uses the device, or raise faults.{budget}",
                code_text(fault.code),
                self.table.name(fault.code),
                times + 1
            ));
        }
        self.pause(backoff.saturating_mul(1 << times.min(16)).min(most.max(backoff)));
        Turned::On
    }

    /// Bytes that a slot must hold when a buffer was too small.
    pub(super) fn larger(&self, fault: Fault) -> usize {
        let needed = usize::try_from(fault.detail).unwrap_or(usize::MAX);
        needed.max(self.source.payload_bytes()).max(self.pool.slot_bytes() + 1)
    }

    /// Whether one more reset is in the budget of those that faults may cause; else why not.
    fn may_reset(&mut self, reason: &'static str) -> Result<(), String> {
        self.ladder.resets += 1;
        let most = self.ladder.settings.resets;
        if self.ladder.resets > most {
            return Err(format!(
                "{reason}: the budget of {} is used up; raise faults.resets or find out why the payload keeps changing",
                counted(most.into(), "reset")
            ));
        }
        Ok(())
    }

    pub(super) fn reset_for_fault(&mut self, reason: &'static str, needed: usize) -> Turned {
        if let Err(budget) = self.may_reset(reason) {
            return Turned::Fail(budget);
        }
        let now = self.shared.clock.now();
        let in_a_row = self.ladder.settings.resets_in_a_row.max(1);
        let trouble = self.ladder.trouble(now);
        trouble.resets += 1;
        if trouble.resets > in_a_row {
            return self.reconnect("resets brought no frame");
        }
        self.reset_rung(reason, needed)
    }

    /// The reset of a start that wanted larger slots.
    pub(super) fn reset_for_start(&mut self, needed: usize) -> Turned {
        const REASON: &str = "buffer too small";
        match self.may_reset(REASON) {
            Ok(()) => self.reset_rung(REASON, needed),
            Err(budget) => Turned::Fail(budget),
        }
    }

    fn reset_rung(&mut self, reason: &'static str, needed: usize) -> Turned {
        self.climb_to(Rung::Reset);
        let now = self.shared.clock.now();
        let turned = self.reset(reason, Some(needed), false);
        let took = self.shared.clock.now() - now;
        let ok = !matches!(turned, Turned::Fail(_));
        self.reporter.tell(Event::Rung { rung: Rung::Reset, ok, took });
        turned
    }

    /// Whether one more reconnection is in the budgets; else why not.
    pub(super) fn may_reconnect(&mut self, reason: &'static str) -> Result<(), String> {
        self.climb_to(Rung::Reconnect);
        self.ladder.reconnects += 1;
        let settings = &self.ladder.settings;
        let (most, in_a_row) = (settings.reconnects, settings.reconnect_attempts.max(1));
        if self.ladder.reconnects > most {
            return Err(format!(
                "{reason}: the budget of {} is used up; raise faults.reconnects or find out why the device gets lost",
                counted(most.into(), "reconnection")
            ));
        }
        let now = self.shared.clock.now();
        let trouble = self.ladder.trouble(now);
        trouble.reconnects += 1;
        if trouble.reconnects > in_a_row {
            return Err(format!(
                "{reason}: the device came back {} in a row and sent no frame; check that it sends (trigger, acquisition mode), or raise faults.reconnect_attempts",
                counted(in_a_row.into(), "time")
            ));
        }
        Ok(())
    }
}

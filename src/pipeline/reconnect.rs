//! Starting the source, and finding a lost device again.

use super::capture::{Capture, Turned};
use super::quiesce::Rest;
use super::report::{LineState, ReconnectReport, Rung};
use super::shared::{Event, activity};
use crate::clock::Nanos;
use crate::fault::{Fault, FaultClass, code_text};
use crate::source::Fill;
use crate::words::counted;
use std::time::Duration;

impl Capture {
    /// Closes, backs off, reopens, restarts; a payload that changed meanwhile goes through a reset.
    pub(super) fn reconnect(&mut self, reason: &'static str) -> Turned {
        if let Err(budget) = self.may_reconnect(reason) {
            return Turned::Fail(budget);
        }
        let at = self.shared.clock.now();
        let since = self.last_grab.unwrap_or(at);
        self.shared.set_state(LineState::Resetting);
        let faults_before = self.own_faults();
        if self.running {
            // In the order that every source may rely on, whether the device still hears it or not. What
            // the host has finished goes on.
            self.resetting = true;
            let until = self.shared.clock.now() + self.shared.config.reset.deadline;
            self.stop_source(Rest::HandOn, until);
            self.resetting = false;
        }
        self.take_everything_back();
        let settings = self.ladder.settings.clone();
        let (mut attempts, mut backoff, mut ok) = (0, settings.backoff, false);
        let (mut out_of_time, mut answer) = (false, None);
        while attempts < settings.reconnect_attempts.max(1) && !self.shared.aborting() {
            attempts += 1;
            self.take_lent_home();
            match self.call(activity::REOPEN, |c| c.source.reopen()) {
                Ok(()) => {
                    ok = true;
                    break;
                }
                Err(fault) => {
                    self.note_fault(fault, "reopen");
                    answer = Some(fault);
                }
            }
            self.count_unanswered();
            out_of_time = settings
                .reconnect_time
                .is_some_and(|t| (self.shared.clock.now() - at).as_duration() >= t);
            if out_of_time {
                break;
            }
            if !self.pause(backoff) {
                break; // Somebody wants something else of us.
            }
            backoff = backoff.saturating_mul(2).min(settings.backoff_max);
        }
        let looked = self.shared.clock.now() - at;
        let tried = counted(attempts.into(), "attempt");
        let answer = answer.map_or_else(String::new, |f: Fault| {
            format!(", its last answer being {} {}", code_text(f.code), self.table.name(f.code))
        });
        let mut failure = None;
        if ok {
            self.acceptance.reopened();
            if let Turned::Fail(f) = self.fit_what_came_back() {
                failure = Some(f);
            }
            if failure.is_none()
                && let Turned::Fail(f) = self.start()
            {
                failure = Some(f);
                ok = false;
            }
        } else if out_of_time {
            failure = Some(format!(
                "{reason}: the device did not come back within {looked} and {tried}{answer}; check cable and power, or raise faults.reconnect_time"
            ));
        } else if !self.shared.aborting() && attempts >= settings.reconnect_attempts.max(1) {
            failure = Some(format!(
                "{reason}: the device did not come back within {tried}{answer}; check cable and power, or raise faults.reconnect_attempts"
            ));
        }
        self.ladder.forget_timeouts();
        self.count_own_faults(faults_before);
        self.dead.reconnect = Some(since);
        let took = self.shared.clock.now() - at;
        self.reporter.tell(Event::Rung { rung: Rung::Reconnect, ok, took });
        self.reporter.tell_surely(Event::Reconnect(Box::new(ReconnectReport {
            reason,
            at,
            attempts,
            took,
            dead: Nanos(0),
            ok,
        })));
        match failure {
            Some(f) => Turned::Fail(f),
            None => Turned::On,
        }
    }

    /// A device that came back may send other frames: they begin a new epoch while it still stands, so that nothing
    /// has to be stopped for the first of them; what no longer fits gets larger slots on the way.
    fn fit_what_came_back(&mut self) -> Turned {
        let needs = self.source.payload_bytes();
        if needs <= self.pool.slot_bytes() || self.fill == Fill::Lend {
            if self.resetting || self.source.geometry() == self.geometry {
                return Turned::On;
            }
            return self.reset("format changed while away", None, false);
        }
        if self.resetting {
            return Turned::Fail(format!(
                "the device came back within a reset and its frames have {needs} bytes now, which no slot holds; raise pool.headroom or set the region at the camera before the line starts"
            ));
        }
        self.reset("payload changed while away", Some(needs), false)
    }

    /// Waits between attempts; `false` if a stop, an abort or the end of the run's time cut it short.
    pub(super) fn pause(&mut self, length: Duration) -> bool {
        let until = self.shared.clock.now() + length;
        let until = self.until.map_or(until, |end| end.min(until));
        loop {
            let now = self.shared.clock.now();
            if self.shared.aborting() || self.shared.stopping() {
                return false;
            }
            if self.until.is_some_and(|end| now >= end) {
                return false;
            }
            if now >= until {
                return true;
            }
            let bound = (until - now).as_duration();
            let (commands, shared) = (&self.commands, &self.shared);
            self.bed.park_unless(
                || !commands.is_empty() || shared.aborting() || shared.stopping(),
                bound.min(crate::wait::MAX_PARK),
            );
            if !self.commands.is_empty() && !self.shared.stopping() {
                // An order that can wait: do not spin on it.
                std::thread::park_timeout(bound.min(Duration::from_millis(5)));
            }
        }
    }

    /// Starts the source. A busy device gets time, a lost one is opened anew, one that wants larger slots gets them.
    pub(super) fn start(&mut self) -> Turned {
        if self.fill == Fill::Announce {
            self.queue_free();
        }
        let settings = self.ladder.settings.clone();
        let begun = self.shared.clock.now();
        let (mut attempts, mut backoff, mut grown, mut unknown) = (0, settings.backoff, 0, 0);
        loop {
            attempts += 1;
            self.take_lent_home();
            let fill = self.fill;
            let Err(fault) = self.call(activity::START, |c| c.source.start(fill)) else { break };
            let class = self.note_fault(fault, "start");
            if class == FaultClass::BufferTooSmall {
                let needed = self.larger(fault);
                if self.resetting {
                    self.outgrown = Some(needed);
                } else if grown < settings.resets_in_a_row.max(1) {
                    grown += 1;
                    match self.reset_for_start(needed) {
                        Turned::On => {}
                        end => return end,
                    }
                    if self.fill == Fill::Announce {
                        self.queue_free();
                    }
                    continue;
                }
            }
            unknown += u32::from(class == FaultClass::Unknown);
            let again = match class {
                // Nothing of a frame is damaged yet: something on the way was.
                FaultClass::Busy
                | FaultClass::Lost
                | FaultClass::Timeout
                | FaultClass::DamagedFrame => true,
                FaultClass::Unknown => unknown == 1,
                FaultClass::BufferTooSmall
                | FaultClass::Overrun
                | FaultClass::Misuse
                | FaultClass::Incompatible => false,
            };
            let (most, time) = match class {
                FaultClass::Busy => (settings.busy_attempts, settings.busy_time),
                _ => (settings.reconnect_attempts, settings.reconnect_time),
            };
            let took = self.shared.clock.now() - begun;
            let late = time.is_some_and(|t| took.as_duration() >= t);
            if !again || late || attempts >= most.max(1) || !self.pause(backoff) {
                if attempts > 1 {
                    self.reporter.tell(Event::Rung { rung: Rung::BackOff, ok: false, took });
                }
                let advice = match self.table.entry(fault.code).map_or("", |e| e.advice) {
                    "" => String::new(),
                    advice => format!("; check {advice}"),
                };
                return Turned::Fail(format!(
                    "the source did not start after {}: {} {} ({class}){advice}",
                    counted(attempts.into(), "attempt"),
                    code_text(fault.code),
                    self.table.name(fault.code)
                ));
            }
            backoff = backoff.saturating_mul(2).min(settings.backoff_max);
            if matches!(class, FaultClass::Lost | FaultClass::Unknown) {
                // It will not start until it is found again, and a device that is opened anew knows no slot.
                self.revoke();
                match self.call(activity::REOPEN, |c| c.source.reopen()) {
                    Ok(()) => {
                        self.acceptance.reopened();
                        if let Turned::Fail(reason) = self.fit_what_came_back() {
                            return Turned::Fail(reason);
                        }
                    }
                    Err(fault) => {
                        self.note_fault(fault, "reopen");
                    }
                }
                self.count_unanswered();
                if self.fill == Fill::Announce {
                    self.queue_free();
                }
            }
        }
        let now = self.shared.clock.now();
        if attempts > 1 {
            self.reporter.tell(Event::Rung { rung: Rung::BackOff, ok: true, took: now - begun });
        }
        if self.shared.started.get() == 0 {
            self.shared.started.set(now.0.max(1));
            self.until = self.shared.config.capture.duration.map(|d| now + d);
        }
        self.running = true;
        self.shared.set_state(LineState::Running);
        Turned::On
    }
}

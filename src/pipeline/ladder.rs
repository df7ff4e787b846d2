//! The fault ladder: what the class of a fault makes the line do, each rung with its budget.

use super::capture::{Capture, DeadTime, Turned};
use super::command::Command;
use super::config::FaultSettings;
use super::quiesce::{ASKED_FOR, Rest};
use super::report::{LineState, ReconnectReport};
use super::shared::{Event, activity};
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind};
use crate::fault::{Fault, FaultClass, code_text};
use crate::source::{Diagnosis, Fill};
use std::time::Duration;

/// Silences after a diagnosis that says nothing, in multiples of the time-outs before it, until the
/// device is taken for lost.
const UNCLEAR_LIMIT: u32 = 5;

/// Where on the ladder the line stands.
#[derive(Debug)]
pub(super) struct Ladder {
    settings: FaultSettings,
    timeouts: u32,
    unknown: u32,
    busy: u32,
    resets: u32,
    idle_told: bool,
}

impl Ladder {
    pub fn new(settings: FaultSettings) -> Self {
        Ladder { settings, timeouts: 0, unknown: 0, busy: 0, resets: 0, idle_told: false }
    }

    /// A frame came: whatever was wrong is over.
    #[inline]
    pub fn frame_came(&mut self) {
        self.timeouts = 0;
        self.unknown = 0;
        self.busy = 0;
        self.idle_told = false;
    }
}

impl Capture {
    /// A grab answered with a fault: classify, then act.
    pub(super) fn climb(&mut self, fault: Fault) -> Turned {
        let now = self.shared.clock.now();
        let class = self.table.classify(fault.code);
        self.reporter.tell_surely(Event::Fault {
            code: fault.code,
            class,
            action: class.action(),
            at: now,
        });
        match class {
            FaultClass::Timeout => self.timed_out(),
            FaultClass::DamagedFrame | FaultClass::Overrun => Turned::On,
            FaultClass::Busy => self.busy(fault),
            FaultClass::BufferTooSmall => {
                let needed = usize::try_from(fault.detail).unwrap_or(usize::MAX);
                let needed =
                    needed.max(self.source.payload_bytes()).max(self.pool.slot_bytes() + 1);
                self.reset_for_fault("buffer too small", needed)
            }
            FaultClass::Lost => self.reconnect("device lost"),
            FaultClass::Misuse | FaultClass::Incompatible => Turned::Fail(format!(
                "the source answered {} {} ({class}): {}; correct the configuration or the program",
                code_text(fault.code),
                self.table.name(fault.code),
                self.table.entry(fault.code).map_or("no table knows it", |e| e.meaning)
            )),
            FaultClass::Unknown => {
                self.ladder.unknown += 1;
                if self.ladder.unknown > 1 {
                    return Turned::Fail(format!(
                        "the source answered {} twice, which no table knows, and a reconnection did not help; remap the code under [faults] if it is harmless",
                        code_text(fault.code)
                    ));
                }
                self.reconnect("unknown fault")
            }
        }
    }

    /// A time-out is a symptom: after several the source is asked what it knows.
    fn timed_out(&mut self) -> Turned {
        self.shared.capture.timeouts.bump();
        self.ladder.timeouts += 1;
        let limit = self.ladder.settings.timeouts_before_diagnosis.max(1);
        if self.ladder.timeouts < limit {
            return Turned::On;
        }
        match self.source.diagnose() {
            Diagnosis::Lost => self.reconnect("diagnosed as lost after time-outs"),
            Diagnosis::FormatDrift { payload_bytes } => {
                let needed = usize::try_from(payload_bytes).unwrap_or(usize::MAX);
                self.ladder.timeouts = 0;
                self.reset_for_fault("format drift diagnosed after time-outs", needed)
            }
            Diagnosis::IdleTrigger => {
                if !std::mem::replace(&mut self.ladder.idle_told, true) {
                    self.reporter.tell(Event::IdleTrigger { at: self.shared.clock.now() });
                }
                Turned::On
            }
            Diagnosis::Unclear if self.ladder.timeouts >= limit.saturating_mul(UNCLEAR_LIMIT) => {
                self.reconnect("silent without a reason")
            }
            Diagnosis::Unclear => Turned::On,
        }
    }

    /// The device needs time; the back-off grows, and has an end.
    fn busy(&mut self, fault: Fault) -> Turned {
        let settings = &self.ladder.settings;
        let (backoff, most) = (settings.backoff, settings.backoff_max);
        let attempts = settings.reconnect_attempts.max(1);
        if self.ladder.busy >= attempts {
            return Turned::Fail(format!(
                "the source answered {} {} {} times in a row; close the program that uses the device, or raise faults.reconnect_attempts",
                code_text(fault.code),
                self.table.name(fault.code),
                self.ladder.busy + 1
            ));
        }
        self.pause(backoff.saturating_mul(1 << self.ladder.busy.min(16)).min(most.max(backoff)));
        self.ladder.busy += 1;
        Turned::On
    }

    fn reset_for_fault(&mut self, reason: &'static str, needed: usize) -> Turned {
        self.ladder.resets += 1;
        if self.ladder.resets > self.ladder.settings.resets {
            return Turned::Fail(format!(
                "{reason}: the budget of {} resets is used up; raise faults.resets or find out why the payload keeps changing",
                self.ladder.settings.resets
            ));
        }
        self.reset(reason, Some(needed), false)
    }

    /// Closes, backs off, reopens, restarts; a payload that changed meanwhile goes through a reset.
    fn reconnect(&mut self, reason: &'static str) -> Turned {
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
        while attempts < settings.reconnect_attempts.max(1) && !self.shared.aborting() {
            attempts += 1;
            if self.call(activity::REOPEN, |c| c.source.reopen()).is_ok() {
                ok = true;
                break;
            }
            if !self.pause(backoff) {
                break; // Somebody wants something else of us.
            }
            backoff = backoff.saturating_mul(2).min(settings.backoff_max);
        }
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
        } else if !self.shared.aborting() && attempts >= settings.reconnect_attempts.max(1) {
            failure = Some(format!(
                "{reason}: the device did not come back within {attempts} attempts; check cable and power, or raise faults.reconnect_attempts"
            ));
        }
        self.ladder.timeouts = 0;
        self.count_own_faults(faults_before);
        self.dead_since = Some((DeadTime::Reconnect, since));
        self.reporter.tell_surely(Event::Reconnect(Box::new(ReconnectReport {
            reason,
            at,
            attempts,
            dead: Nanos(0),
            ok,
        })));
        match failure {
            Some(f) => Turned::Fail(f),
            None => Turned::On,
        }
    }

    /// A device that came back may have another payload: one that no longer fits goes through a reset.
    fn fit_what_came_back(&mut self) -> Turned {
        let needs = self.source.payload_bytes();
        if needs <= self.pool.slot_bytes() || self.fill == Fill::Lend {
            return Turned::On;
        }
        if self.resetting {
            return Turned::Fail(format!(
                "the device came back within a reset and its frames have {needs} bytes now, which no slot holds; raise pool.headroom or set the region at the camera before the line starts"
            ));
        }
        self.reset("payload changed while away", Some(needs), false)
    }

    /// Waits between attempts; `false` if an order or an abort cut it short.
    fn pause(&mut self, length: Duration) -> bool {
        let until = self.shared.clock.now() + length;
        loop {
            let now = self.shared.clock.now();
            if self.shared.aborting() || self.shared.stopping() {
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

    /// Starts the source; a busy device gets time.
    pub(super) fn start(&mut self) -> Turned {
        if self.fill == Fill::Announce {
            self.queue_free();
        }
        let settings = self.ladder.settings.clone();
        let (mut attempts, mut backoff) = (0, settings.backoff);
        loop {
            attempts += 1;
            let fill = self.fill;
            let Err(fault) = self.call(activity::START, |c| c.source.start(fill)) else { break };
            let class = self.table.classify(fault.code);
            let at = self.shared.clock.now();
            self.reporter.tell_surely(Event::Fault {
                code: fault.code,
                class,
                action: class.action(),
                at,
            });
            let again = matches!(class, FaultClass::Busy | FaultClass::Lost | FaultClass::Timeout);
            if !again || attempts >= settings.reconnect_attempts.max(1) || !self.pause(backoff) {
                return Turned::Fail(format!(
                    "the source did not start after {attempts} attempts: {} {} ({class})",
                    code_text(fault.code),
                    self.table.name(fault.code)
                ));
            }
            backoff = backoff.saturating_mul(2).min(settings.backoff_max);
            if class == FaultClass::Lost {
                // It will not start until it is found again, and a device that is opened anew knows no slot.
                self.revoke();
                if self.call(activity::REOPEN, |c| c.source.reopen()).is_ok() {
                    self.acceptance.reopened();
                    if let Turned::Fail(reason) = self.fit_what_came_back() {
                        return Turned::Fail(reason);
                    }
                }
                if self.fill == Fill::Announce {
                    self.queue_free();
                }
            }
        }
        let now = self.shared.clock.now();
        if self.shared.started.get() == 0 {
            self.shared.started.set(now.0.max(1));
            self.until = self.shared.config.capture.duration.map(|d| now + d);
        }
        self.running = true;
        self.shared.set_state(LineState::Running);
        Turned::On
    }

    /// Carries out an order, unless whoever gave it has given up waiting: they took it for not done.
    pub(super) fn obey(&mut self, command: Command) -> Turned {
        if !command.is_wanted() {
            return Turned::On;
        }
        match command {
            Command::Start(reply) => {
                let turned = if self.running { Turned::On } else { self.start() };
                reply.put(outcome(&turned));
                turned
            }
            Command::Reset(bytes, reply) => {
                let needed = bytes.map(|b| b.max(self.source.payload_bytes()));
                let turned = self.reset(ASKED_FOR, needed, false);
                reply.put(outcome(&turned).and_then(|()| match self.refused_reset.take() {
                    Some(why) => Err(Error::new(ErrorKind::Memory, why)),
                    None => Ok(self.last_reset.clone().expect("a reset was made")),
                }));
                turned
            }
            Command::SetFeature(name, value, reply) => {
                let (turned, answer) = self.set_feature(&name, &value);
                reply.put(answer);
                turned
            }
            Command::Trigger(reply) => {
                reply.put(self.call(activity::FEATURE, |c| c.source.software_trigger()));
                Turned::On
            }
        }
    }

    /// Sets a feature; one that is locked while grabbing is set within a quiescent reset.
    /// What it answers is one thing, whether the line goes on another: a camera that refuses may not start
    /// again either.
    fn set_feature(&mut self, name: &str, value: &str) -> (Turned, Result<(), Error>) {
        if !self.running || !self.source.is_locked_while_grabbing(name) {
            let answer = self.call(activity::FEATURE, |c| c.source.set_feature(name, value));
            if answer.is_ok() && !self.running {
                // What the first frame will have is no change on the line.
                self.geometry = self.source.geometry();
            }
            return (Turned::On, answer);
        }
        let mut refused = None;
        let turned = self.reset_with("feature change", None, false, |c| {
            refused = c.call(activity::FEATURE, |c| c.source.set_feature(name, value)).err();
        });
        let answer = refused.map_or_else(|| outcome(&turned), Err);
        (turned, answer)
    }

    /// A call that may block, under a name that the monitor can tell.
    pub(super) fn call<R>(&mut self, activity: u64, f: impl FnOnce(&mut Self) -> R) -> R {
        let now = self.shared.clock.now();
        self.cells().enter(activity, now);
        let r = f(self);
        self.cells().leave();
        r
    }
}

fn outcome(turned: &Turned) -> Result<(), Error> {
    match turned {
        Turned::Fail(reason) => Err(Error::new(ErrorKind::Source, reason.clone())),
        _ => Ok(()),
    }
}

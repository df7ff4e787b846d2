//! What the monitor logs: a sentence for people, and beside it fields for programs.
//!
//! The field `event` says what a line is about, `camera` whose it is, `at_ns` when it was since the line's start:
//! `run_begin`, `run_end`, `fault`, `fault_again`, `fault_total`, `diagnosis`, `back_off`, `reset`, `reconnect`, `flow` (frames
//! again after one of these), `recovery`, `memory`, `stage_failed`, `stage_panicked`, `stage_total`, `overrun`,
//! `hung`, `refused`, `note`, `failure`. A distinct fault is logged when it comes first, again with what came since
//! after a while, and once more at the end; the field `new` adds up to its count. The totals at the end are whole: a
//! log needs nothing beside it. docs/logs.md has the fields.

use super::report::{DiagnosisReport, FaultReport, ReconnectReport, ResetReport, Rung, Snapshot};
use super::shared::Shared;
use crate::clock::{HostTime, Nanos};
use crate::fault::code_text;
use crate::words::counted;
use std::sync::Arc;

/// A memory peak is logged when it is so much higher than the one logged last: 5 percent.
const PEAK_STEP: u64 = 20;

/// Logs under the camera's name and the line's own time; nothing for a line that does not log.
macro_rules! say {
    ($log:ident, $level:ident, $event:literal, [$($fields:tt)*], $($text:tt)+) => {
        if $log.shared.config.monitor.log {
            tracing::$level!(
                event = $event,
                camera = $log.camera.as_str(),
                at_ns = $log.now().0,
                $($fields)*
                $($text)+
            )
        }
    };
}

/// What was told of a fault so far.
#[derive(Debug)]
struct Told {
    code: i64,
    count: u64,
    at: HostTime,
}

pub(super) struct Logbook {
    shared: Arc<Shared>,
    camera: String,
    told: Vec<Told>,
    /// The highest resident memory that was told, and when memory was told last.
    peak: u64,
    memory_at: Option<HostTime>,
    settled: bool,
}

impl Logbook {
    pub fn new(shared: Arc<Shared>, camera: String) -> Logbook {
        Logbook { shared, camera, told: Vec::new(), peak: 0, memory_at: None, settled: false }
    }

    /// Since the line's start.
    fn now(&self) -> Nanos {
        let now = self.shared.clock.now();
        now - self.shared.start_or(now)
    }

    fn since_start(&self, at: HostTime) -> Nanos {
        at - self.shared.start_or(at)
    }

    pub fn begin(&self) {
        let (camera, fill) = (self.camera.as_str(), self.shared.fill);
        say!(
            self,
            info,
            "run_begin",
            [fill, version = env!("CARGO_PKG_VERSION"),],
            "the line begins: {camera}, fill by {fill}"
        );
    }

    /// A fault that comes for the first time.
    pub fn fault(&mut self, f: &FaultReport) -> String {
        let after = f.frame_id.map_or_else(String::new, |id| format!(", after frame {id}"));
        let text = format!(
            "{} {} ({}) at {}{after}: {}",
            code_text(f.code),
            f.name,
            f.class,
            f.call,
            f.action
        );
        self.told.push(Told { code: f.code, count: f.count, at: f.last });
        self.line(Line::First, f, f.call, f.count, &text);
        text
    }

    /// A fault that is known comes for the first time from another call.
    pub fn fault_elsewhere(&mut self, f: &FaultReport, call: &str) -> String {
        let text = format!("{} {} ({}) at {call}, too", code_text(f.code), f.name, f.class);
        let new = match self.told.iter_mut().find(|t| t.code == f.code) {
            Some(told) => f.count - std::mem::replace(&mut told.count, f.count),
            None => 0,
        };
        self.line(Line::Elsewhere, f, call, new, &text);
        text
    }

    /// Faults that came again since they were told, each at most once in `monitor.log_repeats`.
    pub fn again(&mut self, faults: &[FaultReport], now: HostTime) {
        let every = self.shared.config.monitor.log_repeats;
        for f in faults {
            let Some(told) = self.told.iter_mut().find(|t| t.code == f.code) else { continue };
            if f.count == told.count || (now - told.at).as_duration() < every {
                continue;
            }
            let (new, within) = (f.count - told.count, now - told.at);
            (told.count, told.at) = (f.count, now);
            let text = format!(
                "{} {} ({}): {new} more within {within}, {} in all",
                code_text(f.code),
                f.name,
                f.class,
                f.count
            );
            self.line(Line::Again, f, f.call, new, &text);
        }
    }

    fn line(&self, line: Line, f: &FaultReport, call: &str, new: u64, text: &str) {
        let (code, calls) = (code_text(f.code), f.calls_text());
        macro_rules! fault {
            ($level:ident, $event:literal) => {
                say!(
                    self,
                    $level,
                    $event,
                    [
                        call,
                        calls = calls.as_str(),
                        frame_id = f.frame_id,
                        code = code.as_str(),
                        name = f.name.as_str(),
                        class = f.class.name(),
                        action = f.action.as_str(),
                        new,
                        count = f.count,
                        first_ns = self.since_start(f.first).0,
                        last_ns = self.since_start(f.last).0,
                    ],
                    "{text}"
                )
            };
        }
        match line {
            Line::First => fault!(warn, "fault"),
            Line::Elsewhere => fault!(warn, "fault_elsewhere"),
            Line::Again => fault!(info, "fault_again"),
            Line::Total => fault!(info, "fault_total"),
        }
    }

    pub fn diagnosis(&self, d: &DiagnosisReport) -> String {
        let text =
            format!("diagnosis after {}: {} ({}); {}", d.after(), d.verdict, d.evidence, d.action);
        let e = &d.evidence;
        macro_rules! tell {
            ($level:ident) => {
                say!(
                    self,
                    $level,
                    "diagnosis",
                    [
                        verdict = d.verdict,
                        timeouts = d.timeouts,
                        damaged = d.damaged,
                        took_ns = d.took.0,
                        connected = e.connected,
                        exception = e.exception.map(code_text),
                        triggered = e.triggered,
                        payload_at_start = e.payload_at_start,
                        payload_now = e.payload_now,
                        packet_at_start = e.packet_at_start,
                        packet_now = e.packet_now,
                        bytes_received = e.bytes_received,
                        frames_received = e.frames_received,
                        action = d.action,
                    ],
                    "{text}"
                )
            };
        }
        if d.verdict == "idle-trigger" {
            tell!(info)
        } else {
            tell!(warn)
        }
        text
    }

    pub fn reset(&self, r: &ResetReport) -> String {
        let text = format!(
            "quiescent reset ({}): epoch {}, drain {}, prove {}, rebuild {}, restart {}{}",
            r.reason,
            r.epoch,
            r.drain,
            r.prove,
            r.rebuild,
            r.restart,
            if r.ok { "" } else { "; it failed" }
        );
        let took_ns = r.drain.0 + r.prove.0 + r.rebuild.0 + r.restart.0;
        let late =
            if r.late.is_empty() { String::new() } else { format!("; {}", r.late.join("; ")) };
        macro_rules! tell {
            ($level:ident) => {
                say!(
                    self,
                    $level,
                    "reset",
                    [
                        reason = r.reason,
                        ok = r.ok,
                        took_ns,
                        slot_bytes_before = r.slot_bytes_before,
                        slot_bytes_after = r.slot_bytes_after,
                        epoch = r.epoch,
                    ],
                    "{text}{late}"
                )
            };
        }
        if r.ok && r.late.is_empty() {
            tell!(info)
        } else {
            tell!(error)
        }
        text
    }

    pub fn reconnect(&self, r: &ReconnectReport) -> String {
        let text = format!(
            "reconnection ({}): {} in {}, {}",
            r.reason,
            counted(r.attempts.into(), "attempt"),
            r.took,
            if r.ok { "the device is back" } else { "the device did not come back" }
        );
        macro_rules! tell {
            ($level:ident) => {
                say!(
                    self,
                    $level,
                    "reconnect",
                    [reason = r.reason, ok = r.ok, attempts = r.attempts, took_ns = r.took.0,],
                    "{text}"
                )
            };
        }
        if r.ok {
            tell!(warn)
        } else {
            tell!(error)
        }
        text
    }

    /// A device that needed time got it.
    pub fn back_off(&self, ok: bool, took: Nanos) -> String {
        let outcome = if ok { "the source goes on" } else { "it did not help" };
        let text = format!("back-off for {took}: {outcome}");
        macro_rules! tell {
            ($level:ident) => {
                say!(self, $level, "back_off", [ok, took_ns = took.0,], "{text}")
            };
        }
        if ok {
            tell!(info)
        } else {
            tell!(warn)
        }
        text
    }

    /// Frames flow again after a reset or a reconnection.
    pub fn flow(&self, after: &str, dead: Nanos) {
        say!(
            self,
            info,
            "flow",
            [after, dead_ns = dead.0,],
            "frames flow again {dead} after the last before the {after}"
        );
    }

    /// Memory: at the start, when the line is warm, when it is markedly higher than ever before, and now and then.
    pub fn memory(&mut self, now: HostTime, rss_bytes: u64, pool_bytes: u64) {
        let m = &self.shared.config.monitor;
        let warm = self.since_start(now).as_duration() >= m.warm_up;
        let why = match self.memory_at {
            _ if warm && !self.settled => "settled",
            None => "start",
            Some(_) if rss_bytes > self.peak + self.peak / PEAK_STEP => "peak",
            Some(at) if (now - at).as_duration() >= m.log_repeats => "interval",
            Some(_) => return,
        };
        self.settled |= warm;
        self.memory_at = Some(now);
        self.peak = self.peak.max(rss_bytes);
        say!(
            self,
            info,
            "memory",
            [why, rss_bytes, pool_bytes,],
            "resident memory is {rss_bytes} bytes, of which the pools have {pool_bytes}"
        );
    }

    pub fn stage_failed(&self, stage: &str, frame_id: u64, code: i64, text: &str) {
        let code = code_text(code);
        say!(self, error, "stage_failed", [stage, frame_id, code = code.as_str(),], "{text}");
    }

    pub fn stage_panicked(&self, stage: &str, frame_id: u64, text: &str) {
        say!(self, error, "stage_panicked", [stage, frame_id,], "{text}");
    }

    pub fn overrun(&self, slot: usize, at_least_bytes: u64, text: &str) {
        say!(self, error, "overrun", [slot, at_least_bytes,], "{text}");
    }

    pub fn hung(&self, thread: &str, call: &str, for_ns: Nanos, text: &str) {
        say!(self, error, "hung", [thread, call, for_ns = for_ns.0,], "{text}");
    }

    pub fn refused(&self, what: &str, reason: &str) {
        say!(self, warn, "refused", [what, reason,], "{what}: {reason}");
    }

    pub fn note(&self, text: &str) {
        say!(self, warn, "note", [], "{text}");
    }

    pub fn failure(&self, reason: &str) {
        say!(self, error, "failure", [], "{reason}");
    }

    /// The line has ended: what was told in part is told whole.
    pub fn end(&mut self, s: &Snapshot) {
        for f in &s.faults {
            let told = self.told.iter_mut().find(|t| t.code == f.code);
            let new = told.map_or(f.count, |t| f.count - std::mem::replace(&mut t.count, f.count));
            let text = format!(
                "{} {} ({}): {} in all, the first {} and the last {} after the start; {}",
                code_text(f.code),
                f.name,
                f.class,
                f.count,
                self.since_start(f.first),
                self.since_start(f.last),
                f.action
            );
            self.line(Line::Total, f, f.call, new, &text);
        }
        for t in s.stages.iter().filter(|t| t.failed > 0) {
            let (stage, failed, panicked) = (t.name.as_str(), t.failed, t.panicked);
            say!(
                self,
                info,
                "stage_total",
                [stage, failed, panicked,],
                "stage {stage} failed on {}, {panicked} of them by a panic",
                counted(failed, "frame")
            );
        }
        self.recovery(s);
        self.run_end(s);
    }

    /// How often each rung of the ladder was tried, and how often it helped.
    fn recovery(&self, s: &Snapshot) {
        let recovery = s.recovery();
        if recovery.is_empty() {
            return;
        }
        let of = |rung: Rung| &s.ladder[rung as usize];
        let (retry, back_off) = (of(Rung::Retry), of(Rung::BackOff));
        let (reset, reconnect) = (of(Rung::Reset), of(Rung::Reconnect));
        say!(
            self,
            info,
            "recovery",
            [
                retries = retry.attempts,
                retries_ok = retry.successes,
                back_offs = back_off.attempts,
                back_offs_ok = back_off.successes,
                resets = reset.attempts,
                resets_ok = reset.successes,
                reconnects = reconnect.attempts,
                reconnects_ok = reconnect.successes,
            ],
            "what faults led to, and how often it helped: {recovery}"
        );
    }

    fn run_end(&self, s: &Snapshot) {
        let (m, f) = (&s.memory, &s.frames);
        let losses: Vec<_> = f.losses().iter().map(|(name, n)| format!(", {n} {name}")).collect();
        let (elapsed, grabbed, delivered) = (s.elapsed, f.grabbed, f.delivered);
        let unfit = s.stages.iter().filter(|t| t.is_unfit()).count();
        let ok = s.failure.is_none() && s.is_balanced() && unfit == 0;
        let text = format!(
            "the run {} after {elapsed}: {} grabbed, {delivered} delivered{}",
            if ok { "is over" } else { "failed" },
            counted(grabbed, "frame"),
            losses.concat()
        );
        macro_rules! tell {
            ($level:ident) => {
                say!(
                    self,
                    $level,
                    "run_end",
                    [
                        ok,
                        failure = s.failure.as_deref(),
                        elapsed_ns = elapsed.0,
                        grabbed,
                        delivered,
                        incomplete = f.incomplete,
                        underrun = f.underrun,
                        refused = f.refused,
                        invalid = f.invalid,
                        lost_by_device = f.lost_by_device,
                        in_flight = f.in_flight,
                        balanced = s.is_balanced(),
                        rss_start = m.rss_start,
                        rss_settled = m.rss_settled,
                        rss_end = m.rss_end,
                        rss_peak = m.rss_peak,
                        pool_settled = m.pool_settled,
                        pool_bytes = m.pool_bytes,
                    ],
                    "{text}"
                )
            };
        }
        // As the verdict has it: a policy that sheds frames, a camera that loses some, do not make the run fail.
        match (ok, f.lost()) {
            (false, _) => tell!(error),
            (true, 0) => tell!(info),
            (true, _) => tell!(warn),
        }
    }
}

/// Which of the lines of one fault.
#[derive(Clone, Copy)]
enum Line {
    First,
    Elsewhere,
    Again,
    Total,
}

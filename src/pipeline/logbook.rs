//! What the monitor logs: a sentence for people, and beside it fields for programs.
//!
//! The field `event` says what a line is about: `run_begin`, `run_end`, `fault`, `fault_again`, `fault_total`,
//! `diagnosis`, `reset`, `reconnect`, `flow` (frames again after one of these), `memory`. A distinct fault is
//! logged when it comes first, again with what came since after a while, and once more at the end; the field
//! `new` adds up to its count. docs/logs.md has the fields.

use super::report::{DiagnosisReport, FaultReport, ReconnectReport, ResetReport, Snapshot};
use crate::clock::{HostTime, Nanos};
use crate::fault::code_text;
use std::time::Duration;

/// A memory peak is logged when it is so much higher than the one logged last: 5 percent.
const PEAK_STEP: u64 = 20;

/// What was told of a fault so far.
#[derive(Debug)]
struct Told {
    code: i64,
    count: u64,
    at: HostTime,
}

#[derive(Debug)]
pub(super) struct Logbook {
    camera: String,
    repeat_after: Duration,
    told: Vec<Told>,
    peak: u64,
}

impl Logbook {
    pub fn new(camera: String, repeat_after: Duration) -> Logbook {
        Logbook { camera, repeat_after, told: Vec::new(), peak: 0 }
    }

    pub fn begin(&self, fill: &str) {
        let camera = self.camera.as_str();
        tracing::info!(
            event = "run_begin",
            camera,
            fill,
            "the line begins: {camera}, fill by {fill}"
        );
    }

    /// A fault that comes for the first time.
    pub fn fault(&mut self, f: &FaultReport, start: HostTime) -> String {
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
        self.line("fault", f, f.count, start, &text);
        text
    }

    /// Faults that came again since they were told, at most every `repeat_after`.
    pub fn again(&mut self, faults: &[FaultReport], now: HostTime, start: HostTime) {
        for f in faults {
            let Some(told) = self.told.iter_mut().find(|t| t.code == f.code) else { continue };
            if f.count == told.count || (now - told.at).as_duration() < self.repeat_after {
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
            self.line("fault_again", f, new, start, &text);
        }
    }

    fn line(&self, event: &str, f: &FaultReport, new: u64, start: HostTime, text: &str) {
        let code = code_text(f.code);
        let (class, action) = (f.class.name(), f.action.as_str());
        let (first_ns, last_ns) = ((f.first - start).0, (f.last - start).0);
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    event,
                    camera = self.camera.as_str(),
                    call = f.call,
                    frame_id = f.frame_id,
                    code = code.as_str(),
                    name = f.name.as_str(),
                    class,
                    action,
                    new,
                    count = f.count,
                    first_ns,
                    last_ns,
                    "{text}"
                )
            };
        }
        if event == "fault" { tell!(warn) } else { tell!(info) }
    }

    pub fn diagnosis(&self, d: &DiagnosisReport) -> String {
        let text = format!(
            "diagnosis after {} time-outs: {} ({}); {}",
            d.timeouts, d.verdict, d.evidence, d.action
        );
        let e = &d.evidence;
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    event = "diagnosis",
                    camera = self.camera.as_str(),
                    verdict = d.verdict,
                    timeouts = d.timeouts,
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
                tracing::$level!(
                    event = "reset",
                    camera = self.camera.as_str(),
                    reason = r.reason,
                    ok = r.ok,
                    took_ns,
                    slot_bytes_before = r.slot_bytes_before,
                    slot_bytes_after = r.slot_bytes_after,
                    epoch = r.epoch,
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
            "reconnection ({}): {} attempts in {}, {}",
            r.reason,
            r.attempts,
            r.took,
            if r.ok { "the device is back" } else { "the device did not come back" }
        );
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    event = "reconnect",
                    camera = self.camera.as_str(),
                    reason = r.reason,
                    ok = r.ok,
                    attempts = r.attempts,
                    took_ns = r.took.0,
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

    /// Frames flow again after a reset or a reconnection.
    pub fn flow(&self, after: &str, dead: Nanos) {
        let camera = self.camera.as_str();
        tracing::info!(
            event = "flow",
            camera,
            after,
            dead_ns = dead.0,
            "frames flow again {dead} after the last before the {after}"
        );
    }

    /// Memory, when it is markedly higher than ever before.
    pub fn memory(&mut self, rss_bytes: u64, pool_bytes: u64) {
        if rss_bytes > self.peak + self.peak / PEAK_STEP {
            self.peak = rss_bytes;
            tracing::info!(
                event = "memory",
                rss_bytes,
                pool_bytes,
                "resident memory is {rss_bytes} bytes, of which the pools have {pool_bytes}"
            );
        }
    }

    /// The line has ended: what was told in part is told whole.
    pub fn end(&mut self, s: &Snapshot, start: HostTime) {
        for f in &s.faults {
            let told = self.told.iter_mut().find(|t| t.code == f.code);
            let new = told.map_or(f.count, |t| f.count - std::mem::replace(&mut t.count, f.count));
            if f.count < 2 {
                continue;
            }
            let text = format!(
                "{} {} ({}): {} in all, the first {} and the last {} after the start; {}",
                code_text(f.code),
                f.name,
                f.class,
                f.count,
                f.first - start,
                f.last - start,
                f.action
            );
            self.line("fault_total", f, new, start, &text);
        }
        let recovery = s.recovery();
        let (m, f) = (&s.memory, &s.frames);
        tracing::info!(
            event = "run_end",
            camera = self.camera.as_str(),
            ok = s.failure.is_none(),
            elapsed_ns = s.elapsed.0,
            grabbed = f.grabbed,
            delivered = f.delivered,
            balanced = s.is_balanced(),
            recovery = recovery.as_str(),
            rss_start = m.rss_start,
            rss_end = m.rss_end,
            rss_peak = m.rss_peak,
            pool_bytes = m.pool_bytes,
            "the line has ended after {}: {} frames grabbed, {} delivered{}{recovery}",
            s.elapsed,
            f.grabbed,
            f.delivered,
            if recovery.is_empty() { "" } else { "; " }
        );
    }
}

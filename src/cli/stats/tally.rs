//! From lines to answers: which run a line belongs to, and what of it is new.
//!
//! Counts in a log are cumulative within a run, so that a line that is missing costs precision of time and no count.
//! Memory is bounded whatever the log holds: distinct things beyond a limit are only counted.

use super::answers::{Answers, Counts, Course, ErrorCount, MAX_KINDS, Point, before};
use super::line::Line;
use crate::clock::Nanos;
use crate::pipeline::{FrameCounts, Rung};
use std::time::SystemTime;

/// Cameras whose runs are open at one time.
const MAX_CAMERAS: usize = 64;

/// A run that has not ended.
#[derive(Debug)]
struct Run {
    camera: String,
    /// The latest time since its start that a line told.
    elapsed: Nanos,
    faults: Vec<ErrorCount>,
    course: Course,
    peak: u64,
}

/// Takes lines, in the order of their time.
#[derive(Debug, Default)]
pub struct Tally {
    open: Vec<Run>,
    answers: Answers,
}

/// Events that are counted by their name.
const OTHERS: [&str; 5] = ["stage_failed", "stage_panicked", "overrun", "hung", "failure"];

impl Tally {
    /// One line.
    pub fn line(&mut self, l: &Line) {
        self.answers.saw(l.at);
        if l.event == "run_begin" {
            self.close(&l.camera);
        }
        let at = Nanos(l.number("at_ns").unwrap_or(0));
        let index = self.open(&l.camera);
        let (run, a) = (&mut self.open[index], &mut self.answers);
        run.elapsed = run.elapsed.max(at);
        let ok = l.truth("ok").unwrap_or(false);
        let reason = l.text("reason").unwrap_or_else(|| "no reason".into());
        match l.event.as_str() {
            "fault" | "fault_elsewhere" | "fault_again" | "fault_total" => run.fault(l, at, a),
            "reset" => a.resets.tried(ok, &reason),
            "reconnect" => a.reconnects.tried(ok, &reason),
            "diagnosis" => a.diagnoses.add(&l.text("verdict").unwrap_or_default(), 1),
            "flow" => {
                let dead = Nanos(l.number("dead_ns").unwrap_or(0));
                match l.text("after").as_deref() {
                    Some("reset") => a.resets.dead(dead),
                    Some("reconnection") => a.reconnects.dead(dead),
                    _ => {}
                }
            }
            "recovery" => {
                let n = |key| l.number(key).unwrap_or(0);
                a.rung(Rung::Retry, n("retries"), n("retries_ok"));
                a.rung(Rung::BackOff, n("back_offs"), n("back_offs_ok"));
            }
            "memory" => run.memory(l, a),
            "run_end" => self.end(index, l),
            event if OTHERS.contains(&event) => a.others.add(event, 1),
            _ => {}
        }
    }

    /// The open run of that camera; a log that begins within a run has one without its begin.
    fn open(&mut self, camera: &str) -> usize {
        if let Some(i) = self.open.iter().position(|r| r.camera == camera) {
            return i;
        }
        if self.open.len() == MAX_CAMERAS {
            let oldest = self.open[0].camera.clone();
            self.close(&oldest);
        }
        self.open.push(Run {
            camera: camera.into(),
            elapsed: Nanos(0),
            faults: Vec::new(),
            course: Course::default(),
            peak: 0,
        });
        self.open.len() - 1
    }

    /// A run whose end nobody told: its last lines are all that is known.
    fn close(&mut self, camera: &str) {
        if let Some(i) = self.open.iter().position(|r| r.camera == camera) {
            self.answers.unfinished += 1;
            self.take(i);
        }
    }

    fn end(&mut self, index: usize, l: &Line) {
        let run = &mut self.open[index];
        let n = |key| l.number(key).unwrap_or(0);
        run.elapsed = Nanos(l.number("elapsed_ns").unwrap_or(run.elapsed.0));
        run.peak = run.peak.max(n("rss_peak"));
        run.course = Course {
            settled: n("rss_settled"),
            pool_settled: n("pool_settled"),
            end: n("rss_end"),
            pool_end: n("pool_bytes"),
        };
        if n("rss_end") > 0 {
            let (rss_bytes, pool_bytes) = (n("rss_end"), n("pool_bytes"));
            self.answers.memory.point(Point { at: l.at, rss_bytes, pool_bytes });
        }
        self.answers.failed += u64::from(l.truth("ok") == Some(false));
        self.answers.frames(&FrameCounts {
            grabbed: n("grabbed"),
            delivered: n("delivered"),
            incomplete: n("incomplete"),
            underrun: n("underrun"),
            refused: n("refused"),
            invalid: n("invalid"),
            lost_by_device: n("lost_by_device"),
            in_flight: n("in_flight"),
        });
        self.take(index);
    }

    /// What a run came to goes into the answers.
    fn take(&mut self, index: usize) {
        let run = self.open.remove(index);
        let a = &mut self.answers;
        a.runs += 1;
        a.elapsed = Nanos(a.elapsed.0.saturating_add(run.elapsed.0));
        a.memory.run(run.course, run.peak);
        run.faults.into_iter().for_each(|f| a.fault(f));
    }

    /// No more lines.
    pub fn answers(mut self) -> Answers {
        while let Some(camera) = self.open.first().map(|r| r.camera.clone()) {
            self.close(&camera);
        }
        self.answers.sort();
        self.answers
    }
}

/// The calls of a fault, as its line has them: `NAME COUNT, NAME COUNT`.
fn calls(text: &str) -> Counts {
    let mut calls = Counts::default();
    for (call, n) in text.split(", ").filter_map(|part| part.rsplit_once(' ')) {
        if let Ok(n) = n.parse() {
            calls.add(call, n);
        }
    }
    calls
}

impl Run {
    fn fault(&mut self, l: &Line, at: Nanos, a: &mut Answers) {
        let Some(code) = l.text("code") else { return };
        let count = l.number("count").unwrap_or(1);
        let ns = |key| Nanos(l.number(key).unwrap_or(at.0));
        // When it was, from when the line was written: a line tells both since the start of the run.
        let time = |ns: Nanos| -> (SystemTime, Nanos) {
            (before(l.at, Nanos(at.0.saturating_sub(ns.0))), ns)
        };
        let calls = calls(&l.text("calls").unwrap_or_default());
        let (first, last) = (time(ns("first_ns")), time(ns("last_ns")));
        if let Some(f) = self.faults.iter_mut().find(|f| f.code == code) {
            f.count = f.count.max(count);
            f.calls = if calls.0.is_empty() { std::mem::take(&mut f.calls) } else { calls };
            f.last = if last.1 > f.last.1 { last } else { f.last };
            return;
        }
        if self.faults.len() == MAX_KINDS {
            // Of a log that is made up: a line keeps no more.
            a.errors_beyond = a.errors_beyond.saturating_add(l.number("new").unwrap_or(1));
            return;
        }
        let text = |key| l.text(key).unwrap_or_default();
        self.faults.push(ErrorCount {
            code,
            name: text("name"),
            class: text("class"),
            action: text("action"),
            call: text("call"),
            calls,
            count,
            first,
            last,
        });
    }

    fn memory(&mut self, l: &Line, a: &mut Answers) {
        let Some(rss_bytes) = l.number("rss_bytes") else { return };
        let pool_bytes = l.number("pool_bytes").unwrap_or(0);
        a.memory.point(Point { at: l.at, rss_bytes, pool_bytes });
        self.peak = self.peak.max(rss_bytes);
        (self.course.end, self.course.pool_end) = (rss_bytes, pool_bytes);
        if l.text("why").as_deref() == Some("settled") {
            (self.course.settled, self.course.pool_settled) = (rss_bytes, pool_bytes);
        }
    }
}

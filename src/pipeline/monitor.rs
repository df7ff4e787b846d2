//! The cold thread beside a line: takes reports from the hot threads, samples memory and page faults,
//! names what hangs, and logs. No hot thread ever waits for it.

use super::logbook::Logbook;
use super::report::{EventReport, FaultReport, Rung, Sample};
use super::shared::{Anomaly, Cold, Event, Shared, Steady};
use crate::clock::{HostTime, Nanos};
use crate::fault::{CodeTable, FaultClass};
use crate::sync::{AtomicBool, AtomicU64, Ordering, WakeCell, rtrb};
use crate::telemetry::DistinctErrors;
use std::sync::Arc;

/// Events that are kept: the newest.
const MAX_EVENTS: usize = 2000;
/// Resets, and reconnections, that are kept with their parts: the first; those beyond are counted.
const MAX_RESETS: usize = 20_000;
/// Samples that are kept. When there are more, every second one goes and they are taken half as often: a run of
/// years, too, is seen from its beginning to its end.
const MAX_SAMPLES: usize = 16_384;
const MAX_DISTINCT: usize = 256;

pub(super) struct Monitor {
    pub shared: Arc<Shared>,
    pub table: CodeTable,
    /// One ring a hot thread, with the count of what found it full.
    pub rings: Vec<(rtrb::Consumer<Event>, Arc<AtomicU64>)>,
    pub bed: Arc<WakeCell>,
    pub quit: Arc<AtomicBool>,
    pub errors: DistinctErrors,
    pub dropped: u64,
    /// One sample of so many is kept.
    stride: u64,
    sampled: u64,
    log: Logbook,
}

/// What the line does about a fault while it stops the device, or one that the source met and went past.
const COUNTED: &str = "count";

/// A fault as a hot thread told it.
struct Happened {
    code: i64,
    class: FaultClass,
    call: &'static str,
    times: u64,
    frame_id: Option<u64>,
    at: HostTime,
    acts: bool,
}

impl Monitor {
    pub fn new(
        shared: Arc<Shared>,
        camera: String,
        table: CodeTable,
        rings: Vec<(rtrb::Consumer<Event>, Arc<AtomicU64>)>,
        bed: Arc<WakeCell>,
        quit: Arc<AtomicBool>,
    ) -> Monitor {
        let log = Logbook::new(shared.clone(), camera);
        Monitor {
            log,
            shared,
            table,
            rings,
            bed,
            quit,
            errors: DistinctErrors::new(MAX_DISTINCT),
            dropped: 0,
            stride: 1,
            sampled: 0,
        }
    }

    /// The thread's whole life: it outlasts the line's other threads, so that nothing goes untold.
    pub fn run(mut self) {
        self.bed.attach();
        self.log.begin();
        for r in &self.shared.cold().refusals {
            self.log.refused(r.what, &r.reason);
        }
        let interval = self.shared.config.monitor.interval.max(std::time::Duration::from_millis(1));
        loop {
            let quit = self.quit.load(Ordering::Acquire);
            self.take_reports();
            self.sample();
            self.watch();
            self.repeat();
            if quit {
                let end = super::snapshot::snapshot(&self.shared);
                self.log.end(&end);
                return;
            }
            // Rings are emptied more often than samples are taken, so that bursts fit.
            let until = self.shared.clock.now() + interval;
            while self.shared.clock.now() < until && !self.quit.load(Ordering::Acquire) {
                let quit = &self.quit;
                let rings = &self.rings;
                self.bed.park_unless(
                    || quit.load(Ordering::Acquire) || rings.iter().any(|(r, _)| r.slots() > 512),
                    interval.min(std::time::Duration::from_millis(20)),
                );
                self.take_reports();
            }
        }
    }

    fn take_reports(&mut self) {
        let mut batch = Vec::new();
        for (ring, dropped) in &mut self.rings {
            while let Ok(event) = ring.pop() {
                batch.push(event);
            }
            let lost = dropped.swap(0, Ordering::Relaxed);
            self.dropped += lost;
        }
        if self.dropped > 0 {
            let lost = std::mem::take(&mut self.dropped);
            self.shared.capture.anomalies[Anomaly::EventsDropped as usize].add(lost);
        }
        if batch.is_empty() {
            return;
        }
        let shared = self.shared.clone();
        let mut cold = shared.cold();
        for event in batch {
            self.take_report(event, &mut cold);
        }
    }

    fn take_report(&mut self, event: Event, cold: &mut Cold) {
        let shared = self.shared.clone();
        match event {
            Event::Fault { code, class, call, times, frame_id, at, acts, detail: _ } => {
                self.fault(cold, Happened { code, class, call, times, frame_id, at, acts });
            }
            Event::Diagnosis(report) => {
                let text = self.log.diagnosis(&report);
                note(cold, report.at, text);
                if cold.diagnoses.len() < MAX_RESETS {
                    cold.diagnoses.push(*report);
                } else {
                    cold.diagnoses_beyond += 1;
                }
            }
            Event::Rung { rung, ok, took } => {
                let r = &mut cold.ladder[rung as usize];
                r.attempts += 1;
                r.successes += u64::from(ok);
                r.time = Nanos(r.time.0.saturating_add(took.0));
                // Resets and reconnections tell of themselves; a retry is as frequent as a time-out.
                if rung == Rung::BackOff {
                    let text = self.log.back_off(ok, took);
                    note(cold, shared.clock.now(), text);
                }
            }
            Event::Reset(report) => {
                let text = self.log.reset(&report);
                note(cold, report.at, text);
                if cold.resets.len() < MAX_RESETS {
                    cold.resets.push(*report);
                } else {
                    cold.resets_beyond += 1;
                }
            }
            Event::ResetDead { epoch, dead } => {
                self.log.flow("reset", dead);
                if let Some(r) = cold.resets.iter_mut().rev().find(|r| r.epoch == epoch) {
                    r.dead = dead;
                }
            }
            Event::Reconnect(report) => {
                let text = self.log.reconnect(&report);
                note(cold, report.at, text);
                if cold.reconnects.len() < MAX_RESETS {
                    cold.reconnects.push(*report);
                } else {
                    cold.reconnects_beyond += 1;
                }
            }
            Event::ReconnectDead { dead } => {
                self.log.flow("reconnection", dead);
                if cold.reconnects_beyond == 0
                    && let Some(r) = cold.reconnects.last_mut()
                {
                    r.dead = dead;
                }
            }
            Event::StageFailed { stage, frame_id, error, at } => {
                let name = &shared.stages[stage].name;
                if self.errors.note(error.code, stage as u32 + 1, at) {
                    let text = format!("stage {name} failed on frame {frame_id}: {}", error.what);
                    self.log.stage_failed(name, frame_id, error.code, &text);
                    note(cold, at, text);
                }
            }
            Event::StagePanicked { stage, frame_id, at } => {
                let name = &shared.stages[stage].name;
                let text = format!("stage {name} panicked on frame {frame_id}; it goes on");
                if self.errors.note(i64::MIN, stage as u32 + 1, at) {
                    self.log.stage_panicked(name, frame_id, &text);
                }
                note(cold, at, text);
            }
            Event::FormatChange { width, height, at } => {
                note(cold, at, format!("frames are {width} x {height} pixels from here on"));
            }
            Event::Overrun { slot, at_least_bytes, at } => {
                let text = format!(
                    "the source wrote at least {at_least_bytes} bytes past the end of slot {slot}; the frame was dropped and the slot is not used again"
                );
                self.log.overrun(slot, at_least_bytes, &text);
                note(cold, at, text);
            }
            Event::Refused(refusal) => {
                if !cold.refusals.iter().any(|r| r == &refusal) {
                    self.log.refused(refusal.what, &refusal.reason);
                    cold.refusals.push(refusal);
                }
            }
            Event::Note(text, at) => {
                self.log.note(&text);
                note(cold, at, text);
            }
            Event::Failure(reason) => {
                self.log.failure(&reason);
                note(cold, shared.clock.now(), reason.clone());
                cold.failure.get_or_insert(reason);
            }
        }
    }

    fn fault(&mut self, cold: &mut Cold, h: Happened) {
        if let Some(f) = cold.faults.iter_mut().find(|f| f.code == h.code) {
            if h.acts && f.action == COUNTED {
                f.action = h.class.action().to_owned();
            }
            if f.add(h.call, h.times, h.at) {
                let text = self.log.fault_elsewhere(f, h.call);
                note(cold, h.at, text);
            }
            return;
        }
        if cold.faults.len() == MAX_DISTINCT {
            cold.faults_beyond += 1;
            return;
        }
        let report = FaultReport {
            code: h.code,
            name: self.table.name(h.code).to_owned(),
            class: h.class,
            count: h.times,
            call: h.call,
            calls: vec![(h.call, h.times)],
            frame_id: h.frame_id,
            first: h.at,
            last: h.at,
            action: if h.acts { h.class.action() } else { COUNTED }.to_owned(),
        };
        let text = self.log.fault(&report);
        note(cold, h.at, text);
        cold.faults.push(report);
    }

    /// Faults that came again are told now and then.
    fn repeat(&mut self) {
        let shared = self.shared.clone();
        let now = shared.clock.now();
        self.log.again(&shared.cold().faults, now);
    }

    fn sample(&mut self) {
        let shared = &self.shared;
        if shared.started.get() == 0 {
            return;
        }
        let rss = process_rss().unwrap_or(0);
        let (mut minor, mut major) = (0, 0);
        for t in &shared.threads {
            if let Some((a, b)) = thread_faults(t.tid.get()) {
                minor += a;
                major += b;
            }
        }
        let now = shared.clock.now();
        let c = &shared.capture;
        let pool_bytes = shared.pools.iter().map(|p| p.memory().0 as u64).sum();
        let sample = Sample {
            at: now,
            rss_bytes: rss,
            pool_bytes,
            faults_minor: minor,
            faults_major: major,
            slots_out: shared.pools[0].held().len() as u64,
            grabbed: c.grabbed.get(),
            bytes: c.bytes.get(),
            lost: super::snapshot::frame_counts(shared).lost(),
        };
        let steady = Steady {
            allocations: crate::alloc::hot_allocations(),
            faults_minor: minor.saturating_sub(c.reset_faults_minor.get()),
            faults_major: major.saturating_sub(c.reset_faults_major.get()),
        };
        let mut cold = shared.cold();
        // A thread that has ended takes its numbers with it: the last sample with all alive stands.
        // The caller's own thread is not ours to watch.
        let ours = || shared.threads.iter().filter(|t| t.tid.get() != 0);
        let all_alive = ours().count() > 0 && ours().all(|t| thread_faults(t.tid.get()).is_some());
        if all_alive {
            cold.steady_first.get_or_insert(steady);
            if shared.elapsed().as_duration() >= shared.config.monitor.warm_up {
                cold.steady_from.get_or_insert(steady);
            }
            cold.steady_now = steady;
        }
        if shared.elapsed().as_duration() >= shared.config.monitor.warm_up {
            cold.settled.get_or_insert((rss, pool_bytes));
        }
        self.log.memory(now, rss, pool_bytes);
        cold.rss_now = rss;
        cold.rss_peak = cold.rss_peak.max(rss);
        if self.sampled.is_multiple_of(self.stride) {
            if cold.samples.len() == MAX_SAMPLES {
                let mut place = 0;
                cold.samples.retain(|_| {
                    place += 1;
                    place % 2 == 1
                });
                self.stride *= 2;
            }
            cold.samples.push(sample);
        }
        drop(cold);
        self.sampled += 1;
    }

    /// Names threads that are in one call for longer than a turn should take.
    fn watch(&mut self) {
        let shared = self.shared.clone();
        let now = shared.clock.now();
        let limit = shared.config.monitor.hang_after;
        for (i, t) in shared.threads.iter().enumerate() {
            let (busy, since) = (t.busy.get(), t.busy_since.get());
            let grab = busy == super::shared::activity::GRAB;
            let limit =
                if grab { limit.saturating_add(shared.config.capture.timeout) } else { limit };
            if busy == 0 || (now - HostTime(since)).as_duration() < limit {
                continue;
            }
            let mut cold = shared.cold();
            if cold.hung.contains(&(i, since)) {
                continue;
            }
            // One a thread is enough: a thread is in one call at a time.
            cold.hung.retain(|(thread, _)| *thread != i);
            cold.hung.push((i, since));
            let (call, length) = (&shared.activities[busy as usize - 1], now - HostTime(since));
            let text = format!("thread {} has been in {call} for {length}", t.name);
            self.log.hung(&t.name, call, length, &text);
            note(&mut cold, now, text);
        }
    }
}

fn note(cold: &mut Cold, at: HostTime, text: String) {
    if cold.events.len() == MAX_EVENTS {
        cold.events.pop_front();
    }
    cold.events.push_back(EventReport { at, text });
}

/// Minor and major page faults of one of this process's threads (fields 10 and 12 of `stat`, proc(5)).
pub(super) fn thread_faults(tid: u64) -> Option<(u64, u64)> {
    if tid == 0 {
        return None;
    }
    let text = std::fs::read_to_string(format!("/proc/self/task/{tid}/stat")).ok()?;
    // The name in parentheses may hold spaces; fields are counted from behind it.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let minor = fields.nth(7)?.parse().ok()?;
    let major = fields.nth(1)?.parse().ok()?;
    Some((minor, major))
}

/// Resident memory of this process in bytes (second field of `statm`, proc(5)).
pub(super) fn process_rss() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * crate::sys::page_bytes() as u64)
}

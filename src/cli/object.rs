//! The object of `run --json`: DESIGN section 7 to the letter, with a few keys more.

use super::inspection::truths;
use super::job::Job;
use super::kinds::Kind;
use super::log::LogOutcome;
use super::machine::Machine;
use super::value::list;
use crate::clock::{HostTime, Nanos, wall_time};
use crate::fault::code_text;
use crate::pipeline::{Rung, Snapshot, StageSnapshot};
use crate::source::Evidence;
use crate::stage::Figure;
use crate::telemetry::LatencySnapshot;
use serde_json::{Map, Value, json};

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Why it failed, one sentence each; empty: it did what was asked.
    pub failures: Vec<String>,
    /// It was ended by a signal.
    pub interrupted: bool,
    /// Stages that failed on frames, in a few words each.
    pub gave_up: Vec<String>,
    /// Frames that did not arrive whole, by cause, only those that occurred.
    pub losses: Vec<(&'static str, u64)>,
    /// Frames that the camera took.
    pub grabbed: u64,
    /// What became of the lines in the log file, if there is one.
    pub log: Option<LogOutcome>,
}

/// Figures of a verifying stage that say that a frame was wrong.
const BAD: &[&str] = &["torn", "truncated", "misordered", "duplicated", "unexplained_gaps"];

impl Verdict {
    /// Judges the final snapshot.
    pub fn of(job: &Job, s: &Snapshot, interrupted: bool) -> Verdict {
        let mut failures: Vec<String> = s.failure.iter().cloned().collect();
        let gave_up = |t: &StageSnapshot| {
            let panics =
                if t.panicked > 0 { format!(", {} by a panic", t.panicked) } else { String::new() };
            format!("stage {} failed on {} of {} frames{panics}", t.name, t.failed, t.frames)
        };
        let (unfit, some): (Vec<_>, Vec<_>) =
            s.stages.iter().filter(|t| t.failed > 0).partition(|t| t.is_unfit());
        failures.extend(unfit.into_iter().map(gave_up));
        let gave_up = some.into_iter().map(gave_up).collect();
        for (name, count) in bad_figures(job, s) {
            failures.push(format!("stage {name} found {count}"));
        }
        for (name, error) in lost_recordings(job, s) {
            failures.push(format!("stage {name} records no more: {error}"));
        }
        for name in unclosed_recordings(job, s) {
            failures.push(format!(
                "the recording of stage {name} was not closed, for the disk did not take it in time; \
                 every frame that it says is recorded is there: frameline repair makes the file whole"
            ));
        }
        let f = &s.frames;
        if f.grabbed != f.accounted() {
            failures.push(format!(
                "the frames do not add up: {} grabbed, {} accounted for",
                f.grabbed,
                f.accounted()
            ));
        }
        let hops = s.unbalanced_hops();
        if !hops.is_empty() {
            let names = list(hops.iter().map(|h| h.name.as_str()));
            failures.push(format!("frames that went into hop {names} did not all come out"));
        }
        Verdict {
            failures,
            interrupted,
            gave_up,
            losses: f.losses(),
            grabbed: f.grabbed,
            log: None,
        }
    }

    /// One sentence.
    pub fn text(&self) -> String {
        if !self.failures.is_empty() {
            return self.failures.join("; ");
        }
        let how = if self.interrupted { "stopped when asked to" } else { "ran to its end" };
        let mut text =
            format!("the line {how} and every frame is accounted for{}", self.losses_text());
        for stage in &self.gave_up {
            text += "; ";
            text += stage;
        }
        text
    }

    /// What is to be said of losses, to be put behind a sentence.
    fn losses_text(&self) -> String {
        if self.losses.is_empty() {
            return String::new();
        }
        let lost: u64 = self.losses.iter().map(|(_, n)| n).sum();
        let causes: Vec<_> = self.losses.iter().map(|(name, n)| format!("{n} {name}")).collect();
        let grabbed = self.grabbed;
        format!("; {lost} of {grabbed} did not arrive whole ({})", causes.join(", "))
    }
}

/// What stages that record say of themselves: stage, key and figure.
fn recordings<'a>(
    job: &'a Job,
    s: &'a Snapshot,
) -> impl Iterator<Item = (&'a str, &'static str, &'a Figure)> {
    let records = |name: &str| {
        job.stages.iter().any(|j| j.spec.name == name && matches!(j.kind, Kind::Record(_)))
    };
    s.stages.iter().filter(move |stage| records(&stage.name)).flat_map(|stage| {
        stage.results.iter().map(|(key, figure)| (stage.name.as_str(), *key, figure))
    })
}

/// Recordings that ended before their line: stage and reason.
fn lost_recordings<'a>(job: &'a Job, s: &'a Snapshot) -> Vec<(&'a str, &'a str)> {
    let error = |(stage, key, figure): (&'a str, _, &'a Figure)| match figure {
        Figure::Text(text) if key == "error" && !text.is_empty() => Some((stage, text.as_str())),
        _ => None,
    };
    recordings(job, s).filter_map(error).collect()
}

/// Recordings whose last file was not closed.
fn unclosed_recordings<'a>(job: &'a Job, s: &'a Snapshot) -> Vec<&'a str> {
    let is_open = |key, figure: &Figure| key == "unclosed" && *figure == Figure::Count(1);
    let open = recordings(job, s).filter(|(_, key, figure)| is_open(*key, figure));
    open.map(|(stage, ..)| stage).collect()
}

/// What verifying stages found wrong: stage and `torn frames: 3`.
fn bad_figures(job: &Job, s: &Snapshot) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for stage in &s.stages {
        let verifies = |j: &&super::job::StageJob| {
            j.spec.name == stage.name && matches!(j.kind, Kind::Verify { .. })
        };
        if !job.stages.iter().any(|j| verifies(&j)) {
            continue;
        }
        for (name, figure) in &stage.results {
            let Figure::Count(n) = figure else { continue };
            if *n > 0 && BAD.contains(name) {
                let what = if name.ends_with('s') { "" } else { " frames" };
                let what = format!("{}{what}: {n}", name.replace('_', " "));
                out.push((stage.name.clone(), what));
            }
        }
    }
    out
}

fn latency(l: &LatencySnapshot) -> Value {
    json!({
        "count": l.count(),
        "p50": l.quantile(0.5).0,
        "p90": l.quantile(0.9).0,
        "p99": l.quantile(0.99).0,
        "p999": l.quantile(0.999).0,
        "max": l.max().0,
        "mean": l.mean().0,
        "min": l.min().0,
    })
}

fn figure(f: &Figure) -> Value {
    match f {
        Figure::Count(n) | Figure::Max(n) => json!(n),
        Figure::Number(_) | Figure::Share { .. } => json!(f.as_f64()),
        Figure::Text(t) => json!(t),
    }
}

/// What a source went by; figures that it does not have are left out.
fn evidence(e: &Evidence) -> Value {
    let all = [
        ("connected", e.connected.map(Value::from)),
        ("exception", e.exception.map(|code| code_text(code).into())),
        ("triggered", e.triggered.map(Value::from)),
        ("payload_at_start", e.payload_at_start.map(Value::from)),
        ("payload_now", e.payload_now.map(Value::from)),
        ("packet_at_start", e.packet_at_start.map(Value::from)),
        ("packet_now", e.packet_now.map(Value::from)),
        ("bytes_received", e.bytes_received.map(Value::from)),
        ("frames_received", e.frames_received.map(Value::from)),
    ];
    all.into_iter().filter_map(|(name, v)| Some((name.to_string(), v?))).collect()
}

/// Names the holders of a slot.
pub fn holders(s: &Snapshot, held: &crate::buffer::HeldSlot) -> Vec<String> {
    let name = |i: usize| s.lanes.get(i).cloned().unwrap_or_else(|| format!("holder {i}"));
    held.holders.iter().map(|(lane, _)| name(lane.index())).collect()
}

/// The object.
pub fn object(s: &Snapshot, verdict: &Verdict) -> Value {
    let since = |at: HostTime| (at - s.started).0;
    let ns = |n: Nanos| n.0;
    let f = &s.frames;
    let mut latencies = Map::new();
    for hop in &s.hops {
        latencies.insert(hop.name.clone(), latency(&hop.latency));
    }
    for stage in &s.stages {
        latencies.insert(stage.name.clone(), latency(&stage.service));
    }
    latencies.insert("end_to_end".into(), latency(&s.end_to_end));
    let mut results: Map<String, Value> = s
        .stages
        .iter()
        .map(|stage| {
            let figures: Map<String, Value> =
                stage.results.iter().map(|(n, f)| ((*n).into(), figure(f))).collect();
            (stage.name.clone(), Value::Object(figures))
        })
        .collect();
    for truth in truths(s) {
        let inspection = truth.of.and_then(|name| results.get_mut(&name));
        let Some(Value::Object(figures)) = inspection else { continue };
        figures.insert("precision".into(), json!(truth.precision));
        figures.insert("recall".into(), json!(truth.recall));
    }
    let m = &s.memory;
    json!({
        "ok": verdict.failures.is_empty(),
        "verdict": verdict.text(),
        "interrupted": verdict.interrupted,
        "frames": {
            "grabbed": f.grabbed,
            "delivered": f.delivered,
            "incomplete": f.incomplete,
            "underrun": f.underrun,
            "refused": f.refused,
            "invalid": f.invalid,
            "lost_by_device": f.lost_by_device,
            "in_flight": f.in_flight,
        },
        "balanced": s.is_balanced(),
        "bytes": s.bytes,
        "seconds": s.elapsed.0 as f64 / 1e9,
        "frames_per_second": s.frames_per_second(),
        "fill": s.fill,
        "latency_ns": latencies,
        "capture_ns": {
            "interval": latency(&s.grab_interval),
            "jitter": latency(&s.grab_jitter),
        },
        "resets": s.resets.iter().map(|r| json!({
            "reason": r.reason,
            "at_ns": since(r.at),
            "drain_ns": ns(r.drain),
            "prove_ns": ns(r.prove),
            "rebuild_ns": ns(r.rebuild),
            "restart_ns": ns(r.restart),
            "dead_ns": ns(r.dead),
            "slot_bytes_before": r.slot_bytes_before,
            "slot_bytes_after": r.slot_bytes_after,
            "touched_bytes": r.touched_bytes,
            "touch_ns": r.touch.0,
            "epoch": r.epoch,
            "late": r.late,
            "ok": r.ok,
        })).collect::<Vec<_>>(),
        "reconnects": s.reconnects.iter().map(|r| json!({
            "reason": r.reason,
            "at_ns": since(r.at),
            "attempts": r.attempts,
            "took_ns": ns(r.took),
            "dead_ns": ns(r.dead),
            "ok": r.ok,
        })).collect::<Vec<_>>(),
        "diagnoses": s.diagnoses.iter().map(|d| json!({
            "at_ns": since(d.at),
            "took_ns": ns(d.took),
            "timeouts": d.timeouts,
            "damaged": d.damaged,
            "verdict": d.verdict,
            "action": d.action,
            "evidence": evidence(&d.evidence),
        })).collect::<Vec<_>>(),
        "ladder": Rung::ALL.iter().zip(&s.ladder).map(|(rung, r)| {
            let figures = json!({
                "attempts": r.attempts,
                "successes": r.successes,
                "time_ns": ns(r.time),
            });
            (rung.name().replace('-', "_"), figures)
        }).collect::<Map<_, _>>(),
        "recovery": s.recovery(),
        "faults": s.faults.iter().map(|r| json!({
            "code": code_text(r.code),
            "name": r.name,
            "class": r.class.name(),
            "count": r.count,
            "action": r.action,
            "first_ns": since(r.first),
            "last_ns": since(r.last),
            "call": r.call,
            "calls": r.calls.iter().map(|(c, n)| ((*c).into(), json!(n))).collect::<Map<_, _>>(),
            "frame_id": r.frame_id,
        })).collect::<Vec<_>>(),
        "memory": {
            "pool_bytes": m.pool_bytes,
            "rss_start": m.rss_start,
            "rss_settled": m.rss_settled,
            "pool_settled": m.pool_settled,
            "rss_end": m.rss_end,
            "rss_peak": m.rss_peak,
            "locked": m.pool_bytes > 0 && m.locked_bytes >= m.pool_bytes,
            "huge_pages": m.huge_bytes > 0,
            "locked_bytes": m.locked_bytes,
            "huge_bytes": m.huge_bytes,
            "slots": s.slots,
            "slot_bytes": s.slot_bytes,
        },
        "steady": {
            "allocations": s.steady.allocations,
            "page_faults_major": s.steady.page_faults_major,
            "page_faults_minor": s.steady.page_faults_minor,
        },
        "results": results,
        "hops": s.hops.iter().map(|h| json!({
            "name": h.name,
            "policy": h.policy.to_string(),
            "depth": h.depth,
            "offered": h.offered,
            "accepted": h.accepted,
            "refused": h.refused,
            "replaced": h.replaced,
            "skipped": h.skipped,
            "taken": h.taken,
        })).collect::<Vec<_>>(),
        "stages": s.stages.iter().map(|t| json!({
            "name": t.name,
            "frames": t.frames,
            "failed": t.failed,
            "panicked": t.panicked,
        })).collect::<Vec<_>>(),
        "threads": s.threads.iter().map(|t| json!({
            "name": t.name,
            "turns": t.turns,
            "longest_gap_ns": ns(t.longest_gap),
            "busy": t.busy.as_ref().map(|(what, _)| what),
            "ended": t.ended,
        })).collect::<Vec<_>>(),
        "source_counters": s.source_counters.iter().map(|(n, c)| (n.clone(), json!(c)))
            .collect::<Map<_, _>>(),
        "refusals": s.refusals.iter().map(|r| json!({
            "what": r.what,
            "reason": r.reason,
        })).collect::<Vec<_>>(),
        "held": s.held.iter().map(|h| json!({
            "slot": h.slot,
            "frame_id": h.frame_id,
            "holders": holders(s, h),
            "age_ns": ns(h.age(s.at)),
        })).collect::<Vec<_>>(),
        "anomalies": s.anomalies.iter().map(|(n, c)| ((*n).to_string(), json!(c)))
            .collect::<Map<_, _>>(),
        "events": s.events.iter().map(|e| json!({ "at_ns": since(e.at), "text": e.text }))
            .collect::<Vec<_>>(),
        "log": verdict.log.as_ref().map(LogOutcome::object),
        "failure": s.failure,
    })
}

/// When the line started, in the calendar's time.
pub fn started(s: &Snapshot) -> std::time::SystemTime {
    wall_time(s.started)
}

/// The same as text: RFC 3339, UTC.
pub fn started_text(s: &Snapshot) -> String {
    humantime::format_rfc3339_seconds(started(s)).to_string()
}

/// The object with what a report adds: the machine, the configuration, samples over time.
pub fn report_object(s: &Snapshot, verdict: &Verdict, job: &Job, machine: &Machine) -> Value {
    let mut object = object(s, verdict);
    if let Value::Object(keys) = &mut object {
        keys.insert("frameline".into(), json!(env!("CARGO_PKG_VERSION")));
        keys.insert("started".into(), json!(started_text(s)));
        keys.insert("machine".into(), machine.json());
        keys.insert("stats".into(), super::stats::object::object(&super::stats::Answers::of(s)));
        let config: Option<toml::Table> = job.toml.parse().ok();
        keys.insert("config".into(), json!(config));
        let samples = s.samples.iter().map(|p| {
            json!({
                "at_ns": (p.at - s.started).0,
                "rss_bytes": p.rss_bytes,
                "pool_bytes": p.pool_bytes,
                "page_faults_minor": p.faults_minor,
                "page_faults_major": p.faults_major,
                "slots_out": p.slots_out,
                "grabbed": p.grabbed,
                "bytes": p.bytes,
                "lost": p.lost,
            })
        });
        keys.insert("samples".into(), samples.collect());
    }
    object
}

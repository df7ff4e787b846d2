//! The answers for programs: the object of `stats --json`, and `stats` in a report's `summary.json`.

use super::answers::{Answers, Counts, Tries};
use crate::pipeline::{Rung, RungReport};
use serde_json::{Map, Value, json};
use std::time::SystemTime;

fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

fn counts(c: &Counts) -> Map<String, Value> {
    c.0.iter().map(|(name, n)| (name.clone(), (*n).into())).collect()
}

fn tries(t: &Tries) -> Value {
    json!({
        "attempts": t.attempts,
        "successes": t.successes,
        "share": t.share(),
        "dead_median_ns": t.dead_median().map(|n| n.0),
        "dead_longest_ns": t.dead_longest().map(|n| n.0),
        "reasons": counts(&t.reasons),
    })
}

fn rung(r: &RungReport) -> Value {
    let share = (r.attempts > 0).then(|| r.successes as f64 / r.attempts as f64);
    json!({ "attempts": r.attempts, "successes": r.successes, "share": share })
}

/// The object.
pub fn object(a: &Answers) -> Value {
    let f = &a.frames;
    let m = &a.memory;
    json!({
        "runs": a.runs,
        "failed": a.failed,
        "unfinished": a.unfinished,
        "seconds": a.elapsed.0 as f64 / 1e9,
        "from": a.span.map(|s| time(s.0)),
        "to": a.span.map(|s| time(s.1)),
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
        "errors": a.errors.iter().map(|e| json!({
            "code": e.code,
            "name": e.name,
            "class": e.class,
            "count": e.count,
            "per_hour": a.per_hour(e.count),
            "first": time(e.first.0),
            "first_ns": e.first.1.0,
            "last": time(e.last.0),
            "last_ns": e.last.1.0,
            "call": e.call,
            "calls": counts(&e.calls),
            "action": e.action,
        })).collect::<Vec<_>>(),
        "errors_not_listed": a.errors_beyond,
        "recovery": {
            "retries": rung(&a.ladder[Rung::Retry as usize]),
            "back_offs": rung(&a.ladder[Rung::BackOff as usize]),
            "resets": tries(&a.resets),
            "reconnects": tries(&a.reconnects),
            "diagnoses": counts(&a.diagnoses),
        },
        "memory": {
            "rss_peak": m.peak,
            "flat": m.is_flat(),
            "runs_judged": m.judged,
            "runs_flat": m.flat,
            "growth_bytes": m.worst.and_then(|w| w.growth()),
            "rss_settled": m.worst.map(|w| w.settled),
            "pool_settled": m.worst.map(|w| w.pool_settled),
            "rss_end": m.worst.map(|w| w.end),
            "pool_end": m.worst.map(|w| w.pool_end),
            "over_time": m.over_time().iter().map(|p| json!({
                "at": time(p.at),
                "rss_bytes": p.rss_bytes,
                "pool_bytes": p.pool_bytes,
            })).collect::<Vec<_>>(),
        },
        "others": counts(&a.others),
    })
}

//! Resets with their parts, reconnections, faults, and the line's log.

use super::{MAX_ROWS, Row, more, section, table};
use crate::cli::object::holders;
use crate::cli::report::page::nanos;
use crate::cli::units::{grouped, size, time_on_page};
use crate::fault::{FaultClass, code_text};
use crate::pipeline::{FaultReport, ResetReport, Snapshot};
use crate::words::plural;
use maud::{Markup, html};

/// Entries of the log at most: the first and the last.
const MAX_EVENTS: usize = 60;

/// All of it; nothing where nothing happened.
pub fn troubles(s: &Snapshot) -> Markup {
    html! { (faults(s)) (diagnoses(s)) (resets(s)) (reconnects(s)) (held(s)) (events(s)) }
}

/// When something was, since the start of the line.
fn since(s: &Snapshot, at: crate::clock::HostTime) -> String {
    format!("{:.3} s", (at - s.started).0 as f64 / 1e9)
}

fn faults(s: &Snapshot) -> Markup {
    let anomalies: Vec<_> = s.anomalies.iter().filter(|(_, n)| *n > 0).collect();
    if s.faults.is_empty() && anomalies.is_empty() {
        return html! {};
    }
    let heads =
        ["fault", "class", "count", "at", "first", "last", "what the line does", "what came of it"];
    let rows = s.faults.iter().take(MAX_ROWS).map(|r| {
        Row::new([
            html! { code { (code_text(r.code)) } " " (r.name) },
            html! { (r.class) },
            html! { data value=(r.count) { (grouped(r.count)) } },
            html! { (calls(r)) },
            html! { (since(s, r.first)) },
            html! { (since(s, r.last)) },
            html! { (r.action) },
            html! { (outcome(s, r)) },
        ])
    });
    let body = html! {
        @if !s.faults.is_empty() { (table(&heads, rows)) (more(MAX_ROWS, s.faults.len())) }
        @if !s.recovery().is_empty() { p { "Recovery: " (s.recovery()) "." } }
        @if !anomalies.is_empty() {
            p { "The checks of what the source says found: "
                @for (i, (name, n)) in anomalies.iter().enumerate() {
                    @if i > 0 { ", " } (name.replace('_', " ")) " " (grouped(*n))
                }
                "."
            }
        }
    };
    section("faults", "Faults", "What the source reported, by code.", &body)
}

/// What the source knew about its silences, and the figures that it went by.
/// The calls that answered so; how often each did, where there are several.
fn calls(r: &FaultReport) -> String {
    match r.calls.as_slice() {
        [(call, _)] => (*call).into(),
        _ => r.calls_text(),
    }
}

fn diagnoses(s: &Snapshot) -> Markup {
    if s.diagnoses.is_empty() {
        return html! {};
    }
    let rows = s.diagnoses.iter().take(MAX_ROWS).map(|d| {
        Row::new([
            html! { (d.verdict) },
            html! { (since(s, d.at)) },
            html! { (d.after()) },
            html! { (nanos(d.took.0)) },
            html! { (d.evidence) },
            html! { (d.action) },
        ])
    });
    let heads = ["verdict", "at", "after", "asking took", "evidence", "what the line does"];
    let body = html! { (table(&heads, rows)) (more(MAX_ROWS, s.diagnoses.len())) };
    section("diagnoses", "Diagnoses", "What the source knew when it was silent.", &body)
}

/// What a fault led to, as far as the books say.
fn outcome(s: &Snapshot, r: &FaultReport) -> String {
    let of = |ok: usize, all: usize, what: &str| match all {
        0 => "the line went on".into(),
        _ => format!("{what}: {ok} of {all} went well"),
    };
    match r.class {
        FaultClass::Lost | FaultClass::Unknown => {
            of(s.reconnects.iter().filter(|r| r.ok).count(), s.reconnects.len(), "reconnections")
        }
        FaultClass::BufferTooSmall => {
            of(s.resets.iter().filter(|r| r.ok).count(), s.resets.len(), "resets")
        }
        FaultClass::Misuse | FaultClass::Incompatible if s.failure.is_some() => {
            "the line stopped".into()
        }
        FaultClass::DamagedFrame => format!(
            "{} frame{} incomplete",
            grouped(s.frames.incomplete),
            plural(s.frames.incomplete)
        ),
        _ => "the line went on".into(),
    }
}

fn went(ok: bool, well: &str, badly: &str) -> Markup {
    html! { @if ok { span.good { (well) } } @else { span.bad { (badly) } } }
}

/// The parts of a reset: name, time, look of its bar.
fn parts(r: &ResetReport) -> [(&'static str, u64); 5] {
    let known = r.drain.0 + r.prove.0 + r.rebuild.0 + r.restart.0;
    [
        ("drain", r.drain.0),
        ("prove", r.prove.0),
        ("rebuild", r.rebuild.0),
        ("restart", r.restart.0),
        // From the restart to the first frame, and from the last frame to the order.
        ("wait", r.dead.0.saturating_sub(known)),
    ]
}

fn resets(s: &Snapshot) -> Markup {
    if s.resets.is_empty() {
        return html! {};
    }
    let ok = s.resets.iter().filter(|r| r.ok).count();
    let longest = s.resets.iter().map(|r| parts(r).iter().map(|p| p.1).sum::<u64>()).max();
    let longest = longest.unwrap_or(1).max(1) as f64;
    let heads =
        ["reason", "at", "dead", "drain", "prove", "rebuild", "restart", "wait", "slot", "outcome"];
    let rows = s.resets.iter().take(MAX_ROWS).map(|r| {
        let parts = parts(r);
        let slot = match r.slot_bytes_before == r.slot_bytes_after {
            true => size(r.slot_bytes_after),
            false => format!("{} → {}", size(r.slot_bytes_before), size(r.slot_bytes_after)),
        };
        let [drain, prove, rebuild, restart, wait] = parts.map(|(_, ns)| nanos(ns));
        let share = parts.iter().map(|p| p.1).sum::<u64>() as f64 / longest * 100.0;
        let bar = html! {
            div.parts style=(format!("width:{share:.2}%")) {
                @for (name, ns) in parts.iter().filter(|p| p.1 > 0) {
                    span class=(name) style=(format!("flex-grow:{ns}")) title=(format!("{name} {}", time_on_page(*ns))) {}
                }
            }
        };
        let row = Row::new([
            html! { (r.reason) },
            html! { (since(s, r.at)) },
            nanos(r.dead.0),
            drain,
            prove,
            rebuild,
            restart,
            wait,
            html! { (slot) },
            went(r.ok, "ok", "failed"),
        ]);
        Row { below: Some(bar), ..row }
    });
    let late: Vec<_> = s.resets.iter().flat_map(|r| &r.late).take(MAX_ROWS).collect();
    let body = html! {
        p.key {
            @for name in ["drain", "prove", "rebuild", "restart", "wait"] {
                span.item { span class=(format!("dot {name}")) {} (name) }
            }
        }
        (table(&heads, rows))
        (more(MAX_ROWS, s.resets.len()))
        @if !late.is_empty() { ul { @for text in late { li { (text) } } } }
    };
    let about = format!(
        "{ok} of {} went well. A reset drains the line, proves that every slot is home, rebuilds the slots and \
         restarts the camera; the rest of its dead time is waiting for frames.",
        s.resets.len()
    );
    section("resets", "Resets", &about, &body)
}

fn reconnects(s: &Snapshot) -> Markup {
    if s.reconnects.is_empty() {
        return html! {};
    }
    let rows = s.reconnects.iter().take(MAX_ROWS).map(|r| {
        Row::new([
            html! { (r.reason) },
            html! { (since(s, r.at)) },
            html! { (r.attempts) },
            // Without a device that came back the dead time has no end.
            if r.ok {
                nanos(r.dead.0)
            } else {
                html! { "to the end" }
            },
            went(r.ok, "the device is back", "the device did not come back"),
        ])
    });
    let heads = ["reason", "at", "attempts", "dead", "outcome"];
    let body = html! { (table(&heads, rows)) (more(MAX_ROWS, s.reconnects.len())) };
    let ok = s.reconnects.iter().filter(|r| r.ok).count();
    section(
        "reconnects",
        "Reconnections",
        &format!("{ok} of {} went well.", s.reconnects.len()),
        &body,
    )
}

fn held(s: &Snapshot) -> Markup {
    if s.held.is_empty() {
        return html! {};
    }
    let body = html! {
        ul {
            @for h in s.held.iter().take(MAX_ROWS) {
                li { "Slot " (h.slot) " with frame id " (h.frame_id) " is held by "
                    (holders(s, h).join(" and ")) " for " (h.age(s.at)) "." }
            }
        }
    };
    section("held", "Slots that did not come home", "", &body)
}

fn events(s: &Snapshot) -> Markup {
    if s.events.is_empty() {
        return html! {};
    }
    let n = s.events.len();
    let half = MAX_EVENTS / 2;
    let shown = |i: usize| n <= MAX_EVENTS || i < half || i >= n - half;
    let body = html! {
        ol.log {
            @for (i, e) in s.events.iter().enumerate().filter(|(i, _)| shown(*i)) {
                li { span.at { (since(s, e.at)) } span { (e.text) } }
                @if n > MAX_EVENTS && i == half - 1 {
                    li { span.at { "…" } span { (n - MAX_EVENTS) " more are in " code { "summary.json" } } }
                }
            }
        }
    };
    section("log", "What happened", "", &body)
}

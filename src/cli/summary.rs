//! The summary that a person reads.

use super::inspection::{inspections, truth};
use super::job::Job;
use super::object::{Verdict, holders};
use super::units::{percent, size, time};
use crate::fault::code_text;
use crate::pipeline::{Snapshot, StageSnapshot};
use crate::stage::Figure;
use crate::telemetry::LatencySnapshot;
use crate::words::counted;
use std::fmt::Write as _;

/// Headings of columns that hold words; all others but the first hold figures.
const TEXTS: &[&str] = &["class", "action", "policy"];

/// Rows with their columns aligned: words to the left, figures to the right.
pub(super) fn table(out: &mut String, rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns)
        .map(|c| rows.iter().filter_map(|r| r.get(c)).map(|v| v.chars().count()).max())
        .map(|w| w.unwrap_or(0))
        .collect();
    for row in rows {
        let mut line = String::from(" ");
        for (c, value) in row.iter().enumerate() {
            let width = widths[c];
            let words = c == 0 || TEXTS.contains(&rows[0][c].as_str());
            let _ = match words {
                true => write!(line, " {value:<width$} "),
                false => write!(line, " {value:>width$} "),
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

pub(super) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.iter().map(|c| (*c).into()).collect()
}

fn latency_cells(l: &LatencySnapshot) -> [String; 5] {
    let q = |q| time(l.quantile(q).0);
    [l.count().to_string(), q(0.5), q(0.99), q(0.999), time(l.max().0)]
}

/// The whole text.
pub fn summary(s: &Snapshot, verdict: &Verdict, job: &Job) -> String {
    let mut out = String::new();
    let word = if verdict.failures.is_empty() { "ok" } else { "FAILED" };
    let _ = writeln!(out, "{word}: {}", verdict.text());
    let seconds = s.elapsed.0.max(1) as f64 / 1e9;
    let _ = writeln!(
        out,
        "{} for {:.2} s: {:.1} frames/s, {}/s, fill by {}, {} of {}",
        job.uri,
        seconds,
        s.frames_per_second(),
        size((s.bytes as f64 / seconds) as u64),
        s.fill,
        counted(s.slots as u64, "slot"),
        size(s.slot_bytes as u64)
    );
    inspection(&mut out, s);
    frames(&mut out, s);
    counted_by_source(&mut out, s);
    latencies(&mut out, s);
    hops(&mut out, s);
    results(&mut out, s);
    troubles(&mut out, s);
    machine(&mut out, s);
    if let Some(log) = &verdict.log {
        let _ = writeln!(out, "log: {}", log.text());
    }
    out
}

/// What the line is for comes first.
fn inspection(out: &mut String, s: &Snapshot) {
    let (judged, truth) = (inspections(s), truth(s));
    if judged.is_empty() && truth.is_none() {
        return;
    }
    out.push_str("\ninspection\n");
    for i in &judged {
        let share = percent(i.failed_share());
        let _ = write!(
            out,
            "  {}: {}, {} failed ({share})",
            i.stage,
            counted(i.parts, "part"),
            i.failed
        );
        for (n, (kind, count)) in i.kinds.iter().enumerate() {
            let _ = write!(out, "{} {kind} {count}", if n == 0 { ":" } else { "," });
        }
        out.push('\n');
    }
    if let Some(t) = &truth {
        let _ = writeln!(
            out,
            "  {}: precision {:.4}, recall {:.4}; of {} bad parts {} passed, of the good ones {} failed",
            t.stage, t.precision, t.recall, t.defective, t.missed, t.false_alarms
        );
        if t.wrong_kind > 0 {
            let _ = write!(out, "  called another kind {}", t.wrong_kind);
            for (n, (is, said, count)) in t.confused.iter().enumerate() {
                let _ = write!(out, "{} {is} as {said} {count}", if n == 0 { ":" } else { "," });
            }
            out.push('\n');
        }
    }
}

fn frames(out: &mut String, s: &Snapshot) {
    let f = &s.frames;
    out.push_str("\nframes\n");
    let parts = [
        ("delivered", f.delivered),
        ("incomplete", f.incomplete),
        ("underrun (no free slot)", f.underrun),
        ("refused (ring full)", f.refused),
        ("invalid", f.invalid),
        ("lost by device", f.lost_by_device),
        ("in flight", f.in_flight),
    ];
    let mut rows: Vec<_> =
        parts.iter().map(|(name, n)| vec![(*name).into(), n.to_string()]).collect();
    let sum = match f.grabbed == f.accounted() {
        true => "= grabbed".into(),
        false => format!("sum {} is not grabbed", f.accounted()),
    };
    rows.push(vec![sum, f.grabbed.to_string()]);
    table(out, &rows);
}

/// What the camera's library counted, by its names: all of it.
fn counted_by_source(out: &mut String, s: &Snapshot) {
    if s.source_counters.is_empty() {
        return;
    }
    let (none, some): (Vec<_>, Vec<_>) = s.source_counters.iter().partition(|(_, n)| *n == 0);
    let some: Vec<_> = some.iter().map(|(name, n)| format!("{name} {n}")).collect();
    let none: Vec<_> = none.iter().map(|(name, _)| name.as_str()).collect();
    let mut line = String::from("  ");
    if !some.is_empty() {
        let _ = write!(line, "{}; ", some.join(", "));
    }
    if !none.is_empty() {
        let _ = write!(line, "0: {}; ", none.join(", "));
    }
    out.push_str("\nthe camera's library counted\n");
    wrap(out, &printable(line.trim_end_matches("; ")));
}

/// A text without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn latencies(out: &mut String, s: &Snapshot) {
    out.push_str("\nlatency\n");
    let mut rows = vec![row(["", "count", "p50", "p99", "p99.9", "max"])];
    let mut add = |name: &str, l: &LatencySnapshot| {
        rows.push([name.to_string()].into_iter().chain(latency_cells(l)).collect());
    };
    s.hops.iter().for_each(|h| add(&format!("hop {}", h.name), &h.latency));
    s.stages.iter().for_each(|t| add(&format!("stage {}", t.name), &t.service));
    add("end to end", &s.end_to_end);
    add("grab interval", &s.grab_interval);
    add("grab jitter", &s.grab_jitter);
    table(out, &rows);
}

fn hops(out: &mut String, s: &Snapshot) {
    let shed = |h: &crate::pipeline::HopSnapshot| h.refused + h.replaced + h.skipped > 0;
    if !s.hops.iter().any(shed) {
        return;
    }
    out.push_str("\nhops\n");
    let mut rows =
        vec![row(["", "policy", "depth", "offered", "taken", "refused", "replaced", "skipped"])];
    for h in &s.hops {
        let numbers = [h.offered, h.taken, h.refused, h.replaced, h.skipped];
        rows.push(
            [h.name.clone(), h.policy.to_string(), h.depth.to_string()]
                .into_iter()
                .chain(numbers.iter().map(u64::to_string))
                .collect(),
        );
    }
    table(out, &rows);
}

/// Figures that are zero and named all the same.
const SHOWN_ZEROS: usize = 4;

/// What a stage counted, as a person is told it: the frames stand before it, and that they came once is no news.
pub(super) fn figures(t: &StageSnapshot) -> impl Iterator<Item = &(&'static str, Figure)> {
    let is_told = |(name, figure): &&(&str, Figure)| match *name {
        "frames" => false,
        "rounds" => matches!(figure, Figure::Count(2..)),
        _ => true,
    };
    t.results.iter().filter(is_told)
}

fn results(all: &mut String, s: &Snapshot) {
    all.push_str("\nstages\n");
    for t in &s.stages {
        let mut line = String::new();
        let out = &mut line;
        let _ = write!(out, "  {}: {}", t.name, counted(t.frames, "frame"));
        if t.failed > 0 {
            let _ = write!(out, ", {} failed ({} by a panic)", t.failed, t.panicked);
        }
        let figures = || figures(t);
        for (name, figure) in figures() {
            let name = name.replace('_', " ");
            let _ = match figure {
                Figure::Count(0) | Figure::Max(0) => Ok(()),
                Figure::Count(n) | Figure::Max(n) => write!(out, ", {name} {n}"),
                Figure::Number(_) | Figure::Share { .. } => {
                    write!(out, ", {name} {:.3}", figure.as_f64().unwrap_or_default())
                }
                Figure::Text(t) if t.is_empty() => Ok(()),
                Figure::Text(t) => write!(out, ", {name} {t:?}"),
            };
        }
        let zero = |f: &Figure| matches!(f, Figure::Count(0) | Figure::Max(0));
        let none: Vec<_> =
            figures().filter(|(_, f)| zero(f)).map(|(name, _)| name.replace('_', " ")).collect();
        // The first few are those that a stage finds most important; the rest is in the JSON object.
        match none.len() {
            0 => {}
            n @ 1..=SHOWN_ZEROS => {
                let _ = write!(out, "; no {}", none[..n].join(", no "));
            }
            _ => {
                let _ = write!(out, "; no {} or other fault", none[..SHOWN_ZEROS].join(", "));
            }
        }
        wrap(all, &line);
    }
}

/// Columns that a line of words may take.
const WIDTH: usize = 96;

/// A line of items, broken after commas where it is too long.
fn wrap(out: &mut String, line: &str) {
    let mut used = 0;
    for item in line.split_inclusive([',', ';']) {
        let width = item.chars().count();
        if used > 0 && used + width > WIDTH {
            out.push_str("\n    ");
            used = 4;
            out.push_str(item.trim_start());
        } else {
            out.push_str(item);
        }
        used += width;
    }
    out.push('\n');
}

fn troubles(out: &mut String, s: &Snapshot) {
    if !s.resets.is_empty() {
        let ok = s.resets.iter().filter(|r| r.ok).count();
        let _ = writeln!(out, "\nresets {ok} of {}", s.resets.len());
        let mut rows = vec![row([
            "",
            "dead",
            "drain",
            "prove",
            "rebuild",
            "restart",
            "slot before",
            "slot after",
        ])];
        for r in &s.resets {
            let outcome = if r.ok { "" } else { " FAILED" };
            rows.push(
                [format!("{} (epoch {}){outcome}", r.reason, r.epoch)]
                    .into_iter()
                    .chain([r.dead, r.drain, r.prove, r.rebuild, r.restart].map(|n| time(n.0)))
                    .chain([r.slot_bytes_before, r.slot_bytes_after].map(size))
                    .collect(),
            );
        }
        table(out, &rows);
        for late in s.resets.iter().flat_map(|r| &r.late) {
            let _ = writeln!(out, "  late: {late}");
        }
    }
    if !s.reconnects.is_empty() {
        let ok = s.reconnects.iter().filter(|r| r.ok).count();
        let _ = writeln!(out, "\nreconnects {ok} of {}", s.reconnects.len());
        for r in &s.reconnects {
            let outcome = if r.ok { "back" } else { "NOT back" };
            let _ = writeln!(
                out,
                "  {}: {outcome} after {}, dead for {}",
                r.reason,
                counted(r.attempts.into(), "attempt"),
                r.dead
            );
        }
    }
    for d in &s.diagnoses {
        let _ = writeln!(
            out,
            "\ndiagnosis after {}: {}\n  {}\n  {}",
            d.after(),
            d.verdict,
            d.evidence,
            d.action
        );
    }
    let recovery = s.recovery();
    if !recovery.is_empty() {
        let _ = writeln!(out, "\nrecovery: {recovery}");
    }
    if !s.faults.is_empty() {
        out.push_str("\nfaults\n");
        let mut rows = vec![row(["", "class", "count", "action"])];
        for r in &s.faults {
            let name = format!("{} {}", code_text(r.code), r.name);
            rows.push(vec![name, r.class.to_string(), r.count.to_string(), r.action.clone()]);
        }
        table(out, &rows);
    }
    let anomalies: Vec<_> = s
        .anomalies
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(name, n)| format!("{} {n}", name.replace('_', " ")))
        .collect();
    if !anomalies.is_empty() {
        let _ = writeln!(out, "\nanomalies: {}", anomalies.join(", "));
    }
    if !s.held.is_empty() {
        out.push_str("\nheld\n");
        for h in &s.held {
            let who = holders(s, h).join(" and ");
            let _ = writeln!(
                out,
                "  slot {} with frame id {} is held by {who} for {}",
                h.slot,
                h.frame_id,
                h.age(s.at)
            );
        }
    }
}

fn machine(out: &mut String, s: &Snapshot) {
    let m = &s.memory;
    let _ = writeln!(
        out,
        "\nmemory: pool {} ({} locked, {} on huge pages)\n  resident {} at start, {} at end, {} at most",
        size(m.pool_bytes),
        size(m.locked_bytes),
        size(m.huge_bytes),
        size(m.rss_start),
        size(m.rss_end),
        size(m.rss_peak)
    );
    let allocations = match s.steady.allocations {
        Some(n) => n.to_string(),
        None => "unknown number of".into(),
    };
    let _ = writeln!(
        out,
        "steady state: {allocations} allocations, {} major and {} minor page faults on line threads",
        s.steady.page_faults_major, s.steady.page_faults_minor
    );
    for r in &s.refusals {
        let _ = writeln!(out, "the system refused {}: {}", r.what, r.reason);
    }
}

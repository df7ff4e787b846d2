//! The answers for people.

use super::answers::{Answers, Counts, Memory, Tries};
use super::read::Lines;
use crate::cli::summary::{row, table};
use crate::cli::units::{percent, size, time};
use crate::clock::Nanos;
use crate::pipeline::Rung;
use crate::words::counted;
use std::fmt::Write as _;
use std::time::SystemTime;

/// Points of memory that are shown.
const SHOWN_POINTS: usize = 8;

fn date(at: SystemTime) -> String {
    humantime::format_rfc3339_seconds(at).to_string()
}

/// A length of time in its two largest units.
pub fn length(ns: Nanos) -> String {
    let seconds = ns.0 / 1_000_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{:.2} s", ns.0 as f64 / 1e9),
        60..3600 => format!("{minutes} min {} s", seconds % 60),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A rate by the hour, with as many digits as say something.
pub fn per_hour(rate: Option<f64>) -> String {
    match rate {
        None => "-".into(),
        Some(r) if r < 9.995 => format!("{r:.2}"),
        Some(r) if r < 99.95 => format!("{r:.1}"),
        Some(r) => format!("{r:.0}"),
    }
}

/// `a 1, b 2`, the most frequent first.
pub fn listed(c: &Counts) -> String {
    let mut all = c.0.clone();
    all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    all.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
}

/// The whole text.
pub fn text(a: &Answers, files: usize, lines: &Lines) -> String {
    let mut out = String::new();
    let _ = write!(out, "{} in {}", counted(a.runs, "run"), counted(files as u64, "file"));
    let _ = write!(out, ", {} in all", length(a.elapsed));
    if let Some((from, to)) = a.span {
        let _ = write!(out, ", {} to {}", date(from), date(to));
    }
    for (n, what) in [(a.failed, "failed"), (a.unfinished, "without an end in these files")] {
        if n > 0 {
            let _ = write!(out, "; {n} {what}");
        }
    }
    if lines.foreign > 0 {
        let are = if lines.foreign == 1 { "is" } else { "are" };
        let _ = write!(
            out,
            "; {} of {} {are} not frameline's",
            lines.foreign,
            counted(lines.read, "line")
        );
    }
    out.push('\n');
    let f = &a.frames;
    if f.grabbed > 0 {
        let _ = write!(out, "{} grabbed, {} delivered", counted(f.grabbed, "frame"), f.delivered);
        for (name, n) in f.losses() {
            let _ = write!(out, ", {n} {name}");
        }
        out.push('\n');
    }
    errors(&mut out, a);
    recovery(&mut out, a);
    memory(&mut out, &a.memory);
    if !a.others.0.is_empty() {
        let _ = writeln!(out, "\nalso logged: {}", listed(&a.others).replace('_', " "));
    }
    out
}

fn errors(out: &mut String, a: &Answers) {
    out.push_str("\nerrors\n");
    if a.errors.is_empty() {
        out.push_str("  none\n");
        return;
    }
    let mut rows = vec![row(["", "class", "count", "per hour", "first", "last"])];
    for e in &a.errors {
        rows.push(vec![
            format!("{} {}", e.code, e.name),
            e.class.clone(),
            e.count.to_string(),
            per_hour(a.per_hour(e.count)),
            date(e.first.0),
            date(e.last.0),
        ]);
    }
    table(out, &rows);
    if a.errors_beyond > 0 {
        let _ = writeln!(out, "  and {} of other codes", a.errors_beyond);
    }
}

/// Rows of recovery: name, attempts, successes, share, median and longest dead time.
pub fn recovery_rows(a: &Answers) -> Vec<[String; 6]> {
    let share = |part: u64, all: u64| match all {
        0 => "-".into(),
        _ => percent(part as f64 / all as f64),
    };
    let of = |dead: Option<Nanos>| dead.map_or("-".into(), |n| time(n.0).trim().to_string());
    let mut rows = Vec::new();
    for (name, rung) in [("retries", Rung::Retry), ("back-offs", Rung::BackOff)] {
        let r = &a.ladder[rung as usize];
        let (all, ok) = (r.attempts, r.successes);
        let none = || String::from("-");
        rows.push([name.into(), all.to_string(), ok.to_string(), share(ok, all), none(), none()]);
    }
    for (name, t) in [("resets", &a.resets), ("reconnects", &a.reconnects)] {
        rows.push([
            name.into(),
            t.attempts.to_string(),
            t.successes.to_string(),
            share(t.successes, t.attempts),
            of(t.dead_median()),
            of(t.dead_longest()),
        ]);
    }
    rows.retain(|r| r[1] != "0");
    rows
}

fn recovery(out: &mut String, a: &Answers) {
    out.push_str("\nrecovery\n");
    let rows = recovery_rows(a);
    if rows.is_empty() {
        out.push_str("  nothing to recover from\n");
        return;
    }
    let heads = row(["", "attempts", "successes", "share", "median dead", "longest dead"]);
    let rows: Vec<_> = std::iter::once(heads).chain(rows.into_iter().map(Vec::from)).collect();
    table(out, &rows);
    let why = |out: &mut String, name: &str, t: &Tries| {
        if t.attempts > 0 {
            let _ = writeln!(out, "  {name} for: {}", listed(&t.reasons));
        }
    };
    why(out, "resets", &a.resets);
    why(out, "reconnects", &a.reconnects);
    if !a.diagnoses.0.is_empty() {
        let _ = writeln!(out, "  time-outs diagnosed as: {}", listed(&a.diagnoses));
    }
}

/// Whether memory was flat, in one sentence.
pub fn memory_sentence(m: &Memory) -> String {
    let Some(w) = m.worst else {
        return format!(
            "resident memory was {} at most; no run lasted long enough to judge more",
            size(m.peak)
        );
    };
    let growth = w.growth().unwrap_or(0);
    let beside = format!(
        "{} {} beside the pools",
        size(growth.unsigned_abs()),
        if growth < 0 { "less" } else { "more" }
    );
    let verdict = match (m.is_flat(), m.judged) {
        (Some(true), 1) => "it is flat".to_string(),
        (Some(true), n) => format!("all {n} runs are flat, the one that grew most"),
        (_, 1) => "it is NOT flat".to_string(),
        (_, n) => format!("{} of {n} runs are NOT flat, the one that grew most", n - m.flat),
    };
    format!(
        "resident memory was {} at most; {verdict}: {} when warm and {} at the end, {beside}",
        size(m.peak),
        size(w.settled),
        size(w.end)
    )
}

fn memory(out: &mut String, m: &Memory) {
    let _ = writeln!(out, "\nmemory\n  {}", memory_sentence(m));
    let points = m.over_time();
    if points.len() < 2 {
        return;
    }
    let mut rows = vec![row(["", "resident", "pools"])];
    let shown = points.len().min(SHOWN_POINTS);
    for i in 0..shown {
        // The first, the last, and what lies evenly between.
        let p = &points[i * (points.len() - 1) / (shown - 1)];
        rows.push(vec![date(p.at), size(p.rss_bytes), size(p.pool_bytes)]);
    }
    table(out, &rows);
}

//! Latencies by percentile.

use super::{MAX_ROWS, legend, more, section};
use crate::cli::report::axis::Axis;
use crate::cli::report::page::{count, nanos};
use crate::cli::report::plot::{Curve, NARROW, Size, WIDE, plot};
use crate::cli::series::{Of, Series, series};
use crate::pipeline::Snapshot;
use crate::telemetry::LatencySnapshot;
use maud::{Markup, PreEscaped, html};

/// Lines in one plot at most; beyond it nobody can tell them apart.
const MAX_LINES: usize = 12;
/// Points of a line.
const POINTS: u32 = 240;

/// Plots and the table.
pub fn latency(s: &Snapshot) -> Markup {
    let all = series(s);
    let body = html! {
        (figure(&all, &[Of::EndToEnd, Of::Stage], "Stages, and the whole way from the grab to the end of the last stage"))
        (figure(&all, &[Of::Hop], "Hops: from push to pop, so what a frame waited"))
        (figure(&all, &[Of::Capture], "The camera: from one grab to the next, and how much these differ"))
        (numbers(&all))
    };
    section(
        "latency",
        "Latency",
        "Each further nine to the right takes as much room as the one before: the slow frames, which decide \
         whether a line keeps its deadline, are at the right edge.",
        &body,
    )
}

fn figure(all: &[Series<'_>], of: &[Of], caption: &str) -> Markup {
    let mut lines: Vec<&Series<'_>> =
        all.iter().filter(|one| of.contains(&one.of) && one.latency.count() > 0).collect();
    let there = lines.len();
    if there == 0 {
        return html! {};
    }
    if there > MAX_LINES {
        lines.sort_by_key(|one| std::cmp::Reverse(one.latency.quantile(0.99)));
        lines.truncate(MAX_LINES);
    }
    let names: Vec<String> = lines.iter().map(|one| one.label()).collect();
    html! {
        figure {
            figcaption { (caption) }
            div.wide { (PreEscaped(curves(&lines, WIDE, caption))) }
            div.narrow { (PreEscaped(curves(&lines, NARROW, caption))) }
            (legend(names.iter().map(String::as_str).enumerate()))
            @if there > lines.len() {
                p.note { "The " (lines.len()) " slowest of " (there) " are drawn." }
            }
        }
    }
}

fn curves(lines: &[&Series<'_>], size: Size, title: &str) -> String {
    let most = lines.iter().map(|one| one.latency.count()).max().unwrap_or(1);
    // The very fastest would take half the height of the plot and tell nothing.
    let least = lines.iter().map(|one| one.latency.quantile(0.02).0).min().unwrap_or(1);
    let slowest = lines.iter().map(|one| one.latency.max().0).max().unwrap_or(1);
    let x = Axis::percentiles(most, size.width == NARROW.width);
    let y = Axis::latency(least.max(10) as f64, slowest.max(20) as f64);
    let curves: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(look, one)| Curve { look, points: percentiles(one.latency), shaded: false })
        .collect();
    plot(size, &x, &y, &curves, &[], title)
}

/// 1 / (1 - q) and the value at q, from q = 0 to the last value, which is the largest.
fn percentiles(l: &LatencySnapshot) -> Vec<(f64, f64)> {
    // One value alone is a line, too: from the fastest to the half.
    let count = l.count().max(2) as f64;
    let point = |i: u32| {
        let x = count.powf(f64::from(i) / f64::from(POINTS));
        let q = if i == POINTS { 1.0 } else { 1.0 - 1.0 / x };
        (x, l.quantile(q).0 as f64)
    };
    (0..=POINTS).map(point).collect()
}

fn numbers(all: &[Series<'_>]) -> Markup {
    let heads = ["", "count", "p50", "p90", "p99", "p99.9", "max"];
    let rows = html! {
        @for one in all.iter().take(MAX_ROWS) {
            @let l = one.latency;
            tr data-latency=(key(one)) {
                th scope="row" { (one.label()) }
                td { (count(&format!("count-{}", one.file_stem()), l.count())) }
                @for q in [0.5, 0.9, 0.99, 0.999, 1.0] { td { (value(l, q)) } }
            }
        }
    };
    html! {
        div.scroll {
            table.figures.percentiles {
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody { (rows) }
            }
        }
        (more(MAX_ROWS, all.len()))
    }
}

/// A quantile; nothing was measured where there is none.
fn value(l: &LatencySnapshot, q: f64) -> Markup {
    let ns = if q < 1.0 { l.quantile(q).0 } else { l.max().0 };
    if l.count() > 0 {
        nanos(ns)
    } else {
        html! { data value=(ns) { "\u{2013}" } }
    }
}

/// The name that `summary.json` has for it.
fn key(one: &Series<'_>) -> String {
    match (one.of, one.name) {
        (Of::EndToEnd, _) => "end_to_end".into(),
        (Of::Capture, name) => name.trim_start_matches("grab ").into(),
        (_, name) => name.into(),
    }
}

//! What stages counted, and what their hops passed on.

use super::{MAX_ROWS, Row, more, section, table};
use crate::cli::report::axis::short;
use crate::cli::units::grouped;
use crate::pipeline::{Snapshot, StageSnapshot};
use crate::stage::Figure;
use maud::{Markup, html};

/// Stages with their results, then hops.
pub fn stages(s: &Snapshot) -> Markup {
    html! { (results(s)) (hops(s)) }
}

fn results(s: &Snapshot) -> Markup {
    let body = html! {
        div.cards {
            @for stage in s.stages.iter().take(MAX_ROWS) { (card(stage)) }
        }
        (more(MAX_ROWS, s.stages.len()))
    };
    section("stages", "Stages", "", &body)
}

fn card(t: &StageSnapshot) -> Markup {
    let pair = |name: &str, value: &Markup, quiet: bool| {
        html! { div.quiet[quiet] { dt { (name.replace('_', " ")) } dd { (value) } } }
    };
    let number = |n: u64| html! { data value=(n) { (grouped(n)) } };
    html! {
        div.card {
            h3 { (t.name) }
            dl data-stage=(t.name) {
                (pair("frames", &number(t.frames), false))
                @if t.failed > 0 {
                    (pair("frames failed", &number(t.failed), false))
                    (pair("of these by a panic", &number(t.panicked), t.panicked == 0))
                }
                @for (name, figure) in t.results.iter().filter(|(name, _)| *name != "frames") {
                    @match figure {
                        Figure::Count(n) | Figure::Max(n) => { (pair(name, &number(*n), *n == 0)) }
                        Figure::Number(_) | Figure::Share { .. } => {
                            @let n = figure.as_f64().unwrap_or_default();
                            @let value = html! { data value=(n) { (short(n)) } };
                            (pair(name, &value, false))
                        }
                        Figure::Text(text) => {
                            @if !text.is_empty() { (pair(name, &html! { (text) }, false)) }
                        }
                    }
                }
            }
        }
    }
}

fn hops(s: &Snapshot) -> Markup {
    let heads = ["hop", "policy", "depth", "offered", "taken", "refused", "replaced", "skipped"];
    let number = |n: u64| html! { data.quiet[n == 0] value=(n) { (grouped(n)) } };
    let rows = s.hops.iter().take(MAX_ROWS).map(|h| {
        Row::new([
            html! { (h.name) },
            html! { (h.policy) },
            html! { (h.depth) },
            number(h.offered),
            number(h.taken),
            number(h.refused),
            number(h.replaced),
            number(h.skipped),
        ])
    });
    let body = html! { (table(&heads, rows)) (more(MAX_ROWS, s.hops.len())) };
    section("hops", "Hops", "What each ring was offered, and what its policy made of it.", &body)
}

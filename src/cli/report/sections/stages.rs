//! What stages counted, and what their hops passed on.

use super::{MAX_ROWS, Row, more, section, table};
use crate::cli::report::axis::short;
use crate::cli::summary::figures;
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

/// What the section on the inspection tells already, with bars.
fn is_told_above(name: &str) -> bool {
    ["planted_", "found_"].iter().any(|kind| name.starts_with(kind))
}

fn card(t: &StageSnapshot) -> Markup {
    let pair = |name: &str, value: &Markup| {
        html! { div { dt { (name.replace('_', " ")) } dd { (value) } } }
    };
    let number = |n: u64| html! { data value=(n) { (grouped(n)) } };
    let none = |f: &Figure| matches!(f, Figure::Count(0) | Figure::Max(0));
    let told = || figures(t).filter(|(name, _)| !is_told_above(name));
    // What counted nothing is one line of names: a card is read for what happened.
    let zeros: Vec<String> =
        told().filter(|(_, f)| none(f)).map(|(name, _)| name.replace('_', " ")).collect();
    html! {
        div.card {
            h3 { (t.name) }
            dl data-stage=(t.name) {
                (pair("frames", &number(t.frames)))
                @if t.failed > 0 {
                    (pair("frames failed", &html! { span.bad { (number(t.failed)) } }))
                    @if t.panicked > 0 { (pair("of these by a panic", &number(t.panicked))) }
                }
                @for (name, figure) in told().filter(|(_, f)| !none(f)) {
                    @match figure {
                        Figure::Count(n) | Figure::Max(n) => { (pair(name, &number(*n))) }
                        Figure::Number(_) | Figure::Share { .. } => {
                            @let n = figure.as_f64().unwrap_or_default();
                            (pair(name, &html! { data value=(n) { (short(n)) } }))
                        }
                        Figure::Text(text) => {
                            @if !text.is_empty() { (pair(name, &html! { (text) })) }
                        }
                    }
                }
            }
            @if !zeros.is_empty() { p.zeros { "0: " (zeros.join(", ")) } }
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

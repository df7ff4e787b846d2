//! What stages counted, and what their hops passed on.

use super::{MAX_ROWS, more, section, table};
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
                        Figure::Number(n) => {
                            @let value = html! { data value=(n) { (short(*n)) } };
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
    let rows = html! {
        @for h in s.hops.iter().take(MAX_ROWS) {
            tr {
                th scope="row" { (h.name) }
                td.t { (h.policy) }
                td { (h.depth) }
                @for n in [h.offered, h.taken, h.refused, h.replaced, h.skipped] {
                    td.quiet[n == 0] { data value=(n) { (grouped(n)) } }
                }
            }
        }
    };
    let body = html! { (table("figures", &heads, &rows)) (more(MAX_ROWS, s.hops.len())) };
    section("hops", "Hops", "What each ring was offered, and what its policy made of it.", &body)
}

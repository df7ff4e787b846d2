//! Rule 4 as a table that adds up.

use super::{Row, section, table};
use crate::cli::report::page::count;
use crate::cli::units::{grouped, percent};
use crate::pipeline::Snapshot;
use maud::{Markup, html};

/// Where every frame went.
pub fn frames(s: &Snapshot) -> Markup {
    let f = &s.frames;
    let parts = [
        (
            "delivered",
            "delivered",
            f.delivered,
            "reached the end of every branch that must have it, whole",
        ),
        ("incomplete", "incomplete", f.incomplete, "arrived damaged"),
        ("underrun", "underrun", f.underrun, "not fetched in time: no slot of the pool was free"),
        ("refused", "refused", f.refused, "refused by a full ring"),
        ("invalid", "invalid", f.invalid, "failed a check, or a stage failed on it"),
        (
            "lost_by_device",
            "lost by device",
            f.lost_by_device,
            "lost in the device or on the way; its id is missing",
        ),
        ("in_flight", "in flight", f.in_flight, "not ended: given up at an abort, or still held"),
    ];
    let all = f.grabbed.max(1) as f64;
    let adds_up = f.grabbed == f.accounted();
    let body = html! {
        @if f.grabbed > 0 {
            div.share role="img" aria-label="shares of the frames" {
                @for (key, _, n, _) in parts.iter().filter(|(_, _, n, _)| *n > 0) {
                    span class=(key) style=(format!("flex-grow:{n}")) {}
                }
            }
        }
        div.scroll {
            table.identity {
                thead { tr { th scope="col" { "frames" } th.n scope="col" { "count" } th.n scope="col" { "share" } th scope="col" { "what it means" } } }
                tbody {
                    @for (key, name, n, about) in parts {
                        tr class=(if n == 0 { format!("{key} none") } else { key.into() }) {
                            th scope="row" { span.dot {} (name) }
                            td.n { (count(&format!("frames-{key}"), n)) }
                            td.n { @if f.grabbed > 0 { (percent(n as f64 / all)) } }
                            td.about { (about) }
                        }
                    }
                }
                tfoot {
                    tr {
                        th scope="row" { "= grabbed" }
                        td.n { (count("frames-grabbed", f.grabbed)) }
                        td.n { @if adds_up { span.good { "adds up" } } @else { span.bad { "does not add up" } } }
                        td.about {
                            @if adds_up { "every frame that the camera took is in one of the rows" }
                            @else { "the rows sum up to " (count("frames-accounted", f.accounted())) }
                        }
                    }
                }
            }
        }
    };
    section("frames", "Every frame", "", &body)
}

/// What the camera's library counted, by its names; nothing where it counts nothing.
pub fn counted_by_source(s: &Snapshot) -> Markup {
    if s.source_counters.is_empty() {
        return html! {};
    }
    let rows = s.source_counters.iter().map(|(name, n)| {
        Row::new([html! { code { (name) } }, html! { data value=(n) { (grouped(*n)) } }])
    });
    let about = "By its own names, over every start of the camera; its page in docs/ says what each means. Frames count above.";
    section(
        "source-counters",
        "What the camera\u{2019}s library counted",
        about,
        &table(&["counter", "count"], rows),
    )
}

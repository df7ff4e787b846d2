//! The three questions that are asked first after a bad night: error frequency, recovery rate, memory.

use super::{MAX_ROWS, Row, more, section, table};
use crate::cli::report::page::sentence;
use crate::cli::stats::{Answers, text};
use crate::cli::units::grouped;
use crate::pipeline::Snapshot;
use maud::{Markup, html};

/// As `frameline stats` answers them from a log.
pub fn answers(s: &Snapshot) -> Markup {
    let a = Answers::of(s);
    let frequency = a.errors.iter().take(MAX_ROWS).map(|e| {
        Row::new([
            html! { code { (e.code) } " " (e.name) },
            html! { (e.class) },
            html! { data value=(e.count) { (grouped(e.count)) } },
            html! { (text::per_hour(a.per_hour(e.count))) },
        ])
    });
    let rungs = text::recovery_rows(&a);
    let recovery = rungs.iter().map(|r| Row::new([0, 1, 2, 3, 4, 5].map(|i| html! { (r[i]) })));
    let body = html! {
        @if a.errors.is_empty() { p { "No error was reported." } }
        @else { (table(&["error", "class", "count", "per hour"], frequency)) (more(MAX_ROWS, a.errors.len())) }
        @if rungs.is_empty() { p { "There was nothing to recover from." } }
        @else {
            (table(&["recovery", "attempts", "successes", "share", "median dead", "longest dead"], recovery))
        }
        p { (sentence(&text::memory_sentence(&a.memory))) }
    };
    let about =
        "Error frequency, recovery rate and memory; frameline stats tells the same from log files.";
    section("answers", "Errors, recovery, memory", about, &body)
}

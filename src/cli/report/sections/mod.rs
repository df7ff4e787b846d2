//! The parts of the page, from what matters first to what is looked up.

pub mod course;
pub mod frames;
pub mod latency;
pub mod machine;
pub mod stages;
pub mod troubles;
pub mod verdicts;

use maud::{Markup, html};

/// Rows of a table at most; the rest is in `summary.json`.
const MAX_ROWS: usize = 40;

/// A section with its heading and, in a sentence, what it tells.
fn section(id: &str, heading: &str, about: &str, body: &Markup) -> Markup {
    html! {
        section id=(id) {
            h2 { (heading) }
            @if !about.is_empty() { p.about { (about) } }
            (body)
        }
    }
}

/// Heads of columns that hold words; all others but the first hold figures.
const WORDS: &[&str] = &["class", "policy", "outcome", "what the line does", "what came of it"];

/// A table that scrolls by itself where the page is narrow.
fn table(class: &str, heads: &[&str], rows: &Markup) -> Markup {
    html! {
        div.scroll {
            table class=(class) {
                thead { tr { @for head in heads { th.t[WORDS.contains(head)] scope="col" { (head) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// Says that there were more rows than are shown.
fn more(shown: usize, all: usize) -> Markup {
    html! {
        @if all > shown {
            p.note { (all - shown) " more are in " code { "summary.json" } "." }
        }
    }
}

/// The names of lines in a plot, with their looks.
fn legend<'a>(names: impl Iterator<Item = (usize, &'a str)>) -> Markup {
    html! {
        ul.legend {
            @for (look, name) in names {
                li {
                    svg viewBox="0 0 24 8" aria-hidden="true" {
                        line class=(format!("line look{look}")) x1="1" y1="4" x2="23" y2="4" {}
                    }
                    (name)
                }
            }
        }
    }
}

//! The parts of the page, from what matters first to what is looked up.

pub mod answers;
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
pub(in crate::cli) fn section(id: &str, heading: &str, about: &str, body: &Markup) -> Markup {
    html! {
        section id=(id) {
            h2 { (heading) }
            @if !about.is_empty() { p.about { (about) } }
            (body)
        }
    }
}

/// Heads of columns that hold words; all others but the first hold figures.
const WORDS: &[&str] = &[
    "class",
    "policy",
    "outcome",
    "evidence",
    "what the line does",
    "what came of it",
    "what it means",
    "cause",
];

/// One row: a cell for each head, and what stands below the row, across it.
pub(in crate::cli) struct Row {
    cells: Vec<Markup>,
    below: Option<Markup>,
}

impl Row {
    pub(in crate::cli) fn new<const N: usize>(cells: [Markup; N]) -> Row {
        Row { cells: cells.into(), below: None }
    }
}

/// A table. Where the page is narrow each row becomes a list of its heads and cells.
pub(in crate::cli) fn table(heads: &[&str], rows: impl Iterator<Item = Row>) -> Markup {
    let words = |i: usize| WORDS.contains(&heads[i]);
    html! {
        div.scroll {
            table.figures.stacked {
                thead { tr { @for (i, head) in heads.iter().enumerate() { th.t[words(i)] scope="col" { (head) } } } }
                tbody {
                    @for row in rows {
                        tr.over[row.below.is_some()] {
                            @for (i, cell) in row.cells.iter().enumerate() {
                                @if i == 0 { th scope="row" { (cell) } }
                                @else { td.t[words(i)] data-head=(heads[i]) { span { (cell) } } }
                            }
                        }
                        @if let Some(below) = &row.below {
                            tr.below { td colspan=(heads.len()) { (below) } }
                        }
                    }
                }
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

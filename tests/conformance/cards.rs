//! The sources on the suite: the columns of `docs/conformance.md`. A new one is a file and a line here.

use super::suite::{CASES, Card};
use frameline::source::Fill;
use std::fmt::Write as _;

const ALL: &[Fill] = &[Fill::Copy, Fill::Announce, Fill::Lend];
/// A camera has no end.
const NO_END: (&str, &str) = ("end", "a camera sends until it is stopped");

pub const SIM: Card = Card {
    name: "sim, waiting",
    about: "`sim:?rate=max`: frames wait until they are fetched",
    fills: ALL,
    lacks: &[],
};
pub const SIM_REAL_TIME: Card =
    Card { name: "sim, real time", about: "`sim:?rate=5000`", fills: ALL, lacks: &[] };
pub const SIM_WRAPPING: Card = Card {
    name: "sim, ids that wrap",
    about: "`sim:?id_modulus=65536`, begun at the end of its ids",
    fills: ALL,
    // They are told apart by their ids, which begin again on purpose.
    lacks: &[("slow consumer", "the case compares ids by size, and these begin again")],
};
pub const MVS_GIGE: Card = Card {
    name: "mvs, GigE",
    about: "a GigE camera behind the simulated MVS library of SDK 4.6",
    fills: ALL,
    lacks: &[NO_END],
};
pub const MVS_USB: Card =
    Card { name: "mvs, USB", about: "a USB camera behind the same", fills: ALL, lacks: &[NO_END] };
pub const MVS_LOCKING: Card = Card {
    name: "mvs, locking",
    about: "a camera that locks features while it grabs, and reports a lost packet with each whole frame",
    fills: ALL,
    lacks: &[NO_END],
};
pub const MVS_OLD: Card = Card {
    name: "mvs 3.1",
    about: "a GigE camera behind the simulated library of SDK 3.1, which takes no buffers of ours",
    fills: &[Fill::Copy, Fill::Lend],
    lacks: &[NO_END],
};
pub const GENTL: Card = Card {
    name: "gentl",
    about: "a camera behind our GenTL producer, which answers all about a frame in one call",
    fills: &[Fill::Announce],
    lacks: &[NO_END],
};
pub const GENTL_LEAST: Card = Card {
    name: "gentl, least",
    about: "the same behind a producer that has no optional function and answers no optional question",
    fills: &[Fill::Announce],
    lacks: &[NO_END],
};
pub const GENTL_CARELESS: Card = Card {
    name: "gentl, careless",
    about: "a camera that loses frames for which no buffer is queued, lets its region be changed at any time, and \
            whose host's side tells the payload's size",
    fills: &[Fill::Announce],
    lacks: &[NO_END],
};
pub const ARAVIS_MADE_UP: Card = Card {
    name: "aravis, made up",
    about: "`aravis:Fake_1`, where Aravis is installed",
    fills: &[Fill::Announce],
    lacks: &[NO_END, ("unplug", "it is part of the library, and cannot go")],
};
pub const ARAVIS_GIGE: Card = Card {
    name: "aravis, GigE",
    about: "Aravis's GigE Vision simulator as a process of its own, over real sockets; where it is installed, in the step `aravis` of `tools/test`",
    fills: &[Fill::Announce],
    lacks: &[NO_END],
};

/// A recording is read, not told.
const RECORDED: &[(&str, &str)] = &[
    ("time-out", "a recording has its next frame, or has ended"),
    ("unplug", "a file does not come and go"),
    ("format change", "what was recorded stays as it was"),
    ("region beyond capacity", "the same: no region can be set"),
];
pub const REPLAY: Card = Card {
    name: "replay",
    about: "`replay:FILE?rate=max`: a recording whose ids wrap",
    fills: &[Fill::Lend, Fill::Copy],
    lacks: RECORDED,
};
pub const REPLAY_RECORDED: Card = Card {
    name: "replay, its pace",
    about: "`replay:FILE?rate=recorded`",
    fills: &[Fill::Lend, Fill::Copy],
    lacks: RECORDED,
};

/// All of them, in the document's order.
pub const CARDS: &[&Card] = &[
    &SIM,
    &SIM_REAL_TIME,
    &SIM_WRAPPING,
    &MVS_GIGE,
    &MVS_USB,
    &MVS_LOCKING,
    &MVS_OLD,
    &GENTL,
    &GENTL_LEAST,
    &GENTL_CARELESS,
    &ARAVIS_MADE_UP,
    &ARAVIS_GIGE,
    &REPLAY,
    &REPLAY_RECORDED,
];

const HEAD: &str = "# Conformance

One suite for every source (`tests/conformance/`): each case names the failure that it would catch, and runs in every way of filling
that the source has. Own sources join by implementing `Subject` (`tests/conformance/suite.rs`) and a line in `cards.rs`.

    cargo test --test conformance

This page is written from the suite by `FRAMELINE_WRITE_DOCS=1 cargo test --test conformance document`, and compared with it by the same
test; a case that is marked here runs there, and fails the build when it does not pass. Aravis and its simulator take part where they
are installed, which `tools/test` sees to.

## Cases

| case | what it would catch |
| --- | --- |
";

fn document() -> String {
    let mut out = String::from(HEAD);
    for (case, catches) in CASES {
        let _ = writeln!(out, "| {case} | {catches} |");
    }
    out.push_str(
        "\n## Sources\n\n| source | what it is | ways of filling |\n| --- | --- | --- |\n",
    );
    for card in CARDS {
        let fills: Vec<_> = card.fills.iter().map(|f| f.name()).collect();
        let _ = writeln!(out, "| {} | {} | {} |", card.name, card.about, fills.join(", "));
    }
    out.push_str("\n## Which source passes what\n\n| case |");
    for card in CARDS {
        let _ = write!(out, " {} |", card.name);
    }
    let _ = writeln!(out, "\n| --- |{}", " --- |".repeat(CARDS.len()));
    let mut notes: Vec<&str> = Vec::new();
    for (case, _) in CASES {
        let _ = write!(out, "| {case} |");
        for card in CARDS {
            match card.lacks.iter().find(|(c, _)| c == case) {
                None => out.push_str(" passes |"),
                Some((_, why)) => {
                    let known = notes.iter().position(|n| n == why);
                    let n = known.unwrap_or_else(|| {
                        notes.push(why);
                        notes.len() - 1
                    });
                    let _ = write!(out, " - ({}) |", n + 1);
                }
            }
        }
        out.push('\n');
    }
    out.push('\n');
    for (n, why) in notes.iter().enumerate() {
        let _ = writeln!(out, "{}. {why}", n + 1);
    }
    out
}

/// Catches: a document that promises what no test runs, or forgets a source.
#[test]
fn the_document_is_the_suite() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    let document = document();
    if std::env::var_os("FRAMELINE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &document).expect("docs can be written");
    }
    let found = std::fs::read_to_string(&path).expect("docs/conformance.md is there");
    assert_eq!(
        found, document,
        "write it anew: FRAMELINE_WRITE_DOCS=1 cargo test --test conformance"
    );
}

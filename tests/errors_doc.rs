//! `docs/errors.md` is the tables of codes: FRAMELINE_WRITE_DOCS=1 writes it anew.
#![cfg(feature = "cli")]
#![allow(missing_docs)]

use frameline::cli::explain::TABLES;
use frameline::fault::{CodeEntry, FaultClass, code_text};
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "# Codes of the camera SDKs

`frameline explain CODE` tells a row of these tables: by code (0x80000007, 2147483655 or -2147483641, as C# and Python print
it) or by name (`MV_E_NODATA`, `nodata`). The class decides what the line does; `[faults] remap` gives a code another class
for one line. This page is written from the tables by `FRAMELINE_WRITE_DOCS=1 cargo test --test errors_doc`, and checked
against them by the same test.

The code that is misread most: **0x80000007 is `MV_E_NODATA`, a time-out.** No frame came in time; no buffer is too small, and
nothing needs to be reallocated. The buffer fault is 0x8000000A, `MV_E_NOENOUGH_BUF`. A camera that was unplugged, a region
that grew while grabbing, a changed packet size and an idle trigger all answer 0x80000007 for ever; after
`faults.timeouts_before_diagnosis` of them the line asks the camera which it is.

## Classes

| class | what the line does |
| --- | --- |
";

fn document() -> String {
    let mut out = String::from(HEAD);
    for class in FaultClass::ALL {
        let _ = writeln!(out, "| `{class}` | {} |", class.action());
    }
    for (sdk, table) in TABLES {
        let terms = table.iter().any(|e| !e.term.is_empty());
        let (title, about) = match sdk.name() {
            "mvs" => (
                "Hikrobot MVS",
                "Returned by `MV_CC_*` calls; 0x4001 to 0x8002 are posted by callbacks.",
            ),
            "gentl" => (
                "GenTL",
                "Returned by a producer (`*.cti`); from -10000 down they are the producer's own.",
            ),
            "aravis" => (
                "Aravis",
                "The status of a buffer below 0x10000; above, the errors of calls: 1 in the upper half is `ArvDeviceError`, 2 `ArvGcError`, 3 what no number of Aravis says.",
            ),
            "replay" => (
                "Replays of recordings",
                "A replay answers with these, and with the codes of the camera that was recorded.",
            ),
            _ => (
                "The simulated camera",
                "One for each class, so that each can be tried: `sim:?faults=at 100 fail 6`.",
            ),
        };
        let _ = writeln!(out, "\n## {title} (`--sdk {}`)\n\n{about}\n", sdk.name());
        out.push_str(match terms {
            true => "| code | signed | name | class | what it means | what to check | 厂商术语 |\n| --- | --- | --- | --- | --- | --- | --- |\n",
            false => "| code | signed | name | class | what it means | what to check |\n| --- | --- | --- | --- | --- | --- |\n",
        });
        for e in table {
            row(&mut out, e, terms);
        }
    }
    out
}

fn row(out: &mut String, e: &CodeEntry, terms: bool) {
    let signed = (e.code as u32).cast_signed();
    let _ = write!(
        out,
        "| {} | {signed} | `{}` | {} | {} | {} |",
        code_text(e.code),
        e.name,
        e.class,
        e.meaning,
        e.advice
    );
    let _ = if terms { writeln!(out, " {} |", e.term) } else { writeln!(out) };
}

/// Catches: a document that says something else than the program.
#[test]
fn the_document_is_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let want = document();
    if std::env::var_os("FRAMELINE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &want).expect("docs/errors.md can be written");
    }
    let have = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some((n, (a, b))) = have.lines().zip(want.lines()).enumerate().find(|(_, (a, b))| a != b)
    {
        panic!("docs/errors.md:{}: it says\n{a}\nand should say\n{b}", n + 1);
    }
    assert_eq!(
        have.lines().count(),
        want.lines().count(),
        "docs/errors.md lacks rows, or has too many"
    );
}

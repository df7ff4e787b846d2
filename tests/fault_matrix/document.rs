//! `docs/fault-matrix.md` is the rules as a document: FRAMELINE_WRITE_DOCS=1 writes it anew.

use crate::places::{PLACES, Phase, Place};
use crate::rules::Act;
use crate::{posted, returned};
use frameline::fault::{CodeEntry, FaultClass, code_text};
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "# The fault matrix of the MVS source

Every code of the MVS table ([errors.md](errors.md)), answered by every call of the SDK that the source makes: what the line does
about it. The rules behind this page (class and place to outcome) are `tests/fault_matrix/rules.rs`; each cell is run against the
simulated library, once and for ever, in simulated time, and compared, by `cargo test --test fault_matrix`. In every cell the run
ends, nothing panics, every slot is home, `grabbed` is the sum of the rest, and the fault is counted under its code, class and call.
The page is written from the rules by `FRAMELINE_WRITE_DOCS=1 cargo test --test fault_matrix document`.

| sign | what comes of it |
| --- | --- |
";

/// The function and what it is called for.
fn title(place: &Place) -> String {
    let fill = if place.fill.is_empty() { "auto" } else { place.fill };
    let what = if place.what.is_empty() { String::new() } else { format!(", {}", place.what) };
    format!("`{}`{what} (fill={fill})", place.function())
}

fn pair(place: &Place, entry: &CodeEntry) -> String {
    let (once, ever) = place.outcomes(entry);
    let ever = if once.ends() { once } else { ever };
    format!("{}{}", once.sign().0, ever.sign().0)
}

fn document() -> String {
    let mut out = String::from(HEAD);
    for act in Act::ALL {
        let (sign, text) = act.sign();
        let _ = writeln!(out, "| `{sign}` | {text} |");
    }
    out.push_str(
        "\nOf two signs the first is for a fault that comes once, the second for one that every call answers from then on.\n",
    );
    for phase in Phase::ALL {
        section(&mut out, phase);
    }
    grid(&mut out);
    out
}

/// What the classes lead to at the places of a phase; codes that differ from their class by name.
fn section(out: &mut String, phase: Phase) {
    let places: Vec<_> = PLACES.iter().filter(|p| p.phase == phase).collect();
    let _ = write!(out, "\n## {}\n\n| call |", phase.title());
    for class in FaultClass::ALL {
        let _ = write!(out, " {class} |");
    }
    let _ = writeln!(out, " but |\n|{}", " --- |".repeat(FaultClass::ALL.len() + 2));
    for place in places {
        let _ = write!(out, "| {} |", title(place));
        let mut others = Vec::new();
        for class in FaultClass::ALL {
            let codes = codes(phase).into_iter().filter(|e| e.class == class);
            let pairs: Vec<_> = codes.map(|e| (pair(place, e), e.name)).collect();
            let most =
                pairs.iter().max_by_key(|(p, _)| pairs.iter().filter(|(q, _)| p == q).count());
            let Some((most, _)) = most else {
                let _ = write!(out, " |");
                continue;
            };
            let _ = write!(out, " `{most}` |");
            let differs = pairs.iter().filter(|(p, _)| p != most);
            others.extend(differs.map(|(p, name)| format!("{name} `{p}`")));
        }
        let _ = writeln!(out, " {} |", others.join(", "));
    }
}

fn codes(phase: Phase) -> Vec<&'static CodeEntry> {
    if phase == Phase::Posted { posted().collect() } else { returned().collect() }
}

/// Every cell: a row a code, a column a place.
fn grid(out: &mut String) {
    let places: Vec<_> = PLACES.iter().filter(|p| p.phase != Phase::Posted).collect();
    let cells: usize = places.len() * returned().count() + 3 * posted().count();
    let _ = writeln!(
        out,
        "\n## Every cell\n\n{cells} cells: {} codes that calls return at {} places, {} that callbacks post at 3. Columns:\n",
        returned().count(),
        places.len(),
        posted().count()
    );
    for (n, place) in places.iter().enumerate() {
        let _ = writeln!(out, "{}. {}: {}", n + 1, place.phase.title(), title(place));
    }
    out.push_str("\n```text\n");
    let _ = write!(out, "{:45}", "");
    for n in 1..=places.len() {
        let _ = write!(out, " {n:>2}");
    }
    out.push('\n');
    for entry in returned() {
        let _ = write!(out, "{} {:34}", code_text(entry.code), entry.name);
        for place in &places {
            let _ = write!(out, " {}", pair(place, entry));
        }
        out.push('\n');
    }
    out.push_str("```\n");
}

/// Catches: a document that says something else than what is tested.
#[test]
fn the_document_is_the_rules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/fault-matrix.md");
    let want = document();
    if std::env::var_os("FRAMELINE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &want).expect("docs/fault-matrix.md can be written");
    }
    let have = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = have.lines().zip(want.lines()).enumerate().find(|(_, (a, b))| a != b);
    let again = "FRAMELINE_WRITE_DOCS=1 cargo test --test fault_matrix document writes it anew";
    if let Some((n, (a, b))) = differs {
        panic!("docs/fault-matrix.md:{}: it says\n{a}\nand should say\n{b}\n{again}", n + 1);
    }
    assert_eq!(have.lines().count(), want.lines().count(), "rows are missing or too many; {again}");
}

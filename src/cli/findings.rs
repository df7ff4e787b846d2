//! What a report keeps of an inspection where the configuration keeps nothing: one line a frame in
//! `results.jsonl`, and pictures of failed parts.
//!
//! The two stages that do it are ordinary ones, named in the resolved configuration. They run on the
//! inspecting stage's thread, right behind it: they cost no hop, no slot, and change no arithmetic.

use super::document::{Document, Origin, Raw, Section};
use std::path::Path;

/// Kind of the stages whose findings are kept.
const INSPECT: &str = "inspect";
/// Who says so.
const ORIGIN: Origin = Origin::Argument("--report");

/// Adds what is missing to a document that has a report folder and stages that inspect.
pub fn keep(document: &mut Document) {
    let Some(dir) = document.section("report").and_then(|s| text(s, "dir")) else { return };
    let dir = dir.to_string();
    let has = |kind: &str| document.stages.iter().any(|s| text(s, "kind") == Some(kind));
    let missing: Vec<_> =
        [("results", "json"), ("save", "dir")].into_iter().filter(|(kind, _)| !has(kind)).collect();
    let inspecting: Vec<String> = document
        .stages
        .iter()
        .filter(|s| text(s, "kind") == Some(INSPECT))
        .filter_map(|s| text(s, "name").map(Into::into))
        .collect();
    for name in &inspecting {
        for (kind, key) in &missing {
            // Where several inspect, each has files of its own.
            let of = if inspecting.len() > 1 { format!("-{name}") } else { String::new() };
            let file = match *kind {
                "results" => format!("results{of}.jsonl"),
                _ => format!("parts{of}"),
            };
            let path = Path::new(&dir).join(file).display().to_string();
            add(document, name, kind, key, path);
        }
    }
}

fn text<'a>(section: &'a Section, key: &str) -> Option<&'a str> {
    match &section.get(key)?.raw {
        Raw::Text(t) => Some(t),
        _ => None,
    }
}

/// Puts a stage behind `name` and the stages that were put there already.
fn add(document: &mut Document, name: &str, kind: &str, key: &str, path: String) {
    let Some(at) = document.stages.iter().position(|s| text(s, "name") == Some(name)) else {
        return;
    };
    let thread = text(&document.stages[at], "thread").unwrap_or(name).to_string();
    document.stages[at].set("thread", Raw::Text(thread.clone()), ORIGIN);
    let own = |s: &Section| matches!(s.origin, Origin::Argument(_));
    let behind = at + 1 + document.stages[at + 1..].iter().take_while(|s| own(s)).count();
    let before = text(&document.stages[behind - 1], "name").unwrap_or(name).to_string();
    let new = free_name(document, &format!("{name}-{kind}"));
    let mut stage = Section::new(ORIGIN);
    for (key, value) in [
        ("name", new.clone()),
        ("kind", kind.into()),
        ("after", before.clone()),
        ("thread", thread),
        ("from", name.into()),
        (key, path),
    ] {
        stage.set(key, Raw::Text(value), ORIGIN);
    }
    // Who followed the stage by name follows what now stands behind it.
    for later in &mut document.stages[behind..] {
        if text(later, "after") == Some(&before) {
            later.set("after", Raw::Text(new.clone()), ORIGIN);
        }
    }
    document.stages.insert(behind, stage);
}

/// The name, or the name with a number, if it is taken.
fn free_name(document: &Document, name: &str) -> String {
    let taken = |n: &String| document.stages.iter().any(|s| text(s, "name") == Some(n));
    let numbered = (2..).map(|i| format!("{name}-{i}"));
    std::iter::once(name.to_string()).chain(numbered).find(|n| !taken(n)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &[&str] = &["report"];

    /// Each stage as `name kind after thread from`, with a dot where it has none.
    fn stages(text_of: &str) -> Vec<String> {
        let mut d = Document::parse(text_of, "f", TABLES).unwrap();
        keep(&mut d);
        let of = |s: &Section, key| text(s, key).unwrap_or(".").to_string();
        let keys = ["name", "kind", "after", "thread", "from"];
        d.stages.iter().map(|s| keys.map(|k| of(s, k)).join(" ")).collect()
    }

    #[test]
    fn an_inspection_is_kept_behind_itself() {
        // Catches findings that are lost, a stage in another's place, a later stage that hangs beside the chain.
        let report = "[report]\ndir = \"out\"\n";
        let line = "[[stage]]\nname = \"look\"\nkind = \"inspect\"\n\
                    [[stage]]\nname = \"next\"\nkind = \"threshold\"\nafter = \"look\"\n";
        let plain = ["look inspect . . .", "next threshold look . ."];
        assert_eq!(stages(line), plain, "without a report");
        let with = [
            "look inspect . look .",
            "look-results results look look look",
            "look-save save look-results look look",
            "next threshold look-save . .",
        ];
        assert_eq!(stages(&format!("{report}{line}")), with);
        let own = "[[stage]]\nname = \"r\"\nkind = \"results\"\njson = \"x\"\n\
                   [[stage]]\nname = \"s\"\nkind = \"save\"\ndir = \"x\"\n";
        assert_eq!(
            stages(&format!("{report}{line}{own}")).len(),
            4,
            "what keeps already is enough"
        );
        let measured = "[[stage]]\nname = \"a\"\nkind = \"threshold\"\n";
        assert_eq!(stages(&format!("{report}{measured}")).len(), 1, "nothing is inspected");
    }

    #[test]
    fn names_and_files_are_their_own() {
        // Catches two stages of one name, and one file that two stages write.
        let text_of = "[report]\ndir = \"out\"\n[[stage]]\nname = \"a\"\nkind = \"inspect\"\nthread = \"t\"\n\
             [[stage]]\nname = \"a-save\"\nkind = \"inspect\"\n";
        let mut d = Document::parse(text_of, "f", TABLES).unwrap();
        keep(&mut d);
        let all = |key| d.stages.iter().filter_map(|s| text(s, key)).collect::<Vec<_>>();
        let names = ["a", "a-results", "a-save-2", "a-save", "a-save-results", "a-save-save"];
        assert_eq!(all("name"), names);
        assert_eq!(all("json"), ["out/results-a.jsonl", "out/results-a-save.jsonl"]);
        assert_eq!(all("dir"), ["out/parts-a", "out/parts-a-save"]);
        assert_eq!(all("thread"), ["t", "t", "t", "a-save", "a-save", "a-save"]);
    }
}

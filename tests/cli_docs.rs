//! `docs/configuration.md` says what the program knows: every key with type, default and meaning.
#![cfg(feature = "cli")]

use frameline::cli::{document, fields, job, kinds, schema};
use frameline::stages::Key;

const DOC: &str = include_str!("../docs/configuration.md");

/// One row of a table in the document.
fn row(key: &Key) -> String {
    let default = if key.default.is_empty() { "none".into() } else { format!("`{}`", key.default) };
    let expected = fields::expected(&key.value);
    format!("| `{}` | {expected} | {default} | {} |", key.name, key.about)
}

/// The headings of the document's tables and the rows that belong under them.
fn tables() -> Vec<(String, Vec<String>)> {
    let rows = |keys: &[Key]| keys.iter().map(row).collect::<Vec<_>>();
    let files = schema::TABLES.iter().map(|(name, keys)| (format!("## `[{name}]`"), rows(keys)));
    let stage = [("## `[[stage]]`".to_string(), rows(schema::STAGE))];
    let kinds =
        kinds::KINDS.iter().map(|(name, _, keys)| (format!("### `kind = \"{name}\"`"), rows(keys)));
    files.chain(stage).chain(kinds).collect()
}

#[test]
fn the_document_has_every_key_and_no_other() {
    // Catches a key added, changed or removed in the program but not in the document.
    for (heading, rows) in tables() {
        let (_, rest) = DOC
            .split_once(&format!("{heading}\n"))
            .unwrap_or_else(|| panic!("docs/configuration.md lacks the heading {heading}"));
        let part = rest.split("\n#").next().unwrap_or_default();
        let is_key = |l: &&str| l.starts_with("| `") && l.matches(" | ").count() == 3;
        let found: Vec<_> = part.lines().filter(is_key).collect();
        assert_eq!(found, rows, "under {heading}; it should be:\n{}\n", rows.join("\n"));
    }
}

#[test]
fn the_document_names_every_parameter_of_the_simulated_source() {
    // Catches a URI parameter that nobody can find.
    for (name, about) in frameline::sim::PARAMETERS {
        let row = format!("| `{name}` | {about} |");
        assert!(DOC.contains(&row), "docs/configuration.md lacks the row {row}");
    }
}

#[test]
fn every_kind_says_what_it_does() {
    // Catches a kind without a word about it, and lists of kinds that differ.
    let names: Vec<_> = kinds::KINDS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, kinds::NAMES);
    assert_eq!(schema::TABLES.iter().map(|t| t.0).collect::<Vec<_>>(), schema::TABLE_NAMES);
    for (_, about, _) in kinds::KINDS {
        assert!(DOC.to_lowercase().contains(&about.to_lowercase()), "{about}");
    }
}

#[test]
fn the_example_is_a_configuration() {
    // Catches an example that the program refuses.
    let (_, rest) = DOC.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let example = example.replace("core = 1\n", ""); // A machine may have only one.
    let document = document::Document::parse(&example, "example", schema::TABLE_NAMES).unwrap();
    let job = job::Job::new(&document, &[0]).unwrap();
    assert_eq!((job.uri.as_str(), job.stages.len()), ("sim:?rate=200", 3));
    assert_eq!(job.line.faults.remap.len(), 1);
}

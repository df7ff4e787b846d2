//! A configuration as it was written: tables of values, each with the place where it stands.

use super::value::{list, nearest};
use crate::error::Error;
use std::fmt;
use std::path::Path;
use std::rc::Rc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where a value was given.
#[derive(Debug, Clone)]
pub enum Origin {
    /// In a file, at this line and column, from 1.
    File(Rc<str>, usize, usize),
    /// By `--set` with this text.
    Set(Rc<str>),
    /// By another argument.
    Argument(&'static str),
    /// Nowhere: it is built in.
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path, line, column) => write!(f, "{path}:{line}:{column}"),
            Origin::Set(text) => write!(f, "--set {text}"),
            Origin::Argument(name) => f.write_str(name),
            Origin::BuiltIn => f.write_str("the built-in configuration"),
        }
    }
}

impl Origin {
    /// A configuration error at this place.
    pub fn error(&self, message: impl fmt::Display) -> Error {
        Error::config(format!("{self}: {message}"))
    }
}

/// A value, not yet checked against what its key expects.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Raw>),
    /// A table.
    Table(Vec<(String, Raw)>),
}

impl Raw {
    /// What it is, for a sentence.
    pub fn describe(&self) -> String {
        match self {
            Raw::Bool(b) => b.to_string(),
            Raw::Integer(n) => n.to_string(),
            Raw::Number(n) => n.to_string(),
            Raw::Text(t) => format!("{t:?}"),
            Raw::List(items) => format!("[{}]", some(items.iter().map(Raw::describe))),
            Raw::Table(items) => {
                let pair = |(k, v): &(String, Raw)| format!("{k:?} = {}", v.describe());
                format!("{{ {} }}", some(items.iter().map(pair)))
            }
        }
    }
}

/// The first few of them, for a sentence.
fn some(mut parts: impl Iterator<Item = String>) -> String {
    let mut shown: Vec<_> = parts.by_ref().take(4).collect();
    shown.extend(parts.next().map(|_| "...".into()));
    shown.join(", ")
}

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Item {
    /// The value.
    pub raw: Raw,
    /// Its place; of the key where the key itself is at fault.
    pub origin: Origin,
}

/// One table.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its place.
    pub origin: Origin,
    /// Its keys, in the order of the file.
    pub items: Vec<(String, Item)>,
}

impl Section {
    /// An empty one.
    pub fn new(origin: Origin) -> Self {
        Section { origin, items: Vec::new() }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Item> {
        self.items.iter().find(|(k, _)| k == key).map(|(_, item)| item)
    }

    /// Sets a key, in the place of an earlier value.
    pub fn set(&mut self, key: &str, raw: Raw, origin: Origin) {
        self.items.retain(|(k, _)| k != key);
        self.items.push((key.into(), Item { raw, origin }));
    }

    fn text(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.raw {
            Raw::Text(t) => Some(t),
            _ => None,
        }
    }
}

/// A whole configuration.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// Tables by name, except stages.
    pub sections: Vec<(String, Section)>,
    /// The `[[stage]]` tables, or those of another name that is repeated.
    pub stages: Vec<Section>,
}

impl Document {
    /// Reads a file. `tables` are the names that a table may have, besides `stage`.
    pub fn read(path: &Path, tables: &[&str]) -> Result<Document, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::config(format!("the configuration {} cannot be read: {e}", path.display()))
        })?;
        Self::parse(&text, &path.display().to_string(), tables)
    }

    /// Parses a text that stands in the file `name`.
    pub fn parse(text: &str, name: &str, tables: &[&str]) -> Result<Document, Error> {
        Self::parse_lists(text, name, tables, "stage")
    }

    /// The same for a file whose repeated tables have another name than `[[stage]]`.
    pub fn parse_lists(
        text: &str,
        name: &str,
        tables: &[&str],
        repeated: &str,
    ) -> Result<Document, Error> {
        let name: Rc<str> = name.into();
        let at = |offset: usize| place(text, &name, offset);
        let root = DeTable::parse(text).map_err(|e| {
            let origin = at(e.span().map_or(0, |s| s.start));
            origin.error(format_args!("this is not TOML: {}", e.message().replace('\n', ", ")))
        })?;
        let mut entries: Vec<_> = root.into_inner().into_iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut document = Document::default();
        for (key, value) in entries {
            let origin = at(key.span().start);
            let key = key.into_inner().into_owned();
            let is_repeated = key == repeated;
            if !is_repeated && !tables.contains(&key.as_str()) {
                let known = tables.iter().copied().chain([repeated]).collect();
                return Err(origin.error(unknown("table", &key, known)));
            }
            let as_list =
                || format!("{repeated}s are written as [[{repeated}]] tables, one for each");
            match value.into_inner() {
                DeValue::Array(list) if is_repeated => {
                    for table in list {
                        let origin = at(table.span().start);
                        let DeValue::Table(table) = table.into_inner() else {
                            return Err(origin.error(as_list()));
                        };
                        document.stages.push(section(table, origin, &at)?);
                    }
                }
                _ if is_repeated => return Err(origin.error(as_list())),
                DeValue::Table(table) => {
                    document.sections.push((key, section(table, origin, &at)?));
                }
                _ => return Err(origin.error(format_args!("{key} must be a table, as in [{key}]"))),
            }
        }
        Ok(document)
    }

    /// The table of that name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|(n, _)| n == name).map(|(_, s)| s)
    }

    /// The table of that name; made if it is not there.
    pub fn section_mut(&mut self, name: &str) -> &mut Section {
        let at = self.sections.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
            self.sections.push((name.into(), Section::new(Origin::BuiltIn)));
            self.sections.len() - 1
        });
        &mut self.sections[at].1
    }

    /// Applies one `--set KEY=VALUE`.
    pub fn set(&mut self, text: &str, tables: &[&str]) -> Result<(), Error> {
        let origin = Origin::Set(text.into());
        let Some((path, value)) = text.split_once('=') else {
            return Err(origin.error("expected KEY=VALUE, such as pool.slots=64"));
        };
        if is_feature(text) && tables.contains(&"source") {
            // What a camera calls On is a text, whatever TOML makes of other words.
            let value = match set_value(value) {
                quoted @ Raw::Text(_) => quoted,
                _ => Raw::Text(value.trim().into()),
            };
            self.section_mut("source").set(path.trim(), value, origin);
            return Ok(());
        }
        let raw = set_value(value);
        match path.trim().split('.').collect::<Vec<_>>().as_slice() {
            ["stage", name, key] => {
                let names: Vec<_> = self.stages.iter().filter_map(|s| s.text("name")).collect();
                if !names.contains(name) {
                    return Err(origin.error(unknown("stage", name, names)));
                }
                let stage = self.stages.iter_mut().find(|s| s.text("name") == Some(name));
                if let Some(stage) = stage {
                    stage.set(key, raw, origin);
                }
                Ok(())
            }
            ["stage", ..] => Err(origin.error("a stage's key is named as stage.NAME.KEY")),
            ["faults", "remap", code] => {
                let section = self.section_mut("faults");
                let mut codes = match section.get("remap") {
                    Some(Item { raw: Raw::Table(codes), .. }) => codes.clone(),
                    _ => Vec::new(),
                };
                codes.retain(|(c, _)| c != code);
                codes.push(((*code).into(), raw));
                section.set("remap", Raw::Table(codes), origin);
                Ok(())
            }
            [table, key] if tables.contains(table) => {
                self.section_mut(table).set(key, raw, origin);
                Ok(())
            }
            [table, ..] if tables.contains(table) => Err(origin
                .error(format!("{table} is a table; name one of its keys, as {table}.KEY=VALUE"))),
            [table, ..] => Err(origin.error(unknown("table", table, table_names(tables)))),
            [] => Err(origin.error("expected KEY=VALUE, such as pool.slots=64")),
        }
    }
}

/// Whether a `--set` is of a camera's feature: its name has no dot and, unlike any table's, begins with a capital
/// letter.
pub fn is_feature(set: &str) -> bool {
    let name = set.split('=').next().unwrap_or_default().trim();
    name.starts_with(|c: char| c.is_ascii_uppercase()) && !name.contains('.')
}

fn table_names<'a>(tables: &[&'a str]) -> Vec<&'a str> {
    tables.iter().copied().chain(["stage"]).collect()
}

/// `unknown key "slost"; did you mean "slots"? Known keys: ...`
pub fn unknown(what: &str, word: &str, known: Vec<&str>) -> String {
    let meant = nearest(word, known.iter().copied())
        .map_or(String::new(), |k| format!(", did you mean {k:?}?"));
    let dot = if meant.is_empty() { ";" } else { "" };
    format!("unknown {what} {word:?}{meant}{dot} known {what}s are {}", list(known))
}

/// The value of a `--set`: TOML if it is that, else the text itself.
fn set_value(text: &str) -> Raw {
    let text = text.trim();
    match DeValue::parse(text).map(|v| raw(v.into_inner())) {
        Ok(Some(raw)) => raw,
        _ => Raw::Text(text.into()),
    }
}

fn place(text: &str, name: &Rc<str>, offset: usize) -> Origin {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |p| p + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
    Origin::File(name.clone(), line, column)
}

fn section(
    table: DeTable<'_>,
    origin: Origin,
    at: &impl Fn(usize) -> Origin,
) -> Result<Section, Error> {
    let mut items: Vec<(usize, String, Item)> = Vec::new();
    for (key, value) in table {
        let place: (usize, Spanned<_>) = (key.span().start, value);
        let origin = at(place.0);
        let Some(raw) = raw(place.1.into_inner()) else {
            return Err(origin.error("the value is neither text, number, list nor table"));
        };
        items.push((place.0, key.into_inner().into_owned(), Item { raw, origin }));
    }
    items.sort_by_key(|(at, ..)| *at);
    Ok(Section { origin, items: items.into_iter().map(|(_, k, i)| (k, i)).collect() })
}

/// `None` for a date, or a number that does not fit.
fn raw(value: DeValue<'_>) -> Option<Raw> {
    Some(match value {
        DeValue::String(s) => Raw::Text(s.into_owned()),
        DeValue::Boolean(b) => Raw::Bool(b),
        DeValue::Integer(n) => Raw::Integer(i64::from_str_radix(n.as_str(), n.radix()).ok()?),
        DeValue::Float(n) => Raw::Number(n.as_str().parse().ok()?),
        DeValue::Datetime(_) => return None,
        DeValue::Array(items) => {
            Raw::List(items.into_iter().map(|v| raw(v.into_inner())).collect::<Option<_>>()?)
        }
        DeValue::Table(items) => Raw::Table(
            items
                .into_iter()
                .map(|(k, v)| Some((k.into_inner().into_owned(), raw(v.into_inner())?)))
                .collect::<Option<_>>()?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &[&str] = &["pool", "faults", "source"];

    #[test]
    fn places_are_those_of_the_key() {
        // Catches errors that point at the wrong line, also behind text that is not ASCII.
        let text = "# \u{e4}\n[pool]\nslots = 4\n  lock = true\n[[stage]]\nname = \"a\"\n";
        let d = Document::parse(text, "f.toml", TABLES).unwrap();
        let at = |key| d.section("pool").unwrap().get(key).unwrap().origin.to_string();
        assert_eq!((at("slots").as_str(), at("lock").as_str()), ("f.toml:3:1", "f.toml:4:3"));
        assert!(d.stages[0].origin.to_string().starts_with("f.toml:5:"));
    }

    #[test]
    fn wrong_documents_are_one_sentence_with_a_place() {
        // Catches multi-line parser messages, and tables that are silently ignored.
        for (text, want) in [
            ("[pool\n", "f.toml:1:"),
            ("a = \n", "f.toml:1:"),
            ("\n[pol]\n", "f.toml:2:2: unknown table \"pol\", did you mean \"pool\"?"),
            ("pool = 3", "pool must be a table"),
            ("[stage]\n", "[[stage]]"),
            ("[pool]\nslots = 2026-01-01\n", "f.toml:2:1"),
            ("[pool]\nslots = 99999999999999999999\n", "f.toml:2:1"),
        ] {
            let e = Document::parse(text, "f.toml", TABLES).unwrap_err().to_string();
            assert!(e.contains(want) && !e.contains('\n'), "{text:?}: {e}");
        }
    }

    #[test]
    fn set_overrides_and_names_itself() {
        // Catches a --set that goes nowhere, or whose error does not say which one it was.
        let text = "[pool]\nslots = 4\n[[stage]]\nname = \"a\"\nworkers = 1\n";
        let mut d = Document::parse(text, "f", TABLES).unwrap();
        d.set("pool.slots=64", TABLES).unwrap();
        d.set("stage.a.workers=2", TABLES).unwrap();
        d.set("source.rate=200", TABLES).unwrap();
        d.set("stage.a.policy=1-in-3", TABLES).unwrap();
        d.set("faults.remap.0x80000007=lost", TABLES).unwrap();
        d.set("TriggerMode=On", TABLES).unwrap();
        d.set("ExposureTime=5000.0", TABLES).unwrap();
        let source = |key| d.section("source").unwrap().get(key).unwrap().raw.clone();
        assert_eq!(source("TriggerMode"), Raw::Text("On".into()));
        assert_eq!(source("ExposureTime"), Raw::Text("5000.0".into()));
        assert_eq!(d.section("pool").unwrap().get("slots").unwrap().raw, Raw::Integer(64));
        assert_eq!(d.stages[0].get("workers").unwrap().raw, Raw::Integer(2));
        assert_eq!(d.stages[0].get("policy").unwrap().raw, Raw::Text("1-in-3".into()));
        for (set, want) in [
            ("pool", "--set pool: expected KEY=VALUE"),
            ("pol.slots=1", "did you mean \"pool\"?"),
            ("stage.b.workers=1", "unknown stage \"b\""),
            ("stage.workers=1", "stage.NAME.KEY"),
            ("pool=1", "pool is a table; name one of its keys"),
            ("pool..slots=1", "pool is a table; name one of its keys"),
            ("=", "unknown table"),
            ("Width", "--set Width: expected KEY=VALUE"),
            ("Width.x=1", "unknown table \"Width\""),
        ] {
            let e = d.set(set, TABLES).unwrap_err().to_string();
            assert!(e.starts_with("--set ") && e.contains(want), "{e}");
        }
    }
}

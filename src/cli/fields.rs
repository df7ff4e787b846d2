//! The keys of one table, checked: known, of the right type, in range; defaults filled in.

use super::document::{Item, Origin, Raw, Section, unknown};
use super::value::{bytes_text, duration_text, list, parse_bytes, parse_duration};
use crate::error::Error;
use crate::fault::{FaultClass, code_text};
use crate::stages::{Key, KeyType};
use std::time::Duration;

/// A checked value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Nanoseconds.
    Duration(u64),
    /// Bytes.
    Bytes(u64),
    /// Whole numbers.
    Integers(Vec<u64>),
    /// Fault codes and their classes.
    Remap(Vec<(i64, FaultClass)>),
}

impl Value {
    /// The value as TOML.
    pub fn toml(&self) -> String {
        match self {
            Value::Bool(b) => b.to_string(),
            Value::Integer(n) => n.to_string(),
            Value::Number(n) => format!("{n:?}"),
            Value::Text(t) => quoted(t),
            Value::Duration(ns) => quoted(&duration_text(*ns)),
            Value::Bytes(n) => quoted(&bytes_text(*n)),
            Value::Integers(n) => format!("{n:?}"),
            Value::Remap(codes) => {
                let code = |c: i64| if c < 0 { c.to_string() } else { code_text(c) };
                let pair =
                    |(c, class): &(i64, FaultClass)| format!("\"{}\" = \"{class}\"", code(*c));
                let pairs: Vec<_> = codes.iter().map(pair).collect();
                if pairs.is_empty() { "{}".into() } else { format!("{{ {} }}", pairs.join(", ")) }
            }
        }
    }
}

/// A text in quotes, as TOML wants it.
pub fn quoted(text: &str) -> String {
    toml::Value::String(text.into()).to_string()
}

/// What a key of that type expects, as words behind "must be".
pub fn expected(value: &KeyType) -> String {
    match value {
        KeyType::Bool => "true or false".into(),
        KeyType::Integer { min, max: i64::MAX } => format!("a whole number from {min}"),
        KeyType::Integer { min, max } => format!("a whole number from {min} to {max}"),
        KeyType::Number { min, max } => format!("a number from {min} to {max}"),
        KeyType::Text => "a text that is not empty".into(),
        KeyType::Choice(words) => {
            let words: Vec<_> = words.iter().map(|w| format!("{w:?}")).collect();
            format!("one of {}", list(words.iter().map(String::as_str)))
        }
        KeyType::Form(_, what) => (*what).into(),
        KeyType::Duration { min, max } => format!(
            "a time such as \"500ms\" or whole nanoseconds, from {} to {}",
            duration_text(*min),
            duration_text(*max)
        ),
        KeyType::Bytes { min, max: u64::MAX } => {
            format!("a size such as \"64MiB\" or whole bytes, from {}", bytes_text(*min))
        }
        KeyType::Bytes { min, max } => format!(
            "a size such as \"64MiB\" or whole bytes, from {} to {}",
            bytes_text(*min),
            bytes_text(*max)
        ),
        KeyType::Integers => "a list of whole numbers from 0".into(),
        KeyType::Remap => format!(
            "a table such as {{ \"0x80000007\" = \"lost\" }}, its classes being {}",
            list(FaultClass::ALL.map(FaultClass::name))
        ),
    }
}

fn convert(raw: &Raw, value: &KeyType) -> Option<Value> {
    let within = |n: u64, min: u64, max: u64| (min..=max).contains(&n).then_some(n);
    match (value, raw) {
        (KeyType::Bool, Raw::Bool(b)) => Some(Value::Bool(*b)),
        (KeyType::Integer { min, max }, Raw::Integer(n)) => {
            (min..=max).contains(&n).then_some(Value::Integer(*n))
        }
        (KeyType::Number { min, max }, Raw::Integer(_) | Raw::Number(_)) => {
            let n = match raw {
                Raw::Integer(n) => *n as f64,
                Raw::Number(n) => *n,
                _ => return None,
            };
            (*min..=*max).contains(&n).then_some(Value::Number(n))
        }
        (KeyType::Text, Raw::Text(t)) => (!t.is_empty()).then(|| Value::Text(t.clone())),
        (KeyType::Choice(words), Raw::Text(t)) => {
            words.contains(&t.as_str()).then(|| Value::Text(t.clone()))
        }
        (KeyType::Form(check, _), Raw::Text(t)) => check(t).then(|| Value::Text(t.clone())),
        (KeyType::Duration { min, max }, Raw::Text(t)) => {
            within(parse_duration(t)?, *min, *max).map(Value::Duration)
        }
        (KeyType::Duration { min, max }, Raw::Integer(n)) => {
            within(u64::try_from(*n).ok()?, *min, *max).map(Value::Duration)
        }
        (KeyType::Bytes { min, max }, Raw::Text(t)) => {
            within(parse_bytes(t)?, *min, *max).map(Value::Bytes)
        }
        (KeyType::Bytes { min, max }, Raw::Integer(n)) => {
            within(u64::try_from(*n).ok()?, *min, *max).map(Value::Bytes)
        }
        (KeyType::Integers, Raw::List(items)) => items
            .iter()
            .map(|i| match i {
                Raw::Integer(n) => u64::try_from(*n).ok(),
                _ => None,
            })
            .collect::<Option<_>>()
            .map(Value::Integers),
        (KeyType::Remap, Raw::Table(items)) => items
            .iter()
            .map(|(code, class)| match class {
                Raw::Text(class) => Some((parse_code(code)?, FaultClass::from_name(class)?)),
                _ => None,
            })
            .collect::<Option<_>>()
            .map(Value::Remap),
        _ => None,
    }
}

/// A fault code: `0x80000007`, or decimal as some SDKs print it (`-1011`).
pub fn parse_code(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok().map(i64::from),
        None => text.parse().ok(),
    }
}

/// The checked keys of one table.
#[derive(Debug)]
pub struct Fields {
    label: String,
    origin: Origin,
    values: Vec<(&'static Key, Value, Origin)>,
}

impl Fields {
    /// Checks `section`, called `label` in sentences, against its tables of keys.
    pub fn check(
        label: &str,
        section: &Section,
        tables: &[&'static [Key]],
    ) -> Result<Fields, Error> {
        let keys = || tables.iter().copied().flatten();
        for (name, item) in &section.items {
            if !keys().any(|k| k.name == name) {
                let known = keys().map(|k| k.name).collect();
                let message = unknown("key", name, known);
                return Err(item.origin.error(format_args!("[{label}] {message}")));
            }
        }
        let mut values = Vec::new();
        for key in keys() {
            if let Some(item) = section.get(key.name) {
                values.push((key, Self::value(label, key, item)?, item.origin.clone()));
            } else if let Some(value) = default_of(key) {
                values.push((key, value, section.origin.clone()));
            }
        }
        Ok(Fields { label: label.into(), origin: section.origin.clone(), values })
    }

    fn value(label: &str, key: &'static Key, item: &Item) -> Result<Value, Error> {
        // A text given by --set may look like a number.
        let text = match (&item.origin, &item.raw) {
            (_, Raw::Text(_)) => None,
            (Origin::Set(set), _) => set.split_once('=').map(|(_, v)| Raw::Text(v.trim().into())),
            _ => None,
        };
        convert(&item.raw, &key.value).or_else(|| convert(&text?, &key.value)).ok_or_else(|| {
            item.origin.error(format_args!(
                "{label}.{} must be {}, not {}",
                key.name,
                expected(&key.value),
                item.raw.describe()
            ))
        })
    }

    /// What sentences call the table.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The place of a key; of the table where the key was not given.
    pub fn origin(&self, key: &str) -> &Origin {
        self.values.iter().find(|(k, ..)| k.name == key).map_or(&self.origin, |(.., o)| o)
    }

    /// An error at the place of a key.
    pub fn error(&self, key: &str, message: impl std::fmt::Display) -> Error {
        self.origin(key).error(format_args!("{}.{key} {message}", self.label))
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.values.iter().find(|(k, ..)| k.name == key).map(|(_, v, _)| v)
    }

    /// A truth; false where none was given and there is no default.
    pub fn bool(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Value::Bool(true)))
    }

    /// A whole number.
    pub fn integer(&self, key: &str) -> Option<u64> {
        match self.get(key)? {
            Value::Integer(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// A whole number that fits a size.
    pub fn size(&self, key: &str) -> Option<usize> {
        usize::try_from(self.integer(key)?).ok()
    }

    /// A number.
    pub fn number(&self, key: &str) -> Option<f64> {
        match self.get(key)? {
            Value::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::Text(t) => Some(t),
            _ => None,
        }
    }

    /// A time.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        match self.get(key)? {
            Value::Duration(ns) => Some(Duration::from_nanos(*ns)),
            _ => None,
        }
    }

    /// Bytes.
    pub fn bytes(&self, key: &str) -> Option<usize> {
        match self.get(key)? {
            Value::Bytes(n) => usize::try_from(*n).ok(),
            _ => None,
        }
    }

    /// Whole numbers.
    pub fn integers(&self, key: &str) -> Vec<u64> {
        match self.get(key) {
            Some(Value::Integers(n)) => n.clone(),
            _ => Vec::new(),
        }
    }

    /// Fault codes and classes.
    pub fn remap(&self, key: &str) -> Vec<(i64, FaultClass)> {
        match self.get(key) {
            Some(Value::Remap(codes)) => codes.clone(),
            _ => Vec::new(),
        }
    }

    /// The table's lines as TOML, defaults included, without its header.
    pub fn toml(&self) -> String {
        self.values.iter().map(|(k, v, _)| format!("{} = {}\n", k.name, v.toml())).collect()
    }
}

/// The default of a key.
pub fn default_of(key: &Key) -> Option<Value> {
    if key.default.is_empty() {
        return None;
    }
    let mut parsed = super::document::Document::default();
    parsed.set(&format!("d.d={}", key.default), &["d"]).ok()?;
    convert(&parsed.section("d")?.get("d")?.raw, &key.value)
}

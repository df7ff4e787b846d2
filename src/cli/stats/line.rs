//! One line of a log: what a line of frameline is told by, and what it holds. A log is untrusted: everything may be
//! missing, of another type, or absurd.

use serde_json::{Map, Value};
use std::time::SystemTime;

/// A line is not looked at beyond so many bytes: none of ours is so long.
pub const MAX_LINE: usize = 64 * 1024;
/// Texts that are kept of a line, such as a name, are cut to so many characters.
const MAX_TEXT: usize = 200;

/// A line of a frameline log that tells an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When it was written.
    pub at: SystemTime,
    /// What it is about.
    pub event: String,
    /// The camera of the line that wrote it.
    pub camera: String,
    fields: Map<String, Value>,
}

impl Line {
    /// The line, if it is one of ours: `TIME LEVEL SENTENCE<tab>key=value ...`, or an object with the same.
    pub fn parse(text: &str) -> Option<Line> {
        let text = text.trim_end_matches(['\r', '\n']);
        let (time, mut fields) = match text.starts_with('{') {
            true => object(text)?,
            false => (text.split_once(' ')?.0.to_string(), key_values(text.rsplit_once('\t')?.1)?),
        };
        let at = humantime::parse_rfc3339(&time).ok()?;
        let mut text = |key| match fields.remove(key) {
            Some(Value::String(t)) => Some(cut(&t)),
            _ => None,
        };
        Some(Line { at, event: text("event")?, camera: text("camera")?, fields })
    }

    /// A whole number.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.fields.get(key)?.as_u64()
    }

    /// A truth.
    pub fn truth(&self, key: &str) -> Option<bool> {
        self.fields.get(key)?.as_bool()
    }

    /// A text, at most `MAX_TEXT` characters of it.
    pub fn text(&self, key: &str) -> Option<String> {
        self.fields.get(key)?.as_str().map(cut)
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn object(text: &str) -> Option<(String, Map<String, Value>)> {
    let mut fields: Map<String, Value> = serde_json::from_str(text).ok()?;
    match fields.remove("timestamp") {
        Some(Value::String(time)) => Some((time, fields)),
        _ => None,
    }
}

/// `key=value key=value`, each value as JSON writes it.
fn key_values(text: &str) -> Option<Map<String, Value>> {
    let mut fields = Map::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=')?;
        let mut values = serde_json::Deserializer::from_str(behind).into_iter::<Value>();
        let value = values.next()?.ok()?;
        rest = behind.get(values.byte_offset()..)?.trim_start();
        fields.insert(key.into(), value);
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_hold_the_same() {
        // Catches a field that one of the formats loses, and a text with blanks, quotes or equal signs in it.
        let text = "2026-11-26T12:00:00.250000Z WARN  a sentence = with \"things\"\tevent=\"fault\" camera=\"MV-CA \\\"x\\\" =1\" at_ns=5 ok=true name=\"a b\"";
        let json = r#"{"timestamp":"2026-11-26T12:00:00.250000Z","level":"WARN","target":"t","message":"m","event":"fault","camera":"MV-CA \"x\" =1","at_ns":5,"ok":true,"name":"a b"}"#;
        for line in [text, json, &format!("{text}\r\n")] {
            let l = Line::parse(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((l.event.as_str(), l.camera.as_str()), ("fault", "MV-CA \"x\" =1"));
            assert_eq!((l.number("at_ns"), l.truth("ok")), (Some(5), Some(true)));
            assert_eq!((l.text("name").as_deref(), l.number("name")), (Some("a b"), None));
        }
    }

    #[test]
    fn what_is_not_ours_is_no_line() {
        // Catches a line of another program, or half a line, that is taken for ours.
        for line in [
            "",
            "hello world",
            "2026-11-26T12:00:00Z INFO no fields",
            "2026-11-26T12:00:00Z INFO no camera\tevent=\"fault\"",
            "2026-11-26T12:00:00Z INFO truncated\tevent=\"fault\" camera=\"MV",
            "2026-11-26T12:00:00Z INFO truncated\tevent=\"fault\" camera",
            "yesterday INFO x\tevent=\"fault\" camera=\"c\"",
            "{\"event\":\"fault\",\"camera\":\"c\"}",
            "{\"timestamp\":\"2026-11-26T12:00:00Z\",\"event\":\"fau",
            "{\"timestamp\":1,\"event\":\"fault\",\"camera\":\"c\"}",
            "[1,2]",
            "2026-11-26T12:00:00Z INFO \u{4e2d}\t\u{4e2d}=\u{4e2d}",
        ] {
            assert_eq!(Line::parse(line), None, "{line}");
        }
    }
}

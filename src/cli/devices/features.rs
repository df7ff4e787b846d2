//! `frameline devices --features URI`: what can be set on one camera.

use super::super::document::Origin;
use super::super::resolve::open_uri;
use super::{PATIENCE, plain};
use crate::cli::doctor::bounded::bounded;
use crate::cli::run::print;
use crate::error::{Error, ErrorKind};
use crate::feature::{Feature, FeatureKind, FeatureRange};
use crate::source::SourceInfo;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Opens the camera, asks it, and prints.
pub(super) fn run(uri: &str, as_json: bool) -> Result<(), Error> {
    let at = uri.to_string();
    let ask = move || {
        // Where it stood has no file and no line, and is not sent between threads.
        let mut source = open_uri(&at, &Origin::Argument("--features"))?;
        Ok::<_, Error>((source.info(), source.features()?))
    };
    let (info, features) = bounded(PATIENCE, |_| {}, ask).map_err(|e| {
        Error::new(ErrorKind::Deadline, format!("{uri}: {e} when it was asked for its features"))
    })??;
    match as_json {
        true => print(&format!("{}\n", object(&info, &features))),
        false => print(&text(&info, &features)),
    }
}

/// A table for each category.
fn text(info: &SourceInfo, features: &[Feature]) -> String {
    let mut out = format!("{}  {}\n", plain(&info.uri), plain(&info.model));
    if features.is_empty() {
        out.push_str("  it has no features\n");
    }
    let rows: Vec<[String; 5]> = features.iter().map(row).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    // A long text in one row does not push the ranges of all others out of sight.
    let widths = [width(0), width(1), width(2), width(3).min(24)];
    let mut category = None;
    for (f, row) in features.iter().zip(&rows) {
        if category != Some(&f.category) {
            let _ = writeln!(
                out,
                "\n{}",
                if f.category.is_empty() { "features".into() } else { plain(&f.category) }
            );
            category = Some(&f.category);
        }
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, " {cell:width$} ");
        }
        let _ = write!(line, " {}", row[4]);
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// Name, kind, access, value with its unit, and what it could be.
fn row(f: &Feature) -> [String; 5] {
    let value = match (&f.value, f.unit.is_empty()) {
        (None, _) => "-".into(),
        (Some(value), true) => value.clone(),
        (Some(value), false) => format!("{value} {}", f.unit),
    };
    let mut about = match &f.range {
        r if is_any(r) => "any".into(),
        r => r.to_string(),
    };
    if !f.selectors.is_empty() {
        let _ = write!(
            about,
            "{}by {}",
            if about.is_empty() { "" } else { "; " },
            f.selectors.join(", ")
        );
    }
    if let Some(trouble) = &f.trouble {
        about = trouble.clone();
    }
    [f.name.clone(), f.kind.name().into(), f.access.name().into(), value, about].map(|t| plain(&t))
}

/// Whether a range allows every number.
fn is_any(range: &FeatureRange) -> bool {
    match range {
        FeatureRange::Integer { min, max, step } => (*min, *max, *step) == (i64::MIN, i64::MAX, 1),
        FeatureRange::Float { min, max, .. } => {
            *min <= f64::from(f32::MIN) && *max >= f64::from(f32::MAX)
        }
        _ => false,
    }
}

fn object(info: &SourceInfo, features: &[Feature]) -> Value {
    let some = |t: &str| (!t.is_empty()).then(|| t.to_string());
    let features = features.iter().map(|f| {
        let number = |v: f64| serde_json::Number::from_f64(v).map(Value::Number);
        let text = || f.value.clone().map(Value::String);
        let value = match (&f.value, f.kind) {
            (Some(v), FeatureKind::Integer) => v.parse::<i64>().ok().map(Value::from).or_else(text),
            (Some(v), FeatureKind::Float) => v.parse().ok().and_then(number).or_else(text),
            (Some(v), FeatureKind::Boolean) => {
                v.parse::<bool>().ok().map(Value::from).or_else(text)
            }
            _ => text(),
        };
        let (min, max, step) = match &f.range {
            FeatureRange::Integer { min, max, step } => {
                (Some(Value::from(*min)), Some(Value::from(*max)), Some(Value::from(*step)))
            }
            FeatureRange::Float { min, max, step } => {
                (number(*min), number(*max), step.and_then(number))
            }
            _ => (None, None, None),
        };
        json!({
            "name": f.name,
            "category": some(&f.category),
            "kind": f.kind.name(),
            "access": f.access.name(),
            "value": value,
            "min": min,
            "max": max,
            "step": step,
            "entries": match &f.range { FeatureRange::Entries(e) => Some(e), _ => None },
            "bytes": match f.range { FeatureRange::Length(n) => Some(n), _ => None },
            "unit": some(&f.unit),
            "selectors": f.selectors,
            "visibility": some(&f.visibility),
            "description": some(&f.description),
            "trouble": f.trouble,
        })
    });
    json!({ "uri": info.uri, "model": info.model, "features": features.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature::Access;

    #[test]
    fn a_list_shows_what_can_be_set_and_moves_no_cursor() {
        // Catches columns that a long text pushes away, a name that moves the cursor, numbers that are texts in JSON.
        let info = SourceInfo { uri: "sim:".into(), model: "m\u{1b}[2J".into() };
        let features = [
            Feature {
                name: "Gain".into(),
                category: "AnalogControl".into(),
                kind: FeatureKind::Float,
                value: Some("1.5".into()),
                range: FeatureRange::Float { min: 0.0, max: 24.0, step: None },
                unit: "dB".into(),
                selectors: vec!["GainSelector".into()],
                ..Feature::default()
            },
            Feature {
                name: "Note".into(),
                value: Some("x".repeat(100)),
                range: FeatureRange::Length(128),
                ..Feature::default()
            },
            Feature {
                name: "Count".into(),
                kind: FeatureKind::Integer,
                access: Access::NotAvailable,
                range: FeatureRange::Integer { min: i64::MIN, max: i64::MAX, step: 1 },
                ..Feature::default()
            },
        ];
        let told = text(&info, &features);
        assert!(!told.contains('\u{1b}'), "{told}");
        assert!(told.contains("\nAnalogControl\n  Gain   float    RW  1.5 dB"), "{told}");
        assert!(told.contains("0 to 24; by GainSelector\n"), "{told}");
        assert!(told.contains("\nfeatures\n  Note   text     RW  xxx"), "{told}");
        assert!(
            told.lines().any(|l| l.starts_with("  Count  integer  NA  -") && l.ends_with(" any")),
            "{told}"
        );
        let o = object(&info, &features);
        assert_eq!(
            (o["features"][0]["value"].as_f64(), o["features"][0]["max"].as_f64()),
            (Some(1.5), Some(24.0))
        );
        assert_eq!(
            (o["features"][1]["bytes"].as_u64(), o["features"][2]["value"].is_null()),
            (Some(128), true)
        );
    }
}

//! Values of URI parameters that the sources of several SDKs have.

use crate::error::Error;
use crate::query::{self, wrong};
use std::path::PathBuf;
use std::str::FromStr;

/// The library that a URI's place names; `None`: it names none.
pub(super) fn library(place: &str) -> Result<Option<PathBuf>, Error> {
    if place.is_empty() {
        return Ok(None);
    }
    Ok(Some(PathBuf::from(query::decode("the library's path", place)?)))
}

/// A number of that type.
pub(super) fn number<T: FromStr>(name: &str, value: &str, expected: &str) -> Result<T, Error> {
    value.parse().map_err(|_| wrong(name, value, expected))
}

/// A number within a range.
pub(super) fn between<T: FromStr + PartialOrd>(
    name: &str,
    value: &str,
    range: std::ops::RangeInclusive<T>,
    expected: &str,
) -> Result<T, Error> {
    let n = number(name, value, expected)?;
    if range.contains(&n) { Ok(n) } else { Err(wrong(name, value, expected)) }
}

/// The features that a trigger stands for; `counter0` is what cameras of that SDK call the counter.
pub(super) fn trigger(
    name: &str,
    value: &str,
    counter0: &str,
) -> Result<Vec<(String, String)>, Error> {
    let feature = |name: &str, value: &str| (name.to_string(), value.to_string());
    let source = match value {
        "off" => return Ok(vec![feature("TriggerMode", "Off")]),
        "software" => "Software",
        "line0" => "Line0",
        "line1" => "Line1",
        "line2" => "Line2",
        "line3" => "Line3",
        "counter0" => counter0,
        _ => return Err(wrong(name, value, "off, software, line0 to line3 or counter0")),
    };
    Ok(vec![feature("TriggerMode", "On"), feature("TriggerSource", source)])
}

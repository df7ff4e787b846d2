//! The parameters of a source's URI: `scheme:place?name=value&...`.

use crate::error::Error;
use std::fmt::Write as _;

/// A URI in parts: its place, and its parameters by name.
pub(crate) type Parts<'a> = (&'a str, Vec<(&'a str, String)>);

/// A URI of `scheme` in parts: its place, and its parameters decoded, in order. A name that comes twice, or
/// without a value, is an error.
pub(crate) fn parts<'a>(scheme: &str, uri: &'a str) -> Result<Parts<'a>, Error> {
    let rest = uri.strip_prefix(scheme).and_then(|r| r.strip_prefix(':')).ok_or_else(|| {
        Error::config(format!("{uri:?} is no {scheme} source; its URI begins with {scheme}:"))
    })?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Error::config(format!("parameter {pair:?} has no value; write {pair}=VALUE"))
        })?;
        if pairs.iter().any(|(n, _)| *n == name) {
            return Err(Error::config(format!("parameter {name} is given twice")));
        }
        pairs.push((name, decode(name, value)?));
    }
    Ok((place, pairs))
}

/// The text that `value` encodes.
pub(crate) fn decode(name: &str, value: &str) -> Result<String, Error> {
    let bad = || wrong(name, value, "text whose every % begins a code like %20 of UTF-8");
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2).ok_or_else(bad)?;
        let digit = |b: u8| (b as char).to_digit(16).ok_or_else(bad);
        bytes.push((digit(digits[0])? * 16 + digit(digits[1])?) as u8);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

/// `value` so that [`parts`] gives it back.
pub(crate) fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for b in value.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~;:/,".contains(&b) {
            out.push(b as char);
        } else {
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}

/// The error of a parameter's value.
pub(crate) fn wrong(name: &str, value: &str, expected: &str) -> Error {
    Error::config(format!("{name} is {value:?}; it must be {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_uri() {
        let value = "line 1 & 2 = 100 % ü?";
        let uri = format!("x:/a/b.so?user={}&n=1", encode(value));
        let (place, pairs) = parts("x", &uri).unwrap();
        assert_eq!(place, "/a/b.so");
        assert_eq!(pairs, [("user", value.to_string()), ("n", "1".to_string())]);
    }

    #[test]
    fn wrong_ones_are_sentences() {
        // Catches a panic on a cut code, and a parameter that silently overrides another.
        for uri in ["y:", "x:?a", "x:?a=1&a=2", "x:?a=%4", "x:?a=%zz", "x:?a=%FF"] {
            assert!(parts("x", uri).is_err(), "{uri}");
        }
        assert!(parts("x", "x:").unwrap().1.is_empty());
    }
}

//! A code as people give it: a number in one of its spellings, a name, the vendor's term, or a line of some
//! program's output that has one of these in it.

use crate::error::Error;

/// Beginnings of names that are codes, whatever stands around them.
const NAMES: [&str; 5] = ["MV_E_", "MV_EXCEPTION_", "MV_CC_STREAM_EXCEPTION_", "GC_ERR_", "SIM_"];
/// A number of fewer digits within a text may count anything.
const CODE_DIGITS: usize = 4;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A code.
    Number(i64),
    /// Eight digits without a prefix: a decimal number, or what C# prints of a code with `X8`.
    Digits {
        /// As a decimal number.
        decimal: i64,
        /// As a hexadecimal one.
        hex: i64,
    },
    /// A name, in capitals.
    Name(String),
    /// Words of the vendor, in a script that names are not written in.
    Term(String),
}

/// What was given, as a number of 32 bits, signed or not, or a name, or a term.
pub fn parse(given: &str) -> Result<Asked, Error> {
    let around = |c: char| c.is_whitespace() || "'\"`()[]{}<>,;:=".contains(c);
    let text = given.trim_matches(around);
    if text.is_empty() {
        return Err(Error::config(
            "the code is empty; give one as 0x80000007 or -2147483641, or a name as MV_E_NODATA",
        ));
    }
    let part = |c: char| c.is_ascii_alphanumeric() || "_+-".contains(c);
    if text.contains(|c| !part(c))
        && let Some(found) = within(text.split(|c| !part(c)))
    {
        return Ok(found);
    }
    match number(text) {
        Some(Some(n)) => Ok(n),
        Some(None) => Err(Error::config(format!(
            "{given:?} is no code: one has 32 bits, as 0x80000007, 2147483655 or -2147483641"
        ))),
        None if !text.is_ascii() => Ok(Asked::Term(text.into())),
        None => Ok(Asked::Name(text.to_ascii_uppercase())),
    }
}

/// What looks most like a code among words: hexadecimal first, then a name, then a long number.
fn within<'a>(words: impl Iterator<Item = &'a str> + Clone) -> Option<Asked> {
    let is_hex = |w: &str| w.trim_start_matches(['-', '+']).to_ascii_lowercase().starts_with("0x");
    let number = |w: &str| number(w).flatten();
    let hex = words.clone().filter(|w| is_hex(w)).find_map(number);
    let name = || {
        let upper = words.clone().map(str::to_ascii_uppercase);
        upper.into_iter().find(|w| NAMES.iter().any(|n| w.starts_with(n))).map(Asked::Name)
    };
    let long = |w: &&str| w.bytes().filter(u8::is_ascii_digit).count() >= CODE_DIGITS;
    hex.or_else(name).or_else(|| words.clone().filter(long).find_map(number))
}

/// `None`: it is no number. `Some(None)`: it is one, and no code.
fn number(text: &str) -> Option<Option<Asked>> {
    let lower = text.to_ascii_lowercase();
    let (negative, digits) = match lower.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, lower.strip_prefix('+').unwrap_or(&lower)),
    };
    // As literals are written in programs: 0x80000007u, 2147483655UL.
    let literal = digits.trim_end_matches(['u', 'l']);
    let bytes = || literal.bytes();
    let looks_hex = literal.len() == 8
        && bytes().all(|b| b.is_ascii_hexdigit())
        && bytes().any(|b| b.is_ascii_digit())
        && bytes().any(|b| b.is_ascii_alphabetic());
    let from_hex = |t: &str| i64::from_str_radix(t, 16).ok().filter(|n| *n >= 0);
    let value = match literal.strip_prefix("0x") {
        Some(hex) => from_hex(hex),
        None if looks_hex => from_hex(literal),
        None if literal.starts_with(|c: char| c.is_ascii_digit()) => {
            literal.parse().ok().filter(|n| *n >= 0)
        }
        None => return None,
    };
    let signed = value.map(|n: i64| if negative { -n } else { n });
    let fits = |n: &i64| (i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(n);
    let Some(n) = signed.filter(fits) else { return Some(None) };
    let plain = literal.len() == 8 && lower == literal && bytes().all(|b| b.is_ascii_digit());
    Some(Some(match from_hex(literal).filter(|_| plain) {
        Some(hex) => Asked::Digits { decimal: n, hex },
        None => Asked::Number(n),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_what_people_paste() {
        // Catches a code that must be cut out by hand before it is explained.
        let nodata = -2_147_483_641;
        for (given, want) in [
            ("0x80000007", Asked::Number(0x8000_0007)),
            ("'0x80000007'", Asked::Number(0x8000_0007)),
            ("0x80000007u", Asked::Number(0x8000_0007)),
            ("2147483655UL", Asked::Number(0x8000_0007)),
            ("8000000a", Asked::Number(0x8000_000A)),
            ("-0x7ffffff9", Asked::Number(nodata)),
            ("-2147483641", Asked::Number(nodata)),
            ("+7", Asked::Number(7)),
            ("ret[0x80000007]", Asked::Number(0x8000_0007)),
            (
                "get one frame failed! ret:80000007",
                Asked::Digits { decimal: 80_000_007, hex: 0x8000_0007 },
            ),
            ("camera 3: error code -2147483641.", Asked::Number(nodata)),
            (
                "MV_CC_GetOneFrameTimeout fail, nRet [0x8000000a], frame 12345",
                Asked::Number(0x8000_000A),
            ),
            ("3 times GC_ERR_TIMEOUT", Asked::Name("GC_ERR_TIMEOUT".into())),
            ("no data", Asked::Name("NO DATA".into())),
            ("nodata", Asked::Name("NODATA".into())),
            ("\u{8d85}\u{65f6}", Asked::Term("\u{8d85}\u{65f6}".into())),
        ] {
            assert_eq!(parse(given).unwrap(), want, "{given:?}");
        }
        for given in ["0x", "0x-7", "0x180000007", "4294967296", "-2147483649", "1e3", "--5", "()"]
        {
            match parse(given) {
                Err(e) => assert!(!e.to_string().contains('\n'), "{e}"),
                Ok(Asked::Name(_)) if given == "--5" => {}
                Ok(other) => panic!("{given:?}: {other:?}"),
            }
        }
    }
}

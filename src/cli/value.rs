//! Values as a configuration file writes them: times and sizes with units.

/// Nanoseconds of a time such as `500ms`, `1.5us`, `2s`, `1min`. `None` if it is none.
pub fn parse_duration(text: &str) -> Option<u64> {
    scaled(
        text,
        &[
            ("ns", 1),
            ("us", 1_000),
            ("ms", 1_000_000),
            ("s", 1_000_000_000),
            ("min", 60_000_000_000),
            ("h", 3_600_000_000_000),
        ],
    )
}

/// Bytes of a size such as `64MiB`, `5MB`, `4096B`. `None` if it is none.
pub fn parse_bytes(text: &str) -> Option<u64> {
    scaled(
        text,
        &[
            ("B", 1),
            ("kB", 1_000),
            ("KB", 1_000),
            ("MB", 1_000_000),
            ("GB", 1_000_000_000),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
        ],
    )
}

/// A number, possibly with a fraction, times its unit; whole in the end.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = (text[..split].trim_end(), &text[split..]);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 18 {
        return None;
    }
    let mut total = whole.parse::<u64>().ok()?.checked_mul(*scale)?;
    if !fraction.is_empty() {
        let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(*scale)
            / 10_u128.pow(fraction.len() as u32);
        total = total.checked_add(u64::try_from(part).ok()?)?;
    }
    Some(total)
}

/// The shortest text that [`parse_duration`] reads back exactly.
pub fn duration_text(ns: u64) -> String {
    for (unit, scale) in [("s", 1_000_000_000_u64), ("ms", 1_000_000), ("us", 1_000)] {
        if ns >= scale && ns.is_multiple_of(scale) {
            return format!("{}{unit}", ns / scale);
        }
    }
    format!("{ns}ns")
}

/// The shortest text that [`parse_bytes`] reads back exactly.
pub fn bytes_text(bytes: u64) -> String {
    for (unit, scale) in [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes >= scale && bytes.is_multiple_of(scale) {
            return format!("{}{unit}", bytes / scale);
        }
    }
    format!("{bytes}B")
}

/// The known word nearest to `word`, if it is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|k| (distance(word, k), k))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, k)| k)
}

/// Edits (insert, delete, replace, swap neighbours) that turn `a` into `b`.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// `a, b and c`.
pub fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    joined(words, "and")
}

/// `a, b or c`: behind a "no", and where one is to be chosen.
pub fn either<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    joined(words, "or")
}

fn joined<'a>(words: impl IntoIterator<Item = &'a str>, conjunction: &str) -> String {
    let words: Vec<_> = words.into_iter().collect();
    match words.as_slice() {
        [] => "none".into(),
        [one] => (*one).into(),
        [rest @ .., last] => format!("{} {conjunction} {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_exact_or_refused() {
        // Catches rounding by way of floating point, overflow, and units taken for others.
        assert_eq!(parse_duration("1.5us"), Some(1_500));
        assert_eq!(parse_duration("500ms"), Some(500_000_000));
        assert_eq!(parse_duration("2 s"), Some(2_000_000_000));
        assert_eq!(parse_duration("0.000000001s"), Some(1));
        assert_eq!(parse_bytes("64MiB"), Some(64 << 20));
        assert_eq!(parse_bytes("5MB"), Some(5_000_000));
        for bad in
            ["", "5", "s", "-1s", "1.s.", "1e3s", "1S", "1 sec", "99999999999999999999s", "ms5"]
        {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        assert_eq!(parse_bytes("20000000000GiB"), None);
        assert_eq!(parse_bytes("1Mib"), None);
    }

    #[test]
    fn printed_values_parse_back() {
        // Catches a printed configuration that means something else.
        for n in [0, 1, 999, 1_000, 1_500, 2_000_000, 3_000_000_000, u64::MAX, 1 << 20, 5 << 30] {
            assert_eq!(parse_duration(&duration_text(n)), Some(n));
            assert_eq!(parse_bytes(&bytes_text(n)), Some(n));
        }
    }

    #[test]
    fn suggestions_are_near() {
        // Catches a suggestion for every word, and none for a plain typing error.
        let known = ["slots", "headroom", "budget"];
        assert_eq!(nearest("slost", known), Some("slots"));
        assert_eq!(nearest("headrom", known), Some("headroom"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }
}

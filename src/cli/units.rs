//! Numbers with their units, for eyes: of fixed width where they are redrawn in place.

/// A size in a unit that suits it.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..10_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// Characters that [`time`] takes.
pub const TIME_WIDTH: usize = 8;

/// A time with three digits, always [`TIME_WIDTH`] characters: `"12.3 us"` with blanks before it, so that points
/// and units stand below each other.
pub fn time(ns: u64) -> String {
    let (mut value, mut unit) = (ns as f64, "ns");
    for (divisor, next) in [(1e3, "us"), (1e6, "ms"), (1e9, "s ")] {
        // What would be shown as 1000 is shown in the next unit.
        if ns as f64 >= 999.5 * divisor / 1e3 {
            (value, unit) = (ns as f64 / divisor, next);
        }
    }
    let digits = match value {
        _ if unit == "ns" => 0,
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{:>TIME_WIDTH$}", format!("{value:.digits$} {unit}"))
}

/// The same for a page: no blanks about it, and a microsecond has its sign.
pub fn time_on_page(ns: u64) -> String {
    time(ns).trim().replace(" us", " µs")
}

/// A rate with one decimal where that says something.
pub fn rate(value: f64) -> String {
    if value < 9999.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// A whole number in groups of three: `1 234 567`, with spaces that do not break.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

/// A share, 0 to 1, as a percentage that shows as many digits as it takes not to lie: 99.9996 % is no 100 %.
pub fn percent(share: f64) -> String {
    let p = share * 100.0;
    match p {
        _ if p == 0.0 || p == 100.0 => format!("{p:.0} %"),
        _ if p < 0.0001 => "<0.0001 %".into(),
        _ if p > 99.9999 => ">99.9999 %".into(),
        _ if !(0.1..=99.9).contains(&p) => format!("{p:.4} %"),
        _ => format!("{p:.2} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_width() {
        // Catches columns that jump, and 1000 us where 1.00 ms is meant.
        for (ns, text) in [
            (0, "    0 ns"),
            (999, "  999 ns"),
            (1_000, " 1.00 us"),
            (9_994, " 9.99 us"),
            (9_996, " 10.0 us"),
            (99_960, "  100 us"),
            (999_400, "  999 us"),
            (999_600, " 1.00 ms"),
            (12_345_678, " 12.3 ms"),
            (999_600_000, "  1.00 s "),
            (137_000_000_000, "   137 s "),
        ] {
            let got = time(ns);
            assert_eq!(got.trim(), text.trim(), "{ns}");
            assert_eq!(got.chars().count(), TIME_WIDTH, "{ns}: {got:?}");
        }
        let mut ns = 1_u64;
        while ns < u64::MAX / 8 {
            assert!(time(ns).chars().count() >= TIME_WIDTH, "{ns}");
            assert!(ns > 99_999_000_000_000 || time(ns).chars().count() == TIME_WIDTH, "{ns}");
            ns = ns * 5 / 4 + 1;
        }
    }

    #[test]
    fn numbers_do_not_lie() {
        // Catches a loss that is rounded away, and groups counted from the wrong end.
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.999_996), "99.9996 %");
        assert_eq!(percent(0.999_999_999), ">99.9999 %");
        assert_eq!(percent(1e-9), "<0.0001 %");
        assert_eq!(percent(0.5), "50.00 %");
        assert_eq!(percent(0.000_01), "0.0010 %");
        assert_eq!(grouped(1_234_567).replace('\u{202f}', " "), "1 234 567");
        assert_eq!(grouped(123), "123");
        assert_eq!((rate(100.0).as_str(), rate(123_456.7).as_str()), ("100.0", "123457"));
    }
}

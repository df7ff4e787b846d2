//! Logs are untrusted: whatever they hold, reading them neither panics nor grows.
#![cfg(feature = "cli")]
#![allow(missing_docs)]

use frameline::cli::stats::line::{Line, MAX_LINE};
use frameline::cli::stats::read::{Lines, each_line};
use frameline::cli::stats::tally::Tally;
use frameline::cli::stats::{Answers, object, text};
use proptest::prelude::*;
use std::io::Cursor;

/// Everything that `frameline stats` does with a file's content.
fn read(bytes: &[u8]) -> (Answers, Lines) {
    let (mut tally, mut lines) = (Tally::default(), Lines::default());
    let mut take = |line: &Line| {
        tally.line(line);
        true
    };
    each_line(Cursor::new(bytes), &mut lines, &mut take).expect("memory can be read");
    let answers = tally.answers();
    let _ = object::object(&answers).to_string();
    let _ = text::text(&answers, 1, &lines);
    (answers, lines)
}

const EVENTS: [&str; 12] = [
    "run_begin",
    "run_end",
    "fault",
    "fault_again",
    "fault_total",
    "diagnosis",
    "reset",
    "reconnect",
    "flow",
    "recovery",
    "memory",
    "hung",
];
const KEYS: [&str; 20] = [
    "at_ns",
    "code",
    "name",
    "count",
    "new",
    "first_ns",
    "last_ns",
    "ok",
    "reason",
    "after",
    "dead_ns",
    "verdict",
    "rss_bytes",
    "pool_bytes",
    "why",
    "elapsed_ns",
    "rss_settled",
    "rss_end",
    "rss_peak",
    "retries",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("18446744073709551615".to_string()),
        Just("-1".to_string()),
        Just("1e400".to_string()),
        Just("null".to_string()),
        Just("true".to_string()),
        Just("[[[[]]]]".to_string()),
        Just("\"settled\"".to_string()),
        Just("\"reset\"".to_string()),
        any::<u64>().prop_map(|n| n.to_string()),
        "[a-z\u{4e2d}\" =\\\\\t]{0,8}".prop_map(|t| serde_json::Value::from(t).to_string()),
    ]
}

fn time() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("2026-11-26T12:00:00.000001Z"),
        Just("1970-01-01T00:00:00Z"),
        Just("9999-12-31T23:59:59.999999999Z"),
        Just("2026-13-45T99:99:99Z"),
    ]
}

/// A line that looks like ours, with values that are not.
fn line() -> impl Strategy<Value = String> {
    let fields = prop::collection::vec((prop::sample::select(&KEYS[..]), value()), 0..8);
    (time(), prop::sample::select(&EVENTS[..]), 0..100_u8, fields, any::<bool>()).prop_map(
        |(time, event, camera, fields, json)| {
            let join = |by: &str, around: &str, is: &str| {
                let pairs = fields.iter().map(|(k, v)| format!("{by}{around}{k}{around}{is}{v}"));
                pairs.collect::<String>()
            };
            match json {
                true => format!(
                    "{{\"timestamp\":\"{time}\",\"event\":\"{event}\",\"camera\":\"{camera}\"{}}}\n",
                    join(",", "\"", ":")
                ),
                false => format!(
                    "{time} WARN text\tevent=\"{event}\" camera=\"{camera}\"{}\n",
                    join(" ", "", "=")
                ),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Catches: a panic on bytes that are no text, no line, no time.
    #[test]
    fn random_bytes_are_foreign(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let (answers, lines) = read(&bytes);
        prop_assert!(lines.foreign <= lines.read && answers.runs == 0);
    }

    /// Catches: a sum that overflows, a time before the calendar, a list that grows with the file.
    #[test]
    fn absurd_lines_are_survived(lines in prop::collection::vec(line(), 0..300)) {
        let (a, counted) = read(lines.concat().as_bytes());
        prop_assert_eq!(counted.read, lines.len() as u64);
        prop_assert!(a.errors.len() <= 256 && a.memory.over_time().len() <= 256);
        prop_assert!(a.resets.reasons.0.len() <= 256);
        prop_assert!(a.unfinished <= a.runs && a.runs <= counted.read);
    }

    /// Catches: a line that is cut anywhere and then read beyond its end.
    #[test]
    fn cut_lines_are_survived(one in line(), at in 0..400_usize, bytes in any::<[u8; 3]>()) {
        let mut cut = one.into_bytes();
        cut.truncate(at);
        cut.extend(bytes);
        read(&cut);
    }
}

/// Catches: memory that follows the length of a line, and a line behind a long one that is lost.
#[test]
fn a_line_without_an_end_is_passed_over() {
    let good = "2026-11-26T12:00:00Z INFO x\tevent=\"run_begin\" camera=\"c\"\n";
    for length in [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, 5 * MAX_LINE] {
        let text = format!("{}\n{good}{}", "y".repeat(length), "z".repeat(length));
        let (a, lines) = read(text.as_bytes());
        assert_eq!((a.runs, lines.read, lines.foreign), (1, 3, 2), "{length}");
    }
}

/// Catches: distinct things beyond the limit that vanish without a count.
#[test]
fn what_is_beyond_the_limits_is_counted() {
    let line = |event: &str, rest: &str| {
        format!("2026-11-26T12:00:00Z INFO x\tevent=\"{event}\" camera=\"c\" {rest}\n")
    };
    let faults: String = (0..1000)
        .map(|n| line("fault", &format!("code=\"0x{n:08X}\" name=\"N\" new=2 count=2")))
        .collect();
    let resets: String =
        (0..1000).map(|n| line("reset", &format!("reason=\"{n}\" ok=true"))).collect();
    let (a, _) = read((faults + &resets).as_bytes());
    let known: u64 = a.errors.iter().map(|e| e.count).sum();
    assert_eq!((a.errors.len(), known + a.errors_beyond), (256, 2000));
    let reasons: u64 = a.resets.reasons.0.iter().map(|(_, n)| n).sum();
    assert_eq!((a.resets.attempts, reasons), (1000, 1000));
}

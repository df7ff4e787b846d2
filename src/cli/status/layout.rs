//! From figures to lines that fit: fixed places for what changes, so that nothing jumps; on a narrow terminal
//! columns are left out, on a low one lines are, the least important first.

use super::text::{Look, TextLine, bar};
use super::view::{LatencyRow, View};
use crate::cli::series::Of;
use crate::cli::units::{TIME_WIDTH, percent, rate, time};
use crate::pipeline::LineState;

/// How lines may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// With colours.
    pub colour: bool,
    /// With characters beyond ASCII.
    pub utf8: bool,
}

/// No wider than this, however wide the terminal: a wider block is harder to read, not easier.
const WIDEST: usize = 100;
/// Width of what stands before each line's figures.
const LABEL: usize = 13;
/// Width of a column of times.
const COLUMN: usize = TIME_WIDTH + 2;

/// The value that a column shows.
type Value = fn(&LatencyRow) -> u64;

/// How much a line matters where there is no room for all: the smallest goes last.
type Rank = u8;

/// The block for a terminal of so many columns and rows.
pub fn lines(v: &View, columns: usize, rows: usize, style: Style) -> Vec<String> {
    // The last column stays free: a terminal that has printed there may wrap at the next character.
    let width = columns.saturating_sub(1).min(WIDEST);
    let mut block = Block { width, style, lines: Vec::new() };
    block.state(v);
    block.frames(v);
    block.losses(v);
    block.pool(v);
    block.latencies(v);
    block.verdicts(v);
    block.troubles(v);
    // A row stays free for what is above, so that the block never scrolls its own first line away.
    block.fit_into(rows.saturating_sub(1).max(1))
}

/// One line for a moment that has no figures yet.
pub fn note(text: &str, columns: usize, style: Style) -> String {
    let mut line = TextLine::new(columns.saturating_sub(1).min(WIDEST), style);
    line.add(Look::Dim, text);
    line.done()
}

struct Block {
    width: usize,
    style: Style,
    lines: Vec<(Rank, String)>,
}

impl Block {
    fn line(&self) -> TextLine {
        TextLine::new(self.width, self.style)
    }

    fn labelled(&self, label: &str) -> TextLine {
        let mut line = self.line();
        line.add(Look::Dim, &format!("  {label:<0$}", LABEL - 2));
        line
    }

    fn push(&mut self, rank: Rank, line: TextLine) {
        self.lines.push((rank, line.done()));
    }

    fn fit_into(mut self, rows: usize) -> Vec<String> {
        while self.lines.len() > rows {
            let rank = self.lines.iter().map(|(rank, _)| *rank).max().unwrap_or(0);
            // Of equals the last: the first hops are those that a frame meets first.
            let Some(at) = self.lines.iter().rposition(|(r, _)| *r == rank) else { break };
            self.lines.remove(at);
        }
        self.lines.into_iter().map(|(_, line)| line).collect()
    }

    fn state(&mut self, v: &View) {
        let mut line = self.line();
        let (look, word) = match (v.state, v.unusual_state()) {
            (LineState::Resetting, Some(word)) => (Look::Warn, word),
            (_, Some(word)) => (Look::Bold, word),
            (_, None) => (Look::Good, "running"),
        };
        let dot = if self.style.utf8 { "●" } else { "*" };
        line.add(look, &format!("{dot} {word:<9}"));
        line.add(Look::Plain, &format!("{:>9} s", format!("{:.1}", v.seconds)));
        let goal = match (v.goal.duration, v.goal.frames) {
            (Some(d), _) => format!(" of {} s", trimmed(d.as_secs_f64())),
            (None, Some(n)) => format!(", {} of {n} frames", v.frames.grabbed.min(n)),
            (None, None) => String::new(),
        };
        line.fit(Look::Plain, &goal);
        if let Some(progress) = v.progress() {
            let room = line.room().saturating_sub(2).min(40);
            if room >= 8 {
                let (on, off) = bar(progress, room, self.style.utf8);
                line.add(Look::Plain, "  ").add(Look::Good, &on).add(Look::Dim, &off);
            }
        }
        self.push(0, line);
    }

    fn frames(&mut self, v: &View) {
        let mut line = self.labelled("frames");
        let f = &v.frames;
        let parts = [
            format!("{:>8} /s", rate(v.frames_per_second)),
            format!("{:>10} MB/s", rate(v.bytes_per_second / 1e6)),
            format!("   delivered {:>8}", f.delivered),
            format!("  grabbed {:>8}", f.grabbed),
            format!("  in flight {:>3}", f.in_flight),
        ];
        for part in parts {
            if !line.fit(Look::Plain, &part) {
                break;
            }
        }
        self.push(1, line);
    }

    fn losses(&mut self, v: &View) {
        let mut line = self.labelled("losses");
        let losses = v.frames.losses();
        let sum: u64 = losses.iter().map(|(_, n)| n).sum();
        if sum == 0 {
            line.add(Look::Good, &format!("{:>8}", "none"));
        } else {
            let share = percent(sum as f64 / v.frames.grabbed.max(1) as f64);
            let causes: Vec<_> = losses.iter().map(|(name, n)| format!("{name} {n}")).collect();
            line.add(Look::Warn, &format!("{sum:>8}"));
            line.add(Look::Plain, &format!(" ({share}): {}", causes.join(", ")));
        }
        self.push(2, line);
    }

    fn pool(&mut self, v: &View) {
        let mut line = self.labelled("pool");
        let (out, slots) = (v.slots_out.min(v.slots as u64), v.slots);
        let text = format!("{out:>8} of {slots} slots");
        let full = out as f64 / slots.max(1) as f64;
        let look = if slots > 0 && out as usize == slots { Look::Warn } else { Look::Plain };
        line.fit(look, &text);
        let room = line.room().saturating_sub(2).min(40);
        if room >= 8 {
            let (on, off) = bar(full, room, self.style.utf8);
            line.add(Look::Plain, "  ").add(look, &on).add(Look::Dim, &off);
        }
        self.push(5, line);
    }

    /// A row for each hop and stage, with as many columns as there is room for.
    fn latencies(&mut self, v: &View) {
        let all: [(&str, Value); 4] = [
            ("p50 1s", |l| l.p50),
            ("p99 1s", |l| l.p99),
            ("p99 run", |l| l.run_p99),
            ("max run", |l| l.run_max),
        ];
        let columns = match self.width {
            0..28 => &all[1..2],
            28..60 => &all[..2],
            60..70 => &all[..3],
            _ => &all[..],
        };
        let figures = columns.len() * COLUMN;
        // Names keep their place: the longest decides, as far as there is room for it.
        // Where that is little the kind is left out: a hop's name has an arrow in it.
        let with_kind = |l: &LatencyRow| match l.of {
            Of::Hop => format!("  {:<LABEL$}{}", "hop", l.name, LABEL = LABEL - 2),
            Of::Stage => format!("  {:<LABEL$}{}", "stage", l.name, LABEL = LABEL - 2),
            _ => format!("  {}", l.name),
        };
        let room = self.width.saturating_sub(figures);
        let length = |l| with_kind(l).chars().count();
        let longest = v.latencies.iter().map(length).max().unwrap_or(0);
        let label = |l: &LatencyRow| match longest > room && room < 34 {
            true => format!("  {}", l.name),
            false => with_kind(l),
        };
        let name_width = longest.clamp(34, 48).min(room);
        let mut head = self.line();
        head.add(Look::Dim, &fitted("  latency", name_width, self.style));
        for (name, _) in columns {
            head.add(Look::Dim, &format!("{name:>COLUMN$}"));
        }
        self.push(4, head);
        for l in &v.latencies {
            let rank = match l.of {
                Of::Hop => 8,
                Of::Stage => 7,
                _ => 4,
            };
            let mut line = self.line();
            let look = if l.of == Of::EndToEnd { Look::Bold } else { Look::Plain };
            line.add(look, &fitted(&label(l), name_width, self.style));
            for (_, value) in columns {
                line.add(look, &format!("{:>COLUMN$}", time(value(l))));
            }
            self.push(rank, line);
        }
    }

    fn verdicts(&mut self, v: &View) {
        for i in &v.inspections {
            let mut line = self.labelled(&i.stage);
            let look = if i.failed > 0 { Look::Warn } else { Look::Plain };
            // As wide as the other lines' figures, where there is room for it.
            let (parts, failed) = if line.room() < 30 { (6, 5) } else { (8, 8) };
            line.add(Look::Plain, &format!("{:>parts$} parts", i.parts));
            line.add(look, &format!("{:>failed$} failed", i.failed));
            line.fit(Look::Plain, &format!(" ({})", percent(i.failed_share())));
            for (n, (kind, count)) in i.kinds.iter().enumerate() {
                let comma = if n == 0 { ": " } else { ", " };
                if !line.fit(Look::Plain, &format!("{comma}{kind} {count}")) {
                    break;
                }
            }
            self.push(3, line);
        }
        if let Some(t) = &v.truth {
            let mut line = self.labelled(&t.stage);
            let whole = format!("precision {:.4}   recall {:.4}", t.precision, t.recall);
            if !line.fit(Look::Plain, &whole) {
                line.add(Look::Plain, &format!("P {:.4}   R {:.4}", t.precision, t.recall));
            }
            self.push(3, line);
        }
    }

    fn troubles(&mut self, v: &View) {
        for (name, (ok, all, dead)) in [("resets", v.resets), ("reconnects", v.reconnects)] {
            if all == 0 {
                continue;
            }
            let mut line = self.labelled(name);
            let look = if ok == all { Look::Plain } else { Look::Bad };
            line.add(look, &format!("{ok:>8} of {all}"));
            line.fit(Look::Plain, &format!(", the last dead for {}", time(dead).trim()));
            self.push(5, line);
        }
        for (i, fault) in v.faults.iter().enumerate() {
            let mut line = self.labelled(if i == 0 { "faults" } else { "" });
            line.add(Look::Warn, fault);
            // Beyond a few, the newest are the news.
            self.push(if i < 3 { 6 } else { 9 }, line);
        }
    }
}

/// Text of exactly `width` columns.
fn fitted(text: &str, width: usize, style: Style) -> String {
    let mark = if style.utf8 { "…" } else { "~" };
    let text = console::truncate_str(text, width, mark);
    console::pad_str(&text, width, console::Alignment::Left, None).into_owned()
}

/// Seconds without decimals that say nothing.
fn trimmed(seconds: f64) -> String {
    let text = format!("{seconds:.3}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::inspection::{Inspection, Truth};
    use crate::cli::status::view::Goal;
    use crate::pipeline::FrameCounts;
    use std::time::Duration;

    fn view() -> View {
        let row = |of, name: &str, n: u64| LatencyRow {
            of,
            name: name.into(),
            p50: n,
            p99: 3 * n,
            run_p99: 40 * n,
            run_max: 50_000 * n,
        };
        View {
            seconds: 7.25,
            goal: Goal { frames: None, duration: Some(Duration::from_secs(10)) },
            state: LineState::Running,
            frames_per_second: 100.04,
            bytes_per_second: 501.35e6,
            frames: FrameCounts {
                grabbed: 725,
                delivered: 700,
                underrun: 20,
                refused: 3,
                in_flight: 2,
                ..FrameCounts::default()
            },
            slots: 24,
            slots_out: 7,
            rss_bytes: 1 << 27,
            latencies: vec![
                row(Of::Hop, "source>inspect-the-lower-side-of-the-part", 3_210),
                row(Of::Stage, "inspect-the-lower-side-of-the-part", 7_654_321),
                row(Of::EndToEnd, "end to end", 8_000_000),
            ],
            inspections: vec![Inspection {
                stage: "inspect".into(),
                parts: 1450,
                failed: 58,
                kinds: vec![("scratch", 30), ("missing", 28)],
            }],
            truth: Some(Truth {
                stage: "judge".into(),
                of: Some("inspect".into()),
                precision: 0.99,
                recall: 1.0,
                defective: 50,
                missed: 0,
                false_alarms: 8,
                wrong_kind: 2,
                kinds: vec![("scratch", 30, 30)],
                confused: vec![("dent", "stain", 2)],
            }),
            faults: (0..9).map(|n| format!("{n} x 0x80000007 MV_E_NODATA (timeout): x")).collect(),
            resets: (2, 3, 12_300_000),
            reconnects: (1, 1, 200_000_000),
        }
    }

    #[test]
    fn no_size_of_terminal_is_overrun() {
        // Catches a line that wraps or a block that is higher than the terminal: both leave rubbish behind.
        for utf8 in [false, true] {
            for columns in 1..=140 {
                for rows in [1, 2, 3, 7, 12, 24, 60] {
                    let style = Style { colour: columns % 2 == 0, utf8 };
                    let block = lines(&view(), columns, rows, style);
                    assert!(!block.is_empty() && block.len() <= rows.saturating_sub(1).max(1));
                    for line in &block {
                        let width = console::measure_text_width(line);
                        assert!(width < columns.max(2), "{columns}: {line:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_matters_stays() {
        // Catches a narrow or low terminal that drops the state, the rate or the losses first.
        let plain = Style { colour: false, utf8: false };
        let narrow = lines(&view(), 40, 24, plain).join("\n");
        for part in [
            "* running",
            "7.2 s of 10 s",
            "100.0 /s",
            "501.4 MB/s",
            "23 (3.17 %)",
            "p99 1s",
            "58 failed",
            "R 1.0000",
        ] {
            assert!(narrow.contains(part), "{part}:\n{narrow}");
        }
        assert!(!narrow.contains("max run"), "{narrow}");
        // Of a hop the name says more than the word.
        assert!(narrow.contains("\n  source>inspect-t") && !narrow.contains("hop "), "{narrow}");
        let low = lines(&view(), 80, 4, plain);
        assert!(
            low[0].contains("running") && low[1].contains("frames") && low[2].contains("losses")
        );
        let wide = lines(&view(), 100, 60, plain).join("\n");
        for part in
            ["max run", "in flight   2", "scratch 30, missing 28", "2 of 3", "recall 1.0000"]
        {
            assert!(wide.contains(part), "{part}:\n{wide}");
        }
    }

    #[test]
    fn figures_keep_their_places() {
        // Catches units and columns that jump from one refresh to the next.
        let plain = Style { colour: false, utf8: false };
        let mut later = view();
        later.frames_per_second = 9.0;
        later.bytes_per_second = 1e6;
        for l in &mut later.latencies {
            (l.p50, l.p99, l.run_p99, l.run_max) = (1, 1_000, 999_999, 10_000_000_000);
        }
        let (a, b) = (lines(&view(), 90, 40, plain), lines(&later, 90, 40, plain));
        let at = |lines: &[String], what: &str| {
            lines.iter().flat_map(|l| l.find(what)).collect::<Vec<_>>()
        };
        for what in ["/s", "MB/s", "delivered", "p50 1s", "slots"] {
            assert_eq!(at(&a, what), at(&b, what), "{what}");
        }
        let ends = |lines: &[String]| lines.iter().map(|l| l.trim_end().len()).collect::<Vec<_>>();
        assert_eq!(a.len(), b.len());
        let rows = 5..8;
        assert!(ends(&a[rows.clone()]).iter().zip(ends(&b[rows])).all(|(x, y)| x.abs_diff(y) <= 1));
    }

    #[test]
    fn colour_is_only_colour() {
        // Catches codes that change what is written, and codes where none are wanted.
        for columns in [40, 90] {
            let plain = lines(&view(), columns, 40, Style { colour: false, utf8: true });
            let bright = lines(&view(), columns, 40, Style { colour: true, utf8: true });
            assert!(plain.iter().all(|l| !l.contains('\x1b')));
            assert!(bright.iter().any(|l| l.contains('\x1b')));
            let stripped: Vec<_> =
                bright.iter().map(|l| console::strip_ansi_codes(l).into_owned()).collect();
            assert_eq!(stripped, plain);
        }
    }
}

//! The findings as a person reads them: grouped, aligned, and no wider than the terminal.

use super::check::{Check, Status};
use crate::cli::machine::Machine;
use std::fmt::Write as _;

/// Wide enough for a sentence, and the width that terminals have who do not tell.
const WIDTH: usize = 80;
/// Narrower than this nothing is readable any more; lines are then longer than the terminal.
const LEAST: usize = 40;
/// Where the columns begin: status, name, what was found.
const NAME: usize = 11;
const FOUND: usize = 28;

/// How it is to look.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    width: usize,
    colour: bool,
}

impl Style {
    /// For the stream that the text goes to: stderr where stdout is for the JSON object.
    pub fn of(json: bool) -> Style {
        let terminal = if json { console::Term::stderr() } else { console::Term::stdout() };
        let width = terminal.size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns));
        let colour =
            terminal.is_term() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Style { width: width.clamp(LEAST, WIDTH), colour }
    }

    fn paint(self, status: Status) -> (&'static str, &'static str) {
        let colour = match status {
            Status::Ok => "\x1b[32m",
            Status::Warn => "\x1b[33m",
            Status::Refused => "\x1b[31m",
            Status::Unknown => "\x1b[2m",
        };
        if self.colour { (colour, "\x1b[0m") } else { ("", "") }
    }
}

/// The whole text.
pub fn text(checks: &[Check], verdict: &str, machine: &Machine, style: Style) -> String {
    let mut out = String::new();
    wrapped(&mut out, &machine.to_string(), 0, 0, style.width);
    let mut groups: Vec<&str> = Vec::new();
    for c in checks {
        if !groups.contains(&c.group) {
            groups.push(c.group);
        }
    }
    for group in groups {
        let _ = writeln!(out, "\n{group}");
        checks.iter().filter(|c| c.group == group).for_each(|c| check(&mut out, c, style));
    }
    out.push('\n');
    wrapped(&mut out, verdict, 0, 0, style.width);
    out
}

fn check(out: &mut String, c: &Check, style: Style) {
    let (on, off) = style.paint(c.status);
    let _ = write!(out, "  {on}{:<8}{off} {:<16} ", c.status.name(), c.name);
    // On a narrow terminal the second column has no room beside the first.
    let found = if style.width < WIDTH * 3 / 4 { NAME } else { FOUND };
    let at = FOUND.max(NAME + c.name.chars().count() + 1);
    if at > found {
        *out = out.trim_end().to_string();
        out.push('\n');
        wrapped(out, &c.found, 0, found, style.width);
    } else {
        wrapped(out, &c.found, at, found, style.width);
    }
    for (label, text) in [("why: ", c.why), ("fix: ", c.fix.as_str())] {
        if c.status != Status::Ok && !text.is_empty() {
            wrapped(out, &format!("{label}{text}"), 0, NAME, style.width);
        }
    }
}

/// Appends `text` in lines of at most `width`; the cursor stands at `at`, and each line begins at `indent`. A word
/// that is longer than a line has one of its own.
fn wrapped(out: &mut String, text: &str, at: usize, indent: usize, width: usize) {
    let mut column = at;
    let mut fresh = at > 0;
    if at == 0 {
        out.extend(std::iter::repeat_n(' ', indent));
        column = indent;
        fresh = true;
    }
    for word in text.split_whitespace() {
        let long = word.chars().count();
        if !fresh && column + 1 + long > width {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
            fresh = true;
        }
        if !fresh {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += long;
        fresh = false;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::check::Topic;
    use super::*;

    const TOPIC: Topic =
        Topic::new("memory", "copy", "it matters because it is read by every stage and written");

    fn machine() -> Machine {
        Machine {
            cpu: "A CPU".into(),
            cores: vec![0, 1],
            kernel: "linux 6".into(),
            memory_bytes: 1,
        }
    }

    fn checks() -> Vec<Check> {
        let long =
            "one thread copies 9 GB/s, slowest frame 3 GB/s; the camera sends 500 MB/s; ".repeat(3);
        vec![
            TOPIC.ok("fine"),
            TOPIC
                .refused(
                    long,
                    "echo 1000 > /sys/module/usbcore/parameters/usbfs_memory_mb and more of it",
                )
                .named("a_very_long_name_of_a_check".into()),
            Topic::new("disk", "disk", "w").unknown("no", "do"),
        ]
    }

    #[test]
    fn nothing_is_wider_than_the_terminal_and_nothing_is_left_out() {
        // Catches text that is cut or broken by the terminal, and a fix that is not printed.
        for width in [40, 57, 60, 80] {
            let style = Style { width, colour: false };
            let text = text(&checks(), "The default line can run here.", &machine(), style);
            for line in text.lines() {
                let words = line.split_whitespace().count();
                assert!(line.chars().count() <= width || words == 1, "{width}: {line:?}");
                assert_eq!(line, line.trim_end(), "{line:?}");
            }
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in [
                "refused a_very_long_name_of_a_check",
                "fix: echo 1000 >",
                "why: it matters",
                "\nmemory\n",
                "\ndisk\n",
                "can run here.",
            ] {
                assert!(flat.contains(part.trim()), "{width}: {part}: {text}");
            }
            assert!(text.contains("\nmemory\n") && !text.contains('\x1b'), "{text}");
            // What is well needs no explanation.
            assert_eq!(flat.matches("why: it matters").count(), 1, "{text}");
        }
    }

    #[test]
    fn colours_are_for_terminals() {
        // Catches escape codes in a file, and a terminal without any.
        let coloured = text(&checks(), "v", &machine(), Style { width: 80, colour: true });
        assert!(coloured.contains("\x1b[31mrefused \x1b[0m"), "{coloured:?}");
    }
}

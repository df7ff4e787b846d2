//! Styled text of a known width: no line is ever longer than it is allowed to be.

use super::layout::Style;
use std::borrow::Cow;

/// How a piece of text looks; without colour all look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// Of less interest.
    Dim,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// A heading.
    Bold,
}

impl Look {
    /// The terminal's own sixteen colours, which its owner chose to be readable.
    fn code(self) -> &'static str {
        match self {
            Look::Plain => "",
            Look::Dim => "\x1b[2m",
            Look::Good => "\x1b[32m",
            Look::Warn => "\x1b[33m",
            Look::Bad => "\x1b[1;31m",
            Look::Bold => "\x1b[1m",
        }
    }
}

/// A line that is being written.
#[derive(Debug)]
pub struct TextLine {
    out: String,
    used: usize,
    width: usize,
    style: Style,
}

impl TextLine {
    /// An empty one of at most `width` columns.
    pub fn new(width: usize, style: Style) -> TextLine {
        TextLine { out: String::new(), used: 0, width, style }
    }

    /// Columns that are left.
    pub fn room(&self) -> usize {
        self.width - self.used
    }

    /// Adds text; what does not fit is cut, with a mark that says so.
    pub fn add(&mut self, look: Look, text: &str) -> &mut Self {
        let mark = if self.style.utf8 { "…" } else { "~" };
        let text: Cow<'_, str> = match self.room() {
            0 => return self,
            room => console::truncate_str(text, room, mark),
        };
        self.used += console::measure_text_width(&text);
        let code = if self.style.colour { look.code() } else { "" };
        if code.is_empty() {
            self.out.push_str(&text);
        } else {
            self.out.push_str(code);
            self.out.push_str(&text);
            self.out.push_str("\x1b[0m");
        }
        self
    }

    /// Adds text if all of it fits.
    pub fn fit(&mut self, look: Look, text: &str) -> bool {
        let fits = console::measure_text_width(text) <= self.room();
        if fits {
            self.add(look, text);
        }
        fits
    }

    /// The line.
    pub fn done(self) -> String {
        self.out
    }
}

/// A bar of `width` characters of which the share `full` (0 to 1) is filled.
pub fn bar(full: f64, width: usize, utf8: bool) -> (String, String) {
    let (on, off) = if utf8 { ("━", "─") } else { ("#", ".") };
    let filled = (full.clamp(0.0, 1.0) * width as f64).round() as usize;
    // What is not empty is not shown as empty, nor is full what is not.
    let filled = match filled {
        0 if full > 0.0 => 1.min(width),
        n if n == width && full < 1.0 => width.saturating_sub(1),
        n => n,
    };
    (on.repeat(filled), off.repeat(width - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_never_too_long() {
        // Catches a wrapped line: each refresh would leave rubbish behind.
        for colour in [false, true] {
            for width in 0..12 {
                let style = Style { colour, utf8: true };
                let mut line = TextLine::new(width, style);
                line.add(Look::Bold, "abc").add(Look::Bad, "defgh");
                assert_eq!(line.fit(Look::Plain, "12"), width >= 10);
                let line = line.done();
                assert!(console::measure_text_width(&line) <= width, "{width}: {line:?}");
            }
        }
    }

    #[test]
    fn bars_tell_something_from_nothing() {
        // Catches a single frame that looks like none, and a nearly full pool that looks full.
        let of = |full| bar(full, 10, false);
        assert_eq!(of(0.0).0.len(), 0);
        assert_eq!(of(0.001).0.len(), 1);
        assert_eq!(of(0.999).0.len(), 9);
        assert_eq!((of(1.0).0.len(), of(7.0).0.len(), bar(0.5, 0, false).0.len()), (10, 10, 0));
    }
}

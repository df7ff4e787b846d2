//! The block on the terminal, and log lines above it.
//!
//! The cursor rests, hidden, at the block's first character. So the block survives a change of the window's
//! width: a terminal that breaks long lines anew moves its cursor with them, and the next drawing begins
//! where the block begins, however many rows it takes meanwhile. Each refresh is one write that replaces
//! line by line and blanks nothing in between: there is no moment at which the block is not there. Only when
//! the window has changed its size, what was broken anew is blanked first.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// To the end of the line, and to the end of the screen: blank.
const REST_OF_LINE: &str = "\x1b[K";
const REST_OF_SCREEN: &str = "\x1b[J";
/// The whole line blank, and to the next row if there is one.
const WHOLE_LINE_AND_DOWN: &str = "\x1b[2K\x1b[B";
const SAVE_CURSOR: &str = "\x1b7";
const RESTORE_CURSOR: &str = "\x1b8";
const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
/// A window may become narrower while a line is on its way: then its end is cut, not wrapped.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// What a terminal has where nobody says.
const USUAL: (usize, usize) = (24, 80);

static SCREEN: Mutex<Screen> = Mutex::new(Screen::new());

fn screen() -> MutexGuard<'static, Screen> {
    // A panic elsewhere leaves lines that may be a refresh old.
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rows and columns of the terminal on stderr, now.
pub fn size() -> (usize, usize) {
    let term = console::Term::stderr();
    let known = term.size_checked().map(|(rows, columns)| (rows.into(), columns.into()));
    // Some pseudo-terminals have no size.
    known.filter(|(rows, columns)| *rows > 0 && *columns > 0).unwrap_or(USUAL)
}

/// Puts lines in the place of the last ones, on a terminal of this size.
pub fn draw(lines: Vec<String>, size: (usize, usize)) {
    let mut screen = screen();
    let bytes = screen.draw(lines, size);
    send(&bytes);
}

/// The same with one line for a moment in which nobody looks after the cursor: it is not hidden.
pub fn note(line: String, size: (usize, usize)) {
    let mut screen = screen();
    let mut bytes = screen.draw(vec![line], size);
    bytes.extend_from_slice(SHOW_CURSOR.as_bytes());
    send(&bytes);
}

/// Writes whole lines above the block, if there is one.
pub fn above(text: &[u8]) {
    let mut screen = screen();
    let bytes = screen.above(text);
    send(&bytes);
}

/// Takes the block away.
pub fn clear() {
    let mut screen = screen();
    let bytes = screen.clear();
    send(&bytes);
}

/// Leaves the block behind, with the cursor below it.
pub fn leave() {
    let mut screen = screen();
    let bytes = screen.leave();
    send(&bytes);
}

fn send(bytes: &[u8]) {
    // Nobody to tell that nobody is listening.
    let _ = std::io::stderr().lock().write_all(bytes);
}

/// The lines that are on the terminal.
#[derive(Debug)]
struct Screen {
    lines: Vec<String>,
    /// The size that they were made for.
    size: (usize, usize),
    /// The begin of a log line whose end has not come yet.
    rest: Vec<u8>,
}

impl Screen {
    const fn new() -> Screen {
        Screen { lines: Vec::new(), size: USUAL, rest: Vec::new() }
    }

    fn draw(&mut self, lines: Vec<String>, size: (usize, usize)) -> Vec<u8> {
        // A terminal remembers which rows are parts of one line; blanking makes it forget.
        let resized = !self.lines.is_empty() && self.size != size;
        let blank = if resized { blank(size.0) } else { String::new() };
        (self.lines, self.size) = (lines, size);
        format!("{blank}{}", self.block()).into_bytes()
    }

    /// The block from the cursor on, and the cursor back where it was.
    fn block(&self) -> String {
        if self.lines.is_empty() {
            return String::new();
        }
        let mut out = format!("{HIDE_CURSOR}{NO_WRAP}\r");
        for (i, line) in self.lines.iter().enumerate() {
            if i > 0 {
                out.push_str("\r\n");
            }
            out.push_str(line);
            out.push_str(REST_OF_LINE);
        }
        out.push_str(REST_OF_SCREEN);
        out.push_str(WRAP);
        out.push('\r');
        if self.lines.len() > 1 {
            out.push_str(&format!("\x1b[{}A", self.lines.len() - 1));
        }
        out
    }

    fn above(&mut self, text: &[u8]) -> Vec<u8> {
        if self.lines.is_empty() && self.rest.is_empty() {
            return text.to_vec();
        }
        self.rest.extend_from_slice(text);
        let Some(end) = self.rest.iter().rposition(|b| *b == b'\n') else { return Vec::new() };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        let mut out = Vec::with_capacity(whole.len() + 2048);
        for line in whole.split_inclusive(|b| *b == b'\n') {
            out.extend_from_slice(b"\r");
            out.extend_from_slice(&line[..line.len() - 1]);
            out.extend_from_slice(REST_OF_LINE.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(self.block().as_bytes());
        out
    }

    fn clear(&mut self) -> Vec<u8> {
        if std::mem::take(&mut self.lines).is_empty() {
            return Vec::new();
        }
        format!("{}{SHOW_CURSOR}", blank(size().0)).into_bytes()
    }

    fn leave(&mut self) -> Vec<u8> {
        match std::mem::take(&mut self.lines).len() {
            0 => Vec::new(),
            1 => format!("\r\n{SHOW_CURSOR}").into_bytes(),
            n => format!("\x1b[{}B\r\n{SHOW_CURSOR}", n - 1).into_bytes(),
        }
    }
}

/// Blanks the rows from the cursor's on, and leaves the cursor at the begin of its row. Row by row: some
/// terminals keep what is blanked with one code, and show it again when one scrolls back.
fn blank(rows: usize) -> String {
    format!("\r{SAVE_CURSOR}{}{RESTORE_CURSOR}", WHOLE_LINE_AND_DOWN.repeat(rows))
}

/// A writer to stderr for log lines: they go above the block.
#[derive(Debug, Default)]
pub struct AboveBlock;

impl Write for AboveBlock {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        above(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn without_a_block_text_passes_unchanged() {
        // Catches escape codes in a log file.
        let mut screen = Screen::new();
        assert_eq!(screen.above(b"a log line\n"), b"a log line\n");
        assert_eq!((screen.clear(), screen.leave()), (vec![], vec![]));
    }

    #[test]
    fn a_log_line_goes_above_whole() {
        // Catches half a log line under the block, or a block that is not drawn again.
        let mut screen = Screen::new();
        let block = text(screen.draw(vec!["one".into(), "two".into()], USUAL));
        assert!(block.ends_with("\r\x1b[1A"), "{block:?}");
        assert_eq!(screen.above(b"half"), b"");
        let out = text(screen.above(b" and half\nnext\n"));
        assert_eq!(out, format!("\rhalf and half\x1b[K\r\n\rnext\x1b[K\r\n{block}"));
        assert!(text(screen.leave()).starts_with("\x1b[1B\r\n"));
        assert_eq!(screen.above(b"x\n"), b"x\n");
    }
}

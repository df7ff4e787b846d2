//! What is shown while a line runs: on a terminal a small block that is redrawn in place, elsewhere a plain
//! line each second.
//!
//! [`view`] makes the figures from snapshots, [`layout`] makes lines of them for the width and height that there
//! is, [`screen`] puts these where the last ones were, below all log lines.

pub mod layout;
pub mod plain;
pub mod screen;
pub mod text;
pub mod view;

use crate::pipeline::Snapshot;
use layout::Style;
use std::io::IsTerminal;
use std::time::{Duration, Instant};
use view::{Goal, Window};

/// On a terminal: often enough to look alive, seldom enough to be read.
const REDRAW: Duration = Duration::from_millis(250);
/// Without a terminal.
const PLAIN: Duration = Duration::from_secs(1);

/// Shows how a line is doing.
#[derive(Debug)]
pub struct Status {
    way: Way,
    next: Instant,
    window: Window,
    goal: Goal,
}

/// Where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Nowhere.
    Quiet,
    /// To something that is no terminal, or one that cannot move its cursor.
    Plain,
    /// To a terminal.
    Block(Style),
}

impl Status {
    /// Of a run that is to end at `goal`; if `quiet`, nothing is shown.
    pub fn new(quiet: bool, goal: Goal) -> Status {
        let way = match quiet {
            true => Way::Quiet,
            false if is_screen(&std::io::stderr()) => {
                let utf8 = speaks_utf8(|name| std::env::var(name).ok());
                Way::Block(Style { colour: wants_colour(&std::io::stderr()), utf8 })
            }
            false => Way::Plain,
        };
        let mut status = Status { way, next: Instant::now(), window: Window::default(), goal };
        status.next += status.every();
        status
    }

    /// On a terminal, says what is done before there is a line to look at.
    pub fn prepare(&self, text: &str) {
        if let Way::Block(style) = self.way {
            let (rows, columns) = screen::size();
            screen::note(layout::note(text, columns, style), (rows, columns));
        }
    }

    fn every(&self) -> Duration {
        if self.on_screen() { REDRAW } else { PLAIN }
    }

    /// Whether a block is redrawn on a terminal.
    pub fn on_screen(&self) -> bool {
        matches!(self.way, Way::Block(_))
    }

    /// Whether it is time for a snapshot.
    pub fn is_due(&self) -> bool {
        self.way != Way::Quiet && Instant::now() >= self.next
    }

    /// Shows a snapshot.
    pub fn show(&mut self, s: &Snapshot) {
        self.next = Instant::now() + self.every();
        let view = self.window.look(s, self.goal);
        match self.way {
            Way::Quiet => {}
            Way::Plain => screen::above(format!("{}\n", plain::line(&view)).as_bytes()),
            Way::Block(style) => {
                let (rows, columns) = screen::size();
                screen::draw(layout::lines(&view, columns, rows, style), (rows, columns));
            }
        }
    }

    /// Takes the block off the terminal.
    pub fn end(&self) {
        if self.on_screen() {
            screen::clear();
        }
    }

    /// Leaves the block where it is and the cursor below it, for whoever writes next; the next
    /// [`Status::show`] begins a new one.
    pub fn leave(&self) {
        if self.on_screen() {
            screen::leave();
        }
    }
}

impl Drop for Status {
    /// Also where a panic ends the run: no hidden cursor stays behind.
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether this is a terminal that can move its cursor.
fn is_screen(stream: &impl IsTerminal) -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    stream.is_terminal() && !term.is_empty() && term != "dumb"
}

/// Whether colour is wanted: on a terminal, unless `NO_COLOR` says no (no-color.org).
pub fn wants_colour(stream: &impl IsTerminal) -> bool {
    is_screen(stream) && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Whether the locale says that characters beyond ASCII can be shown.
pub fn speaks_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    // The first that is set decides (POSIX, 8.2).
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let locale = names.into_iter().filter_map(variable).find(|v| !v.is_empty());
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_on_characters() {
        // Catches block characters on a terminal that shows them as question marks.
        let with = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            speaks_utf8(move |name| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()))
        };
        assert!(with(&[("LANG", "de_DE.UTF-8")]) && with(&[("LC_ALL", "C.utf8"), ("LANG", "C")]));
        assert!(!with(&[]) && !with(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(with(&[("LC_ALL", ""), ("LC_CTYPE", "en_US.UTF-8")]));
    }
}

//! What is shown while a measurement runs: one line on a terminal, nothing elsewhere.

use console::Term;
use std::time::Duration;

/// Tells a terminal what is being measured.
#[derive(Debug)]
pub struct Waiting(Option<Term>);

impl Waiting {
    /// On a terminal.
    pub fn new() -> Waiting {
        Waiting(Some(Term::stderr()).filter(Term::is_term))
    }

    /// Nowhere.
    #[cfg(test)]
    pub fn silent() -> Waiting {
        Waiting(None)
    }

    /// Says what is going on, in the place of what was said before.
    pub fn say(&self, what: &str, elapsed: Duration) {
        let Some(term) = &self.0 else { return };
        let width = usize::from(term.size().1).saturating_sub(1);
        let line = format!("{:>3} s  {what}", elapsed.as_secs());
        let line = console::truncate_str(&line, width, "");
        // One write, so that the line does not flicker; nobody to tell that nobody is looking.
        let _ = term.write_str(&format!("\r{line}\x1b[K"));
        let _ = term.flush();
    }

    /// Takes the line off the terminal.
    pub fn end(&self) {
        if let Some(term) = &self.0 {
            let _ = term.clear_line();
        }
    }
}

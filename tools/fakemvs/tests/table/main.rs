//! The table of what the real library was measured to do, line by line against this one, in virtual time.
//!
//! `cargo test -p frameline-fakemvs --test table -- --nocapture` prints it.

#[path = "../rig/mod.rs"]
mod rig;

mod calls;
mod loss;
mod stream;

use std::fmt::Display;

/// The lines, as they are compared.
pub struct Table {
    rows: Vec<(String, String, String, bool)>,
}

impl Table {
    fn row(&mut self, what: &str, expected: String, got: String, right: bool) {
        self.rows.push((what.to_owned(), expected, got, right));
    }

    /// A call's code.
    pub fn code(&mut self, what: &str, expected: u32, got: u32) {
        let text = |c: u32| if c == 0 { "0x0".to_owned() } else { format!("{c:#010x}") };
        self.row(what, text(expected), text(got), expected == got);
    }

    /// Anything else that can be told in a word.
    pub fn is<T: Display + PartialEq>(&mut self, what: &str, expected: T, got: T) {
        let right = expected == got;
        self.row(what, expected.to_string(), got.to_string(), right);
    }

    /// How long something took, in milliseconds of the camera's time.
    pub fn took(&mut self, what: &str, expected: std::ops::RangeInclusive<u64>, got: u64) {
        let text = format!("{} to {} ms", expected.start(), expected.end());
        self.row(what, text, format!("{got} ms"), expected.contains(&got));
    }

    /// A line to set the next ones apart.
    pub fn situation(&mut self, what: &str) {
        self.rows.push((format!("**{what}**"), String::new(), String::new(), true));
    }
}

/// Catches: any call that answers otherwise than the real library was measured to answer.
#[test]
fn the_table_comes_out_line_by_line() {
    let mut table = Table { rows: Vec::new() };
    calls::grabs(&mut table);
    calls::order(&mut table);
    calls::library(&mut table);
    calls::features(&mut table);
    stream::nodes(&mut table);
    stream::callbacks(&mut table);
    stream::numbers_and_packets(&mut table);
    stream::regions(&mut table);
    loss::lost(&mut table);
    loss::returned(&mut table);
    loss::glitches(&mut table);
    loss::controllers(&mut table);
    let width = table.rows.iter().map(|r| r.0.chars().count()).max().unwrap_or(0);
    println!("| {:width$} | {:18} | {:18} | |", "situation and call", "measured", "simulated");
    println!("| {:-<width$} | {:-<18} | {:-<18} | - |", "", "", "");
    for (what, expected, got, right) in &table.rows {
        let mark = if *right { "" } else { "WRONG" };
        println!("| {what:width$} | {expected:18} | {got:18} | {mark} |");
    }
    let wrong: Vec<_> = table.rows.iter().filter(|r| !r.3).map(|r| &r.0).collect();
    assert!(wrong.is_empty(), "{} lines differ: {wrong:#?}", wrong.len());
    assert!(table.rows.len() > 120, "the table is whole: {}", table.rows.len());
}

/// A camera of 512x512 pixels as it was used for the measurements, in virtual time.
pub const CAMERA: &str = "clock virtual; camera gige size=512x512 fps=20";
/// The bytes of its images.
pub const LEN: usize = 512 * 512;

/// How much of the camera's time passes while `work` runs.
pub fn timed<T>(rig: &rig::Rig, work: impl FnOnce() -> T) -> (u64, T) {
    let before = rig.time();
    let done = work();
    (rig.time() - before, done)
}

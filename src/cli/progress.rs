//! What is shown while a line runs: one steady line on a terminal, a plain line each second elsewhere.

use crate::pipeline::{LineState, Snapshot};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The line on the terminal, so that log lines can be written above it.
static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// Shows how a line is doing.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    every: Duration,
    next: Instant,
    last: Option<(u64, u64, u64)>,
    quiet: bool,
}

impl Progress {
    /// On a terminal, four times a second; elsewhere once a second; if `quiet`, never.
    pub fn new(quiet: bool) -> Progress {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
                bar.set_style(style);
            }
            BAR.get_or_init(|| bar).clone()
        });
        let every = Duration::from_millis(if bar.is_some() { 250 } else { 1000 });
        Progress { bar, every, next: Instant::now() + every, last: None, quiet }
    }

    /// Whether it is time for a snapshot.
    pub fn is_due(&self) -> bool {
        !self.quiet && Instant::now() >= self.next
    }

    /// Shows a snapshot.
    pub fn show(&mut self, s: &Snapshot) {
        self.next = Instant::now() + self.every;
        let text = self.text(s);
        match &self.bar {
            Some(bar) => bar.set_message(text),
            // Nobody to tell that nobody is listening.
            None => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }

    /// One line: rates since the last one, losses by cause, latency, occupancy.
    fn text(&mut self, s: &Snapshot) -> String {
        let now = (s.elapsed.0, s.frames.grabbed, s.bytes);
        let (t, grabbed, bytes) = self.last.replace(now).unwrap_or_default();
        let seconds = s.elapsed.0.saturating_sub(t).max(1) as f64 / 1e9;
        let f = &s.frames;
        let rate = f.grabbed.saturating_sub(grabbed) as f64 / seconds;
        let speed = s.bytes.saturating_sub(bytes) as f64 / seconds;
        let mut out = format!(
            "{:.1} s  {rate:.0} fps  {:.1} MB/s  delivered {}",
            s.elapsed.0 as f64 / 1e9,
            speed / 1e6,
            f.delivered
        );
        let losses = [
            ("incomplete", f.incomplete),
            ("underrun", f.underrun),
            ("refused", f.refused),
            ("invalid", f.invalid),
            ("lost by device", f.lost_by_device),
        ];
        for (name, n) in losses.iter().filter(|(_, n)| *n > 0) {
            let _ = write!(out, "  {name} {n}");
        }
        let out_of_pool = s.samples.last().map_or(s.held.len() as u64, |p| p.slots_out);
        let _ = write!(
            out,
            "  e2e p50 {} p99 {}  pool {out_of_pool}/{}",
            s.end_to_end.quantile(0.5),
            s.end_to_end.quantile(0.99),
            s.slots
        );
        match s.state {
            LineState::Resetting => out.push_str("  (resetting)"),
            LineState::Stopping => out.push_str("  (stopping)"),
            _ => {}
        }
        out
    }

    /// Takes the line off the terminal.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A writer to stderr for log lines: they go above the progress line.
#[derive(Debug, Default)]
pub struct AboveProgress;

impl Write for AboveProgress {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let write = || std::io::stderr().lock().write_all(bytes).map(|()| bytes.len());
        match BAR.get() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

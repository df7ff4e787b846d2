//! One line for where there is no terminal.

use super::view::View;
use crate::cli::units::{size, time};
use crate::words::counted;
use std::fmt::Write as _;

/// Rates of the last second, losses by cause, latency, occupancy, verdicts.
pub fn line(v: &View) -> String {
    let mut out = format!(
        "{:.1} s  {:.0} fps  {:.1} MB/s  delivered {}",
        v.seconds,
        v.frames_per_second,
        v.bytes_per_second / 1e6,
        v.frames.delivered
    );
    for (name, n) in v.frames.losses() {
        let _ = write!(out, "  {name} {n}");
    }
    if let Some(e) = v.end_to_end() {
        let _ = write!(out, "  e2e p50 {} p99 {}", time(e.p50).trim(), time(e.p99).trim());
    }
    let _ = write!(out, "  pool {}/{}", v.slots_out, v.slots);
    for i in &v.inspections {
        let _ = write!(out, "  {}: {}, {} failed", i.stage, counted(i.parts, "part"), i.failed);
    }
    if let Some(t) = &v.truth {
        let _ = write!(out, ", precision {:.3}, recall {:.3}", t.precision, t.recall);
    }
    if let Some(word) = v.unusual_state() {
        let _ = write!(out, "  ({word})");
    }
    if v.rss_bytes > 0 {
        let _ = write!(out, "  rss {}", size(v.rss_bytes));
    }
    out
}

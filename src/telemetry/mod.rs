//! What a line knows about itself: counters, histograms, duty cycle, distinct errors.
//!
//! Every cell has one writer, a hot thread that only bumps and pushes; any thread may read at any time
//! without touching that writer. Reading out (text, JSON) happens on the upper floors.

mod counter;
mod errors;
mod latency;
mod turn;

pub use counter::{Counter, Gauge};
pub use errors::{DistinctErrors, ErrorRecord};
pub use latency::{LatencyReader, LatencySnapshot, LatencyWriter, latency};
pub use turn::{Turn, TurnReader, turn};

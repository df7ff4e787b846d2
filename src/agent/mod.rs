//! Threads: pinning, priority, and the exit that somebody can wait for.

mod affinity;
mod exit;

pub use affinity::{Placement, Urgency, core_count, known_cores};
pub use exit::{ExitBoard, ExitGuard};

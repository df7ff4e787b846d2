//! Threads: pinning, priority, the exit that somebody can wait for, and what the machine takes from them.

mod affinity;
mod exit;
pub mod hiccup;

pub use affinity::{Placement, Urgency, core_count, known_cores};
pub use exit::{ExitBoard, ExitGuard};
pub use hiccup::{HiccupMeter, HiccupReport};

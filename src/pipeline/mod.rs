//! The line: graph, threads, reset, stop.

mod accept;
mod assembly;
mod builder;
mod caller;
mod capture;
mod command;
mod config;
mod ending;
mod flow;
mod hand;
mod ids;
mod ladder;
mod line;
mod logbook;
mod memory;
mod monitor;
mod orders;
mod plan;
mod quiesce;
mod reconnect;
mod report;
mod shared;
mod silence;
mod snapshot;
mod wiring;
mod witness;
mod worker;

pub use builder::LineBuilder;
pub use caller::{Frames, NextFrame};
pub use config::*;
pub use line::{Line, LineHandle};
pub use report::*;

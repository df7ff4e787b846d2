//! The line: graph, threads, reset, stop.

mod accept;
mod assembly;
mod builder;
mod capture;
mod command;
mod config;
mod flow;
mod ids;
mod ladder;
mod line;
mod memory;
mod monitor;
mod plan;
mod quiesce;
mod report;
mod shared;
mod snapshot;
mod wiring;
mod worker;

pub use builder::LineBuilder;
pub use config::*;
pub use line::{Frames, Line, LineHandle, NextFrame};
pub use report::*;

//! The line: graph, threads, reset, stop.

mod config;
mod report;

pub use config::*;
pub use report::*;

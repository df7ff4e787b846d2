//! The `frameline` program: arguments, configuration files, progress, summaries, exit codes.

pub mod args;
pub mod document;
pub mod fields;
pub mod job;
pub mod kinds;
pub mod resolve;
pub mod schema;
pub mod tables;
pub mod value;

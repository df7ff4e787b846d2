//! frameline
#![deny(unsafe_code)]
pub mod agent;
pub mod alloc;
pub mod buffer;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
mod error;
pub mod fault;
pub mod format;
pub mod meta;
pub mod pipeline;
pub mod reset;
pub mod ring;
pub mod sim;
pub mod source;
pub mod stage;
pub mod stages;
mod sync;
mod sys;
pub mod telemetry;
pub mod wait;
pub use error::{Error, ErrorKind, Refusal};

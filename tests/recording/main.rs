//! Recordings: what is written is what is read, whatever became of the file in between.
#![cfg(feature = "recording")]
#![allow(missing_docs)]

mod broken;
#[cfg(feature = "cli")]
mod disks;
#[cfg(feature = "cli")]
mod errors;
mod files;
#[cfg(feature = "cli")]
mod kept;
mod line;
mod made;
#[cfg(all(feature = "genapi", feature = "media"))]
mod mutated;
#[cfg(feature = "cli")]
mod program;
#[path = "../util/mod.rs"]
mod util;

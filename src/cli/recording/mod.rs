//! The commands that make, read and mend recordings.

pub mod info;
pub mod progress;
pub mod record;
pub mod repair;
pub mod verify;

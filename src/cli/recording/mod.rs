//! The commands that make, read and mend recordings.

pub mod info;
pub mod page;
pub mod progress;
pub mod record;
pub mod repair;
pub mod strip;
pub mod verify;

//! Recordings to and from what other programs read.
//!
//! - [`export()`] writes the frames of a recording as PNG, TIFF, `.npy`, NorPix `.seq` or MCAP;
//! - [`import()`] makes a recording of images, a `.seq` file or raw pixels;
//! - [`cut()`] makes a recording of a range of another one, without decoding anything.
//!
//! Everything is written under a name of its own beside the target and gets its name when it is whole: who interrupts
//! it, or runs out of disk, finds nothing half-made. Files are not believed: sizes are checked before memory is taken
//! for them, and no content panics.

mod cut;
mod draft;
mod export;
mod image;
mod import;
mod read;
mod seq;
mod sidecar;
mod told;
mod write;

pub use cut::{Cut, cut};
pub use draft::Draft;
pub use export::{Export, Exported, Target, export};
pub use image::{MAX_IMAGE_BYTES, Plain};
pub use import::{DEFAULT_RATE, Import, Imported, Input, import};

use crate::error::{Error, ErrorKind};

/// Asked before each frame, with how many are done; `false`: stop, and leave nothing.
pub type Watch<'a> = &'a mut dyn FnMut(u64) -> bool;

/// The error of who was asked to stop.
fn interrupted(done: u64) -> Error {
    let frames = crate::words::counted(done, "frame");
    Error::new(ErrorKind::State, format!("interrupted after {frames}; nothing was left"))
}

//! Saves pictures of failed parts: PNG files, bounded in number and bytes, written off the hot path.

mod png;
mod stage;
#[cfg(test)]
mod tests;
mod writer;

pub use png::{encode_grey, read_grey};
pub use stage::{SAVE_KEYS, Save};
pub use writer::{PictureSink, PictureWriter, SaveSettings};

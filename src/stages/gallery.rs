//! The pictures that a run saved, for whoever shows them.

use super::writer::lock;
use crate::verdict::{Area, PartVerdict};
use std::path::PathBuf;
use std::sync::Mutex;

/// One picture of a failed part.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedPart {
    /// The file: a PNG of `crop`.
    pub path: PathBuf,
    /// The device's number of the frame.
    pub frame_id: u64,
    /// The line's own number of the frame.
    pub sequence: u64,
    /// What was found, in coordinates of the frame.
    pub verdict: PartVerdict,
    /// The part of the frame that the file shows.
    pub crop: Area,
}

/// The pictures of a run, in the order in which they were written. A thread off the hot path adds to it.
#[derive(Debug, Default)]
pub struct Gallery(Mutex<Vec<SavedPart>>);

impl Gallery {
    /// Adds one, when its file is complete.
    ///
    /// # Real-time
    /// Any thread but a hot one: locks and allocates.
    pub fn add(&self, part: SavedPart) {
        lock(&self.0).push(part);
    }

    /// Those that are complete by now.
    ///
    /// # Real-time
    /// Any thread but a hot one: locks and allocates.
    pub fn parts(&self) -> Vec<SavedPart> {
        lock(&self.0).clone()
    }
}

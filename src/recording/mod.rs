//! Recordings: the `.flr` file, how it is written at the disk's speed, read back, proved and mended.
//!
//! - [`mod@format`] is the layout, without any input or output;
//! - [`Recording`] reads one, or the set of segments that it is, by ordinary reads: nothing is mapped, so a file that
//!   shrinks meanwhile is an error and no signal;
//! - [`Writer`] writes one in plain calls on the caller's thread, for conversions;
//! - [`Recorder`] writes one at the disk's speed while a line runs; its [`RecordStage`] is part of the line.
//!
//! A file is never believed: what it says is checked before anything is allocated, and no content panics.

pub mod format;

mod chain;
mod facts;
mod reader;
mod recorder;
mod repair;
mod segment;
mod verify;
mod writer;

#[cfg(feature = "cli")]
pub(crate) use chain::check_free;
pub use chain::{Head, Rule, segment_path};
pub use facts::{CAUSES, Facts, FormatStretch, Gap, IntervalClass, MAX_GAPS};
pub use reader::{Recording, Segment};
pub use recorder::{Keep, RECORD_KEYS, RecordStage, Recorder, RecorderAlarm, RecorderSettings};
pub use repair::{Repaired, repair, repair_as};
pub use verify::{BadFrames, Findings, verify};
pub use writer::Writer;

//! GigE Vision and USB3 Vision cameras through Aravis (`libaravis-0.8.so.0`, `libaravis-0.10.so.0`), without their
//! makers' SDKs.
//!
//! - **Loading**: from the path in the URI (`library=`), or by the names that the system's loader knows. Once in a
//!   process: GLib's types cannot be registered twice, nor taken back.
//! - **Filling**: *announce*. The line's slots are the stream's buffers, and packets are put together in them.
//! - **Losses**: a frame whose packets did not all come is *missing packets*, also where Aravis calls it a time-out
//!   (aravis#849). Its underruns are told apart from gaps that the network made.
//! - **Callbacks** only post: that control was lost, that a thread began or ended. They set the stream's thread's
//!   priority, where one was asked for.
//! - **Order of going**: the stream and its thread, then buffers, then the device. A stream whose thread does not end
//!   keeps its slots for ever.

mod again;
mod board;
mod buffers;
mod camera;
mod codes;
mod config;
mod counters;
mod delivered;
mod diagnosis;
mod features;
mod find;
mod grab;
mod library;
mod open;
mod source;
mod stream;
mod sys;

pub use config::PARAMETERS;
pub use find::{Camera, cameras};
pub use library::{Library, NAMES, Version};
pub use source::Aravis;

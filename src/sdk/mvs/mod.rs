//! Hikrobot cameras through the MVS library (`libMvCameraControl.so`), versions 3.0 and later.
//!
//! - **Loading**: from the path in the URI, from the folder in [`FOLDER_VARIABLE`], or from
//!   [`DEFAULT_FOLDER`]; never from the working directory. What is wrong with a library is one sentence.
//! - **Filling**: *announce* (`MV_CC_RegisterBuffer`, 4.4 and later), *lend* (`MV_CC_GetImageBuffer`) and *copy*
//!   (`MV_CC_GetOneFrameTimeout`).
//! - **Time-outs**: 0x80000007 is `MV_E_NODATA`, no frame in time, and never a fault of a buffer. The source
//!   tells a lost camera, a region that grew, a changed packet size and an idle trigger apart when it is asked.
//! - **Callbacks** of the SDK only post a bit; everything else is done by the thread that owns the source.
//! - **Order of going**: frames, then devices, then the library. Lent frames that are still held when the line is
//!   gone keep their device open, and the SDK is finalised after the last device. Its code stays mapped: threads
//!   that called it run its handlers when they end.

mod again;
mod board;
mod codes;
mod config;
mod diagnosis;
mod features;
mod find;
mod grab;
mod handle;
mod layout;
mod library;
#[cfg(feature = "genapi")]
mod list;
mod open;
mod reading;
mod source;
mod stream;
pub mod sys;

pub use config::PARAMETERS;
pub use find::{Camera, Link, cameras};
pub use library::{DEFAULT_FOLDER, FILE, FOLDER_VARIABLE, Library, Version, places};
pub use source::Mvs;

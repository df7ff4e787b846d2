//! A frame pipeline for machine-vision inspection lines: one pinned thread owns the camera and grabs into
//! a fixed pool, frames travel as handles through lock-free rings, and every frame is accounted for.
//!
//! ```
//! use frameline::{Line, sim::Sim};
//!
//! fn main() -> Result<(), frameline::Error> {
//!     let camera = Sim::from_uri("sim:?width=640&height=480&rate=500&frames=50")?;
//!     let mut line = Line::builder(camera).frames(8).start()?;
//!     for frame in line.frames() {
//!         let sum: u64 = frame.image().iter().map(|&b| u64::from(b)).sum();
//!         println!("frame {}: mean {}", frame.id(), sum / frame.image().len() as u64);
//!     }
//!     let end = line.stop(std::time::Duration::from_secs(1));
//!     assert!(end.is_balanced()); // grabbed = delivered + each named loss
//!     Ok(())
//! }
//! ```
//!
//! # The contract
//!
//! - **Memory** is allocated when a line is built, and in a [quiescent reset](reset); never between.
//! - **A frame handle** ([`Frame`], [`SharedFrame`], [`FrameMut`]) keeps its bytes alive, also beyond its
//!   line and its pool. It may be dropped on any thread: wait-free, and it cannot fail.
//! - **Only the capture thread** calls the source. Others ask through [`LineHandle`]; every such wait has a
//!   bound.
//! - **In steady state** capture and stage threads do not allocate, lock, log, or make a system call
//!   beyond the source's own and the wait that the [strategy](wait::WaitStrategy) asks for.
//! - **A full ring** follows its consumer's [policy](ring::Policy): the producer waits, the newest frame is
//!   refused, the newest replaces, or every n-th is offered. Whatever is not passed on is counted, and told
//!   to the consumer with its next frame.
//! - **An empty pool** means that frames are lost in the camera: they are counted as `underrun`, and a
//!   snapshot names who holds the slots.
//! - **A lost camera** costs the time to reconnect; **a stage that panics** costs its frame; **a stage that
//!   hangs** is named, and stopping still returns.
//! - **An SDK** is not believed: lengths are clipped, geometry is checked, and a canary behind each slot
//!   tells of a write past its end.
//! - **We do not** decode, display or send images over a network; a frame is bytes with a PFNC format.
//!
//! # Threads
//!
//! Three words say where a function may be called: *capture-bound* (the thread that owns the source),
//! *stage-bound* (the thread of one stage), *any thread*.
//!
//! # Features
//!
//! - `cli` (default): the `frameline` program. Without it (`default-features = false`) the library builds
//!   with few dependencies and no configuration files.
//! - `mvs` (part of `cli`): cameras through Hikrobot's MVS library ([`sdk`]), loaded at run time. Nothing of
//!   the SDK is needed to build.
//! - `aravis` (part of `cli`): GigE Vision and USB3 Vision cameras through the free library Aravis, loaded at run
//!   time.
//! - `recording` (part of `cli`): recordings, written and replayed ([`recording`], [`replay`]).
//! - `genapi` (part of `cli`): the features of a GenICam camera by its own description ([`genapi`]).
//! - `gentl` (part of `cli`): cameras of any maker through its GenTL producer, likewise.
//! - `media` (part of `cli`): recordings exported to and imported from PNG, TIFF, JPEG, `.npy`, `.seq` and MCAP.
//!
//! Linux is the system that this version supports.
#![deny(unsafe_code)]
// The model checker sees the protocols, not the pipeline that uses them.
#![cfg_attr(loom, allow(dead_code, unused_imports))]

#[cfg(not(loom))]
pub mod agent;
pub mod alloc;
pub mod buffer;
#[cfg(all(feature = "cli", not(loom)))]
pub mod cli;
pub mod clock;
mod error;
pub mod fault;
pub mod feature;
pub mod format;
#[cfg(feature = "genapi")]
pub mod genapi;
#[cfg(all(feature = "media", not(loom)))]
pub mod media;
pub mod meta;
#[cfg(not(loom))]
pub mod pipeline;
#[cfg(all(
    any(feature = "mvs", feature = "gentl", feature = "aravis", feature = "recording"),
    not(loom)
))]
mod query;
#[cfg(all(feature = "recording", not(loom)))]
pub mod recording;
#[cfg(all(feature = "recording", not(loom)))]
pub mod replay;
pub mod reset;
pub mod ring;
#[cfg(all(any(feature = "mvs", feature = "gentl", feature = "aravis"), not(loom)))]
pub mod sdk;
#[cfg(not(loom))]
pub mod sim;
pub mod source;
pub mod stage;
#[cfg(not(loom))]
pub mod stages;
mod sync;
mod sys;
pub mod telemetry;
mod touch;
pub mod verdict;
pub mod wait;
mod words;

pub use buffer::{Frame, FrameMut, SharedFrame};
pub use error::{Error, ErrorKind, Refusal};
#[cfg(not(loom))]
pub use pipeline::{Line, LineBuilder, LineConfig, LineHandle, Snapshot, StageSpec};

//! Cameras through their makers' own libraries, or through free ones, loaded at run time.
//!
//! Nothing of an SDK is needed to build, to test or to document this crate: a library is looked for when a
//! source is opened, and what is wrong with it is said in one sentence.

#[cfg(feature = "aravis")]
pub mod aravis;
#[cfg(any(feature = "mvs", feature = "gentl"))]
mod binary;
#[cfg(feature = "gentl")]
pub mod gentl;
#[cfg(any(feature = "mvs", feature = "gentl", feature = "aravis"))]
mod ids;
#[cfg(any(feature = "mvs", feature = "gentl", feature = "aravis"))]
mod locked;
#[cfg(feature = "mvs")]
pub mod mvs;
#[cfg(any(feature = "mvs", feature = "aravis"))]
mod settings;
#[cfg(any(feature = "mvs", feature = "gentl", feature = "aravis"))]
mod unanswered;
#[cfg(any(feature = "mvs", feature = "gentl"))]
mod values;

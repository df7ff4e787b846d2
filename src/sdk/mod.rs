//! Cameras through their makers' own libraries, or through free ones, loaded at run time.
//!
//! Nothing of an SDK is needed to build, to test or to document this crate: a library is looked for when a
//! source is opened, and what is wrong with it is said in one sentence.

#[cfg(feature = "aravis")]
pub mod aravis;
#[cfg(feature = "mvs")]
mod binary;
mod ids;
#[cfg(feature = "mvs")]
pub mod mvs;
mod settings;
mod unanswered;

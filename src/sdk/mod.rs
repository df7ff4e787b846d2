//! Cameras through their makers' own libraries, loaded at run time.
//!
//! Nothing of an SDK is needed to build, to test or to document this crate: a library is looked for when a
//! source is opened, and what is wrong with it is said in one sentence.

#[cfg(any(feature = "mvs", feature = "gentl"))]
mod binary;
#[cfg(feature = "gentl")]
pub mod gentl;
#[cfg(feature = "mvs")]
pub mod mvs;

//! One suite, every source: what `source/mod.rs` demands, checked on each way of filling.
#![allow(missing_docs)]

#[cfg(all(feature = "aravis", target_os = "linux"))]
mod aravis;
mod cards;
#[cfg(feature = "mvs")]
#[path = "../fake/mod.rs"]
mod fake;
#[cfg(feature = "gentl")]
#[path = "../fakegentl/mod.rs"]
mod fakegentl;
#[cfg(feature = "gentl")]
mod gentl;
#[cfg(feature = "mvs")]
mod mvs;
#[cfg(feature = "recording")]
mod replay;
mod rig;
mod sim;
mod suite;
#[path = "../util/mod.rs"]
mod util;

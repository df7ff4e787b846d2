//! A GenTL 1.6 producer over simulated cameras.
//!
//! Any GenTL consumer runs against it: copy the library to a name that ends with `.cti`, and let `GENICAM_GENTL64_PATH`
//! name its folder. What is simulated, and which faults, is told in `FAKEGENTL_CONFIG` and `FAKEGENTL_SCRIPT` or by the
//! functions `fakegentl_*`; README.md has it all.
//!
//! It is strict: every handle is checked, a buffer that is queued twice is refused, so is announcing and revoking while
//! frames are taken, a start with too few or too small buffers, and a setting that is locked.

pub mod abi;
pub mod camera;
pub mod config;
mod control;
pub mod description;
mod devices;
mod entry;
mod film;
mod infos;
mod ports;
pub mod script;
mod stream;
mod streams;
mod system;
mod world;

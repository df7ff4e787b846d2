//! The functions of the SDK, without their symbols. Each takes what its C function takes.

pub mod buffers;
pub mod callbacks;
pub mod description;
pub mod devices;
pub mod features;
pub mod grab;
pub mod list;
pub mod transport;

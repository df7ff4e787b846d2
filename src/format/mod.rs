//! What a frame's bytes mean: PFNC pixel formats, and the arithmetic from geometry to payload size.

mod layout;
mod pfnc;

pub use layout::{Geometry, GeometryError, MAX_SIDE_PIXELS};
pub use pfnc::PixelFormat;

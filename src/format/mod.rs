//! What a frame's bytes mean: PFNC pixel formats, and the arithmetic from geometry to payload size.

mod kinship;
mod layout;
mod pfnc;

pub use kinship::{Mosaic, Packing};
pub use layout::{Geometry, GeometryError, MAX_SIDE_PIXELS};
pub use pfnc::PixelFormat;

//! Stages that make a new image of each frame, each from its own pool: unpack, demosaic, correct, crop, bin.
//!
//! What they have in common:
//! - **Rows** are found by the frame's stride; what they make has no padding.
//! - **An incomplete frame** becomes an incomplete image: it ends with the last row for which everything came.
//!   A frame of which not one row came is given up.
//! - **A frame that cannot be worked on** is given up as a [`StageError`](crate::stage::StageError): an unknown or
//!   unsuitable pixel format, a geometry that cannot be, an image larger than the output buffers. So is one for
//!   which no output buffer is free, because consumers keep more frames than they declared (`holds`). Both are
//!   counted.
//! - **Before the start** a stage is told which images will come ([`Stage::prepare`](crate::stage::Stage::prepare))
//!   and refuses those that it can do nothing with.
//! - **A frame that needs no change** is passed on as it is.
//! - **Metadata** are the input's: ids, times, what was lost before it; only size, place, stride and pixel
//!   format are those of the new image.

mod bin;
mod common;
mod crop;
mod demosaic;
mod fit;
mod flat_field;
pub mod kernel;
mod reference;
mod unpack;

pub use bin::{BIN_KEYS, Binning, BinningRule};
pub use crop::{CROP_KEYS, Crop};
pub use demosaic::{DEMOSAIC_KEYS, Demosaic};
pub use flat_field::{Correction, FLAT_FIELD_KEYS, FlatField, FlatFieldSettings, MAX_LEARN_FRAMES};
pub use reference::ReferenceImage;
pub use unpack::{UNPACK_KEYS, Unpack, UnpackTo};

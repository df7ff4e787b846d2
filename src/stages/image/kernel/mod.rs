//! The arithmetic of the image stages: functions on slices that know nothing of frames.
//!
//! None allocates, none panics on any length, and each has a plain twin in `tests/util/twins.rs` that the property
//! tests hold it against. They are written so that the compiler makes vector code of them; `stages/cpu.rs` compiles each
//! a second time for AVX2 and chooses at run time.

mod bin;
mod demosaic;
mod flat;
mod rows;
mod unpack;

pub use crate::stages::cpu::level as cpu_level;
pub use bin::{Bin, BinRule, bin};
pub use demosaic::{Colours, demosaic};
pub use flat::{GAIN_BITS, absolute_8, absolute_16, flat_8, flat_16, signed_8, signed_16};
pub use rows::Rows;
pub use unpack::{narrow, unpack_8, unpack_16, widen};

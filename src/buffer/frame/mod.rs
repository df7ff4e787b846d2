//! The handles: [`FrameMut`] is filling or owned alone, [`Frame`] is filled, [`SharedFrame`] is read by
//! several. All are `Send`; the last one dropped, on any thread, brings the slot home.

mod fate;
mod filled;
mod filling;
mod foresight;
mod handle;
mod lane;

pub use fate::Fate;
pub use filled::{Frame, SharedFrame};
pub use filling::FrameMut;
pub(crate) use foresight::Foresight;
pub(crate) use lane::holders;
pub use lane::{CloneLimit, LANES, Lane};

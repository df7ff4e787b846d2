//! The pool: fixed buffers, their owners as types, and the way home.

mod arena;
mod census;
mod frame;
mod home;
#[cfg(all(loom, test))]
mod loom_tests;
mod pool;
mod shelf;
#[cfg(all(test, not(loom)))]
mod tests;

pub use arena::{HugePages, Overrun};
pub use census::{Census, Fates, HeldSlot};
pub use frame::{CloneLimit, Fate, Frame, FrameMut, LANES, Lane, SharedFrame};
pub use home::Keep;
pub(crate) use home::Place;
pub use pool::{Pool, PoolConfig, PoolView, Rebuild, RebuildReport};
pub use shelf::{LendError, Shelf};

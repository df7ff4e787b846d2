//! The pool: fixed buffers, their owners as types, and the way home.

mod arena;
mod census;
mod frame;
mod home;
#[cfg(all(loom, test))]
mod loom_tests;
mod pool;
mod pool_config;
mod rebuild;
mod shelf;
#[cfg(all(test, not(loom)))]
mod tests;
mod view;

pub use arena::{HugePages, Overrun};
pub use census::{Census, Fates, HeldSlot};
pub(crate) use frame::Foresight;
pub use frame::{CloneLimit, Fate, Frame, FrameMut, LANES, Lane, SharedFrame};
pub use home::Keep;
pub(crate) use home::Place;
pub use pool::Pool;
pub use pool_config::PoolConfig;
pub use rebuild::{Rebuild, RebuildReport};
pub use shelf::{LendError, Shelf};
pub use view::PoolView;

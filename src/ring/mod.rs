//! Hops: single-producer single-consumer edges over rtrb, their policies and their counts.

mod edge;
#[cfg(all(loom, test))]
mod loom_tests;
mod policy;
mod tap;

pub use edge::{Beds, Control, EdgeCounts, EdgeRx, EdgeTx, Entry, Offer, Told, edge};
pub use policy::Policy;

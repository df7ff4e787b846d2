//! Cameras of any maker through its GenTL producer (`*.cti`), versions 1.5 and 1.6 of the standard.
//!
//! - **Loading**: from the path in the URI, or from where [`PATH_VARIABLE`] leads; never from the working directory.
//!   What is wrong with a producer is one sentence. It is initialised once, and never unmapped.
//! - **Filling**: *announce* alone. The line's slots are the producer's buffers; as many are announced as it asks for.
//! - **Features**: GenTL knows registers. Their names come from the description that the camera brings
//!   ([`genapi`](crate::genapi)): the payload's size, the region, start and stop are read and set through it.
//! - **Optional**: a question that a producer does not answer costs nothing, a function that it lacks neither.
//! - **Displaced images**: a frame begins with its image; where the producer put something before it, the payload is
//!   turned round in its slot.
//! - **Not believed**: lengths, geometry, and a buffer that is delivered while it is not queued.
//! - **Reset**: each start has a data stream of its own, closed by the stop. Producers were seen to crash when buffers
//!   were revoked and announced anew on one stream.

mod again;
mod codes;
mod config;
mod diagnosis;
mod displaced;
mod features;
mod find;
mod grab;
mod library;
mod modules;
mod open;
mod reading;
mod source;
mod stream;
mod sys;

pub use config::PARAMETERS;
pub use find::{Camera, about, cameras};
pub use library::{PATH_VARIABLE, Producer, producers};
pub use source::Gentl;

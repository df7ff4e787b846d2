//! The cameras and calls behind the simulated MVS libraries.
//!
//! This crate exports no symbol: [`calls`] are the SDK's functions as Rust functions, [`control`] is what
//! tests do besides, and [`export!`] gives them their names in the two libraries, `frameline-fakemvs` (SDK 4.4 and
//! later) and `frameline-fakemvs3` (SDK 3.1). What is simulated is told by two small texts: [`config`] and [`script`].
//! What is in an image: [`stamp`].
//!
//! It shares no type with frameline: the C structs of [`abi`] are a second writing of the same facts.

pub mod abi;
pub mod calls;
pub mod camera;
pub mod clock;
pub mod codes;
pub mod config;
pub mod control;
pub mod deliver;
pub mod entry;
pub mod faults;
pub mod features;
pub mod memory;
pub mod pixel;
pub mod pump;
pub mod script;
pub mod service;
pub mod session;
pub mod stamp;
pub mod stream;
pub mod world;

//! Features of GenICam cameras by their descriptions: one of our own with every kind of node, those of real
//! software where it is at hand, and all of them broken in thousands of ways.
#![cfg(feature = "genapi")]
#![allow(missing_docs)]

mod fuzz;
mod kinds;
mod memory;
mod real;

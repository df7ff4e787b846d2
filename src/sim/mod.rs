//! The simulated camera, `sim:`, and a stage that checks what it sent.
//!
//! [`Sim`] is a [`Source`](crate::source::Source) in all three ways of filling. It sends a picture that
//! can be checked to the byte ([`Pattern`]), on time, and goes wrong as a [`Script`] says. It has no thread: it
//! acts when it is called, as if it had acted when its frames were due. [`Verify`] checks the frames with a
//! pattern of its own and counts what is torn, stale, out of order, or missing without a reason.
//!
//! ```
//! use frameline::sim::{Sim, SimConfig};
//! use frameline::source::Source;
//!
//! let camera = Sim::from_uri("sim:?width=640&height=480&format=Mono12p&rate=500&faults=at 3 lose")?;
//! assert_eq!(camera.payload_bytes(), 640 * 480 * 12 / 8);
//! assert!(Sim::new(SimConfig { width: 0, ..SimConfig::default() }).is_err());
//! # Ok::<(), frameline::Error>(())
//! ```

pub mod codes;
mod config;
mod content;
mod conveyor;
mod features;
mod judge;
mod made;
mod pacing;
mod pattern;
mod picture;
mod room;
mod rules;
pub mod script;
mod sheets;
mod source;
mod stream;
mod uri;
mod verify;
mod write;

pub use config::{
    DEFAULT_LEND_QUEUE, DEFAULT_QUEUE, DEFAULT_SENSOR_HEIGHT, DEFAULT_SENSOR_WIDTH, MAX_DRIFT_PPM,
    MAX_QUEUE, MAX_RATE, MIN_RATE, Rate, SimConfig, Trigger,
};
pub use conveyor::{
    Conveyor, Look, MAX_CONVEYOR_WIDTH, MIN_CONVEYOR_PIXELS, Scene, TruePart, Truth,
};
pub use features::FEATURES;
pub use judge::Judge;
pub use pattern::{
    MAX_PATTERN_BYTES, PHASES, Pattern, PatternFault, PatternFaultKind, STAMP_BYTES,
    STAMP_STEP_BYTES, read_serial,
};
pub use script::{Script, ScriptError};
pub use source::Sim;
pub use uri::PARAMETERS;
pub use verify::{Verify, VerifyConfig};

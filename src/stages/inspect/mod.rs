//! Inspection of round parts in fixed nests: presence, shape and surface.
//!
//! A [`Reference`] says what good parts look like and where they lie; a [`Teacher`] learns it from good
//! frames. An [`Inspector`] looks at every nest of a frame:
//! 1. *cut*: the window around the nest, at half scale where parts are large: the only pass over the frame;
//! 2. *locate*: rays from the centre find the outline; a circle through it gives centre and radius. Too little
//!    outline: missing. Another radius, or an outline that leaves the circle: deformed;
//! 3. *align*: the grey levels on rings around the centre, compared with the reference's at every turn. No turn
//!    agrees: misprint;
//! 4. *compare*: each pixel with the reference's, turned and lit as the part is: what exceeds the learnt
//!    tolerance makes connected components;
//! 5. *decide*: the heaviest component beyond its limit names the defect, by its form and sign.
//!
//! [`Inspect`] is the stage that does this in a line.

mod align;
mod blobs;
mod cells;
mod chords;
mod compare;
mod decide;
mod engine;
mod find;
mod images;
mod kernels;
mod learn;
mod locate;
mod mark;
mod reference;
mod stage;
mod teach;
mod view;

#[cfg(test)]
mod painted;
#[cfg(test)]
mod tests;

pub use engine::{Inspector, Step};
pub use reference::{Limits, Nest, Reference, SURE_RADIUS, Taught};
pub use stage::{INSPECT_KEYS, Inspect};
pub use teach::{DEFAULT_FRAMES, MAX_FRAMES, MIN_FRAMES, Teacher};
pub use view::{Unfit, View};

//! What the frames of one geometry show, drawn ahead: the pattern or the conveyor.

use super::conveyor::{Conveyor, Look, shows};
use super::pattern::{Pattern, PatternFault, read_serial};
use crate::error::Error;
use crate::format::Geometry;

/// See the [module](self).
#[derive(Debug)]
pub(super) enum Content {
    Pattern(Pattern),
    Conveyor(Box<Conveyor>),
}

impl Content {
    /// Draws what a camera with this look and seed shows at that geometry. Allocates; not for hot threads.
    pub fn new(geometry: &Geometry, look: &Look, seed: u64) -> Result<Content, Error> {
        if shows(geometry, look) {
            return Ok(Content::Conveyor(Box::new(Conveyor::new(geometry, look, seed)?)));
        }
        Ok(Content::Pattern(Pattern::new(geometry, seed)?))
    }

    pub fn geometry(&self) -> &Geometry {
        match self {
            Content::Pattern(p) => p.geometry(),
            Content::Conveyor(c) => c.geometry(),
        }
    }

    pub fn memory_bytes(&self) -> usize {
        match self {
            Content::Pattern(p) => p.memory_bytes(),
            Content::Conveyor(c) => c.memory_bytes(),
        }
    }

    /// The pattern, whose frames can be made from one of the same phase by new stamps alone.
    pub fn pattern(&self) -> Option<&Pattern> {
        match self {
            Content::Pattern(p) => Some(p),
            Content::Conveyor(_) => None,
        }
    }

    /// Writes frame `serial`; `kept`: the buffer holds it but for the stamps.
    #[inline]
    pub fn write(&self, serial: u64, out: &mut [u8], kept: bool) {
        match self {
            Content::Pattern(p) if kept => p.stamp(serial, out),
            Content::Pattern(p) => p.write(serial, out),
            Content::Conveyor(c) => c.write(serial, out),
        }
    }

    /// Checks an image, whole or its first bytes. `None`: it does not say whose it is.
    pub fn check(&self, image: &[u8], incomplete: bool) -> Result<Option<u64>, PatternFault> {
        match self {
            Content::Pattern(p) if incomplete => p.check_part(None, image),
            // An image without stamps says its phase, not its serial.
            Content::Pattern(p) => p.check(None, image).map(|s| p.is_stamped(image).then_some(s)),
            Content::Conveyor(c) if incomplete => c.check_part(image),
            Content::Conveyor(c) => c.check(image).map(Some),
        }
    }

    /// The serial that a whole image's stamp says, without a look at the other bytes.
    pub fn serial(&self, image: &[u8]) -> Option<u64> {
        match self {
            Content::Pattern(p) => read_serial(image).filter(|_| p.is_stamped(image)),
            Content::Conveyor(c) => c.serial_of(image),
        }
    }

    pub fn is_stamped(&self, image: &[u8]) -> bool {
        match self {
            Content::Pattern(p) => p.is_stamped(image),
            Content::Conveyor(c) => c.is_stamped(image),
        }
    }
}

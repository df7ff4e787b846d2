//! How a frame's life ended.

/// How a frame's life ended. The worst word stands: later ones are kept only if they are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Fate {
    /// Never filled: the slot came home unused.
    Unused = 0,
    /// Reached the end of every branch that must have it.
    Delivered = 1,
    /// The same, but it had arrived damaged.
    Incomplete = 2,
    /// Accepted, and given up at an abort.
    Abandoned = 3,
    /// A full ring refused it on a branch that must have it.
    Refused = 4,
    /// Failed the checks, or a stage failed on it.
    Invalid = 5,
}

impl Fate {
    pub(crate) fn from_u8(v: u8) -> Fate {
        match v {
            1 => Fate::Delivered,
            2 => Fate::Incomplete,
            3 => Fate::Abandoned,
            4 => Fate::Refused,
            5 => Fate::Invalid,
            _ => Fate::Unused,
        }
    }
}

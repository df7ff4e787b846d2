//! What a hop does when its ring is full: loss is a policy, chosen for each consumer.

use std::fmt;
use std::num::NonZeroU32;

/// What a full ring means for the frame that is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The producer waits: nothing is lost. Only where the producer can wait.
    Every,
    /// The newest frame is refused and counted.
    Refuse,
    /// A tap: the newest replaces whatever was not taken yet; replaced frames are counted.
    Latest,
    /// Every n-th frame is offered, the others are skipped and counted; a full ring refuses.
    OneIn(NonZeroU32),
}

impl Policy {
    /// The policy of that name: `every`, `refuse`, `latest`, or `1-in-N` with `N` from 1.
    pub fn from_name(name: &str) -> Option<Policy> {
        match name {
            "every" => Some(Policy::Every),
            "refuse" => Some(Policy::Refuse),
            "latest" => Some(Policy::Latest),
            _ => name.strip_prefix("1-in-")?.parse().ok().map(Policy::OneIn),
        }
    }

    /// Whether a frame that this hop does not pass on is lost to inspection, rather than left out by
    /// choice: those count in the line's `refused`.
    pub fn must_have(self) -> bool {
        matches!(self, Policy::Every | Policy::Refuse)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Policy::Every => f.write_str("every"),
            Policy::Refuse => f.write_str("refuse"),
            Policy::Latest => f.write_str("latest"),
            Policy::OneIn(n) => write!(f, "1-in-{n}"),
        }
    }
}

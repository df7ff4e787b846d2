//! What happens to a line beside its frames, told to whoever keeps a record of it.

use super::FaultClass;
use crate::clock::HostTime;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentKind {
    /// The source answered with a fault.
    Fault,
    /// A quiescent reset ended.
    Reset,
    /// A lost device was found again, or was not.
    Reconnect,
}

/// What happened to a line, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incident {
    /// What kind of thing.
    pub kind: IncidentKind,
    /// When it began.
    pub at: HostTime,
    /// The raw code of a fault, else 0.
    pub code: i64,
    /// What the line took a fault for.
    pub class: Option<FaultClass>,
    /// A reset: bytes of a slot after it. Else 0.
    pub detail: u64,
    /// A fault: how often. A reset: the epoch that it began. A reconnection: its attempts.
    pub count: u64,
}

/// Somebody who is told of every incident, in order, before the frame that comes next. Called by the capture thread
/// where it is not hot; must not block.
pub trait Witness: std::fmt::Debug + Send + Sync {
    /// Something happened.
    fn saw(&self, incident: &Incident);
}

//! What a class leads to at a place: DESIGN 5, written down once for each kind of place.

use frameline::fault::{CodeEntry, FaultClass};

/// What comes of a fault, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Nothing: the call is optional, and its refusal no fault.
    Passed,
    /// Whoever gave the order is told.
    Told,
    /// Counted under its code and class; nothing else.
    Counted,
    /// Counted; the line grabs again.
    Retried,
    /// Counted; the line pauses and calls again.
    BackedOff,
    /// Counted; a quiescent reset.
    Reset,
    /// Counted; the device is closed, found, opened and restored.
    OpenedAnew,
    /// Nothing runs yet: the camera is tried again as long as `wait=` allows.
    Waited,
    /// Counted; the line stops with a sentence, exit 1.
    Stops,
    /// Refused at opening, exit 1.
    Refused,
    /// Refused at opening as a wrong configuration, exit 2.
    WrongConfig,
}

impl Act {
    pub const ALL: [Act; 11] = [
        Act::Passed,
        Act::Told,
        Act::Counted,
        Act::Retried,
        Act::BackedOff,
        Act::Reset,
        Act::OpenedAnew,
        Act::Waited,
        Act::Stops,
        Act::Refused,
        Act::WrongConfig,
    ];

    /// One character of the document's grid, and what it means.
    pub fn sign(self) -> (char, &'static str) {
        match self {
            Act::Passed => ('.', "passed over: the call is optional, and its refusal is no fault"),
            Act::Told => ('t', "told to whoever gave the order; the line goes on"),
            Act::Counted => ('c', "counted, and nothing else; the line goes on"),
            Act::Retried => ('r', "counted; the line grabs again"),
            Act::BackedOff => ('b', "counted; the line pauses and calls again"),
            Act::Reset => ('q', "counted; a quiescent reset, and frames come again"),
            Act::OpenedAnew => (
                'o',
                "counted; the device is closed, opened anew and restored, and frames come again",
            ),
            Act::Waited => ('w', "the camera is tried again until it opens, within `wait=`"),
            Act::Stops => ('S', "the line stops with a sentence; exit 1"),
            Act::Refused => ('1', "refused at opening with a sentence; exit 1"),
            Act::WrongConfig => ('2', "refused as a wrong configuration; exit 2"),
        }
    }

    pub fn exit(self) -> u8 {
        match self {
            Act::Stops | Act::Refused => 1,
            Act::WrongConfig => 2,
            _ => 0,
        }
    }

    /// Whether nothing runs any more.
    pub fn ends(self) -> bool {
        self.exit() != 0
    }

    /// Whether more is done than to count or to tell it.
    pub fn has_consequence(self) -> bool {
        self > Act::Counted
    }

    /// Whether the fault must be found in the line's books.
    pub fn is_counted(self) -> bool {
        (Act::Counted..=Act::OpenedAnew).contains(&self) || self == Act::Stops
    }
}

/// The fault comes once; it comes with every call.
pub type Outcomes = (Act, Act);
pub type Rule = fn(&CodeEntry) -> Outcomes;

use Act::*;
use FaultClass as C;

/// Codes by which a camera cannot be reached now.
fn may_pass(e: &CodeEntry) -> bool {
    matches!(e.class, C::Lost | C::Timeout | C::Busy)
}

fn named(e: &CodeEntry, names: &[&str]) -> bool {
    names.contains(&e.name)
}

pub fn optional(_: &CodeEntry) -> Outcomes {
    (Passed, Passed)
}

/// A call without which the camera is not open.
pub fn open(e: &CodeEntry) -> Outcomes {
    if may_pass(e) { (Waited, Refused) } else { (Refused, Refused) }
}

/// An enumeration that does not know a transport layer is made again with those that every version knows.
pub fn enumerate(e: &CodeEntry) -> Outcomes {
    if named(e, &["MV_E_SUPPORT", "MV_E_PARAMETER"]) { (Passed, Refused) } else { open(e) }
}

pub fn load(_: &CodeEntry) -> Outcomes {
    (Refused, Refused)
}

/// A setting that the configuration asks for.
pub fn wish(e: &CodeEntry) -> Outcomes {
    match e.name {
        _ if may_pass(e) => (Waited, Refused),
        // It may be writable in another state, so it is no wrong wish.
        "MV_E_GC_ACCESS" => (Refused, Refused),
        _ => (WrongConfig, WrongConfig),
    }
}

/// The same, set by number.
pub fn wish_number(e: &CodeEntry) -> Outcomes {
    if may_pass(e) { (Waited, Refused) } else { (WrongConfig, WrongConfig) }
}

pub fn wish_resend(e: &CodeEntry) -> Outcomes {
    if e.name == "MV_E_SUPPORT" { (WrongConfig, WrongConfig) } else { open(e) }
}

/// A tuning that nobody asked for: a refusal leaves things as they are, a camera that does not answer is not open.
pub fn tuning(e: &CodeEntry) -> Outcomes {
    if may_pass(e) { (Waited, Refused) } else { (Passed, Passed) }
}

/// DESIGN 5, where the call was to start the device.
pub fn start(e: &CodeEntry) -> Outcomes {
    match e.class {
        // Nothing of a frame is damaged yet: something on the way to the device was.
        C::Timeout | C::DamagedFrame | C::Busy => (BackedOff, Stops),
        C::BufferTooSmall => (Reset, Stops),
        C::Lost | C::Unknown => (OpenedAnew, Stops),
        // There is nothing yet that could be shed.
        C::Overrun | C::Misuse | C::Incompatible => (Stops, Stops),
    }
}

/// Without the call the SDK has one node: that is counted, and the line goes on.
pub fn nodes(e: &CodeEntry) -> Outcomes {
    match e.name {
        "MV_E_CALLORDER" => (Stops, Stops),
        "MV_E_SUPPORT" => (Passed, Passed),
        _ => (Counted, Counted),
    }
}

/// DESIGN 5, where the call was to bring a frame.
pub fn grab(e: &CodeEntry) -> Outcomes {
    match e.class {
        // For ever, these lead through diagnosis and reconnections to the end of the budgets.
        C::Timeout | C::DamagedFrame | C::Overrun => (Retried, Stops),
        C::BufferTooSmall => (Reset, Stops),
        C::Busy => (BackedOff, Stops),
        C::Lost | C::Unknown => (OpenedAnew, Stops),
        C::Misuse | C::Incompatible => (Stops, Stops),
    }
}

/// The SDK has a buffer less; when it has none, the device is opened anew.
pub fn free(_: &CodeEntry) -> Outcomes {
    (Counted, OpenedAnew)
}

/// The one answer without a code: whatever is no yes is a no.
pub fn connected(_: &CodeEntry) -> Outcomes {
    (OpenedAnew, OpenedAnew)
}

pub fn order(_: &CodeEntry) -> Outcomes {
    (Told, Told)
}

/// A feature that is locked while grabbing is set within a quiescent reset.
pub fn feature(e: &CodeEntry) -> Outcomes {
    if e.name == "MV_E_GC_ACCESS" { (Reset, Told) } else { (Told, Told) }
}

/// Whether the device still streams is not known: it is closed before any memory moves, and opened anew.
pub fn stop(_: &CodeEntry) -> Outcomes {
    (OpenedAnew, OpenedAnew)
}

/// Whatever the class, the attempt has failed, and another one follows.
pub fn attempt(_: &CodeEntry) -> Outcomes {
    (OpenedAnew, Stops)
}

pub fn attempt_enumerate(e: &CodeEntry) -> Outcomes {
    let again = named(e, &["MV_E_SUPPORT", "MV_E_PARAMETER"]);
    if again { (Passed, Stops) } else { attempt(e) }
}

pub fn attempt_tuning(e: &CodeEntry) -> Outcomes {
    if may_pass(e) { attempt(e) } else { (Passed, Passed) }
}

/// Closing goes on: what Close does not do, Destroy does.
pub fn close(_: &CodeEntry) -> Outcomes {
    (Counted, Counted)
}

/// What callbacks post. A loss is acted on when frames stay out; what is news of single frames is counted.
pub fn post(e: &CodeEntry) -> Outcomes {
    let act = match e.class {
        C::Lost => OpenedAnew,
        C::BufferTooSmall => Reset,
        C::Incompatible => Stops,
        _ => Counted,
    };
    (act, act)
}

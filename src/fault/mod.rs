//! Fault classes and the code tables: an error is classified before it is acted on.
//!
//! What each code of an SDK means and what class it has is data: [`mvs`], [`gentl`], [`aravis`]. A source
//! gives its table to the line as a [`CodeTable`]; a configuration may remap a code.

pub mod aravis;
pub mod gentl;
mod incident;
pub mod mvs;
mod table;

pub use incident::{Incident, IncidentKind, Witness};
pub use table::{CodeEntry, CodeTable};

use std::fmt;

/// What a fault is, and so what the line does about it (DESIGN section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum FaultClass {
    /// No frame arrived in time.
    Timeout,
    /// A frame arrived damaged.
    DamagedFrame,
    /// The frame needs a larger buffer than it was given.
    BufferTooSmall,
    /// The host was too slow and the source dropped frames.
    Overrun,
    /// The device is in use or not ready.
    Busy,
    /// The device is gone.
    Lost,
    /// A call was wrong: a bug or a configuration fault.
    Misuse,
    /// Library or device versions do not fit.
    Incompatible,
    /// A code that no table has.
    Unknown,
}

impl FaultClass {
    /// All classes.
    pub const ALL: [FaultClass; 9] = [
        FaultClass::Timeout,
        FaultClass::DamagedFrame,
        FaultClass::BufferTooSmall,
        FaultClass::Overrun,
        FaultClass::Busy,
        FaultClass::Lost,
        FaultClass::Misuse,
        FaultClass::Incompatible,
        FaultClass::Unknown,
    ];

    /// The name used in configurations and reports.
    pub fn name(self) -> &'static str {
        match self {
            FaultClass::Timeout => "timeout",
            FaultClass::DamagedFrame => "damaged-frame",
            FaultClass::BufferTooSmall => "buffer-too-small",
            FaultClass::Overrun => "overrun",
            FaultClass::Busy => "busy",
            FaultClass::Lost => "lost",
            FaultClass::Misuse => "misuse",
            FaultClass::Incompatible => "incompatible",
            FaultClass::Unknown => "unknown",
        }
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }

    /// What the line does about a fault of this class.
    pub fn action(self) -> &'static str {
        match self {
            FaultClass::Timeout => "count; after several in a row ask the source what it knows",
            FaultClass::DamagedFrame => "deliver marked incomplete, or drop, by policy; count",
            FaultClass::BufferTooSmall => "quiescent reset with a larger slot",
            FaultClass::Overrun => "count; shed by the consumers' policies",
            FaultClass::Busy => "retry with back-off",
            FaultClass::Lost => "close, back off, reopen, restore settings, restart",
            FaultClass::Misuse => "stop with a sentence that says what to change",
            FaultClass::Incompatible => "refuse at start, naming version and symbol",
            FaultClass::Unknown => "one reconnect, then stop",
        }
    }
}

impl fmt::Display for FaultClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A fault as a source reports it: the raw code, not yet classified.
///
/// `Copy` and free of text, so that a hot thread can pass it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The raw code of the SDK.
    pub code: i64,
    /// What the fault says about sizes: bytes needed for [`FaultClass::BufferTooSmall`], else 0.
    pub detail: u64,
}

impl Fault {
    /// A fault with no detail.
    pub const fn code(code: i64) -> Self {
        Fault { code, detail: 0 }
    }
}

/// A code as reports print it: `0x80000007`. Codes are 32 bits wide in every SDK we know.
pub fn code_text(code: i64) -> String {
    format!("0x{:08X}", code as u32)
}

/// Whether two numbers are the same code, signed or not: `0x80000007` and `-2147483641` are.
pub const fn same_code(a: i64, b: i64) -> bool {
    a as u32 == b as u32
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

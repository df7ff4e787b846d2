//! Fault classes and the code tables: an error is classified before it is acted on.

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

/// One row of an SDK's code table.
#[derive(Debug, Clone, Copy)]
pub struct CodeEntry {
    /// The raw code.
    pub code: i64,
    /// The SDK's name of it.
    pub name: &'static str,
    /// Its class.
    pub class: FaultClass,
    /// What it means, in one sentence.
    pub meaning: &'static str,
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

/// The codes of one SDK, with a configuration's remapping on top.
#[derive(Debug, Clone)]
pub struct CodeTable {
    entries: &'static [CodeEntry],
    remap: Vec<(i64, FaultClass)>,
}

impl CodeTable {
    /// A table without remapping.
    pub const fn new(entries: &'static [CodeEntry]) -> Self {
        CodeTable { entries, remap: Vec::new() }
    }

    /// Makes `code` mean `class`, whatever the table says.
    pub fn remap(&mut self, code: i64, class: FaultClass) {
        self.remap.retain(|(c, _)| *c != code);
        self.remap.push((code, class));
    }

    /// The class of a code.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock.
    pub fn classify(&self, code: i64) -> FaultClass {
        if let Some((_, class)) = self.remap.iter().find(|(c, _)| *c == code) {
            return *class;
        }
        self.entry(code).map_or(FaultClass::Unknown, |e| e.class)
    }

    /// The table's row of a code.
    pub fn entry(&self, code: i64) -> Option<&'static CodeEntry> {
        self.entries.iter().find(|e| e.code == code)
    }

    /// The name of a code, or `unknown`.
    pub fn name(&self, code: i64) -> &'static str {
        self.entry(code).map_or("unknown", |e| e.name)
    }
}

/// A code as reports print it: `0x80000007`. Codes are 32 bits wide in every SDK we know.
pub fn code_text(code: i64) -> String {
    format!("0x{:08X}", code as u32)
}

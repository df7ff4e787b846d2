//! One SDK's codes as a table.

use super::{FaultClass, same_code};

/// One row of an SDK's code table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeEntry {
    /// The raw code, as the SDK's header writes it: unsigned for MVS, negative for GenTL.
    pub code: i64,
    /// The SDK's name of it.
    pub name: &'static str,
    /// Its class.
    pub class: FaultClass,
    /// What it means, in a sentence or two.
    pub meaning: &'static str,
    /// What to check when it comes; empty: nothing in particular.
    pub advice: &'static str,
    /// The vendor's term in the language that its users search in; empty: there is none.
    pub term: &'static str,
}

impl CodeEntry {
    /// A row without advice and term.
    pub const fn new(
        code: i64,
        name: &'static str,
        class: FaultClass,
        meaning: &'static str,
    ) -> Self {
        CodeEntry { code, name, class, meaning, advice: "", term: "" }
    }
}

/// Rows: code, name, class and the vendor's term, what it means, what to check.
macro_rules! entries {
    ($($code:literal $name:ident $class:ident $term:literal $meaning:literal $advice:literal;)*) => {
        &[$(CodeEntry {
            code: $code,
            name: stringify!($name),
            class: $crate::fault::FaultClass::$class,
            meaning: $meaning,
            advice: $advice,
            term: $term,
        }),*]
    };
}
pub(crate) use entries;

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
        self.remap.retain(|(c, _)| !same_code(*c, code));
        self.remap.push((code, class));
    }

    /// The class of a code.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock.
    pub fn classify(&self, code: i64) -> FaultClass {
        if let Some((_, class)) = self.remap.iter().find(|(c, _)| same_code(*c, code)) {
            return *class;
        }
        self.entry(code).map_or(FaultClass::Unknown, |e| e.class)
    }

    /// The table's row of a code.
    pub fn entry(&self, code: i64) -> Option<&'static CodeEntry> {
        self.entries.iter().find(|e| same_code(e.code, code))
    }

    /// The name of a code, or `unknown`.
    pub fn name(&self, code: i64) -> &'static str {
        self.entry(code).map_or("unknown", |e| e.name)
    }
}

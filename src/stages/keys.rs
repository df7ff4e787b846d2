//! Tables of configuration keys: what a value may be, and what it is when nobody says.

/// One key of a configuration table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name in the file.
    pub name: &'static str,
    /// What its value may be.
    pub value: KeyType,
    /// The default, as a file would say it; empty if there is none.
    pub default: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
}

/// What the value of a key may be.
#[derive(Debug, Clone, Copy)]
pub enum KeyType {
    /// `true` or `false`.
    Bool,
    /// A whole number in this range, both ends included.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A number in this range, both ends included.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// Text that is not empty.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text of a form of its own: the check, and the words that say what is expected.
    Form(fn(&str) -> bool, &'static str),
    /// A length of time in nanoseconds, in this range.
    Duration {
        /// Shortest.
        min: u64,
        /// Longest.
        max: u64,
    },
    /// A size in bytes, in this range.
    Bytes {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A list of whole numbers from 0.
    Integers,
    /// A table from fault codes to fault classes.
    Remap,
}

/// The longest time that a key may ask for: one day.
pub(crate) const DAY: u64 = 86_400_000_000_000;

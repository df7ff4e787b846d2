//! What a camera's feature is: its value, what it could be, and whether it may be written. Said by whoever knows
//! the camera, read by whoever shows it.

use std::fmt;

/// A feature, as it is at the moment of asking.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Feature {
    /// The GenICam name: what `set` takes.
    pub name: String,
    /// The category that shows it; empty where there is none.
    pub category: String,
    /// What it is.
    pub kind: FeatureKind,
    /// Whether it can be read or written now.
    pub access: Access,
    /// Its value as text that can be set again; `None` where it cannot be read.
    pub value: Option<String>,
    /// What it could be.
    pub range: FeatureRange,
    /// The unit of value and range; empty where there is none.
    pub unit: String,
    /// For whom it is meant: `Beginner`, `Expert`, `Guru`, `Invisible`; empty where nobody says.
    pub visibility: String,
    /// What it is for, in the camera maker's words.
    pub description: String,
    /// The features that choose what this one means (`GainSelector` for `Gain`).
    pub selectors: Vec<String>,
    /// Why the value or the range could not be had.
    pub trouble: Option<String>,
}

/// What a feature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FeatureKind {
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// One of its entries.
    Enumeration,
    /// True or false.
    Boolean,
    /// Something to execute.
    Command,
    /// A text.
    #[default]
    Text,
    /// Bytes without a meaning that is known.
    Register,
}

impl FeatureKind {
    /// The name used in lists.
    pub fn name(self) -> &'static str {
        match self {
            FeatureKind::Integer => "integer",
            FeatureKind::Float => "float",
            FeatureKind::Enumeration => "enumeration",
            FeatureKind::Boolean => "boolean",
            FeatureKind::Command => "command",
            FeatureKind::Text => "text",
            FeatureKind::Register => "register",
        }
    }
}

/// Whether a feature can be read or written now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Access {
    /// Never on this camera.
    NotImplemented,
    /// Not in the camera's present state.
    NotAvailable,
    /// Only written, or executed.
    WriteOnly,
    /// Only read.
    ReadOnly,
    /// Read and written.
    #[default]
    ReadWrite,
}

impl Access {
    /// GenICam's two letters.
    pub fn name(self) -> &'static str {
        match self {
            Access::NotImplemented => "NI",
            Access::NotAvailable => "NA",
            Access::WriteOnly => "WO",
            Access::ReadOnly => "RO",
            Access::ReadWrite => "RW",
        }
    }

    /// Whether it can be read.
    pub fn is_readable(self) -> bool {
        matches!(self, Access::ReadOnly | Access::ReadWrite)
    }

    /// Whether it can be written.
    pub fn is_writable(self) -> bool {
        matches!(self, Access::WriteOnly | Access::ReadWrite)
    }

    /// What both allow.
    pub fn and(self, other: Access) -> Access {
        match (self.min(other), self.max(other)) {
            (Access::WriteOnly, Access::ReadOnly) => Access::NotAvailable,
            (less, _) => less,
        }
    }
}

/// What a feature could be.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum FeatureRange {
    /// Nothing is known, or nothing is to be known: a boolean, a command.
    #[default]
    Unknown,
    /// Whole numbers.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
        /// Counted from `min`, every how many; at least 1.
        step: i64,
    },
    /// Numbers.
    Float {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
        /// Counted from `min`, every how much; `None`: any.
        step: Option<f64>,
    },
    /// Names of entries that can be set now.
    Entries(Vec<String>),
    /// A text of so many bytes at most.
    Length(u64),
}

impl fmt::Display for FeatureRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FeatureRange::Unknown => Ok(()),
            FeatureRange::Integer { min, max, step } => {
                write!(f, "{min} to {max}")?;
                if *step > 1 { write!(f, " in steps of {step}") } else { Ok(()) }
            }
            FeatureRange::Float { min, max, step } => {
                write!(f, "{} to {}", Number(*min), Number(*max))?;
                step.map_or(Ok(()), |step| write!(f, " in steps of {}", Number(step)))
            }
            FeatureRange::Entries(entries) => f.write_str(&entries.join(", ")),
            FeatureRange::Length(bytes) => write!(f, "up to {bytes} bytes"),
        }
    }
}

/// A number as a person would write it: in full where that is short, else with an exponent; and as single
/// precision where it is one, so that 20.1 is not 20.100000381469727.
#[derive(Debug, Clone, Copy)]
pub struct Number(pub f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v = self.0;
        let size = v.abs();
        let plain = v == 0.0 || !v.is_finite() || (1e-4..1e15).contains(&size);
        let single = v as f32;
        match (f64::from(single) == v, plain) {
            (true, true) => write!(f, "{single}"),
            (true, false) => write!(f, "{single:e}"),
            (false, true) => write!(f, "{v}"),
            (false, false) => write!(f, "{v:e}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_allow_is_what_both_allow() {
        // Catches a register that only takes writes, shown as readable through a feature that only reads.
        use Access::*;
        let all = [NotImplemented, NotAvailable, WriteOnly, ReadOnly, ReadWrite];
        for a in all {
            for b in all {
                let both = a.and(b);
                assert_eq!(both, b.and(a));
                assert_eq!(both.is_readable(), a.is_readable() && b.is_readable(), "{a:?} {b:?}");
                assert_eq!(both.is_writable(), a.is_writable() && b.is_writable(), "{a:?} {b:?}");
            }
        }
        assert_eq!(NotImplemented.and(NotAvailable), NotImplemented);
    }

    #[test]
    fn numbers_are_written_as_they_were_meant() {
        // Catches the digits that single precision does not have, and numbers of 300 digits.
        let text = |v: f64| Number(v).to_string();
        assert_eq!(text(f64::from(20.1f32)), "20.1");
        assert_eq!(text(0.1), "0.1");
        assert_eq!(text(1e-7), "1e-7");
        assert_eq!(text(f64::MAX), "1.7976931348623157e308");
        assert_eq!((text(0.0), text(5000.0)), ("0".into(), "5000".into()));
    }
}

//! GenApi's formulas: text to code once, code to a number as often as asked.
//!
//! Code is a list that is run from front to back; jumps only go forward, so that it ends, and nothing recurses
//! while it runs. The grammar and the strength of the operators are those of the GenApi reference (a minus binds
//! tighter than `**`, which groups from the left); unlike it, only the chosen branch of `?:` is computed, so that
//! `(X = 0) ? 0 : (1 / X)` is no division by zero.

mod compile;
mod number;
mod run;

pub(super) use compile::{Names, compile};

/// Longest text of a formula, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Deepest nesting of brackets, signs and branches.
pub(super) const MAX_NESTING: usize = 128;
/// Most steps of one formula, with those of its expressions.
pub(super) const MAX_STEPS: usize = 20_000;

/// Most steps of all formulas of a description, also of those that come to nothing.
pub(super) const MAX_ALL_STEPS: usize = 2_000_000;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    /// A number, as a whole one and as it is.
    Number(i64, f64),
    /// The variable of that place.
    Variable(u16),
    Unary(Unary),
    Binary(Binary),
    /// Takes the top; goes on at that step if it is zero.
    JumpIfZero(u32),
    Jump(u32),
    /// The top becomes 1, or 0 if it is zero.
    Truth,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unary {
    Minus,
    Not,
    Sgn,
    Abs,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Exp,
    Ln,
    Lg,
    Sqrt,
    Trunc,
    Floor,
    Ceil,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    Power,
    Times,
    Over,
    Modulo,
    Plus,
    Minus,
    Left,
    Right,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    Equal,
    Unequal,
    And,
    ExclusiveOr,
    Or,
    /// `ROUND(x, digits)`.
    Round,
}

/// A formula, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Formula {
    steps: Vec<Step>,
    is_whole: bool,
}

#[cfg(test)]
mod tests;

//! The nodes of a camera's description: what stands in the XML, checked, with names as places in the map.

use super::formula::Formula;
use crate::feature::Access;

/// A node's place in the map; also of names that the XML uses and does not explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id(pub u32);

/// What every node has.
#[derive(Debug, Clone, Default)]
pub(super) struct Base {
    pub description: String,
    pub visibility: &'static str,
    /// No more than this is allowed.
    pub imposed: Option<Access>,
    pub is_implemented: Option<Id>,
    pub is_available: Option<Id>,
    pub is_locked: Option<Id>,
    /// The features that this one chooses among.
    pub selected: Vec<Id>,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub base: Base,
    pub body: Body,
}

#[derive(Debug, Clone)]
pub(super) enum Body {
    Category(Vec<Id>),
    Integer(Box<Numeric<i64>>),
    Float(Box<Numeric<f64>>),
    Boolean {
        value: Place<i64>,
        on: i64,
        off: i64,
    },
    Enumeration {
        value: Place<i64>,
        entries: Vec<Entry>,
    },
    Command {
        value: Place<i64>,
        command: Operand<i64>,
    },
    Text(Place<String>),
    Register(Box<Register>),
    Converter(Box<Converter>),
    Knife(Box<Knife>),
    Port {
        is_device: bool,
    },
    /// A node of a kind that has no value of its own.
    Plain,
    /// What is wrong with it, as the rest of a sentence that begins with its name.
    Broken(String),
}

/// A number that stands in the XML, or that of another node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operand<T> {
    Fixed(T),
    Node(Id),
}

/// Where a value lives: on our side, in another node, or in one of several that an index chooses.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place<T> {
    /// The value at the start; what it is now, the session holds.
    Held(T),
    Node(Id),
    Indexed {
        index: Id,
        choices: Vec<(i64, Operand<T>)>,
        otherwise: Operand<T>,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Numeric<T> {
    pub value: Place<T>,
    /// Further nodes that are written with it.
    pub copies: Vec<Id>,
    pub min: Option<Operand<T>>,
    pub max: Option<Operand<T>>,
    pub step: Option<Operand<T>>,
    pub style: Style,
}

/// How a number is shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Style {
    pub unit: String,
    pub shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Shape {
    #[default]
    Plain,
    Hex,
    Ip,
    Mac,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub name: String,
    pub value: i64,
    pub base: Base,
}

#[derive(Debug, Clone)]
pub(super) struct Register {
    pub address: Vec<Term>,
    pub length: Operand<i64>,
    pub port: Option<Id>,
    pub access: Access,
    /// Whether what was read may be kept until something is written.
    pub is_kept: bool,
    pub holds: Holds,
    pub style: Style,
}

/// A summand of an address.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Term {
    Fixed(i64),
    Node(Id),
    /// The index times its stride; without one, times the register's length.
    Index(Id, Option<Operand<i64>>),
}

/// What the bytes of a register mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Holds {
    Integer { is_big: bool, is_signed: bool, bits: Option<Bits> },
    Float { is_big: bool },
    Text,
    Bytes,
}

/// A part of a register, as the XML counts its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bits {
    pub one: u16,
    pub other: u16,
}

/// A formula's variable: a node and what of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variable {
    pub node: Id,
    pub part: Part,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Value,
    Min,
    Max,
    Step,
    /// The number of an entry.
    Entry(String),
}

#[derive(Debug, Clone)]
pub(super) struct Knife {
    pub variables: Vec<Variable>,
    pub formula: Formula,
    pub style: Style,
}

#[derive(Debug, Clone)]
pub(super) struct Converter {
    /// Those of both formulas; the last place is that of the value that is converted (`TO`, `FROM`).
    pub variables: Vec<Variable>,
    /// What the user's value is to be written as.
    pub to: Formula,
    /// What the value that was read means.
    pub from: Formula,
    pub value: Id,
    pub slope: Slope,
    pub style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Slope {
    #[default]
    Automatic,
    Increasing,
    Decreasing,
    Varying,
}

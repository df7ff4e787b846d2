//! A camera's features by name.

use super::map::Map;
use super::node::{Body, Entry, Holds, Id, Node, Shape};
use super::parse::integer;
use super::session::{Session, State};
use super::{Cause, Port, Refused, parse, text};
use crate::feature::{Access, FeatureKind, FeatureRange, Number};
use crate::words::line;
use std::fmt;

/// Most entries of a range that a sentence lists.
const SHOWN_ENTRIES: usize = 40;

/// The features of one camera: its description, what lives on our side of it, and what was read since the last
/// write. Calls read and write the camera through the port that they are given, and block while it does.
///
/// Any thread, one at a time.
#[derive(Debug)]
pub struct Features {
    pub(super) map: Map,
    pub(super) state: State,
}

/// A feature's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// An entry of an enumeration, and the number that stands for it.
    Entry(String, i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Integer(n) => write!(f, "{n}"),
            Value::Float(v) => write!(f, "{}", Number(*v)),
            Value::Boolean(b) => write!(f, "{b}"),
            Value::Entry(name, _) => f.write_str(name),
            Value::Text(text) => f.write_str(text),
            Value::Bytes(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }
    }
}

impl Features {
    /// Reads a camera's description: the XML as [`xml_of`](super::xml_of) gives it, zipped or not.
    ///
    /// # Errors
    /// It cannot be unpacked, is no XML, is no description of a camera, or is larger than the
    /// [`limits`](super::limits) allow. A node that is wrong is told when it is used.
    pub fn parse(bytes: &[u8]) -> Result<Features, Refused> {
        let text = text::of_bytes(bytes)?;
        Ok(Features { map: parse::parse(&text)?, state: State::default() })
    }

    /// Whether the description has a feature of that name. The camera need not implement it.
    pub fn has(&self, name: &str) -> bool {
        self.map.find(name).is_some_and(|id| self.kind_of(id).is_some())
    }

    /// What the feature is; `None`: there is none of that name.
    pub fn kind(&self, name: &str) -> Option<FeatureKind> {
        self.map.find(name).and_then(|id| self.kind_of(id))
    }

    /// The features that choose what this one means, as `GainSelector` for `Gain`.
    pub fn selectors(&self, name: &str) -> Vec<&str> {
        let Some(id) = self.map.find(name) else { return Vec::new() };
        self.map.selectors(id).iter().map(|id| self.map.name(*id)).collect()
    }

    /// The features that this one chooses among.
    pub fn selected(&self, name: &str) -> Vec<&str> {
        let node = self.map.find(name).and_then(|id| self.map.node(id));
        let selected = node.map(|n| n.base.selected.as_slice()).unwrap_or_default();
        selected.iter().map(|id| self.map.name(*id)).collect()
    }

    /// Forgets what was read from the camera: it may have changed by itself.
    pub fn forget(&mut self) {
        self.state.forget();
    }

    /// Whether the feature can be read or written now.
    pub fn access(&mut self, port: &mut dyn Port, name: &str) -> Result<Access, Refused> {
        let id = self.find(name)?;
        self.session(port).access(id).map_err(|e| about(name, "cannot be looked at", e))
    }

    /// The feature's value now.
    pub fn get(&mut self, port: &mut dyn Port, name: &str) -> Result<Value, Refused> {
        let id = self.find(name)?;
        let mut session = self.session(port);
        let access = session.access(id).map_err(|e| about(name, "cannot be read", e))?;
        if !access.is_readable() {
            return Err(not_now(name, "read", access, false));
        }
        session.value(id).map_err(|e| about(name, "cannot be read", e))
    }

    /// The same as a whole number; of an enumeration, the entry's number.
    pub fn get_integer(&mut self, port: &mut dyn Port, name: &str) -> Result<i64, Refused> {
        match self.get(port, name)? {
            Value::Integer(n) | Value::Entry(_, n) => Ok(n),
            Value::Boolean(b) => Ok(i64::from(b)),
            Value::Float(v) => Ok(super::value::rounded(v)),
            Value::Text(_) | Value::Bytes(_) => {
                Err(Refused::new(Cause::Value, format!("{name} is no number")))
            }
        }
    }

    /// What the feature could be now.
    pub fn range(&mut self, port: &mut dyn Port, name: &str) -> Result<FeatureRange, Refused> {
        let id = self.find(name)?;
        self.session(port).range(id).map_err(|e| about(name, "has no range", e))
    }

    /// Sets a feature to what the text says: a number (also `0x10`), an entry's name or number, `true` or `false`, a
    /// text, an address as `192.168.0.7`. A command is executed by the empty text or `execute`.
    ///
    /// # Errors
    /// One sentence, with the range or the entries where the value is at fault; nothing was written then.
    pub fn set(&mut self, port: &mut dyn Port, name: &str, text: &str) -> Result<(), Refused> {
        let id = self.find(name)?;
        let kind = self.kind_of(id);
        if kind == Some(FeatureKind::Command) {
            return match text.trim().to_ascii_lowercase().as_str() {
                "" | "execute" | "1" | "true" => self.execute(port, name),
                _ => Err(Refused::new(
                    Cause::Value,
                    format!(
                        "{name} is a command: it is executed by {name}=execute, and takes no {text:?}"
                    ),
                )),
            };
        }
        let mut session = self.session(port);
        session.must_be_writable(id, name)?;
        session.set(id, text.trim()).map_err(|e| about(name, "cannot be set", e))
    }

    pub(super) fn session<'a>(&'a mut self, port: &'a mut dyn Port) -> Session<'a> {
        Session::new(&self.map, &mut self.state, port)
    }

    /// The feature of that name, or what may have been meant.
    pub(super) fn find(&self, name: &str) -> Result<Id, Refused> {
        if let Some(id) = self.map.find(name).filter(|id| self.kind_of(*id).is_some()) {
            return Ok(id);
        }
        let like = |known: &str| known.eq_ignore_ascii_case(name);
        let features = self.map.order().iter().filter(|id| self.kind_of(**id).is_some());
        let meant = features.map(|id| self.map.name(*id)).find(|known| like(known));
        let meant = meant.map_or_else(String::new, |known| format!(", but it has {known}"));
        let shown: String = name.chars().take(80).collect();
        Err(Refused::new(Cause::Unknown, format!("the camera has no feature {shown:?}{meant}")))
    }

    pub(super) fn kind_of(&self, id: Id) -> Option<FeatureKind> {
        kind_of(self.map.node(id)?)
    }
}

pub(super) fn kind_of(node: &Node) -> Option<FeatureKind> {
    Some(match &node.body {
        Body::Integer(_) => FeatureKind::Integer,
        Body::Float(_) => FeatureKind::Float,
        Body::Boolean { .. } => FeatureKind::Boolean,
        Body::Enumeration { .. } => FeatureKind::Enumeration,
        Body::Command { .. } => FeatureKind::Command,
        Body::Text(_) => FeatureKind::Text,
        Body::Register(register) => match register.holds {
            Holds::Integer { .. } => FeatureKind::Integer,
            Holds::Float { .. } => FeatureKind::Float,
            Holds::Text => FeatureKind::Text,
            Holds::Bytes => FeatureKind::Register,
        },
        Body::Converter(c) if c.to.is_whole() => FeatureKind::Integer,
        Body::Converter(_) => FeatureKind::Float,
        Body::Knife(k) if k.formula.is_whole() => FeatureKind::Integer,
        Body::Knife(_) => FeatureKind::Float,
        // Nobody knows, and whoever uses it is told what is wrong.
        Body::Broken(_) => FeatureKind::Text,
        Body::Category(_) | Body::Port { .. } | Body::Plain => return None,
    })
}

/// The error of a call, with the feature that was asked for.
pub(super) fn about(name: &str, what: &str, e: Refused) -> Refused {
    if e.sentence.starts_with(name) {
        return e;
    }
    let sentence = line(&format!("{name} {what}: {}", e.sentence), super::MAX_SENTENCE);
    Refused { sentence, ..e }
}

pub(super) fn not_now(name: &str, what: &str, access: Access, is_locked: bool) -> Refused {
    let why = match access {
        Access::NotImplemented => "this camera does not have it",
        Access::NotAvailable => "it is not available in the camera's present state",
        Access::ReadOnly if is_locked => {
            "it is locked, by another feature or while the camera grabs"
        }
        Access::ReadOnly => "it can only be read",
        Access::WriteOnly | Access::ReadWrite => "it can only be written",
    };
    Refused::new(Cause::Access, format!("{name} cannot be {what} now: {why}"))
}

impl Session<'_> {
    pub(super) fn value(&mut self, id: Id) -> Result<Value, Refused> {
        let Some(node) = self.map.node(id) else { return Err(self.wrong(id, "is not there")) };
        Ok(match &node.body {
            Body::Enumeration { entries, .. } => {
                let n = self.whole(id)?;
                match entries.iter().find(|e| e.value == n) {
                    Some(entry) => Value::Entry(entry.name.clone(), n),
                    None => {
                        return Err(
                            self.wrong(id, format_args!("is {n}, which none of its entries is"))
                        );
                    }
                }
            }
            Body::Boolean { .. } => Value::Boolean(self.whole(id)? != 0),
            Body::Register(register) if register.holds == Holds::Bytes => {
                let mut bytes = self.read(id, register)?;
                bytes.truncate(super::limits::MAX_REGISTER_BYTES as usize);
                Value::Bytes(bytes)
            }
            _ => match kind_of(node) {
                Some(FeatureKind::Integer) => Value::Integer(self.whole(id)?),
                Some(FeatureKind::Float) => Value::Float(self.exact(id)?),
                _ => Value::Text(self.text(id)?),
            },
        })
    }

    pub(super) fn range(&mut self, id: Id) -> Result<FeatureRange, Refused> {
        let Some(node) = self.map.node(id) else { return Ok(FeatureRange::Unknown) };
        Ok(match (&node.body, kind_of(node)) {
            (Body::Enumeration { entries, .. }, _) => {
                FeatureRange::Entries(self.open_entries(entries)?.map(|e| e.name.clone()).collect())
            }
            // What a formula makes has no limits of its own.
            (Body::Knife(_), _) => FeatureRange::Unknown,
            (_, Some(FeatureKind::Integer)) => {
                let (min, max, step) = self.whole_range(id)?;
                FeatureRange::Integer { min, max, step }
            }
            (_, Some(FeatureKind::Float)) => {
                let (min, max, step) = self.exact_range(id)?;
                FeatureRange::Float { min, max, step }
            }
            (Body::Register(register), _) => {
                FeatureRange::Length(self.length(id, register)? as u64)
            }
            _ => FeatureRange::Unknown,
        })
    }

    /// The entries that can be set now.
    fn open_entries<'e>(
        &mut self,
        entries: &'e [Entry],
    ) -> Result<impl Iterator<Item = &'e Entry> + use<'e>, Refused> {
        let mut open = Vec::new();
        for entry in entries {
            if self.base_access(&entry.base)? > Access::NotAvailable {
                open.push(entry);
            }
        }
        Ok(open.into_iter())
    }

    pub(super) fn must_be_writable(&mut self, id: Id, name: &str) -> Result<(), Refused> {
        let access = self.access(id).map_err(|e| about(name, "cannot be set", e))?;
        if access.is_writable() {
            return Ok(());
        }
        Err(not_now(name, "set", access, self.is_locked(id).unwrap_or(false)))
    }

    fn set(&mut self, id: Id, text: &str) -> Result<(), Refused> {
        let Some(node) = self.map.node(id) else { return Err(self.wrong(id, "is not there")) };
        let name = self.map.name(id).to_string();
        let is_not = |what: &str| {
            Refused::new(Cause::Value, format!("{name} is {text:?}; it must be {what}"))
        };
        match (&node.body, kind_of(node)) {
            (Body::Enumeration { entries, .. }, _) => {
                let open: Vec<&Entry> = self.open_entries(entries)?.collect();
                let number = integer(text);
                let named = open.iter().find(|e| e.name == text);
                match named.or_else(|| open.iter().find(|e| Some(e.value) == number)) {
                    Some(entry) => self.write_whole(id, entry.value),
                    None => Err(self.no_such_entry(id, entries, &open, text)),
                }
            }
            (Body::Boolean { .. }, _) => match text.to_ascii_lowercase().as_str() {
                "true" | "on" | "1" => self.write_whole(id, 1),
                "false" | "off" | "0" => self.write_whole(id, 0),
                _ => Err(is_not("true or false")),
            },
            (body, Some(FeatureKind::Integer)) => {
                let n = number_of(text, shape_of(body)).ok_or_else(|| is_not("a whole number"))?;
                self.check_whole(id, n).map_err(|e| self.with_present(id, e))?;
                self.write_whole(id, n)
            }
            (_, Some(FeatureKind::Float)) => {
                let v = text.parse().ok().or_else(|| integer(text).map(|n| n as f64));
                let v: f64 = v.filter(|v: &f64| v.is_finite()).ok_or_else(|| is_not("a number"))?;
                let v = self.check_exact(id, v).map_err(|e| self.with_present(id, e))?;
                self.write_exact(id, v)
            }
            (Body::Register(register), Some(FeatureKind::Register)) => {
                let length = self.length(id, register)?;
                let bytes = hex(text).filter(|b| b.len() == length).ok_or_else(|| {
                    is_not(&format!("{length} bytes as hexadecimal digits after 0x"))
                })?;
                self.rewrite(id, register, false, |all| {
                    *all = bytes;
                    Ok(())
                })
            }
            _ => self.write_text(id, text),
        }
    }

    /// The same error with the present value, as far as there is one.
    fn with_present(&mut self, id: Id, mut e: Refused) -> Refused {
        if e.cause == Cause::Value
            && let Ok(value) = self.value(id)
        {
            e.sentence = format!("{}, and is {}", e.sentence, line(&value.to_string(), 100));
        }
        e
    }

    fn no_such_entry(&mut self, id: Id, all: &[Entry], open: &[&Entry], text: &str) -> Refused {
        let mut names: Vec<_> = open.iter().take(SHOWN_ENTRIES).map(|e| e.name.as_str()).collect();
        if open.len() > SHOWN_ENTRIES {
            names.push("...");
        }
        let can = match names.is_empty() {
            true => "none of its entries can be set now".to_string(),
            false => format!("it can be {}", names.join(", ")),
        };
        let now = match all.iter().any(|e| e.name == text) {
            true => " now",
            false => "",
        };
        let name = self.map.name(id);
        let sentence = format!("{name} cannot be {text:?}{now}; {can}");
        let e = Refused::new(Cause::Value, sentence);
        if names.is_empty() { e } else { self.with_present(id, e) }
    }
}

pub(super) fn shape_of(body: &Body) -> Shape {
    match body {
        Body::Integer(n) => n.style.shape,
        Body::Register(register) => register.style.shape,
        Body::Converter(c) => c.style.shape,
        Body::Knife(k) => k.style.shape,
        _ => Shape::Plain,
    }
}

/// A whole number as it may be written for its shape.
fn number_of(text: &str, shape: Shape) -> Option<i64> {
    let bytes = |sign: char, radix: u32, count: usize| {
        let parts: Vec<_> = text.split(sign).collect();
        let numbers = parts.iter().map(|p| u8::from_str_radix(p, radix).ok());
        let add = |n: i64, b: Option<u8>| Some((n << 8) | i64::from(b?));
        (parts.len() == count).then(|| numbers.clone().try_fold(0, add)).flatten()
    };
    let special = match shape {
        Shape::Ip => bytes('.', 10, 4),
        Shape::Mac => bytes(':', 16, 6),
        Shape::Plain | Shape::Hex => None,
    };
    special.or_else(|| integer(text))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.strip_prefix("0x")?.as_bytes().as_chunks::<2>();
    let digit = |b: u8| (b as char).to_digit(16);
    let byte = |p: &[u8; 2]| Some((digit(p[0])? * 16 + digit(p[1])?) as u8);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

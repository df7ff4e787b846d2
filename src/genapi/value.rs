//! Values of nodes, as whole numbers, numbers and texts.

use super::Refused;
use super::bits::{self, MAX_NUMBER_BYTES};
use super::node::{Body, Holds, Id, Operand, Place, Register};
use super::session::{Held, Session, Why};

impl Session<'_> {
    /// The value as a whole number; one that is none is rounded, as in the reference.
    pub fn whole(&mut self, id: Id) -> Result<i64, Refused> {
        self.at(id, Why::Value, |s, node| match &node.body {
            Body::Integer(n) => s.place_whole(id, &n.value),
            Body::Enumeration { value, .. } | Body::Command { value, .. } => {
                s.place_whole(id, value)
            }
            Body::Boolean { value, on, off } => s.truth(id, value, *on, *off).map(i64::from),
            Body::Float(n) => s.place_exact(id, &n.value).map(rounded),
            Body::Register(register) => match register.holds {
                Holds::Integer { .. } => s.register_whole(id, register),
                Holds::Float { .. } => s.register_exact(id, register).map(rounded),
                Holds::Text | Holds::Bytes => Err(s.no_number(id)),
            },
            Body::Knife(knife) => s.knife_whole(id, knife),
            Body::Converter(converter) => s.converter_whole(id, converter),
            Body::Broken(what) => Err(s.wrong(id, what)),
            Body::Category(_) | Body::Text(_) | Body::Port { .. } | Body::Plain => {
                Err(s.no_number(id))
            }
        })
    }

    /// The value as a number.
    pub fn exact(&mut self, id: Id) -> Result<f64, Refused> {
        match self.map.body(id) {
            Some(Body::Float(n)) => self.at(id, Why::Value, |s, _| s.place_exact(id, &n.value)),
            Some(Body::Register(register)) if matches!(register.holds, Holds::Float { .. }) => {
                self.at(id, Why::Value, |s, _| s.register_exact(id, register))
            }
            Some(Body::Knife(knife)) => self.at(id, Why::Value, |s, _| s.knife_exact(id, knife)),
            Some(Body::Converter(c)) => self.at(id, Why::Value, |s, _| s.converter_exact(id, c)),
            _ => self.whole(id).map(|n| n as f64),
        }
    }

    /// The value of a text.
    pub fn text(&mut self, id: Id) -> Result<String, Refused> {
        self.at(id, Why::Value, |s, node| match &node.body {
            Body::Text(Place::Held(start)) => Ok(match s.state.held.get(&id) {
                Some(Held::Text(text)) => text.clone(),
                _ => start.clone(),
            }),
            Body::Text(Place::Node(other)) => s.text(*other),
            Body::Text(Place::Indexed { index, choices, otherwise }) => {
                let index = s.whole(*index)?;
                match chosen(choices, otherwise, index) {
                    Operand::Fixed(text) => Ok(text),
                    Operand::Node(other) => s.text(other),
                }
            }
            Body::Register(register) if register.holds == Holds::Text => {
                let bytes = s.read(id, register)?;
                let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
                Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
            }
            Body::Broken(what) => Err(s.wrong(id, what)),
            _ => Err(s.wrong(id, "is no text")),
        })
    }

    /// Whether a value is on or off. What is neither is an error, as in the reference.
    pub fn truth(
        &mut self,
        id: Id,
        value: &Place<i64>,
        on: i64,
        off: i64,
    ) -> Result<bool, Refused> {
        match self.place_whole(id, value)? {
            n if n == on => Ok(true),
            n if n == off => Ok(false),
            n => Err(self
                .wrong(id, format_args!("is {n}, which is neither true ({on}) nor false ({off})"))),
        }
    }

    /// The node that a place is in now, if it is in one.
    pub fn place_node<T: Clone>(&mut self, place: &Place<T>) -> Result<Option<Id>, Refused> {
        Ok(match place {
            Place::Held(_) => None,
            Place::Node(id) => Some(*id),
            Place::Indexed { index, choices, otherwise } => {
                let index = self.whole(*index)?;
                match chosen(choices, otherwise, index) {
                    Operand::Node(id) => Some(id),
                    Operand::Fixed(_) => None,
                }
            }
        })
    }

    pub fn place_whole(&mut self, id: Id, place: &Place<i64>) -> Result<i64, Refused> {
        match place {
            Place::Held(start) => Ok(match self.state.held.get(&id) {
                Some(Held::Integer(n)) => *n,
                _ => *start,
            }),
            Place::Node(other) => self.whole(*other),
            Place::Indexed { index, choices, otherwise } => {
                let index = self.whole(*index)?;
                self.operand_whole(chosen(choices, otherwise, index))
            }
        }
    }

    fn place_exact(&mut self, id: Id, place: &Place<f64>) -> Result<f64, Refused> {
        match place {
            Place::Held(start) => Ok(match self.state.held.get(&id) {
                Some(Held::Float(v)) => *v,
                _ => *start,
            }),
            Place::Node(other) => self.exact(*other),
            Place::Indexed { index, choices, otherwise } => {
                let index = self.whole(*index)?;
                self.operand_exact(chosen(choices, otherwise, index))
            }
        }
    }

    pub fn operand_exact(&mut self, operand: Operand<f64>) -> Result<f64, Refused> {
        match operand {
            Operand::Fixed(v) => Ok(v),
            Operand::Node(id) => self.exact(id),
        }
    }

    fn register_whole(&mut self, id: Id, register: &Register) -> Result<i64, Refused> {
        let bytes = self.read(id, register)?;
        let Some((low, count, is_signed, is_big)) = part_of(register, bytes.len()) else {
            return Err(self.not_so_long(id, bytes.len()));
        };
        Ok(bits::extract(bits::whole(&bytes, is_big), low, count, is_signed))
    }

    fn register_exact(&mut self, id: Id, register: &Register) -> Result<f64, Refused> {
        let bytes = self.read(id, register)?;
        let is_big = matches!(register.holds, Holds::Float { is_big: true });
        let all = bits::whole(&bytes[..bytes.len().min(MAX_NUMBER_BYTES)], is_big);
        match bytes.len() {
            4 => Ok(f64::from(f32::from_bits(all as u32))),
            8 => Ok(f64::from_bits(all)),
            n => Err(self.wrong(id, format_args!("is a number of {n} bytes, where 4 or 8 can be"))),
        }
    }

    pub fn not_so_long(&self, id: Id, bytes: usize) -> Refused {
        let what = format_args!(
            "is a whole number in {bytes} bytes, where 1 to {MAX_NUMBER_BYTES} and bits within them can be"
        );
        self.wrong(id, what)
    }

    fn no_number(&self, id: Id) -> Refused {
        self.wrong(id, "has no value that is a number")
    }
}

/// Of a whole number's register: lowest bit, number of bits, sign, byte order. `None`: it cannot be that long.
pub(super) fn part_of(register: &Register, length: usize) -> Option<(u32, u32, bool, bool)> {
    let Holds::Integer { is_big, is_signed, bits } = register.holds else { return None };
    if !(1..=MAX_NUMBER_BYTES).contains(&length) {
        return None;
    }
    let (low, count) = match bits {
        Some(bits) => bits::place(bits, length, is_big)?,
        None => (0, length as u32 * 8),
    };
    Some((low, count, is_signed, is_big))
}

pub(super) fn chosen<T: Clone>(
    choices: &[(i64, Operand<T>)],
    otherwise: &Operand<T>,
    index: i64,
) -> Operand<T> {
    choices.iter().find(|(i, _)| *i == index).map_or(otherwise, |(_, c)| c).clone()
}

/// To the nearest, and to the last that there is.
pub(super) fn rounded(v: f64) -> i64 {
    v.round() as i64
}

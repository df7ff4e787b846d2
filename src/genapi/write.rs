//! Values to nodes.

use super::bits;
use super::limits::MAX_REGISTER_BYTES;
use super::node::{Body, Holds, Id, Place, Register};
use super::session::{Held, Session, Why};
use super::value::{part_of, rounded};
use super::{Cause, Refused};
use crate::feature::Number;

/// How far a number may be beyond its range, as a share of the limit: limits are shown with the digits that single
/// precision has, and what is shown must be allowed.
const SHOWN: f64 = 1e-6;

impl Session<'_> {
    /// Writes a whole number to whatever the node is.
    pub fn write_whole(&mut self, id: Id, n: i64) -> Result<(), Refused> {
        self.at(id, Why::Write, |s, node| match &node.body {
            Body::Integer(i) => {
                s.check_whole(id, n)?;
                s.place_write_whole(id, &i.value, n)?;
                i.copies.iter().try_for_each(|copy| s.write_whole(*copy, n))
            }
            Body::Enumeration { value, .. } | Body::Command { value, .. } => {
                s.place_write_whole(id, value, n)
            }
            Body::Boolean { value, on, off } => {
                s.place_write_whole(id, value, if n != 0 { *on } else { *off })
            }
            Body::Float(_) => s.write_float(id, n as f64),
            Body::Register(register) => match register.holds {
                Holds::Integer { .. } => s.register_write_whole(id, register, n),
                Holds::Float { .. } => s.register_write_exact(id, register, n as f64),
                Holds::Text | Holds::Bytes => Err(s.wrong(id, "holds no number")),
            },
            Body::Converter(c) if c.to.is_whole() => {
                let raw = s.converted_whole(id, c, &c.to, n)?;
                s.write_whole(c.value, raw)
            }
            Body::Converter(c) => {
                let raw = s.converted_exact(id, c, &c.to, n as f64)?;
                s.write_exact(c.value, raw)
            }
            Body::Broken(what) => Err(s.wrong(id, what)),
            _ => Err(s.wrong(id, "cannot be written")),
        })
    }

    /// Writes a number to whatever the node is.
    pub fn write_exact(&mut self, id: Id, v: f64) -> Result<(), Refused> {
        match self.map.body(id) {
            Some(Body::Float(_)) => self.at(id, Why::Write, |s, _| s.write_float(id, v)),
            Some(Body::Register(register)) if matches!(register.holds, Holds::Float { .. }) => {
                self.at(id, Why::Write, |s, _| s.register_write_exact(id, register, v))
            }
            Some(Body::Converter(c)) if !c.to.is_whole() => self.at(id, Why::Write, |s, _| {
                let raw = s.converted_exact(id, c, &c.to, v)?;
                s.write_exact(c.value, raw)
            }),
            _ if v.is_finite() => self.write_whole(id, rounded(v)),
            _ => Err(self.wrong(id, format_args!("would become {v}, which is no whole number"))),
        }
    }

    /// Writes a text.
    pub fn write_text(&mut self, id: Id, text: &str) -> Result<(), Refused> {
        self.at(id, Why::Write, |s, node| match &node.body {
            Body::Text(place) => match s.place_node(place)? {
                Some(other) => s.write_text(other, text),
                None if matches!(place, Place::Held(_)) => s.hold(id, Held::Text(text.into())),
                None => Err(s.wrong(id, "cannot be written")),
            },
            Body::Register(register) if register.holds == Holds::Text => {
                let length = s.length(id, register)?;
                if text.len() > length {
                    return Err(Refused::new(
                        Cause::Value,
                        format!(
                            "{} takes up to {length} bytes, not {}",
                            s.map.name(id),
                            text.len()
                        ),
                    ));
                }
                let mut bytes = text.as_bytes().to_vec();
                bytes.resize(length, 0);
                s.rewrite(id, register, false, |all| {
                    *all = bytes;
                    Ok(())
                })
            }
            Body::Broken(what) => Err(s.wrong(id, what)),
            _ => Err(s.wrong(id, "is no text")),
        })
    }

    fn hold(&mut self, id: Id, value: Held) -> Result<(), Refused> {
        if let Held::Text(text) = &value
            && text.len() as u64 > MAX_REGISTER_BYTES
        {
            return Err(self.wrong(id, format_args!("takes up to {MAX_REGISTER_BYTES} bytes")));
        }
        self.state.held.insert(id, value);
        Ok(())
    }

    fn place_write_whole(&mut self, id: Id, place: &Place<i64>, n: i64) -> Result<(), Refused> {
        match self.place_node(place)? {
            Some(other) => self.write_whole(other, n),
            None if matches!(place, Place::Held(_)) => self.hold(id, Held::Integer(n)),
            None => Err(self.wrong(id, "has a value that stands in the description")),
        }
    }

    fn write_float(&mut self, id: Id, v: f64) -> Result<(), Refused> {
        let Some(Body::Float(f)) = self.map.body(id) else {
            return Err(self.wrong(id, "is no number"));
        };
        let v = self.check_exact(id, v)?;
        match self.place_node(&f.value)? {
            Some(other) => self.write_exact(other, v)?,
            None if matches!(f.value, Place::Held(_)) => self.hold(id, Held::Float(v))?,
            None => return Err(self.wrong(id, "has a value that stands in the description")),
        }
        f.copies.iter().try_for_each(|copy| self.write_exact(*copy, v))
    }

    /// Refuses what is outside the range or between two steps.
    pub fn check_whole(&mut self, id: Id, n: i64) -> Result<(), Refused> {
        let (min, max, step) = self.whole_range(id)?;
        // In 128 bits, where nothing overflows.
        let on_step = (i128::from(n) - i128::from(min)) % i128::from(step.max(1)) == 0;
        if (min..=max).contains(&n) && on_step {
            return Ok(());
        }
        let steps = if step > 1 { format!(" in steps of {step}") } else { String::new() };
        let sentence =
            format!("{} cannot be {n}; it can be {min} to {max}{steps}", self.map.name(id));
        Err(Refused::new(Cause::Value, sentence))
    }

    /// The number within its range, where it is so close that the limit was meant.
    pub fn check_exact(&mut self, id: Id, v: f64) -> Result<f64, Refused> {
        let (min, max, _) = self.exact_range(id)?;
        if v >= min && v <= max {
            return Ok(v);
        }
        for limit in [min, max] {
            if (v - limit).abs() <= limit.abs() * SHOWN {
                return Ok(limit);
            }
        }
        let sentence = format!(
            "{} cannot be {}; it can be {} to {}",
            self.map.name(id),
            Number(v),
            Number(min),
            Number(max)
        );
        Err(Refused::new(Cause::Value, sentence))
    }

    fn register_write_whole(&mut self, id: Id, register: &Register, n: i64) -> Result<(), Refused> {
        let length = self.length(id, register)?;
        let Some((low, count, is_signed, is_big)) = part_of(register, length) else {
            return Err(self.not_so_long(id, length));
        };
        let (min, max) = bits::limits(count, is_signed);
        // Of 64 bits, all are numbers.
        if count < 64 && !(min..=max).contains(&n) {
            let sentence = format!("{} cannot be {n}; it can be {min} to {max}", self.map.name(id));
            return Err(Refused::new(Cause::Value, sentence));
        }
        self.rewrite(id, register, count < length as u32 * 8, |bytes| {
            let all = bits::insert(bits::whole(bytes, is_big), low, count, n);
            *bytes = bits::bytes(all, length, is_big);
            Ok(())
        })
    }

    fn register_write_exact(&mut self, id: Id, register: &Register, v: f64) -> Result<(), Refused> {
        let Holds::Float { is_big } = register.holds else {
            return Err(self.wrong(id, "holds no number"));
        };
        let length = self.length(id, register)?;
        let all = match length {
            4 => u64::from((v as f32).to_bits()),
            8 => v.to_bits(),
            n => return Err(self.wrong(id, format_args!("is a number of {n} bytes"))),
        };
        self.rewrite(id, register, false, |bytes| {
            *bytes = bits::bytes(all, length, is_big);
            Ok(())
        })
    }
}

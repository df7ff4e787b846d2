//! What a node's value could be.

use super::Refused;
use super::bits;
use super::node::{Body, Holds, Id, Operand, Slope};
use super::session::{Session, Why};
use super::value::{part_of, rounded};

/// Smallest, largest, and every how many counted from the smallest.
pub(super) type Whole = (i64, i64, i64);
/// The same of numbers; no step: any.
pub(super) type Exact = (f64, f64, Option<f64>);

const ALL: Whole = (i64::MIN, i64::MAX, 1);
const ANY: Exact = (f64::MIN, f64::MAX, None);

impl Session<'_> {
    /// What it could be, as a whole number. What the node itself says counts, then what its value's node says.
    pub fn whole_range(&mut self, id: Id) -> Result<Whole, Refused> {
        if self.map.body(id).is_some_and(is_exact) {
            return self.exact_range(id).map(to_whole);
        }
        self.at(id, Why::Range, |s, node| match &node.body {
            Body::Integer(n) => {
                let below = match (s.place_node(&n.value)?, n.min, n.max, n.step) {
                    (None, ..) | (_, Some(_), Some(_), Some(_)) => ALL,
                    (Some(other), ..) => s.whole_range(other)?,
                };
                let own = |s: &mut Self, operand: Option<Operand<i64>>, otherwise| {
                    operand.map_or(Ok(otherwise), |o| s.operand_whole(o))
                };
                let (min, max) = (own(s, n.min, below.0)?, own(s, n.max, below.1)?);
                Ok((min, max, own(s, n.step, below.2)?.max(1)))
            }
            Body::Boolean { .. } => Ok((0, 1, 1)),
            Body::Enumeration { entries, .. } => {
                let values = || entries.iter().map(|e| e.value);
                Ok((values().min().unwrap_or(0), values().max().unwrap_or(0), 1))
            }
            Body::Register(register) => {
                let length = s.length(id, register)?;
                let Some((_, count, is_signed, _)) = part_of(register, length) else {
                    return Err(s.not_so_long(id, length));
                };
                let (min, max) = bits::limits(count, is_signed);
                Ok((min, max, 1))
            }
            Body::Converter(c) => {
                let below = s.whole_range(c.value)?;
                let one = |s: &mut Self, n| s.converted_whole(id, c, &c.from, n);
                Ok(match c.slope {
                    Slope::Varying => ALL,
                    Slope::Increasing => (one(s, below.0)?, one(s, below.1)?, 1),
                    Slope::Decreasing => (one(s, below.1)?, one(s, below.0)?, 1),
                    Slope::Automatic => {
                        let (a, b) = (one(s, below.0)?, one(s, below.1)?);
                        (a.min(b), a.max(b), 1)
                    }
                })
            }
            Body::Broken(what) => Err(s.wrong(id, what)),
            _ => Ok(ALL),
        })
    }

    /// What it could be, as a number.
    pub fn exact_range(&mut self, id: Id) -> Result<Exact, Refused> {
        match self.map.body(id) {
            Some(Body::Float(n)) => self.at(id, Why::Range, |s, _| {
                let below = match s.place_node(&n.value)? {
                    Some(other) => s.exact_range(other)?,
                    None => ANY,
                };
                let own = |s: &mut Self, operand: Option<Operand<f64>>, otherwise| {
                    operand.map_or(Ok(otherwise), |o| s.operand_exact(o))
                };
                let (min, max) = (own(s, n.min, below.0)?, own(s, n.max, below.1)?);
                let step = n.step.map_or(Ok(below.2), |o| s.operand_exact(o).map(Some))?;
                Ok((min, max, step.filter(|step| *step > 0.0)))
            }),
            Some(Body::Register(register)) if matches!(register.holds, Holds::Float { .. }) => self
                .at(id, Why::Range, |s, _| {
                    let is_single = s.length(id, register)? == 4;
                    let most = if is_single { f64::from(f32::MAX) } else { f64::MAX };
                    Ok((-most, most, None))
                }),
            Some(body @ Body::Converter(c)) if is_exact(body) => self.at(id, Why::Range, |s, _| {
                let (low, high, _) = s.exact_range(c.value)?;
                let one = |s: &mut Self, v| s.converted_exact(id, c, &c.from, v);
                Ok(match c.slope {
                    Slope::Varying => ANY,
                    Slope::Increasing => (one(s, low)?, one(s, high)?, None),
                    Slope::Decreasing => (one(s, high)?, one(s, low)?, None),
                    Slope::Automatic => {
                        let (a, b) = (one(s, low)?, one(s, high)?);
                        (a.min(b), a.max(b), None)
                    }
                })
            }),
            Some(body @ Body::Knife(_)) if is_exact(body) => Ok(ANY),
            _ => {
                let (min, max, step) = self.whole_range(id)?;
                Ok((min as f64, max as f64, (step > 1).then_some(step as f64)))
            }
        }
    }
}

/// Whether its range is one of numbers.
fn is_exact(body: &Body) -> bool {
    match body {
        Body::Float(_) => true,
        Body::Register(register) => matches!(register.holds, Holds::Float { .. }),
        Body::Converter(c) => !c.to.is_whole(),
        Body::Knife(knife) => !knife.formula.is_whole(),
        _ => false,
    }
}

fn to_whole((min, max, step): Exact) -> Whole {
    (rounded(min), rounded(max), step.map_or(1, rounded).max(1))
}

//! The two kinds of number that formulas compute with.

use super::{Binary, Unary};

/// A number that a formula computes with.
pub(super) trait Number: Copy {
    fn of(whole: i64, exact: f64) -> Self;
    fn is_zero(self) -> bool;
    fn unary(self, what: Unary) -> Result<Self, String>;
    fn binary(self, what: Binary, other: Self) -> Result<Self, String>;
}

const BY_ZERO: &str = "divides by zero";

impl Number for i64 {
    fn of(whole: i64, _: f64) -> i64 {
        whole
    }

    fn is_zero(self) -> bool {
        self == 0
    }

    fn unary(self, what: Unary) -> Result<i64, String> {
        Ok(match what {
            Unary::Minus => self.wrapping_neg(),
            Unary::Not => !self,
            Unary::Sgn => self.signum(),
            Unary::Abs => self.wrapping_abs(),
            Unary::Trunc | Unary::Floor | Unary::Ceil => self,
            // Of the others only the whole part is left.
            what => (self as f64).unary(what)? as i64,
        })
    }

    fn binary(self, what: Binary, other: i64) -> Result<i64, String> {
        let truth = i64::from;
        Ok(match what {
            Binary::Power => match u32::try_from(other) {
                Ok(exponent) => self.wrapping_pow(exponent),
                Err(_) if other > 0 => self.wrapping_pow(u32::MAX),
                Err(_) => (self as f64).powf(other as f64) as i64,
            },
            Binary::Times => self.wrapping_mul(other),
            Binary::Over | Binary::Modulo if other == 0 => return Err(BY_ZERO.into()),
            Binary::Over => self.wrapping_div(other),
            Binary::Modulo => self.wrapping_rem(other),
            Binary::Plus => self.wrapping_add(other),
            Binary::Minus => self.wrapping_sub(other),
            // The processor's way, which the reference takes: by the lowest six bits.
            Binary::Left => self.wrapping_shl(other as u32),
            Binary::Right => self.wrapping_shr(other as u32),
            Binary::Less => truth(self < other),
            Binary::Greater => truth(self > other),
            Binary::LessOrEqual => truth(self <= other),
            Binary::GreaterOrEqual => truth(self >= other),
            Binary::Equal => truth(self == other),
            Binary::Unequal => truth(self != other),
            Binary::And => self & other,
            Binary::ExclusiveOr => self ^ other,
            Binary::Or => self | other,
            Binary::Round => self,
        })
    }
}

impl Number for f64 {
    fn of(_: i64, exact: f64) -> f64 {
        exact
    }

    fn is_zero(self) -> bool {
        self == 0.0
    }

    fn unary(self, what: Unary) -> Result<f64, String> {
        Ok(match what {
            Unary::Minus => -self,
            Unary::Not => !(self as i64) as f64,
            Unary::Sgn if self == 0.0 => 0.0,
            Unary::Sgn => self.signum(),
            Unary::Abs => self.abs(),
            Unary::Sin => self.sin(),
            Unary::Cos => self.cos(),
            Unary::Tan => self.tan(),
            Unary::Asin => self.asin(),
            Unary::Acos => self.acos(),
            Unary::Atan => self.atan(),
            Unary::Exp => self.exp(),
            Unary::Ln => self.ln(),
            Unary::Lg => self.log10(),
            Unary::Sqrt => self.sqrt(),
            Unary::Trunc => self.trunc(),
            Unary::Floor => self.floor(),
            Unary::Ceil => self.ceil(),
        })
    }

    fn binary(self, what: Binary, other: f64) -> Result<f64, String> {
        let truth = |is: bool| f64::from(u8::from(is));
        let whole = |f: fn(i64, i64) -> i64| f(self as i64, other as i64) as f64;
        Ok(match what {
            Binary::Power => self.powf(other),
            Binary::Times => self * other,
            Binary::Over | Binary::Modulo if other == 0.0 => return Err(BY_ZERO.into()),
            Binary::Over => self / other,
            Binary::Modulo => self % other,
            Binary::Plus => self + other,
            Binary::Minus => self - other,
            Binary::Left => whole(|a, b| a.wrapping_shl(b as u32)),
            Binary::Right => whole(|a, b| a.wrapping_shr(b as u32)),
            Binary::Less => truth(self < other),
            Binary::Greater => truth(self > other),
            Binary::LessOrEqual => truth(self <= other),
            Binary::GreaterOrEqual => truth(self >= other),
            Binary::Equal => truth(self == other),
            Binary::Unequal => truth(self != other),
            Binary::And => whole(|a, b| a & b),
            Binary::ExclusiveOr => whole(|a, b| a ^ b),
            Binary::Or => whole(|a, b| a | b),
            Binary::Round => {
                let scale = 10f64.powi((other as i32).clamp(-300, 300));
                (self * scale).round() / scale
            }
        })
    }
}

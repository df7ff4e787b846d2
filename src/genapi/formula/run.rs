//! A formula's steps to a number.

use super::number::Number;
use super::{Formula, Step};

impl Formula {
    /// Whether it computes with whole numbers only.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The places of the variables that it can need, each once.
    pub fn variables(&self) -> Vec<u16> {
        let places = self.steps.iter().filter_map(|s| match s {
            Step::Variable(place) => Some(*place),
            _ => None,
        });
        let mut places: Vec<u16> = places.collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The value in whole numbers. Errors are what follows "the formula ...".
    pub fn whole(&self, variables: &[i64]) -> Result<i64, String> {
        run(&self.steps, variables)
    }

    /// The value.
    pub fn exact(&self, variables: &[f64]) -> Result<f64, String> {
        run(&self.steps, variables)
    }
}

fn run<N: Number>(steps: &[Step], variables: &[N]) -> Result<N, String> {
    let broken = || "is broken".to_string();
    let mut stack: Vec<N> = Vec::with_capacity(16);
    let mut at = 0;
    while let Some(step) = steps.get(at) {
        at += 1;
        match *step {
            Step::Number(whole, exact) => stack.push(N::of(whole, exact)),
            Step::Variable(place) => {
                stack.push(*variables.get(usize::from(place)).ok_or_else(broken)?);
            }
            Step::Unary(what) => {
                let one = stack.pop().ok_or_else(broken)?;
                stack.push(one.unary(what)?);
            }
            Step::Binary(what) => {
                let right = stack.pop().ok_or_else(broken)?;
                let left = stack.pop().ok_or_else(broken)?;
                stack.push(left.binary(what, right)?);
            }
            Step::JumpIfZero(to) => {
                if stack.pop().ok_or_else(broken)?.is_zero() {
                    at = to as usize;
                }
            }
            Step::Jump(to) => at = to as usize,
            Step::Truth => {
                let one = stack.pop().ok_or_else(broken)?;
                let truth = i64::from(!one.is_zero());
                stack.push(N::of(truth, truth as f64));
            }
        }
    }
    stack.pop().ok_or_else(broken)
}

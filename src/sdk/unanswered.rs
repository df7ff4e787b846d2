//! Faults of calls that nobody waits for an answer of: a buffer given back, a device closed, news that callbacks
//! posted. They are kept with their counts until the line takes them.

use crate::fault::Fault;

/// Function, code, how often.
#[derive(Debug, Default)]
pub(super) struct Unanswered(Vec<(&'static str, i64, u64)>);

impl Unanswered {
    /// Room for a few kinds, so that noting one allocates nothing.
    pub fn new() -> Unanswered {
        Unanswered(Vec::with_capacity(16))
    }

    /// Notes what a call answered, if that is a fault.
    #[cold]
    pub fn note(&mut self, call: &'static str, code: impl Into<i64>, times: u64) {
        let code = code.into();
        match self.0.iter_mut().find(|(c, k, _)| (*c, *k) == (call, code)) {
            Some((_, _, n)) => *n += times,
            None => self.0.push((call, code, times)),
        }
    }

    /// Tells each kind once, and forgets it.
    pub fn take(&mut self, tell: &mut dyn FnMut(Fault, &'static str, u64)) {
        for (call, code, times) in self.0.drain(..) {
            tell(Fault::code(code), call, times);
        }
    }
}

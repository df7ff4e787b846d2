//! Faults by script. Clauses end with `;`:
//!
//! - `fail FUNCTION CODE [after=N] [times=N]`: the call answers that code, from its N-th call on, N times (default 1; 0:
//!   for ever).
//! - `frame N WHAT`: something befalls the frame that its camera numbers N (from 0): `drop` (never delivered: a gap),
//!   `incomplete`, `twice` (delivered again while nobody has queued it), `report=BYTES` (that many are said to be filled),
//!   `overrun=BYTES` (so many are written past the buffer's end), `larger` (the payload is said to be larger than the
//!   buffer), `lose` (the camera is gone before it), `size=WxH` (that geometry is claimed).

use crate::abi::GcError;
use crate::config::number;

/// What befalls a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // See the module.
pub enum What {
    Drop,
    Incomplete,
    Twice,
    Report(usize),
    Overrun(usize),
    Larger,
    Lose,
    Size(usize, usize),
}

/// A call that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure {
    function: String,
    code: GcError,
    after: u64,
    /// `None`: for ever.
    times: Option<u64>,
}

/// A script that is being followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    failures: Vec<Failure>,
    frames: Vec<(u64, What)>,
}

impl Script {
    /// Reads a script; a sentence says what is wrong with it.
    pub fn parse(text: &str) -> Result<Script, String> {
        let mut script = Script::default();
        for clause in text.split(';').map(str::trim).filter(|c| !c.is_empty()) {
            let words: Vec<&str> = clause.split_whitespace().collect();
            match words[..] {
                ["fail", function, code, ref rest @ ..] => {
                    let mut failure = Failure {
                        function: function.into(),
                        code: number(clause, code)?,
                        after: 0,
                        times: Some(1),
                    };
                    for word in rest {
                        match word.split_once('=') {
                            Some(("after", n)) => failure.after = number(clause, n)?,
                            Some(("times", n)) => {
                                failure.times = Some(number(clause, n)?).filter(|n| *n > 0);
                            }
                            _ => {
                                return Err(format!(
                                    "{clause:?}: {word:?} is neither after=N nor times=N"
                                ));
                            }
                        }
                    }
                    script.failures.push(failure);
                }
                ["frame", n, what] => {
                    script.frames.push((number(clause, n)?, what_of(clause, what)?))
                }
                _ => {
                    return Err(format!(
                        "{clause:?} is no clause; write fail FUNCTION CODE or frame N WHAT"
                    ));
                }
            }
        }
        Ok(script)
    }

    /// Whether a call fails now, and with what.
    pub fn call(&mut self, function: &str) -> Option<GcError> {
        let failure =
            self.failures.iter_mut().find(|f| f.function == function && f.times != Some(0))?;
        if failure.after > 0 {
            failure.after -= 1;
            return None;
        }
        failure.times = failure.times.map(|n| n - 1);
        Some(failure.code)
    }

    /// What befalls that frame.
    pub fn frame(&self, n: u64) -> impl Iterator<Item = What> + '_ {
        self.frames.iter().filter(move |(at, _)| *at == n).map(|(_, what)| *what)
    }
}

fn what_of(clause: &str, what: &str) -> Result<What, String> {
    Ok(match what.split_once('=').unwrap_or((what, "")) {
        ("drop", "") => What::Drop,
        ("incomplete", "") => What::Incomplete,
        ("twice", "") => What::Twice,
        ("larger", "") => What::Larger,
        ("lose", "") => What::Lose,
        ("report", n) => What::Report(number(clause, n)?),
        ("overrun", n) => What::Overrun(number(clause, n)?),
        ("size", size) => {
            let (w, h) = size.split_once('x').unwrap_or((size, ""));
            What::Size(number(clause, w)?, number(clause, h)?)
        }
        _ => {
            return Err(format!(
                "{clause:?}: {what:?} is none of drop, incomplete, twice, larger, lose, report=, overrun=, size="
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_fail_when_they_should() {
        let mut script = Script::parse("fail DSClose -1010 after=1 times=2; frame 3 drop").unwrap();
        let answers: Vec<_> = (0..4).map(|_| script.call("DSClose")).collect();
        assert_eq!(answers, [None, Some(-1010), Some(-1010), None]);
        assert_eq!(script.frame(3).collect::<Vec<_>>(), [What::Drop]);
        assert!(Script::parse("frame x drop").is_err() && Script::parse("frame 1 burn").is_err());
    }
}

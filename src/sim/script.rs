//! The fault script: which frames go wrong, and how. One rule a line, `#` begins a comment.
//!
//! ```text
//! WHEN     at N | every N [from A] [to B] | random P
//! ACTION   timeout [COUNT]           COUNT grabs time out before this frame; the device is silent meanwhile
//!          burst COUNT               this frame and the next COUNT - 1 are due at once
//!          incomplete [FRACTION]     only this part of the bytes comes, marked incomplete (default 0.5)
//!          lose [COUNT]              this frame and the next COUNT - 1 never come: a gap in ids
//!          duplicate                 comes twice, with the same id
//!          double                    announce: the buffer's key is delivered twice
//!          reorder                   comes after the next one
//!          short [BYTES]             reported BYTES shorter than the image (default 1), yet complete
//!          long [BYTES]              BYTES follow the image, as chunk data does (default 64)
//!          lie BYTES                 reported BYTES longer than what was written
//!          overrun BYTES             BYTES are written past the end of the buffer, save in lent ones
//!          resize WxH [FORMAT]       from this frame on the region and format are these
//!          drift WxH                 the region changes under way: silence until stop and start
//!          stall MILLIS              the grab blocks so long beyond its time-out
//!          disconnect [MILLIS]       the device is gone so long (default 500)
//!          fail CODE                 one grab answers this raw code, decimal or 0x hexadecimal
//! ```
//!
//! `N`, `A`, `B` are frame serials from 0; `every N` counts from `A` (default 0) to `B` inclusive; `P` is a
//! probability for each frame, drawn from the seed. Rules for frames that never come (lost, or due while
//! the device is gone) do nothing, save `resize`, `drift` and `disconnect` on frames lost by a `lose`.

use crate::format::PixelFormat;
use std::fmt;

/// When a rule acts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// On the frame of this serial.
    At(u64),
    /// On every `step`-th frame of `from..=to`.
    Every {
        /// At least 1.
        step: u64,
        /// The first serial.
        from: u64,
        /// The last serial that may be hit.
        to: u64,
    },
    /// On each frame with this probability, `0.0..=1.0`.
    Random(f64),
}

/// What a rule does. See the module's table.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)] // The fields are the table's arguments.
pub enum Action {
    Timeout { count: u32 },
    Burst { count: u32 },
    Incomplete { fraction: f64 },
    Lose { count: u32 },
    Duplicate,
    Double,
    Reorder,
    Short { bytes: u32 },
    Long { bytes: u32 },
    Lie { bytes: u32 },
    Overrun { bytes: u32 },
    Resize { width: u32, height: u32, format: Option<PixelFormat> },
    Drift { width: u32, height: u32 },
    Stall { millis: u32 },
    Disconnect { millis: u32 },
    Fail { code: i64 },
}

/// The names of all actions.
pub const ACTIONS: [&str; 16] = [
    "timeout",
    "burst",
    "incomplete",
    "lose",
    "duplicate",
    "double",
    "reorder",
    "short",
    "long",
    "lie",
    "overrun",
    "resize",
    "drift",
    "stall",
    "disconnect",
    "fail",
];

/// The longest `stall`, in milliseconds: a watchdog's patience is shorter.
pub const MAX_STALL_MILLIS: u32 = 60_000;
const MAX_COUNT: u32 = 1_000_000;
const MAX_EXTRA_BYTES: u32 = 1 << 30;
const DAY_MILLIS: u32 = 86_400_000;

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// When it acts.
    pub when: When,
    /// What it does.
    pub action: Action,
}

/// A parsed script.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Script {
    /// In the order of the text.
    pub rules: Vec<Rule>,
}

/// Where a script is wrong, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// From 1.
    pub line: usize,
    /// What stands there; empty at the end of the line.
    pub found: String,
    /// What would have been right.
    pub expected: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.found.as_str() {
            "" => write!(f, "line {} ends where {} was expected", self.line, self.expected),
            found => {
                write!(f, "line {} has {found:?} where {} was expected", self.line, self.expected)
            }
        }
    }
}

impl std::error::Error for ScriptError {}

impl Script {
    /// Reads a script; no text makes it panic.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        let mut rules = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let code = line.split('#').next().unwrap_or_default();
            let mut words = Words { rest: code.split_whitespace().collect(), at: 0, line: i + 1 };
            if !words.rest.is_empty() {
                rules.push(words.rule()?);
            }
        }
        Ok(Script { rules })
    }
}

/// The words of one line, and how far they are read.
struct Words<'a> {
    rest: Vec<&'a str>,
    at: usize,
    line: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.rest.get(self.at).copied()
    }

    fn error(&self, expected: impl Into<String>) -> ScriptError {
        // Long garbage is not repeated whole.
        let found = self.peek().unwrap_or_default().chars().take(40).collect();
        ScriptError { line: self.line, found, expected: expected.into() }
    }

    fn rule(&mut self) -> Result<Rule, ScriptError> {
        let when = self.when()?;
        let action = self.action()?;
        match self.peek() {
            None => Ok(Rule { when, action }),
            Some(_) => Err(self.error("the end of the line")),
        }
    }

    /// The next word as `read` understands it.
    fn take<T>(
        &mut self,
        read: impl Fn(&'a str) -> Option<T>,
        expected: impl Into<String>,
    ) -> Result<T, ScriptError> {
        let value = self.peek().and_then(read).ok_or_else(|| self.error(expected))?;
        self.at += 1;
        Ok(value)
    }

    /// As [`take`](Self::take), or `default` at the end of the line.
    fn take_or<T>(
        &mut self,
        default: T,
        read: impl Fn(&'a str) -> Option<T>,
        expected: impl Into<String>,
    ) -> Result<T, ScriptError> {
        if self.peek().is_none() { Ok(default) } else { self.take(read, expected) }
    }

    fn skip(&mut self, word: &str) -> bool {
        let hit = self.peek() == Some(word);
        self.at += usize::from(hit);
        hit
    }

    fn serial(&mut self) -> Result<u64, ScriptError> {
        self.take(|w| w.parse().ok(), "a frame serial from 0")
    }

    fn when(&mut self) -> Result<When, ScriptError> {
        if self.skip("at") {
            return self.serial().map(When::At);
        }
        if self.skip("every") {
            let step =
                self.take(|w| w.parse().ok().filter(|n| *n > 0), "a number of frames from 1")?;
            let from = if self.skip("from") { self.serial()? } else { 0 };
            let to = if self.skip("to") { self.serial()? } else { u64::MAX };
            return Ok(When::Every { step, from, to });
        }
        if self.skip("random") {
            return self.take(fraction, "a probability from 0 to 1").map(When::Random);
        }
        Err(self.error("`at N`, `every N` or `random P`"))
    }

    fn count(&mut self, default: Option<u32>) -> Result<u32, ScriptError> {
        let expected = format!("a count from 1 to {MAX_COUNT}");
        let read = |w: &str| w.parse().ok().filter(|n| (1..=MAX_COUNT).contains(n));
        match default {
            Some(default) => self.take_or(default, read, expected),
            None => self.take(read, expected),
        }
    }

    fn bytes(&mut self, default: Option<u32>) -> Result<u32, ScriptError> {
        let expected = format!("a number of bytes from 1 to {MAX_EXTRA_BYTES}");
        let read = |w: &str| w.parse().ok().filter(|n| (1..=MAX_EXTRA_BYTES).contains(n));
        match default {
            Some(default) => self.take_or(default, read, expected),
            None => self.take(read, expected),
        }
    }

    fn size(&mut self) -> Result<(u32, u32), ScriptError> {
        self.take(
            |w| {
                let (width, height) = w.split_once(['x', 'X'])?;
                Some((width.parse().ok()?, height.parse().ok()?))
            },
            "a size like 640x480",
        )
    }

    fn action(&mut self) -> Result<Action, ScriptError> {
        let expected = || format!("an action ({})", ACTIONS.join(", "));
        let name = self.peek().ok_or_else(|| self.error(expected()))?;
        let at = self.at;
        self.at += 1;
        Ok(match name {
            "timeout" => Action::Timeout { count: self.count(Some(1))? },
            "burst" => Action::Burst { count: self.count(None)? },
            "incomplete" => {
                let fraction = self.take_or(0.5, fraction, "a fraction from 0 to 1")?;
                Action::Incomplete { fraction }
            }
            "lose" => Action::Lose { count: self.count(Some(1))? },
            "duplicate" => Action::Duplicate,
            "double" => Action::Double,
            "reorder" => Action::Reorder,
            "short" => Action::Short { bytes: self.bytes(Some(1))? },
            "long" => Action::Long { bytes: self.bytes(Some(64))? },
            "lie" => Action::Lie { bytes: self.bytes(None)? },
            "overrun" => Action::Overrun { bytes: self.bytes(None)? },
            "resize" => {
                let (width, height) = self.size()?;
                let read = |w: &str| PixelFormat::from_name(w).map(Some);
                let format = self.take_or(None, read, "a PFNC format name like Mono8")?;
                Action::Resize { width, height, format }
            }
            "drift" => {
                let (width, height) = self.size()?;
                Action::Drift { width, height }
            }
            "stall" => Action::Stall {
                millis: self.take(
                    |w| w.parse().ok().filter(|n| *n <= MAX_STALL_MILLIS),
                    format!("milliseconds from 0 to {MAX_STALL_MILLIS}"),
                )?,
            },
            "disconnect" => Action::Disconnect {
                millis: self.take_or(
                    500,
                    |w| w.parse().ok().filter(|n| *n <= DAY_MILLIS),
                    format!("milliseconds from 0 to {DAY_MILLIS}"),
                )?,
            },
            "fail" => Action::Fail {
                code: self.take(code, "a code of at most 32 bits, like 7 or 0x80000007")?,
            },
            _ => {
                self.at = at;
                return Err(self.error(expected()));
            }
        })
    }
}

fn fraction(word: &str) -> Option<f64> {
    word.parse().ok().filter(|p| (0.0..=1.0).contains(p))
}

fn code(word: &str) -> Option<i64> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok().map(i64::from),
        None => {
            word.parse().ok().filter(|c| u32::try_from(*c).is_ok() || i32::try_from(*c).is_ok())
        }
    }
}

impl fmt::Display for Script {
    /// The script as text that parses to the same rules.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rules.iter().try_for_each(|rule| writeln!(f, "{rule}"))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.when {
            When::At(n) => write!(f, "at {n} ")?,
            When::Every { step, from, to } => {
                write!(f, "every {step} from {from} ")?;
                if to != u64::MAX {
                    write!(f, "to {to} ")?;
                }
            }
            When::Random(p) => write!(f, "random {p} ")?,
        }
        match self.action {
            Action::Timeout { count } => write!(f, "timeout {count}"),
            Action::Burst { count } => write!(f, "burst {count}"),
            Action::Incomplete { fraction } => write!(f, "incomplete {fraction}"),
            Action::Lose { count } => write!(f, "lose {count}"),
            Action::Duplicate => f.write_str("duplicate"),
            Action::Double => f.write_str("double"),
            Action::Reorder => f.write_str("reorder"),
            Action::Short { bytes } => write!(f, "short {bytes}"),
            Action::Long { bytes } => write!(f, "long {bytes}"),
            Action::Lie { bytes } => write!(f, "lie {bytes}"),
            Action::Overrun { bytes } => write!(f, "overrun {bytes}"),
            Action::Resize { width, height, format: None } => write!(f, "resize {width}x{height}"),
            Action::Resize { width, height, format: Some(format) } => {
                write!(f, "resize {width}x{height} {format}")
            }
            Action::Drift { width, height } => write!(f, "drift {width}x{height}"),
            Action::Stall { millis } => write!(f, "stall {millis}"),
            Action::Disconnect { millis } => write!(f, "disconnect {millis}"),
            Action::Fail { code } => write!(f, "fail {code}"),
        }
    }
}

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;

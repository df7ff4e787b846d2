//! The fault script: which frames and which calls go wrong, and how. One rule a line (or between `;`), `#` begins
//! a comment; `on SERIAL` before a rule keeps it to one camera.
//!
//! ```text
//! at N ACTION                               N: a frame's serial, counted by the camera from 0
//! every N [from A] [to B] ACTION            every N-th frame of A..=B
//! random P ACTION                           each frame with probability P (the same ones in each run)
//!
//!   timeout [COUNT]        COUNT grabs time out before this frame; the camera waits for them
//!   burst COUNT            this frame and the next COUNT - 1 are due at once
//!   incomplete [FRACTION]  only this part of the image comes (default 0.5): nLostPacket > 0, the call succeeds,
//!                          the hole shows what the buffer held before
//!   lose [COUNT]           this frame and the next COUNT - 1 never come: a gap in nFrameNum
//!   duplicate              comes twice, in two buffers, with one number
//!   double                 one buffer is delivered twice
//!   reorder                comes after the next one
//!   short [BYTES]          nFrameLen is BYTES less than the image (default 1)
//!   long [BYTES]           BYTES follow the image, as chunk data does (default 64)
//!   lie BYTES              nFrameLen is BYTES more than what was written
//!   overrun BYTES          BYTES are written past the end of the caller's or the registered buffer
//!   resize WxH [FORMAT]    from this frame on the images are of this size, and the SDK follows
//!   drift WxH [FORMAT]     the region changes under way, and the SDK does as was measured: a smaller image keeps the
//!                          length of the start, a larger one never comes until stop and start
//!   packet BYTES           GevSCPSPacketSize changes under way, and the SDK does as was measured: time-outs, and now and
//!                          then a frame with holes, until stop and start
//!   stall MILLIS           the grab that gets this frame blocks so long, whatever its time-out
//!   disconnect [MILLIS] [newhandle]   the camera loses its power for so long (default 500); with `newhandle` only
//!                          a handle that is created after its return opens it
//!   glitch MILLIS          the cable is out for so long; less than 2000 heal by themselves
//!   fail CODE              the grab that would get this frame answers CODE once; the frame stays
//!   exception CODE         the exception callback is called
//!   stream CODE            the stream exception callbacks are called
//!
//! fail CALL CODE [at N] [times M] [done]    the call answers CODE; with `done` it does its work all the same
//! block CALL MILLIS [at N] [times M]        the call takes so long before it begins
//! raise CALL CODE [at N] [times M]          the exception callback is called from an SDK thread while the call runs
//! ```
//!
//! `CALL` is a function's name with or without `MV_CC_`, or `*` for all; `N` counts this rule's calls from 0 (default
//! 0), `M` is the number of calls from there (default 1, `times all` without end). Codes are decimal or `0x`.

use crate::config::{lines, size};
use crate::entry::CALLS;
use crate::pixel::{self, PixelFormat};

/// On which frames a rule acts.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum When {
    At(u64),
    Every { step: u64, from: u64, to: u64 },
    Random(f64),
}

/// What happens to a frame; the table above.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum FrameAction {
    Timeout(u32),
    Burst(u32),
    Incomplete(f64),
    Lose(u32),
    Duplicate,
    Double,
    Reorder,
    Short(u32),
    Long(u32),
    Lie(u32),
    Overrun(u32),
    Resize { width: u32, height: u32, format: Option<PixelFormat> },
    Drift { width: u32, height: u32, format: Option<PixelFormat> },
    Packet(u32),
    Stall(u32),
    Disconnect { millis: u32, new_handle: bool },
    Glitch(u32),
    Fail(u32),
    Exception(u32),
    Stream(u32),
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CallAction {
    Fail { code: u32, done: bool },
    Block(u32),
    Raise(u32),
}

/// A rule for frames.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct FrameRule {
    /// The camera; every one where none is named.
    pub serial: Option<String>,
    pub when: When,
    pub action: FrameAction,
}

/// A rule for calls.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct CallRule {
    /// The camera; every one, and calls that are for none, where none is named.
    pub serial: Option<String>,
    /// The function's whole name, or nothing for all.
    pub call: Option<&'static str>,
    pub at: u64,
    pub times: u64,
    pub action: CallAction,
    /// Calls that the rule has seen.
    pub seen: u64,
}

/// A parsed script.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(missing_docs)]
pub struct Script {
    pub frames: Vec<FrameRule>,
    pub calls: Vec<CallRule>,
}

impl Script {
    /// Reads a script; the error is a sentence.
    pub fn parse(text: &str) -> Result<Script, String> {
        let mut script = Script::default();
        for (at, line) in lines(text) {
            let mut words = Words(line.split_whitespace().collect(), 0);
            words
                .rule(&mut script)
                .and_then(|()| words.end())
                .map_err(|expected| words.complain(at, &expected))?;
        }
        Ok(script)
    }
}

/// The words of one line, and how many were read.
struct Words<'a>(Vec<&'a str>, usize);

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.0.get(self.1).copied()
    }

    fn skip(&mut self, word: &str) -> bool {
        let hit = self.peek() == Some(word);
        self.1 += usize::from(hit);
        hit
    }

    fn complain(&self, line: usize, expected: &str) -> String {
        match self.peek() {
            None => format!("line {line} of the script ends where {expected} was expected"),
            Some(word) => {
                let word: String = word.chars().take(40).collect();
                format!("line {line} of the script has {word:?} where {expected} was expected")
            }
        }
    }

    fn end(&self) -> Result<(), String> {
        self.peek().map_or(Ok(()), |_| Err("the end of the line".to_owned()))
    }

    fn take<T>(
        &mut self,
        read: impl Fn(&'a str) -> Option<T>,
        expected: &str,
    ) -> Result<T, String> {
        let value = self.peek().and_then(read).ok_or(expected)?;
        self.1 += 1;
        Ok(value)
    }

    fn serial(&mut self) -> Result<u64, String> {
        self.take(|w| w.parse().ok(), "a number from 0")
    }

    fn code(&mut self) -> Result<u32, String> {
        let read = |w: &str| match w.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => w
                .parse::<i64>()
                .ok()
                .and_then(|n| u32::try_from(n).ok().or(i32::try_from(n).ok().map(|n| n as u32))),
        };
        self.take(read, "a code, decimal or 0x hexadecimal")
    }

    fn number(&mut self, default: Option<u32>, most: u32) -> Result<u32, String> {
        if let (None, Some(default)) = (self.peek(), default) {
            return Ok(default);
        }
        let read = |w: &str| w.parse().ok().filter(|n| (1..=most).contains(n));
        self.take(read, &format!("a number from 1 to {most}"))
    }

    fn rule(&mut self, script: &mut Script) -> Result<(), String> {
        let serial = match self.skip("on") {
            true => Some(self.take(|w| Some(w.to_owned()), "a camera's serial")?),
            false => None,
        };
        if matches!(self.peek(), Some("fail" | "block" | "raise")) {
            let rule = self.call(serial)?;
            script.calls.push(rule);
        } else {
            let when = self.when()?;
            let action = self.frame()?;
            script.frames.push(FrameRule { serial, when, action });
        }
        Ok(())
    }

    fn call(&mut self, serial: Option<String>) -> Result<CallRule, String> {
        let verb = self.take(Some, "fail, block or raise")?;
        let known = |w: &str| match w {
            "*" => Some(None),
            _ => CALLS
                .iter()
                .find(|c| **c == w || c.strip_prefix("MV_CC_") == Some(w))
                .map(|c| Some(*c)),
        };
        let call = self.take(known, "the name of a function of the SDK, or *")?;
        let mut action = match verb {
            "fail" => CallAction::Fail { code: self.code()?, done: false },
            "block" => CallAction::Block(self.number(None, 600_000)?),
            _ => CallAction::Raise(self.code()?),
        };
        let at = if self.skip("at") { self.serial()? } else { 0 };
        let times = match self.skip("times") {
            true if self.skip("all") => u64::MAX,
            true => self.number(None, u32::MAX)?.into(),
            false => 1,
        };
        if let CallAction::Fail { done, .. } = &mut action {
            *done = self.skip("done");
        }
        Ok(CallRule { serial, call, at, times, action, seen: 0 })
    }

    fn when(&mut self) -> Result<When, String> {
        if self.skip("at") {
            return self.serial().map(When::At);
        }
        if self.skip("every") {
            let step = self.take(|w| w.parse().ok().filter(|n| *n > 0), "a number from 1")?;
            let from = if self.skip("from") { self.serial()? } else { 0 };
            let to = if self.skip("to") { self.serial()? } else { u64::MAX };
            return Ok(When::Every { step, from, to });
        }
        if self.skip("random") {
            return self.take(fraction, "a probability from 0 to 1").map(When::Random);
        }
        Err("`at N`, `every N`, `random P`, `fail`, `block` or `raise`".to_owned())
    }

    fn frame(&mut self) -> Result<FrameAction, String> {
        const COUNT: u32 = 1_000_000;
        const BYTES: u32 = 1 << 28;
        const MILLIS: u32 = 86_400_000;
        let word = self.peek().unwrap_or_default();
        self.1 += usize::from(!word.is_empty());
        Ok(match word {
            "timeout" => FrameAction::Timeout(self.number(Some(1), COUNT)?),
            "burst" => FrameAction::Burst(self.number(None, COUNT)?),
            "incomplete" if self.peek().is_none() => FrameAction::Incomplete(0.5),
            "incomplete" => FrameAction::Incomplete(self.take(fraction, "a part from 0 to 1")?),
            "lose" => FrameAction::Lose(self.number(Some(1), COUNT)?),
            "duplicate" => FrameAction::Duplicate,
            "double" => FrameAction::Double,
            "reorder" => FrameAction::Reorder,
            "short" => FrameAction::Short(self.number(Some(1), BYTES)?),
            "long" => FrameAction::Long(self.number(Some(64), BYTES)?),
            "lie" => FrameAction::Lie(self.number(None, BYTES)?),
            "overrun" => FrameAction::Overrun(self.number(None, BYTES)?),
            "resize" => {
                let (width, height, format) = self.region()?;
                FrameAction::Resize { width, height, format }
            }
            "drift" => {
                let (width, height, format) = self.region()?;
                FrameAction::Drift { width, height, format }
            }
            "packet" => {
                let read = |w: &str| w.parse().ok().filter(|n| (220..=9156).contains(n));
                FrameAction::Packet(self.take(read, "a packet size from 220 to 9156")?)
            }
            "stall" => FrameAction::Stall(self.number(None, 600_000)?),
            "disconnect" => {
                let default = self.peek().is_none_or(|w| w == "newhandle");
                let millis = if default { 500 } else { self.number(None, MILLIS)? };
                FrameAction::Disconnect { millis, new_handle: self.skip("newhandle") }
            }
            "glitch" => FrameAction::Glitch(self.number(None, MILLIS)?),
            "fail" => FrameAction::Fail(self.code()?),
            "exception" => FrameAction::Exception(self.code()?),
            "stream" => FrameAction::Stream(self.code()?),
            _ => {
                self.1 -= usize::from(!word.is_empty());
                return Err("what happens to the frame (timeout, burst, incomplete, lose, \
                            duplicate, double, reorder, short, long, lie, overrun, resize, drift, \
                            packet, stall, disconnect, glitch, fail, exception, stream)"
                    .to_owned());
            }
        })
    }

    fn region(&mut self) -> Result<(u32, u32, Option<PixelFormat>), String> {
        let (width, height) = self.take(size, "a size like 640x480")?;
        let format = match self.peek() {
            None => None,
            Some(_) => Some(self.take(pixel::by_name, "the name of a pixel format")?),
        };
        Ok((width, height, format))
    }
}

fn fraction(word: &str) -> Option<f64> {
    word.parse().ok().filter(|p| (0.0..=1.0).contains(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches: a rule that is misread or ignored.
    #[test]
    fn rules_are_read() {
        let script = Script::parse(
            "at 3 timeout 5; every 10 from 20 to 40 incomplete 0.25\non G1 random 0.5 drift 640x480 Mono12 # x\n\
             at 9 disconnect newhandle\nfail StopGrabbing -2147483130 at 2 times all done\n\
             at 7 packet 1004; block MV_CC_OpenDevice 9900; raise CloseDevice 0x8001",
        )
        .expect("a good script");
        assert_eq!(script.frames[0].action, FrameAction::Timeout(5));
        assert_eq!(script.frames[1].when, When::Every { step: 10, from: 20, to: 40 });
        assert_eq!(script.frames[2].serial.as_deref(), Some("G1"));
        assert!(matches!(script.frames[2].action, FrameAction::Drift { format: Some(_), .. }));
        assert_eq!(
            script.frames[3].action,
            FrameAction::Disconnect { millis: 500, new_handle: true }
        );
        assert_eq!(script.frames[4].action, FrameAction::Packet(1004));
        let fail = &script.calls[0];
        assert_eq!((fail.call, fail.at, fail.times), (Some("MV_CC_StopGrabbing"), 2, u64::MAX));
        assert_eq!(fail.action, CallAction::Fail { code: 0x8000_0206, done: true });
        assert_eq!(script.calls[1].action, CallAction::Block(9900));
        assert_eq!(script.calls[2].action, CallAction::Raise(0x8001));
    }

    /// Catches: a wrong rule that is taken, a panic, or a complaint that does not say where.
    #[test]
    fn wrong_rules_are_refused() {
        for wrong in [
            "at",
            "at x timeout",
            "at 1",
            "at 1 explode",
            "at 1 burst",
            "at 1 packet 100",
            "at 1 resize 640",
            "at 1 resize 640x480 Mono9",
            "every 0 double",
            "random 2 double",
            "fail",
            "fail Nothing 1",
            "fail OpenDevice",
            "fail OpenDevice 0xZZ",
            "block OpenDevice 0",
            "at 1 double twice",
            "on",
            "fail OpenDevice 1 times",
            "at 1 incomplete 7",
            "on S",
            "raise",
        ] {
            let why = Script::parse(&format!("\n{wrong}")).expect_err(wrong);
            assert!(why.starts_with("line 2 of the script"), "{why}");
        }
    }
}

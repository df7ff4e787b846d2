//! One cell: a code at a place, once or for ever. It is run, what is seen becomes an [`Act`], and that is compared.

use crate::fake::Fake;
use crate::phases::{Ran, drive};
use crate::places::{Phase, Place};
use crate::rules::Act;
use crate::util;
use frameline::ErrorKind;
use frameline::fault::{CodeEntry, code_text};
use frameline::pipeline::{Line, LineBuilder, Rung, Snapshot};
use frameline::sdk::mvs::Mvs;
use std::fmt;
use std::time::Duration;

/// A camera whose time moves only while somebody waits for it.
const CAMERA: &str = "clock virtual;delays off;camera gige size=64x48 fps=1000";

pub struct Cell {
    pub place: &'static Place,
    pub entry: &'static CodeEntry,
    pub ever: bool,
    pub expected: Act,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { phase, call, what, fill, .. } = self.place;
        let times = if self.ever { "for ever" } else { "once" };
        let (code, name) = (code_text(self.entry.code), self.entry.name);
        write!(
            f,
            "{phase:?} {call} {what} fill={fill}: {code} {name} ({}) {times}",
            self.entry.class
        )
    }
}

impl Cell {
    /// The rule of the fault script that makes the call fail, or during which a callback posts.
    pub fn script(&self) -> String {
        let verb = if self.place.phase == Phase::Posted { "raise" } else { "fail" };
        let times = if self.ever { " times all" } else { "" };
        format!("{verb} {} {}{times}", self.place.call, code_text(self.entry.code))
    }

    pub fn run(&self, fake: &Fake) -> Result<(), String> {
        fake.configure(CAMERA);
        let seen = match self.place.phase {
            Phase::Open => self.open(fake)?,
            _ => self.line(fake)?,
        };
        // Whatever came of it, nothing of the SDK is left behind.
        util::until(&format!("every handle is destroyed: {self}"), || {
            fake.calls("MV_CC_DestroyHandle") >= made(fake)
        });
        if seen != self.expected {
            return Err(format!("{:?} is expected, and it was {seen:?}", self.expected));
        }
        Ok(())
    }

    fn uri(&self, fake: &Fake, wait: u32) -> String {
        let fill = self.place.fill;
        let fill = if fill.is_empty() { String::new() } else { format!("&fill={fill}") };
        fake.uri(&format!("wait={wait}{fill}&{}", self.place.query))
    }

    fn open(&self, fake: &Fake) -> Result<Act, String> {
        fake.script(&self.script());
        let waits = self.expected == Act::Waited;
        let answer = Mvs::from_uri(&self.uri(fake, if waits { 60_000 } else { 0 }));
        let enumerations = fake.calls("MV_CC_EnumDevices");
        let error = match answer {
            Ok(_) if self.place.call == "EnumDevices" && !waits => return Ok(Act::Passed),
            Ok(_) if enumerations > 1 => return Ok(Act::Waited),
            Ok(_) => return Ok(Act::Passed),
            Err(error) => error,
        };
        let text = error.to_string();
        // Settings are told by the feature's name, what cannot be opened by the call.
        let by_feature = self.place.what.ends_with("asked for") || self.place.what.contains("Gain");
        if text.contains('\n')
            || !(text.contains(&code_text(self.entry.code)) || by_feature)
            || !(text.contains(&self.place.function()) || by_feature)
        {
            return Err(format!("it is refused with {text:?}"));
        }
        let config = error.kind() == ErrorKind::Config;
        Ok(if config { Act::WrongConfig } else { Act::Refused })
    }

    fn line(&self, fake: &Fake) -> Result<Act, String> {
        let camera = Mvs::from_uri(&self.uri(fake, 0)).map_err(|e| format!("not opened: {e}"))?;
        let ran = drive(self, fake, self.budgets(builder(camera)));
        self.check(&ran.end)?;
        let seen = self.seen(fake, &ran);
        self.books(&ran.end, seen)?;
        Ok(seen)
    }

    fn budgets(&self, line: LineBuilder) -> LineBuilder {
        let lends = self.place.fill == "lend";
        line.configure(|c| {
            // Lent frames that stages still read hold their device open: opening it anew takes until they are back.
            let patient = lends && !self.expected.ends();
            c.faults.reconnect_attempts = if patient { 1_000_000 } else { 2 };
            c.faults.busy_attempts = 2;
        })
    }

    /// Whether `call` answers this code in this place also where no script tells it to.
    fn is_own(&self, call: &str) -> bool {
        let Place { phase, fill, .. } = *self.place;
        let grabs = matches!(call, "MV_CC_GetOneFrameTimeout" | "MV_CC_GetImageBuffer");
        match self.entry.name {
            // What the test scripts to bring the line to the place.
            "MV_E_NETER" if grabs => phase == Phase::Reopen,
            "MV_E_NODATA" if grabs => matches!(phase, Phase::Silence | Phase::Posted),
            // While stages still read lent frames the first handle stays open, and a camera that is taken answers so.
            "MV_E_NETER" => fill == "lend" && call == "MV_CC_OpenDevice",
            // A device that was closed because it could not be stopped is offline at the next start.
            "MV_E_DEV_OFFLINE" => phase == Phase::Reset,
            // Slots that a stage still reads when the camera is started anew are not registered with it.
            "MV_E_CALLORDER" => fill == "announce" && call == "MV_CC_RegisterBuffer",
            _ => false,
        }
    }

    /// How often the books have the code from this place's call, or from the callback that posts here.
    fn told(&self, end: &Snapshot) -> u64 {
        let calls = end.faults.iter().filter(|f| f.code == self.entry.code).flat_map(|f| &f.calls);
        calls.filter(|(call, _)| self.is_place(call)).map(|(_, n)| n).sum()
    }

    fn is_place(&self, call: &str) -> bool {
        match self.place.phase {
            Phase::Posted => call.ends_with("ExceptionCallBack"),
            _ => call == self.place.function(),
        }
    }

    /// What must hold in every cell.
    fn check(&self, end: &Snapshot) -> Result<(), String> {
        if !end.is_balanced() {
            return Err(format!("rule 4 is broken: {:?}", end.frames));
        }
        if end.frames.in_flight > 0 || !end.held.is_empty() {
            return Err(format!("slots are not home: {:?}", end.held));
        }
        if end.failure.as_ref().is_some_and(|f| f.is_empty() || f.contains('\n')) {
            return Err(format!("it stops with {:?}", end.failure));
        }
        match end.threads.iter().find(|t| !t.ended) {
            Some(thread) => Err(format!("thread {} has not ended", thread.name)),
            None => Ok(()),
        }
    }

    fn seen(&self, fake: &Fake, ran: &Ran) -> Act {
        let end = &ran.end;
        // What the place itself takes: a reset that is asked for, a loss that is scripted.
        let resets = usize::from(self.place.phase == Phase::Reset);
        let opens = 1 + u64::from(self.place.phase == Phase::Reopen);
        let tries = |rung: Rung| end.ladder[rung as usize].attempts;
        let attempts = end.reconnects.first().map_or(0, |r| r.attempts);
        let silent = matches!(self.place.phase, Phase::Silence | Phase::Posted | Phase::Reopen);
        if end.failure.is_some() {
            Act::Stops
        } else if ran.was_refused {
            Act::Told
        } else if fake.calls("MV_CC_OpenDevice") > opens || attempts > 1 {
            Act::OpenedAnew
        } else if end.resets.len() > resets {
            Act::Reset
        } else if tries(Rung::BackOff) > 0 {
            Act::BackedOff
        } else if tries(Rung::Retry) > 0 && !silent {
            Act::Retried
        } else if self.told(end) > 0 {
            Act::Counted
        } else {
            Act::Passed
        }
    }

    /// Every fault stands in the books under its code, class and call, and nothing stands there that was none.
    fn books(&self, end: &Snapshot, seen: Act) -> Result<(), String> {
        // An answer of yes or no has no code.
        let has_code = self.place.call != "IsDeviceConnected";
        // The order was told, and done when it was given again within a reset.
        let was_told = self.place.phase == Phase::SetFeature;
        let wanted = seen.is_counted() && has_code && !was_told;
        let fault = end.faults.iter().find(|f| f.code == self.entry.code);
        let calls = fault.map_or(&[][..], |f| &f.calls);
        let stranger = calls.iter().find(|(call, _)| !self.is_place(call) && !self.is_own(call));
        match (fault, self.told(end)) {
            (Some(f), _) if f.class != self.entry.class => {
                Err(format!("its class is told as {}", f.class))
            }
            (Some(f), _) if f.count != f.calls.iter().map(|(_, n)| n).sum::<u64>() => {
                Err(format!("{} times are told of no call: {:?}", f.count, f.calls))
            }
            _ if stranger.is_some() => Err(format!("it is told of {stranger:?}")),
            (_, 0) if wanted => Err("it is not counted".into()),
            (_, 1..) if !wanted => Err(format!("it is counted: {calls:?}")),
            (_, 2..) if !self.ever => Err(format!("it came once and is counted so: {calls:?}")),
            _ => Ok(()),
        }
    }
}

/// Handles that the library gave out.
fn made(fake: &Fake) -> u64 {
    fake.calls("MV_CC_OpenDevice")
}

/// A line that climbs at once.
fn builder(camera: Mvs) -> LineBuilder {
    Line::builder(camera).configure(|c| {
        c.pool.lock = false;
        c.pool.budget_bytes = Some(64 << 20);
        c.capture.timeout = Duration::from_millis(1);
        c.faults.backoff = Duration::ZERO;
        c.faults.backoff_max = Duration::ZERO;
    })
}

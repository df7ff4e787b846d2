//! Brings a line to the moment at which a place's call is made, lets the fault strike there, and waits for what comes of it.

use crate::cell::Cell;
use crate::fake::Fake;
use crate::places::Phase;
use crate::util::{PATIENCE, act};
use frameline::buffer::Frame;
use frameline::pipeline::{Line, LineBuilder, LineState, Snapshot};
use frameline::stage::{Flow, StageContext};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(60);
/// So many frames after a fault show that the line goes on.
const ENOUGH: u64 = 3;
/// After so many, what was to end the line has not.
const TOO_MANY: u64 = 2000;

/// What is left of a line.
pub struct Ran {
    pub end: Snapshot,
    /// The order that met the fault was refused.
    pub was_refused: bool,
}

/// Frames that came; whoever waits for one sleeps, since a line in simulated time leaves no core to those who spin.
#[derive(Clone, Default)]
struct Frames(Arc<(Mutex<u64>, Condvar)>);

impl Frames {
    fn came(&self) {
        *self.0.0.lock().unwrap() += 1;
        self.0.1.notify_all();
    }

    fn count(&self) -> u64 {
        *self.0.0.lock().unwrap()
    }
}

struct Running<'a> {
    cell: &'a Cell,
    fake: &'a Fake,
    line: Line,
    frames: Frames,
}

impl Running<'_> {
    /// Waits until something holds, looked at with every frame and now and then, or the line has ended.
    fn wait(&self, what: &str, ready: impl Fn(u64) -> bool) {
        /// The end of a line, and of calls that bring no frame, is not told.
        const LOOK: Duration = Duration::from_micros(500);
        let begun = Instant::now();
        let handle = self.line.handle();
        let mut count = self.frames.0.0.lock().unwrap();
        while !ready(*count) && handle.state() != LineState::Ended {
            assert!(begun.elapsed() < PATIENCE, "it hangs, {what}: {}", self.cell);
            count = self.frames.0.1.wait_timeout(count, LOOK).unwrap().0;
        }
    }

    fn more_frames(&self, count: u64) {
        let before = self.frames.count();
        self.wait("frames come", |now| now >= before + count);
    }

    fn until_opened_anew(&self) {
        self.wait("it is opened anew", |_| self.fake.calls("MV_CC_OpenDevice") > 1);
    }

    /// Lets the fault strike, and waits until the call was made.
    fn strike(&self, before: &str) {
        let calls = || self.fake.calls(&self.cell.place.function());
        let made = calls();
        self.fake.script(&format!("{before}{}", self.cell.script()));
        let is_frequent =
            matches!(self.cell.place.phase, Phase::Grab | Phase::Free | Phase::Posted);
        // One of many calls could have been made before the script was there.
        let made = if is_frequent { calls() } else { made };
        self.wait("the call is made", |_| calls() > made);
    }

    /// Waits for what the fault leads to: the end, or frames.
    fn settle(&self) {
        self.more_frames(if self.cell.expected.ends() { TOO_MANY } else { ENOUGH });
    }
}

/// Runs a line with the fault of `cell`.
pub fn drive(cell: &Cell, fake: &Fake, line: LineBuilder) -> Ran {
    let place = cell.place;
    let frames = Frames::default();
    let counting = frames.clone();
    if place.phase == Phase::Start {
        fake.script(&cell.script());
    }
    let counted = act(move |_: &mut Frame, _: &mut StageContext<'_>| {
        counting.came();
        Ok(Flow::Pass)
    });
    let line = line.stage("counted", counted).start().expect("the line is sound");
    let running = Running { cell, fake, line, frames };
    let mut was_refused = false;
    if place.phase != Phase::Start {
        running.more_frames(1);
    }
    let handle = running.line.handle();
    match place.phase {
        Phase::Open | Phase::End => {}
        Phase::Start => running.settle(),
        Phase::Grab => {
            running.strike("");
            running.settle();
        }
        Phase::Free => {
            running.strike("");
            if cell.ever {
                running.until_opened_anew(); // The nodes run out.
            }
            running.settle();
        }
        Phase::Silence => {
            running.strike("every 20 timeout 8;");
            if cell.expected.has_consequence() {
                running.until_opened_anew();
            }
            running.settle();
        }
        Phase::SetFeature => {
            fake.script(&cell.script());
            was_refused = handle.set_feature("Gain", "3", SOON).is_err();
            running.settle();
        }
        Phase::Trigger => {
            fake.script(&cell.script());
            was_refused = handle.software_trigger(SOON).is_err();
            running.settle();
        }
        Phase::Posted => {
            // A loss is looked for when frames stay out.
            running.strike("every 20 timeout 2;");
            // A thread of the SDK posts it, sooner or later.
            let code = cell.entry.code;
            running.wait("it is counted", |_| {
                running.line.snapshot().faults.iter().any(|f| f.code == code)
            });
            running.settle();
        }
        Phase::Reset => {
            fake.script(&cell.script());
            let _ = handle.reset(None, SOON);
            running.settle();
        }
        Phase::Reopen => {
            let grab = if place.fill == "copy" { "GetOneFrameTimeout" } else { "GetImageBuffer" };
            running.strike(&format!("fail {grab} 0x80000206;"));
            // Frames from before the loss may still be on their way to the stage, a pool of them at most.
            running.more_frames(running.line.snapshot().slots as u64);
            running.settle();
        }
    }
    let is_end = place.phase == Phase::End;
    fake.script(&if is_end { cell.script() } else { String::new() });
    let end = running.line.stop(SOON);
    Ran { end, was_refused }
}

//! Cameras behind the MVS library, which is simulated: opening, features, faults, the end.
#![cfg(feature = "mvs")]
#![allow(missing_docs)]

#[path = "../fake/mod.rs"]
mod fake;
#[path = "../util/mod.rs"]
mod util;

mod ending;
mod faults;
mod features;
mod loss;
mod opening;
mod storms;

use fake::Fake;
use frameline::buffer::Frame;
use frameline::pipeline::{Line, LineBuilder, Snapshot};
use frameline::sdk::mvs::Mvs;
use frameline::stage::{Flow, Stage, StageContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub const FILLS: [&str; 3] = ["announce", "lend", "copy"];
pub const SOON: Duration = Duration::from_secs(60);
/// A small camera that gives up soon after a loss.
pub const SMALL: &str = "camera gige size=160x100 fps=500 heartbeat=40";

pub fn camera(fake: &Fake, query: &str) -> Mvs {
    // What an earlier test of the same library has left closes on a thread of its own.
    Mvs::from_uri(&fake.uri(&format!("wait=20000&{query}"))).unwrap()
}

/// A line that climbs fast.
pub fn line(camera: Mvs) -> LineBuilder {
    Line::builder(camera).configure(|c| {
        c.pool.lock = false;
        c.capture.timeout = Duration::from_millis(20);
        c.faults.backoff = Duration::from_millis(1);
        c.faults.backoff_max = Duration::from_millis(20);
        c.faults.reconnect_attempts = 100_000;
        c.faults.busy_attempts = 100_000;
    })
}

/// Compares every byte of every whole frame with what the camera painted.
#[derive(Clone, Default)]
pub struct Checked(Arc<Counts>);

#[derive(Default)]
struct Counts {
    whole: AtomicU64,
    torn: AtomicU64,
}

impl Checked {
    pub fn stage(&self) -> impl Stage + use<> {
        let counts = self.0.clone();
        util::act(move |f: &mut Frame, _: &mut StageContext<'_>| {
            let count = match Fake::check(f.image()) {
                Some(_) => &counts.whole,
                None => &counts.torn,
            };
            count.fetch_add(1, Ordering::Relaxed);
            Ok(Flow::Pass)
        })
    }

    pub fn whole(&self) -> u64 {
        self.0.whole.load(Ordering::Relaxed)
    }

    pub fn torn(&self) -> u64 {
        self.0.torn.load(Ordering::Relaxed)
    }
}

/// The end of a line that must have ended well.
pub fn ended(mut line: Line) -> Snapshot {
    assert!(line.wait(util::PATIENCE), "the run did not end: {:?}", line.snapshot().events);
    let end = line.stop(SOON);
    assert_well(&end);
    end
}

pub fn assert_well(end: &Snapshot) {
    util::assert_balanced(end);
    assert_eq!(end.failure, None, "{:?}", end.events);
    assert_eq!(end.frames.in_flight, 0);
}

pub fn count(end: &Snapshot, code: i64) -> u64 {
    end.faults.iter().find(|f| f.code == code).map_or(0, |f| f.count)
}

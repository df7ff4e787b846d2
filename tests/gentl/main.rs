//! Cameras behind a GenTL producer: simulated ones in every fault, and those of EMVA's simulator where it can be had.
#![cfg(feature = "gentl")]
#![allow(missing_docs)]

#[path = "../fakegentl/mod.rs"]
mod fakegentl;
#[path = "../util/mod.rs"]
mod util;

mod faults;
#[cfg(feature = "cli")]
mod inspection;
mod opening;
mod streaming;
mod tlsimu;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod tlsimu_used_again;

use fakegentl::Fake;
use frameline::buffer::Frame;
use frameline::pipeline::{Line, LineBuilder, Snapshot};
use frameline::sdk::gentl::Gentl;
use frameline::stage::{Flow, Stage, StageContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub const SOON: Duration = Duration::from_secs(60);
/// A small camera that loses no frame because this machine is busy.
pub const SMALL: &str = "camera A size=160x100 fps=500 patient=1";
/// A ring that holds a whole run.
pub const WHOLE_RUN: usize = 200;

pub fn camera(fake: &Fake, query: &str) -> Gentl {
    Gentl::from_uri(&fake.uri(query)).unwrap()
}

/// A line that climbs fast.
pub fn line(camera: Gentl) -> LineBuilder {
    Line::builder(camera).configure(|c| {
        c.pool.lock = false;
        c.capture.timeout = Duration::from_millis(20);
        c.faults.backoff = Duration::from_millis(1);
        c.faults.backoff_max = Duration::from_millis(20);
        c.faults.reconnect_attempts = 100_000;
        c.faults.busy_attempts = 100_000;
    })
}

/// Compares every byte of every frame with what the camera painted.
#[derive(Clone, Default)]
pub struct Checked(Arc<[AtomicU64; 2]>);

impl Checked {
    pub fn stage(&self) -> impl Stage + use<> {
        let counts = self.0.clone();
        util::act(move |f: &mut Frame, _: &mut StageContext<'_>| {
            let whole = Fake::is_whole(f.image());
            counts[usize::from(whole)].fetch_add(1, Ordering::Relaxed);
            Ok(Flow::Pass)
        })
    }

    pub fn whole(&self) -> u64 {
        self.0[1].load(Ordering::Relaxed)
    }

    pub fn torn(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
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

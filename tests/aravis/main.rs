//! Cameras behind Aravis: those that it makes up itself, and its GigE Vision simulator over real sockets. Where
//! library or simulator are not installed the tests say so and pass; `tools/test` installs them.
#![cfg(all(feature = "aravis", target_os = "linux"))]
#![allow(missing_docs)]

#[path = "../util/mod.rs"]
mod util;

mod gige;
mod made_up;
mod own_library;
mod simulator;

use frameline::buffer::Frame;
use frameline::meta::FrameStatus;
use frameline::pipeline::{Line, LineBuilder, Snapshot};
use frameline::sdk::aravis::{Aravis, Library, PARAMETERS};
use frameline::stage::{Flow, Stage, StageContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub const SOON: Duration = Duration::from_secs(60);

/// Whether Aravis is there; says so if not.
pub fn is_installed() -> bool {
    match Library::open(None) {
        Ok(_) => true,
        Err(e) => {
            println!("SKIPPED: {e}");
            false
        }
    }
}

/// A line that climbs fast.
pub fn line(camera: Aravis) -> LineBuilder {
    Line::builder(camera).configure(|c| {
        c.pool.lock = false;
        c.capture.timeout = Duration::from_millis(100);
        c.faults.backoff = Duration::from_millis(50);
        c.faults.backoff_max = Duration::from_millis(200);
        c.faults.reconnect_attempts = 100_000;
        c.faults.busy_attempts = 100_000;
    })
}

/// Compares every byte of every whole frame with what the camera draws: rows of a ramp that begins at the frame's
/// number.
#[derive(Clone, Default)]
pub struct Checked(Arc<Counts>);

#[derive(Default)]
struct Counts {
    whole: AtomicU64,
    torn: AtomicU64,
    incomplete: AtomicU64,
}

impl Checked {
    pub fn stage(&self) -> impl Stage + use<> {
        let counts = self.0.clone();
        util::act(move |f: &mut Frame, _: &mut StageContext<'_>| {
            let count = match f.meta().status == FrameStatus::Complete {
                false => &counts.incomplete,
                true if is_ramp(f) => &counts.whole,
                true => &counts.torn,
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

    pub fn incomplete(&self) -> u64 {
        self.0.incomplete.load(Ordering::Relaxed)
    }
}

fn is_ramp(f: &Frame) -> bool {
    let image = f.image();
    let width = f.meta().width as usize;
    let first = usize::from(image[0]);
    image.len() == width * f.meta().height as usize
        && image.chunks_exact(width).enumerate().all(|(y, row)| {
            row.iter().enumerate().all(|(x, b)| usize::from(*b) == (x + y + first) % 255)
        })
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

pub fn count(end: &Snapshot, name: &str) -> u64 {
    end.faults.iter().filter(|f| f.name == name).map(|f| f.count).sum()
}

#[test]
fn the_document_names_every_parameter() {
    // Catches a parameter that nobody can find.
    const DOC: &str = include_str!("../../docs/aravis.md");
    for (name, about) in PARAMETERS {
        let row = format!("| `{name}` | {about} |");
        assert!(DOC.contains(&row), "docs/aravis.md lacks the row {row}");
    }
}

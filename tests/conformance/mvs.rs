//! A camera behind the MVS library on the suite, with the simulated library behind it.

use super::fake::Fake;
use super::{FILLS, suite};
use frameline::buffer::{FrameMut, Keep};
use frameline::fault::{CodeTable, Fault};
use frameline::format::Geometry;
use frameline::sdk::mvs::Mvs;
use frameline::source::{Fill, FrameIdRule, Grab, Source, SourceCounts, SourceInfo};
use std::time::Duration;

/// A camera never ends, and the suite wants 50 frames.
struct Limited {
    inner: Mvs,
    left: u32,
}

impl Limited {
    fn count(&mut self, grab: &Grab) {
        self.left -= u32::from(matches!(grab, Grab::Filled { .. }));
    }
}

impl Source for Limited {
    fn info(&self) -> SourceInfo {
        self.inner.info()
    }
    fn fills(&self) -> &[Fill] {
        self.inner.fills()
    }
    fn can_wait(&self) -> bool {
        self.inner.can_wait()
    }
    fn codes(&self) -> CodeTable {
        self.inner.codes()
    }
    fn geometry(&self) -> Geometry {
        self.inner.geometry()
    }
    fn payload_bytes(&self) -> usize {
        self.inner.payload_bytes()
    }
    fn max_payload_bytes(&self) -> usize {
        self.inner.max_payload_bytes()
    }
    fn frame_id_rule(&self) -> FrameIdRule {
        self.inner.frame_id_rule()
    }
    fn queue_depth(&self, fill: Fill) -> usize {
        self.inner.queue_depth(fill)
    }
    fn keep(&self) -> Option<Keep> {
        self.inner.keep()
    }
    fn start(&mut self, fill: Fill) -> Result<(), Fault> {
        self.inner.start(fill)
    }
    fn stop_device(&mut self) -> Result<(), Fault> {
        self.inner.stop_device()
    }
    fn stop_host(&mut self) -> Result<(), Fault> {
        self.inner.stop_host()
    }
    fn grab_into(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        if self.left == 0 {
            return Grab::End;
        }
        let grab = self.inner.grab_into(frame, timeout);
        self.count(&grab);
        grab
    }
    fn queue(&mut self, frame: FrameMut) {
        self.inner.queue(frame);
    }
    fn grab_queued(&mut self, timeout: Duration) -> (Option<FrameMut>, Grab) {
        if self.left == 0 {
            return (None, Grab::End);
        }
        let (frame, grab) = self.inner.grab_queued(timeout);
        self.count(&grab);
        (frame, grab)
    }
    fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        self.inner.revoke(back);
    }
    fn grab_lent(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        if self.left == 0 {
            return Grab::End;
        }
        let grab = self.inner.grab_lent(frame, timeout);
        self.count(&grab);
        grab
    }
    fn give_back(&mut self, frame: &mut FrameMut) {
        self.inner.give_back(frame);
    }
    fn counts(&self) -> SourceCounts {
        self.inner.counts()
    }
}

fn conforms(fake: &Fake, fills: &[Fill], query: &str) {
    for fill in fills {
        let make = || {
            let uri = fake.uri(&format!("fill={}&wait=10000&{query}", fill.name()));
            Limited { inner: Mvs::from_uri(&uri).unwrap(), left: 50 }
        };
        suite::run(&make, *fill);
    }
}

#[test]
fn a_gige_camera_behind_mvs_conforms() {
    conforms(&Fake::new("camera gige size=160x100 fps=1000"), &FILLS, "");
}

#[test]
fn a_usb_camera_behind_mvs_conforms() {
    conforms(&Fake::new("camera usb size=160x100 fps=1000"), &FILLS, "");
}

#[test]
fn a_camera_that_locks_features_conforms() {
    conforms(
        &Fake::new("camera gige size=160x100 fps=1000 like=hik trailer=1"),
        &FILLS,
        "lost_packets=1",
    );
}

#[test]
fn a_camera_behind_an_old_library_conforms() {
    let old = Fake::old("camera gige size=160x100 fps=1000");
    conforms(&old, &[Fill::Copy, Fill::Lend], "");
}

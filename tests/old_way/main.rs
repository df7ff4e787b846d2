//! The old way of grabbing, shown corrupting, and frameline in the same situation.
//!
//! Without an instrument the old program runs in an arena, where a freed piece that is handed out again is defined: what
//! is counted is other people's bytes. Under AddressSanitizer (`tools/test sanitizers`) it runs on the real heap, in a process of its own
//! that has to die of it; frameline runs under the same instrument, and nothing is found.
#![cfg(feature = "mvs")]
#![allow(missing_docs)]

#[path = "../fake/mod.rs"]
mod fake;
mod old;
#[path = "../util/mod.rs"]
mod util;

use fake::Fake;
use frameline::pipeline::{Line, StageSpec};
use frameline::sdk::mvs::Mvs;
use old::{Arena, Heap, old_way};
use std::process::Command;
use std::time::Duration;
use util::{Gate, act, assert_balanced, until, watched};

const CAMERA: &str = "camera gige size=320x240 fps=1000";
const FRAME: usize = 320 * 240;
const SOON: Duration = Duration::from_secs(60);
/// Tells a child which of the old program's accidents it is to have.
const ACCIDENT: &str = "OLD_WAY";

/// Catches nothing of ours: it is the failure itself. Foreign bytes become an image, and a frame becomes foreign bytes.
#[test]
fn the_old_way_overwrites_what_is_not_its_own() {
    watched(|| {
        let fake = Fake::new(CAMERA);
        let harm = old_way(&fake, &Arena::new(8 * FRAME), FRAME, true);
        // A byte of the image may be what was there before.
        assert!(harm.foreign_bytes > FRAME * 9 / 10, "{harm:?}");
        assert!(harm.frame_gone, "{harm:?}");
        println!("{harm:?} of {FRAME} bytes");
    });
}

/// The old program on the real heap, in a process that may die of it.
#[test]
#[ignore = "a child of the tests below"]
fn child() {
    let Ok(accident) = std::env::var(ACCIDENT) else { return };
    old_way(&Fake::new(CAMERA), &Heap, FRAME, accident == "read");
}

fn report_of_the_sanitizer(accident: &str) -> String {
    let exe = std::env::current_exe().unwrap();
    let child = Command::new(exe)
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(ACCIDENT, accident)
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&child.stderr).into_owned();
    assert!(!child.status.success(), "{accident}: nothing was found: {report}");
    report
}

/// Catches: an instrument that is not switched on, so that "clean" says nothing.
#[test]
#[cfg_attr(not(asan), ignore = "needs AddressSanitizer: tools/test sanitizers")]
fn address_sanitizer_catches_the_old_way() {
    watched(|| {
        let report = report_of_the_sanitizer("write");
        assert!(report.contains("heap-use-after-free"), "{report}");
        assert!(report.contains("WRITE of size 76800"), "the SDK's image: {report}");
        let report = report_of_the_sanitizer("read");
        assert!(report.contains("heap-use-after-free"), "{report}");
        assert!(report.contains("READ of size"), "{report}");
    });
}

/// Catches: memory that a grab or a reader has, and that an order for larger buffers takes away from them.
#[test]
fn frameline_in_the_same_situation() {
    watched(|| {
        let fake = Fake::new(CAMERA);
        let camera = Mvs::from_uri(&fake.uri("fill=copy&trigger=line0")).unwrap();
        let gate = Gate::default();
        let (reading, whole) = (gate.clone(), util::Notes::default());
        let line = Line::builder(camera)
            .configure(|c| {
                c.capture.timeout = Duration::from_millis(10);
                c.reset.deadline = SOON;
                c.pool.lock = false;
            })
            .stage(
                StageSpec::new("reader"),
                act(move |f, _| {
                    let before = Fake::check(f.image());
                    reading.pass();
                    let after = Fake::check(f.image());
                    assert!(before.is_some() && before == after, "{before:?} became {after:?}");
                    Ok(frameline::stage::Flow::Pass)
                }),
            )
            .stage("notes", whole.stage())
            .start()
            .unwrap();
        until("it grabs", || fake.calls("MV_CC_GetOneFrameTimeout") > 0);
        fake.trigger();
        until("somebody reads it", || gate.waiting() == 1);
        until("grabs time out", || !line.snapshot().faults.is_empty());
        let before = line.snapshot();
        assert_eq!(before.resets.len(), 0, "a time-out is no fault of a buffer");
        let handle = line.handle();
        std::thread::scope(|scope| {
            let larger = before.slot_bytes * 3 / 2;
            let recovery = scope.spawn(move || handle.reset(Some(larger), SOON));
            // The missing memory is touched ahead, then the order is given.
            until("it is asked for", || {
                line.snapshot().memory.pool_bytes > before.memory.pool_bytes
            });
            fake.trigger();
            gate.open();
            let report = recovery.join().unwrap().unwrap();
            assert!(report.ok && report.slot_bytes_after >= larger as u64, "{report:?}");
            assert!(report.late.is_empty(), "{report:?}");
        });
        // The part that came with the order was seen, unless the camera stood already; the next one is.
        let before = line.snapshot().frames.grabbed;
        fake.trigger();
        until("the next part is seen", || line.snapshot().frames.grabbed > before);
        let end = line.stop(SOON);
        assert_balanced(&end);
        assert_eq!(end.frames.delivered, end.frames.grabbed, "{:?}", end.frames);
        assert_eq!((whole.ids().len() as u64, end.stages[0].panicked), (end.frames.grabbed, 0));
        assert_eq!(end.anomalies, [], "no canary was touched, no frame came twice");
    });
}

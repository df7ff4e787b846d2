//! How it ends: devices before the library, frames before devices, and callbacks to the very last.

use super::fake::Fake;
use super::{FILLS, SMALL, SOON, assert_well, camera, line, util};
use frameline::source::{Fill, Source};
use std::sync::{Arc, Mutex};
use util::{act, pass, until, watched};

/// Catches: a device that is left open by a source that is dropped while it grabs.
#[test]
fn closing_while_grabbing() {
    watched(|| {
        for fill in [Fill::Copy, Fill::Lend] {
            let fake = Fake::new(SMALL);
            let mut source = camera(&fake, &format!("fill={}", fill.name()));
            source.start(fill).unwrap();
            drop(source);
            assert_eq!(fake.calls("MV_CC_StopGrabbing"), 1);
            assert_eq!(fake.calls("MV_CC_CloseDevice"), 1);
            assert_eq!(fake.calls("MV_CC_DestroyHandle"), 1);
        }
        for fill in FILLS {
            let fake = Fake::new(SMALL);
            let running =
                line(camera(&fake, &format!("fill={fill}"))).stage("pass", pass()).start().unwrap();
            until("it grabs", || running.snapshot().frames.grabbed > 3);
            drop(running);
            until("it is closed", || fake.calls("MV_CC_DestroyHandle") == 1);
        }
    });
}

/// Catches: a callback into memory that is gone, when the SDK reports a loss while its device is closed.
#[test]
fn callbacks_while_everything_ends() {
    watched(|| {
        for call in ["StopGrabbing", "CloseDevice", "DestroyHandle", "StartGrabbing"] {
            let fake = Fake::new(SMALL);
            // Of these the line makes something: 0x8002 would end it when it is posted at a start.
            fake.script(&format!("raise {call} 0x8001 times all;raise {call} 0x4007 times all"));
            for fill in FILLS {
                let running = line(camera(&fake, &format!("fill={fill}")))
                    .stage("pass", pass())
                    .start()
                    .unwrap();
                fake.raise(0x1234);
                until("it grabs", || running.snapshot().frames.grabbed > 3);
                fake.script("");
                assert_well(&running.stop(SOON));
                fake.script(&format!("raise {call} 0x8001 times all"));
            }
        }
    });
}

/// Catches: an SDK that is finalised under a device, or a device that is closed under a frame.
#[test]
fn frames_then_devices_then_the_library() {
    watched(|| {
        let fake = Fake::new(SMALL);
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeping = kept.clone();
        let running = line(camera(&fake, "fill=lend"))
            .configure(|c| c.reset.deadline = std::time::Duration::from_millis(50))
            .stage(
                frameline::pipeline::StageSpec {
                    holds: 2,
                    ..frameline::pipeline::StageSpec::new("keep")
                },
                act(move |f, _| {
                    let mut kept = keeping.lock().unwrap();
                    if kept.len() < 2 {
                        kept.push(f.to_shared().unwrap());
                    }
                    Ok(frameline::stage::Flow::Pass)
                }),
            )
            .start()
            .unwrap();
        until("two are kept", || kept.lock().unwrap().len() == 2);
        let end = running.stop(SOON);
        assert_eq!(end.frames.in_flight, 2, "held by whoever keeps them");
        assert_eq!(fake.calls("MV_CC_StopGrabbing"), 1);
        assert_eq!(fake.calls("MV_CC_CloseDevice"), 0, "frames still point into its memory");
        for frame in kept.lock().unwrap().iter() {
            assert!(Fake::check(frame.payload()).is_some(), "its bytes are what they were");
        }
        kept.lock().unwrap().pop();
        assert_eq!(fake.calls("MV_CC_Finalize"), 0);
        kept.lock().unwrap().clear();
        until("the library is finalised", || fake.calls("MV_CC_Finalize") == 1);
        assert_eq!(fake.calls("MV_CC_CloseDevice"), 1);
        assert_eq!(fake.calls("MV_CC_DestroyHandle"), 1);
    });
}

/// Catches: the SDK closed on a thread of a stage, which would wait for seconds in it.
#[test]
fn a_library_serves_several_cameras() {
    watched(|| {
        let fake = Fake::new("camera gige size=160x100;camera usb size=160x100");
        let first = camera(&fake, "index=0");
        let second = camera(&fake, "index=1");
        assert!(Arc::ptr_eq(first.library(), second.library()));
        drop(first);
        let running = line(second).stage("pass", pass()).start().unwrap();
        until("it grabs", || running.snapshot().frames.grabbed > 3);
        assert_eq!(fake.calls("MV_CC_Finalize"), 0);
        assert_well(&running.stop(SOON));
        until("the library is finalised", || fake.calls("MV_CC_Finalize") == 1);
    });
}

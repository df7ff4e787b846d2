//! What happens again and again, or at the worst moment: losses without end, starts and stops without end, a camera that
//! goes in each phase of a line's life, an SDK that does not stop.

use super::fake::Fake;
use super::{Checked, FILLS, SMALL, SOON, assert_well, camera, count, ended, line, util};
use frameline::buffer::Frame;
use frameline::pipeline::StageSpec;
use frameline::source::Source;
use frameline::stage::{Flow, StageContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use util::{act, pass, until, watched};

/// Catches: a camera that is lost every ten seconds and one day is not found again, or comes back with other settings, or
/// leaves a slot or a handle behind each time. An hour of the camera's time. // aravisGigE#35
#[test]
fn an_hour_with_a_disconnection_every_ten_seconds() {
    watched(|| {
        for fill in FILLS {
            let fake = Fake::new("clock virtual;camera gige size=128x64 fps=10 heartbeat=3000");
            fake.script(
                "every 100 from 50 disconnect 1500;every 700 from 100 disconnect 4000 newhandle",
            );
            let (checked, narrow) = (Checked::default(), Arc::new(AtomicU64::new(0)));
            let counting = narrow.clone();
            let running = line(camera(&fake, &format!("fill={fill}&Width=64&Gain=3")))
                .configure(|c| {
                    c.capture.frames = Some(36_000);
                    c.capture.timeout = Duration::from_millis(500);
                    c.faults.backoff = Duration::ZERO;
                    c.faults.backoff_max = Duration::ZERO;
                })
                .stage(StageSpec::new("checked").ring(20), checked.stage())
                .stage(
                    "narrow",
                    act(move |f: &mut Frame, _: &mut StageContext<'_>| {
                        counting.fetch_add(u64::from(f.meta().width == 64), Ordering::Relaxed);
                        Ok(Flow::Pass)
                    }),
                )
                .start()
                .unwrap();
            let slot_bytes = running.snapshot().slot_bytes;
            let end = ended(running);
            // Whether a loss is told by the exception, or first by a camera that came back with other sizes.
            let opens = fake.calls("MV_CC_OpenDevice");
            assert!(opens > 300, "{fill}: {opens} opens, {:?}, {:?}", end.frames, end.faults);
            assert!(
                end.reconnects.iter().all(|r| r.ok) && end.resets.iter().all(|r| r.ok),
                "{fill}"
            );
            assert!(
                !end.reconnects.is_empty() && count(&end, 0x8001) > 0,
                "{fill}: {:?}",
                end.faults
            );
            assert_eq!(checked.torn(), 0, "{fill}");
            assert_eq!(
                narrow.load(Ordering::Relaxed),
                checked.whole(),
                "{fill}: restored each time"
            );
            let gains = fake.calls("MV_CC_SetFloatValue");
            assert!(gains > 300, "{fill}: Gain was set {gains} times");
            assert_eq!(end.slot_bytes, slot_bytes, "{fill}: memory is what it was at the start");
            until("every handle is destroyed", || {
                fake.calls("MV_CC_DestroyHandle") == fake.calls("MV_CC_CreateHandle")
            });
        }
    });
}

/// Catches: a start that a stop at once runs into, after hundreds of which a handle, a thread or the camera's control is
/// left behind. // harvesters#390
#[test]
fn hundreds_of_starts_and_stops_at_once() {
    watched(|| {
        for fill in FILLS {
            let fake = Fake::new("clock virtual;delays off;camera gige size=64x48 fps=500");
            for n in 0..150 {
                let running = line(camera(&fake, &format!("fill={fill}")))
                    .stage("pass", pass())
                    .start()
                    .unwrap();
                match n % 4 {
                    0 => drop(running),
                    1 => assert_well(&running.stop(SOON)),
                    2 => {
                        running.handle().request_stop();
                        assert_well(&ended_by_request(running));
                    }
                    _ => util::assert_balanced(&running.abort()),
                }
            }
            let made = fake.calls("MV_CC_CreateHandle");
            until("every handle is destroyed", || fake.calls("MV_CC_DestroyHandle") == made);
            assert!(made >= 150);
        }
    });
}

fn ended_by_request(mut line: frameline::pipeline::Line) -> frameline::pipeline::Snapshot {
    assert!(line.wait(util::PATIENCE), "a request to stop is heard");
    line.stop(SOON)
}

/// Catches: a camera that goes at the one moment at which nobody counts on it. // HIKROBOT-MVS-CAMERA-ROS#15
#[test]
fn a_camera_that_goes_in_each_phase() {
    watched(|| {
        for fill in FILLS {
            let query = format!("fill={fill}");
            // While it is opened: it is waited for.
            let fake = Fake::new(SMALL);
            fake.unplug(false);
            let source = std::thread::scope(|scope| {
                let opening = scope.spawn(|| camera(&fake, &query));
                until("it is looked for", || fake.calls("MV_CC_EnumDevices") >= 2);
                fake.plug(false);
                opening.join().unwrap()
            });
            // While it is started: found again, and started.
            let armed = line(source).stage("pass", pass()).arm().unwrap();
            let grabbed = |l: &frameline::pipeline::Line| l.snapshot().frames.grabbed;
            fake.unplug(false);
            let handle = armed.handle();
            std::thread::scope(|scope| {
                let starting = scope.spawn(|| handle.start(SOON));
                until("the start is tried", || fake.calls("MV_CC_StartGrabbing") >= 1);
                fake.plug(true);
                starting.join().unwrap().unwrap();
            });
            until("frames come", || grabbed(&armed) > 5);
            // In a reset.
            fake.unplug(true);
            std::thread::scope(|scope| {
                let resetting = scope.spawn(|| handle.reset(None, SOON));
                until("it stops", || fake.calls("MV_CC_StopGrabbing") >= 1);
                fake.plug(true);
                resetting.join().unwrap().unwrap();
            });
            let before = grabbed(&armed);
            until("frames come again", || grabbed(&armed) > before + 5);
            // While it stops, and while it closes: the run is a good one.
            fake.script("block StopGrabbing 30;block CloseDevice 30");
            std::thread::scope(|scope| {
                let stops = fake.calls("MV_CC_StopGrabbing");
                let stopping = scope.spawn(|| armed.stop(SOON));
                until("it stops", || fake.calls("MV_CC_StopGrabbing") > stops);
                fake.unplug(false);
                assert_well(&stopping.join().unwrap());
            });
            let made = fake.calls("MV_CC_CreateHandle");
            until("every handle is destroyed", || fake.calls("MV_CC_DestroyHandle") >= made);
        }
    });
}

/// Catches: slots that are freed or used again while an SDK that can neither be stopped nor closed still writes them.
#[test]
fn an_sdk_that_does_not_stop_keeps_its_buffers() {
    watched(|| {
        let fake = Fake::new("camera gige size=160x100 fps=2000");
        let running = line(camera(&fake, "fill=announce"))
            .configure(|c| c.reset.deadline = Duration::from_millis(50))
            .stage("pass", pass())
            .start()
            .unwrap();
        until("it grabs", || running.snapshot().frames.grabbed > 20);
        let never =
            ["SetCommandValue", "StopGrabbing", "UnRegisterBuffer", "CloseDevice", "DestroyHandle"];
        fake.script(&never.map(|call| format!("fail {call} 0x800000FE times all")).join(";"));
        let end = running.stop(SOON);
        util::assert_balanced(&end);
        assert_eq!(count(&end, 0x8000_00FE), 3, "{:?}", end.faults); // Stop, Close, Destroy.
        // It goes on writing into memory that would be gone: a fault of this process, were it.
        let before = fake.frames();
        until("it writes on", || fake.frames() > before + 200);
        assert_eq!(fake.calls("MV_CC_Finalize"), 0, "not finalised under a device that runs");
    });
}

/// Catches: a blocked control call that the log does not name, or that keeps the stages from the frames they have. What
/// was measured is 9.9 s; here the call lasts until it was named.
#[test]
fn each_blocked_control_call_is_named() {
    watched(|| {
        for (call, named) in [
            ("StopGrabbing", "stopping the source"),
            ("StartGrabbing", "starting the source"),
            ("CloseDevice", "reopening the source"),
            ("OpenDevice", "reopening the source"),
            ("GetPayloadSize", "asking the source what it knows"),
        ] {
            let fake = Fake::new(SMALL);
            let running = line(camera(&fake, "fill=copy"))
                .configure(|c| c.monitor.hang_after = Duration::from_millis(30))
                .stage("pass", pass())
                .start()
                .unwrap();
            until("it grabs", || running.snapshot().frames.grabbed > 3);
            let cause = match call {
                "GetPayloadSize" => "every 10 timeout 8;",
                "CloseDevice" | "OpenDevice" => "fail GetOneFrameTimeout 0x80000206;",
                _ => "",
            };
            fake.script(&format!("{cause}block {call} 400"));
            if cause.is_empty() {
                running.handle().reset(None, SOON).unwrap();
            }
            let text = format!("thread capture has been in {named}");
            until(&text, || running.snapshot().events.iter().any(|e| e.text.contains(&text)));
            let before = running.snapshot().frames.grabbed;
            until("frames come", || running.snapshot().frames.grabbed > before + 5);
            assert_well(&running.stop(SOON));
        }
    });
}

/// Catches: a packet size that is written while the camera grabs, after which nothing comes for ever: the line sets it
/// within one reset. // aravis#874
#[test]
fn a_packet_size_is_set_within_a_reset() {
    watched(|| {
        let fake = Fake::new(SMALL);
        let mut source = camera(&fake, "fill=copy&packet_size=1500");
        // Locked while grabbing by the line, since the SDK would let it through and then answer 0x80000007 for ever.
        assert!(source.is_locked_while_grabbing("GevSCPSPacketSize"));
        source.set_feature("GevSCPSPacketSize", "1004").unwrap();
        let running = line(source).stage("pass", pass()).start().unwrap();
        until("it grabs", || running.snapshot().frames.grabbed > 3);
        running.handle().set_feature("GevSCPSPacketSize", "1500", SOON).unwrap();
        let before = running.snapshot().frames.grabbed;
        until("frames come", || running.snapshot().frames.grabbed > before + 5);
        let end = running.stop(SOON);
        assert_well(&end);
        assert_eq!((end.resets.len(), end.reconnects.len()), (1, 0));
        assert_eq!(end.frames.incomplete, 0, "every frame whole");
    });
}

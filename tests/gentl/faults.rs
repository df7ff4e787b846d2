//! The producer misbehaves, or the camera goes: each fault by its name, and no byte of another frame.

use super::fakegentl::Fake;
use super::{Checked, SMALL, SOON, WHOLE_RUN, assert_well, camera, count, ended, line, util};
use frameline::buffer::{Pool, PoolConfig};
use frameline::pipeline::{Snapshot, StageSpec};
use frameline::sdk::gentl::Gentl;
use frameline::source::{Diagnosis, Fill, Grab, Source};
use std::time::Duration;
use util::{Notes, anomaly, pass, until, watched};

/// A run of 100 frames under a script.
fn run(script: &str) -> (Snapshot, Checked) {
    let fake = Fake::new(SMALL);
    fake.script(script);
    let (checked, notes) = (Checked::default(), Notes::default());
    let end = ended(
        line(camera(&fake, ""))
            .configure(|c| c.capture.frames = Some(100))
            .stage(StageSpec::new("checked").ring(WHOLE_RUN), checked.stage())
            .stage("notes", notes.stage())
            .start()
            .unwrap(),
    );
    notes.assert_order(script);
    (end, checked)
}

/// Catches: frames that are lost on the way and that nobody counts.
#[test]
fn gaps_are_counted() {
    watched(|| {
        let (end, _) = run("frame 30 drop; frame 31 drop; frame 60 drop");
        assert_eq!((end.frames.lost_by_device, end.frames.underrun), (3, 0), "{:?}", end.frames);
    });
}

/// Catches: a frame with holes of old pixels that passes as whole.
#[test]
fn incomplete_frames_are_incomplete() {
    watched(|| {
        let (end, checked) = run("frame 10 incomplete; frame 20 incomplete");
        assert_eq!((end.frames.incomplete, checked.torn()), (2, 0), "{:?}", end.frames);
    });
}

/// Catches: a length beyond the buffer that is believed and read.
#[test]
fn lengths_are_not_believed() {
    watched(|| {
        let (end, checked) = run(
            "frame 10 report=99999999; frame 20 report=10; frame 30 size=0x0; frame 40 size=4294967295x4294967295",
        );
        assert_eq!(anomaly(&end, "clipped_length"), 1, "{:?}", end.anomalies);
        assert_eq!(anomaly(&end, "short_frame"), 1, "{:?}", end.anomalies);
        assert_eq!(anomaly(&end, "bad_geometry"), 2, "{:?}", end.anomalies);
        assert_eq!(checked.torn(), 0, "{:?}", end.anomalies);
    });
}

/// Catches: a producer that writes past a buffer's end into the next frame.
#[test]
fn an_overrun_is_seen_and_costs_one_frame() {
    watched(|| {
        let (end, checked) = run("frame 40 overrun=3000");
        assert_eq!(anomaly(&end, "canary_overrun"), 1, "{:?}", end.anomalies);
        assert_eq!((end.frames.invalid, checked.torn()), (1, 0), "{:?}", end.frames);
        assert_eq!(end.resets.len(), 1, "a spare slot takes its place: {:?}", end.resets);
    });
}

/// Catches: one buffer in two hands, or a frame counted twice.
#[test]
fn a_buffer_delivered_twice_is_taken_once() {
    watched(|| {
        let (end, checked) = run("frame 15 twice; frame 30 twice; frame 31 twice");
        let rejected = count(&end, -1013) + anomaly(&end, "duplicate_id");
        assert_eq!((rejected, checked.torn()), (3, 0), "{:?} {:?}", end.faults, end.anomalies);
    });
}

/// Catches: a payload that is larger than its buffer for ever.
#[test]
fn a_larger_payload_makes_room() {
    watched(|| {
        let (end, _) = run("frame 50 larger");
        assert_eq!(count(&end, -1016), 1, "{:?}", end.faults);
        assert_eq!(end.resets.len(), 1, "{:?}", end.resets);
    });
}

/// Catches: a time-out treated as a fault of the buffer; a code that is not told.
#[test]
fn codes_of_the_wait_are_told_and_cost_nothing() {
    watched(|| {
        let (end, checked) = run(
            "fail EventGetData -1011 after=5 times=2; fail EventGetData -1012 after=20; fail EventGetData -1008 after=40",
        );
        for code in [-1012, -1008] {
            assert_eq!(count(&end, code), 1, "{code}: {:?}", end.faults);
        }
        assert!(count(&end, -1011) >= 2, "{:?}", end.faults);
        assert_eq!((end.resets.len(), end.reconnects.len(), checked.torn()), (0, 0, 0));
    });
}

/// Catches: a frame that is lost because a question about it failed.
#[test]
fn questions_that_fail_cost_no_frame() {
    watched(|| {
        let (end, checked) = run(
            "fail DSGetBufferInfoStacked -1001 times=0; fail DSGetInfo -1001 times=0; fail DSGetNumBufferParts -1003 times=0",
        );
        assert_eq!((end.frames.delivered, checked.torn()), (100, 0), "{:?}", end.frames);
    });
}

/// Catches: a start that is given up at the first refusal, or tried for ever. // HIKROBOT-MVS-CAMERA-ROS#15
#[test]
fn a_start_that_fails_is_tried_again_or_told() {
    watched(|| {
        for busy in
            ["DSStartAcquisition -1004", "DSAnnounceBuffer -1022", "DevOpenDataStream -1004"]
        {
            let fake = Fake::new(SMALL);
            let camera = camera(&fake, "");
            // The stream that the camera was opened with is the first start's.
            let script = if busy.starts_with("Dev") {
                format!("fail DSStartAcquisition -1004; fail {busy} times=2")
            } else {
                format!("fail {busy} times=2")
            };
            fake.script(&script);
            let end = ended(
                line(camera)
                    .configure(|c| c.capture.frames = Some(20))
                    .stage(StageSpec::new("pass").ring(WHOLE_RUN), pass())
                    .start()
                    .unwrap(),
            );
            assert_eq!(end.frames.delivered, 20, "{busy}: {:?}", end.faults);
        }
        let fake = Fake::new(SMALL);
        let camera = camera(&fake, "");
        fake.script("fail DSStartAcquisition -1009 times=0");
        let mut running = line(camera).stage("pass", pass()).start().unwrap();
        assert!(running.wait(util::PATIENCE));
        let end = running.stop(SOON);
        let why = end.failure.expect("it did not start");
        assert!(why.contains("GC_ERR_INVALID_PARAMETER") && why.contains("misuse"), "{why}");
        assert_eq!(fake.calls("DSRevokeBuffer"), fake.calls("DSAnnounceBuffer"));
    });
}

/// Catches: a camera that is lost for good, or that comes back with the factory's settings. // aravis#169
#[test]
fn a_lost_camera_comes_back_as_it_was() {
    watched(|| {
        let fake = Fake::new("camera A size=640x480 fps=500 patient=1");
        let checked = Checked::default();
        let running = line(camera(&fake, "Width=64&Height=32&OffsetX=32"))
            .stage(StageSpec::new("checked").ring(WHOLE_RUN), checked.stage())
            .start()
            .unwrap();
        running.handle().set_feature("ExposureTime", "1234", SOON).unwrap();
        for round in 0..2 {
            let before = checked.whole();
            until("frames come", || checked.whole() > before + 20);
            fake.unplug();
            until("it is missed", || running.snapshot().faults.iter().any(|f| f.code == -1010));
            let looked = fake.calls("IFUpdateDeviceList");
            until("it is looked for", || fake.calls("IFUpdateDeviceList") > looked + 2);
            fake.plug();
            until("it is back", || running.snapshot().reconnects.len() == round + 1);
        }
        let before = checked.whole();
        until("frames come again", || checked.whole() > before + 20);
        let end = running.stop(SOON);
        assert_well(&end);
        assert!(end.reconnects.iter().all(|r| r.ok && r.dead.0 > 0), "{:?}", end.reconnects);
        assert_eq!((checked.torn(), end.resets.len()), (0, 0), "{:?}", end.resets);
        let g = camera(&fake, "").geometry();
        assert_eq!((g.width, g.height, g.offset_x), (64, 32, 32));
        assert!(
            end.diagnoses
                .iter()
                .any(|d| d.verdict == "lost" && d.evidence.connected == Some(false))
        );
    });
}

/// Catches: a setting that cannot be made again, passed over.
#[test]
fn a_camera_that_does_not_take_its_settings_is_not_back() {
    watched(|| {
        let fake = Fake::new(SMALL);
        let mut camera = camera(&fake, "Width=64");
        fake.unplug();
        assert_eq!(camera.reopen().unwrap_err().code, -1010);
        fake.plug();
        fake.script("fail GCWritePort -1005");
        assert_eq!(camera.reopen().unwrap_err().code, -1005);
        camera.reopen().unwrap();
        assert_eq!(camera.geometry().width, 64);
    });
}

/// Catches: a region that another program changes while frames are taken: frames longer than their buffers, read beyond
/// their end, or a line that goes on with stale sizes. // harvesters#444
#[test]
fn a_live_region_change_is_a_reset() {
    watched(|| {
        const WIDTH: u64 = 0x100;
        let fake = Fake::new("camera A size=640x480 fps=500 patient=1 loose=1");
        let checked = Checked::default();
        let running = line(camera(&fake, "Width=64&Height=32"))
            .stage(StageSpec::new("checked").ring(WHOLE_RUN), checked.stage())
            .start()
            .unwrap();
        until("frames come", || checked.whole() > 20);
        fake.poke(WIDTH, 640);
        until("it is answered", || !running.snapshot().resets.is_empty());
        let before = checked.whole();
        until("frames come again", || checked.whole() > before + 20);
        let end = running.stop(SOON);
        assert_well(&end);
        assert!(end.resets.iter().all(|r| r.ok), "{:?}", end.resets);
        assert_eq!(checked.torn(), 0, "{:?}", end.frames);
    });
}

/// Catches: a camera that says less than it sends. // aravis#893
#[test]
fn a_payload_can_be_given() {
    let fake = Fake::new(SMALL);
    let camera = camera(&fake, "payload=20000");
    assert_eq!((camera.payload_bytes(), camera.max_payload_bytes()), (20_000, 20_000));
}

/// Catches: losses and damage that nobody sees for the rest of a run, because a question failed once.
#[test]
fn a_question_that_fails_once_is_asked_again() {
    watched(|| {
        let (end, _) = run("frame 30 drop; frame 31 drop; frame 60 drop; frame 70 incomplete; \
             fail DSGetBufferInfoStacked -1001; fail DSGetBufferInfo -1010");
        let f = end.frames;
        assert_eq!((f.lost_by_device, f.incomplete), (3, 1), "{f:?}");
        assert_eq!(count(&end, -1001), 1, "it is told: {:?}", end.faults);
        let fake = Fake::new(&format!("producer stacked=0;{SMALL}"));
        fake.script(
            "frame 30 drop; frame 60 incomplete; fail DSGetBufferInfo -1010 after=50 times=17",
        );
        let end = ended(
            line(camera(&fake, ""))
                .configure(|c| c.capture.frames = Some(100))
                .stage(StageSpec::new("pass").ring(WHOLE_RUN), pass())
                .start()
                .unwrap(),
        );
        let f = end.frames;
        assert_eq!((f.lost_by_device, f.incomplete), (1, 1), "{f:?}");
        assert_eq!(count(&end, -1010), 17, "each is told: {:?}", end.faults);
    });
}

/// Catches: a payload that is asked of the camera where the host's side adds to it: slots that are too small from the second
/// start on, and a format that seems to have changed at each silence.
#[test]
fn the_side_that_knows_the_payload_is_asked_at_each_start() {
    watched(|| {
        const ADDED: usize = 4096;
        let fake = Fake::new(&format!("{SMALL} defines=1 adds={ADDED}"));
        let mut source = camera(&fake, "trigger=software&Width=64&Height=32");
        assert_eq!(source.payload_bytes(), 64 * 32 + ADDED);
        source.set_feature("Width", "128").unwrap();
        for round in 0..3 {
            let mut pool = pool(8, source.payload_bytes());
            while let Some(frame) = pool.take() {
                source.queue(frame);
            }
            source.start(Fill::Announce).unwrap();
            assert_eq!(source.diagnose(), Diagnosis::IdleTrigger, "start {round}");
            source.stop_device().unwrap();
            source.stop_host().unwrap();
            source.revoke(&mut |frame| pool.put_back(frame));
            source.set_feature("ExposureTime", "2000").unwrap();
            assert_eq!(source.payload_bytes(), 128 * 32 + ADDED, "start {round}");
        }
        drop(source);
        assert_eq!(fake.calls("DSClose"), fake.calls("DevOpenDataStream"), "all closed");
    });
}

/// Catches: a pool that shrinks with each start, to nothing, because the slots that frames were in then are never
/// announced again.
#[test]
fn slots_that_were_out_at_the_start_are_filled_again() {
    watched(|| {
        let fake = Fake::new(&format!("producer min=1;{SMALL}"));
        let mut source = camera(&fake, "");
        let mut pool = pool(4, source.payload_bytes());
        let mut out: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        source.queue(out.pop().unwrap());
        source.start(Fill::Announce).unwrap();
        let grab = |source: &mut Gentl| {
            let mut came = None;
            until("a frame comes", || {
                let (frame, grab) = source.grab_queued(Duration::from_millis(100));
                if let (Some(mut frame), Grab::Filled { reported_bytes }) = (frame, grab) {
                    frame.set_filled(reported_bytes as usize);
                    came = Some(frame.filled());
                }
                came.is_some()
            });
            came.unwrap()
        };
        let held = grab(&mut source);
        let seen = held.image().to_vec();
        out.drain(..).for_each(|frame| source.queue(frame)); // They come home in mid-run.
        let mut last = held.id();
        for _ in 0..10 {
            let frame = grab(&mut source);
            assert!(
                Fake::is_whole(frame.image()) && frame.id() > last,
                "{} after {last}",
                frame.id()
            );
            last = frame.id();
            source.queue(frame.into_mut().unwrap());
        }
        assert_eq!(held.image(), seen, "what is held is not written");
        assert_eq!(fake.calls("DevOpenDataStream"), 2, "it was started anew once");
        let mut told = Vec::new();
        source.take_faults(&mut |fault, call, times| told.push((fault.code, call, times)));
        assert_eq!(told, [(-1022, "DSAnnounceBuffer", 3)]);
        source.stop_device().unwrap();
        source.stop_host().unwrap();
        source.revoke(&mut |frame| pool.put_back(frame));
        drop(held);
        assert!(pool.census().all_home());
    });
}

fn pool(slots: usize, bytes: usize) -> Pool {
    let config = PoolConfig { headroom: 1.0, lock: false, ..PoolConfig::new(slots, bytes) };
    Pool::new(config, Default::default()).unwrap()
}

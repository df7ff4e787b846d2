//! The camera goes, changes under way, or does not answer.

use super::fake::Fake;
use super::{Checked, FILLS, SMALL, SOON, assert_well, camera, count, ended, line, util};
use frameline::buffer::{Pool, PoolConfig};
use frameline::pipeline::StageSpec;
use frameline::sdk::mvs::Mvs;
use frameline::source::{Fill, Grab, Source};
use std::time::Duration;
use util::{Gate, Gated, Notes, pass, until, watched};

/// Catches: a camera that is lost for good, or found without its frames being counted; one that only a new
/// handle opens again. // camera_aravis2#41
#[test]
fn a_disconnection_is_survived() {
    watched(|| {
        for fill in FILLS {
            let fake = Fake::new(SMALL);
            fake.script("at 60 disconnect 150;at 200 disconnect 150 newhandle");
            let (checked, notes) = (Checked::default(), Notes::default());
            let end = ended(
                line(camera(&fake, &format!("fill={fill}")))
                    .configure(|c| c.capture.frames = Some(400))
                    .stage(StageSpec::new("checked").ring(20), checked.stage())
                    .stage("notes", notes.stage())
                    .start()
                    .unwrap(),
            );
            assert_eq!(end.reconnects.len(), 2, "{fill}: {:?}", end.events);
            assert!(end.reconnects.iter().all(|r| r.ok && r.dead.0 > 0));
            assert_eq!(end.resets.len(), 0, "{fill}: {:?}", end.resets);
            assert_eq!(count(&end, 0x8001), 2, "the callback told: {:?}", end.faults);
            assert_eq!(checked.torn(), 0, "{fill}");
            notes.assert_order(fill);
        }
    });
}

/// Catches: pulling the cable healed otherwise than losing the power. // pointgrey_camera_driver#79
#[test]
fn a_pulled_cable_and_a_glitch() {
    watched(|| {
        let fake = Fake::new("camera gige size=160x100 fps=500 heartbeat=400");
        let running = line(camera(&fake, "fill=copy")).stage("pass", pass()).start().unwrap();
        let grabbed = || running.snapshot().frames.grabbed;
        until("frames come", || grabbed() > 20);
        fake.unplug(true);
        until("the camera is missed", || !running.snapshot().faults.is_empty());
        fake.plug(false);
        let before = grabbed();
        until("frames come again", || grabbed() > before + 20);
        assert!(running.snapshot().reconnects.len() <= 1, "a short one heals by itself");
        let looked = fake.calls("MV_CC_EnumDevices");
        fake.unplug(true);
        until("it is looked for", || fake.calls("MV_CC_EnumDevices") > looked);
        fake.plug(false);
        let before = grabbed();
        until("frames come again", || grabbed() > before + 20);
        let end = running.stop(SOON);
        assert_well(&end);
        assert!(end.reconnects.iter().all(|r| r.ok), "{:?}", end.reconnects);
    });
}

/// Catches: 0x80000007 for ever, when the region grew while grabbing; memory moved for a time-out without a
/// diagnosis. // harvesters#444
#[test]
fn a_region_that_grew_is_diagnosed_and_cured() {
    watched(|| {
        for fill in FILLS {
            let fake = Fake::new("camera gige size=640x480 fps=500");
            fake.script("at 60 drift 640x480");
            let checked = Checked::default();
            let end = ended(
                line(camera(&fake, &format!("fill={fill}&Width=160&Height=96")))
                    .configure(|c| c.capture.frames = Some(500))
                    .stage(StageSpec::new("checked").ring(20), checked.stage())
                    .start()
                    .unwrap(),
            );
            let reasons: Vec<_> = end.resets.iter().map(|r| r.reason).collect();
            assert_eq!(reasons, ["format drift diagnosed after time-outs"], "{fill}");
            assert_eq!(end.reconnects.len(), 0, "{fill}");
            let diagnosis = end.diagnoses.iter().find(|d| d.verdict == "format-drift").unwrap();
            assert_eq!(diagnosis.evidence.connected, Some(true));
            assert_eq!(diagnosis.evidence.payload_at_start, Some(160 * 96));
            assert_eq!(diagnosis.evidence.payload_now, Some(640 * 480));
            assert_eq!(checked.torn(), 0, "{fill}");
            assert!(checked.whole() > 60, "{fill}: {:?}", end.frames);
        }
    });
}

/// Catches: 0x80000007 for ever after another program has tuned the packet size. A frame with holes comes now and then
/// (SDK_FACTS A7): after many time-outs, between a few, or instead of any; none of it is the end of the trouble.
#[test]
fn a_packet_size_that_was_changed_is_diagnosed_and_cured() {
    watched(|| {
        for fill in FILLS {
            for (fps, time_out_ms, reason) in [
                (50, 20, "format drift diagnosed after time-outs"),
                (500, 20, "format drift diagnosed after damaged frames"),
                (100, 500, "format drift diagnosed after damaged frames"),
            ] {
                let what = format!("{fill}, {fps} frames/s, time-out {time_out_ms} ms");
                let fake = Fake::new(&format!(
                    "clock virtual;delays off;camera gige size=160x100 fps={fps}"
                ));
                fake.script("at 60 packet 1004");
                let checked = Checked::default();
                let end = ended(
                    line(camera(&fake, &format!("fill={fill}&nodes=100")))
                        .configure(|c| {
                            c.capture.frames = Some(400);
                            c.capture.timeout = Duration::from_millis(time_out_ms);
                        })
                        .stage(StageSpec::new("checked").ring(85), checked.stage())
                        .start()
                        .unwrap(),
                );
                // One reset, which moves no memory, and whole frames again.
                assert_eq!(end.resets.len(), 1, "{what}: {:?}", end.events);
                let reset = &end.resets[0];
                assert_eq!((reset.reason, reset.ok), (reason, true), "{what}");
                assert_eq!(reset.slot_bytes_before, reset.slot_bytes_after, "{what}");
                assert!(reset.dead.0 > 0, "{what}: {reset:?}");
                assert!(end.reconnects.is_empty(), "{what}: {:?}", end.reconnects);
                // A busy machine's consumer may refuse some.
                let whole = end.frames.delivered + end.frames.refused;
                assert!(whole > 160, "{what}: {:?}", end.frames);
                assert_eq!(checked.whole(), end.frames.delivered, "{what}");
                assert_eq!(checked.torn(), end.frames.incomplete, "{what}");
                // With its evidence, in the report and in the event.
                let verdicts: Vec<_> = end.diagnoses.iter().map(|d| d.verdict).collect();
                assert_eq!(verdicts, ["format-drift"], "{what}");
                let d = &end.diagnoses[0];
                assert_eq!(d.timeouts + d.damaged, 4, "{what}: {d:?}");
                assert_eq!(d.evidence.connected, Some(true), "{what}");
                assert_eq!(d.evidence.payload_now, d.evidence.payload_at_start, "{what}");
                let before = d.evidence.packet_at_start.unwrap();
                assert_eq!(d.evidence.packet_now, Some(1004), "{what}");
                assert!(d.evidence.bytes_received.is_some_and(|n| n > 0), "{what}: {d:?}");
                let told = format!("packet size {before} bytes at start and 1004 now");
                let events = end.events.iter().filter(|e| e.text.contains(&told)).count();
                assert_eq!(events, 1, "{what}: {:?}", end.events);
            }
        }
    });
}

/// Catches: a dead time of 0 for a camera that came back with other frames than it left with, and a camera that is
/// stopped once more for the first of them.
#[test]
fn a_camera_that_returns_with_other_frames_is_started_once() {
    watched(|| {
        for fill in FILLS {
            let fake = Fake::new("clock virtual;camera gige size=160x100 heartbeat=40");
            fake.script("at 30 drift 160x100;at 60 disconnect 150");
            let end = ended(
                line(camera(&fake, &format!("fill={fill}&Width=96")))
                    .configure(|c| c.capture.frames = Some(150))
                    .stage("pass", pass())
                    .start()
                    .unwrap(),
            );
            let reasons: Vec<_> = end.resets.iter().map(|r| r.reason).collect();
            let while_away = "format changed while away";
            assert_eq!(reasons, ["format drift diagnosed after time-outs", while_away], "{fill}");
            assert!(end.resets.iter().all(|r| r.dead.0 > 0), "{fill}: {:?}", end.resets);
            assert!(end.reconnects.len() == 1 && end.reconnects[0].dead.0 > 0, "{fill}");
            assert_eq!(fake.calls("MV_CC_StartGrabbing"), 3, "{fill}");
        }
    });
}

/// Catches: a frame thrown away because it did not fit, though the SDK keeps it.
#[test]
fn a_frame_that_does_not_fit_is_fetched_after_all() {
    watched(|| {
        let fake = Fake::new("clock virtual;delays off;camera gige size=160x100 fps=100");
        fake.script("at 30 resize 320x200");
        let (checked, notes) = (Checked::default(), Notes::default());
        let end = ended(
            line(camera(&fake, "fill=copy&nodes=100"))
                .configure(|c| {
                    c.capture.frames = Some(60);
                    c.pool.budget_bytes = Some(64 << 20);
                })
                .stage(StageSpec::new("checked").ring(85), checked.stage())
                .stage("notes", notes.stage())
                .start()
                .unwrap(),
        );
        assert_eq!(count(&end, 0x8000_000A), 1, "{:?}", end.faults);
        let reasons: Vec<_> = end.resets.iter().map(|r| r.reason).collect();
        assert_eq!(reasons[0], "buffer too small", "{reasons:?}");
        assert!(end.resets[0].slot_bytes_after >= 64_000, "{:?}", end.resets[0]);
        let first_large = end.frames.grabbed - end.frames.lost_by_device;
        assert_eq!(checked.torn(), 0);
        let ids = notes.ids();
        let at = ids.iter().position(|id| *id == ids[0] + 30).expect("the frame that did not fit");
        assert!(at == 30 && first_large > 30, "{ids:?}");
    });
}

/// Catches: registered slots that are too small, and every frame dropped for it.
#[test]
fn registered_slots_that_are_too_small_are_grown() {
    watched(|| {
        let fake = Fake::new("camera gige size=160x100 fps=500");
        fake.script("at 30 resize 640x400");
        let checked = Checked::default();
        let end = ended(
            line(camera(&fake, "fill=announce"))
                .configure(|c| {
                    c.capture.frames = Some(400);
                    c.pool.budget_bytes = Some(64 << 20);
                })
                .stage("checked", checked.stage())
                .start()
                .unwrap(),
        );
        assert!(count(&end, 0x4008) >= 1, "{:?}", end.faults);
        assert_eq!(end.resets[0].reason, "buffer too small");
        assert_eq!((end.reconnects.len(), checked.torn()), (0, 0));
    });
}

/// Catches: a line that waits for a control call without saying so, or whose stages wait with it.
#[test]
fn a_blocked_call_is_named_while_the_stages_go_on() {
    watched(|| {
        let fake = Fake::new(SMALL);
        let gate = Gate::default();
        let running = line(camera(&fake, "fill=copy"))
            .configure(|c| c.monitor.hang_after = Duration::from_millis(50))
            .stage(StageSpec::new("gated").ring(16), Gated(gate.clone()))
            .start()
            .unwrap();
        until("frames wait", || running.snapshot().hops[0].accepted >= 10);
        fake.script("block SetFloatValue 3000");
        let handle = running.handle();
        std::thread::scope(|scope| {
            let order = scope.spawn(|| handle.set_feature("Gain", "1", SOON));
            let named = |text: &str| {
                let s = running.snapshot();
                s.events.iter().any(|e| e.text.contains(text))
            };
            until("it is named", || named("thread capture has been in setting a feature"));
            gate.open();
            until("the stages go on", || running.snapshot().stages[0].frames >= 10);
            order.join().unwrap().unwrap();
        });
        assert_well(&running.stop(SOON));
    });
}

/// Catches: a start that blocks for seconds between loss and exception and takes the line with it.
#[test]
fn a_start_that_blocks_and_fails_leads_to_a_reconnection() {
    watched(|| {
        let fake = Fake::new(SMALL);
        let running = line(camera(&fake, "fill=announce"))
            .configure(|c| c.monitor.hang_after = Duration::from_millis(50))
            .stage("pass", pass())
            .start()
            .unwrap();
        fake.script("block StartGrabbing 400;fail StartGrabbing 0x80000206");
        running.handle().reset(None, SOON).unwrap();
        let events = running.snapshot().events;
        assert!(events.iter().any(|e| e.text.contains("starting the source")), "{events:?}");
        let before = running.snapshot().frames.grabbed;
        until("frames come", || running.snapshot().frames.grabbed > before + 10);
        assert_well(&running.stop(SOON));
    });
}

/// Catches: a disconnection every few moments that one day is not survived. // aravisGigE#35
#[test]
fn disconnections_without_end() {
    watched(|| {
        let fake = Fake::new("camera gige size=160x100 fps=1000 heartbeat=10");
        fake.script("every 100 from 50 disconnect 15;every 200 from 150 disconnect 25 newhandle");
        let checked = Checked::default();
        let end = ended(
            line(camera(&fake, "fill=lend"))
                .configure(|c| c.capture.frames = Some(2500))
                .stage("checked", checked.stage())
                .start()
                .unwrap(),
        );
        assert!(end.reconnects.len() >= 10, "{}", end.reconnects.len());
        assert!(end.reconnects.iter().all(|r| r.ok));
        assert_eq!(checked.torn(), 0);
    });
}

/// Catches: optional news whose absence is taken for a fault. // harvesters#409
#[test]
fn optional_questions_may_fail() {
    watched(|| {
        let fake = Fake::new(SMALL);
        fake.script(
            "fail GetAllMatchInfo 0x80000001 times all;fail GetPayloadSize 0x80000001 times all",
        );
        let camera: Mvs = camera(&fake, "trigger=software&fill=copy");
        assert_eq!(camera.payload_bytes(), 16_000);
        let running = line(camera).stage("pass", pass()).start().unwrap();
        until("it was asked", || !running.snapshot().diagnoses.is_empty());
        assert_eq!(running.snapshot().diagnoses[0].verdict, "idle-trigger");
        assert_well(&running.stop(SOON));
    });
}

/// Catches: a pool that shrinks with each start, to nothing, because the slots that frames were in then are never
/// registered again.
#[test]
fn slots_that_were_out_at_the_start_are_filled_again() {
    watched(|| {
        let fake = Fake::new(SMALL);
        let mut source = camera(&fake, "fill=announce");
        let config = PoolConfig { headroom: 1.0, lock: false, ..PoolConfig::new(8, 160 * 100) };
        let mut pool = Pool::new(config, Default::default()).unwrap();
        let mut out: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        out.drain(4..).for_each(|frame| source.queue(frame));
        source.start(Fill::Announce).unwrap();
        let grab = |source: &mut Mvs| {
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
        let held: Vec<_> = (0..4).map(|_| grab(&mut source)).collect();
        let seen: Vec<_> = held.iter().map(|f| f.image().to_vec()).collect();
        out.drain(..).for_each(|frame| source.queue(frame)); // They come home in mid-run.
        let mut last = held[3].id();
        for _ in 0..20 {
            let frame = grab(&mut source);
            assert!(frame.id() > last, "{} after {last}", frame.id());
            last = frame.id();
            source.queue(frame.into_mut().unwrap());
        }
        let now: Vec<_> = held.iter().map(|f| f.image().to_vec()).collect();
        assert!(now == seen, "what is held is not written");
        assert_eq!(fake.calls("MV_CC_StartGrabbing"), 2, "it was started anew once");
        let mut told = 0;
        source.take_faults(&mut |_, call, times| {
            told += if call == "MV_CC_RegisterBuffer" { times } else { 0 };
        });
        assert_eq!(told, 4, "each slot that is not taken is told");
        source.stop_device().unwrap();
        source.stop_host().unwrap();
        source.revoke(&mut |frame| pool.put_back(frame));
        drop(held);
        assert!(pool.census().all_home());
    });
}

/// Catches: a fault while a lost camera is opened anew that is told of another call than the one that answered so; slots
/// that stages still read then, told as if that call had answered again.
#[test]
fn a_refused_reopening_is_told_of_the_call_that_refused() {
    const CALL_ORDER: i64 = 0x8000_0003;
    watched(|| {
        for call in ["EnumDevices", "CreateHandle", "OpenDevice", "SetFloatValue"] {
            let fake = Fake::new(SMALL);
            let gate = Gate::default();
            let running = line(camera(&fake, "fill=announce&Gain=2"))
                .stage(StageSpec::new("gated").ring(16), Gated(gate.clone()))
                .start()
                .unwrap();
            until("frames wait", || running.snapshot().hops[0].accepted >= 3);
            fake.script(&format!("fail GetImageBuffer 0x80000206;fail {call} 0x80000003"));
            until("it is started anew", || fake.calls("MV_CC_StartGrabbing") > 1);
            gate.open();
            let before = running.snapshot().frames.grabbed;
            until("frames come again", || running.snapshot().frames.grabbed > before + 20);
            let end = running.stop(SOON);
            assert_well(&end);
            let fault = end.faults.iter().find(|f| f.code == CALL_ORDER).expect("it is counted");
            let [(first, once), (then, out)] = fault.calls[..] else { panic!("{fault:?}") };
            assert_eq!((first, once), (format!("MV_CC_{call}").as_str(), 1), "{fault:?}");
            assert_eq!((then, out > 0), ("MV_CC_RegisterBuffer", true), "{fault:?}");
            assert_eq!(end.reconnects.len(), 1, "{:?}", end.events);
        }
    });
}

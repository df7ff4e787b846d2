//! The fault ladder through a whole line: each class, each rung, each budget.
#![allow(missing_docs)]

mod util;

use frameline::ErrorKind;
use frameline::buffer::Frame;
use frameline::fault::{Fault, FaultClass};
use frameline::pipeline::{Line, LineBuilder, LineState, Snapshot, StageSpec};
use frameline::ring::Policy;
use frameline::sim::codes::*;
use frameline::source::{Grab, Source};
use frameline::stage::{Flow, StageContext};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use util::{
    PATIENCE, Tampered, act, anomaly, assert_balanced, assert_whole, count, sim,
    sim_in_its_own_time, until, verify, watched,
};

const SOON: Duration = Duration::from_secs(60);
const FILLS: [&str; 3] = ["copy", "announce", "lend"];

fn small(query: &str) -> String {
    format!("width=64&height=48&sensor_width=64&sensor_height=48&{query}")
}

/// A line that climbs fast.
fn line(source: impl Source + 'static) -> LineBuilder {
    Line::builder(source).configure(|c| {
        c.pool.lock = false;
        c.capture.timeout = Duration::from_millis(5);
        c.faults.backoff = Duration::from_millis(1);
        c.faults.backoff_max = Duration::from_millis(4);
    })
}

fn ended(builder: LineBuilder) -> Snapshot {
    let mut line = builder.start().unwrap();
    assert!(line.wait(PATIENCE), "the run did not end: {:?}", line.snapshot().frames);
    let end = line.stop(SOON);
    assert_balanced(&end);
    assert_eq!(end.frames.in_flight, 0);
    end
}

fn fault(s: &Snapshot, code: i64) -> u64 {
    s.faults.iter().find(|f| f.code == code).map_or(0, |f| f.count)
}

fn fail_once(code: i64) -> impl FnMut(u64) -> Option<Grab> + Send {
    fail_times(code, 1)
}

/// Grabs 10, 11, ... answer that code.
fn fail_times(code: i64, times: u64) -> impl FnMut(u64) -> Option<Grab> + Send {
    move |n| (10..10 + times).contains(&n).then_some(Grab::Fault(Fault::code(code)))
}

/// What a source may rely on: stopped, device first, before buffers are taken away or it is reopened.
fn assert_call_order(calls: &[&str]) {
    let (mut device, mut host) = (false, false);
    for (i, call) in calls.iter().enumerate() {
        match *call {
            "start" => (device, host) = (true, true),
            "stop_device" => device = false,
            "stop_host" => {
                assert!(!device, "the host side was stopped first: {calls:?}");
                host = false;
            }
            "revoke" | "reopen" => {
                assert!(!host, "call {i}, {call}, came while the source ran: {calls:?}");
            }
            _ => {}
        }
    }
}

/// Catches: a time-out that is taken for a fault of the buffer, or for a lost camera, after the first few.
#[test]
fn a_few_time_outs_cost_nothing() {
    watched(|| {
        for fill in FILLS {
            let (camera, _) = sim_in_its_own_time(&small(&format!(
                "rate=1000&fill={fill}&frames=60&queue=70&faults=at 10 timeout 2;at 30 timeout 3"
            )));
            let end = ended(line(camera).stage(StageSpec::new("verify").ring(60), verify()));
            assert_eq!(end.failure, None);
            assert_eq!(fault(&end, SIM_TIMEOUT), 5, "{fill}: {:?}", end.faults);
            assert_eq!((end.resets.len(), end.reconnects.len()), (0, 0), "{fill}");
            assert_eq!(end.frames.delivered, 60, "{fill}: {:?}", end.frames);
            assert_whole(&end, "verify");
        }
    });
}

/// Catches: a line that waits for ever on a camera that has gone silent. // pylon-ros-camera#289
#[test]
fn a_silence_without_a_reason_ends_in_a_reconnection() {
    watched(|| {
        for fill in FILLS {
            let end = ended(
                line(sim(&small(&format!(
                    "rate=max&fill={fill}&frames=60&faults=at 30 timeout 45"
                ))))
                .stage("verify", verify()),
            );
            assert_eq!(end.failure, None);
            // 4 to the diagnosis, 5 times that to the verdict, and one while the source is stopped: twice.
            assert_eq!(end.reconnects.len(), 2, "{fill}");
            assert_eq!(fault(&end, SIM_TIMEOUT), 43, "{fill}");
            assert!(end.reconnects.iter().all(|r| r.ok && r.reason.contains("silent")));
            assert_eq!(end.frames.delivered, 60);
            assert_whole(&end, "verify");
        }
    });
}

/// Catches: a camera that is gone and not found again, settings that are not restored, frames of the dead
/// time that nobody counts, a device that is stopped in the wrong order. // camera_aravis2#41, aravis#169
#[test]
fn a_disconnection_is_survived() {
    watched(|| {
        for fill in FILLS {
            let (camera, hand) = sim_in_its_own_time(&small(&format!(
                "rate=1000&fill={fill}&frames=300&faults=at 100 disconnect 30;at 200 disconnect 1"
            )));
            // Each attempt takes the camera's time.
            let camera = Tampered::new(camera).reopens(move |_, sim| {
                hand.advance(Duration::from_millis(10));
                sim.reopen()
            });
            let calls = camera.calls.clone();
            let end = ended(
                line(camera)
                    .configure(|c| c.faults.reconnect_attempts = 1000)
                    .stage(StageSpec::new("verify"), verify()),
            );
            assert_eq!(end.failure, None);
            assert!(fault(&end, SIM_LOST) >= 2, "{:?}", end.faults);
            assert_eq!(end.reconnects.len(), 2, "{fill}: {:?}", end.reconnects);
            for r in &end.reconnects {
                assert!(r.ok && r.attempts >= 1);
                assert!(r.dead.0 > 0, "{fill}: the dead time is measured");
            }
            let attempts: Vec<_> = end.reconnects.iter().map(|r| r.attempts).collect();
            assert_eq!(attempts, [3, 1], "it was away for 30 ms, then for 1");
            assert_eq!(end.frames.grabbed, 300, "{fill}: {:?}", end.frames);
            assert!(end.frames.lost_by_device >= 2);
            assert_whole(&end, "verify");
            let calls = calls.lock().unwrap();
            assert_eq!(calls.iter().filter(|c| **c == "start").count(), 3, "{calls:?}");
            assert_call_order(&calls);
        }
    });
}

/// Catches: a line that tries for ever, or gives up without saying what it tried.
#[test]
fn reconnections_have_a_budget() {
    watched(|| {
        for fill in FILLS {
            let camera = Tampered::new(sim(&small(&format!(
                "rate=max&fill={fill}&faults=at 50 disconnect"
            ))))
            .reopens(|_, _| Err(Fault::code(SIM_LOST)));
            let end = ended(
                line(camera)
                    .configure(|c| c.faults.reconnect_attempts = 3)
                    .stage("verify", verify()),
            );
            let failure = end.failure.clone().unwrap();
            for word in ["device lost", "within 3 attempts", "faults.reconnect_attempts"] {
                assert!(failure.contains(word), "{failure}");
            }
            assert_eq!(end.reconnects.len(), 1);
            assert!(!end.reconnects[0].ok && end.reconnects[0].attempts == 3);
            assert_eq!(end.frames.delivered, 50, "what had come is delivered");
            assert_whole(&end, "verify");
        }
    });
}

/// Catches: a stop that waits for the whole back-off of a camera that is gone.
#[test]
fn a_stop_cuts_a_back_off_short() {
    watched(|| {
        for fill in FILLS {
            let camera = Tampered::new(sim(&small(&format!(
                "rate=max&fill={fill}&faults=at 50 disconnect"
            ))))
            .reopens(|_, _| Err(Fault::code(SIM_LOST)));
            let line = line(camera)
                .configure(|c| {
                    c.faults.backoff = Duration::from_secs(3600);
                    c.faults.backoff_max = Duration::from_secs(3600);
                })
                .stage("verify", verify())
                .start()
                .unwrap();
            until("it looks for the camera", || {
                line.handle().state() == LineState::Resetting
                    && fault(&line.snapshot(), SIM_LOST) > 0
            });
            let end = line.stop(PATIENCE);
            assert_eq!(end.failure, None);
            assert_eq!(end.frames.delivered, 50);
            assert_whole(&end, "verify");
        }
    });
}

/// Catches: a run of four seconds that goes on for minutes, because its camera is gone.
#[test]
fn the_end_of_the_time_cuts_a_back_off_short() {
    watched(|| {
        let camera = Tampered::new(sim(&small("rate=max&faults=at 50 disconnect")))
            .reopens(|_, _| Err(Fault::code(SIM_LOST)));
        let end = ended(
            line(camera)
                .configure(|c| {
                    c.capture.duration = Some(Duration::from_millis(100));
                    c.faults.backoff = Duration::from_secs(3600);
                    c.faults.backoff_max = Duration::from_secs(3600);
                })
                .stage("verify", verify()),
        );
        assert_eq!(end.failure, None);
        assert!(end.reconnects.len() == 1 && !end.reconnects[0].ok, "{:?}", end.reconnects);
        assert_eq!(end.frames.delivered, 50);
    });
}

/// Catches: a class that is not acted on as the table says, in any way of filling.
#[test]
fn each_class_has_its_action() {
    watched(|| {
        for fill in FILLS {
            let with = |code: i64| {
                let camera =
                    Tampered::new(sim(&small(&format!("rate=max&fill={fill}&frames=100"))))
                        .grabs(fail_once(code));
                let calls = camera.calls.clone();
                let end = ended(line(camera).stage("verify", verify()));
                assert_call_order(&calls.lock().unwrap());
                assert_eq!(fault(&end, code), 1, "{fill} {code}");
                assert_whole(&end, "verify");
                end
            };
            // Counted, and on.
            for code in [SIM_TIMEOUT, SIM_DAMAGED, SIM_NO_BUFFER, SIM_BUSY] {
                let end = with(code);
                assert_eq!((end.failure.as_deref(), end.frames.delivered), (None, 100));
                assert!(end.resets.is_empty() && end.reconnects.is_empty(), "{fill} {code}");
            }
            // A reset.
            let end = with(SIM_BUFFER_TOO_SMALL);
            assert_eq!((end.failure.as_deref(), end.frames.delivered), (None, 100));
            assert_eq!((end.resets.len(), end.reconnects.len()), (1, 0));
            assert!(end.resets[0].ok && end.resets[0].reason == "buffer too small");
            // A reconnection.
            for code in [SIM_LOST, SIM_UNKNOWN, 0x1234_5678] {
                let end = with(code);
                assert_eq!((end.failure.as_deref(), end.frames.delivered), (None, 100), "{fill}");
                assert_eq!((end.resets.len(), end.reconnects.len()), (0, 1), "{fill} {code}");
            }
            // The end, with a sentence.
            for (code, name) in [(SIM_CALL_ORDER, "SIM_CALL_ORDER"), (SIM_VERSION, "SIM_VERSION")] {
                let end = with(code);
                let failure = end.failure.clone().unwrap();
                for word in [name, &format!("0x{code:08X}"), "correct the configuration"] {
                    assert!(failure.contains(word), "{word:?} is not in: {failure}");
                }
                assert_eq!(end.frames.delivered, 10, "{fill}");
                assert_eq!((end.resets.len(), end.reconnects.len()), (0, 0));
            }
        }
    });
}

/// The same through the camera's own script.
#[test]
fn scripted_failures_of_each_class() {
    watched(|| {
        for fill in FILLS {
            for class in FaultClass::ALL {
                let code = TABLE.iter().find(|e| e.class == class).unwrap().code;
                let end = ended(
                    line(sim(&small(&format!(
                        "rate=max&fill={fill}&frames=100&faults=at 40 fail {code}"
                    ))))
                    .stage("verify", verify()),
                );
                let stops = matches!(class, FaultClass::Misuse | FaultClass::Incompatible);
                assert_eq!(end.failure.is_some(), stops, "{fill} {class}: {:?}", end.failure);
                assert_eq!(fault(&end, code), 1);
                let f = &end.faults[0];
                assert_eq!((f.class, f.action.as_str()), (class, class.action()));
                // What was finished when the line stopped is delivered, too.
                let least = if stops { 40 } else { 100 };
                assert!(end.frames.delivered >= least, "{fill} {class}: {:?}", end.frames);
                assert_whole(&end, "verify");
            }
        }
    });
}

/// Catches: a remapping that is read and not used.
#[test]
fn a_code_can_be_remapped() {
    watched(|| {
        let run = |code: i64, class: Option<FaultClass>| {
            let camera = Tampered::new(sim(&small("rate=max&frames=100"))).grabs(fail_once(code));
            ended(
                line(camera)
                    .configure(|c| c.faults.remap = class.map(|c| (code, c)).into_iter().collect())
                    .stage("verify", verify()),
            )
        };
        assert_eq!(run(0x77, None).reconnects.len(), 1);
        let end = run(0x77, Some(FaultClass::Timeout));
        assert_eq!((end.reconnects.len(), end.failure.as_deref()), (0, None));
        assert_eq!(end.faults[0].class, FaultClass::Timeout);
        assert!(run(SIM_TIMEOUT, Some(FaultClass::Misuse)).failure.is_some());
        assert_eq!(run(SIM_CALL_ORDER, Some(FaultClass::BufferTooSmall)).resets.len(), 1);
    });
}

/// Catches: a code that nobody knows and that makes the line reconnect for ever.
#[test]
fn an_unknown_code_gets_one_reconnection() {
    watched(|| {
        for fill in FILLS {
            let camera = Tampered::new(sim(&small(&format!("rate=max&fill={fill}"))))
                .grabs(fail_times(0x8000_1234, u64::MAX - 10));
            let end = ended(line(camera).stage("verify", verify()));
            let failure = end.failure.clone().unwrap();
            for word in ["0x80001234 twice", "no table knows", "remap", "[faults]"] {
                assert!(failure.contains(word), "{failure}");
            }
            assert_eq!(end.reconnects.len(), 1);
            assert_eq!((fault(&end, 0x8000_1234), end.frames.delivered), (2, 10));
            // With a frame between them they are two, not twice.
            let camera = Tampered::new(sim(&small(&format!("rate=max&fill={fill}&frames=100"))))
                .grabs(|n| [20, 40].contains(&n).then_some(Grab::Fault(Fault::code(99))));
            let end = ended(line(camera).stage("verify", verify()));
            assert_eq!((end.failure.as_deref(), end.reconnects.len()), (None, 2));
            assert_eq!(end.frames.delivered, 100);
        }
    });
}

/// Catches: a camera that another program owns and that makes the line give up at once, or never.
/// // HIKROBOT-MVS-CAMERA-ROS#15
#[test]
fn a_busy_camera_gets_time_at_the_start() {
    watched(|| {
        let busy = |times: usize, code: i64| {
            let mut camera = Tampered::new(sim(&small("rate=max&frames=50")));
            camera.start_faults = vec![Fault::code(code); times];
            ended(
                line(camera)
                    .configure(|c| {
                        c.faults.reconnect_attempts = 4;
                        c.faults.busy_attempts = 4;
                    })
                    .stage("verify", verify()),
            )
        };
        for code in [SIM_BUSY, SIM_LOST, SIM_TIMEOUT] {
            let end = busy(3, code);
            assert_eq!((end.failure.as_deref(), end.frames.delivered), (None, 50));
            assert_eq!(fault(&end, code), 3);
            let failure = busy(4, code).failure.unwrap();
            assert!(failure.contains("did not start after 4 attempts"), "{failure}");
        }
        let end = busy(1, SIM_VERSION);
        let failure = end.failure.unwrap();
        assert!(
            failure.contains("after 1 attempt:") && failure.contains("SIM_VERSION"),
            "{failure}"
        );

        // An order to start gets the answer.
        let mut camera = Tampered::new(sim(&small("rate=max&frames=50")));
        camera.start_faults = vec![Fault::code(SIM_CALL_ORDER)];
        let line = line(camera).stage("verify", verify()).arm().unwrap();
        let error = line.handle().start(SOON).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Source);
        assert!(error.to_string().contains("SIM_CALL_ORDER"), "{error}");
    });
}

/// Catches: a report that says the line stopped for what it only counted, or that hides that it did stop.
#[test]
fn what_is_only_counted_is_told_as_that() {
    watched(|| {
        for stops in [false, true] {
            let mut camera = Tampered::new(sim(&small("rate=max&frames=20")));
            camera.stop_faults = vec![Fault::code(SIM_CALL_ORDER)];
            let at = if stops { SIM_CALL_ORDER } else { SIM_TIMEOUT };
            let end = ended(line(camera.grabs(fail_once(at))).stage("verify", verify()));
            let found = end.faults.iter().find(|f| f.code == SIM_CALL_ORDER).expect("it is told");
            assert_eq!(end.failure.is_some(), stops, "{:?}", end.failure);
            let (action, times) =
                if stops { (FaultClass::Misuse.action(), 2) } else { ("count", 1) };
            assert_eq!((found.action.as_str(), found.count), (action, times));
        }
    });
}

/// Catches: a busy answer in mid-run that is retried for ever.
#[test]
fn busy_for_ever_ends() {
    watched(|| {
        let camera =
            Tampered::new(sim(&small("rate=max"))).grabs(fail_times(SIM_BUSY, u64::MAX - 10));
        let end =
            ended(line(camera).configure(|c| c.faults.busy_attempts = 5).stage("verify", verify()));
        let failure = end.failure.clone().unwrap();
        assert!(failure.contains("SIM_BUSY") && failure.contains("5"), "{failure}");
    });
}

/// Catches: a payload that changes for ever, or a size of the SDK's that is believed.
#[test]
fn resets_have_a_budget() {
    watched(|| {
        for fill in ["copy", "announce"] {
            let camera = Tampered::new(sim(&small(&format!("rate=max&fill={fill}"))))
                .grabs(fail_times(SIM_BUFFER_TOO_SMALL, 10));
            let end = ended(
                line(camera)
                    .configure(|c| {
                        c.faults.resets = 3;
                        c.pool.budget_bytes = Some(64 << 20);
                        c.reset.growth = 1.0;
                    })
                    .stage("verify", verify()),
            );
            let failure = end.failure.clone().unwrap();
            assert!(failure.contains("budget of 3 resets") && failure.contains("faults.resets"));
            assert_eq!(end.resets.iter().filter(|r| r.ok).count(), 3);
            assert_eq!(end.frames.delivered, 10);

            let camera = Tampered::new(sim(&small(&format!("rate=max&fill={fill}")))).grabs(|n| {
                let fault = Fault { code: SIM_BUFFER_TOO_SMALL, detail: u64::MAX };
                (n == 10).then_some(Grab::Fault(fault))
            });
            let end = ended(line(camera).stage("verify", verify()));
            let failure = end.failure.clone().unwrap();
            assert!(failure.contains("pool.budget"), "{failure}");
            assert_eq!(end.frames.delivered, 10);
        }
    });
}

/// Catches: a device that comes back with larger frames and gets the old slots.
#[test]
fn a_camera_that_comes_back_larger_goes_through_the_reset() {
    watched(|| {
        for fill in ["copy", "announce"] {
            let (camera, hand) = sim_in_its_own_time(&format!(
                "width=64&height=48&rate=1000&fill={fill}&frames=200&faults=at 100 disconnect 5"
            ));
            let mut camera = Tampered::new(camera);
            camera.says.store(64 * 48, Ordering::Relaxed);
            let says = camera.says.clone();
            camera = camera.reopens(move |_, sim| {
                hand.advance(Duration::from_millis(5));
                sim.reopen()?;
                sim.set_feature("Width", "640").unwrap();
                sim.set_feature("Height", "480").unwrap();
                says.store(640 * 480, Ordering::Relaxed);
                Ok(())
            });
            let calls = camera.calls.clone();
            let end = ended(
                line(camera)
                    .configure(|c| c.pool.budget_bytes = Some(64 << 20))
                    .stage(StageSpec::new("verify").policy(Policy::Refuse), verify()),
            );
            assert_eq!(end.failure, None);
            let grown: Vec<_> =
                end.resets.iter().filter(|r| r.slot_bytes_after > r.slot_bytes_before).collect();
            assert_eq!(grown.len(), 1, "{:?}", end.resets);
            assert_eq!(grown[0].reason, "payload changed while away");
            assert!(end.slot_bytes >= 640 * 480);
            assert_eq!(end.reconnects.len(), 1);
            assert_whole(&end, "verify");
            assert!(count(&end, "verify", "bytes") > 640 * 480, "large frames came");
            assert_call_order(&calls.lock().unwrap());
        }
    });
}

/// Rule 5. Catches: an SDK that writes past the end of its buffer unseen; a neighbour that it hits; a line
/// that goes on using that slot, or does not go on. // gst-plugin-toupcam#28
#[test]
fn an_overrun_is_seen_named_and_contained() {
    watched(|| {
        for fill in ["copy", "announce"] {
            for bytes in [1, 64, 5000, 1 << 20] {
                let slots = Arc::new(Mutex::new(Vec::new()));
                let (seen, kept) = (slots.clone(), Arc::new(Mutex::new(Vec::new())));
                let keep = kept.clone();
                let mut builder = line(sim(&small(&format!(
                    "rate=max&fill={fill}&frames=120&faults=at 50 overrun {bytes};at 80 overrun {bytes}"
                ))))
                .stage("verify", verify());
                builder = builder.stage(
                    StageSpec::new("slots").holds(20),
                    act(move |f: &mut Frame, _: &mut StageContext<'_>| {
                        seen.lock().unwrap().push((f.id(), f.slot_index()));
                        let mut keep = keep.lock().unwrap();
                        match f.id() {
                            // The neighbours that are full when it happens.
                            40..=49 => {
                                let f = f.to_shared().unwrap();
                                let copy = f.payload().to_vec();
                                keep.push((f, copy));
                            }
                            51 => {
                                assert_eq!(keep.len(), 10);
                                assert!(keep.iter().all(|(f, copy)| f.payload() == &copy[..]));
                                keep.clear();
                            }
                            _ => {}
                        }
                        Ok(Flow::Pass)
                    }),
                );
                // The kept frames would hold the reset up; it goes on without them.
                let end =
                    ended(builder.configure(|c| c.reset.deadline = Duration::from_millis(40)));
                assert_eq!(end.failure, None, "{fill} {bytes}");
                assert_eq!(anomaly(&end, "canary_overrun"), 2);
                assert_eq!((end.frames.grabbed, end.frames.invalid), (120, 2));
                assert_eq!(
                    end.frames.delivered, 118,
                    "{fill} {bytes}: {:?} {:?}",
                    end.frames, end.events
                );
                assert_whole(&end, "verify");
                let said: Vec<usize> = end
                    .events
                    .iter()
                    .filter_map(|e| {
                        let rest = e.text.split("past the end of slot ").nth(1)?;
                        assert!(e.text.contains("not used again"));
                        rest.split(';').next()?.parse().ok()
                    })
                    .collect();
                assert_eq!(said.len(), 2, "{:?}", end.events);
                assert_ne!(said[0], said[1]);
                let used = slots.lock().unwrap();
                for (slot, after) in said.iter().zip([50, 80]) {
                    assert!(
                        !used.iter().any(|(id, s)| *id > after && s == slot),
                        "{fill} {bytes}: slot {slot} was used again"
                    );
                }
                assert_eq!(end.resets.iter().filter(|r| r.reason == "overrun").count(), 2);
            }
        }
    });
}

/// Catches: an SDK that spoils one slot after the other, and a line that shrinks until it hangs.
#[test]
fn overruns_without_end_stop_the_line_with_a_sentence() {
    watched(|| {
        let end = ended(
            line(sim(&small("rate=max&faults=every 1 from 20 overrun 8")))
                .stage("verify", verify()),
        );
        let failure = end.failure.clone().expect("no slot is left");
        assert!(failure.contains("slots"), "{failure}");
        assert_eq!(end.frames.delivered, 20);
        assert_whole(&end, "verify");
    });
}

/// Catches: frames of the old size in the new one's place, and a size that changes without a reset.
#[test]
fn sizes_change_on_the_line() {
    watched(|| {
        for fill in FILLS {
            let sizes = Arc::new(Mutex::new(Vec::new()));
            let seen = sizes.clone();
            let end = ended(
                line(sim(&format!(
                    "width=64&height=48&rate=max&fill={fill}&frames=100&faults=at 20 resize 32x16 Mono16;at 40 resize 200x100;at 60 resize 64x48;at 80 resize 64x48"
                )))
                .stage("verify", verify())
                .stage(
                    "sizes",
                    act(move |f: &mut Frame, _: &mut StageContext<'_>| {
                        let size = (f.meta().width, f.meta().height, f.meta().epoch, f.payload().len());
                        let mut seen = seen.lock().unwrap();
                        if seen.last() != Some(&size) {
                            seen.push(size);
                        }
                        Ok(Flow::Pass)
                    }),
                ),
            );
            assert_eq!(end.failure, None);
            assert_eq!(end.frames.delivered, 100);
            assert_eq!(
                *sizes.lock().unwrap(),
                [(64, 48, 0, 3072), (32, 16, 1, 1024), (200, 100, 2, 20000), (64, 48, 3, 3072)],
                "{fill}"
            );
            assert_eq!(end.resets.len(), 3, "the same size again is no change");
            assert_whole(&end, "verify");
        }
    });
}

/// Catches: a drift that is not diagnosed, in any way of filling.
#[test]
fn a_drift_is_cured_by_a_reset() {
    watched(|| {
        for fill in FILLS {
            let end = ended(
                line(sim(&format!(
                    "width=64&height=48&rate=max&fill={fill}&frames=100&faults=at 40 drift 96x96"
                )))
                .stage("verify", verify()),
            );
            assert_eq!(end.failure, None);
            assert!(end.reconnects.is_empty(), "{fill}");
            assert!(end.resets.iter().any(|r| r.reason.contains("drift") && r.ok), "{fill}");
            assert_eq!(fault(&end, SIM_TIMEOUT), 4, "{fill}");
            assert_eq!(end.frames.delivered, 100, "{fill}: {:?}", end.frames);
            assert_whole(&end, "verify");
        }
    });
}

/// Catches: an SDK call that blocks far beyond its time-out, unnoticed.
#[test]
fn a_stalled_grab_is_named() {
    watched(|| {
        for fill in FILLS {
            let line = line(sim(&small(&format!(
                "rate=max&fill={fill}&frames=50&faults=at 20 stall 300"
            ))))
            .configure(|c| {
                c.monitor.hang_after = Duration::from_millis(20);
                c.monitor.interval = Duration::from_millis(5);
            })
            .stage("verify", verify());
            let end = ended(line);
            assert_eq!(end.failure, None);
            assert_eq!(fault(&end, SIM_TIMEOUT), 1);
            assert_eq!(end.frames.delivered, 50);
            assert!(
                end.events
                    .iter()
                    .any(|e| e.text.contains("thread capture")
                        && e.text.contains("grabbing a frame")),
                "{fill}: {:?}",
                end.events
            );
        }
    });
}

/// Catches: a fault that is only right alone: everything at once, at random, in every way of filling.
#[test]
fn everything_at_once() {
    watched(|| {
        for seed in 0..24 {
            let fill = FILLS[seed % 3];
            // After a reconnection a late frame, or a second one of an id, cannot be told from a device that
            // counts anew: these do not come together.
            let ids = "random 0.01 duplicate;random 0.01 double;random 0.01 reorder";
            let away = "random 0.002 disconnect 3;random 0.003 fail 9";
            let faults = format!(
                "random 0.01 timeout 5;random 0.01 incomplete;random 0.01 lose 3;random 0.01 short;random 0.01 long;random 0.01 lie 100000;random 0.004 resize 32x16;random 0.004 resize 64x48;random 0.002 drift 48x48;random 0.003 fail 3;random 0.003 fail 5;random 0.002 overrun 100;random 0.005 burst 6;{}",
                if seed % 4 < 2 { ids } else { away }
            );
            let rate = if seed % 2 == 0 { "max" } else { "5000" };
            let looked = Arc::new(AtomicU64::new(0));
            let counter = looked.clone();
            let end = ended(
                line(sim(&small(&format!(
                    "rate={rate}&fill={fill}&frames=2000&seed={seed}&queue=30&faults={faults}"
                ))))
                .configure(|c| {
                    c.capture.timeout = Duration::from_millis(2);
                    c.faults.reconnect_attempts = 1000;
                    c.pool.slots = (fill != "lend").then_some(64);
                })
                .stage(
                    "verify",
                    frameline::sim::Verify::new(frameline::sim::VerifyConfig {
                        seed: seed as u64,
                        ..Default::default()
                    }),
                )
                .stage_with(StageSpec::new("pair").workers(2), move |_| {
                    let counter = counter.clone();
                    Box::new(act(move |_: &mut Frame, _: &mut StageContext<'_>| {
                        counter.fetch_add(1, Ordering::Relaxed);
                        Ok(Flow::Pass)
                    }))
                })
                .stage("last", util::pass()),
            );
            if let Some(failure) = &end.failure {
                // Overruns may use up the spare slots; nothing else may stop it.
                assert!(failure.contains("slots"), "seed {seed}: {failure}");
            }
            assert_whole(&end, "verify");
            assert_eq!(end.stages[1].frames, looked.load(Ordering::Relaxed));
            assert!(end.resets.iter().all(|r| r.late.is_empty()), "seed {seed}");
        }
    });
}

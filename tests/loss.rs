//! Loss: every frame that does not come is counted under its true cause, and told to whoever comes next.
#![allow(missing_docs)]

mod util;

use frameline::buffer::Frame;
use frameline::pipeline::{After, Damaged, Line, LineBuilder, NextFrame, Snapshot, StageSpec};
use frameline::ring::Policy;
use frameline::sim::Sim;
use frameline::stage::{Flow, StageContext};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use util::{
    Gate, Gated, Notes, PATIENCE, Tampered, act, anomaly, assert_balanced, assert_whole, count,
    hop, sim, sim_in_its_own_time, until, verify, watched,
};

const SOON: Duration = Duration::from_secs(60);
const FILLS: [&str; 3] = ["copy", "announce", "lend"];

fn small(query: &str) -> String {
    format!("width=64&height=48&sensor_width=64&sensor_height=48&{query}")
}

fn camera(query: &str) -> LineBuilder {
    line(sim(&small(query)))
}

fn line(camera: Sim) -> LineBuilder {
    Line::builder(camera).configure(|c| {
        c.pool.lock = false;
        c.capture.timeout = Duration::from_millis(20);
    })
}

fn ended(mut line: Line) -> Snapshot {
    assert!(line.wait(PATIENCE), "the run did not end: {:?}", line.snapshot().frames);
    let end = line.stop(SOON);
    assert_balanced(&end);
    assert_eq!(end.frames.in_flight, 0);
    end
}

/// Runs a camera that waits (nothing but the script can cost a frame) with that script, in all fills.
fn scripted(faults: &str, frames: u64, check: impl Fn(&str, &Snapshot, &Notes)) {
    for fill in FILLS {
        let notes = Notes::default();
        let end = ended(
            camera(&format!("rate=max&fill={fill}&frames={frames}&faults={faults}"))
                .stage("verify", verify())
                .stage("notes", notes.stage())
                .start()
                .unwrap(),
        );
        assert_eq!(end.failure, None, "{fill}");
        check(fill, &end, &notes);
    }
}

/// What frames carried of losses, summed.
fn carried(notes: &Notes) -> (u64, u64, u64) {
    notes.all().iter().fold((0, 0, 0), |a, s| {
        (
            a.0 + u64::from(s.loss.device),
            a.1 + u64::from(s.loss.underrun),
            a.2 + u64::from(s.loss.hop),
        )
    })
}

/// Catches: a frame lost by the device that no counter has, or of which the next frame does not tell.
#[test]
fn lost_frames_are_counted_and_told() {
    watched(|| {
        scripted(
            "at 10 lose;at 20 lose 5;every 50 from 100 to 300 lose 2",
            400,
            |fill, end, notes| {
                let lost = 1 + 5 + 5 * 2;
                assert_eq!(end.frames.lost_by_device, lost, "{fill}");
                assert_eq!((end.frames.grabbed, end.frames.delivered), (400, 400 - lost), "{fill}");
                assert_eq!(carried(notes), (lost, 0, 0));
                let told: Vec<_> = notes
                    .all()
                    .iter()
                    .filter(|s| s.loss.device > 0)
                    .map(|s| (s.id, s.loss.device))
                    .collect();
                assert_eq!(told[..3], [(11, 1), (25, 5), (102, 2)]);
                assert_whole(end, "verify");
            },
        );
    });
}

/// Catches: a gap that is counted again when block ids start anew, or one across that moment that is not.
#[test]
fn ids_that_start_again_are_no_loss() {
    watched(|| {
        scripted("at 20 lose 3", 60, |_, end, _| assert_eq!(end.frames.lost_by_device, 3));
        for (query, lost) in [
            // 65535 is followed by 1.
            ("id_modulus=65536&first_id=65500", 0),
            ("id_modulus=65536&first_id=65500&faults=at 34 lose 4", 4),
            // 255 is followed by 0.
            ("id_modulus=256&id_skips_zero=off&first_id=250", 0),
            ("id_modulus=256&id_skips_zero=off&first_id=250&faults=at 5 lose 2", 2),
            ("id_modulus=3&id_skips_zero=off", 0),
            ("first_id=18446744073709551600", 0),
        ] {
            for fill in FILLS {
                let end = ended(
                    camera(&format!("rate=max&fill={fill}&frames=1000&{query}"))
                        .stage("verify", verify())
                        .start()
                        .unwrap(),
                );
                assert_eq!(end.frames.lost_by_device, lost, "{fill} {query}");
                assert_eq!(end.frames.delivered, 1000 - lost, "{fill} {query}");
                assert!(end.anomalies.is_empty(), "{fill} {query}: {:?}", end.anomalies);
                assert_whole(&end, "verify");
            }
        }
    });
}

/// Catches: a frame that comes twice and is counted, or handed on, twice.
#[test]
fn a_duplicate_is_rejected() {
    watched(|| {
        scripted("at 10 duplicate;at 20 duplicate;at 20 lose", 60, |fill, end, notes| {
            // A frame that never comes does not come twice either.
            assert_eq!(anomaly(end, "duplicate_id"), 1, "{fill}");
            assert_eq!((end.frames.invalid, end.frames.lost_by_device), (1, 1));
            assert_eq!((end.frames.grabbed, end.frames.delivered), (61, 59));
            notes.assert_order("notes");
            assert_whole(end, "verify");
        });
    });
}

/// Catches: one announced buffer that is delivered twice and then has two owners. Rule 5.
#[test]
fn a_buffer_delivered_twice_is_rejected() {
    watched(|| {
        scripted("every 3 double", 300, |_, end, notes| {
            assert_eq!((end.frames.grabbed, end.frames.delivered), (300, 300));
            notes.assert_order("notes");
            assert_whole(end, "verify");
        });
    });
}

/// Catches: a frame that was overtaken and is counted both as lost and as delivered, or is not marked.
#[test]
fn an_overtaken_frame_is_late_and_not_lost() {
    watched(|| {
        scripted("at 10 reorder;every 20 from 20 reorder", 100, |fill, end, notes| {
            assert_eq!(anomaly(end, "out_of_order"), 5, "{fill}");
            assert_eq!((end.frames.grabbed, end.frames.delivered), (100, 100), "{fill}");
            assert_eq!(end.frames.lost_by_device, 0);
            let late: Vec<_> =
                notes.all().iter().filter(|s| s.out_of_order).map(|s| s.id).collect();
            assert_eq!(late, [10, 20, 40, 60, 80]);
            assert_eq!(count(end, "verify", "overtaken"), 5);
            assert_whole(end, "verify");
        });
    });
}

/// Catches: a damaged frame that passes for whole, is lost uncounted, or leaves a gap that nobody explains.
/// // harvesters#90, VmbPy#53
#[test]
fn damaged_frames_by_policy() {
    watched(|| {
        for fill in FILLS {
            for damaged in [Damaged::Deliver, Damaged::Drop] {
                let notes = Notes::default();
                let lengths = Arc::new(Mutex::new(Vec::new()));
                let seen = lengths.clone();
                let end = ended(
                    camera(&format!(
                        "rate=max&fill={fill}&frames=100&faults=at 10 incomplete;at 20 incomplete 0;at 30 incomplete 0.999"
                    ))
                    .configure(|c| c.capture.damaged = damaged)
                    .stage("verify", verify())
                    .stage("notes", notes.stage())
                    .stage(
                        "lengths",
                        act(move |f: &mut Frame, _: &mut StageContext<'_>| {
                            if f.meta().status == frameline::meta::FrameStatus::Incomplete {
                                seen.lock().unwrap().push((f.id(), f.payload().len(), f.row(47).is_some()));
                            }
                            Ok(Flow::Pass)
                        }),
                    )
                    .start()
                    .unwrap(),
                );
                assert_eq!(end.frames.incomplete, 3, "{fill} {damaged:?}");
                assert_eq!((end.frames.grabbed, end.frames.delivered), (100, 97));
                assert_whole(&end, "verify");
                assert_eq!(count(&end, "verify", "incomplete_torn"), 0);
                if damaged == Damaged::Deliver {
                    assert_eq!(notes.len(), 100);
                    assert_eq!(
                        *lengths.lock().unwrap(),
                        [(10, 1536, false), (20, 0, false), (30, 3068, false)]
                    );
                } else {
                    assert_eq!(notes.len(), 97);
                    assert!(!notes.ids().contains(&10));
                }
            }
        }
    });
}

/// Catches: a frame that says it is whole and is too short, and one whose length reaches beyond its buffer.
/// // aravis#353, aravis#604
#[test]
fn lengths_are_not_believed() {
    watched(|| {
        scripted("at 10 short;at 20 short 3072", 50, |fill, end, _| {
            assert_eq!(anomaly(end, "short_frame"), 2, "{fill}");
            assert_eq!((end.frames.incomplete, end.frames.delivered), (2, 48));
            assert_whole(end, "verify");
        });
        // Chunk data behind the image is part of the payload and not of the image.
        scripted("every 5 long 64", 50, |fill, end, _| {
            assert_eq!(end.frames.delivered, 50, "{fill}");
            assert_whole(end, "verify");
        });
        scripted("at 10 lie 1000000000;at 20 lie 1", 50, |fill, end, _| {
            // The second lie stays within the slot, which is larger than the image.
            assert_eq!(anomaly(end, "clipped_length"), 1, "{fill}: {:?}", end.anomalies);
            assert_eq!(end.frames.delivered, 50, "{fill}");
            assert_whole(end, "verify");
        });
    });
}

/// Catches: a frame of 0 x 0 pixels, or of more than any memory, that reaches a stage. // harvesters#268, #210
#[test]
fn impossible_geometry_is_rejected_and_told() {
    watched(|| {
        for fill in FILLS {
            let notes = Notes::default();
            let camera =
                Tampered::new(sim(&format!("width=64&height=48&rate=max&fill={fill}&frames=60")))
                    .spoils(|frame| {
                        let meta = frame.meta_mut();
                        match meta.frame_id {
                            10 => (meta.width, meta.height) = (0, 0),
                            20 => (meta.width, meta.height) = (u32::MAX, u32::MAX),
                            30 => meta.x_padding = u32::MAX,
                            40 => meta.height = 0,
                            _ => {}
                        }
                    });
            let end = ended(
                Line::builder(camera)
                    .stage("verify", verify())
                    .stage("notes", notes.stage())
                    .start()
                    .unwrap(),
            );
            assert_eq!(end.failure, None);
            assert_eq!((anomaly(&end, "bad_geometry"), end.frames.invalid), (3, 3), "{fill}");
            // Possible, but there are not so many bytes.
            assert_eq!((anomaly(&end, "short_frame"), end.frames.incomplete), (1, 1), "{fill}");
            assert_eq!((end.frames.grabbed, end.frames.delivered), (60, 56), "{fill}");
            assert!(!notes.ids().iter().any(|id| [10, 20, 40].contains(id)), "{fill}");
            assert_whole(&end, "verify");
        }
    });
}

/// Catches: a loss behind a slow stage that is not told to the stages after it.
#[test]
fn refusals_are_told_to_everyone_behind() {
    watched(|| {
        for fill in FILLS {
            let gate = Gate::default();
            let (first, second, third) = (Notes::default(), Notes::default(), Notes::default());
            let mut line = camera(&format!(
                "rate=max&fill={fill}&queue=30&frames=300&faults=every 40 from 7 lose 2"
            ))
            .stage(StageSpec::new("slow").ring(2).policy(Policy::Refuse), Gated(gate.clone()))
            .stage("first", first.stage())
            .stage("second", second.stage())
            .stage("verify", verify())
            .stage(
                StageSpec::new("third")
                    .after(After::Stage("second".into()))
                    .ring(300)
                    .policy(Policy::from_name("1-in-3").unwrap()),
                third.stage(),
            );
            if fill == "lend" {
                line =
                    camera("rate=max&fill=lend&queue=400&frames=300&faults=every 40 from 7 lose 2")
                        .stage(
                            StageSpec::new("slow").ring(2).policy(Policy::Refuse),
                            Gated(gate.clone()),
                        )
                        .stage("first", first.stage())
                        .stage("second", second.stage())
                        .stage("verify", verify())
                        .stage(
                            StageSpec::new("third")
                                .after(After::Stage("second".into()))
                                .ring(300)
                                .policy(Policy::from_name("1-in-3").unwrap()),
                            third.stage(),
                        );
            }
            let mut line = line.start().unwrap();
            until("it refuses", || line.snapshot().frames.refused > 100);
            gate.open();
            assert!(line.wait(PATIENCE));
            let end = line.stop(SOON);
            assert_balanced(&end);
            assert_whole(&end, "verify");
            let h = hop(&end, "source>slow");
            assert_eq!(h.refused, end.frames.refused);
            for notes in [&first, &second, &third] {
                let mut next = 0;
                for s in notes.all() {
                    let missing = s.id - next;
                    let told = u64::from(s.loss.hop);
                    let all = told + u64::from(s.loss.device);
                    // What a refused frame carried is summed up with the refusal.
                    assert!(missing <= all, "{fill}: {missing} missing before {s:?}");
                    next = s.id + 1;
                }
            }
        }
    });
}

/// Catches: a host that holds every buffer, and a report that blames the device, or takes the silence for
/// a lost camera and reconnects. // aravis#849, VimbaPython#50, aravis#27
#[test]
fn an_underrun_is_named_and_so_is_who_holds_the_slots() {
    watched(|| {
        for fill in FILLS {
            let (camera, hand) =
                sim_in_its_own_time(&small(&format!("rate=1000&fill={fill}&queue=8")));
            let mut line = line(camera)
                .configure(|c| {
                    c.capture.timeout = Duration::from_millis(2);
                    c.faults.timeouts_before_diagnosis = 1;
                })
                .frames_with(StageSpec::new("x").ring(2).policy(Policy::Refuse))
                .start()
                .unwrap();
            let handle = line.handle();
            // The caller keeps what it gets, until nothing comes any more.
            let slots = handle.snapshot().slots;
            let mut kept = Vec::new();
            while kept.len() < slots.min(if fill == "lend" { 8 } else { slots }) {
                kept.extend(line.frames().next());
            }
            // Nobody waits for frames any more, and the camera goes on.
            hand.advance(Duration::from_millis(300));
            let begun = std::time::Instant::now();
            // Long enough for any diagnosis after 1 time-out of 2 ms to be made twenty times over.
            until("a diagnosis was due", || begun.elapsed() > Duration::from_millis(100));
            let s = handle.snapshot();
            assert!(s.reconnects.is_empty(), "{fill}: {:?}", s.reconnects);
            assert_eq!(s.held.len(), kept.len(), "{fill}");
            assert!(s.held.iter().all(|h| s.lanes[h.holders[0].0.index()] == "caller"));
            until("it is said aloud", || {
                handle.snapshot().events.iter().any(|e| e.text.contains("held by caller"))
            });
            kept.clear();
            let next = line.frames().nth(20).unwrap();
            assert!(next.id() > 200, "{fill}");
            drop(next);
            let end = line.stop(SOON);
            assert_eq!(end.failure, None);
            assert_balanced(&end);
            assert!(end.frames.underrun > 100, "{fill}: {:?}", end.frames);
            assert_eq!(end.frames.lost_by_device, 0, "{fill}: {:?}", end.frames);
            assert!(end.reconnects.is_empty(), "{fill}: {:?}", end.reconnects);
        }
    });
}

/// Catches: a loss in the device that is blamed on the host because it once had no slot.
#[test]
fn a_loss_long_after_an_underrun_is_the_devices() {
    watched(|| {
        for fill in FILLS {
            let mut line = camera(&format!(
                "trigger=software&rate=100&fill={fill}&queue=8&faults=at 150 lose 3"
            ))
            .configure(|c| c.capture.timeout = Duration::from_millis(1))
            .frames_with(StageSpec::new("x").ring(2).policy(Policy::Refuse))
            .start()
            .unwrap();
            let handle = line.handle();
            let trigger = || handle.software_trigger(SOON).unwrap();
            let mut kept = Vec::new();
            let slots = handle.snapshot().slots;
            while kept.len() < slots.min(if fill == "lend" { 8 } else { slots }) {
                trigger();
                match line.next_frame(SOON) {
                    NextFrame::Frame(f) => kept.push(f),
                    other => panic!("{fill}: {other:?} though {} frames are held", kept.len()),
                }
            }
            (0..30).for_each(|_| trigger());
            kept.clear();
            let mut last = 0;
            while let NextFrame::Frame(f) = line.next_frame(Duration::from_millis(50)) {
                last = f.id();
            }
            while last < 200 {
                trigger();
                if let NextFrame::Frame(f) = line.next_frame(Duration::from_millis(50)) {
                    last = f.id();
                }
            }
            let end = line.stop(SOON);
            assert_eq!(end.frames.lost_by_device, 3, "{fill}: {:?}", end.frames);
            assert!(end.frames.underrun > 15, "{fill}: {:?}", end.frames);
            assert_balanced(&end);
        }
    });
}

/// Catches: a burst that is lost although the queue had room, or lost beyond it without being counted.
#[test]
fn a_burst_is_taken_or_counted() {
    watched(|| {
        for fill in FILLS {
            let notes = Notes::default();
            let end = ended(
                camera(&format!("rate=200&fill={fill}&frames=60&queue=12&faults=at 20 burst 8"))
                    .stage(StageSpec::new("verify").ring(10), verify())
                    .stage("notes", notes.stage())
                    .start()
                    .unwrap_or_else(|_| {
                        camera(&format!(
                            "rate=200&fill={fill}&frames=60&queue=30&faults=at 20 burst 8"
                        ))
                        .stage(StageSpec::new("verify").ring(10), verify())
                        .stage("notes", notes.stage())
                        .start()
                        .unwrap()
                    }),
            );
            assert_eq!(end.frames.grabbed, 60, "{fill}: {:?}", end.frames);
            assert_whole(&end, "verify");
        }
    });
}

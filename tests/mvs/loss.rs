//! Frames that do not come, or not whole, or twice: each counted under its name.

use super::fake::Fake;
use super::{Checked, FILLS, SMALL, SOON, assert_well, camera, count, ended, line, util};
use frameline::pipeline::StageSpec;
use util::{Notes, anomaly, pass, watched};

/// A camera whose time moves only while somebody waits for it: a busy machine loses none of its frames.
const PATIENT: &str = "clock virtual;delays off;camera gige size=160x100 fps=500";
/// A ring that holds a whole run.
const WHOLE_RUN: usize = 85;

/// A run of `frames` with a fault script in each way of filling; `look` gets what is left of it.
fn each_fill(
    script: &str,
    frames: u64,
    look: impl Fn(&str, &frameline::pipeline::Snapshot, &Checked, &Notes),
) {
    for fill in FILLS {
        let fake = Fake::new(PATIENT);
        fake.script(script);
        let (checked, notes) = (Checked::default(), Notes::default());
        let end = ended(
            line(camera(&fake, &format!("fill={fill}&nodes=100")))
                .configure(|c| c.capture.frames = Some(frames))
                .stage(StageSpec::new("checked").ring(WHOLE_RUN), checked.stage())
                .stage("notes", notes.stage())
                .start()
                .unwrap(),
        );
        look(fill, &end, &checked, &notes);
    }
}

/// Catches: a time-out taken for a fault of the buffer: the failure that this project grew from.
#[test]
fn time_outs_move_no_memory() {
    watched(|| {
        each_fill("every 20 from 20 timeout 3", 80, |fill, end, checked, notes| {
            assert_eq!(count(end, 0x8000_0007), 9, "{fill}: {:?}", end.faults);
            assert_eq!((end.resets.len(), end.reconnects.len()), (0, 0), "{fill}");
            assert_eq!((checked.whole(), checked.torn()), (end.frames.delivered, 0), "{fill}");
            notes.assert_order(fill);
        });
    });
}

/// Catches: a frame with holes of old pixels that passes as whole, since the call said MV_OK.
#[test]
fn frames_with_lost_packets_are_incomplete() {
    watched(|| {
        each_fill("every 10 from 10 to 70 incomplete", 80, |fill, end, checked, _| {
            assert_eq!(end.frames.incomplete, 7, "{fill}: {:?}", end.frames);
            assert_eq!(checked.torn(), 7, "{fill}");
        });
    });
}

/// Catches: frames lost on the way that nobody counts, and a wrap of the block id that is taken for a loss.
#[test]
fn gaps_are_counted() {
    watched(|| {
        each_fill("at 30 lose 4;at 60 lose", 80, |fill, end, _, notes| {
            assert!(end.frames.lost_by_device == 5, "{fill}: {:?}", end.frames);
            notes.assert_order(fill);
        });
    });
}

/// Catches: one buffer in two hands, or a frame counted twice.
#[test]
fn a_buffer_delivered_twice_is_taken_once() {
    watched(|| {
        each_fill(
            "every 15 from 15 double;every 25 from 25 duplicate",
            100,
            |fill, end, checked, notes| {
                assert_eq!(checked.torn(), 0, "{fill}");
                notes.assert_order(fill);
                assert!(anomaly(end, "duplicate_id") <= 10, "{fill}: {:?}", end.anomalies);
            },
        );
    });
}

/// Catches: a length that is believed, past the end of the memory behind it.
#[test]
fn lengths_are_not_believed() {
    watched(|| {
        let script = "at 20 lie 1000000;at 40 short 100;at 60 long 64";
        each_fill(script, 80, |fill, end, checked, _| {
            assert_eq!(end.frames.incomplete, 1, "{fill}: {:?}", end.frames);
            assert!(checked.whole() >= 75, "{fill}");
        });
    });
}

/// Catches: a corrupted neighbour, and an overrun that nobody notices.
#[test]
fn an_sdk_that_fills_too_much_is_caught() {
    watched(|| {
        for fill in ["copy", "announce"] {
            let fake = Fake::new(PATIENT);
            fake.script("at 40 overrun 64");
            let checked = Checked::default();
            let end = ended(
                line(camera(&fake, &format!("fill={fill}")))
                    .configure(|c| c.capture.frames = Some(80))
                    .stage(StageSpec::new("checked").ring(WHOLE_RUN), checked.stage())
                    .start()
                    .unwrap(),
            );
            assert_eq!(anomaly(&end, "canary_overrun"), 1, "{fill}");
            assert_eq!((end.frames.invalid, checked.torn()), (1, 0), "{fill}");
            assert!(end.resets.iter().all(|r| r.reason == "overrun" && r.ok), "{:?}", end.resets);
        }
    });
}

/// Catches: a retry loop that burns the core while every node is out, and a loss without a name.
#[test]
fn nodes_that_are_out_are_an_overrun() {
    watched(|| {
        let fake = Fake::new(SMALL);
        fake.script("fail GetImageBuffer 0x8000000D at 20 times 10");
        let end = ended(
            line(camera(&fake, "fill=lend"))
                .configure(|c| c.capture.frames = Some(60))
                .stage("pass", pass())
                .start()
                .unwrap(),
        );
        assert_eq!(count(&end, 0x8000_000D), 10);
        assert_eq!((end.resets.len(), end.reconnects.len()), (0, 0));
    });
}

/// Catches: a line that holds more nodes than the SDK has, and starves the grab. // VimbaPython#50
#[test]
fn too_few_nodes_are_refused_with_the_sum() {
    let fake = Fake::new(SMALL);
    let e = line(camera(&fake, "fill=lend&nodes=6"))
        .stage(StageSpec::new("pass").ring(8), pass())
        .start()
        .expect_err("3 nodes for a ring of 8");
    assert!(e.to_string().contains("lends 3 buffers"), "{e}");
}

/// Catches: images that the SDK threw away for want of buffers told as lost on the way.
#[test]
fn discarded_images_are_underruns() {
    watched(|| {
        let fake = Fake::new(SMALL);
        fake.script("at 30 lose 2;at 30 stream 0x4003;at 31 stream 0x4003");
        let end = ended(
            line(camera(&fake, "fill=copy"))
                .configure(|c| c.capture.frames = Some(100))
                .stage("pass", pass())
                .start()
                .unwrap(),
        );
        assert!(end.frames.underrun >= 1, "{:?}", end.frames);
    });
}

/// Catches: handles, frames or threads that are left behind by starts and stops. // aravisGigE#35, harvesters#390
#[test]
fn storms_of_starts_and_stops() {
    watched(|| {
        for fill in FILLS {
            let fake = Fake::new(SMALL);
            for n in 0..12 {
                let running = line(camera(&fake, &format!("fill={fill}")))
                    .stage("pass", pass())
                    .start()
                    .unwrap();
                if n % 3 == 0 {
                    drop(running); // At once.
                    continue;
                }
                for _ in 0..3 {
                    running.handle().reset(None, SOON).unwrap();
                }
                assert_well(&running.stop(SOON));
            }
            let (made, gone) =
                (fake.calls("MV_CC_CreateHandle"), || fake.calls("MV_CC_DestroyHandle"));
            util::until("every handle is destroyed", || gone() == made);
        }
    });
}

//! The simulated conveyor on a line: every way of filling, faults, resets, and a judge that is told the truth.
#![allow(missing_docs)]

mod util;

use frameline::pipeline::{Line, Snapshot};
use frameline::sim::{Judge, Sim, SimConfig};
use frameline::stage::{Figure, Flow};
use frameline::verdict::{FrameVerdict, PartVerdict, VerdictBoard};
use std::sync::Arc;
use std::time::Duration;
use util::{PATIENCE, act, assert_balanced, assert_whole, count, verify, watched};

fn ended(mut line: Line) -> Snapshot {
    assert!(line.wait(PATIENCE), "the run did not end: {:?}", line.snapshot().frames);
    let end = line.stop(Duration::from_secs(60));
    assert_eq!(end.failure, None);
    assert_balanced(&end);
    end
}

/// Catches: a frame of the conveyor that is torn or stale in one of the ways of filling, after a fault, or after
/// a reset to another size.
#[test]
fn every_byte_of_the_conveyor_arrives() {
    watched(|| {
        let faults = "at 5 incomplete;at 8 duplicate;at 11 reorder;at 14 lose 2;at 20 resize 320x256;at 30 resize 480x400";
        for fill in ["copy", "announce", "lend"] {
            for format in ["Mono8", "Mono10p", "Mono12p", "Mono12Packed", "Mono16", "BayerRG8"] {
                let uri = format!(
                    "sim:?width=480&height=400&scene=conveyor&format={format}&fill={fill}&rate=max&frames=40&faults={faults}"
                );
                let line = Line::builder(Sim::from_uri(&uri).unwrap())
                    .configure(|c| c.pool.lock = false)
                    .stage("verify", verify())
                    .start()
                    .unwrap();
                let end = ended(line);
                assert_whole(&end, "verify");
                assert!(count(&end, "verify", "frames") >= 38, "{fill} {format}");
                assert_eq!(end.frames.lost_by_device, 2, "{fill} {format}");
                assert_eq!(end.resets.len(), 2, "{fill} {format}");
            }
        }
    });
}

/// Catches: frames that are told apart by their place in the stream and not by their id, so that a loss shifts
/// the truth; and verdicts of one frame that are held against another's truth.
#[test]
fn a_judge_that_is_told_the_truth_finds_no_fault() {
    watched(|| {
        for (lie, faults) in
            [(false, "at 3 lose 4;at 9 duplicate;at 12 reorder"), (true, "at 3 lose 4")]
        {
            let uri = format!(
                "sim:?width=480&height=400&defects=0.5&rate=max&frames=60&id_modulus=17&faults={faults}"
            );
            let config = SimConfig::from_uri(&uri).unwrap();
            let truth = config.truth(&config.geometry()).expect("the conveyor is shown");
            let board = Arc::new(VerdictBoard::new());
            let post = {
                let (board, config) = (board.clone(), config.clone());
                let mut near = 0;
                act(move |frame, _| {
                    near = config.serial_of(frame.id(), near);
                    let mut verdict = FrameVerdict::default();
                    for i in 0..truth.parts() {
                        let t = truth.part(near, i);
                        // The liar passes every part.
                        let defect = t.defect.filter(|_| !lie);
                        verdict.push(PartVerdict {
                            part: t.part,
                            defect,
                            ..PartVerdict::default()
                        });
                    }
                    board.post(frame.meta().sequence, &verdict);
                    Ok(Flow::Pass)
                })
            };
            let line = Line::builder(Sim::new(config.clone()).unwrap())
                .configure(|c| c.pool.lock = false)
                .stage("oracle", post)
                .stage("judge", Judge::new(config, board, "oracle"))
                .start()
                .unwrap();
            let end = ended(line);
            let figures = &end.stages[1].results;
            let figure = |name: &str| figures.iter().find(|(n, _)| *n == name).unwrap().1.clone();
            assert_eq!(figure("judged"), Figure::Count(56), "{figures:?}");
            assert_eq!(figure("without_verdict"), Figure::Count(0));
            assert_eq!(figure("false_positives"), Figure::Count(0));
            assert_eq!(figure("wrong_kind"), Figure::Count(0));
            let (found, missed) = (figure("true_positives"), figure("false_negatives"));
            let defective = figure("defective");
            assert_ne!(defective, Figure::Count(0));
            assert_eq!(if lie { missed } else { found }, defective, "{figures:?}");
        }
    });
}

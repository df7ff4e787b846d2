//! The checking stage on the simulated camera: what it must find, and what it must not.

#[path = "conformance/rig.rs"]
mod rig;

use frameline::buffer::Frame;
use frameline::clock::HostTime;
use frameline::meta::{FrameStatus, Loss};
use frameline::sim::{Sim, Verify, VerifyConfig};
use frameline::source::Fill;
use frameline::stage::{Figure, Stage, StageContext, StageError};
use rig::{Got, Rig};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(10);

fn rig(query: &str) -> Rig<Sim> {
    let sim = Sim::from_uri(&format!("sim:?width=160&height=100&rate=max&{query}")).unwrap();
    Rig::new(sim, Fill::Copy).started()
}

fn strict() -> Verify {
    Verify::new(VerifyConfig { fail_on_bad: true, ..VerifyConfig::default() })
}

fn look(verify: &mut Verify, frame: &mut Frame) -> Result<(), StageError> {
    verify.process(frame, &mut StageContext::new(HostTime(0), None)).map(drop)
}

fn count(verify: &Verify, name: &str) -> u64 {
    let figures = verify.results().unwrap().read();
    match figures.iter().find(|f| f.0 == name) {
        Some((_, Figure::Count(n))) => *n,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn good_frames_pass_and_are_counted() {
    let mut rig = rig("frames=30&format=Mono12p");
    let mut verify = strict();
    while let Got::Frame(mut frame, _) = rig.grab(LONG) {
        look(&mut verify, &mut frame).unwrap();
    }
    assert_eq!((count(&verify, "frames"), count(&verify, "bytes")), (30, 30 * 24_000));
}

#[test]
fn torn_and_unstamped_frames_are_found() {
    let mut rig = rig("");
    let mut verify = strict();
    let mut frame = rig.grab(LONG).frame();
    frame.payload_mut().unwrap()[5000] ^= 1;
    assert!(look(&mut verify, &mut frame).is_err());
    let figures = verify.results().unwrap().read();
    assert!(figures.contains(&("first_bad_offset", Figure::Text("5000 of frame id 0".into()))));
    let mut wiped = rig.grab(LONG).frame();
    wiped.payload_mut().unwrap().fill(0);
    assert!(look(&mut verify, &mut wiped).is_err());
    assert_eq!((count(&verify, "torn"), count(&verify, "unstamped")), (1, 1));
    // Counted only, unless a bad frame is to fail.
    let mut lenient = Verify::new(VerifyConfig::default());
    assert!(look(&mut lenient, &mut frame).is_ok());
    assert_eq!(count(&lenient, "torn"), 1);
}

#[test]
fn gaps_need_a_reason() {
    let mut rig = rig("faults=at 2 lose 3;at 7 lose 2");
    let mut verify = strict();
    (0..2).for_each(|_| look(&mut verify, &mut rig.grab(LONG).frame()).unwrap());
    let mut explained = rig.grab(LONG).frame();
    explained.meta_mut().unwrap().lost_before = Loss { device: 2, underrun: 1, rejected: 0 };
    look(&mut verify, &mut explained).unwrap();
    look(&mut verify, &mut rig.grab(LONG).frame()).unwrap();
    let mut partly = rig.grab(LONG).frame();
    partly.meta_mut().unwrap().lost_before = Loss { device: 1, ..Loss::default() };
    assert!(look(&mut verify, &mut partly).is_err());
    assert_eq!((count(&verify, "unexplained_gaps"), count(&verify, "unexplained_frames")), (1, 1));
}

#[test]
fn duplicates_and_late_frames_are_told_apart() {
    let mut rig = rig("frames=8&faults=at 1 duplicate;at 3 reorder;at 5 reorder");
    let mut verify = strict();
    let mut bad = Vec::new();
    while let Got::Frame(mut frame, _) = rig.grab(LONG) {
        // Ids 0 1 1 2 4 3 6 5 7: the line marks what was overtaken, and explains the gap before it.
        if frame.id() == 5 {
            frame.meta_mut().unwrap().out_of_order = true;
        }
        if [4, 6].contains(&frame.id()) {
            frame.meta_mut().unwrap().lost_before.device = 1;
        }
        if look(&mut verify, &mut frame).is_err() {
            bad.push(frame.id());
        }
    }
    assert_eq!(bad, [1, 3]);
    assert_eq!((count(&verify, "duplicated"), count(&verify, "misordered")), (1, 1));
    assert_eq!(count(&verify, "overtaken"), 1);
}

#[test]
fn incomplete_frames_are_checked_as_far_as_they_came() {
    let mut rig = rig("faults=every 1 incomplete");
    let mut verify = strict();
    let mut frame = rig.grab(LONG).frame();
    look(&mut verify, &mut frame).unwrap();
    frame.payload_mut().unwrap()[20] ^= 8;
    assert!(look(&mut verify, &mut frame).is_err());
    assert_eq!((count(&verify, "incomplete"), count(&verify, "incomplete_torn")), (2, 1));
    // Catches a complete frame that is short and passes as its part.
    let mut short = rig.grab(LONG).frame();
    short.meta_mut().unwrap().status = FrameStatus::Complete;
    assert!(look(&mut verify, &mut short).is_err());
    assert_eq!(count(&verify, "truncated"), 1);
}

#[test]
fn workers_see_gaps_that_are_none() {
    let mut rig = rig("");
    let config = VerifyConfig { workers: 2, fail_on_bad: true, ..VerifyConfig::default() };
    let mut workers = [Verify::new(config), Verify::new(config)];
    for i in 0..10 {
        look(&mut workers[i % 2], &mut rig.grab(LONG).frame()).unwrap();
    }
}

#[test]
fn frames_without_stamps_are_counted_where_they_are_expected() {
    let mut rig = rig("stamp=off");
    let mut verify =
        Verify::new(VerifyConfig { stamped: false, fail_on_bad: true, ..VerifyConfig::default() });
    look(&mut verify, &mut rig.grab(LONG).frame()).unwrap();
    assert_eq!(count(&verify, "unstamped"), 1);
}

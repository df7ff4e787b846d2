//! The list of `source/mod.rs`, as tests. `make` gives a fresh source of 50 frames.

use super::rig::{Got, Rig};
use frameline::fault::FaultClass;
use frameline::source::{Fill, Source};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

pub fn run<S: Source>(make: &dyn Fn() -> S, fill: Fill) {
    says_what_it_is(make(), fill);
    delivers_all_and_then_ends(make(), fill);
    keeps_counting_across_stops(make(), fill);
    gives_every_buffer_back(make(), fill);
    refuses_to_grab_before_the_start(make(), fill);
}

fn says_what_it_is<S: Source>(source: S, fill: Fill) {
    assert!(source.fills().contains(&fill));
    assert!(source.payload_bytes() > 0 && source.payload_bytes() <= source.max_payload_bytes());
    assert_eq!(source.geometry().image_bytes(), source.payload_bytes() as u64);
    assert_eq!(source.keep().is_some(), source.fills().contains(&Fill::Lend));
    assert!(!source.info().uri.is_empty());
}

/// Catches a frame whose metadata is left over from the slot's last one, and an end that is not final.
fn delivers_all_and_then_ends<S: Source>(source: S, fill: Fill) {
    let mut rig = Rig::new(source, fill).started();
    let rule = rig.source.frame_id_rule();
    let mut ids = Vec::new();
    loop {
        match rig.grab(PATIENCE) {
            Got::Frame(frame, reported) => {
                let meta = frame.meta();
                assert_eq!(reported, meta.geometry().image_bytes());
                assert_eq!(frame.image().len() as u64, reported);
                assert!(rule.modulus == 0 || meta.frame_id < rule.modulus);
                ids.push(meta.frame_id);
            }
            Got::End => break,
            Got::Fault(fault) => {
                assert_eq!(rig.source.codes().classify(fault.code), FaultClass::Timeout);
            }
        }
    }
    assert!(matches!(rig.grab(PATIENCE), Got::End));
    // In real time a busy machine may be late; ids never repeat all the same.
    assert!(!ids.is_empty() && (!rig.source.can_wait() || ids.len() == 50), "{ids:?}");
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "an id came twice: {ids:?}");
    rig.stop();
    assert!(matches!(rig.grab_only(PATIENCE), Got::End));
    assert!(rig.pool.census().all_home());
}

fn keeps_counting_across_stops<S: Source>(source: S, fill: Fill) {
    let mut rig = Rig::new(source, fill).started();
    let first = rig.grab(PATIENCE).frame().id();
    rig.source.stop_device().unwrap();
    let mut last = first;
    while let Got::Frame(frame, _) = rig.grab(Duration::ZERO) {
        last = frame.id();
    }
    rig.source.stop_host().unwrap();
    rig.revoke();
    rig.start();
    match rig.grab(PATIENCE) {
        Got::Frame(frame, _) => {
            assert_ne!(frame.id(), first, "ids began again; the last was {last}")
        }
        Got::End => {}
        Got::Fault(fault) => panic!("{fault:?} after a restart"),
    }
}

/// Catches a source that keeps a buffer, or a lent frame that dies with its source.
fn gives_every_buffer_back<S: Source>(source: S, fill: Fill) {
    let mut rig = Rig::new(source, fill).started();
    let kept: Vec<_> = (0..3).map(|_| rig.grab(PATIENCE).frame()).collect();
    rig.stop();
    assert!(rig.pool.census().is_conserved());
    assert_eq!(rig.pool.census().announced - rig.pool.census().free, kept.len());
    let Rig { source, mut pool, .. } = rig;
    drop(source);
    assert!(kept.iter().all(|frame| frame.payload().iter().any(|b| *b != 0)));
    drop(kept);
    assert!(pool.census().all_home());
}

fn refuses_to_grab_before_the_start<S: Source>(source: S, fill: Fill) {
    let mut rig = Rig::new(source, fill);
    let code = rig.grab(Duration::ZERO).code();
    assert_eq!(rig.source.codes().classify(code), FaultClass::Misuse);
}

//! The re-enactment of `examples/reenactment/`, in virtual time: its claims hold in each way of filling, and each
//! breaks where it should.
#![cfg(feature = "mvs")]
#![allow(missing_docs)]

mod fake;
mod util;

#[path = "../examples/reenactment/claims.rs"]
mod claims;
#[path = "../examples/reenactment/scene.rs"]
mod scene;
#[path = "../examples/reenactment/story.rs"]
mod story;

use claims::{Claim, claims};
use fake::Fake;
use frameline::pipeline::Snapshot;
use scene::{CAMERA, Scene, Seen};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use story::{Teller, Told};

/// One at a time: resident memory is that of the process.
static TURN: Mutex<()> = Mutex::new(());

/// What is left when so many rounds have been played.
fn played(fill: &str, rounds: u64) -> (Snapshot, Told, Vec<(String, Arc<Seen>)>) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let fake = Fake::new(&format!("clock virtual;delays off;{CAMERA}"));
    let scene = Scene::open(fake, fill).unwrap();
    let mut said = Vec::new();
    let mut say = |text: &str| said.push(text.to_owned());
    let mut teller = Teller::new(&scene, &mut say);
    let outcome: Result<(), String> = (0..rounds).try_for_each(|_| teller.round());
    let told = teller.told;
    outcome.unwrap_or_else(|why| panic!("{fill}: {why}; before that: {said:#?}"));
    (scene.line.stop(Duration::from_secs(60)), told, scene.seen)
}

fn broken(end: &Snapshot, told: &Told, seen: &[(String, Arc<Seen>)]) -> Vec<Claim> {
    let seen: Vec<_> = seen.iter().map(|(name, s)| (name.clone(), &**s)).collect();
    claims(end, told, &seen).into_iter().filter(|c| !c.holds).collect()
}

/// Catches: memory moved for a time-out, a size change that is not found or cured twice, a camera or its features lost
/// for good, memory that grows, a frame that nobody accounts for, a byte that changes under a reader.
#[test]
fn the_claims_hold() {
    util::watched(|| {
        // A sanitizer keeps freed memory, so that what is resident says nothing: too few rounds to judge it.
        let enough = if cfg!(asan) { 3 } else { 5 };
        for (fill, rounds) in [("copy", enough), ("announce", 2), ("lend", 2)] {
            let (end, told, seen) = played(fill, rounds);
            let broken = broken(&end, &told, &seen);
            assert!(broken.is_empty(), "{fill}: {broken:#?}\n{:#?}", end.events);
        }
    });
}

/// Catches: a claim that holds whatever happens, or does not say what was seen.
#[test]
fn each_claim_can_break() {
    util::watched(|| {
        let (end, told, seen) = played("copy", 1);
        let all = claims(&end, &told, &[]);
        assert!(all.iter().all(|c| c.seen.len() > 10 && !c.seen.contains('\n')), "{all:#?}");
        let first = |end: &Snapshot, told: &Told| {
            broken(end, told, &seen).first().map_or("none", |c| c.what)
        };
        assert_eq!(first(&end, &told), "none");
        let with = |change: fn(&mut Snapshot, &mut Told)| {
            let (mut end, mut told) = (end.clone(), told.clone());
            change(&mut end, &mut told);
            first(&end, &told)
        };
        assert_eq!(with(|_, told| told.moved_by_timeouts = 1), "time-outs");
        assert_eq!(with(|end, _| end.resets.push(end.resets[0].clone())), "size changes");
        assert_eq!(with(|end, _| end.diagnoses.clear()), "size changes");
        let nothing_was_seen = |end: &mut Snapshot, _: &mut Told| {
            for d in &mut end.diagnoses {
                d.evidence.payload_now = d.evidence.payload_at_start;
            }
        };
        assert_eq!(with(nothing_was_seen), "size changes");
        assert_eq!(with(|end, _| end.reconnects[0].ok = false), "lost cameras");
        assert_eq!(with(|end, _| end.reconnects.clear()), "lost cameras");
        assert_eq!(with(|_, told| told.restored[0].1 = Some([1000.0, 0.0])), "features");
        assert_eq!(with(|_, told| told.restored[0].1 = None), "features");
        assert_eq!(with(|_, told| told.resident = vec![0, 1, 1, 9 << 20]), "resident memory");
        assert_eq!(with(|end, _| end.frames.delivered += 1), "frames");
        assert_eq!(with(|_, told| told.starts += 1), "starts of the SDK");
        assert_eq!(with(|end, _| end.failure = Some("so".into())), "the end");
        seen[2].1.changed.fetch_add(1, Relaxed);
        assert_eq!(first(&end, &told), "consumers");
    });
}

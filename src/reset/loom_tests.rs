//! The proof of a reset, explored by the model checker: when every thread has acknowledged an epoch, every
//! slot is home, and writing it anew races with nobody. Frames' metadata are loom cells.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test --release --lib loom`.

use super::Acks;
use crate::buffer::{Lane, Pool};
use crate::clock::HostTime;
use crate::ring::{Beds, Control, EdgeRx, Entry, Offer, Policy, Told, edge};
use crate::sync::{Arc, WakeCell};
use crate::wait::{WaitStrategy, Waiter};
use loom::thread;
use std::time::Duration;

fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

type Ring = (crate::ring::EdgeTx<crate::buffer::Frame>, EdgeRx<crate::buffer::Frame>);

fn ring(depth: usize, policy: Policy, capture: &Arc<WakeCell>, stage: &Arc<WakeCell>) -> Ring {
    let beds = Beds {
        producer: capture.clone(),
        producer_parks: false, // It never waits for room here, only for acknowledgements.
        consumer: stage.clone(),
        consumer_parks: true,
    };
    edge(depth, policy, false, beds)
}

/// A stage: reads frames, lets go of them, acknowledges the marker.
fn stage(
    i: usize,
    mut rx: EdgeRx<crate::buffer::Frame>,
    acks: Arc<Acks>,
    own: Arc<WakeCell>,
    capture: Arc<WakeCell>,
) {
    let mut waiter = Waiter::new(WaitStrategy::Park);
    loop {
        match rx.pop() {
            Some(Entry { item: Some(item), .. }) => {
                assert!(matches!(item.id(), 1 | 2));
                drop(item);
            }
            Some(Entry { word, count, .. }) => {
                let Told::Control(Control::Marker(epoch)) = Told::of(word, count) else {
                    unreachable!("nobody sent that")
                };
                acks.acknowledge(i, epoch);
                capture.wake();
                return;
            }
            None => drop(waiter.wait(&own, Duration::MAX, || rx.is_ready())),
        }
    }
}

fn prove_and_rewrite(pool: &mut Pool, acks: &Acks, bed: &WakeCell, slots: usize) {
    let mut waiter = Waiter::new(WaitStrategy::Park);
    while !acks.reached(1) {
        waiter.wait(bed, Duration::MAX, || acks.reached(1));
    }
    // No sleep, no second look: the acknowledgements are the proof.
    let census = pool.census();
    assert!(census.is_conserved() && census.all_home(), "{census:?}");
    let mut all = Vec::new();
    for _ in 0..slots {
        let mut frame = pool.take().expect("every slot is home");
        frame.meta_mut().frame_id = 99; // Races with whoever still reads.
        all.push(frame);
    }
}

/// Catches a slot that is rewritten while a stage still reads it, and a proof that comes too early.
#[test]
fn loom_reset_proves_that_all_is_home() {
    explore(3, || {
        let (bed, own) = (Arc::new(WakeCell::new()), Arc::new(WakeCell::new()));
        let mut pool = Pool::lending(2, std::sync::Arc::new(()), bed.clone()).unwrap();
        let acks = Arc::new(Acks::new(1));
        let (mut tx, rx) = ring(3, Policy::Refuse, &bed, &own);
        let worker = thread::spawn({
            let (acks, bed) = (acks.clone(), bed.clone());
            move || stage(0, rx, acks, own, bed)
        });
        for id in 1..=2 {
            let Some(mut frame) = pool.take() else { continue };
            frame.meta_mut().frame_id = id;
            let mut frame = frame.filled();
            frame.hand_to(Lane::new(1), HostTime(0));
            assert!(matches!(tx.offer(frame, 0, HostTime(0)), Offer::Accepted));
        }
        assert!(tx.put_control(Control::Marker(1)));
        prove_and_rewrite(&mut pool, &acks, &bed, 2);
        worker.join().unwrap();
    });
}

/// The same with a frame that a stage and a tap share. Catches a proof that one of them alone can give, and a
/// marker that overtakes a frame in a tap.
#[test]
fn loom_reset_waits_for_every_branch() {
    explore(1, || {
        let bed = Arc::new(WakeCell::new());
        let mut pool = Pool::lending(1, std::sync::Arc::new(()), bed.clone()).unwrap();
        let acks = Arc::new(Acks::new(2));
        let mut txs = Vec::new();
        let mut workers = Vec::new();
        for (i, policy) in [Policy::Refuse, Policy::Latest].into_iter().enumerate() {
            let own = Arc::new(WakeCell::new());
            let (tx, rx) = ring(2, policy, &bed, &own);
            txs.push(tx);
            let (acks, bed) = (acks.clone(), bed.clone());
            workers.push(thread::spawn(move || stage(i, rx, acks, own, bed)));
        }
        let mut frame = pool.take().unwrap();
        frame.meta_mut().frame_id = 1;
        let frame = frame.filled();
        for (i, tx) in txs.iter_mut().enumerate() {
            let mut one = frame.another();
            one.hand_to(Lane::new(1 + i), HostTime(0));
            assert!(matches!(tx.offer(one, 0, HostTime(0)), Offer::Accepted));
        }
        drop(frame);
        for tx in &mut txs {
            assert!(tx.put_control(Control::Marker(1)));
        }
        prove_and_rewrite(&mut pool, &acks, &bed, 1);
        workers.into_iter().for_each(|w| w.join().unwrap());
    });
}

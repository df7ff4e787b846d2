//! The way home, explored by the model checker. `meta` is a loom cell: the owner writes it whenever it has
//! a slot again, holders read it just before they let go, so a hand-over that does not order the two is an
//! error that loom names. Leaked or twice-freed cores show in loom's `Arc`; uses after the end in `Life`.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test --release --lib loom`.

use super::{Frame, Lane, Pool};
use crate::clock::HostTime;
use crate::sync::{Arc, AtomicUsize, Ordering, WakeCell};
use crate::wait::{WaitStrategy, Waiter};
use loom::thread;
use std::time::Duration;

fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

fn pool(slots: usize) -> Pool {
    let bed = Arc::new(WakeCell::new());
    bed.attach();
    Pool::lending(slots, std::sync::Arc::new(()), bed).unwrap()
}

/// Two threads' turns in a model, in every order. Loom finds the orders worth exploring by the last access
/// to each atomic, and a drop that first looks at the lane word and then counts hides another thread's
/// look before it. Relaxed: it orders nothing else.
#[derive(Clone)]
struct Turns(Arc<AtomicUsize>);

impl Turns {
    fn new() -> Self {
        Turns(Arc::new(AtomicUsize::new(0)))
    }

    fn mine(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    fn yours(&self) {
        self.0.load(Ordering::Relaxed);
    }
}

/// A frame that carries `id`, as the owner fills it.
fn filled(pool: &mut Pool, id: u64) -> Option<Frame> {
    let mut frame = pool.take()?;
    frame.meta_mut().frame_id = id;
    Some(frame.filled())
}

/// Takes everything that is home and says how many slots that were.
fn take_all(pool: &mut Pool) -> usize {
    let mut frames = Vec::new();
    while let Some(f) = filled(pool, 99) {
        assert!(frames.iter().all(|g: &Frame| g.slot_index() != f.slot_index()));
        frames.push(f);
    }
    frames.len()
}

/// Catches a slot that comes home twice or never, and an owner that writes what a holder still reads.
#[test]
fn loom_two_threads_drop_while_the_owner_takes() {
    explore(4, || {
        let mut pool = pool(2);
        let one = filled(&mut pool, 1).unwrap().share();
        let again = one.try_clone().unwrap();
        let two = filled(&mut pool, 2).unwrap();
        let a = thread::spawn(move || {
            assert_eq!(one.meta().frame_id, 1);
            drop(one);
            assert_eq!(two.id(), 2);
        });
        let b = thread::spawn(move || assert_eq!(again.meta().frame_id, 1));
        let early = filled(&mut pool, 3);
        let later = filled(&mut pool, 4);
        a.join().unwrap();
        b.join().unwrap();
        let had = usize::from(early.is_some()) + usize::from(later.is_some());
        assert_eq!(take_all(&mut pool) + had, 2);
        drop((early, later));
        let c = pool.census();
        assert!(c.all_home() && c.is_conserved(), "{c:?}");
    });
}

/// Catches a hand-over that hides from the last holder what another one read before letting go.
#[test]
fn loom_handing_on_while_another_lets_go() {
    explore(4, || {
        let mut pool = pool(1);
        let mut frame = filled(&mut pool, 1).unwrap();
        let other = frame.to_shared().unwrap();
        let turns = Turns::new();
        let theirs = turns.clone();
        let a = thread::spawn(move || {
            assert_eq!(other.meta().frame_id, 1);
            drop(other);
            theirs.mine();
        });
        turns.yours();
        frame.hand_to(Lane::new(2), HostTime(1));
        drop(frame);
        let retaken = filled(&mut pool, 2);
        a.join().unwrap();
        assert_eq!(take_all(&mut pool) + usize::from(retaken.is_some()), 1);
    });
}

/// Catches a writer that thinks itself alone while another still reads.
#[test]
fn loom_alone_means_alone() {
    explore(4, || {
        let mut pool = pool(1);
        let mut frame = filled(&mut pool, 1).unwrap();
        let other = frame.to_shared().unwrap();
        let turns = Turns::new();
        let theirs = turns.clone();
        let a = thread::spawn(move || {
            assert_eq!(other.meta().frame_id, 1);
            drop(other);
            theirs.mine();
        });
        turns.yours();
        if let Some(meta) = frame.meta_mut() {
            meta.frame_id = 5;
        }
        turns.yours();
        let mut frame = frame.into_mut();
        if let Ok(frame) = &mut frame {
            frame.meta_mut().frame_id = 6;
        }
        drop(frame);
        a.join().unwrap();
        assert_eq!(take_all(&mut pool), 1);
    });
}

/// Catches an owner that sleeps although a slot has come home.
#[test]
fn loom_a_waiting_owner_is_woken() {
    explore(4, || {
        let mut pool = pool(2);
        let frames = [filled(&mut pool, 1).unwrap(), filled(&mut pool, 2).unwrap()];
        let droppers = frames.map(|f| thread::spawn(move || drop(f)));
        let mut waiter = Waiter::new(WaitStrategy::Park);
        let mut taken = Vec::new();
        while taken.len() < 2 {
            match filled(&mut pool, 3) {
                Some(f) => taken.push(f),
                None => drop(pool.wait_for_home(&mut waiter, Duration::MAX)),
            }
        }
        droppers.into_iter().for_each(|d| d.join().unwrap());
    });
}

/// Catches a core that is freed twice, never, or while a handle still needs it.
#[test]
fn loom_handles_outlive_the_pool() {
    explore(4, || {
        let mut pool = pool(3);
        let one = filled(&mut pool, 1).unwrap().share();
        let again = one.try_clone().unwrap();
        let two = filled(&mut pool, 2).unwrap();
        let a = thread::spawn(move || {
            assert_eq!(one.meta().frame_id, 1);
            drop(one);
        });
        let b = thread::spawn(move || {
            assert_eq!((again.meta().frame_id, two.id()), (1, 2));
        });
        drop(pool);
        a.join().unwrap();
        b.join().unwrap();
    });
}

/// Catches a dropper that wakes the owner through a core that the owner, awake already, has freed.
#[test]
fn loom_a_waker_outlives_the_pool() {
    explore(4, || {
        let mut pool = pool(2);
        let frames = [filled(&mut pool, 1).unwrap(), filled(&mut pool, 2).unwrap()];
        let droppers = frames.map(|f| thread::spawn(move || drop(f)));
        let mut waiter = Waiter::new(WaitStrategy::Park);
        while pool.collect() == 0 {
            pool.wait_for_home(&mut waiter, Duration::MAX);
        }
        drop(pool);
        droppers.into_iter().for_each(|d| d.join().unwrap());
    });
}

/// Catches a view that reads what holders write, or keeps a core from being freed.
#[test]
fn loom_a_view_looks_on() {
    explore(2, || {
        let mut pool = pool(1);
        let view = pool.view();
        let frame = filled(&mut pool, 1).unwrap();
        let a = thread::spawn(move || drop(frame));
        let b = thread::spawn(move || assert!(view.held().len() <= 1));
        drop(pool.take());
        drop(pool);
        a.join().unwrap();
        b.join().unwrap();
    });
}

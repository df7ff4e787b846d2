//! The pool and its handles, from outside. What needs crate-private access is beside the code.

use frameline::buffer::{
    Census, Frame, FrameMut, HugePages, LendError, Pool, PoolConfig, Rebuild, Shelf,
};
use frameline::wait::{WaitStrategy, Waiter, WakeCell};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

const PAGE: usize = 4096;

fn config(slots: usize, payload_bytes: usize) -> PoolConfig {
    PoolConfig { headroom: 1.0, lock: false, ..PoolConfig::new(slots, payload_bytes) }
}

fn pool(slots: usize, payload_bytes: usize) -> Pool {
    Pool::new(config(slots, payload_bytes), Arc::new(WakeCell::new())).unwrap()
}

/// Fills a free slot with `len` bytes of a pattern that tells frames apart.
fn fill(pool: &mut Pool, id: u64, len: usize) -> Frame {
    let mut frame = pool.take().expect("a free slot");
    frame.buffer_mut()[..len].fill(id as u8);
    frame.set_filled(len);
    frame.meta_mut().frame_id = id;
    pool.note_filled();
    frame.filled()
}

fn assert_whole(frame: &Frame, id: u64, len: usize) {
    assert_eq!((frame.id(), frame.payload().len()), (id, len));
    assert!(frame.payload().iter().all(|b| *b == id as u8), "frame {id} was overwritten");
}

#[track_caller]
fn all_home(pool: &mut Pool) -> Census {
    let c = pool.census();
    assert!(c.is_conserved() && c.all_home(), "{c:?}");
    c
}

#[test]
fn degenerate_sizes() {
    // Catches slots lost at the seams of the home words, and capacities off by a page.
    for slots in [1, 2, 61, 62, 63, 124, 125] {
        for payload in [1, PAGE - 1, PAGE, PAGE + 1] {
            let mut p = pool(slots, payload);
            assert_eq!(p.slot_bytes(), payload.div_ceil(PAGE) * PAGE);
            let mut seen = vec![false; slots * 2];
            let mut frames: Vec<FrameMut> = std::iter::from_fn(|| p.take()).collect();
            assert_eq!(frames.len(), slots);
            for (k, f) in frames.iter_mut().enumerate() {
                assert!(!std::mem::replace(&mut seen[f.slot_index()], true), "handed out twice");
                assert_eq!(f.as_mut_ptr() as usize % PAGE, 0);
                f.buffer_mut().fill(k as u8);
            }
            for (k, f) in frames.iter_mut().enumerate() {
                assert!(f.buffer_mut().iter().all(|b| *b == k as u8), "slots overlap");
                assert_eq!(p.check_canary(f), Ok(()));
            }
            drop(frames);
            assert_eq!(all_home(&mut p).free, slots);
        }
    }
}

#[test]
fn wrong_configurations_are_refused() {
    // Catches a pool that starts with what cannot work.
    let refused = |c| Pool::new(c, Arc::new(WakeCell::new())).unwrap_err();
    refused(config(0, 1));
    refused(config(PoolConfig::MAX_SLOTS + 1, 1));
    refused(config(1, 0));
    refused(config(1, usize::MAX));
    refused(PoolConfig { headroom: f64::NAN, ..config(1, 1) });
    refused(PoolConfig { min_slots: 3, ..config(2, 1) });
    let e = refused(PoolConfig { budget_bytes: Some(3 * PAGE), ..config(2, 1) });
    assert!(e.to_string().contains("pool.budget"), "{e}");
}

#[test]
fn a_payload_is_what_was_filled() {
    // Catches an SDK's size that is believed, and stale bytes behind a short frame.
    let mut p = pool(1, 100);
    let mut f = p.take().unwrap();
    assert_eq!(f.set_filled(usize::MAX), PAGE);
    assert_eq!(f.set_filled(7), 7);
    assert_eq!((f.payload().len(), f.payload_mut().len()), (7, 7));
    let f = f.filled();
    assert_eq!(f.payload().len(), 7);
    let mut f = f.into_mut().unwrap();
    assert_eq!(f.set_filled(0), 0);
    assert!(f.filled().payload().is_empty());
}

#[test]
fn handles_are_dropped_on_other_threads_and_after_pool_and_view() {
    // Catches memory that goes away under a handle.
    for keep_view in [false, true] {
        let mut p = pool(3, 5000);
        let frames: Vec<Frame> = (1..=3).map(|id| fill(&mut p, id, 5000)).collect();
        let view = keep_view.then(|| p.view());
        drop(p);
        let held = view.as_ref().map(|v| v.held().len());
        assert!(held.is_none_or(|n| n == 3));
        let threads: Vec<_> = frames
            .into_iter()
            .zip(1..)
            .map(|(f, id)| {
                std::thread::spawn(move || {
                    let shared = f.share();
                    let again = shared.try_clone().unwrap();
                    drop(shared);
                    assert_whole(&again.into(), id, 5000);
                })
            })
            .collect();
        drop(view);
        threads.into_iter().for_each(|t| t.join().unwrap());
    }
}

#[test]
fn a_foreign_frame_goes_home_to_its_own_pool() {
    // Catches a slot index of one pool taken for another's: the same slot would be handed out twice.
    let (mut a, mut b) = (pool(1, 1), pool(1, 1));
    let held = b.take().unwrap();
    b.put_back(a.take().unwrap());
    assert!(b.take().is_none());
    all_home(&mut a);
    b.retire(a.take().unwrap());
    assert_eq!((b.slots(), all_home(&mut a).free), (1, 1));
    drop(held);
    all_home(&mut b);
}

#[test]
fn a_frame_made_writable_again_ends_once() {
    // Catches a frame that was counted in and never out (rule 4).
    let mut p = pool(2, 1);
    drop(fill(&mut p, 1, 1).into_mut().unwrap());
    drop(fill(&mut p, 2, 1).into_mut().unwrap().filled());
    let third = fill(&mut p, 3, 1).into_mut().unwrap();
    p.put_back(third);
    drop(p.take());
    all_home(&mut p);
    let fates = p.view().fates();
    assert_eq!((fates.filled, fates.delivered, fates.ended()), (3, 3, 3));
}

#[test]
fn clones_have_a_limit() {
    // Catches a count that overflows into its neighbour's byte.
    let mut p = pool(1, 1);
    let shared = fill(&mut p, 1, 1).share();
    let mut clones = Vec::new();
    while let Ok(c) = shared.try_clone() {
        clones.push(c);
        assert!(clones.len() < 255);
    }
    let holders: u32 = p.view().held()[0].holders.iter().map(|(_, n)| u32::from(*n)).sum();
    assert_eq!(holders as usize, clones.len() + 1);
    clones.pop();
    clones.push(shared.try_clone().unwrap());
    drop(shared);
    while let Some(c) = clones.pop() {
        assert_eq!(c.is_alone(), clones.is_empty());
    }
    all_home(&mut p);
}

#[test]
fn a_frame_is_writable_only_alone() {
    // Catches a writer beside a reader.
    let mut p = pool(1, 4);
    let mut f = fill(&mut p, 1, 4);
    let other = f.to_shared().unwrap();
    assert!(f.payload_mut().is_none() && f.meta_mut().is_none());
    let mut f = f.into_mut().unwrap_err();
    drop(other);
    f.payload_mut().unwrap()[0] = 9;
    assert_eq!(f.into_mut().unwrap().payload(), [9, 1, 1, 1]);
}

#[test]
fn waiting_for_a_slot_ends_when_one_comes_home() {
    // Catches an owner that sleeps on while a slot is home.
    for strategy in [WaitStrategy::Spin, WaitStrategy::Yield, WaitStrategy::Park] {
        let bed = Arc::new(WakeCell::new());
        bed.attach();
        let mut p = Pool::new(config(1, 1), bed).unwrap();
        let mut waiter = Waiter::new(strategy);
        for id in 0..50 {
            let f = fill(&mut p, id, 1);
            let t = std::thread::spawn(move || drop(f));
            while !p.wait_for_home(&mut waiter, Duration::from_secs(60)) {}
            assert!(p.take().is_some(), "woken for nothing");
            t.join().unwrap();
        }
    }
}

#[test]
fn headroom_moves_nothing_and_growth_touches_what_is_missing() {
    // Catches a reset that touches memory again, or moves what need not move.
    let mut p = pool(4, 3 * PAGE);
    let view = p.view();
    let places: Vec<usize> = {
        let mut fs: Vec<FrameMut> = std::iter::from_fn(|| p.take()).collect();
        fs.iter_mut().map(|f| f.as_mut_ptr() as usize).collect()
    };
    assert_eq!(view.memory().0, 4 * 4 * PAGE);
    let r = p.rebuild(Rebuild { required_bytes: 3 * PAGE, growth: 4.0 }).unwrap();
    assert_eq!((r.touched_bytes, r.released_bytes, r.slot_bytes_after), (0, 0, 3 * PAGE));
    let r = p.rebuild(Rebuild { required_bytes: 3 * PAGE + 1, growth: 1.0 }).unwrap();
    assert_eq!((r.touched_bytes, r.released_bytes, r.slots), (4 * PAGE, 0, 4));
    assert_eq!((r.slot_bytes_before, r.slot_bytes_after), (3 * PAGE, 4 * PAGE));
    let mut fs: Vec<FrameMut> = std::iter::from_fn(|| p.take()).collect();
    assert_eq!(fs.iter_mut().map(|f| f.as_mut_ptr() as usize).collect::<Vec<_>>(), places);
    fs.iter().for_each(|f| assert_eq!(p.check_canary(f), Ok(())));
    drop(fs);
    all_home(&mut p);
}

#[test]
fn prefaulting_leaves_the_reset_nothing_to_touch() {
    // Catches memory that is touched ahead and then again, and a prefault that passes the budget.
    let mut p = pool(4, 3 * PAGE); // Budget: 32 pages.
    let view = p.view();
    let foreseen = Rebuild { required_bytes: 7 * PAGE, growth: 1.0 };
    let capacity = p.prefault_capacity(foreseen).unwrap();
    assert_eq!(view.prefault(capacity, 4).unwrap(), 16 * PAGE);
    assert_eq!(view.prefault(100 * PAGE, 4).unwrap(), 0, "the budget is used up");
    assert_eq!(p.prefault_capacity(Rebuild { required_bytes: 8 * PAGE, growth: 1.0 }), None);
    assert_eq!(p.prefault_capacity(Rebuild { required_bytes: usize::MAX, growth: 1.0 }), None);
    assert_eq!(p.rebuild(foreseen).unwrap().touched_bytes, 0);
    assert_eq!(view.memory().0, 32 * PAGE);
}

#[test]
fn the_budget_is_never_passed() {
    // Catches a rebuild or a prefault that has old and new memory at once. A watcher looks all the time.
    for guard in [false, true] {
        let budget = 64 * PAGE;
        let config = PoolConfig { budget_bytes: Some(budget), guard, ..config(8, 4 * PAGE) };
        let mut p = Pool::new(config, Arc::new(WakeCell::new())).unwrap();
        let view = p.view();
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let watcher = {
            let (view, stop) = (view.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut most = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    view.prefault(9 * PAGE, 3).unwrap();
                    most = most.max(view.memory().0);
                }
                most
            })
        };
        let mut late = Vec::new();
        for required in [5, 6, 9, 13, 20, 26] {
            late.push(fill(&mut p, required as u64, 4 * PAGE));
            if late.len() > 2 {
                late.remove(0);
            }
            match p.rebuild(Rebuild { required_bytes: required * PAGE, growth: 1.5 }) {
                Ok(r) => {
                    assert!(r.slots >= 1 && r.slot_bytes_after >= required * PAGE);
                    let fs: Vec<FrameMut> = std::iter::from_fn(|| p.take()).collect();
                    assert_eq!(fs.len(), r.slots);
                    for mut f in fs {
                        f.buffer_mut().fill(0xFF);
                        assert_eq!(p.check_canary(&f), Ok(()));
                    }
                }
                Err(e) => assert!(e.to_string().contains("pool.budget"), "{e}"),
            }
            let c = p.census();
            assert!(c.is_conserved(), "{c:?}");
            late.iter().for_each(|f| assert_whole(f, f.id(), 4 * PAGE));
        }
        assert!(p.rebuild(Rebuild { required_bytes: usize::MAX, growth: 1.0 }).is_err());
        late.clear();
        all_home(&mut p);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let most = watcher.join().unwrap();
        assert!(most <= budget, "{most} bytes touched, the budget is {budget}");
    }
}

#[test]
fn fewer_slots_when_the_budget_demands_and_all_again_when_it_can() {
    // Catches slots that are lost for good after a tight reset.
    let config = PoolConfig { budget_bytes: Some(20 * PAGE), ..config(4, 4 * PAGE) };
    let mut p = Pool::new(config, Arc::new(WakeCell::new())).unwrap();
    let held = fill(&mut p, 1, 4 * PAGE);
    let r = p.rebuild(Rebuild { required_bytes: 6 * PAGE, growth: 1.0 }).unwrap();
    assert_eq!((r.late, r.slots), (1, 2)); // 5 pages are held, 7 each for the rest.
    assert_whole(&held, 1, 4 * PAGE);
    assert_eq!(std::iter::from_fn(|| p.take()).collect::<Vec<_>>().len(), 2);
    drop(held);
    assert_eq!(all_home(&mut p).announced, 2);
    let r = p.rebuild(Rebuild { required_bytes: 1, growth: 1.0 }).unwrap();
    assert_eq!((r.late, r.slots), (0, 2)); // 20 pages hold two slots of 7.
    assert_eq!(p.view().memory().0, 14 * PAGE);
}

#[test]
fn late_holders_keep_their_bytes_and_come_back_into_use() {
    // Catches a rebuild that moves a held slot, and one that never uses it again.
    let config = PoolConfig { budget_bytes: Some(40 * PAGE), ..config(3, 2 * PAGE) };
    let mut p = Pool::new(config, Arc::new(WakeCell::new())).unwrap();
    for round in 1..=6_u64 {
        let held = [fill(&mut p, round, 2 * PAGE), fill(&mut p, 100 + round, 2 * PAGE)];
        let required = (2 + round as usize % 2) * PAGE;
        let r = p.rebuild(Rebuild { required_bytes: required, growth: 1.0 }).unwrap();
        assert_eq!((r.late, r.slots), (2, 3), "round {round}: spares take their place");
        for f in std::iter::from_fn(|| p.take()).collect::<Vec<_>>().iter_mut() {
            f.buffer_mut().fill(0xAA);
            assert!(held.iter().all(|h| h.slot_index() != f.slot_index()));
        }
        assert_whole(&held[0], round, 2 * PAGE);
        assert_whole(&held[1], 100 + round, 2 * PAGE);
        assert_eq!(p.view().held().len(), 2);
        let c = p.census();
        assert!(c.is_conserved() && c.all_home(), "late slots are not announced: {c:?}");
        drop(held);
        assert_eq!(all_home(&mut p).announced, 3);
    }
    let r = p.rebuild(Rebuild { required_bytes: 1, growth: 1.0 }).unwrap();
    assert!(r.released_bytes > 0, "what came home late gives its memory back");
    assert_eq!(p.view().memory().0, 3 * 4 * PAGE);
    assert_eq!(p.view().fates().delivered, 12);
}

#[test]
fn a_late_frame_cannot_be_smuggled_back() {
    // Catches a slot of an old layout that is handed out as one of the new.
    let config = PoolConfig { budget_bytes: Some(8 * PAGE), ..config(1, PAGE) };
    let mut p = Pool::new(config, Arc::new(WakeCell::new())).unwrap();
    let late = p.take().unwrap();
    let later = {
        p.rebuild(Rebuild { required_bytes: 2 * PAGE, growth: 1.0 }).unwrap();
        p.take().unwrap()
    };
    assert_eq!(p.check_canary(&late), Ok(()));
    p.put_back(late);
    assert!(p.take().is_none());
    assert_eq!(later.capacity(), 2 * PAGE);
    drop(later);
    assert_eq!(all_home(&mut p).announced, 1);
}

#[test]
fn what_the_system_refuses_is_told_once() {
    // Catches a refusal that is silent, fatal, or told for every slot.
    let big = PoolConfig { huge_pages: HugePages::Explicit, lock: true, ..config(3, 1 << 20) };
    let mut p = Pool::new(big, Arc::new(WakeCell::new())).unwrap();
    let (touched, locked, huge) = p.view().memory();
    let told = p.take_refusals();
    let count = |what| told.iter().filter(|r| r.what == what).count();
    assert_eq!(count("huge_pages"), usize::from(huge < touched));
    assert_eq!(count("lock"), usize::from(locked < touched));
    let r = p.rebuild(Rebuild { required_bytes: 3 << 20, growth: 1.0 }).unwrap();
    assert_eq!(r.slot_bytes_after, 4 << 20);
    assert!(p.take_refusals().iter().all(|r| count(r.what) == 0), "told again");
    let (touched, locked, huge) = p.view().memory();
    assert!(locked <= touched && huge <= touched);
    let mut fs: Vec<FrameMut> = std::iter::from_fn(|| p.take()).collect();
    fs.iter_mut().for_each(|f| f.buffer_mut().fill(1));
    assert_eq!(fs.len(), 3);
}

#[test]
fn lent_buffers_outlive_their_shelf_and_are_never_lent_twice() {
    // Catches two frames over one buffer, and a buffer freed under a frame.
    let mut shelf = Shelf::new(2, 100).unwrap();
    let mut p = Pool::lending(2, shelf.keep(), Arc::new(WakeCell::new())).unwrap();
    let mut f = p.take().unwrap();
    assert!(f.buffer_mut().is_empty());
    shelf.buffer_mut(0).unwrap().fill(7);
    shelf.lend(0, &mut f).unwrap();
    let mut g = p.take().unwrap();
    assert_eq!(shelf.lend(0, &mut g), Err(LendError::AlreadyLent));
    assert_eq!(shelf.lend(2, &mut g), Err(LendError::NoSuchBuffer));
    assert!(shelf.buffer_mut(0).is_none());
    let mut foreign = pool(1, 1);
    let mut alien = foreign.take().unwrap();
    assert_eq!(shelf.lend(1, &mut alien), Err(LendError::ForeignPool));
    assert!(!shelf.take_back(&mut alien));
    // A slot that comes home still carrying its buffer: nobody else gets the buffer, and lending the slot
    // another one frees the first.
    f.set_filled(100);
    let i = f.slot_index();
    drop((f, g));
    assert!(shelf.is_lent(0));
    let mut f = p.take().unwrap();
    assert_eq!(f.slot_index(), i);
    shelf.lend(1, &mut f).unwrap();
    assert!(!shelf.is_lent(0));
    shelf.lend(0, &mut f).unwrap();
    assert!(!shelf.is_lent(1));
    f.set_filled(100);
    let f = f.filled();
    drop((shelf, p));
    assert!(f.payload().iter().all(|b| *b == 7));
}

#[derive(Debug, Clone)]
enum Step {
    Take,
    Fill(usize),
    Share(usize),
    Writable(usize),
    Drop(usize, bool),
    PutBack(usize),
    Rebuild(usize),
    Census,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Take),
        5 => any::<usize>().prop_map(Step::Fill),
        4 => any::<usize>().prop_map(Step::Share),
        1 => any::<usize>().prop_map(Step::Writable),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(k, there)| Step::Drop(k, there)),
        1 => any::<usize>().prop_map(Step::PutBack),
        1 => (1..10_usize).prop_map(Step::Rebuild),
        2 => Just(Step::Census),
    ]
}

enum Held {
    Filling(FrameMut),
    Filled(Frame, u64),
}

impl Held {
    fn slot(&self) -> usize {
        match self {
            Held::Filling(f) => f.slot_index(),
            Held::Filled(f, _) => f.slot_index(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Catches whatever the tests above did not think of, against a list of who holds what.
    #[test]
    fn any_sequence_agrees_with_a_list(
        slots in prop_oneof![1..6_usize, Just(63)],
        steps in prop::collection::vec(step(), 1..120),
    ) {
        // Frames are dropped on this thread or on another one, which says when it has.
        let (to, from) = std::sync::mpsc::channel::<Frame>();
        let (done_to, done) = std::sync::mpsc::channel();
        let dropper = std::thread::spawn(move || {
            for f in from {
                drop(f);
                done_to.send(()).unwrap();
            }
        });
        let mut p = pool(slots, PAGE);
        let view = p.view();
        let budget = view.memory().0 * 2;
        let mut held: Vec<Held> = Vec::new();
        let mut old: Vec<usize> = Vec::new(); // Slots held since before a rebuild.
        let mut announced = slots;
        let mut filled = 0_u64;
        for s in steps {
            let pick = |k: usize, n: usize| (n > 0).then(|| k % n);
            old.retain(|i| held.iter().any(|h| h.slot() == *i));
            match s {
                Step::Take => {
                    let mut out: Vec<usize> = held.iter().map(Held::slot).collect();
                    out.sort_unstable();
                    out.dedup();
                    let free = announced - (out.len() - old.len());
                    let got = p.take();
                    prop_assert_eq!(got.is_some(), free > 0);
                    if let Some(f) = got {
                        prop_assert!(!out.contains(&f.slot_index()), "handed out while held");
                        prop_assert_eq!(f.capacity(), p.slot_bytes());
                        held.push(Held::Filling(f));
                    }
                }
                Step::Fill(k) => if let Some(k) = pick(k, held.len()) {
                    let now = match held.swap_remove(k) {
                        Held::Filling(mut f) => {
                            filled += 1;
                            f.buffer_mut().fill(filled as u8);
                            f.set_filled(f.capacity());
                            f.meta_mut().frame_id = filled;
                            p.note_filled();
                            Held::Filled(f.filled(), filled)
                        }
                        h => h,
                    };
                    held.push(now);
                },
                Step::Share(k) => if let Some(k) = pick(k, held.len())
                    && let Held::Filled(f, id) = &held[k] {
                    let again = Held::Filled(f.to_shared().unwrap().into(), *id);
                    held.push(again);
                },
                Step::Writable(k) => if let Some(k) = pick(k, held.len()) {
                    let slot = held[k].slot();
                    let handles = held.iter().filter(|h| h.slot() == slot).count();
                    let now = match held.swap_remove(k) {
                        Held::Filled(f, id) => match f.into_mut() {
                            Ok(f) => {
                                prop_assert_eq!(handles, 1);
                                Held::Filled(f.filled(), id)
                            }
                            Err(f) => {
                                prop_assert!(handles > 1);
                                Held::Filled(f, id)
                            }
                        },
                        h => h,
                    };
                    held.push(now);
                },
                Step::Drop(k, there) => if let Some(k) = pick(k, held.len()) {
                    match held.swap_remove(k) {
                        Held::Filled(f, id) => {
                            prop_assert_eq!(f.id(), id);
                            prop_assert!(f.payload().iter().all(|b| *b == id as u8));
                            if there {
                                to.send(f).unwrap();
                                done.recv().unwrap();
                            }
                        }
                        h => drop(h),
                    }
                },
                Step::PutBack(k) => if let Some(k) = pick(k, held.len()) {
                    match held.swap_remove(k) {
                        Held::Filling(f) => p.put_back(f),
                        h => held.push(h),
                    }
                },
                Step::Rebuild(pages) => {
                    let before = p.slot_bytes();
                    match p.rebuild(Rebuild { required_bytes: pages * PAGE, growth: 1.0 }) {
                        Ok(r) => {
                            prop_assert!(p.slot_bytes() >= (pages * PAGE).max(before));
                            if r.late > 0 || r.slot_bytes_after > before {
                                old = held.iter().map(Held::slot).collect();
                                old.sort_unstable();
                                old.dedup();
                            }
                            announced = r.slots;
                        }
                        Err(_) => prop_assert_eq!(p.slot_bytes(), before),
                    }
                }
                Step::Census => {
                    let c = p.census();
                    prop_assert!(c.is_conserved(), "{:?}", c);
                    prop_assert_eq!(c.announced, announced);
                    let mut new: Vec<usize> = held.iter().map(Held::slot).filter(|i| !old.contains(i)).collect();
                    new.sort_unstable();
                    new.dedup();
                    prop_assert_eq!(c.free, announced - new.len());
                }
            }
            prop_assert!(view.memory().0 <= budget);
        }
        held.clear();
        prop_assert!(p.census().all_home());
        let fates = view.fates();
        prop_assert_eq!((fates.filled, fates.ended()), (filled, filled));
        drop(to);
        dropper.join().unwrap();
    }
}

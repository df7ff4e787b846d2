//! Tests of the pool that need crate-private access.

use super::home::Place;
use super::*;
use crate::clock::HostTime;
use crate::sync::WakeCell;
use std::sync::Arc;

const PAGE: usize = 4096;

fn pool(slots: usize, payload_bytes: usize) -> Pool {
    let config = PoolConfig { headroom: 1.0, lock: false, ..PoolConfig::new(slots, payload_bytes) };
    Pool::new(config, Arc::new(WakeCell::new())).unwrap()
}

fn fill(pool: &mut Pool, id: u64) -> Frame {
    let mut frame = pool.take().unwrap();
    frame.meta_mut().frame_id = id;
    frame.meta_mut().host_time = HostTime(10 * id);
    pool.note_filled();
    frame.filled()
}

#[test]
fn a_write_past_the_end_is_caught_and_spares_the_neighbours() {
    // Catches a canary that is not planted or not looked at, and slots that lie too close.
    for past in [1, 63, 64, 65, PAGE, PAGE + 1, 5 * PAGE] {
        let mut p = pool(3, 5 * PAGE);
        let mut frames: Vec<FrameMut> = std::iter::from_fn(|| p.take()).collect();
        for f in &mut frames {
            f.buffer_mut().fill(0x11);
            assert_eq!(p.check_canary(f), Ok(()));
        }
        frames[1].write_past_end(past);
        let seen = p.check_canary(&frames[1]).unwrap_err().at_least_bytes as usize;
        assert!(seen <= past && seen + PAGE > past, "{past} bytes past the end seen as {seen}");
        for (k, f) in frames.iter_mut().enumerate() {
            assert!(f.buffer_mut().iter().all(|b| *b == 0x11), "slot {k} was hit");
            assert_eq!(p.check_canary(f).is_ok(), k != 1);
        }
        // The slot is set aside, and a spare takes its place; not once, but for good.
        let bad = frames.remove(1);
        let index = bad.slot_index();
        p.retire(bad);
        assert_eq!((p.slots(), p.take().is_none()), (2, true));
        drop(frames);
        let c = p.census();
        assert!(c.is_conserved() && c.all_home() && c.announced == 2, "{c:?}");
        for required in [1, 6 * PAGE, 6 * PAGE] {
            p.rebuild(Rebuild { required_bytes: required, growth: 1.0 }).unwrap();
            assert_eq!(p.slots(), 3);
            let frames: Vec<FrameMut> = std::iter::from_fn(|| p.take()).collect();
            assert!(frames.iter().all(|f| f.slot_index() != index), "used again");
            assert!(frames.iter().all(|f| p.check_canary(f).is_ok()));
        }
    }
}

#[test]
fn a_retired_slot_stays_retired() {
    // Catches a slot set aside for another reason than its canary, and used again after a reset.
    let mut p = pool(1, PAGE);
    let f = p.take().unwrap();
    let bad = f.slot_index();
    p.retire(f);
    for _ in 0..2 {
        p.rebuild(Rebuild { required_bytes: 1, growth: 1.0 }).unwrap();
        assert_ne!(p.take().unwrap().slot_index(), bad);
    }
    let f = p.take().unwrap();
    p.retire(f); // The last spare.
    assert!(p.rebuild(Rebuild { required_bytes: 1, growth: 1.0 }).is_err());
    let c = p.census();
    assert!(c.is_conserved() && c.announced == 0, "{c:?}");
}

#[test]
fn an_overrun_that_nobody_saw_is_found_in_the_reset() {
    // Catches a spoilt slot that a reset takes over.
    let mut p = pool(2, PAGE);
    let mut f = p.take().unwrap();
    f.write_past_end(8);
    let bad = f.slot_index();
    drop(f);
    p.rebuild(Rebuild { required_bytes: 1, growth: 1.0 }).unwrap();
    let frames: Vec<FrameMut> = std::iter::from_fn(|| p.take()).collect();
    assert_eq!(frames.len(), 2);
    assert!(frames.iter().all(|f| f.slot_index() != bad));
}

#[test]
fn a_rebuild_that_fails_leaves_the_old_slots() {
    // Catches a pool that is half new, half old after memory ran out.
    for guard in [false, true] {
        for after in 0..4 {
            let config = PoolConfig {
                headroom: 1.0,
                lock: false,
                guard,
                budget_bytes: Some(200 * PAGE),
                ..PoolConfig::new(4, 2 * PAGE)
            };
            let mut p = Pool::new(config, Arc::new(WakeCell::new())).unwrap();
            let late = fill(&mut p, 1);
            let before = p.view().memory().0;
            let fail = |p: &Pool, n| p.arena().work().fail_after(n);
            fail(&p, Some(after));
            let grow = Rebuild { required_bytes: 3 * PAGE, growth: 1.0 };
            assert!(p.rebuild(grow).is_err());
            assert_eq!((p.slots(), p.slot_bytes()), (4, 2 * PAGE));
            assert_eq!(p.view().memory().0, before, "what was touched in vain is given back");
            let c = p.census();
            assert!(c.is_conserved() && c.free == 3, "{c:?}");
            drop(late);
            let mut frames: Vec<FrameMut> = std::iter::from_fn(|| p.take()).collect();
            assert_eq!(frames.len(), 4);
            for f in &mut frames {
                f.buffer_mut().fill(1);
                assert_eq!((f.capacity(), p.check_canary(f)), (2 * PAGE, Ok(())));
            }
            drop(frames);
            fail(&p, None);
            assert_eq!(p.rebuild(grow).unwrap().slots, 4);
            assert!(p.census().all_home());
        }
    }
}

#[test]
fn locked_bytes_are_those_that_are_locked() {
    // Catches a figure that drifts when memory is given back, or is locked twice.
    let config = PoolConfig { headroom: 1.0, ..PoolConfig::new(2, 2 * PAGE) };
    let mut p = Pool::new(config, Arc::new(WakeCell::new())).unwrap();
    let refused = !p.take_refusals().is_empty();
    let view = p.view();
    view.prefault(4 * PAGE, 2).unwrap();
    let (touched, locked, _) = view.memory();
    assert!(touched == 10 * PAGE && (refused || locked == touched));
    let held = fill(&mut p, 1);
    p.rebuild(Rebuild { required_bytes: 5 * PAGE, growth: 1.0 }).unwrap();
    drop(held);
    p.rebuild(Rebuild { required_bytes: 1, growth: 1.0 }).unwrap();
    let (touched, locked, _) = view.memory();
    assert!(touched == 12 * PAGE && (refused || locked == touched), "{touched} {locked}");
}

#[test]
fn a_census_counts_every_place() {
    // Catches a slot that is counted twice or not at all on its way (rule 2).
    let mut p = pool(5, 1);
    let count = |p: &mut Pool| {
        let c = p.census();
        assert!(c.is_conserved(), "{c:?}");
        (c.free, c.queued, c.filling, c.in_flight, c.held)
    };
    let (queued, filling) = (p.take().unwrap(), p.take().unwrap());
    queued.set_place(Place::Queued);
    let (mut flying, kept) = (fill(&mut p, 1), fill(&mut p, 2));
    flying.hand_to(Lane::new(3), HostTime(77));
    assert_eq!(count(&mut p), (1, 1, 1, 1, 1));
    let view = p.view();
    let held = view.held();
    assert_eq!(held.len(), 2);
    assert_eq!((held[0].frame_id, held[0].since), (1, HostTime(77)));
    assert_eq!((held[1].frame_id, held[1].since), (2, HostTime(20)), "since it was grabbed");
    assert_eq!(held[0].holders, [(Lane::new(3), 1)]);
    assert_eq!(held[1].holders, [(Lane::OWNER, 1)]);
    drop((queued, filling, flying, kept));
    assert_eq!(count(&mut p), (5, 0, 0, 0, 0));
    assert!(view.held().is_empty());
}

#[test]
fn shared_frames_move_over_lanes() {
    // Catches a hand-over that loses a count or names the wrong holder.
    let mut p = pool(1, 1);
    let view = p.view();
    let mut a = fill(&mut p, 1);
    let mut b = a.fan_to(Lane::new(2));
    a.hand_to(Lane::new(1), HostTime(1));
    let kept = b.to_shared().unwrap();
    b.hand_to(Lane::new(7), HostTime(2));
    let names = |v: &PoolView| v.held()[0].holders.clone();
    assert_eq!(names(&view), [(Lane::new(1), 1), (Lane::new(2), 1), (Lane::new(7), 1)]);
    drop(a);
    drop(kept);
    assert!(b.is_alone());
    b.hand_to(Lane::new(4), HostTime(3));
    assert_eq!(names(&view), [(Lane::new(4), 1)]);
    drop(b);
    assert!(p.census().all_home());
    // Lanes beyond the eighth are shared, but never with the owner's.
    assert!((1..100).all(|n| Lane::new(n) != Lane::OWNER));
}

#[test]
fn lanes_never_overflow() {
    // Catches a lane's count that carries out of the word: a shared frame would seem to be alone.
    let mut p = pool(1, 1);
    let first = fill(&mut p, 1);
    let mut all = Vec::new();
    for lane in [1, 2] {
        let seed = first.fan_to(Lane::new(lane));
        while let Ok(f) = seed.to_shared() {
            let mut f = Frame::from(f);
            f.hand_to(Lane::new(7), HostTime(0));
            all.push(f);
            assert!(all.len() < 2000, "no limit");
        }
        all.push(seed);
    }
    for _ in 0..300 {
        all.push(first.fan_to(Lane::new(7)));
    }
    let n: usize = p.view().held()[0].holders.iter().map(|(_, n)| usize::from(*n)).sum();
    assert_eq!(n, all.len() + 1);
    all.clear();
    assert!(first.is_alone());
    drop(first);
    assert!(p.census().all_home());
}

#[test]
fn the_worst_fate_stands() {
    // Catches a frame that is counted under two fates, or under the last one named (rule 4).
    let mut p = pool(1, 1);
    for (named, stands) in [
        (vec![], [1, 0, 0, 0]),
        (vec![Fate::Abandoned], [0, 1, 0, 0]),
        (vec![Fate::Refused, Fate::Abandoned], [0, 0, 1, 0]),
        (vec![Fate::Invalid, Fate::Refused, Fate::Delivered], [0, 0, 0, 1]),
    ] {
        let before = p.view().fates();
        let f = fill(&mut p, 1);
        let other = f.fan_to(Lane::new(1));
        named.iter().for_each(|n| other.worsen(*n));
        drop(f);
        drop(other);
        p.collect();
        let f = p.view().fates();
        let grown = [
            f.delivered - before.delivered,
            f.abandoned - before.abandoned,
            f.refused - before.refused,
            f.invalid - before.invalid,
        ];
        assert_eq!(grown, stands);
        drop(p.take()); // The next tenant starts clean.
        p.collect();
        assert_eq!(p.view().fates().ended(), f.ended());
    }
}

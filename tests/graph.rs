//! The graph: chains, branches, worker groups, taps, fused stages, stages with images of their own, and
//! what cannot work.
#![allow(missing_docs)]

mod util;

use frameline::ErrorKind;
use frameline::buffer::Frame;
use frameline::pipeline::{After, Line, LineBuilder, LineConfig, Priority, Snapshot, StageSpec};
use frameline::ring::Policy;
use frameline::source::Fill;
use frameline::stage::{Flow, OutputSpec, Stage, StageContext, StageError};
use proptest::prelude::*;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use util::{
    Gate, Gated, Notes, PATIENCE, act, assert_balanced, assert_whole, count, hop, panic_quietly,
    pass, sim, until, verify, watched,
};

const SOON: Duration = Duration::from_secs(60);

fn one_in(n: u32) -> Policy {
    Policy::OneIn(NonZeroU32::new(n).unwrap())
}

/// Runs a line to its own end.
fn finish(builder: LineBuilder) -> Snapshot {
    let mut line = builder.configure(|c| c.pool.lock = false).start().unwrap();
    assert!(line.wait(PATIENCE), "the run did not end: {:?}", line.snapshot().frames);
    let end = line.stop(SOON);
    assert_eq!(end.failure, None);
    assert_balanced(&end);
    end
}

/// Catches: a frame lost or doubled at a hop of a plain chain, in any way of filling.
#[test]
fn a_chain_hands_every_frame_on() {
    watched(|| {
        for fill in ["copy", "announce", "lend"] {
            let end = finish(
                Line::builder(sim(&format!(
                    "width=64&height=48&rate=max&fill={fill}&frames=500&queue=30"
                )))
                .stage(StageSpec::new("a").ring(1), verify())
                .stage(StageSpec::new("b").ring(2), pass())
                .stage("c", pass())
                .stage("d", verify()),
            );
            assert_eq!(end.frames.delivered, 500, "{fill}");
            assert_whole(&end, "d");
            for name in ["source>a", "a>b", "b>c", "c>d"] {
                let h = hop(&end, name);
                assert_eq!((h.offered, h.accepted, h.taken), (500, 500, 500), "{fill} {name}");
            }
            assert!(end.stages.iter().all(|s| s.frames == 500));
        }
    });
}

/// Catches: a branch whose policy touches another's frames, and a hop whose counts do not add up.
#[test]
fn branches_keep_their_policies_to_themselves() {
    watched(|| {
        let (all, newest, third) = (Notes::default(), Notes::default(), Notes::default());
        let end = finish(
            Line::builder(sim("width=64&height=48&rate=max&frames=900"))
                .stage(StageSpec::new("all").policy(Policy::Every), all.stage())
                .stage(
                    StageSpec::new("newest").after(After::Source).policy(Policy::Latest),
                    newest.stage(),
                )
                .stage(
                    StageSpec::new("third").after(After::Source).ring(400).policy(one_in(3)),
                    third.stage(),
                )
                .stage(StageSpec::new("verify").after(After::Stage("all".into())), verify()),
        );
        assert_eq!(end.frames.delivered, 900, "{:?}", end.frames);
        assert_eq!(all.ids(), (0..900).collect::<Vec<_>>());
        assert_eq!(third.ids(), (0..900).step_by(3).collect::<Vec<_>>());
        assert!(third.all()[1..].iter().all(|s| s.loss.hop == 2), "the branch knows its gaps");
        newest.assert_order("newest");
        assert_eq!(newest.ids().last(), Some(&899), "the newest frame always arrives");
        let h = hop(&end, "source>newest");
        assert_eq!((h.offered, h.accepted, h.taken + h.replaced), (900, 900, 900));
        let h = hop(&end, "source>third");
        assert_eq!((h.offered, h.accepted, h.refused, h.skipped), (900, 300, 0, 600));
        assert_whole(&end, "verify");
    });
}

/// Catches: frames that overtake one another in a worker group, and a frame that two workers get.
#[test]
fn workers_keep_the_order() {
    watched(|| {
        for n in [1, 2, 3, 5] {
            for fill in ["copy", "announce", "lend"] {
                let per_worker: Arc<Vec<AtomicU64>> =
                    Arc::new((0..n).map(|_| AtomicU64::new(0)).collect());
                let seen = per_worker.clone();
                let notes = Notes::default();
                let end = finish(
                    Line::builder(sim(&format!(
                        "width=64&height=48&sensor_width=64&sensor_height=48&rate=max&fill={fill}&frames=601{}",
                        if fill == "lend" { "&queue=99" } else { "" }
                    )))
                    .stage_with(StageSpec::new("group").workers(n).ring(2), move |w| {
                        let seen = seen.clone();
                        Box::new(act(move |_: &mut Frame, cx: &mut StageContext<'_>| {
                            assert_eq!(cx.worker(), w);
                            seen[w].fetch_add(1, Ordering::Relaxed);
                            Ok(Flow::Pass)
                        }))
                    })
                    .stage("notes", notes.stage())
                    .stage("verify", verify()),
                );
                assert_eq!(notes.ids(), (0..601).collect::<Vec<_>>(), "{n} workers, {fill}");
                assert_whole(&end, "verify");
                // Dealt in turn: nobody has more than one frame more than another.
                let shares: Vec<u64> =
                    per_worker.iter().map(|a| a.load(Ordering::Relaxed)).collect();
                assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
            }
        }
    });
}

/// What a frame's id makes a misbehaving stage do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    Good,
    /// Ends every frame whose id is this modulo that.
    Ends(u64, u64),
    Fails(u64, u64),
    Panics(u64, u64),
}

impl Manners {
    fn spares(self, id: u64) -> bool {
        match self {
            Manners::Good => true,
            Manners::Ends(r, m) | Manners::Fails(r, m) | Manners::Panics(r, m) => id % m != r % m,
        }
    }

    fn stage(self) -> impl Stage {
        act(move |f: &mut Frame, _: &mut StageContext<'_>| {
            if self.spares(f.id()) {
                return Ok(Flow::Pass);
            }
            match self {
                Manners::Ends(..) => Ok(Flow::Done),
                Manners::Fails(..) => Err(StageError::new(7, "it was told to")),
                _ => panic_quietly(),
            }
        })
    }
}

/// Worker groups one behind the other, of which the first has manners.
fn groups(sizes: &[usize], manners: &[Manners], frames: u64) -> (Snapshot, Vec<u64>, Notes) {
    let notes = Notes::default();
    let mut line = Line::builder(sim(&format!(
        "width=64&height=48&rate=max&frames={frames}&faults=every 97 from 50 resize 32x16;every 97 from 90 resize 64x48"
    )));
    for (i, n) in sizes.iter().enumerate() {
        let manners = manners.get(i).copied().unwrap_or(Manners::Good);
        line = line.stage_with(StageSpec::new(format!("g{i}")).workers(*n).ring(2), move |_| {
            Box::new(manners.stage())
        });
    }
    let end = finish(line.stage("notes", notes.stage()));
    let expected = (0..frames).filter(|id| manners.iter().all(|m| m.spares(*id))).collect();
    (end, expected, notes)
}

/// Catches: turns that two groups of different size count differently; a reset that leaves them so.
#[test]
fn groups_of_different_size_follow_one_another() {
    watched(|| {
        for sizes in [&[2, 3][..], &[3, 2], &[5, 3], &[1, 4], &[4, 1], &[2, 3, 5, 2], &[3, 3]] {
            let (end, expected, notes) = groups(sizes, &[], 500);
            assert_eq!(notes.ids(), expected, "{sizes:?}");
            assert_eq!(end.frames.delivered, 500);
            assert!(end.resets.len() > 8, "{sizes:?}: the marker went through the groups, too");
        }
    });
}

/// Catches: a group that waits for ever for a frame which ended in the group before it, and one that
/// gives the missing frame's turn to the next one, so that later frames overtake.
#[test]
fn frames_that_end_in_a_group_leave_no_hole() {
    watched(|| {
        let all =
            [Manners::Ends(1, 3), Manners::Fails(0, 4), Manners::Panics(2, 5), Manners::Ends(0, 1)];
        for sizes in [&[2, 3][..], &[3, 2], &[2, 3, 2], &[2, 2, 2], &[3, 2, 5], &[5, 1, 3]] {
            for manners in all {
                let (end, expected, notes) = groups(sizes, &[manners], 300);
                assert_eq!(notes.ids(), expected, "{sizes:?} {manners:?}");
                let bad = 300 - expected.len() as u64;
                let invalid = if matches!(manners, Manners::Ends(..)) { 0 } else { bad };
                assert_eq!(end.frames.invalid, invalid, "{sizes:?} {manners:?}");
                assert_eq!(end.frames.delivered, 300 - invalid, "{sizes:?} {manners:?}");
            }
            let (_, expected, notes) =
                groups(sizes, &[Manners::Ends(1, 3), Manners::Fails(0, 5)], 300);
            assert_eq!(notes.ids(), expected, "{sizes:?}");
        }
    });
}

/// Catches: a turn that is lost where a hop between groups refuses, and a marker stuck behind it.
#[test]
fn groups_that_refuse_keep_order_and_go_on() {
    watched(|| {
        for sizes in [[2, 3, 2], [3, 2, 1], [2, 1, 3], [1, 3, 2]] {
            let gate = Gate::default();
            let notes = Notes::default();
            let mut line = Line::builder(sim(
                "width=64&height=48&rate=max&frames=600&faults=at 500 resize 32x16",
            ))
            .stage_with(StageSpec::new("a").workers(sizes[0]).ring(2), |_| {
                Box::new(Manners::Ends(5, 7).stage())
            })
            .stage_with(StageSpec::new("b").workers(sizes[1]).ring(2).policy(Policy::Refuse), {
                let gate = gate.clone();
                move |_| Box::new(Gated(gate.clone()))
            })
            .stage_with(
                StageSpec::new("c").workers(sizes[2]).ring(1).policy(Policy::Refuse),
                |_| Box::new(pass()),
            )
            .stage("notes", notes.stage())
            .start()
            .unwrap();
            until("hops refuse", || {
                line.snapshot().hops.iter().map(|h| h.refused).sum::<u64>() > 50
            });
            gate.open();
            assert!(line.wait(PATIENCE), "{sizes:?}: {:?}", line.snapshot().frames);
            let end = line.stop(SOON);
            assert_eq!(end.failure, None);
            assert_balanced(&end);
            notes.assert_order(&format!("{sizes:?}"));
            assert!(end.frames.refused > 50);
            assert_eq!(end.frames.delivered + end.frames.refused, 600);
            let ended = (0..600).filter(|i| i % 7 == 5).count() as u64;
            assert_eq!(notes.len() as u64 + ended + end.frames.refused, 600, "{sizes:?}");
        }
    });
}

/// Catches: a tap that hands out an old frame, loses one uncounted, or hides from its consumer how many
/// it did not get.
#[test]
fn a_tap_gives_the_newest_and_says_what_it_replaced() {
    watched(|| {
        let gate = Gate::default();
        let (notes, all) = (Notes::default(), Notes::default());
        let mut line = Line::builder(sim("width=64&height=48&rate=max&frames=300"))
            .stage("all", all.stage())
            .stage(
                StageSpec::new("live").after(After::Source).thread("live").policy(Policy::Latest),
                Gated(gate.clone()),
            )
            .stage(StageSpec::new("notes").thread("live"), notes.stage())
            .start()
            .unwrap();
        until("everything else is done", || all.len() == 300);
        gate.open();
        assert!(line.wait(PATIENCE));
        let end = line.stop(SOON);
        assert_balanced(&end);
        let seen = notes.all();
        assert_eq!(seen.last().unwrap().id, 299);
        let mut next = 0;
        for s in &seen {
            assert_eq!(s.id, next + u64::from(s.loss.hop), "{seen:?}");
            next = s.id + 1;
        }
        let h = hop(&end, "source>live");
        assert!(h.replaced > 250);
        assert_eq!(h.replaced, seen.iter().map(|s| u64::from(s.loss.hop)).sum::<u64>());
        assert_eq!((end.frames.delivered, end.frames.refused), (300, 0), "a tap loses nothing");
    });
}

/// Rule 7. Catches: a live view, or a sampled branch, that never lets go and so takes slots or time from
/// inspection. // aravis#252
#[test]
fn slow_branches_never_starve_inspection() {
    watched(|| {
        for fill in ["copy", "announce", "lend"] {
            let gate = Gate::default();
            let stuck =
                |name: &str, policy| StageSpec::new(name).after(After::Source).policy(policy);
            let camera = sim(&format!("width=64&height=48&rate=max&fill={fill}&frames=2000"));
            let mut line = Line::builder(camera)
                .stage(StageSpec::new("inspect").policy(Policy::Every), verify())
                .stage(stuck("live", Policy::Latest), Gated(gate.clone()))
                .stage(stuck("sampled", one_in(5)), Gated(gate.clone()))
                .start()
                .unwrap();
            until("inspection has seen every frame", || {
                count(&line.snapshot(), "inspect", "frames") == 2000
            });
            let s = line.snapshot();
            assert_eq!((s.frames.refused, s.frames.underrun, s.frames.lost_by_device), (0, 0, 0));
            gate.open();
            assert!(line.wait(PATIENCE));
            let end = line.stop(SOON);
            assert_whole(&end, "inspect");
            assert_eq!(end.frames.delivered, 2000, "{fill}: {:?}", end.frames);
        }
    });
}

/// Catches: a fused stage that gets a thread or a hop of its own, a sibling that misses frames, a fused
/// branch that is skipped.
#[test]
fn stages_on_one_thread_need_no_hop() {
    watched(|| {
        for workers in [1, 3] {
            let notes = [Notes::default(), Notes::default(), Notes::default()];
            let spec = |name: &str, after: &str| {
                StageSpec::new(name).after(After::Stage(after.into())).thread("t").workers(workers)
            };
            let seen = Arc::new(AtomicU64::new(0));
            let counter = seen.clone();
            let end = finish(
                Line::builder(sim("width=64&height=48&rate=max&frames=400"))
                    .stage_with(StageSpec::new("head").thread("t").workers(workers).ring(3), |_| {
                        Box::new(pass())
                    })
                    // A fused child, its fused child, a fused sibling, and siblings behind hops.
                    .stage_with(spec("one", "head"), |_| Box::new(Manners::Ends(0, 2).stage()))
                    .stage_with(spec("two", "one"), |_| Box::new(pass()))
                    .stage_with(spec("three", "head"), move |_| {
                        let seen = seen.clone();
                        Box::new(act(move |_: &mut Frame, _: &mut StageContext<'_>| {
                            seen.fetch_add(1, Ordering::Relaxed);
                            Ok(Flow::Pass)
                        }))
                    })
                    .stage(
                        StageSpec::new("behind head").after(After::Stage("head".into())),
                        notes[0].stage(),
                    )
                    .stage(
                        StageSpec::new("behind two").after(After::Stage("two".into())),
                        notes[1].stage(),
                    )
                    .stage(
                        StageSpec::new("behind three").after(After::Stage("three".into())),
                        notes[2].stage(),
                    ),
            );
            assert_eq!(counter.load(Ordering::Relaxed), 400);
            assert_eq!(notes[0].ids(), (0..400).collect::<Vec<_>>());
            assert_eq!(notes[1].ids(), (0..400).filter(|i| i % 2 == 1).collect::<Vec<_>>());
            assert_eq!(notes[2].ids(), (0..400).collect::<Vec<_>>());
            assert_eq!(end.threads.len(), 1 + workers + 3);
            assert_eq!(end.hops.len(), workers + 3 * workers);
            assert_eq!(end.frames.delivered, 400);
        }
    });
}

/// A stage that makes an image of its own.
struct Copier {
    slots: usize,
}

impl Stage for Copier {
    fn process(&mut self, f: &mut Frame, cx: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let mut out = cx.output_frame().ok_or(StageError::new(1, "no output buffer"))?;
        let n = f.payload().len();
        out.buffer_mut()[..n].copy_from_slice(f.payload());
        *out.meta_mut() = *f.meta();
        out.set_filled(n);
        Ok(Flow::Replace(out.filled()))
    }

    fn output(&self, input_bytes: usize) -> Option<OutputSpec> {
        Some(OutputSpec { payload_bytes: input_bytes, slots: self.slots })
    }
}

/// Catches: images of a stage's own that are lost, torn or counted twice behind workers and branches.
#[test]
fn stages_with_their_own_images() {
    watched(|| {
        for workers in [1, 2] {
            let end = finish(
                Line::builder(sim("width=64&height=48&rate=max&frames=500"))
                    .stage_with(StageSpec::new("own").workers(workers), |_| {
                        Box::new(Copier { slots: 1 })
                    })
                    .stage("verify", verify())
                    .stage(
                        StageSpec::new("live").after(After::Stage("own".into())).policy(one_in(4)),
                        verify(),
                    )
                    .stage(
                        StageSpec::new("again").after(After::Stage("verify".into())),
                        Copier { slots: 1 },
                    )
                    .stage("last", verify()),
            );
            assert_eq!(end.frames.delivered, 500, "{:?}", end.frames);
            assert_whole(&end, "verify");
            assert_whole(&end, "last");
            assert_eq!(count(&end, "last", "frames"), 500);
        }
    });
}

/// Catches: a refusal behind a stage with images of its own that is counted as delivered.
#[test]
fn images_of_a_stage_that_are_refused_are_counted() {
    watched(|| {
        let gate = Gate::default();
        let mut line = Line::builder(sim("width=64&height=48&rate=max&frames=200"))
            .stage("own", Copier { slots: 1 })
            .stage(StageSpec::new("slow").ring(2).policy(Policy::Refuse), Gated(gate.clone()))
            .start()
            .unwrap();
        until("it refuses", || hop(&line.snapshot(), "own>slow").refused > 100);
        gate.open();
        assert!(line.wait(PATIENCE));
        let end = line.stop(SOON);
        assert_balanced(&end);
        assert!(end.frames.refused > 100);
        assert_eq!(end.frames.refused, hop(&end, "own>slow").refused);
        assert_eq!(end.frames.delivered + end.frames.refused, 200);
    });
}

/// Catches: a caller that polls while it was built to be woken, or the reverse: with a wake-up missing,
/// each frame costs a whole bounded sleep, and the run outlasts the watchdog.
#[test]
fn the_callers_loop_is_woken_whatever_its_wait_and_thread() {
    watched(|| {
        for wait in frameline::wait::WaitStrategy::NAMES {
            let wait = frameline::wait::WaitStrategy::from_name(wait).unwrap();
            let mut line = Line::builder(sim("width=64&height=48&rate=max&frames=4000"))
                .frames_with(StageSpec::new("x").ring(1).wait(wait))
                .start()
                .unwrap();
            // The line moves to another thread after its first frame.
            let first = line.frames().next().unwrap();
            assert_eq!(first.id(), 0);
            drop(first);
            let (line, seen) = std::thread::spawn(move || {
                let seen = line.frames().count();
                (line, seen)
            })
            .join()
            .unwrap();
            assert_eq!(seen, 3999);
            assert_balanced(&line.stop(SOON));
        }
    });
}

/// Catches: a source that lends fewer buffers than the line can hold, so that a slow branch starves the
/// others for ever.
#[test]
fn a_source_that_lends_too_few_is_refused() {
    let line = |queue: usize| {
        let camera = sim(&format!("width=64&height=48&rate=max&fill=lend&queue={queue}"));
        Line::builder(camera).stage(StageSpec::new("a").ring(3), pass()).arm()
    };
    let error = line(4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    assert!(text.contains("lends 4 buffers"), "{text}");
    assert!(text.contains("capture 1 + ring a 3 + in a 1 = 5"), "{text}");
    assert!(text.contains("(queue=5)"), "the setting is not named: {text}");
    line(5).unwrap();
}

/// The line of the arithmetic: two rings, a tap, workers, a holder.
fn counted(fill: &str) -> LineBuilder {
    Line::builder(sim(&format!(
        "width=64&height=48&rate=max&fill={fill}&queue={}",
        if fill == "lend" { 30 } else { 5 }
    )))
    .configure(|c| c.pool.lock = false)
    .stage(StageSpec::new("a").ring(3).holds(2), pass())
    .stage_with(StageSpec::new("b").workers(2).ring(2), |_| Box::new(pass()))
    .stage(StageSpec::new("c").ring(1), pass())
    .stage(StageSpec::new("live").after(After::Source).policy(Policy::Latest), pass())
}

/// Catches: a pool that is one slot too small and is found out on the line. // iceoryx2#2307
#[test]
fn the_arithmetic_is_said_and_is_right() {
    let sum = "ring a 3 + in a 1 + kept by a 2 + ring b 4 + in b 2 + ring c 2 + in c 1 + tap live 2 + in live 1";
    for (fill, head, need) in [
        ("copy", "capture 1 + ", 19),
        ("lend", "capture 1 + ", 19),
        ("announce", "capture 1 + queued with the source 5 + ", 24),
    ] {
        let error = counted(fill).configure(|c| c.pool.slots = Some(need - 1)).arm().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(
            error.to_string(),
            format!(
                "pool.slots is {}, but the line can hold {need} at once: {head}{sum} = {need}; raise pool.slots to {need} or make rings shallower",
                need - 1
            )
        );
        let line = counted(fill).configure(|c| c.pool.slots = Some(need)).arm().unwrap();
        assert_eq!(line.snapshot().slots, need);
        let line2 = counted(fill).arm().unwrap();
        assert_eq!(line2.snapshot().slots, need + 2, "unasked, two more");
        drop((line, line2));
    }
}

/// Catches: arithmetic that counts too little: with every ring full and every holder holding, the capture
/// thread has no slot left, and the loss is called an underrun. // iceoryx#2307, VimbaPython#50
#[test]
fn with_the_fewest_slots_every_place_can_be_full() {
    watched(|| {
        for fill in ["copy", "announce", "lend"] {
            let gate = Gate::default();
            let queue = if fill == "lend" { 11 } else { 4 };
            let camera =
                sim(&format!("width=64&height=48&rate=max&fill={fill}&queue={queue}&frames=300"));
            let need = if fill == "announce" { 4 } else { 0 } + 1 + 3 + 1 + 2 + 1 + 2 + 1;
            let mut line = Line::builder(camera)
                .configure(|c| c.pool.slots = Some(need))
                .stage(StageSpec::new("a").ring(3).policy(Policy::Refuse), pass())
                .stage(StageSpec::new("b").ring(2), Gated(gate.clone()))
                .stage(
                    StageSpec::new("live").after(After::Source).policy(Policy::Latest),
                    Gated(gate.clone()),
                )
                .start()
                .unwrap();
            // The source waits, so a slot too few would be a hang here and not a matter of timing.
            until("all is full", || line.snapshot().frames.refused > 100);
            gate.open();
            assert!(line.wait(PATIENCE));
            let end = line.stop(SOON);
            assert_balanced(&end);
            assert_eq!(
                (
                    end.frames.underrun,
                    end.frames.delivered + end.frames.refused + end.frames.lost_by_device
                ),
                (0, 300),
                "{fill}: {:?}",
                end.frames
            );
        }
    });
}

type Change = fn(LineBuilder) -> LineBuilder;

/// Catches: a configuration that cannot work and is found out on the line, a panic on a large number, and
/// a sentence that does not say which key and what is allowed.
#[test]
fn what_cannot_work_is_refused_with_a_sentence() {
    let base =
        || Line::builder(sim("width=64&height=48&rate=100")).configure(|c| c.pool.lock = false);
    let table: &[(&str, Change, &[&str])] = &[
        ("nothing", |b| b, &["no stage", "[[stage]]", "frames"]),
        ("empty name", |b| b.stage("", pass()), &["cannot be named \"\""]),
        ("taken name", |b| b.stage("source", pass()), &["cannot be named \"source\""]),
        ("taken name", |b| b.stage("caller", pass()), &["cannot be named \"caller\""]),
        ("taken name", |b| b.stage("end_to_end", pass()), &["cannot be named \"end_to_end\""]),
        ("twice", |b| b.stage("a", pass()).stage("a", pass()), &["two stages are named \"a\""]),
        (
            "unknown parent",
            |b| {
                b.stage("a", pass())
                    .stage(StageSpec::new("b").after(After::Stage("c".into())), pass())
            },
            &["\"b\" comes after \"c\"", "known: source, a"],
        ),
        (
            "itself",
            |b| b.stage(StageSpec::new("b").after(After::Stage("b".into())), pass()),
            &["\"b\" comes after \"b\"", "known: source"],
        ),
        (
            "ring 0",
            |b| b.stage(StageSpec::new("a").ring(0), pass()),
            &["ring of depth 0", "1 to 65536"],
        ),
        (
            "ring beyond",
            |b| b.stage(StageSpec::new("a").ring(65537), pass()),
            &["ring of depth 65537", "1 to 65536"],
        ),
        (
            "ring that no pool holds",
            |b| b.stage(StageSpec::new("a").ring(65536), pass()),
            &["ring a 65536", "4096"],
        ),
        ("depth 0", |b| b.frames(0), &["ring of depth 0"]),
        (
            "no workers",
            |b| b.stage_with(StageSpec::new("a").workers(0), |_| Box::new(pass())),
            &["0 workers", "1 to 64"],
        ),
        (
            "65 workers",
            |b| b.stage_with(StageSpec::new("a").workers(65), |_| Box::new(pass())),
            &["65 workers", "1 to 64"],
        ),
        (
            "one instance for two workers",
            |b| b.stage(StageSpec::new("a").workers(2), pass()),
            &["\"a\"", "2 workers", "stage_with"],
        ),
        (
            "holders beyond number",
            |b| {
                b.stage_with(StageSpec::new("a").workers(2).holds(usize::MAX), |_| Box::new(pass()))
            },
            &["pool.slots", "4096", "kept by a"],
        ),
        (
            "every from a camera",
            |b| b.stage(StageSpec::new("a").policy(Policy::Every), pass()),
            &["\"a\"", "policy every", "cannot wait", "refuse, latest or 1-in-n"],
        ),
        (
            "a tap for two",
            |b| {
                b.stage_with(StageSpec::new("a").policy(Policy::Latest).workers(2), |_| {
                    Box::new(pass())
                })
            },
            &["\"a\"", "policy latest", "one thread to one thread"],
        ),
        (
            "a tap from two",
            |b| {
                b.stage_with(StageSpec::new("a").workers(2), |_| Box::new(pass()))
                    .stage(StageSpec::new("b").policy(Policy::Latest), pass())
            },
            &["\"b\"", "policy latest", "one thread to one thread"],
        ),
        (
            "a thread shared over a gap",
            |b| {
                b.stage(StageSpec::new("a").thread("t"), pass())
                    .stage("b", pass())
                    .stage(StageSpec::new("c").thread("t"), pass())
            },
            &["\"c\"", "thread \"t\"", "only neighbours"],
        ),
        (
            "a thread shared by roots",
            |b| {
                b.stage(StageSpec::new("a").thread("t"), pass())
                    .stage(StageSpec::new("c").after(After::Source).thread("t"), pass())
            },
            &["\"c\"", "thread \"t\"", "only neighbours"],
        ),
        (
            "other workers on a shared thread",
            |b| {
                b.stage_with(StageSpec::new("a").thread("t").workers(2), |_| Box::new(pass()))
                    .stage_with(StageSpec::new("b").thread("t").workers(3), |_| Box::new(pass()))
            },
            &["\"b\" has 3 workers", "which has 2"],
        ),
        (
            "a core that is not",
            |b| b.stage(StageSpec::new("a").core(9999), pass()),
            &["\"a\"", "core 9999", "may use"],
        ),
        (
            "a core beyond number",
            |b| b.stage_with(StageSpec::new("a").core(usize::MAX).workers(2), |_| Box::new(pass())),
            &["\"a\"", "may use"],
        ),
        (
            "capture core",
            |b| b.configure(|c| c.capture.core = Some(9999)).stage("a", pass()),
            &["capture.core", "9999"],
        ),
        (
            "priority",
            |b| b.configure(|c| c.capture.priority = Priority::Fifo(0)).stage("a", pass()),
            &["capture.priority", "SCHED_FIFO level 0", "1 to 99"],
        ),
        (
            "priority",
            |b| b.stage(StageSpec { priority: Priority::Fifo(100), ..StageSpec::new("a") }, pass()),
            &["\"a\"", "SCHED_FIFO level 100", "1 to 99"],
        ),
        (
            "priority",
            |b| b.stage(StageSpec { priority: Priority::Nice(20), ..StageSpec::new("a") }, pass()),
            &["\"a\"", "nice value 20", "-20 to 19"],
        ),
        (
            "timeout 0",
            |b| b.configure(|c| c.capture.timeout = Duration::ZERO).stage("a", pass()),
            &["capture.timeout is 0"],
        ),
        (
            "0 frames",
            |b| b.configure(|c| c.capture.frames = Some(0)).stage("a", pass()),
            &["0 frames", "1 or more"],
        ),
        (
            "growth",
            |b| b.configure(|c| c.reset.growth = 0.9).stage("a", pass()),
            &["reset.growth is 0.9", "1.0 to 16.0"],
        ),
        (
            "growth",
            |b| b.configure(|c| c.reset.growth = f64::NAN).stage("a", pass()),
            &["reset.growth is NaN"],
        ),
        (
            "deadline",
            |b| b.configure(|c| c.reset.deadline = Duration::ZERO).stage("a", pass()),
            &["reset.deadline is 0"],
        ),
        (
            "slots 0",
            |b| b.configure(|c| c.pool.slots = Some(0)).stage("a", pass()),
            &["pool.slots is 0", "capture 1"],
        ),
        (
            "slots",
            |b| b.configure(|c| c.pool.slots = Some(4097)).stage("a", pass()),
            &["pool.slots is 4097", "1 to 4096"],
        ),
        (
            "headroom",
            |b| b.configure(|c| c.pool.headroom = 0.5).stage("a", pass()),
            &["pool.headroom is 0.5", "1.0 to 16.0"],
        ),
        (
            "headroom",
            |b| b.configure(|c| c.pool.headroom = f64::NAN).stage("a", pass()),
            &["pool.headroom is NaN"],
        ),
        (
            "budget",
            |b| b.configure(|c| c.pool.budget_bytes = Some(4096)).stage("a", pass()),
            &["pool.budget is 4096", "headroom", "raise the budget"],
        ),
        (
            "fill",
            |_| {
                Line::builder(sim("fill=copy&width=64&height=48"))
                    .configure(|c| c.capture.fill = Some(Fill::Lend))
                    .stage("a", pass())
            },
            &["capture.fill is lend", "can only: copy"],
        ),
    ];
    for (what, change, words) in table {
        let error = match change(base()).arm() {
            Err(e) => e,
            Ok(_) => panic!("{what} was not refused"),
        };
        assert_eq!(error.kind(), ErrorKind::Config, "{what}: {error}");
        for word in *words {
            assert!(error.to_string().contains(word), "{what}: {word:?} is not in: {error}");
        }
        // A check says the same, without memory; only what the pool itself refuses comes later.
        match change(base()).check() {
            Err(checked) => assert_eq!(checked.to_string(), error.to_string(), "{what}"),
            Ok(()) => assert!(["slots", "headroom"].contains(what), "{what} passes the check"),
        }
    }
    // Numbers that only look wrong are taken.
    let line = base()
        .config(LineConfig::default())
        .configure(|c| {
            c.capture.timeout = Duration::MAX;
            c.capture.duration = Some(Duration::MAX);
            c.reset.deadline = Duration::MAX;
            c.monitor.interval = Duration::ZERO;
            c.faults.timeouts_before_diagnosis = 0;
        })
        .stage("a", verify())
        .start()
        .unwrap();
    until("frames flow", || count(&line.snapshot(), "a", "frames") > 3);
    let handle = line.handle();
    handle.reset(None, SOON).unwrap();
    assert_whole(&line.stop(SOON), "a");
}

/// What a random stage is like.
#[derive(Debug, Clone)]
struct Draw {
    parent: u8,
    policy: u8,
    workers: usize,
    ring: usize,
    fused: bool,
    own: bool,
    manners: Manners,
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let manners = prop_oneof![
        4 => Just(Manners::Good),
        1 => (0_u64..5, 1_u64..6).prop_map(|(r, m)| Manners::Ends(r, m)),
        1 => (0_u64..5, 2_u64..6).prop_map(|(r, m)| Manners::Fails(r, m)),
        1 => (0_u64..5, 3_u64..6).prop_map(|(r, m)| Manners::Panics(r, m)),
    ];
    let draw =
        (any::<u8>(), 0_u8..6, 1_usize..4, 1_usize..5, any::<bool>(), any::<bool>(), manners);
    prop::collection::vec(
        draw.prop_map(|(parent, policy, workers, ring, fused, own, manners)| Draw {
            parent,
            policy,
            workers,
            ring,
            fused,
            own,
            manners,
        }),
        1..6,
    )
}

/// Builds the graph, runs it, and says what each stage should have seen where nothing may get lost.
fn run_graph(draws: &[Draw], fill: &str, faults: &str) {
    const FRAMES: u64 = 150;
    let mut line = Line::builder(sim(&format!(
        "width=64&height=48&sensor_width=64&sensor_height=48&rate=max&fill={fill}&frames={FRAMES}&faults={faults}{}",
        if fill == "lend" { "&queue=1000" } else { "" }
    )))
    .configure(|c| {
        c.pool.lock = false;
        c.capture.timeout = Duration::from_millis(5);
        c.faults.timeouts_before_diagnosis = 1;
        c.faults.backoff = Duration::from_millis(1);
    });
    // For each stage: its workers, its thread, and the ids it must see; `None` where a policy may lose.
    let mut made: Vec<(usize, Option<String>, Option<Vec<u64>>)> = Vec::new();
    let mut notes = Vec::new();
    for (i, d) in draws.iter().enumerate() {
        let parent = (usize::from(d.parent) % (i + 1)).checked_sub(1);
        let (producers, parent_thread, before) = match parent {
            None => (1, None, Some((0..FRAMES).collect::<Vec<_>>())),
            Some(p) => made[p].clone(),
        };
        let fused = d.fused && parent_thread.is_some();
        let workers = if fused { producers } else { d.workers };
        let policy = match d.policy {
            0 => Policy::Refuse,
            1 if workers == 1 && producers == 1 => Policy::Latest,
            2 => one_in(3),
            _ => Policy::Every,
        };
        let thread = if fused { parent_thread } else { Some(format!("t{i}")) };
        let mut spec = StageSpec::new(format!("s{i}"))
            .after(parent.map_or(After::Source, |p| After::Stage(format!("s{p}"))))
            .workers(workers)
            .ring(d.ring)
            .policy(policy);
        spec.thread.clone_from(&thread);
        let (manners, own) = (d.manners, d.own);
        let out = before
            .filter(|_| fused || policy == Policy::Every)
            .map(|ids| ids.into_iter().filter(|id| manners.spares(*id)).collect::<Vec<_>>());
        line = line.stage_with(spec, move |_| {
            let inner = manners.stage();
            if !own {
                return Box::new(inner);
            }
            struct Both<S>(S, Copier);
            impl<S: Stage> Stage for Both<S> {
                fn process(
                    &mut self,
                    f: &mut Frame,
                    cx: &mut StageContext<'_>,
                ) -> Result<Flow, StageError> {
                    match self.0.process(f, cx)? {
                        Flow::Pass => self.1.process(f, cx),
                        other => Ok(other),
                    }
                }
                fn output(&self, n: usize) -> Option<OutputSpec> {
                    self.1.output(n)
                }
            }
            Box::new(Both(inner, Copier { slots: 1 }))
        });
        // Behind each stage somebody looks.
        let note = Notes::default();
        line = line.stage(
            StageSpec::new(format!("n{i}"))
                .after(After::Stage(format!("s{i}")))
                .ring(d.ring)
                .policy(Policy::Every),
            note.stage(),
        );
        notes.push((note, out.clone()));
        made.push((workers, thread, out));
    }
    let end = finish(line);
    assert_eq!(end.frames.in_flight, 0);
    assert_eq!(end.frames.grabbed, FRAMES);
    for (i, (note, expected)) in notes.iter().enumerate() {
        note.assert_order(&format!("behind s{i}"));
        if let Some(expected) = expected {
            assert_eq!(&note.ids(), expected, "behind s{i}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Catches: any graph in which a frame is lost uncounted, comes twice, overtakes, or blocks.
    #[test]
    fn any_graph_accounts_for_every_frame(
        draws in draws(),
        fill in prop_oneof![Just("copy"), Just("announce"), Just("lend")],
        faults in prop_oneof![
            Just(""),
            Just("at 40 resize 32x16;at 90 resize 64x48"),
            Just("every 20 from 7 timeout 2;at 77 fail 0x3"),
        ],
    ) {
        watched(move || run_graph(&draws, fill, faults));
    }
}

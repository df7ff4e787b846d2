//! The quiescent reset: under load, with full branches, slow stages, late holders, and stops beside it.
#![allow(missing_docs)]

mod util;

use frameline::buffer::Frame;
use frameline::pipeline::{LatePolicy, Line, LineState, NextFrame, StageSpec};
use frameline::ring::Policy;
use frameline::stage::{Flow, Flush, FnStage, OutputSpec, Stage, StageContext, StageError};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use util::{
    Gate, Gated, Understated, assert_balanced, assert_whole, count, sim, until, verify, watched,
};

const SOON: Duration = Duration::from_secs(60);

/// The thread sanitizer makes each of them ten times as long, and sees what is not ordered in the first.
const RESETS: usize = if cfg!(tsan) { 1_000 } else { 10_000 };

/// Ten thousand resets in a row, four frames each, while frames of changing size flow through a chain, a worker group, a tap
/// and a sampled branch. Catches: a frame lost, torn, duplicated or misordered by a reset; a marker that
/// overtakes a frame; a turn counter that is not reset on both sides.
fn ten_thousand(fill: &str) {
    let frames = 4 * RESETS as u64 + 1;
    let camera = sim(&format!(
        "width=64&height=48&rate=max&fill={fill}&frames={frames}&queue=30&faults=every 8 from 2 resize 96x64;every 8 from 4 resize 32x16;every 8 from 6 resize 120x50;every 8 from 8 resize 64x48"
    ));
    let mut line = Line::builder(camera)
        .configure(|c| c.pool.lock = false)
        .stage(StageSpec::new("verify").ring(3), verify())
        .stage_with(StageSpec::new("pair").workers(2).ring(2), |_| {
            Box::new(FnStage(|_: &mut Frame, _: &mut StageContext<'_>| Ok(Flow::Pass)))
        })
        .stage(StageSpec::new("again"), verify())
        .stage(
            StageSpec::new("live").after(frameline::pipeline::After::Source).policy(Policy::Latest),
            FnStage(|_: &mut Frame, _: &mut StageContext<'_>| Ok(Flow::Pass)),
        )
        .stage(
            StageSpec::new("sampled")
                .after(frameline::pipeline::After::Source)
                .policy(Policy::OneIn(NonZeroU32::new(7).unwrap())),
            verify(),
        )
        .start()
        .unwrap();
    assert!(line.wait(util::PATIENCE), "the run did not end");
    let end = line.stop(SOON);
    assert_eq!(end.failure, None);
    assert_eq!(end.frames.grabbed, frames);
    assert_eq!(end.frames.delivered, frames, "{:?}", end.frames);
    assert_whole(&end, "verify");
    assert_whole(&end, "again");
    assert_eq!(count(&end, "again", "frames"), frames, "order through workers");
    let made = end.resets.len();
    assert!(made >= RESETS, "only {made} resets");
    assert!(end.resets.iter().all(|r| r.ok && r.late.is_empty()));
    assert_eq!(end.resets.last().unwrap().epoch as usize, made);
    let moved = end.resets.iter().filter(|r| r.slot_bytes_before != r.slot_bytes_after).count();
    assert_eq!(moved, 0, "headroom: capacity was for the largest region from the start");
}

#[test]
fn ten_thousand_resets_copy() {
    watched(|| ten_thousand("copy"));
}

#[test]
fn ten_thousand_resets_announce() {
    watched(|| ten_thousand("announce"));
}

#[test]
fn ten_thousand_resets_lend() {
    watched(|| ten_thousand("lend"));
}

/// Catches: a frame that is lost because its buffer was too small; a slot that grew and is not grown; a
/// time-out treated as a buffer fault or the reverse.
#[test]
fn a_frame_that_does_not_fit_is_fetched_after_the_reset() {
    watched(|| {
        for fill in ["copy", "announce"] {
            let inner = sim(&format!(
                "width=64&height=48&rate=max&fill={fill}&frames=600&faults=at 100 resize 200x100;at 200 resize 64x48;at 300 resize 640x480;at 400 resize 800x600"
            ));
            let camera = Understated { inner, says: 64 * 48 };
            let mut line = Line::builder(camera)
                .configure(|c| {
                    c.pool.budget_bytes = Some(64 << 20);
                    c.reset.growth = 1.0;
                })
                .stage("verify", verify())
                .start()
                .unwrap();
            assert!(line.wait(util::PATIENCE));
            let end = line.stop(SOON);
            assert_eq!(end.failure, None);
            assert_eq!(end.frames.delivered, 600, "{fill}: {:?}", end.frames);
            assert_whole(&end, "verify");
            let grown: Vec<u64> = end
                .resets
                .iter()
                .filter(|r| r.slot_bytes_after > r.slot_bytes_before)
                .map(|r| r.slot_bytes_after)
                .collect();
            assert_eq!(grown.len(), 3, "{fill}: {:?}", end.resets);
            assert!(grown[0] >= 200 * 100 && grown[1] >= 640 * 480 && grown[2] >= 800 * 600);
            assert!(end.faults.iter().any(|f| f.class.name() == "buffer-too-small"));
        }
    });
}

/// Catches: a reset that needs room in a ring which nobody empties, and a loss that nobody counted.
#[test]
fn a_reset_works_while_every_branch_is_full() {
    watched(|| {
        let (a, b) = (Gate::default(), Gate::default());
        let mut line = Line::builder(sim("width=64&height=48&rate=2000"))
            .stage(StageSpec::new("verify").policy(Policy::Refuse), verify())
            .stage(StageSpec::new("a").ring(2), Gated(a.clone()))
            .stage(
                StageSpec::new("b")
                    .after(frameline::pipeline::After::Source)
                    .policy(Policy::Refuse),
                Gated(b.clone()),
            )
            .start()
            .unwrap();
        let handle = line.handle();
        until("both branches refuse", || {
            let s = handle.snapshot();
            s.hops.iter().filter(|h| h.refused > 0).count() >= 2 && a.waiting() + b.waiting() == 2
        });
        let asked = std::thread::spawn({
            let handle = handle.clone();
            move || handle.reset(None, SOON)
        });
        until("the reset has begun", || handle.state() == LineState::Resetting);
        a.open();
        b.open();
        let report = asked.join().unwrap().expect("the reset succeeds once the stages go on");
        assert!(report.ok && report.late.is_empty(), "{report:?}");
        assert_eq!(report.epoch, 1);
        let frames = handle.snapshot().frames.grabbed;
        until("frames flow again", || handle.snapshot().frames.grabbed > frames + 20);
        assert!(!line.wait(Duration::ZERO));
        let end = line.stop(SOON);
        assert_eq!(end.failure, None);
        assert_whole(&end, "verify");
        assert!(end.frames.refused > 0);
        assert_eq!(end.frames.in_flight, 0);
    });
}

/// Holds no frame, but finishes only when the gate lets it; says when it has.
struct SlowToFinish {
    gate: Gate,
    finished: Arc<AtomicBool>,
}

impl Stage for SlowToFinish {
    fn process(&mut self, _: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        Ok(Flow::Pass)
    }

    fn flush(&mut self, _: Flush) {
        self.gate.pass();
        self.finished.store(true, Ordering::Release);
    }
}

/// Catches: a reset that takes "every slot is home" for "every stage has finished": what a stage flushes would then
/// belong to two epochs.
#[test]
fn a_reset_waits_for_a_stage_that_holds_no_frame() {
    watched(|| {
        let (gate, finished) = (Gate::default(), Arc::new(AtomicBool::new(false)));
        let slow = SlowToFinish { gate: gate.clone(), finished: finished.clone() };
        let line = Line::builder(sim("width=64&height=48&rate=500"))
            .stage(StageSpec::new("verify").policy(Policy::Refuse), verify())
            .stage("slow", slow)
            .start()
            .unwrap();
        let handle = line.handle();
        until("frames flow", || handle.snapshot().frames.grabbed > 5);
        let asked = std::thread::spawn(move || {
            let report = handle.reset(None, SOON);
            (report, finished.load(Ordering::Acquire))
        });
        until("the stage finishes", || gate.waiting() == 1);
        // Every slot is home now. A reset that does not wait is over within microseconds: it gets a while to show.
        let shown = std::time::Instant::now();
        while !asked.is_finished() && shown.elapsed() < Duration::from_millis(300) {
            std::thread::yield_now();
        }
        gate.open();
        let (report, finished) = asked.join().unwrap();
        assert!(finished, "the reset was over before the stage had finished: {report:?}");
        let report = report.expect("the reset succeeds");
        assert!(report.ok && report.late.is_empty(), "not late, but not waited for: {report:?}");
        let end = line.stop(SOON);
        assert_eq!(end.failure, None);
        assert_whole(&end, "verify");
    });
}

/// Catches: memory that moves under a holder; a holder that is not named; a line that waits for ever.
#[test]
fn a_late_holder_is_named_and_keeps_its_bytes() {
    watched(|| {
        let inner = sim("width=64&height=48&rate=max&frames=400&faults=at 200 resize 300x200");
        let mut line = Line::builder(Understated { inner, says: 64 * 48 })
            .configure(|c| {
                c.reset.deadline = Duration::from_millis(150);
                c.reset.late = LatePolicy::Continue;
                c.pool.budget_bytes = Some(32 << 20);
            })
            .frames(2)
            .start()
            .unwrap();
        let kept = line.frames().next().expect("a first frame");
        let bytes = kept.payload().to_vec();
        let mut seen = 1;
        for frame in line.frames() {
            seen += 1;
            assert!(frame.meta().sequence > kept.meta().sequence);
            if frame.meta().sequence >= 200 {
                assert_eq!(frame.payload().len(), 300 * 200);
            }
        }
        assert_eq!(seen, 400);
        assert_eq!(kept.payload(), &bytes[..], "the held frame changed under its holder");
        let end = line.stop(SOON);
        assert_eq!(end.failure, None);
        assert_eq!(end.frames.in_flight, 1, "the frame that is still held: {:?}", end.frames);
        assert_balanced(&end);
        let late: Vec<&String> = end.resets.iter().flat_map(|r| &r.late).collect();
        assert!(
            late.iter().any(|l| l.contains("frame 0 ") && l.contains("caller")),
            "the holder is not named: {late:?}"
        );
        drop(kept);
    });
}

/// Catches: a deadline that passes without a word, or a line that goes on although it was told to fail.
#[test]
fn a_late_holder_can_fail_the_line() {
    watched(|| {
        let mut line = Line::builder(sim("width=64&height=48&rate=500"))
            .configure(|c| {
                c.reset.deadline = Duration::from_millis(100);
                c.reset.late = LatePolicy::Fail;
            })
            .frames_with(StageSpec::new("caller").ring(2).policy(Policy::Refuse))
            .start()
            .unwrap();
        let kept = loop {
            if let NextFrame::Frame(f) = line.next_frame(SOON) {
                break f;
            }
        };
        let handle = line.handle();
        let asked = std::thread::spawn(move || handle.reset(None, SOON));
        for frame in line.frames() {
            drop(frame);
        }
        let error = asked.join().unwrap().expect_err("the reset must fail");
        assert!(error.to_string().contains("held by caller"), "{error}");
        let end = line.stop(SOON);
        assert!(end.failure.unwrap().contains("held by caller"));
        drop(kept);
    });
}

/// Catches: a reset that swallows a stop, a stop that leaves a reset half done, a wake-up lost between
/// the two.
#[test]
fn a_stop_at_the_same_moment() {
    watched(|| {
        for round in 0..60_u64 {
            let line = Line::builder(sim("width=64&height=48&rate=5000"))
                .stage(StageSpec::new("verify").policy(Policy::Refuse), verify())
                .start()
                .unwrap();
            let handle = line.handle();
            until("frames flow", || handle.snapshot().frames.grabbed > round % 5);
            let asked = std::thread::spawn({
                let handle = handle.clone();
                move || handle.reset(Some(100_000), SOON)
            });
            if round % 2 == 0 {
                std::thread::yield_now();
            }
            let end = line.stop(SOON);
            // Either order is right; neither may hang or lose a frame.
            let _ = asked.join().unwrap();
            assert_eq!(end.failure, None);
            assert_whole(&end, "verify");
            assert_eq!(end.frames.in_flight, 0);
        }
    });
}

/// Catches: a drift that is taken for a lost camera, or waited for for ever (SDK_FACTS A7).
#[test]
fn format_drift_is_diagnosed_and_cured() {
    watched(|| {
        let (camera, _) = util::sim_in_its_own_time(
            "width=64&height=48&rate=500&frames=300&faults=at 100 drift 96x96",
        );
        let mut line = Line::builder(camera)
            .configure(|c| c.capture.timeout = Duration::from_millis(10))
            .stage(StageSpec::new("verify").policy(Policy::Refuse), verify())
            .start()
            .unwrap();
        assert!(line.wait(util::PATIENCE));
        let end = line.stop(SOON);
        assert_eq!(end.failure, None);
        assert!(end.resets.iter().any(|r| r.reason.contains("drift")), "{:?}", end.resets);
        assert!(end.reconnects.is_empty());
        assert_whole(&end, "verify");
    });
}

/// A stage that makes an image of its own: inverts.
struct Invert;

impl Stage for Invert {
    fn process(
        &mut self,
        frame: &mut Frame,
        cx: &mut StageContext<'_>,
    ) -> Result<Flow, StageError> {
        let mut out = cx.output_frame().ok_or(StageError::new(1, "no output buffer"))?;
        let n = frame.payload().len();
        if out.capacity() < n {
            return Err(StageError::new(2, "the output buffer is too small"));
        }
        out.buffer_mut()[..n].iter_mut().zip(frame.payload()).for_each(|(o, i)| *o = !i);
        *out.meta_mut() = *frame.meta();
        out.set_filled(n);
        Ok(Flow::Replace(out.filled()))
    }

    fn output(&self, input_bytes: usize) -> Option<OutputSpec> {
        Some(OutputSpec { payload_bytes: input_bytes, slots: 3 })
    }
}

/// Catches: a stage's own pool that does not follow the payload, and frames of it that nobody counts.
#[test]
fn pools_of_stages_are_reset_in_the_same_step() {
    watched(|| {
        let inner = sim("width=64&height=48&rate=max&frames=500&faults=at 250 resize 512x512");
        let mut line = Line::builder(Understated { inner, says: 64 * 48 })
            .configure(|c| c.pool.budget_bytes = Some(64 << 20))
            .stage("invert", Invert)
            .stage("back", Invert)
            .stage("verify", verify())
            .start()
            .unwrap();
        assert!(line.wait(util::PATIENCE));
        let end = line.stop(SOON);
        assert_eq!(end.failure, None);
        assert_eq!(end.frames.delivered, 500, "{:?} {:?}", end.frames, end.events);
        assert_eq!(count(&end, "verify", "frames"), 500);
        assert_whole(&end, "verify");
    });
}

/// Catches: a region that is set while the device runs, or not at all.
#[test]
fn a_locked_feature_is_set_within_a_reset() {
    watched(|| {
        let line = Line::builder(sim("width=64&height=48&rate=1000"))
            .stage(StageSpec::new("verify").policy(Policy::Refuse), verify())
            .start()
            .unwrap();
        let handle = line.handle();
        handle.set_feature("Width", "128", SOON).unwrap();
        let error = handle.set_feature("Width", "0", SOON).unwrap_err();
        assert!(error.to_string().to_lowercase().contains("width is 0"), "{error}");
        let error = handle.set_feature("NoSuchThing", "1", SOON).unwrap_err();
        assert!(error.to_string().contains("NoSuchThing"), "{error}");
        let grabbed = handle.snapshot().frames.grabbed;
        until("frames flow", || handle.snapshot().frames.grabbed > grabbed + 10);
        let end = line.stop(SOON);
        assert!(end.resets.iter().any(|r| r.reason == "feature change" && r.ok));
        assert_whole(&end, "verify");
    });
}

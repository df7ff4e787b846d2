//! The life of a line: armed, running, resetting, stopping, ended, and every odd call in between.
#![allow(missing_docs)]

mod util;

use frameline::buffer::Frame;
use frameline::pipeline::{
    After, Line, LineBuilder, LineHandle, LineState, NextFrame, Snapshot, StageSpec,
};
use frameline::ring::Policy;
use frameline::source::Source;
use frameline::stage::{Flow, StageContext, StageError};
use frameline::{Error, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use util::{
    Gate, Gated, Notes, PATIENCE, Tampered, act, assert_balanced, assert_whole, count, hop,
    panic_quietly, pass, sim, until, verify, watched,
};

const SOON: Duration = Duration::from_secs(60);
const FILLS: [&str; 3] = ["copy", "announce", "lend"];

fn camera(query: &str) -> LineBuilder {
    Line::builder(sim(&format!("width=64&height=48&{query}"))).configure(|c| {
        c.pool.lock = false;
        c.capture.timeout = Duration::from_millis(20);
    })
}

fn ended(mut line: Line) -> Snapshot {
    assert!(line.wait(PATIENCE), "the run did not end: {:?}", line.snapshot().frames);
    let end = line.stop(SOON);
    assert_eq!(end.state, LineState::Ended);
    assert_balanced(&end);
    end
}

fn has_event(s: &Snapshot, words: &[&str]) -> bool {
    s.events.iter().any(|e| words.iter().all(|w| e.text.contains(w)))
}

/// Catches: a line that grabs before it is told to, or that cannot be told.
#[test]
fn an_armed_line_starts_when_it_is_told_to() {
    watched(|| {
        for fill in FILLS {
            let line = camera(&format!("rate=max&fill={fill}&frames=100"))
                .stage("verify", verify())
                .arm()
                .unwrap();
            let handle = line.handle();
            assert_eq!(handle.state(), LineState::Idle);
            assert_eq!(handle.snapshot().frames.grabbed, 0);
            assert_eq!(handle.snapshot().elapsed.0, 0);
            handle.start(SOON).unwrap();
            let end = ended(line);
            assert_eq!(end.frames.delivered, 100);
            assert_whole(&end, "verify");
        }
    });
}

/// Catches: an armed line that forgets its state over a reset, or takes a region that was set before the
/// start for a change of format on the line.
#[test]
fn an_armed_line_takes_orders() {
    watched(|| {
        let line = camera("rate=1000&trigger=off").stage("verify", verify()).arm().unwrap();
        let handle = line.handle();
        let report = handle.reset(None, SOON).unwrap();
        assert!(report.ok);
        assert_eq!(handle.state(), LineState::Idle, "a reset does not start the source");
        handle.set_feature("Width", "96", SOON).unwrap();
        let error = handle.set_feature("Width", "0", SOON).unwrap_err();
        assert!(error.to_string().contains("0"), "{error}");
        assert_eq!(handle.state(), LineState::Idle);
        handle.start(SOON).unwrap();
        until("frames flow", || count(&handle.snapshot(), "verify", "frames") > 10);
        assert_eq!(handle.state(), LineState::Running);
        let end = line.stop(SOON);
        assert_eq!(end.failure, None);
        assert_eq!(end.resets.len(), 1, "only the one that was asked for: {:?}", end.resets);
        assert_whole(&end, "verify");
    });
}

type Call = fn(&LineHandle, Duration) -> Result<(), Error>;
const CALLS: [(&str, Call); 4] = [
    ("start", |h, b| h.start(b)),
    ("reset", |h, b| h.reset(None, b).map(drop)),
    ("set_feature", |h, b| h.set_feature("Width", "80", b)),
    ("trigger", |h, b| h.software_trigger(b)),
];

/// Catches: an order that is taken in a state that does not allow it, waits for ever, or gets no answer.
#[test]
fn every_order_has_an_answer_in_every_state() {
    watched(|| {
        // Idle.
        let line = camera("rate=500&trigger=software").stage("a", pass()).arm().unwrap();
        let error = line.handle().software_trigger(SOON).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::State, "{error}");
        // Running.
        let handle = line.handle();
        handle.start(SOON).unwrap();
        assert_eq!(handle.state(), LineState::Running);
        for (what, call) in CALLS {
            call(&handle, SOON).unwrap_or_else(|e| panic!("{what} while running: {e}"));
        }
        assert_eq!(handle.state(), LineState::Running);
        let end = line.stop(SOON);
        assert_eq!(end.failure, None);
        // Ended.
        for (what, call) in CALLS {
            let error = call(&handle, SOON).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::State, "{what} after the end: {error}");
            assert!(error.to_string().contains("ended"), "{error}");
        }
        handle.request_stop();
        assert_eq!(handle.state(), LineState::Ended);

        // Resetting, then stopping: the capture thread waits for a stage.
        let gate = Gate::default();
        let line = camera("rate=500")
            .configure(|c| c.reset.deadline = SOON)
            .stage(StageSpec::new("stuck").policy(Policy::Refuse), Gated(gate.clone()))
            .start()
            .unwrap();
        let handle = line.handle();
        until("the stage holds a frame", || gate.waiting() == 1);
        let asked = std::thread::spawn({
            let handle = handle.clone();
            move || handle.reset(None, SOON)
        });
        until("it resets", || handle.state() == LineState::Resetting);
        for (what, call) in CALLS {
            let error = call(&handle, Duration::from_millis(1)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Deadline, "{what} in a reset: {error}");
            assert!(error.to_string().contains("no answer within 1ms"), "{error}");
        }
        gate.open();
        assert!(asked.join().unwrap().unwrap().ok);
        // The orders whose givers were told that there was no answer are passed over.
        until("it runs", || handle.state() == LineState::Running);
        handle.set_feature("AcquisitionFrameRate", "400", SOON).unwrap();
        gate.shut();
        until("the stage holds a frame", || gate.waiting() == 1);
        let stopping = std::thread::spawn(move || line.stop(SOON));
        until("it stops", || handle.state() == LineState::Stopping);
        for (what, call) in CALLS {
            let error = call(&handle, Duration::from_millis(1)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Deadline, "{what} while stopping: {error}");
        }
        let late = std::thread::spawn({
            let handle = handle.clone();
            move || handle.start(SOON)
        });
        gate.open();
        let end = stopping.join().unwrap();
        assert_eq!(end.failure, None);
        assert_eq!(end.resets.len(), 1, "{:?}", end.resets);
        assert_balanced(&end);
        let error = late.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::State, "{error}");
    });
}

/// Catches: an order that is given when the ring of orders is full and vanishes.
#[test]
fn too_many_orders_are_refused() {
    watched(|| {
        let gate = Gate::default();
        let line = camera("rate=500")
            .configure(|c| c.reset.deadline = SOON)
            .stage(StageSpec::new("stuck").policy(Policy::Refuse), Gated(gate.clone()))
            .start()
            .unwrap();
        let handle = line.handle();
        until("the stage holds a frame", || gate.waiting() == 1);
        let asked = std::thread::spawn({
            let handle = handle.clone();
            move || handle.reset(None, SOON)
        });
        until("it resets", || handle.state() == LineState::Resetting);
        let refused = (0..100)
            .map(|_| handle.software_trigger(Duration::ZERO).unwrap_err().kind())
            .filter(|k| *k == ErrorKind::State)
            .count();
        assert!(refused >= 30, "{refused} of 100 were refused; the ring holds 64");
        gate.open();
        asked.join().unwrap().unwrap();
        let end = line.stop(SOON);
        assert_eq!(end.failure, None);
    });
}

/// Catches: a reset that cannot be made and takes the line with it (rule 9).
#[test]
fn a_reset_that_cannot_be_made_costs_the_line_nothing() {
    watched(|| {
        let line = camera("rate=1000").stage("verify", verify()).start().unwrap();
        let handle = line.handle();
        for bytes in [1 << 40, usize::MAX] {
            let error = handle.reset(Some(bytes), SOON).unwrap_err();
            assert!(error.to_string().contains("pool.budget"), "{error}");
            let seen = count(&handle.snapshot(), "verify", "frames");
            until("frames flow", || count(&handle.snapshot(), "verify", "frames") > seen + 10);
        }
        let end = line.stop(SOON);
        assert_eq!(end.failure, None);
        assert!(end.resets.iter().all(|r| !r.ok && r.slot_bytes_before == r.slot_bytes_after));
        assert_whole(&end, "verify");
    });
}

/// A line of every kind of hop, for storms.
fn storm_line(fill: &str, rate: &str) -> LineBuilder {
    let queue = if fill == "lend" { 40 } else { 4 };
    camera(&format!("rate={rate}&fill={fill}&queue={queue}&sensor_width=64&sensor_height=48"))
        .stage(StageSpec::new("verify").ring(2), verify())
        .stage_with(StageSpec::new("pair").workers(2).ring(2), |_| Box::new(pass()))
        .stage(StageSpec::new("last").ring(1), verify())
        .stage(StageSpec::new("live").after(After::Source).policy(Policy::Latest), pass())
}

/// Catches: a start that a stop at once runs into: a crash, a hang, a frame uncounted. // harvesters#390
#[test]
fn three_hundred_starts_and_stops() {
    watched(|| {
        for round in 0..300 {
            let fill = FILLS[round % 3];
            let rate = ["max", "20000"][round / 3 % 2];
            let line = storm_line(fill, rate).start().unwrap();
            if round % 4 == 0 {
                until("a frame came", || line.snapshot().frames.grabbed > 0);
            }
            let end = line.stop(SOON);
            assert_eq!(end.failure, None, "round {round}");
            assert_whole(&end, "verify");
            assert_whole(&end, "last");
            assert_eq!(end.frames.in_flight, 0, "round {round}: {:?}", end.frames);
        }
    });
}

/// Catches: an abort that loses count of a frame which was pushed just as its consumer left, and one that
/// calls frames delivered which never arrived.
#[test]
fn three_hundred_aborts() {
    watched(|| {
        for round in 0..300 {
            let fill = FILLS[round % 3];
            let mut line = storm_line(fill, "max").stage("end", pass());
            if round % 2 == 0 {
                line = line.frames(2);
            }
            let mut line = line.start().unwrap();
            if round % 4 == 0 {
                drop(line.next_frame(SOON));
            }
            until("frames came", || line.snapshot().frames.grabbed > round as u64 % 8);
            let end = line.abort();
            assert_eq!(end.failure, None, "round {round}");
            assert_balanced(&end);
            let s = &end.stages[2];
            assert!(
                end.frames.delivered <= s.frames,
                "round {round}: {} delivered, {} seen by {}",
                end.frames.delivered,
                s.frames,
                s.name
            );
        }
    });
}

/// Catches: a stop that ends before the last frame that was accepted is through.
#[test]
fn a_stop_drains_to_the_last_accepted_frame() {
    watched(|| {
        for fill in FILLS {
            let gate = Gate::default();
            let notes = Notes::default();
            let line = camera(&format!("rate=2000&fill={fill}"))
                .stage(StageSpec::new("slow").ring(8).policy(Policy::Refuse), Gated(gate.clone()))
                .stage("notes", notes.stage())
                .start()
                .unwrap();
            let handle = line.handle();
            until("the ring is full", || hop(&handle.snapshot(), "source>slow").refused > 3);
            let stopping = std::thread::spawn(move || line.stop(SOON));
            until("it stops", || handle.state() == LineState::Stopping);
            gate.open();
            let end = stopping.join().unwrap();
            assert_eq!(end.failure, None);
            assert_balanced(&end);
            let accepted = hop(&end, "source>slow").accepted;
            assert_eq!(notes.len() as u64, accepted);
            assert_eq!((end.frames.delivered, end.frames.in_flight), (accepted, 0));
            notes.assert_order("notes");
        }
    });
}

/// Catches: frames that the source had finished when the stop came, and that nobody fetched.
#[test]
fn a_stop_drains_what_the_source_has_finished() {
    watched(|| {
        for fill in FILLS {
            let line = camera(&format!("trigger=software&rate=100&fill={fill}&queue=8"))
                .configure(|c| c.capture.timeout = Duration::from_millis(300))
                .stage(StageSpec::new("verify").ring(6), verify())
                .start()
                .unwrap();
            let handle = line.handle();
            until("it grabs", || handle.snapshot().threads[0].turns > 0);
            until("it runs", || handle.state() == LineState::Running);
            // Given while the capture thread waits for a frame: it comes to all of them, one after the other.
            std::thread::scope(|s| {
                let asked = [(); 3].map(|()| s.spawn(|| handle.software_trigger(SOON)));
                asked.into_iter().for_each(|a| a.join().unwrap().unwrap());
            });
            let end = line.stop(SOON);
            assert_eq!((end.frames.grabbed, end.frames.delivered), (3, 3), "{fill}");
            assert_whole(&end, "verify");
        }
    });
}

/// Catches: frames that the device finishes just as it is told to stop, and that nobody fetches any more.
#[test]
fn frames_that_are_finished_as_the_device_stops_are_delivered() {
    watched(|| {
        for fill in FILLS {
            let query = "width=64&height=48&sensor_width=64&sensor_height=48&trigger=software";
            let camera = Tampered::new(sim(&format!("{query}&rate=100&fill={fill}&queue=8")))
                .stops(|sim| (0..3).for_each(|_| sim.software_trigger().expect("it still runs")));
            let line = Line::builder(camera)
                .configure(|c| c.capture.timeout = Duration::from_millis(10))
                .stage(StageSpec::new("verify").ring(6), verify())
                .start()
                .unwrap();
            let handle = line.handle();
            until("it runs", || handle.state() == LineState::Running);
            let end = line.stop(SOON);
            assert_eq!((end.frames.grabbed, end.frames.delivered), (3, 3), "{fill}");
            assert_eq!(count(&end, "verify", "frames"), 3, "{fill}");
            assert_whole(&end, "verify");
        }
    });
}

/// Catches: a deadline of the user's that a shorter one of our own overrules.
#[test]
fn a_long_deadline_is_kept() {
    watched(|| {
        let gate = Gate::default();
        let line = camera("rate=2000")
            .configure(|c| c.reset.deadline = Duration::from_millis(1))
            .stage(StageSpec::new("slow").policy(Policy::Refuse), Gated(gate.clone()))
            .start()
            .unwrap();
        let handle = line.handle();
        until("the ring is full", || hop(&handle.snapshot(), "source>slow").refused > 3);
        let stopping = std::thread::spawn(move || line.stop(SOON));
        until("it stops", || handle.state() == LineState::Stopping);
        // The line's own patience with a ring in which nothing moves is a second here.
        let begun = std::time::Instant::now();
        until("two seconds pass", || begun.elapsed() > Duration::from_secs(2));
        gate.open();
        let end = stopping.join().unwrap();
        assert_balanced(&end);
        assert_eq!(end.failure, None);
        assert_eq!(end.frames.in_flight, 0, "the drain was given up: {:?}", end.frames);
    });
}

/// Catches: a stop that never returns because a stage hangs, or returns and does not say which.
#[test]
fn a_stage_that_hangs_is_named() {
    watched(|| {
        for fill in FILLS {
            let gate = Gate::default();
            let line = camera(&format!("rate=1000&fill={fill}"))
                .configure(|c| c.monitor.hang_after = Duration::from_millis(50))
                .stage("before", pass())
                .stage(StageSpec::new("stuck").policy(Policy::Refuse), Gated(gate.clone()))
                .stage("behind", pass())
                .start()
                .unwrap();
            until("it refuses", || line.snapshot().frames.refused > 0);
            until("the hang is noticed", || {
                let s = line.snapshot();
                has_event(&s, &["thread stuck", "stage stuck"])
                    && s.threads.iter().any(|t| {
                        t.name == "stuck" && t.busy.as_ref().is_some_and(|b| b.0 == "stage stuck")
                    })
            });
            let end = line.stop(Duration::from_millis(300));
            let failure = end.failure.clone().expect("the stop was not clean");
            assert!(failure.contains("stage stuck"), "{failure}");
            assert_eq!(end.state, LineState::Ended);
            assert!(end.frames.in_flight > 0);
            assert_eq!(end.frames.grabbed, end.frames.accounted(), "{:?}", end.frames);
            let alive: Vec<_> =
                end.threads.iter().filter(|t| !t.ended).map(|t| t.name.as_str()).collect();
            assert_eq!(alive, ["stuck"]);
            assert!(!end.held.is_empty(), "the frames that it holds are named");
            assert_balanced(&end);
            gate.open();
        }
    });
}

/// Catches: a drop that waits for ever, or that leaves frames with nobody.
#[test]
fn a_line_can_be_dropped_at_any_moment() {
    watched(|| {
        for fill in FILLS {
            let line = storm_line(fill, "max").start().unwrap();
            let handle = line.handle();
            until("frames flow", || handle.snapshot().frames.grabbed > 10);
            drop(line);
            let end = handle.snapshot();
            assert_eq!(end.state, LineState::Ended);
            assert_balanced(&end);

            drop(storm_line(fill, "max").arm().unwrap());

            let gate = Gate::default();
            let line = camera(&format!("rate=max&fill={fill}"))
                .stage("stuck", Gated(gate.clone()))
                .start()
                .unwrap();
            until("it hangs", || gate.waiting() == 1);
            drop(line);
            gate.open();
        }
    });
}

/// Catches: a panic that takes more than its frame, or that nobody hears of. // pymba#106
#[test]
fn a_panic_costs_exactly_its_frame() {
    watched(|| {
        for fill in FILLS {
            let end = ended(
                camera(&format!("rate=max&fill={fill}&frames=200"))
                    .stage("verify", verify())
                    .stage(
                        "breaks",
                        act(|f: &mut Frame, _: &mut StageContext<'_>| match f.id() {
                            50 => panic_quietly(),
                            70 => Err(StageError::new(3, "it did not like the frame")),
                            _ => Ok(Flow::Pass),
                        }),
                    )
                    .stage("after", verify())
                    .start()
                    .unwrap(),
            );
            assert_eq!(end.failure, None);
            assert_eq!((end.frames.delivered, end.frames.invalid), (198, 2));
            let s = &end.stages[1];
            assert_eq!((s.frames, s.failed, s.panicked), (200, 2, 1));
            assert!(has_event(&end, &["stage breaks panicked", "frame 50"]), "{:?}", end.events);
            assert!(has_event(&end, &["stage breaks failed", "frame 70", "did not like"]));
            assert_eq!(count(&end, "after", "frames"), 198);
            assert_eq!(count(&end, "after", "torn"), 0);
        }
    });
}

/// Catches: a stage that panics while it flushes and takes the reset, or the end, with it.
#[test]
fn a_panic_in_a_flush_is_survived() {
    struct Flushes(Arc<AtomicU64>);
    impl frameline::stage::Stage for Flushes {
        fn process(&mut self, _: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
            Ok(Flow::Pass)
        }
        fn flush(&mut self, _: frameline::stage::Flush) {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic_quietly()
        }
    }
    watched(|| {
        let flushes = Arc::new(AtomicU64::new(0));
        let end = ended(
            camera("rate=max&frames=100&faults=at 50 resize 32x16")
                .stage("flushes", Flushes(flushes.clone()))
                .stage("verify", verify())
                .start()
                .unwrap(),
        );
        assert_eq!(flushes.load(Ordering::Relaxed), 2, "one reset, one end");
        assert_eq!(end.frames.delivered, 100);
        assert_whole(&end, "verify");
    });
}

/// Catches: a caller who leaves the loop and with it the frames, and a line that waits for the caller for
/// ever.
#[test]
fn the_callers_loop_can_be_left() {
    watched(|| {
        for fill in FILLS {
            for policy in [Policy::Every, Policy::Refuse, Policy::Latest] {
                let build = || {
                    camera(&format!("rate=max&fill={fill}"))
                        .frames_with(StageSpec::new("x").ring(2).policy(policy))
                        .start()
                        .unwrap()
                };
                // Left early, then stopped: what was not fetched is let go.
                let mut line = build();
                assert_eq!(line.frames().take(5).count(), 5);
                let end = line.stop(SOON);
                assert_eq!((end.failure.as_deref(), end.frames.in_flight), (None, 0));
                assert_balanced(&end);
                // Never entered.
                let end = build().stop(SOON);
                assert_eq!((end.failure.as_deref(), end.frames.in_flight), (None, 0));
                assert_balanced(&end);
                // Dropped while frames are held: they stay as they are.
                let mut line = build();
                let held: Vec<Frame> = line.frames().take(2).collect();
                let copies: Vec<Vec<u8>> = held.iter().map(|f| f.payload().to_vec()).collect();
                let handle = line.handle();
                drop(line);
                for (frame, copy) in held.iter().zip(&copies) {
                    assert_eq!(frame.payload(), &copy[..]);
                }
                assert!(handle.snapshot().frames.in_flight >= 2);
                assert_balanced(&handle.snapshot());
                drop(held);
            }
        }
    });
}

/// Catches: a frame whose memory goes with its line. // harvesters#452
#[test]
fn a_frame_outlives_its_line() {
    watched(|| {
        for fill in FILLS {
            let mut line =
                camera(&format!("rate=max&fill={fill}&frames=50")).frames(2).start().unwrap();
            let kept = line.frames().nth(7).unwrap();
            let copy = kept.payload().to_vec();
            assert_eq!(kept.id(), 7);
            let rest = line.frames().count();
            assert_eq!(rest, 42);
            assert!(matches!(line.next_frame(Duration::ZERO), NextFrame::End));
            let end = line.stop(SOON);
            assert_eq!((end.frames.delivered, end.frames.in_flight), (49, 1));
            assert_balanced(&end);
            assert_eq!(end.held.len(), 1);
            assert_eq!(end.held[0].frame_id, 7);
            let who = end.lanes[end.held[0].holders[0].0.index()].as_str();
            assert_eq!(who, "caller");
            drop(end);
            assert_eq!(kept.payload(), &copy[..], "{fill}");
            // It may end on any thread.
            std::thread::spawn(move || assert_eq!(kept.payload(), &copy[..])).join().unwrap();
        }
    });
}

/// Catches: a bound that is taken for none, and a bound too large for a clock.
#[test]
fn next_frame_keeps_its_bound() {
    watched(|| {
        let mut line = camera("trigger=software&rate=100").frames(2).start().unwrap();
        for bound in [Duration::ZERO, Duration::from_millis(3)] {
            let begun = std::time::Instant::now();
            assert!(matches!(line.next_frame(bound), NextFrame::Nothing));
            assert!(begun.elapsed() >= bound);
        }
        line.handle().software_trigger(SOON).unwrap();
        assert!(matches!(line.next_frame(Duration::MAX), NextFrame::Frame(_)));
        line.handle().request_stop();
        assert!(matches!(line.next_frame(Duration::MAX), NextFrame::End));
        assert!(line.wait(Duration::MAX));
        assert_balanced(&line.stop(Duration::MAX));
        // Without a loop of the caller's there are no frames.
        let mut line = camera("rate=100").stage("a", pass()).start().unwrap();
        assert!(matches!(line.next_frame(Duration::MAX), NextFrame::End));
        assert_eq!(line.frames().count(), 0);
        until("it runs all the same", || line.handle().state() == LineState::Running);
    });
}

/// Catches: a trigger that is lost or doubled, and a silence between triggers that is taken for a fault.
#[test]
fn as_many_frames_as_triggers() {
    watched(|| {
        for fill in FILLS {
            let mut line = camera(&format!("trigger=software&rate=100&fill={fill}"))
                .configure(|c| {
                    c.capture.timeout = Duration::from_millis(2);
                    c.faults.timeouts_before_diagnosis = 2;
                })
                .frames(4)
                .start()
                .unwrap();
            let handle = line.handle();
            for n in 0..20 {
                handle.software_trigger(SOON).unwrap();
                match line.next_frame(SOON) {
                    NextFrame::Frame(f) => assert_eq!(f.id(), n),
                    other => panic!("{fill}: trigger {n} brought {other:?}"),
                }
            }
            // Nobody triggers now.
            let told = |s: &Snapshot| has_event(s, &["waits for a trigger", "normal"]);
            until("the silence is explained", || told(&handle.snapshot()));
            let timeouts = |s: &Snapshot| s.faults.iter().map(|f| f.count).sum::<u64>();
            let before = timeouts(&handle.snapshot());
            until("many more time-outs", || timeouts(&handle.snapshot()) > before + 40);
            let s = handle.snapshot();
            let said = s.events.iter().filter(|e| e.text.contains("waits for a trigger")).count();
            assert!((1..=21).contains(&said), "said once for each silence, not {said} times");
            assert!(matches!(line.next_frame(Duration::ZERO), NextFrame::Nothing));
            let end = line.stop(SOON);
            assert_eq!(end.failure, None);
            assert_eq!((end.frames.grabbed, end.frames.delivered), (20, 20), "{fill}");
            assert!(
                end.reconnects.is_empty() && end.resets.is_empty(),
                "{fill}: no cure is needed"
            );
            assert!(end.faults.iter().all(|f| f.class.name() == "timeout"), "{:?}", end.faults);
            assert_balanced(&end);
        }
    });
}

/// Catches: counters read in an order that makes up frames, and readers that disturb the line.
#[test]
fn snapshots_from_many_threads() {
    watched(|| {
        let mut line = storm_line("copy", "max")
            .configure(|c| c.capture.frames = Some(30_000))
            .start()
            .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (handle, stop) = (line.handle(), stop.clone());
                std::thread::spawn(move || {
                    let (mut n, mut last) = (0, 0);
                    while !stop.load(Ordering::Relaxed) {
                        let s = handle.snapshot();
                        assert!(s.frames.accounted() <= s.frames.grabbed, "{:?}", s.frames);
                        assert!(s.frames.grabbed >= last);
                        last = s.frames.grabbed;
                        for h in &s.hops {
                            assert!(h.taken + h.replaced <= h.accepted, "{h:?}");
                            assert!(h.accepted + h.refused + h.skipped == h.offered);
                        }
                        let _ = s.frames_per_second();
                        n += 1;
                    }
                    n
                })
            })
            .collect();
        assert!(line.wait(PATIENCE));
        stop.store(true, Ordering::Relaxed);
        for r in readers {
            assert!(r.join().unwrap() > 0);
        }
        let end = line.stop(SOON);
        assert_whole(&end, "last");
        assert_eq!(end.frames.grabbed, 30_000);
        assert_eq!(end.frames.delivered, 30_000);
    });
}

/// Catches: a limit that is passed, missed by one, or that leaves the last frames behind.
#[test]
fn limits_end_the_run() {
    watched(|| {
        for fill in FILLS {
            for frames in [1, 2, 37] {
                for rate in ["max", "5000"] {
                    let end = ended(
                        camera(&format!(
                            "rate={rate}&fill={fill}&queue=70&sensor_width=64&sensor_height=48"
                        ))
                        .configure(|c| c.capture.frames = Some(frames))
                        .stage(StageSpec::new("verify").ring(64), verify())
                        .start()
                        .unwrap(),
                    );
                    assert_eq!(end.failure, None);
                    assert!(end.frames.grabbed >= frames, "{fill} {rate}: {:?}", end.frames);
                    let lost = end.frames.lost_by_device + end.frames.underrun;
                    assert!(end.frames.grabbed - lost <= frames, "{fill} {rate}: {:?}", end.frames);
                    assert_whole(&end, "verify");
                }
            }
            let end = ended(
                camera(&format!("rate=1000&fill={fill}"))
                    .configure(|c| c.capture.duration = Some(Duration::from_millis(50)))
                    .stage("verify", verify())
                    .start()
                    .unwrap(),
            );
            assert!(end.elapsed.as_duration() >= Duration::from_millis(50));
            assert!(end.frames.grabbed > 0);
            assert_whole(&end, "verify");
            // A source that is silent does not outlast the limit.
            let end = ended(
                camera(&format!("trigger=software&rate=10&fill={fill}"))
                    .configure(|c| {
                        c.capture.duration = Some(Duration::from_millis(30));
                        c.capture.timeout = Duration::from_secs(3600);
                    })
                    .stage("verify", verify())
                    .start()
                    .unwrap(),
            );
            assert_eq!(end.frames.grabbed, 0);
            assert_eq!(end.failure, None);
        }
    });
}

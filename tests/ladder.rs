//! The fault ladder's evidence, budgets and counts, and what never happens on it.
#![allow(missing_docs)]

mod util;

use frameline::buffer::Frame;
use frameline::fault::Fault;
use frameline::pipeline::{Line, LineBuilder, Rung, RungReport, Snapshot, StageSpec};
use frameline::sim::codes::*;
use frameline::source::{Diagnosis, Grab, Source};
use frameline::stage::{Flow, StageContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use util::{
    Gate, PATIENCE, Tampered, act, assert_balanced, assert_whole, sim, sim_in_its_own_time, until,
    verify, watched,
};

const FILLS: [&str; 3] = ["copy", "announce", "lend"];

fn small(query: &str) -> String {
    format!("width=64&height=48&sensor_width=64&sensor_height=48&{query}")
}

/// A line that climbs fast.
fn line(source: impl Source + 'static) -> LineBuilder {
    Line::builder(source).configure(|c| {
        c.pool.lock = false;
        c.capture.timeout = Duration::from_millis(2);
        c.faults.backoff = Duration::from_millis(1);
        c.faults.backoff_max = Duration::from_millis(4);
    })
}

fn ended(builder: LineBuilder) -> Snapshot {
    let mut line = builder.start().unwrap();
    assert!(line.wait(PATIENCE), "the run did not end: {:?}", line.snapshot().frames);
    let end = line.stop(Duration::from_secs(60));
    assert_balanced(&end);
    end
}

fn rung(s: &Snapshot, rung: Rung) -> (u64, u64) {
    let RungReport { attempts, successes, .. } = s.ladder[rung as usize];
    (successes, attempts)
}

fn with_fault(times: std::ops::Range<u64>, code: i64) -> impl FnMut(u64) -> Option<Grab> + Send {
    move |n| times.contains(&n).then_some(Grab::Fault(Fault::code(code)))
}

/// Catches: a diagnosis without its figures, with the figures of another moment, or told at every time-out.
#[test]
fn a_diagnosis_carries_its_evidence() {
    watched(|| {
        // The region grew under way: the payload at start and now.
        for fill in FILLS {
            let end = ended(
                line(sim(&format!(
                    "width=64&height=48&rate=max&fill={fill}&frames=100&faults=at 40 drift 96x96"
                )))
                .stage("verify", verify()),
            );
            assert_eq!(end.diagnoses.len(), 1, "{fill}: {:?}", end.diagnoses);
            let d = &end.diagnoses[0];
            assert_eq!((d.verdict, d.timeouts), ("format-drift", 4));
            assert_eq!(d.evidence.payload_at_start, Some(64 * 48));
            assert_eq!(d.evidence.payload_now, Some(96 * 96));
            assert_eq!((d.evidence.connected, d.evidence.triggered), (Some(true), Some(false)));
            assert!(d.action.contains("quiescent reset"));
            let said = |e: &&frameline::pipeline::EventReport| {
                e.text.contains("payload 3072 bytes at start and 9216 now")
            };
            assert_eq!(end.events.iter().filter(said).count(), 1, "{:?}", end.events);
        }
        // Nobody triggers: told once, however long it lasts.
        let camera = sim(&small("rate=100&trigger=software"));
        let line_ = line(camera).stage("verify", verify()).start().unwrap();
        until("many time-outs", || line_.snapshot().faults.first().is_some_and(|f| f.count >= 30));
        let end = line_.stop(PATIENCE);
        assert_eq!(end.diagnoses.len(), 1, "{:?}", end.diagnoses);
        assert_eq!(end.diagnoses[0].verdict, "idle-trigger");
        assert_eq!(end.diagnoses[0].evidence.triggered, Some(true));
        assert!(end.resets.is_empty() && end.reconnects.is_empty());
        // Gone, and only the diagnosis knows.
        let camera = Tampered::new(sim(&small("rate=max&frames=60")))
            .grabs(with_fault(30..34, SIM_TIMEOUT))
            .diagnoses(|_| Diagnosis::Lost);
        let end = ended(line(camera).stage("verify", verify()));
        assert_eq!((end.diagnoses.len(), end.diagnoses[0].verdict), (1, "lost"));
        assert_eq!(end.reconnects.len(), 1);
        assert_eq!(end.frames.delivered, 60);
        // Nothing is known: told when the waiting begins, and when it ends.
        let camera =
            Tampered::new(sim(&small("rate=max&frames=60"))).grabs(with_fault(30..50, SIM_TIMEOUT));
        let end = ended(line(camera).stage("verify", verify()));
        let told: Vec<_> = end.diagnoses.iter().map(|d| (d.verdict, d.timeouts)).collect();
        assert_eq!(told, [("unclear", 4), ("unclear", 20)]);
    });
}

/// Catches: a time-out that moves memory; the failure that this project began with.
#[test]
fn time_outs_alone_never_move_memory() {
    watched(|| {
        for fill in FILLS {
            let run = |faults: &str| {
                // There is room for the whole run: nothing but a time-out could cost a frame.
                let query = format!("rate=2000&fill={fill}&frames=600&queue=610&faults={faults}");
                let (camera, _) = sim_in_its_own_time(&small(&query));
                ended(line(camera).stage(StageSpec::new("verify").ring(600), verify()))
            };
            let calm = run("");
            let end = run("every 20 from 10 timeout 3;random 0.05 timeout 2");
            assert_eq!(end.failure, None);
            let timeouts = end.faults.iter().find(|f| f.code == SIM_TIMEOUT).unwrap().count;
            assert!(timeouts >= 90, "{fill}: {timeouts}");
            assert!(end.resets.is_empty() && end.reconnects.is_empty(), "{fill}");
            let memory = |s: &Snapshot| (s.slots, s.slot_bytes, s.memory.pool_bytes);
            assert_eq!(memory(&end), memory(&calm), "{fill}");
            assert_eq!(end.frames.delivered, 600, "{fill}: {:?}", end.frames);
            assert_whole(&end, "verify");
            // Each silence was one retry, and each ended by itself.
            let (ok, all) = rung(&end, Rung::Retry);
            assert!(ok == all && ok >= 28, "{fill}: {ok} of {all}");
            assert_eq!(rung(&end, Rung::Reset), (0, 0));
        }
    });
}

/// Catches: counts of rungs that do not say how often each was tried, and how often it helped.
#[test]
fn every_rung_counts_its_successes() {
    watched(|| {
        let camera = Tampered::new(sim(&small(
            "rate=max&frames=200&faults=at 150 disconnect 10;at 160 disconnect 1",
        )))
        .grabs(|n| {
            let code = match n {
                10..=12 | 20 => SIM_TIMEOUT,
                30..=31 | 40 => SIM_BUSY,
                50 | 60 | 70 => SIM_BUFFER_TOO_SMALL,
                80..=99 => SIM_TIMEOUT,
                _ => return None,
            };
            Some(Grab::Fault(Fault::code(code)))
        });
        let end = ended(
            line(camera)
                .configure(|c| {
                    c.faults.reconnect_attempts = 1000;
                    c.pool.budget_bytes = Some(64 << 20);
                    c.reset.growth = 1.0;
                })
                .stage("verify", verify()),
        );
        assert_eq!(end.failure, None);
        // Two silences ended by themselves; the third, of 20 time-outs, led to a reconnection.
        assert_eq!(rung(&end, Rung::Retry), (2, 3));
        assert_eq!(rung(&end, Rung::BackOff), (2, 2));
        assert_eq!(rung(&end, Rung::Reset), (3, 3));
        assert_eq!(rung(&end, Rung::Reconnect), (3, 3));
        assert_eq!(
            end.recovery(),
            "retries 2 of 3, back-offs 2 of 2, resets 3 of 3, reconnects 3 of 3"
        );
        assert!(end.ladder.iter().all(|r| r.time.0 > 0), "{:?}", end.ladder);
        // Each is an event with its outcome and how long it took.
        let told = |what: &str| end.events.iter().filter(|e| e.text.starts_with(what)).count();
        assert_eq!(told("back-off for "), 2, "{:?}", end.events);
        assert_eq!((told("quiescent reset ("), told("reconnection (")), (3, 3));
        assert!(end.reconnects.iter().all(|r| r.took.0 > 0 && r.took <= r.dead));
        assert_eq!(end.frames.delivered, 200);
    });
}

/// Catches: resets, or reconnections, that follow each other for ever without a frame.
#[test]
fn rungs_that_do_not_help_lead_to_the_next_and_to_an_end() {
    watched(|| {
        // Resets bring nothing, so it reconnects; that brings nothing either, so it ends.
        let camera = Tampered::new(sim(&small("rate=max")))
            .grabs(with_fault(10..u64::MAX, SIM_BUFFER_TOO_SMALL));
        let end = ended(
            line(camera)
                .configure(|c| {
                    c.faults.resets_in_a_row = 2;
                    c.faults.reconnect_attempts = 4;
                    c.pool.budget_bytes = Some(64 << 20);
                    c.reset.growth = 1.0;
                })
                .stage("verify", verify()),
        );
        assert_eq!((end.resets.len(), end.reconnects.len()), (2, 4));
        let failure = end.failure.clone().unwrap();
        for word in ["resets brought no frame", "4 times in a row", "faults.reconnect_attempts"] {
            assert!(failure.contains(word), "{failure}");
        }
        assert_eq!(end.frames.delivered, 10);

        // Reconnections in one run, with frames between them.
        let camera = Tampered::new(sim(&small("rate=max")))
            .grabs(|n| n.is_multiple_of(10).then_some(Grab::Fault(Fault::code(SIM_LOST))));
        let end =
            ended(line(camera).configure(|c| c.faults.reconnects = 3).stage("verify", verify()));
        assert_eq!(end.reconnects.len(), 3);
        let failure = end.failure.clone().unwrap();
        assert!(failure.contains("budget of 3 reconnections"), "{failure}");

        // Damaged frames and nothing else.
        let camera =
            Tampered::new(sim(&small("rate=max&frames=60"))).grabs(with_fault(30..50, SIM_DAMAGED));
        let end = ended(line(camera).stage("verify", verify()));
        assert_eq!((end.failure.as_deref(), end.reconnects.len()), (None, 1));
        assert_eq!(end.reconnects[0].reason, "no frame came whole");
    });
}

/// Catches: a budget of time that is read and not used, and a failure that does not name the last answer.
#[test]
fn rungs_have_a_budget_of_time() {
    watched(|| {
        let camera = Tampered::new(sim(&small("rate=max&faults=at 50 disconnect")))
            .reopens(|_, _| Err(Fault::code(SIM_BUSY)));
        let end = ended(
            line(camera)
                .configure(|c| {
                    c.faults.reconnect_attempts = u32::MAX;
                    c.faults.reconnect_time = Some(Duration::from_millis(20));
                })
                .stage("verify", verify()),
        );
        let failure = end.failure.clone().unwrap();
        for word in ["faults.reconnect_time", "its last answer being 0x00000005 SIM_BUSY"] {
            assert!(failure.contains(word), "{failure}");
        }
        assert!(end.reconnects[0].took.as_duration() >= Duration::from_millis(20));
        assert_eq!(rung(&end, Rung::Reconnect), (0, 1));
        // Each attempt that failed is a fault of its own, with the call.
        let busy = end.faults.iter().find(|f| f.code == SIM_BUSY).unwrap();
        assert_eq!((busy.call, busy.count), ("reopen", u64::from(end.reconnects[0].attempts)));

        let camera =
            Tampered::new(sim(&small("rate=max"))).grabs(with_fault(10..u64::MAX, SIM_BUSY));
        let end = ended(
            line(camera)
                .configure(|c| {
                    c.faults.busy_attempts = u32::MAX;
                    c.faults.busy_time = Some(Duration::from_millis(20));
                })
                .stage("verify", verify()),
        );
        let failure = end.failure.clone().unwrap();
        assert!(failure.contains("faults.busy_time"), "{failure}");
        let busy = &end.faults[0];
        assert_eq!((busy.call, busy.frame_id), ("grab", Some(9)));
        assert_eq!(rung(&end, Rung::BackOff), (0, 1));
    });
}

/// Catches: a code that two calls answered and that is told as of the first alone; a list of calls without end.
#[test]
fn each_call_that_answered_a_code_is_told() {
    watched(|| {
        let camera = Tampered::new(sim(&small("rate=max&frames=60"))).grabs(|n| match n {
            10..=12 => Some(Grab::Fault(Fault::code(SIM_BUSY))),
            30 => Some(Grab::Fault(Fault::code(SIM_LOST))),
            _ => None,
        });
        let camera = camera.reopens(|n, sim| match n {
            1 | 2 => Err(Fault::code(SIM_BUSY)),
            _ => sim.reopen(),
        });
        let end = ended(line(camera).stage("verify", verify()));
        let busy = end.faults.iter().find(|f| f.code == SIM_BUSY).unwrap();
        assert_eq!((busy.count, busy.call), (5, "grab"));
        assert_eq!(busy.calls, [("grab", 3), ("reopen", 2)]);
        assert_eq!(busy.calls_text(), "grab 3, reopen 2");
        let told = |what: &str| end.events.iter().filter(|e| e.text.contains(what)).count();
        assert_eq!(told("SIM_BUSY (busy) at grab"), 1, "{:?}", end.events);
        assert_eq!(told("SIM_BUSY (busy) at reopen, too"), 1, "{:?}", end.events);
        assert_eq!(end.frames.delivered, 60);
    });
}

/// Catches: a source that answers at once that every buffer is out, and a capture thread that burns a core on
/// it (measured: MV_E_NOOUTBUF ignores its time-out).
#[test]
fn an_overrun_that_answers_at_once_is_no_busy_loop() {
    watched(|| {
        let camera = Tampered::new(sim(&small("rate=max&frames=60")))
            .grabs(with_fault(30..60, SIM_NO_BUFFER));
        let end = ended(
            line(camera)
                // Longer than 30 pauses can become: what has no room for too long is opened anew.
                .configure(|c| c.capture.timeout = Duration::from_secs(60))
                .stage("verify", verify()),
        );
        assert_eq!((end.failure.as_deref(), end.frames.delivered), (None, 60));
        let f = &end.faults[0];
        assert_eq!(f.count, 30);
        assert!((f.last - f.first).as_duration() >= Duration::from_millis(28), "1 ms between them");
    });
}

/// Catches: a rate that is lowered without being asked for, or never.
#[test]
fn an_overrun_lowers_the_rate_if_asked_to() {
    watched(|| {
        for part in [None, Some(0.5)] {
            let camera = Tampered::new(sim(&small("rate=100&frames=150")))
                .grabs(with_fault(120..121, SIM_NO_BUFFER));
            let end = ended(
                line(camera)
                    .configure(|c| {
                        c.capture.timeout = Duration::from_secs(5);
                        c.faults.lower_rate = part;
                    })
                    .stage("verify", verify()),
            );
            assert_eq!(end.failure, None);
            let lowered = end.events.iter().any(|e| e.text.contains("it was lowered to"));
            assert_eq!(lowered, part.is_some(), "{:?}", end.events);
        }
    });
}

/// Catches: a control call that blocks for long and is not named, or that stops the stages: they finish what
/// they have while the call is still blocked.
#[test]
fn a_blocked_control_call_is_named_and_stops_no_stage() {
    watched(|| {
        for (call, name) in
            [("diagnose", "asking the source what it knows"), ("reopen", "reopening the source")]
        {
            let (blocked, started) = (Gate::default(), Gate::default());
            let (gate, gate2) = (blocked.clone(), blocked.clone());
            let slow = started.clone();
            let mut camera = Tampered::new(sim(&small("rate=max&frames=60")));
            if call == "diagnose" {
                camera = camera.grabs(with_fault(30..34, SIM_TIMEOUT)).diagnoses(move |sim| {
                    gate.pass();
                    sim.diagnose()
                });
            } else {
                camera = camera.grabs(with_fault(30..31, SIM_LOST)).reopens(move |_, sim| {
                    gate2.pass();
                    sim.reopen()
                });
            }
            let seen = Arc::new(AtomicU64::new(0));
            let counter = seen.clone();
            let mut running = line(camera)
                .configure(|c| {
                    c.monitor.hang_after = Duration::from_millis(20);
                    c.monitor.interval = Duration::from_millis(5);
                    c.reset.deadline = Duration::from_millis(100);
                })
                .stage(
                    StageSpec::new("slow").ring(64),
                    act(move |_: &mut Frame, _: &mut StageContext<'_>| {
                        slow.pass();
                        counter.fetch_add(1, Ordering::Relaxed);
                        Ok(Flow::Pass)
                    }),
                )
                .start()
                .unwrap();
            until("the call is blocked", || blocked.waiting() == 1);
            started.open();
            until("the stage has finished all that came", || seen.load(Ordering::Relaxed) == 30);
            until("the call is named", || {
                let named = |e: &frameline::pipeline::EventReport| {
                    e.text.contains("thread capture") && e.text.contains(name)
                };
                running.snapshot().events.iter().any(named)
            });
            assert_eq!(blocked.waiting(), 1, "it is blocked all the while");
            blocked.open();
            assert!(running.wait(PATIENCE));
            let end = running.stop(PATIENCE);
            assert_eq!((end.failure.as_deref(), end.frames.delivered), (None, 60), "{call}");
            assert_balanced(&end);
        }
    });
}

//! Orders to the capture thread while it waits for consumers that must get every frame, and orders that nobody
//! waits for any more.
#![allow(missing_docs)]

mod util;

use frameline::ErrorKind;
use frameline::fault::{Fault, FaultClass};
use frameline::pipeline::{LatePolicy, Line, LineBuilder, LineState, StageSpec};
use frameline::ring::Policy;
use frameline::sim::codes;
use frameline::source::Fill;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use util::{
    Gate, Gated, PATIENCE, Tampered, assert_balanced, assert_whole, hop, sim, until, verify,
    watched,
};

const SOON: Duration = Duration::from_secs(60);
const FILLS: [&str; 3] = ["copy", "announce", "lend"];

/// A line that makes frames as fast as they are taken, into a stage that waits at `gate`.
fn held_up(fill: &str, gate: &Gate) -> LineBuilder {
    Line::builder(sim(&format!("width=64&height=48&rate=max&fill={fill}")))
        .configure(|c| {
            c.pool.lock = false;
            c.capture.timeout = Duration::from_millis(20);
        })
        .stage(StageSpec::new("gate").policy(Policy::Every).ring(3), Gated(gate.clone()))
        .stage("verify", verify())
}

fn full(line: &Line, gate: &Gate) {
    until("the ring is full behind a stage that waits", || {
        gate.waiting() == 1 && hop(&line.snapshot(), "source>gate").accepted >= 4
    });
}

/// Catches: orders without end that keep the capture thread from fetching frames, so that they are lost in the SDK.
#[test]
fn between_two_orders_a_frame_is_fetched() {
    watched(|| {
        for fill in FILLS {
            let (since_grab, in_a_row) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
            let source = Tampered::new(sim(&format!(
                "width=64&height=48&trigger=software&rate=max&fill={fill}"
            )))
            .grabs({
                let since_grab = since_grab.clone();
                move |_| {
                    since_grab.store(0, Ordering::Relaxed);
                    None
                }
            })
            .triggers({
                let in_a_row = in_a_row.clone();
                move || {
                    let orders = since_grab.fetch_add(1, Ordering::Relaxed) + 1;
                    in_a_row.fetch_max(orders, Ordering::Relaxed);
                }
            });
            let line = Line::builder(source)
                .configure(|c| {
                    c.pool.lock = false;
                    c.capture.timeout = Duration::from_millis(20);
                })
                .stage(StageSpec::new("verify").policy(Policy::Refuse), verify())
                .start()
                .unwrap();
            let handle = line.handle();
            std::thread::scope(|threads| {
                for _ in 0..8 {
                    threads.spawn(|| {
                        (0..50).for_each(|_| handle.software_trigger(SOON).unwrap());
                    });
                }
            });
            let end = line.stop(SOON);
            assert_eq!(end.failure, None, "{fill}");
            assert_balanced(&end);
            assert_eq!(in_a_row.load(Ordering::Relaxed), 1, "{fill}: orders with no grab between");
            assert_eq!(end.frames.lost_by_device, 0, "{fill}: {:?}", end.frames);
        }
    });
}

/// Catches: a capture thread that waits for room where it hears nothing.
#[test]
fn a_full_consumer_does_not_deafen_the_capture_thread() {
    watched(|| {
        for fill in FILLS {
            let gate = Gate::default();
            let line = held_up(fill, &gate).start().unwrap();
            full(&line, &gate);
            let handle = line.handle();
            for rate in ["100", "200"] {
                handle.set_feature("AcquisitionFrameRate", rate, SOON).unwrap();
            }
            assert!(handle.software_trigger(SOON).is_err(), "it answers, if only with a no");
            assert_eq!(gate.waiting(), 1, "{fill}: the stage still waits");
            gate.open();
            let end = line.stop(SOON);
            assert_eq!(end.failure, None);
            assert_balanced(&end);
            assert_whole(&end, "verify");
        }
    });
}

/// Catches: a run whose time is up and that goes on because a consumer is slow.
#[test]
fn the_time_is_up_while_a_consumer_is_full() {
    watched(|| {
        for fill in FILLS {
            let gate = Gate::default();
            let line = held_up(fill, &gate)
                .configure(|c| c.capture.duration = Some(Duration::from_millis(50)))
                .start()
                .unwrap();
            full(&line, &gate);
            until("it stops by itself", || line.handle().state() == LineState::Stopping);
            gate.open();
            let end = line.stop(SOON);
            assert_eq!((end.failure.clone(), end.state), (None, LineState::Ended), "{fill}");
            assert_balanced(&end);
            assert_whole(&end, "verify");
        }
    });
}

/// Catches: a reset that waits for a full ring beyond its deadline, or does not name who holds it up.
#[test]
fn a_reset_keeps_its_deadline_while_a_consumer_is_full() {
    watched(|| {
        for fill in FILLS {
            let gate = Gate::default();
            let line = held_up(fill, &gate)
                .configure(|c| {
                    c.reset.deadline = Duration::from_millis(30);
                    c.reset.late = LatePolicy::Continue;
                })
                .start()
                .unwrap();
            full(&line, &gate);
            let report = line.handle().reset(None, SOON).unwrap();
            assert!(report.late.iter().any(|l| l.contains("gate")), "{fill}: {:?}", report.late);
            assert_eq!(gate.waiting(), 1, "{fill}: the stage still waits");
            gate.open();
            let end = line.stop(SOON);
            assert_eq!(end.failure, None, "{fill}");
            assert_balanced(&end);
        }
    });
}

/// Catches: an order that is carried out after whoever gave it was told that it was not.
#[test]
fn an_order_that_nobody_waits_for_is_not_begun() {
    watched(|| {
        let gate = Gate::default();
        let source = Tampered::new(sim("width=64&height=48&rate=max")).grabs({
            let gate = gate.clone();
            move |n| {
                if n == 5 {
                    gate.pass(); // An SDK that does not come back from a call.
                }
                None
            }
        });
        let line = Line::builder(source)
            .configure(|c| c.pool.lock = false)
            .stage("verify", verify())
            .start()
            .unwrap();
        let handle = line.handle();
        until("the SDK hangs", || gate.waiting() == 1);
        let error = handle.set_feature("Width", "32", Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
        let error = handle.reset(None, Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
        gate.open();
        // An order behind them: when it is answered they have been passed over.
        handle.set_feature("AcquisitionFrameRate", "1000", SOON).unwrap();
        let end = line.stop(SOON);
        assert!(end.resets.is_empty(), "neither the reset nor the region: {:?}", end.resets);
        assert_eq!(end.failure, None);
        assert_balanced(&end);
        assert_whole(&end, "verify");
    });
}

/// Catches: slots that are still announced to a device that was closed and opened anew while it started.
#[test]
fn a_camera_that_is_lost_while_it_starts_gets_its_slots_again() {
    watched(|| {
        for fill in FILLS {
            let mut source =
                Tampered::new(sim(&format!("width=64&height=48&rate=max&frames=200&fill={fill}")));
            let lost = codes::TABLE.iter().find(|e| e.class == FaultClass::Lost).unwrap();
            source.start_faults = vec![Fault::code(lost.code), Fault::code(lost.code)];
            let calls = source.calls.clone();
            let mut line = Line::builder(source)
                .configure(|c| {
                    c.pool.lock = false;
                    c.faults.backoff = Duration::from_millis(1);
                })
                .stage("verify", verify())
                .start()
                .unwrap();
            assert!(line.wait(PATIENCE), "{fill}: {:?}", line.snapshot().events);
            let end = line.stop(SOON);
            assert_eq!((end.failure.clone(), end.frames.delivered), (None, 200), "{fill}");
            assert_balanced(&end);
            assert_whole(&end, "verify");
            let calls = calls.lock().unwrap().clone();
            assert_eq!(calls.iter().filter(|c| **c == "reopen").count(), 2);
            if fill == Fill::Announce.name() {
                let reopened = calls.iter().position(|c| *c == "reopen").unwrap();
                assert!(calls[..reopened].contains(&"revoke"), "{calls:?}");
            }
        }
    });
}

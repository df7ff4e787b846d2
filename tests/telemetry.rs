//! What a line says of itself: distinct faults, duty cycle, memory, latencies; and that saying it disturbs
//! nobody.
#![allow(missing_docs)]

mod util;

use frameline::buffer::Frame;
use frameline::fault::Fault;
use frameline::pipeline::{Line, LineBuilder, Snapshot, StageSpec};
use frameline::ring::Policy;
use frameline::sim::codes::{SIM_DAMAGED, SIM_NO_BUFFER};
use frameline::source::Grab;
use frameline::stage::{Figure, Flow, Stage, StageContext, StageError, StageResults};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use util::{
    Gate, Gated, PATIENCE, Tampered, act, assert_balanced, hop, pass, sim, until, verify, watched,
};

const SOON: Duration = Duration::from_secs(60);
const FILLS: [&str; 3] = ["copy", "announce", "lend"];

fn line(query: &str) -> LineBuilder {
    Line::builder(sim(&format!("width=64&height=48&sensor_width=64&sensor_height=48&{query}")))
        .configure(|c| {
            c.pool.lock = false;
            c.monitor.interval = Duration::from_millis(5);
        })
}

fn ended(builder: LineBuilder) -> Snapshot {
    let mut line = builder.start().unwrap();
    assert!(line.wait(PATIENCE), "the run did not end: {:?}", line.snapshot().frames);
    let end = line.stop(SOON);
    assert_eq!(end.failure, None);
    assert_balanced(&end);
    end
}

/// Catches: a fault that is logged a thousand times, or counted once.
#[test]
fn equal_faults_are_one_entry_with_a_count() {
    watched(|| {
        let camera = Tampered::new(sim("width=64&height=48&rate=max&frames=5000")).grabs(|n| {
            let code = match n % 5 {
                1 => SIM_DAMAGED,
                3 => SIM_NO_BUFFER,
                _ => return None,
            };
            Some(Grab::Fault(Fault::code(code)))
        });
        let end = ended(Line::builder(camera).stage("verify", verify()));
        assert_eq!(end.faults.len(), 2, "{:?}", end.faults);
        for f in &end.faults {
            // 5000 frames need 3 of each 5 grabs.
            assert!((1666..=1667).contains(&f.count), "{f:?}");
            assert!(f.first < f.last);
            assert!(f.first.0 > 0 && f.last <= end.at);
            assert_eq!(f.action, f.class.action());
            let said = end.events.iter().filter(|e| e.text.contains(&f.name)).count();
            assert_eq!(said, 1, "{} is said once", f.name);
        }
        assert!(end.faults[0].first < end.faults[1].first);
        // None of them was lost on the way to the monitor.
        assert!(end.anomalies.is_empty(), "{:?}", end.anomalies);
    });
}

/// Catches: a stage that fails on each frame and fills the log, or whose failures are not counted.
#[test]
fn equal_failures_of_a_stage_are_said_once() {
    watched(|| {
        let end = ended(
            line("rate=max&frames=3000")
                .stage(
                    "a",
                    act(|f: &mut Frame, _: &mut StageContext<'_>| match f.id() % 3 {
                        0 => Err(StageError::new(1, "too dark")),
                        1 => Err(StageError::new(2, "too bright")),
                        _ => Ok(Flow::Pass),
                    }),
                )
                .stage("b", pass()),
        );
        assert_eq!((end.stages[0].failed, end.stages[1].frames), (2000, 1000));
        for what in ["too dark", "too bright"] {
            assert_eq!(end.events.iter().filter(|e| e.text.contains(what)).count(), 1, "{what}");
        }
    });
}

/// Catches: a latency that is recorded for frames that never came, twice, or not at all.
#[test]
fn every_frame_is_measured_once() {
    watched(|| {
        for fill in FILLS {
            for workers in [1, 3] {
                let end = ended(
                    line(&format!("rate=max&fill={fill}&frames=400&queue=40"))
                        .stage_with(StageSpec::new("a").workers(workers), |_| Box::new(pass()))
                        .stage(StageSpec::new("b").policy(Policy::Refuse).ring(3), pass())
                        .stage("c", pass()),
                );
                for h in &end.hops {
                    assert_eq!(h.latency.count(), h.taken, "{fill} {}", h.name);
                    assert!(h.latency.max() >= h.latency.quantile(0.5));
                }
                for s in &end.stages {
                    assert_eq!(s.service.count(), s.frames, "{fill} {}", s.name);
                }
                // A single chain: each delivered frame ended once.
                assert_eq!(end.end_to_end.count(), end.frames.delivered, "{fill}");
                assert_eq!(end.grab_interval.count(), 399, "{fill}");
                assert_eq!(end.grab_jitter.count(), 398, "{fill}");
                let longest = end.hops.iter().map(|h| h.latency.max()).max().unwrap();
                assert!(end.end_to_end.max() >= longest);
            }
        }
        let mut line = line("rate=max&frames=50").frames(2).start().unwrap();
        assert_eq!(line.frames().count(), 50);
        let end = line.stop(SOON);
        assert_eq!((end.end_to_end.count(), hop(&end, "source>caller").latency.count()), (50, 50));
    });
}

/// Catches: a branch whose frames are counted into the whole twice, or a failed frame that counts as done.
#[test]
fn end_to_end_counts_the_ends() {
    watched(|| {
        let end = ended(
            line("rate=max&frames=300")
                .stage(
                    "half",
                    act(|f: &mut Frame, _: &mut StageContext<'_>| match f.id() % 4 {
                        0 => Ok(Flow::Done),
                        1 => Err(StageError::new(1, "bad")),
                        _ => Ok(Flow::Pass),
                    }),
                )
                .stage("end", pass()),
        );
        assert_eq!((end.frames.delivered, end.frames.invalid), (225, 75));
        assert_eq!(end.end_to_end.count(), 225);
        assert_eq!(end.end_to_end.count(), end.frames.delivered);
    });
}

/// Catches: a thread that never turned, a gap that is not seen, or one made up of the waiting for frames.
#[test]
fn the_duty_cycle_is_known() {
    watched(|| {
        let gate = Gate::default();
        let held = gate.clone();
        let mut line = line("rate=1000&frames=200")
            .stage(StageSpec::new("a").policy(Policy::Refuse), pass())
            .stage("b", Gated(held))
            .start()
            .unwrap();
        until("b works", || gate.waiting() == 1);
        let begun = std::time::Instant::now();
        until("for a while", || begun.elapsed() > Duration::from_millis(30));
        gate.open();
        assert!(line.wait(PATIENCE));
        let end = line.stop(SOON);
        let names: Vec<_> = end.threads.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["capture", "a", "b"]);
        for t in &end.threads {
            assert!(t.turns >= end.stages[0].frames, "{t:?}");
            assert_eq!(t.busy, None);
        }
        let b = &end.threads[2];
        assert!(b.longest_gap.as_duration() >= Duration::from_millis(30), "{b:?}");
        assert!(end.stages[1].service.max().as_duration() >= Duration::from_millis(30));
    });
}

/// Catches: samples that are not taken, or a memory figure that is none.
#[test]
fn memory_and_faults_are_sampled() {
    watched(|| {
        let line = line("rate=2000")
            .configure(|c| c.monitor.warm_up = Duration::from_millis(10))
            .stage(StageSpec::new("a").policy(Policy::Refuse), pass())
            .start()
            .unwrap();
        until("samples are taken", || line.snapshot().samples.len() > 5);
        let end = line.stop(SOON);
        let samples = &end.samples;
        assert!(samples.windows(2).all(|s| s[0].at < s[1].at && s[0].grabbed <= s[1].grabbed));
        assert!(samples.iter().all(|s| s.rss_bytes > 1 << 20));
        // How many page faults is the kernel's affair; that they are read, a stage that makes some shows
        // (tests/alloc_free.rs, tools/checks/steady.sh).
        assert!(samples.last().unwrap().grabbed > 0);
        let m = end.memory;
        assert!(m.pool_bytes as usize >= end.slots * end.slot_bytes, "{m:?}");
        assert!(m.rss_peak >= m.rss_start && m.rss_peak >= samples[0].rss_bytes);
        assert!(m.rss_start > 0 && m.rss_end > 0);
        assert!(end.bytes >= end.frames.delivered * 64 * 48);
        assert!(end.frames_per_second() > 0.0);
    });
}

/// Catches: a snapshot that waits for a stage, or for the camera.
#[test]
fn a_snapshot_waits_for_nobody() {
    watched(|| {
        let gate = Gate::default();
        let line = line("rate=1000")
            .configure(|c| c.monitor.hang_after = Duration::from_millis(10))
            .stage(StageSpec::new("stuck").policy(Policy::Refuse), Gated(gate.clone()))
            .start()
            .unwrap();
        until("it hangs", || gate.waiting() == 1);
        // The gate opens only behind all these.
        for _ in 0..200 {
            let s = line.snapshot();
            assert_eq!(s.stages[0].frames, 0);
        }
        until("it is named", || line.snapshot().threads[1].busy.is_some());
        gate.open();
        assert_balanced(&line.stop(SOON));
        // A camera whose call blocks.
        let camera = Tampered::new(sim("width=64&height=48&rate=max&frames=50")).grabs({
            let gate = gate.clone();
            move |n| {
                if n == 10 {
                    gate.pass();
                }
                None
            }
        });
        gate.shut();
        let line = Line::builder(camera).stage("a", pass()).start().unwrap();
        until("the call blocks", || gate.waiting() == 1);
        until("what had come is through", || line.snapshot().stages[0].frames == 10);
        gate.open();
        assert_balanced(&line.stop(SOON));
    });
}

struct Counts(AtomicU64, u64);

impl StageResults for Counts {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("n", Figure::Count(self.0.load(Ordering::Relaxed))),
            ("most", Figure::Max(self.1)),
            ("name", Figure::Text(if self.1 == 1 { "one".into() } else { String::new() })),
        ]
    }
}

struct Counting(Arc<Counts>);

impl Stage for Counting {
    fn process(&mut self, _: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        Ok(Flow::Pass)
    }
    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.0.clone())
    }
}

/// Catches: results of one worker that stand for all.
#[test]
fn results_of_workers_are_joined() {
    watched(|| {
        let end = ended(
            line("rate=max&frames=100").stage_with(StageSpec::new("count").workers(3), |w| {
                Box::new(Counting(Arc::new(Counts(AtomicU64::new(0), w as u64))))
            }),
        );
        assert_eq!(
            end.stages[0].results,
            [
                ("n", Figure::Count(100)),
                ("most", Figure::Max(2)),
                ("name", Figure::Text("one".into()))
            ]
        );
    });
}

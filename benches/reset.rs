//! The dead time of a quiescent reset in its parts, for 8, 32 and 128 slots of 5 MP at 100 frames a second:
//!
//! - `headroom`: the new payload fits the slot; no memory moves;
//! - `touched`: slots grow within memory that was touched ahead, while the line ran (`LineHandle::reset` does that);
//! - `beyond`: the source answers "buffer too small" out of the blue, and the reset touches what is missing itself;
//!   `touch_ns` is the system's share of it, first touch and lock, and the rest is ours;
//! - `anew`: what freeing such a pool and allocating a new one takes, the usual way of other libraries.
//!
//! `ours` is everything beyond the drain of a `touched` reset of the largest pool, `limit` is `anew` for it.

mod common;

use common::*;
use frameline::buffer::{FrameMut, Pool, PoolConfig};
use frameline::clock::Nanos;
use frameline::fault::{CodeTable, Fault};
use frameline::format::Geometry;
use frameline::pipeline::{Line, ResetReport};
use frameline::sim::codes::SIM_BUFFER_TOO_SMALL;
use frameline::source::{Fill, Grab, Source, SourceInfo};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const WIDTH: u32 = 2448;
const HEIGHT: u32 = 2048;
const BYTES: usize = WIDTH as usize * HEIGHT as usize;
const BOUND: Duration = Duration::from_secs(60);

/// A source at a rate, whose payload can be made to grow from outside.
struct Growing {
    inner: BenchSource,
    payload: Arc<AtomicUsize>,
    period: Duration,
    due: Instant,
}

impl Source for Growing {
    fn info(&self) -> SourceInfo {
        self.inner.info()
    }
    fn fills(&self) -> &[Fill] {
        &[Fill::Copy]
    }
    fn can_wait(&self) -> bool {
        true
    }
    fn codes(&self) -> CodeTable {
        self.inner.codes()
    }
    fn geometry(&self) -> Geometry {
        self.inner.geometry()
    }
    fn payload_bytes(&self) -> usize {
        self.payload.load(Ordering::Relaxed)
    }
    fn max_payload_bytes(&self) -> usize {
        BYTES
    }
    fn start(&mut self, fill: Fill) -> Result<(), Fault> {
        self.inner.start(fill)
    }
    fn stop_device(&mut self) -> Result<(), Fault> {
        Ok(())
    }
    fn stop_host(&mut self) -> Result<(), Fault> {
        Ok(())
    }
    fn grab_into(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        let now = Instant::now();
        if self.due > now + timeout {
            return Grab::Fault(Fault { code: frameline::sim::codes::SIM_TIMEOUT, detail: 0 });
        }
        if let Some(left) = self.due.checked_duration_since(now) {
            std::thread::sleep(left);
        }
        self.due = Instant::now() + self.period;
        let payload = self.payload_bytes();
        if frame.capacity() < payload {
            return Grab::Fault(Fault { code: SIM_BUFFER_TOO_SMALL, detail: payload as u64 });
        }
        match self.inner.grab_into(frame, timeout) {
            Grab::Filled { .. } => Grab::Filled { reported_bytes: payload as u64 },
            other => other,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Headroom,
    Touched,
    Beyond,
}

fn reset(slots: usize, way: Way) -> ResetReport {
    let payload = Arc::new(AtomicUsize::new(BYTES));
    let inner = BenchSource::new(SourceSpec {
        fill: Fill::Copy,
        frames: u64::MAX,
        width: WIDTH,
        height: HEIGHT,
        buffers: 0,
        gap: Nanos(0),
    })
    .expect("a source");
    let source = Growing {
        inner,
        payload: payload.clone(),
        period: Duration::from_millis(10),
        due: Instant::now(),
    };
    let (stage, disorder, _) = CountStage::new(u64::MAX);
    let line = Line::builder(source)
        .configure(|c| {
            c.pool.slots = Some(slots);
            c.pool.headroom = if way == Way::Headroom { 1.5 } else { 1.0 };
            c.reset.deadline = BOUND;
        })
        .stage("stage", stage)
        .start()
        .expect("the line starts");
    let wait_for = |what: &dyn Fn(&frameline::pipeline::Snapshot) -> bool| {
        let until = Instant::now() + BOUND;
        loop {
            let s = line.snapshot();
            if what(&s) {
                return s;
            }
            assert!(
                Instant::now() < until && s.failure.is_none(),
                "the line hangs: {:?}",
                s.events
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    wait_for(&|s| s.frames.delivered > 5);
    let grown = BYTES + BYTES / 5;
    if way != Way::Beyond {
        line.handle().reset(Some(grown), BOUND).expect("the reset is made");
    }
    // From here on the payload is larger: in the third way the source says so first.
    payload.store(grown, Ordering::Relaxed);
    let s = wait_for(&|s| s.resets.iter().any(|r| r.dead > Nanos(0)));
    let report = s.resets[0].clone();
    let at = s.frames.delivered;
    wait_for(&|s| s.frames.delivered > at + 3);
    let end = line.stop(BOUND);
    assert!(end.is_balanced() && end.failure.is_none(), "{:?} {:?}", end.frames, end.failure);
    assert_eq!(end.resets.len(), 1, "one reset was asked for");
    assert!(!disorder.load(Ordering::Relaxed), "frames came out of order");
    assert!(report.ok && report.late.is_empty());
    assert_eq!(report.touched_bytes > 0, way == Way::Beyond, "{report:?}");
    assert_eq!(report.slot_bytes_after > report.slot_bytes_before, way != Way::Headroom);
    report
}

fn anew(slots: usize, bytes: usize) -> Duration {
    let make = || {
        let config = PoolConfig { headroom: 1.0, ..PoolConfig::new(slots, bytes) };
        Pool::new(config, Default::default()).expect("a pool")
    };
    let old = make();
    let begun = Instant::now();
    drop(old);
    let new = make();
    let took = begun.elapsed();
    drop(new);
    took
}

/// Everything of a reset but the drain, which is the stages' work, and the system's touching of memory.
fn own(r: &ResetReport) -> f64 {
    ((r.prove.0 + r.rebuild.0 + r.restart.0) - r.touch.0) as f64
}

fn parts(reports: &[ResetReport]) -> Value {
    let of =
        |f: &dyn Fn(&ResetReport) -> f64| median(&reports.iter().map(f).collect::<Vec<_>>()) as u64;
    json!({
        "drain_ns": of(&|r| r.drain.0 as f64), "prove_ns": of(&|r| r.prove.0 as f64),
        "rebuild_ns": of(&|r| r.rebuild.0 as f64), "touch_ns": of(&|r| r.touch.0 as f64),
        "restart_ns": of(&|r| r.restart.0 as f64), "dead_ns": of(&|r| r.dead.0 as f64),
        "beyond_drain_and_touch_ns": of(&own),
        "worst_beyond_drain_and_touch_ns": reports.iter().map(own).fold(0.0, f64::max) as u64,
        "touched_bytes": reports[0].touched_bytes, "resets": reports.len(),
    })
}

fn main() {
    let options = Options::from_args();
    let rounds = options.rounds_or(7, 1);
    let sizes: &[usize] = if options.quick { &[8] } else { &[8, 32, 128] };
    let mut hiccups = Hiccups::start(&options);
    let mut rows = Vec::new();
    let (mut ours, mut limit) = (0.0, 0.0);
    for &slots in sizes {
        let (mut headroom, mut touched, mut beyond, mut news) = (vec![], vec![], vec![], vec![]);
        for _ in 0..rounds {
            let begun = Instant::now();
            headroom.push(reset(slots, Way::Headroom));
            touched.push(reset(slots, Way::Touched));
            beyond.push(reset(slots, Way::Beyond));
            let bytes = touched[touched.len() - 1].slot_bytes_after as usize;
            news.push(anew(slots, bytes).as_nanos() as f64);
            hiccups.after_round(begun.elapsed().min(Duration::from_secs(1)));
        }
        ours = median(&touched.iter().map(own).collect::<Vec<_>>());
        limit = median(&news);
        rows.push(json!({
            "slots": slots, "slot_bytes": BYTES, "headroom": parts(&headroom), "touched": parts(&touched),
            "beyond": parts(&beyond), "anew_ns": limit as u64,
        }));
    }
    let most = rows
        .iter()
        .flat_map(|r| ["headroom", "touched", "beyond"].map(|w| &r[w]["beyond_drain_and_touch_ns"]))
        .filter_map(Value::as_u64)
        .max();
    let result = json!({
        "bench": "reset", "unit": "ns", "ours": ours, "limit": limit, "ratio": (ours / limit * 1e6).round() / 1e6,
        "target": "beyond_drain_and_touch_ns < 1000000 in every row",
        "most_beyond_drain_and_touch_ns": most,
        "limit_is": "freeing a pool of as many slots of the new size and allocating it anew",
        "rows": rows,
    });
    print(&options, result, hiccups.finish());
}

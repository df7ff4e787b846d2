//! What the hot threads do in steady state beside their work: it must be nothing. Allocations (counted by
//! `CountingAllocator`, installed here) and page faults, for the three ways of filling, after warm-up.
//!
//! `--spin-syscalls [FRAMES [WAIT]]` is for `tools/checks/steady.sh`: it runs two lines that spin and writes marks to stderr
//! around a stretch of steady state, so that a tracer can count the system calls in between.

mod common;

use common::*;
use frameline::alloc::CountingAllocator;
use frameline::clock::Nanos;
use frameline::pipeline::{Line, LineBuilder, Snapshot, StageSpec};
use frameline::sim::Sim;
use frameline::source::Fill;
use frameline::wait::WaitStrategy;
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const BOUND: Duration = Duration::from_secs(120);

/// Two stages behind the source, everything waiting in one way.
fn waiting(builder: LineBuilder, wait: WaitStrategy) -> LineBuilder {
    let spec = |name: &str| StageSpec::new(name).wait(wait);
    builder
        .configure(|c| {
            c.capture.wait = wait;
            c.monitor.warm_up = Duration::from_millis(300);
            c.monitor.interval = Duration::from_millis(50);
        })
        .stage(spec("one"), PassStage)
        .stage(spec("two"), PassStage)
}

struct PassStage;

impl frameline::stage::Stage for PassStage {
    fn process(
        &mut self,
        frame: &mut frameline::buffer::Frame,
        _: &mut frameline::stage::StageContext<'_>,
    ) -> Result<frameline::stage::Flow, frameline::stage::StageError> {
        std::hint::black_box(frame.meta().frame_id);
        Ok(frameline::stage::Flow::Pass)
    }
}

fn wait_until(line: &Line, what: impl Fn(&Snapshot) -> bool) {
    let until = Instant::now() + BOUND;
    loop {
        let s = line.snapshot();
        if what(&s) {
            return;
        }
        assert!(Instant::now() < until && s.failure.is_none(), "the line hangs: {:?}", s.failure);
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// One line between two marks on stderr, each of them one write.
fn marked(fill: Fill, frames: u64, wait: WaitStrategy) {
    let source = BenchSource::new(SourceSpec {
        fill,
        frames: u64::MAX,
        width: 640,
        height: 480,
        buffers: 16,
        gap: Nanos(1_000),
    })
    .expect("a source");
    let line = waiting(Line::builder(source), wait).configure(|c| c.pool.slots = Some(16)).start();
    let line = line.expect("the line starts");
    wait_until(&line, |s| s.frames.delivered > 1_000);
    let mut threads = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let name = name.trim();
        if name.starts_with("fl-") && name != "fl-monitor" {
            threads.push(format!("{}={name}", task.file_name().to_string_lossy()));
        }
    }
    assert_eq!(threads.len(), 3, "capture and two stages: {threads:?}");
    let from = line.snapshot().frames.delivered;
    mark(&format!("steady-begin fill={} {}\n", fill.name(), threads.join(" ")));
    wait_until(&line, |s| s.frames.delivered > from + frames);
    let made = line.snapshot().frames.delivered - from;
    mark(&format!("steady-end frames={made}\n"));
    let s = line.stop(Duration::from_secs(10));
    assert!(s.is_balanced() && s.failure.is_none(), "{:?} {:?}", s.frames, s.failure);
}

fn mark(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).expect("stderr");
}

fn steady(fill: Fill, length: Duration) -> Value {
    let uri = format!("sim:?width=640&height=480&rate=5000&fill={}", fill.name());
    let source = Sim::from_uri(&uri).expect("the URI is right");
    let mut line =
        waiting(Line::builder(source), WaitStrategy::Spin).start().expect("the line starts");
    line.wait(length);
    let s = line.stop(Duration::from_secs(10));
    assert!(s.is_balanced() && s.failure.is_none(), "{:?} {:?}", s.frames, s.failure);
    json!({
        "fill": fill.name(), "frames": s.frames.grabbed, "allocations": s.steady.allocations,
        "page_faults_minor": s.steady.page_faults_minor, "page_faults_major": s.steady.page_faults_major,
    })
}

fn main() {
    let options = Options::from_args();
    if options.rest.first().is_some_and(|w| w == "--spin-syscalls") {
        let frames = options.rest.get(1).and_then(|n| n.parse().ok()).unwrap_or(100_000);
        // `park` instead of `spin` makes the check fail, as it must.
        let wait = options.rest.get(2).and_then(|n| WaitStrategy::from_name(n));
        let wait = wait.unwrap_or(WaitStrategy::Spin);
        [Fill::Copy, Fill::Lend].into_iter().for_each(|fill| marked(fill, frames, wait));
        return;
    }
    let mut hiccups = Hiccups::start(&options);
    let length = Duration::from_secs(if options.quick { 1 } else { 4 });
    let rows: Vec<Value> =
        [Fill::Copy, Fill::Announce, Fill::Lend].into_iter().map(|f| steady(f, length)).collect();
    hiccups.after_round(Duration::from_secs(1));
    let of = |what: &str| -> u64 {
        rows.iter().map(|r| r[what].as_u64().expect("the counting allocator is installed")).sum()
    };
    let ours = of("allocations") + of("page_faults_minor") + of("page_faults_major");
    let result = json!({
        "bench": "steady", "unit": "allocations and page faults", "ours": ours, "limit": 0, "ratio": ours,
        "target": "ours is 0", "rows": rows,
        "limit_is": "none at all, on the capture thread and the stages, after 0.3 s of warm-up",
    });
    print(&options, result, hiccups.finish());
    if ours > 0 {
        std::process::exit(1);
    }
}

//! What the benchmarks share: options, the machine in words, medians, the hiccup meter between rounds,
//! the JSON object, a source and a stage without work of their own, and the bare loops that set the limits.
#![allow(dead_code)] // Each benchmark uses its part of it.

use frameline::Error;
use frameline::agent::hiccup::{self, DEFAULT_THRESHOLD, HiccupReport};
use frameline::agent::{Placement, Urgency, known_cores};
use frameline::buffer::{Frame, FrameMut, Keep, Shelf};
use frameline::clock::{Clock, DeviceTime, HostTime, Nanos};
use frameline::fault::{CodeTable, Fault};
use frameline::format::{Geometry, PixelFormat};
use frameline::meta::FrameMeta;
use frameline::pipeline::Snapshot;
use frameline::source::{Fill, FrameIdRule, Grab, Source, SourceInfo};
use frameline::stage::{Flow, Stage, StageContext, StageError};
use frameline::telemetry::{LatencyReader, LatencySnapshot, LatencyWriter, latency};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Waits until what was read before it has arrived. A clock read may otherwise overtake the loads before
/// it, and a hand-off would end before the data are there.
#[inline(always)]
pub fn loaded() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: lfence has no preconditions on x86-64.
    unsafe {
        std::arch::x86_64::_mm_lfence()
    };
    #[cfg(not(target_arch = "x86_64"))]
    std::sync::atomic::fence(Ordering::SeqCst);
}

/// What was asked for on the command line.
#[derive(Debug, Clone)]
pub struct Options {
    /// One JSON object as the last line of stdout.
    pub json: bool,
    /// A short smoke run: the numbers mean little.
    pub quick: bool,
    /// Rounds, if asked for.
    pub rounds: Option<usize>,
    /// Other words, for the benchmark itself.
    pub rest: Vec<String>,
}

impl Options {
    /// Reads `--json`, `--quick`, `--rounds N`; `--bench`, which cargo adds, is left out.
    pub fn from_args() -> Options {
        let mut o = Options { json: false, quick: false, rounds: None, rest: Vec::new() };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--json" => o.json = true,
                "--quick" => o.quick = true,
                "--bench" => {}
                "--rounds" => o.rounds = args.next().and_then(|n| n.parse().ok()),
                _ => o.rest.push(arg),
            }
        }
        o
    }

    /// The rounds to make.
    pub fn rounds_or(&self, full: usize, quick: usize) -> usize {
        self.rounds.unwrap_or(if self.quick { quick } else { full }).max(1)
    }
}

/// The two cores that the benchmarks pin to. One and the same where there is only one: then the figures
/// say nothing about hand-offs.
pub fn two_cores() -> [usize; 2] {
    let cores = known_cores();
    let first = cores.first().copied().unwrap_or(0);
    [first, cores.get(1).copied().unwrap_or(first)]
}

/// Pins the calling thread.
pub fn pin(core: usize) {
    let refused = Placement { core: Some(core), urgency: Urgency::Normal }.apply();
    assert!(refused.is_empty(), "the benchmark could not pin its thread: {refused:?}");
}

/// Runs `a` on the first core and `b` on the second, at once, and gives back what they return.
pub fn on_two_cores<A: Send, B: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    let [x, y] = two_cores();
    std::thread::scope(|s| {
        let b = s.spawn(move || pinned(y, b));
        let a = s.spawn(move || pinned(x, a));
        (a.join().expect("it would have exited"), b.join().expect("it would have exited"))
    })
}

/// A thread that panics would leave the other one spinning for ever: the benchmark ends instead.
fn pinned<T>(core: usize, body: impl FnOnce() -> T) -> T {
    struct Exit;
    impl Drop for Exit {
        fn drop(&mut self) {
            if std::thread::panicking() {
                std::process::exit(101);
            }
        }
    }
    let _exit = Exit;
    pin(core);
    body()
}

/// The middle value; the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut v: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    assert!(!v.is_empty(), "a median of nothing");
    v.sort_by(f64::total_cmp);
    (v[(v.len() - 1) / 2] + v[v.len() / 2]) / 2.0
}

/// Three figures are enough of any measured number.
pub fn round3(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

/// Smallest, median and largest of the rounds.
pub fn spread(values: &[f64]) -> Value {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    json!({ "min": round3(low), "median": round3(median(values)), "max": round3(high), "rounds": values.len() })
}

/// p50 to max in nanoseconds.
pub fn tail(s: &LatencySnapshot) -> Value {
    json!({
        "count": s.count(), "p50": s.quantile(0.5).0, "p90": s.quantile(0.9).0, "p99": s.quantile(0.99).0,
        "p999": s.quantile(0.999).0, "max": s.max().0,
    })
}

/// The machine in words.
pub fn machine() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let field = |name: &str| {
        cpuinfo
            .lines()
            .find(|l| l.starts_with(name))
            .and_then(|l| l.split_once(':'))
            .map_or(String::new(), |(_, v)| v.trim().to_owned())
    };
    let memory_kb: u64 = read("/proc/meminfo")
        .lines()
        .next()
        .and_then(|l| l.split_ascii_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0);
    let load = read("/proc/loadavg");
    json!({
        "cpu": field("model name"), "mhz": field("cpu MHz"), "cores": known_cores().len(),
        "virtual": field("flags").split(' ').any(|f| f == "hypervisor"),
        "memory_bytes": memory_kb * 1024,
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").trim(),
        "load_average": load.split(' ').next().unwrap_or(""),
    })
}

/// The machine's own hiccups, measured between rounds on the benchmark's cores for as long as the
/// rounds took, or beside them on a third core where there is one.
pub struct Hiccups {
    seen: Option<HiccupReport>,
    beside: Option<hiccup::HiccupMeter>,
    share: f64,
}

impl Hiccups {
    /// `share`: of each round's time, how much is measured after it (1 is the honest comparison).
    pub fn start(options: &Options) -> Hiccups {
        let spare = known_cores().get(2).copied();
        let beside = spare.and_then(|core| {
            let place = Placement { core: Some(core), urgency: Urgency::Normal };
            hiccup::HiccupMeter::start(place, DEFAULT_THRESHOLD).ok()
        });
        Hiccups { seen: None, beside, share: if options.quick { 0.25 } else { 1.0 } }
    }

    /// A round took `length`: looks as long at the same cores.
    pub fn after_round(&mut self, length: Duration) {
        if self.beside.is_some() {
            return;
        }
        let length = length.mul_f64(self.share).max(Duration::from_millis(1));
        let look = || hiccup::measure(length, DEFAULT_THRESHOLD);
        let (a, b) = on_two_cores(look, look);
        for report in [a, b] {
            match &mut self.seen {
                Some(seen) => seen.merge(&report),
                None => self.seen = Some(report),
            }
        }
    }

    /// What was seen, as the JSON object's `hiccup`.
    pub fn finish(self) -> Value {
        let (how, seen) = match self.beside {
            Some(meter) => ("beside the rounds, on a core of its own", Some(meter.stop())),
            None => (
                "between the rounds, on the same two cores, for as long as the rounds (both cores' time added)",
                self.seen,
            ),
        };
        let Some(r) = seen else { return Value::Null };
        json!({
            "how": how, "seconds": round3(r.elapsed.0 as f64 / 1e9), "threshold_ns": DEFAULT_THRESHOLD.0,
            "gaps": r.gaps.count(), "p50": r.gaps.quantile(0.5).0, "p99": r.gaps.quantile(0.99).0,
            "p999": r.gaps.quantile(0.999).0, "max": r.longest().0, "lost_share": round6(r.lost_share()),
        })
    }
}

fn round6(x: f64) -> f64 {
    (x * 1e6).round() / 1e6
}

/// Prints the result: the JSON object as the last line of stdout, or a table.
pub fn print(options: &Options, mut result: Value, hiccup: Value) {
    let object = result.as_object_mut().expect("a benchmark's result is an object");
    object.insert("quick".into(), json!(options.quick));
    object.insert("machine".into(), machine());
    object.insert("hiccup".into(), hiccup);
    if options.json {
        println!("{result}");
        return;
    }
    table(object, 0);
}

fn table(object: &Map<String, Value>, depth: usize) {
    let pad = "  ".repeat(depth);
    for (key, value) in object {
        match value {
            Value::Object(inner) if inner.values().all(|v| !v.is_object() && !v.is_array()) => {
                let line: Vec<String> = inner.iter().map(|(k, v)| format!("{k} {v}")).collect();
                println!("{pad}{key:<24} {}", line.join(", "));
            }
            Value::Object(inner) => {
                println!("{pad}{key}:");
                table(inner, depth + 1);
            }
            Value::Array(list) if list.iter().all(Value::is_object) => {
                println!("{pad}{key}:");
                for item in list {
                    let inner = item.as_object().expect("checked");
                    let line: Vec<String> = inner.iter().map(|(k, v)| format!("{k} {v}")).collect();
                    println!("{pad}  {}", line.join(", "));
                }
            }
            _ => println!("{pad}{key:<24} {value}"),
        }
    }
}

/// Fails the benchmark if the line did not do its work: rule 4 first, then speed.
pub fn check_run(s: &Snapshot, frames: u64) {
    assert_eq!(s.failure, None, "the line failed");
    assert!(s.is_balanced(), "frames are not accounted for: {:?} {:?}", s.frames, s.hops);
    assert_eq!(s.frames.delivered, frames, "frames were lost: {:?}", s.frames);
}

/// What a [`BenchSource`] makes.
#[derive(Debug, Clone)]
pub struct SourceSpec {
    /// Copy or lend.
    pub fill: Fill,
    /// The end comes after so many frames.
    pub frames: u64,
    /// Pixels of a Mono8 image.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Buffers that are lent at once.
    pub buffers: usize,
    /// Spins so long after a frame before the next one comes; 0: at once.
    pub gap: Nanos,
}

/// A source that costs as little as a source can: it copies `images` in turn, or lends buffers that it
/// never touches. Its time stamp, read as the last thing of a grab, travels as the device's.
pub struct BenchSource {
    spec: SourceSpec,
    clock: Clock,
    meta: FrameMeta,
    shelf: Option<Shelf>,
    free: Vec<usize>,
    made: u64,
    last: HostTime,
    /// Payloads to copy; empty: the buffers are left as they are.
    pub images: Arc<Vec<Vec<u8>>>,
    /// Which slot each frame was copied into, for who wants to take the same way.
    pub order: Arc<Order>,
}

/// The slots that a copying source filled, one after the other; preallocated.
#[derive(Debug, Default)]
pub struct Order {
    slots: Vec<AtomicU64>,
    len: AtomicU64,
}

impl Order {
    /// Room for `n` frames.
    pub fn with_room(n: usize) -> Order {
        Order { slots: (0..n).map(|_| AtomicU64::new(0)).collect(), len: AtomicU64::new(0) }
    }

    fn note(&self, slot: usize) {
        let n = self.len.load(Ordering::Relaxed);
        if let Some(place) = self.slots.get(n as usize) {
            place.store(slot as u64, Ordering::Relaxed);
            self.len.store(n + 1, Ordering::Relaxed);
        }
    }

    /// The slots so far.
    pub fn slots(&self) -> Vec<usize> {
        let n = self.len.load(Ordering::Relaxed) as usize;
        self.slots[..n].iter().map(|s| s.load(Ordering::Relaxed) as usize).collect()
    }
}

impl BenchSource {
    pub fn new(spec: SourceSpec) -> Result<BenchSource, Error> {
        let geometry = Geometry::new(spec.width, spec.height, PixelFormat::MONO8);
        let shelf = match spec.fill {
            Fill::Lend => Some(Shelf::new(spec.buffers, geometry.image_bytes() as usize)?),
            _ => None,
        };
        Ok(BenchSource {
            free: (0..spec.buffers).rev().collect(),
            clock: Clock::host(),
            meta: FrameMeta::of(&geometry),
            shelf,
            made: 0,
            last: HostTime(0),
            images: Arc::default(),
            order: Arc::default(),
            spec,
        })
    }

    /// Takes another shelf's place: large buffers are touched once for many rounds.
    pub fn frames_left(&self) -> u64 {
        self.spec.frames - self.made
    }

    /// Spins until the next frame is due. Returns whether there is one.
    #[inline]
    fn next(&mut self) -> bool {
        if self.made >= self.spec.frames {
            return false;
        }
        if self.spec.gap.0 > 0 {
            while self.clock.now() - self.last < self.spec.gap {
                std::hint::spin_loop();
            }
        }
        true
    }

    /// Metadata and stamp: the frame exists from here on.
    #[inline]
    fn stamp(&mut self, frame: &mut FrameMut) -> Grab {
        self.meta.frame_id = self.made;
        self.made += 1;
        *frame.meta_mut() = self.meta;
        self.last = self.clock.now();
        frame.meta_mut().device_time = DeviceTime(self.last.0);
        Grab::Filled { reported_bytes: self.payload_bytes() as u64 }
    }
}

impl Source for BenchSource {
    fn info(&self) -> SourceInfo {
        SourceInfo { uri: "bench:".into(), model: "benchmark".into() }
    }

    fn fills(&self) -> &[Fill] {
        std::slice::from_ref(&self.spec.fill)
    }

    fn can_wait(&self) -> bool {
        true
    }

    fn codes(&self) -> CodeTable {
        CodeTable::new(frameline::sim::codes::TABLE)
    }

    fn geometry(&self) -> Geometry {
        self.meta.geometry()
    }

    fn payload_bytes(&self) -> usize {
        self.spec.width as usize * self.spec.height as usize
    }

    fn max_payload_bytes(&self) -> usize {
        self.payload_bytes()
    }

    fn frame_id_rule(&self) -> FrameIdRule {
        FrameIdRule::default()
    }

    fn keep(&self) -> Option<Keep> {
        self.shelf.as_ref().map(Shelf::keep)
    }

    fn start(&mut self, _: Fill) -> Result<(), Fault> {
        Ok(())
    }

    fn stop_device(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn stop_host(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn grab_into(&mut self, frame: &mut FrameMut, _: Duration) -> Grab {
        if !self.next() {
            return Grab::End;
        }
        if !self.images.is_empty() {
            let image = &self.images[self.made as usize % self.images.len()];
            frame.buffer_mut()[..image.len()].copy_from_slice(image);
            self.order.note(frame.slot_index());
        }
        self.stamp(frame)
    }

    fn grab_lent(&mut self, frame: &mut FrameMut, _: Duration) -> Grab {
        if !self.next() {
            return Grab::End;
        }
        let shelf = self.shelf.as_mut().expect("a lending source has a shelf");
        let i = self.free.pop().expect("as many buffers as slots");
        shelf.lend(i, frame).expect("a free buffer can be lent");
        self.stamp(frame)
    }

    fn give_back(&mut self, frame: &mut FrameMut) {
        let i = frame.token() as usize - 1;
        let shelf = self.shelf.as_mut().expect("a lending source has a shelf");
        if shelf.take_back(frame) {
            self.free.push(i);
        }
    }
}

/// A stage that reads the metadata, checks the order, and notes how old the frame is.
pub struct AgeStage {
    clock: Clock,
    from_source: LatencyWriter,
    from_capture: LatencyWriter,
    skip: u64,
    seen: Arc<AtomicU64>,
    disorder: Arc<AtomicBool>,
    next: u64,
}

/// What an [`AgeStage`] saw.
pub struct Ages {
    pub from_source: LatencyReader,
    pub from_capture: LatencyReader,
    pub seen: Arc<AtomicU64>,
    pub disorder: Arc<AtomicBool>,
}

impl AgeStage {
    /// The first `skip` frames are warm-up.
    pub fn new(skip: u64) -> (AgeStage, Ages) {
        let (from_source, source_reader) = latency();
        let (from_capture, capture_reader) = latency();
        let (seen, disorder) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let ages = Ages {
            from_source: source_reader,
            from_capture: capture_reader,
            seen: seen.clone(),
            disorder: disorder.clone(),
        };
        let stage = AgeStage {
            clock: Clock::host(),
            from_source,
            from_capture,
            skip,
            seen,
            disorder,
            next: 0,
        };
        (stage, ages)
    }
}

impl Stage for AgeStage {
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let meta = frame.meta();
        let (id, stamp, host) = (meta.frame_id, meta.device_time.0, meta.host_time);
        std::hint::black_box((id, stamp, host));
        loaded();
        let now = self.clock.now();
        if id != self.next {
            self.disorder.store(true, Ordering::Relaxed);
        }
        self.next = id + 1;
        if id >= self.skip {
            self.from_source.record(now - HostTime(stamp));
            self.from_capture.record(now - host);
        }
        self.seen.store(self.next, Ordering::Relaxed);
        Ok(Flow::Done)
    }
}

/// A stage that looks at nothing but the frame's number.
pub struct CountStage {
    next: u64,
    disorder: Arc<AtomicBool>,
}

impl CountStage {
    pub fn new() -> (CountStage, Arc<AtomicBool>) {
        let disorder = Arc::new(AtomicBool::new(false));
        (CountStage { next: 0, disorder: disorder.clone() }, disorder)
    }
}

impl Stage for CountStage {
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        if frame.id() != self.next {
            self.disorder.store(true, Ordering::Relaxed);
        }
        self.next = frame.id() + 1;
        Ok(Flow::Done)
    }
}

/// The limit of a hand-off: an index and a time stamp through one rtrb ring, nothing else.
pub fn bare_handoff(depth: usize, frames: u64, skip: u64, gap: Nanos) -> LatencySnapshot {
    let (mut tx, mut rx) = rtrb::RingBuffer::<(u64, HostTime)>::new(depth);
    let ready = Arc::new(AtomicBool::new(false));
    let go = ready.clone();
    let ((), snapshot) = on_two_cores(
        move || {
            let clock = Clock::host();
            while !go.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            let mut last = HostTime(0);
            for i in 0..frames {
                while clock.now() - last < gap {
                    std::hint::spin_loop();
                }
                last = clock.now();
                // A consumer that lost its core for long leaves the ring full; its frames are late, not lost.
                while tx.push((i, last)).is_err() {
                    std::hint::spin_loop();
                }
            }
        },
        move || {
            let clock = Clock::host();
            let (mut ages, reader) = latency();
            ready.store(true, Ordering::Release);
            let mut next = 0;
            while next < frames {
                let Ok((i, stamp)) = rx.pop() else {
                    std::hint::spin_loop();
                    continue;
                };
                std::hint::black_box((i, stamp));
                loaded();
                let now = clock.now();
                assert_eq!(i, next, "rtrb keeps the order");
                next += 1;
                if i >= skip {
                    ages.record(now - stamp);
                }
            }
            reader.snapshot()
        },
    );
    snapshot
}

/// Half the time in which one cache line goes there and back.
pub fn bounce(rounds: u64) -> f64 {
    #[repr(align(128))]
    struct Line(AtomicU64);
    let line = Arc::new(Line(AtomicU64::new(0)));
    let other = line.clone();
    let (nanos, ()) = on_two_cores(
        move || {
            let clock = Clock::host();
            let mut begun = HostTime(0);
            for i in 0..rounds + 1000 {
                if i == 1000 {
                    begun = clock.now();
                }
                line.0.store(2 * i + 1, Ordering::Release);
                while line.0.load(Ordering::Acquire) != 2 * i + 2 {
                    std::hint::spin_loop();
                }
            }
            (clock.now() - begun).0
        },
        move || {
            for i in 0..rounds + 1000 {
                while other.0.load(Ordering::Acquire) != 2 * i + 1 {
                    std::hint::spin_loop();
                }
                other.0.store(2 * i + 2, Ordering::Release);
            }
        },
    );
    nanos as f64 / rounds as f64 / 2.0
}

/// The limit of the pool's cycle: tokens through two rtrb rings, there and back. Rounds a second.
pub fn bare_cycle(tokens: usize, depth: usize, rounds: u64) -> f64 {
    let (mut tx, mut there) = rtrb::RingBuffer::<u32>::new(depth);
    let (mut back, mut rx) = rtrb::RingBuffer::<u32>::new(depth.max(tokens));
    let (nanos, ()) = on_two_cores(
        move || {
            let clock = Clock::host();
            let mut hand: Vec<u32> = (0..tokens as u32).collect();
            let begun = clock.now();
            let (mut sent, mut came) = (0, 0);
            while came < rounds {
                while let Ok(t) = rx.pop() {
                    hand.push(t);
                    came += 1;
                }
                if sent < rounds {
                    if let Some(t) = hand.pop() {
                        match tx.push(t) {
                            Ok(()) => sent += 1,
                            Err(rtrb::PushError::Full(t)) => hand.push(t),
                        }
                    }
                }
            }
            (clock.now() - begun).0
        },
        move || {
            let mut done = 0;
            while done < rounds {
                if let Ok(t) = there.pop() {
                    back.push(t).expect("room for every token");
                    done += 1;
                }
            }
        },
    );
    rounds as f64 / (nanos as f64 / 1e9)
}

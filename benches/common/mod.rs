//! What the benchmarks share: options, medians, the JSON object; in the modules the pinned threads, the hiccup
//! meter, a source and stages without work of their own, and the bare loops that set the limits.
#![allow(dead_code, unused_imports)] // Each benchmark uses its part of it.

mod bare;
mod cores;
mod hiccups;
mod source;
mod stages;

pub use bare::{bare_cycle, bare_handoff, bounce, loaded};
pub use cores::{machine, on_two_cores, pin, two_cores};
pub use hiccups::Hiccups;
pub use source::{BenchSource, Memory, Order, SourceSpec};
pub use stages::{AgeStage, Ages, CountStage};

use frameline::pipeline::Snapshot;
use frameline::telemetry::LatencySnapshot;
use serde_json::{Map, Value, json};

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

/// The middle value; the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut v: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    assert!(!v.is_empty(), "a median of nothing");
    v.sort_by(f64::total_cmp);
    (v[(v.len() - 1) / 2] + v[v.len() / 2]) / 2.0
}

/// Between which values the true median lies with a certainty of 95 %, whatever the distribution: the rounds are counted,
/// not averaged, so that a few that the machine spoilt do no harm. All of the range where there are few.
pub fn interval95(values: &[f64]) -> [f64; 2] {
    let mut v: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    assert!(!v.is_empty(), "an interval of nothing");
    v.sort_by(f64::total_cmp);
    let n = v.len() as f64;
    let off = 0.98 * n.sqrt();
    let low = (n / 2.0 - off).floor().max(0.0) as usize;
    let high = ((n / 2.0 + off).ceil() as usize).min(v.len() - 1);
    [v[low], v[high]]
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

/// The middle of a histogram, interpolated within its cell: a clock that ticks in steps of ten nanoseconds
/// puts half of all values into one.
pub fn fine_p50(s: &LatencySnapshot) -> f64 {
    let half = s.count() as f64 / 2.0;
    let (mut below, mut from) = (0.0, 0.0);
    for cell in s.histogram().iter_recorded() {
        let here = cell.count_at_value() as f64;
        let to = cell.value_iterated_to() as f64;
        if below + here >= half {
            return from + (to - from) * (half - below) / here;
        }
        (below, from) = (below + here, to);
    }
    from
}

/// p50 to max in nanoseconds.
pub fn tail(s: &LatencySnapshot) -> Value {
    json!({
        "count": s.count(), "p50": s.quantile(0.5).0, "p90": s.quantile(0.9).0, "p99": s.quantile(0.99).0,
        "p999": s.quantile(0.999).0, "max": s.max().0,
    })
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

//! The hiccup meter beside a benchmark or between its rounds.

use super::{Options, on_two_cores, round3};
use frameline::agent::hiccup::{self, DEFAULT_THRESHOLD, HiccupReport};
use frameline::agent::{Placement, Urgency, known_cores};
use serde_json::{Value, json};
use std::time::Duration;

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

//! The hiccup meter on every core at once, and who took the time that is missing.

use super::cgroup;
use super::check::{Check, Topic};
use super::context::Context;
use super::roots::Roots;
use super::thieves::{CoreTimes, Programs, Thieves};
use crate::agent::hiccup::{self, DEFAULT_THRESHOLD, HiccupReport};
use crate::agent::{Placement, Urgency};
use crate::clock::{Clock, Nanos};
use crate::telemetry::LatencySnapshot;
use serde_json::{Map, Value, json};
use std::time::Duration;

const HICCUPS: Topic = Topic::new(
    "cores",
    "hiccups",
    "while a core is away no frame moves on it; every latency has this tail, whatever the program",
);
const STOLEN: Topic =
    Topic::new("cores", "stolen_time", "who takes a core away says what can be done about it");

/// More meters than this tell nothing more, and keep a large machine from its work.
const MOST_METERS: usize = 64;
/// A larger share of lost time is worth a word.
const LOST_SHARE: f64 = 0.01;

/// What the meter on one core saw.
#[derive(Debug, Clone)]
pub struct CoreLook {
    /// The core it was pinned to.
    pub core: usize,
    /// Its gaps.
    pub report: HiccupReport,
    /// Where they came from, as far as the system says.
    pub thieves: Thieves,
    /// How often the meter was taken off the core.
    pub switches: u64,
}

/// What all of them saw.
#[derive(Debug, Clone)]
pub struct Look {
    /// By core.
    pub cores: Vec<CoreLook>,
    /// Time for which the control group was stopped.
    pub throttled: Nanos,
    /// Other programs that ran meanwhile, the busiest first, with their share of one core.
    pub programs: Vec<(String, f64)>,
}

/// Looks at every core that may be used, for as long as the context says, all at once.
pub fn look(c: &Context) -> Look {
    Clock::host(); // Its first use calibrates it; that is no hiccup.
    let quota = cgroup::quota(&c.roots).map_or(usize::MAX, |q| (q.floor() as usize).max(1));
    let cores = &c.cores[..c.cores.len().min(quota).min(MOST_METERS)];
    let programs = Programs::now(&c.roots);
    let throttled = cgroup::throttled_ns(&c.roots);
    let looks = std::thread::scope(|s| {
        let meters: Vec<_> = cores
            .iter()
            .filter_map(|core| {
                let meter = move || on_core(&c.roots, *core, c.look);
                std::thread::Builder::new()
                    .name(format!("fl-hiccup-{core}"))
                    .spawn_scoped(s, meter)
                    .ok()
            })
            .collect();
        meters.into_iter().filter_map(|m| m.join().ok()).collect()
    });
    Look {
        cores: looks,
        throttled: Nanos(cgroup::throttled_ns(&c.roots).saturating_sub(throttled)),
        programs: Programs::now(&c.roots).busiest_since(&programs, c.look),
    }
}

fn on_core(roots: &Roots, core: usize, length: Duration) -> CoreLook {
    let refusals = Placement { core: Some(core), urgency: Urgency::Normal }.apply();
    let before = CoreTimes::now(roots, core);
    let mut report = hiccup::measure(length, DEFAULT_THRESHOLD);
    let after = CoreTimes::now(roots, core);
    report.refusals.extend(refusals);
    CoreLook {
        core,
        report,
        thieves: after.since(&before),
        switches: after.switches - before.switches.min(after.switches),
    }
}

impl Look {
    /// All cores together; `None` if no meter ran.
    pub fn merged(&self) -> Option<HiccupReport> {
        let mut all = self.cores.iter().map(|c| c.report.clone());
        let mut sum = all.next()?;
        all.for_each(|r| sum.merge(&r));
        Some(sum)
    }

    /// The time taken, by who took it, of all cores together.
    pub fn thieves(&self) -> Thieves {
        let mut sum = Thieves { quota: self.throttled, ..Thieves::default() };
        self.cores.iter().for_each(|c| sum.add(&c.thieves));
        sum
    }

    /// As JSON: percentiles of the gaps, of all cores and of each.
    pub fn json(&self) -> Value {
        let Some(all) = self.merged() else { return Value::Null };
        let cores: Vec<Value> = self
            .cores
            .iter()
            .map(|c| {
                let mut o = percentiles(&c.report);
                o.insert("core".into(), c.core.into());
                o.insert("involuntary_switches".into(), c.switches.into());
                o.insert("stolen_ns".into(), c.thieves.json());
                o.into()
            })
            .collect();
        let mut o = percentiles(&all);
        let seconds = self.cores.iter().map(|c| c.report.elapsed.0).max().unwrap_or(0);
        o.insert("seconds".into(), (seconds as f64 / 1e9).into());
        o.insert("threshold_ns".into(), DEFAULT_THRESHOLD.0.into());
        o.insert("stolen_ns".into(), self.thieves().json());
        let programs =
            self.programs.iter().map(|(name, share)| json!({"name": name, "cores": share}));
        o.insert("programs".into(), programs.collect());
        o.insert("cores".into(), cores.into());
        o.into()
    }
}

fn percentiles(r: &HiccupReport) -> Map<String, Value> {
    let g: &LatencySnapshot = &r.gaps;
    let mut o = Map::new();
    o.insert("count".into(), g.count().into());
    for (key, q) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)] {
        o.insert(key.into(), g.quantile(q).0.into());
    }
    o.insert("max".into(), r.longest().0.into());
    o.insert("lost_share".into(), r.lost_share().into());
    o
}

/// The checks.
pub fn checks(c: &Context, look: &Look) -> Vec<Check> {
    let Some(all) = look.merged() else {
        let fix = "look at the limit of threads: ulimit -u";
        return vec![HICCUPS.unknown("no meter could be started", fix)];
    };
    vec![hiccups(c, look, &all), stolen(look, &all)]
}

fn hiccups(c: &Context, look: &Look, all: &HiccupReport) -> Check {
    let where_ = look.cores.iter().max_by_key(|l| l.report.longest());
    let core = where_.map_or(String::new(), |l| format!(" (core {})", l.core));
    let seconds = look.cores.iter().map(|l| l.report.elapsed.0).max().unwrap_or(0) as f64 / 1e9;
    let found = format!(
        "longest {}{core}, p99 {}, {:.3} % of the time lost; {} gaps above {} on {} cores in {seconds:.1} s",
        all.longest(),
        all.gaps.quantile(0.99),
        all.lost_share() * 100.0,
        all.gaps.count(),
        DEFAULT_THRESHOLD,
        look.cores.len(),
    );
    let period = c.need.period();
    let check = if let Some(r) = all.refusals.first() {
        HICCUPS
            .unknown(format!("{found}; {}", r.reason), "let the process use its cores: see cores")
    } else if all.longest().as_duration() > period {
        let frame = Nanos::from(period);
        let frames = all.longest().0.div_ceil(frame.0.max(1));
        HICCUPS.warn(
            found,
            format!(
                "stop whoever took the time (see stolen_time), or outlast it: {frames} frames of {frame} each must fit into the camera's queue and the first ring (stage.NAME.ring = {frames})"
            ),
        )
    } else {
        HICCUPS.ok(found)
    };
    check.figure("max_ns", all.longest().0).figure("lost_share", all.lost_share())
}

fn stolen(look: &Look, all: &HiccupReport) -> Check {
    let thieves = look.thieves();
    let elapsed = all.elapsed.0.max(1) as f64;
    let share = |n: Nanos| n.0 as f64 / elapsed;
    let parts: Vec<String> = thieves
        .parts()
        .iter()
        .map(|(name, n)| format!("{name} {:.2} %", share(*n) * 100.0))
        .collect();
    let mut found = parts.join(", ");
    if !look.programs.is_empty() {
        let names: Vec<String> =
            look.programs.iter().map(|(name, s)| format!("{name} {:.0} %", s * 100.0)).collect();
        found += &format!("; busy meanwhile: {}", names.join(", "));
    }
    let (worst, most) = thieves.worst();
    let check = match share(most) > LOST_SHARE {
        true => STOLEN.warn(found, thieves_fix(worst)),
        false => STOLEN.ok(found),
    };
    check.figure("stolen_ns", thieves.json())
}

fn thieves_fix(who: &str) -> &'static str {
    match who {
        "hypervisor" => {
            "give the virtual machine cores of its own on the host (pinned virtual cores, no overcommitment)"
        }
        "other threads" => {
            "stop other programs, or keep them off: isolcpus= on the kernel's command line, capture.priority = \"fifo:50\""
        }
        "quota" => {
            "give the container whole cores (--cpuset-cpus) instead of a share of time (--cpus)"
        }
        _ => {
            "move interrupts to other cores: irqbalance --banirq, or echo MASK > /proc/irq/N/smp_affinity"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::super::context::fake;
    use super::super::fake::Tree;
    use super::*;
    use crate::telemetry::latency;

    fn seen(gaps: &[u64], thieves: Thieves) -> Look {
        let (mut writer, reader) = latency();
        gaps.iter().for_each(|g| writer.record(Nanos(*g)));
        let report = HiccupReport {
            gaps: reader.snapshot(),
            elapsed: Nanos(1_000_000_000),
            looks: 1,
            refusals: Vec::new(),
        };
        let core = CoreLook { core: 3, report, thieves, switches: 2 };
        Look { cores: vec![core], throttled: Nanos(0), programs: vec![("cc (pid 7)".into(), 0.5)] }
    }

    #[test]
    fn a_gap_longer_than_a_frame_is_told_with_its_thief() {
        // Catches a stall that costs frames and passes for fine, or one without a name.
        let tree = Tree::new();
        let c = fake(&tree);
        let fine = checks(&c, &seen(&[2_000, 40_000], Thieves::default()));
        assert_eq!((fine[0].status, fine[1].status), (Status::Ok, Status::Ok), "{fine:?}");
        let theft = Thieves { other_threads: Nanos(30_000_000), ..Thieves::default() };
        let bad = checks(&c, &seen(&[2_000, 30_000_000], theft));
        assert_eq!((bad[0].status, bad[1].status), (Status::Warn, Status::Warn));
        assert!(
            bad[0].found.contains("30.0 ms (core 3)") && bad[0].fix.contains("3 frames"),
            "{bad:?}"
        );
        assert!(
            bad[1].found.contains("cc (pid 7) 50 %") && bad[1].fix.contains("isolcpus"),
            "{bad:?}"
        );
        assert_eq!(
            checks(&c, &Look { cores: vec![], ..seen(&[], Thieves::default()) })[0].status,
            Status::Unknown
        );
    }

    #[test]
    fn every_thief_has_a_fix_of_its_own() {
        // Catches advice for the wrong cause.
        let tree = Tree::new();
        let much = Nanos(500_000_000);
        let none = Thieves::default();
        for (thieves, throttled, want) in [
            (Thieves { hypervisor: much, ..none }, Nanos(0), "virtual"),
            (Thieves { interrupts: much, ..none }, Nanos(0), "smp_affinity"),
            (none, much, "--cpuset-cpus"),
        ] {
            let look = Look { throttled, ..seen(&[9_000], thieves) };
            let stolen = checks(&fake(&tree), &look).remove(1);
            assert!(stolen.status == Status::Warn && stolen.fix.contains(want), "{stolen:?}");
        }
    }

    #[test]
    fn a_look_sees_its_cores_and_ends() {
        // Catches a meter that never ends, or percentiles that are missing from the object.
        let tree = Tree::new();
        let cores = crate::agent::known_cores()[..1].to_vec();
        let look = look(&Context { cores, look: Duration::from_millis(5), ..fake(&tree) });
        assert_eq!(look.cores.len(), 1);
        let o = look.json();
        for key in ["count", "p50", "p90", "p99", "p999", "max", "threshold_ns"] {
            assert!(
                o[key].is_u64() && (key == "threshold_ns" || o["cores"][0][key].is_u64()),
                "{key}: {o}"
            );
        }
        assert!(look.cores[0].report.elapsed >= Nanos(5_000_000));
    }
}

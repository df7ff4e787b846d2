//! Which cores there are, whose they are, and how fast they are kept.

use super::cgroup;
use super::check::{Check, Topic};
use super::context::Context;
use super::roots::{Roots, cpu_list, cpu_text};
use crate::cli::value::list;
use std::collections::BTreeSet;

const CORES: Topic = Topic::required(
    "cores",
    "cores",
    "capture and each stage want a core of their own; shared ones wait for each other",
);
const ISOLATION: Topic = Topic::new(
    "cores",
    "isolation",
    "on an isolated core nothing else runs, and a frame never waits for another program",
);
const GOVERNOR: Topic = Topic::new(
    "cores",
    "governor",
    "a core that was clocked down while it waited is slow when the frame comes",
);
const SMT: Topic = Topic::new(
    "cores",
    "smt",
    "two hardware threads of one core share its units; a busy sibling slows a stage down",
);
const IDLE: Topic = Topic::new(
    "cores",
    "idle_states",
    "a core that sleeps deeply wakes late; cameras on USB and Ethernet lose packets by it",
);

/// A core that needs longer than this to wake is late for a packet.
const DEEP_SLEEP_US: i64 = 100;
const CPU: &str = "sys/devices/system/cpu";

/// The checks.
pub fn checks(c: &Context) -> Vec<Check> {
    let mut all = vec![cores(c), isolation(c), governor(c), smt(c)];
    all.extend(idle_states(c));
    all
}

fn cores(c: &Context) -> Check {
    let online = c.roots.read(&format!("{CPU}/online")).map(|t| cpu_list(&t));
    let quota = cgroup::quota(&c.roots);
    let n = c.cores.len();
    let of = online.as_ref().map_or(String::new(), |o| format!(" of {}", o.len()));
    let mut found = format!("{n}{of} may be used ({})", cpu_text(&c.cores));
    if let Some(q) = quota {
        found += &format!(", but only {q:.2} cores' worth of time");
    }
    let check = if n == 0 {
        CORES.refused(
            "the system does not say which cores this process may use",
            "run without a cpuset that is empty; see `taskset -p $$`",
        )
    } else if quota.is_some_and(|q| q < 1.0) {
        CORES.refused(found, quota_fix(c))
    } else if quota.is_some_and(|q| q < n as f64) {
        CORES.warn(
            format!("{found}: when it is used up, all threads stop until the next period"),
            quota_fix(c),
        )
    } else if n == 1 {
        CORES.warn(
            format!("{found}: capture and stages take turns on it"),
            match c.platform.container {
                Some(_) => "start the container with --cpuset-cpus naming two cores or more",
                None => "give the process more cores: taskset -c 0-3 frameline run ...; give a virtual machine two or more",
            },
        )
    } else {
        CORES.ok(found)
    };
    check
        .figure("allowed", n)
        .figure("online", online.map(|o| o.len()))
        .figure("quota_cores", quota)
}

fn quota_fix(c: &Context) -> &'static str {
    match c.platform.container {
        Some(_) => "give the container whole cores: --cpuset-cpus=0-3 instead of --cpus",
        None => {
            "take the quota away: systemctl set-property UNIT CPUQuota= and use AllowedCPUs= instead"
        }
    }
}

fn isolation(c: &Context) -> Check {
    let Some(isolated) = c.roots.read(&format!("{CPU}/isolated")) else {
        return ISOLATION.unknown("/sys/devices/system/cpu/isolated cannot be read", super::MOUNT);
    };
    let isolated = cpu_list(&isolated);
    let tickless = c.roots.read(&format!("{CPU}/nohz_full")).map_or(Vec::new(), |t| cpu_list(&t));
    let ours: Vec<usize> = isolated.iter().copied().filter(|i| c.cores.contains(i)).collect();
    let names = cpu_text(&isolated);
    let check = if isolated.is_empty() && c.cores.len() < 3 {
        ISOLATION.ok(format!("none is isolated; of {} none can be spared", c.cores.len()))
    } else if isolated.is_empty() {
        let last = &c.cores[c.cores.len() - 2..];
        let keep = cpu_text(last);
        ISOLATION.warn(
            "no core is isolated",
            format!(
                "add isolcpus={keep} nohz_full={keep} rcu_nocbs={keep} to the kernel's command line, boot, then taskset -c {} frameline run ... --set capture.core={}",
                cpu_text(&c.cores),
                last[0]
            ),
        )
    } else if ours.is_empty() {
        ISOLATION.refused(
            format!(
                "cores {names} are isolated, but this process may use only {}",
                cpu_text(&c.cores)
            ),
            format!(
                "start it with them: taskset -c {} frameline run ... --set capture.core={}",
                cpu_text(&[&c.cores[..], &isolated].concat()),
                isolated[0]
            ),
        )
    } else if ours.iter().any(|i| !tickless.contains(i)) {
        ISOLATION.warn(
            format!("cores {names} are isolated, but their timer still ticks"),
            format!("add nohz_full={names} to the kernel's command line"),
        )
    } else {
        ISOLATION.ok(format!("cores {names} are isolated and tickless"))
    };
    check.figure("isolated", isolated).figure("nohz_full", tickless)
}

fn governor(c: &Context) -> Check {
    let read = |core: &usize, file: &str| c.roots.read(&format!("{CPU}/cpu{core}/cpufreq/{file}"));
    let all: BTreeSet<String> =
        c.cores.iter().filter_map(|i| read(i, "scaling_governor")).collect();
    let hints: BTreeSet<String> =
        c.cores.iter().filter_map(|i| read(i, "energy_performance_preference")).collect();
    let names = list(all.iter().map(String::as_str));
    let hint = match hints.is_empty() {
        true => String::new(),
        false => format!(", preference {}", list(hints.iter().map(String::as_str))),
    };
    let fix = "cpupower frequency-set -g performance";
    let fast = |set: &BTreeSet<String>| set.iter().all(|g| g == "performance");
    let check = if all.is_empty() {
        let fix = format!("on the host, or in the firmware's settings, choose performance: {fix}");
        GOVERNOR.unknown("this system shows no frequency governor", fix)
    } else if fast(&all) || !hints.is_empty() && fast(&hints) {
        GOVERNOR.ok(format!("{names}{hint}"))
    } else {
        GOVERNOR.warn(format!("{names}{hint}"), fix)
    };
    check.figure("governors", all.into_iter().collect::<Vec<_>>())
}

/// Cores of this process that share one physical core.
fn siblings(roots: &Roots, cores: &[usize]) -> Vec<Vec<usize>> {
    let mut groups = BTreeSet::new();
    for core in cores {
        let text = roots.read(&format!("{CPU}/cpu{core}/topology/thread_siblings_list"));
        let ours = cpu_list(&text.unwrap_or_default());
        let ours: Vec<usize> = ours.into_iter().filter(|i| cores.contains(i)).collect();
        if ours.len() > 1 {
            groups.insert(ours);
        }
    }
    groups.into_iter().collect()
}

fn smt(c: &Context) -> Check {
    let known = c
        .cores
        .first()
        .is_some_and(|i| c.roots.exists(&format!("{CPU}/cpu{i}/topology/thread_siblings_list")));
    if !known {
        return SMT.unknown("the system does not say which cores are siblings", super::MOUNT);
    }
    let groups = siblings(&c.roots, &c.cores);
    let seconds: Vec<usize> = groups.iter().flat_map(|g| g[1..].to_vec()).collect();
    let check = if groups.is_empty() {
        SMT.ok("each core here is a physical core of its own")
    } else {
        let text: Vec<String> = groups.iter().take(4).map(|g| cpu_text(g)).collect();
        let more = if groups.len() > 4 {
            format!(" and {} more", groups.len() - 4)
        } else {
            String::new()
        };
        let firsts: Vec<usize> = c.cores.iter().copied().filter(|i| !seconds.contains(i)).collect();
        SMT.warn(
            format!("siblings share a core: {}{more}", text.join("; ")),
            format!(
                "pin capture.core and stage.NAME.core to different ones of {}, or echo off > /sys/devices/system/cpu/smt/control",
                cpu_text(&firsts)
            ),
        )
    };
    check.figure("shared", groups.len())
}

/// `None` where the system lets cores sleep in no state that it shows.
fn idle_states(c: &Context) -> Option<Check> {
    let mut deepest = None;
    for core in &c.cores {
        let folder = format!("{CPU}/cpu{core}/cpuidle");
        for state in c.roots.list(&folder) {
            let number = |file: &str| c.roots.number(&format!("{folder}/{state}/{file}"));
            if let Some(us) = number("latency")
                && number("disable") != Some(1)
            {
                let name = c.roots.read(&format!("{folder}/{state}/name")).unwrap_or(state);
                deepest = deepest.max(Some((us, name)));
            }
        }
    }
    let (us, name) = deepest?;
    let found = format!("cores sleep as deeply as {name}, {us} us to wake");
    let check = if us > DEEP_SLEEP_US {
        IDLE.warn(
            found,
            format!(
                "cpupower idle-set -D {DEEP_SLEEP_US}, or let a hot stage wait with wait = \"spin\""
            ),
        )
    } else {
        IDLE.ok(found)
    };
    Some(check.figure("wake_ns", us.saturating_mul(1000)))
}

#[cfg(test)]
mod tests {
    use super::super::check::Status::{self, Ok, Refused, Unknown, Warn};
    use super::super::context::fake;
    use super::super::fake::Tree;
    use super::*;

    fn look(
        files: &[(&str, &str)],
        cores: &[usize],
        probe: fn(&Context) -> Check,
    ) -> (Status, String) {
        let tree = Tree::with(files);
        let context = Context { cores: cores.to_vec(), ..fake(&tree) };
        let check = probe(&context);
        assert_eq!(check.fix.is_empty(), check.status == Ok, "{check:?}");
        (check.status, format!("{} | {}", check.found, check.fix))
    }

    #[test]
    fn cores_and_quota() {
        // Catches a quota that is not seen (every thread of the line stops at once when it is used up).
        let group = ("proc/self/cgroup", "0::/\n");
        let quota =
            |q| [group, ("sys/fs/cgroup/cpu.max", q), ("sys/devices/system/cpu/online", "0-7")];
        assert_eq!(look(&[], &[0, 1], cores).0, Ok);
        assert_eq!(look(&[], &[], cores).0, Refused);
        assert_eq!(look(&[], &[3], cores).0, Warn);
        let (status, text) = look(&quota("50000 100000"), &[0, 1], cores);
        assert!(status == Refused && text.contains("2 of 8") && text.contains("0.50"), "{text}");
        assert_eq!(look(&quota("150000 100000"), &[0, 1], cores).0, Warn);
        assert_eq!(look(&quota("400000 100000"), &[0, 1], cores).0, Ok);
    }

    #[test]
    fn isolated_cores_that_the_process_may_not_use_are_told() {
        // Catches the trap of isolcpus: isolated cores are not in the mask that a process inherits.
        let files = |isolated, tickless| {
            [
                ("sys/devices/system/cpu/isolated", isolated),
                ("sys/devices/system/cpu/nohz_full", tickless),
            ]
        };
        let (status, text) = look(&files("2-3", ""), &[0, 1], isolation);
        assert!(status == Refused && text.contains("taskset -c 0-3"), "{text}");
        assert_eq!(look(&files("2-3", "2-3"), &[0, 1, 2, 3], isolation).0, Ok);
        assert_eq!(look(&files("2-3", ""), &[0, 1, 2, 3], isolation).0, Warn);
        let (status, text) = look(&files("", ""), &[0, 1, 2, 3], isolation);
        assert!(status == Warn && text.contains("isolcpus=2-3"), "{text}");
        assert_eq!(look(&files("", ""), &[0, 1], isolation).0, Ok);
        assert_eq!(look(&[], &[0, 1], isolation).0, Unknown);
    }

    #[test]
    fn governors() {
        // Catches powersave taken for fast, and intel_pstate's powersave with its preference taken for slow.
        let f = |core, file| format!("sys/devices/system/cpu/cpu{core}/cpufreq/{file}");
        let (g0, g1, e0) = (
            f(0, "scaling_governor"),
            f(1, "scaling_governor"),
            f(0, "energy_performance_preference"),
        );
        assert_eq!(look(&[], &[0, 1], governor).0, Unknown);
        assert_eq!(look(&[(&g0, "performance\n"), (&g1, "performance")], &[0, 1], governor).0, Ok);
        assert_eq!(look(&[(&g0, "performance"), (&g1, "ondemand")], &[0, 1], governor).0, Warn);
        assert_eq!(look(&[(&g0, "powersave"), (&e0, "performance")], &[0], governor).0, Ok);
        assert_eq!(look(&[(&g0, "powersave"), (&e0, "balance_power")], &[0], governor).0, Warn);
    }

    #[test]
    fn siblings_are_found_among_our_cores_only() {
        // Catches a warning about a sibling that this process does not use.
        let f =
            |core: usize| format!("sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
        let (f0, f1) = (f(0), f(1));
        let shared = [(f0.as_str(), "0,4"), (f1.as_str(), "1,5")];
        assert_eq!(look(&shared, &[0, 1], smt).0, Ok);
        let (status, text) = look(&shared, &[0, 1, 4], smt);
        assert!(
            status == Warn
                && text.contains("siblings share a core: 0,4")
                && text.contains("ones of 0-1,"),
            "{text}"
        );
        assert_eq!(look(&[], &[0], smt).0, Unknown);
    }

    #[test]
    fn deep_sleep_is_told_unless_it_is_disabled() {
        // Catches a warning about a state that was switched off.
        let f = |state: usize, file: &str| {
            format!("sys/devices/system/cpu/cpu0/cpuidle/state{state}/{file}")
        };
        let names = [f(0, "latency"), f(1, "latency"), f(1, "name"), f(1, "disable")];
        let files = |off| {
            [
                (names[0].as_str(), "2"),
                (names[1].as_str(), "133"),
                (names[2].as_str(), "C6"),
                (names[3].as_str(), off),
            ]
        };
        let look = |off| {
            let tree = Tree::with(&files(off));
            idle_states(&Context { cores: vec![0], ..fake(&tree) }).unwrap()
        };
        let slow = look("0");
        assert!(slow.status == Warn && slow.found.contains("C6, 133 us"), "{slow:?}");
        assert_eq!(look("1").status, Ok);
        assert_eq!(idle_states(&fake(&Tree::new())), None);
    }
}

//! Who takes a core away: the kernel's own books, read before and after.

use super::roots::Roots;
use crate::clock::Nanos;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// A tick of `/proc/stat` and `/proc/PID/stat`, the same on every Linux.
const TICK_NS: u64 = 10_000_000;
/// Programs below this share of a core are not named.
const WORTH_NAMING: f64 = 0.02;
/// So many are named.
const NAMED: usize = 3;

/// Time that was taken, by who took it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Thieves {
    /// The hypervisor ran something else.
    pub hypervisor: Nanos,
    /// The thread waited while others ran on its core.
    pub other_threads: Nanos,
    /// Interrupts were served.
    pub interrupts: Nanos,
    /// The control group's quota was used up.
    pub quota: Nanos,
}

impl Thieves {
    /// By name.
    pub fn parts(&self) -> [(&'static str, Nanos); 4] {
        [
            ("other threads", self.other_threads),
            ("hypervisor", self.hypervisor),
            ("interrupts", self.interrupts),
            ("quota", self.quota),
        ]
    }

    /// Who took most.
    pub fn worst(&self) -> (&'static str, Nanos) {
        let [mut worst, rest @ ..] = self.parts();
        for part in rest {
            if part.1 > worst.1 {
                worst = part;
            }
        }
        worst
    }

    /// Adds another core's.
    pub fn add(&mut self, other: &Thieves) {
        self.hypervisor.0 += other.hypervisor.0;
        self.other_threads.0 += other.other_threads.0;
        self.interrupts.0 += other.interrupts.0;
        self.quota.0 += other.quota.0;
    }

    /// As JSON, in ns.
    pub fn json(&self) -> Value {
        json!({
            "other_threads": self.other_threads.0,
            "hypervisor": self.hypervisor.0,
            "interrupts": self.interrupts.0,
            "quota": self.quota.0,
        })
    }
}

/// The books of one core and of the calling thread; 0 where the system keeps none.
#[derive(Debug, Clone, Copy, Default)]
pub struct CoreTimes {
    steal_ns: u64,
    interrupt_ns: u64,
    waited_ns: u64,
    /// How often the thread was taken off its core.
    pub switches: u64,
}

impl CoreTimes {
    /// Now, for the calling thread on `core`.
    pub fn now(roots: &Roots, core: usize) -> CoreTimes {
        let stat = roots.read("proc/stat").unwrap_or_default();
        let name = format!("cpu{core} ");
        let line = stat.lines().find_map(|l| l.strip_prefix(&name)).unwrap_or_default();
        let tick = |n: usize| line.split_whitespace().nth(n).and_then(|w| w.parse::<u64>().ok());
        let ns = |n| tick(n).unwrap_or(0).saturating_mul(TICK_NS);
        let waited = roots.read("proc/thread-self/schedstat");
        let waited = waited.and_then(|t| t.split(' ').nth(1)?.parse().ok());
        let switches = roots.field("proc/thread-self/status", "nonvoluntary_ctxt_switches");
        CoreTimes {
            interrupt_ns: ns(5).saturating_add(ns(6)),
            steal_ns: ns(7),
            waited_ns: waited.unwrap_or(0),
            switches: switches.and_then(|t| t.parse().ok()).unwrap_or(0),
        }
    }

    /// What was taken since `earlier`.
    pub fn since(&self, earlier: &CoreTimes) -> Thieves {
        Thieves {
            hypervisor: Nanos(self.steal_ns.saturating_sub(earlier.steal_ns)),
            other_threads: Nanos(self.waited_ns.saturating_sub(earlier.waited_ns)),
            interrupts: Nanos(self.interrupt_ns.saturating_sub(earlier.interrupt_ns)),
            quota: Nanos(0),
        }
    }
}

/// Every program's name and time on a core so far.
#[derive(Debug, Clone, Default)]
pub struct Programs(HashMap<u32, (String, u64)>);

impl Programs {
    /// Now. This program itself is left out.
    pub fn now(roots: &Roots) -> Programs {
        let mut all = HashMap::new();
        for entry in roots.list("proc") {
            let Ok(pid) = entry.parse::<u32>() else { continue };
            if pid == std::process::id() {
                continue;
            }
            if let Some(seen) = roots.read(&format!("proc/{pid}/stat")).as_deref().and_then(ticks) {
                all.insert(pid, seen);
            }
        }
        Programs(all)
    }

    /// Who used most of a core in the `length` since `earlier`, with the share of one core.
    pub fn busiest_since(&self, earlier: &Programs, length: Duration) -> Vec<(String, f64)> {
        let length = length.as_nanos().max(1) as f64;
        let mut busy: Vec<(String, f64)> = self
            .0
            .iter()
            .map(|(pid, (name, now))| {
                let then = earlier.0.get(pid).map_or(0, |(_, t)| *t);
                let ns = now.saturating_sub(then).saturating_mul(TICK_NS);
                (format!("{name} (pid {pid})"), ns as f64 / length)
            })
            .filter(|(_, share)| *share >= WORTH_NAMING)
            .collect();
        busy.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        busy.truncate(NAMED);
        busy
    }
}

/// Name and ticks of user and system time in a `/proc/PID/stat`. The name may hold blanks and brackets.
fn ticks(stat: &str) -> Option<(String, u64)> {
    let open = stat.find('(')?;
    let close = stat.rfind(')')?;
    let name = stat.get(open + 1..close)?;
    let mut rest = stat.get(close + 1..)?.split_whitespace().skip(11);
    let user: u64 = rest.next()?.parse().ok()?;
    let system: u64 = rest.next()?.parse().ok()?;
    // A name is another program's own choice: no control characters on our terminal.
    let name = name.chars().filter(|c| !c.is_control()).collect();
    Some((name, user.saturating_add(system)))
}

#[cfg(test)]
mod tests {
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn the_books_are_read_by_core() {
        // Catches a column that is off by one: steal taken for softirq, or the sum of all cores for one.
        let tree = Tree::with(&[
            (
                "proc/stat",
                "cpu  9 9 9 9 9 9 9 9\ncpu1 1 2 3 4 5 6 7 8 0 0\ncpu10 0 0 0 0 0 0 0 0 0 0\n",
            ),
            ("proc/thread-self/schedstat", "100 250 3\n"),
            ("proc/thread-self/status", "Name:\tx\nnonvoluntary_ctxt_switches:\t12\n"),
        ]);
        let now = CoreTimes::now(&tree.roots(), 1);
        let taken = now.since(&CoreTimes::default());
        let want = Thieves {
            hypervisor: Nanos(8 * TICK_NS),
            other_threads: Nanos(250),
            interrupts: Nanos(13 * TICK_NS),
            quota: Nanos(0),
        };
        assert_eq!((taken, now.switches), (want, 12));
        assert_eq!(taken.worst().0, "interrupts");
        // A counter that goes back is no theft.
        assert_eq!(CoreTimes::default().since(&now), Thieves::default());
        assert_eq!(
            CoreTimes::now(&Tree::new().roots(), 1).since(&CoreTimes::default()),
            Thieves::default()
        );
    }

    #[test]
    fn the_busiest_programs_are_named() {
        // Catches a name with blanks and brackets that shifts the columns.
        let stat = |name: &str, user: u32| {
            format!("7 ({name}) R 1 1 1 0 -1 0 0 0 0 0 {user} 4 0 0 20 0 1")
        };
        let tree = Tree::with(&[
            ("proc/7/stat", &stat("a ) b", 100)),
            ("proc/8/stat", &stat("lazy", 0)),
            ("proc/9/stat", "9 (broken"),
            ("proc/self/stat", &stat("self", 900)),
        ]);
        let before = Programs::now(&tree.roots());
        tree.file("proc/7/stat", &stat("a ) b", 150));
        let busy = Programs::now(&tree.roots()).busiest_since(&before, Duration::from_secs(1));
        assert_eq!(busy, [("a ) b (pid 7)".to_string(), 0.5)]);
    }
}

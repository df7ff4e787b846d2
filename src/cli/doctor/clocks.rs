//! The clock that everything is timed with, and how late a sleeping thread comes back.

use super::check::{Check, Topic};
use super::context::Context;
use crate::clock::{Clock, Nanos};
use std::time::{Duration, Instant};

const SOURCE: Topic = Topic::new(
    "clocks",
    "clock_source",
    "each frame is stamped several times; a slow clock costs a system call each time",
);
const TIMER: Topic =
    Topic::new("clocks", "timer", "a parked stage and a paced source come back late by this much");

/// Reading a clock for longer than this is a call into the kernel.
const SLOW_READ_NS: u64 = 300;
/// What is slept, again and again.
const NAP: Duration = Duration::from_millis(1);
const NAPS: usize = 150;
const FEWEST_NAPS: usize = 3;

/// The checks.
pub fn checks(c: &Context) -> Vec<Check> {
    let half = c.at_most(Duration::from_millis(400)) / 2;
    let sleep = Late::measure(half, std::thread::sleep);
    let park = Late::measure(half, std::thread::park_timeout);
    vec![source(c, read_cost()), timer(c, sleep, park)]
}

/// What one reading costs: of the system's clock, and of the one that lines use.
fn read_cost() -> (u64, u64) {
    const READS: u32 = 20_000;
    let clock = Clock::host();
    let cost = |read: &dyn Fn()| {
        let begun = Instant::now();
        (0..READS).for_each(|_| read());
        Nanos::from(begun.elapsed() / READS).0
    };
    let system = cost(&|| {
        std::hint::black_box(Instant::now());
    });
    let ours = cost(&|| {
        std::hint::black_box(clock.now());
    });
    (system, ours)
}

fn source(c: &Context, (system, ours): (u64, u64)) -> Check {
    let read = |file: &str| {
        c.roots.read(&format!("sys/devices/system/clocksource/clocksource0/{file}_clocksource"))
    };
    let costs = format!("one reading costs {system} ns, a line's own {ours} ns");
    let Some(name) = read("current") else {
        let found = format!("the system does not name its clock source; {costs}");
        return SOURCE.unknown(found, super::MOUNT).figure("read_ns", system);
    };
    let others = read("available").unwrap_or_default();
    let others: Vec<&str> = others.split_whitespace().filter(|n| *n != name).collect();
    let found = format!("{name}; {costs}");
    let slow = matches!(name.as_str(), "hpet" | "acpi_pm" | "jiffies" | "refined-jiffies" | "pit");
    let check = if slow || system > SLOW_READ_NS {
        let fix = match others.iter().find(|o| matches!(**o, "tsc" | "kvm-clock" | "arch_sys_counter")) {
            Some(better) => format!(
                "echo {better} > /sys/devices/system/clocksource/clocksource0/current_clocksource"
            ),
            None => "look in dmesg why tsc was given up; try tsc=reliable on the kernel's command line, and the firmware's newest version".into(),
        };
        SOURCE.warn(found, fix)
    } else {
        SOURCE.ok(found)
    };
    check.figure("name", name).figure("read_ns", system).figure("line_read_ns", ours)
}

/// How late a thread comes back from a nap of [`NAP`].
#[derive(Debug, Clone, Copy)]
struct Late {
    p50: Nanos,
    p99: Nanos,
    max: Nanos,
}

impl Late {
    fn measure(limit: Duration, nap: fn(Duration)) -> Late {
        let begun = Instant::now();
        let mut late = Vec::with_capacity(NAPS);
        while late.len() < NAPS && (late.len() < FEWEST_NAPS || begun.elapsed() < limit) {
            let down = Instant::now();
            nap(NAP);
            // A nap that was cut short is not late.
            late.push(down.elapsed().saturating_sub(NAP));
        }
        late.sort_unstable();
        let at = |q: f64| Nanos::from(late[((late.len() - 1) as f64 * q).round() as usize]);
        Late { p50: at(0.5), p99: at(0.99), max: at(1.0) }
    }
}

fn timer(c: &Context, sleep: Late, park: Late) -> Check {
    let slack = c.roots.number("proc/self/timerslack_ns");
    let found = format!(
        "after 1 ms a sleep ends {} late (p99 {}), a parked thread {} (p99 {}, worst {})",
        sleep.p50, sleep.p99, park.p50, park.p99, park.max
    );
    // A tenth of the time between two frames.
    let bound = Nanos::from(c.need.period() / 10);
    let check = if sleep.p50 > bound || park.p50 > bound {
        TIMER.warn(
            found,
            "use a kernel with CONFIG_HIGH_RES_TIMERS=y (and no highres=off); let hot stages wait with wait = \"spin\"",
        )
    } else if sleep.p99 > bound || park.p99 > bound {
        TIMER.warn(
            found,
            "see hiccups and idle_states; a stage that must not be late waits with wait = \"spin\" on a core of its own",
        )
    } else {
        TIMER.ok(found)
    };
    let mut check = check.figure("slack_ns", slack);
    for (name, late) in [("sleep", sleep), ("park", park)] {
        for (q, n) in [("p50", late.p50), ("p99", late.p99), ("max", late.max)] {
            check = check.figure(&format!("{name}_late_{q}_ns"), n.0);
        }
    }
    check
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::super::context::fake;
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn slow_clocks_are_told() {
        // Catches hpet taken for fine, and a fast name with a slow reading.
        let of = |name: &str, others: &str, cost| {
            let base = "sys/devices/system/clocksource/clocksource0";
            let tree = Tree::new();
            if !name.is_empty() {
                tree.file(&format!("{base}/current_clocksource"), name);
                tree.file(&format!("{base}/available_clocksource"), others);
            }
            source(&fake(&tree), (cost, 20))
        };
        assert_eq!(of("tsc\n", "tsc kvm-clock", 25).status, Status::Ok);
        let slow = of("hpet", "hpet tsc", 25);
        assert!(slow.status == Status::Warn && slow.fix.starts_with("echo tsc >"), "{slow:?}");
        let slow = of("xen", "xen", 900);
        assert!(slow.status == Status::Warn && slow.fix.contains("dmesg"), "{slow:?}");
        assert_eq!(of("", "", 25).status, Status::Unknown);
    }

    #[test]
    fn late_timers_are_told_by_kind() {
        // Catches a kernel without fine timers (every nap late) that is taken for a rare hiccup.
        let late = |p50, p99| Late { p50: Nanos(p50), p99: Nanos(p99), max: Nanos(p99) };
        let tree = Tree::new();
        let c = fake(&tree);
        assert_eq!(timer(&c, late(50_000, 90_000), late(60_000, 900_000)).status, Status::Ok);
        let coarse = timer(&c, late(3_000_000, 4_000_000), late(60_000, 90_000));
        assert!(coarse.status == Status::Warn && coarse.fix.contains("HIGH_RES"), "{coarse:?}");
        let rare = timer(&c, late(50_000, 90_000), late(60_000, 5_000_000));
        assert!(rare.status == Status::Warn && rare.fix.contains("hiccups"), "{rare:?}");
    }

    #[test]
    fn naps_end_in_bounded_number() {
        // Catches a measurement that never ends, or one that divides by no sample.
        let late = Late::measure(Duration::ZERO, std::thread::park_timeout);
        assert!(late.p50 <= late.p99 && late.p99 <= late.max);
        let (system, _) = read_cost();
        assert!(system < 1_000_000_000);
    }
}

//! Whether threads may be urgent, found out by trying.

use super::check::{Check, Topic};
use super::context::Context;
use crate::agent::{Placement, Urgency};

const REALTIME: Topic = Topic::new(
    "priority",
    "realtime",
    "with SCHED_FIFO no ordinary program can take the core from capture",
);
const NICE: Topic =
    Topic::new("priority", "nice", "the weaker way of being urgent, where SCHED_FIFO is denied");

/// The level that the documentation proposes.
const LEVEL: u8 = 50;
const NICE_VALUE: i8 = -10;

/// The checks.
pub fn checks(c: &Context) -> Vec<Check> {
    vec![realtime(c, attempt(Urgency::Fifo(LEVEL))), nice(c, attempt(Urgency::Nice(NICE_VALUE)))]
}

/// Tries it in a thread of its own, which ends with what it was given. `Err`: what the system said.
fn attempt(urgency: Urgency) -> Result<(), String> {
    let thread = std::thread::Builder::new().name("fl-try-priority".into());
    let tried = thread.spawn(move || Placement { core: None, urgency }.apply());
    let refused = tried.map_err(|e| e.to_string())?.join().map_err(|_| "the thread failed")?;
    match refused.into_iter().next() {
        None => Ok(()),
        Some(r) => Err(r.reason.split("; ").next().unwrap_or_default().to_string()),
    }
}

/// The kernel's limit in words.
fn limit(c: &Context, name: &str) -> (String, Option<u64>) {
    match c.roots.limit(name) {
        Some((soft, hard)) => (format!("{name} {soft}, at most {hard}"), Some(soft)),
        None => (format!("{name} unknown"), None),
    }
}

fn realtime(c: &Context, tried: Result<(), String>) -> Check {
    let (text, soft) = limit(c, "Max realtime priority");
    let number = |file: &str| c.roots.number(&format!("proc/sys/kernel/{file}"));
    let runtime = number("sched_rt_runtime_us");
    let rest = match (runtime, number("sched_rt_period_us")) {
        (Some(run), Some(period)) if run >= 0 && run < period => format!(
            "; a thread that spins is stopped for {} ms of each {} ms (sched_rt_runtime_us)",
            (period - run) / 1000,
            period / 1000
        ),
        _ => String::new(),
    };
    let check = match &tried {
        Ok(()) => REALTIME.ok(format!("SCHED_FIFO level {LEVEL} was granted{rest}")),
        Err(e) => REALTIME.refused(
            format!("{e}; {text}"),
            format!(
                "setcap cap_sys_nice+ep frameline, or {}",
                c.raise("rtprio 90", "--cap-add SYS_NICE --ulimit rtprio=90")
            ),
        ),
    };
    check
        .figure("granted", tried.is_ok())
        .figure("limit_soft", soft)
        .figure("rt_runtime_ns", runtime.map(|us| us.saturating_mul(1000)))
}

fn nice(c: &Context, tried: Result<(), String>) -> Check {
    let (text, soft) = limit(c, "Max nice priority");
    let check = match &tried {
        Ok(()) => NICE.ok(format!("nice {NICE_VALUE} was granted")),
        Err(e) => NICE.refused(
            format!("{e}; {text}"),
            format!(
                "setcap cap_sys_nice+ep frameline, or {}",
                c.raise("nice -20", "--cap-add SYS_NICE --ulimit nice=40")
            ),
        ),
    };
    check.figure("granted", tried.is_ok()).figure("limit_soft", soft)
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::super::context::fake;
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn what_is_denied_comes_with_its_limit_and_a_fix() {
        // Catches a refusal that leaves the user without the limit or the line to change it.
        let tree = Tree::with(&[
            ("proc/self/limits", "Max nice priority 0 0\nMax realtime priority 3 5\n"),
            ("proc/sys/kernel/sched_rt_runtime_us", "950000"),
            ("proc/sys/kernel/sched_rt_period_us", "1000000"),
        ]);
        let mut c = fake(&tree);
        let denied = realtime(&c, Err("EPERM".into()));
        assert_eq!(denied.status, Status::Refused);
        assert!(denied.found.contains("EPERM; Max realtime priority 3, at most 5"), "{denied:?}");
        assert!(denied.fix.contains("rtprio 90"), "{denied:?}");
        let granted = realtime(&c, Ok(()));
        assert!(granted.status == Status::Ok && granted.found.contains("50 ms of each 1000 ms"));
        assert_eq!(nice(&c, Ok(())).status, Status::Ok);
        c.platform.container = Some("docker".into());
        let denied = nice(&c, Err("EPERM".into()));
        assert!(denied.status == Status::Refused && denied.fix.contains("--ulimit nice=40"));
    }

    #[test]
    fn trying_ends_with_an_answer() {
        // Catches an attempt that changes this thread, or reports nothing where it is denied.
        let tree = Tree::new();
        for check in checks(&fake(&tree)) {
            assert_eq!(check.status == Status::Ok, check.fix.is_empty(), "{check:?}");
        }
    }
}

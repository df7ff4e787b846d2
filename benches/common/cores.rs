//! Two pinned threads, and the machine in words.

use frameline::agent::{Placement, Urgency, known_cores};
use serde_json::{Value, json};

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

//! From checked tables to the settings that the library takes.

use super::fields::Fields;
use super::schema;
use super::value::list;
use crate::error::Error;
use crate::pipeline::{
    CaptureSettings, Damaged, FaultSettings, LatePolicy, MonitorSettings, PoolSettings,
    ResetSettings,
};
use crate::source::Fill;
use crate::wait::WaitStrategy;

/// `[pool]`.
pub fn pool(f: &Fields) -> PoolSettings {
    PoolSettings {
        slots: f.size("slots"),
        headroom: f.number("headroom").unwrap_or(1.0),
        budget_bytes: f.bytes("budget"),
        lock: f.bool("lock"),
        huge_pages: schema::huge_pages(f.text("huge_pages").unwrap_or_default()),
        guard: f.bool("guard"),
    }
}

/// How a thread waits.
pub fn wait(f: &Fields) -> WaitStrategy {
    f.text("wait").and_then(WaitStrategy::from_name).unwrap_or_default()
}

/// A thread's priority.
pub fn priority(f: &Fields) -> crate::pipeline::Priority {
    f.text("priority").and_then(schema::priority).unwrap_or_default()
}

/// The core asked for, which with `count - 1` more must exist.
pub fn core(f: &Fields, count: usize, cores: &[usize]) -> Result<Option<usize>, Error> {
    let Some(first) = f.size("core") else { return Ok(None) };
    match (first..first + count).find(|c| !cores.contains(c)) {
        None => Ok(Some(first)),
        Some(missing) => {
            let names: Vec<_> = cores.iter().map(usize::to_string).collect();
            let who = if count > 1 { format!(" for its {count} workers") } else { String::new() };
            Err(f.error(
                "core",
                format_args!(
                    "asks{who} for core {missing}, but there are {} cores here: {}",
                    cores.len(),
                    list(names.iter().map(String::as_str))
                ),
            ))
        }
    }
}

/// `[capture]`.
pub fn capture(f: &Fields, cores: &[usize]) -> Result<CaptureSettings, Error> {
    Ok(CaptureSettings {
        core: core(f, 1, cores)?,
        priority: priority(f),
        timeout: f.duration("timeout").unwrap_or_default(),
        wait: wait(f),
        fill: f.text("fill").and_then(Fill::from_name),
        damaged: match f.text("damaged") {
            Some("drop") => Damaged::Drop,
            _ => Damaged::Deliver,
        },
        frames: f.integer("frames"),
        duration: f.duration("duration"),
    })
}

/// `[faults]`.
pub fn faults(f: &Fields) -> FaultSettings {
    let count = |key| f.integer(key).and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX);
    FaultSettings {
        timeouts_before_diagnosis: count("timeouts_before_diagnosis"),
        reconnect_attempts: count("reconnect_attempts"),
        backoff: f.duration("backoff").unwrap_or_default(),
        backoff_max: f.duration("backoff_max").unwrap_or_default(),
        busy_attempts: count("busy_attempts"),
        busy_time: f.duration("busy_time"),
        reconnect_time: f.duration("reconnect_time"),
        reconnects: count("reconnects"),
        resets: count("resets"),
        resets_in_a_row: count("resets_in_a_row"),
        lower_rate: f.number("lower_rate"),
        remap: f.remap("remap"),
    }
}

/// `[reset]`.
pub fn reset(f: &Fields) -> ResetSettings {
    ResetSettings {
        deadline: f.duration("deadline").unwrap_or_default(),
        growth: f.number("growth").unwrap_or(1.0),
        late: match f.text("late") {
            Some("fail") => LatePolicy::Fail,
            _ => LatePolicy::Continue,
        },
    }
}

/// `[monitor]`.
pub fn monitor(f: &Fields) -> MonitorSettings {
    MonitorSettings {
        interval: f.duration("interval").unwrap_or_default(),
        hang_after: f.duration("hang_after").unwrap_or_default(),
        log_repeats: f.duration("log_repeats").unwrap_or_default(),
        warm_up: f.duration("warm_up").unwrap_or_default(),
        log: true,
    }
}

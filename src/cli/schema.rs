//! Every key of a configuration file, except the free keys of `[source]`.

use crate::buffer::{HugePages, PoolConfig};
use crate::pipeline::Priority;
use crate::ring::Policy;
use crate::stages::{Key, KeyType};
use crate::wait::WaitStrategy;

const US: u64 = 1_000;
const MS: u64 = 1_000_000;
const HOUR: u64 = 3_600_000_000_000;

const fn key(
    name: &'static str,
    value: KeyType,
    default: &'static str,
    about: &'static str,
) -> Key {
    Key { name, value, default, about }
}

const fn integer(min: i64, max: i64) -> KeyType {
    KeyType::Integer { min, max }
}

/// The tables and their keys. `[source]` has free keys beside its `uri`.
pub const TABLES: &[(&str, &[Key])] = &[
    ("source", SOURCE),
    ("pool", POOL),
    ("capture", CAPTURE),
    ("faults", FAULTS),
    ("reset", RESET),
    ("monitor", MONITOR),
    ("log", LOG),
    ("report", REPORT),
];

/// Names of [`TABLES`].
pub const TABLE_NAMES: &[&str] =
    &["source", "pool", "capture", "faults", "reset", "monitor", "log", "report"];

/// `[source]`.
pub const SOURCE: &[Key] = &[key(
    "uri",
    KeyType::Text,
    "\"sim:?queue=16\"",
    "where frames come from; every other key of this table becomes a parameter of it",
)];

/// `[pool]`.
pub const POOL: &[Key] = &[
    key(
        "slots",
        integer(1, PoolConfig::MAX_SLOTS as i64),
        "",
        "number of buffers; without it what rings, holders and source need, and two more",
    ),
    key(
        "headroom",
        KeyType::Number { min: 1.0, max: 16.0 },
        "1.25",
        "slot capacity as a factor on the largest payload",
    ),
    key(
        "budget",
        KeyType::Bytes { min: 1, max: 1 << 60 },
        "",
        "touched memory never exceeds this; without it twice what the pool starts with",
    ),
    key("lock", KeyType::Bool, "true", "lock the slots in memory"),
    key(
        "huge_pages",
        KeyType::Choice(&["off", "advise", "explicit"]),
        "\"off\"",
        "ordinary pages, advised huge pages (also without the key in a line that records), or the system's reserved ones",
    ),
    key(
        "guard",
        KeyType::Bool,
        "false",
        "a guard page behind each slot, not canary and moat: a write past the end ends the process on the spot",
    ),
];

const CORE: Key = key("core", integer(0, 65_535), "", "core to pin the thread to");
const WAIT: Key = key(
    "wait",
    KeyType::Choice(&WaitStrategy::NAMES),
    "\"park\"",
    "how the thread waits: burning its core, yielding it, or sleeping after a short spin",
);
const PRIORITY: Key = key(
    "priority",
    KeyType::Form(
        |t| priority(t).is_some(),
        "\"normal\", \"fifo:N\" with N from 1 to 99, or \"nice:N\" with N from -20 to 19",
    ),
    "\"normal\"",
    "priority of the thread",
);

/// `[capture]`.
pub const CAPTURE: &[Key] = &[
    CORE,
    PRIORITY,
    key(
        "timeout",
        KeyType::Duration { min: US, max: HOUR },
        "\"500ms\"",
        "how long one grab may wait for a frame",
    ),
    WAIT,
    key(
        "fill",
        KeyType::Choice(&["copy", "announce", "lend"]),
        "",
        "way of filling buffers; without it the best that the source can",
    ),
    key(
        "damaged",
        KeyType::Choice(&["deliver", "drop"]),
        "\"deliver\"",
        "hand frames that arrive damaged on, so marked, or drop them",
    ),
    key("frames", integer(1, i64::MAX), "", "stop after so many frames were grabbed"),
    key("duration", KeyType::Duration { min: MS, max: 8_760 * HOUR }, "", "stop after this time"),
];

/// Keys of every `[[stage]]`, whatever its kind.
pub const STAGE: &[Key] = &[
    key(
        "name",
        KeyType::Form(
            is_name,
            "letters, digits, _ and -, but not source, caller, capture or end_to_end",
        ),
        "",
        "its name, once in a line",
    ),
    key("kind", KeyType::Choice(super::kinds::NAMES), "", "what it does"),
    key(
        "after",
        KeyType::Text,
        "",
        "the stage it follows, or source; without it the one written before it",
    ),
    CORE,
    PRIORITY,
    key("thread", KeyType::Text, "", "stages in a row with the same thread name share a thread"),
    key("workers", integer(1, 64), "1", "threads that frames are dealt to in turn"),
    key(
        "ring",
        integer(1, 65_536),
        "",
        "depth of the ring before it, before each worker; 4 without it; not with policy = \"latest\", which keeps one frame",
    ),
    key(
        "policy",
        KeyType::Form(
            |t| Policy::from_name(t).is_some(),
            "\"every\", \"refuse\", \"latest\" or \"1-in-N\" with N from 1",
        ),
        "",
        "what a full ring means; without it every where the source can wait, else refuse",
    ),
    WAIT,
    key("holds", integer(0, 65_536), "0", "frames it may keep beyond its turn"),
];

/// `[faults]`.
pub const FAULTS: &[Key] = &[
    key(
        "timeouts_before_diagnosis",
        integer(1, u32::MAX as i64),
        "4",
        "time-outs in a row before the source is asked what it knows",
    ),
    key(
        "reconnect_attempts",
        integer(0, u32::MAX as i64),
        "20",
        "attempts to reopen a lost device, and reconnections in a row without a frame, before the line fails",
    ),
    key(
        "reconnect_time",
        KeyType::Duration { min: MS, max: 8_760 * HOUR },
        "",
        "how long a lost device is looked for in one go; without it only the attempts count",
    ),
    key(
        "reconnects",
        integer(0, u32::MAX as i64),
        "4294967295",
        "reconnections that faults may cause in one run",
    ),
    key(
        "busy_attempts",
        integer(0, u32::MAX as i64),
        "20",
        "attempts in a row while the device is busy, before the line fails",
    ),
    key(
        "busy_time",
        KeyType::Duration { min: MS, max: 8_760 * HOUR },
        "",
        "how long the device may be busy; without it only the attempts count",
    ),
    key(
        "backoff",
        KeyType::Duration { min: 0, max: HOUR },
        "\"100ms\"",
        "pause before the second attempt; doubled with each further one",
    ),
    key(
        "backoff_max",
        KeyType::Duration { min: 0, max: HOUR },
        "\"5s\"",
        "the longest pause between attempts",
    ),
    key(
        "resets",
        integer(0, u32::MAX as i64),
        "4294967295",
        "quiescent resets that faults may cause in one run",
    ),
    key(
        "resets_in_a_row",
        integer(1, u32::MAX as i64),
        "3",
        "quiescent resets with no frame between them before the line reconnects instead",
    ),
    key(
        "lower_rate",
        KeyType::Number { min: 0.1, max: 0.99 },
        "",
        "on an overrun set the camera's rate to this part of what it is; without it the rate is left alone",
    ),
    key("remap", KeyType::Remap, "{}", "codes that mean something else here"),
];

/// `[reset]`.
pub const RESET: &[Key] = &[
    key(
        "deadline",
        KeyType::Duration { min: 0, max: HOUR },
        "\"2s\"",
        "how long rings may drain and frames may be held",
    ),
    key(
        "growth",
        KeyType::Number { min: 1.0, max: 16.0 },
        "1.5",
        "slots that have to grow become at least this factor larger",
    ),
    key(
        "late",
        KeyType::Choice(&["fail", "continue"]),
        "\"continue\"",
        "when the deadline passes: stop, or go on while the old memory lives",
    ),
];

/// `[monitor]`.
pub const MONITOR: &[Key] = &[
    key(
        "interval",
        KeyType::Duration { min: MS, max: HOUR },
        "\"100ms\"",
        "time between two samples of memory and occupancy",
    ),
    key(
        "hang_after",
        KeyType::Duration { min: MS, max: HOUR },
        "\"2s\"",
        "a stage or control call that takes longer is named",
    ),
    key(
        "log_repeats",
        KeyType::Duration { min: MS, max: HOUR },
        "\"1min\"",
        "a fault that keeps coming is logged again, with its count, after this time",
    ),
    key(
        "warm_up",
        KeyType::Duration { min: 0, max: HOUR },
        "\"500ms\"",
        "what happens before this does not count as steady state",
    ),
];

/// `[log]`.
pub const LOG: &[Key] = &[
    key(
        "level",
        KeyType::Choice(&["off", "error", "warn", "info", "debug", "trace"]),
        "\"warn\"",
        "what is logged on stderr",
    ),
    key(
        "format",
        KeyType::Choice(&["full", "compact"]),
        "\"compact\"",
        "on stderr: with time, thread and fields, or sentences alone",
    ),
    key("file", KeyType::Text, "", "file to log to as well; its folder is made"),
    key(
        "file_level",
        KeyType::Choice(&["error", "warn", "info", "debug", "trace"]),
        "\"info\"",
        "what is logged in the file; frameline stats wants info",
    ),
    key(
        "file_format",
        KeyType::Choice(&["text", "json"]),
        "\"text\"",
        "sentences with fields behind them, or one JSON object a line",
    ),
    key(
        "rotation",
        KeyType::Choice(&["never", "size", "hourly", "daily"]),
        "\"size\"",
        "when a new file begins: when this one has log.size bytes, or with each hour or day in UTC, which its name then has",
    ),
    key(
        "size",
        KeyType::Bytes { min: 4 << 10, max: 1 << 50 },
        "\"16MiB\"",
        "bytes of a file, where a new one begins by size",
    ),
    key("keep", integer(1, 10_000), "10", "older files that are kept beside it"),
    key(
        "queue",
        integer(1, 1_000_000),
        "8192",
        "lines that may wait for the disk; those beyond are dropped and counted",
    ),
];

/// `[report]`.
pub const REPORT: &[Key] =
    &[key("dir", KeyType::Text, "", "folder for page, summary, configuration and histograms")];

/// The priority of that name.
pub fn priority(text: &str) -> Option<Priority> {
    if text == "normal" {
        return Some(Priority::Normal);
    }
    match text.split_once(':')? {
        ("fifo", n) => n.parse().ok().filter(|n| (1..=99).contains(n)).map(Priority::Fifo),
        ("nice", n) => n.parse().ok().filter(|n| (-20..=19).contains(n)).map(Priority::Nice),
        _ => None,
    }
}

/// The kind of pages of that name.
pub fn huge_pages(text: &str) -> HugePages {
    match text {
        "advise" => HugePages::Advise,
        "explicit" => HugePages::Explicit,
        _ => HugePages::Off,
    }
}

/// Whether a stage may be called that: no dots (`--set stage.NAME.key`), no reserved words.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !text.is_empty()
        && text.len() <= 64
        && text.chars().all(plain)
        && !["source", "caller", "capture", "end_to_end"].contains(&text)
}

//! Memory for the pools: taken, touched, locked and copied as a line does it.

use super::cgroup;
use super::check::{Check, Topic};
use super::context::{Context, limit_text, megabytes};
use super::trial::{Built, Trial};
use crate::buffer::{HugePages, Pool, PoolConfig};
use crate::cli::units::size;
use crate::clock::Nanos;
use crate::sync::WakeCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

const POOL: Topic = Topic::required(
    "memory",
    "pool",
    "every buffer is taken and touched before the line starts, and never after",
);
const LOCK: Topic = Topic::new(
    "memory",
    "memory_lock",
    "memory that is not locked may be swapped out, and the frame then waits for the disk",
);
const HUGE: Topic = Topic::new(
    "memory",
    "huge_pages",
    "with 2 MiB pages the processor looks up addresses less often (pool.huge_pages)",
);
const COPY: Topic = Topic::required(
    "memory",
    "copy",
    "the camera's data is written and read again at least once; memory must be faster than that",
);

const HUGE_BYTES: usize = 2 << 20;
/// Frames in the copy's two halves: beyond what most caches hold.
const COPY_FRAMES: usize = 6;
/// The camera writes, a copy reads and writes, a stage reads.
const COMFORT: f64 = 3.0;

/// What the trial says about memory.
pub fn checks(c: &Context, trial: &Trial) -> Vec<Check> {
    let free = cgroup::free_memory(&c.roots);
    vec![pool(c, free, trial.built.as_ref()), lock(c, trial.built.as_ref().ok())]
}

fn pool(c: &Context, free: Option<u64>, built: Result<&Built, &String>) -> Check {
    let free_text = free.map_or("unknown".into(), size);
    let check = match built {
        Ok(b) => {
            let speed = b.pool_bytes as f64 / b.took.as_secs_f64().max(1e-9);
            let found = format!(
                "the default line's {} slots take {}, built in {} ({} first touch); {free_text} free",
                b.slots,
                size(b.pool_bytes),
                Nanos::from(b.took),
                megabytes(speed)
            );
            let check = if free.is_some_and(|f| f < b.pool_bytes.saturating_mul(2)) {
                let fix = "leave room for a reset that grows the slots: set pool.budget, or stop other programs";
                POOL.warn(format!("{found}: less than the pools again"), fix)
            } else {
                POOL.ok(found)
            };
            check
                .figure("pool_bytes", b.pool_bytes)
                .figure("slots", b.slots)
                .figure("build_ns", Nanos::from(b.took).0)
        }
        Err(e) => POOL.refused(
            format!("the default line cannot be built with {free_text} free: {e}"),
            match c.platform.container {
                Some(_) => "give the container more memory (--memory), or choose a smaller region, fewer slots",
                None => "stop other programs, or choose a smaller region or fewer slots; where vm.overcommit_memory is 2: sysctl vm.overcommit_memory=0",
            },
        ),
    };
    check.figure("free_bytes", free)
}

fn lock(c: &Context, built: Option<&Built>) -> Check {
    let limit = c.roots.limit("Max locked memory");
    let text = match limit {
        Some((u64::MAX, _)) => "no limit".into(),
        Some((soft, _)) => format!("limit {}", limit_text(soft)),
        None => "limit unknown".to_string(),
    };
    let fix = c.raise("memlock unlimited", "--ulimit memlock=-1");
    let check = match built {
        None => LOCK.unknown(format!("nothing was built that could be locked; {text}"), fix),
        Some(b) if b.locked_bytes >= b.pool_bytes => {
            LOCK.ok(format!("all {} were locked ({text})", size(b.pool_bytes)))
        }
        Some(b) => LOCK.refused(
            format!("{} of {} were locked ({text})", size(b.locked_bytes), size(b.pool_bytes)),
            format!("{fix}; for a systemd unit LimitMEMLOCK=infinity; or set pool.lock = false"),
        ),
    };
    check
        .figure("limit_bytes", limit.map(|l| l.0).filter(|l| *l != u64::MAX))
        .figure("locked_bytes", built.map(|b| b.locked_bytes))
}

/// Huge pages, by asking for some.
pub fn huge_pages(c: &Context) -> Vec<Check> {
    let made = |pages| {
        let config = PoolConfig {
            lock: false,
            headroom: 1.0,
            huge_pages: pages,
            ..PoolConfig::new(1, 2 * HUGE_BYTES)
        };
        Pool::new(config, Arc::new(WakeCell::new())).ok()
    };
    let explicit = made(HugePages::Explicit).is_some_and(|p| p.view().memory().2 > 0);
    let before = anonymous_huge(c);
    let pool = made(HugePages::Advise);
    let advised = anonymous_huge(c).zip(before).map(|(now, then)| now > then);
    drop(pool);
    vec![judge_huge(c, explicit, advised)]
}

/// Bytes of this process that lie on transparent huge pages.
fn anonymous_huge(c: &Context) -> Option<u64> {
    let text = c.roots.field("proc/self/smaps_rollup", "AnonHugePages")?;
    text.split(' ').next()?.parse().ok()
}

fn judge_huge(c: &Context, explicit: bool, advised: Option<bool>) -> Check {
    let setting = c.roots.read("sys/kernel/mm/transparent_hugepage/enabled");
    let chosen = setting.as_deref().and_then(|t| t.split(['[', ']']).nth(1)).unwrap_or("unknown");
    let count =
        |file: &str| c.roots.number(&format!("sys/kernel/mm/hugepages/hugepages-2048kB/{file}"));
    let reserved = count("nr_hugepages").or_else(|| c.roots.number("proc/sys/vm/nr_hugepages"));
    let free = count("free_hugepages").or(reserved);
    let found = format!(
        "transparent: {chosen}{}; reserved: {} pages, {} free",
        match advised {
            Some(true) => ", and advice brought them",
            Some(false) => ", and advice brought none",
            None => "",
        },
        reserved.map_or("unknown".into(), |n| n.to_string()),
        free.map_or("unknown".into(), |n| n.to_string()),
    );
    let slot = c.need.payload_bytes as usize * 5 / 4;
    let pages = (slot.div_ceil(HUGE_BYTES) + 1) * 24;
    let reserve = format!(
        "sysctl -w vm.nr_hugepages={pages} for 24 slots, and pool.huge_pages = \"explicit\""
    );
    let check = if explicit || advised == Some(true) {
        HUGE.ok(found)
    } else if chosen == "never" {
        HUGE.refused(
            found,
            format!("echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, or {reserve}"),
        )
    } else if advised == Some(false) {
        HUGE.warn(
            found,
            format!("memory may be in pieces: echo 1 > /proc/sys/vm/compact_memory, or {reserve}"),
        )
    } else {
        HUGE.unknown(found, reserve)
    };
    check
        .figure("transparent", chosen)
        .figure("reserved_pages", reserved)
        .figure("free_pages", free)
        .figure("explicit_granted", explicit)
        .figure("advice_granted", advised)
}

/// How fast frames are copied.
pub fn copy(c: &Context) -> Vec<Check> {
    vec![judge_copy(c, measure_copy(c))]
}

/// What copying frames came to, in bytes a second.
#[derive(Debug, Clone, Copy)]
struct Copied {
    median: f64,
    worst: f64,
}

/// `None` where there is no room for it.
fn measure_copy(c: &Context) -> Option<Copied> {
    let frame = usize::try_from(c.need.payload_bytes).ok()?;
    let half = frame.checked_mul(COPY_FRAMES)?;
    if cgroup::free_memory(&c.roots).is_some_and(|free| free / 4 < half as u64 * 2) {
        return None;
    }
    let from = vec![0x5A_u8; half];
    let mut to = vec![0xA5_u8; half];
    let limit = c.at_most(Duration::from_millis(500));
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < COPY_FRAMES || begun.elapsed() < limit {
        let i = (times.len() % COPY_FRAMES) * frame;
        let copying = Instant::now();
        to[i..i + frame].copy_from_slice(std::hint::black_box(&from[i..i + frame]));
        std::hint::black_box(&mut to);
        times.push(copying.elapsed().as_secs_f64().max(1e-9));
    }
    times.sort_by(f64::total_cmp);
    let speed = |t: f64| frame as f64 / t;
    Some(Copied { median: speed(times[times.len() / 2]), worst: speed(times[times.len() - 1]) })
}

fn judge_copy(c: &Context, copied: Option<Copied>) -> Check {
    let Some(copied) = copied else {
        let fix = "free some memory: stop other programs, or give the container more";
        return COPY.refused("there is not enough free memory to copy a few frames", fix);
    };
    let need = c.need.rate;
    let frames = copied.median / c.need.payload_bytes as f64;
    let found = format!(
        "one thread copies {} ({frames:.0} frames/s), slowest frame {}; the camera sends {}",
        megabytes(copied.median),
        megabytes(copied.worst),
        megabytes(need)
    );
    let fix = format!(
        "lower rate or region to {} at most, let the source lend (capture.fill = \"lend\"), fill every memory channel of the machine, stop what else uses the memory",
        megabytes(copied.median / COMFORT)
    );
    let check = if copied.median < need {
        COPY.refused(found, fix)
    } else if copied.median < need * COMFORT {
        COPY.warn(found, fix)
    } else {
        COPY.ok(found)
    };
    check.figure("bytes_per_second", copied.median).figure("needed_bytes_per_second", need)
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::super::context::fake;
    use super::super::fake::Tree;
    use super::*;

    fn built(locked_bytes: u64) -> Built {
        Built { slots: 24, pool_bytes: 1000, locked_bytes, took: Duration::from_millis(1) }
    }

    #[test]
    fn the_pool_is_held_against_free_memory() {
        // aravis#742: memory must be checked against the payload at start.
        let tree = Tree::new();
        let c = fake(&tree);
        assert_eq!(pool(&c, Some(5000), Ok(&built(0))).status, Status::Ok);
        assert_eq!(pool(&c, None, Ok(&built(0))).status, Status::Ok);
        assert_eq!(pool(&c, Some(1500), Ok(&built(0))).status, Status::Warn);
        let no = pool(&c, Some(10), Err(&"too little".into()));
        assert!(no.status == Status::Refused && no.required && no.found.contains("too little"));
    }

    #[test]
    fn a_lock_that_is_denied_is_told_with_its_limit() {
        // Catches a half-locked pool that passes for locked.
        let tree = Tree::with(&[("proc/self/limits", "Max locked memory 8388608 8388608 bytes\n")]);
        let c = fake(&tree);
        assert_eq!(lock(&c, Some(&built(1000))).status, Status::Ok);
        let denied = lock(&c, Some(&built(500)));
        assert!(
            denied.status == Status::Refused && denied.found.contains("limit 8 MiB"),
            "{denied:?}"
        );
        assert!(denied.fix.contains("memlock unlimited"), "{denied:?}");
        assert_eq!(lock(&c, None).status, Status::Unknown);
    }

    #[test]
    fn huge_pages_by_setting_and_by_trying() {
        // Catches a setting that says yes while the system gives none, and the reverse.
        let of = |setting: &str, explicit, advised| {
            let tree = Tree::with(&[("sys/kernel/mm/transparent_hugepage/enabled", setting)]);
            judge_huge(&fake(&tree), explicit, advised).status
        };
        assert_eq!(of("always [madvise] never", false, Some(true)), Status::Ok);
        assert_eq!(of("always madvise [never]", true, Some(false)), Status::Ok);
        assert_eq!(of("always madvise [never]", false, Some(false)), Status::Refused);
        assert_eq!(of("[always] madvise never", false, Some(false)), Status::Warn);
        assert_eq!(of("[always] madvise never", false, None), Status::Unknown);
        let tree = Tree::new();
        assert_eq!(huge_pages(&fake(&tree)).len(), 1);
    }

    #[test]
    fn copying_is_held_against_the_camera() {
        // Catches a comparison of bytes with frames, or the wrong way round.
        let tree = Tree::new();
        let c = fake(&tree);
        let at = |median| judge_copy(&c, Some(Copied { median, worst: median })).status;
        assert_eq!((at(1e10), at(1e9), at(4e8)), (Status::Ok, Status::Warn, Status::Refused));
        let measured = measure_copy(&c).unwrap();
        assert!(measured.worst <= measured.median && measured.worst > 0.0);
        tree.file("proc/meminfo", "MemAvailable: 1000 kB");
        assert!(measure_copy(&c).is_none());
        assert_eq!(judge_copy(&c, None).status, Status::Refused);
    }
}

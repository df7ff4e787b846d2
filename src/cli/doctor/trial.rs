//! The default line, built as `frameline run` builds it, and run for a moment.

use super::cgroup;
use super::check::{Check, Topic};
use super::context::Context;
use crate::cli::args::RunArgs;
use crate::cli::{resolve, run};
use crate::clock::Nanos;
use crate::pipeline::{FrameCounts, Snapshot};
use crate::words::counted;
use std::time::{Duration, Instant};

const LINE: Topic = Topic::new(
    "line",
    "default_line",
    "the whole of it: what the simulated 5-megapixel line does on this machine",
);

/// With more free memory than this, the line is built as configured; with less, it gets a budget, so that what
/// does not fit is refused and not killed.
const PLENTY_BYTES: u64 = 4 << 30;
/// So much of the free memory it may take.
const SHARE: u64 = 8;
/// How long it runs at most.
const LONGEST: Duration = Duration::from_secs(1);
/// Bound of the start.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bound of the end: what is not through by then is no line that keeps up.
const DRAIN: Duration = Duration::from_secs(1);

/// The line's memory.
#[derive(Debug, Clone)]
pub struct Built {
    /// Slots of the source's pool.
    pub slots: usize,
    /// Touched bytes of all pools.
    pub pool_bytes: u64,
    /// Of these, locked.
    pub locked_bytes: u64,
    /// From nothing to a line that is ready to start.
    pub took: Duration,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Its memory, or why it could not be built.
    pub built: Result<Built, String>,
    /// How it ran, or why it did not.
    pub ran: Result<Box<Snapshot>, String>,
}

/// Builds the default line and runs it.
pub fn run(c: &Context) -> Trial {
    let attempt = || {
        let mut job = resolve::job(&RunArgs::default(), &c.cores)?;
        if let Some(free) = cgroup::free_memory(&c.roots).filter(|f| *f < PLENTY_BYTES) {
            let budget = usize::try_from(free / 10 * SHARE).unwrap_or(usize::MAX);
            job.line.pool.budget_bytes.get_or_insert(budget);
        }
        let begun = Instant::now();
        let line = run::builder(&job, &Default::default())?.arm()?;
        Ok::<_, crate::error::Error>((line, begun.elapsed()))
    };
    let (mut line, took) = match attempt() {
        Ok(built) => built,
        Err(e) => return Trial { built: Err(e.to_string()), ran: Err(e.to_string()) },
    };
    let s = line.snapshot();
    let built = Built {
        slots: s.slots,
        pool_bytes: s.memory.pool_bytes,
        locked_bytes: s.memory.locked_bytes,
        took,
    };
    let ran = match line.handle().start(PATIENCE) {
        Ok(()) => {
            line.wait(c.at_most(LONGEST));
            Ok(Box::new(line.stop(DRAIN)))
        }
        Err(e) => {
            line.abort();
            Err(e.to_string())
        }
    };
    Trial { built: Ok(built), ran }
}

/// How it ran.
pub fn check(trial: &Trial) -> Check {
    match &trial.ran {
        Err(e) => {
            LINE.refused(format!("it did not run: {e}"), "see pool; frameline run tells more")
        }
        Ok(s) => {
            let tail = s.end_to_end.quantile(0.99);
            judge(&s.frames, s.elapsed, tail, s.failure.as_deref())
        }
    }
}

fn judge(f: &FrameCounts, elapsed: Nanos, p99: Nanos, failure: Option<&str>) -> Check {
    let seconds = elapsed.0.max(1) as f64 / 1e9;
    let lost = f.grabbed.saturating_sub(f.delivered);
    let found = format!(
        "{} of {} delivered in {seconds:.1} s ({:.0} frames/s), end to end p99 {p99}",
        f.delivered,
        counted(f.grabbed, "frame"),
        f.delivered as f64 / seconds,
    );
    let check = if let Some(e) = failure {
        LINE.refused(format!("it failed: {e}"), "frameline run tells more")
    } else if f.delivered == 0 {
        LINE.refused(
            found,
            "see cores, copy and build; frameline run --source 'sim:?rate=20' is a lighter line",
        )
    } else if lost > 0 {
        LINE.warn(
            format!("{found}; {lost} lost"),
            "see hiccups, cores and build; a deeper queue (sim:?queue=32 and stage.NAME.ring) outlasts longer stalls, a lower rate asks less",
        )
    } else {
        LINE.ok(found)
    };
    check
        .figure("grabbed", f.grabbed)
        .figure("delivered", f.delivered)
        .figure("end_to_end_p99_ns", p99.0)
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::super::context::fake;
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn lost_frames_and_failures_are_told() {
        // Catches a machine that loses frames and is called fit.
        let of = |grabbed, delivered, failure| {
            let f = FrameCounts { grabbed, delivered, ..FrameCounts::default() };
            judge(&f, Nanos(1_000_000_000), Nanos(5), failure).status
        };
        assert_eq!((of(100, 100, None), of(100, 99, None)), (Status::Ok, Status::Warn));
        assert_eq!((of(0, 0, None), of(9, 9, Some("why"))), (Status::Refused, Status::Refused));
    }

    #[test]
    fn what_does_not_fit_is_refused_before_it_is_touched() {
        // Catches a doctor that is killed for the memory it tries.
        let tree = Tree::with(&[("proc/meminfo", "MemAvailable: 20000 kB\n")]);
        let trial = run(&fake(&tree));
        let why = trial.built.unwrap_err();
        assert!(why.contains("bytes"), "{why}");
        assert_eq!(
            check(&Trial { built: Err(why.clone()), ran: Err(why) }).status,
            Status::Refused
        );
    }
}

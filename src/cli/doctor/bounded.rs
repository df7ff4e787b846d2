//! Work with a bound: whatever hangs or fails costs its own answer only.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// Who waits says so this often. Not more often than it must be: it takes a core from what is measured.
const TICK: Duration = Duration::from_secs(1);

/// Runs `work` on a thread of its own and waits for it at most `bound`, calling `tick` with the time that has gone
/// by. A thread that hangs is left behind; it ends with the program. `Err` is what to tell.
pub fn bounded<T: Send + 'static>(
    bound: Duration,
    mut tick: impl FnMut(Duration),
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let begun = Instant::now();
    tick(Duration::ZERO);
    let (tx, rx) = sync_channel(1);
    std::thread::Builder::new()
        .name("fl-doctor".into())
        .spawn(move || {
            let _ = tx.send(work()); // Nobody waits any more.
        })
        .map_err(|e| format!("no thread could be started for it: {e}"))?;
    loop {
        let left = bound.saturating_sub(begun.elapsed());
        match rx.recv_timeout(left.min(TICK)) {
            Ok(found) => return Ok(found),
            Err(RecvTimeoutError::Disconnected) => {
                return Err("it failed by a fault of its own".into());
            }
            Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                return Err(format!("it did not answer within {} s", bound.as_secs_f64()));
            }
            Err(RecvTimeoutError::Timeout) => tick(begun.elapsed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_or_fails_is_told_and_survived() {
        // Catches a doctor that hangs with a dead network disk, or dies of one probe.
        let (long, quiet) = (Duration::from_secs(60), |_| {});
        assert_eq!(bounded(long, quiet, || 7), Ok(7));
        let (keep, wait) = sync_channel::<()>(0);
        let hangs = bounded(Duration::from_millis(1), quiet, move || wait.recv().is_ok());
        assert!(hangs.is_err_and(|e| e.contains("did not answer")));
        drop(keep);
        let fails = bounded(long, quiet, || -> u8 { std::panic::resume_unwind(Box::new(())) });
        assert!(fails.is_err_and(|e| e.contains("fault")));
    }
}

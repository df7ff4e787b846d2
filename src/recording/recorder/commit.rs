//! The thread that commits what was written, in the order of the frames.
//!
//! A commit goes through the page cache. The file system lets it begin only when no direct write to the file is in flight, and
//! lets no other begin meanwhile: a writer that committed its own frame would wait for the other's payload, both would
//! then make a checksum at the same time, and the disk would have nothing to do. So this thread waits in their place, at
//! once where nothing is in flight, else for several frames together.

use super::state::{Flight, Shared, State, lock};
use super::work::failed;
use crate::recording::format::ENTRY_BYTES;
use crate::recording::segment::SegmentFile;
use crate::sync::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// A frame that is written waits no longer for others, while payloads are in flight.
const GATHER: Duration = Duration::from_millis(10);
/// How often it looks where no writer has news.
const LOOK: Duration = Duration::from_millis(100);

/// Its whole life: until the stage is gone and everything is committed.
pub(super) fn commit_all(shared: &Shared) {
    let mut entries: Vec<u8> = Vec::new();
    let mut state = lock(&shared.state);
    loop {
        let wait = due_in(&state);
        if wait.is_zero() {
            while let Some(run) = next_run(&mut state, &mut entries) {
                // The state is free while the entries are written.
                drop(state);
                commit_run(shared, run, &entries);
                state = lock(&shared.state);
            }
            state.since = None;
            continue;
        }
        if is_over(&state) {
            return;
        }
        let woken = shared.news.wait_timeout(state, wait);
        state = woken.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Whether the stage is gone and no frame is left that it handed over.
fn is_over(state: &State) -> bool {
    state.ring.is_abandoned() && state.ring.is_empty() && state.flights.is_empty()
}

/// How long what is written at the front may still wait for its commit.
fn due_in(state: &State) -> Duration {
    if !matches!(state.flights.front(), Some(Flight { done: Some(_), .. })) {
        return LOOK;
    }
    if state.flights.iter().all(|f| f.done.is_some()) {
        return Duration::ZERO;
    }
    state.since.map_or(Duration::ZERO, |since| GATHER.saturating_sub(since.elapsed()))
}

/// Frames of one file that are written, or one that could not be.
#[derive(Debug)]
struct Run {
    file: Arc<SegmentFile>,
    first: u64,
    frames: u64,
}

/// Takes what is written at the front; the entries go to `entries`, which stays empty if the frame is lost.
fn next_run(state: &mut State, entries: &mut Vec<u8>) -> Option<Run> {
    entries.clear();
    let Some(Flight { done: Some(done), file, n, .. }) = state.flights.front() else { return None };
    let mut run = Run { file: file.clone(), first: *n, frames: 1 };
    if done.is_err() {
        state.flights.pop_front();
        return Some(run);
    }
    while let Some(Flight { done: Some(Ok(entry)), file, .. }) = state.flights.front()
        && Arc::ptr_eq(file, &run.file)
    {
        entries.extend_from_slice(entry);
        state.flights.pop_front();
    }
    run.frames = entries.len() as u64 / ENTRY_BYTES;
    Some(run)
}

fn commit_run(shared: &Shared, run: Run, entries: &[u8]) {
    let Run { file, first, frames } = run;
    let (committed, wrote) = match entries {
        [] => (0, Ok(())), // What was wrong has been told.
        _ => file.commit(first, entries),
    };
    let lost = frames - committed;
    let mut state = lock(&shared.state);
    if let Some(open) = state.open.iter_mut().find(|o| Arc::ptr_eq(&o.file, &file)) {
        open.pending -= frames;
        if committed > 0 {
            open.committed = first + committed;
        }
    }
    shared.frames.fetch_add(committed, Ordering::Relaxed);
    shared.not_written.fetch_add(lost, Ordering::Relaxed);
    state.not_written = state.not_written.saturating_add(lost as u32);
    if let Err(e) = wrote {
        failed(shared, &mut state, &file, e);
    }
    drop(state);
    shared.done.fetch_add(frames, Ordering::Release); // PAIR: recorded
}

#[cfg(test)]
#[path = "commit_tests.rs"]
pub(super) mod tests;

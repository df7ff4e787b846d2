//! The thread that looks after a recording's files: the next segment ahead of need, events, durability points, closing,
//! and what is not to be kept.

use super::events::{place_event, place_events, write_events};
use super::keep::{Closed, Keep};
use super::state::{Open, Shared, lock};
use crate::clock::HostTime;
use crate::recording::chain::segment_path;
use crate::recording::format::{Closing, End, Event, EventKind};
use crate::sync::Ordering;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(5);
/// Pause after a segment that could not be made ahead: another program may want what is left of the disk.
const NEXT_TRY: Duration = Duration::from_secs(1);

/// Its whole life: until the stage is gone, everything is written, and the last file is closed.
pub(super) fn keep_files(shared: &Shared) {
    let mut synced = Instant::now();
    loop {
        let (events, over) = {
            let mut state = lock(&shared.state);
            let events = place_events(shared, &mut state, false);
            let is_written = state.open.iter().all(|o| o.pending == 0);
            (events, state.ring.is_abandoned() && state.ring.is_empty() && is_written)
        };
        write_events(shared, events, None);
        close_full(shared, over);
        if over {
            finish(shared);
            shared.ended.store(true, Ordering::Release);
            return;
        }
        prepare_next(shared);
        let every = shared.settings.sync;
        if !every.is_zero() && synced.elapsed() >= every {
            let file = lock(&shared.state).open.back().map(|o| o.file.clone());
            if let Some(file) = file
                && let Err(e) = file.sync()
            {
                let path = file.path().display().to_string();
                lock(&shared.state).fail(End::WriteError, format!("{path} cannot be written: {e}"));
                shared.failed.store(true, Ordering::Release);
            }
            synced = Instant::now();
        }
        std::thread::park_timeout(LOOK);
    }
}

/// Makes the next segment once half of the present one is used.
fn prepare_next(shared: &Shared) {
    let (bytes, placed) = {
        let mut state = lock(&shared.state);
        let Some(present) = state.open.back() else { return };
        let layout = present.file.header().layout;
        let by_time = shared.settings.segment_time.or(shared.settings.keep.segment_time());
        let age = present.times.first().zip(present.times.last()).map_or(0, |(a, b)| b - a);
        let half = present.placed * 2 >= layout.frame_capacity
            || by_time.is_some_and(|t| u128::from(age) * 2 >= t.as_nanos());
        let enough = shared
            .settings
            .rule
            .frames
            .is_some_and(|n| state.placed + (layout.frame_capacity - present.placed) >= n)
            && by_time.is_none();
        let too_early = state.prepare_after.is_some_and(|t| Instant::now() < t);
        if state.next.is_some() || state.failure.is_some() || !half || enough || too_early {
            return;
        }
        let after = state.placed + (layout.frame_capacity - present.placed);
        state.preparing = true;
        (layout.payload_capacity, if by_time.is_some() { state.placed } else { after })
    };
    let made = shared.open_next(bytes, placed);
    if let Ok(next) = &made {
        // A power cut must not leave a segment without a header; a file system that cannot has no power cuts to fear.
        let _ = next.sync_name();
    }
    let mut state = lock(&shared.state);
    state.preparing = false;
    // A failure is told when the segment is needed, which may never be.
    state.prepare_after = made.is_err().then(|| Instant::now() + NEXT_TRY);
    state.next = made.ok();
}

/// Closes the segments that are followed by another, and removes what need not stay.
fn close_full(shared: &Shared, over: bool) {
    loop {
        let (events, full) = {
            let mut state = lock(&shared.state);
            // The next one may have begun a moment ago: what belongs into this one is placed first.
            let events = place_events(shared, &mut state, false);
            let followed = state.open.len() > 1;
            let is_full = state.open.front().is_some_and(|o| followed && o.pending == 0);
            (events, if is_full { state.open.pop_front() } else { None })
        };
        let Some(mut open) = full else {
            write_events(shared, events, None);
            break;
        };
        write_events(shared, events, Some(&mut open));
        close(shared, open, End::Continued, 0);
    }
    expire(shared, over && lock(&shared.state).open.is_empty());
}

fn close(shared: &Shared, open: Open, end: End, not_written: u64) {
    let (first, last) = match (open.times.first(), open.times.last()) {
        (Some(first), Some(last)) => (HostTime(*first), HostTime(*last)),
        // One look: the lock is held until the arm's end.
        _ => {
            let newest = lock(&shared.state).newest;
            (newest, newest)
        }
    };
    let closing = Closing {
        frames: open.committed,
        events: open.events,
        not_written: open.not_written + not_written,
        host_time: last,
        end,
    };
    let path = open.file.path().to_path_buf();
    let closed = open.file.close(&closing);
    let mut state = lock(&shared.state);
    if let Err(e) = closed {
        state.fail(End::WriteError, format!("{} cannot be closed: {e}", path.display()));
        shared.failed.store(true, Ordering::Release);
        shared.write_errors.fetch_add(1, Ordering::Relaxed);
    }
    state.shelf.closed.push(Closed { path, frames: open.committed, first, last });
}

fn expire(shared: &Shared, end: bool) {
    let gone = {
        let mut state = lock(&shared.state);
        let newest = state.newest;
        state.shelf.take_expired(&shared.settings.keep, newest, end)
    };
    for segment in gone {
        match std::fs::remove_file(&segment.path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                // Tried again with every look: a ring must not grow for a folder that was locked for a moment.
                lock(&shared.state).shelf.closed.insert(0, segment);
            }
            _ => {
                shared.removed.fetch_add(1, Ordering::Relaxed);
                shared.removed_frames.fetch_add(segment.frames, Ordering::Relaxed);
            }
        }
    }
}

/// The last file: what was not written at the end stands in it, it is closed, and the recording gets its name.
fn finish(shared: &Shared) {
    let events = place_events(shared, &mut lock(&shared.state), true);
    write_events(shared, events, None);
    let (open, next, end, not_written, newest) = {
        let mut state = lock(&shared.state);
        let not_written = u64::from(std::mem::take(&mut state.not_written));
        let end = state.failure.as_ref().map_or(End::Finished, |(end, _)| *end);
        (state.open.pop_front(), state.next.take(), end, not_written, state.newest)
    };
    if let Some(next) = next {
        shared.undo(next);
    }
    if !shared.begun.load(Ordering::Acquire) {
        // The line never ran: nothing is left of the attempt.
        if let Some(open) = open {
            shared.undo(Arc::into_inner(open.file).expect("nobody writes any more"));
        }
        return;
    }
    if let Some(mut open) = open {
        if not_written > 0 {
            let event = Event {
                kind: EventKind::NotWritten,
                before_frame: open.committed,
                host_time: newest,
                code: 0,
                class: None,
                detail: 0,
                count: not_written,
            };
            match place_event(&mut open, &event) {
                Some(event) => write_events(shared, vec![event], Some(&mut open)),
                None => drop(shared.events_dropped.fetch_add(1, Ordering::Relaxed)),
            }
        }
        close(shared, open, end, not_written);
    }
    expire(shared, true);
    // Whoever opens the recording by its name finds the oldest of what was kept.
    let state = lock(&shared.state);
    let base = segment_path(&shared.settings.path, 0);
    if shared.settings.keep != Keep::All
        && let Some(oldest) = state.shelf.oldest()
        && !base.exists()
    {
        let _ = std::fs::rename(oldest, base);
    }
}

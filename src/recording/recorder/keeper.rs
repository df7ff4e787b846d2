//! The thread that looks after a recording's files: the next segment ahead of need, events, durability points, closing,
//! and what is not to be kept.

use super::keep::{Closed, Keep};
use super::state::{Open, Shared, State, lock};
use crate::clock::{Clock, HostTime, Nanos};
use crate::recording::chain::segment_path;
use crate::recording::format::{Closing, End, Event, EventKind};
use crate::sync::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(5);
/// How soon the next segment is tried again when there was no room for it.
const RETRY: Duration = Duration::from_secs(1);
/// An event is written without a later frame when nothing is under way and it is so old: no frame that came before it
/// still comes.
const SETTLED: Nanos = Nanos(500_000_000);

/// Its whole life: until the stage is gone, everything is written, and the last file is closed.
pub(super) fn keep_files(shared: &Shared) {
    let mut synced = Instant::now();
    let mut retry = None;
    loop {
        let over = {
            let mut state = lock(&shared.state);
            place_events(shared, &mut state, false);
            state.is_idle() && state.ring.is_abandoned()
        };
        close_full(shared, over);
        if over {
            finish(shared);
            shared.ended.store(true, Ordering::Release);
            return;
        }
        prepare_next(shared, &mut retry);
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

/// Writes the events that no frame can come before any more; at the end all of them.
fn place_events(shared: &Shared, state: &mut State, end: bool) {
    shared.take_told(state);
    let settled = state.is_idle().then(|| Clock::host().now());
    let State { waiting, open, newest, .. } = state;
    let Some(present) = open.back_mut() else { return };
    while let Some(event) = waiting.front() {
        let old = settled.is_some_and(|now| now - event.host_time >= SETTLED);
        if !end && !old && event.host_time >= *newest {
            return; // Frames that came before it may still be under way.
        }
        let before = present.times.partition_point(|t| *t < event.host_time.0) as u64;
        let event = Event { before_frame: before, ..*event };
        // What happens again and again with no frame between is one event: a night without triggers must not fill the
        // file.
        let same = present.last_event.filter(|last| last.is_again(&event));
        let (k, event) = match same {
            Some(last) => {
                let count = last.count.max(1).saturating_add(event.count.max(1));
                (present.events - 1, Event { count, ..last })
            }
            None => (present.events, event),
        };
        if k == present.file.header().layout.event_capacity {
            if !end {
                return; // The next segment begins with the next frame.
            }
            shared.events_dropped.fetch_add(waiting.len() as u64, Ordering::Relaxed);
            waiting.clear();
            return;
        }
        waiting.pop_front();
        match present.file.put_event(k, &event) {
            Ok(()) => {
                shared.events.fetch_add(u64::from(same.is_none()), Ordering::Relaxed);
                (present.events, present.last_event) = (k + 1, Some(event));
            }
            Err(_) => drop(shared.events_dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

/// Makes the next segment once half of the present one is used. A disk without room is asked again after a while, at
/// `retry`: each attempt takes for a moment what others need.
fn prepare_next(shared: &Shared, retry: &mut Option<Instant>) {
    if retry.is_some_and(|at| Instant::now() < at) {
        return;
    }
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
        if state.next.is_some() || state.failure.is_some() || !half || enough {
            return;
        }
        let after = state.placed + (layout.frame_capacity - present.placed);
        state.preparing = true;
        (layout.payload_capacity, if by_time.is_some() { state.placed } else { after })
    };
    let made = shared.open_next(bytes, placed);
    match &made {
        // A power cut must not leave a segment without a header.
        Ok(next) => drop(next.sync_name()),
        Err(_) => *retry = Some(Instant::now() + RETRY),
    }
    let mut state = lock(&shared.state);
    state.preparing = false;
    // A failure is told when the segment is needed, which may never be.
    state.next = made.ok();
}

/// Closes the segments that are followed by another, and removes what need not stay.
fn close_full(shared: &Shared, over: bool) {
    loop {
        let open = {
            let mut state = lock(&shared.state);
            let followed = state.open.len() > 1;
            match state.open.front() {
                Some(front) if followed && front.pending == 0 => state.open.pop_front(),
                _ => break,
            }
        };
        if let Some(open) = open {
            close(shared, open, End::Continued, 0);
        }
    }
    expire(shared, over && lock(&shared.state).open.is_empty());
}

fn close(shared: &Shared, open: Open, end: End, not_written: u64) {
    let newest = lock(&shared.state).newest;
    let (first, last) = match (open.times.first(), open.times.last()) {
        (Some(first), Some(last)) => (HostTime(*first), HostTime(*last)),
        _ => (newest, newest), // A segment without a frame.
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
    state.shelf.closed.push(Closed { path, frames: open.committed, first, last, kept: false });
}

fn expire(shared: &Shared, end: bool) {
    let gone = {
        let mut state = lock(&shared.state);
        let newest = state.newest;
        state.shelf.take_expired(&shared.settings.keep, newest, end)
    };
    for segment in gone {
        match std::fs::remove_file(&segment.path) {
            Ok(()) => {
                shared.removed.fetch_add(1, Ordering::Relaxed);
                shared.removed_frames.fetch_add(segment.frames, Ordering::Relaxed);
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            // Tried again: a ring that only grows would fill the disk.
            Err(_) => lock(&shared.state).shelf.closed.push(segment),
        }
    }
}

/// The last file: what was not written at the end stands in it, it is closed, and the recording gets its name.
fn finish(shared: &Shared) {
    let (open, next, end, not_written, newest) = {
        let mut state = lock(&shared.state);
        place_events(shared, &mut state, true);
        let not_written = u64::from(std::mem::take(&mut state.missed).not_written);
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
            let room = open.events < open.file.header().layout.event_capacity;
            if room && open.file.put_event(open.events, &event).is_ok() {
                open.events += 1;
                shared.events.fetch_add(1, Ordering::Relaxed);
            }
        }
        close(shared, open, end, not_written);
    }
    expire(shared, true);
    // Whoever opens the recording by its name finds the oldest of what was kept.
    let state = lock(&shared.state);
    let base = segment_path(&shared.settings.path, 0);
    if shared.settings.keep != Keep::All
        && let Some(oldest) = state.shelf.closed.first()
        && !base.exists()
    {
        let _ = std::fs::rename(&oldest.path, base);
    }
}

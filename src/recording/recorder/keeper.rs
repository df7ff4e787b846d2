//! The thread that looks after a recording's files: the next segment ahead of need, events, durability points, closing,
//! and what is not to be kept.

use super::keep::{Closed, Keep};
use super::state::{Open, Shared, State, lock};
use crate::clock::HostTime;
use crate::recording::chain::segment_path;
use crate::recording::format::{Closing, End, Event, EventKind};
use crate::sync::Ordering;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(5);
/// An event that no frame follows for so long is written all the same: it may be the last there is to tell. A frame that
/// came before it and is still on its way through the line then stands behind it.
const SETTLED: Duration = Duration::from_secs(1);
/// So many events that are the same in a row are written one by one; what follows is counted in the last of them.
const SAME_IN_A_ROW: u32 = 16;
/// Pause after a segment that could not be made ahead: another program may want what is left of the disk.
const NEXT_TRY: Duration = Duration::from_secs(1);

/// Its whole life: until the stage is gone, everything is written, and the last file is closed.
pub(super) fn keep_files(shared: &Shared) {
    let mut synced = Instant::now();
    loop {
        let over = {
            let mut state = lock(&shared.state);
            place_events(shared, &mut state, false);
            let is_written = state.open.iter().all(|o| o.pending == 0);
            state.ring.is_abandoned() && state.ring.is_empty() && is_written
        };
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

/// Writes the events that no frame can come before any more; at the end all of them.
fn place_events(shared: &Shared, state: &mut State, end: bool) {
    shared.take_told(state);
    let is_idle = state.ring.is_empty() && state.open.iter().all(|o| o.pending == 0);
    while let Some((event, told)) = state.waiting.front() {
        let is_settled = is_idle && told.elapsed() >= SETTLED;
        if !end && !is_settled && event.host_time >= state.newest {
            return; // Frames that came before it may still be under way.
        }
        let has_room = |o: &Open| o.events < o.file.header().layout.event_capacity;
        let open: Vec<_> = state.open.iter().map(|o| (o.times.as_slice(), has_room(o))).collect();
        let place = segment_of(&open, event.host_time.0, shared.settings.keep.looks_back());
        let Some(present) = state.open.get_mut(place) else { break };
        match put_event(present, event) {
            Ok(true) => drop(shared.events.fetch_add(1, Ordering::Relaxed)),
            Ok(false) => {}
            Err(None) if !end => return, // The next segment begins with the next frame.
            Err(why) => {
                shared.events_dropped.fetch_add(1, Ordering::Relaxed);
                if let Some(e) = why {
                    shared.write_errors.fetch_add(1, Ordering::Relaxed);
                    let path = present.file.path().display().to_string();
                    state.fail(End::WriteError, format!("{path} cannot be written: {e}"));
                    shared.failed.store(true, Ordering::Release);
                }
            }
        }
        state.waiting.pop_front();
    }
}

/// The open segment that an event at `t` belongs to, by the times of the frames of each and whether it has room. Several are open
/// where the disk is slow, or this thread has not come to its turn. What came before the first frame of one stands at the end
/// of the one before, with the frames that led to it, of which a recording of events may keep nothing more.
fn segment_of(open: &[(&[u64], bool)], t: u64, looks_back: bool) -> usize {
    let last = open.len().saturating_sub(1);
    let ends_later = |(times, _): &(&[u64], bool)| times.last().is_some_and(|end| t <= *end);
    let mut place = open.iter().position(ends_later).unwrap_or(last);
    if looks_back && place > 0 && open[place].0.first().is_none_or(|first| t < *first) {
        place -= 1;
    }
    (place..last).find(|n| open[*n].1).unwrap_or(last)
}

/// Gives `event` its place in `open`; `false`: it is counted in the one before. `Err(None)`: there is no room.
fn put_event(open: &mut Open, event: &Event) -> Result<bool, Option<io::Error>> {
    let before_frame = open.times.partition_point(|t| *t < event.host_time.0) as u64;
    let event = Event { before_frame, ..*event };
    let is_same = |last: &Event| {
        event.kind == EventKind::Fault
            && Event { host_time: event.host_time, count: event.count, ..*last } == event
    };
    let in_a_row = match open.last_event {
        Some((last, n)) if is_same(&last) && n >= SAME_IN_A_ROW => {
            // A night without triggers is a time-out every half second.
            let event = Event { count: last.count.saturating_add(event.count), ..last };
            open.file.put_event(open.events - 1, &event)?;
            open.last_event = Some((event, n));
            return Ok(false);
        }
        Some((last, n)) if is_same(&last) => n + 1,
        _ => 1,
    };
    if open.events == open.file.header().layout.event_capacity {
        return Err(None);
    }
    open.file.put_event(open.events, &event)?;
    open.events += 1;
    open.last_event = Some((event, in_a_row));
    Ok(true)
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
        let open = {
            let mut state = lock(&shared.state);
            // The next one may have begun a moment ago: what belongs into this one is placed first.
            place_events(shared, &mut state, false);
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
    let (open, next, end, not_written, newest) = {
        let mut state = lock(&shared.state);
        place_events(shared, &mut state, true);
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
            match put_event(&mut open, &event) {
                Ok(_) => drop(shared.events.fetch_add(1, Ordering::Relaxed)),
                Err(_) => drop(shared.events_dropped.fetch_add(1, Ordering::Relaxed)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stands_with_its_frames_however_many_segments_are_open() {
        // Catches a trigger that stands in a later segment, because the disk was slow, and goes with it.
        let open: &[(&[u64], bool)] =
            &[(&[10, 20], true), (&[30, 40], true), (&[50, 60], true), (&[], true)];
        let place = |t, looks_back| segment_of(open, t, looks_back);
        assert_eq!([5, 10, 20, 30, 40, 60].map(|t| place(t, true)), [0, 0, 0, 1, 1, 2]);
        assert_eq!([5, 10, 20, 30, 40, 60].map(|t| place(t, false)), [0, 0, 0, 1, 1, 2]);
        // Between two: with what led to it, if that is kept.
        assert_eq!([25, 45, 70].map(|t| place(t, true)), [0, 1, 2]);
        assert_eq!([25, 45, 70].map(|t| place(t, false)), [1, 2, 3]);
        let full: &[(&[u64], bool)] = &[(&[10], false), (&[30], false), (&[50], false)];
        assert_eq!(segment_of(full, 10, true), 2);
        assert_eq!(segment_of(&[], 10, true), 0);
    }
}

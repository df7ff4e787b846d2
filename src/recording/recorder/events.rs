//! A recording's events: where each stands among the frames, and writing them.

use super::state::{Open, Shared, State, lock};
use crate::recording::format::{End, Event, EventKind};
use crate::recording::segment::SegmentFile;
use crate::sync::Ordering;
use std::sync::Arc;
use std::time::Duration;

/// An event that no frame follows for so long is written all the same: it may be the last there is to tell. A frame that
/// came before it and is still on its way through the line then stands behind it.
const SETTLED: Duration = Duration::from_secs(1);
/// So many events that are the same in a row are written one by one; what follows is counted in the last of them.
const SAME_IN_A_ROW: u32 = 16;

/// An event that has its place in a file.
pub(super) struct PlacedEvent {
    file: Arc<SegmentFile>,
    k: u64,
    event: Event,
    /// It takes the place of the one before, counted in it.
    is_again: bool,
}

/// Gives the events that no frame can come before any more their places; at the end all of them. They are
/// [written](write_events) when the state is free: a write may wait for the payloads in flight, and who has written one
/// would wait with it.
pub(super) fn place_events(shared: &Shared, state: &mut State, end: bool) -> Vec<PlacedEvent> {
    shared.take_told(state);
    let mut placed = Vec::new();
    let is_idle = state.ring.is_empty() && state.open.iter().all(|o| o.pending == 0);
    while let Some((event, told)) = state.waiting.front() {
        let is_settled = is_idle && told.elapsed() >= SETTLED;
        if !end && !is_settled && event.host_time >= state.newest {
            break; // Frames that came before it may still be under way.
        }
        let has_room = |o: &Open| o.events < o.file.header().layout.event_capacity;
        let open: Vec<_> = state.open.iter().map(|o| (o.times.as_slice(), has_room(o))).collect();
        let place = segment_of(&open, event.host_time.0, shared.settings.keep.looks_back());
        let Some(present) = state.open.get_mut(place) else { break };
        match place_event(present, event) {
            Some(event) => placed.push(event),
            None if !end => break, // The next segment begins with the next frame.
            None => drop(shared.events_dropped.fetch_add(1, Ordering::Relaxed)),
        }
        state.waiting.pop_front();
    }
    placed
}

/// Writes events to their places. `leaving`: a segment that is no longer among the open ones. The place of one that could not
/// be written is free again.
pub(super) fn write_events(
    shared: &Shared,
    events: Vec<PlacedEvent>,
    mut leaving: Option<&mut Open>,
) {
    let mut failed: Vec<Arc<SegmentFile>> = Vec::new();
    for PlacedEvent { file, k, event, is_again } in events {
        let e = match failed.iter().any(|f| Arc::ptr_eq(f, &file)) {
            true => None, // Its place depends on that of the one that failed.
            false => match file.put_event(k, &event) {
                Ok(()) => {
                    shared.events.fetch_add(u64::from(!is_again), Ordering::Relaxed);
                    continue;
                }
                Err(e) => Some(e),
            },
        };
        shared.events_dropped.fetch_add(1, Ordering::Relaxed);
        let Some(e) = e else { continue };
        shared.write_errors.fetch_add(1, Ordering::Relaxed);
        let mut state = lock(&shared.state);
        let mut of = state.open.iter_mut().chain(leaving.as_deref_mut());
        if let Some(open) = of.find(|o| Arc::ptr_eq(&o.file, &file)) {
            (open.events, open.last_event) = (k + u64::from(is_again), None);
        }
        let path = file.path().display().to_string();
        state.fail(End::WriteError, format!("{path} cannot be written: {e}"));
        shared.failed.store(true, Ordering::Release);
        failed.push(file);
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

/// Gives `event` its place in `open`; `None`: there is no room.
pub(super) fn place_event(open: &mut Open, event: &Event) -> Option<PlacedEvent> {
    let before_frame = open.times.partition_point(|t| *t < event.host_time.0) as u64;
    let event = Event { before_frame, ..*event };
    let is_same = |last: &Event| {
        event.kind == EventKind::Fault
            && Event { host_time: event.host_time, count: event.count, ..*last } == event
    };
    let file = open.file.clone();
    let in_a_row = match open.last_event {
        Some((last, n)) if is_same(&last) && n >= SAME_IN_A_ROW => {
            // A night without triggers is a time-out every half second.
            let event = Event { count: last.count.saturating_add(event.count), ..last };
            open.last_event = Some((event, n));
            return Some(PlacedEvent { file, k: open.events - 1, event, is_again: true });
        }
        Some((last, n)) if is_same(&last) => n + 1,
        _ => 1,
    };
    let k = open.events;
    if k == file.header().layout.event_capacity {
        return None;
    }
    open.events += 1;
    open.last_event = Some((event, in_a_row));
    Some(PlacedEvent { file, k, event, is_again: false })
}

#[cfg(test)]
mod tests {
    use super::super::commit::tests::Rig;
    use super::*;
    use crate::clock::HostTime;
    use std::time::Instant;

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

    fn incident(at: u64) -> Event {
        Event {
            kind: EventKind::Fault,
            before_frame: 0,
            host_time: HostTime(at),
            code: at as i64,
            class: None,
            detail: 0,
            count: 1,
        }
    }

    /// Events that were told, as their places are given.
    fn placed(rig: &Rig, times: std::ops::Range<u64>) -> Vec<PlacedEvent> {
        let mut state = lock(&rig.shared.state);
        state.waiting.extend(times.map(|at| (incident(at), Instant::now())));
        place_events(&rig.shared, &mut state, true)
    }

    #[test]
    fn who_writes_payloads_does_not_wait_for_events() {
        // Catches an event that is written while nobody else gets at the state.
        let (rig, _jobs) = Rig::new("free", vec![None], 16);
        let events = placed(&rig, 0..3);
        let (wrote, done) = std::sync::mpsc::channel();
        let shared = rig.shared.clone();
        let state = lock(&rig.shared.state);
        std::thread::spawn(move || {
            write_events(&shared, events, None);
            let _ = wrote.send(());
        });
        done.recv_timeout(Duration::from_secs(60)).expect("written while another has the state");
        drop(state);
        let times: Vec<_> =
            rig.segment(0).events().unwrap().iter().map(|e| e.host_time.0).collect();
        assert_eq!((times, rig.shared.events.load(Ordering::Relaxed)), (vec![0, 1, 2], 3));
    }

    #[test]
    fn a_place_that_could_not_be_written_is_free_again() {
        // Catches a closing record that promises events which are not there, and one that is not counted as dropped.
        let exe = std::env::current_exe().unwrap();
        let (rig, _jobs) = Rig::new("again", vec![Some(std::fs::File::open(exe).unwrap())], 16);
        let events = placed(&rig, 0..3);
        assert_eq!(lock(&rig.shared.state).open[0].events, 3);
        write_events(&rig.shared, events, None);
        let count = |c: &crate::sync::AtomicU64| c.load(Ordering::Relaxed);
        let (written, dropped) = (count(&rig.shared.events), count(&rig.shared.events_dropped));
        assert_eq!((written, dropped, count(&rig.shared.write_errors)), (0, 3, 1));
        assert_eq!(lock(&rig.shared.state).open[0].events, 0);
        assert!(
            lock(&rig.shared.state).failure.is_some() && rig.shared.failed.load(Ordering::Relaxed)
        );
        // The same of a segment that is being closed.
        let mut leaving = lock(&rig.shared.state).open.pop_front().expect("it is open");
        let event = place_event(&mut leaving, &incident(5)).expect("there is room");
        write_events(&rig.shared, vec![event], Some(&mut leaving));
        assert_eq!((leaving.events, count(&rig.shared.events_dropped)), (0, 4));
    }
}

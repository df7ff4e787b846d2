//! The threads that write payloads.

use super::state::{Flight, Job, Open, Shared, State, lock};
use super::turns::{InFlight, Turn};
use crate::error::Error;
use crate::meta::FrameMeta;
use crate::recording::format::{End, Entry, PAGE_BYTES, checksum, parts};
use crate::recording::segment::SegmentFile;
use crate::sync::Ordering;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a writer that has nothing to do looks for frames. Hot threads never wake it: that would be a system call.
const LOOK: Duration = Duration::from_millis(1);
const PAGE: usize = PAGE_BYTES as usize;

/// Memory that begins on a page, for what does not lie on whole pages by itself.
#[derive(Debug, Default)]
struct Bounce {
    bytes: Vec<u8>,
    start: usize,
}

impl Bounce {
    /// `tail` on whole pages, zeros behind it; `table` at the next multiple of 8 behind it.
    fn hold(&mut self, tail: &[u8], table: &[u8]) -> &[u8] {
        let behind = tail.len().next_multiple_of(8);
        let end = if table.is_empty() { tail.len() } else { behind + table.len() };
        let length = end.next_multiple_of(PAGE);
        if self.bytes.len() < length + PAGE {
            self.bytes = vec![0; length + PAGE];
            self.start = self.bytes.as_ptr().align_offset(PAGE).min(PAGE);
        }
        let room = &mut self.bytes[self.start..self.start + length];
        room[..tail.len()].copy_from_slice(tail);
        room[tail.len()..].fill(0);
        if !table.is_empty() {
            room[behind..end].copy_from_slice(table);
        }
        room
    }
}

/// A frame that has a place in a file.
struct Placed {
    job: Job,
    ticket: u64,
    file: Arc<SegmentFile>,
    n: u64,
    not_written: u32,
}

/// A payload that can be written.
#[derive(Debug)]
pub(super) struct Ready {
    job: Job,
    ticket: u64,
    file: Arc<SegmentFile>,
    n: u64,
    entry: Entry,
}

/// What a look at the ring came to.
enum Look {
    Placed(Box<Placed>),
    /// Nothing to do now.
    Nothing,
    /// The stage is gone and the ring is empty.
    End,
}

/// A writer's whole life.
pub(super) fn write_all(shared: &Shared) {
    let mut bounce = Bounce::default();
    loop {
        match shared.turns.next() {
            Turn::Write(ready, in_flight) => {
                write(shared, ready, in_flight, &mut bounce);
                continue;
            }
            Turn::Again => continue,
            Turn::Prepare => {}
        }
        match look(shared) {
            Look::Placed(placed) => prepare(shared, *placed),
            Look::Nothing => std::thread::park_timeout(LOOK),
            // What is still prepared is written by whoever prepares it.
            Look::End => {
                shared.news.notify_one();
                return;
            }
        }
    }
}

/// Takes the next frame, if there is one, and gives it a place.
fn look(shared: &Shared) -> Look {
    // Read before the ring: what was pushed before the end is still written.
    let mut state = lock(&shared.state);
    let abandoned = state.ring.is_abandoned();
    let Ok(job) = state.ring.peek() else {
        return if abandoned { Look::End } else { Look::Nothing };
    };
    let (bytes, at) = (job.frame.payload().len() as u64, job.frame.meta().host_time);
    let entry = Entry { payload_bytes: bytes, beside: *job.frame.beside(), ..Entry::default() };
    let end = entry.end_bytes();
    if state.failure.is_none() && !has_place(shared, &mut state, (bytes, end), at.0) {
        if state.preparing {
            return Look::Nothing; // The next segment is being made.
        }
        if let Err(e) = roll(shared, &mut state, end) {
            state.fail(end_of(&e), e.to_string());
            shared.failed.store(true, Ordering::Release);
        }
    }
    let Ok(job) = state.ring.pop() else { return Look::Nothing };
    if state.failure.is_some() {
        state.not_written = state.not_written.saturating_add(1).saturating_add(job.not_written);
        shared.not_written.fetch_add(1, Ordering::Relaxed);
        shared.done.fetch_add(1, Ordering::Release); // PAIR: recorded
        return Look::Nothing;
    }
    if job.failed {
        shared.trigger(&mut state, at, job.frame.meta().sequence);
    }
    let not_written = std::mem::take(&mut state.not_written).saturating_add(job.not_written);
    let ticket = state.tickets;
    (state.tickets, state.placed, state.newest) = (ticket + 1, state.placed + 1, at);
    let open = state.open.back_mut().expect("there is always a segment");
    let (file, n) = (open.file.clone(), open.placed);
    (open.placed, open.pending) = (n + 1, open.pending + 1);
    open.not_written += u64::from(not_written);
    open.times.push(at.0);
    state.flights.push_back(Flight { ticket, file: file.clone(), n, done: None });
    Look::Placed(Box::new(Placed { job, ticket, file, n, not_written }))
}

/// Whether the present segment can take a frame that came at `at`: of so many bytes of payload, and so many with the table
/// of its parts.
fn has_place(shared: &Shared, state: &mut State, (bytes, end): (u64, u64), at: u64) -> bool {
    let open = state.open.back().expect("there is always a segment");
    let layout = &open.file.header().layout;
    let time = shared.settings.segment_time.or(shared.settings.keep.segment_time());
    let late = match (time, open.times.first()) {
        (Some(time), Some(first)) => u128::from(at.saturating_sub(*first)) >= time.as_nanos(),
        _ => false,
    };
    layout.fits(bytes, end)
        && open.placed < layout.frame_capacity
        && open.events < layout.event_capacity
        && !late
}

/// The next segment takes over. Where there is no room for it, the present one gives back what it did not use.
fn roll(shared: &Shared, state: &mut State, bytes: u64) -> Result<(), Error> {
    let present = state.open.back().expect("there is always a segment");
    let bytes = bytes.max(present.file.header().layout.payload_capacity);
    let file = match state.next.take() {
        Some(next) if next.header().layout.payload_capacity >= bytes => next,
        other => {
            if let Some(small) = other {
                shared.undo(small);
            }
            match shared.open_next(bytes, state.placed) {
                Err(e) if end_of(&e) == End::DiskFull => {
                    present.file.trim(present.placed).map_err(|_| e)?;
                    shared.open_next(bytes, state.placed)?
                }
                other => other?,
            }
        }
    };
    shared.segments.fetch_add(1, Ordering::Relaxed);
    state.open.push_back(Open::new(file));
    Ok(())
}

/// How a recording ends that cannot go on for this reason.
fn end_of(e: &Error) -> End {
    let os = std::error::Error::source(e).and_then(|s| s.downcast_ref::<io::Error>());
    match os.and_then(io::Error::raw_os_error) {
        Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG) => End::DiskFull,
        _ => End::WriteError,
    }
}

/// Makes what goes with the payload: its turn to be written comes.
fn prepare(shared: &Shared, placed: Placed) {
    let Placed { job, ticket, file, n, not_written } = placed;
    let payload = job.frame.payload();
    let bytes = payload.len() as u64;
    let entry = Entry {
        meta: FrameMeta { lost_before: job.lost_before, ..*job.frame.meta() },
        lost_by_hops: job.lost_by_hops,
        not_written,
        payload_bytes: bytes,
        payload_crc: checksum(payload),
        beside: *job.frame.beside(),
    };
    shared.turns.put(ticket, bytes, Ready { job, ticket, file, n, entry });
}

/// Writes one payload, and leaves its entry to be committed.
fn write(shared: &Shared, ready: Ready, in_flight: InFlight<'_, Ready>, bounce: &mut Bounce) {
    let Ready { job, ticket, file, n, entry } = ready;
    let payload = job.frame.payload();
    let table = parts::encode(&entry.beside);
    // Whole pages go from the slot itself; what remains of a payload that ends within a page goes by way of one of ours.
    let whole = if payload.as_ptr().align_offset(PAGE) == 0 || !file.is_direct() {
        payload.len() / PAGE * PAGE
    } else {
        shared.copied.fetch_add(1, Ordering::Relaxed);
        0
    };
    let (pages, tail) = payload.split_at(whole);
    let parts = [IoSlice::new(pages), IoSlice::new(bounce.hold(tail, &table))];
    let wrote = file.write_payload(n, &parts, true);
    drop(in_flight);
    let bytes = payload.len() as u64;
    // The slot is free from here on.
    drop(job);
    let mut state = lock(&shared.state);
    let done = match wrote {
        Ok(()) => Ok(entry.encode()),
        Err(e) => {
            failed(shared, &mut state, &file, e);
            Err(())
        }
    };
    if let Some(flight) = state.flights.iter_mut().find(|f| f.ticket == ticket) {
        flight.done = Some(done);
    }
    if done.is_ok() {
        shared.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
    state.since.get_or_insert_with(Instant::now);
    drop(state);
    shared.news.notify_one();
}

pub(super) fn failed(shared: &Shared, state: &mut State, file: &SegmentFile, e: io::Error) {
    shared.write_errors.fetch_add(1, Ordering::Relaxed);
    let path = file.path().display();
    let (end, sentence) = match e.raw_os_error() {
        Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG) => {
            (End::DiskFull, format!("the disk of {path} is full"))
        }
        _ => (End::WriteError, format!("{path} cannot be written: {e}")),
    };
    state.fail(end, sentence);
    shared.failed.store(true, Ordering::Release);
}

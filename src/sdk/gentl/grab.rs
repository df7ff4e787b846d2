//! Grabbing: what the producer delivers, as frames and faults.

use super::codes::*;
use super::displaced;
use super::reading::{QUESTIONS, answer, pixel_format};
use super::source::{Gentl, State};
use super::stream::{Delivered, Stream};
use super::sys::{Chunk, RawHandle, buffer_info, part_info};
use crate::buffer::FrameMut;
use crate::fault::Fault;
use crate::meta::{Beside, Extent, MAX_PARTS, Part};
use crate::source::Grab;
use std::time::{Duration, Instant};

impl Gentl {
    /// The next frame. Deliveries that are rejected (twice, or of nobody's buffer) are passed over until the time is up.
    pub(super) fn next_frame(&mut self, timeout: Duration) -> Result<(FrameMut, Grab), Fault> {
        self.last_call = "EventGetData";
        if self.state == State::Idle {
            return Err(fault(GC_ERR_NOT_INITIALIZED));
        }
        if let Some(detail) = self.outgrown.take() {
            self.last_call = "DSGetBufferInfo";
            return Err(Fault { detail, ..fault(GC_ERR_BUFFER_TOO_SMALL) });
        }
        if self.announced.is_starved() && self.state == State::Running {
            self.start_anew()?;
            self.last_call = "EventGetData";
        }
        let begun = Instant::now();
        let mut left = timeout;
        loop {
            let stream = self.stream.as_mut().ok_or(fault(GC_ERR_INVALID_HANDLE))?;
            let (buffer, user) = stream.next(left).map_err(fault)?;
            if let Some(delivered) = self.announced.deliver(buffer, user) {
                return Ok(self.came(delivered));
            }
            self.unanswered.note("EventGetData", GC_ERR_INVALID_BUFFER, 1);
            left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(fault(GC_ERR_TIMEOUT));
            }
        }
    }

    /// Reads the frame's metadata.
    fn came(&mut self, (mut frame, buffer, start): Delivered) -> (FrameMut, Grab) {
        let Some(mut stream) = self.stream.take() else {
            return (frame, Grab::Filled { reported_bytes: 0 });
        };
        let answers = stream.ask(buffer, &QUESTIONS, &mut self.unanswered);
        let capacity = frame.capacity();
        let read = self.rules.read(&answers, capacity, frame.meta_mut());
        // A producer that does not number its frames delivers all that it has.
        let raw = answer(&answers, buffer_info::FRAME_ID);
        let id = raw.map_or(self.last_id + 1, |raw| self.ids.id(raw));
        if id != self.last_id + 1 {
            // A gap, which underruns may explain.
            self.note_underruns(&stream);
        }
        self.last_id = id;
        frame.meta_mut().frame_id = id;
        self.outgrown = read.larger;
        let beside = frame.beside_mut();
        if beside.part_count > 0 || beside.chunks.bytes > 0 {
            *beside = Beside::default(); // The slot's last frame's.
        }
        if read.is_multi_part {
            read_parts(&stream, buffer, start, beside);
        }
        if read.has_chunks
            && let Err(code) = read_chunks(&stream, buffer, beside)
        {
            self.unanswered.note("DSGetBufferChunkData", code, 1); // It costs the chunks, not the frame.
        }
        let reported_bytes = displaced::straighten(&mut frame, read.image_at, read.filled);
        self.stream = Some(stream);
        (frame, Grab::Filled { reported_bytes })
    }
}

/// Chunks of one frame that are looked at.
const MAX_CHUNKS: usize = 32;

/// Where the chunks lie: from the first to the last.
fn read_chunks(stream: &Stream, buffer: RawHandle, beside: &mut Beside) -> Result<(), Code> {
    let mut chunks = [Chunk { id: 0, offset: 0, bytes: 0 }; MAX_CHUNKS];
    let count = stream.chunks(buffer, &mut chunks)?;
    let (mut from, mut to) = (u64::MAX, 0_u64);
    for chunk in &chunks[..count] {
        let (offset, bytes) = (chunk.offset, chunk.bytes);
        let Ok(offset) = u64::try_from(offset) else { continue };
        from = from.min(offset);
        to = to.max(offset.saturating_add(bytes as u64));
    }
    if from < to {
        beside.chunks = Extent { offset: from, bytes: to - from };
    }
    Ok(())
}

/// The parts of a payload.
fn read_parts(stream: &Stream, buffer: RawHandle, start: usize, beside: &mut Beside) {
    beside.part_count = stream.part_count(buffer);
    let told = (beside.part_count as usize).min(MAX_PARTS);
    for (n, part) in beside.parts[..told].iter_mut().enumerate() {
        let ask = |command| stream.part(buffer, n as u32, command);
        let short = |command| ask(command).and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
        let base = ask(part_info::BASE).and_then(|v| usize::try_from(v).ok());
        // One that does not lie in its buffer is not there.
        let offset = base.and_then(|base| base.checked_sub(start));
        *part = Part {
            extent: Extent {
                offset: offset.map_or(0, |n| n as u64),
                bytes: offset.and_then(|_| ask(part_info::DATA_SIZE)).unwrap_or(0),
            },
            kind: short(part_info::DATA_TYPE) as u16,
            source: short(part_info::SOURCE_ID) as u16,
            width: short(part_info::WIDTH),
            height: short(part_info::HEIGHT),
            x_padding: short(part_info::X_PADDING),
            pixel_format: pixel_format(ask(part_info::DATA_FORMAT), None).unwrap_or_default(),
        };
    }
}

//! Grabbing: what Aravis delivers, as frames and faults.

use super::codes::*;
use super::counters::UNDERRUNS;
use super::delivered::{Delivered, chunks_of};
use super::diagnosis::Silence;
use super::find::FAKE;
use super::source::{Aravis, State, fault};
use super::stream::{NO_ID, Stream};
use crate::buffer::FrameMut;
use crate::clock::DeviceTime;
use crate::fault::Fault;
use crate::meta::{Beside, FrameMeta, FrameStatus};
use crate::source::Grab;
use std::time::{Duration, Instant};

const POP: &str = "arv_stream_timeout_pop_buffer";

/// What became of a delivered buffer.
enum Came {
    /// A frame, with the bytes that it has.
    Frame(u64),
    /// Nothing, and nothing to tell.
    Nothing,
    Fault(Fault),
}

impl Aravis {
    /// The next frame. Buffers that bring none are passed over until the time is up.
    #[inline]
    pub(super) fn next_frame(&mut self, timeout: Duration) -> (Option<FrameMut>, Grab) {
        self.last_call = POP;
        let begun = Instant::now();
        let mut left = timeout;
        loop {
            let Some(stream) = self.stream.as_mut() else {
                let code = if self.camera.is_none() { CONTROL_LOST } else { CALL_ORDER };
                return (None, Grab::Fault(fault(code)));
            };
            let Some(out) = stream.pop(left) else {
                return (None, Grab::Fault(self.nothing()));
            };
            if let Some(mut frame) = self.announced.deliver(&out) {
                match self.judge(&out, &mut frame) {
                    Came::Frame(reported_bytes) => {
                        return (Some(frame), Grab::Filled { reported_bytes });
                    }
                    Came::Nothing => self.again(frame),
                    Came::Fault(fault) => {
                        self.again(frame);
                        return (None, Grab::Fault(fault));
                    }
                }
            }
            left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return (None, Grab::Fault(fault(NO_BUFFER)));
            }
        }
    }

    fn again(&mut self, frame: FrameMut) {
        self.announced.queue(frame, self.library, self.stream.as_mut());
    }

    /// # Real-time
    /// Capture-bound. No allocation for a whole frame.
    #[inline]
    fn judge(&mut self, out: &Delivered, frame: &mut FrameMut) -> Came {
        match (out.status, out.image) {
            (SUCCESS, Some(image)) => {
                let needed = image.image_bytes();
                if needed > self.announced.payload() as u64 {
                    // Aravis takes it for whole when the buffer is full.
                    return Came::Fault(too_small(needed));
                }
                self.silence = Silence::default();
                let meta = frame.meta_mut();
                *meta = FrameMeta::of(&image);
                (meta.frame_id, meta.device_time) = (self.ids.id(out.id), DeviceTime(out.time_ns));
                let id = meta.frame_id;
                self.count_underruns(id);
                self.read_beside(out, frame);
                Came::Frame(match out.bytes as u64 {
                    0 => needed, // Not told.
                    bytes if out.has_chunks || out.parts.is_some() => bytes,
                    bytes if image.pixel_format.is_packed() => bytes,
                    bytes => bytes.min(needed),
                })
            }
            _ => self.damaged(out, frame),
        }
    }

    /// What a whole frame has beside its image.
    #[inline]
    fn read_beside(&mut self, out: &Delivered, frame: &mut FrameMut) {
        let before = frame.beside_mut();
        if before.part_count > 0 || before.chunks.bytes > 0 {
            *before = Beside::default(); // The slot's last frame's.
        }
        if let Some(parts) = out.parts {
            *frame.beside_mut() = parts;
        }
        if out.has_chunks && out.parts.is_none() {
            frame.set_filled(out.bytes); // Clipped to what the slot holds.
            match chunks_of(frame.payload(), out.is_big_endian) {
                Some(chunks) => frame.beside_mut().chunks = chunks,
                // It costs the chunks, not the frame.
                None => self.unanswered.note("arv_buffer_get_data", BAD_CHUNKS, 1),
            }
        }
    }

    /// What brought no whole image.
    #[cold]
    fn damaged(&mut self, out: &Delivered, frame: &mut FrameMut) -> Came {
        let is_gv = self.camera.as_ref().is_some_and(|c| c.is_gv());
        let status = match out.status {
            // aravis#849: over a network it is packets that did not come in time.
            TIMEOUT if is_gv => MISSING_PACKETS,
            SUCCESS => return Came::Fault(Fault::code(PAYLOAD_NOT_SUPPORTED.into())),
            status => status,
        };
        if status == ABORTED && self.state != State::Running {
            return Came::Nothing; // The stop broke it off.
        }
        let mut status = status;
        if matches!(status, SIZE_MISMATCH | WRONG_PACKET_ID) {
            let payload = self.camera.as_ref().and_then(|c| c.payload().ok()).map_or(0, u64::from);
            if payload > self.announced.payload() as u64 {
                return Came::Fault(too_small(payload));
            }
            if status == SIZE_MISMATCH {
                status = MISSING_PACKETS; // It would have fitted: over USB, a frame of which data did not come.
            }
        }
        if !matches!(status, TIMEOUT | MISSING_PACKETS | WRONG_PACKET_ID) || out.id == NO_ID {
            return Came::Fault(Fault::code(status.into()));
        }
        // Its first packet came: whose frame it is and when it was taken is known, and some of its image.
        self.unanswered.note(POP, status as Code, 1);
        self.silence = Silence::default();
        let meta = frame.meta_mut();
        *meta = FrameMeta::of(&self.started.geometry);
        (meta.frame_id, meta.device_time) = (self.ids.id(out.id), DeviceTime(out.time_ns));
        meta.status = FrameStatus::Incomplete; // Its holes hold pixels of an older frame.
        self.count_underruns(meta.frame_id);
        Came::Frame(self.started.geometry.image_bytes())
    }
}

fn too_small(needed: u64) -> Fault {
    Fault { code: SIZE_MISMATCH.into(), detail: needed }
}

/// What Aravis's counter of underruns counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Unit {
    /// Frames: a camera that Aravis makes up, whose ids have no gap for them.
    #[default]
    Frames,
    /// Packets of such frames, of which a frame has so many: over a network.
    Packets(u64),
    /// Looks for a buffer, many of them while there is none: over USB.
    Looks,
}

/// Frames that found no buffer, from what Aravis counts.
///
/// But for made-up cameras the gaps in ids say how many frames are missing, and the count whether it was for want of a
/// buffer: so many packets explain so many frames of a gap.
#[derive(Debug, Default)]
pub(super) struct Underruns {
    frames: u64,
    /// What the stream's counter was when it was read last.
    seen: u64,
    /// What no gap has used up yet.
    pending: u64,
    unit: Unit,
    last_id: Option<u64>,
    is_held: bool,
}

impl Underruns {
    /// All of them.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// A stream was made.
    pub fn begin(&mut self, stream: &Stream, unit: Unit) {
        let seen = stream.counter(UNDERRUNS);
        *self = Underruns { frames: self.frames, seen, unit, ..Underruns::default() };
    }

    /// What the counter counts is known better.
    pub fn count_in(&mut self, unit: Unit) {
        self.unit = unit;
    }

    /// The device stops: buffers are not given any more, and what finds none was not asked for.
    pub fn hold(&mut self, stream: &Stream) {
        self.note(stream.counter(UNDERRUNS), None);
        self.is_held = true;
    }

    /// A frame came, with the counter as it is.
    #[inline]
    fn note(&mut self, counter: u64, id: Option<u64>) {
        let news = counter.saturating_sub(self.seen);
        self.seen = counter;
        let gap = match (self.last_id, id) {
            (Some(last), Some(id)) => id.saturating_sub(last).saturating_sub(1),
            _ => 0,
        };
        self.last_id = id.max(self.last_id);
        if self.is_held {
            return;
        }
        let of_frame = match self.unit {
            Unit::Frames => {
                self.frames += news;
                return;
            }
            Unit::Packets(of_frame) => of_frame.max(1),
            Unit::Looks => 1,
        };
        self.pending += news;
        if gap > 0 {
            // Some packets of a frame find a buffer that came back meanwhile.
            let explained = gap.min(self.pending.div_ceil(of_frame));
            self.frames += explained;
            self.pending = self.pending.saturating_sub(explained.saturating_mul(of_frame));
        }
    }
}

impl Aravis {
    /// What the counter of underruns counts with this camera.
    pub(super) fn unit(&self) -> Unit {
        /// What a packet's headers take.
        const HEADERS: u64 = 36;
        match self.format.packet_size {
            Some(size) => {
                let size = u64::from(size).saturating_sub(HEADERS).max(1);
                // The first and the last have no pixels.
                Unit::Packets((self.format.payload as u64).div_ceil(size) + 2)
            }
            None if self.found.protocol == FAKE => Unit::Frames,
            None => Unit::Looks,
        }
    }
}

impl Aravis {
    #[inline]
    fn count_underruns(&mut self, id: u64) {
        if let Some(stream) = &self.stream {
            self.underruns.note(stream.counter(UNDERRUNS), Some(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_without_a_buffer_are_counted_as_frames() {
        // Catches two hundred underruns for one frame of two hundred packets.
        let mut u = Underruns { unit: Unit::Packets(200), ..Underruns::default() };
        u.note(0, Some(10));
        u.note(200, Some(12));
        assert_eq!(u.frames(), 1);
        u.note(200, Some(14));
        assert_eq!(u.frames(), 1, "a gap that the network made");
        // Two frames found none, and the counter is read when the first gap comes.
        u.note(600, Some(16));
        u.note(600, Some(18));
        assert_eq!(u.frames(), 3);
        u.is_held = true;
        u.note(5000, Some(30));
        assert_eq!(u.frames(), 3, "after the stop nothing is asked for");
    }

    #[test]
    fn one_frame_without_a_buffer_explains_one_frame_of_a_gap() {
        // Catches frames that the network lost and that are called underruns, in the same gap as one that is.
        let mut u = Underruns { unit: Unit::Packets(200), ..Underruns::default() };
        u.note(0, Some(10));
        u.note(200, Some(14));
        assert_eq!(u.frames(), 1, "two of the three were lost on their way");
        u.note(210, Some(65));
        assert_eq!(u.frames(), 2, "some of its packets found a buffer");
        u.note(210, Some(70));
        assert_eq!(u.frames(), 2);
    }

    #[test]
    fn looks_for_a_buffer_are_no_frames() {
        // Catches frames that never were, one for each time that the USB thread found no buffer.
        let mut u = Underruns { unit: Unit::Looks, ..Underruns::default() };
        u.note(0, Some(10));
        u.note(500, Some(11));
        assert_eq!(u.frames(), 0, "the camera waited");
        u.note(500, Some(14));
        assert_eq!(u.frames(), 2);
    }

    #[test]
    fn where_frames_are_counted_the_count_is_taken() {
        let mut u = Underruns::default();
        u.note(3, Some(10));
        u.note(3, Some(11));
        assert_eq!(u.frames(), 3);
    }
}

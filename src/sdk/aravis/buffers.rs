//! Whose memory is where: our slots with Aravis.
#![allow(unsafe_code)]

use super::codes::SIZE_MISMATCH;
use super::library::Library;
use super::stream::{Buffer, Delivered, Stream};
use crate::buffer::FrameMut;
use crate::fault::Fault;
use crate::source::AnnouncedSlots;

/// Our slots with Aravis.
#[derive(Debug, Default)]
pub(super) struct Announced {
    slots: AnnouncedSlots,
    /// By slot index.
    buffers: Vec<Option<Buffer>>,
    strangers: u64,
}

impl Announced {
    /// Deliveries that were rejected: of slots that were not queued, or of memory that is not ours.
    pub fn rejected(&self) -> u64 {
        self.slots.duplicates() + self.strangers
    }

    /// Takes a slot in. While a stream runs it goes there at once.
    ///
    /// # Real-time
    /// Capture-bound. No lock of ours; allocates only for slots that were never queued before.
    pub fn queue(
        &mut self,
        mut frame: FrameMut,
        library: &'static Library,
        stream: Option<&mut Stream>,
    ) {
        let (start, capacity) = (frame.as_mut_ptr(), frame.capacity());
        let key = self.slots.queue(frame);
        if key >= self.buffers.len() {
            self.buffers.resize_with((key + 1).next_power_of_two().max(64), || None);
        }
        let place = &mut self.buffers[key];
        if !place.as_ref().is_some_and(|b| b.is_of(start, capacity)) {
            // SAFETY: the slot's memory outlives the stream: `slots` holds it, or a frame of it does, and the
            // stream is closed before either is let go (`revoke`, `keep_for_ever`). Nobody touches a queued slot.
            *place = Some(unsafe { Buffer::new(library, start, capacity, key) });
        }
        if let (Some(stream), Some(buffer)) = (stream, place) {
            stream.push(buffer);
        }
    }

    /// Gives every queued slot to a stream that was just made.
    pub fn push_all(&mut self, stream: &mut Stream) {
        for (key, buffer) in self.buffers.iter().enumerate() {
            if let Some(buffer) = buffer.as_ref().filter(|_| self.slots.is_queued(key)) {
                stream.push(buffer);
            }
        }
    }

    /// Refuses slots that a frame of `payload` bytes does not fit into.
    pub fn check_room(&self, payload: usize) -> Result<(), Fault> {
        let queued = |(key, _): &(usize, _)| self.slots.is_queued(*key);
        let places = self.buffers.iter().enumerate().filter(queued);
        let smallest = places.filter_map(|(_, b)| b.as_ref()).map(Buffer::capacity).min();
        match smallest {
            Some(capacity) if capacity < payload => {
                Err(Fault { code: SIZE_MISMATCH.into(), detail: payload as u64 })
            }
            _ => Ok(()),
        }
    }

    /// The slot that the stream delivered; `None`: not one that was queued, and not believed.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    pub fn deliver(&mut self, out: &Delivered) -> Option<FrameMut> {
        let buffer = |key: usize| self.buffers.get(key).and_then(Option::as_ref);
        let Some(key) = out.key.filter(|key| buffer(*key).is_some_and(|b| b.is(out))) else {
            self.strangers += 1;
            return None;
        };
        self.slots.deliver(key)
    }

    /// Those that are queued go back. No stream has them any more.
    pub fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        self.buffers.clear();
        self.slots.revoke(back);
    }

    /// Nobody ever gets the queued slots again: a stream's thread did not end, and may write them at any time.
    pub fn keep_for_ever(&mut self) {
        std::mem::take(&mut self.buffers).into_iter().for_each(std::mem::forget);
        self.slots.revoke(&mut std::mem::forget);
    }
}

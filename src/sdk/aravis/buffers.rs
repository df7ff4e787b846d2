//! Whose memory is where: our slots with Aravis.
#![allow(unsafe_code)]

use super::codes::SIZE_MISMATCH;
use super::delivered::Delivered;
use super::library::Library;
use super::stream::{Buffer, Stream};
use crate::buffer::FrameMut;
use crate::fault::Fault;
use crate::source::AnnouncedSlots;

/// A slot, and what Aravis has of it.
#[derive(Debug)]
struct Place {
    start: *mut u8,
    capacity: usize,
    /// Made when it is first given to a stream, as long as that stream's payload.
    buffer: Option<Buffer>,
}

// SAFETY: the pointer is only handed on to Aravis, and compared.
unsafe impl Send for Place {}

/// Our slots with Aravis.
///
/// A buffer is as long as the payload, not as the slot: Aravis reckons with its length how many packets or USB
/// transfers a frame has, and headroom would be packets that never come.
#[derive(Debug, Default)]
pub(super) struct Announced {
    slots: AnnouncedSlots,
    /// By slot index.
    places: Vec<Option<Place>>,
    /// Bytes of a frame, of the present stream.
    payload: usize,
    strangers: u64,
}

impl Announced {
    /// Deliveries that were rejected: of slots that were not queued, or of memory that is not ours.
    pub fn rejected(&self) -> u64 {
        self.slots.duplicates() + self.strangers
    }

    /// Bytes that Aravis may write of a frame.
    pub fn payload(&self) -> usize {
        self.payload
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
        if key >= self.places.len() {
            self.places.resize_with((key + 1).next_power_of_two().max(64), || None);
        }
        let place = &mut self.places[key];
        if place.as_ref().is_none_or(|p| (p.start, p.capacity) != (start, capacity)) {
            *place = Some(Place { start, capacity, buffer: None });
        }
        if let (Some(stream), Some(place)) = (stream, place) {
            give(place, key, self.payload, library, stream);
        }
    }

    /// Gives every queued slot to a stream that was just made, whose frames have `payload` bytes.
    pub fn push_all(&mut self, payload: usize, library: &'static Library, stream: &mut Stream) {
        self.payload = payload;
        for (key, place) in self.places.iter_mut().enumerate() {
            if let Some(place) = place.as_mut().filter(|_| self.slots.is_queued(key)) {
                give(place, key, payload, library, stream);
            }
        }
    }

    /// Refuses slots that a frame of `payload` bytes does not fit into.
    pub fn check_room(&self, payload: usize) -> Result<(), Fault> {
        let queued = |(key, _): &(usize, _)| self.slots.is_queued(*key);
        let places = self.places.iter().enumerate().filter(queued);
        let smallest = places.filter_map(|(_, p)| p.as_ref()).map(|p| p.capacity).min();
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
        let buffer = |key: usize| self.places.get(key)?.as_ref()?.buffer.as_ref();
        let Some(key) = out.key.filter(|key| buffer(*key).is_some_and(|b| b.is(out))) else {
            self.strangers += 1;
            return None;
        };
        self.slots.deliver(key)
    }

    /// Those that are queued go back. No stream has them any more.
    pub fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        self.places.clear();
        self.slots.revoke(back);
    }

    /// Nobody ever gets the queued slots again: a stream's thread did not end, and may write them at any time.
    pub fn keep_for_ever(&mut self) {
        std::mem::take(&mut self.places).into_iter().for_each(std::mem::forget);
        self.slots.revoke(&mut std::mem::forget);
    }
}

/// Gives a queued slot to a stream.
fn give(
    place: &mut Place,
    key: usize,
    payload: usize,
    library: &'static Library,
    stream: &mut Stream,
) {
    // A slot that came home too small for this stream (it was out when that began) has what it has; a frame that
    // needs more is not written past its end.
    let bytes = payload.min(place.capacity);
    let buffer = match place.buffer.take() {
        Some(buffer) if buffer.bytes() == bytes => place.buffer.insert(buffer),
        // SAFETY: the slot's memory outlives the stream: `slots` holds it, or a frame of it does, and the stream is
        // closed before either is let go (`revoke`, `keep_for_ever`). Nobody touches a queued slot.
        _ => place.buffer.insert(unsafe { Buffer::new(library, place.start, bytes, key) }),
    };
    stream.push(buffer);
}

//! A filled frame: read by one, or by several.
#![allow(unsafe_code)]

use super::fate::Fate;
use super::filling::FrameMut;
use super::handle::Handle;
use super::lane::{CloneLimit, Lane, spare_lane};
use crate::clock::HostTime;
use crate::meta::{Beside, FrameMeta};
use crate::sync::Ordering;
use std::mem::ManuallyDrop;

/// A filled frame. Read-only; one handle, which may be one of several after a fan-out.
pub struct Frame(pub(super) Handle);

impl Frame {
    /// The metadata.
    #[inline]
    pub fn meta(&self) -> &FrameMeta {
        self.0.meta()
    }

    /// The device's number of this frame.
    #[inline]
    pub fn id(&self) -> u64 {
        self.meta().frame_id
    }

    /// The valid bytes, exactly.
    ///
    /// # Real-time
    /// Any thread. Free.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.0.payload()
    }

    /// The image's bytes: the payload without chunks or padding that follow the image (aravis#353);
    /// shorter if the frame is incomplete.
    #[inline]
    pub fn image(&self) -> &[u8] {
        let payload = self.payload();
        let image = usize::try_from(self.meta().geometry().image_bytes()).unwrap_or(usize::MAX);
        &payload[..image.min(payload.len())]
    }

    /// What the payload holds beside the image: chunk data, and the parts of one that has several.
    #[inline]
    pub fn beside(&self) -> &Beside {
        self.0.beside()
    }

    /// The chunk data, from the first chunk to the last; `None`: there is none, or it did not come whole.
    pub fn chunk_bytes(&self) -> Option<&[u8]> {
        self.beside().chunks.of(self.payload())
    }

    /// Part `n` of a payload that has several; `None`: there is none, or it did not come whole.
    pub fn part_bytes(&self, n: usize) -> Option<&[u8]> {
        self.beside().parts().get(n)?.extent.of(self.payload())
    }

    /// Row `y` without its padding; `None` beyond the image, for packed formats, or where the payload
    /// is shorter than the geometry says (an incomplete frame).
    pub fn row(&self, y: u32) -> Option<&[u8]> {
        let m = self.meta();
        if y >= m.height || m.pixel_format.is_packed() {
            return None;
        }
        let start = usize::try_from(u64::from(y) * u64::from(m.stride)).ok()?;
        let len = m.width as usize * (m.pixel_format.bits_per_pixel() / 8) as usize;
        self.payload().get(start..start.checked_add(len)?)
    }

    /// Whether this is the only handle. A `true` stays true until `self` is shared; a `false` may change at
    /// any time.
    #[inline]
    pub fn is_alone(&self) -> bool {
        self.0.is_alone()
    }

    /// The payload, writable, if this is the only handle.
    pub fn payload_mut(&mut self) -> Option<&mut [u8]> {
        if !self.is_alone() {
            return None;
        }
        // SAFETY: alone, and borrowed mutably; others' reads happened before (acquire in `is_alone`).
        let s = self.0.slot().span.with_mut(|s| unsafe {
            (*s).note_writing();
            *s
        });
        // SAFETY: as above.
        Some(unsafe { std::slice::from_raw_parts_mut(s.ptr, s.len) })
    }

    /// The metadata, writable, if this is the only handle.
    pub fn meta_mut(&mut self) -> Option<&mut FrameMeta> {
        if !self.is_alone() {
            return None;
        }
        // SAFETY: as for `payload_mut`.
        Some(self.0.slot().meta.with_mut(|m| unsafe { &mut *m }))
    }

    /// Turns the frame writable again, if this is the only handle; else gives it back.
    pub fn into_mut(self) -> Result<FrameMut, Frame> {
        if !self.is_alone() {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        Ok(FrameMut { slot: this.0.slot })
    }

    /// Makes the frame readable by several holders. The slot comes home when the last of them drops it.
    pub fn share(self) -> SharedFrame {
        SharedFrame(self.0)
    }

    /// One more handle, for a stage that keeps the frame beyond its turn.
    pub fn to_shared(&self) -> Result<SharedFrame, CloneLimit> {
        self.0.try_clone().map(SharedFrame)
    }

    /// Which slot of its pool holds the frame.
    pub fn slot_index(&self) -> usize {
        self.0.slot().index as usize
    }

    /// Hands the frame to the holder on `lane`.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock; a locked instruction only while the frame is shared.
    #[inline]
    pub(crate) fn hand_to(&mut self, lane: Lane, now: HostTime) {
        let slot = self.0.slot();
        let (from, to) = (self.0.lane.one(), lane.one());
        slot.news.since.store(now.0, Ordering::Relaxed);
        if from == to {
            return;
        }
        // PAIR: lanes (acquire: the plain store below ends the release sequence of handles dropped before,
        // so what they released has to be ours by then).
        let lanes = slot.lanes.load(Ordering::Acquire);
        if lanes == from {
            slot.lanes.store(to, Ordering::Relaxed);
        } else if lane.has_room(lanes) {
            // One step, so that the count never passes through zero.
            slot.lanes.fetch_add(to.wrapping_sub(from), Ordering::Relaxed);
        } else {
            return; // Stays on its lane: only the holder's name in reports is wrong.
        }
        self.0.lane = lane;
    }

    /// One more handle for the same holder (fan-out).
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock; one locked instruction.
    #[inline]
    pub(crate) fn another(&self) -> Frame {
        self.fan_to(self.0.lane)
    }

    /// One more handle, for the holder on `lane`, or a neighbour's where that has no room.
    #[inline]
    pub(crate) fn fan_to(&self, lane: Lane) -> Frame {
        let lanes = &self.0.slot().lanes;
        let now = lanes.load(Ordering::Relaxed);
        let lane = if lane.has_room(now) { lane } else { spare_lane(now) };
        lanes.fetch_add(lane.one(), Ordering::Relaxed);
        Frame(Handle { slot: self.0.slot, lane })
    }

    /// Makes the frame's fate at least as bad as `fate`.
    pub(crate) fn worsen(&self, fate: Fate) {
        self.0.worsen(fate);
    }
}

impl From<SharedFrame> for Frame {
    fn from(s: SharedFrame) -> Frame {
        Frame(s.0)
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Frame(id {}, slot {}, {} bytes)",
            self.id(),
            self.slot_index(),
            self.payload().len()
        )
    }
}

/// A frame that several read. Cloning counts; the payload is never copied.
pub struct SharedFrame(Handle);

impl SharedFrame {
    /// The metadata.
    #[inline]
    pub fn meta(&self) -> &FrameMeta {
        self.0.meta()
    }

    /// The valid bytes, exactly.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.0.payload()
    }

    /// What the payload holds beside the image.
    #[inline]
    pub fn beside(&self) -> &Beside {
        self.0.beside()
    }

    /// One more handle; refused when this holder has too many.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock; one locked instruction.
    pub fn try_clone(&self) -> Result<SharedFrame, CloneLimit> {
        self.0.try_clone().map(SharedFrame)
    }

    /// Whether this is the only handle.
    pub fn is_alone(&self) -> bool {
        self.0.is_alone()
    }
}

impl std::fmt::Debug for SharedFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedFrame(id {}, {} bytes)", self.meta().frame_id, self.payload().len())
    }
}

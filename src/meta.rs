//! What is known about a frame beside its pixels: plain data, beside the slots and not in the payload.

use crate::clock::{DeviceTime, HostTime};
use crate::format::{Geometry, PixelFormat};

/// Whether the payload can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum FrameStatus {
    /// The whole payload arrived.
    #[default]
    Complete,
    /// Parts are missing (lost packets, short frame): only `payload` bytes came, and some of them may
    /// be stale. Geometry fields still describe what was meant.
    Incomplete,
}

/// Frames lost between the previous frame that arrived here and this one, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Loss {
    /// Lost in the device or on the way: the gap in frame ids that nothing on the host explains.
    pub device: u32,
    /// Not fetched in time because no slot was free.
    pub underrun: u32,
    /// Came, and were dropped by the checks, or by policy because they were damaged.
    pub rejected: u32,
}

impl Loss {
    /// All of them.
    pub fn total(self) -> u32 {
        self.device.saturating_add(self.underrun).saturating_add(self.rejected)
    }

    /// Both together.
    #[cfg(feature = "recording")]
    pub(crate) fn and(self, other: Loss) -> Loss {
        Loss {
            device: self.device.saturating_add(other.device),
            underrun: self.underrun.saturating_add(other.underrun),
            rejected: self.rejected.saturating_add(other.rejected),
        }
    }
}

/// Parts of one payload that are told; of one with more, the first.
pub const MAX_PARTS: usize = 4;

/// A stretch of the payload, in bytes from its start. As the SDK says it: not clipped to what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Extent {
    /// Where it begins.
    pub offset: u64,
    /// How long it is; 0: there is none.
    pub bytes: u64,
}

impl Extent {
    /// That stretch of `payload`; `None`: there is none, or it lies beyond its end.
    pub fn of(self, payload: &[u8]) -> Option<&[u8]> {
        let start = usize::try_from(self.offset).ok()?;
        let end = start.checked_add(usize::try_from(self.bytes).ok()?)?;
        payload.get(start..end).filter(|bytes| !bytes.is_empty())
    }
}

/// One part of a payload that has several (GenTL `PAYLOAD_TYPE_MULTI_PART`): an image, a range map, a confidence map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Part {
    /// Where it lies.
    pub extent: Extent,
    /// What it is: GenTL's `PARTDATATYPE` (1 an image, 5 a 3D image, 9 a confidence map, ...).
    pub kind: u16,
    /// What it was taken with, of a device that has several sensors.
    pub source: u16,
    /// Width in pixels; 0 where it is no image.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bytes after each row that belong to no pixel.
    pub x_padding: u32,
    /// PFNC pixel format.
    pub pixel_format: PixelFormat,
}

/// What the payload holds beside the image that [`FrameMeta`] describes. Only sources whose SDK tells it set it, and a
/// stage that makes a new image does not pass it on.
///
/// It is not part of the metadata: what every stage reads stays within two cache lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Beside {
    /// Chunk data, from the first chunk to the last.
    pub chunks: Extent,
    /// How many parts there are, which may be more than are told; 0: it is not of parts.
    pub part_count: u32,
    /// The first of them.
    pub parts: [Part; MAX_PARTS],
    /// Of a frame that is replayed: when it came on the night that it was recorded, on that computer's clock; else 0.
    pub recorded_host_time: HostTime,
}

impl Beside {
    /// The parts that are told.
    pub fn parts(&self) -> &[Part] {
        &self.parts[..(self.part_count as usize).min(MAX_PARTS)]
    }
}

/// Metadata of one frame.
///
/// In this order in memory: what every stage thread reads first lies on the first cache line of the slot's
/// record, with the rest one line behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct FrameMeta {
    /// The device's own number of this frame (GenTL `BUFFER_INFO_FRAMEID`).
    pub frame_id: u64,
    /// The line's own number: counts accepted frames from 0, never skips, never restarts.
    pub sequence: u64,
    /// The device's time stamp of the exposure; 0 where it gives none.
    pub device_time: DeviceTime,
    /// When the capture thread got the frame.
    pub host_time: HostTime,
    /// What was lost just before this frame.
    pub lost_before: Loss,
    /// How many quiescent resets the line had made when this frame was filled.
    pub epoch: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// First column of the region on the sensor, in pixels.
    pub offset_x: u32,
    /// First row of the region on the sensor, in pixels.
    pub offset_y: u32,
    /// Bytes from one row to the next ([`Geometry::stride_bytes`]).
    pub stride: u32,
    /// Bytes after each row that belong to no pixel.
    pub x_padding: u32,
    /// PFNC pixel format.
    pub pixel_format: PixelFormat,
    /// Whether the payload can be trusted.
    pub status: FrameStatus,
    /// This frame came after one with a higher id: it was overtaken on the way.
    pub out_of_order: bool,
}

const _: () = assert!(
    std::mem::offset_of!(FrameMeta, width) <= 48,
    "what every stage thread reads first has outgrown the first line of a slot's record"
);

impl Default for FrameMeta {
    fn default() -> Self {
        FrameMeta {
            frame_id: 0,
            sequence: 0,
            device_time: DeviceTime(0),
            host_time: HostTime(0),
            width: 0,
            height: 0,
            stride: 0,
            offset_x: 0,
            offset_y: 0,
            x_padding: 0,
            pixel_format: PixelFormat::MONO8,
            status: FrameStatus::Complete,
            out_of_order: false,
            lost_before: Loss::default(),
            epoch: 0,
        }
    }
}

impl FrameMeta {
    /// Metadata of a complete frame of that geometry; ids and times are still 0.
    pub fn of(g: &Geometry) -> Self {
        FrameMeta {
            width: g.width,
            height: g.height,
            stride: u32::try_from(g.stride_bytes()).unwrap_or(u32::MAX),
            offset_x: g.offset_x,
            offset_y: g.offset_y,
            x_padding: g.x_padding,
            pixel_format: g.pixel_format,
            ..FrameMeta::default()
        }
    }

    /// The geometry that the metadata describes.
    pub fn geometry(&self) -> Geometry {
        Geometry {
            width: self.width,
            height: self.height,
            offset_x: self.offset_x,
            offset_y: self.offset_y,
            pixel_format: self.pixel_format,
            x_padding: self.x_padding,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extent_beyond_the_payload_is_none() {
        // Catches a part that a device places behind what came, read from another frame's bytes.
        let payload = [1, 2, 3, 4];
        let at = |offset, bytes| Extent { offset, bytes }.of(&payload);
        assert_eq!(at(1, 2), Some(&payload[1..3]));
        assert_eq!(
            (at(3, 2), at(u64::MAX, 1), at(1, u64::MAX), at(0, 0)),
            (None, None, None, None)
        );
    }
}

//! What the SDK says of a frame, as a frame's metadata: geometry, length, time, number.

use super::library::Version;
use super::sys::{FrameInfo, PixelTypeRaw};
use crate::clock::DeviceTime;
use crate::format::{Geometry, PixelFormat};
use crate::meta::{FrameMeta, FrameStatus};

/// The top bit of a pixel type: the maker's own, among them compressed ones whose length is not that of the
/// image.
pub(super) const CUSTOM: u32 = 0x8000_0000;
const NANOS: u64 = 1_000_000_000;

/// The PFNC format of a pixel type. The SDK's codes are PFNC's, under names of its own; what it calls undefined
/// is -1 on Linux, which is no code.
pub(super) fn pixel_format(raw: PixelTypeRaw) -> PixelFormat {
    let code = raw as u32; // What lies above 32 bits is the sign of -1.
    PixelFormat(if code == u32::MAX { 0 } else { code })
}

/// What is known of a device's frames beside the frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The library fills the 64-bit length.
    pub has_long_length: bool,
    /// Chunks follow the image.
    pub has_chunks: bool,
    /// Packets that a whole frame may report as lost: some cameras always report one.
    pub lost_packets: u32,
    /// Ticks of the device's clock a second.
    pub ticks_a_second: u64,
}

impl Rules {
    pub fn new(version: Version, lost_packets: u32) -> Rules {
        Rules {
            has_long_length: version.is_at_least(4, 5),
            has_chunks: false,
            lost_packets,
            ticks_a_second: NANOS,
        }
    }

    /// The length that the SDK reports.
    pub fn length(&self, info: &FrameInfo) -> u64 {
        match info.frame_len_ex {
            long if self.has_long_length && long != 0 => long,
            _ => u64::from(info.frame_len),
        }
    }

    /// Sets `meta` and says how many bytes came.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock, no system call.
    pub fn read(&self, info: &FrameInfo, id: u64, meta: &mut FrameMeta) -> u64 {
        let wide = |short: u16, long: u32| if long != 0 { long } else { u32::from(short) };
        let geometry = Geometry {
            width: wide(info.width, info.extend_width),
            height: wide(info.height, info.extend_height),
            offset_x: u32::from(info.offset_x),
            offset_y: u32::from(info.offset_y),
            pixel_format: pixel_format(info.pixel_type),
            x_padding: 0,
        };
        *meta = FrameMeta::of(&geometry);
        meta.frame_id = id;
        meta.device_time = self.time(info);
        if info.lost_packets > self.lost_packets {
            meta.status = FrameStatus::Incomplete; // Its holes hold pixels of an older frame.
        }
        let length = self.length(info);
        let format = geometry.pixel_format;
        if self.has_chunks || format.is_packed() || format.0 & CUSTOM != 0 {
            return length;
        }
        // The length is that of the start, also after the region has shrunk: what lies behind the image is
        // stale.
        match geometry.image_bytes() {
            0 => length,
            image => length.min(image),
        }
    }

    fn time(&self, info: &FrameInfo) -> DeviceTime {
        let ticks = u64::from(info.dev_time_high) << 32 | u64::from(info.dev_time_low);
        DeviceTime(match self.ticks_a_second {
            NANOS | 0 => ticks,
            hz => {
                let nanos = u128::from(ticks) * u128::from(NANOS) / u128::from(hz);
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> FrameInfo {
        FrameInfo {
            width: 256,
            height: 512,
            pixel_type: 0x0108_0001,
            frame_len: 262_144,
            ..FrameInfo::ZERO
        }
    }

    fn rules() -> Rules {
        Rules::new(Version([4, 4, 0, 4]), 0)
    }

    #[test]
    fn a_shrunken_region_does_not_show_its_stale_tail() {
        // Catches frames whose length is that of the start: half of it old pixels.
        let mut meta = FrameMeta::default();
        assert_eq!(rules().read(&info(), 7, &mut meta), 256 * 512);
        assert_eq!((meta.frame_id, meta.width, meta.height), (7, 256, 512));
        let chunky = Rules { has_chunks: true, ..rules() };
        assert_eq!(chunky.read(&info(), 7, &mut meta), 262_144);
        let packed = FrameInfo { pixel_type: 0x010C_0006, ..info() };
        assert_eq!(rules().read(&packed, 7, &mut meta), 262_144);
    }

    #[test]
    fn wide_fields_are_believed_where_the_version_has_them() {
        let long = FrameInfo { frame_len_ex: 5, extend_width: 70_000, ..info() };
        let mut meta = FrameMeta::default();
        rules().read(&long, 0, &mut meta);
        assert_eq!(meta.width, 70_000);
        assert_eq!(rules().length(&long), 262_144, "a 4.4 has no such field");
        assert_eq!(Rules::new(Version([4, 6, 0, 0]), 0).length(&long), 5);
    }

    #[test]
    fn lost_packets_and_ticks() {
        let mut meta = FrameMeta::default();
        let lossy = FrameInfo { lost_packets: 1, dev_time_high: 1, dev_time_low: 100, ..info() };
        rules().read(&lossy, 0, &mut meta);
        assert_eq!(meta.status, FrameStatus::Incomplete);
        let tolerant = Rules { lost_packets: 1, ticks_a_second: 100_000_000, ..rules() };
        tolerant.read(&lossy, 0, &mut meta);
        assert_eq!(meta.status, FrameStatus::Complete);
        assert_eq!(meta.device_time, DeviceTime(((1 << 32) + 100) * 10));
    }

    #[test]
    fn formats_are_pfnc() {
        // Catches a code that is cut or shifted on its way, and -1 taken for a format.
        for format in PixelFormat::ALL {
            assert_eq!(pixel_format(format.0 as PixelTypeRaw), *format);
        }
        assert_eq!(pixel_format(0x8018_0001_u32 as PixelTypeRaw).0 & CUSTOM, CUSTOM);
        assert_eq!(pixel_format(-1_i64 as PixelTypeRaw), PixelFormat(0));
    }
}

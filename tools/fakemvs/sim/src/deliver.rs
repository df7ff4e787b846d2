//! What the caller is told of a frame.

use crate::abi::FrameInfo;
use crate::stream::Meta;
use std::ptr::addr_of_mut;

/// Versions from which on fields of the frame info exist.
pub const HAS_EXTENDED_SIZE: u32 = 0x0403_0000;
/// The 64-bit length and the user pointer.
pub const HAS_LONG_LENGTH: u32 = 0x0405_0000;
/// The encoder counts.
pub const HAS_ENCODERS: u32 = 0x0406_0000;

/// Writes the fields that this SDK version knows, and none of the others: padding, `nReserved0` and the tail stay as
/// the caller had them, as in the real library.
///
/// # Safety
///
/// - `info` points to a frame info that may be written.
pub unsafe fn describe(
    info: *mut FrameInfo,
    meta: &Meta,
    user: i64,
    host_origin_ms: i64,
    version: u32,
) {
    macro_rules! put {
        ($($field:ident = $value:expr;)*) => { $(
            // SAFETY: writable by the caller's word.
            unsafe { addr_of_mut!((*info).$field).write_unaligned($value) };
        )* };
    }
    let small = |n: u32| if n > 65_535 { 0 } else { n as u16 };
    put! {
        width = small(meta.width);
        height = small(meta.height);
        pixel_type = meta.pixel.into();
        frame_num = meta.frame_num;
        dev_timestamp_high = (meta.at >> 32) as u32;
        dev_timestamp_low = meta.at as u32;
        host_timestamp = host_origin_ms + (meta.at / 1_000_000) as i64;
        frame_len = u32::try_from(meta.reported).unwrap_or(u32::MAX);
        second_count = 0;
        cycle_count = 0;
        cycle_offset = 0;
        gain = meta.gain;
        exposure_time = meta.exposure;
        average_brightness = 0;
        red = 0;
        green = 0;
        blue = 0;
        frame_counter = meta.frame_num;
        trigger_index = meta.trigger;
        input = 0;
        output = 0;
        offset_x = small(meta.offset.0);
        offset_y = small(meta.offset.1);
        chunk_width = 0;
        chunk_height = 0;
        lost_packet = meta.lost_packets;
        unparsed_chunk_num = 0;
        unparsed_chunk_list = 0;
    }
    if version >= HAS_EXTENDED_SIZE {
        put! {
            extend_width = meta.width;
            extend_height = meta.height;
        }
    }
    if version >= HAS_LONG_LENGTH {
        put! {
            frame_len_ex = meta.reported as u64;
            extra_type = 0;
            sub_image_num = 0;
            sub_image_list = 0;
            user_ptr = user;
        }
    }
    if version >= HAS_ENCODERS {
        put! {
            first_line_encoder = 0;
            last_line_encoder = 0;
            last_frame_flag = 0;
        }
    }
}

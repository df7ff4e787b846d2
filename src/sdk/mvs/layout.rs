//! Every place in the SDK's structures, asserted when the crate is compiled.

use super::sys::*;

macro_rules! layout {
    ($type:ty, $size:literal $(, $field:ident @ $offset:literal)* $(,)?) => {
        const _: () = {
            assert!(size_of::<$type>() == $size, concat!("the size of ", stringify!($type)));
            $(assert!(
                std::mem::offset_of!($type, $field) == $offset,
                concat!("the place of ", stringify!($type), ".", stringify!($field))
            );)*
        };
    };
}

// Both systems' layouts are asserted wherever the crate is compiled: only the pixel type's width differs.
#[cfg(target_pointer_width = "64")]
mod on_64_bit_linux {
    use super::super::sys::*;
    layout!(
        FrameInfoOf<PixelTypeOnLinux>, 264, width @ 0, height @ 2, pixel_type @ 8, frame_num @ 16, dev_time_high @ 20,
        dev_time_low @ 24, reserved0 @ 28, host_time_ms @ 32, frame_len @ 40, second_count @ 44,
        gain @ 56, exposure_us @ 60, brightness @ 64, frame_counter @ 80, trigger_index @ 84,
        input @ 88, offset_x @ 96, offset_y @ 98, chunk_width @ 100, chunk_height @ 102,
        lost_packets @ 104, unparsed_chunks @ 108, unparsed_chunk_list @ 112, extend_width @ 120,
        extend_height @ 124, frame_len_ex @ 128, extra_type @ 136, sub_images @ 140,
        sub_image_list @ 144, user @ 152, first_line_encoder @ 160, last_frame @ 168,
        reserved @ 172,
    );
    layout!(FrameOutOf<PixelTypeOnLinux>, 336, buffer @ 0, info @ 8, reserved @ 272);
}

#[cfg(target_pointer_width = "64")]
mod on_64_bit_windows {
    use super::super::sys::*;
    layout!(
        FrameInfoOf<PixelTypeOnWindows>, 256, width @ 0, height @ 2, pixel_type @ 4, frame_num @ 8, dev_time_high @ 12,
        dev_time_low @ 16, reserved0 @ 20, host_time_ms @ 24, frame_len @ 32, gain @ 48,
        offset_x @ 88, lost_packets @ 96, unparsed_chunk_list @ 104, extend_width @ 112,
        frame_len_ex @ 120, extra_type @ 128, sub_image_list @ 136, user @ 144,
        first_line_encoder @ 152, last_frame @ 160, reserved @ 164,
    );
    layout!(FrameOutOf<PixelTypeOnWindows>, 328, buffer @ 0, info @ 8, reserved @ 264);
}

#[cfg(all(not(windows), target_arch = "x86"))]
layout!(
    FrameInfo, 260, pixel_type @ 4, frame_num @ 12, frame_len @ 36, lost_packets @ 100,
);

layout!(GigeInfo, 216, current_ip @ 8, manufacturer @ 20, model @ 52, serial @ 164, user_name @ 180, net_export @ 196);
layout!(UsbInfo, 540, vendor_id @ 4, device_number @ 8, guid @ 12, vendor @ 76, model @ 140, manufacturer @ 332, serial @ 396, user_name @ 460, usb_version @ 524);
layout!(DeviceInfo, 572, mac_high @ 4, layer @ 12, kind @ 16, special @ 32);
#[cfg(target_pointer_width = "64")]
layout!(DeviceList, 2056, count @ 0, devices @ 8);
layout!(IntValue, 96, current @ 0, max @ 8, min @ 16, inc @ 24);
layout!(FloatValue, 28, current @ 0, max @ 4, min @ 8);
layout!(EnumValue, 280, current @ 0, count @ 4, values @ 8, reserved @ 264);
#[cfg(target_pointer_width = "64")]
layout!(StringValue, 272, current @ 0, max_length @ 256);
#[cfg(target_pointer_width = "64")]
layout!(MatchInfo, 24, kind @ 0, info @ 8, info_bytes @ 16);
layout!(NetDetect, 40, received_bytes @ 0, lost_frames @ 16, received_frames @ 20, resends_asked @ 24);
layout!(UsbDetect, 24, received_bytes @ 0, received_frames @ 8);
layout!(StreamException, 104, serial @ 0, stream @ 64, kind @ 68);

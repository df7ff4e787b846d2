//! The types of the MVS interface, compared with what the platform's C compiler makes of them.
#![cfg(feature = "mvs")]
#![allow(missing_docs)]

use frameline::sdk::mvs::sys::*;
use std::mem::offset_of;
use std::path::PathBuf;
use std::process::Command;

/// What the compiler says: `(structure, member, offset)`, with `-` for the size. `on_windows`: with the enumeration as
/// it is there, for which this compiler chooses the width that one would.
fn compiled(on_windows: bool) -> Vec<(String, String, usize)> {
    let name = if on_windows { "mvs_layout_on_windows" } else { "mvs_layout" };
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/c/mvs_layout.c");
    let define = if on_windows { "-DAS_ON_WINDOWS" } else { "-DAS_HERE" };
    let built = Command::new("cc").args([define, source, "-o"]).arg(&out).status();
    assert!(built.expect("a C compiler, as rustc needs one to link").success());
    let output = Command::new(&out).output().expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("ASCII");
    let line = |l: &str| {
        let mut words = l.split(' ').map(String::from);
        let mut next = || words.next().expect("three words");
        (next(), next(), next().parse().expect("a number"))
    };
    text.lines().map(line).collect()
}

macro_rules! places {
    ($($type:ident: $($field:ident)*;)*) => {
        vec![$(
            (stringify!($type), "-", size_of::<$type>()),
            $((stringify!($type), stringify!($field), offset_of!($type, $field)),)*
        )*]
    };
}

/// Catches: a field behind the pixel type that is read from where it lies on another system, as most public
/// wrappers do; a wrong length is a buffer overrun.
#[test]
fn every_place_is_where_the_c_compiler_puts_it() {
    let ours = places! {
        FrameInfo: width height pixel_type frame_num dev_time_high dev_time_low reserved0 host_time_ms frame_len
            second_count cycle_count cycle_offset gain exposure_us brightness red green blue frame_counter
            trigger_index input output offset_x offset_y chunk_width chunk_height lost_packets unparsed_chunks
            unparsed_chunk_list extend_width extend_height frame_len_ex extra_type sub_images sub_image_list user
            first_line_encoder last_line_encoder last_frame reserved;
        FrameOut: buffer info reserved;
        GigeInfo: current_ip manufacturer model version serial user_name net_export;
        UsbInfo: vendor_id device_number guid model version manufacturer serial user_name usb_version;
        DeviceInfo: mac_high layer kind special;
        DeviceList: count devices;
        IntValue: current max min inc;
        FloatValue: current max min;
        EnumValue: current count values;
        StringValue: current max_length;
        MatchInfo: kind info info_bytes;
        NetDetect: received_bytes lost_frames received_frames resends_asked;
        UsbDetect: received_bytes received_frames;
        StreamException: serial stream kind;
    };
    compare(&ours, &compiled(false));
}

fn compare(ours: &[(&str, &str, usize)], theirs: &[(String, String, usize)]) {
    assert_eq!(ours.len(), theirs.len());
    for ((structure, member, at), theirs) in ours.iter().zip(theirs) {
        assert_eq!((*structure, *member, *at), (theirs.0.as_str(), theirs.1.as_str(), theirs.2));
    }
}

/// Catches: a layout for Windows that nobody on Linux ever looks at.
#[test]
#[cfg(target_pointer_width = "64")]
fn so_it_is_with_the_enumeration_of_windows() {
    type Info = FrameInfoOf<PixelTypeOnWindows>;
    let ours = [
        ("FrameInfo", "-", size_of::<Info>()),
        ("FrameInfo", "pixel_type", offset_of!(Info, pixel_type)),
        ("FrameInfo", "frame_num", offset_of!(Info, frame_num)),
        ("FrameInfo", "host_time_ms", offset_of!(Info, host_time_ms)),
        ("FrameInfo", "frame_len", offset_of!(Info, frame_len)),
        ("FrameInfo", "lost_packets", offset_of!(Info, lost_packets)),
        ("FrameInfo", "unparsed_chunk_list", offset_of!(Info, unparsed_chunk_list)),
        ("FrameInfo", "frame_len_ex", offset_of!(Info, frame_len_ex)),
        ("FrameInfo", "user", offset_of!(Info, user)),
        ("FrameInfo", "reserved", offset_of!(Info, reserved)),
        ("FrameOut", "-", size_of::<FrameOutOf<PixelTypeOnWindows>>()),
        ("FrameOut", "reserved", offset_of!(FrameOutOf<PixelTypeOnWindows>, reserved)),
    ];
    let mut theirs = compiled(true);
    theirs.retain(|t| ours.iter().any(|o| (o.0, o.1) == (t.0.as_str(), t.1.as_str())));
    compare(&ours, &theirs);
    assert_eq!((size_of::<Info>(), offset_of!(Info, frame_len)), (256, 32));
}

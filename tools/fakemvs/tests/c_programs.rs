//! Programs in C, compiled by the platform's compiler: they decide how wide the structs are, and one is what a user of
//! MVS writes.

#[path = "c/mod.rs"]
mod c;

use fakemvs_sim::abi::*;
use std::collections::HashMap;
use std::mem::offset_of;
use std::path::Path;

fn source(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(name)
}

/// Catches: a struct whose fields lie elsewhere than the platform's C compiler puts them.
#[test]
fn layouts_are_those_of_the_c_compiler() {
    let Some(exe) = c::compile(&source("layout.c"), &c::folder("layout"), None) else { return };
    let out = c::run(&exe, "", "");
    let text = String::from_utf8(out.stdout).expect("text");
    let theirs: HashMap<&str, usize> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(what, at)| (what, at.parse().expect("a number")))
        .collect();
    let mut compared = 0;
    macro_rules! same {
        ($c:literal, $ty:ty $(, $field:ident)*) => {
            assert_eq!(theirs[$c], size_of::<$ty>(), $c);
            $(
                let what = concat!($c, ".", stringify!($field));
                assert_eq!(theirs[what], offset_of!($ty, $field), "{what}");
                compared += 1;
            )*
            compared += 1;
        };
    }
    same!("frame_info", FrameInfo, pixel_type, frame_num, host_timestamp, frame_len, gain);
    same!("frame_info", FrameInfo, average_brightness, frame_counter, offset_x, lost_packet);
    same!("frame_info", FrameInfo, unparsed_chunk_list, extend_width, frame_len_ex, extra_type);
    same!("frame_info", FrameInfo, sub_image_list, user_ptr, first_line_encoder, last_frame_flag);
    same!("frame_info", FrameInfo, reserved);
    same!("frame_out", FrameOut, info, reserved);
    same!("gige_info", GigeInfo, serial, user_name, net_export);
    same!("usb_info", UsbInfo, guid, serial, bcd_usb);
    same!("device_info", DeviceInfo, transport_layer, special);
    same!("device_info_list", DeviceInfoList, devices);
    same!("int_value", IntValue);
    same!("int_value_ex", IntValueEx);
    same!("float_value", FloatValue);
    same!("enum_value", EnumValue, supported);
    same!("string_value", StringValue, max_length);
    same!("all_match_info", AllMatchInfo, info, info_size);
    same!("net_detect", NetDetect, lost_frame_count, resend_count);
    same!("usb_detect", UsbDetect);
    same!("net_trans_info", NetTransInfo, recv_frame_count);
    same!("stream_exception_info", StreamExceptionInfo, kind);
    assert!(compared >= theirs.len(), "every line is compared: {compared} of {}", theirs.len());
}

/// Catches: a program that is written for the vendor's library and does not run with this one.
#[test]
fn a_program_for_mvs_runs_unchanged() {
    let folder = c::folder("sample");
    let library = c::library("fakemvs");
    let Some(exe) = c::compile(&source("sample.c"), &folder, Some(&library)) else { return };
    let cameras = "camera gige serial=G7 fps=200; camera usb serial=U7";
    let out = c::run(&exe, cameras, "");
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    assert!(text.contains("GigE FAKE-013-GM G7 at c0a80a0b"), "{text}");
    assert!(text.contains("USB FAKE-013-UM U7"), "{text}");
    assert!(text.contains("payload 307200"), "{text}");
    assert!(text.contains("done, 3 images"), "{text}");

    // The environment reaches it: every other image is damaged, for one alone may be lost where the machine is slow.
    let out = c::run(&exe, cameras, "every 2 incomplete");
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("is torn"));
    let out = c::run(&exe, cameras, "fail OpenDevice 0x80000203");
    assert!(String::from_utf8_lossy(&out.stderr).contains("OpenDevice failed: 0x80000203"));
    let out = c::run(&exe, "camera none", "");
    assert_eq!(out.status.code(), Some(2));
    // A wrong environment is told, and no camera is there.
    let out = c::run(&exe, "camera ether", "");
    assert!(!out.status.success());
    assert!(String::from_utf8_lossy(&out.stderr).contains("gige or usb"));
}

//! The old generation: what a loader must not find, and what the frame info does not tell.

#[path = "../../tests/c/mod.rs"]
mod c;

use fakemvs_sim::abi::{DeviceInfo, DeviceInfoList, FrameInfo, Handle};
use libloading::Library;
use std::path::Path;

/// Catches: a symbol that SDK 3.1 had and that is missing, or one that came later and is there.
#[test]
fn later_symbols_are_absent() {
    // SAFETY: the library's initialisers do nothing.
    let library = unsafe { Library::new(c::library("fakemvs3")) }.expect("it loads");
    // SAFETY: the symbols are looked up and not called.
    let has =
        |name: &str| unsafe { library.get::<unsafe extern "C" fn()>(name.as_bytes()) }.is_ok();
    for later in [
        "MV_CC_Initialize",
        "MV_CC_Finalize",
        "MV_CC_EnumDevicesEx2",
        "MV_CC_ClearImageBuffer",
        "MV_CC_GetValidImageNum",
        "MV_CC_SetGrabStrategy",
        "MV_CC_SetOutputQueueSize",
        "MV_CC_GetPayloadSize",
        "MV_CC_AllocAlignedBuffer",
        "MV_CC_FreeAlignedBuffer",
        "MV_CC_RegisterBuffer",
        "MV_CC_UnRegisterBuffer",
        "MV_CC_RegisterImageCallBackEx2",
        "MV_CC_RegisterStreamExceptionCallBack",
        "MV_USB_RegisterStreamExceptionCallBack",
    ] {
        assert!(!has(later), "{later} came after 3.1");
    }
    for base in [
        "MV_CC_GetSDKVersion",
        "MV_CC_EnumDevices",
        "MV_CC_CreateHandle",
        "MV_CC_DestroyHandle",
        "MV_CC_OpenDevice",
        "MV_CC_CloseDevice",
        "MV_CC_StartGrabbing",
        "MV_CC_StopGrabbing",
        "MV_CC_GetOneFrameTimeout",
        "MV_CC_GetImageBuffer",
        "MV_CC_FreeImageBuffer",
        "MV_CC_SetImageNodeNum",
        "MV_CC_GetIntValueEx",
        "MV_CC_SetEnumValue",
        "MV_CC_SetFloatValue",
        "MV_CC_SetCommandValue",
        "MV_CC_RegisterExceptionCallBack",
        "MV_CC_GetAllMatchInfo",
    ] {
        assert!(has(base), "{base} was there");
    }
}

/// Catches: fields of later versions that are written where an old program has something else.
#[test]
fn the_tail_of_the_frame_info_stays_untouched() {
    use fakemvs3::*;
    let config = c"clock virtual; camera gige size=64x64";
    // SAFETY: infos are plain numbers; every pointer is to memory of ours.
    unsafe {
        assert_eq!(fakemvs_configure(config.as_ptr()), 0);
        assert_eq!(MV_CC_GetSDKVersion(), 0x0301_0300);
        let mut list: Box<DeviceInfoList> = Box::new(std::mem::zeroed());
        assert_eq!(MV_CC_EnumDevices(1, &mut *list), 0);
        let info: *const DeviceInfo = list.devices[0];
        let mut handle = Handle(std::ptr::null_mut());
        assert_eq!(MV_CC_CreateHandle(&mut handle, info), 0);
        assert_eq!(MV_CC_OpenDevice(handle, 1, 0), 0);
        assert_eq!(MV_CC_StartGrabbing(handle), 0);
        let mut frame: FrameInfo = std::mem::zeroed();
        (&raw mut frame).write_bytes(0xAB, 1);
        let mut data = [0_u8; 4096];
        assert_eq!(MV_CC_GetOneFrameTimeout(handle, data.as_mut_ptr(), 4096, &mut frame, 1000), 0);
        assert_eq!((frame.width, frame.frame_len, frame.lost_packet), (64, 4096, 0));
        let tail = std::mem::offset_of!(FrameInfo, extend_width);
        let bytes = std::slice::from_raw_parts(
            (&raw const frame).cast::<u8>().add(tail),
            size_of::<FrameInfo>() - tail,
        );
        assert!(bytes.iter().all(|b| *b == 0xAB), "{bytes:?}");
        assert_eq!(frame.reserved0, 0xABAB_ABAB);
        assert_eq!(MV_CC_DestroyHandle(handle), 0);
    }
}

/// Catches: a program of that time that does not run.
#[test]
fn a_program_for_mvs_runs_unchanged() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/c/sample.c");
    let library = c::library("fakemvs3");
    let Some(exe) = c::compile(&source, &c::folder("sample3"), Some(&library)) else { return };
    let out = c::run(&exe, "camera usb fps=200", "");
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    assert!(text.contains("SDK version 0x03010300") && text.contains("done, 3 images"), "{text}");
}

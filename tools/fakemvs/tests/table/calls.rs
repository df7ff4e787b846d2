//! Single calls: time-outs, small buffers, wrong order, wrong arguments, wrong features.

use crate::rig::*;
use crate::{CAMERA, LEN, Table, timed};
use fakemvs::*;
use fakemvs_sim::abi::*;
use std::mem::zeroed;
use std::ptr::{null, null_mut};

/// Whether every byte of an info is zero.
fn is_zero(info: &FrameInfo) -> bool {
    // SAFETY: plain numbers without padding that matters, all initialised.
    let bytes =
        unsafe { std::slice::from_raw_parts((&raw const *info).cast::<u8>(), size_of_val(info)) };
    bytes.iter().all(|b| *b == 0)
}

pub fn grabs(table: &mut Table) {
    table.situation("no frame in the time-out");
    let rig = rig(CAMERA);
    let cam = rig.open();
    let mut data = vec![0xAA; LEN];
    cam.set_enum("TriggerMode", 1);
    cam.start();
    let (ms, (code, _)) = timed(&rig, || cam.grab(&mut data, 500));
    table.code("GetOneFrameTimeout, 500 ms", NO_DATA, code);
    table.took("  it waits the whole time-out", 500..=500, ms);
    let (ms, (code, _)) = timed(&rig, || cam.lend(500));
    table.code("GetImageBuffer, 500 ms", NO_DATA, code);
    table.took("  it waits the whole time-out", 500..=500, ms);
    let (ms, (code, _)) = timed(&rig, || cam.grab(&mut data, 0));
    table.code("GetOneFrameTimeout, 0 ms", NO_DATA, code);
    table.took("  it returns at once", 0..=0, ms);
    // SAFETY: bytes of any value are an info; pointers are not followed.
    let (mut info, mut out): (FrameInfo, FrameOut) = unsafe { (zeroed(), zeroed()) };
    info.frame_len = 77;
    out.info.frame_len = 77;
    let mark = 0x1234_usize as *mut u8;
    out.buf_addr = mark;
    // SAFETY: all of it is ours.
    unsafe {
        MV_CC_GetOneFrameTimeout(cam.0, data.as_mut_ptr(), LEN as u32, &mut info, 0);
        MV_CC_GetImageBuffer(cam.0, &mut out, 0);
    }
    table.is("  the info is zeroed", true, is_zero(&info) && is_zero(&out.info));
    table.is("  pBufAddr is untouched", true, out.buf_addr == mark);

    table.situation("buffer too small");
    cam.stop();
    cam.set_enum("TriggerMode", 0);
    cam.start();
    let mut first = 0;
    for (i, size) in [1000, LEN - 1, 0].into_iter().enumerate() {
        data.fill(0xAA);
        let (ms, (code, info)) = timed(&rig, || cam.grab(&mut data[..size], 500));
        table.code(&format!("GetOneFrameTimeout into {size} bytes"), 0x8000_000A, code);
        if i == 0 {
            first = info.frame_num;
        } else {
            table.took("  it returns at once", 0..=0, ms);
        }
        table.is("  nFrameLen is the needed length", LEN as u32, info.frame_len);
        table.is("  the info is whole", 512, info.width);
        table.is("  no byte is written", true, data.iter().all(|b| *b == 0xAA));
        table.is("  the frame is not consumed", first, info.frame_num);
    }
    let (code, info) = cam.grab(&mut data, 500);
    table.code("GetOneFrameTimeout with room", OK, code);
    table.is("  it is the same frame", first, info.frame_num);
    // SAFETY: null where the call must refuse it.
    unsafe {
        let mut info = zero_info();
        let code = MV_CC_GetOneFrameTimeout(cam.0, null_mut(), 10, &mut info, 0);
        table.code("GetOneFrameTimeout, data NULL", PARAMETER, code as u32);
        let code = MV_CC_GetOneFrameTimeout(cam.0, data.as_mut_ptr(), LEN as u32, null_mut(), 0);
        table.code("GetOneFrameTimeout, info NULL", PARAMETER, code as u32);
        table.code(
            "GetImageBuffer, frame NULL",
            PARAMETER,
            MV_CC_GetImageBuffer(cam.0, null_mut(), 0) as u32,
        );
    }
    cam.destroy();
}

/// The calls that need an open, grabbing device.
fn grab_calls(table: &mut Table, cam: Cam, expected: u32) {
    let mut data = vec![0; LEN];
    table.code("  GetOneFrameTimeout", expected, cam.grab(&mut data, 100).0);
    table.code("  GetImageBuffer", expected, cam.lend(100).0);
    table.code("  FreeImageBuffer", expected, cam.free(&mut zero_out()));
}

pub fn order(table: &mut Table) {
    let rig = rig(CAMERA);
    let cam = rig.create(0);
    for closed in [false, true] {
        table.situation(if closed { "after close" } else { "not opened" });
        if closed {
            cam.open(1);
            cam.close();
        }
        grab_calls(table, cam, CALL_ORDER);
        table.code("  StartGrabbing", CALL_ORDER, cam.start());
        table.code("  StopGrabbing", CALL_ORDER, cam.stop());
        table.code("  CloseDevice", CALL_ORDER, cam.close());
        table.code("  GetIntValueEx", CALL_ORDER, cam.int("Width").0);
    }
    cam.open(1);
    for stopped in [false, true] {
        table.situation(if stopped { "after stop" } else { "before start" });
        if stopped {
            cam.start();
            cam.stop();
        }
        grab_calls(table, cam, CALL_ORDER);
        let (ms, code) = timed(&rig, || cam.stop());
        table.code("  StopGrabbing", CALL_ORDER, code);
        table.took("    it takes", 10..=10, ms);
    }

    table.situation("twice");
    table.code("OpenDevice again", CALL_ORDER, cam.open(1));
    cam.start();
    table.code("StartGrabbing again", CALL_ORDER, cam.start());
    table.code("  the stream goes on", OK, cam.grab(&mut vec![0; LEN], 1000).0);

    table.situation("close and destroy in the midst");
    let (ms, code) = timed(&rig, || cam.close());
    table.code("CloseDevice while grabbing", OK, code);
    table.took("  it takes", 1000..=2500, ms);
    cam.open(1);
    let (ms, code) = timed(&rig, || cam.close());
    table.code("CloseDevice of a healthy camera", OK, code);
    table.took("  it takes", 300..=3200, ms);
    cam.open(1);
    cam.start();
    let (ms, code) = timed(&rig, || cam.destroy());
    table.code("DestroyHandle while grabbing", OK, code);
    table.took("  it takes", 1000..=2500, ms);
    let open = rig.open();
    table.code("DestroyHandle while open", OK, open.destroy());

    for (what, dead) in [("NULL", Cam(Handle(null_mut()))), ("destroyed", cam)] {
        table.situation(&format!("handle {what}"));
        grab_calls(table, dead, HANDLE);
        table.code("  OpenDevice", HANDLE, dead.open(1));
        table.code("  CloseDevice", HANDLE, dead.close());
        table.code("  StartGrabbing", HANDLE, dead.start());
        table.code("  StopGrabbing", HANDLE, dead.stop());
        table.code("  DestroyHandle", HANDLE, dead.destroy());
        table.code("  GetIntValueEx", HANDLE, dead.int("Width").0);
        table.code("  SetIntValueEx", HANDLE, dead.set_int("Width", 64));
        table.code("  SetCommandValue", HANDLE, dead.command("TriggerSoftware"));
        table.code("  SetImageNodeNum", HANDLE, dead.nodes(3));
        table.is("  IsDeviceConnected", 0, u8::from(dead.connected()));
    }
}

pub fn library(table: &mut Table) {
    table.situation("the library");
    let rig = rig(CAMERA);
    let info = rig.enumerate()[0];
    let mut handle = Handle(null_mut());
    // SAFETY: null where the calls must refuse it, ours elsewhere.
    unsafe {
        let code = MV_CC_CreateHandle(null_mut(), &info);
        table.code("CreateHandle, handle NULL", PARAMETER, code as u32);
        let code = MV_CC_CreateHandle(&mut handle, null());
        table.code("CreateHandle, info NULL", PARAMETER, code as u32);
        let code = MV_CC_EnumDevices(5, null_mut());
        table.code("EnumDevices, list NULL", PARAMETER, code as u32);
        let mut list: Box<DeviceInfoList> = Box::new(zeroed());
        let code = MV_CC_EnumDevices(0, &mut *list);
        table.code("EnumDevices, no transport layer", 0x8000_0001, code as u32);
        rig.unplug(true);
        list.count = 7;
        let (ms, code) = timed(&rig, || MV_CC_EnumDevices(5, &mut *list));
        table.code("EnumDevices, no camera", OK, code as u32);
        table.is("  cameras", 0, list.count);
        table.took("  it takes", 100..=150, ms);
    }
}

pub fn features(table: &mut Table) {
    table.situation("features");
    let rig = rig(CAMERA);
    let cam = rig.open();
    table.code("GetIntValueEx of a missing node", 0x8000_0100, cam.int("NoSuchNode").0);
    table.code("SetIntValueEx of a missing node", 0x8000_0100, cam.set_int("NoSuchNode", 1));
    table.code("SetIntValueEx out of range", 0x8000_0102, cam.set_int("Width", 100_000));
    table.code("SetFloatValue out of range", 0x8000_0102, cam.set_float("Gain", 1e9));
    table.code("SetEnumValue without such an entry", 0x8000_0101, cam.set_enum("PixelFormat", 3));
    let code = cam.set_enum_text("PixelFormat", "Mono9");
    table.code("SetEnumValueByString without such an entry", 0x8000_0101, code);
    // SAFETY: no pointer.
    let code = unsafe { MV_GIGE_SetResend(cam.0, 1, 10, 50) };
    table.code("SetResend where the camera has none", 0x8000_0001, code as u32);
    cam.destroy();
}

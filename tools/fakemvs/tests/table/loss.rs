//! The camera goes and comes back; a second program wants it.

use crate::rig::*;
use crate::{CAMERA, LEN, Table, timed};
use fakemvs::*;

/// Grabs until the library has noticed the loss; how long that took.
fn until_noticed(rig: &Rig, cam: Cam) -> u64 {
    let since = rig.time();
    let mut data = vec![0; LEN];
    for _ in 0..200 {
        assert_eq!(cam.grab(&mut data, 100).0, NO_DATA);
        if !cam.connected() {
            return rig.time() - since;
        }
    }
    panic!("the loss is never noticed");
}

pub fn lost(table: &mut Table) {
    for cable in [false, true] {
        table.situation(if cable { "the cable is pulled" } else { "the camera is killed" });
        let rig = rig(CAMERA);
        let cam = rig.started();
        let ear = Ear::of(cam);
        let mut data = vec![0; LEN];
        table.code("GetOneFrameTimeout before", OK, cam.grab(&mut data, 1000).0);
        let width = cam.int("Width").1;
        rig.unplug(cable);
        table.code("GetOneFrameTimeout", NO_DATA, cam.grab(&mut data, 1000).0);
        table.code("GetImageBuffer", NO_DATA, cam.lend(500).0);
        table.is("  IsDeviceConnected before the exception", 1, u8::from(cam.connected()));
        let ms = 1500 + until_noticed(&rig, cam);
        table.is("  the exception", "0x8001".to_owned(), format!("{:#x}", ear.next()));
        table.took("  it comes after", 2100..=6500, ms);
        table.is("  IsDeviceConnected after it", 0, u8::from(cam.connected()));
        table.code("GetOneFrameTimeout after it", NO_DATA, cam.grab(&mut data, 1000).0);
        let (ms, code) = timed(&rig, || cam.set_int("Width", 256));
        table.code("SetIntValueEx", NETWORK, code);
        table.took("  it takes", 0..=20, ms);
        table.code("SetCommandValue", NETWORK, cam.command("AcquisitionStart"));
        let (code, cached) = cam.int("Width");
        table.code("GetIntValueEx", OK, code);
        table.is("  a cached value", width, cached);
        let (ms, code) = timed(&rig, || cam.stop());
        table.code("StopGrabbing", NETWORK, code);
        table.took("  it takes", 1..=20, ms);
        table.code("  and does stop: GetOneFrameTimeout", CALL_ORDER, cam.grab(&mut data, 0).0);
        table.code("StartGrabbing", NETWORK, cam.start());
        table.is("  only one exception came", true, ear.silent());

        cam.close();
        let (ms, code) = timed(&rig, || cam.open(1));
        table.code("OpenDevice while it is gone", NETWORK, code);
        let range = if cable { 2500..=3700 } else { 100..=1500 };
        table.took("  it takes", range, ms);
        cam.destroy();
    }

    table.situation("a control call between loss and exception");
    let rig = rig(CAMERA);
    let cam = rig.open();
    rig.unplug(true);
    let (ms, code) = timed(&rig, || cam.start());
    table.code("StartGrabbing", NETWORK, code);
    table.took("  it blocks", 9900..=9900, ms);
    cam.destroy();
}

pub fn returned(table: &mut Table) {
    let mut data = vec![0; LEN];
    table.situation("the camera returns after the exception, nothing is done");
    let rig1 = rig(CAMERA);
    let cam = rig1.started();
    let ear = Ear::of(cam);
    rig1.unplug(false);
    until_noticed(&rig1, cam);
    ear.next();
    rig1.plug(false);
    for _ in 0..3 {
        table.code("GetOneFrameTimeout, 20 s", NO_DATA, cam.grab(&mut data, 20_000).0);
    }
    table.situation("recovery");
    table.code("CloseDevice", OK, cam.close());
    table.code("OpenDevice on the same handle", OK, cam.open(1));
    table.code("StartGrabbing", OK, cam.start());
    table.code("GetOneFrameTimeout", OK, cam.grab(&mut data, 1000).0);
    rig1.unplug(false);
    until_noticed(&rig1, cam);
    cam.close();
    table.is("the exception callback was forgotten by the close", true, ear.silent());
    cam.destroy();
    drop(rig1);

    table.situation("the camera returns before the exception");
    let rig2 = rig(CAMERA);
    let cam = rig2.started();
    let ear = Ear::of(cam);
    rig2.unplug(false);
    table.code("GetOneFrameTimeout, 1 s", NO_DATA, cam.grab(&mut data, 1000).0);
    rig2.plug(false);
    let ms = until_noticed(&rig2, cam);
    table.is("  the exception", "0x8001".to_owned(), format!("{:#x}", ear.next()));
    table.took("  it comes after", 800..=900, ms);
    table.code("GetOneFrameTimeout, 20 s", NO_DATA, cam.grab(&mut data, 20_000).0);
    cam.destroy();
}

pub fn glitches(table: &mut Table) {
    let mut data = vec![0; LEN];
    table.situation("a short glitch");
    for ms in [300, 600] {
        let rig = rig(CAMERA);
        rig.script(&format!("at 10 glitch {ms}"));
        let cam = rig.started();
        let ear = Ear::of(cam);
        let mut codes = Vec::new();
        for _ in 0..40 {
            codes.push(cam.grab(&mut data, 300).0);
        }
        let silent = codes.iter().filter(|c| **c == NO_DATA).count();
        let few = (1..=2).contains(&silent);
        table.is(&format!("{ms} ms: one or two grabs of 300 ms time out"), true, few);
        table.code("  it resumes alone", OK, *codes.last().expect("40 codes"));
        table.is("  no exception", true, ear.silent());
        cam.destroy();
    }

    table.situation("the host starves: the heartbeat lapses though the camera lives");
    let rig = rig(CAMERA);
    rig.script("at 10 glitch 3500");
    let cam = rig.started();
    let ear = Ear::of(cam);
    assert_eq!(cam.set_float("Gain", 3.0), OK);
    while cam.grab(&mut data, 1000).0 == OK {}
    until_noticed(&rig, cam);
    table.is("  the exception", "0x8001".to_owned(), format!("{:#x}", ear.next()));
    table.is("  IsDeviceConnected", 0, u8::from(cam.connected()));
    cam.destroy();
}

pub fn controllers(table: &mut Table) {
    table.situation("a second controller");
    let rig1 = rig(CAMERA);
    let first = rig1.open();
    let second = rig1.create(0);
    let (ms, code) = timed(&rig1, || second.open(1));
    table.code("OpenDevice", NETWORK, code);
    table.took("  it takes", 2400..=3300, ms);
    let mut info = rig1.enumerate()[0];
    // SAFETY: an info of ours.
    let accessible = unsafe { MV_CC_IsDeviceAccessible(&mut info, 1) };
    table.is("IsDeviceAccessible", 0, accessible);
    table.code("OpenDevice, monitor mode", OK, second.open(7));
    second.destroy();
    first.destroy();
    // SAFETY: as above.
    let accessible = unsafe { MV_CC_IsDeviceAccessible(&mut info, 1) };
    table.is("IsDeviceAccessible when nobody has it", 1, accessible);
    drop(rig1);
    let rig2 = rig(&format!("{CAMERA} like=hik"));
    let first = rig2.open();
    let second = rig2.create(0);
    table.code("OpenDevice, camera of the vendor", 0x8000_0203, second.open(1));
    second.destroy();
    first.destroy();
}

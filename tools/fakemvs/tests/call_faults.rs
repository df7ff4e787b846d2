//! The fault script: codes from any call, calls that block, exceptions in the midst of a call.

mod rig;

use fakemvs::*;
use rig::*;

const CAMERAS: &str =
    "clock virtual; camera gige serial=A size=640x480; camera gige serial=B size=640x480";

/// Catches: a rule that does not count its calls, or that hits another camera or another call.
#[test]
fn codes_are_answered_where_and_as_often_as_asked() {
    let rig = rig(CAMERAS);
    let (a, b) = (rig.create(0), rig.create(1));
    rig.script("fail OpenDevice 0x80000203 at 1 times 2; on B fail StartGrabbing -2147483642");
    assert_eq!(a.open(1), OK);
    assert_eq!([b.open(1), b.open(1), b.open(1)], [0x8000_0203, 0x8000_0203, OK]);
    assert_eq!([a.start(), b.start()], [OK, 0x8000_0006]);
    assert_eq!(b.start(), OK, "once is once");
    assert_eq!(rig.calls("MV_CC_OpenDevice"), 4);
    rig.script("fail * 0x800000FF times 3; fail IsDeviceConnected 0 at 1");
    assert_eq!([a.stop(), a.close(), a.destroy()], [0x8000_00FF; 3]);
    assert!(a.connected());
    assert!(!a.connected());
    assert!(a.connected());
    rig.script("fail StopGrabbing 0x80000206 done");
    assert_eq!(a.stop(), NETWORK);
    assert_eq!(a.stop(), CALL_ORDER, "it did its work all the same");
    assert_eq!([a.destroy(), b.destroy()], [OK; 2]);
}

/// Catches: a call that does its work though it was made to fail.
#[test]
fn calls_that_fail_do_nothing() {
    let rig = rig(CAMERAS);
    rig.script("fail CreateHandle 0x80000026; fail FreeImageBuffer 0x80000026; fail GetImageBuffer 0x80000026");
    let info = rig.enumerate()[0];
    let mut handle = fakemvs_sim::abi::Handle(std::ptr::null_mut());
    // SAFETY: both are ours.
    assert_eq!(unsafe { MV_CC_CreateHandle(&mut handle, &info) } as u32, 0x8000_0026);
    assert!(handle.0.is_null());
    let cam = rig.started();
    assert_eq!(cam.lend(100).0, 0x8000_0026);
    let (code, mut out) = cam.lend(100);
    assert_eq!(code, OK);
    assert_eq!(cam.free(&mut out), 0x8000_0026);
    assert_eq!(cam.lend(100).0, 0x8000_000D, "it is still held");
    assert_eq!(cam.free(&mut out), OK);
    cam.destroy();
}

/// Catches: a block that takes no time, or real time where time is virtual.
#[test]
fn calls_block() {
    let rig = rig(CAMERAS);
    let cam = rig.open();
    rig.script("block StartGrabbing 9900; block SetIntValueEx 5000 at 1");
    let before = rig.time();
    assert_eq!(cam.start(), OK);
    assert!(rig.time() - before >= 9900);
    let before = rig.time();
    assert_eq!(cam.set_int("GevSCPD", 1), OK);
    assert_eq!(rig.time(), before);
    assert_eq!(cam.set_int("GevSCPD", 2), OK);
    assert_eq!(rig.time() - before, 5000);
    cam.destroy();
}

/// Catches: an exception that is lost because the device is being closed, or that comes after the close.
#[test]
fn exceptions_come_during_shutdown() {
    for call in ["StopGrabbing", "CloseDevice", "DestroyHandle"] {
        let rig = rig(CAMERAS);
        let cam = rig.started();
        let ear = Ear::of(cam);
        rig.script(&format!("raise {call} 0x8001"));
        let code = match call {
            "StopGrabbing" => cam.stop(),
            "CloseDevice" => cam.close(),
            _ => cam.destroy(),
        };
        assert_eq!(code, OK);
        if call == "StopGrabbing" {
            assert_eq!(ear.next(), 0x8001);
        } else {
            // The SDK thread has ended, so what it had to bring was brought.
            assert_eq!(ear.from.try_recv().map(|h| h.0), Ok(0x8001), "{call}");
        }
        cam.destroy();
        assert!(ear.silent(), "nothing comes after the end");
    }
}

/// Catches: a wrong script that is taken silently.
#[test]
fn wrong_scripts_are_refused_with_a_sentence() {
    let rig = rig(CAMERAS);
    assert!(rig.wrong_script("at 1 nothing").contains("line 1"));
    assert!(rig.wrong_script("on C at 1 lose").contains("no camera has the serial C"));
    rig.script("at 1 lose");
}

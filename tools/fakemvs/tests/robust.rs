//! Nothing a caller does wrong, and no order of two threads, brings the library down.

mod rig;

use fakemvs::*;
use fakemvs_sim::abi::*;
use rig::*;
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Every function with null in place of each pointer; what each answers.
///
/// # Safety
///
/// - None beyond the handle: null is what is tested.
unsafe fn all_null(h: Handle) -> Vec<u32> {
    // SAFETY: null is refused by each of them.
    let codes = unsafe {
        [
            MV_CC_GetDeviceInfo(h, null_mut()),
            MV_CC_GetOneFrameTimeout(h, null_mut(), 9, null_mut(), 0),
            MV_CC_GetImageBuffer(h, null_mut(), 0),
            MV_CC_FreeImageBuffer(h, null_mut()),
            MV_CC_GetValidImageNum(h, null_mut()),
            MV_CC_GetPayloadSize(h, null_mut(), null_mut()),
            MV_CC_GetAllMatchInfo(h, null_mut()),
            MV_CC_GetIntValue(h, null(), null_mut()),
            MV_CC_SetIntValue(h, null(), 0),
            MV_CC_GetIntValueEx(h, null(), null_mut()),
            MV_CC_SetIntValueEx(h, null(), 0),
            MV_CC_GetFloatValue(h, null(), null_mut()),
            MV_CC_SetFloatValue(h, null(), 0.0),
            MV_CC_GetEnumValue(h, null(), null_mut()),
            MV_CC_SetEnumValue(h, null(), 0),
            MV_CC_SetEnumValueByString(h, null(), null()),
            MV_CC_GetBoolValue(h, null(), null_mut()),
            MV_CC_SetBoolValue(h, null(), 0),
            MV_CC_GetStringValue(h, null(), null_mut()),
            MV_CC_SetStringValue(h, null(), null()),
            MV_CC_SetCommandValue(h, null()),
            MV_GIGE_GetNetTransInfo(h, null_mut()),
        ]
    };
    codes.map(|c| c as u32).to_vec()
}

/// Catches: a crash on a null pointer, or a handle that is followed instead of looked up.
#[test]
fn null_pointers_and_wrong_handles() {
    let rig = rig("clock virtual; camera gige size=640x480");
    let cam = rig.started();
    // SAFETY: see there.
    let codes = unsafe { all_null(cam.0) };
    assert!(codes.iter().all(|c| *c == PARAMETER), "{codes:x?}");
    cam.destroy();
    for wrong in [null_mut(), cam.0.0, 0x40_usize as *mut c_void, usize::MAX as *mut c_void] {
        // SAFETY: see there.
        let codes = unsafe { all_null(Handle(wrong)) };
        assert!(codes.iter().all(|c| *c == HANDLE), "{codes:x?}");
    }
    // SAFETY: null and foreign pointers are what is tested.
    unsafe {
        assert_eq!(MV_CC_IsDeviceAccessible(null_mut(), 1), 0);
        assert_eq!(MV_CC_FreeAlignedBuffer(null_mut()) as u32, PARAMETER);
        assert!(MV_CC_AllocAlignedBuffer(0, 8).is_null());
        assert!(MV_CC_AllocAlignedBuffer(100, 3).is_null());
        assert!(MV_CC_AllocAlignedBuffer(u64::MAX, 8).is_null());
        let block = MV_CC_AllocAlignedBuffer(1000, 4096);
        assert!(!block.is_null() && (block as usize).is_multiple_of(4096));
        assert_eq!(MV_CC_FreeAlignedBuffer(block), 0);
        assert_eq!(MV_CC_FreeAlignedBuffer(block) as u32, PARAMETER);
        assert_eq!(fakemvs_check(null(), 0, null_mut()), -1);
        assert_eq!(fakemvs_configure(null()), 0);
    }
}

/// Catches: registered buffers that are too small, too few, unaligned, doubled or unknown and accepted all the same.
#[test]
fn registered_buffers_are_checked() {
    let rig = rig("clock virtual; camera gige size=640x480");
    let cam = rig.open();
    const LEN: usize = 640 * 480;
    let mut memory = vec![0_u64; 4 * LEN / 8];
    let base: *mut u8 = memory.as_mut_ptr().cast();
    let at = |i: usize| base.wrapping_add(i * LEN);
    assert_eq!(cam.register(null_mut(), LEN, 0), PARAMETER);
    assert_eq!(cam.register(at(0), LEN - 1, 0), 0x8000_000A);
    assert_eq!(cam.register(at(0).wrapping_add(1), LEN, 0), 0x8000_0012);
    assert_eq!([cam.register(at(0), LEN, 0), cam.register(at(1), LEN, 0)], [OK; 2]);
    assert_eq!(cam.register(at(1), LEN, 0), 0x8000_0010);
    assert_eq!(cam.start(), 0x8000_0013, "two are too few");
    assert_eq!([cam.register(at(2), LEN, 0), cam.nodes(1), cam.start()], [OK; 3]);
    assert_eq!(cam.register(at(3), LEN, 0), CALL_ORDER);
    assert_eq!(cam.unregister(at(0)), CALL_ORDER);
    assert_eq!(cam.grab(&mut vec![0; LEN], 100).0, CALL_ORDER, "only lent frames now");
    // The node number has no effect: all three can be held.
    assert_eq!([cam.lend(1000).0, cam.lend(1000).0, cam.lend(1000).0], [OK; 3]);
    assert_eq!(cam.lend(1000).0, 0x8000_000D);
    assert_eq!([cam.stop(), cam.unregister(at(0))], [OK; 2]);
    assert_eq!(cam.unregister(at(0)), 0x8000_0011);
    assert_eq!(cam.unregister(at(3)), 0x8000_0011);
    // What was registered for a smaller region does not fit a larger one.
    assert_eq!([cam.register(at(0), LEN, 0), cam.set_enum_text("PixelFormat", "Mono12")], [OK; 2]);
    assert_eq!(cam.start(), 0x8000_000A);
    cam.destroy();
}

/// Catches: a crash, a deadlock or a torn frame when several threads open, start, grab, set, stop, close and destroy
/// handles of the same cameras at once.
#[test]
fn several_threads() {
    for clock in ["real", "virtual"] {
        let rig = rig(&format!(
            "clock {clock}; delays off; camera gige size=64x64 fps=2000 heartbeat=5; camera usb size=64x64 fps=2000"
        ));
        rig.script("every 50 from 20 glitch 1; every 300 disconnect 3; random 0.02 duplicate");
        let torn = AtomicU32::new(0);
        let over = AtomicBool::new(false);
        let shared = rig.create(0);
        std::thread::scope(|scope| {
            for index in 0..2_u32 {
                let (rig, torn) = (&rig, &torn);
                scope.spawn(move || {
                    let mut data = vec![0; 64 * 64];
                    for round in 0..60_u32 {
                        let cam = if index == 0 {
                            shared
                        } else {
                            // Enumerating from several threads is what the header forbids; here the camera is known.
                            // It may be away, and go again at once: one list both finds and names it.
                            loop {
                                match rig.enumerate().get(1) {
                                    Some(info) => break rig.create_of(info),
                                    None => rig.advance(1),
                                }
                            }
                        };
                        cam.open(1);
                        cam.nodes(1 + round % 4);
                        cam.start();
                        for _ in 0..10 {
                            let (code, info) = cam.grab(&mut data, 5);
                            let number = fakemvs_sim::stamp::check(&data).map(|s| s.frame_num);
                            if code == OK && number != Ok(info.frame_num) {
                                torn.fetch_add(1, Ordering::SeqCst);
                            }
                            let (code, mut out) = cam.lend(5);
                            if code == OK {
                                cam.free(&mut out);
                            }
                        }
                        match round % 3 {
                            0 => cam.stop(),
                            1 => cam.close(),
                            _ => OK,
                        };
                        if index == 1 {
                            cam.destroy();
                        }
                    }
                });
            }
            let meddling = scope.spawn(|| {
                for round in 0..300 {
                    shared.set_float("Gain", (round % 10) as f32);
                    shared.int("PayloadSize");
                    shared.connected();
                    match round % 20 {
                        3 => shared.stop(),
                        7 => shared.close(),
                        11 => shared.open(1),
                        13 => shared.start(),
                        _ => OK,
                    };
                    std::thread::yield_now();
                }
                over.store(true, Ordering::SeqCst);
            });
            meddling.join().expect("it ends");
        });
        assert!(over.load(Ordering::SeqCst));
        assert_eq!(torn.load(Ordering::SeqCst), 0, "frames that were copied are whole");
        shared.destroy();
        // What is left is usable.
        rig.script("");
        rig.advance(10_000);
        let cam = rig.started();
        assert_eq!(cam.grab(&mut vec![0; 64 * 64], 5000).0, OK);
        cam.destroy();
    }
}

/// Catches: a grab that waits on after the stream was stopped under it.
#[test]
fn a_stop_wakes_a_waiting_grab() {
    let rig = rig("camera gige size=64x64");
    let cam = rig.open();
    cam.set_enum("TriggerMode", 1);
    cam.start();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || cam.grab(&mut vec![0; 64 * 64], 600_000).0);
        while rig.calls("MV_CC_GetOneFrameTimeout") == 0 {
            std::thread::yield_now();
        }
        assert_eq!(cam.stop(), OK);
        assert_eq!(waiting.join().expect("it returns"), CALL_ORDER);
    });
    cam.destroy();
}

unsafe extern "system" fn close_inside(_code: u32, user: *mut c_void) {
    let shared = user.cast::<(Handle, AtomicU32)>();
    // SAFETY: the test's pair, which outlives the handle.
    unsafe { (*shared).1.store(MV_CC_CloseDevice((*shared).0) as u32, Ordering::SeqCst) };
}

/// Catches: a deadlock where a callback closes the device that calls it.
#[test]
fn a_close_from_inside_a_callback_is_refused() {
    let rig = rig("clock virtual; camera gige size=64x64");
    let cam = rig.open();
    let shared = Box::new((cam.0, AtomicU32::new(1)));
    assert_eq!(cam.on_exception(Some(close_inside), (&raw const *shared).cast_mut().cast()), OK);
    rig.script("raise CloseDevice 0x8001");
    assert_eq!(cam.close(), OK);
    assert_eq!(shared.1.load(Ordering::SeqCst), CALL_ORDER);
    cam.destroy();
}

//! The fault script: every action on frames, seen from the caller's side.

mod rig;

use fakemvs::*;
use fakemvs_sim::abi::StreamExceptionInfo;
use fakemvs_sim::stamp::{self, Torn};
use rig::*;
use std::ffi::c_void;
use std::slice::from_raw_parts;

const CAMERA: &str = "clock virtual; camera gige size=640x480 fps=100";
const LEN: usize = 640 * 480;

/// Grabs `n` frames: code, number, reported length, and what a check says.
fn grabbed(cam: Cam, n: usize) -> Vec<(u32, u32, u32, Result<u64, Torn>)> {
    let mut data = vec![0; 2 * LEN];
    (0..n)
        .map(|_| {
            let (code, info) = cam.grab(&mut data, 1000);
            let serial = stamp::check(&data[..LEN]).map(|s| s.serial);
            (code, info.frame_num, info.frame_len, serial)
        })
        .collect()
}

/// The serials of `n` frames under a script; every one must be whole.
fn serials(script: &str, n: usize) -> Vec<u64> {
    let rig = rig(CAMERA);
    rig.script(script);
    let cam = rig.open();
    assert_eq!([cam.nodes(8), cam.start()], [OK; 2]);
    let serials = grabbed(cam, n).into_iter().map(|f| f.3.expect("a whole frame")).collect();
    cam.destroy();
    serials
}

/// Catches: a frame rule that acts on another frame, not at all, or more than once.
#[test]
fn frames_that_are_lost_doubled_or_late() {
    assert_eq!(serials("at 2 lose 3", 4), [0, 1, 5, 6]);
    assert_eq!(serials("at 2 duplicate", 5), [0, 1, 2, 2, 3]);
    assert_eq!(serials("at 2 double", 5), [0, 1, 2, 2, 3]);
    assert_eq!(serials("at 2 reorder", 5), [0, 1, 3, 2, 4]);
    assert_eq!(serials("every 2 from 3 to 5 lose", 5), [0, 1, 2, 4, 6]);
    let drawn = serials("random 0.5 lose", 50);
    assert!((70..130).contains(&drawn[49]), "about half is lost: {}", drawn[49]);
    assert_eq!(drawn, serials("random 0.5 lose", 50), "the same ones in each run");
}

/// Catches: time-outs that are not counted in grabs, or that consume the frame; a burst that waits.
#[test]
fn time_outs_bursts_stalls_and_codes() {
    let rig = rig(CAMERA);
    rig.script("at 1 timeout 3; at 3 burst 4; at 8 stall 700");
    let cam = rig.open();
    assert_eq!([cam.nodes(8), cam.start()], [OK; 2]);
    let codes: Vec<_> = grabbed(cam, 5).into_iter().map(|f| (f.0, f.1)).collect();
    assert_eq!(codes, [(OK, 1), (NO_DATA, 0), (NO_DATA, 0), (NO_DATA, 0), (OK, 2)]);
    grabbed(cam, 2);
    let before = rig.time();
    let burst = grabbed(cam, 3);
    assert!(burst.iter().all(|f| f.0 == OK));
    assert_eq!(rig.time(), before, "a burst is there at once");
    grabbed(cam, 1);
    let before = rig.time();
    assert_eq!(cam.grab(&mut vec![0; LEN], 20).0, OK);
    assert!(rig.time() - before >= 700, "the grab blocks beyond its time-out");
    cam.stop();
    let first = rig.frames();
    rig.script(&format!("at {first} fail 0x80000205"));
    cam.start();
    let mut data = vec![0; LEN];
    assert_eq!(cam.grab(&mut data, 1000).0, 0x8000_0205);
    assert_eq!(cam.grab(&mut data, 1000).0, OK);
    assert_eq!(stamp::check(&data).map(|s| s.serial), Ok(first), "the frame stayed");
    cam.destroy();
}

/// Catches: a length that is not the one the script asks for, or a damage that is not told.
#[test]
fn damaged_frames_and_false_lengths() {
    let rig = rig(CAMERA);
    rig.script("at 1 incomplete 0.9; at 2 short 10; at 3 long 64; at 4 lie 100; at 5 incomplete 0");
    let cam = rig.started();
    let frames = grabbed(cam, 6);
    let len = LEN as u32;
    let lengths: Vec<_> = frames.iter().map(|f| f.2).collect();
    assert_eq!(lengths, [len, len, len - 10, len + 64, len + 100, len]);
    assert!(matches!(frames[1].3, Err(Torn::Body(_))));
    assert!(frames[2..5].iter().all(|f| f.3.is_ok()));
    assert_ne!(frames[5].3, Ok(5), "all packets of it were lost: an older frame is seen");
    assert!(frames.iter().all(|f| f.0 == OK));
    cam.destroy();
}

/// Catches: an overrun that stays inside the buffer, or goes further than asked.
#[test]
fn overruns_go_past_the_end() {
    let rig = rig(CAMERA);
    rig.script("at 1 overrun 16");
    let cam = rig.started();
    let mut data = vec![0x11_u8; LEN + 64];
    grabbed(cam, 1);
    assert_eq!(cam.grab(&mut data[..LEN], 1000).0, OK);
    assert!(data[LEN..LEN + 16].iter().all(|b| *b == 0xEE));
    assert!(data[LEN + 16..].iter().all(|b| *b == 0x11));
    cam.stop();

    // Registered buffers, with room behind each.
    let first = rig.frames();
    rig.script(&format!("at {} overrun 16", first + 1));
    let mut memory = vec![0_u64; 3 * (LEN + 64) / 8];
    let base: *mut u8 = memory.as_mut_ptr().cast();
    for i in 0..3 {
        assert_eq!(cam.register(base.wrapping_add(i * (LEN + 64)), LEN, 0), OK);
    }
    assert_eq!(cam.start(), OK);
    for serial in first..first + 3 {
        let (code, mut out) = cam.lend(1000);
        assert_eq!(code, OK);
        // SAFETY: ours, with 64 bytes behind the registered part.
        let bytes = unsafe { from_raw_parts(out.buf_addr, LEN + 64) };
        assert_eq!(stamp::check(&bytes[..LEN]).map(|s| s.serial), Ok(serial));
        let beyond = bytes[LEN..].iter().take_while(|b| **b == 0xEE).count();
        assert_eq!(beyond, if serial == first + 1 { 16 } else { 0 });
        cam.free(&mut out);
    }
    cam.destroy();
}

/// Catches: a resize whose frame is lost or comes into too small a buffer; a drift that does not end with a restart.
#[test]
fn sizes_change_under_way() {
    let rig = rig(CAMERA);
    rig.script("at 2 resize 1280x1024; at 4 drift 320x240 Mono12; at 6 drift 1280x1024 Mono12");
    let cam = rig.started();
    grabbed(cam, 2);
    let mut data = vec![0; LEN];
    let (code, info) = cam.grab(&mut data, 1000);
    assert_eq!((code, info.frame_len, info.width), (0x8000_000A, 1280 * 1024, 1280));
    let mut data = vec![0; 1280 * 1024 * 2];
    let (code, again) = cam.grab(&mut data, 1000);
    assert_eq!((code, again.frame_num), (OK, info.frame_num), "the same frame");
    assert_eq!(stamp::check(&data[..1280 * 1024]).map(|s| s.serial), Ok(2));
    cam.grab(&mut data, 1000);
    let (code, small) = cam.grab(&mut data, 1000);
    assert_eq!((code, small.width, small.frame_len), (OK, 320, 1280 * 1024));
    assert_eq!(small.pixel_type, 0x0110_0005);
    assert_eq!(stamp::check(&data).map(|s| s.serial), Ok(4));
    assert_eq!(cam.grab(&mut data, 1000).0, OK);
    for _ in 0..5 {
        assert_eq!(cam.grab(&mut data, 1000).0, NO_DATA, "larger images never come");
    }
    assert_eq!(cam.int("PayloadSize"), (OK, 1280 * 1024 * 2), "the camera tells the new size");
    assert_eq!([cam.stop(), cam.start()], [OK; 2]);
    assert_eq!(cam.grab(&mut data, 1000).0, OK);
    assert!(stamp::check(&data).is_ok());
    cam.destroy();
}

unsafe extern "system" fn stream_heard(info: *mut StreamExceptionInfo, user: *mut c_void) {
    // SAFETY: the library's info, for this call.
    let kind = unsafe { (*info).kind };
    // SAFETY: an ear's sender.
    unsafe { hear(kind as u32, user) }
}

unsafe extern "system" fn usb_heard(kind: i32, user: *mut c_void) {
    // SAFETY: an ear's sender.
    unsafe { hear(kind as u32, user) }
}

/// Catches: a callback that is not called, called by the wrong thread, or with another number.
#[test]
fn exceptions_of_device_and_stream() {
    let rig = rig("clock virtual; camera usb size=640x480 fps=100");
    rig.script("at 1 exception 0x8002; at 2 stream 0x4001; at 5 resize 1280x1024");
    let cam = rig.open();
    let (device, stream, usb) = (Ear::of(cam), Ear::new(), Ear::new());
    // SAFETY: the ears outlive the handle.
    unsafe {
        let call = Some(stream_heard as _);
        assert_eq!(MV_CC_RegisterStreamExceptionCallBack(cam.0, call, stream.user()), 0);
        let call = Some(usb_heard as _);
        assert_eq!(MV_USB_RegisterStreamExceptionCallBack(cam.0, call, usb.user()), 0);
    }
    let mut memory = vec![0_u64; 3 * LEN / 8];
    let base: *mut u8 = memory.as_mut_ptr().cast();
    for i in 0..3 {
        assert_eq!(cam.register(base.wrapping_add(i * LEN), LEN, 0), OK);
    }
    assert_eq!(cam.start(), OK);
    for _ in 0..5 {
        let (code, mut out) = cam.lend(1000);
        assert_eq!((code, cam.free(&mut out)), (OK, OK));
    }
    assert_eq!(device.next(), 0x8002);
    assert_eq!((stream.next(), usb.next()), (0x4001, 0x4001));
    assert_eq!(cam.lend(5).0, NO_DATA);
    assert_eq!(cam.lend(10).0, NO_DATA, "the registered buffers are too small");
    assert_eq!(stream.next(), 0x4008);
    // All buffers held: frames find no room.
    rig.script("");
    assert_eq!([cam.stop(), cam.set_int("Width", 640), cam.set_int("Height", 480)], [OK; 3]);
    while !stream.silent() {}
    assert_eq!(cam.start(), OK);
    for _ in 0..3 {
        assert_eq!(cam.lend(1000).0, OK);
    }
    assert_eq!(cam.lend(1000).0, 0x8000_000D);
    rig.advance(1000);
    // More than one frame was too large for its buffer: the last of these may be told late.
    let told = std::iter::from_fn(|| Some(stream.next())).find(|code| *code != 0x4008);
    assert_eq!(told, Some(0x4003));
    cam.destroy();
}

/// Catches: a loss that heals by itself, settings that survive a lost power, an old handle that lives again.
#[test]
fn disconnects_need_a_reopening() {
    let rig = rig(CAMERA);
    rig.script("at 3 disconnect 4000; at 6 disconnect 4000 newhandle");
    let cam = rig.open();
    assert_eq!([cam.set_float("Gain", 3.0), cam.set_int("Width", 320)], [OK; 2]);
    let ear = Ear::of(cam);
    assert_eq!(cam.start(), OK);
    let mut data = vec![0; LEN];
    while cam.connected() {
        cam.grab(&mut data, 500);
    }
    assert_eq!(ear.next(), 0x8001);
    cam.close();
    rig.advance(4000);
    assert_eq!(cam.open(1), OK);
    assert_eq!(cam.float("Gain"), (OK, 0.0), "the power was lost, and the settings with it");
    assert_eq!(cam.int("Width"), (OK, 640));
    let ear = Ear::of(cam);
    assert_eq!(cam.start(), OK);
    while cam.connected() {
        cam.grab(&mut data, 500);
    }
    assert_eq!(ear.next(), 0x8001);
    cam.close();
    rig.advance(10_000);
    assert_eq!(cam.open(1), NETWORK, "this handle stays dead");
    let new = rig.create(0);
    assert_eq!([new.open(1), new.start()], [OK; 2]);
    assert_eq!(new.grab(&mut data, 1000).0, OK);
    assert_eq!([cam.destroy(), new.destroy()], [OK; 2]);
}

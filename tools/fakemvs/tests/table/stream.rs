//! Frames while they stream: nodes, overwriting, callbacks, numbers, lost packets, regions that change.

use crate::rig::*;
use crate::{CAMERA, LEN, Table, timed};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::slice::from_raw_parts;
use std::sync::atomic::{AtomicU32, Ordering};

const NO_OUT_BUFFER: u32 = 0x8000_000D;

pub fn nodes(table: &mut Table) {
    for nodes in [1_u32, 3] {
        let what = if nodes == 1 { " (the default)" } else { "" };
        table.situation(&format!("frames are held, node number {nodes}{what}"));
        let rig = rig(CAMERA);
        let cam = rig.open();
        if nodes > 1 {
            cam.nodes(nodes);
        }
        cam.start();
        let mut held = Vec::new();
        for i in 0..nodes {
            let (code, out) = cam.lend(1000);
            table.code(&format!("GetImageBuffer {}", i + 1), OK, code);
            held.push(out);
        }
        let (ms, (code, _)) = timed(&rig, || cam.lend(1000));
        table.code(&format!("GetImageBuffer {}", nodes + 1), NO_OUT_BUFFER, code);
        table.took("  it returns at once", 0..=0, ms);
        table.code("FreeImageBuffer", OK, cam.free(&mut held[0]));
        let (code, again) = cam.lend(1000);
        table.code("GetImageBuffer after it", OK, code);
        held[0] = again;
        table.code("SetImageNodeNum while grabbing", CALL_ORDER, cam.nodes(5));
        table.code("FreeImageBuffer", OK, cam.free(&mut held[0]));
        table.code("FreeImageBuffer again", PARAMETER, cam.free(&mut held[0]));
        let mut foreign = zero_out();
        foreign.buf_addr = (&raw mut foreign).cast();
        table.code("FreeImageBuffer of a foreign pointer", PARAMETER, cam.free(&mut foreign));
        // SAFETY: null where the call must refuse it.
        let code = unsafe { fakemvs::MV_CC_FreeImageBuffer(cam.0, null_mut()) };
        table.code("FreeImageBuffer, frame NULL", PARAMETER, code as u32);
        let (_, mut out) = cam.lend(1000);
        cam.stop();
        table.code("FreeImageBuffer after stop", CALL_ORDER, cam.free(&mut out));
        // SAFETY: held, and never given back.
        let bytes = unsafe { from_raw_parts(out.buf_addr, LEN) };
        let whole = fakemvs_sim::stamp::check(bytes).is_ok();
        table.is("  held memory stays readable", true, whole);
        cam.destroy();
    }

    table.situation("the consumer sleeps 2 s");
    let rig = rig(CAMERA);
    let cam = rig.open();
    let seen = AtomicU32::new(0);
    cam.on_exception(Some(count), (&raw const seen).cast_mut().cast());
    cam.start();
    let mut data = vec![0; LEN];
    let first = cam.grab(&mut data, 1000).1.frame_num;
    rig.advance(2000);
    let (code, next) = cam.grab(&mut data, 0);
    table.code("GetOneFrameTimeout", OK, code);
    table.is("  frames between (20 a second)", 38, next.frame_num - first - 1);
    let (code, newest) = cam.grab(&mut data, 0);
    table.code("GetOneFrameTimeout", OK, code);
    table.is("  the next one", next.frame_num + 1, newest.frame_num);
    table.code("  no more than N + 1 were kept", NO_DATA, cam.grab(&mut data, 0).0);
    table.is("  lost frames in the match info", 0, cam.net().1);
    cam.destroy();
    table.is("  exceptions", 0, seen.load(Ordering::SeqCst));
}

unsafe extern "system" fn count(_code: u32, user: *mut c_void) {
    // SAFETY: the test's counter, which outlives the handle.
    unsafe { &*user.cast::<AtomicU32>() }.fetch_add(1, Ordering::SeqCst);
}

unsafe extern "system" fn ignore(
    _data: *mut u8,
    _info: *mut fakemvs_sim::abi::FrameInfo,
    _user: *mut c_void,
) {
}

pub fn callbacks(table: &mut Table) {
    table.situation("callback and pull");
    let rig = rig(CAMERA);
    let cam = rig.open();
    table.code("RegisterImageCallBackEx", OK, cam.on_image(Some(ignore), null_mut()));
    cam.start();
    table.code("  GetOneFrameTimeout", CALL_ORDER, cam.grab(&mut vec![0; LEN], 100).0);
    table.code("  GetImageBuffer", CALL_ORDER, cam.lend(100).0);
    let code = cam.on_image(None, null_mut());
    table.code("RegisterImageCallBackEx while grabbing", CALL_ORDER, code);
    cam.stop();
    table.code("RegisterImageCallBackEx(NULL)", OK, cam.on_image(None, null_mut()));
    cam.start();
    table.code("  GetOneFrameTimeout", OK, cam.grab(&mut vec![0; LEN], 1000).0);
    cam.destroy();
}

pub fn numbers_and_packets(table: &mut Table) {
    table.situation("frame numbers wrap");
    let rig1 = rig(CAMERA);
    rig1.script("at 1 lose 65532");
    let cam = rig1.started();
    let mut data = vec![0; LEN];
    let mut numbers = Vec::new();
    numbers.push(cam.grab(&mut data, 1000).1.frame_num);
    while numbers.len() < 5 {
        let (code, info) = cam.grab(&mut data, 10_000_000);
        assert_eq!(code, OK);
        numbers.push(info.frame_num);
    }
    table.is("frames", "[1, 65534, 65535, 1, 2]".to_owned(), format!("{numbers:?}"));
    cam.stop();
    cam.start();
    let after = cam.grab(&mut data, 1000).1.frame_num;
    table.is("after stop and start they go on", 3, after);
    cam.destroy();
    drop(rig1);

    table.situation("packets are lost");
    let rig2 = rig(CAMERA);
    rig2.script("at 4 incomplete 0.5");
    let cam = rig2.started();
    let mut frames = Vec::new();
    for _ in 0..5 {
        let mut data = vec![0; LEN];
        let (code, info) = cam.grab(&mut data, 1000);
        frames.push((code, info, data));
    }
    let (code, info, torn) = &frames[4];
    table.code("GetOneFrameTimeout", OK, *code);
    table.is("  nFrameLen", LEN as u32, info.frame_len);
    table.is("  nLostPacket is more than 0", true, info.lost_packet > 0);
    let middle = LEN / 2..LEN / 2 + 1000;
    let old = torn[middle.clone()] == frames[2].2[middle];
    table.is("  the hole shows the frame before the last", true, old);
    table.is("  before it, nLostPacket", 0, frames[3].1.lost_packet);
    cam.destroy();
    drop(rig2);
    let _rig = rig(&format!("{CAMERA} trailer=1"));
    let cam = _rig.started();
    let (_, info) = cam.grab(&mut data, 1000);
    table.is("  nLostPacket of a complete frame, with that camera", 1, info.lost_packet);
    cam.destroy();
}

pub fn regions(table: &mut Table) {
    table.situation("Width reduced while grabbing");
    let rig = rig(CAMERA);
    let cam = rig.started();
    let mut data = vec![0; LEN];
    let mut old = vec![0; LEN];
    cam.grab(&mut data, 1000);
    cam.grab(&mut old, 1000);
    cam.grab(&mut data, 1000);
    table.code("SetIntValueEx(Width, 256)", OK, cam.set_int("Width", 256));
    let (code, info) = cam.grab(&mut data, 1000);
    table.code("GetOneFrameTimeout", OK, code);
    table.is("  nWidth", 256, info.width);
    table.is("  nFrameLen", 262_144, info.frame_len);
    table.is("  the tail is of an older frame", true, data[LEN / 2..] == old[LEN / 2..]);

    table.situation("Width increased while grabbing");
    cam.stop();
    cam.start();
    cam.grab(&mut data, 1000);
    let seen = AtomicU32::new(0);
    cam.on_exception(Some(count), (&raw const seen).cast_mut().cast());
    table.code("SetIntValueEx(Width, 512)", OK, cam.set_int("Width", 512));
    let (bytes, lost, frames) = cam.net();
    for _ in 0..4 {
        let code = cam.grab(&mut data, 10_000).0;
        table.code("GetOneFrameTimeout, 10 s, again and again", NO_DATA, code);
    }
    table.is("  IsDeviceConnected", 1, u8::from(cam.connected()));
    table.is("  exceptions", 0, seen.load(Ordering::SeqCst));
    let after = cam.net();
    table.is("  match info: bytes rise", true, after.0 > bytes);
    table.is("  match info: lost frames stand still", lost, after.1);
    table.is("  match info: frames stand still", frames, after.2);
    cam.stop();
    cam.start();
    let code = cam.grab(&mut data[..LEN / 2], 1000).0;
    table.code("after stop and start, the old buffer", 0x8000_000A, code);
    table.code("  the right one", OK, cam.grab(&mut data, 1000).0);

    table.situation("GevSCPSPacketSize written while grabbing");
    table.code("SetIntValueEx", OK, cam.set_int("GevSCPSPacketSize", 4004));
    let (mut silent, mut lost) = (0, Vec::new());
    for _ in 0..200 {
        match cam.grab(&mut data, 50) {
            (NO_DATA, _) => silent += 1,
            (_, info) => lost.push(info.lost_packet),
        }
    }
    table.is("  0x80000007 nearly always", true, silent > 150);
    table.is("  rare frames", true, !lost.is_empty());
    let range = lost.iter().all(|n| (40..=130).contains(n));
    table.is("  with 40 to 130 lost packets", true, range);
    cam.stop();
    cam.start();
    let (code, info) = cam.grab(&mut data, 1000);
    table.code("after stop and start", OK, code);
    table.is("  nLostPacket", 0, info.lost_packet);
    cam.destroy();
}

//! Frames by each way of filling, whole and in order, with both clocks.

mod rig;

use fakemvs_sim::stamp;
use rig::*;
use std::slice::from_raw_parts;

const LEN: usize = 640 * 480;

/// Catches: a frame that is torn, misnumbered or described wrongly when it is copied.
#[test]
fn copies() {
    for clock in ["real", "virtual"] {
        let rig = rig(&format!("clock {clock}; camera gige size=640x480 fps=500"));
        let cam = rig.started();
        let mut data = vec![0; LEN];
        let mut last = 0;
        for _ in 0..20 {
            let (code, info) = cam.grab(&mut data, 5000);
            assert_eq!(code, OK);
            assert_eq!((info.width, info.height, info.frame_len), (640, 480, LEN as u32));
            assert_eq!(info.pixel_type, 0x0108_0001);
            let stamp = stamp::check(&data).expect("a whole frame");
            assert_eq!(stamp.frame_num, info.frame_num);
            assert!(info.frame_num > last, "{} after {last}", info.frame_num);
            last = info.frame_num;
        }
        assert_eq!([cam.stop(), cam.close(), cam.destroy()], [OK; 3]);
    }
}

/// Catches: a lent buffer that is overwritten while it is held, or nodes that do not come back.
#[test]
fn lends() {
    for clock in ["real", "virtual"] {
        let rig = rig(&format!("clock {clock}; camera usb size=640x480 fps=500"));
        let cam = rig.open();
        assert_eq!(cam.nodes(4), OK);
        assert_eq!(cam.start(), OK);
        for _ in 0..5 {
            let mut held = Vec::new();
            for _ in 0..4 {
                let (code, out) = cam.lend(5000);
                assert_eq!(code, OK);
                held.push(out);
            }
            for out in &mut held {
                // SAFETY: lent until it is freed.
                let bytes = unsafe { from_raw_parts(out.buf_addr, LEN) };
                assert_eq!(stamp::check(bytes).map(|s| s.frame_num), Ok(out.info.frame_num));
                assert_eq!(cam.free(out), OK);
            }
        }
        assert_eq!(cam.destroy(), OK);
    }
}

/// Catches: registered buffers that are not the ones delivered, or that lose their mark.
#[test]
fn fills_registered_buffers() {
    for clock in ["real", "virtual"] {
        let rig = rig(&format!("clock {clock}; camera gige size=640x480 fps=500"));
        let cam = rig.open();
        let mut memory = vec![0_u64; 4 * LEN / 8];
        let base: *mut u8 = memory.as_mut_ptr().cast();
        for i in 0..4 {
            assert_eq!(cam.register(base.wrapping_add(i * LEN), LEN, 100 + i), OK);
        }
        assert_eq!(cam.start(), OK);
        for _ in 0..20 {
            let (code, mut out) = cam.lend(5000);
            assert_eq!(code, OK);
            let slot = (out.buf_addr as usize - base as usize) / LEN;
            assert_eq!(out.info.user_ptr, 100 + slot as i64);
            // SAFETY: ours, and delivered until it is freed.
            let bytes = unsafe { from_raw_parts(out.buf_addr, LEN) };
            assert_eq!(stamp::check(bytes).map(|s| s.frame_num), Ok(out.info.frame_num));
            assert_eq!(cam.free(&mut out), OK);
        }
        assert_eq!(cam.stop(), OK);
        for i in 0..4 {
            assert_eq!(cam.unregister(base.wrapping_add(i * LEN)), OK);
        }
        assert_eq!(cam.destroy(), OK);
    }
}

//! Features, triggers, strategies, callbacks: what a program sets and what follows from it.

mod rig;

use fakemvs::*;
use fakemvs_sim::abi::*;
use fakemvs_sim::stamp;
use rig::*;
use std::ffi::c_void;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

const RANGE: u32 = 0x8000_0102;
const ACCESS: u32 = 0x8000_0106;
const CAST: u32 = 0x8000_0108;

/// Catches: an info that tells the wrong camera, or memory that a later enumeration changes unseen.
#[test]
fn cameras_are_told() {
    let rig =
        rig("camera gige serial=G1 user=left ip=10.0.0.9 maker=M; camera usb serial=U1 model=Q");
    let [gige, usb] = rig.enumerate()[..] else { panic!("two cameras") };
    assert_eq!((gige.transport_layer, usb.transport_layer), (1, 4));
    // SAFETY: the transport layer says which member it is.
    let (g, u) = unsafe { (gige.special.gige, usb.special.usb) };
    assert_eq!(field_text(&g.serial), "G1");
    assert_eq!(field_text(&g.user_name), "left");
    assert_eq!(field_text(&g.manufacturer), "M");
    assert_eq!(g.current_ip, 0x0A00_0009);
    assert_eq!((field_text(&u.serial), field_text(&u.model)), ("U1".into(), "Q".into()));
    // SAFETY: numbers and pointers of ours; the library's memory is read while it is valid.
    unsafe {
        let mut list: Box<DeviceInfoList> = Box::new(zeroed());
        assert_eq!(MV_CC_EnumDevices(4, &mut *list), 0);
        assert_eq!((list.count, (*list.devices[0]).transport_layer), (1, 4));
        let old = list.devices[0];
        assert_eq!(MV_CC_EnumDevicesEx2(5, &mut *list, c("M").as_ptr(), 0), 0);
        assert_eq!((list.count, (*list.devices[0]).transport_layer), (1, 1));
        assert_eq!((*old).transport_layer, 0xDDDD_DDDD, "what was kept is nonsense now");
        assert_eq!(MV_CC_EnumDevicesEx2(5, &mut *list, null_mut(), 3), 0);
        assert_eq!(list.count, 2);
    }
}

/// Catches: limits, increments, types and access that are not kept.
#[test]
fn features_have_limits() {
    let rig = rig("clock virtual; camera gige size=1280x1024 fps=50");
    let cam = rig.open();
    assert_eq!(cam.set_int("Width", 1000), RANGE, "not a multiple of 16 above 32");
    assert_eq!(cam.set_int("Width", 640), OK);
    assert_eq!(cam.set_int("OffsetX", 656), RANGE);
    assert_eq!(cam.set_int("OffsetX", 640), OK);
    assert_eq!(cam.set_int("Width", 656), RANGE, "it would leave the sensor");
    assert_eq!(cam.set_int("PayloadSize", 1), ACCESS);
    assert_eq!(cam.set_int("Gain", 1), CAST);
    assert_eq!(cam.float("Width").0, CAST);
    assert_eq!(cam.set_text("DeviceUserID", "sixteen letters!"), RANGE);
    assert_eq!(cam.set_text("DeviceUserID", "east"), OK);
    assert_eq!(cam.text("DeviceUserID"), (OK, "east".to_owned()));
    assert_eq!(cam.set_text("DeviceModelName", "x"), ACCESS);
    assert_eq!(cam.set_enum_text("PixelFormat", "Mono12Packed"), OK);
    assert_eq!(cam.enumeration("PixelFormat"), (OK, 0x010C_0006));
    assert_eq!(cam.int("PayloadSize"), (OK, 640 * 1024 * 12 / 8));
    assert_eq!(cam.set_bool("ReverseX", true), OK);
    assert_eq!(cam.boolean("ReverseX"), (OK, true));
    assert_eq!(cam.set_enum("ExposureAuto", 2), OK);
    assert_eq!(cam.set_float("ExposureTime", 500.0), ACCESS);
    assert_eq!(cam.set_enum("ExposureAuto", 0), OK);
    assert_eq!(cam.set_float("ExposureTime", 100_000.0), OK);
    assert_eq!(cam.float("ResultingFrameRate"), (OK, 10.0));
    assert_eq!(cam.command("Width"), CAST);
    // SAFETY: null where the call must refuse it.
    unsafe {
        let mut value: IntValueEx = zeroed();
        assert_eq!(MV_CC_GetIntValueEx(cam.0, null_mut(), &mut value) as u32, PARAMETER);
        let code = MV_CC_GetIntValueEx(cam.0, c("Width").as_ptr(), null_mut());
        assert_eq!(code as u32, PARAMETER);
        assert_eq!(MV_CC_GetIntValueEx(cam.0, c("Width").as_ptr(), &mut value), 0);
        assert_eq!((value.min, value.max, value.inc), (32, 640, 16));
        let mut formats: EnumValue = zeroed();
        assert_eq!(MV_CC_GetEnumValue(cam.0, c("PixelFormat").as_ptr(), &mut formats), 0);
        assert_eq!(formats.supported_count, 7);
    }
    cam.destroy();
    assert_eq!(field_text(&{ rig.enumerate()[0] }.gige().user_name), "east");
}

trait Gige {
    fn gige(self) -> GigeInfo;
}

impl Gige for DeviceInfo {
    fn gige(self) -> GigeInfo {
        assert_eq!(self.transport_layer, 1);
        // SAFETY: the transport layer says so.
        unsafe { self.special.gige }
    }
}

/// Catches: a camera of the vendor that lets its region be changed while it streams.
#[test]
fn a_vendors_camera_locks_what_shapes_the_stream() {
    let rig = rig("clock virtual; camera gige size=640x480 like=hik");
    let cam = rig.started();
    assert_eq!(cam.set_int("Width", 320), ACCESS);
    assert_eq!(cam.set_enum_text("PixelFormat", "Mono12"), ACCESS);
    assert_eq!(cam.set_float("Gain", 2.0), OK);
    assert_eq!(cam.set_float("AcquisitionFrameRate", 5.0), OK);
    assert_eq!(cam.stop(), OK);
    assert_eq!(cam.set_int("Width", 320), OK);
    cam.destroy();
}

/// Catches: settings that a user set loses or keeps wrongly.
#[test]
fn user_sets() {
    let rig = rig("clock virtual; camera gige size=640x480");
    let cam = rig.open();
    assert_eq!(cam.command("UserSetSave"), ACCESS, "the factory's set is not written");
    assert_eq!([cam.set_float("Gain", 4.0), cam.set_enum("UserSetSelector", 2)], [OK; 2]);
    assert_eq!([cam.command("UserSetSave"), cam.set_float("Gain", 1.0)], [OK; 2]);
    assert_eq!([cam.command("UserSetLoad"), cam.set_enum("UserSetDefault", 2)], [OK; 2]);
    assert_eq!(cam.float("Gain"), (OK, 4.0));
    assert_eq!([cam.set_float("Gain", 1.0), cam.command("DeviceReset")], [OK; 2]);
    rig.advance(10_000);
    assert!(!cam.connected());
    assert_eq!([cam.close(), cam.open(1)], [OK; 2]);
    assert_eq!(cam.float("Gain"), (OK, 4.0), "the set that is loaded at power on");
    cam.destroy();
}

/// Catches: frames without a trigger, triggers without a frame, a trigger from the wrong source.
#[test]
fn triggers() {
    let rig = rig("clock virtual; camera gige size=640x480 fps=100");
    let cam = rig.open();
    assert_eq!(cam.command("TriggerSoftware"), ACCESS, "nothing waits for triggers");
    assert_eq!([cam.set_enum("TriggerMode", 1), cam.set_enum("TriggerSource", 7)], [OK; 2]);
    assert_eq!([cam.nodes(4), cam.start()], [OK; 2]);
    let mut data = vec![0; 640 * 480];
    assert_eq!(cam.grab(&mut data, 1000).0, NO_DATA);
    for _ in 0..3 {
        assert_eq!(cam.command("TriggerSoftware"), OK);
    }
    let pulse = || {
        // SAFETY: null is all cameras.
        unsafe { fakemvs_trigger(std::ptr::null()) }
    };
    pulse();
    for _ in 0..3 {
        assert_eq!(cam.grab(&mut data, 100).0, OK);
    }
    assert_eq!(cam.grab(&mut data, 1000).0, NO_DATA, "the line is not looked at");
    assert_eq!(cam.set_enum_text("TriggerSource", "Line0"), OK);
    pulse();
    assert_eq!(cam.grab(&mut data, 100).0, OK);
    assert_eq!(cam.command("TriggerSoftware"), ACCESS);
    assert_eq!(cam.set_enum("TriggerMode", 0), OK);
    assert_eq!(cam.grab(&mut data, 100).0, OK, "it runs freely again");
    assert_eq!(cam.set_enum("TriggerMode", 1), OK);
    // SAFETY: a handle.
    assert_eq!(unsafe { MV_CC_ClearImageBuffer(cam.0) }, 0);
    assert_eq!(cam.grab(&mut data, 100).0, NO_DATA);
    cam.stop();
    assert_eq!([cam.set_enum("TriggerMode", 0), cam.set_enum("AcquisitionMode", 0)], [OK; 2]);
    cam.start();
    assert_eq!(cam.grab(&mut data, 100).0, OK, "a single frame");
    assert_eq!(cam.grab(&mut data, 1000).0, NO_DATA);
    assert_eq!(cam.command("AcquisitionStart"), OK);
    assert_eq!(cam.grab(&mut data, 100).0, OK, "and another");
    cam.destroy();
}

/// Catches: a strategy that keeps other frames than it says, or is taken where the platform has none.
#[test]
fn strategies() {
    let rig = rig("clock virtual; camera usb size=640x480 fps=100; camera gige size=640x480");
    let numbers = |strategy: i32, queue: u32| {
        let cam = rig.create(0);
        cam.open(1);
        cam.nodes(8);
        // SAFETY: a handle.
        unsafe {
            assert_eq!(MV_CC_SetGrabStrategy(cam.0, strategy), 0);
            if queue > 0 {
                assert_eq!(MV_CC_SetOutputQueueSize(cam.0, queue), 0);
            }
        }
        cam.start();
        rig.advance(60);
        let mut data = vec![0; 640 * 480];
        let mut seen = Vec::new();
        loop {
            let (code, info) = cam.grab(&mut data, 0);
            if code != OK {
                break;
            }
            seen.push(info.frame_num);
        }
        cam.destroy();
        seen
    };
    assert_eq!(numbers(0, 0), [0, 1, 2, 3, 4, 5]);
    assert_eq!(numbers(1, 0), [5]);
    assert_eq!(numbers(2, 3), [3, 4, 5]);
    let gige = rig.create(1);
    gige.open(1);
    // SAFETY: a handle.
    let code = unsafe { MV_CC_SetGrabStrategy(gige.0, 1) } as u32;
    assert_eq!(code, if cfg!(windows) { OK } else { 0x8000_0001 });
    gige.destroy();
}

/// What a callback was given: the number, and whether the image is whole.
type Seen = (u32, bool);

unsafe extern "system" fn image(data: *mut u8, info: *mut FrameInfo, user: *mut c_void) {
    // SAFETY: the library's image and info, for this call; the test's sender.
    unsafe {
        let bytes = std::slice::from_raw_parts(data, (*info).frame_len as usize);
        let whole = stamp::check(bytes).is_ok_and(|s| s.frame_num == (*info).frame_num);
        let _ = (*user.cast::<Sender<Seen>>()).send(((*info).frame_num, whole));
    }
}

unsafe extern "system" fn image2(out: *mut FrameOut, user: *mut c_void, auto_free: u8) {
    assert_eq!(auto_free, 0);
    // SAFETY: as above.
    unsafe { image((*out).buf_addr, &raw mut (*out).info, user) }
}

/// Catches: images that do not come, come torn, out of order, or after the stop.
#[test]
fn images_by_callback() {
    for clock in ["real", "virtual"] {
        let rig = rig(&format!("clock {clock}; camera gige size=640x480 fps=200"));
        let cam = rig.open();
        let (to, from) = channel::<Seen>();
        let to = Box::new(to);
        let user = (&raw const *to).cast_mut().cast();
        assert_eq!(cam.on_image(Some(image), user), OK);
        assert_eq!(cam.start(), OK);
        let mut last = 0;
        for _ in 0..20 {
            let (number, whole) = from.recv_timeout(Duration::from_secs(20)).expect("an image");
            assert!(whole && number > last, "{number} after {last}, whole: {whole}");
            last = number;
        }
        assert_eq!(cam.stop(), OK);
        while from.try_recv().is_ok() {}
        assert!(from.try_recv().is_err(), "none comes after the stop");

        // The second form, whose buffers are the caller's until he gives them back: he does not.
        // SAFETY: the sender outlives the handle.
        let code = unsafe { MV_CC_RegisterImageCallBackEx2(cam.0, Some(image2), user, 0) };
        assert_eq!([code as u32, cam.nodes(3), cam.start()], [OK; 3]);
        for _ in 0..3 {
            assert!(from.recv_timeout(Duration::from_secs(20)).expect("an image").1);
        }
        assert_eq!(cam.destroy(), OK);
    }
}

/// Catches: statistics that do not move with the stream, or sizes that are not checked.
#[test]
fn statistics_of_usb() {
    let rig = rig("clock virtual; camera usb size=640x480 fps=100");
    rig.script("at 1 lose 2");
    let cam = rig.started();
    let mut data = vec![0; 640 * 480];
    assert_eq!([cam.grab(&mut data, 100).0, cam.grab(&mut data, 100).0], [OK; 2]);
    // SAFETY: numbers and pointers of ours.
    unsafe {
        let mut usb: UsbDetect = zeroed();
        let info = (&raw mut usb).cast();
        let mut all = AllMatchInfo { kind: 2, info, info_size: size_of::<UsbDetect>() as u32 };
        assert_eq!(MV_CC_GetAllMatchInfo(cam.0, &mut all), 0);
        assert_eq!((usb.received_frame_count, usb.error_frame_count), (2, 2));
        assert_eq!(usb.receive_data_size, 2 * 640 * 480);
        all.info_size -= 1;
        assert_eq!(MV_CC_GetAllMatchInfo(cam.0, &mut all) as u32, PARAMETER);
        all.kind = 1;
        assert_eq!(MV_CC_GetAllMatchInfo(cam.0, &mut all) as u32, 0x8000_0001);
        assert_eq!(MV_CC_GetOptimalPacketSize(cam.0) as u32, 0x8000_0001);
        assert_eq!(MV_USB_SetTransferWays(cam.0, 11) as u32, PARAMETER);
        assert_eq!(MV_USB_SetTransferSize(cam.0, 1 << 20), 0);
    }
    cam.destroy();
}

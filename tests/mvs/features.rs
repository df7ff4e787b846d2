//! Features by name: of every type, while running, and again after a loss.

use super::fake::Fake;
use super::{SMALL, SOON, assert_well, camera, line, util};
use frameline::ErrorKind;
use frameline::format::PixelFormat;
use frameline::source::Source;
use util::{pass, until, watched};

#[test]
fn of_each_type() {
    let fake = Fake::new(SMALL);
    let mut camera = camera(&fake, "");
    for (name, value) in [
        ("Brightness", "120"),
        ("BlackLevel", "0x20"),
        ("ExposureTime", "2500.5"),
        ("Gain", "3"),
        ("ExposureAuto", "Off"),
        ("PixelFormat", "Mono12"),
        ("GainAuto", "0"),
        ("GammaEnable", "true"),
        ("DeviceUserID", "north"),
        ("UserSetSelector", "UserSet1"),
        ("UserSetSave", "execute"),
    ] {
        camera.set_feature(name, value).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    assert_eq!(camera.geometry().pixel_format, PixelFormat::MONO12);
    assert_eq!(camera.payload_bytes(), 160 * 100 * 2, "a stopped camera is asked again");
}

/// Catches: "0x80000102" as the only answer to an exposure that is too long.
#[test]
fn refusals_say_what_could_be() {
    let fake = Fake::new(SMALL);
    let mut camera = camera(&fake, "");
    for (name, value, says) in [
        ("Gain", "99", "0 to 15"),
        ("Gain", "loud", "must be a number"),
        ("Width", "33", "steps of 16"),
        ("Width", "wide", "must be a whole number"),
        ("TriggerMode", "Maybe", "have the numbers 0, 1"),
        ("PixelFormat", "BayerRG8", "it can be Mono8, Mono10"),
        ("GammaEnable", "perhaps", "true or false"),
        ("Colour", "red", "no feature \"Colour\""),
        ("Colour", "1", "no feature of this name"), // It could have been a command.
        ("DeviceModelName", "other", "cannot be written now"),
    ] {
        let e = camera.set_feature(name, value).expect_err(name);
        let text = e.to_string();
        assert!(text.contains(says) && !text.contains('\n'), "{name}={value}: {text}");
    }
    let e = camera.set_feature("Gain", "99").unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Config);
}

/// Catches: an exposure that cannot be changed without stopping; a region that is changed without.
#[test]
fn while_the_line_runs() {
    watched(|| {
        for like in ["measured", "hik"] {
            let fake = Fake::new(&format!("{SMALL} like={like}"));
            let running = line(camera(&fake, "")).stage("pass", pass()).start().unwrap();
            let handle = running.handle();
            handle.set_feature("ExposureTime", "1500", SOON).unwrap();
            handle.set_feature("Gain", "2.5", SOON).unwrap();
            assert_eq!(running.snapshot().resets.len(), 0, "nothing stopped for it");
            handle.set_feature("Width", "96", SOON).unwrap();
            until("the reset is told", || running.snapshot().resets.len() == 1);
            let before = running.snapshot().frames.grabbed;
            until("frames come", || running.snapshot().frames.grabbed > before + 5);
            // Locked by this camera only, and found out by asking.
            handle.set_feature("ReverseX", "true", SOON).unwrap();
            let end = running.stop(SOON);
            assert_well(&end);
            assert_eq!(end.resets.len(), 1 + usize::from(like == "hik"), "{like}");
        }
    });
}

/// Catches: a camera that comes back with its power-on settings, and inspects with them. // aravis#169
#[test]
fn are_restored_when_a_camera_comes_back() {
    watched(|| {
        let fake = Fake::new(SMALL);
        let mut running = camera(&fake, "ExposureTime=1234&Gain=4");
        for (name, value) in [
            ("Width", "96"),
            ("OffsetX", "64"), // Only after the width.
            ("LineSelector", "Line1"),
            ("LineInverter", "true"),
            ("LineSelector", "Line2"),
            ("TriggerSource", "Software"),
            ("TriggerMode", "On"),
        ] {
            running.set_feature(name, value).unwrap();
        }
        fake.unplug(false);
        until("the camera is missed", || running.reopen().is_err());
        fake.plug(true);
        until("the camera is found", || running.reopen().is_ok());
        assert_eq!((running.geometry().width, running.geometry().offset_x), (96, 64));
        let sets = |name: &str| fake.calls(name);
        assert!(sets("MV_CC_SetFloatValue") >= 4, "exposure and gain, twice");
        // It waits for a trigger again.
        running.start(frameline::source::Fill::Copy).unwrap();
        running.software_trigger().unwrap();
        assert_eq!(running.diagnose(), frameline::source::Diagnosis::IdleTrigger);
    });
}

/// Catches: a camera that lost a setting and goes on as if it had it.
#[test]
fn a_setting_that_cannot_be_restored_is_a_failed_attempt() {
    watched(|| {
        let fake = Fake::new(SMALL);
        let mut camera = camera(&fake, "ExposureTime=1234");
        fake.script("fail SetFloatValue 0x80000102");
        let fault = camera.reopen().expect_err("the exposure was refused");
        assert_eq!(fault.code, 0x8000_0102);
        camera.reopen().unwrap();
    });
}

#[test]
fn the_software_trigger_makes_frames() {
    watched(|| {
        let fake = Fake::new(SMALL);
        let running =
            line(camera(&fake, "trigger=software")).stage("pass", pass()).start().unwrap();
        for n in 1..=5 {
            running.handle().software_trigger(SOON).unwrap();
            until("the frame comes", || running.snapshot().frames.grabbed == n);
        }
        let idle = || running.snapshot().diagnoses.iter().any(|d| d.verdict == "idle-trigger");
        until("the silence is explained", idle);
        let end = running.stop(SOON);
        assert_well(&end);
        assert_eq!((end.frames.delivered, end.resets.len(), end.reconnects.len()), (5, 0, 0));
    });
}

/// Catches: a list that lacks a feature, or has other values, ranges or locks than the SDK's own calls; a camera whose
/// registers are read from another place.
#[test]
fn they_are_listed_as_the_library_has_them() {
    let fake = Fake::new("camera gige size=320x100 fps=500 heartbeat=40 like=hik");
    let mut camera =
        camera(&fake, "Width=160&ExposureTime=2500.5&DeviceUserID=north&GainAuto=Continuous");
    let list = camera.features().unwrap();
    let find = |name: &str| {
        list.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("{name} is not listed"))
    };
    assert!(list.len() > 50 && list.iter().all(|f| f.trouble.is_none() && !f.category.is_empty()));
    let told = |name: &str| {
        let f = find(name);
        let value = f.value.as_deref().unwrap_or("-");
        format!("{} {} {value} ({})", f.kind.name(), f.access.name(), f.range)
    };
    assert_eq!(told("Width"), "integer RW 160 (32 to 320 in steps of 16)");
    assert_eq!(told("OffsetX"), "integer RW 0 (0 to 160 in steps of 16)");
    assert_eq!(told("ExposureTime"), "float RW 2500.5 (15 to 9999000)");
    assert_eq!(told("Gain"), "float RO 0 (0 to 15)", "the camera chooses it itself");
    assert_eq!(told("ExposureAuto"), "enumeration RW Off (Off, Once, Continuous)");
    assert_eq!(told("ReverseX"), "boolean RW false ()");
    assert!(told("DeviceUserID").starts_with("text RW north"), "{}", told("DeviceUserID"));
    assert!(told("PayloadSize").starts_with("integer RO 16000"), "{}", told("PayloadSize"));
    assert_eq!(find("AcquisitionStart").access.name(), "WO");
    assert_eq!(
        (find("ExposureTime").unit.as_str(), find("Gain").category.as_str()),
        ("us", "AnalogControl")
    );
}

/// Catches: a code, a crash or an empty list where the library cannot list, or the camera does not answer.
#[test]
fn what_cannot_be_listed_is_a_sentence() {
    let old = Fake::old(SMALL);
    let e = camera(&old, "").features().unwrap_err().to_string();
    assert!(e.contains("version 3.1.3.0) has no MV_XML_GetGenICamXML; install a newer SDK"), "{e}");
    let fake = Fake::new(SMALL);
    let mut camera = camera(&fake, "");
    fake.script("fail MV_XML_GetGenICamXML 0x80000102");
    let e = camera.features().unwrap_err().to_string();
    assert!(e.contains("MV_XML_GetGenICamXML answered 0x80000102"), "{e}");
}

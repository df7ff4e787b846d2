//! The camera of `camera.xml`: every kind of node in one description, as a user meets it.

use crate::memory::{EVERYTHING, camera};
use frameline::feature::{Access, Feature, FeatureKind};
use frameline::genapi::{Cause, Features, Journal};

fn listed(features: &[Feature], name: &str) -> Feature {
    features
        .iter()
        .find(|f| f.name == name)
        .unwrap_or_else(|| panic!("{name} is not listed"))
        .clone()
}

#[test]
fn everything_is_listed_with_value_range_and_access() {
    // Catches a kind of node that is read wrongly, or not at all.
    let mut camera = camera();
    let mut features = Features::parse(EVERYTHING).unwrap();
    let all = features.list(&mut camera).unwrap();
    for (name, kind, access, value, range, unit) in [
        ("DeviceVendorName", FeatureKind::Text, "RO", "frameline", "up to 16 bytes", ""),
        ("DeviceNote", FeatureKind::Text, "RW", "nothing to note", "", ""),
        (
            "DeviceTemperature",
            FeatureKind::Float,
            "RO",
            "36.6",
            "-3.4028235e38 to 3.4028235e38",
            "C",
        ),
        ("DeviceAddress", FeatureKind::Integer, "RW", "192.168.0.7", "0 to 4294967295", ""),
        ("Width", FeatureKind::Integer, "RW", "640", "8 to 1936 in steps of 4", ""),
        ("OffsetX", FeatureKind::Integer, "RW", "0", "0 to 1296 in steps of 2", ""),
        ("PixelFormat", FeatureKind::Enumeration, "RW", "Mono8", "Mono8, Mono12", ""),
        ("BitsPerPixel", FeatureKind::Integer, "RO", "8", "", ""),
        ("ReverseX", FeatureKind::Boolean, "RW", "false", "", ""),
        ("PayloadSize", FeatureKind::Integer, "RO", "307200", "", ""),
        ("AcquisitionStart", FeatureKind::Command, "WO", "", "", ""),
        ("ExposureTime", FeatureKind::Float, "RW", "5000", "10 to 1000000", "us"),
        ("AcquisitionFrameRate", FeatureKind::Float, "RW", "25", "1 to 1000", "Hz"),
        ("TriggerMode", FeatureKind::Enumeration, "RW", "Off", "Off, On", ""),
        ("TriggerDelay", FeatureKind::Integer, "NA", "", "", "ns"),
        ("Gain", FeatureKind::Float, "RW", "0", "0 to 24.1", "dB"),
        ("Gamma", FeatureKind::Float, "RW", "1", "0.25 to 4 in steps of 0.25", ""),
        ("LineInverter", FeatureKind::Boolean, "RW", "false", "", ""),
        ("LineLevel", FeatureKind::Integer, "RW", "-1", "-128 to 127", ""),
        ("LineDebounce", FeatureKind::Integer, "RW", "-1", "-128 to 127", ""),
        (
            "Chosen",
            FeatureKind::Integer,
            "RW",
            "0x0",
            "-9223372036854775808 to 9223372036854775807",
            "",
        ),
        ("Angle", FeatureKind::Float, "RO", "45", "", "deg"),
        ("Bytes", FeatureKind::Register, "RW", "0x000000000000", "up to 6 bytes", ""),
        ("Limits", FeatureKind::Integer, "RO", "1936008009", "", ""),
        ("ChunkGain", FeatureKind::Float, "NA", "", "", ""),
        ("NotNow", FeatureKind::Integer, "NA", "", "", ""),
    ] {
        let f = listed(&all, name);
        assert_eq!((f.kind, f.access.name(), f.unit.as_str()), (kind, access, unit), "{name}");
        assert_eq!(
            (f.value.unwrap_or_default(), f.range.to_string()),
            (value.into(), range.into()),
            "{name}"
        );
        assert_eq!(f.trouble, None, "{name}");
    }
    assert!(!all.iter().any(|f| f.name == "NotHere"), "a feature that the camera does not have");
    let width = listed(&all, "Width");
    assert_eq!(
        (width.category.as_str(), width.description.as_str()),
        ("ImageFormatControl", "Columns of the image.")
    );
    assert_eq!(listed(&all, "LineLevel").selectors, ["LineSelector"]);
    assert_eq!(listed(&all, "TLParamsLocked").visibility, "Invisible");
    // A hundred features are not a thousand reads.
    assert!(camera.reads < 60, "{} reads for {} features", camera.reads, all.len());
}

#[test]
fn what_is_set_is_read_back_and_changes_what_depends_on_it() {
    // Catches a conversion that loses the value, a limit that stays behind, a lock that does not lock.
    let mut camera = camera();
    let mut features = Features::parse(EVERYTHING).unwrap();
    for (name, text, want) in [
        ("ExposureTime", "1234.5", "1234.5"),
        ("AcquisitionFrameRate", "50", "50"),
        ("Width", "320", "320"),
        ("OffsetX", "1616", "1616"),
        ("PixelFormat", "Mono12", "Mono12"),
        ("ReverseX", "true", "true"),
        ("TriggerMode", "On", "On"),
        ("TriggerDelay", "4000", "4000"),
        ("GainSelector", "Blue", "Blue"),
        ("Gain", "24.1", "24.1"),
        ("LineSelector", "2", "2"),
        ("LineInverter", "on", "true"),
        ("LineSelector", "0", "0"),
        ("LineInverter", "on", "true"),
        ("Signed12", "-2048", "-2048"),
        ("BigPart", "-5", "-5"),
        ("Chosen", "-3", "-3"),
        ("Doubled", "400", "400"),
        ("Bytes", "0x010203040506", "0x010203040506"),
        ("Precise", "0.1", "0.1"),
        ("DeviceUserID", "left", "left"),
        ("DeviceAddress", "10.0.0.1", "167772161"),
        ("Gamma", "2", "2"),
    ] {
        features.set(&mut camera, name, text).unwrap_or_else(|e| panic!("{name}={text}: {e}"));
        assert_eq!(features.get(&mut camera, name).unwrap().to_string(), want, "{name}={text}");
    }
    assert_eq!(features.get_integer(&mut camera, "PayloadSize"), Ok(320 * 480 * 2));
    assert_eq!(features.get_integer(&mut camera, "ChosenCopy"), Ok(-3));
    assert_eq!(features.range(&mut camera, "Width").unwrap().to_string(), "8 to 320 in steps of 4");
    let at = |a: u64| camera.bytes.get(&a).copied().unwrap_or(0);
    assert_eq!((at(0x44), at(0x54), at(0x74), at(0x76), at(0x78)), (8, 0x80, 0xaa, 0x55, 0xaa));

    features.set(&mut camera, "TLParamsLocked", "1").unwrap();
    assert_eq!(features.access(&mut camera, "Width"), Ok(Access::ReadOnly));
    let e = features.set(&mut camera, "Width", "64").unwrap_err();
    assert_eq!(
        (e.cause(), e.to_string().as_str()),
        (
            Cause::Access,
            "Width cannot be set now: it is locked, by another feature or while the camera grabs"
        )
    );
    assert!(features.set(&mut camera, "PixelFormat", "Mono12p").is_ok());
    features.set(&mut camera, "TLParamsLocked", "0").unwrap();
    for (name, text, want) in [
        ("Width", "324", "Width cannot be 324; it can be 8 to 320 in steps of 4, and is 320"),
        ("Width", "319", "Width cannot be 319; it can be 8 to 320 in steps of 4, and is 320"),
        ("ExposureTime", "9", "ExposureTime cannot be 9; it can be 10 to 1000000, and is 1234.5"),
        (
            "PixelFormat",
            "BayerRG8",
            "PixelFormat cannot be \"BayerRG8\" now; it can be Mono8, Mono12",
        ),
        ("SensorWidth", "1", "SensorWidth cannot be set now: it can only be read"),
        ("NotHere", "1", "NotHere cannot be set now: this camera does not have it"),
        (
            "NotNow",
            "1",
            "NotNow cannot be set now: it is not available in the camera's present state",
        ),
        (
            "AcquisitionStop",
            "execute",
            "AcquisitionStop cannot be executed now: it is not available in the camera's present state",
        ),
        (
            "exposuretime",
            "1",
            "the camera has no feature \"exposuretime\", but it has ExposureTime",
        ),
    ] {
        let e = features.set(&mut camera, name, text).unwrap_err().to_string();
        assert!(e.starts_with(want) && !e.contains('\n'), "{name}={text}: {e}");
    }
    features.execute(&mut camera, "AcquisitionStart").unwrap();
    features.execute(&mut camera, "AcquisitionStop").unwrap();
    features.set(&mut camera, "DeviceSecret", "0x1234").unwrap();
    assert_eq!(features.get(&mut camera, "DeviceSecret").unwrap_err().cause(), Cause::Access);
}

#[test]
fn a_camera_that_came_back_is_set_up_as_before() {
    let (mut before, mut after) = (camera(), camera());
    let mut features = Features::parse(EVERYTHING).unwrap();
    let mut journal = Journal::default();
    for (name, value) in [
        ("Width", "320"),
        ("OffsetX", "1616"),
        ("GainSelector", "Red"),
        ("Gain", "3"),
        ("GainSelector", "Blue"),
        ("Gain", "6"),
        ("LineSelector", "3"),
        ("LineInverter", "true"),
        ("TriggerMode", "On"),
        ("TriggerDelay", "80"),
        ("ExposureTime", "77"),
        ("AcquisitionStart", "execute"),
    ] {
        journal.set(&mut features, &mut before, name, value).unwrap();
    }
    let mut again = Features::parse(EVERYTHING).unwrap();
    journal.restore(&mut again, &mut after).unwrap();
    // All but the command, which was the line's.
    before.set(0x48, &[0, 0, 0, 0]);
    after.set(0x48, &[0, 0, 0, 0]);
    assert_eq!(before.bytes, after.bytes);
    assert_eq!(again.get(&mut after, "GainSelector"), features.get(&mut before, "GainSelector"));
}

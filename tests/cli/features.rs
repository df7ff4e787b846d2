//! `frameline devices --features` and `--set FEATURE=VALUE` from outside.

use super::{SMALL, frameline, object, text};
use serde_json::Value;

fn listed(uri: &str) -> Value {
    let out = frameline(&["devices", "--features", uri, "--json"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    object(&out)
}

fn feature<'a>(o: &'a Value, name: &str) -> &'a Value {
    let all = o["features"].as_array().expect("features");
    all.iter().find(|f| f["name"] == name).unwrap_or_else(|| panic!("{name} is not listed: {o}"))
}

#[test]
fn a_cameras_features_are_listed_with_what_they_could_be() {
    // Catches a list without the ranges that one needs to set something, and JSON that tools cannot compute with.
    let o = listed("sim:?width=64&height=48&sensor_width=128&sensor_height=48&offset_x=16");
    let width = feature(&o, "Width");
    assert_eq!((width["value"].as_u64(), width["max"].as_u64()), (Some(64), Some(112)));
    assert_eq!((width["kind"].as_str(), width["access"].as_str()), (Some("integer"), Some("RW")));
    let formats = feature(&o, "PixelFormat")["entries"].as_array().unwrap();
    assert!(formats.contains(&Value::from("Mono8")), "{formats:?}");
    let out = frameline(&["devices", "--features", SMALL]);
    let told = text(&out.stdout);
    for part in [
        "\nImageFormatControl\n  Width                 integer      RW  64        1 to 64\n",
        "AcquisitionFrameRate  float        RW  200 Hz    1e-6 to 1000000\n",
        "TriggerMode           enumeration  RW  Off       Off, On\n",
    ] {
        assert!(told.contains(part), "{part:?} is missing: {told}");
    }
}

#[test]
fn what_is_set_of_a_camera_is_set_and_says_what_else_could_be() {
    // Catches a feature that is parsed and ignored, and one that means something else than in the URI.
    let features =
        ["Width=32", "PixelFormat=Mono16", "TriggerMode=Off", "AcquisitionFrameRate=500"];
    let mut args = vec!["run", "--source", SMALL, "--frames", "3", "--json", "--quiet"];
    args.extend(features.iter().flat_map(|f| ["--set", f]));
    let out = frameline(&args);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert_eq!(object(&out)["bytes"].as_u64(), Some(3 * 32 * 48 * 2));
    let o = listed(&format!("{SMALL}&TriggerMode=On&TriggerSource=Software&OffsetX=0"));
    assert_eq!(
        (&feature(&o, "TriggerMode")["value"], &feature(&o, "TriggerSource")["value"]),
        (&"On".into(), &"Software".into())
    );

    for (args, code, want) in [
        (&["run", "--source", SMALL, "--set", "Width=many"][..], 2, "Width is \"many\""),
        (
            &["run", "--source", SMALL, "--set", "Widht=32"],
            2,
            "has no parameter \"Widht\"; it knows width",
        ),
        (&["run", "--source", SMALL, "--set", "TriggerMode=on"], 2, "it must be Off or On"),
        (&["run", "--source", SMALL, "--set", "Width"], 2, "expected KEY=VALUE"),
        (&["run", "--source", SMALL, "--set", "Width.max=1"], 2, "unknown table \"Width\""),
        (
            &["devices", "--features", "sim:?colour=red"],
            2,
            "--features: the simulated source has no parameter",
        ),
        (&["devices", "--features", "smi:"], 2, "did you mean \"sim\"?"),
        (&["devices", "--features"], 2, "--features"),
    ] {
        let out = frameline(args);
        let err = text(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {err}");
        assert!(err.lines().count() == 1 && err.contains(want), "{args:?}: {err}");
    }
}

//! `frameline explain` and `frameline devices` from outside.

use super::{Folder, frameline, text};
use serde_json::Value;

fn json(args: &[&str]) -> (Value, i32) {
    let out = frameline(args);
    let told = text(&out.stdout);
    let last = told.lines().last().unwrap_or_else(|| panic!("{args:?} printed nothing"));
    (serde_json::from_str(last).expect("one JSON object"), out.status.code().unwrap())
}

#[test]
fn a_code_is_explained_in_every_spelling_that_programs_print() {
    // Catches a negative number that is taken for an option, and spellings that differ in what they tell.
    for spelling in [
        "0x80000007",
        "2147483655",
        "-2147483641",
        "-0x7FFFFFF9",
        "80000007",
        "MV_E_NODATA",
        "nodata",
        "get one frame fail, ret[0x80000007], frame 1234",
    ] {
        let (o, code) = json(&["explain", spelling, "--json", "--sdk", "mvs"]);
        assert_eq!(code, 0);
        assert_eq!(
            (o["code"].as_str(), o["name"].as_str()),
            (Some("0x80000007"), Some("MV_E_NODATA"))
        );
        assert_eq!((o["sdk"].as_str(), o["class"].as_str()), (Some("mvs"), Some("timeout")));
        for key in ["meaning", "action", "advice"] {
            assert!(o[key].as_str().is_some_and(|t| !t.is_empty()), "{o}");
        }
        let out = frameline(&["explain", spelling]);
        let told = text(&out.stdout);
        for part in ["MV_E_NODATA", "-2147483641", "超时", "timeout", "ask the source"] {
            assert!(told.contains(part), "{spelling}: {part:?} is missing: {told}");
        }
        assert!(out.stderr.is_empty());
    }
}

#[test]
fn the_vendors_term_finds_its_codes() {
    // Catches a search that knows English names only.
    let (o, code) = json(&["explain", "\u{65e0}\u{6570}\u{636e}", "--json"]);
    assert_eq!((code, o["name"].as_str()), (0, Some("MV_E_NODATA")), "{o}");
}

#[test]
fn a_name_of_several_sdks_is_told_for_each() {
    // Catches an answer for one SDK only, and an --sdk that is parsed and ignored.
    let (o, _) = json(&["explain", "TIMEOUT", "--json"]);
    let mut sdks = vec![o["sdk"].as_str().unwrap()];
    sdks.extend(o["also"].as_array().unwrap().iter().map(|o| o["sdk"].as_str().unwrap()));
    assert_eq!(sdks, ["mvs", "gentl", "aravis", "sim", "replay"]);
    let (o, _) = json(&["explain", "TIMEOUT", "--json", "--sdk", "gentl"]);
    assert_eq!(
        (o["name"].as_str(), o["also"].as_array().unwrap().len()),
        (Some("GC_ERR_TIMEOUT"), 0)
    );
    let out = frameline(&["explain", "-1011"]);
    assert!(text(&out.stdout).contains("0xFFFFFC0D GC_ERR_TIMEOUT"));
}

#[test]
fn what_is_unknown_says_so_by_exit_code_and_sentence() {
    // Catches an unknown code that passes for success, and JSON mixed with sentences.
    for (args, code, want) in [
        (&["explain", "0x8000FFFF"][..], 1, "is in no table"),
        (
            &["explain", "0x80000007", "--sdk", "gentl"],
            1,
            "is no code of gentl; mvs has it: 0x80000007 MV_E_NODATA",
        ),
        (&["explain", "MV_E_NODTA"], 2, "did you mean MV_E_NODATA (0x80000007)"),
        (&["explain", "0x123456789"], 2, "32 bits"),
        (&["explain", "0x80000007", "--sdk", "basler"], 2, "basler"),
        (&["explain"], 2, "CODE"),
    ] {
        let out = frameline(args);
        let told = text(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {told}");
        assert!(told.contains(want) && told.trim().lines().count() == 1, "{args:?}: {told}");
        assert!(out.stdout.is_empty());
    }
    let (o, code) = json(&["explain", "0x8000FFFF", "--json"]);
    assert_eq!((code, o["class"].as_str()), (1, Some("unknown")));
    let (o, code) = json(&["explain", "0", "--json"]);
    assert_eq!((code, o["name"].as_str()), (0, Some("MV_OK")));
}

#[test]
fn devices_lists_the_simulated_camera_and_says_what_it_looked_at() {
    // Catches a look that finds nothing and fails, or that takes a broken library for an absent one.
    let out = frameline(&["devices"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    assert!(text(&out.stdout).contains("  sim:  frameline  frameline simulated camera"));
    let folder = Folder::new("devices");
    std::fs::write(folder.0.join("libMvCameraControl.so"), "no library").unwrap();
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_frameline"))
        .args(["devices", "--json"])
        .env("MVCAM_COMMON_RUNENV", &folder.0)
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0));
    let o: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(o["devices"][0]["uri"], "sim:");
    let mvs = o["sdks"].as_array().unwrap().iter().find(|s| s["sdk"] == "mvs").unwrap();
    assert_eq!(mvs["state"], "broken", "{o}");
    let reason = mvs["reason"].as_str().unwrap();
    assert!(
        reason.contains("libMvCameraControl.so") && reason.contains("not a shared library"),
        "{reason}"
    );
    let note = o["note"].as_str().unwrap();
    let ends = "sim: stands in for one, and frameline doctor tells more";
    assert!(
        note.starts_with("no camera was found (")
            && note.contains("mvs does not work, the reason is above")
            && note.ends_with(ends),
        "{note}"
    );
}

/// What `devices` tells of a simulated MVS library with this configuration and script.
fn devices(folder: &Folder, config: &str, script: &str, args: &[&str]) -> String {
    let exe = std::env::current_exe().unwrap();
    let library = exe.parent().unwrap().join("libfakemvs.so");
    std::fs::copy(library, folder.0.join("libMvCameraControl.so")).unwrap();
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_frameline"))
        .arg("devices")
        .args(args)
        .env("MVCAM_COMMON_RUNENV", &folder.0)
        .env("FAKEMVS_CONFIG", config)
        .env("FAKEMVS_SCRIPT", script)
        .output()
        .unwrap();
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(0), String::new()));
    text(&out.stdout)
}

#[test]
fn devices_lists_the_cameras_of_a_library_that_works() {
    // Catches a camera that is left out, a URI that does not open it, a library that fails and is taken for empty.
    let folder = Folder::new("sees");
    let config = "camera gige serial=A&1 user=left ip=10.0.0.7;camera usb serial=B2";
    let o: Value = serde_json::from_str(&devices(&folder, config, "", &["--json"])).unwrap();
    let of_mvs = |d: &&Value| d["sdk"] == "mvs";
    let found: Vec<_> = o["devices"].as_array().unwrap().iter().filter(of_mvs).collect();
    assert_eq!((found.len(), &o["note"]), (2, &Value::Null), "{o}");
    for (d, uri, serial, link) in [
        (found[0], "mvs:?serial=A%261", "A&1", "GigE Vision"),
        (found[1], "mvs:?serial=B2", "B2", "USB3 Vision"),
    ] {
        assert_eq!((d["uri"].as_str(), d["serial"].as_str()), (Some(uri), Some(serial)));
        assert_eq!((d["link"].as_str(), &d["accessible"]), (Some(link), &Value::Bool(true)));
    }
    assert_eq!((&found[0]["ip"], &found[0]["user_name"]), (&"10.0.0.7".into(), &"left".into()));
    let told = devices(&folder, config, "", &[]);
    for part in
        ["mvs  ", "version 4.6", "mvs:?serial=A%261", "\"left\"", "10.0.0.7", "mvs:?serial=B2"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = devices(&folder, "camera none", "", &[]);
    assert!(told.contains("sees no camera") && told.contains("check power, cable"), "{told}");
    let told = devices(&folder, config, "fail EnumDevices 0x80000206 times all", &[]);
    assert!(told.contains("mvs  BROKEN: ") && told.contains("0x80000206"), "{told}");
}

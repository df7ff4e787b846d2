//! The program from outside: recordings that are killed, that run out of disk, that are mended and replayed.

use super::made::{Folder, recording, writer};
use super::util;
use frameline::recording::format::End;
use frameline::recording::{Recording, Rule};
use serde_json::Value;
use std::process::{Command, Output, Stdio};

pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frameline"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn frameline(args: &[&str]) -> Output {
    command(args).output().expect("the program runs")
}

pub fn stderr(o: &Output) -> String {
    String::from_utf8_lossy(&o.stderr).into_owned()
}

pub fn object(o: &Output) -> Value {
    let text = String::from_utf8_lossy(&o.stdout).into_owned();
    serde_json::from_str(text.lines().last().expect("a last line")).expect("one JSON object")
}

pub const CAMERA: &str = "sim:?width=160&height=120&rate=200&scene=pattern";

/// Catches: frames that were committed and are lost with their writer, a reader that cannot look on, and a repair that
/// loses a good frame or touches the original.
#[test]
fn a_killed_recording_keeps_what_was_committed() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        let name = path.display().to_string();
        let mut child = command(&["record", "--source", CAMERA, "--out", &name, "--quiet"])
            .spawn()
            .expect("the program starts");
        let frames = || Recording::open(&path).map_or(0, |r| r.frames());
        util::until("twenty frames can be read while it records", || frames() >= 20);
        let o = frameline(&["verify", &name, "--json"]);
        assert_eq!(object(&o)["being_written"], true);
        child.kill().expect("SIGKILL");
        let _ = child.wait();

        let o = frameline(&["verify", &name, "--json"]);
        assert_eq!(o.status.code(), Some(1));
        let v = object(&o);
        assert_eq!(v["bad"].as_array().unwrap().len(), 0, "{v}");
        assert!(v["good"].as_u64().unwrap() >= 20 && v["good"] == v["frames"]);
        assert!(stderr(&o).contains("was never closed"), "{}", stderr(&o));

        let before = std::fs::read(&path).unwrap();
        let out = folder.file("b.flr").display().to_string();
        let o = frameline(&["repair", &name, "--out", &out, "--json"]);
        assert!(o.status.success(), "{}", stderr(&o));
        assert_eq!(object(&o)["kept"], v["good"]);
        assert!(std::fs::read(&path).unwrap() == before, "the original is as it was");
        let o = frameline(&["verify", &out]);
        assert!(o.status.success(), "{}", stderr(&o));
    });
}

/// Catches: a power cut's lost pages that cost more frames than were on them, and a verify that says it wrongly.
#[test]
fn lost_pages_cost_their_frames() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    recording(&path, 100);
    let mut bytes = std::fs::read(&path).unwrap();
    let layout = Recording::open(&path).unwrap().header().layout;
    // Never closed; the second page of the index and the end of the data are gone.
    bytes[2048..2112].fill(0);
    let page = layout.index_offset as usize + 4096;
    bytes[page..page + 4096].fill(0);
    bytes.truncate(layout.payload_offset(95).unwrap() as usize + 100);
    std::fs::write(&path, &bytes).unwrap();
    let name = path.display().to_string();
    let o = frameline(&["verify", &name, "--json"]);
    let v = object(&o);
    assert_eq!((v["frames"].as_u64(), v["good"].as_u64()), (Some(100), Some(63)), "{v}");
    let stretches: Vec<_> = v["bad"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| (b["from"].as_u64(), b["to"].as_u64()))
        .collect();
    assert_eq!(stretches, [(Some(32), Some(63)), (Some(95), Some(99))]);
    let out = folder.file("b.flr").display().to_string();
    assert!(frameline(&["repair", &name, "--out", &out]).status.success());
    let v = object(&frameline(&["info", &out, "--json"]));
    assert_eq!((v["frames"].as_u64(), v["end"].as_str()), (Some(63), Some("repaired")));
    assert_eq!(v["lost"]["not_written"], 32, "the hole travels with the frame behind it");
    assert_eq!(v["events"].as_array().unwrap().len(), 2);
}

/// Catches: a full disk that ends the program, that is found out at the end, or that costs frames already written.
#[test]
fn a_full_disk_is_a_sentence() {
    util::watched(|| {
        let folder = Folder::new();
        let out = folder.file("a.flr").display().to_string();
        // Before recording: no room for the first file.
        let shell = format!(
            "ulimit -f 1000; exec {} record --source '{CAMERA}' --frames 9 --out {out} --set stage.record.segment=64MiB --set stage.record.keep_last=1s --quiet",
            env!("CARGO_BIN_EXE_frameline")
        );
        let o = Command::new("bash").args(["-c", &shell]).output().expect("bash runs");
        assert_eq!(o.status.code(), Some(1), "{}", stderr(&o));
        assert!(stderr(&o).contains("more than a file may have"), "{}", stderr(&o));
        assert!(!folder.file("a.flr").exists());

        // While recording: a disk that holds two files and no third.
        let disk = folder.file("disk");
        std::fs::create_dir(&disk).unwrap();
        let place = disk.display().to_string();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=5m", "none", &place])
            .stderr(Stdio::null())
            .status();
        if !mounted.is_ok_and(|s| s.success()) {
            println!("no right to mount a small disk: the part that fills one is left out");
            return;
        }
        let out = disk.join("a.flr");
        let name = out.display().to_string();
        let o = frameline(&[
            "record",
            "--source",
            CAMERA,
            "--out",
            &name,
            "--set",
            "stage.record.segment=2MiB",
            "--json",
            "--quiet",
        ]);
        let told = stderr(&o);
        let read = Recording::open(&out).map(|r| frameline::recording::verify(&r, |_| {}));
        let _ = Command::new("umount").arg(&place).status();
        assert_eq!(o.status.code(), Some(1), "{told}");
        assert!(told.contains("records no more: there is no room"), "{told}");
        let found = read.expect("what was written opens");
        assert!(found.is_whole() && found.good > 20, "{found:?}");
        assert_eq!(object(&o)["recording"]["end"], "disk-full");
    });
}

/// Catches: a recording of more segments than files may be open, each of which is called missing, or the whole of which is
/// called whole.
#[test]
fn more_segments_than_files_may_be_open_are_a_sentence() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        let rule = Rule { segment_bytes: 1, ..Rule::default() };
        writer(&path, 60, rule).finish(End::Finished).unwrap();
        // The limit that the user set, which the program raises; and the system's, which it cannot.
        for (limit, code) in [("-S -n", 0), ("-n", 1)] {
            let line = format!("ulimit {limit} 40 && exec \"$0\" verify \"$1\"");
            let o = Command::new("sh")
                .args(["-c", &line, env!("CARGO_BIN_EXE_frameline")])
                .arg(&path)
                .output()
                .unwrap();
            assert_eq!(o.status.code(), Some(code), "{limit}: {}", stderr(&o));
            let told = stderr(&o).contains("raise the limit");
            assert_eq!(
                (told, stderr(&o).lines().count() <= 1),
                (code == 1, true),
                "{}",
                stderr(&o)
            );
        }
    });
}

/// Catches: verdicts, or times, that differ between the line and the replay of its recording, frame for frame.
#[test]
fn the_same_frames_have_the_same_verdicts() {
    util::watched(|| {
        let folder = Folder::new();
        let file = |name: &str| folder.file(name).display().to_string();
        let stages = |results: &str, more: &str| {
            format!(
                "[[stage]]\nname = \"inspect\"\nkind = \"inspect\"\n[[stage]]\nname = \"results\"\nkind = \"results\"\njson = \"{results}\"\n{more}"
            )
        };
        let record = format!(
            "[[stage]]\nname = \"record\"\nkind = \"record\"\nafter = \"source\"\nfile = \"{}\"\n",
            file("a.flr")
        );
        std::fs::write(folder.file("a.toml"), stages(&file("a.jsonl"), &record)).unwrap();
        std::fs::write(folder.file("b.toml"), stages(&file("b.jsonl"), "")).unwrap();
        let run = |config: &str, source: &str| {
            let o = frameline(&["run", &file(config), "--source", source, "--json", "--quiet"]);
            assert!(o.status.success(), "{}", stderr(&o));
            object(&o)
        };
        let then = run("a.toml", "sim:?rate=max&frames=20&defects=0.2");
        let now = run("b.toml", &format!("replay:{}?rate=max", file("a.flr")));
        for key in ["parts", "failed"] {
            assert_eq!(then["results"]["inspect"][key], now["results"]["inspect"][key]);
        }
        assert!(then["results"]["inspect"]["failed"].as_u64() > Some(0));
        let rows = |name: &str| -> Vec<Value> {
            let text = std::fs::read_to_string(folder.file(name)).unwrap();
            text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
        };
        let (then, mut now) = (rows("a.jsonl"), rows("b.jsonl"));
        for row in now.iter_mut().filter_map(Value::as_object_mut) {
            let of_that_night = row.remove("recorded_host_time_ns").expect("it is told");
            let of_now = row.insert("host_time_ns".into(), of_that_night);
            assert!(of_now.and_then(|ns| ns.as_u64()) > Some(0));
        }
        assert_eq!((&then, then.len()), (&now, 20));
    });
}

/// Catches: a wrong input that ends in another sentence than one that helps, or with another exit code.
#[test]
fn wrong_inputs_are_sentences() {
    let folder = Folder::new();
    let good = folder.file("good.flr").display().to_string();
    recording(folder.file("good.flr").as_path(), 5);
    let text = folder.file("text.flr").display().to_string();
    std::fs::write(folder.file("text.flr"), "not a recording").unwrap();
    // As a recording is left that is killed before its header is written; so large that nobody may read all of it.
    let zeros = folder.file("zeros.flr").display().to_string();
    std::fs::File::create(folder.file("zeros.flr")).unwrap().set_len(1 << 40).unwrap();
    let nothing = "zeros.flr holds nothing but zeros: its 1099511627776 bytes were reserved, and nothing was committed";
    let none = folder.file("none.flr").display().to_string();
    let replay = |more: &str| format!("replay:{good}?{more}");
    let here = folder.0.display().to_string();
    let record = ["record", "--source", CAMERA, "--out", &none, "--frames", "3"];
    let on_faults = ["--set", "stage.record.keep_after=1s", "--set", "stage.record.on=fault"];
    for (args, code, want) in [
        (vec!["info", &none], 2, "there is no such file"),
        (vec!["info", &text], 1, "is no recording"),
        (vec!["verify", &text], 1, "is no recording"),
        (vec!["info", &zeros], 1, nothing),
        (vec!["verify", &zeros], 1, nothing),
        (vec!["repair", &zeros, "--out", &none], 1, nothing),
        (vec!["run", "--source", &format!("replay:{zeros}")], 1, nothing),
        (vec!["record", "--source", CAMERA, "--out", &zeros], 2, "exists already"),
        (vec!["repair", &good, "--out", &good], 2, "exists already"),
        (vec!["record", "--source", CAMERA, "--out", &good], 2, "exists already"),
        (vec!["record", "--source", CAMERA, "--out", "/no/such/folder/a.flr"], 2, "no such folder"),
        (vec!["record", "--source", CAMERA, "--out", "noextension"], 2, "has no extension"),
        (vec!["record", "--source", CAMERA, "--out", &here], 2, "is a folder"),
        ([&record[..], &["--set", "stage.record.from=x"]].concat(), 2, "only with keep_before"),
        ([&record[..], &on_faults, &["--set", "stage.record.from=x"]].concat(), 2, "only with"),
        (vec!["run", "--source", &format!("replay:{none}")], 2, "there is no such file"),
        (vec!["run", "--source", &format!("replay:{text}")], 1, "is no recording"),
        (vec!["run", "--source", &replay("from=9")], 2, "there is no frame 9"),
        (vec!["run", "--source", &replay("rate=fast")], 2, "recorded, max, or xN"),
        (vec!["run", "--source", &replay("speed=2")], 2, "no parameter \"speed\""),
    ] {
        let o = frameline(&args);
        let told = stderr(&o);
        assert_eq!(o.status.code(), Some(code), "{args:?}: {told}");
        assert!(told.lines().last().is_some_and(|l| l.contains(want)), "{args:?}: {told}");
        assert!(!told.contains("these images"), "nothing is wrong with those: {told}");
    }
    let o = frameline(&["info", &good]);
    let told = String::from_utf8_lossy(&o.stdout).into_owned();
    assert!(told.contains("5 frames, finished") && told.contains("70 x 60 Mono8"), "{told}");
}

/// Catches: a recording that gets another name than the one that was asked for.
#[test]
fn a_name_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let path = folder.0.join(std::ffi::OsStr::from_bytes(b"a\xff.flr"));
    let mut record = command(&["record", "--source", CAMERA, "--frames", "3", "--out"]);
    let o = record.arg(&path).output().expect("the program runs");
    assert_eq!(o.status.code(), Some(2), "{}", stderr(&o));
    assert!(stderr(&o).contains("is no name in UTF-8"), "{}", stderr(&o));
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
    // Reading one is nobody's harm.
    let good = folder.file("good.flr");
    recording(&good, 3);
    std::fs::rename(good, &path).unwrap();
    assert!(command(&["verify"]).arg(&path).status().is_ok_and(|s| s.success()));
}

/// Catches: a page that cannot stand alone, one that lacks the pictures or a fact, a text of the file that becomes markup;
/// and a broken recording that has no page.
#[test]
fn a_page_shows_what_a_recording_holds() {
    let folder = Folder::new();
    let path = folder.file("<b>&.flr");
    recording(&path, 25);
    let name = path.display().to_string();
    let page = folder.file("page.html").display().to_string();
    let o = frameline(&["info", &name, "--html", &page]);
    assert!(o.status.success(), "{}", stderr(&o));
    let told = String::from_utf8_lossy(&o.stdout).into_owned();
    assert!(!told.contains('\x1b') && told.contains("lost       6 in 2 gaps"), "{told}");
    let text = std::fs::read_to_string(&page).unwrap();
    assert_eq!(text.matches("data:image/png;base64,").count(), 12);
    for part in
        ["25 frames, 6 lost in 2 gaps", "70 x 60 Mono8", "before frame 10", "100.0", ">10.0 "]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("<b>") && !text.contains("<script") && !text.contains("src="));

    // Its writer was killed and its tail is gone: what can be read is shown.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[2048..2112].fill(0);
    let layout = Recording::open(&path).unwrap().header().layout;
    bytes.truncate(layout.payload_offset(20).unwrap() as usize);
    std::fs::write(&path, &bytes).unwrap();
    assert!(frameline(&["info", &name, "--html", &page]).status.success());
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("NOT CLOSED") && text.contains("5 frames that cannot be read"), "{text}");

    let nowhere = folder.file("no/folder/page.html").display().to_string();
    let o = frameline(&["info", &name, "--html", &nowhere]);
    assert_eq!(o.status.code(), Some(2));
    assert!(stderr(&o).contains("there is no folder"), "{}", stderr(&o));
}

/// Catches: a recording that tells the machine's name to whoever it is sent to.
#[test]
fn a_recording_does_not_tell_the_machines_name() {
    let folder = Folder::new();
    let name = folder.file("a.flr").display().to_string();
    let o = frameline(&["record", "--source", CAMERA, "--out", &name, "--frames", "3", "--quiet"]);
    assert!(o.status.success(), "{}", stderr(&o));
    let v = object(&frameline(&["info", &name, "--json"]));
    let facts: Vec<&str> = v["host"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let names: Vec<&str> = facts.iter().filter_map(|f| f.split('=').next()).collect();
    assert_eq!(names, ["program", "system", "cores"], "what the documentation says, and no more");
}

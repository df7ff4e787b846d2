//! `export`, `import` and `cut`: what is kept, what is refused, and that nothing is left half-made.

use super::{Folder, finish, frameline, object, spawn, text};
use frameline::clock::{DeviceTime, HostTime};
use frameline::fault::FaultClass;
use frameline::format::{Geometry, PixelFormat};
use frameline::media::{Export, Input, Target, export};
use frameline::meta::{FrameMeta, FrameStatus, Loss};
use frameline::recording::format::{End, Entry, Event, EventKind, Texts, WallClock};
use frameline::recording::{Head, Recording, Rule, Writer};
use frameline::source::FrameIdRule;
use serde_json::Value;
use std::path::Path;

const PADDED: Geometry = Geometry {
    width: 6,
    height: 4,
    offset_x: 0,
    offset_y: 0,
    pixel_format: PixelFormat::MONO12P,
    x_padding: 3,
};

fn payload(n: u64, bytes: u64) -> Vec<u8> {
    (0..bytes).map(|k| (n * 31 + k * 7 + 1) as u8).collect()
}

/// A recording with losses, a fault before frame 2 and one after the last frame, and an incomplete frame 3.
fn recording(path: &str, frames: u64, geometry: Geometry) {
    let head = Head {
        geometry,
        max_payload_bytes: geometry.image_bytes(),
        id_rule: FrameIdRule::default(),
        started: WallClock { unix_ns: 1_790_000_000_000_000_000, host: HostTime(5_000) },
        texts: Texts { source: "sim:".into(), codes: "sim".into(), ..Texts::default() },
    };
    let rule = Rule { frames: Some(frames), events: 8, ..Rule::default() };
    let mut writer = Writer::create(path, head, geometry.image_bytes(), rule).unwrap();
    let fault = Event {
        kind: EventKind::Fault,
        before_frame: 0,
        host_time: HostTime(77_000),
        code: 0x8000_0007,
        class: Some(FaultClass::Timeout),
        detail: 1,
        count: 2,
    };
    for n in 0..frames {
        if n == 2 {
            writer.event(&fault).unwrap();
        }
        let short = n == 3;
        let meta = FrameMeta {
            frame_id: 10 + 2 * n,
            sequence: n,
            device_time: DeviceTime(900 + n),
            host_time: HostTime(5_000 + n * 1_000_000),
            lost_before: Loss { device: u32::from(n > 0), ..Loss::default() },
            status: if short { FrameStatus::Incomplete } else { FrameStatus::Complete },
            ..FrameMeta::of(&geometry)
        };
        let bytes = geometry.image_bytes() - if short { 15 } else { 0 };
        let entry = Entry { meta, lost_by_hops: 1, ..Entry::default() };
        writer.push(&entry, &payload(n, bytes)).unwrap();
    }
    writer.event(&fault).unwrap();
    writer.finish(End::Finished).unwrap();
}

fn names(folder: &Folder) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(&folder.0)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Exit code `code` and one sentence on stderr that contains `want`; nothing new in the folder.
fn refused(folder: &Folder, args: &[&str], code: i32, want: &str) {
    let before = names(folder);
    let output = frameline(args);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {err}");
    assert!(output.stdout.is_empty(), "{args:?}: {}", text(&output.stdout));
    assert_eq!(err.lines().count(), 1, "{args:?}: {err}");
    assert!(err.starts_with("frameline: ") && err.contains(want), "{args:?}: {err}");
    assert_eq!(names(folder), before, "{args:?} left something");
}

fn lines(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("a file of lines");
    text.lines().map(|l| serde_json::from_str(l).expect("an object")).collect()
}

#[test]
fn an_export_keeps_what_is_known_and_says_what_it_did() {
    // Catches a frame that loses its id, its time or the losses before it; padding that becomes pixels; stale bytes in an
    // incomplete frame; a fault that nobody tells.
    let folder = Folder::new("export");
    let (flr, out) = (folder.path("a.flr"), folder.path("a.npy"));
    recording(&flr, 5, PADDED);
    let output = frameline(&["export", &flr, "--to", "npy", "--out", &out, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let o = object(&output);
    assert_eq!((&o["frames"], &o["incomplete"], &o["lost"]), (&5.into(), &1.into(), &9.into()));
    let notes = o["notes"].to_string();
    for note in ["Mono12p was unpacked to Mono12", "3 bytes of padding", "incomplete frames is 0"] {
        assert!(notes.contains(note), "{note}: {notes}");
    }
    let array = std::fs::read(&out).unwrap();
    assert_eq!(array.len(), 128 + 5 * 6 * 4 * 2);
    let header = String::from_utf8_lossy(&array[..128]).into_owned();
    assert!(header.contains("'<u2'") && header.contains("(5, 4, 6)"), "{header}");
    // Pixel 1 of row 1 of frame 4: rows have 9 bytes and 3 of padding.
    let row = payload(4, PADDED.image_bytes())[12..21].to_vec();
    let want = u16::from(row[1]) >> 4 | u16::from(row[2]) << 4;
    let at = 128 + ((4 * 4 + 1) * 6 + 1) * 2;
    assert_eq!(u16::from_le_bytes([array[at], array[at + 1]]), want);
    // The last row of frame 3 did not come.
    assert!(array[128 + (3 * 4 + 3) * 12..][..12].iter().all(|b| *b == 0));
    let facts = lines(&format!("{out}.jsonl"));
    assert_eq!(facts[0]["recording"]["source"], "sim:");
    let kinds: Vec<_> = facts[1..].iter().map(|f| f["frame"].as_u64().ok_or("event")).collect();
    assert_eq!(kinds, [Ok(0), Ok(1), Err("event"), Ok(2), Ok(3), Ok(4), Err("event")]);
    let second = &facts[2];
    assert_eq!((&second["frame_id"], &second["device_time_ns"]), (&12.into(), &901.into()));
    assert_eq!(second["unix_ns"], 1_790_000_000_001_000_000_u64);
    assert_eq!(
        (&second["lost_before"]["device"], &second["lost_before"]["hops"]),
        (&1.into(), &1.into())
    );
    assert_eq!(facts[3]["class"], "timeout");
    assert_eq!(facts[5]["status"], "incomplete");
}

#[test]
fn a_cut_is_the_original_byte_for_byte() {
    // Catches metadata that change on the way, an event that loses its place, and a range that is off by one.
    let folder = Folder::new("cut");
    let (flr, out) = (folder.path("a.flr"), folder.path("b.flr"));
    recording(&flr, 7, PADDED);
    let output = frameline(&["cut", &flr, "--out", &out, "--from", "2", "--to", "6", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(object(&output)["frames"], 5);
    let (a, b) = (Recording::open(&flr).unwrap(), Recording::open(&out).unwrap());
    assert_eq!(b.frames(), 5);
    assert_eq!((b.header().started, &b.header().texts), (a.header().started, &a.header().texts));
    let bytes = [&flr, &out].map(|p| std::fs::read(p).unwrap());
    let entry = |r: &Recording, bytes: &[u8], n| {
        let at = r.header().layout.entry_offset(n) as usize;
        bytes[at..at + 128].to_vec()
    };
    let (mut was, mut is) = (Vec::new(), Vec::new());
    for n in 0..5 {
        assert_eq!(entry(&b, &bytes[1], n), entry(&a, &bytes[0], n + 2), "entry {n}");
        a.read(n + 2, &mut was).unwrap();
        b.read(n, &mut is).unwrap();
        assert_eq!(was, is);
    }
    let places: Vec<u64> = b.events().unwrap().iter().map(|e| e.before_frame).collect();
    assert_eq!(places, [0, 5], "the fault before frame 2, and the one after the last frame");
}

#[test]
fn wrong_ranges_and_names_are_exit_code_2() {
    // Catches a file that is written over, a folder of the user's that is removed, a range of no frame.
    let folder = Folder::new("media-wrong");
    let flr = folder.path("a.flr");
    recording(&flr, 3, PADDED);
    let (out, there) = (folder.path("o"), folder.write("there.npy", "mine"));
    let mine = folder.path("mine");
    std::fs::create_dir(&mine).unwrap();
    std::fs::write(Path::new(&mine).join("thesis.txt"), "all of it").unwrap();
    let to = |to: &'static str| ["export", &flr, "--to", to, "--out"].map(str::to_string).to_vec();
    let cases: Vec<(Vec<String>, Vec<&str>, &str)> = vec![
        (to("gif"), vec!["o"], "expected png, tiff, npy, seq or mcap"),
        (to("npy"), vec![&there], "exists; give another name, or --force"),
        (to("npy"), vec![&mine], "is a folder"),
        (to("png"), vec![&mine], "holds files already"),
        (to("png"), vec![&mine, "--force"], "\"thesis.txt\", which no export wrote"),
        (to("png"), vec![&there], "is no folder"),
        (to("npy"), vec!["no/such/a.npy"], "there is no folder no/such"),
        (to("npy"), vec![&out, "--from", "3"], "the last one is number 2; 3 is none"),
        (to("npy"), vec![&out, "--to-frame", "9"], "9 is none of them"),
        (to("npy"), vec![&out, "--from", "2", "--to-frame", "1"], "comes after the last"),
    ];
    for (mut args, more, want) in cases {
        args.extend(more.iter().map(|a| a.to_string()));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        refused(&folder, &args, 2, want);
    }
    refused(&folder, &["export", "none.flr", "--to", "npy", "--out", &out], 2, "no such file");
    refused(&folder, &["cut", &flr, "--out", &flr], 2, "never written over");
    refused(&folder, &["cut", &flr, "--out", &out], 2, "is no name of a recording; write");
    refused(&folder, &["import", &flr, "--out", "b.flr"], 2, "is a recording already");
    refused(&folder, &["import", "nowhere", "--out", "b.flr"], 2, "no such file or folder");
    refused(&folder, &["import", &there, "--out", "b.flr"], 2, "give --width, --height");
    refused(&folder, &["import", &mine, "--out", "b.flr"], 2, "holds no image");
    refused(&folder, &["import", &there, "--out", "b.flr", "--rate", "0"], 2, "frames a second");
    let raw = ["import", &there, "--out", "b.flr", "--width", "3", "--height", "1"];
    let with = |more: &[&'static str]| [&raw[..], more].concat();
    refused(&folder, &with(&[]), 2, "whose --format must be given");
    refused(&folder, &with(&["--format", "Mono9"]), 2, "expected a PFNC name");
    refused(&folder, &with(&["--format", "Mono8"]), 2, "has 4 bytes, no whole number of images");
    refused(&folder, &with(&["--format", "Mono8", "--stride", "2"]), 2, "is less than a row");
    refused(&folder, &with(&["--format", "BayerRG8"]), 2, "must have even");
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "mine");
}

#[test]
fn an_export_replaces_an_earlier_one_when_forced() {
    // Catches pictures of the earlier export that stay among the new ones.
    let folder = Folder::new("force");
    let (flr, out) = (folder.path("a.flr"), folder.path("pictures"));
    recording(&flr, 4, PADDED);
    for more in [&[][..], &["--force", "--to-frame", "1"]] {
        let args = [&["export", &flr, "--to", "png", "--out", &out][..], more].concat();
        let output = frameline(&args);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let mut left: Vec<_> =
        std::fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["00000000.png", "00000001.png", "frames.jsonl"]);
    // Imported again: the same pixels, now whole words.
    let again = folder.path("b.flr");
    let output = frameline(&["import", &out, "--out", &again, "--format", "Mono12", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let o = object(&output);
    assert_eq!((&o["frames"], &o["pixel_format"]), (&2.into(), &"Mono12".into()));
    assert!(o["notes"].to_string().contains("1 entry of the folder is no image"), "{o}");
    assert_eq!(names(&folder), ["a.flr", "b.flr", "pictures"]);
}

#[test]
fn damaged_frames_end_an_export_or_are_left_out_and_counted() {
    // Catches a damaged frame that is exported as if nothing were, or that is missing without a word.
    let folder = Folder::new("media-damaged");
    let (flr, out) = (folder.path("a.flr"), folder.path("o.npy"));
    recording(&flr, 5, PADDED);
    let layout = Recording::open(&flr).unwrap().header().layout;
    let mut bytes = std::fs::read(&flr).unwrap();
    bytes[layout.payload_offset(2).unwrap() as usize] ^= 1;
    std::fs::write(&flr, bytes).unwrap();
    let args = ["export", &flr, "--to", "npy", "--out", &out];
    refused(&folder, &args, 1, "frame 2 of");
    refused(&folder, &args, 1, "has a damaged payload");
    let cut = ["cut", &flr, "--out", &folder.path("b.flr")];
    refused(&folder, &cut, 1, "frameline repair makes a recording of the others");
    let output = frameline(&[&args[..], &["--skip-damaged", "--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let o = object(&output);
    assert_eq!((&o["frames"], &o["left_out"]), (&4.into(), &1.into()));
    assert!(String::from_utf8_lossy(&std::fs::read(&out).unwrap()[..128]).contains("(4, 4, 6)"));
    let facts = lines(&format!("{out}.jsonl"));
    assert!(facts.iter().any(|f| f["left_out"] == 2), "{facts:?}");
}

#[test]
fn who_interrupts_finds_nothing_half_made() {
    // Catches drafts that stay behind, by the call and by the signal.
    let folder = Folder::new("interrupt");
    let flr = folder.path("a.flr");
    recording(&flr, 300, Geometry::new(64, 64, PixelFormat::MONO8));
    let opened = Recording::open(&flr).unwrap();
    for target in [Target::Png, Target::Tiff, Target::Npy, Target::Seq, Target::Mcap] {
        let what = Export {
            target,
            out: folder.0.join("o"),
            from: 0,
            to: None,
            force: false,
            skip_damaged: false,
        };
        let e = export(&opened, &what, &mut |done| done < 7).unwrap_err();
        assert!(e.to_string().contains("interrupted after 7 frames"), "{e}");
        assert_eq!(names(&folder), ["a.flr"], "{target:?}");
    }
    // By a signal, at whatever moment it comes: all of it or nothing.
    let out = folder.path("o");
    let mut child = spawn(&["export", &flr, "--to", "png", "--out", &out]);
    let id = child.id().to_string();
    loop {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        if names(&folder).len() > 1 {
            let sent = std::process::Command::new("kill").args(["-INT", &id]).status();
            assert!(sent.is_ok());
            break;
        }
        std::thread::yield_now();
    }
    let output = finish(child);
    match output.status.code() {
        Some(0) => assert_eq!(std::fs::read_dir(&out).unwrap().count(), 301),
        code => {
            assert_eq!(code, Some(1), "{}", text(&output.stderr));
            assert!(text(&output.stderr).contains("nothing was left"), "{}", text(&output.stderr));
            assert_eq!(names(&folder), ["a.flr"]);
        }
    }
}

/// A NorPix file of two 4x2 images, version 3.
fn seq() -> Vec<u8> {
    let mut b = vec![0; 1024 + 2 * 512];
    let mut put = |at: usize, v: u32| b[at..at + 4].copy_from_slice(&v.to_le_bytes());
    put(0, 0xFEED);
    put(28, 3);
    for (i, v) in [4, 2, 8, 8, 8, 100, 2, 0, 512].into_iter().enumerate() {
        put(548 + 4 * i, v);
    }
    put(1024 + 8, 1_700_000_000);
    put(1024 + 12, 250);
    put(1536 + 8, 1_700_000_000);
    put(1536 + 12, 290);
    b[1024..1032].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
    b
}

fn with(bytes: &[u8], at: usize, value: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

#[test]
fn an_old_seq_has_its_times() {
    // Catches the header of older versions taken for the newer one, and times that are made up.
    let folder = Folder::new("seq");
    let (path, out) = (folder.path("a.seq"), folder.path("a.flr"));
    std::fs::write(&path, seq()).unwrap();
    let output = frameline(&["import", &path, "--out", &out, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(object(&output)["rate"].is_null());
    let r = Recording::open(&out).unwrap();
    let mut pixels = Vec::new();
    let first = r.read(0, &mut pixels).unwrap();
    assert_eq!(pixels, [1, 2, 3, 4, 5, 6, 7, 8]);
    let unix = |e: &Entry| r.header().started.unix_ns_of(e.meta.host_time);
    assert_eq!(unix(&first), 1_700_000_000_250_000_000);
    assert_eq!(unix(&r.entry(1).unwrap()), 1_700_000_000_290_000_000);
}

#[test]
fn broken_files_are_sentences() {
    // Catches a file that is imported and should not be, a panic or a huge allocation on the way, and a recording that is
    // left behind by a failure.
    let folder = Folder::new("broken");
    let (flr, png) = (folder.path("a.flr"), folder.path("p"));
    recording(&flr, 1, Geometry::new(40, 30, PixelFormat::MONO8));
    for to in ["png", "tiff"] {
        let out = if to == "png" { png.clone() } else { folder.path("t.tiff") };
        assert_eq!(frameline(&["export", &flr, "--to", to, "--out", &out]).status.code(), Some(0));
    }
    let good = std::fs::read(Path::new(&png).join("00000000.png")).unwrap();
    let tiff = std::fs::read(folder.path("t.tiff")).unwrap();
    let jpeg = [b"\xFF\xD8\xFF\xE0".to_vec(), vec![0; 40]].concat();
    // A header that is in order and promises a terabyte.
    let mut huge = Vec::new();
    let mut writer = png::Encoder::new(&mut huge, 1 << 20, 1 << 20).write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, &[0; 8]).unwrap();
    drop(writer);
    let mut wrong_crc = good.clone();
    let last = wrong_crc.len() - 20;
    wrong_crc[last] ^= 0x55;
    let seq = seq();
    let corpus: Vec<(&str, Vec<u8>, i32, &str)> = vec![
        ("empty", vec![], 2, "is no PNG, TIFF or JPEG image and no .seq file"),
        ("text.png", b"not an image".to_vec(), 2, "is no PNG"),
        ("cut.png", good[..good.len() / 2].to_vec(), 1, "cannot be read as an image"),
        ("head.png", good[..20].to_vec(), 1, "cannot be read as an image"),
        ("huge.png", huge, 1, "it says that it has 1048576x1048576 pixels"),
        ("rot.png", wrong_crc, 1, "cannot be read as an image"),
        ("cut.tiff", tiff[..tiff.len() / 2].to_vec(), 1, "cannot be read as an image"),
        ("head.tif", tiff[..8].to_vec(), 1, "cannot be read as an image"),
        ("loop.tif", b"II\x2A\0\x08\0\0\0\0\0\x08\0\0\0".to_vec(), 1, "cannot be read as an image"),
        ("cut.jpg", jpeg, 1, "cannot be read as an image"),
        ("a.seq", seq[..500].to_vec(), 1, "has 500 bytes and no header of a .seq file"),
        ("b.seq", seq[..1030].to_vec(), 1, "ends before its first image does"),
        ("c.seq", with(&seq, 548, 1 << 30), 1, "a side is 1 to 1048576"),
        ("d.seq", with(&with(&seq, 548, 1 << 20), 552, 1 << 20), 1, "are taken"),
        ("e.seq", with(&seq, 564, 9), 1, "is damaged: images of 4x2"),
        ("f.seq", with(&seq, 580, 0), 1, "is damaged: images of 4x2"),
        ("g.seq", with(&seq, 568, 102), 1, "has images of kind 102 with 8 bits"),
        ("h.seq", with(&seq, 556, 0), 1, "with 0 bits a pixel"),
        ("i.seq", with(&seq, 620, 1), 1, "is compressed"),
    ];
    for (name, bytes, code, want) in corpus {
        let path = folder.path(name);
        std::fs::write(&path, bytes).unwrap();
        refused(&folder, &["import", &path, "--out", &folder.path("x.flr")], code, want);
    }
    // In a folder with others, the odd one is named.
    let mixed = folder.path("mixed");
    std::fs::create_dir(&mixed).unwrap();
    std::fs::write(Path::new(&mixed).join("img2.png"), &good).unwrap();
    std::fs::write(Path::new(&mixed).join("img10.png"), "not an image").unwrap();
    refused(&folder, &["import", &mixed, "--out", &folder.path("x.flr")], 1, "img10.png cannot be");
}

#[test]
fn every_prefix_of_an_input_is_refused_or_read() {
    // Catches a panic at some length of a file that was cut off.
    let folder = Folder::new("prefixes");
    let (path, bytes) = (folder.0.join("a.seq"), seq());
    for length in (0..bytes.len()).step_by(61) {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let input = Input::of(&path);
        assert_eq!(input.is_ok(), length >= 4, "{length}");
        let Ok(input) = input else { continue };
        let what = frameline::media::Import {
            path: path.clone(),
            input,
            out: folder.0.join(format!("{length}.flr")),
            rate: None,
            format: None,
        };
        let made = frameline::media::import(&what, &mut |_, _| true);
        assert_eq!(made.is_ok(), length >= 1032, "{length}: {made:?}");
    }
}

#[test]
fn an_export_comes_back_with_all_that_it_told() {
    // Catches an id, a time, a loss, an event or the format's name that is lost on the way out and back; a file of lines
    // that does not fit its images and is believed; a rate that is asked for and not given.
    let folder = Folder::new("back");
    let geometry = Geometry {
        offset_x: 8,
        pixel_format: PixelFormat::from_name("BayerRG8").unwrap(),
        x_padding: 0,
        ..PADDED
    };
    let flr = folder.path("a.flr");
    recording(&flr, 5, geometry);
    for (to, out) in [("png", "images"), ("tiff", "a.tiff"), ("seq", "a.seq")] {
        let (out, back) = (folder.path(out), folder.path(&format!("{to}.flr")));
        let o = frameline(&["export", &flr, "--to", to, "--out", &out]);
        assert_eq!(o.status.code(), Some(0), "{to}: {}", text(&o.stderr));
        let o = frameline(&["import", &out, "--out", &back, "--json"]);
        assert_eq!(o.status.code(), Some(0), "{to}: {}", text(&o.stderr));
        assert!(object(&o)["notes"].to_string().contains("those that the export told"), "{to}");
        let (a, b) = (Recording::open(&flr).unwrap(), Recording::open(&back).unwrap());
        assert_eq!((a.frames(), b.frames()), (5, 5), "{to}");
        assert_eq!(a.header().started, b.header().started, "{to}");
        assert_eq!(a.events().unwrap(), b.events().unwrap(), "{to}");
        for n in 0..5 {
            let (a, b) = (a.entry(n).unwrap(), b.entry(n).unwrap());
            assert_eq!((a.meta, a.lost_by_hops), (b.meta, b.lost_by_hops), "{to}, frame {n}");
        }
        // Times that are asked for go before those that were told.
        let paced = folder.path(&format!("{to}-paced.flr"));
        let o = frameline(&["import", &out, "--out", &paced, "--rate", "10"]);
        assert_eq!(o.status.code(), Some(0), "{to}: {}", text(&o.stderr));
        let r = Recording::open(&paced).unwrap();
        let time = |n| r.entry(n).unwrap().meta.host_time;
        assert_eq!((time(1) - time(0)).0, 100_000_000, "{to}");
    }
    let lines = folder.path("a.tiff.jsonl");
    let good = std::fs::read_to_string(&lines).unwrap();
    let (tiff, out) = (folder.path("a.tiff"), folder.path("b.flr"));
    let all: Vec<&str> = good.lines().collect();
    let fewer = all[..all.len() - 3].join("\n");
    let more = format!("{good}{}\n", all[1]);
    let long = "9".repeat(3 << 20);
    for (bad, want) in [
        ("", "line 1 of"),
        ("[]", "does not tell of a recording"),
        ("{\"recording\":{}}", "has no whole number started_unix_ns"),
        (&*good.replace("\"epoch\":0", "\"epoch\":4294967296"), "has a epoch beyond 32 bits"),
        (&*good.replace("\"frame_id\":10", "\"frame_id\":-1"), "has no whole number frame_id"),
        (&*good.replace("complete", "whole"), "has no status"),
        (&*fewer, "there are more images"),
        (&*more, "a frame that has no image"),
        (&*long, "is no JSON"),
    ] {
        std::fs::write(&lines, bad).unwrap();
        refused(&folder, &["import", &tiff, "--out", &out], 1, want);
    }
}

#[test]
fn force_replaces_no_recording_and_nothing_of_others() {
    // Catches an export over the very recording that it reads, over another one, or over what is no file.
    let folder = Folder::new("force");
    let (flr, other) = (folder.path("a.flr"), folder.path("b.flr"));
    recording(&flr, 3, PADDED);
    recording(&other, 3, PADDED);
    for out in [&flr, &other, &"/dev/null".to_string()] {
        let args = ["export", &flr, "--to", "npy", "--out", out, "--force"];
        refused(&folder, &args, 2, "is not replaced");
    }
    assert_eq!(Recording::open(&flr).unwrap().frames(), 3);
    std::fs::write(folder.path("old.npy"), "what an earlier export left").unwrap();
    let out = folder.path("old.npy");
    let o = frameline(&["export", &flr, "--to", "npy", "--out", &out, "--force"]);
    assert_eq!(o.status.code(), Some(0), "{}", text(&o.stderr));
}

#[test]
fn a_page_replaces_no_recording() {
    // Catches `info a.flr --html a.flr`, which made a page of the recording.
    let folder = Folder::new("page-over");
    let flr = folder.path("a.flr");
    recording(&flr, 3, PADDED);
    let before = std::fs::read(&flr).unwrap();
    refused(&folder, &["info", &flr, "--html", &flr], 2, "is not replaced");
    assert!(std::fs::read(&flr).unwrap() == before);
    let page = folder.path("a.html");
    for _ in 0..2 {
        let o = frameline(&["info", &flr, "--html", &page]);
        assert_eq!(o.status.code(), Some(0), "{}", text(&o.stderr));
    }
    assert_eq!(names(&folder), ["a.flr", "a.html"]);
}

#[test]
fn what_a_killed_program_left_is_in_nobodys_way() {
    // Catches a program in a container, whose process id is that of the killed one before it: its draft's name was taken.
    let folder = Folder::new("same-id");
    let flr = folder.path("a.flr");
    recording(&flr, 3, PADDED);
    let program = env!("CARGO_BIN_EXE_frameline");
    let runs = |left: &str, args: &[&str]| {
        let script = format!("mkdir {left}; exec {program} \"$@\"");
        let o = std::process::Command::new("sh")
            .current_dir(&folder.0)
            .args(["-c", &script, "sh"])
            .args(args)
            .output()
            .expect("a shell");
        assert_eq!(o.status.code(), Some(0), "{args:?}: {}", text(&o.stderr));
    };
    for to in ["npy", "png", "tiff", "seq", "mcap"] {
        let out = format!("o.{to}");
        let left = format!(".{out}.$$.part .{out}.jsonl.$$.part .{out}.$$.old");
        runs(&left, &["export", "a.flr", "--to", to, "--out", &out]);
    }
    runs(".c.flr.$$.part", &["cut", "a.flr", "--out", "c.flr"]);
    runs(".r.flr.$$.part", &["repair", "a.flr", "--out", "r.flr"]);
    runs(".i.flr.$$.part", &["import", "o.png", "--out", "i.flr"]);
    assert_eq!(Recording::open(folder.path("i.flr")).unwrap().frames(), 3);
    // What was left is nobody's to remove, and each run left nothing of its own.
    let hidden = names(&folder).into_iter().filter(|n| n.starts_with('.')).count();
    assert_eq!(hidden, 5 * 3 + 3, "{:?}", names(&folder));
}

#[test]
fn hidden_files_of_a_folder_are_no_images() {
    // Catches an import that fails at the file which macOS puts beside an image, or takes a hidden one for a frame.
    let folder = Folder::new("hidden");
    let (flr, images) = (folder.path("a.flr"), folder.path("o"));
    recording(&flr, 3, PADDED);
    let o = frameline(&["export", &flr, "--to", "png", "--out", &images]);
    assert_eq!(o.status.code(), Some(0), "{}", text(&o.stderr));
    std::fs::write(format!("{images}/._00000000.png"), [0, 5, 22, 7, 0, 2]).unwrap();
    std::fs::copy(format!("{images}/00000001.png"), format!("{images}/.00000001.png")).unwrap();
    let out = folder.path("b.flr");
    let o = frameline(&["import", &images, "--out", &out, "--rate", "5", "--json"]);
    assert_eq!(o.status.code(), Some(0), "{}", text(&o.stderr));
    assert_eq!(object(&o)["frames"], 3);
}

#[test]
fn images_that_are_to_be_turned_are_told_of() {
    // Catches a photograph that lies on its side in the recording, with no word about it.
    let folder = Folder::new("turned");
    let flr = folder.path("a.flr");
    recording(&flr, 3, Geometry::new(6, 4, PixelFormat::MONO8));
    let tiff = folder.path("a.tiff");
    let o = frameline(&["export", &flr, "--to", "tiff", "--out", &tiff]);
    assert_eq!(o.status.code(), Some(0), "{}", text(&o.stderr));
    let notes = |out: &str| {
        let o = frameline(&["import", &tiff, "--out", &folder.path(out), "--json"]);
        assert_eq!(o.status.code(), Some(0), "{}", text(&o.stderr));
        object(&o)["notes"].to_string()
    };
    assert!(!notes("b.flr").contains("turned"));
    // The resolution's unit (296) of the first page becomes its orientation; 2, inches, says: mirrored.
    let mut bytes = std::fs::read(&tiff).unwrap();
    let unit = [0x28, 1, 3, 0, 1, 0, 0, 0];
    let at = bytes.windows(8).position(|w| w == unit).expect("a resolution unit");
    bytes[at..at + 2].copy_from_slice(&274_u16.to_le_bytes());
    bytes[at + 8] = 2;
    std::fs::write(&tiff, &bytes).unwrap();
    let told = notes("c.flr");
    assert!(told.contains("1 image to be shown turned or mirrored"), "{told}");
}

#[test]
fn frames_that_come_again_are_in_order() {
    // Catches a replay in rounds that the stage which checks simulated frames takes for one whose frames came in a wrong
    // order, itself and as a recording.
    let folder = Folder::new("rounds");
    let (flr, again) = (folder.path("a.flr"), folder.path("b.flr"));
    let camera = "sim:?width=64&height=48&rate=max";
    let o = frameline(&["record", "--source", camera, "--frames", "40", "--out", &flr, "--quiet"]);
    assert_eq!(o.status.code(), Some(0), "{}", text(&o.stderr));
    let in_rounds = format!("replay:{flr}?rate=max&from=7&loop=3");
    let o = frameline(&["record", "--source", &in_rounds, "--out", &again, "--quiet"]);
    assert_eq!(o.status.code(), Some(0), "{}", text(&o.stderr));
    let one = format!("replay:{flr}?rate=max&from=9&to=9&loop=5");
    for (uri, frames, rounds) in [
        (in_rounds, 99, 3),
        (format!("replay:{again}?rate=max"), 99, 3),
        (format!("replay:{flr}?rate=max"), 40, 1),
        (one, 5, 5),
    ] {
        let o = frameline(&["run", "--source", &uri, "--json", "--quiet"]);
        assert_eq!(o.status.code(), Some(0), "{uri}: {}", text(&o.stderr));
        let v = &object(&o)["results"]["verify"];
        assert_eq!((&v["frames"], &v["rounds"]), (&frames.into(), &rounds.into()), "{uri}: {v}");
        // A person is told of rounds where there are several.
        let report = folder.path("report");
        let o = frameline(&["run", "--source", &uri, "--report", &report]);
        let summary = text(&o.stdout);
        let summary = summary.split("\nstages\n").nth(1).expect("the stages");
        assert_eq!(summary.contains("rounds"), rounds > 1, "{uri}: {summary}");
        let page = std::fs::read_to_string(format!("{report}/report.html")).unwrap();
        assert_eq!(page.contains("<dt>rounds</dt>"), rounds > 1, "{uri}");
    }
}

#[test]
fn each_line_on_stdin_is_a_step() {
    // Catches a replay with step=on that nobody can step, and one that waits for steps when none can come any more.
    let folder = Folder::new("steps");
    let flr = folder.path("a.flr");
    // Five frames come, and four are lost before the second.
    let camera = "sim:?width=64&height=48&rate=max&faults=at 1 lose 4";
    let o = frameline(&["record", "--source", camera, "--frames", "9", "--out", &flr, "--quiet"]);
    assert_eq!(o.status.code(), Some(0), "{}", text(&o.stderr));
    for (typed, frames) in [("", 0), ("\n\nand a word\n", 3), (&"\n".repeat(300), 5)] {
        let uri = format!("replay:{flr}?step=on&faults=off");
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_frameline"))
            .args(["run", "--source", &uri, "--json"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // It may be over before all was typed.
        let _ = std::io::Write::write_all(&mut stdin, typed.as_bytes());
        drop(stdin);
        let o = finish(child);
        assert_eq!(o.status.code(), Some(0), "{}", text(&o.stderr));
        assert!(text(&o.stderr).contains("brings the next frame"), "{}", text(&o.stderr));
        assert!(!text(&o.stderr).contains("TIMEOUT"), "a wait for a step: {}", text(&o.stderr));
        assert_eq!(object(&o)["frames"]["delivered"], frames, "{typed:?}");
    }
}

#[test]
fn no_room_is_told_of_the_file_that_was_asked_for() {
    // Catches a sentence about a hidden draft, which is gone when somebody looks for it.
    let folder = Folder::new("room");
    let (flr, images) = (folder.path("a.flr"), folder.path("images"));
    // 4 frames of 64 KiB: more than 100 KiB, and than a disk of 256 KiB has.
    recording(&flr, 4, Geometry::new(256, 256, PixelFormat::MONO8));
    let o = frameline(&["export", &flr, "--to", "png", "--out", &images]);
    assert_eq!(o.status.code(), Some(0), "{}", text(&o.stderr));
    let disk = folder.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = ["-t", "tmpfs", "-o", "size=256k", "none", &disk];
    let mounted = std::process::Command::new("mount").args(mount).output();
    let mounted = mounted.is_ok_and(|o| o.status.success());
    let run = |line: String, out: &str, want: &str| {
        let program = env!("CARGO_BIN_EXE_frameline");
        let o = std::process::Command::new("bash").args(["-c", &line, program]).output();
        let o = o.expect("bash runs");
        let told = text(&o.stderr);
        assert_eq!(o.status.code(), Some(1), "{line}: {told}");
        let last = told.lines().last().expect("a sentence");
        assert!(last.contains(out) && last.contains(want), "{line}: {told}");
        assert!(!told.contains(".part"), "{line}: {told}");
    };
    for command in [
        format!("cut {flr} --from 0 --out OUT.flr"),
        format!("repair {flr} --out OUT.flr"),
        format!("import {images} --out OUT.flr"),
        format!("export {flr} --to seq --out OUT.seq"),
        format!("export {flr} --to tiff --out OUT.tiff"),
        format!("export {flr} --to npy --out OUT.npy"),
        format!("export {flr} --to mcap --out OUT.mcap"),
    ] {
        let limited = command.replace("OUT", &folder.path("b"));
        run(format!("ulimit -f 100; exec \"$0\" {limited}"), &folder.path("b."), "");
        if mounted {
            let full = command.replace("OUT", &format!("{disk}/b"));
            let what = if command.starts_with("export") { "is full" } else { "no room" };
            run(format!("exec \"$0\" {full}"), &format!("{disk}/b."), what);
        }
    }
    if mounted {
        let _ = std::process::Command::new("umount").args(["-l", &disk]).status();
    } else {
        println!("no right to mount a small disk: only a limit on the size of files was tried");
    }
    assert_eq!(names(&folder), ["a.flr", "disk", "images"], "nothing is left");
}

#[test]
fn a_repair_that_is_interrupted_leaves_nothing() {
    // Catches a half-made recording under the name that was asked for.
    let folder = Folder::new("repair");
    let flr = folder.path("a.flr");
    recording(&flr, 20_000, PADDED);
    let mut child = spawn(&["repair", &flr, "--out", &folder.path("b.flr")]);
    let begun = || names(&folder).iter().any(|n| n.ends_with(".part"));
    while !begun() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill").args(["-TERM", &id]).status();
    assert!(sent.is_ok(), "kill runs");
    let output = finish(child);
    // It may have been done before the signal came; nothing half-made is there either way.
    match output.status.code() {
        Some(0) => assert!(names(&folder).contains(&"b.flr".to_string())),
        code => {
            assert_eq!(code, Some(1), "{}", text(&output.stderr));
            assert!(text(&output.stderr).contains("interrupted"), "{}", text(&output.stderr));
            assert_eq!(names(&folder), ["a.flr"]);
        }
    }
}

/// An image, a `.seq` file and a folder's file of lines, as exports write them.
fn exported(folder: &Folder) -> Vec<(&'static str, Vec<u8>)> {
    let flr = folder.path("a.flr");
    let geometry = Geometry { x_padding: 0, ..Geometry::new(24, 16, PixelFormat::MONO8) };
    recording(&flr, 3, geometry);
    let mut all = Vec::new();
    for (to, out) in [("png", "images"), ("tiff", "a.tiff"), ("seq", "a.seq")] {
        let o = frameline(&["export", &flr, "--to", to, "--out", &folder.path(out)]);
        assert_eq!(o.status.code(), Some(0), "{to}: {}", text(&o.stderr));
    }
    for (name, file) in [
        ("x.png", "images/00000001.png"),
        ("x.tiff", "a.tiff"),
        ("x.seq", "a.seq"),
        ("x.tiff.jsonl", "a.tiff.jsonl"),
    ] {
        all.push((name, std::fs::read(folder.path(file)).expect("it was exported")));
    }
    all
}

#[test]
fn no_mutated_file_panics() {
    // Catches an import that believes a length, a count or an offset of a file that was tampered with: each mutation is a
    // recording or one sentence.
    let folder = Folder::new("mutated");
    let files = exported(&folder);
    let tiff = files[1].1.clone();
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below.max(1) as u64) as usize
    };
    let mut refused = 0;
    for round in 0..600 {
        let (name, good) = &files[round % files.len()];
        let mut bytes = good.clone();
        for _ in 0..=next(4) {
            if bytes.is_empty() {
                break;
            }
            let at = next(bytes.len());
            match next(5) {
                0 => bytes[at] ^= 1 << next(8),
                1 => bytes[at] = [0, 0xFF, 0x7F, 0x80][next(4)],
                2 => bytes.truncate(at),
                3 => drop(bytes.drain(at..(at + next(16)).min(bytes.len()))),
                _ => {
                    let end = (at + 4).min(bytes.len());
                    bytes[at..end].fill([0, 0xFF][next(2)]);
                }
            }
        }
        let path = folder.path(name);
        std::fs::write(&path, &bytes).unwrap();
        let mut path = std::path::PathBuf::from(path);
        if *name == "x.tiff.jsonl" {
            path = folder.path("x.tiff").into();
            std::fs::write(&path, &tiff).unwrap();
        }
        let out = std::path::PathBuf::from(folder.path("out.flr"));
        let import = |input| {
            let (rate, format) = (None, None);
            let what = frameline::media::Import {
                path: path.clone(),
                input,
                out: out.clone(),
                rate,
                format,
            };
            frameline::media::import(&what, &mut |_, _| true)
        };
        match Input::of(&path).and_then(import) {
            Ok(imported) => {
                assert_eq!(Recording::open(&out).expect("it was made").frames(), imported.frames);
                std::fs::remove_file(&out).unwrap();
            }
            Err(e) => {
                refused += 1;
                assert!(!e.to_string().contains('\n'), "{name}: {e}");
                assert!(!out.exists(), "{name}: {e}");
            }
        }
        for left in ["x.tiff.jsonl", "x.tiff"] {
            let _ = std::fs::remove_file(folder.path(left));
        }
    }
    assert!(refused > 100, "the mutations do harm: {refused}");
}

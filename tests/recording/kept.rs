//! Recordings that keep only a part, that hold nothing, or that lack a part.

use super::made::{Folder, SMALL, entry, head, payload, recording, writer};
use super::program::{command, frameline, object, stderr};
use super::util;
use frameline::meta::{Beside, Extent, Part};
use frameline::recording::format::{End, Entry, EntryFault, Event, EventKind, checksum};
use frameline::recording::{Recording, Rule, Writer, verify};
use frameline::replay::Replay;
use frameline::{Line, StageSpec};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Catches: failed parts whose surroundings are removed when the next one fails, that keep nothing, or that keep the whole
/// run.
#[test]
fn failed_parts_keep_what_was_around_them() {
    util::watched(|| {
        let folder = Folder::new();
        let file = |name: &str| folder.file(name).display().to_string();
        // At full rate the camera waits: nothing is lost, however slow the machine is.
        let config = format!(
            "[source]\nuri = \"sim:?rate=max&frames=150&defects=0.003&width=1224&height=1024\"\n\
             [[stage]]\nname = \"inspect\"\nkind = \"inspect\"\n\
             [[stage]]\nname = \"slow\"\nkind = \"delay\"\ntime = \"20ms\"\n\
             [[stage]]\nname = \"results\"\nkind = \"results\"\njson = \"{}\"\n\
             [[stage]]\nname = \"record\"\nkind = \"record\"\nfile = \"{}\"\nkeep_before = \"100ms\"\nkeep_after = \"60ms\"\n\
             on = \"failed-part\"\nsegment = \"64MiB\"\n",
            file("r.jsonl"),
            file("e.flr")
        );
        std::fs::write(folder.file("c.toml"), config).unwrap();
        let o = frameline(&["run", &file("c.toml"), "--json", "--quiet"]);
        assert!(o.status.success(), "{}", stderr(&o));
        let text = std::fs::read_to_string(folder.file("r.jsonl")).unwrap();
        let rows: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let time = |r: &Value| r["host_time_ns"].as_u64().unwrap();
        let failed: Vec<u64> =
            rows.iter().filter(|r| r["failed"].as_u64() > Some(0)).map(time).collect();
        assert!(failed.len() >= 2, "the conveyor has bad parts: {}", failed.len());
        let kept = Recording::open(folder.file("e.flr")).unwrap();
        assert!(verify(&kept, |_| {}).is_whole(), "{:?}", verify(&kept, |_| {}));
        let ids: BTreeSet<u64> =
            (0..kept.frames()).map(|n| kept.entry(n).unwrap().meta.frame_id).collect();
        // Two segments of the least length lie about what must stay, at most.
        let (before, after, segment) = (100_000_000, 60_000_000, 250_000_000);
        let mut left_out = 0;
        for row in &rows {
            let (t, id) = (time(row), row["frame_id"].as_u64().unwrap());
            let near =
                |more: u64| failed.iter().any(|f| t + before + more >= *f && t <= f + after + more);
            if near(0) {
                assert!(ids.contains(&id), "frame {id} is near a failed part");
            } else if !near(2 * segment) {
                assert!(!ids.contains(&id), "frame {id} is far from every failed part");
                left_out += 1;
            }
        }
        assert!(left_out > 0, "the run has quiet stretches");
        let events = kept.events().unwrap();
        let triggers = events.iter().filter(|e| e.kind == EventKind::Trigger).count();
        assert_eq!(triggers, failed.len(), "each failed part says why it was kept");
        let v = object(&o);
        let figure = |key: &str| v["results"]["record"][key].as_u64().unwrap();
        assert_eq!(figure("recorded"), rows.len() as u64);
        assert_eq!(figure("recorded") - figure("removed_frames"), kept.frames());
    });
}

/// Catches: the recording of a camera that delivers nothing, which hangs the program or leaves no file that can be opened.
#[test]
fn a_recording_of_nothing_is_one() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("none.flr");
        let name = path.display().to_string();
        let idle = "sim:?width=64&height=48&trigger=software";
        let args = ["record", "--source", idle, "--out", &name, "--seconds", "0.5", "--quiet"];
        let mut child = command(&args).spawn().expect("the program starts");
        util::until("the program ends", || child.try_wait().expect("it can be asked").is_some());
        let recording = Recording::open(&path).unwrap();
        assert_eq!(recording.frames(), 0);
        assert_eq!(recording.segments()[0].closing().expect("closed").end, End::Finished);
        let info =
            frameline(&["info", &name, "--html", &folder.file("p.html").display().to_string()]);
        assert!(info.status.success(), "{}", stderr(&info));
    });
}

/// Catches: a first frame that is larger than the file made for it, and hangs the recorder.
#[test]
fn a_first_frame_larger_than_its_file_begins_the_next() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        let name = path.display().to_string();
        let camera = "sim:?width=64&height=48&sensor_width=1280&sensor_height=960&rate=max&frames=20&scene=pattern&faults=at 0 resize 1280x960";
        let args = ["record", "--source", camera, "--out", &name, "--quiet"];
        let mut child = command(&args).spawn().expect("the program starts");
        util::until("the program ends", || child.try_wait().expect("it can be asked").is_some());
        let found = verify(&Recording::open(&path).unwrap(), |_| {});
        assert!(found.is_whole() && found.good == 20, "{found:?}");
    });
}

/// Catches: a neighbour that cannot be read and takes the whole recording with it; and a segment that is gone and is not
/// missed.
#[test]
fn a_segment_that_is_gone_is_told() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    let rule =
        Rule { segment_bytes: 16384 + 4096 + 4096 + 4 * 8192 + 600, events: 64, ..Rule::default() };
    writer(&path, 12, rule).finish(End::Finished).unwrap();
    let segment = |n: u32| folder.file(&format!("a.{n:04}.flr"));
    let name = path.display().to_string();
    assert!(frameline(&["verify", &name]).status.success());
    let third = std::fs::read(segment(2)).unwrap();
    for (what, want, frames) in [
        ("half made", "a.0002.flr has 5000 bytes", 8),
        ("foreign", "a.0002.flr is no recording", 8),
        ("gone", "the segment after", 8),
    ] {
        match what {
            "half made" => std::fs::write(segment(2), &third[..5000]).unwrap(),
            "foreign" => std::fs::write(segment(2), vec![b'x'; 20000]).unwrap(),
            _ => std::fs::remove_file(segment(2)).unwrap(),
        }
        let r = Recording::open(&path).unwrap();
        assert_eq!(r.frames(), frames, "{what}");
        let o = frameline(&["verify", &name, "--json"]);
        assert_eq!(o.status.code(), Some(1), "{what}");
        assert!(stderr(&o).contains(want), "{what}: {}", stderr(&o));
        assert!(!object(&o)["missing"].as_array().unwrap().is_empty());
    }
    std::fs::write(segment(2), &third).unwrap();
    std::fs::remove_file(segment(1)).unwrap();
    let found = verify(&Recording::open(&path).unwrap(), |_| {});
    assert_eq!((found.good, found.missing.len()), (8, 1), "{found:?}");
    assert!(found.missing[0].starts_with("1 segment before"), "{found:?}");
}

/// Catches: a file with a hole that makes the reader take a terabyte of memory.
#[test]
fn a_hole_is_not_read_into_memory() {
    let folder = Folder::new();
    let path = folder.file("huge.flr");
    let rule = Rule { frames: Some(1), events: 1, ..Rule::default() };
    Writer::create(&path, head(SMALL), 1 << 30, rule).unwrap().finish(End::Finished).unwrap();
    let layout = Recording::open(&path).unwrap().header().layout;
    let large = Entry { payload_bytes: 1 << 30, ..entry(0, &SMALL) };
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[2048..2112].fill(0);
    let at = layout.entry_offset(0) as usize;
    bytes[at..at + 128].copy_from_slice(&large.encode());
    std::fs::write(&path, &bytes).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    let r = Recording::open(&path).unwrap();
    assert_eq!(r.read(0, &mut Vec::new()), Err(EntryFault::Impossible("payload length")));
}

/// Catches: an index of billions of entries in a file with a hole, that is read to its end.
#[test]
fn a_hole_in_the_index_is_passed_over() {
    let folder = Folder::new();
    let path = folder.file("index.flr");
    let rule = Rule { frames: Some(9), events: 1, ..Rule::default() };
    drop(writer(&path, 3, rule));
    let small = Recording::open(&path).unwrap().header().clone();
    let layout = frameline::recording::format::Layout::new(1, 1 << 31, 1).unwrap();
    let header = frameline::recording::format::Header { layout, ..small };
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &header.encode(), 0).unwrap();
    file.set_len(layout.file_bytes(1 << 31)).unwrap();
    // 256 GiB of index, of which a page or so is there.
    util::watched(move || assert!(Recording::open(&path).unwrap().frames() >= 3));
}

/// Catches: a night without triggers that fills a file with time-outs, and an event that is lost when the program is killed
/// before another frame comes.
#[test]
fn what_happens_while_no_frame_comes_is_in_the_file() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        let name = path.display().to_string();
        let idle = "sim:?width=64&height=48&trigger=software";
        let short = "capture.timeout=20ms";
        let args = ["record", "--source", idle, "--out", &name, "--quiet", "--set", short];
        let mut child = command(&args).spawn().expect("the program starts");
        let timeouts = || {
            let events = Recording::open(&path).and_then(|r| r.events()).unwrap_or_default();
            assert!(events.len() < 20, "most of them are one event: {events:?}");
            events.iter().map(|e| e.count).sum::<u64>()
        };
        util::until("thirty time-outs stand in the file", || timeouts() >= 30);
        child.kill().expect("SIGKILL");
        let _ = child.wait();
        assert!(timeouts() >= 30);
    });
}

/// Catches: frames that are damaged at the very beginning of a recording and are passed over without a word.
#[test]
fn damage_at_the_beginning_is_a_fault_too() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        recording(&path, 9);
        let layout = Recording::open(&path).unwrap().header().layout;
        let mut bytes = std::fs::read(&path).unwrap();
        for n in [0, 1, 4] {
            bytes[layout.entry_offset(n) as usize + 3] ^= 1;
        }
        std::fs::write(&path, &bytes).unwrap();
        let source = Replay::from_uri(&format!("replay:{}?rate=max", path.display())).unwrap();
        let mut line = Line::builder(source)
            .configure(|c| c.pool.lock = false)
            .stage(StageSpec::new("pass"), util::pass())
            .start()
            .expect("the line starts");
        util::until("the line ends", || line.wait(Duration::from_millis(100)));
        let end = line.stop(Duration::from_secs(20));
        assert_eq!(end.frames.delivered, 6);
        let unreadable: u64 =
            end.faults.iter().filter(|f| f.name == "REPLAY_UNREADABLE").map(|f| f.count).sum();
        assert_eq!(unreadable, 2, "{:?}", end.faults);
    });
}

/// Catches: recorded time-outs that come without their pace, or beside those of the replay itself.
#[test]
fn time_outs_come_again_at_their_pace() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    let bytes = SMALL.image_bytes();
    let mut w = Writer::create(&path, head(SMALL), bytes, Rule::default()).unwrap();
    w.push(&entry(0, &SMALL), &payload(0, bytes)).unwrap();
    let event = Event {
        kind: EventKind::Fault,
        before_frame: 0,
        host_time: entry(30, &SMALL).meta.host_time,
        code: 1,
        class: Some(frameline::fault::FaultClass::Timeout),
        detail: 0,
        count: 2,
    };
    w.event(&event).unwrap();
    w.push(&entry(90, &SMALL), &payload(90, bytes)).unwrap();
    w.finish(End::Finished).unwrap();
    use frameline::buffer::{Pool, PoolConfig};
    use frameline::source::{Fill, Grab, Source};
    let mut source = Replay::from_uri(&format!("replay:{}", path.display())).unwrap();
    let config = PoolConfig { lock: false, ..PoolConfig::new(2, source.max_payload_bytes()) };
    let mut pool = Pool::new(config, Default::default()).unwrap();
    source.start(Fill::Copy).unwrap();
    let mut frame = pool.take().unwrap();
    let mut grab = || source.grab_into(&mut frame, Duration::from_millis(400));
    let begun = std::time::Instant::now();
    assert!(matches!(grab(), Grab::Filled { .. }));
    for _ in 0..2 {
        assert!(matches!(grab(), Grab::Fault(f) if f.code == 1), "the time-out of that night");
    }
    assert!(begun.elapsed() >= Duration::from_millis(300), "not before its time");
    assert!(matches!(grab(), Grab::Filled { .. }), "and no other before the frame");
    assert!(begun.elapsed() >= Duration::from_millis(900));
}

fn beside() -> Beside {
    let mut beside =
        Beside { chunks: Extent { offset: 4000, bytes: 200 }, part_count: 2, ..Beside::default() };
    for (part, offset) in beside.parts.iter_mut().zip([0, 2100]) {
        *part = Part {
            extent: Extent { offset, bytes: 2100 },
            kind: 4,
            source: 1,
            width: 70,
            height: 30,
            ..Part::default()
        };
    }
    beside
}

/// Catches: parts and chunk data of a frame that are gone when it is replayed, from either way of recording it, and a
/// payload that just fills its room and has none for the table of its parts.
#[test]
fn parts_and_chunks_come_again() {
    util::watched(|| {
        let folder = Folder::new();
        // Written by a line, at full rate: a payload with a rest, and one of whole pages.
        for (name, size) in [("a.flr", "width=70&height=60"), ("b.flr", "width=64&height=64")] {
            let path = folder.file(name);
            let camera = util::sim(&format!("{size}&rate=max&frames=30&scene=pattern"));
            let geometry = frameline::source::Source::geometry(&camera);
            let mut settings = frameline::recording::RecorderSettings::new(&path);
            settings.waits = true;
            let mut spec = StageSpec::new("record");
            spec.holds = settings.holds();
            let mut recorder = frameline::recording::Recorder::new(
                settings,
                head(geometry),
                geometry.image_bytes(),
            );
            let source = util::Tampered::new(camera).spoils(|f| *f.beside_mut() = beside());
            let mut line = Line::builder(source)
                .configure(|c| c.pool.lock = false)
                .stage(spec, recorder.stage())
                .start()
                .expect("the line starts");
            util::until("the line ends", || line.wait(Duration::from_millis(100)));
            let end = line.stop(Duration::from_secs(20));
            drop(recorder);
            assert_eq!(util::count(&end, "record", "recorded"), 30);
            let r = Recording::open(&path).unwrap();
            let found = verify(&r, |_| {});
            assert!(found.is_whole() && found.good == 30, "{found:?}");
            assert!((0..30).all(|n| r.entry(n).unwrap().beside == beside()), "{name}");
        }
        // Cut into a file of its own, and replayed in both ways.
        let (a, c) = (folder.file("a.flr"), folder.file("c.flr"));
        let args =
            ["cut", &a.display().to_string(), "--out", &c.display().to_string(), "--from", "3"];
        let o = frameline(&args);
        assert!(o.status.success(), "{}", stderr(&o));
        for fill in ["lend", "copy"] {
            let uri = format!("replay:{}?rate=max", c.display());
            let check = util::act(|f: &mut frameline::Frame, _: &mut _| {
                let recorded_host_time = f.beside().recorded_host_time;
                assert_eq!(f.beside(), &Beside { recorded_host_time, ..beside() });
                assert_eq!(f.part_bytes(1), f.payload().get(2100..4200));
                assert_eq!(f.chunk_bytes(), f.payload().get(4000..4200));
                Ok(frameline::stage::Flow::Pass)
            });
            let mut line = Line::builder(Replay::from_uri(&uri).unwrap())
                .configure(|c| {
                    c.pool.lock = false;
                    c.capture.fill = frameline::source::Fill::from_name(fill);
                })
                .stage(StageSpec::new("check"), check)
                .start()
                .expect("the line starts");
            util::until("the line ends", || line.wait(Duration::from_millis(100)));
            let end = line.stop(Duration::from_secs(20));
            assert_eq!((end.frames.delivered, end.frames.invalid), (27, 0), "{fill}");
        }
    });
}

/// Catches: a recording of the first version that is not read any more, and a table of parts that is damaged and believed.
#[test]
fn recordings_of_before_are_read_and_a_damaged_table_costs_its_frame() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    let rule = Rule { frames: Some(3), events: 1, ..Rule::default() };
    let mut w = Writer::create(&path, head(SMALL), SMALL.image_bytes(), rule).unwrap();
    for n in 0..3 {
        let e =
            Entry { beside: if n == 1 { beside() } else { Beside::default() }, ..entry(n, &SMALL) };
        w.push(&e, &payload(n, SMALL.image_bytes())).unwrap();
    }
    w.finish(End::Finished).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    // Version 1.0 had zeros in the place of what is new.
    bytes[10] = 0;
    let crc = checksum(&bytes[..252]);
    bytes[252..256].copy_from_slice(&crc.to_le_bytes());
    let layout = Recording::open(&path).unwrap().header().layout;
    let table = layout.payload_offset(1).unwrap() as usize + 4200;
    bytes[table + 20] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let r = Recording::open(&path).unwrap();
    assert_eq!(r.entry(0).unwrap().beside, Beside::default());
    assert!(matches!(r.entry(1), Err(EntryFault::Parts { .. })), "{:?}", r.entry(1));
    assert_eq!(verify(&r, |_| {}).good, 2);
}

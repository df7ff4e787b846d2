//! Lines that record, and lines that run on what was recorded.

use super::made::{Folder, SMALL, entry, payload, recording};
use super::util;
use frameline::buffer::{Pool, PoolConfig};
use frameline::clock::Clock;
use frameline::pipeline::Snapshot;
use frameline::recording::format::{EventKind, Texts, WallClock};
use frameline::recording::{Head, Keep, Recorder, RecorderSettings, Recording, verify};
use frameline::replay::{REPLAY_CUT_OFF, REPLAY_NO_BUFFER, REPLAY_TIMEOUT, Replay, ReplayConfig};
use frameline::sim::Sim;
use frameline::source::{Fill, Grab, Source};
use frameline::{Line, LineBuilder, StageSpec};
use std::path::Path;
use std::time::Duration;

fn head(camera: &Sim) -> Head {
    Head {
        geometry: camera.geometry(),
        max_payload_bytes: camera.max_payload_bytes() as u64,
        id_rule: camera.frame_id_rule(),
        started: WallClock::at(Clock::host().now()),
        texts: Texts { source: camera.info().uri, codes: "sim".into(), ..Texts::default() },
    }
}

/// A line that records a simulated camera.
fn recorder(query: &str, settings: RecorderSettings) -> (LineBuilder, Recorder) {
    let camera = util::sim(query);
    let mut spec = StageSpec::new("record");
    spec.holds = settings.holds();
    let waits = camera.can_wait();
    let (facts, bytes) = (head(&camera), camera.payload_bytes() as u64);
    let mut recorder = Recorder::new(RecorderSettings { waits, ..settings }, facts, bytes);
    let builder = Line::builder(camera).configure(|c| c.pool.lock = false);
    (builder.witness(recorder.witness()).stage(spec, recorder.stage()), recorder)
}

fn to_the_end(builder: LineBuilder) -> Snapshot {
    let mut line = builder.configure(|c| c.pool.lock = false).start().expect("the line starts");
    util::until("the line ends", || line.wait(Duration::from_millis(100)));
    line.stop(Duration::from_secs(20))
}

fn record(query: &str, path: &Path) -> Snapshot {
    let (builder, recorder) = recorder(query, RecorderSettings::new(path));
    let end = to_the_end(builder);
    drop(recorder);
    end
}

fn replay(uri: &str) -> Replay {
    Replay::from_uri(uri).expect("the recording opens")
}

/// Catches: a frame whose bytes, ids or times are not those that the line had, in the file or when it is replayed; and
/// a frame that is neither recorded nor counted.
#[test]
fn a_line_runs_on_its_recording() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        let end = record("width=333&height=200&rate=max&frames=200", &path);
        util::assert_balanced(&end);
        assert_eq!(util::count(&end, "record", "recorded"), 200);
        assert_eq!(util::count(&end, "record", "not_written"), 0);
        let recording = Recording::open(&path).unwrap();
        assert!(verify(&recording, |_| {}).is_whole());
        assert_eq!(recording.frames(), 200);
        for fill in ["lend", "copy"] {
            let source = replay(&format!("replay:{}?rate=max", path.display()));
            let notes = util::Notes::default();
            let builder = Line::builder(source)
                .configure(|c| c.capture.fill = Fill::from_name(fill))
                .stage("verify", util::verify())
                .stage("notes", notes.stage());
            let end = to_the_end(builder);
            util::assert_whole(&end, "verify");
            let ids: Vec<u64> =
                (0..200).map(|n| recording.entry(n).unwrap().meta.frame_id).collect();
            assert_eq!(notes.ids(), ids, "{fill}");
            assert_eq!(end.fill, fill);
        }
    });
}

/// Catches: a fault, a loss or a change of format of that night that does not come again, and resets that the line made
/// then and does not make now.
#[test]
fn what_happened_that_night_happens_again() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        let script = "at 20 lose 3;at 30 timeout 2;at 50 resize 96x64;at 80 disconnect 1;at 300 resize 200x150";
        // At full rate the camera waits for the line: what happens does not hang on how busy the machine is. At a
        // pace, a reset that is kept waiting meets the disconnection itself when it starts the camera again.
        let query = format!(
            "width=64&height=48&sensor_width=200&sensor_height=150&rate=max&queue=64&frames=400&faults={script}"
        );
        let then = record(&query, &path);
        util::assert_balanced(&then);
        let recording = Recording::open(&path).unwrap();
        assert!(recording.segments().len() > 1, "larger frames begin another segment");
        let kinds: Vec<EventKind> = recording.events().unwrap().iter().map(|e| e.kind).collect();
        for kind in [EventKind::Fault, EventKind::Reset, EventKind::Reconnect] {
            assert!(kinds.contains(&kind), "{kinds:?}");
        }
        let source = replay(&format!("replay:{}?rate=max", path.display()));
        let now = to_the_end(Line::builder(source).stage("pass", util::pass()));
        util::assert_balanced(&now);
        let reasons = |s: &Snapshot| s.resets.iter().map(|r| r.reason).collect::<Vec<_>>();
        assert_eq!(reasons(&now), reasons(&then));
        assert_eq!(now.reconnects.len(), then.reconnects.len());
        let faults = |s: &Snapshot| {
            let mut all: Vec<_> = s.faults.iter().map(|f| (f.code, f.class, f.count)).collect();
            all.sort_unstable();
            all
        };
        assert_eq!(faults(&now), faults(&then));
        assert_eq!(util::count(&then, "record", "not_written"), 0, "who can wait loses nothing");
        assert_eq!(now.frames.delivered, then.frames.delivered);
        assert_eq!(now.frames.lost_by_device, then.frames.lost_by_device);
    });
}

/// Catches: a frame that a busy line kept from the recorder, or the recorder from the disk, and that the replay does not
/// miss; or misses twice.
#[test]
fn what_a_busy_line_lost_is_missing_again() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        let mut settings = RecorderSettings::new(&path);
        settings.depth = 1;
        let query = "width=64&height=48&rate=4000&queue=8&frames=600&faults=every 7 lose";
        let (builder, recorder) = recorder(query, settings);
        let then = to_the_end(builder);
        drop(recorder);
        util::assert_balanced(&then);
        let recording = Recording::open(&path).unwrap();
        let source = replay(&format!("replay:{}?rate=max", path.display()));
        let now = to_the_end(Line::builder(source).stage("pass", util::pass()));
        util::assert_balanced(&now);
        let (recorded, not_written) =
            (util::count(&then, "record", "recorded"), util::count(&then, "record", "not_written"));
        assert_eq!(now.frames.delivered, recorded);
        assert!(
            recorded > 0 && not_written > 0,
            "a recorder of one frame at 4000 a second is late"
        );
        let missing = |s: &Snapshot| {
            let f = &s.frames;
            f.lost_by_device + f.underrun + f.refused + f.invalid
        };
        assert!(recorded + not_written + missing(&then) <= 600);
        // What is lost before the first recorded frame or behind the last one is no gap between two.
        let id = |n| recording.entry(n).unwrap().meta.frame_id;
        let gaps = id(recorded - 1) + 1 - id(0) - recorded;
        assert_eq!(missing(&now), gaps);
        // And each of them has its cause in the file, also those before a frame that was not written itself.
        let told = |n| {
            let e = recording.entry(n).unwrap();
            u64::from(e.meta.lost_before.total()) + u64::from(e.lost_by_hops + e.not_written)
        };
        assert_eq!((1..recorded).map(told).sum::<u64>(), gaps);
    });
}

/// Catches: rounds whose ids go back, so that the line takes frames for duplicates; and pixels that a stage wrote into
/// that are there in the next round.
#[test]
fn a_loop_is_a_camera_that_goes_on() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        recording(&path, 12);
        let spoil = util::act(|f: &mut frameline::Frame, _: &mut _| {
            let n = (f.meta().sequence % 9) + 2;
            let want = payload(n, SMALL.image_bytes());
            assert_eq!(f.payload(), want, "frame {n} is as it was recorded");
            f.payload_mut().expect("alone").fill(0xAA);
            Ok(frameline::stage::Flow::Pass)
        });
        let uri = format!("replay:{}?rate=max&loop=5&from=2&to=10", path.display());
        let end = to_the_end(Line::builder(replay(&uri)).stage("spoil", spoil));
        util::assert_balanced(&end);
        assert_eq!(end.frames.delivered, 45);
        assert_eq!(end.frames.invalid, 0);
        assert_eq!(end.frames.lost_by_device, 3 * 5, "three before the tenth, in each round");
    });
}

/// Catches: a replay that does not keep the recorded pace, in a time that is not the machine's.
#[test]
fn steps_wait_for_their_trigger_and_times_are_kept() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    recording(&path, 3);
    let mut source = replay(&format!("replay:{}?step=on&rate=max", path.display()));
    let config = PoolConfig { lock: false, ..PoolConfig::new(4, source.max_payload_bytes()) };
    let mut pool = Pool::new(config, Default::default()).unwrap();
    source.start(Fill::Copy).unwrap();
    let mut frame = pool.take().unwrap();
    let none = source.grab_into(&mut frame, Duration::from_millis(1));
    assert!(matches!(none, Grab::Fault(f) if f.code == REPLAY_TIMEOUT));
    assert_eq!(source.diagnose().name(), "idle-trigger");
    source.software_trigger().unwrap();
    let grab = source.grab_into(&mut frame, Duration::from_millis(1));
    assert_eq!(grab, Grab::Filled { reported_bytes: SMALL.image_bytes() });
    let recorded = entry(0, &SMALL).meta;
    assert_eq!(frame.meta().device_time, recorded.device_time);
    assert_eq!(frame.beside_mut().recorded_host_time, recorded.host_time);
    let none = source.grab_into(&mut frame, Duration::from_millis(1));
    assert!(matches!(none, Grab::Fault(f) if f.code == REPLAY_TIMEOUT), "one trigger, one frame");
    // At a thousandth of the pace the second frame is due 10 s after the first.
    let mut slow = replay(&format!("replay:{}?rate=x0.001", path.display()));
    slow.start(Fill::Copy).unwrap();
    assert!(matches!(slow.grab_into(&mut frame, Duration::ZERO), Grab::Filled { .. }));
    let early = slow.grab_into(&mut frame, Duration::from_millis(1));
    assert!(matches!(early, Grab::Fault(f) if f.code == REPLAY_TIMEOUT));
}

/// Catches: a replay that waits for its step, as was asked for, told as a fault, diagnosed, or written into a recording of it.
#[test]
fn waiting_for_a_step_is_no_fault() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        recording(&path, 3);
        let source = replay(&format!("replay:{}?step=on", path.display()));
        let line = Line::builder(source)
            .stage("pass", util::pass())
            .configure(|c| {
                c.pool.lock = false;
                c.faults.timeouts_before_diagnosis = 1;
            })
            .start()
            .unwrap();
        let handle = line.handle();
        handle.software_trigger(Duration::from_secs(60)).unwrap();
        util::until("the frame of the step comes", || handle.snapshot().frames.delivered == 1);
        // Between two orders lies a grab, which finds no step.
        for _ in 0..3 {
            let answer = handle.set_feature("Width", "8", Duration::from_secs(60));
            assert!(answer.is_err(), "a recording has no features");
        }
        let end = line.stop(Duration::from_secs(20));
        util::assert_balanced(&end);
        assert_eq!(end.frames.delivered, 1);
        assert!(end.faults.is_empty() && end.diagnoses.is_empty(), "{:?}", end.faults);
        assert!(end.recovery().is_empty(), "{}", end.recovery());
    });
}

/// Catches: SIGBUS when a file is cut off while a stage reads from it, and a run that goes on with zeros as if nothing
/// were wrong.
#[test]
fn a_file_cut_off_while_it_is_mapped_is_a_fault() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    recording(&path, 8);
    let mut source = Replay::new(ReplayConfig {
        rate: frameline::replay::Rate::Max,
        ..ReplayConfig::new(&path)
    })
    .unwrap();
    let keep = source.keep().unwrap();
    let mut pool = Pool::lending(4, keep, Default::default()).unwrap();
    source.start(Fill::Lend).unwrap();
    let mut frame = pool.take().unwrap();
    assert!(matches!(source.grab_lent(&mut frame, Duration::ZERO), Grab::Filled { .. }));
    assert_eq!(frame.payload(), payload(0, SMALL.image_bytes()));
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(4096).unwrap();
    // The frame that is out already: its pages are gone, and reading them must not end the process.
    let sum: u64 = frame.payload().iter().map(|b| u64::from(*b)).sum();
    assert_eq!(sum, 0, "zeros stand where the file was");
    let mut other = pool.take().unwrap();
    let grab = source.grab_lent(&mut other, Duration::ZERO);
    assert!(matches!(grab, Grab::Fault(f) if f.code == REPLAY_CUT_OFF), "{grab:?}");
    assert_eq!(source.stop_device().unwrap_err().code, REPLAY_CUT_OFF);
    drop(source);
    assert_eq!(frame.payload().len() as u64, SMALL.image_bytes(), "the frame outlives the source");
}

/// Catches: one payload in two hands, of which one may write.
#[test]
fn a_payload_is_lent_once_at_a_time() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    recording(&path, 1);
    let mut source = replay(&format!("replay:{}?loop=0&rate=max", path.display()));
    let mut pool = Pool::lending(4, source.keep().unwrap(), Default::default()).unwrap();
    source.start(Fill::Lend).unwrap();
    let (mut one, mut two) = (pool.take().unwrap(), pool.take().unwrap());
    assert!(matches!(source.grab_lent(&mut one, Duration::ZERO), Grab::Filled { .. }));
    let grab = source.grab_lent(&mut two, Duration::ZERO);
    assert!(matches!(grab, Grab::Fault(f) if f.code == REPLAY_NO_BUFFER), "{grab:?}");
    source.give_back(&mut one);
    assert!(matches!(source.grab_lent(&mut two, Duration::ZERO), Grab::Filled { .. }));
    assert_eq!(two.meta().frame_id, 2, "another round, another id");
}

/// Catches: a ring that keeps too little or grows without bound, and one whose oldest part does not open by its name.
#[test]
fn a_ring_keeps_the_last_seconds() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("ring.flr");
        let settings = RecorderSettings {
            keep: Keep::Last(Duration::from_secs(1)),
            rule: frameline::recording::Rule { segment_bytes: 32 << 20, ..Default::default() },
            ..RecorderSettings::new(&path)
        };
        let (builder, recorder) =
            recorder("width=64&height=48&rate=100&frames=300&queue=64", settings);
        let end = to_the_end(builder);
        drop(recorder);
        let removed = util::count(&end, "record", "removed_segments");
        assert!(removed > 0, "three seconds were recorded and one is kept");
        let kept = Recording::open(&path).unwrap();
        let (first, last) = (kept.entry(0).unwrap(), kept.entry(kept.frames() - 1).unwrap());
        assert!((last.meta.host_time - first.meta.host_time).0 >= 900_000_000);
        assert_eq!(last.meta.sequence, end.frames.delivered - 1);
        let count = |key| util::count(&end, "record", key);
        assert_eq!(kept.frames(), count("recorded") - count("removed_frames"));
        assert!(kept.frames() < 250, "{} frames of three seconds stay", kept.frames());
    });
}

/// Catches: a recording of events that keeps quiet hours, or none of the seconds around a fault.
#[test]
fn a_fault_keeps_what_was_around_it() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("events.flr");
        let keep = Keep::Around {
            before: Duration::from_millis(300),
            after: Duration::from_millis(300),
            on_failed: false,
            on_fault: true,
        };
        let settings = RecorderSettings {
            keep,
            rule: frameline::recording::Rule { segment_bytes: 32 << 20, ..Default::default() },
            ..RecorderSettings::new(&path)
        };
        let query = "width=64&height=48&rate=100&frames=400&queue=64&faults=at 200 disconnect 1";
        let (builder, recorder) = recorder(query, settings);
        let end = to_the_end(builder);
        drop(recorder);
        assert!(util::count(&end, "record", "removed_segments") > 0);
        assert!(util::count(&end, "record", "triggers") > 0);
        let kept = Recording::open(&path).unwrap();
        let sequences: Vec<u64> =
            (0..kept.frames()).map(|n| kept.entry(n).unwrap().meta.sequence).collect();
        assert!(sequences[0] > 50 && *sequences.last().unwrap() < 380, "{sequences:?}");
        let events = kept.events().unwrap();
        assert!(events.iter().any(|e| e.kind == EventKind::Trigger));
    });
}

/// Catches: an event whose frames go once a later one has come.
#[test]
fn every_event_keeps_what_was_around_it() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("events.flr");
        let span = Duration::from_millis(250);
        let keep = Keep::Around { before: span, after: span, on_failed: false, on_fault: true };
        let settings = RecorderSettings {
            keep,
            rule: frameline::recording::Rule { segment_bytes: 32 << 20, ..Default::default() },
            ..RecorderSettings::new(&path)
        };
        let faults = "at 150 disconnect 1;at 450 disconnect 1";
        let query = format!("width=64&height=48&rate=100&frames=600&queue=64&faults={faults}");
        let (builder, recorder) = recorder(&query, settings);
        let end = to_the_end(builder);
        drop(recorder);
        let kept = Recording::open(&path).unwrap();
        let ids: Vec<u64> =
            (0..kept.frames()).map(|n| kept.entry(n).unwrap().meta.sequence).collect();
        let around = |n: u64| ids.iter().filter(|i| i.abs_diff(n) < 100).count();
        assert!(around(150) > 0 && around(450) > 0, "{ids:?}");
        assert!(ids.len() < 400, "quiet stretches go: {}", ids.len());
        let count = |key| util::count(&end, "record", key);
        assert_eq!(count("recorded"), count("removed_frames") + kept.frames());
    });
}

/// Catches: a recorder that hangs, and the program with it, where a segment gets no frame: a camera that sent none, and a
/// first frame larger than a segment.
#[test]
fn a_segment_without_frames_is_closed() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("none.flr");
        let query = "width=64&height=48&trigger=software";
        let (builder, recorder) = recorder(query, RecorderSettings::new(&path));
        let line = builder.start().unwrap();
        let end = line.stop(Duration::from_secs(20));
        assert_eq!(end.frames.grabbed, 0);
        drop(recorder);
        let none = Recording::open(&path).unwrap();
        assert_eq!((none.frames(), verify(&none, |_| {}).is_whole()), (0, true));

        let path = folder.file("large.flr");
        let mut settings = RecorderSettings::new(&path);
        settings.rule.segment_bytes = 1 << 20;
        let query = "width=64&height=48&sensor_width=2048&sensor_height=1024&rate=max&frames=20&scene=pattern&faults=at 0 resize 2048x1024";
        let (builder, recorder) = self::recorder(query, settings);
        let end = to_the_end(builder);
        assert_eq!(util::count(&end, "record", "recorded"), 20);
        drop(recorder);
        let large = Recording::open(&path).unwrap();
        assert_eq!((large.frames(), verify(&large, |_| {}).is_whole()), (20, true));
    });
}

/// Catches: a camera that is lost and never comes back, and leaves no trace for who is killed; and a night of time-outs
/// that fills a recording with events.
#[test]
fn events_are_there_before_another_frame_comes() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("night.flr");
        let query = "width=64&height=48&trigger=software";
        let (builder, recorder) = recorder(query, RecorderSettings::new(&path));
        let line = builder
            .configure(|c| {
                c.capture.timeout = Duration::from_millis(1);
                c.faults.timeouts_before_diagnosis = u32::MAX;
            })
            .start()
            .unwrap();
        let handle = line.handle();
        handle.software_trigger(Duration::from_secs(60)).unwrap();
        let told = || -> u64 {
            let events = Recording::open(&path).unwrap().events().unwrap();
            events.iter().map(|e| e.count).sum()
        };
        util::until("events are in the file while no frame comes", || told() > 100);
        handle.software_trigger(Duration::from_secs(60)).unwrap();
        let end = line.stop(Duration::from_secs(20));
        drop(recorder);
        let night = Recording::open(&path).unwrap();
        assert_eq!(night.frames(), 2);
        let events = night.events().unwrap();
        assert!(events.len() < 60, "{} events", events.len());
        let all: u64 = end.faults.iter().map(|f| f.count).sum();
        assert_eq!(events.iter().map(|e| e.count).sum::<u64>(), all, "none is forgotten");
        assert_eq!(util::count(&end, "record", "events_dropped"), 0);
        assert!(events.iter().all(|e| e.kind == EventKind::Fault));
    });
}

/// Catches: a line that was only tried and leaves a file behind, and one that starts without room for its recording.
#[test]
fn a_recording_that_cannot_begin_stops_the_start() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    let query = "width=64&height=48&rate=max&frames=5";
    let (builder, tried) = recorder(query, RecorderSettings::new(&path));
    builder.check().unwrap();
    drop(tried);
    assert!(!path.exists(), "nothing ran, nothing is left");
    recording(&path, 1);
    let (builder, _recorder) = recorder(query, RecorderSettings::new(&path));
    let e = builder.start().expect_err("it is there already").to_string();
    assert!(e.contains("exists already"), "{e}");
    let mut settings = RecorderSettings::new(folder.file("b.flr"));
    settings.rule.segment_bytes = 1 << 50;
    let (builder, _recorder) = recorder(query, settings);
    let e = builder.start().expect_err("no disk is so large").to_string();
    assert!(e.contains("b.flr") && !folder.file("b.flr").exists(), "{e}");
}

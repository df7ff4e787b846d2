//! A libaravis of our own (`tests/c/aravis.c`) that sends what no simulator does: chunks, parts, rows with padding, counters
//! of which each has another value. A process has one Aravis, so that each generation of it gets a process.

use super::{SOON, assert_well, line, util};
use frameline::buffer::{Frame, FrameMut, Pool, PoolConfig};
use frameline::fault::FaultClass;
use frameline::feature::FeatureRange;
use frameline::sdk::aravis::{Aravis, Library};
use frameline::source::{Fill, Grab, Source};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where the test inside finds the library, and which it is.
const FILE: &str = "FRAMELINE_OWN_ARAVIS";

/// What the camera sends, by its feature `Scene`.
const IMAGE: u32 = 0;
const PADDED: u32 = 1;
const CHUNKS: u32 = 2;
const BROKEN_CHUNKS: u32 = 3;
const PARTS: u32 = 4;
const CHUNKS_FIRST: u32 = 5;

const WIDTH: usize = 16;
const IMAGE_BYTES: usize = WIDTH * 8;

/// Catches: a call with the arguments of another version of Aravis, a function that only some versions have and that is
/// needed all the same, and what the tests inside name.
#[test]
fn every_generation_of_aravis_serves() {
    for generation in ["OLD", "PRESENT", "NEW"] {
        let library = built(generation);
        let inside = Command::new(std::env::current_exe().expect("this program has a file"))
            .args(["--ignored", "--exact", "own_library::inside", "--nocapture"])
            .env(FILE, &library)
            .output()
            .expect("this program runs");
        let told = String::from_utf8_lossy(&inside.stdout).into_owned()
            + &String::from_utf8_lossy(&inside.stderr);
        assert!(inside.status.success(), "{generation}: {told}");
        assert!(
            told.contains("1 passed"),
            "{generation}: the test inside has another name? {told}"
        );
    }
}

fn built(generation: &str) -> PathBuf {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("libaravis-{generation}.so"));
    build(&library, generation);
    library
}

fn build(library: &Path, define: &str) {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/c/aravis.c");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-D", define, source, "-o"]).arg(library);
    assert!(cc.status().expect("a C compiler, as rustc needs one to link").success());
}

/// Catches: a later Aravis that lacks a function, and hides the one beside it that has all.
#[test]
#[cfg(target_os = "linux")]
fn a_library_that_lacks_symbols_hides_none() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("two-aravis");
    std::fs::create_dir_all(&folder).unwrap();
    build(
        &folder.join("libaravis-0.10.so.0"),
        "arv_stream_push_buffer=arv_stream_push_differently",
    );
    for (present, says) in
        [(true, "found 0.8.26 libaravis-0.8.so.0"), (false, "lacks arv_stream_push_buffer")]
    {
        let good = folder.join("libaravis-0.8.so.0");
        match present {
            true => build(&good, "PRESENT"),
            // As if it were not there, whatever the system has.
            false => std::fs::write(&good, "no library").unwrap(),
        }
        let inside = Command::new(std::env::current_exe().expect("this program has a file"))
            .args(["--ignored", "--exact", "own_library::inside_by_name", "--nocapture"])
            .env("LD_LIBRARY_PATH", &folder)
            .output()
            .expect("this program runs");
        let told = String::from_utf8_lossy(&inside.stdout);
        assert!(inside.status.success() && told.contains(says), "{present}: {told}");
    }
}

#[test]
#[ignore = "a_library_that_lacks_symbols_hides_none runs it, in processes of its own"]
fn inside_by_name() {
    match Library::open(None) {
        Ok(library) => println!("found {} {}", library.version(), library.name()),
        Err(e) => println!("none: {e}"),
    }
}

#[test]
#[ignore = "every_generation_of_aravis_serves runs it, in processes of its own"]
fn inside() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let file = file.into_string().expect("a path that is text");
    util::watched(move || {
        let is_old = file.contains("OLD");
        let version = Library::open(Some(Path::new(&file))).unwrap().version().to_string();
        let known = ["0.8 (before 0.8.20)", "0.8.26", "0.10.1"];
        assert!(known.contains(&version.as_str()), "{version}");
        every_counter_reaches_the_report(&file);
        features_come_from_the_description(&file);
        images_are_told_with_their_padding(&file, is_old);
        chunks_come_with_their_frame(&file, is_old);
        parts_come_with_their_frame(&file, is_old);
    });
}

fn camera(file: &str, scene: u32) -> Aravis {
    Aravis::from_uri(&format!("aravis:?library={file}&Scene={scene}")).unwrap()
}

/// A running camera with one slot.
struct Rig {
    source: Aravis,
    pool: Pool,
}

impl Rig {
    fn new(file: &str, scene: u32) -> Rig {
        let mut source = camera(file, scene);
        let config = PoolConfig { lock: false, ..PoolConfig::new(1, 4096) };
        let mut pool = Pool::new(config, Default::default()).unwrap();
        source.queue(pool.take().expect("it is free"));
        source.start(Fill::Announce).unwrap();
        Rig { source, pool }
    }

    fn grab(&mut self) -> Result<Frame, i64> {
        if let Some(free) = self.pool.take() {
            self.source.queue(free);
        }
        match self.source.grab_queued(Duration::from_secs(1)) {
            (Some(mut frame), Grab::Filled { reported_bytes }) => {
                frame.set_filled(usize::try_from(reported_bytes).unwrap());
                Ok(FrameMut::filled(frame))
            }
            (None, Grab::Fault(fault)) => Err(fault.code),
            other => panic!("{other:?}"),
        }
    }

    fn faults(&mut self) -> Vec<&'static str> {
        let table = self.source.codes();
        let mut names = Vec::new();
        self.source.take_faults(&mut |fault, _, _| names.push(table.name(fault.code)));
        names
    }

    fn stop(mut self) {
        self.source.stop_device().unwrap();
        self.source.stop_host().unwrap();
        self.source.revoke(&mut |frame| self.pool.put_back(frame));
    }
}

/// Catches: a counter that is told under the name of another, left out, or forgotten with its stream; a rate that is
/// read as a number.
fn every_counter_reaches_the_report(file: &str) {
    let mut line = line(camera(file, IMAGE))
        .configure(|c| c.capture.frames = Some(20))
        .stage("pass", util::pass())
        .start()
        .unwrap();
    assert!(line.wait(util::PATIENCE), "{:?}", line.snapshot().events);
    let end = line.stop(SOON);
    assert_well(&end);
    let names = [
        "n_ignored_bytes",
        "n_transferred_bytes",
        "n_duplicated_packets",
        "n_resend_disabled",
        "n_resend_ratio_reached",
        "n_resent_packets",
        "n_resend_requests",
        "n_ignored_packets",
        "n_error_packets",
        "n_missing_packets",
        "n_received_packets",
        "n_size_mismatch_errors",
        "n_missing_frames",
        "n_aborted",
        "n_timeouts",
        "n_underruns",
        "n_failures",
        "n_completed_buffers",
    ];
    let counted = |name: &str| end.source_counters.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
    for (n, name) in (1..).zip(names) {
        assert_eq!(counted(name), Some(1000 * n), "{name}");
    }
    assert_eq!(counted("n_new_things"), Some(20_000), "of a version that nobody knows yet");
    assert_eq!((counted("mean_rate"), end.source_counters.len()), (None, 19));
    // A second start has a stream of its own: the sum counts.
    let mut rig = Rig::new(file, IMAGE);
    rig.source.stop_device().unwrap();
    rig.source.stop_host().unwrap();
    rig.source.start(Fill::Announce).unwrap();
    let counters = rig.source.counters();
    assert!(counters.contains(&("n_failures".into(), 2 * 17_000)), "{counters:?}");
    rig.stop();
}

/// Catches: features without values or ranges, and a register that does not answer and takes all others along.
fn features_come_from_the_description(file: &str) {
    let mut camera = camera(file, IMAGE);
    let features = camera.features().unwrap();
    let of = |name: &str| features.iter().find(|f| f.name == name).expect(name);
    let gain = of("Gain");
    assert_eq!((gain.value.as_deref(), gain.category.as_str()), (Some("7"), "Analog"));
    assert_eq!(gain.range, FeatureRange::Integer { min: 0, max: 24, step: 1 });
    let dead = of("Dead");
    let trouble = dead.trouble.as_deref().unwrap_or_default();
    assert!(dead.value.is_none() && trouble.contains("nothing answers there"), "{dead:?}");
}

/// Catches: rows that are sheared, since what lies behind each is taken for pixels.
fn images_are_told_with_their_padding(file: &str, is_old: bool) {
    let mut rig = Rig::new(file, PADDED);
    let frame = rig.grab().unwrap();
    let padding = if is_old { 0 } else { 4 }; // Those versions do not tell it.
    assert_eq!(
        (frame.meta().x_padding, frame.meta().stride as usize),
        (padding, WIDTH + padding as usize)
    );
    assert_eq!(frame.payload().len(), (WIDTH + padding as usize) * 8);
    drop(frame);
    rig.stop();
}

/// Catches: chunks that are cut off with the padding, taken from a frame that has none, or read past its end.
fn chunks_come_with_their_frame(file: &str, is_old: bool) {
    let mut rig = Rig::new(file, CHUNKS);
    let frame = rig.grab().unwrap();
    if is_old {
        assert_eq!((frame.chunk_bytes(), frame.payload().len()), (None, IMAGE_BYTES));
    } else {
        let chunks = frame.chunk_bytes().expect("they came");
        assert_eq!(
            (&chunks[..8], &chunks[16..20], chunks.len()),
            (&b"exposure"[..], &b"gain"[..], 28)
        );
        assert_eq!(
            (frame.payload().len(), frame.image().len()),
            (IMAGE_BYTES + 8 + 28, IMAGE_BYTES)
        );
    }
    drop(frame);
    rig.source.set_feature("Scene", &BROKEN_CHUNKS.to_string()).unwrap();
    let frame = rig.grab().unwrap();
    assert_eq!((frame.chunk_bytes(), frame.image().len()), (None, IMAGE_BYTES));
    let expected: &[&str] = if is_old { &[] } else { &["ARV_BAD_CHUNKS"] };
    assert_eq!(rig.faults(), expected);
    drop(frame);
    rig.stop();
}

/// Catches: parts of another frame, a part read where its number only lies, and an image looked for where chunks are.
fn parts_come_with_their_frame(file: &str, is_old: bool) {
    let mut rig = Rig::new(file, PARTS);
    let came = rig.grab();
    if is_old {
        let class = came.map_err(|code| rig.source.codes().classify(code));
        assert_eq!(class.unwrap_err(), FaultClass::Incompatible, "a version without parts");
        return rig.stop();
    }
    let frame = came.unwrap();
    let parts = frame.beside().parts();
    let told: Vec<_> = parts.iter().map(|p| (p.kind, p.source, p.width, p.height)).collect();
    assert_eq!(told, [(1, 5, 16, 8), (10, 6, 0, 0), (9, 7, 16, 4)]);
    assert_eq!((frame.meta().width, frame.meta().height), (16, 8), "the first part's");
    let payload = frame.payload();
    assert_eq!(payload.len(), 2 * IMAGE_BYTES + IMAGE_BYTES / 2);
    assert_eq!(frame.part_bytes(0), Some(&payload[..IMAGE_BYTES]));
    assert_eq!(frame.part_bytes(1), Some(&payload[IMAGE_BYTES..IMAGE_BYTES + 12]));
    assert_eq!(frame.part_bytes(2), Some(&payload[2 * IMAGE_BYTES..]));
    drop(frame);
    rig.source.set_feature("Scene", &IMAGE.to_string()).unwrap();
    let frame = rig.grab().unwrap();
    assert_eq!(
        (frame.beside().part_count, frame.part_bytes(0)),
        (0, None),
        "the slot's last frame's"
    );
    drop(frame);
    rig.source.set_feature("Scene", &CHUNKS_FIRST.to_string()).unwrap();
    assert!(rig.grab().is_err(), "what stands where the image should is none");
    rig.stop();
}

//! Files as they are written and read.

use super::made::{Folder, SMALL, entry, head, payload, recording, writer};
use frameline::clock::HostTime;
use frameline::fault::FaultClass;
use frameline::format::{Geometry, PixelFormat};
use frameline::recording::format::{End, Entry, EntryFault, Event, EventKind};
use frameline::recording::{Recording, Rule, Segment, Writer};

/// Catches: metadata that is lost on the way, and payloads that lie elsewhere than the header says.
#[test]
fn every_frame_comes_back_as_it_was() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    recording(&path, 25);
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.frames(), 25);
    let bytes = std::fs::read(&path).unwrap();
    let layout = recording.header().layout;
    assert_eq!(bytes.len() as u64, layout.file_bytes(25), "what was not used is given back");
    let mut read = Vec::new();
    for n in 0..25 {
        let got = recording.read(n, &mut read).unwrap();
        let want = payload(n, SMALL.image_bytes());
        assert_eq!(got.meta, entry(n, &SMALL).meta);
        assert_eq!(read, want);
        // Frame n is an address.
        let at = (layout.data_offset + n * layout.stride) as usize;
        assert_eq!(&bytes[at..at + want.len()], want);
    }
    assert_eq!(recording.read(25, &mut read), Err(EntryFault::NotCommitted));
    let closing = recording.segments()[0].closing().unwrap();
    assert_eq!((closing.frames, closing.end), (25, End::Finished));
}

/// Catches: a segment that begins with the wrong frame, an event that loses its place, and a reader that takes the
/// segments of another recording for its own.
#[test]
fn a_recording_goes_on_in_segments() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    // Room for four frames of two pages beside header, events and index.
    let rule =
        Rule { segment_bytes: 16384 + 4096 + 4096 + 4 * 8192 + 600, events: 64, ..Rule::default() };
    let mut w = writer(&path, 10, rule);
    let event = Event {
        kind: EventKind::Fault,
        before_frame: 0,
        host_time: HostTime(3),
        code: 0x8000_0007,
        class: Some(FaultClass::Timeout),
        detail: 0,
        count: 1,
    };
    w.event(&event).unwrap();
    // A larger image begins another segment.
    let large = Geometry::new(200, 100, PixelFormat::MONO8);
    w.push(&entry(10, &large), &payload(10, large.image_bytes())).unwrap();
    w.finish(End::Finished).unwrap();
    std::fs::copy(&path, folder.file("a.0009.flr")).unwrap();

    let r = Recording::open(&path).unwrap();
    let frames: Vec<u64> = r.segments().iter().map(Segment::frames).collect();
    assert_eq!(frames, [4, 4, 2, 1]);
    assert_eq!(
        (r.frames(), r.locate(9), r.locate(10), r.locate(11)),
        (11, Some((2, 1)), Some((3, 0)), None)
    );
    let events = r.events().unwrap();
    assert_eq!(events, [Event { before_frame: 10, ..event }]);
    let mut read = Vec::new();
    for n in 0..11 {
        let geometry = if n == 10 { large } else { SMALL };
        assert_eq!(r.read(n, &mut read).unwrap().meta, entry(n, &geometry).meta);
        assert_eq!(read, payload(n, geometry.image_bytes()));
    }
    // From the middle on.
    let later = Recording::open(folder.file("a.0002.flr")).unwrap();
    assert_eq!(later.frames(), 3);
    assert_eq!(later.entry(0).unwrap().meta.sequence, 8);
}

/// Catches: a recording that kept its last seconds and whose program was killed, which nobody finds by the name that it was
/// given; and one that lost its first file and is called whole.
#[test]
fn a_recording_without_its_first_file_is_found_by_its_name() {
    for kept in [true, false] {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        let mut head = head(SMALL);
        if kept {
            head.texts.host = vec!["kept=10 s".into()];
        }
        let (bytes, rule) = (SMALL.image_bytes(), Rule { segment_bytes: 1, ..Rule::default() });
        let mut w = Writer::create(&path, head, bytes, rule).unwrap();
        for n in 0..4 {
            w.push(&entry(n, &SMALL), &payload(n, bytes)).unwrap();
        }
        w.finish(End::Finished).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::remove_file(folder.file("a.0001.flr")).unwrap();

        let r = Recording::open(&path).unwrap();
        assert_eq!(r.frames(), 2);
        assert_eq!(r.entry(0).unwrap().meta.sequence, 2);
        let first = folder.file("a.0002.flr");
        let gone = format!("2 segments before {} are gone", first.display());
        assert_eq!(r.missing(), if kept { vec![] } else { vec![gone] });
        let none = Recording::open(folder.file("b.flr")).unwrap_err().to_string();
        assert!(none.contains("there is no such file"), "{none}");
    }
}

/// Catches: a recording in progress that others cannot read, or that is taken for one of a dead writer.
#[test]
fn a_recording_in_progress_is_readable() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    let rule = Rule { segment_bytes: 1 << 20, ..Rule::default() };
    let mut w = writer(&path, 3, rule);
    let r = Recording::open(&path).unwrap();
    assert!(r.segments()[0].is_being_written());
    assert_eq!((r.frames(), r.segments()[0].closing()), (3, None));
    w.push(&entry(3, &SMALL), &payload(3, SMALL.image_bytes())).unwrap();
    let mut read = Vec::new();
    let segment = &r.segments()[0];
    assert_eq!(segment.read(3, &mut read).unwrap().meta.sequence, 3, "also what came later");
    assert_eq!(Recording::open(&path).unwrap().frames(), 4);
    // Killed.
    drop(w);
    let r = Recording::open(&path).unwrap();
    assert!(!r.segments()[0].is_being_written());
    assert_eq!(r.frames(), 4);
    assert_eq!(r.read(3, &mut read).unwrap().meta.sequence, 3);
}

/// Catches: a recording that is written over another one.
#[test]
fn nothing_is_written_over() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    recording(&path, 2);
    let rule = Rule { frames: Some(1), ..Rule::default() };
    let e = Writer::create(&path, head(SMALL), 10, rule).unwrap_err();
    assert!(e.to_string().contains("exists already"), "{e}");
    // Nor beside the second segment of another one.
    std::fs::rename(&path, folder.file("b.0001.flr")).unwrap();
    let e = Writer::create(folder.file("b.flr"), head(SMALL), 10, rule).unwrap_err();
    assert!(e.to_string().contains("b.0001.flr exists already"), "{e}");
    assert!(!folder.file("b.flr").exists());
    let e = Writer::create(folder.file("no/b.flr"), head(SMALL), 10, rule).unwrap_err();
    assert!(e.to_string().contains("no such folder"), "{e}");
}

/// Catches: a frame beyond the room of its file, and an empty one that is taken for none.
#[test]
fn degenerate_sizes_are_recordings_too() {
    let folder = Folder::new();
    for frames in [0, 1] {
        let path = folder.file(&format!("{frames}.flr"));
        recording(&path, frames);
        let r = Recording::open(&path).unwrap();
        assert_eq!(r.frames(), frames);
    }
    let path = folder.file("empty.flr");
    let rule = Rule { frames: Some(2), ..Rule::default() };
    let mut w = Writer::create(&path, head(SMALL), 1, rule).unwrap();
    w.push(&entry(0, &SMALL), &[]).unwrap();
    w.push(&Entry { not_written: 4, ..entry(1, &SMALL) }, &[9]).unwrap();
    w.finish(End::Finished).unwrap();
    let r = Recording::open(&path).unwrap();
    let mut read = vec![1; 10];
    assert_eq!(r.read(0, &mut read).unwrap().payload_bytes, 0);
    assert!(read.is_empty());
    assert_eq!(r.read(1, &mut read).unwrap().not_written, 4);
    assert_eq!(r.segments()[0].closing().unwrap().not_written, 4);
}

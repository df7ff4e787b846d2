use super::one::{closing_of, read_at_most};
use super::*;
use crate::clock::HostTime;
use crate::format::{Geometry, PixelFormat};
use crate::meta::FrameMeta;
use crate::recording::format::{HEADER_BYTES, Texts, WallClock};
use crate::recording::{Head, Rule, Writer, segment_path};
use crate::source::FrameIdRule;
use std::fs::File;

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let unique = format!("frameline-reader-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A recording of so many frames, each in a segment of its own, that is still being written.
fn one_a_segment(path: &Path, frames: u64) -> Writer {
    let geometry = Geometry::new(8, 8, PixelFormat::MONO8);
    let head = Head {
        geometry,
        max_payload_bytes: 0,
        id_rule: FrameIdRule::default(),
        started: WallClock::at(HostTime(0)),
        texts: Texts::default(),
    };
    let rule = Rule { segment_bytes: 1, events: 1, ..Rule::default() };
    let mut writer = Writer::create(path, head, 64, rule).unwrap();
    for sequence in 0..frames {
        let meta = FrameMeta { sequence, ..FrameMeta::of(&geometry) };
        writer.push(&Entry { meta, ..Entry::default() }, &[7; 64]).unwrap();
    }
    writer
}

/// Catches: a recorder that goes on to another file while its folder is read, and is accused of having lost that; and a
/// file that a ring removes meanwhile, called missing.
#[test]
fn segments_made_or_removed_while_one_looks_are_not_missing() {
    let folder = Folder::new("meanwhile");
    let path = folder.0.join("a.flr");
    let _writer = one_a_segment(&path, 6);
    let listing = |numbers: std::ops::Range<u32>| -> Vec<_> {
        numbers.map(|n| (n, segment_path(&path, n))).collect()
    };
    let mut looks = vec![listing(1..6), listing(1..4), listing(1..2)];
    let (mut segments, mut missing) = (vec![Segment::open(&path).unwrap()], Vec::new());
    follow(&mut segments, &mut missing, || looks.pop().expect("it ends")).unwrap();
    let numbers: Vec<_> = segments.iter().map(|s| s.header.segment).collect();
    assert_eq!((numbers, missing.len()), ((0..6).collect(), 0), "{missing:?}");
    assert!(lost_segments(&segments).is_empty());

    std::fs::remove_file(segment_path(&path, 1)).unwrap();
    segments.truncate(1);
    follow(&mut segments, &mut missing, || listing(1..6)).unwrap();
    assert_eq!((segments.len(), missing.len()), (5, 0), "{missing:?}");
    assert_eq!(lost_segments(&segments).len(), 1, "the gap is told");
    // What is there for good and is never closed does not make one look for ever.
    segments.truncate(1);
    follow(&mut segments, &mut missing, || listing(1..3)).unwrap();
    assert_eq!(lost_segments(&segments).len(), 2);

    // A copy under a name of the same number is no other segment.
    let copy = folder.0.join("a.00003.flr");
    std::fs::copy(segment_path(&path, 3), &copy).unwrap();
    segments.truncate(1);
    follow(&mut segments, &mut missing, || siblings(&path)).unwrap();
    assert_eq!((segments.len(), lost_segments(&segments).len()), (5, 1));
}

/// Catches: a writer that closes its file between two looks of a reader, and is taken for one that was killed.
#[test]
fn a_file_closed_between_two_looks_is_closed() {
    let folder = Folder::new("closed");
    let path = folder.0.join("a.flr");
    let writer = one_a_segment(&path, 1);
    let file = File::open(&path).unwrap();
    let mut head = vec![0; HEADER_BYTES as usize];
    assert_eq!(read_at_most(&file, &mut head, 0).unwrap() as u64, HEADER_BYTES);
    let layout = Header::decode(&head).unwrap().layout;
    assert_eq!(closing_of(&file, &head, &layout).unwrap(), (None, true), "it is being written");
    writer.finish(End::Finished).unwrap();
    let (closing, being_written) = closing_of(&file, &head, &layout).unwrap();
    assert_eq!((closing.map(|c| c.frames), being_written), (Some(1), false));
}

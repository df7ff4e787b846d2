//! A corpus of broken files, made here, with the sentence that each must print.

use super::made::{Folder, SMALL, payload, recording, writer};
use frameline::recording::format::{Closing, End, EntryFault, Texts, checksum};
use frameline::recording::{Recording, Rule, Segment, repair, verify};
use std::path::Path;

/// Seals the fixed fields of a header again, as somebody would who means harm.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let crc = checksum(&bytes[..252]);
    bytes[252..256].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn with(bytes: &[u8], at: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + value.len()].copy_from_slice(value);
    bytes
}

/// Catches: a file that is opened and should not be, a panic or a huge allocation on the way, and a sentence that does
/// not say what is wrong.
#[test]
fn broken_headers_are_sentences() {
    let folder = Folder::new();
    let good = folder.file("good.flr");
    recording(&good, 3);
    let bytes = std::fs::read(&good).unwrap();
    let huge = &u64::MAX.to_le_bytes();
    let corpus: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "has 0 bytes, fewer than the 16384 of a recording's header"),
        ("reserved", vec![0; 70_000], "holds nothing but zeros: its 70000 bytes were reserved"),
        ("reserved in part", vec![0; 100], "holds nothing but zeros: its 100 bytes were reserved"),
        ("without header", [vec![0; 16384], bytes[16384..].to_vec()].concat(), "is no recording"),
        ("begun", b"FLREC".to_vec(), "has 5 bytes, fewer"),
        ("text", b"It was a dark and stormy night.".to_vec(), "is no recording"),
        ("png", [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; 20000]].concat(), "is no recording"),
        ("cut in the header", bytes[..5000].to_vec(), "has 5000 bytes, fewer"),
        (
            "cut in the index",
            bytes[..20490].to_vec(),
            "was cut off at 20490 bytes, before its first frame",
        ),
        ("later version", with(&bytes, 8, &[2, 0]), "has version 2.1 of the format"),
        ("bit rot", with(&bytes, 40, &[1]), "the checksum of its header is"),
        ("stride", sealed(with(&bytes, 16, &1_u64.to_le_bytes())), "stride in its header is 1 and"),
        ("payload", sealed(with(&bytes, 24, huge)), "payload capacity in its header"),
        ("no frames", sealed(with(&bytes, 32, &[0; 8])), "frame capacity in its header is 0"),
        ("frames", sealed(with(&bytes, 32, huge)), "frame capacity in its header"),
        ("events", sealed(with(&bytes, 40, huge)), "event capacity in its header"),
        (
            "index",
            sealed(with(&bytes, 48, &4096_u64.to_le_bytes())),
            "index offset in its header is 4096",
        ),
        (
            "data",
            sealed(with(&bytes, 56, &16384_u64.to_le_bytes())),
            "data offset in its header is 16384",
        ),
        ("entry size", sealed(with(&bytes, 64, &[64])), "entry bytes in its header is 64"),
        ("geometry", sealed(with(&bytes, 112, &[0; 4])), "geometry in its header is"),
    ];
    for (what, bytes, want) in corpus {
        let path = folder.file("broken.flr");
        std::fs::write(&path, bytes).unwrap();
        let e = Recording::open(&path).expect_err(what).to_string();
        assert!(e.starts_with(&path.display().to_string()), "{what}: {e}");
        assert!(e.contains(want) && !e.contains('\n'), "{what}: {e}");
    }
    // Whoever makes one has the lock before the room, and writes the header last.
    let made = folder.file("made.flr");
    let writer = writer(&made, 1, Rule::default());
    std::fs::write(&made, vec![0; 70_000]).unwrap();
    let e = Recording::open(&made).unwrap_err().to_string();
    assert!(e.contains("made.flr is being made"), "{e}");
    drop(writer);
    let e = Recording::open(folder.file("none.flr")).unwrap_err().to_string();
    assert!(e.ends_with("none.flr: there is no such file"), "{e}");
    let e = Recording::open(&folder.0).unwrap_err().to_string();
    assert!(e.contains("is no file"), "{e}");
}

/// Catches: a recording that is lost with a bit of its source's name, or damage to it that nobody is told of.
#[test]
fn damaged_texts_cost_no_frame() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    recording(&path, 3);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, with(&bytes, 5000, &[1])).unwrap();
    let r = Recording::open(&path).unwrap();
    let found = verify(&r, |_| {});
    let [missing] = &found.missing[..] else { panic!("{found:?}") };
    assert!(missing.contains("the checksum of its texts is"), "{missing}");
    assert!(missing.ends_with("its source, features and host are not known"), "{missing}");
    assert_eq!((found.good, found.is_whole()), (3, false));
    assert_eq!(r.header().texts, Texts::default());
    // Another segment has the same texts.
    let several = folder.file("c.flr");
    let rule = Rule { segment_bytes: 64 << 10, ..Rule::default() };
    writer(&several, 12, rule).finish(End::Finished).unwrap();
    let bytes = std::fs::read(&several).unwrap();
    std::fs::write(&several, with(&bytes, 5000, &[1])).unwrap();
    let r2 = Recording::open(&several).unwrap();
    let count = r2.segments().len();
    assert!(count > 1 && r2.header().texts == r2.segments()[1].header().texts, "{count}");
    assert_eq!((r2.header().texts.source.as_str(), verify(&r2, |_| {}).good), ("sim:", 12));
    assert!(r2.missing()[0].ends_with("those of another segment stand for them"));
    let mended = folder.file("b.flr");
    repair(&r, &mended, |_| true).unwrap();
    let found = verify(&Recording::open(&mended).unwrap(), |_| {});
    assert_eq!((found.good, found.is_whole()), (3, true));
}

fn opened(path: &Path, bytes: &[u8]) -> Segment {
    std::fs::write(path, bytes).unwrap();
    Segment::open(path).unwrap()
}

/// Catches: damage to one frame that costs others, and damage that is not noticed.
#[test]
fn damage_costs_the_frame_that_has_it() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    recording(&path, 6);
    let bytes = std::fs::read(&path).unwrap();
    let layout = Recording::open(&path).unwrap().header().layout;
    let entry = |n| layout.entry_offset(n) as usize;
    let data = |n| layout.payload_offset(n).unwrap() as usize;
    let not_closed = with(&bytes, 2048, &[0; 64]);
    for (what, bytes, hit, want) in [
        ("payload", with(&bytes, data(2) + 100, &[255]), 2, "has a damaged payload"),
        ("entry", with(&bytes, entry(3) + 20, &[255]), 3, "has a damaged index entry"),
        ("commit word", with(&bytes, entry(1) + 124, &[0; 4]), 1, "was not committed"),
        ("lost page", with(&not_closed, entry(0), &[0; 128]), 0, "was not committed"),
        ("tail", bytes[..data(5) + 4000].to_vec(), 5, "is cut off"),
    ] {
        let segment = opened(&path, &bytes);
        assert_eq!(segment.frames(), 6, "{what}");
        let mut read = Vec::new();
        for n in 0..6 {
            match segment.read(n, &mut read) {
                Ok(_) => {
                    assert_ne!(n, hit, "{what}");
                    assert_eq!(read, payload(n, SMALL.image_bytes()), "{what}");
                }
                Err(e) => {
                    assert_eq!(n, hit, "{what}: {e}");
                    assert!(e.to_string().contains(want), "{what}: {e}");
                }
            }
        }
    }
}

/// Catches: a closing record that was torn and is believed, and one that promises more than there is.
#[test]
fn a_torn_end_is_no_end() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    recording(&path, 4);
    let bytes = std::fs::read(&path).unwrap();
    for at in [2048, 2056, 2088, 2104, 2110] {
        let mut torn = bytes.clone();
        torn[at] ^= 0x40;
        let segment = opened(&path, &torn);
        assert_eq!((segment.closing(), segment.frames()), (None, 4));
    }
    let layout = Segment::open(&path).unwrap().header().layout;
    assert!(Closing::decode(&bytes[2048..2112], &layout).is_some());
}

/// Catches: an entry that says it is longer than the file and makes the reader allocate that much.
#[test]
fn a_length_beyond_the_file_is_not_believed() {
    let folder = Folder::new();
    let path = folder.file("a.flr");
    recording(&path, 1);
    let mut bytes = std::fs::read(&path).unwrap();
    let layout = Segment::open(&path).unwrap().header().layout;
    let at = layout.entry_offset(0) as usize;
    bytes[at + 88..at + 96].copy_from_slice(&(1_u64 << 39).to_le_bytes());
    let crc = checksum(&bytes[at..at + 120]);
    bytes[at + 120..at + 124].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(opened(&path, &bytes).entry(0), Err(EntryFault::Impossible("payload length")));
    // And with a header that allows it.
    bytes[24..32].copy_from_slice(&(1_u64 << 39).to_le_bytes());
    bytes[16..24].copy_from_slice(&(1_u64 << 39).to_le_bytes());
    let segment = opened(&path, &sealed(bytes.clone()));
    assert_eq!(segment.entry(0), Err(EntryFault::Impossible("payload length")));
    // And one that such an image may have.
    bytes[at + 88..at + 96].copy_from_slice(&(1_u64 << 20).to_le_bytes());
    let crc = checksum(&bytes[at..at + 120]);
    bytes[at + 120..at + 124].copy_from_slice(&crc.to_le_bytes());
    let segment = opened(&path, &sealed(bytes));
    assert!(matches!(segment.read(0, &mut Vec::new()), Err(EntryFault::CutOff { .. })));
}

//! Saving, one stage instance by hand.

use super::*;
use crate::clock::HostTime;
use crate::format::{Geometry, PixelFormat};
use crate::stage::{Figure, Flush, Stage, StageContext};
use crate::stages::Gallery;
use crate::stages::measure::tests::frame_of;
use crate::verdict::{Area, Defect, FrameVerdict, PartVerdict, VerdictBoard};
use std::path::PathBuf;
use std::sync::Arc;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let dir =
            std::env::temp_dir().join(format!("frameline-save-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Folder(dir)
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const SIDE: u32 = 40;

fn pixels() -> Vec<u8> {
    (0..SIDE * SIDE).map(|i| (i * 7 % 251) as u8).collect()
}

/// A verdict with a good part and `failed` failed ones.
fn verdict(failed: usize) -> FrameVerdict {
    let part = Area { x: 4, y: 30, width: 8, height: 8 };
    let mut v = FrameVerdict::default();
    assert!(v.push(PartVerdict { part, ..PartVerdict::default() }));
    for _ in 0..failed {
        let defect = Some(Defect::Scratch);
        assert!(v.push(PartVerdict { part, defect, mark: part, pixels: 3, score: 2.0 }));
    }
    v
}

/// Runs one frame for each verdict through a stage, flushing after each if `patient`.
fn run(settings: &SaveSettings, verdicts: &[FrameVerdict], patient: bool) -> (Save, Arc<Gallery>) {
    let gallery = Arc::new(Gallery::default());
    let g = Geometry::new(SIDE, SIDE, PixelFormat::MONO8);
    let writer = PictureWriter::open(settings, &g, gallery.clone()).unwrap();
    let board = Arc::new(VerdictBoard::new());
    let mut stage = Save::new(writer.sink(), board.clone(), true);
    let (mut frame, _pool) = frame_of(&g, &pixels());
    for (i, v) in verdicts.iter().enumerate() {
        let meta = frame.meta_mut().unwrap();
        (meta.sequence, meta.frame_id) = (i as u64, 100 + i as u64);
        board.post(i as u64, v);
        let _ = stage.process(&mut frame, &mut StageContext::new(HostTime(0), None)).unwrap();
        if patient {
            stage.flush(Flush::End);
        }
    }
    stage.flush(Flush::End);
    drop(writer);
    (stage, gallery)
}

fn figure(stage: &Save, name: &str) -> u64 {
    let figures = stage.results().unwrap().read();
    match figures.into_iter().find(|(n, _)| *n == name).unwrap().1 {
        Figure::Count(n) => n,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failed_part_is_saved_with_its_margin_and_named() {
    // Catches a crop from the wrong place or beyond the frame, good parts saved, and a gallery that lacks one.
    let folder = Folder::new("one");
    let (stage, gallery) = run(&SaveSettings::new(&folder.0), &[verdict(0), verdict(1)], true);
    assert_eq!(folder.files(), ["s000001_frame000101_part01_scratch.png"]);
    let parts = gallery.parts();
    assert_eq!(parts.len(), 1);
    // 16 pixels of margin: clipped at the left and below.
    assert_eq!(parts[0].crop, Area { x: 0, y: 14, width: 28, height: 26 });
    assert_eq!((parts[0].frame_id, parts[0].sequence), (101, 1));
    assert_eq!(parts[0].verdict.defect, Some(Defect::Scratch));
    let file = std::io::BufReader::new(std::fs::File::open(&parts[0].path).unwrap());
    let saved = read_grey(file, 28, 26).unwrap();
    let (source, at) = (pixels(), |x: usize, y: usize| y * SIDE as usize + x);
    assert_eq!((saved[0], saved[25 * 28 + 27]), (source[at(0, 14)], source[at(27, 39)]));
    assert_eq!((figure(&stage, "saved"), figure(&stage, "failed_parts")), (1, 1));
}

#[test]
fn bounds_of_number_and_bytes_are_kept() {
    // Catches a full disk: bounds off by one, or counted for each worker instead of the run.
    for (max_files, max_bytes) in [(3, 1 << 20), (100, 2500), (1, 1)] {
        let folder = Folder::new("bounds");
        let settings = SaveSettings { max_files, max_bytes, ..SaveSettings::new(&folder.0) };
        let verdicts: Vec<_> = (0..20).map(|_| verdict(1)).collect();
        let (stage, gallery) = run(&settings, &verdicts, true);
        let files = folder.files();
        let bytes: u64 =
            files.iter().map(|f| std::fs::metadata(folder.0.join(f)).unwrap().len()).sum();
        assert!(files.len() as u64 <= max_files && bytes <= max_bytes, "{files:?} {bytes}");
        assert!(max_bytes < 100 || !files.is_empty());
        assert_eq!(files.len(), gallery.parts().len());
        assert_eq!(figure(&stage, "bytes"), bytes);
        assert_eq!(figure(&stage, "saved") + figure(&stage, "skipped_bound"), 20);
    }
}

#[test]
fn a_writer_that_is_behind_costs_pictures_not_time() {
    // Catches a hot thread that waits for the disk, and pictures that are lost without a count.
    let folder = Folder::new("behind");
    let settings = SaveSettings { depth: 1, ..SaveSettings::new(&folder.0) };
    let verdicts: Vec<_> = (0..50).map(|_| verdict(20)).collect();
    let (stage, _) = run(&settings, &verdicts, false);
    assert!(figure(&stage, "skipped_behind") > 0);
    let all =
        ["saved", "skipped_behind", "skipped_bound"].map(|n| figure(&stage, n)).iter().sum::<u64>();
    assert_eq!((all, figure(&stage, "failed_parts")), (1000, 1000));
}

#[test]
fn a_folder_that_vanishes_is_counted_and_told_once() {
    // Catches a line that dies of its pictures, and errors that nobody hears of.
    let folder = Folder::new("gone");
    let gallery = Arc::new(Gallery::default());
    let g = Geometry::new(SIDE, SIDE, PixelFormat::MONO8);
    let writer = PictureWriter::open(&SaveSettings::new(&folder.0), &g, gallery.clone()).unwrap();
    std::fs::remove_dir_all(&folder.0).unwrap();
    let board = Arc::new(VerdictBoard::new());
    board.post(0, &verdict(1));
    let mut stage = Save::new(writer.sink(), board, true);
    let (mut frame, _pool) = frame_of(&g, &pixels());
    let _ = stage.process(&mut frame, &mut StageContext::new(HostTime(0), None)).unwrap();
    stage.flush(Flush::End);
    assert_eq!((figure(&stage, "write_errors"), gallery.parts().len()), (1, 0));
    let figures = stage.results().unwrap().read();
    assert!(
        matches!(&figures.last().unwrap().1, Figure::Text(t) if t.contains("cannot be written"))
    );
}

#[test]
fn an_unwritable_folder_is_a_configuration_error() {
    // Catches finding out at the first failed part that nothing can be written.
    let folder = Folder::new("file");
    std::fs::write(&folder.0, b"a file").unwrap();
    let g = Geometry::new(SIDE, SIDE, PixelFormat::MONO8);
    let below = SaveSettings::new(folder.0.join("below"));
    let e = PictureWriter::open(&below, &g, Arc::default()).unwrap_err();
    assert_eq!(e.kind(), crate::ErrorKind::Config);
    assert!(e.to_string().contains("below for pictures cannot be written"), "{e}");
    let _ = std::fs::remove_file(&folder.0);
}

#[test]
fn other_formats_and_absurd_areas_cost_nothing() {
    // Catches a panic on areas that lie beyond the frame, and colour bytes saved as grey.
    let folder = Folder::new("absurd");
    let gallery = Arc::new(Gallery::default());
    let g = Geometry::new(3, 1, PixelFormat::MONO8);
    let settings = SaveSettings { margin: u16::MAX, ..SaveSettings::new(&folder.0) };
    let writer = PictureWriter::open(&settings, &g, gallery.clone()).unwrap();
    let board = Arc::new(VerdictBoard::new());
    let far = Area { x: u16::MAX, y: u16::MAX, width: u16::MAX, height: u16::MAX };
    let mut v = FrameVerdict::default();
    let defect = Some(Defect::Missing);
    assert!(v.push(PartVerdict { part: far, defect, mark: far, pixels: 0, score: 1.5 }));
    board.post(0, &v);
    let mut stage = Save::new(writer.sink(), board, true);
    for (g, bytes) in [
        (Geometry::new(3, 1, PixelFormat::MONO8), vec![1; 3]),
        (Geometry::new(3, 1, PixelFormat::MONO16), vec![1; 6]),
        (Geometry::new(3, 9, PixelFormat::MONO8), vec![1; 4]),
    ] {
        let (mut frame, _pool) = frame_of(&g, &bytes);
        let _ = stage.process(&mut frame, &mut StageContext::new(HostTime(0), None)).unwrap();
        stage.flush(Flush::End);
    }
    assert_eq!(figure(&stage, "skipped_format"), 1);
    let done = figure(&stage, "saved") + figure(&stage, "write_errors");
    assert_eq!((done, figure(&stage, "failed_parts")), (2, 3));
}

#[test]
fn wrong_images_are_refused_before_memory_is_taken() {
    // Catches a decompression bomb, and an image of another kind taken for grey levels.
    let mut png = Vec::new();
    encode_grey(4, 3, &[7; 12], &mut png).unwrap();
    let read = |bytes: &[u8], w, h| read_grey(std::io::Cursor::new(bytes.to_vec()), w, h);
    assert_eq!(read(&png, 4, 3).unwrap(), [7; 12]);
    assert!(read(&png, 3, 4).unwrap_err().contains("4x3"));
    for cut in 0..png.len() - 12 {
        assert!(read(&png[..cut], 4, 3).is_err(), "{cut}");
    }
    for i in 0..png.len() {
        let mut broken = png.clone();
        broken[i] ^= 0x40;
        let _ = read(&broken, 4, 3); // Refused or read; never a panic.
    }
    // A header that speaks of 4 gigapixels.
    let mut huge = png.clone();
    huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    assert!(read(&huge, 65536, 65536).is_err());
}

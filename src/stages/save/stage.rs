//! The stage that saves pictures of failed parts.

use super::writer::{PictureSink, SaveSettings, Shared};
use crate::buffer::Frame;
use crate::format::PixelFormat;
use crate::meta::FrameMeta;
use crate::stage::{Figure, Flow, Flush, Stage, StageContext, StageError, StageResults};
use crate::stages::writer::lock;
use crate::stages::{Key, KeyType};
use crate::sync::Ordering;
use crate::telemetry::Counter;
use crate::verdict::{Area, FrameVerdict, PartVerdict, VerdictBoard};
use std::sync::Arc;
use std::time::Duration;

/// How long the end of a run waits for the writer.
const FINISH_BOUND: Duration = Duration::from_secs(2);

/// Keys of `kind = "save"`.
pub const SAVE_KEYS: &[Key] = &[
    Key {
        name: "dir",
        value: KeyType::Text,
        default: "",
        about: "folder that the pictures go to; it is made if need be",
    },
    Key {
        name: "max_files",
        value: KeyType::Integer { min: 1, max: 1_000_000 },
        default: "200",
        about: "files that a run writes at most",
    },
    Key {
        name: "max_bytes",
        value: KeyType::Bytes { min: 1, max: 1 << 40 },
        default: "\"64MiB\"",
        about: "bytes that these files have at most, together",
    },
    Key {
        name: "margin",
        value: KeyType::Integer { min: 0, max: 4096 },
        default: "16",
        about: "pixels around a part that its picture shows",
    },
    Key {
        name: "depth",
        value: KeyType::Integer { min: 1, max: 1024 },
        default: "8",
        about: "pictures under way to the writer; beyond it pictures are skipped and counted",
    },
    Key {
        name: "from",
        value: KeyType::Text,
        default: "",
        about: "name of the inspect stage whose failed parts are saved; \
                without it the nearest one before",
    },
];

struct Figures {
    failed_parts: Counter,
    behind: Counter,
    beyond: Counter,
    other_format: Counter,
    unfinished: Counter,
    shared: Arc<Shared>,
    /// The writer is shared by a stage's workers: one of them reports it.
    reports_writer: bool,
}

impl StageResults for Figures {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        let writers = |c: &Counter| if self.reports_writer { c.get() } else { 0 };
        let error = lock(&self.shared.error).clone().unwrap_or_default();
        vec![
            ("failed_parts", Figure::Count(self.failed_parts.get())),
            ("saved", Figure::Count(writers(&self.shared.saved))),
            ("bytes", Figure::Count(writers(&self.shared.bytes))),
            ("skipped_behind", Figure::Count(self.behind.get())),
            ("skipped_bound", Figure::Count(self.beyond.get() + writers(&self.shared.beyond))),
            ("skipped_format", Figure::Count(self.other_format.get())),
            ("write_errors", Figure::Count(writers(&self.shared.failed))),
            ("unfinished", Figure::Count(self.unfinished.get())),
            ("error", Figure::Text(error)),
        ]
    }
}

/// Hands pictures of the parts that an inspection failed to a [`PictureWriter`](super::PictureWriter), and
/// passes every frame on.
///
/// `failed_parts` = `saved` + what was skipped because the writer was behind, because a bound was reached, or because
/// the frame is not Mono8, + `write_errors` + what is still under way. Nothing of it stops the line.
pub struct Save {
    sink: PictureSink,
    board: Arc<VerdictBoard>,
    verdict: Box<FrameVerdict>,
    figures: Arc<Figures>,
}

impl std::fmt::Debug for Save {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Save({} failed parts)", self.figures.failed_parts.get())
    }
}

impl Save {
    /// Saves into `sink` what the verdicts on `board` say. Of several workers that share a writer, exactly one
    /// has `reports_writer` set, so that its figures count once.
    pub fn new(sink: PictureSink, board: Arc<VerdictBoard>, reports_writer: bool) -> Self {
        let figures = Arc::new(Figures {
            failed_parts: Counter::default(),
            behind: Counter::default(),
            beyond: Counter::default(),
            other_format: Counter::default(),
            unfinished: Counter::default(),
            shared: sink.shared.clone(),
            reports_writer,
        });
        Save { sink, board, verdict: Box::default(), figures }
    }

    /// Hands one part over.
    fn part(&mut self, frame: &Frame, index: usize, verdict: &PartVerdict) {
        let meta = frame.meta();
        let f = &self.figures;
        f.failed_parts.bump();
        if meta.pixel_format != PixelFormat::MONO8 {
            return f.other_format.bump();
        }
        if self.sink.shared.full.load(Ordering::Acquire) {
            return f.beyond.bump();
        }
        let Ok(mut picture) = self.sink.free.pop() else { return f.behind.bump() };
        let crop = crop(meta, verdict, self.sink.margin, picture.pixels.len());
        let (x, width) = (usize::from(crop.x), usize::from(crop.width));
        let rows = picture.pixels.chunks_exact_mut(width.max(1)).take(usize::from(crop.height));
        for (y, out) in (u32::from(crop.y)..).zip(rows) {
            match frame.row(y).and_then(|row| row.get(x..x + width)) {
                Some(row) => out.copy_from_slice(row),
                None => out.fill(0), // Did not arrive.
            }
        }
        picture.crop = crop;
        (picture.frame_id, picture.sequence) = (meta.frame_id, meta.sequence);
        (picture.part, picture.verdict) = (index as u8, *verdict);
        // There is room: as many pictures go round as the ring has places.
        let _ = self.sink.pictures.push(picture);
    }
}

/// The part with a margin, within the frame; around the mark where that is more than `room` pixels.
fn crop(meta: &FrameMeta, verdict: &PartVerdict, margin: u16, room: usize) -> Area {
    let side = |frame: u32, at: u16, length: u16, mark: u16, mark_length: u16, most: u32| {
        let frame = frame.min(u32::from(u16::MAX));
        let first = u32::from(at.saturating_sub(margin)).min(frame);
        let end = (u32::from(at) + u32::from(length) + u32::from(margin)).min(frame).max(first);
        if end - first <= most {
            return (first as u16, (end - first) as u16);
        }
        let middle = u32::from(mark) + u32::from(mark_length) / 2;
        let from = middle.saturating_sub(most / 2).clamp(first, end - most);
        (from as u16, most as u16)
    };
    let (p, m) = (verdict.part, verdict.mark);
    let most = room.isqrt() as u32;
    let whole = |most_x: u32, most_y: u32| {
        let (x, width) = side(meta.width, p.x, p.width, m.x, m.width, most_x);
        let (y, height) = side(meta.height, p.y, p.height, m.y, m.height, most_y);
        Area { x, y, width, height }
    };
    let area = whole(u32::MAX, u32::MAX);
    if usize::from(area.width) * usize::from(area.height) <= room {
        return area;
    }
    whole(most, most)
}

impl Stage for Save {
    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call; copies the pixels of failed parts.
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        if self.board.find(frame.meta().sequence, &mut self.verdict) && self.verdict.failed() > 0 {
            for i in 0..self.verdict.parts().len() {
                let part = self.verdict.parts()[i];
                if part.defect.is_some() {
                    self.part(frame, i, &part);
                }
            }
        }
        Ok(Flow::Pass)
    }

    fn flush(&mut self, why: Flush) {
        if why == Flush::End && !self.sink.finish(FINISH_BOUND) {
            self.figures.unfinished.bump();
        }
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.figures.clone())
    }
}

impl SaveSettings {
    /// Those of a folder, everything else as where nobody says.
    pub fn new(dir: impl Into<std::path::PathBuf>) -> Self {
        SaveSettings {
            dir: dir.into(),
            max_files: Self::DEFAULT_MAX_FILES,
            max_bytes: Self::DEFAULT_MAX_BYTES,
            margin: Self::DEFAULT_MARGIN,
            depth: Self::DEFAULT_DEPTH,
        }
    }
}

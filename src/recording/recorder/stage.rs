//! The stage that hands frames to the recorder.

use super::state::{Job, Shared, lock};
use crate::buffer::Frame;
use crate::error::Error;
use crate::format::Geometry;
use crate::meta::Loss;
use crate::recording::segment::SegmentFile;
use crate::stage::{Figure, Flow, Flush, Stage, StageContext, StageError, StageResults};
use crate::stages::{Key, KeyType};
use crate::sync::{AtomicBool, Ordering};
use crate::telemetry::Counter;
use crate::verdict::{FrameVerdict, VerdictBoard};
use rtrb::{Producer, PushError};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a reset, or the end of a run, waits for the frames under way; and how long a frame waits for room.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause of a stage that waits for room.
const PAUSE: Duration = Duration::from_micros(200);

/// The longest time that a key may ask for: one day.
const LONGEST: u64 = 86_400_000_000_000;

/// Keys of `kind = "record"`.
pub const RECORD_KEYS: &[Key] = &[
    Key {
        name: "file",
        value: KeyType::Text,
        default: "",
        about: "the recording, NAME.flr; it must not exist, and further segments lie beside it; {start} in it is the time",
    },
    Key {
        name: "depth",
        value: KeyType::Integer { min: 1, max: 4096 },
        default: "8",
        about: "frames under way to the disk; they stay in their slots, so that the pool grows by as many",
    },
    Key {
        name: "behind",
        value: KeyType::Choice(&["auto", "count", "wait"]),
        default: "\"auto\"",
        about: "what becomes of a frame when so many are under way: it is counted as not written, or waits; \
                auto waits where the source does",
    },
    Key {
        name: "segment",
        value: KeyType::Bytes { min: 1 << 16, max: 1 << 50 },
        default: "\"2GiB\"",
        about: "bytes of one file, reserved ahead; another one follows",
    },
    Key {
        name: "segment_time",
        value: KeyType::Duration { min: 100_000_000, max: LONGEST },
        default: "",
        about: "time that one file covers at most",
    },
    Key {
        name: "keep_last",
        value: KeyType::Duration { min: 100_000_000, max: LONGEST },
        default: "",
        about: "keep the last so long and remove what is older",
    },
    Key {
        name: "keep_before",
        value: KeyType::Duration { min: 0, max: LONGEST },
        default: "",
        about: "keep only what was so long before an event, and after it; events are what on says",
    },
    Key {
        name: "keep_after",
        value: KeyType::Duration { min: 0, max: LONGEST },
        default: "",
        about: "see keep_before",
    },
    Key {
        name: "on",
        value: KeyType::Choice(&["any", "failed-part", "fault"]),
        default: "\"any\"",
        about: "which events count: a failed part, or a fault, reset or reconnection (time-outs alone do not), or any",
    },
    Key {
        name: "sync",
        value: KeyType::Duration { min: 0, max: LONGEST },
        default: "\"1s\"",
        about: "how often what is written is made durable; 0s: at the end only",
    },
    Key {
        name: "direct",
        value: KeyType::Bool,
        default: "true",
        about: "write past the page cache where the file system can",
    },
    Key {
        name: "from",
        value: KeyType::Text,
        default: "",
        about: "name of the inspect stage whose failed parts are events; without it the nearest one before",
    },
];

/// The stage's end of the recorder.
#[derive(Debug)]
pub(super) struct Sink {
    jobs: Producer<Job>,
    shared: Arc<Shared>,
    /// Handed over.
    pushed: u64,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Job({:?})", self.frame)
    }
}

impl Sink {
    pub fn new(jobs: Producer<Job>, shared: Arc<Shared>) -> Sink {
        Sink { jobs, shared, pushed: 0 }
    }

    /// Hands a frame over; `false`: too many are under way, or nothing can be written.
    fn push(&mut self, mut job: Job) -> bool {
        let mut until = None;
        loop {
            if self.shared.failed.load(Ordering::Acquire) {
                return false;
            }
            match self.jobs.push(job) {
                Ok(()) => {
                    self.pushed += 1;
                    return true;
                }
                Err(PushError::Full(back)) => job = back,
            }
            if !self.shared.settings.waits {
                return false;
            }
            let until = until.get_or_insert_with(|| Instant::now() + PATIENCE);
            if Instant::now() >= *until {
                return false;
            }
            std::thread::park_timeout(PAUSE);
        }
    }

    /// Waits until everything handed over is dealt with.
    fn drain(&self, until: Instant) -> bool {
        while self.shared.done.load(Ordering::Acquire) < self.pushed {
            // PAIR: recorded
            if Instant::now() >= until {
                return false;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        true
    }
}

struct Figures {
    shared: Arc<Shared>,
    /// Handed to the stage and not handed over: the stage's own count.
    behind: Counter,
    unfinished: Counter,
    /// The line is over, and the last file was not closed in time.
    late: AtomicBool,
}

impl StageResults for Figures {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        let s = &self.shared;
        let count = |a: &crate::sync::AtomicU64| Figure::Count(a.load(Ordering::Relaxed));
        let (error, direct) = {
            let state = lock(&s.state);
            let error = state.failure.as_ref().map(|(_, sentence)| sentence.clone());
            let file = state.open.back().map(|o| o.file.clone());
            (error, file.is_none_or(|f| SegmentFile::is_direct(&f)))
        };
        let not_written = s.not_written.load(Ordering::Relaxed) + self.behind.get();
        vec![
            ("recorded", count(&s.frames)),
            ("bytes", count(&s.bytes)),
            ("not_written", Figure::Count(not_written)),
            ("segments", count(&s.segments)),
            ("removed_segments", count(&s.removed)),
            ("removed_frames", count(&s.removed_frames)),
            ("events", count(&s.events)),
            ("events_dropped", count(&s.events_dropped)),
            ("triggers", count(&s.triggers)),
            ("copied", count(&s.copied)),
            ("write_errors", count(&s.write_errors)),
            ("unfinished", Figure::Count(self.unfinished.get())),
            (
                "unclosed",
                Figure::Count(u64::from(self.late.load(Ordering::Relaxed) && !s.is_closed())),
            ),
            ("way", Figure::Text(if direct { "direct" } else { "buffered" }.into())),
            ("error", Figure::Text(error.unwrap_or_default())),
        ]
    }
}

/// Records every frame that comes to it, and passes it on. See [`Recorder`](super::Recorder).
///
/// `frames that came` = `recorded` + `not_written` + what is under way; of those recorded, `removed_frames` were in segments
/// that were not to be kept. Nothing of it stops the line.
pub struct RecordStage {
    /// Gone after the end: then the writers end, too.
    sink: Option<Sink>,
    verdicts: Option<(Arc<VerdictBoard>, Box<FrameVerdict>)>,
    figures: Arc<Figures>,
    /// Not handed over since the last frame that was.
    missed: Missed,
}

/// What the next frame that is handed over tells of those before it that were not.
#[derive(Debug, Clone, Copy, Default)]
struct Missed {
    frames: u32,
    /// Lost before them.
    before: Loss,
    by_hops: u32,
    /// A part on one of them failed.
    failed: bool,
}

impl std::fmt::Debug for RecordStage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordStage({:?})", self.figures.shared)
    }
}

impl RecordStage {
    pub(super) fn new(sink: Sink) -> RecordStage {
        let figures = Arc::new(Figures {
            shared: sink.shared.clone(),
            behind: Counter::default(),
            unfinished: Counter::default(),
            late: AtomicBool::new(false),
        });
        RecordStage { sink: Some(sink), verdicts: None, figures, missed: Missed::default() }
    }

    /// Parts that failed, by the verdicts on `board`, are events.
    pub fn with_verdicts(mut self, board: Arc<VerdictBoard>) -> Self {
        self.verdicts = Some((board, Box::default()));
        self
    }
}

impl Stage for RecordStage {
    /// Makes the first file, with its room reserved.
    fn prepare(&mut self, input: &Geometry) -> Result<Geometry, Error> {
        super::begin(&self.figures.shared, *input)?;
        Ok(*input)
    }

    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call; the payload is not touched. Waits for room only if that
    /// was asked for.
    fn process(
        &mut self,
        frame: &mut Frame,
        cx: &mut StageContext<'_>,
    ) -> Result<Flow, StageError> {
        self.figures.shared.begun.store(true, Ordering::Relaxed);
        let failed = match &mut self.verdicts {
            Some((board, verdict)) => {
                board.find(frame.meta().sequence, verdict) && verdict.failed() > 0
            }
            None => false,
        };
        // A failed part keeps what is around it also where its own frame finds no room.
        let owed = Missed {
            frames: self.missed.frames,
            before: self.missed.before.and(frame.meta().lost_before),
            by_hops: self.missed.by_hops.saturating_add(cx.loss_before().hop),
            failed: self.missed.failed || failed,
        };
        let pushed = match (&mut self.sink, frame.to_shared()) {
            (Some(sink), Ok(frame)) => sink.push(Job {
                frame,
                lost_before: owed.before,
                lost_by_hops: owed.by_hops,
                not_written: owed.frames,
                failed: owed.failed,
            }),
            _ => false,
        };
        self.missed = Missed::default();
        if !pushed {
            self.missed = Missed { frames: owed.frames.saturating_add(1), ..owed };
            self.figures.behind.bump();
        }
        Ok(Flow::Pass)
    }

    fn flush(&mut self, why: Flush) {
        let until = Instant::now() + PATIENCE;
        let Some(sink) = &self.sink else { return };
        let whole = sink.drain(until);
        if why == Flush::End {
            self.figures.shared.begun.store(true, Ordering::Release);
            // What was missed last has no frame to travel with.
            let shared = self.figures.shared.clone();
            {
                let mut state = lock(&shared.state);
                let missed = std::mem::take(&mut self.missed).frames;
                state.not_written = state.not_written.saturating_add(missed);
            }
            self.sink = None;
            while !shared.ended.load(Ordering::Acquire) {
                if Instant::now() >= until {
                    self.figures.late.store(true, Ordering::Relaxed);
                    break;
                }
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
        if !whole {
            self.figures.unfinished.bump();
        }
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.figures.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Recorder, RecorderSettings};
    use super::*;
    use crate::clock::HostTime;
    use crate::format::PixelFormat;
    use crate::recording::Head;
    use crate::recording::format::{Texts, WallClock};
    use crate::source::FrameIdRule;
    use crate::stages::frame_of;
    use crate::verdict::{Area, Defect, PartVerdict};

    #[test]
    fn what_finds_no_room_is_told_with_the_next_frame() {
        // Catches losses, and a failed part, that are forgotten with a frame that was not handed over.
        let g = Geometry::new(40, 40, PixelFormat::MONO8);
        let head = Head {
            geometry: g,
            max_payload_bytes: 0,
            id_rule: FrameIdRule::default(),
            started: WallClock::at(HostTime(0)),
            texts: Texts::default(),
        };
        let settings = RecorderSettings { depth: 1, ..RecorderSettings::new("never-made.flr") };
        // Nobody begins it: a frame that was handed over stays where it is.
        let mut recorder = Recorder::new(settings, head, 1600);
        let board = Arc::new(VerdictBoard::new());
        let mut stage = recorder.stage().with_verdicts(board.clone());
        let (good, mut failed) = (FrameVerdict::default(), FrameVerdict::default());
        let part = Area { x: 4, y: 30, width: 8, height: 8 };
        let defect = Some(Defect::Scratch);
        assert!(failed.push(PartVerdict { part, defect, mark: part, pixels: 3, score: 2.0 }));
        let mut jobs = Vec::new();
        for sequence in 0..6 {
            let (mut frame, _pool) = frame_of(&g, &[7; 1600]);
            let meta = frame.meta_mut().unwrap();
            meta.sequence = sequence;
            meta.lost_before = Loss { device: 2, underrun: 1, rejected: 3 };
            let verdict = if sequence == 2 { &failed } else { &good };
            board.post(sequence, verdict);
            let _ = stage.process(&mut frame, &mut StageContext::new(HostTime(0), None)).unwrap();
            if sequence >= 3 {
                jobs.push(lock(&stage.figures.shared.state).ring.pop().unwrap());
            }
        }
        let told: Vec<_> = jobs.iter().map(|j| (j.not_written, j.lost_before, j.failed)).collect();
        let loss = |n| Loss { device: 2 * n, underrun: n, rejected: 3 * n };
        // The first one took the only place; 1 to 3 found none.
        assert_eq!(told, [(0, loss(1), false), (3, loss(4), true), (0, loss(1), false)]);
        let behind = stage.figures.behind.get();
        assert_eq!((behind, stage.missed.frames), (3, 0));
    }
}

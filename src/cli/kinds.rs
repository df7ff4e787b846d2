//! The kinds of stages that a configuration may name, their keys, and how they are made.

use super::boards::{Board, Reads, Topic};
use super::fields::Fields;
use super::image_kinds::{ImageKind, ImageMaker};
use super::record_kind::{RecordKind, SourceFacts};
use super::{reference, resolve};
use crate::error::Error;
use crate::format::Geometry;
use crate::recording::{RECORD_KEYS, Recorder};
use crate::sim::{Judge, SimConfig, Verify, VerifyConfig};
use crate::stage::Stage;
use crate::stages::inspect::Reference;
use crate::stages::{
    BIN_KEYS, CROP_KEYS, DELAY_KEYS, DEMOSAIC_KEYS, Delay, DelayMode, DelaySettings, FAIL_KEYS,
    FLAT_FIELD_KEYS, Fail, FailMode, FailSettings, Gallery, INSPECT_KEYS, Inspect, Key, KeyType,
    PictureWriter, RESULTS_KEYS, RecordWriter, Results, SAVE_KEYS, Save, SaveSettings,
    THRESHOLD_KEYS, Threshold, UNPACK_KEYS, WriterSettings,
};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Keys of `kind = "verify"`.
pub const VERIFY_KEYS: &[Key] = &[
    Key {
        name: "seed",
        value: KeyType::Integer { min: 0, max: i64::MAX },
        default: "",
        about: "seed of the pattern; without it that of the simulated source",
    },
    Key {
        name: "every",
        value: KeyType::Integer { min: 1, max: 1_000_000 },
        default: "1",
        about: "the bytes of every n-th frame are checked; the order of all is",
    },
    Key {
        name: "fail_on_bad",
        value: KeyType::Bool,
        default: "false",
        about: "give up frames whose content is wrong, as invalid, instead of only counting them",
    },
];

/// Keys of `kind = "judge"`.
pub const JUDGE_KEYS: &[Key] = &[Key {
    name: "from",
    value: KeyType::Text,
    default: "",
    about: "the inspect stage whose verdicts are judged; without it the nearest before this one",
}];

/// Names of the kinds, in the order of [`KINDS`].
pub const NAMES: &[&str] = &[
    "verify",
    "threshold",
    "unpack",
    "demosaic",
    "flat_field",
    "crop",
    "bin",
    "inspect",
    "judge",
    "results",
    "record",
    "save",
    "delay",
    "fail",
];

/// The kinds, what each does, and its keys.
pub const KINDS: &[(&str, &str, &[Key])] = &[
    ("verify", "checks each frame against the simulated pattern that it must hold", VERIFY_KEYS),
    ("threshold", "counts the pixels above a level; mean, smallest, largest", THRESHOLD_KEYS),
    ("unpack", "makes whole bytes of packed pixels with 10 and 12 bits", UNPACK_KEYS),
    ("demosaic", "makes colours of a Bayer mosaic", DEMOSAIC_KEYS),
    ("flat_field", "evens out light and sensor, or takes the background away", FLAT_FIELD_KEYS),
    ("crop", "keeps a part of each image", CROP_KEYS),
    ("bin", "joins squares of pixels", BIN_KEYS),
    ("inspect", "judges each part against a taught reference", INSPECT_KEYS),
    ("judge", "holds verdicts against the truth of the simulated conveyor", JUDGE_KEYS),
    ("results", "records one line a frame in a file", RESULTS_KEYS),
    ("record", "records frames, to be replayed", RECORD_KEYS),
    ("save", "saves pictures of failed parts", SAVE_KEYS),
    ("delay", "takes its time on purpose", DELAY_KEYS),
    ("fail", "errs, panics or hangs on purpose", FAIL_KEYS),
];

/// What a stage is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Checks frames against the simulated pattern.
    Verify {
        /// Seed of the pattern; `None`: the source's.
        seed: Option<u64>,
        /// Checks the bytes of every n-th frame.
        every: u64,
        /// Gives wrong frames up.
        fail_on_bad: bool,
    },
    /// Measures.
    Threshold {
        /// Pixels above it count.
        level: Option<u16>,
    },
    /// Makes an image.
    Image(ImageKind),
    /// Judges parts.
    Inspect {
        /// The file of its reference; `None`: learnt at start from a simulated conveyor.
        reference: Option<PathBuf>,
    },
    /// Saves pictures of failed parts.
    Save {
        /// Where to, and how many.
        settings: SaveSettings,
        /// The inspecting stage whose failed parts it saves.
        from: Option<String>,
    },
    /// Compares verdicts with the simulated line's truth.
    Judge {
        /// The stage whose verdicts are judged.
        from: Option<String>,
    },
    /// Records.
    Results {
        /// Where to.
        writer: WriterSettings,
        /// The stage whose measurements or verdicts it records.
        from: Option<String>,
    },
    /// Records frames.
    Record(RecordKind),
    /// Takes its time.
    Delay(DelaySettings),
    /// Fails.
    Fail(FailSettings),
}

/// The keys of a kind.
pub fn keys_of(kind: &str) -> &'static [Key] {
    KINDS.iter().find(|(name, ..)| *name == kind).map_or(&[], |(.., keys)| keys)
}

impl Kind {
    /// The kind that checked keys describe.
    pub fn from_fields(kind: &str, f: &Fields) -> Result<Kind, Error> {
        if let Some(image) = ImageKind::from_fields(kind, f)? {
            return Ok(Kind::Image(image));
        }
        let time = |key| f.duration(key).unwrap_or_default();
        Ok(match kind {
            "verify" => Kind::Verify {
                seed: f.integer("seed"),
                every: f.integer("every").unwrap_or(1),
                fail_on_bad: f.bool("fail_on_bad"),
            },
            "threshold" => {
                Kind::Threshold { level: f.integer("level").and_then(|n| u16::try_from(n).ok()) }
            }
            "inspect" => Kind::Inspect { reference: f.text("reference").map(Into::into) },
            "save" => {
                let Some(dir) = f.text("dir") else {
                    return Err(f.error("dir", "must name a folder for the pictures"));
                };
                let bytes = |key| f.bytes(key).and_then(|n| u64::try_from(n).ok());
                let settings = SaveSettings {
                    dir: dir.into(),
                    max_files: f.integer("max_files").unwrap_or(SaveSettings::DEFAULT_MAX_FILES),
                    max_bytes: bytes("max_bytes").unwrap_or(SaveSettings::DEFAULT_MAX_BYTES),
                    margin: f
                        .integer("margin")
                        .and_then(|n| u16::try_from(n).ok())
                        .unwrap_or(SaveSettings::DEFAULT_MARGIN),
                    depth: f.size("depth").unwrap_or(SaveSettings::DEFAULT_DEPTH),
                };
                Kind::Save { settings, from: f.text("from").map(Into::into) }
            }
            "judge" => Kind::Judge { from: f.text("from").map(Into::into) },
            "results" => {
                let writer = WriterSettings {
                    json: f.text("json").map(Into::into),
                    csv: f.text("csv").map(Into::into),
                    depth: f.size("depth").unwrap_or(WriterSettings::DEFAULT_DEPTH),
                    row_per_part: false,
                };
                if writer.json.is_none() && writer.csv.is_none() {
                    return Err(f.error("json", "or csv must name a file to record results in"));
                }
                if writer.json == writer.csv {
                    return Err(f.error("csv", "must not be the file that json names"));
                }
                Kind::Results { writer, from: f.text("from").map(Into::into) }
            }
            "record" => Kind::Record(RecordKind::from_fields(f)?),
            "delay" => Kind::Delay(DelaySettings {
                time: time("time"),
                mode: match f.text("mode") {
                    Some("sleep") => DelayMode::Sleep,
                    _ => DelayMode::Busy,
                },
                jitter: time("jitter"),
                seed: f.integer("seed").unwrap_or_default(),
                every: f.integer("every").unwrap_or(1),
            }),
            _ => Kind::Fail(FailSettings {
                mode: match f.text("mode") {
                    Some("panic") => FailMode::Panic,
                    Some("hang") => FailMode::Hang,
                    _ => FailMode::Error,
                },
                at: f.integers("at"),
                every: f.integer("every").unwrap_or_default(),
                hang: f.duration("hang").unwrap_or(Duration::ZERO),
            }),
        })
    }

    /// What it leaves for later stages.
    pub fn posts(&self) -> Option<Topic> {
        match self {
            Kind::Threshold { .. } => Some(Topic::Measurements),
            Kind::Inspect { .. } => Some(Topic::Verdicts),
            _ => None,
        }
    }

    /// What it reads from an earlier stage.
    pub fn reads(&self) -> Option<Reads<'_>> {
        match self {
            Kind::Results { from, .. } => Some(Reads {
                from: from.as_deref(),
                topics: &[Topic::Measurements, Topic::Verdicts],
                needed: false,
            }),
            Kind::Record(record) if record.watches_parts() => Some(Reads {
                from: record.from.as_deref(),
                topics: &[Topic::Verdicts],
                needed: record.from.is_some(),
            }),
            Kind::Save { from, .. } | Kind::Judge { from } => {
                Some(Reads { from: from.as_deref(), topics: &[Topic::Verdicts], needed: true })
            }
            _ => None,
        }
    }

    /// Frames that it may hold beyond its turn, by its nature.
    pub fn holds(&self) -> usize {
        match self {
            Kind::Record(record) => record.holds(),
            _ => 0,
        }
    }

    /// Whether frames come out of it as other images than they went in.
    pub fn makes_images(&self) -> bool {
        !matches!(
            self,
            Kind::Verify { .. }
                | Kind::Threshold { .. }
                | Kind::Inspect { .. }
                | Kind::Save { .. }
                | Kind::Judge { .. }
                | Kind::Results { .. }
                | Kind::Record(_)
                | Kind::Delay(_)
                | Kind::Fail(_)
        )
    }

    /// Opens what the stage needs: files, a pattern. Its instances are then made one a worker.
    pub fn open(
        &self,
        around: &Surroundings,
        workers: usize,
        board: Option<Board>,
    ) -> Result<Maker, Error> {
        if matches!(self, Kind::Judge { .. })
            && !around.sim.as_ref().is_some_and(SimConfig::shows_conveyor)
        {
            return Err(Error::config(
                "judge knows the truth of the simulated conveyor only; leave the stage out, or use a sim: source that shows it",
            ));
        }
        let writer = match self {
            Kind::Results { writer, .. } => Some(RecordWriter::open(&WriterSettings {
                row_per_part: matches!(board, Some(Board::Verdicts(_))),
                ..writer.clone()
            })?),
            _ => None,
        };
        let image = match self {
            Kind::Image(image) => Some(image.open(workers)?),
            _ => None,
        };
        let pictures = match self {
            Kind::Save { settings, .. } => {
                Some(PictureWriter::open(settings, &around.geometry, around.gallery.clone())?)
            }
            _ => None,
        };
        let reference = match self {
            Kind::Inspect { reference: Some(path) } => Some(Arc::new(reference::read(path)?)),
            Kind::Inspect { reference: None } => {
                Some(around.reference.clone().ok_or_else(|| {
                    Error::config(
                        "reference must name a file that frameline teach wrote; \
                     only a simulated conveyor is learnt without",
                    )
                })?)
            }
            _ => None,
        };
        let recorder = match self {
            Kind::Record(record) => Some(Mutex::new(record.open(workers, around.source.as_ref())?)),
            _ => None,
        };
        let kind = self.clone();
        Ok(Maker {
            kind,
            around: around.clone(),
            workers,
            board,
            writer,
            pictures,
            reference,
            image,
            recorder,
        })
    }
}

/// What stages may know and use beyond their own keys.
#[derive(Debug, Clone)]
pub struct Surroundings {
    sim: Option<SimConfig>,
    /// Frames come again from the beginning.
    rounds: bool,
    geometry: Geometry,
    gallery: Arc<Gallery>,
    reference: Option<Arc<Reference>>,
    source: Option<SourceFacts>,
}

impl Surroundings {
    /// Those of a source, with the list of the run's pictures.
    pub fn new(uri: &str, geometry: Geometry, gallery: Arc<Gallery>) -> Self {
        let sim = SimConfig::from_uri(&resolve::camera(uri)).ok();
        let rounds = resolve::comes_again(uri);
        Surroundings { sim, rounds, geometry, gallery, reference: None, source: None }
    }

    /// What a recording says of the source.
    pub fn with_source(mut self, source: SourceFacts) -> Self {
        self.source = Some(source);
        self
    }

    /// The reference of an inspecting stage that names no file.
    pub fn with_reference(mut self, reference: Option<Arc<Reference>>) -> Self {
        self.reference = reference;
        self
    }

    /// Where stages that save pictures list them.
    pub fn gallery(&self) -> &Arc<Gallery> {
        &self.gallery
    }
}

/// Makes the instances of one stage.
#[derive(Debug)]
pub struct Maker {
    kind: Kind,
    around: Surroundings,
    workers: usize,
    board: Option<Board>,
    writer: Option<RecordWriter>,
    image: Option<ImageMaker>,
    pictures: Option<PictureWriter>,
    reference: Option<Arc<Reference>>,
    recorder: Option<Mutex<Recorder>>,
}

impl Maker {
    /// The recorder of a stage that records.
    pub fn recorder(&self) -> Option<MutexGuard<'_, Recorder>> {
        self.recorder.as_ref().map(|r| r.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The instance of one worker.
    pub fn make(&self, worker: usize) -> Box<dyn Stage> {
        match &self.kind {
            Kind::Verify { seed, every, fail_on_bad } => {
                let sim = self.around.sim.clone().unwrap_or_default();
                let mut stage = Verify::new(VerifyConfig {
                    seed: seed.unwrap_or(sim.seed),
                    look: sim.look,
                    every: *every,
                    fail_on_bad: *fail_on_bad,
                    stamped: sim.stamp,
                    workers: self.workers,
                    rounds: self.around.rounds,
                });
                // A picture too large to render ahead is counted by the stage as unchecked. The one that
                // comes first is prepared last, so that it is at hand.
                let sent: Vec<_> = sim.geometries().skip(1).collect();
                for geometry in sent.iter().chain([&self.around.geometry]) {
                    let _ = stage.prepare(geometry);
                }
                Box::new(stage)
            }
            Kind::Threshold { level } => {
                let stage = Threshold::new(*level);
                match &self.board {
                    Some(Board::Measurements(board)) => Box::new(stage.with_board(board.clone())),
                    _ => Box::new(stage),
                }
            }
            Kind::Image(_) => match &self.image {
                Some(image) => image.make(),
                None => unreachable!("an image stage was opened with its maker"),
            },
            Kind::Inspect { .. } => match (&self.reference, &self.board) {
                (Some(reference), Some(Board::Verdicts(board))) => {
                    Box::new(Inspect::new(reference.clone()).with_board(board.clone()))
                }
                (Some(reference), _) => Box::new(Inspect::new(reference.clone())),
                (None, _) => unreachable!("an inspect stage was opened with its reference"),
            },
            Kind::Save { .. } => match (&self.pictures, &self.board) {
                (Some(writer), Some(Board::Verdicts(board))) => {
                    Box::new(Save::new(writer.sink(), board.clone(), worker == 0))
                }
                _ => unreachable!("a save stage was opened with its writer and a board"),
            },
            Kind::Judge { from } => {
                let camera = self.around.sim.clone().unwrap_or_default();
                let board = match &self.board {
                    Some(Board::Verdicts(board)) => board.clone(),
                    _ => unreachable!("a judge was checked to have verdicts to read"),
                };
                Box::new(Judge::new(camera, board, from.as_deref().unwrap_or_default()))
            }
            Kind::Results { .. } => match &self.writer {
                Some(writer) => {
                    let stage = Results::new(writer.sink(), worker == 0);
                    match &self.board {
                        Some(Board::Measurements(board)) => {
                            Box::new(stage.with_board(board.clone()))
                        }
                        Some(Board::Verdicts(board)) => {
                            Box::new(stage.with_verdicts(board.clone()))
                        }
                        None => Box::new(stage),
                    }
                }
                None => unreachable!("a results stage was opened with its writer"),
            },
            Kind::Record(_) => match (self.recorder(), &self.board) {
                (Some(mut recorder), Some(Board::Verdicts(board))) => {
                    Box::new(recorder.stage().with_verdicts(board.clone()))
                }
                (Some(mut recorder), _) => Box::new(recorder.stage()),
                (None, _) => unreachable!("a record stage was opened with its recorder"),
            },
            Kind::Delay(settings) => {
                let seed = settings.seed.wrapping_add(worker as u64);
                Box::new(Delay::new(DelaySettings { seed, ..settings.clone() }))
            }
            Kind::Fail(settings) => Box::new(Fail::new(settings.clone())),
        }
    }
}

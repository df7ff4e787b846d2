//! Records a line at the disk's speed: a stage hands frames over, threads of its own write them straight from their
//! slots.
//!
//! ```text
//! stage --(ring of jobs)--> fl-record-0, fl-record-1 --payload--> disk      both: checksum, direct write
//!                           fl-record-commit: commits what they have written, in the order of the frames
//!                           fl-record-files: next segment ahead, durability points, closing, what is not to be kept
//! ```
//!
//! The stage thread does no more than push a handle. While one writer waits for the disk the other makes the checksum of
//! the next payload; what they have finished is committed in the order of the frames, by a thread of its own.

mod commit;
mod events;
mod keep;
mod keeper;
mod stage;
mod state;
mod turns;
mod work;

pub use keep::Keep;
pub use stage::{RECORD_KEYS, RecordStage};

use super::chain::{Chain, Head, KEPT, Rule};
use crate::error::{Error, ErrorKind};
use crate::fault::{Incident, Witness};
use crate::format::Geometry;
use crate::sync::Ordering;
use crate::touch;
use rtrb::RingBuffer;
use stage::Sink;
use state::{Open, Shared, State, lock};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Threads that write payloads: while one waits for the disk the other makes a checksum.
const WRITERS: usize = 2;
/// How long a recorder that is dropped waits for its threads. A file system that hangs must not hang the program.
const END_BOUND: Duration = Duration::from_secs(60);

/// How a recording is made. The line's pool should be one of advised huge pages
/// ([`HugePages::Advise`](crate::buffer::HugePages)): on ordinary ones the disk gets more and smaller requests.
#[derive(Debug, Clone, PartialEq)]
pub struct RecorderSettings {
    /// The first file; more segments lie beside it.
    pub path: PathBuf,
    /// How large segments are.
    pub rule: Rule,
    /// Time that a segment covers at most; `None`: no limit.
    pub segment_time: Option<Duration>,
    /// What is kept.
    pub keep: Keep,
    /// Frames that may be under way to the disk, at least 1; part of the pool's arithmetic.
    pub depth: usize,
    /// A frame that finds so many under way waits; else it is counted as not written.
    pub waits: bool,
    /// How often what is written is made durable (`fdatasync`); zero: at the end only.
    pub sync: Duration,
}

impl RecorderSettings {
    /// Frames under way where nobody says.
    pub const DEFAULT_DEPTH: usize = 8;
    /// Time between durability points where nobody says.
    pub const DEFAULT_SYNC: Duration = Duration::from_secs(1);

    /// Those of a file, everything else as where nobody says.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        RecorderSettings {
            path: path.into(),
            rule: Rule::default(),
            segment_time: None,
            keep: Keep::All,
            depth: Self::DEFAULT_DEPTH,
            waits: false,
            sync: Self::DEFAULT_SYNC,
        }
    }

    /// Frames of the line that recording may hold at once: for [`StageSpec::holds`](crate::StageSpec).
    pub fn holds(&self) -> usize {
        self.depth + WRITERS + turns::AHEAD
    }
}

/// Writes what one [`RecordStage`] hands over. Its files are complete after the line's end, or when it is dropped.
#[derive(Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
    sink: Option<Sink>,
}

/// Tells whether a recording came to an end before its line.
#[derive(Debug, Clone)]
pub struct RecorderAlarm(Arc<Shared>);

impl RecorderAlarm {
    /// Whether nothing can be written any more: the disk is full, or failed.
    pub fn has_failed(&self) -> bool {
        self.0.failed.load(Ordering::Acquire)
    }

    /// Waits until its last file is closed, at most for `bound`, and returns whether it is. One that never began has
    /// none. Any thread; blocks.
    pub fn wait_closed(&self, bound: Duration) -> bool {
        let until = Instant::now() + bound;
        while !self.0.is_closed() {
            if Instant::now() >= until {
                return false;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        true
    }
}

impl Recorder {
    /// A recorder of what `head` describes; `payload_bytes` is what a frame of that geometry needs. It makes its first
    /// file when its stage is [prepared](crate::stage::Stage::prepare), which is before the line starts.
    pub fn new(settings: RecorderSettings, head: Head, payload_bytes: u64) -> Self {
        let (jobs, ring) = touch::ring(RingBuffer::new(settings.depth.max(1)));
        let shared = Arc::new(Shared::new(settings, head, payload_bytes, State::new(ring)));
        Recorder { sink: Some(Sink::new(jobs, shared.clone())), shared }
    }

    /// The stage that hands frames over. There is one: a recording has one order.
    ///
    /// # Panics
    /// If it was asked for before.
    pub fn stage(&mut self) -> RecordStage {
        RecordStage::new(self.sink.take().expect("a recorder has one stage"))
    }

    /// What is to be told of the line's faults and resets ([`LineBuilder::witness`](crate::LineBuilder::witness)).
    pub fn witness(&self) -> Arc<dyn Witness> {
        self.shared.clone()
    }

    /// Who asks whether it still records.
    pub fn alarm(&self) -> RecorderAlarm {
        RecorderAlarm(self.shared.clone())
    }
}

/// Makes the first file, with its room reserved, and starts the threads. No room, and a file that is there already, are
/// errors.
fn begin(shared: &Arc<Shared>, geometry: Geometry) -> Result<(), Error> {
    let mut threads = lock(&shared.threads);
    if !threads.is_empty() {
        return Ok(());
    }
    let of_the_source = geometry == shared.head.geometry;
    let payload = if of_the_source { shared.payload_bytes } else { geometry.image_bytes() };
    let mut head = Head { geometry, ..shared.head.clone() };
    if shared.settings.keep != Keep::All {
        // A reader must tell segments that were removed from those that are lost.
        head.texts.host.push(format!("{KEPT}={}", shared.settings.keep.name()));
    }
    let mut chain = Chain::new(&shared.settings.path, head, shared.settings.rule)?.recorded_live();
    let first = chain.open_next(payload, 0)?;
    // A file system that cannot is none that could keep it through a power cut.
    let _ = first.sync_name();
    *lock(&shared.chain) = Some(chain);
    lock(&shared.state).open.push_back(Open::new(first));
    let mut spawn = |name: String, body: fn(&Shared)| {
        let own = shared.clone();
        let thread = std::thread::Builder::new().name(name).spawn(move || body(&own));
        threads.push(thread.map_err(|e| {
            Error::with_source(ErrorKind::State, "the recorder's threads cannot be started", e)
        })?);
        Ok(())
    };
    for n in 0..WRITERS {
        spawn(format!("fl-record-{n}"), work::write_all)?;
    }
    spawn("fl-record-commit".into(), commit::commit_all)?;
    spawn("fl-record-files".into(), keeper::keep_files)
}

impl Witness for Shared {
    fn saw(&self, incident: &Incident) {
        self.note_incident(incident);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.sink = None;
        let threads = std::mem::take(&mut *lock(&self.shared.threads));
        if threads.is_empty() {
            return;
        }
        let until = Instant::now() + END_BOUND;
        while !self.shared.ended.load(Ordering::Acquire) && Instant::now() < until {
            // A stage that still lives keeps the threads: they end with it.
            if !lock(&self.shared.state).ring.is_abandoned() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        if self.shared.ended.load(Ordering::Acquire) {
            threads.into_iter().for_each(|t| drop(t.join()));
        }
    }
}

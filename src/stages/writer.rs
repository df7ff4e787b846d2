//! The thread that formats records and writes them to files, off the hot path.

use super::Record;
use crate::error::Error;
use crate::sync::{AtomicBool, Ordering};
use crate::telemetry::Counter;
use crate::touch;
use crate::verdict::{MAX_PARTS, PartVerdict};
use rtrb::{Consumer, Producer, RingBuffer};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the writer looks for records. Hot threads never wake it: that would be a system call.
const LOOK: Duration = Duration::from_millis(5);
/// Records taken from one ring before they are written.
const BATCH: usize = 512;
/// Verdicts that may be under way for each record, on the mean.
const PARTS_A_RECORD: usize = 8;

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterSettings {
    /// File of JSON lines.
    pub json: Option<PathBuf>,
    /// CSV file.
    pub csv: Option<PathBuf>,
    /// Records that each sink may have under way, at least 1.
    pub depth: usize,
    /// The CSV file has a row for each part that was judged, not one for each frame.
    pub row_per_part: bool,
}

impl WriterSettings {
    /// Records under way where nobody says: four seconds of a thousand frames a second.
    pub const DEFAULT_DEPTH: usize = 4096;
}

/// What the writer and its sinks share. The counters are the writer thread's.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub written: Counter,
    pub failed: Counter,
    /// Records taken out of the rings and dealt with, written or failed.
    done: Counter,
    pub error: Mutex<Option<String>>,
    rings: Mutex<Vec<Rings>>,
    stop: AtomicBool,
    ended: AtomicBool,
}

/// What one sink fills: records, and behind each the verdicts on its parts.
#[derive(Debug)]
struct Rings {
    records: Consumer<Record>,
    parts: Consumer<PartVerdict>,
}

/// A lock that a panic elsewhere cannot spoil: what it guards is valid at every step.
pub(super) fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Appends a record and the verdicts on its parts to a buffer.
type Format = fn(&Record, &[PartVerdict], &mut Vec<u8>);

struct Output {
    file: File,
    path: PathBuf,
    write: Format,
    buffer: Vec<u8>,
}

impl Output {
    fn create(path: &PathBuf, header: &str, write: Format) -> Result<Output, Error> {
        let unwritable = |e: std::io::Error| {
            Error::config(format!("the results file {} cannot be written: {e}", path.display()))
        };
        let mut file = File::create(path).map_err(unwritable)?;
        file.write_all(header.as_bytes()).map_err(unwritable)?;
        Ok(Output { file, path: path.clone(), write, buffer: Vec::with_capacity(64 * 1024) })
    }
}

/// Writes the records of any number of sinks. Its files are complete when it is dropped, or after
/// [`RecordSink::finish`].
#[derive(Debug)]
pub struct RecordWriter {
    shared: Arc<Shared>,
    depth: usize,
    thread: Option<JoinHandle<()>>,
}

impl RecordWriter {
    /// Creates the files and starts the writer. A file that cannot be created is a configuration error.
    pub fn open(settings: &WriterSettings) -> Result<Self, Error> {
        let mut outputs = Vec::new();
        if let Some(path) = &settings.json {
            outputs.push(Output::create(path, "", Record::write_json)?);
        }
        if let Some(path) = &settings.csv {
            outputs.push(match settings.row_per_part {
                true => Output::create(path, Record::PARTS_CSV_HEADER, Record::write_parts_csv)?,
                false => Output::create(path, Record::CSV_HEADER, |r, _, out| r.write_csv(out))?,
            });
        }
        let shared = Arc::new(Shared::default());
        let own = shared.clone();
        let thread = std::thread::Builder::new()
            .name("fl-results".into())
            .spawn(move || {
                write_all(&own, &mut outputs);
                own.ended.store(true, Ordering::Release);
            })
            .map_err(|e| {
                Error::with_source(
                    crate::ErrorKind::State,
                    "the results writer cannot be started",
                    e,
                )
            })?;
        Ok(RecordWriter { shared, depth: settings.depth.max(1), thread: Some(thread) })
    }

    /// One more sink, for one stage instance. Its rings are allocated and touched here.
    pub fn sink(&self) -> RecordSink {
        let (records, theirs) = touch::ring(RingBuffer::new(self.depth));
        let verdicts = (self.depth * PARTS_A_RECORD).clamp(MAX_PARTS, 1 << 20);
        let (parts, their_parts) = touch::ring(RingBuffer::new(verdicts));
        lock(&self.shared.rings).push(Rings { records: theirs, parts: their_parts });
        RecordSink { records, parts, shared: self.shared.clone() }
    }
}

impl Drop for RecordWriter {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else { return };
        thread.thread().unpark();
        // Stages that still push keep the thread: it ends with the last of them.
        if lock(&self.shared.rings).iter().any(|r| !r.records.is_abandoned()) {
            return;
        }
        // A file system that hangs must not hang the program: then the thread is left behind.
        let until = Instant::now() + Duration::from_secs(2);
        while !self.shared.ended.load(Ordering::Acquire) && Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        if self.shared.ended.load(Ordering::Acquire) {
            let _ = thread.join();
        }
    }
}

/// The end that a stage pushes into.
#[derive(Debug)]
pub struct RecordSink {
    records: Producer<Record>,
    parts: Producer<PartVerdict>,
    pub(super) shared: Arc<Shared>,
}

impl RecordSink {
    /// Hands a record over; `false` if too many are under way.
    ///
    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call.
    #[inline]
    pub fn push(&mut self, record: Record) -> bool {
        self.push_judged(Record { parts: None, ..record }, &[])
    }

    /// Hands a record over with the verdicts on its parts; `false` if too many are under way.
    ///
    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call.
    pub fn push_judged(&mut self, record: Record, parts: &[PartVerdict]) -> bool {
        if self.records.slots() == 0 || self.parts.slots() < parts.len() {
            return false;
        }
        // Before the record: whoever takes that finds them.
        let pushed = parts.iter().filter(|p| self.parts.push(**p).is_ok()).count();
        let parts = record.parts.map(|_| pushed as u8);
        self.records.push(Record { parts, ..record }).is_ok()
    }

    /// Waits until every record pushed here is in its file, at most `bound`; whether it came so far.
    pub fn finish(&mut self, bound: Duration) -> bool {
        let until = Instant::now() + bound;
        let empty = |s: &Self| s.records.slots() == s.records.buffer().capacity();
        while !empty(self) && Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        // What was taken out before now is written when the present round is done.
        let rounds = self.shared.done.get() + 1;
        while self.shared.done.get() < rounds
            && !self.shared.ended.load(Ordering::Acquire)
            && Instant::now() < until
        {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        empty(self) && Instant::now() < until
    }
}

/// The writer's thread: until it is told to stop, every stage that pushed is gone, and the rings are empty.
fn write_all(shared: &Shared, outputs: &mut [Output]) {
    let mut parts = Vec::with_capacity(MAX_PARTS);
    loop {
        // Read before the rings: what was pushed before the order to stop is still written.
        let stop = shared.stop.load(Ordering::Acquire);
        let mut taken = 0_u64;
        for ring in lock(&shared.rings).iter_mut() {
            for record in std::iter::from_fn(|| ring.records.pop().ok()).take(BATCH) {
                parts.clear();
                let judged = usize::from(record.parts.unwrap_or_default());
                parts.extend(std::iter::from_fn(|| ring.parts.pop().ok()).take(judged));
                outputs.iter_mut().for_each(|o| (o.write)(&record, &parts, &mut o.buffer));
                taken += 1;
            }
        }
        if taken > 0 {
            let mut ok = true;
            for o in outputs.iter_mut() {
                if let Err(e) = o.file.write_all(&o.buffer) {
                    ok = false;
                    lock(&shared.error).get_or_insert_with(|| {
                        format!("the results file {} cannot be written: {e}", o.path.display())
                    });
                }
                o.buffer.clear();
            }
            if ok { &shared.written } else { &shared.failed }.add(taken);
        }
        shared.done.bump();
        if taken == 0 {
            // The last look at a ring comes after its stage is gone.
            let gone = stop && lock(&shared.rings).iter().all(|r| r.records.is_abandoned());
            if gone && lock(&shared.rings).iter().all(|r| r.records.is_empty()) {
                return;
            }
            if !gone {
                std::thread::park_timeout(LOOK);
            }
        }
    }
}

//! Interval logs: one file for each hop, stage and whole, in which every interval's histogram stands
//! compressed, as HdrHistogram's log format 1.3 has it. The usual tools show from them how latencies changed
//! over a run, and merge any span of it.

use crate::cli::series::{Series, file_stems, series};
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind};
use crate::pipeline::Snapshot;
use crate::telemetry::LatencySnapshot;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
use std::fs::File;
use std::io::{LineWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// The version that HdrHistogram's own writers name, and the heads of the columns.
const FORMAT: &str = "[Histogram log format version 1.3]";
const COLUMNS: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";
/// The third column is for eyes and in milliseconds; histograms hold nanoseconds.
const MAX_DIVISOR: f64 = 1e6;
/// Intervals on their way to the writing thread; beyond it the last one waits to be part of the next.
const UNDER_WAY: usize = 8;

/// One interval of every series.
#[derive(Debug)]
struct Interval {
    start: Duration,
    length: Duration,
    histograms: Vec<LatencySnapshot>,
}

/// The end-to-end latency of one interval, for the plot over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// From when, since the start of the run.
    pub start: Nanos,
    /// For how long.
    pub length: Nanos,
    /// Median.
    pub p50: Nanos,
    /// 99th percentile.
    pub p99: Nanos,
    /// Largest.
    pub max: Nanos,
}

/// Beyond so many, stretches become twice as long.
const MAX_STRETCHES: usize = 4096;

/// The interval logs of a run. A thread of its own writes: a slow disk delays nothing that is shown.
#[derive(Debug)]
pub struct IntervalLogs {
    last: Vec<LatencySnapshot>,
    since: Nanos,
    to: Option<mpsc::SyncSender<Interval>>,
    writer: Option<JoinHandle<Result<(), Error>>>,
    stretches: Vec<Stretch>,
    /// The whole at the end of the last stretch, and how many intervals make one.
    stretch_base: Option<(LatencySnapshot, Nanos)>,
    stretch_intervals: usize,
    intervals: usize,
}

impl IntervalLogs {
    /// Opens one file a series in `dir`. `s` is a snapshot of the started line, `started` its wall-clock time.
    pub fn create(dir: &Path, s: &Snapshot, started: SystemTime) -> Result<Self, Error> {
        let all = series(s);
        let mut files = Vec::new();
        for (one, stem) in all.iter().zip(file_stems(&all)) {
            let path = dir.join(format!("{stem}.hlog"));
            let file = File::create(&path).map_err(|e| cannot_write(&path, e))?;
            files.push((path, one.label(), LineWriter::new(file)));
        }
        let empty = |one: &Series<'_>| one.latency.since(one.latency);
        let last = all.iter().map(empty).collect();
        let (to, from) = mpsc::sync_channel(UNDER_WAY);
        let writer = std::thread::Builder::new()
            .name("fl-report".into())
            .spawn(move || write_logs(files, started, &from))
            .map_err(|e| {
                let message = "the thread that writes interval logs could not be started";
                Error::with_source(ErrorKind::State, message, e)
            })?;
        Ok(IntervalLogs {
            last,
            since: Nanos(0),
            to: Some(to),
            writer: Some(writer),
            stretches: Vec::new(),
            stretch_base: None,
            stretch_intervals: 1,
            intervals: 0,
        })
    }

    /// Ends an interval: what was recorded since the last one.
    pub fn tick(&mut self, s: &Snapshot) {
        self.put(s, false);
    }

    fn put(&mut self, s: &Snapshot, wait: bool) {
        let all = series(s);
        let interval = Interval {
            start: self.since.as_duration(),
            length: Nanos(s.elapsed.0.saturating_sub(self.since.0)).as_duration(),
            histograms: all
                .iter()
                .zip(&self.last)
                .map(|(one, last)| one.latency.since(last))
                .collect(),
        };
        let sent = self.to.as_ref().is_some_and(|to| match wait {
            true => to.send(interval).is_ok(),
            false => to.try_send(interval).is_ok(),
        });
        if sent {
            self.last = all.iter().map(|one| one.latency.clone()).collect();
            self.since = s.elapsed;
        }
        self.stretch(s, wait);
    }

    /// Notes the end-to-end latency of what came since the last stretch.
    fn stretch(&mut self, s: &Snapshot, last: bool) {
        self.intervals += 1;
        if self.intervals < self.stretch_intervals && !last {
            return;
        }
        self.intervals = 0;
        let (recent, start) = match &self.stretch_base {
            Some((earlier, start)) => (s.end_to_end.since(earlier), *start),
            None => (s.end_to_end.clone(), Nanos(0)),
        };
        if recent.count() > 0 {
            self.stretches.push(Stretch {
                start,
                length: Nanos(s.elapsed.0.saturating_sub(start.0)),
                p50: recent.quantile(0.5),
                p99: recent.quantile(0.99),
                max: recent.max(),
            });
        }
        self.stretch_base = Some((s.end_to_end.clone(), s.elapsed));
        if self.stretches.len() >= MAX_STRETCHES {
            self.stretches = self.stretches.chunks(2).map(joined).collect();
            self.stretch_intervals *= 2;
        }
    }

    /// Writes what is left, and waits for the files to be complete.
    pub fn finish(mut self, s: &Snapshot) -> Result<Vec<Stretch>, Error> {
        self.put(s, true);
        self.to = None;
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(Err(e))) => Err(e),
            Some(Err(_)) => {
                Err(Error::new(ErrorKind::Io, "the thread that writes interval logs panicked"))
            }
            _ => Ok(std::mem::take(&mut self.stretches)),
        }
    }
}

/// Two stretches as one. Percentiles cannot be joined exactly: the worse one stands.
fn joined(pair: &[Stretch]) -> Stretch {
    let (a, b) = (pair[0], pair[pair.len() - 1]);
    Stretch {
        start: a.start,
        length: Nanos((b.start.0 + b.length.0).saturating_sub(a.start.0)),
        p50: a.p50.max(b.p50),
        p99: a.p99.max(b.p99),
        max: a.max.max(b.max),
    }
}

fn cannot_write(path: &Path, e: std::io::Error) -> Error {
    let message = format!("the report file {} cannot be written", path.display());
    Error::with_source(ErrorKind::Io, message, e)
}

type LogFile = (PathBuf, String, LineWriter<File>);

/// The writing thread: until the sender is gone.
fn write_logs(
    mut files: Vec<LogFile>,
    started: SystemTime,
    from: &mpsc::Receiver<Interval>,
) -> Result<(), Error> {
    let mut serializers: Vec<_> = files.iter().map(|_| V2DeflateSerializer::new()).collect();
    let mut writers = Vec::new();
    for ((path, label, file), serializer) in files.iter_mut().zip(&mut serializers) {
        let head = IntervalLogWriterBuilder::new()
            .add_comment(&format!("[frameline: {label}, nanoseconds]"))
            .add_comment(FORMAT)
            .with_start_time(started)
            .begin_log_with(file, &mut V2DeflateSerializer::new())
            .map(drop);
        // The heads of the columns are no comment and have their place between the two.
        let writer = head
            .and_then(|()| file.write_all(COLUMNS.as_bytes()))
            .and_then(|()| {
                IntervalLogWriterBuilder::new()
                    .with_max_value_divisor(MAX_DIVISOR)
                    .begin_log_with(file, serializer)
            })
            .map_err(|e| cannot_write(path, e))?;
        writers.push((path.clone(), writer));
    }
    while let Ok(interval) = from.recv() {
        for ((path, writer), l) in writers.iter_mut().zip(&interval.histograms) {
            writer
                .write_histogram(l.histogram(), interval.start, interval.length, None)
                .map_err(|e| cannot_write(path, std::io::Error::other(e.to_string())))?;
        }
    }
    drop(writers);
    for (path, _, file) in &mut files {
        file.flush().map_err(|e| cannot_write(path, e))?;
    }
    Ok(())
}

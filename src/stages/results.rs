//! Records one line a frame in a file: what came, what was lost before it, what was measured.

use super::writer::{Shared, lock};
use super::{Key, KeyType, MeasurementBoard, Record, RecordSink};
use crate::buffer::Frame;
use crate::stage::{Figure, Flow, Flush, Stage, StageContext, StageError, StageResults};
use crate::telemetry::Counter;
use crate::verdict::{FrameVerdict, VerdictBoard};
use std::sync::Arc;
use std::time::Duration;

/// How long the end of a run waits for the writer.
const FINISH_BOUND: Duration = Duration::from_secs(2);

/// Keys of `kind = "results"`.
pub const RESULTS_KEYS: &[Key] = &[
    Key {
        name: "json",
        value: KeyType::Text,
        default: "",
        about: "file of JSON lines, one object a frame",
    },
    Key {
        name: "csv",
        value: KeyType::Text,
        default: "",
        about: "CSV file, one row a frame, or one a part where parts are judged",
    },
    Key {
        name: "depth",
        value: KeyType::Integer { min: 1, max: 1 << 20 },
        default: "4096",
        about: "records under way to the writer; beyond it records are dropped and counted",
    },
    Key {
        name: "from",
        value: KeyType::Text,
        default: "",
        about: "name of the threshold or inspect stage whose findings are recorded; \
                without it the nearest one before",
    },
];

struct Figures {
    records: Counter,
    dropped: Counter,
    late: Counter,
    shared: Arc<Shared>,
    /// The writer is shared by a stage's workers: one of them reports it.
    reports_writer: bool,
}

impl StageResults for Figures {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        let writers = |n: u64| Figure::Count(if self.reports_writer { n } else { 0 });
        let error = lock(&self.shared.error).clone().unwrap_or_default();
        vec![
            ("records", Figure::Count(self.records.get())),
            ("dropped", Figure::Count(self.dropped.get())),
            ("written", writers(self.shared.written.get())),
            ("write_errors", writers(self.shared.failed.get())),
            ("unfinished", Figure::Count(self.late.get())),
            ("error", Figure::Text(error)),
        ]
    }
}

/// Pushes a [`Record`] of every frame to a [`RecordWriter`](super::RecordWriter) and passes the frame on.
///
/// A ring that is full drops the record and counts it; a file that cannot be written is counted and told
/// once (`error`); neither stops the line.
pub struct Results {
    sink: RecordSink,
    board: Option<Arc<MeasurementBoard>>,
    verdicts: Option<(Arc<VerdictBoard>, Box<FrameVerdict>)>,
    figures: Arc<Figures>,
}

impl std::fmt::Debug for Results {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Results({} records)", self.figures.records.get())
    }
}

impl Results {
    /// Records into `sink`. Of several workers that share a writer, exactly one has
    /// `reports_writer` set, so that its figures count once.
    pub fn new(sink: RecordSink, reports_writer: bool) -> Self {
        let figures = Arc::new(Figures {
            records: Counter::default(),
            dropped: Counter::default(),
            late: Counter::default(),
            shared: sink.shared.clone(),
            reports_writer,
        });
        Results { sink, board: None, verdicts: None, figures }
    }

    /// Adds the measurements that an earlier stage leaves on `board`.
    pub fn with_board(mut self, board: Arc<MeasurementBoard>) -> Self {
        self.board = Some(board);
        self
    }

    /// Adds the verdicts that an earlier stage leaves on `board`.
    pub fn with_verdicts(mut self, board: Arc<VerdictBoard>) -> Self {
        self.verdicts = Some((board, Box::default()));
        self
    }
}

impl Stage for Results {
    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call.
    fn process(
        &mut self,
        frame: &mut Frame,
        cx: &mut StageContext<'_>,
    ) -> Result<Flow, StageError> {
        let meta = frame.meta();
        let measured = self.board.as_ref().and_then(|b| b.find(meta.sequence));
        let recorded_host_time = frame.beside().recorded_host_time;
        let record = Record { recorded_host_time, ..Record::new(meta, cx.loss_before(), measured) };
        let pushed = match &mut self.verdicts {
            Some((board, verdict)) => {
                let parts = board.find(meta.sequence, verdict).then_some(0);
                self.sink.push_judged(Record { parts, ..record }, verdict.parts())
            }
            None => self.sink.push(record),
        };
        if pushed {
            self.figures.records.bump();
        } else {
            self.figures.dropped.bump();
        }
        Ok(Flow::Pass)
    }

    fn flush(&mut self, why: Flush) {
        if why == Flush::End && !self.sink.finish(FINISH_BOUND) {
            self.figures.late.bump();
        }
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.figures.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::measure::tests::frame_of;
    use super::super::{Measurement, RecordWriter, WriterSettings};
    use super::*;
    use crate::clock::HostTime;
    use crate::format::{Geometry, PixelFormat};
    use std::path::PathBuf;

    fn figure(stage: &Results, name: &str) -> Figure {
        let figures = stage.results().unwrap().read();
        figures.into_iter().find(|(n, _)| *n == name).unwrap().1
    }

    fn run(stage: &mut Results, frames: u64) {
        let g = Geometry::new(2, 2, PixelFormat::MONO8);
        let (mut frame, _pool) = frame_of(&g, &[1, 2, 3, 4]);
        for i in 0..frames {
            frame.meta_mut().unwrap().sequence = i;
            let _ = stage.process(&mut frame, &mut StageContext::new(HostTime(0), None)).unwrap();
        }
    }

    fn temp(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("frameline-{}-{name}", std::process::id()))
    }

    #[test]
    fn every_record_is_in_both_files_after_the_flush() {
        // Catches a flush that returns before the writer has written, and a header that is missing.
        let (json, csv) = (temp("r.jsonl"), temp("r.csv"));
        let settings = WriterSettings {
            json: Some(json.clone()),
            csv: Some(csv.clone()),
            depth: 4096,
            row_per_part: false,
        };
        let writer = RecordWriter::open(&settings).unwrap();
        let board = Arc::new(MeasurementBoard::new());
        board.post(7, &Measurement { pixels: 4, above: 1, sum: 10, min: 1, max: 4 });
        let mut stage = Results::new(writer.sink(), true).with_board(board);
        run(&mut stage, 1000);
        stage.flush(Flush::End);
        let lines = std::fs::read_to_string(&json).unwrap();
        assert_eq!(lines.lines().count(), 1000);
        assert!(lines.lines().nth(7).unwrap().contains("\"above\":1"));
        let rows = std::fs::read_to_string(&csv).unwrap();
        assert_eq!(rows.lines().count(), 1001);
        assert_eq!(figure(&stage, "written"), Figure::Count(1000));
        assert_eq!(figure(&stage, "unfinished"), Figure::Count(0));
        let _ = (std::fs::remove_file(json), std::fs::remove_file(csv));
    }

    #[test]
    fn a_full_ring_drops_the_record_and_counts_it() {
        // Catches a hot thread that waits for the disk, or a record lost without a count.
        let writer = RecordWriter::open(&WriterSettings {
            json: None,
            csv: None,
            depth: 1,
            row_per_part: false,
        })
        .unwrap();
        let mut stage = Results::new(writer.sink(), true);
        run(&mut stage, 5000);
        let (Figure::Count(kept), Figure::Count(dropped)) =
            (figure(&stage, "records"), figure(&stage, "dropped"))
        else {
            panic!("counts")
        };
        assert_eq!(kept + dropped, 5000);
        assert!(dropped > 0, "one place in the ring cannot take 5000 records at once");
    }

    #[test]
    fn a_full_disk_is_counted_and_told_once() {
        // Catches a line that dies of its results file, and errors that nobody hears of.
        if !std::path::Path::new("/dev/full").exists() {
            return;
        }
        let settings = WriterSettings {
            json: Some("/dev/full".into()),
            csv: None,
            depth: 64,
            row_per_part: false,
        };
        let writer = RecordWriter::open(&settings).unwrap();
        let mut stage = Results::new(writer.sink(), true);
        run(&mut stage, 10);
        stage.flush(Flush::End);
        assert_eq!(figure(&stage, "write_errors"), Figure::Count(10));
        let Figure::Text(error) = figure(&stage, "error") else { panic!("text") };
        assert!(error.contains("/dev/full"), "{error}");
    }

    #[test]
    fn an_unwritable_path_is_a_configuration_error() {
        // Catches finding out at the end of the run that nothing could be written.
        let path = PathBuf::from("/nonexistent/dir/r.jsonl");
        let settings =
            WriterSettings { json: Some(path), csv: None, depth: 64, row_per_part: false };
        let e = RecordWriter::open(&settings).unwrap_err();
        assert_eq!(e.kind(), crate::ErrorKind::Config);
        assert!(e.to_string().contains("/nonexistent/dir/r.jsonl"));
    }
}

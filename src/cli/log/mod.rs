//! What a run logs: sentences on the terminal, and lines with fields in a rolling file (`[log]`).
//!
//! Nothing here waits for a disk: lines go into a bounded queue, a thread of its own writes them, and a line that
//! finds the queue full is dropped and counted. The counts are told at the end of the run.

mod format;
mod queue;
mod roll;

use super::fields::Fields;
use super::status::screen::AboveBlock;
use super::status::wants_colour;
use crate::error::Error;
use crate::words::counted;
use queue::Queue;
use roll::{RollingFile, Rotation};
use std::path::PathBuf;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// `[log]`, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct LogSettings {
    /// What is logged on stderr.
    level: LevelFilter,
    /// With time, thread and fields.
    full: bool,
    file: Option<FileSettings>,
}

/// The file that is logged to.
#[derive(Debug, Clone, PartialEq)]
struct FileSettings {
    path: PathBuf,
    /// Where that was said.
    origin: String,
    level: LevelFilter,
    json: bool,
    rotation: Rotation,
    keep: usize,
    queue: usize,
}

/// What became of the lines that were logged to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOutcome {
    /// The file as it was named; its rotated parts lie beside it.
    pub file: PathBuf,
    /// Lines that were written.
    pub written: u64,
    /// Lines that were dropped: the queue was full, or the disk had not taken them by the end.
    pub dropped: u64,
    /// Lines that the system refused to write.
    pub failed: u64,
    /// Why, for the first of them.
    pub error: Option<String>,
}

impl LogOutcome {
    /// One sentence.
    pub fn text(&self) -> String {
        let mut text = format!("{} in {}", counted(self.written, "line"), self.file.display());
        if self.dropped > 0 {
            text +=
                &format!(", {} dropped because the disk was too slow (log.queue)", self.dropped);
        }
        if self.failed > 0 {
            let why = self.error.as_deref().unwrap_or("for no reason given");
            text += &format!(", {} could not be written: {why}", self.failed);
        }
        text
    }

    /// For `--json`.
    pub fn object(&self) -> serde_json::Value {
        serde_json::json!({
            "file": self.file.display().to_string(),
            "lines": self.written,
            "dropped": self.dropped,
            "failed": self.failed,
            "error": self.error,
        })
    }
}

impl LogSettings {
    /// From the checked table.
    pub fn new(f: &Fields) -> LogSettings {
        let level = |key| f.text(key).and_then(|t| t.parse().ok()).unwrap_or(LevelFilter::INFO);
        let file = f.text("file").map(|path| FileSettings {
            path: path.into(),
            origin: f.origin("file").to_string(),
            level: level("file_level"),
            json: f.text("file_format") == Some("json"),
            rotation: match f.text("rotation") {
                Some("never") => Rotation::Never,
                Some("hourly") => Rotation::Hourly,
                Some("daily") => Rotation::Daily,
                _ => Rotation::Size(f.bytes("size").unwrap_or(usize::MAX) as u64),
            },
            keep: f.size("keep").unwrap_or(1),
            queue: f.size("queue").unwrap_or(1),
        });
        LogSettings { level: level("level"), full: f.text("format") == Some("full"), file }
    }
}

/// The log of this process. Dropping it waits a moment for the disk.
#[derive(Debug)]
pub struct Log {
    file: Option<(PathBuf, Queue)>,
}

impl Log {
    /// Starts to log; a file that cannot be written is a configuration error.
    ///
    /// `verbose` counts `-v`: it raises the level of the terminal, not of the file.
    pub fn start(settings: &LogSettings, verbose: u8) -> Result<Log, Error> {
        let level = match verbose {
            0 => settings.level,
            1 => settings.level.max(LevelFilter::INFO),
            _ => settings.level.max(LevelFilter::DEBUG),
        };
        let colour = wants_colour(&std::io::stderr());
        let terminal = layer().with_writer(|| AboveBlock).with_ansi(colour);
        let terminal = match settings.full {
            true => terminal.with_thread_names(true).with_filter(level).boxed(),
            false => terminal.event_format(format::Sentences).with_filter(level).boxed(),
        };
        let mut layers = vec![terminal];
        let mut file = None;
        if let Some(f) = &settings.file {
            let wrong = |e| {
                Error::config(format!(
                    "{}: the log file {} cannot be written: {e}; name one in a folder that can be",
                    f.origin,
                    f.path.display()
                ))
            };
            let rolling = RollingFile::open(&f.path, f.rotation, f.keep).map_err(wrong)?;
            let queue = Queue::new(rolling, f.queue);
            let lines = layer().with_ansi(false).with_writer(queue.writer());
            layers.push(match f.json {
                true => lines.event_format(format::Json).with_filter(f.level).boxed(),
                false => lines.event_format(format::Text).with_filter(f.level).boxed(),
            });
            file = Some((f.path.clone(), queue));
        }
        // A second subscriber in one process is not ours to argue about.
        let _ = tracing_subscriber::registry().with(layers).try_init();
        Ok(Log { file })
    }

    /// Waits until the disk has taken what was logged, within bounds; what became of it.
    pub fn finish(self) -> Option<LogOutcome> {
        let (file, queue) = self.file?;
        Some(queue.finish(file))
    }
}

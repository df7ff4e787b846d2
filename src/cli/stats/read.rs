//! Log files, line by line, in bounded memory.

use super::line::{Line, MAX_LINE};
use crate::error::{Error, ErrorKind};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Lines, counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// All of them.
    pub read: u64,
    /// Those that are not ours: of other programs, cut short, or too long.
    pub foreign: u64,
}

/// A file that can be read.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    /// What tells it from others: two names may mean one file.
    real: PathBuf,
}

impl LogFile {
    /// A file that cannot be opened, or is none, is a wrong command.
    pub fn open(path: &Path) -> Result<LogFile, Error> {
        let shown = path.display();
        let meta = std::fs::metadata(path)
            .and_then(|m| File::open(path).map(|_| m))
            .map_err(|e| Error::config(format!("the log {shown} cannot be opened: {e}")))?;
        if !meta.is_file() {
            // A pipe or a device may have no end.
            let what = if meta.is_dir() { "a folder; name the files in it" } else { "no file" };
            return Err(Error::config(format!("{shown} is {what}")));
        }
        let real = path.canonicalize().unwrap_or_else(|_| path.into());
        Ok(LogFile { path: path.into(), real })
    }

    /// The name that it was given by.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Whether both are one file.
    pub fn is_same(&self, other: &LogFile) -> bool {
        self.real == other.real
    }

    /// When its first line of ours was written; `None`: it has none.
    pub fn first_time(&self) -> Result<Option<SystemTime>, Error> {
        let mut first = None;
        self.read(&mut Lines::default(), &mut |line| {
            first = Some(line.at);
            false
        })?;
        Ok(first)
    }

    /// The sentence for a file without a line of ours.
    pub fn no_lines(&self) -> String {
        format!(
            "{} holds no line of frameline; a run writes one with log.file = {:?} in its configuration, or --set log.file=...",
            self.name(),
            "line.log"
        )
    }

    /// Gives `take` each line of ours, until it answers `false`. What is written meanwhile is not read.
    pub fn read(
        &self,
        lines: &mut Lines,
        take: &mut dyn FnMut(&Line) -> bool,
    ) -> Result<(), Error> {
        let failed = |e| {
            let what = format!("the log {} cannot be read", self.name());
            Error::with_source(ErrorKind::Io, what, e)
        };
        let file = File::open(&self.path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        each_line(BufReader::new(file.take(length)), lines, take).map_err(failed)
    }
}

/// The same for any text.
pub fn each_line(
    mut from: impl BufRead,
    lines: &mut Lines,
    take: &mut dyn FnMut(&Line) -> bool,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let n = from.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut bytes)?;
        if n == 0 {
            return Ok(());
        }
        lines.read += 1;
        let whole = n < MAX_LINE || bytes.ends_with(b"\n");
        if !whole {
            skip_line(&mut from)?;
        }
        match Line::parse(&String::from_utf8_lossy(&bytes)).filter(|_| whole) {
            None => lines.foreign += 1,
            Some(line) => {
                if !take(&line) {
                    return Ok(());
                }
            }
        }
    }
}

/// To the end of a line that is too long.
fn skip_line(from: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|b| *b == b'\n');
        let used = end.map_or(buffer.len(), |i| i + 1);
        from.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

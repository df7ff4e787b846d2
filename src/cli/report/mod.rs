//! The folder of `--report`: a page for people, and files for tools.
//!
//! `report.html` is one file without any reference to another; `summary.json`, `summary.txt` and `config.toml`
//! say the same to machines and terminals; `.hgrm` and `.hlog` files are what HdrHistogram's tools read.

pub mod axis;
pub mod hgrm;
pub mod hlog;
pub mod page;
pub mod picture;
pub mod plot;
pub mod sections;

use super::job::Job;
use super::machine::Machine;
use super::object::{Verdict, report_object, started};
use super::series::{file_stems, series};
use crate::error::{Error, ErrorKind};
use crate::pipeline::Snapshot;
use hlog::IntervalLogs;
use picture::Picture;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Everything decided, as it was when the line began.
const CONFIG: &str = "config.toml";
/// Length of an interval of the interval logs.
const INTERVAL: Duration = Duration::from_secs(1);

/// A folder that can be written: that was tried before the run. Of a run that never began it is taken back.
#[derive(Debug)]
pub struct ReportFolder {
    dir: PathBuf,
    /// The folders that were made for it, innermost first, until the line has begun.
    made: Vec<PathBuf>,
    logs: Option<Result<IntervalLogs, Error>>,
    next: Instant,
}

impl ReportFolder {
    /// Makes the folder; an unwritable one is a configuration error. What is in one that is there stays as it is.
    pub fn create(dir: &Path) -> Result<Self, Error> {
        let is_missing = |p: &&Path| !p.as_os_str().is_empty() && !p.exists();
        let made = dir.ancestors().take_while(is_missing).map(Into::into).collect();
        let folder = ReportFolder { dir: dir.into(), made, logs: None, next: Instant::now() };
        fs::create_dir_all(dir).and_then(|()| folder.try_file(CONFIG)).map_err(|e| {
            Error::config(format!("the report folder {} cannot be written: {e}", dir.display()))
        })?;
        Ok(folder)
    }

    /// Opens a file to write, and leaves it as it was.
    fn try_file(&self, name: &str) -> std::io::Result<()> {
        let path = self.dir.join(name);
        let is_new = path.symlink_metadata().is_err();
        fs::OpenOptions::new().append(true).create(true).open(&path)?;
        if is_new { fs::remove_file(&path) } else { Ok(()) }
    }

    /// Writes the configuration of a line that has just been started, and begins its interval logs. That they cannot
    /// be written is told at the end: the run goes on.
    pub fn begin(&mut self, s: &Snapshot, job: &Job) {
        self.made.clear();
        let logs = || IntervalLogs::create(&self.dir, s, started(s));
        self.logs = Some(self.file(CONFIG, &job.toml).and_then(|()| logs()));
        self.next = Instant::now() + INTERVAL;
    }

    /// Whether an interval is over.
    pub fn is_due(&self) -> bool {
        self.logs.is_some() && Instant::now() >= self.next
    }

    /// Ends an interval.
    pub fn tick(&mut self, s: &Snapshot) {
        self.next = Instant::now() + INTERVAL;
        if let Some(Ok(logs)) = &mut self.logs {
            logs.tick(s);
        }
    }

    /// Writes everything that is known after the run.
    pub fn write(
        mut self,
        s: &Snapshot,
        verdict: &Verdict,
        job: &Job,
        machine: &Machine,
        summary: &str,
        pictures: &[Picture],
    ) -> Result<(), Error> {
        let logs = self.logs.take().map(|logs| logs.and_then(|logs| logs.finish(s)));
        let object = report_object(s, verdict, job, machine);
        self.file("summary.json", &format!("{object:#}\n"))?;
        self.file("summary.txt", &format!("{summary}machine: {machine}\n"))?;
        let all = series(s);
        for (one, stem) in all.iter().zip(file_stems(&all)) {
            self.file(&format!("{stem}.hgrm"), &hgrm::hgrm(one.latency))?;
        }
        // A log that could not be written does not cost the page.
        let (stretches, logged) = match logs {
            Some(Ok(stretches)) => (stretches, Ok(())),
            Some(Err(e)) => (Vec::new(), Err(e)),
            None => (Vec::new(), Ok(())),
        };
        let facts = page::Facts { s, verdict, job, machine, stretches: &stretches, pictures };
        self.file("report.html", &page::page(&facts))?;
        logged
    }

    fn file(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.dir.join(name);
        fs::write(&path, text).map_err(|e| {
            let message = format!("the report file {} cannot be written", path.display());
            Error::with_source(ErrorKind::Io, message, e)
        })
    }
}

impl Drop for ReportFolder {
    fn drop(&mut self) {
        // Who is told that nothing ran finds nothing; a folder that somebody uses stays.
        let _ = self.made.iter().try_for_each(fs::remove_dir);
    }
}

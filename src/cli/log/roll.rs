//! The file that is written, and when the next one begins.
//!
//! By date it is tracing-appender's, except for the removal of old files: that one takes every file whose name
//! begins and ends alike, also `line-2.log` beside `line.log`. By size it is a handful of renames, for which the
//! crates that do it bring time zones, compression and regular expressions along.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tracing_appender::rolling::{RollingFileAppender, Rotation as Period};

/// When a new file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rotation {
    Never,
    /// When the next line would make it larger than so many bytes.
    Size(u64),
    /// With each hour, in UTC.
    Hourly,
    /// With each day, in UTC.
    Daily,
}

/// A file and, beside it, older ones.
#[derive(Debug)]
pub(super) struct RollingFile(Kind);

#[derive(Debug)]
enum Kind {
    BySize(BySize),
    ByDate(Box<ByDate>),
}

impl RollingFile {
    /// Opens the file to append to it, and makes its folder. Beside it `keep` older ones are kept.
    pub fn open(path: &Path, rotation: Rotation, keep: usize) -> io::Result<RollingFile> {
        let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "it has no file name");
        path.file_name().ok_or_else(no_name)?;
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let by_date = |period, seconds, digits| ByDate::open(path, period, seconds, digits, keep);
        Ok(RollingFile(match rotation {
            Rotation::Never => Kind::BySize(BySize::open(path, u64::MAX, keep)?),
            Rotation::Size(limit) => Kind::BySize(BySize::open(path, limit, keep)?),
            // 2026-11-26-17 and 2026-11-26.
            Rotation::Hourly => Kind::ByDate(Box::new(by_date(Period::HOURLY, 3600, 13)?)),
            Rotation::Daily => Kind::ByDate(Box::new(by_date(Period::DAILY, 86_400, 10)?)),
        }))
    }
}

impl Write for RollingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::BySize(f) => f.write(line),
            Kind::ByDate(f) => f.write(line),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::BySize(f) => f.file.flush(),
            Kind::ByDate(f) => f.file.flush(),
        }
    }
}

/// `line.log`, before it `line.log.1`, before that `line.log.2`.
#[derive(Debug)]
struct BySize {
    path: PathBuf,
    file: File,
    length: u64,
    limit: u64,
    keep: usize,
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

impl BySize {
    fn open(path: &Path, limit: u64, keep: usize) -> io::Result<BySize> {
        let file = append(path)?;
        let length = file.metadata()?.len();
        Ok(BySize { path: path.into(), file, length, limit, keep })
    }

    fn older(&self, n: usize) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{n}"));
        name.into()
    }

    fn roll(&mut self) -> io::Result<()> {
        for n in (1..self.keep).rev() {
            match fs::rename(self.older(n), self.older(n + 1)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        fs::rename(&self.path, self.older(1))?;
        self.file = append(&self.path)?;
        self.length = 0;
        Ok(())
    }

    /// A line is never split between two files.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.length > 0 && self.length.saturating_add(line.len() as u64) > self.limit {
            self.roll()?;
        }
        self.file.write_all(line)?;
        self.length += line.len() as u64;
        Ok(line.len())
    }
}

/// `line.2026-11-26.log`.
#[derive(Debug)]
struct ByDate {
    file: RollingFileAppender,
    folder: PathBuf,
    /// What stands before and behind the date.
    around: (String, String),
    digits: usize,
    seconds: u64,
    period: u64,
    keep: usize,
}

impl ByDate {
    fn open(
        path: &Path,
        period: Period,
        seconds: u64,
        digits: usize,
        keep: usize,
    ) -> io::Result<ByDate> {
        let text = |part: Option<&std::ffi::OsStr>| part.map(|p| p.to_string_lossy().into_owned());
        let stem = text(path.file_stem()).unwrap_or_default();
        let suffix = text(path.extension());
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let mut builder =
            RollingFileAppender::builder().rotation(period).filename_prefix(stem.as_str());
        if let Some(suffix) = &suffix {
            builder = builder.filename_suffix(suffix.as_str());
        }
        let file = builder.build(&folder).map_err(|e| {
            use std::error::Error;
            let why = e.source().map_or_else(|| e.to_string(), ToString::to_string);
            io::Error::other(why)
        })?;
        let around = (format!("{stem}."), suffix.map_or(String::new(), |s| format!(".{s}")));
        let mut this = ByDate { file, folder, around, digits, seconds, period: 0, keep };
        this.period = this.now();
        this.remove_old();
        Ok(this)
    }

    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |s| s.as_secs() / self.seconds)
    }

    /// Removes all but the newest; the one that is written is among them.
    fn remove_old(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
        let mut ours: Vec<String> = names.filter(|n| self.is_ours(n)).collect();
        // The dates sort as texts.
        ours.sort_unstable_by(|a, b| b.cmp(a));
        for name in ours.iter().skip(self.keep.saturating_add(1)) {
            // One that cannot be removed is there next time.
            let _ = fs::remove_file(self.folder.join(name));
        }
    }

    fn is_ours(&self, name: &str) -> bool {
        let (before, behind) = &self.around;
        let date = name.strip_prefix(before).and_then(|n| n.strip_suffix(behind));
        date.is_some_and(|d| {
            d.len() == self.digits
                && d.bytes().enumerate().all(|(i, b)| match i {
                    4 | 7 | 10 => b == b'-',
                    _ => b.is_ascii_digit(),
                })
        })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.file.write_all(line)?;
        let now = self.now();
        if std::mem::replace(&mut self.period, now) != now {
            self.remove_old();
        }
        Ok(line.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let name = format!("frameline-roll-{}-{name}", std::process::id());
            let dir = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&dir);
            Folder(dir)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn by_size_files_are_bounded_in_length_and_number() {
        // Catches a log that fills the disk, a line that is split, and one that is lost when files change.
        let folder = Folder::new("size");
        let path = folder.0.join("deep/line.log");
        let mut file = RollingFile::open(&path, Rotation::Size(30), 2).unwrap();
        for n in 0..10 {
            file.write_all(format!("line number {n}\n").as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(folder.0.join("deep").join(name)).unwrap();
        assert_eq!(read("line.log"), "line number 8\nline number 9\n");
        assert_eq!(read("line.log.1"), "line number 6\nline number 7\n");
        assert_eq!(read("line.log.2"), "line number 4\nline number 5\n");
        assert!(!folder.0.join("deep/line.log.3").exists());
        // Who opens it again goes on with it; a line longer than the limit has a file of its own.
        let mut file = RollingFile::open(&path, Rotation::Size(30), 2).unwrap();
        file.write_all(&[b'x'; 100]).unwrap();
        assert_eq!((read("line.log").len(), read("line.log.1").len()), (100, 28));
    }

    #[test]
    fn by_date_only_own_files_are_removed() {
        // Catches the removal of another line's log, and old files that stay for ever because no run lasts a day.
        let folder = Folder::new("date");
        fs::create_dir_all(&folder.0).unwrap();
        let others =
            ["line-2.2020-01-01.log", "line.2020-01-01-05.log", "line.log", "line.old.log"];
        for name in others.into_iter().chain(["line.2020-01-01.log", "line.2021-01-01.log"]) {
            fs::write(folder.0.join(name), "x").unwrap();
        }
        let path = folder.0.join("line.log");
        let mut file = RollingFile::open(&path, Rotation::Daily, 1).unwrap();
        file.write_all(b"now\n").unwrap();
        let mut names = folder.names();
        let today = names.iter().position(|n| n.starts_with("line.2") && !n.contains(".202"));
        assert!(today.is_none(), "dates of this century: {names:?}");
        names.retain(|n| !others.contains(&n.as_str()));
        assert_eq!((names.len(), names[0].as_str()), (2, "line.2021-01-01.log"), "{names:?}");
        assert_eq!(fs::read_to_string(folder.0.join(&names[1])).unwrap(), "now\n");
    }

    #[test]
    fn what_cannot_be_written_says_why() {
        // Catches a log that is refused only when the first line comes.
        let folder = Folder::new("wrong");
        fs::create_dir_all(&folder.0).unwrap();
        fs::write(folder.0.join("file"), "x").unwrap();
        for rotation in [Rotation::Never, Rotation::Size(10), Rotation::Hourly, Rotation::Daily] {
            let path = folder.0.join("file/line.log");
            assert!(RollingFile::open(&path, rotation, 1).is_err(), "{rotation:?}");
            assert!(RollingFile::open(Path::new("/"), rotation, 1).is_err(), "{rotation:?}");
        }
        assert!(RollingFile::open(&folder.0, Rotation::Never, 1).is_err());
    }
}

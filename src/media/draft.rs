//! Names for what is not whole yet: written beside its target, renamed at the end, removed otherwise.

use crate::error::{Error, ErrorKind};
use crate::recording::format::MAGIC;
use crate::recording::segment_path;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    File,
    Folder,
    /// A recording: one file or several segments.
    Recording,
}

/// A file, folder or recording that is being written under a name of its own. Dropped before [`Draft::finish`], it is
/// removed.
#[derive(Debug)]
pub struct Draft {
    what: What,
    target: PathBuf,
    path: PathBuf,
    force: bool,
    finished: bool,
    /// Of a folder that is replaced: what was in it at the beginning.
    old: Vec<String>,
}

impl Draft {
    /// A file at `target`. One that is there is replaced only with `force`.
    pub fn file(target: &Path, force: bool) -> Result<Draft, Error> {
        if target.is_dir() {
            return Err(wrong(target, "is a folder; give the name of a file"));
        }
        if !force && target.symlink_metadata().is_ok() {
            return Err(wrong(target, "exists; give another name, or --force to replace it"));
        }
        if target.symlink_metadata().is_ok() && !may_replace(target) {
            let what = "is a recording, or no file at all, and is not replaced; give another name";
            return Err(wrong(target, what));
        }
        Draft::new(What::File, target, force)
    }

    /// A folder at `target`. One that is there must be empty; with `force` it may hold what an export of the same kind
    /// wrote, files that `is_ours` knows by their names, and nothing else.
    pub fn folder(
        target: &Path,
        force: bool,
        is_ours: impl Fn(&str) -> bool,
    ) -> Result<Draft, Error> {
        let mut old = Vec::new();
        if let Ok(names) = names_in(target) {
            if !names.is_empty() && !force {
                let what = "holds files already; give another name, or --force to replace it";
                return Err(wrong(target, what));
            }
            old.clone_from(&names);
            if let Some(other) = names.iter().find(|n| !is_ours(n)) {
                let what = format!(
                    "holds {other:?}, which no export wrote, and is not replaced; give another name"
                );
                return Err(wrong(target, &what));
            }
        } else if target.symlink_metadata().is_ok() {
            return Err(wrong(target, "is no folder; images go into one, give another name"));
        }
        let mut draft = Draft::new(What::Folder, target, force)?;
        draft.old = old;
        std::fs::create_dir(&draft.path).map_err(|e| cannot(target, e))?;
        Ok(draft)
    }

    /// A recording whose first file is `target`. Recordings are never written over.
    pub fn recording(target: &Path) -> Result<Draft, Error> {
        if target.extension().is_none() || target.is_dir() {
            let name = format!("is no name of a recording; write {}.flr", target.display());
            return Err(wrong(target, &name));
        }
        for taken in [target.to_path_buf(), segment_path(target, 1)] {
            if taken.symlink_metadata().is_ok() {
                let what = "exists already and recordings are never written over; remove it or give another name";
                return Err(wrong(&taken, what));
            }
        }
        Draft::new(What::Recording, target, false)
    }

    fn new(what: What, target: &Path, force: bool) -> Result<Draft, Error> {
        let Some(name) = target.file_name() else {
            return Err(wrong(target, "names no file"));
        };
        let folder = target.parent().filter(|p| !p.as_os_str().is_empty());
        if let Some(folder) = folder
            && !folder.is_dir()
        {
            let what = format!("cannot be made: there is no folder {}", folder.display());
            return Err(wrong(target, &what));
        }
        let path = free_name(target, name);
        Ok(Draft { what, target: target.into(), path, force, finished: false, old: Vec::new() })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it will be.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The error of a write that the system refused.
    pub fn cannot(&self, e: io::Error) -> Error {
        cannot(&self.target, e)
    }

    /// Gives it its name.
    pub fn finish(mut self) -> Result<(), Error> {
        let folder = self.target.parent().filter(|p| !p.as_os_str().is_empty());
        // What has its name must be there also after a power cut: the bytes first, then the name.
        let named = match self.what {
            What::File => {
                durable(&self.path).and_then(|()| place(&self.path, &self.target, self.force))
            }
            What::Folder => durable_folder(&self.path).and_then(|()| self.place_folder()),
            // Its segments were made durable when they were closed.
            What::Recording => self.place_segments(),
        };
        named
            .and_then(|()| durable(folder.unwrap_or(Path::new("."))))
            .map_err(|e| self.cannot(e))?;
        self.finished = true;
        Ok(())
    }

    fn place_folder(&self) -> io::Result<()> {
        if !self.force || !self.target.is_dir() {
            // Takes the place of an empty folder, and of no other.
            return std::fs::rename(&self.path, &self.target);
        }
        // What came meanwhile is nobody's to remove; and until the new folder stands the old one is not gone.
        if let Some(other) = names_in(&self.target)?.iter().find(|n| !self.old.contains(n)) {
            return Err(io::Error::other(format!("{other:?} was put into it meanwhile")));
        }
        let aside = aside_of(&self.path);
        std::fs::rename(&self.target, &aside)?;
        if let Err(e) = std::fs::rename(&self.path, &self.target) {
            let _ = std::fs::rename(&aside, &self.target);
            return Err(e);
        }
        std::fs::remove_dir_all(&aside)
    }

    /// Later segments first: with the first one, the recording is whole.
    fn place_segments(&self) -> io::Result<()> {
        let segments = (0..).take_while(|n| segment_path(&self.path, *n).exists()).count() as u32;
        for n in (0..segments).rev() {
            let placed = place(&segment_path(&self.path, n), &segment_path(&self.target, n), false);
            if let Err(e) = placed {
                for placed in n + 1..segments {
                    let _ = std::fs::remove_file(segment_path(&self.target, placed));
                }
                return Err(e);
            }
        }
        Ok(())
    }
}

/// A hidden name beside the target that nobody has. What a killed program left keeps its name, though in a container
/// the next one may have the same process id.
fn free_name(target: &Path, name: &OsStr) -> PathBuf {
    let id = std::process::id();
    let draft = |n: u32| {
        let mut draft = OsString::from(".");
        draft.push(name);
        // The ending stays: a recording's segments have theirs before it.
        draft.push(if n == 0 { format!(".{id}.part") } else { format!(".{id}-{n}.part") });
        target.with_file_name(draft)
    };
    let is_free =
        |p: &PathBuf| p.symlink_metadata().is_err() && aside_of(p).symlink_metadata().is_err();
    (0..u32::MAX).map(draft).find(is_free).unwrap_or_else(|| draft(0))
}

/// Where what a folder replaces is while it is replaced.
fn aside_of(draft: &Path) -> PathBuf {
    draft.with_extension("old")
}

fn durable(path: &Path) -> io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}

fn durable_folder(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        durable(&entry?.path())?;
    }
    durable(folder)
}

fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let names = |e: std::fs::DirEntry| e.file_name().to_string_lossy().into_owned();
    std::fs::read_dir(folder)?.map(|e| e.map(names)).collect()
}

/// Renames a file; over another one only with `force`.
fn place(from: &Path, to: &Path, force: bool) -> io::Result<()> {
    if !force {
        match std::fs::hard_link(from, to) {
            Ok(()) => return std::fs::remove_file(from),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(e),
            // A file system without links: whoever makes the name in between loses it.
            Err(_) => {}
        }
    }
    std::fs::rename(from, to)
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        match self.what {
            What::File => drop(std::fs::remove_file(&self.path)),
            What::Folder => drop(std::fs::remove_dir_all(&self.path)),
            What::Recording => {
                for n in 0.. {
                    if std::fs::remove_file(segment_path(&self.path, n)).is_err() {
                        break;
                    }
                }
            }
        }
    }
}

/// Whether `--force` may put a file in its place: a plain file, and no recording.
fn may_replace(target: &Path) -> bool {
    let mut beginning = [0; MAGIC.len()];
    let plain = target.metadata().is_ok_and(|m| m.is_file());
    let read = |beginning: &mut [u8]| std::fs::File::open(target)?.read_exact(beginning);
    // One that is shorter than a recording's first word is none.
    plain && (read(&mut beginning).is_err() || beginning != MAGIC)
}

fn wrong(path: &Path, what: &str) -> Error {
    Error::config(format!("{} {what}", path.display()))
}

pub(super) fn cannot(path: &Path, e: io::Error) -> Error {
    match e.raw_os_error() {
        Some(libc::ENOSPC | libc::EDQUOT) => {
            let what = format!("the disk of {} is full; nothing was left", path.display());
            Error::new(ErrorKind::Io, what)
        }
        _ => Error::with_source(ErrorKind::Io, format!("{} cannot be written", path.display()), e),
    }
}

//! A recording's frames in a format that others read.

use super::draft::Draft;
use super::image::Plain;
use super::write::{Mcap, Npy, Pngs, Seq, Shot, Sink, Tiff, is_png_of_ours};
use super::{Watch, interrupted, sidecar};
use crate::error::{Error, ErrorKind};
use crate::recording::Recording;
use crate::recording::format::{Entry, Event};
use crate::words::counted;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// What frames are exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A folder of PNG files.
    Png,
    /// One TIFF file of many pages.
    Tiff,
    /// One array for numpy.
    Npy,
    /// One NorPix sequence.
    Seq,
    /// One MCAP file, for Foxglove.
    Mcap,
}

impl Target {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Target::Png => "png",
            Target::Tiff => "tiff",
            Target::Npy => "npy",
            Target::Seq => "seq",
            Target::Mcap => "mcap",
        }
    }
}

/// What is to be exported, and how.
#[derive(Debug, Clone)]
pub struct Export {
    /// As what.
    pub target: Target,
    /// The file, or for PNG the folder.
    pub out: PathBuf,
    /// The first frame, from 0.
    pub from: u64,
    /// The last frame; `None`: the last one there is.
    pub to: Option<u64>,
    /// What an earlier export left at `out` is replaced.
    pub force: bool,
    /// Frames that cannot be read are left out, and counted; otherwise the first one ends the export.
    pub skip_damaged: bool,
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Frames written.
    pub frames: u64,
    /// The first and the last number of the range.
    pub range: (u64, u64),
    /// Frames of the range that could not be read.
    pub left_out: u64,
    /// Frames that lack a part, which is 0 in their images.
    pub incomplete: u64,
    /// Frames that the recording says were lost, from all causes, before those of the range.
    pub lost: u64,
    /// Bytes of pixels.
    pub pixel_bytes: u64,
    /// Where ids, times and losses are told: a file of JSON lines; `None`: in the file itself.
    pub sidecar: Option<PathBuf>,
    /// What was done to pixels that the reader should know.
    pub notes: Vec<String>,
}

/// The first and the last frame of what `from` and `to` ask of so many frames.
pub(super) fn range(
    recording: &Recording,
    from: u64,
    to: Option<u64>,
) -> Result<(u64, u64), Error> {
    let path = recording.segments()[0].path().display();
    let frames = recording.frames();
    let Some(last) = frames.checked_sub(1) else {
        return Err(Error::new(ErrorKind::Source, format!("{path} has no frame")));
    };
    let to = to.unwrap_or(last);
    if from.max(to) > last {
        return Err(Error::config(format!(
            "{path} has {}, the last one is number {last}; {} is none of them",
            counted(frames, "frame"),
            if from > last { from } else { to }
        )));
    }
    if from > to {
        return Err(Error::config(format!("the first frame, {from}, comes after the last, {to}")));
    }
    Ok((from, to))
}

/// What happened before the frames of a range, in their order; with the last frame, also what happened after it.
pub(super) fn events_of(recording: &Recording, range: (u64, u64)) -> Result<Vec<Event>, Error> {
    let to = if range.1 + 1 == recording.frames() { u64::MAX } else { range.1 };
    let mut events = recording.events()?;
    events.retain(|e| (range.0..=to).contains(&e.before_frame));
    // As they were written, but for a file that was tampered with.
    events.sort_by_key(|e| e.before_frame);
    Ok(events)
}

/// The error of a frame that cannot be read.
pub(super) fn unreadable(recording: &Recording, n: u64, e: &dyn std::fmt::Display) -> Error {
    let path = recording.segments()[0].path().display();
    Error::new(ErrorKind::Source, format!("frame {n} of {path} {e}"))
}

/// Writes frames of `recording`; `watch` is asked before each.
pub fn export(recording: &Recording, what: &Export, watch: Watch<'_>) -> Result<Exported, Error> {
    let (from, to) = range(recording, what.from, what.to)?;
    let about = sidecar::recording(recording);
    let draft = match what.target {
        Target::Png => Draft::folder(&what.out, what.force, |n| n == SIDECAR || is_png_of_ours(n))?,
        _ => Draft::file(&what.out, what.force)?,
    };
    let beside = sidecar_of(what)
        .filter(|_| what.target != Target::Png)
        .map(|path| Draft::file(&path, what.force))
        .transpose()?;
    let facts = match (&beside, what.target) {
        (Some(beside), _) => Some(Lines::create(beside.path(), beside.target())?),
        (None, Target::Png) => {
            Some(Lines::create(&draft.path().join(SIDECAR), &what.out.join(SIDECAR))?)
        }
        (None, _) => None,
    };
    let out = what.out.clone();
    let cannot = move |e| super::draft::cannot(&out, e);
    let path = draft.path();
    let bytes = most_bytes(recording, from, to);
    let sink: Box<dyn Sink> = match what.target {
        Target::Png => Box::new(Pngs::new(path, cannot)),
        Target::Tiff => Box::new(Tiff::new(path, bytes, cannot)?),
        Target::Npy => Box::new(Npy::new(path, cannot)?),
        Target::Seq => Box::new(Seq::new(path, cannot)?),
        Target::Mcap => Box::new(Mcap::new(path, &about, cannot)?),
    };
    let mut work = Work::new(recording, what, sink, facts, (from, to))?;
    work.tell(&about)?;
    for n in from..=to {
        if !watch(n - from) {
            return Err(interrupted(n - from));
        }
        work.frame(n)?;
    }
    let exported = work.finish()?;
    // What tells of the frames comes first: who finds the frames finds it, too.
    if let Some(beside) = beside {
        let path = beside.target().to_path_buf();
        beside.finish()?;
        if let Err(e) = draft.finish() {
            let _ = std::fs::remove_file(path);
            return Err(e);
        }
    } else {
        draft.finish()?;
    }
    Ok(exported)
}

/// The file of facts in a folder of images.
pub(super) const SIDECAR: &str = "frames.jsonl";

/// Where the facts of an export go that its format has no room for.
fn sidecar_of(what: &Export) -> Option<PathBuf> {
    match what.target {
        Target::Png => Some(what.out.join(SIDECAR)),
        Target::Mcap => None,
        Target::Tiff | Target::Npy | Target::Seq => {
            let mut name = what.out.file_name().unwrap_or_default().to_os_string();
            name.push(".jsonl");
            Some(what.out.with_file_name(name))
        }
    }
}

/// Bytes that a frame's facts and its place in a file take at most.
const FACTS_BYTES: u64 = 4096;

/// Bytes that the range comes to at most, what is told of its frames included: formats may change in it.
fn most_bytes(recording: &Recording, from: u64, to: u64) -> u64 {
    let bytes = |n| {
        let g = recording.entry(n).map(|e| e.meta.geometry()).ok()?;
        let pixel = u64::from(g.pixel_format.bits_per_pixel()).div_ceil(8).max(1);
        let pixels = u64::from(g.width) * u64::from(g.height);
        Some(pixels.saturating_mul(pixel).saturating_add(FACTS_BYTES))
    };
    (from..=to).filter_map(bytes).fold(0, u64::saturating_add)
}

/// A file of JSON lines.
struct Lines {
    out: BufWriter<File>,
    name: PathBuf,
}

impl Lines {
    fn create(path: &Path, name: &Path) -> Result<Lines, Error> {
        let file = File::create_new(path).map_err(|e| super::draft::cannot(name, e))?;
        Ok(Lines { out: BufWriter::new(file), name: name.into() })
    }

    fn line(&mut self, fact: &Value) -> Result<(), Error> {
        writeln!(self.out, "{fact}").map_err(|e| super::draft::cannot(&self.name, e))
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(|e| super::draft::cannot(&self.name, e))
    }
}

/// An export under way.
struct Work<'a> {
    recording: &'a Recording,
    skip_damaged: bool,
    sink: Box<dyn Sink>,
    facts: Option<Lines>,
    /// What happened before the frames that are still to come, last ones first.
    events: Vec<Event>,
    image: Plain,
    payload: Vec<u8>,
    /// When the last frame or event was.
    now_unix_ns: u64,
    notes: BTreeSet<String>,
    done: Exported,
}

impl<'a> Work<'a> {
    fn new(
        recording: &'a Recording,
        what: &Export,
        sink: Box<dyn Sink>,
        facts: Option<Lines>,
        range: (u64, u64),
    ) -> Result<Work<'a>, Error> {
        let mut events = events_of(recording, range)?;
        events.reverse();
        Ok(Work {
            recording,
            skip_damaged: what.skip_damaged,
            sink,
            facts,
            events,
            image: Plain::default(),
            payload: Vec::new(),
            now_unix_ns: recording.header().started.unix_ns,
            notes: BTreeSet::new(),
            done: Exported {
                frames: 0,
                range,
                left_out: 0,
                incomplete: 0,
                lost: 0,
                pixel_bytes: 0,
                sidecar: sidecar_of(what),
                notes: Vec::new(),
            },
        })
    }

    fn tell(&mut self, fact: &Value) -> Result<(), Error> {
        self.facts.as_mut().map_or(Ok(()), |facts| facts.line(fact))
    }

    /// Tells what happened before frame `n`.
    fn events_before(&mut self, n: u64) -> Result<(), Error> {
        let clock = self.recording.header().started;
        while let Some(event) = self.events.pop_if(|e| e.before_frame <= n) {
            let fact = sidecar::event(&event, &clock);
            self.now_unix_ns = clock.unix_ns_of(event.host_time);
            self.sink.happened(self.now_unix_ns, &fact)?;
            self.tell(&fact)?;
        }
        Ok(())
    }

    fn frame(&mut self, n: u64) -> Result<(), Error> {
        self.events_before(n)?;
        let clock = self.recording.header().started;
        let read = self.recording.read(n, &mut self.payload);
        let made = read.map_err(|e| e.to_string()).and_then(|entry| {
            let done = self.image.take(&entry.meta, &self.payload);
            done.map(|done| (entry, done)).map_err(|e| format!("cannot be exported: {e}"))
        });
        let (entry, done) = match made {
            Ok(made) => made,
            Err(e) if self.skip_damaged => {
                self.done.left_out += 1;
                let fact = sidecar::left_out(n, &e);
                self.sink.happened(self.now_unix_ns, &fact)?;
                return self.tell(&fact);
            }
            Err(e) => {
                return Err(unreadable(
                    self.recording,
                    n,
                    &format!("{e}; --skip-damaged leaves such frames out"),
                ));
            }
        };
        let facts = sidecar::frame(n, &entry, &clock);
        self.tell(&facts)?;
        if let Some(from) = done.unpacked {
            self.notes.insert(format!("{from} was unpacked to {}", self.image.format));
        }
        if done.padding > 0 {
            let padding = counted(done.padding.into(), "byte");
            self.notes.insert(format!("{padding} of padding behind each row were left out"));
        }
        if done.missing > 0 {
            self.done.incomplete += 1;
            self.notes.insert("what did not come of incomplete frames is 0".into());
        }
        self.done.frames += 1;
        self.done.lost += lost(&entry);
        self.done.pixel_bytes += self.image.pixels.len() as u64;
        let unix_ns = clock.unix_ns_of(entry.meta.host_time);
        self.now_unix_ns = unix_ns;
        let shot = Shot { number: n, unix_ns, facts: &facts, image: &mut self.image };
        let note = self.sink.put(shot)?;
        self.notes.extend(note.map(str::to_string));
        Ok(())
    }

    fn finish(mut self) -> Result<Exported, Error> {
        self.events_before(u64::MAX)?;
        self.sink.finish()?;
        if let Some(facts) = &mut self.facts {
            facts.flush()?;
        }
        self.done.notes = self.notes.into_iter().collect();
        Ok(self.done)
    }
}

/// Frames that were lost just before this one, from all causes.
fn lost(entry: &Entry) -> u64 {
    let more = u64::from(entry.lost_by_hops) + u64::from(entry.not_written);
    u64::from(entry.meta.lost_before.total()) + more
}

//! Recordings of what others wrote.

use super::draft::Draft;
use super::interrupted;
use super::read::{Frames, Images, Raw, Seq, Taken, is_image, is_seq};
use super::told::{Told, ToldFrame};
use crate::clock::HostTime;
use crate::error::{Error, ErrorKind};
use crate::format::{Geometry, PixelFormat};
use crate::meta::FrameMeta;
use crate::recording::format::{End, Entry, MAGIC, Texts, WallClock};
use crate::recording::{Head, Rule, Writer};
use crate::source::FrameIdRule;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Frames a second where neither the command nor the files tell.
pub const DEFAULT_RATE: f64 = 25.0;
/// The host's clock at an imported recording's beginning: 1 s, as zero means nowhere.
const BEGIN: HostTime = HostTime(1_000_000_000);

/// What is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// An image file, or a folder of them.
    Images,
    /// A NorPix sequence.
    Seq,
    /// Pixels of that geometry and nothing else.
    Raw(Geometry),
}

impl Input {
    /// What lies at `path`, by how it begins. Raw pixels cannot be told from anything else: their geometry must be
    /// given.
    pub fn of(path: &Path) -> Result<Input, Error> {
        if path.is_dir() {
            return Ok(Input::Images);
        }
        let wrong = |what: String| Error::config(format!("{}{what}", path.display()));
        let mut beginning = Vec::new();
        let read = File::open(path).and_then(|f| f.take(8).read_to_end(&mut beginning));
        read.map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => wrong(": there is no such file or folder".into()),
            _ => wrong(format!(" cannot be read: {e}")),
        })?;
        if beginning == MAGIC {
            return Err(wrong(" is a recording already; frameline cut takes a part of it".into()));
        }
        match (is_image(&beginning), is_seq(&beginning)) {
            (true, _) => Ok(Input::Images),
            (_, true) => Ok(Input::Seq),
            _ => Err(wrong(
                " is no PNG, TIFF or JPEG image and no .seq file; for raw pixels give --width, --height and --format"
                    .into(),
            )),
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Input::Images => "images",
            Input::Seq => "seq",
            Input::Raw(_) => "raw",
        }
    }
}

/// What is to be imported, and how.
#[derive(Debug, Clone)]
pub struct Import {
    /// A file or a folder.
    pub path: PathBuf,
    /// What it is.
    pub input: Input,
    /// The recording's first file.
    pub out: PathBuf,
    /// Frames a second; `None`: as the file tells, or [`DEFAULT_RATE`].
    pub rate: Option<f64>,
    /// What the pixels are called; of as many bits as they have. `None`: as the files tell.
    pub format: Option<PixelFormat>,
}

/// What was imported.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Frames written.
    pub frames: u64,
    /// Of all of them.
    pub geometry: Geometry,
    /// Frames a second that their times were made from; `None`: the files tell their times.
    pub rate: Option<f64>,
    /// Bytes of payloads.
    pub payload_bytes: u64,
    /// What should be known about how the files were read.
    pub notes: Vec<String>,
}

/// Makes a recording of `what`; `watch` is asked before each frame, with those that are done and those expected.
pub fn import(what: &Import, watch: &mut dyn FnMut(u64, u64) -> bool) -> Result<Imported, Error> {
    let mut frames: Box<dyn Frames> = match what.input {
        Input::Images => Box::new(Images::open(&what.path)?),
        Input::Seq => Box::new(Seq::open(&what.path)?),
        Input::Raw(geometry) => Box::new(Raw::open(&what.path, geometry)?),
    };
    let draft = Draft::recording(&what.out)?;
    let expected = frames.expected();
    // What an export told of these frames; `rate` asks for other times.
    let told = Told::beside(what.input, &what.path).filter(|_| what.rate.is_none());
    let mut told = told.map(|path| Told::open(&path)).transpose()?;
    let mut behind = Vec::new();
    let mut pixels = Vec::new();
    let mut work: Option<Work> = None;
    let mut done = 0;
    loop {
        if !watch(done, expected) {
            return Err(interrupted(done));
        }
        let Some(taken) = frames.next(&mut pixels)? else { break };
        let of_it = match &mut told {
            Some(told) => Some(
                told.next(&mut behind)?
                    .ok_or_else(|| told.wrong("is the end, and there are more images"))?,
            ),
            None => None,
        };
        let work = match &mut work {
            Some(work) => work,
            none => {
                let first = (taken.clone(), of_it.as_ref().and_then(|t| t.format));
                none.insert(Work::begin(what, &draft, &*frames, first, told.as_ref())?)
            }
        };
        work.push(&taken, of_it, &pixels)?;
        done += 1;
    }
    if let Some(told) = &mut told
        && told.next(&mut behind)?.is_some()
    {
        return Err(told.wrong("tells of a frame that has no image"));
    }
    let Some(mut work) = work else {
        let what = format!("{} holds no frame", what.path.display());
        return Err(Error::new(ErrorKind::Source, what));
    };
    for event in &behind {
        work.writer.event(event)?;
    }
    let mut imported = work.finish()?;
    imported.notes = frames.notes();
    if told.is_some() {
        imported.notes.push("ids, times, losses and events are those that the export told".into());
    }
    draft.finish()?;
    Ok(imported)
}

/// An import under way.
struct Work {
    writer: Writer,
    first: Taken,
    geometry: Geometry,
    /// `None`: by the files' own times.
    rate: Option<f64>,
    frames: u64,
    bytes: u64,
}

impl Work {
    fn begin(
        what: &Import,
        draft: &Draft,
        frames: &dyn Frames,
        (first, format): (Taken, Option<PixelFormat>),
        told: Option<&Told>,
    ) -> Result<Work, Error> {
        let geometry = match (what.format, format) {
            // Under the name that it had, where the pixels are still such.
            (None, Some(format)) => {
                let plain = format.packing().and_then(|p| format.unpacked_at(p.depth()));
                called(first.geometry, plain.or(Some(format))).unwrap_or(first.geometry)
            }
            (name, _) => called(first.geometry, name)?,
        };
        let own_times = (first.unix_ns.is_some() && what.rate.is_none()) || told.is_some();
        let rate = what.rate.or(frames.rate()).unwrap_or(DEFAULT_RATE);
        let unix_ns = first.unix_ns.unwrap_or_else(|| changed(&first.file));
        let facts = [
            format!("program=frameline {}", env!("CARGO_PKG_VERSION")),
            format!("imported={}", what.input.name()),
        ];
        let mut head = Head {
            geometry,
            max_payload_bytes: geometry.image_bytes(),
            id_rule: FrameIdRule::default(),
            started: WallClock { unix_ns, host: BEGIN },
            texts: Texts {
                source: format!("import:{}", what.path.display()),
                host: facts.into(),
                ..Texts::default()
            },
        };
        if let Some(Told { about, .. }) = told {
            (head.id_rule, head.started) = (about.id_rule, about.started);
            let host = std::mem::take(&mut head.texts.host);
            head.texts = about.texts.clone();
            head.texts.host.extend(host.into_iter().skip(1));
        }
        let rule = Rule {
            frames: Some(frames.expected()),
            events: events(told),
            direct: false,
            ..Rule::default()
        };
        let bytes = geometry.image_bytes();
        let writer = Writer::create_as(draft.path(), draft.target(), head, bytes, rule)?;
        let rate = (!own_times).then_some(rate);
        Ok(Work { writer, first, geometry, rate, frames: 0, bytes: 0 })
    }

    fn push(&mut self, taken: &Taken, told: Option<ToldFrame>, pixels: &[u8]) -> Result<(), Error> {
        if taken.geometry != self.first.geometry {
            let (g, f) = (&taken.geometry, &self.first.geometry);
            return Err(Error::new(
                ErrorKind::Source,
                format!(
                    "{} is {}x{} {} and the first one, {}, is {}x{} {}; images of one recording have one size and format",
                    taken.file.display(),
                    g.width,
                    g.height,
                    g.pixel_format,
                    self.first.file.display(),
                    f.width,
                    f.height,
                    f.pixel_format
                ),
            ));
        }
        if let Some(ToldFrame { entry, events, .. }) = told {
            for event in &events {
                self.writer.event(event)?;
            }
            let (offset_x, offset_y) = (entry.meta.offset_x, entry.meta.offset_y);
            let of = FrameMeta::of(&Geometry { offset_x, offset_y, ..self.geometry });
            let (stride, x_padding, pixel_format) = (of.stride, of.x_padding, of.pixel_format);
            let (width, height) = (of.width, of.height);
            let meta = FrameMeta { stride, x_padding, pixel_format, width, height, ..entry.meta };
            return self.write(&Entry { meta, ..entry }, pixels);
        }
        let since = match self.rate {
            Some(rate) => (self.frames as f64 * 1e9 / rate).round() as u64,
            None => {
                let begin = self.first.unix_ns.unwrap_or(0);
                taken.unix_ns.unwrap_or(begin).saturating_sub(begin)
            }
        };
        let meta = FrameMeta {
            frame_id: self.frames,
            sequence: self.frames,
            host_time: HostTime(BEGIN.0.saturating_add(since)),
            ..FrameMeta::of(&self.geometry)
        };
        self.write(&Entry { meta, ..Entry::default() }, pixels)
    }

    fn write(&mut self, entry: &Entry, pixels: &[u8]) -> Result<(), Error> {
        self.writer.push(entry, pixels)?;
        self.frames += 1;
        self.bytes += pixels.len() as u64;
        Ok(())
    }

    fn finish(self) -> Result<Imported, Error> {
        self.writer.finish(End::Finished)?;
        Ok(Imported {
            frames: self.frames,
            geometry: self.geometry,
            rate: self.rate,
            payload_bytes: self.bytes,
            notes: Vec::new(),
        })
    }
}

/// Room for events.
fn events(told: Option<&Told>) -> u64 {
    if told.is_some() { Rule::DEFAULT_EVENTS } else { 1 }
}

/// The geometry with the name that the user gives its pixels.
fn called(g: Geometry, name: Option<PixelFormat>) -> Result<Geometry, Error> {
    let Some(name) = name else { return Ok(g) };
    if name.bits_per_pixel() != g.pixel_format.bits_per_pixel() {
        return Err(Error::config(format!(
            "pixels of {} bits a pixel, as {} has, cannot be called {name}, which has {}",
            g.pixel_format.bits_per_pixel(),
            g.pixel_format,
            name.bits_per_pixel()
        )));
    }
    let g = Geometry { pixel_format: name, ..g };
    g.check().map_err(|e| Error::config(format!("{}x{} {name}: {e}", g.width, g.height)))?;
    Ok(g)
}

/// When a file was last changed, ns since 1970; 0 where that cannot be known.
fn changed(path: &Path) -> u64 {
    let changed = path.metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let since = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

//! What an export told beside its images, read back: ids, times, losses and events. Nothing of it is believed unchecked.

use super::export::SIDECAR;
use super::import::Input;
use crate::clock::{DeviceTime, HostTime};
use crate::error::{Error, ErrorKind};
use crate::fault::FaultClass;
use crate::format::PixelFormat;
use crate::meta::{FrameMeta, FrameStatus, Loss};
use crate::recording::format::{Entry, Event, EventKind, Texts, WallClock};
use crate::source::FrameIdRule;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The longest line that is read.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// The file of lines, as far as it was read.
pub struct Told {
    path: PathBuf,
    lines: BufReader<File>,
    number: u64,
    /// What is known before the first frame.
    pub about: About,
}

/// What is known before the first frame.
pub struct About {
    pub texts: Texts,
    pub started: WallClock,
    pub id_rule: FrameIdRule,
}

/// What is known of one frame: an entry whose geometry is not that of the image, and the format that it had.
pub struct ToldFrame {
    pub entry: Entry,
    pub format: Option<PixelFormat>,
    /// What happened before it.
    pub events: Vec<Event>,
}

impl Told {
    /// The file that an export of these images would have told in, if it is there.
    pub fn beside(input: Input, path: &Path) -> Option<PathBuf> {
        let file = match input {
            Input::Images if path.is_dir() => path.join(SIDECAR),
            Input::Images | Input::Seq => {
                let mut name = path.file_name()?.to_os_string();
                name.push(".jsonl");
                path.with_file_name(name)
            }
            Input::Raw(_) => return None,
        };
        file.is_file().then_some(file)
    }

    /// Opens it and reads its first line.
    pub fn open(path: &Path) -> Result<Told, Error> {
        let file = File::open(path).map_err(|e| {
            let what = format!("{} cannot be read", path.display());
            Error::with_source(ErrorKind::Io, what, e)
        })?;
        let about = About {
            texts: Texts::default(),
            started: WallClock::default(),
            id_rule: FrameIdRule::default(),
        };
        let mut told = Told { path: path.into(), lines: BufReader::new(file), number: 0, about };
        let line = told.line()?.unwrap_or_default();
        let r = &line["recording"];
        if !r.is_object() {
            return Err(told.wrong("does not tell of a recording"));
        }
        let text = |key: &str| r[key].as_str().unwrap_or_default().to_string();
        let texts = |key: &str| {
            let all = r[key].as_array().into_iter().flatten();
            all.filter_map(|t| t.as_str().map(Into::into)).collect()
        };
        told.about = About {
            texts: Texts {
                source: text("source"),
                model: text("model"),
                codes: text("codes"),
                features: texts("features"),
                host: texts("host"),
            },
            started: WallClock {
                unix_ns: told.number_in(r, "started_unix_ns")?,
                host: HostTime(told.number_in(r, "started_host_ns")?),
            },
            id_rule: FrameIdRule {
                modulus: told.number_in(r, "frame_id_modulus")?,
                skips_zero: r["frame_id_skips_zero"].as_bool().unwrap_or(false),
            },
        };
        Ok(told)
    }

    /// The next frame, with what happened before it; `None` with what happened behind the last one.
    pub fn next(&mut self, behind: &mut Vec<Event>) -> Result<Option<ToldFrame>, Error> {
        let mut events = Vec::new();
        while let Some(line) = self.line()? {
            if let Some(kind) = line["event"].as_str() {
                events.extend(self.event(kind, &line)?);
            } else if line["frame"].is_u64() {
                return self.frame(&line, events).map(Some);
            } else if line.get("left_out").is_none() {
                return Err(self.wrong("tells of no frame and no event"));
            }
        }
        *behind = events;
        Ok(None)
    }

    fn frame(&self, line: &Value, events: Vec<Event>) -> Result<ToldFrame, Error> {
        let small = |of: &Value, key: &str| {
            u32::try_from(self.number_in(of, key)?)
                .map_err(|_| self.wrong(&format!("has a {key} beyond 32 bits")))
        };
        let lost = &line["lost_before"];
        let meta = FrameMeta {
            frame_id: self.number_in(line, "frame_id")?,
            sequence: self.number_in(line, "sequence")?,
            device_time: DeviceTime(self.number_in(line, "device_time_ns")?),
            host_time: HostTime(self.number_in(line, "host_time_ns")?),
            epoch: small(line, "epoch")?,
            offset_x: small(line, "offset_x")?,
            offset_y: small(line, "offset_y")?,
            lost_before: Loss {
                device: small(lost, "device")?,
                underrun: small(lost, "underrun")?,
                rejected: small(lost, "rejected")?,
            },
            status: match line["status"].as_str() {
                Some("complete") => FrameStatus::Complete,
                Some("incomplete") => FrameStatus::Incomplete,
                _ => return Err(self.wrong("has no status")),
            },
            out_of_order: line["out_of_order"].as_bool().unwrap_or(false),
            ..FrameMeta::default()
        };
        let entry = Entry {
            meta,
            lost_by_hops: small(lost, "hops")?,
            not_written: small(lost, "not_written")?,
            ..Entry::default()
        };
        let format = line["pixel_format"].as_str().and_then(PixelFormat::from_name);
        Ok(ToldFrame { entry, format, events })
    }

    /// An event of a kind that has a meaning without the file that it was told of.
    fn event(&self, kind: &str, line: &Value) -> Result<Option<Event>, Error> {
        let Some(kind) = EventKind::from_name(kind) else { return Ok(None) };
        Ok(Some(Event {
            kind,
            before_frame: 0,
            host_time: HostTime(self.number_in(line, "host_time_ns")?),
            code: line["code"].as_i64().unwrap_or(0),
            class: line["class"].as_str().and_then(FaultClass::from_name),
            detail: self.number_in(line, "detail")?,
            count: self.number_in(line, "count")?,
        }))
    }

    fn number_in(&self, of: &Value, key: &str) -> Result<u64, Error> {
        of[key].as_u64().ok_or_else(|| self.wrong(&format!("has no whole number {key}")))
    }

    fn line(&mut self) -> Result<Option<Value>, Error> {
        let mut text = Vec::new();
        self.number += 1;
        let read = (&mut self.lines).take(MAX_LINE_BYTES).read_until(b'\n', &mut text);
        match read {
            Ok(0) => Ok(None),
            Ok(_) => serde_json::from_slice(&text).map(Some).map_err(|_| self.wrong("is no JSON")),
            Err(e) => {
                let what = format!("{} cannot be read", self.path.display());
                Err(Error::with_source(ErrorKind::Io, what, e))
            }
        }
    }

    /// The error of its present line.
    pub fn wrong(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::Source,
            format!(
                "line {} of {} {what}; put the file aside to import the images without it",
                self.number,
                self.path.display()
            ),
        )
    }
}

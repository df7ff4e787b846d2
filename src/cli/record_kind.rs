//! The kind of stage that records: what its keys mean, and how it is made.

use super::fields::Fields;
use crate::clock::Clock;
use crate::error::Error;
use crate::format::Geometry;
use crate::recording::format::{Texts, WallClock};
use crate::recording::{Head, Keep, Recorder, RecorderSettings, Rule, check_free};
use crate::source::{FrameIdRule, Source};
use std::time::{Duration, SystemTime};

/// What a record stage is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordKind {
    settings: RecorderSettings,
    /// Whether frames wait; `None`: if the source does.
    waits: Option<bool>,
    /// The inspecting stage whose failed parts are events.
    pub from: Option<String>,
}

/// What is known of the source that is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFacts {
    uri: String,
    model: String,
    codes: String,
    geometry: Geometry,
    payload_bytes: u64,
    max_payload_bytes: u64,
    id_rule: FrameIdRule,
    can_wait: bool,
    /// Frames of the whole run, where that is known.
    frames: Option<u64>,
}

impl SourceFacts {
    /// Those of a source that was opened by `uri`, in a run of so many frames.
    pub fn of(uri: &str, source: &dyn Source, frames: Option<u64>) -> SourceFacts {
        let scheme = uri.split(':').next().unwrap_or_default();
        let codes = match super::resolve::recorded(uri) {
            Some(header) => header.texts.codes,
            None => scheme.into(),
        };
        SourceFacts {
            uri: uri.into(),
            model: source.info().model,
            codes,
            geometry: source.geometry(),
            payload_bytes: source.payload_bytes() as u64,
            max_payload_bytes: source.max_payload_bytes() as u64,
            id_rule: source.frame_id_rule(),
            can_wait: source.can_wait(),
            frames,
        }
    }

    fn head(&self) -> Head {
        let query = self.uri.split_once('?').map_or("", |(_, q)| q);
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let system = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Head {
            geometry: self.geometry,
            max_payload_bytes: self.max_payload_bytes,
            id_rule: self.id_rule,
            started: WallClock::at(Clock::host().now()),
            texts: Texts {
                source: self.uri.clone(),
                model: self.model.clone(),
                codes: self.codes.clone(),
                features: query.split('&').filter(|p| !p.is_empty()).map(Into::into).collect(),
                // Not the machine's name: recordings are sent to others.
                host: vec![
                    format!("program=frameline {}", env!("CARGO_PKG_VERSION")),
                    format!("system={} {}", std::env::consts::OS, system.trim()),
                    format!("cores={cores}"),
                ],
            },
        }
    }
}

/// A recording's name with the time in it where `{start}` stands: a line that comes up again by itself finds its last
/// recording, which is never written over.
pub fn named(name: &str, start: SystemTime) -> String {
    let time = humantime::format_rfc3339_seconds(start).to_string();
    let time: String = time.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    name.replace("{start}", &time)
}

impl RecordKind {
    /// What checked keys describe.
    pub fn from_fields(f: &Fields) -> Result<RecordKind, Error> {
        let Some(file) = f.text("file") else {
            return Err(f.error("file", "must name the recording, such as line.flr"));
        };
        let (last, before, after) =
            (f.duration("keep_last"), f.duration("keep_before"), f.duration("keep_after"));
        let around = before.is_some() || after.is_some();
        if last.is_some() && around {
            return Err(f.error("keep_last", "and keep_before, keep_after exclude each other"));
        }
        let on = f.text("on").unwrap_or("any");
        if !around && on != "any" {
            return Err(f.error("on", "has a meaning only with keep_before or keep_after"));
        }
        if f.text("from").is_some() && (!around || on == "fault") {
            return Err(f.error(
                "from",
                "has a meaning only with keep_before or keep_after, and where failed parts are events",
            ));
        }
        let keep = match (last, around) {
            (Some(time), _) => Keep::Last(time),
            (None, true) => Keep::Around {
                before: before.unwrap_or_default(),
                after: after.unwrap_or_default(),
                on_failed: on != "fault",
                on_fault: on != "failed-part",
            },
            (None, false) => Keep::All,
        };
        let bytes = f.bytes("segment").and_then(|n| u64::try_from(n).ok());
        let settings = RecorderSettings {
            path: named(file, SystemTime::now()).into(),
            rule: Rule {
                segment_bytes: bytes.unwrap_or(Rule::DEFAULT_SEGMENT_BYTES),
                direct: f.bool("direct"),
                ..Rule::default()
            },
            segment_time: f.duration("segment_time"),
            keep,
            depth: f.size("depth").unwrap_or(RecorderSettings::DEFAULT_DEPTH),
            waits: false,
            sync: f.duration("sync").unwrap_or(Duration::ZERO),
        };
        let waits = match f.text("behind") {
            Some("wait") => Some(true),
            Some("count") => Some(false),
            _ => None,
        };
        Ok(RecordKind { settings, waits, from: f.text("from").map(Into::into) })
    }

    /// Frames that it may hold beyond its turn.
    pub fn holds(&self) -> usize {
        self.settings.holds()
    }

    /// Whether failed parts are events.
    pub fn watches_parts(&self) -> bool {
        matches!(self.settings.keep, Keep::Around { on_failed: true, .. })
    }

    /// A recorder of that source's frames.
    pub fn open(&self, workers: usize, source: Option<&SourceFacts>) -> Result<Recorder, Error> {
        if workers > 1 {
            return Err(Error::config(format!(
                "a recording has one order, and {workers} workers have none; set workers = 1"
            )));
        }
        check_free(&self.settings.path)?;
        let source = source.ok_or_else(|| Error::config("there is nothing to record here"))?;
        let mut settings = self.settings.clone();
        settings.waits = self.waits.unwrap_or(source.can_wait);
        if settings.keep == Keep::All {
            settings.rule.frames = source.frames;
        }
        Ok(Recorder::new(settings, source.head(), source.payload_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_the_time() {
        // Catches a line that cannot start again beside its last recording, and a name that is no file's.
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_726_723);
        assert_eq!(named("ring-{start}.flr", at), "ring-20261126T205843Z.flr");
        assert_eq!(named("a/b.flr", at), "a/b.flr");
    }
}

//! What a command means: a line with everything decided.

use super::boards;
use super::document::{Document, Origin, Raw, Section};
use super::fields::{Fields, quoted};
use super::kinds::{self, Kind};
use super::log::LogSettings;
use super::schema;
use super::tables::{self, core, priority, wait};
use super::value::list;
use crate::error::Error;
use crate::pipeline::{After, LineConfig, StageSpec};
use crate::ring::Policy;
use crate::stages::Key;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Where frames come from if nobody says. The camera keeps as many finished frames as the line's first
/// ring holds, so that a stall of the machine costs none.
const DEFAULT_SOURCE: &str = "sim:?queue=16";

/// A resolved job.
#[derive(Debug)]
pub struct Job {
    /// Where frames come from, with every parameter in it.
    pub uri: String,
    /// Who said so.
    pub uri_origin: Origin,
    /// The line.
    pub line: LineConfig,
    /// Its stages.
    pub stages: Vec<StageJob>,
    /// What is logged, and where.
    pub log: LogSettings,
    /// Folder of the report.
    pub report: Option<PathBuf>,
    /// The whole of it as TOML.
    pub toml: String,
}

/// One stage.
#[derive(Debug, Clone)]
pub struct StageJob {
    /// Its place in the line.
    pub spec: StageSpec,
    /// What it does.
    pub kind: Kind,
    /// Who said so.
    pub origin: Origin,
}

impl Job {
    /// Checks a document and decides everything. `cores` are the numbers of the cores that there are.
    pub fn new(document: &Document, cores: &[usize]) -> Result<Job, Error> {
        let mut toml = String::new();
        let mut table = |name: &str, keys: &'static [Key]| {
            let empty = Section::new(Origin::BuiltIn);
            let fields = Fields::check(name, document.section(name).unwrap_or(&empty), &[keys])?;
            let _ = write!(toml, "[{name}]\n{}\n", fields.toml());
            Ok::<_, Error>(fields)
        };
        let pool = tables::pool(&table("pool", schema::POOL)?);
        let capture = table("capture", schema::CAPTURE)?;
        let config = LineConfig {
            pool,
            capture: tables::capture(&capture, cores)?,
            faults: tables::faults(&table("faults", schema::FAULTS)?),
            reset: tables::reset(&table("reset", schema::RESET)?),
            monitor: tables::monitor(&table("monitor", schema::MONITOR)?),
        };
        let log = LogSettings::new(&table("log", schema::LOG)?);
        let report = table("report", schema::REPORT)?.text("dir").map(PathBuf::from);
        let (uri, uri_origin) = source(document)?;
        let mut toml = format!("[source]\nuri = {}\n\n{toml}", quoted(&uri));
        let mut stages: Vec<StageJob> = Vec::new();
        for (i, section) in document.stages.iter().enumerate() {
            let (stage, text) = self::stage(section, i, document, &stages, cores)?;
            let _ = write!(toml, "[[stage]]\n{text}\n");
            stages.push(stage);
        }
        Ok(Job {
            uri,
            uri_origin,
            line: config,
            stages,
            log,
            report,
            toml: format!("{}\n", toml.trim_end()),
        })
    }
}

/// The URI, with the table's other keys as its parameters.
pub(super) fn source(document: &Document) -> Result<(String, Origin), Error> {
    let empty = Section::new(Origin::BuiltIn);
    let section = document.section("source").unwrap_or(&empty);
    let (mut uri, origin) = match section.get("uri") {
        // A queue that the table gives itself is not given twice.
        None if section.get("queue").is_some() => ("sim:".into(), section.origin.clone()),
        None => (DEFAULT_SOURCE.into(), section.origin.clone()),
        Some(item) => match &item.raw {
            Raw::Text(uri) if !uri.is_empty() => (uri.clone(), item.origin.clone()),
            other => {
                let message =
                    format!("source.uri must be a URI such as \"sim:\", not {}", other.describe());
                return Err(item.origin.error(message));
            }
        },
    };
    for (key, item) in section.items.iter().filter(|(key, _)| key != "uri") {
        let value = match &item.raw {
            Raw::Text(t) => t.clone(),
            Raw::Bool(b) => String::from(if *b { "on" } else { "off" }),
            Raw::Integer(n) => n.to_string(),
            Raw::Number(n) => n.to_string(),
            other => {
                return Err(item.origin.error(format_args!(
                    "source.{key} must be a text, a number, true or false, not {}",
                    other.describe()
                )));
            }
        };
        uri = with_parameter(&uri, key, &value);
    }
    Ok((uri, origin))
}

/// The URI with a parameter set, in the place of an earlier value.
pub(super) fn with_parameter(uri: &str, key: &str, value: &str) -> String {
    let (base, query) = uri.split_once('?').unwrap_or((uri, ""));
    let is_key = |p: &&str| p.split_once('=').map_or(*p, |(k, _)| k) == key;
    let mut pairs: Vec<String> =
        query.split('&').filter(|p| !p.is_empty() && !is_key(p)).map(String::from).collect();
    let mut encoded = String::new();
    for b in value.bytes() {
        // Everything that a query gives a meaning to.
        if b.is_ascii_graphic() && !matches!(b, b'%' | b'&' | b'#' | b'?' | b'+' | b'=') {
            encoded.push(char::from(b));
        } else {
            let _ = write!(encoded, "%{b:02X}");
        }
    }
    pairs.push(format!("{key}={encoded}"));
    format!("{base}?{}", pairs.join("&"))
}

/// One stage, checked against those before it, and its lines as TOML.
fn stage(
    section: &Section,
    index: usize,
    document: &Document,
    before: &[StageJob],
    cores: &[usize],
) -> Result<(StageJob, String), Error> {
    let text = |key: &str| match section.get(key).map(|item| &item.raw) {
        Some(Raw::Text(t)) => Some(t.as_str()),
        _ => None,
    };
    let label = match text("name") {
        Some(name) => format!("stage.{name}"),
        None => format!("stage number {}", index + 1),
    };
    for key in ["name", "kind"] {
        if section.get(key).is_none() {
            let known = if key == "kind" {
                format!("; kinds are {}", list(kinds::NAMES.iter().copied()))
            } else {
                String::new()
            };
            return Err(section.origin.error(format_args!("{label} has no {key}{known}")));
        }
    }
    // An unknown kind has no keys to check against: let the common table say what is wrong with it.
    let own = text("kind").map_or(&[][..], kinds::keys_of);
    if own.is_empty() {
        let mut known = Section::new(section.origin.clone());
        known.items = section.items.iter().filter(|(k, _)| k == "kind").cloned().collect();
        Fields::check(&label, &known, &[schema::STAGE])?;
    }
    let f = Fields::check(&label, section, &[schema::STAGE, own])?;
    let name = f.text("name").unwrap_or_default();
    if before.iter().any(|s| s.spec.name == name) {
        return Err(f.error("name", "is taken by an earlier stage; every stage needs its own"));
    }
    let after = match f.text("after") {
        None => After::Previous,
        Some("source") => After::Source,
        Some(after) if before.iter().any(|s| s.spec.name == after) => After::Stage(after.into()),
        Some(after) => {
            let later =
                document.stages.iter().skip(index).any(
                    |s| matches!(s.get("name").map(|i| &i.raw), Some(Raw::Text(n)) if n == after),
                );
            let names = ["source"].into_iter().chain(before.iter().map(|s| s.spec.name.as_str()));
            let why = if later { "is not written before it" } else { "does not exist" };
            return Err(f.error(
                "after",
                format_args!("names stage {after:?}, which {why}; it may follow {}", list(names)),
            ));
        }
    };
    let workers = f.size("workers").unwrap_or(1);
    let policy = f.text("policy").and_then(Policy::from_name);
    if policy == Some(Policy::Latest) && workers > 1 {
        return Err(
            f.error("policy", "is latest, which only one worker can follow; set workers = 1")
        );
    }
    if policy == Some(Policy::Latest) && f.size("ring").is_some() {
        return Err(f.error(
            "ring",
            "has no meaning with policy = \"latest\", which keeps the newest frame and no others; leave ring out, or choose another policy",
        ));
    }
    let spec = StageSpec {
        name: name.into(),
        after,
        thread: f.text("thread").map(Into::into),
        core: core(&f, workers, cores)?,
        priority: priority(&f),
        workers,
        ring: f.size("ring").unwrap_or(StageSpec::DEFAULT_RING),
        policy,
        wait: wait(&f),
        holds: f.size("holds").unwrap_or_default(),
    };
    let kind = Kind::from_fields(f.text("kind").unwrap_or_default(), &f)?;
    let spec = StageSpec { holds: spec.holds.max(kind.holds()), ..spec };
    let stage = StageJob { spec, kind, origin: section.origin.clone() };
    boards::check(before, &stage).map_err(|(key, message)| f.error(key, message))?;
    Ok((stage, f.toml()))
}

//! From what was typed to what it means: file, overrides, and where frames come from.

use super::args::RunArgs;
use super::document::{Document, Item, Origin, Raw, Section, is_feature, unknown};
use super::fields::quoted;
use super::findings;
use super::job::Job;
use super::schema::TABLE_NAMES;
use super::value::list;
use crate::error::{Error, ErrorKind};
use crate::recording::Segment;
use crate::recording::format::Header;
use crate::replay::{Replay, ReplayConfig};
use crate::sdk::aravis::Aravis;
use crate::sdk::gentl::Gentl;
use crate::sdk::mvs::Mvs;
use crate::sim::{Sim, SimConfig};
use crate::source::Source;
use std::path::Path;

/// The stages of a run that names none, on the simulated conveyor: the inspection, its judge, and beside them a
/// proof that no byte is torn. The rings outlast a stall of 0.1 s, which a shared virtual machine has now and then,
/// and together they hold fewer frames than the camera lends.
const BUILT_IN_INSPECTION: &str = "[[stage]]\nname = \"inspect\"\nkind = \"inspect\"\nthread = \"inspect\"\nring = 16\n\
    [[stage]]\nname = \"judge\"\nkind = \"judge\"\nthread = \"inspect\"\n\
    [[stage]]\nname = \"verify\"\nkind = \"verify\"\nafter = \"source\"\nring = 12\n";
/// On the simulated pattern.
const BUILT_IN_STAGES: &str = "[[stage]]\nname = \"verify\"\nkind = \"verify\"\nring = 16\n\
    [[stage]]\nname = \"threshold\"\nkind = \"threshold\"\n";
/// For a source whose content nobody knows, there is nothing to verify.
const BUILT_IN_MEASURING: &str =
    "[[stage]]\nname = \"threshold\"\nkind = \"threshold\"\nring = 16\n";
/// For such a source, where `--set stage.inspect.reference=FILE` says what its parts look like.
const BUILT_IN_INSPECTING: &str = "[[stage]]\nname = \"inspect\"\nkind = \"inspect\"\nring = 16\n";
/// The line of `frameline record`.
const BUILT_IN_RECORDING: &str =
    "[[stage]]\nname = \"record\"\nkind = \"record\"\nring = 16\ndepth = 16\n";
/// How long a run without a configuration file lasts where nobody says.
const BUILT_IN_SECONDS: f64 = 10.0;

/// Backends by URI scheme, and whether this version has them.
const SCHEMES: &[(&str, bool)] =
    &[("sim", true), ("mvs", true), ("gentl", true), ("aravis", true), ("replay", true)];

/// Whether this version can open sources of that scheme.
pub(super) fn has_backend(scheme: &str) -> bool {
    SCHEMES.iter().any(|(name, has)| *has && *name == scheme)
}

/// The resolved job of `frameline run`.
pub fn job(args: &RunArgs, cores: &[usize]) -> Result<Job, Error> {
    let mut document = match &args.config {
        Some(path) => Document::read(path, TABLE_NAMES)?,
        None => Document::default(),
    };
    if let Some(uri) = &args.source {
        let section = document.section_mut("source");
        section.items.clear();
        section.set("uri", Raw::Text(uri.clone()), Origin::Argument("--source"));
    }
    let capture = document.section_mut("capture");
    if let Some(frames) = args.frames {
        let frames = i64::try_from(frames).unwrap_or(i64::MAX);
        capture.set("frames", Raw::Integer(frames), Origin::Argument("--frames"));
    }
    let bounded = args.config.is_some() || args.frames.is_some() || args.record.is_some();
    if let Some(seconds) = args.seconds.or((!bounded).then_some(BUILT_IN_SECONDS)) {
        let ns = Raw::Integer((seconds * 1e9) as i64);
        capture.set("duration", ns, Origin::Argument("--seconds"));
    }
    if let Some(dir) = &args.report {
        let dir = Raw::Text(named(dir, "--report")?.into());
        document.section_mut("report").set("dir", dir, Origin::Argument("--report"));
    }
    // What is set of the source decides which stages are built in, and other keys may belong to those.
    let (of_source, others): (Vec<_>, Vec<_>) =
        args.set.iter().partition(|set| set.starts_with("source.") || is_feature(set));
    for set in of_source {
        document.set(set, TABLE_NAMES)?;
    }
    if let Some(path) = &args.record {
        document.stages = Document::parse(BUILT_IN_RECORDING, "built-in", TABLE_NAMES)?.stages;
        let file = Raw::Text(path.display().to_string());
        document.stages[0].set("file", file, Origin::Argument("--out"));
    }
    if document.stages.is_empty() {
        let inspects = others.iter().any(|set| set.starts_with("stage.inspect."));
        let built_in = built_in(&document, inspects);
        document.stages = Document::parse(built_in, "built-in", TABLE_NAMES)?.stages;
    }
    for set in others {
        document.set(set, TABLE_NAMES)?;
    }
    findings::keep(&mut document);
    advise_huge_pages(&mut document);
    Job::new(&document, cores)
}

/// The name that was given with that argument: it becomes a text of the line's configuration, which others are told.
pub(super) fn named<'a>(path: &'a Path, argument: &str) -> Result<&'a str, Error> {
    path.to_str().ok_or_else(|| {
        let name = path.display();
        Error::config(format!("{argument}: {name} is no name in UTF-8; give another one"))
    })
}

/// A line that records asks for huge pages where nobody says: a direct write takes its memory in pieces, and a request to the
/// disk holds only so many of them.
fn advise_huge_pages(document: &mut Document) {
    let is_record = |s: &Section| matches!(s.get("kind"), Some(Item { raw: Raw::Text(kind), .. }) if kind == "record");
    let said = document.section("pool").is_some_and(|pool| pool.get("huge_pages").is_some());
    if !said && document.stages.iter().any(is_record) {
        let advise = Raw::Text("advise".into());
        document.section_mut("pool").set("huge_pages", advise, Origin::BuiltIn);
    }
}

/// The stages of a job that names none. A source that is wrong is told when the job is made.
fn built_in(document: &Document, inspects: bool) -> &'static str {
    match super::job::source(document) {
        Ok((uri, _)) if inspects && !camera(&uri).starts_with("sim:") => BUILT_IN_INSPECTING,
        Ok((uri, _)) if !camera(&uri).starts_with("sim:") => BUILT_IN_MEASURING,
        Ok((uri, _)) if SimConfig::from_uri(&camera(&uri)).is_ok_and(|c| c.shows_conveyor()) => {
            BUILT_IN_INSPECTION
        }
        _ => BUILT_IN_STAGES,
    }
}

/// What the recording says that a replay's URI names; `None` for other sources, and for recordings that cannot be
/// opened, which is told when the replay is.
pub(super) fn recorded(uri: &str) -> Option<Header> {
    let config = ReplayConfig::from_uri(uri).ok()?;
    Some(Segment::open(config.path).ok()?.header().clone())
}

/// The URI of the camera whose frames come: of a replay, the one that was recorded.
pub(super) fn camera(uri: &str) -> String {
    let mut camera = uri.to_string();
    // A recording of a replay of a recording has an end somewhere.
    for _ in 0..8 {
        match recorded(&camera) {
            Some(header) => camera = header.texts.source,
            None => break,
        }
    }
    camera
}

/// Whether frames come again from the beginning: it is a replay in rounds, or one of what such a replay gave.
pub(super) fn comes_again(uri: &str) -> bool {
    let mut uri = uri.to_string();
    for _ in 0..8 {
        match ReplayConfig::from_uri(&uri) {
            Ok(config) if config.loops == 1 => match recorded(&uri) {
                Some(header) => uri = header.texts.source,
                None => return false,
            },
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// Opens the source that the job names.
pub fn open_source(job: &Job) -> Result<Box<dyn Source>, Error> {
    open_uri(&job.uri, &job.uri_origin)
}

/// Opens the source of that URI, which was given there.
pub(super) fn open_uri(uri: &str, origin: &Origin) -> Result<Box<dyn Source>, Error> {
    let here = |message: String| origin.error(message);
    let names = || SCHEMES.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let have = || SCHEMES.iter().filter(|(_, has)| *has).map(|(name, _)| *name);
    let Some((scheme, _)) = uri.split_once(':') else {
        return Err(here(format!(
            "the source {} has no scheme; a URI begins with one of {}, each followed by a colon",
            quoted(uri),
            list(names())
        )));
    };
    match SCHEMES.iter().find(|(name, _)| *name == scheme) {
        None => Err(here(unknown("source scheme", scheme, names()))),
        Some((_, false)) => Err(here(format!(
            "this version of frameline has no {scheme} backend yet; it has {}",
            list(have())
        ))),
        Some(("replay", _)) => match Replay::from_uri(uri) {
            // A disk that fails is no wrong command.
            Err(e) if e.kind() != ErrorKind::Config => Err(e),
            opened => open_as(opened, &here),
        },
        Some(("gentl", _)) => open_as(Gentl::from_uri(uri), &here),
        Some(("mvs", _)) => open_as(Mvs::from_uri(uri), &here),
        Some(("aravis", _)) => open_as(Aravis::from_uri(uri), &here),
        Some(_) => open_as(Sim::from_uri(uri), &here),
    }
}

/// What is wrong with the URI is told with its place; what is wrong with the camera needs none.
fn open_as<S: Source + 'static>(
    opened: Result<S, Error>,
    here: &dyn Fn(String) -> Error,
) -> Result<Box<dyn Source>, Error> {
    match opened {
        Ok(source) => Ok(Box::new(source)),
        Err(e) if e.kind() == ErrorKind::Source => Err(e),
        Err(e) => Err(here(e.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::LineConfig;
    use std::time::Duration;

    fn resolve(text: &str, sets: &[&str]) -> Result<Job, Error> {
        let mut document = Document::parse(text, "f.toml", TABLE_NAMES)?;
        for set in sets {
            document.set(set, TABLE_NAMES)?;
        }
        Job::new(&document, &[0, 1])
    }

    #[test]
    fn defaults_are_the_librarys() {
        // Catches a default that the schema and the library state differently.
        assert_eq!(resolve("", &[]).unwrap().line, LineConfig::default());
        let job = resolve("[[stage]]\nname = \"a\"\nkind = \"delay\"\n", &[]).unwrap();
        assert_eq!(job.stages[0].spec, crate::pipeline::StageSpec::new("a"));
        let kind = super::super::kinds::Kind::Delay(Default::default());
        assert_eq!(job.stages[0].kind, kind);
        let job = resolve("[[stage]]\nname = \"a\"\nkind = \"fail\"\n", &[]).unwrap();
        assert_eq!(job.stages[0].kind, super::super::kinds::Kind::Fail(Default::default()));
    }

    #[test]
    fn a_camera_is_inspected_where_a_reference_is_given() {
        // Catches a camera that can be inspected only with a configuration file.
        let job = |uri: &str, set: &str| {
            let args =
                RunArgs { source: Some(uri.into()), set: vec![set.into()], ..RunArgs::default() };
            let job = super::job(&args, &[0, 1])?;
            Ok::<_, Error>(job.stages.iter().map(|s| s.spec.name.clone()).collect::<Vec<_>>())
        };
        let set = "stage.inspect.reference=cap.toml";
        assert_eq!(job("aravis:", set).unwrap(), ["inspect"]);
        assert_eq!(job("sim:", set).unwrap(), ["inspect", "judge", "verify"]);
        assert_eq!(job("aravis:", "pool.slots=40").unwrap(), ["threshold"]);
        let e = job("aravis:", "stage.inspekt.reference=cap.toml").unwrap_err();
        assert!(e.to_string().contains("threshold"), "{e}");
    }

    #[test]
    fn a_line_that_records_asks_for_huge_pages_unless_told_otherwise() {
        // Catches a recorder whose writes go to the disk page by page, and a key that is no longer obeyed.
        let record = "[[stage]]\nname = \"r\"\nkind = \"record\"\nfile = \"a.flr\"\n";
        let delay = "[[stage]]\nname = \"d\"\nkind = \"delay\"\n";
        let pages = |text: &str| {
            let mut document = Document::parse(text, "f.toml", TABLE_NAMES).unwrap();
            super::advise_huge_pages(&mut document);
            Job::new(&document, &[0, 1]).unwrap().line.pool.huge_pages
        };
        use crate::buffer::HugePages;
        assert_eq!(pages(&format!("{delay}{record}")), HugePages::Advise);
        assert_eq!(pages(&format!("[pool]\nhuge_pages = \"off\"\n{record}")), HugePages::Off);
        assert_eq!(pages(delay), HugePages::Off);
    }

    #[test]
    fn every_default_in_the_schema_is_a_value_of_its_type() {
        // Catches a default that is shown in the docs but never applied, because it does not parse.
        let tables = super::super::schema::TABLES.iter().map(|(_, keys)| *keys);
        let kinds = super::super::kinds::KINDS.iter().map(|(.., keys)| *keys);
        for key in tables.chain(kinds).chain([super::super::schema::STAGE]).flatten() {
            let value = super::super::fields::default_of(key);
            assert_eq!(value.is_some(), !key.default.is_empty(), "{}", key.name);
        }
    }

    #[test]
    fn the_printed_job_is_the_same_job() {
        // Catches a key that --print-config forgets or writes so that it means something else.
        let text = r#"
            [source]
            uri = "sim:?rate=5&seed=3"
            rate = 200
            stamp = true
            faults = "a b&c=d%"
            [pool]
            slots = 7
            headroom = 2
            budget = "64MiB"
            lock = false
            huge_pages = "advise"
            [capture]
            core = 1
            priority = "fifo:20"
            timeout = 1500
            fill = "lend"
            frames = 12
            duration = "1.5s"
            [faults]
            backoff = "1.5us"
            remap = { "0x80000007" = "lost", "-1011" = "timeout" }
            [reset]
            late = "fail"
            [[stage]]
            name = "a"
            kind = "threshold"
            level = 9
            [[stage]]
            name = "b"
            kind = "results"
            after = "a"
            json = "/tmp/a \"b\".jsonl"
            policy = "1-in-3"
            from = "a"
            [[stage]]
            name = "c"
            kind = "fail"
            after = "source"
            at = [3, 1]
            hang = "2min"
        "#;
        let job = resolve(text, &[]).unwrap();
        assert_eq!(job.uri, "sim:?seed=3&rate=200&stamp=on&faults=a%20b%26c%3Dd%25");
        assert_eq!(job.line.capture.timeout, Duration::from_nanos(1500));
        let again = resolve(&job.toml, &[]).unwrap();
        assert_eq!((&again.toml, &again.uri), (&job.toml, &job.uri));
        assert_eq!(again.line, job.line);
        for (a, b) in job.stages.iter().zip(&again.stages) {
            assert_eq!((&a.spec, &a.kind), (&b.spec, &b.kind));
        }
    }

    #[test]
    fn wrong_values_are_named_with_place_key_and_expectation() {
        // Catches errors that leave the user to guess which line, which key, or what would be right.
        let stage = "[[stage]]\nname = \"a\"\nkind = \"delay\"\n";
        let with = |more: &str| format!("{stage}{more}");
        for (text, set, want) in [
            (
                "[pool]\nslots = 0".into(),
                "",
                "f.toml:2:1: pool.slots must be a whole number from 1",
            ),
            (
                "[pool]\nslost = 1".into(),
                "",
                "f.toml:2:1: [pool] unknown key \"slost\", did you mean \"slots\"?",
            ),
            ("[pool]\nlock = 1".into(), "", "pool.lock must be true or false, not 1"),
            (String::new(), "pool.slots=x", "--set pool.slots=x: pool.slots must be"),
            (String::new(), "pool.slost=1", "--set pool.slost=1: [pool] unknown key"),
            ("[capture]\ntimeout = \"2\"".into(), "", "a time such as \"500ms\""),
            ("[capture]\npriority = \"fifo:100\"".into(), "", "N from 1 to 99"),
            ("[capture]\ncore = 2".into(), "", "there are 2 cores here: 0 and 1"),
            ("[faults]\nremap = { \"0x8\" = \"gone\" }".into(), "", "its classes being timeout"),
            (String::new(), "faults.remap.0x8=gone", "not { \"0x8\" = \"gone\" }"),
            ("[source]\nuri = 3".into(), "", "source.uri must be a URI"),
            (with("workers = 0"), "", "stage.a.workers must be a whole number from 1 to 64"),
            (with("ring = 0"), "", "f.toml:4:1: stage.a.ring must be"),
            (with("workers = 2\ncore = 1"), "", "asks for its 2 workers for core 2"),
            (with("workers = 2\npolicy = \"latest\""), "", "set workers = 1"),
            (
                with("after = \"b\""),
                "",
                "names stage \"b\", which does not exist; it may follow source",
            ),
            (with("after = \"a\""), "", "which is not written before it"),
            (with(stage), "", "f.toml:5:1: stage.a.name is taken"),
            (with("level = 3"), "", "unknown key \"level\""),
            (with(""), "stage.a.mode=doze", "--set stage.a.mode=doze: stage.a.mode must be one of"),
            (
                "[[stage]]\nname = \"a\"\nkind = \"delya\"".into(),
                "",
                "one of \"verify\", \"threshold\"",
            ),
            ("[[stage]]\nkind = \"delay\"".into(), "", "stage number 1 has no name"),
            ("[[stage]]\nname = \"a.b\"\nkind = \"delay\"".into(), "", "letters, digits"),
            ("[[stage]]\nname = \"a\"\nkind = \"results\"".into(), "", "must name a file"),
            (
                with("[[stage]]\nname = \"r\"\nkind = \"results\"\njson = \"x\"\nfrom = \"a\""),
                "",
                "no threshold or inspect stage on the way to it; there is none",
            ),
        ] {
            let sets: Vec<_> = [set].into_iter().filter(|s| !s.is_empty()).collect();
            let e = resolve(&text, &sets).unwrap_err();
            let e = e.to_string();
            assert!(e.contains(want) && !e.contains('\n'), "{text:?} {set}: {e}");
        }
    }

    #[test]
    fn sources_that_are_not_there_say_so() {
        // Catches a scheme that is silently taken for another, or fails without the list.
        for (uri, want) in [
            ("gentl:a.cti", "never taken from the working directory"),
            ("gentl:?exposure=5", "no parameter \"exposure\""),
            ("mvs:libMvCameraControl.so", "never taken from the working directory"),
            ("mvs:?exposure=5", "no parameter \"exposure\""),
            ("replay:a.flr", "there is no such file"),
            ("aravis:?exposure=5", "no parameter \"exposure\""),
            ("smi:", "unknown source scheme \"smi\", did you mean \"sim\"?"),
            ("camera", "has no scheme"),
            ("sim:?colour=red", "colour"),
        ] {
            let job = resolve(&format!("[source]\nuri = \"{uri}\"\n"), &[]).unwrap();
            let e = open_source(&job).err().expect(uri).to_string();
            assert!(e.starts_with("f.toml:2:1: ") && e.contains(want), "{e}");
        }
    }
}

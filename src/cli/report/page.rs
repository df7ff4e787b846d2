//! `report.html`: one page that needs nothing but itself.
//!
//! Every text is escaped by the template; nothing on the page is fetched, which a content security policy on the
//! page itself forbids anyway. Each number that `summary.json` has too stands in a `data` element with its
//! exact value.

use super::hlog::Stretch;
use super::picture::Picture;
use super::sections;
use crate::cli::inspection::{Inspection, Truth, inspections, truth};
use crate::cli::job::Job;
use crate::cli::machine::Machine;
use crate::cli::object::{Verdict, started_text};
use crate::cli::units::{grouped, percent, rate, time_on_page};
use crate::pipeline::Snapshot;
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(in crate::cli) const STYLE: &str = include_str!("style.css");
/// Nothing is loaded from anywhere.
pub(in crate::cli) const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// Everything that a page is made of.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The end of the run.
    pub s: &'a Snapshot,
    /// What it came to.
    pub verdict: &'a Verdict,
    /// What was asked for.
    pub job: &'a Job,
    /// Where it ran.
    pub machine: &'a Machine,
    /// End-to-end latency over time.
    pub stretches: &'a [Stretch],
    /// Failed parts.
    pub pictures: &'a [Picture],
}

/// The page.
pub fn page(f: &Facts<'_>) -> String {
    let ok = f.verdict.failures.is_empty();
    let lossy = ok && !f.verdict.losses.is_empty();
    let word = match (ok, lossy) {
        (false, _) => "FAILED",
        (true, true) => "OK, WITH LOSSES",
        (true, false) => "OK",
    };
    let (inspections, truth) = (inspections(f.s), truth(f.s));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { "frameline: " (if ok { "ok" } else { "failed" }) ", " (started_text(f.s)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header.verdict.lossy[lossy].failed[!ok] {
                    p.word { (word) }
                    h1 #verdict { (sentence(&f.verdict.text())) }
                    p.source {
                        code { (f.job.uri) }
                        span.when {
                            (started_text(f.s).replace('T', " ").replace('Z', " UTC")) ", "
                            (seconds(f.s.elapsed.0)) ", frameline " (env!("CARGO_PKG_VERSION"))
                        }
                    }
                }
                main {
                    (tiles(f.s, &inspections, truth.as_ref()))
                    (sections::verdicts::verdicts(f, &inspections, truth.as_ref()))
                    (sections::frames::frames(f.s))
                    (sections::frames::counted_by_source(f.s))
                    (sections::latency::latency(f.s))
                    (sections::course::course(f))
                    (sections::answers::answers(f.s))
                    (sections::troubles::troubles(f.s))
                    (sections::stages::stages(f.s))
                    (sections::machine::machine(f))
                }
                footer {
                    "Beside this page: " code { "summary.json" } " (every figure, with the samples over time), "
                    code { "summary.txt" } ", " code { "config.toml" } " (runs the same line again), "
                    code { "*.hgrm" } " and " code { "*.hlog" } " (for HdrHistogram's tools)."
                }
            }
        }
    }
    .into_string()
}

/// With a capital and a full stop.
pub(in crate::cli) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// A length of time for reading: `10.02 s`, `3 min 20 s`.
pub(in crate::cli) fn seconds(ns: u64) -> String {
    let s = ns as f64 / 1e9;
    match s {
        s if s < 120.0 => format!("{s:.2} s"),
        s if s < 7200.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), (s % 60.0).floor()),
        s => format!("{:.0} h {:.0} min", (s / 3600.0).floor(), (s % 3600.0 / 60.0).floor()),
    }
}

/// A count with its exact value, and the name by which tools find it.
pub(in crate::cli) fn count(id: &str, n: u64) -> Markup {
    html! { data id=(id) value=(n) { (grouped(n)) } }
}

/// A time with its exact value in nanoseconds.
pub(in crate::cli) fn nanos(ns: u64) -> Markup {
    html! { data value=(ns) { (time_on_page(ns)) } }
}

/// The figures that one looks for first.
fn tiles(s: &Snapshot, inspections: &[Inspection], truth: Option<&Truth>) -> Markup {
    let f = &s.frames;
    let share = f.delivered as f64 / f.grabbed.max(1) as f64;
    let bytes = s.bytes as f64 / (s.elapsed.0.max(1) as f64 / 1e9);
    let p99 = s.end_to_end.quantile(0.99).0;
    let parts: u64 = inspections.iter().map(|i| i.parts).sum();
    let failed: u64 = inspections.iter().map(|i| i.failed).sum();
    let timed = |ns: u64| {
        let text = time_on_page(ns);
        let (value, unit) = text.rsplit_once(' ').unwrap_or(("", ""));
        (value.to_string(), unit.to_string())
    };
    let mut tiles: Vec<(String, String, &str)> = vec![
        (rate(s.frames_per_second()), "/s".into(), "frames"),
        (rate(bytes / 1e6), "MB/s".into(), "image data"),
    ];
    if f.grabbed > 0 {
        tiles.push((percent(share).replace(" %", ""), "%".into(), "of frames delivered whole"));
    }
    if s.end_to_end.count() > 0 {
        let (value, unit) = timed(p99);
        tiles.push((value, unit, "end to end, 99th percentile"));
    }
    let mut plain = |value: String, what| tiles.push((value, String::new(), what));
    if !inspections.is_empty() {
        plain(grouped(parts), "parts inspected");
        plain(grouped(failed), "parts failed");
    }
    if let Some(t) = truth {
        let [precision, recall] = t.shares();
        plain(precision, "precision");
        plain(recall, "recall");
    }
    let of = |ok: usize, all: usize| format!("{ok} of {all}");
    if !s.resets.is_empty() {
        let ok = s.resets.iter().filter(|r| r.ok).count();
        plain(of(ok, s.resets.len()), "resets went well");
    }
    if !s.reconnects.is_empty() {
        let ok = s.reconnects.iter().filter(|r| r.ok).count();
        plain(of(ok, s.reconnects.len()), "reconnections went well");
    }
    tile_row(&tiles)
}

/// Figures with their units, side by side.
pub(in crate::cli) fn tile_row(tiles: &[(String, String, &str)]) -> Markup {
    // Rows of equal length, as far as that goes.
    let columns = match tiles.len() {
        n @ 0..=6 => n,
        7 | 8 => 4,
        _ => 5,
    };
    html! {
        div.tiles style=(format!("--columns:{columns}")) {
            @for (value, unit, what) in tiles {
                div.tile {
                    p.value { (value) @if !unit.is_empty() { " " small { (unit) } } }
                    p.what { (what) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::cli::report::picture::Picture;
    use crate::cli::resolve::job;
    use crate::clock::{HostTime, Nanos};
    use crate::error::Refusal;
    use crate::pipeline::{EventReport, FaultReport, Line, ReconnectReport, ResetReport};
    use crate::sim::Sim;
    use crate::stage::Figure;
    use crate::verdict::{Area, Defect, PartVerdict};

    const HOSTILE: &str =
        "</title><script>alert(1)</script>\" onload='x' &amp; <img src=http://x/>";

    /// The end of a short run, with hostile text wherever a text can come from outside.
    fn hostile() -> Snapshot {
        let sim = Sim::from_uri("sim:?width=32&height=32&rate=max&frames=20").unwrap();
        let mut line = Line::builder(sim).frames(8).start().unwrap();
        for _ in line.frames() {}
        let mut s = line.stop(std::time::Duration::from_secs(5));
        let text = || HOSTILE.to_string();
        s.hops.iter_mut().for_each(|h| h.name = text());
        let results = vec![
            ("parts", Figure::Count(7)),
            ("failed", Figure::Count(2)),
            ("dent", Figure::Count(2)),
            ("precision", Figure::Number(0.5)),
            ("recall", Figure::Number(1.0)),
            ("planted_dent", Figure::Count(3)),
            ("found_dent", Figure::Count(2)),
            ("dent_called_stain", Figure::Count(1)),
            ("note", Figure::Text(text())),
        ];
        s.stages.push(crate::pipeline::StageSnapshot {
            name: text(),
            frames: 7,
            failed: 1,
            panicked: 1,
            service: s.end_to_end.clone(),
            results,
        });
        let class = crate::fault::FaultClass::Lost;
        let at = HostTime(5);
        s.faults.push(FaultReport {
            code: -1,
            name: text(),
            class,
            count: 1,
            call: HOSTILE,
            calls: vec![(HOSTILE, 1)],
            frame_id: None,
            first: at,
            last: at,
            action: text(),
        });
        s.events.extend((0..100).map(|_| EventReport { at, text: text() }));
        s.resets.extend((0..100).map(|n| ResetReport {
            reason: HOSTILE,
            at,
            drain: Nanos(n),
            prove: Nanos(2),
            rebuild: Nanos(3),
            restart: Nanos(4),
            dead: Nanos(n / 2),
            slot_bytes_before: 1,
            slot_bytes_after: 2,
            touched_bytes: 0,
            touch: Nanos(0),
            epoch: n,
            late: vec![text()],
            ok: n % 2 == 0,
        }));
        s.reconnects.push(ReconnectReport {
            reason: HOSTILE,
            at,
            attempts: 1,
            took: Nanos(1),
            dead: Nanos(0),
            ok: false,
        });
        s.diagnoses.push(crate::pipeline::DiagnosisReport {
            at,
            took: Nanos(1),
            timeouts: 4,
            damaged: 1,
            verdict: HOSTILE,
            evidence: crate::source::Evidence::default(),
            action: HOSTILE,
        });
        s.source_counters.push((text(), 1));
        s.refusals.push(Refusal { what: HOSTILE, reason: text() });
        s.failure = Some(text());
        s
    }

    /// Every tag that is opened is closed, in order; attributes are quoted and none comes twice.
    fn assert_well_formed(page: &str) {
        const VOID: [&str; 4] = ["meta", "br", "!DOCTYPE", "img"];
        let mut open = Vec::new();
        for part in page.split('<').skip(1) {
            let (tag, _) = part.split_once('>').unwrap_or_else(|| panic!("no end: {part}"));
            let name = tag.split([' ', '/']).find(|n| !n.is_empty()).unwrap_or_default();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "closed: {part}");
            } else if !tag.ends_with('/') && !VOID.contains(&name) {
                open.push(name);
            }
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            for attribute in [" class=", " style=", " id="] {
                assert!(tag.matches(attribute).count() < 2, "twice: {tag}");
            }
        }
        assert!(open.is_empty(), "left open: {open:?}");
    }

    #[test]
    fn nothing_from_outside_becomes_markup() {
        // Catches a name, a URI, a fault or a path that runs as a script or breaks the page.
        let s = hostile();
        let args = crate::cli::args::RunArgs::default();
        let mut job = job(&args, &[0]).unwrap();
        (job.uri, job.toml) = (HOSTILE.into(), HOSTILE.into());
        let machine = Machine {
            cpu: HOSTILE.into(),
            cores: vec![0],
            kernel: HOSTILE.into(),
            memory_bytes: 1,
        };
        let verdict = Verdict { failures: vec![HOSTILE.into()], ..Verdict::default() };
        let area = Area { x: 1, y: 2, width: 3, height: 4 };
        let crop = Area { x: 0, y: 0, width: 20, height: 20 };
        let part = PartVerdict { defect: Some(Defect::Dent), mark: area, ..PartVerdict::default() };
        let uri = "data:image/png;base64,AAAA".into();
        let pictures = [Picture { uri, file: HOSTILE.into(), frame_id: 3, verdict: part, crop }];
        let stretch = Stretch {
            start: Nanos(0),
            length: Nanos(1),
            p50: Nanos(1),
            p99: Nanos(2),
            max: Nanos(3),
        };
        let facts = Facts {
            s: &s,
            verdict: &verdict,
            job: &job,
            machine: &machine,
            stretches: &[stretch],
            pictures: &pictures,
        };
        let page = page(&facts);
        assert_well_formed(&page);
        for part in ["<script", "<img", "\" onload", "<link", "@import", "href=\"http"] {
            assert!(!page.contains(part), "{part}");
        }
        assert!(page.matches("&lt;script&gt;alert(1)").count() > 10);
        for part in ["parts inspected", "<rect class=\"mark\"", "60 more are in", "planted defects"]
        {
            assert!(page.contains(part), "{part}");
        }
    }

    #[test]
    fn texts_are_for_reading() {
        // Catches a verdict with two full stops, and an hour told in seconds.
        assert_eq!(sentence("the line ran"), "The line ran.");
        assert_eq!((sentence("Done."), sentence("")), ("Done.".into(), ".".into()));
        assert_eq!(seconds(10_020_000_000), "10.02 s");
        assert_eq!(seconds(200_000_000_000), "3 min 20 s");
        assert_eq!(seconds(7_384_000_000_000), "2 h 3 min");
    }
}

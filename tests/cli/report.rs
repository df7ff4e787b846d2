//! The folder of `--report`: what the page says is what `summary.json` says.

use super::{Folder, SMALL, finish, frameline, spawn, text};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

fn read(dir: &str, name: &str) -> String {
    std::fs::read_to_string(Path::new(dir).join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The value of an attribute in the text of a tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// The exact values of all `data` elements that have an id.
fn figures(page: &str) -> HashMap<&str, &str> {
    let tags = page.split("<data").skip(1).filter_map(|rest| rest.split_once('>'));
    tags.filter_map(|(tag, _)| Some((attribute(tag, "id")?, attribute(tag, "value")?))).collect()
}

/// The rows of the table of latencies: name in `summary.json`, and count, p50, p90, p99, p99.9, max.
fn latencies(page: &str) -> HashMap<String, Vec<u64>> {
    let rows = page.split("<tr data-latency=\"").skip(1);
    rows.map(|row| {
        let (name, rest) = row.split_once('"').expect("the end of the name");
        let (row, _) = rest.split_once("</tr>").expect("the end of the row");
        let values = row.split("<data").skip(1);
        let value = |v: &str| attribute(v, "value").and_then(|v| v.parse().ok()).expect("a number");
        (name.replace("&gt;", ">"), values.map(value).collect())
    })
    .collect()
}

/// Nothing is fetched from anywhere.
fn assert_self_contained(page: &str) {
    for part in ["http://", "https://", "@import", "url(", "<script", "<link", "src="] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn the_page_says_what_the_summary_says() {
    // Catches a number on the page that is not the run's, a loss that has no row, a page that needs a network.
    let folder = Folder::new("page");
    let dir = folder.path("out");
    let script = "&faults=at 20 lose 3;at 40 incomplete;at 60 resize 32x24;at 90 disconnect 50;at 120 burst 4";
    let source = format!("{SMALL}{script}");
    let set = "faults.backoff=20ms";
    let args = ["run", "--source", &source, "--frames", "200", "--report", &dir, "--set", set];
    let output = frameline(&args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let page = read(&dir, "report.html");
    let summary: Value = serde_json::from_str(&read(&dir, "summary.json")).expect("summary.json");
    assert_self_contained(&page);

    let found = figures(&page);
    let frames = summary["frames"].as_object().expect("frames");
    for (name, n) in frames {
        let id = format!("frames-{name}");
        assert_eq!(found.get(id.as_str()).copied(), Some(n.to_string().as_str()), "{id}");
    }
    let of =
        |name: &str| found[format!("frames-{name}").as_str()].parse::<u64>().expect("a number");
    let losses = frames.keys().filter(|k| *k != "grabbed").map(|k| of(k)).sum::<u64>();
    assert_eq!(of("grabbed"), losses, "the table adds up");
    assert!(page.contains("adds up") && !page.contains("does not add up"));

    let rows = latencies(&page);
    for (name, l) in summary["latency_ns"].as_object().expect("latency_ns") {
        let keys = ["count", "p50", "p90", "p99", "p999", "max"];
        let expected: Vec<u64> = keys.iter().map(|k| l[*k].as_u64().expect("a number")).collect();
        assert_eq!(rows.get(name), Some(&expected), "{name}");
    }
    for part in ["Resets", "Reconnections", "Faults", "SIM_LOST", "Over time", "sensor_width=64"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(summary["started"].as_str().is_some_and(|t| t.ends_with('Z')), "{summary}");
}

#[test]
fn what_half_the_contrast_hides_is_on_the_page() {
    // Catches a report that shows what was found and not what was missed.
    let folder = Folder::new("faint");
    let dir = folder.path("out");
    let size = "width=800&height=600&sensor_width=800&sensor_height=600";
    let source = format!("sim:?{size}&rate=max&defects=0.4&contrast=0.5&frames=40");
    let output = frameline(&["run", "--source", &source, "--report", &dir]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let (page, said) = (read(&dir, "report.html"), text(&output.stdout));
    let summary: Value = serde_json::from_str(&read(&dir, "summary.json")).expect("summary.json");
    let (judge, found) = (&summary["results"]["judge"], figures(&page));
    let recall = summary["results"]["inspect"]["recall"].as_f64().expect("recall");
    assert!((0.3..0.95).contains(&recall), "{judge}");
    let shown = |id: &str| found[id].parse::<f64>().expect("a number");
    assert!((shown("recall") - recall).abs() < 1e-9, "{} {recall}", shown("recall"));
    // Missed is missed of bad: the share is no other figure than the counts beside it.
    assert!((1.0 - shown("missed") / shown("defective") - recall).abs() < 1e-9, "{judge}");
    let kinds = ["missing", "deformed", "scratch", "dent", "stain", "misprint"];
    let lost = |k: &str| shown(&format!("planted-{k}")) - shown(&format!("found-{k}"));
    assert!(kinds.map(lost).iter().sum::<f64>() >= shown("missed"), "kind by kind: {judge}");
    let sentence = format!("of {} bad parts {} passed", shown("defective"), shown("missed"));
    assert!(said.contains(&sentence), "{sentence}: {said}");
}

#[test]
fn interval_logs_hold_every_value_once() {
    // Catches an interval that is written twice or not at all, and the last one, which the end of the run cuts off.
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    let folder = Folder::new("hlog");
    let dir = folder.path("out");
    let args = ["run", "--source", SMALL, "--seconds", "2.4", "--report", &dir, "--quiet"];
    let output = frameline(&args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let summary: Value = serde_json::from_str(&read(&dir, "summary.json")).expect("summary.json");
    let files = [("end_to_end", "end_to_end"), ("hop-source-to-verify", "source>verify")];
    for (file, name) in files.into_iter().chain([("stage-verify", "verify")]) {
        let log = read(&dir, &format!("{file}.hlog"));
        assert!(log.contains("#[Histogram log format version 1.3]"), "{log}");
        let mut whole = Histogram::<u64>::new(2).expect("two digits");
        let (mut intervals, mut end) = (0, 0.0);
        for entry in IntervalLogIterator::new(log.as_bytes()) {
            let LogEntry::Interval(i) = entry.expect("a line of a log") else { continue };
            assert!((i.start_timestamp().as_secs_f64() - end).abs() < 0.002, "no gap: {log}");
            end = i.start_timestamp().as_secs_f64() + i.duration().as_secs_f64();
            let bytes = base64_decoded(i.encoded_histogram());
            let part: Histogram<u64> =
                Deserializer::new().deserialize(&mut bytes.as_slice()).expect("a histogram");
            whole.add(&part).expect("values in range");
            intervals += 1;
        }
        assert!(intervals >= 2, "{intervals} intervals");
        let l = &summary["latency_ns"][name];
        assert_eq!(Some(whole.len()), l["count"].as_u64(), "{name}");
        let (here, there) = (whole.value_at_quantile(0.5), l["p50"].as_u64().expect("p50"));
        assert!(here.abs_diff(there) <= there / 50 + 1, "{name}: {here} {there}");
    }
}

/// Base64 as the logs have it, so that the test reads them without the program's own decoder.
fn base64_decoded(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("{c} is no digit of base64"),
    };
    let digits: Vec<u8> = text.trim_end_matches('=').bytes().map(digit).collect();
    let word = |four: &[u8]| four.iter().fold(0_u32, |w, d| w << 6 | u32::from(*d));
    digits
        .chunks(4)
        .flat_map(|four| {
            let bytes = (word(four) << (6 * (4 - four.len()))).to_be_bytes();
            bytes[1..four.len()].to_vec()
        })
        .collect()
}

#[test]
fn a_run_without_a_frame_has_a_report() {
    // Catches a division by zero, a plot without values, an axis without an end.
    let folder = Folder::new("none");
    let dir = folder.path("out");
    let source = "sim:?width=64&height=48&sensor_width=64&sensor_height=48&rate=200&faults=at 0 timeout 1000";
    let args = ["run", "--source", source, "--seconds", "0.4", "--report", &dir, "--json"];
    let output = frameline(&args);
    let page = read(&dir, "report.html");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_self_contained(&page);
    assert_eq!(figures(&page)["frames-grabbed"], "0");
    assert!(!page.contains("NaN") && !page.contains("inf "), "{page}");
}

#[test]
fn a_failed_run_has_a_report_that_says_so() {
    // Catches a report that is green whatever happened.
    let folder = Folder::new("failed");
    let dir = folder.path("out");
    let source = format!("{SMALL}&faults=at 10 disconnect 60000");
    let sets = ["--set", "faults.reconnect_attempts=2", "--set", "faults.backoff=1ms"];
    let args = ["run", "--source", &source, "--seconds", "30", "--report", &dir, "--quiet"];
    let output = frameline(&[&args[..], &sets[..]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let page = read(&dir, "report.html");
    assert!(page.contains("class=\"verdict failed\"") && page.contains("FAILED"));
    assert!(page.contains("did not come back within 2 attempts"));
}

#[test]
fn what_cannot_be_written_is_a_sentence_and_not_the_end_of_the_figures() {
    // Catches a run that is begun although its report cannot be written, and figures that are lost with it.
    let folder = Folder::new("unwritable");
    let file = folder.write("file", "");
    let dir = format!("{file}/report");
    let output = frameline(&["run", "--source", SMALL, "--frames", "9", "--report", &dir]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty() && text(&output.stderr).contains("cannot be written"));

    // A folder stands where the page belongs: that is seen after the run only.
    let dir = folder.path("out");
    std::fs::create_dir_all(Path::new(&dir).join("report.html")).expect("a folder");
    let output =
        frameline(&["run", "--source", SMALL, "--frames", "9", "--report", &dir, "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("report.html cannot be written"));
    // More than asked for where the camera lost some just then.
    assert!(super::object(&output)["frames"]["grabbed"].as_u64() >= Some(9));

    let dir = folder.path("logs");
    std::fs::create_dir_all(Path::new(&dir).join("end_to_end.hlog")).expect("a folder");
    let child = spawn(&["run", "--source", SMALL, "--frames", "9", "--report", &dir, "--quiet"]);
    let output = finish(child);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("end_to_end.hlog cannot be written"));
    assert!(read(&dir, "report.html").contains("frames-grabbed"), "the page is there all the same");
}

#[test]
fn an_inspection_is_told_with_its_pictures_and_kept() {
    // Catches verdicts that are counted and kept nowhere, pictures that are not on the page, and a page that
    // says another count than the stages.
    let folder = Folder::new("inspected");
    let dir = folder.path("out");
    let source = "sim:?width=640&height=480&sensor_width=640&sensor_height=480&rate=20&defects=0.4";
    let args = ["run", "--source", source, "--frames", "12", "--report", &dir, "--json", "--quiet"];
    let output = frameline(&args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let o = super::object(&output);
    let (inspected, kept) = (&o["results"]["inspect"], &o["results"]["inspect-results"]);
    let page = read(&dir, "report.html");
    assert_self_contained(&page);
    let found = figures(&page);
    for (id, n) in
        [("parts-inspect", &inspected["parts"]), ("failed-inspect", &inspected["failed"])]
    {
        assert_eq!(found.get(id).copied(), Some(n.to_string().as_str()), "{id}");
    }
    assert!(inspected["failed"].as_u64() > Some(0), "{inspected}");
    let number = |id: &str| found[id].parse::<f64>().expect("a number");
    for share in ["precision", "recall"] {
        // The parser of the object rounds the last bit in its own way.
        let gap = number(share) - inspected[share].as_f64().expect("a share");
        assert!(gap.abs() < 1e-12, "{share}: {gap}");
    }

    let lines = read(&dir, "results.jsonl");
    let records: Vec<Value> =
        lines.lines().map(|l| serde_json::from_str(l).expect("a record")).collect();
    assert_eq!(Some(records.len() as u64), kept["written"].as_u64());
    let failed: u64 = records.iter().filter_map(|r| r["failed"].as_u64()).sum();
    assert_eq!(Some(failed), inspected["failed"].as_u64(), "{lines}");

    let pictures = std::fs::read_dir(Path::new(&dir).join("parts")).expect("parts").count();
    assert_eq!(Some(pictures as u64), o["results"]["inspect-save"]["saved"].as_u64());
    let shown = page.matches("href=\"data:image/png;base64,").count();
    assert_eq!(shown, pictures.min(24));
    assert!(read(&dir, "config.toml").contains("name = \"inspect-save\""));
}

#[test]
fn a_run_that_never_began_leaves_no_report() {
    // Catches a folder with a configuration of a line that never ran, and one over that of a line that did.
    let folder = Folder::new("never");
    let dir = folder.path("runs/first");
    let wrong = ["run", "--source", "sim:?colour=3", "--report", &dir];
    let lost = ["run", "--source", "mvs:/no/such/library.so", "--report", &dir];
    let late = [
        "run",
        "--source",
        SMALL,
        "--report",
        &dir,
        "--set",
        "stage.verify.ring=8",
        "--set",
        "pool.slots=2",
    ];
    let refused = [(&wrong[..], "colour"), (&lost, "library.so"), (&late, "slots")];
    for (args, want) in refused {
        let o = frameline(args);
        assert_ne!(o.status.code(), Some(0), "{args:?}");
        assert!(text(&o.stderr).contains(want), "{args:?}: {}", text(&o.stderr));
        assert!(!Path::new(&folder.path("runs")).exists(), "{args:?}");
    }
    let o = frameline(&["run", "--source", SMALL, "--frames", "5", "--report", &dir]);
    assert_eq!(o.status.code(), Some(0), "{}", text(&o.stderr));
    assert!(read(&dir, "config.toml").contains("frames = 5"));
    let all = || {
        let names = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name());
        let mut all: Vec<_> =
            names.map(|n| (std::fs::read(Path::new(&dir).join(&n)).unwrap(), n)).collect();
        all.sort();
        all
    };
    let before = all();
    for (args, _) in refused {
        let _ = frameline(args);
        assert_eq!(all(), before, "{args:?}");
    }
}

#[test]
fn a_folder_whose_name_is_no_text_is_refused() {
    // Catches a report in another folder than the one that was asked for.
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new("bytes");
    let dir = folder.0.join(std::ffi::OsStr::from_bytes(b"r\xff"));
    let o = std::process::Command::new(env!("CARGO_BIN_EXE_frameline"))
        .args(["run", "--source", SMALL, "--frames", "5", "--report"])
        .arg(&dir)
        .output()
        .expect("the program starts");
    assert_eq!(o.status.code(), Some(2), "{}", text(&o.stderr));
    let told = text(&o.stderr);
    assert!(told.contains("--report: ") && told.contains("is no name in UTF-8"), "{told}");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
}

//! The log file of a run, and `frameline stats`, which reads it.

use super::{Folder, SMALL, frameline, object, spawn, text};
use serde_json::Value;
use std::process::Command;

/// What goes wrong: a silence that is a format drift, one that ends by itself, two kinds of faults, two losses of the
/// device, frames that are lost.
const SCRIPT: &str = "&faults=at 20 lose 3;at 40 incomplete;at 60 fail 5;at 80 disconnect 50;at 100 drift 32x24;\
                      at 130 timeout 2;at 150 disconnect 20";

/// As many frames as are asked for, none that a busy machine misses: the script comes whole whatever the load.
const CAMERA: &str = "sim:?width=64&height=48&sensor_width=64&sensor_height=48&rate=max";

/// A run with faults that logs to a file, and its `summary.json`.
fn run(folder: &Folder, name: &str, sets: &[&str]) -> (String, Value) {
    let (log, dir) = (folder.path(&format!("logs/{name}.log")), folder.path(name));
    let (source, file) = (format!("{CAMERA}{SCRIPT}"), format!("log.file={log}"));
    let mut args = vec!["run", "--source", &source, "--frames", "300", "--quiet", "--json"];
    args.extend(["--report", &dir, "--set", &file, "--set", "faults.backoff=10ms"]);
    args.extend(["--set", "capture.timeout=50ms", "--set", "monitor.warm_up=10ms"]);
    args.extend(["--set", "monitor.interval=20ms"]);
    sets.iter().for_each(|set| args.extend(["--set", set]));
    let output = frameline(&args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(object(&output)["log"]["lines"].as_u64() > Some(10));
    let summary = std::fs::read_to_string(format!("{dir}/summary.json")).unwrap();
    (log, serde_json::from_str(&summary).unwrap())
}

fn stats(files: &[&str]) -> Value {
    let output = frameline(&[&["stats", "--json"], files].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    object(&output)
}

/// What a log and the report of the same run must have in common, to the last digit.
fn assert_same(logged: &Value, reported: &Value) {
    for key in ["runs", "failed", "seconds", "frames", "recovery", "errors_not_listed"] {
        assert_eq!(logged[key], reported[key], "{key}");
    }
    let errors = |o: &Value| o["errors"].as_array().unwrap().clone();
    assert_eq!(errors(logged).len(), errors(reported).len());
    for (a, b) in errors(logged).iter().zip(&errors(reported)) {
        for key in [
            "code", "name", "class", "count", "per_hour", "first_ns", "last_ns", "call", "calls",
            "action",
        ] {
            assert_eq!(a[key], b[key], "{key} of {a}");
        }
    }
    for key in
        ["rss_peak", "flat", "growth_bytes", "rss_settled", "pool_settled", "rss_end", "pool_end"]
    {
        assert_eq!(logged["memory"][key], reported["memory"][key], "{key}");
    }
}

#[test]
fn stats_of_both_formats_are_those_of_the_report() {
    // Catches a figure that the log lacks, that the two formats tell differently, or that is counted twice.
    let folder = Folder::new("logs");
    for format in ["text", "json"] {
        let set = format!("log.file_format={format}");
        let (log, summary) = run(&folder, format, &[&set]);
        let o = stats(&[&log]);
        assert_same(&o, &summary["stats"]);
        // And these are the run's own.
        let count = |code: &str| {
            let of = |e: &&Value| e["code"] == code;
            let at =
                |list: &Value| list.as_array().unwrap().iter().find(of).unwrap()["count"].clone();
            (at(&o["errors"]), at(&summary["faults"]))
        };
        for code in ["0x00000001", "0x00000005", "0x00000006"] {
            let (logged, of_run) = count(code);
            assert!(logged == of_run && logged.as_u64() > Some(0), "{code}: {logged} {of_run}");
        }
        for (name, key) in [("resets", "reset"), ("reconnects", "reconnect")] {
            let all = summary[name].as_array().unwrap();
            assert!(!all.is_empty());
            let r = &o["recovery"][name];
            assert_eq!(r["attempts"], all.len() as u64, "{name}");
            assert_eq!(summary["ladder"][key]["attempts"], all.len() as u64, "{name}");
            let longest = all.iter().filter_map(|r| r["dead_ns"].as_u64()).max();
            assert_eq!(r["dead_longest_ns"].as_u64(), longest, "{name}");
            assert!(r["dead_median_ns"].as_u64() <= longest && r["share"] == 1.0);
        }
        assert_eq!(o["recovery"]["diagnoses"]["format-drift"], 1);
        assert_eq!(o["memory"]["rss_peak"], summary["memory"]["rss_peak"]);
        assert!(o["memory"]["over_time"].as_array().unwrap().len() > 1);
        let table = frameline(&["stats", &log]);
        let told = text(&table.stdout);
        for part in ["1 run in 1 file", "per hour", "SIM_LOST", "reconnects", "median dead", "flat"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
    let page = std::fs::read_to_string(folder.path("text/report.html")).unwrap();
    assert!(page.contains("Errors, recovery, memory") && page.contains("per hour"));
}

#[test]
fn every_line_of_a_fault_has_its_context() {
    // Catches a log that must be read beside something else: a fault without camera, call, count or action.
    let folder = Folder::new("context");
    let (log, summary) =
        run(&folder, "context", &["log.file_format=json", "monitor.log_repeats=50ms"]);
    let lines: Vec<Value> = std::fs::read_to_string(&log)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let of = |event: &str| lines.iter().filter(move |l| l["event"] == event).collect::<Vec<_>>();
    let all: Vec<_> =
        lines.iter().filter(|l| l["event"].as_str().unwrap().starts_with("fault")).collect();
    for l in &all {
        for key in ["camera", "call", "code", "name", "class", "action", "message", "timestamp"] {
            assert!(l[key].as_str().is_some_and(|t| !t.is_empty()), "{key}: {l}");
        }
        for key in ["frame_id", "count", "new", "first_ns", "last_ns", "at_ns"] {
            assert!(l[key].is_u64(), "{key}: {l}");
        }
    }
    // Once when it comes first, once at the end; between them now and then, and each adds what is new.
    let faults = summary["faults"].as_array().unwrap();
    assert_eq!((of("fault").len(), of("fault_total").len()), (faults.len(), faults.len()));
    for f in faults {
        let of_it: Vec<_> = all.iter().filter(|l| l["code"] == f["code"]).collect();
        let new: u64 = of_it.iter().map(|l| l["new"].as_u64().unwrap()).sum();
        assert_eq!(
            (Value::from(new), &of_it.last().unwrap()["count"]),
            (f["count"].clone(), &f["count"])
        );
    }
    let end = of("run_end");
    assert_eq!((of("run_begin").len(), end.len()), (1, 1));
    let level = match (summary["ok"].as_bool(), end[0]["ok"].as_bool()) {
        (Some(true), Some(true)) => "WARN", // Data was lost, and the run did what was asked all the same.
        _ => "ERROR",
    };
    assert_eq!(end[0]["level"], level, "{}", end[0]);
    for (key, n) in summary["frames"].as_object().unwrap() {
        assert_eq!(&end[0][key], n, "{key}");
    }
}

#[test]
fn logs_of_many_runs_in_parts_with_other_lines_are_read() {
    // Catches runs that are mixed up, parts that count twice or in the wrong order, a foreign line that ends it all.
    let folder = Folder::new("parts");
    let sets = ["log.size=4KiB", "log.keep=100"];
    let (log, one) = run(&folder, "many", &sets);
    let (_, two) = run(&folder, "many", &sets);
    let mut parts: Vec<String> = std::fs::read_dir(folder.path("logs"))
        .unwrap()
        .map(|e| e.unwrap().path().display().to_string())
        .collect();
    assert!(parts.len() > 2, "the log has rolled: {parts:?}");
    parts.sort();
    let sum = |key: &str| {
        let of = |o: &Value| o["stats"]["recovery"][key]["attempts"].as_u64().unwrap();
        of(&one) + of(&two)
    };
    let check = |o: &Value| {
        assert_eq!((&o["runs"], &o["unfinished"]), (&2.into(), &0.into()));
        for key in ["resets", "reconnects", "retries"] {
            assert_eq!(o["recovery"][key]["attempts"], sum(key), "{key}");
        }
        let grabbed = |o: &Value| o["frames"]["grabbed"].as_u64().unwrap();
        assert_eq!(grabbed(o), grabbed(&one) + grabbed(&two));
    };
    let names: Vec<&str> = parts.iter().map(String::as_str).collect();
    let forth = stats(&names);
    check(&forth);
    // In any order, and with one named twice.
    let back: Vec<&str> = names.iter().rev().copied().chain([log.as_str()]).collect();
    check(&stats(&back));
    // In one file, with lines of others between, and the end of the last line missing.
    let mut whole = String::from("not ours\n\u{0}\u{1}\n{\"a\":1}\n");
    let mut in_order: Vec<_> = parts.iter().map(|p| std::fs::read_to_string(p).unwrap()).collect();
    in_order.sort();
    whole += &in_order.concat();
    whole += &"x".repeat(200_000);
    whole += "\n2026-11-26T12:00:00.000000Z WARN  cut\tevent=\"fault\" camera=\"c";
    let file = folder.write("whole.log", &whole);
    let o = stats(&[&file]);
    check(&o);
    assert_eq!(o["lines"]["foreign"], 5);
    assert_eq!((&o["errors"], &o["memory"]), (&forth["errors"], &forth["memory"]));
    // Half a log: the counts are those of its lines, and it says that the end is missing.
    let end = whole.rfind("event=\"run_end\"").unwrap();
    let cut = whole[..end].rfind('\n').unwrap();
    let half = folder.write("half.log", &whole[..cut]);
    let o = stats(&[&half]);
    assert_eq!((&o["runs"], &o["unfinished"]), (&2.into(), &1.into()));
    assert_eq!(o["recovery"]["reconnects"]["attempts"], sum("reconnects"));
    assert_eq!(o["errors"], {
        // Without its last line a run is a little shorter, so that its rates are higher.
        let mut errors = forth["errors"].clone();
        let short = o["errors"].as_array().unwrap();
        for (e, s) in errors.as_array_mut().unwrap().iter_mut().zip(short) {
            e["per_hour"] = s["per_hour"].clone();
        }
        errors
    });
}

#[test]
fn a_run_that_was_killed_leaves_a_log_that_is_read() {
    // Catches a log that is written only at the end, and one without an end that is refused.
    let folder = Folder::new("killed");
    let log = folder.path("line.log");
    let (set, source) = (format!("log.file={log}"), format!("{SMALL}&faults=every 20 timeout 2"));
    let args = ["run", "--source", &source, "--seconds", "600", "--quiet", "--set", &set];
    let mut child = spawn(&[&args[..], &["--set", "monitor.log_repeats=20ms"]].concat());
    let has = |part: &str| std::fs::read_to_string(&log).is_ok_and(|t| t.contains(part));
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !has("fault_again") {
        assert!(std::time::Instant::now() < until, "nothing was logged");
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    let _ = Command::new("kill").args(["-KILL", &child.id().to_string()]).status();
    child.wait().unwrap();
    let o = stats(&[&log]);
    assert_eq!((&o["runs"], &o["unfinished"]), (&1.into(), &1.into()), "{o}");
    assert_eq!(o["errors"][0]["name"], "SIM_TIMEOUT");
    assert!(o["errors"][0]["count"].as_u64() > Some(1) && o["seconds"].as_f64() > Some(0.0));
    assert!(text(&frameline(&["stats", &log]).stdout).contains("1 without an end"));
}

#[test]
fn what_cannot_be_read_or_written_is_one_sentence() {
    // Catches a log that is refused without a word about which, and exit codes that mean something else.
    let folder = Folder::new("refused");
    let foreign = folder.write("foreign.log", "some other program's line\n");
    let empty = folder.write("empty.log", "");
    let (gone, dir) = (folder.path("gone.log"), folder.path(""));
    let below = format!("log.file={foreign}/line.log");
    let small: &[&str] = &["run", "--source", SMALL, "--frames", "5", "--quiet", "--set"];
    let with = |set: &'static str| [small, &[set]].concat();
    let not_there = [small, &[below.as_str()]].concat();
    for (args, code, want) in [
        (vec!["stats"], 2, "LOGFILE"),
        (vec!["stats", &gone], 2, "cannot be opened"),
        (vec!["stats", &dir], 2, "is a folder"),
        (vec!["stats", "/dev/null"], 2, "is no file"),
        (vec!["stats", &foreign, &gone], 2, "gone.log cannot be opened"),
        (vec!["stats", &foreign], 1, "foreign.log holds no line of frameline"),
        (vec!["stats", &empty, "--json"], 1, "empty.log holds no line of frameline"),
        (not_there, 2, "cannot be written"),
        (with("log.rotation=weekly"), 2, "log.rotation must be one of \"never\", \"size\""),
        (with("log.size=1KiB"), 2, "log.size must be a size"),
        (with("log.keep=0"), 2, "log.keep must be a whole number from 1"),
        (with("log.file_format=xml"), 2, "log.file_format must be one of"),
        (with("log.file="), 2, "log.file must be a text that is not empty"),
    ] {
        let output = frameline(&args);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
        assert!(told.contains(want) && told.trim().lines().count() == 1, "{args:?}: {told}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn rolled_by_date_the_name_has_the_date() {
    // Catches a rotation that is read and not used.
    let folder = Folder::new("dated");
    let file = format!("log.file={}", folder.path("line.log"));
    for (rotation, length) in [("daily", 10), ("hourly", 13)] {
        let set = format!("log.rotation={rotation}");
        let args = ["run", "--source", SMALL, "--frames", "5", "--quiet", "--set", &file, "--set"];
        let output = frameline(&[&args[..], &[set.as_str()]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let names = std::fs::read_dir(&folder.0).unwrap();
        let names: Vec<_> = names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        let dated = |n: &&String| {
            let date = n.strip_prefix("line.").and_then(|n| n.strip_suffix(".log"));
            date.is_some_and(|d| d.len() == length)
        };
        let name = names.iter().find(dated).unwrap_or_else(|| panic!("{rotation}: {names:?}"));
        assert_eq!(stats(&[&folder.path(name)])["runs"], 1);
    }
}

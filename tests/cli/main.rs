//! The program from outside: exit codes, sentences, the JSON contract, signals.
//!
//! Nothing here has an upper bound on time but a watchdog; pictures are small, so that a build without
//! optimisation and two busy cores keep up.
#![cfg(feature = "cli")]

mod doctor;
mod explain;
mod features;
mod logs;
mod media;
mod report;
mod wrong;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const SMALL: &str = "sim:?width=64&height=48&sensor_width=64&sensor_height=48&rate=200";

fn spawn(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_frameline"))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Waits with a watchdog: a program that hangs is killed, and the test says so.
fn finish(child: Child) -> Output {
    let id = child.id().to_string();
    let (tx, rx) = mpsc::channel();
    std::thread::spawn(move || tx.send(child.wait_with_output()));
    match rx.recv_timeout(Duration::from_secs(90)) {
        Ok(output) => output.expect("its output can be read"),
        Err(_) => {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
            panic!("the program hung");
        }
    }
}

fn frameline(args: &[&str]) -> Output {
    finish(spawn(args))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// A folder of its own for each test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let dir = std::env::temp_dir().join(format!("frameline-cli-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        Folder(dir)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The JSON object of a run: the last line on stdout, and the only one.
fn object(output: &Output) -> Value {
    let out = text(&output.stdout);
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines.len(), 1, "stdout: {out}\nstderr: {}", text(&output.stderr));
    serde_json::from_str(lines[0]).expect("one JSON object")
}

fn is_count(v: &Value) -> bool {
    v.is_u64()
}

/// Every key that tools may rely on, with its type.
fn assert_contract(o: &Value) {
    let counts = [
        "grabbed",
        "delivered",
        "incomplete",
        "underrun",
        "refused",
        "invalid",
        "lost_by_device",
        "in_flight",
    ];
    let frames: Vec<u64> = counts
        .iter()
        .map(|k| o["frames"][k].as_u64().unwrap_or_else(|| panic!("frames.{k}")))
        .collect();
    assert_eq!(frames[0], frames[1..].iter().sum::<u64>(), "the identity: {}", o["frames"]);
    assert_eq!(o["balanced"], true);
    assert!(is_count(&o["bytes"]) && o["seconds"].as_f64().is_some());
    let latencies = o["latency_ns"].as_object().expect("latency_ns");
    assert!(latencies.contains_key("end_to_end") && latencies.len() > 1);
    for (name, l) in latencies {
        for key in ["count", "p50", "p90", "p99", "p999", "max"] {
            assert!(is_count(&l[key]), "latency_ns.{name}.{key}");
        }
    }
    for (list, numbers) in [
        ("resets", &["drain_ns", "rebuild_ns", "restart_ns", "dead_ns"][..]),
        ("resets", &["slot_bytes_before", "slot_bytes_after", "epoch"]),
        ("reconnects", &["attempts", "dead_ns"]),
        ("faults", &["count"]),
    ] {
        for item in o[list].as_array().unwrap_or_else(|| panic!("{list}")) {
            assert!(numbers.iter().all(|k| is_count(&item[k])), "{list}: {item}");
        }
    }
    for list in ["resets", "reconnects"] {
        for item in o[list].as_array().into_iter().flatten() {
            assert!(item["reason"].is_string() && item["ok"].is_boolean(), "{list}: {item}");
        }
    }
    for fault in o["faults"].as_array().into_iter().flatten() {
        assert!(fault["code"].as_str().is_some_and(|c| c.starts_with("0x")), "{fault}");
        assert!(["name", "class", "action"].iter().all(|k| fault[k].is_string()), "{fault}");
    }
    let memory = &o["memory"];
    for key in ["pool_bytes", "rss_start", "rss_end", "rss_peak"] {
        assert!(is_count(&memory[key]), "memory.{key}");
    }
    assert!(memory["locked"].is_boolean() && memory["huge_pages"].is_boolean());
    let steady = &o["steady"];
    assert!(steady["allocations"].is_null() || is_count(&steady["allocations"]));
    assert!(is_count(&steady["page_faults_major"]) && is_count(&steady["page_faults_minor"]));
    assert!(o["results"].is_object());
}

#[test]
fn the_json_object_keeps_its_contract() {
    // Catches a key renamed, a type changed, anything else on stdout, a frame that is not accounted for.
    let output = frameline(&["run", "--source", SMALL, "--frames", "60", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let o = object(&output);
    assert_contract(&o);
    assert_eq!(o["frames"]["grabbed"], 60);
    assert!(is_count(&o["results"]["verify"]["torn"]));
    assert!(o["results"]["threshold"]["mean"].is_number());
    assert!(o["latency_ns"]["source>verify"]["count"].as_u64() > Some(0));
}

#[test]
fn faults_leave_the_books_balanced() {
    // Catches losses that no counter names, and reports of resets and faults that lack their parts.
    let script =
        "&faults=at 20 lose 3; at 40 incomplete; at 60 fail 0x8000000B; at 80 disconnect 50";
    let source = format!("{SMALL}{}", script.replace(' ', "%20").replace(';', "%3B"));
    let args =
        ["run", "--source", &source, "--frames", "150", "--json", "--set", "faults.backoff=20ms"];
    let output = frameline(&args);
    let o = object(&output);
    assert_contract(&o);
    assert_eq!(o["frames"]["incomplete"], 1, "{o}");
    assert!(o["frames"]["lost_by_device"].as_u64() >= Some(3), "{o}");
    assert!(!o["reconnects"].as_array().unwrap().is_empty(), "{o}");
    assert!(!o["faults"].as_array().unwrap().is_empty(), "{o}");
}

#[test]
fn a_failure_is_exit_code_1_with_its_reason_and_still_a_report() {
    // Catches a failed line that exits 0, or one that fails without a word or without its figures.
    let source = format!("{SMALL}&faults=at%2010%20disconnect%2060000");
    let args = [
        "run",
        "--source",
        &source,
        "--seconds",
        "30",
        "--json",
        "--quiet",
        "--set",
        "faults.reconnect_attempts=2",
        "--set",
        "faults.backoff=1ms",
    ];
    let output = frameline(&args);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).lines().any(|l| l.starts_with("frameline: ")));
    let o = object(&output);
    assert_contract(&o);
    assert!(o["failure"].is_string() && o["ok"] == false);
}

#[test]
fn the_printed_configuration_is_the_same_job() {
    // Catches a key that --print-config drops or changes, and a run without --config that differs.
    let folder = Folder::new("print");
    let args = [
        "run",
        "--source",
        SMALL,
        "--frames",
        "9",
        "--set",
        "pool.headroom=2",
        "--set",
        "stage.verify.workers=2",
        "--set",
        "source.seed=7",
        "--print-config",
    ];
    let first = frameline(&args);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert!(first.stderr.is_empty());
    let file = folder.write("c.toml", &text(&first.stdout));
    let second = frameline(&["run", &file, "--print-config"]);
    assert_eq!(text(&second.stdout), text(&first.stdout));
    let run = frameline(&["run", &file, "--json", "--quiet"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert_eq!(object(&run)["frames"]["grabbed"], 9);
}

#[test]
fn a_signal_stops_cleanly_and_still_reports() {
    // Catches frames lost at Ctrl-C, a report that is not written, a line that cannot be stopped.
    for signal in ["-INT", "-TERM"] {
        let args = ["run", "--source", SMALL, "--seconds", "600", "--json"];
        let mut child = spawn(&args);
        // The first progress line says that it runs.
        let mut first = [0_u8; 1];
        let stderr = child.stderr.as_mut().expect("piped");
        std::io::Read::read_exact(stderr, &mut first).expect("progress");
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.is_ok_and(|s| s.success()));
        let output = finish(child);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let o = object(&output);
        assert_contract(&o);
        assert_eq!((&o["interrupted"], &o["frames"]["in_flight"]), (&true.into(), &0.into()));
    }
}

#[test]
fn a_second_signal_gives_up_at_once() {
    // Catches a program that cannot be ended while a stage hangs, or that ends without naming it.
    let folder = Folder::new("second");
    let config = format!(
        "[source]\nuri = {SMALL:?}\n[monitor]\nhang_after = \"200ms\"\n\
         [[stage]]\nname = \"stuck\"\nkind = \"fail\"\nmode = \"hang\"\nat = [0]\nhang = \"10min\"\n"
    );
    let file = folder.write("c.toml", &config);
    let mut child = spawn(&["run", &file, "--json"]);
    let mut first = [0_u8; 1];
    let stderr = child.stderr.as_mut().expect("piped");
    std::io::Read::read_exact(stderr, &mut first).expect("progress");
    // Two of the same kind at once may count as one.
    for signal in ["-INT", "-TERM"] {
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.is_ok_and(|s| s.success()));
    }
    let output = finish(child);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let o = object(&output);
    assert!(o["failure"].as_str().is_some_and(|f| f.contains("stuck")), "{o}");
}

#[test]
fn without_a_terminal_output_is_plain_and_quiet_is_silent() {
    // Catches escape codes in log files, and a --quiet that talks.
    let args = ["run", "--source", SMALL, "--seconds", "1.3", "-vv"];
    let output = frameline(&args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(![&output.stdout, &output.stderr].iter().any(|o| o.contains(&0x1B)));
    assert!(!output.stdout.contains(&b'\r') && !output.stderr.contains(&b'\r'));
    let summary = text(&output.stdout);
    for part in ["ok: ", "= grabbed", "end to end", "p99.9", "steady state", "memory"] {
        assert!(summary.contains(part), "{part}: {summary}");
    }
    let quiet = frameline(&["run", "--source", SMALL, "--frames", "5", "--quiet"]);
    assert_eq!((quiet.status.code(), quiet.stdout.len()), (Some(0), 0));
    assert!(quiet.stderr.is_empty(), "{}", text(&quiet.stderr));
}

#[test]
fn a_report_is_complete_and_results_are_recorded() {
    // Catches a report file that is missing or does not parse, and records that miss their measurement.
    let folder = Folder::new("report");
    let (dir, records) = (folder.path("out"), folder.path("r.jsonl"));
    let config = format!(
        "[source]\nuri = {SMALL:?}\n[capture]\nframes = 40\n\
         [[stage]]\nname = \"verify\"\nkind = \"verify\"\n\
         [[stage]]\nname = \"measure\"\nkind = \"threshold\"\nlevel = 100\n\
         [[stage]]\nname = \"keep\"\nkind = \"results\"\njson = {records:?}\n"
    );
    let file = folder.write("c.toml", &config);
    let output = frameline(&["run", &file, "--json", "--report", &dir]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let o = object(&output);
    let read = |name: &str| std::fs::read_to_string(Path::new(&dir).join(name)).expect(name);
    let summary: Value = serde_json::from_str(&read("summary.json")).expect("summary.json");
    assert_contract(&summary);
    assert_eq!(summary["frames"], o["frames"]);
    assert!(summary["machine"]["cores"].is_u64() && summary["config"]["pool"].is_object());
    assert!(read("summary.txt").contains("= grabbed"));
    assert!(read("config.toml").contains("kind = \"threshold\""));
    for name in ["hop-source-to-verify", "stage-keep", "end_to_end"] {
        assert!(read(&format!("{name}.hgrm")).contains("Total count"), "{name}");
    }
    let lines = std::fs::read_to_string(&records).expect("records");
    let kept = o["results"]["keep"]["written"].as_u64();
    assert!(kept > Some(0) && kept == o["frames"]["delivered"].as_u64(), "{o}");
    assert_eq!(Some(lines.lines().count() as u64), kept);
    for line in lines.lines() {
        let record: Value = serde_json::from_str(line).expect("a record");
        assert!(record["above"].is_u64() && record["frame_id"].is_u64(), "{record}");
    }
}

#[test]
fn files_of_results_hold_every_record_when_the_program_has_ended() {
    // Catches files that stay empty, or end in the middle of a row, however the run ends; and a JSON file and a CSV
    // file that tell different things.
    let folder = Folder::new("results");
    let (json, csv) = (folder.path("r.jsonl"), folder.path("r.csv"));
    for (ends, frames) in [("\n[capture]\nframes = 40\n", 40), ("&frames=30", 30)] {
        // The run's own limit, or the end of the source.
        let (query, table) = if ends.starts_with('&') { (ends, "") } else { ("", ends) };
        let config = format!(
            "[source]\nuri = \"{SMALL}{query}\"\n{table}\
             [[stage]]\nname = \"measure\"\nkind = \"threshold\"\nlevel = 100\n\
             [[stage]]\nname = \"keep\"\nkind = \"results\"\njson = {json:?}\ncsv = {csv:?}\n"
        );
        let file = folder.write("c.toml", &config);
        let output = frameline(&["run", &file, "--json", "--quiet"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let o = object(&output);
        assert_eq!(o["frames"]["grabbed"], frames);
        let delivered = o["frames"]["delivered"].as_u64().expect("a count");
        assert!(delivered > 0, "{o}");
        for key in ["records", "written"] {
            assert_eq!(o["results"]["keep"][key], delivered, "{o}");
        }
        let read = |path: &str| std::fs::read_to_string(path).expect("a file of results");
        let records: Vec<Value> =
            read(&json).lines().map(|l| serde_json::from_str(l).expect("a record")).collect();
        assert_eq!(records.len() as u64, delivered);
        let table = read(&csv);
        let mut rows = table.lines();
        let header: Vec<_> = rows.next().expect("a header").split(',').collect();
        let of = |name: &str| header.iter().position(|h| *h == name).expect("a column");
        let (id, above) = (of("frame_id"), of("above"));
        assert_eq!(rows.clone().count() as u64, delivered);
        for (row, record) in rows.zip(&records) {
            let cells: Vec<_> = row.split(',').collect();
            assert_eq!(cells.len(), header.len(), "{row}");
            assert_eq!(cells[id], record["frame_id"].to_string(), "{row}");
            assert_eq!(cells[above], record["above"].to_string(), "{row}");
        }
    }
}

#[test]
fn a_stage_that_fails_costs_its_frames_only() {
    // Catches a panicking stage that takes the line down, or whose frames vanish from the books.
    let folder = Folder::new("fail");
    let config = format!(
        "[source]\nuri = {SMALL:?}\n[capture]\nframes = 40\n\
         [[stage]]\nname = \"slow\"\nkind = \"delay\"\ntime = \"10us\"\n\
         [[stage]]\nname = \"bad\"\nkind = \"fail\"\nmode = \"panic\"\nat = [3, 9]\n"
    );
    let file = folder.write("c.toml", &config);
    let output = frameline(&["run", &file, "--json"]);
    let o = object(&output);
    assert_contract(&o);
    assert_eq!((&o["results"]["bad"]["failures"], &o["frames"]["invalid"]), (&2.into(), &2.into()));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let verdict = o["verdict"].as_str().unwrap();
    let said = verdict.contains("stage bad failed on 2 of ") && verdict.contains(", 2 by a panic");
    assert!(said, "{verdict}"); // Of 40, unless a machine that is busy refuses some.
}

#[test]
fn a_run_whose_stage_failed_on_most_frames_has_failed() {
    // Catches a run that is called ok though nothing was looked at, and a log that says another thing than the verdict.
    let folder = Folder::new("most");
    // A camera that waits: no frame is refused, however busy the machine.
    let source = SMALL.replace("rate=200", "rate=max");
    for (every, ok) in [(3, true), (1, false)] {
        let config = format!(
            "[source]\nuri = {source:?}\n[capture]\nframes = 40\n\
             [[stage]]\nname = \"bad\"\nkind = \"fail\"\nevery = {every}\n"
        );
        let file = folder.write("c.toml", &config);
        let output = frameline(&["run", &file, "--json", "--quiet"]);
        let (o, err) = (object(&output), text(&output.stderr));
        let failed = o["results"]["bad"]["failures"].as_u64().unwrap();
        assert_eq!((failed > 20, &o["ok"]), (!ok, &ok.into()), "{o}");
        let said = format!("stage bad failed on {failed} of 40 frames");
        assert!(o["verdict"].as_str().unwrap().contains(&said), "{o}");
        assert_eq!(output.status.code(), Some(i32::from(!ok)), "{err}");
        assert_eq!(err.contains("ERROR the run failed"), !ok, "{err}");
        assert_eq!(err.contains("WARN") && err.contains("the run is over"), ok, "{err}");
        assert_eq!(err.contains(&format!("frameline: {said}")), !ok, "{err}");
    }
}

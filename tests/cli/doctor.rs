//! `frameline doctor` from outside: the object, the exit codes, what it leaves behind.

use super::{Folder, frameline, object, text};
use serde_json::Value;

const DOC: &str = include_str!("../../docs/doctor.md");

/// What every machine is asked about.
const ALWAYS: &[&str] = &[
    "cores",
    "isolation",
    "governor",
    "smt",
    "hiccups",
    "stolen_time",
    "realtime",
    "nice",
    "default_line",
    "pool",
    "memory_lock",
    "huge_pages",
    "copy",
    "clock_source",
    "timer",
    "disk",
    "socket_buffers",
    "usb_memory",
    "mvs",
    "gentl",
    "aravis",
    "machine",
    "container",
    "build",
];

fn checks(o: &Value) -> &[Value] {
    o["checks"].as_array().expect("checks")
}

fn check<'a>(o: &'a Value, name: &str) -> &'a Value {
    checks(o).iter().find(|c| c["name"] == name).unwrap_or_else(|| panic!("no check {name}: {o}"))
}

#[test]
fn the_object_is_whole_and_agrees_with_the_exit_code() {
    // Catches a key that the document promises and the program lacks, a check without a fix, a file left behind.
    let folder = Folder::new("doctor");
    let dir = folder.path("disk");
    std::fs::create_dir(&dir).unwrap();
    let output = frameline(&["doctor", "--seconds", "0.2", "--json", "--disk", &dir]);
    let o = object(&output);
    let ok = o["ok"].as_bool().expect("ok");
    assert_eq!(output.status.code(), Some(i32::from(!ok)), "{}", text(&output.stderr));
    for name in ALWAYS {
        check(&o, name);
    }
    for c in checks(&o) {
        let status = c["status"].as_str().expect("a status");
        assert!(["ok", "warn", "refused", "unknown"].contains(&status), "{c}");
        assert_eq!(c["fix"].is_null(), status == "ok", "{c}");
        for key in ["group", "name", "found", "why"] {
            assert!(c[key].as_str().is_some_and(|t| !t.is_empty()), "{key}: {c}");
        }
        assert!(c["required"].is_boolean() && c["figures"].is_object(), "{c}");
        let name = c["name"].as_str().unwrap_or_default();
        let row = format!("| `{}", name.split('.').next().unwrap_or(name));
        assert!(DOC.contains(&row), "docs/doctor.md lacks {row}");
        for figure in c["figures"].as_object().into_iter().flat_map(|f| f.keys()) {
            assert!(
                DOC.contains(&format!("`{figure}`")),
                "docs/doctor.md lacks the figure {figure} of {name}"
            );
        }
    }
    let h = &o["hiccup"];
    assert!(h["seconds"].as_f64() >= Some(0.2), "{h}");
    for key in ["count", "p50", "p90", "p99", "p999", "max", "threshold_ns"] {
        assert!(h[key].is_u64(), "hiccup.{key}: {h}");
    }
    for core in h["cores"].as_array().expect("hiccup.cores") {
        assert!(
            core["core"].is_u64() && core["max"].is_u64() && core["stolen_ns"].is_object(),
            "{core}"
        );
    }
    assert_eq!(o["camera"]["payload_bytes"], 2448 * 2048);
    assert!(o["machine"]["cpu"].is_string() && o["verdict"].is_string());
    assert_eq!(check(&o, "disk")["figures"]["folder"], dir.as_str());
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0, "it left something behind");
    // The list for people goes to stderr then, and has no escape codes in a file.
    let list = text(&output.stderr);
    assert!(
        list.contains("default_line") && !list.contains('\x1b') && !list.contains('\r'),
        "{list}"
    );
}

#[test]
fn a_machine_that_is_too_slow_is_exit_code_1_with_its_reason() {
    // Catches a doctor that calls every machine fit: no memory copies a terabyte a second.
    let output = frameline(&["doctor", "--seconds", "0.05", "--rate", "1000000"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let err = text(&output.stderr);
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(
        err.starts_with("frameline: the default line cannot run here; ") && err.contains("copy: "),
        "{err}"
    );
    let out = text(&output.stdout);
    assert!(out.lines().all(|l| l.chars().count() <= 80 || !l.trim().contains(' ')), "{out}");
    assert!(out.contains("fix: ") && out.contains("The default line cannot run here"), "{out}");
}

#[test]
fn wrong_arguments_are_exit_code_2() {
    // Catches a typing error that is answered with a diagnosis of something else.
    let folder = Folder::new("doctor-wrong");
    let file = folder.write("file", "");
    let table: &[(&[&str], &str)] = &[
        (&["--seconds", "0"], "--seconds"),
        (&["--seconds", "soon"], "--seconds"),
        (&["--seconds", "-1"], "--seconds"),
        (&["--rate", "-5"], "--rate"),
        (&["--rate", "fast"], "--rate"),
        (&["--disk", "/nonexistent/folder"], "--disk /nonexistent/folder"),
        (&["--disk", &file], "is not a folder"),
        (&["--bogus"], "--bogus"),
        (&["line.toml"], "line.toml"),
    ];
    for (args, want) in table {
        let output = frameline(&[&["doctor"], *args].concat());
        let err = text(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{args:?}: {err}");
        assert!(
            err.starts_with("frameline: ") && err.contains(want) && err.lines().count() == 1,
            "{err}"
        );
    }
}

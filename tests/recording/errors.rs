//! Disks that answer with errors, by strace's fault injection: what was committed before stays readable, what could not be
//! written is counted, and the exit code says so. Without strace, or where tracing is not allowed, these tests say so.

use super::made::{Folder, recording};
use super::program::{CAMERA, object, stderr};
use super::util;
use frameline::recording::format::{End, EntryFault, EventKind};
use frameline::recording::{Findings, Recording, verify};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs the program with `faults`, strace's words for what is to be answered to which calls; calls are counted for each
/// thread. Calls on `file` only, if one is named. `None`: there is no strace.
fn with(faults: &str, file: Option<&Path>, args: &[&str]) -> Option<Output> {
    let strace = |more: &[&str]| {
        let mut c = Command::new("strace");
        c.args(["-f", "-qq", "-o", "/dev/null"]).args(more).stdin(Stdio::null());
        c
    };
    if !strace(&["true"]).output().is_ok_and(|o| o.status.success()) {
        println!("strace is missing or may not trace: faults of the disk are not tried");
        return None;
    }
    let inject = format!("inject={faults}");
    let program = env!("CARGO_BIN_EXE_frameline");
    let file = file.map(|f| f.display().to_string());
    let only: Vec<&str> = file.iter().flat_map(|f| ["-P", f]).collect();
    let traced = [&only[..], &["-e", &inject, program]].concat();
    Some(strace(&traced).args(args).output().expect("strace runs"))
}

/// Records under `faults`; what the program printed, and what is in the file.
fn record(
    faults: &str,
    file: Option<&Path>,
    path: &Path,
    more: &[&str],
) -> Option<(Output, Option<Findings>)> {
    let name = path.display().to_string();
    let args =
        ["record", "--source", CAMERA, "--out", &name, "--frames", "120", "--json", "--quiet"];
    let o = with(faults, file, &[&args[..], more].concat())?;
    let found = Recording::open(path).ok().map(|r| verify(&r, |_| {}));
    Some((o, found))
}

/// Catches: an I/O error of a payload that costs frames committed before, that is not counted or not told in the file, or
/// that ends the run as if nothing were wrong.
#[test]
fn a_payload_that_cannot_be_written_ends_the_recording() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        let Some((o, found)) = record("pwritev:error=EIO:when=20+", None, &path, &[]) else {
            return;
        };
        let (told, found) = (stderr(&o), found.expect("what was written opens"));
        assert_eq!(o.status.code(), Some(1), "{told}");
        assert!(told.contains("cannot be written: Input/output error"), "{told}");
        let v = object(&o);
        let figure = |key: &str| v["results"]["record"][key].as_u64().expect("a count");
        // Two threads write; the other one may have written a frame behind the first one that failed.
        assert!((19..=38).contains(&found.good), "{found:?}");
        assert!(found.bad.iter().all(|b| b.fault == EntryFault::NotCommitted), "{found:?}");
        assert!(found.not_closed.is_empty() && figure("recorded") == found.good);
        assert_eq!(figure("recorded") + figure("not_written"), v["frames"]["delivered"]);
        let recording = Recording::open(&path).unwrap();
        let closing = recording.segments()[0].closing().expect("closed");
        assert_eq!((closing.end, closing.not_written), (End::WriteError, figure("not_written")));
        let last = *recording.events().unwrap().last().expect("an event");
        assert_eq!((last.kind, last.count), (EventKind::NotWritten, figure("not_written")));
    });
}

/// Catches: a commit or a durability point that fails, and takes what was committed with it; or a file that is called
/// closed and is not.
#[test]
fn a_commit_that_fails_leaves_what_was_committed() {
    util::watched(|| {
        for (faults, more, closed) in [
            // Calls are counted for each thread: commits have one of their own, events and the closing record another.
            ("pwrite64:error=EIO:when=12+", &[][..], true),
            ("fdatasync:error=EIO:when=8+", &["--set", "stage.record.sync=50ms"][..], false),
        ] {
            let folder = Folder::new();
            let path = folder.file("a.flr");
            let Some((o, found)) = record(faults, None, &path, more) else { return };
            let (told, found) = (stderr(&o), found.expect("what was written opens"));
            assert_eq!(o.status.code(), Some(1), "{faults}: {told}");
            assert!(told.contains("Input/output error"), "{faults}: {told}");
            assert!(found.bad.is_empty(), "{faults}: {found:?}");
            // A durability point may fail before the first frame has come.
            assert!(found.good >= u64::from(closed), "{faults}: {found:?}");
            assert_eq!(found.not_closed.is_empty(), closed, "{faults}: {found:?}");
            let v = object(&o);
            let figure = |key: &str| v["results"]["record"][key].as_u64().expect("a count");
            assert_eq!(figure("recorded"), found.good, "{faults}");
            assert_eq!(figure("recorded") + figure("not_written"), v["frames"]["delivered"]);
        }
    });
}

/// Catches: a reservation that fails and leaves a file behind, or one that fails for a later segment and costs the first.
#[test]
fn a_reservation_that_fails_is_told_at_once_or_ends_cleanly() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        let Some((o, _)) = record("fallocate:error=EIO", None, &path, &[]) else { return };
        assert_eq!(o.status.code(), Some(1), "{}", stderr(&o));
        assert!(stderr(&o).contains("Input/output error") && !path.exists(), "{}", stderr(&o));
        for (fault, end) in [("ENOSPC", End::DiskFull), ("EIO", End::WriteError)] {
            let path = folder.file(&format!("{fault}.flr"));
            let faults = format!("fallocate:error={fault}");
            let next = folder.file(&format!("{fault}.0001.flr"));
            let more = ["--set", "stage.record.segment=1MiB"];
            let (o, found) = record(&faults, Some(&next), &path, &more).expect("strace was there");
            let found = found.expect("what was written opens");
            assert_eq!(o.status.code(), Some(1), "{fault}: {}", stderr(&o));
            assert!(found.is_whole() && found.good > 20, "{fault}: {found:?}");
            let recording = Recording::open(&path).unwrap();
            assert_eq!(recording.segments().len(), 1, "{fault}");
            assert_eq!(recording.segments()[0].closing().expect("closed").end, end);
            assert!(!folder.file(&format!("{fault}.0001.flr")).exists());
        }
    });
}

/// Catches: a replay whose file cannot be read, told as a wrong command.
#[test]
fn a_replay_that_cannot_be_opened_failed() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        recording(&path, 3);
        let uri = format!("replay:{}", path.display());
        let args = ["run", "--source", &uri, "--quiet"];
        let Some(o) = with("openat:error=EIO", Some(&path), &args) else { return };
        assert_eq!(o.status.code(), Some(1), "{}", stderr(&o));
        assert!(stderr(&o).contains("cannot be read"), "{}", stderr(&o));
    });
}

/// Catches: an export that has its name, and after a power cut nothing in it; whatever it is, a file or a folder.
#[test]
fn what_was_exported_is_on_the_disk_before_it_has_its_name() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        recording(&path, 3);
        for (to, out, synced) in [("npy", "a.npy", 1), ("png", "pictures", 3)] {
            let (out, log) = (folder.file(out), folder.file("log"));
            let o = Command::new("strace")
                .args(["-f", "-qq", "-e", "trace=/^(fsync|fdatasync|rename.*|link.*)$", "-o"])
                .arg(&log)
                .arg(env!("CARGO_BIN_EXE_frameline"))
                .args(["export", &path.display().to_string(), "--to", to, "--out"])
                .arg(&out)
                .stdin(Stdio::null())
                .output();
            let Ok(o) = o else {
                println!("strace is missing: what an export makes durable is not seen");
                return;
            };
            if stderr(&o).contains("ptrace") {
                println!("strace may not trace: what an export makes durable is not seen");
                return;
            }
            assert_eq!(o.status.code(), Some(0), "{}", stderr(&o));
            let log = std::fs::read_to_string(&log).unwrap();
            let calls: Vec<bool> =
                log.lines().filter(|l| l.contains("= 0")).map(|l| l.contains("sync(")).collect();
            let named = calls.iter().position(|sync| !sync).expect("it got its name");
            assert!(named >= synced, "{to}: its bytes are durable before: {log}");
            assert_eq!(calls.last(), Some(&true), "{to}: its name is, afterwards: {log}");
        }
    });
}

/// Catches: a file that cannot be read in places, and a verify that ends there, or calls it whole.
#[test]
fn a_read_error_costs_the_frame_that_has_it() {
    util::watched(|| {
        let folder = Folder::new();
        let path = folder.file("a.flr");
        recording(&path, 10);
        let name = path.display().to_string();
        // Of each frame the entry and the payload are read; the header and the events before.
        let faults = "pread64:error=EIO:when=8..9";
        let Some(o) = with(faults, None, &["verify", &name, "--json"]) else { return };
        assert_eq!(o.status.code(), Some(1), "{}", stderr(&o));
        let v = object(&o);
        let bad = v["bad"].as_array().unwrap();
        assert!(!bad.is_empty() && bad.len() <= 2, "{v}");
        assert!(bad[0]["fault"].as_str().unwrap().contains("cannot be read: Input/output"), "{v}");
        assert!(v["good"].as_u64() >= Some(8), "{v}");
    });
}

//! Disks that really fail, where this machine lets one be made: a write that the system does in part only, a disk that is full
//! in the middle of a frame, and pages that can be read no more while they are mapped.

use super::made::Folder;
use super::program::{CAMERA, command, frameline, object, stderr};
use super::util;
use frameline::recording::format::{End, EntryFault, EventKind};
use frameline::recording::{Findings, Recording, verify};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A camera that waits for whoever is slow: every frame is recorded, or told as not written for want of a disk.
const PATIENT: &str = "sim:?width=160&height=120&rate=max&scene=pattern";
/// Bytes of one of the camera's frames: five pages, the last of them not whole.
const FRAME: u64 = 160 * 120;

/// A disk in a file, mounted; unmounted with the value.
struct Disk {
    folder: Folder,
    place: PathBuf,
}

impl Disk {
    /// Of 16 MiB, made with those options of `mkfs.ext4`. `None`, and a sentence: that cannot be had here.
    fn new(options: &[&str]) -> Option<Disk> {
        let folder = Folder::new();
        let place = folder.file("disk");
        std::fs::create_dir(&place).unwrap();
        let disk = Disk { folder, place };
        std::fs::File::create(disk.image()).unwrap().set_len(16 << 20).unwrap();
        let image = disk.image().display().to_string();
        let mkfs = [&["-q", "-F", "-m", "0", "-b", "4096"][..], options, &[&image]].concat();
        if !done("mkfs.ext4", &mkfs) || !disk.mount("loop") {
            println!("no small disk can be made here (root, mkfs.ext4, loop devices): not tried");
            return None;
        }
        Some(disk)
    }

    fn image(&self) -> PathBuf {
        self.folder.file("image")
    }

    fn mount(&self, options: &str) -> bool {
        let [image, place] = [self.image(), self.place.clone()].map(|p| p.display().to_string());
        done("mount", &["-o", options, &image, &place])
    }

    /// At once, also where somebody still has a file of it open.
    fn unmount(&self) -> bool {
        done("umount", &["-l", &self.place.display().to_string()])
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn done(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

/// What must hold of a recording that ended with its disk: what is counted as recorded is there, whole, and the rest is counted
/// as not written, in the report and in the file.
fn assert_ended(o: &Output, path: &Path, found: &Findings) {
    let v = object(o);
    let figure = |key: &str| v["results"]["record"][key].as_u64().expect("a count");
    assert_eq!(o.status.code(), Some(1), "{}", stderr(o));
    assert!(stderr(o).contains("records no more: the disk of "), "{}", stderr(o));
    // The writers have two frames at a time: one may be written behind one that was not.
    assert!(found.bad.iter().all(|b| b.fault == EntryFault::NotCommitted), "{found:?}");
    assert!(found.not_closed.is_empty() && found.missing.is_empty(), "{found:?}");
    assert_eq!(figure("recorded"), found.good, "{found:?}");
    assert_eq!(figure("recorded") + figure("not_written"), v["frames"]["delivered"]);
    let recording = Recording::open(path).unwrap();
    let closing = recording.segments()[0].closing().expect("closed");
    assert_eq!((closing.end, closing.not_written), (End::DiskFull, figure("not_written")));
    let last = *recording.events().unwrap().last().expect("an event");
    assert_eq!((last.kind, last.count), (EventKind::NotWritten, figure("not_written")));
}

/// Catches: a write of which the system did a part, taken for all of it, so that a frame is committed whose end is missing.
#[test]
fn a_write_that_is_done_in_part_commits_nothing() {
    util::watched(|| {
        for direct in ["true", "false"] {
            let folder = Folder::new();
            let path = folder.file("a.flr");
            let name = path.display().to_string();
            let direct = format!("stage.record.direct={direct}");
            let args = ["record", "--source", CAMERA, "--out", &name, "--json", "--quiet"];
            let mut child =
                command(&[&args[..], &["--set", &direct]].concat()).spawn().expect("it starts");
            let frames = || Recording::open(&path).map_or(0, |r| r.frames());
            util::until("it records", || frames() > 0);
            // The limit on the size of files falls into a frame to come, behind its second page: the call that writes it is
            // done in part, and the next one is refused. Meanwhile the program stands still.
            let signal = |name: &str| done("kill", &[name, &child.id().to_string()]);
            assert!(signal("-STOP"));
            let n = frames() + 100;
            let layout = Recording::open(&path).unwrap().header().layout;
            let limit = layout.payload_offset(n).unwrap() + 2 * 4096;
            let pid = format!("--pid={}", child.id());
            let is_set = done("prlimit", &[&pid, &format!("--fsize={limit}")]);
            assert!(signal("-CONT"));
            if !is_set {
                println!("prlimit is missing or not allowed: no write is done in part");
                let _ = child.kill();
                let _ = child.wait();
                return;
            }
            let o = child.wait_with_output().expect("it ends by itself");
            let found = verify(&Recording::open(&path).expect("it opens"), |_| {});
            assert_ended(&o, &path, &found);
            assert!((n..=n + 1).contains(&found.good), "{n}: {found:?}");
        }
    });
}

/// Catches: a disk without reservations that is full in the middle of a frame, and takes frames before it with it, or the
/// recording's end.
#[test]
fn a_disk_that_is_full_in_a_frame_ends_the_recording() {
    util::watched(|| {
        for direct in ["true", "false"] {
            // Without extents ext4 reserves nothing, as on ext3, or on a share of another machine.
            let Some(disk) = Disk::new(&["-O", "^extents,^64bit,^has_journal"]) else { return };
            let path = disk.file("a.flr");
            let name = path.display().to_string();
            let direct = format!("stage.record.direct={direct}");
            let args = ["record", "--source", PATIENT];
            let more = ["--out", &name, "--json", "--quiet", "--set", "stage.record.segment=64MiB"];
            let o = frameline(&[&args[..], &more, &["--set", &direct]].concat());
            let found = verify(&Recording::open(&path).expect("it opens"), |_| {});
            assert_ended(&o, &path, &found);
            assert!(found.good * FRAME > 10 << 20, "the disk was used: {found:?}");
        }
    });
}

/// Catches: pages that the disk cannot read any more, which end a replay with SIGBUS, or a verify at the first of them; zeros
/// in their place, told as frames.
#[test]
fn pages_that_cannot_be_read_are_no_signal() {
    const FRAMES: u64 = 200;
    const GOOD: u64 = 120;
    util::watched(|| {
        let Some(disk) = Disk::new(&["-O", "^has_journal"]) else { return };
        let path = disk.file("a.flr");
        let name = path.display().to_string();
        let count = FRAMES.to_string();
        let source = PATIENT.replace("rate=max", "rate=150");
        let args = ["record", "--source", &source, "--out", &name, "--quiet", "--frames", &count];
        let o = frameline(&args);
        assert!(o.status.success(), "{}", stderr(&o));
        let mut payload = Vec::new();
        Recording::open(&path).unwrap().read(GOOD, &mut payload).unwrap();
        // From that frame on the disk has nothing any more; what was read before is forgotten.
        assert!(disk.unmount(), "nobody has it open");
        let image = std::fs::read(disk.image()).unwrap();
        let at = image.chunks_exact(4096).position(|page| *page == payload[..4096]);
        assert!(disk.mount("loop,ro"));
        let cut = std::fs::OpenOptions::new().write(true).open(disk.image()).unwrap();
        cut.set_len(at.expect("the frame is on the disk") as u64 * 4096).unwrap();

        let o = frameline(&["verify", &name, "--json"]);
        assert_eq!(o.status.code(), Some(1), "{}", stderr(&o));
        let v = object(&o);
        let [bad] = &v["bad"].as_array().expect("a list")[..] else { panic!("{v}") };
        assert!(bad["fault"].as_str().unwrap().contains("cannot be read: Input/output"), "{v}");
        // The system reads ahead, in pieces that are lost as a whole.
        let good = v["good"].as_u64().expect("a count");
        assert!((GOOD / 2..=GOOD).contains(&good), "{v}");
        assert_eq!((&bad["from"], &bad["to"]), (&Value::from(good), &Value::from(FRAMES - 1)));

        for more in ["rate=max", "rate=max&check=on", "rate=x1"] {
            let uri = format!("replay:{name}?{more}");
            for fill in ["lend", "copy"] {
                let fill = format!("capture.fill=\"{fill}\"");
                let o = frameline(&["run", "--source", &uri, "--set", &fill, "--json", "--quiet"]);
                assert_eq!(o.status.code(), Some(1), "{more} {fill}: {}", stderr(&o));
                let v = object(&o);
                assert!(stderr(&o).contains("REPLAY_CUT_OFF"), "{more} {fill}: {}", stderr(&o));
                assert!(stderr(&o).contains("or its disk failed"), "{}", stderr(&o));
                let frames = &v["frames"];
                assert_eq!(v["balanced"], true, "{more} {fill}: {frames}");
                let grabbed = frames["grabbed"].as_u64().expect("a count");
                assert!((good..FRAMES).contains(&grabbed), "{more} {fill}: {good}, {frames}");
                // At full rate a stage may be the first to read a frame.
                if (more, fill.contains("lend")) != ("rate=max", true) {
                    let found = &v["results"]["verify"];
                    let no_frames = ["torn", "truncated", "unstamped"].map(|f| &found[f]);
                    assert_eq!(no_frames, [0, 0, 0], "zeros are no frames: {more} {fill}: {found}");
                }
            }
        }

        let out = disk.folder.file("b.flr").display().to_string();
        let o = frameline(&["repair", &name, "--out", &out, "--json"]);
        assert!(o.status.success(), "{}", stderr(&o));
        assert_eq!(object(&o)["kept"].as_u64(), Some(good));
        let o = frameline(&["verify", &out]);
        assert!(o.status.success(), "{}", stderr(&o));
    });
}

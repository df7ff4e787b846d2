//! How fast the disk behind a folder takes a recording: direct sequential writing, bounded, cleaned up.

use super::check::{Check, Topic};
use super::context::{Context, limit_text, megabytes};
use crate::buffer::{Pool, PoolConfig};
use crate::cli::units::size;
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind};
use crate::sync::WakeCell;
use crate::sys;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const DISK: Topic = Topic::new(
    "disk",
    "disk",
    "a recording loses frames when its disk is slower than the camera, or full",
);

/// Written in pieces of this size, which is about a frame's.
const PIECE: usize = 4 << 20;
/// So much at most,
const MOST_BYTES: u64 = 256 << 20;
/// and for so long.
const LONGEST: Duration = Duration::from_secs(2);
/// A disk must be faster than the camera by this much: it pauses now and then.
const RESERVE: f64 = 1.2;
/// File systems that keep everything in memory.
const IN_MEMORY: &[&str] = &["tmpfs", "ramfs", "devtmpfs"];
/// File systems behind a network or another kernel.
const REMOTE: &[&str] = &["nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "fuse.sshfs", "ceph"];

/// The folder to measure: the one asked for, else the current one if it can be written to, else the one for
/// temporary files.
pub fn folder(asked: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(dir) = asked {
        return match std::fs::metadata(dir) {
            Ok(m) if m.is_dir() => Ok(dir.to_path_buf()),
            Ok(_) => Err(Error::config(format!(
                "--disk {} is not a folder; name the folder that recordings are to go to",
                dir.display()
            ))),
            Err(e) => Err(Error::with_source(
                ErrorKind::Config,
                format!("--disk {} cannot be used", dir.display()),
                e,
            )),
        };
    }
    let here = std::env::current_dir().ok().filter(|d| nameless(d, 0).is_ok());
    Ok(here.unwrap_or_else(std::env::temp_dir))
}

/// A file in `dir` that has no name any more: whatever happens, nothing of it stays.
fn nameless(dir: &Path, flags: i32) -> io::Result<File> {
    let path = dir.join(format!(".frameline-doctor-{}", std::process::id()));
    let _ = std::fs::remove_file(&path); // Of an earlier process with this number that was killed.
    let file = OpenOptions::new().write(true).create_new(true).custom_flags(flags).open(&path);
    // Also where opening failed: a file system may refuse direct writing after it made the file.
    let removed = std::fs::remove_file(&path);
    let file = file?;
    removed.map(|()| file)
}

/// What writing came to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Written {
    bytes: u64,
    seconds: f64,
    /// The slowest piece.
    worst: Nanos,
    /// Past the page cache.
    direct: bool,
    /// The file's room could be reserved beforehand.
    reserved: bool,
    /// What the disk still has.
    free: u64,
}

/// The check.
pub fn checks(c: &Context) -> Vec<Check> {
    let mount = Mount::of(c, &c.disk);
    let written = write(&c.disk, MOST_BYTES, c.at_most(LONGEST)).map_err(|e| e.to_string());
    vec![judge(c, &mount, written)]
}

/// Writes pieces until enough is written or the time is over.
fn write(dir: &Path, most: u64, longest: Duration) -> Result<Written, Error> {
    let failed =
        |what: &'static str| move |e: io::Error| Error::with_source(ErrorKind::Io, what, e);
    // A pool's slots are aligned as direct writing wants it; recordings are written from them, too.
    let config = PoolConfig { lock: false, headroom: 1.0, ..PoolConfig::new(1, PIECE) };
    let mut pool = Pool::new(config, Arc::new(WakeCell::new()))?;
    let mut piece =
        pool.take().ok_or_else(|| Error::new(ErrorKind::Memory, "no memory to write from"))?;
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for chunk in piece.buffer_mut().chunks_exact_mut(8) {
        // Noise: a file system that compresses shall have nothing to gain.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        chunk.copy_from_slice(&seed.to_le_bytes());
    }
    let data = &piece.buffer_mut()[..PIECE];
    let direct = nameless(dir, libc::O_DIRECT).ok();
    let mut written = match direct.map(|f| pieces(&f, data, most, longest, true)) {
        Some(Ok(written)) => written,
        _ => {
            let file = nameless(dir, 0).map_err(failed("no file can be made there"))?;
            pieces(&file, data, most, longest, false).map_err(failed("writing failed"))?
        }
    };
    written.seconds = written.seconds.max(1e-9);
    Ok(written)
}

fn pieces(
    mut file: &File,
    data: &[u8],
    most: u64,
    longest: Duration,
    direct: bool,
) -> io::Result<Written> {
    let free = sys::free_bytes(file)?;
    // Somebody may be recording here: a quarter of what is left is the most.
    let most = most.min(free / 4);
    if most < data.len() as u64 {
        return Err(io::Error::other(format!("only {} are free", size(free))));
    }
    let reserved = sys::reserve(file, most).is_ok();
    let begun = Instant::now();
    let (mut bytes, mut worst) = (0, Duration::ZERO);
    while bytes + data.len() as u64 <= most && (bytes == 0 || begun.elapsed() < longest) {
        let piece = Instant::now();
        file.write_all(data)?;
        if !direct {
            file.sync_data()?; // Or the page cache would be measured.
        }
        worst = worst.max(piece.elapsed());
        bytes += data.len() as u64;
    }
    file.sync_data()?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Written { bytes, seconds, worst: worst.into(), direct, reserved, free })
}

/// Where a folder lies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Mount {
    file_system: String,
    device: String,
    rotates: bool,
}

impl Mount {
    /// From the table of mounts: the innermost that holds the folder.
    fn of(c: &Context, dir: &Path) -> Mount {
        let dir = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_path_buf());
        let table = c.roots.read("proc/self/mountinfo").unwrap_or_default();
        let mut best: Option<(usize, Mount)> = None;
        for line in table.lines() {
            let Some((left, right)) = line.split_once(" - ") else { continue };
            let left: Vec<&str> = left.split(' ').collect();
            let right: Vec<&str> = right.split(' ').collect();
            let ([_, _, number, _, point, ..], [kind, device, ..]) = (&left[..], &right[..]) else {
                continue;
            };
            let point = PathBuf::from(point.replace("\\040", " "));
            let depth = point.components().count();
            if !dir.starts_with(&point) || best.as_ref().is_some_and(|(d, _)| *d > depth) {
                continue;
            }
            // A partition has no queue of its own: its disk has.
            let queue =
                |up: &str| c.roots.number(&format!("sys/dev/block/{number}/{up}queue/rotational"));
            let mount = Mount {
                file_system: (*kind).into(),
                device: (*device).into(),
                // A virtual disk says so whatever lies behind it.
                rotates: c.platform.hypervisor.is_none()
                    && queue("").or_else(|| queue("../")) == Some(1),
            };
            best = Some((depth, mount));
        }
        best.map(|(_, mount)| mount).unwrap_or_default()
    }

    fn text(&self) -> String {
        match (self.file_system.is_empty(), self.rotates) {
            (true, _) => String::new(),
            (_, true) => format!(" ({} on {}, a rotating disk)", self.file_system, self.device),
            _ => format!(" ({} on {})", self.file_system, self.device),
        }
    }
}

fn judge(c: &Context, mount: &Mount, written: Result<Written, String>) -> Check {
    let place = format!("{}{}", c.disk.display(), mount.text());
    let another = "name another folder with --disk DIR";
    let w = match written {
        Ok(w) => w,
        Err(e) => {
            let fix = format!("free some space or change the folder's rights, or {another}");
            return DISK.refused(format!("{place}: {e}"), fix);
        }
    };
    let speed = w.bytes as f64 / w.seconds;
    let minutes = w.free as f64 / c.need.rate / 60.0;
    let found = format!(
        "{place}: {} written {} at {}, slowest {} took {}; {} free, {minutes:.1} min at {}",
        limit_text(w.bytes),
        if w.direct { "directly" } else { "with fdatasync (no direct writing here)" },
        megabytes(speed),
        limit_text(PIECE as u64),
        w.worst,
        size(w.free),
        megabytes(c.need.rate),
    );
    let check = if IN_MEMORY.contains(&mount.file_system.as_str()) {
        DISK.warn(
            format!("{found}; this is memory, no disk"),
            format!("recordings go to a disk: {another}"),
        )
    } else if speed < c.need.rate {
        let one_in = (c.need.rate * RESERVE / speed).ceil();
        DISK.refused(
            found,
            format!(
                "record to a faster disk ({another}), or record one frame in {one_in:.0} (policy = \"1-in-{one_in:.0}\"), or lower the camera's rate below {}",
                megabytes(speed / RESERVE)
            ),
        )
    } else if speed < c.need.rate * RESERVE {
        let fix = format!("keep a reserve of a fifth: a faster disk ({another}), or a lower rate");
        DISK.warn(found, fix)
    } else if REMOTE.contains(&mount.file_system.as_str()) {
        let fix =
            format!("a network's pauses are not the disk's: record to a local disk ({another})");
        DISK.warn(found, fix)
    } else if !w.reserved {
        DISK.warn(
            format!("{found}; room cannot be reserved beforehand"),
            format!("use ext4 or xfs, where a full disk is refused at start and not felt in the middle; {another}"),
        )
    } else {
        DISK.ok(found)
    };
    check
        .figure("folder", c.disk.display().to_string())
        .figure("bytes_per_second", speed)
        .figure("bytes", w.bytes)
        .figure("worst_write_ns", w.worst.0)
        .figure("direct", w.direct)
        .figure("reserves", w.reserved)
        .figure("free_bytes", w.free)
        .figure("file_system", mount.file_system.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::super::context::fake;
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn speed_is_held_against_the_camera() {
        // rosbag2#1579: recorded to the wrong, slow disk, and nobody said so.
        let tree = Tree::new();
        let c = fake(&tree);
        let ext4 = Mount { file_system: "ext4".into(), device: "/dev/sda1".into(), rotates: false };
        let at = |speed: f64, reserved| {
            let bytes = 256 << 20;
            let seconds = bytes as f64 / speed;
            Ok(Written { bytes, seconds, worst: Nanos(5), direct: true, reserved, free: 1 << 40 })
        };
        assert_eq!(judge(&c, &ext4, at(9e8, true)).status, Status::Ok);
        assert_eq!(judge(&c, &ext4, at(5.5e8, true)).status, Status::Warn);
        let slow = judge(&c, &ext4, at(2.5e8, true));
        assert!(slow.status == Status::Refused && slow.fix.contains("1-in-3"), "{slow:?}");
        // ray#16824: what cannot be reserved ends in SIGBUS or ENOSPC in the middle.
        let unreserved = judge(&c, &ext4, at(9e8, false));
        assert!(unreserved.status == Status::Warn && unreserved.found.contains("reserved"));
        let memory = Mount { file_system: "tmpfs".into(), ..ext4.clone() };
        assert!(judge(&c, &memory, at(9e9, true)).found.contains("no disk"));
        let remote = Mount { file_system: "nfs4".into(), ..ext4.clone() };
        assert_eq!(judge(&c, &remote, at(9e9, true)).status, Status::Warn);
        let denied = judge(&c, &ext4, Err("permission denied".into()));
        assert!(denied.status == Status::Refused && denied.fix.contains("--disk"), "{denied:?}");
    }

    #[test]
    fn the_innermost_mount_is_found() {
        // Catches a folder on a slow disk taken for the fast one it is mounted into.
        let tree = Tree::new();
        std::fs::create_dir_all(tree.path().join("data/x")).unwrap();
        let data = std::fs::canonicalize(tree.path().join("data")).unwrap();
        tree.file(
            "proc/self/mountinfo",
            &format!(
                "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:17 / {} rw shared:1 - xfs /dev/sdb1 rw\nbroken\n3 1 0:5 / /nowhere rw - proc proc rw\n",
                data.display()
            ),
        );
        tree.file("sys/dev/block/queue/rotational", "1"); // What 8:17/.. is here.
        std::fs::create_dir_all(tree.path().join("sys/dev/block/8:17")).unwrap();
        let c = fake(&tree);
        let want = Mount { file_system: "xfs".into(), device: "/dev/sdb1".into(), rotates: true };
        assert_eq!(Mount::of(&c, &data.join("x")), want);
        assert_eq!(Mount::of(&c, Path::new("/")).device, "/dev/sda1");
        assert_eq!(Mount::of(&fake(&Tree::new()), &data), Mount::default());
    }

    #[test]
    fn writing_is_bounded_and_leaves_nothing() {
        // Catches a measurement that fills a disk, or forgets its file.
        let tree = Tree::new();
        let w = write(tree.path(), 3 * PIECE as u64, Duration::from_secs(600)).unwrap();
        assert_eq!(w.bytes, 3 * PIECE as u64);
        assert!(w.seconds > 0.0 && w.worst > Nanos(0) && w.free > 0);
        let one = write(tree.path(), MOST_BYTES, Duration::ZERO).unwrap();
        assert_eq!(one.bytes, PIECE as u64);
        assert_eq!(std::fs::read_dir(tree.path()).unwrap().count(), 0);
        assert!(write(&tree.path().join("none"), MOST_BYTES, Duration::ZERO).is_err());
        // A disk that is nearly full is left alone.
        assert!(write(tree.path(), 5, Duration::ZERO).is_err());
    }

    #[test]
    fn a_folder_that_is_none_is_a_wrong_argument() {
        // Catches a typing error that is answered with another disk's speed.
        let tree = Tree::with(&[("file", "")]);
        for wrong in ["file", "none"] {
            let e = folder(Some(&tree.path().join(wrong))).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Config, "{e}");
        }
        assert_eq!(folder(Some(tree.path())).unwrap(), tree.path());
        assert!(folder(None).unwrap().is_dir());
    }
}

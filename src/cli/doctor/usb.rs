//! What a USB3 Vision camera needs: memory for its transfers, a fast port, a bus that is not shared.

use super::check::{Check, Topic};
use super::context::{Context, megabytes};
use crate::cli::units::size;

const MEMORY: Topic = Topic::new(
    "usb",
    "usb_memory",
    "all USB cameras together may have so much in transfer; above it a stream does not start",
);
const CAMERA: Topic = Topic::new(
    "usb",
    "usb_camera",
    "a slow port or a bus shared with another camera cuts the rate, and shows as incomplete frames",
);

/// Frames that a stream has in transfer at once.
const IN_TRANSFER: u64 = 16;
const DEVICES: &str = "sys/bus/usb/devices";
const PARAMETER: &str = "sys/module/usbcore/parameters/usbfs_memory_mb";
/// What a link of 5 Gb/s and more brings of its nominal speed; 480 Mb/s brings about 40 MB/s.
const USABLE: f64 = 0.64;

/// The checks.
pub fn checks(c: &Context) -> Vec<Check> {
    let cameras = cameras(c);
    let mut all = vec![memory(c, cameras.len())];
    all.extend(cameras.iter().map(|camera| judge(c, camera, &cameras)));
    all
}

fn memory(c: &Context, cameras: usize) -> Check {
    let Some(megabytes) = c.roots.number(PARAMETER) else {
        return match c.roots.exists("sys/bus/usb") {
            true => MEMORY.unknown("usbfs_memory_mb cannot be read", super::MOUNT),
            false => MEMORY.unknown(
                "this system shows no USB",
                "for a USB camera: load xhci_hcd, or hand the USB controller to the machine or container (/dev/bus/usb and /sys/bus/usb)",
            ),
        };
    };
    let want =
        (c.need.payload_bytes.saturating_mul(IN_TRANSFER)).saturating_mul(cameras.max(1) as u64);
    let want_megabytes = want.div_ceil(1 << 20).max(1);
    let found = match megabytes {
        0 => "no limit".to_string(),
        n => format!(
            "{n} MiB; a camera with {IN_TRANSFER} frames of {} in transfer wants {want_megabytes}",
            size(c.need.payload_bytes)
        ),
    };
    let enough = megabytes == 0 || u64::try_from(megabytes).is_ok_and(|m| m >= want_megabytes);
    let check = match enough {
        true => MEMORY.ok(found),
        false => MEMORY.warn(
            found,
            format!("echo {0} > /{PARAMETER}, and usbcore.usbfs_memory_mb={0} on the kernel's command line, to stay", want_megabytes.next_power_of_two().max(1000)),
        ),
    };
    check.figure("limit_bytes", megabytes.saturating_mul(1 << 20)).figure("wanted_bytes", want)
}

/// A USB3 Vision camera that is plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Camera {
    device: String,
    name: String,
    bus: String,
    megabits: Option<i64>,
    autosuspends: bool,
}

/// Devices with an interface of the class "miscellaneous, USB3 Vision" (EF, 05).
fn cameras(c: &Context) -> Vec<Camera> {
    let mut found: Vec<Camera> = Vec::new();
    for interface in c.roots.list(DEVICES) {
        let Some((device, _)) = interface.split_once(':') else { continue };
        let class = |file: &str| c.roots.read(&format!("{DEVICES}/{interface}/{file}"));
        if class("bInterfaceClass").as_deref() != Some("ef")
            || class("bInterfaceSubClass").as_deref() != Some("05")
            || found.iter().any(|f| f.device == device)
        {
            continue;
        }
        let read = |file: &str| c.roots.read(&format!("{DEVICES}/{device}/{file}"));
        found.push(Camera {
            device: device.into(),
            name: read("product").unwrap_or_else(|| "camera".into()),
            bus: device.split('-').next().unwrap_or(device).into(),
            megabits: read("speed").and_then(|s| s.parse().ok()),
            autosuspends: read("power/control").as_deref() == Some("auto"),
        });
    }
    found
}

fn judge(c: &Context, camera: &Camera, all: &[Camera]) -> Check {
    let mut found = format!("{} at {}", camera.name, camera.device);
    let mut fixes: Vec<String> = Vec::new();
    match camera.megabits {
        None => found += ", speed not told",
        Some(speed) => {
            found += &format!(", {speed} Mb/s");
            let carries = speed as f64 * 1e6 / 8.0 * USABLE;
            let sharing = all.iter().filter(|o| o.bus == camera.bus).count();
            if speed < 5000 {
                fixes.push("plug it into a USB 3 port with a USB 3 cable".into());
            } else if carries / (sharing as f64) < c.need.rate {
                found += &format!(
                    ": at most {}{}, the camera sends {}",
                    megabytes(carries),
                    if sharing > 1 { format!(" for {sharing} cameras") } else { String::new() },
                    megabytes(c.need.rate)
                );
                fixes.push(match sharing {
                    0 | 1 => "lower its rate or region, or use a faster interface".into(),
                    _ => "plug the cameras into ports of different controllers (lsusb -t)".into(),
                });
            }
        }
    }
    if camera.autosuspends {
        found += ", may be suspended";
        fixes.push(format!("echo on > /{DEVICES}/{}/power/control", camera.device));
    }
    let check = match fixes.is_empty() {
        true => CAMERA.ok(found),
        false => CAMERA.warn(found, fixes.join("; ")),
    };
    check.named(format!("usb_camera.{}", camera.device)).figure("speed_megabits", camera.megabits)
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::super::context::fake;
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn usb_memory() {
        // Catches the usual 16 MiB, with which a stream of large frames does not start.
        let with = |text: &str| {
            let tree = Tree::with(&[(PARAMETER, text)]);
            memory(&fake(&tree), 1)
        };
        let small = with("16");
        assert!(small.status == Status::Warn && small.fix.contains("echo 1000 >"), "{small:?}");
        assert!(small.found.contains("wants 77"), "{small:?}");
        assert_eq!((with("1000").status, with("0").status), (Status::Ok, Status::Ok));
        assert_eq!(with("x").status, Status::Unknown);
        assert_eq!(memory(&fake(&Tree::new()), 0).status, Status::Unknown);
    }

    #[test]
    fn cameras_on_slow_or_shared_ports_are_told() {
        // aravis#781: four cameras on one bus, and a camera in a USB 2 port, fail as broken frames.
        let tree = Tree::new();
        let plug = |device: &str, speed: &str, control: &str| {
            for interface in ["1.0", "1.1"] {
                tree.file(&format!("{DEVICES}/{device}:{interface}/bInterfaceClass"), "ef");
                tree.file(&format!("{DEVICES}/{device}:{interface}/bInterfaceSubClass"), "05");
            }
            tree.file(&format!("{DEVICES}/{device}/speed"), speed);
            tree.file(&format!("{DEVICES}/{device}/product"), "Cam");
            tree.file(&format!("{DEVICES}/{device}/power/control"), control);
        };
        plug("1-1", "480", "on");
        plug("2-1", "10000", "on");
        plug("4-1", "10000", "auto");
        tree.file(&format!("{DEVICES}/3-1:1.0/bInterfaceClass"), "08");
        let c = fake(&tree);
        let all = checks(&c);
        assert_eq!(all.len(), 4, "{all:?}");
        assert!(all[1].status == Status::Warn && all[1].fix.contains("USB 3 port"), "{all:?}");
        assert_eq!((all[2].status, all[2].name.as_str()), (Status::Ok, "usb_camera.2-1"));
        assert!(all[3].status == Status::Warn && all[3].fix.contains("power/control"), "{all:?}");
        plug("2-2", "10000", "on");
        let shared = checks(&c).remove(2);
        assert!(shared.status == Status::Warn && shared.fix.contains("lsusb -t"), "{shared:?}");
    }
}

//! What a GigE Vision camera needs of the network: socket buffers, packet size, link speed.

use super::check::{Check, Topic};
use super::context::{Context, limit_text, megabytes};

const BUFFERS: Topic = Topic::new(
    "network",
    "socket_buffers",
    "packets of a GigE camera wait here while the receiving thread does not run; what does not fit is lost",
);
const INTERFACE: Topic = Topic::new(
    "network",
    "interface",
    "large packets cost a GigE camera a sixth of the interrupts and of the lost packets",
);

/// Packets that size are what cameras call jumbo.
const JUMBO: i64 = 8000;
/// Headers of Ethernet, IP, UDP and GVSP leave about this much of a link to the image.
const USABLE: f64 = 0.97;
/// Names that virtual networks give; no camera is behind them.
const VIRTUAL: &[&str] = &["veth", "docker", "br-", "virbr", "ifb", "dummy", "tun", "tap"];

/// The checks.
pub fn checks(c: &Context) -> Vec<Check> {
    let mut all = vec![buffers(c)];
    all.extend(interfaces(c).iter().map(|name| interface(c, name)));
    all
}

fn buffers(c: &Context) -> Check {
    let read = |file: &str| c.roots.number(&format!("proc/sys/net/core/{file}"));
    let Some(max) = read("rmem_max").and_then(|n| u64::try_from(n).ok()) else {
        return BUFFERS.unknown("net.core.rmem_max cannot be read", super::MOUNT);
    };
    // A frame in the buffer, while the one before it is being taken out.
    let want = c.need.payload_bytes.saturating_mul(2);
    let outlasts = max as f64 / c.need.rate * 1e3;
    let found = format!(
        "at most {} a socket: a stall of {outlasts:.1} ms at {}",
        limit_text(max),
        megabytes(c.need.rate)
    );
    let check = if max >= want {
        BUFFERS.ok(found)
    } else {
        let propose = want.next_power_of_two();
        let fix = format!(
            "sysctl -w net.core.rmem_max={propose} (and in /etc/sysctl.d/60-frameline.conf, to stay)"
        );
        BUFFERS.warn(found, fix)
    };
    check
        .figure("rmem_max_bytes", max)
        .figure("rmem_default_bytes", read("rmem_default"))
        .figure("wanted_bytes", want)
}

/// Ethernet interfaces behind which a camera can be: those with a device, or, where none is seen to have
/// one (containers), those that are up.
fn interfaces(c: &Context) -> Vec<String> {
    let is_ethernet = |n: &String| c.roots.number(&format!("sys/class/net/{n}/type")) == Some(1);
    let is_virtual = |n: &String| VIRTUAL.iter().any(|v| n.starts_with(v));
    let is_wireless = |n: &String| c.roots.exists(&format!("sys/class/net/{n}/wireless"));
    let ethernet: Vec<String> =
        c.roots.list("sys/class/net").into_iter().filter(is_ethernet).collect();
    let real =
        |n: &&String| c.roots.exists(&format!("sys/class/net/{n}/device")) && !is_wireless(n);
    let found: Vec<String> = ethernet.iter().filter(real).cloned().collect();
    if !found.is_empty() {
        return found;
    }
    let up =
        |n: &String| c.roots.read(&format!("sys/class/net/{n}/operstate")).as_deref() == Some("up");
    ethernet.into_iter().filter(|n| up(n) && !is_virtual(n)).collect()
}

fn interface(c: &Context, name: &str) -> Check {
    let read = |file: &str| c.roots.number(&format!("sys/class/net/{name}/{file}"));
    let topic_name = format!("interface.{name}");
    let Some(mtu) = read("mtu") else {
        let found = format!("{name} does not tell its MTU");
        return INTERFACE.unknown(found, super::MOUNT).named(topic_name);
    };
    let speed = read("speed").filter(|s| *s > 0);
    let carries = speed.map(|s| s as f64 * 1e6 / 8.0 * USABLE);
    let mut found = format!("{name}: MTU {mtu}");
    let mut fixes = Vec::new();
    if mtu < JUMBO {
        fixes.push(format!(
            "ip link set dev {name} mtu 9000, and let the camera send packets that size (GevSCPSPacketSize); switches between must pass them"
        ));
    }
    match (speed, carries) {
        (Some(speed), Some(carries)) => {
            found += &format!(", {speed} Mb/s: at most {} of image", megabytes(carries));
            if carries < c.need.rate {
                found += &format!(", less than the camera's {}", megabytes(c.need.rate));
                fixes.push(format!(
                    "for a camera of this rate use a link of {} Gb/s, or lower rate, region or bits per pixel",
                    needed_gigabits(c.need.rate)
                ));
            }
        }
        _ => found += ", speed not told",
    }
    let drops = read("statistics/rx_dropped").unwrap_or(0)
        + read("statistics/rx_missed_errors").unwrap_or(0)
        + read("statistics/rx_fifo_errors").unwrap_or(0);
    let received = read("statistics/rx_packets").unwrap_or(0);
    if drops > 0 {
        found += &format!(", {drops} of {received} packets dropped since boot");
    }
    // One in ten thousand: a frame of 5 MB in 9000-byte packets would lose one in eighteen frames.
    if drops > received / 10_000 && drops > 100 {
        fixes.push(format!("ethtool -G {name} rx 4096 (a longer receive ring)"));
    }
    let check = match fixes.is_empty() {
        true => INTERFACE.ok(found),
        false => INTERFACE.warn(found, fixes.join("; ")),
    };
    check
        .named(topic_name)
        .figure("mtu", mtu)
        .figure("speed_megabits", speed)
        .figure("dropped_packets", drops)
}

/// The smallest usual link that carries the rate.
fn needed_gigabits(rate: f64) -> &'static str {
    let gigabits = rate * 8.0 / 1e9 / USABLE;
    let usual = [(1.0, "1"), (2.5, "2.5"), (5.0, "5"), (10.0, "10"), (25.0, "25"), (100.0, "100")];
    usual.iter().find(|(g, _)| *g >= gigabits).map_or("several times 100", |(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::super::context::fake;
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn a_socket_buffer_smaller_than_frames_is_told() {
        // aravis#742: large frames fail for want of socket buffers, and nothing says so at start.
        let of = |text: &str| {
            let tree = Tree::new();
            if !text.is_empty() {
                tree.file("proc/sys/net/core/rmem_max", text);
            }
            buffers(&fake(&tree))
        };
        let small = of("212992");
        assert!(
            small.status == Status::Warn && small.fix.contains("rmem_max=16777216"),
            "{small:?}"
        );
        assert!(small.found.contains("0.4 ms"), "{small:?}");
        assert_eq!((of("33554432").status, of("").status), (Status::Ok, Status::Unknown));
    }

    fn with(name: &str, files: &[(&str, &str)]) -> Tree {
        let tree = Tree::new();
        for (file, text) in files {
            tree.file(&format!("sys/class/net/{name}/{file}"), text);
        }
        tree
    }

    #[test]
    fn interfaces_are_held_against_the_camera() {
        // camera_aravis#25: small packets and thin links show as time-outs only.
        let device = ("device/vendor", "");
        let good = with("e1", &[("type", "1"), ("mtu", "9000"), ("speed", "10000"), device]);
        let check = checks(&fake(&good)).remove(1);
        assert_eq!((check.status, check.name.as_str()), (Status::Ok, "interface.e1"), "{check:?}");
        let thin = with("e1", &[("type", "1"), ("mtu", "1500"), ("speed", "1000"), device]);
        let check = checks(&fake(&thin)).remove(1);
        assert!(check.status == Status::Warn && check.found.contains("121 MB/s"), "{check:?}");
        assert!(
            check.fix.contains("mtu 9000") && check.fix.contains("link of 5 Gb/s"),
            "{check:?}"
        );
        let blind = with("e1", &[("type", "1"), device]);
        assert_eq!(checks(&fake(&blind))[1].status, Status::Unknown);
        let leaky = with(
            "e1",
            &[
                ("type", "1"),
                ("mtu", "9000"),
                ("statistics/rx_dropped", "900"),
                ("statistics/rx_packets", "10000"),
                device,
            ],
        );
        let check = checks(&fake(&leaky)).remove(1);
        assert!(
            check.fix.contains("ethtool -G e1") && check.found.contains("speed not told"),
            "{check:?}"
        );
    }

    #[test]
    fn only_interfaces_that_can_have_a_camera_are_asked() {
        // Catches advice to change the MTU of loopback, wireless and container bridges.
        let tree = Tree::with(&[
            ("sys/class/net/lo/type", "772"),
            ("sys/class/net/docker0/type", "1"),
            ("sys/class/net/docker0/operstate", "up"),
            ("sys/class/net/eth0/type", "1"),
            ("sys/class/net/eth0/operstate", "up"),
            ("sys/class/net/eth1/type", "1"),
            ("sys/class/net/eth1/operstate", "down"),
        ]);
        assert_eq!(interfaces(&fake(&tree)), ["eth0"]);
        tree.file("sys/class/net/eth1/device/vendor", "");
        tree.file("sys/class/net/wl0/type", "1");
        tree.file("sys/class/net/wl0/device/vendor", "");
        tree.file("sys/class/net/wl0/wireless/x", "");
        assert_eq!(interfaces(&fake(&tree)), ["eth1"]);
    }
}

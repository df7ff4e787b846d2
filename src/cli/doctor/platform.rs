//! In what the program runs: a container, a virtual machine, a build without optimisation.

use super::check::{Check, Topic};
use super::context::Context;
use super::roots::Roots;

const BUILD: Topic = Topic::new(
    "platform",
    "build",
    "a build without optimisation is many times slower; its figures say nothing",
);
const MACHINE: Topic = Topic::new(
    "platform",
    "machine",
    "a hypervisor may take a core away at any time; every stage waits meanwhile",
);
const CONTAINER: Topic = Topic::new(
    "platform",
    "container",
    "a container has limits of its own and sees only the devices it was given",
);

/// In what the program runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Platform {
    /// The kind of container, if it runs in one.
    pub container: Option<String>,
    /// The kind of virtual machine, if it runs in one.
    pub hypervisor: Option<String>,
}

/// Looks for the marks that containers and hypervisors leave.
pub fn find(roots: &Roots) -> Platform {
    Platform { container: container(roots), hypervisor: hypervisor(roots) }
}

fn container(roots: &Roots) -> Option<String> {
    if let Some(name) = roots.variable("container") {
        return Some(name.into());
    }
    for (file, name) in [(".dockerenv", "docker"), ("run/.containerenv", "podman")] {
        if roots.exists(file) {
            return Some(name.into());
        }
    }
    let groups = roots.read("proc/1/cgroup").unwrap_or_default();
    let mounts = roots.read("proc/self/mountinfo").unwrap_or_default();
    let root_mount = mounts.lines().find(|l| l.split(' ').nth(4) == Some("/")).unwrap_or("");
    for name in ["kubepods", "docker", "containerd", "libpod", "lxc"] {
        if groups.contains(name) || root_mount.contains(name) {
            return Some(if name == "kubepods" { "kubernetes" } else { name }.into());
        }
    }
    root_mount.contains(" - overlay ").then(|| "a container (its root is an overlay)".into())
}

fn hypervisor(roots: &Roots) -> Option<String> {
    let release = roots.read("proc/sys/kernel/osrelease").unwrap_or_default().to_lowercase();
    if release.contains("microsoft") {
        return Some("WSL".into());
    }
    let vendor = roots.read("sys/class/dmi/id/sys_vendor").unwrap_or_default();
    let product = roots.read("sys/class/dmi/id/product_name").unwrap_or_default();
    let said = format!("{vendor} {product}");
    let kinds = [
        ("QEMU", "QEMU"),
        ("KVM", "KVM"),
        ("VMware", "VMware"),
        ("VirtualBox", "VirtualBox"),
        ("Virtual Machine", "Hyper-V"),
        ("Xen", "Xen"),
        ("Amazon EC2", "Amazon EC2"),
        ("Google Compute", "Google Compute Engine"),
        ("Parallels", "Parallels"),
    ];
    let flagged = roots.field("proc/cpuinfo", "flags").unwrap_or_default();
    let flagged = flagged.split_whitespace().any(|f| f == "hypervisor");
    // Bare metal of a cloud has the cloud's name and no flag.
    if let Some((_, name)) = kinds.iter().find(|(mark, _)| said.contains(mark))
        && (flagged || !said.contains("Amazon"))
    {
        return Some((*name).into());
    }
    let kind = roots.read("sys/hypervisor/type").filter(|t| !t.is_empty() && t != "none");
    kind.or_else(|| flagged.then(|| "a virtual machine of unknown kind".into()))
}

/// The checks.
pub fn checks(c: &Context) -> Vec<Check> {
    let p = &c.platform;
    let machine = match &p.hypervisor {
        Some(name) => MACHINE
            .warn(
                format!("virtual: {name}"),
                "on the host, pin the virtual cores and reserve the memory; judge by the hiccups above, or measure on the line's own hardware",
            )
            .figure("hypervisor", name.as_str()),
        None if !c.roots.exists("proc/cpuinfo") => {
            MACHINE.unknown("/proc/cpuinfo cannot be read", super::MOUNT)
        }
        None => MACHINE.ok("no sign of a hypervisor"),
    };
    let container = match &p.container {
        Some(name) => CONTAINER
            .ok(format!("inside {name}; the fixes here are for the one who starts it"))
            .figure("container", name.as_str()),
        None => CONTAINER.ok("not in a container"),
    };
    vec![machine, container, build(cfg!(debug_assertions))]
}

fn build(debug: bool) -> Check {
    match debug {
        true => BUILD.warn(
            "this frameline was built without optimisation",
            "cargo build --release, and run target/release/frameline",
        ),
        false => BUILD.ok("optimised"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::super::context::fake;
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn containers_are_recognised() {
        // Catches a container taken for a machine: its fixes would be for the wrong person.
        let of = |files: &[(&str, &str)]| find(&Tree::with(files).roots()).container;
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(".dockerenv", "")]).as_deref(), Some("docker"));
        assert_eq!(of(&[("run/.containerenv", "")]).as_deref(), Some("podman"));
        let pod = [("proc/1/cgroup", "0::/kubepods/burstable/pod1\n")];
        assert_eq!(of(&pod).as_deref(), Some("kubernetes"));
        let overlay = [("proc/self/mountinfo", "1 2 0:3 / / rw - overlay overlay rw\n")];
        assert!(of(&overlay).is_some_and(|c| c.contains("overlay")));
        // An overlay somewhere else is no container.
        let other = [("proc/self/mountinfo", "1 2 0:3 / /mnt rw - overlay overlay rw\n")];
        assert_eq!(of(&other), None);
        let env = Roots::new(Tree::new().path(), &[("container", "lxc")]);
        assert_eq!(find(&env).container.as_deref(), Some("lxc"));
    }

    #[test]
    fn virtual_machines_are_recognised() {
        // Catches a virtual machine that passes for hardware, and the reverse.
        let of = |files: &[(&str, &str)]| find(&Tree::with(files).roots()).hypervisor;
        assert_eq!(of(&[("proc/cpuinfo", "flags : fpu tsc")]), None);
        assert!(of(&[("proc/cpuinfo", "flags : fpu hypervisor")]).is_some());
        assert_eq!(of(&[("sys/class/dmi/id/sys_vendor", "QEMU")]).as_deref(), Some("QEMU"));
        assert_eq!(of(&[("sys/class/dmi/id/sys_vendor", "Amazon EC2")]), None);
        assert_eq!(of(&[("sys/hypervisor/type", "xen")]).as_deref(), Some("xen"));
        let wsl = [("proc/sys/kernel/osrelease", "5.15-microsoft-standard-WSL2")];
        assert_eq!(of(&wsl).as_deref(), Some("WSL"));
    }

    #[test]
    fn every_status_is_given() {
        // Catches a check that cannot warn.
        let tree = Tree::with(&[("proc/cpuinfo", "flags : fpu")]);
        let mut context = fake(&tree);
        let machine = |c: &Context| checks(c)[0].clone();
        assert_eq!(machine(&context).status, Status::Ok);
        context.platform.hypervisor = Some("KVM".into());
        assert_eq!(machine(&context).status, Status::Warn);
        let empty = Tree::new();
        assert_eq!(machine(&fake(&empty)).status, Status::Unknown);
        context.platform.container = Some("docker".into());
        assert!(checks(&context)[1].found.contains("docker"));
        assert_eq!((build(true).status, build(false).status), (Status::Warn, Status::Ok));
    }
}

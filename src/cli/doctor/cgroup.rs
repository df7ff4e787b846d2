//! What the control groups of this process allow: the least of its own and all that hold it.

use super::roots::Roots;

/// Above this a version-1 limit means that there is none.
const NO_LIMIT: i64 = 1 << 60;

/// Folders of this process's group for `controller`, innermost first, that exist.
fn folders(roots: &Roots, controller: &str) -> Vec<String> {
    let text = roots.read("proc/self/cgroup").unwrap_or_default();
    let mut found = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(names), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let bases = if names.is_empty() {
            vec!["sys/fs/cgroup".to_string(), "sys/fs/cgroup/unified".into()]
        } else if names.split(',').any(|n| n == controller) {
            vec![format!("sys/fs/cgroup/{controller}"), format!("sys/fs/cgroup/{names}")]
        } else {
            continue;
        };
        let Some(base) = bases.into_iter().find(|b| roots.exists(b)) else { continue };
        let mut path = path.trim_end_matches('/');
        loop {
            let folder = format!("{base}{path}");
            if roots.exists(&folder) {
                found.push(folder);
            }
            match path.rfind('/') {
                Some(cut) => path = &path[..cut],
                None => break,
            }
        }
    }
    found
}

/// Cores' worth of time that this process may use: the smallest quota; `None` where there is none.
pub fn quota(roots: &Roots) -> Option<f64> {
    let of = |folder: String| {
        let (quota, period) = match roots.read(&format!("{folder}/cpu.max")) {
            Some(text) => {
                let (quota, period) = text.split_once(' ')?;
                (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?)
            }
            None => (
                roots.number(&format!("{folder}/cpu.cfs_quota_us"))? as f64,
                roots.number(&format!("{folder}/cpu.cfs_period_us"))? as f64,
            ),
        };
        (quota > 0.0 && period > 0.0).then_some(quota / period)
    };
    folders(roots, "cpu").into_iter().filter_map(of).reduce(f64::min)
}

/// Nanoseconds for which this process's groups were stopped, their quota being used up.
pub fn throttled_ns(roots: &Roots) -> u64 {
    let of = |folder: String| {
        let text = roots.read(&format!("{folder}/cpu.stat"))?;
        text.lines().find_map(|l| {
            let (key, value) = l.split_once(' ')?;
            let n: u64 = value.trim().parse().ok()?;
            match key {
                "throttled_usec" => Some(n.saturating_mul(1000)),
                "throttled_time" => Some(n),
                _ => None,
            }
        })
    };
    folders(roots, "cpu").into_iter().filter_map(of).max().unwrap_or(0)
}

/// Bytes that this process may still take: the least room of its groups; `None` where there is no limit.
pub fn memory_room(roots: &Roots) -> Option<u64> {
    let of = |folder: String| {
        let number = |name: &str| roots.number(&format!("{folder}/{name}"));
        let (limit, used) = match number("memory.max") {
            Some(limit) => (limit, number("memory.current")?),
            None => (number("memory.limit_in_bytes")?, number("memory.usage_in_bytes")?),
        };
        // Pages of files count as used, and are given up before anything is refused.
        let stat = roots.read(&format!("{folder}/memory.stat")).unwrap_or_default();
        let cached = stat.lines().filter_map(|l| l.split_once(' ')).find_map(|(key, value)| {
            let is = matches!(key, "inactive_file" | "total_inactive_file");
            if is { value.trim().parse::<i64>().ok() } else { None }
        });
        let room = limit.saturating_sub(used.saturating_sub(cached.unwrap_or(0)).max(0));
        (limit < NO_LIMIT).then_some(u64::try_from(room).unwrap_or(0))
    };
    folders(roots, "memory").into_iter().filter_map(of).min()
}

/// Bytes of memory that can be taken without harm: what the machine and the groups leave.
pub fn free_memory(roots: &Roots) -> Option<u64> {
    let available = roots.field("proc/meminfo", "MemAvailable");
    let kib = available.and_then(|m| m.split(' ').next()?.parse::<u64>().ok());
    [kib.map(|k| k.saturating_mul(1024)), memory_room(roots)].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn the_smallest_limit_on_the_way_up_counts() {
        // Catches a limit of an outer group that is overlooked, and "max" taken for a number.
        let tree = Tree::with(&[
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/a/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/a/b/cpu.stat", "usage_usec 5\nthrottled_usec 7\n"),
            ("sys/fs/cgroup/a/memory.max", "1000"),
            ("sys/fs/cgroup/a/memory.current", "900"),
            ("sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 300\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max"),
            ("proc/meminfo", "MemTotal: 64 kB\nMemAvailable: 32 kB\n"),
        ]);
        let roots = tree.roots();
        assert_eq!((quota(&roots), throttled_ns(&roots)), (Some(1.5), 7000));
        assert_eq!((memory_room(&roots), free_memory(&roots)), (Some(400), Some(400)));
    }

    #[test]
    fn version_one_is_read_as_well() {
        // Catches the limits of older systems, which have other names, and "no limit" there.
        let tree = Tree::with(&[
            ("proc/self/cgroup", "3:memory:/x\n2:cpu,cpuacct:/x\n"),
            ("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "50000"),
            ("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"),
            ("sys/fs/cgroup/cpu,cpuacct/x/cpu.stat", "nr_throttled 3\nthrottled_time 42\n"),
            ("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "9223372036854771712"),
            ("sys/fs/cgroup/memory/x/memory.usage_in_bytes", "10"),
        ]);
        let roots = tree.roots();
        assert_eq!((quota(&roots), throttled_ns(&roots)), (Some(0.5), 42));
        assert_eq!((memory_room(&roots), free_memory(&roots)), (None, None));
    }

    #[test]
    fn no_group_is_no_limit() {
        // Catches a container without these files, where nothing may be refused on their account.
        let roots = Tree::new().roots();
        assert_eq!((quota(&roots), throttled_ns(&roots), memory_room(&roots)), (None, 0, None));
        let broken = Tree::with(&[
            ("proc/self/cgroup", "nonsense\n0::\n"),
            ("sys/fs/cgroup/cpu.max", "7"),
            ("sys/fs/cgroup/memory.max", "x"),
        ]);
        assert_eq!((quota(&broken.roots()), memory_room(&broken.roots())), (None, None));
    }
}

//! Where the doctor looks: the file tree below `/`, and the environment. Both can be others, for tests.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Variables that say where SDKs lie and in what the program runs.
const VARIABLES: &[&str] = &[
    "MVCAM_COMMON_RUNENV",
    "MVCAM_SDK_PATH",
    "GENICAM_GENTL64_PATH",
    "LD_LIBRARY_PATH",
    "container",
];

/// A file tree with `proc`, `sys`, `dev` and the rest in it, and an environment. Whatever is missing is `None`.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    root: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Roots {
    /// This machine's.
    pub fn real() -> Roots {
        let value = |name: &&str| Some(((*name).into(), std::env::var(name).ok()?));
        Roots { root: "/".into(), environment: VARIABLES.iter().filter_map(value).collect() }
    }

    /// Another tree and another environment.
    #[cfg(test)]
    pub fn new(root: &std::path::Path, environment: &[(&str, &str)]) -> Roots {
        let own = |(k, v): &(&str, &str)| ((*k).into(), (*v).into());
        Roots { root: root.into(), environment: environment.iter().map(own).collect() }
    }

    /// A path of the tree; an absolute one is taken as below its root.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file's text without blanks at its ends.
    pub fn read(&self, path: &str) -> Option<String> {
        let bytes = std::fs::read(self.path(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_string())
    }

    /// A file that holds one number.
    pub fn number(&self, path: &str) -> Option<i64> {
        self.read(path)?.parse().ok()
    }

    /// Whether something is there.
    pub fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// Names in a folder, sorted; none where there is no such folder.
    pub fn list(&self, path: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(path)) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// The file name that a link ends at; its own where it is no link.
    pub fn file_name_behind(&self, path: &str) -> Option<String> {
        let behind = std::fs::canonicalize(self.path(path)).ok()?;
        Some(behind.file_name()?.to_string_lossy().into_owned())
    }

    /// A variable of the environment that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// The value behind `name` in a file of lines `name: value`.
    pub fn field(&self, path: &str, name: &str) -> Option<String> {
        let text = self.read(path)?;
        text.lines().find_map(|l| {
            let (key, value) = l.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_string())
        })
    }

    /// Soft and hard limit of `/proc/self/limits`; `u64::MAX` is unlimited.
    pub fn limit(&self, name: &str) -> Option<(u64, u64)> {
        let text = self.read("proc/self/limits")?;
        let line = text.lines().find_map(|l| l.strip_prefix(name))?;
        let mut words = line.split_whitespace().map(|w| match w {
            "unlimited" => Some(u64::MAX),
            w => w.parse().ok(),
        });
        Some((words.next()??, words.next()??))
    }
}

/// The numbers in a list such as `0-3,8`; whatever is no number is left out.
pub fn cpu_list(text: &str) -> Vec<usize> {
    /// More than any machine has: a wrong file must not fill the memory.
    const MOST: usize = 1 << 16;
    let mut out = Vec::new();
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(from), Ok(to)) = (from.trim().parse::<usize>(), to.trim().parse::<usize>()) {
            out.extend(from..to.saturating_add(1).min(MOST));
        }
    }
    out
}

/// The shortest list that says the same: `0-3,8`.
pub fn cpu_text(cores: &[usize]) -> String {
    let mut cores = cores.to_vec();
    cores.sort_unstable();
    cores.dedup();
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for c in cores {
        match parts.last_mut() {
            Some((_, to)) if *to + 1 == c => *to = c,
            _ => parts.push((c, c)),
        }
    }
    let text = |(a, b): &(usize, usize)| if a == b { a.to_string() } else { format!("{a}-{b}") };
    parts.iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::super::fake::Tree;
    use super::*;

    #[test]
    fn lists_of_cores_are_read_and_written() {
        // Catches a range that loses its end, and a wrong file that makes the program hang or panic.
        for (text, cores) in
            [("0-3,8", vec![0, 1, 2, 3, 8]), ("", vec![]), ("5", vec![5]), ("x,2-1,7", vec![7])]
        {
            assert_eq!(cpu_list(text), cores, "{text}");
        }
        assert_eq!(cpu_text(&[8, 0, 1, 2, 3, 3]), "0-3,8");
        assert_eq!(cpu_text(&[]), "");
        assert!(cpu_list("0-99999999999").len() <= 1 << 16);
    }

    #[test]
    fn what_is_missing_or_wrong_is_none() {
        // Catches a probe that dies in a container without /proc or /sys.
        let empty = Tree::new().roots();
        assert_eq!((empty.read("proc/stat"), empty.number("proc/x")), (None, None));
        assert_eq!((empty.limit("Max locked memory"), empty.list("sys")), (None, vec![]));
        let tree = Tree::new();
        tree.file(
            "proc/self/limits",
            "Limit Soft Hard Units\nMax locked memory 8388608 unlimited bytes\nMax nice priority",
        );
        tree.file("proc/cpuinfo", "model name\t: A CPU\nflags : fpu tsc");
        tree.file("bytes", "\u{fffd}9");
        let roots = tree.roots();
        assert_eq!(roots.limit("Max locked memory"), Some((8_388_608, u64::MAX)));
        assert_eq!((roots.limit("Max nice priority"), roots.limit("Max stack size")), (None, None));
        assert_eq!(roots.field("proc/cpuinfo", "model name").as_deref(), Some("A CPU"));
        assert_eq!(roots.number("bytes"), None);
    }
}

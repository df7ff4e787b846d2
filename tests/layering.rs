//! The floors of the house: a module imports only from lower floors (docs/architecture.md).
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Floors, bottom to top. Modules on one floor do not import each other.
const FLOORS: &[&[&str]] = &[
    &["error", "sync", "clock", "sys", "alloc", "words"],
    &["format", "telemetry", "fault", "wait", "verdict", "query", "touch", "feature"],
    &["meta", "ring", "agent", "genapi"],
    &["buffer"],
    &["source", "stage", "reset"],
    &["sim", "stages", "sdk"],
    &["recording"],
    &["media", "replay", "pipeline"],
    &["cli"],
];

/// Who may hold `unsafe`; everything else is denied by the crate's lint, and this list keeps it short.
const UNSAFE_FILES: &[&str] = &[
    "alloc.rs",
    "buffer/arena/canary.rs",
    "buffer/arena/mapping.rs",
    "buffer/arena/work.rs",
    "buffer/frame/filled.rs",
    "buffer/frame/filling.rs",
    "buffer/frame/foresight.rs",
    "buffer/frame/handle.rs",
    "buffer/home.rs",
    "buffer/pool.rs",
    "buffer/shelf.rs",
    "replay/guard.rs",
    "replay/map.rs",
    "ring/tap.rs",
    "sdk/aravis/buffers.rs",
    "sdk/aravis/camera.rs",
    "sdk/aravis/counters.rs",
    "sdk/aravis/delivered.rs",
    "sdk/aravis/find.rs",
    "sdk/aravis/library.rs",
    "sdk/aravis/stream.rs",
    "sdk/gentl/library.rs",
    "sdk/gentl/modules.rs",
    "sdk/gentl/stream.rs",
    "sdk/mvs/handle.rs",
    "sdk/mvs/library.rs",
    "sdk/mvs/stream.rs",
    // One call of a safe function that is compiled for AVX2, behind the look whether the processor has it.
    "stages/cpu.rs",
    // The gathering load, which no safe code compiles to.
    "stages/inspect/cells.rs",
    "sync.rs",
    "sys.rs",
];

fn source_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("src is readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            source_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn files() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    source_files(&src, &mut paths);
    paths
        .into_iter()
        .map(|p| {
            let name = p.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&p).expect("a readable file"))
        })
        .collect()
}

/// Catches: an import sideways or upwards, by which the core comes to depend on the program.
#[test]
fn imports_go_down() {
    let floor: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(i, modules)| modules.iter().map(move |m| (*m, i)))
        .collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, text) in files() {
        let module = name.split(['/', '.']).next().expect("a name");
        if matches!(module, "lib" | "main") {
            continue;
        }
        let own =
            *floor.get(module).unwrap_or_else(|| panic!("{module} has no floor; give it one"));
        if name.contains("tests") {
            continue;
        }
        // Only what the product uses: a module's own tests may look around.
        let text = text.split("#[cfg(test)]").next().expect("a first part");
        for line in text.lines().filter(|l| !l.trim_start().starts_with("//")) {
            for part in line.split("crate::").skip(1) {
                let used: String =
                    part.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                if used == module || !floor.contains_key(used.as_str()) {
                    continue;
                }
                seen += 1;
                if floor[used.as_str()] >= own {
                    wrong.push(format!("{name}: {}", line.trim()));
                }
            }
        }
    }
    assert!(seen > 50, "the test reads the imports: {seen}");
    assert!(wrong.is_empty(), "imports go sideways or up:\n{}", wrong.join("\n"));
}

/// Catches: `unsafe` outside its fences.
#[test]
fn unsafe_stays_in_its_fences() {
    for (name, text) in files() {
        if name.contains("tests") {
            continue;
        }
        let holds = text.contains("allow(unsafe_code)");
        assert_eq!(
            holds,
            UNSAFE_FILES.contains(&name.as_str()),
            "{name}: the list of files that may hold unsafe code is wrong"
        );
    }
}

/// Catches: atomics that the model checker does not see.
#[test]
fn atomics_come_from_sync() {
    for (name, text) in files() {
        // Process-wide marks and manual test clocks are not part of any protocol between line threads.
        if matches!(name.as_str(), "sync.rs" | "alloc.rs" | "clock.rs") || name.starts_with("cli/")
        {
            continue;
        }
        let text = text.split("#[cfg(test)]").next().expect("a first part");
        assert!(
            !text.contains("std::sync::atomic") || name == "buffer/arena/work.rs",
            "{name} uses std's atomics; take them from crate::sync"
        );
    }
}

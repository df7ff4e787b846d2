//! Compiles the C programs here with the platform's compiler, where there is one.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The library `name` (`fakemvs` or `fakemvs3`) that cargo put beside this test.
pub fn library(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("a path");
    let file = format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let found = exe.with_file_name(file);
    assert!(found.exists(), "cargo builds {} before the tests", found.display());
    found
}

/// A folder of this test's own.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).expect("a folder");
    path
}

/// Compiles `source`, linked with `library` under the vendor's name if one is given. Nothing, and a line that says so,
/// where there is no compiler.
pub fn compile(source: &Path, out: &Path, library: Option<&Path>) -> Option<PathBuf> {
    let exe = out.join(source.file_stem().expect("a name"));
    if cfg!(not(unix)) || Command::new("cc").arg("--version").output().is_err() {
        println!("skipped: no C compiler `cc` here");
        return None;
    }
    let mut command = Command::new("cc");
    command.args(["-std=c99", "-Wall", "-O1", "-o"]).arg(&exe).arg(source);
    if let Some(library) = library {
        let extension = if cfg!(target_os = "macos") { "dylib" } else { "so" };
        let named = out.join(format!("libMvCameraControl.{extension}"));
        std::fs::copy(library, named).expect("a copy");
        command.arg("-L").arg(out).arg("-lMvCameraControl");
        command.arg(format!("-Wl,-rpath,{}", out.display()));
    }
    let done = command.output().expect("the compiler runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(exe)
}

/// Runs a program with this configuration and script; ends it where it hangs.
pub fn run(exe: &Path, config: &str, script: &str) -> Output {
    let mut command = Command::new("timeout");
    command.arg("60").arg(exe).env("FAKEMVS_CONFIG", config).env("FAKEMVS_SCRIPT", script);
    command.output().expect("it runs")
}

//! Libraries that are none, or not the right one: each is one sentence with file, symbol, version and remedy.
#![cfg(feature = "mvs")]
#![allow(missing_docs)]

use frameline::ErrorKind;
use frameline::sdk::mvs::{FILE, Library, Mvs};
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mvs_library").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder(name).join(FILE);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A shared library of C source.
fn compiled(name: &str, source: &str) -> PathBuf {
    let c = folder(name).join("library.c");
    std::fs::write(&c, source).unwrap();
    let path = folder(name).join(FILE);
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&path).arg(&c).status();
    assert!(built.expect("a C compiler, as rustc needs one to link").success());
    path
}

const REQUIRED: [&str; 14] = [
    "EnumDevices",
    "CreateHandle",
    "DestroyHandle",
    "OpenDevice",
    "CloseDevice",
    "StartGrabbing",
    "StopGrabbing",
    "GetOneFrameTimeout",
    "GetImageBuffer",
    "FreeImageBuffer",
    "GetIntValueEx",
    "SetEnumValue",
    "SetFloatValue",
    "SetCommandValue",
];

/// C source of a library of that version with the required symbols, but for `without`, and `more`.
fn source(version: &str, without: &str, more: &str) -> String {
    let functions = REQUIRED.iter().filter(|n| **n != without);
    let functions: String =
        functions.map(|n| format!("int MV_CC_{n}(void) {{ return 0x80000001; }}\n")).collect();
    format!("unsigned MV_CC_GetSDKVersion(void) {{ return {version}; }}\n{functions}{more}")
}

fn refused(path: &Path) -> (ErrorKind, String) {
    let e = Library::open(Some(path)).expect_err("it is not the right one");
    let text = e.to_string();
    assert!(!text.contains('\n'), "{text}");
    (e.kind(), text)
}

fn assert_says(text: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is missing: {text}"));
}

/// An ELF head of a shared object for that machine.
fn elf(class: u8, machine: u8) -> Vec<u8> {
    let mut head = vec![0_u8; 128];
    head[..6].copy_from_slice(&[0x7F, b'E', b'L', b'F', class, 1]);
    head[16] = 3;
    head[18] = machine;
    head
}

/// Catches: dlopen's own words ("invalid ELF header", "wrong ELF class") passed on to an engineer of a line.
#[test]
fn files_that_are_no_library_of_this_machine() {
    let text = file("text", b"libMvCameraControl.so -> somewhere\n");
    let (kind, says) = refused(&text);
    assert_eq!(kind, ErrorKind::Config);
    assert_says(&says, &[text.to_str().unwrap(), "is not a shared library", "lib/"]);
    for (name, class, machine, what) in [
        ("arm", 1, 40, "32-bit ARM"),
        ("x86", 1, 3, "32-bit x86"),
        ("odd", 2, 8, "machine number 8"),
    ] {
        let (kind, says) = refused(&file(name, &elf(class, machine)));
        assert_eq!(kind, ErrorKind::Config);
        assert_says(&says, &["is a Linux library for", what, "needs one for"]);
    }
    let (_, says) = refused(Path::new("/nonexistent/libMvCameraControl.so"));
    assert_says(&says, &["/nonexistent/libMvCameraControl.so", "cannot be opened"]);
    // The right machine, and nothing behind the head.
    let own = file("cut", &elf(2, if cfg!(target_arch = "x86_64") { 62 } else { 183 }));
    let (kind, says) = refused(&own);
    assert_eq!(kind, ErrorKind::Source);
    assert_says(&says, &["does not load", "LD_LIBRARY_PATH"]);
}

/// Catches: a library of something else, or of an SDK too old, that fails only at the first call.
#[test]
fn libraries_without_the_symbols() {
    let libm =
        ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6", "/lib64/libm.so.6"];
    let libm = libm.iter().map(Path::new).find(|p| p.exists()).expect("the C library's libm");
    let (kind, says) = refused(libm);
    assert_eq!(kind, ErrorKind::Config);
    assert_says(&says, &["libm", "MV_CC_GetSDKVersion", "12 other symbols", "no MVS library"]);
    let old = compiled("without", &source("0x03000000", "GetImageBuffer", ""));
    let (_, says) = refused(&old);
    assert_says(&says, &["lacks MV_CC_GetImageBuffer,", "newer SDK"]);
}

/// Catches: structures of an unknown generation read with the offsets of another.
#[test]
fn versions_that_are_not_known() {
    let (kind, says) = refused(&compiled("ancient", &source("0x02040005", "", "")));
    assert_eq!(kind, ErrorKind::Source);
    assert_says(&says, &["version 2.4.0.5", "3.0 or later"]);
    // Without Initialize, as 3.x has it.
    let library = Library::open(Some(&compiled("three", &source("0x03010300", "", "")))).unwrap();
    assert_eq!(library.version().to_string(), "3.1.3.0");
    assert!(!library.can_register());
}

#[test]
fn a_library_that_does_not_start() {
    let more = "int MV_CC_Initialize(void) { return 0x80000100; }\n";
    let (kind, says) = refused(&compiled("broken", &source("0x04040004", "", more)));
    assert_eq!(kind, ErrorKind::Source);
    assert_says(&says, &["4.4.0.4", "MV_CC_Initialize", "0x80000100", "can be written"]);
}

/// Catches: an SDK that is initialised twice, or finalised while a second camera still uses it.
#[test]
fn one_file_is_one_library() {
    let more = "static int n; int MV_CC_Initialize(void) { return n++ ? 0x80000003 : 0; }\n\
        int MV_CC_Finalize(void) { n--; return 0; }\n";
    let path = compiled("once", &source("0x04040004", "", more));
    let first = Library::open(Some(&path)).unwrap();
    let second = Library::open(Some(path.parent().unwrap())).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &second));
    drop(first);
    drop(second);
    drop(Library::open(Some(&path)).unwrap());
}

/// Catches: an enumeration that fails told as "no camera".
#[test]
fn an_enumeration_that_fails_says_so() {
    let path = compiled("enumerates", &source("0x04040004", "", ""));
    let e = Mvs::from_uri(&format!("mvs:{}", path.display())).expect_err("no camera");
    assert_says(&e.to_string(), &["MV_CC_EnumDevices", "0x80000001", "4.4.0.4"]);
}

//! What a loader finds in the library.

#[path = "c/mod.rs"]
#[allow(dead_code)] // Only the library is looked for here.
mod c;

use fakemvs_sim::entry::CALLS;
use libloading::{Library, Symbol};

/// Catches: a function that a script may name and that is not exported.
#[test]
fn every_call_is_exported() {
    // SAFETY: the library's initialisers do nothing.
    let library = unsafe { Library::new(c::library("fakemvs")) }.expect("it loads");
    for call in CALLS {
        // SAFETY: the symbol is looked up and not called.
        let found = unsafe { library.get::<unsafe extern "C" fn()>(call.as_bytes()) };
        assert!(found.is_ok(), "{call} is missing");
    }
}

/// Catches: copies of the file that share cameras, so that tests would disturb each other.
#[test]
fn a_copy_is_a_library_of_its_own() {
    let mut versions = Vec::new();
    for (name, text) in [("one", c"version 0x04040004"), ("two", c"version 0x04030000")] {
        let path = c::folder("copies").join(name);
        std::fs::copy(c::library("fakemvs"), &path).expect("a copy");
        // SAFETY: as above.
        let library = unsafe { Library::new(&path) }.expect("it loads");
        type Configure = unsafe extern "C" fn(*const std::ffi::c_char) -> i32;
        // SAFETY: the function's type, and a C string.
        unsafe {
            let configure: Symbol<Configure> = library.get(b"fakemvs_configure").expect("there");
            assert_eq!(configure(text.as_ptr()), 0);
        }
        versions.push(library);
    }
    let told: Vec<u32> = versions
        .iter()
        .map(|library| {
            // SAFETY: the function's type.
            unsafe {
                let version: Symbol<unsafe extern "C" fn() -> u32> =
                    library.get(b"MV_CC_GetSDKVersion").expect("there");
                version()
            }
        })
        .collect();
    assert_eq!(told, [0x0404_0004, 0x0403_0000]);
}

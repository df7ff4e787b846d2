//! The simulated GenTL producer for a test, in a file of its own: tests in one process do not share cameras.
#![allow(dead_code)] // Each test file uses a part of it.
#![allow(unsafe_code)] // Calls of the C interface that the library has for tests.

use std::ffi::{CString, c_char};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// A loaded copy of the producer, told what to simulate.
pub struct Fake {
    library: libloading::Library,
    pub path: PathBuf,
}

impl Fake {
    pub fn new(config: &str) -> Fake {
        static COPIES: AtomicU64 = AtomicU64::new(0);
        let exe = std::env::current_exe().expect("this program has a path");
        let name =
            format!("{}fakegentl{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let from = exe.parent().expect("and lies in a folder").join(name);
        let n = COPIES.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("fakegentl-{}-{n}.cti", std::process::id()));
        std::fs::copy(&from, &path).unwrap_or_else(|e| {
            panic!("{} (cargo builds it with every test): {e}", from.display())
        });
        // SAFETY: the simulation's own library.
        let library = unsafe { libloading::Library::new(&path) }.expect("it loads");
        let fake = Fake { library, path };
        fake.configure(config);
        fake
    }

    /// Calls one of the functions that the producer has for tests.
    pub fn tell(&self, function: &str, text: &str) -> i32 {
        let text = CString::new(text).expect("no zero inside");
        // SAFETY: all of them have this type.
        unsafe {
            let tell = self
                .library
                .get::<unsafe extern "C" fn(*const c_char) -> i32>(function)
                .expect("the simulation's own function");
            tell(text.as_ptr())
        }
    }

    /// Replaces cameras, script and counts; what is open dies.
    pub fn configure(&self, config: &str) {
        assert_eq!(self.tell("fakegentl_configure", config), 0, "{config}");
    }

    /// Replaces the fault script.
    pub fn script(&self, script: &str) {
        assert_eq!(self.tell("fakegentl_script", script), 0, "{script}");
    }

    /// All cameras lose their power.
    pub fn unplug(&self) {
        self.tell("fakegentl_unplug", "");
    }

    /// They come back, as the factory set them.
    pub fn plug(&self) {
        self.tell("fakegentl_plug", "");
    }

    /// How often a function was called.
    pub fn calls(&self, function: &str) -> i32 {
        self.tell("fakegentl_calls", function)
    }

    /// Writes a register of all cameras, as another program would.
    pub fn poke(&self, address: u64, value: u32) {
        assert_eq!(self.tell("fakegentl_poke", &format!("{address} {value}")), 0);
    }

    /// The URI of a camera behind it.
    pub fn uri(&self, query: &str) -> String {
        format!("gentl:{}?{query}", self.path.display())
    }

    /// Whether an image is that of one frame, to the byte. (The line's ids go on where a camera's begin again.)
    pub fn is_whole(image: &[u8]) -> bool {
        let Some(first) = image.first() else { return false };
        let byte = |i: usize| (i as u8).wrapping_add((i >> 8) as u8).wrapping_add(*first);
        image.iter().enumerate().all(|(i, b)| *b == byte(i))
    }

    /// The same, and that frame's.
    pub fn is_of(id: u64, image: &[u8]) -> bool {
        Fake::is_whole(image) && image[0] == (id as u8).wrapping_mul(7)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

//! What a start that failed does to a consumer that goes on with the same stream: calls of the C interface, as programs make
//! them, on EMVA's simulator. It shows what frameline's way out (the stream is closed and opened anew) is there for.
#![allow(unsafe_code)]

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::process::Command;
use std::ptr::null_mut;

type Handle = *mut c_void;

/// Where the test inside finds the simulator, and what it does after the start that failed.
const FILE: &str = "FRAMELINE_TLSIMU";
const WAY: &str = "FRAMELINE_TLSIMU_WAY";

/// An image of the camera.
const BYTES: usize = 512 * 512;
/// Fewer buffers than the simulator starts with, and enough.
const TOO_FEW: usize = 2;
const ENOUGH: usize = 10;

/// Calls a function of the producer: its name, its arguments with their types.
macro_rules! call {
    ($library:expr, $name:literal, $($arg:expr => $type:ty),*) => {{
        // SAFETY: the standard's function, with the standard's types.
        unsafe {
            let f = $library
                .get::<unsafe extern "C" fn($($type),*) -> i32>($name.as_bytes())
                .unwrap_or_else(|e| panic!("{}: {e}", $name));
            f($($arg),*)
        }
    }};
}

macro_rules! done {
    ($library:expr, $name:literal, $($arg:expr => $type:ty),*) => {
        assert_eq!(call!($library, $name, $($arg => $type),*), 0, $name)
    };
}

struct Camera {
    library: Library,
    device: Handle,
    port: Handle,
    stream: Handle,
    event: Handle,
    /// What the simulator fills, and how it calls it.
    buffers: Vec<(Vec<u8>, Handle)>,
}

impl Camera {
    fn open(file: &Path) -> Camera {
        let deep = if cfg!(asan) { 0 } else { libc::RTLD_DEEPBIND };
        // SAFETY: the file that the user named runs its initialisers.
        let library = unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL | deep) }.unwrap();
        done!(library, "GCInitLib",);
        let (mut system, mut interface, mut device, mut port) =
            (null_mut(), null_mut(), null_mut(), null_mut());
        done!(library, "TLOpen", &mut system => *mut Handle);
        done!(library, "TLUpdateInterfaceList", system => Handle, null_mut() => *mut u8, 1000 => u64);
        let name = text(
            |to, n| call!(library, "TLGetInterfaceID", system => Handle, 1 => u32, to => *mut c_char, n => *mut usize),
        );
        done!(library, "TLOpenInterface", system => Handle, name.as_ptr() => *const c_char, &mut interface => *mut Handle);
        done!(library, "IFUpdateDeviceList", interface => Handle, null_mut() => *mut u8, 1000 => u64);
        let name = text(
            |to, n| call!(library, "IFGetDeviceID", interface => Handle, 0 => u32, to => *mut c_char, n => *mut usize),
        );
        done!(library, "IFOpenDevice", interface => Handle, name.as_ptr() => *const c_char, 4 => i32, &mut device => *mut Handle);
        done!(library, "DevGetPort", device => Handle, &mut port => *mut Handle);
        let (stream, event, buffers) = (null_mut(), null_mut(), Vec::new());
        let mut camera = Camera { library, device, port, stream, event, buffers };
        camera.open_stream();
        camera
    }

    fn open_stream(&mut self) {
        let l = &self.library;
        let name = text(
            |to, n| call!(l, "DevGetDataStreamID", self.device => Handle, 0 => u32, to => *mut c_char, n => *mut usize),
        );
        done!(l, "DevOpenDataStream", self.device => Handle, name.as_ptr() => *const c_char, &mut self.stream => *mut Handle);
        done!(l, "GCRegisterEvent", self.stream => Handle, 1 => i32, &mut self.event => *mut Handle);
    }

    /// Announces buffers until there are so many.
    fn announce(&mut self, count: usize) {
        while self.buffers.len() < count {
            let (mut bytes, mut handle) = (vec![0_u8; BYTES], null_mut());
            let word = std::ptr::without_provenance_mut(self.buffers.len() + 1);
            done!(self.library, "DSAnnounceBuffer", self.stream => Handle, bytes.as_mut_ptr().cast() => Handle, BYTES => usize, word => Handle, &mut handle => *mut Handle);
            self.buffers.push((bytes, handle));
        }
    }

    fn queue(&self) {
        for (_, handle) in &self.buffers {
            done!(self.library, "DSQueueBuffer", self.stream => Handle, *handle => Handle);
        }
    }

    fn start(&self) -> i32 {
        call!(self.library, "DSStartAcquisition", self.stream => Handle, 0 => i32, u64::MAX => u64)
    }

    fn flush(&self) {
        done!(self.library, "DSFlushQueue", self.stream => Handle, 4 => i32);
    }

    fn close_stream(&mut self) {
        done!(self.library, "GCUnregisterEvent", self.stream => Handle, 1 => i32);
        for (_, handle) in self.buffers.drain(..) {
            done!(self.library, "DSRevokeBuffer", self.stream => Handle, handle => Handle, null_mut() => *mut Handle, null_mut() => *mut Handle);
        }
        done!(self.library, "DSClose", self.stream => Handle);
    }

    /// How often each buffer is delivered, though none is queued a second time.
    fn deliveries(&self) -> BTreeMap<usize, u32> {
        let acquisition_start: [u8; 4] = 1_u32.to_le_bytes();
        done!(self.library, "GCWritePort", self.port => Handle, 0x100 => u64, acquisition_start.as_ptr().cast() => *const c_void, &mut 4 => *mut usize);
        let mut came = BTreeMap::new();
        loop {
            let mut data = [0_usize; 2]; // The buffer's handle, and its word.
            let mut bytes = size_of_val(&data);
            let answer = call!(self.library, "EventGetData", self.event => Handle, data.as_mut_ptr().cast() => Handle, &mut bytes => *mut usize, 3000 => u64);
            match answer {
                0 => *came.entry(data[1]).or_default() += 1,
                -1011 => return came,
                other => panic!("EventGetData answered {other}"),
            }
        }
    }
}

fn text(get: impl FnOnce(*mut c_char, *mut usize) -> i32) -> CString {
    let mut text = [0_u8; 512];
    let mut bytes = text.len();
    assert_eq!(get(text.as_mut_ptr().cast(), &mut bytes), 0);
    CString::from_vec_with_nul(text[..bytes].to_vec()).unwrap()
}

/// Catches: nothing of ours while the first half holds: a consumer that flushes after a start that failed, and goes on with the
/// same stream, is given buffers twice. The second half catches a way out that does not help: the stream closed and opened
/// anew, as `Gentl` does it.
#[test]
fn after_a_failed_start_a_stream_that_is_used_again_delivers_twice() {
    if std::env::var_os(FILE).is_none() {
        eprintln!("skipped: {FILE} names no TLSimu.cti");
        return;
    }
    for (way, twice) in [("same", true), ("anew", false)] {
        // A process of its own: the simulator may take it with it, and a process initialises it once.
        let inside = Command::new(std::env::current_exe().expect("this program has a file"))
            .args(["--ignored", "--exact", "tlsimu_used_again::inside", "--nocapture"])
            .env(WAY, way)
            .output()
            .expect("this program runs");
        let told = String::from_utf8_lossy(&inside.stdout).into_owned()
            + &String::from_utf8_lossy(&inside.stderr);
        assert!(inside.status.success(), "{way}: {told}");
        let said = told.lines().find(|l| l.contains("deliveries:")).expect("what came");
        eprintln!("after a failed start, {way} stream: {said}");
        assert_eq!(said.ends_with("some twice"), twice, "{way}: {told}");
    }
}

#[test]
#[ignore = "the test above runs it, in processes of its own"]
fn inside() {
    let Some((file, way)) = std::env::var_os(FILE).zip(std::env::var_os(WAY)) else { return };
    super::util::watched(move || {
        let mut camera = Camera::open(Path::new(&file));
        camera.announce(TOO_FEW);
        camera.queue();
        assert_eq!(camera.start(), -1013, "too few are announced");
        camera.flush();
        if way == "anew" {
            camera.close_stream();
            camera.open_stream();
        }
        camera.announce(ENOUGH);
        camera.queue();
        assert_eq!(camera.start(), 0);
        let came = camera.deliveries();
        assert_eq!(came.len(), ENOUGH, "every buffer came: {came:?}");
        let twice = came.values().any(|times| *times > 1);
        println!("deliveries: {came:?}, {}", if twice { "some twice" } else { "none twice" });
        // The simulator goes with the process: closing it is not what is looked at.
        std::process::exit(0);
    });
}

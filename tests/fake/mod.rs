//! The simulated MVS library for a test, in a file of its own: tests in one process do not share cameras.
#![allow(dead_code)] // Each test file uses a part of it.
#![allow(unsafe_code)] // Calls of the C interface that the library has for tests.

use fakemvs_sim::abi::{DeviceInfo, DeviceInfoList, FloatValue, Handle};
use std::ffi::{CStr, CString, c_char};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// A loaded copy of the library, told what to simulate.
pub struct Fake {
    library: libloading::Library,
    pub path: PathBuf,
    /// What `path` is a copy of.
    pub from: PathBuf,
}

type Text = unsafe extern "C" fn(*const c_char) -> i32;

fn c(text: &str) -> CString {
    CString::new(text).expect("no zero inside")
}

impl Fake {
    /// The library of SDK 4.6, with these cameras.
    pub fn new(config: &str) -> Fake {
        Fake::of("fakemvs", config)
    }

    /// That of SDK 3.1.
    pub fn old(config: &str) -> Fake {
        Fake::of("fakemvs3", config)
    }

    fn of(name: &str, config: &str) -> Fake {
        Fake::load(name, config).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The library of that name, or a sentence why there is none.
    pub fn load(name: &str, config: &str) -> Result<Fake, String> {
        static COPIES: AtomicU64 = AtomicU64::new(0);
        let exe = std::env::current_exe().map_err(|e| format!("this program has no path: {e}"))?;
        let file = |stem: &str| format!("lib{stem}.so");
        let folder = exe.parent().ok_or("this program lies in no folder")?;
        let beside = folder.join(file(name));
        // Examples lie one folder beside the libraries.
        let deps = folder.with_file_name("deps").join(file(name));
        let from = if beside.exists() { beside } else { deps };
        let n = COPIES.fetch_add(1, Ordering::Relaxed);
        let stem = format!("{name}-{}-{n}", std::process::id());
        let path = std::env::temp_dir().join(file(&stem));
        std::fs::copy(&from, &path).map_err(|e| {
            let why = "cargo builds it with every test and example";
            format!("the simulated MVS library {} cannot be copied: {e}; {why}", from.display())
        })?;
        // SAFETY: the simulation's own library.
        let library = unsafe { libloading::Library::new(&path) }.map_err(|e| {
            let _ = std::fs::remove_file(&path);
            let why = std::error::Error::source(&e).map_or(e.to_string(), ToString::to_string);
            format!("the simulated MVS library {} does not load: {why}", from.display())
        })?;
        let fake = Fake { library, path, from };
        fake.tell(b"fakemvs_configure", config);
        Ok(fake)
    }

    /// A function of the library, as its type.
    pub fn symbol<T: Copy>(&self, name: &[u8]) -> T {
        // SAFETY: each caller gives the type that the SDK's or the library's description does.
        *unsafe { self.library.get::<T>(name) }.expect("the simulation's own function")
    }

    fn tell(&self, function: &[u8], text: &str) {
        let tell: Text = self.symbol(function);
        // SAFETY: a C string.
        if unsafe { tell(c(text).as_ptr()) } != 0 {
            let why: unsafe extern "C" fn() -> *const c_char = self.symbol(b"fakemvs_why");
            // SAFETY: valid until the next call.
            panic!("{}", unsafe { CStr::from_ptr(why()) }.to_string_lossy());
        }
    }

    /// Replaces cameras, script and counts; handles die.
    pub fn configure(&self, config: &str) {
        self.tell(b"fakemvs_configure", config);
    }

    /// Replaces the fault script.
    pub fn script(&self, script: &str) {
        self.tell(b"fakemvs_script", script);
    }

    /// The URI of a camera behind it.
    pub fn uri(&self, query: &str) -> String {
        format!("mvs:{}?{query}", self.path.display())
    }

    /// All cameras lose their power, or the cable.
    pub fn unplug(&self, cable: bool) {
        let unplug: unsafe extern "C" fn(*const c_char, i32) -> i32 =
            self.symbol(b"fakemvs_unplug");
        // SAFETY: null is all cameras.
        assert_eq!(unsafe { unplug(std::ptr::null(), i32::from(cable)) }, 0);
    }

    /// They come back.
    pub fn plug(&self, new_handle: bool) {
        let plug: unsafe extern "C" fn(*const c_char, i32) -> i32 = self.symbol(b"fakemvs_plug");
        // SAFETY: null is all cameras.
        assert_eq!(unsafe { plug(std::ptr::null(), i32::from(new_handle)) }, 0);
    }

    /// A pulse on the trigger lines of all cameras.
    pub fn trigger(&self) {
        let trigger: Text = self.symbol(b"fakemvs_trigger");
        // SAFETY: null is all cameras.
        assert_eq!(unsafe { trigger(std::ptr::null()) }, 0);
    }

    /// The exception callback of every open camera is called.
    pub fn raise(&self, code: u32) {
        let raise: unsafe extern "C" fn(*const c_char, u32) -> i32 = self.symbol(b"fakemvs_raise");
        // SAFETY: null is all cameras.
        assert_eq!(unsafe { raise(std::ptr::null(), code) }, 0);
    }

    /// How often a function was called.
    pub fn calls(&self, function: &str) -> u64 {
        let calls: unsafe extern "C" fn(*const c_char) -> u64 = self.symbol(b"fakemvs_calls");
        // SAFETY: a C string.
        unsafe { calls(c(function).as_ptr()) }
    }

    /// Frames that the cameras took.
    pub fn frames(&self) -> u64 {
        let frames: unsafe extern "C" fn(*const c_char) -> u64 = self.symbol(b"fakemvs_frames");
        // SAFETY: null is all cameras.
        unsafe { frames(std::ptr::null()) }
    }

    /// A feature of the first camera, as a second program sees it that only looks on; `None` where the camera
    /// does not answer.
    pub fn look(&self, feature: &str) -> Option<f32> {
        type OfHandle = unsafe extern "system" fn(Handle) -> i32;
        type Enumerate = unsafe extern "system" fn(u32, *mut DeviceInfoList) -> i32;
        type Create = unsafe extern "system" fn(*mut Handle, *const DeviceInfo) -> i32;
        type Open = unsafe extern "system" fn(Handle, u32, u16) -> i32;
        type GetFloat = unsafe extern "system" fn(Handle, *const c_char, *mut FloatValue) -> i32;
        const EVERY_LAYER: u32 = 5;
        const MONITOR: u32 = 7;
        let (close, destroy) = ("MV_CC_CloseDevice", "MV_CC_DestroyHandle");
        let [close, destroy] = [close, destroy].map(|f| self.symbol::<OfHandle>(f.as_bytes()));
        // SAFETY: the SDK's functions with their types; what they fill is numbers and pointers, for which zero
        // is a value, and lives for the calls.
        unsafe {
            let mut list: Box<DeviceInfoList> = Box::new(std::mem::zeroed());
            self.symbol::<Enumerate>(b"MV_CC_EnumDevices")(EVERY_LAYER, &mut *list);
            let camera = *list.devices.first().filter(|_| list.count > 0)?;
            let mut handle: Handle = std::mem::zeroed();
            if self.symbol::<Create>(b"MV_CC_CreateHandle")(&mut handle, camera) != 0 {
                return None;
            }
            let mut value: FloatValue = std::mem::zeroed();
            let seen = self.symbol::<Open>(b"MV_CC_OpenDevice")(handle, MONITOR, 0) == 0
                && self.symbol::<GetFloat>(b"MV_CC_GetFloatValue")(
                    handle,
                    c(feature).as_ptr(),
                    &mut value,
                ) == 0;
            close(handle);
            destroy(handle);
            seen.then_some(value.current)
        }
    }

    /// The number of the frame in a whole image.
    pub fn check(image: &[u8]) -> Option<u32> {
        fakemvs_sim::stamp::check(image).ok().map(|stamp| stamp.frame_num)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

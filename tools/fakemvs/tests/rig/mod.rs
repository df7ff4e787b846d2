//! A caller of the library, as small as a test can use it. The library has one state, so tests that share a process take
//! turns.
#![allow(dead_code)] // Not every test needs all of it.

use fakemvs::*;
use fakemvs_sim::abi::*;
use std::ffi::{CStr, CString, c_void};
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

static TURN: Mutex<()> = Mutex::new(());

pub const OK: u32 = 0;
pub const NO_DATA: u32 = 0x8000_0007;
pub const CALL_ORDER: u32 = 0x8000_0003;
pub const PARAMETER: u32 = 0x8000_0004;
pub const HANDLE: u32 = 0x8000_0000;
pub const NETWORK: u32 = 0x8000_0206;

/// This test's turn with the library.
pub struct Rig {
    _turn: MutexGuard<'static, ()>,
}

/// Starts a turn with these cameras and settings.
pub fn rig(config: &str) -> Rig {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let rig = Rig { _turn: turn };
    rig.configure(config);
    rig
}

fn why() -> String {
    // SAFETY: the library's sentence lives until the next call.
    unsafe { CStr::from_ptr(fakemvs_why().cast()) }.to_string_lossy().into_owned()
}

pub fn c(text: &str) -> CString {
    CString::new(text).expect("no NUL inside")
}

impl Rig {
    pub fn configure(&self, config: &str) {
        // SAFETY: a C string.
        let code = unsafe { fakemvs_configure(c(config).as_ptr()) };
        assert_eq!(code, 0, "{}", why());
    }

    pub fn script(&self, script: &str) {
        // SAFETY: a C string.
        let code = unsafe { fakemvs_script(c(script).as_ptr()) };
        assert_eq!(code, 0, "{}", why());
    }

    /// The sentence about a script that is wrong.
    pub fn wrong_script(&self, script: &str) -> String {
        // SAFETY: a C string.
        assert_eq!(unsafe { fakemvs_script(c(script).as_ptr()) }, -1);
        why()
    }

    /// Moves the time of all cameras.
    pub fn advance(&self, ms: u64) {
        // SAFETY: null is all cameras.
        assert_eq!(unsafe { fakemvs_advance(std::ptr::null(), ms) }, 0);
    }

    /// The time of the first camera, in milliseconds.
    pub fn time(&self) -> u64 {
        // SAFETY: null is the first camera.
        unsafe { fakemvs_time(std::ptr::null()) }
    }

    pub fn unplug(&self, cable: bool) {
        // SAFETY: null is all cameras.
        assert_eq!(unsafe { fakemvs_unplug(std::ptr::null(), i32::from(cable)) }, 0);
    }

    pub fn plug(&self, new_handle: bool) {
        // SAFETY: null is all cameras.
        assert_eq!(unsafe { fakemvs_plug(std::ptr::null(), i32::from(new_handle)) }, 0);
    }

    /// Frames that all cameras took.
    pub fn frames(&self) -> u64 {
        // SAFETY: null is all cameras.
        unsafe { fakemvs_frames(std::ptr::null()) }
    }

    pub fn calls(&self, function: &str) -> u64 {
        // SAFETY: a C string.
        unsafe { fakemvs_calls(c(function).as_ptr()) }
    }

    /// What an enumeration finds: copies of the infos.
    pub fn enumerate(&self) -> Vec<DeviceInfo> {
        // SAFETY: numbers and pointers, for which zero is a value; the library fills what it counts.
        unsafe {
            let mut list: Box<DeviceInfoList> = Box::new(zeroed());
            assert_eq!(MV_CC_EnumDevices(5, &mut *list) as u32, OK);
            list.devices[..list.count as usize].iter().map(|p| **p).collect()
        }
    }

    /// A handle for the camera of this index.
    pub fn create(&self, index: usize) -> Cam {
        self.create_of(&self.enumerate()[index])
    }

    /// A handle for a camera that was found.
    pub fn create_of(&self, info: &DeviceInfo) -> Cam {
        let mut handle = Handle(null_mut());
        // SAFETY: both are ours.
        assert_eq!(unsafe { MV_CC_CreateHandle(&mut handle, info) } as u32, OK);
        Cam(handle)
    }

    /// The first camera, open.
    pub fn open(&self) -> Cam {
        let cam = self.create(0);
        assert_eq!(cam.open(1), OK);
        cam
    }

    /// The first camera, grabbing.
    pub fn started(&self) -> Cam {
        let cam = self.open();
        assert_eq!(cam.start(), OK);
        cam
    }
}

/// A handle.
#[derive(Clone, Copy)]
pub struct Cam(pub Handle);

// SAFETY: the library's handles may be used from any thread.
unsafe impl Send for Cam {}
// SAFETY: as above.
unsafe impl Sync for Cam {}

/// What an SDK thread brought to [`hear`].
pub struct Ear {
    pub from: Receiver<(u32, ThreadId)>,
    to: Box<Sender<(u32, ThreadId)>>,
}

/// An exception callback whose user is an [`Ear`].
pub unsafe extern "system" fn hear(code: u32, user: *mut c_void) {
    // SAFETY: the ear's sender, which lives until the handle is closed.
    let to = unsafe { &*user.cast::<Sender<(u32, ThreadId)>>() };
    // Nobody listens any more where a test that failed is torn down.
    let _ = to.send((code, std::thread::current().id()));
}

impl Ear {
    pub fn new() -> Ear {
        let (to, from) = channel();
        Ear { from, to: Box::new(to) }
    }

    /// An ear for this handle's exceptions.
    pub fn of(cam: Cam) -> Ear {
        let ear = Ear::new();
        assert_eq!(cam.on_exception(Some(hear), ear.user()), OK);
        ear
    }

    /// What goes with the callback.
    pub fn user(&self) -> *mut c_void {
        (&raw const *self.to).cast_mut().cast()
    }

    /// The next exception, brought by another thread than this.
    pub fn next(&self) -> u32 {
        let heard = self.from.recv_timeout(Duration::from_secs(20));
        let (code, thread) = heard.expect("an exception comes");
        assert_ne!(thread, std::thread::current().id(), "it comes from an SDK thread");
        code
    }

    pub fn silent(&self) -> bool {
        self.from.try_recv().is_err()
    }
}

pub fn zero_info() -> FrameInfo {
    // SAFETY: numbers, for which zero is a value.
    unsafe { zeroed() }
}

pub fn zero_out() -> FrameOut {
    // SAFETY: numbers and pointers, for which zero is a value.
    unsafe { zeroed() }
}

impl Cam {
    pub fn open(self, mode: u32) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_OpenDevice(self.0, mode, 0) as u32 }
    }

    pub fn close(self) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_CloseDevice(self.0) as u32 }
    }

    pub fn destroy(self) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_DestroyHandle(self.0) as u32 }
    }

    pub fn start(self) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_StartGrabbing(self.0) as u32 }
    }

    pub fn stop(self) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_StopGrabbing(self.0) as u32 }
    }

    pub fn connected(self) -> bool {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_IsDeviceConnected(self.0) != 0 }
    }

    pub fn nodes(self, n: u32) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_SetImageNodeNum(self.0, n) as u32 }
    }

    /// Copies a frame into `data`.
    pub fn grab(self, data: &mut [u8], ms: u32) -> (u32, FrameInfo) {
        let mut info = zero_info();
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        let code = unsafe {
            MV_CC_GetOneFrameTimeout(self.0, data.as_mut_ptr(), data.len() as u32, &mut info, ms)
        };
        (code as u32, info)
    }

    /// Borrows a frame.
    pub fn lend(self, ms: u32) -> (u32, FrameOut) {
        let mut out = zero_out();
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        let code = unsafe { MV_CC_GetImageBuffer(self.0, &mut out, ms) };
        (code as u32, out)
    }

    pub fn free(self, out: &mut FrameOut) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_FreeImageBuffer(self.0, out) as u32 }
    }

    pub fn register(self, buffer: *mut u8, len: usize, user: usize) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe {
            MV_CC_RegisterBuffer(self.0, buffer.cast(), len as u64, user as *mut c_void) as u32
        }
    }

    pub fn unregister(self, buffer: *mut u8) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_UnRegisterBuffer(self.0, buffer.cast()) as u32 }
    }

    pub fn set_int(self, key: &str, to: i64) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_SetIntValueEx(self.0, c(key).as_ptr(), to) as u32 }
    }

    pub fn int(self, key: &str) -> (u32, i64) {
        // SAFETY: numbers and text, for which zero is a value.
        let mut value: IntValueEx = unsafe { zeroed() };
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        let code = unsafe { MV_CC_GetIntValueEx(self.0, c(key).as_ptr(), &mut value) };
        (code as u32, value.current)
    }

    pub fn set_float(self, key: &str, to: f32) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_SetFloatValue(self.0, c(key).as_ptr(), to) as u32 }
    }

    pub fn set_enum(self, key: &str, to: u32) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_SetEnumValue(self.0, c(key).as_ptr(), to) as u32 }
    }

    pub fn set_enum_text(self, key: &str, to: &str) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_SetEnumValueByString(self.0, c(key).as_ptr(), c(to).as_ptr()) as u32 }
    }

    pub fn command(self, key: &str) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_SetCommandValue(self.0, c(key).as_ptr()) as u32 }
    }

    pub fn float(self, key: &str) -> (u32, f32) {
        // SAFETY: numbers and text, for which zero is a value.
        let mut value: FloatValue = unsafe { zeroed() };
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        let code = unsafe { MV_CC_GetFloatValue(self.0, c(key).as_ptr(), &mut value) };
        (code as u32, value.current)
    }

    pub fn enumeration(self, key: &str) -> (u32, u32) {
        // SAFETY: numbers and text, for which zero is a value.
        let mut value: EnumValue = unsafe { zeroed() };
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        let code = unsafe { MV_CC_GetEnumValue(self.0, c(key).as_ptr(), &mut value) };
        (code as u32, value.current)
    }

    pub fn text(self, key: &str) -> (u32, String) {
        // SAFETY: numbers and text, for which zero is a value.
        let mut value: StringValue = unsafe { zeroed() };
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        let code = unsafe { MV_CC_GetStringValue(self.0, c(key).as_ptr(), &mut value) };
        (code as u32, field_text(&value.current))
    }

    pub fn set_text(self, key: &str, to: &str) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_SetStringValue(self.0, c(key).as_ptr(), c(to).as_ptr()) as u32 }
    }

    pub fn boolean(self, key: &str) -> (u32, bool) {
        let mut value = 0;
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        let code = unsafe { MV_CC_GetBoolValue(self.0, c(key).as_ptr(), &mut value) };
        (code as u32, value != 0)
    }

    pub fn set_bool(self, key: &str, to: bool) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_SetBoolValue(self.0, c(key).as_ptr(), u8::from(to)) as u32 }
    }

    pub fn on_exception(self, call: ExceptionCallback, user: *mut c_void) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_RegisterExceptionCallBack(self.0, call, user) as u32 }
    }

    pub fn on_image(self, call: ImageCallback, user: *mut c_void) -> u32 {
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        unsafe { MV_CC_RegisterImageCallBackEx(self.0, call, user) as u32 }
    }

    /// Bytes, lost frames and frames received since the start.
    pub fn net(self) -> (i64, u32, u32) {
        // SAFETY: numbers and text, for which zero is a value.
        let mut net: NetDetect = unsafe { zeroed() };
        let mut all = AllMatchInfo {
            kind: 1,
            info: (&raw mut net).cast(),
            info_size: size_of::<NetDetect>() as u32,
        };
        // SAFETY: what is passed lives beyond the call; the library checks the handle.
        let code = unsafe { MV_CC_GetAllMatchInfo(self.0, &mut all) };
        assert_eq!(code as u32, OK);
        (net.receive_data_size, net.lost_frame_count, net.recv_frame_count)
    }
}

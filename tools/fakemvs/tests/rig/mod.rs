//! A caller of the library, as small as a test can use it. The library has one state, so tests that share a process take
//! turns.
#![allow(dead_code)] // Not every test needs all of it.

use fakemvs::*;
use fakemvs_sim::abi::*;
use std::ffi::{CStr, CString, c_void};
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

    /// Moves the time of all cameras.
    pub fn advance(&self, ms: u64) {
        // SAFETY: null is all cameras.
        assert_eq!(unsafe { fakemvs_advance(std::ptr::null(), ms) }, 0);
    }

    pub fn unplug(&self, cable: bool) {
        // SAFETY: null is all cameras.
        assert_eq!(unsafe { fakemvs_unplug(std::ptr::null(), i32::from(cable)) }, 0);
    }

    pub fn plug(&self, new_handle: bool) {
        // SAFETY: null is all cameras.
        assert_eq!(unsafe { fakemvs_plug(std::ptr::null(), i32::from(new_handle)) }, 0);
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
        let info = self.enumerate()[index];
        let mut handle = Handle(null_mut());
        // SAFETY: both are ours.
        assert_eq!(unsafe { MV_CC_CreateHandle(&mut handle, &info) } as u32, OK);
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

pub fn zero_info() -> FrameInfo {
    // SAFETY: numbers, for which zero is a value.
    unsafe { zeroed() }
}

pub fn zero_out() -> FrameOut {
    // SAFETY: numbers and pointers, for which zero is a value.
    unsafe { zeroed() }
}

/// Every call passes pointers to memory of its own, as the library asks.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Cam {
    pub fn open(self, mode: u32) -> u32 {
        unsafe { MV_CC_OpenDevice(self.0, mode, 0) as u32 }
    }

    pub fn close(self) -> u32 {
        unsafe { MV_CC_CloseDevice(self.0) as u32 }
    }

    pub fn destroy(self) -> u32 {
        unsafe { MV_CC_DestroyHandle(self.0) as u32 }
    }

    pub fn start(self) -> u32 {
        unsafe { MV_CC_StartGrabbing(self.0) as u32 }
    }

    pub fn stop(self) -> u32 {
        unsafe { MV_CC_StopGrabbing(self.0) as u32 }
    }

    pub fn connected(self) -> bool {
        unsafe { MV_CC_IsDeviceConnected(self.0) != 0 }
    }

    pub fn nodes(self, n: u32) -> u32 {
        unsafe { MV_CC_SetImageNodeNum(self.0, n) as u32 }
    }

    /// Copies a frame into `data`.
    pub fn grab(self, data: &mut [u8], ms: u32) -> (u32, FrameInfo) {
        let mut info = zero_info();
        let code = unsafe {
            MV_CC_GetOneFrameTimeout(self.0, data.as_mut_ptr(), data.len() as u32, &mut info, ms)
        };
        (code as u32, info)
    }

    /// Borrows a frame.
    pub fn lend(self, ms: u32) -> (u32, FrameOut) {
        let mut out = zero_out();
        let code = unsafe { MV_CC_GetImageBuffer(self.0, &mut out, ms) };
        (code as u32, out)
    }

    pub fn free(self, out: &mut FrameOut) -> u32 {
        unsafe { MV_CC_FreeImageBuffer(self.0, out) as u32 }
    }

    pub fn register(self, buffer: *mut u8, len: usize, user: usize) -> u32 {
        unsafe {
            MV_CC_RegisterBuffer(self.0, buffer.cast(), len as u64, user as *mut c_void) as u32
        }
    }

    pub fn unregister(self, buffer: *mut u8) -> u32 {
        unsafe { MV_CC_UnRegisterBuffer(self.0, buffer.cast()) as u32 }
    }

    pub fn set_int(self, key: &str, to: i64) -> u32 {
        unsafe { MV_CC_SetIntValueEx(self.0, c(key).as_ptr(), to) as u32 }
    }

    pub fn int(self, key: &str) -> (u32, i64) {
        let mut value: IntValueEx = unsafe { zeroed() };
        let code = unsafe { MV_CC_GetIntValueEx(self.0, c(key).as_ptr(), &mut value) };
        (code as u32, value.current)
    }

    pub fn set_float(self, key: &str, to: f32) -> u32 {
        unsafe { MV_CC_SetFloatValue(self.0, c(key).as_ptr(), to) as u32 }
    }

    pub fn set_enum(self, key: &str, to: u32) -> u32 {
        unsafe { MV_CC_SetEnumValue(self.0, c(key).as_ptr(), to) as u32 }
    }

    pub fn set_enum_text(self, key: &str, to: &str) -> u32 {
        unsafe { MV_CC_SetEnumValueByString(self.0, c(key).as_ptr(), c(to).as_ptr()) as u32 }
    }

    pub fn command(self, key: &str) -> u32 {
        unsafe { MV_CC_SetCommandValue(self.0, c(key).as_ptr()) as u32 }
    }

    pub fn on_exception(self, call: ExceptionCallback, user: *mut c_void) -> u32 {
        unsafe { MV_CC_RegisterExceptionCallBack(self.0, call, user) as u32 }
    }

    pub fn on_image(self, call: ImageCallback, user: *mut c_void) -> u32 {
        unsafe { MV_CC_RegisterImageCallBackEx(self.0, call, user) as u32 }
    }

    /// Bytes, lost frames and frames received since the start.
    pub fn net(self) -> (i64, u32, u32) {
        let mut net: NetDetect = unsafe { zeroed() };
        let mut all = AllMatchInfo {
            kind: 1,
            info: (&raw mut net).cast(),
            info_size: size_of::<NetDetect>() as u32,
        };
        let code = unsafe { MV_CC_GetAllMatchInfo(self.0, &mut all) };
        assert_eq!(code as u32, OK);
        (net.receive_data_size, net.lost_frame_count, net.recv_frame_count)
    }
}

//! The way into every call: it is counted, the fault script has its say, and no panic leaves.

use crate::abi::Handle;
use crate::camera::Camera;
use crate::codes::Code;
use crate::script::CallAction;
use crate::session::Post;
use crate::world::world;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The functions that a script may name: those of every generation.
pub const CALLS: &[&str] = &[
    "MV_CC_Initialize",
    "MV_CC_Finalize",
    "MV_CC_GetSDKVersion",
    "MV_CC_EnumDevices",
    "MV_CC_EnumDevicesEx",
    "MV_CC_EnumDevicesEx2",
    "MV_CC_IsDeviceAccessible",
    "MV_CC_CreateHandle",
    "MV_CC_CreateHandleWithoutLog",
    "MV_CC_DestroyHandle",
    "MV_CC_GetDeviceInfo",
    "MV_CC_OpenDevice",
    "MV_CC_CloseDevice",
    "MV_CC_IsDeviceConnected",
    "MV_CC_StartGrabbing",
    "MV_CC_StopGrabbing",
    "MV_CC_GetOneFrameTimeout",
    "MV_CC_GetImageBuffer",
    "MV_CC_FreeImageBuffer",
    "MV_CC_ClearImageBuffer",
    "MV_CC_GetValidImageNum",
    "MV_CC_SetImageNodeNum",
    "MV_CC_SetGrabStrategy",
    "MV_CC_SetOutputQueueSize",
    "MV_CC_GetPayloadSize",
    "MV_CC_AllocAlignedBuffer",
    "MV_CC_FreeAlignedBuffer",
    "MV_CC_RegisterBuffer",
    "MV_CC_UnRegisterBuffer",
    "MV_CC_RegisterImageCallBackEx",
    "MV_CC_RegisterImageCallBackEx2",
    "MV_CC_RegisterExceptionCallBack",
    "MV_CC_RegisterStreamExceptionCallBack",
    "MV_USB_RegisterStreamExceptionCallBack",
    "MV_CC_GetAllMatchInfo",
    "MV_CC_GetIntValue",
    "MV_CC_SetIntValue",
    "MV_CC_GetIntValueEx",
    "MV_CC_SetIntValueEx",
    "MV_CC_GetFloatValue",
    "MV_CC_SetFloatValue",
    "MV_CC_GetEnumValue",
    "MV_CC_SetEnumValue",
    "MV_CC_SetEnumValueByString",
    "MV_CC_GetBoolValue",
    "MV_CC_SetBoolValue",
    "MV_CC_GetStringValue",
    "MV_CC_SetStringValue",
    "MV_CC_SetCommandValue",
    "MV_XML_GetGenICamXML",
    "MV_CC_ReadMemory",
    "MV_CC_GetOptimalPacketSize",
    "MV_GIGE_SetResend",
    "MV_GIGE_SetGvspTimeout",
    "MV_GIGE_SetGvcpTimeout",
    "MV_GIGE_GetNetTransInfo",
    "MV_USB_SetTransferSize",
    "MV_USB_SetTransferWays",
];

/// What a call can answer.
pub trait Reply: Sized {
    /// The answer that stands for a code.
    fn refuse(code: Code) -> Self;
}

impl Reply for i32 {
    fn refuse(code: Code) -> i32 {
        code.0 as i32
    }
}

impl Reply for u32 {
    fn refuse(code: Code) -> u32 {
        code.0
    }
}

impl Reply for u64 {
    fn refuse(code: Code) -> u64 {
        code.0.into()
    }
}

/// `bool`: a script's code 1 is true, every other one false.
impl Reply for u8 {
    fn refuse(code: Code) -> u8 {
        u8::from(code.0 == 1)
    }
}

impl Reply for *mut c_void {
    fn refuse(_: Code) -> *mut c_void {
        std::ptr::null_mut()
    }
}

/// Runs one call of a library whose own version is `version`; `handle` is there where the call is for a camera.
pub fn call<R: Reply>(
    version: u32,
    name: &'static str,
    handle: Option<Handle>,
    work: impl FnOnce() -> Result<R, Code>,
) -> R {
    let work = || {
        let instead = scripted(version, name, handle);
        match instead {
            Some((code, false)) => Err(Code(code)),
            Some((code, true)) => work().and(Err(Code(code))),
            None => work(),
        }
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(reply)) => reply,
        Ok(Err(code)) => R::refuse(code),
        Err(_) => R::refuse(Code::UNKNOWN),
    }
}

/// What the script has for this call; blocking is done here. Returns the code to answer, and whether the work is done
/// all the same.
fn scripted(version: u32, name: &'static str, handle: Option<Handle>) -> Option<(u32, bool)> {
    let mut world = world(version);
    *world.counts.entry(name).or_default() += 1;
    let device = handle.and_then(|h| world.handles.get(&(h.0 as usize)).cloned());
    let serial = device.as_ref().map(|d| d.camera.config.serial.as_str());
    let mut actions = Vec::new();
    for rule in &mut world.rules {
        let ours = rule.call.is_none_or(|c| c == name)
            && (rule.serial.is_none() || rule.serial.as_deref() == serial);
        if ours {
            if rule.seen >= rule.at && rule.seen - rule.at < rule.times {
                actions.push(rule.action);
            }
            rule.seen += 1;
        }
    }
    if actions.is_empty() {
        return None;
    }
    let cameras: Vec<Arc<Camera>> = match &device {
        Some(device) => vec![Arc::clone(&device.camera)],
        None => world.cameras.iter().filter(|c| c.lock().clock.is_virtual()).cloned().collect(),
    };
    drop(world);
    let mut instead = None;
    for action in actions {
        match action {
            CallAction::Fail { code, done } => instead = Some((code, done)),
            CallAction::Block(ms) if cameras.is_empty() => {
                std::thread::sleep(std::time::Duration::from_millis(ms.into()));
            }
            CallAction::Block(ms) => cameras.iter().for_each(|c| c.pass(ms.into())),
            CallAction::Raise(code) => {
                if let Some(device) = &device {
                    let mut state = device.camera.lock();
                    if let Ok(session) = state.open_session(device.id) {
                        session.posts.push_back(Post::Exception(code));
                    }
                    drop(state);
                    device.camera.notify();
                }
            }
        }
    }
    instead
}

/// Exports functions of the SDK. `device` functions take the handle first, `library` ones take none; each is answered by
/// a function of [`calls`](crate::calls) or [`control`](crate::control) with the same arguments.
#[macro_export]
macro_rules! export {
    ($version:expr; $(
        $(#[$meta:meta])*
        $group:ident $name:ident ( $($arg:ident : $ty:ty),* ) -> $ret:ty = $target:path;
    )*) => { $(
        $(#[$meta])*
        /// See the vendor's documentation of this function.
        ///
        /// # Safety
        ///
        /// - Pointers are null or valid as the SDK asks.
        #[unsafe(no_mangle)]
        #[allow(non_snake_case)]
        pub unsafe extern "system" fn $name($($arg: $ty),*) -> $ret {
            let handle = $crate::export!(@handle $group $($arg)*);
            // SAFETY: the arguments are the caller's, and he vouches for the pointers.
            $crate::entry::call($version, stringify!($name), handle, || unsafe { $target($($arg),*) })
        }
    )* };
    (@handle library $($arg:ident)*) => { None };
    (@handle device $handle:ident $($arg:ident)*) => { Some($handle) };
}

//! One opened device: every call of the SDK that is made on it, each behind a safe function.
#![allow(unsafe_code)]

use super::board::{self, Posted};
use super::codes::{MV_E_HANDLE, MV_E_PARAMETER, MV_E_RESOURCE, MV_E_SUPPORT, MV_OK, named};
use super::library::Library;
use super::sys::{
    self, DeviceInfo, DeviceList, EnumValue, FloatValue, FrameInfo, FrameOut, IntValue, MatchInfo,
    NetDetect, StreamException, StringValue, UsbDetect,
};
use std::ffi::{CStr, CString, c_void};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// What a call answers when it is not `MV_OK`.
pub(super) type Code = u32;

/// `Ok` for `MV_OK`.
fn check(code: i32) -> Result<(), Code> {
    match code as u32 {
        MV_OK => Ok(()),
        code => Err(code),
    }
}

/// The symbol, or the code that says that this version lacks it.
fn have<T>(symbol: Option<T>) -> Result<T, Code> {
    symbol.ok_or(MV_E_SUPPORT)
}

fn text(name: &str) -> Result<CString, Code> {
    CString::new(name).map_err(|_| MV_E_PARAMETER)
}

/// Whole milliseconds, rounded up: a wait that is asked for is never none.
fn milliseconds(timeout: Duration) -> u32 {
    u32::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX - 1)
}

/// What the host received of a device's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Received {
    pub bytes: i64,
    pub frames: u32,
}

/// What an enumeration found, with its memory still the SDK's.
pub(super) struct Listed<'a> {
    list: &'a DeviceList,
    library: &'a Arc<Library>,
}

impl Listed<'_> {
    /// The devices, as far as every version tells of them.
    pub fn devices(&self) -> impl Iterator<Item = DeviceInfo> {
        // SAFETY: the SDK filled so many pointers, each to at least this much (newer ones to more), and they
        // are valid until the next enumeration, which the lock that our maker holds keeps away.
        self.pointers().map(|p| unsafe { p.read_unaligned() })
    }

    fn pointers(&self) -> impl Iterator<Item = *mut DeviceInfo> {
        let count = self.list.count as usize;
        self.list.devices.iter().take(count).copied().filter(|p| !p.is_null())
    }

    /// Whether device `n` would let itself be opened; `None` where the SDK does not say.
    pub fn is_accessible(&self, n: usize) -> Option<bool> {
        let accessible = self.library.symbols.accessible?;
        let device = self.pointers().nth(n)?;
        // SAFETY: a pointer of the SDK's own list, still valid.
        Some(unsafe { accessible(device, sys::ACCESS_EXCLUSIVE) } != 0)
    }

    /// Makes a handle of device `n` and opens it. A failure comes with the function that answered so.
    pub fn open(&self, n: usize) -> Result<Handle, (&'static str, Code)> {
        const CREATE: &str = "MV_CC_CreateHandle";
        let device = self.pointers().nth(n).ok_or((CREATE, MV_E_PARAMETER))?;
        let posted = Posted::claim().ok_or((CREATE, MV_E_RESOURCE))?;
        let mut raw = std::ptr::null_mut();
        // SAFETY: the device's description is the SDK's own, passed on by its own pointer, still valid.
        check(unsafe { (self.library.symbols.create)(&mut raw, device) })
            .map_err(|code| (CREATE, code))?;
        let mut handle = Handle { library: self.library.clone(), raw, posted, is_open: false };
        handle.open()?;
        Ok(handle)
    }
}

/// Enumerates the devices and shows them to `look`, which must not enumerate again.
pub(super) fn enumerate<R>(
    library: &Arc<Library>,
    look: impl FnOnce(Listed<'_>) -> R,
) -> Result<R, Code> {
    const BASIC: u32 = sys::LAYER_GIGE | sys::LAYER_USB;
    const ALL: u32 = BASIC | sys::LAYER_VIRTUAL_GIGE | sys::LAYER_VIRTUAL_USB;
    let _turn = library.enumerating.lock().unwrap_or_else(PoisonError::into_inner);
    let mut list = DeviceList::ZERO;
    // SAFETY: the list is of the SDK's size and lives through the call; nobody enumerates meanwhile.
    let mut code = check(unsafe { (library.symbols.enumerate)(ALL, &mut list) });
    if matches!(code, Err(MV_E_SUPPORT | MV_E_PARAMETER)) {
        // An older SDK does not know some of the layers.
        list = DeviceList::ZERO;
        // SAFETY: as above.
        code = check(unsafe { (library.symbols.enumerate)(BASIC, &mut list) });
    }
    code?;
    Ok(look(Listed { list: &list, library }))
}

/// What closing a device brought.
#[derive(Debug)]
pub(super) struct Closed {
    /// What Close and Destroy answered, where that was a fault.
    pub refused: [Option<(&'static str, Code)>; 2],
    /// One of them was done, so that the SDK writes nothing any more.
    pub is_sure: bool,
}

/// An open device. Dropped: closed and destroyed, which may take seconds.
#[derive(Debug)]
pub(super) struct Handle {
    library: Arc<Library>,
    raw: sys::RawHandle,
    posted: Posted,
    is_open: bool,
}

// SAFETY: the SDK's handles are not bound to a thread; `&mut self` or a single owner keeps calls apart.
unsafe impl Send for Handle {}

/// Reads a structure that the SDK fills.
macro_rules! get {
    ($self:ident, $symbol:expr, $name:expr, $zero:expr) => {{
        let name = text($name)?;
        let mut value = $zero;
        // SAFETY: our handle; the name ends with a zero; the structure is of the SDK's size.
        check(unsafe { $symbol($self.raw, name.as_ptr(), &mut value) })?;
        Ok(value)
    }};
}

impl Handle {
    pub fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// What the SDK's callbacks left.
    pub fn posted(&self) -> &Posted {
        &self.posted
    }

    /// Tells what callbacks posted that is only counted.
    pub fn tell_counts(&mut self, tell: &mut dyn FnMut(u32, u64)) {
        self.posted.tell_counts(tell);
    }

    fn open(&mut self) -> Result<(), (&'static str, Code)> {
        let symbols = &self.library.symbols;
        // SAFETY: made by CreateHandle and not destroyed.
        check(unsafe { (symbols.open)(self.raw, sys::ACCESS_EXCLUSIVE, 0) })
            .map_err(|code| ("MV_CC_OpenDevice", code))?;
        self.is_open = true;
        if let Some(register) = symbols.on_exception {
            // SAFETY: as above. The callback is a function of this program, and its word no pointer.
            check(unsafe { register(self.raw, Some(board::on_exception), self.posted.user()) })
                .map_err(|code| ("MV_CC_RegisterExceptionCallBack", code))?;
        }
        // Optional news; not every version and kind of device has it.
        if let Some(register) = symbols.on_stream_exception {
            // SAFETY: as above.
            let _ = unsafe { register(self.raw, Some(on_stream), self.posted.user()) };
        } else if let Some(register) = symbols.on_usb_exception {
            // SAFETY: as above.
            let _ = unsafe { register(self.raw, Some(board::on_exception), self.posted.user()) };
        }
        Ok(())
    }

    pub fn start(&mut self) -> Result<(), Code> {
        // SAFETY: our handle.
        check(unsafe { (self.library.symbols.start)(self.raw) })
    }

    pub fn stop(&mut self) -> Result<(), Code> {
        // SAFETY: our handle.
        check(unsafe { (self.library.symbols.stop)(self.raw) })
    }

    /// `None` where the SDK cannot say.
    pub fn is_connected(&self) -> Option<bool> {
        // SAFETY: our handle.
        self.library.symbols.connected.map(|f| unsafe { f(self.raw) } != 0)
    }

    /// Waits for a frame and has it copied into `buffer`.
    ///
    /// # Real-time
    /// Capture-bound. No allocation; waits in the SDK.
    pub fn get_one_frame(
        &mut self,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> (FrameInfo, Result<(), Code>) {
        let mut info = FrameInfo::ZERO;
        let bytes = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        let (get, wait) = (self.library.symbols.get_one_frame, milliseconds(timeout));
        // SAFETY: `bytes` bytes at the buffer are ours to be written; the structure is of the SDK's size.
        let code = unsafe { get(self.raw, buffer.as_mut_ptr(), bytes, &mut info, wait) };
        (info, check(code))
    }

    /// Waits for a frame in a buffer of the SDK, or in one that was registered.
    ///
    /// # Real-time
    /// Capture-bound. No allocation; waits in the SDK.
    pub fn get_buffer(&mut self, timeout: Duration) -> Result<FrameOut, Code> {
        let mut out = FrameOut::ZERO;
        // SAFETY: our handle; the structure is of the SDK's size.
        check(unsafe {
            (self.library.symbols.get_buffer)(self.raw, &mut out, milliseconds(timeout))
        })?;
        Ok(out)
    }

    /// Gives a buffer back to the SDK, which may fill it from now on.
    ///
    /// # Safety
    /// - `out` came from [`get_buffer`](Self::get_buffer) of this handle and was not given back since.
    /// - Nobody reads or writes its memory any more.
    pub unsafe fn free_buffer(&mut self, out: &mut FrameOut) -> Result<(), Code> {
        // SAFETY: the caller's promise.
        check(unsafe { (self.library.symbols.free_buffer)(self.raw, out) })
    }

    /// Has the SDK fill `bytes` bytes at `start` from the next start on.
    ///
    /// # Safety
    /// The memory stays, and is nobody else's, until [`unregister`](Self::unregister), but while a frame
    /// that was delivered in it is out.
    pub unsafe fn register(&mut self, start: *mut u8, bytes: u64, user: usize) -> Result<(), Code> {
        let register = have(self.library.symbols.register)?;
        let user: *mut c_void = std::ptr::without_provenance_mut(user);
        // SAFETY: the caller's promise; `can_register` has seen to it that a fourth argument does no harm.
        check(unsafe { register(self.raw, start.cast(), bytes, user) })
    }

    /// The SDK forgets the memory at `start`.
    pub fn unregister(&mut self, start: *mut u8) -> Result<(), Code> {
        let unregister = have(self.library.symbols.unregister)?;
        // SAFETY: our handle; the SDK looks the address up.
        check(unsafe { unregister(self.raw, start.cast()) })
    }

    pub fn set_node_count(&mut self, count: u32) -> Result<(), Code> {
        let set = have(self.library.symbols.set_node_count)?;
        // SAFETY: our handle.
        check(unsafe { set(self.raw, count) })
    }

    /// Bytes of a frame, and what its buffer's length must be a multiple of beyond them.
    pub fn payload_size(&self) -> Result<(u64, u32), Code> {
        let get = have(self.library.symbols.payload_size)?;
        let (mut bytes, mut alignment) = (0, 0);
        // SAFETY: our handle; both numbers live through the call.
        check(unsafe { get(self.raw, &mut bytes, &mut alignment) })?;
        Ok((bytes, alignment))
    }

    /// The packet size that fits the network, in bytes.
    pub fn optimal_packet_size(&mut self) -> Result<i64, Code> {
        let get = have(self.library.symbols.optimal_packet_size)?;
        // SAFETY: our handle.
        match unsafe { get(self.raw) } {
            bytes if bytes > 0 => Ok(i64::from(bytes)),
            code => Err(code as u32),
        }
    }

    pub fn set_resend(&mut self, on: bool) -> Result<(), Code> {
        /// Percent of a frame's packets, and milliseconds, as the SDK's manual has them.
        const MOST_PERCENT: u32 = 10;
        const TIMEOUT_MS: u32 = 50;
        let set = have(self.library.symbols.set_resend)?;
        // SAFETY: our handle.
        check(unsafe { set(self.raw, u32::from(on), MOST_PERCENT, TIMEOUT_MS) })
    }

    /// What the host received so far; `None` where the SDK cannot say.
    pub fn received(&mut self, is_usb: bool) -> Option<Received> {
        let get = self.library.symbols.match_info?;
        let (mut net, mut usb) = (NetDetect::default(), UsbDetect::default());
        let mut info = if is_usb {
            let info = std::ptr::from_mut(&mut usb).cast();
            MatchInfo { kind: sys::MATCH_USB, info, info_bytes: size_of::<UsbDetect>() as u32 }
        } else {
            let info = std::ptr::from_mut(&mut net).cast();
            MatchInfo { kind: sys::MATCH_NET, info, info_bytes: size_of::<NetDetect>() as u32 }
        };
        // SAFETY: our handle; what the structure points at is of the size that it says and lives.
        check(unsafe { get(self.raw, &mut info) }).ok()?;
        Some(if is_usb {
            Received { bytes: usb.received_bytes, frames: usb.received_frames }
        } else {
            Received { bytes: net.received_bytes, frames: net.received_frames }
        })
    }

    pub fn get_int(&self, name: &str) -> Result<IntValue, Code> {
        get!(self, (self.library.symbols.get_int), name, IntValue::ZERO)
    }

    pub fn get_float(&self, name: &str) -> Result<FloatValue, Code> {
        get!(self, have(self.library.symbols.get_float)?, name, FloatValue::ZERO)
    }

    pub fn get_enum(&self, name: &str) -> Result<EnumValue, Code> {
        get!(self, have(self.library.symbols.get_enum)?, name, EnumValue::ZERO)
    }

    pub fn get_bool(&self, name: &str) -> Result<bool, Code> {
        let value: Result<u8, Code> = get!(self, have(self.library.symbols.get_bool)?, name, 0_u8);
        value.map(|v| v != 0)
    }

    pub fn get_text(&self, name: &str) -> Result<String, Code> {
        let value: Result<StringValue, Code> =
            get!(self, have(self.library.symbols.get_text)?, name, StringValue::ZERO);
        value.map(|v| from_c(&v.current))
    }

    /// The description of the camera's features. A failure comes with the function that answered so.
    #[cfg(feature = "genapi")]
    pub fn description(&self) -> Result<Vec<u8>, (&'static str, Code)> {
        const GET: &str = "MV_XML_GetGenICamXML";
        /// More than any camera's.
        const MOST: u32 = 1 << 24;
        let get = have(self.library.symbols.xml).map_err(|code| (GET, code))?;
        let mut bytes = 0;
        // SAFETY: our handle; without a buffer the SDK tells the length, and that lives through the call.
        check(unsafe { get(self.raw, std::ptr::null_mut(), 0, &mut bytes) })
            .map_err(|code| (GET, code))?;
        let mut xml = vec![0; bytes.min(MOST) as usize];
        // SAFETY: our handle; so many bytes are ours, and the length lives through the call.
        check(unsafe { get(self.raw, xml.as_mut_ptr(), xml.len() as u32, &mut bytes) })
            .map_err(|code| (GET, code))?;
        xml.truncate(bytes as usize);
        Ok(xml)
    }

    /// Reads registers of the camera.
    #[cfg(feature = "genapi")]
    pub fn read_memory(&self, address: u64, into: &mut [u8]) -> Result<(), Code> {
        let read = have(self.library.symbols.read_memory)?;
        let address = i64::try_from(address).map_err(|_| MV_E_PARAMETER)?;
        // SAFETY: our handle; so many bytes are ours, and live through the call.
        check(unsafe { read(self.raw, into.as_mut_ptr().cast(), address, into.len() as i64) })
    }

    pub fn set_int(&mut self, name: &str, value: i64) -> Result<(), Code> {
        let (set, name) = (have(self.library.symbols.set_int)?, text(name)?);
        // SAFETY: our handle; the name ends with a zero.
        check(unsafe { set(self.raw, name.as_ptr(), value) })
    }

    pub fn set_float(&mut self, name: &str, value: f32) -> Result<(), Code> {
        let name = text(name)?;
        // SAFETY: as above.
        check(unsafe { (self.library.symbols.set_float)(self.raw, name.as_ptr(), value) })
    }

    pub fn set_enum(&mut self, name: &str, value: u32) -> Result<(), Code> {
        let name = text(name)?;
        // SAFETY: as above.
        check(unsafe { (self.library.symbols.set_enum)(self.raw, name.as_ptr(), value) })
    }

    pub fn set_enum_text(&mut self, name: &str, value: &str) -> Result<(), Code> {
        let set = have(self.library.symbols.set_enum_text)?;
        let (name, value) = (text(name)?, text(value)?);
        // SAFETY: as above, for both texts.
        check(unsafe { set(self.raw, name.as_ptr(), value.as_ptr()) })
    }

    pub fn set_bool(&mut self, name: &str, value: bool) -> Result<(), Code> {
        let (set, name) = (have(self.library.symbols.set_bool)?, text(name)?);
        // SAFETY: as above.
        check(unsafe { set(self.raw, name.as_ptr(), u8::from(value)) })
    }

    pub fn set_text(&mut self, name: &str, value: &str) -> Result<(), Code> {
        let set = have(self.library.symbols.set_text)?;
        let (name, value) = (text(name)?, text(value)?);
        // SAFETY: as above, for both texts.
        check(unsafe { set(self.raw, name.as_ptr(), value.as_ptr()) })
    }

    /// # Real-time
    /// Capture-bound; allocates for the name.
    pub fn command(&mut self, name: &str) -> Result<(), Code> {
        let name = text(name)?;
        // SAFETY: as above.
        check(unsafe { (self.library.symbols.command)(self.raw, name.as_ptr()) })
    }
}

impl Handle {
    /// Closes and destroys it, which may take seconds.
    pub fn close(mut self) -> Closed {
        self.shut()
    }

    fn shut(&mut self) -> Closed {
        let raw = std::mem::replace(&mut self.raw, std::ptr::null_mut());
        if raw.is_null() {
            return Closed { refused: [None, None], is_sure: true };
        }
        let symbols = &self.library.symbols;
        // SAFETY: our handle, for the last time.
        let closed = self.is_open.then(|| check(unsafe { (symbols.close)(raw) }));
        // SAFETY: as above.
        let destroyed = check(unsafe { (symbols.destroy)(raw) });
        // A handle that the SDK does not know is nothing that could write.
        let is_sure = !self.is_open
            || closed == Some(Ok(()))
            || matches!(destroyed, Ok(()) | Err(MV_E_HANDLE));
        if !is_sure {
            // It may still run: the SDK is never finalised under it.
            std::mem::forget(self.library.clone());
        }
        let refused = [
            closed.and_then(Result::err).map(|code| ("MV_CC_CloseDevice", code)),
            destroyed.err().map(|code| ("MV_CC_DestroyHandle", code)),
        ];
        Closed { refused, is_sure }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        for (call, code) in self.shut().refused.into_iter().flatten() {
            tracing::warn!("{call} answered {} to a device that was given up", named(code));
        }
    }
}

/// What a newer SDK calls about a stream. Nothing in it can unwind.
extern "system" fn on_stream(exception: *mut StreamException, user: *mut c_void) {
    if !exception.is_null() {
        // SAFETY: the SDK passes a structure of its own that lives through the call.
        board::on_stream_exception(unsafe { (*exception).kind }, user);
    }
}

/// The text in a fixed array, up to its first zero.
pub(super) fn from_c(bytes: &[u8]) -> String {
    match CStr::from_bytes_until_nul(bytes) {
        Ok(text) => text.to_string_lossy().into_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

//! The modules of a producer above the stream: system, interfaces, devices, ports. Every call that is made on them,
//! each behind a safe function.
#![allow(unsafe_code)]

use super::codes::*;
use super::library::{Producer, Symbols};
use super::sys::{self, GcError, RawHandle, data_type};
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::null_mut;
use std::sync::{Arc, MutexGuard, PoisonError};

/// How long a list may take to be made, in milliseconds.
const UPDATE_MS: u64 = 2000;
/// The longest text that is believed.
const MAX_TEXT_BYTES: usize = 1 << 16;
/// More children than these are garbage.
const MAX_CHILDREN: u32 = 256;

/// `Ok` for success. Positive numbers are no codes of GenTL, and mean none.
pub(super) fn check(code: GcError) -> Result<(), Code> {
    if code >= 0 { Ok(()) } else { Err(code) }
}

/// The symbol, or the code that says that this producer lacks it.
pub(super) fn have<T>(symbol: Option<T>) -> Result<T, Code> {
    symbol.ok_or(GC_ERR_NOT_IMPLEMENTED)
}

/// The text in a field, which may fill it without a zero.
pub(super) fn from_c(bytes: &[u8]) -> String {
    match CStr::from_bytes_until_nul(bytes) {
        Ok(text) => text.to_string_lossy().into_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn to_c(text: &str) -> Result<CString, Code> {
    CString::new(text).map_err(|_| GC_ERR_INVALID_PARAMETER)
}

/// Asks for a text: once with room for most, and again where it is longer.
pub(super) fn text(
    mut get: impl FnMut(*mut c_char, *mut usize) -> GcError,
) -> Result<String, Code> {
    let mut buffer = vec![0_u8; 512];
    let mut bytes = buffer.len();
    let mut answer = check(get(buffer.as_mut_ptr().cast(), &mut bytes));
    if answer == Err(GC_ERR_BUFFER_TOO_SMALL) {
        bytes = 0;
        check(get(null_mut(), &mut bytes))?;
        if bytes > MAX_TEXT_BYTES {
            return Err(GC_ERR_BUFFER_TOO_SMALL);
        }
        buffer = vec![0; bytes + 1];
        answer = check(get(buffer.as_mut_ptr().cast(), &mut bytes));
    }
    answer.map(|()| from_c(&buffer))
}

/// Asks for a number of whatever type.
///
/// # Real-time
/// Any thread. No allocation.
#[inline]
pub(super) fn number(
    get: impl FnOnce(*mut i32, *mut c_void, *mut usize) -> GcError,
) -> Result<u64, Code> {
    // Aligned for whatever type the producer stores.
    let (mut kind, mut value, mut bytes) = (0, 0_u64, 8);
    check(get(&mut kind, std::ptr::from_mut(&mut value).cast(), &mut bytes))?;
    decode(kind, value.to_ne_bytes(), bytes)
}

/// The number in a value of that type; one of an unknown type is as long as is said.
#[inline]
pub(super) fn decode(kind: i32, value: [u8; 8], bytes: usize) -> Result<u64, Code> {
    let low = |n: usize| u64::from_ne_bytes(value) & (u64::MAX >> (64 - 8 * n as u32));
    let low = |n| {
        if cfg!(target_endian = "little") {
            low(n)
        } else {
            u64::from_ne_bytes(value) >> (64 - 8 * n as u32)
        }
    };
    Ok(match kind {
        data_type::BOOL8 => u64::from(value[0] != 0),
        data_type::I16 | data_type::U16 => low(2),
        data_type::I32 | data_type::U32 => low(4),
        data_type::I64 | data_type::U64 => low(8),
        data_type::SIZE | data_type::PTR | data_type::PTRDIFF => low(size_of::<usize>()),
        data_type::STRING => return Err(GC_ERR_INVALID_PARAMETER),
        _ if (1..=8).contains(&bytes) => low(bytes),
        _ => return Err(GC_ERR_INVALID_PARAMETER),
    })
}

/// The system module, and the interfaces that were opened.
#[derive(Debug)]
pub(super) struct Root {
    raw: RawHandle,
    /// By identifier. They stay open as long as the producer: some refuse a second opening.
    interfaces: Vec<(String, RawHandle)>,
}

// SAFETY: the handles of a producer are not bound to a thread, as the standard has it.
unsafe impl Send for Root {}

impl Root {
    pub fn open(symbols: &Symbols) -> Result<Root, Code> {
        let mut raw = null_mut();
        // SAFETY: initialised; the handle lives through the call.
        check(unsafe { (symbols.tl_open)(&mut raw) })?;
        Ok(Root { raw, interfaces: Vec::new() })
    }

    /// Closes the interfaces, and the system. No device is open.
    pub fn close(&mut self, symbols: &Symbols) {
        for (_, raw) in self.interfaces.drain(..) {
            // SAFETY: opened by us, and closed once.
            unsafe { (symbols.if_close)(raw) };
        }
        // SAFETY: as above.
        unsafe { (symbols.tl_close)(self.raw) };
    }

    fn interface(&mut self, symbols: &Symbols, id: &str) -> Result<RawHandle, Code> {
        if let Some((_, raw)) = self.interfaces.iter().find(|(i, _)| i == id) {
            return Ok(*raw);
        }
        let (name, mut raw) = (to_c(id)?, null_mut());
        // SAFETY: our handle; the name ends with a zero.
        check(unsafe { (symbols.tl_open_interface)(self.raw, name.as_ptr(), &mut raw) })?;
        self.interfaces.push((id.into(), raw));
        Ok(raw)
    }
}

/// The identifiers of a module's children.
fn children(
    module: RawHandle,
    count: sys::Count,
    child: sys::ChildId,
) -> Result<Vec<String>, Code> {
    let mut n = 0;
    // SAFETY: a handle of ours, still open; the number lives through the call.
    check(unsafe { count(module, &mut n) })?;
    (0..n.min(MAX_CHILDREN))
        // SAFETY: as above; `text` says how much room there is.
        .map(|k| text(|to, bytes| unsafe { child(module, k, to, bytes) }))
        .collect()
}

/// What a producer says of a device before it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Found {
    pub interface: String,
    pub id: String,
    pub vendor: String,
    pub model: String,
    pub serial: String,
    pub user_name: String,
    pub version: String,
    pub link: String,
    /// `DEVICE_ACCESS_STATUS`: 1 is free, 4 and more are states in which it does not open.
    pub access: Option<u64>,
}

impl Producer {
    fn root(&self) -> MutexGuard<'_, Root> {
        self.root.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A text about the producer itself.
    pub(super) fn system_text(&self, command: i32) -> Result<String, Code> {
        let (get, root) = (have(self.symbols.tl_info)?, self.root());
        // SAFETY: our handle, open; `text` says how much room there is.
        text(|to, bytes| unsafe { get(root.raw, command, &mut 0, to.cast(), bytes) })
    }

    /// A number about the producer itself.
    pub(super) fn system_number(&self, command: i32) -> Result<u64, Code> {
        let (get, root) = (have(self.symbols.tl_info)?, self.root());
        // SAFETY: as above.
        number(|kind, to, bytes| unsafe { get(root.raw, command, kind, to, bytes) })
    }

    /// Every device on every interface. An interface that does not answer has none; where none answers, the last one's
    /// code comes with its function. Blocks while the producer looks.
    pub(super) fn look(&self) -> Result<Vec<Found>, (&'static str, Code)> {
        let s = &self.symbols;
        let mut root = self.root();
        // SAFETY: our handle, open. The list may stay as it was: a producer that cannot look anew has one all the same.
        let updated = check(unsafe { (s.tl_update)(root.raw, null_mut(), UPDATE_MS) });
        let interfaces =
            children(root.raw, s.tl_count, s.tl_child).map_err(|code| match updated {
                Err(code) => ("TLUpdateInterfaceList", code),
                Ok(()) => ("TLGetInterfaceID", code),
            })?;
        let (mut found, mut refused, mut answered) = (Vec::new(), None, false);
        for id in interfaces {
            match devices(s, &mut root, &id) {
                Ok(here) => {
                    answered = true;
                    found.extend(here);
                }
                Err(why) => refused = Some(why),
            }
        }
        match refused {
            Some(why) if !answered => Err(why),
            _ => Ok(found),
        }
    }

    /// Opens a device for this program alone, or, where the producer cannot that, to control it.
    pub(super) fn open_device(
        self: &Arc<Self>,
        found: &Found,
    ) -> Result<Arc<Device>, (&'static str, Code)> {
        let s = &self.symbols;
        let mut root = self.root();
        let interface =
            root.interface(s, &found.interface).map_err(|code| ("TLOpenInterface", code))?;
        let name = to_c(&found.id).map_err(|code| ("IFOpenDevice", code))?;
        let mut raw = null_mut();
        let mut answer = Err(GC_ERR_NOT_IMPLEMENTED);
        for access in [sys::ACCESS_EXCLUSIVE, sys::ACCESS_CONTROL] {
            // SAFETY: our handle; the name ends with a zero; the new handle lives through the call.
            answer =
                check(unsafe { (s.if_open_device)(interface, name.as_ptr(), access, &mut raw) });
            if !matches!(answer, Err(GC_ERR_NOT_IMPLEMENTED | GC_ERR_INVALID_PARAMETER)) {
                break;
            }
        }
        answer.map_err(|code| ("IFOpenDevice", code))?;
        let mut device = Device { producer: self.clone(), raw, port: null_mut() };
        // SAFETY: opened just now. The port is the device's, and goes with it.
        check(unsafe { (s.dev_port)(raw, &mut device.port) })
            .map_err(|code| ("DevGetPort", code))?;
        Ok(Arc::new(device))
    }
}

fn devices(
    s: &Symbols,
    root: &mut Root,
    interface: &str,
) -> Result<Vec<Found>, (&'static str, Code)> {
    use sys::device_info as info;
    let raw = root.interface(s, interface).map_err(|code| ("TLOpenInterface", code))?;
    // SAFETY: our handle, open.
    let updated = check(unsafe { (s.if_update)(raw, null_mut(), UPDATE_MS) });
    let ids = children(raw, s.if_count, s.if_child).map_err(|code| match updated {
        Err(code) => ("IFUpdateDeviceList", code),
        Ok(()) => ("IFGetDeviceID", code),
    })?;
    let device = |id: String| {
        let name = to_c(&id).ok();
        let say = |command| {
            let name = name.as_ref()?;
            // SAFETY: our handle; the name ends with a zero; `text` says how much room there is.
            text(|to, bytes| unsafe {
                (s.if_device_info)(raw, name.as_ptr(), command, &mut 0, to.cast(), bytes)
            })
            .ok()
        };
        let said = |command| say(command).unwrap_or_default();
        let access = name.as_ref().and_then(|name| {
            // SAFETY: as above.
            number(|kind, to, bytes| unsafe {
                (s.if_device_info)(raw, name.as_ptr(), info::ACCESS_STATUS, kind, to, bytes)
            })
            .ok()
        });
        Found {
            interface: interface.into(),
            vendor: said(info::VENDOR),
            model: match said(info::MODEL) {
                model if model.is_empty() => said(info::DISPLAY_NAME),
                model => model,
            },
            serial: said(info::SERIAL),
            user_name: said(info::USER_NAME),
            version: said(info::VERSION),
            link: said(info::LINK),
            access,
            id,
        }
    };
    Ok(ids.into_iter().map(device).collect())
}

/// An open device, with the port to its registers. Dropped: closed, which may take seconds.
#[derive(Debug)]
pub(super) struct Device {
    producer: Arc<Producer>,
    pub(super) raw: RawHandle,
    port: RawHandle,
}

// SAFETY: the handles of a producer are not bound to a thread, as the standard has it.
unsafe impl Send for Device {}
// SAFETY: as above; calls on one handle from several threads are the producer's to order.
unsafe impl Sync for Device {}

impl Device {
    pub fn producer(&self) -> &Arc<Producer> {
        &self.producer
    }

    /// Reads registers of the camera.
    pub fn read(&self, address: u64, data: &mut [u8]) -> Result<(), Code> {
        let mut bytes = data.len();
        // SAFETY: our port; `bytes` bytes at `data` are ours to be written.
        check(unsafe {
            (self.producer.symbols.read_port)(
                self.port,
                address,
                data.as_mut_ptr().cast(),
                &mut bytes,
            )
        })?;
        if bytes < data.len() { Err(GC_ERR_IO) } else { Ok(()) }
    }

    /// Writes registers of the camera.
    pub fn write(&self, address: u64, data: &[u8]) -> Result<(), Code> {
        let mut bytes = data.len();
        // SAFETY: our port; the producer only reads the `bytes` bytes, whatever the type of the pointer says.
        check(unsafe {
            (self.producer.symbols.write_port)(
                self.port,
                address,
                data.as_ptr().cast_mut().cast(),
                &mut bytes,
            )
        })?;
        if bytes < data.len() { Err(GC_ERR_IO) } else { Ok(()) }
    }

    /// Where the camera's description lies, best first.
    pub fn description_urls(&self) -> Result<Vec<String>, Code> {
        let s = &self.producer.symbols;
        let mut urls = Vec::new();
        if let (Some(count), Some(info)) = (s.url_count, s.url_info) {
            let mut n = 0;
            // SAFETY: our port; the number lives through the call.
            if check(unsafe { count(self.port, &mut n) }).is_ok() {
                urls.extend((0..n.min(MAX_CHILDREN)).filter_map(|k| {
                    // SAFETY: as above; `text` says how much room there is.
                    text(|to, bytes| unsafe {
                        info(self.port, k, sys::url_info::URL, &mut 0, to.cast(), bytes)
                    })
                    .ok()
                }));
            }
        }
        if urls.is_empty() {
            let get = have(s.port_url)?;
            // SAFETY: as above.
            urls.push(text(|to, bytes| unsafe { get(self.port, to, bytes) })?);
        }
        Ok(urls)
    }

    /// A number about the device.
    pub fn number(&self, command: i32) -> Result<u64, Code> {
        let get = have(self.producer.symbols.dev_info)?;
        // SAFETY: our handle, open; `number` says how much room there is.
        number(|kind, to, bytes| unsafe { get(self.raw, command, kind, to, bytes) })
    }

    /// The identifier of its first data stream.
    pub fn stream_id(&self) -> Result<CString, (&'static str, Code)> {
        let s = &self.producer.symbols;
        let ids = children(self.raw, s.dev_count, s.dev_child)
            .map_err(|code| ("DevGetDataStreamID", code))?;
        let first = ids.first().ok_or(("DevGetNumDataStreams", GC_ERR_NOT_AVAILABLE))?;
        to_c(first).map_err(|code| ("DevGetDataStreamID", code))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: opened by us; its streams hold it, so all are closed.
        unsafe { (self.producer.symbols.dev_close)(self.raw) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_what_they_are() {
        // Catches a 32-bit number read with the garbage behind it, and a text read as a number.
        let value = 0x1122_3344_5566_7788_u64.to_ne_bytes();
        assert_eq!(decode(data_type::U64, value, 8), Ok(0x1122_3344_5566_7788));
        assert_eq!(decode(data_type::BOOL8, value, 1), Ok(1));
        if cfg!(target_endian = "little") {
            assert_eq!(decode(data_type::I32, value, 4), Ok(0x5566_7788));
            assert_eq!(decode(0, value, 2), Ok(0x7788));
        }
        assert!(decode(data_type::STRING, value, 8).is_err() && decode(0, value, 0).is_err());
    }

    #[test]
    fn a_long_text_is_asked_for_again() {
        let long = vec![b'x'; 2000];
        let got = text(|to, bytes| {
            // SAFETY: `bytes` is a number of the caller's, and as much room lies at `to`.
            unsafe {
                if !to.is_null() && *bytes < long.len() {
                    return GC_ERR_BUFFER_TOO_SMALL;
                }
                *bytes = long.len();
                if !to.is_null() {
                    std::ptr::copy_nonoverlapping(long.as_ptr().cast(), to, long.len());
                }
            }
            0
        });
        assert_eq!(got.map(|t| t.len()), Ok(2000));
    }
}

//! One opened camera: every call of Aravis that is made on it, each behind a safe function.
#![allow(unsafe_code)]

use super::board::{self, Posted, Priority};
use super::codes::{
    Code, DEVICE_ERROR, GC_ERROR, NOT_CONTROLLER, NOT_FOUND, OTHER_ERROR, STREAM_ERROR, named,
};
use super::library::{Library, Version};
use super::sys::{self, GError, Object};
use crate::format::PixelFormat;
use std::ffi::{CStr, CString, c_char, c_ulong, c_void};
use std::fmt;

/// 16 MiB, as the GenApi of ours allows.
const MOST_DESCRIPTION_BYTES: usize = 16 << 20;

/// Why a call failed: the code, and Aravis's own sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The function.
    pub call: &'static str,
    pub code: Code,
    pub text: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {} ({})", self.call, named(self.code), self.text)
    }
}

/// A text of the library's, which need not be UTF-8.
///
/// # Safety
/// Null, or a text that ends with a zero and lives through the call.
pub(super) unsafe fn from_c(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: passed on to the caller.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

fn text(name: &str) -> CString {
    // A zero within would end it: what is before is what the library gets, and it says that it knows no such name.
    CString::new(name.split('\0').next().unwrap_or_default()).unwrap_or_default()
}

/// Calls with a place for an error, and takes that.
pub(super) fn tried<R>(
    library: &Library,
    call: &'static str,
    f: impl FnOnce(sys::Failed) -> R,
) -> Result<R, Failure> {
    let mut error: *mut GError = std::ptr::null_mut();
    let value = f(&mut error);
    if error.is_null() {
        return Ok(value);
    }
    // SAFETY: set by the call, ours to read and to free.
    let (domain, number, text) =
        unsafe { ((*error).domain, (*error).code, from_c((*error).message)) };
    // SAFETY: as above; nobody has it any more. The quarks are functions without arguments.
    let (device, gc) = unsafe {
        (library.symbols.free_error)(error);
        ((library.symbols.device_errors)(), (library.symbols.gc_errors)())
    };
    let number = u32::try_from(number).ok().filter(|n| *n < DEVICE_ERROR);
    let code = match number {
        Some(n) if domain == device => device_error(n, library.version()),
        Some(n) if domain == gc => GC_ERROR + n,
        _ => OTHER_ERROR,
    };
    Err(Failure { call, code, text })
}

/// An `ArvDeviceError` as one code. From 0.9 on there is one more among them, and those behind it have moved.
fn device_error(number: u32, version: Version) -> Code {
    const NEW: u32 = 10;
    match number {
        _ if version < Version([0, 9, 0]) => DEVICE_ERROR + number,
        NEW => STREAM_ERROR,
        n if n > NEW => DEVICE_ERROR + n - 1,
        n => DEVICE_ERROR + n,
    }
}

/// What a feature is, by the class of its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Float,
    Enumeration,
    Boolean,
    Text,
    Command,
}

/// How a camera's stream is to travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PacketSize {
    /// Negotiated by test packets when the first stream is made.
    Auto,
    /// Left as it is.
    Leave,
    Bytes(u32),
}

/// An open camera. Dropped: its control is given up and it is closed, which may take seconds.
#[derive(Debug)]
pub(super) struct Camera {
    library: &'static Library,
    raw: Object,
    /// The camera's own, as long as the camera lives.
    device: Object,
    posted: Posted,
    signal: c_ulong,
    is_gv: bool,
}

// SAFETY: Aravis's objects are not bound to a thread; one owner keeps calls apart.
unsafe impl Send for Camera {}

/// What the device calls when it does not answer its heartbeat any more. Nothing in it can unwind.
extern "C" fn on_control_lost(_: Object, user: *mut c_void) {
    board::post_lost(user);
}

impl Camera {
    /// Opens the camera of that identifier.
    pub fn open(
        library: &'static Library,
        id: &str,
        priority: Priority,
    ) -> Result<Camera, Failure> {
        const CALL: &str = "arv_camera_new";
        let name = text(id);
        let posted = Posted::claim(priority).ok_or_else(|| Failure {
            call: CALL,
            code: OTHER_ERROR,
            text: "256 cameras are open already".into(),
        })?;
        let symbols = &library.symbols;
        // SAFETY: the name ends with a zero.
        let raw = tried(library, CALL, |e| unsafe { (symbols.open)(name.as_ptr(), e) })?;
        if raw.is_null() {
            let text = format!("there is no camera {id:?}");
            return Err(Failure { call: CALL, code: NOT_FOUND, text });
        }
        // SAFETY: a camera that was just made; its device lives as long. The callback is a function of this
        // program, its word no pointer.
        let (device, signal, is_gv) = unsafe {
            let device = (symbols.device)(raw);
            let name = c"control-lost".as_ptr();
            let signal = (symbols.connect)(
                device,
                name,
                on_control_lost,
                posted.user(),
                std::ptr::null(),
                0,
            );
            if let Some(check) = symbols.set_range_check {
                check(raw, sys::RANGE_CHECK); // Else a value out of range is written and never mentioned.
            }
            (device, signal, (symbols.is_gv)(raw) != 0)
        };
        let camera = Camera { library, raw, device, posted, signal, is_gv };
        if let (true, Some(is_controller)) = (is_gv, symbols.is_controller)
            // SAFETY: a GigE Vision device.
            && unsafe { is_controller(device) } == 0
        {
            // Aravis opens it all the same, and can neither set nor start anything.
            let text = "another program controls it".into();
            return Err(Failure { call: CALL, code: NOT_CONTROLLER, text });
        }
        Ok(camera)
    }

    pub fn library(&self) -> &'static Library {
        self.library
    }

    pub fn raw(&self) -> Object {
        self.raw
    }

    /// What callbacks left.
    pub fn posted(&self) -> &Posted {
        &self.posted
    }

    /// Whether it is a GigE Vision camera.
    pub fn is_gv(&self) -> bool {
        self.is_gv
    }

    /// Says how the stream will travel. Of GigE Vision cameras only.
    pub fn set_transport(&mut self, size: PacketSize, packet_socket: bool) -> Result<(), Failure> {
        let symbols = &self.library.symbols;
        let adjustment = match size {
            PacketSize::Auto => sys::PACKET_SIZE_ONCE,
            PacketSize::Leave | PacketSize::Bytes(_) => sys::PACKET_SIZE_STAYS,
        };
        let options = if packet_socket { 0 } else { sys::NO_PACKET_SOCKET };
        // SAFETY: our camera, a GigE Vision one.
        unsafe {
            (symbols.set_packet_size_adjustment)(self.raw, adjustment);
            (symbols.set_stream_options)(self.raw, options);
        }
        match size {
            PacketSize::Bytes(bytes) => {
                let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
                tried(self.library, "arv_camera_gv_set_packet_size", |e| {
                    // SAFETY: as above.
                    unsafe { (symbols.set_packet_size)(self.raw, bytes, e) };
                })
            }
            PacketSize::Auto | PacketSize::Leave => Ok(()),
        }
    }

    pub fn packet_size(&self) -> Result<u32, Failure> {
        let f = self.library.symbols.packet_size;
        // SAFETY: our camera.
        tried(self.library, "arv_camera_gv_get_packet_size", |e| unsafe { f(self.raw, e) })
    }

    pub fn start(&mut self) -> Result<(), Failure> {
        let f = self.library.symbols.start;
        // SAFETY: our camera.
        tried(self.library, "arv_camera_start_acquisition", |e| unsafe { f(self.raw, e) })
    }

    pub fn stop(&mut self) -> Result<(), Failure> {
        let f = self.library.symbols.stop;
        // SAFETY: our camera.
        tried(self.library, "arv_camera_stop_acquisition", |e| unsafe { f(self.raw, e) })
    }

    /// The region: first column, first row, width, height.
    pub fn region(&self) -> Result<[i32; 4], Failure> {
        let f = self.library.symbols.region;
        let [mut x, mut y, mut width, mut height] = [0; 4];
        tried(self.library, "arv_camera_get_region", |e| {
            // SAFETY: our camera, and places for the four numbers.
            unsafe { f(self.raw, &mut x, &mut y, &mut width, &mut height, e) };
        })?;
        Ok([x, y, width, height])
    }

    pub fn pixel_format(&self) -> Result<PixelFormat, Failure> {
        let f = self.library.symbols.pixel_format;
        // SAFETY: our camera.
        let code =
            tried(self.library, "arv_camera_get_pixel_format", |e| unsafe { f(self.raw, e) })?;
        Ok(PixelFormat(code))
    }

    pub fn payload(&self) -> Result<u32, Failure> {
        let f = self.library.symbols.payload;
        // SAFETY: our camera.
        tried(self.library, "arv_camera_get_payload", |e| unsafe { f(self.raw, e) })
    }

    /// What a feature is; `None`: there is none of that name, or one that takes no value.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        let s = &self.library.symbols;
        let name = text(name);
        // SAFETY: our device; the node belongs to it.
        let node = unsafe { (s.feature)(self.device, name.as_ptr()) };
        if node.is_null() {
            return None;
        }
        // An enumeration is an integer, too: the narrower kind comes first.
        [
            (Kind::Enumeration, s.enumeration_type),
            (Kind::Boolean, s.boolean_type),
            (Kind::Command, s.command_type),
            (Kind::Integer, s.integer_type),
            (Kind::Float, s.float_type),
            (Kind::Text, s.string_type),
        ]
        .into_iter()
        // SAFETY: an object of GObject, and a type of its.
        .find(|(_, of)| unsafe { (s.is_a)(node, of()) } != 0)
        .map(|(kind, _)| kind)
    }

    pub fn execute(&mut self, name: &str) -> Result<(), Failure> {
        let (f, name) = (self.library.symbols.execute, text(name));
        tried(self.library, "arv_device_execute_command", |e| {
            // SAFETY: our device; the name ends with a zero.
            unsafe { f(self.device, name.as_ptr(), e) };
        })
    }

    pub fn integer(&self, name: &str) -> Result<i64, Failure> {
        let (f, name) = (self.library.symbols.get_integer, text(name));
        tried(self.library, "arv_device_get_integer_feature_value", |e| {
            // SAFETY: our device; the name ends with a zero.
            unsafe { f(self.device, name.as_ptr(), e) }
        })
    }

    pub fn set_integer(&mut self, name: &str, value: i64) -> Result<(), Failure> {
        let (f, name) = (self.library.symbols.set_integer, text(name));
        tried(self.library, "arv_device_set_integer_feature_value", |e| {
            // SAFETY: as above.
            unsafe { f(self.device, name.as_ptr(), value, e) };
        })
    }

    /// Least, largest and step.
    pub fn integer_range(&self, name: &str) -> Result<[i64; 3], Failure> {
        let s = &self.library.symbols;
        let name = text(name);
        let (mut min, mut max) = (0, 0);
        tried(self.library, "arv_device_get_integer_feature_bounds", |e| {
            // SAFETY: our device; the name ends with a zero; places for two numbers.
            unsafe { (s.integer_bounds)(self.device, name.as_ptr(), &mut min, &mut max, e) };
        })?;
        let step = tried(self.library, "arv_device_get_integer_feature_increment", |e| {
            // SAFETY: as above.
            unsafe { (s.integer_increment)(self.device, name.as_ptr(), e) }
        })?;
        Ok([min, max, step])
    }

    pub fn float(&self, name: &str) -> Result<f64, Failure> {
        let (f, name) = (self.library.symbols.get_float, text(name));
        tried(self.library, "arv_device_get_float_feature_value", |e| {
            // SAFETY: as above.
            unsafe { f(self.device, name.as_ptr(), e) }
        })
    }

    pub fn set_float(&mut self, name: &str, value: f64) -> Result<(), Failure> {
        let (f, name) = (self.library.symbols.set_float, text(name));
        tried(self.library, "arv_device_set_float_feature_value", |e| {
            // SAFETY: as above.
            unsafe { f(self.device, name.as_ptr(), value, e) };
        })
    }

    /// Least and largest.
    pub fn float_range(&self, name: &str) -> Result<[f64; 2], Failure> {
        let (f, name) = (self.library.symbols.float_bounds, text(name));
        let (mut min, mut max) = (0.0, 0.0);
        tried(self.library, "arv_device_get_float_feature_bounds", |e| {
            // SAFETY: as above, with places for two numbers.
            unsafe { f(self.device, name.as_ptr(), &mut min, &mut max, e) };
        })?;
        Ok([min, max])
    }

    /// A text, or the present entry of an enumeration.
    pub fn text(&self, name: &str) -> Result<String, Failure> {
        let (f, name) = (self.library.symbols.get_text, text(name));
        let value = tried(self.library, "arv_device_get_string_feature_value", |e| {
            // SAFETY: as above.
            unsafe { f(self.device, name.as_ptr(), e) }
        })?;
        // SAFETY: the device's own text, valid until it is asked again.
        Ok(unsafe { from_c(value) })
    }

    pub fn set_text(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let (f, name, value) = (self.library.symbols.set_text, text(name), text(value));
        tried(self.library, "arv_device_set_string_feature_value", |e| {
            // SAFETY: as above; the value ends with a zero.
            unsafe { f(self.device, name.as_ptr(), value.as_ptr(), e) };
        })
    }

    pub fn boolean(&self, name: &str) -> Result<bool, Failure> {
        let (f, name) = (self.library.symbols.get_boolean, text(name));
        tried(self.library, "arv_device_get_boolean_feature_value", |e| {
            // SAFETY: as above.
            unsafe { f(self.device, name.as_ptr(), e) != 0 }
        })
    }

    pub fn set_boolean(&mut self, name: &str, value: bool) -> Result<(), Failure> {
        let (f, name) = (self.library.symbols.set_boolean, text(name));
        tried(self.library, "arv_device_set_boolean_feature_value", |e| {
            // SAFETY: as above.
            unsafe { f(self.device, name.as_ptr(), value.into(), e) };
        })
    }

    /// The description that the camera brought, unpacked; empty where it has none.
    pub fn description(&self) -> Vec<u8> {
        let mut length = 0;
        // SAFETY: our device; the text is its own, and so many bytes long. What is longer than a description may be is
        // not read.
        unsafe {
            let start = (self.library.symbols.description)(self.device, &mut length);
            if start.is_null() || length > MOST_DESCRIPTION_BYTES {
                return Vec::new();
            }
            std::slice::from_raw_parts(start.cast::<u8>(), length).to_vec()
        }
    }

    /// Reads registers.
    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Failure> {
        const CALL: &str = "arv_device_read_memory";
        let (f, length) = (self.library.symbols.read_memory, registers(CALL, into.len())?);
        let done = tried(self.library, CALL, |e| {
            // SAFETY: our device, and a place for so many bytes.
            unsafe { f(self.device, address, length, into.as_mut_ptr().cast(), e) }
        })?;
        answered(CALL, done)
    }

    /// Writes registers.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Failure> {
        const CALL: &str = "arv_device_write_memory";
        let (f, length) = (self.library.symbols.write_memory, registers(CALL, bytes.len())?);
        let done = tried(self.library, CALL, |e| {
            // SAFETY: our device, and so many bytes, which are only read.
            unsafe { f(self.device, address, length, bytes.as_ptr().cast(), e) }
        })?;
        answered(CALL, done)
    }

    /// The entries of an enumeration that can be chosen now.
    pub fn entries(&self, name: &str) -> Result<Vec<String>, Failure> {
        let s = &self.library.symbols;
        let name = text(name);
        let mut count = 0;
        let list =
            tried(self.library, "arv_device_dup_available_enumeration_feature_values", |e| {
                // SAFETY: as above, with a place for the count.
                unsafe { (s.entries)(self.device, name.as_ptr(), &mut count, e) }
            })?;
        if list.is_null() {
            return Ok(Vec::new());
        }
        // SAFETY: so many texts of the device's own; the list is ours to free.
        unsafe {
            let entries = (0..count as usize).map(|n| from_c(*list.add(n))).collect();
            (s.free)(list.cast());
            Ok(entries)
        }
    }
}

/// A length as the calls for registers take it.
fn registers(call: &'static str, bytes: usize) -> Result<u32, Failure> {
    let text = || format!("{bytes} bytes are too many");
    u32::try_from(bytes).map_err(|_| Failure { call, code: OTHER_ERROR, text: text() })
}

/// A call that failed and set no error all the same.
fn answered(call: &'static str, done: sys::Bool) -> Result<(), Failure> {
    match done {
        0 => Err(Failure { call, code: OTHER_ERROR, text: "it does not say why".into() }),
        _ => Ok(()),
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let symbols = &self.library.symbols;
        // SAFETY: ours, and given up once. What a signal still posts goes by the board's generation.
        unsafe {
            if self.signal != 0 {
                (symbols.disconnect)(self.device, self.signal);
            }
            (symbols.unref)(self.raw);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_errors_are_those_of_the_version() {
        // Catches a camera in use that is an unknown fault, and a stream's fault that is a camera in use.
        let of = |n, version| device_error(n, Version(version));
        assert_eq!((of(10, [0, 8, 26]), of(9, [0, 9, 0])), (NOT_CONTROLLER, DEVICE_ERROR + 9));
        assert_eq!((of(10, [0, 10, 0]), of(11, [0, 10, 0])), (STREAM_ERROR, NOT_CONTROLLER));
        assert_eq!((of(18, [0, 8, 26]), of(19, [0, 9, 2])), (DEVICE_ERROR + 18, DEVICE_ERROR + 18));
    }
}

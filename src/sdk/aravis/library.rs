//! The Aravis library: found, loaded, its symbols bound, its version read.
#![allow(unsafe_code)]

use super::sys::{Bool, Failed, GError, GType, Object, OnSignal, OnStream};
use crate::error::{Error, ErrorKind};
use std::ffi::{c_char, c_double, c_int, c_uint, c_ulong, c_void};
use std::fmt;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The names that are asked for, best first.
pub const NAMES: [&str; 2] = ["libaravis-0.10.so.0", "libaravis-0.8.so.0"];
/// What to install where it is missing.
const PACKAGE: &str =
    "apt-get install libaravis-0.8-0 (Debian, Ubuntu; elsewhere the system's package of Aravis)";
/// The oldest version that has all that is needed.
const OLDEST: &str = "0.8.11";

/// A version of Aravis: 0.8.26.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub [u32; 3]);

impl Version {
    /// What is taken for the version of a library that does not tell it: one between 0.8.11 and 0.8.19.
    pub const UNTOLD: Version = Version([0, 8, 0]);
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Version::UNTOLD {
            return f.write_str("0.8 (before 0.8.20)");
        }
        let [major, minor, micro] = self.0;
        write!(f, "{major}.{minor}.{micro}")
    }
}

macro_rules! symbols {
    (
        required { $($r:ident: fn $ra:tt $(-> $rr:ty)? = $rs:literal;)* }
        optional { $($o:ident: fn $oa:tt $(-> $or:ty)? = $os:literal;)* }
    ) => {
        /// The functions of the library. Those that not every version has are options.
        pub(super) struct Symbols {
            $(pub $r: unsafe extern "C" fn $ra $(-> $rr)?,)*
            $(pub $o: Option<unsafe extern "C" fn $oa $(-> $or)?>,)*
        }

        impl Symbols {
            /// Binds every symbol at once, or names all that are missing.
            fn bind(library: &libloading::Library) -> Result<Symbols, Vec<&'static str>> {
                // SAFETY: the types are those of the headers of 0.8 and 0.10; the library is never unmapped.
                // GLib's own functions are found through it, since it needs them.
                unsafe {
                    let mut missing = Vec::new();
                    $(let $r = library.get::<unsafe extern "C" fn $ra $(-> $rr)?>($rs).map(|s| *s);
                    if $r.is_err() {
                        missing.push($rs);
                    })*
                    if !missing.is_empty() {
                        return Err(missing);
                    }
                    Ok(Symbols {
                        $($r: $r.map_err(|_| Vec::new())?,)*
                        $($o: library.get::<unsafe extern "C" fn $oa $(-> $or)?>($os).map(|s| *s).ok(),)*
                    })
                }
            }
        }
    };
}

symbols! {
    required {
        // GObject and GLib.
        reference: fn(Object) -> Object = "g_object_ref";
        unref: fn(Object) = "g_object_unref";
        set_property: fn(Object, *const c_char, ...) = "g_object_set";
        connect: fn(Object, *const c_char, OnSignal, *mut c_void, *const c_void, c_int) -> c_ulong
            = "g_signal_connect_data";
        disconnect: fn(Object, c_ulong) = "g_signal_handler_disconnect";
        is_a: fn(Object, GType) -> Bool = "g_type_check_instance_is_a";
        free_error: fn(*mut GError) = "g_error_free";
        free: fn(*mut c_void) = "g_free";
        // The system.
        device_errors: fn() -> c_uint = "arv_device_error_quark";
        gc_errors: fn() -> c_uint = "arv_gc_error_quark";
        enable_interface: fn(*const c_char) = "arv_enable_interface";
        update: fn() = "arv_update_device_list";
        count: fn() -> c_uint = "arv_get_n_devices";
        id: fn(c_uint) -> *const c_char = "arv_get_device_id";
        physical_id: fn(c_uint) -> *const c_char = "arv_get_device_physical_id";
        address: fn(c_uint) -> *const c_char = "arv_get_device_address";
        vendor: fn(c_uint) -> *const c_char = "arv_get_device_vendor";
        model: fn(c_uint) -> *const c_char = "arv_get_device_model";
        serial: fn(c_uint) -> *const c_char = "arv_get_device_serial_nbr";
        protocol: fn(c_uint) -> *const c_char = "arv_get_device_protocol";
        // A camera and its features.
        open: fn(*const c_char, Failed) -> Object = "arv_camera_new";
        device: fn(Object) -> Object = "arv_camera_get_device";
        // Before 0.9; see `create_stream`.
        stream_without_destroy: fn(Object, OnStream, *mut c_void, Failed) -> Object = "arv_camera_create_stream";
        start: fn(Object, Failed) = "arv_camera_start_acquisition";
        stop: fn(Object, Failed) = "arv_camera_stop_acquisition";
        region: fn(Object, *mut c_int, *mut c_int, *mut c_int, *mut c_int, Failed) = "arv_camera_get_region";
        pixel_format: fn(Object, Failed) -> c_uint = "arv_camera_get_pixel_format";
        payload: fn(Object, Failed) -> c_uint = "arv_camera_get_payload";
        is_gv: fn(Object) -> Bool = "arv_camera_is_gv_device";
        packet_size: fn(Object, Failed) -> c_uint = "arv_camera_gv_get_packet_size";
        set_packet_size: fn(Object, c_int, Failed) = "arv_camera_gv_set_packet_size";
        set_packet_size_adjustment: fn(Object, c_int) = "arv_camera_gv_set_packet_size_adjustment";
        set_stream_options: fn(Object, c_int) = "arv_camera_gv_set_stream_options";
        feature: fn(Object, *const c_char) -> Object = "arv_device_get_feature";
        integer_type: fn() -> GType = "arv_gc_integer_get_type";
        float_type: fn() -> GType = "arv_gc_float_get_type";
        enumeration_type: fn() -> GType = "arv_gc_enumeration_get_type";
        boolean_type: fn() -> GType = "arv_gc_boolean_get_type";
        string_type: fn() -> GType = "arv_gc_string_get_type";
        command_type: fn() -> GType = "arv_gc_command_get_type";
        description: fn(Object, *mut usize) -> *const c_char = "arv_device_get_genicam_xml";
        read_memory: fn(Object, u64, u32, *mut c_void, Failed) -> Bool = "arv_device_read_memory";
        write_memory: fn(Object, u64, u32, *const c_void, Failed) -> Bool = "arv_device_write_memory";
        execute: fn(Object, *const c_char, Failed) = "arv_device_execute_command";
        get_integer: fn(Object, *const c_char, Failed) -> i64 = "arv_device_get_integer_feature_value";
        set_integer: fn(Object, *const c_char, i64, Failed) = "arv_device_set_integer_feature_value";
        integer_bounds: fn(Object, *const c_char, *mut i64, *mut i64, Failed)
            = "arv_device_get_integer_feature_bounds";
        integer_increment: fn(Object, *const c_char, Failed) -> i64 = "arv_device_get_integer_feature_increment";
        get_float: fn(Object, *const c_char, Failed) -> c_double = "arv_device_get_float_feature_value";
        set_float: fn(Object, *const c_char, c_double, Failed) = "arv_device_set_float_feature_value";
        float_bounds: fn(Object, *const c_char, *mut c_double, *mut c_double, Failed)
            = "arv_device_get_float_feature_bounds";
        get_text: fn(Object, *const c_char, Failed) -> *const c_char = "arv_device_get_string_feature_value";
        set_text: fn(Object, *const c_char, *const c_char, Failed) = "arv_device_set_string_feature_value";
        get_boolean: fn(Object, *const c_char, Failed) -> Bool = "arv_device_get_boolean_feature_value";
        set_boolean: fn(Object, *const c_char, Bool, Failed) = "arv_device_set_boolean_feature_value";
        entries: fn(Object, *const c_char, *mut c_uint, Failed) -> *mut *const c_char
            = "arv_device_dup_available_enumeration_feature_values_as_strings";
        // Streams and buffers.
        push: fn(Object, Object) = "arv_stream_push_buffer";
        pop: fn(Object, u64) -> Object = "arv_stream_timeout_pop_buffer";
        try_pop: fn(Object) -> Object = "arv_stream_try_pop_buffer";
        infos: fn(Object) -> c_uint = "arv_stream_get_n_infos";
        info_name: fn(Object, c_uint) -> *const c_char = "arv_stream_get_info_name";
        info_number: fn(Object, c_uint) -> u64 = "arv_stream_get_info_uint64";
        new_buffer: fn(usize, *mut c_void, *mut c_void, *const c_void) -> Object = "arv_buffer_new_full";
        user_data: fn(Object) -> *const c_void = "arv_buffer_get_user_data";
        status: fn(Object) -> c_int = "arv_buffer_get_status";
        payload_type: fn(Object) -> c_int = "arv_buffer_get_payload_type";
        frame_id: fn(Object) -> u64 = "arv_buffer_get_frame_id";
        set_frame_id: fn(Object, u64) = "arv_buffer_set_frame_id";
        timestamp: fn(Object) -> u64 = "arv_buffer_get_timestamp";
        data: fn(Object, *mut usize) -> *const c_void = "arv_buffer_get_data";
        image_region: fn(Object, *mut c_int, *mut c_int, *mut c_int, *mut c_int)
            = "arv_buffer_get_image_region";
        image_format: fn(Object) -> c_uint = "arv_buffer_get_image_pixel_format";
        realtime: fn(c_int) -> Bool = "arv_make_thread_realtime";
        high_priority: fn(c_int) -> Bool = "arv_make_thread_high_priority";
    }
    optional {
        // Since 0.8.20.
        major: fn() -> c_uint = "arv_get_major_version";
        minor: fn() -> c_uint = "arv_get_minor_version";
        micro: fn() -> c_uint = "arv_get_micro_version";
        // 0.8.23 to 0.8.x, and what it is called from 0.9 on.
        stream_full: fn(Object, OnStream, *mut c_void, *const c_void, Failed) -> Object
            = "arv_camera_create_stream_full";
        stream_with_destroy: fn(Object, OnStream, *mut c_void, *const c_void, Failed) -> Object
            = "arv_camera_create_stream";
        info_type: fn(Object, c_uint) -> GType = "arv_stream_get_info_type";
        has_chunks: fn(Object) -> Bool = "arv_buffer_has_chunks";
        // Since 0.8.23 to 0.8.25.
        image_padding: fn(Object, *mut c_int, *mut c_int) = "arv_buffer_get_image_padding";
        part_count: fn(Object) -> c_uint = "arv_buffer_get_n_parts";
        part_data: fn(Object, c_uint, *mut usize) -> *const c_void = "arv_buffer_get_part_data";
        part_component: fn(Object, c_uint) -> c_uint = "arv_buffer_get_part_component_id";
        part_type: fn(Object, c_uint) -> c_int = "arv_buffer_get_part_data_type";
        part_format: fn(Object, c_uint) -> c_uint = "arv_buffer_get_part_pixel_format";
        part_region: fn(Object, c_uint, *mut c_int, *mut c_int, *mut c_int, *mut c_int)
            = "arv_buffer_get_part_region";
        part_padding: fn(Object, c_uint, *mut c_int, *mut c_int) = "arv_buffer_get_part_padding";
        set_range_check: fn(Object, c_int) = "arv_camera_set_range_check_policy";
        is_controller: fn(Object) -> Bool = "arv_gv_device_is_controller";
    }
}

impl Symbols {
    fn version(&self) -> Version {
        match (self.major, self.minor, self.micro) {
            // SAFETY: functions without arguments of a library that is loaded.
            (Some(major), Some(minor), Some(micro)) => unsafe {
                Version([major(), minor(), micro()])
            },
            _ => Version::UNTOLD,
        }
    }

    /// Makes a camera's stream. The function that does it has changed its arguments once and its name twice.
    ///
    /// # Safety
    /// - `camera` is a camera, `on` may be called with `user` from another thread until the stream's thread has ended.
    /// - `failed` is a place for an error, with null in it.
    pub unsafe fn create_stream(
        &self,
        version: Version,
        camera: Object,
        on: OnStream,
        user: *mut c_void,
        failed: Failed,
    ) -> Object {
        let nothing_to_destroy = std::ptr::null();
        let later = self.stream_with_destroy.filter(|_| version >= Version([0, 9, 0]));
        // SAFETY: passed on to the caller; each is called with the arguments that it has in the version that has it.
        unsafe {
            match self.stream_full.or(later) {
                Some(create) => create(camera, on, user, nothing_to_destroy, failed),
                None => (self.stream_without_destroy)(camera, on, user, failed),
            }
        }
    }
}

/// The loaded Aravis library.
pub struct Library {
    pub(super) symbols: Symbols,
    name: String,
    version: Version,
    /// Held while devices are enumerated: what a list tells belongs to Aravis until the next one.
    pub(super) enumerating: Mutex<()>,
    /// Never unmapped: GLib's types stay registered, and threads of its own go on.
    _loaded: ManuallyDrop<libloading::Library>,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Library({}, {})", self.name, self.version)
    }
}

/// Why a library is not used.
enum Unusable {
    /// What the loader said.
    Loader(String),
    /// Which symbols it lacks.
    Lacks(String),
}

static LOADED: OnceLock<Library> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

impl Library {
    /// Loads the library at `given`, or else by its [`NAMES`]. Once in a process. Where the system has none the error
    /// is of the kind [`Source`](ErrorKind::Source).
    pub fn open(given: Option<&Path>) -> Result<&'static Library, Error> {
        let _turn = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        let library = match LOADED.get() {
            Some(library) => library,
            None => {
                let library = Library::load(given)?;
                tracing::info!("Aravis {} loaded as {}", library.version, library.name);
                LOADED.get_or_init(|| library)
            }
        };
        match given {
            Some(path) if *path != *library.name => Err(Error::new(
                ErrorKind::State,
                format!(
                    "Aravis is loaded as {} already, and a process can have it but once; leave library={} out",
                    library.name,
                    path.display()
                ),
            )),
            _ => Ok(library),
        }
    }

    /// The library, if it was loaded. For callbacks.
    pub(super) fn loaded() -> Option<&'static Library> {
        LOADED.get()
    }

    fn load(given: Option<&Path>) -> Result<Library, Error> {
        match given {
            Some(path) if path.components().count() < 2 => Err(Error::config(format!(
                "library={} is a bare name, and libraries are never taken from the working directory; give its path, or leave it out",
                path.display()
            ))),
            Some(path) => Library::bound(&path.display().to_string()).map_err(|e| match e {
                Unusable::Loader(said) => Error::config(format!(
                    "the Aravis library {} does not load; name a {}, or leave library out: {said}",
                    path.display(),
                    NAMES[1]
                )),
                Unusable::Lacks(lacks) => Error::config(format!("{lacks}; {PACKAGE}")),
            }),
            None => Library::first_of(&NAMES),
        }
    }

    /// The first of `names` that loads and has all that is needed. One that opens and lacks symbols hides none behind it.
    fn first_of(names: &[&str]) -> Result<Library, Error> {
        let mut reasons = Vec::new();
        let mut is_there = false;
        for name in names {
            match Library::bound(name) {
                Ok(library) => {
                    for reason in reasons.iter().filter(|_| is_there) {
                        tracing::warn!("passed over: {reason}");
                    }
                    return Ok(library);
                }
                Err(Unusable::Loader(said)) => {
                    // A library that is there and lacks another one names that one.
                    is_there |= !said.contains(&format!("{name}: "));
                    reasons.push(said);
                }
                Err(Unusable::Lacks(lacks)) => {
                    is_there = true;
                    reasons.push(lacks);
                }
            }
        }
        Err(match is_there {
            false => Error::new(
                ErrorKind::Source,
                format!(
                    "no Aravis library was found: the system has no {}; {PACKAGE}, or name the file as library=/path/{}",
                    names.join(" and no "),
                    NAMES[1]
                ),
            ),
            true => Error::new(
                ErrorKind::Io,
                format!("Aravis does not load ({}); {PACKAGE}", reasons.join("; ")),
            ),
        })
    }

    /// Loads the library of that name and binds its symbols.
    fn bound(name: &str) -> Result<Library, Unusable> {
        let loaded = open_local(name).map_err(|e| Unusable::Loader(e.to_string()))?;
        /// More missing symbols than these tell nobody anything.
        const NAMED: usize = 3;
        let symbols = Symbols::bind(&loaded).map_err(|missing| {
            Unusable::Lacks(format!(
                "{name} lacks {}{}, so it is no Aravis of version {OLDEST} or later",
                missing[..missing.len().min(NAMED)].join(", "),
                match missing.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} other symbols"),
                }
            ))
        })?;
        Ok(Library {
            version: symbols.version(),
            symbols,
            name: name.into(),
            enumerating: Mutex::new(()),
            _loaded: ManuallyDrop::new(loaded),
        })
    }

    /// Where it was loaded from, or the name that the loader found it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version, or [`Version::UNTOLD`].
    pub fn version(&self) -> Version {
        self.version
    }
}

#[cfg(unix)]
fn open_local(name: &str) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::unix::{Library as Unix, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: runs the library's initialisers; it is the system's Aravis, or the file that the user named.
    unsafe { Unix::open(Some(name), RTLD_NOW | RTLD_LOCAL) }.map(Into::into)
}

#[cfg(not(unix))]
fn open_local(name: &str) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: as above.
    unsafe { libloading::Library::new(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_working_directory_is_no_place() {
        // Catches a library that whoever writes into a folder can plant.
        let e = Library::load(Some(Path::new(NAMES[1]))).unwrap_err();
        assert!(
            e.kind() == ErrorKind::Config && e.to_string().contains("working directory"),
            "{e}"
        );
    }

    #[test]
    #[cfg(unix)]
    fn a_library_that_is_none_is_named() {
        // Catches a sentence of the loader's alone, and a symbol that is bound when it is first called.
        let e = Library::load(Some(Path::new("/no/such/libaravis.so"))).unwrap_err();
        assert!(e.to_string().contains("/no/such/libaravis.so does not load"), "{e}");
        let e = Library::load(Some(Path::new("/proc/self/../self/exe"))).unwrap_err();
        assert!(e.to_string().contains("does not load") || e.to_string().contains("lacks"), "{e}");
        if let Some(libm) = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/libm.so.6"]
            .into_iter()
            .find(|p| Path::new(p).exists())
        {
            let e = Library::load(Some(Path::new(libm))).unwrap_err();
            assert!(
                e.to_string().contains("lacks ") && e.to_string().contains("apt-get install"),
                "{e}"
            );
        }
    }
}

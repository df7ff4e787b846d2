//! The MVS library: found, checked, loaded, its symbols bound, its version read.
#![allow(unsafe_code)]

use super::codes::{MV_OK, named};
use super::sys;
use crate::error::{Error, ErrorKind};
use crate::sdk::binary::{self, Binary, Machine};
use std::fmt;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

/// The library's file.
pub const FILE: &str = if cfg!(windows) { "MvCameraControl.dll" } else { "libMvCameraControl.so" };
/// Names the SDK's folder of libraries, as the SDK's own installer sets it.
pub const FOLDER_VARIABLE: &str = "MVCAM_COMMON_RUNENV";
/// Where the SDK's installer puts its libraries.
pub const DEFAULT_FOLDER: &str = "/opt/MVS/lib";
/// The oldest generation whose layouts are known.
const OLDEST: u8 = 3;

/// The folder below `lib` that holds libraries for this processor.
const ARCHITECTURE_FOLDER: &str = match Machine::HERE {
    Machine::X86 => "32",
    Machine::Arm => "armhf",
    Machine::Aarch64 => "aarch64",
    _ => "64",
};

/// A version of the SDK: 4.4.0.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub [u8; 4]);

impl Version {
    /// As `MV_CC_GetSDKVersion` packs it.
    pub const fn from_raw(raw: u32) -> Version {
        Version(raw.to_be_bytes())
    }

    /// Whether it is `major.minor` or later.
    pub fn is_at_least(self, major: u8, minor: u8) -> bool {
        self >= Version([major, minor, 0, 0])
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [main, sub, revision, test] = self.0;
        write!(f, "{main}.{sub}.{revision}.{test}")
    }
}

macro_rules! symbols {
    (
        required { $($r:ident: $rt:ident = $rs:literal;)* }
        optional { $($o:ident: $ot:ident = $os:literal;)* }
    ) => {
        /// The functions of the library. Those that not every version has are options.
        #[derive(Debug)]
        // Some serve the list of features alone.
        #[cfg_attr(not(feature = "genapi"), allow(dead_code))]
        pub(super) struct Symbols {
            $(pub $r: sys::$rt,)*
            $(pub $o: Option<sys::$ot>,)*
        }

        impl Symbols {
            /// Binds every symbol at once, or names all that are missing.
            fn bind(library: &libloading::Library) -> Result<Symbols, Vec<&'static str>> {
                // SAFETY: the types are those of the SDK's manual and measured (see `sys`); the pointers are
                // kept beside the library that they point into, and go away before it.
                unsafe {
                    let mut missing = Vec::new();
                    $(let $r = library.get::<sys::$rt>($rs).map(|s| *s);
                    if $r.is_err() {
                        missing.push($rs);
                    })*
                    if !missing.is_empty() {
                        return Err(missing);
                    }
                    Ok(Symbols {
                        $($r: $r.map_err(|_| Vec::new())?,)*
                        $($o: library.get::<sys::$ot>($os).map(|s| *s).ok(),)*
                    })
                }
            }
        }
    };
}

symbols! {
    required {
        version: Version = "MV_CC_GetSDKVersion";
        enumerate: Enumerate = "MV_CC_EnumDevices";
        create: Create = "MV_CC_CreateHandle";
        destroy: OnHandle = "MV_CC_DestroyHandle";
        open: Open = "MV_CC_OpenDevice";
        close: OnHandle = "MV_CC_CloseDevice";
        start: OnHandle = "MV_CC_StartGrabbing";
        stop: OnHandle = "MV_CC_StopGrabbing";
        get_one_frame: GetOneFrame = "MV_CC_GetOneFrameTimeout";
        get_buffer: GetBuffer = "MV_CC_GetImageBuffer";
        free_buffer: FreeBuffer = "MV_CC_FreeImageBuffer";
        get_int: GetInt = "MV_CC_GetIntValueEx";
        set_enum: SetEnum = "MV_CC_SetEnumValue";
        set_float: SetFloat = "MV_CC_SetFloatValue";
        command: OnName = "MV_CC_SetCommandValue";
    }
    optional {
        initialize: Plain = "MV_CC_Initialize";
        finalize: Plain = "MV_CC_Finalize";
        accessible: Accessible = "MV_CC_IsDeviceAccessible";
        connected: Connected = "MV_CC_IsDeviceConnected";
        set_node_count: SetCount = "MV_CC_SetImageNodeNum";
        payload_size: PayloadSize = "MV_CC_GetPayloadSize";
        register: Register = "MV_CC_RegisterBuffer";
        unregister: Unregister = "MV_CC_UnRegisterBuffer";
        on_exception: OnException = "MV_CC_RegisterExceptionCallBack";
        on_stream_exception: OnStreamException = "MV_CC_RegisterStreamExceptionCallBack";
        on_usb_exception: OnException = "MV_USB_RegisterStreamExceptionCallBack";
        match_info: GetMatch = "MV_CC_GetAllMatchInfo";
        set_int: SetInt = "MV_CC_SetIntValueEx";
        get_float: GetFloat = "MV_CC_GetFloatValue";
        get_enum: GetEnum = "MV_CC_GetEnumValue";
        set_enum_text: SetText = "MV_CC_SetEnumValueByString";
        get_bool: GetBool = "MV_CC_GetBoolValue";
        set_bool: SetBool = "MV_CC_SetBoolValue";
        get_text: GetText = "MV_CC_GetStringValue";
        set_text: SetText = "MV_CC_SetStringValue";
        optimal_packet_size: OnHandle = "MV_CC_GetOptimalPacketSize";
        set_resend: SetResend = "MV_GIGE_SetResend";
        xml: GetXml = "MV_XML_GetGenICamXML";
        read_memory: ReadMemory = "MV_CC_ReadMemory";
    }
}

/// A loaded MVS library. It outlives its symbols, its devices, and every frame that points into it: all of
/// them hold it.
pub struct Library {
    pub(super) symbols: Symbols,
    path: PathBuf,
    version: Version,
    /// Held while devices are enumerated: what an enumeration gives belongs to the SDK until the next one,
    /// from whatever thread.
    pub(super) enumerating: Mutex<()>,
    /// Finalised, but never unmapped: threads that have called into it run its handlers when they end, and its
    /// own threads may outlast `MV_CC_Finalize`.
    _loaded: ManuallyDrop<libloading::Library>,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Library({}, {})", self.path.display(), self.version)
    }
}

/// Libraries that are loaded now: one path is initialised once, however many cameras use it. An entry stays
/// until its library is finalised, so that nobody initialises it again in between.
static LOADED: Mutex<Vec<(PathBuf, Weak<Library>)>> = Mutex::new(Vec::new());
/// One of them went.
static WENT: Condvar = Condvar::new();

fn loaded() -> MutexGuard<'static, Vec<(PathBuf, Weak<Library>)>> {
    LOADED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The places where the library is looked for when nobody names one, best first. Never the working directory.
pub fn places() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(folder) = std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from)
        // A relative folder would lie in the working directory.
        && folder.is_absolute()
    {
        folders.push(folder);
    }
    if cfg!(unix) {
        folders.push(DEFAULT_FOLDER.into());
    }
    let in_folder = |f: &PathBuf| [f.join(ARCHITECTURE_FOLDER).join(FILE), f.join(FILE)];
    folders.iter().flat_map(in_folder).collect()
}

/// The library to load: `given`, or the first of [`places`] that exists.
fn resolve(given: Option<&Path>) -> Result<PathBuf, Error> {
    let Some(given) = given else {
        let found = places().into_iter().find(|p| p.is_file()).ok_or_else(|| {
            let tried: Vec<_> = places().iter().map(|p| p.display().to_string()).collect();
            Error::new(
                ErrorKind::Source,
                format!(
                    "no MVS library was found: {} do not exist; install the SDK (MVS for Linux), set {FOLDER_VARIABLE} to its lib folder, or name the file as mvs:/path/{FILE}",
                    tried.join(" and ")
                ),
            )
        })?;
        return real(&found);
    };
    if given.components().count() < 2 {
        return Err(Error::config(format!(
            "the MVS library {given:?} is a bare name, and libraries are never taken from the working directory; give its path, as mvs:{DEFAULT_FOLDER}/{ARCHITECTURE_FOLDER}/{FILE}",
        )));
    }
    let file = if given.is_dir() { given.join(FILE) } else { given.to_path_buf() };
    real(&file)
}

/// The file behind every link, so that it is loaded and initialised once, however it is named.
fn real(file: &Path) -> Result<PathBuf, Error> {
    file.canonicalize().map_err(|e| {
        Error::config(format!(
            "the MVS library {} cannot be opened ({e}); name the SDK's {FILE}, or the folder that it lies in",
            file.display()
        ))
    })
}

/// Says what is wrong with a file that no loader could load.
fn check_kind(path: &Path) -> Result<(), Error> {
    let shown = path.display();
    let here = Machine::HERE;
    let kind = binary::kind_of(path).map_err(|e| {
        Error::with_source(ErrorKind::Config, format!("the MVS library {shown} cannot be read"), e)
    })?;
    let what = match kind {
        Binary::Elf(machine) if cfg!(unix) && machine == here => return Ok(()),
        Binary::Windows(machine) if cfg!(windows) && machine == here => return Ok(()),
        Binary::Elf(machine) => format!("is a Linux library for {machine}"),
        Binary::Windows(machine) => format!("is a Windows library for {machine}"),
        Binary::Mac => "is a library for macOS".into(),
        Binary::Other => "is not a shared library".into(),
    };
    Err(Error::config(format!(
        "{shown} {what}, but this program needs one for {here} {}; name the {FILE} in the SDK's folder lib/{ARCHITECTURE_FOLDER}",
        if cfg!(windows) { "Windows" } else { "Linux" }
    )))
}

impl Library {
    /// Loads the library at `given` (a file, or the folder that it lies in), or else from [`places`]. The
    /// same file is loaded once in a process. Blocks while the SDK starts.
    pub fn open(given: Option<&Path>) -> Result<Arc<Library>, Error> {
        let path = resolve(given)?;
        let mut all = loaded();
        while let Some((_, known)) = all.iter().find(|(p, _)| *p == path) {
            if let Some(library) = known.upgrade() {
                return Ok(library);
            }
            all = WENT.wait(all).unwrap_or_else(PoisonError::into_inner); // It is being finalised.
        }
        let library = Arc::new(Library::load(&path)?);
        all.push((path, Arc::downgrade(&library)));
        tracing::info!("MVS {} loaded from {}", library.version, library.path.display());
        Ok(library)
    }

    fn load(path: &Path) -> Result<Library, Error> {
        check_kind(path)?;
        let shown = path.display();
        // SAFETY: loading runs the library's initialisers; the user named this file, or the SDK's installer
        // put it there.
        let loaded = unsafe { open_local(path) }.map_err(|e| {
            let what = format!(
                "the MVS library {shown} does not load; the libraries it needs must lie beside it or in LD_LIBRARY_PATH"
            );
            Error::with_source(ErrorKind::Source, what, e)
        })?;
        /// More missing symbols than these tell nobody anything.
        const NAMED: usize = 3;
        let symbols = Symbols::bind(&loaded).map_err(|missing| {
            Error::config(format!(
                "{shown} lacks {}{}, so it is no MVS library of version {OLDEST}.0 or later; name the SDK's {FILE}, or install a newer SDK",
                missing[..missing.len().min(NAMED)].join(", "),
                match missing.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} other symbols"),
                }
            ))
        })?;
        // From here on its code has run, and may have left threads: it is never unmapped, however this ends.
        let loaded = ManuallyDrop::new(loaded);
        // SAFETY: bound from this library, which is loaded.
        let version = Version::from_raw(unsafe { (symbols.version)() });
        if version.0[0] < OLDEST {
            return Err(Error::new(
                ErrorKind::Source,
                format!(
                    "the MVS library {shown} is version {version}, whose structures are not known; install SDK {OLDEST}.0 or later"
                ),
            ));
        }
        if let Some(initialize) = symbols.initialize {
            // SAFETY: as above; called once for each load, before anything else.
            let code = unsafe { initialize() } as u32;
            if code != MV_OK {
                return Err(Error::new(
                    ErrorKind::Source,
                    format!(
                        "the MVS library {shown} (version {version}) does not start: MV_CC_Initialize answered {}; the SDK writes files into the working directory, so start from a folder that can be written",
                        named(code)
                    ),
                ));
            }
        }
        let path = path.to_path_buf();
        Ok(Library { symbols, path, version, enumerating: Mutex::new(()), _loaded: loaded })
    }

    /// Where it was loaded from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether it takes our own buffers.
    pub fn can_register(&self) -> bool {
        // In 32 bits on Windows the number of arguments, which differs by version, matters.
        let passes_in_registers = cfg!(target_pointer_width = "64") || !cfg!(windows);
        passes_in_registers && self.symbols.register.is_some() && self.symbols.unregister.is_some()
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        if let Some(finalize) = self.symbols.finalize {
            // SAFETY: still loaded; every handle held the library, so all are destroyed.
            unsafe { finalize() };
        }
        loaded().retain(|(path, _)| *path != self.path);
        WENT.notify_all();
    }
}

/// # Safety
/// The file's initialisers run.
#[cfg(unix)]
unsafe fn open_local(path: &Path) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::unix::{Library as Unix, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: passed on to the caller.
    unsafe { Unix::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map(Into::into)
}

/// # Safety
/// The file's initialisers run.
#[cfg(not(unix))]
unsafe fn open_local(path: &Path) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: passed on to the caller.
    unsafe { libloading::Library::new(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare() {
        // Catches a version read from the wrong end: 4.4.0.4 would be 4.0.4.4.
        let v = Version::from_raw(0x0404_0004);
        assert_eq!(v.to_string(), "4.4.0.4");
        assert!(v.is_at_least(4, 4) && !v.is_at_least(4, 5) && v.is_at_least(3, 9));
    }

    #[test]
    fn the_working_directory_is_no_place() {
        // Catches a library that whoever writes into a folder can plant.
        let e = Library::open(Some(Path::new(FILE))).unwrap_err();
        assert!(
            e.kind() == ErrorKind::Config && e.to_string().contains("working directory"),
            "{e}"
        );
        assert!(places().iter().all(|p| p.is_absolute()), "{:?}", places());
    }
}

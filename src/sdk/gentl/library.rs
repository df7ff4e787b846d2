//! A GenTL producer: found, checked, loaded, its symbols bound, initialised once.
#![allow(unsafe_code)]

use super::codes::{Code, GC_ERR_RESOURCE_IN_USE, named};
use super::modules::{Root, check};
use super::sys;
use crate::error::{Error, ErrorKind};
use crate::sdk::binary::{self, Binary, Machine};
use std::ffi::c_char;
use std::fmt;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Names the folders of producers, and producers themselves, as GenICam has it.
pub const PATH_VARIABLE: &str =
    if cfg!(target_pointer_width = "64") { "GENICAM_GENTL64_PATH" } else { "GENICAM_GENTL32_PATH" };

macro_rules! symbols {
    (
        required { $($r:ident: $rt:ident = $rs:literal;)* }
        optional { $($o:ident: $ot:ident = $os:literal;)* }
    ) => {
        /// The functions of a producer. Those that not every producer has are options.
        #[derive(Debug)]
        pub(super) struct Symbols {
            $(pub $r: sys::$rt,)*
            $(pub $o: Option<sys::$ot>,)*
        }

        impl Symbols {
            /// Binds every symbol at once, or names all that are missing.
            fn bind(library: &libloading::Library) -> Result<Symbols, Vec<&'static str>> {
                // SAFETY: the types are those of the GenTL standard (see `sys`); the pointers are kept beside the
                // library that they point into, which is never unmapped.
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
        init: Plain = "GCInitLib";
        close: Plain = "GCCloseLib";
        read_port: PortAccess = "GCReadPort";
        write_port: PortAccess = "GCWritePort";
        register_event: RegisterEvent = "GCRegisterEvent";
        unregister_event: UnregisterEvent = "GCUnregisterEvent";
        event_data: EventData = "EventGetData";
        tl_open: OpenTl = "TLOpen";
        tl_close: OnHandle = "TLClose";
        tl_update: Update = "TLUpdateInterfaceList";
        tl_count: Count = "TLGetNumInterfaces";
        tl_child: ChildId = "TLGetInterfaceID";
        tl_open_interface: OpenChild = "TLOpenInterface";
        if_close: OnHandle = "IFClose";
        if_update: Update = "IFUpdateDeviceList";
        if_count: Count = "IFGetNumDevices";
        if_child: ChildId = "IFGetDeviceID";
        if_device_info: ChildInfo = "IFGetDeviceInfo";
        if_open_device: OpenDevice = "IFOpenDevice";
        dev_port: GetPort = "DevGetPort";
        dev_count: Count = "DevGetNumDataStreams";
        dev_child: ChildId = "DevGetDataStreamID";
        dev_open_stream: OpenChild = "DevOpenDataStream";
        dev_close: OnHandle = "DevClose";
        ds_announce: Announce = "DSAnnounceBuffer";
        ds_flush: Flush = "DSFlushQueue";
        ds_start: Start = "DSStartAcquisition";
        ds_stop: Stop = "DSStopAcquisition";
        ds_close: OnHandle = "DSClose";
        ds_revoke: Revoke = "DSRevokeBuffer";
        ds_queue: Queue = "DSQueueBuffer";
        ds_buffer_info: BufferInfo = "DSGetBufferInfo";
    }
    optional {
        last_error: LastError = "GCGetLastError";
        port_url: PortUrl = "GCGetPortURL";
        url_count: Count = "GCGetNumPortURLs";
        url_info: UrlInfo = "GCGetPortURLInfo";
        event_kill: OnHandle = "EventKill";
        tl_info: Info = "TLGetInfo";
        dev_info: Info = "DevGetInfo";
        ds_info: Info = "DSGetInfo";
        ds_chunks: ChunkData = "DSGetBufferChunkData";
        ds_part_count: PartCount = "DSGetNumBufferParts";
        ds_part_info: PartInfo = "DSGetBufferPartInfo";
        ds_stacked: BufferInfoStacked = "DSGetBufferInfoStacked";
    }
}

/// A loaded producer. It outlives its modules: all of them hold it. Its code is never unmapped.
pub struct Producer {
    pub(super) symbols: Symbols,
    path: PathBuf,
    /// This load initialised it, and closes it.
    initialised: bool,
    /// Its system module, with the interfaces that were opened; closed before the producer is.
    pub(super) root: Mutex<Root>,
    /// Finalised, but never unmapped: its threads may outlast `GCCloseLib`.
    _loaded: ManuallyDrop<libloading::Library>,
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Producer({})", self.path.display())
    }
}

/// Producers that are loaded now: one file is initialised once, however many cameras use it. An entry stays until its
/// producer is closed, so that nobody initialises it again in between.
static LOADED: Mutex<Vec<(PathBuf, Weak<Producer>)>> = Mutex::new(Vec::new());
/// How long a producer may take to be closed before nobody waits for it any more.
const MAX_CLOSING: Duration = Duration::from_secs(30);
/// One of them went.
static WENT: Condvar = Condvar::new();

fn loaded() -> MutexGuard<'static, Vec<(PathBuf, Weak<Producer>)>> {
    LOADED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Producers that are found where [`PATH_VARIABLE`] leads, in its order, each once. An entry is a folder or a producer;
/// a relative one would lead into the working directory, and is passed over.
pub fn producers() -> Vec<PathBuf> {
    let said = std::env::var_os(PATH_VARIABLE).unwrap_or_default();
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in std::env::split_paths(&said).filter(|e| e.is_absolute()) {
        let mut here = match std::fs::read_dir(&entry) {
            Ok(folder) => folder.filter_map(|e| Some(e.ok()?.path())).collect(),
            Err(_) => vec![entry],
        };
        here.retain(|f| is_producer(f) && f.is_file());
        here.sort();
        for file in here {
            // By what it is: one producer may be reached by several links.
            if !found.iter().any(|known| same_file(known, &file)) {
                found.push(file);
            }
        }
    }
    found
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

fn is_producer(file: &Path) -> bool {
    file.extension().is_some_and(|e| e.eq_ignore_ascii_case("cti"))
}

/// The producer to load: `given`, or the only one that [`producers`] finds.
fn resolve(given: Option<&Path>) -> Result<PathBuf, Error> {
    let list = |files: &[PathBuf]| {
        files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    let Some(given) = given else {
        let found = producers();
        return match &found[..] {
            [one] => real(one),
            [] => Err(Error::new(
                ErrorKind::Source,
                format!(
                    "no GenTL producer was found: {PATH_VARIABLE} leads to no *.cti; install the camera maker's producer, or name it as gentl:/path/NAME.cti"
                ),
            )),
            several => Err(Error::config(format!(
                "{PATH_VARIABLE} leads to {} GenTL producers: {}; name the one that sees the camera, as gentl:/path/NAME.cti (frameline devices tells which does)",
                several.len(),
                list(several)
            ))),
        };
    };
    if given.components().count() < 2 {
        // A bare name is looked for where the variable leads, and nowhere else.
        let found = producers();
        let Some(file) = found.iter().find(|f| f.file_name() == Some(given.as_os_str())) else {
            return Err(Error::config(format!(
                "the GenTL producer {given:?} is a bare name, and none of that name lies where {PATH_VARIABLE} leads ({}); producers are never taken from the working directory, so give its path, as gentl:/path/NAME.cti",
                if found.is_empty() { "to no *.cti".into() } else { list(&found) }
            )));
        };
        return real(file);
    }
    real(given)
}

/// The file behind every link, so that it is loaded and initialised once, however it is named.
fn real(file: &Path) -> Result<PathBuf, Error> {
    file.canonicalize().map_err(|e| {
        Error::config(format!(
            "the GenTL producer {} cannot be opened ({e}); name the maker's *.cti, in the folder that it was installed to",
            file.display()
        ))
    })
}

/// Says what is wrong with a file that no loader could load.
fn check_kind(path: &Path) -> Result<(), Error> {
    let shown = path.display();
    let here = Machine::HERE;
    if cfg!(all(target_pointer_width = "32", not(windows))) {
        return Err(Error::config(
            "GenTL producers of 32 bits are called in a way that this program does not have; use a 64-bit one",
        ));
    }
    let kind = binary::kind_of(path).map_err(|e| {
        Error::with_source(
            ErrorKind::Config,
            format!("the GenTL producer {shown} cannot be read; name the maker's *.cti file"),
            e,
        )
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
        "{shown} {what}, but this program needs a GenTL producer for {here} {}; install the maker's package for it",
        if cfg!(windows) { "Windows" } else { "Linux" }
    )))
}

impl Producer {
    /// Loads the producer at `given`, or the only one that [`producers`] finds. The same file is loaded and initialised
    /// once in a process. Blocks while the producer starts.
    pub fn open(given: Option<&Path>) -> Result<Arc<Producer>, Error> {
        let path = resolve(given)?;
        let mut all = loaded();
        while let Some((_, known)) = all.iter().find(|(p, _)| *p == path) {
            if let Some(producer) = known.upgrade() {
                return Ok(producer);
            }
            // It is being closed.
            let waited = WENT.wait_timeout_while(all, MAX_CLOSING, |all| {
                all.iter().any(|(p, known)| *p == path && known.strong_count() == 0)
            });
            let timed_out;
            (all, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
            if timed_out.timed_out() {
                return Err(Error::new(
                    ErrorKind::Source,
                    format!(
                        "the GenTL producer {} is being closed by another part of the program for {} seconds now, and does not end; start the program again",
                        path.display(),
                        MAX_CLOSING.as_secs()
                    ),
                ));
            }
        }
        let producer = Arc::new(Producer::load(&path)?);
        all.push((path, Arc::downgrade(&producer)));
        tracing::info!("GenTL producer {} loaded", producer.path.display());
        Ok(producer)
    }

    fn load(path: &Path) -> Result<Producer, Error> {
        check_kind(path)?;
        let shown = path.display();
        // SAFETY: loading runs the producer's initialisers; the user named this file, or GenICam's variable leads to it.
        let loaded = unsafe { open_local(path) }.map_err(|e| {
            let what = format!(
                "the GenTL producer {shown} does not load; the libraries it needs must lie beside it, so use it in the folder that it was installed to"
            );
            Error::with_source(ErrorKind::Source, what, e)
        })?;
        /// More missing symbols than these tell nobody anything.
        const NAMED: usize = 3;
        let symbols = Symbols::bind(&loaded).map_err(|missing| {
            Error::config(format!(
                "{shown} lacks {}{}, so it is no GenTL producer that can stream; name the maker's *.cti",
                missing[..missing.len().min(NAMED)].join(", "),
                match missing.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} other symbols"),
                }
            ))
        })?;
        // From here on its code has run, and may have left threads: it is never unmapped, however this ends.
        let loaded = ManuallyDrop::new(loaded);
        // SAFETY: bound from this producer, which is loaded; the registry has it called once.
        let initialised = match check(unsafe { (symbols.init)() }) {
            Ok(()) => true,
            // Another part of the program did it, and will close it.
            Err(GC_ERR_RESOURCE_IN_USE) => false,
            Err(code) => {
                return Err(Error::new(
                    ErrorKind::Source,
                    format!(
                        "the GenTL producer {shown} does not start: GCInitLib answered {}{}",
                        named(code),
                        last_error(&symbols)
                    ),
                ));
            }
        };
        let root = Root::open(&symbols).map_err(|code| {
            let said = last_error(&symbols); // Closed, it would no longer know.
            if initialised {
                // SAFETY: initialised above, and no module of it is open.
                unsafe { (symbols.close)() };
            }
            let what = format!(
                "the GenTL producer {shown} does not open: TLOpen answered {}{said}",
                named(code)
            );
            Error::new(ErrorKind::Source, what)
        })?;
        Ok(Producer {
            symbols,
            path: path.to_path_buf(),
            initialised,
            root: Mutex::new(root),
            _loaded: loaded,
        })
    }

    /// Where it was loaded from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the producer says of this thread's last failed call, as the end of a sentence; nothing where it says none.
    pub(super) fn last_error(&self) -> String {
        last_error(&self.symbols)
    }
}

fn last_error(symbols: &Symbols) -> String {
    let Some(get) = symbols.last_error else { return String::new() };
    let (mut code, mut text): (Code, [u8; 512]) = (0, [0; 512]);
    let mut bytes = text.len();
    // SAFETY: `bytes` bytes at `text` are ours, and both live through the call.
    let answer = unsafe { get(&mut code, text.as_mut_ptr().cast::<c_char>(), &mut bytes) };
    let said = super::modules::from_c(&text);
    let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match said.trim() {
        _ if answer != 0 || code == 0 => String::new(),
        "" => String::new(),
        said => format!(" ({said:?})"),
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.root.get_mut().unwrap_or_else(PoisonError::into_inner).close(&self.symbols);
        if self.initialised {
            // SAFETY: still loaded; every other module held the producer, so all are closed.
            unsafe { (self.symbols.close)() };
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
    // Producers bring their own GenApi, of other versions than the next one's: each finds its own first. The address
    // sanitizer cannot follow that.
    #[cfg(all(target_os = "linux", target_env = "gnu", not(asan)))]
    const DEEP: std::ffi::c_int = libc::RTLD_DEEPBIND;
    #[cfg(not(all(target_os = "linux", target_env = "gnu", not(asan))))]
    const DEEP: std::ffi::c_int = 0;
    // SAFETY: passed on to the caller.
    unsafe { Unix::open(Some(path), RTLD_NOW | RTLD_LOCAL | DEEP) }.map(Into::into)
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
    fn the_working_directory_is_no_place() {
        // Catches a producer that whoever writes into a folder can plant.
        let e = Producer::open(Some(Path::new("x.cti"))).unwrap_err();
        assert!(
            e.kind() == ErrorKind::Config && e.to_string().contains("working directory"),
            "{e}"
        );
        assert!(producers().iter().all(|p| p.is_absolute()), "{:?}", producers());
    }
}

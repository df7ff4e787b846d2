//! A mapped file that becomes shorter: the pages behind its new end raise SIGBUS when they are read. A look at the
//! file's length before each frame comes too early for what happens while a stage reads it. So mapped recordings are
//! registered here, and a handler of SIGBUS puts pages of zeros in the place of those that are gone, and makes a note;
//! the source finds the note and ends the run. A fault anywhere else goes to whoever handled it before.
//!
//! The handler does what a signal handler may: atomic loads and stores, and the system calls mmap and sigaction.
#![allow(unsafe_code)]

use crate::error::{Error, ErrorKind};
use crate::sync::{AtomicBool, AtomicUsize, Ordering};
use std::mem::MaybeUninit;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Mapped files at once, in the whole process.
const PLACES: usize = 16384;

/// One mapping. `bytes` is 0 where the place is free.
struct Place {
    start: AtomicUsize,
    bytes: AtomicUsize,
    torn: AtomicBool,
}

static PLACE: [Place; PLACES] = [const {
    Place { start: AtomicUsize::new(0), bytes: AtomicUsize::new(0), torn: AtomicBool::new(false) }
}; PLACES];

/// The bytes of a page, for the handler.
static PAGE: AtomicUsize = AtomicUsize::new(4096);

/// Who handled SIGBUS before. Written once, before our handler is in place.
struct Before(std::cell::UnsafeCell<MaybeUninit<libc::sigaction>>);

// SAFETY: written once under the lock of `INSTALLED`, before the handler that reads it is installed.
unsafe impl Sync for Before {}

static BEFORE: Before = Before(std::cell::UnsafeCell::new(MaybeUninit::zeroed()));
static INSTALLED: OnceLock<bool> = OnceLock::new();
static TAKING: Mutex<()> = Mutex::new(());

/// A registered mapping, until it is dropped.
#[derive(Debug)]
pub(super) struct Watched(usize);

impl Watched {
    /// Watches `bytes` bytes at `start`, which are mapped for as long as the value lives.
    pub fn new(start: *const u8, bytes: usize) -> Result<Watched, Error> {
        if !*INSTALLED.get_or_init(install) {
            return Err(Error::new(
                ErrorKind::State,
                "the handler that keeps a shortened recording from ending the process cannot be installed",
            ));
        }
        let _one = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
        let free = |p: &&Place| p.bytes.load(Ordering::Acquire) == 0;
        let Some((i, place)) = PLACE.iter().enumerate().find(|(_, p)| free(p)) else {
            return Err(Error::new(
                ErrorKind::State,
                format!(
                    "more than {PLACES} files of recordings are mapped at once; make one recording of several with longer segments"
                ),
            ));
        };
        place.torn.store(false, Ordering::Relaxed);
        place.start.store(start as usize, Ordering::Relaxed);
        place.bytes.store(bytes.max(1), Ordering::Release); // PAIR: watched
        Ok(Watched(i))
    }

    /// Whether zeros stand where the file was.
    ///
    /// # Real-time
    /// Any thread. Free.
    pub fn is_torn(&self) -> bool {
        PLACE[self.0].torn.load(Ordering::Acquire)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        PLACE[self.0].bytes.store(0, Ordering::Release);
    }
}

fn install() -> bool {
    PAGE.store(crate::sys::page_bytes(), Ordering::Relaxed);
    // SAFETY: all-zero is a valid sigaction; its fields are set below.
    let mut ours: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_sigbus;
    ours.sa_sigaction = handler as usize;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
    // SAFETY: both structures live through the calls; nobody else reads BEFORE until the handler is installed, and the
    // handler's first read of it comes after the system call that installs it.
    unsafe {
        libc::sigaction(libc::SIGBUS, std::ptr::null(), BEFORE.0.get().cast()) == 0
            && libc::sigaction(libc::SIGBUS, &ours, std::ptr::null_mut()) == 0
    }
}

extern "C" fn on_sigbus(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo, whose address field SIGBUS sets.
    let address = unsafe { (*info).si_addr() } as usize;
    for place in &PLACE {
        let bytes = place.bytes.load(Ordering::Acquire); // PAIR: watched
        let start = place.start.load(Ordering::Relaxed);
        if bytes == 0 || address.wrapping_sub(start) >= bytes {
            continue;
        }
        let page = PAGE.load(Ordering::Relaxed);
        let at = address / page * page;
        // SAFETY: the page belongs to a mapping that is registered and so alive; it is replaced by one of zeros in one
        // step, and whoever faulted goes on reading there.
        let made = unsafe {
            libc::mmap(
                at as *mut libc::c_void,
                page,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        if made != libc::MAP_FAILED {
            place.torn.store(true, Ordering::Release);
            return;
        }
    }
    // Not ours: who was there before handles it, when the access faults again.
    // SAFETY: BEFORE was written before this handler was installed.
    unsafe { libc::sigaction(libc::SIGBUS, BEFORE.0.get().cast(), std::ptr::null_mut()) };
}

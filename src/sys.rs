//! The few calls to the operating system that no safe crate offers, each behind a safe function.
#![allow(unsafe_code)]

use std::io;

/// Bytes of a page of memory.
pub(crate) fn page_bytes() -> usize {
    // SAFETY: sysconf has no preconditions; _SC_PAGESIZE is always defined and positive on Linux.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// Gives the calling thread the real-time policy SCHED_FIFO at `level` (1 to 99).
pub(crate) fn set_fifo_priority(level: u8) -> io::Result<()> {
    // SAFETY: all-zero is a valid sched_param on Linux, where it holds one integer.
    let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
    param.sched_priority = i32::from(level);
    // SAFETY: pid 0 is the calling thread; `param` lives through the call.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &param) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sets the calling thread's nice value (-20 to 19; lower is more urgent).
pub(crate) fn set_nice(value: i8) -> io::Result<()> {
    // SAFETY: on Linux PRIO_PROCESS with id 0 means the calling thread; no memory is passed.
    match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, i32::from(value)) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The kernel's number of the calling thread, as in `/proc/self/task`.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: gettid has no preconditions and cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as u32 }
}

//! The few calls to the operating system that no safe crate offers, each behind a safe function.
#![allow(unsafe_code)]

use std::io;

/// Bytes of a page of memory.
pub(crate) fn page_bytes() -> usize {
    // SAFETY: sysconf has no preconditions; _SC_PAGESIZE is always defined and positive on Linux.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// Bytes of our anonymous memory in `range` that lie on huge pages, by `/proc/self/smaps`; `None` where that cannot be
/// read. Walks the process's page tables: milliseconds where there is much memory.
pub(crate) fn huge_bytes_within(range: std::ops::Range<usize>) -> Option<usize> {
    std::fs::read_to_string("/proc/self/smaps").ok().map(|text| huge_bytes_told(&text, range))
}

/// What the text says. A mapping that reaches beyond the range counts with what it has within at most.
fn huge_bytes_told(text: &str, range: std::ops::Range<usize>) -> usize {
    let number = |hex: &str| usize::from_str_radix(hex, 16).ok();
    let addresses = |line: &str| -> Option<(usize, usize)> {
        let (from, to) = line.split(' ').next()?.split_once('-')?;
        Some((number(from)?, number(to)?))
    };
    let (mut within, mut sum) = (0, 0);
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("AnonHugePages:") {
            let kib = rest.trim().split(' ').next().and_then(|n| n.parse::<usize>().ok());
            sum += kib.unwrap_or(0).saturating_mul(1024).min(within);
        } else if let Some((from, to)) = addresses(line) {
            within = to.min(range.end).saturating_sub(from.max(range.start));
        }
    }
    sum
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

/// Bytes that an ordinary user may still write to the file system that `file` is on.
#[cfg(feature = "cli")]
pub(crate) fn free_bytes(file: &std::fs::File) -> io::Result<u64> {
    use std::os::fd::AsRawFd;
    // SAFETY: all-zero is a valid statvfs: it holds integers only.
    let mut found: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open for as long as `file` is borrowed; `found` lives through the call.
    match unsafe { libc::fstatvfs(file.as_raw_fd(), &mut found) } {
        0 => Ok((found.f_bavail as u64).saturating_mul(found.f_frsize as u64)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Reserves the first `bytes` of `file` on its disk, so that writing them cannot fail for want of room.
#[cfg(any(feature = "cli", feature = "recording"))]
pub(crate) fn reserve(file: &std::fs::File, bytes: u64) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let bytes = libc::off_t::try_from(bytes).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open for as long as `file` is borrowed; no memory is passed.
    match unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, bytes) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Writes all of `parts` at `offset`, in as few calls as the system takes.
#[cfg(feature = "recording")]
pub(crate) fn write_all_at(
    file: &std::fs::File,
    parts: &[io::IoSlice<'_>],
    offset: u64,
) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let mut copy: [io::IoSlice<'_>; 4] = [io::IoSlice::new(&[]); 4];
    let copy = &mut copy[..parts.len()];
    copy.copy_from_slice(parts);
    let (mut left, mut at) = (copy, offset);
    loop {
        io::IoSlice::advance_slices(&mut left, 0); // Empty parts go.
        if left.is_empty() {
            return Ok(());
        }
        let place = libc::off_t::try_from(at).map_err(io::Error::other)?;
        // SAFETY: the descriptor is open for as long as `file` is borrowed; an IoSlice is an iovec, and all of them
        // and what they point to are borrowed for the call.
        let wrote = unsafe {
            libc::pwritev(file.as_raw_fd(), left.as_ptr().cast(), left.len() as libc::c_int, place)
        };
        match wrote {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n if n > 0 => {
                at += n as u64;
                io::IoSlice::advance_slices(&mut left, n as usize);
            }
            _ => match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::Interrupted => {}
                e => return Err(e),
            },
        }
    }
}

/// Marks `file` as being written by this process until it is closed; `false`: somebody else has marked it, or a look
/// for such a mark is under way.
#[cfg(feature = "recording")]
pub(crate) fn lock_exclusively(file: &std::fs::File) -> bool {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open for as long as `file` is borrowed; no memory is passed.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) == 0 }
}

/// The first byte from `at` on that is no hole of `file`; `None`: all that follows is one. A file system that cannot tell has
/// no holes.
#[cfg(feature = "recording")]
pub(crate) fn next_data(file: &std::fs::File, at: u64) -> Option<u64> {
    use std::os::fd::AsRawFd;
    let place = libc::off_t::try_from(at).ok()?;
    // SAFETY: the descriptor is open for as long as `file` is borrowed; nobody reads at its own position.
    let found = unsafe { libc::lseek(file.as_raw_fd(), place, libc::SEEK_DATA) };
    match u64::try_from(found) {
        Ok(found) => Some(found),
        Err(_) if io::Error::last_os_error().raw_os_error() == Some(libc::ENXIO) => None,
        Err(_) => Some(at),
    }
}

/// Whether another process has marked `file` as being written.
#[cfg(feature = "recording")]
pub(crate) fn is_locked(file: &std::fs::File) -> bool {
    use std::os::fd::AsRawFd;
    // SAFETY: as above.
    let free = unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_SH | libc::LOCK_NB) == 0 };
    // A file system without locks says nothing about who writes.
    if !free && io::Error::last_os_error().kind() != io::ErrorKind::WouldBlock {
        return false;
    }
    if free {
        // SAFETY: as above.
        unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_UN) };
    }
    !free
}

/// Lets the program have as many files open as the system allows it: a recording has a file for each segment. That this is
/// refused is told when a file cannot be opened.
#[cfg(feature = "cli")]
pub(crate) fn allow_many_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure is ours and lives through both calls.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// Lets a write beyond the limit on the size of files (`ulimit -f`) fail with EFBIG, where the signal that comes with it
/// would end the process.
#[cfg(feature = "cli")]
pub(crate) fn ignore_file_size_signal() {
    // SAFETY: SIGXFSZ is a valid signal and SIG_IGN a valid disposition; no handler of ours is replaced.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_pages_of_other_mappings_are_not_counted() {
        // Catches a sum over the whole process, and a neighbour's pages where mappings were joined.
        let text = "10000000-10800000 rw-p 00000000 00:00 0 \nSize: 8192 kB\nAnonHugePages:      4096 kB\nVmFlags: rd\n\
            20000000-20800000 rw-p 00000000 00:00 0 [heap]\nAnonHugePages:      6144 kB\n\
            30000000-30200000 rw-p 00000000 00:00 0\nAnonHugePages:         0 kB\n";
        let mib = 1 << 20;
        assert_eq!(huge_bytes_told(text, 0x1000_0000..0x1080_0000), 4 * mib);
        assert_eq!(huge_bytes_told(text, 0x2000_0000..0x2020_0000), 2 * mib);
        assert_eq!(huge_bytes_told(text, 0x0..0x4000_0000), 10 * mib);
        assert_eq!(huge_bytes_told(text, 0x1080_0000..0x2000_0000), 0);
        assert_eq!(huge_bytes_told("AnonHugePages: much kB\nx-y\n", 0..1), 0);
    }
}

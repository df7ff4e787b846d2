//! Memory that crosses the C boundary: blocks of our own, and buffers that the caller registered.

use std::alloc::{Layout, alloc_zeroed, dealloc};

/// Blocks from this size on are mapped, where the system has that, so that a freed one is gone at once: what a program
/// keeps resident is then its own, and a pointer that it kept hits nothing.
const MAPPED_FROM: usize = 1 << 16;

/// A zeroed block of our own that the caller may read while it lives.
pub struct Block {
    ptr: *mut u8,
    layout: Layout,
    mapped: bool,
}

// SAFETY: a block is plain memory with one owner; whoever writes it holds the camera's lock.
unsafe impl Send for Block {}

impl Block {
    /// A zeroed block, or nothing where memory or the alignment does not allow it.
    pub fn new(bytes: usize, alignment: usize) -> Option<Block> {
        let layout = Layout::from_size_align(bytes.max(1), alignment).ok()?;
        let mapped = layout.size() >= MAPPED_FROM && layout.align() <= pages::ALIGNMENT;
        let ptr = match mapped {
            true => pages::map(layout.size()),
            // SAFETY: the layout's size is not zero.
            false => unsafe { alloc_zeroed(layout) },
        };
        (!ptr.is_null()).then_some(Block { ptr, layout, mapped })
    }

    /// Where it begins.
    pub fn ptr(&self) -> *mut u8 {
        self.ptr
    }

    /// How long it is, in bytes.
    pub fn size(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        match self.mapped {
            // SAFETY: mapped in `new` with this length, and unmapped only here.
            true => unsafe { pages::unmap(self.ptr, self.layout.size()) },
            // SAFETY: allocated in `new` with this layout, and freed only here.
            false => unsafe { dealloc(self.ptr, self.layout) },
        }
    }
}

/// Zeroed pages of the system.
#[cfg(unix)]
mod pages {
    /// No system has smaller pages.
    pub const ALIGNMENT: usize = 4096;

    /// Null where the system has none.
    pub fn map(bytes: usize) -> *mut u8 {
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: new pages, at a place that the system chooses.
        let ptr = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, kind, -1, 0) };
        if ptr == libc::MAP_FAILED { std::ptr::null_mut() } else { ptr.cast() }
    }

    /// # Safety
    ///
    /// - Mapped by [`map`] with this length, and not in use any more.
    pub unsafe fn unmap(ptr: *mut u8, bytes: usize) {
        // SAFETY: the caller's word.
        unsafe { libc::munmap(ptr.cast(), bytes) };
    }
}

#[cfg(not(unix))]
mod pages {
    /// No block is mapped.
    pub const ALIGNMENT: usize = 0;

    pub fn map(_: usize) -> *mut u8 {
        std::ptr::null_mut()
    }

    /// Nothing was mapped, so nothing is asked of the caller.
    ///
    /// # Safety
    /// - As of the other system's: a block of `map` that nobody uses.
    pub unsafe fn unmap(_: *mut u8, _: usize) {}
}

/// What a slot of a stream writes into.
pub enum Memory {
    /// The SDK's own node.
    Own(Block),
    /// A registered buffer.
    Theirs {
        /// Where it begins, as a number, so that it may cross threads.
        at: usize,
        /// In bytes, as registered.
        len: usize,
        /// The `pUser` of its registration.
        user: i64,
    },
}

impl Memory {
    /// Where it begins.
    pub fn ptr(&self) -> *mut u8 {
        match self {
            Memory::Own(block) => block.ptr(),
            Memory::Theirs { at, .. } => *at as *mut u8,
        }
    }

    /// How long it is, in bytes.
    pub fn size(&self) -> usize {
        match self {
            Memory::Own(block) => block.size(),
            Memory::Theirs { len, .. } => *len,
        }
    }

    /// The `pUser` of a registered buffer.
    pub fn user(&self) -> i64 {
        match self {
            Memory::Own(_) => 0,
            Memory::Theirs { user, .. } => *user,
        }
    }

    /// The bytes, to be written.
    ///
    /// # Safety
    ///
    /// - A registered buffer is alive and not read by the caller now: it is not delivered, which is what
    ///   registering it promises.
    pub unsafe fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: own blocks live as long as `self`; for registered ones the caller vouches.
        unsafe { std::slice::from_raw_parts_mut(self.ptr(), self.size()) }
    }
}

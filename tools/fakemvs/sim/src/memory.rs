//! Memory that crosses the C boundary: blocks of our own, and buffers that the caller registered.

use std::alloc::{Layout, alloc_zeroed, dealloc};

/// A zeroed block of our own that the caller may read while it lives.
pub struct Block {
    ptr: *mut u8,
    layout: Layout,
}

// SAFETY: a block is plain memory with one owner; whoever writes it holds the camera's lock.
unsafe impl Send for Block {}

impl Block {
    /// A zeroed block, or nothing where memory or the alignment does not allow it.
    pub fn new(bytes: usize, alignment: usize) -> Option<Block> {
        let layout = Layout::from_size_align(bytes.max(1), alignment).ok()?;
        // SAFETY: the layout's size is not zero.
        let ptr = unsafe { alloc_zeroed(layout) };
        (!ptr.is_null()).then_some(Block { ptr, layout })
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
        // SAFETY: allocated in `new` with this layout, and freed only here.
        unsafe { dealloc(self.ptr, self.layout) }
    }
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

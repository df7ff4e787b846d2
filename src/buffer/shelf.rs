//! Memory of a source that frames may point into: how filling by lending stays safe.
//!
//! A [`Shelf`] owns buffers. Lending one points a frame of a *lending pool* at it; that pool was made
//! with this shelf's [`Keep`], so the memory outlives every handle. Taking a buffer back needs the
//! frame's `FrameMut`, which exists only once all handles are gone.
#![allow(unsafe_code)]

use super::arena::{Arena, ArenaOptions, HugePages};
use super::frame::FrameMut;
use super::home::Keep;
use crate::error::Error;
use std::ptr::NonNull;
use std::sync::Arc;

/// Why a buffer cannot be lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LendError {
    /// There is no such buffer.
    NoSuchBuffer,
    /// It is lent already.
    AlreadyLent,
    /// The frame's pool was not made with this shelf's keep: the memory could go away under it.
    ForeignPool,
}

/// Buffers that a source fills and lends. One owner; the memory is shared with the frames.
#[derive(Debug)]
pub struct Shelf {
    arena: Arc<Arena>,
    keep: Keep,
    lent: Vec<bool>,
    buffer_bytes: usize,
}

impl Shelf {
    /// `buffers` buffers of `buffer_bytes` each (rounded up to pages), touched.
    pub fn new(buffers: usize, buffer_bytes: usize) -> Result<Shelf, Error> {
        let options = ArenaOptions { lock: false, huge_pages: HugePages::Off, guard: false };
        let arena = Arena::reserve(buffers, buffer_bytes.max(1), usize::MAX, options)?;
        let page = arena.page_bytes();
        let buffer_bytes = buffer_bytes.max(1).div_ceil(page) * page;
        for i in 0..buffers {
            arena.work().back(i, buffer_bytes)?;
        }
        let arena = Arc::new(arena);
        Ok(Shelf { keep: arena.clone(), arena, lent: vec![false; buffers], buffer_bytes })
    }

    /// What a lending pool must be made with.
    pub fn keep(&self) -> Keep {
        self.keep.clone()
    }

    /// How many buffers.
    pub fn len(&self) -> usize {
        self.lent.len()
    }

    /// Whether there is no buffer.
    pub fn is_empty(&self) -> bool {
        self.lent.is_empty()
    }

    /// Bytes of each buffer.
    pub fn buffer_bytes(&self) -> usize {
        self.buffer_bytes
    }

    /// Whether buffer `i` is lent.
    pub fn is_lent(&self, i: usize) -> bool {
        self.lent.get(i).copied().unwrap_or(false)
    }

    /// Buffer `i` for filling; `None` while it is lent.
    pub fn buffer_mut(&mut self, i: usize) -> Option<&mut [u8]> {
        if self.lent.get(i).copied() != Some(false) {
            return None;
        }
        // SAFETY: backed by touched memory of that length, not lent, and `&mut self` is the only way to
        // it.
        Some(unsafe {
            std::slice::from_raw_parts_mut(self.arena.start(i).as_ptr(), self.buffer_bytes)
        })
    }

    /// Points `frame` at buffer `i`; a buffer that the frame still carries is taken back first.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    pub fn lend(&mut self, i: usize, frame: &mut FrameMut) -> Result<(), LendError> {
        match self.lent.get(i) {
            None => return Err(LendError::NoSuchBuffer),
            Some(true) => return Err(LendError::AlreadyLent),
            Some(false) => {}
        }
        if !frame.keeps(&self.keep) {
            return Err(LendError::ForeignPool);
        }
        // The slot may still point at what it carried last: that buffer would be lost for good.
        self.take_back(frame);
        self.lent[i] = true;
        // SAFETY: the frame's pool keeps the arena alive; `lent` bars every other access until the
        // frame comes back as a `FrameMut`, its only holder.
        unsafe { frame.lend(self.arena.start(i), self.buffer_bytes, i as u64 + 1) };
        Ok(())
    }

    /// Takes the buffer of `frame` back, if it is one of ours.
    pub fn take_back(&mut self, frame: &mut FrameMut) -> bool {
        let Some(i) = frame.token().checked_sub(1).map(|i| i as usize) else { return false };
        if !self.is_lent(i) || frame.as_mut_ptr() != self.arena.start(i).as_ptr() {
            return false;
        }
        // SAFETY: zero bytes at a dangling pointer are nobody's.
        unsafe { frame.lend(NonNull::dangling(), 0, 0) };
        self.lent[i] = false;
        true
    }
}

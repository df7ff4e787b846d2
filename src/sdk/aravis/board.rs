//! Where Aravis's callbacks leave word: they post, and nothing else.
//!
//! A callback comes from a thread of Aravis, perhaps when its camera is already given up. So it is never given a
//! pointer into anything that can go away: its user word is a place in a static table with the generation of the
//! camera that had it. What comes for an earlier generation is not posted.

use crate::sync::{AtomicBool, AtomicU64, Ordering};
use std::ffi::c_void;

/// Cameras that may be open at once.
const BOARDS: usize = 256;
const FLAG_BITS: u32 = 16;
const FLAGS: u64 = (1 << FLAG_BITS) - 1;

/// Control of the camera was lost.
const LOST: u64 = 1;
/// The system refused the priority that the stream's thread was to have.
const REFUSED: u64 = 2;

struct Board {
    taken: AtomicBool,
    /// The generation above, what was posted in the low 16 bits: one word, so that a late callback cannot post
    /// between the check and the post.
    word: AtomicU64,
    /// Threads of streams that began, and that ended, in this generation.
    begun: AtomicU64,
    ended: AtomicU64,
    /// The priority that the stream's thread is to have; see [`Priority::to_word`].
    priority: AtomicU64,
}

static TABLE: [Board; BOARDS] = [const {
    Board {
        taken: AtomicBool::new(false),
        word: AtomicU64::new(1 << FLAG_BITS),
        begun: AtomicU64::new(0),
        ended: AtomicU64::new(0),
        priority: AtomicU64::new(0),
    }
}; BOARDS];

/// What the thread of a stream is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Priority {
    /// As Aravis makes it.
    Leave,
    /// Real-time (SCHED_RR), 1 to 99.
    Realtime(u8),
    /// Ahead of others by its nice level, -20 to 19.
    Nice(i8),
}

impl Priority {
    fn to_word(self) -> u64 {
        match self {
            Priority::Leave => 0,
            Priority::Realtime(n) => 1 << 8 | u64::from(n),
            Priority::Nice(n) => 2 << 8 | u64::from(n as u8),
        }
    }

    fn from_word(word: u64) -> Priority {
        let low = (word & 0xFF) as u8;
        match word >> 8 {
            1 => Priority::Realtime(low),
            2 => Priority::Nice(low as i8),
            _ => Priority::Leave,
        }
    }
}

/// One camera's place on the table; given up when dropped.
#[derive(Debug)]
pub(super) struct Posted {
    index: usize,
    generation: u64,
}

impl Posted {
    /// A place; `None` when as many cameras are open as there can be.
    pub fn claim(priority: Priority) -> Option<Posted> {
        let index = TABLE.iter().position(|b| !b.taken.swap(true, Ordering::AcqRel))?;
        let board = &TABLE[index];
        board.begun.store(0, Ordering::Relaxed);
        board.ended.store(0, Ordering::Relaxed);
        board.priority.store(priority.to_word(), Ordering::Relaxed);
        let generation = next_generation(board);
        Some(Posted { index, generation })
    }

    /// The word that callbacks get.
    pub fn user(&self) -> *mut c_void {
        std::ptr::without_provenance_mut(user_word(self.generation, self.index))
    }

    /// Whether control of the camera was lost.
    ///
    /// # Real-time
    /// Any thread. One load.
    pub fn is_lost(&self) -> bool {
        TABLE[self.index].word.load(Ordering::Acquire) & FLAGS & LOST != 0
    }

    /// Whether a thread's priority was refused; told once.
    pub fn take_refusal(&self) -> bool {
        let word = &TABLE[self.index].word;
        word.load(Ordering::Acquire) & REFUSED != 0
            && word.fetch_and(!REFUSED, Ordering::AcqRel) & REFUSED != 0
    }

    /// Whether every thread of a stream that began has ended.
    pub fn is_quiet(&self) -> bool {
        let board = &TABLE[self.index];
        board.ended.load(Ordering::Acquire) == board.begun.load(Ordering::Acquire)
    }
}

impl Drop for Posted {
    fn drop(&mut self) {
        let board = &TABLE[self.index];
        next_generation(board);
        board.taken.store(false, Ordering::Release);
    }
}

/// Begins a generation with nothing posted. Only the place's owner calls it.
fn next_generation(board: &Board) -> u64 {
    let generation = (board.word.load(Ordering::Relaxed) >> FLAG_BITS) + 1;
    board.word.store(generation << FLAG_BITS, Ordering::Release);
    generation
}

/// Never 0: a null word is nobody's.
fn user_word(generation: u64, index: usize) -> usize {
    ((generation as usize) << 8) | index
}

/// The board whose word that is, if its generation lasts.
fn board(user: *mut c_void) -> Option<&'static Board> {
    let board = &TABLE[user.addr() & 0xFF];
    let generation = board.word.load(Ordering::Acquire) >> FLAG_BITS;
    (user_word(generation, user.addr() & 0xFF) == user.addr()).then_some(board)
}

fn post(user: *mut c_void, flag: u64) {
    let index = user.addr() & 0xFF;
    // The post counts only for the generation whose word that is.
    let _ = TABLE[index].word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |word| {
        (user_word(word >> FLAG_BITS, index) == user.addr()).then_some(word | flag)
    });
}

/// Control of the camera was lost.
pub(super) fn post_lost(user: *mut c_void) {
    post(user, LOST);
}

/// The priority of a stream's thread was refused.
pub(super) fn post_refusal(user: *mut c_void) {
    post(user, REFUSED);
}

/// A thread of the camera's stream begins; the priority that it is to have.
pub(super) fn thread_begins(user: *mut c_void) -> Priority {
    let Some(board) = board(user) else { return Priority::Leave };
    board.begun.fetch_add(1, Ordering::AcqRel);
    Priority::from_word(board.priority.load(Ordering::Relaxed))
}

/// It ends: it writes into no buffer any more.
pub(super) fn thread_ends(user: *mut c_void) {
    if let Some(board) = board(user) {
        board.ended.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_post_for_the_camera_that_has_the_place_now() {
        // Catches a late signal of a camera that was given up, by which its successor is taken for lost.
        let old = Posted::claim(Priority::Leave).unwrap();
        let (user, index) = (old.user(), old.index);
        post_lost(user);
        assert!(old.is_lost());
        drop(old);
        let mut others = Vec::new();
        let new = loop {
            let posted = Posted::claim(Priority::Nice(-5)).unwrap();
            if posted.index == index {
                break posted;
            }
            others.push(posted); // Other tests have places too.
        };
        post_lost(user);
        post_refusal(user);
        assert_eq!(thread_begins(user), Priority::Leave);
        post_lost(std::ptr::null_mut());
        assert!(!new.is_lost() && !new.take_refusal() && new.is_quiet());
        assert_eq!(thread_begins(new.user()), Priority::Nice(-5));
        assert!(!new.is_quiet(), "a thread that runs is seen");
        thread_ends(new.user());
        assert!(new.is_quiet());
        post_refusal(new.user());
        assert!(new.take_refusal() && !new.take_refusal(), "told once");
    }

    #[test]
    fn priorities_come_back_as_they_were() {
        for p in [Priority::Leave, Priority::Realtime(99), Priority::Nice(-20), Priority::Nice(19)]
        {
            assert_eq!(Priority::from_word(p.to_word()), p);
        }
    }
}

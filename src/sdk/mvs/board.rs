//! Where the SDK's callbacks leave word: they post a bit, and nothing else.
//!
//! A callback comes from a thread of the SDK, at any time, perhaps when its handle is already destroyed. So it
//! is never given a pointer into anything that can go away: its user word is a place in a static table with
//! the generation of the session that had it. What comes for an earlier generation is not posted.

use crate::sync::{AtomicBool, AtomicU64, Ordering};
use std::ffi::{c_uint, c_void};

/// Sessions that may be open at once; more than an SDK's list of devices has.
const BOARDS: usize = 256;

/// `MV_EXCEPTION_DEV_DISCONNECT`: the device is gone.
pub(super) const DEVICE_DISCONNECTED: u32 = 0x8001;
/// `MV_EXCEPTION_VERSION_CHECK`: SDK and driver do not fit.
pub(super) const VERSION_CHECK: u32 = 0x8002;
/// The first stream exception, `ABNORMAL_IMAGE`.
const STREAM_FIRST: u32 = 0x4001;
/// No room for an image: images were not taken in time.
const LIST_OVERFLOW: u32 = 0x4002;
/// No free buffer: images were not given back in time.
const LIST_EMPTY: u32 = 0x4003;
/// The stream broke off, and the SDK mends it.
const STREAM_RECOVERS: u32 = 0x4004;
/// Recovery of the stream failed.
const STREAM_DISCONNECTED: u32 = 0x4005;
/// The device's error ended the stream.
const STREAM_DEVICE: u32 = 0x4006;
/// A frame with too few lines was thrown away.
const PARTIAL_IMAGE: u32 = 0x4007;
/// The device sent more than the image's buffer holds.
pub(super) const IMAGE_BUFFER_OVERFLOW: u32 = 0x4008;
/// Stream exceptions known by number.
const STREAM_KINDS: u32 = 8;

const FLAG_BITS: u32 = 16;
const FLAGS: u64 = (1 << FLAG_BITS) - 1;
const OTHER: u64 = 1 << 15;

/// Stream exceptions that are news of frames, and nothing to be done about: they are counted.
const COUNTED: [u32; 5] = [STREAM_FIRST, LIST_OVERFLOW, LIST_EMPTY, STREAM_RECOVERS, PARTIAL_IMAGE];

/// The bit of a message.
fn bit(message: u32) -> u64 {
    match message {
        DEVICE_DISCONNECTED => 1,
        VERSION_CHECK => 1 << 1,
        _ => match message.checked_sub(STREAM_FIRST) {
            Some(n) if n < STREAM_KINDS => 1 << (2 + n),
            _ => OTHER,
        },
    }
}

struct Board {
    taken: AtomicBool,
    /// The generation above, what was posted in the low 16 bits. One word, so that a late callback cannot
    /// post between the check and the post.
    word: AtomicU64,
    /// How often each of [`COUNTED`] was posted.
    counts: [AtomicU64; COUNTED.len()],
    /// The last message that is none of those known by number, and how often one came.
    other: AtomicU64,
    others: AtomicU64,
}

static TABLE: [Board; BOARDS] = [const {
    Board {
        taken: AtomicBool::new(false),
        word: AtomicU64::new(1 << FLAG_BITS),
        counts: [const { AtomicU64::new(0) }; COUNTED.len()],
        other: AtomicU64::new(0),
        others: AtomicU64::new(0),
    }
}; BOARDS];

/// One session's place on the table; given up when dropped.
#[derive(Debug)]
pub(super) struct Posted {
    index: usize,
    generation: u64,
    /// Of each count, how much was told; of the messages that are not known behind them.
    told: [u64; COUNTED.len() + 1],
}

impl Posted {
    /// A place; `None` when as many sessions are open as there can be.
    pub fn claim() -> Option<Posted> {
        let index = TABLE.iter().position(|b| !b.taken.swap(true, Ordering::AcqRel))?;
        let board = &TABLE[index];
        board.counts.iter().chain([&board.others]).for_each(|c| c.store(0, Ordering::Relaxed));
        let generation = next_generation(board);
        Some(Posted { index, generation, told: Default::default() })
    }

    /// The word that callbacks get.
    pub fn user(&self) -> *mut c_void {
        std::ptr::without_provenance_mut(user_word(self.generation, self.index))
    }

    fn flags(&self) -> u64 {
        TABLE[self.index].word.load(Ordering::Acquire) & FLAGS
    }

    /// Whether the device, or its stream, was reported gone; the message that said so.
    ///
    /// # Real-time
    /// Any thread. One load.
    pub fn lost(&self) -> Option<u32> {
        let flags = self.flags();
        if flags == 0 {
            return None;
        }
        [DEVICE_DISCONNECTED, STREAM_DISCONNECTED, STREAM_DEVICE]
            .into_iter()
            .find(|message| flags & bit(*message) != 0)
    }

    /// Whether that message was posted, and takes it down.
    pub fn take(&self, message: u32) -> bool {
        let bit = bit(message);
        self.flags() & bit != 0
            && TABLE[self.index].word.fetch_and(!bit, Ordering::AcqRel) & bit != 0
    }

    /// Whether a message was posted that the next grab answers with.
    ///
    /// # Real-time
    /// Any thread. One load.
    pub fn asks(&self) -> bool {
        self.flags() & (bit(IMAGE_BUFFER_OVERFLOW) | bit(VERSION_CHECK)) != 0
    }

    /// Images that the SDK said it discarded because none were taken or given back in time.
    pub fn discarded(&self) -> u64 {
        let count = |n: usize| TABLE[self.index].counts[n].load(Ordering::Relaxed);
        count(1) + count(2)
    }

    /// Tells each message that is only counted, with how often it came since it was told last.
    pub fn tell_counts(&mut self, tell: &mut dyn FnMut(u32, u64)) {
        let board = &TABLE[self.index];
        let other = board.other.load(Ordering::Relaxed) as u32;
        let counts = COUNTED.iter().copied().zip(&board.counts).chain([(other, &board.others)]);
        for ((message, count), told) in counts.zip(&mut self.told) {
            let now = count.load(Ordering::Relaxed);
            if now > *told {
                tell(message, now - *told);
                *told = now;
            }
        }
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

/// Never 0: an SDK may take a null word for none.
fn user_word(generation: u64, index: usize) -> usize {
    ((generation as usize) << 8) | index
}

/// # Real-time
/// A thread of the SDK. No allocation, no lock, no call of the SDK.
fn post(user: *mut c_void, message: u32) {
    let user = user.addr();
    let index = user & 0xFF;
    let board = &TABLE[index];
    let posted = board.word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |word| {
        (user_word(word >> FLAG_BITS, index) == user).then_some(word | bit(message))
    });
    if posted.is_err() {
        return;
    }
    if let Some(n) = COUNTED.iter().position(|m| *m == message) {
        board.counts[n].fetch_add(1, Ordering::Relaxed);
    } else if bit(message) == OTHER {
        board.other.store(message.into(), Ordering::Relaxed);
        board.others.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the SDK calls about a device. Nothing in it can unwind.
pub(super) extern "system" fn on_exception(message: c_uint, user: *mut c_void) {
    post(user, message);
}

/// The same, with the kind of exception that a newer SDK packs into a structure.
pub(super) fn on_stream_exception(kind: i32, user: *mut c_void) {
    post(user, kind as u32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_posts_and_says_nothing_else() {
        let board = Posted::claim().unwrap();
        assert_eq!(board.lost(), None);
        on_exception(DEVICE_DISCONNECTED, board.user());
        assert_eq!(board.lost(), Some(DEVICE_DISCONNECTED));
        on_exception(LIST_EMPTY, board.user());
        on_exception(LIST_EMPTY, board.user());
        assert_eq!(board.discarded(), 2);
        on_exception(PARTIAL_IMAGE, board.user());
        on_exception(0x1234, board.user());
        let mut board = board;
        for news in [vec![(LIST_EMPTY, 2), (PARTIAL_IMAGE, 1), (0x1234, 1)], vec![]] {
            let mut told = Vec::new();
            board.tell_counts(&mut |message, times| told.push((message, times)));
            assert_eq!(told, news, "each is told once");
        }
        assert!(!board.asks());
        on_exception(IMAGE_BUFFER_OVERFLOW, board.user());
        assert!(board.take(IMAGE_BUFFER_OVERFLOW) && !board.take(IMAGE_BUFFER_OVERFLOW));
    }

    #[test]
    fn what_comes_late_is_for_nobody() {
        // Catches a callback of a destroyed handle that makes a line give up its new one.
        let old = Posted::claim().unwrap();
        let (user, index) = (old.user(), old.index);
        drop(old);
        on_exception(DEVICE_DISCONNECTED, user);
        let mut others = Vec::new();
        let new = loop {
            let board = Posted::claim().unwrap();
            if board.index == index {
                break board;
            }
            others.push(board); // Other tests have places too.
        };
        on_exception(DEVICE_DISCONNECTED, user);
        assert_eq!(new.lost(), None);
        assert_ne!(new.user(), user);
        on_exception(DEVICE_DISCONNECTED, std::ptr::null_mut());
        assert_eq!(new.lost(), None, "a null word is nobody's");
    }
}

//! Who holds a frame: the lanes of a slot's lane word.

/// How many holders can be told apart by name. More consumers than this share lanes.
pub const LANES: usize = 8;
/// Handles that one lane may have at once. Above it `clone` refuses, a hand-over leaves the handle on its
/// lane and a fan-out takes another lane; well below the byte's 255, so that threads racing between check
/// and count cannot overflow it. (A byte that overflowed would carry into the next lane's, and the last
/// lane's out of the word: a frame could seem to be alone that is not.)
const MAX_PER_LANE: u64 = 192;

/// A holder's place in the lane word, `0..LANES`. A whole word, so that a handle has no padding to be copied in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Lane(u64);

impl Lane {
    /// The pool's own side: filling, or held by whoever took the frame out of the line.
    pub const OWNER: Lane = Lane(0);

    /// Lane `n`. From [`LANES`] on, lanes are shared in turn; never with [`Lane::OWNER`], which means
    /// something else.
    pub fn new(n: usize) -> Lane {
        Lane(if n < LANES { n } else { 1 + (n - 1) % (LANES - 1) } as u64)
    }

    /// `0..LANES`.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    #[inline]
    pub(super) fn one(self) -> u64 {
        1 << (8 * self.0)
    }

    /// Whether the lane word `lanes` has room for one more handle here.
    #[inline]
    pub(super) fn has_room(self, lanes: u64) -> bool {
        (lanes >> (8 * self.0)) & 0xFF < MAX_PER_LANE
    }
}

/// Too many handles of one frame on one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloneLimit;

impl std::fmt::Display for CloneLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "one holder may have {MAX_PER_LANE} handles of a frame at most")
    }
}

impl std::error::Error for CloneLimit {}

/// Any lane with room, for a fan-out to a full one.
///
/// # Panics
/// If all lanes are full: over 1500 handles of one frame, which no ring or stage of sane depth holds.
#[cold]
pub(super) fn spare_lane(lanes: u64) -> Lane {
    (0..LANES as u64).map(Lane).find(|l| l.has_room(lanes)).expect("a frame has over 1500 handles")
}

/// The lanes of a lane word that have handles, with their number.
pub(crate) fn holders(lanes: u64) -> impl Iterator<Item = (Lane, u8)> {
    (0..LANES).map(move |n| (Lane(n as u64), (lanes >> (8 * n)) as u8)).filter(|(_, n)| *n > 0)
}

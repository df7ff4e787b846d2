//! What an inspection found on a frame: plain data, and the board on which a frame's verdict is left for
//! the stages after the inspection.
//!
//! The words of the truth (what a simulated line planted) and of the verdict (what was found) are the same, so
//! that the two can be compared; the values never meet before the comparison.

use crate::sync::{AtomicU64, Ordering};

/// Parts of one frame whose verdicts travel; an inspection counts those beyond it.
pub const MAX_PARTS: usize = 64;

/// What can be wrong with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Defect {
    /// There is no part where one belongs.
    Missing = 0,
    /// Its outline is not that of a good part.
    Deformed = 1,
    /// A thin mark on its surface.
    Scratch = 2,
    /// A round hollow that catches the light.
    Dent = 3,
    /// A dark patch with soft edges.
    Stain = 4,
    /// The print is absent, incomplete or displaced.
    Misprint = 5,
}

impl Defect {
    /// All of them, by their number.
    pub const ALL: [Defect; 6] = [
        Defect::Missing,
        Defect::Deformed,
        Defect::Scratch,
        Defect::Dent,
        Defect::Stain,
        Defect::Misprint,
    ];
    /// Their names, by their number.
    pub const NAMES: [&'static str; 6] =
        ["missing", "deformed", "scratch", "dent", "stain", "misprint"];

    /// The name in results and reports.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The defect of that name.
    pub fn from_name(name: &str) -> Option<Defect> {
        Self::ALL.into_iter().find(|d| d.name() == name)
    }
}

impl std::fmt::Display for Defect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A rectangle of pixels, relative to the frame's first pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Area {
    /// First column.
    pub x: u16,
    /// First row.
    pub y: u16,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl Area {
    fn to_word(self) -> u64 {
        u64::from(self.x)
            | u64::from(self.y) << 16
            | u64::from(self.width) << 32
            | u64::from(self.height) << 48
    }

    fn from_word(w: u64) -> Area {
        Area { x: w as u16, y: (w >> 16) as u16, width: (w >> 32) as u16, height: (w >> 48) as u16 }
    }
}

/// What an inspection says of one part.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PartVerdict {
    /// Where the part is, or belongs.
    pub part: Area,
    /// What is wrong with it; `None`: it is good.
    pub defect: Option<Defect>,
    /// Where on the frame that shows: the largest connected component, or the part as a whole.
    pub mark: Area,
    /// Pixels of the component.
    pub pixels: u32,
    /// How far the deciding measure is beyond its threshold: above 1 the part fails.
    pub score: f32,
}

impl PartVerdict {
    fn to_words(self) -> [u64; WORDS_A_PART] {
        let defect = self.defect.map_or(0, |d| d as u64 + 1);
        [
            self.part.to_word(),
            self.mark.to_word(),
            u64::from(self.pixels) | u64::from(self.score.to_bits()) << 32,
            defect,
        ]
    }

    fn from_words(w: [u64; WORDS_A_PART]) -> PartVerdict {
        PartVerdict {
            part: Area::from_word(w[0]),
            mark: Area::from_word(w[1]),
            pixels: w[2] as u32,
            score: f32::from_bits((w[2] >> 32) as u32),
            defect: (w[3] as usize).checked_sub(1).and_then(|i| Defect::ALL.get(i)).copied(),
        }
    }
}

/// The verdict on one frame. No allocation: it lives on a stage's stack or in its hands.
#[derive(Debug, Clone)]
pub struct FrameVerdict {
    parts: [PartVerdict; MAX_PARTS],
    len: usize,
}

impl Default for FrameVerdict {
    fn default() -> Self {
        FrameVerdict { parts: [PartVerdict::default(); MAX_PARTS], len: 0 }
    }
}

impl FrameVerdict {
    /// Forgets all parts.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds a part; `false` if there is no room for it.
    pub fn push(&mut self, part: PartVerdict) -> bool {
        let room = self.len < MAX_PARTS;
        if room {
            self.parts[self.len] = part;
            self.len += 1;
        }
        room
    }

    /// The parts, in the order in which they were found.
    pub fn parts(&self) -> &[PartVerdict] {
        &self.parts[..self.len]
    }

    /// Parts that failed.
    pub fn failed(&self) -> usize {
        self.parts().iter().filter(|p| p.defect.is_some()).count()
    }
}

const WORDS_A_PART: usize = 4;
/// Verdicts that can be on the board at once. More than all rings and slots of a line together.
const ENTRIES: usize = 512;
/// Says that an entry is being written.
const BUSY: u64 = u64::MAX;

/// One entry: a sequence number that guards the words beside it.
#[derive(Debug)]
struct Entry {
    sequence: AtomicU64,
    len: AtomicU64,
    words: Box<[AtomicU64]>,
}

/// The newest verdicts by frame sequence ([`FrameMeta::sequence`](crate::meta::FrameMeta)). Shared by stages on
/// any threads; an entry that was overwritten meanwhile reads as none, never as another frame's.
#[derive(Debug)]
pub struct VerdictBoard(Box<[Entry]>);

impl Default for VerdictBoard {
    fn default() -> Self {
        Self::new()
    }
}

impl VerdictBoard {
    /// An empty board, 1 MiB, allocated here and never again.
    pub fn new() -> Self {
        let word = |_| AtomicU64::new(0);
        let entry = |_| Entry {
            sequence: AtomicU64::new(BUSY),
            len: AtomicU64::new(0),
            words: (0..MAX_PARTS * WORDS_A_PART).map(word).collect(),
        };
        VerdictBoard((0..ENTRIES).map(entry).collect())
    }

    /// Leaves the verdict on frame `sequence`. Each frame is posted by one thread.
    ///
    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call.
    pub fn post(&self, sequence: u64, verdict: &FrameVerdict) {
        let entry = &self.0[sequence as usize % ENTRIES];
        entry.sequence.swap(BUSY, Ordering::AcqRel);
        // Release: whoever reads one of these words also sees that the entry is BUSY.
        entry.len.store(verdict.len as u64, Ordering::Release);
        for (words, part) in entry.words.chunks_exact(WORDS_A_PART).zip(verdict.parts()) {
            for (word, value) in words.iter().zip(part.to_words()) {
                word.store(value, Ordering::Release);
            }
        }
        entry.sequence.store(sequence, Ordering::Release); // PAIR: verdict
    }

    /// Reads the verdict on frame `sequence` into `into`; `false` (and nothing in it) if it was not posted, or
    /// overwritten.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock, no system call.
    pub fn find(&self, sequence: u64, into: &mut FrameVerdict) -> bool {
        into.clear();
        let entry = &self.0[sequence as usize % ENTRIES];
        if sequence == BUSY || entry.sequence.load(Ordering::Acquire) != sequence {
            return false; // PAIR: verdict
        }
        let len = (entry.len.load(Ordering::Acquire) as usize).min(MAX_PARTS);
        for (words, part) in entry.words.chunks_exact(WORDS_A_PART).zip(&mut into.parts[..len]) {
            *part =
                PartVerdict::from_words(std::array::from_fn(|i| words[i].load(Ordering::Acquire)));
        }
        if entry.sequence.load(Ordering::Relaxed) != sequence {
            return false;
        }
        into.len = len;
        true
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn of(n: u64) -> FrameVerdict {
        let mut v = FrameVerdict::default();
        for i in 0..1 + n % 3 {
            let area = Area { x: n as u16, y: i as u16, width: 3, height: 4 };
            assert!(v.push(PartVerdict {
                part: area,
                defect: Some(Defect::ALL[(n % 6) as usize]).filter(|_| n.is_multiple_of(2)),
                mark: area,
                pixels: n as u32,
                score: n as f32 / 8.0,
            }));
        }
        v
    }

    #[test]
    fn only_its_own_frame_is_found() {
        // Catches a record that shows another frame's verdict after the board went round.
        let (board, mut got) = (VerdictBoard::new(), FrameVerdict::default());
        assert!(!board.find(0, &mut got));
        board.post(3, &of(8));
        assert!(board.find(3, &mut got));
        assert_eq!(got.parts(), of(8).parts());
        board.post(3 + ENTRIES as u64, &of(9));
        assert!(!board.find(3, &mut got) && got.parts().is_empty());
        assert!(!board.find(u64::MAX, &mut got));
    }

    #[test]
    fn there_is_room_for_so_many_parts_and_no_more() {
        // Catches an overflow by one.
        let mut v = FrameVerdict::default();
        assert!((0..MAX_PARTS).all(|_| v.push(PartVerdict::default())));
        assert!(!v.push(PartVerdict::default()));
        let (board, mut got) = (VerdictBoard::new(), FrameVerdict::default());
        board.post(0, &v);
        assert!(board.find(0, &mut got));
        assert_eq!((got.parts().len(), got.failed()), (MAX_PARTS, 0));
    }

    #[test]
    fn a_torn_entry_is_never_handed_out() {
        // Catches a missing re-check: words of two frames in one verdict.
        let board = VerdictBoard::new();
        std::thread::scope(|s| {
            s.spawn(|| (0..50_000).for_each(|i| board.post(i * ENTRIES as u64, &of(i % 60_000))));
            let mut got = FrameVerdict::default();
            for i in 0..50_000_u64 {
                if board.find(i * ENTRIES as u64, &mut got) {
                    assert_eq!(got.parts(), of(i % 60_000).parts());
                }
            }
        });
    }
}

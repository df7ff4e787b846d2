//! Where a measuring stage leaves its measurements for a recording stage.

use super::Measurement;
use crate::sync::{AtomicU64, Ordering};

/// Measurements that can be on the board at once. More than all rings and slots of a line together.
const ENTRIES: usize = 4096;
/// Says that an entry is being written.
const BUSY: u64 = u64::MAX;

/// One entry: a sequence number that guards the numbers beside it.
#[derive(Debug)]
struct Entry {
    sequence: AtomicU64,
    words: [AtomicU64; 4],
}

/// The newest measurements by frame sequence. Shared by stages on any threads; an entry that was
/// overwritten meanwhile reads as none, never as another frame's.
#[derive(Debug)]
pub struct MeasurementBoard(Box<[Entry]>);

impl Default for MeasurementBoard {
    fn default() -> Self {
        Self::new()
    }
}

impl MeasurementBoard {
    /// An empty board, 160 KiB, allocated here and never again.
    pub fn new() -> Self {
        let entry = || Entry {
            sequence: AtomicU64::new(BUSY),
            words: std::array::from_fn(|_| AtomicU64::new(0)),
        };
        MeasurementBoard((0..ENTRIES).map(|_| entry()).collect())
    }

    /// Leaves the measurement of frame `sequence`. Each frame is posted by one thread.
    ///
    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call.
    pub fn post(&self, sequence: u64, m: &Measurement) {
        let entry = &self.0[sequence as usize % ENTRIES];
        entry.sequence.swap(BUSY, Ordering::AcqRel);
        let range = u64::from(m.max) << 16 | u64::from(m.min);
        for (word, value) in entry.words.iter().zip([m.pixels, m.above, m.sum, range]) {
            // Release: whoever reads this word also sees that the entry is BUSY.
            word.store(value, Ordering::Release);
        }
        entry.sequence.store(sequence, Ordering::Release);
    }

    /// The measurement of frame `sequence`, if it was posted and not overwritten.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock, no system call.
    pub fn find(&self, sequence: u64) -> Option<Measurement> {
        let entry = &self.0[sequence as usize % ENTRIES];
        if sequence == BUSY || entry.sequence.load(Ordering::Acquire) != sequence {
            return None;
        }
        let [pixels, above, sum, range] =
            std::array::from_fn(|i| entry.words[i].load(Ordering::Acquire));
        (entry.sequence.load(Ordering::Relaxed) == sequence).then_some(Measurement {
            pixels,
            above,
            sum,
            min: range as u16,
            max: (range >> 16) as u16,
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn of(n: u64) -> Measurement {
        Measurement { pixels: n, above: n, sum: n, min: n as u16, max: n as u16 }
    }

    #[test]
    fn only_its_own_frame_is_found() {
        // Catches a record that shows another frame's measurement after the board went round.
        let board = MeasurementBoard::new();
        assert_eq!(board.find(0), None);
        board.post(3, &of(3));
        assert_eq!((board.find(3), board.find(4)), (Some(of(3)), None));
        board.post(3 + ENTRIES as u64, &of(9));
        assert_eq!((board.find(3), board.find(3 + ENTRIES as u64)), (None, Some(of(9))));
        assert_eq!(board.find(u64::MAX), None);
    }

    #[test]
    fn a_torn_entry_is_never_handed_out() {
        // Catches a missing re-check: words of two frames in one measurement.
        let board = MeasurementBoard::new();
        std::thread::scope(|s| {
            s.spawn(|| (0..50_000).for_each(|i| board.post(i * ENTRIES as u64, &of(i % 60_000))));
            for i in 0..50_000_u64 {
                if let Some(m) = board.find(i * ENTRIES as u64) {
                    assert_eq!(m, of(i % 60_000));
                }
            }
        });
    }
}

//! One count of frames over whatever a device does with its numbers.

/// Makes one count of the device's frame numbers, which wrap, and may begin again with each start.
///
/// A GigE camera's are block ids: 16 bits with 0 left out (65535 is followed by 1), or longer in extended
/// mode (of which 32 bits tell a gap); a USB camera's begin at 0 with each start. The line's ids continue over all of these.
///
/// Whether a device begins again is seen in its first number after a start: one that goes back, by more than a wrap with a
/// small gap would explain. Of one that did, every number that goes back at a start is a new count.
#[derive(Debug, Default)]
pub(super) struct Ids {
    last: Option<(u64, u64)>,
    /// Numbers beyond 16 bits have been seen.
    is_long: bool,
    /// 0 has followed 65535.
    has_zero: bool,
    started: bool,
    /// The device begins again with each start.
    restarts: bool,
}

/// Frames that a count may have lost over a wrap and a start, and still be the same count.
const MOST_LOST_OVER_A_START: u64 = 256;

impl Ids {
    /// The stream has started: numbers that go back are a new count.
    pub fn started(&mut self) {
        self.started = true;
    }

    /// The id of the frame with that number.
    ///
    /// # Real-time
    /// Capture-bound. Free.
    pub fn id(&mut self, raw: u64) -> u64 {
        self.is_long |= raw > u64::from(u16::MAX);
        let started = std::mem::take(&mut self.started);
        let Some((last_raw, last)) = self.last else {
            self.last = Some((raw, raw));
            return raw;
        };
        self.has_zero |= raw == 0 && last_raw == u64::from(u16::MAX);
        let modulus = match (self.is_long, self.has_zero) {
            (true, _) => 1 << 32,
            (false, true) => 1 << 16,
            (false, false) => (1 << 16) - 1,
        };
        let ahead = (raw % modulus + modulus - last_raw % modulus) % modulus;
        let goes_back = raw < last_raw && ahead > MOST_LOST_OVER_A_START;
        self.restarts |= started && goes_back;
        if started
            && (ahead == 0 || ahead > modulus / 2 || goes_back || raw < last_raw && self.restarts)
        {
            self.last = Some((raw, last + 1));
            return last + 1;
        }
        if ahead > modulus / 2 {
            // Overtaken by the one before it.
            return last.saturating_sub(modulus - ahead);
        }
        self.last = Some((raw, last + ahead));
        last + ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(raws: &[u64]) -> Vec<u64> {
        let mut ids = Ids::default();
        raws.iter().map(|r| ids.id(*r)).collect()
    }

    #[test]
    fn numbers_wrap_without_a_gap() {
        // Catches a false loss each time that a block id wraps.
        assert_eq!(ids(&[65_534, 65_535, 1, 2]), [65_534, 65_535, 65_536, 65_537]);
        assert_eq!(ids(&[65_535, 65_536, 65_537]), [65_535, 65_536, 65_537]);
        assert_eq!(ids(&[65_535, 0, 1]), [65_535, 65_536, 65_537]);
        assert_eq!(ids(&[65_533, 65_535, 4]), [65_533, 65_535, 65_539]);
        assert_eq!(ids(&[u64::from(u32::MAX), 0]), [u64::from(u32::MAX), u64::from(u32::MAX) + 1]);
    }

    #[test]
    fn overtaken_and_repeated_numbers_stay_what_they_are() {
        assert_eq!(ids(&[10, 12, 11, 12, 13]), [10, 12, 11, 12, 13]);
        assert_eq!(ids(&[65_535, 2, 1, 3]), [65_535, 65_537, 65_536, 65_538]);
    }

    #[test]
    fn a_new_count_after_a_start_goes_on() {
        // Catches frames of a restarted stream that are taken for duplicates of the last one's.
        let mut ids = Ids::default();
        (0..10).for_each(|n| assert_eq!(ids.id(n), n));
        ids.started();
        assert_eq!((ids.id(0), ids.id(1), ids.id(3)), (10, 11, 13));
        ids.started();
        assert_eq!(ids.id(5), 15, "a camera that does not restart shows its gap");
    }

    #[test]
    fn a_long_run_and_a_start_are_no_loss() {
        // Catches thousands of frames that are charged to a camera because it began again at 0 or 1 after a run of
        // more than half of its numbers, or of nearly all.
        for last in [100, 20_000, 33_000, 40_000, 65_000, 65_200, 1_000_000] {
            for first in [0, 1] {
                let mut ids = Ids::default();
                let before = ids.id(last);
                ids.started();
                assert_eq!(ids.id(first), before + 1, "{first} after {last}");
                // Once known, also where it could be a wrap.
                let before = [30_000, 60_000, 65_530].map(|raw| ids.id(raw))[2];
                ids.started();
                assert_eq!(ids.id(first), before + 1, "{first} after 65530, after {last}");
            }
        }
        // A count that goes on over a start and wraps with a gap.
        let mut ids = ids_of(&[65_530]);
        ids.started();
        assert_eq!(ids.id(3), 65_538);
    }

    fn ids_of(raws: &[u64]) -> Ids {
        let mut ids = Ids::default();
        for raw in raws {
            ids.id(*raw);
        }
        ids
    }
}

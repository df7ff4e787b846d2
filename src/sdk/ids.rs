//! One count of frames over whatever a device does with its numbers.

/// Numbers so close to a wrap, on either side of it, may have wrapped between two starts.
const NEAR: u64 = 256;

/// Makes one count of the device's frame numbers, which wrap, and may begin again with each start.
///
/// A GigE camera's are block ids: 16 bits with 0 left out (65535 is followed by 1), or longer in extended
/// mode (of which 32 bits tell a gap); a USB camera's begin at 0 with each start. The line's ids continue over all of these.
#[derive(Debug, Default)]
pub(super) struct Ids {
    last: Option<(u64, u64)>,
    /// Numbers beyond 16 bits have been seen.
    is_long: bool,
    /// 0 has followed 65535.
    has_zero: bool,
    started: bool,
}

impl Ids {
    /// The stream has started: numbers that go back are a new count, unless the last one was about to wrap.
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
        let wrapped = raw < last_raw && last_raw + NEAR > modulus && raw <= NEAR;
        if started && (raw <= last_raw && !wrapped || ahead > modulus / 2) {
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
    fn a_camera_that_counts_anew_has_lost_nothing() {
        // Catches a power loss that is told as up to half of the circle's frames lost, whatever the last number was.
        for last in [3, 100, 20_000, 32_767, 33_000, 40_000, 65_000] {
            for first in [0, 1, 2] {
                let mut ids = Ids::default();
                ids.id(last);
                ids.started();
                assert_eq!(ids.id(first), last + 1, "{first} after {last}");
                assert_eq!(ids.id(first + 1), last + 2);
            }
        }
        let mut ids = Ids::default();
        ids.id(65_530);
        ids.started();
        assert_eq!(ids.id(3), 65_538, "one that goes on over a start wraps");
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
}

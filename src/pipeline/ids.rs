//! Frame ids: gaps, duplicates, overtakers, wrap-around.

use crate::source::FrameIdRule;

/// What an id says about its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// A new frame, after a gap of so many ids.
    New { gap: u64 },
    /// A frame that had been counted as missing: it was overtaken.
    Late,
    /// This id was seen before.
    Duplicate,
    /// The ids jumped so far that this is a new count, not a gap.
    Jump,
}

/// A gap of more than this is taken for a device that started counting anew.
const MAX_GAP: u64 = 1 << 20;
const WINDOW: u64 = 64;

/// Follows the ids of one device.
#[derive(Debug)]
pub(super) struct IdTracker {
    rule: FrameIdRule,
    last: Option<u64>,
    /// Bit `k`: id `last - k` was seen.
    seen: u64,
    may_restart: bool,
}

impl IdTracker {
    pub fn new(rule: FrameIdRule) -> Self {
        IdTracker { rule, last: None, seen: 0, may_restart: false }
    }

    /// The newest id.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// The device was reopened: ids that go back are a new count, not duplicates.
    pub fn reopened(&mut self) {
        self.may_restart = true;
    }

    /// Places ids on a line without gaps: with `skips_zero`, 65535 is followed by 1.
    fn period(&self) -> u64 {
        match self.rule.modulus {
            0 => 0,
            m => m - u64::from(self.rule.skips_zero),
        }
    }

    /// Ids from `a` forward to `b`.
    fn ahead(&self, a: u64, b: u64) -> u64 {
        match self.period() {
            0 => b.wrapping_sub(a),
            p => (b % p + p - a % p) % p,
        }
    }

    /// Takes note of an id.
    #[inline]
    pub fn see(&mut self, id: u64) -> Seen {
        let Some(last) = self.last else {
            self.last = Some(id);
            self.seen = u64::MAX; // What came before the first frame is not missing.
            return Seen::New { gap: 0 };
        };
        let ahead = self.ahead(last, id);
        let half = if self.period() == 0 { u64::MAX / 2 } else { self.period() / 2 };
        let may_restart = std::mem::take(&mut self.may_restart);
        if may_restart && id <= last {
            self.last = Some(id);
            self.seen = u64::MAX;
            return Seen::Jump;
        }
        if ahead == 0 {
            return Seen::Duplicate;
        }
        if ahead > half {
            let back = self.ahead(id, last);
            if back >= WINDOW {
                self.last = Some(id);
                self.seen = u64::MAX;
                return Seen::Jump;
            }
            let bit = 1 << back;
            if self.seen & bit != 0 {
                return Seen::Duplicate;
            }
            self.seen |= bit;
            return Seen::Late;
        }
        self.last = Some(id);
        if ahead - 1 > MAX_GAP {
            self.seen = u64::MAX; // A new count: what lies before it was never missing.
            return Seen::Jump;
        }
        self.seen = if ahead < WINDOW { (self.seen << ahead) | 1 } else { 1 };
        Seen::New { gap: ahead - 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_late_and_duplicates() {
        // Catches an overtaken frame counted both as lost and as delivered.
        let mut t = IdTracker::new(FrameIdRule::default());
        assert_eq!(t.see(10), Seen::New { gap: 0 });
        assert_eq!(t.see(9), Seen::Duplicate, "before the first nothing is missing");
        assert_eq!(t.see(13), Seen::New { gap: 2 });
        assert_eq!(t.see(12), Seen::Late);
        assert_eq!(t.see(12), Seen::Duplicate);
        assert_eq!(t.see(13), Seen::Duplicate);
        assert_eq!(t.see(14), Seen::New { gap: 0 });
        assert_eq!(t.see(11), Seen::Late);
        assert_eq!(t.see(14 + (1 << 30)), Seen::Jump);
    }

    #[test]
    fn ids_of_a_reopened_device_may_start_again() {
        // Catches thousands of losses that never were when block ids restart at 1 with each stream.
        let mut t = IdTracker::new(FrameIdRule { modulus: 65536, skips_zero: true });
        t.see(60_000);
        t.reopened();
        assert_eq!(t.see(1), Seen::Jump);
        assert_eq!(t.see(2), Seen::New { gap: 0 });
    }

    #[test]
    fn block_ids_skip_zero() {
        // Catches a false loss each time a GigE block id wraps from 65535 to 1.
        let mut t = IdTracker::new(FrameIdRule { modulus: 65536, skips_zero: true });
        assert_eq!(t.see(65534), Seen::New { gap: 0 });
        assert_eq!(t.see(65535), Seen::New { gap: 0 });
        assert_eq!(t.see(1), Seen::New { gap: 0 });
        assert_eq!(t.see(4), Seen::New { gap: 2 });
        assert_eq!(t.see(65535), Seen::Duplicate);
    }

    #[test]
    fn plain_modulus_wraps_through_zero() {
        let mut t = IdTracker::new(FrameIdRule { modulus: 256, skips_zero: false });
        assert_eq!(t.see(255), Seen::New { gap: 0 });
        assert_eq!(t.see(0), Seen::New { gap: 0 });
        assert_eq!(t.see(2), Seen::New { gap: 1 });
        assert_eq!(t.see(1), Seen::Late);
    }
}

//! The script made ready for the hot path: sizes rendered, rules sorted, nothing to look up.

use super::pattern::mix;
use super::script::{Action, Rule, When};

/// A rule whose size, if it has one, is the sheet of that index.
#[derive(Debug, Clone, Copy)]
struct Ready {
    when: When,
    action: Action,
    sheet: usize,
    salt: u64,
}

/// Rules in the order in which they come up.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// `at` rules by serial; serials are judged in order, so a cursor walks over them.
    once: Vec<Ready>,
    next_once: usize,
    again: Vec<Ready>,
}

impl Rules {
    /// Sorts the rules; `sheet_of` gives the index of the sheet that a rule switches to.
    pub fn new(rules: &[Rule], seed: u64, mut sheet_of: impl FnMut(&Action) -> usize) -> Rules {
        let mut out = Rules::default();
        for (i, rule) in rules.iter().enumerate() {
            let ready = Ready {
                when: rule.when,
                action: rule.action,
                sheet: sheet_of(&rule.action),
                salt: mix(seed ^ mix(i as u64)),
            };
            match rule.when {
                When::At(_) => out.once.push(ready),
                _ => out.again.push(ready),
            }
        }
        out.once.sort_by_key(|r| match r.when {
            When::At(n) => n,
            _ => 0,
        });
        out
    }

    /// Calls `act` with every action on frame `serial`. Serials must not go back.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    #[inline]
    pub fn judge(&mut self, serial: u64, mut act: impl FnMut(Action, usize)) {
        while let Some(rule) = self.once.get(self.next_once) {
            match rule.when {
                When::At(n) if n > serial => break,
                When::At(n) if n == serial => act(rule.action, rule.sheet),
                _ => {} // Its frame was never made.
            }
            self.next_once += 1;
        }
        for rule in &self.again {
            let hit = match rule.when {
                When::Every { step, from, to } => {
                    (from..=to).contains(&serial) && (serial - from).is_multiple_of(step)
                }
                // The upper 53 bits, as a number in [0, 1).
                When::Random(p) => {
                    ((mix(rule.salt ^ serial) >> 11) as f64 / (1_u64 << 53) as f64) < p
                }
                When::At(_) => false,
            };
            if hit {
                act(rule.action, rule.sheet);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::Script;
    use super::*;

    fn hits(text: &str, serials: std::ops::Range<u64>) -> Vec<u64> {
        let script = Script::parse(text).unwrap();
        let mut rules = Rules::new(&script.rules, 5, |_| 0);
        let mut out = Vec::new();
        serials.for_each(|s| rules.judge(s, |_, _| out.push(s)));
        out
    }

    #[test]
    fn rules_hit_the_frames_they_name() {
        assert_eq!(hits("at 7 lose\nat 3 lose\nat 3 double", 0..9), [3, 3, 7]);
        assert_eq!(hits("every 4 from 2 to 11 lose", 0..20), [2, 6, 10]);
        assert_eq!(hits("every 1 lose", 0..3), [0, 1, 2]);
        // A rule whose frame was lost before does not come late.
        assert_eq!(hits("at 1 lose\nat 4 lose", 2..6), [4]);
    }

    #[test]
    fn random_rules_keep_to_their_probability_and_seed() {
        let n = hits("random 0.1 lose", 0..10_000);
        assert!((800..1200).contains(&n.len()), "{}", n.len());
        assert_eq!(n, hits("random 0.1 lose", 0..10_000));
        assert_eq!(hits("random 1 lose", 0..9).len(), 9);
        assert_eq!(hits("random 0 lose", 0..9).len(), 0);
    }
}

//! What the fault script has for a camera's next frame.

use crate::script::{FrameAction, FrameRule, When};

/// The rules of one camera, and what they have begun.
pub struct Faults {
    rules: Vec<FrameRule>,
    random: u64,
    /// The actions for the frame of this serial, drawn once.
    drawn: Option<(u64, Vec<FrameAction>)>,
    /// Frames that are still due at once.
    pub burst_left: u32,
    /// Frames that still never come.
    pub lose_left: u32,
}

impl Default for Faults {
    fn default() -> Faults {
        Faults::new(Vec::new())
    }
}

impl Faults {
    /// The state before the first frame under these rules.
    pub fn new(rules: Vec<FrameRule>) -> Faults {
        Faults { rules, random: 0x2545_F491_4F6C_DD1D, drawn: None, burst_left: 0, lose_left: 0 }
    }

    /// What shall happen to the frame of this serial, less what is [`done`](Self::done).
    pub fn of(&mut self, serial: u64) -> Vec<FrameAction> {
        if self.drawn.as_ref().is_none_or(|(drawn, _)| *drawn != serial) {
            let mut random = self.random;
            let actions = self.rules.iter().filter(|r| hits(r.when, serial, &mut random));
            let actions = actions.map(|r| r.action).collect();
            self.random = random;
            self.drawn = Some((serial, actions));
        }
        self.drawn.as_ref().map(|(_, actions)| actions.clone()).unwrap_or_default()
    }

    /// One of the actions for the present frame has had its effect.
    pub fn done(&mut self, action: FrameAction) {
        if let Some((_, actions)) = &mut self.drawn
            && let Some(at) = actions.iter().position(|a| *a == action)
        {
            actions.remove(at);
        }
    }
}

fn hits(when: When, serial: u64, random: &mut u64) -> bool {
    match when {
        When::At(at) => at == serial,
        When::Every { step, from, to } => {
            (from..=to).contains(&serial) && (serial - from).is_multiple_of(step)
        }
        When::Random(p) => {
            *random ^= *random << 13;
            *random ^= *random >> 7;
            *random ^= *random << 17;
            ((*random >> 11) as f64) < p * (1_u64 << 53) as f64
        }
    }
}

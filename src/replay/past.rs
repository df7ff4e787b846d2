//! What happened between the recorded frames, as a source would answer with it again.

use crate::fault::{Fault, FaultClass};
use crate::recording::format::{Event, EventKind};
use crate::source::Diagnosis;

/// What a device was like that was found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Back {
    /// It gave the frames that it gave before; what it changed it changed later.
    AsBefore,
    /// Its frames had changed while it was away, or nobody knows.
    AsItGoesOn,
}

/// The recorded events, in the order in which they happened, and how far the replay is.
#[derive(Debug, Default)]
pub(super) struct Past {
    events: Vec<Event>,
    at: usize,
    /// Of a fault that came several times, how often it came again so far.
    told: u64,
    /// The last answer was one to an attempt to open the device.
    reopening: bool,
}

/// A fault comes again so often at most: what a file says must not keep a replay from its frames.
const MOST: u64 = 1_000_000;

/// How often a fault comes again.
fn times(event: &Event) -> u64 {
    event.count.clamp(1, MOST)
}

impl Past {
    pub fn new(mut events: Vec<Event>) -> Past {
        events.retain(|e| {
            matches!(e.kind, EventKind::Fault | EventKind::Reset | EventKind::Reconnect)
        });
        // Of one place in the order in which they were told: a reconnection after what its attempts were answered with.
        events.sort_by_key(|e| e.before_frame);
        Past { events, at: 0, told: 0, reopening: false }
    }

    /// The replay goes on with frame `n`: what happened before that is past.
    pub fn seek(&mut self, n: u64) {
        self.at = self.events.partition_point(|e| e.before_frame < n);
        (self.told, self.reopening) = (0, false);
    }

    /// The fault that [`next_fault`](Self::next_fault) answers with next, and how often it was told.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    pub fn peek(&mut self, n: u64) -> Option<(Event, u64)> {
        while let Some(e) = self.events.get(self.at)
            && e.before_frame <= n
        {
            if e.kind == EventKind::Fault && self.told < times(e) {
                return Some((*e, self.told));
            }
            self.at += 1;
            self.told = 0;
        }
        None
    }

    /// The next fault that came before frame `n`.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    pub fn next_fault(&mut self, n: u64) -> Option<Fault> {
        let (event, _) = self.peek(n)?;
        self.told += 1;
        Some(Fault { code: event.code, detail: event.detail })
    }

    /// What the line found out that night, when time-outs before frame `n` made it ask: it reconnected, or made a reset,
    /// or waited.
    pub fn diagnose(&self, n: u64, payload_bytes: u64) -> Diagnosis {
        let ahead = self.events[self.at.min(self.events.len())..].iter();
        for e in ahead.take_while(|e| e.before_frame <= n) {
            match (e.kind, e.class) {
                (EventKind::Reconnect, _) => return Diagnosis::Lost,
                (EventKind::Reset, _) => return Diagnosis::FormatDrift { payload_bytes },
                (EventKind::Fault, Some(FaultClass::Timeout)) => {}
                _ => break,
            }
        }
        Diagnosis::IdleTrigger
    }

    /// The device is to be opened again before frame `n`: answered with the faults that it was answered with then, one an
    /// attempt, until the attempt that succeeded.
    pub fn reopen(&mut self, n: u64) -> Result<Back, Fault> {
        if self.told > 0
            && !self.reopening
            && self.events.get(self.at).is_some_and(|e| self.told >= times(e))
        {
            self.at += 1; // The very fault that led here, and did not come again.
            self.told = 0;
        }
        let ahead = &self.events[self.at.min(self.events.len())..];
        let mut of_this = ahead.iter().take_while(|e| e.before_frame <= n);
        let Some(back) = of_this.position(|e| e.kind == EventKind::Reconnect) else {
            self.reopening = false;
            return Ok(Back::AsItGoesOn);
        };
        // A reset that the line made before it called the device found: the device came back with other frames.
        let changed = ahead[..back].iter().any(|e| e.kind == EventKind::Reset);
        let fault = ahead[..back].iter().position(|e| e.kind == EventKind::Fault);
        let Some(k) = fault else {
            self.at += back + 1;
            (self.told, self.reopening) = (0, false);
            return Ok(if changed { Back::AsItGoesOn } else { Back::AsBefore });
        };
        let e = ahead[k];
        self.told = if k == 0 { self.told + 1 } else { 1 };
        self.at += k;
        self.reopening = true;
        if self.told >= times(&e) {
            self.at += 1;
            self.told = 0;
        }
        Err(Fault { code: e.code, detail: e.detail })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HostTime;

    fn event(kind: EventKind, before_frame: u64, code: i64, class: Option<FaultClass>) -> Event {
        Event { kind, before_frame, host_time: HostTime(0), code, class, detail: 0, count: 2 }
    }

    #[test]
    fn faults_come_again_before_their_frame_and_as_often() {
        // Catches a fault that is told once too few, too late, or for ever.
        let timeout = Some(FaultClass::Timeout);
        let mut past = Past::new(vec![
            event(EventKind::Fault, 3, 7, timeout),
            event(EventKind::Reset, 3, 0, None),
            event(EventKind::Fault, 5, 8, timeout),
        ]);
        assert_eq!(past.next_fault(2), None);
        assert_eq!(past.next_fault(3).map(|f| f.code), Some(7));
        assert_eq!(past.diagnose(3, 99), Diagnosis::FormatDrift { payload_bytes: 99 });
        assert_eq!(past.next_fault(3).map(|f| f.code), Some(7));
        assert_eq!(past.next_fault(3), None);
        assert_eq!(past.diagnose(3, 99), Diagnosis::IdleTrigger);
        past.seek(5);
        assert_eq!(past.next_fault(5).map(|f| f.code), Some(8));
        past.seek(6);
        assert_eq!(past.next_fault(9), None);
    }

    #[test]
    fn what_a_reopening_was_answered_with_answers_a_reopening() {
        // Catches a second reconnection for each attempt that failed that night, and attempts that all succeed.
        let lost = Some(FaultClass::Lost);
        let mut past = Past::new(vec![
            event(EventKind::Fault, 3, 6, lost),
            event(EventKind::Fault, 3, 5, Some(FaultClass::Busy)),
            event(EventKind::Reconnect, 3, 0, None),
            event(EventKind::Fault, 3, 9, lost),
        ]);
        assert_eq!(past.next_fault(3).map(|f| f.code), Some(6));
        for code in [6, 5, 5] {
            assert_eq!(past.reopen(3).map_err(|f| f.code), Err(code));
        }
        assert_eq!(past.reopen(3), Ok(Back::AsBefore));
        assert_eq!(past.next_fault(3).map(|f| f.code), Some(9));
        assert_eq!(past.next_fault(3).map(|f| f.code), Some(9));
        assert_eq!(past.reopen(3), Ok(Back::AsItGoesOn), "nobody knows");
        assert_eq!(past.next_fault(3), None, "nothing is told for ever");
    }

    #[test]
    fn a_device_comes_back_with_the_frames_of_that_night() {
        // Catches a reset of that night that was made before the device was found, and now is made behind it, or the
        // other way round.
        let lost = Some(FaultClass::Lost);
        let fault = Event { count: 1, ..event(EventKind::Fault, 3, 6, lost) };
        let (reset, reconnect) =
            (event(EventKind::Reset, 3, 0, None), event(EventKind::Reconnect, 3, 0, None));
        for (then, want) in [
            ([fault, reset, reconnect], Back::AsItGoesOn),
            ([fault, reconnect, reset], Back::AsBefore),
        ] {
            let mut past = Past::new(then.to_vec());
            assert!(past.next_fault(3).is_some());
            assert_eq!(past.reopen(3), Ok(want));
        }
    }
}

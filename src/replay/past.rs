//! What happened between the recorded frames, as a source would answer with it again.

use crate::fault::{Fault, FaultClass};
use crate::recording::format::{Event, EventKind};
use crate::source::Diagnosis;

/// The recorded events, in the order in which they happened, and how far the replay is.
#[derive(Debug, Default)]
pub(super) struct Past {
    events: Vec<Event>,
    at: usize,
    /// Of a fault that came several times, how often it came again so far.
    told: u64,
}

impl Past {
    pub fn new(mut events: Vec<Event>) -> Past {
        events.retain(|e| {
            matches!(e.kind, EventKind::Fault | EventKind::Reset | EventKind::Reconnect)
        });
        // Of one place in the order in which they were told: a reconnection after what its attempts were answered with.
        events.sort_by_key(|e| e.before_frame);
        Past { events, at: 0, told: 0 }
    }

    /// The replay goes on with frame `n`: what happened before that is past.
    pub fn seek(&mut self, n: u64) {
        self.at = self.events.partition_point(|e| e.before_frame < n);
        self.told = 0;
    }

    /// The next fault that came before frame `n`.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    pub fn next_fault(&mut self, n: u64) -> Option<Fault> {
        while let Some(e) = self.events.get(self.at)
            && e.before_frame <= n
        {
            if e.kind == EventKind::Fault && self.told < e.count.max(1) {
                self.told += 1;
                return Some(Fault { code: e.code, detail: e.detail });
            }
            self.at += 1;
            self.told = 0;
        }
        None
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

    /// The device is opened again: what was answered meanwhile, up to its return, is past.
    pub fn reconnected(&mut self, n: u64) {
        let ahead = &self.events[self.at.min(self.events.len())..];
        let of_this = ahead.iter().take_while(|e| e.before_frame <= n);
        let back = of_this.enumerate().find(|(_, e)| e.kind == EventKind::Reconnect);
        if let Some((k, _)) = back {
            self.at += k + 1;
            self.told = 0;
        } else if self.told > 0 {
            // The very fault that led here.
            self.at += 1;
            self.told = 0;
        }
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
    fn what_a_reopening_answered_is_not_answered_by_a_grab() {
        // Catches a second reconnection for each attempt that failed that night.
        let lost = Some(FaultClass::Lost);
        let mut past = Past::new(vec![
            event(EventKind::Fault, 3, 6, lost),
            event(EventKind::Fault, 3, 5, Some(FaultClass::Busy)),
            event(EventKind::Reconnect, 3, 0, None),
            event(EventKind::Fault, 3, 9, lost),
        ]);
        assert_eq!(past.next_fault(3).map(|f| f.code), Some(6));
        past.reconnected(3);
        assert_eq!(past.next_fault(3).map(|f| f.code), Some(9));
        past.reconnected(3);
        assert_eq!(past.next_fault(3), None, "nothing is told for ever");
    }
}

//! Why no frame comes: the signal that control was lost, sizes against those at the start, what the host received,
//! the trigger.

use super::codes::{CONTROL_LOST, NO_BUFFER, is_loss};
use super::counters::{BYTES, COMPLETED};
use super::source::{Aravis, fault};
use crate::fault::Fault;
use crate::source::{Diagnosis, Evidence};

/// What had been received at the first time-out after the last frame: bytes, and whole frames.
#[derive(Debug, Default)]
pub(super) struct Silence(Option<[u64; 2]>);

impl Aravis {
    fn received(&self) -> Option<[u64; 2]> {
        self.stream.as_ref().map(|s| [s.counter(BYTES), s.counter(COMPLETED)])
    }

    /// A grab that brought nothing.
    #[cold]
    pub(super) fn nothing(&mut self) -> Fault {
        if self.is_lost() {
            self.last_call = "control-lost";
            return fault(CONTROL_LOST);
        }
        if self.silence.0.is_none() {
            self.silence = Silence(self.received());
        }
        fault(NO_BUFFER)
    }

    /// What is known about a silence.
    pub(super) fn ask_about_silence(&mut self) -> Diagnosis {
        self.evidence =
            Evidence { payload_at_start: Some(self.started.payload as u64), ..Evidence::default() };
        let lost = self.is_lost();
        let Some(camera) = self.camera.as_ref().filter(|_| !lost) else {
            self.evidence.connected = Some(false);
            self.evidence.exception = Some(CONTROL_LOST.into());
            return Diagnosis::Lost;
        };
        // What it would send now, against what it was started with. One that does not answer is gone: Aravis has
        // asked it several times.
        let payload = match camera.payload() {
            Err(failure) if is_loss(failure.code) => {
                self.evidence.connected = Some(false);
                self.evidence.exception = Some(failure.code.into());
                return Diagnosis::Lost;
            }
            answer => answer.ok().map(u64::from),
        };
        let packet = camera.is_gv().then(|| camera.packet_size().ok().map(u64::from)).flatten();
        let triggered = camera.text("TriggerMode").ok().map(|mode| mode == "On");
        let e = &mut self.evidence;
        (e.connected, e.payload_now, e.triggered) = (Some(true), payload, triggered);
        (e.packet_at_start, e.packet_now) = (self.started.packet_size.map(u64::from), packet);
        if let (Some(first), Some(now)) = (self.silence.0, self.received()) {
            let e = &mut self.evidence;
            e.bytes_received = Some(now[0].saturating_sub(first[0]));
            e.frames_received = Some(now[1].saturating_sub(first[1]));
        }
        let e = &self.evidence;
        let differs = |a: Option<u64>, b: Option<u64>| a.zip(b).is_some_and(|(a, b)| a != b);
        if differs(e.payload_at_start, e.payload_now) || differs(e.packet_at_start, e.packet_now) {
            let payload_bytes = payload.unwrap_or(self.started.payload as u64);
            return Diagnosis::FormatDrift { payload_bytes };
        }
        match triggered {
            Some(true) => Diagnosis::IdleTrigger,
            _ => Diagnosis::Unclear,
        }
    }
}

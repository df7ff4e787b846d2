//! Why no frame comes: whether the camera's registers can be reached, its payload against that at the start, the
//! trigger.

use super::open;
use super::source::Gentl;
use crate::fault::FaultClass;
use crate::source::{Diagnosis, Evidence};

impl Gentl {
    /// What is known about a silence: `EventGetData` answers `GC_ERR_TIMEOUT` to all of them.
    pub(super) fn ask_about_silence(&mut self) -> Diagnosis {
        self.evidence = Evidence::default();
        if self.device.is_none() {
            return Diagnosis::Lost;
        }
        let mut evidence =
            Evidence { payload_at_start: Some(self.started.payload as u64), ..Evidence::default() };
        // A register that every camera has.
        let reached = self.features.integer("Width");
        let class =
            reached.as_ref().err().map(|code| super::codes::table().classify(i64::from(*code)));
        // A register that cannot be read is loss enough: producers were seen to answer a time-out, or a fault without more,
        // of a camera that was unplugged.
        if matches!(class, Some(FaultClass::Lost | FaultClass::Timeout | FaultClass::Unknown)) {
            evidence.connected = Some(false);
            evidence.exception = reached.err().map(i64::from);
            self.evidence = evidence;
            return Diagnosis::Lost;
        }
        evidence.connected = reached.is_ok().then_some(true);
        let payload = match self.config.payload {
            Some(_) => None, // The camera is not believed.
            None => open::payload(&mut self.features, self.stream.as_ref()).ok(),
        };
        evidence.payload_now = payload;
        evidence.triggered = self.features.text("TriggerMode").map(|mode| mode != "Off");
        self.evidence = evidence;
        match evidence.payload_now {
            Some(now) if Some(now) != evidence.payload_at_start => {
                return Diagnosis::FormatDrift { payload_bytes: now };
            }
            _ => {}
        }
        if evidence.triggered == Some(true) { Diagnosis::IdleTrigger } else { Diagnosis::Unclear }
    }
}

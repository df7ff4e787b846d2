//! Why no frame comes: the link, the exception that was posted, sizes against those at the start, what the host
//! received, the trigger.

use super::find::Link;
use super::handle::Received;
use super::open;
use super::source::Mvs;
use crate::source::{Diagnosis, Evidence};

/// What the host received since the first time-out after the last frame.
#[derive(Debug, Default)]
pub(super) struct Silence {
    first: Option<Received>,
    last: Option<Received>,
    /// How often in a row bytes had come, and no frame.
    rises: u32,
}

impl Silence {
    /// One frame may be on its way when the source is asked, but not at two times.
    const RISES_OF_DRIFT: u32 = 2;

    /// Whether nothing is known of it yet.
    pub fn is_new(&self) -> bool {
        self.first.is_none()
    }

    /// Takes note of what was received by now. Whether frames come that the host does not complete.
    pub fn is_drift(&mut self, now: Option<Received>) -> bool {
        let Some(now) = now else { return false };
        let before = self.last.replace(now).unwrap_or(now);
        self.first.get_or_insert(now);
        let rises = now.bytes > before.bytes && now.frames == before.frames;
        self.rises = if rises { self.rises + 1 } else { 0 };
        self.rises >= Self::RISES_OF_DRIFT
    }
}

impl Mvs {
    /// The first time-out after a frame: what arrives from now on brought no frame.
    #[cold]
    pub(super) fn silence_begins(&mut self) {
        let is_usb = self.camera.link == Link::Usb;
        self.silence.first = self.handle.as_mut().and_then(|h| h.received(is_usb));
    }

    /// What is known about a silence: the SDK answers `MV_E_NODATA` to all of them.
    pub(super) fn ask_about_silence(&mut self) -> Diagnosis {
        self.evidence = Evidence::default();
        let Some(handle) = self.handle.as_mut() else { return Diagnosis::Lost };
        let posted = handle.posted().lost();
        let mut evidence = Evidence {
            connected: handle.is_connected(),
            exception: posted.map(i64::from),
            payload_at_start: Some(self.started.payload as u64),
            ..Evidence::default()
        };
        if posted.is_some() || evidence.connected == Some(false) {
            self.evidence = evidence;
            return Diagnosis::Lost;
        }
        // What it would send now, against what it was started with.
        let payload = open::payload(handle).ok().map(|(payload, _)| payload as u64);
        evidence.payload_now = payload;
        let is_usb = self.camera.link == Link::Usb;
        if !is_usb {
            let unsigned = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
            evidence.packet_at_start = unsigned(self.started.packet_size);
            evidence.packet_now = unsigned(open::packet_size(handle));
        }
        evidence.triggered = handle.get_enum("TriggerMode").ok().map(|mode| mode.current != 0);
        let received = handle.received(is_usb);
        // Bytes that come while no frame does: frames of another size than the host expects.
        let drifts = self.silence.is_drift(received);
        if let (Some(first), Some(now)) = (self.silence.first, received) {
            evidence.bytes_received = u64::try_from(now.bytes - first.bytes).ok();
            evidence.frames_received = Some(u64::from(now.frames.wrapping_sub(first.frames)));
        }
        self.evidence = evidence;
        if drifts
            || evidence.payload_now.is_some_and(|now| Some(now) != evidence.payload_at_start)
            || evidence.packet_now.is_some_and(|now| Some(now) != evidence.packet_at_start)
        {
            let payload_bytes = payload.unwrap_or(self.started.payload as u64);
            return Diagnosis::FormatDrift { payload_bytes };
        }
        if evidence.triggered == Some(true) {
            return Diagnosis::IdleTrigger;
        }
        Diagnosis::Unclear
    }
}

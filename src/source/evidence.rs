//! The figures behind a [`Diagnosis`](super::Diagnosis).

use crate::words::counted;
use std::fmt;

/// What a source went by when it judged a silence. Every figure is optional: a source tells what its SDK
/// tells it, and makes nothing up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// Whether the SDK takes the device for connected (`MV_CC_IsDeviceConnected`).
    pub connected: Option<bool>,
    /// The exception that the SDK posted since the start (0x8001), as a raw code.
    pub exception: Option<i64>,
    /// Whether the device waits for a trigger (`TriggerMode`).
    pub triggered: Option<bool>,
    /// Bytes that a frame needed when acquisition started.
    pub payload_at_start: Option<u64>,
    /// Bytes that a frame needs now.
    pub payload_now: Option<u64>,
    /// Packet size in bytes when acquisition started.
    pub packet_at_start: Option<u64>,
    /// Packet size in bytes now.
    pub packet_now: Option<u64>,
    /// Bytes that arrived at the host since the first time-out after the last frame.
    pub bytes_received: Option<u64>,
    /// Frames that the SDK finished in that time.
    pub frames_received: Option<u64>,
}

impl Evidence {
    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        *self == Evidence::default()
    }
}

/// One clause: `connected, payload 3072 bytes at start and 12288 now, trigger off`.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        let mut say = |f: &mut fmt::Formatter<'_>, what: fmt::Arguments<'_>| {
            f.write_str(if std::mem::replace(&mut first, false) { "" } else { ", " })?;
            f.write_fmt(what)
        };
        match self.connected {
            Some(true) => say(f, format_args!("connected"))?,
            Some(false) => say(f, format_args!("not connected"))?,
            None => {}
        }
        if let Some(code) = self.exception {
            say(f, format_args!("exception {}", crate::fault::code_text(code)))?;
        }
        for (what, at_start, now) in [
            ("payload", self.payload_at_start, self.payload_now),
            ("packet size", self.packet_at_start, self.packet_now),
        ] {
            match (at_start, now) {
                (Some(a), Some(b)) if a == b => {
                    say(f, format_args!("{what} {a} bytes as at start"))?
                }
                (Some(a), Some(b)) => {
                    say(f, format_args!("{what} {a} bytes at start and {b} now"))?
                }
                (Some(n), None) => say(f, format_args!("{what} {n} bytes at start"))?,
                (None, Some(n)) => say(f, format_args!("{what} {n} bytes now"))?,
                (None, None) => {}
            }
        }
        if let Some(n) = self.bytes_received {
            say(f, format_args!("{} received meanwhile", counted(n, "byte")))?;
        }
        if let Some(n) = self.frames_received {
            say(f, format_args!("{} finished in the SDK", counted(n, "frame")))?;
        }
        match self.triggered {
            Some(true) => say(f, format_args!("trigger on"))?,
            Some(false) => say(f, format_args!("trigger off"))?,
            None => {}
        }
        if first {
            f.write_str("the source gives no evidence")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_reads_as_one_clause() {
        // Catches figures that are swapped, and a clause that begins or ends with a comma.
        assert_eq!(Evidence::default().to_string(), "the source gives no evidence");
        let all = Evidence {
            connected: Some(true),
            exception: Some(0x8001),
            triggered: Some(false),
            payload_at_start: Some(1),
            payload_now: Some(2),
            packet_at_start: Some(3),
            packet_now: Some(3),
            bytes_received: Some(5),
            frames_received: Some(6),
        };
        assert_eq!(
            all.to_string(),
            "connected, exception 0x00008001, payload 1 bytes at start and 2 now, packet size 3 bytes as at start, \
             5 bytes received meanwhile, 6 frames finished in the SDK, trigger off"
        );
        let some = Evidence { payload_now: Some(2), triggered: Some(true), ..Evidence::default() };
        assert_eq!(some.to_string(), "payload 2 bytes now, trigger on");
    }
}

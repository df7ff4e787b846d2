//! One event: what happened between two frames.
//!
//! ```text
//!   0  2  kind                       32  8  detail
//!   2  2  class of a fault, from 1   40  8  count
//!   4  4  zeros                      48  8  zeros
//!   8  8  comes before frame n of this file
//!  16  8  host time, ns              56  4  CRC-32C of bytes 0..56
//!  24  8  code, signed               60  4  commit word "FLOK"
//! ```

use super::{COMMIT, EVENT_BYTES, checksum, get16, get32, get64, put16, put32, put64};
use crate::clock::HostTime;
use crate::fault::FaultClass;

const BYTES: usize = EVENT_BYTES as usize;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The source answered with a fault: code, class, detail as the SDK gave it.
    Fault,
    /// A quiescent reset ended: detail is the new slot size in bytes, count the epoch that began.
    Reset,
    /// The device was lost and found again: count is the attempts it took.
    Reconnect,
    /// So many frames (count) came and could not be written.
    NotWritten,
    /// Why the frames around were kept, in a recording of events: detail is the sequence of the frame that asked for
    /// it, or 0.
    Trigger,
    /// So many frames (count) that the original had at this place could not be read, and were left out by `repair`.
    LeftOut,
    /// A kind that this version does not know.
    Other(u16),
}

impl EventKind {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Fault => "fault",
            EventKind::Reset => "reset",
            EventKind::Reconnect => "reconnect",
            EventKind::NotWritten => "not-written",
            EventKind::Trigger => "trigger",
            EventKind::LeftOut => "left-out",
            EventKind::Other(_) => "other",
        }
    }

    /// The kind of that [`name`](Self::name); `None` for others, and for `other`.
    pub fn from_name(name: &str) -> Option<EventKind> {
        (1..=6).map(EventKind::from_code).find(|kind| kind.name() == name)
    }

    fn code(self) -> u16 {
        match self {
            EventKind::Fault => 1,
            EventKind::Reset => 2,
            EventKind::Reconnect => 3,
            EventKind::NotWritten => 4,
            EventKind::Trigger => 5,
            EventKind::LeftOut => 6,
            EventKind::Other(n) => n,
        }
    }

    fn from_code(code: u16) -> EventKind {
        match code {
            1 => EventKind::Fault,
            2 => EventKind::Reset,
            3 => EventKind::Reconnect,
            4 => EventKind::NotWritten,
            5 => EventKind::Trigger,
            6 => EventKind::LeftOut,
            n => EventKind::Other(n),
        }
    }
}

/// What happened between two frames of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// What kind of thing.
    pub kind: EventKind,
    /// The frame of this file that it came before, `0..=frames`.
    pub before_frame: u64,
    /// When.
    pub host_time: HostTime,
    /// The raw code of a fault; 0 for other kinds.
    pub code: i64,
    /// What the line took the fault for; `None` for other kinds.
    pub class: Option<FaultClass>,
    /// See [`EventKind`].
    pub detail: u64,
    /// See [`EventKind`].
    pub count: u64,
}

impl Event {
    /// Its bytes, commit word included.
    pub fn encode(&self) -> [u8; BYTES] {
        let mut b = [0; BYTES];
        put16(&mut b, 0, self.kind.code());
        put16(&mut b, 2, self.class.map_or(0, |c| c as u16 + 1));
        put64(&mut b, 8, self.before_frame);
        put64(&mut b, 16, self.host_time.0);
        put64(&mut b, 24, self.code as u64);
        put64(&mut b, 32, self.detail);
        put64(&mut b, 40, self.count);
        let crc = checksum(&b[..56]);
        put32(&mut b, 56, crc);
        put32(&mut b, 60, COMMIT);
        b
    }

    /// Reads one; `None` where none was committed, or it is damaged.
    pub fn decode(b: &[u8]) -> Option<Event> {
        let b = b.get(..BYTES)?;
        if get32(b, 60) != COMMIT || get32(b, 56) != checksum(&b[..56]) {
            return None;
        }
        let class = usize::from(get16(b, 2)).checked_sub(1);
        Some(Event {
            kind: EventKind::from_code(get16(b, 0)),
            before_frame: get64(b, 8),
            host_time: HostTime(get64(b, 16)),
            code: get64(b, 24) as i64,
            class: class.and_then(|c| FaultClass::ALL.get(c).copied()),
            detail: get64(b, 32),
            count: get64(b, 40),
        })
    }
}

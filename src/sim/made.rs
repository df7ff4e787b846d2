//! A finished frame, and what the script did to it.

use super::room::NOWHERE;
use crate::clock::HostTime;
use std::time::Duration;

/// How a frame's bytes or their report are spoilt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Damage {
    None,
    Incomplete(f64),
    Short(u32),
    Long(u32),
    Lie(u32),
    Overrun(u32),
}

/// A finished frame, not yet grabbed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    pub serial: u64,
    pub due: HostTime,
    pub sheet: usize,
    pub place: u32,
    pub damage: Damage,
    pub double: bool,
    /// Grabs that time out, stall (in milliseconds) and fail before it.
    pub timeouts: u32,
    pub stall: u32,
    pub fail: Option<i64>,
}

/// What a grab answers before it gives a frame.
pub(super) enum Trouble {
    None,
    Fail(i64),
    Stall(Duration),
    Timeout,
}

impl Made {
    pub fn new(serial: u64, due: HostTime, sheet: usize) -> Made {
        Made {
            serial,
            due,
            sheet,
            place: NOWHERE,
            damage: Damage::None,
            double: false,
            timeouts: 0,
            stall: 0,
            fail: None,
        }
    }

    /// The same frame with nothing before it.
    pub fn untroubled(self) -> Made {
        Made { timeouts: 0, stall: 0, fail: None, ..self }
    }

    /// What still stands before the frame; it does so once.
    #[inline]
    pub fn trouble(&mut self) -> Trouble {
        if self.stall > 0 {
            let stall = std::mem::take(&mut self.stall);
            Trouble::Stall(Duration::from_millis(u64::from(stall)))
        } else if self.timeouts > 0 {
            self.timeouts -= 1;
            Trouble::Timeout
        } else {
            self.fail.take().map_or(Trouble::None, Trouble::Fail)
        }
    }
}

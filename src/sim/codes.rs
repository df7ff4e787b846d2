//! The simulator's fault codes: one for every class, and what each means.

use crate::fault::{CodeEntry, FaultClass};

/// No frame arrived in time.
pub const SIM_TIMEOUT: i64 = 0x1;
/// A frame arrived damaged. Only given by the script's `fail`.
pub const SIM_DAMAGED: i64 = 0x2;
/// The frame needs a larger buffer; the fault's detail says how many bytes.
pub const SIM_BUFFER_TOO_SMALL: i64 = 0x3;
/// A source that waits found no buffer queued, or all of its own lent.
pub const SIM_NO_BUFFER: i64 = 0x4;
/// The device is in use. Only given by the script's `fail`.
pub const SIM_BUSY: i64 = 0x5;
/// The device is gone.
pub const SIM_LOST: i64 = 0x6;
/// A call in a state that does not allow it.
pub const SIM_CALL_ORDER: i64 = 0x7;
/// Versions do not fit. Only given by the script's `fail`.
pub const SIM_VERSION: i64 = 0x8;
/// A code whose class nobody knows. Only given by the script's `fail`.
pub const SIM_UNKNOWN: i64 = 0x9;
/// A way of filling that the simulation was not given, or a lending pool that is not its own.
pub const SIM_WRONG_FILL: i64 = 0xA;
/// The memory to lend from, or a pattern, could not be made.
pub const SIM_NO_MEMORY: i64 = 0xB;

macro_rules! entries {
    ($($code:ident $class:ident $meaning:literal;)*) => {
        &[$(CodeEntry::new($code, stringify!($code), FaultClass::$class, $meaning)),*]
    };
}

/// The table that [`Source::codes`](crate::source::Source::codes) gives.
pub const TABLE: &[CodeEntry] = entries! {
    SIM_TIMEOUT Timeout "No frame was finished within the time-out.";
    SIM_DAMAGED DamagedFrame "A frame arrived damaged.";
    SIM_BUFFER_TOO_SMALL BufferTooSmall "The frame needs a larger buffer than the one it was given.";
    SIM_NO_BUFFER Overrun "Every buffer is out, so the next frame has no place.";
    SIM_BUSY Busy "The device is in use by another program.";
    SIM_LOST Lost "The device is gone.";
    SIM_CALL_ORDER Misuse "The call is not allowed in this state: start before grabbing, stop before starting again.";
    SIM_VERSION Incompatible "Library and device versions do not fit.";
    SIM_UNKNOWN Unknown "A code that stands for one that nobody knows.";
    SIM_WRONG_FILL Misuse "The way of filling is not among those that the parameter fill allows, or the lending pool is not this source's.";
    SIM_NO_MEMORY Misuse "The simulation's own memory could not be made; lower the region, the queue or the number of sizes in the script.";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_code_and_no_code_is_used_twice() {
        for class in FaultClass::ALL {
            assert!(TABLE.iter().any(|e| e.class == class), "{class} cannot be simulated");
        }
        for (i, e) in TABLE.iter().enumerate() {
            assert!(TABLE[..i].iter().all(|f| f.code != e.code), "{} is taken", e.name);
        }
    }
}

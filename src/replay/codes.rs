//! The fault codes of a replay: its own, and beside them those of the camera that was recorded.

use crate::fault::{CodeEntry, CodeTable, FaultClass, aravis, gentl, mvs};
use std::sync::LazyLock;

/// No frame was due within the time-out.
pub const REPLAY_TIMEOUT: i64 = 0x464C_0001;
/// A frame of the recording is damaged or was never committed; the detail says how many in a row.
pub const REPLAY_UNREADABLE: i64 = 0x464C_0002;
/// The frame needs a larger buffer; the detail says how many bytes.
pub const REPLAY_BUFFER_TOO_SMALL: i64 = 0x464C_0003;
/// The frame that comes next is still in use from the last round of a loop.
pub const REPLAY_NO_BUFFER: i64 = 0x464C_0004;
/// The file became shorter while it was replayed.
pub const REPLAY_CUT_OFF: i64 = 0x464C_0005;
/// A call in a state that does not allow it, or a lending pool that is not this source's.
pub const REPLAY_CALL_ORDER: i64 = 0x464C_0006;

const fn own(
    code: i64,
    name: &'static str,
    advice: &'static str,
    class: FaultClass,
    meaning: &'static str,
) -> CodeEntry {
    CodeEntry { advice, ..CodeEntry::new(code, name, class, meaning) }
}

/// The codes that a replay has beside those of the camera that was recorded.
pub const TABLE: &[CodeEntry] = &[
    own(
        REPLAY_TIMEOUT,
        "REPLAY_TIMEOUT",
        "nothing: at a slower pace, with step=on or without a trigger frames come later",
        FaultClass::Timeout,
        "No frame of the recording was due within the time-out.",
    ),
    own(
        REPLAY_UNREADABLE,
        "REPLAY_UNREADABLE",
        "frameline verify FILE; frameline repair makes a recording of what is good",
        FaultClass::DamagedFrame,
        "A frame of the recording is damaged or was never committed; frameline verify tells which.",
    ),
    own(
        REPLAY_BUFFER_TOO_SMALL,
        "REPLAY_BUFFER_TOO_SMALL",
        "pool.headroom, if the reset is not wanted",
        FaultClass::BufferTooSmall,
        "The frame needs a larger buffer than the one it was given.",
    ),
    own(
        REPLAY_NO_BUFFER,
        "REPLAY_NO_BUFFER",
        "which stage holds frames for a whole round; a longer recording, or fewer frames held",
        FaultClass::Overrun,
        "The frame that comes next is still in use from the round before.",
    ),
    own(
        REPLAY_CUT_OFF,
        "REPLAY_CUT_OFF",
        "that nothing shortens or replaces the file",
        FaultClass::Misuse,
        "The recording became shorter, or its disk failed, while it was replayed; frames after that hold zeros.",
    ),
    own(
        REPLAY_CALL_ORDER,
        "REPLAY_CALL_ORDER",
        "the program that uses the source: start it once, lend from its own pool",
        FaultClass::Misuse,
        "The call is not allowed in this state, or the lending pool is not this source's.",
    ),
];

/// The codes of a recording whose faults are those of the SDK `of`.
pub(super) fn table(of: &str) -> CodeTable {
    /// Both together, made once for each SDK.
    macro_rules! with {
        ($theirs:expr) => {{
            static ALL: LazyLock<Vec<CodeEntry>> =
                LazyLock::new(|| TABLE.iter().chain($theirs.iter()).copied().collect());
            CodeTable::new(&ALL)
        }};
    }
    match of {
        "sim" => with!(crate::sim::codes::TABLE),
        "mvs" => with!(mvs::TABLE),
        "gentl" => with!(gentl::TABLE),
        "aravis" => with!(aravis::TABLE),
        _ => CodeTable::new(TABLE),
    }
}

//! Recordings as a source: a line runs on a recording as if the camera were there.
//!
//! Frames are lent from a private mapping of the file, never copied; a stage that writes to one writes to a copy of
//! its pages that goes when the frame is given back. The recorded losses come again as gaps in frame ids and as
//! underruns, the recorded faults as faults, the recorded changes of format as changes of format; so that what the line
//! did that night it does again.
//!
//! What a line makes of a frame's times: the device time is the recorded one; the host time is that of the replay.
//!
//! A file that becomes shorter while it is mapped ends the run with a fault, not the process with SIGBUS: see
//! `guard`.

mod ahead;
mod codes;
mod guard;
mod map;
mod past;
mod source;
mod uri;

pub use codes::{
    REPLAY_BUFFER_TOO_SMALL, REPLAY_CALL_ORDER, REPLAY_CUT_OFF, REPLAY_NO_BUFFER, REPLAY_TIMEOUT,
    REPLAY_UNREADABLE, TABLE,
};
pub use source::Replay;
pub use uri::{PARAMETERS, Rate, ReplayConfig};

//! What Aravis says of a buffer (`ArvBufferStatus`). Its calls fail with texts, not with numbers.

use super::table::{CodeEntry, entries};

/// Sorted by number.
pub const TABLE: &[CodeEntry] = entries! {
    -1 ARV_BUFFER_STATUS_UNKNOWN Unknown ""
        "Nobody knows what became of the buffer."
        "the version of Aravis";
    1 ARV_BUFFER_STATUS_CLEARED DamagedFrame ""
        "The buffer was cleared and holds no frame."
        "whether the stream was stopped while it was out";
    2 ARV_BUFFER_STATUS_TIMEOUT DamagedFrame ""
        "The frame began to come, but not all of it came in time."
        "lost packets: packet size, socket buffer, switch (frameline doctor)";
    3 ARV_BUFFER_STATUS_MISSING_PACKETS DamagedFrame ""
        "Packets of the frame are missing."
        "packet size and jumbo frames, socket buffer, the switch (frameline doctor)";
    4 ARV_BUFFER_STATUS_WRONG_PACKET_ID DamagedFrame ""
        "A packet had a number that the frame does not have."
        "lost packets; two programs that stream from one camera";
    5 ARV_BUFFER_STATUS_SIZE_MISMATCH BufferTooSmall ""
        "The frame did not fit into the buffer."
        "whether region, format or chunk data grew; pool.headroom saves the reset";
    6 ARV_BUFFER_STATUS_FILLING Misuse ""
        "The buffer is still being filled."
        "report it: a buffer is used only after its delivery";
    7 ARV_BUFFER_STATUS_ABORTED DamagedFrame ""
        "Filling was broken off because the stream stopped."
        "nothing while the line stops or resets";
    8 ARV_BUFFER_STATUS_PAYLOAD_NOT_SUPPORTED Incompatible ""
        "The camera sends a kind of payload that Aravis does not know."
        "the camera's payload settings (chunks, multi-part, GenDC); the version of Aravis";
};

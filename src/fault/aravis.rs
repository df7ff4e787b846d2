//! What Aravis says of a buffer (`ArvBufferStatus`), and the errors that its calls fail with.
//!
//! An error of GLib is a domain and a number. As one code the domain lies above 16 bits: 1 is `ArvDeviceError`, 2 is
//! `ArvGcError`, 3 is what no number of Aravis says (nothing came, control was lost).

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
    0x10000 ARV_DEVICE_ERROR_WRONG_FEATURE Misuse ""
        "The feature is of another kind than it was asked as."
        "the feature that was set last, in the camera's description";
    0x10001 ARV_DEVICE_ERROR_FEATURE_NOT_FOUND Misuse ""
        "The camera has no feature of that name."
        "spelling; names are GenICam's, arv-tool features lists them";
    0x10002 ARV_DEVICE_ERROR_NOT_CONNECTED Lost ""
        "The device is not connected."
        "cable, power, switch or hub";
    0x10003 ARV_DEVICE_ERROR_PROTOCOL_ERROR Unknown ""
        "The device refuses what was asked, for a reason that has no number of its own."
        "the feature that was set last, and whether it is locked just now; the camera's firmware";
    0x10004 ARV_DEVICE_ERROR_TRANSFER_ERROR Lost ""
        "Talking to the device failed."
        "cable, power, switch or hub";
    0x10005 ARV_DEVICE_ERROR_TIMEOUT Lost ""
        "The device did not answer on its control channel."
        "cable, power, firewall; whether another program took control";
    0x10006 ARV_DEVICE_ERROR_NOT_FOUND Lost ""
        "There is no such device."
        "frameline devices lists those that are seen; cable, power, the host port's subnet";
    0x10007 ARV_DEVICE_ERROR_INVALID_PARAMETER Misuse ""
        "An argument of the call is wrong."
        "the feature or option that was set last, and its range";
    0x10008 ARV_DEVICE_ERROR_GENICAM_NOT_FOUND Incompatible ""
        "The camera has no description of its features that could be read."
        "the camera's firmware; the version of Aravis";
    0x10009 ARV_DEVICE_ERROR_NO_STREAM_CHANNEL Incompatible ""
        "The camera has no stream channel."
        "whether it is a camera";
    0x1000A ARV_DEVICE_ERROR_NOT_CONTROLLER Busy ""
        "Another program controls the camera."
        "close the other program; after a crash the camera is free when its heartbeat lapses";
    0x1000B ARV_DEVICE_ERROR_UNKNOWN Unknown ""
        "A fault without more."
        "what Aravis wrote to the terminal; ARV_DEBUG=all makes it say more";
    0x1000C ARV_DEVICE_ERROR_PROTOCOL_ERROR_NOT_IMPLEMENTED Incompatible ""
        "The camera does not have the command."
        "the option that asks for it";
    0x1000D ARV_DEVICE_ERROR_PROTOCOL_ERROR_INVALID_PARAMETER Misuse ""
        "The camera does not take the value."
        "the feature or option that was set last, and its range";
    0x1000E ARV_DEVICE_ERROR_PROTOCOL_ERROR_INVALID_ADDRESS Misuse ""
        "The camera has nothing at that address."
        "whether the camera's description belongs to its firmware";
    0x1000F ARV_DEVICE_ERROR_PROTOCOL_ERROR_WRITE_PROTECT Misuse ""
        "The camera does not let that be written."
        "whether the feature is locked while grabbing, or by another feature";
    0x10010 ARV_DEVICE_ERROR_PROTOCOL_ERROR_BAD_ALIGNMENT Misuse ""
        "The address or length is no multiple of four."
        "whether the camera's description belongs to its firmware";
    0x10011 ARV_DEVICE_ERROR_PROTOCOL_ERROR_ACCESS_DENIED Busy ""
        "Another program controls the camera."
        "close the other program; after a crash the camera is free when its heartbeat lapses";
    0x10012 ARV_DEVICE_ERROR_PROTOCOL_ERROR_BUSY Busy ""
        "The camera is busy."
        "whether it is starting; another program";
    0x20000 ARV_GC_ERROR_PROPERTY_NOT_DEFINED Misuse ""
        "The feature's description lacks a property."
        "the camera's firmware; the version of Aravis";
    0x20001 ARV_GC_ERROR_PVALUE_NOT_DEFINED Misuse ""
        "The feature's description leads to no value."
        "the camera's firmware; the version of Aravis";
    0x20002 ARV_GC_ERROR_INVALID_PVALUE Misuse ""
        "The feature's description leads to a value of the wrong kind."
        "the camera's firmware; the version of Aravis";
    0x20003 ARV_GC_ERROR_EMPTY_ENUMERATION Misuse ""
        "The feature has no entry to choose."
        "whether another feature makes it so";
    0x20004 ARV_GC_ERROR_OUT_OF_RANGE Misuse ""
        "The value is outside the feature's range."
        "the range that the sentence tells";
    0x20005 ARV_GC_ERROR_NO_DEVICE_SET Misuse ""
        "The description belongs to no device."
        "report it";
    0x20006 ARV_GC_ERROR_NO_EVENT_IMPLEMENTATION Misuse ""
        "Events are not supported."
        "the feature that was set last";
    0x20007 ARV_GC_ERROR_NODE_NOT_FOUND Misuse ""
        "The camera has no feature of that name."
        "spelling; names are GenICam's, arv-tool features lists them";
    0x20008 ARV_GC_ERROR_ENUM_ENTRY_NOT_FOUND Misuse ""
        "The feature has no entry of that name."
        "the entries that the sentence tells";
    0x20009 ARV_GC_ERROR_INVALID_LENGTH Misuse ""
        "The value is longer than its place."
        "the feature that was set last";
    0x2000A ARV_GC_ERROR_READ_ONLY Misuse ""
        "The feature cannot be written, now or ever."
        "whether it is locked while grabbing, or by another feature";
    0x2000B ARV_GC_ERROR_SET_FROM_STRING_UNDEFINED Misuse ""
        "The feature takes no text."
        "what kind of value it has";
    0x2000C ARV_GC_ERROR_GET_AS_STRING_UNDEFINED Misuse ""
        "The feature gives no text."
        "what kind of value it has";
    0x2000D ARV_GC_ERROR_INVALID_BIT_RANGE Misuse ""
        "The feature's description names bits that are not there."
        "the camera's firmware; the version of Aravis";
    0x2000E ARV_GC_ERROR_INVALID_SYNTAX Misuse ""
        "A formula of the camera's description cannot be read."
        "the camera's firmware; the version of Aravis";
    0x30001 ARV_NO_BUFFER Timeout ""
        "No frame came within the time-out (arv_stream_timeout_pop_buffer gave none)."
        "whether the camera waits for a trigger, or is unplugged: the line asks it after several";
    0x30002 ARV_CONTROL_LOST Lost ""
        "Aravis lost control of the camera (the signal control-lost): it does not answer its heartbeat any more."
        "cable, power, switch; a host so loaded that the heartbeat lapsed; another program that took control";
    0x30003 ARV_CALL_ORDER Misuse ""
        "A frame was asked for while no stream runs, or a stream was started twice."
        "report it: a source is started, once, before it is asked";
    0x30004 ARV_OTHER_ERROR Lost ""
        "A system call of Aravis failed; the log has its sentence."
        "the network adapter's address and state; permissions of the USB device";
    0x30005 ARV_PRIORITY_REFUSED Misuse ""
        "The system refused the priority of stream_priority; the stream's thread runs on without."
        "run with CAP_SYS_NICE, or leave stream_priority out (frameline doctor)";
    0x30006 ARV_STREAM_STAYS Misuse ""
        "The stream's thread did not end; its buffers are never used again."
        "the version of Aravis; report it with the log";
    0x30007 ARV_BAD_CHUNKS DamagedFrame ""
        "The chunks behind an image are no list of chunks; the frame is delivered without them."
        "the camera's chunk features, and whether its frames come whole";
    0x30008 ARV_DEVICE_ERROR_STREAM_ERROR Lost ""
        "The stream could not be set up (10 of the device errors of Aravis 0.9 and later)."
        "socket, buffer and packet options; permissions; the log has Aravis's sentence";
};

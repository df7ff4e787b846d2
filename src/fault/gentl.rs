//! The codes of GenICam's GenTL interface, versions 1.5 and 1.6. From -10000 down they are a vendor's own.

use super::table::{CodeEntry, entries};

/// Codes at or below this are a vendor's own; its producer's documentation has them.
pub const VENDOR_CODES: i64 = -10_000;

/// Sorted by number: the last error first.
pub const TABLE: &[CodeEntry] = entries! {
    -1023 GC_ERR_AMBIGUOUS Misuse ""
        "The name fits more than one thing."
        "give the device's full identifier or its serial number";
    -1022 GC_ERR_BUSY Busy ""
        "The module is busy; buffers are not announced or revoked while acquisition runs."
        "which other program uses the device; whether acquisition was stopped first";
    -1021 GC_ERR_OUT_OF_MEMORY Misuse ""
        "The producer could not get memory."
        "free memory; pool.slots and the size of the region";
    -1020 GC_ERR_RESOURCE_EXHAUSTED Overrun ""
        "The producer has no resource left."
        "who holds frames (held in the report); more slots, or a lower rate";
    -1019 GC_ERR_INVALID_VALUE Misuse ""
        "A value is not allowed."
        "the feature or option that was set last, and its range";
    -1018 GC_ERR_PARSING_CHUNK_DATA DamagedFrame ""
        "The chunk data of a frame cannot be read."
        "lost packets; which chunks the camera sends";
    -1017 GC_ERR_INVALID_INDEX Misuse ""
        "There is nothing of that number."
        "the index of interface, device or stream";
    -1016 GC_ERR_BUFFER_TOO_SMALL BufferTooSmall ""
        "A buffer is smaller than what goes into it."
        "whether region, format or chunk data grew; pool.headroom saves the reset";
    -1015 GC_ERR_INVALID_ADDRESS Misuse ""
        "The device has nothing at that address."
        "whether the camera's description file belongs to its firmware";
    -1014 GC_ERR_NOT_AVAILABLE Misuse ""
        "What was asked for is not there, or not now."
        "the feature or option that was asked for; the producer's version";
    -1013 GC_ERR_INVALID_BUFFER Misuse ""
        "The buffer is not announced, or too few are."
        "pool.slots: the producer wants a least number of announced buffers";
    -1012 GC_ERR_ABORT Timeout ""
        "A wait was ended from outside."
        "nothing while the line stops; else who ends waits on this device";
    -1011 GC_ERR_TIMEOUT Timeout ""
        "No frame came within the time-out."
        "whether the camera waits for a trigger, is unplugged, or had its region changed while grabbing: the line asks it after several";
    -1010 GC_ERR_IO Lost ""
        "Talking to the device failed."
        "cable, power, switch or hub";
    -1009 GC_ERR_INVALID_PARAMETER Misuse ""
        "An argument of the call is wrong."
        "the feature or option that was set last, and its range";
    -1008 GC_ERR_NO_DATA Timeout ""
        "There is no data yet."
        "whether the camera sends: trigger, acquisition mode, frame rate";
    -1007 GC_ERR_INVALID_ID Misuse ""
        "There is nothing of that identifier."
        "spelling of the device's identifier; frameline devices lists them";
    -1006 GC_ERR_INVALID_HANDLE Lost ""
        "The handle is wrong or was closed."
        "whether the device was closed elsewhere; at start, whether it was opened at all";
    -1005 GC_ERR_ACCESS_DENIED Busy ""
        "Another program controls the device."
        "close the other program; after a crash the device is free when its heartbeat lapses";
    -1004 GC_ERR_RESOURCE_IN_USE Busy ""
        "The resource is in use, or was opened already."
        "which other program has it open; whether the producer was loaded twice";
    -1003 GC_ERR_NOT_IMPLEMENTED Incompatible ""
        "The producer does not have the function."
        "the producer's version; the option that asks for it";
    -1002 GC_ERR_NOT_INITIALIZED Misuse ""
        "The producer was not initialised."
        "whether another part of the program closed the producer";
    -1001 GC_ERR_ERROR Unknown ""
        "A fault without more."
        "the producer's last error text in the log; its own log";
};

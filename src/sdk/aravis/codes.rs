//! The codes that this source acts on; the whole table is `fault::aravis`.

use crate::fault::aravis::TABLE;
use crate::fault::{CodeTable, FaultClass, code_text};

/// A code as the table has it.
pub(super) type Code = u32;

pub(super) const SUCCESS: i32 = 0;
pub(super) const TIMEOUT: i32 = 2;
pub(super) const MISSING_PACKETS: i32 = 3;
pub(super) const WRONG_PACKET_ID: i32 = 4;
pub(super) const SIZE_MISMATCH: i32 = 5;
pub(super) const ABORTED: i32 = 7;
pub(super) const PAYLOAD_NOT_SUPPORTED: i32 = 8;

/// Above 16 bits of the code of an `ArvDeviceError`.
pub(super) const DEVICE_ERROR: Code = 0x10000;
/// Above 16 bits of the code of an `ArvGcError`.
pub(super) const GC_ERROR: Code = 0x20000;

pub(super) const NOT_FOUND: Code = DEVICE_ERROR + 6;
pub(super) const NOT_CONTROLLER: Code = DEVICE_ERROR + 10;
pub(super) const OUT_OF_RANGE: Code = GC_ERROR + 4;
pub(super) const NODE_NOT_FOUND: Code = GC_ERROR + 7;
pub(super) const NO_BUFFER: Code = 0x30001;
pub(super) const CONTROL_LOST: Code = 0x30002;
pub(super) const CALL_ORDER: Code = 0x30003;
pub(super) const OTHER_ERROR: Code = 0x30004;
pub(super) const PRIORITY_REFUSED: Code = 0x30005;
pub(super) const STREAM_STAYS: Code = 0x30006;
pub(super) const BAD_CHUNKS: Code = 0x30007;
pub(super) const STREAM_ERROR: Code = 0x30008;

pub(super) fn table() -> CodeTable {
    CodeTable::new(TABLE)
}

/// Whether a code says that the camera cannot be reached. One that is busy has answered.
pub(super) fn is_loss(code: Code) -> bool {
    matches!(table().classify(i64::from(code)), FaultClass::Lost | FaultClass::Timeout)
}

/// Whether it may be otherwise soon: the camera cannot be reached, or somebody else has it.
pub(super) fn may_pass(code: Code) -> bool {
    is_loss(code) || table().classify(i64::from(code)) == FaultClass::Busy
}

/// A code as sentences tell it: `0x00010005 ARV_DEVICE_ERROR_TIMEOUT`.
pub(super) fn named(code: Code) -> String {
    format!("{} {}", code_text(i64::from(code)), table().name(i64::from(code)))
}

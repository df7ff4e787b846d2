//! Codes of GenTL that the source itself acts on. What each means, and its class, stands in
//! [`crate::fault::gentl`].

use crate::fault::{CodeTable, Fault, gentl};

/// What a call answers when it is not success.
pub(super) type Code = i32;

pub(super) const GC_ERR_NOT_INITIALIZED: Code = -1002;
pub(super) const GC_ERR_NOT_IMPLEMENTED: Code = -1003;
pub(super) const GC_ERR_RESOURCE_IN_USE: Code = -1004;
pub(super) const GC_ERR_ACCESS_DENIED: Code = -1005;
pub(super) const GC_ERR_INVALID_HANDLE: Code = -1006;
pub(super) const GC_ERR_INVALID_PARAMETER: Code = -1009;
pub(super) const GC_ERR_NO_DATA: Code = -1008;
pub(super) const GC_ERR_IO: Code = -1010;
pub(super) const GC_ERR_TIMEOUT: Code = -1011;
pub(super) const GC_ERR_INVALID_BUFFER: Code = -1013;
pub(super) const GC_ERR_NOT_AVAILABLE: Code = -1014;
pub(super) const GC_ERR_BUFFER_TOO_SMALL: Code = -1016;
pub(super) const GC_ERR_BUSY: Code = -1022;

/// The table that [`Source::codes`](crate::source::Source::codes) gives.
pub(super) fn table() -> CodeTable {
    CodeTable::new(gentl::TABLE)
}

/// A code as sentences name it: `-1011 GC_ERR_TIMEOUT`.
pub(super) fn named(code: Code) -> String {
    if i64::from(code) <= gentl::VENDOR_CODES {
        return format!("{code} (the maker's own)");
    }
    format!("{code} {}", table().name(i64::from(code)))
}

pub(super) fn fault(code: Code) -> Fault {
    Fault::code(i64::from(code))
}

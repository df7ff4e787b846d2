//! Codes of the MVS library that the source itself acts on. What each means, and its class, stands in
//! [`crate::fault::mvs`].

use crate::fault::{CodeTable, mvs};

pub(super) const MV_OK: u32 = 0;
pub(super) const MV_E_HANDLE: u32 = 0x8000_0000;
pub(super) const MV_E_SUPPORT: u32 = 0x8000_0001;
pub(super) const MV_E_CALLORDER: u32 = 0x8000_0003;
pub(super) const MV_E_PARAMETER: u32 = 0x8000_0004;
pub(super) const MV_E_RESOURCE: u32 = 0x8000_0006;
pub(super) const MV_E_NODATA: u32 = 0x8000_0007;
pub(super) const MV_E_NOENOUGH_BUF: u32 = 0x8000_000A;
pub(super) const MV_E_DEV_OFFLINE: u32 = 0x8000_0020;
pub(super) const MV_E_RESOURCE_IN_USE: u32 = 0x8000_0028;
pub(super) const MV_E_GC_GENERIC: u32 = 0x8000_0100;
pub(super) const MV_E_GC_ACCESS: u32 = 0x8000_0106;
pub(super) const MV_E_ACCESS_DENIED: u32 = 0x8000_0203;
pub(super) const MV_E_NETER: u32 = 0x8000_0206;

/// The table that [`Source::codes`](crate::source::Source::codes) gives.
pub(super) fn table() -> CodeTable {
    CodeTable::new(mvs::TABLE)
}

/// A code as sentences name it: `0x80000007 MV_E_NODATA`.
pub(super) fn named(code: u32) -> String {
    format!("0x{code:08X} {}", table().name(i64::from(code)))
}

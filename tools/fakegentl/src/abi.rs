//! Types and numbers of GenTL 1.6, as far as this producer has them.
#![allow(missing_docs)] // The standard's names.

use std::ffi::c_void;

pub type GcError = i32;
pub type Handle = *mut c_void;

pub const SUCCESS: GcError = 0;
pub const ERROR: GcError = -1001;
pub const NOT_INITIALIZED: GcError = -1002;
pub const NOT_IMPLEMENTED: GcError = -1003;
pub const RESOURCE_IN_USE: GcError = -1004;
pub const ACCESS_DENIED: GcError = -1005;
pub const INVALID_HANDLE: GcError = -1006;
pub const INVALID_ID: GcError = -1007;
pub const NO_DATA: GcError = -1008;
pub const INVALID_PARAMETER: GcError = -1009;
pub const IO: GcError = -1010;
pub const TIMEOUT: GcError = -1011;
pub const ABORT: GcError = -1012;
pub const INVALID_BUFFER: GcError = -1013;
pub const NOT_AVAILABLE: GcError = -1014;
pub const INVALID_ADDRESS: GcError = -1015;
pub const BUFFER_TOO_SMALL: GcError = -1016;
pub const INVALID_INDEX: GcError = -1017;
pub const INVALID_VALUE: GcError = -1019;
pub const BUSY: GcError = -1022;

pub const STRING: i32 = 1;
pub const INT32: i32 = 5;
pub const UINT32: i32 = 6;
pub const UINT64: i32 = 8;
pub const PTR: i32 = 10;
pub const BOOL8: i32 = 11;
pub const SIZET: i32 = 12;

/// `EVENT_NEW_BUFFER_DATA`.
#[repr(C, packed)]
pub struct NewBuffer {
    pub buffer: Handle,
    pub user: *mut c_void,
}

/// `SINGLE_CHUNK_DATA`.
#[repr(C, packed)]
pub struct Chunk {
    pub id: u64,
    pub offset: isize,
    pub bytes: usize,
}

/// `DS_BUFFER_INFO_STACKED`.
#[repr(C, packed)]
pub struct StackedInfo {
    pub command: i32,
    pub kind: i32,
    pub value: *mut c_void,
    pub bytes: usize,
    pub result: GcError,
}

/// A value that an info function gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    I32(i32),
    U32(u32),
    U64(u64),
    Size(usize),
    Ptr(usize),
    Bool(bool),
}

impl Value {
    fn bytes(&self) -> (i32, Vec<u8>) {
        match self {
            Value::Text(t) => (STRING, [t.as_bytes(), &[0]].concat()),
            Value::I32(v) => (INT32, v.to_ne_bytes().to_vec()),
            Value::U32(v) => (UINT32, v.to_ne_bytes().to_vec()),
            Value::U64(v) => (UINT64, v.to_ne_bytes().to_vec()),
            Value::Size(v) => (SIZET, v.to_ne_bytes().to_vec()),
            Value::Ptr(v) => (PTR, v.to_ne_bytes().to_vec()),
            Value::Bool(v) => (BOOL8, vec![u8::from(*v)]),
        }
    }
}

/// Writes what was asked for, as GenTL's two-call convention has it.
///
/// # Safety
/// `kind` is null or writable; `size` is writable; `to` is null or has room for `*size` bytes.
pub unsafe fn give(
    value: Result<Value, GcError>,
    kind: *mut i32,
    to: *mut c_void,
    size: *mut usize,
) -> GcError {
    let value = match value {
        Ok(value) => value,
        Err(code) => return code,
    };
    if size.is_null() {
        return INVALID_PARAMETER;
    }
    let (its_kind, bytes) = value.bytes();
    // SAFETY: the caller's promise.
    unsafe {
        if !kind.is_null() {
            kind.write(its_kind);
        }
        if to.is_null() {
            size.write_unaligned(bytes.len());
            return SUCCESS;
        }
        if size.read_unaligned() < bytes.len() {
            return BUFFER_TOO_SMALL;
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.cast(), bytes.len());
        size.write_unaligned(bytes.len());
    }
    SUCCESS
}

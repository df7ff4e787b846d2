//! C types of Aravis, GObject and GLib, and the numbers that are passed to them.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// An object of GObject: camera, device, stream, buffer, node.
pub(super) type Object = *mut c_void;
/// `gboolean`.
pub(super) type Bool = c_int;
/// `GType`, as wide as a pointer.
pub(super) type GType = usize;

/// Why a call failed; freed by `g_error_free`.
#[repr(C)]
pub(super) struct GError {
    /// A quark: which kind of numbers `code` is one of.
    pub domain: c_uint,
    pub code: c_int,
    pub message: *mut c_char,
}

const _: () = {
    assert!(std::mem::offset_of!(GError, code) == 4);
    assert!(std::mem::offset_of!(GError, message) == 8);
    assert!(size_of::<GError>() == 8 + size_of::<*mut c_char>());
};

pub(super) type Failed = *mut *mut GError;

/// What is called by the stream's thread: user word, kind, buffer.
pub(super) type OnStream = unsafe extern "C" fn(*mut c_void, c_int, Object);
/// What is called when a signal is emitted: the object, user word.
pub(super) type OnSignal = unsafe extern "C" fn(Object, *mut c_void);

/// `ARV_STREAM_CALLBACK_TYPE_INIT`: the thread begins.
pub(super) const THREAD_BEGINS: c_int = 0;
/// `ARV_STREAM_CALLBACK_TYPE_EXIT`: the thread ends.
pub(super) const THREAD_ENDS: c_int = 1;

/// `ARV_BUFFER_PAYLOAD_TYPE_IMAGE`.
pub(super) const PAYLOAD_IMAGE: c_int = 1;
/// `ARV_BUFFER_PAYLOAD_TYPE_EXTENDED_CHUNK_DATA`: an image, and chunks behind it.
pub(super) const PAYLOAD_IMAGE_AND_CHUNKS: c_int = 5;
/// `ARV_BUFFER_PAYLOAD_TYPE_MULTIPART`.
pub(super) const PAYLOAD_PARTS: c_int = 10;
/// From `ARV_BUFFER_PART_DATA_TYPE_2D_IMAGE` to `..._CONFIDENCE_MAP`, which are GenTL's numbers, too: parts that have
/// a width, a height and a format.
pub(super) const IMAGE_PARTS: std::ops::RangeInclusive<u16> = 1..=9;

/// `G_TYPE_UINT64`.
pub(super) const TYPE_UINT64: GType = 11 << 2;

/// `ARV_GV_STREAM_OPTION_PACKET_SOCKET_DISABLED`.
pub(super) const NO_PACKET_SOCKET: c_int = 1;
/// `ARV_GV_PACKET_SIZE_ADJUSTMENT_NEVER`.
pub(super) const PACKET_SIZE_STAYS: c_int = 0;
/// `ARV_GV_PACKET_SIZE_ADJUSTMENT_ONCE`.
pub(super) const PACKET_SIZE_ONCE: c_int = 3;
/// `ARV_GV_STREAM_SOCKET_BUFFER_FIXED`.
pub(super) const SOCKET_BUFFER_FIXED: c_int = 0;
/// `ARV_RANGE_CHECK_POLICY_ENABLE`.
pub(super) const RANGE_CHECK: c_int = 1;

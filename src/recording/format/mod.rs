//! The layout of a `.flr` file, byte by byte: encoded and decoded without any input or output.
//!
//! Everything is little endian. One file is one *segment*; a recording is one segment or several
//! (`NAME.flr`, `NAME.0001.flr`, ...).
//!
//! ```text
//! offset            bytes
//! 0                 16384     header: fixed fields, closing record, texts         (header.rs)
//!   0                 256       fixed fields, CRC-32C at 252
//!   2048               64       closing record: zeros while the file is being written
//!   4096            12288       texts: source URI, features, host facts; CRC-32C of all before the last 4 bytes
//! 16384             64 x E    events: faults, resets, what was not written         (event.rs)
//! index_offset      128 x N   index: one entry a frame, all that is known of it    (entry.rs)
//! data_offset       S x N     payloads: that of frame n begins at data_offset + n x S
//! ```
//!
//! E, N and S (the *stride*) are fixed when the file is made, so that frame n is an address. `index_offset`,
//! `data_offset` and S are multiples of 4096: payloads can be written by direct I/O and mapped. Of a payload's S
//! bytes as many are valid as its entry says; what follows is the table of its parts if it has some (parts.rs), else
//! undefined.
//!
//! Order of writing: the header; then for each frame its payload, and after that its entry, in the order of the
//! frames. The last word of an entry is its commit word: a frame is there when its entry has it and the entry's CRC is
//! right. The closing record comes last; a file without one is being written, or its writer was killed, and holds
//! whatever is committed.

mod entry;
mod event;
mod header;
pub(crate) mod parts;

pub use entry::{Entry, EntryFault};
pub use event::{Event, EventKind};
pub use header::{Closing, End, Header, Layout, Texts, WallClock};

use std::fmt;

/// The first eight bytes of every file.
pub const MAGIC: [u8; 8] = *b"FLRECORD";
/// Version of the layout; a reader refuses a higher major one.
pub const MAJOR: u16 = 1;
/// Raised when fields are added that a reader may ignore.
///
/// 1: chunk data in the entry, and the table of parts behind the payload.
pub const MINOR: u16 = 1;
/// What payloads, index and header begin at multiples of.
pub const PAGE_BYTES: u64 = 4096;
/// The header with closing record and texts.
pub const HEADER_BYTES: u64 = 16384;
/// The fixed fields of the header.
pub const FIXED_BYTES: usize = 256;
/// Where the closing record lies.
pub const CLOSING_OFFSET: u64 = 2048;
/// The closing record.
pub const CLOSING_BYTES: usize = 64;
/// Where the texts lie.
pub const TEXTS_OFFSET: u64 = 4096;
/// Room for all texts, their CRC included.
pub const TEXTS_BYTES: usize = 12288;
/// One event.
pub const EVENT_BYTES: u64 = 64;
/// One entry of the index.
pub const ENTRY_BYTES: u64 = 128;
/// The last word of what is committed: "FLOK".
pub const COMMIT: u32 = u32::from_le_bytes(*b"FLOK");

/// The largest payload that a file may say it has room for: 1 TiB.
pub const MAX_PAYLOAD_BYTES: u64 = 1 << 40;
/// The most frames that one file may say it has room for.
pub const MAX_FRAMES: u64 = 1 << 32;
/// The most events that one file may say it has room for.
pub const MAX_EVENTS: u64 = 1 << 20;

/// Why bytes are no recording, or no recording that this version reads. Told as a sentence that follows the
/// file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// The file ends within the header.
    Short {
        /// Bytes that it has.
        bytes: u64,
    },
    /// It does not begin with [`MAGIC`].
    NotARecording,
    /// It holds nothing but zeros: room that was reserved, and in which nothing was committed.
    Reserved {
        /// Bytes that it has.
        bytes: u64,
        /// Whether a writer has it, which writes the header next.
        being_written: bool,
    },
    /// A later version wrote it.
    Version {
        /// Its major version.
        major: u16,
        /// Its minor version.
        minor: u16,
    },
    /// A checksum does not fit what it covers.
    Checksum {
        /// What it covers.
        of: &'static str,
        /// As the file has it.
        stored: u32,
        /// As it should be.
        computed: u32,
    },
    /// A field that no writer writes.
    Field {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: u64,
        /// What it must be.
        expected: &'static str,
    },
    /// The file is shorter than its header, events and index.
    NoIndex {
        /// Bytes that it has.
        bytes: u64,
        /// Bytes that the header asks for before the first payload.
        needed: u64,
    },
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Short { bytes } => write!(
                f,
                "has {bytes} bytes, fewer than the {HEADER_BYTES} of a recording's header; it was cut off or is something else"
            ),
            Broken::NotARecording => {
                f.write_str("is no recording: it does not begin with FLRECORD")
            }
            Broken::Reserved { bytes, being_written: true } => {
                write!(
                    f,
                    "is being made: its {bytes} bytes are reserved, and no frame is committed yet; look again"
                )
            }
            Broken::Reserved { bytes, being_written: false } => write!(
                f,
                "holds nothing but zeros: its {bytes} bytes were reserved, and nothing was committed in it before its writer ended; remove it"
            ),
            Broken::Version { major, minor } => write!(
                f,
                "has version {major}.{minor} of the format; this frameline reads up to {MAJOR}.x, a later one is needed"
            ),
            Broken::Checksum { of, stored, computed } => write!(
                f,
                "is damaged: the checksum of its {of} is 0x{stored:08X} and should be 0x{computed:08X}"
            ),
            Broken::Field { name, value, expected } => {
                write!(f, "is damaged: {name} in its header is {value} and must be {expected}")
            }
            Broken::NoIndex { bytes, needed } => write!(
                f,
                "was cut off at {bytes} bytes, before its first frame, which begins at {needed}"
            ),
        }
    }
}

impl std::error::Error for Broken {}

/// The next multiple of [`PAGE_BYTES`]; `None` where there is none.
pub fn round_up_to_page(bytes: u64) -> Option<u64> {
    bytes.checked_add(PAGE_BYTES - 1).map(|b| b / PAGE_BYTES * PAGE_BYTES)
}

/// The checksum of the format: CRC-32C (Castagnoli), by the processor's own instruction where it has one.
///
/// # Real-time
/// Any thread. No allocation, no lock, no system call; reads every byte.
pub fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// Little-endian fields of a fixed record. Offsets are the format's own constants.
fn put16(b: &mut [u8], at: usize, v: u16) {
    b[at..at + 2].copy_from_slice(&v.to_le_bytes());
}

fn put32(b: &mut [u8], at: usize, v: u32) {
    b[at..at + 4].copy_from_slice(&v.to_le_bytes());
}

fn put64(b: &mut [u8], at: usize, v: u64) {
    b[at..at + 8].copy_from_slice(&v.to_le_bytes());
}

fn get16(b: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([b[at], b[at + 1]])
}

fn get32(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

fn get64(b: &[u8], at: usize) -> u64 {
    u64::from(get32(b, at)) | u64::from(get32(b, at + 4)) << 32
}

#[cfg(test)]
mod tests;

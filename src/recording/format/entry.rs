//! One entry of the index: all that is known of one frame.
//!
//! ```text
//!   0  8  frame id                  52  4  epoch
//!   8  8  sequence                  56  4  width                 all of it as in `FrameMeta`
//!  16  8  device time, ns; 0: none  60  4  height
//!  24  8  host time, ns             64  4  stride of a row
//!  32  4  lost before, in device    68  4  offset_x
//!  36  4  lost before, underrun     72  4  offset_y
//!  40  4  lost before, rejected     76  4  x_padding
//!  44  4  lost before, by hops      80  4  PFNC code
//!  48  4  lost before, not written  84  1  status: 0 complete, 1 incomplete
//!                                   85  1  flags: 1 = out of order    86  2  zeros
//!  88  8  payload bytes             96  4  CRC-32C of the payload
//! 100  8  chunk data: offset in the payload   108  8  its bytes; 0: none
//! 116  4  parts of the payload; 0: it is not of parts. They are told behind it (parts.rs)
//! 120  4  CRC-32C of bytes 0..120  124  4  commit word "FLOK"
//! ```

use super::{COMMIT, ENTRY_BYTES, Layout, checksum, get32, get64, parts, put32, put64};
use crate::clock::{DeviceTime, HostTime};
use crate::format::PixelFormat;
use crate::meta::{Beside, Extent, FrameMeta, FrameStatus, Loss};
use std::fmt;

const BYTES: usize = ENTRY_BYTES as usize;
/// A payload is at most so many images, for one of several parts, and so many bytes of other things: memory is taken for
/// as many as it says.
const PARTS: u64 = 64;
const BESIDE: u64 = 64 << 20;

/// All that is known of one frame of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry {
    /// The frame's metadata, as its line had it.
    pub meta: FrameMeta,
    /// Frames that hops and stages before the recorder did not pass on, just before this one.
    pub lost_by_hops: u32,
    /// Frames that the recorder got and could not write, just before this one.
    pub not_written: u32,
    /// Valid bytes of the payload.
    pub payload_bytes: u64,
    /// CRC-32C of the valid bytes.
    pub payload_crc: u32,
    /// What the payload holds beside its image. [`decode`](Self::decode) knows how many parts there are; what they are
    /// stands behind the payload.
    pub beside: Beside,
}

/// Why a frame of a recording cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryFault {
    /// It was never committed: its writer was stopped first, or the page of the index was lost.
    NotCommitted,
    /// The entry's checksum does not fit.
    Entry {
        /// As the file has it.
        stored: u32,
        /// As it should be.
        computed: u32,
    },
    /// The entry says something that cannot be.
    Impossible(&'static str),
    /// The file ends before the payload does.
    CutOff {
        /// Where the payload ends.
        needed: u64,
        /// Bytes that the file has.
        bytes: u64,
    },
    /// The payload's checksum does not fit.
    Payload {
        /// As the file has it.
        stored: u32,
        /// As it should be.
        computed: u32,
    },
    /// The checksum of the table of its parts does not fit.
    Parts {
        /// As the file has it.
        stored: u32,
        /// As it should be.
        computed: u32,
    },
    /// The file could not be read.
    Io(String),
}

impl fmt::Display for EntryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryFault::NotCommitted => f.write_str("was not committed"),
            EntryFault::Entry { stored, computed } => write!(
                f,
                "has a damaged index entry: its checksum is 0x{stored:08X} and should be 0x{computed:08X}"
            ),
            EntryFault::Impossible(what) => write!(f, "has an impossible {what} in the index"),
            EntryFault::CutOff { needed, bytes } => {
                write!(f, "is cut off: its payload ends at {needed} and the file at {bytes}")
            }
            EntryFault::Payload { stored, computed } => write!(
                f,
                "has a damaged payload: its checksum is 0x{computed:08X} and should be 0x{stored:08X}"
            ),
            EntryFault::Parts { stored, computed } => write!(
                f,
                "has a damaged table of parts: its checksum is 0x{stored:08X} and should be 0x{computed:08X}"
            ),
            EntryFault::Io(e) => write!(f, "cannot be read: {e}"),
        }
    }
}

impl std::error::Error for EntryFault {}

impl Entry {
    /// Its bytes, commit word included.
    pub fn encode(&self) -> [u8; BYTES] {
        let mut b = [0; BYTES];
        let m = &self.meta;
        for (i, v) in
            [m.frame_id, m.sequence, m.device_time.0, m.host_time.0].into_iter().enumerate()
        {
            put64(&mut b, 8 * i, v);
        }
        let words = [
            m.lost_before.device,
            m.lost_before.underrun,
            m.lost_before.rejected,
            self.lost_by_hops,
            self.not_written,
            m.epoch,
            m.width,
            m.height,
            m.stride,
            m.offset_x,
            m.offset_y,
            m.x_padding,
            m.pixel_format.0,
        ];
        for (i, v) in words.into_iter().enumerate() {
            put32(&mut b, 32 + 4 * i, v);
        }
        b[84] = match m.status {
            FrameStatus::Complete => 0,
            FrameStatus::Incomplete => 1,
        };
        b[85] = u8::from(m.out_of_order);
        put64(&mut b, 88, self.payload_bytes);
        put32(&mut b, 96, self.payload_crc);
        put64(&mut b, 100, self.beside.chunks.offset);
        put64(&mut b, 108, self.beside.chunks.bytes);
        put32(&mut b, 116, self.beside.part_count);
        let crc = checksum(&b[..120]);
        put32(&mut b, 120, crc);
        put32(&mut b, 124, COMMIT);
        b
    }

    /// Bytes from the beginning of the payload to the end of the table of its parts, if it has some.
    pub fn end_bytes(&self) -> u64 {
        match parts::table_bytes(self.beside.part_count) {
            0 => self.payload_bytes,
            table => parts::table_offset(self.payload_bytes).saturating_add(table),
        }
    }

    /// Whether these bytes have the commit word.
    pub fn is_committed(b: &[u8]) -> bool {
        b.len() >= BYTES && get32(b, 124) == COMMIT
    }

    /// Reads the [`ENTRY_BYTES`] of one entry; believes nothing of it unchecked.
    pub fn decode(b: &[u8], layout: &Layout) -> Result<Entry, EntryFault> {
        if !Entry::is_committed(b) {
            return Err(EntryFault::NotCommitted);
        }
        let (stored, computed) = (get32(b, 120), checksum(&b[..120]));
        if stored != computed {
            return Err(EntryFault::Entry { stored, computed });
        }
        let word = |i: usize| get32(b, 32 + 4 * i);
        let meta = FrameMeta {
            frame_id: get64(b, 0),
            sequence: get64(b, 8),
            device_time: DeviceTime(get64(b, 16)),
            host_time: HostTime(get64(b, 24)),
            lost_before: Loss { device: word(0), underrun: word(1), rejected: word(2) },
            epoch: word(5),
            width: word(6),
            height: word(7),
            stride: word(8),
            offset_x: word(9),
            offset_y: word(10),
            x_padding: word(11),
            pixel_format: PixelFormat(word(12)),
            status: match b[84] {
                0 => FrameStatus::Complete,
                1 => FrameStatus::Incomplete,
                _ => return Err(EntryFault::Impossible("status")),
            },
            out_of_order: b[85] & 1 == 1,
        };
        if meta.geometry().check().is_err()
            || u64::from(meta.stride) != meta.geometry().stride_bytes()
        {
            return Err(EntryFault::Impossible("geometry"));
        }
        let payload_bytes = get64(b, 88);
        let sane = meta.geometry().image_bytes().saturating_mul(PARTS).saturating_add(BESIDE);
        if payload_bytes > layout.payload_capacity.min(sane) {
            return Err(EntryFault::Impossible("payload length"));
        }
        let entry = Entry {
            meta,
            lost_by_hops: word(3),
            not_written: word(4),
            payload_bytes,
            payload_crc: get32(b, 96),
            beside: Beside {
                chunks: Extent { offset: get64(b, 100), bytes: get64(b, 108) },
                part_count: get32(b, 116),
                ..Beside::default()
            },
        };
        match entry.end_bytes() <= layout.stride {
            true => Ok(entry),
            false => Err(EntryFault::Impossible("number of parts")),
        }
    }
}

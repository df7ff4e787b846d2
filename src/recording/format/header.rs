//! The header: what is known when a file is made, and the closing record that ends it.
//!
//! ```text
//!   0  8  magic "FLRECORD"          80  8  wall clock at the start, ns since 1970 (UTC)
//!   8  2  major version             88  8  the line's host clock at that moment, ns
//!  10  2  minor version             96  8  frame ids count 0..modulus; 0: 64 bits
//!  12  4  header bytes (16384)     104  1  frame ids skip zero (0 or 1)
//!  16  8  stride                   105  7  zeros
//!  24  8  payload capacity         112  4  width         \
//!  32  8  frame capacity N         116  4  height         |
//!  40  8  event capacity E         120  4  offset_x       |  of the first frame
//!  48  8  index offset             124  4  offset_y       |
//!  56  8  data offset              128  4  x_padding      |
//!  64  4  entry bytes (128)        132  4  PFNC code     /
//!  68  4  event bytes (64)         136  8  the largest payload that the source said it could have
//!  72  4  segment number, from 0   144 16  identity: the same in all segments of a recording
//!  76  4  clock of host times: 1 = monotonic   160 92  zeros
//!                                  252  4  CRC-32C of bytes 0..252
//! closing record, at 2048:
//!   0  8  frames                    32  8  zero
//!   8  8  events                    40  4  how it ended: see `End`
//!  16  8  frames not written        44 12  zeros
//!  24  8  host clock at the end     56  4  CRC-32C of bytes 0..56     60  4  commit word
//! texts, at 4096: each  2 key, 2 zeros, 4 length, then so many bytes of UTF-8; key 0 ends them
//! ```

use super::{
    Broken, CLOSING_BYTES, COMMIT, ENTRY_BYTES, EVENT_BYTES, FIXED_BYTES, HEADER_BYTES, MAGIC,
    MAJOR, MAX_EVENTS, MAX_FRAMES, MAX_PAYLOAD_BYTES, MINOR, PAGE_BYTES, TEXTS_BYTES, TEXTS_OFFSET,
    checksum, get16, get32, get64, put16, put32, put64, round_up_to_page,
};
use crate::clock::HostTime;
use crate::format::{Geometry, PixelFormat};
use crate::source::FrameIdRule;

/// Where everything lies in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Bytes from one payload to the next; a multiple of [`PAGE_BYTES`].
    pub stride: u64,
    /// The largest payload that fits, in bytes.
    pub payload_capacity: u64,
    /// Frames that the file has room for.
    pub frame_capacity: u64,
    /// Events that the file has room for.
    pub event_capacity: u64,
    /// Where the index begins.
    pub index_offset: u64,
    /// Where the first payload begins.
    pub data_offset: u64,
}

impl Layout {
    /// The layout of a file for so many frames of at most so many bytes each. `None`: beyond what a file may have
    /// ([`MAX_FRAMES`], [`MAX_PAYLOAD_BYTES`], [`MAX_EVENTS`]), or nothing at all.
    pub fn new(payload_capacity: u64, frame_capacity: u64, event_capacity: u64) -> Option<Layout> {
        let fits = (1..=MAX_PAYLOAD_BYTES).contains(&payload_capacity)
            && (1..=MAX_FRAMES).contains(&frame_capacity)
            && event_capacity <= MAX_EVENTS;
        if !fits {
            return None;
        }
        let index_offset = HEADER_BYTES + round_up_to_page(event_capacity * EVENT_BYTES)?;
        let data_offset = index_offset + round_up_to_page(frame_capacity * ENTRY_BYTES)?;
        let stride = round_up_to_page(payload_capacity)?;
        let layout = Layout {
            stride,
            payload_capacity,
            frame_capacity,
            event_capacity,
            index_offset,
            data_offset,
        };
        layout.payload_offset(frame_capacity).map(|_| layout)
    }

    /// Where event `k` lies.
    pub fn event_offset(&self, k: u64) -> u64 {
        HEADER_BYTES + k * EVENT_BYTES
    }

    /// Where the entry of frame `n` lies.
    pub fn entry_offset(&self, n: u64) -> u64 {
        self.index_offset + n * ENTRY_BYTES
    }

    /// Where the payload of frame `n` begins; `None` beyond what 63 bits address.
    pub fn payload_offset(&self, n: u64) -> Option<u64> {
        let at = self.stride.checked_mul(n)?.checked_add(self.data_offset)?;
        i64::try_from(at).is_ok().then_some(at)
    }

    /// Whether a frame fits whose payload has so many bytes, and ends with the table of its parts after so many.
    pub fn fits(&self, payload_bytes: u64, end_bytes: u64) -> bool {
        payload_bytes <= self.payload_capacity && end_bytes <= self.stride
    }

    /// Bytes of a file that holds `frames` frames.
    pub fn file_bytes(&self, frames: u64) -> u64 {
        self.payload_offset(frames).unwrap_or(u64::MAX)
    }

    fn check(&self) -> Result<(), Broken> {
        let field = |name, value, expected| Err(Broken::Field { name, value, expected });
        if !(1..=MAX_PAYLOAD_BYTES).contains(&self.payload_capacity) {
            return field("payload capacity", self.payload_capacity, "1 to 2^40");
        }
        if !self.stride.is_multiple_of(PAGE_BYTES)
            || self.stride < self.payload_capacity
            || self.stride > 2 * MAX_PAYLOAD_BYTES
        {
            return field("stride", self.stride, "a multiple of 4096 that a payload fits in");
        }
        if !(1..=MAX_FRAMES).contains(&self.frame_capacity) {
            return field("frame capacity", self.frame_capacity, "1 to 2^32");
        }
        if self.event_capacity > MAX_EVENTS {
            return field("event capacity", self.event_capacity, "at most 2^20");
        }
        let events_end = HEADER_BYTES + self.event_capacity * EVENT_BYTES;
        if !self.index_offset.is_multiple_of(PAGE_BYTES)
            || self.index_offset < events_end
            || self.index_offset > 1 << 50
        {
            return field(
                "index offset",
                self.index_offset,
                "a multiple of 4096 behind the events",
            );
        }
        let index_end = self.index_offset + self.frame_capacity * ENTRY_BYTES;
        if !self.data_offset.is_multiple_of(PAGE_BYTES)
            || self.data_offset < index_end
            || self.data_offset > 1 << 51
        {
            return field("data offset", self.data_offset, "a multiple of 4096 behind the index");
        }
        if self.payload_offset(self.frame_capacity).is_none() {
            return field("frame capacity", self.frame_capacity, "so many as 2^63 bytes can hold");
        }
        Ok(())
    }
}

/// One moment on two clocks, so that host times can be told as calendar times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WallClock {
    /// Nanoseconds since 1970 in UTC.
    pub unix_ns: u64,
    /// The line's host clock at the same moment.
    pub host: HostTime,
}

impl WallClock {
    /// The moment `at` of the host's clock, now.
    pub fn at(host: HostTime) -> WallClock {
        let since = crate::clock::wall_time(host).duration_since(std::time::UNIX_EPOCH);
        let unix_ns = since.map_or(0, |d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX));
        WallClock { unix_ns, host }
    }

    /// A recorded host time as nanoseconds since 1970.
    pub fn unix_ns_of(&self, at: HostTime) -> u64 {
        self.unix_ns.saturating_add(at.0).saturating_sub(self.host.0)
    }
}

/// What is told in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts {
    /// The URI that opened the source.
    pub source: String,
    /// Its model and serial number.
    pub model: String,
    /// Whose fault codes the events have: `sim`, `mvs`, `gentl`, `aravis`.
    pub codes: String,
    /// The source's features, `Name=Value`.
    pub features: Vec<String>,
    /// Facts of the host, `name=value`: system, cores, program.
    pub host: Vec<String>,
}

const SOURCE: u16 = 1;
const MODEL: u16 = 2;
const CODES: u16 = 3;
const FEATURE: u16 = 4;
const HOST: u16 = 5;

impl Texts {
    /// What they are in the file. What does not fit into [`TEXTS_BYTES`] is left out, features first.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; TEXTS_BYTES];
        let mut at = 0;
        // Room for the end's key, and the CRC.
        let room = TEXTS_BYTES - 8 - 4;
        let one = [(SOURCE, &self.source), (MODEL, &self.model), (CODES, &self.codes)];
        let host = self.host.iter().map(|t| (HOST, t));
        let features = self.features.iter().map(|t| (FEATURE, t));
        for (key, text) in one.into_iter().chain(host).chain(features) {
            if text.is_empty() || at + 8 + text.len() > room {
                continue;
            }
            put16(&mut out, at, key);
            put32(&mut out, at + 4, text.len() as u32);
            out[at + 8..at + 8 + text.len()].copy_from_slice(text.as_bytes());
            at += 8 + text.len();
        }
        let crc = checksum(&out[..TEXTS_BYTES - 4]);
        put32(&mut out, TEXTS_BYTES - 4, crc);
        out
    }

    /// Reads them. Keys that a later minor version added are passed over.
    pub fn decode(bytes: &[u8]) -> Result<Texts, Broken> {
        let (texts, stored) = bytes
            .get(..TEXTS_BYTES)
            .map(|b| (&b[..TEXTS_BYTES - 4], get32(b, TEXTS_BYTES - 4)))
            .ok_or(Broken::Short { bytes: TEXTS_OFFSET + bytes.len() as u64 })?;
        let computed = checksum(texts);
        if stored != computed {
            return Err(Broken::Checksum { of: "texts", stored, computed });
        }
        let mut out = Texts::default();
        let mut rest = texts;
        while rest.len() >= 8 {
            let (key, length) = (get16(rest, 0), get32(rest, 4) as usize);
            if key == 0 {
                break;
            }
            let Some(text) = rest[8..].get(..length) else {
                return Err(Broken::Field {
                    name: "length of a text",
                    value: length as u64,
                    expected: "no more than there is room for",
                });
            };
            rest = &rest[8 + length..];
            let text = String::from_utf8_lossy(text).into_owned();
            match key {
                SOURCE => out.source = text,
                MODEL => out.model = text,
                CODES => out.codes = text,
                FEATURE => out.features.push(text),
                HOST => out.host.push(text),
                _ => {}
            }
        }
        Ok(out)
    }
}

/// What is known when a file is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Where everything lies.
    pub layout: Layout,
    /// Which segment of its recording this is, from 0.
    pub segment: u32,
    /// The same in all segments of a recording.
    pub identity: [u8; 16],
    /// When this segment was made, on both clocks, so that the calendar does not part from the host's clock in a long
    /// recording.
    pub started: WallClock,
    /// The first frame's.
    pub geometry: Geometry,
    /// The largest payload that the source said it could have, in bytes; 0: it did not say.
    pub max_payload_bytes: u64,
    /// How the device numbered its frames.
    pub id_rule: FrameIdRule,
    /// What is told in words.
    pub texts: Texts,
}

impl Header {
    /// The first [`HEADER_BYTES`] of a file that is being written.
    pub fn encode(&self) -> Vec<u8> {
        let mut b = vec![0; HEADER_BYTES as usize];
        b[..8].copy_from_slice(&MAGIC);
        put16(&mut b, 8, MAJOR);
        put16(&mut b, 10, MINOR);
        put32(&mut b, 12, HEADER_BYTES as u32);
        let l = &self.layout;
        put64(&mut b, 16, l.stride);
        put64(&mut b, 24, l.payload_capacity);
        put64(&mut b, 32, l.frame_capacity);
        put64(&mut b, 40, l.event_capacity);
        put64(&mut b, 48, l.index_offset);
        put64(&mut b, 56, l.data_offset);
        put32(&mut b, 64, ENTRY_BYTES as u32);
        put32(&mut b, 68, EVENT_BYTES as u32);
        put32(&mut b, 72, self.segment);
        put32(&mut b, 76, 1);
        put64(&mut b, 80, self.started.unix_ns);
        put64(&mut b, 88, self.started.host.0);
        put64(&mut b, 96, self.id_rule.modulus);
        b[104] = u8::from(self.id_rule.skips_zero);
        let g = &self.geometry;
        let sides = [g.width, g.height, g.offset_x, g.offset_y, g.x_padding, g.pixel_format.0];
        for (i, v) in sides.into_iter().enumerate() {
            put32(&mut b, 112 + 4 * i, v);
        }
        put64(&mut b, 136, self.max_payload_bytes);
        b[144..160].copy_from_slice(&self.identity);
        let crc = checksum(&b[..FIXED_BYTES - 4]);
        put32(&mut b, FIXED_BYTES - 4, crc);
        b[TEXTS_OFFSET as usize..].copy_from_slice(&self.texts.encode());
        b
    }

    /// Reads the first [`HEADER_BYTES`] of a file; believes nothing of it unchecked.
    pub fn decode(b: &[u8]) -> Result<Header, Broken> {
        let mut header = Header::decode_fixed(b)?;
        header.texts = Texts::decode(&b[TEXTS_OFFSET as usize..])?;
        Ok(header)
    }

    /// The same without the texts, of which no frame needs anything.
    pub fn decode_fixed(b: &[u8]) -> Result<Header, Broken> {
        if b.len() < 8 || b[..8] != MAGIC {
            let cut_off = b.len() < 8 && MAGIC.starts_with(b);
            return Err(match cut_off {
                true => Broken::Short { bytes: b.len() as u64 },
                false => Broken::NotARecording,
            });
        }
        if b.len() < HEADER_BYTES as usize {
            return Err(Broken::Short { bytes: b.len() as u64 });
        }
        let (major, minor) = (get16(b, 8), get16(b, 10));
        if major != MAJOR {
            return Err(Broken::Version { major, minor });
        }
        let (stored, computed) = (get32(b, FIXED_BYTES - 4), checksum(&b[..FIXED_BYTES - 4]));
        if stored != computed {
            return Err(Broken::Checksum { of: "header", stored, computed });
        }
        for (name, at, value) in [
            ("header bytes", 12, HEADER_BYTES as u32),
            ("entry bytes", 64, ENTRY_BYTES as u32),
            ("event bytes", 68, EVENT_BYTES as u32),
            ("clock of host times", 76, 1),
        ] {
            if get32(b, at) != value {
                let value = u64::from(get32(b, at));
                return Err(Broken::Field { name, value, expected: "what version 1 writes" });
            }
        }
        let layout = Layout {
            stride: get64(b, 16),
            payload_capacity: get64(b, 24),
            frame_capacity: get64(b, 32),
            event_capacity: get64(b, 40),
            index_offset: get64(b, 48),
            data_offset: get64(b, 56),
        };
        layout.check()?;
        let geometry = Geometry {
            width: get32(b, 112),
            height: get32(b, 116),
            offset_x: get32(b, 120),
            offset_y: get32(b, 124),
            x_padding: get32(b, 128),
            pixel_format: PixelFormat(get32(b, 132)),
        };
        if geometry.check().is_err() {
            let value = u64::from(geometry.width) << 32 | u64::from(geometry.height);
            let expected = "sides and a format that an image can have";
            return Err(Broken::Field { name: "geometry", value, expected });
        }
        let mut identity = [0; 16];
        identity.copy_from_slice(&b[144..160]);
        let modulus = get64(b, 96);
        if modulus > MAX_MODULUS {
            let (name, expected) = ("the modulus of frame ids", "at most 2^62");
            return Err(Broken::Field { name, value: modulus, expected });
        }
        Ok(Header {
            layout,
            segment: get32(b, 72),
            identity,
            started: WallClock { unix_ns: get64(b, 80), host: HostTime(get64(b, 88)) },
            geometry,
            max_payload_bytes: get64(b, 136),
            id_rule: FrameIdRule { modulus, skips_zero: b[104] != 0 },
            texts: Texts::default(),
        })
    }
}

/// Larger numbers of frame ids are not told apart from 64 bits: their differences are reckoned in them.
const MAX_MODULUS: u64 = 1 << 62;

/// How a file came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum End {
    /// The recording was ended.
    Finished = 1,
    /// It goes on in the next segment.
    Continued = 2,
    /// The disk was full.
    DiskFull = 3,
    /// The disk failed.
    WriteError = 4,
    /// `repair` made it of a file that had no end.
    Repaired = 5,
}

impl End {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            End::Finished => "finished",
            End::Continued => "continued",
            End::DiskFull => "disk-full",
            End::WriteError => "write-error",
            End::Repaired => "repaired",
        }
    }

    fn from_u32(v: u32) -> Option<End> {
        [End::Finished, End::Continued, End::DiskFull, End::WriteError, End::Repaired]
            .into_iter()
            .find(|e| *e as u32 == v)
    }
}

/// The record that ends a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// Frames of this file.
    pub frames: u64,
    /// Events of this file.
    pub events: u64,
    /// Frames that came while this file was written, and are not in it.
    pub not_written: u64,
    /// The host's clock when it was closed.
    pub host_time: HostTime,
    /// How it ended.
    pub end: End,
}

impl Closing {
    /// Its bytes.
    pub fn encode(&self) -> [u8; CLOSING_BYTES] {
        let mut b = [0; CLOSING_BYTES];
        put64(&mut b, 0, self.frames);
        put64(&mut b, 8, self.events);
        put64(&mut b, 16, self.not_written);
        put64(&mut b, 24, self.host_time.0);
        put32(&mut b, 40, self.end as u32);
        let crc = checksum(&b[..56]);
        put32(&mut b, 56, crc);
        put32(&mut b, 60, COMMIT);
        b
    }

    /// Reads it. `None`: the file was not closed, or the record is damaged; both are told by what is committed.
    pub fn decode(b: &[u8], layout: &Layout) -> Option<Closing> {
        let b = b.get(..CLOSING_BYTES)?;
        if get32(b, 60) != COMMIT || get32(b, 56) != checksum(&b[..56]) {
            return None;
        }
        let closing = Closing {
            frames: get64(b, 0),
            events: get64(b, 8),
            not_written: get64(b, 16),
            host_time: HostTime(get64(b, 24)),
            end: End::from_u32(get32(b, 40))?,
        };
        let fits =
            closing.frames <= layout.frame_capacity && closing.events <= layout.event_capacity;
        fits.then_some(closing)
    }
}

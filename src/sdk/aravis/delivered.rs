//! What Aravis says of a buffer that it delivers: status, number, time, the image, and what lies beside it.
#![allow(unsafe_code)]

use super::codes::SUCCESS;
use super::library::Symbols;
use super::sys::{self, Object};
use crate::format::{Geometry, PixelFormat};
use crate::meta::{Beside, Extent, MAX_PARTS, Part};
use std::ffi::{c_int, c_uint};

/// Bytes of what stands behind each chunk: its id and its length.
const TRAILER_BYTES: usize = 8;
/// Chunks of one frame that are looked at.
const MAX_CHUNKS: usize = 64;

/// A buffer that was delivered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivered {
    /// To compare, not to call with.
    raw: Object,
    /// The key that it was made with; `None`: it is nobody's.
    pub key: Option<usize>,
    /// `ArvBufferStatus`.
    pub status: c_int,
    /// The device's number of the frame; [`NO_ID`](super::stream::NO_ID): its first packet did not come.
    pub id: u64,
    /// Nanoseconds of the device's clock.
    pub time_ns: u64,
    /// Bytes that came; of a whole frame only.
    pub bytes: usize,
    /// The image that a whole frame begins with; `None`: it begins with something else.
    pub image: Option<Geometry>,
    /// Chunks follow the image.
    pub has_chunks: bool,
    /// What a whole frame of several parts has; its own chunks are for [`chunks_of`] to find.
    pub parts: Option<Beside>,
    /// Chunks say their length as GigE Vision does, the most significant byte first.
    pub is_big_endian: bool,
}

impl Delivered {
    /// Reads it.
    ///
    /// # Safety
    /// `raw` is a buffer that a stream of the library of `s` has just delivered.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    pub unsafe fn read(s: &Symbols, raw: Object, is_gv: bool) -> Delivered {
        // SAFETY: a buffer that was delivered; its image and its parts are asked for only where the status and the
        // kind say that it has them.
        unsafe {
            let status = (s.status)(raw);
            let kind = (s.payload_type)(raw);
            let mut out = Delivered {
                raw,
                key: (s.user_data)(raw).addr().checked_sub(1),
                status,
                id: (s.frame_id)(raw),
                time_ns: (s.timestamp)(raw),
                bytes: 0,
                image: None,
                has_chunks: false,
                parts: None,
                is_big_endian: is_gv,
            };
            if status != SUCCESS {
                return out;
            }
            let start = (s.data)(raw, &mut out.bytes);
            out.has_chunks = kind == sys::PAYLOAD_IMAGE_AND_CHUNKS
                || s.has_chunks.is_some_and(|has_chunks| has_chunks(raw) != 0);
            match kind {
                sys::PAYLOAD_IMAGE | sys::PAYLOAD_IMAGE_AND_CHUNKS => {
                    let [mut x, mut y, mut width, mut height] = [0; 4];
                    (s.image_region)(raw, &mut x, &mut y, &mut width, &mut height);
                    let (mut padding, mut below) = (0, 0);
                    if let Some(image_padding) = s.image_padding {
                        image_padding(raw, &mut padding, &mut below);
                    }
                    let format = PixelFormat((s.image_format)(raw));
                    let image = geometry([x, y, width, height], format);
                    out.image = Some(Geometry { x_padding: side(padding), ..image });
                }
                sys::PAYLOAD_PARTS => {
                    let beside = parts(s, raw, start.addr());
                    out.bytes = out.bytes.max(end_of(&beside));
                    out.image = first_image(&beside);
                    out.parts = Some(beside);
                }
                _ => {}
            }
            out
        }
    }

    /// Which buffer it is.
    pub fn raw(&self) -> Object {
        self.raw
    }
}

/// The parts of a buffer that has some.
///
/// # Safety
/// As of [`Delivered::read`]; the buffer's payload is of parts.
unsafe fn parts(s: &Symbols, raw: Object, start: usize) -> Beside {
    let mut beside = Beside::default();
    let (Some(count), Some(data)) = (s.part_count, s.part_data) else { return beside };
    // SAFETY: the buffer is the caller's promise; parts below its count, the numbers of those alone that are images.
    unsafe {
        beside.part_count = count(raw);
        let told = (beside.part_count as usize).min(MAX_PARTS);
        for (n, part) in (0..).zip(&mut beside.parts[..told]) {
            let mut bytes = 0;
            let at = data(raw, n, &mut bytes).addr();
            // One that does not lie in its buffer is not there.
            if let Some(offset) = at.checked_sub(start) {
                part.extent = Extent { offset: offset as u64, bytes: bytes as u64 };
            }
            part.kind = number(s.part_type.map_or(0, |of| of(raw, n)));
            part.source = s.part_component.map_or(0, |of| of(raw, n) as u16);
            if sys::IMAGE_PARTS.contains(&part.kind) {
                read_image(s, raw, n, part);
            }
        }
    }
    beside
}

/// # Safety
/// As of [`parts`]; part `n` is an image.
unsafe fn read_image(s: &Symbols, raw: Object, n: c_uint, part: &mut Part) {
    let [mut x, mut y, mut width, mut height] = [0; 4];
    let (mut padding, mut below) = (0, 0);
    // SAFETY: the caller's promise, and places for the numbers.
    unsafe {
        if let Some(region) = s.part_region {
            region(raw, n, &mut x, &mut y, &mut width, &mut height);
        }
        if let Some(of) = s.part_padding {
            of(raw, n, &mut padding, &mut below);
        }
        part.pixel_format = PixelFormat(s.part_format.map_or(0, |of| of(raw, n)));
    }
    (part.width, part.height, part.x_padding) = (side(width), side(height), side(padding));
}

/// The image that a payload of parts begins with: what stages look at.
fn first_image(beside: &Beside) -> Option<Geometry> {
    let first = beside.parts().first()?;
    let is_image = sys::IMAGE_PARTS.contains(&first.kind) && first.extent.offset == 0;
    is_image.then(|| Geometry {
        x_padding: first.x_padding,
        ..Geometry::new(first.width, first.height, first.pixel_format)
    })
}

/// Where the last part ends that is told.
fn end_of(beside: &Beside) -> usize {
    let ends = beside.parts().iter().map(|p| p.extent.offset.saturating_add(p.extent.bytes));
    ends.max().and_then(|end| usize::try_from(end).ok()).unwrap_or(0)
}

/// Where the chunks of a payload lie: behind the first, which is the image, to the payload's end. Each chunk is
/// followed by its id and its length, so that they are read from the end backwards. `None`: what stands there is no list
/// of chunks.
pub(super) fn chunks_of(payload: &[u8], is_big_endian: bool) -> Option<Extent> {
    let mut end = payload.len();
    let mut behind_first = end;
    for _ in 0..MAX_CHUNKS {
        let trailer = end.checked_sub(TRAILER_BYTES)?;
        let length = payload.get(trailer + 4..end)?.try_into().ok()?;
        let length = match is_big_endian {
            true => u32::from_be_bytes(length),
            false => u32::from_le_bytes(length),
        };
        match trailer.checked_sub(length as usize)? {
            0 => {
                let bytes = payload.len() - behind_first;
                return Some(Extent { offset: behind_first as u64, bytes: bytes as u64 });
            }
            start => (behind_first, end) = (start, start),
        }
    }
    None
}

/// The geometry of a region as Aravis tells it; a negative number becomes 0, which no check lets pass.
pub(super) fn geometry([x, y, width, height]: [i32; 4], pixel_format: PixelFormat) -> Geometry {
    Geometry {
        width: side(width),
        height: side(height),
        offset_x: side(x),
        offset_y: side(y),
        pixel_format,
        x_padding: 0,
    }
}

fn side(n: c_int) -> u32 {
    u32::try_from(n).unwrap_or(0)
}

fn number(n: c_int) -> u16 {
    u16::try_from(n).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A payload of chunks, each with its id and its length behind it.
    fn payload(chunks: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for (id, chunk) in (1_u32..).zip(chunks) {
            out.extend_from_slice(chunk);
            out.extend(id.to_be_bytes());
            out.extend((chunk.len() as u32).to_be_bytes());
        }
        out
    }

    #[test]
    fn chunks_are_found_from_the_end() {
        // Catches an image's last rows that are taken for chunks, and chunks that are cut off.
        let image = [7; 40];
        let whole = payload(&[&image, b"time", b"a"]);
        let found = chunks_of(&whole, true).unwrap();
        assert_eq!((found.offset, found.bytes as usize), (48, whole.len() - 48));
        assert_eq!(&found.of(&whole).unwrap()[..4], b"time");
        let alone = payload(&[&image]);
        assert_eq!(chunks_of(&alone, true), Some(Extent { offset: 48, bytes: 0 }));
    }

    #[test]
    fn what_is_no_list_of_chunks_is_none() {
        // Catches a read before the payload's start, and a list without end.
        for wrong in [vec![], vec![0; 7], vec![0; 8 * MAX_CHUNKS + 8], vec![0xFF; 64]] {
            assert_eq!(chunks_of(&wrong, true), None, "{} bytes", wrong.len());
        }
        let mut cut = payload(&[&[7; 40], b"time"]);
        cut.remove(0);
        assert_eq!(chunks_of(&cut, true), None);
        assert_eq!(chunks_of(&payload(&[&[7; 40], b"time"]), false), None, "the other byte order");
    }

    #[test]
    fn an_image_is_a_part_at_the_start() {
        let part = |kind, offset| Part {
            extent: Extent { offset, bytes: 32 },
            kind,
            width: 8,
            height: 4,
            ..Part::default()
        };
        let of = |parts: &[Part]| {
            let mut beside = Beside { part_count: parts.len() as u32, ..Beside::default() };
            beside.parts[..parts.len()].copy_from_slice(parts);
            beside
        };
        let beside = of(&[part(1, 0), part(9, 32)]);
        assert_eq!(first_image(&beside).map(|g| (g.width, g.height)), Some((8, 4)));
        assert_eq!(end_of(&beside), 64);
        assert_eq!(
            (first_image(&of(&[part(1, 8)])), first_image(&of(&[part(10, 0)]))),
            (None, None)
        );
        assert_eq!((first_image(&of(&[])), end_of(&of(&[part(1, u64::MAX)]))), (None, usize::MAX));
    }
}

//! Images that do not begin where their payload does: chunk data or another part lies before them.
//!
//! Everything behind a source (stages, recordings, checks) takes it that a frame begins with its image, at the slot's page.
//! So the payload is turned round in its slot: the image to the front, what lay before it to the end, in one pass over
//! the payload and without other memory. A producer whose images lie where they belong never comes here.

use crate::buffer::FrameMut;
use crate::format::Geometry;
use crate::meta::{Beside, Extent, FrameMeta, FrameStatus, MAX_PARTS, Part};

/// GenTL's `PART_DATATYPE_2D_IMAGE` and `PART_DATATYPE_3D_PLANE_QUADPLANAR`: kinds of parts from the one to the other are images.
const IMAGES: std::ops::RangeInclusive<u16> = 1..=8;

/// Brings the image to the payload's start: that of the first part that is an image, where there are parts, else what the
/// producer says of the buffer. Returns the bytes of the payload then: those that were `filled`, or of a frame whose
/// image did not come whole those from the image on; it is marked incomplete.
///
/// # Real-time
/// Capture-bound. No allocation, no lock; where the image is displaced one pass over the payload.
pub(super) fn straighten(frame: &mut FrameMut, image_at: u64, filled: u64) -> u64 {
    let told = frame.beside_mut().parts().iter().find(|p| is_image(p)).copied();
    let image_at = told.map_or(image_at, |part| part.extent.offset);
    if let Some(part) = told {
        describe(frame.meta_mut(), &part);
    }
    if image_at == 0 {
        return filled;
    }
    let bytes = filled.min(frame.capacity() as u64);
    let needed = image_at.saturating_add(frame.meta().geometry().image_bytes());
    let payload = &mut frame.buffer_mut()[..bytes as usize];
    let Some((_, from_image)) = payload.split_at_checked(image_at as usize) else {
        // It lies beyond what came.
        frame.meta_mut().status = FrameStatus::Incomplete;
        *frame.beside_mut() = Beside::default();
        return 0;
    };
    let there = from_image.len() as u64;
    payload.rotate_left(image_at as usize);
    if needed > bytes {
        // What lay before the image would be taken for its end.
        frame.meta_mut().status = FrameStatus::Incomplete;
        *frame.beside_mut() = Beside::default();
        return there;
    }
    turn(frame.beside_mut(), image_at, bytes);
    filled
}

fn is_image(part: &Part) -> bool {
    IMAGES.contains(&part.kind) && part.extent.bytes > 0
}

/// What the part says of its image goes before what is said of the buffer, or known of the camera.
fn describe(meta: &mut FrameMeta, part: &Part) {
    let now = meta.geometry();
    let said = Geometry {
        width: part.width,
        height: part.height,
        x_padding: part.x_padding,
        pixel_format: if part.pixel_format.0 == 0 { now.pixel_format } else { part.pixel_format },
        ..now
    };
    if said.check().is_err() {
        return;
    }
    let said = FrameMeta::of(&said);
    (meta.width, meta.height, meta.stride) = (said.width, said.height, said.stride);
    (meta.x_padding, meta.pixel_format) = (said.x_padding, said.pixel_format);
}

/// Where everything lies after `payload` bytes were turned by `by`.
fn turn(beside: &mut Beside, by: u64, payload: u64) {
    let turned = |e: Extent| {
        let end = e.offset.saturating_add(e.bytes);
        match () {
            () if e.offset >= by && end <= payload => Extent { offset: e.offset - by, ..e },
            () if end <= by => Extent { offset: e.offset + (payload - by), ..e },
            // It lies on both sides of the image's start, or beyond the end: no longer in one piece.
            () => Extent::default(),
        }
    };
    beside.chunks = turned(beside.chunks);
    let parts = (beside.part_count as usize).min(MAX_PARTS);
    beside.parts[..parts].iter_mut().for_each(|part| part.extent = turned(part.extent));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::{Pool, PoolConfig};
    use crate::format::PixelFormat;

    /// A frame of 4 x 2 pixels whose payload is 0, 1, 2, ...
    fn frame(pool: &mut Pool, beside: Beside) -> FrameMut {
        let mut frame = pool.take().unwrap();
        *frame.meta_mut() = FrameMeta::of(&Geometry::new(4, 2, PixelFormat::MONO8));
        *frame.beside_mut() = beside;
        frame.buffer_mut().iter_mut().enumerate().for_each(|(n, byte)| *byte = n as u8);
        frame
    }

    fn pool() -> Pool {
        let config = PoolConfig { headroom: 1.0, lock: false, ..PoolConfig::new(2, 64) };
        Pool::new(config, Default::default()).unwrap()
    }

    fn part(offset: u64, bytes: u64, kind: u16) -> Part {
        let (width, height) = (4, (bytes / 4) as u32);
        Part { extent: Extent { offset, bytes }, kind, width, height, ..Part::default() }
    }

    #[test]
    fn what_lies_before_the_image_is_found_behind_it() {
        // Catches chunk data taken for pixels, and parts under the bytes of others.
        let mut pool = pool();
        let mut beside = Beside { part_count: 2, ..Beside::default() };
        beside.parts[0] = part(0, 4, 9);
        beside.parts[1] = part(6, 8, 1);
        beside.chunks = Extent { offset: 14, bytes: 2 };
        let mut frame = frame(&mut pool, beside);
        assert_eq!(straighten(&mut frame, 0, 16), 16);
        frame.set_filled(16);
        let frame = frame.filled();
        assert_eq!(frame.image(), [6, 7, 8, 9, 10, 11, 12, 13]);
        assert_eq!(frame.part_bytes(1), Some(frame.image()));
        assert_eq!(frame.part_bytes(0), Some(&[0, 1, 2, 3][..]));
        assert_eq!(frame.chunk_bytes(), Some(&[14, 15][..]));
        assert_eq!(frame.meta().status, FrameStatus::Complete);
    }

    #[test]
    fn an_image_that_did_not_come_whole_ends_where_it_ends() {
        // Catches chunk data as an image's last rows, and an offset that is believed beyond the buffer.
        let mut pool = pool();
        let chunks = Extent { offset: 0, bytes: 3 };
        let mut frame = frame(&mut pool, Beside { chunks, ..Beside::default() });
        let left = straighten(&mut frame, 3, 8);
        assert_eq!((left, frame.meta().status), (5, FrameStatus::Incomplete));
        frame.set_filled(left as usize);
        assert_eq!(frame.payload(), [3, 4, 5, 6, 7]);
        assert_eq!(*frame.beside_mut(), Beside::default());
        for image_at in [9, u64::MAX] {
            assert_eq!(straighten(&mut frame, image_at, 8), 0);
        }
    }

    #[test]
    fn a_part_that_spans_the_images_start_is_given_up() {
        let mut beside = Beside { chunks: Extent { offset: 2, bytes: 9 }, ..Beside::default() };
        turn(&mut beside, 4, 16);
        assert_eq!(beside.chunks, Extent::default());
        let mut beside =
            Beside { chunks: Extent { offset: u64::MAX, bytes: 9 }, ..Beside::default() };
        turn(&mut beside, 4, 16);
        assert_eq!(beside.chunks, Extent::default());
    }
}

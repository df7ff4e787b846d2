//! What the producer says of a delivered buffer, as a frame's metadata: geometry, length, time, number.

use super::sys::{self, buffer_info as info, payload_type};
use crate::clock::DeviceTime;
use crate::format::{Geometry, PixelFormat};
use crate::meta::{FrameMeta, FrameStatus};

const NANOS: u64 = 1_000_000_000;

/// The questions that are asked about each frame.
pub(super) const QUESTIONS: [i32; 17] = [
    info::FRAME_ID,
    info::SIZE_FILLED,
    info::IS_INCOMPLETE,
    info::WIDTH,
    info::HEIGHT,
    info::X_OFFSET,
    info::Y_OFFSET,
    info::X_PADDING,
    info::PIXEL_FORMAT,
    info::PIXEL_FORMAT_NAMESPACE,
    info::PAYLOAD_TYPE,
    info::IMAGE_OFFSET,
    info::TIMESTAMP_NS,
    info::TIMESTAMP,
    info::DATA_SIZE,
    info::DATA_LARGER_THAN_BUFFER,
    info::CONTAINS_CHUNK_DATA,
];

/// The answers, in the order of [`QUESTIONS`].
pub(super) type Answers = [Option<u64>; QUESTIONS.len()];

/// The answer to one question.
#[inline]
pub(super) fn answer(answers: &Answers, question: i32) -> Option<u64> {
    QUESTIONS.iter().position(|q| *q == question).and_then(|k| answers[k])
}

/// What is known of a camera's frames beside the frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The geometry that the camera was started with: for what the producer does not say of a frame.
    pub geometry: Geometry,
    /// Ticks of the device's clock a second.
    pub ticks_a_second: u64,
}

/// A frame as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    /// Bytes that the producer says it filled.
    pub filled: u64,
    /// The payload is larger than the buffer, and this long.
    pub larger: Option<u64>,
    /// It has parts.
    pub is_multi_part: bool,
    /// It has chunks.
    pub has_chunks: bool,
    /// Where the image begins in the payload, as the producer says.
    pub image_at: u64,
}

impl Rules {
    /// Sets `meta`, all but the id, and says what came.
    ///
    /// # Real-time
    /// Capture-bound. No allocation, no lock, no system call.
    pub fn read(&self, answers: &Answers, capacity: usize, meta: &mut FrameMeta) -> Read {
        let [
            _id,
            filled,
            incomplete,
            width,
            height,
            offset_x,
            offset_y,
            x_padding,
            format,
            namespace,
            kind,
            image_offset,
            nanos,
            ticks,
            data_size,
            larger,
            chunks,
        ] = *answers;
        let known = &self.geometry;
        // A number that does not fit is garbage, and the line refuses the geometry.
        let side = |said: Option<u64>, known: u32| {
            said.map_or(known, |n| u32::try_from(n).unwrap_or(u32::MAX))
        };
        let geometry = Geometry {
            width: side(width, known.width),
            height: side(height, known.height),
            offset_x: side(offset_x, known.offset_x),
            offset_y: side(offset_y, known.offset_y),
            pixel_format: pixel_format(format, namespace).unwrap_or(known.pixel_format),
            x_padding: side(x_padding, known.x_padding),
        };
        *meta = FrameMeta::of(&geometry);
        meta.device_time = self.time(nanos, ticks);
        let is = |said: Option<u64>| said.is_some_and(|v| v != 0);
        let filled = filled.unwrap_or_else(|| geometry.image_bytes());
        // Cut at the end; what is missing is not there, or is an older frame's.
        let is_larger = is(larger);
        if is(incomplete) || is_larger {
            meta.status = FrameStatus::Incomplete;
        }
        let needed = data_size.filter(|n| *n > capacity as u64);
        Read {
            filled,
            larger: if is_larger { Some(needed.unwrap_or(filled)) } else { None },
            is_multi_part: kind == Some(payload_type::MULTI_PART),
            image_at: image_offset.unwrap_or(0),
            has_chunks: is(chunks)
                || matches!(kind, Some(payload_type::CHUNK_ONLY | payload_type::CHUNK_DATA)),
        }
    }

    fn time(&self, nanos: Option<u64>, ticks: Option<u64>) -> DeviceTime {
        DeviceTime(match (nanos.filter(|n| *n > 0), ticks, self.ticks_a_second) {
            (Some(nanos), _, _) => nanos,
            (None, ticks, NANOS | 0) => ticks.unwrap_or(0),
            (None, ticks, hz) => {
                let nanos = u128::from(ticks.unwrap_or(0)) * u128::from(NANOS) / u128::from(hz);
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        })
    }
}

/// The format, where it is said in PFNC's codes.
pub(super) fn pixel_format(code: Option<u64>, namespace: Option<u64>) -> Option<PixelFormat> {
    let code = u32::try_from(code?).ok().filter(|c| *c != 0)?;
    // A producer that knows no namespaces means PFNC's.
    let is_pfnc = namespace.is_none_or(|n| n == 0 || sys::PFNC_NAMESPACES.contains(&n));
    is_pfnc.then_some(PixelFormat(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules { geometry: Geometry::new(64, 32, PixelFormat::MONO8), ticks_a_second: NANOS }
    }

    fn answers(said: &[(i32, u64)]) -> Answers {
        QUESTIONS.map(|q| said.iter().find(|(k, _)| *k == q).map(|(_, v)| *v))
    }

    #[test]
    fn a_producer_that_says_little_is_believed_as_far_as_it_goes() {
        // Catches a frame of nothing, where every optional question fails (harvesters#409).
        let mut meta = FrameMeta::default();
        let read = rules().read(&answers(&[]), 4096, &mut meta);
        assert_eq!((meta.width, meta.height, read.filled), (64, 32, 64 * 32));
        assert_eq!((meta.status, read.larger), (FrameStatus::Complete, None));
    }

    #[test]
    fn what_is_said_counts() {
        let mut meta = FrameMeta::default();
        let said = answers(&[
            (info::WIDTH, 128),
            (info::HEIGHT, 16),
            (info::SIZE_FILLED, 5000),
            (info::PIXEL_FORMAT, 0x0110_0005),
            (info::PIXEL_FORMAT_NAMESPACE, 4),
            (info::TIMESTAMP, 250),
            (info::DATA_LARGER_THAN_BUFFER, 1),
            (info::DATA_SIZE, 9000),
        ]);
        let fast = Rules { ticks_a_second: 125_000_000, ..rules() };
        let read = fast.read(&said, 4096, &mut meta);
        assert_eq!((meta.width, meta.height, meta.stride), (128, 16, 256));
        assert_eq!((read.filled, read.larger), (5000, Some(9000)));
        assert_eq!((meta.status, meta.device_time), (FrameStatus::Incomplete, DeviceTime(2000)));
        assert_eq!(answer(&said, info::TIMESTAMP), Some(250));
    }

    #[test]
    fn formats_of_other_tables_are_not_taken_for_pfnc() {
        assert_eq!(pixel_format(Some(0x0108_0001), None), Some(PixelFormat::MONO8));
        assert_eq!(pixel_format(Some(0x0108_0001), Some(2)), None);
        assert_eq!(pixel_format(Some(1 << 40), Some(4)), None);
    }

    #[test]
    fn garbage_is_no_geometry() {
        let mut meta = FrameMeta::default();
        rules().read(&answers(&[(info::WIDTH, 1 << 40), (info::HEIGHT, 0)]), 4096, &mut meta);
        assert!(meta.geometry().check().is_err());
    }
}

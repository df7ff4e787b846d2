//! From a frame to its rows, from an output buffer to a frame, and what is counted on the way.

use super::kernel::Rows;
use crate::buffer::{Frame, FrameMut};
use crate::error::Error;
use crate::format::{Geometry, MAX_SIDE_PIXELS, PixelFormat};
use crate::meta::{FrameMeta, FrameStatus};
use crate::stage::{Figure, Flow, StageContext, StageError, StageResults};
use crate::telemetry::Counter;

pub(super) const UNKNOWN_FORMAT: StageError =
    StageError::new(1, "the pixel format is one that this stage does not know");
pub(super) const PACKED: StageError =
    StageError::new(2, "the pixel format is packed; an unpack stage has to come before");
const IMPOSSIBLE: StageError = StageError::new(3, "the image's sides or stride cannot be");
const NOTHING_CAME: StageError = StageError::new(4, "not one row of the image came");
const NO_BUFFER: StageError =
    StageError::new(5, "no output buffer is free: stages behind keep more than they declare");
const TOO_SMALL: StageError = StageError::new(6, "the image is larger than the output buffers");

/// What an image stage counts. Written by the stage's thread alone.
#[derive(Debug, Default)]
pub(super) struct Figures {
    frames: Counter,
    made: Counter,
    passed: Counter,
    used: Counter,
    incomplete: Counter,
    unsuitable: Counter,
    starved: Counter,
}

impl Figures {
    /// Counts what became of a frame.
    pub fn count(&self, flow: &Result<Flow, StageError>) {
        self.frames.bump();
        match flow {
            Ok(Flow::Replace(made)) => {
                self.made.bump();
                if made.meta().status == FrameStatus::Incomplete {
                    self.incomplete.bump();
                }
            }
            Ok(Flow::Pass) => self.passed.bump(),
            Ok(Flow::Done) => self.used.bump(),
            Err(e) if *e == NO_BUFFER => self.starved.bump(),
            Err(_) => self.unsuitable.bump(),
        }
    }
}

impl StageResults for Figures {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        let count = |c: &Counter| Figure::Count(c.get());
        vec![
            ("frames", count(&self.frames)),
            ("made", count(&self.made)),
            ("passed", count(&self.passed)),
            ("used", count(&self.used)),
            ("incomplete", count(&self.incomplete)),
            ("unsuitable", count(&self.unsuitable)),
            ("starved", count(&self.starved)),
        ]
    }
}

/// Refuses an image whose sides cannot be: from here on no size overflows.
pub(super) fn check_sides(meta: &FrameMeta) -> Result<(), StageError> {
    let side = 1..=MAX_SIDE_PIXELS;
    if side.contains(&meta.width) && side.contains(&meta.height) { Ok(()) } else { Err(IMPOSSIBLE) }
}

/// Bytes of a pixel of a known format whose pixels are whole bytes.
pub(super) fn pixel_bytes(format: PixelFormat) -> Result<usize, StageError> {
    if format.component_bits().is_none() {
        return Err(UNKNOWN_FORMAT);
    }
    if format.is_packed() {
        return Err(PACKED);
    }
    Ok(format.bits_per_pixel() as usize / 8)
}

/// The rows of `frame` that came whole, `row_bytes` each; at least one.
pub(super) fn rows_of(frame: &Frame, row_bytes: usize) -> Result<Rows<'_>, StageError> {
    let meta = frame.meta();
    let stride = meta.stride as usize;
    if stride < row_bytes {
        return Err(IMPOSSIBLE);
    }
    let rows = Rows::new(frame.payload(), row_bytes, stride, meta.height as usize);
    if rows.is_empty() { Err(NOTHING_CAME) } else { Ok(rows) }
}

/// Refuses an image of which not one row can be made.
pub(super) fn some(rows: usize) -> Result<usize, StageError> {
    if rows == 0 { Err(NOTHING_CAME) } else { Ok(rows) }
}

/// Before the start: refuses images of `input` whose pixels are not whole bytes of a known format.
pub(super) fn check_whole_bytes(input: &Geometry) -> Result<(), Error> {
    match pixel_bytes(input.pixel_format) {
        Ok(_) => Ok(()),
        Err(e) if e == PACKED => Err(Error::config(
            "their pixels share bytes; put a stage with kind = \"unpack\" before it",
        )),
        Err(_) => Err(unknown_format()),
    }
}

/// Before the start: the format is one that no image stage knows.
pub(super) fn unknown_format() -> Error {
    Error::config(
        "this pixel format is not known here; set the camera to a Mono, Bayer, RGB8 or BGR8 format, or leave the stage out",
    )
}

/// An output buffer that is to become an image of `geometry` (without padding), made of `frame`, of which only
/// the first `rows` rows can be made. Its payload is exactly what is to be written.
pub(super) fn output_for(
    cx: &mut StageContext<'_>,
    frame: &Frame,
    geometry: Geometry,
    rows: usize,
) -> Result<FrameMut, StageError> {
    let meta = frame.meta();
    let mut out = cx.output_frame().ok_or(NO_BUFFER)?;
    let stride = geometry.stride_bytes();
    let fits = |bytes: u64| usize::try_from(bytes).ok().filter(|n| *n <= out.capacity());
    // The whole image must fit, also where less of it came: a line that is configured wrong shows at once.
    fits(geometry.image_bytes()).ok_or(TOO_SMALL)?;
    let bytes = fits(stride * rows as u64).ok_or(TOO_SMALL)?;
    let shape = FrameMeta::of(&geometry);
    let cut = rows < geometry.height as usize;
    *out.meta_mut() = FrameMeta {
        width: shape.width,
        height: shape.height,
        stride: shape.stride,
        offset_x: shape.offset_x,
        offset_y: shape.offset_y,
        x_padding: 0,
        pixel_format: shape.pixel_format,
        status: if cut { FrameStatus::Incomplete } else { meta.status },
        ..*meta
    };
    out.set_filled(bytes);
    Ok(out)
}

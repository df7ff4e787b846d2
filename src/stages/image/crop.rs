//! A part of an image.

use super::common::{Figures, check_sides, output_for, pixel_bytes, rows_of, some};
use crate::buffer::Frame;
use crate::format::Geometry;
use crate::stage::{Flow, OutputSpec, Stage, StageContext, StageError, StageResults};
use crate::stages::{Key, KeyType};
use std::sync::Arc;

const SIDE: KeyType = KeyType::Integer { min: 1, max: crate::format::MAX_SIDE_PIXELS as i64 };
const OFFSET: KeyType = KeyType::Integer { min: 0, max: crate::format::MAX_SIDE_PIXELS as i64 };

/// Keys of `kind = "crop"`.
pub const CROP_KEYS: &[Key] = &[
    Key {
        name: "x",
        value: OFFSET,
        default: "0",
        about: "first column that is kept, counted in the frame",
    },
    Key {
        name: "y",
        value: OFFSET,
        default: "0",
        about: "first row that is kept, counted in the frame",
    },
    Key {
        name: "width",
        value: SIDE,
        default: "",
        about: "columns that are kept; without it all from x on",
    },
    Key {
        name: "height",
        value: SIDE,
        default: "",
        about: "rows that are kept; without it all from y on",
    },
];

const OUTSIDE: StageError = StageError::new(10, "the part to keep lies outside the image");
const ODD: StageError =
    StageError::new(11, "a part of a mosaic must have an even x, y, width and height");

/// The most bytes that a pixel of a format that can be cropped takes.
const MAX_PIXEL_BYTES: usize = 3;

/// Keeps a rectangle of each frame. Every known format that is not packed; of mosaics only parts that begin at and
/// extend over even pixels, so that the colours stay in their places. The offsets of the new image are those on
/// the sensor.
#[derive(Debug)]
pub struct Crop {
    x: u32,
    y: u32,
    width: Option<u32>,
    height: Option<u32>,
    figures: Arc<Figures>,
}

impl Crop {
    /// Keeps `width` columns from `x` and `height` rows from `y` on, in pixels of the frame; `None`: all that
    /// follow.
    pub fn new(x: u32, y: u32, width: Option<u32>, height: Option<u32>) -> Crop {
        Crop { x, y, width, height, figures: Arc::default() }
    }

    fn make(&self, frame: &Frame, cx: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let meta = frame.meta();
        let bytes = pixel_bytes(meta.pixel_format)?;
        check_sides(meta)?;
        let side = |from: u32, asked: Option<u32>, whole: u32| {
            let left = whole.checked_sub(from).filter(|n| *n > 0).ok_or(OUTSIDE)?;
            let side = asked.unwrap_or(left);
            if (1..=left).contains(&side) { Ok(side) } else { Err(OUTSIDE) }
        };
        let width = side(self.x, self.width, meta.width)?;
        let height = side(self.y, self.height, meta.height)?;
        if (width, height) == (meta.width, meta.height) {
            return Ok(Flow::Pass);
        }
        if meta.pixel_format.is_bayer() && (self.x | self.y | width | height) & 1 == 1 {
            return Err(ODD);
        }
        let rows = rows_of(frame, meta.width as usize * bytes)?;
        let came = some(rows.len().saturating_sub(self.y as usize).min(height as usize))?;
        let geometry = Geometry {
            width,
            height,
            offset_x: meta.offset_x.saturating_add(self.x),
            offset_y: meta.offset_y.saturating_add(self.y),
            pixel_format: meta.pixel_format,
            x_padding: 0,
        };
        let mut out = output_for(cx, frame, geometry, came)?;
        let (from, len) = (self.x as usize * bytes, width as usize * bytes);
        for (y, out) in out.payload_mut().chunks_exact_mut(len).enumerate() {
            out.copy_from_slice(&rows.row(self.y as usize + y)[from..from + len]);
        }
        Ok(Flow::Replace(out.filled()))
    }
}

impl Stage for Crop {
    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call; the speed of memory.
    fn process(
        &mut self,
        frame: &mut Frame,
        cx: &mut StageContext<'_>,
    ) -> Result<Flow, StageError> {
        let flow = self.make(frame, cx);
        self.figures.count(&flow);
        flow
    }

    fn output(&self, input_bytes: usize) -> Option<OutputSpec> {
        let of = |side: Option<u32>| side.map_or(usize::MAX, |n| n as usize);
        let asked = of(self.width).saturating_mul(of(self.height)).saturating_mul(MAX_PIXEL_BYTES);
        Some(OutputSpec { payload_bytes: asked.min(input_bytes), slots: 1 })
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.figures.clone())
    }
}

//! A part of an image.

use super::common::{
    Figures, check_sides, check_whole_bytes, output_for, pixel_bytes, rows_of, some,
};
use crate::buffer::Frame;
use crate::error::Error;
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

    /// What is kept of images of `whole`.
    fn part(&self, whole: &Geometry) -> Result<Geometry, StageError> {
        let side = |from: u32, asked: Option<u32>, whole: u32| {
            let left = whole.checked_sub(from).filter(|n| *n > 0).ok_or(OUTSIDE)?;
            let side = asked.unwrap_or(left);
            if (1..=left).contains(&side) { Ok(side) } else { Err(OUTSIDE) }
        };
        let width = side(self.x, self.width, whole.width)?;
        let height = side(self.y, self.height, whole.height)?;
        let changes = (width, height) != (whole.width, whole.height);
        if changes && whole.pixel_format.is_bayer() && (self.x | self.y | width | height) & 1 == 1 {
            return Err(ODD);
        }
        Ok(Geometry {
            width,
            height,
            offset_x: whole.offset_x.saturating_add(self.x),
            offset_y: whole.offset_y.saturating_add(self.y),
            x_padding: if changes { 0 } else { whole.x_padding },
            ..*whole
        })
    }

    /// Why there is no such part, and what to do about it.
    fn refusal(&self, whole: &Geometry, why: StageError) -> Error {
        if why == ODD {
            return Error::config(
                "colours of a mosaic keep their places only if x, y, width and height are even; set them so, or crop behind demosaic",
            );
        }
        let wide = ("x", self.x, "width", self.width, "columns", whole.width);
        let high = ("y", self.y, "height", self.height, "rows", whole.height);
        for (from, at, side, asked, what, there) in [wide, high] {
            if at >= there {
                return Error::config(format!(
                    "{from} = {at} lies behind the last of {there} {what}; set {from} to {} at most",
                    there.saturating_sub(1)
                ));
            }
            if let Some(n) = asked.filter(|n| *n > there - at) {
                return Error::config(format!(
                    "{side} = {n} from {from} = {at} on is more than the {there} {what} there are; set {side} to {} at most, or leave it out to keep all",
                    there - at
                ));
            }
        }
        Error::config(why.what)
    }

    fn make(&self, frame: &Frame, cx: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let meta = frame.meta();
        let bytes = pixel_bytes(meta.pixel_format)?;
        check_sides(meta)?;
        let geometry = self.part(&meta.geometry())?;
        let Geometry { width, height, .. } = geometry;
        if (width, height) == (meta.width, meta.height) {
            return Ok(Flow::Pass);
        }
        let rows = rows_of(frame, meta.width as usize * bytes)?;
        let came = some(rows.len().saturating_sub(self.y as usize).min(height as usize))?;
        let mut out = output_for(cx, frame, geometry, came)?;
        let (from, len) = (self.x as usize * bytes, width as usize * bytes);
        for (y, out) in out.payload_mut().chunks_exact_mut(len).enumerate() {
            out.copy_from_slice(&rows.row(self.y as usize + y)[from..from + len]);
        }
        Ok(Flow::Replace(out.filled()))
    }
}

impl Stage for Crop {
    fn prepare(&mut self, input: &Geometry) -> Result<Geometry, Error> {
        check_whole_bytes(input)?;
        self.part(input).map_err(|why| self.refusal(input, why))
    }

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

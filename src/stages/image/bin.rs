//! Smaller images of joined pixels.

use super::common::{
    Figures, check_sides, check_whole_bytes, output_for, pixel_bytes, rows_of, some, unknown_format,
};
use super::kernel::{Bin, BinRule, bin};
use crate::buffer::Frame;
use crate::error::Error;
use crate::format::{Geometry, PixelFormat};
use crate::stage::{Flow, OutputSpec, Stage, StageContext, StageError, StageResults};
use crate::stages::{Key, KeyType};
use std::sync::Arc;

/// Keys of `kind = "bin"`.
pub const BIN_KEYS: &[Key] = &[
    Key {
        name: "factor",
        value: KeyType::Integer { min: 2, max: 4 },
        default: "2",
        about: "so many pixels of a row, and rows, become one",
    },
    Key {
        name: "mode",
        value: KeyType::Choice(&["mean", "sum"]),
        default: "\"mean\"",
        about: "the mean of the pixels, rounded, or their sum, at most the largest value of the format",
    },
];

const SMALLER: StageError =
    StageError::new(20, "the image is smaller than what is to become one pixel");

/// How pixels are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BinningRule {
    /// Their mean, rounded.
    #[default]
    Mean,
    /// Their sum, at most the largest value of the pixel format.
    Sum,
}

/// Joins squares of pixels, of mosaics those of one colour. Every known format that is not packed. Columns and rows
/// that do not fill a square are left out; the offsets are divided by the factor, as GenICam's binning has it.
#[derive(Debug)]
pub struct Binning {
    factor: u32,
    rule: BinningRule,
    figures: Arc<Figures>,
}

impl Binning {
    /// Joins `factor` x `factor` pixels; 2 to 4, a smaller or larger number is taken for the nearest of these.
    pub fn new(factor: u32, rule: BinningRule) -> Binning {
        Binning { factor: factor.clamp(2, 4), rule, figures: Arc::default() }
    }

    fn how(&self, format: PixelFormat, pixel_bytes: usize) -> Bin {
        let components = format.components().unwrap_or(1);
        let side = if format.is_bayer() { 2 } else { 1 };
        Bin {
            factor: self.factor as usize,
            step: side.max(components),
            row_step: side,
            bytes: pixel_bytes / components,
        }
    }

    /// What images of `whole` become.
    fn binned(&self, whole: &Geometry, how: Bin) -> Result<Geometry, StageError> {
        let components = whole.pixel_format.components().unwrap_or(1);
        let width = how.columns(whole.width as usize * components) / components;
        let height = how.rows(whole.height as usize);
        if width == 0 || height == 0 {
            return Err(SMALLER);
        }
        // A mosaic begins at even pixels of the sensor, binned or not.
        let side = how.row_step as u32;
        let offset = |pixels: u32| pixels / self.factor / side * side;
        Ok(Geometry {
            width: width as u32,
            height: height as u32,
            offset_x: offset(whole.offset_x),
            offset_y: offset(whole.offset_y),
            pixel_format: whole.pixel_format,
            x_padding: 0,
        })
    }

    fn make(&self, frame: &Frame, cx: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let meta = frame.meta();
        let format = meta.pixel_format;
        let bytes = pixel_bytes(format)?;
        check_sides(meta)?;
        let how = self.how(format, bytes);
        let depth = format.component_bits().unwrap_or(8);
        let rule = match self.rule {
            BinningRule::Mean => BinRule::Mean,
            BinningRule::Sum => BinRule::Sum { max: (u32::from(u16::MAX) >> (16 - depth)) as u16 },
        };
        let rows = rows_of(frame, meta.width as usize * bytes)?;
        let geometry = self.binned(&meta.geometry(), how)?;
        let came = some(how.rows(rows.len()))?;
        let mut out = output_for(cx, frame, geometry, came)?;
        bin(rows, how, rule, out.payload_mut());
        Ok(Flow::Replace(out.filled()))
    }
}

impl Stage for Binning {
    fn prepare(&mut self, input: &Geometry) -> Result<Geometry, Error> {
        check_whole_bytes(input)?;
        let bytes = pixel_bytes(input.pixel_format).map_err(|_| unknown_format())?;
        let how = self.how(input.pixel_format, bytes);
        self.binned(input, how).map_err(|_| {
            let side = how.factor * how.row_step;
            let needs =
                format!("factor = {} needs images of {side} x {side} pixels at least", how.factor);
            let smaller = if how.factor > 2 { "set a smaller factor, or leave" } else { "leave" };
            Error::config(format!("{needs}; {smaller} the stage out"))
        })
    }

    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call.
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
        let square = (self.factor * self.factor) as usize;
        Some(OutputSpec { payload_bytes: input_bytes.div_ceil(square), slots: 1 })
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.figures.clone())
    }
}

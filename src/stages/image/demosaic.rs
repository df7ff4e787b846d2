//! Bayer mosaics to colours.

use super::common::{Figures, check_sides, check_whole_bytes, output_for, pixel_bytes, rows_of};
use super::kernel::{Colours, demosaic};
use crate::buffer::Frame;
use crate::error::Error;
use crate::format::{Geometry, PixelFormat};
use crate::stage::{Flow, OutputSpec, Stage, StageContext, StageError, StageResults};
use crate::stages::{Key, KeyType};
use std::sync::Arc;

/// Keys of `kind = "demosaic"`.
pub const DEMOSAIC_KEYS: &[Key] = &[Key {
    name: "to",
    value: KeyType::Choice(&["rgb8", "mono8"]),
    default: "\"rgb8\"",
    about: "red, green and blue with 8 bits each, or their luma with 8 bits",
}];

/// Makes `RGB8` or `Mono8` of Bayer mosaics, bilinear ([`demosaic`]); every other format that is not packed is
/// passed on. Of mosaics with more than 8 bits the upper 8 are used.
///
/// The pixel format says the colours of the image as it was delivered: a camera whose region begins at an odd
/// pixel delivers another format (GenICam), and so do [`Crop`](super::Crop) and this stage's other neighbours.
/// The offsets of a frame therefore do not change its colours.
#[derive(Debug)]
pub struct Demosaic {
    to: Colours,
    figures: Arc<Figures>,
}

impl Demosaic {
    /// Makes colours, or their luma.
    pub fn new(to: Colours) -> Demosaic {
        Demosaic { to, figures: Arc::default() }
    }

    /// That of the images it makes.
    fn format(&self) -> PixelFormat {
        match self.to {
            Colours::Rgb8 => PixelFormat::RGB8,
            Colours::Luma8 => PixelFormat::MONO8,
        }
    }

    fn make(&self, frame: &Frame, cx: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let meta = frame.meta();
        let format = meta.pixel_format;
        let bytes = pixel_bytes(format)?;
        let (Some(mosaic), Some(depth)) = (format.mosaic(), format.component_bits()) else {
            return Ok(Flow::Pass);
        };
        check_sides(meta)?;
        let rows = rows_of(frame, meta.width as usize * bytes)?;
        let geometry = Geometry { pixel_format: self.format(), x_padding: 0, ..meta.geometry() };
        let mut out = output_for(cx, frame, geometry, rows.len())?;
        demosaic(rows, depth, mosaic, self.to, out.payload_mut());
        Ok(Flow::Replace(out.filled()))
    }
}

impl Stage for Demosaic {
    fn prepare(&mut self, input: &Geometry) -> Result<Geometry, Error> {
        check_whole_bytes(input)?;
        if input.pixel_format.mosaic().is_none() {
            return Err(Error::config(format!(
                "{} is not a Bayer mosaic; leave the stage out, or set the camera to a Bayer format such as BayerRG8",
                input.pixel_format
            )));
        }
        Ok(Geometry { pixel_format: self.format(), x_padding: 0, ..*input })
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
        // A pixel takes a byte at least.
        Some(OutputSpec { payload_bytes: input_bytes.saturating_mul(self.to.bytes()), slots: 1 })
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.figures.clone())
    }
}

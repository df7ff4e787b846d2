//! Uneven light and sensors evened out, or what stands still taken away.

use super::common::{
    Figures, UNKNOWN_FORMAT, check_sides, check_whole_bytes, output_for, pixel_bytes, rows_of,
};
use super::fit::Tables;
use super::kernel::{Rows, absolute_8, absolute_16, flat_8, flat_16, signed_8, signed_16};
use super::reference::{ReferenceImage, Region};
use crate::buffer::Frame;
use crate::error::Error;
use crate::format::{Geometry, PixelFormat};
use crate::meta::{FrameMeta, FrameStatus};
use crate::stage::{Figure, Flow, OutputSpec, Stage, StageContext, StageError, StageResults};
use crate::stages::{Key, KeyType};
use crate::telemetry::Gauge;
use crate::words::counted;
use std::sync::Arc;

/// The most frames that are learnt from: their sum fits 32 bits.
pub const MAX_LEARN_FRAMES: u32 = 65_535;

/// Keys of `kind = "flat_field"`.
pub const FLAT_FIELD_KEYS: &[Key] = &[
    Key {
        name: "mode",
        value: KeyType::Choice(&["flat", "background"]),
        default: "\"flat\"",
        about: "even out light and sensor, or take the background away",
    },
    Key {
        name: "dark",
        value: KeyType::Text,
        default: "",
        about: "of mode flat: file of an image without light, which is subtracted",
    },
    Key {
        name: "flat",
        value: KeyType::Text,
        default: "",
        about: "of mode flat: file of an image of an even, bright surface, which becomes even",
    },
    Key {
        name: "background",
        value: KeyType::Text,
        default: "",
        about: "of mode background: file of an image without parts",
    },
    Key {
        name: "learn",
        value: KeyType::Integer { min: 0, max: MAX_LEARN_FRAMES as i64 },
        default: "0",
        about: "instead of the file flat or background: learn it from so many frames at the start, which end here",
    },
    Key {
        name: "difference",
        value: KeyType::Choice(&["absolute", "signed"]),
        default: "\"absolute\"",
        about: "of mode background: the distance from it, or the difference about a level",
    },
    Key {
        name: "level",
        value: KeyType::Integer { min: 0, max: 65_535 },
        default: "",
        about: "of difference signed: what equals the background; without it the middle of the format's range",
    },
    Key {
        name: "raw_width",
        value: KeyType::Integer { min: 1, max: crate::format::MAX_SIDE_PIXELS as i64 },
        default: "",
        about: "width of files that are not PNG, in pixels",
    },
    Key {
        name: "raw_height",
        value: KeyType::Integer { min: 1, max: crate::format::MAX_SIDE_PIXELS as i64 },
        default: "",
        about: "height of files that are not PNG, in pixels",
    },
];

const OTHER_SIZE: StageError = StageError::new(
    30,
    "the reference image covers other pixels than the frame, or has other components",
);

/// What is done with a frame's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Correction {
    /// `(value - dark) * gain`, the gain making the flat image even.
    #[default]
    Flat,
    /// The distance from the background.
    Absolute,
    /// The level plus value minus background.
    Signed {
        /// The level; `None`: the middle of the pixel format's range.
        level: Option<u16>,
    },
}

/// What [`FlatField`] corrects, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlatFieldSettings {
    /// What is done.
    pub correction: Correction,
    /// An image without light; only for [`Correction::Flat`].
    pub dark: Option<Arc<ReferenceImage>>,
    /// The flat image or the background.
    pub reference: Option<Arc<ReferenceImage>>,
    /// Learns the flat image or the background from so many frames, `0..=`[`MAX_LEARN_FRAMES`]; 0: it does not.
    pub learn: u32,
}

/// Corrects each value of a frame by what reference images say of its place, in integers, saturating. Every
/// known format that is not packed; a mosaic's colours and the components of `RGB8` keep their means.
///
/// The tables of a geometry are made at its first frame, which allocates and takes some 10 ns a pixel;
/// [`prepare`](Stage::prepare) does so beforehand. While it learns, frames end here
/// ([`Flow::Done`]), and incomplete ones are not learnt from. A frame of another geometry makes it learn anew. Each
/// worker learns by itself, so learn with one.
#[derive(Debug)]
pub struct FlatField {
    settings: FlatFieldSettings,
    state: State,
    fitted: Option<Geometry>,
    tables: Tables,
    sums: Vec<u32>,
    figures: Arc<AllFigures>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    /// So many frames are still to be learnt from.
    Learning(u32),
    Unfit(StageError),
}

#[derive(Debug, Default)]
struct AllFigures {
    common: Figures,
    dead: Gauge,
}

impl StageResults for AllFigures {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        let mut figures = self.common.read();
        figures.push(("dead_pixels", Figure::Max(self.dead.get())));
        figures
    }
}

/// The parts of a format that matter here.
#[derive(Debug, Clone, Copy)]
struct Values {
    /// Bytes of a value.
    bytes: usize,
    max: u16,
    middle: u16,
}

impl Values {
    fn of(format: PixelFormat) -> Result<(Values, usize), StageError> {
        let bytes = pixel_bytes(format)?;
        let (Some(components), Some(depth)) = (format.components(), format.component_bits()) else {
            return Err(UNKNOWN_FORMAT);
        };
        let max = (u32::from(u16::MAX) >> (16 - depth)) as u16;
        Ok((Values { bytes: bytes / components, max, middle: max / 2 + 1 }, components))
    }
}

impl FlatField {
    /// A correcting stage. Refuses settings by which nothing, or two things, would be corrected.
    pub fn new(settings: FlatFieldSettings) -> Result<FlatField, Error> {
        let s = &settings;
        let flat = s.correction == Correction::Flat;
        if s.learn > MAX_LEARN_FRAMES {
            return Err(Error::config(format!(
                "a reference can be learnt from {MAX_LEARN_FRAMES} frames at most, not {}",
                s.learn
            )));
        }
        if s.reference.is_some() && s.learn > 0 {
            return Err(Error::config(
                "a reference image is given and another is to be learnt; give the file, or learn",
            ));
        }
        if s.reference.is_none() && s.learn == 0 && (s.dark.is_none() || !flat) {
            return Err(Error::config(
                "there is nothing to correct by; give a reference image, or learn it from some frames",
            ));
        }
        if let (Some(dark), Some(reference)) = (&s.dark, &s.reference)
            && (dark.size(), dark.components()) != (reference.size(), reference.components())
        {
            let ((dw, dh), (w, h)) = (dark.size(), reference.size());
            return Err(Error::config(format!(
                "the dark image has {dw} x {dh} pixels with {} components, the flat one {w} x {h} with {}; they must be alike",
                dark.components(),
                reference.components()
            )));
        }
        if s.dark.is_some() && !flat {
            return Err(Error::config(
                "a dark image has no meaning where the background is taken away; leave it out",
            ));
        }
        Ok(FlatField {
            settings,
            state: State::Unfit(UNKNOWN_FORMAT),
            fitted: None,
            tables: Tables::default(),
            sums: Vec::new(),
            figures: Arc::default(),
        })
    }

    /// Why the references do not cover images of `g`, and what to do about it.
    fn refusal(&self, g: &Geometry) -> Error {
        let FlatFieldSettings { correction, dark, reference, .. } = &self.settings;
        let components = g.pixel_format.components().unwrap_or(1);
        let named = if *correction == Correction::Flat { "flat" } else { "background" };
        let both = [("dark", dark), (named, reference)];
        let unfit = both.into_iter().find_map(|(key, image)| {
            let image = image.as_ref()?;
            image.region(region_of(g, components)).is_none().then_some((key, image))
        });
        let Some((key, image)) = unfit else { return Error::config(OTHER_SIZE.what) };
        let (w, h) = image.size();
        Error::config(format!(
            "the image of {key} has {w} x {h} pixels with {}, which does not cover {} x {} from ({}, {}) on with {}; \
             make it anew from frames of this camera, or leave {key} out{}",
            values(image.components()),
            g.width,
            g.height,
            g.offset_x,
            g.offset_y,
            values(components),
            if key == "dark" { "" } else { " and set learn" },
        ))
    }

    fn fit_to(&mut self, geometry: Geometry) {
        if self.fitted != Some(geometry) {
            self.fit(&geometry);
        }
    }

    /// Not in steady state: allocates what the geometry needs.
    #[cold]
    fn fit(&mut self, geometry: &Geometry) {
        self.fitted = Some(*geometry);
        self.state = match self.try_fit(geometry) {
            Ok(state) => state,
            Err(e) => State::Unfit(e),
        };
        self.figures.dead.set(self.tables.dead);
    }

    fn try_fit(&mut self, g: &Geometry) -> Result<State, StageError> {
        let (values, components) = Values::of(g.pixel_format)?;
        check_sides(&FrameMeta::of(g))?;
        let region = region_of(g, components);
        let eight = values.bytes == 1;
        let FlatFieldSettings { correction, dark, reference, learn } = &self.settings;
        let part =
            |r: &'_ Arc<ReferenceImage>| r.region(region).is_some().then_some(()).ok_or(OTHER_SIZE);
        dark.iter().chain(reference).try_for_each(part)?;
        self.tables.clear();
        self.tables.reserve(region.len(), eight, *correction == Correction::Flat);
        match (correction, dark) {
            (Correction::Flat, Some(dark)) => {
                self.tables.set_low(dark.region(region).into_iter().flatten(), eight);
            }
            (Correction::Flat, None) => {
                self.tables.set_low(std::iter::repeat_n(0, region.len()), eight);
            }
            _ => {}
        }
        self.sums.clear();
        if *learn > 0 {
            self.sums.resize(region.len(), 0);
            return Ok(State::Learning(*learn));
        }
        match (correction, reference) {
            (Correction::Flat, Some(flat)) => {
                let values: Vec<u32> =
                    flat.region(region).into_iter().flatten().map(u32::from).collect();
                self.tables.set_gain(values.into_iter(), 1, region, g.pixel_format.is_bayer());
            }
            (Correction::Flat, None) => self.tables.set_neutral_gain(region.len()),
            (_, Some(background)) => {
                self.tables.set_low(background.region(region).into_iter().flatten(), eight);
            }
            _ => {}
        }
        Ok(State::Ready)
    }

    /// Adds a frame to what is learnt; the last one makes the tables.
    fn learn(&mut self, left: u32, rows: Rows<'_>, g: &Geometry) -> Result<Flow, StageError> {
        let (values, components) = Values::of(g.pixel_format)?;
        for (row, sums) in rows.iter().zip(self.sums.chunks_mut(region_of(g, components).row())) {
            if values.bytes == 1 {
                sums.iter_mut().zip(row).for_each(|(s, v)| *s += u32::from(*v));
            } else {
                let (row, _) = row.as_chunks::<2>();
                sums.iter_mut().zip(row).for_each(|(s, v)| *s += u32::from(u16::from_le_bytes(*v)));
            }
        }
        self.state = State::Learning(left - 1);
        if left == 1 {
            self.learnt(g, values, region_of(g, components));
        }
        Ok(Flow::Done)
    }

    #[cold]
    fn learnt(&mut self, g: &Geometry, values: Values, region: Region) {
        let n = self.settings.learn;
        if self.settings.correction == Correction::Flat {
            let sums = self.sums.iter().copied();
            self.tables.set_gain(sums, n, region, g.pixel_format.is_bayer());
        } else {
            let means = self
                .sums
                .iter()
                .map(|s| ((u64::from(*s) + u64::from(n) / 2) / u64::from(n)) as u16);
            self.tables.set_low(means, values.bytes == 1);
        }
        self.sums = Vec::new();
        self.figures.dead.set(self.tables.dead);
        self.state = State::Ready;
    }

    fn make(&mut self, frame: &Frame, cx: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let meta = frame.meta();
        let (values, components) = Values::of(meta.pixel_format)?;
        check_sides(meta)?;
        let row = meta.width as usize * components;
        let rows = rows_of(frame, row * values.bytes)?;
        let geometry = Geometry { x_padding: 0, ..meta.geometry() };
        let is_new = self.fitted != Some(geometry);
        let learns =
            self.settings.learn > 0 && (is_new || matches!(self.state, State::Learning(_)));
        if learns && (meta.status == FrameStatus::Incomplete || rows.len() < meta.height as usize) {
            // It also says nothing about how much memory such an image is worth.
            return Ok(Flow::Done);
        }
        self.fit_to(geometry);
        match self.state {
            State::Unfit(e) => return Err(e),
            State::Learning(left) => return self.learn(left, rows, &geometry),
            State::Ready => {}
        }
        let mut out = output_for(cx, frame, geometry, rows.len())?;
        let outs = out.payload_mut().chunks_exact_mut(row * values.bytes);
        for (y, (input, output)) in rows.iter().zip(outs).enumerate() {
            self.correct(values, y * row..(y + 1) * row, input, output);
        }
        Ok(Flow::Replace(out.filled()))
    }

    /// Corrects the values of one row, which stand in `at` of the tables.
    fn correct(&self, values: Values, at: std::ops::Range<usize>, input: &[u8], output: &mut [u8]) {
        let Tables { low8, low, gain, .. } = &self.tables;
        let level = |given: Option<u16>| given.unwrap_or(values.middle).min(values.max);
        match (self.settings.correction, values.bytes) {
            (Correction::Flat, 1) => flat_8(input, &low8[at.clone()], &gain[at], output),
            (Correction::Flat, _) => {
                flat_16(input, &low[at.clone()], &gain[at], values.max, output)
            }
            (Correction::Absolute, 1) => absolute_8(input, &low8[at], output),
            (Correction::Absolute, _) => absolute_16(input, &low[at], values.max, output),
            (Correction::Signed { level: l }, 1) => {
                signed_8(input, &low8[at], level(l) as u8, output);
            }
            (Correction::Signed { level: l }, _) => {
                signed_16(input, &low[at], level(l), values.max, output);
            }
        }
    }
}

fn values(components: usize) -> String {
    format!("{} each", counted(components as u64, "value"))
}

fn region_of(g: &Geometry, components: usize) -> Region {
    Region { x: g.offset_x, y: g.offset_y, width: g.width, height: g.height, components }
}

impl Stage for FlatField {
    /// Makes the tables, so that the first frame costs no more than the others.
    fn prepare(&mut self, input: &Geometry) -> Result<Geometry, Error> {
        check_whole_bytes(input)?;
        let geometry = Geometry { x_padding: 0, ..*input };
        self.fit_to(geometry);
        match self.state {
            State::Unfit(e) if e == OTHER_SIZE => Err(self.refusal(&geometry)),
            State::Unfit(e) => Err(Error::config(e.what)),
            State::Ready | State::Learning(_) => Ok(geometry),
        }
    }

    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call, but for the first frame of a geometry and the last one
    /// that is learnt from.
    fn process(
        &mut self,
        frame: &mut Frame,
        cx: &mut StageContext<'_>,
    ) -> Result<Flow, StageError> {
        let flow = self.make(frame, cx);
        self.figures.common.count(&flow);
        flow
    }

    fn output(&self, input_bytes: usize) -> Option<OutputSpec> {
        Some(OutputSpec { payload_bytes: input_bytes, slots: 1 })
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.figures.clone())
    }
}

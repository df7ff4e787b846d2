//! Learns from good frames what good parts look like.

use super::engine::Tools;
use super::find::{Coarse, Disc};
use super::learn::{self, Sample};
use super::reference::{MAX_GRAIN, MIN_RADIUS, Reference, Taught};
use super::view::{Unfit, View};
use crate::buffer::Frame;
use crate::error::{Error, ErrorKind};
use crate::format::{Geometry, PixelFormat};
use crate::verdict::MAX_PARTS;

/// Frames that are enough for a good reference.
pub const DEFAULT_FRAMES: u64 = 16;
/// The fewest frames that a reference can be learnt from.
pub const MIN_FRAMES: u64 = 4;
/// The most: they are kept in memory, without what lies between the parts.
pub const MAX_FRAMES: u64 = 256;
/// Parts with a larger radius in pixels are inspected at half scale.
const HALF_SCALE_RADIUS: f32 = 120.0;
/// Cells a side of the images up to which they are made finer than the pixels: so large a table stays in a core's cache.
const MAX_IMAGE_SIDE: usize = 512;
/// Grey levels by which an outline must stand out for a part to be one.
const LEAST_EDGE: f32 = 4.0;

/// Takes good frames one by one, then makes a [`Reference`] of them.
#[derive(Debug, Default)]
pub struct Teacher {
    plan: Option<Plan>,
    frames: u64,
    samples: Vec<Sample>,
}

/// What the first frame showed.
#[derive(Debug)]
struct Plan {
    geometry: Geometry,
    discs: Vec<Disc>,
    bright: bool,
    scale: u32,
    radius: f32,
    search: f32,
    tools: Tools,
}

fn disagree(message: String) -> Error {
    Error::new(ErrorKind::Source, message)
}

impl Teacher {
    /// A teacher that has seen nothing.
    pub fn new() -> Teacher {
        Teacher::default()
    }

    /// Frames taken so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Takes a frame. An error says in what way it does not agree with those before it, or cannot be used.
    pub fn push(&mut self, frame: &Frame) -> Result<(), Error> {
        let view = View::of(frame).map_err(|e| self.unfit(e, frame))?;
        self.push_view(&view)
    }

    fn unfit(&self, e: Unfit, frame: &Frame) -> Error {
        let n = self.frames + 1;
        let format = frame.meta().pixel_format;
        match e {
            Unfit::Format => disagree(format!(
                "frame {n} is {format}; inspect learns from Mono8: put a stage before it that makes Mono8"
            )),
            Unfit::Incomplete => {
                disagree(format!("frame {n} is incomplete; teach with frames that arrive whole"))
            }
        }
    }

    /// Takes an image. Errors as those of [`push`](Self::push).
    pub fn push_view(&mut self, view: &View<'_>) -> Result<(), Error> {
        let geometry = Geometry::new(view.width(), view.height(), PixelFormat::MONO8);
        let n = self.frames + 1;
        if n > MAX_FRAMES {
            return Err(disagree(format!(
                "frame {n} is one too many; teach with at most {MAX_FRAMES}"
            )));
        }
        let plan = match &mut self.plan {
            Some(plan) => plan,
            None => self.plan.insert(Plan::of(view, geometry)?),
        };
        if (geometry.width, geometry.height) != (plan.geometry.width, plan.geometry.height) {
            return Err(disagree(format!(
                "frame {n} is {}x{} and the first was {}x{}; teach with frames of one geometry",
                geometry.width, geometry.height, plan.geometry.width, plan.geometry.height
            )));
        }
        let (discs, _) = Coarse::of(view).parts();
        if discs.len() != plan.discs.len() {
            return Err(disagree(format!(
                "frame {n} shows {} parts and the first {}; teach with good frames, each with a part in every nest",
                discs.len(),
                plan.discs.len()
            )));
        }
        for (nest, first) in plan.discs.iter().enumerate() {
            plan.tools.window.cut(view, first.x, first.y);
            let found = plan.tools.locate();
            let moved = (found.x - (plan.tools.window.side / 2) as f32)
                .hypot(found.y - (plan.tools.window.side / 2) as f32)
                * plan.scale as f32;
            if found.share < 0.5 || moved > plan.search {
                return Err(disagree(format!(
                    "frame {n} has no part within {:.0} pixels of column {:.0}, row {:.0}, where the first had one; \
                     teach with frames whose parts lie in fixed nests",
                    plan.search, first.x, first.y
                )));
            }
            self.samples.push(Sample::of(nest, &plan.tools, found));
        }
        self.frames = n;
        Ok(())
    }

    /// What was learnt. An error says why nothing could be.
    pub fn finish(self) -> Result<Reference, Error> {
        let Some(plan) = self.plan else {
            return Err(disagree("there was no frame to learn from".into()));
        };
        if self.frames < MIN_FRAMES {
            return Err(disagree(format!(
                "{} frames are too few to learn from; {MIN_FRAMES} are the least",
                self.frames
            )));
        }
        let nests = learn::nests(&self.samples, plan.discs.len(), &plan.tools);
        let base = learn::Base {
            width: plan.geometry.width,
            height: plan.geometry.height,
            scale: plan.scale,
            bright: plan.bright,
            grain: grain_for(plan.radius, plan.scale),
            guess: plan.radius,
        };
        learn::reference(&base, nests, self.samples, plan.tools)
    }
}

impl Plan {
    fn of(view: &View<'_>, geometry: Geometry) -> Result<Plan, Error> {
        let (discs, bright) = Coarse::of(view).parts();
        if discs.is_empty() {
            return Err(disagree(
                "the first frame shows no round parts, all of one size and clear of the frame's edge; \
                 teach with good frames"
                    .into(),
            ));
        }
        if discs.len() > MAX_PARTS {
            return Err(disagree(format!(
                "the first frame shows {} parts; inspect takes at most {MAX_PARTS}: use a smaller region",
                discs.len()
            )));
        }
        let mut radii: Vec<f32> = discs.iter().map(|d| d.radius).collect();
        radii.sort_by(f32::total_cmp);
        let radius = radii[radii.len() / 2];
        let scale = if radius > HALF_SCALE_RADIUS { 2 } else { 1 };
        if radius / (scale as f32) < MIN_RADIUS {
            return Err(disagree(format!(
                "the parts have a radius of {radius:.1} pixels; inspect needs {MIN_RADIUS}: use more pixels"
            )));
        }
        // Nests are apart; beyond half the gap the next part begins.
        let gap = discs.iter().enumerate().flat_map(|(i, a)| {
            discs[..i].iter().map(move |b| (a.x - b.x).hypot(a.y - b.y) - a.radius - b.radius)
        });
        let search = gap.fold(f32::MAX, f32::min).min(radius / 3.0).max(4.0);
        let tools = Tools::new(scale, radius, search, LEAST_EDGE, bright);
        Ok(Plan { geometry, discs, bright, scale, radius, search, tools })
    }
}

/// As many cells a pixel as the images' size allows.
fn grain_for(radius: f32, scale: u32) -> u32 {
    let most = MAX_IMAGE_SIDE / Taught::side_for(radius + 2.0, scale);
    (most as u32).clamp(1, MAX_GRAIN)
}

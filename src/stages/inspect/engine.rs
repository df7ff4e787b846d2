//! The inspection of one frame: for each nest locate, align, compare, decide.

use super::align::{Rings, Signature, Turn, Wheel};
use super::blobs::Blobs;
use super::chords::Pose;
use super::compare::{ALL_ROWS, Rows, compare};
use super::decide::{Findings, decide};
use super::images;
use super::locate::{Found, Rays, half_window};
use super::mark::Form;
use super::reference::{Nest, Reference};
use super::view::{View, Window};
use crate::verdict::{FrameVerdict, PartVerdict};
use std::sync::Arc;

/// A part of the work, for whoever measures it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Cutting the window out of the frame.
    Cut,
    /// Finding centre, radius and outline.
    Locate,
    /// Finding the turn and the light.
    Align,
    /// Comparing the surface; finding connected components.
    Compare,
    /// Judging.
    Decide,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Step; 5] = [Step::Cut, Step::Locate, Step::Align, Step::Compare, Step::Decide];
    /// Their names.
    pub const NAMES: [&'static str; 5] = ["cut", "locate", "align", "compare", "decide"];
}

/// Inspects frames against a [`Reference`]. All memory is allocated when it is made.
#[derive(Debug)]
pub struct Inspector {
    reference: Arc<Reference>,
    pub(super) tools: Tools,
    wheel: Wheel,
    rows: Rows,
    blobs: Blobs,
}

/// What is needed to find a part and its turn.
#[derive(Debug)]
pub(super) struct Tools {
    pub window: Window,
    rays: Rays,
    rings: Rings,
    signature: Signature,
    /// In pixels of the inspection's scale.
    pub search: f32,
    pub edge: f32,
}

impl Tools {
    /// For parts of `radius` that lie up to `search` from their nests, both in frame pixels.
    pub fn new(scale: u32, radius: f32, search: f32, edge: f32, bright: bool) -> Tools {
        let (radius, search) = (radius / scale as f32, search / scale as f32);
        let window = Window::new(half_window(radius, search), scale as usize);
        let rays = Rays::new(radius, search, bright, window.stride);
        let rings = Rings::new(radius);
        Tools { window, rays, rings, signature: Signature::default(), search, edge }
    }

    /// The rings that signatures are taken on.
    pub fn rings(&self) -> &Rings {
        &self.rings
    }

    /// The part in the window.
    pub fn locate(&mut self) -> Found {
        self.rays.locate(&self.window, self.search, self.edge)
    }

    /// The signature around a point, brought to the grey level `surface`; and the grey level it had.
    pub fn sign(&mut self, x: f32, y: f32, surface: u8) -> (&Signature, u8) {
        self.rings.sample(&self.window.pixels, self.window.stride, x, y, &mut self.signature);
        let median = self.signature.median();
        self.signature.normalise(median, surface);
        (&self.signature, median)
    }
}

/// The wheel of a reference's mean image, `side` pixels of `grain` cells a side.
pub(super) fn wheel_of(mean: &[f32], side: usize, grain: usize, radius: f32, surface: u8) -> Wheel {
    let mut signature = Signature::default();
    // Twice as fine as the cells: points fall on whole pixels of this.
    let fine = images::magnified(mean, side * grain, 2);
    let rings = Rings::new(radius * (2 * grain) as f32);
    let middle = (side * grain) as f32 - 0.5;
    rings.sample(&fine, 2 * side * grain, middle, middle, &mut signature);
    signature.normalise(surface, surface);
    Wheel::new(&signature, &Rings::new(radius))
}

impl Inspector {
    /// An inspector; several may share a reference.
    pub fn new(reference: Arc<Reference>) -> Inspector {
        let t = reference.taught();
        let tools = Tools::new(t.scale, t.radius, t.limits.search, t.limits.edge, t.bright);
        Inspector::with_tools(reference, tools)
    }

    /// An inspector that looks with other tools than the reference's limits ask for.
    pub(super) fn with_tools(reference: Arc<Reference>, tools: Tools) -> Inspector {
        let t = reference.taught();
        let fine: Vec<f32> = t.mean.iter().map(|m| f32::from(*m)).collect();
        let wheel = wheel_of(&fine, t.side, t.grain as usize, reference.radius(), t.surface);
        let rows = Rows::new(tools.window.side);
        Inspector { tools, wheel, rows, blobs: Blobs::default(), reference }
    }

    /// What it inspects against.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Whether frames of this size fit the reference.
    pub fn fits(&self, view: &View<'_>) -> bool {
        let t = self.reference.taught();
        (view.width(), view.height()) == (t.width, t.height)
    }

    /// Inspects every nest of a frame that [fits](Self::fits).
    ///
    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call; reads each byte of the nests once from memory.
    pub fn inspect(&mut self, view: &View<'_>, verdict: &mut FrameVerdict) {
        self.inspect_watched(view, verdict, |_| ());
    }

    /// The same; `done` is called after each step.
    pub fn inspect_watched(
        &mut self,
        view: &View<'_>,
        verdict: &mut FrameVerdict,
        mut done: impl FnMut(Step),
    ) {
        verdict.clear();
        for i in 0..self.reference.taught().nests.len() {
            let nest = self.reference.taught().nests[i];
            self.tools.window.cut(view, nest.x, nest.y);
            done(Step::Cut);
            let findings = self.look(&nest, &mut done);
            verdict.push(self.verdict(&nest, &findings));
            done(Step::Decide);
        }
    }

    /// Looks at the part in the window.
    pub(super) fn look(&mut self, nest: &Nest, done: &mut impl FnMut(Step)) -> Findings {
        let reference = &*self.reference;
        let t = reference.taught();
        let found = self.tools.locate();
        done(Step::Locate);
        let none = Findings {
            found,
            turn: Turn { angle: 0.0, agreement: 1.0, x: 0.0, y: 0.0 },
            mark: None,
            kind: None,
        };
        if found.share < t.limits.presence {
            return none;
        }
        let (signature, median) = self.tools.sign(found.x, found.y, t.surface);
        let turn = if t.printed { self.wheel.turn(signature) } else { none.turn };
        let light = f32::from(median) / f32::from(t.surface.max(1));
        done(Step::Align);
        let (x, y) = (found.x + turn.x, found.y + turn.y);
        let pose = Pose::at(nest, reference.radius(), x, y, turn.angle, light);
        self.blobs.clear();
        let blobs = &mut self.blobs;
        compare(&self.tools.window, reference, &pose, ALL_ROWS, &mut self.rows, |seen| {
            if seen.exceeds {
                blobs.add(seen.chord.y as u16, seen.chord.x as u16, seen.dark, seen.bright);
            }
        });
        let mark = blobs.mark(t.limits.mark as u32 / 4);
        let fails = mark.filter(|m| m.mass as f32 > t.limits.mark);
        let kind = fails.map(|m| {
            // Few parts come here: the rows of the mark are compared once more.
            let mut form = Form::new(m.area, t.surface, reference.dark_print);
            let (window, work) = (&self.tools.window, &mut self.rows);
            compare(window, reference, &pose, form.rows(), work, |seen| form.add(seen));
            form.kind()
        });
        done(Step::Compare);
        Findings { found, turn, mark, kind }
    }

    /// The verdict on the part in the window.
    pub(super) fn verdict(&self, nest: &Nest, findings: &Findings) -> PartVerdict {
        decide(self.reference.taught(), nest, &self.tools.window, findings)
    }
}

//! From what was found to a verdict: which measure is beyond its limit, and what to call it.

use super::align::Turn;
use super::blobs::Blob;
use super::locate::Found;
use super::reference::{Nest, Taught};
use super::view::Window;
use crate::verdict::{Area, Defect, PartVerdict};

/// The largest score: a measure that is as far beyond its limit as can be said.
const MAX_SCORE: f32 = 999.0;

/// What was found of one part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Findings {
    pub found: Found,
    pub turn: Turn,
    /// The heaviest component and what belongs to it.
    pub mark: Option<Blob>,
    /// What it is, if it is beyond the limit.
    pub kind: Option<Defect>,
}

/// How far a measure is beyond its limit.
fn score(measure: f32, limit: f32) -> f32 {
    (measure / limit.max(1e-6)).min(MAX_SCORE)
}

/// The verdict on one part.
pub(super) fn decide(t: &Taught, nest: &Nest, window: &Window, f: &Findings) -> PartVerdict {
    let l = &t.limits;
    if f.found.share < l.presence {
        let part = square(t, nest.x, nest.y, t.radius);
        let score = score(l.presence, f.found.share);
        return PartVerdict { part, defect: Some(Defect::Missing), mark: part, pixels: 0, score };
    }
    let scale = t.scale as f32;
    let (x, y) = window.to_frame(f.found.x, f.found.y);
    let part = square(t, x, y, f.found.radius * scale);
    let shape = score((f.found.radius * scale - t.radius).abs(), l.radius)
        .max(score(f.found.deviation * scale, l.outline));
    if shape > 1.0 {
        let defect = Some(Defect::Deformed);
        return PartVerdict { part, defect, mark: part, pixels: 0, score: shape };
    }
    let print = if t.printed { score(l.print, f.turn.agreement.max(0.0)) } else { 0.0 };
    let surface = f.mark.map_or(0.0, |m| score(m.mass as f32, l.mark));
    let mark = f.mark.map_or(part, |m| area(t, window, &m));
    let pixels = f.mark.map_or(0, |m| m.pixels * t.scale * t.scale);
    let defect = match print > 1.0 {
        true => Some(Defect::Misprint),
        false => f.kind,
    };
    match defect {
        None => PartVerdict {
            part,
            defect,
            mark: part,
            pixels: 0,
            score: shape.max(print).max(surface),
        },
        Some(_) => PartVerdict { part, defect, mark, pixels, score: print.max(surface) },
    }
}

/// The square around a disc, clipped to the frame.
fn square(t: &Taught, x: f32, y: f32, radius: f32) -> Area {
    clip(t, x - radius, y - radius, x + radius + 1.0, y + radius + 1.0)
}

/// A component's box on the frame.
fn area(t: &Taught, window: &Window, b: &Blob) -> Area {
    let [x0, x1, y0, y1] = b.area.map(|v| f32::from(v) * t.scale as f32);
    let (left, top) = (window.left as f32, window.top as f32);
    let scale = t.scale as f32;
    clip(t, left + x0, top + y0, left + x1 + scale, top + y1 + scale)
}

fn clip(t: &Taught, x0: f32, y0: f32, x1: f32, y1: f32) -> Area {
    let low = |v: f32, side: u32| v.floor().clamp(0.0, side as f32) as u16;
    let high = |v: f32, side: u32| v.ceil().clamp(0.0, side as f32) as u16;
    let (x, y) = (low(x0, t.width), low(y0, t.height));
    Area {
        x,
        y,
        width: high(x1, t.width).saturating_sub(x),
        height: high(y1, t.height).saturating_sub(y),
    }
}

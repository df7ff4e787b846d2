//! How a cap is drawn: a turned metal face, a knurled skirt, its print, its shadow, and a flaw if it has one. All of
//! it ahead of time.

use super::flaw::{AWAY, Flaw, Prints};
use super::layout::{Cap, Layout, REACH};
use super::print::{Print, bump, smooth};
use crate::verdict::Defect;

/// Grey levels before the lighting.
const METAL: f32 = 184.0;
const INK: f32 = 72.0;
/// What share of a pixel's light the belt's motion smears into each of its two neighbours.
const SMEAR: f32 = 0.2;
/// Teeth around the skirt.
const TEETH: f32 = 72.0;
/// Where the face ends and the skirt begins, in radii.
const FACE: f32 = 0.845;
const SKIRT: f32 = 0.905;
/// A groove around the face.
const GROOVE: f32 = 0.80;
/// The shadow in the nest: how far it is displaced, its radius, its soft edge, and what it leaves of the light.
const SHADOW: [f32; 2] = [0.06, 0.08];
const SHADOW_RADIUS: f32 = 0.96;
const SHADOW_EDGE: f32 = 0.14;
const SHADOW_LEAVES: f32 = 0.30;

const TEXT: &[u8] = b"FRAMELINE.FRAMELINE.";
const OTHER_TEXT: &[u8] = b"LINEFRAME.LINEFRAME.";

/// Draws caps and flaws of one layout.
pub(super) struct Painter<'a> {
    layout: &'a Layout,
    prints: Prints,
    contrast: f32,
}

/// A rectangle of a cap's drawing, before the lighting.
pub(super) struct Sprite {
    /// Its first column and row in the drawing, and its columns.
    pub x: usize,
    pub y: usize,
    pub width: usize,
    /// What it adds to a pixel.
    pub grey: Box<[u8]>,
    /// What it leaves of the belt, 255 being all.
    pub through: Box<[u8]>,
    /// For each row: where it shows, and where within that nothing of the belt does; first columns and ends.
    pub spans: Box<[[u16; 4]]>,
}

impl<'a> Painter<'a> {
    pub fn new(layout: &'a Layout, contrast: f32) -> Painter<'a> {
        let prints = Prints { right: Print::new(TEXT), wrong: Print::new(OTHER_TEXT) };
        Painter { layout, prints, contrast }
    }

    /// A good cap.
    pub fn cap(&self, i: usize) -> Sprite {
        self.draw(&self.layout.caps[i], None, [0, 0, self.layout.side, self.layout.side])
    }

    /// The part of a cap that a flaw changes.
    pub fn flaw(&self, i: usize) -> Sprite {
        let cap = &self.layout.caps[Layout::cap_of(i)];
        self.draw(cap, Some(&self.layout.flaws[i]), self.layout.bounds(i))
    }

    fn draw(&self, cap: &Cap, flaw: Option<&Flaw>, [x0, y0, x1, y1]: [usize; 4]) -> Sprite {
        let width = x1 - x0;
        let (mut grey, mut through) = (Vec::new(), Vec::new());
        // One pixel more on both sides, for the smear.
        let mut row = vec![[0.0_f32, 1.0]; width + 2];
        for y in y0..y1 {
            for (i, p) in row.iter_mut().enumerate() {
                *p = self.pixel(cap, flaw, (x0 + i) as f32 - 1.0, y as f32);
            }
            let smeared = row.windows(3).map(|w| {
                [0, 1].map(|k| (1.0 - 2.0 * SMEAR) * w[1][k] + SMEAR * (w[0][k] + w[2][k]))
            });
            for [g, t] in smeared {
                grey.push((g + 0.5) as u8);
                through.push((t * 255.0 + 0.02) as u8);
            }
        }
        let rows = grey.chunks_exact(width).zip(through.chunks_exact(width));
        let spans = rows.map(|(g, t)| span(g, t)).collect();
        let (grey, through) = (grey.into(), through.into());
        Sprite { x: x0, y: y0, width, grey, through, spans }
    }

    /// What a pixel adds, and what share it leaves of what is behind it.
    fn pixel(&self, cap: &Cap, flaw: Option<&Flaw>, x: f32, y: f32) -> [f32; 2] {
        let (radius, half) = (self.layout.radius, self.layout.side as f32 / 2.0);
        let u = (x + 0.5 - half - cap.shift[0]) / radius;
        let v = (y + 0.5 - half - cap.shift[1]) / radius;
        let r = u.hypot(v);
        if r > REACH {
            return [0.0, 1.0];
        }
        let edge = flaw.map_or(1.0, |f| f.edge(u, v, self.contrast));
        let covers = ((edge - r) * radius + 0.5).clamp(0.0, 1.0);
        let far = (u - SHADOW[0]).hypot(v - SHADOW[1]);
        let lit = smooth((far - SHADOW_RADIUS) / SHADOW_EDGE);
        let through = (1.0 - covers) * (SHADOW_LEAVES + (1.0 - SHADOW_LEAVES) * lit);
        if covers == 0.0 {
            return [0.0, through];
        }
        let unbent = flaw.map_or(1.0, |f| f.unbent(r, edge));
        let (u, v, r) = (u * unbent, v * unbent, r * unbent);
        let (sin, cos) = cap.angle.sin_cos();
        let turned = [u * cos + v * sin, v * cos - u * sin, sin, cos];
        let mut ink = self.prints.right.ink(turned[0], turned[1], radius);
        if let Some(f) = flaw.filter(|f| f.defect == Defect::Misprint) {
            let wrong = f.ink(&self.prints, ink, [u, v], turned, radius);
            ink += (wrong - ink) * self.contrast;
        }
        let metal = metal(u, v, r, turned);
        // Ink has a little gloss of its own.
        let mut grey = metal + (INK + 0.12 * (metal - METAL) - metal) * ink;
        if let Some(f) = flaw {
            grey = f.surface(grey, u, v, edge, self.contrast);
        }
        [grey.clamp(0.0, 255.0) * covers, through]
    }
}

/// Where a row of a drawing shows, and where it hides all that is behind it.
fn span(grey: &[u8], through: &[u8]) -> [u16; 4] {
    let shows = |i: &usize| grey[*i] != 0 || through[*i] != 255;
    let hides = |i: &usize| through[*i] == 0;
    let ends = |on: &dyn Fn(&usize) -> bool| {
        let first = (0..grey.len()).find(on);
        let last = (0..grey.len()).rfind(on);
        first.zip(last).map(|(a, b)| (a as u16, b as u16 + 1))
    };
    let (from, to) = ends(&shows).unwrap_or_default();
    // A cap is convex: all between the first hidden pixel and the last is.
    let (solid, end) = ends(&hides).unwrap_or((to, to));
    [from, solid, end, to]
}

/// The bare metal at a place; `turned`: the place before the cap was turned.
fn metal(u: f32, v: f32, r: f32, turned: [f32; 4]) -> f32 {
    // How far a wall that falls outwards faces the light there, -1 to 1.
    let faces = -(u * AWAY[0] + v * AWAY[1]) / r.max(0.01);
    if r < FACE {
        // Turned on a lathe: light runs across it in a fan, and fine grooves run round it.
        let fan = (2.0 * faces * faces - 1.0) * smooth(r / 0.3);
        let grooves = (r * 190.0).sin() * 1.6 + (r * 83.0 + 1.0).sin() * 1.4;
        let shine = bump((u + 0.28).hypot(v + 0.34) / 0.62);
        let cut = bump((r - GROOVE) / 0.010) - bump((r - GROOVE - 0.016) / 0.010);
        return METAL * (1.0 + 0.09 * faces * r) + 9.0 * fan + grooves + 26.0 * shine
            - 34.0 * faces * cut;
    }
    // A rounded shoulder, brightest where it mirrors the lamp.
    let over = smooth((r - FACE) / (SKIRT - FACE));
    let face = METAL * (1.0 + 0.09 * faces);
    let shoulder = 30.0 * bump((over - 0.45) / 0.45) * (0.35 + faces);
    // The skirt, seen from above: teeth whose flanks face the light in turn.
    let (sin, cos) = (TEETH * turned[1].atan2(turned[0])).sin_cos();
    let sideways = (v * AWAY[0] - u * AWAY[1]) / r;
    let deep = smooth((r - SKIRT) / 0.015) * smooth((1.0 - r) / 0.03);
    let teeth = deep * (20.0 * cos + 22.0 * sin * sideways);
    let skirt = METAL * (0.90 + 0.12 * faces) * (1.0 - 0.10 * smooth((r - 0.95) / 0.05)) + teeth;
    face + (skirt - face) * over + shoulder
}

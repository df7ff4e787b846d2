//! How the scene is drawn: a cap's print and surface, its defects, belt and nests. All of it ahead of time.

use super::layout::{Cap, Layout, REACH};
use crate::format::Geometry;
use crate::verdict::Defect;

/// Pixels a radius in the print's master: finer than any cap that is drawn from it.
const MASTER_RADIUS: usize = 320;
const MASTER_SIDE: usize = 2 * MASTER_RADIUS + 2;
/// Grey levels before the lighting.
const METAL: f32 = 186.0;
const INK: f32 = 76.0;
const NEST: f32 = 26.0;
const BELT: f32 = 50.0;

const TEXT: &[u8] = b"FRAMELINE.FRAMELINE.";
/// The print's ring, in radii.
const RING: [f32; 2] = [0.52, 0.74];

/// Seven rows of five dots, the leftmost the highest bit.
fn glyph(c: u8) -> [u8; 7] {
    match c {
        b'F' => [31, 16, 16, 30, 16, 16, 16],
        b'R' => [30, 17, 17, 30, 20, 18, 17],
        b'A' => [14, 17, 17, 31, 17, 17, 17],
        b'M' => [17, 27, 21, 21, 17, 17, 17],
        b'E' => [31, 16, 16, 30, 16, 16, 31],
        b'L' => [16, 16, 16, 16, 16, 16, 31],
        b'I' => [14, 4, 4, 4, 4, 4, 14],
        b'N' => [17, 25, 21, 19, 17, 17, 17],
        _ => [0, 0, 4, 14, 4, 0, 0],
    }
}

fn dot(c: u8, column: f32, row: f32) -> bool {
    (0.0..5.0).contains(&column)
        && (0.0..7.0).contains(&row)
        && glyph(c)[row as usize] >> (4 - column as u32) & 1 == 1
}

/// Whether there is ink at that place of the cap, in radii from its centre.
fn is_ink(u: f32, v: f32) -> bool {
    let r = (u * u + v * v).sqrt();
    if (0.40..0.44).contains(&r) || (0.80..0.82).contains(&r) {
        return true;
    }
    if r < 0.36 {
        let dot_side = 0.068;
        return dot(b'F', u / dot_side + 2.5, v / dot_side + 3.5);
    }
    if !(RING[0]..RING[1]).contains(&r) {
        return false;
    }
    let around = (v.atan2(u) / std::f32::consts::TAU).rem_euclid(1.0) * TEXT.len() as f32;
    let row = (RING[1] - r) / (RING[1] - RING[0]) * 7.0;
    dot(TEXT[around as usize % TEXT.len()], around.fract() * 6.0 - 0.5, row)
}

/// The print, once and for all, four samples a pixel.
pub(super) struct Master {
    ink: Vec<u8>,
}

impl Master {
    pub fn new() -> Master {
        let at =
            |i: usize, sub: f32| (i as f32 + sub - MASTER_SIDE as f32 / 2.0) / MASTER_RADIUS as f32;
        let ink = (0..MASTER_SIDE * MASTER_SIDE)
            .map(|i| {
                let (x, y) = (i % MASTER_SIDE, i / MASTER_SIDE);
                let subs = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)];
                let hits = subs.iter().filter(|s| is_ink(at(x, s.0), at(y, s.1))).count();
                (hits * 255 / 4) as u8
            })
            .collect();
        Master { ink }
    }

    /// How much ink there is at that place, `0..=1`.
    fn ink(&self, u: f32, v: f32) -> f32 {
        let at = |c: f32| {
            let c = c * MASTER_RADIUS as f32 + MASTER_SIDE as f32 / 2.0 - 0.5;
            c.clamp(0.0, (MASTER_SIDE - 2) as f32)
        };
        let (x, y) = (at(u), at(v));
        let (i, fx, fy) = (y as usize * MASTER_SIDE + x as usize, x.fract(), y.fract());
        let p = |k: usize| f32::from(self.ink[i + k]);
        let above = p(0) + (p(1) - p(0)) * fx;
        let below = p(MASTER_SIDE) + (p(MASTER_SIDE + 1) - p(MASTER_SIDE)) * fx;
        (above + (below - above) * fy) / 255.0
    }
}

fn smooth(x: f32) -> f32 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// Draws a cap before the lighting, `side` x `side`.
pub(super) fn cap(master: &Master, layout: &Layout, cap: &Cap, contrast: f32) -> Box<[u8]> {
    let (side, radius) = (layout.side, layout.radius);
    let (sin, cos) = cap.angle.sin_cos();
    let mut out = vec![0_u8; side * side].into_boxed_slice();
    for y in 0..side {
        for x in 0..side {
            let u = (x as f32 + 0.5 - side as f32 / 2.0 - cap.shift[0]) / radius;
            let v = (y as f32 + 0.5 - side as f32 / 2.0 - cap.shift[1]) / radius;
            let r = (u * u + v * v).sqrt();
            if r > REACH + 0.02 {
                continue;
            }
            // A dented outline: the surface is squeezed towards the centre there.
            let squeeze = match cap.defect {
                Some(Defect::Deformed) => {
                    let off = ((v.atan2(u) - cap.turn + std::f32::consts::PI)
                        .rem_euclid(std::f32::consts::TAU)
                        - std::f32::consts::PI)
                        .abs();
                    1.0 - contrast * cap.size * smooth(1.0 - off / 0.42)
                }
                _ => 1.0,
            };
            let (du, dv, dr) = (u / squeeze, v / squeeze, r / squeeze);
            let (pu, pv) = (du * cos + dv * sin, dv * cos - du * sin);
            let mut ink = master.ink(pu, pv);
            if cap.defect == Some(Defect::Misprint) {
                let wrong = if cap.other {
                    let (du, dv) = (cap.turn.cos() * cap.size, cap.turn.sin() * cap.size);
                    if dr < 0.84 { master.ink(pu - du, pv - dv) } else { ink }
                } else {
                    let off = ((v.atan2(u) - cap.turn + std::f32::consts::PI)
                        .rem_euclid(std::f32::consts::TAU)
                        - std::f32::consts::PI)
                        .abs();
                    if off < cap.size && (0.48..0.78).contains(&r) { 0.0 } else { ink }
                };
                ink += (wrong - ink) * contrast;
            }
            // The surface: a shallow dome, knurled at its edge, lit from the upper left.
            let slope = -(du * 0.6 + dv * 0.8);
            let mut metal = METAL * (1.0 + 0.10 * slope);
            let shine = (du + 0.30).powi(2) + (dv + 0.36).powi(2);
            if shine < 0.5 {
                metal += 34.0 * (-shine * 14.0).exp();
            }
            if dr > 0.86 {
                let tooth = (pv.atan2(pu) * 72.0).cos();
                metal = METAL * (0.93 + 0.17 * slope) + 20.0 * tooth * smooth((dr - 0.86) / 0.03);
                metal *= 1.0 - 0.12 * smooth((dr - 0.95) / 0.05);
            }
            let mut grey = metal + (INK - metal) * ink * 0.92;
            // At full contrast plain to see; at half of it some are not.
            grey += contrast * 0.62 * blemish(cap, u, v, r);
            // Its edge, and the shadow that it throws into the nest.
            let inside = ((1.0 - dr) * radius + 0.5).clamp(0.0, 1.0);
            let shadow = NEST * (0.72 + 0.28 * smooth((dr - 1.0) / 0.06));
            grey = shadow + (grey - shadow) * inside;
            out[y * side + x] = (grey + 0.5) as u8;
        }
    }
    out
}

/// What a scratch, a dent or a stain adds to the grey level.
fn blemish(cap: &Cap, u: f32, v: f32, r: f32) -> f32 {
    let (du, dv) = (u - cap.at[0], v - cap.at[1]);
    let d = (du * du + dv * dv).sqrt();
    if r > 0.99 {
        return 0.0;
    }
    match cap.defect {
        Some(Defect::Scratch) => {
            let along = du * cap.turn.cos() + dv * cap.turn.sin();
            let across = dv * cap.turn.cos() - du * cap.turn.sin() + 0.35 * along * along;
            let width = 0.016 * (1.0 - 0.5 * (along / cap.size).abs());
            let on = smooth((cap.size - along.abs()) / 0.03) * smooth(1.6 - across.abs() / width);
            on * if cap.other { 78.0 } else { -92.0 }
        }
        Some(Defect::Dent) => {
            let t = d / cap.size;
            if t > 1.2 {
                return 0.0;
            }
            let wall = (du * 0.6 + dv * 0.8) / cap.size;
            let bowl = smooth((1.2 - t) / 0.4);
            bowl * (115.0 * wall - 22.0)
        }
        Some(Defect::Stain) => {
            let lobe = 1.0 + 0.18 * (dv.atan2(du) * 3.0 + cap.turn).sin();
            -96.0 * smooth((1.0 - d / (cap.size * lobe)) / 0.55)
        }
        _ => 0.0,
    }
}

/// The empty conveyor under its lamp.
pub(super) fn belt(g: &Geometry, layout: &Layout, light: &Light) -> Box<[u8]> {
    let (width, height) = (g.width as usize, g.height as usize);
    let mut belt = vec![0_u8; width * height].into_boxed_slice();
    for (y, row) in belt.chunks_exact_mut(width).enumerate() {
        let nest_row = ((y as f32 / layout.pitch[1]) as u32).min(layout.rows - 1);
        let gain = f32::from(light.rows[y]) / 65536.0;
        for (x, p) in row.iter_mut().enumerate() {
            let nest_column = ((x as f32 / layout.pitch[0]) as u32).min(layout.columns - 1);
            let nest = layout.nest(nest_row * layout.columns + nest_column);
            let (u, v) =
                ((x as f32 - nest[0]) / layout.radius, (y as f32 - nest[1]) / layout.radius);
            let r = (u * u + v * v).sqrt();
            let grey = if r < 1.13 {
                NEST * (0.72 + 0.28 * smooth((r - 0.3) / 0.8))
            } else if r < 1.18 {
                let lit = (u * 0.6 + v * 0.8) / r;
                BELT + 26.0 * lit
            } else {
                // A woven belt.
                let weave = ((x / 3 + y / 3) % 4) as f32 - 1.5 + ((x / 2 + 7 * (y / 5)) % 3) as f32;
                BELT + 2.2 * weave
            };
            *p = (grey * f32::from(light.columns[x]) / 256.0 * gain + 0.5) as u8;
        }
    }
    belt
}

/// The lamp: a gradient, and the lens's vignetting; the product of a row's and a column's gain.
#[derive(Debug)]
pub(super) struct Light {
    /// Gain of each column, of 256.
    pub columns: Box<[u8]>,
    /// Gain of each row, of 65536.
    pub rows: Box<[u16]>,
}

impl Light {
    pub fn new(g: &Geometry) -> Light {
        let gain = |i: u32, n: u32, gradient: f32, fall: f32| {
            let c = (i as f32 + 0.5) / n as f32 * 2.0 - 1.0;
            ((1.0 - fall * c * c) * (1.0 + gradient * c)) / (1.0 + gradient.abs())
        };
        Light {
            columns: (0..g.width).map(|x| (255.0 * gain(x, g.width, 0.05, 0.13)) as u8).collect(),
            rows: (0..g.height)
                .map(|y| (65535.0 * gain(y, g.height, -0.04, 0.10)) as u16)
                .collect(),
        }
    }

    /// Lays a row of a drawing under the lamp.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock.
    #[inline]
    pub fn lay(gain: u16, columns: &[u8], from: &[u8], to: &mut [u8]) {
        for ((to, from), column) in to.iter_mut().zip(from).zip(columns) {
            // 16 bits throughout: one multiplication of eight or sixteen pixels each.
            let lit = u16::from(*from) * u16::from(*column);
            *to = ((u32::from(lit) * u32::from(gain)) >> 24) as u8;
        }
    }
}

//! The empty conveyor: a woven belt of links, a milled pocket for each part, and the lamp and lens above it.

use super::flaw::AWAY;
use super::layout::Layout;
use super::print::{Mottle, bump, smooth};
use crate::format::Geometry;

/// Grey levels before the lighting.
const BELT: f32 = 50.0;
const NEST: f32 = 31.0;
/// A pocket's floor, and the end of the slope around it, in radii of the cap.
const FLOOR: f32 = 1.21;
const SLOPE: f32 = 1.29;
/// The hole that sucks the part down.
const HOLE: f32 = 0.10;
/// The radius, in pixels, at which textures are as fine as they say.
const FINE_AT: f32 = 214.0;

/// What all rows of a belt have in common.
pub(super) struct Belt<'a> {
    layout: &'a Layout,
    light: &'a Light,
    width: usize,
    scale: f32,
    weave: Vec<f32>,
    clouds: [Mottle; 3],
}

impl<'a> Belt<'a> {
    pub fn new(g: &Geometry, layout: &'a Layout, light: &'a Light, key: u64) -> Belt<'a> {
        // Finer textures than pixels are none.
        let scale = (layout.radius / FINE_AT).max(0.5);
        let weave = (0..g.width).map(|x| (x as f32 * 0.8 / scale).sin()).collect();
        let clouds = [
            Mottle::new(key ^ 1, [90.0 * scale, 70.0 * scale]),
            Mottle::new(key ^ 2, [9.0 * scale, 7.0 * scale]),
            // Scuffs run with the belt.
            Mottle::new(key ^ 3, [260.0 * scale, 3.0 * scale]),
        ];
        Belt { layout, light, width: g.width as usize, scale, weave, clouds }
    }

    /// Draws row `y` under the lamp.
    pub fn row(&self, y: usize, out: &mut [u8]) {
        let l = self.layout;
        let fibre = (y as f32 * 0.8 / self.scale).sin();
        let gain = f32::from(self.light.rows[y]) / 65536.0;
        let [wide, fine, scuffs] = self.clouds.each_ref().map(|c| c.row(y, self.width));
        let clouds = wide.zip(fine).zip(scuffs);
        let nest_row = ((y as f32 / l.pitch[1]) as u32).min(l.rows - 1);
        for ((x, p), ((wide, fine), scuff)) in out.iter_mut().enumerate().zip(clouds) {
            let nest_column = ((x as f32 / l.pitch[0]) as u32).min(l.columns - 1);
            let nest = l.nest(nest_row * l.columns + nest_column);
            let (u, v) =
                ((x as f32 + 0.5 - nest[0]) / l.radius, (y as f32 + 0.5 - nest[1]) / l.radius);
            let r = u.hypot(v);
            let grey = if r < SLOPE + 0.02 {
                let outside = BELT + 3.0 * wide;
                let inside = self.pocket(u, v, r) + fine;
                inside + (outside - inside) * ((r - SLOPE) * l.radius + 0.5).clamp(0.0, 1.0)
            } else {
                let woven = 2.6 * self.weave[x] * fibre;
                let cloth = BELT + 3.0 * wide + 2.4 * fine + 3.0 * scuff * scuff * scuff + woven;
                cloth * self.joint(x)
            };
            *p = (grey * f32::from(self.light.columns[x]) / 256.0 * gain + 0.5) as u8;
        }
    }

    /// The gap between two links of the belt, halfway between two columns of nests.
    fn joint(&self, x: usize) -> f32 {
        let l = self.layout;
        let near = ((x as f32 + 0.5) / l.pitch[0]).round();
        if near < 1.0 || near > l.columns as f32 - 1.0 {
            return 1.0;
        }
        let off = (x as f32 + 0.5 - near * l.pitch[0]) / self.scale;
        1.0 - 0.62 * bump(off / 4.0) + 0.35 * bump((off - 5.0) / 3.0)
    }

    fn pocket(&self, u: f32, v: f32, r: f32) -> f32 {
        // The wall on the lamp's side throws its shadow on the floor; the one across is lit.
        let across = (u * AWAY[0] + v * AWAY[1]) / r.max(0.01);
        let slope = BELT * (0.88 + 0.72 * across);
        let shade = smooth(((u - 0.14 * AWAY[0]).hypot(v - 0.14 * AWAY[1]) - 1.06) / 0.26);
        let mut floor = NEST * (1.0 - 0.55 * shade) + 0.9 * (r * 70.0).sin();
        let hole = ((r - HOLE) * self.layout.radius + 0.5).clamp(0.0, 1.0);
        floor += 16.0 * across * bump((r - HOLE - 0.015) / 0.02);
        floor = 9.0 + (floor - 9.0) * hole;
        floor + (slope - floor) * ((r - FLOOR) * self.layout.radius + 0.5).clamp(0.0, 1.0)
    }
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
            columns: (0..g.width).map(|x| (255.0 * gain(x, g.width, -0.05, 0.15)) as u8).collect(),
            rows: (0..g.height)
                .map(|y| (65535.0 * gain(y, g.height, -0.04, 0.12)) as u16)
                .collect(),
        }
    }

    /// Lays a row of a drawing that hides what is behind it.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock.
    #[inline]
    pub fn lay(gain: u16, columns: &[u8], from: &[u8], to: &mut [u8]) {
        for ((to, from), column) in to.iter_mut().zip(from).zip(columns) {
            *to = lit(gain, *column, *from);
        }
    }

    /// Lays a row of a drawing that leaves something of what is behind it.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock.
    #[inline]
    pub fn lay_over(gain: u16, columns: &[u8], from: &[u8], through: &[u8], to: &mut [u8]) {
        for (((to, from), through), column) in to.iter_mut().zip(from).zip(through).zip(columns) {
            let share = u16::from(*through) + u16::from(*through >> 7);
            let behind = (u16::from(*to) * share) >> 8;
            *to = lit(gain, *column, *from).saturating_add(behind as u8);
        }
    }
}

#[inline]
fn lit(gain: u16, column: u8, grey: u8) -> u8 {
    // 16 bits throughout: one multiplication of eight or sixteen pixels each.
    let lit = u16::from(grey) * u16::from(column);
    ((u32::from(lit) * u32::from(gain)) >> 24) as u8
}

//! Painted parts for tests: discs with a print, lit from one side, with noise, jitter and any turn.

use super::view::View;
use crate::format::{Geometry, PixelFormat};
use crate::verdict::Defect;

/// A small generator of numbers that a seed repeats.
#[derive(Debug, Clone)]
pub(super) struct Dice(pub u64);

impl Dice {
    /// From 0 to 1.
    pub fn roll(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// About normal, deviation 1.
    fn noise(&mut self) -> f32 {
        (self.roll() + self.roll() + self.roll() + self.roll() - 2.0) * 1.73
    }
}

/// What is painted.
#[derive(Debug, Clone)]
pub(super) struct Painter {
    pub columns: usize,
    pub rows: usize,
    pub radius: f32,
    pub pitch: f32,
    pub jitter: f32,
    pub noise: f32,
    pub printed: bool,
    pub turned: bool,
    pub dark: bool,
}

impl Default for Painter {
    fn default() -> Self {
        Painter {
            columns: 3,
            rows: 2,
            radius: 32.0,
            pitch: 86.0,
            jitter: 5.0,
            noise: 2.0,
            printed: true,
            turned: true,
            dark: false,
        }
    }
}

impl Painter {
    pub fn geometry(&self) -> Geometry {
        let side = |n: usize| (n as f32 * self.pitch) as u32 + 17;
        Geometry::new(side(self.columns), side(self.rows), PixelFormat::MONO8)
    }

    pub fn nest(&self, part: usize) -> (f32, f32) {
        let at = |i: usize| (i as f32 + 0.5) * self.pitch + 8.0;
        (at(part % self.columns), at(part / self.columns))
    }

    /// A frame; `defects` says what is wrong with which part.
    pub fn frame(&self, seed: u64, defects: &[(usize, Defect)]) -> Vec<u8> {
        let g = self.geometry();
        let (w, h) = (g.width as usize, g.height as usize);
        let mut dice = Dice(seed);
        let mut image = vec![0.0_f32; w * h];
        for (i, v) in image.iter_mut().enumerate() {
            *v = if self.dark { 190.0 } else { 45.0 }
                + 4.0 * ((i % w) as f32 * 0.7).sin() * ((i / w) as f32 * 0.3).cos();
        }
        for part in 0..self.columns * self.rows {
            let mut shift = || (dice.roll() - 0.5) * 2.0 * self.jitter;
            let (jx, jy) = (shift(), shift());
            let angle = if self.turned { dice.roll() * std::f32::consts::TAU } else { 0.0 };
            let defect = defects.iter().find(|(p, _)| *p == part).map(|(_, d)| *d);
            let (x, y) = self.nest(part);
            self.part(&mut image, w, (x + jx, y + jy), angle, defect);
        }
        let bytes = image.iter().enumerate().map(|(i, v)| {
            let (x, y) = ((i % w) as f32 / w as f32 - 0.5, (i / w) as f32 / h as f32 - 0.5);
            let light = 1.0 + 0.25 * x - 0.15 * y - 0.3 * (x * x + y * y);
            (*v * light + self.noise * dice.noise()).round().clamp(0.0, 255.0) as u8
        });
        bytes.collect()
    }

    fn part(
        &self,
        image: &mut [f32],
        w: usize,
        at: (f32, f32),
        angle: f32,
        defect: Option<Defect>,
    ) {
        if defect == Some(Defect::Missing) {
            return;
        }
        let (sin, cos) = angle.sin_cos();
        let r = self.radius;
        let reach = r as i32 + 6;
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let (px, py) = (at.0 as i32 + dx, at.1 as i32 + dy);
                if px < 0 || py < 0 || px as usize >= w || (py as usize) * w >= image.len() {
                    continue;
                }
                let (dx, dy) = (px as f32 - at.0, py as f32 - at.1);
                let (u, v) = ((cos * dx + sin * dy) / r, (cos * dy - sin * dx) / r);
                let out = if defect == Some(Defect::Deformed) {
                    1.0 - 0.10 * (2.0 * v.atan2(u)).cos()
                } else {
                    1.0
                };
                let cover = ((out - u.hypot(v)) * r + 0.5).clamp(0.0, 1.0);
                if cover == 0.0 {
                    continue;
                }
                let bump =
                    |a: f32, b: f32, w: f32| (-((u - a).powi(2) + (v - b).powi(2)) / (w * w)).exp();
                let bar = |a: f32, b: f32, l: f32, t: f32| {
                    let edge = |d: f32| (d * r * 0.8 + 0.5).clamp(0.0, 1.0);
                    edge(l - (u - a).abs()) * edge(t - (v - b).abs())
                };
                let (surface, ink) = if self.dark { (85.0, -95.0) } else { (170.0, 95.0) };
                let mut level = surface - 25.0 * u.hypot(v).powi(4);
                if self.printed && defect != Some(Defect::Misprint) {
                    level -= ink
                        * bar(-0.1, -0.35, 0.5, 0.09)
                            .max(bar(0.25, 0.15, 0.12, 0.3))
                            .max(bar(-0.3, 0.3, 0.2, 0.08));
                }
                match defect {
                    Some(Defect::Scratch) => level += 70.0 * bar(0.05, 0.0, 0.55, 1.2 / r),
                    Some(Defect::Dent) => {
                        level += 60.0 * bump(-0.35, 0.0, 0.09) - 45.0 * bump(-0.27, 0.06, 0.09)
                    }
                    Some(Defect::Stain) => level -= 40.0 * bump(-0.4, -0.05, 0.16),
                    _ => {}
                }
                let pixel = &mut image[py as usize * w + px as usize];
                *pixel += (level - *pixel) * cover;
            }
        }
    }
}

/// The view of a painted frame.
pub(super) fn view<'a>(g: &Geometry, bytes: &'a [u8]) -> View<'a> {
    View::new(bytes, g.width, g.height, g.width).expect("whole")
}

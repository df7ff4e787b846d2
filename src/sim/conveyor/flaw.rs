//! The planted defects: what each looks like, and the rectangle outside of which it changes nothing.
//!
//! All lengths are in radii of the cap, from its centre; the light comes from the upper left.

use super::super::pattern::mix;
use super::layout::{VARIANTS, share};
use super::print::{PRINT_REACH, Print, RING, bump, smooth, wrapped};
use crate::verdict::Defect;
use std::f32::consts::TAU;

/// The kinds that are drawn; a missing part is not.
pub(super) const DRAWN: [Defect; 5] =
    [Defect::Deformed, Defect::Scratch, Defect::Dent, Defect::Stain, Defect::Misprint];
/// From where on a bent rim is pushed inwards.
const BEND: f32 = 0.70;
/// Towards the light's far side.
pub(super) const AWAY: [f32; 2] = [0.6, 0.8];
/// Half the width of a scratch, and the least in pixels: a thinner one would be broken.
const SCRATCH: f32 = 0.014;
const LEAST_SCRATCH_PIXELS: f32 = 1.3;

/// One drawn defect, on one of the good caps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flaw {
    pub defect: Defect,
    /// Where its middle is.
    at: [f32; 2],
    /// Its direction, in radians.
    turn: f32,
    /// Its size (of a misprint by a sector: in radians).
    size: f32,
    /// Half the width of a scratch.
    width: f32,
    /// One of several looks.
    look: Look,
}

/// How a misprint is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Look {
    /// A sector of the ring has no print.
    Gap,
    /// All of it is displaced.
    Shifted,
    /// It was printed twice, each time too weakly.
    Doubled,
    /// It is another product's.
    Other,
}

/// The prints that a misprint chooses from.
pub(super) struct Prints {
    pub right: Print,
    pub wrong: Print,
}

impl Flaw {
    /// Flaw `i` of all that are drawn, on caps of `radius` pixels.
    pub fn new(i: usize, lot: u64, radius: f32) -> Flaw {
        let lots = [lot, mix(lot), mix(mix(lot))];
        let defect = DRAWN[i / VARIANTS % DRAWN.len()];
        let look = [Look::Gap, Look::Shifted, Look::Doubled, Look::Other][i % 4];
        let (turn, out, large) = (TAU * share(lots[0]), share(lots[1]), share(lots[2]));
        let (far, size) = match (defect, look) {
            (Defect::Deformed, _) => (0.0, 0.07 + 0.05 * large),
            (Defect::Scratch, _) => (0.45 * out, 0.27 + 0.13 * large),
            (Defect::Dent, _) => (0.15 + 0.5 * out, 0.10 + 0.05 * large),
            (Defect::Stain, _) => (0.1 + 0.5 * out, 0.12 + 0.06 * large),
            (_, Look::Gap) => (0.0, 0.45 + 0.30 * large),
            (_, Look::Doubled) => (0.0, 0.05 + 0.03 * large),
            _ => (0.0, 0.07 + 0.04 * large),
        };
        let turned = match defect {
            Defect::Scratch | Defect::Stain => TAU * share(lots[2] >> 16),
            _ => turn,
        };
        Flaw {
            defect,
            at: [far * turn.cos(), far * turn.sin()],
            turn: turned,
            size,
            width: SCRATCH.max(LEAST_SCRATCH_PIXELS / radius),
            look,
        }
    }

    /// Left, top, right and bottom of what it changes.
    pub fn bounds(&self) -> [f32; 4] {
        let [x, y] = self.at;
        let s = self.size;
        match self.defect {
            Defect::Deformed => sector(self.turn, (1.0 - s).acos(), [BEND, 1.01]),
            Defect::Scratch => {
                // Along the curve, its burr included.
                let ends = (-8..=8).map(|i| {
                    let along = s * i as f32 / 8.0;
                    let (sin, cos) = self.turn.sin_cos();
                    let across = -BOW * along * along;
                    [x + along * cos - across * sin, y + along * sin + across * cos]
                });
                grown(around(ends), 3.0 * self.width)
            }
            Defect::Dent => [x - s, y - s, x + s, y + s],
            Defect::Stain => self.drops().iter().fold([x, y, x, y], |b, (at, r)| {
                let r = r * LOBES;
                let [u, v] = *at;
                [b[0].min(u - r), b[1].min(v - r), b[2].max(u + r), b[3].max(v + r)]
            }),
            _ => match self.look {
                Look::Gap => sector(self.turn, s, [RING[0] - 0.03, RING[1] + 0.03]),
                Look::Other => [-PRINT_REACH, -PRINT_REACH, PRINT_REACH, PRINT_REACH],
                Look::Shifted | Look::Doubled => {
                    let [du, dv] = self.shift();
                    let (low, high) =
                        (|d: f32| d.min(0.0) - PRINT_REACH, |d: f32| d.max(0.0) + PRINT_REACH);
                    [low(du), low(dv), high(du), high(dv)]
                }
            },
        }
    }

    /// Where the outline is in a direction; 1 on a round cap.
    pub fn edge(&self, u: f32, v: f32, contrast: f32) -> f32 {
        if self.defect != Defect::Deformed {
            return 1.0;
        }
        let off = wrapped(v.atan2(u) - self.turn).abs();
        if off > 1.2 {
            return 1.0;
        }
        // Pressed flat: the chord instead of the arc.
        1.0 - contrast * (1.0 - (1.0 - self.size) / off.cos()).max(0.0)
    }

    /// By how much a place on a cap with that outline lay farther out before it was bent.
    pub fn unbent(&self, r: f32, edge: f32) -> f32 {
        if r <= BEND || edge >= 1.0 {
            return 1.0;
        }
        (BEND + (r - BEND) * (1.0 - BEND) / (edge - BEND)) / r
    }

    /// How much ink there is, where there should be `ink`; `turned`: the place on the cap before it was turned, and
    /// the turn's sine and cosine.
    pub fn ink(
        &self,
        prints: &Prints,
        ink: f32,
        at: [f32; 2],
        turned: [f32; 4],
        radius: f32,
    ) -> f32 {
        let [u, v, sin, cos] = turned;
        let displaced = |by: [f32; 2]| {
            let (du, dv) = (by[0] * cos + by[1] * sin, by[1] * cos - by[0] * sin);
            prints.right.ink(u - du, v - dv, radius)
        };
        match self.look {
            Look::Gap => {
                let r = at[0].hypot(at[1]);
                let ring = r > RING[0] - 0.03 && r < RING[1] + 0.03;
                let off = wrapped(at[1].atan2(at[0]) - self.turn).abs();
                if ring { ink * smooth((off - self.size) / 0.05 + 1.0) } else { ink }
            }
            Look::Shifted => displaced(self.shift()),
            Look::Doubled => (0.5 * ink).max(0.75 * displaced(self.shift())),
            Look::Other => prints.wrong.ink(u, v, radius),
        }
    }

    /// The grey level of the surface, where it should be `grey`.
    pub fn surface(&self, grey: f32, u: f32, v: f32, edge: f32, contrast: f32) -> f32 {
        let (du, dv) = (u - self.at[0], v - self.at[1]);
        match self.defect {
            Defect::Deformed => {
                // The bent rim faces another way: a fold, and a wall that is lit or not.
                let depth = ((1.0 - edge) / self.size).min(1.0);
                let r = u.hypot(v).max(0.01);
                let faces = (u * AWAY[0] + v * AWAY[1]) / r;
                let wall = smooth((r - BEND - 0.06) / 0.1);
                let fold = bump((r - BEND - 0.08) / 0.05);
                grey + depth * (wall * (34.0 * faces - 14.0) + 26.0 * fold)
            }
            Defect::Scratch => {
                let (sin, cos) = self.turn.sin_cos();
                let along = du * cos + dv * sin;
                let across = dv * cos - du * sin + BOW * along * along;
                let taper = smooth((self.size - along.abs()) / (0.5 * self.size));
                let width = self.width * (0.45 + 0.55 * taper);
                let bright = bump(across / width);
                // The metal that was pushed up beside it throws a shadow.
                let dark = bump((across - 1.7 * width) / (1.2 * width));
                grey + contrast * taper * (90.0 * bright - 46.0 * dark)
            }
            Defect::Dent => {
                let d = du.hypot(dv);
                let t = d / self.size;
                // The far wall of a hollow faces the light, the near one does not.
                let lit = (du * AWAY[0] + dv * AWAY[1]) / d.max(1e-4);
                let wall = 3.5 * t * bump(t) * lit;
                let rim = bump((t - 0.86) / 0.14) * -lit;
                let (gu, gv) = (du / self.size - 0.42 * AWAY[0], dv / self.size - 0.42 * AWAY[1]);
                let glint = bump(gu.hypot(gv) / 0.3);
                grey + contrast * (66.0 * wall + 16.0 * rim + 34.0 * glint - 16.0 * bump(t))
            }
            Defect::Stain => {
                let mut mask = 0.0_f32;
                for (i, (at, r)) in self.drops().into_iter().enumerate() {
                    let (du, dv) = (u - at[0], v - at[1]);
                    let angle = dv.atan2(du) + self.turn + i as f32;
                    let lobed = r * (1.0 + 0.13 * (3.0 * angle).sin() + 0.08 * (5.0 * angle).cos());
                    let t = du.hypot(dv) / lobed;
                    // Dried at its border.
                    mask =
                        mask.max(smooth((1.0 - t) / 0.5) * (0.86 + 0.14 * bump((t - 0.62) / 0.3)));
                }
                grey * (1.0 - 0.62 * contrast * mask)
            }
            _ => grey,
        }
    }

    fn shift(&self) -> [f32; 2] {
        [self.size * self.turn.cos(), self.size * self.turn.sin()]
    }

    /// A stain's blot and two droplets: middle and radius.
    fn drops(&self) -> [([f32; 2], f32); 3] {
        let drop = |turn: f32, far: f32, r: f32| {
            let at = [
                self.at[0] + far * self.size * turn.cos(),
                self.at[1] + far * self.size * turn.sin(),
            ];
            (at, r * self.size)
        };
        [drop(0.0, 0.0, 1.0), drop(self.turn, 1.2, 0.24), drop(self.turn + 0.7, 1.32, 0.15)]
    }
}

/// How much a scratch is bent.
const BOW: f32 = 0.35;
/// By how much the lobes of a stain exceed its radius at most.
const LOBES: f32 = 1.21;

/// The rectangle around a sector of a ring.
fn sector(turn: f32, half: f32, radii: [f32; 2]) -> [f32; 4] {
    let arc = (-16..=16).map(|i| turn + half * i as f32 / 16.0);
    let points = arc.flat_map(|a| radii.map(|r| [r * a.cos(), r * a.sin()]));
    grown(around(points), 0.004)
}

fn around(points: impl Iterator<Item = [f32; 2]>) -> [f32; 4] {
    points.fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |b, [x, y]| {
        [b[0].min(x), b[1].min(y), b[2].max(x), b[3].max(y)]
    })
}

fn grown(b: [f32; 4], by: f32) -> [f32; 4] {
    [b[0] - by, b[1] - by, b[2] + by, b[3] + by]
}

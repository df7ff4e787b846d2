//! Where the parts of a frame lie and what is wrong with them: a pure function of seed, geometry and serial.

use super::super::pattern::mix;
use crate::format::Geometry;
use crate::verdict::{Area, Defect, MAX_PARTS};

/// Good caps that are drawn, each turned another way.
pub(super) const GOOD: usize = 16;
/// Drawn caps of each kind of defect; a missing part needs none.
pub(super) const VARIANTS: usize = 8;
/// The kinds that are drawn.
const DRAWN: [Defect; 5] =
    [Defect::Deformed, Defect::Scratch, Defect::Dent, Defect::Stain, Defect::Misprint];
/// Drawn caps in all.
pub(super) const SPRITES: usize = GOOD + DRAWN.len() * VARIANTS;
/// What is drawn of a cap, rim and shadow included, in radii.
pub(super) const REACH: f32 = 1.04;
/// A cap's diameter in nest pitches.
const FILLING: f32 = 0.70;

/// What the simulated line shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// What is shown at all.
    pub scene: Scene,
    /// The share of parts that are defective, `0..=1`.
    pub defects: f64,
    /// How clear the defects are, `0..=1`; what they add to grey levels and outline goes with its square.
    pub contrast: f64,
    /// Sensor noise: standard deviation at mid grey, in grey levels of 255, `0..=50`; its variance grows with the light.
    pub noise: f64,
    /// By how much of its diameter a part lies beside its nest at most, `0..=0.08`.
    pub jitter: f64,
}

impl Default for Look {
    fn default() -> Self {
        Look { scene: Scene::Auto, defects: 0.08, contrast: 1.0, noise: 2.0, jitter: 0.015 }
    }
}

/// What a simulated camera looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scene {
    /// The conveyor where it can be shown, else the pattern.
    #[default]
    Auto,
    /// Printed caps on a conveyor, some of them defective ([`Truth`](super::Truth) says which).
    Conveyor,
    /// A picture that is cheap to draw and to check ([`Pattern`](super::super::Pattern)).
    Pattern,
}

impl Scene {
    /// The names that the parameter may have.
    pub const NAMES: [&'static str; 3] = ["auto", "conveyor", "pattern"];

    /// The name that a URI uses.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The scene of that name.
    pub fn from_name(name: &str) -> Option<Scene> {
        [Scene::Auto, Scene::Conveyor, Scene::Pattern].into_iter().find(|s| s.name() == name)
    }
}

/// One part of a frame, as it was planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TruePart {
    /// Where the cap lies; of a missing one, where it would.
    pub part: Area,
    /// What is wrong with it.
    pub defect: Option<Defect>,
    /// Where that shows.
    pub mark: Area,
}

/// How one cap is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cap {
    pub defect: Option<Defect>,
    /// By how much it is turned, in radians.
    pub angle: f32,
    /// By how much of a pixel it is shifted.
    pub shift: [f32; 2],
    /// Where the defect is, in radii from the centre.
    pub at: [f32; 2],
    /// A direction of the defect, in radians.
    pub turn: f32,
    /// The defect's size, in radii (of a misprint by a sector: in radians).
    pub size: f32,
    /// One of two looks: bright or dark scratch; a sector without print, or all of it displaced.
    pub other: bool,
}

/// A cap in its place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Placed {
    /// First column and row of the drawing.
    pub x: i32,
    pub y: i32,
    /// Which drawing; `None`: the nest is empty.
    pub cap: Option<u16>,
}

/// The caps of one frame.
pub(super) struct Tray {
    parts: [Placed; MAX_PARTS],
    len: usize,
}

impl Tray {
    pub fn parts(&self) -> &[Placed] {
        &self.parts[..self.len]
    }
}

/// Everything about a scene but its pixels.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    key: u64,
    pub columns: u32,
    pub rows: u32,
    /// Width and height of the frame.
    frame: [f32; 2],
    pub pitch: [f32; 2],
    /// A cap's radius in pixels.
    pub radius: f32,
    /// Columns and rows of a drawing.
    pub side: usize,
    pub caps: Vec<Cap>,
    defect_lot: u64,
    jitter: f32,
}

/// A number in `0..1` from 16 bits.
fn share(bits: u64) -> f32 {
    (bits & 0xFFFF) as f32 / 65536.0
}

/// A number in `-1..1` from 16 bits.
fn signed(bits: u64) -> f32 {
    share(bits) * 2.0 - 1.0
}

impl Layout {
    pub fn new(g: &Geometry, look: &Look, seed: u64) -> Layout {
        let (width, height) = (g.width as f32, g.height as f32);
        let about = (width.min(height) / 3.0).max(width.max(height) / 16.0);
        let columns = (width / about).round().max(1.0);
        let rows = (height / about).round().max(1.0);
        let pitch = [width / columns, height / rows];
        let radius = FILLING * pitch[0].min(pitch[1]) / 2.0;
        let key = mix(mix(seed) ^ (u64::from(g.width) << 32 | u64::from(g.height)));
        Layout {
            key,
            columns: columns as u32,
            rows: rows as u32,
            frame: [width, height],
            pitch,
            radius,
            side: 2 * (REACH * radius).ceil() as usize + 2,
            caps: (0..SPRITES).map(|i| cap(i, mix(key ^ 0xCA9 ^ ((i as u64) << 20)))).collect(),
            defect_lot: (look.defects * (1 << 24) as f64) as u64,
            jitter: look.jitter as f32 * 2.0 * radius,
        }
    }

    /// The middle of nest `i`, row by row.
    pub fn nest(&self, i: u32) -> [f32; 2] {
        let (column, row) = (i % self.columns, i / self.columns);
        [(column as f32 + 0.5) * self.pitch[0], (row as f32 + 0.5) * self.pitch[1]]
    }

    /// Nests of a frame.
    pub fn nests(&self) -> u32 {
        (self.columns * self.rows).min(MAX_PARTS as u32)
    }

    /// What is wrong with the cap in nest `i` of frame `serial`, and the lots that say the rest.
    fn lot(&self, serial: u64, i: u32) -> (Option<Defect>, u64, u64) {
        let frame = mix(self.key ^ mix(serial));
        let place = mix(frame ^ (u64::from(i) + 1).wrapping_mul(0x9E37_79B9));
        let look = mix(place);
        let defect = (place >> 40 < self.defect_lot).then(|| Defect::ALL[(look % 6) as usize]);
        (defect, place, look)
    }

    fn corner(&self, serial: u64, i: u32, place: u64) -> [i32; 2] {
        let tray = mix(self.key ^ mix(serial));
        let nest = self.nest(i);
        let half = self.side as f32 / 2.0;
        let at = |axis: usize| {
            let shift = 16 * axis as u32;
            let off = signed(tray >> shift) + signed(place >> shift);
            (nest[axis] + off * self.jitter - half).round() as i32
        };
        [at(0), at(1)]
    }

    fn drawing(defect: Option<Defect>, look: u64) -> Option<u16> {
        let i = match defect {
            None => (look >> 16) as usize % GOOD,
            Some(d) => {
                let kind = DRAWN.iter().position(|k| *k == d)?;
                GOOD + kind * VARIANTS + (look >> 8) as usize % VARIANTS
            }
        };
        Some(i as u16)
    }

    /// The caps of frame `serial`.
    pub fn place(&self, serial: u64) -> Tray {
        let mut tray = Tray { parts: [Placed::default(); MAX_PARTS], len: self.nests() as usize };
        for i in 0..self.nests() {
            let (defect, place, look) = self.lot(serial, i);
            let [x, y] = self.corner(serial, i, place);
            tray.parts[i as usize] = Placed { x, y, cap: Self::drawing(defect, look) };
        }
        tray
    }

    /// The truth about nest `i` of frame `serial`.
    pub fn truth(&self, serial: u64, i: u32) -> TruePart {
        let (defect, place, look) = self.lot(serial, i);
        let corner = self.corner(serial, i, place);
        let half = self.side as f32 / 2.0;
        let middle = [corner[0] as f32 + half, corner[1] as f32 + half];
        let area = |at: [f32; 2], reach: [f32; 2]| {
            let side = |axis: usize| {
                let frame = self.frame[axis];
                let from = middle[axis] + (at[axis] - reach[axis]) * self.radius;
                let to = middle[axis] + (at[axis] + reach[axis]) * self.radius;
                let from = from.clamp(0.0, frame - 1.0) as u16;
                (from, (to.ceil().min(frame) as u16).saturating_sub(from).max(1))
            };
            let ((x, width), (y, height)) = (side(0), side(1));
            Area { x, y, width, height }
        };
        let part = area([0.0; 2], [1.0; 2]);
        let mark = match (defect, Self::drawing(defect, look)) {
            (Some(_), Some(cap)) => {
                let (at, reach) = self.caps[cap as usize].mark();
                area(at, reach)
            }
            (Some(_), None) => part,
            _ => Area::default(),
        };
        TruePart { part, defect, mark }
    }
}

fn cap(i: usize, lot: u64) -> Cap {
    let lots = [lot, mix(lot), mix(mix(lot)), mix(mix(mix(lot)))];
    let defect = i.checked_sub(GOOD).map(|d| DRAWN[d / VARIANTS]);
    let around = std::f32::consts::TAU;
    let angle = around * (i % GOOD) as f32 / GOOD as f32 + signed(lots[0]) * 0.15;
    let turn = around * share(lots[1]);
    let (far, size) = match defect {
        None => (0.0, 0.0),
        Some(Defect::Deformed) => (0.72, 0.06 + 0.05 * share(lots[2])),
        Some(Defect::Scratch) => (0.45 * share(lots[1] >> 16), 0.20 + 0.2 * share(lots[2])),
        Some(Defect::Dent) => (0.7 * share(lots[1] >> 16), 0.075 + 0.04 * share(lots[2])),
        Some(Defect::Stain) => (0.65 * share(lots[1] >> 16), 0.11 + 0.06 * share(lots[2])),
        Some(_) if i.is_multiple_of(2) => (0.63, 0.45 + 0.3 * share(lots[2])),
        Some(_) => (0.0, 0.07 + 0.04 * share(lots[2])),
    };
    Cap {
        defect,
        angle,
        shift: [signed(lots[3]) / 2.0, signed(lots[3] >> 16) / 2.0],
        at: [far * turn.cos(), far * turn.sin()],
        turn: match defect {
            Some(Defect::Deformed | Defect::Misprint) => turn,
            _ => around * share(lots[2] >> 16),
        },
        size,
        other: !i.is_multiple_of(2),
    }
}

impl Cap {
    /// Middle and half sides of the rectangle in which the defect shows, in radii.
    fn mark(&self) -> ([f32; 2], [f32; 2]) {
        let s = self.size;
        match self.defect {
            None => ([0.0; 2], [0.0; 2]),
            Some(Defect::Scratch) => {
                (self.at, [s * self.turn.cos().abs() + 0.03, s * self.turn.sin().abs() + 0.03])
            }
            Some(Defect::Deformed) => (self.at, [0.44; 2]),
            Some(Defect::Misprint) if self.other => ([0.0; 2], [0.85; 2]),
            Some(Defect::Misprint) => (self.at, [0.2 + 0.6 * s; 2]),
            Some(_) => (self.at, [s * 1.1; 2]),
        }
    }
}

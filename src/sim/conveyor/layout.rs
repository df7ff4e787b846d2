//! Where the parts of a frame lie and what is wrong with them: a pure function of seed, geometry and serial.

use super::super::pattern::mix;
use super::flaw::{DRAWN, Flaw};
use crate::format::Geometry;
use crate::verdict::{Area, Defect, MAX_PARTS};

/// Good caps that are drawn, each turned another way.
pub(super) const GOOD: usize = 16;
/// Drawn flaws of each kind; a missing part needs none.
pub(super) const VARIANTS: usize = 12;
/// What is drawn of a cap, its shadow included, in radii.
pub(super) const REACH: f32 = 1.21;
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
        Look { scene: Scene::Auto, defects: 0.08, contrast: 1.0, noise: 2.0, jitter: 0.03 }
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

/// A good cap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cap {
    /// By how much it is turned, in radians.
    pub angle: f32,
    /// By how much of a pixel it is shifted.
    pub shift: [f32; 2],
}

/// A cap in its place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Placed {
    /// First column and row of the drawing.
    pub x: i32,
    pub y: i32,
    /// Which good cap; `None`: the nest is empty.
    pub cap: Option<u16>,
    /// Which flaw of it.
    pub flaw: Option<u16>,
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
    pub flaws: Vec<Flaw>,
    defect_lot: u64,
    jitter: f32,
}

/// A number in `0..1` from 16 bits.
pub(super) fn share(bits: u64) -> f32 {
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
            caps: (0..GOOD).map(|i| cap(i, mix(key ^ 0xCA9 ^ ((i as u64) << 20)))).collect(),
            flaws: (0..DRAWN.len() * VARIANTS)
                .map(|i| Flaw::new(i, mix(key ^ 0xF1A3 ^ ((i as u64) << 20)), radius))
                .collect(),
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
            // Half of it the tray as a whole, half of it the part in its nest.
            let off = (signed(tray >> shift) + signed(place >> shift)) / 2.0;
            (nest[axis] + off * self.jitter - half).round() as i32
        };
        [at(0), at(1)]
    }

    /// The cap that flaw `i` is on.
    pub fn cap_of(i: usize) -> usize {
        // A step that has no divisor in common with it: each kind meets other turns.
        i * 5 % GOOD
    }

    /// What flaw `i` changes of its cap's drawing: first column and row, and their ends.
    pub fn bounds(&self, i: usize) -> [usize; 4] {
        let cap = &self.caps[Self::cap_of(i)];
        let [left, top, right, bottom] = self.flaws[i].bounds();
        let at = |v: f32, axis: usize| self.side as f32 / 2.0 + cap.shift[axis] + v * self.radius;
        let clip = |v: f32| v.clamp(0.0, self.side as f32) as usize;
        // A pixel more: the belt's motion smears what is drawn.
        let (x, y) = (clip(at(left, 0).floor() - 1.0), clip(at(top, 1).floor()));
        [x, y, clip(at(right, 0).ceil() + 1.0), clip(at(bottom, 1).ceil())]
    }

    /// The cap and the flaw of a part; none: the nest is empty.
    fn drawing(defect: Option<Defect>, look: u64) -> (Option<usize>, Option<usize>) {
        let Some(defect) = defect else {
            return (Some((look >> 16) as usize % GOOD), None);
        };
        let kind = DRAWN.iter().position(|k| *k == defect);
        let flaw = kind.map(|k| k * VARIANTS + (look >> 8) as usize % VARIANTS);
        (flaw.map(Self::cap_of), flaw)
    }

    /// The caps of frame `serial`.
    pub fn place(&self, serial: u64) -> Tray {
        let mut tray = Tray { parts: [Placed::default(); MAX_PARTS], len: self.nests() as usize };
        for i in 0..self.nests() {
            let (defect, place, look) = self.lot(serial, i);
            let [x, y] = self.corner(serial, i, place);
            let (cap, flaw) = Self::drawing(defect, look);
            let [cap, flaw] = [cap, flaw].map(|d| d.map(|i| i as u16));
            tray.parts[i as usize] = Placed { x, y, cap, flaw };
        }
        tray
    }

    /// The truth about nest `i` of frame `serial`.
    pub fn truth(&self, serial: u64, i: u32) -> TruePart {
        let (defect, place, look) = self.lot(serial, i);
        let corner = self.corner(serial, i, place);
        // What the frame has of columns and rows that count from the drawing's corner.
        let area = |[left, top, right, bottom]: [i32; 4]| {
            let clip = |v: i32, axis: usize| {
                let frame = self.frame[axis] as i32;
                (corner[axis] + v).clamp(0, frame) as u16
            };
            let (x, y) = (clip(left, 0), clip(top, 1));
            Area { x, y, width: clip(right, 0) - x, height: clip(bottom, 1) - y }
        };
        let (cap, flaw) = Self::drawing(defect, look);
        let shift = cap.map_or([0.0; 2], |c| self.caps[c].shift);
        let side = |axis: usize, out: f32| self.side as f32 / 2.0 + shift[axis] + out * self.radius;
        let first = [0, 1].map(|axis| side(axis, -1.0).floor() as i32);
        let end = [0, 1].map(|axis| side(axis, 1.0).ceil() as i32);
        let part = area([first[0], first[1], end[0], end[1]]);
        let mark = match (defect, flaw) {
            (Some(_), Some(flaw)) => area(self.bounds(flaw).map(|v| v as i32)),
            (Some(_), None) => part,
            _ => Area::default(),
        };
        TruePart { part, defect, mark }
    }
}

fn cap(i: usize, lot: u64) -> Cap {
    let around = std::f32::consts::TAU;
    Cap {
        angle: around * i as f32 / GOOD as f32 + signed(lot) * 0.15,
        shift: [signed(lot >> 16) / 2.0, signed(lot >> 32) / 2.0],
    }
}

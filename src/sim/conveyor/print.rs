//! What is printed on a cap: letters drawn with a round pen and bent round a ring. Kept as distances to the ink's
//! edge, so that it is sharp at every size.

use super::super::pattern::mix;

/// Cells a radius in the grid of distances.
const CELLS: usize = 200;
const SIDE: usize = 2 * CELLS + 4;
/// Distances beyond this are not told apart, in radii.
const FAR: f32 = 0.06;
/// The ring of letters, in radii, and half the widths of the pens.
pub(super) const RING: [f32; 2] = [0.525, 0.735];
const PEN: f32 = 0.0185;
const FINE_PEN: f32 = 0.012;
/// The circle between letters and initial.
const CIRCLE: f32 = 0.43;
/// What the print reaches out to.
pub(super) const PRINT_REACH: f32 = RING[1] + PEN + 0.01;

/// Points that a pen joins, in letter heights from the upper left.
type Line = &'static [[f32; 2]];

/// The lines of a letter, and its width.
fn letter(c: u8) -> (&'static [Line], f32) {
    match c {
        b'F' => (&[&[[0.54, 0.0], [0.0, 0.0], [0.0, 1.0]], &[[0.0, 0.5], [0.44, 0.5]]], 0.54),
        b'R' => (
            &[
                &[
                    [0.0, 1.0],
                    [0.0, 0.0],
                    [0.31, 0.0],
                    [0.43, 0.03],
                    [0.53, 0.12],
                    [0.56, 0.26],
                    [0.53, 0.4],
                    [0.43, 0.49],
                    [0.31, 0.52],
                    [0.0, 0.52],
                ],
                &[[0.31, 0.52], [0.58, 1.0]],
            ],
            0.58,
        ),
        b'A' => (&[&[[0.0, 1.0], [0.35, 0.0], [0.7, 1.0]], &[[0.12, 0.66], [0.58, 0.66]]], 0.7),
        b'M' => (&[&[[0.0, 1.0], [0.0, 0.0], [0.38, 0.6], [0.76, 0.0], [0.76, 1.0]]], 0.76),
        b'E' => (
            &[&[[0.54, 0.0], [0.0, 0.0], [0.0, 1.0], [0.54, 1.0]], &[[0.0, 0.5], [0.46, 0.5]]],
            0.54,
        ),
        b'L' => (&[&[[0.0, 0.0], [0.0, 1.0], [0.5, 1.0]]], 0.5),
        b'I' => (&[&[[0.0, 0.0], [0.0, 1.0]]], 0.0),
        b'N' => (&[&[[0.0, 1.0], [0.0, 0.0], [0.62, 1.0], [0.62, 0.0]]], 0.62),
        // A dot between two words.
        _ => (&[&[[0.0, 0.46], [0.08, 0.5], [0.0, 0.54], [0.0, 0.46]]], 0.08),
    }
}

/// The corners of a frame around the initial, in radii.
const CORNERS: [Line; 4] = [
    &[[-0.235, -0.13], [-0.235, -0.235], [-0.13, -0.235]],
    &[[0.235, -0.13], [0.235, -0.235], [0.13, -0.235]],
    &[[-0.235, 0.13], [-0.235, 0.235], [-0.13, 0.235]],
    &[[0.235, 0.13], [0.235, 0.235], [0.13, 0.235]],
];
/// The initial's height, in radii.
const INITIAL: f32 = 0.28;

/// A letter in its place on the ring.
struct Placed {
    lines: &'static [Line],
    width: f32,
    /// Where its middle is, in radians.
    angle: f32,
}

/// A print, once and for all.
pub(super) struct Print {
    distances: Vec<f32>,
}

impl Print {
    /// `text` runs round the ring, its first letter also stands in the middle.
    pub fn new(text: &[u8]) -> Print {
        let letters = place(text);
        let at = |i: usize| (i as f32 + 0.5 - SIDE as f32 / 2.0) / CELLS as f32;
        let initial = letter(text[0]);
        let distance = |i: usize| {
            let (u, v) = (at(i % SIDE), at(i / SIDE));
            let r = u.hypot(v);
            let circle = (r - CIRCLE).abs() - FINE_PEN;
            let inked = if r < CIRCLE {
                in_the_middle(initial, u, v)
            } else if r > RING[0] - FAR && r < RING[1] + FAR {
                on_the_ring(&letters, v.atan2(u), r)
            } else {
                FAR
            };
            inked.min(circle).min(FAR)
        };
        Print { distances: (0..SIDE * SIDE).map(distance).collect() }
    }

    /// How much ink there is at that place, `0..=1`, where a radius has so many pixels.
    #[inline]
    pub fn ink(&self, u: f32, v: f32, radius: f32) -> f32 {
        let at = |c: f32| {
            let c = c * CELLS as f32 + SIDE as f32 / 2.0 - 0.5;
            c.clamp(0.0, (SIDE - 2) as f32)
        };
        let (x, y) = (at(u), at(v));
        let (i, fx, fy) = (y as usize * SIDE + x as usize, x.fract(), y.fract());
        let d = &self.distances;
        let above = d[i] + (d[i + 1] - d[i]) * fx;
        let below = d[i + SIDE] + (d[i + SIDE + 1] - d[i + SIDE]) * fx;
        (0.5 - (above + (below - above) * fy) * radius).clamp(0.0, 1.0)
    }
}

/// Spreads a text round the ring, with equal gaps.
fn place(text: &[u8]) -> Vec<Placed> {
    let (height, middle) = (RING[1] - RING[0], (RING[0] + RING[1]) / 2.0);
    let widths: f32 = text.iter().map(|c| letter(*c).1 * height).sum();
    let gap = (std::f32::consts::TAU * middle - widths) / text.len() as f32;
    let mut at = 0.0;
    let on = |c: &u8| {
        let (lines, width) = letter(*c);
        let angle = (at + width * height / 2.0) / middle;
        at += width * height + gap;
        Placed { lines, width, angle }
    };
    text.iter().map(on).collect()
}

fn on_the_ring(letters: &[Placed], angle: f32, r: f32) -> f32 {
    let (height, middle) = (RING[1] - RING[0], (RING[0] + RING[1]) / 2.0);
    let y = (RING[1] - r) / height;
    let mut nearest = FAR;
    for l in letters {
        let off = wrapped(angle - l.angle) * middle;
        if off.abs() > l.width * height / 2.0 + FAR {
            continue;
        }
        let x = off / height + l.width / 2.0;
        nearest = nearest.min(to_lines(l.lines, x, y) * height - PEN);
    }
    nearest
}

fn in_the_middle((lines, width): (&'static [Line], f32), u: f32, v: f32) -> f32 {
    let (x, y) = (u / INITIAL + width / 2.0, v / INITIAL + 0.5);
    (to_lines(lines, x, y) * INITIAL - 1.3 * PEN).min(to_lines(&CORNERS, u, v) - FINE_PEN)
}

/// The distance to the nearest of some lines.
fn to_lines(lines: &[Line], x: f32, y: f32) -> f32 {
    let pieces = lines.iter().flat_map(|l| l.windows(2));
    let squares = pieces.map(|p| {
        let ([ax, ay], [bx, by]) = (p[0], p[1]);
        let (dx, dy) = (bx - ax, by - ay);
        let along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy).max(1e-9);
        let along = along.clamp(0.0, 1.0);
        (x - ax - along * dx).powi(2) + (y - ay - along * dy).powi(2)
    });
    squares.fold(f32::MAX, f32::min).sqrt()
}

/// An angle as one in `-PI..PI`.
pub(super) fn wrapped(angle: f32) -> f32 {
    (angle + std::f32::consts::PI).rem_euclid(std::f32::consts::TAU) - std::f32::consts::PI
}

/// From 0 to 1 as `x` goes from 0 to 1, with level ends.
#[inline]
pub(super) fn smooth(x: f32) -> f32 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// A bump of height 1 at 0 that ends at 1 on both sides.
#[inline]
pub(super) fn bump(x: f32) -> f32 {
    let x = (1.0 - x * x).max(0.0);
    x * x
}

/// A cloud of grey: smooth between the corners of cells, `-1..1`.
pub(super) struct Mottle {
    key: u64,
    cell: [f32; 2],
}

impl Mottle {
    /// Cells of so many pixels.
    pub fn new(key: u64, cell: [f32; 2]) -> Mottle {
        Mottle { key, cell: cell.map(|c| c.max(1.0)) }
    }

    /// The cloud along row `y`, `width` pixels of it.
    pub fn row(&self, y: usize, width: usize) -> impl Iterator<Item = f32> {
        let (j, part) = ((y as f32 / self.cell[1]).floor(), y as f32 / self.cell[1]);
        let part = smooth(part - j);
        let corner = |i: u64, j: u64| {
            let lot = mix(self.key ^ (i << 32 | j));
            (lot & 0xFFFF) as f32 / 32768.0 - 1.0
        };
        let wide = self.cell[0];
        let columns = (width as f32 / wide) as u64 + 2;
        let level = move |i: u64| {
            let (a, b) = (corner(i, j as u64), corner(i, j as u64 + 1));
            a + (b - a) * part
        };
        let levels: Vec<f32> = (0..columns).map(level).collect();
        (0..width).map(move |x| {
            let at = x as f32 / wide;
            let i = at as usize;
            levels[i] + (levels[i + 1] - levels[i]) * smooth(at - i as f32)
        })
    }
}

//! The disc of a part, row by row: where a row of the window lies in the reference and under the light. Learning and
//! comparing walk the same way, so that what is learnt is what is compared.

use super::reference::{MARGIN, Nest};

/// Where a part lies in a window, and how it is turned and lit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Column of its centre.
    pub x: f32,
    /// Row of its centre.
    pub y: f32,
    /// Its turn against the reference, in radians.
    pub angle: f32,
    /// Its brightness, 1 being the reference's.
    pub light: f32,
    /// By how much that grows a pixel to the right.
    pub light_x: f32,
    /// By how much that grows a pixel down.
    pub light_y: f32,
}

impl Pose {
    /// A part at a nest: the light's slopes are the nest's.
    pub fn at(nest: &Nest, radius: f32, x: f32, y: f32, angle: f32, light: f32) -> Pose {
        let slope = |s: f32| s / radius * (light / nest.light.max(0.01));
        Pose { x, y, angle, light, light_x: slope(nest.light_x), light_y: slope(nest.light_y) }
    }
}

/// The disc that is looked at around a part's centre, and the images that it is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Disc {
    /// Radius in window pixels.
    pub radius: f32,
    /// Pixels a side of the shading.
    pub side: usize,
    /// Cells of mean and tolerance a pixel, each way.
    pub grain: usize,
}

/// A row of a disc in a window.
#[derive(Debug, Clone, Copy)]
pub struct Chord {
    /// Row of the window.
    pub y: usize,
    /// First column.
    pub x: usize,
    /// Pixels.
    pub len: usize,
    /// Where the first pixel's shading is.
    pub shade: usize,
    /// The light on the first pixel, without its shading.
    pub light: f32,
    /// The cells of the pixels.
    pub cells: Walk,
}

impl Disc {
    /// All that is compared of a part of `radius` window pixels: a little beyond its rim.
    pub fn whole(radius: f32, side: usize, grain: usize) -> Disc {
        Disc { radius: radius + MARGIN as f32 - 2.0, side, grain }
    }

    /// The rows of a part in a window of `window` pixels a side.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn chords(self, window: usize, pose: &Pose) -> impl Iterator<Item = Chord> + use<> {
        let pose = *pose;
        let (sin, cos) = pose.angle.sin_cos();
        let last = window as f32 - 1.0;
        let low = (pose.y - self.radius).ceil().clamp(0.0, last) as usize;
        let high = (pose.y + self.radius).floor().clamp(0.0, last) as usize;
        // The shading lies around the centre's pixel and does not turn.
        let half = (self.side / 2) as i32;
        let (left, top) = (pose.x.round() as i32 - half, pose.y.round() as i32 - half);
        (low..=high).filter_map(move |y| {
            let dy = y as f32 - pose.y;
            let half = (self.radius * self.radius - dy * dy).max(0.0).sqrt();
            let x = (pose.x - half).ceil().clamp(0.0, last) as usize;
            let end = ((pose.x + half).floor() + 1.0).clamp(0.0, window as f32) as usize;
            let row = usize::try_from(y as i32 - top).ok().filter(|r| *r < self.side)?;
            let column = usize::try_from(x as i32 - left).ok().filter(|c| *c < self.side)?;
            let len = end.saturating_sub(x).min(self.side - column);
            if len == 0 {
                return None;
            }
            let dx = x as f32 - pose.x;
            let cells = self.walk(cos * dx + sin * dy, cos * dy - sin * dx, (cos, -sin));
            let light = pose.light + pose.light_x * dx + pose.light_y * dy;
            Some(Chord { y, x, len, shade: row * self.side + column, light, cells })
        })
    }

    /// From a place relative to the part's centre, in steps of `step`; all in pixels of the unturned part.
    fn walk(&self, u: f32, v: f32, step: (f32, f32)) -> Walk {
        const ONE: f32 = 65536.0;
        let (grain, half) = (self.grain as f32, self.side as f32 / 2.0);
        let fixed = |v: f32| (v * grain * ONE) as i32;
        Walk { u: fixed(u + half), v: fixed(v + half), du: fixed(step.0), dv: fixed(step.1) }
    }
}

/// Steps through the cells of an image: columns and rows, 65536 a cell.
#[derive(Debug, Clone, Copy)]
pub struct Walk {
    u: i32,
    v: i32,
    du: i32,
    dv: i32,
}

impl Walk {
    /// Where it starts and what a step is, each as column and row; 65536 a cell.
    #[inline(always)]
    pub fn parts(&self) -> ((i32, i32), (i32, i32)) {
        ((self.u, self.v), (self.du, self.dv))
    }

    /// Column and row of the cell `n` steps on. They may lie outside the image by a cell.
    #[inline(always)]
    pub fn cell(&self, n: i32) -> (i32, i32) {
        let at = |from: i32, step: i32| from.wrapping_add(n.wrapping_mul(step)) >> 16;
        (at(self.u, self.du), at(self.v, self.dv))
    }
}

impl Iterator for Walk {
    type Item = (i32, i32);

    /// Column and row of the next cell. They may lie outside the image by a cell.
    #[inline]
    fn next(&mut self) -> Option<(i32, i32)> {
        let cell = (self.u >> 16, self.v >> 16);
        (self.u, self.v) = (self.u.wrapping_add(self.du), self.v.wrapping_add(self.dv));
        Some(cell)
    }
}

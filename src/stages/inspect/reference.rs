//! What good parts look like: learnt by a [`Teacher`](super::Teacher), or read from a file.

use super::cells::Cells;
use crate::error::Error;
use crate::format::{Geometry, MAX_SIDE_PIXELS, PixelFormat};
use crate::verdict::MAX_PARTS;

/// The largest radius of a part, in pixels of the inspection's scale.
pub const MAX_RADIUS: f32 = 500.0;
/// The most cells of the images a pixel, each way.
pub const MAX_GRAIN: u32 = 2;
/// The smallest radius of a part, in pixels of the inspection's scale: below it there is no surface to look at.
pub const MIN_RADIUS: f32 = 6.0;

/// From this radius on, in frame pixels, marks of all kinds are found as surely as on the largest parts. On smaller ones
/// those that are a pixel or two wide drown in the edges of the print.
pub const SURE_RADIUS: f32 = 50.0;

/// Where a part belongs, and how it is lit there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nest {
    /// Column of its centre, in frame pixels.
    pub x: f32,
    /// Row of its centre, in frame pixels.
    pub y: f32,
    /// How bright a part is there, 1 being the reference's brightness.
    pub light: f32,
    /// By how much that grows from the centre to one radius to the right.
    pub light_x: f32,
    /// By how much that grows from the centre to one radius below.
    pub light_y: f32,
}

/// What is still good. Lengths are in frame pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// A part may lie so far from its nest.
    pub search: f32,
    /// Grey levels by which the outline stands out at least.
    pub edge: f32,
    /// Share of the outline that must be found, 0 to 1; below it the part is missing.
    pub presence: f32,
    /// A part's radius may differ by so much from the taught one.
    pub radius: f32,
    /// Its outline may leave the circle by so much.
    pub outline: f32,
    /// How well its print must match, 0 (not at all) to 1 (as taught).
    pub print: f32,
    /// Grey levels beyond tolerance, summed over a mark's pixels at the inspection's scale, that make a defect.
    pub mark: f32,
    /// Grey levels that are added to the learnt tolerance of every pixel.
    pub slack: f32,
}

/// What was learnt, as plain data. [`Reference::new`] checks it.
#[derive(Debug, Clone, PartialEq)]
pub struct Taught {
    /// Columns of the frames.
    pub width: u32,
    /// Rows of the frames.
    pub height: u32,
    /// Frame pixels a pixel of the inspection, each way: 1 or 2.
    pub scale: u32,
    /// Cells of mean and tolerance a pixel of the inspection, each way, 1 or 2: a print with edges is compared
    /// more exactly with finer ones.
    pub grain: u32,
    /// Radius of a part, in frame pixels.
    pub radius: f32,
    /// Parts are brighter than what they lie on.
    pub bright: bool,
    /// Parts carry a print by which their turn can be told.
    pub printed: bool,
    /// Typical grey level of a part's surface, at the reference's light.
    pub surface: u8,
    /// Where parts belong.
    pub nests: Vec<Nest>,
    /// What is still good.
    pub limits: Limits,
    /// Pixels a side of the part's images, odd; its centre is in the middle.
    pub side: usize,
    /// Cell by cell: grey levels of a good part in the position of the first that was seen.
    pub mean: Vec<u8>,
    /// Cell by cell: by how many grey levels good parts differ from that.
    pub tolerance: Vec<u8>,
    /// Pixel by pixel: shading that does not turn with the part: 128 is none, 64 half as bright.
    pub shade: Vec<u8>,
}

impl Taught {
    /// Checks everything but the images; an error names the value, by the names that a reference file gives it.
    pub fn check_numbers(&self) -> Result<(), Error> {
        check_numbers(self)
    }

    /// The side that the images must have: the part and a margin.
    pub fn side_for(radius: f32, scale: u32) -> usize {
        2 * ((radius / scale.max(1) as f32).ceil() as usize + MARGIN) + 1
    }
}

/// Pixels around a part that its images have, at the inspection's scale.
pub const MARGIN: usize = 4;

/// A checked reference. Shared by the workers of a stage.
#[derive(Debug)]
pub struct Reference {
    taught: Taught,
    /// Mean and tolerance of each cell.
    pub(super) cells: Cells,
    /// The print is darker than the surface.
    pub(super) dark_print: bool,
}

impl Reference {
    /// Checks what was taught; an error names the value, by the names that a reference file gives it.
    pub fn new(taught: Taught) -> Result<Reference, Error> {
        taught.check_numbers()?;
        check_images(&taught)?;
        let side = taught.side * taught.grain as usize;
        let slack = taught.limits.slack.round() as u8;
        let cells = Cells::new(side, |column, row| {
            let at = row * side + column;
            [taught.mean[at], taught.tolerance[at].saturating_add(slack)]
        });
        let dark_print = is_dark_print(&taught);
        Ok(Reference { taught, cells, dark_print })
    }

    /// Whether its parts are so small that fine marks may pass ([`SURE_RADIUS`]).
    pub fn is_small(&self) -> bool {
        self.taught.radius < SURE_RADIUS
    }

    /// What it was made from.
    pub fn taught(&self) -> &Taught {
        &self.taught
    }

    /// The geometry of the frames that it fits.
    pub fn geometry(&self) -> Geometry {
        Geometry::new(self.taught.width, self.taught.height, PixelFormat::MONO8)
    }

    /// Radius of a part in pixels of the inspection's scale.
    pub(super) fn radius(&self) -> f32 {
        self.taught.radius / self.taught.scale as f32
    }
}

/// Whether what of the surface has other grey levels is darker, on the whole.
fn is_dark_print(t: &Taught) -> bool {
    let side = t.side * t.grain as usize;
    let (middle, reach) = (side as f32 / 2.0, 0.85 * side as f32 / 2.0);
    let off = |(i, m): (usize, &u8)| {
        let (x, y) = ((i % side) as f32 - middle, (i / side) as f32 - middle);
        let inside = x * x + y * y < reach * reach;
        if inside { i64::from(*m) - i64::from(t.surface) } else { 0 }
    };
    t.mean.iter().enumerate().map(off).sum::<i64>() < 0
}

fn within(name: &str, value: f32, low: f32, high: f32) -> Result<(), Error> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Error::config(format!("{name} is {value}; it must be {low} to {high}")))
}

fn check_numbers(t: &Taught) -> Result<(), Error> {
    for (name, side) in [("frame.width", t.width), ("frame.height", t.height)] {
        if !(1..=MAX_SIDE_PIXELS).contains(&side) {
            return Err(Error::config(format!(
                "{name} is {side}; it must be 1 to {MAX_SIDE_PIXELS}"
            )));
        }
    }
    if !(1..=2).contains(&t.scale) {
        return Err(Error::config(format!("part.scale is {}; it must be 1 or 2", t.scale)));
    }
    if !(1..=MAX_GRAIN).contains(&t.grain) {
        return Err(Error::config(format!(
            "part.grain is {}; it must be 1 to {MAX_GRAIN}",
            t.grain
        )));
    }
    let scale = t.scale as f32;
    within("part.radius", t.radius, MIN_RADIUS * scale, MAX_RADIUS * scale)?;
    if t.nests.is_empty() || t.nests.len() > MAX_PARTS {
        return Err(Error::config(format!(
            "there are {} nests; there must be 1 to {MAX_PARTS}",
            t.nests.len()
        )));
    }
    for (i, n) in t.nests.iter().enumerate() {
        within(&format!("nest {}: x", i + 1), n.x, 0.0, t.width as f32)?;
        within(&format!("nest {}: y", i + 1), n.y, 0.0, t.height as f32)?;
        within(&format!("nest {}: light", i + 1), n.light, 0.05, 4.0)?;
        for (name, slope) in [("light_x", n.light_x), ("light_y", n.light_y)] {
            within(&format!("nest {}: {name}", i + 1), slope, -1.0, 1.0)?;
        }
    }
    let l = &t.limits;
    within("limits.search", l.search, 0.0, t.radius)?;
    within("limits.edge", l.edge, 1.0, 255.0)?;
    within("limits.presence", l.presence, 0.05, 1.0)?;
    within("limits.radius", l.radius, 0.1, t.radius)?;
    within("limits.outline", l.outline, 0.1, t.radius)?;
    within("limits.print", l.print, 0.0, 1.0)?;
    within("limits.mark", l.mark, 1.0, 1e9)?;
    within("limits.slack", l.slack, 0.0, 255.0)
}

fn check_images(t: &Taught) -> Result<(), Error> {
    if t.side != Taught::side_for(t.radius, t.scale) {
        return Err(Error::config(format!(
            "the images have {} pixels a side; for part.radius {} and part.scale {} they must have {}",
            t.side,
            t.radius,
            t.scale,
            Taught::side_for(t.radius, t.scale)
        )));
    }
    let fine = t.side * t.grain as usize;
    let images =
        [("mean", &t.mean, fine), ("tolerance", &t.tolerance, fine), ("shade", &t.shade, t.side)];
    for (name, image, side) in images {
        if image.len() != side * side {
            return Err(Error::config(format!(
                "images.{name} has {} pixels; it must have {}",
                image.len(),
                side * side
            )));
        }
    }
    Ok(())
}

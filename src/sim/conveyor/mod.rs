//! The conveyor: printed caps in the nests of a belt, some of them defective, and the truth about each.
//!
//! The belt moves by a tray between two frames, so each frame shows other caps, every one of them whole. What
//! costs time is drawn ahead: the empty belt under its lamp, good caps at many turns, and of each flaw the rectangle of
//! its cap that it changes. A frame is put together row by row: the belt's row, on it the rows of the caps with their
//! flaws, each under the lamp of its place, and over all of it the sensor's noise, which is new for each frame and pixel.
//!
//! ```text
//! bytes 0 to 15 of a frame:  | serial, u64 LE | mix(serial, seed, geometry), u64 LE |
//! ```
//!
//! The rest of the payload is a function of the serial, so that it can be drawn again and compared to the byte.

mod belt;
mod depth;
mod flaw;
mod layout;
mod noise;
mod paint;
mod print;

pub use layout::{Look, Scene, TruePart};

use super::config::SimConfig;
use super::pattern::{PatternFault, PatternFaultKind, STAMP_BYTES, mix};
use crate::error::Error;
use crate::format::{Geometry, PixelFormat};
use belt::{Belt, Light};
use depth::Depth;
use layout::{Layout, Placed, Tray};
use noise::Noise;
use paint::{Painter, Sprite};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The smallest frame that shows caps: width and height in pixels.
pub const MIN_CONVEYOR_PIXELS: (u32, u32) = (320, 256);
/// The largest width, in pixels: a row is put together on the stack.
pub const MAX_CONVEYOR_WIDTH: u32 = 8192;

/// What is true of the frames of one geometry: which part lies where, and what is wrong with it. Never handed to a
/// stage that inspects.
#[derive(Debug, Clone)]
pub struct Truth(Layout);

impl Truth {
    /// The truth of the frames that a camera with this look and seed sends. `None`: they show no conveyor.
    pub fn new(geometry: &Geometry, look: &Look, seed: u64) -> Option<Truth> {
        shows(geometry, look).then(|| Truth(Layout::new(geometry, look, seed)))
    }

    /// Parts of a frame.
    pub fn parts(&self) -> usize {
        self.0.nests() as usize
    }

    /// Part `i` (row by row from the upper left) of frame `serial`; `i` is below [`parts`](Self::parts).
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock.
    pub fn part(&self, serial: u64, i: usize) -> TruePart {
        self.0.truth(serial, i as u32)
    }
}

/// Whether frames of that geometry show the conveyor.
pub(super) fn shows(g: &Geometry, look: &Look) -> bool {
    look.scene != Scene::Pattern && refusal(g).is_none()
}

/// Why the conveyor cannot be shown at that geometry.
pub(super) fn refusal(g: &Geometry) -> Option<String> {
    let (width, height) = MIN_CONVEYOR_PIXELS;
    if g.width < width || g.height < height || g.width > MAX_CONVEYOR_WIDTH || g.height > 65_535 {
        return Some(format!(
            "the conveyor needs {width}x{height} to {MAX_CONVEYOR_WIDTH}x65535 pixels, not {}x{}; enlarge the region, or set scene=pattern",
            g.width, g.height
        ));
    }
    if Depth::of(g).is_none() {
        let sent = |f: &PixelFormat| SimConfig::formats().any(|g| g == *f);
        let names: Vec<_> = depth::formats().filter(sent).map(|f| f.to_string()).collect();
        return Some(format!(
            "the conveyor cannot be shown in {} at a width of {}; use one of {} with rows of whole bytes, or scene=pattern",
            g.pixel_format,
            g.width,
            names.join(", ")
        ));
    }
    None
}

/// The conveyor of one geometry, drawn.
pub struct Conveyor {
    geometry: Geometry,
    depth: Depth,
    key: u64,
    layout: Layout,
    art: Arc<Art>,
}

/// What is drawn ahead. It is the same for every camera with this geometry, seed, contrast and noise, and for
/// whoever checks its frames: they share it, as long as one of them lives.
struct Art {
    light: Light,
    belt: Box<[u8]>,
    caps: Vec<Sprite>,
    flaws: Vec<Sprite>,
    /// `None`: there is none.
    noise: Option<Noise>,
}

/// What a drawing depends on: geometry, key, contrast and noise.
type Subject = (Geometry, u64, u64, u64);

/// The drawings that are in use.
static GALLERY: Mutex<Vec<(Subject, Weak<Art>)>> = Mutex::new(Vec::new());

impl Art {
    /// The drawing, made now if nobody has it. Whoever asks for one that is being made waits for it.
    fn of(geometry: &Geometry, layout: &Layout, look: &Look, key: u64) -> Arc<Art> {
        let subject = (*geometry, key, look.contrast.to_bits(), look.noise.to_bits());
        let mut gallery = GALLERY.lock().unwrap_or_else(PoisonError::into_inner);
        gallery.retain(|(_, art)| art.strong_count() > 0);
        let there = gallery.iter().find(|(s, _)| *s == subject).and_then(|(_, art)| art.upgrade());
        there.unwrap_or_else(|| {
            let art = Arc::new(Art::draw(geometry, layout, look, key));
            gallery.push((subject, Arc::downgrade(&art)));
            art
        })
    }

    fn draw(geometry: &Geometry, layout: &Layout, look: &Look, key: u64) -> Art {
        let light = Light::new(geometry);
        // Squared: at half the contrast some defects are hard to find.
        let contrast = (look.contrast * look.contrast) as f32;
        let painter = Painter::new(layout, contrast);
        let belt = Belt::new(geometry, layout, &light, key ^ 2);
        let half = |rows: Range<u32>, caps: Range<usize>, flaws: Range<usize>| {
            let mut drawn = vec![0; rows.len() * geometry.width as usize];
            let each = drawn.chunks_exact_mut(geometry.width as usize).zip(rows);
            each.for_each(|(row, y)| belt.row(y as usize, row));
            let caps: Vec<_> = caps.map(|i| painter.cap(i)).collect();
            (drawn, caps, flaws.map(|i| painter.flaw(i)).collect::<Vec<_>>())
        };
        // Two at a time: the first half on another thread, if there can be one.
        let (rows, c, f) = (geometry.height, layout.caps.len(), layout.flaws.len());
        let first = || half(0..rows / 2, 0..c / 2, 0..f / 2);
        let (mut drawn, others) = std::thread::scope(|s| {
            let builder = std::thread::Builder::new().name("fl-draw".into());
            let helper = builder.spawn_scoped(s, first);
            let others = half(rows / 2..rows, c / 2..c, f / 2..f);
            let first = match helper {
                Ok(h) => h.join().unwrap_or_else(|p| std::panic::resume_unwind(p)),
                Err(_) => first(),
            };
            (first, others)
        });
        drawn.0.extend(others.0);
        drawn.1.extend(others.1);
        drawn.2.extend(others.2);
        let (belt, caps, flaws) = (drawn.0.into(), drawn.1, drawn.2);
        let noise = (look.noise > 0.0).then(|| Noise::new(look.noise, key ^ 1));
        Art { light, belt, caps, flaws, noise }
    }
}

impl std::fmt::Debug for Conveyor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Conveyor({} x {} nests)", self.layout.columns, self.layout.rows)
    }
}

impl Conveyor {
    /// Draws belt and caps: allocates, takes a fraction of a second; not for hot threads.
    pub fn new(geometry: &Geometry, look: &Look, seed: u64) -> Result<Conveyor, Error> {
        if let Some(why) = refusal(geometry) {
            return Err(Error::config(why));
        }
        let depth = Depth::of(geometry).expect("checked above");
        let key =
            mix(mix(seed) ^ mix(u64::from(geometry.width) << 32 | u64::from(geometry.height)));
        let layout = Layout::new(geometry, look, seed);
        let art = Art::of(geometry, &layout, look, key);
        Ok(Conveyor { geometry: *geometry, depth, key, layout, art })
    }

    /// The geometry that it was drawn for.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Bytes of one frame.
    pub fn image_bytes(&self) -> usize {
        self.depth.row_bytes(self.geometry.width as usize) * self.geometry.height as usize
    }

    /// Bytes of everything that was drawn.
    pub fn memory_bytes(&self) -> usize {
        let sprites = self.art.caps.iter().chain(&self.art.flaws);
        self.art.belt.len() + sprites.map(|s| s.grey.len() + s.through.len()).sum::<usize>()
    }

    /// Writes frame `serial` to the start of `out`; as much of it as fits.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock, no system call; 5 megapixels of Mono8 take some two milliseconds.
    pub fn write(&self, serial: u64, out: &mut [u8]) {
        let end = self.image_bytes().min(out.len());
        let tray = self.layout.place(serial);
        let width = self.geometry.width as usize;
        let bytes = self.depth.row_bytes(width);
        let mut row = [0_u8; MAX_CONVEYOR_WIDTH as usize];
        let mut converted = [0_u8; 2 * MAX_CONVEYOR_WIDTH as usize];
        for (y, to) in out[..end].chunks_mut(bytes).enumerate() {
            if self.depth == Depth::Eight && to.len() == width {
                self.row(serial, &tray, y, to);
                continue;
            }
            self.row(serial, &tray, y, &mut row[..width]);
            self.depth.convert(&row[..width], &mut converted[..bytes]);
            to.copy_from_slice(&converted[..to.len()]);
        }
        let stamp = self.stamp(serial);
        let n = end.min(STAMP_BYTES);
        out[..n].copy_from_slice(&stamp[..n]);
    }

    /// One row of a frame, at eight bits.
    #[inline]
    fn row(&self, serial: u64, tray: &Tray, y: usize, out: &mut [u8]) {
        let width = self.geometry.width as usize;
        out.copy_from_slice(&self.art.belt[y * width..(y + 1) * width]);
        for part in tray.parts() {
            self.part(part, y, out);
        }
        if let Some(noise) = &self.art.noise {
            noise.add(serial, y, out);
        }
    }

    /// What a row shows of a part.
    #[inline]
    fn part(&self, part: &Placed, y: usize, out: &mut [u8]) {
        let (Some(cap), Ok(dy)) = (part.cap, usize::try_from(y as i64 - i64::from(part.y))) else {
            return;
        };
        let cap = &self.art.caps[cap as usize];
        let Some(span) = cap.spans.get(dy) else { return };
        let [from, solid, end, to] = span.map(usize::from);
        // The flaw's columns of this row; none is an empty range at the end.
        let flaw = part.flaw.map(|f| &self.art.flaws[f as usize]);
        let flaw = flaw.and_then(|f| Some((f, f.spans.get(dy.checked_sub(f.y)?)?)));
        let (cut, resume) =
            flaw.map_or((to, to), |(f, _)| (f.x.max(from), (f.x + f.width).min(to)));
        let mut lay = |s: &Sprite, from: usize, to: usize, hides: bool| {
            // What lies outside the frame is not seen.
            let x = i64::from(part.x);
            let from = from.max((-x).clamp(0, i64::from(u16::MAX)) as usize);
            let to = to.min((out.len() as i64 - x).max(0) as usize);
            if from >= to {
                return;
            }
            let first = (x + from as i64) as usize;
            let range = first..first + (to - from);
            let at = (dy - s.y) * s.width + from - s.x;
            let (gain, columns) = (self.art.light.rows[y], &self.art.light.columns[range.clone()]);
            let (grey, to) = (&s.grey[at..at + (to - from)], &mut out[range.clone()]);
            if hides {
                Light::lay(gain, columns, grey, to);
            } else {
                Light::lay_over(gain, columns, grey, &s.through[at..at + range.len()], to);
            }
        };
        for (a, b) in [(from, cut), (resume, to)] {
            lay(cap, a, b.min(solid), false);
            lay(cap, a.max(solid), b.min(end), true);
            lay(cap, a.max(end), b, false);
        }
        if let Some((flaw, span)) = flaw {
            let [_, solid, end, _] = span.map(|x| flaw.x + usize::from(x));
            let (solid, end) = (solid.max(cut), end.min(resume));
            if solid < end {
                lay(flaw, cut, solid, false);
                lay(flaw, solid, end, true);
                lay(flaw, end, resume, false);
            } else {
                lay(flaw, cut, resume, false);
            }
        }
    }

    fn check_word(&self, serial: u64) -> u64 {
        mix(serial ^ mix(self.key))
    }

    fn stamp(&self, serial: u64) -> [u8; STAMP_BYTES] {
        let mut stamp = [0; STAMP_BYTES];
        stamp[..8].copy_from_slice(&serial.to_le_bytes());
        stamp[8..].copy_from_slice(&self.check_word(serial).to_le_bytes());
        stamp
    }

    /// The serial of the stamp, if a whole and true one stands there.
    pub fn serial_of(&self, image: &[u8]) -> Option<u64> {
        let word = |at: usize| image.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let serial = word(0)?;
        (word(8)? == self.check_word(serial)).then_some(serial)
    }

    /// Whether the stamp is true: if not, this is no frame of ours at all.
    pub fn is_stamped(&self, image: &[u8]) -> bool {
        self.serial_of(image).is_some()
    }

    /// Checks the first bytes of an image, or all of it, against the frame that its stamp names. `None`: too few
    /// bytes came to know whose they are.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock; draws the frame again.
    pub fn check_part(&self, part: &[u8]) -> Result<Option<u64>, PatternFault> {
        let part = &part[..part.len().min(self.image_bytes())];
        if part.len() < STAMP_BYTES {
            return Ok(None);
        }
        let Some(serial) = self.serial_of(part) else {
            return Err(PatternFault { offset: 0, kind: PatternFaultKind::Stamp });
        };
        let tray = self.layout.place(serial);
        let width = self.geometry.width as usize;
        let bytes = self.depth.row_bytes(width);
        let mut row = [0_u8; MAX_CONVEYOR_WIDTH as usize];
        let mut converted = [0_u8; 2 * MAX_CONVEYOR_WIDTH as usize];
        for (y, got) in part.chunks(bytes).enumerate() {
            self.row(serial, &tray, y, &mut row[..width]);
            let want = if self.depth == Depth::Eight {
                &mut row[..width]
            } else {
                self.depth.convert(&row[..width], &mut converted[..bytes]);
                &mut converted[..bytes]
            };
            if y == 0 {
                want[..STAMP_BYTES].copy_from_slice(&self.stamp(serial));
            }
            if *got != want[..got.len()] {
                let differs = got.iter().zip(&*want).position(|(a, b)| a != b).unwrap_or(0);
                let offset = y * bytes + differs;
                return Err(PatternFault { offset, kind: PatternFaultKind::Bytes });
            }
        }
        Ok(Some(serial))
    }

    /// Checks a whole image and returns its serial.
    pub fn check(&self, image: &[u8]) -> Result<u64, PatternFault> {
        if image.len() != self.image_bytes() {
            let offset = image.len().min(self.image_bytes());
            return Err(PatternFault { offset, kind: PatternFaultKind::Length });
        }
        self.check_part(image).map(Option::unwrap_or_default)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

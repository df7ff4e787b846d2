//! What a simulated line is to be: a plain value, checked once.

use super::conveyor::{self, Look, Scene};
use super::script::{Action, Script};
use crate::error::Error;
use crate::format::{Geometry, MAX_SIDE_PIXELS, PixelFormat};
use crate::source::{Fill, FrameIdRule};

/// The largest rate in frames a second that is paced; above it use [`Rate::Max`].
pub const MAX_RATE: f64 = 1e6;
/// The smallest rate: a frame in about eleven days.
pub const MIN_RATE: f64 = 1e-6;
/// The longest queue.
pub const MAX_QUEUE: usize = 4096;
/// Finished frames that the camera keeps, and buffers that are queued with it, unless said otherwise.
pub const DEFAULT_QUEUE: usize = 4;
/// Buffers of a lending simulation: two for each phase image, so that one of the right phase is free
/// while the line holds some.
pub const DEFAULT_LEND_QUEUE: usize = 32;
/// The largest clock drift, in parts per million.
pub const MAX_DRIFT_PPM: f64 = 10_000.0;
/// The sensor, unless the region or the script needs a larger one: width in pixels.
pub const DEFAULT_SENSOR_WIDTH: u32 = 2448;
/// As [`DEFAULT_SENSOR_WIDTH`]: height in pixels.
pub const DEFAULT_SENSOR_HEIGHT: u32 = 2048;

/// How often frames come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// As fast as they are fetched: frames wait, none is lost.
    Max,
    /// So many a second, on the host's clock; `MIN_RATE..=MAX_RATE`.
    Hz(f64),
}

/// What makes the camera expose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trigger {
    /// Itself, at the rate.
    #[default]
    Off,
    /// [`software_trigger`](crate::source::Source::software_trigger).
    Software,
    /// A simulated signal: of each 24 triggers, 12 come at twice the rate, then a pause of six periods and a
    /// half, then 12 at the rate; the mean is the rate.
    External,
}

impl Trigger {
    /// The names that the parameter may have.
    pub const NAMES: [&'static str; 3] = ["off", "software", "external"];

    /// The name that a URI uses.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The trigger of that name.
    pub fn from_name(name: &str) -> Option<Trigger> {
        [Trigger::Off, Trigger::Software, Trigger::External].into_iter().find(|t| t.name() == name)
    }
}

/// A simulated camera. Make one with [`Default`] and change what differs, or from a URI;
/// [`Sim::new`](super::Sim::new) checks it.
#[derive(Debug, Clone, PartialEq)]
pub struct SimConfig {
    /// Width of the region in pixels.
    pub width: u32,
    /// Height of the region in pixels.
    pub height: u32,
    /// First column of the region on the sensor.
    pub offset_x: u32,
    /// First row of the region on the sensor.
    pub offset_y: u32,
    /// Width of the sensor in pixels; `None`: the default, or what region and script need.
    pub sensor_width: Option<u32>,
    /// Height of the sensor in pixels; `None`: the default, or what region and script need.
    pub sensor_height: Option<u32>,
    /// Pixel format: any of [`SimConfig::formats`].
    pub format: PixelFormat,
    /// The format with most bits a pixel that can be set; `None`: what `format` and the script need.
    pub max_format: Option<PixelFormat>,
    /// How often frames come.
    pub rate: Rate,
    /// The device makes so many frames (those that get lost included), then the end; at least 1.
    pub frames: Option<u64>,
    /// Seed of the picture and of the script's `random`.
    pub seed: u64,
    /// What the frames show.
    pub look: Look,
    /// The only way of filling; `None`: all, copying first.
    pub fill: Option<Fill>,
    /// Finished frames that the camera keeps (copy), buffers queued with it (announce), or its own buffers
    /// (lend); `1..=MAX_QUEUE`; `None`: 4, and 16 for lend.
    pub queue: Option<usize>,
    /// What makes the camera expose.
    pub trigger: Trigger,
    /// Frame ids count to this and start again; 0: never.
    pub id_modulus: u64,
    /// Whether 0 is skipped when ids start again.
    pub id_skips_zero: bool,
    /// The first frame's id; `None`: 0, or 1 where 0 is skipped.
    pub first_id: Option<u64>,
    /// Whether frames are written and stamped; `false`: the payload is never touched (raw speed).
    pub stamp: bool,
    /// Whether a lent buffer is rewritten whole when it is lent again. `false`: it is trusted to come back
    /// as it was, and gets new stamps only; then no stage may write into lent frames.
    pub refresh: bool,
    /// By how many parts per million the device's clock runs fast.
    pub drift_ppm: f64,
    /// What goes wrong.
    pub script: Script,
}

impl Default for SimConfig {
    fn default() -> Self {
        SimConfig {
            width: DEFAULT_SENSOR_WIDTH,
            height: DEFAULT_SENSOR_HEIGHT,
            offset_x: 0,
            offset_y: 0,
            sensor_width: None,
            sensor_height: None,
            format: PixelFormat::MONO8,
            max_format: None,
            rate: Rate::Hz(100.0),
            frames: None,
            seed: 0,
            look: Look::default(),
            fill: None,
            queue: None,
            trigger: Trigger::Off,
            id_modulus: 0,
            id_skips_zero: true,
            first_id: None,
            stamp: true,
            refresh: false,
            drift_ppm: 0.0,
            script: Script::default(),
        }
    }
}

impl SimConfig {
    /// The formats that can be simulated: all but those with 10 bits in 16, whose upper byte has two bits
    /// only where the pattern needs three.
    pub fn formats() -> impl Iterator<Item = PixelFormat> {
        let has_room = |f: &PixelFormat| f.bits_per_pixel() != 16 || f.component_bits() != Some(10);
        PixelFormat::ALL.iter().copied().filter(has_room)
    }

    /// The region at start.
    pub fn geometry(&self) -> Geometry {
        Geometry {
            offset_x: self.offset_x,
            offset_y: self.offset_y,
            ..Geometry::new(self.width, self.height, self.format)
        }
    }

    /// The geometry after a `resize` or `drift` of the script: offsets stay where the sensor has room.
    pub fn resized(&self, width: u32, height: u32, format: Option<PixelFormat>) -> Geometry {
        let (sensor_width, sensor_height) = self.sensor();
        let offset = |at: u32, side: u32, sensor: u32| {
            if at.checked_add(side).is_some_and(|end| end <= sensor) { at } else { 0 }
        };
        Geometry {
            offset_x: offset(self.offset_x, width, sensor_width),
            offset_y: offset(self.offset_y, height, sensor_height),
            ..Geometry::new(width, height, format.unwrap_or(self.format))
        }
    }

    /// The sizes and formats that the script switches to.
    fn scripted(&self) -> impl Iterator<Item = (u32, u32, Option<PixelFormat>)> {
        self.script.rules.iter().filter_map(|r| match r.action {
            Action::Resize { width, height, format } => Some((width, height, format)),
            Action::Drift { width, height } => Some((width, height, None)),
            _ => None,
        })
    }

    /// Every geometry that comes by itself: the region at start, and what the script makes of it.
    pub fn geometries(&self) -> impl Iterator<Item = Geometry> {
        let scripted = self.scripted().map(|(width, height, f)| self.resized(width, height, f));
        std::iter::once(self.geometry()).chain(scripted)
    }

    /// Width and height of the sensor, in pixels.
    pub fn sensor(&self) -> (u32, u32) {
        let right = self.offset_x.saturating_add(self.width);
        let bottom = self.offset_y.saturating_add(self.height);
        let width = self.scripted().map(|s| s.0).fold(DEFAULT_SENSOR_WIDTH.max(right), u32::max);
        let height = self.scripted().map(|s| s.1).fold(DEFAULT_SENSOR_HEIGHT.max(bottom), u32::max);
        (self.sensor_width.unwrap_or(width), self.sensor_height.unwrap_or(height))
    }

    /// The format with most bits a pixel that can come.
    pub fn largest_format(&self) -> PixelFormat {
        self.max_format.unwrap_or_else(|| {
            let formats = self.scripted().filter_map(|s| s.2);
            formats.fold(self.format, |a, b| if bits(b) > bits(a) { b } else { a })
        })
    }

    /// Bytes of the whole sensor in the largest format.
    pub fn max_payload_bytes(&self) -> u64 {
        let (width, height) = self.sensor();
        Geometry::new(width, height, self.largest_format()).image_bytes()
    }

    /// The queue's length for that way of filling.
    pub fn queue_for(&self, fill: Fill) -> usize {
        self.queue.unwrap_or(match fill {
            Fill::Lend => DEFAULT_LEND_QUEUE,
            Fill::Copy | Fill::Announce => DEFAULT_QUEUE,
        })
    }

    /// How ids are counted.
    pub fn id_rule(&self) -> FrameIdRule {
        let modulus = self.id_modulus;
        FrameIdRule { modulus, skips_zero: modulus > 0 && self.id_skips_zero }
    }

    /// The id of the frame with that serial.
    #[inline]
    pub fn id_of(&self, serial: u64) -> u64 {
        let rule = self.id_rule();
        match (rule.modulus, rule.skips_zero) {
            (0, _) => self.first_id.unwrap_or(0).wrapping_add(serial),
            (m, false) => (self.first_id.unwrap_or(0) + serial % m) % m,
            (m, true) => 1 + (self.first_id.unwrap_or(1) - 1 + serial % (m - 1)) % (m - 1),
        }
    }

    /// The serial of the frame with that id, of all that have it the nearest to `near`.
    pub fn serial_of(&self, id: u64, near: u64) -> u64 {
        let rule = self.id_rule();
        let (lap, first) = match (rule.modulus, rule.skips_zero) {
            (0, _) => return id.wrapping_sub(self.first_id.unwrap_or(0)),
            (m, false) => (m, self.first_id.unwrap_or(0) % m),
            (m, true) => (m - 1, self.first_id.unwrap_or(1) - 1),
        };
        let place = id.saturating_sub(u64::from(rule.skips_zero)) % lap;
        let serial = (place + lap - first % lap) % lap;
        let before = serial + near.saturating_sub(serial) / lap * lap;
        let after = before + lap;
        if near.abs_diff(before) <= near.abs_diff(after) { before } else { after }
    }

    /// Whether all is possible; else one sentence that names the parameter, its value and what is allowed.
    pub fn check(&self) -> Result<(), Error> {
        let (sensor_width, sensor_height) = self.sensor();
        for (name, value) in [("sensor_width", sensor_width), ("sensor_height", sensor_height)] {
            within(name, value, 1, MAX_SIDE_PIXELS)?;
        }
        if let Some(largest) = self.max_format.filter(|f| !SimConfig::formats().any(|g| g == *f)) {
            return Err(unknown_format("max_format", &largest.to_string()));
        }
        self.check_region("", &self.geometry())?;
        for (width, height, format) in self.scripted() {
            self.check_region("script ", &self.resized(width, height, format))?;
        }
        if let Rate::Hz(hz) = self.rate
            && !(MIN_RATE..=MAX_RATE).contains(&hz)
        {
            return Err(Error::config(format!(
                "rate is {hz}; it must be {MIN_RATE} to {MAX_RATE} frames a second, or max"
            )));
        }
        if self.rate == Rate::Max && self.trigger == Trigger::External {
            return Err(Error::config(
                "rate is max with trigger=external; the triggers need a rate in frames a second",
            ));
        }
        if self.frames == Some(0) {
            return Err(Error::config("frames is 0; it must be at least 1, or absent for no end"));
        }
        if let Some(queue) = self.queue {
            within("queue", queue as u64, 1, MAX_QUEUE as u64)?;
        }
        if self.drift_ppm.is_nan() || self.drift_ppm.abs() > MAX_DRIFT_PPM {
            return Err(Error::config(format!(
                "drift_ppm is {}; it must be -{MAX_DRIFT_PPM} to {MAX_DRIFT_PPM}",
                self.drift_ppm
            )));
        }
        self.check_look()?;
        match self.id_modulus {
            0 => Ok(()),
            m if !(3..=1 << 32).contains(&m) => Err(Error::config(format!(
                "id_modulus is {m}; it must be 3 to {}, or 0 for ids that never start again",
                1_u64 << 32
            ))),
            m => {
                let low = u64::from(self.id_skips_zero);
                within("first_id", self.first_id.unwrap_or(low), low, m - 1)
            }
        }
    }

    fn check_look(&self) -> Result<(), Error> {
        let look = &self.look;
        within("defects", look.defects, 0.0, 1.0)?;
        within("contrast", look.contrast, 0.0, 1.0)?;
        within("noise", look.noise, 0.0, 50.0)?;
        within("jitter", look.jitter, 0.0, 0.08)?;
        if look.scene == Scene::Conveyor {
            if !self.stamp {
                return Err(Error::config(
                    "scene is conveyor with stamp=off, which never touches the payload; leave one of them out",
                ));
            }
            if let Some(why) = conveyor::refusal(&self.geometry()) {
                return Err(Error::config(why));
            }
        }
        Ok(())
    }

    /// Whether the frames at the start show the conveyor.
    pub fn shows_conveyor(&self) -> bool {
        self.stamp && conveyor::shows(&self.geometry(), &self.look)
    }

    /// What is true of the frames that this camera sends at that geometry: `None` if they show no conveyor.
    pub fn truth(&self, geometry: &Geometry) -> Option<conveyor::Truth> {
        if !self.stamp {
            return None;
        }
        conveyor::Truth::new(geometry, &self.look, self.seed)
    }

    /// Whether a region and format can be set on this sensor.
    pub(super) fn check_region(&self, whose: &str, g: &Geometry) -> Result<(), Error> {
        let (sensor_width, sensor_height) = self.sensor();
        if !SimConfig::formats().any(|f| f == g.pixel_format) {
            return Err(unknown_format("format", &g.pixel_format.to_string()));
        }
        for (axis, offset, side, sensor) in [
            ("width", g.offset_x, g.width, sensor_width),
            ("height", g.offset_y, g.height, sensor_height),
        ] {
            within(&format!("{whose}{axis}"), side, 1, sensor)?;
            if offset > sensor - side {
                let letter = if axis == "width" { 'x' } else { 'y' };
                return Err(Error::config(format!(
                    "{whose}offset_{letter} is {offset}; with {axis} {side} on a sensor of {sensor} it must be 0 to {}",
                    sensor - side
                )));
            }
        }
        if bits(g.pixel_format) > bits(self.largest_format()) {
            return Err(Error::config(format!(
                "{whose}format is {} of {} bits a pixel; max_format is {}, so at most {} bits are allowed",
                g.pixel_format,
                bits(g.pixel_format),
                self.largest_format(),
                bits(self.largest_format())
            )));
        }
        g.check().map_err(|e| {
            Error::config(format!(
                "{whose}region {}x{}+{}+{} {}: {e}",
                g.width, g.height, g.offset_x, g.offset_y, g.pixel_format
            ))
        })
    }
}

fn bits(format: PixelFormat) -> u32 {
    format.bits_per_pixel()
}

pub(super) fn unknown_format(name: &str, value: &str) -> Error {
    let names: Vec<_> = SimConfig::formats().filter_map(PixelFormat::name).collect();
    Error::config(format!("{name} is {value:?}; it must be one of {}", names.join(", ")))
}

/// Whether `value` lies in a closed range.
pub(super) fn within<T: PartialOrd + std::fmt::Display>(
    name: &str,
    value: T,
    low: T,
    high: T,
) -> Result<(), Error> {
    if value >= low && value <= high {
        return Ok(());
    }
    Err(Error::config(format!("{name} is {value}; it must be {low} to {high}")))
}

//! The features of a camera: nodes with ranges, increments, access and locks, and the values that follow
//! from others.

mod description;
mod tree;

use crate::codes::Code;
use crate::pixel::{self, PixelFormat};

/// The value of a node, with what it may be.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum Value {
    Int {
        now: i64,
        min: i64,
        max: i64,
        inc: i64,
    },
    Float {
        now: f64,
        min: f64,
        max: f64,
    },
    Enum {
        now: u32,
        entries: Vec<(u32, &'static str)>,
    },
    Bool(bool),
    /// `max` counts the bytes without the final NUL.
    Text {
        now: String,
        max: usize,
    },
    Command,
}

/// One node of the camera's XML.
#[derive(Debug, Clone)]
pub struct Node {
    /// The name that programs use.
    pub name: &'static str,
    /// The value.
    pub value: Value,
    /// Whether the host may write it.
    pub writable: bool,
    /// Whether a camera that locks its transport layer refuses writes while it streams.
    pub locked: bool,
}

/// What a command asks of the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing beyond the feature itself.
    None,
    /// `TriggerSoftware`.
    Trigger,
    /// `AcquisitionStart` or `AcquisitionStop`.
    Acquisition(bool),
    /// `DeviceReset`: the camera goes away and comes back.
    Reset,
}

/// All nodes of one camera.
#[derive(Debug, Clone)]
pub struct Features {
    nodes: Vec<Node>,
    /// The factory's set, then the three user sets.
    sets: Vec<Vec<Node>>,
}

impl Features {
    fn made(nodes: Vec<Node>) -> Features {
        let mut features = Features { sets: Vec::new(), nodes };
        features.follow();
        features.sets = vec![features.nodes.clone(); 4];
        features
    }

    /// The node of this name; a missing one is the code that the library gives for it.
    pub fn node(&self, name: &str) -> Result<&Node, Code> {
        self.nodes.iter().find(|n| n.name == name).ok_or(Code::GC_GENERIC)
    }

    /// Whether a node cannot be written now. `streaming` tells whether a lock is in force.
    fn is_locked(&self, node: &Node, streaming: bool) -> bool {
        let automatic = |node: &str| self.enumeration(node) != 0;
        (streaming && node.locked)
            || match node.name {
                "ExposureTime" => automatic("ExposureAuto"),
                "Gain" => automatic("GainAuto"),
                "TriggerSoftware" => !automatic("TriggerMode"),
                _ => false,
            }
    }

    /// A node that is about to be written.
    fn writable(&mut self, name: &str, streaming: bool) -> Result<&mut Node, Code> {
        let at = self.nodes.iter().position(|n| n.name == name).ok_or(Code::GC_GENERIC)?;
        let node = &self.nodes[at];
        if !node.writable || self.is_locked(node, streaming) {
            return Err(Code::GC_ACCESS);
        }
        Ok(&mut self.nodes[at])
    }

    /// Writes an integer node.
    pub fn set_int(&mut self, name: &str, to: i64, streaming: bool) -> Result<(), Code> {
        let Value::Int { now, min, max, inc } = &mut self.writable(name, streaming)?.value else {
            return Err(Code::GC_CAST);
        };
        if to < *min || to > *max || (to - *min) % *inc != 0 {
            return Err(Code::GC_RANGE);
        }
        *now = to;
        self.follow();
        Ok(())
    }

    /// Writes a float node.
    pub fn set_float(&mut self, name: &str, to: f64, streaming: bool) -> Result<(), Code> {
        let Value::Float { now, min, max } = &mut self.writable(name, streaming)?.value else {
            return Err(Code::GC_CAST);
        };
        // Limits come back from the caller as 32-bit floats.
        if !(to as f32 >= *min as f32 && to as f32 <= *max as f32) {
            return Err(Code::GC_RANGE);
        }
        *now = to;
        self.follow();
        Ok(())
    }

    /// Writes an enumeration by number.
    pub fn set_enum(&mut self, name: &str, to: u32, streaming: bool) -> Result<(), Code> {
        let Value::Enum { now, entries } = &mut self.writable(name, streaming)?.value else {
            return Err(Code::GC_CAST);
        };
        if !entries.iter().any(|e| e.0 == to) {
            return Err(Code::GC_ARGUMENT);
        }
        *now = to;
        self.follow();
        Ok(())
    }

    /// Writes an enumeration by its entry's name.
    pub fn set_enum_text(&mut self, name: &str, to: &str, streaming: bool) -> Result<(), Code> {
        let Value::Enum { entries, .. } = &self.node(name)?.value else {
            return Err(Code::GC_CAST);
        };
        let entry = entries.iter().find(|e| e.1 == to).ok_or(Code::GC_ARGUMENT)?.0;
        self.set_enum(name, entry, streaming)
    }

    /// Writes a boolean node.
    pub fn set_bool(&mut self, name: &str, to: bool, streaming: bool) -> Result<(), Code> {
        let Value::Bool(now) = &mut self.writable(name, streaming)?.value else {
            return Err(Code::GC_CAST);
        };
        *now = to;
        self.follow();
        Ok(())
    }

    /// Writes a text node.
    pub fn set_text(&mut self, name: &str, to: &str, streaming: bool) -> Result<(), Code> {
        let Value::Text { now, max } = &mut self.writable(name, streaming)?.value else {
            return Err(Code::GC_CAST);
        };
        if to.len() > *max {
            return Err(Code::GC_RANGE);
        }
        *now = to.to_owned();
        Ok(())
    }

    /// Executes a command node; what only the camera can do is returned.
    pub fn command(&mut self, name: &str, streaming: bool) -> Result<Effect, Code> {
        if !matches!(self.node(name)?.value, Value::Command) {
            return Err(Code::GC_CAST);
        }
        self.writable(name, streaming)?;
        Ok(match name {
            "TriggerSoftware" if self.software_triggered() => Effect::Trigger,
            "TriggerSoftware" => return Err(Code::GC_ACCESS),
            "AcquisitionStart" => Effect::Acquisition(true),
            "AcquisitionStop" => Effect::Acquisition(false),
            "DeviceReset" => Effect::Reset,
            "UserSetSave" => {
                let set = self.enumeration("UserSetSelector") as usize;
                if set == 0 {
                    return Err(Code::GC_ACCESS);
                }
                self.sets[set] = self.nodes.clone();
                Effect::None
            }
            "UserSetLoad" => {
                self.load(self.enumeration("UserSetSelector"));
                Effect::None
            }
            _ => Effect::None,
        })
    }

    /// Values return to those of a set; what names the camera and chooses the set stays.
    fn load(&mut self, set: u32) {
        let kept: Vec<Node> = ["UserSetSelector", "UserSetDefault", "DeviceUserID"]
            .iter()
            .filter_map(|name| self.node(name).ok().cloned())
            .collect();
        self.nodes = self.sets[set as usize].clone();
        for node in kept {
            self.put(node.name, |value| *value = node.value);
        }
        self.follow();
    }

    /// What the camera's power switch leaves: the set that is loaded at power on.
    pub fn power_cycle(&mut self) {
        self.load(self.enumeration("UserSetDefault"));
    }

    /// An integer that is known to exist.
    pub fn int(&self, name: &str) -> i64 {
        match self.node(name).map(|n| &n.value) {
            Ok(Value::Int { now, .. }) => *now,
            _ => 0,
        }
    }

    /// A float that is known to exist.
    pub fn float(&self, name: &str) -> f64 {
        match self.node(name).map(|n| &n.value) {
            Ok(Value::Float { now, .. }) => *now,
            _ => 0.0,
        }
    }

    /// An enumeration that is known to exist.
    pub fn enumeration(&self, name: &str) -> u32 {
        match self.node(name).map(|n| &n.value) {
            Ok(Value::Enum { now, .. }) => *now,
            _ => 0,
        }
    }

    /// A boolean that is known to exist.
    pub fn boolean(&self, name: &str) -> bool {
        matches!(self.node(name).map(|n| &n.value), Ok(Value::Bool(true)))
    }

    /// A text that is known to exist.
    pub fn text(&self, name: &str) -> String {
        match self.node(name).map(|n| &n.value) {
            Ok(Value::Text { now, .. }) => now.clone(),
            _ => String::new(),
        }
    }

    /// Width and height of the region, in pixels.
    pub fn region(&self) -> (u32, u32) {
        (self.int("Width") as u32, self.int("Height") as u32)
    }

    /// The pixel format.
    pub fn format(&self) -> PixelFormat {
        pixel::by_code(self.enumeration("PixelFormat")).unwrap_or(pixel::MONO[0])
    }

    /// Bytes of one image.
    pub fn payload(&self) -> usize {
        let (width, height) = self.region();
        self.format().bytes(width, height)
    }

    /// The region and format change without the host's doing, as by a second program or a hand at the camera.
    pub fn force_region(&mut self, width: u32, height: u32, format: Option<PixelFormat>) {
        for (name, to) in [("OffsetX", 0), ("OffsetY", 0), ("Width", width), ("Height", height)] {
            self.put(name, |v| {
                if let Value::Int { now, .. } = v {
                    *now = i64::from(to);
                }
            });
        }
        if let Some(format) = format {
            self.put("PixelFormat", |v| {
                if let Value::Enum { now, .. } = v {
                    *now = format.code;
                }
            });
        }
        self.follow();
    }

    /// The packet size changes without the host's doing; nothing happens where packets have none (USB).
    pub fn force_packet_size(&mut self, bytes: u32) {
        self.put("GevSCPSPacketSize", |v| {
            if let Value::Int { now, .. } = v {
                *now = i64::from(bytes);
            }
        });
    }

    fn put(&mut self, name: &str, write: impl FnOnce(&mut Value)) {
        if let Some(node) = self.nodes.iter_mut().find(|n| n.name == name) {
            write(&mut node.value);
        }
    }

    /// Whether frames wait for triggers.
    pub fn triggered(&self) -> bool {
        self.enumeration("TriggerMode") == 1
    }

    /// Whether only `TriggerSoftware` triggers.
    pub fn software_triggered(&self) -> bool {
        self.enumeration("TriggerSource") == tree::SOURCE_SOFTWARE
    }

    /// The time between two frames of a free run, in seconds.
    pub fn period(&self) -> f64 {
        let exposed = self.float("ExposureTime") * 1e-6;
        let sensor = 1.0 / self.sensor_rate();
        let asked = if self.boolean("AcquisitionFrameRateEnable") {
            1.0 / self.float("AcquisitionFrameRate")
        } else {
            0.0
        };
        exposed.max(sensor).max(asked)
    }

    /// As [`period`](Self::period), in nanoseconds.
    pub fn period_nanos(&self) -> u64 {
        (self.period() * 1e9) as u64
    }

    /// The fastest rate of the sensor, in hertz.
    fn sensor_rate(&self) -> f64 {
        match self.node("AcquisitionFrameRate").map(|n| &n.value) {
            Ok(Value::Float { max, .. }) => *max,
            _ => 1.0,
        }
    }

    /// Brings the nodes up to date that follow from others.
    fn follow(&mut self) {
        let (width, height) = self.region();
        for (size, offset, limit) in
            [("Width", "OffsetX", "WidthMax"), ("Height", "OffsetY", "HeightMax")]
        {
            let whole = self.int(limit);
            let (own, at) = (self.int(size), self.int(offset));
            self.put(size, |v| {
                if let Value::Int { max, .. } = v {
                    *max = (whole - at).max(own);
                }
            });
            self.put(offset, |v| {
                if let Value::Int { max, inc, .. } = v {
                    *max = (whole - own).max(0) / *inc * *inc;
                }
            });
        }
        let payload = self.format().bytes(width, height) as i64;
        self.put("PayloadSize", |v| {
            if let Value::Int { now, .. } = v {
                *now = payload;
            }
        });
        let rate = 1.0 / self.period();
        self.put("ResultingFrameRate", |v| {
            if let Value::Float { now, .. } = v {
                *now = rate;
            }
        });
    }
}

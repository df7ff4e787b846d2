//! `sim:?name=value&...` to a configuration and back.

use super::config::{Rate, SimConfig, Trigger, unknown_format};
use super::conveyor::Scene;
use super::features::FEATURES;
use super::script::Script;
use crate::error::{Error, ErrorKind};
use crate::format::PixelFormat;
use crate::source::Fill;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::str::FromStr;

/// The longest script file that is read.
const MAX_SCRIPT_BYTES: u64 = 1 << 20;

/// Every parameter of a `sim:` URI, with one line of help.
pub const PARAMETERS: &[(&str, &str)] = &[
    ("width", "width of the region in pixels (default 2448)"),
    ("height", "height of the region in pixels (default 2048)"),
    ("offset_x", "first column of the region on the sensor (default 0)"),
    ("offset_y", "first row of the region on the sensor (default 0)"),
    ("sensor_width", "width of the sensor in pixels (default 2448, or what is needed)"),
    ("sensor_height", "height of the sensor in pixels (default 2048, or what is needed)"),
    ("format", "PFNC pixel format (default Mono8)"),
    ("max_format", "the largest format that can be set (default: what is needed)"),
    ("rate", "frames a second, or max: as fast as they are fetched (default 100)"),
    ("frames", "the device makes so many frames, then the end (default: no end)"),
    ("seed", "seed of the picture and of random faults (default 0)"),
    ("scene", "conveyor, pattern, or auto: the conveyor where it can be shown (default auto)"),
    ("defects", "share of the conveyor's parts that are defective, 0 to 1 (default 0.08)"),
    ("contrast", "how clear the defects are, 0 to 1; their depth goes with its square (default 1)"),
    (
        "noise",
        "deviation of the conveyor's sensor noise at mid grey, in grey levels of 255, 0 to 50 (default 2); it grows with the light",
    ),
    ("jitter", "how far parts lie off their nests, in diameters, 0 to 0.08 (default 0.03)"),
    ("fill", "copy, announce, lend or auto (default auto: all, copy first)"),
    ("queue", "finished frames kept, buffers queued, or buffers lent (default 4; lend 32)"),
    ("trigger", "off, software, or external: bursts and pauses at the rate (default off)"),
    ("id_modulus", "frame ids start again there, 0: never (default 0)"),
    ("id_skips_zero", "on or off: whether id 0 is skipped when ids start again (default on)"),
    ("first_id", "id of the first frame (default 0, or 1 where 0 is skipped)"),
    ("stamp", "on or off: off never touches the payload, for raw speed (default on)"),
    ("refresh", "on or off: whether lent buffers are rewritten whole each time (default off)"),
    ("drift_ppm", "parts per million by which the device clock runs fast (default 0)"),
    ("script", "file with fault rules, one a line"),
    ("faults", "fault rules in the URI itself, separated by ;"),
];

impl SimConfig {
    /// Reads a URI, and the file that `script` names. Values may be percent-encoded. Not yet checked as a
    /// whole: [`Sim::new`](super::Sim::new) does that.
    pub fn from_uri(uri: &str) -> Result<SimConfig, Error> {
        let rest = uri.strip_prefix("sim:").ok_or_else(|| {
            Error::config(format!("{uri:?} is no simulated source; its URI begins with sim:"))
        })?;
        let query = match rest.split_once('?') {
            Some(("", query)) => query,
            None if rest.is_empty() => "",
            _ => {
                return Err(Error::config(format!(
                    "{uri:?} has {rest:?} behind sim:; parameters follow as sim:?name=value&..."
                )));
            }
        };
        let mut config = SimConfig::default();
        let mut seen: Vec<&str> = Vec::new();
        // What a camera's features say together.
        let (mut triggered, mut trigger_source) = (None, Trigger::External);
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                Error::config(format!("parameter {pair:?} has no value; write {pair}=VALUE"))
            })?;
            if seen.contains(&name) {
                return Err(Error::config(format!("parameter {name} is given twice")));
            }
            seen.push(name);
            let value = decode(name, value)?;
            match name {
                "TriggerMode" => {
                    let is_on =
                        |v: &str| ["Off", "On"].iter().position(|n| *n == v).map(|n| n == 1);
                    triggered =
                        Some(is_on(&value).ok_or_else(|| wrong(name, &value, "Off or On"))?);
                }
                "TriggerSource" => {
                    trigger_source = match value.as_str() {
                        "Software" => Trigger::Software,
                        "Line0" => Trigger::External,
                        _ => return Err(wrong(name, &value, "Software or Line0")),
                    };
                }
                _ => config.set(name, &value)?,
            }
        }
        match triggered {
            Some(true) => config.trigger = trigger_source,
            Some(false) => config.trigger = Trigger::Off,
            None => {}
        }
        Ok(config)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        match name {
            "width" | "Width" => self.width = number(name, value, "pixels from 1")?,
            "height" | "Height" => self.height = number(name, value, "pixels from 1")?,
            "offset_x" | "OffsetX" => self.offset_x = number(name, value, "pixels from 0")?,
            "offset_y" | "OffsetY" => self.offset_y = number(name, value, "pixels from 0")?,
            "sensor_width" => self.sensor_width = Some(number(name, value, "pixels from 1")?),
            "sensor_height" => self.sensor_height = Some(number(name, value, "pixels from 1")?),
            "format" | "PixelFormat" => self.format = format(name, value)?,
            "max_format" => self.max_format = Some(format(name, value)?),
            "rate" if value == "max" => self.rate = Rate::Max,
            "rate" | "AcquisitionFrameRate" => {
                self.rate = Rate::Hz(number(name, value, "frames a second, or max")?)
            }
            "frames" => self.frames = Some(number(name, value, "a number from 1")?),
            "seed" => self.seed = number(name, value, "a number from 0")?,
            "scene" => {
                self.look.scene = Scene::from_name(value)
                    .ok_or_else(|| wrong(name, value, "auto, conveyor or pattern"))?;
            }
            "defects" => self.look.defects = number(name, value, "a share from 0 to 1")?,
            "contrast" => self.look.contrast = number(name, value, "a number from 0 to 1")?,
            "noise" => self.look.noise = number(name, value, "grey levels from 0 to 50")?,
            "jitter" => self.look.jitter = number(name, value, "a share from 0 to 0.08")?,
            "fill" if value == "auto" => self.fill = None,
            "fill" => {
                self.fill = Some(
                    Fill::from_name(value)
                        .ok_or_else(|| wrong(name, value, "copy, announce, lend or auto"))?,
                );
            }
            "queue" => self.queue = Some(number(name, value, "a number of frames from 1")?),
            "trigger" => {
                self.trigger = Trigger::from_name(value)
                    .ok_or_else(|| wrong(name, value, "off, software or external"))?;
            }
            "id_modulus" => self.id_modulus = number(name, value, "a number from 0")?,
            "id_skips_zero" => self.id_skips_zero = on_off(name, value)?,
            "first_id" => self.first_id = Some(number(name, value, "a number from 0")?),
            "stamp" => self.stamp = on_off(name, value)?,
            "refresh" => self.refresh = on_off(name, value)?,
            "drift_ppm" => self.drift_ppm = number(name, value, "parts per million")?,
            "script" => {
                let text = read_script(value)?;
                self.add_rules(&format!("the fault script {value:?}"), &text)?;
            }
            "faults" => self.add_rules("parameter faults", &value.replace(';', "\n"))?,
            _ => {
                let known: Vec<_> = PARAMETERS.iter().map(|p| p.0).collect();
                return Err(Error::config(format!(
                    "the simulated source has no parameter {name:?}; it knows {}, and the features {}",
                    known.join(", "),
                    FEATURES.join(", ")
                )));
            }
        }
        Ok(())
    }

    fn add_rules(&mut self, whose: &str, text: &str) -> Result<(), Error> {
        let script = Script::parse(text).map_err(|e| Error::config(format!("{whose}: {e}")))?;
        self.script.rules.extend(script.rules);
        Ok(())
    }

    /// The URI that gives this configuration again; parameters at their default are left out, and rules
    /// that came from a file stand in the URI itself.
    pub fn to_uri(&self) -> String {
        let d = SimConfig::default();
        let mut out = String::from("sim:");
        let mut put = |name: &str, value: String| {
            let sep = if out.ends_with(':') { '?' } else { '&' };
            let _ = write!(out, "{sep}{name}={}", encode(&value));
        };
        put("width", self.width.to_string());
        put("height", self.height.to_string());
        put("format", self.format.to_string());
        match self.rate {
            Rate::Max => put("rate", "max".into()),
            Rate::Hz(hz) => put("rate", hz.to_string()),
        }
        let on_off = |on: bool| String::from(if on { "on" } else { "off" });
        let other = |n: f64, default: f64| (n != default).then(|| n.to_string());
        let text = |n: Option<u64>| n.map(|n| n.to_string());
        let optional = [
            ("offset_x", (self.offset_x != 0).then(|| self.offset_x.to_string())),
            ("offset_y", (self.offset_y != 0).then(|| self.offset_y.to_string())),
            ("sensor_width", text(self.sensor_width.map(u64::from))),
            ("sensor_height", text(self.sensor_height.map(u64::from))),
            ("max_format", self.max_format.map(|f| f.to_string())),
            ("frames", text(self.frames)),
            ("seed", (self.seed != 0).then(|| self.seed.to_string())),
            (
                "scene",
                (self.look.scene != d.look.scene).then(|| self.look.scene.name().to_string()),
            ),
            ("defects", other(self.look.defects, d.look.defects)),
            ("contrast", other(self.look.contrast, d.look.contrast)),
            ("noise", other(self.look.noise, d.look.noise)),
            ("jitter", other(self.look.jitter, d.look.jitter)),
            ("fill", self.fill.map(|f| f.name().to_string())),
            ("queue", text(self.queue.map(|q| q as u64))),
            ("trigger", (self.trigger != d.trigger).then(|| self.trigger.name().to_string())),
            ("id_modulus", (self.id_modulus != 0).then(|| self.id_modulus.to_string())),
            ("id_skips_zero", (!self.id_skips_zero).then(|| on_off(false))),
            ("first_id", text(self.first_id)),
            ("stamp", (!self.stamp).then(|| on_off(false))),
            ("refresh", self.refresh.then(|| on_off(true))),
            ("drift_ppm", (self.drift_ppm != 0.0).then(|| self.drift_ppm.to_string())),
            ("faults", self.faults_text()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                put(name, value);
            }
        }
        out
    }

    fn faults_text(&self) -> Option<String> {
        let rules: Vec<_> = self.script.rules.iter().map(ToString::to_string).collect();
        (!rules.is_empty()).then(|| rules.join(";"))
    }
}

fn read_script(path: &str) -> Result<String, Error> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_SCRIPT_BYTES + 1).read_to_string(&mut text))
        .map_err(|e| {
            let what = format!("the fault script {path:?} could not be read");
            Error::with_source(ErrorKind::Io, what, e)
        })?;
    if text.len() as u64 > MAX_SCRIPT_BYTES {
        return Err(Error::config(format!(
            "the fault script {path:?} is longer than {MAX_SCRIPT_BYTES} bytes; use `every` and `random`"
        )));
    }
    Ok(text)
}

fn wrong(name: &str, value: &str, expected: &str) -> Error {
    Error::config(format!("{name} is {value:?}; it must be {expected}"))
}

fn number<T: FromStr>(name: &str, value: &str, expected: &str) -> Result<T, Error> {
    value.parse().map_err(|_| wrong(name, value, expected))
}

fn on_off(name: &str, value: &str) -> Result<bool, Error> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(wrong(name, value, "on or off")),
    }
}

pub(super) fn format(name: &str, value: &str) -> Result<PixelFormat, Error> {
    PixelFormat::from_name(value).ok_or_else(|| unknown_format(name, value))
}

fn decode(name: &str, value: &str) -> Result<String, Error> {
    let bad = || wrong(name, value, "text whose every % begins a code like %20 of UTF-8");
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2).ok_or_else(bad)?;
        let digit = |b: u8| (b as char).to_digit(16).ok_or_else(bad);
        bytes.push((digit(digits[0])? * 16 + digit(digits[1])?) as u8);
        rest = tail;
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for b in value.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~;:/,".contains(&b) {
            out.push(b as char);
        } else {
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}

#[cfg(test)]
#[path = "uri_tests.rs"]
mod tests;

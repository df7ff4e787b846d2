//! Features of a camera by their GenICam names: set as what they are, noted, and restored.

use super::codes::{MV_E_GC_ACCESS, MV_E_SUPPORT, named, table};
use super::handle::{Code, Handle};
use super::reading::pixel_format;
use super::sys::PixelTypeRaw;
use crate::error::{Error, ErrorKind};
use crate::fault::FaultClass;

/// Features that decide how long a frame is, or how it travels. Some cameras let them be written while they
/// grab, and then send frames that the host never completes: the SDK answers `MV_E_NODATA` for ever.
const LOCKED: &[&str] = &[
    "Width",
    "Height",
    "PixelFormat",
    "PixelSize",
    "BinningHorizontal",
    "BinningVertical",
    "BinningSelector",
    "DecimationHorizontal",
    "DecimationVertical",
    "RegionSelector",
    "RegionMode",
    "RegionDestination",
    "ImageCompressionMode",
    "ChunkModeActive",
    "ChunkSelector",
    "ChunkEnable",
    "UserSetLoad",
    "GevSCPSPacketSize",
];

/// Whether a feature is only ever set while the camera is stopped.
pub(super) fn is_locked(feature: &str) -> bool {
    LOCKED.contains(&feature)
}

/// What a feature is, as the camera answered when it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Float,
    Enum,
    Bool,
    Text,
    Command,
}

/// Why a feature was not set.
#[derive(Debug)]
pub(super) struct Refused {
    /// What the SDK answered; `None`: it was not asked.
    pub code: Option<Code>,
    pub kind: ErrorKind,
    pub sentence: String,
}

impl Refused {
    fn config(sentence: String) -> Refused {
        Refused { code: None, kind: ErrorKind::Config, sentence }
    }

    /// Whether the camera did not hear it, rather than refuse it.
    pub fn is_loss(&self) -> bool {
        self.code.is_some_and(is_loss)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Error {
        Error::new(refused.kind, refused.sentence)
    }
}

/// Whether a code says that the camera cannot be reached.
pub(super) fn is_loss(code: Code) -> bool {
    let class = table().classify(i64::from(code));
    matches!(class, FaultClass::Lost | FaultClass::Timeout | FaultClass::Busy)
}

/// A feature that was set, among the selectors that were set before it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    selectors: Vec<(String, String)>,
    name: String,
    value: String,
}

/// Every feature that was set, to be set again on a camera that came back.
#[derive(Debug, Default)]
pub(super) struct Settings {
    selectors: Vec<(String, String)>,
    made: Vec<Setting>,
    kinds: Vec<(String, Kind)>,
}

impl Settings {
    /// Sets a feature and notes it.
    pub fn set(&mut self, handle: &mut Handle, name: &str, value: &str) -> Result<(), Refused> {
        if self.apply(handle, name, value)? != Kind::Command {
            self.note(name, value);
        }
        Ok(())
    }

    /// Sets a feature as what it is.
    fn apply(&mut self, handle: &mut Handle, name: &str, value: &str) -> Result<Kind, Refused> {
        let kind = match self.kinds.iter().find(|(n, _)| n == name) {
            Some((_, kind)) => *kind,
            None => {
                let kind = ask(handle, name, value)?;
                self.kinds.push((name.into(), kind));
                kind
            }
        };
        write(handle, kind, name, value).map(|()| kind)
    }

    fn note(&mut self, name: &str, value: &str) {
        let pair = (name.to_string(), value.to_string());
        if name.ends_with("Selector") {
            match self.selectors.iter_mut().find(|(n, _)| n == name) {
                Some(known) => *known = pair,
                None => self.selectors.push(pair),
            }
            return;
        }
        let selectors = self.selectors.clone();
        // The later one counts, in its later place.
        self.made.retain(|s| s.name != name || s.selectors != selectors);
        self.made.push(Setting { selectors, name: pair.0, value: pair.1 });
    }

    /// Sets everything again. Some features can only be set after others (a region's size before its place),
    /// so those that are refused have another turn as long as others succeed.
    pub fn restore(&mut self, handle: &mut Handle) -> Result<(), Refused> {
        let mut left = self.made.clone();
        let selectors = self.selectors.clone();
        let mut current: Vec<(String, String)> = Vec::new();
        while !left.is_empty() {
            let before = left.len();
            let mut refused = None;
            for setting in std::mem::take(&mut left) {
                let done = self
                    .select(handle, &setting.selectors, &mut current)
                    .and_then(|()| self.apply(handle, &setting.name, &setting.value));
                match done {
                    Ok(_) => {}
                    Err(why) if why.is_loss() => return Err(why),
                    Err(why) => {
                        refused = Some(why);
                        left.push(setting);
                    }
                }
            }
            if left.len() == before
                && let Some(why) = refused
            {
                return Err(why);
            }
        }
        self.select(handle, &selectors, &mut current)
    }

    fn select(
        &mut self,
        handle: &mut Handle,
        selectors: &[(String, String)],
        current: &mut Vec<(String, String)>,
    ) -> Result<(), Refused> {
        for (name, value) in selectors {
            let known = current.iter_mut().find(|(n, _)| n == name);
            if known.as_ref().is_some_and(|(_, v)| v == value) {
                continue;
            }
            match known {
                Some(known) => known.1.clone_from(value),
                None => current.push((name.clone(), value.clone())),
            }
            self.apply(handle, name, value)?;
        }
        Ok(())
    }
}

/// What the feature is: the camera answers only to the question that fits.
fn ask(handle: &Handle, name: &str, value: &str) -> Result<Kind, Refused> {
    let mut locked = None;
    for kind in [Kind::Int, Kind::Float, Kind::Enum, Kind::Bool, Kind::Text] {
        let answer = match kind {
            Kind::Int => handle.get_int(name).map(|_| ()),
            Kind::Float => handle.get_float(name).map(|_| ()),
            Kind::Enum => handle.get_enum(name).map(|_| ()),
            Kind::Bool => handle.get_bool(name).map(|_| ()),
            Kind::Text | Kind::Command => handle.get_text(name).map(|_| ()),
        };
        match answer {
            Ok(()) => return Ok(kind),
            Err(code) if is_loss(code) => return Err(unheard(name, code)),
            Err(MV_E_GC_ACCESS) => locked = Some(MV_E_GC_ACCESS),
            Err(_) => {}
        }
    }
    match (value, locked) {
        ("" | "execute" | "Execute" | "1" | "true", _) => Ok(Kind::Command),
        (_, Some(code)) => Err(Refused {
            code: Some(code),
            kind: ErrorKind::State,
            sentence: format!("{name} is not accessible now; the camera answered {}", named(code)),
        }),
        (_, None) => Err(Refused::config(format!(
            "the camera has no feature {name:?} that takes a value; names are GenICam's, as the MVS viewer shows them, and a command is run by {name}=execute"
        ))),
    }
}

fn unheard(name: &str, code: Code) -> Refused {
    Refused {
        code: Some(code),
        kind: ErrorKind::Source,
        sentence: format!("{name} could not be set: the camera did not answer ({})", named(code)),
    }
}

/// Writes a value, or says what could have been written.
fn write(handle: &mut Handle, kind: Kind, name: &str, value: &str) -> Result<(), Refused> {
    let wrong = |expected: &str| {
        Err(Refused::config(format!("{name} is {value:?}; it must be {expected}")))
    };
    let done = match kind {
        Kind::Int => match integer(value) {
            Some(n) => handle.set_int(name, n),
            None => return wrong("a whole number"),
        },
        Kind::Float => match value.parse::<f32>().ok().filter(|v| v.is_finite()) {
            Some(v) => handle.set_float(name, v),
            None => return wrong("a number"),
        },
        Kind::Enum => match value.parse::<u32>() {
            Ok(n) => handle.set_enum(name, n),
            Err(_) => match handle.set_enum_text(name, value) {
                Err(MV_E_SUPPORT) => {
                    return wrong("the entry's number: this SDK takes no names of entries");
                }
                done => done,
            },
        },
        Kind::Bool => match value {
            "true" | "on" | "On" | "1" => handle.set_bool(name, true),
            "false" | "off" | "Off" | "0" => handle.set_bool(name, false),
            _ => return wrong("true or false"),
        },
        Kind::Text => handle.set_text(name, value),
        Kind::Command => handle.command(name),
    };
    done.map_err(|code| refused(handle, kind, name, value, code))
}

fn integer(value: &str) -> Option<i64> {
    match value.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => value.parse().ok(),
    }
}

/// Why the camera refused.
fn refused(handle: &Handle, kind: Kind, name: &str, value: &str, code: Code) -> Refused {
    if is_loss(code) {
        return unheard(name, code);
    }
    if code == MV_E_GC_ACCESS {
        return Refused {
            code: Some(code),
            kind: ErrorKind::State,
            sentence: format!(
                "{name} cannot be written now (while grabbing, because of another feature, or ever); the camera answered {}",
                named(code)
            ),
        };
    }
    let range = match kind {
        Kind::Int => handle.get_int(name).ok().map(|v| {
            format!(
                "; it can be {} to {} in steps of {}, and is {}",
                v.min, v.max, v.inc, v.current
            )
        }),
        Kind::Float => handle
            .get_float(name)
            .ok()
            .map(|v| format!("; it can be {} to {}, and is {}", v.min, v.max, v.current)),
        Kind::Enum => handle.get_enum(name).ok().map(|v| {
            let known = v.values.iter().take(v.count as usize);
            if name == "PixelFormat" {
                // Its numbers are PFNC's codes, and nobody knows those by heart.
                let text = |n: &u32| pixel_format(*n as PixelTypeRaw).to_string();
                let known: Vec<_> = known.map(text).collect();
                return format!("; it can be {}, and is {}", known.join(", "), text(&v.current));
            }
            let known: Vec<_> = known.map(ToString::to_string).collect();
            format!("; its entries have the numbers {}, and it is {}", known.join(", "), v.current)
        }),
        Kind::Bool | Kind::Text => None,
        Kind::Command => Some(
            ", and it has no feature of this name that takes a value; names are GenICam's, as the MVS viewer shows them".into(),
        ),
    };
    let sentence = format!(
        "{name} could not be set to {value:?}: the camera answered {}{}",
        named(code),
        range.unwrap_or_default()
    );
    Refused { code: Some(code), kind: ErrorKind::Config, sentence }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(settings: &Settings) -> Vec<String> {
        let text = |s: &Setting| {
            let selectors: Vec<_> = s.selectors.iter().map(|(n, v)| format!("[{n}={v}]")).collect();
            format!("{}{}={}", selectors.concat(), s.name, s.value)
        };
        settings.made.iter().map(text).collect()
    }

    #[test]
    fn the_last_value_counts_and_memory_does_not_grow() {
        // Catches a list that grows with every change of the exposure.
        let mut settings = Settings::default();
        settings.note("Gain", "1");
        (0..1000).for_each(|n| settings.note("ExposureTime", &n.to_string()));
        settings.note("Gain", "2");
        assert_eq!(noted(&settings), ["ExposureTime=999", "Gain=2"]);
    }

    #[test]
    fn what_a_selector_chose_is_kept_apart() {
        // Catches a restored camera where the last of several lines or gains got all the settings.
        let mut settings = Settings::default();
        for (line, on) in [("Line1", "true"), ("Line2", "false"), ("Line1", "false")] {
            settings.note("LineSelector", line);
            settings.note("LineInverter", on);
        }
        assert_eq!(
            noted(&settings),
            ["[LineSelector=Line2]LineInverter=false", "[LineSelector=Line1]LineInverter=false"]
        );
    }

    #[test]
    fn numbers_are_read_in_both_ways() {
        assert_eq!((integer("0x10"), integer("-5"), integer("5.5")), (Some(16), Some(-5), None));
    }
}

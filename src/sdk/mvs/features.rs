//! Features of a camera by their GenICam names: set as what they are, noted, and restored.

use super::codes::{MV_E_GC_ACCESS, MV_E_SUPPORT, named, table};
use super::handle::{Code, Handle};
use super::reading::pixel_format;
use super::sys::PixelTypeRaw;
use crate::error::{Error, ErrorKind};
use crate::fault::FaultClass;
use crate::sdk::settings::{self, Features};

/// What a feature is, as the camera answered when it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Float,
    Enum,
    Bool,
    Text,
    Command,
}

impl Kind {
    /// The function that asks for it.
    fn getter(self) -> &'static str {
        match self {
            Kind::Int => "MV_CC_GetIntValueEx",
            Kind::Float => "MV_CC_GetFloatValue",
            Kind::Enum => "MV_CC_GetEnumValue",
            Kind::Bool => "MV_CC_GetBoolValue",
            Kind::Text | Kind::Command => "MV_CC_GetStringValue",
        }
    }

    /// The function that sets it to `value`.
    fn setter(self, value: &str) -> &'static str {
        match self {
            Kind::Int => "MV_CC_SetIntValueEx",
            Kind::Float => "MV_CC_SetFloatValue",
            Kind::Enum if value.parse::<u32>().is_ok() => "MV_CC_SetEnumValue",
            Kind::Enum => "MV_CC_SetEnumValueByString",
            Kind::Bool => "MV_CC_SetBoolValue",
            Kind::Text => "MV_CC_SetStringValue",
            Kind::Command => "MV_CC_SetCommandValue",
        }
    }
}

/// Why a feature was not set.
#[derive(Debug)]
pub(super) struct Refused {
    /// The function of the SDK that was asked, and what it answered; `None`: it was not asked.
    pub answer: Option<(&'static str, Code)>,
    pub kind: ErrorKind,
    pub sentence: String,
}

impl Refused {
    fn config(sentence: String) -> Refused {
        Refused { answer: None, kind: ErrorKind::Config, sentence }
    }

    /// Whether the camera did not hear it, rather than refuse it.
    pub fn is_loss(&self) -> bool {
        self.answer.is_some_and(|(_, code)| is_loss(code))
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

impl Features for Handle {
    type Refused = Refused;
    type Kind = Kind;

    fn ask(&mut self, name: &str, value: &str) -> Result<Kind, Refused> {
        ask(self, name, value)
    }

    fn write(&mut self, kind: Kind, name: &str, value: &str) -> Result<(), Refused> {
        write(self, kind, name, value)
    }

    fn is_command(kind: Kind) -> bool {
        kind == Kind::Command
    }

    fn is_unheard(refused: &Refused) -> bool {
        refused.is_loss()
    }
}

/// What was set on a camera.
pub(super) type Settings = settings::Settings<Handle>;

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
            Err(code) if is_loss(code) => return Err(unheard(name, (kind.getter(), code))),
            Err(MV_E_GC_ACCESS) => locked = Some((kind.getter(), MV_E_GC_ACCESS)),
            Err(_) => {}
        }
    }
    match (value, locked) {
        ("" | "execute" | "Execute", _) | ("1" | "true", None) => Ok(Kind::Command),
        (_, Some((call, code))) => Err(Refused {
            answer: Some((call, code)),
            kind: ErrorKind::State,
            sentence: format!("{name} is not accessible now; the camera answered {}", named(code)),
        }),
        (_, None) => Err(Refused::config(format!(
            "the camera has no feature {name:?} that takes a value; names are GenICam's, as the MVS viewer shows them, and a command is run by {name}=execute"
        ))),
    }
}

fn unheard(name: &str, (call, code): (&'static str, Code)) -> Refused {
    Refused {
        answer: Some((call, code)),
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
    let answer = (kind.setter(value), code);
    if is_loss(code) {
        return unheard(name, answer);
    }
    if code == MV_E_GC_ACCESS {
        return Refused {
            answer: Some(answer),
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
    Refused { answer: Some(answer), kind: ErrorKind::Config, sentence }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_both_ways() {
        assert_eq!((integer("0x10"), integer("-5"), integer("5.5")), (Some(16), Some(-5), None));
    }
}

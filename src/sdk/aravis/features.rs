//! Features of a camera by their GenICam names: set as what their nodes are, with Aravis's sentence and the range
//! where one is refused.

use super::camera::{Camera, Failure, Kind};
use super::codes::{Code, NODE_NOT_FOUND, OUT_OF_RANGE, is_loss, named};
use crate::error::{Error, ErrorKind};
use crate::feature::Feature;
use crate::genapi::{self, Port, PortError};
use crate::sdk::settings::{self, Features};

/// Why a feature was not set.
#[derive(Debug)]
pub(super) struct Refused {
    pub code: Code,
    pub kind: ErrorKind,
    pub sentence: String,
}

impl Refused {
    fn config(code: Code, sentence: String) -> Refused {
        Refused { code, kind: ErrorKind::Config, sentence }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Error {
        Error::new(refused.kind, refused.sentence)
    }
}

/// What was set on a camera.
pub(super) type Settings = settings::Settings<Camera>;

impl Features for Camera {
    type Refused = Refused;
    type Kind = Kind;

    fn ask(&mut self, name: &str, _: &str) -> Result<Kind, Refused> {
        self.kind(name).ok_or_else(|| {
            let what = format!(
                "the camera has no feature {name:?} that takes a value; frameline devices --features lists them, and a command is run by {name}=execute"
            );
            Refused::config(NODE_NOT_FOUND, what)
        })
    }

    fn write(&mut self, kind: Kind, name: &str, value: &str) -> Result<(), Refused> {
        let wrong = |expected: &str| {
            let what = format!("{name} is {value:?}; it must be {expected}");
            Err(Refused::config(OUT_OF_RANGE, what))
        };
        let done = match kind {
            Kind::Integer => match integer(value) {
                Some(n) => self.set_integer(name, n),
                None => return wrong("a whole number"),
            },
            Kind::Float => match value.parse::<f64>().ok().filter(|v| v.is_finite()) {
                Some(v) => self.set_float(name, v),
                None => return wrong("a number"),
            },
            // By the entry's name; by its number where it is one.
            Kind::Enumeration => match value.parse() {
                Ok(n) => self.set_integer(name, n),
                Err(_) => self.set_text(name, value),
            },
            Kind::Boolean => match value {
                "true" | "on" | "On" | "1" => self.set_boolean(name, true),
                "false" | "off" | "Off" | "0" => self.set_boolean(name, false),
                _ => return wrong("true or false"),
            },
            Kind::Text => self.set_text(name, value),
            Kind::Command => match value {
                "" | "execute" | "Execute" | "1" | "true" => self.execute(name),
                _ => return wrong("execute: it is a command"),
            },
        };
        done.map_err(|failure| refused(self, kind, name, value, failure))
    }

    fn is_command(kind: Kind) -> bool {
        kind == Kind::Command
    }

    fn is_unheard(refused: &Refused) -> bool {
        is_loss(refused.code)
    }
}

/// A camera's registers, as GenApi reaches them.
struct Registers<'a>(&'a mut Camera);

fn port_error(failure: &Failure) -> PortError {
    PortError { code: i64::from(failure.code), message: failure.to_string() }
}

impl Port for Registers<'_> {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), PortError> {
        self.0.read(address, into).map_err(|failure| port_error(&failure))
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), PortError> {
        self.0.write(address, bytes).map_err(|failure| port_error(&failure))
    }
}

/// Every feature of the camera as it is now, by the description that it brought. Blocks for several of its answers each.
pub(super) fn list(camera: &mut Camera) -> Result<Vec<Feature>, Error> {
    let description = camera.description();
    if description.is_empty() {
        return Err(Error::new(
            ErrorKind::Source,
            "Aravis gives no description of the camera's features; check that the camera has one (arv-tool genicam)",
        ));
    }
    let mut features = genapi::Features::parse(&description)?;
    Ok(features.list(&mut Registers(camera))?)
}

fn integer(value: &str) -> Option<i64> {
    match value.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => value.parse().ok(),
    }
}

/// Why the camera, or Aravis for it, refused.
fn refused(camera: &Camera, kind: Kind, name: &str, value: &str, failure: Failure) -> Refused {
    let code = failure.code;
    let answer = format!("{} ({})", named(code), failure.text);
    if is_loss(code) {
        let sentence = format!("{name} could not be set: the camera did not answer, {answer}");
        return Refused { code, kind: ErrorKind::Source, sentence };
    }
    let range = match kind {
        Kind::Integer => camera.integer_range(name).ok().map(|[min, max, step]| {
            let now = camera.integer(name).map_or(String::new(), |n| format!(", and is {n}"));
            format!("; it can be {min} to {max} in steps of {step}{now}")
        }),
        Kind::Float => camera.float_range(name).ok().map(|[min, max]| {
            let now = camera.float(name).map_or(String::new(), |n| format!(", and is {n}"));
            format!("; it can be {min} to {max}{now}")
        }),
        Kind::Enumeration => camera.entries(name).ok().map(|entries| {
            let now = camera.text(name).map_or(String::new(), |now| format!(", and is {now}"));
            format!("; it can be {}{now}", entries.join(", "))
        }),
        Kind::Boolean | Kind::Text | Kind::Command => None,
    };
    let sentence =
        format!("{name} could not be set to {value:?}: {answer}{}", range.unwrap_or_default());
    Refused::config(code, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_both_ways() {
        assert_eq!((integer("0x10"), integer("-5"), integer("5.5")), (Some(16), Some(-5), None));
    }
}

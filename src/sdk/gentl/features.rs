//! Features of a camera by their GenICam names, through the description that it brings and its registers.

use super::codes::*;
use super::modules::Device;
use super::open::Failure;
use crate::error::{Error, ErrorKind};
use crate::feature::Feature;
use crate::genapi::{self, Journal, Port, PortError, Refused};
use crate::query;
use std::path::Path;
use std::sync::Arc;

/// A device's registers, as GenApi reaches them.
struct Registers(Arc<Device>);

impl Registers {
    fn error(&self, code: Code) -> PortError {
        let said = self.0.producer().last_error();
        PortError {
            code: i64::from(code),
            message: format!("the producer answered {}{said}", named(code)),
        }
    }
}

impl Port for Registers {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), PortError> {
        self.0.read(address, into).map_err(|code| self.error(code))
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), PortError> {
        self.0.write(address, bytes).map_err(|code| self.error(code))
    }
}

/// The features of an open camera.
#[derive(Debug)]
pub(super) struct Features {
    /// `None` while the camera is gone.
    device: Option<Arc<Device>>,
    map: genapi::Features,
    /// What was set, to be set again.
    journal: Journal,
}

impl Features {
    /// Those of a device, by the description in that file, or the first of its own that can be read.
    pub fn of(device: &Arc<Device>, xml: Option<&Path>) -> Result<Features, Error> {
        let urls = match xml {
            Some(file) => {
                // The user's own word is meant from where he stands.
                let file = std::path::absolute(file).unwrap_or_else(|_| file.into());
                vec![format!("File:{}", query::encode(&file.to_string_lossy()))]
            }
            None => device.description_urls().unwrap_or_default(),
        };
        let mut port = Registers(device.clone());
        let mut why = None;
        for url in &urls {
            let map = genapi::xml_of(&mut port, url).and_then(|xml| genapi::Features::parse(&xml));
            match map {
                Ok(map) => {
                    let journal = Journal::default();
                    return Ok(Features { device: Some(device.clone()), map, journal });
                }
                Err(refused) => why = why.or(Some(refused)),
            }
        }
        Err(why.map_or_else(
            || {
                Error::new(
                    ErrorKind::Source,
                    "the producer gives no description of the camera's features, without which it cannot be started; ask its maker for a newer one, or for the file, and give that with xml=FILE",
                )
            },
            Error::from,
        ))
    }

    fn port(&self) -> Result<Registers, Code> {
        self.device.clone().map(Registers).ok_or(GC_ERR_IO)
    }

    /// A number, as the camera has it now; an enumeration's is that of its entry.
    pub fn integer(&mut self, name: &str) -> Result<i64, Code> {
        let mut port = self.port()?;
        self.map.forget();
        self.map.get_integer(&mut port, name).map_err(|why| code_of(&why))
    }

    /// The same; a failure is the port's code, or a sentence of what the description lacks.
    pub fn read(&mut self, name: &str) -> Result<i64, Failure> {
        let mut port = self.port().map_err(|code| ("GCReadPort", code))?;
        self.map.forget();
        self.map.get_integer(&mut port, name).map_err(|why| match why.code() {
            Some(_) => Failure::Code("GCReadPort", code_of(&why)),
            None => Failure::Error(why.into()),
        })
    }

    /// A value as text; `None` where there is none.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let mut port = self.port().ok()?;
        self.map.get(&mut port, name).ok().map(|value| value.to_string())
    }

    /// All of them, as they are now.
    pub fn list(&mut self) -> Result<Vec<Feature>, Error> {
        let mut port = self.port().map_err(|_| {
            Error::new(ErrorKind::Source, "the features cannot be listed: the camera is gone")
        })?;
        Ok(self.map.list(&mut port)?)
    }

    /// Executes a command.
    pub fn run(&mut self, name: &str) -> Result<(), Code> {
        let mut port = self.port()?;
        self.map.execute(&mut port, name).map_err(|why| {
            match why.code() {
                Some(_) => tracing::debug!("{why}"),
                // Its code says little; the sentence says it all.
                None => tracing::warn!("{why}"),
            }
            code_of(&why)
        })
    }

    /// Tells the camera that a stream runs, or none, where it wants to know.
    pub fn lock(&mut self, locked: bool) -> Result<(), Code> {
        const LOCK: &str = "TLParamsLocked";
        let mut port = self.port()?;
        if !self.map.has(LOCK) {
            return Ok(());
        }
        let value = if locked { "1" } else { "0" };
        match self.map.set(&mut port, LOCK, value) {
            // One that is only for show locks nothing.
            Err(why) if why.code().is_some() => Err(code_of(&why)),
            _ => Ok(()),
        }
    }

    /// Sets a feature, and notes it.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let mut port = self.port().map_err(|_| gone(name))?;
        Ok(self.journal.set(&mut self.map, &mut port, name, value)?)
    }

    /// The camera is gone; what was set stays noted.
    pub fn forget_device(&mut self) {
        self.device = None;
    }

    /// The camera is back, with the factory's settings.
    pub fn take_over(&mut self, of: Features) {
        (self.device, self.map) = (of.device, of.map);
    }

    /// Sets everything again. The code of what refused it, and a sentence.
    pub fn restore(&mut self) -> Result<(), (Code, String)> {
        let mut port = self.port().map_err(|code| (code, "it went away again".to_string()))?;
        self.journal.restore(&mut self.map, &mut port).map_err(|why| {
            (why.code().map_or(GC_ERR_INVALID_PARAMETER, |_| code_of(&why)), why.to_string())
        })
    }
}

fn gone(name: &str) -> Error {
    Error::new(ErrorKind::Source, format!("{name} cannot be set: the camera is gone"))
}

/// The code of a refusal: that of the port, or one for a feature that is not there.
fn code_of(why: &Refused) -> Code {
    why.code().and_then(|code| Code::try_from(code).ok()).unwrap_or(GC_ERR_NOT_AVAILABLE)
}

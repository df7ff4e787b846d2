//! `gentl:FILE.cti?name=value&...` to a configuration.

use crate::error::Error;
use crate::format::PixelFormat;
use crate::query::{self, wrong};
use crate::sdk::values::{between, library, number, trigger};
use std::path::PathBuf;
use std::time::Duration;

/// Every parameter of a `gentl:` URI, with one line of help. Beside them, every name that begins with a capital letter is
/// a feature of the camera, set when it is opened.
pub const PARAMETERS: &[(&str, &str)] = &[
    ("device", "identifier of the camera, as frameline devices shows it"),
    ("serial", "serial number of the camera"),
    ("user", "user-defined name of the camera (DeviceUserID)"),
    (
        "interface",
        "identifier of the interface that the camera is seen on, where several see one of that name",
    ),
    ("index", "place of the camera in the producer's list, from 0"),
    ("wait", "milliseconds to keep trying while the camera is missing or in use (default 0)"),
    ("buffers", "buffers to keep announced, 1 to 1024 (default 8, or what the producer asks for)"),
    (
        "payload",
        "bytes of a frame, where the camera says less than it sends (default what it says)",
    ),
    (
        "xml",
        "file with the description of the camera's features, XML or zip, in place of the one that the camera brings",
    ),
    ("trigger", "off, software, line0 to line3 or counter0 (default the camera's)"),
    ("max_format", "the largest PFNC pixel format that will be set (default the present one)"),
];

/// The largest number of buffers; what one asks for beyond is a slip.
const MAX_BUFFERS: usize = 1024;
/// The largest payload that can be asked for: 4 GiB.
const MAX_PAYLOAD_BYTES: usize = 1 << 32;

/// Which camera is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// The only one that there is.
    Only,
    Device(String),
    Serial(String),
    User(String),
    Index(usize),
}

/// How to open which camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    pub producer: Option<PathBuf>,
    pub key: Key,
    pub interface: Option<String>,
    pub wait: Duration,
    pub buffers: Option<usize>,
    pub payload: Option<usize>,
    pub xml: Option<PathBuf>,
    pub max_format: Option<PixelFormat>,
    /// Features to set, in order.
    pub features: Vec<(String, String)>,
    /// The URI's parameters but the key, as they were written.
    pub rest: String,
}

impl Config {
    pub fn from_uri(uri: &str) -> Result<Config, Error> {
        let (place, pairs) = query::parts("gentl", uri)?;
        let mut config = Config {
            producer: library(place)?,
            key: Key::Only,
            interface: None,
            wait: Duration::ZERO,
            buffers: None,
            payload: None,
            xml: None,
            max_format: None,
            features: Vec::new(),
            rest: String::new(),
        };
        for (name, value) in &pairs {
            config.set(name, value)?;
        }
        Ok(config)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let key = match name {
            "device" => Some(Key::Device(value.into())),
            "serial" => Some(Key::Serial(value.into())),
            "user" => Some(Key::User(value.into())),
            "index" => Some(Key::Index(number(name, value, "a number from 0")?)),
            _ => None,
        };
        if let Some(key) = key {
            if self.key != Key::Only {
                return Err(Error::config(
                    "device, serial, user and index each name the camera; give one of them",
                ));
            }
            self.key = key;
            return Ok(());
        }
        self.rest.push_str(&format!("&{name}={}", query::encode(value)));
        match name {
            "interface" => self.interface = Some(value.into()),
            "wait" => self.wait = Duration::from_millis(number(name, value, "milliseconds")?),
            "buffers" => {
                self.buffers =
                    Some(between(name, value, 1..=MAX_BUFFERS, "a number from 1 to 1024")?);
            }
            "payload" => {
                self.payload =
                    Some(between(name, value, 1..=MAX_PAYLOAD_BYTES, "bytes, 1 to 4294967296")?);
            }
            "xml" if value.is_empty() => return Err(wrong(name, value, "a file")),
            "xml" => self.xml = Some(value.into()),
            "trigger" => self.features.extend(trigger(name, value, "Counter0End")?),
            "max_format" => {
                let format = PixelFormat::from_name(value);
                let format =
                    format.ok_or_else(|| wrong(name, value, "a PFNC name like BayerRG8"))?;
                self.max_format = Some(format);
            }
            _ if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
                self.features.push((name.into(), value.into()));
            }
            _ => {
                let known: Vec<_> = PARAMETERS.iter().map(|p| p.0).collect();
                return Err(Error::config(format!(
                    "a gentl source has no parameter {name:?}; it knows {}, and features of the camera by their names, which begin with a capital letter",
                    known.join(", ")
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn parameters_mean_what_they_say() {
        let c = Config::from_uri(
            "gentl:/opt/a.cti?device=GigE%20%231&buffers=12&payload=1000&trigger=line2&ExposureTime=500",
        )
        .unwrap();
        assert_eq!(c.producer.as_deref(), Some(std::path::Path::new("/opt/a.cti")));
        assert_eq!(c.key, Key::Device("GigE #1".into()));
        assert_eq!((c.buffers, c.payload), (Some(12), Some(1000)));
        let names: Vec<_> = c.features.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(names, ["TriggerMode=On", "TriggerSource=Line2", "ExposureTime=500"]);
        assert_eq!(Config::from_uri("gentl:").unwrap().producer, None);
    }

    #[test]
    fn every_parameter_is_known_and_no_other() {
        // Catches a parameter that is listed and ignored, or read and not listed.
        for (name, _) in PARAMETERS {
            let e = Config::from_uri(&format!("gentl:?{name}=%20")).map_err(|e| e.to_string());
            assert!(!e.is_err_and(|e| e.contains("has no parameter")), "{name}");
        }
        let e = Config::from_uri("gentl:?exposure=5").unwrap_err();
        assert!(e.to_string().contains("device, serial, user"), "{e}");
        for wrong in [
            "buffers=0",
            "buffers=2000",
            "payload=0",
            "xml=",
            "trigger=on",
            "serial=1&index=2",
            "index=x",
        ] {
            assert_eq!(
                Config::from_uri(&format!("gentl:?{wrong}")).unwrap_err().kind(),
                ErrorKind::Config
            );
        }
    }
}

//! `mvs:LIBRARY?name=value&...` to a configuration.

use crate::error::Error;
use crate::format::PixelFormat;
use crate::query::{self, wrong};
use crate::sdk::values::{between, library, number, trigger};
use crate::source::Fill;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

/// Every parameter of an `mvs:` URI, with one line of help. Beside them, every name that begins with a capital
/// letter is a feature of the camera, set when it is opened.
pub const PARAMETERS: &[(&str, &str)] = &[
    ("serial", "serial number of the camera"),
    ("user", "user-defined name of the camera (DeviceUserID)"),
    ("ip", "IP address of the camera"),
    ("index", "place of the camera in the SDK's list, from 0"),
    ("wait", "milliseconds to keep trying while the camera is missing or in use (default 0)"),
    ("fill", "copy, announce, lend or auto (default auto: announce, else lend, else copy)"),
    ("nodes", "buffers of the SDK, 1 to 1024 (default 8; lend 32)"),
    ("packet_size", "auto, off or bytes: packets of a GigE camera (default auto)"),
    ("heartbeat", "milliseconds until a GigE camera gives up a silent host (default the camera's)"),
    ("resend", "on or off: whether lost packets are asked for again (default the SDK's)"),
    ("trigger", "off, software, line0 to line3 or counter0 (default the camera's)"),
    ("max_format", "the largest PFNC pixel format that will be set (default the present one)"),
    ("lost_packets", "packets that a whole frame may report as lost (default 0)"),
];

/// The largest number of nodes; what one asks for beyond is a slip.
const MAX_NODES: u32 = 1024;
/// Nodes where nobody says: enough to outlast a stall of the capture thread.
const DEFAULT_NODES: u32 = 8;
/// Nodes where nobody says and the line itself holds them.
const DEFAULT_LENT_NODES: u32 = 32;
/// Nodes that the SDK needs to go on while all others are out.
const NODES_IN_SDK: u32 = 3;

/// Which camera is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// The only one that there is.
    Only,
    Serial(String),
    User(String),
    Ip(Ipv4Addr),
    Index(usize),
}

/// What is done about the size of a GigE camera's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PacketSize {
    /// What the SDK finds to fit the network.
    Auto,
    /// Left as it is.
    Leave,
    Bytes(u32),
}

/// How to open which camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    pub library: Option<PathBuf>,
    pub key: Key,
    pub wait: Duration,
    /// `None`: the best that library and camera can.
    pub fill: Option<Fill>,
    pub nodes: Option<u32>,
    pub packet_size: PacketSize,
    pub heartbeat_ms: Option<u32>,
    pub resend: Option<bool>,
    pub max_format: Option<PixelFormat>,
    pub lost_packets: u32,
    /// Features to set, in order.
    pub features: Vec<(String, String)>,
    /// The URI's parameters but the key, as they were written.
    pub rest: String,
}

impl Config {
    /// Nodes of the SDK in that way of filling.
    pub fn nodes_for(&self, fill: Fill) -> u32 {
        let default = if fill == Fill::Lend { DEFAULT_LENT_NODES } else { DEFAULT_NODES };
        self.nodes.unwrap_or(default)
    }

    /// Buffers that may be lent at once: the SDK goes on filling the others.
    pub fn lent_at_most(&self) -> usize {
        self.nodes_for(Fill::Lend).saturating_sub(NODES_IN_SDK).max(1) as usize
    }

    /// The node number with which so many may be lent at once; `None` above the most that can be set.
    pub fn nodes_to_lend(&self, buffers: usize) -> Option<u32> {
        let nodes = u32::try_from(buffers).ok()?.checked_add(NODES_IN_SDK)?;
        (nodes <= MAX_NODES).then_some(nodes)
    }

    pub fn from_uri(uri: &str) -> Result<Config, Error> {
        let (place, pairs) = query::parts("mvs", uri)?;
        let mut config = Config {
            library: library(place)?,
            key: Key::Only,
            wait: Duration::ZERO,
            fill: None,
            nodes: None,
            packet_size: PacketSize::Auto,
            heartbeat_ms: None,
            resend: None,
            max_format: None,
            lost_packets: 0,
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
            "serial" => Some(Key::Serial(value.into())),
            "user" => Some(Key::User(value.into())),
            "ip" => Some(Key::Ip(number(name, value, "an address like 192.168.1.10")?)),
            "index" => Some(Key::Index(number(name, value, "a number from 0")?)),
            _ => None,
        };
        if let Some(key) = key {
            if self.key != Key::Only {
                return Err(Error::config(
                    "serial, user, ip and index each name the camera; give one of them",
                ));
            }
            self.key = key;
            return Ok(());
        }
        self.rest.push_str(&format!("&{name}={}", query::encode(value)));
        match name {
            "wait" => self.wait = Duration::from_millis(number(name, value, "milliseconds")?),
            "fill" if value == "auto" => self.fill = None,
            "fill" => {
                let fill = Fill::from_name(value);
                self.fill =
                    Some(fill.ok_or_else(|| wrong(name, value, "copy, announce, lend or auto"))?);
            }
            "nodes" => {
                self.nodes = Some(between(name, value, 1..=MAX_NODES, "a number from 1 to 1024")?);
            }
            "packet_size" => {
                self.packet_size = match value {
                    "auto" => PacketSize::Auto,
                    "off" => PacketSize::Leave,
                    _ => PacketSize::Bytes(number(name, value, "auto, off or bytes")?),
                };
            }
            "heartbeat" => self.heartbeat_ms = Some(number(name, value, "milliseconds")?),
            "resend" => {
                self.resend = Some(match value {
                    "on" => true,
                    "off" => false,
                    _ => return Err(wrong(name, value, "on or off")),
                });
            }
            "trigger" => self.features.extend(trigger(name, value, "Counter0")?),
            "max_format" => {
                let format = PixelFormat::from_name(value);
                let format =
                    format.ok_or_else(|| wrong(name, value, "a PFNC name like BayerRG8"))?;
                self.max_format = Some(format);
            }
            "lost_packets" => self.lost_packets = number(name, value, "a number from 0")?,
            _ if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
                self.features.push((name.into(), value.into()));
            }
            _ => {
                let known: Vec<_> = PARAMETERS.iter().map(|p| p.0).collect();
                return Err(Error::config(format!(
                    "an mvs source has no parameter {name:?}; it knows {}, and features of the camera by their names, which begin with a capital letter",
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
            "mvs:/opt/lib.so?serial=DA1&fill=lend&nodes=12&trigger=line2&ExposureTime=500&packet_size=off",
        )
        .unwrap();
        assert_eq!(c.library.as_deref(), Some(std::path::Path::new("/opt/lib.so")));
        assert_eq!(c.key, Key::Serial("DA1".into()));
        assert_eq!((c.fill, c.lent_at_most()), (Some(Fill::Lend), 9));
        assert_eq!((c.nodes_to_lend(9), c.nodes_to_lend(18)), (Some(12), Some(21)));
        assert_eq!((c.nodes_to_lend(1021), c.nodes_to_lend(1022)), (Some(1024), None));
        assert_eq!(c.packet_size, PacketSize::Leave);
        let names: Vec<_> = c.features.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(names, ["TriggerMode=On", "TriggerSource=Line2", "ExposureTime=500"]);
        assert_eq!(Config::from_uri("mvs:").unwrap().library, None);
    }

    #[test]
    fn every_parameter_is_known_and_no_other() {
        // Catches a parameter that is listed and ignored, or read and not listed.
        for (name, _) in PARAMETERS {
            let e =
                Config::from_uri(&format!("mvs:?{name}=%20")).map(drop).map_err(|e| e.to_string());
            assert!(!e.is_err_and(|e| e.contains("has no parameter")), "{name}");
        }
        let e = Config::from_uri("mvs:?exposure=5").unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Config);
        assert!(e.to_string().contains("serial, user, ip"), "{e}");
        for wrong in [
            "nodes=0",
            "nodes=2000",
            "fill=best",
            "ip=300.1.1.1",
            "resend=1",
            "trigger=on",
            "serial=1&index=2",
        ] {
            assert_eq!(
                Config::from_uri(&format!("mvs:?{wrong}")).unwrap_err().kind(),
                ErrorKind::Config
            );
        }
    }
}

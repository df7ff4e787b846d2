//! `aravis:[NAME]?name=value&...` to a configuration.

use super::board::Priority;
use super::camera::PacketSize;
use crate::error::Error;
use crate::format::PixelFormat;
use crate::query::{self, wrong};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Every parameter of an `aravis:` URI, with one line of help. Beside them, every name that begins with a capital
/// letter is a feature of the camera, set when it is opened.
pub const PARAMETERS: &[(&str, &str)] = &[
    ("library", "file of the Aravis library (default the system's)"),
    ("wait", "milliseconds to keep trying while the camera is missing or in use (default 0)"),
    ("buffers", "slots queued with Aravis, 2 to 1024 (default 8)"),
    ("packet_size", "auto, off or bytes: packets of a GigE camera (default auto)"),
    (
        "socket",
        "auto, packet or udp: how a GigE camera's packets are received (default auto: udp on loopback, else what Aravis takes)",
    ),
    (
        "socket_buffer",
        "auto, off or bytes: receive buffer of a GigE camera's socket (default auto: two frames, at least 4 MiB)",
    ),
    ("resend", "on or off: whether lost packets are asked for again (default on)"),
    ("packet_timeout", "milliseconds until a late packet is asked for again (default Aravis's)"),
    ("frame_retention", "milliseconds that a frame waits for its last packets (default Aravis's)"),
    (
        "stream_priority",
        "off, realtime:N (1 to 99) or nice:N (-20 to 19): of the thread that receives (default off)",
    ),
    ("trigger", "off, software, line0 to line3 or counter0 (default the camera's)"),
    ("max_format", "the largest PFNC pixel format that will be set (default the present one)"),
];

/// What one asks for beyond is a slip.
const MAX_BUFFERS: usize = 1024;
/// With one alone nothing is received while it is out.
const MIN_BUFFERS: usize = 2;
/// Enough to outlast a stall of the capture thread.
const DEFAULT_BUFFERS: usize = 8;

/// How packets are received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Socket {
    /// UDP on loopback, where a packet socket delivers nothing; else what Aravis takes.
    Auto,
    /// A packet socket where the system allows it.
    Packet,
    Udp,
}

/// The socket's receive buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SocketBuffer {
    Auto,
    /// The system's default.
    Leave,
    Bytes(i32),
}

/// How to open which camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Config {
    /// Empty: the only camera that there is.
    pub name: String,
    pub library: Option<PathBuf>,
    pub wait: Duration,
    pub buffers: usize,
    pub packet_size: PacketSize,
    pub socket: Socket,
    pub socket_buffer: SocketBuffer,
    pub resend: Option<bool>,
    pub packet_timeout: Option<Duration>,
    pub frame_retention: Option<Duration>,
    pub priority: Priority,
    pub max_format: Option<PixelFormat>,
    /// Features to set, in order.
    pub features: Vec<(String, String)>,
    /// The URI's parameters, as they were written.
    pub rest: String,
}

impl Config {
    pub fn from_uri(uri: &str) -> Result<Config, Error> {
        let (place, pairs) = query::parts("aravis", uri)?;
        let mut config = Config {
            name: query::decode("NAME", place)?,
            library: None,
            wait: Duration::ZERO,
            buffers: DEFAULT_BUFFERS,
            packet_size: PacketSize::Auto,
            socket: Socket::Auto,
            socket_buffer: SocketBuffer::Auto,
            resend: None,
            packet_timeout: None,
            frame_retention: None,
            priority: Priority::Leave,
            max_format: None,
            features: Vec::new(),
            rest: String::new(),
        };
        for (name, value) in &pairs {
            config.set(name, value)?;
            config.rest.push(if config.rest.is_empty() { '?' } else { '&' });
            config.rest.push_str(&format!("{name}={}", query::encode(value)));
        }
        Ok(config)
    }

    /// A parameter that was given and means something to GigE Vision cameras alone.
    pub fn gige_only(&self) -> Option<&'static str> {
        [
            ("packet_size", self.packet_size != PacketSize::Auto),
            ("socket", self.socket != Socket::Auto),
            ("socket_buffer", self.socket_buffer != SocketBuffer::Auto),
            ("resend", self.resend.is_some()),
            ("packet_timeout", self.packet_timeout.is_some()),
            ("frame_retention", self.frame_retention.is_some()),
        ]
        .into_iter()
        .find_map(|(name, is_given)| is_given.then_some(name))
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let millis = || number(name, value, "milliseconds").map(Duration::from_millis);
        match name {
            "library" => self.library = Some(PathBuf::from(value)),
            "wait" => self.wait = millis()?,
            "buffers" => {
                let what = "a number from 2 to 1024";
                let buffers = number(name, value, what)?;
                if !(MIN_BUFFERS..=MAX_BUFFERS).contains(&buffers) {
                    return Err(wrong(name, value, what));
                }
                self.buffers = buffers;
            }
            "packet_size" => {
                self.packet_size = match value {
                    "auto" => PacketSize::Auto,
                    "off" => PacketSize::Leave,
                    _ => PacketSize::Bytes(number(name, value, "auto, off or bytes")?),
                };
            }
            "socket" => {
                self.socket = match value {
                    "auto" => Socket::Auto,
                    "packet" => Socket::Packet,
                    "udp" => Socket::Udp,
                    _ => return Err(wrong(name, value, "auto, packet or udp")),
                };
            }
            "socket_buffer" => {
                self.socket_buffer = match value {
                    "auto" => SocketBuffer::Auto,
                    "off" => SocketBuffer::Leave,
                    _ => match number(name, value, "auto, off or bytes")? {
                        bytes @ 1.. => SocketBuffer::Bytes(bytes),
                        _ => return Err(wrong(name, value, "auto, off or bytes")),
                    },
                };
            }
            "resend" => {
                self.resend = Some(match value {
                    "on" => true,
                    "off" => false,
                    _ => return Err(wrong(name, value, "on or off")),
                });
            }
            "packet_timeout" => self.packet_timeout = Some(millis()?),
            "frame_retention" => self.frame_retention = Some(millis()?),
            "stream_priority" => self.priority = priority(name, value)?,
            "trigger" => self.features.extend(trigger(name, value)?),
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
                    "an aravis source has no parameter {name:?}; it knows {}, and features of the camera by their names, which begin with a capital letter",
                    known.join(", ")
                )));
            }
        }
        Ok(())
    }
}

fn priority(name: &str, value: &str) -> Result<Priority, Error> {
    let wrong = || wrong(name, value, "off, realtime:1 to realtime:99, or nice:-20 to nice:19");
    match value.split_once(':') {
        None if value == "off" => Ok(Priority::Leave),
        Some(("realtime", n)) => match n.parse() {
            Ok(n @ 1..=99) => Ok(Priority::Realtime(n)),
            _ => Err(wrong()),
        },
        Some(("nice", n)) => match n.parse() {
            Ok(n @ -20..=19) => Ok(Priority::Nice(n)),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// The features that a trigger stands for.
fn trigger(name: &str, value: &str) -> Result<Vec<(String, String)>, Error> {
    let feature = |name: &str, value: &str| (name.to_string(), value.to_string());
    let source = match value {
        "off" => return Ok(vec![feature("TriggerMode", "Off")]),
        "software" => "Software",
        "line0" => "Line0",
        "line1" => "Line1",
        "line2" => "Line2",
        "line3" => "Line3",
        "counter0" => "Counter0",
        _ => return Err(wrong(name, value, "off, software, line0 to line3 or counter0")),
    };
    Ok(vec![feature("TriggerMode", "On"), feature("TriggerSource", source)])
}

fn number<T: FromStr>(name: &str, value: &str, expected: &str) -> Result<T, Error> {
    value.parse().map_err(|_| wrong(name, value, expected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn parameters_mean_what_they_say() {
        let c = Config::from_uri(
            "aravis:Maker-Model%20X-7?buffers=12&trigger=line2&ExposureTime=500&packet_size=1400&socket=udp&stream_priority=nice:-10&frame_retention=250",
        )
        .unwrap();
        assert_eq!((c.name.as_str(), c.buffers), ("Maker-Model X-7", 12));
        assert_eq!((c.packet_size, c.socket), (PacketSize::Bytes(1400), Socket::Udp));
        assert_eq!(c.priority, Priority::Nice(-10));
        assert_eq!(c.frame_retention, Some(Duration::from_millis(250)));
        let names: Vec<_> = c.features.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(names, ["TriggerMode=On", "TriggerSource=Line2", "ExposureTime=500"]);
        assert!(c.rest.starts_with("?buffers=12&trigger=line2&"), "{}", c.rest);
        assert_eq!(Config::from_uri("aravis:").unwrap().name, "");
    }

    #[test]
    fn every_parameter_is_known_and_no_other() {
        // Catches a parameter that is listed and ignored, or read and not listed.
        for (name, _) in PARAMETERS {
            let e = Config::from_uri(&format!("aravis:?{name}=%20")).map(drop);
            assert!(!e.is_err_and(|e| e.to_string().contains("has no parameter")), "{name}");
        }
        let e = Config::from_uri("aravis:?exposure=5").unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Config);
        assert!(e.to_string().contains("library, wait, buffers"), "{e}");
        for wrong in [
            "buffers=1",
            "buffers=2000",
            "socket=raw",
            "socket_buffer=0",
            "resend=1",
            "trigger=on",
            "stream_priority=realtime:0",
            "stream_priority=high",
            "max_format=Mono9",
        ] {
            assert_eq!(
                Config::from_uri(&format!("aravis:?{wrong}")).unwrap_err().kind(),
                ErrorKind::Config
            );
        }
    }
}

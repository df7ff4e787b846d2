//! What is simulated: the cameras, the SDK's version and the clock, as a small text.
//!
//! ```text
//! camera gige|usb [KEY=VALUE]...   one for each camera; without any there are two, one of each kind
//! camera none                      no camera at all
//! clock real|virtual               default real
//! version 0xMMSSRRTT               the SDK version (default: the library's own)
//! delays off|measured              whether calls take the time that they took on a real machine (default off
//!                                  with the real clock, measured with the virtual one)
//! ```
//!
//! Lines may also be separated by `;`, and `#` begins a comment. The keys of a camera:
//!
//! ```text
//! serial=TEXT  user=TEXT  model=TEXT  maker=TEXT     as the device info and the features tell them
//! ip=A.B.C.D                                         GigE cameras
//! size=WxH                                           the sensor, in pixels (default 1280x1024)
//! fps=HZ                                             the sensor's fastest rate (default 100)
//! colour=0|1                                         Bayer and RGB formats instead of Mono ones
//! like=measured|hik                                  locks and refusals: as the camera that was measured (it locks
//!                                                    no feature and ignores a second controller), or as Hikrobot's
//!                                                    (0x80000106 for locked features, 0x80000203)
//! trailer=0|1                                        nLostPacket is 1 even for complete frames
//! heartbeat=MS                                       how long after a loss the exception comes (default 3000)
//! ```

use crate::clock::ClockKind;
use std::net::Ipv4Addr;

/// The bus of a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// GigE Vision.
    Gige,
    /// USB3 Vision.
    Usb,
}

/// Whose habits a camera has where cameras differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Like {
    /// The camera against which the library was measured.
    Measured,
    /// A camera of the vendor.
    Hik,
}

/// One camera.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // The fields are the keys of the table above.
pub struct CameraConfig {
    pub kind: Kind,
    pub serial: String,
    pub user: String,
    pub model: String,
    pub maker: String,
    pub version: String,
    pub ip: u32,
    pub width: u32,
    pub height: u32,
    pub rate: f64,
    pub colour: bool,
    pub like: Like,
    pub trailer: bool,
    pub heartbeat_ms: u32,
}

/// Everything that is simulated, faults apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// In the order in which they are enumerated.
    pub cameras: Vec<CameraConfig>,
    /// The clock of all cameras; each has its own time.
    pub clock: ClockKind,
    /// The version that is simulated, where it is not the library's own.
    pub version: Option<u32>,
    /// Whether calls take as long as measured; as the clock has it where nothing is said.
    pub delays: Option<bool>,
    none: bool,
}

impl Config {
    /// Reads a text; the error is a sentence.
    pub fn parse(text: &str) -> Result<Config, String> {
        let mut config = Config {
            cameras: Vec::new(),
            clock: ClockKind::Real,
            version: None,
            delays: None,
            none: false,
        };
        for (at, line) in lines(text) {
            config.line(line).map_err(|why| format!("line {at} of the configuration: {why}"))?;
        }
        if config.none && !config.cameras.is_empty() {
            return Err("`camera none` stands beside a camera".to_owned());
        }
        if config.cameras.is_empty() && !config.none {
            config.line("camera gige").expect("a default");
            config.line("camera usb").expect("a default");
        }
        for (i, camera) in config.cameras.iter().enumerate() {
            if config.cameras[..i].iter().any(|c| c.serial == camera.serial) {
                return Err(format!("two cameras have the serial {}", camera.serial));
            }
        }
        Ok(config)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        let key = words.next().unwrap_or_default();
        if key == "camera" {
            if line.split_whitespace().nth(1) == Some("none") {
                self.none = true;
                return Ok(());
            }
            let camera = self.camera(words)?;
            self.cameras.push(camera);
            return Ok(());
        }
        let value = words.next().unwrap_or_default();
        match (key, value) {
            ("clock", "real") => self.clock = ClockKind::Real,
            ("clock", "virtual") => self.clock = ClockKind::Virtual,
            ("delays", "off") => self.delays = Some(false),
            ("delays", "measured") => self.delays = Some(true),
            ("version", _) => {
                let digits = value.strip_prefix("0x").unwrap_or_default();
                let version = u32::from_str_radix(digits, 16).map_err(|_| {
                    format!("{value:?} stands where 0x and hexadecimal digits belong")
                })?;
                self.version = Some(version);
            }
            _ => {
                return Err(format!(
                    "{line:?} is none of `camera gige|usb ...`, `clock real|virtual`, `version 0x...`, \
                     `delays off|measured`"
                ));
            }
        }
        match words.next() {
            None => Ok(()),
            Some(word) => Err(format!("{word:?} stands where the line should end")),
        }
    }

    fn camera<'a>(&self, mut words: impl Iterator<Item = &'a str>) -> Result<CameraConfig, String> {
        let kind = match words.next() {
            Some("gige") => Kind::Gige,
            Some("usb") => Kind::Usb,
            other => return Err(format!("{:?} is no camera: gige or usb", other.unwrap_or(""))),
        };
        let number = self.cameras.len() as u32 + 1;
        let (letter, model) = match kind {
            Kind::Gige => ('G', "FAKE-013-GM"),
            Kind::Usb => ('U', "FAKE-013-UM"),
        };
        let mut camera = CameraConfig {
            kind,
            serial: format!("F{letter}{number:07}"),
            user: format!("cam{number}"),
            model: model.to_owned(),
            maker: "Simulated".to_owned(),
            version: "V1.0.0".to_owned(),
            ip: u32::from(Ipv4Addr::new(192, 168, 10, 10)) + number,
            width: 1280,
            height: 1024,
            rate: 100.0,
            colour: false,
            like: Like::Measured,
            trailer: false,
            heartbeat_ms: 3000,
        };
        for word in words {
            let (key, value) = word.split_once('=').ok_or(format!("{word:?} is no KEY=VALUE"))?;
            camera.set(key, value).ok_or_else(|| {
                format!(
                    "{word:?} is no setting of a camera: serial, user, model, maker, ip=A.B.C.D, \
                     size=WxH (32x8 and more), fps=HZ, colour=0|1, like=measured|hik, trailer=0|1, \
                     heartbeat=MS"
                )
            })?;
        }
        Ok(camera)
    }
}

impl CameraConfig {
    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        let flag = || match value {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        };
        let named = || (!value.is_empty()).then(|| value.to_owned());
        match key {
            "serial" => self.serial = named().filter(|s| s.len() < 16)?,
            "user" => self.user = Some(value.to_owned()).filter(|s| s.len() < 16)?,
            "model" => self.model = named().filter(|s| s.len() < 32)?,
            "maker" => self.maker = named().filter(|s| s.len() < 32)?,
            "ip" => self.ip = value.parse::<Ipv4Addr>().ok()?.into(),
            "size" => (self.width, self.height) = size(value)?,
            "fps" => {
                self.rate = value.parse().ok().filter(|r: &f64| (0.2..=1e6).contains(r))?;
            }
            "colour" => self.colour = flag()?,
            "trailer" => self.trailer = flag()?,
            "like" if value == "measured" => self.like = Like::Measured,
            "like" if value == "hik" => self.like = Like::Hik,
            "heartbeat" => {
                self.heartbeat_ms =
                    value.parse().ok().filter(|ms: &u32| (1..=600_000).contains(ms))?;
            }
            _ => return None,
        }
        Some(())
    }
}

/// A region `WxH` that a camera can have.
pub(crate) fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let width = width.parse().ok().filter(|w: &u32| (32..=65_535).contains(w))?;
    let height = height.parse().ok().filter(|h: &u32| (8..=65_535).contains(h))?;
    Some((width, height))
}

/// The lines of a text that say something, numbered from 1.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .flat_map(|(i, line)| {
            let said = line.split('#').next().unwrap_or_default();
            said.split(';').map(move |part| (i + 1, part.trim()))
        })
        .filter(|(_, part)| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches: a setting that is misread, ignored, or refused without naming what is known.
    #[test]
    fn texts_are_read_or_refused() {
        let config = Config::parse(
            "clock virtual; version 0x03010300\n# two of them\ncamera gige serial=A1 size=640x480 fps=25\n\
             camera usb user=left like=hik colour=1 trailer=1 heartbeat=200; delays off",
        )
        .expect("a good text");
        assert_eq!(config.clock, ClockKind::Virtual);
        assert_eq!((config.version, config.delays), (Some(0x0301_0300), Some(false)));
        let [a, b] = &config.cameras[..] else { panic!("two cameras") };
        assert_eq!((a.serial.as_str(), a.width, a.height, a.rate), ("A1", 640, 480, 25.0));
        assert_eq!((b.kind, b.user.as_str(), b.like), (Kind::Usb, "left", Like::Hik));
        assert!(b.colour && b.trailer && b.heartbeat_ms == 200);
        assert_eq!(Config::parse("").expect("the default").cameras.len(), 2);
        for wrong in [
            "camera",
            "camera ether",
            "camera gige colour",
            "camera gige size=1x1",
            "clock slow",
            "version 4",
            "clock real now",
            "fps=3",
            "camera gige serial=A; camera usb serial=A",
        ] {
            let why = Config::parse(wrong).expect_err(wrong);
            assert!(why.len() > 20, "{why}");
        }
    }
}

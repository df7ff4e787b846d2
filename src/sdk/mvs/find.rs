//! The cameras that the library sees, and which of them is meant.

use super::codes::named;
use super::config::Key;
use super::handle::{Listed, enumerate, from_c};
use super::library::Library;
use super::sys::{self, DeviceInfo, GigeInfo, UsbInfo};
use crate::error::{Error, ErrorKind};
use std::fmt;
use std::mem::offset_of;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// How a camera is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Link {
    /// GigE Vision.
    GigE,
    /// USB3 Vision.
    Usb,
    /// Another transport layer, by the SDK's number.
    Other(u32),
}

/// A camera as an enumeration tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Camera {
    /// Its serial number.
    pub serial: String,
    /// Its user-defined name; often empty.
    pub user_name: String,
    /// Its model.
    pub model: String,
    /// Its maker.
    pub vendor: String,
    /// Its firmware.
    pub firmware: String,
    /// How it is connected.
    pub link: Link,
    /// Its address, of a GigE camera.
    pub ip: Option<Ipv4Addr>,
    /// The address of the host's port that it was seen from, of a GigE camera.
    pub seen_from: Option<Ipv4Addr>,
    /// Whether it would let itself be opened; `None` where the SDK does not say.
    pub accessible: Option<bool>,
}

impl Camera {
    fn new(info: &DeviceInfo, accessible: Option<bool>) -> Camera {
        let text = |at: usize, bytes: usize| from_c(&info.special[at..at + bytes]);
        let word = |at: usize| {
            let bytes = info.special[at..at + 4].try_into().expect("four bytes");
            Ipv4Addr::from(u32::from_ne_bytes(bytes))
        };
        match info.layer {
            sys::LAYER_USB | sys::LAYER_VIRTUAL_USB => Camera {
                serial: text(offset_of!(UsbInfo, serial), 64),
                user_name: text(offset_of!(UsbInfo, user_name), 64),
                model: text(offset_of!(UsbInfo, model), 64),
                vendor: text(offset_of!(UsbInfo, manufacturer), 64),
                firmware: text(offset_of!(UsbInfo, version), 64),
                link: Link::Usb,
                ip: None,
                seen_from: None,
                accessible,
            },
            sys::LAYER_GIGE | sys::LAYER_VIRTUAL_GIGE => Camera {
                serial: text(offset_of!(GigeInfo, serial), 16),
                user_name: text(offset_of!(GigeInfo, user_name), 16),
                model: text(offset_of!(GigeInfo, model), 32),
                vendor: text(offset_of!(GigeInfo, manufacturer), 32),
                firmware: text(offset_of!(GigeInfo, version), 32),
                link: Link::GigE,
                ip: Some(word(offset_of!(GigeInfo, current_ip))),
                seen_from: Some(word(offset_of!(GigeInfo, net_export))),
                accessible,
            },
            other => Camera {
                serial: String::new(),
                user_name: String::new(),
                model: String::new(),
                vendor: String::new(),
                firmware: String::new(),
                link: Link::Other(other),
                ip: None,
                seen_from: None,
                accessible,
            },
        }
    }

    fn is(&self, key: &Key, index: usize) -> bool {
        match key {
            Key::Only => true,
            Key::Serial(serial) => self.serial == *serial,
            Key::User(name) => self.user_name == *name,
            Key::Ip(ip) => self.ip == Some(*ip),
            Key::Index(n) => index == *n,
        }
    }
}

impl fmt::Display for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} serial={}", self.model, self.serial)?;
        if !self.user_name.is_empty() {
            write!(f, " user={:?}", self.user_name)?;
        }
        match self.ip {
            Some(ip) => write!(f, " ip={ip}"),
            None => Ok(()),
        }
    }
}

/// What an enumeration lists. `ask`: whether to ask each if it is accessible, which takes a while.
pub(super) fn listed(listed: &Listed<'_>, ask: bool) -> Vec<Camera> {
    let accessible = |n| if ask { listed.is_accessible(n) } else { None };
    listed.devices().enumerate().map(|(n, info)| Camera::new(&info, accessible(n))).collect()
}

/// Every camera that the library sees. Blocks while it looks.
pub fn cameras(library: &Arc<Library>) -> Result<Vec<Camera>, Error> {
    enumerate(library, |l| listed(&l, true)).map_err(|code| {
        Error::new(
            ErrorKind::Source,
            format!(
                "{} (version {}) cannot look for cameras: MV_CC_EnumDevices answered {}",
                library.path().display(),
                library.version(),
                named(code)
            ),
        )
    })
}

/// The place of the camera that is meant.
pub(super) fn choose(cameras: &[Camera], key: &Key) -> Result<usize, Error> {
    let meant: Vec<usize> = (0..cameras.len()).filter(|n| cameras[*n].is(key, *n)).collect();
    let all = || {
        let all: Vec<_> = cameras.iter().map(ToString::to_string).collect();
        all.join("; ")
    };
    // What it sees in place of the one that is meant.
    let instead = match (cameras.is_empty(), key) {
        (false, _) => format!("; it sees {}", all()),
        (true, Key::Only) => String::new(),
        (true, _) => ", nor any other".to_string(),
    };
    let what = match key {
        Key::Only => String::new(),
        Key::Serial(s) => format!(" with serial={s}"),
        Key::User(u) => format!(" with user={u}"),
        Key::Ip(ip) => format!(" with ip={ip}"),
        Key::Index(n) => format!(" with index={n}"),
    };
    match meant[..] {
        [one] => Ok(one),
        [] => Err(Error::new(
            ErrorKind::Source,
            format!(
                "the MVS library sees no camera{what}{}; check power, cable and network (frameline doctor), and that the camera's address is in the host's subnet",
                instead
            ),
        )),
        _ => Err(Error::config(format!(
            "the MVS library sees {} cameras{what}: {}; name one by serial, user, ip or index",
            meant.len(),
            all()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gige(serial: &str, ip: u32) -> DeviceInfo {
        let mut special = [0; 540];
        let at = offset_of!(GigeInfo, serial);
        special[at..at + serial.len()].copy_from_slice(serial.as_bytes());
        special[offset_of!(GigeInfo, current_ip)..][..4].copy_from_slice(&ip.to_ne_bytes());
        DeviceInfo {
            major: 1,
            minor: 0,
            mac_high: 0,
            mac_low: 0,
            layer: sys::LAYER_GIGE,
            kind: 0,
            reserved: [0; 3],
            special,
        }
    }

    #[test]
    fn a_camera_is_found_by_each_of_its_names() {
        let list: Vec<_> = [gige("A1", 0xC0A8_010A), gige("B2", 0xC0A8_010B)]
            .iter()
            .map(|i| Camera::new(i, None))
            .collect();
        assert_eq!(choose(&list, &Key::Serial("B2".into())).unwrap(), 1);
        assert_eq!(choose(&list, &Key::Ip("192.168.1.10".parse().unwrap())).unwrap(), 0);
        assert_eq!(choose(&list, &Key::Index(1)).unwrap(), 1);
        // Catches a line that inspects with whichever camera came first.
        let e = choose(&list, &Key::Only).unwrap_err();
        assert!(e.kind() == ErrorKind::Config && e.to_string().contains("serial=A1"), "{e}");
        let e = choose(&list, &Key::Serial("C3".into())).unwrap_err();
        assert!(e.kind() == ErrorKind::Source && e.to_string().contains("serial=B2"), "{e}");
        assert!(choose(&[], &Key::Only).is_err());
    }

    #[test]
    fn a_name_that_fills_its_field_ends_with_it() {
        // Catches a read beyond a text that has no zero.
        let camera = Camera::new(&gige("0123456789ABCDEF", 0), None);
        assert_eq!(camera.serial, "0123456789ABCDEF");
    }
}

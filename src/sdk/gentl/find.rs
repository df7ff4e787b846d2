//! The cameras that a producer sees, and which of them is meant.

use super::codes::named;
use super::config::Key;
use super::library::Producer;
use super::modules::Found;
use super::sys::tl_info;
use crate::error::{Error, ErrorKind};
use std::fmt;
use std::sync::Arc;

/// A camera as its producer tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Camera {
    /// Its identifier: what the producer opens it by.
    pub id: String,
    /// The interface that it is seen on.
    pub interface: String,
    /// Its serial number; empty where the producer does not say, as with all that follows.
    pub serial: String,
    /// Its user-defined name.
    pub user_name: String,
    /// Its model.
    pub model: String,
    /// Its maker.
    pub vendor: String,
    /// Its firmware.
    pub firmware: String,
    /// How it is connected: `GEV`, `U3V`, `CL`, `CXP`, ...
    pub link: String,
    /// Whether it would let itself be opened; `None` where the producer does not say.
    pub accessible: Option<bool>,
}

impl Camera {
    fn new(found: Found) -> Camera {
        Camera {
            // `DEVICE_ACCESS_STATUS`: 0 unknown, 1 free, 2 only to be read, 3 and more not to be opened.
            accessible: match found.access {
                None | Some(0) => None,
                Some(status) => Some(status == 1),
            },
            id: found.id,
            interface: found.interface,
            serial: found.serial,
            user_name: found.user_name,
            model: found.model,
            vendor: found.vendor,
            firmware: found.version,
            link: found.link,
        }
    }

    fn is(&self, key: &Key, index: usize) -> bool {
        match key {
            Key::Only => true,
            Key::Device(id) => self.id == *id,
            Key::Serial(serial) => self.serial == *serial,
            Key::User(name) => self.user_name == *name,
            Key::Index(n) => index == *n,
        }
    }
}

impl fmt::Display for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} device={} interface={}", self.model, self.id, self.interface)?;
        if !self.serial.is_empty() {
            write!(f, " serial={}", self.serial)?;
        }
        if !self.user_name.is_empty() {
            write!(f, " user={:?}", self.user_name)?;
        }
        Ok(())
    }
}

/// What a producer calls itself, with its version and that of the standard: `FakeGenTL of frameline 0.1.0, GenTL 1.6`.
pub fn about(producer: &Arc<Producer>) -> String {
    let said = |command| producer.system_text(command).unwrap_or_default();
    let mut about = said(tl_info::MODEL);
    let number = |command| producer.system_number(command).ok();
    for (before, part) in [(" of ", said(tl_info::VENDOR)), (" ", said(tl_info::VERSION))] {
        if !part.is_empty() {
            about.push_str(before);
            about.push_str(&part);
        }
    }
    match (number(tl_info::GENTL_MAJOR), number(tl_info::GENTL_MINOR)) {
        (Some(major), Some(minor)) => format!("{}, GenTL {major}.{minor}", about.trim_start()),
        _ => about.trim_start().into(),
    }
}

/// Every camera that the producer sees. Blocks while it looks.
pub fn cameras(producer: &Arc<Producer>) -> Result<Vec<Camera>, Error> {
    let found = producer.look().map_err(|(call, code)| {
        Error::new(
            ErrorKind::Source,
            format!(
                "{} cannot look for cameras: {call} answered {}{}",
                producer.path().display(),
                named(code),
                producer.last_error()
            ),
        )
    })?;
    Ok(found.into_iter().map(Camera::new).collect())
}

/// The camera that is meant, among those found.
pub(super) fn choose(
    found: Vec<Found>,
    key: &Key,
    interface: Option<&str>,
) -> Result<(Found, Camera), Error> {
    let here = found.into_iter().filter(|f| interface.is_none_or(|i| f.interface == i));
    let mut cameras: Vec<_> = here.map(|f| (f.clone(), Camera::new(f))).collect();
    let meant: Vec<usize> = (0..cameras.len()).filter(|n| cameras[*n].1.is(key, *n)).collect();
    let all = || {
        let all: Vec<_> = cameras.iter().map(|(_, c)| c.to_string()).collect();
        all.join("; ")
    };
    // What it sees in place of the one that is meant.
    let instead = match (cameras.is_empty(), key) {
        (false, _) => format!("; it sees {}", all()),
        (true, Key::Only) if interface.is_none() => String::new(),
        (true, _) => ", nor any other".to_string(),
    };
    let mut what = match key {
        Key::Only => String::new(),
        Key::Device(id) => format!(" with device={id}"),
        Key::Serial(s) => format!(" with serial={s}"),
        Key::User(u) => format!(" with user={u}"),
        Key::Index(n) => format!(" with index={n}"),
    };
    if let Some(interface) = interface {
        what.push_str(&format!(" on interface={interface}"));
    }
    match meant[..] {
        [one] => Ok(cameras.swap_remove(one)),
        [] => Err(Error::new(
            ErrorKind::Source,
            format!(
                "the GenTL producer sees no camera{what}{}; check power, cable and network (frameline doctor), and that this producer is for that kind of camera",
                instead
            ),
        )),
        _ => Err(Error::config(format!(
            "the GenTL producer sees {} cameras{what}: {}; name one by device, serial, user or index, with interface where that is not enough",
            meant.len(),
            all()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: &str, serial: &str) -> Found {
        Found { id: id.into(), serial: serial.into(), ..Found::default() }
    }

    #[test]
    fn a_camera_is_found_by_each_of_its_names() {
        let list = || vec![found("one", "A1"), found("two", "B2")];
        let id = |key: &Key| choose(list(), key, None).map(|(f, _)| f.id);
        assert_eq!(id(&Key::Serial("B2".into())).unwrap(), "two");
        assert_eq!(id(&Key::Device("one".into())).unwrap(), "one");
        assert_eq!(id(&Key::Index(1)).unwrap(), "two");
        // Catches a line that inspects with whichever camera came first.
        let e = id(&Key::Only).unwrap_err();
        assert!(e.kind() == ErrorKind::Config && e.to_string().contains("device=one"), "{e}");
        let e = id(&Key::Serial("C3".into())).unwrap_err();
        assert!(e.kind() == ErrorKind::Source && e.to_string().contains("serial=B2"), "{e}");
        assert!(choose(Vec::new(), &Key::Only, None).is_err());
        let e = choose(list(), &Key::Index(0), Some("far")).unwrap_err().to_string();
        assert!(e.contains("with index=0 on interface=far, nor any other;"), "{e}");
    }
}

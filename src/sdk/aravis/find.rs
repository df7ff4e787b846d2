//! The cameras that Aravis sees, and which of them is meant.
#![allow(unsafe_code)]

use super::camera::from_c;
use super::library::Library;
use crate::error::{Error, ErrorKind};
use std::ffi::{c_char, c_uint};
use std::fmt;
use std::sync::PoisonError;

/// The interface whose cameras are made up by Aravis itself. It is asked for only by name.
pub(super) const FAKE: &str = "Fake";

/// A camera as an enumeration tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Camera {
    /// What opens it: Aravis's name of it, of maker, model and serial number.
    pub id: String,
    /// Where it is: its hardware address, or its place on the bus.
    pub physical_id: String,
    /// Its IP address, of a GigE Vision camera.
    pub address: String,
    /// Its maker.
    pub vendor: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// `GigEVision`, `USB3Vision`, `Fake`.
    pub protocol: String,
}

impl Camera {
    /// Whether `name` is one of its names.
    fn is(&self, name: &str) -> bool {
        [&self.id, &self.physical_id, &self.address, &self.serial].into_iter().any(|n| n == name)
    }

    /// Whether it is reached over the loopback device.
    pub(super) fn is_on_loopback(&self) -> bool {
        self.address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        match self.address.as_str() {
            "" => Ok(()),
            address => write!(f, " at {address}"),
        }
    }
}

/// Every camera that Aravis sees, but for the made-up ones. Blocks while it looks, a second where there is a network.
pub fn cameras(library: &'static Library) -> Vec<Camera> {
    listed(library, |cameras| cameras)
}

/// Lets cameras be opened that Aravis makes up.
pub(super) fn enable_fake(library: &'static Library) {
    let _turn = library.enumerating.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the name ends with a zero.
    unsafe { (library.symbols.enable_interface)(c"Fake".as_ptr()) };
}

/// The same, shown to `look` before anybody else lists them again: opening goes by the list that was made last.
pub(super) fn listed<R>(library: &'static Library, look: impl FnOnce(Vec<Camera>) -> R) -> R {
    let _turn = library.enumerating.lock().unwrap_or_else(PoisonError::into_inner);
    let s = &library.symbols;
    let text = |f: unsafe extern "C" fn(c_uint) -> *const c_char, n| {
        // SAFETY: a place below the count; the text is the list's, which stays as it is while we have our turn.
        unsafe { from_c(f(n)) }
    };
    // SAFETY: functions without arguments.
    let count = unsafe {
        (s.update)();
        (s.count)()
    };
    let all = (0..count).map(|n| Camera {
        id: text(s.id, n),
        physical_id: text(s.physical_id, n),
        address: text(s.address, n),
        vendor: text(s.vendor, n),
        model: text(s.model, n),
        serial: text(s.serial, n),
        protocol: text(s.protocol, n),
    });
    look(all.filter(|c| c.protocol != FAKE).collect())
}

/// The camera that is meant: the one of that name, or the only one.
pub(super) fn choose(mut cameras: Vec<Camera>, name: &str) -> Result<Camera, Error> {
    let meant: Vec<usize> =
        (0..cameras.len()).filter(|n| name.is_empty() || cameras[*n].is(name)).collect();
    let all = || cameras.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let what = if name.is_empty() { String::new() } else { format!(" named {name:?}") };
    match meant[..] {
        [one] => Ok(cameras.swap_remove(one)),
        [] => Err(Error::new(
            ErrorKind::Source,
            format!(
                "Aravis sees no camera{what}{}; check power, cable and network (frameline doctor), that the camera's address is in the host's subnet, and that no firewall stops its answers",
                if cameras.is_empty() { String::new() } else { format!(", but {}", all()) }
            ),
        )),
        _ => Err(Error::config(format!(
            "Aravis sees {} cameras{what}: {}; name one, as in aravis:{}",
            meant.len(),
            all(),
            cameras[meant[0]].id
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(serial: &str, address: &str) -> Camera {
        Camera {
            id: format!("Maker-Model-{serial}"),
            address: address.into(),
            serial: serial.into(),
            ..Camera::default()
        }
    }

    #[test]
    fn a_camera_is_found_by_each_of_its_names() {
        let list = vec![camera("A1", "192.168.1.10"), camera("B2", "127.0.0.1")];
        for (name, serial) in [("Maker-Model-B2", "B2"), ("A1", "A1"), ("192.168.1.10", "A1")] {
            assert_eq!(choose(list.clone(), name).unwrap().serial, serial);
        }
        // Catches a line that inspects with whichever camera came first.
        let e = choose(list.clone(), "").unwrap_err();
        assert!(e.kind() == ErrorKind::Config && e.to_string().contains("Maker-Model-A1"), "{e}");
        let e = choose(list.clone(), "C3").unwrap_err();
        assert!(e.kind() == ErrorKind::Source && e.to_string().contains("Maker-Model-B2"), "{e}");
        // aravis#953: no camera at all is an answer.
        assert!(choose(Vec::new(), "").unwrap_err().to_string().contains("no camera"));
        assert!(list[1].is_on_loopback() && !list[0].is_on_loopback());
    }
}

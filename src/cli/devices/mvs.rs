//! Cameras behind the MVS library of this machine.

use super::{Device, Look};
use crate::cli::job::with_parameter;
use crate::sdk::mvs::{self, Library, Link};

pub(super) fn look() -> Vec<Look> {
    let places = mvs::places();
    if !places.iter().any(|p| p.exists()) {
        let places = places.iter().map(|p| p.display().to_string());
        return vec![Look::Absent { places: places.collect() }];
    }
    let cameras = Library::open(None).and_then(|library| {
        let sdk = format!("{}, version {}", library.path().display(), library.version());
        mvs::cameras(&library).map(|cameras| (sdk, cameras))
    });
    vec![match cameras {
        Err(e) => Look::Broken { reason: e.to_string() },
        Ok((sdk, cameras)) => {
            let devices = cameras.into_iter().enumerate().map(|(n, c)| Device {
                uri: match c.serial.is_empty() {
                    true => format!("mvs:?index={n}"),
                    false => with_parameter("mvs:", "serial", &c.serial),
                },
                link: match c.link {
                    Link::GigE => "GigE Vision".into(),
                    Link::Usb => "USB3 Vision".into(),
                    Link::Other(layer) => format!("transport layer {layer:#x}"),
                },
                ip: c.ip.map_or_else(String::new, |ip| ip.to_string()),
                vendor: c.vendor,
                model: c.model,
                serial: c.serial,
                user_name: c.user_name,
                firmware: c.firmware,
                accessible: c.accessible,
            });
            Look::Sees { sdk, devices: devices.collect() }
        }
    }]
}

//! Cameras behind Aravis.

use super::{Device, Look};
use crate::error::ErrorKind;
use crate::query;
use crate::sdk::aravis::{self, Library};

pub(super) fn look() -> Vec<Look> {
    let library = match Library::open(None) {
        Ok(library) => library,
        Err(e) if e.kind() == ErrorKind::Source => {
            let places = aravis::NAMES.iter().map(ToString::to_string).collect();
            return vec![Look::Absent { places }];
        }
        Err(e) => return vec![Look::Broken { reason: e.to_string() }],
    };
    let devices = aravis::cameras(library).into_iter().map(|c| Device {
        uri: format!("aravis:{}", query::encode(&c.id)),
        link: match c.protocol.as_str() {
            "GigEVision" => "GigE Vision".into(),
            "USB3Vision" => "USB3 Vision".into(),
            other => other.into(),
        },
        vendor: c.vendor,
        model: c.model,
        serial: c.serial,
        ip: c.address,
        ..Device::default()
    });
    let sdk = format!("{}, version {}", library.name(), library.version());
    vec![Look::Sees { sdk, devices: devices.collect() }]
}

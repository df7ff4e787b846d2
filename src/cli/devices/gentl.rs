//! Cameras behind every GenTL producer that GenICam's variable leads to.

use super::{Device, Look};
use crate::cli::job::with_parameter;
use crate::query;
use crate::sdk::gentl::{self, Camera, Producer};
use std::path::Path;

pub(super) fn look() -> Vec<Look> {
    let files = gentl::producers();
    if files.is_empty() {
        return vec![Look::Absent {
            places: vec![format!("*.cti where {} leads", gentl::PATH_VARIABLE)],
        }];
    }
    files.iter().map(|file| look_through(file)).collect()
}

fn look_through(file: &Path) -> Look {
    let looked = Producer::open(Some(file)).and_then(|producer| {
        gentl::cameras(&producer).map(|cameras| (gentl::about(&producer), cameras))
    });
    match looked {
        Err(e) => Look::Broken { reason: e.to_string() },
        Ok((about, cameras)) => {
            let uris: Vec<_> = cameras.iter().map(|c| uri(file, c, &cameras)).collect();
            let devices = cameras.into_iter().zip(uris).map(|(c, uri)| Device {
                uri,
                vendor: c.vendor,
                model: c.model,
                serial: c.serial,
                user_name: c.user_name,
                firmware: c.firmware,
                link: link(&c.link),
                ip: String::new(),
                accessible: c.accessible,
            });
            Look::Sees { sdk: format!("{}, {about}", file.display()), devices: devices.collect() }
        }
    }
}

/// What opens a camera. Some producers give cameras on different interfaces one identifier.
fn uri(file: &Path, camera: &Camera, all: &[Camera]) -> String {
    let uri = with_parameter(
        &format!("gentl:{}", query::encode(&file.to_string_lossy())),
        "device",
        &camera.id,
    );
    match all.iter().filter(|c| c.id == camera.id).count() {
        1 => uri,
        _ => with_parameter(&uri, "interface", &camera.interface),
    }
}

/// A transport layer by the name that people use.
fn link(layer: &str) -> String {
    match layer {
        "GEV" => "GigE Vision".into(),
        "U3V" => "USB3 Vision".into(),
        "CXP" => "CoaXPress".into(),
        "CL" => "Camera Link".into(),
        other => other.into(),
    }
}

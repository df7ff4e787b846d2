//! The simulated camera, which is always there.

use super::{Device, Look};
use crate::sim::Sim;
use crate::source::Source;

pub(super) fn look() -> Vec<Look> {
    let small = "sim:?width=16&height=16&sensor_width=16&sensor_height=16";
    vec![match Sim::from_uri(small) {
        Ok(camera) => Look::Sees {
            sdk: format!("frameline {}", env!("CARGO_PKG_VERSION")),
            devices: vec![Device {
                uri: "sim:".into(),
                vendor: "frameline".into(),
                model: camera.info().model,
                link: "built in".into(),
                accessible: Some(true),
                ..Device::default()
            }],
        },
        Err(e) => Look::Broken { reason: e.to_string() },
    }]
}

//! The simulated camera.

use super::cards::{SIM, SIM_REAL_TIME, SIM_WRAPPING};
use super::suite::{self, Card, FRAMES, Subject};
use super::util;
use frameline::sim::Sim;
use frameline::source::{Fill, Source};

struct Simulated {
    card: &'static Card,
    query: &'static str,
}

impl Simulated {
    fn open(&self, fill: Fill, more: &str) -> Sim {
        let fill = fill.name();
        let size = "width=160&height=100&sensor_width=320&sensor_height=100";
        Sim::from_uri(&format!("sim:?{size}&fill={fill}&{}{more}", self.query)).unwrap()
    }
}

impl Subject for Simulated {
    type Source = Sim;

    fn card(&self) -> &'static Card {
        self.card
    }

    fn make(&self, fill: Fill) -> Sim {
        self.open(fill, "")
    }

    fn ending(&self, fill: Fill) -> Sim {
        self.open(fill, &format!("&frames={FRAMES}"))
    }

    fn silent(&self, fill: Fill) -> Sim {
        let mut source = self.make(fill);
        source.set_feature("TriggerSource", "Software").unwrap();
        source.set_feature("TriggerMode", "On").unwrap();
        source
    }

    fn doomed(&self, fill: Fill) -> Sim {
        self.open(fill, "&faults=at 20 disconnect 20")
    }
}

#[test]
fn a_camera_that_waits_conforms() {
    util::watched(move || suite::run(&Simulated { card: &SIM, query: "rate=max" }));
}

#[test]
fn a_camera_in_real_time_conforms() {
    util::watched(move || {
        suite::run(&Simulated { card: &SIM_REAL_TIME, query: "rate=5000&queue=16" })
    });
}

#[test]
fn a_camera_at_the_end_of_its_ids_conforms() {
    let query = "rate=max&id_modulus=65536&first_id=65530";
    util::watched(move || suite::run(&Simulated { card: &SIM_WRAPPING, query }));
}

//! A camera behind a GenTL producer, with the simulated producer behind it.

use super::cards::{GENTL, GENTL_CARELESS, GENTL_LEAST};
use super::fakegentl::Fake;
use super::suite::{self, Card, Subject};
use super::util;
use frameline::sdk::gentl::Gentl;
use frameline::source::Fill;

struct Behind {
    card: &'static Card,
    fake: Fake,
}

impl Behind {
    fn open(&self, more: &str) -> Gentl {
        Gentl::from_uri(&self.fake.uri(&format!("Width=160&Height=100&{more}"))).unwrap()
    }
}

impl Subject for Behind {
    type Source = Gentl;

    fn card(&self) -> &'static Card {
        self.card
    }

    fn make(&self, _: Fill) -> Gentl {
        self.open("trigger=off") // A camera keeps what it was set to.
    }

    fn silent(&self, _: Fill) -> Gentl {
        self.open("trigger=software")
    }

    fn unplug(&self, _: &mut Gentl) {
        self.fake.unplug();
    }

    fn plug(&self, _: &mut Gentl) {
        self.fake.plug();
    }
}

#[test]
fn a_camera_behind_gentl_conforms() {
    let fake = Fake::new("camera A size=320x100 fps=1000 patient=1");
    util::watched(move || suite::run(&Behind { card: &GENTL, fake }));
}

#[test]
fn a_camera_behind_the_least_that_a_producer_may_have_conforms() {
    let fake = Fake::new(
        "producer stacked=0 talkative=0 zip=0 min=1; camera A size=320x100 fps=1000 patient=1",
    );
    fake.script(
        "fail DevGetInfo -1003 times=0; fail TLGetInfo -1003 times=0; fail IFGetDeviceInfo -1003 times=0; \
         fail GCGetPortURLInfo -1003 times=0; fail DSGetInfo -1003 times=0",
    );
    util::watched(move || suite::run(&Behind { card: &GENTL_LEAST, fake }));
}

#[test]
fn a_careless_camera_behind_gentl_conforms() {
    let fake = Fake::new("camera A size=320x100 fps=1000 loose=1 defines=1");
    util::watched(move || suite::run(&Behind { card: &GENTL_CARELESS, fake }));
}

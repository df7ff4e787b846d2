//! A camera behind the MVS library, with the simulated library behind it.

use super::cards::{MVS_GIGE, MVS_LOCKING, MVS_OLD, MVS_USB};
use super::fake::Fake;
use super::suite::{self, Card, Subject};
use super::util;
use frameline::sdk::mvs::Mvs;
use frameline::source::Fill;

struct Hikrobot {
    card: &'static Card,
    fake: Fake,
    query: &'static str,
}

impl Hikrobot {
    fn open(&self, fill: Fill, more: &str) -> Mvs {
        let (fill, query) = (fill.name(), self.query);
        let size = "Width=160&Height=100";
        // What an earlier case has left closes on a thread of its own.
        let uri = format!("fill={fill}&wait=20000&{size}{query}{more}");
        Mvs::from_uri(&self.fake.uri(&uri)).unwrap()
    }
}

impl Subject for Hikrobot {
    type Source = Mvs;

    fn card(&self) -> &'static Card {
        self.card
    }

    fn make(&self, fill: Fill) -> Mvs {
        self.open(fill, "&trigger=off") // A camera keeps what it was set to.
    }

    fn silent(&self, fill: Fill) -> Mvs {
        self.open(fill, "&trigger=software")
    }

    fn unplug(&self, _: &mut Mvs) {
        self.fake.unplug(false);
    }

    fn plug(&self, _: &mut Mvs) {
        self.fake.plug(true);
    }
}

#[test]
fn a_gige_camera_behind_mvs_conforms() {
    let fake = Fake::new("camera gige size=320x100 fps=1000 heartbeat=40");
    util::watched(move || suite::run(&Hikrobot { card: &MVS_GIGE, fake, query: "" }));
}

#[test]
fn a_usb_camera_behind_mvs_conforms() {
    let fake = Fake::new("camera usb size=320x100 fps=1000");
    util::watched(move || suite::run(&Hikrobot { card: &MVS_USB, fake, query: "" }));
}

#[test]
fn a_camera_that_locks_features_conforms() {
    let fake = Fake::new("camera gige size=320x100 fps=1000 heartbeat=40 like=hik trailer=1");
    util::watched(move || {
        suite::run(&Hikrobot { card: &MVS_LOCKING, fake, query: "&lost_packets=1" })
    });
}

#[test]
fn a_camera_behind_an_old_library_conforms() {
    let fake = Fake::old("camera gige size=320x100 fps=1000 heartbeat=40");
    util::watched(move || suite::run(&Hikrobot { card: &MVS_OLD, fake, query: "" }));
}

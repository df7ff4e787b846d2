//! Cameras behind Aravis, where it is installed.

use super::cards::ARAVIS_MADE_UP;
use super::suite::{self, Card, Subject};
use super::util;
use frameline::sdk::aravis::{Aravis, Library};
use frameline::source::Fill;

struct MadeUp;

impl Subject for MadeUp {
    type Source = Aravis;

    fn card(&self) -> &'static Card {
        &ARAVIS_MADE_UP
    }

    fn make(&self, _: Fill) -> Aravis {
        let query = "Width=160&Height=100&AcquisitionFrameRate=500";
        Aravis::from_uri(&format!("aravis:Fake_1?{query}")).unwrap()
    }

    fn silent(&self, _: Fill) -> Aravis {
        let query = "Width=160&Height=100&AcquisitionFrameRate=1";
        Aravis::from_uri(&format!("aravis:Fake_1?{query}")).unwrap()
    }
}

#[test]
fn a_camera_that_aravis_makes_up_conforms() {
    match Library::open(None) {
        Ok(_) => util::watched(|| suite::run(&MadeUp)),
        Err(e) => println!("SKIPPED: {e}"),
    }
}

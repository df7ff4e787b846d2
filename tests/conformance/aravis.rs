//! Cameras behind Aravis, where it is installed.

use super::cards::{ARAVIS_GIGE, ARAVIS_MADE_UP};
use super::simulator::{Simulator, with_simulator};
use super::suite::{self, Card, Subject};
use super::util;
use frameline::sdk::aravis::{Aravis, Library};
use frameline::source::Fill;
use std::sync::{Mutex, PoisonError};

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

/// Whether Aravis is there; says so if not.
pub fn is_installed() -> bool {
    Library::open(None).map_err(|e| println!("SKIPPED: {e}")).is_ok()
}

#[test]
fn a_camera_that_aravis_makes_up_conforms() {
    if is_installed() {
        util::watched(|| suite::run(&MadeUp));
    }
}

/// The simulator; the suite unplugs it and plugs it in again.
struct GigE(Mutex<Simulator>);

impl GigE {
    fn simulator(&self) -> std::sync::MutexGuard<'_, Simulator> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subject for GigE {
    type Source = Aravis;

    fn card(&self) -> &'static Card {
        &ARAVIS_GIGE
    }

    fn make(&self, _: Fill) -> Aravis {
        // What the camera was set to by the source before stays set in it: all is set anew.
        let query = "Width=160&Height=100&AcquisitionFrameRate=200";
        Aravis::from_uri(&self.simulator().uri(query)).unwrap()
    }

    fn silent(&self, _: Fill) -> Aravis {
        let query = "Width=160&Height=100&AcquisitionFrameRate=1";
        Aravis::from_uri(&self.simulator().uri(query)).unwrap()
    }

    fn unplug(&self, _: &mut Aravis) {
        self.simulator().unplug();
    }

    fn plug(&self, _: &mut Aravis) {
        self.simulator().plug().unwrap();
    }

    fn cycles(&self) -> u32 {
        8 // Each makes a stream of its own, and negotiates with the camera.
    }
}

/// Runs only where it is asked to, since it takes a minute: `tools/test aravis` does, with FRAMELINE_GIGE_CONFORMANCE=1.
#[test]
fn a_gige_camera_conforms() {
    const ASK: &str = "FRAMELINE_GIGE_CONFORMANCE";
    if std::env::var_os(ASK).is_none() {
        println!("SKIPPED: {ASK} is not set; tools/test aravis sets it");
        return;
    }
    with_simulator("CONFORM", &[], |simulator| {
        let simulator = std::mem::replace(simulator, Simulator::none());
        suite::run(&GigE(Mutex::new(simulator)));
        println!("the GigE simulator passed every case of its card");
    });
}

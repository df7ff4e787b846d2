//! A lost camera is found and opened again, with every setting restored.

use super::codes::{Code, NOT_FOUND};
use super::open::{Trouble, open_once};
use super::source::{Aravis, State, fault};
use crate::fault::Fault;

impl Aravis {
    /// Lets the camera go, if there is one. Closed, it writes nothing more.
    pub(super) fn give_up(&mut self) {
        if let Err(fault) = self.end_stream() {
            self.unanswered.note(self.last_call, fault.code as Code, 1);
        }
        self.camera = None;
    }

    /// One attempt to find the camera that was lost, and to make it what it was.
    pub(super) fn open_again(&mut self) -> Result<(), Fault> {
        self.state = State::Idle;
        self.give_up();
        self.last_call = "arv_camera_new";
        let name = self.found.id.clone();
        let opened = open_once(self.library, &name, &self.config);
        let (mut camera, found) = opened.map_err(|(trouble, what)| match trouble {
            Trouble::Failure(failure) => {
                tracing::debug!("camera {what}: {failure}");
                fault(failure.code)
            }
            Trouble::Error(e) => {
                tracing::debug!("camera {what} was not found again: {e}");
                fault(NOT_FOUND)
            }
        })?;
        if let Err(refused) = self.settings.restore(&mut camera) {
            tracing::warn!("the camera is back, but not as it was: {}", refused.sentence);
            return Err(fault(refused.code));
        }
        self.found = found;
        self.camera = Some(camera);
        self.refresh();
        Ok(())
    }
}

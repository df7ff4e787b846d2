//! A lost camera is found and opened again, under a new handle and with every setting restored.

use super::codes::{MV_E_DEV_OFFLINE, MV_E_PARAMETER};
use super::config::Key;
use super::open::{self, Failure, open_once};
use super::source::{Mvs, State, fault};
use crate::fault::Fault;

impl Mvs {
    /// One attempt to find the camera that was lost, and to make it what it was.
    pub(super) fn open_again(&mut self) -> Result<(), Fault> {
        self.state = State::Idle;
        self.last_call = "MV_CC_EnumDevices";
        self.lent.close_idle();
        if let Some(handle) = self.handle.take() {
            self.discarded_before += handle.posted().discarded();
            self.announced.forget(None); // Its end forgets what was registered.
            self.lent.give_up(handle);
        }
        let key = match self.camera.serial.as_str() {
            "" => self.config.key.clone(),
            serial => Key::Serial(serial.into()),
        };
        let (mut handle, camera) = open_once(&self.library, &key, &self.config).map_err(
            |(failure, what)| match failure {
                Failure::Code(_, code) => fault(code),
                Failure::Error(e) => {
                    tracing::debug!("{what} was not found again: {e}");
                    fault(MV_E_DEV_OFFLINE)
                }
            },
        )?;
        if let Err(refused) = self.settings.restore(&mut handle) {
            tracing::warn!("the camera is back, but not as it was: {}", refused.sentence);
            return Err(fault(refused.code.unwrap_or(MV_E_PARAMETER)));
        }
        self.camera = camera;
        self.rules.ticks_a_second = open::ticks_a_second(&handle);
        self.handle = Some(handle);
        self.refresh();
        Ok(())
    }
}

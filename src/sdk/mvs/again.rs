//! A lost camera is found and opened again, under a new handle and with every setting restored.

use super::codes::{MV_E_DEV_OFFLINE, MV_E_PARAMETER};
use super::config::Key;
use super::handle::Handle;
use super::open::{self, Failure, open_once};
use super::source::{Mvs, State, fault};
use crate::fault::Fault;

impl Mvs {
    /// Lets the device go, if there is one: closed, it writes nothing more.
    pub(super) fn give_up(&mut self) {
        let Some(mut handle) = self.handle.take() else { return };
        self.hear(&mut handle);
        self.discarded_before += handle.posted().discarded();
        if !self.lent.give_up(handle, &mut self.unanswered) {
            self.announced.keep_for_ever();
        }
    }

    /// Notes what callbacks posted that is only counted.
    pub(super) fn hear(&mut self, handle: &mut Handle) {
        handle.tell_counts(&mut |message, times| {
            self.unanswered.note("MV_CC_RegisterStreamExceptionCallBack", message, times);
        });
    }

    /// One attempt to find the camera that was lost, and to make it what it was.
    pub(super) fn open_again(&mut self) -> Result<(), Fault> {
        self.state = State::Idle;
        self.last_call = "MV_CC_EnumDevices";
        self.lent.close_idle(&mut self.unanswered);
        self.give_up();
        let key = match self.camera.serial.as_str() {
            "" => self.config.key.clone(),
            serial => Key::Serial(serial.into()),
        };
        let (mut handle, camera) = open_once(&self.library, &key, &self.config).map_err(
            |(failure, what)| match failure {
                Failure::Code(call, code) => {
                    self.last_call = call;
                    fault(code)
                }
                Failure::Error(e) => {
                    tracing::debug!("{what} was not found again: {e}");
                    fault(MV_E_DEV_OFFLINE)
                }
            },
        )?;
        if let Err(refused) = self.settings.restore(&mut handle) {
            tracing::warn!("the camera is back, but not as it was: {}", refused.sentence);
            let (call, code) = refused.answer.unwrap_or(("", MV_E_PARAMETER));
            self.last_call = call;
            return Err(fault(code));
        }
        self.camera = camera;
        self.rules.ticks_a_second = open::ticks_a_second(&handle);
        self.handle = Some(handle);
        self.refresh();
        Ok(())
    }
}

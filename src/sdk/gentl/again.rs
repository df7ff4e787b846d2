//! A lost camera is found and opened again, with every setting restored.

use super::codes::{GC_ERR_IO, fault};
use super::config::Key;
use super::open::{self, Failure, Opened};
use super::source::{Gentl, State};
use crate::fault::Fault;

impl Gentl {
    /// Lets the device go, if there is one: closed, it writes nothing more.
    pub(super) fn give_up(&mut self) {
        self.close_stream();
        self.features.forget_device();
        self.device = None;
    }

    /// One attempt to find the camera that was lost, and to make it what it was.
    pub(super) fn open_again(&mut self) -> Result<(), Fault> {
        self.state = State::Idle;
        self.last_call = "IFUpdateDeviceList";
        self.give_up();
        // By its serial number where it has one: it may come back on another interface.
        let key = match self.camera.serial.as_str() {
            "" => Key::Device(self.camera.id.clone()),
            serial => Key::Serial(serial.into()),
        };
        let opened =
            open::open_once(&self.producer, &key, &self.config).map_err(|(failure, what)| {
                match failure {
                    Failure::Code(call, code) => {
                        self.last_call = call;
                        fault(code)
                    }
                    Failure::Error(e) => {
                        tracing::debug!("{what} was not found again: {e}");
                        fault(GC_ERR_IO)
                    }
                }
            })?;
        let Opened { camera, device, stream, features, needs, .. } = opened;
        self.features.take_over(features);
        if let Err((code, why)) = self.features.restore() {
            tracing::warn!("the camera is back, but not as it was: {why}");
            self.features.forget_device();
            return Err(fault(code));
        }
        (self.camera, self.device, self.stream, self.needs) =
            (camera, Some(device), Some(stream), needs);
        self.refresh();
        Ok(())
    }
}

//! Grabbing: what the SDK answers, as frames and faults.

use super::board::{IMAGE_BUFFER_OVERFLOW, VERSION_CHECK};
use super::codes::{MV_E_DEV_OFFLINE, MV_E_NODATA, MV_E_NOENOUGH_BUF};
use super::diagnosis::Silence;
use super::handle::Code;
use super::open;
use super::source::{Mvs, State, fault};
use super::sys::{FrameInfo, FrameOut};
use crate::buffer::FrameMut;
use crate::fault::Fault;
use crate::meta::FrameStatus;
use crate::source::Grab;
use std::time::{Duration, Instant};

impl Mvs {
    #[cold]
    pub(super) fn gone(&mut self) -> Grab {
        Grab::Fault(self.unasked(MV_E_DEV_OFFLINE))
    }

    /// What a callback has posted, as a fault. One load while nothing has.
    #[inline]
    pub(super) fn posted(&mut self) -> Option<Fault> {
        // A device that is being stopped is not asked: what it has finished comes first.
        let asks = self.handle.as_ref().is_some_and(|h| h.posted().asks());
        if asks && self.state == State::Running { self.taken_down() } else { None }
    }

    #[cold]
    fn taken_down(&mut self) -> Option<Fault> {
        let handle = self.handle.as_ref()?;
        if handle.posted().take(VERSION_CHECK) {
            self.last_call = "MV_CC_RegisterExceptionCallBack";
            return Some(fault(VERSION_CHECK));
        }
        if !handle.posted().take(IMAGE_BUFFER_OVERFLOW) {
            return None;
        }
        self.last_call = "MV_CC_RegisterStreamExceptionCallBack";
        let needed = open::payload(handle).map_or(0, |(payload, _)| payload as u64);
        Some(Fault { code: i64::from(IMAGE_BUFFER_OVERFLOW), detail: needed })
    }

    /// What a call's answer means. The grab itself never tells of a loss: the callback does, and whatever a call answers
    /// after it (a handle that is wrong, an order of calls) comes from the loss, and is no fault of the program.
    pub(super) fn cause(&mut self, code: Code) -> Fault {
        let lost = self.handle.as_ref().and_then(|h| h.posted().lost());
        if lost.is_some() {
            self.last_call = "MV_CC_RegisterExceptionCallBack";
        }
        fault(lost.unwrap_or(code))
    }

    /// A grab that brought nothing.
    #[cold]
    pub(super) fn nothing(&mut self, code: Code, needed: u64) -> Grab {
        match code {
            MV_E_NOENOUGH_BUF => Grab::Fault(Fault { code: i64::from(code), detail: needed }),
            _ => {
                let fault = self.cause(code);
                if fault.code == i64::from(code) && self.silence.is_new() {
                    self.silence_begins();
                }
                Grab::Fault(fault)
            }
        }
    }

    /// The frame's metadata, and that it came.
    #[inline]
    pub(super) fn came(&mut self, info: &FrameInfo, frame: &mut FrameMut) -> Grab {
        let id = self.ids.id(info.frame_num.into());
        let reported_bytes = self.rules.read(info, id, frame.meta_mut());
        if frame.meta().status == FrameStatus::Complete {
            self.silence = Silence::default();
        } else if self.silence.is_new() {
            self.silence_begins(); // What arrives from now on brought no whole frame.
        }
        Grab::Filled { reported_bytes }
    }

    /// Gets a buffer that `accept` takes. Those that it rejects (delivered twice, or of nobody) are passed
    /// over until the time is up.
    pub(super) fn next_buffer<R>(
        &mut self,
        timeout: Duration,
        mut accept: impl FnMut(&mut Self, &FrameOut) -> Option<R>,
    ) -> Result<(FrameOut, R), Grab> {
        self.last_call = "MV_CC_GetImageBuffer";
        if let Some(fault) = self.posted() {
            return Err(Grab::Fault(fault));
        }
        let begun = Instant::now();
        let mut left = timeout;
        loop {
            let Some(handle) = self.handle.as_mut() else { return Err(self.gone()) };
            match handle.get_buffer(left) {
                Ok(out) => {
                    if let Some(taken) = accept(self, &out) {
                        return Ok((out, taken));
                    }
                }
                Err(code) => return Err(self.nothing(code, 0)),
            }
            left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(Grab::Fault(fault(MV_E_NODATA)));
            }
        }
    }
}

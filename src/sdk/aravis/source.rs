//! A camera behind Aravis, as a [`Source`].

use super::buffers::Announced;
use super::camera::{Camera, Failure};
use super::codes::*;
use super::config::Config;
use super::counters::Totals;
use super::diagnosis::Silence;
use super::features::{self, Settings};
use super::find;
use super::grab::Underruns;
use super::library::Library;
use super::open::{self, Format};
use super::stream::Stream;
use crate::buffer::FrameMut;
use crate::error::{Error, ErrorKind};
use crate::fault::{CodeTable, Fault};
use crate::feature::Feature;
use crate::format::Geometry;
use crate::query;
use crate::sdk::ids::Ids;
use crate::sdk::locked::is_locked;
use crate::sdk::unanswered::Unanswered;
use crate::source::{Diagnosis, Evidence, Fill, Grab, Source, SourceCounts, SourceInfo};
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    Running,
    /// The device is stopped; what the host has can still be grabbed.
    Draining,
}

/// A camera behind Aravis. See the [module](super).
///
/// Dropped: stopped and closed, which may take seconds.
#[derive(Debug)]
pub struct Aravis {
    pub(super) config: Config,
    pub(super) library: &'static Library,
    pub(super) found: find::Camera,
    /// Before the camera, which it is a stream of. `Some` from start to the host's stop.
    pub(super) stream: Option<Stream>,
    /// `None` between a loss and the next success of `reopen`.
    pub(super) camera: Option<Camera>,
    pub(super) state: State,
    pub(super) format: Format,
    pub(super) largest: usize,
    pub(super) ids: Ids,
    pub(super) settings: Settings,
    pub(super) announced: Announced,
    /// The format with which the device was started.
    pub(super) started: Format,
    pub(super) underruns: Underruns,
    /// What the streams counted that have ended.
    totals: Totals,
    pub(super) silence: Silence,
    pub(super) evidence: Evidence,
    /// Faults of calls that nobody waits for an answer of.
    pub(super) unanswered: Unanswered,
    /// The function that answered with the last fault.
    pub(super) last_call: &'static str,
}

pub(super) fn fault(code: Code) -> Fault {
    Fault::code(i64::from(code))
}

impl Aravis {
    /// Opens the camera that an `aravis:[NAME]?name=value&...` URI names
    /// ([`PARAMETERS`](super::PARAMETERS)), and sets the features in it. Blocks while Aravis looks for cameras.
    pub fn from_uri(uri: &str) -> Result<Aravis, Error> {
        let config = Config::from_uri(uri)?;
        let library = Library::open(config.library.as_deref())?;
        let mut settings = Settings::default();
        let (camera, found, format) = open::open(library, &config, &mut settings)?;
        format.check()?;
        tracing::info!("camera {found} is open through Aravis {}", library.version());
        Ok(Aravis {
            largest: format.largest(&camera, config.max_format),
            config,
            library,
            found,
            stream: None,
            camera: Some(camera),
            state: State::Idle,
            format,
            ids: Ids::default(),
            settings,
            announced: Announced::default(),
            started: format,
            underruns: Underruns::default(),
            totals: Totals::default(),
            silence: Silence::default(),
            evidence: Evidence::default(),
            unanswered: Unanswered::new(),
            last_call: "",
        })
    }

    /// The camera, as Aravis lists it.
    pub fn camera(&self) -> &find::Camera {
        &self.found
    }

    /// Deliveries that were rejected: of buffers that were not queued, or of memory that is not the line's.
    pub fn rejected_deliveries(&self) -> u64 {
        self.announced.rejected()
    }

    /// What all its streams have counted, by Aravis's names: of a GigE Vision stream eighteen numbers. Empty before the
    /// first start.
    pub fn counters(&self) -> Vec<(String, u64)> {
        let mut sums = self.totals.clone();
        if let Some(stream) = &self.stream {
            stream.counters(&mut |name, count| sums.add(name, count));
        }
        sums.all().to_vec()
    }

    /// Whether control of the camera was lost.
    pub(super) fn is_lost(&self) -> bool {
        self.camera.as_ref().is_none_or(|c| c.posted().is_lost())
    }

    /// Asks the stopped camera what it will send; one that does not answer leaves what is known.
    pub(super) fn refresh(&mut self) {
        let Some(camera) = self.camera.as_ref().filter(|c| !c.posted().is_lost()) else {
            return;
        };
        if let Ok(format) = Format::read(camera) {
            self.format = format;
            self.largest = format.largest(camera, self.config.max_format);
        }
    }

    /// What a failed call means: after a loss, whatever it answers comes from that.
    pub(super) fn cause(&mut self, failure: &Failure) -> Fault {
        self.last_call = failure.call;
        if self.is_lost() {
            self.last_call = "control-lost";
            return fault(CONTROL_LOST);
        }
        tracing::debug!("{failure}");
        fault(failure.code)
    }

    fn start_now(&mut self) -> Result<(), Fault> {
        let Some(camera) = &self.camera else { return Err(fault(CONTROL_LOST)) };
        let options = open::options(&self.config, self.format.payload);
        let stream = Stream::new(camera, &options);
        let mut stream = stream.map_err(|failure| self.cause(&failure))?;
        self.announced.push_all(self.format.payload, self.library, &mut stream);
        self.underruns.begin(&stream, self.unit());
        self.stream = Some(stream);
        let Some(camera) = &mut self.camera else { return Err(fault(CONTROL_LOST)) };
        camera.start().map_err(|failure| self.cause(&failure))
    }

    /// Ends the stream. An error: its thread goes on, and its slots are never used again.
    pub(super) fn end_stream(&mut self) -> Result<(), Fault> {
        let (Some(stream), Some(camera)) = (self.stream.take(), self.camera.as_ref()) else {
            return Ok(());
        };
        stream.counters(&mut |name, count| self.totals.add(name, count));
        self.last_call = "arv_camera_create_stream";
        if stream.close(camera) {
            return Ok(());
        }
        self.announced.keep_for_ever();
        Err(fault(STREAM_STAYS))
    }
}

impl Source for Aravis {
    fn info(&self) -> SourceInfo {
        let f = &self.found;
        let uri = format!("aravis:{}{}", query::encode(&f.id), self.config.rest);
        SourceInfo { uri, model: format!("{} {} ({})", f.vendor, f.model, f.serial) }
    }

    fn fills(&self) -> &[Fill] {
        &[Fill::Announce]
    }

    fn can_wait(&self) -> bool {
        false
    }

    fn codes(&self) -> CodeTable {
        table()
    }

    fn geometry(&self) -> Geometry {
        self.format.geometry
    }

    fn payload_bytes(&self) -> usize {
        self.format.payload
    }

    fn max_payload_bytes(&self) -> usize {
        self.largest
    }

    fn queue_depth(&self, _: Fill) -> usize {
        self.config.buffers
    }

    fn start(&mut self, fill: Fill) -> Result<(), Fault> {
        self.last_call = "arv_camera_start_acquisition";
        if fill != Fill::Announce || self.state == State::Running {
            return Err(fault(CALL_ORDER));
        }
        // A stream that is started again has threads and counts of its own.
        self.end_stream()?;
        self.refresh();
        self.announced.check_room(self.format.payload)?;
        if let Err(fault) = self.start_now() {
            self.state = State::Idle;
            self.end_stream()?;
            return Err(fault);
        }
        // The packet size was negotiated only now.
        let camera = self.camera.as_ref();
        self.format.packet_size = camera.filter(|c| c.is_gv()).and_then(|c| c.packet_size().ok());
        (self.state, self.started) = (State::Running, self.format);
        self.underruns.count_in(self.unit());
        self.silence = Silence::default();
        self.ids.started();
        Ok(())
    }

    fn stop_device(&mut self) -> Result<(), Fault> {
        if self.state != State::Running {
            return Ok(());
        }
        self.state = State::Draining;
        if let Some(stream) = &self.stream {
            // Buffers that are not given any more are no underruns.
            self.underruns.hold(stream);
        }
        let Some(camera) = self.camera.as_mut().filter(|c| !c.posted().is_lost()) else {
            return Ok(());
        };
        // A camera that does not take the command is stopped with the host's side.
        if let Err(failure) = camera.stop() {
            self.unanswered.note(failure.call, failure.code, 1);
        }
        // What it will send next decides the size of slots, if this is a reset.
        self.refresh();
        Ok(())
    }

    fn stop_host(&mut self) -> Result<(), Fault> {
        self.state = State::Idle;
        self.end_stream()
    }

    /// # Real-time
    /// Capture-bound. No lock of ours; allocates only for slots that were never queued before.
    fn queue(&mut self, frame: FrameMut) {
        self.announced.queue(frame, self.library, self.stream.as_mut());
    }

    /// # Real-time
    /// Capture-bound. No allocation; waits in Aravis.
    fn grab_queued(&mut self, timeout: Duration) -> (Option<FrameMut>, Grab) {
        self.next_frame(timeout)
    }

    fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        if let Err(fault) = self.end_stream() {
            self.unanswered.note(self.last_call, fault.code as Code, 1);
        }
        self.announced.revoke(back);
    }

    fn is_locked_while_grabbing(&self, feature: &str) -> bool {
        is_locked(feature)
    }

    fn set_feature(&mut self, feature: &str, value: &str) -> Result<(), Error> {
        let Some(camera) = self.camera.as_mut() else {
            let what = format!("{feature} cannot be set: the camera is gone");
            return Err(Error::new(ErrorKind::Source, what));
        };
        if is_locked(feature) && self.state != State::Idle {
            let what = format!("{feature} is locked while grabbing; stop the camera first");
            return Err(Error::new(ErrorKind::State, what));
        }
        self.settings.set(camera, feature, value)?;
        if self.state == State::Idle {
            self.refresh();
        }
        Ok(())
    }

    fn features(&mut self) -> Result<Vec<Feature>, Error> {
        let camera = self.camera.as_mut().ok_or_else(|| {
            Error::new(ErrorKind::Source, "the features cannot be listed: the camera is gone")
        })?;
        features::list(camera)
    }

    fn software_trigger(&mut self) -> Result<(), Error> {
        let camera = self.camera.as_mut().ok_or_else(|| {
            Error::new(ErrorKind::Source, "the software trigger was not sent: the camera is gone")
        })?;
        camera.execute("TriggerSoftware").map_err(|failure| {
            Error::new(
                ErrorKind::Source,
                format!(
                    "the software trigger was not taken: {failure}; it needs trigger=software (TriggerMode On, TriggerSource Software)"
                ),
            )
        })
    }

    fn diagnose(&mut self) -> Diagnosis {
        self.ask_about_silence()
    }

    fn evidence(&self) -> Evidence {
        self.evidence
    }

    fn last_call(&self) -> &'static str {
        self.last_call
    }

    fn take_faults(&mut self, tell: &mut dyn FnMut(Fault, &'static str, u64)) {
        if self.camera.as_ref().is_some_and(|c| c.posted().take_refusal()) {
            self.unanswered.note("arv_make_thread_realtime", PRIORITY_REFUSED, 1);
        }
        self.unanswered.take(tell);
    }

    fn reopen(&mut self) -> Result<(), Fault> {
        self.open_again()
    }

    fn counts(&self) -> SourceCounts {
        SourceCounts { underrun: self.underruns.frames() }
    }

    fn counters(&self) -> Vec<(String, u64)> {
        Aravis::counters(self)
    }
}

impl Drop for Aravis {
    fn drop(&mut self) {
        let _ = self.stop_device();
        let _ = self.stop_host();
        Source::revoke(self, &mut drop);
        self.camera = None;
        // Nobody takes them any more.
        self.unanswered.take(&mut |fault, call, times| {
            let code = named(fault.code as u32);
            tracing::warn!("{call} answered {code} ({times} times) while the camera was closed");
        });
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;

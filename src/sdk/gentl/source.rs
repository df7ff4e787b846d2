//! A camera behind a GenTL producer, as a [`Source`].

use super::codes::*;
use super::config::{Config, Key};
use super::features::Features;
use super::find::Camera;
use super::library::Producer;
use super::modules::Device;
use super::open::{self, Format, Needs};
use super::reading::Rules;
use super::stream::{Announced, Stream};
use super::sys::stream_info;
use crate::buffer::FrameMut;
use crate::error::{Error, ErrorKind};
use crate::fault::{CodeTable, Fault};
use crate::format::Geometry;
use crate::query;
use crate::sdk::ids::Ids;
use crate::sdk::locked::is_locked;
use crate::sdk::unanswered::Unanswered;
use crate::source::{Diagnosis, Evidence, Fill, Grab, Source, SourceCounts, SourceInfo};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    Running,
    /// The device is stopped; what the host has can still be grabbed.
    Draining,
}

/// A camera behind a GenTL producer. See the [module](super).
///
/// Dropped: stopped and closed, which may take seconds.
#[derive(Debug)]
pub struct Gentl {
    pub(super) config: Config,
    pub(super) producer: Arc<Producer>,
    pub(super) camera: Camera,
    /// Between a stop and the next start there is none, but for one that was opened to be asked.
    pub(super) stream: Option<Stream>,
    /// `None` between a loss and the next success of `reopen`.
    pub(super) device: Option<Arc<Device>>,
    pub(super) features: Features,
    pub(super) state: State,
    pub(super) format: Format,
    pub(super) largest: usize,
    pub(super) needs: Needs,
    pub(super) rules: Rules,
    pub(super) ids: Ids,
    pub(super) last_id: u64,
    pub(super) announced: Announced,
    /// The format with which the device was started.
    pub(super) started: Format,
    /// A frame was larger than its buffer: bytes that it needs.
    pub(super) outgrown: Option<u64>,
    pub(super) evidence: Evidence,
    /// Faults of calls that nobody waits for an answer of.
    pub(super) unanswered: Unanswered,
    /// The function that answered with the last fault.
    pub(super) last_call: &'static str,
    /// Underruns of earlier streams, and of this one.
    pub(super) underruns: (u64, u64),
}

impl Gentl {
    /// Opens the camera that a `gentl:FILE.cti?name=value&...` URI names ([`PARAMETERS`](super::PARAMETERS)), and sets the
    /// features in it. Blocks while the producer looks for cameras.
    pub fn from_uri(uri: &str) -> Result<Gentl, Error> {
        let config = Config::from_uri(uri)?;
        let producer = Producer::open(config.producer.as_deref())?;
        let open::Opened { camera, device, stream, features, format, needs, largest, rules } =
            open::open(&producer, &config)?;
        tracing::info!("camera {camera} is open through {}", producer.path().display());
        Ok(Gentl {
            config,
            producer,
            camera,
            stream: Some(stream),
            device: Some(device),
            features,
            state: State::Idle,
            format,
            largest,
            needs,
            rules,
            ids: Ids::default(),
            last_id: 0,
            announced: Announced::default(),
            started: format,
            outgrown: None,
            evidence: Evidence::default(),
            unanswered: Unanswered::new(),
            last_call: "",
            underruns: (0, 0),
        })
    }

    /// The camera.
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// The producer that it is reached through.
    pub fn producer(&self) -> &Arc<Producer> {
        &self.producer
    }

    /// Deliveries that were rejected: of buffers that were not queued, or that are not the line's.
    pub fn rejected_deliveries(&self) -> u64 {
        self.announced.rejected()
    }

    /// Asks the camera what it will send; one that does not answer leaves what is known.
    pub(super) fn refresh(&mut self) {
        let Some(device) = &self.device else { return };
        if self.needs.asks_stream && self.stream.is_none() {
            self.stream = Stream::open(device).ok();
        }
        if let Ok(format) = Format::read(&mut self.features, self.stream.as_ref(), &self.config) {
            self.format = format;
            self.largest = format.largest(&mut self.features, &self.config);
            self.rules.geometry = format.geometry;
        }
    }

    /// Starts the open stream, and the camera.
    fn start_now(&mut self) -> Result<(), (&'static str, Code)> {
        self.features.lock(true).map_err(|code| ("GCWritePort", code))?;
        let stream = self.stream.as_mut().ok_or(("IFOpenDevice", GC_ERR_IO))?;
        stream.listen().map_err(|code| ("GCRegisterEvent", code))?;
        let count = self.announced.hand_over_all(stream)?;
        if count < self.needs.least {
            // Some producers say so at the start, others crash.
            return Err(("DSAnnounceBuffer", GC_ERR_INVALID_BUFFER));
        }
        stream.start().map_err(|code| ("DSStartAcquisition", code))?;
        self.features.run("AcquisitionStart").map_err(|code| ("AcquisitionStart", code))
    }

    /// Slots have come home that the running stream does not take, and it has none left to fill: everything is started anew,
    /// on a stream that knows all of them. Without that no frame would come for ever.
    #[cold]
    pub(super) fn start_anew(&mut self) -> Result<(), Fault> {
        // Answered or not: the stream is closed.
        let _ = self.features.run("AcquisitionStop");
        self.close_stream();
        let device = self.device.as_ref().ok_or(("IFOpenDevice", GC_ERR_IO));
        let opened = device.and_then(Stream::open).map(|stream| self.stream = Some(stream));
        if let Err((call, code)) = opened.and_then(|()| self.start_now()) {
            // Without a stream the next grab tells of a loss, and the camera is opened anew.
            self.close_stream();
            self.last_call = call;
            return Err(fault(code));
        }
        self.ids.started();
        Ok(())
    }

    /// Closes the stream, so that the producer writes into none of our slots. One that cannot be closed keeps them.
    pub(super) fn close_stream(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        self.note_underruns(&stream);
        self.underruns = (self.underruns.0 + self.underruns.1, 0);
        if !stream.close(self.announced.buffers(), &mut self.unanswered) {
            self.announced.keep_for_ever();
        }
        self.announced.forget();
        let _ = self.features.lock(false);
    }

    pub(super) fn note_underruns(&mut self, stream: &Stream) {
        if let Ok(count) = stream.info(stream_info::NUM_UNDERRUN) {
            self.underruns.1 = self.underruns.1.max(count);
        }
    }
}

impl Source for Gentl {
    fn info(&self) -> SourceInfo {
        let c = &self.camera;
        let key = match &self.config.key {
            Key::Serial(serial) => format!("serial={}", query::encode(serial)),
            _ => format!("device={}", query::encode(&c.id)),
        };
        let path = query::encode(&self.producer.path().to_string_lossy());
        let uri = format!("gentl:{path}?{key}{}", self.config.rest);
        let name = if c.serial.is_empty() { &c.id } else { &c.serial };
        SourceInfo { uri, model: format!("{} {} ({name})", c.vendor, c.model) }
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
        self.needs.buffers
    }

    fn start(&mut self, fill: Fill) -> Result<(), Fault> {
        if fill != Fill::Announce {
            return Err(fault(GC_ERR_NOT_IMPLEMENTED));
        }
        if self.state == State::Running {
            self.last_call = "DSStartAcquisition";
            return Err(fault(GC_ERR_NOT_AVAILABLE));
        }
        self.stop_host()?;
        if let (None, Some(device)) = (&self.stream, &self.device) {
            // Before anything is asked: of some producers the stream alone knows how long a frame is.
            self.last_call = "DevOpenDataStream";
            self.stream = Some(Stream::open(device).map_err(|(call, code)| {
                self.last_call = call;
                fault(code)
            })?);
        }
        self.refresh();
        if self.announced.smallest().is_some_and(|bytes| bytes < self.format.payload) {
            // There are producers that would write past its end (docs/gentl.md).
            self.last_call = "DSAnnounceBuffer";
            let detail = self.format.payload as u64;
            return Err(Fault { detail, ..fault(GC_ERR_BUFFER_TOO_SMALL) });
        }
        if let Err((call, code)) = self.start_now() {
            let said = self.producer.last_error();
            self.close_stream();
            self.last_call = call;
            tracing::debug!("{call} answered {}{said}", named(code));
            return Err(fault(code));
        }
        (self.state, self.started, self.outgrown) = (State::Running, self.format, None);
        self.ids.started();
        Ok(())
    }

    fn stop_device(&mut self) -> Result<(), Fault> {
        if self.state != State::Running {
            return Ok(());
        }
        self.state = State::Draining;
        self.last_call = "AcquisitionStop";
        // The host's side goes on, so that what it has can be fetched.
        let stopped = self.features.run("AcquisitionStop");
        // What it will send next decides the size of slots, if this is a reset.
        self.refresh();
        stopped.map_err(fault)
    }

    fn stop_host(&mut self) -> Result<(), Fault> {
        if self.state == State::Idle {
            return Ok(());
        }
        self.state = State::Idle;
        self.last_call = "DSStopAcquisition";
        self.close_stream();
        Ok(())
    }

    /// # Real-time
    /// Capture-bound. No lock; allocates only for slots that were never queued before.
    fn queue(&mut self, frame: FrameMut) {
        let stream = self.stream.as_mut().filter(|_| self.state != State::Idle);
        if let Err((call, code)) = self.announced.queue(frame, stream) {
            self.unanswered.note(call, code, 1);
        }
    }

    /// # Real-time
    /// Capture-bound. No allocation; waits in the producer.
    fn grab_queued(&mut self, timeout: Duration) -> (Option<FrameMut>, Grab) {
        match self.next_frame(timeout) {
            Ok((frame, grab)) => (Some(frame), grab),
            Err(fault) => (None, Grab::Fault(fault)),
        }
    }

    fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        self.close_stream();
        self.announced.revoke(back);
    }

    fn is_locked_while_grabbing(&self, feature: &str) -> bool {
        is_locked(feature)
    }

    fn features(&mut self) -> Result<Vec<crate::feature::Feature>, Error> {
        self.features.list()
    }

    fn set_feature(&mut self, feature: &str, value: &str) -> Result<(), Error> {
        if self.device.is_none() {
            let what = format!("{feature} cannot be set: the camera is gone");
            return Err(Error::new(ErrorKind::Source, what));
        }
        if is_locked(feature) && self.state != State::Idle {
            let what = format!("{feature} is locked while grabbing; stop the camera first");
            return Err(Error::new(ErrorKind::State, what));
        }
        self.features.set(feature, value)?;
        if self.state == State::Idle {
            self.refresh();
        }
        Ok(())
    }

    fn software_trigger(&mut self) -> Result<(), Error> {
        if self.device.is_none() {
            let what = "the software trigger was not sent: the camera is gone";
            return Err(Error::new(ErrorKind::Source, what));
        }
        self.features.run("TriggerSoftware").map_err(|code| {
            let kind = if code == GC_ERR_IO { ErrorKind::Source } else { ErrorKind::State };
            Error::new(
                kind,
                format!(
                    "the camera answered {} to the software trigger; it takes one only with trigger=software (TriggerMode On, TriggerSource Software)",
                    named(code)
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
        self.unanswered.take(tell);
    }

    fn reopen(&mut self) -> Result<(), Fault> {
        self.open_again()
    }

    fn counts(&self) -> SourceCounts {
        SourceCounts { underrun: self.underruns.0 + self.underruns.1 }
    }
}

impl Drop for Gentl {
    fn drop(&mut self) {
        let _ = self.stop_device();
        let _ = self.stop_host();
        Source::revoke(self, &mut drop);
        self.give_up();
        // Nobody takes them any more.
        self.unanswered.take(&mut |fault, call, times| {
            let code = named(fault.code as Code);
            tracing::warn!("{call} answered {code} ({times} times) while the camera was closed");
        });
    }
}

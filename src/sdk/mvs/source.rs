//! A camera behind the MVS library, as a [`Source`].

use super::board::IMAGE_BUFFER_OVERFLOW;
use super::codes::*;
use super::config::{Config, Key};
use super::features::{Settings, is_locked};
use super::find::{Camera, Link};
use super::handle::{Code, Handle, Received};
use super::library::Library;
use super::open::{self, Failure, Format, open_once};
use super::reading::{Ids, Rules};
use super::stream::{Announced, Keeper, Lent};
use super::sys::FrameOut;
use crate::buffer::{FrameMut, Keep};
use crate::error::{Error, ErrorKind};
use crate::fault::{CodeTable, Fault};
use crate::format::Geometry;
use crate::query;
use crate::source::{Diagnosis, Evidence, Fill, Grab, Source, SourceCounts, SourceInfo};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the source rests when the SDK answers at once that it has no buffer: asking again in a loop
/// would only burn the core.
const NO_BUFFER_PAUSE: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Running,
    /// The device is stopped; what the host has can still be grabbed.
    Draining,
}

/// A camera behind the MVS library. See the [module](super).
///
/// Dropped: stopped and closed, which may take seconds.
#[derive(Debug)]
pub struct Mvs {
    config: Config,
    library: Arc<Library>,
    camera: Camera,
    /// `None` between a loss and the next success of `reopen`.
    handle: Option<Handle>,
    fills: Vec<Fill>,
    fill: Fill,
    state: State,
    format: Format,
    largest: usize,
    rules: Rules,
    ids: Ids,
    settings: Settings,
    lent: Lent,
    announced: Announced,
    keeper: Arc<Keeper>,
    /// The same, as frames keep it.
    keep: Keep,
    /// The format with which the device was started.
    started: Format,
    silence: Silence,
    evidence: Evidence,
    /// The function that answered with the last fault.
    last_call: &'static str,
    /// Frames that devices before this one discarded.
    discarded_before: u64,
}

/// What the host received since the last frame, as far as the source was asked.
#[derive(Debug, Default)]
struct Silence {
    first: Option<Received>,
    last: Option<Received>,
    /// How often in a row bytes had come, and no frame.
    rises: u32,
}

impl Silence {
    /// One frame may be on its way when the source is asked, but not at two times.
    const RISES_OF_DRIFT: u32 = 2;

    /// Takes note of what was received by now. Whether frames come that the host does not complete.
    fn is_drift(&mut self, now: Option<Received>) -> bool {
        let Some(now) = now else { return false };
        let before = self.last.replace(now).unwrap_or(now);
        self.first.get_or_insert(now);
        let rises = now.bytes > before.bytes && now.frames == before.frames;
        self.rises = if rises { self.rises + 1 } else { 0 };
        self.rises >= Self::RISES_OF_DRIFT
    }
}

fn fault(code: Code) -> Fault {
    Fault::code(i64::from(code))
}

impl Mvs {
    /// Opens the camera that an `mvs:LIBRARY?name=value&...` URI names
    /// ([`PARAMETERS`](super::PARAMETERS)), and sets the features in it. Blocks while the SDK looks for cameras.
    pub fn from_uri(uri: &str) -> Result<Mvs, Error> {
        let config = Config::from_uri(uri)?;
        let library = Library::open(config.library.as_deref())?;
        let mut settings = Settings::default();
        let (mut handle, camera) = open::open(&library, &config, &mut settings)?;
        let unread = |code| {
            let what = format!("camera {camera} does not say what it sends ({})", named(code));
            Error::new(ErrorKind::Source, what)
        };
        let format = Format::read(&handle).map_err(unread)?;
        format.check()?;
        let fills = open::fills(&mut handle, &config, &format)?;
        let mut rules = format.rules(&Rules::new(library.version(), config.lost_packets));
        rules.ticks_a_second = open::ticks_a_second(&handle);
        tracing::info!("camera {camera} is open through MVS {}", library.version());
        let keeper = Arc::new(Keeper::default());
        Ok(Mvs {
            largest: format.largest(&handle, config.max_format),
            lent: Lent::new(config.nodes_for(Fill::Lend) as usize),
            fill: fills[0],
            config,
            library,
            camera,
            handle: Some(handle),
            fills,
            state: State::Idle,
            format,
            rules,
            ids: Ids::default(),
            settings,
            announced: Announced::default(),
            keep: keeper.clone(),
            keeper,
            started: format,
            silence: Silence::default(),
            evidence: Evidence::default(),
            last_call: "",
            discarded_before: 0,
        })
    }

    /// The camera.
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// The library that it is reached through.
    pub fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// Deliveries that were rejected: of buffers that were out already, or of memory that is not the line's.
    pub fn rejected_deliveries(&self) -> u64 {
        self.lent.rejected() + self.announced.rejected()
    }

    fn gone() -> Grab {
        Grab::Fault(fault(MV_E_DEV_OFFLINE))
    }

    /// What a callback has posted, as a fault. One load while nothing has.
    #[inline]
    fn posted(&mut self) -> Option<Fault> {
        let handle = self.handle.as_ref()?;
        if !handle.posted().take(IMAGE_BUFFER_OVERFLOW) {
            return None;
        }
        self.last_call = "MV_CC_RegisterStreamExceptionCallBack";
        let needed = open::payload(handle).map_or(0, |(payload, _)| payload as u64);
        Some(Fault { code: i64::from(IMAGE_BUFFER_OVERFLOW), detail: needed })
    }

    /// A grab that brought nothing.
    #[cold]
    fn nothing(&mut self, code: Code, needed: u64, timeout: Duration) -> Grab {
        match code {
            MV_E_NODATA => {
                // The grab itself never tells: the callback does.
                let lost = self.handle.as_ref().and_then(|h| h.posted().lost());
                if lost.is_some() {
                    self.last_call = "MV_CC_RegisterExceptionCallBack";
                }
                return Grab::Fault(fault(lost.unwrap_or(code)));
            }
            MV_E_NOENOUGH_BUF => {
                return Grab::Fault(Fault { code: i64::from(code), detail: needed });
            }
            MV_E_NOOUTBUF | MV_E_RESOURCE => std::thread::sleep(timeout.min(NO_BUFFER_PAUSE)),
            _ => {}
        }
        Grab::Fault(fault(code))
    }

    /// The frame's metadata, and that it came.
    #[inline]
    fn came(&mut self, info: &super::sys::FrameInfo, frame: &mut FrameMut) -> Grab {
        self.silence = Silence::default();
        let id = self.ids.id(info.frame_num);
        Grab::Filled { reported_bytes: self.rules.read(info, id, frame.meta_mut()) }
    }

    /// Gets a buffer that `accept` takes. Those that it rejects (delivered twice, or of nobody) are passed
    /// over until the time is up.
    fn next_buffer<R>(
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
            let handle = self.handle.as_mut().ok_or(Self::gone())?;
            match handle.get_buffer(left) {
                Ok(out) => {
                    if let Some(taken) = accept(self, &out) {
                        return Ok((out, taken));
                    }
                }
                Err(code) => return Err(self.nothing(code, 0, timeout)),
            }
            left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(Grab::Fault(fault(MV_E_NODATA)));
            }
        }
    }

    /// Asks the stopped camera what it will send; one that does not answer leaves what is known.
    fn refresh(&mut self) {
        let Some(handle) = self.handle.as_ref().filter(|h| h.posted().lost().is_none()) else {
            return;
        };
        if let Ok(format) = Format::read(handle) {
            self.format = format;
            self.largest = format.largest(handle, self.config.max_format);
            self.rules = format.rules(&self.rules);
        }
    }

    fn start_now(&mut self, fill: Fill) -> Result<(), Code> {
        self.last_call = "MV_CC_SetImageNodeNum";
        let handle = self.handle.as_mut().ok_or(MV_E_DEV_OFFLINE)?;
        if fill != Fill::Announce
            && let Err(code) = handle.set_node_count(self.config.nodes_for(fill))
            // Without it the SDK has its one node.
            && (self.config.nodes.is_some() || code == MV_E_CALLORDER)
        {
            return Err(code);
        }
        self.last_call = "MV_CC_StartGrabbing";
        handle.start()
    }
}

impl Source for Mvs {
    fn info(&self) -> SourceInfo {
        let c = &self.camera;
        let key = match (&self.config.key, c.serial.as_str()) {
            (Key::Index(n), "") => format!("index={n}"),
            (Key::User(u), "") => format!("user={}", query::encode(u)),
            (Key::Ip(ip), "") => format!("ip={ip}"),
            (_, serial) => format!("serial={}", query::encode(serial)),
        };
        let uri = format!("mvs:{}?{key}{}", self.library.path().display(), self.config.rest);
        SourceInfo { uri, model: format!("{} {} ({})", c.vendor, c.model, c.serial) }
    }

    fn fills(&self) -> &[Fill] {
        &self.fills
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

    fn queue_depth(&self, fill: Fill) -> usize {
        match fill {
            Fill::Copy => 0,
            Fill::Announce => self.config.nodes_for(fill) as usize,
            Fill::Lend => self.config.lent_at_most(),
        }
    }

    fn keep(&self) -> Option<Keep> {
        self.fills.contains(&Fill::Lend).then(|| self.keep.clone())
    }

    fn start(&mut self, fill: Fill) -> Result<(), Fault> {
        if !self.fills.contains(&fill) {
            return Err(fault(MV_E_SUPPORT));
        }
        if self.state == State::Idle {
            if self.lent.out() > 0 {
                // The SDK may make its buffers anew when it starts, under frames that somebody still reads.
                return Err(fault(MV_E_RESOURCE_IN_USE));
            }
            self.lent.close_idle();
            self.refresh();
            if let (Fill::Announce, Some(handle)) = (fill, self.handle.as_mut()) {
                let f = self.format;
                self.last_call = "MV_CC_RegisterBuffer";
                self.announced.register_all(handle, f.payload, f.alignment)?;
            }
        }
        self.start_now(fill).map_err(fault)?;
        (self.fill, self.state, self.started) = (fill, State::Running, self.format);
        self.silence = Silence::default();
        self.ids.started();
        Ok(())
    }

    fn stop_device(&mut self) -> Result<(), Fault> {
        if self.state != State::Running {
            return Ok(());
        }
        self.state = State::Draining;
        let Some(handle) = self.handle.as_mut().filter(|h| h.posted().lost().is_none()) else {
            return Ok(());
        };
        // The host's side goes on, so that what it has can be fetched. A camera that does not take the command
        // is stopped with the host's side.
        let _ = handle.command("AcquisitionStop");
        // What it will send next decides the size of slots, if this is a reset.
        self.refresh();
        Ok(())
    }

    fn stop_host(&mut self) -> Result<(), Fault> {
        if self.state == State::Idle {
            return Ok(());
        }
        self.state = State::Idle;
        self.last_call = "MV_CC_StopGrabbing";
        let handle = self.handle.as_mut().ok_or(fault(MV_E_DEV_OFFLINE))?;
        // A device that is gone answers with a fault, and is stopped all the same.
        handle.stop().map_err(fault)
    }

    /// # Real-time
    /// Capture-bound. No allocation; waits in the SDK.
    fn grab_into(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        self.last_call = "MV_CC_GetOneFrameTimeout";
        if let Some(fault) = self.posted() {
            return Grab::Fault(fault);
        }
        let Some(handle) = self.handle.as_mut() else { return Self::gone() };
        match handle.get_one_frame(frame.buffer_mut(), timeout) {
            (info, Ok(())) => self.came(&info, frame),
            (info, Err(code)) => self.nothing(code, self.rules.length(&info), timeout),
        }
    }

    /// # Real-time
    /// Capture-bound. No lock; allocates only for slots that were never queued before.
    fn queue(&mut self, frame: FrameMut) {
        let runs = self.state != State::Idle;
        self.announced.queue(frame, self.handle.as_mut().filter(|_| runs));
    }

    /// # Real-time
    /// Capture-bound. No allocation; waits in the SDK.
    fn grab_queued(&mut self, timeout: Duration) -> (Option<FrameMut>, Grab) {
        match self.next_buffer(timeout, |source, out| source.announced.deliver(out)) {
            Ok((out, mut frame)) => {
                let grab = self.came(&out.info, &mut frame);
                (Some(frame), grab)
            }
            Err(grab) => (None, grab),
        }
    }

    fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        self.announced.revoke(self.handle.as_mut(), back);
    }

    /// # Real-time
    /// Capture-bound. No allocation; waits in the SDK.
    fn grab_lent(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        if !frame.keeps(&self.keep) {
            return Grab::Fault(fault(MV_E_PARAMETER)); // Its memory could go away under it.
        }
        self.give_back(frame);
        let bytes = self.started.payload;
        let lent = self
            .next_buffer(timeout, |source, out| source.lent.lend(frame, out, bytes).then_some(()));
        match lent {
            Ok((out, ())) => self.came(&out.info, frame),
            Err(grab) => grab,
        }
    }

    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    fn give_back(&mut self, frame: &mut FrameMut) {
        if frame.token() != 0 {
            let runs = self.state != State::Idle;
            self.lent.give_back(frame, self.handle.as_mut().filter(|_| runs));
        }
    }

    fn is_locked_while_grabbing(&self, feature: &str) -> bool {
        is_locked(feature)
    }

    fn set_feature(&mut self, feature: &str, value: &str) -> Result<(), Error> {
        let Some(handle) = self.handle.as_mut() else {
            let what = format!("{feature} cannot be set: the camera is gone");
            return Err(Error::new(ErrorKind::Source, what));
        };
        if is_locked(feature) && self.state != State::Idle {
            let what = format!("{feature} is locked while grabbing; stop the camera first");
            return Err(Error::new(ErrorKind::State, what));
        }
        self.settings.set(handle, feature, value)?;
        if self.state == State::Idle {
            self.refresh();
        }
        Ok(())
    }

    fn software_trigger(&mut self) -> Result<(), Error> {
        let handle = self.handle.as_mut().ok_or_else(|| {
            Error::new(ErrorKind::Source, "the software trigger was not sent: the camera is gone")
        })?;
        handle.command("TriggerSoftware").map_err(|code| {
            let kind = if code == MV_E_CALLORDER { ErrorKind::State } else { ErrorKind::Source };
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
        self.evidence = Evidence::default();
        let Some(handle) = self.handle.as_mut() else { return Diagnosis::Lost };
        let posted = handle.posted().lost();
        let mut evidence = Evidence {
            connected: handle.is_connected(),
            exception: posted.map(i64::from),
            payload_at_start: Some(self.started.payload as u64),
            ..Evidence::default()
        };
        if posted.is_some() || evidence.connected == Some(false) {
            self.evidence = evidence;
            return Diagnosis::Lost;
        }
        // What it would send now, against what it was started with.
        let payload = open::payload(handle).map_or(self.started.payload, |(payload, _)| payload);
        evidence.payload_now = Some(payload as u64);
        let is_usb = self.camera.link == Link::Usb;
        if !is_usb {
            let unsigned = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
            evidence.packet_at_start = unsigned(self.started.packet_size);
            evidence.packet_now = unsigned(open::packet_size(handle));
        }
        evidence.triggered = handle.get_enum("TriggerMode").ok().map(|mode| mode.current != 0);
        let received = handle.received(is_usb);
        // Bytes that come while no frame does: frames of another size than the host expects.
        let drifts = self.silence.is_drift(received);
        if let (Some(first), Some(now)) = (self.silence.first, received) {
            evidence.bytes_received = u64::try_from(now.bytes - first.bytes).ok();
            evidence.frames_received = Some(u64::from(now.frames.wrapping_sub(first.frames)));
        }
        self.evidence = evidence;
        if drifts
            || evidence.payload_now != evidence.payload_at_start
            || evidence.packet_now != evidence.packet_at_start
        {
            return Diagnosis::FormatDrift { payload_bytes: payload as u64 };
        }
        if evidence.triggered == Some(true) {
            return Diagnosis::IdleTrigger;
        }
        Diagnosis::Unclear
    }

    fn evidence(&self) -> Evidence {
        self.evidence
    }

    fn last_call(&self) -> &'static str {
        self.last_call
    }

    fn reopen(&mut self) -> Result<(), Fault> {
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

    fn counts(&self) -> SourceCounts {
        let now = self.handle.as_ref().map_or(0, |h| h.posted().discarded());
        SourceCounts { underrun: self.discarded_before + now }
    }
}

impl Drop for Mvs {
    fn drop(&mut self) {
        let _ = self.stop_device();
        if self.state != State::Idle
            && let Some(handle) = self.handle.as_mut()
        {
            let _ = handle.stop();
        }
        self.announced.revoke(self.handle.as_mut(), &mut drop);
        if let Some(handle) = self.handle.take() {
            self.lent.give_up(handle);
        }
        self.lent.leave(&self.keeper);
    }
}

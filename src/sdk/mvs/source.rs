//! A camera behind the MVS library, as a [`Source`].

use super::board::IMAGE_BUFFER_OVERFLOW;
use super::codes::*;
use super::config::{Config, Key};
use super::diagnosis::Silence;
use super::features::Settings;
use super::find::Camera;
use super::handle::{Code, Handle};
use super::library::Library;
use super::open::{self, Format};
use super::reading::Rules;
use super::stream::{Announced, Keeper, Lent};
use crate::buffer::{FrameMut, Keep};
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

/// A camera behind the MVS library. See the [module](super).
///
/// Dropped: stopped and closed, which may take seconds.
#[derive(Debug)]
pub struct Mvs {
    pub(super) config: Config,
    pub(super) library: Arc<Library>,
    pub(super) camera: Camera,
    /// `None` between a loss and the next success of `reopen`.
    pub(super) handle: Option<Handle>,
    pub(super) fills: Vec<Fill>,
    pub(super) fill: Fill,
    pub(super) state: State,
    pub(super) format: Format,
    pub(super) largest: usize,
    pub(super) rules: Rules,
    pub(super) ids: Ids,
    pub(super) settings: Settings,
    pub(super) lent: Lent,
    pub(super) announced: Announced,
    pub(super) keeper: Arc<Keeper>,
    /// The same, as frames keep it.
    pub(super) keep: Keep,
    /// The format with which the device was started.
    pub(super) started: Format,
    pub(super) silence: Silence,
    pub(super) evidence: Evidence,
    /// Faults of calls that nobody waits for an answer of.
    pub(super) unanswered: Unanswered,
    /// The function that answered with the last fault.
    pub(super) last_call: &'static str,
    /// Frames that devices before this one discarded.
    pub(super) discarded_before: u64,
}

pub(super) fn fault(code: Code) -> Fault {
    Fault::code(i64::from(code))
}

impl Mvs {
    /// Opens the camera that an `mvs:LIBRARY?name=value&...` URI names
    /// ([`PARAMETERS`](super::PARAMETERS)), and sets the features in it. Blocks while the SDK looks for cameras.
    pub fn from_uri(uri: &str) -> Result<Mvs, Error> {
        let config = Config::from_uri(uri)?;
        let library = Library::open(config.library.as_deref())?;
        let mut settings = Settings::default();
        let (mut handle, camera, format) = open::open(&library, &config, &mut settings)?;
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
            unanswered: Unanswered::new(),
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

    /// Asks the stopped camera what it will send; one that does not answer leaves what is known.
    pub(super) fn refresh(&mut self) {
        let Some(handle) = self.handle.as_ref().filter(|h| h.posted().lost().is_none()) else {
            return;
        };
        if let Ok(format) = Format::read(handle) {
            self.format = format;
            self.largest = format.largest(handle, self.config.max_format);
            self.rules = format.rules(&self.rules);
        }
    }

    /// A fault that no call answered with, since none was made: the log tells what the line was doing.
    #[cold]
    pub(super) fn unasked(&mut self, code: Code) -> Fault {
        self.last_call = "";
        fault(code)
    }

    fn start_now(&mut self, fill: Fill) -> Result<(), Code> {
        let Some(handle) = self.handle.as_mut() else {
            self.last_call = "";
            return Err(MV_E_DEV_OFFLINE);
        };
        self.last_call = "MV_CC_SetImageNodeNum";
        if fill != Fill::Announce
            && let Err(code) = handle.set_node_count(self.config.nodes_for(fill))
        {
            if self.config.nodes.is_some() || code == MV_E_CALLORDER {
                return Err(code);
            }
            // Without it the SDK has its one node.
            if code != MV_E_SUPPORT {
                self.unanswered.note(self.last_call, code, 1);
            }
        }
        self.last_call = "MV_CC_StartGrabbing";
        handle.start()
    }

    /// Slots have come home that the running SDK does not know, and it has none left to fill: everything is registered and
    /// started anew. Without that no frame would come for ever.
    #[cold]
    fn start_anew(&mut self) -> Result<(), Fault> {
        let Some(handle) = self.handle.as_mut() else {
            return Err(self.unasked(MV_E_DEV_OFFLINE));
        };
        let stopped = handle.stop();
        // Those that somebody still reads, too: the SDK fills what is registered when it starts.
        let is_unregistered = self.announced.unregister(handle, &mut self.unanswered);
        let refused = match (stopped, is_unregistered) {
            (Ok(()), true) => None,
            (Err(code), _) => Some(("MV_CC_StopGrabbing", code)),
            (Ok(()), false) => Some(("MV_CC_UnRegisterBuffer", MV_E_DEV_OFFLINE)),
        };
        if let Some((call, code)) = refused {
            self.last_call = call;
            // Closed, it writes nothing more; the next grab tells of the loss.
            self.give_up();
            return Err(self.cause(code));
        }
        self.announced.forget();
        let f = self.started;
        let registered = self.announced.register_all(handle, f.payload, f.alignment);
        registered.map_err(|(call, fault)| {
            self.last_call = call;
            fault
        })?;
        self.start_now(Fill::Announce).map_err(|code| self.cause(code))?;
        self.silence = Silence::default();
        self.ids.started();
        Ok(())
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
        let path = query::encode(&self.library.path().to_string_lossy());
        let uri = format!("mvs:{path}?{key}{}", self.config.rest);
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

    fn how_to_lend(&self, buffers: usize) -> Option<String> {
        let nodes = self.config.nodes_to_lend(buffers)?;
        Some(format!("set the source's nodes to {nodes} (nodes={nodes})"))
    }

    fn keep(&self) -> Option<Keep> {
        self.fills.contains(&Fill::Lend).then(|| self.keep.clone())
    }

    fn start(&mut self, fill: Fill) -> Result<(), Fault> {
        if !self.fills.contains(&fill) {
            return Err(self.unasked(MV_E_SUPPORT));
        }
        if self.state == State::Idle {
            if self.lent.out() > 0 {
                // The SDK may make its buffers anew when it starts, under frames that somebody still reads.
                return Err(self.unasked(MV_E_RESOURCE_IN_USE));
            }
            self.lent.close_idle(&mut self.unanswered);
            self.refresh();
            if let (Fill::Announce, Some(handle)) = (fill, self.handle.as_mut()) {
                let f = self.format;
                let registered = self.announced.register_all(handle, f.payload, f.alignment);
                registered.map_err(|(call, fault)| {
                    self.last_call = call;
                    fault
                })?;
            }
        }
        if let Some(handle) = self.handle.as_ref()
            && handle.posted().take(IMAGE_BUFFER_OVERFLOW)
        {
            // Of the stream before, whose size is no longer that.
            let call = "MV_CC_RegisterStreamExceptionCallBack";
            self.unanswered.note(call, IMAGE_BUFFER_OVERFLOW, 1);
        }
        self.start_now(fill).map_err(|code| self.cause(code))?;
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
        let Some(handle) = self.handle.as_mut() else {
            return Err(self.unasked(MV_E_DEV_OFFLINE));
        };
        self.last_call = "MV_CC_StopGrabbing";
        let Err(code) = handle.stop() else { return Ok(()) };
        // A device that is gone answers so and is stopped all the same; of another one that is not known. Closed,
        // it writes nothing more; the next start finds it gone, and opens it anew.
        self.give_up();
        Err(fault(code))
    }

    /// # Real-time
    /// Capture-bound. No allocation; waits in the SDK.
    fn grab_into(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        self.last_call = "MV_CC_GetOneFrameTimeout";
        if let Some(fault) = self.posted() {
            return Grab::Fault(fault);
        }
        let Some(handle) = self.handle.as_mut() else { return self.gone() };
        match handle.get_one_frame(frame.buffer_mut(), timeout) {
            (info, Ok(())) => self.came(&info, frame),
            (info, Err(code)) => self.nothing(code, self.rules.length(&info)),
        }
    }

    /// # Real-time
    /// Capture-bound. No lock; allocates only for slots that were never queued before.
    fn queue(&mut self, frame: FrameMut) {
        let runs = self.state != State::Idle;
        let queued = self.announced.queue(frame, self.handle.as_mut().filter(|_| runs));
        if let Err((call, code)) = queued {
            self.unanswered.note(call, code, 1);
        }
    }

    /// # Real-time
    /// Capture-bound. No allocation; waits in the SDK.
    fn grab_queued(&mut self, timeout: Duration) -> (Option<FrameMut>, Grab) {
        if self.announced.is_starved()
            && self.state == State::Running
            && let Err(fault) = self.start_anew()
        {
            return (None, Grab::Fault(fault));
        }
        match self.next_buffer(timeout, |source, out| source.announced.deliver(out)) {
            Ok((out, mut frame)) => {
                let grab = self.came(&out.info, &mut frame);
                (Some(frame), grab)
            }
            Err(grab) => (None, grab),
        }
    }

    fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        if let Some(handle) = self.handle.as_mut()
            && !self.announced.unregister(handle, &mut self.unanswered)
        {
            self.give_up();
        }
        self.announced.revoke(back);
    }

    /// # Real-time
    /// Capture-bound. No allocation; waits in the SDK.
    fn grab_lent(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        if !frame.keeps(&self.keep) {
            return Grab::Fault(self.unasked(MV_E_PARAMETER)); // Its memory could go away under it.
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
            let given = self.lent.give_back(frame, self.handle.as_mut().filter(|_| runs));
            if let Err(code) = given {
                self.unanswered.note("MV_CC_FreeImageBuffer", code, 1);
            }
        }
    }

    fn is_locked_while_grabbing(&self, feature: &str) -> bool {
        is_locked(feature)
    }

    #[cfg(feature = "genapi")]
    fn features(&mut self) -> Result<Vec<crate::feature::Feature>, Error> {
        match &self.handle {
            Some(handle) => super::list::features(handle),
            None => Err(Error::new(
                ErrorKind::Source,
                "the features cannot be listed: the camera is gone",
            )),
        }
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
        self.ask_about_silence()
    }

    fn evidence(&self) -> Evidence {
        self.evidence
    }

    fn last_call(&self) -> &'static str {
        self.last_call
    }

    fn take_faults(&mut self, tell: &mut dyn FnMut(Fault, &'static str, u64)) {
        if let Some(mut handle) = self.handle.take() {
            self.hear(&mut handle);
            self.handle = Some(handle);
        }
        self.unanswered.take(tell);
    }

    fn reopen(&mut self) -> Result<(), Fault> {
        self.open_again()
    }

    fn counts(&self) -> SourceCounts {
        let now = self.handle.as_ref().map_or(0, |h| h.posted().discarded());
        SourceCounts { underrun: self.discarded_before + now }
    }
}

impl Drop for Mvs {
    fn drop(&mut self) {
        let _ = self.stop_device();
        let _ = self.stop_host();
        Source::revoke(self, &mut drop);
        self.give_up();
        self.lent.leave(&self.keeper, &mut self.unanswered);
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

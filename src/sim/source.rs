//! The simulated camera as a [`Source`].

use super::codes;
use super::config::{MAX_QUEUE, Rate, SimConfig, Trigger};
use super::content::Content;
use super::made::Damage;
use super::pacing::Pacer;
use super::pattern::phase;
use super::room::{NOWHERE, Room};
use super::rules::Rules;
use super::script::Action;
use super::sheets::{Sheet, Sheets};
use super::stream::{State, Stream};
use crate::buffer::{FrameMut, Keep};
use crate::clock::{Clock, ManualClock};
use crate::error::{Error, ErrorKind};
use crate::fault::{CodeTable, Fault};
use crate::format::Geometry;
use crate::source::{
    Diagnosis, Evidence, Fill, FrameIdRule, Grab, Source, SourceCounts, SourceInfo,
};
use std::time::Duration;

/// How long a source that waits pauses when every buffer is out: they come home on the caller's thread, so
/// waiting longer could not help.
const NO_BUFFER_PAUSE: Duration = Duration::from_millis(1);

/// The simulated camera. See the [module](super).
#[derive(Debug)]
pub struct Sim {
    pub(super) config: SimConfig,
    pub(super) sheets: Sheets,
    pub(super) room: Room,
    pub(super) stream: Stream,
    pub(super) pacer: Pacer,
    /// What triggers once TriggerMode is On.
    pub(super) trigger_source: Trigger,
}

impl Sim {
    /// A simulated camera. Checks the configuration and renders every picture that can come: blocks while
    /// it does, and allocates nothing later. Memory to lend is made here with `fill` = lend, else when it
    /// is first asked for.
    pub fn new(config: SimConfig) -> Result<Sim, Error> {
        Sim::make(config, Clock::host(), None)
    }

    /// A simulated camera from a `sim:` URI ([`PARAMETERS`](super::PARAMETERS)).
    pub fn from_uri(uri: &str) -> Result<Sim, Error> {
        Sim::new(SimConfig::from_uri(uri)?)
    }

    /// A simulated camera in simulated time, for tests: `clock` is the one that `hand` moves, and waiting
    /// for a frame moves it instead of sleeping.
    pub fn in_manual_time(
        config: SimConfig,
        clock: Clock,
        hand: ManualClock,
    ) -> Result<Sim, Error> {
        Sim::make(config, clock, Some(hand))
    }

    fn make(config: SimConfig, clock: Clock, hand: Option<ManualClock>) -> Result<Sim, Error> {
        config.check()?;
        let mut sheets = Sheets::new(&config)?;
        let mut refused = None;
        let rules = Rules::new(&config.script.rules, config.seed, |action| {
            let geometry = match *action {
                Action::Resize { width, height, format } => config.resized(width, height, format),
                Action::Drift { width, height } => config.resized(width, height, None),
                _ => return 0,
            };
            sheets.index_of(geometry).unwrap_or_else(|e| {
                refused.get_or_insert(e);
                0
            })
        });
        if let Some(e) = refused {
            return Err(e);
        }
        let room = Room::new(&config);
        if config.fill == Some(Fill::Lend) && room.keep().is_none() {
            return Err(Error::new(
                ErrorKind::Memory,
                format!(
                    "{} buffers of {} bytes to lend could not be made; lower queue or the sensor",
                    config.queue_for(Fill::Lend),
                    config.max_payload_bytes()
                ),
            ));
        }
        let stream = Stream::new(&config, rules);
        let pacer = Pacer::new(clock, hand, config.rate, config.drift_ppm);
        let trigger_source = match config.trigger {
            Trigger::Off => Trigger::Software,
            source => source,
        };
        Ok(Sim { config, sheets, room, stream, pacer, trigger_source })
    }

    /// The configuration as features have changed it.
    pub fn config(&self) -> &SimConfig {
        &self.config
    }

    /// Frames that the full queue of a camera lost, since it was made (copy).
    pub fn overflows(&self) -> u64 {
        self.stream.lost.overflow
    }

    /// Deliveries of announced buffers that were not queued; they were rejected.
    pub fn rejected_deliveries(&self) -> u64 {
        self.room.rejected()
    }

    fn catch_up(&mut self) {
        self.stream.catch_up(self.pacer.now(), &mut self.room, &self.sheets);
    }

    #[inline]
    fn wait(&mut self, timeout: Duration) -> Result<(), Grab> {
        self.stream.wait(timeout, &self.pacer, &mut self.room, &self.sheets)
    }

    /// Every buffer is out.
    fn no_buffer(&self, timeout: Duration) -> Grab {
        self.pacer.wait_until(self.pacer.now() + timeout.min(NO_BUFFER_PAUSE));
        Grab::Fault(Fault::code(codes::SIM_NO_BUFFER))
    }
}

fn too_small(sheet: &Sheet) -> Grab {
    Grab::Fault(Fault { code: codes::SIM_BUFFER_TOO_SMALL, detail: sheet.image_bytes as u64 })
}

impl Source for Sim {
    fn info(&self) -> SourceInfo {
        SourceInfo { uri: self.config.to_uri(), model: "frameline simulated camera".into() }
    }

    fn fills(&self) -> &[Fill] {
        match self.config.fill {
            None => &[Fill::Copy, Fill::Lend, Fill::Announce],
            Some(Fill::Copy) => &[Fill::Copy],
            Some(Fill::Lend) => &[Fill::Lend],
            Some(Fill::Announce) => &[Fill::Announce],
        }
    }

    fn can_wait(&self) -> bool {
        self.config.rate == Rate::Max && self.config.trigger == Trigger::Off
    }

    fn codes(&self) -> CodeTable {
        CodeTable::new(codes::TABLE)
    }

    fn geometry(&self) -> Geometry {
        self.sheets.get(self.stream.front_sheet()).geometry
    }

    fn payload_bytes(&self) -> usize {
        self.sheets.get(self.stream.front_sheet()).image_bytes
    }

    fn max_payload_bytes(&self) -> usize {
        usize::try_from(self.config.max_payload_bytes()).unwrap_or(usize::MAX)
    }

    fn frame_id_rule(&self) -> FrameIdRule {
        self.config.id_rule()
    }

    fn queue_depth(&self, fill: Fill) -> usize {
        match fill {
            Fill::Copy => 0,
            fill => self.config.queue_for(fill),
        }
    }

    fn how_to_lend(&self, buffers: usize) -> Option<String> {
        (buffers <= MAX_QUEUE)
            .then(|| format!("set the source's queue to {buffers} (queue={buffers})"))
    }

    fn keep(&self) -> Option<Keep> {
        if self.fills().contains(&Fill::Lend) { self.room.keep() } else { None }
    }

    fn start(&mut self, fill: Fill) -> Result<(), Fault> {
        if self.stream.state == State::Running {
            return Err(Fault::code(codes::SIM_CALL_ORDER));
        }
        if self.stream.is_gone() {
            return Err(Fault::code(codes::SIM_LOST));
        }
        if !self.fills().contains(&fill) {
            return Err(Fault::code(codes::SIM_WRONG_FILL));
        }
        if fill != self.room.fill() {
            for made in &mut self.stream.fifo {
                self.room.vacate(std::mem::replace(&mut made.place, NOWHERE));
            }
        }
        if !self.room.prepare(fill) {
            return Err(Fault::code(codes::SIM_NO_MEMORY));
        }
        let sheet = self.sheets.get(self.stream.drift().unwrap_or(self.stream.sheet));
        let pattern = sheet.content.as_ref().and_then(Content::pattern);
        if let (Fill::Lend, Some(pattern)) = (fill, pattern) {
            self.room.prefill(sheet.id, |serial, buffer| pattern.write(serial, buffer));
        }
        let (rate, trigger) = (self.config.rate, self.config.trigger);
        self.stream.start(rate, trigger, self.pacer.now(), &self.room);
        Ok(())
    }

    fn stop_device(&mut self) -> Result<(), Fault> {
        self.stream.stop_device(self.pacer.now(), &mut self.room, &self.sheets);
        Ok(())
    }

    fn stop_host(&mut self) -> Result<(), Fault> {
        self.stop_device()?;
        self.stream.state = State::Idle;
        Ok(())
    }

    /// # Real-time
    /// Capture-bound. No allocation, no lock; sleeps until a frame is due.
    fn grab_into(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        if let Err(other) = self.wait(timeout) {
            return other;
        }
        let made = self.stream.fifo[0];
        let sheet = self.sheets.get(made.sheet);
        if frame.capacity() < sheet.image_bytes {
            return too_small(sheet);
        }
        self.stream.fifo.pop_front();
        self.write(&made, sheet, frame, false)
    }

    /// # Real-time
    /// Capture-bound. No lock; allocates only when more buffers are queued than ever before.
    fn queue(&mut self, frame: FrameMut) {
        self.catch_up();
        self.room.queue(frame);
        self.stream.make_room(&self.room);
    }

    /// # Real-time
    /// Capture-bound. No allocation, no lock; sleeps until a frame is due.
    fn grab_queued(&mut self, timeout: Duration) -> (Option<FrameMut>, Grab) {
        if let Err(other) = self.wait(timeout) {
            return (None, other);
        }
        let mut made = self.stream.fifo[0];
        let sheet = self.sheets.get(made.sheet);
        if made.place == NOWHERE && !self.room.has_ready() {
            return (None, self.no_buffer(timeout));
        }
        let place = self.room.fitting(made.place, sheet.image_bytes);
        made.place = place.unwrap_or(NOWHERE);
        self.stream.fifo[0].place = made.place;
        let Some(place) = place else { return (None, too_small(sheet)) };
        let Some(mut frame) = self.room.deliver(place, made.double) else {
            self.stream.fifo[0].place = NOWHERE;
            return (None, self.no_buffer(timeout));
        };
        self.stream.fifo.pop_front();
        let grab = self.write(&made, sheet, &mut frame, false);
        (Some(frame), grab)
    }

    fn revoke(&mut self, back: &mut dyn FnMut(FrameMut)) {
        if self.room.fill() == Fill::Announce {
            self.stream.fifo.iter_mut().for_each(|made| made.place = NOWHERE);
        }
        self.room.revoke(back);
    }

    /// # Real-time
    /// Capture-bound. No allocation, no lock; sleeps until a frame is due.
    fn grab_lent(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        if let Err(other) = self.wait(timeout) {
            return other;
        }
        let made = self.stream.fifo[0];
        let sheet = self.sheets.get(made.sheet);
        let place = match made.place {
            NOWHERE => self.room.admit(0, made.serial, sheet.id),
            place => Some(place),
        };
        let Some(place) = place else { return self.no_buffer(timeout) };
        self.stream.fifo[0].place = place;
        let want = (sheet.id, phase(made.serial));
        let Some(kept) = self.room.lend(place, frame, want) else {
            return Grab::Fault(Fault::code(codes::SIM_WRONG_FILL));
        };
        self.stream.fifo.pop_front();
        if !kept {
            // Of the conveyor each frame is another picture: nothing of it can be kept.
            let repeats = !matches!(sheet.content, Some(Content::Conveyor(_)));
            let whole = repeats && !matches!(made.damage, Damage::Incomplete(_));
            self.room.set_holds(place, whole.then_some(want));
        }
        self.write(&made, sheet, frame, kept)
    }

    /// # Real-time
    /// Capture-bound. No allocation, no lock.
    fn give_back(&mut self, frame: &mut FrameMut) {
        if !self.can_wait() {
            self.catch_up();
        }
        self.room.give_back(frame);
    }

    fn is_locked_while_grabbing(&self, feature: &str) -> bool {
        super::features::is_locked(feature)
    }

    fn features(&mut self) -> Result<Vec<crate::feature::Feature>, Error> {
        Ok(super::features::list(&self.config, self.trigger_source, self.stream.state))
    }

    fn set_feature(&mut self, feature: &str, value: &str) -> Result<(), Error> {
        super::features::set(self, feature, value)
    }

    fn software_trigger(&mut self) -> Result<(), Error> {
        if self.config.trigger != Trigger::Software {
            return Err(Error::config(
                "the simulated camera takes no software trigger; set trigger=software, or TriggerMode to On and TriggerSource to Software",
            ));
        }
        if self.stream.state != State::Running {
            return Err(Error::new(
                ErrorKind::State,
                "a software trigger has no effect while the camera is stopped; start it first",
            ));
        }
        self.stream.trigger(self.pacer.now(), &mut self.room, &self.sheets);
        Ok(())
    }

    fn diagnose(&mut self) -> Diagnosis {
        self.catch_up();
        if self.stream.is_gone() {
            return Diagnosis::Lost;
        }
        match self.stream.drift() {
            Some(sheet) => {
                Diagnosis::FormatDrift { payload_bytes: self.sheets.get(sheet).image_bytes as u64 }
            }
            None if self.config.trigger != Trigger::Off => Diagnosis::IdleTrigger,
            None => Diagnosis::Unclear,
        }
    }

    fn evidence(&self) -> Evidence {
        let bytes = |sheet| Some(self.sheets.get(sheet).image_bytes as u64);
        Evidence {
            connected: Some(!self.stream.is_gone()),
            triggered: Some(self.config.trigger != Trigger::Off),
            payload_at_start: bytes(self.stream.sheet),
            payload_now: bytes(self.stream.drift().unwrap_or(self.stream.sheet)),
            ..Evidence::default()
        }
    }

    fn reopen(&mut self) -> Result<(), Fault> {
        self.stream.reopen(self.pacer.now(), &mut self.room, &self.sheets)
    }

    fn counts(&self) -> SourceCounts {
        SourceCounts { underrun: self.stream.lost.underrun }
    }
}

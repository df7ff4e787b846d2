//! A recording as a [`Source`].

use super::ahead::Ahead;
use super::codes::{
    self, REPLAY_BUFFER_TOO_SMALL, REPLAY_CALL_ORDER, REPLAY_CUT_OFF, REPLAY_NO_BUFFER,
    REPLAY_TIMEOUT, REPLAY_UNREADABLE,
};
use super::map::Maps;
use super::past::{Back, Past};
use super::uri::{Rate, ReplayConfig};
use crate::buffer::{FrameMut, Keep};
use crate::clock::{Clock, HostTime, Nanos};
use crate::error::{Error, ErrorKind};
use crate::fault::{CodeTable, Fault, FaultClass};
use crate::format::Geometry;
use crate::meta::Beside;
use crate::recording::format::{Entry, Header, checksum};
use crate::recording::{Recording, Segment};
use crate::source::{Diagnosis, Fill, FrameIdRule, Grab, Source, SourceCounts, SourceInfo};
use crate::touch;
use std::sync::Arc;
use std::time::Duration;

/// Pause of a grab that finds the next payload still in use: it comes home on the caller's thread.
const NO_BUFFER_PAUSE: Duration = Duration::from_millis(1);
/// Unreadable frames that one grab passes over.
const UNREADABLE_AT_ONCE: u64 = 1024;
/// Payloads that may be lent at once without the list of them growing: more than a pool has slots.
const LENT: usize = 4096;

/// A recording that is replayed. See the [module](super).
#[derive(Debug)]
pub struct Replay {
    config: ReplayConfig,
    recording: Arc<Recording>,
    maps: Arc<Maps>,
    keep: Keep,
    ahead: Ahead,
    past: Past,
    clock: Clock,
    running: bool,
    /// Ever.
    started: bool,
    /// The frame that comes next, and its entry once that was read.
    next: u64,
    entry: Option<Entry>,
    /// Unreadable frames before the first one, which nobody was told of yet.
    skipped: u64,
    /// The frame that came last.
    came: Option<Entry>,
    /// The device was found again as it was: until its next frame comes it gives those that it gave before.
    as_before: bool,
    /// The last frame of a round.
    last: u64,
    /// Rounds that are over.
    round: u64,
    /// When what was due: a moment of the replay, and the recorded host time that stands for it.
    anchor: Option<(HostTime, HostTime)>,
    /// Software triggers that no frame has used.
    triggers: u64,
    lent: Vec<u64>,
    underrun: u64,
    /// With several rounds, ids are given anew, so that they never go back: the next one.
    id: u64,
}

impl Replay {
    /// Opens a recording. Takes the same time for one of a million frames as for one of ten, if it was closed.
    pub fn new(config: ReplayConfig) -> Result<Replay, Error> {
        let recording = Arc::new(Recording::open(&config.path)?);
        let path = config.path.display();
        let frames = recording.frames();
        if frames == 0 {
            return Err(Error::new(
                ErrorKind::Source,
                format!("{path} holds no frame; there is nothing to replay"),
            ));
        }
        let last = config.to.unwrap_or(frames - 1);
        if config.from >= frames || last >= frames {
            let wrong = if config.from >= frames { config.from } else { last };
            return Err(Error::config(format!(
                "{path} has {frames} frames, 0 to {}; there is no frame {wrong}",
                frames - 1
            )));
        }
        let maps = Maps::new(recording.segments())?;
        let events = if config.faults { recording.events()? } else { Vec::new() };
        let mut past = Past::new(events);
        past.seek(config.from);
        let ahead = Ahead::start(maps.clone(), recording.clone(), config.from, last);
        let mut replay = Replay {
            keep: maps.keep(),
            next: config.from,
            config,
            recording,
            maps,
            ahead,
            past,
            clock: Clock::host(),
            running: false,
            started: false,
            entry: None,
            skipped: 0,
            came: None,
            as_before: false,
            last,
            round: 0,
            anchor: None,
            triggers: 0,
            lent: touch::vec(LENT),
            underrun: 0,
            id: 1,
        };
        // What frames will come is asked before the first one does.
        match replay.readable() {
            Ok(entry) => replay.entry = Some(entry),
            Err(skipped) => {
                replay.skipped = skipped;
                replay.entry = replay.recording.entry(replay.next).ok();
            }
        }
        Ok(replay)
    }

    /// Opens what a `replay:` URI names ([`PARAMETERS`](super::PARAMETERS)).
    pub fn from_uri(uri: &str) -> Result<Replay, Error> {
        Replay::new(ReplayConfig::from_uri(uri)?)
    }

    /// The recording.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Its header.
    pub fn header(&self) -> &Header {
        self.recording.header()
    }

    fn place(&self, n: u64) -> Option<(usize, u64)> {
        let (file, local) = self.recording.locate(n)?;
        Some((file, self.recording.segments()[file].payload_offset(local)))
    }

    /// The entry of the frame that comes next; unreadable ones are passed over, and how many is the error.
    fn readable(&mut self) -> Result<Entry, u64> {
        let mut bad = 0;
        while bad < UNREADABLE_AT_ONCE && self.next <= self.last {
            match self.recording.entry(self.next) {
                Ok(entry) if bad == 0 => return Ok(entry),
                Ok(_) => break,
                Err(_) => {
                    bad += 1;
                    self.next += 1;
                }
            }
        }
        Err(bad)
    }

    /// The frame that is due within `timeout`, or what the grab answers instead.
    fn due(&mut self, timeout: Duration) -> Result<Entry, Grab> {
        let fault = |code| Err(Grab::Fault(Fault::code(code)));
        if !self.running {
            if self.is_over() {
                return Err(Grab::End);
            }
            return fault(if self.started { REPLAY_TIMEOUT } else { REPLAY_CALL_ORDER });
        }
        if self.next > self.last {
            // What happened after the last frame, too.
            if self.next == self.recording.frames()
                && let Some(fault) = self.past.next_fault(self.next)
            {
                return Err(Grab::Fault(fault));
            }
            if !self.begin_round() {
                return Err(Grab::End);
            }
        }
        if self.skipped > 0 {
            let detail = std::mem::take(&mut self.skipped);
            return Err(Grab::Fault(Fault { code: REPLAY_UNREADABLE, detail }));
        }
        self.answer_past(timeout)?;
        let entry = match self.entry {
            Some(entry) => entry,
            None => match self.readable() {
                Ok(entry) => *self.entry.insert(entry),
                Err(0) => return fault(REPLAY_TIMEOUT),
                Err(bad) => {
                    return Err(Grab::Fault(Fault { code: REPLAY_UNREADABLE, detail: bad }));
                }
            },
        };
        let file = self.recording.locate(self.next).map_or(0, |(file, _)| file);
        if self.maps.is_torn(file) || self.ahead.is_unreadable(self.next) {
            return fault(REPLAY_CUT_OFF);
        }
        if self.config.step && self.triggers == 0 {
            std::thread::sleep(timeout.min(NO_BUFFER_PAUSE));
            return fault(REPLAY_TIMEOUT);
        }
        self.wait_for(entry.meta.host_time, timeout)?;
        Ok(entry)
    }

    /// What happened before the frame that comes next, at the pace at which it happened.
    fn answer_past(&mut self, timeout: Duration) -> Result<(), Grab> {
        let n = self.next;
        let Some((event, told)) = self.past.peek(n) else { return Ok(()) };
        let is_timeout = event.class == Some(FaultClass::Timeout);
        // A time-out that was told several times has the time of the first; the others come as our own would.
        let at = match self.entry {
            Some(entry) if told > 0 && is_timeout => entry.meta.host_time,
            _ => event.host_time,
        };
        match self.wait_for(at, timeout) {
            // The time-out of that night, and not one more.
            Err(_) if is_timeout => {}
            waited => waited?,
        }
        match self.past.next_fault(n) {
            Some(fault) => Err(Grab::Fault(fault)),
            None => Ok(()),
        }
    }

    /// Whether the last round is through.
    fn is_over(&self) -> bool {
        let loops = self.config.loops;
        self.next > self.last && loops != 0 && self.round + 1 >= loops
    }

    /// Another round, if there is one.
    fn begin_round(&mut self) -> bool {
        if self.is_over() {
            return false;
        }
        self.round += 1;
        self.next = self.config.from;
        self.entry = None;
        self.anchor = None;
        self.past.seek(self.next);
        self.ahead.set_next(self.next);
        true
    }

    /// Waits until the frame that was recorded at `recorded` is due.
    fn wait_for(&mut self, recorded: HostTime, timeout: Duration) -> Result<(), Grab> {
        let Rate::Times(times) = self.config.rate else { return Ok(()) };
        let now = self.clock.now();
        let (since, at) = *self.anchor.get_or_insert((now, recorded));
        let due = since + Duration::from_nanos(((recorded - at).0 as f64 / times) as u64);
        let left = due - now;
        if left == Nanos(0) {
            return Ok(());
        }
        std::thread::sleep(left.as_duration().min(timeout));
        match left.as_duration() <= timeout {
            true => Ok(()),
            false => Err(Grab::Fault(Fault::code(REPLAY_TIMEOUT))),
        }
    }

    /// The frame went to the line.
    fn delivered(&mut self, entry: &Entry, frame: &mut FrameMut) -> Grab {
        let lost = entry.meta.lost_before;
        let meta = frame.meta_mut();
        *meta = entry.meta;
        let beside = Beside { recorded_host_time: entry.meta.host_time, ..entry.beside };
        if self.config.loops != 1 {
            let missing = lost.total().saturating_add(entry.lost_by_hops);
            let missing = u64::from(missing.saturating_add(entry.not_written));
            meta.frame_id = self.id + missing;
            self.id = meta.frame_id + 1;
        }
        *frame.beside_mut() = beside;
        self.underrun += u64::from(lost.underrun);
        self.triggers = self.triggers.saturating_sub(1);
        (self.came, self.as_before) = (Some(*entry), false);
        self.next += 1;
        self.entry =
            if self.next <= self.last { self.recording.entry(self.next).ok() } else { None };
        self.ahead.set_next(self.next.min(self.last));
        Grab::Filled { reported_bytes: entry.payload_bytes }
    }

    /// What frames are said to be like before the next one comes.
    fn foretold(&self) -> Option<Entry> {
        if self.as_before { self.came } else { self.entry }
    }

    /// Passes the frame over whose payload is not what was recorded.
    fn damaged(&mut self) -> Grab {
        self.next += 1;
        self.entry = None;
        Grab::Fault(Fault { code: REPLAY_UNREADABLE, detail: 1 })
    }

    /// What the last frames in flight may have read is told when the line stops.
    fn stopped(&mut self) -> Result<(), Fault> {
        self.running = false;
        if self.maps.was_torn() { Err(Fault::code(REPLAY_CUT_OFF)) } else { Ok(()) }
    }
}

impl Source for Replay {
    fn info(&self) -> SourceInfo {
        let texts = &self.header().texts;
        let of = if texts.model.is_empty() { &texts.source } else { &texts.model };
        SourceInfo { uri: self.config.to_uri(), model: format!("recording of {of}") }
    }

    fn fills(&self) -> &[Fill] {
        &[Fill::Lend, Fill::Copy]
    }

    fn can_wait(&self) -> bool {
        true
    }

    fn codes(&self) -> CodeTable {
        codes::table(&self.header().texts.codes)
    }

    fn geometry(&self) -> Geometry {
        self.foretold().map_or(self.header().geometry, |e| e.meta.geometry())
    }

    fn payload_bytes(&self) -> usize {
        let bytes = self.foretold().map(|e| e.payload_bytes);
        let bytes = bytes.unwrap_or(self.header().geometry.image_bytes());
        usize::try_from(bytes.max(1)).unwrap_or(usize::MAX)
    }

    fn max_payload_bytes(&self) -> usize {
        let capacity = |s: &Segment| s.header().layout.payload_capacity;
        let largest = self.recording.segments().iter().map(capacity).max().unwrap_or(1);
        usize::try_from(largest.max(self.header().max_payload_bytes)).unwrap_or(usize::MAX)
    }

    fn frame_id_rule(&self) -> FrameIdRule {
        if self.config.loops == 1 { self.header().id_rule } else { FrameIdRule::default() }
    }

    fn keep(&self) -> Option<Keep> {
        Some(self.keep.clone())
    }

    fn start(&mut self, _: Fill) -> Result<(), Fault> {
        if self.running {
            return Err(Fault::code(REPLAY_CALL_ORDER));
        }
        (self.running, self.started) = (true, true);
        // The pace begins with the next frame: a pause of the line is none of the recording.
        self.anchor = None;
        Ok(())
    }

    fn stop_device(&mut self) -> Result<(), Fault> {
        self.stopped()
    }

    fn stop_host(&mut self) -> Result<(), Fault> {
        self.stopped()
    }

    /// # Real-time
    /// Capture-bound. No allocation, no lock; sleeps until a frame is due, and reads its entry.
    fn grab_into(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        let entry = match self.due(timeout) {
            Ok(entry) => entry,
            Err(grab) => return grab,
        };
        if (frame.capacity() as u64) < entry.payload_bytes {
            let detail = entry.payload_bytes;
            return Grab::Fault(Fault { code: REPLAY_BUFFER_TOO_SMALL, detail });
        }
        let Some((file, offset)) = self.place(self.next) else { return self.damaged() };
        let room = &mut frame.buffer_mut()[..entry.payload_bytes as usize];
        // What could not be read while it was copied is zeros now.
        if !self.maps.copy(file, offset, room) || self.maps.has_zeros(file) {
            return Grab::Fault(Fault::code(REPLAY_CUT_OFF));
        }
        if self.config.check && checksum(room) != entry.payload_crc {
            return self.damaged();
        }
        if self.config.loops == 1 {
            self.ahead.let_go(self.next);
        }
        self.delivered(&entry, frame)
    }

    /// # Real-time
    /// Capture-bound. No allocation, no lock; sleeps until a frame is due, and reads its entry.
    fn grab_lent(&mut self, frame: &mut FrameMut, timeout: Duration) -> Grab {
        let entry = match self.due(timeout) {
            Ok(entry) => entry,
            Err(grab) => return grab,
        };
        let n = self.next;
        if self.lent.contains(&n) {
            std::thread::sleep(timeout.min(NO_BUFFER_PAUSE));
            return Grab::Fault(Fault::code(REPLAY_NO_BUFFER));
        }
        let Some((file, offset)) = self.place(n) else { return self.damaged() };
        // A slot may still point at what it carried last.
        self.give_back(frame);
        if !self.maps.lend(&self.keep, file, offset, entry.payload_bytes, n + 1, frame) {
            return Grab::Fault(Fault::code(REPLAY_CALL_ORDER));
        }
        frame.set_filled(entry.payload_bytes as usize);
        self.lent.push(n);
        if self.config.check && checksum(frame.payload()) != entry.payload_crc {
            self.give_back(frame);
            return self.damaged();
        }
        self.delivered(&entry, frame)
    }

    /// # Real-time
    /// Capture-bound. No allocation, no lock; a system call only if somebody wrote to the frame.
    fn give_back(&mut self, frame: &mut FrameMut) {
        let Some(n) = frame.token().checked_sub(1) else { return };
        let Some(i) = self.lent.iter().position(|l| *l == n) else { return };
        let written = frame.was_written();
        Maps::take_back(frame);
        self.lent.swap_remove(i);
        if self.config.loops == 1 {
            self.ahead.let_go(n);
        } else if written
            && let (Some((file, offset)), Ok(entry)) = (self.place(n), self.recording.entry(n))
        {
            // The next round finds what was recorded.
            self.maps.restore(file, offset, entry.payload_bytes);
        }
    }

    fn software_trigger(&mut self) -> Result<(), Error> {
        if !self.config.step {
            return Err(Error::config(
                "this replay takes no software trigger; open it with step=on",
            ));
        }
        self.triggers += 1;
        Ok(())
    }

    fn diagnose(&mut self) -> Diagnosis {
        self.past.diagnose(self.next, self.payload_bytes() as u64)
    }

    fn is_asked_for(&self, fault: Fault) -> bool {
        fault.code == REPLAY_TIMEOUT
    }

    fn reopen(&mut self) -> Result<(), Fault> {
        self.running = false;
        self.as_before = self.past.reopen(self.next)? == Back::AsBefore;
        Ok(())
    }

    fn counts(&self) -> SourceCounts {
        SourceCounts { underrun: self.underrun }
    }
}

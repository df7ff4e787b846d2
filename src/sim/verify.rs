//! The stage that checks frames of the simulated camera to the byte, with a pattern of its own.

use super::content::Content;
use super::conveyor::Look;
use super::pattern::{MAX_PATTERN_BYTES, PatternFault, PatternFaultKind};
use crate::buffer::Frame;
use crate::error::Error;
use crate::format::Geometry;
use crate::meta::FrameStatus;
use crate::stage::{Figure, Flow, Stage, StageContext, StageError, StageResults};
use crate::telemetry::{Counter, Gauge};
use std::sync::Arc;

/// What [`Verify`] is to expect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VerifyConfig {
    /// The camera's seed.
    pub seed: u64,
    /// What the camera's frames show.
    pub look: Look,
    /// Only the bytes of every n-th frame are checked (its order always is, as far as its stamp can be read); at
    /// least 1. Frames of the conveyor are drawn again to be compared, which takes some milliseconds each.
    pub every: u64,
    /// Whether a bad frame fails the stage (and so counts as invalid), or is only counted.
    pub fail_on_bad: bool,
    /// Whether frames carry stamps; `false` for a camera with `stamp=off`: then none is checked.
    pub stamped: bool,
    /// Workers of the stage. With several, each sees only some serials: they must still increase, but gaps
    /// are not counted.
    pub workers: usize,
    /// Whether the frames come again from the beginning, as those of a replay with `loop` do: then a serial that falls
    /// back begins a new round if the frame's id did not fall back, too.
    pub rounds: bool,
}

impl Default for VerifyConfig {
    fn default() -> Self {
        VerifyConfig {
            seed: 0,
            look: Look::default(),
            every: 1,
            fail_on_bad: false,
            stamped: true,
            workers: 1,
            rounds: false,
        }
    }
}

/// Checks every byte and the order of frames. A frame of a geometry that it has not seen yet makes it
/// render that pattern, which allocates; [`prepare`](Verify::prepare) does so beforehand.
#[derive(Debug)]
pub struct Verify {
    config: VerifyConfig,
    /// The one in use first.
    contents: Vec<Content>,
    last: Option<u64>,
    /// The id of that frame.
    last_id: u64,
    /// Frames since then that were too incomplete, or too large, to say their serial.
    nameless: u64,
    /// Missing at frames that had been overtaken, and not yet told of; below zero: told of by them, and
    /// missing before the next one in order.
    deferred: i64,
    counts: Arc<VerifyCounts>,
}

/// Written by the stage's thread alone.
#[derive(Debug, Default)]
struct VerifyCounts {
    frames: Counter,
    bytes: Counter,
    torn: Counter,
    truncated: Counter,
    /// Of one, unless frames come again.
    rounds: Counter,
    misordered: Counter,
    overtaken: Counter,
    duplicated: Counter,
    unexplained_gaps: Counter,
    unexplained_frames: Counter,
    incomplete: Counter,
    incomplete_torn: Counter,
    unstamped: Counter,
    unchecked: Counter,
    bytes_unchecked: Counter,
    /// One more than the offset, so that 0 is none.
    first_bad_offset: Gauge,
    first_bad_frame: Gauge,
}

impl VerifyCounts {
    /// Counts a frame whose bytes are wrong, and says how they are.
    #[cold]
    fn note_bad(
        &self,
        frame: &Frame,
        fault: PatternFault,
        incomplete: bool,
        stamped: bool,
    ) -> StageError {
        if self.first_bad_offset.get() == 0 {
            self.first_bad_frame.set(frame.id());
            self.first_bad_offset.set(fault.offset as u64 + 1);
        }
        let (counter, what) = match fault.kind {
            _ if incomplete => (&self.incomplete_torn, TORN),
            PatternFaultKind::Length => (&self.truncated, TRUNCATED),
            _ if stamped => (&self.torn, TORN),
            _ => (&self.unstamped, UNSTAMPED),
        };
        counter.bump();
        what
    }
}

impl StageResults for VerifyCounts {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        let count = |c: &Counter| Figure::Count(c.get());
        let first = match self.first_bad_offset.get().checked_sub(1) {
            Some(offset) => format!("{offset} of frame id {}", self.first_bad_frame.get()),
            None => String::new(),
        };
        vec![
            ("frames", count(&self.frames)),
            ("bytes", count(&self.bytes)),
            ("torn", count(&self.torn)),
            ("truncated", count(&self.truncated)),
            ("rounds", count(&self.rounds)),
            ("misordered", count(&self.misordered)),
            ("overtaken", count(&self.overtaken)),
            ("duplicated", count(&self.duplicated)),
            ("unexplained_gaps", count(&self.unexplained_gaps)),
            ("unexplained_frames", count(&self.unexplained_frames)),
            ("incomplete", count(&self.incomplete)),
            ("incomplete_torn", count(&self.incomplete_torn)),
            ("unstamped", count(&self.unstamped)),
            ("unchecked", count(&self.unchecked)),
            ("bytes_unchecked", count(&self.bytes_unchecked)),
            ("first_bad_offset", Figure::Text(first)),
        ]
    }
}

/// The frame's bytes are wrong.
const TORN: StageError = StageError::new(1, "the payload is torn or stale");
/// Frames came in a wrong order.
const MISORDERED: StageError = StageError::new(2, "the serial did not increase");
/// Frames are missing and nothing says so.
const UNEXPLAINED: StageError = StageError::new(3, "frames are missing without a reason");
/// No stamp at all.
const UNSTAMPED: StageError = StageError::new(4, "the payload carries no stamp");
/// A complete frame of another length.
const TRUNCATED: StageError = StageError::new(5, "the payload is shorter than the image");

impl Verify {
    /// A checking stage; one for each worker.
    pub fn new(config: VerifyConfig) -> Verify {
        Verify {
            config,
            contents: Vec::new(),
            last: None,
            last_id: 0,
            nameless: 0,
            deferred: 0,
            counts: Arc::default(),
        }
    }

    /// Renders the pattern of a geometry ahead, so that the first frame costs no more than the others.
    pub fn prepare(&mut self, geometry: &Geometry) -> Result<(), Error> {
        if self.contents.first().is_some_and(|p| p.geometry() == geometry) {
            return Ok(());
        }
        match self.contents.iter().position(|p| p.geometry() == geometry) {
            Some(at) => self.contents.swap(0, at),
            None => {
                let content = Content::new(geometry, &self.config.look, self.config.seed)?;
                let kept: usize = self.contents.iter().map(Content::memory_bytes).sum();
                if kept + content.memory_bytes() > MAX_PATTERN_BYTES {
                    self.contents.clear();
                }
                self.contents.insert(0, content);
            }
        }
        Ok(())
    }

    /// Checks one frame; counts what it finds.
    fn check(&mut self, frame: &Frame, cx: &StageContext<'_>) -> Result<(), StageError> {
        let image = frame.image();
        let incomplete = frame.meta().status == FrameStatus::Incomplete;
        self.counts.frames.bump();
        self.counts.bytes.add(image.len() as u64);
        self.counts.incomplete.add(u64::from(incomplete));
        if !self.config.stamped {
            self.counts.unstamped.bump();
            return Ok(());
        }
        if self.prepare(&frame.meta().geometry()).is_err() {
            self.counts.unchecked.bump();
            self.nameless += 1;
            return Ok(());
        }
        let Some(content) = self.contents.first() else { return Ok(()) };
        let seen = self.counts.frames.get() - 1;
        let found = if incomplete || seen.is_multiple_of(self.config.every.max(1)) {
            content.check(image, incomplete)
        } else {
            self.counts.bytes_unchecked.add(image.len() as u64);
            Ok(content.serial(image))
        };
        match found {
            Ok(Some(serial)) => self.check_order(serial, frame, cx),
            Ok(None) => {
                self.nameless += u64::from(incomplete);
                self.counts.unstamped.add(u64::from(!incomplete));
                Ok(())
            }
            Err(fault) => {
                let stamped = content.is_stamped(image);
                Err(self.counts.note_bad(frame, fault, incomplete, stamped))
            }
        }
    }

    fn check_order(
        &mut self,
        serial: u64,
        frame: &Frame,
        cx: &StageContext<'_>,
    ) -> Result<(), StageError> {
        let counts = &self.counts;
        let last_id = self.last_id;
        let begins = |last| {
            let rounds = self.config.rounds && !frame.meta().out_of_order;
            rounds && serial <= last && frame.id() > last_id
        };
        let Some(last) = self.last.filter(|last| !begins(*last)) else {
            counts.rounds.bump();
            (self.last, self.last_id) = (Some(serial), frame.id());
            (self.nameless, self.deferred) = (0, 0);
            return Ok(());
        };
        if serial == last {
            counts.duplicated.bump();
            return Err(MISORDERED);
        }
        if serial < last {
            // A frame that says it was overtaken is late, not wrong.
            if frame.meta().out_of_order {
                counts.overtaken.bump();
                self.deferred -= told(frame, cx) as i64;
                return Ok(());
            }
            counts.misordered.bump();
            return Err(MISORDERED);
        }
        (self.last, self.last_id) = (Some(serial), frame.id());
        let nameless = std::mem::take(&mut self.nameless);
        if self.config.workers > 1 {
            return Ok(());
        }
        let gap = (serial - last - 1) as i64 + std::mem::take(&mut self.deferred);
        let missing = gap - (told(frame, cx) + nameless) as i64;
        if frame.meta().out_of_order {
            self.deferred = missing;
            return Ok(());
        }
        if missing > 0 {
            counts.unexplained_gaps.bump();
            counts.unexplained_frames.add(missing as u64);
            return Err(UNEXPLAINED);
        }
        Ok(())
    }
}

/// Frames that this one says are missing. Either it carries what was lost on the way here, or the hop has
/// summed it up with what the frames it refused carried.
fn told(frame: &Frame, cx: &StageContext<'_>) -> u64 {
    let (before, loss) = (frame.meta().lost_before, cx.loss_before());
    let carried = u64::from(before.total()) + u64::from(loss.hop);
    carried.max(u64::from(loss.total()))
}

impl Stage for Verify {
    /// # Real-time
    /// Stage-bound. No allocation, no lock while the geometry stays; the speed of comparing memory.
    fn process(
        &mut self,
        frame: &mut Frame,
        cx: &mut StageContext<'_>,
    ) -> Result<Flow, StageError> {
        match self.check(frame, cx) {
            Err(bad) if self.config.fail_on_bad => Err(bad),
            _ => Ok(Flow::Pass),
        }
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.counts.clone())
    }
}

//! What a processing step is to a line: the contract that every stage fulfils.
//!
//! A stage:
//! 1. runs on one thread (*stage-bound*), one instance a worker;
//! 2. looks at a frame through `&mut Frame` and says what becomes of it ([`Flow`]); it keeps a frame
//!    beyond its turn only by [`Frame::to_shared`], and then it is named as the holder;
//! 3. in steady state does not allocate, lock, log or wait;
//! 4. may fail or panic: that costs the frame, is counted and reported, and the stage goes on.

use crate::buffer::{Frame, FrameMut, Pool};
use crate::clock::HostTime;
use crate::error::Error;
use crate::format::Geometry;
use crate::meta::Loss;
use std::sync::Arc;

/// What becomes of a frame after a stage.
#[derive(Debug)]
pub enum Flow {
    /// It goes on to whatever follows.
    Pass,
    /// It ends here, as it should: it counts as delivered.
    Done,
    /// This one goes on in its place (an image that the stage made, from its own pool).
    Replace(Frame),
}

/// Why a stage gave a frame up. Small and `Copy`: nothing is formatted on a hot thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageError {
    /// A number that tells this failure from others of the stage.
    pub code: i64,
    /// What failed, in a few fixed words.
    pub what: &'static str,
}

impl StageError {
    /// A failure.
    pub const fn new(code: i64, what: &'static str) -> Self {
        StageError { code, what }
    }
}

/// Frames that this consumer did not get before the present one, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LossBefore {
    /// Lost in the device or on the way.
    pub device: u32,
    /// No free slot when they came.
    pub underrun: u32,
    /// Came, and were dropped by the checks, or by policy because they were damaged.
    pub rejected: u32,
    /// Not passed on by a hop on the way to this consumer (refused, replaced or skipped by its policy), or
    /// given up by a stage before it.
    pub hop: u32,
}

impl LossBefore {
    /// All of them.
    pub fn total(self) -> u32 {
        let up = self.device.saturating_add(self.underrun).saturating_add(self.rejected);
        up.saturating_add(self.hop)
    }
}

/// [`LossBefore`] in two words, as it travels through a stage thread. Four counts that are written one by one and copied
/// at once wait until the store buffer is empty.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LossWords(u64, u64);

impl LossWords {
    /// What was missing before a frame when it was accepted, and what has been since.
    #[inline(always)]
    pub fn new(before: Loss, hop: u32) -> LossWords {
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        LossWords(pair(before.device, before.underrun), pair(before.rejected, hop))
    }

    /// The part that hops and stages lost.
    #[inline(always)]
    pub fn hop(self) -> u32 {
        (self.1 >> 32) as u32
    }

    /// The counts.
    pub fn open(self) -> LossBefore {
        LossBefore {
            device: self.0 as u32,
            underrun: (self.0 >> 32) as u32,
            rejected: self.1 as u32,
            hop: self.hop(),
        }
    }
}

/// What a stage may know and use in its turn.
#[derive(Debug)]
pub struct StageContext<'a> {
    pub(crate) now: HostTime,
    pub(crate) loss: LossWords,
    pub(crate) worker: usize,
    pub(crate) output: Option<&'a mut Pool>,
}

impl<'a> StageContext<'a> {
    /// A context for running a stage by hand, in tests and benchmarks.
    pub fn new(now: HostTime, output: Option<&'a mut Pool>) -> Self {
        StageContext { now, loss: LossWords::default(), worker: 0, output }
    }

    /// When this turn began.
    pub fn now(&self) -> HostTime {
        self.now
    }

    /// What this consumer did not get before this frame.
    pub fn loss_before(&self) -> LossBefore {
        self.loss.open()
    }

    /// Which of the stage's workers this is, from 0.
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// A free buffer of the stage's own output pool; `None` if all are out (those that follow are too
    /// slow) or the stage declared no output.
    ///
    /// # Real-time
    /// Stage-bound. No allocation, no lock.
    pub fn output_frame(&mut self) -> Option<FrameMut> {
        self.output.as_mut()?.take()
    }
}

/// Why a stage is asked to finish what it has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// A quiescent reset: let go of every frame; more will come, perhaps larger.
    Reset {
        /// The epoch that begins after it.
        epoch: u64,
    },
    /// The end of the run.
    End,
}

/// A stage's own output images: they live in a pool of the stage, made and reset with the line's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputSpec {
    /// Bytes of the largest image it hands on: what it makes, and what it passes on instead.
    pub payload_bytes: usize,
    /// How many of them at once.
    pub slots: usize,
}

/// A processing step. See the module's list.
pub trait Stage: Send {
    /// Looks at one frame and says what becomes of it.
    fn process(&mut self, frame: &mut Frame, cx: &mut StageContext<'_>)
    -> Result<Flow, StageError>;

    /// Before the line starts: makes ready for images of `input`, and says what they are when they leave it. An error
    /// is why it cannot work on them and what to do about it, to follow the words "cannot work on these images:"; the
    /// line then does not start. Images that change later meet [`process`](Stage::process) unprepared. Not on the hot
    /// path: may allocate.
    fn prepare(&mut self, input: &Geometry) -> Result<Geometry, Error> {
        Ok(*input)
    }

    /// Finishes what was begun and lets go of frames it kept. Not on the hot path: may allocate.
    fn flush(&mut self, why: Flush) {
        let _ = why;
    }

    /// What its own images need when its input (the source's images, or those of a stage before it) is at most
    /// `input_bytes`; `None` if it makes none. Asked at start and, through a reset, when the payload grows.
    fn output(&self, input_bytes: usize) -> Option<OutputSpec> {
        let _ = input_bytes;
        None
    }

    /// What it counted, readable from any thread while it runs. Asked once, before it starts.
    fn results(&self) -> Option<Arc<dyn StageResults>> {
        None
    }
}

/// What a stage counted.
pub trait StageResults: Send + Sync {
    /// The figures now, in a fixed order. May allocate; must not wait for the stage's thread.
    fn read(&self) -> Vec<(&'static str, Figure)>;
}

/// One figure of a stage, with the rule by which the figures of several workers become one.
#[derive(Debug, Clone, PartialEq)]
pub enum Figure {
    /// A count: workers' figures add up.
    Count(u64),
    /// A maximum: the largest stands.
    Max(u64),
    /// A measured number: the largest stands.
    Number(f64),
    /// A share: workers' parts and wholes add up. Of nothing it is 1.
    Share {
        /// So many of them.
        part: u64,
        /// All of them.
        whole: u64,
    },
    /// A text: the first that is not empty stands.
    Text(String),
}

impl Figure {
    /// The figure as a number; `None` for a text.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Figure::Count(n) | Figure::Max(n) => Some(*n as f64),
            Figure::Number(n) => Some(*n),
            Figure::Share { whole: 0, .. } => Some(1.0),
            Figure::Share { part, whole } => Some(*part as f64 / *whole as f64),
            Figure::Text(_) => None,
        }
    }

    /// Joins another worker's figure to this one.
    pub fn join(&mut self, other: &Figure) {
        match (self, other) {
            (Figure::Count(a), Figure::Count(b)) => *a += b,
            (Figure::Max(a), Figure::Max(b)) => *a = (*a).max(*b),
            (Figure::Number(a), Figure::Number(b)) => *a = a.max(*b),
            (Figure::Share { part, whole }, Figure::Share { part: p, whole: w }) => {
                *part += p;
                *whole += w;
            }
            (Figure::Text(a), Figure::Text(b)) if a.is_empty() => a.clone_from(b),
            _ => {}
        }
    }
}

/// A stage from a closure, for the smallest programs.
#[derive(Debug)]
pub struct FnStage<F>(pub F);

impl<F> Stage for FnStage<F>
where
    F: FnMut(&mut Frame, &mut StageContext<'_>) -> Result<Flow, StageError> + Send,
{
    fn process(
        &mut self,
        frame: &mut Frame,
        cx: &mut StageContext<'_>,
    ) -> Result<Flow, StageError> {
        (self.0)(frame, cx)
    }
}

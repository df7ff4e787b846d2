//! The stage that inspects frames.

use super::engine::Inspector;
use super::reference::Reference;
use super::view::{Unfit, View};
use crate::buffer::Frame;
use crate::error::Error;
use crate::format::{Geometry, PixelFormat};
use crate::stage::{Figure, Flow, Stage, StageContext, StageError, StageResults};
use crate::stages::{Key, KeyType};
use crate::telemetry::{Counter, Gauge};
use crate::verdict::{Defect, FrameVerdict, VerdictBoard};
use std::sync::Arc;

/// Keys of `kind = "inspect"`.
pub const INSPECT_KEYS: &[Key] = &[Key {
    name: "reference",
    value: KeyType::Text,
    default: "",
    about: "file that frameline teach wrote; without it a simulated conveyor is learnt at start",
}];

const WRONG_FORMAT: StageError = StageError::new(
    1,
    "inspect looks at Mono8 frames; put a stage of kind unpack or demosaic before it",
);
const WRONG_GEOMETRY: StageError = StageError::new(
    2,
    "the frame has another size than the reference was taught with; run frameline teach again",
);

/// What an inspecting stage counts.
#[derive(Debug, Default)]
struct Figures {
    frames: Counter,
    parts: Counter,
    failed: Counter,
    defects: [Counter; Defect::ALL.len()],
    failed_frames: Counter,
    unjudged: Counter,
    most_failed: Gauge,
}

impl StageResults for Figures {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        let mut figures = vec![
            ("frames", Figure::Count(self.frames.get())),
            ("parts", Figure::Count(self.parts.get())),
            ("failed", Figure::Count(self.failed.get())),
        ];
        let defects = Defect::NAMES.into_iter().zip(&self.defects);
        figures.extend(defects.map(|(name, n)| (name, Figure::Count(n.get()))));
        figures.push(("failed_frames", Figure::Count(self.failed_frames.get())));
        figures.push(("unjudged", Figure::Count(self.unjudged.get())));
        figures.push(("most_failed", Figure::Max(self.most_failed.get())));
        figures
    }
}

/// Inspects every frame against a [`Reference`], leaves the verdict on a board, and passes the frame on.
///
/// An incomplete frame is not judged: it is counted (`unjudged`) and passed on without a verdict.
#[derive(Debug)]
pub struct Inspect {
    inspector: Inspector,
    verdict: Box<FrameVerdict>,
    board: Option<Arc<VerdictBoard>>,
    figures: Arc<Figures>,
}

impl Inspect {
    /// One worker's instance; workers share the reference.
    pub fn new(reference: Arc<Reference>) -> Self {
        Inspect {
            inspector: Inspector::new(reference),
            verdict: Box::default(),
            board: None,
            figures: Arc::default(),
        }
    }

    /// Also leaves each verdict on `board`, for the stages after it.
    pub fn with_board(mut self, board: Arc<VerdictBoard>) -> Self {
        self.board = Some(board);
        self
    }
}

impl Stage for Inspect {
    fn prepare(&mut self, input: &Geometry) -> Result<Geometry, Error> {
        if input.pixel_format != PixelFormat::MONO8 {
            return Err(Error::config(
                "inspect looks at Mono8; put a stage with kind = \"unpack\" or \"demosaic\" and to = \"mono8\" before it, or set the camera to Mono8",
            ));
        }
        let taught = self.inspector.reference().geometry();
        if (taught.width, taught.height) != (input.width, input.height) {
            return Err(Error::config(format!(
                "its reference was taught with {} x {}; run frameline teach again with this camera and these stages, or set the camera to that size",
                taught.width, taught.height
            )));
        }
        Ok(*input)
    }

    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call.
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let view = match View::of(frame) {
            Ok(view) => view,
            Err(Unfit::Format) => return Err(WRONG_FORMAT),
            Err(Unfit::Incomplete) => {
                self.figures.unjudged.bump();
                return Ok(Flow::Pass);
            }
        };
        if !self.inspector.fits(&view) {
            return Err(WRONG_GEOMETRY);
        }
        self.inspector.inspect(&view, &mut self.verdict);
        if let Some(board) = &self.board {
            board.post(frame.meta().sequence, &self.verdict);
        }
        let f = &self.figures;
        f.frames.bump();
        f.parts.add(self.verdict.parts().len() as u64);
        let mut failed = 0;
        for defect in self.verdict.parts().iter().filter_map(|p| p.defect) {
            f.defects[defect as usize].bump();
            failed += 1;
        }
        f.failed.add(failed);
        f.most_failed.raise(failed);
        if failed > 0 {
            f.failed_frames.bump();
        }
        Ok(Flow::Pass)
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.figures.clone())
    }
}

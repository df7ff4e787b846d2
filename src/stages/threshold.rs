//! Counts the pixels above a level: the simplest inspection there is.

use super::{Key, KeyType, MeasurementBoard, measure};
use crate::buffer::Frame;
use crate::stage::{Figure, Flow, Stage, StageContext, StageError, StageResults};
use crate::telemetry::{Counter, Gauge};
use std::sync::Arc;

/// Keys of `kind = "threshold"`.
pub const THRESHOLD_KEYS: &[Key] = &[Key {
    name: "level",
    value: KeyType::Integer { min: 0, max: 65_535 },
    default: "",
    about: "pixels above it are counted; without it the middle of the pixel format's range",
}];

/// What a pixel format that cannot be measured is counted as.
const UNMEASURABLE: StageError =
    StageError::new(1, "the pixel format is one that threshold cannot measure");

#[derive(Debug, Default)]
struct Figures {
    frames: Counter,
    pixels: Counter,
    above: Counter,
    sum: Counter,
    max: Gauge,
    most_above: Gauge,
}

impl StageResults for Figures {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        let pixels = self.pixels.get();
        vec![
            ("frames", Figure::Count(self.frames.get())),
            ("pixels", Figure::Count(pixels)),
            ("above", Figure::Count(self.above.get())),
            ("mean", Figure::Number(self.sum.get() as f64 / pixels.max(1) as f64)),
            ("max", Figure::Max(self.max.get())),
            ("most_above", Figure::Max(self.most_above.get())),
        ]
    }
}

/// Measures every frame ([`measure`]) and passes it on.
#[derive(Debug, Default)]
pub struct Threshold {
    level: Option<u16>,
    board: Option<Arc<MeasurementBoard>>,
    figures: Arc<Figures>,
}

impl Threshold {
    /// Counts pixels above `level`; `None`: above the middle of the format's range.
    pub fn new(level: Option<u16>) -> Self {
        Threshold { level, ..Threshold::default() }
    }

    /// Also leaves each measurement on `board`, where [`Results`](super::Results) finds it.
    pub fn with_board(mut self, board: Arc<MeasurementBoard>) -> Self {
        self.board = Some(board);
        self
    }
}

impl Stage for Threshold {
    /// # Real-time
    /// Stage-bound. No allocation, no lock, no system call.
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let m = measure(frame, self.level).map_err(|_| UNMEASURABLE)?;
        let f = &self.figures;
        f.frames.bump();
        f.pixels.add(m.pixels);
        f.above.add(m.above);
        f.sum.add(m.sum);
        f.max.raise(u64::from(m.max));
        f.most_above.raise(m.above);
        if let Some(board) = &self.board {
            board.post(frame.meta().sequence, &m);
        }
        Ok(Flow::Pass)
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.figures.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::measure::tests::frame_of;
    use super::*;
    use crate::clock::HostTime;
    use crate::format::{Geometry, PixelFormat};

    #[test]
    fn figures_add_up_over_frames() {
        // Catches figures of the last frame taken for those of the run, and a board left empty.
        let board = Arc::new(MeasurementBoard::new());
        let mut stage = Threshold::new(Some(10)).with_board(board.clone());
        let results = stage.results().unwrap();
        let g = Geometry::new(2, 2, PixelFormat::MONO8);
        for (i, bytes) in [[0, 10, 11, 255], [11, 11, 11, 11]].iter().enumerate() {
            let (mut frame, _pool) = frame_of(&g, bytes);
            frame.meta_mut().unwrap().sequence = i as u64;
            let flow = stage.process(&mut frame, &mut StageContext::new(HostTime(0), None));
            assert!(matches!(flow, Ok(Flow::Pass)));
        }
        let figures = results.read();
        assert_eq!(figures[0], ("frames", Figure::Count(2)));
        assert_eq!(figures[2], ("above", Figure::Count(6)));
        assert_eq!(figures[3], ("mean", Figure::Number(40.0)));
        assert_eq!(board.find(1).unwrap().above, 4);
    }

    #[test]
    fn an_unknown_format_costs_the_frame_only() {
        // Catches a panic or a silent zero on a format that no table has.
        let (mut frame, _pool) = frame_of(&Geometry::new(2, 2, PixelFormat(7)), &[0; 4]);
        let mut stage = Threshold::new(None);
        let flow = stage.process(&mut frame, &mut StageContext::new(HostTime(0), None));
        assert_eq!(flow.unwrap_err(), UNMEASURABLE);
        assert_eq!(stage.results().unwrap().read()[0].1, Figure::Count(0));
    }
}

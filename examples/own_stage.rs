//! A stage of your own, with figures that any thread may read, on two workers in order.
//!
//! `cargo run --release --example own_stage`

use frameline::sim::Sim;
use frameline::stage::{Figure, Flow, Stage, StageContext, StageError, StageResults};
use frameline::telemetry::{Counter, Gauge};
use frameline::{Error, Frame, Line, StageSpec};
use std::sync::Arc;
use std::time::Duration;

/// Finds the brightest row of each frame.
#[derive(Default)]
struct BrightestRow {
    counts: Arc<Counts>,
}

/// Written by the stage's thread alone, read by anyone.
#[derive(Default)]
struct Counts {
    frames: Counter,
    highest_sum: Gauge,
}

impl Stage for BrightestRow {
    fn process(
        &mut self,
        frame: &mut Frame,
        _cx: &mut StageContext<'_>,
    ) -> Result<Flow, StageError> {
        let rows = (0..frame.meta().height).map_while(|y| frame.row(y));
        let brightest = rows
            .map(|row| row.iter().map(|&b| u64::from(b)).sum::<u64>())
            .max()
            .ok_or(StageError::new(1, "the frame has no whole row"))?;
        self.counts.frames.bump();
        self.counts.highest_sum.raise(brightest);
        Ok(Flow::Pass)
    }

    fn results(&self) -> Option<Arc<dyn StageResults>> {
        Some(self.counts.clone())
    }
}

impl StageResults for Counts {
    fn read(&self) -> Vec<(&'static str, Figure)> {
        vec![
            ("frames", Figure::Count(self.frames.get())),
            ("highest_sum", Figure::Max(self.highest_sum.get())),
        ]
    }
}

fn main() -> Result<(), Error> {
    let camera = Sim::from_uri("sim:?width=1280&height=1024&rate=max&frames=2000")?;
    let mut line = Line::builder(camera)
        .stage_with(StageSpec::new("rows").workers(2), |_worker| Box::new(BrightestRow::default()))
        .start()?;
    line.wait(Duration::from_secs(60));
    let end = line.stop(Duration::from_secs(1));
    for stage in &end.stages {
        println!(
            "{}: {:?}, p99 {} for a frame",
            stage.name,
            stage.results,
            stage.service.quantile(0.99)
        );
    }
    println!("{:.0} frames/s, balanced: {}", end.frames_per_second(), end.is_balanced());
    Ok(())
}

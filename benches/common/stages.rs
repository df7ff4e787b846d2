//! Stages that look at little, and say when.

use super::loaded;
use frameline::buffer::Frame;
use frameline::clock::{Clock, HostTime};
use frameline::stage::{Flow, Stage, StageContext, StageError};
use frameline::telemetry::{LatencyReader, LatencyWriter, latency};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A stage that reads the metadata, checks the order, and notes how old the frame is.
pub struct AgeStage {
    clock: Clock,
    from_source: LatencyWriter,
    from_capture: LatencyWriter,
    skip: u64,
    seen: Arc<AtomicU64>,
    disorder: Arc<AtomicBool>,
    next: u64,
}

/// What an [`AgeStage`] saw.
pub struct Ages {
    pub from_source: LatencyReader,
    pub from_capture: LatencyReader,
    pub seen: Arc<AtomicU64>,
    pub disorder: Arc<AtomicBool>,
}

impl AgeStage {
    /// The first `skip` frames are warm-up.
    pub fn new(skip: u64) -> (AgeStage, Ages) {
        let (from_source, source_reader) = latency();
        let (from_capture, capture_reader) = latency();
        let (seen, disorder) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let ages = Ages {
            from_source: source_reader,
            from_capture: capture_reader,
            seen: seen.clone(),
            disorder: disorder.clone(),
        };
        let stage = AgeStage {
            clock: Clock::host(),
            from_source,
            from_capture,
            skip,
            seen,
            disorder,
            next: 0,
        };
        (stage, ages)
    }
}

impl Stage for AgeStage {
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let meta = frame.meta();
        let (id, stamp, host) = (meta.frame_id, meta.device_time.0, meta.host_time);
        std::hint::black_box((id, stamp, host));
        loaded();
        let now = self.clock.now();
        if id != self.next {
            self.disorder.store(true, Ordering::Relaxed);
        }
        self.next = id + 1;
        if id >= self.skip {
            self.from_source.record(now - HostTime(stamp));
            self.from_capture.record(now - host);
        }
        self.seen.store(self.next, Ordering::Relaxed);
        Ok(Flow::Done)
    }
}

/// A stage that looks at nothing but the frame's number, and times the flow from the first frame after
/// warm-up to the last.
pub struct CountStage {
    next: u64,
    skip: u64,
    frames: u64,
    clock: Clock,
    begun: HostTime,
    disorder: Arc<AtomicBool>,
    nanos: Arc<AtomicU64>,
}

impl CountStage {
    /// The stage; whether it saw disorder; the nanoseconds that all frames but the first tenth took.
    pub fn new(frames: u64) -> (CountStage, Arc<AtomicBool>, Arc<AtomicU64>) {
        let disorder = Arc::new(AtomicBool::new(false));
        let nanos = Arc::new(AtomicU64::new(0));
        let stage = CountStage {
            next: 0,
            skip: frames / 10,
            frames,
            clock: Clock::host(),
            begun: HostTime(0),
            disorder: disorder.clone(),
            nanos: nanos.clone(),
        };
        (stage, disorder, nanos)
    }
}

impl Stage for CountStage {
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let id = frame.id();
        if id != self.next {
            self.disorder.store(true, Ordering::Relaxed);
        }
        self.next = id + 1;
        if id == self.skip {
            self.begun = self.clock.now();
        }
        if id + 1 == self.frames {
            self.nanos.store((self.clock.now() - self.begun).0, Ordering::Relaxed);
        }
        Ok(Flow::Done)
    }
}

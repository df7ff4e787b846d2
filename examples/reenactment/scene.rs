//! The scene: one camera behind the simulated MVS library, and four consumers that all want its frames.

use crate::fake::Fake;
use frameline::pipeline::After;
use frameline::ring::Policy;
use frameline::sdk::mvs::Mvs;
use frameline::stage::{Flow, Stage, StageContext, StageError};
use frameline::{Error, Frame, Line, StageSpec};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of a frame of the region that the line asks for.
pub const SMALL_BYTES: u64 = 640 * 480;
/// The region that somebody sets in mid-stream: the whole sensor.
pub const GROWN: &str = "1024x768";
/// A camera of Hikrobot's kind; a loss is noticed after 0.4 s.
pub const CAMERA: &str = "camera gige serial=RE0001 size=1024x768 fps=100 heartbeat=400";
/// One grab waits so long, as in the original program.
pub const TIMEOUT: Duration = Duration::from_millis(50);

/// The four consumers: name, what it gets, and how long it looks at a frame.
fn consumers() -> [(StageSpec, Duration); 4] {
    let one_in_ten = Policy::OneIn(NonZeroU32::new(10).expect("10 is not 0"));
    let branch = |name, policy| StageSpec::new(name).after(After::Source).policy(policy);
    [
        (branch("inspect", Policy::Refuse).ring(8), Duration::ZERO),
        (branch("archive", Policy::Refuse).ring(8), Duration::ZERO),
        (branch("live", Policy::Latest), Duration::from_millis(60)), // A screen.
        (branch("statistic", one_in_ten), Duration::ZERO),
    ]
}

/// What one consumer saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Frames that were whole when it got them, and still when it let go.
    pub whole: AtomicU64,
    /// Frames with foreign or missing bytes when it got them.
    pub torn: AtomicU64,
    /// Frames that changed while it looked at them: what the original program died of.
    pub changed: AtomicU64,
}

/// Compares every byte of a frame with what the camera painted, looks at it for a while, and compares again.
struct Reader {
    looks: Duration,
    seen: Arc<Seen>,
}

impl Stage for Reader {
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        let before = Fake::check(frame.image());
        if !self.looks.is_zero() {
            std::thread::sleep(self.looks);
        }
        let count = match before {
            None => &self.seen.torn,
            Some(_) if Fake::check(frame.image()) == before => &self.seen.whole,
            Some(_) => &self.seen.changed,
        };
        count.fetch_add(1, Ordering::Relaxed);
        Ok(Flow::Done)
    }
}

/// The line, running.
pub struct Scene {
    pub fake: Fake,
    pub line: Line,
    /// One for each consumer.
    pub seen: Vec<(String, Arc<Seen>)>,
}

impl Scene {
    /// Opens the camera and starts the line. `fill` is a way of filling as an `mvs:` URI has it.
    pub fn open(fake: Fake, fill: &str) -> Result<Scene, Error> {
        // A line that holds the SDK's own buffers needs more of them than it can hold.
        let nodes = if fill == "lend" { 64 } else { 8 };
        let camera = Mvs::from_uri(&fake.uri(&format!(
            "serial=RE0001&fill={fill}&nodes={nodes}&Width=640&Height=480&PixelFormat=Mono8"
        )))?;
        let mut builder = Line::builder(camera).configure(|c| {
            c.capture.timeout = TIMEOUT;
            c.faults.backoff = Duration::from_millis(20);
            c.faults.backoff_max = Duration::from_millis(200);
            c.faults.reconnect_attempts = u32::MAX;
            c.faults.reconnect_time = Some(Duration::from_secs(60));
        });
        let mut seen = Vec::new();
        for (spec, looks) in consumers() {
            let eyes = Arc::new(Seen::default());
            seen.push((spec.name.clone(), eyes.clone()));
            builder = builder.stage(spec, Reader { looks, seen: eyes });
        }
        Ok(Scene { line: builder.start()?, fake, seen })
    }
}

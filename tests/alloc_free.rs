//! Rule 6: in steady state no hot thread of a line allocates, in any way of filling, whatever the graph.

use frameline::alloc::CountingAllocator;
use frameline::buffer::Frame;
use frameline::pipeline::{After, Line, Snapshot, StageSpec};
use frameline::ring::Policy;
use frameline::sim::{Sim, Verify, VerifyConfig};
use frameline::stage::{Flow, Stage, StageContext, StageError};
use frameline::stages::image::kernel::Colours;
use frameline::stages::{
    Binning, BinningRule, Crop, Demosaic, FlatField, FlatFieldSettings, Unpack, UnpackTo,
};
use frameline::wait::WaitStrategy;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const FILLS: [&str; 3] = ["copy", "announce", "lend"];

/// Lines are timed, and what is hot is a matter of the process: one at a time.
static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Passes frames on; allocates with each if it is told to.
struct Pass {
    allocates: bool,
}

impl Stage for Pass {
    fn process(&mut self, frame: &mut Frame, _: &mut StageContext<'_>) -> Result<Flow, StageError> {
        if self.allocates {
            drop(std::hint::black_box(Box::new(frame.id())));
        }
        Ok(Flow::Pass)
    }
}

const QUIET: Pass = Pass { allocates: false };

/// A chain, a fan-out with a tap and a thinned branch, two workers, and stages that share a thread.
fn run(fill: &str, query: &str, wait: WaitStrategy, allocates: bool) -> Snapshot {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // A line this wide can hold 57 lent buffers at once.
    let queue = if fill == "lend" { 64 } else { 4 };
    let uri = format!("sim:?width=256&height=128&rate=1000&fill={fill}&queue={queue}{query}");
    let spec = |name: &str| StageSpec::new(name).ring(8).wait(wait);
    let one_in = Policy::from_name("1-in-3").unwrap();
    let mut line = Line::builder(Sim::from_uri(&uri).unwrap())
        .configure(|c| {
            c.monitor.warm_up = Duration::from_millis(200);
            c.monitor.interval = Duration::from_millis(20);
            c.capture.wait = wait;
        })
        .stage(spec("verify"), Verify::new(VerifyConfig::default()))
        .stage_with(spec("pair").workers(2), |_| Box::new(QUIET))
        .stage(spec("gather").thread("t"), Pass { allocates })
        .stage(spec("fused").thread("t"), QUIET)
        .stage(spec("view").after(After::Source).policy(Policy::Latest), QUIET)
        .stage(spec("some").after(After::Stage("verify".into())).policy(one_in), QUIET)
        .start()
        .unwrap();
    line.wait(Duration::from_millis(900));
    let s = line.stop(Duration::from_secs(10));
    assert_eq!(s.failure, None);
    assert!(s.is_balanced(), "{:?} {:?}", s.frames, s.unbalanced_hops());
    assert!(s.stages.iter().all(|s| s.frames > 20), "{:?}", s.frames);
    s
}

/// Catches an allocation on any path that frames take in steady state.
#[test]
fn lines_allocate_nothing_after_warm_up() {
    for fill in FILLS {
        for wait in [WaitStrategy::Park, WaitStrategy::Yield] {
            let s = run(fill, "", wait, false);
            assert_eq!(s.steady.allocations, Some(0), "fill={fill} {wait:?}");
        }
    }
}

/// Catches an allocation in a stage that makes images, and in one that has learnt.
#[test]
fn stages_that_make_images_allocate_nothing_after_warm_up() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let learn = FlatFieldSettings { learn: 20, ..FlatFieldSettings::default() };
    let uri = "sim:?width=256&height=128&rate=500&format=BayerRG12p";
    let mut line = Line::builder(Sim::from_uri(uri).unwrap())
        .configure(|c| {
            c.monitor.warm_up = Duration::from_millis(300);
            c.monitor.interval = Duration::from_millis(20);
        })
        .stage(StageSpec::new("unpack"), Unpack::new(UnpackTo::Same))
        .stage(StageSpec::new("flat"), FlatField::new(learn).unwrap())
        .stage(StageSpec::new("demosaic"), Demosaic::new(Colours::Rgb8))
        .stage(StageSpec::new("crop"), Crop::new(8, 8, Some(128), Some(64)))
        .stage(StageSpec::new("bin"), Binning::new(2, BinningRule::Mean))
        .start()
        .unwrap();
    line.wait(Duration::from_millis(1200));
    let s = line.stop(Duration::from_secs(10));
    assert_eq!(s.failure, None);
    assert!(s.is_balanced(), "{:?} {:?}", s.frames, s.unbalanced_hops());
    assert!(s.stages.iter().all(|s| s.frames > 20 && s.failed == 0), "{:?}", s.stages);
    assert_eq!(s.steady.allocations, Some(0));
}

/// Catches a check that cannot fail: a stage that allocates is seen.
#[test]
fn an_allocating_stage_is_counted() {
    for fill in FILLS {
        let s = run(fill, "", WaitStrategy::Park, true);
        assert!(s.steady.allocations > Some(20), "fill={fill}: {:?}", s.steady);
    }
}

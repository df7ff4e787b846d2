//! What a line is made of, collected and checked.

use super::assembly::{Design, assemble, check_needs};
use super::config::{LineConfig, StageSpec};
use super::line::Line;
use super::plan::{CALLER, Plan, check_core, check_priority};
use crate::agent::known_cores;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::fault::Witness;
use crate::format::Geometry;
use crate::source::{Fill, Source};
use crate::stage::Stage;
use std::sync::Arc;

type Factory = Box<dyn FnMut(usize) -> Box<dyn Stage> + Send>;

/// Collects what a line is made of. See [`Line::builder`].
pub struct LineBuilder {
    source: Box<dyn Source>,
    config: LineConfig,
    specs: Vec<StageSpec>,
    factories: Vec<Factory>,
    caller: Option<StageSpec>,
    clock: Clock,
    witnesses: Vec<Arc<dyn Witness>>,
    refused: Option<Error>,
}

impl std::fmt::Debug for LineBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.specs.iter().map(|s| s.name.as_str()).collect();
        write!(f, "LineBuilder({} -> {names:?})", self.source.info().uri)
    }
}

impl LineBuilder {
    pub(super) fn new(source: Box<dyn Source>) -> LineBuilder {
        LineBuilder {
            source,
            config: LineConfig::default(),
            specs: Vec::new(),
            factories: Vec::new(),
            caller: None,
            clock: Clock::host(),
            witnesses: Vec::new(),
            refused: None,
        }
    }

    /// Sets the whole configuration.
    pub fn config(mut self, config: LineConfig) -> Self {
        self.config = config;
        self
    }

    /// Changes the configuration in place.
    pub fn configure(mut self, change: impl FnOnce(&mut LineConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Adds a stage with one thread.
    pub fn stage(self, spec: impl Into<StageSpec>, stage: impl Stage + 'static) -> Self {
        let mut stage: Option<Box<dyn Stage>> = Some(Box::new(stage));
        let spec = spec.into();
        let (name, workers) = (spec.name.clone(), spec.workers);
        let mut line =
            self.stage_with(spec, move |_| stage.take().expect("asked for one worker only"));
        if workers > 1 {
            line.refused.get_or_insert_with(|| {
                Error::config(format!(
                    "stage {name:?} is to have {workers} workers but was given as one instance; use stage_with, which makes one for each"
                ))
            });
        }
        line
    }

    /// Adds a stage with as many threads as the spec has workers; `factory` is called once for each.
    pub fn stage_with(
        mut self,
        spec: impl Into<StageSpec>,
        factory: impl FnMut(usize) -> Box<dyn Stage> + Send + 'static,
    ) -> Self {
        self.specs.push(spec.into());
        self.factories.push(Box::new(factory));
        self
    }

    /// Tells `witness` of every fault, reset and reconnection of the capture thread, as it happens.
    pub fn witness(mut self, witness: Arc<dyn Witness>) -> Self {
        self.witnesses.push(witness);
        self
    }

    /// Ends the line, after the stage added last, in the caller's own loop ([`Line::frames`]), which may
    /// lag `depth` frames behind and holds one at a time.
    pub fn frames(self, depth: usize) -> Self {
        let mut spec = StageSpec::new(CALLER);
        spec.ring = depth;
        self.frames_with(spec)
    }

    /// The same with everything about its hop chosen; the spec's name is not used.
    pub fn frames_with(mut self, spec: StageSpec) -> Self {
        self.caller = Some(StageSpec { name: CALLER.into(), workers: 1, thread: None, ..spec });
        self
    }

    /// Builds the line and starts the source.
    pub fn start(self) -> Result<Line, Error> {
        self.build(true)
    }

    /// Builds the line with all its memory and threads; the source starts when it is told to
    /// ([`super::LineHandle::start`]).
    pub fn arm(self) -> Result<Line, Error> {
        self.build(false)
    }

    /// Refuses what [`start`](Self::start) would refuse before it takes any memory, and does nothing else: the
    /// configuration, the graph, the pools' arithmetic. The stages are made, and dropped.
    pub fn check(self) -> Result<(), Error> {
        check_needs(&self.design(false)?)
    }

    fn build(self, autostart: bool) -> Result<Line, Error> {
        assemble(self.design(autostart)?)
    }

    fn design(self, autostart: bool) -> Result<Design, Error> {
        known_cores(); // Before anything is pinned.
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        check_config(&self.config)?;
        let plan = Plan::new(&self.specs, self.caller, self.source.can_wait())?;
        let fill = choose_fill(&*self.source, &self.config)?;
        let mut stages = make_stages(&plan, self.factories);
        prepare(&plan, &mut stages, self.source.geometry())?;
        Ok(Design {
            stages,
            plan,
            fill,
            source: self.source,
            config: self.config,
            clock: self.clock,
            witnesses: self.witnesses,
            autostart,
        })
    }
}

fn make_stages(plan: &Plan, factories: Vec<Factory>) -> Vec<Vec<Box<dyn Stage>>> {
    let mut factories = factories.into_iter();
    plan.nodes
        .iter()
        .map(|n| {
            if n.is_caller {
                return Vec::new();
            }
            let mut factory = factories.next().expect("one factory a stage");
            (0..n.spec.workers).map(&mut factory).collect()
        })
        .collect()
}

/// Tells each stage which images will come to it, and refuses a line in which one cannot work on them.
fn prepare(plan: &Plan, stages: &mut [Vec<Box<dyn Stage>>], source: Geometry) -> Result<(), Error> {
    // By node: what leaves it. Parents come before their children.
    let mut leaves: Vec<Geometry> = Vec::with_capacity(plan.nodes.len());
    for (node, workers) in plan.nodes.iter().zip(stages) {
        let input = node.parent.map_or(source, |p| leaves[p]);
        let mut output = input;
        for stage in workers {
            output = stage.prepare(&input).map_err(|why| {
                if why.kind() == ErrorKind::Io {
                    return why; // Nothing is wrong with the images.
                }
                let from = node.parent.map_or("the source".into(), |p| {
                    format!("stage {:?}", plan.nodes[p].spec.name)
                });
                let Geometry { width, height, pixel_format, .. } = input;
                Error::config(format!(
                    "stage {:?} gets {width} x {height} {pixel_format} from {from} and cannot work on these images: {why}",
                    node.spec.name
                ))
            })?;
        }
        leaves.push(output);
    }
    Ok(())
}

fn check_config(config: &LineConfig) -> Result<(), Error> {
    if let Some(core) = config.capture.core {
        check_core(core, "capture.core")?;
    }
    check_priority(config.capture.priority, "capture.priority")?;
    if config.capture.timeout.is_zero() {
        return Err(Error::config("capture.timeout is 0; it must be at least 1 ns"));
    }
    if config.capture.frames == Some(0) {
        return Err(Error::config("a run of 0 frames does nothing; ask for 1 or more"));
    }
    if !(1.0..=16.0).contains(&config.reset.growth) {
        return Err(Error::config(format!(
            "reset.growth is {}; it must be 1.0 to 16.0",
            config.reset.growth
        )));
    }
    if config.reset.deadline.is_zero() {
        return Err(Error::config("reset.deadline is 0; a reset needs time to drain the rings"));
    }
    Ok(())
}

fn choose_fill(source: &dyn Source, config: &LineConfig) -> Result<Fill, Error> {
    let can = source.fills();
    let names = || can.iter().map(|f| f.name()).collect::<Vec<_>>().join(", ");
    match config.capture.fill {
        Some(fill) if can.contains(&fill) => Ok(fill),
        Some(fill) => Err(Error::config(format!(
            "capture.fill is {}, but this source can only: {}",
            fill.name(),
            names()
        ))),
        None => can.first().copied().ok_or_else(|| {
            Error::new(
                ErrorKind::Source,
                "the source lists no way of filling; it cannot be grabbed from",
            )
        }),
    }
}

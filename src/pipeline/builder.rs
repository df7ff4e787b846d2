//! From a source, stages and a configuration to running threads.

use super::accept::Acceptance;
use super::capture::Capture;
use super::command::Orders;
use super::config::{LineConfig, StageSpec};
use super::flow::{Inputs, Out};
use super::ladder::Ladder;
use super::line::{Line, LineParts};
use super::monitor::{Monitor, process_rss};
use super::plan::{CALLER, Plan, Sum, check_core, check_priority};
use super::shared::{
    HopInfo, Reporter, Shared, SharedParts, StageInfo, ThreadCells, WorkerCounts, WorkerInfo,
};
use super::worker::{Step, Worker};
use crate::agent::{ExitBoard, ExitGuard, Placement, known_cores};
use crate::buffer::{Frame, Lane, Pool, PoolConfig};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Refusal};
use crate::ring::{Beds, EdgeRx, EdgeTx, Policy, edge};
use crate::source::{Fill, Source};
use crate::stage::{OutputSpec, Stage};
use crate::sync::{AtomicBool, WakeCell};
use crate::telemetry::{LatencyWriter, latency, turn};
use crate::wait::{WaitStrategy, Waiter};
use std::sync::Arc;

type Factory = Box<dyn FnMut(usize) -> Box<dyn Stage> + Send>;

/// Events that a thread may have under way to the monitor.
const EVENT_RING: usize = 1024;
const ORDER_RING: usize = 64;
/// Slots beyond what the arithmetic needs, where no number is configured: so that a new frame finds a
/// slot while the last of the old ones is on its way home.
const SPARE_SLOTS: usize = 2;

/// Collects what a line is made of. See [`Line::builder`].
pub struct LineBuilder {
    source: Box<dyn Source>,
    config: LineConfig,
    specs: Vec<StageSpec>,
    factories: Vec<Factory>,
    caller: Option<StageSpec>,
    clock: Clock,
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

    fn build(self, autostart: bool) -> Result<Line, Error> {
        known_cores(); // Before anything is pinned.
        let LineBuilder { source, config, specs, factories, caller, clock, refused } = self;
        if let Some(refused) = refused {
            return Err(refused);
        }
        check_config(&config)?;
        let plan = Plan::new(&specs, caller, source.can_wait())?;
        let fill = choose_fill(&*source, &config)?;
        let mut stages = make_stages(&plan, factories);
        let input = source.max_payload_bytes().max(source.payload_bytes());
        let outputs: Vec<Option<OutputSpec>> =
            stages.iter().map(|workers| workers.first().and_then(|s| s.output(input))).collect();
        let makes_own = |i: usize| outputs.get(i).copied().flatten().is_some();
        let beds: Vec<Arc<WakeCell>> =
            (0..thread_count(&plan)).map(|_| Arc::new(WakeCell::new())).collect();

        let mut needs = PoolNeeds::new(&*source, &config, &plan, fill, &outputs, &makes_own)?;
        let pool = needs.source_pool(&*source, fill, beds[0].clone())?;
        let wiring = Wiring::new(&plan, &config, &beds);
        let Wiring { hops, mut outs, mut inputs, mut hop_writers, lanes, .. } = wiring;

        let exits = Arc::new(ExitBoard::default());
        let monitor_bed = Arc::new(WakeCell::new());
        let mut rings = Vec::new();
        let mut threads = Vec::new();
        let mut pools = vec![pool.view()];
        let mut infos: Vec<StageInfo> = plan
            .nodes
            .iter()
            .filter(|n| !n.is_caller)
            .map(|n| StageInfo { name: n.spec.name.clone(), workers: Vec::new() })
            .collect();
        let mut end_to_end = Vec::new();
        let mut reporter = || {
            let (reporter, rx, dropped) = Reporter::new(EVENT_RING, monitor_bed.clone());
            rings.push((rx, dropped));
            reporter
        };
        let mut cells = |name: String, bed: &Arc<WakeCell>| {
            let (turn, reader) = turn();
            threads.push(ThreadCells {
                name,
                turn: reader,
                tid: Default::default(),
                busy: Default::default(),
                busy_since: Default::default(),
                bed: bed.clone(),
            });
            turn
        };

        let capture_turn = cells("capture".into(), &beds[0]);
        let capture_reporter = reporter();
        let mut drafts = Vec::new();
        let mut caller_parts = None;
        let mut refusals: Vec<Refusal> = Vec::new();
        for agent in &plan.agents {
            let head = &plan.nodes[agent.head];
            for w in 0..agent.workers {
                let thread = 1 + drafts.len() + usize::from(caller_parts.is_some());
                let bed = beds[thread].clone();
                let name = match agent.workers {
                    1 => agent.name.clone(),
                    _ => format!("{}.{w}", agent.name),
                };
                let turn = cells(name, &bed);
                let my_inputs = inputs.remove(0);
                let writers = hop_writers.remove(0);
                let (e2e, e2e_reader) = latency();
                end_to_end.push(e2e_reader);
                if head.is_caller {
                    caller_parts = Some((my_inputs, writers, e2e, turn, bed, thread, agent.wait));
                    continue;
                }
                let mut steps = Vec::new();
                for &n in &agent.nodes {
                    let stage = stages[n].remove(0);
                    let mut output = None;
                    if let Some(config) = needs.stages[n] {
                        let mut p = Pool::new(config, bed.clone())?;
                        refusals.extend(p.take_refusals());
                        pools.push(p.view());
                        output = Some(p);
                    }
                    let (service, service_reader) = latency();
                    let counts = Arc::new(WorkerCounts::default());
                    infos[n].workers.push(WorkerInfo {
                        counts: counts.clone(),
                        service: service_reader,
                        results: stage.results(),
                    });
                    let fused = plan.nodes[n]
                        .children
                        .iter()
                        .filter(|c| plan.nodes[**c].fused)
                        .map(|c| agent.nodes.iter().position(|x| x == c).expect("same agent"))
                        .collect();
                    steps.push(Step {
                        stage,
                        index: n,
                        must_have: plan.nodes[n].must_have,
                        counts,
                        service,
                        output,
                        outs: std::mem::take(&mut outs[n][w]),
                        fused,
                    });
                }
                let placement =
                    Placement { core: head.spec.core.map(|c| c + w), urgency: head.spec.priority };
                drafts.push(Draft {
                    thread,
                    number: w,
                    placement,
                    inputs: my_inputs,
                    writers,
                    steps,
                    e2e,
                    wait: agent.wait,
                    bed,
                    turn,
                    reporter: reporter(),
                });
            }
        }

        let (interval, grab_interval) = latency();
        let (jitter, grab_jitter) = latency();
        let mut table = source.codes();
        config.faults.remap.iter().for_each(|(code, class)| table.remap(*code, *class));
        let shared = Arc::new(Shared::new(SharedParts {
            clock,
            fill: fill.name(),
            grab_interval,
            grab_jitter,
            threads,
            hops,
            stages: infos,
            end_to_end,
            pools,
            lanes,
            exits: exits.clone(),
            config,
        }));
        shared.capture.slots.set(pool.slots() as u64);
        shared.capture.slot_bytes.set(pool.slot_bytes() as u64);
        let (orders, commands) = Orders::new(ORDER_RING);
        let config = &shared.config;
        let mut pool = pool;
        refusals.extend(pool.take_refusals());
        {
            let mut cold = shared.cold();
            let rss = process_rss().unwrap_or(0);
            (cold.rss_start, cold.rss_now, cold.rss_peak) = (rss, rss, rss);
            for r in refusals {
                if !cold.refusals.contains(&r) {
                    tracing::warn!("{}: {}", r.what, r.reason);
                    cold.refusals.push(r);
                }
            }
        }
        let capture = Capture {
            fill,
            outs: std::mem::take(&mut outs[plan.nodes.len()][0]),
            acceptance: Acceptance::new(source.frame_id_rule(), config.capture.damaged),
            ladder: Ladder::new(config.faults.clone()),
            reporter: capture_reporter,
            bed: beds[0].clone(),
            waiter: Waiter::new(config.capture.wait),
            turn: capture_turn,
            interval,
            jitter,
            placement: Placement { core: config.capture.core, urgency: config.capture.priority },
            epoch: 0,
            sequence: 0,
            geometry: source.geometry(),
            hand: Vec::with_capacity(pool.slots() * 2 + 2),
            backlog: std::collections::VecDeque::with_capacity(pool.slots() * 2 + 2),
            last_grab: None,
            last_interval: None,
            dead_since: None,
            last_reset: None,
            refused_reset: None,
            running: false,
            resetting: false,
            autostart,
            until: None,
            pool,
            source,
            table: table.clone(),
            commands,
            shared: shared.clone(),
        };

        // Threads, consumers first. Every one has a place on the exit board before any runs.
        let mut guards: Vec<ExitGuard> =
            (0..shared.threads.len()).map(|_| exits.register()).collect();
        let quit = Arc::new(AtomicBool::new(false));
        let monitor = Monitor::new(shared.clone(), table, rings, monitor_bed.clone(), quit.clone());
        let monitor = spawn("monitor", move || monitor.run())?;
        let caller_guard = caller_parts.as_ref().map(|(.., thread, _)| guards.remove(*thread));
        let mut guards = guards.into_iter();
        let capture_guard = guards.next().expect("the capture thread is the first");
        let mut spawned = Ok(());
        for draft in drafts {
            let guard = guards.next().expect("one guard a thread");
            let name = shared.threads[draft.thread].name.clone();
            let worker = draft.finish(shared.clone(), beds[0].clone());
            spawned = spawned.and(
                spawn(&name, move || {
                    let _guard = guard;
                    worker.run();
                })
                .map(drop),
            );
        }
        let spawned = spawned.and_then(|()| {
            spawn("capture", move || {
                let _guard = capture_guard;
                capture.run();
            })
        });
        let line = Line::new(LineParts {
            shared,
            orders,
            monitor,
            monitor_bed,
            quit,
            caller: caller_parts.map(|(inputs, writers, e2e, turn, bed, thread, wait)| {
                super::line::Caller::new(
                    inputs,
                    writers,
                    e2e,
                    turn,
                    bed,
                    thread,
                    wait,
                    caller_guard.expect("taken above"),
                )
            }),
        });
        spawned?; // Dropping the line ends what was spawned.
        Ok(line)
    }
}

struct Draft {
    thread: usize,
    number: usize,
    placement: Placement,
    inputs: Inputs,
    writers: Vec<LatencyWriter>,
    steps: Vec<Step>,
    e2e: LatencyWriter,
    wait: WaitStrategy,
    bed: Arc<WakeCell>,
    turn: crate::telemetry::Turn,
    reporter: Reporter,
}

impl Draft {
    fn finish(self, shared: Arc<Shared>, capture_bed: Arc<WakeCell>) -> Worker {
        Worker {
            shared,
            thread: self.thread,
            number: self.number,
            placement: self.placement,
            inputs: self.inputs,
            hop_latency: self.writers,
            steps: self.steps,
            end_to_end: self.e2e,
            waiter: Waiter::new(self.wait),
            bed: self.bed,
            capture_bed,
            turn: self.turn,
            reporter: self.reporter,
        }
    }
}

/// Every ring of the line, sorted by who gets which end.
struct Wiring {
    hops: Vec<HopInfo>,
    /// By node (the source comes last), then by that node's worker.
    outs: Vec<Vec<Vec<Out>>>,
    /// By consuming thread, in the order of the plan.
    inputs: Vec<Inputs>,
    hop_writers: Vec<Vec<LatencyWriter>>,
    lanes: Vec<String>,
}

impl Wiring {
    fn new(plan: &Plan, config: &LineConfig, beds: &[Arc<WakeCell>]) -> Wiring {
        let source = plan.nodes.len();
        let mut outs: Vec<Vec<Vec<Out>>> =
            plan.nodes.iter().map(|n| (0..n.spec.workers).map(|_| Vec::new()).collect()).collect();
        outs.push(vec![Vec::new()]);
        let mut hops = Vec::new();
        let mut inputs = Vec::new();
        let mut hop_writers = Vec::new();
        let mut lanes = vec!["capture".to_owned()];
        for (a, agent) in plan.agents.iter().enumerate() {
            let node = &plan.nodes[agent.head];
            let lane_number = 1 + a % (crate::buffer::LANES - 1);
            match lanes.get_mut(lane_number) {
                Some(name) => *name = format!("{name} or {}", agent.name),
                None => lanes.push(agent.name.clone()),
            }
            let producers = plan.producers(agent.head);
            let from = node.parent.map_or("source", |p| plan.nodes[p].spec.name.as_str());
            let producer_wait =
                node.parent.map_or(config.capture.wait, |p| plan.agents[plan.nodes[p].agent].wait);
            let mut txs: Vec<Vec<EdgeTx<Frame>>> = (0..producers).map(|_| Vec::new()).collect();
            let mut rxs: Vec<Vec<EdgeRx<Frame>>> = Vec::new();
            for c in 0..agent.workers {
                let mut mine = Vec::new();
                let mut writers = Vec::new();
                for (p, tx_list) in txs.iter_mut().enumerate() {
                    let producer =
                        node.parent.map_or(0, |n| first_thread(plan, plan.nodes[n].agent) + p);
                    let beds = Beds {
                        producer: beds[producer].clone(),
                        producer_parks: producer_wait.needs_wake(),
                        consumer: beds[first_thread(plan, a) + c].clone(),
                        consumer_parks: agent.wait.needs_wake(),
                    };
                    let (tx, rx) = edge(node.spec.ring, node.policy, producers > 1, beds);
                    let (writer, reader) = latency();
                    let part =
                        |i: usize, n: usize| if n > 1 { format!(".{i}") } else { String::new() };
                    hops.push(HopInfo {
                        name: format!(
                            "{from}{}>{}{}",
                            part(p, producers),
                            agent.name,
                            part(c, agent.workers)
                        ),
                        policy: node.policy,
                        depth: if node.policy == Policy::Latest { 1 } else { node.spec.ring },
                        counts: tx.counts().clone(),
                        latency: reader,
                    });
                    tx_list.push(tx);
                    mine.push(rx);
                    writers.push(writer);
                }
                rxs.push(mine);
                hop_writers.push(writers);
            }
            for (c, mine) in rxs.into_iter().enumerate() {
                inputs.push(Inputs::new(mine, c, agent.workers));
            }
            let into = node.parent.unwrap_or(source);
            for (p, edges) in txs.into_iter().enumerate() {
                let out = Out::new(edges, Lane::new(lane_number), node.must_have, p, producers);
                outs[into][p].push(out);
            }
        }
        Wiring { hops, outs, inputs, hop_writers, lanes }
    }
}

/// Threads of the line, the capture thread and the caller's included.
fn thread_count(plan: &Plan) -> usize {
    1 + plan.agents.iter().map(|a| a.workers).sum::<usize>()
}

/// The number of an agent's first thread.
fn first_thread(plan: &Plan, agent: usize) -> usize {
    1 + plan.agents[..agent].iter().map(|a| a.workers).sum::<usize>()
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

/// The pools' arithmetic: how many slots each needs, and its share of the budget.
struct PoolNeeds {
    source: PoolConfig,
    /// By node; `None` for stages that make no image.
    stages: Vec<Option<PoolConfig>>,
}

impl PoolNeeds {
    fn new(
        source: &dyn Source,
        config: &LineConfig,
        plan: &Plan,
        fill: Fill,
        outputs: &[Option<OutputSpec>],
        makes_own: &dyn Fn(usize) -> bool,
    ) -> Result<PoolNeeds, Error> {
        let mut sum = Sum::default();
        sum.add(1, "capture".into());
        if fill == Fill::Announce {
            // Slots that wait in the SDK's queue are neither free nor held.
            sum.add(source.queue_depth(fill), "queued with the source".into());
        }
        plan.add_holders(&plan.roots, makes_own, &mut sum);
        let need = sum.total;
        if need > PoolConfig::MAX_SLOTS {
            return Err(Error::config(format!(
                "the line can hold {need} frames at once: {}; pool.slots can be {} at most, so make rings shallower or let stages keep fewer",
                sum.text(),
                PoolConfig::MAX_SLOTS
            )));
        }
        let lent = source.queue_depth(fill);
        if fill == Fill::Lend && (1..need).contains(&lent) {
            return Err(Error::config(format!(
                "the source lends {lent} buffers at once, but the line can hold {need}: {}; let the source lend {need}, make rings shallower, or choose another capture.fill",
                sum.text()
            )));
        }
        let slots = config.pool.slots.unwrap_or((need + SPARE_SLOTS).min(PoolConfig::MAX_SLOTS));
        if slots < need {
            return Err(Error::config(format!(
                "pool.slots is {slots}, but the line can hold {need} at once: {}; raise pool.slots to {need} or make rings shallower",
                sum.text()
            )));
        }
        let payload_bytes = source.max_payload_bytes().max(source.payload_bytes());
        let base = PoolConfig {
            min_slots: need,
            headroom: config.pool.headroom,
            lock: config.pool.lock,
            huge_pages: config.pool.huge_pages,
            guard: config.pool.guard,
            ..PoolConfig::new(slots, payload_bytes)
        };
        let mut needs = PoolNeeds { source: base, stages: Vec::new() };
        for (n, output) in outputs.iter().enumerate() {
            needs.stages.push(output.map(|spec| {
                let mut sum = Sum::default();
                plan.add_holders(&plan.nodes[n].children, makes_own, &mut sum);
                // One being made, and one on its way home.
                let slots = spec.slots.max(sum.total.saturating_add(2));
                let min_slots = sum.total.saturating_add(1);
                PoolConfig { slots, min_slots, payload_bytes: spec.payload_bytes, ..base }
            }));
        }
        needs.share(config, plan, fill)?;
        Ok(needs)
    }

    /// Divides the budget among the pools by what each starts with, so that their sum never passes it.
    fn share(&mut self, config: &LineConfig, plan: &Plan, fill: Fill) -> Result<(), Error> {
        let Some(budget) = config.pool.budget_bytes else { return Ok(()) };
        let own = if fill == Fill::Lend { 0.0 } else { start_bytes(&self.source) };
        let of = |n: usize, c: &PoolConfig| start_bytes(c) * plan.nodes[n].spec.workers as f64;
        let stages: f64 =
            self.stages.iter().enumerate().filter_map(|(n, c)| c.as_ref().map(|c| of(n, c))).sum();
        let need = own + stages;
        if need > budget as f64 {
            let c = &self.source;
            return Err(Error::config(format!(
                "the pools need {need:.0} bytes ({} slots for payloads of {} bytes x headroom {}, rounded up to pages with a canary page each, and {stages:.0} bytes for images that stages make) but pool.budget is {budget}; raise the budget, or lower pool.slots, pool.headroom or the region",
                c.slots, c.payload_bytes, c.headroom
            )));
        }
        // `max`: rounding must not take away what was found to fit.
        let share =
            |bytes: f64| Some(((budget as f64 * (bytes / need)) as usize).max(bytes as usize));
        self.source.budget_bytes = share(own);
        for c in self.stages.iter_mut().flatten() {
            c.budget_bytes = share(start_bytes(c));
        }
        Ok(())
    }

    fn source_pool(
        &mut self,
        source: &dyn Source,
        fill: Fill,
        bed: Arc<WakeCell>,
    ) -> Result<Pool, Error> {
        if fill != Fill::Lend {
            return Pool::new(self.source, bed);
        }
        let keep = source.keep().ok_or_else(|| {
            Error::new(
                ErrorKind::Source,
                "the source lends frames but names no memory to keep; choose another capture.fill",
            )
        })?;
        Pool::lending(self.source.slots, keep, bed)
    }
}

/// Bytes that a pool touches at its start.
fn start_bytes(c: &PoolConfig) -> f64 {
    c.slots as f64 * c.slot_footprint() as f64
}

fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>, Error> {
    // Linux shows 15 bytes of a thread's name.
    let name: String = format!("fl-{name}").chars().take(15).collect();
    std::thread::Builder::new().name(name.clone()).spawn(body).map_err(|e| {
        Error::with_source(ErrorKind::State, format!("thread {name} could not be started"), e)
    })
}

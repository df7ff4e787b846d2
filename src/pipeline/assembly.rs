//! From a checked design to memory, rings and running threads.

use super::accept::Acceptance;
use super::caller::{Caller, CallerParts};
use super::capture::{Capture, Dead};
use super::command::Orders;
use super::config::LineConfig;
use super::flow::{Inputs, Out};
use super::ladder::Ladder;
use super::line::{Line, LineParts};
use super::memory::{InputShare, PoolNeeds};
use super::monitor::{Monitor, process_rss};
use super::plan::Plan;
use super::shared::{
    Event, Reporter, Shared, SharedParts, StageInfo, ThreadCells, WorkerCounts, WorkerInfo,
};
use super::wiring::{Wiring, thread_count};
use super::worker::{Step, Worker};
use crate::agent::{ExitBoard, ExitGuard, Placement};
use crate::buffer::{Pool, PoolView};
use crate::clock::{Clock, HostTime};
use crate::error::{Error, ErrorKind, Refusal};
use crate::fault::CodeTable;
use crate::fault::Witness;
use crate::source::{Fill, Source};
use crate::stage::{OutputSpec, Stage};
use crate::sync::{AtomicBool, AtomicU64, WakeCell, rtrb};
use crate::telemetry::{LatencyReader, LatencyWriter, Turn, latency, turn};
use crate::touch;
use crate::wait::{WaitStrategy, Waiter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Events that a thread may have under way to the monitor.
const EVENT_RING: usize = 1024;
const ORDER_RING: usize = 64;

/// A line on paper.
pub(super) struct Design {
    pub source: Box<dyn Source>,
    pub config: LineConfig,
    pub plan: Plan,
    /// By node, then by worker.
    pub stages: Vec<Vec<Box<dyn Stage>>>,
    pub fill: Fill,
    pub clock: Clock,
    pub witnesses: Vec<Arc<dyn Witness>>,
    pub autostart: bool,
}

/// Makes the memory, then the rings, then the threads, consumers first.
pub(super) fn assemble(design: Design) -> Result<Line, Error> {
    let mut needs = needs(&design)?;
    let Design { source, config, plan, mut stages, fill, clock, witnesses, autostart } = design;
    let beds: Vec<Arc<WakeCell>> =
        (0..thread_count(&plan)).map(|_| Arc::new(WakeCell::new())).collect();
    let pool = needs.source_pool(&*source, fill, beds[0].clone())?;
    let mut wiring = Wiring::new(&plan, &config, &beds);

    let mut parts = Parts::new(&plan, pool);
    let capture_turn = parts.thread("capture".into(), &beds[0]);
    let capture_reporter = parts.reporter().with_witnesses(witnesses);
    for agent in 0..plan.agents.len() {
        parts.agent(&plan, agent, &mut stages, &needs, &mut wiring, &beds)?;
    }

    let (interval, grab_interval) = latency();
    let (jitter, grab_jitter) = latency();
    let mut table = source.codes();
    config.faults.remap.iter().for_each(|(code, class)| table.remap(*code, *class));
    let mut pool = parts.pool;
    parts.refusals.extend(pool.take_refusals());
    let exits = Arc::new(ExitBoard::default());
    let shared = Arc::new(Shared::new(SharedParts {
        clock,
        fill: fill.name(),
        grab_interval,
        grab_jitter,
        threads: parts.threads,
        hops: wiring.hops,
        stages: parts.stages,
        end_to_end: parts.end_to_end,
        pools: parts.pools,
        lanes: wiring.lanes,
        exits: exits.clone(),
        config,
    }));
    shared.capture.slots.set(pool.slots() as u64);
    shared.capture.slot_bytes.set(pool.slot_bytes() as u64);
    begin_records(&shared, parts.refusals);
    let (orders, commands) = Orders::new(ORDER_RING);
    let outs = std::mem::take(&mut wiring.outs[plan.nodes.len()][0]);
    let info = source.info();
    let camera = if info.model.is_empty() { info.uri } else { info.model };
    let capture = Capture {
        waits: outs.iter().any(Out::waits),
        outs,
        acceptance: Acceptance::new(source.frame_id_rule(), shared.config.capture.damaged),
        ladder: Ladder::new(shared.config.faults.clone()),
        reporter: capture_reporter,
        bed: beds[0].clone(),
        waiter: Waiter::new(shared.config.capture.wait),
        turn: capture_turn,
        interval,
        jitter,
        placement: Placement {
            core: shared.config.capture.core,
            urgency: shared.config.capture.priority,
        },
        epoch: 0,
        sequence: 0,
        geometry: source.geometry(),
        hand: touch::vec(pool.slots() * 2 + 2),
        backlog: touch::vec(pool.slots() * 2 + 2).into(),
        last_grab: None,
        last_interval: None,
        dead: Dead::default(),
        last_reset: None,
        refused_reset: None,
        with_source: 0,
        lends_at_most: if fill == Fill::Lend { source.queue_depth(fill) } else { 0 },
        fetched: HostTime(0),
        starving: None,
        running: false,
        outgrown: None,
        resetting: false,
        autostart,
        until: None,
        fill,
        pool,
        source,
        table: table.clone(),
        commands,
        shared: shared.clone(),
    };
    let threads = Threads {
        camera,
        capture,
        drafts: parts.drafts,
        caller: parts.caller,
        exits,
        table,
        rings: parts.rings,
        monitor_bed: parts.monitor_bed,
        capture_bed: beds[0].clone(),
    };
    threads.start(shared, orders)
}

/// Whether the pools' arithmetic comes out.
pub(super) fn check_needs(design: &Design) -> Result<(), Error> {
    needs(design).map(drop)
}

fn needs(design: &Design) -> Result<PoolNeeds, Error> {
    let Design { source, config, plan, stages, fill, .. } = design;
    let input = source.max_payload_bytes().max(source.payload_bytes());
    let (inputs, outputs) = sizes(plan, stages, input);
    let makes_own = |i: usize| outputs.get(i).copied().flatten().is_some();
    PoolNeeds::new(&**source, config, plan, *fill, inputs, &outputs, &makes_own)
}

/// How large the images are that come to each node, and what each stage makes of them. A stage behind one that
/// makes images gets those, not the source's.
fn sizes(
    plan: &Plan,
    stages: &[Vec<Box<dyn Stage>>],
    source: usize,
) -> (Vec<InputShare>, Vec<Option<OutputSpec>>) {
    let mut inputs: Vec<usize> = Vec::new();
    let mut outputs: Vec<Option<OutputSpec>> = Vec::new();
    for (n, workers) in stages.iter().enumerate() {
        // Parents come before their children.
        let input = match plan.nodes[n].parent {
            None => source,
            Some(p) => outputs[p].map_or(inputs[p], |made: OutputSpec| made.payload_bytes),
        };
        inputs.push(input);
        outputs.push(workers.first().and_then(|s| s.output(input)));
    }
    (inputs.into_iter().map(|input| InputShare { input, source }).collect(), outputs)
}

/// What snapshots tell of the beginning.
fn begin_records(shared: &Shared, refusals: Vec<Refusal>) {
    let mut cold = shared.cold();
    let rss = process_rss().unwrap_or(0);
    (cold.rss_start, cold.rss_now, cold.rss_peak) = (rss, rss, rss);
    for r in refusals {
        if !cold.refusals.contains(&r) {
            cold.refusals.push(r);
        }
    }
}

type EventRing = (rtrb::Consumer<Event>, Arc<AtomicU64>);

/// The pieces as they are made, one thread after the other.
struct Parts {
    pool: Pool,
    pools: Vec<PoolView>,
    threads: Vec<ThreadCells>,
    stages: Vec<StageInfo>,
    end_to_end: Vec<LatencyReader>,
    rings: Vec<EventRing>,
    monitor_bed: Arc<WakeCell>,
    drafts: Vec<Draft>,
    caller: Option<CallerParts>,
    refusals: Vec<Refusal>,
}

impl Parts {
    fn new(plan: &Plan, pool: Pool) -> Parts {
        let stages = plan.nodes.iter().filter(|n| !n.is_caller);
        Parts {
            pools: vec![pool.view()],
            pool,
            threads: Vec::new(),
            stages: stages
                .map(|n| StageInfo { name: n.spec.name.clone(), workers: Vec::new() })
                .collect(),
            end_to_end: Vec::new(),
            rings: Vec::new(),
            monitor_bed: Arc::new(WakeCell::new()),
            drafts: Vec::new(),
            caller: None,
            refusals: Vec::new(),
        }
    }

    fn reporter(&mut self) -> Reporter {
        let (reporter, rx, dropped) = Reporter::new(EVENT_RING, self.monitor_bed.clone());
        self.rings.push((rx, dropped));
        reporter
    }

    /// One more thread that others can look at.
    fn thread(&mut self, name: String, bed: &Arc<WakeCell>) -> Turn {
        let (turn, reader) = turn();
        self.threads.push(ThreadCells {
            name,
            turn: reader,
            tid: Default::default(),
            busy: Default::default(),
            busy_since: Default::default(),
            bed: bed.clone(),
        });
        turn
    }

    /// The threads of one agent.
    fn agent(
        &mut self,
        plan: &Plan,
        agent: usize,
        stages: &mut [Vec<Box<dyn Stage>>],
        needs: &PoolNeeds,
        wiring: &mut Wiring,
        beds: &[Arc<WakeCell>],
    ) -> Result<(), Error> {
        let agent = &plan.agents[agent];
        let head = &plan.nodes[agent.head];
        for number in 0..agent.workers {
            let thread = self.threads.len();
            let bed = beds[thread].clone();
            let name = match agent.workers {
                1 => agent.name.clone(),
                _ => format!("{}.{number}", agent.name),
            };
            let turn = self.thread(name, &bed);
            let inputs = wiring.inputs.remove(0);
            let hop_latency = wiring.hop_writers.remove(0);
            let (end_to_end, reader) = latency();
            self.end_to_end.push(reader);
            if head.is_caller {
                let wait = agent.wait;
                self.caller =
                    Some(CallerParts { inputs, hop_latency, end_to_end, turn, bed, thread, wait });
                continue;
            }
            let mut steps = Vec::new();
            for &n in &agent.nodes {
                let outs = std::mem::take(&mut wiring.outs[n][number]);
                let step = self.step(plan, n, stages[n].remove(0), needs, outs, &bed)?;
                steps.push(step);
            }
            let reporter = self.reporter();
            self.drafts.push(Draft {
                thread,
                number,
                placement: Placement {
                    core: head.spec.core.map(|c| c + number),
                    urgency: head.spec.priority,
                },
                inputs,
                hop_latency,
                steps,
                end_to_end,
                wait: agent.wait,
                bed,
                turn,
                reporter,
            });
        }
        Ok(())
    }

    /// One stage on one thread, with its pool if it makes images.
    fn step(
        &mut self,
        plan: &Plan,
        node: usize,
        stage: Box<dyn Stage>,
        needs: &PoolNeeds,
        outs: Vec<Out>,
        bed: &Arc<WakeCell>,
    ) -> Result<Step, Error> {
        let mut output = None;
        if let Some(config) = needs.stages[node] {
            let mut pool = Pool::new(config, bed.clone())?;
            self.refusals.extend(pool.take_refusals());
            self.pools.push(pool.view());
            output = Some(pool);
        }
        let (service, reader) = latency();
        let counts = Arc::new(WorkerCounts::default());
        self.stages[node].workers.push(WorkerInfo {
            counts: counts.clone(),
            service: reader,
            results: stage.results(),
        });
        let siblings = &plan.agents[plan.nodes[node].agent].nodes;
        let fused = plan.nodes[node]
            .children
            .iter()
            .filter(|c| plan.nodes[**c].fused)
            .map(|c| siblings.iter().position(|x| x == c).expect("fused stages share an agent"))
            .collect();
        let must_have = plan.nodes[node].must_have;
        let input = needs.inputs[node];
        Ok(Step { stage, index: node, must_have, counts, service, input, output, outs, fused })
    }
}

/// A stage thread, before the line is shared.
struct Draft {
    thread: usize,
    number: usize,
    placement: Placement,
    inputs: Inputs,
    hop_latency: Vec<LatencyWriter>,
    steps: Vec<Step>,
    end_to_end: LatencyWriter,
    wait: WaitStrategy,
    bed: Arc<WakeCell>,
    turn: Turn,
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
            hop_latency: self.hop_latency,
            steps: self.steps,
            end_to_end: self.end_to_end,
            waiter: Waiter::new(self.wait),
            bed: self.bed,
            capture_bed,
            turn: self.turn,
            reporter: self.reporter,
        }
    }
}

/// Everything that is about to run.
struct Threads {
    capture: Capture,
    drafts: Vec<Draft>,
    caller: Option<CallerParts>,
    exits: Arc<ExitBoard>,
    camera: String,
    table: CodeTable,
    rings: Vec<EventRing>,
    monitor_bed: Arc<WakeCell>,
    capture_bed: Arc<WakeCell>,
}

impl Threads {
    fn start(self, shared: Arc<Shared>, orders: Orders) -> Result<Line, Error> {
        // Every thread has its place on the exit board before any runs.
        let mut guards: Vec<Option<ExitGuard>> =
            shared.threads.iter().map(|_| Some(self.exits.register())).collect();
        let mut guard = |thread: usize| guards[thread].take().expect("one guard a thread");
        let quit = Arc::new(AtomicBool::new(false));
        let bed = self.monitor_bed.clone();
        let monitor =
            Monitor::new(shared.clone(), self.camera, self.table, self.rings, bed, quit.clone());
        let monitor = spawn("monitor", move || monitor.run())?;
        let caller = self.caller.map(|c| {
            let guard = guard(c.thread);
            Caller::new(c, guard)
        });
        let mut spawned = Ok(());
        for draft in self.drafts {
            let guard = guard(draft.thread);
            let draft_thread = draft.thread;
            let name = shared.threads[draft_thread].name.clone();
            let worker = draft.finish(shared.clone(), self.capture_bed.clone());
            let (own, thread) = (shared.clone(), draft_thread);
            let run = move || {
                let _guard = guard;
                if catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {
                    own.died(thread);
                }
            };
            spawned = spawned.and_then(|()| spawn(&name, run).map(drop));
        }
        let guard = guard(0);
        let capture = self.capture;
        let own = shared.clone();
        let run = move || {
            let _guard = guard;
            if catch_unwind(AssertUnwindSafe(|| capture.run())).is_err() {
                own.died(0);
            }
        };
        let spawned = spawned.and_then(|()| spawn("capture", run).map(drop));
        let monitor_bed = self.monitor_bed;
        let line = Line::new(LineParts { shared, orders, monitor, monitor_bed, quit, caller });
        spawned?; // Dropping the line ends what was spawned.
        Ok(line)
    }
}

fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>, Error> {
    // Linux shows 15 bytes of a thread's name.
    let name: String = format!("fl-{name}").chars().take(15).collect();
    let run = || {
        touch::stack();
        body();
    };
    std::thread::Builder::new().name(name.clone()).spawn(run).map_err(|e| {
        Error::with_source(ErrorKind::State, format!("thread {name} could not be started"), e)
    })
}

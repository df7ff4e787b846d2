//! From stage specs to a graph that can work: names, order, threads, and the pool's arithmetic.

use super::config::{After, StageSpec};
use crate::agent::known_cores;
use crate::error::Error;
use crate::ring::Policy;
use crate::wait::WaitStrategy;

/// The name of the consumer that is the caller's own loop.
pub(super) const CALLER: &str = "caller";
const MAX_WORKERS: usize = 64;
const MAX_RING: usize = 65536;

/// A stage in the graph.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub spec: StageSpec,
    /// The node it follows; `None`: the source.
    pub parent: Option<usize>,
    pub children: Vec<usize>,
    /// Which agent runs it.
    pub agent: usize,
    /// Its policy, resolved; meaningless for a fused stage.
    pub policy: Policy,
    /// Whether it shares its parent's thread.
    pub fused: bool,
    /// Whether every hop from the source to it must have every frame.
    pub must_have: bool,
    /// Whether it is the caller's own loop.
    pub is_caller: bool,
}

/// A thread, or a group of `workers` equal threads.
#[derive(Debug, Clone)]
pub(super) struct AgentPlan {
    pub name: String,
    /// Its first node: the one that has the hop.
    pub head: usize,
    /// All of its nodes, parents first.
    pub nodes: Vec<usize>,
    pub workers: usize,
    pub wait: WaitStrategy,
}

#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub nodes: Vec<Node>,
    pub agents: Vec<AgentPlan>,
    /// Nodes that follow the source.
    pub roots: Vec<usize>,
}

impl Plan {
    /// Builds the graph and refuses what cannot work.
    pub fn new(
        specs: &[StageSpec],
        caller: Option<StageSpec>,
        can_wait: bool,
    ) -> Result<Plan, Error> {
        let mut plan = Plan { nodes: Vec::new(), agents: Vec::new(), roots: Vec::new() };
        for spec in specs {
            plan.add(spec.clone(), can_wait, false)?;
        }
        if let Some(spec) = caller {
            plan.add(spec, can_wait, true)?;
        }
        if plan.nodes.is_empty() {
            return Err(Error::config(
                "the line has no stage and no loop of the caller's; add a [[stage]] or ask for frames",
            ));
        }
        Ok(plan)
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|n| n.spec.name == name)
    }

    fn add(&mut self, mut spec: StageSpec, can_wait: bool, is_caller: bool) -> Result<(), Error> {
        let name = spec.name.clone();
        check_spec(&spec, is_caller)?;
        if self.find(&name).is_some() {
            return Err(Error::config(format!("two stages are named {name:?}; names must differ")));
        }
        let parent = match &spec.after {
            After::Source => None,
            After::Previous => self.nodes.len().checked_sub(1),
            After::Stage(s) if s == "source" => None,
            After::Stage(s) => Some(self.find(s).ok_or_else(|| {
                let known: Vec<&str> = self.nodes.iter().map(|n| n.spec.name.as_str()).collect();
                Error::config(format!(
                    "stage {name:?} comes after {s:?}, which is not a stage defined before it; known: source{}{}",
                    if known.is_empty() { "" } else { ", " },
                    known.join(", ")
                ))
            })?),
        };
        let index = self.nodes.len();
        let fused = match (&spec.thread, parent) {
            (Some(t), Some(p)) => self.nodes[p].spec.thread.as_ref() == Some(t),
            _ => false,
        };
        if !fused
            && let Some(t) = &spec.thread
            && self.nodes.iter().any(|n| n.spec.thread.as_ref() == Some(t))
        {
            return Err(Error::config(format!(
                "stage {name:?} shares thread {t:?} with a stage that it does not follow directly; only neighbours can share a thread"
            )));
        }
        let agent = if fused {
            let agent = self.nodes[parent.expect("a fused stage has a parent")].agent;
            let head = &self.agents[agent];
            if spec.workers != 1 && spec.workers != head.workers {
                return Err(Error::config(format!(
                    "stage {name:?} has {} workers but shares its thread with {:?}, which has {}",
                    spec.workers, head.name, head.workers
                )));
            }
            spec.workers = head.workers;
            self.agents[agent].nodes.push(index);
            agent
        } else {
            self.agents.push(AgentPlan {
                name: spec.thread.clone().unwrap_or_else(|| name.clone()),
                head: index,
                nodes: vec![index],
                workers: spec.workers,
                wait: spec.wait,
            });
            self.agents.len() - 1
        };
        let producers = parent.map_or(1, |p| self.nodes[p].spec.workers);
        let policy = spec.policy.unwrap_or(if parent.is_some() || can_wait {
            Policy::Every
        } else {
            Policy::Refuse
        });
        if !fused {
            if policy == Policy::Every && parent.is_none() && !can_wait {
                return Err(Error::config(format!(
                    "stage {name:?} follows the source with policy every, but this source cannot wait; use refuse, latest or 1-in-n"
                )));
            }
            if policy == Policy::Latest && (spec.workers > 1 || producers > 1) {
                return Err(Error::config(format!(
                    "stage {name:?} has policy latest, which works from one thread to one thread only; use 1-in-n, or give both ends one worker"
                )));
            }
        }
        let must_have =
            parent.is_none_or(|p| self.nodes[p].must_have) && (fused || policy.must_have());
        match parent {
            Some(p) if self.nodes[p].is_caller => unreachable!("the caller's loop is added last"),
            Some(p) => self.nodes[p].children.push(index),
            None => self.roots.push(index),
        }
        self.nodes.push(Node {
            spec,
            parent,
            children: Vec::new(),
            agent,
            policy,
            fused,
            must_have,
            is_caller,
        });
        Ok(())
    }

    /// Adds how many frames of one producer the consumers behind `children` can hold at once.
    /// `makes_own` says whether a node hands on images of its own pool instead.
    pub fn add_holders(
        &self,
        children: &[usize],
        makes_own: &dyn Fn(usize) -> bool,
        sum: &mut Sum,
    ) {
        for &c in children {
            let n = &self.nodes[c];
            let workers = n.spec.workers;
            let name = &n.spec.name;
            if !n.fused {
                match n.policy {
                    Policy::Latest => sum.add(2, format!("tap {name}")),
                    _ => {
                        let rings = workers * self.producers(c);
                        sum.add(n.spec.ring.saturating_mul(rings), format!("ring {name}"));
                    }
                }
                sum.add(workers, format!("in {name}"));
            }
            sum.add(n.spec.holds.saturating_mul(workers), format!("kept by {name}"));
            if !makes_own(c) {
                self.add_holders(&n.children, makes_own, sum);
            }
        }
    }

    /// Threads that push into node `i`'s hop.
    pub fn producers(&self, i: usize) -> usize {
        self.nodes[i].parent.map_or(1, |p| self.nodes[p].spec.workers)
    }
}

/// A sum with its terms, for the sentence that refuses it.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    pub total: usize,
    terms: Vec<String>,
}

impl Sum {
    pub fn add(&mut self, n: usize, what: String) {
        if n > 0 {
            self.total = self.total.saturating_add(n);
            self.terms.push(format!("{what} {n}"));
        }
    }

    pub fn text(&self) -> String {
        format!("{} = {}", self.terms.join(" + "), self.total)
    }
}

fn check_spec(spec: &StageSpec, is_caller: bool) -> Result<(), Error> {
    let name = &spec.name;
    if name.is_empty() || name == "source" || name == "end_to_end" || (name == CALLER && !is_caller)
    {
        return Err(Error::config(format!(
            "a stage cannot be named {name:?}; that name is taken or empty"
        )));
    }
    if !(1..=MAX_RING).contains(&spec.ring) {
        return Err(Error::config(format!(
            "stage {name:?} has a ring of depth {}; it must be 1 to {MAX_RING}",
            spec.ring
        )));
    }
    if !(1..=MAX_WORKERS).contains(&spec.workers) {
        return Err(Error::config(format!(
            "stage {name:?} has {} workers; it must be 1 to {MAX_WORKERS}",
            spec.workers
        )));
    }
    if let Some(core) = spec.core {
        for worker in 0..spec.workers {
            check_core(core.saturating_add(worker), &format!("stage {name:?}"))?;
        }
    }
    check_priority(spec.priority, &format!("stage {name:?}"))
}

/// Refuses a core that this process does not have.
pub(super) fn check_core(core: usize, who: &str) -> Result<(), Error> {
    let known = known_cores();
    if known.contains(&core) || known.is_empty() {
        return Ok(());
    }
    Err(Error::config(format!(
        "{who} asks for core {core}, but this process may use {} cores: {known:?}",
        known.len()
    )))
}

/// Refuses priorities that no system has.
pub(super) fn check_priority(priority: super::config::Priority, who: &str) -> Result<(), Error> {
    use super::config::Priority;
    match priority {
        Priority::Fifo(l) if !(1..=99).contains(&l) => {
            Err(Error::config(format!("{who} asks for SCHED_FIFO level {l}; it must be 1 to 99")))
        }
        Priority::Nice(n) if !(-20..=19).contains(&n) => {
            Err(Error::config(format!("{who} asks for nice value {n}; it must be -20 to 19")))
        }
        _ => Ok(()),
    }
}

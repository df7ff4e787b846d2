//! Making every ring of a line, and sorting the ends by who gets them.

use super::config::LineConfig;
use super::flow::{Inputs, Out};
use super::plan::Plan;
use super::shared::HopInfo;
use crate::buffer::{Frame, LANES, Lane};
use crate::ring::{Beds, EdgeRx, EdgeTx, Policy, edge};
use crate::sync::WakeCell;
use crate::telemetry::{LatencyWriter, latency};
use std::sync::Arc;

/// Every ring of the line, sorted by who gets which end.
pub(super) struct Wiring {
    pub hops: Vec<HopInfo>,
    /// By node (the source comes last), then by that node's worker.
    pub outs: Vec<Vec<Vec<Out>>>,
    /// By consuming thread, in the order of the plan.
    pub inputs: Vec<Inputs>,
    pub hop_writers: Vec<Vec<LatencyWriter>>,
    pub lanes: Vec<String>,
}

impl Wiring {
    pub fn new(plan: &Plan, config: &LineConfig, beds: &[Arc<WakeCell>]) -> Wiring {
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
            let lane_number = 1 + a % (LANES - 1);
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
pub(super) fn thread_count(plan: &Plan) -> usize {
    1 + plan.agents.iter().map(|a| a.workers).sum::<usize>()
}

/// The number of an agent's first thread.
pub(super) fn first_thread(plan: &Plan, agent: usize) -> usize {
    1 + plan.agents[..agent].iter().map(|a| a.workers).sum::<usize>()
}

//! One call's way through the nodes: what it may use, where it is, and how far it has come.

use super::limits::{MAX_DEPTH, MAX_KEPT_BYTES, MAX_VISITS};
use super::map::Map;
use super::node::{Id, Node};
use super::{Port, Refused};
use std::collections::HashMap;

/// What lasts from call to call.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Values that live on our side.
    pub held: HashMap<Id, Held>,
    /// Registers that were read, by address and length, until something is written.
    kept: HashMap<(u64, usize), Vec<u8>>,
    kept_bytes: usize,
    /// What was last written to registers that cannot be read, of which parts are written.
    pub written: HashMap<u64, Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Held {
    Integer(i64),
    Float(f64),
    Text(String),
}

impl State {
    /// Forgets what was read: it may have changed.
    pub fn forget(&mut self) {
        self.kept.clear();
        self.kept_bytes = 0;
    }

    pub fn kept(&self, address: u64, length: usize) -> Option<&Vec<u8>> {
        self.kept.get(&(address, length))
    }

    pub fn keep(&mut self, address: u64, bytes: &[u8]) {
        if self.kept_bytes + bytes.len() > MAX_KEPT_BYTES {
            self.forget();
        }
        self.kept_bytes += bytes.len();
        self.kept.insert((address, bytes.len()), bytes.into());
    }
}

/// What of a node is asked for. A node may be on the way twice for different reasons: its range may depend on its
/// value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Value,
    Range,
    Access,
    Write,
}

pub(super) struct Session<'a> {
    pub map: &'a Map,
    pub state: &'a mut State,
    pub port: &'a mut dyn Port,
    path: Vec<(Id, Why)>,
    visits: u32,
}

impl<'a> Session<'a> {
    pub fn new(map: &'a Map, state: &'a mut State, port: &'a mut dyn Port) -> Session<'a> {
        Session { map, state, port, path: Vec::new(), visits: 0 }
    }

    /// Goes to a node and does something there. Circles, depth and the sum of all visits are bounded.
    pub fn at<T>(
        &mut self,
        id: Id,
        why: Why,
        act: impl FnOnce(&mut Self, &'a Node) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let map = self.map;
        let Some(node) = map.node(id) else {
            let from = self.path.last().map_or("it", |(from, _)| map.name(*from));
            return Err(Refused::description(format!(
                "{from} refers to {}, which the camera's description does not explain",
                map.name(id)
            )));
        };
        self.visits += 1;
        if self.visits > MAX_VISITS {
            return Err(Refused::description(format!(
                "the camera's description asks for more than {MAX_VISITS} nodes for one value"
            )));
        }
        if self.path.contains(&(id, why)) {
            let names = self.path.iter().skip_while(|p| **p != (id, why)).take(6);
            let names: Vec<_> = names.map(|(id, _)| map.name(*id)).collect();
            return Err(Refused::description(format!(
                "the camera's description goes round in a circle: {} and {} again",
                names.join(", "),
                map.name(id)
            )));
        }
        if self.path.len() >= MAX_DEPTH {
            return Err(Refused::description(format!(
                "the camera's description has more than {MAX_DEPTH} nodes that refer to each other in turn, up to {}",
                map.name(id)
            )));
        }
        self.path.push((id, why));
        let done = act(self, node);
        self.path.pop();
        done
    }

    /// The error of a node that is wrong.
    pub fn wrong(&self, id: Id, what: impl std::fmt::Display) -> Refused {
        Refused::description(format!("in the camera's description {} {what}", self.map.name(id)))
    }
}

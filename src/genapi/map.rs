//! All nodes of a description, by name.

use super::node::{Body, Id, Node};
use std::collections::{HashMap, HashSet};

/// The nodes; names that are used and not explained have a place and no node.
#[derive(Debug, Default)]
pub(super) struct Map {
    names: Vec<String>,
    nodes: Vec<Option<Node>>,
    by_name: HashMap<String, Id>,
    /// The order in which the XML explains them.
    order: Vec<Id>,
    /// Who chooses what a node means, by the node's place.
    selectors: HashMap<Id, Vec<Id>>,
}

impl Map {
    /// The place of that name; made if it is new.
    pub fn intern(&mut self, name: &str) -> Id {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        let id = Id(self.names.len() as u32);
        self.names.push(name.into());
        self.nodes.push(None);
        self.by_name.insert(name.into(), id);
        id
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Puts a node in its place; the first of several counts.
    pub fn put(&mut self, id: Id, node: Node) {
        let place = &mut self.nodes[id.0 as usize];
        if place.is_none() {
            *place = Some(node);
            self.order.push(id);
        }
    }

    /// Notes who selects whom, once all nodes are there.
    pub fn link(&mut self) {
        let mut known = HashSet::new();
        for id in &self.order {
            let Some(node) = &self.nodes[id.0 as usize] else { continue };
            for selected in &node.base.selected {
                if selected != id && known.insert((*selected, *id)) {
                    self.selectors.entry(*selected).or_default().push(*id);
                }
            }
        }
    }

    pub fn name(&self, id: Id) -> &str {
        self.names.get(id.0 as usize).map_or("", String::as_str)
    }

    pub fn find(&self, name: &str) -> Option<Id> {
        self.by_name.get(name).copied().filter(|id| self.node(*id).is_some())
    }

    pub fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id.0 as usize)?.as_ref()
    }

    pub fn body(&self, id: Id) -> Option<&Body> {
        self.node(id).map(|n| &n.body)
    }

    pub fn order(&self) -> &[Id] {
        &self.order
    }

    pub fn selectors(&self, id: Id) -> &[Id] {
        self.selectors.get(&id).map_or(&[], Vec::as_slice)
    }
}

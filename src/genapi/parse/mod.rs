//! A description's XML to its nodes. What is wrong with one node breaks that node alone.

mod element;
mod nodes;
mod register;

use super::Refused;
use super::formula::MAX_ALL_STEPS;
use super::limits::{MAX_NODES, MAX_XML_NODES};
use super::map::Map;
use super::node::{Base, Body, Id, Node};
use crate::feature::Access;
use element::Element;
pub(super) use element::integer;

/// Reads a text that [`text::of_bytes`](super::text::of_bytes) has looked over.
pub(super) fn parse(text: &str) -> Result<Map, Refused> {
    let wrong = |e: &dyn std::fmt::Display| {
        Refused::description(format!("the camera's description is no XML that can be read: {e}"))
    };
    // No DTD, and so no entities: nothing expands.
    let options = roxmltree::ParsingOptions { nodes_limit: MAX_XML_NODES, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|e| wrong(&e))?;
    let root = document.root_element();
    if root.tag_name().name() != "RegisterDescription" {
        return Err(wrong(&format_args!(
            "it begins with <{}>, where <RegisterDescription> should be",
            root.tag_name().name()
        )));
    }
    let mut parser = Parser { map: Map::default(), steps_left: MAX_ALL_STEPS };
    parser.group(Element(root))?;
    parser.map.link();
    Ok(parser.map)
}

struct Parser {
    map: Map,
    /// Steps that the formulas to come may have.
    steps_left: usize,
}

impl Parser {
    /// The nodes among an element's children. Groups only group.
    fn group(&mut self, group: Element<'_, '_>) -> Result<(), Refused> {
        for e in group.all() {
            match e.kind() {
                "Group" => self.group(e)?,
                "StructReg" => self.structure(e),
                _ => {
                    if let Some(name) = e.name() {
                        let id = self.map.intern(name);
                        let node = self.node(e);
                        self.map.put(id, node);
                    }
                }
            }
            if self.map.len() > MAX_NODES {
                return Err(Refused::description(format!(
                    "the camera's description has more than {MAX_NODES} names, and is not read"
                )));
            }
        }
        Ok(())
    }

    fn node(&mut self, e: Element<'_, '_>) -> Node {
        let base = self.base(e);
        let body = self.body(e).unwrap_or_else(Body::Broken);
        Node { base, body }
    }

    fn id(&mut self, name: &str) -> Id {
        self.map.intern(name)
    }

    /// The node that a child of that name refers to.
    fn reference(&mut self, e: Element<'_, '_>, child: &str) -> Option<Id> {
        e.text(child).map(|name| self.map.intern(name))
    }

    fn references(&mut self, e: Element<'_, '_>, child: &str) -> Vec<Id> {
        e.children(child).map(|c| self.map.intern(c.own_text())).collect()
    }

    fn base(&mut self, e: Element<'_, '_>) -> Base {
        let description = e.text("Description").or(e.text("ToolTip")).unwrap_or_default();
        Base {
            description: description.split_whitespace().collect::<Vec<_>>().join(" "),
            visibility: match e.text("Visibility") {
                Some("Expert") => "Expert",
                Some("Guru") => "Guru",
                Some("Invisible") => "Invisible",
                _ => "Beginner",
            },
            imposed: e.text("ImposedAccessMode").and_then(access_of),
            is_implemented: self.reference(e, "pIsImplemented"),
            is_available: self.reference(e, "pIsAvailable"),
            is_locked: self.reference(e, "pIsLocked"),
            selected: self.references(e, "pSelected"),
        }
    }
}

fn access_of(text: &str) -> Option<Access> {
    [
        Access::NotImplemented,
        Access::NotAvailable,
        Access::WriteOnly,
        Access::ReadOnly,
        Access::ReadWrite,
    ]
    .into_iter()
    .find(|a| a.name() == text)
}

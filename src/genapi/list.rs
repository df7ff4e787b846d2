//! All features of a camera, as they are now.

use super::features::shape_of;
use super::node::{Body, Id, Shape};
use super::{Cause, Features, Port, Refused, Value};
use crate::feature::{Access, Feature, FeatureKind, FeatureRange};
use std::collections::HashSet;

/// After so many features in a row whose registers could not be reached, the camera is gone.
const GIVES_UP_AFTER: u32 = 3;
/// Bytes of a value that a list shows.
const SHOWN_BYTES: usize = 32;

impl Features {
    /// Every feature that the camera implements, in the order of its categories, with its value and range now. What
    /// cannot be read says why. Blocks for some reads of the camera for each feature.
    ///
    /// # Errors
    /// The registers cannot be reached, for several features in a row.
    pub fn list(&mut self, port: &mut dyn Port) -> Result<Vec<Feature>, Refused> {
        self.forget();
        let mut features = Vec::new();
        let mut failures = 0;
        for (id, category) in self.in_order() {
            match self.describe(port, id, &category) {
                Ok(None) => {}
                Ok(Some((feature, failure))) => {
                    features.push(feature);
                    match failure {
                        Some(e) if e.cause() == Cause::Port => {
                            failures += 1;
                            if failures == GIVES_UP_AFTER {
                                return Err(e);
                            }
                        }
                        _ => failures = 0,
                    }
                }
                Err(e) => return Err(e),
            }
        }
        Ok(features)
    }

    /// Features by category; of a description without categories, all of them.
    fn in_order(&self) -> Vec<(Id, String)> {
        let mut out = Vec::new();
        let mut seen = HashSet::new();
        // Categories may hold each other, and each is gone through once.
        let mut open: Vec<(Id, String)> =
            self.map.find("Root").map(|root| (root, String::new())).into_iter().collect();
        while let Some((id, category)) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            match self.map.body(id) {
                Some(Body::Category(members)) => {
                    let name = match self.map.name(id) {
                        "Root" => String::new(),
                        name => name.to_string(),
                    };
                    open.extend(members.iter().rev().map(|m| (*m, name.clone())));
                }
                Some(_) if self.kind_of(id).is_some() => out.push((id, category)),
                _ => {}
            }
        }
        if out.is_empty() {
            let all = self.map.order().iter().filter(|id| self.kind_of(**id).is_some());
            out = all.map(|id| (*id, String::new())).collect();
        }
        out
    }

    /// One feature, and what went wrong with it; `None`: the camera does not have it.
    fn describe(
        &mut self,
        port: &mut dyn Port,
        id: Id,
        category: &str,
    ) -> Result<Option<(Feature, Option<Refused>)>, Refused> {
        let Some(kind) = self.kind_of(id) else { return Ok(None) };
        let mut failure = None;
        let mut note = |e: Refused| failure = failure.take().or(Some(e));
        let access = match self.session(port).access(id) {
            Ok(Access::NotImplemented) => return Ok(None),
            Ok(access) => access,
            Err(e) => {
                note(e);
                Access::NotAvailable
            }
        };
        let value = match access.is_readable() {
            true => self.session(port).value(id).map_err(&mut note).ok(),
            false => None,
        };
        let range = match access {
            Access::NotAvailable => FeatureRange::Unknown,
            _ => self.session(port).range(id).map_err(&mut note).unwrap_or_default(),
        };
        let Some(node) = self.map.node(id) else { return Ok(None) };
        let unit = match &node.body {
            Body::Integer(n) => n.style.unit.clone(),
            Body::Float(n) => n.style.unit.clone(),
            Body::Register(register) => register.style.unit.clone(),
            Body::Converter(c) => c.style.unit.clone(),
            Body::Knife(k) => k.style.unit.clone(),
            _ => String::new(),
        };
        let shape = shape_of(&node.body);
        let feature = Feature {
            name: self.map.name(id).into(),
            category: category.into(),
            kind,
            access,
            value: value.map(|v| shaped(&v, shape)),
            // A command has nothing to choose.
            range: if kind == FeatureKind::Command { FeatureRange::Unknown } else { range },
            unit,
            visibility: node.base.visibility.into(),
            description: node.base.description.clone(),
            selectors: self.map.selectors(id).iter().map(|s| self.map.name(*s).into()).collect(),
            trouble: failure.as_ref().map(ToString::to_string),
        };
        Ok(Some((feature, failure)))
    }
}

/// The value as its shape asks for.
fn shaped(value: &Value, shape: Shape) -> String {
    match (value, shape) {
        (Value::Integer(n), Shape::Hex) => format!("{n:#x}"),
        (Value::Integer(n), Shape::Ip) => {
            let [.., a, b, c, d] = n.to_be_bytes();
            format!("{a}.{b}.{c}.{d}")
        }
        (Value::Integer(n), Shape::Mac) => {
            let parts: Vec<_> = n.to_be_bytes()[2..].iter().map(|b| format!("{b:02X}")).collect();
            parts.join(":")
        }
        (Value::Bytes(bytes), _) if bytes.len() > SHOWN_BYTES => {
            format!("{}... ({} bytes)", Value::Bytes(bytes[..SHOWN_BYTES].into()), bytes.len())
        }
        _ => value.to_string(),
    }
}

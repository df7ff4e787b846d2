//! Whether a node can be read or written now.

use super::Refused;
use super::node::{Base, Body, Id, Place};
use super::session::{Session, Why};
use crate::feature::Access;

impl Session<'_> {
    /// What can be done with a node now.
    pub fn access(&mut self, id: Id) -> Result<Access, Refused> {
        self.at(id, Why::Access, |s, node| {
            let own = s.base_access(&node.base)?;
            if own <= Access::NotAvailable {
                return Ok(own);
            }
            let below = match &node.body {
                Body::Integer(n) => s.place_access(&n.value)?,
                Body::Float(n) => s.place_access(&n.value)?,
                Body::Boolean { value, .. } | Body::Enumeration { value, .. } => {
                    s.place_access(value)?
                }
                // What a command reads as is for us to know; others execute it.
                Body::Command { value, .. } => {
                    let below = s.place_access(value)?;
                    if below.is_writable() { Access::WriteOnly } else { below }
                }
                Body::Text(value) => s.place_access(value)?,
                Body::Register(register) if s.is_elsewhere(register) => Access::NotAvailable,
                Body::Register(register) => register.access,
                Body::Converter(converter) => s.access(converter.value)?,
                Body::Knife(_) => Access::ReadOnly,
                Body::Category(_) | Body::Plain | Body::Port { .. } => Access::ReadOnly,
                Body::Broken(what) => return Err(s.wrong(id, what)),
            };
            Ok(own.and(below))
        })
    }

    /// Whether a node that can be written at other times is locked now.
    pub fn is_locked(&mut self, id: Id) -> Result<bool, Refused> {
        self.at(id, Why::Access, |s, node| {
            if let Some(lock) = node.base.is_locked
                && s.whole(lock)? != 0
            {
                return Ok(true);
            }
            let next = match &node.body {
                Body::Integer(n) => s.place_node(&n.value)?,
                Body::Float(n) => s.place_node(&n.value)?,
                Body::Boolean { value, .. }
                | Body::Enumeration { value, .. }
                | Body::Command { value, .. } => s.place_node(value)?,
                Body::Text(value) => s.place_node(value)?,
                Body::Converter(converter) => Some(converter.value),
                _ => None,
            };
            next.map_or(Ok(false), |next| s.is_locked(next))
        })
    }

    /// What the conditions of a node or an entry allow.
    pub fn base_access(&mut self, base: &Base) -> Result<Access, Refused> {
        let mut access = base.imposed.unwrap_or(Access::ReadWrite);
        if let Some(id) = base.is_implemented
            && self.whole(id)? == 0
        {
            return Ok(Access::NotImplemented);
        }
        if let Some(id) = base.is_available
            && self.whole(id)? == 0
        {
            return Ok(access.and(Access::NotAvailable));
        }
        if let Some(id) = base.is_locked
            && self.whole(id)? != 0
        {
            access = access.and(Access::ReadOnly);
        }
        Ok(access)
    }

    fn place_access<T: Clone>(&mut self, place: &Place<T>) -> Result<Access, Refused> {
        match self.place_node(place)? {
            Some(node) => self.access(node),
            // A choice that stands in the XML cannot be changed; a value on our side can.
            None if matches!(place, Place::Indexed { .. }) => Ok(Access::ReadOnly),
            None => Ok(Access::ReadWrite),
        }
    }
}

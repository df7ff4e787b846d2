//! Registers, and structures of their parts.

use super::super::node::{Bits, Body, Holds, Node, Operand, Register, Term};
use super::element::{Element, shown, whole};
use super::nodes::style;
use super::{Parser, access_of};
use crate::feature::Access;

impl Parser {
    pub(super) fn register(&mut self, e: Element<'_, '_>) -> Result<Register, String> {
        let holds = match e.kind() {
            "IntReg" => integer(e, e, None),
            "MaskedIntReg" => integer(e, e, Some(bits(e)?)),
            "FloatReg" => Holds::Float { is_big: is_big(e) },
            "StringReg" => Holds::Text,
            _ => Holds::Bytes,
        };
        self.at(e, holds)
    }

    /// What registers have, whatever they hold.
    fn at(&mut self, e: Element<'_, '_>, holds: Holds) -> Result<Register, String> {
        let mut address = Vec::new();
        for c in e.all() {
            match c.kind() {
                "Address" => address.push(Term::Fixed(whole("Address", c.own_text())?)),
                "pAddress" => address.push(Term::Node(self.id(c.own_text()))),
                "IntSwissKnife" => {
                    address.push(Term::Node(self.inner_knife(e.name().unwrap_or_default(), c)));
                }
                "pIndex" => {
                    let stride = match (c.attribute("pOffset"), c.attribute("Offset")) {
                        (Some(node), _) => Some(Operand::Node(self.id(node))),
                        (None, Some(text)) => Some(Operand::Fixed(whole("Offset", text)?)),
                        (None, None) => None,
                    };
                    address.push(Term::Index(self.id(c.own_text()), stride));
                }
                _ => {}
            }
        }
        if address.is_empty() {
            return Err("has no address".into());
        }
        let access = match e.text("AccessMode") {
            None => Access::ReadOnly,
            Some(text) => {
                access_of(text).ok_or_else(|| format!("has the access mode {}", shown(text)))?
            }
        };
        // What has to be polled changes by itself.
        let is_polled = e.whole("PollingTime")?.is_some_and(|ms| ms > 0);
        Ok(Register {
            address,
            length: self.operand(e, "Length", "pLength")?.ok_or("has no length")?,
            port: self.reference(e, "pPort"),
            access,
            is_kept: !is_polled && e.text("Cachable") != Some("NoCache"),
            holds,
            style: style(e),
        })
    }

    /// A register whose parts are nodes of their own.
    pub(super) fn structure(&mut self, e: Element<'_, '_>) {
        let register = self.at(e, Holds::Bytes);
        let outer = self.base(e);
        for entry in e.children("StructEntry") {
            let Some(name) = entry.name() else { continue };
            let id = self.id(name);
            let mut base = self.base(entry);
            base.is_implemented = base.is_implemented.or(outer.is_implemented);
            base.is_available = base.is_available.or(outer.is_available);
            base.is_locked = base.is_locked.or(outer.is_locked);
            let part = register.clone().and_then(|register| {
                let access = entry.text("AccessMode").and_then(access_of);
                Ok(Register {
                    access: access.unwrap_or(register.access),
                    is_kept: register.is_kept && entry.text("Cachable") != Some("NoCache"),
                    holds: integer(e, entry, Some(bits(entry)?)),
                    style: style(entry),
                    ..register
                })
            });
            let body = part.map_or_else(Body::Broken, |part| Body::Register(Box::new(part)));
            self.map.put(id, Node { base, body });
        }
    }
}

/// A whole number whose bytes are as `outer` says; its sign may stand in either.
fn integer(outer: Element<'_, '_>, own: Element<'_, '_>, bits: Option<Bits>) -> Holds {
    let sign = own.text("Sign").or(outer.text("Sign"));
    let is_big = if own.text("Endianess").is_some() { is_big(own) } else { is_big(outer) };
    Holds::Integer { is_big, is_signed: sign == Some("Signed"), bits }
}

fn is_big(e: Element<'_, '_>) -> bool {
    e.text("Endianess") == Some("BigEndian")
}

fn bits(e: Element<'_, '_>) -> Result<Bits, String> {
    let number = |kind: &str| {
        e.whole(kind)?
            .and_then(|n| u16::try_from(n).ok())
            .ok_or_else(|| format!("has no <{kind}> that names a bit"))
    };
    if e.child("Bit").is_some() {
        let bit = number("Bit")?;
        return Ok(Bits { one: bit, other: bit });
    }
    Ok(Bits { one: number("LSB")?, other: number("MSB")? })
}

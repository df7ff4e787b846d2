//! The nodes that are not registers.

use super::super::formula::{Names, compile};
use super::super::node::{
    Body, Converter, Entry, Id, Knife, Numeric, Operand, Part, Place, Shape, Slope, Style, Variable,
};
use super::Parser;
use super::element::{Element, exact, integer, shown, whole};

/// Most variables of one formula.
const MAX_VARIABLES: usize = 1000;

/// A number or text as it stands in the XML.
pub(super) trait Literal: Sized + Clone {
    fn read(kind: &str, text: &str) -> Result<Self, String>;
}

impl Literal for i64 {
    fn read(kind: &str, text: &str) -> Result<i64, String> {
        whole(kind, text)
    }
}

impl Literal for f64 {
    fn read(kind: &str, text: &str) -> Result<f64, String> {
        exact(kind, text)
    }
}

impl Literal for String {
    fn read(_: &str, text: &str) -> Result<String, String> {
        Ok(text.into())
    }
}

impl Parser {
    pub(super) fn body(&mut self, e: Element<'_, '_>) -> Result<Body, String> {
        Ok(match e.kind() {
            "Category" => Body::Category(self.references(e, "pFeature")),
            "Integer" => Body::Integer(Box::new(self.numeric(e)?)),
            "Float" => Body::Float(Box::new(self.numeric(e)?)),
            "Boolean" => Body::Boolean {
                value: self.boolean(e)?,
                on: e.whole("OnValue")?.unwrap_or(1),
                off: e.whole("OffValue")?.unwrap_or(0),
            },
            "Enumeration" => Body::Enumeration { value: self.place(e)?, entries: self.entries(e)? },
            "Command" => Body::Command {
                value: self.place(e)?,
                command: self
                    .operand(e, "CommandValue", "pCommandValue")?
                    .ok_or("has no <CommandValue>")?,
            },
            "String" => Body::Text(match self.place(e) {
                // A text may be empty.
                Err(_) if e.child("Value").is_some() => Place::Held(String::new()),
                place => place?,
            }),
            "IntReg" | "MaskedIntReg" | "FloatReg" | "StringReg" | "Register" => {
                Body::Register(Box::new(self.register(e)?))
            }
            "Converter" => self.converter(e, false)?,
            "IntConverter" => self.converter(e, true)?,
            "SwissKnife" => self.knife(e, false)?,
            "IntSwissKnife" => self.knife(e, true)?,
            "Port" => {
                let ids = ["ChunkID", "pChunkID", "EventID", "pEventID"];
                Body::Port { is_device: ids.iter().all(|id| e.child(id).is_none()) }
            }
            "Node" => Body::Plain,
            kind => {
                return Err(format!("is a node of kind {}, which is not supported", shown(kind)));
            }
        })
    }

    fn numeric<T: Literal>(&mut self, e: Element<'_, '_>) -> Result<Numeric<T>, String> {
        Ok(Numeric {
            value: self.place(e)?,
            copies: self.references(e, "pValueCopy"),
            min: self.operand(e, "Min", "pMin")?,
            max: self.operand(e, "Max", "pMax")?,
            step: self.operand(e, "Inc", "pInc")?,
            style: style(e),
        })
    }

    /// `<Kind>` with a literal, or `<pKind>` with a node's name.
    pub(super) fn operand<T: Literal>(
        &mut self,
        e: Element<'_, '_>,
        kind: &str,
        reference: &str,
    ) -> Result<Option<Operand<T>>, String> {
        if let Some(id) = self.reference(e, reference) {
            return Ok(Some(Operand::Node(id)));
        }
        e.text(kind).map(|t| T::read(kind, t).map(Operand::Fixed)).transpose()
    }

    fn place<T: Literal>(&mut self, e: Element<'_, '_>) -> Result<Place<T>, String> {
        if let Some(index) = self.reference(e, "pIndex") {
            let mut choices = Vec::new();
            for c in e.all().filter(|c| matches!(c.kind(), "ValueIndexed" | "pValueIndexed")) {
                let index = c.attribute("Index").ok_or("has a choice without its Index")?;
                choices.push((whole("Index", index)?, self.choice(c)?));
            }
            let otherwise = self
                .operand(e, "ValueDefault", "pValueDefault")?
                .ok_or("has an index and no <ValueDefault>")?;
            return Ok(Place::Indexed { index, choices, otherwise });
        }
        match self.operand(e, "Value", "pValue")? {
            Some(Operand::Node(id)) => Ok(Place::Node(id)),
            Some(Operand::Fixed(value)) => Ok(Place::Held(value)),
            None => Err("has neither <Value> nor <pValue>".into()),
        }
    }

    fn choice<T: Literal>(&mut self, e: Element<'_, '_>) -> Result<Operand<T>, String> {
        match e.kind().strip_prefix('p') {
            Some(_) => Ok(Operand::Node(self.id(e.own_text()))),
            None => T::read(e.kind(), e.own_text()).map(Operand::Fixed),
        }
    }

    /// What stands for true may be written as a word.
    fn boolean(&mut self, e: Element<'_, '_>) -> Result<Place<i64>, String> {
        let number = |kind: &str, otherwise| e.whole(kind).map(|n| n.unwrap_or(otherwise));
        match e.text("Value") {
            Some("true") if e.child("pValue").is_none() => Ok(Place::Held(number("OnValue", 1)?)),
            Some("false") if e.child("pValue").is_none() => Ok(Place::Held(number("OffValue", 0)?)),
            _ => self.place(e),
        }
    }

    fn entries(&mut self, e: Element<'_, '_>) -> Result<Vec<Entry>, String> {
        let mut entries = Vec::new();
        for entry in e.children("EnumEntry") {
            let name = entry.attribute("Name").ok_or("has an entry without a name")?;
            let value = entry
                .whole("Value")?
                .ok_or_else(|| format!("has the entry {name} without a value"))?;
            let name = entry.text("Symbolic").unwrap_or(name);
            entries.push(Entry { name: name.into(), value, base: self.base(entry) });
        }
        Ok(entries)
    }

    fn knife(&mut self, e: Element<'_, '_>, is_whole: bool) -> Result<Body, String> {
        let words = Words::of(self, e, is_whole)?;
        let formula = words.formula(e, "Formula", None, &mut self.steps_left)?;
        Ok(Body::Knife(Box::new(Knife { variables: words.variables, formula, style: style(e) })))
    }

    fn converter(&mut self, e: Element<'_, '_>, is_whole: bool) -> Result<Body, String> {
        let words = Words::of(self, e, is_whole)?;
        Ok(Body::Converter(Box::new(Converter {
            to: words.formula(e, "FormulaTo", Some("FROM"), &mut self.steps_left)?,
            from: words.formula(e, "FormulaFrom", Some("TO"), &mut self.steps_left)?,
            value: self.reference(e, "pValue").ok_or("has no <pValue>")?,
            slope: match e.text("Slope") {
                Some("Increasing") => Slope::Increasing,
                Some("Decreasing") => Slope::Decreasing,
                Some("Varying") => Slope::Varying,
                _ => Slope::Automatic,
            },
            variables: words.variables,
            style: style(e),
        })))
    }

    /// A formula that stands inside another node; it gets a name that no XML can use.
    pub(super) fn inner_knife(&mut self, owner: &str, e: Element<'_, '_>) -> Id {
        let id = self.id(&format!("{owner} (address {})", self.map.len()));
        let node = self.node(e);
        self.map.put(id, node);
        id
    }
}

/// The words that a node's formulas may use.
struct Words {
    names: Vec<String>,
    variables: Vec<Variable>,
    constants: Vec<(String, i64, f64)>,
    expressions: Vec<(String, String)>,
    is_whole: bool,
}

impl Words {
    fn of(parser: &mut Parser, e: Element<'_, '_>, is_whole: bool) -> Result<Words, String> {
        let mut words = Words {
            names: Vec::new(),
            variables: Vec::new(),
            constants: Vec::new(),
            expressions: Vec::new(),
            is_whole,
        };
        for c in e.all() {
            if !matches!(c.kind(), "pVariable" | "Constant" | "Expression") {
                continue;
            }
            let name = c.name().ok_or_else(|| format!("has a <{}> without a name", c.kind()))?;
            match c.kind() {
                "pVariable" => {
                    words
                        .variables
                        .push(Variable { node: parser.id(c.own_text()), part: part(name)? });
                    words.names.push(name.into());
                }
                "Constant" => {
                    let text = c.own_text();
                    // All 64 bits count, also where they are masks and addresses.
                    let (n, value) = match integer(text) {
                        Some(n) => (n, n as f64),
                        None if is_whole => (whole("Constant", text)?, 0.0),
                        None => (0, exact("Constant", text)?),
                    };
                    words.constants.push((name.into(), n, value));
                }
                _ => words.expressions.push((name.into(), c.own_text().into())),
            }
        }
        if words.names.len() + words.constants.len() + words.expressions.len() > MAX_VARIABLES {
            return Err(format!("has more than {MAX_VARIABLES} variables"));
        }
        Ok(words)
    }

    /// The formula of that kind. What is converted comes as the last variable.
    fn formula(
        &self,
        e: Element<'_, '_>,
        kind: &str,
        converted: Option<&str>,
        steps_left: &mut usize,
    ) -> Result<super::super::formula::Formula, String> {
        let text = e.text(kind).ok_or_else(|| format!("has no <{kind}>"))?;
        let mut names = self.names.clone();
        names.extend(converted.map(String::from));
        let words =
            Names { variables: &names, constants: &self.constants, expressions: &self.expressions };
        compile(text, &words, self.is_whole, steps_left)
            .map_err(|why| format!("has the formula {}, which {why}", shown(text)))
    }
}

/// What of its node a variable is, by the end of its name.
fn part(name: &str) -> Result<Part, String> {
    Ok(match name.split_once('.').map(|(_, part)| part) {
        None | Some("Value") => Part::Value,
        Some("Min") => Part::Min,
        Some("Max") => Part::Max,
        Some("Inc") => Part::Step,
        Some(part) => match part.strip_prefix("Entry.") {
            Some(entry) => Part::Entry(entry.into()),
            None => {
                return Err(format!("has the variable {}, whose end is not known", shown(name)));
            }
        },
    })
}

pub(super) fn style(e: Element<'_, '_>) -> Style {
    Style {
        unit: e.text("Unit").unwrap_or_default().into(),
        shape: match e.text("Representation") {
            Some("HexNumber") => Shape::Hex,
            Some("IPV4Address") => Shape::Ip,
            Some("MACAddress") => Shape::Mac,
            _ => Shape::Plain,
        },
    }
}

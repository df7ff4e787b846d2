//! Formulas with the values of their variables.

use super::Refused;
use super::formula::Formula;
use super::node::{Body, Converter, Id, Knife, Part, Variable};
use super::session::Session;

impl Session<'_> {
    pub fn knife_whole(&mut self, id: Id, knife: &Knife) -> Result<i64, Refused> {
        if !knife.formula.is_whole() {
            return self.knife_exact(id, knife).map(super::value::rounded);
        }
        let values = self.whole_variables(&knife.variables, &knife.formula)?;
        knife.formula.whole(&values).map_err(|why| self.formula_failed(id, &why))
    }

    pub fn knife_exact(&mut self, id: Id, knife: &Knife) -> Result<f64, Refused> {
        if knife.formula.is_whole() {
            return self.knife_whole(id, knife).map(|n| n as f64);
        }
        let values = self.exact_variables(&knife.variables, &knife.formula)?;
        knife.formula.exact(&values).map_err(|why| self.formula_failed(id, &why))
    }

    pub fn converter_whole(&mut self, id: Id, converter: &Converter) -> Result<i64, Refused> {
        if !converter.from.is_whole() {
            return self.converter_exact(id, converter).map(super::value::rounded);
        }
        let raw = self.whole(converter.value)?;
        self.converted_whole(id, converter, &converter.from, raw)
    }

    pub fn converter_exact(&mut self, id: Id, converter: &Converter) -> Result<f64, Refused> {
        if converter.from.is_whole() {
            return self.converter_whole(id, converter).map(|n| n as f64);
        }
        let raw = self.exact(converter.value)?;
        self.converted_exact(id, converter, &converter.from, raw)
    }

    /// One formula of a converter, of a value.
    pub fn converted_whole(
        &mut self,
        id: Id,
        converter: &Converter,
        formula: &Formula,
        value: i64,
    ) -> Result<i64, Refused> {
        let mut values = self.whole_variables(&converter.variables, formula)?;
        values.push(value);
        formula.whole(&values).map_err(|why| self.formula_failed(id, &why))
    }

    pub fn converted_exact(
        &mut self,
        id: Id,
        converter: &Converter,
        formula: &Formula,
        value: f64,
    ) -> Result<f64, Refused> {
        let mut values = self.exact_variables(&converter.variables, formula)?;
        values.push(value);
        formula.exact(&values).map_err(|why| self.formula_failed(id, &why))
    }

    fn formula_failed(&self, id: Id, why: &str) -> Refused {
        self.wrong(id, format_args!("has a formula that {why}"))
    }

    /// Values by place; of variables that the formula does not use, nothing is read.
    fn whole_variables(&mut self, all: &[Variable], of: &Formula) -> Result<Vec<i64>, Refused> {
        let mut values = vec![0; all.len()];
        for place in of.variables() {
            let Some(v) = all.get(usize::from(place)) else { continue };
            values[usize::from(place)] = match &v.part {
                Part::Value => self.whole(v.node)?,
                Part::Min => self.whole_range(v.node)?.0,
                Part::Max => self.whole_range(v.node)?.1,
                Part::Step => self.whole_range(v.node)?.2,
                Part::Entry(name) => self.entry_value(v.node, name)?,
            };
        }
        Ok(values)
    }

    fn exact_variables(&mut self, all: &[Variable], of: &Formula) -> Result<Vec<f64>, Refused> {
        let mut values = vec![0.0; all.len()];
        for place in of.variables() {
            let Some(v) = all.get(usize::from(place)) else { continue };
            values[usize::from(place)] = match &v.part {
                Part::Value => self.exact(v.node)?,
                Part::Min => self.exact_range(v.node)?.0,
                Part::Max => self.exact_range(v.node)?.1,
                Part::Step => self.exact_range(v.node)?.2.unwrap_or(0.0),
                Part::Entry(name) => self.entry_value(v.node, name)? as f64,
            };
        }
        Ok(values)
    }

    fn entry_value(&self, id: Id, name: &str) -> Result<i64, Refused> {
        let Some(Body::Enumeration { entries, .. }) = self.map.body(id) else {
            return Err(
                self.wrong(id, format_args!("is asked for its entry {name} and has no entries"))
            );
        };
        let entry = entries.iter().find(|e| e.name == name);
        entry.map(|e| e.value).ok_or_else(|| self.wrong(id, format_args!("has no entry {name}")))
    }
}

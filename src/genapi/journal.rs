//! What was set on a camera, to be set again on one that came back.

use super::{Cause, Features, Port, Refused};
use crate::feature::FeatureKind;

/// Commands by which other features get their values: they are executed again in their place.
const REPEATED: &[&str] = &["UserSetLoad"];

/// Every feature that was set, each under the values of the selectors that choose what it means, in the order of
/// setting. Any thread.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// What the selectors were set to last.
    selectors: Vec<(String, String)>,
    made: Vec<Setting>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    selectors: Vec<(String, String)>,
    name: String,
    value: String,
}

impl Journal {
    /// Sets a feature and notes it. Commands are executed; only those are noted that set other features.
    pub fn set(
        &mut self,
        features: &mut Features,
        port: &mut dyn Port,
        name: &str,
        value: &str,
    ) -> Result<(), Refused> {
        features.set(port, name, value)?;
        if features.kind(name) == Some(FeatureKind::Command) && !REPEATED.contains(&name) {
            return Ok(());
        }
        if !features.selected(name).is_empty() {
            let pair = (name.to_string(), value.to_string());
            match self.selectors.iter_mut().find(|(n, _)| n == name) {
                Some(known) => *known = pair,
                None => self.selectors.push(pair),
            }
        }
        // A selector that nobody set has a value all the same, and it counts.
        let selectors: Vec<String> =
            features.selectors(name).into_iter().map(String::from).collect();
        let mut chosen = Vec::new();
        for selector in selectors {
            if let Ok(value) = features.get(port, &selector) {
                chosen.push((selector, value.to_string()));
            }
        }
        // A feature that only selects is set where it is needed.
        if features.selected(name).is_empty() || !chosen.is_empty() {
            self.note(Setting { selectors: chosen, name: name.into(), value: value.into() });
        }
        Ok(())
    }

    fn note(&mut self, setting: Setting) {
        // The later one counts, in its later place.
        self.made.retain(|s| s.name != setting.name || s.selectors != setting.selectors);
        self.made.push(setting);
    }

    /// Sets everything again. Some features can only be set after others (a region's size before its place), so that
    /// those that are refused have another turn as long as others succeed.
    pub fn restore(&self, features: &mut Features, port: &mut dyn Port) -> Result<(), Refused> {
        let mut left: Vec<&Setting> = self.made.iter().collect();
        while !left.is_empty() {
            let before = left.len();
            let (mut refused, mut waits) = (None, false);
            for setting in std::mem::take(&mut left) {
                if !left.is_empty() && (waits || REPEATED.contains(&setting.name.as_str())) {
                    // What was set before it, and what after, stays so.
                    waits = true;
                    left.push(setting);
                    continue;
                }
                match set_again(setting, features, port) {
                    Ok(()) => {}
                    Err(e) if e.cause() == Cause::Port => return Err(e),
                    Err(e) => {
                        refused = Some(e);
                        left.push(setting);
                    }
                }
            }
            if left.len() == before
                && let Some(e) = refused
            {
                return Err(e);
            }
        }
        self.selectors.iter().try_for_each(|(name, value)| features.set(port, name, value))
    }

    /// Names and values in the order of setting, each once for each choice of its selectors.
    pub fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.made.iter().map(|s| (s.name.as_str(), s.value.as_str()))
    }
}

fn set_again(
    setting: &Setting,
    features: &mut Features,
    port: &mut dyn Port,
) -> Result<(), Refused> {
    for (name, value) in &setting.selectors {
        let is_set = features.get(port, name).is_ok_and(|now| now.to_string() == *value);
        if !is_set {
            features.set(port, name, value)?;
        }
    }
    features.set(port, &setting.name, &setting.value)
}

//! One line of the doctor's findings.

use serde_json::{Map, Value, json};

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// As a line wants it.
    Ok,
    /// A line runs with it, and worse than it could.
    Warn,
    /// The system denied it, or there is too little of it for the camera's rate.
    Refused,
    /// It could not be looked at.
    Unknown,
}

impl Status {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Refused => "refused",
            Status::Unknown => "unknown",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Heading it stands under.
    pub group: &'static str,
    /// Its name, as tools know it.
    pub name: String,
    /// How it stands.
    pub status: Status,
    /// What was found, with numbers and units.
    pub found: String,
    /// Why it matters to a line.
    pub why: &'static str,
    /// What to do about it: a command or a setting. Empty where it is ok.
    pub fix: String,
    /// Whether the default line cannot run where this is refused.
    pub required: bool,
    /// The numbers, for tools: times in ns, sizes in bytes.
    pub figures: Map<String, Value>,
}

impl Check {
    fn new(topic: &Topic, status: Status, found: String, fix: String) -> Check {
        Check {
            group: topic.group,
            name: topic.name.into(),
            status,
            found,
            why: topic.why,
            fix,
            required: topic.required,
            figures: Map::new(),
        }
    }

    /// Another name: there are several of this kind.
    pub fn named(mut self, name: String) -> Check {
        self.name = name;
        self
    }

    /// A number for tools.
    pub fn figure(mut self, key: &str, value: impl Into<Value>) -> Check {
        self.figures.insert(key.into(), value.into());
        self
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        json!({
            "group": self.group,
            "name": self.name,
            "status": self.status.name(),
            "required": self.required,
            "found": self.found,
            "why": self.why,
            "fix": if self.fix.is_empty() { Value::Null } else { self.fix.clone().into() },
            "figures": self.figures,
        })
    }
}

/// What a check is about. Whatever is not ok comes with a fix.
#[derive(Debug, Clone, Copy)]
pub struct Topic {
    /// Heading.
    pub group: &'static str,
    /// Name.
    pub name: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// Whether the default line needs it.
    pub required: bool,
}

impl Topic {
    /// Something that a line is better with.
    pub const fn new(group: &'static str, name: &'static str, why: &'static str) -> Topic {
        Topic { group, name, why, required: false }
    }

    /// Something without which the default line cannot run.
    pub const fn required(group: &'static str, name: &'static str, why: &'static str) -> Topic {
        Topic { group, name, why, required: true }
    }

    /// All is well.
    pub fn ok(&self, found: impl Into<String>) -> Check {
        Check::new(self, Status::Ok, found.into(), String::new())
    }

    /// It could be better.
    pub fn warn(&self, found: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(self, Status::Warn, found.into(), fix.into())
    }

    /// It is denied, or too little.
    pub fn refused(&self, found: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(self, Status::Refused, found.into(), fix.into())
    }

    /// It could not be looked at.
    pub fn unknown(&self, found: impl Into<String>, fix: impl Into<String>) -> Check {
        Check::new(self, Status::Unknown, found.into(), fix.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_tells_tools_what_it_tells_people() {
        // Catches a status or a fix that is lost on the way to JSON.
        const TOPIC: Topic = Topic::required("cores", "cores", "why");
        let check = TOPIC.refused("none", "get one").figure("count", 0).json();
        assert_eq!((&check["status"], &check["required"]), (&"refused".into(), &true.into()));
        assert_eq!((&check["fix"], &check["figures"]["count"]), (&"get one".into(), &0.into()));
        assert_eq!(TOPIC.ok("two").json()["fix"], Value::Null);
    }
}

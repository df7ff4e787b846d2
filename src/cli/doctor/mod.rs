//! `frameline doctor`: what this machine allows, and what to do about each thing that it does not.
//!
//! Every probe is tried, not guessed, where trying does no harm; each runs on a thread of its own with a
//! bound, so that a hanging file system or a failing probe costs its own line only.

pub mod bounded;
mod cgroup;
mod check;
mod clocks;
mod context;
mod cores;
mod disk;
#[cfg(test)]
mod fake;
mod hiccups;
mod memory;
mod network;
mod platform;
mod priority;
mod roots;
mod sdk;
mod text;
mod thieves;
mod trial;
mod usb;
mod waiting;

use super::args::DoctorArgs;
use super::machine::Machine;
use super::run::print;
use super::value::list;
use crate::error::Error;
use bounded::bounded;
use check::{Check, Status, Topic};
use context::Context;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use waiting::Waiting;

/// What to do where the system's own files are missing.
const MOUNT: &str = "mount /proc and /sys (in a container: do not mask them)";
/// How long a probe may take beyond what it measures.
const SLACK: Duration = Duration::from_secs(30);

/// What was found.
#[derive(Debug)]
struct Findings {
    checks: Vec<Check>,
    /// The meter's histogram, as JSON.
    hiccup: Value,
}

/// A probe: its heading, its name, and what it does.
type Probe = (&'static str, &'static str, fn(&Context) -> Vec<Check>);

/// In the order in which they are printed; the hiccup meter looks before any of them runs.
const PROBES: &[Probe] = &[
    ("priority", "priority", priority::checks),
    ("line", "trial", trial_checks),
    ("memory", "huge_pages", memory::huge_pages),
    ("memory", "copy", memory::copy),
    ("clocks", "clocks", clocks::checks),
    ("disk", "disk", disk::checks),
    ("network", "network", network::checks),
    ("usb", "usb", usb::checks),
    ("sdk", "sdk", sdk::checks),
    ("platform", "platform", platform::checks),
];

/// Looks, prints, and says why the default line cannot run; `None` if it can.
pub fn run(args: &DoctorArgs) -> Result<Option<String>, Error> {
    let machine = Machine::look();
    let context = Arc::new(Context::new(args)?);
    let findings = look(&context, &Waiting::new());
    let reason = cannot(&findings.checks);
    let text = text::text(
        &findings.checks,
        &verdict(&findings.checks),
        &machine,
        text::Style::of(args.json),
    );
    if args.json {
        // Nobody to tell that nobody is listening.
        let _ = std::io::stderr().write_all(text.as_bytes());
        print(&format!("{}\n", object(&findings, &context, &machine)))?;
    } else {
        print(&text)?;
    }
    Ok(reason)
}

/// Everything, one after the other: what is measured must not disturb what is measured.
fn look(c: &Arc<Context>, waiting: &Waiting) -> Findings {
    let mut checks = Vec::new();
    let probe = |(group, name, probe): Probe, checks: &mut Vec<Check>| {
        let its = c.clone();
        match bounded(SLACK, |t| waiting.say(name, t), move || probe(&its)) {
            Ok(found) => checks.extend(found),
            Err(why) => checks.push(unanswered(group, name, why)),
        }
    };
    probe(("cores", "cores", cores::checks), &mut checks);
    let its = c.clone();
    let what = format!("hiccups of every core, for {} s", c.look.as_secs_f64());
    let say = |t| waiting.say(&what, t);
    let hiccup = match bounded(c.look + SLACK, say, move || hiccups::look(&its)) {
        Ok(look) => {
            checks.extend(hiccups::checks(c, &look));
            look.json()
        }
        Err(why) => {
            checks.push(unanswered("cores", "hiccups", why));
            Value::Null
        }
    };
    PROBES.iter().for_each(|p| probe(*p, &mut checks));
    waiting.end();
    Findings { checks, hiccup }
}

/// The check of a probe that hangs or fails.
fn unanswered(group: &'static str, name: &'static str, why: String) -> Check {
    let fix = "run it again while the machine is idle; if it stays so, report it with this line";
    Topic::new(group, name, "what was not seen may still be wrong").unknown(why, fix)
}

fn trial_checks(c: &Context) -> Vec<Check> {
    let trial = trial::run(c);
    let mut all = memory::checks(c, &trial);
    all.insert(0, trial::check(&trial));
    all
}

/// Why the default line cannot run here: one sentence.
fn cannot(checks: &[Check]) -> Option<String> {
    let missing: Vec<String> = checks
        .iter()
        .filter(|c| c.required && c.status == Status::Refused)
        .map(|c| format!("{}: {}", c.name, c.found))
        .collect();
    (!missing.is_empty())
        .then(|| format!("the default line cannot run here; {}", missing.join("; ")))
}

/// The last line: whether the default line can run, and what is left to do.
fn verdict(checks: &[Check]) -> String {
    let count = |s: Status| checks.iter().filter(|c| c.status == s).count();
    let parts: Vec<String> =
        [(Status::Refused, "refused"), (Status::Warn, "to improve"), (Status::Unknown, "unknown")]
            .iter()
            .filter(|(s, _)| count(*s) > 0)
            .map(|(s, word)| format!("{} {word}", count(*s)))
            .collect();
    let rest = match parts.is_empty() {
        true => "nothing is left to do".to_string(),
        false => format!("of {} checks {}", checks.len(), list(parts.iter().map(String::as_str))),
    };
    match cannot(checks) {
        None => format!("The default line can run here; {rest}."),
        Some(_) => {
            let required = |c: &&Check| c.required && c.status == Status::Refused;
            let names = list(checks.iter().filter(required).map(|c| c.name.as_str()));
            format!("The default line cannot run here for want of {names}; {rest}.")
        }
    }
}

/// The object of `--json`.
fn object(f: &Findings, c: &Context, machine: &Machine) -> Value {
    let mut o = Map::new();
    o.insert("ok".into(), cannot(&f.checks).is_none().into());
    o.insert("verdict".into(), verdict(&f.checks).into());
    o.insert(
        "camera".into(),
        json!({ "payload_bytes": c.need.payload_bytes, "bytes_per_second": c.need.rate }),
    );
    o.insert("checks".into(), f.checks.iter().map(Check::json).collect());
    o.insert("hiccup".into(), f.hiccup.clone());
    o.insert("machine".into(), machine.json());
    o.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: Topic = Topic::required("memory", "pool", "why");
    const WANTED: Topic = Topic::new("disk", "disk", "why");

    #[test]
    fn only_what_the_default_line_needs_decides() {
        // Catches a missing SDK that makes the machine unfit, and a missing pool that does not.
        let fine = [NEEDED.ok("x"), WANTED.ok("x")];
        assert!(cannot(&fine).is_none() && verdict(&fine).contains("nothing is left"));
        let worse = [NEEDED.warn("x", "f"), WANTED.refused("x", "f"), WANTED.unknown("x", "f")];
        assert!(cannot(&worse).is_none());
        assert!(
            verdict(&worse).contains("of 3 checks 1 refused, 1 to improve and 1 unknown"),
            "{}",
            verdict(&worse)
        );
        let unfit = [NEEDED.refused("10 MB free", "f"), WANTED.ok("x")];
        assert!(cannot(&unfit).is_some_and(|r| r.contains("pool: 10 MB free")));
        assert!(verdict(&unfit).contains("for want of pool"), "{}", verdict(&unfit));
    }

    #[test]
    fn a_bare_tree_gives_a_whole_answer() {
        // Catches a probe that dies, or leaves a user without a fix, where /proc and /sys are empty.
        let tree = fake::Tree::new();
        let mut context = context::fake(&tree);
        context.look = Duration::from_millis(10);
        let findings = look(&Arc::new(context), &Waiting::silent());
        for check in &findings.checks {
            assert_eq!(check.fix.is_empty(), check.status == Status::Ok, "{check:?}");
            assert!(!check.found.is_empty() && !check.why.is_empty(), "{check:?}");
        }
        for name in [
            "cores",
            "hiccups",
            "realtime",
            "pool",
            "copy",
            "timer",
            "disk",
            "usb_memory",
            "mvs",
            "build",
        ] {
            assert!(findings.checks.iter().any(|c| c.name == name), "{name}");
        }
    }
}

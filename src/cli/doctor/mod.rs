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
/// The same for the trial of the default line, which first draws and learns what it will inspect.
const TRIAL_SLACK: Duration = Duration::from_secs(45);
/// The name of that probe.
const TRIAL: &str = "trial";

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
    ("line", TRIAL, trial_checks),
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
        let bound = if name == TRIAL { TRIAL_SLACK } else { SLACK };
        match bounded(bound, |t| waiting.say(name, t), move || probe(&its)) {
            Ok(found) => checks.extend(found),
            Err(why) => checks.extend(unanswered(group, name, &why)),
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
            checks.extend(unanswered("cores", "hiccups", &why));
            Value::Null
        }
    };
    PROBES.iter().for_each(|p| probe(*p, &mut checks));
    waiting.end();
    Findings { checks, hiccup }
}

/// The checks of a probe that hangs or fails. What the default line needs is not known then.
fn unanswered(group: &'static str, name: &'static str, why: &str) -> Vec<Check> {
    let fix = "run it again while the machine is idle; if it stays so, report it with this line";
    let about = "what was not seen may still be wrong";
    let topics = match name {
        TRIAL => vec![
            Topic::new(group, "default_line", about),
            Topic::required("memory", "pool", about),
            Topic::new("memory", "memory_lock", about),
        ],
        "cores" | "copy" => vec![Topic::required(group, name, about)],
        _ => vec![Topic::new(group, name, about)],
    };
    topics.iter().map(|t| t.unknown(why, fix)).collect()
}

fn trial_checks(c: &Context) -> Vec<Check> {
    let trial = trial::run(c);
    let mut all = memory::checks(c, &trial);
    all.insert(0, trial::check(&trial));
    all
}

/// The checks that the default line needs, with that status.
fn needed(checks: &[Check], status: Status) -> impl Iterator<Item = &Check> {
    checks.iter().filter(move |c| c.required && c.status == status)
}

/// Why the default line cannot run here, or why nobody knows: one sentence.
fn cannot(checks: &[Check]) -> Option<String> {
    let told = |status, words: &str| {
        let parts: Vec<_> =
            needed(checks, status).map(|c| format!("{}: {}", c.name, c.found)).collect();
        (!parts.is_empty()).then(|| format!("{words}; {}", parts.join("; ")))
    };
    told(Status::Refused, "the default line cannot run here")
        .or_else(|| told(Status::Unknown, "it was not seen whether the default line can run here"))
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
            let names = |status| list(needed(checks, status).map(|c| c.name.as_str()));
            if needed(checks, Status::Refused).next().is_some() {
                let missing = names(Status::Refused);
                return format!("The default line cannot run here for want of {missing}; {rest}.");
            }
            let unseen = names(Status::Unknown);
            format!(
                "It was not seen whether the default line can run here, for want of {unseen}; {rest}."
            )
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
    fn what_was_not_seen_is_not_called_fit() {
        // Catches a trial that hangs and a machine that is called fit all the same.
        let mut checks = unanswered("line", TRIAL, "it did not answer within 1 s");
        assert!(checks.iter().any(|c| c.name == "memory_lock"));
        let reason = cannot(&checks).unwrap();
        assert!(
            reason.contains("not seen whether") && reason.contains("pool: it did not"),
            "{reason}"
        );
        assert!(verdict(&checks).starts_with("It was not seen"), "{}", verdict(&checks));
        checks.push(NEEDED.refused("10 MB free", "f"));
        assert!(
            cannot(&checks).unwrap().starts_with("the default line cannot run here; pool: 10 MB")
        );
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

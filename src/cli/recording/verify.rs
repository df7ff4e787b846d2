//! `frameline verify`.

use super::progress::Progress;
use crate::cli::args::VerifyArgs;
use crate::cli::run::print;
use crate::cli::units::size;
use crate::error::Error;
use crate::recording::{BadFrames, Findings, Recording, verify};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Stretches of bad frames that a person is told of.
const TOLD: usize = 20;

/// Runs the command; the reason is one for exit code 1.
pub fn run(args: &VerifyArgs) -> Result<Option<String>, Error> {
    let recording = Recording::open(&args.file)?;
    let progress = Progress::new("verifying", recording.frames());
    let found = verify(&recording, |n| progress.set(n));
    drop(progress);
    if args.json {
        print(&format!("{}\n", object(args, &recording, &found)))?;
    } else {
        print(&text(args, &recording, &found))?;
    }
    Ok((!found.is_whole()).then(|| reason(args, &recording, &found)))
}

/// How a stretch is called.
fn frames(b: &BadFrames) -> String {
    if b.from == b.to {
        format!("frame {}", b.from)
    } else {
        format!("frames {} to {}", b.from, b.to)
    }
}

fn reason(args: &VerifyArgs, r: &Recording, found: &Findings) -> String {
    let file = args.file.display();
    let writing = found.not_closed.iter().any(|i| r.segments()[*i].is_being_written());
    let mut parts = Vec::new();
    if found.bad_frames() > 0 {
        parts.push(format!("{} of {} frames are damaged", found.bad_frames(), r.frames()));
    }
    if writing {
        parts.push("it is being written".into());
    } else if !found.not_closed.is_empty() {
        parts.push("it was never closed".into());
    }
    if !found.missing.is_empty() {
        parts.push(found.missing.join(" and "));
    }
    let mendable = found.bad_frames() > 0 || !found.not_closed.is_empty();
    let advice = match writing || !mendable {
        true => String::new(),
        false => {
            "; frameline repair FILE --out FILE makes a whole recording of what is good".into()
        }
    };
    format!("{file}: {}{advice}", parts.join(" and "))
}

fn text(args: &VerifyArgs, r: &Recording, found: &Findings) -> String {
    let mut out = format!(
        "{}: {} of {} frames are good ({})\n",
        args.file.display(),
        found.good,
        r.frames(),
        size(found.good_bytes)
    );
    for b in found.bad.iter().take(TOLD) {
        let _ = writeln!(out, "  {} {}", frames(b), b.fault);
    }
    if found.bad.len() > TOLD {
        let _ = writeln!(out, "  and {} stretches more", found.bad.len() - TOLD);
    }
    for missing in &found.missing {
        let _ = writeln!(out, "  {missing}");
    }
    for i in &found.not_closed {
        let s = &r.segments()[*i];
        let how = if s.is_being_written() { "is being written" } else { "was never closed" };
        let _ = writeln!(out, "  {} {how}", s.path().display());
    }
    out
}

fn object(args: &VerifyArgs, r: &Recording, found: &Findings) -> Value {
    let bad = found.bad.iter();
    json!({
        "ok": found.is_whole(),
        "file": args.file.display().to_string(),
        "frames": r.frames(),
        "good": found.good,
        "good_bytes": found.good_bytes,
        "bad": bad.map(|b| json!({ "from": b.from, "to": b.to, "fault": b.fault.to_string() })).collect::<Vec<_>>(),
        "missing": found.missing,
        "not_closed": found.not_closed.iter().map(|i| r.segments()[*i].path().display().to_string()).collect::<Vec<_>>(),
        "being_written": r.segments().iter().any(|s| s.is_being_written()),
    })
}

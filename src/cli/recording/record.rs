//! `frameline record`: a line whose only stage records.

use crate::cli::args::{RecordArgs, RunArgs};
use crate::cli::record_kind::named;
use crate::cli::{resolve, run};
use crate::error::Error;
use crate::recording::Recording;
use serde_json::{Value, json};
use std::path::Path;
use std::time::SystemTime;

/// Runs the command; the reason is one for exit code 1.
pub fn run(args: &RecordArgs, verbose: u8) -> Result<Option<String>, Error> {
    let name = resolve::named(&args.out, "--out")?;
    let out = named(name, SystemTime::now()).into();
    let line = RunArgs {
        source: args.source.clone(),
        frames: args.frames,
        seconds: args.seconds,
        set: args.set.clone(),
        json: args.json,
        quiet: args.quiet,
        record: Some(out),
        ..RunArgs::default()
    };
    let verdict = run::run(&line, verbose)?;
    Ok((!verdict.failures.is_empty()).then(|| verdict.text()))
}

/// What was recorded, as the files say it.
pub fn object(path: &Path) -> Value {
    match Recording::open(path) {
        Ok(r) => {
            let mut closed = r.segments().iter().filter_map(|s| s.closing());
            json!({
                "file": path.display().to_string(),
                "frames": r.frames(),
                "file_bytes": r.segments().iter().map(|s| s.file_bytes()).sum::<u64>(),
                "segments": r.segments().len(),
                "not_written": closed.clone().map(|c| c.not_written).sum::<u64>(),
                "end": closed.next_back().map(|c| c.end.name()),
            })
        }
        Err(e) => json!({ "file": path.display().to_string(), "error": e.to_string() }),
    }
}

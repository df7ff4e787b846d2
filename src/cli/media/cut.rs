//! `frameline cut`.

use super::args::CutArgs;
use super::progress::Progress;
use crate::cli::run::print;
use crate::error::Error;
use crate::media::{Cut, cut};
use crate::recording::Recording;
use crate::words::counted;
use serde_json::json;
use std::time::Instant;

/// Runs the command; the reason is one for exit code 1.
pub fn run(args: &CutArgs) -> Result<Option<String>, Error> {
    let begun = Instant::now();
    let recording = Recording::open(&args.file)?;
    let what = Cut { out: args.out.clone(), from: args.from, to: args.to };
    let progress = Progress::begin(0)?;
    let last = what.to.unwrap_or(u64::MAX).min(recording.frames().saturating_sub(1));
    let of = last.saturating_sub(what.from) + 1;
    let (first, last) = cut(&recording, &what, &mut |done| progress.at(done, of))?;
    drop(progress);
    let frames = last - first + 1;
    let out = args.out.display().to_string();
    if args.json {
        let object = json!({
            "ok": true,
            "file": args.file.display().to_string(),
            "out": out,
            "frames": frames,
            "first": first,
            "last": last,
            "took_ns": begun.elapsed().as_nanos() as u64,
        });
        print(&format!("{object}\n"))?;
    } else {
        print(&format!("cut {} ({first} to {last}) into {out}\n", counted(frames, "frame")))?;
    }
    Ok(None)
}

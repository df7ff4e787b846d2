//! `frameline export`.

use super::args::ExportArgs;
use super::progress::Progress;
use crate::cli::run::print;
use crate::cli::units::size;
use crate::error::Error;
use crate::media::{Export, Exported, export};
use crate::recording::Recording;
use crate::words::counted;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Runs the command; the reason is one for exit code 1.
pub fn run(args: &ExportArgs) -> Result<Option<String>, Error> {
    let begun = Instant::now();
    let recording = Recording::open(&args.file)?;
    let what = Export {
        target: args.to,
        out: args.out.clone(),
        from: args.from,
        to: args.to_frame,
        force: args.force,
        skip_damaged: args.skip_damaged,
    };
    let progress = Progress::begin(0)?;
    let last = what.to.unwrap_or(u64::MAX).min(recording.frames().saturating_sub(1));
    let frames = last.saturating_sub(what.from) + 1;
    let exported = export(&recording, &what, &mut |done| progress.at(done, frames))?;
    drop(progress);
    if args.json {
        print(&format!("{}\n", object(args, &exported, begun.elapsed())))?;
    } else {
        print(&text(args, &exported))?;
    }
    Ok(None)
}

/// For a person.
fn text(args: &ExportArgs, e: &Exported) -> String {
    let mut out = format!(
        "exported {} ({} to {}) to {}, {} of pixels\n",
        counted(e.frames, "frame"),
        e.range.0,
        e.range.1,
        args.out.display(),
        size(e.pixel_bytes)
    );
    match &e.sidecar {
        Some(path) => out += &format!("  ids, times and losses: {}\n", path.display()),
        None => out += "  ids, times and losses: in the file, on /camera/frame and /camera/event\n",
    }
    for (n, what) in [
        (e.lost, "lost before them, as the recording tells"),
        (e.incomplete, "incomplete"),
        (e.left_out, "left out, which cannot be read"),
    ] {
        if n > 0 {
            out += &format!("  {} {what}\n", counted(n, "frame"));
        }
    }
    e.notes.iter().for_each(|note| out += &format!("  note: {note}\n"));
    out
}

/// For a program.
fn object(args: &ExportArgs, e: &Exported, took: Duration) -> Value {
    json!({
        "ok": true,
        "file": args.file.display().to_string(),
        "to": args.to.name(),
        "out": args.out.display().to_string(),
        "sidecar": e.sidecar.as_ref().map(|p| p.display().to_string()),
        "frames": e.frames,
        "first": e.range.0,
        "last": e.range.1,
        "left_out": e.left_out,
        "incomplete": e.incomplete,
        "lost": e.lost,
        "pixel_bytes": e.pixel_bytes,
        "notes": e.notes,
        "took_ns": took.as_nanos() as u64,
    })
}

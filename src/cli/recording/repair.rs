//! `frameline repair`.

use crate::cli::args::RepairArgs;
use crate::cli::media::progress::Progress;
use crate::cli::run::print;
use crate::error::Error;
use crate::media::Draft;
use crate::recording::{Recording, repair_as};
use serde_json::json;

/// Runs the command.
pub fn run(args: &RepairArgs) -> Result<Option<String>, Error> {
    let recording = Recording::open(&args.file)?;
    if let Some(s) = recording.segments().iter().find(|s| s.is_being_written()) {
        return Err(Error::config(format!(
            "{} is being written; repair it when its writer has ended",
            s.path().display()
        )));
    }
    // Under its name only when it is whole: who interrupts it finds nothing half-made.
    let draft = Draft::recording(&args.out)?;
    let progress = Progress::begin(recording.frames())?;
    let watch = |n| progress.at(n, recording.frames());
    let made = repair_as(&recording, draft.path(), draft.target(), watch);
    drop(progress);
    let made = made?;
    draft.finish()?;
    if args.json {
        let object = json!({
            "ok": true,
            "file": args.file.display().to_string(),
            "out": args.out.display().to_string(),
            "kept": made.kept,
            "left_out": made.left_out,
        });
        print(&format!("{object}\n"))?;
    } else {
        print(&format!(
            "{}: {} frames kept, {} left out because they cannot be read\n",
            args.out.display(),
            made.kept,
            made.left_out
        ))?;
    }
    Ok(None)
}

//! `frameline import`.

use super::args::ImportArgs;
use super::progress::Progress;
use crate::cli::run::print;
use crate::cli::units::size;
use crate::error::Error;
use crate::format::Geometry;
use crate::media::{Import, Imported, Input, import};
use crate::query;
use crate::words::counted;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Runs the command; the reason is one for exit code 1.
pub fn run(args: &ImportArgs) -> Result<Option<String>, Error> {
    let begun = Instant::now();
    let input = input(args)?;
    let what = Import {
        path: args.path.clone(),
        input,
        out: args.out.clone(),
        rate: args.rate,
        // Of raw pixels it is the input's own.
        format: args.format.filter(|_| !matches!(input, Input::Raw(_))),
    };
    let progress = Progress::begin(0)?;
    let imported = import(&what, &mut |done, of| progress.at(done, of))?;
    drop(progress);
    if args.json {
        print(&format!("{}\n", object(args, input, &imported, begun.elapsed())))?;
    } else {
        print(&text(args, &imported))?;
    }
    Ok(None)
}

/// What was meant.
fn input(args: &ImportArgs) -> Result<Input, Error> {
    let (Some(width), Some(height)) = (args.width, args.height) else {
        return Input::of(&args.path);
    };
    let format = args.format.ok_or_else(|| {
        Error::config("--width and --height are of raw pixels, whose --format must be given, too")
    })?;
    if !args.path.is_file() {
        let what = format!("{} is no file; raw pixels are read from one", args.path.display());
        return Err(Error::config(what));
    }
    let tight = Geometry::new(width, height, format);
    let row = tight.stride_bytes();
    let stride = args.stride.map_or(row, u64::from);
    let padding = stride.checked_sub(row).and_then(|p| u32::try_from(p).ok()).ok_or_else(|| {
        Error::config(format!(
            "--stride {stride} is less than a row of {width} {format} pixels, {row}"
        ))
    })?;
    let geometry = Geometry { x_padding: padding, ..tight };
    geometry.check().map_err(|e| Error::config(format!("{width}x{height} {format}: {e}")))?;
    Ok(Input::Raw(geometry))
}

/// For a person.
fn text(args: &ImportArgs, i: &Imported) -> String {
    let g = &i.geometry;
    let pace = match i.rate {
        Some(rate) => format!("{rate} frames/s"),
        None => "the times that the file tells".into(),
    };
    let mut out = format!(
        "imported {} of {}x{} {} into {}, {}, with {pace}\n",
        counted(i.frames, "frame"),
        g.width,
        g.height,
        g.pixel_format,
        args.out.display(),
        size(i.payload_bytes)
    );
    i.notes.iter().for_each(|note| out += &format!("  note: {note}\n"));
    out += &format!(
        "  run it through a line with --source replay:{}\n",
        query::encode(&args.out.display().to_string())
    );
    out
}

/// For a program.
fn object(args: &ImportArgs, input: Input, i: &Imported, took: Duration) -> Value {
    let g = &i.geometry;
    json!({
        "ok": true,
        "path": args.path.display().to_string(),
        "input": input.name(),
        "out": args.out.display().to_string(),
        "frames": i.frames,
        "width": g.width,
        "height": g.height,
        "pixel_format": g.pixel_format.to_string(),
        "rate": i.rate,
        "payload_bytes": i.payload_bytes,
        "notes": i.notes,
        "took_ns": took.as_nanos() as u64,
    })
}

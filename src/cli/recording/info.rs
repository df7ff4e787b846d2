//! `frameline info`.

use super::progress::Progress;
use super::{page, strip};
use crate::cli::args::InfoArgs;
use crate::cli::run::print;
use crate::cli::status::{speaks_utf8, wants_colour};
use crate::cli::units::{size, time};
use crate::error::Error;
use crate::fault::code_text;
use crate::recording::format::{Event, EventKind};
use crate::recording::{CAUSES, Facts, FormatStretch, Recording};
use crate::words::counted;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::time::{Duration, UNIX_EPOCH};

/// Events that a person is told of.
const TOLD: usize = 12;
/// Pictures in a terminal; columns that one may take, its blank included; pixels of its height, two a line.
const PICTURES: u64 = 5;
const PICTURE_LEAST: usize = 8;
const PICTURE_MOST: usize = 32;
const PICTURE_HEIGHT: usize = 24;
/// Columns of the longest bar of the histogram.
const BAR: u64 = 40;

/// Runs the command.
pub fn run(args: &InfoArgs) -> Result<Option<String>, Error> {
    let recording = Recording::open(&args.file)?;
    let progress = Progress::new("reading", recording.frames());
    let facts = Facts::of(&recording, |n| progress.set(n))?;
    drop(progress);
    if let Some(path) = &args.html {
        page::write(path, &Shown { args, recording: &recording, facts: &facts })?;
    }
    if args.json {
        print(&format!("{}\n", object(args, &recording, &facts)))?;
    } else {
        print(&text(args, &recording, &facts))?;
        print(&pictures(&recording))?;
    }
    Ok(None)
}

/// What the page is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub args: &'a InfoArgs,
    pub recording: &'a Recording,
    pub facts: &'a Facts,
}

/// The strip of small pictures, where somebody looks.
fn pictures(recording: &Recording) -> String {
    let (out, terminal) = (std::io::stdout(), console::Term::stdout());
    if !out.is_terminal() {
        return String::new();
    }
    let (pictures, width) = room(terminal.size().1.into());
    let colours = wants_colour(&out) && speaks_utf8(|name| std::env::var(name).ok());
    let strip = strip::thumbnails(recording, pictures, width - 1, PICTURE_HEIGHT);
    strip::for_terminal(&strip, colours)
}

/// Pictures that so many columns have room for, and the columns of one, the blank behind it included.
fn room(columns: usize) -> (u64, usize) {
    // Two blanks stand before them.
    let columns = columns.saturating_sub(2);
    let pictures = (columns / PICTURE_LEAST).clamp(1, PICTURES as usize);
    (pictures as u64, (columns / pictures).clamp(PICTURE_LEAST, PICTURE_MOST))
}

/// How the recording ended, in a word.
pub(super) fn end(r: &Recording) -> &'static str {
    match r.segments().last() {
        Some(s) if s.is_being_written() => "being-written",
        Some(s) => s.closing().map_or("not-closed", |c| c.end.name()),
        None => "not-closed",
    }
}

pub(super) fn when(unix_ns: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_nanos(unix_ns)).to_string()
}

pub(super) fn format_text(f: &FormatStretch) -> String {
    let g = &f.geometry;
    let mut text = format!("{} x {} {}", g.width, g.height, g.pixel_format);
    if (g.offset_x, g.offset_y) != (0, 0) {
        let _ = write!(text, " at {}, {}", g.offset_x, g.offset_y);
    }
    text
}

pub(super) fn event_text(e: &Event) -> String {
    let what = match e.kind {
        EventKind::Fault => {
            let class = e.class.map_or("unknown", |c| c.name());
            format!("fault {} ({class}), {}", code_text(e.code), counted(e.count, "time"))
        }
        EventKind::Reset => format!("reset, epoch {} begins, slots of {}", e.count, size(e.detail)),
        EventKind::Reconnect => format!("reconnection after {}", counted(e.count, "attempt")),
        EventKind::NotWritten => format!("{} frames were not written", e.count),
        EventKind::Trigger => "event: the frames around are kept".into(),
        EventKind::LeftOut => format!("{} frames were left out by repair", e.count),
        EventKind::Other(kind) => format!("an event of kind {kind}"),
    };
    format!("before frame {}: {what}", e.before_frame)
}

fn text(args: &InfoArgs, r: &Recording, f: &Facts) -> String {
    let (h, mut out) = (r.header(), String::new());
    let files: u64 = r.segments().iter().map(|s| s.file_bytes()).sum();
    let _ = writeln!(out, "{}: {}, {}", args.file.display(), counted(f.frames, "frame"), end(r));
    let _ = writeln!(out, "  source     {}", harmless(&h.texts.source));
    if !h.texts.model.is_empty() {
        let _ = writeln!(out, "  camera     {}", harmless(&h.texts.model));
    }
    for fact in &h.texts.host {
        let (name, value) = fact.split_once('=').unwrap_or((fact, ""));
        let _ = writeln!(out, "  {:<10} {}", harmless(name), harmless(value));
    }
    if f.frames > 0 {
        let _ = writeln!(out, "  begun      {}", when(f.first_unix_ns));
    }
    let rate = f.frames_per_second();
    if f.duration_ns > 0 {
        let _ = writeln!(out, "  duration   {}, {rate:.2} frames/s", time(f.duration_ns).trim());
    }
    let parts = r.segments().len();
    let _ = writeln!(
        out,
        "  size       {} of payload in {parts} file{} of {} together, stride {}",
        size(f.bytes),
        if parts == 1 { "" } else { "s" },
        size(files),
        h.layout.stride
    );
    for s in &f.formats {
        let last = s.from + s.frames - 1;
        let _ = writeln!(out, "  format     {} (frames {} to {last})", format_text(s), s.from);
    }
    for missing in r.missing() {
        let _ = writeln!(out, "  missing    {missing}");
    }
    let lost = f.lost.iter().fold(0_u64, |sum, n| sum.saturating_add(*n));
    let causes: Vec<String> = CAUSES
        .iter()
        .zip(f.lost)
        .filter(|(_, n)| *n > 0)
        .map(|(name, n)| format!("{n} {}", name.replace('_', " ")))
        .collect();
    let causes =
        if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
    let _ = writeln!(out, "  lost       {lost} in {}{causes}", counted(f.gaps, "gap"));
    if f.incomplete + f.unreadable > 0 {
        let _ =
            writeln!(out, "  damaged    {} incomplete, {} unreadable", f.incomplete, f.unreadable);
    }
    if f.resets > 0 {
        let _ = writeln!(out, "  resets     {}", f.resets);
    }
    histogram(&mut out, f);
    for e in f.events.iter().take(TOLD) {
        let _ = writeln!(out, "  {}", event_text(e));
    }
    if f.events.len() > TOLD {
        let _ = writeln!(out, "  and {} events more", f.events.len() - TOLD);
    }
    out
}

/// A text of the file for a terminal, which it must not command.
fn harmless(text: &str) -> String {
    let shown = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(shown).collect()
}

fn histogram(out: &mut String, f: &Facts) {
    let most = f.intervals.iter().map(|c| c.count).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let [shortest, median, longest] = f.interval_ns;
    let _ = writeln!(
        out,
        "  intervals  {} to {}, median {}",
        time(shortest).trim(),
        time(longest).trim(),
        time(median).trim()
    );
    let mut from = 0;
    for c in &f.intervals {
        let range = match c.below_ns {
            u64::MAX => format!("from {}", time(from)),
            below => format!("below {}", time(below)),
        };
        let bar = "#".repeat((c.count * BAR).div_ceil(most) as usize);
        let _ = writeln!(out, "    {range:<16} {:>9}  {bar}", c.count);
        from = c.below_ns;
    }
}

fn object(args: &InfoArgs, r: &Recording, f: &Facts) -> Value {
    let h = r.header();
    let lost: Map<String, Value> =
        CAUSES.iter().zip(f.lost).map(|(name, n)| ((*name).into(), n.into())).collect();
    let event = |e: &Event| {
        let code = if e.kind == EventKind::Fault { json!(code_text(e.code)) } else { Value::Null };
        json!({
            "kind": e.kind.name(),
            "before_frame": e.before_frame,
            "host_time_ns": e.host_time.0,
            "code": code,
            "class": e.class.map(|c| c.name()),
            "detail": e.detail,
            "count": e.count,
        })
    };
    json!({
        "file": args.file.display().to_string(),
        "frames": f.frames,
        "unreadable": f.unreadable,
        "incomplete": f.incomplete,
        "payload_bytes": f.bytes,
        "file_bytes": r.segments().iter().map(|s| s.file_bytes()).sum::<u64>(),
        "segments": r.segments().iter().map(|s| s.path().display().to_string()).collect::<Vec<_>>(),
        "end": end(r),
        "missing": r.missing(),
        "source": h.texts.source,
        "model": h.texts.model,
        "codes": h.texts.codes,
        "features": h.texts.features,
        "host": h.texts.host,
        "stride": h.layout.stride,
        "data_offset": h.layout.data_offset,
        "begun": when(f.first_unix_ns),
        "begun_unix_ns": f.first_unix_ns,
        "duration_ns": f.duration_ns,
        "frames_per_second": f.frames_per_second(),
        "gaps": f.gaps,
        "lost": lost,
        "resets": f.resets,
        "interval_ns": { "min": f.interval_ns[0], "median": f.interval_ns[1], "max": f.interval_ns[2] },
        "intervals": f.intervals.iter().map(|c| json!({
            "below_ns": (c.below_ns != u64::MAX).then_some(c.below_ns),
            "count": c.count,
        })).collect::<Vec<_>>(),
        "formats": f.formats.iter().map(|s| json!({
            "from": s.from,
            "frames": s.frames,
            "width": s.geometry.width,
            "height": s.geometry.height,
            "offset_x": s.geometry.offset_x,
            "offset_y": s.geometry.offset_y,
            "x_padding": s.geometry.x_padding,
            "pixel_format": s.geometry.pixel_format.to_string(),
        })).collect::<Vec<_>>(),
        "events": f.events.iter().map(event).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strip_fits_the_terminal() {
        // Catches pictures that a narrow terminal breaks into pieces.
        for columns in 10..400 {
            let (pictures, width) = room(columns);
            assert!(2 + pictures as usize * width <= columns, "{columns}: {pictures} of {width}");
        }
        assert_eq!((room(0), room(20)), ((1, PICTURE_LEAST), (2, 9)));
        assert_eq!((room(80), room(400)), ((PICTURES, 15), (PICTURES, PICTURE_MOST)));
    }
}

//! A recording at a glance, as one page that needs nothing but itself, in the looks of the report of a run.

use super::info::{Shown, end, event_text, format_text, when};
use super::strip::{Thumbnail, thumbnails};
use crate::cli::report::page::{POLICY, STYLE, count, nanos, seconds, tile_row};
use crate::cli::report::sections::{Row, section, table};
use crate::cli::units::{grouped, rate, size, time_on_page};
use crate::error::Error;
use crate::media::Draft;
use crate::recording::{CAUSES, Facts, MAX_GAPS};
use crate::words::counted;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::path::Path;

/// Pictures, and their sides in pixels at most. Shown at about half their width, so that they are sharp on any screen.
const PICTURES: u64 = 12;
const PICTURE_SIDES: (usize, usize) = (320, 240);
/// Gaps and events that the page tells one by one.
const TOLD: usize = 40;
const _: () = assert!(TOLD <= MAX_GAPS);

/// Writes the page in place of an earlier one; never in place of a recording, and whole or not at all.
pub(super) fn write(path: &Path, shown: &Shown<'_>) -> Result<(), Error> {
    let (width, height) = PICTURE_SIDES;
    let draft = Draft::file(path, true)?;
    let strip = thumbnails(shown.recording, PICTURES, width, height);
    std::fs::write(draft.path(), page(shown, &strip)).map_err(|e| draft.cannot(e))?;
    draft.finish()
}

fn page(shown: &Shown<'_>, strip: &[Thumbnail]) -> String {
    let Shown { args, recording: r, facts: f } = *shown;
    let name = args.file.display().to_string();
    let (word, about) = state(shown);
    let bad = f.unreadable > 0 || word == "NOT CLOSED" || !r.missing().is_empty();
    let lossy = !bad && (f.lost.iter().any(|n| *n > 0) || f.incomplete > 0 || word != "FINISHED");
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { "frameline: " (name) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header.verdict.lossy[lossy].failed[bad] {
                    p.word { (word) }
                    h1 #verdict { (about) }
                    p.source {
                        code { (name) }
                        @if f.frames > 0 {
                            span.when {
                                (when(f.first_unix_ns).replace('T', " ").replace('Z', " UTC"))
                                @if f.duration_ns > 0 { ", " (seconds(f.duration_ns)) }
                            }
                        }
                    }
                }
                main {
                    (tiles(f))
                    (pictures(strip, f))
                    (intervals(f))
                    (losses(f, r.missing()))
                    (formats(f))
                    (events(f))
                    (facts(shown))
                }
                footer {
                    "frameline " (env!("CARGO_PKG_VERSION")) ", " code { "frameline info " (name) " --json" }
                    " tells the same to programs. Checksums are looked at by " code { "frameline verify " (name) } "; "
                    (counted(r.segments().len() as u64, "file")) "."
                }
            }
        }
    }
    .into_string()
}

/// How the recording ended, and what it comes to.
fn state(shown: &Shown<'_>) -> (&'static str, String) {
    let f = shown.facts;
    let (word, end) = match end(shown.recording) {
        "finished" => ("FINISHED", ""),
        "continued" => ("CONTINUED", "; the segment that follows is not there"),
        "disk-full" => ("DISK FULL", "; the disk was full then"),
        "write-error" => ("WRITE ERROR", "; then it could not be written any more"),
        "repaired" => ("REPAIRED", ", made of what was good in another recording"),
        "being-written" => ("BEING WRITTEN", " so far"),
        _ => ("NOT CLOSED", "; its writer was stopped before it closed the file"),
    };
    let lost = match lost(f) {
        0 => "nothing lost".into(),
        n => format!("{} lost in {}", grouped(n), counted(f.gaps, "gap")),
    };
    let unreadable = match f.unreadable {
        0 => String::new(),
        n => format!(", {} that cannot be read", counted(n, "frame")),
    };
    (word, format!("{}, {lost}{unreadable}{end}.", counted(f.frames, "frame")))
}

/// Frames lost by whatever cause.
fn lost(f: &Facts) -> u64 {
    f.lost.iter().fold(0, |sum: u64, n| sum.saturating_add(*n))
}

fn tiles(f: &Facts) -> Markup {
    let split = |text: String| match text.rsplit_once(' ') {
        Some((value, unit)) => (value.to_string(), unit.to_string()),
        None => (text, String::new()),
    };
    let mut tiles = vec![(grouped(f.frames), String::new(), "frames")];
    if f.duration_ns > 0 {
        tiles.push((rate(f.frames_per_second()), "/s".into(), "on the mean"));
        let (value, unit) = split(time_on_page(f.interval_ns[1]));
        tiles.push((value, unit, "from frame to frame, median"));
        let (value, unit) = split(time_on_page(f.interval_ns[2]));
        tiles.push((value, unit, "the longest pause"));
    }
    let (value, unit) = split(size(f.bytes));
    tiles.push((value, unit, "image data"));
    tiles.push((grouped(lost(f)), String::new(), "frames lost"));
    tile_row(&tiles)
}

fn pictures(strip: &[Thumbnail], f: &Facts) -> Markup {
    let drawn: Vec<_> = strip.iter().filter_map(|t| Some((t, uri(t)?))).collect();
    let body = html! {
        @if drawn.is_empty() {
            p.note { @if f.frames == 0 { "There is no frame to show." } @else { "No frame of this format can be shown." } }
        }
        div.gallery {
            @for (t, uri) in &drawn {
                figure.part {
                    svg viewBox=(format!("0 0 {} {}", t.width, t.height)) role="img" aria-label=(format!("frame {}", t.number)) {
                        image href=(uri) width=(t.width) height=(t.height) {}
                    }
                    figcaption { "frame " (grouped(t.number)) }
                }
            }
        }
    };
    section("pictures", "What it shows", "Spread evenly from the first frame to the last.", &body)
}

/// The picture as a PNG in the page itself.
fn uri(t: &Thumbnail) -> Option<String> {
    let mut png = Vec::new();
    let mut encoder =
        png::Encoder::new(&mut png, u32::try_from(t.width).ok()?, u32::try_from(t.height).ok()?);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(t.pixels.as_flattened()).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(&png)))
}

fn intervals(f: &Facts) -> Markup {
    let most = f.intervals.iter().map(|c| c.count).max().unwrap_or(0);
    if most == 0 {
        return html! {};
    }
    let mut from = 0;
    let rows = f.intervals.iter().map(|c| {
        let range = match (std::mem::replace(&mut from, c.below_ns), c.below_ns) {
            (0, below) => format!("below {}", time_on_page(below)),
            (from, u64::MAX) => format!("from {}", time_on_page(from)),
            (from, below) => format!("{} to {}", time_on_page(from), time_on_page(below)),
        };
        (range, c.count)
    });
    let body = html! {
        p.lead {
            "From " (nanos(f.interval_ns[0])) " to " (nanos(f.interval_ns[2])) ", median " (nanos(f.interval_ns[1])) "."
        }
        div.scroll {
            table.kinds {
                thead { tr { th scope="col" { "from one frame to the next" } th.n scope="col" { "times" } th scope="col" {} } }
                tbody {
                    @for (range, n) in rows {
                        tr {
                            th scope="row" { (range) }
                            td.n { (grouped(n)) }
                            td.bar.found { @if n > 0 { span style=(format!("width:{:.1}%", n as f64 / most as f64 * 100.0)) {} } }
                        }
                    }
                }
            }
        }
    };
    section("intervals", "Pace", "By the host's clock, lost frames not counted.", &body)
}

fn losses(f: &Facts, missing: &[String]) -> Markup {
    let cause = |k: usize| CAUSES[k].replace('_', " ");
    let rows = f.lost.iter().enumerate().map(|(k, n)| {
        Row::new([
            html! { (cause(k)) },
            count(&format!("lost-{}", CAUSES[k]), *n),
            html! { (about(k)) },
        ])
    });
    let gaps = f.first_gaps.iter().take(TOLD).map(|g| {
        let parts = g.lost.iter().enumerate().filter(|(_, n)| **n > 0);
        let text: Vec<_> = parts.map(|(k, n)| format!("{n} {}", cause(k))).collect();
        Row::new([
            html! { "before frame " (grouped(g.before_frame)) },
            html! { (grouped(g.lost.iter().map(|n| u64::from(*n)).sum())) },
            html! { (text.join(", ")) },
        ])
    });
    let more = f.gaps.saturating_sub(TOLD as u64);
    let body = html! {
        @for sentence in missing { p.lead { span.bad { (sentence) "." } } }
        (table(&["cause", "frames", "what it means"], rows))
        @if f.gaps > 0 {
            (table(&["gap", "frames", "cause"], gaps))
            @if more > 0 { p.note { (grouped(more)) " gaps more." } }
        }
        @if f.incomplete + f.unreadable > 0 {
            p.note {
                (counted(f.incomplete, "frame")) " incomplete; " (counted(f.unreadable, "frame")) " that cannot be read."
            }
        }
    };
    section("losses", "What is missing", "", &body)
}

/// What a cause means.
fn about(cause: usize) -> &'static str {
    [
        "lost in the camera or on the way",
        "not fetched in time: no slot was free",
        "came, and was rejected by the line's checks",
        "not passed on by the line before the recorder",
        "came to the recorder and was not written",
    ][cause]
}

fn formats(f: &Facts) -> Markup {
    let rows = f.formats.iter().take(TOLD).map(|s| {
        Row::new([
            html! { (format_text(s)) },
            html! { (grouped(s.from)) },
            html! { (grouped(s.from + s.frames - 1)) },
            html! { (grouped(s.frames)) },
        ])
    });
    let more = f.formats.len().saturating_sub(TOLD);
    let body = html! {
        (table(&["format", "first frame", "last frame", "frames"], rows))
        @if more > 0 { p.note { (counted(more as u64, "change")) " of format more." } }
        @if f.resets > 0 { p.note { (counted(f.resets, "quiescent reset")) " between the first frame and the last." } }
    };
    section("formats", "Formats", "", &body)
}

fn events(f: &Facts) -> Markup {
    if f.events.is_empty() {
        return html! {};
    }
    let more = f.events.len().saturating_sub(TOLD);
    let body = html! {
        ol.log { @for e in f.events.iter().take(TOLD) { li { span { (event_text(e)) } } } }
        @if more > 0 { p.note { (counted(more as u64, "event")) " more." } }
    };
    section("events", "What happened", "", &body)
}

fn facts(shown: &Shown<'_>) -> Markup {
    let (r, h) = (shown.recording, shown.recording.header());
    let host = h.texts.host.iter().map(|fact| fact.split_once('=').unwrap_or((fact, "")));
    let bytes: u64 = r.segments().iter().map(|s| s.file_bytes()).sum();
    let body = html! {
        div.scroll {
            table.facts {
                tbody {
                    tr { th scope="row" { "source" } td.t { code { (h.texts.source) } } }
                    @if !h.texts.model.is_empty() { tr { th scope="row" { "camera" } td.t { (h.texts.model) } } }
                    @for (name, value) in host { tr { th scope="row" { (name) } td.t { (value) } } }
                    tr { th scope="row" { "size on disk" } td.t { (size(bytes)) ", stride " (grouped(h.layout.stride)) " bytes" } }
                    @for s in r.segments() { tr { th scope="row" { "file" } td.t { code { (s.path().display()) } } } }
                }
            }
        }
        @if !h.texts.features.is_empty() { pre { @for f in &h.texts.features { code { (f) } } } }
    };
    section("facts", "Where it comes from", "", &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_a_png_of_its_pixels() {
        // Catches a picture whose rows or colours are not those of the thumbnail.
        let pixels = vec![[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12], [0; 3], [255; 3]];
        let t = Thumbnail { number: 0, width: 2, height: 3, pixels };
        let uri = uri(&t).unwrap();
        let png = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.width, info.height), (2, 3));
        assert_eq!(&bytes[..18], t.pixels.as_flattened());
    }
}

//! The file of a reference: limits that a person may change, and images beside it.
//!
//! Whatever it says is checked before memory is taken for it; an error names file, line and key.

use super::document::{Document, Origin, Section};
use super::fields::{Fields, quoted};
use crate::error::{Error, ErrorKind};
use crate::format::MAX_SIDE_PIXELS;
use crate::stages::inspect::{Limits, Nest, Reference, Taught};
use crate::stages::save::{encode_grey, read_grey};
use crate::stages::{Key, KeyType};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// The longest reference file that is read.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// The version of the format.
const FORMAT: i64 = 1;

const fn number(name: &'static str, max: f64, about: &'static str) -> Key {
    Key { name, value: KeyType::Number { min: 0.0, max }, default: "", about }
}

const fn slope(name: &'static str, about: &'static str) -> Key {
    Key { name, value: KeyType::Number { min: -1.0, max: 1.0 }, default: "", about }
}

const fn integer(name: &'static str, min: i64, max: i64, about: &'static str) -> Key {
    Key { name, value: KeyType::Integer { min, max }, default: "", about }
}

const fn truth(name: &'static str, about: &'static str) -> Key {
    Key { name, value: KeyType::Bool, default: "", about }
}

const fn file(name: &'static str, about: &'static str) -> Key {
    Key {
        name,
        value: KeyType::Form(is_file_name, "the name of a file beside this one"),
        default: "",
        about,
    }
}

/// Images lie beside the file: what was sent by others must not make us open any file there is.
fn is_file_name(text: &str) -> bool {
    Path::new(text).file_name().is_some_and(|name| name == text)
}

const SIDE: i64 = MAX_SIDE_PIXELS as i64;

/// The tables of a reference file and their keys, which are all required.
pub const TABLES: &[(&str, &[Key])] = &[
    (
        "frame",
        &[
            integer("format", FORMAT, FORMAT, "version of this file's format"),
            integer("width", 1, SIDE, "columns of the frames"),
            integer("height", 1, SIDE, "rows of the frames"),
        ],
    ),
    (
        "part",
        &[
            number("radius", 1e4, "radius of a good part, in pixels of the frame"),
            integer("scale", 1, 2, "pixels of the frame, each way, that are inspected as one"),
            integer(
                "grain",
                1,
                2,
                "cells of mean and tolerance a pixel of the inspection, each way",
            ),
            truth("bright", "parts are brighter than what they lie on"),
            truth("printed", "parts carry a print by which their turn is told"),
            integer("surface", 0, 255, "grey level of a part's surface"),
        ],
    ),
    (
        "limits",
        &[
            number("search", 1e4, "a part may lie so many pixels from its nest"),
            number("edge", 255.0, "grey levels by which an outline must stand out"),
            number(
                "presence",
                1.0,
                "share of the outline to be found; with less the part is missing",
            ),
            number(
                "radius",
                1e4,
                "pixels by which a radius may differ; beyond it the part is deformed",
            ),
            number(
                "outline",
                1e4,
                "pixels by which the outline may leave the circle; beyond it the part is deformed",
            ),
            number(
                "print",
                1.0,
                "agreement with the taught print, from 0 to 1; below it the part is a misprint",
            ),
            number(
                "mark",
                1e9,
                "grey levels beyond tolerance, summed over a mark's pixels; beyond it the part fails",
            ),
            number("slack", 255.0, "grey levels that are added to the tolerance of every pixel"),
        ],
    ),
    (
        "images",
        &[
            file("mean", "grey levels of a good part"),
            file("tolerance", "by how many grey levels good parts differ"),
            file("shade", "shading that does not turn with the part; 128 is none"),
        ],
    ),
];

/// Keys of each `[[nest]]`.
pub const NEST: &[Key] = &[
    number("x", SIDE as f64, "column of its centre"),
    number("y", SIDE as f64, "row of its centre"),
    number("light", 4.0, "brightness of a part there, 1 being the images'"),
    slope("light_x", "by how much that grows one radius to the right"),
    slope("light_y", "by how much that grows one radius down"),
];

/// Reads a reference file and its images.
pub fn read(path: &Path) -> Result<Reference, Error> {
    let name = path.display().to_string();
    let unreadable = |e: std::io::Error| {
        Error::config(format!(
            "the reference {name} cannot be read: {e}; frameline teach writes one"
        ))
    };
    let mut bytes = Vec::new();
    let opened = File::open(path).map_err(unreadable)?;
    opened.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::config(format!(
            "the reference {name} is longer than {MAX_FILE_BYTES} bytes; that is none"
        )));
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(Error::config(format!("the reference {name} is no text")));
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&text, &name, |file, side| {
        let path = folder.join(file);
        let opened = File::open(&path).map_err(|e| e.to_string())?;
        read_grey(BufReader::new(opened), side, side)
    })
}

/// The reference that a text describes; `image` fetches an image of that name and side.
pub fn parse(
    text: &str,
    name: &str,
    image: impl Fn(&str, u32) -> Result<Vec<u8>, String>,
) -> Result<Reference, Error> {
    let names: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
    let document = Document::parse_lists(text, name, &names, "nest")?;
    let start = Origin::File(name.into(), 1, 1);
    let empty = Section::new(start.clone());
    let table = |name: &str| {
        let keys = TABLES.iter().find(|(n, _)| *n == name).map_or(&[][..], |(_, keys)| keys);
        all(name, document.section(name).unwrap_or(&empty), keys)
    };
    let (frame, part) = (table("frame")?, table("part")?);
    let (limits, images) = (table("limits")?, table("images")?);
    let nests = document.stages.iter().enumerate().map(|(i, section)| {
        let f = all(&format!("nest {}", i + 1), section, NEST)?;
        let n = |key| f.number(key).unwrap_or_default() as f32;
        Ok(Nest {
            x: n("x"),
            y: n("y"),
            light: n("light"),
            light_x: n("light_x"),
            light_y: n("light_y"),
        })
    });
    let nests = nests.collect::<Result<Vec<_>, Error>>()?;
    let n = |key| limits.number(key).unwrap_or_default() as f32;
    let limits = Limits {
        search: n("search"),
        edge: n("edge"),
        presence: n("presence"),
        radius: n("radius"),
        outline: n("outline"),
        print: n("print"),
        mark: n("mark"),
        slack: n("slack"),
    };
    let whole = |f: &Fields, key| f.integer(key).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let mut taught = Taught {
        width: whole(&frame, "width"),
        height: whole(&frame, "height"),
        scale: whole(&part, "scale"),
        grain: whole(&part, "grain"),
        radius: part.number("radius").unwrap_or_default() as f32,
        bright: part.bool("bright"),
        printed: part.bool("printed"),
        surface: whole(&part, "surface") as u8,
        nests,
        limits,
        side: 0,
        mean: Vec::new(),
        tolerance: Vec::new(),
        shade: Vec::new(),
    };
    // The images' size follows from radius, scale and grain, which are checked before any image is opened.
    let here = |e: Error| Error::config(format!("{name}: {e}"));
    taught.check_numbers().map_err(here)?;
    taught.side = Taught::side_for(taught.radius, taught.scale);
    let fetch = |key: &str, grain: u32| {
        let file = images.text(key).unwrap_or_default();
        image(file, taught.side as u32 * grain)
            .map_err(|e| images.error(key, format_args!("names {file}, which cannot be used: {e}")))
    };
    let (mean, tolerance) = (fetch("mean", taught.grain)?, fetch("tolerance", taught.grain)?);
    let shade = fetch("shade", 1)?;
    Reference::new(Taught { mean, tolerance, shade, ..taught }).map_err(here)
}

/// The checked keys of a table, none of which may be absent.
fn all(label: &str, section: &Section, keys: &'static [Key]) -> Result<Fields, Error> {
    let fields = Fields::check(label, section, &[keys])?;
    match keys.iter().find(|k| section.get(k.name).is_none()) {
        Some(key) => Err(section
            .origin
            .error(format_args!("{label}.{} is not given; it says: {}", key.name, key.about))),
        None => Ok(fields),
    }
}

/// Writes a reference file and its images; returns the paths of the images.
pub fn write(reference: &Reference, path: &Path, from: &str) -> Result<Vec<PathBuf>, Error> {
    let t = reference.taught();
    let unwritable = |path: &Path, e: String| {
        Error::new(
            ErrorKind::Io,
            format!("the reference {} cannot be written: {e}", path.display()),
        )
    };
    let Some(stem) = path.file_stem().and_then(|s| s.to_str()) else {
        return Err(Error::config(format!(
            "--out {} names no file whose name is text",
            path.display()
        )));
    };
    let mut written = Vec::new();
    let mut names = Vec::new();
    let fine = t.side * t.grain as usize;
    let images =
        [("mean", &t.mean, fine), ("tolerance", &t.tolerance, fine), ("shade", &t.shade, t.side)];
    for (what, image, side) in images {
        let name = format!("{stem}.{what}.png");
        let file = path.with_file_name(&name);
        let mut png = Vec::new();
        encode_grey(side as u32, side as u32, image, &mut png)
            .and_then(|()| std::fs::write(&file, png).map_err(|e| e.to_string()))
            .map_err(|e| unwritable(&file, e))?;
        written.push(file);
        names.push(name);
    }
    // Last, so that a file that is there has its images.
    std::fs::write(path, text(t, &names, from)).map_err(|e| unwritable(path, e.to_string()))?;
    Ok(written)
}

/// The file's text; `images` are the names of mean, tolerance and shade.
fn text(t: &Taught, images: &[String], from: &str) -> String {
    let mut out = format!(
        "# What good parts look like: written by frameline teach, read by stages of kind \"inspect\".\n\
         # Learnt from {from}.\n\
         # The limits may be changed; whatever else is wrong, teach again.\n"
    );
    let l = &t.limits;
    let value = |table: &str, key: &str| match (table, key) {
        ("frame", "format") => FORMAT.to_string(),
        ("frame", "width") => t.width.to_string(),
        ("frame", "height") => t.height.to_string(),
        ("part", "radius") => rounded(t.radius, 1000.0),
        ("part", "scale") => t.scale.to_string(),
        ("part", "grain") => t.grain.to_string(),
        ("part", "bright") => t.bright.to_string(),
        ("part", "printed") => t.printed.to_string(),
        ("part", "surface") => t.surface.to_string(),
        ("limits", "search") => rounded(l.search, 1000.0),
        ("limits", "edge") => rounded(l.edge, 1000.0),
        ("limits", "presence") => rounded(l.presence, 1000.0),
        ("limits", "radius") => rounded(l.radius, 1000.0),
        ("limits", "outline") => rounded(l.outline, 1000.0),
        ("limits", "print") => rounded(l.print, 1000.0),
        ("limits", "mark") => rounded(l.mark, 10.0),
        ("limits", "slack") => rounded(l.slack, 10.0),
        (_, key) => {
            let image = ["mean", "tolerance", "shade"].iter().position(|name| *name == key);
            quoted(image.and_then(|i| images.get(i)).map_or("", String::as_str))
        }
    };
    for (table, keys) in TABLES {
        let _ = write!(out, "\n[{table}]\n");
        for key in *keys {
            let _ = writeln!(out, "# {}\n{} = {}", key.about, key.name, value(table, key.name));
        }
    }
    out.push('\n');
    for key in NEST {
        let _ = writeln!(out, "# {}: {}", key.name, key.about);
    }
    for n in &t.nests {
        let _ = write!(
            out,
            "[[nest]]\nx = {}\ny = {}\nlight = {}\nlight_x = {}\nlight_y = {}\n",
            rounded(n.x, 100.0),
            rounded(n.y, 100.0),
            rounded(n.light, 1e4),
            rounded(n.light_x, 1e4),
            rounded(n.light_y, 1e4)
        );
    }
    out
}

/// A number with no more digits than it means.
fn rounded(v: f32, to: f64) -> String {
    format!("{:?}", (f64::from(v) * to).round() / to)
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;

//! Image files: one, or a folder of them in the order that people mean.

use super::{Decoded, Frames, Seen, Taken, jpeg, order, png, tiff};
use crate::error::{Error, ErrorKind};
use crate::format::Geometry;
use crate::words::{counted, line};
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// What a file is, by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Png,
    Jpeg,
    Tiff,
}

fn kind_of(beginning: &[u8]) -> Option<Kind> {
    match beginning {
        [0x89, b'P', b'N', b'G', ..] => Some(Kind::Png),
        [0xFF, 0xD8, 0xFF, ..] => Some(Kind::Jpeg),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Kind::Tiff),
        _ => None,
    }
}

/// Whether a file that begins so is an image that can be read.
pub fn is_image(beginning: &[u8]) -> bool {
    kind_of(beginning).is_some()
}

/// Endings of the files that a folder's images are looked for among.
const ENDINGS: &[&str] = &["png", "tif", "tiff", "jpg", "jpeg"];

/// Reads image files.
pub struct Images {
    /// Last ones first.
    files: Vec<PathBuf>,
    /// The file whose pages are being read.
    pages: Option<(PathBuf, tiff::Pages)>,
    expected: u64,
    ignored: u64,
    seen: Seen,
}

impl Images {
    /// All images of a folder, or the one at `path`.
    pub fn open(path: &Path) -> Result<Images, Error> {
        let (mut files, mut ignored) = (vec![path.to_path_buf()], 0);
        if path.is_dir() {
            (files, ignored) = of_folder(path)?;
        }
        let mut expected = 0;
        for file in &files {
            expected += pages_of(file)?;
        }
        files.reverse();
        Ok(Images { files, pages: None, expected, ignored, seen: Seen::default() })
    }

    fn decode(&mut self, path: &Path, pixels: &mut Vec<u8>) -> Result<Option<Decoded>, Error> {
        let broken = |e: String| broken(path, &e);
        let (kind, file) = open(path)?;
        match kind {
            Kind::Png => png::decode(BufReader::new(file), pixels, &mut self.seen).map(Some),
            Kind::Jpeg => jpeg::decode(BufReader::new(file), pixels, &mut self.seen).map(Some),
            Kind::Tiff => tiff::Pages::new(file).map(|pages| {
                self.pages = Some((path.into(), pages));
                None
            }),
        }
        .map_err(broken)
    }
}

/// A folder's images, first ones first, and how many other files there are.
fn of_folder(path: &Path) -> Result<(Vec<PathBuf>, u64), Error> {
    let cannot = |e| {
        let what = format!("the folder {} cannot be read", path.display());
        Error::with_source(ErrorKind::Io, what, e)
    };
    let (mut files, mut ignored) = (Vec::new(), 0);
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let file = entry.path();
        // Such as the `._img1.png` that macOS puts beside an image.
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let ending = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match !is_hidden && ENDINGS.contains(&ending.as_str()) && file.is_file() {
            true => files.push(file),
            false => ignored += 1,
        }
    }
    if files.is_empty() {
        return Err(Error::config(format!(
            "{} holds no image: no file ends in .{}",
            path.display(),
            ENDINGS.join(", .")
        )));
    }
    let name = |p: &PathBuf| p.file_name().unwrap_or_default().to_string_lossy().into_owned();
    files.sort_by_cached_key(|p| Natural(name(p)));
    Ok((files, ignored))
}

/// A name in its natural order.
#[derive(PartialEq, Eq)]
struct Natural(String);

impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Natural {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        order::natural(&self.0, &other.0)
    }
}

fn broken(path: &Path, e: &str) -> Error {
    let said = line(e, 200);
    let what = format!("{} cannot be read as an image: {said}", path.display());
    Error::new(ErrorKind::Source, what)
}

/// The file at its beginning, and what it is.
fn open(path: &Path) -> Result<(Kind, File), Error> {
    let cannot =
        |e| Error::with_source(ErrorKind::Io, format!("{} cannot be read", path.display()), e);
    let mut file = File::open(path).map_err(cannot)?;
    let mut beginning = Vec::new();
    (&file).take(8).read_to_end(&mut beginning).map_err(cannot)?;
    file.rewind().map_err(cannot)?;
    let kind = kind_of(&beginning)
        .ok_or_else(|| broken(path, "it does not begin as a PNG, TIFF or JPEG file does"))?;
    Ok((kind, file))
}

/// How many images a file holds: only TIFF has several.
fn pages_of(path: &Path) -> Result<u64, Error> {
    let (kind, file) = open(path)?;
    if kind != Kind::Tiff {
        return Ok(1);
    }
    let count = || {
        let mut pages = tiff::Pages::new(file)?;
        let mut n = 0;
        while pages.advance()? {
            n += 1;
        }
        Ok(n)
    };
    count().map_err(|e: String| broken(path, &e))
}

impl Frames for Images {
    fn next(&mut self, pixels: &mut Vec<u8>) -> Result<Option<Taken>, Error> {
        loop {
            if let Some((path, pages)) = &mut self.pages {
                let file = path.clone();
                let page = match pages.advance() {
                    Ok(true) => pages.decode(pixels, &mut self.seen).map(Some),
                    Ok(false) => Ok(None),
                    Err(e) => Err(e),
                };
                match page.map_err(|e| broken(&file, &e))? {
                    Some(decoded) => return Ok(Some(taken(file, decoded))),
                    None => self.pages = None,
                }
            }
            let Some(file) = self.files.pop() else { return Ok(None) };
            if let Some(decoded) = self.decode(&file, pixels)? {
                return Ok(Some(taken(file, decoded)));
            }
        }
    }

    fn expected(&self) -> u64 {
        self.expected
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.ignored > 0 {
            let verb = if self.ignored == 1 { "is" } else { "are" };
            notes.push(format!(
                "{} of the folder {verb} no image",
                counted(self.ignored, "entry").replace("entrys", "entries")
            ));
        }
        if self.seen.alpha {
            notes.push("transparency was left out".into());
        }
        if self.seen.turned > 0 {
            let images = counted(self.seen.turned, "image");
            notes.push(format!(
                "{images} to be shown turned or mirrored: pixels are kept as they lie in the file"
            ));
        }
        notes
    }
}

fn taken(file: PathBuf, (width, height, format): Decoded) -> Taken {
    Taken { geometry: Geometry::new(width, height, format), unix_ns: None, file }
}

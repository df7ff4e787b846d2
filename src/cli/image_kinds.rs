//! The kinds of stages that make images: what their keys mean, and how they are made.

use super::fields::Fields;
use super::reference_image;
use crate::error::Error;
use crate::stage::Stage;
use crate::stages::image::kernel::Colours;
use crate::stages::{
    Binning, BinningRule, Correction, Crop, Demosaic, FlatField, FlatFieldSettings, Unpack,
    UnpackTo,
};
use std::path::PathBuf;
use std::sync::Arc;

/// What an image stage is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum ImageKind {
    /// Unpacks.
    Unpack(UnpackTo),
    /// Makes colours of a mosaic.
    Demosaic(Colours),
    /// Corrects by references.
    FlatField(References),
    /// Keeps a part.
    Crop {
        /// First column.
        x: u32,
        /// First row.
        y: u32,
        /// Columns.
        width: Option<u32>,
        /// Rows.
        height: Option<u32>,
    },
    /// Joins pixels.
    Bin(u32, BinningRule),
}

/// How a flat-field stage corrects, and the files that say by what.
#[derive(Debug, Clone, PartialEq)]
pub struct References {
    correction: Correction,
    dark: Option<PathBuf>,
    /// The flat image or the background.
    reference: Option<PathBuf>,
    learn: u32,
    /// Size of files that do not say it themselves.
    raw: Option<(u32, u32)>,
}

impl ImageKind {
    /// The kind that checked keys describe; `None` if `kind` makes no image.
    pub fn from_fields(kind: &str, f: &Fields) -> Result<Option<ImageKind>, Error> {
        let number = |key| f.integer(key).and_then(|n| u32::try_from(n).ok());
        Ok(Some(match kind {
            "unpack" => {
                ImageKind::Unpack(f.text("to").and_then(UnpackTo::from_name).unwrap_or_default())
            }
            "demosaic" => ImageKind::Demosaic(match f.text("to") {
                Some("mono8") => Colours::Luma8,
                _ => Colours::Rgb8,
            }),
            "flat_field" => ImageKind::FlatField(References::from_fields(f)?),
            "crop" => ImageKind::Crop {
                x: number("x").unwrap_or_default(),
                y: number("y").unwrap_or_default(),
                width: number("width"),
                height: number("height"),
            },
            "bin" => ImageKind::Bin(
                number("factor").unwrap_or(2),
                match f.text("mode") {
                    Some("sum") => BinningRule::Sum,
                    _ => BinningRule::Mean,
                },
            ),
            _ => return Ok(None),
        }))
    }

    /// Reads the files that the stage needs.
    pub fn open(&self, workers: usize) -> Result<ImageMaker, Error> {
        let settings = match self {
            ImageKind::FlatField(references) => {
                if references.learn > 0 && workers > 1 {
                    return Err(Error::config(format!(
                        "{workers} workers would each learn from frames of their own; set workers = 1, or give files"
                    )));
                }
                references.open()?
            }
            _ => FlatFieldSettings::default(),
        };
        Ok(ImageMaker { kind: self.clone(), settings })
    }
}

impl References {
    fn from_fields(f: &Fields) -> Result<References, Error> {
        let background = f.text("mode") == Some("background");
        let signed = f.text("difference") == Some("signed");
        let (mine, others): (&str, &[&str]) =
            if background { ("background", &["dark", "flat"]) } else { ("flat", &["background"]) };
        if let Some(key) = others.iter().find(|key| f.text(key).is_some()) {
            let mode = if background { "flat" } else { "background" };
            return Err(f.error(key, format_args!("has a meaning only with mode = \"{mode}\"")));
        }
        if signed && !background {
            return Err(f.error("difference", "has a meaning only with mode = \"background\""));
        }
        let level = f.integer("level").and_then(|n| u16::try_from(n).ok());
        if level.is_some() && !signed {
            return Err(f.error("level", "has a meaning only with difference = \"signed\""));
        }
        let learn = f.integer("learn").and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
        let (dark, reference) = (f.text("dark"), f.text(mine));
        if reference.is_some() && learn > 0 {
            return Err(f.error(
                "learn",
                format_args!(
                    "and {mine} exclude each other: one of them says what the reference is"
                ),
            ));
        }
        if reference.is_none() && dark.is_none() && learn == 0 {
            return Err(f.error(
                mine,
                "must name a file, or learn must say from how many frames to learn it",
            ));
        }
        let side = |key| f.integer(key).and_then(|n| u32::try_from(n).ok());
        let raw = match (side("raw_width"), side("raw_height")) {
            (Some(w), Some(h)) => Some((w, h)),
            (None, None) => None,
            (Some(_), None) => return Err(f.error("raw_width", "needs raw_height beside it")),
            (None, Some(_)) => return Err(f.error("raw_height", "needs raw_width beside it")),
        };
        if raw.is_some() && [dark, reference].into_iter().flatten().all(reference_image::is_png) {
            return Err(f.error("raw_width", "has a meaning only for files that are not PNG"));
        }
        Ok(References {
            correction: match (background, signed) {
                (false, _) => Correction::Flat,
                (true, false) => Correction::Absolute,
                (true, true) => Correction::Signed { level },
            },
            dark: dark.map(Into::into),
            reference: reference.map(Into::into),
            learn,
            raw,
        })
    }

    fn open(&self) -> Result<FlatFieldSettings, Error> {
        let read = |path: &Option<PathBuf>| {
            path.as_ref().map(|p| reference_image::read(p, self.raw).map(Arc::new)).transpose()
        };
        let settings = FlatFieldSettings {
            correction: self.correction,
            dark: read(&self.dark)?,
            reference: read(&self.reference)?,
            learn: self.learn,
        };
        FlatField::new(settings.clone())?;
        Ok(settings)
    }
}

/// Makes the instances of one image stage.
#[derive(Debug)]
pub struct ImageMaker {
    kind: ImageKind,
    settings: FlatFieldSettings,
}

impl ImageMaker {
    /// One instance.
    pub fn make(&self) -> Box<dyn Stage> {
        match &self.kind {
            ImageKind::Unpack(to) => Box::new(Unpack::new(*to)),
            ImageKind::Demosaic(to) => Box::new(Demosaic::new(*to)),
            ImageKind::Crop { x, y, width, height } => Box::new(Crop::new(*x, *y, *width, *height)),
            ImageKind::Bin(factor, rule) => Box::new(Binning::new(*factor, *rule)),
            ImageKind::FlatField(_) => match FlatField::new(self.settings.clone()) {
                Ok(stage) => Box::new(stage),
                Err(e) => {
                    unreachable!("these settings were found good when the stage was opened: {e}")
                }
            },
        }
    }
}

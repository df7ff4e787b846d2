//! The geometries that can come, each rendered ahead with the metadata that its frames share.

use super::config::SimConfig;
use super::content::Content;
use super::conveyor::Look;
use super::pattern::{MAX_PATTERN_BYTES, PHASES};
use crate::error::{Error, ErrorKind};
use crate::format::Geometry;
use crate::meta::FrameMeta;

/// One geometry.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Tells this rendering from every other, also from earlier ones of the same place.
    pub id: u32,
    pub geometry: Geometry,
    pub image_bytes: usize,
    /// What all frames have in common.
    pub meta: FrameMeta,
    /// `None`: frames are not written at all.
    pub content: Option<Content>,
}

/// All of them. The first is the region that features set; the others are the script's.
#[derive(Debug)]
pub(super) struct Sheets {
    all: Vec<Sheet>,
    seed: u64,
    look: Look,
    stamp: bool,
    made: u32,
}

impl Sheets {
    pub fn new(config: &SimConfig) -> Result<Sheets, Error> {
        let mut sheets = Sheets {
            all: Vec::new(),
            seed: config.seed,
            look: config.look,
            stamp: config.stamp,
            made: 0,
        };
        sheets.index_of(config.geometry())?;
        Ok(sheets)
    }

    #[inline]
    pub fn get(&self, index: usize) -> &Sheet {
        &self.all[index]
    }

    /// The sheet of that geometry, rendered now if there is none yet.
    pub fn index_of(&mut self, geometry: Geometry) -> Result<usize, Error> {
        if let Some(i) = self.all.iter().position(|s| s.geometry == geometry) {
            return Ok(i);
        }
        let sheet = self.render(geometry, 0)?;
        self.all.push(sheet);
        Ok(self.all.len() - 1)
    }

    /// Renders the first sheet anew.
    pub fn replace_first(&mut self, geometry: Geometry) -> Result<(), Error> {
        if self.all[0].geometry != geometry {
            self.all[0] = self.render(geometry, self.all[0].image_bytes)?;
        }
        Ok(())
    }

    fn render(&mut self, geometry: Geometry, freed: usize) -> Result<Sheet, Error> {
        let image_bytes = usize::try_from(geometry.image_bytes())
            .map_err(|_| Error::config("the region exceeds the address space; lower it"))?;
        let all: usize = self.all.iter().map(|s| s.image_bytes).sum();
        let need = (all - freed).saturating_add(image_bytes).saturating_mul(PHASES);
        if self.stamp && need > MAX_PATTERN_BYTES {
            return Err(Error::new(
                ErrorKind::Memory,
                format!(
                    "{PHASES} images of each size that region and script name take {need} bytes; at most {MAX_PATTERN_BYTES} are allowed, so lower the region, use fewer sizes, or set stamp=off"
                ),
            ));
        }
        let draw = || Content::new(&geometry, &self.look, self.seed);
        let content = if self.stamp { Some(draw()?) } else { None };
        self.made += 1;
        Ok(Sheet { id: self.made, geometry, image_bytes, meta: FrameMeta::of(&geometry), content })
    }
}

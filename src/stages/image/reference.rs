//! What a camera sees when there is nothing to see: a reference image as numbers.

use crate::error::Error;
use crate::format::MAX_SIDE_PIXELS;

/// A reference image: values in the counts of the frames that it is for. It covers the region of those frames, or
/// the whole sensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceImage {
    width: u32,
    height: u32,
    components: usize,
    values: Vec<u16>,
}

impl ReferenceImage {
    /// An image of `width` x `height` pixels with 1 or 3 components each, row after row.
    pub fn new(
        width: u32,
        height: u32,
        components: usize,
        values: Vec<u16>,
    ) -> Result<ReferenceImage, Error> {
        let side = 1..=MAX_SIDE_PIXELS;
        if !side.contains(&width) || !side.contains(&height) || !matches!(components, 1 | 3) {
            return Err(Error::config(format!(
                "a reference image of {width} x {height} pixels with {components} components cannot be; sides are 1 to {MAX_SIDE_PIXELS}, components 1 or 3"
            )));
        }
        let wanted = u64::from(width) * u64::from(height) * components as u64;
        if values.len() as u64 != wanted {
            return Err(Error::config(format!(
                "a reference image of {width} x {height} pixels with {components} components has {wanted} values, not {}",
                values.len()
            )));
        }
        Ok(ReferenceImage { width, height, components, values })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Values of a pixel.
    pub fn components(&self) -> usize {
        self.components
    }

    /// The values for a region: the image itself if it is as large, else its part at the region's place on the
    /// sensor. `None` if it does not cover the region, or has other components.
    pub(super) fn region(&self, region: Region) -> Option<impl Iterator<Item = u16> + '_> {
        let same = (self.width, self.height) == (region.width, region.height);
        let (x, y) = if same { (0, 0) } else { (region.x, region.y) };
        let covers =
            |from: u32, side: u32, whole: u32| from.checked_add(side).is_some_and(|to| to <= whole);
        if self.components != region.components
            || !covers(x, region.width, self.width)
            || !covers(y, region.height, self.height)
        {
            return None;
        }
        let row = self.width as usize * self.components;
        let (from, len) = (x as usize * self.components, region.row());
        let rows = self.values.chunks_exact(row).skip(y as usize).take(region.height as usize);
        Some(rows.flat_map(move |r| &r[from..from + len]).copied())
    }
}

/// The place of a frame on the sensor, and the values of its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
    pub components: usize,
}

impl Region {
    /// Values of a row.
    pub fn row(&self) -> usize {
        self.width as usize * self.components
    }

    /// Values of the image.
    pub fn len(&self) -> usize {
        self.row() * self.height as usize
    }
}

//! A film: grey pictures from a file, which a camera shows one after the other, and from the beginning again.

use std::path::Path;

/// How a file of numpy's begins.
const NPY: &[u8] = b"\x93NUMPY";

/// Pictures of 8 bits a pixel, each as large as the sensor.
#[derive(PartialEq)]
pub struct Film {
    width: usize,
    pictures: Vec<u8>,
    picture_bytes: usize,
}

/// What a camera sees of a picture.
#[derive(Debug, Clone, Copy)]
pub struct Region {
    /// First column, and row.
    pub offset: (usize, usize),
    /// Columns and rows.
    pub size: (usize, usize),
    /// Bytes of a pixel: two for 12 bits, three for colours.
    pub pixel_bytes: usize,
}

impl Film {
    /// Reads raw pixels, or an array of numpy's (`frameline export --to npy`). A sentence says what is wrong.
    pub fn read(path: &str, size: (u32, u32)) -> Result<Film, String> {
        let mut pictures =
            std::fs::read(Path::new(path)).map_err(|e| format!("the film {path}: {e}"))?;
        if pictures.starts_with(NPY) {
            let (head, begins) =
                header(&pictures).ok_or_else(|| format!("the film {path} has no whole header"))?;
            check(&head, size).map_err(|why| format!("the film {path} {why}"))?;
            pictures.drain(..begins);
        }
        let picture_bytes = size.0 as usize * size.1 as usize;
        if pictures.is_empty() || !pictures.len().is_multiple_of(picture_bytes) {
            return Err(format!(
                "the film {path} has {} bytes of pixels, not whole pictures of {}x{}",
                pictures.len(),
                size.0,
                size.1
            ));
        }
        Ok(Film { width: size.0 as usize, pictures, picture_bytes })
    }

    /// Writes what the camera sees of frame `n` into as much as there is of `to`.
    pub fn paint(&self, n: u64, region: Region, to: &mut [u8]) {
        let pictures = self.pictures.len() / self.picture_bytes;
        let begins = (n % pictures as u64) as usize * self.picture_bytes;
        let picture = &self.pictures[begins..][..self.picture_bytes];
        let (left, top) = region.offset;
        let rows = picture.chunks_exact(self.width).skip(top).take(region.size.1);
        for (row, to) in rows.zip(to.chunks_mut(region.size.0 * region.pixel_bytes)) {
            let row = &row[left..];
            match region.pixel_bytes {
                1 => to.copy_from_slice(&row[..to.len()]),
                2 => {
                    for (to, grey) in to.chunks_mut(2).zip(row) {
                        let wide = (u16::from(*grey) << 4).to_le_bytes();
                        to.copy_from_slice(&wide[..to.len()]);
                    }
                }
                n => to.chunks_mut(n).zip(row).for_each(|(to, grey)| to.fill(*grey)),
            }
        }
    }
}

impl std::fmt::Debug for Film {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Film({} pictures)", self.pictures.len() / self.picture_bytes)
    }
}

/// The header's text, and where the pixels begin.
fn header(file: &[u8]) -> Option<(String, usize)> {
    let (at, bytes) = match file.get(6)? {
        1 => (10_usize, u16::from_le_bytes(file.get(8..10)?.try_into().ok()?) as usize),
        _ => (12, u32::from_le_bytes(file.get(8..12)?.try_into().ok()?) as usize),
    };
    let text = file.get(at..bytes.checked_add(at)?)?;
    Some((String::from_utf8_lossy(text).into_owned(), at + bytes))
}

/// Whether it is an array of pictures x rows x columns, a byte each.
fn check(header: &str, (width, height): (u32, u32)) -> Result<(), String> {
    let shape = header.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')'));
    let shape = shape.map_or("", |(shape, _)| shape);
    let sides: Vec<u32> = shape.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    if !header.contains("'|u1'") || header.contains("True") {
        return Err("is no array of bytes, row by row".into());
    }
    if sides.len() != 3 || sides[1..] != [height, width] {
        return Err(format!("is an array of ({shape}), not of pictures x {height} x {width}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_of_a_picture_is_shown_in_every_width_of_pixel() {
        // Catches rows that run into each other, and a frame that was cut, painted past its end.
        let film = Film { width: 4, pictures: (0..24).collect(), picture_bytes: 12 };
        let see = |n, pixel_bytes, bytes| {
            let mut to = vec![0xFF; bytes];
            film.paint(n, Region { offset: (1, 1), size: (2, 2), pixel_bytes }, &mut to);
            to
        };
        assert_eq!(see(0, 1, 4), [5, 6, 9, 10]);
        assert_eq!(see(3, 1, 3), [17, 18, 21], "the second picture again, cut");
        assert_eq!(see(0, 2, 8), [80, 0, 96, 0, 144, 0, 160, 0]);
        assert_eq!(see(0, 3, 5), [5, 5, 5, 6, 6]);
    }

    #[test]
    fn what_is_no_film_is_a_sentence() {
        let head = |shape: &str, kind: &str| {
            format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}")
        };
        assert_eq!(check(&head("5, 3, 4", "|u1"), (4, 3)), Ok(()));
        assert!(check(&head("5, 4, 3", "|u1"), (4, 3)).is_err());
        assert!(check(&head("5, 3, 4", "<u2"), (4, 3)).is_err());
        assert!(header(b"\x93NUMPY\x01\x00\xFF").is_none());
        assert!(Film::read("/nowhere/film.npy", (4, 3)).unwrap_err().contains("/nowhere"));
    }
}

//! Pictures of failed parts, read back from their files.

use crate::verdict::{Area, PartVerdict};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::Read;
use std::path::Path;

/// Pictures on a page at most, and bytes of them: it must stay a page that one can send.
pub const MAX_PICTURES: usize = 24;
const MAX_BYTES: u64 = 6 << 20;
/// What a PNG begins with.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A failed part as the page shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The PNG as a data URI.
    pub uri: String,
    /// The name of its file.
    pub file: String,
    /// The device's number of the frame.
    pub frame_id: u64,
    /// What was found, in coordinates of the frame.
    pub verdict: PartVerdict,
    /// What of the frame the picture shows.
    pub crop: Area,
}

impl Picture {
    /// Where the defect is, in coordinates of the picture, cut to it.
    pub fn mark(&self) -> Area {
        let (m, c) = (self.verdict.mark, self.crop);
        let span = |from: u16, length: u16, begin: u16, room: u16| {
            let (from, begin) = (i32::from(from), i32::from(begin));
            let first = (from - begin).clamp(0, i32::from(room));
            let last = (from + i32::from(length) - begin).clamp(first, i32::from(room));
            (first as u16, (last - first) as u16)
        };
        let (x, width) = span(m.x, m.width, c.x, c.width);
        let (y, height) = span(m.y, m.height, c.y, c.height);
        Area { x, y, width, height }
    }
}

/// What was saved of one part.
#[derive(Debug, Clone)]
pub struct Saved<'a> {
    /// The PNG.
    pub path: &'a Path,
    /// See [`Picture`].
    pub frame_id: u64,
    /// See [`Picture`].
    pub verdict: PartVerdict,
    /// See [`Picture`].
    pub crop: Area,
}

/// Reads pictures, every kind of defect in turn, until there are enough. A file that is gone or is no PNG is
/// left out.
pub fn pictures<'a>(saved: impl Iterator<Item = Saved<'a>>) -> Vec<Picture> {
    let mut by_kind: Vec<(Option<crate::verdict::Defect>, Vec<Saved<'a>>)> = Vec::new();
    for one in saved {
        match by_kind.iter_mut().find(|(kind, _)| *kind == one.verdict.defect) {
            Some((_, list)) => list.push(one),
            None => by_kind.push((one.verdict.defect, vec![one])),
        }
    }
    let longest = by_kind.iter().map(|(_, list)| list.len()).max().unwrap_or(0);
    let in_turn =
        (0..longest).flat_map(|i| by_kind.iter().filter_map(move |(_, list)| list.get(i)));
    let mut left = MAX_BYTES;
    let mut out: Vec<Picture> =
        in_turn.filter_map(|one| read(one, &mut left)).take(MAX_PICTURES).collect();
    out.sort_by_key(|p| p.frame_id);
    out
}

fn read(one: &Saved<'_>, left: &mut u64) -> Option<Picture> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(one.path).ok()?;
    file.take(*left + 1).read_to_end(&mut bytes).ok()?;
    let n = bytes.len() as u64;
    if n > *left || !bytes.starts_with(SIGNATURE) || one.crop.width == 0 || one.crop.height == 0 {
        return None;
    }
    *left -= n;
    Some(Picture {
        uri: format!("data:image/png;base64,{}", STANDARD.encode(&bytes)),
        file: one.path.file_name()?.to_string_lossy().into_owned(),
        frame_id: one.frame_id,
        verdict: one.verdict,
        crop: one.crop,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Defect;

    fn verdict(defect: Defect, mark: Area) -> PartVerdict {
        PartVerdict { defect: Some(defect), mark, ..PartVerdict::default() }
    }

    #[test]
    fn marks_lie_on_their_pictures() {
        // Catches a mark in the frame's coordinates, and one that sticks out of the picture.
        let crop = Area { x: 100, y: 50, width: 40, height: 30 };
        let of = |x, y, width, height| {
            let verdict = verdict(Defect::Dent, Area { x, y, width, height });
            Picture { uri: String::new(), file: String::new(), frame_id: 0, verdict, crop }.mark()
        };
        assert_eq!(of(110, 60, 5, 6), Area { x: 10, y: 10, width: 5, height: 6 });
        assert_eq!(of(90, 40, 20, 100), Area { x: 0, y: 0, width: 10, height: 30 });
        assert_eq!(of(0, 0, 1, 1), Area { x: 0, y: 0, width: 0, height: 0 });
        assert_eq!(of(u16::MAX, u16::MAX, u16::MAX, u16::MAX).width, 0);
    }

    #[test]
    fn every_kind_is_shown_and_no_file_is_trusted() {
        // Catches twenty scratches that hide the one dent, and a file that became something else.
        let dir = std::env::temp_dir().join(format!("frameline-pictures-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = |n: usize| dir.join(format!("{n}.png"));
        for n in 0..40 {
            let head: &[u8] = if n == 3 { b"<html>" } else { SIGNATURE };
            std::fs::write(path(n), [head, b"x"].concat()).unwrap();
        }
        let crop = Area { x: 0, y: 0, width: 8, height: 8 };
        let paths: Vec<_> = (0..41).map(path).collect();
        let saved = paths.iter().enumerate().map(|(n, path)| {
            let kind = if n == 39 { Defect::Dent } else { Defect::Scratch };
            Saved { path, frame_id: n as u64, verdict: verdict(kind, crop), crop }
        });
        let shown = pictures(saved);
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(shown.len(), MAX_PICTURES);
        assert!(shown.iter().any(|p| p.verdict.defect == Some(Defect::Dent)));
        assert!(
            shown
                .iter()
                .all(|p| p.frame_id != 3 && p.uri.starts_with("data:image/png;base64,iVBOR"))
        );
        assert!(shown.windows(2).all(|w| w[0].frame_id < w[1].frame_id));
    }
}

//! How an image says that it is to be shown (EXIF).

/// The tag, of images and of TIFF pages alike.
const ORIENTATION: u16 = 0x0112;

/// Whether a value of the tag asks for an image that is turned or mirrored.
pub fn asks(orientation: u16) -> bool {
    (2..=8).contains(&orientation)
}

/// Whether EXIF data ask for it. Data that are none ask for nothing.
pub fn of_exif(exif: &[u8]) -> bool {
    value(exif).is_some_and(asks)
}

/// The value in the first directory: two bytes for the order of bytes, the directory's place, then entries of 12 bytes.
fn value(exif: &[u8]) -> Option<u16> {
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let little = match exif.first_chunk()? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let short = |b: &[u8], at: usize| {
        let b = *b.get(at..)?.first_chunk()?;
        Some(if little { u16::from_le_bytes(b) } else { u16::from_be_bytes(b) })
    };
    let place = *exif.get(4..)?.first_chunk()?;
    let place = if little { u32::from_le_bytes(place) } else { u32::from_be_bytes(place) };
    let directory = exif.get(usize::try_from(place).ok()?..)?;
    let entries = directory.get(2..)?.chunks_exact(12).take(short(directory, 0)?.into());
    let mut found = entries.filter(|entry| short(entry, 0) == Some(ORIENTATION));
    found.next().and_then(|entry| short(entry, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exif(little: bool, orientation: u16) -> Vec<u8> {
        let short = |v: u16| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let long = |v: u32| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let mut b = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        b.extend(long(8));
        b.extend(short(2));
        for (tag, value) in [(0x0100, 7), (ORIENTATION, orientation)] {
            b.extend([short(tag), short(3)].concat());
            b.extend(long(1));
            b.extend([short(value), short(0)].concat());
        }
        b
    }

    #[test]
    fn the_orientation_is_read_and_no_data_panic() {
        // Catches the other order of bytes, an entry's type or count taken for its value, and data that are cut off.
        for little in [true, false] {
            for value in 0..10 {
                let b = exif(little, value);
                assert_eq!(of_exif(&b), (2..=8).contains(&value), "{little} {value}");
                assert_eq!(of_exif(&[b"Exif\0\0", &b[..]].concat()), of_exif(&b));
            }
            let b = exif(little, 6);
            assert!((0..b.len()).all(|end| !of_exif(&b[..end])));
            for at in 0..b.len() {
                let mut b = b.clone();
                b[at] = 0xFF;
                let _ = of_exif(&b);
            }
        }
    }
}

//! ReferenceImage images from files: PNG, or raw bytes. What a file says is checked before memory is asked for.

use crate::error::{Error, ErrorKind};
use crate::format::MAX_SIDE_PIXELS;
use crate::stages::ReferenceImage;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// The largest reference image, in bytes of its file's pixels: 512 MiB.
const MAX_BYTES: u64 = 512 << 20;

/// Whether a file of that name is read as PNG.
pub fn is_png(path: impl AsRef<Path>) -> bool {
    path.as_ref().extension().is_some_and(|e| e.eq_ignore_ascii_case("png"))
}

/// Reads a reference image. Of a file that is not PNG, `raw` says width and height, and its length how deep its
/// pixels are: one byte, two (little-endian), or three (red, green, blue).
pub fn read(path: &Path, raw: Option<(u32, u32)>) -> Result<ReferenceImage, Error> {
    let file = File::open(path).map_err(|e| {
        Error::with_source(
            ErrorKind::Config,
            format!("the reference image {} cannot be opened", path.display()),
            e,
        )
    })?;
    let read = if is_png(path) { read_png(file) } else { read_raw(file, raw) };
    read.map_err(|why| {
        Error::config(format!("the reference image {} cannot be used: {why}", path.display()))
    })
}

fn read_png(file: File) -> Result<ReferenceImage, String> {
    let limits = png::Limits { bytes: MAX_BYTES as usize };
    let mut decoder = png::Decoder::new_with_limits(BufReader::new(file), limits);
    // As it is in the file: a palette or an alpha channel is refused below, not expanded.
    decoder.set_transformations(png::Transformations::IDENTITY);
    let info = decoder.read_header_info().map_err(|e| format!("it is no PNG: {e}"))?;
    let (width, height) = (info.width, info.height);
    let components = match info.color_type {
        png::ColorType::Grayscale => 1,
        png::ColorType::Rgb => 3,
        other => {
            return Err(format!("its pixels are {other:?}; save it as grey or RGB without alpha"));
        }
    };
    let bytes = match info.bit_depth {
        png::BitDepth::Eight => 1,
        png::BitDepth::Sixteen => 2,
        other => return Err(format!("its pixels have {} bits; save it with 8 or 16", other as u8)),
    };
    let size = sized(width, height, components * bytes)?;
    let mut reader = decoder.read_info().map_err(|e| format!("its pixels cannot be read: {e}"))?;
    let mut pixels = vec![0; size];
    reader.next_frame(&mut pixels).map_err(|e| format!("its pixels cannot be read: {e}"))?;
    let values = match bytes {
        1 => pixels.into_iter().map(u16::from).collect(),
        _ => pixels.as_chunks::<2>().0.iter().map(|p| u16::from_be_bytes(*p)).collect(),
    };
    ReferenceImage::new(width, height, components, values).map_err(|e| e.to_string())
}

fn read_raw(mut file: File, raw: Option<(u32, u32)>) -> Result<ReferenceImage, String> {
    let Some((width, height)) = raw else {
        return Err("a file that is not PNG says no size; set raw_width and raw_height".into());
    };
    sized(width, height, 3)?;
    let len = file.metadata().map_err(|e| e.to_string())?.len();
    let pixels = u64::from(width) * u64::from(height);
    if ![1, 2, 3].iter().any(|n| len == n * pixels) {
        return Err(format!(
            "it has {len} bytes, but {width} x {height} pixels take {pixels} (8 bits), {} (16 bits) or {} (RGB)",
            2 * pixels,
            3 * pixels
        ));
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact(&mut bytes).map_err(|e| format!("it cannot be read: {e}"))?;
    let (components, values) = match len / pixels {
        2 => (1, bytes.as_chunks::<2>().0.iter().map(|p| u16::from_le_bytes(*p)).collect()),
        n => (n as usize, bytes.into_iter().map(u16::from).collect()),
    };
    ReferenceImage::new(width, height, components, values).map_err(|e| e.to_string())
}

/// Bytes of an image whose pixels take so many each.
fn sized(width: u32, height: u32, pixel: usize) -> Result<usize, String> {
    let side = 1..=MAX_SIDE_PIXELS;
    let bytes = u64::from(width) * u64::from(height) * pixel as u64;
    if !side.contains(&width) || !side.contains(&height) || bytes > MAX_BYTES {
        return Err(format!("{width} x {height} pixels are none, or more than {MAX_BYTES} bytes"));
    }
    usize::try_from(bytes).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    struct Temp(PathBuf);

    impl Temp {
        fn new(name: &str, bytes: &[u8]) -> Temp {
            let name = format!("frameline-reference-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, bytes).unwrap();
            Temp(path)
        }
    }

    impl Drop for Temp {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn png_of(
        width: u32,
        height: u32,
        color: png::ColorType,
        depth: png::BitDepth,
        data: &[u8],
    ) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, width, height);
        encoder.set_color(color);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        out
    }

    #[test]
    fn files_of_every_kind_give_their_values() {
        // Catches a byte order or a number of components that is taken for another.
        use png::{BitDepth, ColorType};
        let deep = png_of(2, 1, ColorType::Grayscale, BitDepth::Sixteen, &[0x01, 0x02, 0xFF, 0x00]);
        let colour = png_of(1, 1, ColorType::Rgb, BitDepth::Eight, &[1, 2, 3]);
        for (name, bytes, size, values, components) in [
            ("a.PNG", deep, (2, 1), vec![0x0102, 0xFF00], 1),
            ("b.png", colour, (1, 1), vec![1, 2, 3], 3),
            ("c.raw", vec![1, 2], (2, 1), vec![1, 2], 1),
            ("d.raw", vec![1, 2, 3, 4], (2, 1), vec![0x0201, 0x0403], 1),
            ("e.raw", vec![1, 2, 3, 4, 5, 6], (2, 1), vec![1, 2, 3, 4, 5, 6], 3),
        ] {
            let file = Temp::new(name, &bytes);
            let got = read(&file.0, Some(size)).unwrap();
            let want = ReferenceImage::new(size.0, size.1, components, values).unwrap();
            assert_eq!(got, want, "{name}");
        }
    }

    #[test]
    fn files_that_cannot_be_used_say_why() {
        // Catches a panic on, or memory for, what an untrusted file claims; and a sentence that does not help.
        use png::{BitDepth, ColorType};
        let alpha = png_of(1, 1, ColorType::Rgba, BitDepth::Eight, &[1, 2, 3, 4]);
        let one_bit = png_of(8, 1, ColorType::Grayscale, BitDepth::One, &[1]);
        let good = png_of(4, 4, ColorType::Grayscale, BitDepth::Eight, &[7; 16]);
        let mut huge = Vec::new();
        // Only the header: nobody gets as far as the pixels.
        drop(png::Encoder::new(&mut huge, 1 << 19, 1 << 19).write_header().unwrap());
        for (name, bytes, want) in [
            ("f.png", b"no png".to_vec(), "it is no PNG"),
            ("g.png", alpha, "without alpha"),
            ("h.png", one_bit, "save it with 8 or 16"),
            ("i.png", good[..good.len() - 20].to_vec(), "cannot be read"),
            ("j.png", huge, "524288 x 524288 pixels"),
            (
                "k.raw",
                vec![0; 5],
                "it has 5 bytes, but 2 x 2 pixels take 4 (8 bits), 8 (16 bits) or 12",
            ),
            ("l.raw", vec![], "it has 0 bytes"),
        ] {
            let file = Temp::new(name, &bytes);
            let e = read(&file.0, Some((2, 2))).unwrap_err().to_string();
            assert!(e.contains(want) && e.contains(name) && !e.contains('\n'), "{e}");
        }
        let file = Temp::new("m.raw", &[0; 4]);
        let e = read(&file.0, None).unwrap_err().to_string();
        assert!(e.contains("set raw_width and raw_height"), "{e}");
        let e = read(&file.0, Some((1 << 20, 1 << 20))).unwrap_err().to_string();
        assert!(e.contains("more than"), "{e}");
        let e = read(Path::new("/nowhere/x.png"), None).unwrap_err().to_string();
        assert!(e.contains("/nowhere/x.png cannot be opened"), "{e}");
    }
}

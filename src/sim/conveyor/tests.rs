use super::*;
use crate::format::PixelFormat;
use crate::verdict::{Area, Defect};

const SEED: u64 = 7;

fn look(defects: f64) -> Look {
    Look { defects, ..Look::default() }
}

fn small() -> Geometry {
    Geometry::new(480, 400, PixelFormat::MONO8)
}

fn frame(c: &Conveyor, serial: u64) -> Vec<u8> {
    let mut out = vec![0; c.image_bytes()];
    c.write(serial, &mut out);
    out
}

#[test]
fn the_truth_is_what_is_drawn() {
    // Catches a truth that names the wrong part, place or kind: where a defect is said to be, the frame differs
    // from a frame without it, and nowhere else.
    let (g, contrast) = (small(), [1.0, 0.0]);
    let [bad, good] = contrast.map(|contrast| {
        let look = Look { noise: 0.0, contrast, ..look(0.5) };
        Conveyor::new(&g, &look, SEED).unwrap()
    });
    let truth = Truth::new(&g, &look(0.5), SEED).unwrap();
    let mut seen = [0; 6];
    for serial in 0..40 {
        let (bad, good) = (frame(&bad, serial), frame(&good, serial));
        for i in 0..truth.parts() {
            let t = truth.part(serial, i);
            let inside = |x: usize, y: usize, a: Area| {
                (a.x as usize..(a.x + a.width) as usize).contains(&x)
                    && (a.y as usize..(a.y + a.height) as usize).contains(&y)
            };
            let (mut in_mark, mut beside) = (0, 0);
            for y in t.part.y as usize..(t.part.y + t.part.height) as usize {
                for x in t.part.x as usize..(t.part.x + t.part.width) as usize {
                    let at = y * g.width as usize + x;
                    let differs = usize::from(bad[at].abs_diff(good[at]) > 12);
                    if inside(x, y, t.mark) { in_mark += differs } else { beside += differs }
                }
            }
            match t.defect {
                // Neither has a cap there.
                Some(Defect::Missing) => assert_eq!((in_mark, beside), (0, 0)),
                Some(d) => {
                    assert!(in_mark > 15, "{d} of part {i} in frame {serial}: {in_mark} pixels");
                    assert!(beside * 3 < in_mark, "{d}: {beside} pixels beside {in_mark}");
                }
                None => assert_eq!((in_mark, beside), (0, 0), "a good part"),
            }
            if let Some(d) = t.defect {
                seen[d as usize] += 1;
            }
        }
    }
    assert!(seen.iter().all(|n| *n > 0), "{seen:?}");
}

#[test]
fn an_empty_nest_is_dark() {
    // Catches a missing part that is drawn all the same.
    let c = Conveyor::new(&small(), &look(1.0), SEED).unwrap();
    let truth = Truth::new(&small(), &look(1.0), SEED).unwrap();
    let (mut empty, mut full) = (0, 0);
    for serial in 0..10 {
        let image = frame(&c, serial);
        for i in 0..truth.parts() {
            let t = truth.part(serial, i);
            let (x, y) = (t.part.x + t.part.width / 2, t.part.y + t.part.height / 2);
            let mean: u32 = (0..40)
                .map(|k| u32::from(image[(y as usize + k / 8) * 480 + x as usize + 20 + k % 8]))
                .sum::<u32>()
                / 40;
            match t.defect {
                Some(Defect::Missing) => {
                    assert!(mean < 40, "{mean}");
                    empty += 1;
                }
                _ => {
                    assert!(mean > 40, "{mean}");
                    full += 1;
                }
            }
        }
    }
    assert!(empty > 3 && full > 20, "{empty} {full}");
}

#[test]
fn a_frame_is_a_function_of_seed_and_serial() {
    // Catches state that leaks from one frame into another, and noise that stands still.
    let (a, b) = (
        Conveyor::new(&small(), &look(0.1), SEED).unwrap(),
        Conveyor::new(&small(), &look(0.1), SEED).unwrap(),
    );
    let other = Conveyor::new(&small(), &look(0.1), SEED + 1).unwrap();
    for serial in [0, 1, 5, 1 << 40] {
        let _ = frame(&b, serial + 1);
        assert_eq!(frame(&a, serial), frame(&b, serial));
        assert_ne!(frame(&a, serial), frame(&a, serial + 1));
        assert_ne!(frame(&a, serial), frame(&other, serial));
    }
}

#[test]
fn a_byte_that_differs_is_found_wherever_it_is() {
    // Catches a check that looks at some rows only, or believes a stamp.
    let g = Geometry::new(320, 256, PixelFormat::MONO8);
    let c = Conveyor::new(&g, &look(0.1), SEED).unwrap();
    let image = frame(&c, 9);
    assert_eq!(c.check(&image), Ok(9));
    for at in (0..image.len()).step_by(997).chain([0, 15, 16, image.len() - 1]) {
        let mut torn = image.clone();
        torn[at] ^= 1;
        let fault = c.check(&torn).unwrap_err();
        assert!(fault.offset == at || at < STAMP_BYTES, "{at}: {fault}");
    }
    // Half of it from another frame.
    let mut torn = frame(&c, 10);
    torn[..image.len() / 2].copy_from_slice(&image[..image.len() / 2]);
    assert!(c.check(&torn).is_err());
    assert_eq!(c.check(&image[1..]).unwrap_err().kind, PatternFaultKind::Length);
    assert_eq!(c.check_part(&image[..image.len() / 3]), Ok(Some(9)));
    assert_eq!(c.check_part(&image[..7]), Ok(None));
    assert!(!c.is_stamped(&vec![0; image.len()]));
}

#[test]
fn every_format_shows_the_same_scene() {
    // Catches a packing that shifts pixels or loses the upper bits.
    let eight = Conveyor::new(&small(), &look(0.1), SEED).unwrap();
    let want = frame(&eight, 3);
    let mut shown = 0;
    for format in depth::formats() {
        let g = Geometry { pixel_format: format, ..small() };
        let c = Conveyor::new(&g, &look(0.1), SEED).unwrap();
        assert_eq!(c.image_bytes() as u64, g.image_bytes(), "{format}");
        let image = frame(&c, 3);
        assert_eq!(c.check(&image), Ok(3), "{format}");
        let bits = format.bits_per_pixel() as usize;
        let depth = format.component_bits().unwrap() as usize;
        let pair_packed = format.name().unwrap().ends_with("Packed");
        // Behind the first row, which has the stamp.
        for i in (480..want.len()).step_by(101) {
            let byte = |at: usize| u64::from(*image.get(at).unwrap_or(&0));
            let v = if pair_packed {
                let at = i / 2 * 3;
                let low = byte(at + 1) >> (4 * (i % 2)) & ((1 << (depth - 8)) - 1);
                byte(at + 2 * (i % 2)) << (depth - 8) | low
            } else {
                let first = i * bits;
                let raw: u64 = (0..4).map(|k| byte(first / 8 + k) << (8 * k)).sum();
                (raw >> (first % 8)) & ((1 << bits) - 1)
            };
            assert_eq!((v >> (depth - 8)) as u8, want[i], "{format} pixel {i}");
        }
        shown += 1;
    }
    // Every grey format and every mosaic.
    let grey = |f: &&PixelFormat| f.name().unwrap().starts_with("Mono") || f.is_bayer();
    assert_eq!(shown, PixelFormat::ALL.iter().filter(grey).count());
}

#[test]
fn what_cannot_be_shown_is_refused_with_a_reason() {
    // Catches a panic on small, large or foreign geometries.
    for (width, height, format, words) in [
        (319, 256, PixelFormat::MONO8, "at least"),
        (320, 255, PixelFormat::MONO8, "pixels"),
        (8193, 256, PixelFormat::MONO8, "pixels"),
        (640, 480, PixelFormat::RGB8, "cannot be shown in RGB8"),
        (641, 480, PixelFormat::MONO12P, "whole bytes"),
    ] {
        let g = Geometry::new(width, height, format);
        let error = Conveyor::new(&g, &Look::default(), 0).unwrap_err().to_string();
        let words = if words == "at least" { "the conveyor needs 320x256" } else { words };
        assert!(error.contains(words), "{error}");
        assert!(Truth::new(&g, &Look::default(), 0).is_none());
    }
}

#[test]
fn every_part_lies_within_the_frame() {
    // Catches a layout that cuts parts off at some sizes.
    for (width, height) in
        [(320, 256), (2448, 2048), (4096, 300), (333, 2000), (640, 640), (8192, 257)]
    {
        let g = Geometry::new(width, height, PixelFormat::MONO8);
        let truth = Truth::new(&g, &Look { jitter: 0.08, ..look(1.0) }, SEED).unwrap();
        assert!((1..=crate::verdict::MAX_PARTS).contains(&truth.parts()), "{}", truth.parts());
        for serial in 0..50 {
            for i in 0..truth.parts() {
                for a in [truth.part(serial, i).part, truth.part(serial, i).mark] {
                    let (right, bottom) = (u32::from(a.x + a.width), u32::from(a.y + a.height));
                    assert!(right <= width && bottom <= height, "{width}x{height}: {a:?}");
                }
            }
        }
    }
}

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

/// Frames with all defects at full contrast, without any contrast, and what is true of both.
fn drawn(contrast: f64) -> (Conveyor, Conveyor, Truth) {
    let look = Look { noise: 0.0, contrast, ..look(0.6) };
    let good = Look { contrast: 0.0, ..look };
    let new = |look| Conveyor::new(&small(), look, SEED).unwrap();
    (new(&look), new(&good), Truth::new(&small(), &look, SEED).unwrap())
}

fn inside(x: usize, y: usize, a: Area) -> bool {
    (a.x as usize..(a.x + a.width) as usize).contains(&x)
        && (a.y as usize..(a.y + a.height) as usize).contains(&y)
}

/// By how much each pixel of an area is brighter than it should be.
fn change(bad: &[u8], good: &[u8], a: Area) -> Vec<(usize, usize, i32)> {
    let columns = a.x as usize..(a.x + a.width) as usize;
    let at = |x: usize, y: usize| y * small().width as usize + x;
    let row = |y: usize| columns.clone().map(move |x| (x, y, at(x, y)));
    let all = (a.y as usize..(a.y + a.height) as usize).flat_map(row);
    all.map(|(x, y, i)| (x, y, i32::from(bad[i]) - i32::from(good[i]))).collect()
}

#[test]
fn a_frame_differs_from_a_good_one_where_the_truth_says_and_nowhere_else() {
    // Catches a truth that names the wrong part, place or kind, or a box that is too small or far too large, after
    // the part was jittered and turned.
    for contrast in [1.0, 0.7] {
        let (bad, good, truth) = drawn(contrast);
        let mut seen = [0; 6];
        for serial in 0..30 {
            let (bad, good) = (frame(&bad, serial), frame(&good, serial));
            let parts: Vec<_> = (0..truth.parts()).map(|i| truth.part(serial, i)).collect();
            let whole = Area { x: 0, y: 0, width: 480, height: 400 };
            for (x, y, _) in change(&bad, &good, whole).iter().filter(|c| c.2 != 0) {
                let marked = parts.iter().any(|t| t.defect.is_some() && inside(*x, *y, t.mark));
                assert!(marked, "frame {serial} differs at {x},{y}, outside of {parts:?}");
            }
            for t in parts {
                let Some(d) = t.defect else { continue };
                seen[d as usize] += 1;
                // Neither has a cap there.
                if d == Defect::Missing || contrast < 1.0 {
                    continue;
                }
                let changed = change(&bad, &good, t.mark);
                let plain: Vec<_> = changed.iter().filter(|c| c.2.abs() > 5).collect();
                assert!(plain.len() > 12, "{d} in frame {serial}: {} pixels", plain.len());
                for (side, of) in [(t.mark.width, 0), (t.mark.height, 1)] {
                    let along = |c: &&&(usize, usize, i32)| [c.0, c.1][of];
                    let low = plain.iter().map(|c| along(&c)).min().unwrap();
                    let high = plain.iter().map(|c| along(&c)).max().unwrap();
                    let filled = (high - low + 1) as f32 / f32::from(side);
                    assert!(filled > 0.4, "{d}: {filled} of the box {:?}", t.mark);
                }
            }
        }
        assert!(seen.iter().all(|n| *n > 5), "{seen:?}");
    }
}

#[test]
fn the_truth_says_where_each_part_is() {
    // Catches a box that is off by the jitter, the sub-pixel shift, or a pixel's half.
    let look = Look { noise: 0.0, jitter: 0.06, ..look(0.0) };
    let c = Conveyor::new(&small(), &look, SEED).unwrap();
    let truth = Truth::new(&small(), &look, SEED).unwrap();
    for serial in 0..20 {
        let image = frame(&c, serial);
        let mut image_on_belt =
            change(&image, &c.art.belt, Area { x: 0, y: 0, width: 480, height: 400 });
        // The stamp is no part.
        image_on_belt.retain(|c| c.1 > 0 && c.2 > 12);
        for i in 0..truth.parts() {
            let part = truth.part(serial, i).part;
            let margin = 6;
            let near = Area {
                x: part.x - margin,
                y: part.y - margin,
                width: part.width + 2 * margin,
                height: part.height + 2 * margin,
            };
            let cap: Vec<_> = image_on_belt.iter().filter(|c| inside(c.0, c.1, near)).collect();
            let ends = |of: fn(&(usize, usize, i32)) -> usize| {
                let all = || cap.iter().map(|c| of(c));
                [all().min().unwrap(), all().max().unwrap() + 1]
            };
            let ([x0, x1], [y0, y1]) = (ends(|c| c.0), ends(|c| c.1));
            let want = [part.x, part.x + part.width, part.y, part.y + part.height];
            for (got, want) in [x0, x1, y0, y1].into_iter().zip(want) {
                assert!(got.abs_diff(want as usize) <= 2, "{x0}..{x1}, {y0}..{y1}, not {part:?}");
            }
        }
    }
}

#[test]
fn each_defect_looks_like_its_name() {
    // Catches a dent without its two sides, a stain that shines, a scratch that is broad or only dark, an outline
    // that is not bent, a misprint that leaves the print as it was.
    let (bad, good, truth) = drawn(1.0);
    let mut worst = [f32::MAX; 6];
    for serial in 0..40 {
        let (bad, good) = (frame(&bad, serial), frame(&good, serial));
        for i in 0..truth.parts() {
            let t = truth.part(serial, i);
            let Some(d) = t.defect else { continue };
            let changed = change(&bad, &good, t.mark);
            let share = |on: &dyn Fn(i32) -> bool| {
                changed.iter().filter(|c| on(c.2)).count() as f32 / changed.len() as f32
            };
            let (bright, dark) = (share(&|c| c > 14), share(&|c| c < -14));
            let measure = match d {
                Defect::Missing => 1.0,
                // Cap that became nest.
                Defect::Deformed => share(&|c| c < -60) / 0.01,
                Defect::Scratch => (bright / 0.01).min(dark / 0.005).min(0.5 / (bright + dark)),
                Defect::Dent => (bright / 0.05).min(dark / 0.05),
                Defect::Stain => {
                    if bright > 0.0 {
                        0.0
                    } else {
                        dark / 0.15
                    }
                }
                Defect::Misprint => (bright + dark) / 0.02,
            };
            worst[d as usize] = worst[d as usize].min(measure);
        }
    }
    assert!(worst.iter().all(|w| *w >= 1.0 && *w < f32::MAX), "{worst:?}");
}

#[test]
fn parts_jitter_and_turn() {
    // Catches parts that lie the same in every frame, or off their nests by more than was asked for.
    let l = Layout::new(&small(), &Look { jitter: 0.05, ..look(0.0) }, SEED);
    let (most, half) = (0.05 * 2.0 * l.radius, l.side as f32 / 2.0);
    let (mut offs, mut caps) = (Vec::new(), std::collections::BTreeSet::new());
    for serial in 0..60 {
        let tray = l.place(serial);
        for (i, part) in tray.parts().iter().enumerate() {
            let nest = l.nest(i as u32);
            for (at, nest) in [part.x, part.y].into_iter().zip(nest) {
                offs.push(at as f32 + half - nest);
            }
            caps.insert(part.cap.unwrap());
        }
    }
    assert!(offs.iter().all(|o| o.abs() <= most + 0.5), "{most}");
    for reached in [offs.iter().any(|o| *o > 0.8 * most), offs.iter().any(|o| *o < -0.8 * most)] {
        assert!(reached, "parts stay within less than {most}");
    }
    assert_eq!(caps.len(), l.caps.len());
    let turns: std::collections::BTreeSet<_> =
        l.caps.iter().map(|c| (c.angle * 100.0) as i32).collect();
    assert_eq!(turns.len(), l.caps.len());
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

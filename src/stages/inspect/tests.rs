//! The inspection as a whole, on painted parts.

use super::painted::{Painter, view};
use super::*;
use crate::format::Geometry;
use crate::verdict::{Defect, FrameVerdict};
use std::sync::Arc;

fn teach(painter: &Painter, frames: u64) -> Reference {
    let mut teacher = Teacher::new();
    let g = painter.geometry();
    for seed in 0..frames {
        let bytes = painter.frame(1000 + seed, &[]);
        teacher.push_view(&view(&g, &bytes)).unwrap();
    }
    teacher.finish().unwrap()
}

fn inspect(
    painter: &Painter,
    inspector: &mut Inspector,
    seed: u64,
    defects: &[(usize, Defect)],
) -> FrameVerdict {
    let bytes = painter.frame(seed, defects);
    let mut verdict = FrameVerdict::default();
    inspector.inspect(&view(&painter.geometry(), &bytes), &mut verdict);
    verdict
}

#[test]
fn good_parts_pass_and_each_defect_is_found_and_named() {
    // Catches an inspection that passes everything, fails everything, or names defects wrongly.
    for painter in [
        Painter::default(),
        Painter { radius: 60.0, pitch: 144.0, columns: 2, ..Painter::default() },
        Painter { dark: true, columns: 2, ..Painter::default() },
    ] {
        let reference = teach(&painter, 8);
        let parts = painter.columns * painter.rows;
        assert!(reference.taught().printed && reference.taught().nests.len() == parts);
        let mut inspector = Inspector::new(Arc::new(reference));
        for seed in 0..12 {
            let v = inspect(&painter, &mut inspector, seed, &[]);
            assert_eq!(
                (v.parts().len(), v.failed()),
                (parts, 0),
                "{seed} {painter:?}: {:?}",
                v.parts()
            );
        }
        for (i, defect) in Defect::ALL.into_iter().enumerate() {
            for seed in 0..4 {
                let part = (i + seed as usize) % parts;
                let v = inspect(&painter, &mut inspector, 100 + seed, &[(part, defect)]);
                let found: Vec<_> = v
                    .parts()
                    .iter()
                    .enumerate()
                    .filter_map(|(i, p)| Some((i, p.defect?)))
                    .collect();
                assert_eq!(found, [(part, defect)], "{seed} {painter:?}: {:?}", v.parts());
            }
        }
    }
}

#[test]
fn images_that_the_reference_does_not_fit_are_refused_before_the_start() {
    // Catches an inspection that runs and judges nothing.
    use crate::format::PixelFormat;
    use crate::stage::Stage;
    let painter = Painter::default();
    let mut stage = Inspect::new(Arc::new(teach(&painter, 8)));
    let g = painter.geometry();
    assert_eq!(stage.prepare(&g).unwrap(), g);
    let deep = Geometry { pixel_format: PixelFormat::MONO12, ..g };
    let text = stage.prepare(&deep).unwrap_err().to_string();
    assert!(text.contains("inspect looks at Mono8; put a stage"), "{text}");
    let text = stage.prepare(&Geometry { width: g.width + 1, ..g }).unwrap_err().to_string();
    assert!(text.contains("run frameline teach again"), "{text}");
}

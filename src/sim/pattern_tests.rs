use super::*;
use crate::format::PixelFormat;
use proptest::prelude::*;

fn pattern(width: u32, height: u32) -> Pattern {
    Pattern::new(&Geometry::new(width, height, PixelFormat::MONO8), 7).unwrap()
}

fn frame(p: &Pattern, serial: u64) -> Vec<u8> {
    let mut out = vec![0; p.image_bytes()];
    p.write(serial, &mut out);
    out
}

fn sizes() -> impl Strategy<Value = u32> {
    prop_oneof![1_u32..64, 4090_u32..4140, 8170_u32..8230, 65500_u32..65600]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_written_frame_passes_and_says_its_serial(n in sizes(), serial: u64) {
        let p = pattern(n, 1);
        let image = frame(&p, serial);
        prop_assert_eq!(p.check(Some(serial), &image), Ok(serial));
        if n >= 16 {
            prop_assert_eq!(p.check(None, &image), Ok(serial));
            prop_assert_eq!(read_serial(&image), Some(serial));
        }
    }

    #[test]
    fn any_single_wrong_byte_is_found(n in sizes(), serial: u64, at: prop::sample::Index, flip in 1_u8..) {
        // Catches a check that skips bytes between stamps, or trusts a stamp's own serial.
        let p = pattern(n, 1);
        let mut image = frame(&p, serial);
        let at = at.index(image.len());
        image[at] ^= flip;
        let fault = p.check(Some(serial), &image).unwrap_err();
        prop_assert_eq!(fault.offset, at);
        if n >= 16 {
            prop_assert!(p.check(None, &image).is_err());
        }
    }

    #[test]
    fn two_frames_spliced_anywhere_are_found(n in sizes(), a in 0_u64..64, b in 0_u64..64, at: prop::sample::Index) {
        // Catches the torn frame: the grab buffer was filled again while it was read.
        let p = pattern(n, 1);
        let (first, second) = (frame(&p, a), frame(&p, b));
        let at = at.index(first.len());
        let torn = [&first[..at], &second[at..]].concat();
        if torn != first && torn != second {
            prop_assert!(p.check(Some(a), &torn).is_err());
            if n >= 16 {
                prop_assert!(p.check(None, &torn).is_err());
            }
        }
    }

    #[test]
    fn a_frame_of_another_length_is_found(n in 2_u32..9000, cut: prop::sample::Index) {
        let p = pattern(n, 1);
        let image = frame(&p, 3);
        let fault = p.check(None, &image[..cut.index(image.len())]).unwrap_err();
        prop_assert_eq!(fault.kind, PatternFaultKind::Length);
        let longer = [&image[..], &[0]].concat();
        prop_assert_eq!(p.check(None, &longer).unwrap_err().offset, image.len());
    }

    #[test]
    fn the_part_that_came_passes_and_its_damage_is_found(n in 64_u32..9000, cut: prop::sample::Index, at: prop::sample::Index) {
        let p = pattern(n, 1);
        let mut image = frame(&p, 5);
        let cut = cut.index(image.len() - 16) + 16;
        prop_assert_eq!(p.check_part(None, &image[..cut]), Ok(Some(5)));
        let at = at.index(cut);
        image[at] ^= 1;
        prop_assert!(p.check_part(None, &image[..cut]).is_err());
    }
}

#[test]
fn every_byte_differs_between_phases() {
    // Catches a stale byte that happens to equal the new one.
    for format in crate::sim::SimConfig::formats() {
        let p = Pattern::new(&Geometry::new(64, 34, format), 1).unwrap();
        for k in 1..PHASES {
            assert!(p.phases[0].iter().zip(&p.phases[k][..]).all(|(a, b)| a != b), "{format}");
        }
    }
}

#[test]
fn a_whole_frame_of_another_serial_seed_or_geometry_is_found() {
    let p = pattern(128, 128);
    let image = frame(&p, 9);
    let fault = p.check(Some(17), &image).unwrap_err();
    assert_eq!(fault, PatternFault { offset: 0, kind: PatternFaultKind::OtherFrame { serial: 9 } });
    let seed = Pattern::new(p.geometry(), 8).unwrap();
    assert!(!seed.is_stamped(&image) && seed.check(None, &image).is_err());
    let moved = Geometry { offset_x: 2, ..*p.geometry() };
    assert!(Pattern::new(&moved, 7).unwrap().check(None, &image).is_err());
}

#[test]
fn patching_stamps_is_as_good_as_writing_anew() {
    // Catches a lent buffer whose last, or first, stamp keeps the old serial.
    for n in [15, 16, 31, 32, 4095, 4096, 4111, 4112, 4127, 4128, 4129] {
        let p = pattern(n, 1);
        let mut image = frame(&p, 2);
        p.stamp(10, &mut image);
        assert_eq!(image, frame(&p, 10), "{n} bytes");
    }
}

#[test]
fn writing_into_a_short_buffer_stays_inside() {
    let p = pattern(9000, 1);
    let whole = frame(&p, 4);
    for n in [0, 1, 15, 16, 4095, 4097, 4100, 8999] {
        let mut out = vec![0; n];
        p.write(4, &mut out);
        assert_eq!(out, whole[..n]);
    }
}

#[test]
fn impossible_and_huge_geometries_are_refused() {
    assert!(Pattern::new(&Geometry::new(0, 1, PixelFormat::MONO8), 0).is_err());
    let huge = Geometry::new(1 << 20, 1 << 20, PixelFormat::RGB8);
    assert_eq!(Pattern::new(&huge, 0).unwrap_err().kind(), ErrorKind::Memory);
}

//! The inner loops: written so that the compiler makes vectors of them. Each has a plain twin in the tests.

/// The mean of each square of four pixels from two rows; `out` gets half as many as the shorter row.
///
/// # Real-time
/// Stage-bound. No allocation.
pub fn halve(a: &[u8], b: &[u8], out: &mut [u8]) {
    let pairs = a.as_chunks::<2>().0.iter().zip(b.as_chunks::<2>().0);
    for (o, (a, b)) in out.iter_mut().zip(pairs) {
        let (a, b) = (u16::from_le_bytes(*a), u16::from_le_bytes(*b));
        *o = (((a & 255) + (a >> 8) + (b & 255) + (b >> 8) + 2) >> 2) as u8;
    }
}

/// The sum of absolute differences.
///
/// # Real-time
/// Stage-bound. No allocation.
pub fn sum_of_differences(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum()
}

/// What a row should look like: the reference's grey levels times the light, and times the shading that
/// does not turn with the part. `light` counts 4096 for 1, `shade` 128.
///
/// # Real-time
/// Stage-bound. No allocation.
pub fn expect(mean: &[u8], light: &[u16], shade: &[u8], out: &mut [u8]) {
    for (((o, m), l), s) in out.iter_mut().zip(mean).zip(light).zip(shade) {
        // Sixteenths of a grey level, then whole ones; a product of two 16-bit numbers, its upper half.
        let lit = (u32::from(u16::from(*m) << 8) * u32::from(*l)) >> 16;
        let shaded = (lit * u32::from(u16::from(*s) << 5) + (1 << 15)) >> 16;
        *o = shaded.min(255) as u8;
    }
}

/// By how much each pixel is darker or brighter than expected, beyond its tolerance. Whether any is.
///
/// # Real-time
/// Stage-bound. No allocation.
pub fn exceed(
    image: &[u8],
    expected: &[u8],
    tolerance: &[u8],
    dark: &mut [u8],
    bright: &mut [u8],
) -> bool {
    let mut any = 0;
    let rows = image.iter().zip(expected).zip(tolerance);
    for (((i, e), t), (d, b)) in rows.zip(dark.iter_mut().zip(bright.iter_mut())) {
        *d = e.saturating_sub(*t).saturating_sub(*i);
        *b = i.saturating_sub(e.saturating_add(*t));
        any |= *d | *b;
    }
    any != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(n: usize) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 0..n)
    }

    proptest! {
        #[test]
        fn halving_is_the_mean_of_four(a in bytes(99), b in bytes(99)) {
            // Catches a carry from one pixel into its neighbour, and rows of odd or unequal length.
            let n = a.len().min(b.len()) / 2;
            let mut out = vec![0; n + 1];
            halve(&a, &b, &mut out);
            for i in 0..n {
                let sum: u32 = [a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]].map(u32::from).iter().sum();
                prop_assert_eq!(u32::from(out[i]), (sum + 2) / 4);
            }
            prop_assert_eq!(out[n], 0);
        }

        #[test]
        fn differences_add_up(a in bytes(300), b in bytes(300)) {
            // Catches a sum that wraps in a narrow lane.
            let plain: i64 = a.iter().zip(&b).map(|(a, b)| (i64::from(*a) - i64::from(*b)).abs()).sum();
            prop_assert_eq!(i64::from(sum_of_differences(&a, &b)), plain);
        }

        #[test]
        fn expectation_is_the_product(m in any::<u8>(), l in 0_u16..30_000, s in any::<u8>()) {
            // Catches an overflow of the fixed point, and an error of more than one grey level.
            let mut out = [0];
            expect(&[m], &[l], &[s], &mut out);
            let plain = f64::from(m) * f64::from(l) / 4096.0 * f64::from(s) / 128.0;
            prop_assert!((f64::from(out[0]) - plain.min(255.0)).abs() <= 0.6, "{} {plain}", out[0]);
        }

        #[test]
        fn only_what_is_beyond_the_tolerance_exceeds(i in any::<u8>(), e in any::<u8>(), t in any::<u8>()) {
            // Catches a wrap at black or white, and dark taken for bright.
            let (mut dark, mut bright) = ([9], [9]);
            let any = exceed(&[i], &[e], &[t], &mut dark, &mut bright);
            let over = i32::from(i) - i32::from(e);
            let plain = (over.abs() - i32::from(t)).max(0);
            let (low, high) = (i32::from(e) - i32::from(t), i32::from(e) + i32::from(t));
            prop_assert_eq!(i32::from(dark[0]), if over < 0 && low >= 0 { plain } else { 0 });
            prop_assert_eq!(i32::from(bright[0]), if over > 0 && high <= 255 { plain } else { 0 });
            prop_assert_eq!(any, dark[0] != 0 || bright[0] != 0);
        }
    }
}

//! The inner loops: written so that the compiler makes vectors of them, and inlined into what `stages/cpu.rs` compiles a
//! second time for AVX2. Each has a plain twin in the tests.

/// The mean of each square of four pixels from two rows; `out` gets half as many as the shorter row.
///
/// # Real-time
/// Stage-bound. No allocation.
#[inline(always)]
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
#[inline(always)]
pub fn sum_of_differences(a: &[u8], b: &[u8]) -> u32 {
    // One instruction sums the differences of sixteen bytes, if they are taken sixteen at a time.
    let n = a.len().min(b.len());
    let ((a, a_rest), (b, b_rest)) = (a[..n].as_chunks::<16>(), b[..n].as_chunks::<16>());
    let difference = |(a, b): (&u8, &u8)| u32::from(a.abs_diff(*b));
    let mut sum = 0;
    for (a, b) in a.iter().zip(b) {
        sum += a.iter().zip(b).map(difference).sum::<u32>();
    }
    sum + a_rest.iter().zip(b_rest).map(difference).sum::<u32>()
}

/// The sum of products.
///
/// # Real-time
/// Stage-bound. No allocation.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    // In lanes: the compiler may not change the order of additions by itself.
    let n = a.len().min(b.len());
    let ((a, a_rest), (b, b_rest)) = (a[..n].as_chunks::<8>(), b[..n].as_chunks::<8>());
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for (s, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *s += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// The slopes of `ours`, which begins `reach` points before `theirs` and ends so many behind it: their squares, and
/// their products with the differences between both, of which at most `most` count. A slope is what the grey level
/// falls by from `reach` points before to `reach` points behind.
///
/// # Real-time
/// Stage-bound. No allocation.
#[inline(always)]
pub fn slopes(
    ours: &[u8],
    theirs: &[u8],
    (reach, most): (usize, i16),
    squares: &mut [f32],
    products: &mut [f32],
) {
    let room = ours.len().saturating_sub(2 * reach);
    let n = theirs.len().min(room).min(squares.len()).min(products.len());
    if n == 0 {
        return;
    }
    let (before, here, after) = (&ours[..n], &ours[reach..][..n], &ours[2 * reach..][..n]);
    let (theirs, squares, products) = (&theirs[..n], &mut squares[..n], &mut products[..n]);
    for i in 0..n {
        let slope = i16::from(before[i]) - i16::from(after[i]);
        let off = (i16::from(theirs[i]) - i16::from(here[i])).clamp(-most, most);
        squares[i] = (i32::from(slope) * i32::from(slope)) as f32;
        products[i] = (i32::from(slope) * i32::from(off)) as f32;
    }
}

/// Values from `start` on in steps of `step`, 4096 for 1, from 0 to just below 16.
///
/// # Real-time
/// Stage-bound. No allocation.
#[inline(always)]
pub fn ramp(start: f32, step: f32, out: &mut [u16]) {
    const LANES: usize = 8;
    // With twelve more bits for the steps.
    let fixed = |v: f32| (v.clamp(-15.99, 15.99) * (1 << 24) as f32) as i32;
    let mut at: [i32; LANES] = std::array::from_fn(|i| fixed(start + step * i as f32));
    let step = fixed(step * LANES as f32);
    let value = |at: i32| (at >> 12).clamp(0, 0xFFFF) as u16;
    let (chunks, rest) = out.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for (o, at) in chunk.iter_mut().zip(&mut at) {
            *o = value(*at);
            *at = at.wrapping_add(step);
        }
    }
    for (o, at) in rest.iter_mut().zip(at) {
        *o = value(at);
    }
}

/// What a row should look like: the reference's grey levels times the light, and times the shading that
/// does not turn with the part. `light` counts 4096 for 1, `shade` 128.
///
/// # Real-time
/// Stage-bound. No allocation.
#[inline(always)]
pub fn expect(mean: &[u8], light: &[u16], shade: &[u8], out: &mut [u8]) {
    for (((o, m), l), s) in out.iter_mut().zip(mean).zip(light).zip(shade) {
        // Sixteenths of a grey level, then whole ones; a product of two 16-bit numbers, its upper half.
        let lit = (u32::from(u16::from(*m) << 8) * u32::from(*l)) >> 16;
        let shaded = (lit * u32::from(u16::from(*s) << 5) + (1 << 15)) >> 16;
        *o = shaded.min(255) as u8;
    }
}

/// The steepest place of a ray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Which of the places, the first of equal ones.
    pub at: usize,
    /// By how much the grey level changes there, over two pixels on each side, summed.
    pub rise: i16,
    /// The same one place before; far below any, where there is none.
    pub before: i16,
    /// One place behind; the same as here, where there is none.
    pub behind: i16,
}

/// Where values fall most, or rise most if not `falls`, looked at over two on each side: the first and last two values
/// are no places. `work` has room for as many as there are values.
///
/// # Real-time
/// Stage-bound. No allocation.
#[inline(always)]
pub fn steepest(values: &[u8], falls: bool, work: &mut [i16]) -> Edge {
    let n = values.len().saturating_sub(4).min(work.len());
    if n == 0 {
        return Edge { at: 0, rise: i16::MIN, before: 0, behind: 0 };
    }
    let rises = &mut work[..n];
    let [a, b, c, d] = [0, 1, 3, 4].map(|i| &values[i..][..n]);
    let sign = if falls { 1 } else { -1 };
    for i in 0..n {
        let (inner, outer) = (i16::from(a[i]) + i16::from(b[i]), i16::from(c[i]) + i16::from(d[i]));
        rises[i] = (inner - outer) * sign;
    }
    let most = rises.iter().copied().fold(i16::MIN, i16::max);
    let at = rises.iter().position(|r| *r == most).unwrap_or(0);
    let before = if at > 0 { rises[at - 1] } else { -2048 };
    Edge { at, rise: most, before, behind: *rises.get(at + 1).unwrap_or(&most) }
}

/// By how much each pixel is darker or brighter than expected, beyond its tolerance. Whether any is.
///
/// # Real-time
/// Stage-bound. No allocation.
#[inline(always)]
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
        fn sums_of_products_are_sums(a in proptest::collection::vec(-9.0_f32..9.0, 0..60), b in proptest::collection::vec(-9.0_f32..9.0, 0..60)) {
            // Catches lanes that are lost, and a rest that is left out.
            let plain: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            prop_assert!((f64::from(dot(&a, &b)) - plain).abs() < 0.01);
        }

        #[test]
        fn slopes_are_those_of_the_neighbours(ours in bytes(80), theirs in bytes(80), reach in 0_usize..5, most in 1_i16..255) {
            // Catches a slope of the wrong points or sign, and products that wrap.
            let n = theirs.len().min(ours.len().saturating_sub(2 * reach));
            let (mut squares, mut products) = (vec![-1.0; 80], vec![-1.0; 80]);
            slopes(&ours, &theirs, (reach, most), &mut squares, &mut products);
            for i in 0..n {
                let slope = f64::from(ours[i]) - f64::from(ours[i + 2 * reach]);
                let off = f64::from(theirs[i]) - f64::from(ours[i + reach]);
                prop_assert_eq!(f64::from(squares[i]), slope * slope);
                prop_assert_eq!(f64::from(products[i]), slope * off.clamp(-f64::from(most), f64::from(most)));
            }
            prop_assert!(squares[n..].iter().chain(&products[n..]).all(|v| *v == -1.0));
        }

        #[test]
        fn the_steepest_place_is_the_first_of_the_steepest(values in bytes(90), falls in any::<bool>(), coarse in any::<bool>()) {
            // Catches a sign turned round, neighbours of another place, and the last of equal places. The plain way:
            // one look after the other.
            let values: Vec<u8> = values.iter().map(|v| if coarse { v & 192 } else { *v }).collect();
            let mut plain = Edge { at: 0, rise: i16::MIN, before: 0, behind: 0 };
            let mut last = -2048;
            for (at, v) in values.windows(5).enumerate() {
                let v: Vec<i16> = v.iter().map(|v| i16::from(*v)).collect();
                let fall = v[0] + v[1] - v[3] - v[4];
                let rise = if falls { fall } else { -fall };
                if at > 0 && plain.at == at - 1 {
                    plain.behind = rise;
                }
                if rise > plain.rise {
                    plain = Edge { at, rise, before: last, behind: rise };
                }
                last = rise;
            }
            prop_assert_eq!(steepest(&values, falls, &mut [0; 90]), plain);
        }

        #[test]
        fn a_ramp_is_a_straight_line(start in -1.0_f32..15.5, step in -0.01_f32..0.01, n in 0_usize..300) {
            // Catches steps that add up to another slope, and an overflow at either end.
            let mut out = vec![7; n];
            ramp(start, step, &mut out);
            for (i, v) in out.iter().enumerate() {
                let plain = (f64::from(start) + f64::from(step) * i as f64) * 4096.0;
                let plain = plain.clamp(0.0, 65535.0);
                prop_assert!((f64::from(*v) - plain).abs() < 1.5, "{v} {plain}");
            }
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

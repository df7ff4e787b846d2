//! How a part is turned: its grey levels on rings around the centre, compared with the reference's at
//! every turn; first coarsely, then finely.

use super::kernels::sum_of_differences;

/// Rings that are compared.
pub const RINGS: usize = 12;
/// Points on each ring: one each 0.7 degrees.
pub const POINTS: usize = 512;
/// Neighbouring points that make one of the coarse search.
const GROUP: usize = 4;
const COARSE: usize = POINTS / GROUP;
/// Coarse minima that are looked at finely: prints may look alike when turned by half.
const CANDIDATES: usize = 3;

/// The smallest and largest ring, as shares of the part's radius.
const RING_RANGE: (f32, f32) = (0.12, 0.90);

/// Where the points of the rings lie, as offsets in an image with rows of one length.
#[derive(Debug)]
pub struct Rings(Box<[i32]>);

impl Rings {
    /// For parts of `radius`.
    pub fn new(radius: f32, stride: usize) -> Rings {
        let offsets = (0..RINGS).flat_map(|ring| {
            let share = ring as f32 / (RINGS - 1) as f32;
            let r = radius * (RING_RANGE.0 + (RING_RANGE.1 - RING_RANGE.0) * share);
            (0..POINTS).map(move |point| {
                let angle = point as f32 * std::f32::consts::TAU / POINTS as f32;
                (angle.sin() * r).round() as i32 * stride as i32 + (angle.cos() * r).round() as i32
            })
        });
        Rings(offsets.collect())
    }

    /// The grey levels on the rings around a pixel of an image.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn sample(&self, pixels: &[u8], centre: i32, out: &mut Signature) {
        for (o, offset) in out.fine.iter_mut().zip(&self.0) {
            *o = *pixels.get((centre + offset).max(0) as usize).unwrap_or(&0);
        }
    }
}

/// The grey levels of a part on its rings.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Ring by ring.
    fine: Box<[u8]>,
    /// Means of `GROUP` neighbours.
    coarse: Box<[u8]>,
}

impl Default for Signature {
    fn default() -> Self {
        let of = |n: usize| vec![0; RINGS * n].into_boxed_slice();
        Signature { fine: of(POINTS), coarse: of(COARSE) }
    }
}

impl Signature {
    /// The grey level below which half of the points lie: that of the surface, where the print is
    /// less than half of it.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn median(&self) -> u8 {
        let mut counts = [0_u16; 256];
        let mut seen = 0;
        for v in self.fine.iter().step_by(GROUP) {
            counts[usize::from(*v)] += 1;
            seen += 1;
        }
        let mut below = 0;
        let level = counts.iter().position(|n| {
            below += n;
            2 * below >= seen
        });
        level.unwrap_or(255) as u8
    }

    /// Brings the grey levels to the reference's light, and makes the coarse means.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn normalise(&mut self, from: u8, to: u8) {
        let factor = (u32::from(to) << 8) / u32::from(from).max(1);
        for v in &mut self.fine {
            *v = ((u32::from(*v) * factor.min(1 << 16)) >> 8).min(255) as u8;
        }
        for (c, group) in self.coarse.iter_mut().zip(self.fine.as_chunks::<GROUP>().0) {
            let sum: u16 = group.iter().map(|v| u16::from(*v)).sum();
            *c = ((sum + GROUP as u16 / 2) / GROUP as u16) as u8;
        }
    }
}

/// A reference's signature, twice around, so that any turn of it is one slice.
#[derive(Debug)]
pub struct Wheel {
    fine: Box<[u8]>,
    coarse: Box<[u8]>,
}

/// A turn, and how well the signatures agree there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// By how much the part is turned against the reference, in radians, with the image's y downwards.
    pub angle: f32,
    /// 1: the signatures are equal; 0: no better than at any other turn; less: worse.
    pub agreement: f32,
}

impl Wheel {
    /// The wheel of a reference's normalised signature.
    pub fn new(s: &Signature) -> Wheel {
        let twice = |values: &[u8], n: usize| {
            values.chunks_exact(n).flat_map(|ring| ring.iter().chain(ring)).copied().collect()
        };
        Wheel { fine: twice(&s.fine, POINTS), coarse: twice(&s.coarse, COARSE) }
    }

    /// The turn at which a normalised signature agrees best.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn turn(&self, s: &Signature) -> Turn {
        let mut sums = [0_u32; COARSE];
        for (ours, theirs) in
            self.coarse.chunks_exact(2 * COARSE).zip(s.coarse.chunks_exact(COARSE))
        {
            for (i, sum) in sums.iter_mut().enumerate() {
                // A part turned by i shows at point i what the reference shows at point 0.
                *sum += sum_of_differences(&ours[COARSE - i..2 * COARSE - i], theirs);
            }
        }
        let mean = sums.iter().map(|s| u64::from(*s)).sum::<u64>() as f32 / COARSE as f32;
        let mut best = (u32::MAX, 0);
        let mut open = sums;
        for _ in 0..CANDIDATES {
            let at = (0..COARSE).min_by_key(|i| open[*i]).unwrap_or(0);
            // The next one shall be another minimum, not this one's neighbour.
            for near in 0..7 {
                open[(at + near + COARSE - 3) % COARSE] = u32::MAX;
            }
            for turn in 0..2 * GROUP + 1 {
                let fine = (at * GROUP + turn + POINTS - GROUP) % POINTS;
                best = best.min((self.fine_sum(s, fine), fine));
            }
        }
        let (sum, at) = best;
        let near = |d: usize| self.fine_sum(s, (at + d) % POINTS) as f32;
        let (before, after, here) = (near(POINTS - 1), near(1), sum as f32);
        // Differences grow on both sides like a V with a round tip.
        let slope = (before.max(after) - here).max(1.0);
        let between = ((before - after) / (2.0 * slope)).clamp(-0.5, 0.5);
        let angle = (at as f32 + between) * std::f32::consts::TAU / POINTS as f32;
        let agreement = 1.0 - here / (mean * GROUP as f32).max(1.0);
        Turn { angle, agreement }
    }

    fn fine_sum(&self, s: &Signature, turn: usize) -> u32 {
        let rings = self.fine.chunks_exact(2 * POINTS).zip(s.fine.chunks_exact(POINTS));
        rings.map(|(a, b)| sum_of_differences(&a[POINTS - turn..2 * POINTS - turn], b)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture that has no symmetry, turned by `angle` around its middle.
    fn picture(side: usize, angle: f32) -> Vec<u8> {
        let middle = (side / 2) as f32;
        let (sin, cos) = angle.sin_cos();
        (0..side * side)
            .map(|i| {
                let (x, y) = ((i % side) as f32 - middle, (i / side) as f32 - middle);
                let (u, v) = (cos * x + sin * y, cos * y - sin * x);
                let bump =
                    |a: f32, b: f32, w: f32| (-((u - a).powi(2) + (v - b).powi(2)) / (w * w)).exp();
                (150.0 + 60.0 * bump(12.0, 9.0, 7.0) - 90.0 * bump(-15.0, 4.0, 9.0)
                    + 40.0 * bump(3.0, -20.0, 5.0)) as u8
            })
            .collect()
    }

    fn signature(side: usize, angle: f32, light: f32) -> Signature {
        let pixels: Vec<u8> =
            picture(side, angle).iter().map(|v| (f32::from(*v) * light) as u8).collect();
        let mut s = Signature::default();
        Rings::new(30.0, side).sample(&pixels, (side / 2 * side + side / 2) as i32, &mut s);
        let median = s.median();
        s.normalise(median, 150);
        s
    }

    #[test]
    fn every_turn_is_found_in_any_light() {
        // Catches a turn in the wrong direction, a search that sees only coarse steps, and light taken for print.
        let wheel = Wheel::new(&signature(71, 0.0, 1.0));
        for i in 0..100 {
            let angle = i as f32 * 0.0628;
            let turn = wheel.turn(&signature(71, angle, 0.6 + i as f32 * 0.005));
            let off = (turn.angle - angle + 9.0 * std::f32::consts::PI) % std::f32::consts::TAU
                - std::f32::consts::PI;
            assert!(off.abs() < 0.01, "{angle}: {turn:?}");
            assert!(turn.agreement > 0.7, "{angle}: {turn:?}");
        }
    }

    #[test]
    fn a_blank_part_agrees_with_no_turn() {
        // Catches a division by nothing, and a print that is found where none is.
        let wheel = Wheel::new(&signature(71, 0.0, 1.0));
        for level in [0, 90, 255] {
            let mut s = Signature::default();
            s.fine.fill(level);
            s.normalise(s.median(), 150);
            assert!(wheel.turn(&s).agreement < 0.1);
        }
    }
}

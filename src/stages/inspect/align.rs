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

/// Where the points of the rings lie around a part's centre, in pixels.
#[derive(Debug)]
pub struct Rings {
    radii: [f32; RINGS],
    /// Columns and rows, ring by ring.
    points: Box<[(f32, f32)]>,
}

impl Rings {
    /// For parts of `radius`.
    pub fn new(radius: f32) -> Rings {
        let (first, last) = RING_RANGE;
        let share = |ring: usize| ring as f32 / (RINGS - 1) as f32;
        let radii = std::array::from_fn(|ring| radius * (first + (last - first) * share(ring)));
        let points = radii.iter().flat_map(|r| around().map(move |(sin, cos)| (cos * r, sin * r)));
        Rings { radii, points: points.collect() }
    }

    /// The grey levels on the rings around a place in an image with rows of `stride`.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn sample(&self, pixels: &[u8], stride: usize, x: f32, y: f32, out: &mut Signature) {
        let (x, y, stride) = (x + 0.5, y + 0.5, stride as i32);
        for (o, (dx, dy)) in out.fine.iter_mut().zip(&self.points) {
            let at = (y + dy) as i32 * stride + (x + dx) as i32;
            *o = *pixels.get(at as usize).unwrap_or(&0);
        }
    }
}

/// Sine and cosine of each point's direction.
fn around() -> impl Iterator<Item = (f32, f32)> {
    (0..POINTS).map(|p| (p as f32 * std::f32::consts::TAU / POINTS as f32).sin_cos())
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

/// Points of a ring in a wheel: twice around, and one more at each end.
const SPAN: usize = 2 * POINTS + 2;
/// Differences of grey levels beyond this are a defect's, not the turn's.
const MOST: f32 = 64.0;
/// Pixels by which the centre is corrected at most.
const MOST_SHIFT: f32 = 1.0;

/// A reference's signature, twice around, so that any turn of it is one slice.
#[derive(Debug)]
pub struct Wheel {
    fine: Box<[u8]>,
    coarse: Box<[u8]>,
    radii: [f32; RINGS],
    /// Sine and cosine of each point's direction.
    directions: Box<[(f32, f32)]>,
}

/// A turn, and how well the signatures agree there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// By how much the part is turned against the reference, in radians, with the image's y downwards.
    pub angle: f32,
    /// 1: the signatures are equal; 0: no better than at any other turn; less: worse.
    pub agreement: f32,
    /// By how many pixels the part's centre lies to the right of where the rings were laid.
    pub x: f32,
    /// By how many it lies below.
    pub y: f32,
}

impl Wheel {
    /// The wheel of a reference's normalised signature, sampled on these rings.
    pub fn new(s: &Signature, rings: &Rings) -> Wheel {
        let coarse = s.coarse.chunks_exact(COARSE).flat_map(|ring| ring.iter().chain(ring));
        let fine = s.fine.chunks_exact(POINTS).flat_map(|ring| {
            let ends = (ring.last().copied(), ring.first().copied());
            ends.0.into_iter().chain(ring.iter().chain(ring).copied()).chain(ends.1)
        });
        Wheel {
            fine: fine.collect(),
            coarse: coarse.copied().collect(),
            radii: rings.radii,
            directions: around().collect(),
        }
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
        let [more, x, y] = self.refine(s, at);
        let angle = (at as f32 + more) * std::f32::consts::TAU / POINTS as f32;
        let agreement = 1.0 - sum as f32 / (mean * GROUP as f32).max(1.0);
        Turn { angle, agreement, x, y }
    }

    /// What is left of the difference at a turn is explained by a little more of a turn (in points), and a little
    /// shift of the centre (in pixels): least squares, with the slope of the grey levels along the rings.
    fn refine(&self, s: &Signature, turn: usize) -> [f32; 3] {
        const LANES: usize = 8;
        let mut normal = [[0.0_f32; 4]; 3];
        for (ring, theirs) in s.fine.chunks_exact(POINTS).enumerate() {
            let ours = &self.fine[ring * SPAN + POINTS - turn..][..POINTS + 2];
            // Sums of slope times slope (and sine, cosine), and of slope times difference, lane by lane.
            let mut sums = [[0.0_f32; LANES]; 8];
            let lanes =
                theirs.as_chunks::<LANES>().0.iter().zip(self.directions.as_chunks::<LANES>().0);
            for (chunk, (theirs, directions)) in lanes.enumerate() {
                let ours: &[u8; LANES + 2] =
                    ours[chunk * LANES..][..LANES + 2].try_into().unwrap_or(&[0; LANES + 2]);
                for i in 0..LANES {
                    let slope = 0.5 * (f32::from(ours[i]) - f32::from(ours[i + 2]));
                    let off = (f32::from(theirs[i]) - f32::from(ours[i + 1])).clamp(-MOST, MOST);
                    let (sin, cos) = directions[i];
                    let (square, product) = (slope * slope, slope * off);
                    sums[0][i] += square;
                    sums[1][i] += square * sin;
                    sums[2][i] += square * cos;
                    sums[3][i] += square * sin * sin;
                    sums[4][i] += square * sin * cos;
                    sums[5][i] += product;
                    sums[6][i] += product * sin;
                    sums[7][i] += product * cos;
                }
            }
            let [g, gs, gc, gss, gsc, r, rs, rc] = sums.map(|lanes| lanes.iter().sum::<f32>());
            // A pixel along the ring, in points of it.
            let p = POINTS as f32 / (std::f32::consts::TAU * self.radii[ring]);
            let rows = [
                [g, -p * gs, p * gc, r],
                [-p * gs, p * p * gss, -p * p * gsc, -p * rs],
                [p * gc, -p * p * gsc, p * p * (g - gss), p * rc],
            ];
            for (to, row) in normal.iter_mut().flatten().zip(rows.as_flattened()) {
                *to += row;
            }
        }
        let [more, x, y] = solve(normal);
        if !(more.abs() < 2.0 && x.hypot(y) < 3.0 * MOST_SHIFT) {
            return [0.0; 3]; // No print that would say anything.
        }
        [more.clamp(-1.0, 1.0), x.clamp(-MOST_SHIFT, MOST_SHIFT), y.clamp(-MOST_SHIFT, MOST_SHIFT)]
    }

    fn fine_sum(&self, s: &Signature, turn: usize) -> u32 {
        let rings = self.fine.chunks_exact(SPAN).zip(s.fine.chunks_exact(POINTS));
        rings.map(|(a, b)| sum_of_differences(&a[POINTS + 1 - turn..][..POINTS], b)).sum()
    }
}

/// Three equations with three unknowns, by elimination; of a symmetric positive matrix. Not a number where they
/// do not determine them.
fn solve(mut m: [[f32; 4]; 3]) -> [f32; 3] {
    for i in 0..3 {
        let pivot = m[i][i];
        for j in i + 1..3 {
            let (above, below) = m.split_at_mut(j);
            let f = below[0][i] / pivot;
            for (to, from) in below[0].iter_mut().zip(&above[i]) {
                *to -= f * from;
            }
        }
    }
    let z = m[2][3] / m[2][2];
    let y = (m[1][3] - m[1][2] * z) / m[1][1];
    let x = (m[0][3] - m[0][1] * y - m[0][2] * z) / m[0][0];
    [x, y, z]
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
        let middle = (side / 2) as f32;
        Rings::new(30.0).sample(&pixels, side, middle, middle, &mut s);
        let median = s.median();
        s.normalise(median, 150);
        s
    }

    #[test]
    fn every_turn_is_found_in_any_light() {
        // Catches a turn in the wrong direction, a search that sees only coarse steps, and light taken for print.
        let wheel = Wheel::new(&signature(71, 0.0, 1.0), &Rings::new(30.0));
        for i in 0..100 {
            let angle = i as f32 * 0.0628;
            let turn = wheel.turn(&signature(71, angle, 0.6 + i as f32 * 0.005));
            let off = (turn.angle - angle + 9.0 * std::f32::consts::PI) % std::f32::consts::TAU
                - std::f32::consts::PI;
            assert!(off.abs() < 0.006, "{angle}: {turn:?}");
            assert!(turn.agreement > 0.7, "{angle}: {turn:?}");
            assert!(turn.x.hypot(turn.y) < 0.15, "{angle}: {turn:?}");
        }
    }

    #[test]
    fn a_centre_that_is_a_little_off_is_put_right() {
        // Catches a correction in the wrong direction: it would double the error.
        let rings = Rings::new(30.0);
        let wheel = Wheel::new(&signature(71, 0.0, 1.0), &rings);
        for i in 0..24 {
            let angle = i as f32 * 0.26;
            let (dx, dy) = (0.6 * angle.cos(), 0.6 * angle.sin());
            let pixels = picture(71, angle);
            let mut s = Signature::default();
            rings.sample(&pixels, 71, 35.0 - dx, 35.0 - dy, &mut s);
            s.normalise(150, 150);
            let turn = wheel.turn(&s);
            assert!((turn.x - dx).hypot(turn.y - dy) < 0.57, "{dx} {dy}: {turn:?}");
        }
    }

    #[test]
    fn a_blank_part_agrees_with_no_turn() {
        // Catches a division by nothing, and a print that is found where none is.
        let wheel = Wheel::new(&signature(71, 0.0, 1.0), &Rings::new(30.0));
        for level in [0, 90, 255] {
            let mut s = Signature::default();
            s.fine.fill(level);
            s.normalise(s.median(), 150);
            let turn = wheel.turn(&s);
            assert!(turn.agreement < 0.1 && turn.x.is_finite() && turn.angle.is_finite());
        }
    }
}

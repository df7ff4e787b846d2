//! The sensor's noise: new for each frame and pixel, and yet a function of the frame's serial.
//!
//! A table of normal numbers is drawn ahead. Each row of each frame takes a stretch of it from a place of its own,
//! and scales it by what a sensor would add at the pixel's grey level: variance grows with the light.

use super::super::pattern::mix;
use super::MAX_CONVEYOR_WIDTH;

/// Places at which a row's stretch can begin.
const PLACES: usize = 1 << 16;
/// What the table counts for a grey level.
const UNIT: f32 = 32.0;
/// What stands for zero there: products of numbers without sign are the faster ones.
const ZERO: f32 = 32768.0;

/// The noise of one deviation and key.
pub(super) struct Noise {
    table: Box<[u16]>,
    key: u64,
}

impl Noise {
    /// Noise of that deviation at mid grey, in grey levels: half of it in the dark, a third more at white.
    pub fn new(deviation: f64, key: u64) -> Noise {
        let uniform = |bits: u64| ((bits & 0xFF_FFFF) as f32 + 0.5) / (1 << 24) as f32;
        // Two normal numbers from two uniform ones (Box and Muller).
        let pair = |i: u64| {
            let lot = mix(key ^ mix(i));
            let (far, turn) = (uniform(lot), uniform(lot >> 32) * std::f32::consts::TAU);
            let far = (-2.0 * far.ln()).sqrt() * deviation as f32 * UNIT;
            [far * turn.cos(), far * turn.sin()].map(|z| (z.round() + ZERO) as u16)
        };
        let pairs = (PLACES + MAX_CONVEYOR_WIDTH as usize) as u64 / 2;
        Noise { table: (0..pairs).flat_map(pair).collect(), key: mix(key) }
    }

    /// Adds its noise to row `y` of frame `serial`.
    ///
    /// # Real-time
    /// Any thread. No allocation, no lock.
    #[inline]
    pub fn add(&self, serial: u64, y: usize, row: &mut [u8]) {
        let place = mix(mix(serial ^ self.key).wrapping_add(y as u64)) as usize % PLACES;
        add(&self.table[place..], row);
    }
}

/// Adds noise to a row: eight pixels an instruction, since nothing is wider than 16 bits.
#[inline]
fn add(noise: &[u16], row: &mut [u8]) {
    for (p, z) in row.iter_mut().zip(noise) {
        let grey = u16::from(*p);
        // The root of a quarter (what is read in the dark) and three quarters of grey / 128 (what light adds), as
        // a straight line that counts 4096 for 1: within a tenth of it, and half as dear as a parabola.
        let share = grey.wrapping_mul(14).wrapping_add(2048);
        // In half grey levels, so that it can be rounded; zero in the table is half of the share here.
        let noise = ((u32::from(*z) * u32::from(share)) >> 16) as u16;
        let twice = (grey << 1 | 1).wrapping_add(noise).wrapping_sub(share >> 1) as i16;
        *p = (twice >> 1).clamp(0, 255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and deviation of what a row of one grey level becomes.
    fn of(noise: &Noise, grey: u8) -> (f64, f64) {
        let (mut sum, mut squares, mut n) = (0.0, 0.0, 0.0);
        for y in 0..100 {
            let mut row = [grey; 600];
            noise.add(y as u64 / 10, y, &mut row);
            for p in row {
                let off = f64::from(p) - f64::from(grey);
                (sum, squares, n) = (sum + off, squares + off * off, n + 1.0);
            }
        }
        (sum / n, (squares / n - (sum / n).powi(2)).sqrt())
    }

    #[test]
    fn variance_grows_with_the_light_and_the_mean_stays() {
        // Catches noise that darkens the picture, is the same for black and white, or wraps in 16 bits.
        for deviation in [1.0, 2.0, 6.0] {
            let noise = Noise::new(deviation, 5);
            for grey in [30_u8, 64, 128, 180, 225] {
                let (mean, got) = of(&noise, grey);
                let want = deviation * (0.25 + 0.75 * f64::from(grey) / 128.0).sqrt();
                // A grey level is a whole number, which adds a twelfth to the variance.
                let want = (want * want + 1.0 / 12.0).sqrt();
                assert!(
                    (got / want - 1.0).abs() < 0.12,
                    "{deviation} at {grey}: {got}, not {want}"
                );
                assert!(mean.abs() < 0.03 + 0.02 * deviation, "{deviation} at {grey}: {mean}");
            }
        }
        // The strongest, where black and white cut it off.
        let noise = Noise::new(50.0, 5);
        assert!(of(&noise, 0).0 > 5.0 && of(&noise, 255).0 < -10.0);
    }

    #[test]
    fn no_two_rows_and_no_two_frames_share_their_noise() {
        // Catches noise that stands still between frames, or repeats itself from row to row.
        let noise = Noise::new(10.0, 5);
        let row = |serial: u64, y: usize| {
            let mut row = [128_u8; 2000];
            noise.add(serial, y, &mut row);
            row.map(|p| f64::from(p) - 128.0)
        };
        let alike = |a: [f64; 2000], b: [f64; 2000]| {
            let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
        };
        assert!(alike(row(3, 7), row(3, 7)) > 0.999);
        for (serial, y) in [(4, 7), (3, 8), (7, 3), (3 + (1 << 40), 7)] {
            let r = alike(row(3, 7), row(serial, y));
            assert!(r.abs() < 0.15, "frame {serial} row {y}: {r}");
        }
    }
}

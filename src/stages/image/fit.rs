//! From reference images to the tables of one geometry: what is subtracted, and by what is multiplied. Cold: made
//! when a geometry is seen for the first time, and when learning ends.

use super::kernel::GAIN_BITS;
use super::reference::Region;

/// The neutral gain.
const ONE: u16 = 1 << GAIN_BITS;

/// One value for each value of a frame. Of `low8` and `low`, the one that frames of this depth need is filled.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// What is subtracted, for 8-bit frames.
    pub low8: Vec<u8>,
    /// The same, for deeper ones.
    pub low: Vec<u16>,
    /// Factor in 4096ths; empty if nothing is multiplied.
    pub gain: Vec<u16>,
    /// Places whose flat image is no brighter than the dark one: nothing is multiplied there.
    pub dead: u64,
}

impl Tables {
    /// What is subtracted.
    pub fn set_low(&mut self, values: impl Iterator<Item = u16>, eight: bool) {
        self.low8.clear();
        self.low.clear();
        if eight {
            self.low8.extend(values.map(|v| v.min(255) as u8));
        } else {
            self.low.extend(values);
        }
    }

    fn low_at(&self, i: usize) -> u64 {
        match self.low8.get(i) {
            Some(v) => u64::from(*v),
            None => self.low.get(i).map_or(0, |v| u64::from(*v)),
        }
    }

    /// A value of a flat image, what is subtracted left out; both as sums of `scale` frames.
    fn light_at(&self, i: usize, v: u32, scale: u32) -> u64 {
        u64::from(v).saturating_sub(self.low_at(i) * u64::from(scale))
    }

    /// The gains that make `flat` even, whose values are sums of `scale` frames. What [`set_low`](Self::set_low)
    /// was given is subtracted first. The mean stays what it was, for each colour of a mosaic and each
    /// component by itself, so that no colour is changed.
    pub fn set_gain(
        &mut self,
        flat: impl Iterator<Item = u32> + Clone,
        scale: u32,
        region: Region,
        mosaic: bool,
    ) {
        let row = region.row();
        let class = |i: usize| match (mosaic, region.components) {
            (true, _) => i / row % 2 * 2 + i % row % 2,
            (false, n) => i % n,
        };
        let (mut sums, mut counts) = ([0_u128; 4], [0_u128; 4]);
        for (i, v) in flat.clone().enumerate() {
            let light = self.light_at(i, v, scale);
            if light > 0 {
                sums[class(i)] += u128::from(light);
                counts[class(i)] += 1;
            }
        }
        // The mean in 4096ths, so that a gain is one division.
        let mut means = [0_u64; 4];
        for c in 0..4 {
            means[c] = ((sums[c] << GAIN_BITS) / counts[c].max(1)) as u64;
        }
        let mut dead = 0;
        let mut gain = std::mem::take(&mut self.gain);
        gain.clear();
        gain.extend(flat.enumerate().map(|(i, v)| match self.light_at(i, v, scale) {
            0 => {
                dead += 1;
                ONE
            }
            light => ((means[class(i)] + light / 2) / light).min(u64::from(u16::MAX)) as u16,
        }));
        self.gain = gain;
        self.dead = dead;
    }

    /// Makes room for tables of so many values, so that filling them allocates nothing.
    pub fn reserve(&mut self, values: usize, eight: bool, gain: bool) {
        let room = |have: usize| values.saturating_sub(have);
        if eight {
            self.low8.reserve(room(self.low8.len()));
        } else {
            self.low.reserve(room(self.low.len()));
        }
        if gain {
            self.gain.reserve(room(self.gain.len()));
        }
    }

    /// Forgets everything but the memory.
    pub fn clear(&mut self) {
        self.low8.clear();
        self.low.clear();
        self.gain.clear();
        self.dead = 0;
    }

    /// Nothing is multiplied, but the kernels want a factor.
    pub fn set_neutral_gain(&mut self, values: usize) {
        self.gain.clear();
        self.gain.resize(values, ONE);
        self.dead = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn region(width: u32, height: u32, components: usize) -> Region {
        Region { x: 0, y: 0, width, height, components }
    }

    #[test]
    fn gains_even_out_and_keep_the_mean() {
        // Catches a gain upside down, a dark value that is not subtracted, a mean that drifts.
        let mut t = Tables::default();
        t.set_low([10, 10, 10, 20].into_iter(), true);
        t.set_gain([60, 110, 210, 20].into_iter(), 1, region(4, 1, 1), false);
        // Light: 50, 100, 200 and none; mean of those with light: 350 / 3.
        let mean = 350.0 / 3.0;
        for (gain, light) in t.gain.iter().zip([50.0, 100.0, 200.0]) {
            assert!((f64::from(*gain) / 4096.0 * light - mean).abs() < 0.05, "{gain}");
        }
        assert_eq!((t.gain[3], t.dead), (ONE, 1));
    }

    #[test]
    fn colours_of_a_mosaic_are_not_evened_out() {
        // Catches a white balance that nobody asked for.
        let mut t = Tables::default();
        t.set_low([0; 8].into_iter(), false);
        let flat = [100, 50, 100, 50, 25, 200, 25, 200];
        t.set_gain(flat.into_iter(), 1, region(4, 2, 1), true);
        assert_eq!(t.gain, [ONE; 8]);
        t.set_gain(flat.into_iter(), 1, region(4, 2, 1), false);
        assert_ne!(t.gain, [ONE; 8]);
        t.set_gain([9, 5, 1, 9, 5, 1].into_iter(), 1, region(2, 1, 3), false);
        assert_eq!(t.gain, [ONE; 6]);
    }

    #[test]
    fn sums_of_frames_are_not_rounded() {
        // Catches a learnt flat image that is cut to whole counts before it is divided by.
        let mut t = Tables::default();
        t.set_low([0, 0].into_iter(), true);
        t.set_gain([201, 199].into_iter(), 100, region(2, 1, 1), false);
        assert!(t.gain[0] < ONE && t.gain[1] > ONE, "{:?}", t.gain);
    }

    #[test]
    fn a_gain_has_a_largest_value() {
        // Catches a wrapped gain at a nearly dead pixel.
        let mut t = Tables::default();
        t.set_low([0; 100].into_iter(), false);
        let flat = (0..100).map(|i| if i == 0 { 1 } else { 60_000 });
        t.set_gain(flat, 1, region(100, 1, 1), false);
        assert_eq!(t.gain[0], u16::MAX);
    }
}

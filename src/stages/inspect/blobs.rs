//! Connected components of what exceeds its tolerance, and what they look like.

/// Runs of pixels that one part can have; beyond it the rest is left out, and the part has long failed.
const MAX_RUNS: usize = 4096;
/// Pixels that may lie between two runs of one component: a thin mark is broken by noise.
const GAP: usize = 2;

/// What is known of one component, in window pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Blob {
    /// Pixels.
    pub pixels: u32,
    /// Grey levels beyond the tolerance of those that are too dark, summed.
    pub dark: u32,
    /// The same of those that are too bright.
    pub bright: u32,
    /// Grey levels of darkness beyond the tolerance of pixels where the reference is printed.
    pub on_print: u32,
    /// First and last column, first and last row.
    pub area: [u16; 4],
    /// Largest distance from the mean along the longer axis, about half the length.
    pub length: f32,
    /// The same across.
    pub width: f32,
}

impl Blob {
    /// Grey levels beyond the tolerance, summed.
    pub fn mass(&self) -> u32 {
        self.dark + self.bright
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Run {
    y: u16,
    first: u16,
    last: u16,
    root: u16,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    pixels: u32,
    dark: u32,
    bright: u32,
    on_print: u32,
    area: [u16; 4],
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

/// Finds components row by row. Its memory is allocated once.
#[derive(Debug)]
pub struct Blobs {
    runs: Vec<Run>,
    sums: Vec<Sums>,
    /// The first run that the present row's may touch.
    near: usize,
    row: u16,
}

impl Default for Blobs {
    fn default() -> Self {
        Blobs {
            runs: crate::touch::vec(MAX_RUNS),
            sums: crate::touch::vec(MAX_RUNS),
            near: 0,
            row: 0,
        }
    }
}

impl Blobs {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.runs.clear();
        self.sums.clear();
        self.near = 0;
        self.row = 0;
    }

    /// Adds row `y`, which is greater than that of any row before: by how much its pixels from column `x` on
    /// are too dark or too bright, and whether the reference is printed there.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn add(
        &mut self,
        y: u16,
        x: u16,
        dark: &[u8],
        bright: &[u8],
        printed: impl Fn(usize) -> bool,
    ) {
        let mut i = 0;
        while i < dark.len() {
            if dark[i] | bright[i] == 0 {
                i += 1;
                continue;
            }
            let (first, mut last) = (i, i);
            let mut s = Sums::default();
            while i < dark.len() && i - last <= GAP {
                let (d, b) = (u32::from(dark[i]), u32::from(bright[i]));
                if d + b > 0 {
                    last = i;
                    s.pixels += 1;
                    s.dark += d;
                    s.bright += b;
                    if printed(i) {
                        s.on_print += d + b;
                    }
                    let (px, py) = (f64::from(x) + i as f64, f64::from(y));
                    s.x += px;
                    s.xx += px * px;
                    s.xy += px * py;
                }
                i += 1;
            }
            let n = f64::from(s.pixels);
            (s.y, s.yy) = (n * f64::from(y), n * f64::from(y) * f64::from(y));
            let (first, last) = (x + first as u16, x + last as u16);
            s.area = [first, last, y, y];
            self.push(Run { y, first, last, root: 0 }, s);
        }
    }

    /// Adds a run and joins it to those that it touches.
    fn push(&mut self, run: Run, sums: Sums) {
        if self.runs.len() == MAX_RUNS {
            return;
        }
        if run.y != self.row {
            // The runs of the last GAP + 1 rows are neighbours.
            let keep = self.runs.iter().rev().take_while(|r| run.y - r.y <= GAP as u16 + 1).count();
            self.near = self.runs.len() - keep;
            self.row = run.y;
        }
        let index = self.runs.len();
        let reach = GAP as u16 + 1;
        self.runs.push(Run { root: index as u16, ..run });
        self.sums.push(sums);
        for other in self.near..index {
            let o = self.runs[other];
            if o.last + reach < run.first || run.last + reach < o.first {
                continue;
            }
            let (a, b) = (self.root(other), self.root(index));
            if a != b {
                // The older one stays the root; what the younger had goes there.
                let (to, from) = (a.min(b), a.max(b));
                let moved = self.sums[from];
                self.sums[to].join(&moved);
                self.runs[from].root = to as u16;
            }
        }
    }

    fn root(&mut self, mut run: usize) -> usize {
        while usize::from(self.runs[run].root) != run {
            let up = self.runs[usize::from(self.runs[run].root)].root;
            self.runs[run].root = up;
            run = usize::from(up);
        }
        run
    }

    /// The components, in the order of their first rows.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn blobs(&self) -> impl Iterator<Item = Blob> {
        let roots = self.runs.iter().enumerate().filter(|(i, r)| usize::from(r.root) == *i);
        roots.map(|(i, _)| self.sums[i].blob())
    }
}

impl Sums {
    fn join(&mut self, o: &Sums) {
        self.pixels += o.pixels;
        self.dark += o.dark;
        self.bright += o.bright;
        self.on_print += o.on_print;
        self.area = [
            self.area[0].min(o.area[0]),
            self.area[1].max(o.area[1]),
            self.area[2].min(o.area[2]),
            self.area[3].max(o.area[3]),
        ];
        self.x += o.x;
        self.y += o.y;
        self.xx += o.xx;
        self.xy += o.xy;
        self.yy += o.yy;
    }

    fn blob(&self) -> Blob {
        let n = f64::from(self.pixels.max(1));
        let (mx, my) = (self.x / n, self.y / n);
        // A pixel has an extent of its own: a twelfth.
        let (xx, yy) = (self.xx / n - mx * mx + 1.0 / 12.0, self.yy / n - my * my + 1.0 / 12.0);
        let xy = self.xy / n - mx * my;
        let middle = (xx + yy) / 2.0;
        let half = ((xx - yy) / 2.0).hypot(xy);
        // An even bar of length l has the variance l * l / 12.
        let extent = |variance: f64| (12.0 * variance.max(0.0)).sqrt() as f32;
        Blob {
            pixels: self.pixels,
            dark: self.dark,
            bright: self.bright,
            on_print: self.on_print,
            area: self.area,
            length: extent(middle + half),
            width: extent(middle - half),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(side: usize, dark: &[u8], bright: &[u8]) -> Vec<Blob> {
        let mut blobs = Blobs::default();
        for y in 0..side {
            let row = y * side..(y + 1) * side;
            blobs.add(y as u16, 0, &dark[row.clone()], &bright[row], |_| false);
        }
        blobs.blobs().collect()
    }

    /// The naive way: flood from each pixel to all within reach.
    fn naive(side: usize, dark: &[u8], bright: &[u8]) -> Vec<(u32, u32, [u16; 4])> {
        let on = |i: usize| dark[i] | bright[i] > 0;
        let mut seen = vec![false; side * side];
        let mut out = Vec::new();
        for start in 0..side * side {
            if !on(start) || seen[start] {
                continue;
            }
            let (mut open, mut pixels, mut mass, mut area) =
                (vec![start], 0, 0, [u16::MAX, 0, u16::MAX, 0]);
            seen[start] = true;
            while let Some(i) = open.pop() {
                let (x, y) = ((i % side) as u16, (i / side) as u16);
                pixels += 1;
                mass += u32::from(dark[i]) + u32::from(bright[i]);
                area = [area[0].min(x), area[1].max(x), area[2].min(y), area[3].max(y)];
                for (j, seen) in seen.iter_mut().enumerate() {
                    let far = (j % side).abs_diff(i % side).max((j / side).abs_diff(i / side));
                    if on(j) && !*seen && far <= GAP + 1 {
                        *seen = true;
                        open.push(j);
                    }
                }
            }
            out.push((pixels, mass, area));
        }
        out
    }

    proptest! {
        #[test]
        fn components_are_those_of_a_flood(values in proptest::collection::vec(0_u8..40, 24 * 24)) {
            // Catches components that are split or joined wrongly, and pixels counted twice.
            let dark: Vec<u8> = values.iter().map(|v| if *v == 1 { 7 } else { 0 }).collect();
            let bright: Vec<u8> = values.iter().map(|v| if *v == 2 { 5 } else { 0 }).collect();
            let mut got: Vec<_> = find(24, &dark, &bright).iter().map(|b| (b.pixels, b.mass(), b.area)).collect();
            let mut want = naive(24, &dark, &bright);
            got.sort_unstable();
            want.sort_unstable();
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn a_bar_is_as_long_and_wide_as_it_is() {
        // Catches axes mixed up: a scratch would be taken for a dent.
        let mut dark = vec![0; 64 * 64];
        for i in 10..50 {
            for w in 0..3 {
                dark[(i + w) * 64 + i] = 9; // Along the diagonal.
            }
        }
        let blobs = find(64, &dark, &vec![0; 64 * 64]);
        assert_eq!(blobs.len(), 1);
        assert!((blobs[0].length - 56.5).abs() < 3.0 && blobs[0].width < 4.0, "{blobs:?}");
    }

    #[test]
    fn too_many_runs_cost_no_more_than_the_rest() {
        // Catches an overflow on pure noise.
        let side = 400;
        let dark: Vec<u8> =
            (0..side * side).map(|i| u8::from(i % 4 == 0 && i / side % 4 == 0)).collect();
        let n: u32 = find(side, &dark, &vec![0; side * side]).iter().map(|b| b.pixels).sum();
        assert_eq!(n as usize, MAX_RUNS);
    }
}

//! Connected components of what exceeds its tolerance, and what they look like.

/// Runs of pixels that one part can have; beyond it the rest is left out, and the part has long failed.
const MAX_RUNS: usize = 4096;
/// Grey levels that a pixel counts at most: one alone, however far off, is no mark.
const MOST: u8 = 24;
/// The least share of the heaviest component's mass that a piece of its mark has.
const LEAST_SHARE: u32 = 16;
/// A piece belongs to a mark if it is nearer than so many of the mark's lengths.
const NEAR: f32 = 0.3;
/// Times that a mark is looked around for more of it.
const ROUNDS: usize = 6;
/// Pixels that may lie between two runs of one component: a thin mark is broken by noise.
const GAP: usize = 2;

/// What is known of one component, in window pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Blob {
    /// Pixels.
    pub pixels: u32,
    /// Grey levels beyond the tolerance, summed; of each pixel at most [`MOST`].
    pub mass: u32,
    /// First and last column, first and last row.
    pub area: [u16; 4],
}

impl Blob {
    /// This and another one.
    fn join(&mut self, o: &Blob) {
        self.pixels += o.pixels;
        self.mass += o.mass;
        let (a, b) = (self.area, o.area);
        self.area = [a[0].min(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].max(b[3])];
    }

    /// Pixels between this and another one, along the axis in which they are farther apart.
    fn gap(&self, o: &Blob) -> u16 {
        let (a, b) = (self.area, o.area);
        let between = |i: usize| a[i].saturating_sub(b[i + 1]).max(b[i].saturating_sub(a[i + 1]));
        between(0).max(between(2))
    }

    fn longest(&self) -> u16 {
        (self.area[1] - self.area[0]).max(self.area[3] - self.area[2]) + 1
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Run {
    y: u16,
    first: u16,
    last: u16,
    root: u16,
}

/// Finds components row by row. Its memory is allocated once.
#[derive(Debug)]
pub struct Blobs {
    runs: Vec<Run>,
    sums: Vec<Blob>,
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
    /// are too dark or too bright.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn add(&mut self, y: u16, x: u16, dark: &[u8], bright: &[u8]) {
        let mut i = 0;
        while i < dark.len() {
            if dark[i] | bright[i] == 0 {
                i += 1;
                continue;
            }
            let (first, mut last) = (i, i);
            let mut s = Blob::default();
            while i < dark.len() && i - last <= GAP {
                let over = u32::from((dark[i] | bright[i]).min(MOST));
                if over > 0 {
                    last = i;
                    s.pixels += 1;
                    s.mass += over;
                }
                i += 1;
            }
            let (first, last) = (x + first as u16, x + last as u16);
            s.area = [first, last, y, y];
            self.push(Run { y, first, last, root: 0 }, s);
        }
    }

    /// Adds a run and joins it to those that it touches.
    fn push(&mut self, run: Run, sums: Blob) {
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
        roots.map(|(i, _)| self.sums[i])
    }

    /// The heaviest component with what lies near it: the two halves of a dent, the pieces of a scratch, the letters
    /// of a print. Its mass is that of the heaviest alone; pieces below `least` are nothing.
    ///
    /// # Real-time
    /// Stage-bound. No allocation.
    pub fn mark(&self, least: u32) -> Option<Blob> {
        let heaviest = self.blobs().max_by_key(|b| b.mass)?;
        let least = least.max(heaviest.mass / LEAST_SHARE);
        let mut mark = heaviest;
        for _ in 0..ROUNDS {
            let mut all = heaviest;
            let reach = (mark.longest() as f32 * NEAR) as u16 + 2 * GAP as u16;
            for b in self.blobs() {
                if b != heaviest && b.mass >= least && mark.gap(&b) <= reach {
                    all.join(&b);
                }
            }
            if all.pixels == mark.pixels {
                break;
            }
            mark = all;
        }
        Some(Blob { mass: heaviest.mass, ..mark })
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
            blobs.add(y as u16, 0, &dark[row.clone()], &bright[row]);
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
            let mut got: Vec<_> = find(24, &dark, &bright).iter().map(|b| (b.pixels, b.mass, b.area)).collect();
            let mut want = naive(24, &dark, &bright);
            got.sort_unstable();
            want.sort_unstable();
            prop_assert_eq!(got, want);
        }
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

//! Parts in a frame of which nothing is known yet: round, of one size, brighter or darker than what they
//! lie on. Slow and thorough; for teaching.

use super::view::View;

/// Cells along the shorter side of a frame, at least, where the frame has as many pixels.
const CELLS: usize = 160;
/// Cells across the smallest part that is looked for.
const MIN_CELLS: usize = 6;

/// A part, in frame pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Disc {
    /// Column of the centre.
    pub x: f32,
    /// Row of the centre.
    pub y: f32,
    /// Radius.
    pub radius: f32,
}

/// A frame in cells: each the mean of a square of pixels.
#[derive(Debug, Clone)]
pub struct Coarse {
    cells: Vec<f32>,
    width: usize,
    height: usize,
    cell: usize,
}

impl Coarse {
    /// The cells of a frame; what does not fill a cell at the right and below is left out.
    pub fn of(view: &View<'_>) -> Coarse {
        let (w, h) = (view.width() as usize, view.height() as usize);
        let cell = (w.min(h) / CELLS).clamp(1, 64);
        let (width, height) = (w / cell, h / cell);
        let mut cells = vec![0.0; width * height];
        for y in 0..height * cell {
            let row = view.row(y);
            for (x, c) in cells[y / cell * width..][..width].iter_mut().enumerate() {
                let sum: u32 = row[x * cell..(x + 1) * cell].iter().map(|v| u32::from(*v)).sum();
                *c += sum as f32 / (cell * cell) as f32;
            }
        }
        Coarse { cells, width, height, cell }
    }

    /// The grey level that best tells two classes apart (Otsu); `None` if all is one class.
    fn threshold(&self) -> Option<f32> {
        let mut counts = [0_u32; 256];
        self.cells.iter().for_each(|c| counts[c.clamp(0.0, 255.0) as usize] += 1);
        let total = self.cells.len() as f64;
        let sum: f64 = counts.iter().enumerate().map(|(i, n)| i as f64 * f64::from(*n)).sum();
        let (mut below, mut sum_below, mut best) = (0.0, 0.0, (0.0, None));
        for (i, n) in counts.iter().enumerate() {
            below += f64::from(*n);
            sum_below += i as f64 * f64::from(*n);
            let above = total - below;
            if below == 0.0 || above == 0.0 {
                continue;
            }
            let apart = sum_below / below - (sum - sum_below) / above;
            let between = below * above * apart * apart;
            if between > best.0 && apart.abs() > 8.0 {
                best = (between, Some(i as f32 + 1.0));
            }
        }
        best.1
    }

    /// The parts, row by row, and whether they are brighter than their surroundings. Empty if none are seen.
    pub fn parts(&self) -> (Vec<Disc>, bool) {
        let Some(threshold) = self.threshold() else { return (Vec::new(), true) };
        let of = |bright: bool| {
            let on: Vec<bool> = self.cells.iter().map(|c| (*c >= threshold) == bright).collect();
            self.discs(&self.filled(on))
        };
        let area = |discs: &[Disc]| discs.iter().map(|d| d.radius * d.radius).sum::<f32>();
        let (light, dark) = (of(true), of(false));
        let bright = area(&light) >= area(&dark);
        let mut discs = if bright { light } else { dark };
        // Rows first: parts whose heights overlap by half stand in one row.
        discs.sort_by(|a, b| a.y.total_cmp(&b.y));
        let mut rows: Vec<Vec<Disc>> = Vec::new();
        for d in discs {
            match rows.last_mut() {
                Some(row) if d.y - row[0].y < d.radius => row.push(d),
                _ => rows.push(vec![d]),
            }
        }
        rows.iter_mut().for_each(|row| row.sort_by(|a, b| a.x.total_cmp(&b.x)));
        (rows.concat(), bright)
    }

    /// Holes filled: what cannot be reached from the frame's edge is inside.
    fn filled(&self, on: Vec<bool>) -> Vec<bool> {
        let mut outside = vec![false; on.len()];
        let (w, h) = (self.width, self.height);
        let mut open: Vec<usize> = (0..w).flat_map(|x| [x, (h - 1) * w + x]).collect();
        open.extend((0..h).flat_map(|y| [y * w, y * w + w - 1]));
        while let Some(i) = open.pop() {
            if on[i] || outside[i] {
                continue;
            }
            outside[i] = true;
            open.extend(self.neighbours(i));
        }
        outside.iter().map(|o| !o).collect()
    }

    fn neighbours(&self, i: usize) -> impl Iterator<Item = usize> {
        let (x, w, n) = (i % self.width, self.width, self.cells.len());
        let left = (x > 0).then(|| i - 1);
        let right = (x + 1 < w).then_some(i + 1);
        let down = (i + w < n).then_some(i + w);
        [left, right, i.checked_sub(w), down].into_iter().flatten()
    }

    /// Components that are round, whole, and of the size that most are.
    fn discs(&self, on: &[bool]) -> Vec<Disc> {
        let mut seen = vec![false; on.len()];
        let mut found: Vec<(Disc, usize)> = Vec::new();
        for start in 0..on.len() {
            if !on[start] || seen[start] {
                continue;
            }
            seen[start] = true;
            let (mut open, mut n, mut sx, mut sy) = (vec![start], 0_usize, 0, 0);
            let (mut x0, mut x1, mut y0, mut y1) = (usize::MAX, 0, usize::MAX, 0);
            while let Some(i) = open.pop() {
                let (x, y) = (i % self.width, i / self.width);
                (n, sx, sy) = (n + 1, sx + x, sy + y);
                (x0, x1, y0, y1) = (x0.min(x), x1.max(x), y0.min(y), y1.max(y));
                for j in self.neighbours(i) {
                    if on[j] && !seen[j] {
                        seen[j] = true;
                        open.push(j);
                    }
                }
            }
            let (w, h) = (x1 - x0 + 1, y1 - y0 + 1);
            let whole = x0 > 0 && y0 > 0 && x1 + 1 < self.width && y1 + 1 < self.height;
            let full = n as f32 / (w * h) as f32; // A disc fills 0.785 of its box.
            let round = w.abs_diff(h) * 5 <= w.max(h) && (0.68..0.92).contains(&full);
            if whole && round && w.min(h) >= MIN_CELLS {
                let cell = self.cell as f32;
                let at = |sum: usize| (sum as f32 / n as f32 + 0.5) * cell - 0.5;
                let radius = (n as f32 / std::f32::consts::PI).sqrt() * cell;
                found.push((Disc { x: at(sx), y: at(sy), radius }, n));
            }
        }
        let mut sizes: Vec<usize> = found.iter().map(|f| f.1).collect();
        sizes.sort_unstable();
        let Some(median) = sizes.get(sizes.len() / 2).copied() else { return Vec::new() };
        let alike = |n: usize| n * 4 >= median * 3 && n * 3 <= median * 4;
        found.into_iter().filter(|(_, n)| alike(*n)).map(|(d, _)| d).collect()
    }
}

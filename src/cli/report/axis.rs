//! Axes: where values lie on them, and which of them are named.

use crate::cli::units::time_on_page;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// One axis. Values are placed by `place`; what is drawn lies between `from` and `to`, in places.
#[derive(Debug, Clone)]
pub struct Axis {
    /// The first place.
    pub from: f64,
    /// The last place.
    pub to: f64,
    /// Named places.
    pub ticks: Vec<(f64, String)>,
    /// Places with a faint line.
    pub light: Vec<f64>,
    log: bool,
}

impl Axis {
    /// Where a value lies, kept within the axis.
    pub fn place(&self, value: f64) -> f64 {
        let place = if self.log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        place.clamp(self.from, self.to)
    }

    /// From 0 to `max` or a little more, with about `count` names.
    pub fn linear(max: f64, count: usize, name: impl Fn(f64) -> String) -> Axis {
        let max = if max > 0.0 { max } else { 1.0 };
        let step = nice(max / count.max(1) as f64);
        let last = (max / step - 1e-9).ceil();
        let ticks = (0..=last as usize).map(|i| i as f64 * step).map(|v| (v, name(v))).collect();
        Axis { from: 0.0, to: last * step, ticks, light: Vec::new(), log: false }
    }

    /// The time of a run: ends where the run ends, with about `count` names.
    pub fn run(seconds: f64, count: usize) -> Axis {
        let (unit, word) = match seconds {
            s if s > 2.0 * 3600.0 => (3600.0, "h"),
            s if s > 180.0 => (60.0, "min"),
            _ => (1.0, "s"),
        };
        let end = seconds.max(1e-3);
        let step = nice(end / unit / count.max(1) as f64) * unit;
        let ticks = (0..)
            .map(|i| f64::from(i) * step)
            .take_while(|v| *v <= end * (1.0 + 1e-9))
            .map(|v| (v, format!("{} {word}", short(v / unit))))
            .collect();
        Axis { from: 0.0, to: end, ticks, light: Vec::new(), log: false }
    }

    /// Latencies in nanoseconds, logarithmic, around what lies from `min` to `max`.
    pub fn latency(min: f64, max: f64) -> Axis {
        let (min, max) = (min.max(1.0), max.max(min.max(1.0) * 1.001));
        let decades = (max / min).log10();
        // Few decades: names within each; many: one name a decade.
        let within: &[f64] = if decades < 1.7 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let at = |v: f64| v.log10();
        let values = |within: &[f64]| {
            let within = within.to_vec();
            (-1..13).flat_map(move |e| {
                let within = within.clone();
                within.into_iter().map(move |w| w * 10f64.powi(e))
            })
        };
        // Begin and end at values that could be named, so that the axis closes with a line.
        let edges: Vec<f64> = values(&[1.0, 2.0, 5.0]).collect();
        let low = edges.iter().copied().rfind(|v| *v <= min).unwrap_or(1.0);
        let high = edges.iter().copied().find(|v| *v >= max).unwrap_or(max);
        let inside = |v: &f64| (low * 0.999..=high * 1.001).contains(v);
        let name = |v: f64| time_on_page(v as u64).replace(".00 ", " ").replace(".0 ", " ");
        Axis {
            from: at(low),
            to: at(high),
            ticks: values(within).filter(inside).map(|v| (at(v), name(v))).collect(),
            light: values(&[2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
                .filter(inside)
                .map(at)
                .collect(),
            log: true,
        }
    }

    /// Percentiles in HdrHistogram's manner: the place of the fraction q is the logarithm of 1 / (1 - q), so that
    /// each further nine takes as much room. For `count` values; the values that are placed are 1 / (1 - q).
    pub fn percentiles(count: u64, narrow: bool) -> Axis {
        let to = (count.max(10) as f64).log10();
        let mut ticks = vec![(0.0, "0 %".to_string())];
        if !narrow && to < 5.5 {
            ticks.push((2f64.log10(), "50 %".into()));
        }
        for nines in 1..=(to + 1e-9) as usize {
            let digits = "9".repeat(nines);
            let name = match nines {
                1 => "90 %".into(),
                2 => "99 %".into(),
                _ => format!("99.{} %", &digits[2..]),
            };
            ticks.push((nines as f64, name));
        }
        Axis { from: 0.0, to, ticks, light: Vec::new(), log: true }
    }

    /// The name of a place.
    pub fn name(&self, place: f64) -> String {
        let near = |(at, _): &&(f64, String)| (at - place).abs() < 1e-9 * (1.0 + place.abs());
        self.ticks.iter().find(near).map(|(_, name)| name.clone()).unwrap_or_default()
    }
}

/// For the drawing library, whose values are our places.
impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (place - self.from) / (self.to - self.from).max(f64::MIN_POSITIVE);
        first + (f64::from(last - first) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let named = self.ticks.iter().map(|(at, _)| *at);
        match hint.weight().allow_light_points() {
            true => named.chain(self.light.iter().copied()).collect(),
            false => named.collect(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, place: &f64) -> String {
        self.name(*place)
    }
}

/// 1, 2 or 5 times a power of ten, the nearest to `step`.
fn nice(step: f64) -> f64 {
    let step = step.max(1e-12);
    let power = 10f64.powf(step.log10().floor());
    let of = step / power;
    let far = |d: &f64| (d / of).ln().abs();
    let digit = [1.0, 2.0, 5.0, 10.0].into_iter().min_by(|a, b| far(a).total_cmp(&far(b)));
    let digit = digit.unwrap_or(1.0);
    digit * power
}

/// A number without decimals that say nothing.
pub fn short(v: f64) -> String {
    let text = format!("{v:.3}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(a: &Axis) -> Vec<&str> {
        a.ticks.iter().map(|(_, n)| n.as_str()).collect()
    }

    #[test]
    fn names_stand_at_round_values() {
        // Catches an axis that cuts its data off, or names values as nobody would.
        let a = Axis::linear(97.0, 4, short);
        assert_eq!((names(&a), a.to), (vec!["0", "20", "40", "60", "80", "100"], 100.0));
        let a = Axis::linear(0.0, 4, short);
        assert!(a.to >= 1.0 && a.ticks.len() > 1);
        let a = Axis::run(10.02, 5);
        assert_eq!((names(&a), a.to), (vec!["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"], 10.02));
        assert_eq!(
            names(&Axis::run(7200.0, 4)),
            ["0 min", "20 min", "40 min", "60 min", "80 min", "100 min", "120 min"]
        );
        let a = Axis::latency(1_234.0, 45_678_901.0);
        assert_eq!(names(&a), ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms"]);
        assert_eq!((a.place(1.0), a.place(1e12)), (a.from, a.to));
        assert_eq!(names(&Axis::latency(3_000.0, 4_000.0)), ["2 µs", "5 µs"]);
        assert!(!Axis::latency(0.0, 0.0).ticks.is_empty());
        let a = Axis::percentiles(12_345, false);
        assert_eq!(names(&a), ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        assert_eq!(a.name(a.place(1000.0)), "99.9 %");
    }
}

//! Percentile distributions as text, which HdrHistogram's plotter reads.

use crate::telemetry::LatencySnapshot;
use std::fmt::Write as _;

/// A histogram as HdrHistogram's `outputPercentileDistribution` prints it, values in microseconds.
pub fn hgrm(l: &LatencySnapshot) -> String {
    let h = l.histogram();
    let us = |ns: u64| ns as f64 / 1e3;
    let mut out = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut total = 0;
    for v in h.iter_quantiles(5) {
        total += v.count_since_last_iteration();
        let q = v.quantile_iterated_to();
        let value = us(v.value_iterated_to().min(l.max().0));
        let _ = write!(out, "{value:>12.3} {q:>14.12} {total:>10}");
        if q < 1.0 {
            let _ = write!(out, " {:>14.2}", 1.0 / (1.0 - q));
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]",
        us(l.mean().0),
        h.stdev() / 1e3
    );
    let _ = writeln!(out, "#[Max     = {:>12.3}, Total count    = {:>12}]", us(l.max().0), h.len());
    let _ = writeln!(
        out,
        "#[Buckets = {:>12}, SubBuckets     = {:>12}]",
        h.buckets(),
        h.distinct_values()
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Nanos;
    use crate::telemetry::latency;

    #[test]
    fn histograms_have_the_form_that_the_tools_read() {
        // Catches an empty histogram that divides by zero, and counts that do not add up.
        let (mut w, r) = latency();
        assert!(hgrm(&r.snapshot()).contains("Total count    =            0"));
        for i in 1..=1000_u64 {
            w.record(Nanos(i * 1000));
        }
        let text = hgrm(&r.snapshot());
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .filter(|l| !l.starts_with('#'))
            .map(|l| l.split_whitespace().map(|n| n.parse().unwrap()).collect())
            .collect();
        assert!(rows.windows(2).all(|w| w[0][0] <= w[1][0] && w[0][2] <= w[1][2]));
        let last = rows.last().unwrap();
        assert_eq!((last[0], last[1], last[2]), (1000.0, 1.0, 1000.0));
    }
}

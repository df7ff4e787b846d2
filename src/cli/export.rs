//! The folder of `--report`: summary, configuration, and histograms that HdrHistogram's tools plot.

use super::job::Job;
use super::machine::Machine;
use super::object::{Verdict, report_object};
use crate::error::{Error, ErrorKind};
use crate::pipeline::Snapshot;
use crate::telemetry::LatencySnapshot;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder that can be written: that was tried before the run.
#[derive(Debug)]
pub struct ReportFolder(PathBuf);

impl ReportFolder {
    /// Makes the folder and writes the configuration; an unwritable one is a configuration error.
    pub fn create(dir: &Path, job: &Job) -> Result<Self, Error> {
        let config = dir.join("config.toml");
        fs::create_dir_all(dir).and_then(|()| fs::write(&config, &job.toml)).map_err(|e| {
            Error::config(format!("the report folder {} cannot be written: {e}", dir.display()))
        })?;
        Ok(ReportFolder(dir.into()))
    }

    /// Writes everything that is known after the run.
    pub fn write(
        &self,
        s: &Snapshot,
        verdict: &Verdict,
        job: &Job,
        machine: &Machine,
        summary: &str,
    ) -> Result<(), Error> {
        let object = report_object(s, verdict, job, machine);
        self.file("summary.json", &format!("{object:#}\n"))?;
        self.file("summary.txt", &format!("{summary}machine: {machine}\n"))?;
        let hops = s.hops.iter().map(|h| (format!("hop-{}", h.name), &h.latency));
        let stages = s.stages.iter().map(|t| (format!("stage-{}", t.name), &t.service));
        let whole = [
            ("end_to_end".to_string(), &s.end_to_end),
            ("grab_interval".to_string(), &s.grab_interval),
            ("grab_jitter".to_string(), &s.grab_jitter),
        ];
        let mut taken = HashSet::new();
        for (name, latency) in hops.chain(stages).chain(whole) {
            let mut file = file_name(&name);
            while !taken.insert(file.clone()) {
                file.push('_');
            }
            self.file(&format!("{file}.hgrm"), &hgrm(latency))?;
        }
        Ok(())
    }

    fn file(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.0.join(name);
        fs::write(&path, text).map_err(|e| {
            let message = format!("the report file {} cannot be written", path.display());
            Error::with_source(ErrorKind::Io, message, e)
        })
    }
}

/// A name without what a file system or a shell gives a meaning to.
fn file_name(name: &str) -> String {
    name.replace('>', "-to-")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' })
        .collect()
}

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

    #[test]
    fn names_are_harmless() {
        // Catches a hop name that becomes a redirection or a path.
        assert_eq!(file_name("hop-source>a/b 1"), "hop-source-to-a_b_1");
    }
}
